"""The recipes that the conformance tests go through: a recipe joins by adding a line to CASES."""

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from seqkit import Embedding, Run, Stack, Training
from seqkit.data import Examples, Pipeline, Ragged, reviews
from seqkit.data.corpora import topics
from seqkit.data.pipelines import Column
from seqkit.layers import embed_tokens, tied_head
from seqkit.objectives import classification
from seqkit.recipes import language_model, sentiment
from seqkit.topologies import many_to_many, many_to_one
from seqkit.training import Objective

TOKENS = 30  # of the vocabulary of `build`'s models
CLASSES = 2  # as many as the built-in data has


@dataclasses.dataclass(frozen=True)
class Case:
    """A recipe, small and quick.

    Attributes:
        train: Trains it on its built-in data into a folder.
        build: Makes an untrained model of its topology from a stack and one of `variants`.
        variants: What else about the topology a property must hold for.
        in_step: Whether there is an answer at every step.
        draw: Columns of random rows of these lengths for such a model: its inputs, "targets" and, in step, "weights". The
            first column is ragged; ids, where there are any, repeat.
        objective: What is minimised and counted.
        inputs: What a user might ask it.
        asked: These inputs as the JSON array that its SavedModel is asked.
        fresh: Rows like the built-in ones, of another seed.
        shuffled: Such rows with the order of their steps destroyed.
        served: Answers of `predict` as the outputs of its SavedModel, a list of rows each; a row may be shorter than what is
            served, which is padded.
        order_metric: The metric in which it must beat `bag_of_words`, a baseline of its report, by `margin`.
        lower_is_better: Whether that metric is a loss.
    """

    name: str
    train: Callable[..., Run]
    build: Callable[[Stack, str], Any]
    variants: Sequence[str]
    in_step: bool
    draw: Callable[[np.random.Generator, np.ndarray], dict[str, Column]]
    objective: Callable[[Training], Objective]
    inputs: Sequence[Any]
    asked: Callable[[Sequence[Any]], list]
    fresh: Callable[[], Examples]
    shuffled: Callable[[Examples, np.random.Generator], Examples]
    served: Callable[[list[dict]], dict[str, list]]
    order_metric: str
    bag_of_words: str
    margin: float = 0.1
    lower_is_better: bool = False

    def batch(
        self, rng: np.random.Generator, lengths: Sequence[int], width: int | None = None
    ) -> dict[str, np.ndarray]:
        """Drawn rows as one batch, in the order of the lengths, padded to `width`."""
        return as_batch(self.draw(rng, np.array(lengths)), width)


def as_batch(columns: dict[str, Column], width: int | None = None) -> dict[str, np.ndarray]:
    """All rows as one batch, padded to `width` or to the longest."""
    ragged = next(iter(columns.values()))
    rows = Pipeline(columns, next(iter(columns)), len(ragged), (width or int(ragged.lengths.max()),))
    batch = next(iter(rows.batches().as_numpy_iterator()))
    order = np.argsort(batch.pop("rows"))
    del batch["steps"]
    return {name: values[order] for name, values in batch.items()}


def inputs_of(model: Any, batch: dict[str, np.ndarray]) -> Any:
    """What the model takes of a batch."""
    inputs = [batch[tensor.name] for tensor in model.inputs]
    return inputs if len(inputs) > 1 else inputs[0]


def _sentiment(out: Path, **settings: Any) -> Run:
    quick = {"embedding": Embedding(units=32, dropout=0.1), "training": Training(epochs=5, learning_rate=3e-3)}
    return sentiment(out=out, **quick | settings)


def _many_to_one(stack: Stack, pooling: str) -> Any:
    return many_to_one(*embed_tokens(TOKENS, Embedding(units=5)), outputs=CLASSES, stack=stack, pooling=pooling)


