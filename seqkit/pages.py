"""A page for people: sections made of blocks, as one HTML file without network or script.

A block is Markup made by `paragraph`, `table`, `facts` or `figure`; whatever text goes in is escaped there. Pictures
are inline SVG in the page's own colours, light or dark.
"""

import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import jinja2
import matplotlib
from markupsafe import Markup, escape
from matplotlib.figure import Figure

# Colours that hold on white and on black; the first two are told apart without colour vision too. INK and LINE stand
# for the page's own text and rule colours: they are swapped in the finished SVG.
BLUE, ORANGE, GREY, INK, LINE = "#3b82c4", "#d97b29", "#8a8f98", "#010203", "#040506"


@dataclass(frozen=True)
class Section:
    title: str
    blocks: list[Markup]


def write(
    path: str | PathLike[str], *, title: str, lead: str, sections: Iterable[Section], version: str | None
) -> None:
    """Write the page; `lead` is the sentence under the title, `version` that of seqkit for the last line."""
    loader = jinja2.PackageLoader("seqkit", "templates")
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


def figure(name: str, title: str, picture: Figure) -> Markup:
    """A matplotlib figure as inline SVG in the page's own colours.

    Args:
        name: one word, unlike that of any other figure of the page; it keeps the ids inside the SVG apart.
        title: what the picture shows, read aloud where it can't be seen and printed below it.
    """
    buffer = io.StringIO()
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": name, "font.family": "sans-serif"}):
        picture.savefig(buffer, format="svg", transparent=True, bbox_inches="tight", metadata={"Date": None})
    svg = buffer.getvalue()
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg[svg.index("<svg") :], flags=re.DOTALL)
    svg = re.sub(r'\s(?:xmlns(?::\w+)?|version)="[^"]*"', "", svg).replace("xlink:href", "href")
    svg = re.sub(r'\bid="', f'id="{name}-', svg)
    svg = re.sub(r'(href="#|url\(#)', rf"\g<1>{name}-", svg)
    svg = re.sub(r"font: ([\d.]+px) [^;\"]*", r"font-size: \1", svg).replace(INK, "currentColor")
    svg = svg.replace(LINE, "var(--line)").replace("<svg", f'<svg role="img" aria-label="{escape(title)}"', 1)
    return Markup("<figure>{}<figcaption>{}</figcaption></figure>").format(Markup(svg), title)


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


def legend(ax: Any) -> None:
    # above the plot, where it hides no point
    ax.legend(frameon=False, labelcolor=INK, loc="lower left", bbox_to_anchor=(0, 1), ncols=2, borderaxespad=0)
