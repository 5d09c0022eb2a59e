"""A study: a recipe with several settings and seeds as one thing, which goes on after any stop."""

import csv
import dataclasses
import itertools
import json
import re
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.box import ROUNDED
from rich.live import Live
from rich.table import Table

from seqkit.core.arguments import PLACES
from seqkit.core.bounds import at_least
from seqkit.core.errors import InputError, UnfinishedError
from seqkit.core.files import read_json, write_json
from seqkit.core.progress import console, notify
from seqkit.core.registry import recipe_of
from seqkit.core.variations import Range, changed, load_cells, plain, range_of
from seqkit.lab.comparing import Comparison, compare
from seqkit.lab.rereading import check_rows_again
from seqkit.lab.study_search import Search
from seqkit.lab.study_worker import GO_ON, STOP, Order
from seqkit.lab.study_workers import Workers
from seqkit.runs.builder import recorded_settings
from seqkit.runs.comparable import by_bits
from seqkit.runs.contents import RUN, read_info, validated
from seqkit.runs.evaluation import REPORT, TRAINING, read_report
from seqkit.runs.opening import load_task
from seqkit.runs.resumption import differences
from seqkit.sources.prepared import prepared_at

STUDY, TABLE, LOGS = "study.json", "study.csv", "logs"


@dataclasses.dataclass(frozen=True)
class Planned:
    """A run of a study.

    Attributes:
        name: Of its folder.
        changes: Setting -> value.
        seed: Its seed.
    """

    name: str
    changes: Mapping[str, Any]
    seed: int


@dataclasses.dataclass
class Progress:
    """How far a run is.

    Attributes:
        state: "waiting", "training", "trained", "stopped early", "failed", "there already".
        told: The last of what it told.
        why: It failed.
        since: When it began.
        seconds: That it took.
    """

    state: str = "waiting"
    told: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    why: str = ""
    since: float = 0.0
    seconds: float = 0.0


