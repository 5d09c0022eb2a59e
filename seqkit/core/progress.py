"""What a person sees while a model trains: a bar in a terminal, plain lines in a log file. All on standard error."""

import contextlib
import time
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import TypeVar

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from seqkit.core.terminal import Terminal

T = TypeVar("T")

SECONDS_BETWEEN_LINES = 30.0
console = Terminal(stderr=True, soft_wrap=True)


def notify(line: str) -> None:
    """Print a line of the log."""
    console.print(line)


def tracked(items: Sequence[T], what: str) -> Iterator[T]:
    """The items, one by one, with a bar in a terminal, and a line now and then in a log.

    Args:
        what: What is done to them: "fitting the baseline fixed_window".
    """
    columns = TextColumn("{task.description}"), BarColumn(bar_width=8), MofNCompleteColumn(), TimeRemainingColumn()
    spoke = time.monotonic()
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        for number, item in enumerate(bar.track(items, description=what), start=1):
            yield item
            if not console.is_terminal and time.monotonic() - spoke > SECONDS_BETWEEN_LINES:
                spoke = time.monotonic()
                notify(f"{what}: {number:,} of {len(items):,}")


class EpochProgress:
    """The progress of a training: `step` after each step, `epoch` after each epoch.

    Args:
        epochs: Of the training.
        steps: Of an epoch.
        at: The epoch in which the training stands, from 1, and that one's steps that are done.
        shown: Whether anything is to be seen.
    """

    def __init__(self, epochs: int, steps: int, *, at: tuple[int, int] = (1, 0), shown: bool = True):
        self._epochs, self._steps, self._shown = epochs, steps, shown
        self._bar = Progress(
            TextColumn("epoch {task.fields[epoch]}"),
            BarColumn(bar_width=8),
            MofNCompleteColumn(),
            TextColumn("{task.fields[figures]}"),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            disable=not (console.is_terminal and shown),
        )
        epoch, done = at
        self._task = self._bar.add_task(
            "", total=steps, completed=done, epoch=f"{epoch}/{epochs}", figures="compiling the first step"
        )
        self._spoke = time.monotonic()

    def __enter__(self) -> "EpochProgress":
        self._bar.start()
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._bar.stop()

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Without a bar, where others may have theirs."""
        self._bar.stop()
        try:
            yield
        finally:
            self._bar.start()

    def step(self, epoch: int, step: int, figures: dict[str, float]) -> None:
        """Say that `step` steps of epoch `epoch` (from 1) are done."""
        self._bar.update(self._task, completed=step, epoch=f"{epoch}/{self._epochs}", figures=_short(figures))
        if self._shown and not console.is_terminal and time.monotonic() - self._spoke > SECONDS_BETWEEN_LINES:
            self._spoke = time.monotonic()
            notify(f"epoch {epoch}/{self._epochs}, step {step}/{self._steps}: {_line(figures)}")

    def epoch(self, epoch: int, figures: dict[str, float]) -> None:
        """Say what epoch `epoch` (from 1) came to."""
        self._spoke = time.monotonic()
        self._bar.reset(self._task, total=self._steps, epoch="", figures="")
        if self._shown:
            notify(f"epoch {epoch}/{self._epochs}: {_line(figures)}")


def _short(figures: dict[str, float]) -> str:
    """What fits beside a bar in 80 columns."""
    return "loss {loss:.3f}  norm {gradient_norm:.2f}  clipped {clipped_share:.0%}  {tokens_per_second:,.0f}/s".format(
        **figures
    )


def _line(figures: dict[str, float]) -> str:
    parts = []
    for name, value in figures.items():
        words = name if name.startswith("val_") else name.replace("_", " ")
        if name.endswith("share"):
            parts.append(f"{words.removesuffix(' share')} {value:.0%}")
        elif name in ("seconds", "tokens_per_second"):
            parts.append(f"{value:,.0f} {'s' if name == 'seconds' else 'tokens/s'}")
        else:
            parts.append(f"{words} {value:.4g}")
    return "  ".join(parts)
