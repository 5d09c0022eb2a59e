"""Labels: of a text, of each of its words, of both, of each frame, of an image with a question."""

from typing import Any

import numpy as np

from seqkit_runner.backends import Arrays
from seqkit_runner.batching import softmax
from seqkit_runner.chain import best_tags, chain_of, spans
from seqkit_runner.errors import ArtefactError
from seqkit_runner.task import SERVED, Task, array_of, ended, image_and_question
from seqkit_runner.tokenizer import PADDING


class ClassifyText(Task):
    """A text in, one label out."""

    def arrays(self, asked: str) -> Arrays:
        return {"ids": ended(self.tokenizer.ids(asked)[: self.fields["max_length"] - 1])}

    def found(self, asked: list[str]) -> list[np.ndarray]:
        return [softmax(logits) for logits in super().found(asked)]

    def serve(self, asked: list[str]) -> list[np.ndarray]:
        return list(self.graphs[SERVED]({"text": asked})["probabilities"])

    def answer(self, asked: str, found: np.ndarray) -> dict[str, Any]:
        shares = {name: round(float(share), 6) for name, share in zip(self.names, found, strict=True)}
        return {"label": self.names[int(found.argmax())], "probabilities": shares}


class Tag(Task):
    """A sentence in, a tag for each word out."""

    def _check(self) -> None:
        super()._check()
        tags = len(self.names)
        allowed, scores = self.labels["constraints"], self.labels.get("transitions")
        sizes = [
            (tags + 1, allowed, tags + 1),
            (tags + 1, scores, tags),
            (1, [self.labels.get("end", [0] * tags)], tags),
        ]
        for rows, values, width in sizes:
            if values is not None and (len(values) != rows or any(len(row) != width for row in values)):
                raise ArtefactError(f"labels.json: its {tags} labels and the scores between them don't go together.")
        if self.fields["decoding"] == "crf" and (scores is None or "end" not in self.labels):
            raise ArtefactError(
                "labels.json has no transitions, without which a CRF can't be decoded: export it again."
            )
        self._chain = chain_of(self.labels)

    def read(self, value: Any, where: str) -> Any:
        if isinstance(value, str):
            return value
        if not isinstance(value, list | tuple) or not all(isinstance(token, str) and token.strip() for token in value):
            raise ArtefactError(f"{where} is a {type(value).__name__}, where a text or a list of tokens is expected.")
        return list(value)

    def arrays(self, asked: Any) -> Arrays:
        _, ids, characters = self.tokenizer.sentence(asked)
        arrays = {"ids": ended(ids)}
        if characters is not None:
            nothing = [PADDING] * self.tokenizer.width
            arrays["characters"] = np.array([*characters, nothing], np.int32)
        return arrays

    def found(self, asked: list[Any]) -> list[Any]:
        return [self._tags(one) for one in super().found(asked)]

    def _tags(self, scores: np.ndarray) -> list[str]:
        """Of a sentence's scores, (words + 1, tags): the end has no tag."""
        return [self.names[tag] for tag in best_tags(scores[:-1], self._chain)]

    def serve(self, asked: list[Any]) -> list[Any]:
        rows: Any = self.graphs[SERVED]({"text": self._texts(asked)})["tag_ids"]
        return [[self.names[tag] for tag in row if tag >= 0] for row in rows]

    def _texts(self, asked: list[Any]) -> list[str]:
        return [
            one if isinstance(one, str) else "".join(token.replace("\t", " ") + "\t" for token in one) for one in asked
        ]

    def answer(self, asked: Any, found: Any) -> dict[str, Any]:
        words = self.tokenizer.sentence(asked)[0] if isinstance(asked, str) else asked
        answer: dict[str, Any] = {"tokens": words, "tags": found}
        if self.labels["scheme"] is not None:
            answer["spans"] = [
                {"label": kind, "begin": begin, "end": end, "text": " ".join(words[begin:end])}
                for kind, begin, end in spans(found, self.labels["scheme"])
            ]
        return answer


