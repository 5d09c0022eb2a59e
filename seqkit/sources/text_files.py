"""Files of text, plain or gzipped: from bytes to lines."""

import codecs
import contextlib
import dataclasses
import functools
import glob
import gzip
import io
import itertools
import re
import sys
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, cast

from seqkit.core.errors import InputError
from seqkit.core.findings import Finding
from seqkit.sources.storing import note_read, storing

TABLES = (".tsv", ".csv", ".jsonl")
MARK = "\ufeff"  # a byte-order mark, read as a character
_MARKS = (  # the longest first: the mark of UTF-32 begins as that of UTF-16
    (codecs.BOM_UTF32_LE, "utf-32-le", "UTF-32"),
    (codecs.BOM_UTF32_BE, "utf-32-be", "UTF-32"),
    (codecs.BOM_UTF16_LE, "utf-16-le", "UTF-16"),
    (codecs.BOM_UTF16_BE, "utf-16-be", "UTF-16"),
)
_PLAIN = (b"", "utf-8", "UTF-8")
_BLOCK = 1 << 20  # bytes decoded at once


@dataclasses.dataclass(frozen=True)
class TextFile:
    """A file of text, decoded as its lines are asked for: from memory, or, where columns are stored, from the disk.

    Byte-order marks are left out wherever a line begins with one: files that were put together have them inside.

    Attributes:
        path: Where it lies.
        opened: Opens its bytes, unpacked and without a mark.
        encoding: What they are in.
        findings: What was noticed while it was decoded.
        most: Lines that are read.
    """

    path: Path
    opened: Callable[[], BinaryIO]
    encoding: str
    findings: tuple[Finding, ...] = ()
    most: int = sys.maxsize

    @property
    def lines(self) -> "Lines":
        """Without their ends; the last one has an end or not."""
        return Lines(self)

    def whole_lines(self) -> Iterator[str]:
        """The lines with their ends."""
        with io.TextIOWrapper(self.opened(), self.encoding, newline="\n") as text:
            for line in itertools.islice(text, self.most):
                yield line.lstrip(MARK) if line.startswith(MARK) else line

    def pieces(self) -> Iterator[str]:
        """The text, piece by piece: a line may be longer than memory."""
        with io.TextIOWrapper(self.opened(), self.encoding, newline="\n") as text:
            begins = True
            while piece := text.readline(_BLOCK):
                yield piece.lstrip(MARK) if begins else piece
                begins = piece.endswith("\n")

    def place(self, line: int) -> str:
        """A line, from 1, for people."""
        return f"{self.path}, line {line}"


@dataclasses.dataclass(frozen=True)
class Lines:
    """The lines of a file without their ends, as often as they are asked for."""

    file: TextFile

    def __iter__(self) -> Iterator[str]:
        for line in self.file.whole_lines():
            yield line.removesuffix("\n").removesuffix("\r")


def open_text(path: Path, *, from_disk: bool = False) -> TextFile:
    """Look through a file in UTF-8, or in UTF-16 or UTF-32 with its mark.

    Args:
        from_disk: Whether it stays there, also where columns aren't stored.
    Raises:
        InputError: It can't be read, or holds other bytes.
    """
    from_disk = from_disk or storing()
    note_read(path)
    with _reading(path):
        with _open(path) as file:
            whole = b"" if from_disk else file.read()
            head = file.read(4) if from_disk else whole[:4]
        opened = functools.partial(_open, path) if from_disk else functools.partial(io.BytesIO, whole)
        mark, encoding, name = next((kind for kind in _MARKS if head.startswith(kind[0])), _PLAIN)
        beyond = functools.partial(_beyond, opened, len(mark))
        with beyond() as file:
            marked, found = _look_through(path, file, encoding, name, marked=bool(mark)), []
    if mark:
        found.append(Finding("encoding", "note", f"{path} is in {name}, as its first bytes say, and is read so"))
    if marked:
        what = f"{path} has byte-order marks inside, where another file was put into it; they are left out"
        found.append(Finding.at("byte_order_mark", "note", what, [f"{path}, line {line}" for line in marked]))
    return TextFile(path, beyond, encoding, tuple(found))


def _look_through(path: Path, file: BinaryIO, encoding: str, name: str, *, marked: bool) -> list[int]:
    """Decode all of a file; the lines, from 1, that begin with a byte-order mark, but for the first.

    Raises:
        InputError: It can't be decoded.
    """
    decoder = codecs.getincrementaldecoder(encoding)()
    line, characters, nuls, before, inside = 1, 0, 0, "", list[int]()
    block = b"\0"
    while block:
        block = file.read(_BLOCK)
        try:
            text = decoder.decode(block, final=not block)
        except UnicodeDecodeError as error:
            line += error.object[: error.start].count(b"\n")
            advice = "Convert the file, for example with iconv -f latin1 -t utf-8."
            raise InputError(
                f"{path}, line {line}: byte 0x{error.object[error.start]:02x} is not {name}. "
                f"{'Write the file again.' if marked else advice}"
            ) from None
        joined = before + text
        for match in re.finditer(f"\n{MARK}", joined):
            inside.append(line + joined.count("\n", len(before), match.end()))
        line, characters, nuls = line + text.count("\n"), characters + len(text), nuls + text.count("\0")
        before = text[-1:] or before
    if not marked and nuls > characters // 4:
        raise InputError(
            f"{path} looks like UTF-16 without its mark: convert it, for example with iconv -f utf-16le -t utf-8."
        )
    return inside


def files_of(path: Path) -> list[Path]:
    """The files that a path means: one, or those that fit a pattern (part-*.tsv), in the order of their names."""
    if path.exists() or not glob.has_magic(str(path)):
        return [path]
    found = sorted(map(Path, glob.glob(str(path))))
    if not found:
        raise InputError(f"No file's name fits the pattern {path}: check the path.")
    return found


def suffix_of(path: Path) -> str:
    """The suffix of a file's name, without .gz."""
    return Path(path.name.removesuffix(".gz")).suffix


def _open(path: Path) -> BinaryIO:
    """A file's bytes, unpacked."""
    return cast(BinaryIO, gzip.open(path)) if path.suffix == ".gz" else open(path, "rb")


def _beyond(opened: Callable[[], BinaryIO], mark: int) -> BinaryIO:
    file = opened()
    file.read(mark)
    return file


@contextlib.contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Raise InputError where a file can't be read."""
    try:
        yield
    except FileNotFoundError:
        raise InputError(f"{path} does not exist: check the path.") from None
    except IsADirectoryError:
        raise InputError(f"{path} is a folder: give a file ({', '.join(TABLES)}, also .gz).") from None
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise InputError(f"{path} is no whole gzip file ({error}): compress it again.") from None
    except OSError as error:
        raise InputError(f"{path} can't be read: {error.strerror}.") from None
