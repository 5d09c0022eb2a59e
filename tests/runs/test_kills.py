"""Whatever ends a training, the same command goes on, and what comes out is as if nothing had."""

import random
import signal

import pytest

from tests.cases import write_small_table
from tests.kills import COMMANDS, SMALL, TO_SAVE, Kill, differences, draw_kills, outcome, train_alone, train_and_kill


def survive(arguments, folder, drawn):
    """Kill a training as drawn for the seconds that it takes, and compare what comes out with one that was left alone."""
    whole, out = folder / "whole", folder / "killed"
    kills = drawn(train_alone(arguments, whole))
    ends = [(kill, train_and_kill(arguments, out, kill)) for kill in kills]
    train_alone(arguments, out)
    assert not differences(outcome(out), outcome(whole)), ends
    assert any(end.step > 0 for _, end in ends), ends  # or nothing was interrupted that could be lost
    assert all(end.seconds < TO_SAVE for _, end in ends), ends


def one_of_each(seconds):
    """Each signal: two while a checkpoint is being written, of which the last is cut, and one at any moment."""
    return [
        Kill(signal.SIGTERM, after=0.0, writing=True),
        Kill(signal.SIGKILL, after=random.Random(1).uniform(0, seconds)),
        Kill(signal.SIGINT, after=0.0, writing=True, cut=0.5),
    ]


@pytest.mark.slow
def test_a_training_survives_signals_and_cut_checkpoints(tmp_path):
    table = write_small_table(tmp_path)
    quick = [
        "sentiment",
        "--data",
        str(table),
        "--embedding.units",
        "4",
        "--stack.units",
        "4",
        "--training.batch-size",
        "2",
    ]
    survive([*quick, *SMALL], tmp_path, one_of_each)


@pytest.mark.slow
@pytest.mark.parametrize("recipe", ["language_model", "programs"])
def test_recipes_survive_signals_and_cut_checkpoints(recipe, tmp_path):
    survive([recipe, *COMMANDS[recipe], *SMALL], tmp_path, lambda seconds: draw_kills(random.Random(1), 3, seconds))
