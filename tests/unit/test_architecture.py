"""Arrows point down only: the floors of ARCHITECTURE.md, read from the imports."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

FLOORS = {
    "seqkit": 0,  # its names are imported when they are asked for
    "seqkit.errors": 0,
    "seqkit.settings": 0,
    "seqkit.progress": 1,
    "seqkit.folder": 1,
    "seqkit.data": 1,
    "seqkit.decoding": 1,
    "seqkit.drawing": 1,
    "seqkit.caption_metrics": 1,
    "seqkit.metrics": 1,
    "seqkit.spans": 1,
    "seqkit.tag_metrics": 1,
    "seqkit.text_metrics": 1,
    "seqkit.segments": 1,
    "seqkit.checkpoint": 1,
    "seqkit.samples": 1,
    "seqkit.step": 1,
    "seqkit.bptt": 1,
    "seqkit.diagnostics": 1,
    "seqkit.running": 2,
    "seqkit.training": 2,
    "seqkit.objectives": 2,
    "seqkit.baselines": 2,
    "seqkit.regularisation": 2,
    "seqkit.exposure": 2,
    "seqkit.frozen": 2,
    "seqkit.labelling": 2,
    "seqkit.ngrams": 2,
    "seqkit.fixed_window": 2,
    "seqkit.tag_baselines": 2,
    "seqkit.text_baselines": 2,
    "seqkit.cells": 2,
    "seqkit.acceleration": 2,
    "seqkit.stateful": 2,
    "seqkit.layers": 3,
    "seqkit.pages": 3,
    "seqkit.report": 3,
    "seqkit.topologies": 4,
    "seqkit.searching": 4,
    "seqkit.export": 4,
    "seqkit.serving": 4,
    "seqkit.task": 4,
    "seqkit.run": 5,
    "seqkit.job": 5,
    "seqkit.recipes": 6,
    "seqkit.recipes.__main__": 7,
}
STRANGERS = {
    "seqkit.layers": {"seqkit.data", "seqkit.training", "seqkit.folder"},
    "seqkit.topologies": {"seqkit.data", "seqkit.training", "seqkit.folder"},
    "seqkit.metrics": {"seqkit.data", "seqkit.training"},
    "seqkit.decoding": {"seqkit.data", "seqkit.training"},
    "seqkit.segments": {"seqkit.data", "seqkit.training"},
}


def room(module):
    while module not in FLOORS:
        module = module.rpartition(".")[0]
    return module


def imports(module, source):
    """(importing room, imported room) for every import of ours in a file."""
    for node in ast.walk(ast.parse(source)):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            assert not node.level, "relative imports hide where an arrow points"
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "seqkit":
            names = [f"seqkit.{node.attr}"]  # through the front door
        for name in names:
            if name.split(".")[0] == "seqkit":
                yield room(module), room(name)


def check_arrows(module, source):
    for inner, outer in imports(module, source):
        assert FLOORS[inner] >= FLOORS[outer], f"{module} is on floor {FLOORS[inner]}, {outer} above it"
        assert outer not in STRANGERS.get(inner, ()), f"{module} may not know {outer}"


def modules():
    for package, folder in (("seqkit", ROOT / "seqkit"), ("seqkit.recipes", ROOT / "recipes")):
        for path in sorted(folder.rglob("*.py")):
            parts = path.relative_to(folder).with_suffix("").parts
            yield ".".join((package, *parts)).removesuffix(".__init__"), path


@pytest.mark.parametrize(("module", "path"), list(modules()), ids=lambda value: value if isinstance(value, str) else "")
def test_arrows_point_down(module, path):
    check_arrows(module, path.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("seqkit.data.sources", "from seqkit.run import Run"),
        ("seqkit.training", "def f():\n    import seqkit.recipes.sentiment"),
        ("seqkit.layers.stack", "from seqkit.data import Vocabulary"),
        ("seqkit.run", "from seqkit import recipes"),
        ("seqkit.export", "import seqkit\nseqkit.run.Run"),
        ("seqkit.data.sources", "from ..run import Run"),
    ],
)
def test_arrow_check_catches_a_wrong_import(module, source):
    with pytest.raises(AssertionError):
        check_arrows(module, source)
