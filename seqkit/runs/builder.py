"""A run in the making: what every recipe does before and after it has made its model."""

import contextlib
import dataclasses
import functools
import inspect
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import keras
import numpy as np

from seqkit.batches.pipeline import limited
from seqkit.batches.rows import Rows
from seqkit.core.arguments import Part, parts_of
from seqkit.core.cluster import cluster_of
from seqkit.core.errors import InputError
from seqkit.core.progress import notify
from seqkit.core.registry import recipe_of
from seqkit.core.settings import Training
from seqkit.runs.checking import check_training, handed
from seqkit.runs.contents import read_info, write_info
from seqkit.runs.folder import CHECKPOINT, NewFolder, new_folder, scratch_folder
from seqkit.runs.parts import add_parts, lacking, reported, write_run
from seqkit.runs.provenance import command, versions
from seqkit.runs.rehearsal import check_room, rehearse
from seqkit.runs.resumption import check_same
from seqkit.runs.run import EVALUATION_BATCH, Run, load
from seqkit.runs.task import Task
from seqkit.sources.examples import Examples
from seqkit.sources.splits import Splits, read_splits
from seqkit.training.backbone import with_backbone_features
from seqkit.training.curriculum import Curriculum
from seqkit.training.executor import Forward
from seqkit.training.monitor import VALIDATION, Monitor, make_monitor
from seqkit.training.objectives import Objective
from seqkit.training.peers import ALONE, meet
from seqkit.training.started import Started
from seqkit.training.trainer import Trainer, reproducible

PLAIN = (str, int, float, bool, type(None))  # what JSON has itself


