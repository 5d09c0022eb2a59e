"""The run: a trained model in its folder, with what it takes to predict, evaluate and export.

What differs from recipe to recipe is behind `seqkit.runs.task.Task`; here is what is the same for all.
"""

import csv
import functools
import platform
import shlex
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from rich.table import Table

from seqkit.core.errors import InputError
from seqkit.core.files import read_json, replacing, write_json
from seqkit.core.registry import exporters, task_class
from seqkit.core.version import __version__
from seqkit.export.subject import Served, Subject
from seqkit.layers.crf import CRF
from seqkit.layers.input_feeding import Attentive
from seqkit.metrics.bootstrap import bootstrap, paired_bootstrap
from seqkit.recurrence.cells import Recurrent
from seqkit.report.document import scores_table, write_html
from seqkit.runs.migration import migrate_model, migrated, migrated_name
from seqkit.runs.samples import read_samples
from seqkit.runs.task import Task
from seqkit.sources.examples import Examples
from seqkit.training.executor import Forward

CLASSES = (CRF, Attentive, Recurrent)  # of ours that a model file may name: Keras knows them once they are imported
CHUNK = 256  # inputs answered at once
EVALUATION_BATCH = 64


class Run:
    """A trained model in its folder.

    Attributes:
        path: The folder.
        task: What the recipe knows.
        model: An ordinary Keras model.
        info: run.json: recipe, settings, seed, versions, digest of the data, command.
    """

    def __init__(self, path: Path, task: Task, model: keras.Model, info: dict[str, Any]):
        self.path, self.task, self.model, self.info = path, task, model, info
        model.compile(optimizer=info["settings"]["training"]["optimizer"], **task.in_keras())

    @property
    def report(self) -> dict[str, Any]:
        """report.json, or nothing where the run was not evaluated yet."""
        path = self.path / "report.json"
        return read_json(path) if path.exists() else {}

    @property
    def history(self) -> list[dict[str, float]]:
        """history.csv, a dict an epoch."""
        with open(self.path / "history.csv", newline="", encoding="utf-8") as file:
            return [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]

    def columns(self, other: Mapping[str, str] | None = None) -> dict[str, str]:
        """Field -> column of a source, as in training but for `other`."""
        unknown = set(other or ()) - set(self.task.columns)
        if unknown:
            raise InputError(f"There is no field {unknown.pop()!r}: there are {', '.join(self.task.columns)}.")
        return self.task.columns | dict(other or {})

    def scores_table(self) -> Table:
        """The scores of the last report, for a terminal."""
        return scores_table(self.report)

    def inputs_of(self, file: str, columns: Mapping[str, str] | None = None) -> Iterator[Sequence[Any]]:
        """Chunks of inputs for `stream`, read from a file; - for standard input.

        Args:
            columns: Field -> column, where they are called otherwise than in the training data.
        """
        return self.task.inputs_of(file, self.columns(columns))

    @functools.cached_property
    def _forward(self) -> Forward:
        return Forward(self.model)

    def predict(self, inputs: Sequence[Any]) -> list[dict[str, Any]]:
        """Answer inputs, a dict each, in order."""
        if isinstance(inputs, str):
            raise InputError(f"predict got the one string {inputs[:40]!r}: give a list of inputs.")
        return list(self.stream([inputs]))

    def stream(self, chunks: Iterable[Sequence[Any]]) -> Iterator[dict[str, Any]]:
        """Answer chunks of inputs as they come, a dict each, in order."""
        fields = self.task.fields
        for chunk in chunks:
            for start in range(0, len(chunk), CHUNK):
                inputs = chunk[start : start + CHUNK]
                columns = {fields[0]: inputs} if len(fields) == 1 else _apart(inputs, fields)
                examples = self._read(columns)
                pipeline, _ = self.task.encode(examples, EVALUATION_BATCH)
                yield from self.task.answers(examples, self.task.outputs(self._forward, pipeline))

    def _read(self, columns: Mapping[str, Sequence[Any]]) -> Examples:
        return self.task.read(tuple(columns.values()), {field: field for field in columns})

    def evaluate(
        self,
        data: Any,
        *,
        against: "Run | None" = None,
        columns: Mapping[str, str] | None = None,
        data_dir: str | None = None,
    ) -> dict[str, Any]:
        """Score the run and its baselines on data, and write report.json and report.html.

        Args:
            data: Any source of the recipe's columns.
            against: Another run, compared by a paired bootstrap on the same rows.
            columns: Field -> column, where they are called otherwise than in the training data.
            data_dir: Where TFDS keeps prepared data sets.
        Returns:
            The report.
        """
        examples = self.task.read(data, self.columns(columns), role="test", data_dir=data_dir)
        examples = self.task.examined(examples)
        if against is not None and against.task.classes != self.task.classes:
            raise InputError(f"{against.path} has other classes than {self.path}: compare runs of the same classes.")
        started = time.perf_counter()
        pipeline, facts = self.task.encode(examples, EVALUATION_BATCH)
        outputs = self.task.outputs(self._forward, pipeline)
        seconds = time.perf_counter() - started
        score = self.task.scorer(examples, outputs)
        kinds, baselines = self.task.baselines(), {}
        for path in sorted((self.path / "baselines").glob("*.npz")):
            name = migrated_name(path.stem)
            answers = self.task.baseline_outputs(kinds[name].load(path), examples)
            baselines[name] = bootstrap(self.task.scorer(examples, answers), len(examples))
        result = {
            "recipe": self.info["recipe"],
            "metrics": bootstrap(score, len(examples)),
            "baselines": baselines,
            "data": {"source": examples.origin, "rows": len(examples), "digest": examples.digest()}
            | facts
            | {"padding_share": pipeline.padding_share()},
            **self.task.sections(self.model, examples, outputs),
            "timings": {"training_seconds": self.info["training_seconds"], "prediction_seconds": round(seconds, 3)},
            "settings": self.info["settings"],
            "versions": versions(),
            "trained_with": self.info["command"],
            "command": command(),
        }
        if against is not None:
            theirs, _ = against.task.encode(examples, EVALUATION_BATCH)
            other = against.task.scorer(examples, against.task.outputs(against._forward, theirs))
            result["against"] = {
                "run": str(against.path),
                "metrics": paired_bootstrap(score, other, len(examples)),
            }
        write_json(self.path / "report.json", result)
        with replacing(self.path / "report.html") as part:
            write_html(result, self.history, part)
        return result

    def _without_cudnn(self) -> keras.Model:
        """The saved model with layers that run on any machine: one that was traced on a GPU asks for one."""
        model = load_model(self.path / "model.keras")
        for layer in model._flatten_layers():
            if hasattr(layer, "use_cudnn"):
                layer.use_cudnn = False
        return model

    def generate(
        self,
        prompt: str = "",
        *,
        length: int = 200,
        temperature: float = 0.8,
        top_k: int = 0,
        top_p: float = 1.0,
        stop: str | None = None,
        seed: int = 0,
    ) -> Iterator[str]:
        """Text that a language model draws, piece by piece as it is drawn.

        Args:
            prompt: What the text goes on from; it is not repeated.
            length: Symbols to draw at most.
            temperature: What logits are divided by; 0 for the most likely symbol each time.
            top_k: Draw from so many of the most likely symbols; 0 for all.
            top_p: Draw from the fewest symbols that have this share of the probability (Holtzman et al. 2020).
            stop: Text before which to stop.
            seed: Of the draws.
        Raises:
            InputError: This is no language model, a setting is out of its range, or the prompt holds unknown symbols.
        """
        draw: Callable[..., Iterator[str]] | None = getattr(self.task, "generate", None)
        if draw is None:
            raise InputError(
                f"{self.path} was made by {self.task.recipe}, which generates nothing: give a language_model."
            )
        return draw(
            self.model, prompt, length=length, temperature=temperature, top_k=top_k, top_p=top_p, stop=stop, seed=seed
        )

    def export(self, format: str) -> Path:
        """Write an artefact into the run's export folder, compared with the run on real rows.

        Args:
            format: The name of an exporter: keras, savedmodel, litert, or one that a package declares (seqkit.exporters).
        Returns:
            Where it is.
        Raises:
            InputError: There is no such exporter, or it can't hold this run.
            ExportError: The artefact answers otherwise than the run.
        """
        exporter = exporters.find(format)
        folder = self.path / "export"
        folder.mkdir(exist_ok=True)
        return exporter(self.subject(folder))

    def subject(self, folder: Path) -> Subject:
        """The run as an exporter sees it; what it writes goes into `folder`."""
        examples = self._read(read_samples(self.path, self.task.fields))
        pipeline, _ = self.task.encode(examples, len(examples))
        batch = next(iter(pipeline.batches()))  # rows by length

        def serve(model: keras.Model) -> Served:
            expected = self.task.serving_outputs(self.task.outputs(self._forward, pipeline))
            return Served(*self.task.serving(model), self.task.serving_inputs(examples), expected)

        return Subject(
            name=str(self.path),
            folder=folder,
            source=self.path / "model.keras",
            precision=self.info["settings"]["training"]["precision"],
            inputs={tensor.name: batch[tensor.name].numpy() for tensor in self.model.inputs},
            outputs=self._forward(batch).numpy(),
            lengths=pipeline.lengths[batch["rows"].numpy()],
            in_step=self.task.in_step,
            load=self._without_cudnn,
            serve=serve,
        )


