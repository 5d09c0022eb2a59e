"""Tokens to ids, and back."""

import dataclasses
import functools
import hashlib
import json
import re
import unicodedata
from collections.abc import Iterable
from typing import Any

import numpy as np
import tensorflow as tf

from seqkit.core.bounds import at_least
from seqkit.core.errors import InputError
from seqkit.core.ragged import Ragged
from seqkit.text.byte_pairs import BytePairs
from seqkit.text.subwords import MARK, Subwords, learn_pieces
from seqkit.text.tokenizer import TokenCounts, Tokenizer, Tokens, Unit, count_tokens
from seqkit.text.unigram import Unigram

PADDING, UNKNOWN, BEGIN, END = range(4)
SPECIAL = ("<padding>", "<unknown>", "<begin>", "<end>")
_SUBWORDS: dict[str, type[Subwords]] = {kind.unit: kind for kind in (BytePairs, Unigram)}
_BLANKS = re.compile(rf"[\s\x00-\x1f\x7f-\x9f{MARK}]+")  # as the rules have them, for Python


@dataclasses.dataclass(frozen=True)
class Vocabulary:
    """The tokens that a model knows. Ids 0 to 3 are padding, unknown, begin and end, always.

    Attributes:
        tokens: The token of each id; of subwords all pieces, in their order.
        tokenizer: The rule that made them.
    Example:
        >>> from seqkit.text.tokenizer import tokenize
        >>> from seqkit.text.vocabulary import learn_vocabulary
        >>> vocabulary = learn_vocabulary(["a good film", "a bad film"])
        >>> ids = vocabulary.encode(tokenize(["a film noir"], vocabulary.tokenizer))
        >>> ids.values.tolist(), vocabulary.written(ids)  # 1 is what is unknown
        ([4, 5, 1], ['a film <unknown>'])
    """

    tokens: tuple[str, ...]
    tokenizer: Tokenizer | Subwords

    def __post_init__(self) -> None:
        if self.tokens[: len(SPECIAL)] != SPECIAL:
            raise InputError(f"A vocabulary starts with {SPECIAL}; this one starts with {self.tokens[: len(SPECIAL)]}.")
        if isinstance(self.tokenizer, Subwords) and self.tokens[len(SPECIAL) :] != self.tokenizer.pieces:
            raise InputError("A vocabulary of subwords holds the pieces that its rule cuts: use learn_vocabulary.")

    @classmethod
    def build(
        cls, tokens: Tokens | TokenCounts, tokenizer: Tokenizer, *, size: int = 20_000, min_count: int = 1
    ) -> "Vocabulary":
        """Keep the `size` most frequent tokens (with the four fixed ones) that occur `min_count` times at least.

        Equally frequent tokens are ordered by name, so that the order of the rows doesn't matter.

        Raises:
            InputError: No token does, or the size holds none beside the four.
        """
        at_least("size", size, len(SPECIAL) + 1)
        counts = tokens.counts()
        frequent = [place for place in np.flatnonzero(counts >= min_count) if tokens.types[place] not in SPECIAL]
        if not frequent:
            raise InputError(f"The training texts hold no token that occurs {min_count} times: check the text column.")
        frequent.sort(key=lambda place: (-counts[place], tokens.types[place]))
        return cls(SPECIAL + tuple(tokens.types[place] for place in frequent[: size - len(SPECIAL)]), tokenizer)

    def __len__(self) -> int:
        return len(self.tokens)

    @property
    def ranked(self) -> bool:
        """Whether a more frequent token has a lower id; byte pairs come by their merges, single characters last."""
        return not isinstance(self.tokenizer, BytePairs)

    def encode(self, tokens: Tokens) -> Ragged:
        """Ids of split texts: int32, ragged; tokens outside the vocabulary become UNKNOWN."""
        table = self.ids_of(tokens.types or [""])
        return Ragged(table[tokens.indices.values], tokens.indices.offsets)

    def ids_of(self, types: Iterable[str]) -> np.ndarray:
        """Ids of tokens: int32, (types,)."""
        ids = self._ids
        return np.array([ids.get(token, UNKNOWN) for token in types], np.int32)

    @functools.cached_property
    def _ids(self) -> dict[str, int]:
        ids = {token: number for number, token in enumerate(self.tokens)}
        for token in SPECIAL:  # a text that spells "<padding>" doesn't get to say where it ends
            ids[token] = UNKNOWN
        return ids

    @functools.cached_property
    def digest(self) -> str:
        """SHA-256 of everything that maps a text to ids."""
        return hashlib.sha256(json.dumps(self.to_json(), sort_keys=True).encode()).hexdigest()

    def lookup(self) -> tf.lookup.StaticHashTable:
        """The same mapping as a TensorFlow table, for an exported graph."""
        words = tf.lookup.KeyValueTensorInitializer(
            tf.constant(self.tokens[len(SPECIAL) :], tf.string),
            tf.range(len(SPECIAL), len(self.tokens), dtype=tf.int32),
        )
        return tf.lookup.StaticHashTable(words, UNKNOWN)

    def texts(
        self, ids: tf.Tensor | tf.RaggedTensor, *, unknown: str | tf.Tensor | tf.RaggedTensor = SPECIAL[UNKNOWN]
    ) -> tf.Tensor:
        """Ids as texts, by TensorFlow's operations alone.

        Args:
            ids: Integers, (rows, steps), padded or ragged; padding, begin and end are left out wherever they stand.
            unknown: What an unknown token is written as; among marked words as one by itself. Or, of the shape of `ids`, the
                token to write for it wherever it stands.
        Returns:
            string, (rows,).
        """
        if not isinstance(ids, tf.RaggedTensor):
            ids = tf.RaggedTensor.from_tensor(ids)
        tokens = tf.gather(tf.constant(self.tokens), ids.flat_values)
        if isinstance(unknown, str):
            instead = tf.constant((MARK if self.tokenizer.unit == "marked_word" else "") + unknown)
        else:
            instead = unknown.flat_values if isinstance(unknown, tf.RaggedTensor) else tf.reshape(unknown, [-1])
        tokens = tf.where(tf.equal(ids.flat_values, UNKNOWN), instead, tokens)
        real = tf.equal(ids.flat_values, UNKNOWN) | (ids.flat_values >= len(SPECIAL))
        return self.tokenizer.join(tf.ragged.boolean_mask(ids.with_flat_values(tokens), ids.with_flat_values(real)))

    def written(self, ids: Ragged, unknown: Ragged | None = None) -> list[str]:
        """The texts of ids, as `texts` writes them."""
        rows = tf.RaggedTensor.from_row_splits(ids.values, ids.offsets)
        instead = {} if unknown is None else {"unknown": rows.with_values(tf.constant(unknown.values, tf.string))}
        return [text.decode() for text in self.texts(rows, **instead).numpy().tolist()]

    def writable(self, texts: Iterable[str]) -> list[str]:
        """Texts in the form in which they can be written: of symbols as they are; of other units in the normal form that
        these are read in, with one space for each run of blanks and none at the ends.
        """
        form = self.tokenizer.normal_form
        texts = texts if form is None else [unicodedata.normalize(form, text) for text in texts]
        return list(texts) if self.tokenizer.unit == "symbol" else [_BLANKS.sub(" ", text).strip() for text in texts]

    def to_json(self) -> dict[str, Any]:
        """Everything that maps a text to ids, as JSON."""
        scores = {"scores": list(self.tokenizer.scores)} if isinstance(self.tokenizer, Unigram) else {}
        return {
            "unit": self.tokenizer.unit,
            "lowercase": self.tokenizer.lowercase,
            "normalise": self.tokenizer.normal_form,
            "replace": [list(step) for step in self.tokenizer.steps],
            "tokens": list(self.tokens),
        } | scores

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "Vocabulary":
        """The inverse of `to_json`."""
        tokens = tuple(value["tokens"])
        folded = {"lowercase": value["lowercase"], "normalise": value.get("normalise") == "NFC"}
        tokenizer: Tokenizer | Subwords
        if value["unit"] == BytePairs.unit:
            tokenizer = BytePairs(tokens[len(SPECIAL) :], **folded)
        elif value["unit"] == Unigram.unit:
            tokenizer = Unigram(tokens[len(SPECIAL) :], tuple(value["scores"]), **folded)
        else:
            tokenizer = Tokenizer(value["unit"], **folded)
        if [list(step) for step in tokenizer.steps] != value["replace"]:
            raise InputError(
                "The vocabulary was written with another normalisation rule: train again with this seqkit."
            )
        return cls(tokens, tokenizer)


