"""A comparison of runs: tables for a terminal, a page, a table of values and one for LaTeX."""

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup
from rich.box import ROUNDED
from rich.table import Table

from seqkit.core.errors import InputError
from seqkit.core.files import json_text, replacing
from seqkit.metrics.metric import metric
from seqkit.report.pages import BLUE, GREY, ORANGE, Section, axes, figure, legend, paragraph, table, write
from seqkit.report.wording import ends, excerpt, interval, listed, signed, written

Comparison = Mapping[str, Any]
CALLS = {
    "better": "better", "worse": "worse", "same": "practically the same", "open": "open", "few": "too few rows",
    "seeds": "the seed's doing",
}  # fmt: skip
PAIR_COLUMNS = ("one, other", "difference", "over rows", "over seeds", "over both", "p", "p (Holm)")
BRIEF = ("over rows", "and seeds", "p", "better")
TRAITS = 12  # values of a trait that a page shows


def lead(found: Comparison) -> str:
    """What the comparison says, in sentences."""
    name, groups = found["metrics"][0], found["groups"]
    best = f"{groups[0]['name']} scores best in {metric(name).words}, {_figure(groups[0], name)}"
    pairs = [pair for pair in found["pairs"] if pair["metric"] == name and pair["one"] == 0]
    sentences = []
    for call, words in (
        ("better", "better than"), ("same", "practically the same as"), ("open", "not told apart from"),
        ("few", "on too few rows to be told from"), ("seeds", "of the same settings as"),
    ):  # fmt: skip
        others = [groups[pair["other"]]["name"] for pair in pairs if pair["call"] == call]
        if others:
            sentences.append(f"{words} {listed(others)}")
    alone = any(pair["over"] == "rows" and pair["call"] in ("better", "worse") for pair in found["pairs"])
    caution = (
        " Of single runs this holds for these models: other seeds may turn it, and three seeds of each would tell."
        if alone
        else ""
    )
    return f"{best}: {'; '.join(sentences)}.{caution}"


def comparison_tables(found: Comparison) -> list[Table | str]:
    """For a terminal: what was said, the groups, each two of them, and where the best differs from the next."""
    where = f"{found['data']['rows']:,} rows of {found['data']['source']}"
    grids = []
    for name in found["metrics"]:
        words = metric(name).words
        grids.append(_grid(f"{words} on {where}, with 95% intervals", ["group", "runs"], _heads(name)))
        for row in _groups(found, name):
            grids[-1].add_row(*row)
        title = f"{words}, one less the other; p is corrected for {len(found['pairs'])} tests (Holm)"
        grids.append(_grid(title, ["one, other"], ["", *BRIEF, ""]))
        for pair in found["pairs"]:
            if pair["metric"] == name:
                grids[-1].add_row(*_brief(found, pair))
    parts: list[Table | str] = [lead(found), found["how"], *grids]
    for beside in found["traits"][:1]:
        names = [found["groups"][beside[side]]["name"] for side in ("one", "other")]
        third = _grid(f"{names[0]} beside {names[1]}", ["by", "value"], ["items", "wins", "losses", "one", "other"])
        for trait, values in beside["traits"].items():
            for value in values[:TRAITS]:
                third.add_row(trait, *_trait(value))
        parts.append(third)
    return parts


def write_comparison(found: Comparison, to: Path) -> list[Path]:
    """Write one file, by its ending, or a folder of all."""
    if to.suffix and to.suffix not in MAKERS and not to.is_dir():
        raise InputError(f"{to} ends in {to.suffix}: give a folder, or a file that ends in {', '.join(MAKERS)}.")
    places = [to] if to.suffix in MAKERS else [to / f"comparison{ending}" for ending in MAKERS]
    for place in places:
        place.parent.mkdir(parents=True, exist_ok=True)
        with replacing(place) as part:
            MAKERS[place.suffix](found, part)
    return places


def _latex(found: Comparison, path: Path) -> None:
    """The groups as a table for LaTeX's booktabs: the mean, and the standard deviation over seeds."""
    names = found["metrics"]
    lines = [
        rf"\begin{{tabular}}{{l{'r' * (1 + len(names))}}}",
        r"\toprule",
        " & ".join(["", "runs", *(_tex(metric(name).words) for name in names)]) + r" \\",
        r"\midrule",
    ]
    for group in found["groups"]:
        cells = []
        for name in names:
            figures = group["metrics"][name]
            spread = (
                f" $\\pm$ {_tex(signed(name, figures['sd']).removesuffix(' points').lstrip('+'))}"
                if "sd" in figures
                else ""
            )
            cells.append(_tex(written(name, figures["value"])) + spread)
        lines.append(" & ".join([_tex(group["name"]), str(len(group["runs"])), *cells]) + r" \\")
    path.write_text("\n".join([*lines, r"\bottomrule", r"\end{tabular}", ""]), encoding="utf-8")


