"""Sentences to word ids and character ids, in NumPy and in TensorFlow alike.

A sentence is a list of tokens, which are taken as they are, but that a tab in one counts as a space; a text with tabs,
between which its tokens stand; or any other text, which is split by the rule of the vocabulary. All are brought into
Unicode's normal form C. Words are looked up folded, where the rule folds case; characters are those of the word as it is
written.
"""

import dataclasses
import unicodedata
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Self

import numpy as np
import tensorflow as tf

from seqkit.core.ragged import LookedUp, Ragged
from seqkit.text.normal_form import nfc
from seqkit.text.subwords import fold
from seqkit.text.tokenizer import Tokenizer, Tokens, tokenize
from seqkit.text.vocabulary import BEGIN, END, SPECIAL, UNKNOWN, Vocabulary

Sentence = str | Sequence[str]
Tables = tuple[tf.lookup.StaticHashTable, ...]
TAB = "\t"
RULE = Tokenizer("word", lowercase=False)


def split_tokens(sentences: Sequence[Sentence]) -> Tokens:
    """The tokens of sentences, with their case."""
    texts = [sentence for sentence in sentences if isinstance(sentence, str) and TAB not in sentence]
    found: Iterator[list[str]] = iter(())
    if texts:
        tokens = tokenize(texts, RULE, cache=False)
        found = ([tokens.types[place] for place in tokens.indices[row]] for row in range(len(tokens)))
    return _indexed(
        [unicodedata.normalize("NFC", token).replace(TAB, " ") for token in sentence]
        if not isinstance(sentence, str)
        else list(filter(None, unicodedata.normalize("NFC", sentence).split(TAB)))
        if TAB in sentence
        else next(found)
        for sentence in sentences
    )


def split_tensor(texts: tf.Tensor) -> tf.RaggedTensor:
    """The same in a graph: string (batch,) -> (batch, None)."""
    texts = nfc(texts)
    joined = tf.strings.reduce_join(RULE(texts), axis=-1, separator=TAB)
    chosen = tf.where(tf.strings.regex_full_match(texts, rf"(?s).*{TAB}.*"), texts, joined)
    tokens = tf.strings.split(chosen, TAB)
    return tf.ragged.boolean_mask(tokens, tf.not_equal(tokens, ""))


