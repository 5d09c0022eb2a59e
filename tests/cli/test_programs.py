"""Compiled loops on the disk: found again by the next process, not read where they may be damaged or of other settings."""

import os
import time
from pathlib import Path

import pytest
import tensorflow as tf

from seqkit.cli import programs
from seqkit.cli.programs import FLAG, MOST, keep_programs
from seqkit.recurrence.compiled import Compiled, _named_by_content, launching


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache, and no flags."""
    monkeypatch.setenv("SEQKIT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("TF_XLA_FLAGS", "")
    return tmp_path / "cache"


def named(factor, step=lambda x, factor: tf.tanh(x) * factor):
    def loop(x):
        return tf.while_loop(lambda i, y: i < 3, lambda i, y: (i + 1, step(y, factor) + x), (0, x))[1]

    return _named_by_content(tf.function(loop, autograph=False).get_concrete_function(tf.TensorSpec((2, 2))))


def test_a_loop_is_named_by_what_it_computes_and_not_by_when_it_was_traced():
    first, other = named(2.0), named(3.0)
    tf.function(lambda: tf.constant(1.0))()  # has a number of its own
    assert named(2.0) == first != other
    assert named(2.0, lambda x, factor: tf.sin(x) * factor) not in (first, other)


def test_a_program_is_written_where_the_next_process_looks():
    """As the tests' own processes have it; that one of them reads what another has written, kills and resumed runs show.
    They write there side by side, so that a program is known by the name in it."""
    folder = Path(os.environ["TF_XLA_FLAGS"].partition(f"{FLAG}=")[2])

    def loop(x):
        return tf.sin(x) @ x + 0.125

    name = _named_by_content(tf.function(loop, autograph=False).get_concrete_function(tf.TensorSpec((5, 5)))).encode()
    before = set(folder.glob("*.pb"))
    compiled = Compiled(loop)
    tf.function(launching()(lambda x: compiled(x)), autograph=False)(tf.ones((5, 5)))
    assert len([one for one in set(folder.glob("*.pb")) - before if name in one.read_bytes()]) == 1


def test_only_the_newest_since_the_machine_was_started_are_read(cache, monkeypatch):
    keep_programs()
    (folder,) = (cache / "programs").iterdir()
    assert os.environ["TF_XLA_FLAGS"] == f"{FLAG}={folder}"
    now, started = time.time(), time.time() - time.monotonic()
    (folder / "old.pb").touch()
    os.utime(folder / "old.pb", (now, started - 60))
    (folder / "new.pb").touch()
    monkeypatch.setenv("TF_XLA_FLAGS", "")
    keep_programs()
    assert [path.name for path in folder.iterdir()] == ["new.pb"]
    (folder / "new.pb").unlink()
    for number in range(MOST + 3):
        (folder / f"{number}.pb").touch()
        os.utime(folder / f"{number}.pb", (now, now - number))
    monkeypatch.setenv("TF_XLA_FLAGS", "--others=1")
    keep_programs()
    assert os.environ["TF_XLA_FLAGS"] == f"--others=1 {FLAG}={folder}"
    left = {int(path.stem) for path in folder.iterdir()}
    assert left == {number for number in range(MOST) if now - number >= started}


@pytest.mark.parametrize("change", ["XLA_FLAGS", "TF_NUM_INTRAOP_THREADS"])
def test_what_was_compiled_otherwise_lies_elsewhere(cache, monkeypatch, change):
    keep_programs()
    monkeypatch.setenv("TF_XLA_FLAGS", "")
    monkeypatch.setenv(change, "17")
    keep_programs()
    assert len(list((cache / "programs").iterdir())) == 2


def test_where_there_is_no_place_nothing_changes(cache, monkeypatch, tmp_path):
    flags = []
    for place in (tmp_path / "with blanks", "/dev/null/nowhere"):
        monkeypatch.setenv("SEQKIT_CACHE", str(place))
        keep_programs()
        flags.append(os.environ["TF_XLA_FLAGS"])
    monkeypatch.setenv("SEQKIT_CACHE", str(cache))
    monkeypatch.setattr(programs, "ROOM", 2**70)
    keep_programs()
    assert [*flags, os.environ["TF_XLA_FLAGS"]] == ["", "", ""]
