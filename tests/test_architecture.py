"""The house, read from the imports: floors, no circle, no import that hides; every file in a room that names it."""

import ast
import configparser
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
RUNNER = "seqkit_runner"  # goes into artefacts, and knows nothing of the rest
FLOORS = (  # from the ground up; rooms of one floor don't know each other
    {RUNNER},
    {"core"},
    {"text", "recurrence", "decoding"},
    {"batches", "layers", "metrics"},
    {"sources", "topologies", "baselines", "report"},
    {"inference", "corpora", "checks"},
    {"training", "export"},
    {"runs"},
    {"tasks", "lab"},
    {"recipes", "testing", "learn"},
    {"cli", "sklearn", "web"},
)
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
STRANGERS = {  # though they are on lower floors
    "layers": {"text"},
    "topologies": {"text", "batches"},
    "metrics": {"recurrence", "decoding"},
}
LINES = 450


def modules() -> dict[str, Path]:
    found = {}
    folders = {"seqkit": "seqkit", "seqkit.recipes": "recipes", RUNNER: f"runners/python/{RUNNER}"}
    for package, folder in ((package, ROOT / folder) for package, folder in folders.items()):
        for path in sorted(folder.rglob("*.py")):
            parts = path.relative_to(folder).with_suffix("").parts
            found[".".join((package, *parts)).removesuffix(".__init__")] = path
    return found


MODULES = modules()
SOURCES = {module: path.read_text(encoding="utf-8") for module, path in MODULES.items()}


def room_of(module):
    package, room, *_ = [*module.split("."), ""]
    return RUNNER if package == RUNNER else room


def imports(source, known):
    """Module of ours that is imported, and whether a function hides it; for every import, wherever it stands."""
    tree = ast.parse(source)
    hidden = {id(inner) for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) for inner in ast.walk(node)}
    for node in ast.walk(tree):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "relative imports hide where an arrow points"
            whole = [f"{node.module}.{alias.name}" for alias in node.names]
            names = [name if name in known else str(node.module) for name in whole]
        for name in names:
            if name.split(".")[0] in ("seqkit", RUNNER, "importlib"):
                yield name, id(node) in hidden


def check_module(module, source, known):
    room = room_of(module)
    for name, hidden in imports(source, known):
        if name in ("importlib.metadata", "importlib.resources"):  # which import nothing
            continue
        if name.startswith("importlib"):
            assert module in ("seqkit", "seqkit.core.registry", RUNNER), (
                f"{module} imports by name, as only the registry may"
            )
            continue
        assert name in known, f"{module} imports {name}, which is no module of ours"
        if module == "seqkit":  # the front door
            continue
        other = room_of(name)
        assert other or room == "cli", f"{module} goes through the front door: import from the room itself"
        assert not hidden or room == "recipes", f"{module} hides its import of {name} in a function"
        if other and other != room:
            assert FLOOR[other] < FLOOR[room], f"{module} points up, or aside, to {name}"
            assert other not in STRANGERS.get(room, ()), f"{module} may not know {name}"


def check_circles(sources):
    arrows = {
        module: {name for name, _ in imports(source, sources) if name in sources and name != "seqkit"}
        for module, source in sources.items()
        if module != "seqkit"
    }
    try:
        TopologicalSorter(arrows).prepare()
    except CycleError as error:
        raise AssertionError(f"a circle: {' <- '.join(error.args[1])}") from None


def check_room(room, folder):
    """Its `__init__.py` says what it is for, and names its files."""
    tree = ast.parse((folder / "__init__.py").read_text(encoding="utf-8"))
    assert ast.get_docstring(tree), f"{room} doesn't say what it is for"
    named = next(ast.literal_eval(node.value) for node in tree.body if isinstance(node, ast.Assign))
    assert sorted(named) == sorted(path.stem for path in folder.glob("*.py") if not path.stem.startswith("__")), room


@pytest.mark.parametrize("module", MODULES)
def test_imports_point_down_and_do_not_hide(module):
    check_module(module, SOURCES[module], MODULES)


def test_there_is_no_circle():
    check_circles(SOURCES)


def test_every_file_stands_in_a_room_and_is_read_in_a_sitting():
    for module, path in MODULES.items():
        assert module == "seqkit" or room_of(module) in FLOOR, f"{module} stands in no room"
        assert len(SOURCES[module].splitlines()) <= LINES, f"{path.name} is too long"


@pytest.mark.parametrize("room", sorted(FLOOR.keys() - {RUNNER}))
def test_each_room_names_what_it_hands_out(room):
    check_room(room, ROOT / "recipes" if room == "recipes" else ROOT / "seqkit" / room)


@pytest.mark.parametrize(
    ("module", "source", "complaint"),
    [
        ("seqkit.sources.tables", "from seqkit.runs.run import Run", "points up"),
        ("seqkit.layers.stack", "from seqkit.metrics.tags import tag_scores", "aside"),
        ("seqkit.layers.stack", "from seqkit.text.vocabulary import Vocabulary", "may not know"),
        ("seqkit.training.loop", "def f():\n    from seqkit.core.errors import InputError", "hides"),
        ("seqkit.training.loop", "if TYPE_CHECKING:\n    from seqkit.runs.run import Run", "points up"),
        ("seqkit_runner.errors", "from seqkit.core.errors import InputError", "points up"),
        ("seqkit.export.graphs", "import seqkit", "front door"),
        ("seqkit.runs.run", "from seqkit import Stack", "front door"),
        ("seqkit.runs.run", "import importlib", "imports by name"),
        ("seqkit.sources.tables", "from ..runs.run import Run", "relative"),
        ("seqkit.sources.tables", "from seqkit.sources.tabels import read", "no module of ours"),
    ],
)
def test_the_check_catches_a_wrong_import(module, source, complaint):
    with pytest.raises(AssertionError, match=complaint):
        check_module(module, source, MODULES)


def test_the_check_catches_a_circle():
    planted = SOURCES | {"seqkit.core.errors": "from seqkit.core.settings import Stack"}
    with pytest.raises(AssertionError, match=r"a circle: .*seqkit\.core\.settings"):
        check_circles(planted)


def test_the_check_catches_a_file_that_a_room_does_not_name(tmp_path):
    (tmp_path / "__init__.py").write_text('"""A room."""\n\n__all__ = ["one"]\n')
    (tmp_path / "one.py").touch()
    check_room("planted", tmp_path)
    (tmp_path / "two.py").touch()
    with pytest.raises(AssertionError, match="planted"):
        check_room("planted", tmp_path)


def test_every_room_goes_into_the_wheel():
    settings = configparser.ConfigParser()
    settings.read(ROOT / "setup.cfg")
    packed = set(settings["options"]["packages"].split())
    assert packed == {"seqkit", RUNNER, f"{RUNNER}_javascript", *(f"seqkit.{room}" for room in FLOOR if room != RUNNER)}
