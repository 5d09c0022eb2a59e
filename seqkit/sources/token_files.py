"""Token files: CoNLL-U, and CoNLL columns. A sentence is a row, a field of it a tuple of strings, one a token; the label of
a row is a string, from a comment before it or from a column that has it at each token.
"""

import itertools
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
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
Sentence = list[Line]
Row = dict[str, str | tuple[str, ...]]  # field -> its cells, of a label one


def kind_of_tokens(file: TextFile, *, table: bool) -> Kind | None:
    """What kind of token file this is by its contents, None where that is not plain.

    CoNLL-U has ten columns, of which the first is a word's number. Other files have as many columns in each line, two at
    least, hardly a blank inside of a cell, and blank lines that part sentences of several tokens; or most tags in the last
    column are of spans.

    Args:
        table: Whether the first line names the columns, as that of a table does: then there must be blank lines.
    """
    first, count, texts, spans, outside = list[str](), 0, 0, 0, 0
    filled, pairs, breaks = (
        False,
        False,
        False,
    )  # whether the line before is a token, two were one behind the other, apart
    for _, cells in _token_lines(file):
        if cells:
            if not first and len(cells) == len(CONLLU) and _ID.fullmatch(cells[0]):
                return "conllu"
            first = first or cells
            if len(cells) != len(first) or len(first) < 2:
                return None
            count, texts = count + 1, texts + any(" " in cell.strip() for cell in cells)
            spans, outside = spans + is_span_tag(cells[-1]), outside + (cells[-1] == OUTSIDE)
            pairs, breaks = pairs or filled, breaks or (count > 1 and not filled)
        filled = bool(cells)
    if not count or 10 * texts > count:
        return None
    marked = spans > 0 and 2 * (spans + outside) >= count
    return "conll" if (marked and not table) or (breaks and pairs) else None


def read_tokens(file: TextFile, kind: Kind, columns: Mapping[str, str]) -> Examples:
    """The sentences of a token file; comments, documents' headers, multiword ranges and empty nodes are left out.

    Args:
        columns: Field -> column by name, where there are names, or by number from 0. "tokens" stands for the first column
            of words, "tags" for the last one; in CoNLL-U (universaldependencies.org/format.html) for form and upos. "label"
            is one of a row, in comments (# label = flight) where no column has that name or number.
    Raises:
        InputError: A line is not as the format has it, with its number.
    """
    found, trimmed, lines, steps = list(file.findings), Trimmed(), Gathered("lines"), Gathered("step_lines")
    rows = {field: Gathered(field, named=True) for field in columns}
    for own, cells in _rows(file, kind, columns, found, trimmed):
        for field, column in rows.items():
            column.append(cells[field])
        lines.append(own[0])
        steps.append(own)
    return Examples(
        {field: column.done() for field, column in rows.items()},
        str(file.path),
        lines=lines.done(),
        findings=(*found, *trimmed.findings()),
        step_lines=steps.done(),
    )


def token_rows(file: TextFile, kind: Kind, columns: Mapping[str, str]) -> Iterator[Row]:
    """The rows of `read_tokens` one by one: no more than a sentence is in memory.

    Raises:
        InputError: As `read_tokens` has it, once the line is reached.
    """
    return (cells for _, cells in _rows(file, kind, columns, [], Trimmed()))


