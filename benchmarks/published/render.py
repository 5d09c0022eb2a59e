"""Write the table of published results into docs/results.md, from the lines that `run.py` has kept:

    python benchmarks/published/render.py

Of a row that was measured again its last line counts. Rows without a line are named below the table.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from rows import Row, over_seeds

from seqkit.report.wording import interval, written

LINES = Path(__file__).parent / "figures.jsonl"
PAGE = Path(__file__).parents[2] / "docs" / "results.md"
BEGIN, END = "<!-- of benchmarks/published/render.py, from here -->", "<!-- to here -->"


def table(lines: Iterable[Mapping[str, Any]], rows: Mapping[str, Row]) -> Iterator[str]:
    """Lines of Markdown, in the order of the rows."""
    last = {line["row"]: line for line in lines}
    yield "| row | of | ours | over seeds | over rows | published | beside it | by | seconds a run |"
    yield "|---|---|---|---|---|---|---|---|---|"
    for name, row in rows.items():
        if name not in last:
            continue
        line, published = last[name], row.published
        ours = f"{written(row.metric, float(np.mean(line['values'])))} ({len(line['values'])})"
        intervals = [
            interval(row.metric, found or {}) for found in (over_seeds(row.metric, line["values"]), line["rows"])
        ]
        theirs = [published.said, row.beside(line), published.source] if published else ["–"] * 3
        seconds = f"{np.median(line['seconds']):.0f}"
        yield f"| {' | '.join([f'`{name}`', row.of, ours, *intervals, *theirs, seconds])} |"


def rendered(page: str, rows: Mapping[str, Row]) -> str:
    """The page with the table of the lines that are kept."""
    lines = [json.loads(line) for line in LINES.read_text(encoding="utf-8").splitlines()]
    left = [f"`{name}`" for name in rows if name not in {line["row"] for line in lines}]
    told = "\n".join(
        [*table(lines, rows), "", f"Not measured yet: {', '.join(left)}." if left else "All are measured."]
    )
    before, _, rest = page.partition(BEGIN)
    return f"{before}{BEGIN}\n\n{told}\n\n{END}{rest.partition(END)[2]}"


def main() -> None:
    from run import ROWS

    PAGE.write_text(rendered(PAGE.read_text(encoding="utf-8"), ROWS), encoding="utf-8")
    print(PAGE)


if __name__ == "__main__":
    main()
