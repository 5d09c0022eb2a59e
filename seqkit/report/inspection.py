"""The page that looks inside a model while it answers one row."""

from collections.abc import Mapping, Sequence
from os import PathLike
from typing import Any

import matplotlib
import numpy as np
from markupsafe import Markup
from matplotlib.figure import Figure

from seqkit.core.ragged import steps_a_place
from seqkit.report.pages import (
    BLUE,
    GREY,
    INK,
    ORANGE,
    Section,
    axes,
    facts,
    figure,
    overlays,
    paragraph,
    table,
    thinned,
    write,
)
from seqkit.report.texts import attended
from seqkit.report.wording import excerpt, visible

TOLD = ("probabilities", "tokens")  # of an answer, elsewhere
BARS = 30  # words of a chart
MOST, ROWS = 12, 30  # choices of a table or a map of probabilities, and of a map where so many are first at a step
ONCE = ("step", "source", "target")  # axes with words
WIDE = 9.0  # inches of a large picture
LABELS = 60  # of steps below one


def write_inspection(path: str | PathLike[str], found: Mapping[str, Any], *, version: str) -> None:
    """Write the page.

    Args:
        found: "lead"; "run", "given" and "answer"; "arrays", name -> (values without the rows' axis, its axes), "steps", and
            "choices"; "explanation", as `seqkit.lab.explaining` has it, or why there is none; "nearest", rows or why there
            are none; "image", a PNG file in base64, or nothing.
    """
    sections = [_answer(found), *_moved(found), *_choices(found), *_looks(found), *_layers(found), _near(found)]
    write(path, title="Inside an answer", lead=found["lead"], sections=sections, version=version)


def _answer(found: Mapping[str, Any]) -> Section:
    told = [(name.replace("_", " "), _short(value)) for name, value in found["answer"].items() if name not in TOLD]
    blocks = [facts([("run", found["run"]), ("asked", excerpt(found["given"])), *told])]
    values, axes_of = found["arrays"].get("probabilities", (None, ()))
    if axes_of == ("class",):
        blocks.append(_most_likely(values, found))
    return Section("What it answers", blocks)


def _most_likely(values: np.ndarray, found: Mapping[str, Any]) -> Markup:
    heads, paths = (
        ["choice", "probability", "logit"],
        [name for name in ("recurrent path", "wide path") if name in found["arrays"]],
    )
    logits = found["arrays"]["logits"][0]
    rows = [
        [found["choices"][place], f"{values[place]:.1%}", f"{logits[place]:+.2f}"]
        + [f"{found['arrays'][path][0][place]:+.2f}" for path in paths]
        for place in np.argsort(-values, kind="stable")[:MOST]
    ]
    what = "The likeliest choices" if len(values) > MOST else "The choices"
    if paths:
        what += "; a logit is the sum of what the two paths say"
    return table([*heads, *paths], rows, what)


def _short(value: Any) -> str:
    if isinstance(value, list):
        value = " ".join(_said_of(one) if isinstance(one, dict) else str(one) for one in value).rstrip(";")
    return excerpt(str(value))


def _said_of(one: Mapping[str, Any]) -> str:
    """A span by its words, a segment by its frames, of which the end is the one behind the last, a text with its score."""
    if "label" not in one:
        texts = (str(value) for name, value in one.items() if name != "score")
        return f"{' '.join(texts)} ({one['score']});"
    where = one["text"] if "text" in one else f"{one['start']} to {one['end'] - 1}"
    return f"{one['label']}: {where};"


def _moved(found: Mapping[str, Any]) -> list[Section]:
    told = found["explanation"]
    if isinstance(told, str):
        return [Section("Which words moved it", [paragraph(told)])]
    check = told["completeness"]
    blocks = [
        coloured(told["words"], told["added"]),
        paragraph(
            f"What each word adds to the logit of {visible(told['of'])}{_where(told, found)}, by integrated gradients from "
            f"{check['baseline']}: blue speaks for it, orange against it, the stronger the more."
        ),
        facts(
            [
                ("logit", f"{told['logit']:+.4f} (probability {told['probability']:.1%})"),
                ("its baseline", f"{told['baseline_logit']:+.4f}"),
                ("difference", f"{check['difference']:+.4f}"),
                ("sum of the words", f"{check['sum']:+.4f}"),
                ("complete", _complete(check)),
            ]
        ),
    ]
    if told["words"]:
        blocks += [
            _bars("added", f"What a word adds to the logit of {visible(told['of'])}", told["words"], told["added"]),
            _bars(
                "left_out",
                f"By how much the logit of {visible(told['of'])} falls when a word is left out",
                told["words"],
                [None if one is None else told["logit"] - one for one in told["without"]],
            ),
        ]
    if told["wide"] is not None:
        share = sum(told["wide"])
        blocks.append(
            paragraph(
                f"Of the sum the wide path, which is linear, so that its share is exact, says {share:+.4f}, and the "
                f"recurrent path {check['sum'] - share:+.4f}."
            )
        )
    return [Section("Which words moved it", blocks)]


