"""Simple taggers that every report stands beside, fitted on the same training data and saved as plain arrays."""

import dataclasses
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Self

import numpy as np
import scipy.sparse as sp
from sklearn.linear_model import SGDClassifier

from seqkit.baselines.samples import sample, told
from seqkit.core.ragged import Ragged

Sentences = Sequence[Sequence[str]]
TOKENS = 1 << 21  # that the linear tagger is fitted on
SCORES = 1 << 28  # of tags, of all these tokens: a model a tag is fitted, so that it takes minutes
PIECE = 1 << 12  # sentences that it tags at once
AFFIX = 4  # letters of the longest prefix and suffix


@dataclasses.dataclass(frozen=True)
class MostFrequentTag:
    """Each word's most frequent tag; for an unknown word that of the words which occur once.

    Attributes:
        words: Word -> its tag's place among the classes.
        unknown: The tag of all other words.
    """

    words: dict[str, int]
    unknown: int

    @classmethod
    def fit(cls, tokens: Sentences, tags: Sentences, classes: Sequence[str]) -> Self:
        """Count; of equally frequent tags the first class is taken."""
        places = {name: place for place, name in enumerate(classes)}
        counts: dict[str, Counter[int]] = defaultdict(Counter)
        for words, labels in zip(tokens, tags, strict=True):
            for word, label in zip(words, labels, strict=True):
                counts[word][places[label]] += 1
        best = {word: _first(found) for word, found in counts.items()}
        once = Counter(best[word] for word, found in counts.items() if found.total() == 1)
        return cls(best, _first(once or Counter(best.values())))

    def predict(self, tokens: Sentences) -> Ragged:
        """int32, ragged: a class a token."""
        found = [self.words.get(word, self.unknown) for words in tokens for word in words]
        return Ragged.of_lengths(np.array(found, np.int32), np.array([len(words) for words in tokens]))

    def save(self, path: Path) -> None:
        """Write an .npz file."""
        words, tags = list(self.words), np.array(list(self.words.values()), np.int32)
        np.savez_compressed(path, words=_packed(words), tags=tags, unknown=self.unknown)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read it."""
        with np.load(path, allow_pickle=False) as kept:
            return cls(dict(zip(_unpacked(kept["words"]), kept["tags"].tolist(), strict=True)), int(kept["unknown"]))


@dataclasses.dataclass(frozen=True)
class LinearTagger:
    """Logistic regression, one tag against the others, on the shapes of a word and of its neighbours, with scikit-learn.

    Features are the word, in lower case too, its prefixes and suffixes of up to four letters and its shape (Xx-9), and the
    lower case and the suffix of two words before and two after. Those that occur once in training are left out.

    Attributes:
        features: Of the word itself -> column.
        near: Of a neighbour -> column, the same for each of the four places.
        coefficients: float, (columns, fitted classes).
        intercepts: float, (fitted classes,).
        columns: int, (fitted classes,): each one's place among the task's classes.
        bounds: What a fit left out, where it had to; run.json has it then.
    """

    features: dict[str, int]
    near: dict[str, int]
    coefficients: np.ndarray
    intercepts: np.ndarray
    columns: np.ndarray
    bounds: str = ""

    @classmethod
    def fit(cls, tokens: Sentences, tags: Sentences, classes: Sequence[str], *, most: int = TOKENS) -> Self:
        """Fit by averaged stochastic gradient descent over five passes; on about `most` tokens where there are more, and on
        fewer where there are very many tags.

        Raises:
            ValueError: There are fewer than two tags.
        """
        most = min(most, SCORES // len(classes))
        rows, bounds = sample(np.array([len(words) for words in tokens], np.int64), most), ""
        if rows is not None:
            bounds = told(len(rows), len(tokens), "sentences")
            tokens, tags = [tokens[row] for row in rows], [tags[row] for row in rows]
        counts = Counter(word for words in tokens for word in words)
        own, around = Counter[str](), Counter[str]()
        for word, count in counts.items():
            own.update(dict.fromkeys(_features(word), count))
            around.update(dict.fromkeys(_near(word), count))
        features = {name: column for column, name in enumerate(name for name, count in own.items() if count > 1)}
        near = {name: column for column, name in enumerate(name for name, count in around.items() if count > 1)}
        places = {name: place for place, name in enumerate(classes)}
        targets = [places[label] for labels in tags for label in labels]
        model = SGDClassifier(loss="log_loss", alpha=1e-6, average=True, max_iter=5, tol=None, random_state=0)
        model.fit(_matrix(tokens, features, near), targets)
        coefficients, intercepts = model.coef_, model.intercept_
        if len(model.classes_) == 2:  # scikit-learn keeps the second one alone
            coefficients, intercepts = np.concatenate([-coefficients, coefficients]), np.array([-1, 1]) * intercepts
        return cls(features, near, coefficients.T.astype(np.float32), intercepts, model.classes_, bounds)

    def predict(self, tokens: Sentences) -> Ragged:
        """int32, ragged: a class a token."""
        found = [np.empty(0, np.int32)]
        for start in range(0, len(tokens), PIECE):
            features = _matrix(tokens[start : start + PIECE], self.features, self.near)
            scores = features @ self.coefficients + self.intercepts
            found.append(self.columns[scores.argmax(axis=1)].astype(np.int32))
        return Ragged.of_lengths(np.concatenate(found), np.array([len(words) for words in tokens]))

    def save(self, path: Path) -> None:
        """Write an .npz file of arrays: the features in the order of their columns, and the weights."""
        np.savez_compressed(
            path,
            features=_packed(self.features),
            near=_packed(self.near),
            coefficients=self.coefficients,
            intercepts=self.intercepts,
            columns=self.columns,
        )

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read it."""
        with np.load(path, allow_pickle=False) as kept:
            features, near = (
                {name: column for column, name in enumerate(_unpacked(kept[key]))} for key in ("features", "near")
            )
            return cls(features, near, kept["coefficients"], kept["intercepts"], kept["columns"])


