"""What a row of published results is: what is trained, how it is scored, and what others have published of it."""

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from scipy import stats

from seqkit.metrics.comparison import BOUNDS
from seqkit.metrics.metric import metric
from seqkit.report.wording import signed


@dataclasses.dataclass(frozen=True)
class Given:
    """Of the command.

    Attributes:
        data: Folder of the data sets.
        out: Folder of the runs.
        seeds: How many, from 0 on.
        flags: More flags for `seqkit study`, with which a row is only tried.
    """

    data: Path
    out: Path
    seeds: int
    flags: Sequence[str] = ()


@dataclasses.dataclass(frozen=True)
class Measured:
    """Of a row.

    Attributes:
        values: The figure of each seed.
        seconds: Of each training, by the clock.
        rows: "low" and "high", the 95% interval of the seeds' mean over resampled test rows, where rows were kept.
    """

    values: Sequence[float]
    seconds: Sequence[float]
    rows: dict[str, float] | None = None


@dataclasses.dataclass(frozen=True)
class Published:
    """What others have.

    Attributes:
        said: The figure with what it is of.
        source: Where it stands.
        value: The figure as the row's metric has it, where the two can be set side by side.
    """

    said: str
    source: str
    value: float | None = None


@dataclasses.dataclass(frozen=True)
class Row:
    """A figure.

    Attributes:
        of: What is learned, and from what.
        metric: Its name, as `seqkit.metrics.metric` knows it.
        measure: Trains, and scores.
        published: By others; nothing where nothing was found that is of the same data.
    """

    of: str
    metric: str
    measure: Callable[[Given], Measured]
    published: Published | None = None

    def beside(self, line: dict[str, object]) -> str:
        """How a measured line stands beside what is published: level where that lies in one of its intervals."""
        if self.published is None or self.published.value is None:
            return "–"
        theirs, ours = self.published.value, float(np.mean(line["values"]))
        for found in (over_seeds(self.metric, line["values"]), line["rows"]):
            if found is not None and found["low"] <= theirs <= found["high"]:
                return "level"
        ahead = metric(self.metric).gain(ours) > metric(self.metric).gain(theirs)
        return f"{'ahead' if ahead else '**short**'}, {signed(self.metric, ours - theirs)}"


def over_seeds(name: str, values: Sequence[float]) -> dict[str, float] | None:
    """The 95% interval of the mean over other seeds (Student's t), within what the metric can be; nothing of one."""
    if len(values) < 2:
        return None
    half = stats.t.ppf(0.975, len(values) - 1) * np.std(values, ddof=1) / np.sqrt(len(values))
    low, high = BOUNDS.get(metric(name).kind, (0.0, np.inf))  # a plain number here is an error
    return {"low": float(max(np.mean(values) - half, low)), "high": float(min(np.mean(values) + half, high))}
