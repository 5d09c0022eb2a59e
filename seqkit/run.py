"""The run: a trained model in its folder, with what it takes to predict, evaluate and export.

What differs from recipe to recipe is behind `seqkit.task.Task`; here is what is the same for all.
"""

import csv
import dataclasses
import functools
import json
import platform
import shlex
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self, get_args

import keras
import numpy as np
import tensorflow as tf

import seqkit.layers  # a model file may name its classes
from seqkit import export, folder, metrics, report
from seqkit.data.courses import Course
from seqkit.data.ragged import Ragged
from seqkit.data.sources import Examples
from seqkit.data.splits import Splits
from seqkit.errors import InputError
from seqkit.frozen import beyond_frozen
from seqkit.progress import say
from seqkit.running import Forward, Rows
from seqkit.samples import read_samples, write_samples
from seqkit.settings import Training
from seqkit.stateful import streams
from seqkit.task import Task
from seqkit.training import Objective, fit

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

    @classmethod
    def load(cls, path: str | Path, tasks: Mapping[str, type[Task]]) -> Self:
        """Open a run folder.

        Args:
            tasks: Recipe's name -> its task class.
        Raises:
            InputError: No run folder, a damaged one, or one of an unknown recipe.
        """
        path = Path(path)
        info = folder.read_json(path / "run.json")
        if info.get("recipe") not in tasks:
            raise InputError(
                f"{path} was made by a recipe {info.get('recipe')!r}: this seqkit knows {', '.join(tasks)}."
            )
        try:
            task = tasks[info["recipe"]].from_json(folder.read_json(path / "vocabulary.json"), info["columns"])
        except KeyError as error:
            raise InputError(
                f"{path}'s run.json or vocabulary.json lacks {error}: restore it or train again."
            ) from None
        try:
            model = keras.saving.load_model(path / "model.keras", compile=False, safe_mode=True)
        except (OSError, ValueError) as error:
            reason = str(error).strip().splitlines()[0]
            raise InputError(f"{path / 'model.keras'} can't be opened ({reason}): train again or restore it.") from None
        return cls(path, task, model, info)

    @property
    def report(self) -> dict[str, Any]:
        """report.json, or nothing where the run was not evaluated yet."""
        path = self.path / "report.json"
        return folder.read_json(path) if path.exists() else {}

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
        fields = _input_fields(self.task)
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
        if against is not None and against.task.classes != self.task.classes:
            raise InputError(f"{against.path} has other classes than {self.path}: compare runs of the same classes.")
        started = time.perf_counter()
        pipeline, facts = self.task.encode(examples, EVALUATION_BATCH)
        outputs = self.task.outputs(self._forward, pipeline)
        seconds = time.perf_counter() - started
        score = self.task.scorer(examples, outputs)
        baselines = {}
        for path in sorted((self.path / "baselines").glob("*.npz")):
            answers = self.task.baseline_outputs(self.task.load_baseline(path), examples)
            baselines[path.stem] = metrics.bootstrap(self.task.scorer(examples, answers), len(examples))
        result = {
            "recipe": self.info["recipe"],
            "metrics": metrics.bootstrap(score, len(examples)),
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
                "metrics": metrics.paired_bootstrap(score, other, len(examples)),
            }
        folder.write_json(self.path / "report.json", result)
        with folder.replacing(self.path / "report.html") as part:
            report.write_html(result, self.history, part)
        return result

    def _without_cudnn(self) -> keras.Model:
        """The saved model with layers that run on any machine: one that was traced on a GPU asks for one."""
        model = keras.saving.load_model(self.path / "model.keras", compile=False)
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
        draw = getattr(self.task, "generate", None)
        if draw is None:
            raise InputError(
                f"{self.path} was made by {self.task.recipe}, which generates nothing: give a language_model."
            )
        return draw(
            self.model, prompt, length=length, temperature=temperature, top_k=top_k, top_p=top_p, stop=stop, seed=seed
        )

    def export(self, format: export.Format) -> Path:
        """Write an artefact into the run's export folder, compared with the run on real rows.

        Returns:
            Where it is.
        Raises:
            ExportError: It answers otherwise than the run.
        """
        target = self.path / "export"
        target.mkdir(exist_ok=True)
        examples = self._read(read_samples(self.path, _input_fields(self.task)))
        precision = self.info["settings"]["training"]["precision"]
        pipeline, _ = self.task.encode(examples, len(examples))
        batch = next(iter(pipeline.batches()))  # rows by length
        inputs = {tensor.name: batch[tensor.name].numpy() for tensor in self.model.inputs}
        if format == "keras":
            answered = self._forward(batch).numpy()
            return export.export_keras(self.path / "model.keras", target, inputs, answered, precision=precision)
        model = self._without_cudnn()
        step, stream = None, None
        if self.task.in_step and streams(model):
            step = export.Step(model)
            lengths = pipeline.lengths[batch["rows"].numpy()]
            rows = [row[:length] for row, length in zip(self._forward(batch).numpy(), lengths, strict=True)]
            stream = inputs, Ragged.of_lengths(np.concatenate(rows), lengths)
        if format == "savedmodel":
            module, output = self.task.serving(model)
            asked, expected = self.task.asked(examples), self.task.served(self.task.outputs(self._forward, pipeline))
            return export.export_savedmodel(
                module, target, asked, expected, output=output, precision=precision, step=step, stream=stream
            )
        if format == "litert" and step is not None and stream is not None:
            return export.export_litert(step, target, stream, precision=precision)
        if format == "litert":
            raise InputError(
                f"{self.path} has no streaming step, which litert holds: that takes an answer at every step and "
                "stack.bidirectional off. Export savedmodel."
            )
        raise InputError(f"format is {format!r}: choose one of {', '.join(get_args(export.Format))}.")


