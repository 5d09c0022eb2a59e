"""Runs side by side on the same rows: which is better, how sure that is, and where they differ."""

import dataclasses
import itertools
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rich.table import Table

from seqkit.core.bounds import at_least, one_of
from seqkit.core.errors import InputError
from seqkit.core.findings import Finding, in_order
from seqkit.core.progress import tracked
from seqkit.lab.groups import Group, grouped
from seqkit.metrics.comparison import Scored, decided, difference, holm
from seqkit.metrics.judged import Items, Judged, row_gains
from seqkit.metrics.metric import headlines
from seqkit.metrics.metric import metric as declared
from seqkit.report.comparison import comparison_tables, write_comparison
from seqkit.runs.checking import say
from seqkit.runs.comparable import answered, by_bits, check_alike, check_row_ends, scorer_of, shared_metrics
from seqkit.runs.contents import files_like, read_info
from seqkit.runs.evaluation import TRAINING, read_report
from seqkit.runs.kept_rows import ROWS, KeptRows, read_rows
from seqkit.runs.opening import load_task
from seqkit.runs.provenance import command, versions
from seqkit.runs.run import RESAMPLES, load
from seqkit.sources.examples import Examples

SHOWN = 30  # rows where two groups disagree
STEPS = 6  # places of a row that are told
NEAR = 1e-9  # a difference of gains below it is none


@dataclasses.dataclass(frozen=True)
class Comparison:
    """Groups of runs on the same rows, the best first.

    Attributes:
        groups: Of each "name", "runs", "seeds", "settings", and "metrics": name -> figures (`Scored.figures`).
        how: How the groups were made.
        metrics: That are compared; the first one orders the groups.
        rope: Half the width of the region in which a difference counts for nothing, in the metrics' units as they are
            printed: points of shares.
        pairs: Each two groups in each metric: "one", "other" (places among the groups), "metric", the figures of
            `difference`, "p_holm" and what is called: "call".
        traits: The best group beside each other one: "one", "other", and "traits": of each trait's values the items, wins,
            losses, and what both gain.
        rows: Where the best two disagree most.
        data: "source", "rows" and "digest".
        made: "versions" and "command".
    """

    groups: list[dict[str, Any]]
    how: str
    metrics: tuple[str, ...]
    rope: float
    pairs: list[dict[str, Any]]
    traits: list[dict[str, Any]]
    rows: list[dict[str, Any]]
    data: dict[str, Any]
    made: dict[str, Any]

    def tables(self) -> list[Table | str]:
        """For a terminal."""
        return comparison_tables(dataclasses.asdict(self))

    def write(self, to: str | Path) -> list[Path]:
        """Write a page (.html), a table (.csv), one for LaTeX's booktabs (.tex), or all that is known (.json).

        Args:
            to: A file with one of these endings, or a folder for all of them.
        Returns:
            What was written.
        Raises:
            InputError: The file has another ending.
        """
        return write_comparison(dataclasses.asdict(self), Path(to))


def compare(
    runs: Sequence[str | Path],
    *,
    data: Any = None,
    metric: str | None = None,
    rope: float = 0.0,
    columns: Mapping[str, str] | None = None,
    data_dir: str | None = None,
) -> Comparison:
    """Compare runs on the same rows. Those that differ in the seed alone are one group, told from their settings.

    Args:
        runs: Folders of runs, two or more.
        data: Rows to score all of them on; nothing for what their evaluations have kept of rows that all were scored on.
        metric: To compare by; nothing for all that the recipe's verdicts decide on.
        rope: A difference of at most so much counts for nothing: in points of a share (0.5 for half a per cent), else in the
            metric's unit.
        columns: Field -> column of the data, where they are called otherwise than in training.
        data_dir: Where TFDS keeps prepared data sets.
    Raises:
        InputError: The runs were scored on other rows, or with other columns, classes or deciding metrics; which, it says.
    Example:
        >>> found = seqkit.compare(["run_0", "run_1"], data="others.tsv")
        >>> found.data["rows"], found.metrics[0], [group["name"] for group in found.groups]
        (20, 'accuracy', ['run_0', 'run_1'])
    """
    if len(runs) < 2:
        raise InputError(f"Runs are compared with each other, and {len(runs)} was given: give two run folders or more.")
    at_least("rope", rope, 0.0)
    if data is None and (columns or data_dir is not None):
        raise InputError(
            "Columns and a data_dir say how data is read, and there is none: give --data, or leave them out."
        )
    paths = [Path(run) for run in runs]
    infos = [read_info(path) for path in paths]
    groups, how = grouped(paths, infos)
    tasks = [load_task(path, info) for path, info in zip(paths, infos, strict=True)]
    check_alike(paths, tasks)
    if data is None and by_bits(tasks):
        raise InputError(
            "The runs are language models of other symbols, and what they cost a symbol says nothing of each other: give "
            "--data, on which they are compared by bits per character."
        )
    if data is None:
        kept, facts = _kept(paths, infos)
        examples = None
    else:
        first = load(paths[0])
        examples = first.task.read(data, first.columns(columns), role="test", data_dir=data_dir)
        check_row_ends(paths, tasks, examples)
        facts = {"source": examples.origin, "rows": len(examples), "digest": examples.digest()}
        kept = list(_answers(paths, examples, by_bits(tasks)))
    names = shared_metrics(paths, [one.scorer for one in kept], metric)
    return _compared(groups, how, dict(zip(paths, kept, strict=True)), facts, names, metric, rope, examples)


