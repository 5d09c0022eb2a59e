"""Words to pieces, as training cuts them: byte pairs, and the most probable ones."""

import heapq
import itertools
import math
import struct
from collections.abc import Callable, Mapping, Sequence

Piece = tuple[str, bool]  # and whether it is known
Cut = Callable[[str], list[Piece]]
UNKNOWN_PENALTY = 10.0  # by which an unknown character scores below the least likely piece
_EXACT = 2**14  # sums of scores below it are exact in single precision
_KEPT = 2**16  # words whose pieces are remembered, those up to `_SHORT` characters
_SHORT = 64


class Pieces:
    """The pieces of words, neighbouring unknown characters as one; those of short words are remembered."""

    def __init__(self, cut: Cut) -> None:
        self._cut = cut
        self._kept: dict[str, list[str]] = {}

    def of(self, word: str) -> list[str]:
        """A word's pieces."""
        kept = self._kept.get(word)
        if kept is not None:
            return kept
        pieces: list[str] = []
        for known, run in itertools.groupby(self._cut(word), key=lambda piece: piece[1]):
            found = [piece for piece, _ in run]
            pieces += found if known else ["".join(found)]
        if len(word) <= _SHORT:
            if len(self._kept) >= _KEPT:
                self._kept.clear()
            self._kept[word] = pieces
        return pieces


def byte_pairs(places: Mapping[str, int]) -> Cut:
    """Of all neighbours that together are a piece those of the lowest place become one, the leftmost first.

    Args:
        places: Piece -> place.
    """

    def cut(word: str) -> list[Piece]:
        end = len(word)
        symbols: list[str | None] = [letter if letter in places else None for letter in word]  # None: unknown, or gone
        after, before = list(range(1, end + 1)), list(range(-1, end - 1))
        waiting: list[tuple[int, int, str, str]] = []

        def offer(place: int) -> None:
            """What stands at a place and what comes after it wait to be merged."""
            if place < 0 or after[place] == end:
                return
            left, right = symbols[place], symbols[after[place]]
            if left is not None and right is not None and (rank := places.get(left + right)) is not None:
                heapq.heappush(waiting, (rank, place, left, right))

        for place in range(end):
            offer(place)
        while waiting:
            _, place, left, right = heapq.heappop(waiting)
            other = after[place]
            if symbols[place] != left or other == end or symbols[other] != right:
                continue  # one of them was merged since
            symbols[place], symbols[other] = left + right, None
            after[place] = after[other]
            if after[place] < end:
                before[after[place]] = place
            offer(before[place])
            offer(place)
        pieces, place = [], 0
        while place < end:
            symbol = symbols[place]
            pieces.append((word[place] if symbol is None else symbol, symbol is not None))
            place = after[place]
        return pieces

    return cut


def most_probable(pieces: Sequence[str], scores: Sequence[float]) -> Cut:
    """The pieces whose scores have the highest sum; of equal sums up to a character the one with the longer last piece.

    Sums are those of single precision, which are exact but in very long words.
    """
    rounded = [_single(score) for score in scores]
    known = {piece[:size]: -math.inf for piece in pieces for size in range(1, len(piece))}  # beginnings of pieces
    known |= dict(zip(pieces, rounded, strict=True))
    unknown = _single(min(rounded, default=0.0) - UNKNOWN_PENALTY)
    largest = max(map(abs, [*rounded, unknown]))

    def cut(word: str) -> list[Piece]:
        end = len(word)
        exact = end * largest < _EXACT
        sums, begins = [0.0] + [-math.inf] * end, [0] * (end + 1)  # of the text up to each character
        for begin in range(end):
            for stop in range(begin + 1, end + 1):
                score = known.get(word[begin:stop])
                last = score is None
                if stop == begin + 1 and (score is None or score == -math.inf):
                    score = unknown
                if score is not None:
                    total = sums[begin] + score if exact else _single(sums[begin] + score)
                    if total > sums[stop]:  # of equal ones that which began before is longer
                        sums[stop], begins[stop] = total, begin
                if last:
                    break
        found: list[Piece] = []
        while end:
            piece = word[begins[end] : end]
            found.append((piece, known.get(piece, -math.inf) > -math.inf))
            end = begins[end]
        return found[::-1]

    return cut


def _single(number: float) -> float:
    """The nearest number of single precision."""
    return float(struct.unpack("<f", struct.pack("<f", number))[0])
