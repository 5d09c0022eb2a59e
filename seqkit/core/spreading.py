"""One function of many items, spread over whoever works: this thread, some threads, or others that `spreading` names."""

import collections
import contextlib
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import ContextVar
from typing import Any, Protocol

THREADS = 2


class Spread(Protocol):
    """Calls a function for items as these come.

    Args:
        function: Called with what is shared, and an item.
        shared: What is the same for all items.
        items: Of which some more are taken than results have been asked for.
    Returns:
        What it returned, in the order of the items.
    """

    def __call__(
        self, function: Callable[..., Any], shared: tuple[Any, ...], items: Iterable[Any]
    ) -> Iterator[Any]: ...


def one_by_one(function: Callable[..., Any], shared: tuple[Any, ...], items: Iterable[Any]) -> Iterator[Any]:
    """A `Spread` over nobody: in turn, here."""
    return (function(*shared, item) for item in items)


def by_threads(function: Callable[..., Any], shared: tuple[Any, ...], items: Iterable[Any]) -> Iterator[Any]:
    """A `Spread` over two threads, for what lets go of Python's lock."""
    under_way: collections.deque[Future[Any]] = collections.deque()
    with ThreadPoolExecutor(THREADS) as pool:
        for item in items:
            under_way.append(pool.submit(function, *shared, item))
            if len(under_way) > 2 * THREADS:
                yield under_way.popleft().result()
        while under_way:
            yield under_way.popleft().result()


_spread: ContextVar[Spread | None] = ContextVar("spread", default=None)


@contextlib.contextmanager
def spreading(spread: Spread | None) -> Iterator[None]:
    """What is spread in the block goes to these; None for whoever does it otherwise."""
    token = _spread.set(spread)
    try:
        yield
    finally:
        _spread.reset(token)


def spread_or(otherwise: Spread) -> Spread:
    """What `spreading` has named; otherwise this."""
    return _spread.get() or otherwise
