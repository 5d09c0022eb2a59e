"""report.html and the table in the terminal: what a run scored, beside what it had to beat.

The page is a title, one sentence of verdict and a list of sections (`pages.py` has their blocks). `SECTIONS` has those
that any run may have, each a function of (report, history) that leaves itself out where the report has nothing for it.
A recipe with more to show passes its own as `sections`.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from typing import Any

import matplotlib
import numpy as np
from markupsafe import Markup
from rich.table import Table

from seqkit import pages
from seqkit.pages import BLUE, GREY, INK, LINE, ORANGE, Section, axes, facts, figure, legend, paragraph, table, write

Report = Mapping[str, Any]
History = Sequence[Mapping[str, Any]]

SHARE, NUMBER = "share", "number"


@dataclass(frozen=True)
class Metric:
    """How a metric is called and read: a share is written in per cent, and `better` is "high" or "low"."""

    words: str
    kind: str = SHARE
    better: str = "high"


METRICS = {
    "accuracy": Metric("accuracy"),
    "frame_accuracy": Metric("frame accuracy"),
    "macro_f1": Metric("macro F1"),
    "span_f1": Metric("span F1"),
    "span_precision": Metric("span precision"),
    "span_recall": Metric("span recall"),
    "token_accuracy": Metric("token accuracy"),
    "known_token_accuracy": Metric("token accuracy, known words"),
    "unknown_token_accuracy": Metric("token accuracy, unknown words"),
    "edit_score": Metric("edit score"),
    "f1_at_10": Metric("segment F1@10"),
    "f1_at_25": Metric("segment F1@25"),
    "f1_at_50": Metric("segment F1@50"),
    "log_loss": Metric("log loss (nats)", NUMBER, "low"),
    "calibration_error": Metric("calibration error", SHARE, "low"),
    "bleu": Metric("BLEU", NUMBER),
    **{f"bleu_{order}": Metric(f"BLEU-{order}", NUMBER) for order in (1, 2, 3, 4)},
    "cider": Metric("CIDEr-D", NUMBER),
    "chrf": Metric("chrF", NUMBER),
    "exact_match": Metric("exact match"),
    "length_ratio": Metric("length over the reference's", NUMBER),
    "character_accuracy": Metric("character accuracy"),
    "perplexity": Metric("perplexity", NUMBER, "low"),
    "nats_per_symbol": Metric("nats per symbol", NUMBER, "low"),
    "bits_per_character": Metric("bits per character", NUMBER, "low"),
}


def metric(name: str) -> Metric:
    """The metric of this name; one that isn't listed is a plain number, the higher the better."""
    return METRICS.get(name, Metric(name.replace("_", " "), NUMBER))


def written(name: str, value: float | None) -> str:
    """A metric's value for the eye: 91.2% or 0.231; a dash where there is none."""
    if value is None or not math.isfinite(value):
        return "–"
    if metric(name).kind == SHARE:
        return f"{100 * value:.1f}%"
    return f"{value:.3f}" if abs(value) < 1000 else f"{value:,.0f}" if abs(value) < 1e6 else f"{value:.2g}"


def interval(name: str, score: Mapping[str, float]) -> str:
    return f"{written(name, score.get('low'))} to {written(name, score.get('high'))}"


# The verdict


