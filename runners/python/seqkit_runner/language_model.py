"""A language model: how likely a text is, and text that is drawn."""

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np

from seqkit_runner.backends import Arrays, Graph
from seqkit_runner.errors import ArtefactError
from seqkit_runner.sampling import check_sampling, drawn
from seqkit_runner.task import SERVED, Task, text_of
from seqkit_runner.tokenizer import BEGIN, END, MARK, PADDING, UNKNOWN, WORDS

SUBWORDS = ("subword", "unigram")


class LanguageModel(Task):
    """A text in, its log-probability out; and text that is drawn."""

    def _check(self) -> None:
        super()._check()
        self._check_width("outputs", len(self.tokenizer.vocabulary))

    def predicted(self, text: str) -> list[int]:
        """The symbols that the model has to predict."""
        lines = self.tokenizer.lines(text) if self.fields["lines"] else [text]
        end = [END] if self.fields["ends"] else []
        return [number for line in lines for number in [*self.tokenizer.ids(line), *end]]

    def arrays(self, asked: str) -> Arrays:
        return {"ids": np.array([BEGIN, *self.predicted(asked)][:-1], np.int32)}

    def found(self, asked: list[str]) -> list[np.ndarray]:
        targets = [self.predicted(one) for one in asked]
        some = [place for place, ids in enumerate(targets) if ids]
        nats = [np.zeros(0, np.float32) for _ in asked]
        for place, logits in zip(some, super().found([asked[place] for place in some]), strict=True):
            shifted = logits - logits.max(axis=-1, keepdims=True)
            scores = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
            nats[place] = scores[np.arange(len(scores)), targets[place]]
        return nats

    @property
    def width(self) -> int:
        return len(self.tokenizer.vocabulary)

    def serve(self, asked: list[str]) -> list[np.ndarray]:
        rows: Any = self.graphs[SERVED]({"text": asked})["log_probabilities"]
        return [row[: len(self.predicted(one))] for one, row in zip(asked, rows, strict=True)]

    def answer(self, asked: str, found: np.ndarray) -> dict[str, Any]:
        unknown = self.predicted(asked).count(UNKNOWN)
        return {"log_probability": round(float(found.sum()), 6), "symbols": len(found), "unknown": unknown}

    def generate(
        self,
        prompt: str = "",
        *,
        length: int = 200,
        temperature: float = 0.8,
        top_k: int = 0,
        top_p: float = 1.0,
        stop: str | None = None,
        seed: int = 0,
    ) -> Iterator[str]:
        """See `Artefact.generate`."""
        check_sampling(length, temperature, top_k, top_p, seed)
        step = self.graphs.get("step")
        if step is None:
            raise ArtefactError("It has no streaming step, with which text is drawn: export it again.")
        *before, last = self._prompt(text_of(prompt, "The prompt"))
        states = step.zeros(1)
        for symbol in before:
            _, states = advance(step, np.array([symbol]), states)
        excluded = [PADDING, UNKNOWN, BEGIN] if self.fields["ends"] else [PADDING, UNKNOWN, BEGIN, END]
        symbols = drawn(
            lambda ids, states: advance(step, ids, states),
            states,
            np.array([last]),
            length=length,
            temperature=temperature,
            top_k=top_k,
            top_p=top_p,
            seed=seed,
            excluded=excluded,
        )
        return until(self._written(symbols, fresh=not prompt or prompt[-1].isspace()), stop)

    def _prompt(self, prompt: str) -> list[int]:
        """The symbols before the first that is drawn; the last line goes on."""
        lines = prompt.split("\n") if self.fields["lines"] and self.fields["contiguous"] else [prompt]
        tokens = [self.tokenizer.tokens(line) for line in lines]
        ids = [self.tokenizer.ids(line) for line in lines]
        unknown = {
            token
            for own, numbers in zip(tokens, ids, strict=True)
            for token, number in zip(own, numbers, strict=True)
            if number == UNKNOWN
        }
        if unknown:
            listed = ", ".join(map(repr, sorted(unknown)))
            if not self.fields["met_unknown"]:
                raise ArtefactError(f"The prompt holds {listed}, which the training text does not: leave it out.")
            warnings.warn(f"The prompt holds {listed}, which the vocabulary does not: read as unknown.", stacklevel=4)
        return [BEGIN, *(number for own in ids for number in [*own, END])][:-1]

    def _written(self, symbols: Iterator[np.ndarray], *, fresh: bool) -> Iterator[str]:
        """Ids as text, lines ended by the end token; texts by themselves end with it.

        Args:
            fresh: Whether what stands before is empty or a blank, so that no space is needed.
        """
        for (symbol,) in symbols:
            if symbol == END:
                if not self.fields["contiguous"]:
                    return
                yield "\n"
                fresh = True
                continue
            token = self.tokenizer.vocabulary[symbol]
            if self.tokenizer.unit in WORDS:
                token = " " + token
            elif self.tokenizer.unit in SUBWORDS:
                token = token.replace(MARK, " ")
            yield token[1:] if fresh and self.fields["lines"] and token[0] == " " else token
            fresh = False


def advance(step: Graph, ids: np.ndarray, states: Arrays) -> tuple[np.ndarray, Arrays]:
    """One step of a model that reads ids: logits, and the states after."""
    answer = step({"ids": ids} | states)
    return answer["outputs"], {name: answer[name] for name in states}


def until(pieces: Iterator[str], stop: str | None) -> Iterator[str]:
    """The pieces up to `stop`; what may be its beginning is held back until it is known."""
    if not stop:
        yield from pieces
        return
    held = ""
    for piece in pieces:
        held += piece
        if stop in held:
            yield held[: held.index(stop)]
            return
        safe = len(held) - max((n for n in range(1, len(stop)) if held.endswith(stop[:n])), default=0)
        if safe:
            yield held[:safe]
            held = held[safe:]
    yield held
