"""Which labels are taken for which: a matrix that one can read, and the rows behind its cells."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
import numpy as np
from markupsafe import Markup
from matplotlib.collections import PatchCollection
from matplotlib.patches import Rectangle

from seqkit.metrics.confusion import NUMBERED, clustered
from seqkit.report.pages import LINE, Section, axes, figure, table
from seqkit.report.wording import History, Report, excerpt, items, percent

NAME = "confusion"  # of the picture, which begins the ids that its cells lead to
FEW, SORTED = 6, 9  # labels that half a page's width has room for, and from which on they are sorted
CHARACTERS = 28  # of a label beside a matrix
SHORT = 9  # of one below a cell of a small matrix
RULED = 5  # labels between two lines, where there are no numbers
Links = Mapping[tuple[str, str], int]


def links(report: Report) -> dict[tuple[str, str], int]:
    """Truth and prediction -> the number of the pair, where rows of it are shown."""
    pairs = report.get("confused_rows") or []
    return {(pair["label"], pair["predicted"]): number for number, pair in enumerate(pairs)}


def matrix(labels: Sequence[str], counts: np.ndarray, what: str, to: Links) -> Markup:
    """Counts by truth and prediction, each row shaded by its shares; cells lead to their rows.

    Up to NUMBERED labels are as wide as the page, with numbers; more are in the size in which their names can be read.

    Args:
        counts: int, (labels, labels), rows the truth.
        what: Is counted.
    """
    title = f"Confusion matrix: {what} by truth and prediction"
    if len(labels) >= SORTED:
        order = clustered(counts)
        labels, counts = [labels[place] for place in order], counts[np.ix_(order, order)]
        title += "; labels that are taken for each other stand side by side"
    numbered, few = len(labels) <= NUMBERED, len(labels) <= FEW
    cell = 0.6 if few else 0.42 if numbered else 0.155  # inches
    size = 1.4 + cell * len(labels)
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)  # (label, prediction), each row adds up to 1
    shade = matplotlib.colormaps["Blues"]
    picture, ax = axes("prediction", "truth", width=size + 0.6, height=size)
    ax.grid(False)
    places = np.argwhere(counts)  # an empty cell is drawn by none, an image would be pixels
    whole = Rectangle((-0.5, -0.5), len(labels), len(labels), facecolor=shade(0.0))
    cells = [Rectangle((j - 0.5, i - 0.5), 1, 1, facecolor=shade(share[i, j])) for i, j in places]
    drawn = PatchCollection([whole, *cells], match_original=True)
    found = [to.get((labels[i], labels[j])) for i, j in places]
    drawn.set_urls([None, *(None if number is None else f"#pair-{number}" for number in found)])
    ax.add_collection(drawn)
    ax.set_xlim(-0.5, len(labels) - 0.5)
    ax.set_ylim(len(labels) - 0.5, -0.5)
    names = [label if len(label) <= CHARACTERS else label[: CHARACTERS - 1] + "…" for label in labels]
    ticks: dict[str, Any] = {"parse_math": False, "fontsize": 10.0 if numbered else 8.0}
    flat = len(labels) < 4 and max(map(len, names)) <= SHORT
    slant: dict[str, Any] = (
        {"rotation": 0}
        if flat
        else {"rotation": 45, "ha": "right", "rotation_mode": "anchor"}
        if few
        else {"rotation": 90}
    )
    ax.set_xticks(range(len(labels)), names, **slant, **ticks)
    ax.set_yticks(range(len(labels)), names, **ticks)
    if numbered:
        for i, j in np.argwhere(counts) if not few else np.ndindex(counts.shape):
            colour = "white" if share[i, j] > 0.5 else "#1f2328"  # fixed, as the cell's own colour is
            ax.text(j, i, f"{counts[i, j]:,}", ha="center", va="center", color=colour)
    else:
        ax.tick_params(labeltop=True, labelright=True)
        for place in range(RULED, len(labels), RULED):
            ax.axhline(place - 0.5, color=LINE, linewidth=0.6)
            ax.axvline(place - 0.5, color=LINE, linewidth=0.6)
    return figure(NAME, title, picture, large=not few, whole=not numbered)


def largest(confused: Mapping[str, Any], items: str, to: Links) -> Markup:
    """The confusions that are largest, which lead to their rows."""
    rows = [
        [
            _led(row["label"], to.get((row["label"], row["predicted"]))),
            row["predicted"],
            f"{row['count']:,}",
            percent(row["share"]),
        ]
        for row in confused["largest"]
    ]
    caption = (
        f"The largest confusions, {len(rows):,} of {confused['pairs']:,} pairs, and their share of the label's {items}"
    )
    return table(["truth", "prediction", items, "share"], rows, caption, words=2)


def _led(label: str, number: int | None) -> Markup | str:
    if number is None:
        return label
    return Markup('<a href="#{}-pair-{}">{}</a>').format(NAME, number, label)


def confused(report: Report, history: History) -> Section | None:
    """Rows of each of the largest confusions, folded up; a cell or a line that leads to one unfolds it."""
    pairs = report.get("confused_rows") or []
    blocks = []
    for number, pair in enumerate(pairs):
        rows = [[excerpt(one["text"]), f"{100 * one['confidence']:.1f}%"] for one in pair["examples"]]
        caption = "The first of them, the most confident one on top" if pair["count"] > len(rows) else "All of them"
        # the id is inside, since what is led to unfolds what holds it
        blocks.append(
            Markup('<details><summary>{} taken for {}: {}</summary><div id="{}-pair-{}">{}</div></details>').format(
                pair["label"],
                pair["predicted"],
                f"{pair['count']:,} {items(report)}" if pair["count"] > 1 else f"1 {items(report).removesuffix('s')}",
                NAME,
                number,
                table(["text", "confidence"], rows, caption),
            )
        )
    return Section("Rows behind the confusions", blocks) if blocks else None
