"""Raw inputs to what a graph reads, and what it says to answers: what is the same for all tasks."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from seqkit_runner.backends import Arrays, Graph
from seqkit_runner.batching import BATCH, batches, cropped, padded, steps_of, streamed, together
from seqkit_runner.errors import ArtefactError
from seqkit_runner.tokenizer import END, Tokenizer

NO_NUMBER = "is answered by what is no number: its values are too large for the model. Scale it, or leave it out."
SERVED = "serving_default"  # the graph of a SavedModel, which takes what a user gives


class Task:
    """What becomes of an input.

    Attributes:
        kind: Its name in the manifest.
        fields: What the manifest says of it.
        graphs: Of the artefact.
        tokenizers: "tokenizer", which reads, and "target_tokenizer", which writes.
        labels: What labels.json holds.
    """

    def __init__(
        self,
        kind: str,
        fields: Mapping[str, Any],
        graphs: Mapping[str, Graph],
        tokenizers: Mapping[str, Tokenizer],
        labels: Mapping[str, Any],
    ):
        self.kind, self.fields, self.graphs, self.tokenizers, self.labels = kind, fields, graphs, tokenizers, labels
        self._check()

    @property
    def tokenizer(self) -> Tokenizer:
        return self.tokenizers["tokenizer"]

    @property
    def names(self) -> list[str]:
        """The labels."""
        names: list[str] = self.labels["labels"]
        return names

    def answers(self, inputs: list[Any]) -> list[dict[str, Any]]:
        """An answer each, in order."""
        asked = [self.read(one, f"Input {place}") for place, one in enumerate(inputs)]
        found = self._served(asked) if SERVED in self.graphs else self.found(asked)
        answers = [self.answer(one, what) for one, what in zip(asked, found, strict=True)]
        for place, answer in enumerate(answers):
            if not finite(answer):
                raise ArtefactError(f"Input {place} {NO_NUMBER}")
        return answers

    def _served(self, asked: list[Any]) -> list[Any]:
        """What a SavedModel finds for each, so many at once as there is room for."""
        found: list[Any] = [None] * len(asked)
        for places in together([self.size(one) for one in asked], self.width):
            for place, what in zip(places, self.serve([asked[place] for place in places]), strict=True):
                found[place] = what
        return found

    def read(self, value: Any, where: str) -> Any:
        """An input as it was given, or an ArtefactError where it is none."""
        return text_of(value, where)

    def arrays(self, asked: Any) -> Arrays:
        """The inputs of the graph that reads, unpadded and without an axis of rows."""
        raise NotImplementedError

    def found(self, asked: list[Any]) -> list[Any]:
        """What a model finds for each, by the graphs."""
        return self.outputs([self.arrays(one) for one in asked])

    def answer(self, asked: Any, found: Any) -> dict[str, Any]:
        """The answer of what was found."""
        raise NotImplementedError

    def size(self, asked: Any) -> int:
        """How long an input is, about, before it is split: of a text or tokens, the characters."""
        return sum(map(len, asked))

    @property
    def width(self) -> int:
        """Numbers that a graph makes of each step."""
        return max(1, len(self.labels.get("labels", ())))

    def serve(self, asked: list[Any]) -> list[Any]:
        """What a SavedModel, which takes inputs as they are given, finds for some, at least one."""
        raise ArtefactError(f"A SavedModel of the kind {self.kind} is not answered for here: export onnx.")

    def outputs(self, rows: list[Arrays]) -> list[np.ndarray]:
        """The output "outputs" of each row, by the graph of whole rows or, where there is the step alone, by that."""
        whole = self.graphs.get("model")
        found: list[Any] = [None] * len(rows)
        if whole is None:
            step = self.graphs["step"]
            for start in range(0, len(rows), BATCH):
                found[start : start + BATCH] = streamed(step, rows[start : start + BATCH])
            return found
        for places in batches(whole, rows):
            outputs = whole(padded(whole, [rows[place] for place in places]))
            for number, place in enumerate(places):
                found[place] = cropped(whole, outputs, number, steps_of(whole, rows[place]))["outputs"]
        return found

    def _check(self) -> None:
        """Raise ArtefactError where parts of the artefact don't go together."""
        wanted = (SERVED,), ("model",), ("step",), ("encoder", "decoder")
        if not any(all(name in self.graphs for name in names) for names in wanted):
            raise ArtefactError(f"manifest.json: the graphs {', '.join(self.graphs)} are none that a runner can ask.")
        self._check_width("outputs", len(self.labels.get("labels", ())))

    def _check_width(self, output: str, expected: int) -> None:
        for name, graph in self.graphs.items():
            width = graph.outputs[output].shape[-1] if output in graph.outputs else None
            if expected and isinstance(width, int) and width != expected:
                raise ArtefactError(
                    f"manifest.json: the graph {name} has {width} outputs, where {expected} are named: they are of two "
                    "artefacts."
                )


def finite(answer: Any) -> bool:
    """Whether all numbers in an answer are some."""
    if isinstance(answer, dict | list | tuple):
        return all(map(finite, answer.values() if isinstance(answer, dict) else answer))
    return not isinstance(answer, float) or math.isfinite(answer)


def text_of(value: Any, where: str) -> str:
    if not isinstance(value, str):
        raise ArtefactError(f"{where} is a {type(value).__name__}, where a text is expected.")
    return value


def image_of(value: Any, fields: Mapping[str, Any], where: str) -> np.ndarray:
    """float32, (height, width, 3), 0 to 255."""
    image = array_of(value, where)
    expected = (*fields["image"]["size"], fields["image"]["channels"])
    if image.ndim == 3 and image.shape[-1] == 1:
        image = image[..., 0]
    if image.ndim == 2:
        image = np.repeat(image[..., None], expected[-1], axis=-1)
    if image.shape != expected:
        raise ArtefactError(
            f"{where} is an image of shape {image.shape}, the model reads {expected}: bring it to that."
        )
    if image.size and not (image.min() >= 0 and image.max() <= 255):
        raise ArtefactError(f"{where} has values from {image.min():g} to {image.max():g}, where 0 to 255 are expected.")
    return image


def array_of(value: Any, where: str) -> np.ndarray:
    """float32."""
    try:
        return np.asarray(value, np.float32)
    except (TypeError, ValueError):
        raise ArtefactError(f"{where} is a {type(value).__name__}, where an array of numbers is expected.") from None
    except OverflowError:
        raise ArtefactError(f"{where} has a number that is too large for any float: scale it down.") from None


def ended(ids: Sequence[int]) -> np.ndarray:
    """int32, with the end token."""
    return np.array([*ids, END], np.int32)


def image_and_question(value: Any, fields: Mapping[str, Any], where: str) -> dict[str, Any]:
    if isinstance(value, list | tuple) and len(value) == 2:
        value = dict(zip(("image", "question"), value, strict=True))
    if not isinstance(value, dict) or not {"image", "question"} <= value.keys():
        raise ArtefactError(f"{where} is a {type(value).__name__}, where an image and a question are expected.")
    return {"image": image_of(value["image"], fields, where), "question": text_of(value["question"], where)}