def _tex(text: str) -> str:
    special = {c: f"\\{c}" for c in "&%$#_{}"} | {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\^{}"}
    return "".join(special.get(character, character) for character in text)


def _csv(found: Comparison, path: Path) -> None:
    """Each two groups in each metric, in plain numbers."""
    text = io.StringIO()
    out = csv.writer(text, lineterminator="\n")
    parts = ("rows", "seeds", "both")
    plain = ("p_bootstrap", "p_permutation", "p_both", "p_value", "p_holm", "better", "same", "worse", "call")
    sides = [f"{side}{part}" for side in ("one", "other") for part in ("", "_runs", "_value", "_sd")]
    out.writerow(
        ["metric", *sides, "difference", "over", *(f"{p}_{end}" for p in parts for end in ("low", "high")), *plain]
    )
    for pair in found["pairs"]:
        cells: list[Any] = [pair["metric"]]
        for side in ("one", "other"):
            group = found["groups"][pair[side]]
            figures = group["metrics"][pair["metric"]]
            cells += [group["name"], figures["runs"], figures["value"], figures.get("sd", "")]
        cells += [pair["difference"], pair["over"]]
        cells += [pair.get(part, {}).get(end, "") for part in parts for end in ("low", "high")]
        out.writerow([*cells, *(pair.get(name, "") for name in plain)])
    path.write_text(text.getvalue(), encoding="utf-8")


def _json(found: Comparison, path: Path) -> None:
    path.write_text(json_text(found, indent=2) + "\n", encoding="utf-8")


def _page(found: Comparison, path: Path) -> None:
    sections = [_scores(found), _pairs_section(found), *_traits(found), _rows(found), _made(found)]
    made = [section for section in sections if section is not None]
    write(
        path, title="Comparison of runs", lead=lead(found), sections=made, version=found["made"]["versions"]["seqkit"]
    )


def _scores(found: Comparison) -> Section:
    name = found["metrics"][0]
    scale = 100 if metric(name).kind == "share" else 1
    unit = f"{metric(name).words} (%)" if scale == 100 else metric(name).words
    groups = list(reversed(found["groups"]))
    picture, ax = axes(unit, "", height=1.2 + 0.45 * len(groups), width=7.5)
    for place, group in enumerate(groups):
        figures = group["metrics"][name]
        for part, colour, up, label in (("rows", BLUE, 0.12, "over rows"), ("seeds", ORANGE, -0.12, "over seeds")):
            if part in figures:
                ends_ = [scale * figures[part][end] for end in ("low", "high")]
                ax.plot(ends_, [place + up] * 2, color=colour, linewidth=3, label=label)
        ax.plot([scale * figures["value"]], [place], "o", color=GREY, markersize=5)
    ax.set_yticks(range(len(groups)), [group["name"] for group in groups])
    legend(ax)
    where = f"{found['data']['rows']:,} rows of {found['data']['source']}"
    tables = [
        table(
            ["group", "runs", *_heads(one)],
            _groups(found, one),
            f"{metric(one).words} on {where}, with 95% intervals",
        )
        for one in found["metrics"]
    ]
    return Section(
        "Scores",
        [
            paragraph(found["how"]),
            *tables,
            paragraph(
                "Over rows: what other rows of the same kind would score with these runs (bootstrap). Over seeds: where the "
                "mean of other seeds would lie on these rows (Student's t). They are two questions, and neither interval "
                "holds the other's chance."
            ),
            figure(
                "scores",
                f"{metric(name).words}: means, and their intervals over rows and over seeds",
                picture,
                large=True,
            ),
        ],
    )


def _pairs_section(found: Comparison) -> Section:
    heads = [PAIR_COLUMNS[0], "called", *PAIR_COLUMNS[1:], *_rope_heads(found)]
    rope = f" A difference of at most {found['rope']:g} counts for nothing." if found["rope"] else ""
    text = (
        "Over rows by a paired bootstrap, over seeds by t, over both by the sum of their variances. p is the "
        "greater one of the permutation test over rows and of the test over both; Holm corrects it for "
        f"{len(found['pairs'])} comparisons. Where a group is a single run only rows are tested, and the call is about "
        f"that model.{rope}"
    )
    blocks = []
    for name in found["metrics"]:
        own = [pair for pair in found["pairs"] if pair["metric"] == name]
        rows = [[_names(found, pair), CALLS[pair["call"]], *_figures(found, pair)] for pair in own]
        caption = f"{metric(name).words}: one less the other, with 95% intervals"
        blocks.append(table(heads, rows, caption, words=2))
    return Section("Each two", [*blocks, paragraph(text)])


def _traits(found: Comparison) -> list[Section]:
    sections = []
    for beside in found["traits"]:
        names = [found["groups"][beside[side]]["name"] for side in ("one", "other")]
        blocks = []
        for trait, values in beside["traits"].items():
            rows = [_trait(value) for value in values[:TRAITS]]
            left = f", the {TRAITS} most frequent of {len(values)}" if len(values) > TRAITS else ""
            heads = [trait, "items", "wins", "losses", names[0], names[1]]
            blocks.append(table(heads, rows, f"By {trait}{left}: where the first gains more, and less"))
        if blocks:
            sections.append(Section(f"{names[0]} beside {names[1]}", blocks))
    return sections


def _rows(found: Comparison) -> Section | None:
    if not found["rows"]:
        return None
    names = [group["name"] for group in found["groups"][:2]]
    rows = []
    for row in found["rows"]:
        answers = Markup("<br>").join(
            Markup("{}{}: <b>{}</b> | {}").format(
                f"{answer['place'] + 1}. " if row["items"] > 1 else "", answer["label"] or "–", answer["one"] or "–",
                answer["other"] or "–",
            )
            for answer in row["answers"]
        )  # fmt: skip
        rows.append(
            [
                row["where"],
                excerpt(row["text"]) if row["text"] else "–",
                answers,
                f"{row['one_gains']:g}",
                f"{row['other_gains']:g}",
            ]
        )
    caption = f"What was true: what {names[0]} said (in bold) | what {names[1]} said, each by its first run"
    if not any(row["text"] for row in found["rows"]):
        caption += "; what was said, and the texts, are known where runs are compared with --data"
    return Section(
        "Rows where the best two disagree most", [table(["where", "text", "answers", *names], rows, caption, words=3)]
    )


def _made(found: Comparison) -> Section:
    rows = [
        [group["name"], run, str(seed)]
        for group in found["groups"]
        for run, seed in zip(group["runs"], group["seeds"], strict=True)
    ]
    command = Markup("<pre><code>{}</code></pre>").format(found["made"]["command"])
    return Section("How it was made", [table(["group", "run", "seed"], rows, "Runs", words=2), command])


def _heads(name: str) -> list[str]:
    return [metric(name).words, "over rows", "over seeds"]


def _groups(found: Comparison, name: str) -> list[list[str]]:
    rows = []
    for group in found["groups"]:
        figures = group["metrics"][name]
        ends_ = (interval(name, figures.get(part, {})) for part in ("rows", "seeds"))
        rows.append([group["name"], str(len(group["runs"])), written(name, figures["value"]), *ends_])
    return rows


def _figure(group: Mapping[str, Any], name: str) -> str:
    figures = group["metrics"][name]
    return f"{written(name, figures['value'])}" + (
        f" in the mean of {figures['runs']} seeds" if figures["runs"] > 1 else ""
    )


def _rope_heads(found: Comparison) -> list[str]:
    return ["P(better)", "P(same)", "P(worse)"] if found["rope"] else ["P(better)"]


def _names(found: Comparison, pair: Mapping[str, Any]) -> Markup:
    return Markup("{}<br>{}").format(*(found["groups"][pair[side]]["name"] for side in ("one", "other")))


def _figures(found: Comparison, pair: Mapping[str, Any]) -> list[str]:
    """A pair's figures, in the order of PAIR_COLUMNS."""
    name = pair["metric"]
    cells = [signed(name, pair["difference"]).removesuffix(" points")]
    cells += [ends(name, pair.get(part, {})).removesuffix(" points") for part in ("rows", "seeds", "both")]
    cells += [f"{pair[p]:.4f}" if p in pair else "–" for p in ("p_value", "p_holm")]
    chances = ("better", "same", "worse") if found["rope"] else ("better",)
    return cells + [f"{pair[chance]:.3f}" if chance in pair else "–" for chance in chances]


def _brief(found: Comparison, pair: Mapping[str, Any]) -> list[str]:
    """A pair in the width of a terminal."""
    names = "\n".join(found["groups"][pair[side]]["name"] for side in ("one", "other"))
    difference, over_rows, _, over_both, _, holm, better, *_ = _figures(found, pair)
    return [names, difference, over_rows, over_both, holm, better, CALLS[pair["call"]]]


def _trait(value: Mapping[str, Any]) -> list[str]:
    gains = [f"{value[side]:.3f}" for side in ("one", "other")]
    return [value["value"], *(f"{value[count]:,}" for count in ("items", "wins", "losses")), *gains]


def _grid(title: str, words: Sequence[str], figures: Sequence[str]) -> Table:
    shown = Table(title=title, title_justify="left", box=ROUNDED)
    for word in words:
        shown.add_column(word, overflow="fold")
    for head in figures:
        shown.add_column(head, justify="right", no_wrap=True)
    return shown


MAKERS = {".html": _page, ".csv": _csv, ".tex": _latex, ".json": _json}
