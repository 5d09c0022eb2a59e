"""A curriculum in training: what an epoch trains on follows from the history, and from nothing else."""

import dataclasses
import functools
import itertools
import signal

import keras
import numpy as np
import pytest

from seqkit.batches.pipeline import limited
from seqkit.batches.teacher_forcing import encoder_decoder_rows, without_end
from seqkit.core.ragged import Ragged
from seqkit.core.settings import Attention, Embedding, Search, Stack, Training
from seqkit.corpora.programs import Stage, drawn_programs
from seqkit.layers.embedding import embed_tokens
from seqkit.tasks.programs import DrawnPrograms, Programs
from seqkit.text.tokenizer import tokenize
from seqkit.text.vocabulary import learn_vocabulary
from seqkit.topologies.encoder_decoder import encoder_decoder
from seqkit.training.curriculum import Curriculum
from seqkit.training.objectives import classification
from seqkit.training.step import evaluate
from seqkit.training.trainer import Trainer, reproducible

EASY = drawn_programs(rows=32, exercise="addition", length=3, nesting=1)
VOCABULARY = learn_vocabulary(EASY["train"]["source"] + EASY["train"]["target"], unit="symbol")


def encode(columns, **options):
    ids = [
        VOCABULARY.encode(tokenize(columns[field], VOCABULARY.tokenizer, cache=False)) for field in ("source", "target")
    ]
    return encoder_decoder_rows(*ids, batch_size=8, **options)[0]


ROWS = encode(EASY["train"])
COURSE = Curriculum("addition", Stage("naive", 3, 1), 24, 20, 0, functools.partial(encode, axes=ROWS.axes))


class Counting(Curriculum):
    """What a curriculum must not be: its stage follows from how often it was asked."""

    asked = itertools.count()

    def stage(self, history):
        return dataclasses.replace(self.start, stage=(1 + next(self.asked) % 3, 1))


def test_what_is_drawn_comes_in_batches_as_the_rows_do():
    task = Programs({}, VOCABULARY, VOCABULARY, Search(), DrawnPrograms("addition", 3, 1, "baseline"))
    drawn = task.curriculum(limited(ROWS, 64), seed=0).epoch_rows([])
    assert drawn.batch_steps == 64
    assert all(len(rows) * max(widths) <= 64 for rows, widths in drawn.plan((0, 0)))


@pytest.fixture
def passed(monkeypatch):
    """An accuracy that an untrained model passes after an epoch or two."""
    monkeypatch.setattr("seqkit.corpora.programs.PASSED", 0.13)


class PressCtrlC(keras.callbacks.Callback):
    def __init__(self, epoch, batch):
        self.at, self.epoch = (epoch, batch), 0

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        if (self.epoch, batch) == self.at:
            signal.raise_signal(signal.SIGINT)


def train(curriculum, checkpoint=None, **options):
    training = Training(epochs=3, learning_rate=1e-2)
    with reproducible(0, "float32"):
        before, features, _ = embed_tokens(len(VOCABULARY), Embedding(units=4), name="before")
        model = encoder_decoder(
            embed_tokens(len(VOCABULARY), Embedding(units=4)),
            (before, features),
            outputs=len(VOCABULARY),
            encoder=Stack(units=(6,)),
            decoder=Stack(units=(6,)),
            attention=Attention(),
        )
    objective = classification(training)
    valid = encode(EASY["valid"])
    history = Trainer(model, objective, training, checkpoint=checkpoint).fit(
        ROWS, valid, curriculum=curriculum, **options
    )
    return history, model.get_weights()


def made(column):
    """Rows that are made batch by batch, as they are."""
    return Ragged.of_lengths(np.concatenate([column[row] for row in range(len(column))]), column.lengths)


def same_rows_for_the_same_history(curriculum):
    for epoch in (0, 2):
        history = [{"stage_accuracy": 1.0}] * epoch
        one, other = (curriculum.epoch_rows(history).columns["ids"] for _ in range(2))
        np.testing.assert_array_equal(one.values, other.values)


def test_a_resumed_course_goes_on_where_it_stood(passed, tmp_path):
    (history, weights), checkpoint = train(COURSE), tmp_path / "checkpoint"
    with pytest.raises(KeyboardInterrupt):
        train(COURSE, checkpoint=checkpoint, callbacks=[PressCtrlC(1, 1)])
    again, others = train(COURSE, checkpoint=checkpoint, resume=True)
    names = ("loss", "val_loss", "stage_length", "stage_accuracy")
    np.testing.assert_array_equal(
        [[row[n] for n in names] for row in history], [[row[n] for n in names] for row in again]
    )
    for one, other in zip(weights, others, strict=True):
        np.testing.assert_array_equal(one, other)
    assert {row["stage_length"] for row in history} > {1.0}, "no stage was passed: the test shows nothing"


def test_the_same_history_gives_the_same_rows():
    same_rows_for_the_same_history(COURSE)


def test_it_catches_a_course_that_counts_for_itself():
    with pytest.raises(AssertionError):
        same_rows_for_the_same_history(Counting(**vars(COURSE)))


def test_the_stage_is_a_fold_over_the_history():
    history = [{"stage_accuracy": value} for value in (0.96, 0.5, 0.97, 0.99)]
    stages = [COURSE.stage(history[:count]).stage for count in range(5)]
    assert stages == [(1, 1), (2, 1), (2, 1), (3, 1), (3, 1)]
    still = dataclasses.replace(COURSE, start=Stage("mix", 3, 1))
    assert not still.moves
    assert still.stage([{}, {}]) == still.start


def test_every_epoch_is_fresh_and_of_the_same_size():
    epoch_rows = [COURSE.epoch_rows([{"stage_accuracy": 1.0}] * epoch) for epoch in range(4)]
    assert {(rows.rows, len(rows), tuple(rows.axes)) for rows in epoch_rows} == {(24, len(ROWS), ("ids", "before"))}
    texts = [tuple(VOCABULARY.written(made(rows.columns["ids"]))) for rows in epoch_rows]
    assert len(set(texts)) == 4
    assert all(len(text) == len("print(1+2)") for text in texts[0])
    assert all(len(text) == len("print(123+456)") for text in texts[3])


def test_a_trial_counts_characters_and_not_the_end():
    figures, stage_rows = COURSE.stage_evaluation([])
    assert figures == {"stage_length": 1.0, "stage_nesting": 1.0}
    weights, targets = stage_rows.columns["weights"], stage_rows.columns["targets"]
    answers = VOCABULARY.written(made(targets))
    assert [int(weights[row].sum()) for row in range(stage_rows.rows)] == [len(answer) for answer in answers]
    assert [weights[row][-1] for row in range(stage_rows.rows)] == [0] * stage_rows.rows
    with reproducible(0, "float32"):
        before, features, _ = embed_tokens(len(VOCABULARY), Embedding(units=4), name="before")
        logits = keras.layers.Lambda(lambda x: 0.0 * x)(keras.layers.Dense(len(VOCABULARY))(features))
        model = keras.Model(before, logits)  # which always says padding
    objective = classification(Training())
    assert evaluate(model, without_end(stage_rows), objective)["accuracy"] == 0


def test_rows_that_are_longer_than_the_widths_widen_them():
    kept = {"ids": (4,), "before": (4,)}
    rows = encode(EASY["train"], axes=kept)
    assert rows.axes["ids"][0] == 4
    assert rows.axes["ids"][-1] >= rows.columns["ids"].lengths.max()
    assert sum(len(batch["rows"]) for batch in rows.batches()) == rows.rows
