"""Many files: each answered whole or not at all, none twice, a bad one named; by workers of Ray the same, whatever ends."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from seqkit import load, predict_files
from seqkit.cli.main import main
from seqkit.core.errors import InputError, UnfinishedError
from tests.cases import answers_alone


@pytest.fixture
def texts(tmp_path):
    """Three files of lines in two folders, and a table that no run can read."""
    for name, count in {"a/x.txt": 3, "b/x.txt": 2, "b/deep/y.txt": 300}.items():
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / name).write_text("".join(f"a {['good', 'bad'][n % 2]} film {n}\n" for n in range(count)))
    return tmp_path / "in"


def answers(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*.jsonl")}


def test_each_file_gets_the_answers_of_its_inputs(small, texts, tmp_path):
    predict_files(small, f"{texts}/**/*.txt", tmp_path / "out")
    found = answers(tmp_path / "out")
    assert found.keys() == {"a/x.txt.jsonl", "b/x.txt.jsonl", "b/deep/y.txt.jsonl"}
    run = load(small)
    for name, written in found.items():
        lines = (texts / name.removesuffix(".jsonl")).read_text().splitlines()
        assert answers_alone(written.decode()) == run.predict(lines)
    assert not list((tmp_path / "out").rglob("*.partial"))


@pytest.mark.parametrize("relative", [False, True])
def test_a_file_keeps_its_place_when_others_come(small, texts, tmp_path, monkeypatch, capsys, relative):
    monkeypatch.chdir(tmp_path)
    later = texts / "b"
    later.rename(tmp_path / "later")
    pattern = "in/../in/**/*.txt" if relative else f"{texts}/**/*.txt"
    predict_files(small, pattern, tmp_path / "out")
    assert answers(tmp_path / "out").keys() == {"a/x.txt.jsonl"}
    (tmp_path / "later").rename(later)
    predict_files(small, pattern, tmp_path / "out")
    assert "1 of 3 files are answered already" in capsys.readouterr().err
    assert answers(tmp_path / "out").keys() == {"a/x.txt.jsonl", "b/x.txt.jsonl", "b/deep/y.txt.jsonl"}


@pytest.mark.parametrize(
    ("pattern", "place"),
    [
        ("in/a/x.txt", "x.txt"),
        ("*/a/x.txt", "in/a/x.txt"),
        ("in/b/*/*.txt", "deep/y.txt"),
        ("in/b/*/../../a/*", "a/x.txt"),
    ],
)
def test_answers_lie_below_what_a_pattern_names_before_its_wildcards(
    small, texts, tmp_path, monkeypatch, pattern, place
):
    monkeypatch.chdir(tmp_path)
    predict_files(small, pattern, "out")
    assert answers(tmp_path / "out").keys() == {f"{place}.jsonl"}


def test_a_linked_file_is_answered_where_the_link_lies(small, texts, tmp_path):
    (texts / "a" / "linked.txt").symlink_to(texts / "b" / "x.txt")
    predict_files(small, f"{texts}/a/*.txt", tmp_path / "out")
    assert answers(tmp_path / "out").keys() == {"x.txt.jsonl", "linked.txt.jsonl"}


def test_a_bad_file_is_named_and_a_second_call_does_what_is_left(small, texts, tmp_path, monkeypatch, capsys):
    bad = texts / "b" / "bad.csv"
    bad.write_text("other\nx\n")
    command = ["predict", str(small), "--input", f"{texts}/**/*.*", "--out", str(tmp_path / "out")]
    assert main(command) == 1
    said = capsys.readouterr().err
    assert f"1 of 4 files could not be answered: {bad}, line 1: no column 'text'" in " ".join(said.split())
    first = answers(tmp_path / "out")
    assert len(first) == 3
    kept = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*.jsonl")}
    bad.write_text("text\na good film\n")
    changed = texts / "a" / "x.txt"
    changed.write_text("a bad film\n")
    os.utime(changed, (time.time() + 5, time.time() + 5))
    assert main(command) == 0
    assert "2 of 4 files are answered already" in capsys.readouterr().err
    new = {path for path in (tmp_path / "out").rglob("*.jsonl") if kept.get(path) != path.stat().st_mtime_ns}
    assert {path.name for path in new} == {"bad.csv.jsonl", "x.txt.jsonl"}
    assert len(answers(tmp_path / "out")["a/x.txt.jsonl"].splitlines()) == 1


def test_what_can_not_be_done_is_one_sentence(small, texts, tmp_path, monkeypatch):
    out = tmp_path / "out"
    with pytest.raises(InputError, match="fits no file: check the pattern, and quote it"):
        predict_files(small, f"{texts}/*.none", out)
    predict_files(small, f"{texts}/a/*.txt", out)
    other = tmp_path / "run"
    shutil.copytree(small, other)
    with pytest.raises(InputError, match="has the answers of another run, of other columns"):
        predict_files(other, f"{texts}/a/*.txt", out, columns={"text": "body"})
    with pytest.raises(InputError, match="has the answers of another run, of other columns or ids"):
        predict_files(small, f"{texts}/a/*.txt", out, id="nr")
    with pytest.raises(InputError, match="address is 'here:1' with engine 'local'"):
        predict_files(small, f"{texts}/a/*.txt", out, address="here:1")
    with pytest.raises(InputError, match=r"engine is 'spark': choose one of local, ray"):
        predict_files(small, f"{texts}/a/*.txt", out, engine="spark")
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(InputError, match=r"engine ray needs Ray, which isn't installed: pip install 'seqkit\[ray\]'"):
        predict_files(small, f"{texts}/a/*.txt", out, engine="ray")
    for flags in (["--input", "x"], ["--out", "x"], ["lines.txt", "--input", "x", "--out", "y"], ["--engine", "ray"]):
        assert main(["predict", str(small), *flags]) == 2


def test_a_write_that_fails_leaves_nothing(small, texts, tmp_path, monkeypatch):
    def stops(run, file, **how):
        yield {"label": "good"}
        raise ValueError("it fell over")

    monkeypatch.setattr("seqkit.runs.many_files.predict_file", stops)
    with pytest.raises(UnfinishedError, match=r"3 of 3 files could not be answered: .*it fell over"):
        predict_files(small, f"{texts}/**/*.txt", tmp_path / "out")
    assert not answers(tmp_path / "out")
    assert not list((tmp_path / "out").rglob("*.partial"))


def writer_of(part):
    """The process that has a file open."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if any(os.readlink(link) == str(part) for link in (process / "fd").iterdir()):
                return int(process.name)
        except OSError:
            continue
    return None


