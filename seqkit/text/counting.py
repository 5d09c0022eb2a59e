"""Counts of more distinct tokens than memory should hold: written in order as they fill it, and merged at the end."""

import heapq
import itertools
import pickle
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

HELD = 1 << 20  # distinct tokens that are held at once
BLOCK = 4_096  # of those that were written, read at once
Count = tuple[bytes, int]


def most_counted(counts: Iterable[Count], *, least: int = 1, most: int | None = None) -> list[Count]:
    """Tokens and how often each was counted, exactly.

    Args:
        counts: Tokens, and how often each is there; a token may come again and again.
        least: Those that were counted less often are left out.
        most: Of the others so many, the most frequent; of equally frequent ones the first by name.
    """
    with tempfile.TemporaryDirectory() as folder:
        held, written = dict[bytes, int](), list[Path]()
        for token, count in counts:
            held[token] = held.get(token, 0) + count
            if len(held) >= HELD:
                written.append(_written(held, Path(folder) / str(len(written))))
                held.clear()
        every: Iterable[Count] = held.items()
        if written:
            every = _merged([*map(_read, written), iter(sorted(held.items()))])
        kept = (one for one in every if one[1] >= least)
        return list(kept) if most is None else heapq.nsmallest(most, kept, key=lambda one: (-one[1], one[0]))


def _written(held: dict[bytes, int], path: Path) -> Path:
    rest = iter(sorted(held.items()))
    with open(path, "wb") as file:
        for block in iter(lambda: list(itertools.islice(rest, BLOCK)), []):
            pickle.dump(block, file)
    return path


def _read(path: Path) -> Iterator[Count]:
    with open(path, "rb") as file:
        while file.peek(1):
            yield from pickle.load(file)


def _merged(parts: list[Iterator[Count]]) -> Iterator[Count]:
    """Each token once, in order, of parts that are in order."""
    for token, same in itertools.groupby(heapq.merge(*parts), key=lambda one: one[0]):
        yield token, sum(count for _, count in same)
