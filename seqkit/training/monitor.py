"""Which epoch's weights are kept."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence

from seqkit.core.bounds import nearest
from seqkit.core.errors import InputError
from seqkit.core.settings import Training
from seqkit.metrics.metric import headlines, metric
from seqkit.training.objectives import Objective
from seqkit.training.sums import Figures

LOSS, VALIDATION = "val_loss", "val_"
History = Sequence[Mapping[str, float]]


@dataclasses.dataclass(frozen=True)
class Monitor:
    """What chooses the epoch whose weights are kept.

    Attributes:
        column: Of the history, of the validation rows.
        score: Scores these rows as the report does, with the weights as they are; nothing where what is counted beside the
            loss is enough.
    Raises:
        InputError: The column's metric is undeclared, so that no epoch could be called better.
    """

    column: str
    score: Callable[[], Figures] | None = None

    def __post_init__(self) -> None:
        metric(self.column.removeprefix(VALIDATION))

    def scores(self) -> Figures:
        """What the history gets beside what is counted."""
        if self.score is None:
            return {}
        scores = self.score()
        if self.column.removeprefix(VALIDATION) not in scores:
            raise InputError(
                f"training.monitor is {self.column.removeprefix(VALIDATION)!r}, of which these validation rows have none: "
                f"they have {', '.join(headlines(list(scores)))}."
            )
        return {f"{VALIDATION}{name}": scores[name] for name in headlines(list(scores))}

    def kept(self, history: History) -> int:
        """The place of the epoch that is kept: the best one, of equals that with the lower loss, and then the first."""
        return max(range(len(history)), key=lambda place: self._rank(history[place]))

    def better(self, row: Mapping[str, float], than: Mapping[str, float]) -> bool:
        """Whether an epoch is kept in place of an earlier one."""
        return self._rank(row) > self._rank(than)

    def _rank(self, row: Mapping[str, float]) -> tuple[float, float]:
        return metric(self.column.removeprefix(VALIDATION)).gain(row[self.column]), -row[LOSS]


def make_monitor(
    training: Training,
    objective: Objective,
    *,
    default: str = LOSS,
    metrics: Sequence[str] = (),
    score: Callable[[], Figures] | None = None,
) -> Monitor:
    """The monitor that `training` names.

    Args:
        default: Where it names none.
        metrics: That `score` gives.
    Raises:
        InputError: It is neither the loss, nor a measure of the objective, nor a headline metric, all of the validation
            rows; or a metric is undeclared.
    """
    name = training.monitor or default
    counted = [f"{VALIDATION}{figure}" for figure in ("loss", *objective.measures)]
    scored = headlines(metrics)
    if name not in (*counted, *scored):
        raise InputError(f"training.monitor is {name!r}{nearest(name, (*counted, *scored))}")
    return Monitor(name) if name in counted else Monitor(f"{VALIDATION}{name}", score)
