"""A training that is given its time: how many epochs fit, and with what is left, which sizes and batches do better.

The first trial is the recipe as it was called, with as many of its epochs as fit. While there is time for another one, the
best so far is tried with one setting changed. Trials are runs, judged by validation rows; the best one becomes the run.
"""

import dataclasses
import inspect
import json
import os
import re
import shutil
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import keras

from seqkit.core.cluster import cluster_of
from seqkit.core.errors import InputError
from seqkit.core.files import read_json, write_json
from seqkit.core.progress import notify
from seqkit.core.registry import Recipe, recipe_of
from seqkit.core.settings import Embedding, Stack
from seqkit.core.variations import changed, plain
from seqkit.metrics.metric import metric
from seqkit.runs.builder import recorded_settings
from seqkit.runs.contents import RUN, read_info, validated, write_info
from seqkit.runs.folder import check_free, new_folder
from seqkit.runs.lock import LOCK, FolderLock
from seqkit.runs.parts import without_report
from seqkit.runs.run import Run

STATE, PROBE, FIRST = "budget.json", "probe", "as_given"
UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0}
PROBED = 0.08  # of the time, at most, that a look at a step's speed takes
LEFT = 0.1  # of the time, at least, that is left for baselines and the report
SMALLEST_BATCH = 8
PLACE = ("overwrite", "resume", "callbacks")
ALONE = {  # argument -> what a training with a budget is
    "extend_epochs": "which is for a new training: leave it out",
    "unlabelled": "each of whose trials would train its language model anew: train that first, and give start_from",
}


@dataclasses.dataclass(frozen=True)
class Trial:
    """A setting to change in the best run so far.

    Attributes:
        name: Of its folder.
        factors: Field of settings -> what it is multiplied by.
        cost: Its time, as a multiple of that run's.
    """

    name: str
    factors: Mapping[str, float]
    cost: float


TRIALS = (
    Trial("twice_the_epochs", {"epochs": 2.0}, 2.0),
    Trial("twice_the_units", {"units": 2.0}, 2.5),
    Trial("half_the_batch", {"batch_size": 0.5}, 1.5),
    Trial("half_the_units", {"units": 0.5}, 0.9),
)


