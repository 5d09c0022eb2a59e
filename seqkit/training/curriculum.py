"""Training rows that follow from how the training has gone."""

import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence

from seqkit.batches.pipeline import Pipeline
from seqkit.batches.teacher_forcing import without_end
from seqkit.core.settings import Exercise
from seqkit.corpora.programs import Stage, draw_programs

History = Sequence[Mapping[str, float]]


@dataclasses.dataclass(frozen=True)
class Curriculum:
    """Fresh exercises every epoch, of the sizes that the curriculum has arrived at.

    All is a function of the history, the epochs' figures so far: so a resumed training goes on with the same rows.

    Attributes:
        exercise: What is drawn.
        start: Where the curriculum begins.
        rows: How many an epoch.
        tried: How many exercises of the validation part are tried after an epoch, to move up or not.
        seed: Of what is drawn.
        encode: Columns of exercises -> their batches.
    """

    exercise: Exercise
    start: Stage
    rows: int
    tried: int
    seed: int
    encode: Callable[[dict[str, list[str]]], Pipeline]

    def stage(self, history: History) -> Stage:
        """Where the curriculum stands after these epochs."""
        if not self.moves:
            return self.start
        return functools.reduce(lambda stage, row: stage.after(row["stage_accuracy"]), history, self.start)

    @property
    def moves(self) -> bool:
        """Whether anything follows from a stage_rows."""
        return self.start.kind in ("naive", "combined")

    def epoch_rows(self, history: History) -> Pipeline:
        """What the next epoch trains on."""
        return self.encode(self._drawn(self.stage(history), self.rows, "train", history))

    def stage_evaluation(self, history: History) -> tuple[dict[str, float], Pipeline]:
        """The stage that the epoch was at, and exercises of that size, which it has to pass."""
        length, nesting = self.stage(history).stage
        stage = Stage("baseline", length, nesting)
        figures = {"stage_length": float(length), "stage_nesting": float(nesting)}
        return figures, without_end(self.encode(self._drawn(stage, self.tried, "valid", history)))

    def _drawn(self, stage: Stage, rows: int, part: str, history: History) -> dict[str, list[str]]:
        return draw_programs(self.exercise, stage, rows, part=part, seed=(self.seed, len(history)))