def load(path: str | Path) -> Run:
    """Open a run folder of any recipe.

    Raises:
        InputError: No run folder, a damaged one, or one of a recipe that is not known here.
    """
    path = Path(path)
    info = read_json(path / "run.json")
    kind = info.get("recipe")
    if not isinstance(kind, str):
        raise InputError(f"{path}'s run.json names no recipe: restore it or train again.")
    task_kind = task_class(kind)
    try:
        task = task_kind.from_json(migrated(read_json(path / "vocabulary.json")), info["columns"])
    except KeyError as error:
        raise InputError(f"{path}'s run.json or vocabulary.json lacks {error}: restore it or train again.") from None
    return Run(path, task, load_model(path / "model.keras"), info)


def load_model(path: Path) -> keras.Model:
    """The model of a run folder.

    Raises:
        InputError: It can't be opened.
    """
    try:
        with tempfile.TemporaryDirectory() as folder:
            today = Path(folder) / path.name
            return keras.saving.load_model(today if migrate_model(path, today) else path, compile=False, safe_mode=True)
    except (OSError, KeyError, TypeError, ValueError, zipfile.BadZipFile) as error:
        reason = str(error).strip().splitlines()[0]
        raise InputError(f"{path} can't be opened ({reason}): train again or restore it.") from None


def _apart(inputs: Sequence[Any], fields: Sequence[str]) -> dict[str, list[Any]]:
    """Rows of several values as columns."""
    for number, row in enumerate(inputs):
        if not isinstance(row, tuple | list) or len(row) != len(fields):
            raise InputError(f"Input {number} is a {type(row).__name__}, where ({', '.join(fields)}) is expected.")
    return {field: [row[place] for row in inputs] for place, field in enumerate(fields)}


def versions() -> dict[str, str]:
    """Versions that a number depends on."""
    return {
        "seqkit": __version__,
        "tensorflow": tf.__version__,
        "keras": keras.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
    }


def command() -> str:
    """The command line of this process."""
    return shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]])
