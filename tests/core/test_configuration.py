"""Settings in a file: they come to a recipe as if they were given in Python, and what doesn't fit gets one sentence."""

import dataclasses
import inspect
import json
from pathlib import Path

import pytest

from seqkit import InputError, Stack, Training, preset
from seqkit.core.configuration import Configuration
from seqkit.core.registry import recipes
from seqkit.recipes import captioning, language_model, sentiment, tagging

SENTIMENT = sentiment.recipe


def written(folder, text):
    (folder / "seqkit.toml").write_text(text, encoding="utf-8")
    return Configuration.read(folder)


def as_json(arguments):
    """As run.json holds them."""
    plain = {
        name: dataclasses.asdict(value) if dataclasses.is_dataclass(value) else value
        for name, value in arguments.items()
        if name != "callbacks"
    }
    return json.loads(json.dumps(plain, default=str))


@pytest.mark.parametrize("name", recipes.names())
def test_the_settings_of_a_run_come_back_as_they_were(name, tmp_path):
    """The defaults of every recipe, and of each of its presets, by way of JSON."""
    recipe = recipes.find(name)
    defaults = {key: one.default for key, one in inspect.signature(recipe.function).parameters.items()}
    defaults.pop("callbacks")
    for arguments in (defaults, *(defaults | preset(recipe.function, one) for one in recipe.presets)):
        (tmp_path / "run.json").write_text(json.dumps({"recipe": name, "settings": as_json(arguments)}))
        assert Configuration.read(tmp_path).arguments(recipe) == arguments


def test_a_file_changes_what_it_names_and_nothing_else(tmp_path):
    default = inspect.signature(sentiment).parameters["stack"].default
    said = written(
        tmp_path,
        'recipe = "sentiment"\nmax_length = 7\n[stack]\nunits = [3, 4]\n[training]\nlearning_rate = 1\npatience = 2\n',
    )
    assert said.recipe == "sentiment"
    given = inspect.signature(sentiment).parameters["training"].default
    assert said.arguments(SENTIMENT) == {
        "max_length": 7,
        "stack": dataclasses.replace(default, units=(3, 4)),
        "training": dataclasses.replace(given, learning_rate=1.0, patience=2),
    }
    assert default != Stack()  # or its class's defaults would do
    assert given != Training()


def test_a_preset_is_under_the_files_settings(tmp_path):
    said = written(tmp_path, 'recipe = "language_model"\npreset = "awd-lstm"\n[training]\nepochs = 3\n')
    wanted = preset(language_model, "awd-lstm")
    wanted["training"] = dataclasses.replace(wanted["training"], epochs=3)
    assert said.arguments(language_model.recipe) == wanted
    other = said.arguments(language_model.recipe, under="zaremba-small")
    assert other["stack"] == preset(language_model, "zaremba-small")["stack"]


def test_paths_begin_at_the_file(tmp_path):
    (tmp_path / "v.txt").touch()
    text = 'data = "../a.csv"\ntest = "tfds:imdb_reviews"\nout = "run"\n[embedding]\nvectors = "v.txt"\n'
    given = written(tmp_path, text).arguments(SENTIMENT)
    assert given["data"] == str(tmp_path.parent / "a.csv")
    assert given["test"] == "tfds:imdb_reviews"
    assert given["out"] == Path(tmp_path / "run")
    assert given["embedding"].vectors == str(tmp_path / "v.txt")
    readers = written(tmp_path, 'contextual = ["../forward", "../backward"]\n').arguments(tagging.recipe)["contextual"]
    assert readers == (tmp_path.parent / "forward", tmp_path.parent / "backward")
    encoder = written(tmp_path, '[encoder]\nbackbone = "v.txt"\n').arguments(captioning.recipe)["encoder"]
    assert encoder.backbone == str(tmp_path / "v.txt")
    (tmp_path / "run.json").write_text(json.dumps({"recipe": "sentiment", "settings": {"data": "a.csv"}}))
    assert Configuration.read(tmp_path / "run.json").arguments(SENTIMENT) == {"data": "a.csv"}  # as it was given


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("textt = 'a'", "sentiment has no setting 'textt': did you mean text"),
        ("[trainin]", "sentiment has no setting 'trainin': did you mean training"),
        ("[training]\nepoch = 2", "training has no setting 'epoch': did you mean epochs"),
        ("callbacks = 'a'", "sentiment has no setting 'callbacks'"),
        ("max_length = 'x'", 'max_length is "x", where a whole number is expected'),
        ("max_length = 2.0", "max_length is 2.0, where a whole number is expected"),
        ("lowercase = 1", "lowercase is 1, where true or false is expected"),
        ("unit = 'wrd'", "unit is \"wrd\": choose one of word, whitespace, character, subword, unigram; did you mean word"),
        ("[training]\nepochs = true", "training.epochs is true, where a whole number is expected"),
        ("[training]\nlearning_rate = true", "training.learning_rate is true, where a number is expected"),
        ("[training]\nepochs = 0", "training.epochs is 0: give a number of at least 1"),
        ("[training]\noptimizer = 'adm'", "training.optimizer is \"adm\": choose one of adam, .*did you mean adam"),
        ("[stack]\nunits = [3, 'a']", r"stack.units is \[3, \"a\"\], where a list, each a whole number, is expected"),
        ("stack = 3", "stack is 3, where its settings are expected"),
        ("preset = 'awd'", "sentiment has no preset 'awd'"),
    ],
)  # fmt: skip
def test_what_does_not_fit_gets_a_sentence(tmp_path, text, sentence):
    said = written(tmp_path, text)
    with pytest.raises(InputError, match=sentence):
        said.arguments(SENTIMENT)


def test_a_file_that_is_none_gets_a_sentence(tmp_path):
    with pytest.raises(InputError, match=r"has no seqkit.toml and no run.json: seqkit new"):
        Configuration.read(tmp_path)
    with pytest.raises(InputError, match="absent.toml does not exist"):
        Configuration.read(tmp_path / "absent.toml")
    with pytest.raises(InputError, match=r"is no TOML \(.*line 1"):
        written(tmp_path, "x = ]\n")
    (tmp_path / "other.json").write_text("{}")
    with pytest.raises(InputError, match="has no recipe with settings"):
        Configuration.read(tmp_path / "other.json")


def test_data_of_python_has_to_be_given_again(tmp_path):
    (tmp_path / "run.json").write_text(json.dumps({"recipe": "sentiment", "settings": {"data": "<tuple>"}}))
    said = Configuration.read(tmp_path / "run.json")
    assert said.arguments(SENTIMENT) == {}
    said.missing({"data": "a.csv"})
    with pytest.raises(InputError, match=r"data was given in Python \(<tuple>\).*give --data"):
        said.missing({})