def _answers(paths: Sequence[Path], examples: Examples, bits: bool) -> Iterable[KeptRows]:
    """What each run makes of the rows, one after the other."""
    first = items = None
    said: dict[Finding, None] = {}
    for path in tracked(paths, "answering"):
        run: Any = load(path)
        own, outputs, facts = answered(run, examples)
        said |= dict.fromkeys(_of_run(path, one) for one in run.findings(own, facts, own.digest())[0])
        if items is None:
            items = run.task.items(own)
            first = run.task.paid(own, outputs)[1] if bits else None
        scorer = scorer_of(run.task, own, outputs, bits, first)
        judged = Judged(row_gains(scorer, len(own), "bits_per_character")) if bits else run.task.judged(own, outputs)
        yield KeptRows(scorer, items, judged)
    say(in_order(list(said)))


def _of_run(path: Path, found: Finding) -> Finding:
    """What was found about rows: of those that a run has seen, which run, and what to do where there is no report."""
    if found.kind != "leak":
        return found
    advice = "Compare on rows that none of them has seen."
    return dataclasses.replace(found, what=f"{path}: {found.what}", advice=advice)


def _kept(paths: Sequence[Path], infos: Sequence[Mapping[str, Any]]) -> tuple[list[KeptRows], dict[str, Any]]:
    """What evaluations kept of rows on which all runs were scored: the runs' own, or else any.

    Raises:
        InputError: There are no such rows, or nothing was kept of them.
    """
    found: list[dict[str, tuple[str, dict[str, Any]]]] = []
    for path, info in zip(paths, infos, strict=True):
        names = [Path(file).parent.name for file in files_like(path, info, "evaluations/*/report.json")]
        names.sort(key=lambda name: name != TRAINING)
        reports = {name: read_report(path, info, name).get("data", {}) for name in names}
        found.append({str(facts.get("digest")): (name, facts) for name, facts in reversed([*reports.items()])})
    shared = [digest for digest in reversed([*found[0]]) if all(digest in one for one in found)]
    if not shared:
        told = "; ".join(f"{path} on {_sources(one.values())}" for path, one in zip(paths, found, strict=True))
        raise InputError(f"The runs were scored on other rows: {told}. Give --data to score all on the same.")
    digest = shared[0]
    kept = []
    for path, info, one in zip(paths, infos, found, strict=True):
        rows = read_rows(path, info, one[digest][0])
        if rows is None:
            raise InputError(
                f"{path} keeps nothing of the rows of its evaluation {one[digest][0]} ({ROWS}), as a version before 0.10 "
                "made it or its scores follow from no sums: give --data."
            )
        kept.append(rows)
    return kept, {name: found[0][digest][1][name] for name in ("source", "rows", "digest")}


def _sources(reports: Iterable[tuple[str, dict[str, Any]]]) -> str:
    return ", ".join(f"{facts.get('source')} ({facts.get('rows', 0):,} rows)" for _, facts in reports) or "none"


