"""Training, validation and test rows."""

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from seqkit.core.errors import InputError
from seqkit.sources.examples import Examples, hold_out
from seqkit.sources.labels import named_as
from seqkit.sources.reading import read


@dataclasses.dataclass(frozen=True)
class Splits:
    """The rows to train, validate and (where given) test on."""

    train: Examples
    valid: Examples
    test: Examples | None

    def named(self) -> Iterator[tuple[str, Examples]]:
        """The splits there are, by name."""
        for field in dataclasses.fields(self):
            if (examples := getattr(self, field.name)) is not None:
                yield field.name, examples

    def each(self, change: Callable[[Examples], Examples]) -> "Splits":
        """The splits, each changed."""
        return Splits(change(self.train), change(self.valid), None if self.test is None else change(self.test))


def read_splits(
    data: Any,
    valid: Any,
    test: Any,
    columns: Mapping[str, str],
    *,
    builtin: Callable[[], Mapping[str, Mapping[str, list[Any]]]] | None = None,
    seed: int,
    stratify: str | None = None,
    data_dir: str | None = None,
    reader: Callable[..., Examples] = read,
    holder: Callable[..., tuple[Examples, Examples]] = hold_out,
) -> Splits:
    """Read what was given; hold a seeded tenth of the training rows out where there is no validation data.

    Args:
        data: A source, or None for the built-in corpus with its own three splits.
        builtin: Makes the built-in corpus, where there is one: split -> field -> values.
        stratify: The field of the labels, by which to stratify the held-out tenth; validation rows that were given write
            them as the training rows do.
        reader: Reads a source, with the arguments of `seqkit.sources.reading.read`.
        holder: Holds the tenth out, with the arguments of `seqkit.sources.examples.hold_out`.
    Raises:
        InputError: A source is not as expected; or there is no training data.
    """
    if data is None:
        if valid is not None or test is not None:
            raise InputError("There is validation or test data but no training data: give --data too.")
        if builtin is None:
            raise InputError("There is no training data, and this recipe has none built in: give --data.")
        corpus = builtin()
        return Splits(*(Examples(dict(corpus[name]), f"built-in ({name})") for name in ("train", "valid", "test")))
    train = reader(data, columns, role="train", data_dir=data_dir)
    tested = None if test is None else reader(test, columns, role="test", data_dir=data_dir)
    if valid is not None:
        held = reader(valid, columns, role="valid", data_dir=data_dir)
        return Splits(train, named_as(held, stratify, sorted(set(train[stratify]))) if stratify else held, tested)
    return Splits(*holder(train, by=stratify, seed=seed), tested)