class TagAndLabel(Tag):
    """A sentence in, a tag for each word and a label for the whole out: at the end, where a tagger has none, a graph has the
    scores of the labels, which stand behind the tags among the names.
    """

    def _check(self) -> None:
        super()._check()
        if not 0 < self.fields["tags"] < len(self.names):
            raise ArtefactError(
                f"manifest.json: {self.fields['tags']} of {len(self.names)} names are said to be tags: export it again."
            )

    def found(self, asked: list[Any]) -> list[Any]:
        scores = Task.found(self, asked)  # (words + 1, tags + labels)
        return [(self._tags(one), softmax(one[-1, self.fields["tags"] :])) for one in scores]

    def serve(self, asked: list[Any]) -> list[Any]:
        rows: Any = self.graphs[SERVED]({"text": self._texts(asked)})
        return [
            ([self.names[tag] for tag in tags if tag >= 0], shares)
            for tags, shares in zip(rows["tag_ids"], rows["probabilities"], strict=True)
        ]

    def answer(self, asked: Any, found: Any) -> dict[str, Any]:
        tags, shares = found
        labels = self.names[self.fields["tags"] :]
        probabilities = {name: round(float(share), 6) for name, share in zip(labels, shares, strict=True)}
        return {"label": labels[int(shares.argmax())], "probabilities": probabilities} | super().answer(asked, tags)


class LabelFrames(Task):
    """Frames in, a label for each out."""

    def read(self, value: Any, where: str) -> np.ndarray:
        frames = array_of(value, where)
        expected = tuple(self.fields["shape"])
        if not len(frames.shape) or (len(frames) and frames.shape[1:] != expected):
            raise ArtefactError(f"{where} is of shape {frames.shape}, the model reads frames of {expected}.")
        if not np.isfinite(frames).all():
            raise ArtefactError(f"{where} has values that are no numbers: repair it, or cut the frames out.")
        return frames

    def arrays(self, asked: np.ndarray) -> Arrays:
        return {"frames": asked, "mask": np.ones(len(asked), bool)}

    def size(self, asked: np.ndarray) -> int:
        return len(asked)

    def found(self, asked: list[np.ndarray]) -> list[np.ndarray]:
        some = [place for place, frames in enumerate(asked) if len(frames)]
        shares = [np.zeros((0, len(self.names)), np.float32) for _ in asked]
        for place, logits in zip(some, super().found([asked[place] for place in some]), strict=True):
            shares[place] = softmax(logits)
        return shares

    def serve(self, asked: list[np.ndarray]) -> list[np.ndarray]:
        served, nothing = self.graphs[SERVED], np.zeros((0, len(self.names)), np.float32)
        return [served({"frames": one[None]})["probabilities"][0] if len(one) else nothing for one in asked]

    def answer(self, asked: np.ndarray, found: np.ndarray) -> dict[str, Any]:
        labels = [self.names[place] for place in found.argmax(axis=1)]
        starts = [place for place, label in enumerate(labels) if not place or label != labels[place - 1]]
        ends = [*starts, len(labels)][1:]  # none without frames
        runs = [{"label": labels[start], "start": start, "end": end} for start, end in zip(starts, ends, strict=True)]
        return {
            "segments": runs,
            "labels": labels,
            "confidence": [round(float(share), 4) for share in found.max(axis=1)],
        }


class ClassifyImage(Task):
    """An image and a question in, one of the known answers out."""

    def read(self, value: Any, where: str) -> dict[str, Any]:
        return image_and_question(value, self.fields, where)

    def arrays(self, asked: dict[str, Any]) -> Arrays:
        return {"ids": ended(self.tokenizer.ids(asked["question"])), "image": asked["image"]}

    def size(self, asked: dict[str, Any]) -> int:
        return len(asked["question"])

    def found(self, asked: list[dict[str, Any]]) -> list[np.ndarray]:
        return [softmax(logits) for logits in super().found(asked)]

    def serve(self, asked: list[dict[str, Any]]) -> list[np.ndarray]:
        given = {name: [one[name] for one in asked] for name in ("image", "question")}
        return list(self.graphs[SERVED](given)["probabilities"])

    def answer(self, asked: dict[str, Any], found: np.ndarray) -> dict[str, Any]:
        best = {"answer": self.names[int(found.argmax())], "confidence": round(float(found.max()), 4)}
        return {"question": asked["question"]} | best
