"""What can be wrong with labels and tags: as they are read, and beside the classes of a model."""

import dataclasses
from collections import Counter
from collections.abc import Collection, Sequence

from seqkit.core.errors import InputError
from seqkit.core.findings import Finding, Harm
from seqkit.sources.cells import NAMES, listed
from seqkit.sources.examples import Examples, Role
from seqkit.text.labels import is_number, named_otherwise, same_but_for_writing
from seqkit.text.tag_schemes import NEARLY_ALL, fit_of

FEWEST = 20  # rows, from which it is plain that numbers are no names of classes
NAMED = 10  # labels in a sentence


def check_names(examples: Examples, role: Role) -> Examples:
    """Note labels that are the same but for their writing.

    Raises:
        InputError: Labels to train on are numbers with a class for every second row or more: quantities.
    """
    for field in set(NAMES) & set(examples.columns):
        labels: list[str] = examples[field]
        distinct = sorted(set(labels))
        if (
            role == "train"
            and len(labels) >= FEWEST
            and 2 * len(distinct) > len(labels)
            and all(map(is_number, distinct))
        ):
            raise InputError(
                f"{examples.origin} has {len(labels):,} rows and {len(distinct):,} {field}s, which are numbers "
                f"({listed(distinct[:3])}, ...): a class for each can't be learned. Give names of classes, for example "
                "ranges of the numbers, or the column that has them."
            )
        for group in same_but_for_writing(distinct):
            counts = Counter(label for label in labels if label in group)
            rare = set(group) - {counts.most_common(1)[0][0]}
            what = f"the {field}s {listed(group)} are one but for their writing, and count as {len(group)} classes"
            written = all(map(is_number, group)) or group[0].casefold() in ("true", "false")
            harm: Harm = "error" if written else "warning"
            places = examples.places([row for row, label in enumerate(labels) if label in rare])
            examples = examples.noting(Finding.at("near_labels", harm, what, places, "Write each label in one way."))
    return examples


def check_tags(examples: Examples) -> Examples:
    """Say in which scheme tags mark spans, and name strays: the tags that are none of it."""
    if "tags" not in examples.columns:
        return examples
    rows: list[tuple[str, ...]] = examples["tags"]
    fit = fit_of(rows)
    if fit is None or not (fit.told or fit.paired):
        return examples
    scheme, strays = fit.scheme, fit.scheme.strays(rows)
    share = f"of {fit.strays:,} of the {fit.tokens:,} tokens of {examples.origin}"
    if not fit.told:
        what = (
            f"{_some(sorted(fit.marks))} look like spans in {scheme}, but {_some(sorted(strays))} {share} don't: "
            f"spans are read, and scored, where at least {NEARLY_ALL:.0%} of the tokens have a tag of one scheme, or "
            f"{scheme.outside}"
        )
        advice = f"Correct one or the other: outside of spans the tag is {scheme.outside}."
        return examples.noting(Finding.at("stray_tag", "error", what, _places(examples, strays), advice))
    like = f" (or {' or '.join(fit.like).upper()}, which looks the same here)" if fit.like else ""
    what = f"{examples.origin} marks spans by tags in {scheme}{like}: {listed(sorted(fit.marks), NAMED)}"
    examples = examples.noting(Finding("tag_scheme", "note", what))
    if not strays:
        return examples
    what = (
        f"{_some(sorted(strays))} {share}: in {scheme}, as the others are, there is no such tag; where they stand is "
        "outside of spans, and each is a class of its own"
    )
    advice = f"Correct them: outside of spans the tag is {scheme.outside}."
    return examples.noting(Finding.at("stray_tag", "error", what, _places(examples, strays), advice))


def named_as(examples: Examples, field: str, classes: Sequence[str]) -> Examples:
    """Rows with their labels written as the classes are.

    Raises:
        InputError: None of the labels is a class.
    """
    labels: list[str] = examples[field]
    others = named_otherwise(labels, classes)
    if not set(classes) & {others.get(label, label) for label in labels}:
        raise InputError(
            f"{examples.origin} has the {field}s {listed(sorted(set(labels)), NAMED)}, and none of them is a class of the "
            f"model, which are {listed(classes, NAMED)}: give data with the same {field}s."
        )
    if not others:
        return examples
    pairs = ", ".join(f"{label!r} as {name!r}" for label, name in list(others.items())[:NAMED])
    what = f"{examples.origin} writes {field}s otherwise than the training data; they are read as its classes: {pairs}"
    places = examples.places([row for row, label in enumerate(labels) if label in others])
    columns = examples.columns | {field: [others.get(label, label) for label in labels]}
    return dataclasses.replace(examples, columns=columns).noting(Finding.at("renamed_labels", "note", what, places))


def _places(examples: Examples, tags: Collection[str]) -> list[str]:
    return [
        examples.place(row, step)
        for row, own in enumerate(examples["tags"])
        for step, tag in enumerate(own)
        if tag in tags
    ]


def _some(tags: Sequence[str]) -> str:
    return f"the tags {listed(tags, NAMED)}" if len(tags) > 1 else f"the tag {tags[0]!r}"
