"""Run folders are complete or absent, and what was there before stays until the new one is whole."""

import contextlib
import os
from pathlib import Path

import pytest

from seqkit.core.errors import InputError
from seqkit.core.files import read_json, replacing, write_json
from seqkit.runs.folder import CHECKPOINT, new_folder


def fill(path, content="new", fail=None, checkpoint=False, **options):
    with new_folder(path, **options) as folder:
        (folder.path / "run.json").write_text(content)
        if checkpoint:
            (folder.path / CHECKPOINT).mkdir()
            (folder.path / CHECKPOINT / "step-1.npz").write_text("state")
        if fail:
            raise fail
        folder.stand()


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("error", [OSError("disk full"), KeyboardInterrupt(), ValueError()], ids=repr)
def test_a_folder_that_fails_is_absent_and_the_old_one_stays(tmp_path, error):
    path = tmp_path / "run"
    with pytest.raises(type(error)):
        fill(path, fail=error)
    assert names(tmp_path) == []
    fill(path, "old")
    with pytest.raises(type(error)):
        fill(path, fail=error, overwrite=True)
    assert names(tmp_path) == ["run"]
    assert (path / "run.json").read_text() == "old"
    fill(path, overwrite=True)
    assert names(tmp_path) == ["run"]
    assert (path / "run.json").read_text() == "new"


@pytest.mark.parametrize("overwrite", [False, True])
def test_what_fails_once_a_folder_stands_takes_nothing_from_it(tmp_path, overwrite):
    if overwrite:
        fill(tmp_path / "run", "old")
    with contextlib.suppress(OSError), new_folder(tmp_path / "run", overwrite=overwrite) as folder:
        (folder.path / "run.json").write_text("new")
        folder.stand()
        (folder.path / "more").write_text("added")
        raise OSError("disk full")
    assert names(tmp_path) == ["run"]
    assert names(tmp_path / "run") == ["more", "run.json"]
    assert (tmp_path / "run" / "run.json").read_text() == "new"


def test_a_place_that_was_taken_meanwhile_is_left_to_who_took_it(tmp_path):
    path = tmp_path / "run"
    with new_folder(path, overwrite=True) as folder:
        (folder.path / CHECKPOINT).mkdir()
        (folder.path / CHECKPOINT / "step-1.npz").write_text("state")
        path.mkdir()
        (path / "photo").write_text("precious")
        with pytest.raises(InputError, match="exists and is no run folder"):
            folder.stand()
    assert names(path) == ["photo"]
    assert (tmp_path / ".run.partial" / CHECKPOINT).exists()  # to go on from, somewhere else


def test_who_is_done_takes_nothing_from_who_comes_next(tmp_path):
    with contextlib.ExitStack() as next_one:
        with new_folder(tmp_path / "run") as folder:
            (folder.path / "run.json").write_text("old")
            folder.stand()
            made = next_one.enter_context(new_folder(tmp_path / "run", overwrite=True))
        (made.path / "run.json").write_text("new")
        made.stand()
    assert names(tmp_path) == ["run"]
    assert (tmp_path / "run" / "run.json").read_text() == "new"


def test_a_run_that_was_being_replaced_as_the_plug_was_pulled_is_put_back(tmp_path):
    fill(tmp_path / "run", "old")
    (tmp_path / "run").rename(tmp_path / ".run.old")
    with pytest.raises(InputError, match="exists: choose another"):
        fill(tmp_path / "run", "new")
    assert names(tmp_path) == ["run"]
    assert (tmp_path / "run" / "run.json").read_text() == "old"


def test_what_was_not_meant_is_refused(tmp_path):
    path = tmp_path / "run"
    with pytest.raises(InputError, match="no interrupted run of .* to resume"):
        fill(path, resume=True)
    with pytest.raises(KeyboardInterrupt):
        fill(path, fail=KeyboardInterrupt(), checkpoint=True)
    with pytest.raises(InputError, match="An interrupted run .* --resume .* --overwrite"):
        fill(path)
    fill(path, resume=True)
    assert names(path) == ["checkpoint", "run.json"]
    assert names(tmp_path) == ["run"]
    with pytest.raises(InputError, match="exists: choose another --out, or pass --overwrite"):
        fill(path)
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "one").write_text("precious")
    with pytest.raises(InputError, match="is no run folder"):
        fill(tmp_path / "photos", overwrite=True)
    assert names(tmp_path / "photos") == ["one"]
    with pytest.raises(InputError, match="names no folder"):
        fill(Path("."))
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="a part of that path is a file"):
        fill(tmp_path / "file" / "run")
    with pytest.raises(
        InputError, match="can't be made \\(.*\\): choose another"
    ):  # where nobody may write, not even root
        fill(Path("/proc/run"))


@pytest.mark.parametrize("error", [OSError("disk full"), KeyboardInterrupt()], ids=repr)
def test_a_folder_that_cant_take_the_place_leaves_the_old_one_there(tmp_path, monkeypatch, error):
    path, rename = tmp_path / "artefact", os.replace

    def failing(old, new):
        if old.name == ".artefact.partial":
            raise error
        rename(old, new)

    def write(content):
        with replacing(path) as part:
            part.mkdir()
            (part / "inner").write_text(content)

    write("old")
    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", failing)
        with pytest.raises(type(error)):
            write("new")
    assert (path / "inner").read_text() == "old"
    path.rename(tmp_path / ".artefact.old")  # as somebody pulled the plug
    with pytest.raises(OSError, match="disk full"), replacing(path):
        raise OSError("disk full")
    assert names(tmp_path) == ["artefact"]
    write("new")
    assert (path / "inner").read_text() == "new"
    assert names(tmp_path) == ["artefact"]


@pytest.mark.parametrize("is_folder", [False, True])
def test_replacing_keeps_the_old_until_the_new_is_whole(tmp_path, is_folder):
    path = tmp_path / "artefact"

    def write(content, fail=False):
        with replacing(path) as part:
            if is_folder:
                part.mkdir()
            (part / "inner" if is_folder else part).write_text(content)
            if fail:
                raise OSError("disk full")

    write("old")
    with pytest.raises(OSError, match="disk full"):
        write("new", fail=True)
    assert (path / "inner" if is_folder else path).read_text() == "old"
    write("new")
    assert (path / "inner" if is_folder else path).read_text() == "new"
    assert names(tmp_path) == ["artefact"]


def test_json_is_read_back_or_complained_about(tmp_path):
    write_json(tmp_path / "run.json", {"naïve": [1.5, None]})
    assert read_json(tmp_path / "run.json") == {"naïve": [1.5, None]}
    (tmp_path / "run.json").write_text("{")
    with pytest.raises(InputError, match="run.json is damaged"):
        read_json(tmp_path / "run.json")
    with pytest.raises(InputError, match="is no run folder"):
        read_json(tmp_path / "absent" / "run.json")
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "run.json", float("nan"))
