"""Token files: CoNLL-U, and CoNLL columns. A sentence is a row, a field of it a tuple of strings, one a token; the label of
a row is a string, from a comment before it or from a column that has it at each token.
"""

import bisect
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

from seqkit.core.errors import InputError
from seqkit.core.findings import Finding
from seqkit.sources.cells import Trimmed, listed
from seqkit.sources.examples import Examples
from seqkit.sources.storing import Gathered
from seqkit.sources.tables import header_rows
from seqkit.sources.text_files import TextFile
from seqkit.text.tag_schemes import OUTSIDE, is_span_tag

CONLLU = ("id", "form", "lemma", "upos", "xpos", "feats", "head", "deprel", "deps", "misc")
Kind = Literal["conllu", "conll"]
_WORD, _ID = re.compile(r"\d+"), re.compile(r"\d+(?:[-.]\d+)?")  # a range is 1-2, an empty node 1.1
_DOCUMENT = "-DOCSTART-"
LABEL = "label"  # the field that is of a row, and the names that it goes by in comments: # intent = flight
_COMMENT = re.compile(r"#\s*([^=:]*?)\s*[=:]\s*(.*?)\s*")
_NAMES = (LABEL, "intent")
Line = tuple[int, list[str]]  # its number and its cells


def kind_of_tokens(file: TextFile, *, table: bool) -> Kind | None:
    """What kind of token file this is by its contents, None where that is not plain.

    CoNLL-U has ten columns, of which the first is a word's number. Other files have as many columns in each line, two at
    least, hardly a blank inside of a cell, and blank lines that part sentences of several tokens; or most tags in the last
    column are of spans.

    Args:
        table: Whether the first line names the columns, as that of a table does: then there must be blank lines.
    """
    lines = _token_lines(file)
    real = [cells for _, cells in lines if cells]
    if not real:
        return None
    if len(real[0]) == len(CONLLU) and _ID.fullmatch(real[0][0]):
        return "conllu"
    texts = sum(any(" " in cell.strip() for cell in cells) for cells in real)
    if len({len(cells) for cells in real}) > 1 or len(real[0]) < 2 or 10 * texts > len(real):
        return None
    filled = "".join("x" if cells else " " for _, cells in lines).strip()
    tags = [cells[-1] for cells in real]
    spans = sum(map(is_span_tag, tags))
    marked = spans > 0 and 2 * (spans + tags.count(OUTSIDE)) >= len(tags)
    return "conll" if (marked and not table) or (" " in filled and "xx" in filled) else None


def read_tokens(file: TextFile, kind: Kind, columns: Mapping[str, str]) -> Examples:
    """The sentences of a token file; comments, documents' headers, multiword ranges and empty nodes are left out.

    Args:
        columns: Field -> column by name, where there are names, or by number from 0. "tokens" stands for the first column
            of words, "tags" for the last one; in CoNLL-U (universaldependencies.org/format.html) for form and upos. "label"
            is one of a row, in comments (# label = flight) where no column has that name or number.
    Raises:
        InputError: A line is not as the format has it, with its number.
    """
    found = list(file.findings)
    if kind == "conllu":
        commented = {LABEL} & set(columns) if columns.get(LABEL) not in _conllu_names() else set()
        sentences = _conllu(file)
        places = {field: _conllu_place(file, field, name) for field, name in columns.items() if field not in commented}
    else:
        sentences = _conll(file)
        sentences, names = _without_header(file, sentences, columns, found)
        by_column = columns.get(LABEL) in (names or ()) or columns.get(LABEL, "").isdecimal()
        commented = set() if by_column else {LABEL} & set(columns)
        sentences, first = _without_ranges(file, sentences, found)
        if not sentences:
            raise InputError(f"{file.path} has no rows: expected a token a line with {' and '.join(columns)}.")
        line, cells = sentences[0][0]
        places = {
            field: _place(file, line, field, name, names, first, len(cells))
            for field, name in columns.items()
            if field not in commented
        }
        _check_apart(file, line, places, len(cells))
    trimmed = Trimmed()
    rows = {field: Gathered(field, named=True) for field in columns}
    for sentence in sentences:
        for field, place in places.items():
            own = tuple(_cell(file, line, cells[place], field, trimmed) for line, cells in sentence)
            rows[field].append(_one(file, sentence, own) if field == LABEL else own)
    for label in _commented(file, sentences, columns[LABEL], trimmed) if commented else ():
        rows[LABEL].append(label)
    steps = [[line for line, _ in sentence] for sentence in sentences]
    return Examples(
        {field: column.done() for field, column in rows.items()},
        str(file.path),
        lines=[lines[0] for lines in steps],
        findings=(*found, *trimmed.findings()),
        step_lines=steps,
    )