class RunBuilder:
    """The making of a run. As a context it has the folder to fill, which takes its place when the block ends well, and all
    that is random in the block follows from the seed.

    Args:
        recipe: The function that was made a recipe by `seqkit.recipe`.
        arguments: Its own, by name: its `locals()` in its first line.
    Attributes:
        arguments: All of the recipe's, by name.
        training: How the weights are moved.
    Raises:
        InputError: It is no recipe; on entry, that the place of the folder is taken.
    Example:
        >>> from seqkit.layers.embedding import embed_tokens
        >>> from seqkit.tasks.text_classification import TextClassification
        >>> from seqkit.topologies.many_to_one import many_to_one
        >>> @seqkit.recipe(task=TextClassification)
        ... def mood(data: seqkit.Source, *, training: Training = Training(), **run: Unpack[seqkit.RunOptions]):
        ...     "Tell the mood of a text."
        ...     with seqkit.RunBuilder(mood, locals()) as making:
        ...         splits = making.splits({"text": "text", "label": "label"}, stratify="label")
        ...         task = TextClassification.learn(splits)
        ...         inputs = embed_tokens(len(task.vocabulary), Embedding(units=4))
        ...         model = many_to_one(*inputs, outputs=len(task.classes), stack=one_layer)
        ...         return making.done(task, model, splits)
        >>> seqkit.check(mood, "rows.tsv", valid="others.tsv")  # which builds the model too; mood("rows.tsv") trains it
        []
    """

    def __init__(self, recipe: Callable[..., Any], arguments: Mapping[str, Any]):
        recipe_of(recipe)
        given = {**arguments, **arguments.get("run", {})}  # its RunOptions
        self.arguments = {name: given[name] for name in inspect.signature(recipe).parameters}
        self._parts = parts_of(recipe)
        self._settings = recorded_settings(
            {name: value for name, value in self.arguments.items() if self._parts[name] != "place"}
        )
        usual = {name: one.default for name, one in inspect.signature(recipe).parameters.items()}
        self._defaults = recorded_settings(usual)
        self.training: Training = self.arguments["training"]

    def __enter__(self) -> Self:
        given = self.arguments
        cluster = cluster_of(os.environ, given["workers"], given["worker"])
        self._peers = ALONE if cluster is None else meet(cluster)  # before anything is computed
        with contextlib.ExitStack() as stack:
            self._folder = stack.enter_context(self._place())
            if self._folder.stands and given["resume"] != "auto" and not lacking(load(self._folder.path)):
                raise InputError(
                    f"{given['out']} lacks nothing: leave --resume out, or pass --overwrite to train it anew."
                )
            self._since = self._epochs_before() if given["extend_epochs"] and self._peers.first else 0
            told = {"stands": self._folder.stands, "since": self._since}
            told = json.loads(self._peers.from_first(json.dumps(told).encode()))
            self._stands, self._since = told["stands"], told["since"]
            if self._since:
                self.training = dataclasses.replace(self.training, epochs=self._since + given["extend_epochs"])
                self._settings |= {"training": dataclasses.asdict(self.training)}
            stack.enter_context(reproducible(given["seed"], self.training.precision))
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, problem, traceback)

    def _place(self) -> contextlib.AbstractContextManager[NewFolder]:
        """The folder to fill; of several processes the first one fills it, and the others have one that nobody sees."""
        given = self.arguments
        if not self._peers.first:
            return scratch_folder()
        return new_folder(
            Path(given["out"]),
            overwrite=given["overwrite"],
            resume=given["resume"],
            extend=bool(given["extend_epochs"]),
        )

    def splits(
        self, columns: Mapping[str, str], *, change: Callable[[Splits], Splits] | None = None, **options: Any
    ) -> Splits:
        """The recipe's data, read by `seqkit.sources.splits.read_splits` with these options.

        Args:
            change: What becomes of it, such as more training rows, so that whoever reads it again has it all.
        """
        data, valid, test = (self.arguments[name] for name in ("data", "valid", "test"))
        given = {name: self.arguments[name] for name in ("seed", "data_dir")}
        read = read_splits(data, valid, test, columns, **given, **options)
        return handed(read if change is None else change(read))

    def done(
        self,
        task: Task,
        model: keras.Model,
        splits: Splits,
        curriculum: Callable[[Rows], Curriculum] | None = None,
        started: Started | None = None,
        *,
        read_by: Mapping[str, Any] | None = None,
        learner: keras.Model | None = None,
        begin: Callable[[], None] | None = None,
        finish: Callable[[], Mapping[str, Mapping[str, float]]] | None = None,
    ) -> Run:
        """Train the model; the run stands then, and samples, baselines and the report are added to it, each by itself.

        Args:
            curriculum: From the rows of the training data to what gives each epoch's in their place.
            started: What the model goes on from, where that is another one's weights.
            read_by: Of language models that are a part of it, "run" and a "digest", for run.json.
            learner: The part of the model that learns by gradients, sharing its weights; where it is not all of it, the
                history and the figure of "kept" are this part's.
            begin: Sets the weights that follow from the training rows at once, in each of several processes alike: a check,
                and a run that stands, do without.
            finish: Changes the best epoch's weights once more by the validation rows, before they are kept, and returns by
                what numbers, for run.json; the figure of "kept" is from before, and the one after it is "weighed".
        Returns:
            The run; its `failed` says what could not be added, and why. Of several processes the first one has it; the
            others have the trained model alone, with a "worker" in its `info`.
        """
        splits = splits.each(task.examined)
        described = self._described(task, splits) | ({"started_from": dict(started.info)} if started else {})
        described |= {"read_by": dict(read_by)} if read_by else {}
        if self._stands:
            info = described
            return (
                self._completed(task, splits, info)
                if self._peers.first
                else self._elsewhere(task, info, Forward(model))
            )
        objective = task.objective(self.training, splits.train)
        forward = Forward(model)  # traced once, for the rehearsal, each epoch's scores and the report
        score = _scoring(task, forward if learner is None else Forward(learner), splits.valid)
        monitor = make_monitor(self.training, objective, default=task.monitor, metrics=task.metrics, score=score)
        info, seen, begun = described, None, None
        if self._peers.first:
            found, seen = check_training(task, splits, strict=self.arguments["strict"])
            info = self._begin(info, monitor) | found
            check_room(model, self._folder.path)
            begun = functools.partial(rehearse, task, forward, splits, info, self._folder.path)
        if begin is not None:
            begin()
        keras.utils.set_random_seed(self.arguments["seed"])
        history = self._train(task, learner or model, splits, info, objective, monitor, curriculum, started, begun)
        if finish is not None and (weighed := finish()):
            info = {**info, **weighed}
            if self._peers.first:
                scores = _scoring(task, forward, splits.valid)()
                if (figure := scores.get(monitor.column.removeprefix(VALIDATION))) is not None:
                    info["kept"] = {**info["kept"], "weighed": figure}
                said = (f"{what} {value:.2g}" for numbers in weighed.values() for what, value in numbers.items())
                notify(f"Weighed by the validation rows what its {' and '.join(weighed)} say: {', '.join(said)}.")
        if not self._peers.first:
            return self._elsewhere(task, info, forward)
        write_run(self._folder.path, task, model, history, info, seen)
        self._folder.stand()
        return _added(Run(Path(self.arguments["out"]), task, model, info, forward), splits)

    def _elsewhere(self, task: Task, info: Mapping[str, Any], forward: Forward) -> Run:
        """What a process has of a run that the first one writes: the model."""
        known = {**info, "worker": self._peers.part.index}
        return Run(Path(self.arguments["out"]), task, forward.model, known, forward)

    def _completed(self, task: Task, splits: Splits, info: dict[str, Any]) -> Run:
        """The run that stands, with what it lacked."""
        run = load(self.arguments["out"])
        every = ("train", "valid", "test")
        check_same(run.info, info, self._parts, self._defaults, {"training", "answers"}, splits=every)
        if not (left := lacking(run)):
            notify(f"{run.path} is trained, and lacks nothing.")
            return run
        notify(f"{run.path} is trained; what it lacks is added: {', '.join(left)}.")
        return _added(run, splits)

    def _epochs_before(self) -> int:
        """Those of the finished run that is extended."""
        for name, value, plain in (
            ("schedule", self.training.schedule, "constant"),
            ("scheduled_sampling", self.training.scheduled_sampling, 0.0),
        ):
            if value != plain:
                raise InputError(
                    f"training.{name} is {value}, which is laid out over all epochs from the first on, so that more "
                    "can't be added: train anew with more training.epochs."
                )
        before = read_info(self._folder.path, trained=False)
        epochs: int = before.get("trained_epochs") or before["extended_from"]  # once it is extended, it isn't finished
        return epochs

    def _described(self, task: Task, splits: Splits) -> dict[str, Any]:
        """What run.json holds of a run before its training."""
        return {
            "recipe": task.recipe,
            "columns": task.columns,
            "settings": self._settings,
            "seed": self.arguments["seed"],
            "versions": versions(),
            "data": {
                name: {"source": rows.origin, "rows": len(rows), "digest": rows.digest()}
                for name, rows in splits.named()
            },
            "command": command(),
        }

    def _begin(self, info: dict[str, Any], monitor: Monitor) -> dict[str, Any]:
        """What was described, once it is written."""
        if self._since:
            info["extended_from"] = self._since
        if self._folder.resumed:
            trained_by: set[Part] = (
                {"training"} if monitor.score is None else {"training", "answers"}
            )  # which choose the epoch then
            before = read_info(self._folder.path, trained=False)
            longer = {"training.epochs"} if "trained_epochs" in before and self._since else set()
            check_same(before, info, self._parts, self._defaults, trained_by, but=longer)
        write_info(self._folder.path, info)
        return info

    def _train(
        self,
        task: Task,
        model: keras.Model,
        splits: Splits,
        info: dict[str, Any],
        objective: Objective,
        monitor: Monitor,
        curriculum: Callable[[Rows], Curriculum] | None,
        started: Started | None,
        begun: Callable[[], None] | None,
    ) -> list[dict[str, float]]:
        """Move the weights; returns the history, and puts into `info` how long it took, and facts."""
        seed, training = self.arguments["seed"], self.training
        train_rows, facts = task.encode_for_training(splits.train, training.batch_size)
        valid_rows, _ = task.encode_for_training(splits.valid, training.batch_size)
        train_rows, valid_rows = (limited(rows, training.batch_tokens) for rows in (train_rows, valid_rows))
        notify(
            f"{len(splits.train):,} rows to train on, {len(splits.valid):,} to validate on ({splits.valid.origin}); "
            f"{model.count_params():,} weights"
        )
        notify(
            f"{len(train_rows.shapes())} batch shapes, widths {', '.join(map(str, train_rows.boundaries))}; padding "
            f"{train_rows.padding_share():.1%}; "
            + "; ".join(f"{name.replace('_', ' ')} {value:.4g}" for name, value in facts.items())
        )
        learner, (train_rows, valid_rows) = with_backbone_features(model, train_rows, valid_rows)
        trainer = Trainer(
            learner,
            objective,
            training,
            seed,
            self._folder.path / CHECKPOINT,
            peers=self._peers,
            since=self._since,
            monitor=monitor,
            started=started,
        )
        history = trainer.fit(
            train_rows,
            valid_rows,
            callbacks=self.arguments["callbacks"],
            resume=self._folder.resumed,
            curriculum=None if curriculum is None else curriculum(train_rows),
            begun=begun,
        )
        kept = history[monitor.kept(history)]
        info["kept"] = {"epoch": int(kept["epoch"]), "monitor": monitor.column, "value": kept[monitor.column]}
        info["trained_epochs"] = len(history)
        info["training_seconds"] = round(trainer.seconds, 1)
        info["training_facts"] = facts | {"padding_share": train_rows.padding_share(), "shapes": train_rows.shapes()}
        return history


