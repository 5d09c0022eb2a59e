"""A run in the making: what every recipe does before and after it has made its model."""

import contextlib
import csv
import dataclasses
import inspect
import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import keras

from seqkit.core.errors import InputError
from seqkit.core.files import read_json, write_json
from seqkit.core.progress import notify
from seqkit.core.registry import recipe_of
from seqkit.core.settings import Training
from seqkit.runs.folder import CHECKPOINT, new_folder
from seqkit.runs.run import Run, command, versions
from seqkit.runs.samples import write_samples
from seqkit.runs.task import Task
from seqkit.sources.examples import Examples
from seqkit.sources.splits import Splits, read_splits
from seqkit.training.backbone import with_backbone_features
from seqkit.training.curriculum import Curriculum
from seqkit.training.executor import Rows
from seqkit.training.loop import fit, reproducible

PLACES = ("out", "overwrite", "resume", "callbacks")  # arguments that are no settings: where and how a run is made


class RunBuilder:
    """The making of a run. As a context it has the folder to fill, which takes its place when the block ends well, and all
    that is random in the block follows from the seed.

    Args:
        recipe: The function that was made a recipe by `seqkit.recipe`.
        arguments: Its own, by name: its `locals()` in its first line.
    Attributes:
        training: How the weights are moved.
    Raises:
        InputError: It is no recipe; on entry, that the place of the folder is taken.
    """

    def __init__(self, recipe: Callable[..., Any], arguments: Mapping[str, Any]):
        recipe_of(recipe)
        given = {**arguments, **arguments.get("run", {})}  # its RunOptions
        self._arguments = {name: given[name] for name in inspect.signature(recipe).parameters}
        self._settings = _settings(self._arguments)
        self.training: Training = self._arguments["training"]

    def __enter__(self) -> Self:
        given = self._arguments
        with contextlib.ExitStack() as stack:
            place = new_folder(Path(given["out"]), overwrite=given["overwrite"], resume=given["resume"])
            self._part = stack.enter_context(place)
            stack.enter_context(reproducible(given["seed"], self.training.precision))
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, problem, traceback)

    def splits(self, columns: Mapping[str, str], **options: Any) -> Splits:
        """The recipe's data, read by `seqkit.sources.splits.read_splits` with these options."""
        data, valid, test = (self._arguments[name] for name in ("data", "valid", "test"))
        given = {name: self._arguments[name] for name in ("seed", "data_dir")}
        return read_splits(data, valid, test, columns, **given, **options)

    def done(
        self,
        task: Task,
        model: keras.Model,
        splits: Splits,
        curriculum: Callable[[Rows], Curriculum] | None = None,
    ) -> Run:
        """Train the model, fill the folder and score the run.

        Args:
            curriculum: From the rows of the training data to what gives each epoch's in their place.
        """
        splits = splits.each(task.examined)
        info = self._trained(task, model, splits, curriculum)
        _score(Run(self._part, task, model, info), splits)
        return Run(Path(self._arguments["out"]), task, model, info)

    def _trained(
        self,
        task: Task,
        model: keras.Model,
        splits: Splits,
        curriculum: Callable[[Rows], Curriculum] | None,
    ) -> dict[str, Any]:
        """Train, and fill the folder but for the report.

        Returns:
            What run.json holds.
        """
        seed, training, part = self._arguments["seed"], self.training, self._part
        info = {
            "recipe": task.recipe,
            "columns": task.columns,
            "settings": self._settings,
            "seed": seed,
            "versions": versions(),
            "data": {
                name: {"source": rows.origin, "rows": len(rows), "digest": rows.digest()}
                for name, rows in splits.named()
            },
            "command": command(),
        }
        _same_or_new(part / "run.json", info, self._arguments["resume"])
        train_rows, facts = task.encode_for_training(splits.train, training.batch_size)
        valid_rows, _ = task.encode_for_training(splits.valid, training.batch_size)
        notify(
            f"{len(splits.train):,} rows to train on, {len(splits.valid):,} to validate on ({splits.valid.origin}); "
            f"{model.count_params():,} weights"
        )
        notify(
            f"{len(train_rows.shapes())} batch shapes, widths {', '.join(map(str, train_rows.boundaries))}; padding "
            f"{train_rows.padding_share():.1%}; "
            + "; ".join(f"{name.replace('_', ' ')} {value:.4g}" for name, value in facts.items())
        )
        started = time.perf_counter()
        learner, (train_rows, valid_rows) = with_backbone_features(model, train_rows, valid_rows)
        history = fit(
            learner,
            train_rows,
            valid_rows,
            objective=task.objective(training, splits.train),
            training=training,
            seed=seed,
            callbacks=self._arguments["callbacks"],
            checkpoint=part / CHECKPOINT,
            resume=self._arguments["resume"],
            curriculum=None if curriculum is None else curriculum(train_rows),
        )
        info["training_seconds"] = round(time.perf_counter() - started, 1)
        info["training_facts"] = facts | {"padding_share": train_rows.padding_share(), "shapes": train_rows.shapes()}
        model.compile()  # a saved model holds weights, not an optimizer's memory
        model.save(part / "model.keras")
        write_json(part / "vocabulary.json", task.to_json())
        with open(part / "history.csv", "w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, history[0].keys())
            writer.writeheader()
            writer.writerows(history)
        write_samples(part, {field: splits.valid[field] for field in task.fields})
        (part / "baselines").mkdir(exist_ok=True)
        for name, baseline in task.fit_baselines(splits.train).items():
            baseline.save(part / "baselines" / f"{name}.npz")
        write_json(part / "run.json", info)
        return info


def _score(run: Run, splits: Splits) -> None:
    """Write the report of a new run: on the test rows, or on the validation rows and saying so."""
    examples = splits.test
    if examples is None:
        notify("No test data: the report is on the validation rows, which have also chosen the epoch that was kept.")
        origin = f"{splits.valid.origin}; validation rows, which chose the epoch"
        examples = dataclasses.replace(splits.valid, origin=origin)
    run.evaluate(examples)


def _same_or_new(path: Path, info: dict[str, Any], resume: bool) -> None:
    if resume:
        before = read_json(path)
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
    write_json(path, info)


def _settings(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """A recipe's arguments as JSON; data that is no path or name is told by its type."""
    plain = (str, int, float, bool, type(None))
    return {
        name: dataclasses.asdict(value)
        if dataclasses.is_dataclass(value) and not isinstance(value, type | Examples)
        else value
        if isinstance(value, plain)
        else str(value)
        if isinstance(value, Path)
        else f"<{type(value).__name__}>"
        for name, value in arguments.items()
        if name not in PLACES
    }
