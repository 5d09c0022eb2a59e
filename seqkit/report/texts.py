"""Sections of what was read and written, and where the model looked meanwhile."""

from collections.abc import Mapping
from typing import Any

import matplotlib
import numpy as np
from markupsafe import Markup

from seqkit.metrics.metric import metric
from seqkit.report.pages import Section, axes, facts, figure, overlays, paragraph, table
from seqkit.report.wording import History, Report, excerpt, percent, scored


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
    return (
        Section("Where it looks", [_attended(number, one, scored(report)) for number, one in enumerate(maps)])
        if maps
        else None
    )


def _attended(number: int, one: Mapping[str, Any], rows: str) -> Markup:
    """What was looked at (across) as each piece was written (down), the darker the more."""
    weights = np.array(one["weights"])
    places, written = one["places"], one["written"]
    size = 0.34
    picture, ax = axes("", "", width=2.0 + size * len(places), height=1.2 + 0.26 * len(written))
    ax.grid(False)
    ax.invert_yaxis()
    edges = [np.arange(count + 1) - 0.5 for count in (len(places), len(written))]
    ax.pcolormesh(*edges, weights, cmap=matplotlib.colormaps["Blues"], vmin=0, vmax=1)
    ax.set_xticks(range(len(places)), places, rotation=60, ha="left", rotation_mode="anchor", parse_math=False)
    ax.xaxis.tick_top()
    ax.set_yticks(range(len(written)), written, parse_math=False)
    caption = f"Attention, row {number + 1} of the {rows}: what is read across, what is written down"
    return figure(f"attention_{number}", caption, picture)