class Study:
    """A recipe, settings and seeds: every combination is a run folder below `out`, and none is trained twice.

    `run` trains what is not there yet, goes on with what was interrupted, and compares all.

    Args:
        recipe: As it is called to train.
        data: Its data; it is trained in other processes, so give a path or what can be pickled.
        out: The folder of the study.
        grid: Setting -> its values: {"stack.cell": ["lstm", "gru"], "stack.units": [(64,), (128,)]}.
        ranges: Setting -> a `Range` to search by Optuna (pip install 'seqkit[search]'), with the values of the grid, by
            validation rows alone. The best settings are trained with all seeds.
        seeds: How many, from `seed` on; a search is made with the first.
        seed: The first seed.
        trials: Of a search.
        jobs: Trainings side by side, each with its share of the cores.
        modules: To import first, for a recipe or a cell that no installed package declares.
        arguments: Of the recipe, for all runs alike.
    Attributes:
        plan: The runs of the grid.
    Raises:
        InputError: There is no such setting, or it can't be that; or the folder is another study's.
    Example:
        >>> from seqkit.recipes import sentiment
        >>> grid = {"stack.cell": ["lstm", "gru"], "stack.units": [(4,), (8,)]}
        >>> study = seqkit.Study(sentiment, "rows.tsv", valid="others.tsv", out="study", grid=grid, seeds=2, **small)
        >>> len(study.plan), study.plan[0].name
        (8, 'cell=lstm,units=4,seed=0')
        >>> comparison = study.run()  # doctest: +SKIP
    """

    def __init__(
        self,
        recipe: Callable[..., Any],
        data: Any = None,
        *,
        out: str | Path,
        grid: Mapping[str, Sequence[Any]] | None = None,
        ranges: Mapping[str, Range] | None = None,
        seeds: int = 1,
        seed: int = 0,
        trials: int = 20,
        jobs: int = 1,
        modules: Sequence[str] = (),
        **arguments: Any,
    ):
        for name, value in {"seeds": seeds, "jobs": jobs, "trials": trials}.items():
            at_least(name, value, 1)
        if taken := [name for name in (*arguments, *(grid or {}), *(ranges or {})) if name in (*PLACES, "seed")]:
            raise InputError(f"{taken[0]} is set by the study for each run: leave it out.")
        self.recipe, self.out = recipe_of(recipe), Path(out)
        if recipe.__module__ == "__main__":
            raise InputError(
                "The recipe stands in the program itself, where no other process finds it: move it to a module."
            )
        self.arguments = plain(self.recipe.function, {"data": data, **arguments})
        self.grid = dict(grid or {})
        self.ranges = {name: range_of(self.recipe.function, name, span) for name, span in (ranges or {}).items()}
        self.seeds, self.trials, self.jobs, self.modules = range(seed, seed + seeds), trials, jobs, tuple(modules)
        if both := [name for name in self.grid if name in self.ranges]:
            raise InputError(f"{both[0]} has values in the grid, and a range: give one of them.")
        for values in self.grid.values():
            if not values:
                raise InputError("A setting of the grid has no values: give some, or leave it out.")
        self.plan = [] if self.ranges else list(self._combinations())
        names = [one.name for one in self.plan]
        if twice := [name for name in names if names.count(name) > 1]:
            raise InputError(f"Two runs of the grid would be called {twice[0]}: give each value once.")
        ends = [{name: self._value(name, end) for name, end in self._ends(low)} for low in (True, False) if self.ranges]
        for changes in [*(one.changes for one in self.plan), *ends]:
            self._check_rows(self._settled(changes, seed))
        self._known: dict[str, Progress] = {}
        self._same_rows = False  # as runs that are there already had: looked at once, before anything is trained

    def run(self) -> Comparison | None:
        """Train what is left, and compare; the comparison is written below `out`, with a table of all runs.

        Returns:
            The comparison; nothing of a single run.
        Raises:
            InputError: A run of these names was trained with other settings, or on rows that the data no longer has.
            UnfinishedError: A run failed: which, and why; all others stand.
            KeyboardInterrupt: Runs in the making have saved their states: `run` goes on from there.
        """
        self.out.mkdir(parents=True, exist_ok=True)
        self._begin()
        if self.ranges:
            best = self._search()
            self.plan = [Planned(self.name_of(best, seed), best, seed) for seed in self.seeds]
        self._train(self.plan)
        self._write_table()
        failed = {one.name: self._known[one.name].why for one in self.plan if self._known[one.name].state == "failed"}
        there = [self.out / one.name for one in self.plan if one.name not in failed]
        found = self._compared(there) if len(there) > 1 else None
        if found is not None:
            found.write(self.out)
        if failed:
            why = "; ".join(f"{name} ({reason})" for name, reason in failed.items())
            raise UnfinishedError(
                f"{self.out} has {len(there)} runs, and these failed: {why} Their logs are in {LOGS}/."
            )
        return found

    def _compared(self, runs: Sequence[Path]) -> Comparison | None:
        """By the rows of their own reports; of language models of other symbols by answering these rows once more."""
        if not by_bits([load_task(run, read_info(run)) for run in runs]):
            return compare(runs)
        given = (self.arguments.get(name) for name in ("test", "valid"))
        data = next((source for source in given if source is not None), None)
        if data is None:
            notify(
                "The runs have other symbols, and no --test or --valid to be compared on: seqkit compare takes --data."
            )
            return None
        return compare(runs, data=data)

    def name_of(self, changes: Mapping[str, Any], seed: int) -> str:
        """What a run's folder is called: cell=lstm,units=64,seed=0."""
        short = [name.rpartition(".")[2] for name in changes]
        names = short if len({*short}) == len(short) else list(changes)
        parts = [f"{name}={_shown(value)}" for name, value in zip(names, changes.values(), strict=True)]
        return ",".join([*parts, f"seed={seed}"])

    def table(self) -> Table:
        """How far each run is, for a terminal."""
        shown = Table(box=ROUNDED, title=str(self.out), title_justify="left")
        for head, justify in (
            ("run", "left"),
            ("", "left"),
            ("epoch", "right"),
            ("validation", "right"),
            ("s", "right"),
        ):
            shown.add_column(head, justify=justify)  # type: ignore[arg-type]
        for name, one in self._known.items():
            monitor = str(one.told.get("monitor", ""))
            figures = one.told.get("figures", {})
            value = f"{monitor.removeprefix('val_')} {figures[monitor]:.4g}" if monitor in figures else ""
            seconds = time.monotonic() - one.since if one.state == "training" else one.seconds
            shown.add_row(name, one.state, str(one.told.get("epoch", "")), value, f"{seconds:.0f}" if seconds else "")
        return shown

    def _check_rows(self, given: Mapping[str, Any]) -> None:
        """Runs are compared on the same rows, and what is held out differs with the seed, but for a running text's end."""
        held_out = given["data"] is not None and all(given.get(name) is None for name in ("valid", "test"))
        fixed = prepared_at(given["data"]) is not None or given.get("contiguous", False)
        if held_out and not fixed and len(self.seeds) > 1:
            raise InputError(
                "Each seed holds out other rows, so that runs would be scored on others: give valid or test data (--valid, "
                "--test)."
            )

    def _combinations(self) -> Iterator[Planned]:
        for values in itertools.product(*self.grid.values()):
            changes = {name: self._value(name, value) for name, value in zip(self.grid, values, strict=True)}
            for seed in self.seeds:
                yield Planned(self.name_of(changes, seed), changes, seed)

    def _ends(self, low: bool) -> Iterator[tuple[str, Any]]:
        """One end of all ranges, and of the grid."""
        for name, span in self.ranges.items():
            yield name, span.low if low else span.high
        for name, values in self.grid.items():
            yield name, values[0 if low else -1]

    def _value(self, name: str, value: Any) -> Any:
        """A value as the recipe has it: the units of a single layer are a tuple of one."""
        own = changed(self.recipe.function, self.arguments, {})
        argument, _, field = name.partition(".")
        settled = self.recipe.settle(**own)
        before = getattr(settled.get(argument), field, None) if field else settled.get(argument)
        return (value,) if isinstance(before, tuple) and not isinstance(value, tuple | list) else value

    def _settled(self, changes: Mapping[str, Any], seed: int) -> dict[str, Any]:
        """All arguments of a run, checked."""
        made = changed(self.recipe.function, self.arguments, changes)
        load_cells(made)
        return self.recipe.settle(**made, seed=seed, out=self.out / self.name_of(changes, seed))

    def _begin(self) -> None:
        grid = {name: [_shown(value) for value in values] for name, values in self.grid.items()}
        searched = {name: [span.low, span.high] for name, span in self.ranges.items()}
        told = {"recipe": self.recipe.name, "search": {**searched, **grid} if searched else {}}
        place = self.out / STUDY
        if place.exists():
            before = read_json(place)
            for name, value in told.items():
                if before.get(name) != value:
                    raise InputError(
                        f"{self.out} is a study of another {name} ({before.get(name)}): choose another --out."
                    )
        write_json(place, {**told, "grid": grid})

    def _is_there(self, one: Planned) -> bool:
        """Whether a run stands, with all that belongs to it.

        Raises:
            InputError: It stands, and was trained with other settings.
        """
        place = self.out / one.name
        if not (place / RUN).exists():
            return False
        info = read_info(place)
        wanted = json.loads(json.dumps(recorded_settings(self._settled(one.changes, one.seed))))
        for name, old, new in differences(info["settings"], wanted, wanted):
            raise InputError(
                f"{place} was trained with other settings ({name} {old}, now {new}): choose another --out."
            )
        return not info.get("failed") and f"evaluations/{TRAINING}/{REPORT}" in info.get("files", {})

    def _check_same_rows(self) -> None:
        """Raise InputError where a run that is there was trained on other rows than the study's data holds today."""
        looked = self._same_rows or self.arguments["data"] is None  # what is built in is as it was
        places = [] if looked else sorted(path.parent for path in self.out.glob(f"[!.]*/{RUN}"))
        self._same_rows, seen = True, set[str]()
        for place in places:
            info = read_info(place)
            if info["recipe"] not in self.recipe.tasks:  # a language model that others start from
                continue
            digests = json.dumps([rows.get("digest") for _, rows in sorted(info["data"].items())])
            if digests not in seen:
                seen.add(digests)
                check_rows_again(self.recipe.function, load_task(place, info), place, info, self.arguments)

    def _order(self, one: Planned, **how: Any) -> Order:
        made = changed(self.recipe.function, self.arguments, one.changes)
        arguments = made | {"seed": one.seed, "out": self.out / one.name}
        return Order(self.recipe.path, arguments, self.modules, **how)

    def _train(self, plan: Sequence[Planned]) -> None:
        left = []
        for one in plan:
            there = self._is_there(one)
            self._known[one.name] = Progress("there already" if there else "waiting")
            if not there:
                left.append(one)
        waiting = iter(left)

        def supply() -> tuple[str, Order] | None:
            one = next(waiting, None)
            return None if one is None else (one.name, self._started(one))

        self._side_by_side(supply, self._heard)

    def _started(self, one: Planned, **how: Any) -> Order:
        self._check_same_rows()
        self._known[one.name] = Progress("training", since=time.monotonic())
        if not console.is_terminal:
            notify(f"{one.name}: training")
        return self._order(one, **how)

    def _heard(self, name: str, what: Mapping[str, Any]) -> str | None:
        known = self._known[name]
        known.seconds = time.monotonic() - known.since
        if "epoch" in what:
            known.told = what
            return GO_ON
        known.state = {"trained": "trained", "pruned": "stopped early"}.get(str(what.get("done")), "failed")
        known.why = str(what.get("failed") or what.get("stopped") or "")
        if lacking := what.get("lacking"):
            known.state, known.why = "failed", "; ".join(f"{part}: {why}" for part, why in lacking.items())
        if not console.is_terminal:
            notify(f"{name}: {known.state}{f' ({known.why})' if known.why else ''}, {known.seconds:.0f} s")
        return None

    def _side_by_side(self, supply: Any, told: Any) -> None:
        workers = Workers(self.jobs, self.out / LOGS)
        try:
            if not console.is_terminal:
                workers.run(supply, told)
                return
            with Live(self.table(), console=console, auto_refresh=False) as live:
                workers.run(supply, told, lambda: live.update(self.table(), refresh=True))
                live.update(self.table(), refresh=True)
        except KeyboardInterrupt as stop:
            raise type(stop)(f"Interrupted: what was trained is in {self.out}, and the same command goes on.") from None

    def _search(self) -> dict[str, Any]:
        """Try settings until there are enough trials; returns the best."""
        search = Search(self.out, self.grid, self.ranges, self.seeds[0], self.jobs)
        trials: dict[str, int] = {}

        def supply() -> tuple[str, Order] | None:
            while search.wanted(self.trials):
                number, drawn = search.ask()
                changes = {name: self._value(name, value) for name, value in drawn.items()}
                one = Planned(self.name_of(changes, self.seeds[0]), changes, self.seeds[0])
                if one.name in trials:
                    search.again(number, trials[one.name])
                elif (self.out / one.name / RUN).exists():
                    trials[one.name] = number
                    self._is_there(one)
                    self._known[one.name] = Progress("there already")
                    search.done(number, *validated(read_info(self.out / one.name)))
                else:
                    trials[one.name] = number
                    return one.name, self._started(one, bare=True, asked=True)
            return None

        def told(name: str, what: Mapping[str, Any]) -> str | None:
            self._heard(name, what)
            if "epoch" in what:
                return STOP if search.poor(trials[name], what) else GO_ON
            if what.get("done") == "trained":
                search.done(trials[name], *validated(read_info(self.out / name)))
            elif what.get("done") == "pruned":
                search.pruned(trials[name])
                shutil.rmtree(self.out / f".{name}.partial", ignore_errors=True)
            else:
                search.failed(trials[name])
            return None

        self._side_by_side(supply, told)
        best = search.best()
        return {name: self._value(name, best[name]) for name in best}

    def _write_table(self) -> None:
        """The runs of the plan, with what they score."""
        rows = []
        for one in self.plan:
            row: dict[str, Any] = {name: _shown(value) for name, value in one.changes.items()}
            row |= {"seed": str(one.seed), "run": one.name, "state": self._known[one.name].state}
            if (self.out / one.name / RUN).exists():
                info = read_info(self.out / one.name)
                scores = read_report(self.out / one.name, info).get("metrics", {})
                column, value = validated(info)
                row |= {"epoch": info["kept"]["epoch"], column: value}
                row |= {name: score["value"] for name, score in scores.items()}
                row["training_seconds"] = info["training_seconds"]
            rows.append(row)
        with open(self.out / TABLE, "w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(dict.fromkeys(name for row in rows for name in row)))
            writer.writeheader()
            writer.writerows(rows)


def _shown(value: Any) -> str:
    """A value in a file name."""
    text = (
        "+".join(map(str, value))
        if isinstance(value, tuple | list)
        else f"{value:g}"
        if isinstance(value, float)
        else str(value)
    )
    return re.sub(r"[^\w.+-]+", "-", text)