def ids_drawn(rng: np.random.Generator, lengths: np.ndarray) -> dict[str, Column]:
    """Token ids that repeat."""
    return {"ids": Ragged.of_lengths(rng.integers(4, 10, lengths.sum()).astype(np.int32), lengths)}


def _one_class_a_row(rng: np.random.Generator, lengths: np.ndarray) -> dict[str, Column]:
    return ids_drawn(rng, lengths) | {"targets": rng.integers(0, CLASSES, len(lengths)).astype(np.int32)}


def _words_shuffled(examples: Examples, rng: np.random.Generator) -> Examples:
    texts = [" ".join(rng.permutation(text.split())) for text in examples["text"]]
    return Examples(examples.columns | {"text": texts}, "shuffled")


def _label_and_probabilities(answers: list[dict]) -> dict[str, list]:
    return {
        "label": [answer["label"] for answer in answers],
        "probabilities": [list(answer["probabilities"].values()) for answer in answers],
    }


def _language_model(out: Path, **settings: Any) -> Run:
    quick = {
        "embedding": Embedding(units=24),
        "stack": Stack(cell="gru", units=(64,)),
        "training": Training(epochs=2, batch_size=32, learning_rate=1e-2, schedule="cosine"),
        "window": 50,
    }
    return language_model(out=out, **quick | settings)


def _next_symbol(stack: Stack, output: str) -> Any:
    units = stack.width if output == "tied" else 5
    vectors = np.eye(TOKENS, dtype="float32") if output == "one_hot" else None
    embedding = Embedding(units=units, trainable=output != "one_hot")
    ids, features, mask = embed_tokens(TOKENS, embedding, vectors, reversible=output == "tied")
    head = tied_head(ids, features) if output == "tied" else None
    return many_to_many(ids, features, mask, outputs=TOKENS, stack=stack, head=head)


def _one_symbol_a_step(rng: np.random.Generator, lengths: np.ndarray) -> dict[str, Column]:
    targets = Ragged.of_lengths(rng.integers(0, TOKENS, lengths.sum()).astype(np.int32), lengths)
    weights = Ragged.of_lengths(np.ones(lengths.sum(), np.float32), lengths)
    return ids_drawn(rng, lengths) | {"targets": targets, "weights": weights}


def _pieces_of_the_topics() -> Examples:
    return Examples({"text": topics("text").test["text"][:30]}, "stretches, each by itself")


def _symbols_shuffled(examples: Examples, rng: np.random.Generator) -> Examples:
    return Examples({"text": ["".join(rng.permutation(list(text))) for text in examples["text"]]}, "shuffled")


CASES = (
    Case(
        name="sentiment",
        train=_sentiment,
        build=_many_to_one,
        variants=("last", "mean", "max", "attention"),
        in_step=False,
        draw=_one_class_a_row,
        objective=lambda training: classification(training, [1] * CLASSES),
        inputs=("a good film", "not a good film", "", "   ", "the acting was dull, but the story won me over. " * 40),
        asked=list,
        fresh=lambda: Examples(reviews(seed=3, rows=800)["test"], "fresh reviews"),
        shuffled=_words_shuffled,
        served=_label_and_probabilities,
        order_metric="accuracy",
        bag_of_words="linear",
    ),
    Case(
        name="language_model",
        train=_language_model,
        build=_next_symbol,
        variants=("one_hot", "tied", "embedded"),
        in_step=True,
        draw=_one_symbol_a_step,
        objective=lambda training: classification(training, [1] * TOKENS),
        inputs=("The value of the expression", "for x in y:\n    print(x)\n", "", " ", "\u2603 is unknown"),
        asked=list,
        fresh=_pieces_of_the_topics,
        shuffled=_symbols_shuffled,
        served=lambda answers: {"log_probability": [answer["log_probability"] for answer in answers]},
        order_metric="nats_per_symbol",
        bag_of_words="unigram",
        margin=0.3,
        lower_is_better=True,
    ),
)
IN_STEP = tuple(case for case in CASES if case.in_step)
