"""Subwords: pieces of words, learned by merging the most frequent neighbours (Sennrich et al. 2016).

sentencepiece learns the pieces; TensorFlow's core operations split with them, id for id as sentencepiece would.
"""

import dataclasses
import functools
import io
from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from seqkit.errors import InputError
from seqkit.progress import say

MARK = "▁"  # U+2581, where a word begins; in a text by itself it counts as a space

# Runs of spaces and control characters are one space, none at the ends; then each word begins with the mark.
MARKED = ((rf"[\p{{Z}}\p{{Cc}}{MARK}]+", " "), (r" $", ""), (r"^ ?(.)", rf"{MARK}\1"), (r" ", rf" {MARK}"))

_DEAD = -1  # a symbol that was merged into the one before it
_NEVER = np.iinfo(np.int32).max  # rank of a pair that isn't merged


@dataclasses.dataclass(frozen=True)
class Subwords:
    """The rule that makes pieces of a text: byte pair encoding over characters.

    Every word begins with `MARK`, so that the pieces, joined, say where the spaces are. Each character of a word is a
    symbol; of all neighbours that together are a piece those of the lowest rank become one symbol, the leftmost first, until
    there are none. Neighbouring characters that no piece holds are one unknown token, as in sentencepiece.

    Attributes:
        pieces: In order of rank: merges first, then all single characters.
        lowercase: Whether case is folded first.
    """

    pieces: tuple[str, ...]
    lowercase: bool = False

    unit = "subword"
    steps = MARKED  # RE2 (pattern, replacement) pairs, applied in order to the folded text; then blanks part the words

    def __call__(self, texts: tf.Tensor) -> tf.RaggedTensor:
        """Split.

        Args:
            texts: string, (rows,), UTF-8.
        Returns:
            string, (rows, None).
        """
        if self.lowercase:
            texts = fold(texts)
        for pattern, replacement in self.steps:
            texts = tf.strings.regex_replace(texts, pattern, replacement)
        words = tf.strings.split(texts)
        distinct, places = tf.unique(words.flat_values)
        return words.with_flat_values(tf.gather(self._split_words(distinct), places)).merge_dims(1, 2)

    def join(self, pieces: tf.RaggedTensor) -> tf.Tensor:
        """The texts that pieces make: string, (rows, None) -> (rows,)."""
        return unmark(tf.strings.reduce_join(pieces, axis=1))

    def _split_words(self, words: tf.Tensor) -> tf.RaggedTensor:
        """string, (words,), each with characters -> (words, None)."""
        codes = tf.strings.unicode_decode(words, "UTF-8")  # (words, None)
        word = codes.value_rowids()  # (characters,)
        symbols = self._merged(self._characters(codes.flat_values), word, codes.nrows())
        unknown = tf.equal(symbols, len(self.pieces))
        again = unknown[1:] & unknown[:-1] & tf.equal(word[1:], word[:-1])
        begins = tf.not_equal(symbols, _DEAD) & ~tf.concat([tf.zeros_like(unknown[:1]), again], axis=0)
        starts = tf.squeeze(tf.where(begins), axis=1)  # (pieces,)
        pieces = tf.strings.unicode_encode(tf.RaggedTensor.from_row_starts(codes.flat_values, starts), "UTF-8")
        return tf.RaggedTensor.from_value_rowids(pieces, tf.gather(word, starts), nrows=codes.nrows())

    def _merged(self, symbols: tf.Tensor, word: tf.Tensor, words: tf.Tensor) -> tf.Tensor:
        """Merge within words, in all words at once.

        Args:
            symbols: int64, (characters,): each character's place among the pieces, or their number where it has none.
            word: int64, (characters,): the word of each, ascending.
            words: int64, (): how many there are.
        Returns:
            int64, (characters,): each symbol where its first character was, `_DEAD` at its others.
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

        def merge(symbols, ranks, after, before):
            best = tf.math.segment_min(ranks * (nothing + 1) + slots, word)  # (words + 1,), the leftmost of equal rank
            best = tf.boolean_mask(best, best < _NEVER * (nothing + 1))
            piece, left = best // (nothing + 1), best % (nothing + 1)  # a piece's rank is its place
            right = tf.gather(after, left)
            previous, following = tf.gather(before, left), tf.gather(after, right)
            symbols = _put(symbols, left, piece)
            ranks = _put(ranks, left, self._ranks(piece, tf.gather(symbols, following)))
            ranks = _put(ranks, previous, self._ranks(tf.gather(symbols, previous), piece))
            ranks = _put(ranks, right, tf.fill(tf.shape(right), tf.constant(_NEVER, tf.int64)))
            symbols = _put(symbols, right, tf.fill(tf.shape(right), tf.constant(_DEAD, tf.int64)))
            return symbols, ranks, _put(after, left, following), _put(before, following, left)

        def goes_on(symbols, ranks, after, before):
            return tf.reduce_any(ranks < _NEVER)

        return tf.while_loop(goes_on, merge, (symbols, ranks, after, before))[0][:-1]

    def _characters(self, codes: tf.Tensor) -> tf.Tensor:
        """Places of characters among the pieces, their number where there is none: int32, (characters,) -> int64."""
        return _find(tf.cast(codes, tf.int64), *self._letters, len(self.pieces))

    def _ranks(self, left: tf.Tensor, right: tf.Tensor) -> tf.Tensor:
        """Rank of each pair of symbols: int64, (pairs,)."""
        return _find(left * (len(self.pieces) + 1) + right, *self._pairs, _NEVER)

    @functools.cached_property
    def _letters(self) -> tuple[np.ndarray, np.ndarray]:
        """Single characters, ascending, and their places. Arrays, for a table would have to be exported by its owner."""
        return _sorted({ord(piece): place for place, piece in enumerate(self.pieces) if len(piece) == 1})

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
        return _sorted(pairs)


def learn_pieces(counts: Mapping[str, int], size: int, *, min_count: int = 1) -> tuple[str, ...]:
    """Learn pieces from words by sentencepiece, in order of rank; the order of the words doesn't matter.

    Args:
        counts: Word, with its mark -> how often it occurs.
        size: Pieces at most.
        min_count: How often a character must occur to be known; merges stop at rarer ones.
    Raises:
        InputError: There are more characters than pieces, or none.
    """
    import sentencepiece

    occurrences: dict[str, int] = {}
    for word, count in counts.items():
        for character in word:
            occurrences[character] = occurrences.get(character, 0) + count
    known = {character for character, count in occurrences.items() if count >= min_count or character == MARK}
    if not known - {MARK}:
        raise InputError(f"The training texts hold no character that occurs {min_count} times: check the text column.")
    if len(known) > size:
        raise InputError(
            f"The training texts hold {len(known)} characters, and there is room for {size} pieces: raise the "
            f"vocabulary's size by {len(known) - size} or more, or min_count, below which characters are unknown."
        )
    runs: dict[str, int] = {}
    for word, count in counts.items():
        for run in "".join(character if character in known else " " for character in word).split():
            runs[run] = runs.get(run, 0) + count
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.Train(
        sentence_iterator=(f"{run}\t{runs[run]}" for run in sorted(runs)),
        input_format="tsv",
        model_writer=model,
        model_type="bpe",
        vocab_size=size + 1,  # with its own unknown piece, whose name no text can hold
        unk_piece="\t",
        bos_id=-1,
        eos_id=-1,
        hard_vocab_limit=False,
        character_coverage=1.0,
        normalization_rule_name="identity",
        add_dummy_prefix=False,  # words have their marks already
        remove_extra_whitespaces=False,
        max_sentence_length=1 << 30,
        num_threads=1,
        minloglevel=3,
    )
    learned = sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())
    pieces = tuple(learned.id_to_piece(number) for number in range(1, len(learned)))
    if len(pieces) < size:
        say(f"the training texts give {len(pieces):,} pieces, fewer than the {size:,} that there is room for")
    return pieces


def fold(texts: tf.Tensor) -> tf.Tensor:
    """Texts in lower case: string, (rows,). A NUL, at which TensorFlow's operation would end the text, is a space."""
    return tf.strings.lower(tf.strings.regex_replace(texts, r"\x00", " "), encoding="utf-8")


def unmark(texts: tf.Tensor) -> tf.Tensor:
    """Marked texts as they are written: string, (rows,)."""
    return tf.strings.regex_replace(tf.strings.regex_replace(texts, f"^{MARK}", ""), MARK, " ")


def _sorted(places: Mapping[int, int]) -> tuple[np.ndarray, np.ndarray]:
    keys = sorted(places)
    return np.array(keys, np.int64), np.array([places[key] for key in keys], np.int64)


def _find(wanted: tf.Tensor, keys: np.ndarray, values: np.ndarray, otherwise: int) -> tf.Tensor:
    """The value of each key: int64, (items,)."""
    if not len(keys):
        return tf.fill(tf.shape(wanted), tf.constant(otherwise, tf.int64))
    place = tf.minimum(tf.searchsorted(keys, wanted), len(keys) - 1)
    return tf.where(tf.equal(tf.gather(keys, place), wanted), tf.gather(values, place), otherwise)


def _put(values: tf.Tensor, places: tf.Tensor, new: tf.Tensor) -> tf.Tensor:
    return tf.tensor_scatter_nd_update(values, places[:, None], new)
