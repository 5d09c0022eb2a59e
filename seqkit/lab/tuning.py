"""A run's search, chosen on its validation rows: each width of the beam is searched once, and its answers stand for all
penalties.
"""

import dataclasses
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rich.table import Table

from seqkit.core.adaptation import BEAMS, LENGTH_PENALTIES
from seqkit.core.bounds import one_of
from seqkit.core.errors import InputError
from seqkit.core.progress import tracked
from seqkit.core.settings import Search
from seqkit.inference.generation import Generated
from seqkit.lab.rereading import rows_again
from seqkit.metrics.bootstrap import paired_bootstrap
from seqkit.metrics.metric import headlines
from seqkit.metrics.metric import metric as declared
from seqkit.report.document import searches_table
from seqkit.runs.contents import read_info, write_info
from seqkit.runs.lock import FolderLock
from seqkit.runs.migration import made_without_digests
from seqkit.runs.opening import answering
from seqkit.runs.provenance import command
from seqkit.runs.run import EVALUATION_BATCH, RESAMPLES, Run, load
from seqkit.runs.searching import CHOSEN, search_of
from seqkit.runs.task import Scorer
from seqkit.sources.examples import Examples


@dataclasses.dataclass(frozen=True)
class Tried:
    """A search, and what the validation rows score by it.

    Attributes:
        seconds: That the search of its beam took, which it shares with all penalties.
    """

    search: Search
    metrics: dict[str, float]
    seconds: float


@dataclasses.dataclass(frozen=True)
class Tuning:
    """What was tried for a run, the run's own search first.

    Attributes:
        metric: By which the best one was chosen.
        difference: Of the best less the run's own on the same rows, as `paired_bootstrap` gives it. The best of many is
            flattered by its choice.
        data: "source", "rows" and "digest".
    """

    metric: str
    tried: tuple[Tried, ...]
    best: Tried
    difference: dict[str, float]
    data: dict[str, Any]

    def table(self) -> Table:
        """For a terminal."""
        return searches_table(dataclasses.asdict(self))


def tune_search(
    run: str | Path | Run,
    *,
    data: Any = None,
    beams: Sequence[int] = BEAMS,
    length_penalties: Sequence[float] = LENGTH_PENALTIES,
    coverage_penalties: Sequence[float] = (),
    no_repeats: Sequence[int] = (),
    metric: str | None = None,
    store: bool = False,
    columns: Mapping[str, str] | None = None,
    data_dir: str | None = None,
) -> Tuning:
    """Score the validation rows by many searches, and choose the best.

    What ends in a beam depends on no penalty, so each width is searched once, and the penalties choose among all that ended
    there: the scores are those that `Run.evaluate` gives with the same search.

    Args:
        run: A run that looks for its answers, or its folder.
        data: The validation rows; nothing for those that the training was given, or held out, which are read again. Its
            test rows are refused.
        beams: Widths.
        length_penalties, coverage_penalties, no_repeats: As in `seqkit.Search`; nothing for the run's own alone.
        metric: That chooses; nothing for the recipe's first.
        store: Whether the best becomes the run's search, in run.json. Its evaluations stay, and say by which search they
            were made.
        columns: Field -> column, where they are called otherwise than in the training data.
        data_dir: Where TFDS keeps prepared data sets.
    Raises:
        InputError: The run looks for nothing, or draws its answers; its validation rows can't be read again, or `data` are
            its test rows; or a setting is wrong.
    Example:
        >>> from seqkit.recipes import translation
        >>> pairs = (["one", "two", "three", "four"] * 8, ["eins", "zwei", "drei", "vier"] * 8)
        >>> parts = {"encoder": one_layer, "decoder": one_layer, "search": Search(beam=1, longest=5)}
        >>> writer = translation(pairs, valid=pairs, unit="marked_word", out="writer", **parts, **small)
        >>> tuning = seqkit.tune_search(writer, data=pairs, beams=[1, 2], length_penalties=[1.0])
        >>> tuning.metric, [tried.search.beam for tried in tuning.tried]
        ('bleu', [1, 2])
    """
    run = run if isinstance(run, Run) else load(run)
    own = search_of(run.task)
    if own is None:
        raise InputError(
            f"{run.path} was made by {run.task.recipe}, which looks for no answers: there is nothing to tune."
        )
    if own.temperature:
        raise InputError(f"{run.path} draws its answers, at temperature {own.temperature}: tune it with temperature 0.")
    chooses = headlines(run.task.metrics)[0] if metric is None else metric
    one_of("metric", chooses, (), *run.task.metrics)
    grid = _grid(own, beams, length_penalties, coverage_penalties, no_repeats)
    examples = run.task.examined(_validation_rows(run, data, columns, data_dir))
    if data is not None and examples.digest() == run.info["data"].get("test", {}).get("digest"):
        raise InputError(f"{examples.origin} are the test rows of {run.path}: choose a search on others.")
    with answering(run.path):
        found = [one for searches in tracked(grid, "searching") for one in _tried(run, examples, searches)]
    tried, scorers = [one for one, _ in found], [scorer for _, scorer in found]
    gains = [declared(chooses).gain(one.metrics[chooses]) for one in tried]
    best = int(np.argmax(gains))  # of equal ones the first
    test = paired_bootstrap(
        lambda rows: {chooses: scorers[best](rows)[chooses]},
        lambda rows: {chooses: scorers[0](rows)[chooses]},
        len(examples),
        resamples=RESAMPLES,
    )
    facts = {"source": examples.origin, "rows": len(examples), "digest": examples.digest()}
    tuning = Tuning(chooses, tuple(tried), tried[best], test[chooses], facts)
    if store:
        _store(run, tuning)
    return tuning


