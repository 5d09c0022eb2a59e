"""What becomes of runs in every format: size, parity, time of an answer; or why a format can't hold one.

    python benchmarks/artefacts.py saved_models/a saved_models/b --formats onnx litert keras savedmodel c --quantize int8

Artefacts are written into a folder that is removed. "outputs" is the greatest difference of a graph's number from the run's,
"answers" the share of real rows that are answered alike, "ms" the median of one answer in a process without seqkit.
"""

import argparse
import json
import tempfile
from pathlib import Path

from rich.table import Table

from seqkit.core.errors import ExportError, InputError
from seqkit.core.terminal import Terminal
from seqkit.runs.run import load

FORMATS = ("onnx", "litert", "keras", "savedmodel", "c")


def row_of(run, format, options, folder):
    try:
        path = run.export(format, to=folder / "artefact", **options)
    except (InputError, ExportError) as error:
        return ["", "", "", "", str(error)]
    manifest = json.loads((path / "manifest.json").read_text(encoding="utf-8"))
    files = [path / graph["path"] for graph in manifest["graphs"].values()]
    sizes = [one.stat().st_size for file in set(files) for one in ([file] if file.is_file() else file.rglob("*"))]
    parity, latency = manifest.get("parity") or {}, manifest.get("latency") or {}
    return [
        f"{sum(sizes) / 1e3:,.0f} kB",
        f"{parity['outputs']:.1e}" if "outputs" in parity else "",
        f"{parity['answers']:.1%}" if "answers" in parity else "",
        f"{latency.get('answer_ms', latency.get('median_ms', 0)):.2f}" if latency else "",
        "",
    ]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", nargs="+", type=Path)
    parser.add_argument("--formats", nargs="+", default=FORMATS)
    parser.add_argument("--quantize", nargs="+", default=["none"])
    parser.add_argument("--step", action="store_true")
    given = parser.parse_args()
    table = Table("run", "format", "weights", "graphs", "outputs", "answers", "ms", "why not")
    for path in given.runs:
        run = load(path)
        for format in given.formats:
            for quantize in given.quantize:
                with tempfile.TemporaryDirectory() as name:
                    row = row_of(run, format, {"step": given.step, "quantize": quantize}, Path(name))
                print(path.name, format, quantize, *row, flush=True)
                table.add_row(path.name, format, quantize, *row)
    Terminal(width=200).print(table)


if __name__ == "__main__":
    main()
