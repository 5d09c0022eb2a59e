"""What smaller weights cost: a run's scores, and those of its artefacts, whole or streamed.

    python benchmarks/quantised.py RUN --data FILE [--formats litert onnx] [--step] [--drift 10000] [--rows N]

For each format and each of none, float16, dynamic and int8: the size of the graph's file beside the unquantised one's, and
all scores of the recipe on the data, every row through the file. With --step each row goes through step by step; and of one
stream, of as many real steps as --drift says, that never starts anew, the greatest and the mean difference of an output from
the unquantised file's, over all steps and over their first and their last tenth. The first line are the run's own scores.
"""

import argparse
import dataclasses
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

import seqkit
from seqkit.batches.derived import InStep
from seqkit.core.errors import InputError
from seqkit.core.registry import exporters
from seqkit.export.graphs import Graph, Written
from seqkit.export.subject import QUANTIZE
from seqkit.runs.exporting import subject_of
from seqkit.runs.run import EVALUATION_BATCH, Run
from seqkit.training.executor import Forward

Arrays = dict[str, np.ndarray]
Ask = Callable[..., Arrays]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--data", required=True)
    parser.add_argument("--formats", nargs="+", choices=("litert", "onnx"), default=["litert"])
    parser.add_argument("--step", action="store_true", help="stream")
    parser.add_argument("--drift", type=int, default=10_000, help="steps of the stream")
    parser.add_argument("--rows", type=int, help="of the data, the first so many; all of it otherwise")
    options = parser.parse_args()
    run = seqkit.load(options.run)
    examples = run.task.examined(run.task.read(options.data, run.columns(), role="test"))
    examples = examples.take(range(options.rows), examples.origin) if options.rows else examples
    rows, _ = run.task.encode(examples, EVALUATION_BATCH)

    def scores(forward: Any) -> str:
        found = run.task.scorer(examples, run.task.outputs(forward, rows))(np.arange(len(examples)))
        return "  ".join(f"{name} {value:.5f}" for name, value in found.items())

    print(f"{'the run':24}{scores(Forward(run.model))}", flush=True)
    stream = _stream(run, rows.columns, options.drift)
    for format in options.formats:
        plain: tuple[int, np.ndarray] | None = None
        for quantize in QUANTIZE:
            with tempfile.TemporaryDirectory() as folder:
                try:
                    graph, written = _written(run, format, quantize, options.step, Path(folder))
                except InputError as error:
                    print(f"{format} {quantize}: {error}")
                    continue
                ask, size = _opened(format, written), written.path.stat().st_size
                line = f"{format:8}{quantize:9}{size:10,} bytes {scores(Streamed(graph, ask))}"
                course = _course(graph, ask, stream) if options.step else np.zeros(0)
            if plain is None:
                plain = size, course
            line += f"  {size / plain[0]:.3f} of the size"
            print(line + (_drift(course, plain[1]) if options.step else ""), flush=True)


class Streamed:
    """An artefact's graph in the place of a run's `Forward`: rows one by one, of one that is stepwise step by step."""

    def __init__(self, graph: Graph, ask: Ask):
        self.graph, self.ask = graph, ask

    def __call__(self, batch: dict[str, tf.Tensor]) -> tf.Tensor:
        names = [name for name in self.graph.inputs if name in batch]
        given = {name: batch[name].numpy() for name in names}
        answers = [
            self._row({name: values[row] for name, values in given.items()})[0] for row in range(len(batch["rows"]))
        ]
        return tf.constant(np.stack(answers))

    def over(self, rows: Any, of: Callable[[Any, tf.Tensor], tf.Tensor]) -> Iterator[tf.Tensor]:
        """As `Forward.over`: windows of rows, with the state carried from one to the next."""
        states: dict[int, Arrays] = {}
        for batch in rows.batches():
            given = {name: batch[name].numpy() for name in self.graph.inputs if name in batch}
            answers = []
            for slot, fresh in enumerate(batch["fresh"].numpy()):
                before = None if fresh else states.get(slot)
                answer, states[slot] = self._row({name: values[slot] for name, values in given.items()}, before)
                answers.append(answer)
            yield of(batch, tf.constant(np.stack(answers)))

    def _row(self, row: Arrays, states: Arrays | None = None) -> tuple[np.ndarray, Arrays]:
        if not self.graph.stepwise:
            return self.ask(**{name: values[None] for name, values in row.items()})["outputs"][0], {}
        outputs, states = [], states or _start(self.graph, row)
        for step in range(len(next(iter(row.values())))):
            answer = self.ask(**{name: values[step : step + 1] for name, values in row.items()}, **states)
            states = {name: answer[name] for name in states}
            outputs.append(answer["outputs"][0])
        return np.stack(outputs), states


def _start(graph: Graph, row: Arrays) -> Arrays:
    return {name: np.zeros((1, spec.shape[1]), np.float32) for name, spec in graph.inputs.items() if name not in row}


def _written(run: Run, format: str, quantize: str, step: bool, folder: Path) -> tuple[Graph, Written]:
    subject = subject_of(run.path, run.info, run.task, run.forward, step=step, quantize=quantize)  # type: ignore[arg-type]
    subject = dataclasses.replace(subject, folder=folder)
    written = {one.graph: one for one in exporters.find(format)(subject)}
    name = "step" if step else "model"
    return subject.graphs[name], written[name]


def _opened(format: str, written: Written) -> Ask:
    if format == "litert":
        from seqkit.export.litert import lite_graph

        return lite_graph(written.path)
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(written.path, options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]

    def ask(**given: np.ndarray) -> Arrays:
        return {
            name.removesuffix("_after"): value for name, value in zip(names, session.run(names, given), strict=True)
        }

    return ask


def _stream(run: Run, columns: dict[str, Any], steps: int) -> Arrays:
    """The first steps of all rows, one after the other."""
    names = [tensor.name for tensor in run.model.inputs]
    return {
        name: np.concatenate([columns[name][row] for row in range(len(columns[name]))])[:steps]
        for name in names
        if isinstance(columns[name], InStep)
    }


def _course(graph: Graph, ask: Ask, stream: Arrays) -> np.ndarray:
    """The outputs at each step of a stream, (steps, classes)."""
    row = {name: values for name, values in stream.items() if name in graph.inputs}
    return Streamed(graph, ask)._row(row)[0]


def _drift(course: np.ndarray, plain: np.ndarray) -> str:
    apart, tenth = np.abs(course - plain), max(len(plain) // 10, 1)
    parts = {f"in {len(plain):,} steps": apart, "their first tenth": apart[:tenth], "their last": apart[-tenth:]}
    return "; apart at most (on average)" + ",".join(
        f" {values.max():.2g} ({values.mean():.2g}) {where}" for where, values in parts.items()
    )


if __name__ == "__main__":
    main()