def verdict(report: Report) -> str:
    """One sentence on the first metric: is the model above the best baseline, below it, or can't this test tell?

    Above and below are said only where the two 95% intervals lie apart. That asks for more than a paired test would:
    near misses are called undecided.
    """
    scores = report.get("metrics") or {}
    if not scores:
        return "This run has not been scored yet."
    name, score = next(iter(scores.items()))
    high = metric(name).better == "high"
    ours = f"{written(name, score['value'])} {metric(name).words} ({interval(name, score)})"
    rivals = {k: b[name] for k, b in (report.get("baselines") or {}).items() if b.get(name)}
    if not rivals:
        return f"The model scores {ours}; there is no baseline to compare it with."
    rival, theirs = (max if high else min)(rivals.items(), key=lambda item: item[1]["value"])
    text = f"{written(name, theirs['value'])} ({interval(name, theirs)})"
    above, below = score["low"] > theirs["high"], score["high"] < theirs["low"]
    if above or below:
        if above == high:
            return f"The model beats the best baseline: {ours} against {text} for the {rival} baseline."
        return f"The {rival} baseline beats the model: {text} against the model's {ours}."
    return (
        f"Undecided: the model scores {ours}, the {rival} baseline {text}; the intervals overlap, so this test does "
        "not show that either is better."
    )


# Sections


def scores(report: Report, history: History) -> Section | None:
    if not report.get("metrics"):
        return None
    systems = {"model": report["metrics"], **(report.get("baselines") or {})}
    rows = []
    for name in report["metrics"]:
        cells = [Markup("{} <small>{}</small>").format(metric(name).words, f"{metric(name).better}er is better")]
        for system in systems.values():
            score = system.get(name)
            cells.append(
                Markup("{}<br><small>{}</small>").format(written(name, score["value"]), interval(name, score))
                if score
                else Markup("–")
            )
        rows.append(cells)
    blocks = [table(["metric", *systems], rows, "Scores on the test data, with 95% bootstrap intervals")]
    if against := report.get("against"):
        compared = [
            [metric(name).words, _signed(name, s["difference"]), _signed(name, s["low"]), _signed(name, s["high"]),
             f"{s['p_value']:.3f}"]
            for name, s in against["metrics"].items()
        ]  # fmt: skip
        columns = ["metric", "difference", "low", "high", "p-value"]
        blocks.append(table(columns, compared, f"Against {against['run']}, on the same rows (paired bootstrap)"))
    return Section("Scores", blocks)


def learning(report: Report, history: History) -> Section | None:
    panels = [("loss", "loss", "loss (nats)"), ("accuracy", "accuracy", f"accuracy (share of {_items(report)})")]
    blocks = []
    for key, words, unit in panels:
        lines = [(key, "training", BLUE, "-o"), (f"val_{key}", "validation", ORANGE, "--s")]
        if not any(_series(history, k)[0] for k, *_ in lines):
            continue
        picture, ax = axes("epoch", unit)
        for column, label, colour, style in lines:
            epochs, values = _series(history, column)
            if epochs:
                ax.plot(epochs, values, style, color=colour, label=label, markersize=4)
        _whole(ax, history)
        legend(ax)
        blocks.append(figure(key, f"Learning curve: {words} after each epoch", picture))
    return Section("Learning", blocks) if blocks else None


def gradients(report: Report, history: History) -> Section | None:
    epochs, norms = _series(history, "gradient_norm")
    if not epochs:
        return None
    threshold = ((report.get("settings") or {}).get("training") or {}).get("global_clipnorm")
    picture, ax = axes("epoch", "global norm before clipping")
    ax.plot(epochs, norms, "-o", color=BLUE, label="mean of the steps", markersize=4)
    peaks = _series(history, "gradient_norm_max")
    if peaks[0]:
        ax.plot(*peaks, ":^", color=GREY, label="greatest", markersize=4)
    if threshold:
        ax.axhline(threshold, color=ORANGE, linestyle="--", label=f"clipping at {threshold:g}")
    _whole(ax, history)
    ax.set_ylim(bottom=0)
    legend(ax)
    blocks = [figure("gradient", "Gradient norm before clipping, in each epoch", picture)]
    epochs, shares = _series(history, "clipped_share")
    if epochs and threshold:
        picture, ax = axes("epoch", "clipped steps (% of steps)")
        ax.bar(epochs, [100 * share for share in shares], width=0.6, color=BLUE)
        _whole(ax, history)
        ax.set_ylim(0, 100)
        blocks.append(figure("clipped", "Share of the steps whose gradient was clipped", picture))
    return Section("Gradients", blocks)