def _rows(
    file: TextFile, kind: Kind, columns: Mapping[str, str], found: list[Finding], trimmed: Trimmed
) -> Iterator[tuple[tuple[int, ...], Row]]:
    """The lines of each sentence and its cells; at the end all is noted in `found` and `trimmed`."""
    if kind == "conllu":
        commented = {LABEL} & set(columns) if columns.get(LABEL) not in _conllu_names() else set()
        sentences = _conllu(file)
        places = {field: _conllu_place(file, field, name) for field, name in columns.items() if field not in commented}
    else:
        header = _header(file, columns)
        by_column = columns.get(LABEL) in (header or ()) or columns.get(LABEL, "").isdecimal()
        commented = set() if by_column else {LABEL} & set(columns)
        numbered = _numbered(file, header)
        sentences = _words(file, header, found) if numbered else _conll(file, header, found)
        first = next(sentences, None)
        if first is None:
            raise InputError(f"{file.path} has no rows: expected a token a line with {' and '.join(columns)}.")
        line, cells = first[0]
        places = {
            field: _place(file, line, field, name, header, int(numbered), len(cells))
            for field, name in columns.items()
            if field not in commented
        }
        _check_apart(file, line, places, len(cells))
        sentences = itertools.chain([first], sentences)
    label_of = _commented(file, columns[LABEL], trimmed) if commented else None
    for sentence in sentences:
        row: Row = {}
        for field, place in places.items():
            own = tuple(_cell(file, line, cells[place], field, trimmed) for line, cells in sentence)
            row[field] = _one(file, sentence, own) if field == LABEL else own
        if label_of is not None:
            row[LABEL] = label_of(sentence[0][0])
        yield tuple(line for line, _ in sentence), row


def _check_apart(file: TextFile, line: int, places: Mapping[str, int], width: int) -> None:
    """Raise InputError where two fields are one column."""
    for field, place in places.items():
        for other in [other for other, theirs in places.items() if theirs == place and other != field]:
            raise InputError(
                f"{file.place(line)}: {field} and {other} are both looked for in column {place} of {width}. Each "
                "token needs a tag in a column of its own."
            )


def _one(file: TextFile, sentence: Sentence, cells: Sequence[str]) -> str:
    """The label that a column has at every token of a sentence."""
    for (line, _), cell in zip(sentence, cells, strict=True):
        if cell != cells[0]:
            raise InputError(
                f"{file.place(line)}: the label is {cell!r}, at the first token of the sentence {cells[0]!r}. A row has one "
                "label, the same at each of its tokens."
            )
    return cells[0]


def _commented(file: TextFile, name: str, trimmed: Trimmed) -> Callable[[int], str]:
    """What gives the label of the sentence that begins on a line, from the comments before it; lines are asked in order."""
    names = _NAMES if name == LABEL else (name,)

    def labels() -> Iterator[tuple[int, str]]:
        for number, line in enumerate(file.lines, start=1):
            said = _COMMENT.fullmatch(line) if line.startswith("#") else None
            if said and said[1] in names:
                yield number, trimmed.trim(said[2], LABEL, file.place(number))

    told = labels()
    ahead = next(told, None)

    def label_of(first: int) -> str:
        nonlocal ahead
        own = list[str]()
        while ahead is not None and ahead[0] < first:
            own.append(ahead[1])
            ahead = next(told, None)
        if len(set(own)) != 1 or not own[-1]:
            problem = "no label" if not own or not own[-1] else f"the labels {listed(own)}"
            raise InputError(
                f"{file.place(first)}: this sentence has {problem}, where one is expected in a comment before it, such as "
                f"'# {names[-1]} = flight'. Where a column has it, say which: --label and its number from 0."
            )
        return own[-1]

    return label_of


def cells_of(line: str) -> list[str]:
    """Cells with a tab between each two, or where a line has none, blanks."""
    if "\t" in line:
        return line.strip(" ").split("\t")
    return re.split(" +", line.strip())


def _conllu(file: TextFile) -> Iterator[Sentence]:
    """Sentences of words."""
    sentence: Sentence = []
    for number, line in enumerate(file.lines, start=1):
        if not line.strip():
            if sentence:
                yield sentence
            sentence = []
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
                sentence.append((number, cells))
    if sentence:
        yield sentence


