"""What a terminal would obey is shown, wherever it is printed."""

import io
import json
import unicodedata

from hypothesis import given, settings
from hypothesis import strategies as st
from rich.table import Table

from seqkit.core.files import json_text
from seqkit.core.terminal import Terminal, shown

OBEYED = st.text(
    st.characters(categories=("Cc", "Cs", "Zl", "Zp", "L", "Nd")) | st.sampled_from("\u202e\u2066[]:/ \x1b\x9b")
)
BIDI = {"LRE", "RLE", "PDF", "LRO", "RLO", "LRI", "RLI", "FSI", "PDI"}


def obeyed(text):
    """By the Unicode database: what a terminal acts on, or can't print."""
    return [
        character
        for character in text
        if character not in "\t\n"
        and (
            unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") or unicodedata.bidirectional(character) in BIDI
        )
    ]


@given(OBEYED)
@settings(max_examples=200)
def test_nothing_is_left_that_a_terminal_obeys_and_nothing_else_is_touched(text):
    assert not obeyed(shown(text))
    shown(text).encode()  # which halves of characters would not let
    assert "".join(c for c in shown(text) if c not in r"\u0123456789abcdef") == "".join(
        c for c in text if c not in r"\u0123456789abcdef" and not obeyed(c)
    )


@given(
    st.recursive(OBEYED | st.integers(), lambda inner: st.lists(inner) | st.dictionaries(OBEYED, inner), max_leaves=5)
)
@settings(max_examples=100)
def test_json_is_shown_and_reads_back(value):
    for indent in (None, 2):
        assert not obeyed(json_text(value, indent=indent))
        assert json.loads(json_text(value, indent=indent)) == value


@given(st.lists(OBEYED, min_size=1, max_size=3))
@settings(max_examples=100)
def test_a_console_shows_labels_as_they_are_in_lines_and_tables(labels):
    """Neither markup nor emoji codes nor escapes mean anything, and columns stay aligned."""
    terminal = Terminal(file=io.StringIO(), width=300)
    table = Table(title=labels[0])
    for label in labels:
        table.add_column(label)
    table.add_row(*labels)
    terminal.print(labels[0])
    terminal.print(table)
    printed = terminal.file.getvalue()
    assert not obeyed(printed)
    for label in labels:
        for line in shown(label).replace("\t", "\n").splitlines():
            assert line.strip(" ") in printed or len(line) > 50


def test_a_label_that_looks_like_markup_is_a_label():
    terminal = Terminal(file=io.StringIO(), width=80)
    terminal.print("[red]:smile:[/] \x1b[2J")
    assert terminal.file.getvalue() == "[red]:smile:[/] \\u001b[2J\n"
