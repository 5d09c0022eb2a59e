"""A run as a session shows it: its scores, its curves, where it lies; as text in a terminal, as HTML in a notebook."""

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from seqkit.metrics.metric import headlines, metric
from seqkit.report.common import learning, scores, series
from seqkit.report.pages import Section, facts
from seqkit.report.wording import History, Report, interval, verdict, written

SHOWN = 8  # epochs of a line, about
STYLE = "--line: #8a8f9866; max-width: 60rem"  # what pictures use of a page's style


def in_text(path: str, info: Mapping[str, Any], report: Report, history: History) -> str:
    """Some lines: what the run is of, its headline scores, what chose the epoch as it went, and its folder."""
    lines = [f"{info.get('recipe', 'run')}, {_trained(info)}"]
    found = report.get("metrics") or {}
    lines += [
        f"  {metric(name).words} {written(name, found[name]['value'])} ({interval(name, found[name])})"
        for name in headlines(list(found))
    ]
    lines += [] if found else ["  no report yet: evaluate it on data"]
    return "\n".join([*lines, *_course(report, history), f"  in {path}"])


def _course(report: Report, history: History) -> list[str]:
    """What chose the epoch, or the loss, at some epochs: the first, the last and the kept one among them."""
    kept = report.get("kept") or {}
    name = kept.get("monitor", "loss")
    course = dict(zip(*series(history, name), strict=True))
    epochs, every = list(course), -(-len(course) // SHOWN)
    chosen = {epoch for place, epoch in enumerate(epochs, 1) if place in (1, len(epochs)) or not place % every}
    best = {int(kept["epoch"])} & course.keys() if kept else set()
    shown = sorted(chosen | best)
    values = (f"{epoch}: {course[epoch]:.4g}{' (kept)' if epoch in best else ''}" for epoch in shown)
    return [f"  {name} by epoch {', '.join(values)}"] if shown else []


def in_html(path: str, info: Mapping[str, Any], report: Report, history: History) -> str:
    """The verdict, the scores beside the baselines', the learning curves, and where the run lies."""
    known = [("recipe", info.get("recipe", "run")), ("trained", _trained(info)), ("folder", path)]
    sections: list[Section | None] = [learning(report, history)]
    lead = Markup("")
    if report.get("metrics"):
        lead, sections = Markup("<p>{}</p>").format(verdict(report)), [scores(report, history), *sections]
    blocks = [block for section in sections if section is not None for block in section.blocks]
    return str(Markup('<div style="{}">{}{}{}</div>').format(STYLE, facts(known), lead, Markup("").join(blocks)))


def _trained(info: Mapping[str, Any]) -> str:
    rows = info.get("data", {}).get("train", {})
    on = f"on {rows['rows']:,} rows of {rows['source']}" if rows else "on rows that it doesn't tell"
    epochs = info.get("trained_epochs", 0)
    return f"{epochs} epoch{'' if epochs == 1 else 's'} {on}"
