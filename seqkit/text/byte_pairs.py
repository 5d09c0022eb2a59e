"""Byte pair encoding: pieces by merging the most frequent neighbours (Sennrich et al. 2016)."""

import dataclasses
import functools

import numpy as np
import tensorflow as tf

from seqkit.text.subwords import DEAD, Subwords, Tensors, find, put, sorted_arrays

_NEVER = np.iinfo(np.int32).max  # rank of a pair that isn't merged


@dataclasses.dataclass(frozen=True)
class BytePairs(Subwords):
    """Byte pair encoding over characters.

    Each character of a word is a symbol; of all neighbours that together are a piece those of the lowest rank become one
    symbol, the leftmost first, until there are none.

    Attributes:
        pieces: In order of rank: merges first, then all single characters.
    """

    unit = "subword"
    algorithm = "bpe"

    def _cut(self, codes: tf.RaggedTensor) -> tf.Tensor:
        return self._merged(self._characters(codes.flat_values), codes.value_rowids(), codes.nrows())

    def _merged(self, symbols: tf.Tensor, word: tf.Tensor, words: tf.Tensor) -> tf.Tensor:
        """Merge within words, in all words at once.

        Args:
            symbols: int64, (characters,): each character's place among the pieces, or their number where it has none.
            word: int64, (characters,): the word of each, ascending.
            words: int64, (): how many there are.
        Returns:
            int64, (characters,): each symbol where its first character was, `DEAD` at its others.
        """
        nothing = tf.size(symbols, tf.int64)  # the slot before the first symbol of a word and after its last
        slots = tf.range(nothing + 1)
        same = tf.equal(word[1:], word[:-1])
        edge = tf.fill([tf.minimum(tf.size(symbols), 1)], nothing)
        after = tf.concat([tf.where(same, slots[1:-1], nothing), edge, [nothing]], axis=0)  # (slots,)
        before = tf.concat([edge, tf.where(same, slots[: tf.size(same)], nothing), [nothing]], axis=0)
        word = tf.concat([word, [words]], axis=0)
        symbols = tf.concat([symbols, [len(self.pieces)]], axis=0)
        ranks = self._ranks(symbols, tf.gather(symbols, after))  # of each symbol with the one after it

        def merge(symbols: tf.Tensor, ranks: tf.Tensor, after: tf.Tensor, before: tf.Tensor) -> Tensors:
            best = tf.math.segment_min(ranks * (nothing + 1) + slots, word)  # (words + 1,), the leftmost of equal rank
            best = tf.boolean_mask(best, best < _NEVER * (nothing + 1))
            piece, left = best // (nothing + 1), best % (nothing + 1)  # a piece's rank is its place
            right = tf.gather(after, left)
            previous, following = tf.gather(before, left), tf.gather(after, right)
            symbols = put(symbols, left, piece)
            ranks = put(ranks, left, self._ranks(piece, tf.gather(symbols, following)))
            ranks = put(ranks, previous, self._ranks(tf.gather(symbols, previous), piece))
            ranks = put(ranks, right, tf.fill(tf.shape(right), tf.constant(_NEVER, tf.int64)))
            symbols = put(symbols, right, tf.fill(tf.shape(right), tf.constant(DEAD, tf.int64)))
            return symbols, ranks, put(after, left, following), put(before, following, left)

        def goes_on(symbols: tf.Tensor, ranks: tf.Tensor, after: tf.Tensor, before: tf.Tensor) -> tf.Tensor:
            return tf.reduce_any(ranks < _NEVER)

        return tf.while_loop(goes_on, merge, (symbols, ranks, after, before))[0][:-1]

    def _characters(self, codes: tf.Tensor) -> tf.Tensor:
        """Places of characters among the pieces, their number where there is none: int32, (characters,) -> int64."""
        return find(tf.cast(codes, tf.int64), *self._letters, len(self.pieces))

    def _ranks(self, left: tf.Tensor, right: tf.Tensor) -> tf.Tensor:
        """Rank of each pair of symbols: int64, (pairs,)."""
        return find(left * (len(self.pieces) + 1) + right, *self._pairs, _NEVER)

    @functools.cached_property
    def _letters(self) -> tuple[np.ndarray, np.ndarray]:
        """Single characters, ascending, and their places."""
        return sorted_arrays({ord(piece): place for place, piece in enumerate(self.pieces) if len(piece) == 1})

    @functools.cached_property
    def _pairs(self) -> tuple[np.ndarray, np.ndarray]:
        """All pairs of pieces that together are a piece, as one number each, ascending; and its place."""
        places = {piece: place for place, piece in enumerate(self.pieces)}
        pairs = {}
        for whole, place in places.items():
            for cut in range(1, len(whole)):
                left, right = places.get(whole[:cut]), places.get(whole[cut:])
                if left is not None and right is not None:
                    pairs[left * (len(places) + 1) + right] = place
        return sorted_arrays(pairs)
