"""docs/results.md shows the figures that benchmarks/published has kept, and its rows are commands that there are."""

import sys
from pathlib import Path

import pytest

from seqkit.cli.asked import asked
from seqkit.cli.main import command_line

ROOT = Path(__file__).parents[1]


@pytest.fixture
def published(monkeypatch):
    """The scripts, which import each other as siblings."""
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks" / "published"))
    before = set(sys.modules)
    import render
    import trained
    from run import ROWS

    yield render, trained, ROWS
    for name in {"by_cell", "render", "rows", "run", "trained"} - before:
        sys.modules.pop(name, None)


def test_the_page_shows_what_was_measured(published):
    render, _, rows = published
    page = (ROOT / "docs" / "results.md").read_text(encoding="utf-8")
    assert render.rendered(page, rows) == page, "run python benchmarks/published/render.py"


def test_every_row_that_a_recipe_trains_is_a_command(published):
    _, trained, rows = published
    commands = {row.measure.args[1] for row in rows.values() if getattr(row.measure, "func", None) is trained.studied}
    assert len(commands) > 10
    for command in commands:
        about = asked(["study", *command.split()])
        _, bound, _ = command_line(about).parse_args(about.arguments, exit_on_error=False, print_error=False)
        assert bound.arguments, command
