"""Sessions: an input is answered as it comes, by what came before."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from seqkit_runner.backends import Arrays, Graph
from seqkit_runner.batching import softmax
from seqkit_runner.errors import ArtefactError
from seqkit_runner.task import Task, text_of
from seqkit_runner.tokenizer import BEGIN, END, UNKNOWN

LIKELIEST = 5  # symbols that a language model tells


class Session:
    """A stream, of one step's graph.

    A tagger is fed a token at a time and answers by "token", "tag" and "confidence", where each tag stands for itself; a
    frame is answered by "label" and "confidence"; a language model is fed text of any length and answers by its
    "log_probability" after what it was fed before, and by what comes "next".
    """

    def __init__(self, task: Task, step: Graph):
        self._task, self._step = task, step
        self.reset()

    def reset(self) -> None:
        """Begin anew."""
        self._state = self._step.zeros(1)
        if self._task.kind == "language_model":
            self._state["next"] = self._ask({"ids": np.array([BEGIN], np.int32)})

    @property
    def state(self) -> Arrays:
        """All that is known of what was fed, to go on from in another session: arrays by name."""
        return {name: array.copy() for name, array in self._state.items()}

    @state.setter
    def state(self, state: Mapping[str, Any]) -> None:
        arrays = {name: np.asarray(array) for name, array in state.items()}
        shapes = {name: array.shape for name, array in arrays.items()}
        expected = {name: array.shape for name, array in self._state.items()}
        if shapes != expected:
            raise ArtefactError(
                f"The state is {shapes}, where {expected} is expected: take it from a session of this artefact."
            )
        self._state = {name: array.astype(self._state[name].dtype) for name, array in arrays.items()}

    def feed(self, value: Any) -> dict[str, Any]:
        """Answer what comes next.

        Raises:
            ArtefactError: It is none of this artefact's inputs.
        """
        if self._task.kind == "language_model":
            return self._symbols(text_of(value, "The text"))
        if self._task.kind == "tag":
            arrays = self._task.arrays([text_of(value, "The token")])  # the token, and an end that isn't fed
            given: dict[str, Any] = {name: array[:1] for name, array in arrays.items()}
            answer = {"token": value}
        else:
            given, answer = {"frames": self._task.read([value], "The frame")}, {}
        shares = softmax(self._ask(given))[0]
        name = "tag" if answer else "label"
        return answer | {name: self._task.names[int(shares.argmax())], "confidence": round(float(shares.max()), 4)}

    def _ask(self, given: Mapping[str, Any]) -> np.ndarray:
        """One step: float, (1, outputs)."""
        more = {"mask": np.ones(1, bool)} if "mask" in self._step.inputs else {}
        answer = self._step({**given, **more, **self._state})
        self._state |= {name: answer[name] for name in self._step.states}
        outputs: np.ndarray = answer["outputs"]
        return outputs

    def _symbols(self, text: str) -> dict[str, Any]:
        lines = text.split("\n") if self._task.fields["lines"] else [text]
        ids, nats = [number for line in lines for number in [END, *self._task.tokenizer.ids(line)]][1:], 0.0
        for symbol in ids:
            nats += float(np.log(softmax(self._state["next"][0].astype(np.float64))[symbol]))
            self._state["next"] = self._ask({"ids": np.array([symbol], np.int32)})
        shares = softmax(self._state["next"][0])
        likeliest = np.argsort(-shares, kind="stable")[:LIKELIEST].tolist()
        names = self._task.tokenizer.vocabulary
        return {
            "log_probability": round(nats, 6),
            "symbols": len(ids),
            "unknown": ids.count(UNKNOWN),
            "next": [{"symbol": names[place], "probability": round(float(shares[place]), 6)} for place in likeliest],
        }


def session_of(task: Task, step: Graph | None) -> Session:
    """A session of an artefact.

    Raises:
        ArtefactError: It has no streaming step.
    """
    if step is None or task.kind not in ("tag", "label_frames", "language_model"):
        raise ArtefactError("The artefact has no streaming step: export one with --step.")
    return Session(task, step)
