"""A page for people: sections made of blocks, as one HTML file without network or script.

A block is Markup made by `paragraph`, `table`, `facts` or `figure`; whatever text goes in is escaped there. Pictures
are inline SVG in the page's own colours, light or dark.
"""

import base64
import io
import re
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import jinja2
import matplotlib
import numpy as np
from markupsafe import Markup, escape
from matplotlib.figure import Figure
from PIL import Image

# Colours that hold on white and on black; the first two are told apart without colour vision too. INK and LINE stand
# for the page's own text and rule colours: they are swapped in the finished SVG.
BLUE, ORANGE, GREY, INK, LINE = "#3b82c4", "#d97b29", "#8a8f98", "#010203", "#040506"
ABREAST = 6  # images in a row


@dataclass(frozen=True)
class Section:
    title: str
    blocks: list[Markup]


def write(
    path: str | PathLike[str], *, title: str, lead: str, sections: Iterable[Section], version: str | None
) -> None:
    """Write the page; `lead` is the sentence under the title, `version` that of seqkit for the last line."""
    loader = jinja2.PackageLoader("seqkit.report", "templates")
    page = jinja2.Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True)
    text = page.get_template("report.html").render(title=title, lead=lead, sections=list(sections), version=version)
    Path(path).write_text(text, encoding="utf-8")


def paragraph(text: str) -> Markup:
    return Markup("<p>{}</p>").format(text)


def table(columns: Sequence[str], rows: Iterable[Sequence[Any]], caption: str, *, words: int = 1) -> Markup:
    """A table whose first `words` columns hold text, the others numbers. Cells are escaped unless they are Markup."""
    kinds = ["words" if k < words else "number" for k in range(len(columns))]
    head = Markup("").join(
        Markup('<th scope="col" class="{}">{}</th>').format(*pair) for pair in zip(kinds, columns, strict=True)
    )
    body = Markup("").join(
        Markup("<tr>{}</tr>").format(
            Markup("").join(Markup('<td class="{}">{}</td>').format(*p) for p in zip(kinds, row, strict=True))
        )
        for row in rows
    )
    return Markup(
        '<div class="wide"><table><caption>{}</caption><thead><tr>{}</tr></thead><tbody>{}</tbody></table></div>'
    ).format(caption, head, body)


def facts(pairs: Iterable[tuple[str, Any]]) -> Markup:
    """Names and values, one below the other."""
    items = Markup("").join(Markup("<div><dt>{}</dt><dd>{}</dd></div>").format(*pair) for pair in pairs)
    return Markup("<dl>{}</dl>").format(items)


def figure(name: str, title: str, picture: Figure, *, large: bool = False, whole: bool = False) -> Markup:
    """A matplotlib figure as inline SVG in the page's own colours.

    Args:
        name: one word, unlike that of any other figure of the page; it keeps the ids inside the SVG apart.
        title: what the picture shows, read aloud where it can't be seen and printed below it.
        large: whether it takes the whole width of the page.
        whole: whether it is shown in its own size, wider than the page if need be.
    """
    buffer = io.StringIO()
    with (
        matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": name, "font.family": "sans-serif"}),
        warnings.catch_warnings(),
    ):
        warnings.filterwarnings("ignore", "Glyph .* missing from")  # the browser has a font for it
        picture.savefig(buffer, format="svg", transparent=True, bbox_inches="tight", metadata={"Date": None})
    svg = buffer.getvalue()
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg[svg.index("<svg") :], flags=re.DOTALL)
    svg = (
        re.sub(r'\s(?:xmlns(?::\w+)?|version)="[^"]*"', "", svg)
        .replace("xlink:href", "href")
        .replace(' target="_blank"', "")
    )
    svg = re.sub(r'\bid="', f'id="{name}-', svg)
    svg = re.sub(r'(href="#|url\(#)', rf"\g<1>{name}-", svg)
    svg = re.sub(r"font: ([\d.]+px) [^;\"]*", r"font-size: \1", svg).replace(INK, "currentColor")
    svg = svg.replace(LINE, "var(--line)").replace("<svg", f'<svg role="img" aria-label="{escape(title)}"', 1)
    kind = Markup(' class="{}"').format("whole" if whole else "large") if large or whole else ""
    return Markup("<figure{}>{}<figcaption>{}</figcaption></figure>").format(kind, Markup(svg), title)


def png(pixels: Any, side: int = 160) -> str:
    """An image, uint8 (height, width, 3), as a PNG file in base64, its longer side at most `side` pixels."""
    image = Image.fromarray(np.asarray(pixels))
    image.thumbnail((side, side))
    buffer = io.BytesIO()
    image.save(buffer, "png", optimize=True)
    return base64.b64encode(buffer.getvalue()).decode()


def overlays(name: str, title: str, encoded: str, names: Sequence[str], weights: Sequence[Any]) -> Markup:
    """An image, and the same as seen at each look: the darker a place, the less it weighs.

    Args:
        name, title: As for `figure`.
        encoded: From `png`.
        names: Of the looks.
        weights: (looks, rows, columns).
    """
    pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(encoded))).convert("RGB"))
    rows = -(-(1 + len(names)) // ABREAST)
    picture = Figure(figsize=(1.2 * ABREAST, 1.45 * rows))
    panels = picture.subplots(rows, ABREAST, squeeze=False).ravel()
    for ax, text, look in zip(panels, ["image", *names], [None, *weights], strict=False):
        ax.imshow(pixels if look is None else _lit(pixels, look), interpolation="nearest")
        ax.set_title(text, color=INK, fontsize=9, parse_math=False)
    for ax in panels:
        ax.set_axis_off()
    return figure(name, title, picture, large=True)


def _lit(pixels: np.ndarray, weights: Any) -> np.ndarray:
    """The image in the light of weights, (rows, columns)."""
    height, width = pixels.shape[:2]
    places = Image.fromarray(np.asarray(weights, np.float32) / max(np.max(weights), 1e-9))
    light = np.asarray(places.resize((width, height), Image.Resampling.BILINEAR))[..., None]
    lit: np.ndarray = pixels * (0.15 + 0.85 * light) + 40 * light
    return lit.clip(0, 255).astype(np.uint8)


def axes(x: str, y: str, *, width: float = 5.2, height: float = 3.2) -> tuple[Figure, Any]:
    """A figure with one pair of axes in the page's look; no pyplot, so nothing global."""
    picture = Figure(figsize=(width, height))
    ax = picture.add_subplot()
    ax.set_xlabel(x, color=INK)
    ax.set_ylabel(y, color=INK)
    ax.tick_params(colors=INK, length=0)
    ax.grid(color=LINE, linewidth=0.8)
    ax.set_axisbelow(True)
    for spine in ax.spines.values():
        spine.set_visible(False)
    return picture, ax


def thinned(names: Sequence[str], most: int) -> tuple[list[int], list[str]]:
    """Places along an axis, and their names, of which so many fit: every second, every third ..., as need be."""
    places = list(range(0, len(names), -(-len(names) // max(most, 1)) or 1))
    return places, [names[place] for place in places]


def legend(ax: Any) -> None:
    """What has a label, each once; nothing where nothing has. Above the plot, where it hides no point."""
    handles = dict(zip(*reversed(ax.get_legend_handles_labels()), strict=True))
    if not handles:
        return
    ax.legend(
        handles.values(),
        handles.keys(),
        frameon=False,
        labelcolor=INK,
        loc="lower left",
        bbox_to_anchor=(0, 1),
        ncols=2,
        borderaxespad=0,
    )
