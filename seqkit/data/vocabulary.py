"""Text to tokens to ids.

Text is split by TensorFlow's string operations alone, so that the pipeline, prediction and an exported graph all run the
same ones. The rule is data (RE2 patterns applied in order) and lies in vocabulary.json for use from another language.
"""

import dataclasses
import hashlib
import json
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import tensorflow as tf

from seqkit.data.byte_pairs import BytePairs
from seqkit.data.pipelines import without_autotune
from seqkit.data.ragged import Ragged
from seqkit.data.subwords import MARK, MARKED, Subwords, fold, learn_pieces, unmark
from seqkit.data.unigram import Unigram
from seqkit.errors import InputError
from seqkit.folder import cache_folder, replacing

Unit = Literal["word", "marked_word", "character", "symbol", "subword", "unigram"]

PADDING, UNKNOWN, BEGIN, END = range(4)
SPECIAL = ("<padding>", "<unknown>", "<begin>", "<end>")

# A word is letters, marks and digits with apostrophes inside it; any other visible character stands alone.
_CLEAN = (("(?i)<br */?>", " "), (r"[\p{Z}\p{C}]+", " "))
_WORD = r"[\p{L}\p{M}\p{N}]+(?:['’][\p{L}\p{M}\p{N}]+)*"
_STEPS: dict[str, tuple[tuple[str, str], ...]] = {
    "word": (*_CLEAN, (rf"({_WORD}|[^ \p{{L}}\p{{M}}\p{{N}}])", r" \1 ")),
    "marked_word": (*MARKED, (rf"({MARK}?(?:{_WORD}|[^ {MARK}\p{{L}}\p{{M}}\p{{N}}]))", r" \1 ")),
    "character": _CLEAN,
    "symbol": (),
}
_SUBWORDS: dict[str, type[Subwords]] = {kind.unit: kind for kind in (BytePairs, Unigram)}
_CHUNK = 256  # texts a tf.data element: enough to keep both the regular expressions and the threads busy


@dataclasses.dataclass(frozen=True)
class Splitter:
    """The rule that makes tokens of a text.

    Attributes:
        unit: "word" splits at spaces after `steps`; "marked_word" likewise, but a word before which there was a space, or
            nothing, begins with "▁"; "character" at every character, with each run of blanks as one space and none at the
            ends; "symbol" at every character of the text as it is, line ends too. For "subword" and "unigram" there are
            `BytePairs` and `Unigram`.
        lowercase: Whether case is folded first.
    """

    unit: Unit = "word"
    lowercase: bool = True

    def __post_init__(self):
        if self.unit not in _STEPS:
            raise InputError(f"unit is {self.unit!r}: choose one of {', '.join(_STEPS)}.")

    @property
    def steps(self) -> tuple[tuple[str, str], ...]:
        """RE2 (pattern, replacement) pairs, applied in order to the folded text."""
        return _STEPS[self.unit]

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
        if self.unit in ("word", "marked_word"):
            return tf.strings.split(texts)
        if self.unit == "character":
            texts = tf.strings.strip(texts)
        return tf.strings.unicode_split(texts, "UTF-8")

    def join(self, tokens: tf.RaggedTensor) -> tf.Tensor:
        """The texts that tokens make: string, (rows, None) -> (rows,).

        Marked words and symbols give the text back, marked words up to runs of blanks; between words there is a space.
        """
        texts = tf.strings.reduce_join(tokens, axis=1, separator=" " if self.unit == "word" else "")
        return unmark(texts) if self.unit == "marked_word" else texts


@dataclasses.dataclass(frozen=True)
class Tokens:
    """Split texts, each token as an index into the list of the distinct ones.

    Attributes:
        types: The distinct tokens.
        indices: int32, for every row the place in `types` of each of its tokens.
    """

    types: list[str]
    indices: Ragged

    def __len__(self) -> int:
        return len(self.indices)

    def take(self, rows: np.ndarray | Sequence[int]) -> "Tokens":
        """The given rows, in that order."""
        return Tokens(self.types, self.indices.take(np.asarray(rows)))

    def counts(self) -> np.ndarray:
        """How often each type occurs: int64, (types,)."""
        return np.bincount(self.indices.values, minlength=len(self.types))


