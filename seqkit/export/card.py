"""model_card.md: what a stranger should know of a model, from its report."""

from collections.abc import Mapping
from typing import Any

import jinja2

from seqkit.report.wording import called, interval, verdict, written

TEMPLATES = jinja2.Environment(
    loader=jinja2.PackageLoader("seqkit.export"),
    autoescape=False,
    undefined=jinja2.StrictUndefined,
    keep_trailing_newline=True,
)


def model_card(
    info: Mapping[str, Any], report: Mapping[str, Any], search: Mapping[str, Any] | None, manifest: Mapping[str, Any]
) -> str:
    """Markdown.

    Args:
        info: run.json.
        report: Of the run's evaluation; empty where that failed.
        search: By which the artefact looks for its answers, where it does.
        manifest: Of the artefact.
    """
    metrics, baselines = report.get("metrics", {}), report.get("baselines", {})
    rows = [
        [called(name), _score(name, score), *(_score(name, scores[name]) for scores in baselines.values())]
        for name, score in metrics.items()
    ]
    scored = report.get("data", {})
    return TEMPLATES.get_template("model_card.md").render(
        manifest=manifest,
        verdict=f"{verdict(report)}{_searched(report, search)}" if metrics else "It was not scored.",
        source=scored.get("source", "nothing"),
        rows=scored.get("rows", 0),
        baselines=[called(name) for name in baselines],
        scores=[[_cell(text) for text in row] for row in rows],
        data=info["data"],
        findings=info.get("findings", []),
        proof=_proof(manifest.get("parity") or {}),
    )


def _searched(report: Mapping[str, Any], search: Mapping[str, Any] | None) -> str:
    """That the scores are of another search than the artefact's, where they are."""
    scored = report.get("search") or {}
    others = [
        f"search.{name} {scored[name]}, and {value} here"
        for name, value in (search or {}).items()
        if scored.get(name, value) != value
    ]
    return (
        f" This and the scores below are of another search than this artefact's: {'; '.join(others)}." if others else ""
    )


def _proof(parity: Mapping[str, Any]) -> str:
    if not parity:
        return "It was not compared with the run."
    compared = f"It was compared with the run on {parity['rows']} real rows: "
    rounded = "outputs" in parity and "tolerance" not in parity
    if rounded:  # int8 weights: of answers every probability is a little another
        return f"{compared}probabilities differ by at most {parity['probabilities']:.1g}."
    outputs = [f"outputs differ by at most {parity['outputs']:.1g}"] if "outputs" in parity else []
    agree = f"agree on {parity['answers']:.1%}" if "answers" in parity else "were not compared"
    return f"{compared}{', '.join([*outputs, f'answers {agree}'])}."


def _score(name: str, score: Mapping[str, float]) -> str:
    within = interval(name, score)
    return written(name, score["value"]) + ("" if within == "–" else f" ({within})")


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _tensor(value: Mapping[str, Any]) -> str:
    return f"`{value['name']}` {value['dtype']} ({', '.join(map(str, value['shape']))})"


TEMPLATES.filters["tensor"] = _tensor
