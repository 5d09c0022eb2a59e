"""Sections of what was labelled: by class and kind, over time, and the mistakes."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
import numpy as np
from markupsafe import Markup

from seqkit.report.confusion import largest, links, matrix
from seqkit.report.pages import BLUE, GREY, INK, LINE, Section, axes, figure, legend, table
from seqkit.report.wording import History, Report, excerpt, items, percent, scored

CLASSES = 100  # in a table


def classes(report: Report, history: History) -> Section | None:
    blocks = []
    confused = report.get("confusion") or {}
    if "labels" in confused:
        counts = np.array(confused["counts"], dtype=int)
        what = f"{items(report)} of the {scored(report)}"
        blocks.append(matrix(confused["labels"], counts, what, links(report)))
    if "largest" in confused:
        blocks.append(largest(confused, items(report), links(report)))
    if bins := report.get("calibration"):
        blocks.append(_calibration(bins))
    for key, unit, caption in (
        ("per_span", "spans", "Each type of span"),
        ("per_class", items(report), "Each class on its own"),
    ):
        if rows := sorted(report.get(key) or [], key=_missed, reverse=True):
            cells = [[r["label"], *map(percent, _shares(r)), f"{r['support']:,}"] for r in rows[:CLASSES]]
            caption += f", the one with most {unit} missed first"
            if len(rows) > CLASSES:
                caption += f"; {len(rows) - CLASSES:,} more are in report.json"
            if key == "per_class" and (macro := report.get("macro")):
                cells.append(["macro average", *map(percent, _shares(macro)), ""])
            blocks.append(table(["label", "precision", "recall", "F1", unit], cells, caption))
    return Section("Where it is right and wrong", blocks) if blocks else None


def kinds(report: Report, history: History) -> Section | None:
    rows = [[row["kind"], percent(row["accuracy"]), f"{row['support']:,}"] for row in report.get("per_kind") or []]
    if not rows:
        return None
    return Section(
        "By kind of question", [table(["questions that begin with", "accuracy", "rows"], rows, "Accuracy by kind")]
    )


def timelines(report: Report, history: History) -> Section | None:
    recordings = report.get("timelines") or []
    if not recordings:
        return None
    runs = [run for recording in recordings for key in ("truth", "prediction") for run in recording[key]]
    labels = (report.get("confusion") or {}).get("labels") or sorted({run["label"] for run in runs})
    return Section("Over time", [_timelines(recordings, labels, report.get("background"))])


def mistakes(report: Report, history: History) -> Section | None:
    rows = [
        [excerpt(row["text"]), row["label"], row["predicted"], f"{100 * row['confidence']:.1f}%"]
        for row in report.get("mistakes") or []
    ]
    if not rows:
        return None
    block = table(["text", "truth", "prediction", "confidence"], rows, "Wrong, and most sure of it", words=3)
    return Section("The most confident mistakes", [block])


def tag_mistakes(report: Report, history: History) -> Section | None:
    rows = [
        [pair["label"], pair["predicted"], _in_context(example), f"{pair['count']:,}" if number == 0 else ""]
        for pair in report.get("tag_mistakes") or []
        for number, example in enumerate(pair["examples"])
    ]
    if not rows:
        return None
    caption = "The most frequent pairs of truth and prediction, and where they first occur"
    return Section("Mistakes in context", [table(["truth", "prediction", "context", "tokens"], rows, caption, words=3)])


def _missed(row: Mapping[str, float]) -> float:
    return row["support"] * (1.0 - row["recall"])


def _shares(row: Mapping[str, float]) -> tuple[float, ...]:
    return row["precision"], row["recall"], row["f1"]


def _in_context(example: Mapping[str, str]) -> Markup:
    return Markup("{before} <strong>{token}</strong> {after}").format(**example)


def _timelines(recordings: Sequence[Mapping[str, Any]], labels: Sequence[str], background: str | None) -> Markup:
    """Two strips a recording: what was there, and below it what the model saw; a colour a label, none the background."""
    shade = matplotlib.colormaps["tab20"]  # ten strong colours, each with a pale one behind it
    colours: dict[str, Any] = {label: shade((2 * place + place // 10) % 20) for place, label in enumerate(labels)}
    if background is not None:
        colours[background] = LINE
    picture, ax = axes("frame", "", width=9.0, height=1.0 + 0.75 * len(recordings))
    ax.grid(False)
    ax.invert_yaxis()
    ticks, seen = [], set()
    for number, recording in enumerate(recordings):
        for place, key in ((number - 0.36, "truth"), (number + 0.02, "prediction")):
            ticks.append((place + 0.17, f"{recording['recording']}  truth" if key == "truth" else "prediction"))
            for run in recording[key]:
                spans = [(run["start"], run["end"] - run["start"])]
                ax.broken_barh(spans, (place, 0.34), facecolors=colours.get(run["label"], GREY), linewidth=0)
                seen.add(run["label"])
    ax.set_yticks([place for place, _ in ticks], [text for _, text in ticks], parse_math=False)
    ax.set_xlim(0, max(run["end"] for recording in recordings for run in recording["truth"]))
    for label in [name for name in labels if name in seen] + sorted(seen - set(labels)):
        ax.broken_barh([], (0, 0), facecolors=colours.get(label, GREY), label=label)
    names = ax.legend(frameon=False, labelcolor=INK, loc="upper left", bbox_to_anchor=(1, 1), handlelength=1.0)
    for text in names.get_texts():
        text.set_parse_math(False)
    return figure("timelines", "What was there, and what the model saw, frame by frame", picture)


def _calibration(bins: Sequence[Mapping[str, Any]]) -> Markup:
    picture, ax = axes("confidence (mean of the bin)", "share that was right")
    ax.plot([0, 1], [0, 1], "--", color=GREY, label="perfectly calibrated")
    rows = np.array([row["rows"] for row in bins], dtype=float)
    ax.scatter(
        [row["confidence"] for row in bins], [row["accuracy"] for row in bins],
        s=15 + 185 * rows / rows.max(), color=BLUE, alpha=0.8, label="bin (area: rows)",
    )  # fmt: skip
    ax.set_xlim(0, 1.02)
    ax.set_ylim(0, 1.05)
    legend(ax)
    return figure("calibration", "Reliability: how often the model is right when it is this sure", picture)
