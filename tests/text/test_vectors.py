"""Pretrained vectors: the three text formats, and files that are none."""

import gzip

import numpy as np
import pytest

from seqkit.core.errors import InputError
from seqkit.text.tokenizer import Tokenizer
from seqkit.text.vectors import read_vectors
from seqkit.text.vocabulary import PADDING, SPECIAL, UNKNOWN, Vocabulary

VOCABULARY = Vocabulary((*SPECIAL, "film", "good", "rare"), Tokenizer())
LINES = "film 1.0 -2.5 3e-1\n. . 9 9 9\ngood 0 0.5 1\nunused 1 1 1\n"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("glove.txt", LINES.encode()),
        ("fasttext.vec", f"4 3\n{LINES}".encode()),
        ("word2vec.txt.gz", gzip.compress(("4 3\n" + LINES.replace("\n", " \n")).encode(), mtime=0)),
    ],
)
def test_vectors_of_every_format(tmp_path, capsys, name, content):
    (tmp_path / name).write_bytes(content)
    matrix = read_vectors(tmp_path / name, VOCABULARY)
    np.testing.assert_allclose(matrix[[4, 5]], [[1.0, -2.5, 0.3], [0, 0.5, 1]], rtol=1e-6)
    assert not matrix[PADDING].any()
    assert matrix[UNKNOWN].all()
    assert "66.7% of the vocabulary" in capsys.readouterr().err
    np.testing.assert_array_equal(matrix, read_vectors(tmp_path / name, VOCABULARY))


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (gzip.compress(LINES.encode(), mtime=0)[:-9], "can't be read as word vectors"),
        (None, "can't be read as word vectors"),
        (b"film 1 2\ngood 1\n", "line 2: found 1 numbers where a token and 2 are expected"),
        (b"film 1 two\n", "line 1: could not convert string to float"),
        (b"unused 1 2\n", "has a vector for none of the 7 tokens"),
    ],
)
def test_a_wrong_file_gets_one_sentence(tmp_path, content, complaint):
    path = tmp_path / ("vectors.txt.gz" if content and content.startswith(b"\x1f\x8b") else "vectors.txt")
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=complaint):
        read_vectors(path, VOCABULARY)
