"""report.html and the table in the terminal: what a run scored, beside what it had to beat.

The page is a title, one sentence of verdict and a list of sections (`seqkit.report.pages` has their blocks). `SECTIONS`
has those that any run may have, each a function of (report, history) that leaves itself out where the report has nothing
for it.
A recipe with more to show passes its own as `sections`.
"""

import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from os import PathLike
from typing import Any

from rich.box import ROUNDED
from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

from seqkit.metrics.metric import metric
from seqkit.report.common import adapted_rows, circumstances, data, findings, gradients, learning, lengths, scores
from seqkit.report.confusion import confused
from seqkit.report.labels import classes, kinds, mistakes, tag_mistakes, timelines
from seqkit.report.pages import Section, write
from seqkit.report.texts import attention, looks, sizes, stretches, writings
from seqkit.report.wording import History, Report, called, ends, interval, signed, verdict, written

__all__ = [
    "SECTIONS",
    "ScoresTable",
    "adapted_table",
    "against_table",
    "rest_table",
    "searches_table",
    "verdict",
    "write_html",
]
SECTIONS: tuple[Callable[[Report, History], Section | None], ...] = (
    scores, learning, gradients, kinds, lengths, classes, confused, looks, timelines, mistakes, tag_mistakes, stretches,
    writings, sizes, attention, data, findings, circumstances,
)  # fmt: skip


def write_html(
    report: Report,
    history: History,
    path: str | PathLike[str],
    *,
    sections: Iterable[Section] = (),
) -> None:
    """Write the page: one file, no network, no script.

    Args:
        report: as in report.json; parts that are missing are left out.
        history: one mapping an epoch, as in history.csv.
        sections: what a recipe adds, placed before the settings.
    """
    made = [section for make in SECTIONS[:-1] if (section := make(report, history))]
    made += sections
    if last := circumstances(report, history):
        made.append(last)
    title = f"{str(report.get('recipe', 'run')).replace('_', ' ').capitalize()} report"
    write(path, title=title, lead=verdict(report), sections=made, version=(report.get("versions") or {}).get("seqkit"))


class ScoresTable:
    """The verdict and the scores for a terminal: a row a metric, the model's with their intervals, a column a baseline.

    Headers and values stay whole: as many baselines stand side by side as the terminal's width has room for, the others in
    tables below.
    """

    def __init__(self, report: Report):
        self._report = report

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield Text(verdict(self._report))
        if not self._report.get("metrics"):
            return
        left = list(self._report.get("baselines") or {})
        own = True
        while own or left:
            count = next(
                n
                for n in range(len(left), -1, -1)
                if n == int(not own) or self._width(left[:n], own) <= options.max_width
            )
            room = options.max_width - self._width(left[:count], own)
            yield self._table(left[:count], own, max(room, 0))
            own, left = False, left[count:]

    def _width(self, baselines: Sequence[str], own: bool) -> int:
        """Of the narrowest table in which every word is whole."""
        table = self._table(baselines, own, 0)
        return int(table.__rich_measure__(Console(width=10_000), Console(width=10_000).options).maximum)

    def _table(self, baselines: Sequence[str], own: bool, room: int) -> Table:
        """A table of the model, where it is its turn, and of some baselines; `room` is for more than a word of a metric."""
        scores, systems = self._report["metrics"], self._report.get("baselines") or {}
        names = [metric(name).words for name in scores]
        width = room + max(len(word) for name in names for word in name.split())
        shown = Table(box=ROUNDED)
        shown.add_column("metric", no_wrap=True)
        for head in ["model", "95% interval"] if own else []:
            shown.add_column(head, justify="right", no_wrap=True)
        for rival in baselines:
            shown.add_column("\n".join(called(rival).split()), justify="right", no_wrap=True)
        for name, words in zip(scores, names, strict=True):
            cells = [written(name, scores[name]["value"]), interval(name, scores[name])] if own else []
            cells += [
                written(name, systems[rival][name]["value"]) if systems[rival].get(name) else "–" for rival in baselines
            ]
            shown.add_row("\n".join(textwrap.wrap(words, width)), *cells)
        return shown


def against_table(report: Report) -> Table:
    """The comparison with another run for a terminal: a row a metric, with the paired bootstrap's interval and p."""
    against = report["against"]
    title = f"Against {against['run']}, on the same rows by a paired bootstrap"
    shown = _beside(title, "model", "difference", "95% interval", "p")
    for name, test in against["metrics"].items():
        value, difference = written(name, report["metrics"][name]["value"]), signed(name, test["difference"])
        p_value = f"{test['p_value']:.3f}" if "p_value" in test else "–"
        shown.add_row(metric(name).words, value, difference, ends(name, test), p_value)
    return shown


def adapted_table(report: Report) -> Table:
    """What a language model scores as it takes in what it reads, for a terminal."""
    title = "As it takes in what it reads, in one stream (not the model's own figures)"
    shown = _beside(title, "it does", "score", "95% interval", "difference", "95% interval")
    for name, how, score, test in adapted_rows(report):
        cells = (signed(name, test["difference"]), ends(name, test)) if test else ("–", "–")
        shown.add_row(metric(name).words, how, written(name, score["value"]), interval(name, score), *cells)
    return shown


def rest_table(report: Report) -> Table:
    """The scores on the rows that a model has not seen, where it has seen some, for a terminal."""
    rest = report["rest"]
    title = f"On the {rest['rows']:,} rows that are not in the training or validation data"
    shown = _beside(title, "all rows", "the others", "95% interval")
    for name, score in rest["metrics"].items():
        ours = written(name, report["metrics"][name]["value"])
        shown.add_row(metric(name).words, ours, written(name, score["value"]), interval(name, score))
    return shown


def searches_table(tuning: Mapping[str, Any]) -> Table:
    """What searches score for a terminal: a row a beam and what goes with it, a column a length penalty; the best is marked.

    Args:
        tuning: "metric", "tried" with "search" and "metrics" each, the run's own first, "best", and "difference".
    """
    name, best, own = tuning["metric"], tuning["best"]["search"], tuning["tried"][0]["search"]
    shares = ("beam", "no_repeat", "coverage_penalty")
    scores: dict[tuple[Any, ...], dict[float, str]] = {}
    for one in tuning["tried"]:
        search = one["search"]
        mark = ("*" if search == best else "") + ("°" if search == own else "")
        row = scores.setdefault(tuple(search[share] for share in shares), {})
        row[search["length_penalty"]] = written(name, one["metrics"][name]) + mark
    columns = sorted({penalty for row in scores.values() for penalty in row})
    varied = [place for place, _ in enumerate(shares) if not place or len({key[place] for key in scores}) > 1]
    within = ends(name, tuning["difference"])
    title = (
        f"{metric(name).words} of {tuning['data']['rows']:,} validation rows, by length penalty: * the best, ° the run's "
        f"own; difference {signed(name, tuning['difference']['difference'])} ({within})"
    )
    shown = Table(title=title, title_justify="left", box=ROUNDED)
    for place in varied:
        shown.add_column(shares[place].replace("_", " "), justify="right")
    for penalty in columns:
        shown.add_column(f"{penalty:g}", justify="right", no_wrap=True)
    for key in sorted(scores):
        shown.add_row(*(f"{key[place]:g}" for place in varied), *(scores[key].get(penalty, "") for penalty in columns))
    return shown


def _beside(title: str, *figures: str) -> Table:
    """A table with a metric a row and these figures of it."""
    shown = Table(title=title, title_justify="left", box=ROUNDED)
    shown.add_column("metric")
    for figure in figures:
        shown.add_column(figure, justify="right", no_wrap=True)
    return shown
