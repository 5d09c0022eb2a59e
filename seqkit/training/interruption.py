"""Ctrl-C, and a request to end, while something must be brought to its end."""

import contextlib
import signal
from collections.abc import Callable, Iterator
from types import FrameType

from seqkit.core.errors import Terminated

Stop = type[KeyboardInterrupt]
STOPS: dict[signal.Signals, Stop] = {signal.SIGINT: KeyboardInterrupt, signal.SIGTERM: Terminated}


class Interruption:
    """Whether somebody has asked for an end.

    Attributes:
        noted: How, or None.
    """

    def __init__(self) -> None:
        self.noted: Stop | None = None
        self._raised: Callable[[Stop], KeyboardInterrupt] | None = None

    def note(self, stop: Stop) -> None:
        """Keep in mind that somebody has; raise where that is due at once, or for the second time."""
        if self._raised is not None:
            raise self._raised(stop)
        if self.noted is not None:
            raise stop
        self.noted = stop

    @contextlib.contextmanager
    def at_once(self, raised: Callable[[Stop], KeyboardInterrupt]) -> Iterator[None]:
        """In the block nothing is in the making: an end is at once, by what `raised` makes of it."""
        self._raised = raised
        try:
            if self.noted is not None:
                raise raised(self.noted)
            yield
        finally:
            self._raised = None


@contextlib.contextmanager
def interruption() -> Iterator[Interruption]:
    """Ctrl-C or SIGTERM is noted, to be looked at between steps; a second one stops at once."""
    interrupted = Interruption()

    def note(number: int, frame: FrameType | None) -> None:
        interrupted.note(STOPS[signal.Signals(number)])

    with _handled(note, *STOPS):
        yield interrupted


@contextlib.contextmanager
def terminable() -> Iterator[None]:
    """SIGTERM raises Terminated, as Ctrl-C raises KeyboardInterrupt, so that nothing is left half done."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise Terminated

    with _handled(stop, signal.SIGTERM):
        yield


def plain_signals() -> contextlib.AbstractContextManager[None]:
    """Ctrl-C and SIGTERM end the process at once, in the middle of what isn't Python and never looks at them."""
    return _handled(signal.SIG_DFL, *STOPS)


@contextlib.contextmanager
def _handled(
    handler: Callable[[int, FrameType | None], None] | signal.Handlers, *signals: signal.Signals
) -> Iterator[None]:
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
