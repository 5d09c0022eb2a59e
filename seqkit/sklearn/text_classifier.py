"""text_classification as an estimator of scikit-learn: in pipelines, grid searches and pickles."""

from __future__ import annotations

import contextlib
import dataclasses
import shutil
import tempfile
import weakref
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, column_or_1d

from seqkit.core.errors import InputError
from seqkit.core.progress import console
from seqkit.core.settings import Embedding, Pooling, Stack, Training
from seqkit.core.wide import Wide
from seqkit.recipes.text_classification import text_classification
from seqkit.runs.contents import RUN
from seqkit.runs.parts import without_report
from seqkit.runs.run import EVALUATION_BATCH, Run, load
from seqkit.text.labels import same_but_for_writing

LEAST = 20  # rows, below which none are held out


class TextClassifier(ClassifierMixin, BaseEstimator):
    """Label whole texts by the recipe text_classification.

    X is a sequence of texts (a list, an array or a column of a data frame), y their labels, of any type that
    `numpy.unique` sorts. A tenth of the rows is held out to choose the epoch; of fewer than 20 rows none, and the training
    rows choose it. No report and no baselines are made: `run_` is the run, whose folder goes with it; export it to another
    place (`to`).

    Args:
        unit, lowercase, vocabulary_size, min_count, max_length, embedding, stack, pooling, wide, training: As for
            `seqkit.recipes.text_classification`. A setting of a class is also a parameter of its own, for grids:
            training__epochs, stack__units.
        random_state: Seed of everything random; nothing for 0.
        verbose: Whether the training is shown on standard error.
    Attributes:
        classes_: The labels, sorted.
        run_: The trained run (`seqkit.Run`), which answers these labels, as texts; their places from 0 where some texts are
            the same but for their writing.
    Example:
        >>> from seqkit.sklearn import TextClassifier
        >>> model = TextClassifier(stack=one_layer, **small).fit(["a good film", "a bad film"] * 8, ["good", "bad"] * 8)
        >>> model.classes_.tolist(), model.predict(["so bad"]).tolist()
        (['bad', 'good'], ['bad'])
    """

    def __init__(
        self,
        *,
        unit: Literal["word", "whitespace", "character", "subword", "unigram"] = "word",
        lowercase: bool = True,
        vocabulary_size: int = 20_000,
        min_count: int = 2,
        max_length: int = 1_000,
        embedding: Embedding = Embedding(units=64, dropout=0.2),
        stack: Stack = Stack(cell="lstm", units=(64,), bidirectional=True, dropout=0.1),
        pooling: Pooling = "max",
        wide: Wide = Wide(),
        training: Training = Training(epochs=6, epoch_steps=100, batch_size=16, learning_rate=2e-3, schedule="cosine"),
        random_state: int | None = None,
        verbose: bool = False,
    ):
        self.unit = unit
        self.lowercase = lowercase
        self.vocabulary_size = vocabulary_size
        self.min_count = min_count
        self.max_length = max_length
        self.embedding = embedding
        self.stack = stack
        self.pooling = pooling
        self.wide = wide
        self.training = training
        self.random_state = random_state
        self.verbose = verbose

    def fit(self, X: Sequence[str], y: Sequence[Any]) -> Self:  # noqa: N803
        """Train a model.

        Raises:
            InputError: Texts or labels are not as expected; it is a ValueError.
        """
        texts = _texts(X)
        if y is None:
            raise ValueError("requires y to be passed, but the target y is None")
        y = column_or_1d(y, warn=True)
        check_classification_targets(y)
        classes, places = np.unique(y, return_inverse=True)
        if len(places) != len(texts):
            raise InputError(f"There are {len(texts)} texts and {len(places)} labels: each text needs one.")
        if len(classes) < 2:
            raise InputError(f"y has the one class {classes[0]!r}: expected two or more to tell apart.")
        names = _names(classes)
        rows = texts, [names[place] for place in places]
        settings = {
            name: value
            for name, value in self.get_params(deep=False).items()
            if name not in ("random_state", "verbose")
        }
        folder = Path(tempfile.mkdtemp(prefix="seqkit-"))
        try:
            with _quiet(not self.verbose), without_report():
                run = text_classification(
                    rows,
                    valid=rows if len(texts) < LEAST else None,
                    out=folder / "run",
                    seed=0 if self.random_state is None else self.random_state,
                    **settings,
                )
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        files = {name: (run.path / name).read_bytes() for name in (RUN, *run.info["files"])}
        self._files, self._names, self.classes_, self.run_ = files, names, classes, _as_long_as(run, folder)
        return self

    def predict_proba(self, X: Sequence[str]) -> np.ndarray:  # noqa: N803
        """How probable each class is: float32, (texts, classes), in the order of `classes_`."""
        check_is_fitted(self, "classes_")
        texts = _texts(X)
        found = np.zeros((len(texts), len(self.classes_)), np.float32)
        if texts:
            task = self.run_.task
            examples = task.read((texts,), {"text": "text"}, role="asked")
            rows, _ = task.encode(examples, EVALUATION_BATCH)
            found[:, [self._names.index(name) for name in task.classes]] = task.outputs(self.run_.forward, rows)
        return found

    def predict(self, X: Sequence[str]) -> np.ndarray:  # noqa: N803
        """The most probable class of each text, (texts,)."""
        check_is_fitted(self, "classes_")
        found: np.ndarray = self.classes_[self.predict_proba(X).argmax(axis=1)]
        return found

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The parameters; deep also those of the settings' classes, as training__epochs."""
        own: dict[str, Any] = super().get_params(deep=False)
        if not deep:
            return own
        inner = {
            f"{name}__{field.name}": getattr(value, field.name)
            for name, value in own.items()
            if dataclasses.is_dataclass(value)
            for field in dataclasses.fields(value)
        }
        return own | inner

    def set_params(self, **params: Any) -> Self:
        """Set parameters, of the settings' classes too.

        Raises:
            InputError: There is no such parameter, or it can't be that.
        """
        known = self.get_params()
        changes: dict[str, dict[str, Any]] = {}
        for name, value in params.items():
            if name not in known:
                raise InputError(f"Invalid parameter {name!r} for estimator {self!r}: there are {', '.join(known)}.")
            outer, _, inner = name.partition("__")
            if inner:
                changes.setdefault(outer, {})[inner] = value
            else:
                setattr(self, name, value)
        for outer, fields in changes.items():
            setattr(self, outer, dataclasses.replace(getattr(self, outer), **fields))
        return self

    def __getstate__(self) -> dict[str, Any]:
        state: dict[str, Any] = super().__getstate__()
        return {name: value for name, value in state.items() if name != "run_"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        if "_files" in state:
            self.run_ = _opened(state["_files"])
            self.__dict__.setdefault("_names", _places(self.classes_))  # before 0.17

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array, tags.input_tags.string = False, True
        return tags


def _names(classes: np.ndarray) -> list[str]:
    """What the run calls the classes: their texts, where these are told apart as they are read from a table."""
    names = [str(label) for label in classes]
    plain = all(name.isprintable() and name == " ".join(name.split()) != "" for name in names)
    return names if plain and not same_but_for_writing(names) and len(set(names)) == len(names) else _places(classes)


def _places(classes: np.ndarray) -> list[str]:
    return [str(place) for place in range(len(classes))]


def _texts(texts: Any) -> list[str]:
    """X as a list.

    Raises:
        InputError: It is no sequence of texts.
    """
    if isinstance(texts, str | bytes) or not hasattr(texts, "__len__"):
        raise InputError(f"X is a {type(texts).__name__}: give a sequence of texts.")
    if len(getattr(texts, "shape", (0,))) != 1:
        raise InputError(
            f"X has the shape {texts.shape}: give a sequence of texts, one a row, such as a single column."
        )
    found = list(texts)
    if not found:
        raise InputError("X has no texts (0 samples): a minimum of 1 is required.")
    for place, text in enumerate(found):
        if not isinstance(text, str):
            raise InputError(f"X, row {place}: a {type(text).__name__}, where a text is expected.")
    return [str(text) for text in found]  # NumPy's strings are their own kind


def _opened(files: dict[str, bytes]) -> Run:
    folder = Path(tempfile.mkdtemp(prefix="seqkit-"))
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return _as_long_as(load(folder), folder)


def _as_long_as(run: Run, folder: Path) -> Run:
    """The run, whose folder is there for what it writes until nobody holds the run any more."""
    weakref.finalize(run, shutil.rmtree, folder, ignore_errors=True)
    return run


@contextlib.contextmanager
def _quiet(quiet: bool) -> Iterator[None]:
    """Print nothing of a training."""
    before, console.quiet = console.quiet, quiet or console.quiet
    try:
        yield
    finally:
        console.quiet = before