def score(part: Path, task: Task, model: keras.Model, info: dict[str, Any], splits: Splits) -> None:
    """Write the report of a new run: on the test rows, or on the validation rows and saying so."""
    examples = splits.test
    if examples is None:
        say("No test data: the report is on the validation rows, which have also chosen the epoch that was kept.")
        origin = f"{splits.valid.origin}; validation rows, which chose the epoch"
        examples = dataclasses.replace(splits.valid, origin=origin)
    Run(part, task, model, info).evaluate(examples)


def train(
    task: Task,
    model: keras.Model,
    splits: Splits,
    *,
    objective: Objective,
    training: Training,
    part: Path,
    settings: dict[str, Any],
    seed: int,
    resume: bool,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    course: Callable[[Rows], Course] | None = None,
) -> dict[str, Any]:
    """Train a model and fill its run folder.

    Args:
        part: The folder to fill, from `new_folder`.
        settings: Every argument of the recipe, as JSON.
        course: From the rows of the training data to what gives each epoch's in their place.
    Returns:
        What run.json holds.
    """
    info = {
        "recipe": task.recipe,
        "columns": task.columns,
        "settings": settings,
        "seed": seed,
        "versions": versions(),
        "data": {
            name: {"source": rows.origin, "rows": len(rows), "digest": rows.digest()} for name, rows in splits.named()
        },
        "command": command(),
    }
    _same_or_new(part / "run.json", info, resume)
    train_rows, facts = task.encode_for_training(splits.train, training.batch_size)
    valid_rows, _ = task.encode_for_training(splits.valid, training.batch_size)
    say(
        f"{len(splits.train):,} rows to train on, {len(splits.valid):,} to validate on ({splits.valid.origin}); "
        f"{model.count_params():,} weights"
    )
    say(
        f"{len(train_rows.shapes())} batch shapes, widths {', '.join(map(str, train_rows.boundaries))}; padding "
        f"{train_rows.padding_share():.1%}; "
        + "; ".join(f"{name.replace('_', ' ')} {value:.4g}" for name, value in facts.items())
    )
    started = time.perf_counter()
    learner, (train_rows, valid_rows) = beyond_frozen(model, train_rows, valid_rows)
    history = fit(
        learner,
        train_rows,
        valid_rows,
        objective=objective,
        training=training,
        seed=seed,
        callbacks=callbacks,
        checkpoint=part / folder.CHECKPOINT,
        resume=resume,
        course=None if course is None else course(train_rows),
    )
    info["training_seconds"] = round(time.perf_counter() - started, 1)
    info["training_facts"] = facts | {"padding_share": train_rows.padding_share(), "shapes": train_rows.shapes()}
    model.compile()  # a saved model holds weights, not an optimizer's memory
    model.save(part / "model.keras")
    folder.write_json(part / "vocabulary.json", task.to_json())
    with open(part / "history.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, history[0].keys())
        writer.writeheader()
        writer.writerows(history)
    write_samples(part, {field: splits.valid[field] for field in _input_fields(task)})
    (part / "baselines").mkdir(exist_ok=True)
    for name, baseline in task.fit_baselines(splits.train).items():
        baseline.save(part / "baselines" / f"{name}.npz")
    folder.write_json(part / "run.json", info)
    return info


def _input_fields(task: Task) -> tuple[str, ...]:
    return getattr(task, "inputs", None) or (next(iter(task.columns)),)


def _apart(inputs: Sequence[Any], fields: Sequence[str]) -> dict[str, list[Any]]:
    """Rows of several values as columns."""
    for number, row in enumerate(inputs):
        if not isinstance(row, tuple | list) or len(row) != len(fields):
            raise InputError(f"Input {number} is a {type(row).__name__}, where ({', '.join(fields)}) is expected.")
    return {field: [row[place] for row in inputs] for place, field in enumerate(fields)}


def _same_or_new(path: Path, info: dict[str, Any], resume: bool) -> None:
    if resume:
        before = folder.read_json(path)
        changed = {
            name: (before["settings"].get(name), value)
            for name, value in json.loads(json.dumps(info["settings"])).items()
            if before["settings"].get(name) != value
        }
        if changed:
            name, (old, new) = next(iter(changed.items()))
            raise InputError(
                f"The interrupted run was started with {name} {old}, now it is {new}: use the same settings."
            )
        info["command"] = before["command"]
        if before["data"] != info["data"]:
            raise InputError("The data is not what the interrupted run was started with: restore it or train anew.")
    folder.write_json(path, info)


def settings(arguments: Mapping[str, Any], *, but: Sequence[str] = ()) -> dict[str, Any]:
    """A recipe's arguments as JSON; data that is no path or name is told by its type."""
    plain = (str, int, float, bool, type(None))
    kept = {name: value for name, value in arguments.items() if name not in but}
    return {
        name: dataclasses.asdict(value)
        if dataclasses.is_dataclass(value) and not isinstance(value, type | Examples)
        else value
        if isinstance(value, plain)
        else str(value)
        if isinstance(value, Path)
        else f"<{type(value).__name__}>"
        for name, value in kept.items()
    }


def versions() -> dict[str, str]:
    """Versions that a number depends on."""
    return {
        "seqkit": seqkit.__version__,
        "tensorflow": tf.__version__,
        "keras": keras.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
    }


def command() -> str:
    """The command line of this process."""
    return shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]])
