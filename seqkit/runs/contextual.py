"""The character language models whose states are vectors of words for another model."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import keras

from seqkit.core.errors import InputError
from seqkit.core.progress import notify
from seqkit.layers.contextual import contextual_vectors, reader_of
from seqkit.runs.pretrained import digest_of_model
from seqkit.runs.run import Run, load
from seqkit.text.vocabulary import SPECIAL, Vocabulary

BLANK = " "


@dataclasses.dataclass(frozen=True)
class CharacterReaders:
    """One or two language models by symbols, with one alphabet.

    Attributes:
        symbols: Single characters, whose ids are those of a lexicon that knows them.
        models: By whether they read texts from their end.
        info: "run", their folders, and the "digest" of their files.
    """

    symbols: tuple[str, ...]
    models: Mapping[bool, keras.Model]
    info: Mapping[str, str]

    @classmethod
    def open(cls, paths: Sequence[Path | str]) -> "CharacterReaders":
        """Open runs of language_model.

        Raises:
            InputError: They are others, or don't go together.
        """
        runs: dict[bool, Run] = {}
        for path in paths:
            run = load(path)
            if run.info["recipe"] != "language_model":
                raise InputError(f"{path} is a run of {run.info['recipe']}: give contextual runs of language_model.")
            task: Any = run.task  # on a floor above
            _check_alphabet(path, task.vocabulary)
            if task.backward in runs:
                which = "with backward" if task.backward else "without backward"
                raise InputError(
                    f"contextual has two language models that were trained {which}: give one of each direction at most."
                )
            runs[task.backward] = run
        alphabets = [run.task.classes for run in runs.values()]
        if any(alphabet != alphabets[0] for alphabet in alphabets):
            raise InputError(
                f"{' and '.join(map(str, paths))} know other symbols: train both on the same text, with the same settings "
                "of the vocabulary."
            )
        digests = [digest_of_model(runs[backward]) for backward in sorted(runs)]
        info = {"run": " and ".join(map(str, paths)), "digest": " ".join(digests)}
        return cls(alphabets[0][len(SPECIAL) :], {backward: run.model for backward, run in runs.items()}, info)

    def read(self, characters: keras.KerasTensor) -> list[keras.KerasTensor]:
        """From characters of words, int32 (batch, steps, width), to vectors by each model, float (batch, steps, units)."""
        blank = len(SPECIAL) + self.symbols.index(BLANK)
        vectors = {
            backward: contextual_vectors(characters, reader_of(self.models[backward]), blank=blank, backward=backward)
            for backward in sorted(self.models)
        }
        sizes = ", ".join(
            f"{'from their end' if backward else 'from their beginning'}, {vector.shape[2]} units"
            for backward, vector in vectors.items()
        )
        notify(f"Language models read the sentences ({sizes}); they stay as they are.")
        return list(vectors.values())


def _check_alphabet(path: Path | str, vocabulary: Vocabulary) -> None:
    """Raise InputError where symbols aren't characters as words have them, with blanks between these."""
    unit = vocabulary.tokenizer.unit
    if unit != "symbol":
        raise InputError(f"{path} is a language model of {unit}s: give contextual those of symbols.")
    if vocabulary.tokenizer.lowercase:
        raise InputError(
            f"{path} reads lower case alone: give contextual language models that were trained without lowercase."
        )
    if BLANK not in vocabulary.tokens:
        raise InputError(f"{path} has met no blank, which is to stand between words: train it on running text.")
