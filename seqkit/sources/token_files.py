"""Token files: CoNLL-U, and CoNLL columns. A sentence is a row, a field of it a tuple of strings, one a token."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from seqkit.core.errors import InputError

TOKEN_FILES = (".conllu", ".conll", ".txt")
LISTS = ("tokens", "tags")  # the fields that hold a list of strings a row
CONLLU = ("id", "form", "lemma", "upos", "xpos", "feats", "head", "deprel", "deps", "misc")
Sentence = dict[str, tuple[str, ...]]


def read_conllu(path: Path, lines: Sequence[str], columns: Mapping[str, str]) -> Iterator[Sentence]:
    """The sentences of a CoNLL-U file (universaldependencies.org/format.html).

    Comments, multiword ranges (1-2) and empty nodes (1.1) are left out: what remains are the words of the annotation.

    Args:
        columns: Field -> column of CoNLL-U by name, or by number from 0. "tokens" stands for form, "tags" for upos.
    Raises:
        InputError: A line is not as the format has it, with its number.
    """
    places = {field: _conllu_place(path, field, name) for field, name in columns.items()}
    sentence: list[tuple[str, ...]] = []
    for number, line in enumerate([*lines, ""], start=1):
        if not line.strip():
            yield from _sentence(sentence, columns)
            sentence = []
        elif not line.startswith("#"):
            cells = line.split("\t")
            if len(cells) != len(CONLLU):
                raise InputError(
                    f"{path}, line {number}: found {len(cells)} columns where CoNLL-U has {len(CONLLU)}, "
                    "separated by tabs."
                )
            if not re.fullmatch(r"\d+(?:[-.]\d+)?", cells[0]):
                raise InputError(
                    f"{path}, line {number}: the first column is {cells[0]!r}, where CoNLL-U has a word's number (1), "
                    "a range (1-2) or an empty node (1.1)."
                )
            if cells[0].isdecimal():
                sentence.append(_cells(path, number, cells, places))


def read_conll(path: Path, lines: Sequence[str], columns: Mapping[str, str]) -> Iterator[Sentence]:
    """The sentences of a file with a token a line and a blank line between sentences.

    Columns are separated by a tab, or where a line has none by spaces. -DOCSTART- lines are left out.

    Args:
        columns: Field -> number of its column from 0. "tokens" stands for the first column, "tags" for the last.
    Raises:
        InputError: A line has another number of columns than the first, or an empty cell.
    """
    places: dict[str, int] | None = None
    width, first = 0, 0
    sentence: list[tuple[str, ...]] = []
    for number, line in enumerate([*lines, ""], start=1):
        if not line.strip():
            yield from _sentence(sentence, columns)
            sentence = []
        elif not line.startswith("-DOCSTART-"):
            cells = line.split("\t") if "\t" in line else line.split()
            if places is None:
                width, first = len(cells), number
                places = {field: _conll_place(path, number, field, name, width) for field, name in columns.items()}
                if len(set(places.values())) < len(places):
                    raise InputError(
                        f"{path}, line {number}: tokens and tags are both looked for in column {places['tags']} of "
                        f"{width}. Each token needs a tag in a column of its own."
                    )
            if len(cells) != width:
                raise InputError(
                    f"{path}, line {number}: found {len(cells)} columns where line {first} has {width}. "
                    "Each token needs one tag; check for a space inside a token."
                )
            sentence.append(_cells(path, number, cells, places))


def check_counts(row: Mapping[str, object], place: str) -> None:
    """Raise InputError where a row's tokens and tags are not as many."""
    tokens, tags = row.get("tokens"), row.get("tags")
    if isinstance(tokens, tuple) and isinstance(tags, tuple) and len(tokens) != len(tags):
        raise InputError(
            f"{place}: found {len(tokens)} tokens and {len(tags)} tags. "
            "Each token needs one tag; check for a space inside a token."
        )


def _conllu_place(path: Path, field: str, name: str) -> int:
    names = {place: number for number, place in enumerate(CONLLU)} | {"tokens": 1, "tags": 3}
    names |= {str(number): number for number in range(len(CONLLU))}
    if name not in names:
        raise InputError(
            f"{path}: CoNLL-U has no column {name!r} for the {field}: choose one of {', '.join(CONLLU)}, or its number "
            "from 0."
        )
    return names[name]


def _conll_place(path: Path, line: int, field: str, name: str, width: int) -> int:
    place = {"tokens": 0, "tags": width - 1}.get(name, int(name) if name.isdecimal() else None)
    if place is None:
        raise InputError(f"{path}: there is no column {name!r} for the {field}: give its number from 0.")
    if place >= width:
        raise InputError(
            f"{path}, line {line}: no column number {place} for the {field}; the line has columns 0 to {width - 1}."
        )
    return place


def _cells(path: Path, number: int, cells: Sequence[str], places: Mapping[str, int]) -> tuple[str, ...]:
    for field, place in places.items():
        if not cells[place].strip():
            raise InputError(f"{path}, line {number}: the {field[:-1]} is empty. Each line needs a token and its tag.")
    return tuple(cells[place] for place in places.values())


def _sentence(words: Sequence[tuple[str, ...]], columns: Mapping[str, str]) -> Iterator[Sentence]:
    if words:
        yield dict(zip(columns, zip(*words, strict=True), strict=True))