def classes(report: Report, history: History) -> Section | None:
    blocks = []
    if matrix := report.get("confusion"):
        blocks.append(_confusion(matrix["labels"], np.array(matrix["counts"], dtype=int), _items(report)))
    if bins := report.get("calibration"):
        blocks.append(_calibration(bins))
    for key, unit, caption in (
        ("per_span", "spans", "Each type of span"),
        ("per_class", _items(report), "Each class on its own"),
    ):
        if rows := report.get(key):
            cells = [[r["label"], *map(_percent, _shares(r)), f"{r['support']:,}"] for r in rows]
            if key == "per_class" and (macro := report.get("macro")):
                cells.append(["macro average", *map(_percent, _shares(macro)), ""])
            blocks.append(table(["label", "precision", "recall", "F1", unit], cells, caption))
    return Section("Where it is right and wrong", blocks) if blocks else None


def kinds(report: Report, history: History) -> Section | None:
    rows = [[row["kind"], _percent(row["accuracy"]), f"{row['support']:,}"] for row in report.get("per_kind") or []]
    if not rows:
        return None
    return Section(
        "By kind of question", [table(["questions that begin with", "accuracy", "rows"], rows, "Accuracy by kind")]
    )


def looks(report: Report, history: History) -> Section | None:
    blocks = [
        pages.looks(f"look{number}", row["title"], row["picture"], row["names"], row["weights"])
        for number, row in enumerate(report.get("looks") or [])
    ]
    return Section("Where it looks", blocks) if blocks else None


def timelines(report: Report, history: History) -> Section | None:
    films = report.get("timelines") or []
    if not films:
        return None
    labels = (report.get("confusion") or {}).get("labels") or []
    return Section("Over time", [_timelines(films, labels, report.get("background"))])


def mistakes(report: Report, history: History) -> Section | None:
    rows = [
        [_excerpt(row["text"]), row["label"], row["predicted"], f"{100 * row['confidence']:.1f}%"]
        for row in report.get("mistakes") or []
    ]
    if not rows:
        return None
    block = table(["text", "truth", "prediction", "confidence"], rows, "Wrong, and most sure of it", words=3)
    return Section("The most confident mistakes", [block])


def stretches(report: Report, history: History) -> Section | None:
    blocks = []
    for key, caption in (("worst_predicted", "The worst predicted"), ("best_predicted", "The best predicted")):
        if rows := [[_excerpt(row["text"]), f"{row['nats_per_symbol']:.3f}"] for row in report.get(key) or []]:
            blocks.append(table(["text", "nats per symbol"], rows, caption))
    if sample := report.get("sample"):
        blocks.append(paragraph("Text of its own, drawn at temperature 0.8:"))
        blocks.append(Markup("<pre>{}</pre>").format(sample))
    return Section("What it reads and writes", blocks) if blocks else None


def writings(report: Report, history: History) -> Section | None:
    texts = report.get("written") or []
    if not texts:
        return None
    scored = ["chrF"] if "chrf" in texts[0] else []
    rows = [
        [*(_excerpt(row[name]) for name in ("source", "reference", "written")), *(f"{row['chrf']:.1f}" for _ in scored)]
        for row in texts
    ]
    heads = ["source", "reference", "written", *scored]
    blocks = [table(heads, rows, "The first rows of the test data", words=3)]
    if signatures := report.get("signatures"):
        blocks.append(facts([(metric(name).words, text) for name, text in signatures.items()]))
    return Section("What it writes", blocks)


def sizes(report: Report, history: History) -> Section | None:
    names = ("exact_match", "character_accuracy")
    rows = [
        [str(row["length"]), str(row["nesting"]), *(_percent(row[name]) for name in names), f"{row['rows']:,}"]
        for row in report.get("sizes") or []
    ]
    if not rows:
        return None
    heads = ["length", "nesting", *(metric(name).words for name in names), "rows"]
    return Section("By size", [table(heads, rows, "Fresh rows of the test part, as many of each size")])


