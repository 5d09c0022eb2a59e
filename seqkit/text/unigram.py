"""Unigram subwords: the pieces of the highest probability (Kudo 2018)."""

import dataclasses
import functools
from collections.abc import Mapping
from typing import Self

import numpy as np
import tensorflow as tf

from seqkit.core.errors import InputError
from seqkit.text.subwords import DEAD, Subwords, Tensors, find, put, sorted_arrays

GRAIN = 1024  # scores are multiples of its inverse, so that sums down to -16,384 are exact in float32, in any order
UNKNOWN_PENALTY = 10.0  # by which an unknown character scores below the least likely piece
_LETTER_BITS = 21  # of a code point


@dataclasses.dataclass(frozen=True)
class Unigram(Subwords):
    """A unigram language model of pieces.

    A word is cut into the pieces whose scores have the highest sum (Viterbi). Of equal sums up to a place the one with the
    longer last piece goes on, as in sentencepiece. A character that is no piece may be cut off as unknown.

    Attributes:
        pieces: In order of probability.
        scores: Log-probability of each, a multiple of 1 / `GRAIN`.
    """

    scores: tuple[float, ...] = ()

    unit = "unigram"
    algorithm = "unigram"

    def __post_init__(self) -> None:
        if len(self.scores) != len(self.pieces):
            raise InputError(
                f"Unigram subwords need a score each: there are {len(self.pieces)} and {len(self.scores)}."
            )

    @classmethod
    def learned(cls, scores: Mapping[str, float], *, lowercase: bool) -> Self:
        return cls(tuple(scores), tuple(round(score * GRAIN) / GRAIN for score in scores.values()), lowercase=lowercase)

    def _cut(self, codes: tf.RaggedTensor) -> tf.Tensor:
        places = self._ending(tf.cast(codes.flat_values, tf.int64), codes.value_rowids())
        best = self._best(places, codes.row_starts(), codes.row_lengths())
        place = tf.gather(places, best, batch_dims=1)
        begin = tf.range(tf.size(place, tf.int64)) - (self._longest - 1 - best)  # of the best piece that ends here
        kept = tf.squeeze(tf.where(_reached(begin, codes.row_starts(), codes.row_limits())), axis=1)
        symbols = tf.fill(tf.shape(place), tf.constant(DEAD, tf.int64))
        return put(symbols, tf.gather(begin, kept), tf.gather(place, kept))

    def _ending(self, letters: tf.Tensor, word: tf.Tensor) -> tf.Tensor:
        """The pieces that end at each character: a walk through the trie of all pieces, from all characters at once.

        Args:
            letters: int64, (characters,): code points.
            word: int64, (characters,): the word of each, ascending.
        Returns:
            int64, (characters, longest): places of pieces, the longest first, and the number of pieces for an unknown
            character; one more where there is none.
        """
        keys, children, pieces = map(tf.constant, self._trie)
        count = tf.size(letters, tf.int64)
        column = tf.constant(self._longest - 1, tf.int64)
        ending = tf.fill([count, self._longest], tf.constant(len(self.pieces) + 1, tf.int64))

        def walk(column: tf.Tensor, begin: tf.Tensor, node: tf.Tensor, ending: tf.Tensor) -> Tensors:
            end = begin + self._longest - 1 - column
            inside = tf.equal(tf.gather(word, tf.minimum(end, count - 1)), tf.gather(word, begin)) & (end < count)
            begin, end, node = (tf.boolean_mask(values, inside) for values in (begin, end, node))
            node = find(node * 2**_LETTER_BITS + tf.gather(letters, end), keys, children, DEAD)
            begin, end, node = (tf.boolean_mask(values, node != DEAD) for values in (begin, end, node))
            cells = tf.stack([end, tf.fill(tf.shape(end), column)], axis=1)
            return column - 1, begin, node, tf.tensor_scatter_nd_update(ending, cells, tf.gather(pieces, node))

        def goes_on(column: tf.Tensor, begin: tf.Tensor, node: tf.Tensor, ending: tf.Tensor) -> tf.Tensor:
            return tf.size(node) > 0

        state = column, tf.range(count), tf.zeros_like(letters), ending
        shapes = column.shape, tf.TensorShape([None]), tf.TensorShape([None]), ending.shape
        ending = tf.while_loop(goes_on, walk, state, shape_invariants=shapes)[3]
        alone = tf.minimum(ending[:, -1:], len(self.pieces))  # no piece of one character: an unknown one
        return tf.concat([ending[:, :-1], alone], axis=1)

    def _best(self, places: tf.Tensor, starts: tf.Tensor, lengths: tf.Tensor) -> tf.Tensor:
        """Viterbi, character by character in all words at once.

        Args:
            places: int64, (characters, longest): of pieces, by where they end.
            starts: int64, (words,): where each begins.
            lengths: int64, (words,).
        Returns:
            int64, (characters,): the column of the piece that ends the best cut up to each character.
        """
        scores = tf.gather(self._scores, places)  # (characters, longest), -inf where there is no piece
        back = tf.range(self._longest, 0, -1, dtype=tf.int64)  # (longest,)
        sums = tf.zeros(tf.size(starts) + tf.size(places[:, 0]))  # a slot before each word, one behind each character
        columns = tf.zeros_like(places[:, 0])

        def extend(step: tf.Tensor, sums: tf.Tensor, columns: tf.Tensor) -> Tensors:
            word = tf.squeeze(tf.where(lengths > step), axis=1)  # (words,) that are so long
            end = tf.gather(starts, word) + step
            slot = end + word + 1
            before = tf.gather(sums, tf.maximum(slot[:, None] - back, 0))  # (words, longest)
            candidates = before + tf.gather(scores, end)
            column = tf.argmax(candidates, axis=1)  # the first of equal ones, which is the longest piece
            return (
                step + 1,
                put(sums, slot, tf.gather(candidates, column, batch_dims=1)),
                put(columns, end, column),
            )

        def goes_on(step: tf.Tensor, sums: tf.Tensor, columns: tf.Tensor) -> tf.Tensor:
            return tf.reduce_any(lengths > step)

        return tf.while_loop(goes_on, extend, (tf.constant(0, tf.int64), sums, columns))[2]

    @functools.cached_property
    def _longest(self) -> int:
        return max(map(len, self.pieces), default=1)

    @functools.cached_property
    def _scores(self) -> np.ndarray:
        """Of all pieces, of an unknown character, and of none: float32."""
        return np.array([*self.scores, min(self.scores, default=0.0) - UNKNOWN_PENALTY, -np.inf], np.float32)

    @functools.cached_property
    def _trie(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Nodes joined with letters, ascending, and the nodes to which they lead; then the place of each node's piece."""
        nodes, edges = {"": 0}, {}
        for piece in self.pieces:
            for end in range(1, len(piece) + 1):
                if piece[:end] not in nodes:
                    nodes[piece[:end]] = len(nodes)
                    edges[nodes[piece[: end - 1]] * 2**_LETTER_BITS + ord(piece[end - 1])] = nodes[piece[:end]]
        places = {piece: place for place, piece in enumerate(self.pieces)}
        return *sorted_arrays(edges), np.array([places.get(prefix, len(places) + 1) for prefix in nodes], np.int64)


def _reached(begin: tf.Tensor, starts: tf.Tensor, limits: tf.Tensor) -> tf.Tensor:
    """Where the pieces end that are met from the ends of words backwards.

    Args:
        begin: int64, (characters,): where the piece begins that ends at each.
        starts: int64, (words,): where each begins.
        limits: int64, (words,): where each is over.
    Returns:
        bool, (characters,).
    """

    def step(end: tf.Tensor, start: tf.Tensor, reached: tf.Tensor) -> Tensors:
        reached = put(reached, end, tf.ones_like(end, tf.bool))
        end = tf.gather(begin, end) - 1
        more = end >= start
        return tf.boolean_mask(end, more), tf.boolean_mask(start, more), reached

    def goes_on(end: tf.Tensor, start: tf.Tensor, reached: tf.Tensor) -> tf.Tensor:
        return tf.size(end) > 0

    shapes = tf.TensorShape([None]), tf.TensorShape([None]), begin.shape
    state = limits - 1, starts, tf.zeros_like(begin, tf.bool)
    return tf.while_loop(goes_on, step, state, shape_invariants=shapes)[2]