def tokenise(texts: Sequence[str], splitter: Splitter | Subwords, *, cache: bool = True) -> Tokens:
    """Split texts, once: a second call with the same texts and rule reads the cache of the first.

    The cache lies in the user's cache folder, or where the environment variable SEQKIT_CACHE says, and may be deleted at
    any time. A cache that can't be written is done without.
    """
    path = _cache_path(texts, splitter)
    if cache and (kept := _read_cache(path)) is not None:
        return kept
    chunks = tf.data.Dataset.from_tensor_slices(tf.constant(list(texts), tf.string)).batch(_CHUNK)

    def split(chunk):
        rows = splitter(chunk)
        types, places = tf.unique(rows.flat_values)
        return types, places, rows.row_lengths()

    index: dict[bytes, int] = {}
    values, lengths = [], []
    for types, places, sizes in without_autotune(chunks.map(split, num_parallel_calls=2)).as_numpy_iterator():
        known = np.array([index.setdefault(token, len(index)) for token in types], np.int32)
        values.append(known[places])
        lengths.append(sizes)
    tokens = Tokens(
        [token.decode() for token in index], Ragged.of_lengths(np.concatenate(values), np.concatenate(lengths))
    )
    if cache:
        _write_cache(path, tokens)
    return tokens


@dataclasses.dataclass(frozen=True)
class Vocabulary:
    """The tokens that a model knows. Ids 0 to 3 are padding, unknown, begin and end, always.

    Attributes:
        tokens: The token of each id; of subwords all pieces, in their order.
        splitter: The rule that made them.
    """

    tokens: tuple[str, ...]
    splitter: Splitter | Subwords

    def __post_init__(self):
        if self.tokens[: len(SPECIAL)] != SPECIAL:
            raise InputError(f"A vocabulary starts with {SPECIAL}; this one starts with {self.tokens[: len(SPECIAL)]}.")
        if isinstance(self.splitter, Subwords) and self.tokens[len(SPECIAL) :] != self.splitter.pieces:
            raise InputError("A vocabulary of subwords holds the pieces that its rule cuts: use learn_vocabulary.")

    @classmethod
    def build(cls, tokens: Tokens, splitter: Splitter, *, size: int = 20_000, min_count: int = 1) -> "Vocabulary":
        """Keep the `size` most frequent tokens (with the four fixed ones) that occur `min_count` times at least.

        Equally frequent tokens are ordered by name, so that the order of the rows doesn't matter.

        Raises:
            InputError: No token does.
        """
        counts = tokens.counts()
        frequent = [place for place in np.flatnonzero(counts >= min_count) if tokens.types[place] not in SPECIAL]
        if not frequent:
            raise InputError(f"The training texts hold no token that occurs {min_count} times: check the text column.")
        frequent.sort(key=lambda place: (-counts[place], tokens.types[place]))
        return cls(SPECIAL + tuple(tokens.types[place] for place in frequent[: size - len(SPECIAL)]), splitter)

    def __len__(self) -> int:
        return len(self.tokens)

    def encode(self, tokens: Tokens) -> Ragged:
        """Ids of split texts: int32, ragged; tokens outside the vocabulary become UNKNOWN."""
        ids = {token: number for number, token in enumerate(self.tokens)}
        for token in SPECIAL:  # a text that spells "<padding>" doesn't get to say where it ends
            ids[token] = UNKNOWN
        table = np.array([ids.get(token, UNKNOWN) for token in tokens.types] or [UNKNOWN], np.int32)
        return Ragged(table[tokens.indices.values], tokens.indices.offsets)

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
            instead = tf.constant((MARK if self.splitter.unit == "marked_word" else "") + unknown)
        else:
            instead = unknown.flat_values if isinstance(unknown, tf.RaggedTensor) else tf.reshape(unknown, [-1])
        tokens = tf.where(tf.equal(ids.flat_values, UNKNOWN), instead, tokens)
        real = tf.equal(ids.flat_values, UNKNOWN) | (ids.flat_values >= len(SPECIAL))
        return self.splitter.join(tf.ragged.boolean_mask(ids.with_flat_values(tokens), ids.with_flat_values(real)))

    def written(self, ids: Ragged, unknown: Ragged | None = None) -> list[str]:
        """The texts of ids, as `texts` writes them."""
        rows = tf.RaggedTensor.from_row_splits(ids.values, ids.offsets)
        instead = {} if unknown is None else {"unknown": rows.with_values(tf.constant(unknown.values, tf.string))}
        return [text.decode() for text in self.texts(rows, **instead).numpy().tolist()]

    def to_json(self) -> dict[str, Any]:
        """Everything that maps a text to ids, as JSON."""
        scores = {"scores": list(self.splitter.scores)} if isinstance(self.splitter, Unigram) else {}
        return {
            "unit": self.splitter.unit,
            "lowercase": self.splitter.lowercase,
            "replace": [list(step) for step in self.splitter.steps],
            "tokens": list(self.tokens),
        } | scores

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "Vocabulary":
        """The inverse of `to_json`."""
        tokens = tuple(value["tokens"])
        splitter: Splitter | Subwords
        if value["unit"] == BytePairs.unit:
            splitter = BytePairs(tokens[len(SPECIAL) :], lowercase=value["lowercase"])
        elif value["unit"] == Unigram.unit:
            splitter = Unigram(tokens[len(SPECIAL) :], tuple(value["scores"]), lowercase=value["lowercase"])
        else:
            splitter = Splitter(value["unit"], value["lowercase"])
        if [list(step) for step in splitter.steps] != value["replace"]:
            raise InputError(
                "The vocabulary was written with another normalisation rule: train again with this seqkit."
            )
        return cls(tokens, splitter)