@dataclasses.dataclass(frozen=True)
class Lexicon:
    """The words that a model knows, and the characters of all others.

    Attributes:
        words: Of words, with the rule that splits texts.
        characters: Single characters, which are never folded; none where a model reads words alone. Their ids start at 4,
            behind those of padding, of an unknown one, of a word's beginning and of its end.
        width: Character ids a word, with its beginning and its end. Of a longer word the middle is left out, for the ends
            tell most, and it is counted.
    """

    words: Vocabulary
    characters: tuple[str, ...] = ()
    width: int = 0

    @classmethod
    def build(
        cls,
        tokens: Tokens,
        *,
        lowercase: bool,
        size: int,
        min_count: int,
        longest: int | None,
        known: Vocabulary | None = None,
        alphabet: tuple[str, ...] = (),
    ) -> Self:
        """Learn words and characters.

        Args:
            tokens: Of the training data.
            lowercase: Whether words are looked up in lower case.
            size: Words to know, the most frequent first.
            min_count: How often a word must occur.
            longest: Characters of a word that are read at most, two or more; None for a lexicon without characters.
            known: Words that are known already, in place of those that are learned.
            alphabet: Characters, likewise.
        Raises:
            InputError: No word occurs that often.
        """
        tokenizer = Tokenizer("word", lowercase if known is None else known.tokenizer.lowercase)
        words = (
            Vocabulary(known.tokens, tokenizer)
            if known
            else Vocabulary.build(_folded(tokens, lowercase), tokenizer, size=size, min_count=min_count)
        )
        if longest is None:
            return cls(words)
        width = max(2, min(max(map(len, tokens.types)), longest)) + 2
        return cls(words, alphabet or _alphabet(tokens), width)

    def encode(self, tokens: Tokens) -> tuple[dict[str, Any], dict[str, Any]]:
        """Columns of a pipeline, and counts for a report.

        Returns:
            "ids", int32 ragged, and where there are characters "characters", int32 (tokens, width); each row ends in
            an end token, which has no characters. The counts of empty texts and of cut words, and the share of unknown
            words.
        """
        ids = self.words.encode(_folded(tokens, self.words.tokenizer.lowercase))
        facts: dict[str, Any] = {
            "empty_texts": int((ids.lengths == 0).sum()),
            "unknown_token_share": float((ids.values == UNKNOWN).mean()) if len(ids.values) else 0.0,
        }
        columns: dict[str, Any] = {"ids": ids.append(END)}
        if self.characters:
            cut = np.array([len(word) > self.width - 2 for word in tokens.types], bool)
            facts["cut_words"] = int(cut[tokens.indices.values].sum())
            with_end = tokens.indices.append(len(tokens.types))
            columns["characters"] = LookedUp(with_end, self._spelt(tokens.types))
        return columns, facts

    def unread(self, tokens: Tokens) -> tuple[np.ndarray, np.ndarray]:
        """Of each row how many words are longer than what is read of one, and how many are unknown: int64, (rows,) each."""
        offsets = tokens.indices.offsets
        long = np.array([bool(self.characters) and len(word) > self.width - 2 for word in tokens.types], np.int64)
        ids = self.words.encode(_folded(tokens, self.words.tokenizer.lowercase))
        unknown = Ragged((ids.values == UNKNOWN).astype(np.int64), offsets).sums()
        return Ragged(long[tokens.indices.values], offsets).sums(), unknown

    @property
    def _ends(self) -> tuple[int, int]:
        """How many characters are read from a long word's beginning and from its end."""
        tail = (self.width - 2) // 2
        return self.width - 2 - tail, tail

    def _spelt(self, words: Sequence[str]) -> np.ndarray:
        """int32, (words + 1, width); the last row, padding alone, is the end token's."""
        ids = {character: number for number, character in enumerate(self.characters, start=len(SPECIAL))}
        rows = np.zeros((len(words) + 1, self.width), np.int32)
        head, tail = self._ends
        for row, word in zip(rows, words, strict=False):
            known = [BEGIN, *(ids.get(character, UNKNOWN) for character in word[:head] + word[head:][-tail:]), END]
            row[: len(known)] = known
        return rows

    def lookup(self) -> Tables:
        """Tables of words and characters, for an exported graph."""
        if not self.characters:
            return (self.words.lookup(),)
        numbers = tf.range(len(SPECIAL), len(SPECIAL) + len(self.characters), dtype=tf.int32)
        characters = tf.lookup.KeyValueTensorInitializer(tf.constant(self.characters), numbers)
        return self.words.lookup(), tf.lookup.StaticHashTable(characters, UNKNOWN)

    def tensors(self, tokens: tf.RaggedTensor, tables: Tables) -> dict[str, tf.Tensor]:
        """What `encode` makes, in a graph: int32 (batch, steps) and (batch, steps, width), padded.

        Args:
            tokens: string, (batch, None), with their case.
            tables: From `lookup`.
        """
        flat = tokens.flat_values
        folded = fold(flat) if self.words.tokenizer.lowercase else flat
        ids = tokens.with_flat_values(tables[0].lookup(folded))
        inputs = {"ids": tf.concat([ids, tf.fill([tokens.nrows(), 1], END)], axis=1).to_tensor()}
        if self.characters:
            head, tail = self._ends
            letters = tf.strings.unicode_split(flat, "UTF-8")
            letters = tf.concat([letters[:, :head], letters[:, head:][:, -tail:]], axis=1)
            known = letters.with_flat_values(tables[1].lookup(letters.flat_values))
            begin, end = (tf.fill([known.nrows(), 1], number) for number in (BEGIN, END))
            spelt = tf.concat([begin, known, end], axis=1).to_tensor(shape=[None, self.width])
            padded = tokens.with_flat_values(spelt).to_tensor(shape=[None, None, self.width])
            inputs["characters"] = tf.pad(padded, [[0, 0], [0, 1], [0, 0]])
        return inputs

    def to_json(self) -> dict[str, Any]:
        """Everything that maps tokens to ids, as JSON."""
        return self.words.to_json() | {"characters": list(self.characters), "characters_a_word": self.width}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Self:
        """The inverse of `to_json`."""
        return cls(Vocabulary.from_json(value), tuple(value["characters"]), value["characters_a_word"])


def _alphabet(tokens: Tokens) -> tuple[str, ...]:
    """Their characters, the most frequent first."""
    counts = Counter[str]()
    for word, count in zip(tokens.types, tokens.counts().tolist(), strict=True):
        for character in word:
            counts[character] += count
    return tuple(sorted(counts, key=lambda character: (-counts[character], character)))


def _folded(tokens: Tokens, lowercase: bool) -> Tokens:
    """The tokens in lower case, where the rule says so, by the operation that exported graphs run."""
    if not lowercase or not tokens.types:
        return tokens
    folded = fold(tf.constant(tokens.types, tf.string)).numpy()
    index: dict[bytes, int] = {}
    places = np.array([index.setdefault(word, len(index)) for word in folded], np.int32)
    return Tokens([word.decode() for word in index], Ragged(places[tokens.indices.values], tokens.indices.offsets))


def _indexed(rows: Iterable[Sequence[str]]) -> Tokens:
    index: dict[str, int] = {}
    places, lengths = array("i"), array("q")
    for row in rows:
        places.extend(index.setdefault(token, len(index)) for token in row)
        lengths.append(len(row))
    return Tokens(list(index), Ragged.of_lengths(np.array(places, np.int32), np.array(lengths, np.int64)))
