"""Subwords: pieces of words. sentencepiece learns them; TensorFlow's core operations split with them, id for id as it would.

Here is what all kinds share; `BytePairs` and `Unigram` cut words.
"""

import dataclasses
import io
from collections.abc import Mapping
from typing import ClassVar, Literal, Self

import numpy as np
import sentencepiece
import tensorflow as tf

from seqkit.core.errors import InputError
from seqkit.core.progress import notify
from seqkit.text.normal_form import nfc

MARK = "▁"  # U+2581, where a word begins; in a text by itself it counts as a space
# Runs of spaces and control characters are one space, none at the ends; then each word begins with the mark.
MARKED = ((rf"[\p{{Z}}\p{{Cc}}{MARK}]+", " "), (r" $", ""), (r"^ ?(.)", rf"{MARK}\1"), (r" ", rf" {MARK}"))
_NATIONAL = (("İ", "i\u0307"), ("Ì", "ì"), ("Í", "í"), ("Ĩ", "ĩ"), ("Į", "į"))  # beside I and J
DEAD = -1  # where a symbol goes on that began before

Tensors = tuple[tf.Tensor, ...]


@dataclasses.dataclass(frozen=True)
class Subwords:
    """The rule that makes pieces of a text.

    Every word begins with `MARK`, so that the pieces, joined, say where the spaces are. How a word is cut is what kinds of
    subwords differ in. Neighbouring characters that no piece holds are one unknown token, as in sentencepiece.

    Attributes:
        pieces: All of them, single characters too.
        lowercase: Whether case is folded first.
        normalise: Whether texts are brought into Unicode's normal form C before that.
    """

    pieces: tuple[str, ...]
    lowercase: bool = dataclasses.field(default=False, kw_only=True)
    normalise: bool = dataclasses.field(default=True, kw_only=True)

    unit: ClassVar[str]
    algorithm: ClassVar[str]  # what sentencepiece calls it
    steps = MARKED  # RE2 (pattern, replacement) pairs, applied in order to the folded text; then blanks part the words

    @property
    def normal_form(self) -> Literal["NFC"] | None:
        """Into which texts are brought first."""
        return "NFC" if self.normalise else None

    @classmethod
    def learned(cls, scores: Mapping[str, float], *, lowercase: bool) -> Self:
        """The rule with the pieces that were learned, in that order."""
        return cls(tuple(scores), lowercase=lowercase)

    def __call__(self, texts: tf.Tensor) -> tf.RaggedTensor:
        """Split.

        Args:
            texts: string, (rows,), UTF-8.
        Returns:
            string, (rows, None).
        """
        if self.normal_form:
            texts = nfc(texts)
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
        symbols = self._cut(codes)
        unknown = tf.equal(symbols, len(self.pieces))
        again = unknown[1:] & unknown[:-1] & tf.equal(word[1:], word[:-1])
        begins = tf.not_equal(symbols, DEAD) & ~tf.concat([tf.zeros_like(unknown[:1]), again], axis=0)
        starts = tf.squeeze(tf.where(begins), axis=1)  # (pieces,)
        pieces = tf.strings.unicode_encode(tf.RaggedTensor.from_row_starts(codes.flat_values, starts), "UTF-8")
        return tf.RaggedTensor.from_value_rowids(pieces, tf.gather(word, starts), nrows=codes.nrows())

    def _cut(self, codes: tf.RaggedTensor) -> tf.Tensor:
        """Cut words into symbols.

        Args:
            codes: int32, (words, None): their characters.
        Returns:
            int64, (characters,): at the first character of each symbol its place among the pieces, or their number where a
            character is unknown; `DEAD` at all others.
        """
        raise NotImplementedError


def learn_pieces(counts: Mapping[str, int], size: int, algorithm: str, *, min_count: int = 1) -> dict[str, float]:
    """Learn pieces from words by sentencepiece; the order of the words doesn't matter.

    Args:
        counts: Word, with its mark -> how often it occurs.
        size: Pieces at most.
        algorithm: "bpe" or "unigram".
        min_count: How often a character must occur to be known; no piece holds a rarer one.
    Returns:
        Each piece's score, in the library's order.
    Raises:
        InputError: There are more characters than pieces, or none.
    """

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
        model_type=algorithm,
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
    pieces = {learned.id_to_piece(number): learned.get_score(number) for number in range(1, len(learned))}
    if len(pieces) < size:
        notify(f"the training texts give {len(pieces):,} pieces, fewer than the {size:,} that there is room for")
    return pieces


def fold(texts: tf.Tensor) -> tf.Tensor:
    """Texts in lower case: string, (rows,). A NUL, at which TensorFlow's operation would end the text, is a space.

    It folds some letters as the locale has them, of Turkish, Azerbaijani and Lithuanian: so these are folded before.
    """
    texts = tf.strings.lower(tf.strings.regex_replace(texts, r"\x00", " "))  # ASCII alone
    for capital, small in _NATIONAL:
        texts = tf.strings.regex_replace(texts, capital, small)
    return tf.strings.lower(texts, encoding="utf-8")


def unmark(texts: tf.Tensor) -> tf.Tensor:
    """Marked texts as they are written: string, (rows,)."""
    return tf.strings.regex_replace(tf.strings.regex_replace(texts, f"^{MARK}", ""), MARK, " ")


def sorted_arrays(places: Mapping[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Keys, ascending, and their values: int64. Arrays, for a table would have to be exported by its owner."""
    keys = sorted(places)
    return np.array(keys, np.int64), np.array([places[key] for key in keys], np.int64)


def find(wanted: tf.Tensor, keys: np.ndarray, values: np.ndarray, otherwise: int) -> tf.Tensor:
    """The value of each wanted key in `sorted_arrays`, `otherwise` where there is none: int64, (items,)."""
    if not keys.shape[0]:
        return tf.fill(tf.shape(wanted), tf.constant(otherwise, tf.int64))
    place = tf.minimum(tf.searchsorted(keys, wanted), keys.shape[0] - 1)
    return tf.where(tf.equal(tf.gather(keys, place), wanted), tf.gather(values, place), otherwise)


def put(values: tf.Tensor, places: tf.Tensor, new: tf.Tensor) -> tf.Tensor:
    """The values with new ones at these places."""
    return tf.tensor_scatter_nd_update(values, places[:, None], new)
