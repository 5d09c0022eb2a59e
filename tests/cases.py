"""The recipes that the conformance tests go through: a recipe joins by adding a line to CASES."""

import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from seqkit.batches.pipeline import Column, Shared
from seqkit.batches.teacher_forcing import teacher_forced
from seqkit.core.encoder import Encoder
from seqkit.core.ragged import Ragged
from seqkit.core.settings import Attention, Embedding, Search, Stack, Training
from seqkit.corpora.moving_digits import CANVAS, MOTIONS, moving_digits
from seqkit.corpora.number_words import number_words
from seqkit.corpora.programs import draw_programs
from seqkit.corpora.reviews import reviews
from seqkit.corpora.scenes import FRAME as SCENE_SIZE
from seqkit.corpora.scenes import described_scenes
from seqkit.corpora.sentences import sentences
from seqkit.corpora.topics import topics
from seqkit.corpora.travel import travel_requests
from seqkit.layers.characters import character_input, compose_characters
from seqkit.layers.embedding import embed_tokens, table_of, tied_head
from seqkit.layers.frames import embed_frames
from seqkit.layers.images import embed_images
from seqkit.layers.row_label import tags_and_label
from seqkit.layers.wide import TABLE, Runs, wide_logits
from seqkit.recipes.captioning import captioning
from seqkit.recipes.intents_and_slots import intents_and_slots
from seqkit.recipes.language_model import language_model
from seqkit.recipes.programs import programs
from seqkit.recipes.question_answering import question_answering
from seqkit.recipes.sentiment import sentiment
from seqkit.recipes.tagging import tagging
from seqkit.recipes.translation import translation
from seqkit.recipes.video_frames import video_frames
from seqkit.runs.run import Run
from seqkit.sources.examples import Examples
from seqkit.sources.pixels import ImageRef
from seqkit.testing.models import as_batch
from seqkit.text.vocabulary import END
from seqkit.topologies.encoder_decoder import encoder_decoder
from seqkit.topologies.many_to_many import many_to_many
from seqkit.topologies.many_to_one import many_to_one
from seqkit.topologies.one_to_many import one_to_many
from seqkit.training.objectives import Objective, classification

TOKENS = 30  # of the vocabulary of `build`'s models
CLASSES = 2  # as many as the built-in reviews have
FRAME = (CANVAS, CANVAS, 1)  # of the built-in clips


@dataclasses.dataclass(frozen=True)
class Case:
    """A recipe, small and quick.

    Attributes:
        train: Trains it on built-in data, or some of it, into a folder.
        build: Makes an untrained model of its topology from a stack and one of `variants`.
        variants: What else about the topology a property must hold for.
        in_step: Whether there is an answer at every step.
        draw: Columns of random rows of these lengths for such a model: its inputs, "targets" and, in step, "weights". The
            first column is ragged; ids, where there are any, repeat.
        objective: What is minimised and counted.
        inputs: What a user might ask it.
        serving_inputs: These inputs as the JSON array that its SavedModel is asked, or as one for each input by name.
        fresh: Rows like the built-in ones, of another seed.
        shuffled: Such rows with the order of their steps destroyed, or, where these are about images, each with another's.
        serving_outputs: Answers of `predict` as the outputs of its SavedModel, a list of rows each; a row may be shorter
            than what is served, which is padded.
        order_metric: The metric in which it must beat `bag_of_words`, a baseline of its report, by `margin`.
        lower_is_better: Whether that metric is a loss.
        writes: Whether it encodes and decodes.
    """

    name: str
    train: Callable[..., Run]
    build: Callable[[Stack, str], Any]
    variants: Sequence[str]
    in_step: bool
    draw: Callable[[np.random.Generator, np.ndarray], dict[str, Column]]
    objective: Callable[[Training], Objective]
    inputs: Sequence[Any]
    serving_inputs: Callable[[Sequence[Any]], list | dict[str, list]]
    fresh: Callable[[], Examples]
    shuffled: Callable[[Examples, np.random.Generator], Examples]
    serving_outputs: Callable[[list[dict]], dict[str, list]]
    order_metric: str
    bag_of_words: str
    margin: float = 0.1
    lower_is_better: bool = False
    writes: bool = False

    def rows(self, rng: np.random.Generator, lengths: Sequence[int]) -> dict[str, Column]:
        """Drawn rows of these lengths."""
        return self.draw(rng, np.array(lengths))

    def batch(self, rng: np.random.Generator, lengths: Sequence[int]) -> dict[str, np.ndarray]:
        """Drawn rows as one batch, in the order of the lengths."""
        return as_batch(self.rows(rng, lengths))


