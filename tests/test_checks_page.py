"""docs/checks.md: every example finds what stands above it, and every kind that the code finds stands there."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "checks.md").read_text(encoding="utf-8")
PARTS = re.findall(r"(.*?)```python\n(.*?)```", PAGE, re.DOTALL)
(_, PRELUDE), *EXAMPLES = PARTS
KIND = re.compile(r"\*\*([a-z_]+)\*\*")


@pytest.mark.parametrize(("said", "code"), EXAMPLES, ids=[",".join(KIND.findall(said)) for said, _ in EXAMPLES])
def test_each_example_finds_what_is_said_above_it(said, code, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {}
    exec(PRELUDE + code, names)
    told, found = set(KIND.findall(said)), {finding.kind: finding for finding in names["found"]}
    assert told
    assert told <= set(found)
    for kind in told:
        assert found[kind].what in str(found[kind])


def test_good_data_gives_nothing_but_what_is_said(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {}
    exec(PRELUDE, names)
    assert names["found"] == []


def test_every_kind_of_finding_stands_on_the_page():
    kinds = set()
    for path in (ROOT / "seqkit").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("Finding", "Finding.at") and node.args:
                kinds |= {node.args[0].value} if isinstance(node.args[0], ast.Constant) else set()
    assert {"leak", "near_labels", "header_row"} <= kinds
    assert kinds <= set(KIND.findall(PAGE))
