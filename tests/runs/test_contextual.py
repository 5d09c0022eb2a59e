"""Taggers whose words are read by language models: what they answer abroad, and which language models are refused."""

import json
import shutil

import numpy as np
import pytest

from seqkit import load
from seqkit.cli.main import main
from seqkit.core.errors import InputError
from seqkit.core.settings import Embedding, Stack, Training
from seqkit.recipes.language_model import language_model
from seqkit.recipes.tagging import tagging
from seqkit.runs.contents import add_files, read_info
from seqkit.runs.parts import without_report

pytestmark = pytest.mark.xdist_group("contextual")
WORDS = [["Ann", "sees", "a", "cat"], ["A", "dog", "runs"], ["Ben", "runs"], ["the", "cat", "sees", "Ann"]] * 3
TAGS = [["NAME", "VERB", "DET", "NOUN"], ["DET", "NOUN", "VERB"], ["NAME", "VERB"], ["DET", "NOUN", "VERB", "NAME"]] * 3
SMALL = {"embedding": Embedding(units=3), "training": Training(epochs=1, batch_size=4)}


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Language models of each direction; one that is broken in some way by each other name."""
    folder = tmp_path_factory.mktemp("contextual")
    text = [" ".join(words) for words in WORDS]
    with without_report():
        for name in ("forward", "backward"):
            language_model(
                (text,), valid=(text,), backward=name == "backward", stack=Stack(units=(4,)), out=folder / name, **SMALL
            )
    changes = {
        "folded": {"lowercase": True},
        "without_blanks": {
            "tokens": [one.replace(" ", "_") for one in load(folder / "forward").task.vocabulary.tokens]
        },
    }
    for name, change in changes.items():
        shutil.copytree(folder / "forward", folder / name)
        path = folder / name / "vocabulary.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | change))
        add_files(folder / name, read_info(folder / name), [path])
    with without_report():
        language_model((text,), valid=(text,), unit="word", stack=Stack(units=(4,)), out=folder / "of_words", **SMALL)
        tagging((WORDS, TAGS), stack=Stack(units=(4,)), out=folder / "of_tags", **SMALL)
    return folder


def train(models, out, names, **settings):
    contextual = tuple(models / name for name in names)
    with without_report():
        return tagging((WORDS, TAGS), contextual=contextual, stack=Stack(units=(3,)), out=out, **SMALL, **settings)


@pytest.mark.parametrize(
    ("characters", "formats"),
    [
        ("none", ["onnx"]),
        pytest.param("cnn", ["keras", "savedmodel", "onnx", "litert"], marks=pytest.mark.slow),
    ],
)
def test_it_opens_and_answers_abroad_as_the_run(models, characters, formats, tmp_path):
    """Each export asks what it wrote for real rows, and is kept only where the answers are the run's."""
    run = train(models, tmp_path / "run", ["backward", "forward"], characters=characters)
    for name in ("forward", "backward"):  # they are what they were
        weights = load(models / name).model.get_layer("lstm_1").get_weights()
        kept = run.model.get_layer(f"contextual_{name}").get_layer("reader").get_layer("lstm_1").get_weights()
        for ours, theirs in zip(kept, weights, strict=True):
            np.testing.assert_array_equal(ours, theirs)
        assert not run.model.get_layer(f"contextual_{name}").trainable_variables
    opened = load(run.path)
    assert opened.predict(WORDS) == run.predict(WORDS)
    for format in formats:
        opened.export(format, to=tmp_path / format)
    with pytest.raises(InputError, match="no streaming step"):
        opened.export("onnx", to=tmp_path / "step", step=True)


def test_runs_are_named_on_the_command_line(models, tmp_path, capsys):
    data = tmp_path / "rows.conll"
    lines = ["\n".join(map("\t".join, zip(*row, strict=True))) for row in zip(WORDS, TAGS, strict=True)]
    data.write_text("\n\n".join(lines) + "\n")
    small = ["--stack.units", "3", "--embedding.units", "3", "--training.epochs", "1", "--training.epoch-steps", "1"]
    command = ["train", "tagging", "--data", str(data), "--out", str(tmp_path / "run"), *small, "--contextual"]
    both = [str(models / "forward"), str(models / "backward")]
    assert main([*command, *both]) == 0
    assert "from their beginning, 4 units, from their end, 4 units" in capsys.readouterr().err
    assert read_info(tmp_path / "run")["settings"]["contextual"] == both
    assert main([*command, both[0], "--resume", "auto"]) == 2
    assert "other language models that read its words" in capsys.readouterr().err.replace("\n", " ")


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["of_words"], "a language model of words: give contextual those of symbols"),
        (["folded"], "lower case alone"),
        (["without_blanks"], "has met no blank"),
        (["of_tags"], "a run of tagging"),
        (["forward", "forward"], "two language models that were trained without backward"),
        (["backward", "without_blanks"], "has met no blank"),
    ],
)
def test_language_models_that_do_not_fit_are_refused(models, names, said, tmp_path):
    with pytest.raises(InputError, match=said):
        train(models, tmp_path / "run", names)


def test_both_must_know_the_same_symbols(models, tmp_path):
    with without_report():
        language_model((["a b"] * 9,), valid=(["a b"],), stack=Stack(units=(4,)), out=tmp_path / "other", **SMALL)
    with pytest.raises(InputError, match="know other symbols"):
        train(models, tmp_path / "run", ["backward", str(tmp_path / "other")])