def seconds_of(budget: str) -> float:
    """Seconds of "90s", "10m" or "1.5h".

    Raises:
        InputError: It is written otherwise, or no time at all.
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smh])", budget.strip())
    if found is None or not float(found[1]):
        raise InputError(f"The budget is {budget!r}: give a time as 90s, 10m or 1.5h.")
    return float(found[1]) * UNITS[found[2]]


def train_within(recipe: Callable[..., Any], budget: str, **arguments: Any) -> Run:
    """Train a recipe in a given time, which sets its epochs, and where time is left, its sizes and its batch.

    What is set otherwise than the recipe has it stays so. Trials lie in a folder beside `out`, which is gone in the end;
    run.json then has them under "budget". After any stop the same call with `resume` goes on, and what was spent counts.

    Args:
        recipe: As it is called to train.
        budget: "90s", "10m" or "1.5h", for everything: trials, baselines and the report.
        arguments: Of the recipe.
    Raises:
        InputError: The budget is no time, or an argument can't go with it; or as the recipe raises it.
    Example:
        >>> from seqkit.recipes import sentiment
        >>> run = seqkit.train_within(sentiment, "10m", data="rows.tsv", out="best")  # doctest: +SKIP
        >>> [trial["name"] for trial in run.info["budget"]["trials"]]  # doctest: +SKIP
    """
    begun = time.monotonic()
    known = recipe_of(recipe)
    for name, why in ALONE.items():
        if arguments.get(name):
            raise InputError(f"{name} is given beside a budget, {why}.")
    if cluster_of(os.environ, arguments.get("workers"), arguments.get("worker")) is not None:
        raise InputError("Several processes train together here, and a budget is for one: leave --budget out.")
    within = _Within(known, seconds_of(budget), plain(known.function, arguments), begun)
    try:
        return within.run()
    except InputError:
        within.drop_unbegun()
        raise
    finally:
        within.keep_time()


class _Within:
    """A training within its time.

    Args:
        seconds: The budget.
        begun: When it began, by the monotonic clock.
    """

    def __init__(self, recipe: Recipe, seconds: float, arguments: dict[str, Any], begun: float):
        self._recipe, self._seconds, self._begun = recipe, seconds, begun
        settled = recipe.settle(**arguments)
        self._settled, self._arguments = settled, arguments
        self._out = Path(settled["out"])
        self._trials = self._out.with_name(f"{self._out.name}.trials")
        self._state: dict[str, Any] = {
            "spent": 0.0, "epochs": None, "begun": {}, "trials": [], "refused": [], "placed": False,
        }  # fmt: skip
        self._open(overwrite=settled["overwrite"], resume=settled["resume"])

    def run(self) -> Run:
        """All trials that there is time for, and the best one's report; or the run that stands, with what it lacks."""
        if self._stands:
            return self._completed(_changes_of(read_info(self._out)))
        best = self._tried(FIRST, self._fitting())
        for trial in TRIALS:
            changes = self._changed(trial, best["changes"])
            if changes is None or (not self._done(trial.name) and trial.cost * best["seconds"] > self._left()):
                continue
            found = self._allowed(trial.name, changes)
            if found is not None and found["gain"] > best["gain"]:
                best = found
        notify(f"Of {len(self._state['trials'])} trials the best by validation rows: {best['name']}.")
        return self._kept(best)

    def keep_time(self) -> None:
        """Note the time that was spent, for whoever goes on."""
        if self._trials.exists():
            spent = self._state["spent"] + time.monotonic() - self._begun
            write_json(self._trials / STATE, {**self._state, "spent": round(spent, 1)})

    def drop_unbegun(self) -> None:
        """Remove the place of the trials where nothing is known of any yet, so that the call, once corrected, finds none."""
        if self._state["epochs"] is None:
            shutil.rmtree(self._trials, ignore_errors=True)

    def _open(self, *, overwrite: bool, resume: bool | str) -> None:
        settings = {name: value for name, value in self._settled.items() if name not in PLACE}
        asked = json.loads(json.dumps(recorded_settings(settings)))
        there = (self._trials / STATE).exists()
        if self._trials.exists() and not there:
            raise InputError(f"{self._trials} holds something else than trials: move it away, or choose another --out.")
        self._stands = resume == "auto" and not (there or overwrite) and (self._out / RUN).exists()
        if self._stands:
            return
        if there and overwrite and not resume:
            shutil.rmtree(self._trials)
            there = False
        if there and not resume:
            raise InputError(
                f"{self._trials} has trials of a training that was stopped: go on with --resume, or pass --overwrite."
            )
        if resume is True and not there:
            raise InputError(f"There is no stopped training beside {self._out}: leave --resume out.")
        if there:
            self._state |= read_json(self._trials / STATE)
            for name, value in self._state["asked"].items():
                if asked[name] != value:
                    raise InputError(
                        f"The stopped training was started with {name} {value}, now it is {asked[name]}: use the same "
                        "settings, or pass --overwrite."
                    )
        if not self._state["placed"]:
            check_free(self._out, overwrite)
        self._state["asked"] = asked
        self._trials.mkdir(parents=True, exist_ok=True)
        self.keep_time()

    def _left(self) -> float:
        """Seconds that trials may still take."""
        reserved: float = max(LEFT * self._seconds, self._state.get("prepared", 0.0))
        spent: float = self._state["spent"] + time.monotonic() - self._begun
        return self._seconds - reserved - spent

    def _fitting(self) -> dict[str, Any]:
        """The number of epochs, where not all of them fit."""
        wanted = self._settled["training"].epochs
        if self._state["epochs"] is None:
            speed = self._probed()
            self._state["prepared"] = speed.prepared
            fit = max(1, int((self._left() - speed.prepared - speed.compiling) / speed.epoch))
            self._state["epochs"] = min(wanted, fit)
            self.keep_time()
            notify(f"An epoch takes about {speed.epoch:.0f} s: {self._state['epochs']} of {wanted} fit.")
            if speed.epoch > self._left():
                notify("Not even one epoch fits: the training takes longer than its budget.")
        return {} if self._state["epochs"] == wanted else {"training.epochs": self._state["epochs"]}

    def _probed(self) -> "Speed":
        speed = Speed(PROBED * self._seconds)
        place = self._trials / PROBE
        try:
            self._call({}, place, speed, overwrite=True)
        except Measured:
            pass
        finally:
            shutil.rmtree(place, ignore_errors=True)
        return speed

    def _changed(self, trial: Trial, before: Mapping[str, Any]) -> dict[str, Any] | None:
        """The changes of a trial on top of others; nothing where it changes nothing, or can't be."""
        more = {}
        for name, value in _fields(self._settled):
            factor = trial.factors.get(name.partition(".")[2])
            if factor is None or name in self._given():
                continue
            value = before.get(name, value)
            more[name] = (
                tuple(_times(one, factor) for one in value) if isinstance(value, tuple) else _times(value, factor)
            )
        changes = {**before, **more}
        batch = changes.get("training.batch_size", SMALLEST_BATCH)
        if not more or batch < SMALLEST_BATCH or (trial.name == "twice_the_epochs" and "training.epochs" in before):
            return None
        try:
            self._recipe.settle(**changed(self._recipe.function, self._arguments, changes))
        except InputError:  # two settings that only go together
            return None
        return changes

    def _given(self) -> set[str]:
        """Fields that are set otherwise than the recipe has them, and so stay."""
        parameters = inspect.signature(self._recipe.function).parameters
        usual = dict(_fields({name: one.default for name, one in parameters.items()}))
        return {name for name, value in _fields(self._settled) if usual.get(name) != value}

    def _done(self, name: str) -> bool:
        return any(one["name"] == name for one in self._state["trials"])

    def _tried(self, name: str, changes: Mapping[str, Any]) -> dict[str, Any]:
        """A trial's name, changes, validation figure, gain and seconds; one that was made before isn't made again."""
        for one in self._state["trials"]:
            if one["name"] == name:
                return {**one, "changes": _told(one["changes"])}
        told = ", ".join(f"{setting} {value}" for setting, value in changes.items()) or "all settings as given"
        notify(f"Trial {name}: {told}; {self._left():.0f} s are left.")
        started = time.monotonic()
        before = self._state["begun"].get(name, 0.0)
        try:
            with without_report():
                run = self._call(changes, self._trials / name, Deadline(started + self._left()), resume="auto")
        finally:
            self._state["begun"][name] = round(before + time.monotonic() - started, 1)
        monitor, value = validated(run.info)
        found = {
            "name": name, "changes": dict(changes), "monitor": monitor, "value": value, "gain": _gain(monitor, value),
            "epochs": run.info["trained_epochs"], "seconds": self._state["begun"].pop(name),
        }  # fmt: skip
        self._state["trials"].append(found)
        self.keep_time()
        return found

    def _allowed(self, name: str, changes: Mapping[str, Any]) -> dict[str, Any] | None:
        """As `_tried` has it; nothing for what the recipe refuses, such as sizes that have to be the same."""
        if name in self._state["refused"]:
            return None
        try:
            return self._tried(name, changes)
        except InputError as error:
            notify(f"Trial {name} is left out: {error}")
            self._state["refused"].append(name)
            shutil.rmtree(self._trials / name, ignore_errors=True)
            self.keep_time()
            return None

    def _call(self, changes: Mapping[str, Any], out: Path, callback: keras.callbacks.Callback, **how: Any) -> Run:
        made = changed(self._recipe.function, self._arguments, changes)
        callbacks = (*self._settled["callbacks"], callback)
        run: Run = self._recipe.function(
            **{**made, "out": out, "callbacks": callbacks, "overwrite": False, "resume": False, **how}
        )
        return run

    def _kept(self, best: Mapping[str, Any]) -> Run:
        """The best trial as the run, with its baselines and its report."""
        if not self._state["placed"]:
            with new_folder(self._out, overwrite=self._settled["overwrite"]) as folder:
                trial = self._trials / best["name"]
                shutil.copytree(trial, folder.path, ignore=shutil.ignore_patterns(LOCK), dirs_exist_ok=True)
                folder.stand()
            self._state["placed"] = True
            self.keep_time()
        run = self._completed(best["changes"])
        spent = self._state["spent"] + time.monotonic() - self._begun
        told = [{name: value for name, value in one.items() if name != "gain"} for one in self._state["trials"]]
        with FolderLock(run.path):
            facts = {"seconds": self._seconds, "spent": round(spent, 1), "trials": told}
            run.info = read_info(run.path) | {"budget": facts}
            write_info(run.path, run.info)
        shutil.rmtree(self._trials)
        notify(f"Took {spent:.0f} of {self._seconds:.0f} s.")
        return run

    def _completed(self, changes: Mapping[str, Any]) -> Run:
        """The run in its place, with what it lacks of baselines and report."""
        made = changed(self._recipe.function, self._arguments, changes)
        run: Run = self._recipe.function(**{**made, "overwrite": False, "resume": "auto"})
        return run


