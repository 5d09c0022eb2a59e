"""Sections of what was read and written, and where the model looked meanwhile."""

from collections.abc import Sequence
from typing import Any

import matplotlib
import numpy as np
from markupsafe import Markup

from seqkit.metrics.metric import metric
from seqkit.report.pages import Section, axes, facts, figure, overlays, paragraph, table, thinned
from seqkit.report.wording import History, Report, excerpt, percent, scored

WIDEST, TALLEST = 14.0, 20.0  # inches of a map of attention
NARROW = 14  # places that half the page's width shows
CELLS = 4_000  # that are drawn one by one


def stretches(report: Report, history: History) -> Section | None:
    blocks = []
    for key, caption in (("worst_predicted", "The worst predicted"), ("best_predicted", "The best predicted")):
        if rows := [[excerpt(row["text"]), f"{row['nats_per_symbol']:.3f}"] for row in report.get(key) or []]:
            blocks.append(table(["text", "nats per symbol"], rows, caption))
    if blocks and (signatures := report.get("signatures")):
        blocks.append(facts([(metric(name).words, text) for name, text in signatures.items()]))
    if sample := report.get("sample"):
        blocks.append(paragraph("Text of its own, drawn at temperature 0.8:"))
        blocks.append(Markup("<pre>{}</pre>").format(sample))
    return Section("What it reads and writes", blocks) if blocks else None


def writings(report: Report, history: History) -> Section | None:
    texts = report.get("written") or []
    if not texts:
        return None
    more = ["chrF"] if "chrf" in texts[0] else []
    rows = [
        [*(excerpt(row[name]) for name in ("source", "reference", "written")), *(f"{row['chrf']:.1f}" for _ in more)]
        for row in texts
    ]
    heads = ["source", "reference", "written", *more]
    blocks = [table(heads, rows, f"The first rows of the {scored(report)}", words=3)]
    if signatures := report.get("signatures"):
        blocks.append(facts([(metric(name).words, text) for name, text in signatures.items()]))
    return Section("What it writes", blocks)


def sizes(report: Report, history: History) -> Section | None:
    names = ("exact_match", "character_accuracy")
    rows = [
        [str(row["length"]), str(row["nesting"]), *(percent(row[name]) for name in names), f"{row['rows']:,}"]
        for row in report.get("sizes") or []
    ]
    if not rows:
        return None
    heads = ["length", "nesting", *(metric(name).words for name in names), "rows"]
    return Section("By size", [table(heads, rows, "Fresh rows of the test part, of which none comes twice")])


def looks(report: Report, history: History) -> Section | None:
    blocks = [
        overlays(f"look{number}", row["title"], row["image"], row["names"], row["weights"])
        for number, row in enumerate(report.get("looks") or [])
    ]
    return Section("Where it looks", blocks) if blocks else None


def attention(report: Report, history: History) -> Section | None:
    maps = report.get("attention") or []
    blocks = [
        attended(
            f"attention_{number}",
            f"Attention, row {number + 1} of the {scored(report)}: what is read across, what is written down",
            one["weights"],
            one["places"],
            one["written"],
        )
        for number, one in enumerate(maps)
    ]
    return Section("Where it looks", blocks) if blocks else None


def attended(name: str, title: str, weights: Any, places: Sequence[str], lines: Sequence[str]) -> Markup:
    """What was looked at (across) in each line (down), the darker the more: a figure that is large where there is much."""
    large = len(places) > NARROW
    width, height = min(0.34 * len(places), WIDEST), min(0.26 * len(lines), TALLEST)
    picture, ax = axes("", "", width=2.0 + width, height=1.2 + height)
    ax.grid(False)
    ax.invert_yaxis()
    edges = [np.arange(count + 1) - 0.5 for count in (len(places), len(lines))]
    drawn = ax.pcolormesh(*edges, np.array(weights), cmap=matplotlib.colormaps["Blues"], vmin=0, vmax=1)
    drawn.set_rasterized(len(places) * len(lines) > CELLS)
    across, down = thinned(places, int(width / 0.2)), thinned(lines, int(height / 0.16))
    ax.set_xticks(*across, rotation=60, ha="left", rotation_mode="anchor", parse_math=False)
    ax.xaxis.tick_top()
    ax.set_yticks(*down, parse_math=False)
    return figure(name, title, picture, large=large)
