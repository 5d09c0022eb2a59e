"""What `predict` prints."""

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from seqkit.core.errors import InputError

if TYPE_CHECKING:
    from seqkit.runs.run import Run


def answers_of(run: "Run", chunks: Iterable[Sequence[Any]], *, with_inputs: bool) -> Iterator[dict[str, Any]]:
    """Answers to chunks of inputs as they come, where that is wanted each behind its input, by the name of its field.

    Raises:
        InputError: That is wanted, and an input is no text.
    """
    fields = run.task.fields
    for chunk in chunks:
        if with_inputs and (len(fields) > 1 or not all(isinstance(one, str | tuple) for one in chunk)):
            raise InputError(
                f"{run.path} is asked by {' and '.join(fields)}, which is no text: leave --with-inputs out."
            )
        for asked, answer in zip(chunk, run.stream([chunk]), strict=True):
            yield ({fields[0]: asked} if with_inputs else {}) | answer