def _compared(
    groups: Sequence[Group],
    how: str,
    kept: Mapping[Path, KeptRows],
    facts: dict[str, Any],
    names: tuple[str, ...],
    metric: str | None,
    rope: float,
    examples: Examples | None,
) -> Comparison:
    rows = facts["rows"]
    scored = [
        Scored.of(group.name, [kept[path].scorer for path in group.paths], rows, resamples=RESAMPLES)
        for group in tracked(groups, "resampling")
    ]
    if metric is not None:
        one_of("metric", metric, (), *(name for name in names if declared(name).better != "one"))
    chosen = (metric,) if metric is not None else headlines(names)
    order = sorted(
        range(len(groups)), key=lambda k: -declared(chosen[0]).gain(float(scored[k].values[chosen[0]].mean()))
    )
    groups, scored = [groups[k] for k in order], [scored[k] for k in order]
    alone = not groups[0].settings
    pairs = _pairs(scored, chosen, rope, alone)
    judged = [_mean([kept[path].judged for path in group.paths]) for group in groups]
    items = kept[groups[0].paths[0]].items
    return Comparison(
        [
            {
                "name": group.name, "runs": [str(path) for path in group.paths], "seeds": list(group.seeds),
                "settings": dict(group.settings), "metrics": {name: one.figures(name) for name in names},
            }
            for group, one in zip(groups, scored, strict=True)
        ],
        how,
        chosen,
        rope,
        pairs,
        [
            {"one": 0, "other": other, "traits": _by_trait(items, judged[0], judged[other])}
            for other in range(1, len(groups))
        ],
        _disagreements(items, judged[0], judged[1], examples),
        facts,
        {"versions": versions(), "command": command()},
    )  # fmt: skip


def _pairs(scored: Sequence[Scored], metrics: Sequence[str], rope: float, alone: bool) -> list[dict[str, Any]]:
    """Each two groups in each metric, corrected for how many these are; runs that differ in the seed are called nothing."""
    which = list(itertools.product(itertools.combinations(range(len(scored)), 2), metrics))
    found = []
    for (one, other), name in tracked(which, "comparing"):
        width = rope / 100.0 if declared(name).kind == "share" else rope
        test = difference(scored[one], scored[other], name, rope=width)
        found.append({"one": one, "other": other, "metric": name, **test, "rope": width})
    tested = [pair for pair in found if "p_value" in pair]
    for pair, corrected in zip(tested, holm([pair["p_value"] for pair in tested]), strict=True):
        pair["p_holm"] = corrected
    for pair in found:
        pair["call"] = "seeds" if alone else decided(pair, pair["metric"], rope=pair.pop("rope"))
        pair.pop("rope", None)
    return found


def _mean(judged: Sequence[Judged]) -> Judged:
    """A group's answers: what they gain in the mean, and what its first run said."""
    return Judged(np.mean([one.gains for one in judged], axis=0), judged[0].said)


def _by_trait(items: Items, one: Judged, other: Judged) -> dict[str, list[dict[str, Any]]]:
    gaps = one.gains - other.gains
    found: dict[str, list[dict[str, Any]]] = {}
    for name, trait in items.traits.items():
        found[name] = []
        for place, value in enumerate(trait.names):
            inside = trait.places == place
            if inside.any():
                found[name].append(
                    {
                        "value": value,
                        "items": int(inside.sum()),
                        "wins": int((gaps[inside] > NEAR).sum()),
                        "losses": int((gaps[inside] < -NEAR).sum()),
                        "one": float(one.gains[inside].mean()),
                        "other": float(other.gains[inside].mean()),
                    }
                )
    return found


def _disagreements(items: Items, one: Judged, other: Judged, examples: Examples | None) -> list[dict[str, Any]]:
    """The rows whose answers differ most in what they gain, and how."""
    gaps = one.gains - other.gains
    count = int(items.rows.max(initial=-1)) + 1
    apart = np.bincount(items.rows, weights=np.abs(gaps), minlength=count)
    label, found = items.traits.get("label"), []
    for row in np.argsort(-apart, kind="stable")[:SHOWN]:
        if apart[row] <= NEAR:
            break
        own = np.flatnonzero(items.rows == row)
        differing = [int(place) for place in own if abs(gaps[place]) > NEAR][:STEPS]
        told: dict[str, Any] = {
            "row": int(row),
            "where": examples.place(int(row)) if examples is not None else f"row {row}",
            "text": "" if examples is None else _text(examples, int(row)),
            "one_gains": float(one.gains[own].sum()),
            "other_gains": float(other.gains[own].sum()),
            "items": len(own),
            "answers": [
                {
                    "place": int(place - own[0]),
                    "label": label.names[label.places[place]] if label is not None else "",
                    "one": one.said[place] if len(one.said) else "",
                    "other": other.said[place] if len(other.said) else "",
                }
                for place in differing
            ],
        }
        found.append(told)
    return found


def _text(examples: Examples, row: int) -> str:
    """A row's first column, where it can be read."""
    value = next(iter(examples.columns.values()))[row]
    return " ".join(value) if isinstance(value, tuple) else value if isinstance(value, str) else ""
