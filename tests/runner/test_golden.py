"""Artefacts of earlier releases open, and answer as their runs did."""

from pathlib import Path

import pytest

from seqkit_runner.artefact import verified
from tests.golden.make import ALL

GOLDEN = sorted((Path(__file__).parents[1] / "golden").glob("*.zip"))
QUICK = ("onnx", "litert")  # the others start TensorFlow's graphs, a second or more each

SLOWER = ("0.7.0-sentiment-keras", "0.10.0-wide-savedmodel")  # one of each


def formats(path):
    return path.stem.rpartition("-")[2]


@pytest.mark.parametrize(
    "path",
    [
        pytest.param(
            path, id=path.stem, marks=[] if formats(path) in QUICK or path.stem in SLOWER else pytest.mark.slow
        )
        for path in GOLDEN
    ],
)
def test_a_golden_artefact_answers_as_its_run_did(path):
    assert "test vectors answered" in verified(path)


def test_there_is_one_of_each_recipe_and_format():
    made = {tuple(path.stem.split("-")[1:]) for path in GOLDEN}
    assert made == {(name, format) for name, (_, formats) in ALL.items() for format in formats}