def attention(report: Report, history: History) -> Section | None:
    maps = report.get("attention") or []
    return Section("Where it looks", [_attended(number, one) for number, one in enumerate(maps)]) if maps else None


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


def data(report: Report, history: History) -> Section | None:
    words = {
        "source": "source", "rows": "rows", "frames": "frames", "symbols": "symbols",
        "empty_texts": "empty texts", "cut_texts": "texts cut to fit",
        "unseen_labels": f"{_items(report)} whose label the model never saw",
        "pictures": "pictures", "unseen_answers": "rows whose answer the model never saw, counted as wrong",
        "captions": "captions", "tokens": "tokens",
        "cut_words": "words shortened to fit", "unseen_tags": "tokens whose tag the model never saw",
        "source_tokens": "units of the sources", "target_tokens": "units of the references",
        "illegal_tags": "illegal tags, read as conlleval reads them", "unknown_token_share": "unknown tokens",
        "unknown_symbol_share": "unknown symbols",
        "padding_share": "padding", "digest": "digest",
    }  # fmt: skip
    found = report.get("data") or {}
    pairs = [(text, _plain(key, found[key])) for key, text in words.items() if key in found]
    return Section("Test data", [facts(pairs)]) if pairs else None


def circumstances(report: Report, history: History) -> Section | None:
    blocks = []
    if settings := report.get("settings"):
        rows = [[key, "none" if value is None else str(value)] for key, value in _flat(settings)]
        blocks.append(table(["setting", "value"], rows, "Settings", words=2))
    pairs = [(key.replace("_", " "), _plain(key, value)) for key, value in (report.get("timings") or {}).items()]
    pairs += list((report.get("versions") or {}).items())
    if pairs:
        blocks.append(facts(pairs))
    if command := report.get("command"):
        blocks.append(Markup("<pre><code>{}</code></pre>").format(command))
    return Section("How it was made", blocks) if blocks else None


SECTIONS: tuple[Callable[[Report, History], Section | None], ...] = (
    scores, learning, gradients, kinds, classes, looks, timelines, mistakes, tag_mistakes, stretches, writings, sizes,
    attention, data, circumstances,
)  # fmt: skip


# Pages


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


# Helpers


def _shares(row: Mapping[str, float]) -> tuple[float, ...]:
    return row["precision"], row["recall"], row["f1"]


def _percent(share: float) -> str:
    return f"{100 * share:.1f}%"


def _in_context(example: Mapping[str, str]) -> Markup:
    return Markup("{before} <strong>{token}</strong> {after}").format(**example)


def _confusion(labels: Sequence[str], counts: np.ndarray, items: str) -> Markup:
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)  # (label, prediction), each row adds up to 1
    size = min(2.6 + 0.5 * len(labels), 9.0)
    picture, ax = axes("prediction", "truth", width=size + 0.6, height=size)
    ax.grid(False)
    ax.invert_yaxis()
    edges = np.arange(len(labels) + 1) - 0.5
    ax.pcolormesh(edges, edges, share, cmap=matplotlib.colormaps["Blues"], vmin=0, vmax=1)  # a picture would be pixels
    ax.set_xticks(range(len(labels)), labels, rotation=0 if len(labels) < 4 else 45, parse_math=False)
    ax.set_yticks(range(len(labels)), labels, parse_math=False)
    if len(labels) <= 20:
        for i, j in np.ndindex(counts.shape):
            colour = "white" if share[i, j] > 0.5 else "#1f2328"  # fixed, as the cell's own colour is
            ax.text(j, i, f"{counts[i, j]:,}", ha="center", va="center", color=colour)
    return figure("confusion", f"Confusion matrix: {items} of the test data by truth and prediction", picture)