def _check_apart(file: TextFile, line: int, places: Mapping[str, int], width: int) -> None:
    """Raise InputError where two fields are one column."""
    for field, place in places.items():
        for other in [other for other, theirs in places.items() if theirs == place and other != field]:
            raise InputError(
                f"{file.place(line)}: {field} and {other} are both looked for in column {place} of {width}. Each "
                "token needs a tag in a column of its own."
            )


def _one(file: TextFile, sentence: list[Line], cells: Sequence[str]) -> str:
    """The label that a column has at every token of a sentence."""
    for (line, _), cell in zip(sentence, cells, strict=True):
        if cell != cells[0]:
            raise InputError(
                f"{file.place(line)}: the label is {cell!r}, at the first token of the sentence {cells[0]!r}. A row has one "
                "label, the same at each of its tokens."
            )
    return cells[0]


def _commented(file: TextFile, sentences: list[list[Line]], name: str, trimmed: Trimmed) -> Iterator[str]:
    """The label of each sentence, from the comments before it."""
    names = _NAMES if name == LABEL else (name,)
    told: dict[int, str] = {}
    for number, line in enumerate(file.lines, start=1):
        said = _COMMENT.fullmatch(line) if line.startswith("#") else None
        if said and said[1] in names:
            told[number] = trimmed.trim(said[2], LABEL, file.place(number))
    numbers, seen = list(told), 0
    for sentence in sentences:
        first = sentence[0][0]
        own = numbers[seen : bisect.bisect_left(numbers, first)]
        seen += len(own)
        if len({told[number] for number in own}) != 1 or not told[own[-1]]:
            problem = "no label" if not own or not told[own[-1]] else f"the labels {listed(told[one] for one in own)}"
            raise InputError(
                f"{file.place(first)}: this sentence has {problem}, where one is expected in a comment before it, such as "
                f"'# {names[-1]} = flight'. Where a column has it, say which: --label and its number from 0."
            )
        yield told[own[-1]]


def cells_of(line: str) -> list[str]:
    """Cells with a tab between each two, or where a line has none, blanks."""
    if "\t" in line:
        return line.strip(" ").split("\t")
    return re.split(" +", line.strip())


def _conllu(file: TextFile) -> list[list[Line]]:
    """Sentences of words."""
    sentences: list[list[Line]] = [[]]
    for number, line in enumerate(file.lines, start=1):
        if not line.strip():
            sentences.append([])
        elif not line.startswith("#"):
            cells = line.split("\t")
            if len(cells) != len(CONLLU):
                raise InputError(
                    f"{file.place(number)}: found {len(cells)} columns where CoNLL-U has {len(CONLLU)}, separated by tabs."
                )
            if not _ID.fullmatch(cells[0]):
                raise InputError(
                    f"{file.place(number)}: the first column is {cells[0]!r}, where CoNLL-U has a word's number (1), a "
                    "range (1-2) or an empty node (1.1)."
                )
            if _WORD.fullmatch(cells[0]):
                sentences[-1].append((number, cells))
    return list(filter(None, sentences))


def _conll(file: TextFile) -> list[list[Line]]:
    """Sentences of lines of one width, without comments."""
    lines = _token_lines(file)
    first, header = next(((number, cells) for number, cells in lines if cells), (1, [""]))
    sentences: list[list[Line]] = [[]]
    for number, cells in lines:
        if not cells:
            sentences.append([])
            continue
        if len(cells) != len(header):
            raise InputError(
                f"{file.place(number)}: found {len(cells)} columns where line {first} has {len(header)}. Each token needs "
                "one tag; check for a space inside a token."
            )
        sentences[-1].append((number, cells))
    return list(filter(None, sentences))


