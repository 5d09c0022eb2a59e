"""The recipes that the conformance tests go through: a recipe joins by adding a line to CASES."""

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from seqkit import Embedding, Run, Stack, Training
from seqkit.data import Examples, reviews
from seqkit.layers import embed_tokens
from seqkit.objectives import classification
from seqkit.recipes import sentiment
from seqkit.topologies import many_to_one
from seqkit.training import Objective

TOKENS = 30  # of the vocabulary of `build`'s models
CLASSES = 3


@dataclasses.dataclass(frozen=True)
class Case:
    """A recipe, small and quick.

    Attributes:
        train: Trains it on its built-in data into a folder.
        build: Makes an untrained model of its topology from a stack and one of `variants`, which reads ids under TOKENS.
        variants: What else about the topology a property must hold for.
        targets: Draws targets for so many rows of these lengths.
        objective: What is minimised and counted.
        inputs: What a user might ask it.
        fresh: Rows like the built-in ones, of another seed.
        served: Answers of `predict` as the outputs of its SavedModel.
        order_metric: The metric in which it must beat `bag_of_words`, a baseline of its report.
    """

    name: str
    train: Callable[..., Run]
    build: Callable[[Stack, str], Any]
    variants: Sequence[str]
    targets: Callable[[np.random.Generator, np.ndarray], Any]
    objective: Callable[[Training], Objective]
    inputs: Sequence[Any]
    fresh: Callable[[], Examples]
    served: Callable[[list[dict]], dict[str, list]]
    order_metric: str
    bag_of_words: str


def _sentiment(out: Path, **settings: Any) -> Run:
    quick = {"embedding": Embedding(units=32, dropout=0.1), "training": Training(epochs=5, learning_rate=3e-3)}
    return sentiment(out=out, **quick | settings)


def _many_to_one(stack: Stack, pooling: str) -> Any:
    return many_to_one(*embed_tokens(TOKENS, Embedding(units=5)), outputs=CLASSES, stack=stack, pooling=pooling)


def _one_class_a_row(rng: np.random.Generator, lengths: np.ndarray) -> np.ndarray:
    return rng.integers(0, CLASSES, len(lengths)).astype(np.int32)


def _label_and_probabilities(answers: list[dict]) -> dict[str, list]:
    return {
        "label": [answer["label"] for answer in answers],
        "probabilities": [list(answer["probabilities"].values()) for answer in answers],
    }


CASES = (
    Case(
        name="sentiment",
        train=_sentiment,
        build=_many_to_one,
        variants=("last", "mean", "max", "attention"),
        targets=_one_class_a_row,
        objective=lambda training: classification(training, [1] * CLASSES),
        inputs=("a good film", "not a good film", "", "   ", "the acting was dull, but the story won me over. " * 40),
        fresh=lambda: Examples(reviews(seed=3, rows=800)["test"], "fresh reviews"),
        served=_label_and_probabilities,
        order_metric="accuracy",
        bag_of_words="linear",
    ),
)