def learn_vocabulary(
    texts: Sequence[str], *, unit: Unit = "word", lowercase: bool = False, size: int = 20_000, min_count: int = 1
) -> Vocabulary:
    """Learn a vocabulary from the training texts, whatever the unit.

    Args:
        texts: Of training; their order doesn't matter.
        unit: As for `Splitter`, or "subword" and "unigram" for the pieces of words of `BytePairs` and `Unigram`.
        lowercase: Whether case is folded first.
        size: Tokens to know, with the four fixed ones.
        min_count: How often a token must occur to be known; of subwords, a character.
    Raises:
        InputError: No token does, or there are more characters than subwords.
    """
    if unit not in _SUBWORDS:
        splitter = Splitter(unit, lowercase)
        return Vocabulary.build(tokenise(texts, splitter), splitter, size=size, min_count=min_count)
    rule = _SUBWORDS[unit]
    words = tokenise(texts, rule((), lowercase=lowercase))  # without pieces a word is one unknown token
    counts = dict(zip(words.types, words.counts().tolist(), strict=True))
    learned = learn_pieces(counts, size - len(SPECIAL), rule.algorithm, min_count=min_count)
    scores = {piece: score for piece, score in learned.items() if piece not in SPECIAL}  # a text may spell "<padding>"
    return Vocabulary(SPECIAL + tuple(scores), rule.learned(scores, lowercase=lowercase))


def _cache_path(texts: Sequence[str], splitter: Splitter | Subwords) -> Path:
    digest = hashlib.sha256(repr((splitter, splitter.steps)).encode())
    for text in texts:
        data = text.encode()
        digest.update(len(data).to_bytes(8))
        digest.update(data)
    return cache_folder() / f"tokens-{digest.hexdigest()[:32]}.npz"


def _read_cache(path: Path) -> Tokens | None:
    try:
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as kept:
            types = json.loads(kept["types"].tobytes())
            return Tokens(types, Ragged(kept["values"], kept["offsets"]))
    except (
        OSError,
        ValueError,
        KeyError,
        EOFError,
        zipfile.BadZipFile,
    ):  # absent, or cut short by a crash: split again
        return None


def _write_cache(path: Path, tokens: Tokens) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        types = np.frombuffer(json.dumps(tokens.types).encode(), np.uint8)
        with replacing(path) as part, open(part, "wb") as file:
            np.savez(file, types=types, values=tokens.indices.values, offsets=tokens.indices.offsets)
    except OSError:
        pass
