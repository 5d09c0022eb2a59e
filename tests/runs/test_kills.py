"""Whatever ends a training, the same command goes on, and what comes out is as if nothing had."""

import random

import pytest

from tests.cases import write_small_table
from tests.kills import COMMANDS, SMALL, TO_SAVE, differences, draw_kills, outcome, train_alone, train_and_kill


def survive(arguments, folder, kills, seed=1):
    """Kill a training so often, as drawn with a seed, and compare what comes out with one that was left alone."""
    whole, out = folder / "whole", folder / "killed"
    seconds = train_alone(arguments, whole)
    ends = [(kill, train_and_kill(arguments, out, kill)) for kill in draw_kills(random.Random(seed), kills, seconds)]
    train_alone(arguments, out)
    assert not differences(outcome(out), outcome(whole)), ends
    assert any(end.step > 0 for _, end in ends), ends  # or nothing was interrupted that could be lost
    assert all(end.seconds < TO_SAVE for _, end in ends), ends


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
    survive([*quick, *SMALL], tmp_path, kills=3, seed=637)  # which draws each signal once, and early


@pytest.mark.slow
@pytest.mark.parametrize("recipe", ["language_model", "programs"])
def test_recipes_survive_signals_and_cut_checkpoints(recipe, tmp_path):
    survive([recipe, *COMMANDS[recipe], *SMALL], tmp_path, kills=3)
