"""The language model that a recipe trains first, on texts without labels and those of its training rows."""

import dataclasses
import functools
import os
import random
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from seqkit.checks.rows import plain
from seqkit.core.cluster import cluster_of
from seqkit.core.errors import InputError
from seqkit.core.progress import notify
from seqkit.core.settings import Embedding
from seqkit.runs.checking import checks_alone
from seqkit.runs.parts import without_report
from seqkit.sources.corpus import read_corpus
from seqkit.sources.prepared import being_made
from seqkit.sources.splits import Splits
from seqkit.text.tokenizer import WORDS_OR_PIECES
from seqkit.training.sampled_softmax import check_drawn

# texts that choose the language model's epoch, a tenth of them all at most: each costs a whole softmax a word
HELD_OUT = 200
WINDOW = 70
BY_ITSELF = "train the language model by itself (seqkit train language_model), and give start_from."


def pretrained(
    language_model: Callable[..., Any], splits: Splits, given: Mapping[str, Any], *, field: str = "text"
) -> Path | None:
    """Train a language model for a recipe, or find the one that it trained before it was interrupted.

    It reads the unlabelled texts and those of the training rows, each once. A text that a validation or a test row has is
    left out, wherever it comes from.

    Args:
        language_model: The recipe.
        splits: Rows of the recipe that starts from it.
        given: The arguments of that recipe.
        field: Of the texts.
    Returns:
        Its run folder, beside that of the recipe; None where the recipe is called for its check alone.
    Raises:
        InputError: The texts can't be read, or a setting asks for what is not done.
    """
    if given["start_from"] is not None:
        raise InputError("start_from and unlabelled both name a language model to start from: give one of them.")
    if given["unit"] not in WORDS_OR_PIECES:
        raise InputError(
            f"unlabelled is given with unit {given['unit']}: its language model needs unit {' or '.join(WORDS_OR_PIECES)}."
        )
    check_drawn("pretraining.sampled", given["pretraining"].sampled, given["unit"])
    check_drawn("fine_tuning.language_model", given["fine_tuning"].language_model, given["unit"])
    if splits.prepared is not None or being_made() is not None:
        raise InputError(f"unlabelled texts are not prepared: {BY_ITSELF}")
    if cluster_of(os.environ, given["workers"], given["worker"]) is not None:
        raise InputError(f"unlabelled is for one worker: {BY_ITSELF}")
    source = given["unlabelled"]
    unlabelled = read_corpus(source, {"text": given[field]}, contiguous=False, data_dir=given["data_dir"])
    if checks_alone():
        return None
    texts, left_out = _texts(unlabelled["text"], splits, field)
    random.Random(given["seed"]).shuffle(texts)
    held = max(1, min(HELD_OUT, len(texts) // 10))
    out = Path(given["out"])
    place = out.with_name(f"{out.name}-language_model")
    notify(
        f"Pretraining on {len(texts):,} texts, unlabelled ones and those of the training rows ({left_out:,} of validation "
        f"or test rows left out): {place}."
    )
    train = functools.partial(language_model, (texts[held:],), valid=(texts[:held],), out=place, **_settings(given))
    try:
        with without_report():
            _train_or_find(train, overwrite=given["overwrite"] and not given["resume"])
    except KeyboardInterrupt as stop:
        raise type(stop)("Interrupted as the language model was trained: the same command goes on with it.") from None
    return place


def _settings(given: Mapping[str, Any]) -> dict[str, Any]:
    """Of the language model, from those of the recipe that starts from it."""
    embedding, stack = given["embedding"], given["stack"]
    return {
        **{name: given[name] for name in ("unit", "lowercase", "vocabulary_size", "min_count", "seed")},
        "window": WINDOW,
        "tied": embedding.units == stack.units[-1],
        "embedding": Embedding(units=embedding.units, dropout=0.1),
        "stack": dataclasses.replace(stack, bidirectional=False, dropout=0.1, locked=True),
        "training": given["pretraining"],
    }


def _train_or_find(train: Callable[..., Any], *, overwrite: bool) -> None:
    """Take the language model that is there, or go on with it; where it is another one, `overwrite` replaces it."""
    try:
        train(resume="auto")
    except InputError:
        if not overwrite:
            raise
        train(overwrite=True)


def _texts(unlabelled: Iterable[str], splits: Splits, field: str) -> tuple[list[str], int]:
    """Texts to read, each once and in one line, and how many were left out, whatever their case."""
    kept_back = {plain(text) for name, rows in splits.named() if name != "train" for text in rows[field]}
    every = {_line(text): plain(text) for source in (unlabelled, splits.train[field]) for text in source}
    texts = [text for text, same in every.items() if text and same not in kept_back]
    if len(texts) < 2:
        raise InputError(f"unlabelled leaves {len(texts)} texts to learn from: give more.")
    return texts, len(kept_back.intersection(every.values()))


def _line(text: str) -> str:
    return " ".join(text.split())
