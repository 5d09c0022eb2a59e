"""Sections that every run has: its scores, its training, its data and how it was made."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

from markupsafe import Markup

from seqkit.core.findings import HARMS
from seqkit.metrics.metric import headlines, metric
from seqkit.report.pages import BLUE, GREY, ORANGE, Section, axes, facts, figure, legend, paragraph, table
from seqkit.report.wording import (
    History,
    Report,
    called,
    interval,
    items,
    listed,
    plain,
    scored,
    sense,
    signed,
    written,
)


def scores(report: Report, history: History) -> Section | None:
    if not report.get("metrics"):
        return None
    systems = {"model": report["metrics"], **(report.get("baselines") or {})}
    rows: list[list[Any]] = []
    for name in report["metrics"]:
        beside = [called(rival) for rival in metric(name).beside if rival in systems]
        told = f"{sense(name)}; beside {listed(beside)}" if beside else sense(name)
        cells = [Markup("{} <small>{}</small>").format(metric(name).words, told)]
        for system in systems.values():
            score = system.get(name)
            cells.append(
                Markup("{}<br><small>{}</small>").format(written(name, score["value"]), interval(name, score))
                if score
                else Markup("–")
            )
        rows.append(cells)
    heads = ["metric", *map(called, systems)]
    blocks = [table(heads, rows, f"Scores on the {scored(report)}, with 95% bootstrap intervals")]
    columns = ["difference", "low", "high", "p-value"]
    if compared := report.get("compared"):
        rows = [
            [metric(name).words, called(rival), *_difference(name, tests[name])]
            for name in headlines(list(report["metrics"]))
            for rival, tests in compared.items()
            if name in tests
        ]
        caption = "The model less each baseline, on the same rows (paired bootstrap)"
        blocks.append(table(["metric", "baseline", *columns], rows, caption, words=2))
    if report.get("adapted"):
        rows = [
            [metric(name).words, how, written(name, score["value"]), interval(name, score),
             *(_difference(name, test) if test else ["–"] * 4)]
            for name, how, score, test in adapted_rows(report)
        ]  # fmt: skip
        caption = "As it takes in what it reads, in one stream: no figures of the model's own"
        blocks.append(table(["metric", "it does", "score", "95% interval", *columns], rows, caption, words=2))
    if rest := report.get("rest"):
        rows = [
            [metric(name).words, written(name, report["metrics"][name]["value"]), written(name, score["value"]),
             interval(name, score)]
            for name, score in rest["metrics"].items()
        ]  # fmt: skip
        caption = f"On the {rest['rows']:,} rows that are not in the training or validation data"
        blocks.append(table(["metric", "all rows", "the others", "95% interval"], rows, caption))
    if against := report.get("against"):
        rows = [[metric(name).words, *_difference(name, test)] for name, test in against["metrics"].items()]
        caption = f"Against {against['run']}, on the same rows (paired bootstrap)"
        blocks.append(table(["metric", *columns], rows, caption))
    blocks += [
        paragraph(f"Baseline {called(rival)}: {what}.")
        for rival, what in (report.get("bounds") or {}).items()
        if rival in systems
    ]
    blocks += [paragraph(f"Failed: {what} ({reason}).") for what, reason in (report.get("failed") or {}).items()]
    return Section("Scores", blocks)


def adapted_rows(report: Report) -> Iterator[tuple[str, str, Mapping[str, float], Mapping[str, float] | None]]:
    """Metric, what is done, its score and its difference from the model as it is, of the headline metrics."""
    adapted = report["adapted"]
    for how, scores in adapted["metrics"].items():
        for name in headlines(list(scores)):
            yield name, how.replace("_", " "), scores[name], adapted["difference"].get(how, {}).get(name)


def _difference(name: str, test: Mapping[str, float]) -> list[str]:
    p_value = f"{test['p_value']:.3f}" if "p_value" in test else "–"
    return [signed(name, test.get(part)) for part in ("difference", "low", "high")] + [p_value]


def learning(report: Report, history: History) -> Section | None:
    panels = {"loss": "loss (nats)", "accuracy": f"accuracy (share of {items(report)})"}
    blocks = []
    kept = report.get("kept")
    if kept:
        monitor = kept["monitor"].removeprefix("val_")
        panels.setdefault(monitor, metric(monitor).words)
        blocks.append(
            paragraph(
                f"The weights are those of epoch {kept['epoch']} of {len(history)}, the best by {metric(monitor).words} of "
                f"the validation data, {written(monitor, kept['value'])}."
            )
        )
    for key, unit in panels.items():
        lines = [(key, "training", BLUE, "-o"), (f"val_{key}", "validation", ORANGE, "--s")]
        if not any(series(history, k)[0] for k, *_ in lines):
            continue
        picture, ax = axes("epoch", unit)
        for column, label, colour, style in lines:
            epochs, values = series(history, column)
            if epochs:
                ax.plot(epochs, values, style, color=colour, label=label, markersize=4)
            if kept and column.startswith("val_") and kept["epoch"] in epochs:
                value = values[epochs.index(kept["epoch"])]
                ax.plot([kept["epoch"]], [value], "o", color=colour, fillstyle="none", markersize=12, markeredgewidth=2)
        if kept:
            ax.axvline(kept["epoch"], color=GREY, linestyle="--", label=f"kept: epoch {kept['epoch']}")
        _whole(ax, history)
        legend(ax)
        blocks.append(figure(key, f"Learning curve: {metric(key).words} after each epoch", picture))
    return Section("Learning", blocks) if blocks else None


def lengths(report: Report, history: History) -> Section | None:
    found = report.get("per_length") or {}
    if not found:
        return None
    name = found["metric"]
    rows = [[one["length"], f"{one['items']:,}", written(name, one["value"])] for one in found["groups"]]
    caption = f"{metric(name).words.capitalize()} by the length of the row: a mean over {items(report)}, each by itself"
    return Section("By length", [table(["length", items(report), metric(name).words], rows, caption)])


def gradients(report: Report, history: History) -> Section | None:
    epochs, norms = series(history, "gradient_norm")
    if not epochs:
        return None
    threshold = ((report.get("settings") or {}).get("training") or {}).get("global_clipnorm")
    picture, ax = axes("epoch", "global norm before clipping")
    ax.plot(epochs, norms, "-o", color=BLUE, label="mean of the steps", markersize=4)
    peaks = series(history, "gradient_norm_max")
    if peaks[0]:
        ax.plot(*peaks, ":^", color=GREY, label="greatest", markersize=4)
    if threshold:
        ax.axhline(threshold, color=ORANGE, linestyle="--", label=f"clipping at {threshold:g}")
    _whole(ax, history)
    ax.set_ylim(bottom=0)
    legend(ax)
    blocks = [figure("gradient", "Gradient norm before clipping, in each epoch", picture)]
    epochs, shares = series(history, "clipped_share")
    if epochs and threshold:
        picture, ax = axes("epoch", "clipped steps (% of steps)")
        ax.bar(epochs, [100 * share for share in shares], width=0.6, color=BLUE)
        _whole(ax, history)
        ax.set_ylim(0, 100)
        blocks.append(figure("clipped", "Share of the steps whose gradient was clipped", picture))
    return Section("Gradients", blocks)


def data(report: Report, history: History) -> Section | None:
    words = {
        "source": "source", "rows": "rows", "frames": "frames", "symbols": "symbols",
        "empty_texts": "empty texts", "cut_texts": "texts cut to fit",
        "unseen_labels": f"{items(report)} whose label the model never saw",
        "images": "images", "unseen_answers": "rows whose answer the model never saw, counted as wrong",
        "captions": "captions", "tokens": "tokens",
        "cut_words": "words shortened to fit", "unseen_tags": "tokens whose tag the model never saw",
        "source_tokens": "units of the sources", "target_tokens": "units of the references",
        "illegal_tags": "illegal tags, read as conlleval reads them", "unknown_token_share": "unknown tokens",
        "unknown_symbol_share": "unknown symbols",
        "padding_share": "padding", "digest": "digest",
    }  # fmt: skip
    found = report.get("data") or {}
    pairs = [(text, plain(key, found[key])) for key, text in words.items() if key in found]
    return Section(scored(report).capitalize(), [facts(pairs)]) if pairs else None


def findings(report: Report, history: History) -> Section | None:
    """What was found in the data that was scored, and in what the model was trained on; each once."""
    found = {
        (one["harm"], one["what"]): one for key in ("findings", "training_findings") for one in report.get(key) or []
    }
    if not found:
        return None
    rows = [
        [one["harm"], Markup("{}.<br><small>{}</small>").format(one["what"], one["advice"]), one["where"]]
        for one in sorted(found.values(), key=lambda one: HARMS.index(one["harm"]))
    ]
    caption = "Errors would make figures wrong, warnings may mislead, notes tell of a rule that was applied"
    return Section(
        "What was found in the data", [table(["harm", "what, and what to do", "where"], rows, caption, words=3)]
    )


def circumstances(report: Report, history: History) -> Section | None:
    blocks = []
    if settings := report.get("settings"):
        used = {"search": report["search"]} if "search" in report else {}  # which may have been chosen since
        rows = [[key, "none" if value is None else str(value)] for key, value in _flat({**settings, **used})]
        blocks.append(table(["setting", "value"], rows, "Settings", words=2))
    pairs = [(key.replace("_", " "), plain(key, value)) for key, value in (report.get("timings") or {}).items()]
    pairs += list((report.get("versions") or {}).items())
    if pairs:
        blocks.append(facts(pairs))
    if command := report.get("command"):
        blocks.append(Markup("<pre><code>{}</code></pre>").format(command))
    return Section("How it was made", blocks) if blocks else None


def series(history: History, key: str) -> tuple[list[int], list[float]]:
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