def _conll(file: TextFile, header: list[str] | None, found: list[Finding]) -> Iterator[Sentence]:
    """Sentences of lines of one width, without comments.

    Args:
        header: A line that names the columns, wherever it stands: it is left out, and where it does so again, noted at the
            end.
    """
    sentence, first, again = list[Line](), None, list[str]()
    for number, cells in _token_lines(file):
        if not cells:
            if sentence:
                yield sentence
            sentence = []
            continue
        first = first or (number, cells)
        if len(cells) != len(first[1]):
            raise InputError(
                f"{file.place(number)}: found {len(cells)} columns where line {first[0]} has {len(first[1])}. Each token "
                "needs one tag; check for a space inside a token."
            )
        if cells != header:
            sentence.append((number, cells))
        elif number != first[0]:
            again.append(file.place(number))
    if sentence:
        yield sentence
    if again:
        found.append(header_rows(file.path, again))


def _token_lines(file: TextFile) -> Iterator[Line]:
    """Lines of tokens, and blank ones, which have no cells; without comments.

    A line that begins with # is a token where it has as many columns as the first other line, by tabs; or by blanks, as its
    sentence goes on, or where its last column holds what that of another line holds, as a tag does. Otherwise it is a
    comment.
    """
    width, begun = _width(file), False
    last: set[str] | None = None
    for number, line, cells in _all_lines(file):
        while len(cells) > width and not cells[-1].strip():
            cells.pop()  # a tab at the end
        if line.startswith("#"):
            if len(cells) != width or cells[0].startswith("# "):
                continue
            if not ("\t" in line or width == 1 or begun):
                last = _last_cells(file) if last is None else last
                if cells[-1] not in last:
                    continue
        yield number, cells
        begun = bool(cells)


def _all_lines(file: TextFile) -> Iterator[tuple[int, str, list[str]]]:
    """Lines with their numbers and cells, without the headers of documents."""
    for number, line in enumerate(file.lines, start=1):
        if not line.startswith(_DOCUMENT):
            yield number, line, cells_of(line) if line.strip() else []


def _width(file: TextFile) -> int:
    """Columns of the first line that is neither blank nor begins with #; or, where all do, of the first."""
    first = None
    for _, line, cells in _all_lines(file):
        if cells and not line.startswith("#"):
            return len(cells)
        first = first or cells
    return len(first or [""])


def _last_cells(file: TextFile) -> set[str]:
    """What stands in the last column of lines that don't begin with #."""
    return {cells[-1] for _, line, cells in _all_lines(file) if cells and not line.startswith("#")}


def _header(file: TextFile, columns: Mapping[str, str]) -> list[str] | None:
    """The first line of tokens, where it has the names of all columns that are wanted."""
    wanted = {name for field, name in columns.items() if field != LABEL}
    header = next((cells for _, cells in _token_lines(file) if cells), [])
    return header if wanted <= set(header) else None


def _numbered(file: TextFile, header: list[str] | None) -> bool:
    """Whether the first of three columns or more has the numbers of the words, from 1 in every sentence."""
    for sentence in _conll(file, header, []):
        words = [cells[0] for _, cells in sentence if _WORD.fullmatch(cells[0])]
        counted = list(map(int, words)) == [*range(1, len(words) + 1)]
        if len(sentence[0][1]) < 3 or not counted or not all(_ID.fullmatch(cells[0]) for _, cells in sentence):
            return False
    return True


def _words(file: TextFile, header: list[str] | None, found: list[Finding]) -> Iterator[Sentence]:
    """The sentences without ranges and empty nodes, which are noted at the end."""
    other = list[str]()
    for sentence in _conll(file, header, found):
        for line, cells in sentence:
            if not _WORD.fullmatch(cells[0]):
                other.append(file.place(line))
        if kept := [(line, cells) for line, cells in sentence if _WORD.fullmatch(cells[0])]:
            yield kept
    if other:
        what = f"{file.path} has ranges of words (1-2) or empty nodes (1.1), which are no words and are left out"
        found.append(Finding.at("no_word", "note", what, other))


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
    if names is not None and name in names:
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
