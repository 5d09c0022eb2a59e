"""What a file holds before anybody has said what to make of it: its form, its columns, and which recipe it is for."""

import dataclasses
import glob
import itertools
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from seqkit.core.errors import InputError
from seqkit.sources.cells import listed
from seqkit.sources.tables import head
from seqkit.sources.text_files import files_of, open_text, suffix_of
from seqkit.sources.token_files import kind_of_tokens
from seqkit.sources.workbooks import WORKBOOKS, workbook_head

LOOKED_AT = 2_000  # rows
IMAGES = (".png", ".jpg", ".jpeg", ".gif", ".webp", ".bmp")
LABELS = ("label", "class", "category", "sentiment", "topic", "intent", "target", "stars", "rating", "queue", "answer")
PAIRS = (("source", "target"), ("src", "tgt"), ("input", "output"), ("question", "answer"))
PARALLEL = "the prefix of two files"
LONGEST_LABEL, MOST_LABELS = 4, 300  # words of a label on average; distinct labels
TEXT_WORDS = 2.0  # of a text on average, at least


@dataclasses.dataclass(frozen=True)
class Looked:
    """What a file holds.

    Attributes:
        path: The file.
        form: "a table", "a token file", "lines of text".
        columns: Name of a column, or its number where there is no header -> the first cells of it.
    """

    path: Path
    form: str
    columns: Mapping[str, Sequence[Any]] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Guess:
    """What a file seems to be for.

    Attributes:
        recipe: The recipe's name.
        columns: Its field -> the column.
        others: Field -> further columns that it might be.
    """

    recipe: str
    columns: Mapping[str, str] = dataclasses.field(default_factory=dict)
    others: Mapping[str, Sequence[str]] = dataclasses.field(default_factory=dict)


def look_at(path: Path) -> Looked:
    """Look at the beginning of a file, or of the first that fits a pattern.

    Raises:
        InputError: It can't be read, or holds nothing.
    """
    beside = [] if path.exists() else sorted(path.parent.glob(f"{glob.escape(path.name)}.*"))
    if len(beside) == 2:
        return Looked(path, PARALLEL, {file.suffix[1:]: [] for file in beside})
    first = files_of(path)[0]
    if suffix_of(first) in WORKBOOKS:
        return Looked(path, "a table", _columns(*workbook_head(first, LOOKED_AT)))
    file = dataclasses.replace(open_text(first, from_disk=True), most=LOOKED_AT)
    if not any(line.strip() for line in file.lines):
        raise InputError(f"{first} is empty: give a file with data.")
    if suffix_of(first) == ".conllu" or (
        suffix_of(first) not in (".csv", ".jsonl", ".txt") and kind_of_tokens(file, table=False)
    ):
        return Looked(path, "a token file")
    found = head(file, LOOKED_AT)
    return Looked(path, "lines of text") if found is None else Looked(path, "a table", _columns(*found))


def guess(looked: Looked, recipe: str | None = None) -> Guess:
    """The recipe that a file is for, or the columns that a recipe would read in it.

    Raises:
        InputError: The file's form doesn't tell; with what it has.
    """
    ways: dict[str, Callable[[Looked], Guess | None]] = {
        "tagging": _tagging,
        "question_answering": _asked_images,
        "captioning": _captions,
        "translation": _pairs,
        "text_classification": _labelled,
        "language_model": _running_text,
    }
    asked = "text_classification" if recipe == "sentiment" else recipe
    if asked is not None and asked not in ways:
        return Guess(str(recipe))
    for name, way in ways.items():
        if asked in (None, name) and (found := way(looked)) is not None:
            return found if recipe is None else dataclasses.replace(found, recipe=recipe)
    has = f"the columns {listed(looked.columns, 12)}" if looked.columns else looked.form
    if recipe is not None:
        raise InputError(
            f"{looked.path} has {has}, in which {recipe} finds nothing to learn: check the file, or the recipe."
        )
    raise InputError(f"{looked.path} has {has}, which doesn't tell what it is for: name the recipe before the folder.")


