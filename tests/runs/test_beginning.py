"""`seqkit new`: what is said of a file, and that what is written is what it says."""

import ast
import inspect
import tomllib

import pytest

from seqkit import InputError, new_project
from seqkit.cli.main import main
from seqkit.core.configuration import Configuration
from seqkit.core.registry import recipes
from seqkit.runs.beginning import config_text, script_text, scripts
from tests.cases import ROWS


@pytest.fixture
def table(tmp_path):
    lines = "".join(f'{row},"{text} {row}",{label}\n' for row, (label, text) in enumerate(list(ROWS) * 5))
    (tmp_path / "mail.csv").write_text("id,mail,folder\n" + lines, encoding="utf-8")
    return tmp_path / "mail.csv"


@pytest.mark.parametrize("name", recipes.names())
def test_a_new_file_changes_no_default_and_explains_each_setting(name, tmp_path):
    recipe = recipes.find(name)
    text = config_text(recipe, {})
    (tmp_path / "seqkit.toml").write_text(text)
    parameters = inspect.signature(recipe.function).parameters
    for argument, value in Configuration.read(tmp_path).arguments(recipe).items():
        default = parameters[argument].default
        assert value == (tmp_path / default if argument == "out" else default)
    lines = text.splitlines()
    for setting in recipe.first:
        key = f"{setting.split('.')[-1]} ="
        places = [place for place, line in enumerate(lines) if line.removeprefix("# ").startswith(key)]
        assert places
        for place in places:
            assert lines[place - 1].startswith("# ")
            assert 10 < len(lines[place - 1]) < 200
    assert len(recipe.first) == 10


@pytest.mark.parametrize("name", recipes.names())
def test_a_new_script_calls_the_recipe_as_it_can_be_called(name):
    recipe = recipes.find(name)
    tree = ast.parse(script_text(recipe, {"data": 'a "b"/c', "seed": 3, "out": "run"}))
    (call,) = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and getattr(node.func, "id", "") == name]
    inspect.signature(recipe.function).bind(*call.args, **{word.arg: word.value for word in call.keywords})
    assert len(ast.unparse(tree).splitlines()) <= 12


def test_a_project_is_written_and_is_read(table, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["new", "project", "--data", "mail.csv"]) == 0
    said = capsys.readouterr().out
    assert "mail.csv is a table with the columns 'id', 'mail', 'folder'." in said
    assert "It is for text_classification, with the text in 'mail' and the label in 'folder'." in said
    rows = len(ROWS) * 5
    assert f"{rows} rows, of which {rows // 10} are held out" in said
    counts = {label: [one for one, _ in ROWS].count(label) * 5 for label, _ in ROWS}
    assert all(f"{label!r} {count}" in said for label, count in counts.items())
    assert "Written in Latin letters (100%)." in said
    assert tomllib.loads((tmp_path / "project" / "seqkit.toml").read_text())["data"] == "../mail.csv"
    monkeypatch.chdir("/")  # from wherever it is called
    assert main(["check", str(tmp_path / "project")]) == 0
    compile((tmp_path / "project" / "train.py").read_text(), "train.py", "exec")


def test_nothing_is_overwritten(table, tmp_path):
    (tmp_path / "train.py").write_text("mine")
    with pytest.raises(InputError, match=r"train.py exists: choose another folder"):
        new_project(tmp_path, table)
    assert (tmp_path / "train.py").read_text() == "mine"
    assert not (tmp_path / "seqkit.toml").exists()


def test_a_script_without_blanks_is_read_by_characters(tmp_path):
    rows = "".join(f"今天天气很好我们去公园{n},好\n这部电影不好看一点也不{n},坏\n" for n in range(10))
    (tmp_path / "a.csv").write_text("text,label\n" + rows, encoding="utf-8")
    made = new_project(tmp_path / "new", tmp_path / "a.csv")
    assert Configuration.read(tmp_path / "new").settings["unit"] == "character"
    assert any("Chinese letters (100%)" in line for line in made.seen)


def test_scripts_are_counted_by_letters():
    assert scripts(["aé 12!", "жж"]) == {"Latin": 0.5, "Cyrillic": 0.5}
    assert list(scripts(["a" * 500 + "ж"])) == ["Latin"]  # less than 1%


def test_what_is_no_file_needs_a_recipe(tmp_path):
    with pytest.raises(InputError, match="is no file, whose form would tell"):
        new_project(tmp_path / "new", tmp_path)
    with pytest.raises(InputError, match=r"nothing.csv does not exist"):
        new_project(tmp_path / "new", tmp_path / "nothing.csv")
    assert not (tmp_path / "new").exists()