def _grid(
    own: Search,
    beams: Sequence[int],
    length_penalties: Sequence[float],
    coverage_penalties: Sequence[float],
    no_repeats: Sequence[int],
) -> list[list[Search]]:
    """The searches to try, those together that share what ends in their beam; the run's own is the first of all."""
    together: dict[tuple[int, int], dict[Search, None]] = {(own.beam, own.no_repeat): {own: None}}
    for beam in sorted({*beams}):
        for no_repeat in sorted({*no_repeats} or {own.no_repeat}):
            wide = dataclasses.replace(own, beam=beam, no_repeat=no_repeat, n_best=min(own.n_best, beam))
            searches = together.setdefault((beam, no_repeat), {})
            if beam == 1:  # which no penalty changes
                searches[dataclasses.replace(wide, coverage_penalty=own.coverage_penalty)] = None
                continue
            for coverage in sorted({*coverage_penalties} or {own.coverage_penalty}):
                for length in sorted({*length_penalties} or {own.length_penalty}):
                    one = dataclasses.replace(wide, length_penalty=length, coverage_penalty=coverage)
                    searches[one] = None
    return [list(searches) for searches in together.values()]


def _tried(run: Run, examples: Examples, searches: Sequence[Search]) -> list[tuple[Tried, Scorer]]:
    """What is scored by searches that differ in their penalties alone, and as a function of the rows."""
    task: Any = run.task
    started, count = time.perf_counter(), len(examples)
    beam = searches[0].beam
    wide = dataclasses.replace(searches[0], n_best=beam, length_penalty=0.0, coverage_penalty=0.0)
    beamed = task.with_search(wide, run.model)
    found: Generated = beamed.outputs(run.forward, beamed.encode(examples, EVALUATION_BATCH)[0])
    seconds = time.perf_counter() - started
    assert found.costs is not None, "they were searched for"
    rows, one_best = np.arange(count), task.with_search(dataclasses.replace(wide, n_best=1), run.model)
    scorers: dict[bytes, Scorer] = {}  # of what is chosen for each row, where several searches choose alike
    tried: list[tuple[Tried, Scorer]] = []
    for one in searches:
        places = found.costs.scores(one.length_penalty, one.coverage_penalty).argmax(axis=1)
        if (key := places.tobytes()) not in scorers:
            # of these rows once, as an evaluation has them: a score may depend on all of them, as CIDEr-D does
            scorers[key] = one_best.scorer(examples, found.one_each(rows, places))
        tried.append((Tried(one, scorers[key](rows), seconds), scorers[key]))
    return tried


def _validation_rows(run: Run, data: Any, columns: Mapping[str, str] | None, data_dir: str | None) -> Examples:
    """Those that are given, or else those of the training, read again as it read them."""
    if data is not None:
        return run.task.read(data, run.columns(columns), role="valid", data_dir=data_dir)
    if columns:
        raise InputError("Columns say how data is read, and there is none: give --data, or leave them out.")
    return rows_again(run.task, run.path, run.info, "valid", data_dir=data_dir)


def _store(run: Run, tuning: Tuning) -> None:
    """Make the best search the run's, in run.json."""
    with FolderLock(run.path):
        info = read_info(run.path)
        if made_without_digests(info):
            raise InputError(f"{run.path} was made by a version that stored no search: give the settings each time.")
        info[CHOSEN] = {
            "settings": dataclasses.asdict(tuning.best.search),
            "by": {"metric": tuning.metric, "value": tuning.best.metrics[tuning.metric]} | tuning.difference,
            "data": tuning.data,
            "command": command(),
        }
        write_info(run.path, info)