def _complete(check: Mapping[str, Any]) -> str:
    within = f"off by {check['error']:.2g}, where {check['tolerance']:.2g} is allowed"
    if check["complete"]:
        return f"yes: {within}, at {check['points']} points of the path"
    return f"no: {within}, even at {check['points']} points of the path, so take the shares as a sketch"


def _where(told: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    if told["at"] is None:
        return ""
    names = found["steps"].get("target") or found["steps"]["step"]
    return f" at step {told['at']} ({visible(names[told['at']])})"


def coloured(words: Sequence[str], values: Sequence[float]) -> Markup:
    """A text whose words are coloured by values: blue above 0, orange below, the stronger the more."""
    most = max((abs(one) for one in values), default=0.0) or 1.0
    shades = {True: "59,130,196", False: "217,123,41"}  # BLUE and ORANGE
    pieces = [
        Markup('<span style="background:rgba({},{:.2f})" title="{}">{}</span>').format(
            Markup(shades[value >= 0]),
            0.85 * abs(value) / most,
            f"{value:+.4f}",
            visible(word),
        )
        for word, value in zip(words, values, strict=True)
    ]
    return Markup('<p class="coloured">{}</p>').format(Markup(" ").join(pieces))


def _bars(name: str, title: str, words: Sequence[str], values: Sequence[float | None]) -> Markup:
    """The words that count for most, in the order of the text, the first on top."""
    known = np.array([0.0 if one is None else one for one in values])
    shown = np.sort(np.argsort(-np.abs(known), kind="stable")[:BARS])
    picture, ax = axes("logit", "", width=5.2, height=0.9 + 0.22 * len(shown))
    colours = [BLUE if known[place] >= 0 else ORANGE for place in shown]
    ax.barh(range(len(shown)), known[shown], color=colours, height=0.7)
    ax.axvline(0, color=GREY, linewidth=0.8)
    ax.set_yticks(range(len(shown)), [_tick(words[place]) for place in shown], parse_math=False)
    ax.set_ylim(len(shown) - 0.4, -0.6)
    if len(shown) < len(words):
        title += f" (the {len(shown)} words that count for most)"
    return figure(name, title, picture)


def _tick(word: str, most: int = 16) -> str:
    return visible(word if len(word) <= most else word[: most - 1] + "…")


def _choices(found: Mapping[str, Any]) -> list[Section]:
    """Where there is a choice at each step: how probable the likeliest ones are, step by step."""
    values, axes_of = found["arrays"].get("probabilities", (None, ()))
    if len(axes_of) != 2:
        return []
    likely = shown_choices(values)
    picture = _heat(
        [("", values[:, likely].T, [_tick(found["choices"][place], 28) for place in likely])],
        found["steps"][axes_of[0]],
        low=0.0,
    )
    title = f"Probability of {len(likely)} choices, those that are first at a step before others: the darker the more"
    return [Section("Probabilities by step", [figure("probabilities", title, picture, large=True)])]


def shown_choices(values: np.ndarray) -> np.ndarray:
    """The choices that a map shows: those that are first at a step, up to `ROWS` of them, and up to `MOST` others.

    Args:
        values: float, (steps, choices), how probable each is.
    Returns:
        int64, their places, by the step at which each is likeliest.
    """
    best, first = values.max(axis=0), np.bincount(values.argmax(axis=1), minlength=values.shape[1]) > 0
    likely = np.lexsort((-best, ~first))[: max(MOST, min(int(first.sum()), ROWS))]
    return likely[np.argsort(values[:, likely].argmax(axis=0), kind="stable")]


def looks(found: Mapping[str, Any]) -> list[Markup]:
    """Pictures of where a model looks; none where it looks nowhere.

    Args:
        found: "arrays", "steps" and "image", as in `write_inspection`.
    """
    weights, axes_of = found["arrays"].get("attention", (None, ()))
    if weights is None:
        return []
    lines = found["steps"].get("target") if axes_of[0] == "target" else None
    if lines is None:
        lines = [f"hop {number + 1}" for number in range(len(weights))] if axes_of[0] == "hop" else ["summary"]
        weights = weights if axes_of[0] == "hop" else weights[None]
    if axes_of[-1] == "image column":
        if found["image"] is None:
            return []
        return [overlays("look", "Where each looks", found["image"], lines, weights)]
    read = found["steps"][axes_of[-1].partition(" ")[0]]
    stride = steps_a_place(len(read), weights.shape[-1])
    places = ["".join(read[first : first + stride]) for first in range(0, len(read), stride)]
    return [attended("attention", "Attention: what is read across, what looks at it down", weights, places, lines)]


def _looks(found: Mapping[str, Any]) -> list[Section]:
    blocks = looks(found)
    return [Section("Where it looks", blocks)] if blocks else []


def _layers(found: Mapping[str, Any]) -> list[Section]:
    """States and gates, units by steps, a picture a layer."""
    layers: dict[str, dict[str, tuple[np.ndarray, tuple[str, ...]]]] = {}
    for name, (values, axes_of) in found["arrays"].items():
        if axes_of[-1] == "unit":
            layer, _, what = name.rpartition("/")
            layers.setdefault(layer, {})[what] = values, axes_of
    blocks: list[Markup] = []
    for number, (layer, arrays) in enumerate(layers.items()):
        ((axis, _), *_) = [axes_of for _, axes_of in arrays.values()]
        words = found["steps"][axis.partition(" ")[0]]
        count = len(next(iter(arrays.values()))[0])
        stride = steps_a_place(len(words), count)
        names = ["".join(words[first : first + stride]) for first in range(0, len(words), stride)]
        picture = _heat([(what, values.T, None) for what, (values, _) in arrays.items()], names)
        title = f"{layer}: units from top to bottom, steps from left to right"
        blocks.append(figure(f"layer_{number}", title, picture, large=True))
    if not blocks:
        return []
    told = (
        "A gate goes from 0 (white) to 1 (dark blue); whatever has a sign is blue above 0 and red below, as far as its "
        "title says."
    )
    return [Section("States and gates", [paragraph(told), *blocks])]


def _heat(
    panels: Sequence[tuple[str, np.ndarray, Sequence[str] | None]], steps: Sequence[str], *, low: float | None = None
) -> Figure:
    """Maps one below the other, (lines, steps) each, the steps named below the last.

    Args:
        panels: Of each what it is called, its values, and names of its lines.
        low: The least value of a map without a sign; gates have 0.
    """
    heights = [
        max(0.24 * len(values), 0.9) if names else min(0.5 + 0.03 * len(values), 2.4) for _, values, names in panels
    ]
    picture = Figure(figsize=(WIDE, sum(heights) + 0.35 * len(panels) + 0.8), layout="constrained")
    grid = picture.subplots(len(panels), 1, squeeze=False, sharex=True, height_ratios=heights).ravel()
    for ax, (what, values, names) in zip(grid, panels, strict=True):
        signed = not what.endswith("gate") and low is None
        most = float(np.nanmax(np.abs(values))) if signed else 1.0
        shade = matplotlib.colormaps["RdBu" if signed else "Blues"]
        ax.imshow(
            values, aspect="auto", interpolation="nearest", cmap=shade, vmin=-most if signed else 0.0, vmax=most or 1.0
        )
        if what:
            ends = f"−{most:.2g} to {most:.2g}" if signed else "0 to 1"
            ax.set_title(f"{what} ({ends})", color=INK, fontsize=9, loc="left", parse_math=False)
        ax.tick_params(colors=INK, length=0, labelsize=9)
        ax.set_yticks(*((range(len(names)), names) if names else ([], [])), parse_math=False)
        for spine in ax.spines.values():
            spine.set_visible(False)
    grid[-1].set_xticks(
        *thinned([_tick(step) for step in steps], LABELS), rotation=90 if len(steps) > 12 else 0, parse_math=False
    )
    return picture


def _near(found: Mapping[str, Any]) -> Section:
    near = found["nearest"]
    if isinstance(near, str):
        return Section("Nearest training rows", [paragraph(near)])
    fields = [*dict.fromkeys(name for one in near for name in one["columns"])]
    rows = [
        [*(excerpt(one["columns"].get(name, "")) for name in fields), f"{one['row']:,}", f"{one['similarity']:.3f}"]
        for one in near
    ]
    caption = (
        f"By the cosine of the vector that the answer is read from, among {found['among']:,} training rows at most"
    )
    return Section("Nearest training rows", [table([*fields, "row", "cosine"], rows, caption, words=len(fields))])
