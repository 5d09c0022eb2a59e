"""What users call is typed: mypy takes what is right, and refuses what is wrong for the reason that it should.

All share .mypy_cache with the `mypy` of the command line: ten seconds when it is empty, one when it isn't.
"""

import re
from pathlib import Path

import mypy.api
import pytest

ROOT = Path(__file__).parents[2]
USERS = """
from pathlib import Path
from typing import Any, Unpack, assert_type

from seqkit import Run, RunBuilder, RunOptions, Stack, accelerate, load, recipe
from seqkit.recipes import captioning, language_model, programs, question_answering, tagging, translation, video_frames
from seqkit.recipes.sentiment import sentiment

assert_type(sentiment("reviews.tsv", out="x", seed=1), Run)
sentiment(out=Path("x"), valid=(["good"], ["yes"]), data_dir=None, overwrite=True, callbacks=[])
sentiment(stack=Stack(cell="gru", units=(8, 8)), pooling="last")
sentiment(sed=1)  # wrong: call-arg
sentiment(seed="a")  # wrong: arg-type
sentiment(out=1)  # wrong: arg-type
sentiment(stack="gru")  # wrong: arg-type
sentiment(pooling="middle")  # wrong: arg-type

for train in (captioning, language_model, programs, question_answering, tagging, translation, video_frames):
    assert_type(train(seed=1), Run)
captioning(seed="a")  # wrong: arg-type
language_model(seed="a")  # wrong: arg-type
programs(seed="a")  # wrong: arg-type
question_answering(seed="a")  # wrong: arg-type
tagging(seed="a")  # wrong: arg-type
translation(seed="a")  # wrong: arg-type
video_frames(seed="a")  # wrong: arg-type

run = load(Path("saved_models/reviews"))
assert_type(run, Run)
assert_type(run.predict(["a fine film"]), list[dict[str, Any]])
run.export("litert")
run.export(1)  # wrong: arg-type
load(1)  # wrong: arg-type
Stack(units=8)  # wrong: arg-type
Stack(unit=(8,))  # wrong: call-arg
accelerate()  # wrong: call-arg


@recipe(task="tasks:Echo", least={"size": 1})
def echo(data: str, *, size: int = 3, **run: Unpack[RunOptions]) -> Run:
    assert_type(run["seed"], int)
    with RunBuilder(echo, locals()) as builder:
        assert_type(builder, RunBuilder)
        return load("x")


assert_type(echo("rows.tsv", size=2, resume=True), Run)
echo()  # wrong: call-arg
echo("rows.tsv", size="2")  # wrong: arg-type
echo("rows.tsv", resumed=True)  # wrong: call-arg
RunBuilder(echo)  # wrong: call-arg
recipe()  # wrong: call-arg
"""
LOOSE = """
from collections.abc import Callable
from typing import Any

def recipe(function: Callable[..., Any]) -> Callable[..., Any]:
    return function

@recipe
def echo(*, seed: int = 0) -> None: ...

echo(sed=1)  # wrong: call-arg
"""


def check_types(source: str, path: Path):
    path.write_text(source)
    said, trouble, _ = mypy.api.run(["--config-file", str(ROOT / "pyproject.toml"), str(path)])
    assert not trouble, trouble
    lines = enumerate(source.splitlines(), start=1)
    wrong = {(number, line.partition("  # wrong: ")[2]) for number, line in lines if "  # wrong: " in line}
    refused = re.findall(rf"{path.name}:(\d+): error: .*\[([a-z-]+)\]$", said, re.MULTILINE)
    assert {(int(number), code) for number, code in refused} == wrong, said


def test_what_users_call_is_typed(tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    check_types(USERS, tmp_path / "users.py")


def test_the_check_catches_a_decorator_that_forgets_the_arguments(tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    with pytest.raises(AssertionError, match="no issues found"):
        check_types(LOOSE, tmp_path / "loose.py")
