"""A search through settings by Optuna: what to try next, and which trial to stop early. All is kept in a file."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from seqkit.core.errors import InputError
from seqkit.core.variations import Range
from seqkit.metrics.metric import metric

JOURNAL, NAME = "search.journal", "search"
DIGITS = 3  # of a number that is tried: names of folders stay short, and nearly the same isn't trained twice
FIRST = 4  # trials that are never stopped early


class Search:
    """Trials by the tree-structured Parzen estimator (Bergstra et al. 2011).

    One whose validation figure is below the median of the others' at the same epoch is stopped early.

    Args:
        folder: Where the journal is kept, from which a search goes on.
        choices: Setting -> values.
        ranges: Setting -> from where to where.
        seed: Of the draws.
        jobs: Trials side by side.
    Raises:
        InputError: Optuna isn't installed.
    """

    def __init__(
        self, folder: Path, choices: Mapping[str, Sequence[Any]], ranges: Mapping[str, Range], seed: int, jobs: int
    ):
        try:
            import optuna
            from optuna.storages.journal import JournalFileBackend
        except ImportError:
            raise InputError("A search needs Optuna, which isn't installed: pip install 'seqkit[search]'.") from None
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._states, self._choices, self._ranges = optuna.trial.TrialState, choices, ranges
        backend = JournalFileBackend(str(folder / JOURNAL))
        self._study = optuna.create_study(
            storage=optuna.storages.JournalStorage(backend),
            study_name=NAME,
            load_if_exists=True,
            direction="maximize",
            pruner=optuna.pruners.MedianPruner(n_startup_trials=FIRST),
        )
        # a sampler's draws begin anew in each process: one that goes on draws others than those that are there
        there = len(self._study.get_trials(deepcopy=False))
        self._study.sampler = optuna.samplers.TPESampler(seed=seed + there, constant_liar=jobs > 1)
        self._open: dict[int, Any] = {}
        self._failed = 0  # in this process: one that goes on tries as many again
        for trial in self._study.get_trials(states=(self._states.RUNNING,)):  # of one that was killed
            self._study.tell(trial.number, state=self._states.FAIL)
            self._study.enqueue_trial(trial.params)

    def wanted(self, trials: int) -> bool:
        """Whether there are fewer trials than that, ended or under way; those that failed have ended too."""
        ended = self._study.get_trials(deepcopy=False, states=(self._states.COMPLETE, self._states.PRUNED))
        return len(ended) + self._failed + len(self._open) < trials

    def ask(self) -> tuple[int, dict[str, Any]]:
        """The next trial's number and settings."""
        trial = self._study.ask()
        self._open[trial.number] = trial
        drawn: dict[str, Any] = {}
        for name, span in self._ranges.items():
            if span.whole:
                drawn[name] = trial.suggest_int(name, int(span.low), int(span.high), log=span.logarithmic)
            else:
                value = trial.suggest_float(name, span.low, span.high, log=span.logarithmic)
                drawn[name] = min(max(float(f"{value:.{DIGITS}g}"), span.low), span.high)
        for name, values in self._choices.items():
            drawn[name] = values[trial.suggest_categorical(name, list(range(len(values))))]
        return trial.number, drawn

    def poor(self, number: int, told: Mapping[str, Any]) -> bool:
        """Whether a trial is to be stopped after an epoch."""
        trial = self._open[number]
        trial.report(_gain(told["monitor"], told["figures"][told["monitor"]]), told["epoch"])
        return bool(trial.should_prune())

    def done(self, number: int, column: str, value: float) -> None:
        """A trial has ended with this figure of the validation rows."""
        self._tell(number, _gain(column, value))

    def pruned(self, number: int) -> None:
        """A trial was stopped early."""
        self._tell(number, None, self._states.PRUNED)

    def failed(self, number: int) -> None:
        """A trial gave no figure."""
        self._failed += 1
        self._tell(number, None, self._states.FAIL)

    def again(self, number: int, before: int) -> None:
        """A trial has the settings of one before, which isn't trained again."""
        earlier = self._study.trials[before]
        done = earlier.state == self._states.COMPLETE
        self._tell(number, earlier.value if done else None, self._states.COMPLETE if done else self._states.PRUNED)

    def best(self) -> dict[str, Any]:
        """The best trial's settings.

        Raises:
            InputError: None has ended with a figure.
        """
        if not self._study.get_trials(deepcopy=False, states=(self._states.COMPLETE,)):
            raise InputError("No trial of the search has come to its end: look at their logs, and at the ranges.")
        params = self._study.best_trial.params
        drawn = {
            name: min(max(float(f"{params[name]:.{DIGITS}g}"), span.low), span.high) if not span.whole else params[name]
            for name, span in self._ranges.items()
        }
        return drawn | {name: values[params[name]] for name, values in self._choices.items()}

    def _tell(self, number: int, value: float | None, state: Any = None) -> None:
        del self._open[number]
        self._study.tell(number, value, state=state)


def _gain(monitor: str, value: float) -> float:
    return metric(monitor.removeprefix("val_")).gain(value)