def _parts(corpus: Mapping[str, Mapping[str, Sequence]], most: int | None = None) -> dict[str, Examples]:
    """A built-in corpus, or the first `most` training rows of it and an eighth as many of the others."""
    sizes = {name: most if most is None or name == "train" else most // 8 for name in corpus}
    return {
        name: Examples({field: list(values[: sizes[name]]) for field, values in part.items()}, f"built-in ({name})")
        for name, part in corpus.items()
    }


def _sentiment(out: Path, **settings: Any) -> Run:
    parts = _parts(reviews(rows=4000))
    quick = {
        "data": parts["train"],
        "valid": parts["valid"],
        "test": parts["test"],
        "embedding": Embedding(units=32, dropout=0.1),
        "stack": Stack(units=(32,), bidirectional=True),
        "training": Training(epochs=4, learning_rate=1e-2),
    }
    return sentiment(out=out, **quick | settings)


def _many_to_one(stack: Stack, variant: str) -> Any:
    """A summary by pooling; and, of one variant, runs of tokens beside it."""
    ids, features, mask = embed_tokens(TOKENS, Embedding(units=5))
    if variant != "wide":
        return many_to_one(ids, features, mask, outputs=CLASSES, stack=stack, pooling=variant)
    wide = wide_logits(ids, Runs(TOKENS, longest=3, buckets=32), outputs=CLASSES)
    model = many_to_one(ids, features, mask, outputs=CLASSES, stack=stack, pooling="max", wide=wide)
    table = model.get_layer(TABLE)
    weights = np.random.default_rng(0).normal(size=(table.input_dim, CLASSES))
    table.set_weights([weights * (np.arange(table.input_dim) > 0)[:, None]])  # padding says nothing
    return model


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


WORD = 6  # characters a word that the tagger of these tests reads


def _tagging(out: Path, **settings: Any) -> Run:
    quick = {
        "embedding": Embedding(units=16, word_dropout=0.1),
        "stack": Stack(units=(24,), bidirectional=True, dropout=0.1),
        "training": Training(epochs=3, learning_rate=1e-2, schedule="cosine"),
        "character_units": 16,
        "max_word_length": WORD,
    }
    return tagging(out=out, **quick | settings)


def _tagger(stack: Stack, characters: str) -> Any:
    ids, features, mask = embed_tokens(TOKENS, Embedding(units=5))
    inputs = ids
    if characters != "none":
        letters = character_input(WORD + 2)
        spelt = compose_characters(letters, TOKENS, characters, 6)
        inputs, features = [ids, letters], keras.layers.Concatenate()([features, spelt])
    return many_to_many(inputs, features, mask, outputs=CLASSES, stack=stack)


def _one_class_a_word(rng: np.random.Generator, lengths: np.ndarray) -> dict[str, Column]:
    steps = int(lengths.sum())
    columns = {
        "characters": rng.integers(4, 10, (steps, WORD + 2)).astype(np.int32),
        "targets": rng.integers(0, CLASSES, steps).astype(np.int32),
        "weights": np.ones(steps, np.int32),
    }
    return ids_drawn(rng, lengths) | {name: Ragged.of_lengths(values, lengths) for name, values in columns.items()}


ROLES, INTENTS = 13, 5  # tags and labels of the built-in requests


def _intents_and_slots(out: Path, **settings: Any) -> Run:
    parts = _parts(travel_requests())
    quick = {
        "data": parts["train"],
        "valid": parts["valid"],
        "test": parts["test"],
        "embedding": Embedding(units=16),
        "stack": Stack(units=(32,), bidirectional=True),
        "training": Training(epochs=3, learning_rate=1e-2, schedule="cosine"),
        "characters": "none",
        "label_weight": 10.0,
    }
    return intents_and_slots(out=out, **quick | settings)


def _tagger_with_label(stack: Stack, pooling: str) -> Any:
    ids, features, mask = embed_tokens(TOKENS, Embedding(units=5))
    sizes = {"tags": ROLES, "labels": INTENTS}

    def head(sequence: keras.KerasTensor) -> keras.KerasTensor:
        return tags_and_label(sequence, mask, keras.ops.equal(ids, END), **sizes, stack=stack, pooling=pooling)

    return many_to_many(ids, features, mask, outputs=ROLES + INTENTS, stack=stack, head=head)


def _class_a_word_and_at_the_end(rng: np.random.Generator, lengths: np.ndarray) -> dict[str, Column]:
    columns = _one_class_a_word(rng, lengths)
    del columns["characters"]
    ends = columns["ids"].offsets[1:] - 1
    columns["ids"].values[ends] = END
    columns["targets"].values[ends] = rng.integers(ROLES, ROLES + INTENTS, len(lengths))
    return columns


def _tokens_shuffled(examples: Examples, rng: np.random.Generator) -> Examples:
    orders = [rng.permutation(len(tokens)) for tokens in examples["tokens"]]
    columns = {
        field: [tuple(row[place] for place in order) for row, order in zip(examples[field], orders, strict=True)]
        for field in ("tokens", "tags")
    }
    return Examples(examples.columns | columns, "shuffled")


def _tokens_and_tags(answers: list[dict]) -> dict[str, list]:
    return {name: [answer[name] for answer in answers] for name in ("tokens", "tags")}


def _video_frames(out: Path, **settings: Any) -> Run:
    parts = _parts(moving_digits(clips=160))
    quick = {
        "data": parts["train"],
        "valid": parts["valid"],
        "test": parts["test"],
        "encoder": Encoder(filters=(8, 16), units=32),
        "stack": Stack(cell="gru", units=(32,)),
        "training": Training(epochs=4, batch_size=8, learning_rate=1e-2),
    }
    return video_frames(out=out, **quick | settings)


def _many_to_many(stack: Stack, variant: str) -> Any:
    encoder = Encoder(filters=(2, 3), units=5, changes=variant == "changes")
    return many_to_many(*embed_frames(FRAME, encoder), outputs=len(MOTIONS), stack=stack)


def _frames_drawn(rng: np.random.Generator, lengths: np.ndarray) -> dict[str, Column]:
    total = lengths.sum()
    columns = {
        "frames": rng.normal(size=(total, *FRAME)).astype(np.float32),
        "mask": np.ones(total, bool),
        "targets": rng.integers(0, len(MOTIONS), total).astype(np.int32),
        "weights": np.ones(total, np.float32),
    }
    return {name: Ragged.of_lengths(values, lengths) for name, values in columns.items()}


def _clips(clips: int) -> dict[str, list]:
    return moving_digits(seed=3, clips=clips)["test"]


def _frames_shuffled(examples: Examples, rng: np.random.Generator) -> Examples:
    return Examples(examples.columns | {"frames": list(map(rng.permutation, examples["frames"]))}, "shuffled")


def _padded_with_nan(recordings: Sequence[list]) -> list:
    frame = np.full_like(recordings[0][0], np.nan, dtype=float).tolist()
    return [[*frames, *[frame] * (max(map(len, recordings)) - len(frames))] for frames in recordings]


def _language_model(out: Path, **settings: Any) -> Run:
    parts = _parts(topics(), 120)
    quick = {
        "data": parts["train"],
        "valid": parts["valid"],
        "test": parts["test"],
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
    return Examples({"text": topics()["test"]["text"][:30]}, "stretches, each by itself")


def _symbols_shuffled(examples: Examples, rng: np.random.Generator) -> Examples:
    return Examples({"text": ["".join(rng.permutation(list(text))) for text in examples["text"]]}, "shuffled")


def _short_pairs(seed: int, rows: int) -> dict[str, tuple[list[str], list[str]]]:
    """Those of the built-in pairs that a small model learns in seconds."""
    return {
        split: tuple(zip(*((a, b) for a, b in zip(*pairs.values(), strict=True) if len(a) < 40), strict=True))
        for split, pairs in number_words(seed=seed, rows=rows).items()
    }


def _translation(out: Path, **settings: Any) -> Run:
    pairs = _short_pairs(seed=0, rows=12_000)
    quick = {
        "valid": pairs["valid"],
        "test": pairs["test"],
        "vocabulary_size": 300,
        "embedding": Embedding(units=64),
        "encoder": Stack(cell="gru", units=(64,), bidirectional=True),
        "decoder": Stack(cell="gru", units=(64,)),
        "training": Training(epochs=8, batch_size=32, learning_rate=5e-3, schedule="cosine", warmup_steps=50),
        "search": Search(beam=2),
    }
    return translation(pairs["train"], out=out, **quick | settings)


def _encoder_decoder(stack: Stack, variant: str) -> Any:
    kind, *options = variant.split(", ")
    attention = Attention(kind, 0, "fed" in options, copying="copying" in options, coverage="coverage" in options)
    tied = variant == "multiplicative"
    if "pyramid" in options:
        stack = dataclasses.replace(stack, units=(4, 5), residual=False, pyramidal=True)
    ids, read, mask = embed_tokens(TOKENS, Embedding(units=6 if tied else 5), reversible=tied)
    table = table_of(ids, read) if tied else None
    before, features, _ = embed_tokens(TOKENS, Embedding(units=6), reversible=tied, shared=table, name="before")
    return encoder_decoder(
        (ids, read, mask),
        (before, features),
        outputs=TOKENS,
        encoder=stack,
        decoder=dataclasses.replace(stack, units=(6, 6), bidirectional=False, residual=False, pyramidal=False),
        attention=attention,
        head=tied_head(before, features) if tied else None,
    )


def _pairs_drawn(rng: np.random.Generator, lengths: np.ndarray, tokens: int = TOKENS) -> dict[str, Column]:
    others = lengths[::-1] + 2
    return ids_drawn(rng, lengths) | teacher_forced(
        Ragged.of_lengths(rng.integers(4, tokens, others.sum()).astype(np.int32), others)
    )


def _sources_shuffled(examples: Examples, rng: np.random.Generator) -> Examples:
    texts = [" ".join(rng.permutation(text.split())) for text in examples["source"]]
    return Examples(examples.columns | {"source": texts}, "shuffled")


def _programs(out: Path, **settings: Any) -> Run:
    quick = {
        "task": "copying",
        "length": 6,
        "curriculum": "mix",
        "rows": 4000,
        "embedding": Embedding(units=16),
        "encoder": Stack(cell="gru", units=(32,), bidirectional=True),
        "decoder": Stack(cell="gru", units=(32,)),
        "training": Training(epochs=2, batch_size=32, learning_rate=1e-2, schedule="cosine"),
    }
    return programs(out=out, **quick | settings)


def _digits_shuffled(examples: Examples, rng: np.random.Generator) -> Examples:
    texts = ["".join(rng.permutation(list(text))) for text in examples["source"]]
    return Examples(examples.columns | {"source": texts}, "shuffled")


FLAG = (8, 8, 3)  # an image of two halves
PAINT = {"red": (220, 30, 30), "green": (30, 200, 40), "blue": (40, 50, 230), "white": (235, 235, 235)}


def _flags(seed: int, flags: int, *, both: bool = False) -> Examples:
    """Flags of two colours with questions that a small model learns to answer in seconds.

    Args:
        both: Whether both colours are asked for too, which takes an answer of several words.
    """
    rng = np.random.default_rng(seed)
    images, rows = np.zeros((flags, *FLAG), np.uint8), []
    for place, image in enumerate(images):
        left, right = rng.choice(list(PAINT), 2, replace=False)
        halves = np.repeat([PAINT[left], PAINT[right]], FLAG[1] // 2, axis=0)  # (columns, channels)
        image[:] = halves + rng.integers(-20, 20, FLAG)
        colour = rng.choice([left, right])
        rows += [
            (ImageRef(images, place), "what is on the left?", left),
            (ImageRef(images, place), "what is on the right?", right),
            (ImageRef(images, place), f"is the left {colour}?", "yes" if colour == left else "no"),
            *([(ImageRef(images, place), "what is there?", f"{left} and {right}")] if both else []),
        ]
    columns = map(list, zip(*rows, strict=True))
    return Examples(dict(zip(("image", "question", "answer"), columns, strict=True)), f"flags, seed {seed}")


def _question_answering(out: Path, both: bool = False, **settings: Any) -> Run:
    quick = {
        "valid": _flags(1, 60, both=both),
        "test": _flags(2, 100, both=both),
        "encoder": Encoder(filters=(8, 8), units=32),
        "embedding": Embedding(units=16),
        "stack": Stack(cell="gru", units=(32,)),
        "training": Training(epochs=8, batch_size=32, learning_rate=3e-3, schedule="cosine", warmup_steps=20),
    }
    return question_answering(_flags(0, 400, both=both), out=out, **quick | settings)


def _written_answers(out: Path, **settings: Any) -> Run:
    quick = {"answer_as": "text", "decoder": Stack(cell="gru", units=(32,)), "search": Search(beam=2, longest=8)}
    return _question_answering(out, both=True, **quick | settings)


def _asked_of_images(stack: Stack, variant: str) -> Any:
    ids, features, mask = embed_tokens(TOKENS, Embedding(units=5))
    encoder = Encoder(filters=(4,), units=16)  # of fewer, all might be cut off by ReLU at the start
    image, grid = embed_images(FLAG, encoder, (np.full(3, 127.0), np.full(3, 5000.0)))
    source, seen = ([ids, image], features, mask), {"grid": grid, "hops": 2}
    if "written" not in variant:
        return many_to_one(*source, outputs=CLASSES, stack=stack, pooling=variant, **seen)
    before, written, _ = embed_tokens(TOKENS, Embedding(units=6), name="before")
    return encoder_decoder(
        source,
        (before, written),
        outputs=TOKENS,
        encoder=stack,
        decoder=dataclasses.replace(stack, bidirectional=False),
        attention=Attention(kind="additive" if "attending" in variant else "none"),
        **seen,
    )


def _with_flags(columns: dict[str, Column], rng: np.random.Generator, lengths: np.ndarray) -> dict[str, Column]:
    flags = rng.integers(0, 256, (2, *FLAG)).astype(np.uint8)  # fewer than rows
    return columns | {"image": Shared(flags, rng.integers(0, 2, len(lengths)))}


def _images_shuffled(examples: Examples, rng: np.random.Generator) -> Examples:
    """Questions and captions with another's image."""
    images = [examples["image"][row] for row in rng.permutation(len(examples))]
    return Examples(examples.columns | {"image": images}, "shuffled")


def _pixels(count: int) -> list:
    return [np.asarray(image).tolist() for image in described_scenes(seed=3, scenes=16)["train"]["image"][:count]]


SCENE = (SCENE_SIZE, SCENE_SIZE, 3)


def _captioning(out: Path, **settings: Any) -> Run:
    parts = _parts(described_scenes(seed=0, scenes=1000))
    quick = {
        "valid": parts["valid"],
        "test": parts["test"],
        "encoder": Encoder(filters=(8, 16, 32), units=32),
        "embedding": Embedding(units=24),
        "decoder": Stack(cell="gru", units=(32,)),
        "search": Search(beam=2, longest=20),
        "training": Training(epochs=10, batch_size=32, learning_rate=1e-2, schedule="cosine", warmup_steps=50),
    }
    return captioning(parts["train"], out=out, **quick | settings)


def _described(stack: Stack, variant: str) -> Any:
    image, grid = embed_images(SCENE, Encoder(filters=(4, 6), units=5), (np.full(3, 127.0), np.full(3, 5000.0)))
    before, features, _ = embed_tokens(TOKENS, Embedding(units=5), name="before")
    return one_to_many(
        image,
        grid,
        (before, features),
        outputs=TOKENS,
        decoder=dataclasses.replace(stack, bidirectional=False),
        attention=Attention(kind="additive" if variant == "attention" else "none"),
        every_step=variant == "every step",
    )


def _image_and_words_a_row(rng: np.random.Generator, lengths: np.ndarray) -> dict[str, Column]:
    brightest = rng.integers(1, 257, (len(lengths), 1, 1, 1))  # or all would look alike to an untrained model
    images = rng.integers(0, brightest, (len(lengths), *SCENE)).astype(np.uint8)
    words = Ragged.of_lengths(rng.integers(4, 10, lengths.sum()).astype(np.int32), lengths)
    return teacher_forced(words) | {"image": Shared(images, np.arange(len(lengths)))}


_ASKED = [
    (flag.tolist(), question)
    for flag, question in zip(
        map(np.asarray, _flags(3, 4)["image"]), ("what is on the left?", "is it?", "", "\u2603 " * 20), strict=False
    )
]


def _image_and_question(inputs: Sequence[tuple[Any, str]]) -> dict[str, list]:
    return dict(zip(("image", "question"), map(list, zip(*inputs, strict=True)), strict=True))


CASES = (
    Case(
        name="sentiment",
        train=_sentiment,
        build=_many_to_one,
        variants=("last", "mean", "max", "wide", "attention"),
        in_step=False,
        draw=_one_class_a_row,
        objective=lambda training: classification(training, [1] * CLASSES),
        inputs=("a good film", "not a good film", "", "   ", "the acting was dull, but the story won me over. " * 40),
        serving_inputs=list,
        fresh=lambda: Examples(reviews(seed=3, rows=800)["test"], "fresh reviews"),
        shuffled=_words_shuffled,
        serving_outputs=_label_and_probabilities,
        order_metric="accuracy",
        bag_of_words="linear",
    ),
    Case(
        name="tagging",
        train=_tagging,
        build=_tagger,
        variants=("none", "cnn", "rnn"),
        in_step=True,
        draw=_one_class_a_word,
        objective=lambda training: classification(training, [1] * CLASSES),
        inputs=("They watch, walk and play.", "", "  ", ("the", "watch"), "the\twatch's maker\t", "a long walk " * 40),
        serving_inputs=lambda inputs: [row if isinstance(row, str) else "\t".join((*row, "")) for row in inputs],
        fresh=lambda: Examples(sentences(seed=3, rows=800)["test"], "fresh sentences"),
        shuffled=_tokens_shuffled,
        serving_outputs=_tokens_and_tags,
        order_metric="token_accuracy",
        bag_of_words="most_frequent",
    ),
    Case(
        name="intents_and_slots",
        train=_intents_and_slots,
        build=_tagger_with_label,
        variants=("max", "attention", "last"),
        in_step=False,
        draw=_class_a_word_and_at_the_end,
        objective=lambda training: classification(dataclasses.replace(training, label_smoothing=0.0)),
        inputs=(
            "do not book a flight but cancel it",
            "",
            "  ",
            ("to", "new", "york"),
            "the\tflight\t",
            "to boston " * 40,
        ),
        serving_inputs=lambda inputs: [row if isinstance(row, str) else "\t".join((*row, "")) for row in inputs],
        fresh=lambda: Examples(travel_requests(seed=3, rows=800)["test"], "fresh requests"),
        shuffled=_tokens_shuffled,
        serving_outputs=lambda answers: _tokens_and_tags(answers) | _label_and_probabilities(answers),
        order_metric="exact_match",
        bag_of_words="linear",
    ),
    Case(
        name="video_frames",
        train=_video_frames,
        build=_many_to_many,
        variants=("changes", "frames alone"),
        in_step=True,
        draw=_frames_drawn,
        objective=lambda training: classification(training, [1] * len(MOTIONS)),
        inputs=[frames[:length].tolist() for frames, length in zip(_clips(16)["frames"], (20, 7), strict=True)],
        serving_inputs=_padded_with_nan,
        fresh=lambda: Examples(_clips(200), "fresh clips"),
        shuffled=_frames_shuffled,
        serving_outputs=lambda answers: {"label": [answer["labels"] for answer in answers]},
        order_metric="frame_accuracy",
        bag_of_words="single_frame",
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
        serving_inputs=list,
        fresh=_pieces_of_the_topics,
        shuffled=_symbols_shuffled,
        serving_outputs=lambda answers: {"log_probability": [answer["log_probability"] for answer in answers]},
        order_metric="nats_per_symbol",
        bag_of_words="unigram",
        margin=0.3,
        lower_is_better=True,
    ),
    Case(
        name="translation",
        train=_translation,
        build=_encoder_decoder,
        variants=("multiplicative", "additive, fed", "none", "additive, copying"),
        in_step=False,
        draw=_pairs_drawn,
        objective=lambda training: classification(training, [1] * TOKENS),
        inputs=("forty-two", "on Monday", "", "  ", "a \u2603 twenty " * 20),
        serving_inputs=list,
        fresh=lambda: Examples(dict(zip(("source", "target"), _short_pairs(3, 4000)["test"], strict=True)), "fresh"),
        shuffled=_sources_shuffled,
        serving_outputs=lambda answers: {
            "text": [answer["translation"] for answer in answers],
            "score": [answer["score"] for answer in answers],
        },
        order_metric="exact_match",
        bag_of_words="nearest",
        writes=True,
    ),
    Case(
        name="programs",
        train=_programs,
        build=_encoder_decoder,
        variants=("multiplicative, pyramid", "additive, fed, copying, coverage"),
        in_step=False,
        draw=lambda rng, lengths: _pairs_drawn(rng, lengths, 4 + 10),  # the trained one writes ten digits and a stop
        objective=lambda training: classification(training, [1] * TOKENS),
        inputs=("123456", "9", "", " ", "12\n\u2603", "0987" * 10),
        serving_inputs=list,
        fresh=lambda: Examples(draw_programs("copying", (6, 1), 200, part="test", seed=3), "fresh digits"),
        shuffled=_digits_shuffled,
        serving_outputs=lambda answers: {
            "text": [answer["answer"] for answer in answers],
            "score": [answer["score"] for answer in answers],
        },
        order_metric="character_accuracy",
        bag_of_words="most_frequent",
        writes=True,
    ),
    Case(
        name="question_answering",
        train=_question_answering,
        build=_asked_of_images,
        variants=("last", "max"),
        in_step=False,
        draw=lambda rng, lengths: _with_flags(_one_class_a_row(rng, lengths), rng, lengths),
        objective=lambda training: classification(training, [1] * CLASSES),
        inputs=_ASKED,
        serving_inputs=_image_and_question,
        fresh=lambda: _flags(3, 100),
        shuffled=_images_shuffled,
        serving_outputs=lambda answers: {"answer": [answer["answer"] for answer in answers]},
        order_metric="accuracy",
        bag_of_words="question_alone",
    ),
    Case(
        name="written_answers",
        train=_written_answers,
        build=_asked_of_images,
        variants=("written", "written, attending"),
        in_step=False,
        draw=lambda rng, lengths: _with_flags(
            _pairs_drawn(rng, lengths, 4 + 7), rng, lengths
        ),  # words of the trained one
        objective=lambda training: classification(training, [1] * TOKENS),
        inputs=_ASKED,
        serving_inputs=_image_and_question,
        fresh=lambda: _flags(3, 100, both=True),
        shuffled=_images_shuffled,
        serving_outputs=lambda answers: {name: [answer[name] for answer in answers] for name in ("answer", "score")},
        order_metric="exact_match",
        bag_of_words="question_alone",
        writes=True,
    ),
    Case(
        name="captioning",
        train=_captioning,
        build=_described,
        variants=("attention", "every step", "state"),
        in_step=False,
        draw=_image_and_words_a_row,
        objective=lambda training: classification(training, [1] * TOKENS),
        inputs=_pixels(4),
        serving_inputs=list,
        fresh=lambda: Examples(described_scenes(seed=3, scenes=800)["test"], "fresh scenes"),
        shuffled=_images_shuffled,
        serving_outputs=lambda answers: {
            "text": [answer["caption"] for answer in answers],
            "score": [answer["score"] for answer in answers],
        },
        order_metric="bleu_2",
        bag_of_words="most_frequent",
        margin=10.0,  # of 100
        writes=True,
    ),
)
IN_STEP = tuple(case for case in CASES if case.in_step)
WRITES = tuple(case for case in CASES if case.writes)
ROWS = [(label, f"a {label} film number {n}") for label in ("good", "bad") for n in range(20)]
QUICK = [
    "--training.epochs",
    "1",
    "--training.epoch-steps",
    "0",
    "--embedding.units",
    "4",
    "--stack.units",
    "4",
]  # of a sentiment


def write_small_table(folder: Path) -> Path:
    """ROWS as a file."""
    path = folder / "rows.tsv"
    path.write_text("label\ttext\n" + "".join(f"{label}\t{text}\n" for label, text in ROWS))
    return path


def answers_alone(printed: str) -> list[dict[str, Any]]:
    """What `seqkit predict` prints, without what it says of each input beside the answer."""
    beside = {"id", "true_label", "true_tags", "cut_tokens", "unknown_tokens", "cut_words", "unknown_words"}
    rows = [json.loads(line) for line in printed.splitlines()]
    return [
        {
            key: value
            for key, value in row.items()
            if key not in beside | ({"probabilities"} if "tags" in row else set())
        }
        for row in rows
    ]
