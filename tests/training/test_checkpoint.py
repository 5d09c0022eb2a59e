"""Checkpoints: the last two, whole or not there; a damaged one gives way to the one before, aloud."""

import json
import os

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from seqkit.core.errors import InputError
from seqkit.training import checkpoint as module
from seqkit.training.checkpoint import Checkpoint, Position, gone_on
from seqkit.training.trainer import _packed, _unpacked

OF = {"steps": 7, "seed": 0}


def state(total):
    """A position whose best epoch changes at every second step, its arrays and best weights."""
    position = Position(epoch=total, total=total, best=total // 2, sums={"loss": 0.1 * total}, history=[{"epoch": 1.0}])
    return position, [np.full((30, 3), total, np.float32), np.int64(total)], [np.full(4, position.best, np.float64)]


def saved(folder, *totals):
    checkpoint = Checkpoint(folder, OF)
    for total in totals:
        assert checkpoint.save(*state(total))
    return checkpoint


def assert_latest(folder, total):
    position, arrays, best = Checkpoint(folder, OF).latest()
    expected, values, weights = state(total)
    assert position == expected
    for got, wanted in zip(arrays + best, values + (weights if expected.best else []), strict=True):
        assert got.dtype == wanted.dtype
        np.testing.assert_array_equal(got, wanted)


def test_the_last_two_are_kept_with_the_best_weights_that_they_go_back_to(tmp_path):
    for last in range(1, 8):
        saved(tmp_path, last)
        assert_latest(tmp_path, last)
        assert Checkpoint(tmp_path, OF).steps() == [max(last - 1, 1), last][-min(last, 2) :]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["best-2.npz", "best-3.npz", "step-6.npz", "step-7.npz"]
    (tmp_path / "step-7.npz").unlink()
    assert_latest(tmp_path, 6)


def test_what_0_11_saved_has_its_whole_history_in_itself(tmp_path):
    position, arrays, best = state(5)
    module._write(tmp_path / "best-2.npz", "{}", best)
    module._write(tmp_path / "step-5.npz", json.dumps({"of": OF, "position": vars(position)}), arrays)
    assert_latest(tmp_path, 5)


@settings(max_examples=40, deadline=None)
@given(name=st.sampled_from(["step-7.npz", "best-3.npz"]), data=st.data())
def test_a_damaged_newest_one_gives_way_to_the_one_before(tmp_path_factory, name, data):
    folder = tmp_path_factory.mktemp("checkpoint")
    saved(folder, 5, 7)
    path = folder / name
    whole = path.read_bytes()
    place = data.draw(st.integers(0, len(whole) - 1))
    spoilt = data.draw(
        st.sampled_from([whole[:place], whole[:place] + bytes([whole[place] ^ 255]) + whole[place + 1 :]])
    )
    path.write_bytes(spoilt)
    position = Checkpoint(folder, OF).latest()[0]
    assert position.total in (5, 7)  # a byte that nobody reads, such as a date, does no harm
    assert_latest(folder, position.total)
    if len(spoilt) < len(whole):
        assert position.total == 5
        saved(folder, 7)
        assert_latest(folder, 7)  # written anew, though a file of that name was there


def test_damage_is_said_and_nothing_whole_is_an_error(tmp_path, capsys):
    saved(tmp_path, 5, 7)
    (tmp_path / "step-7.npz").write_bytes(b"")
    assert_latest(tmp_path, 5)
    assert "step-7.npz is damaged" in (said := capsys.readouterr().err)
    assert "the one before it is taken" in said
    (tmp_path / "step-5.npz").write_bytes(b"nonsense")
    with pytest.raises(InputError, match="its checkpoints are damaged: take it from a backup, or train anew"):
        Checkpoint(tmp_path, OF).latest()
    with pytest.raises(InputError, match="holds no checkpoint"):
        Checkpoint(tmp_path / "none", OF).latest()


def test_another_training_is_refused_with_the_differences(tmp_path):
    saved(tmp_path, 5)
    with pytest.raises(InputError, match="another training: steps was 7, now 8"):
        Checkpoint(tmp_path, OF | {"steps": 8}).latest()


def test_a_new_training_does_not_write_beside_another_ones_checkpoints(tmp_path):
    with pytest.raises(InputError, match="nothing to resume"):
        gone_on(None, resume=True)
    assert gone_on(None, resume=False) is gone_on(Checkpoint(tmp_path, OF), resume=False) is None
    checkpoint = saved(tmp_path, 3)
    assert gone_on(checkpoint, resume=True)[0].total == 3
    with pytest.raises(InputError, match="holds the checkpoints of a training, up to step 3: go on"):
        gone_on(checkpoint, resume=False)


def test_a_full_disk_leaves_what_there_is_and_is_said(tmp_path, capsys, monkeypatch):
    saved(tmp_path, 3)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    assert not Checkpoint(tmp_path, OF).save(*state(5))
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    assert "step 5 can't be written (No space left on device): the one of step 3 is kept" in capsys.readouterr().err
    monkeypatch.undo()
    saved(tmp_path, 5)
    assert_latest(tmp_path, 5)


def test_numbers_come_back_as_they_were(tmp_path):
    """The history and the sums are bit for bit what they were: Python writes the shortest decimal that reads back so."""
    figures = {str(number): value for number, value in enumerate(np.random.default_rng(0).normal(size=100).tolist())}
    Checkpoint(tmp_path, OF).save(Position(total=1, sums=figures | {"odd": float("inf")}), [], [])
    assert Checkpoint(tmp_path, OF).latest()[0].sums == json.loads(json.dumps(figures)) | {"odd": float("inf")}


def test_bfloat16_comes_back_as_float32_from_a_file_and_from_another_worker(tmp_path):
    """Which NumPy would write as bytes of no type."""
    values = np.random.default_rng(0).normal(size=20).astype(tf.bfloat16.as_numpy_dtype)
    Checkpoint(tmp_path, OF).save(Position(total=1, best=1), [values], [values])
    for _, (array,), (best,) in (
        Checkpoint(tmp_path, OF).latest(),
        _unpacked(_packed(Position(), [values], [values])),
    ):
        assert array.dtype == best.dtype == np.float32
        np.testing.assert_array_equal(array, values)
        np.testing.assert_array_equal(best, values)


def test_a_save_writes_what_is_new_of_a_history(tmp_path, monkeypatch):
    """So that the thousandth epoch costs what the first did; but what is given is what is written, whatever was before."""
    monkeypatch.setattr(module, "BLOCK", 2)
    rows = [{"epoch": float(epoch), "loss": 1 / epoch} for epoch in range(1, 9)]
    checkpoint, written = Checkpoint(tmp_path, OF), []
    for total, history in enumerate([rows[:3], rows[:7], rows, rows[:2], [rows[1], rows[0], rows[2]], []], start=1):
        before = {path: path.stat().st_ino for path in tmp_path.glob("rows-*")}
        assert checkpoint.save(Position(total=total, history=history), [], [])
        written.append(sum(path.stat().st_ino != before.get(path) for path in tmp_path.glob("rows-*")))
        assert Checkpoint(tmp_path, OF).latest()[0] == Position(total=total, history=history)
    assert written == [1, 2, 1, 0, 1, 0]


def test_a_resumed_training_goes_on_with_its_history(tmp_path, monkeypatch, capsys):
    """Of which whole blocks are files: none is written twice, and what is damaged gives way to what goes without it."""
    monkeypatch.setattr(module, "BLOCK", 2)
    rows = [{"epoch": float(epoch)} for epoch in range(6)]
    for total in range(1, 7):
        checkpoint = Checkpoint(tmp_path, OF)
        assert total == 1 or checkpoint.latest()[0].history == rows[: total - 1]
        before = {path: path.stat().st_ino for path in tmp_path.glob("rows-*")}
        assert checkpoint.save(Position(total=total, history=rows[:total]), [], [])
        assert before.items() <= {path: path.stat().st_ino for path in tmp_path.glob("rows-*")}.items()
    (tmp_path / "rows-2.npz").write_bytes(b"")
    assert Checkpoint(tmp_path, OF).latest()[0].history == rows[:5]
    assert "step-6.npz is damaged" in capsys.readouterr().err
