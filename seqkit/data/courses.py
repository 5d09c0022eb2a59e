"""Training rows that follow from how the training has gone."""

import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence

from seqkit.data.forcing import without_end
from seqkit.data.pipelines import Pipeline
from seqkit.data.programs import Curriculum, drawn
from seqkit.settings import Exercise

History = Sequence[Mapping[str, float]]


@dataclasses.dataclass(frozen=True)
class Course:
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
    start: Curriculum
    rows: int
    tried: int
    seed: int
    encode: Callable[[dict[str, list[str]]], Pipeline]

    def stage(self, history: History) -> Curriculum:
        """Where the curriculum stands after these epochs."""
        if not self.moves:
            return self.start
        return functools.reduce(lambda stage, row: stage.after(row["stage_accuracy"]), history, self.start)

    @property
    def moves(self) -> bool:
        """Whether anything follows from a trial."""
        return self.start.kind in ("naive", "combined")

    def lessons(self, history: History) -> Pipeline:
        """What the next epoch trains on."""
        return self.encode(self._drawn(self.stage(history), self.rows, "train", history))

    def trial(self, history: History) -> tuple[dict[str, float], Pipeline]:
        """The stage that the epoch was at, and exercises of that size, which it has to pass."""
        length, nesting = self.stage(history).stage
        stage = Curriculum("baseline", length, nesting)
        figures = {"stage_length": float(length), "stage_nesting": float(nesting)}
        return figures, without_end(self.encode(self._drawn(stage, self.tried, "valid", history)))

    def _drawn(self, stage: Curriculum, rows: int, part: str, history: History) -> dict[str, list[str]]:
        return drawn(self.exercise, stage, rows, part=part, seed=(self.seed, len(history)))