def _columns(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> dict[str, list[Any]]:
    return {name: [row[place] for row in rows] for place, name in enumerate(names)}


def _tagging(looked: Looked) -> Guess | None:
    if looked.form == "a token file":
        return Guess("tagging", {"tokens": "tokens", "tags": "tags"})
    lists = [name for name, cells in looked.columns.items() if _share(cells, _is_list) == 1]
    tags = [name for name in lists if "tag" in name.lower() or name.lower() in ("labels", "slots")]
    if len(lists) < 2 and not {"tokens", "tags"} <= set(looked.columns):
        return None
    if {"tokens", "tags"} <= set(looked.columns):
        return Guess("tagging", {"tokens": "tokens", "tags": "tags"})
    tag = (tags or lists[1:])[0]
    token = next(name for name in lists if name != tag)
    return Guess("tagging", {"tokens": token, "tags": tag}, {"tags": [one for one in tags if one != tag]})


def _asked_images(looked: Looked) -> Guess | None:
    image, names = _image(looked), {name.lower(): name for name in looked.columns}
    if image is None or not {"question", "answer"} <= set(names):
        return None
    return Guess("question_answering", {"image": image, "question": names["question"], "answer": names["answer"]})


def _captions(looked: Looked) -> Guess | None:
    image = _image(looked)
    texts = [name for name in looked.columns if name != image and _words(looked.columns[name]) >= TEXT_WORDS]
    return None if image is None or not texts else Guess("captioning", {"image": image, "caption": texts[0]})


def _pairs(looked: Looked) -> Guess | None:
    names = {name.lower(): name for name in looked.columns}
    for one, other in PAIRS:
        if {one, other} <= set(names) and _words(looked.columns[names[other]]) >= TEXT_WORDS:
            return Guess("translation", {"source": names[one], "target": names[other]})
    languages = [name for name in looked.columns if looked.form == PARALLEL or (len(name) == 2 and name.isalpha())]
    if len(languages) == 2 == len(looked.columns):
        return Guess("translation", dict(zip(("source", "target"), languages, strict=True)))
    return None


def _labelled(looked: Looked) -> Guess | None:
    labels = [name for name, cells in looked.columns.items() if _are_labels(cells)]
    label = next((name for known in LABELS for name in labels if name.lower() == known), labels[-1] if labels else None)
    rest = {name: cells for name, cells in looked.columns.items() if name != label and _words(cells) > 0}
    texts = sorted((name for name in rest if name not in labels), key=lambda name: -_characters(rest[name]))
    texts = texts or sorted(rest, key=lambda name: -_characters(rest[name]))
    if label is None or not texts:
        return None
    long = [name for name in texts[1:] if 2 * _characters(rest[name]) > _characters(rest[texts[0]])]
    others = {"label": [name for name in labels if name not in (label, texts[0])], "text": long}
    return Guess("text_classification", {"text": texts[0], "label": label}, others)


def _running_text(looked: Looked) -> Guess | None:
    if looked.form == "lines of text":
        return Guess("language_model")
    texts = [name for name, cells in looked.columns.items() if _words(cells) >= TEXT_WORDS]
    return Guess("language_model", {"text": texts[0]}) if len(texts) == 1 else None


def _image(looked: Looked) -> str | None:
    def names_one(cell: Any) -> bool:
        return str(cell).lower().endswith(IMAGES)

    return next((name for name, cells in looked.columns.items() if cells and _share(cells, names_one) == 1), None)


def _are_labels(cells: Sequence[Any]) -> bool:
    """Whether few short values come again and again: two at least, each of them twice and more on average."""
    values = {str(cell).strip() for cell in cells} - {""}
    if not 2 <= len(values) <= MOST_LABELS or 2 * len(values) > len(cells) or _share(cells, _is_list):
        return False
    return _words(cells) <= LONGEST_LABEL


def _is_list(cell: Any) -> bool:
    if isinstance(cell, list | tuple):
        return True
    return isinstance(cell, str) and cell.strip().startswith(("['", '["')) and cell.strip().endswith("]")


def _share(cells: Sequence[Any], fits: Callable[[Any], bool]) -> float:
    return sum(map(fits, cells)) / len(cells) if cells else 0.0


def _words(cells: Sequence[Any]) -> float:
    """Words of a cell on average; of one without blanks a word is twelve characters."""
    counts = [max(len(str(cell).split()), len(str(cell)) // 12) for cell in itertools.islice(cells, 200)]
    return sum(counts) / len(counts) if counts else 0.0


def _characters(cells: Sequence[Any]) -> float:
    return sum(len(str(cell)) for cell in cells) / len(cells) if cells else 0.0
