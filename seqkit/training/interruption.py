"""Ctrl-C, and a request to end, while something must be brought to its end."""

import contextlib
import signal
from collections.abc import Callable, Iterator
from types import FrameType

from seqkit.core.errors import Terminated

Stop = type[KeyboardInterrupt]
STOPS: dict[signal.Signals, Stop] = {signal.SIGINT: KeyboardInterrupt, signal.SIGTERM: Terminated}


@contextlib.contextmanager
def interruption() -> Iterator[Callable[[], Stop | None]]:
    """Ctrl-C or SIGTERM is noted, to be looked at between steps; a second one stops at once."""
    noted: list[Stop] = []

    def note(number: int, frame: FrameType | None) -> None:
        stop = STOPS[signal.Signals(number)]
        if noted:
            raise stop
        noted.append(stop)

    with _handled(note, *STOPS):
        yield lambda: noted[0] if noted else None


@contextlib.contextmanager
def terminable() -> Iterator[None]:
    """SIGTERM raises Terminated, as Ctrl-C raises KeyboardInterrupt, so that nothing is left half done."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise Terminated

    with _handled(stop, signal.SIGTERM):
        yield


@contextlib.contextmanager
def _handled(handler: Callable[[int, FrameType | None], None], *signals: signal.Signals) -> Iterator[None]:
    before = {}
    try:
        for one in signals:
            before[one] = signal.signal(one, handler)
    except ValueError:  # not the main thread: signals go elsewhere
        yield
        return
    try:
        yield
    finally:
        for one, handler_before in before.items():
            signal.signal(one, handler_before)