class Measured(Exception):  # noqa: N818
    """The end of a training that was only to say how fast it is."""


class Speed(keras.callbacks.Callback):
    """Measures a training's steps for some time, and ends it.

    Attributes:
        prepared: Seconds before the first step, and behind it, where the end of the run is tried.
        epoch: Seconds that an epoch takes.
        compiling: Seconds more that steps of shapes that are new take.
    """

    def __init__(self, seconds: float):
        super().__init__()
        self._seconds, self._made = seconds, time.monotonic()
        self._steps: list[float] = []
        self.prepared = self.epoch = self.compiling = 0.0

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        self._at = time.monotonic()
        self.prepared = self._at - self._made

    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        if len(self._steps) == 1:
            now = time.monotonic()
            self.prepared += now - self._at
            self._at = now

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        now = time.monotonic()
        self._steps.append(now - self._at)
        self._at = now
        if sum(self._steps) > self._seconds and len(self._steps) > 2:
            self._measured()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._measured()

    def _measured(self) -> None:
        usual = statistics.median(self._steps)
        self.epoch = usual * self.params["steps"]
        self.compiling = sum(max(0.0, step - 2 * usual) for step in self._steps)
        raise Measured


class Deadline(keras.callbacks.Callback):
    """Ends a training before an epoch that would be over too late.

    Args:
        until: By the monotonic clock.
    """

    def __init__(self, until: float):
        super().__init__()
        self._until, self._longest = until, 0.0

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._at = time.monotonic()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        now = time.monotonic()
        self._longest = max(self._longest, now - self._at)
        if now + self._longest > self._until and epoch + 1 < self.params["epochs"]:
            notify(f"The time is over after {epoch + 1} of {self.params['epochs']} epochs.")
            self.model.stop_training = True


def _changes_of(info: Mapping[str, Any]) -> dict[str, Any]:
    """Of the trial that became a run; none of a run without a budget."""
    trials = info.get("budget", {}).get("trials", [])
    best: Mapping[str, Any] = max(trials, key=lambda one: _gain(one["monitor"], one["value"]), default={"changes": {}})
    return _told(best["changes"])


def _told(changes: Mapping[str, Any]) -> dict[str, Any]:
    """Changes as they were before they were JSON."""
    return {name: tuple(value) if isinstance(value, list) else value for name, value in changes.items()}


def _gain(monitor: str, value: float) -> float:
    """How good a figure of validation rows is: the more the better."""
    return metric(monitor.removeprefix("val_")).gain(value)


def _fields(settled: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Settings that trials may change, "stack.units", and their values."""
    for argument, value in settled.items():
        if isinstance(value, Embedding | Stack):
            yield f"{argument}.units", value.units
        elif argument == "training":
            yield f"{argument}.epochs", value.epochs
            yield f"{argument}.batch_size", value.batch_size


def _times(value: int, factor: float) -> int:
    return max(1, round(value * factor))