def learn_vocabulary(
    texts: Iterable[str], *, unit: Unit = "word", lowercase: bool = False, size: int = 20_000, min_count: int = 1
) -> Vocabulary:
    """Learn a vocabulary from the training texts, whatever the unit.

    Args:
        texts: Of training, which may come one by one; their order doesn't matter.
        unit: As for `Tokenizer`, or "subword" and "unigram" for the pieces of words of `BytePairs` and `Unigram`.
        lowercase: Whether case is folded first.
        size: Tokens to know, with the four fixed ones.
        min_count: How often a token must occur to be known; of subwords, a character.
    Raises:
        InputError: No token does, the size holds none, or there are more characters than subwords.
    Example:
        >>> from seqkit.text.vocabulary import learn_vocabulary
        >>> learn_vocabulary(["a good film", "a bad film"], size=7).tokens
        ('<padding>', '<unknown>', '<begin>', '<end>', 'a', 'film', 'bad')
    """
    if unit not in _SUBWORDS:
        tokenizer = Tokenizer(unit, lowercase)
        found = count_tokens(texts, tokenizer, least=min_count, most=size)
        return Vocabulary.build(found, tokenizer, size=size, min_count=min_count)
    rule = _SUBWORDS[unit]
    words = count_tokens(texts, rule((), lowercase=lowercase))  # without pieces a word is one unknown token
    counts = dict(zip(words.types, words.counts().tolist(), strict=True))
    learned = learn_pieces(counts, size - len(SPECIAL), rule.algorithm, min_count=min_count)
    scores = {piece: score for piece, score in learned.items() if piece not in SPECIAL}  # a text may spell "<padding>"
    return Vocabulary(SPECIAL + tuple(scores), rule.learned(scores, lowercase=lowercase))
