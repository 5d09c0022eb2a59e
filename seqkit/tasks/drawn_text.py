"""Text that a language model draws, symbol by symbol: as it comes, or several samples at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from seqkit.core.bounds import at_least
from seqkit.core.errors import InputError
from seqkit.core.progress import notify
from seqkit.core.ragged import Ragged
from seqkit.decoding.stepwise import generate
from seqkit.export.graphs import Graph, step_graph
from seqkit.sources.cells import checked_cell
from seqkit.text.subwords import MARK, Subwords
from seqkit.text.tokenizer import WORDS, Tokens, tokenize
from seqkit.text.vocabulary import BEGIN, END, PADDING, UNKNOWN, Vocabulary

States = dict[str, tf.Tensor]
Advance = Callable[[np.ndarray, States], tuple[np.ndarray, States]]


class DrawnText:
    """What a language model does beside giving probabilities.

    Attributes:
        vocabulary: Of the symbols.
        contiguous: Whether a text goes on behind a line's end.
        met_unknown: Whether the model knows unknown symbols.
        backward: Whether it reads texts from their end, so that it can't go on from a beginning.
        lines, ends: As in `seqkit.tasks.language_model.LanguageModel`.
    """

    vocabulary: Vocabulary
    contiguous: bool
    met_unknown: bool
    backward: bool

    @property
    def lines(self) -> bool:
        raise NotImplementedError

    @property
    def ends(self) -> bool:
        raise NotImplementedError

    def generate(
        self, model: keras.Model, prompt: str, *, stop: str | None = None, seed: int = 0, **how: Any
    ) -> Iterator[str]:
        """The text that follows `prompt`, piece by piece as it is drawn; see `Run.generate`.

        Of subwords a prompt should end with a word: half a word is other pieces than the whole one began with.
        """
        before = self._before(prompt)
        step = step_graph(model)
        drawn = self._drawn(_advance(step, 1), _start(step, 1), before, [seed], how)
        return _until(self._written((ids[0] for ids in drawn), fresh=_is_fresh(prompt)), stop)

    def samples(
        self,
        model: keras.Model,
        prompts: Sequence[str],
        *,
        count: int,
        stop: str | None = None,
        seed: int = 0,
        **how: Any,
    ) -> Iterator[list[str]]:
        """So many texts that follow each prompt, drawn side by side; see `Run.samples`."""
        at_least("samples", count, 1)
        before = [self._before(prompt) for prompt in prompts]
        step = step_graph(model)
        advance, start, seeds = _advance(step, count), _start(step, count), [seed + k for k in range(count)]
        for prompt, ids in zip(prompts, before, strict=True):
            rows = self._sequences(self._drawn(advance, start, ids, seeds, how), count)
            yield ["".join(_until(self._written(iter(row), fresh=_is_fresh(prompt)), stop)) for row in rows]

    def _sequences(self, drawn: Iterator[np.ndarray], count: int) -> list[list[int]]:
        """Symbols by sample, until all have ended."""
        rows: list[list[int]] = [[] for _ in range(count)]
        open_ = np.ones(count, bool)
        for ids in drawn:
            for row in np.flatnonzero(open_):
                rows[row].append(int(ids[row]))
            open_ &= self.contiguous | (ids != END)
            if not open_.any():
                break
        return rows

    def check_forward(self, purpose: str) -> None:
        """Raise InputError where texts are read from their end, which a purpose ("write") doesn't allow."""
        if self.backward:
            raise InputError(
                f"The language model reads texts from their end: to {purpose}, take one that was trained without backward."
            )

    def _before(self, prompt: str) -> list[int]:
        """What was read before the first symbol is drawn; the last line goes on."""
        self.check_forward("write")
        tokens, ids = self._encoded(checked_cell(prompt, "text", f"The prompt {prompt[:40]!r}"))
        unknown = sorted({tokens.types[place] for place in tokens.indices.values[ids.values == UNKNOWN]})
        if unknown:
            listed = ", ".join(map(repr, unknown))
            if not self.met_unknown:
                raise InputError(f"The prompt holds {listed}, which the training text does not: leave it out.")
            notify(f"The prompt holds {listed}, which the vocabulary does not: read as unknown.")
        return self._begun(ids)

    def _encoded(self, prompt: str) -> tuple[Tokens, Ragged]:
        given = prompt.split("\n") if self.lines and self.contiguous else [prompt]
        tokens = tokenize(given, self.vocabulary.tokenizer, cache=False)
        return tokens, self.vocabulary.encode(tokens)

    def _begun(self, ids: Ragged) -> list[int]:
        return [BEGIN, *ids.append(END).values[:-1].tolist()]

    def _drawn(
        self, advance: Advance, states: States, before: Sequence[int], seeds: Sequence[int], how: dict[str, Any]
    ) -> Iterator[np.ndarray]:
        """Symbols of all samples, as they are drawn: int, (samples,)."""
        count = len(seeds)
        for symbol in before[:-1]:
            _, states = advance(np.full(count, symbol), states)
        excluded = [PADDING, UNKNOWN, BEGIN]
        return generate(
            advance,
            states,
            np.full(count, before[-1]),
            seed=seeds,
            excluded=excluded if self.ends else [*excluded, END],
            **how,
        )

    def _written(self, drawn: Iterator[int], *, fresh: bool) -> Iterator[str]:
        """Ids as text, lines ended by the end token; texts by themselves end with it.

        Args:
            fresh: Whether what stands before is empty or a blank, so that no space is needed.
        """
        unit = self.vocabulary.tokenizer.unit
        for symbol in drawn:
            if symbol == END:
                if not self.contiguous:
                    return
                yield "\n"
                fresh = True
            else:
                token = self.vocabulary.tokens[symbol]
                if unit in WORDS:
                    token = " " + token
                elif isinstance(self.vocabulary.tokenizer, Subwords):
                    token = token.replace(MARK, " ")
                yield token[1:] if fresh and self.lines and token[0] == " " else token
                fresh = False


def _start(step: Graph, count: int) -> States:
    return {name: tf.zeros((count, spec.shape[1]), spec.dtype) for name, spec in step.states.items()}


def _advance(step: Graph, count: int) -> Advance:
    """A step of so many samples."""
    ask = step.concrete(count)

    def advance(ids: np.ndarray, states: States) -> tuple[np.ndarray, States]:
        answer = ask(ids=tf.constant(ids, tf.int32), **states)
        return answer["outputs"].numpy(), {name: answer[name] for name in states}

    return advance


def _is_fresh(prompt: str) -> bool:
    return not prompt or prompt[-1].isspace()


def _until(pieces: Iterator[str], stop: str | None) -> Iterator[str]:
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
