"""Files of text, plain or gzipped: from bytes to lines."""

import codecs
import dataclasses
import functools
import gzip
import re
import zlib
from pathlib import Path

from seqkit.core.errors import InputError
from seqkit.core.findings import Finding

TABLES = (".tsv", ".csv", ".jsonl")
MARK = "\ufeff"  # a byte-order mark, read as a character
_MARKS = (  # the longest first: the mark of UTF-32 begins as that of UTF-16
    (codecs.BOM_UTF32_LE, "utf-32-le", "UTF-32"),
    (codecs.BOM_UTF32_BE, "utf-32-be", "UTF-32"),
    (codecs.BOM_UTF16_LE, "utf-16-le", "UTF-16"),
    (codecs.BOM_UTF16_BE, "utf-16-be", "UTF-16"),
)


@dataclasses.dataclass(frozen=True)
class TextFile:
    """A file's text.

    Attributes:
        path: Where it lies.
        text: Without byte-order marks, wherever a line begins with one: files that were put together have them inside.
        findings: What was noticed while it was decoded.
    """

    path: Path
    text: str
    findings: tuple[Finding, ...] = ()

    @functools.cached_property
    def lines(self) -> list[str]:
        """Without their ends; the last one has an end or not."""
        return lines_of(self.text)

    def place(self, line: int) -> str:
        """A line, from 1, for people."""
        return f"{self.path}, line {line}"


def open_text(path: Path) -> TextFile:
    """Read a file in UTF-8, or in UTF-16 or UTF-32 with its mark.

    Raises:
        InputError: It can't be read, or holds other bytes.
    """
    data = _bytes(path)
    mark, encoding, name = next((kind for kind in _MARKS if data.startswith(kind[0])), (b"", "utf-8", "UTF-8"))
    try:
        text = data[len(mark) :].decode(encoding)
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        advice = "Convert the file, for example with iconv -f latin1 -t utf-8." if not mark else "Write the file again."
        raise InputError(
            f"{path}, line {line}: byte 0x{data[len(mark) + error.start]:02x} is not {name}. {advice}"
        ) from None
    if not mark and text.count("\0") > len(text) // 4:
        raise InputError(
            f"{path} looks like UTF-16 without its mark: convert it, for example with iconv -f utf-16le -t utf-8."
        )
    found = []
    if mark:
        found.append(Finding("encoding", "note", f"{path} is in {name}, as its first bytes say, and is read so"))
    text = text.removeprefix(MARK)
    inside = [text.count("\n", 0, match.start()) + 1 for match in re.finditer(f"(?m)^{MARK}", text)]
    if inside:
        what = f"{path} has byte-order marks inside, where another file was put into it; they are left out"
        found.append(Finding.at("byte_order_mark", "note", what, [f"{path}, line {line}" for line in inside]))
        text = re.sub(f"(?m)^{MARK}+", "", text)
    return TextFile(path, text, tuple(found))


def lines_of(text: str) -> list[str]:
    """The lines of a text, whose end is a line end or not."""
    return [line.removesuffix("\r") for line in text.removesuffix("\n").split("\n")] if text else []


def suffix_of(path: Path) -> str:
    """The suffix of a file's name, without .gz."""
    return Path(path.name.removesuffix(".gz")).suffix


def _bytes(path: Path) -> bytes:
    try:
        data = path.read_bytes()
        return gzip.decompress(data) if path.suffix == ".gz" else data
    except FileNotFoundError:
        raise InputError(f"{path} does not exist: check the path.") from None
    except IsADirectoryError:
        raise InputError(f"{path} is a folder: give a file ({', '.join(TABLES)}, also .gz).") from None
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise InputError(f"{path} is no whole gzip file ({error}): compress it again.") from None
    except OSError as error:
        raise InputError(f"{path} can't be read: {error.strerror}.") from None
