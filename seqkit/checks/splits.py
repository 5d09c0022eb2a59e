"""All checks of the data that a model is to be trained on."""

from collections.abc import Mapping, Sequence
from typing import Any

from seqkit.checks.classes import WORDS, check_classes
from seqkit.checks.contents import check_contents, check_facts
from seqkit.checks.leaks import Seen, check_leak
from seqkit.checks.rows import Prints, check_rows
from seqkit.core.findings import Finding, in_order
from seqkit.sources.examples import Examples


def check_splits(
    splits: Mapping[str, Examples],
    truths: Mapping[str, Sequence[Any] | None],
    facts: Mapping[str, Mapping[str, Any]],
    prints: Mapping[str, Prints],
) -> list[Finding]:
    """What is found in training, validation and test data, each thing once, the most harmful first.

    Args:
        splits: "train", and where they are there "valid" and "test".
        truths: Of each the class of each row, or of each step of each row; None where there are no classes.
        facts: What `encode` counts in each.
        prints: Of each.
    """
    found: list[Finding] = []
    learned: list[Prints] = []  # the test rows must be new to what was trained, and to what chose the epoch
    for name, examples in splits.items():
        found += examples.findings
        found += check_rows(examples, prints[name], truths[name], WORDS[name])
        found += check_contents(examples, WORDS[name])
        if learned:
            found += check_leak(Seen.of(learned), examples, prints[name], WORDS[name])
        learned.append(prints[name])
    known = {name: rows for name, rows in truths.items() if rows is not None}
    if "train" in known:
        found += check_classes(splits, known)
    return in_order([*found, *check_facts(facts, splits)])