def _timelines(films: Sequence[Mapping[str, Any]], labels: Sequence[str], background: str | None) -> Markup:
    """Two strips a recording: what was there, and below it what the model saw; a colour a label, none the background."""
    shade = matplotlib.colormaps["tab20"]  # ten strong colours, each with a pale one behind it
    colours: dict[str, Any] = {label: shade((2 * place + place // 10) % 20) for place, label in enumerate(labels)}
    if background is not None:
        colours[background] = LINE
    picture, ax = axes("frame", "", width=9.0, height=1.0 + 0.75 * len(films))
    ax.grid(False)
    ax.invert_yaxis()
    ticks, seen = [], set()
    for number, film in enumerate(films):
        for place, key in ((number - 0.36, "truth"), (number + 0.02, "prediction")):
            ticks.append((place + 0.17, f"{film['recording']}  truth" if key == "truth" else "prediction"))
            for run in film[key]:
                spans = [(run["start"], run["end"] - run["start"])]
                ax.broken_barh(spans, (place, 0.34), facecolors=colours.get(run["label"], GREY), linewidth=0)
                seen.add(run["label"])
    ax.set_yticks([place for place, _ in ticks], [text for _, text in ticks], parse_math=False)
    ax.set_xlim(0, max(run["end"] for film in films for run in film["truth"]))
    for label in [name for name in labels if name in seen] + sorted(seen - set(labels)):
        ax.broken_barh([], (0, 0), facecolors=colours.get(label, GREY), label=label)
    names = ax.legend(frameon=False, labelcolor=INK, loc="upper left", bbox_to_anchor=(1, 1), handlelength=1.0)
    for text in names.get_texts():
        text.set_parse_math(False)
    return figure("timelines", "What was there, and what the model saw, frame by frame", picture)


def _attended(number: int, one: Mapping[str, Any]) -> Markup:
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
    caption = f"Attention, row {number + 1} of the test data: what is read across, what is written down"
    return figure(f"attention_{number}", caption, picture)


def _items(report: Report) -> str:
    """What is scored one by one."""
    return report.get("items", "rows")


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


def _excerpt(text: str, longest: int = 600) -> Markup:
    """A text as a table cell; a long one is cut, for a page is there to be read."""
    if not text.strip():
        return Markup("<em>(empty text)</em>")
    return Markup('<div class="long">{}</div>').format(text if len(text) <= longest else text[:longest] + " …")


def _series(history: History, key: str) -> tuple[list[int], list[float]]:
    """Epochs and values of one column, without rows that lack it or hold NaN."""
    pairs = [
        (int(row.get("epoch") or k), float(row[key]))
        for k, row in enumerate(history, 1)
        if row.get(key) not in (None, "") and math.isfinite(float(row[key]))
    ]
    return [epoch for epoch, _ in pairs], [value for _, value in pairs]


def _whole(ax: Any, history: History) -> None:
    ax.xaxis.get_major_locator().set_params(integer=True, nbins=10)
    if len(history) == 1:
        ax.margins(x=1)


def _flat(settings: Mapping[str, Any], before: str = "") -> list[tuple[str, Any]]:
    flat = []
    for key, value in settings.items():
        flat += _flat(value, f"{before}{key}.") if isinstance(value, Mapping) else [(f"{before}{key}", value)]
    return flat


def _plain(key: str, value: Any) -> str:
    if value is None or isinstance(value, str):
        return value or "–"
    if key.endswith("_share"):
        return f"{100 * value:.1f}%"
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_plain(name, part)}" for name, part in value.items())
    return f"{value:,}" if isinstance(value, int) else f"{value:,.1f} s" if "second" in key else f"{value:,.3f}"


def _signed(name: str, value: float) -> str:
    return f"{100 * value:+.1f} points" if metric(name).kind == SHARE else f"{value:+.3f}"