@pytest.mark.slow
@pytest.mark.parametrize("killed", [False, True])
def test_rays_workers_write_the_same(small, texts, tmp_path, killed):
    pytest.importorskip("ray")
    for name in ("long.txt", "longer.txt"):
        (texts / "a" / name).write_text("a good film and a bad one\n" * 60_000)
    (texts / "b" / "bad.csv").write_text("other\nx\n")
    with pytest.raises(UnfinishedError):
        predict_files(small, f"{texts}/**/*.*", tmp_path / "out")
    command = [sys.executable, "-m", "seqkit.cli", "predict", str(small), "--input", f"{texts}/**/*.*"]
    command += ["--out", str(tmp_path / "ray"), "--engine", "ray"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        part, end, pid = (tmp_path / "ray" / "a" / ".long.txt.jsonl.partial"), time.monotonic() + 240, None
        while killed and pid is None and time.monotonic() < end:
            pid = writer_of(part) if part.exists() and part.stat().st_size else None
            time.sleep(0.02)
        if killed:
            assert pid not in (None, process.pid)
            os.kill(pid, signal.SIGKILL)
        said = process.communicate(timeout=300)[1]
    assert process.returncode == 1
    assert "1 of 6 files could not be answered" in said
    assert len(said.splitlines()) == 2, said
    assert answers(tmp_path / "ray") == answers(tmp_path / "out")
