"""Inputs to be answered, as they come: from standard input, or from a file."""

import itertools
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from seqkit.core.errors import InputError
from seqkit.sources.reading import read_asked, read_inputs
from seqkit.sources.text_files import MARK

CHUNK = 4096  # inputs read at once


def inputs_of(file: str, columns: Mapping[str, str]) -> Iterator[list[Any]]:
    """Lists of inputs.

    Args:
        file: A table or a token file as training reads it, or else a text a line; - for standard input.
        columns: The field that is asked for first -> its column in a table.
    Raises:
        InputError: The file is not as expected.
    """
    field, column = next(iter(columns.items()))
    if file == "-":
        yield from _lines_as_they_come(sys.stdin.fileno())
    else:
        inputs = read_inputs(Path(file), field, column)
        yield from iter(lambda: list(itertools.islice(inputs, CHUNK)), [])


def asked_of(file: str, columns: Mapping[str, str], id: str | None = None) -> Iterator[list[dict[str, Any]]]:
    """Lists of rows to be answered, with what the file says of them beside (`seqkit.sources.reading.read_asked`)."""
    if file == "-":
        if id is not None:
            raise InputError(f"--id {id} is for a table, and standard input has a text a line: give a file.")
        field = next(iter(columns))
        for lines in _lines_as_they_come(sys.stdin.fileno()):
            yield [{field: line} for line in lines]
    else:
        rows = read_asked(Path(file), columns, id)
        yield from iter(lambda: list(itertools.islice(rows, CHUNK)), [])


def _lines_as_they_come(descriptor: int) -> Iterator[list[str]]:
    """Lists of the lines that are there, without waiting for more than the first."""
    number, rest = 0, b""
    while block := os.read(descriptor, 1 << 20):
        *whole, rest = (rest + block).split(b"\n")
        yield [_decoded(line, number := number + 1) for line in whole]
    if rest:
        yield [_decoded(rest, number + 1)]


def _decoded(line: bytes, number: int) -> str:
    try:
        return line.removesuffix(b"\r").decode().lstrip(MARK)
    except UnicodeDecodeError as error:
        byte = line[error.start]
        raise InputError(
            f"standard input, line {number}: byte 0x{byte:02x} is not UTF-8. Convert the text first."
        ) from None
