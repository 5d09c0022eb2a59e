"""Texts that a decoder writes of what an encoder read."""

from typing import Any

import numpy as np

from seqkit_runner.backends import Arrays
from seqkit_runner.batching import batches, padded
from seqkit_runner.errors import ArtefactError
from seqkit_runner.sampling import check_sampling, row_keys
from seqkit_runner.search import Beam, Hypothesis
from seqkit_runner.task import SERVED, Task, ended, image_and_question, image_of
from seqkit_runner.tokenizer import BEGIN, END, MARK, PADDING, UNKNOWN, Tokenizer

STATE = "state_"  # begins the names of what a decoder hands on
ROOM = 10  # symbols that an answer may have beyond the search's ratio


class Write(Task):
    """A text in, a text out."""

    @property
    def target(self) -> Tokenizer:
        """Of what is written."""
        return self.tokenizers["target_tokenizer"]

    def _check(self) -> None:
        super()._check()
        self._check_width("logits", len(self.target.vocabulary))
        search = self.fields["search"]
        least = {"beam": 1, "longest": 1, "n_best": 1, "no_repeat": 0, "shortest": 0, "ratio": 0, "length_penalty": 0}
        check_sampling(search["longest"], search["temperature"], search["top_k"], search["top_p"], search["seed"] or 0)
        wrong = [name for name, bound in least.items() if not search[name] >= bound]
        if wrong or not (search["temperature"] or search["n_best"] <= search["beam"] <= 1000):
            raise ArtefactError(f"manifest.json: the search has {wrong[0] if wrong else 'beam'} {search['beam']}.")

    def arrays(self, asked: Any) -> Arrays:
        return {"ids": ended(self.tokenizer.ids(asked))}

    def found(self, asked: list[Any]) -> list[list[tuple[str, float]]]:
        """Texts with their scores, the best first."""
        encoder, rows = self.graphs["encoder"], [self.arrays(one) for one in asked]
        found: list[Any] = [None] * len(rows)
        for places in batches(encoder, rows):
            batch = padded(encoder, [rows[place] for place in places])
            for place, best in zip(places, self._searched(batch), strict=True):
                found[place] = [(self._text(asked[place], one), one.score) for one in best]
        return found

    def _searched(self, batch: Arrays) -> list[list[Hypothesis]]:
        """What a search finds for a batch of the encoder's inputs."""
        search, encoder = self.fields["search"], self.graphs["encoder"]
        names = list(encoder.inputs)
        rows = len(batch[names[0]])
        longest, symbols = np.full(rows, search["longest"]), np.zeros(rows, int)
        if "ids" in names:
            symbols = (batch["ids"] != PADDING).sum(axis=1)
            longest = longest_answers(symbols, search["longest"], search["ratio"])
        if names == ["ids"]:
            longest = np.where(symbols > 1, longest, 0)  # one with nothing but its end is answered by nothing
        encoded = encoder(batch)
        beam = Beam(
            self._ask,
            search,
            begin=BEGIN,
            end=END,
            longest=longest,
            words=np.maximum(symbols - 1, 0),
            excluded=(PADDING, BEGIN) if search["replace_unknown"] else (PADDING, BEGIN, UNKNOWN),
            keys=row_keys([batch[name] for name in names], search["seed"] or 0),
        )
        return beam.find(
            {name: value for name, value in encoded.items() if name.startswith(STATE)},
            {name: value for name, value in encoded.items() if not name.startswith(STATE)},
        )

    def _ask(self, ids: np.ndarray, state: Arrays, memory: Arrays) -> tuple[np.ndarray, np.ndarray, Arrays]:
        answer = self.graphs["decoder"]({"before": ids} | state | memory)
        return answer["logits"], answer["weights"], {name: answer[name] for name in state}

    def _text(self, asked: Any, best: Hypothesis) -> str:
        if not self.fields["search"]["replace_unknown"]:
            return self.target.text(best.ids)
        words = [*self.tokenizer.tokens(asked), f"{MARK}<unknown>"]  # the last where nothing was looked at
        return self.target.text(best.ids, unknown=[words[place] for place in best.looked])

    def serve(self, asked: list[Any]) -> list[list[tuple[str, float]]]:
        answers = self.graphs[SERVED](self._given(asked))
        texts = answers["answer" if "answer" in answers else "text"]
        return [[(text.decode(), score)] for text, score in zip(texts.tolist(), answers["score"].tolist(), strict=True)]

    def _given(self, asked: list[Any]) -> dict[str, Any]:
        return {"text": asked}

    def answer(self, asked: Any, found: list[tuple[str, float]]) -> dict[str, Any]:
        answers = [{self.fields["answer"]: text, "score": round(score, 6)} for text, score in found]
        others = (
            {"others": answers[1:]}
            if self.fields["search"]["n_best"] > 1 and self.fields["answer"] == "translation"
            else {}
        )
        return answers[0] | others


def longest_answers(symbols: np.ndarray, longest: int, ratio: float) -> np.ndarray:
    """Symbols that the answer to each row may have at most, of those of what is asked."""
    if not ratio:
        return np.full(len(symbols), longest)
    room = np.minimum(symbols.astype(np.float32) * np.float32(ratio), longest)  # as float: it may be too great for int
    most: np.ndarray = np.minimum(longest, room.astype(int) + ROOM)
    return most


class Caption(Write):
    """An image in, a text out."""

    def read(self, value: Any, where: str) -> np.ndarray:
        return image_of(value, self.fields, where)

    def arrays(self, asked: np.ndarray) -> Arrays:
        return {"image": asked}

    def size(self, asked: np.ndarray) -> int:
        return 1

    def _given(self, asked: list[Any]) -> dict[str, Any]:
        return {"image": asked}


class WriteAnswer(Write):
    """An image and a question in, a text out."""

    def read(self, value: Any, where: str) -> dict[str, Any]:
        return image_and_question(value, self.fields, where)

    def arrays(self, asked: dict[str, Any]) -> Arrays:
        return {"ids": ended(self.tokenizer.ids(asked["question"])), "image": asked["image"]}

    def size(self, asked: dict[str, Any]) -> int:
        return len(asked["question"])

    def _given(self, asked: list[Any]) -> dict[str, Any]:
        return {name: [one[name] for one in asked] for name in ("image", "question")}

    def answer(self, asked: dict[str, Any], found: list[tuple[str, float]]) -> dict[str, Any]:
        return {"question": asked["question"]} | super().answer(asked, found)
