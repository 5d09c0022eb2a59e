"""Run folders are complete or absent, and what was there before stays until the new one is whole."""

from pathlib import Path

import pytest

from seqkit.core.errors import InputError
from seqkit.core.files import read_json, replacing, write_json
from seqkit.runs.folder import CHECKPOINT, new_folder


def fill(path, content="new", fail=None, checkpoint=False, **options):
    with new_folder(path, **options) as part:
        (part / "run.json").write_text(content)
        if checkpoint:
            (part / CHECKPOINT).parent.mkdir()
            (part / CHECKPOINT).write_text("state")
        if fail:
            raise fail


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


def test_what_was_not_meant_is_refused(tmp_path):
    path = tmp_path / "run"
    with pytest.raises(InputError, match="no interrupted run of .* to resume"):
        fill(path, resume=True)
    with pytest.raises(KeyboardInterrupt):
        fill(path, fail=KeyboardInterrupt(), checkpoint=True)
    with pytest.raises(InputError, match="An interrupted run .* --resume .* --overwrite"):
        fill(path)
    fill(path, resume=True)
    assert names(path) == ["run.json"]
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
