"""report.html and the table in the terminal: what a run scored, beside what it had to beat.

The page is a title, one sentence of verdict and a list of sections (`seqkit.report.pages` has their blocks). `SECTIONS`
has those that any run may have, each a function of (report, history) that leaves itself out where the report has nothing
for it.
A recipe with more to show passes its own as `sections`.
"""

from collections.abc import Callable, Iterable
from os import PathLike

from rich.table import Table

from seqkit.report.common import circumstances, data, gradients, learning, scores
from seqkit.report.labels import classes, kinds, mistakes, tag_mistakes, timelines
from seqkit.report.pages import Section, write
from seqkit.report.texts import attention, looks, sizes, stretches, writings
from seqkit.report.wording import History, Report, interval, metric, signed, verdict, written

__all__ = ["SECTIONS", "against_table", "scores_table", "verdict", "write_html"]
SECTIONS: tuple[Callable[[Report, History], Section | None], ...] = (
    scores, learning, gradients, kinds, classes, looks, timelines, mistakes, tag_mistakes, stretches, writings, sizes,
    attention, data, circumstances,
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


def scores_table(report: Report) -> Table:
    """The scores for a terminal: a row a metric, the model's with their intervals, and a column for each baseline."""
    model, baselines = report.get("metrics") or {}, report.get("baselines") or {}
    shown = Table(title=verdict(report), title_justify="left")
    shown.add_column("metric")
    shown.add_column("model", justify="right", no_wrap=True)
    shown.add_column("95% interval", justify="right", no_wrap=True)
    for name in baselines:
        shown.add_column(name.replace("_", " "), justify="right")
    for name, score in model.items():
        others = [written(name, scores[name]["value"]) if scores.get(name) else "–" for scores in baselines.values()]
        shown.add_row(metric(name).words, written(name, score["value"]), interval(name, score), *others)
    return shown


def against_table(report: Report) -> Table:
    """The comparison with another run for a terminal: a row a metric, with the paired bootstrap's interval and p."""
    against = report["against"]
    shown = Table(title=f"Against {against['run']}, on the same rows by a paired bootstrap", title_justify="left")
    for column in ("metric", "model", "difference", "95% interval", "p"):
        shown.add_column(column, justify="left" if column == "metric" else "right", no_wrap=column != "metric")
    for name, other in against["metrics"].items():
        low, high = (signed(name, other[bound]) for bound in ("low", "high"))
        value = written(name, report["metrics"][name]["value"])
        shown.add_row(
            metric(name).words, value, signed(name, other["difference"]), f"{low} to {high}", f"{other['p_value']:.3f}"
        )
    return shown