def _added(run: Run, splits: Splits) -> Run:
    """The run, with all that is added to one that stands."""
    try:
        add_parts(run, splits.train, splits.valid, _scored(splits))
    except KeyboardInterrupt as stop:
        raise type(stop)(
            f"Interrupted after the training: {run.path} stands, without all that was to be added; the same command with "
            "--resume adds it."
        ) from None
    return run


def _scored(splits: Splits) -> Examples:
    """The rows of a new run's report: the test rows, or the validation rows, saying so."""
    if splits.test is not None:
        return splits.test
    if reported():
        notify("No test data: the report is on the validation rows, which have also chosen the epoch that was kept.")
    origin = f"{splits.valid.origin}; validation rows, which chose the epoch"
    return dataclasses.replace(splits.valid, origin=origin)


def _scoring(task: Task, forward: Forward, valid: Examples) -> Callable[[], dict[str, float]]:
    """What the validation rows score with the model's weights of the moment, as in a report."""
    everything = np.arange(len(valid))

    def score() -> dict[str, float]:
        rows, _ = task.encode(valid, EVALUATION_BATCH)
        return task.scorer(valid, task.outputs(forward, rows))(everything)

    return score


def recorded_settings(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """A recipe's arguments as JSON; data that is no path or name is told by its type."""
    return {name: _recorded(value) for name, value in arguments.items()}


def _recorded(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type | Examples):
        return dataclasses.asdict(value)
    if isinstance(value, PLAIN):
        return value
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, tuple) and all(isinstance(one, (*PLAIN, Path)) for one in value):  # sizes, or run folders
        return [_recorded(one) for one in value]
    return f"<{type(value).__name__}>"
