"""Resume: N steps equal k steps, a stop, and N - k steps, bit for bit; so two runs with one seed are the same."""

import dataclasses
import functools
import os
import shutil
import signal

import keras
import numpy as np
import pytest

from seqkit.batches.pipeline import Pipeline
from seqkit.batches.windows import Windows
from seqkit.core.errors import Terminated
from seqkit.core.settings import Stack, Training
from seqkit.testing.models import axes_of
from seqkit.training.checkpoint import State
from seqkit.training.trainer import Trainer, reproducible
from tests.cases import CASES, IN_STEP
from tests.kinds import OF_EACH_KIND, of_each_kind

STACK = Stack(cell="gru", units=(4,), dropout=0.3)  # one layer: to a trainer variables are a list, however they stand
TRAINING = Training(epochs=3, batch_size=8, ema=0.9, plateau_patience=1, label_smoothing=0.1)


def train(case, windows=False, shapes=1, checkpoint=None, training=TRAINING, **options):
    rng = np.random.default_rng(1)
    lengths = rng.integers(1, 12, 50)
    columns = case.draw(rng, lengths)
    first = next(iter(columns))
    whole = Pipeline(columns, axes_of(columns, most=shapes), 8)
    rows = Windows(columns, first, 8, 5, random=windows == "random") if windows else whole
    with reproducible(0, training.precision):
        model = case.build(STACK, case.variants[0])
    history = Trainer(model, case.objective(training), training, checkpoint=checkpoint).fit(rows, rows, **options)
    clockless = [{k: v for k, v in row.items() if k not in ("seconds", "tokens_per_second")} for row in history]
    return model.get_weights(), clockless


class After(keras.callbacks.Callback):
    """Does something after so many steps."""

    def __init__(self, steps, do=lambda: None):
        super().__init__()
        self.steps, self.do = steps, do

    def on_train_batch_end(self, batch, logs=None):
        self.steps -= 1
        if self.steps == 0:
            self.do()


class Counted(keras.callbacks.Callback):
    """The steps of each epoch."""

    def on_train_begin(self, logs=None):
        self.epochs = []

    def on_epoch_begin(self, epoch, logs=None):
        self.epochs.append(0)

    def on_train_batch_end(self, batch, logs=None):
        self.epochs[-1] += 1


def press_ctrl_c():
    os.kill(os.getpid(), signal.SIGINT)


def pull_the_plug():
    """End as a process does that nobody asks: nothing is saved at that step."""
    raise ConnectionAbortedError


def assert_same(one, other):
    for left, right in zip(one[0], other[0], strict=True):
        np.testing.assert_array_equal(left, right)
    assert one[1] == other[1]


LAYERS, SCAN = 200_000, 0
WAYS = [
    pytest.param(
        (case, tokens, shapes),
        marks=() if case.name in OF_EACH_KIND else pytest.mark.slow,
        id=f"{case.name}, {'layers' if tokens else 'scan'}",
    )
    for case, tokens, shapes in (
        (CASES[0], LAYERS, 3),
        *((case, LAYERS, 1) for case in CASES[1:]),
        (CASES[0], SCAN, 1),
    )
]  # 0 tokens are enough for the scan, which is the same for all; so is the order of batches of several lengths


@pytest.fixture(params=WAYS)
def trained(request, monkeypatch):
    """`train` of a recipe of each kind by Keras's layers, of the first one also with several lengths, and by the scan."""
    case, tokens, shapes = request.param
    monkeypatch.setattr("seqkit.training.executor.TOKENS_A_SHAPE", tokens)
    return functools.partial(train, case, shapes=shapes)


def test_resumed_run_equals_one_that_was_not_stopped(trained, tmp_path):
    """It goes on from what that one had saved after ten steps; how a training stops is asked of one recipe."""
    checkpoint, kept = tmp_path / "checkpoint", tmp_path / "kept"
    saving, keep = dataclasses.replace(TRAINING, checkpoint_steps=10), lambda: shutil.copytree(checkpoint, kept)
    straight = trained(checkpoint=checkpoint, training=saving, callbacks=[After(12, keep)])
    assert max(kept.glob("step-*.npz"), key=lambda path: int(path.stem[5:])).name == "step-10.npz"
    assert_same(trained(checkpoint=kept, training=saving, resume=True), straight)


@pytest.fixture(scope="module")
def first():
    """What doesn't depend on the recipe is asked of one: a training that was not stopped."""
    return train(CASES[0])


def test_two_runs_with_one_seed_are_bit_identical(first):
    assert_same(train(CASES[0]), first)


