"""One process at a time on a folder, whichever way the one before has ended."""

import json
import os
import signal
import subprocess
import sys

import pytest

from seqkit.core.errors import InputError
from seqkit.runs import lock
from seqkit.runs.folder import new_folder
from seqkit.runs.lock import LOCK, FolderLock

HOLD = """
import sys, time
from pathlib import Path
from seqkit.runs.lock import FolderLock
with FolderLock(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(100)
"""


@pytest.fixture
def holder(tmp_path):
    """Another process, that holds the lock of a folder."""
    (tmp_path / "run").mkdir()
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path / "run")], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_a_second_start_says_who_holds_it(holder, tmp_path):
    with (
        pytest.raises(
            InputError, match=rf"run is being written by process {holder.pid} on {os.uname().nodename} \(since"
        ),
        FolderLock(tmp_path / "run"),
    ):
        pass
    assert json.loads((tmp_path / "run" / LOCK).read_text())["pid"] == holder.pid  # which still holds it


def test_a_training_and_an_evaluation_are_not_at_once(tmp_path):
    """The lock goes along as the folder takes its place; in one process, too, two don't have it."""
    with new_folder(tmp_path / "run") as folder:
        with pytest.raises(InputError, match="run is being written by process"), new_folder(tmp_path / "run"):
            pass
        (folder.path / "run.json").write_text("{}")
        folder.stand()
        with pytest.raises(InputError, match="run is being written by process"), FolderLock(tmp_path / "run"):
            pass
    with FolderLock(tmp_path / "run"):
        pass
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["run.json"]


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM])
def test_a_dead_owners_lock_is_taken_over_with_a_sentence(holder, tmp_path, end, capsys):
    holder.send_signal(end)
    holder.wait()
    assert (tmp_path / "run" / LOCK).exists()
    with FolderLock(tmp_path / "run"):
        assert json.loads((tmp_path / "run" / LOCK).read_text())["pid"] == os.getpid()
    assert f"process {holder.pid} on {os.uname().nodename}" in capsys.readouterr().err
    assert not list((tmp_path / "run").iterdir())
    with FolderLock(tmp_path / "run"):
        pass
    assert capsys.readouterr().err == ""


def test_a_lock_that_was_let_go_of_as_it_was_opened_is_nobodys(tmp_path, monkeypatch):
    """Between opening and locking the file was removed, and made and locked anew by a third: the first is not in."""
    locked, path = lock.lock_descriptor, tmp_path / LOCK

    def late(descriptor, *, blocking):
        monkeypatch.setattr(lock, "lock_descriptor", locked)
        path.unlink()
        third.__enter__()
        return locked(descriptor, blocking=blocking)

    third = FolderLock(tmp_path)
    monkeypatch.setattr(lock, "lock_descriptor", late)
    with pytest.raises(InputError, match="is being written by process"), FolderLock(tmp_path):
        pass
    third.__exit__(None, None, None)
    assert not path.exists()


def test_a_lock_that_is_a_link_is_not_followed(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "precious").write_text("a text")
    (tmp_path / "run" / LOCK).symlink_to(tmp_path / "precious")
    with pytest.raises(OSError, match="symbolic link"), FolderLock(tmp_path / "run"):
        pass
    assert (tmp_path / "precious").read_text() == "a text"