def _token_lines(file: TextFile) -> list[Line]:
    """Lines of tokens, and blank ones, which have no cells; without comments.

    A line that begins with # is a token where it has as many columns as the first other line, by tabs; or by blanks, as its
    sentence goes on, or where its last column holds what that of another line holds, as a tag does. Otherwise it is a
    comment.
    """
    lines = [
        (number, line, cells_of(line) if line.strip() else [])
        for number, line in enumerate(file.lines, start=1)
        if not line.startswith(_DOCUMENT)
    ]
    plain = [cells for _, line, cells in lines if cells and not line.startswith("#")]
    width = len((plain or [cells for *_, cells in lines if cells] or [[""]])[0])
    last = {cells[-1] for cells in plain}
    kept: list[Line] = []
    for number, line, cells in lines:
        while len(cells) > width and not cells[-1].strip():
            cells.pop()  # a tab at the end
        if line.startswith("#"):
            begun = bool(kept and kept[-1][1])
            fits = len(cells) == width and not cells[0].startswith("# ")
            if not fits or not ("\t" in line or width == 1 or begun or cells[-1] in last):
                continue
        kept.append((number, cells))
    return kept


def _without_header(
    file: TextFile, sentences: list[list[Line]], columns: Mapping[str, str], found: list[Finding]
) -> tuple[list[list[Line]], list[str] | None]:
    """The sentences, and the names of their columns where the first line has all that are wanted."""
    header = sentences[0][0][1] if sentences else []
    wanted = {name for field, name in columns.items() if field != LABEL}
    if not wanted <= set(header):
        return sentences, None
    again = [line for sentence in sentences for line, cells in sentence if cells == header][1:]
    if again:
        found.append(header_rows(file.path, [file.place(line) for line in again]))
    kept = [[(line, cells) for line, cells in sentence if cells != header] for sentence in sentences]
    return list(filter(None, kept)), header


def _without_ranges(file: TextFile, sentences: list[list[Line]], found: list[Finding]) -> tuple[list[list[Line]], int]:
    """The sentences without ranges and empty nodes, and the first column of words: 1 where 0 has the words' numbers."""
    words = [[(line, cells) for line, cells in sentence if _WORD.fullmatch(cells[0])] for sentence in sentences]
    numbered = all(
        [int(cells[0]) for _, cells in kept] == [*range(1, len(kept) + 1)]
        and all(_ID.fullmatch(cells[0]) for _, cells in sentence)
        for kept, sentence in zip(words, sentences, strict=True)
    )
    if not numbered or not sentences or len(sentences[0][0][1]) < 3:
        return sentences, 0
    other = [file.place(line) for sentence in sentences for line, cells in sentence if not _WORD.fullmatch(cells[0])]
    if other:
        what = f"{file.path} has ranges of words (1-2) or empty nodes (1.1), which are no words and are left out"
        found.append(Finding.at("no_word", "note", what, other))
    return list(filter(None, words)), 1


def _conllu_names() -> set[str]:
    return {*CONLLU, *map(str, range(len(CONLLU)))}


def _conllu_place(file: TextFile, field: str, name: str) -> int:
    names = {place: number for number, place in enumerate(CONLLU)} | {"tokens": 1, "tags": 3}
    names |= {str(number): number for number in range(len(CONLLU))}
    if name not in names:
        raise InputError(
            f"{file.path}: CoNLL-U has no column {name!r} for the {field}: choose one of {', '.join(CONLLU)}, or its number "
            "from 0."
        )
    return names[name]


def _place(
    file: TextFile, line: int, field: str, name: str, names: Sequence[str] | None, first: int, width: int
) -> int:
    if names is not None:
        return names.index(name)
    place = {"tokens": first, "tags": width - 1}.get(name, int(name) if name.isdecimal() else None)
    if place is None:
        raise InputError(f"{file.path}: there is no column {name!r} for the {field}: give its number from 0.")
    if place >= width:
        raise InputError(
            f"{file.place(line)}: no column number {place} for the {field}; the line has columns 0 to {width - 1}."
        )
    return place


def _cell(file: TextFile, line: int, cell: str, field: str, trimmed: Trimmed) -> str:
    name = field.removesuffix("s")
    if not cell.strip():
        raise InputError(f"{file.place(line)}: the {name} is empty. Each line needs a token and its tag.")
    return cell.strip() if field == "tokens" else trimmed.trim(cell, name, file.place(line))