@pytest.mark.parametrize("steps", [1, 7, 10], ids=["first step", "end of an epoch", "middle of an epoch"])
def test_a_run_may_be_stopped_anywhere(first, steps, tmp_path):
    checkpoint = tmp_path / "checkpoint"
    with pytest.raises(KeyboardInterrupt, match="--resume"):
        train(CASES[0], checkpoint=checkpoint, callbacks=[After(steps, press_ctrl_c)])
    assert_same(train(CASES[0], checkpoint=checkpoint, resume=True), first)


@pytest.mark.parametrize(("steps", "damaged"), [(5, False), (6, True), (19, True)])
def test_what_is_lost_is_what_came_after_the_last_checkpoint_that_is_whole(first, steps, damaged, tmp_path):
    saving = dataclasses.replace(TRAINING, checkpoint_steps=2)
    with pytest.raises(ConnectionAbortedError):
        train(CASES[0], checkpoint=tmp_path, training=saving, callbacks=[After(steps, pull_the_plug)])
    older, newest = sorted(int(path.stem.removeprefix("step-")) for path in tmp_path.glob("step-*.npz"))
    assert steps - 3 <= newest < steps
    if damaged:
        path = tmp_path / f"step-{newest}.npz"
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    seen = After(0)
    assert_same(train(CASES[0], checkpoint=tmp_path, training=saving, resume=True, callbacks=[seen]), first)
    assert -seen.steps == 21 - (older if damaged else newest)  # no step is done twice that was saved


def test_an_end_in_the_middle_of_a_validation_is_at_once(first, tmp_path, monkeypatch):
    from_there = []

    def stopped(*given):
        os.kill(os.getpid(), signal.SIGTERM)
        from_there.append("still going")

    with monkeypatch.context() as patch:
        patch.setattr("seqkit.training.trainer.total_sums", stopped)
        with pytest.raises(Terminated, match="after 0 epochs and 7 steps: the checkpoint is saved"):
            train(CASES[0], checkpoint=tmp_path)
    assert not from_there
    assert_same(train(CASES[0], checkpoint=tmp_path, resume=True), first)


def test_a_training_that_is_extended_is_one_that_was_longer_from_the_first(first, tmp_path):
    shorter = train(CASES[0], checkpoint=tmp_path, training=dataclasses.replace(TRAINING, epochs=2))
    assert shorter[1] == first[1][:2]
    assert_same(train(CASES[0], checkpoint=tmp_path, resume=True), first)


def test_resume_check_catches_a_forgotten_variable(first, tmp_path, monkeypatch):
    """With an optimizer that starts anew, the resumed run must come out different."""
    checkpoint = tmp_path / "checkpoint"
    with pytest.raises(KeyboardInterrupt):
        train(CASES[0], checkpoint=checkpoint, callbacks=[After(10, press_ctrl_c)])
    forgetful, assign = [], State.assign

    def forget(state, arrays):
        weights = len(first[0])
        forgetful.extend(array for array in arrays[weights:] if array.ndim == 2)
        assign(state, [*arrays[:weights], *(array * (array.ndim != 2) for array in arrays[weights:])])

    monkeypatch.setattr(State, "assign", forget)
    with pytest.raises(AssertionError):
        assert_same(train(CASES[0], checkpoint=checkpoint, resume=True), first)
    assert forgetful


@pytest.mark.parametrize(  # in which the states are
    "precision", ["float32", pytest.param("mixed_bfloat16", marks=pytest.mark.slow)]
)
@pytest.mark.parametrize("recipe", of_each_kind(IN_STEP, ["language_model"]))
def test_resumed_windows_go_on_with_their_state(recipe, precision, tmp_path):
    """Also in a pass that has more batches than the first one, by which an epoch is counted."""
    checkpoint, counted = tmp_path / "checkpoint", Counted()
    on_windows = functools.partial(
        train, recipe, windows="random", training=dataclasses.replace(TRAINING, precision=precision)
    )
    straight = on_windows(callbacks=[counted])
    assert counted.epochs[1] > counted.epochs[0]
    stop = After(counted.epochs[0] + counted.epochs[1] - 2, press_ctrl_c)
    with pytest.raises(KeyboardInterrupt, match="--resume"):
        on_windows(checkpoint=checkpoint, callbacks=[stop])
    assert_same(on_windows(checkpoint=checkpoint, resume=True), straight)
    with np.load(next(checkpoint.glob("step-*.npz"))) as kept:
        arrays = dict(kept)
    assert len(straight[1]) == TRAINING.epochs
    assert any(array.shape == (8, 4) and array.any() for array in arrays.values())  # the states of eight slots
