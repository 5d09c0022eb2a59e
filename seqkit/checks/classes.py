"""Classes: of few rows, far from equal in number, or in one split alone."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence

from seqkit.core.findings import Finding
from seqkit.sources.cells import listed
from seqkit.sources.examples import Examples

FEW = 10  # rows, or tokens, under which a class is hardly learned, and its score a matter of luck
IMBALANCE = 20  # times as many of the most frequent class as of the rarest
NAMED = 10  # classes in a sentence
WORDS = {"train": "training", "valid": "validation", "test": "test"}

Truths = Sequence[str | Sequence[str]]  # the class of each row, or of each step of each row


def check_classes(splits: Mapping[str, Examples], truths: Mapping[str, Truths]) -> list[Finding]:
    """Compare the classes of training, validation and test data.

    Args:
        splits: "train", and where they are there "valid" and "test".
        truths: Of each of them.
    """
    counted = {name: Counter(one for row in rows for one in _classes(row)) for name, rows in truths.items()}
    train = counted["train"]
    found = []
    for name in ("valid", "test"):
        if name in splits:
            found += check_unknown(splits[name], truths[name], train, WORDS[name])
    if few := sorted(name for name, count in train.items() if count < FEW):
        shown = [f"{name!r} ({train[name]})" for name in few[:NAMED]]
        more = f" and {len(few) - NAMED:,} more" if len(few) > NAMED else ""
        what = f"the training data has {_many(few)} fewer than {FEW} times: {', '.join(shown)}{more}"
        found.append(Finding("few_rows", "warning", what, advice="Add rows, or join classes."))
    if len(train) > 1 and isinstance(truths["train"][0], str):  # of steps most are of one class, as a rule
        (most, many), (least, little) = train.most_common()[0], train.most_common()[-1]
        if many >= IMBALANCE * little:
            what = f"{most!r} occurs {many / little:,.0f} times as often as {least!r} in the training data"
            advice = "Look at macro F1 rather than accuracy; training.class_weights=balanced makes rare classes count."
            found.append(Finding("imbalance", "note", what, advice=advice))
    if "test" in counted and (gone := sorted(set(train) - set(counted["test"]))):
        what = f"the test data lacks {_many(gone)} of the training data: {listed(gone, NAMED)}"
        found.append(Finding("untested_class", "note", what, advice="The report says nothing of them."))
    return found


def check_unknown(examples: Examples, truths: Truths, known: Collection[str], name: str) -> list[Finding]:
    """Classes that no model which was trained on `known` can answer.

    Args:
        name: Of the data, as a sentence has it: "test".
    """
    known = set(known)
    rows = [row for row, value in enumerate(truths) if not known.issuperset(_classes(value))]
    if not rows:
        return []
    new = sorted({one for row in rows for one in _classes(truths[row])} - known)
    what = (
        f"the training data lacks {_many(new)} of the {name} data: {listed(new, NAMED)}; no model can give such an answer, "
        "and each counts as wrong"
    )
    places = examples.places(rows)
    return [Finding.at("unknown_class", "error", what, places, "Add training rows, or leave these out.")]


def _classes(value: str | Sequence[str]) -> Sequence[str]:
    return [value] if isinstance(value, str) else value


def _many(names: list[str]) -> str:
    return "1 class" if len(names) == 1 else f"{len(names):,} classes"
