"""The recipes that the conformance tests go through: a recipe joins by adding a line to CASES."""

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from seqkit.recipes import sentiment

from seqkit import Embedding, Run, Stack, Training


@dataclasses.dataclass(frozen=True)
class Case:
    """A recipe, small and quick.

    Attributes:
        train: Trains it on its built-in data into a folder.
        build: Makes an untrained model of its topology with this stack, from ids of a vocabulary of 30.
        inputs: What a user might ask it.
        order_metric: The metric in which it must beat `bag_of_words`, a baseline of its report.
    """

    name: str
    train: Callable[..., Run]
    build: Callable[[Stack], Any]
    inputs: Sequence[Any]
    order_metric: str
    bag_of_words: str


def _sentiment(out: Path, **settings: Any) -> Run:
    quick = {"embedding": Embedding(units=32, dropout=0.1), "training": Training(epochs=5, learning_rate=3e-3)}
    return sentiment(out=out, **quick | settings)


def _many_to_one(stack: Stack) -> Any:
    from seqkit.layers import embed_tokens
    from seqkit.topologies import many_to_one

    return many_to_one(*embed_tokens(30, Embedding(units=5)), outputs=3, stack=stack, pooling="attention")


TEXTS = ("a good film", "not a good film", "", "   ", "the acting was dull, but the story won me over. " * 40)

CASES = (Case("sentiment", _sentiment, _many_to_one, TEXTS, "accuracy", "linear"),)