def shape(word: str) -> str:
    """Capitals as X, small letters as x, digits as 9, other characters as they are; repeats written once."""
    kinds = ["X" if c.isupper() else "x" if c.isalpha() else "9" if c.isdigit() else c for c in word]
    return "".join(kind for place, kind in enumerate(kinds) if place == 0 or kind != kinds[place - 1])


def _features(word: str) -> Iterator[str]:
    lower = word.lower()
    yield from (f"word {word}", f"lower {lower}", f"shape {shape(word)}")
    for length in range(1, min(AFFIX, len(word)) + 1):
        yield from (f"prefix {lower[:length]}", f"suffix {lower[-length:]}")


def _near(word: str) -> Iterator[str]:
    lower = word.lower()
    yield from (f"lower {lower}", f"suffix {lower[-3:]}")


def _matrix(tokens: Sentences, features: dict[str, int], near: dict[str, int]) -> sp.csr_matrix:
    """A row a token: its own features, and those of the neighbours at -2, -1, 1 and 2.

    Features are looked up once for each distinct word; the rows of tokens are gathered.
    """
    index: dict[str, int] = {}
    places = [np.array([index.setdefault(word, len(index)) for word in words], np.int64) for words in tokens]
    own = _of_words(index, _features, features)
    around = _of_words(index, _near, near)  # its last row is the edge's
    parts = [own[np.concatenate([*places, np.empty(0, np.int64)])]]
    for shift in (-2, -1, 1, 2):
        padding = np.full(abs(shift), len(index))
        moved = [
            np.concatenate([padding, row])[: len(row)] if shift < 0 else np.concatenate([row, padding])[shift:]
            for row in places
        ]
        parts.append(around[np.concatenate([*moved, np.empty(0, np.int64)])])
    return sp.hstack(parts, format="csr")


def _of_words(words: Iterable[str], of: Callable[[str], Iterable[str]], columns: dict[str, int]) -> sp.csr_matrix:
    """Features of each word, float32 (words + 1, columns + 1): the last row and column stand for the edge of a sentence."""
    found = [[columns[name] for name in of(word) if name in columns] for word in words] + [[len(columns)]]
    offsets = np.concatenate([[0], np.cumsum([len(row) for row in found])])
    flat = np.array([column for row in found for column in row], np.int32)
    return sp.csr_matrix((np.ones(len(flat), np.float32), flat, offsets), (len(found), len(columns) + 1))


def _first(counts: Counter[int]) -> int:
    return min(counts, key=lambda tag: (-counts[tag], tag))


def _packed(strings: Sequence[str] | dict[str, int]) -> np.ndarray:
    return np.frombuffer(json.dumps(list(strings)).encode(), np.uint8)


def _unpacked(array: np.ndarray) -> list[str]:
    strings: list[str] = json.loads(array.tobytes())
    return strings
