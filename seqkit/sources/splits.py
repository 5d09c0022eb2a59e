"""Training, validation and test rows."""

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeVar

from seqkit.core.errors import InputError
from seqkit.sources.cells import listed
from seqkit.sources.examples import Examples, Role, hold_out
from seqkit.sources.labels import named_as
from seqkit.sources.prepared import AGAIN, SPLITS, Prepared, being_made, check_settings, open_prepared, prepared_at
from seqkit.sources.reading import read
from seqkit.sources.storing import stored_part
from seqkit.text.tokenizer import Unit
from seqkit.text.vocabulary import Vocabulary, learn_vocabulary

T = TypeVar("T")


@dataclasses.dataclass(frozen=True)
class Splits:
    """The rows to train, validate and (where given) test on.

    Attributes:
        prepared: The prepared data that they are from.
    """

    train: Examples
    valid: Examples
    test: Examples | None
    prepared: Prepared | None = None

    def named(self) -> Iterator[tuple[str, Examples]]:
        """The splits there are, by name."""
        for name in SPLITS:
            if (examples := getattr(self, name)) is not None:
                yield name, examples

    def each(self, change: Callable[[Examples], Examples]) -> "Splits":
        """The splits, each changed."""
        changed: dict[str, Any] = {name: change(examples) for name, examples in self.named()}
        return dataclasses.replace(self, **changed)

    def learned(
        self,
        name: str,
        learn: Callable[[], T],
        *,
        written: Callable[[T], Any],
        read: Callable[[Any], T],
        settings: Mapping[str, Any],
    ) -> T:
        """What is learned from all training rows, such as a vocabulary: of prepared data, what was learned then.

        Args:
            name: What it is called there.
            learn: Learns it.
            written, read: It as JSON, and back.
            settings: What shapes it, by the names that a user knows.
        Raises:
            InputError: The data was prepared with other settings.
        """
        if self.prepared is not None:
            return read(self.prepared.learned(name, settings))
        making = being_made()
        return learn() if making is None else read(making.learn(name, lambda: written(learn()), settings))

    def vocabulary(
        self,
        name: str,
        texts: Iterable[str],
        *,
        unit: Unit,
        lowercase: bool = False,
        vocabulary_size: int = 20_000,
        min_count: int = 1,
        **settings: Any,
    ) -> Vocabulary:
        """The vocabulary of training texts, by `seqkit.text.vocabulary.learn_vocabulary`; or the one that was prepared.

        Args:
            name: What it is called among those of a recipe.
            settings: What else shapes it.
        """
        shape: dict[str, Any] = {"unit": unit, "lowercase": lowercase, "min_count": min_count}

        def learn() -> Vocabulary:
            return learn_vocabulary(texts, size=vocabulary_size, **shape)

        known = {"vocabulary_size": vocabulary_size} | shape | settings
        return self.learned(name, learn, written=Vocabulary.to_json, read=Vocabulary.from_json, settings=known)


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
    settings: Mapping[str, Any] | None = None,
) -> Splits:
    """Read what was given; hold a seeded tenth of the training rows out where there is no validation data.

    Args:
        data: A source, or None for the built-in corpus with its own three splits; prepared data has its own, too.
        builtin: Makes the built-in corpus, where there is one: split -> field -> values.
        stratify: The field of the labels, by which to stratify the held-out tenth; validation rows that were given write
            them as the training rows do.
        reader: Reads a source, with the arguments of `seqkit.sources.reading.read`.
        holder: Holds the tenth out, with the arguments of `seqkit.sources.examples.hold_out`.
        settings: What else shapes the rows as they are read, by the names that a user knows.
    Raises:
        InputError: A source is not as expected, or was prepared with other settings; or there is no training data.
    """

    def read_as(role: Role, source: Any) -> Examples:
        with stored_part(role):
            return reader(source, columns, role=role, data_dir=data_dir)

    def read_all() -> dict[str, Examples]:
        if data is None:
            return _built_in(valid, test, builtin)
        train = read_as("train", data)
        tested = {} if test is None else {"test": read_as("test", test)}
        if valid is None:
            kept, held = holder(train, by=stratify, seed=seed)
            return {"train": kept, "valid": held} | tested
        held = read_as("valid", valid)
        if stratify:
            held = named_as(held, stratify, sorted(set(train[stratify])))
        return {"train": train, "valid": held} | tested

    folder, making = prepared_at(data), being_made()
    if folder is not None and making is not None:
        raise InputError(f"{folder} is prepared already: give the data that it was made of.")
    if folder is not None:
        prepared = open_prepared(folder)
        before = prepared.manifest["columns"]
        if set(before) != set(columns):
            raise InputError(
                f"{folder} was prepared for the recipe {prepared.manifest['recipe']}, with {listed(before)}, where "
                f"{listed(columns)} are wanted: {AGAIN}"
            )
        check_settings(folder, before, columns)
        if "settings" in prepared.manifest:  # folders of before 0.19 don't say
            check_settings(folder, prepared.manifest["settings"], settings or {})
        if valid is not None:
            raise InputError(f"{folder} has its own validation rows: leave --valid out, or prepare the data with it.")
        tested = prepared.split("test") if test is None else read_as("test", test)
        return Splits(prepared.rows_for("train"), prepared.rows_for("valid"), tested, prepared)
    found = read_all() if making is None else making.splits(read_all, settings or {})
    return Splits(found["train"], found["valid"], found.get("test"))


def _built_in(
    valid: Any, test: Any, builtin: Callable[[], Mapping[str, Mapping[str, list[Any]]]] | None
) -> dict[str, Examples]:
    if valid is not None or test is not None:
        raise InputError("There is validation or test data but no training data: give --data too.")
    if builtin is None:
        raise InputError("There is no training data, and this recipe has none built in: give --data.")
    corpus = builtin()
    return {name: Examples(dict(corpus[name]), f"built-in ({name})") for name in SPLITS}
