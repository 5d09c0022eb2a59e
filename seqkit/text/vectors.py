"""Pretrained word vectors from text files."""

import gzip
import zlib
from pathlib import Path

import numpy as np

from seqkit.core.errors import InputError
from seqkit.core.progress import notify
from seqkit.text.vocabulary import PADDING, SPECIAL, Vocabulary


def read_vectors(path: str | Path, vocabulary: Vocabulary, *, seed: int = 0) -> np.ndarray:
    """Read the vectors of a vocabulary's tokens from a GloVe, fastText or word2vec text file (also .gz).

    A first line of two whole numbers (fastText, word2vec) is a header. A token may hold spaces: the numbers are counted
    from the line's end. Tokens that the file lacks get normal noise of the same spread as the vectors that were found.

    Returns:
        float32, (tokens, units), with zeros for padding. The share of the tokens that were found is said.
    Raises:
        InputError: No such file, a line with another count of numbers, or no token found.
    """
    path = Path(path)
    wanted = {token: number for number, token in enumerate(vocabulary.tokens)}
    found: dict[int, np.ndarray] = {}
    units = 0
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else open(path, "rb") as file:
            for number, line in enumerate(file, start=1):
                cells = line.decode("utf-8", "replace").rstrip().split(" ")
                if number == 1 and len(cells) == 2 and all(cell.isdigit() for cell in cells):
                    continue
                units = units or len(cells) - 1
                token = " ".join(cells[:-units]) if units else ""
                if not token:
                    raise InputError(
                        f"{path}, line {number}: found {len(cells) - 1} numbers where a token and {units or 'some'} are "
                        "expected. Give a text file of vectors, not a binary one."
                    )
                if token in wanted:
                    found[wanted[token]] = np.array(cells[-units:], np.float32)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{path} can't be read as word vectors: {error}.") from None
    except ValueError as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path}, line {number}: {error}. Expected a token and {units} numbers.") from None
    if not found:
        raise InputError(f"{path} has a vector for none of the {len(vocabulary)} tokens: check language and case.")
    spread = np.std(np.stack(list(found.values())))
    matrix = np.random.default_rng(seed).normal(0.0, spread, (len(vocabulary), units)).astype(np.float32)
    for row, vector in found.items():
        matrix[row] = vector
    matrix[PADDING] = 0.0
    notify(
        f"{path.name}: vectors of width {units} for {len(found) / (len(vocabulary) - len(SPECIAL)):.1%} of the vocabulary"
    )
    return matrix
