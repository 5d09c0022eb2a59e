"""Text to tokens.

Text is split by TensorFlow's string operations alone, so that the pipeline, prediction and an exported graph all run the
same ones. The rule is data (a normal form, then RE2 patterns applied in order) and lies in vocabulary.json for use from
another language.
"""

import dataclasses
import functools
import hashlib
import itertools
import json
import unicodedata
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import tensorflow as tf

from seqkit.core.errors import InputError
from seqkit.core.files import cache_folder, replacing
from seqkit.core.ragged import Ragged
from seqkit.core.spreading import by_threads, one_by_one, spread_or
from seqkit.text.counting import most_counted
from seqkit.text.normal_form import nfc
from seqkit.text.subwords import MARK, MARKED, Subwords, fold, unmark

Unit = Literal["word", "whitespace", "marked_word", "character", "symbol", "subword", "unigram"]
WORDS: tuple[Unit, ...] = ("word", "whitespace")  # between which, written out, there is a space
WORDS_OR_PIECES: tuple[Unit, ...] = (*WORDS, "subword", "unigram")
# A word is letters, marks and digits with apostrophes inside it; any other visible character stands alone.
_CLEAN = (("(?i)<br */?>", " "), (r"[\p{Z}\p{C}]+", " "))
_WORD = r"[\p{L}\p{M}\p{N}]+(?:['’][\p{L}\p{M}\p{N}]+)*"
_STEPS: dict[str, tuple[tuple[str, str], ...]] = {
    "word": (*_CLEAN, (rf"({_WORD}|[^ \p{{L}}\p{{M}}\p{{N}}])", r" \1 ")),
    "whitespace": ((r"[\p{Z}\p{Cc}]+", " "),),
    "marked_word": (*MARKED, (rf"({MARK}?(?:{_WORD}|[^ {MARK}\p{{L}}\p{{M}}\p{{N}}]))", r" \1 ")),
    "character": _CLEAN,
    "symbol": (),
}
_CHUNK = 256  # texts a tf.data element: enough to keep both the regular expressions and the threads busy


@dataclasses.dataclass(frozen=True)
class Tokenizer:
    """The rule that makes tokens of a text.

    Attributes:
        unit: "word" splits at spaces after `steps`; "whitespace" likewise, with nothing but blanks as borders, for text that
            is tokenised already; "marked_word" as "word", but a word before which there was a space, or
            nothing, begins with "▁"; "character" at every character, with each run of blanks as one space and none at the
            ends; "symbol" at every character of the text as it is, line ends too. For "subword" and "unigram" there are
            `BytePairs` and `Unigram`.
        lowercase: Whether case is folded first.
        normalise: Whether texts are brought into Unicode's normal form C before that, so that é is one, whether it was
            written as one character or as two; not for "symbol".
    Example:
        >>> from seqkit.text.tokenizer import Tokenizer, tokenize
        >>> tokenize(["It isn't BAD."], Tokenizer("word", lowercase=True)).types
        ['it', "isn't", 'bad', '.']
    """

    unit: Unit = "word"
    lowercase: bool = True
    normalise: bool = True

    def __post_init__(self) -> None:
        if self.unit not in _STEPS:
            raise InputError(f"unit is {self.unit!r}: choose one of {', '.join(_STEPS)}.")

    @property
    def normal_form(self) -> Literal["NFC"] | None:
        """Into which texts are brought first."""
        return "NFC" if self.normalise and self.unit != "symbol" else None

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
        if self.normal_form:
            texts = nfc(texts)
        if self.lowercase:
            texts = fold(texts)
        for pattern, replacement in self.steps:
            texts = tf.strings.regex_replace(texts, pattern, replacement)
        if self.unit in (*WORDS, "marked_word"):
            return tf.strings.split(texts)
        if self.unit == "character":
            texts = tf.strings.strip(texts)
        return tf.strings.unicode_split(texts, "UTF-8")

    def join(self, tokens: tf.RaggedTensor) -> tf.Tensor:
        """The texts that tokens make: string, (rows, None) -> (rows,).

        Marked words and symbols give the text back, marked words up to runs of blanks; between words there is a space.
        """
        texts = tf.strings.reduce_join(tokens, axis=1, separator=" " if self.unit in WORDS else "")
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


@dataclasses.dataclass(frozen=True)
class TokenCounts:
    """How often each token occurs.

    Attributes:
        types: The distinct tokens.
        numbers: int64, (types,).
    """

    types: list[str]
    numbers: np.ndarray

    def counts(self) -> np.ndarray:
        """How often each type occurs, as `Tokens` says it."""
        return self.numbers


def tokenize(texts: Sequence[str], tokenizer: Tokenizer | Subwords, *, cache: bool = True) -> Tokens:
    """Split texts, once: a second call with the same texts and rule reads the cache of the first.

    The cache lies in the user's cache folder, or where the environment variable SEQKIT_CACHE says, and may be deleted at
    any time. A cache that can't be written is done without.
    Example:
        >>> from seqkit.text.tokenizer import Tokenizer, tokenize
        >>> tokens = tokenize(["a good film", "a bad film"], Tokenizer("word"))
        >>> tokens.types, tokens.indices.lengths.tolist()
        (['a', 'good', 'film', 'bad'], [3, 3])
    """
    path = _cache_path(texts, tokenizer)
    if cache and (kept := _read_cache(path)) is not None:
        return kept
    index: dict[bytes, int] = {}
    values, lengths = [], []
    for types, places, sizes in _split(texts, tokenizer):
        known = np.array([index.setdefault(token, len(index)) for token in types], np.int32)
        values.append(known[places])
        lengths.append(sizes)
    tokens = Tokens(
        [token.decode() for token in index], Ragged.of_lengths(np.concatenate(values), np.concatenate(lengths))
    )
    if cache:
        _write_cache(path, tokens)
    return tokens


def count_tokens(
    texts: Iterable[str], tokenizer: Tokenizer | Subwords, *, least: int = 1, most: int | None = None
) -> TokenCounts:
    """How often each token occurs. A list of texts is split as `tokenize` does it; of any others, none is kept.

    Args:
        least: Tokens that occur less often may be left out.
        most: Those that are less frequent than so many others may be left out.
    """
    if isinstance(texts, list):
        tokens = tokenize(texts, tokenizer)
        return TokenCounts(tokens.types, tokens.counts())
    counts = (
        zip(types, np.bincount(places, minlength=len(types)).tolist(), strict=True)
        for types, places, _ in _split(texts, tokenizer)
    )
    kept = most_counted(itertools.chain.from_iterable(counts), least=least, most=most)
    return TokenCounts([token.decode() for token, _ in kept], np.array([count for _, count in kept], np.int64))


def tokens_met(texts: Iterable[str], tokenizer: Tokenizer | Subwords) -> Iterator[list[str]]:
    """The distinct tokens of some texts after the other, as these are split; of a list, of all, as `tokenize` splits it."""
    if isinstance(texts, list):
        yield tokenize(texts, tokenizer).types
    else:
        for types, _, _ in _split(texts, tokenizer):
            yield [token.decode() for token in types]


def _split(
    texts: Iterable[str], tokenizer: Tokenizer | Subwords
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """The tokens of some texts after the other: the distinct ones, the place of each among these, and tokens a text."""
    form = tokenizer.normal_form
    if form:  # Python's, which is quick where nothing is to be done; exported graphs have their own
        texts = (unicodedata.normalize(form, text) for text in texts)
        tokenizer = dataclasses.replace(tokenizer, normalise=False)

    rest = iter(texts)
    chunks = iter(lambda: list(itertools.islice(rest, _CHUNK)), [])
    first = list(itertools.islice(chunks, 2))
    # a thread that has asked TensorFlow leaves something behind: none for what is asked chunk by chunk; and tf.data's own
    # generators have the system take every freed page back, from then on and everywhere
    spread = one_by_one if len(first) < 2 else spread_or(by_threads)
    yield from spread(_split_chunk, (tokenizer,), itertools.chain(first, chunks))


def _split_chunk(tokenizer: Tokenizer | Subwords, chunk: list[str]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    if tokenizer.unit == "symbol" and not tokenizer.lowercase:
        return _symbols(chunk)
    types, places, lengths = _splitter(tokenizer)(tf.constant(chunk))
    return types.numpy(), places.numpy(), lengths.numpy()


def _symbols(chunk: list[str]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What TensorFlow's graph gives of symbols, which for NumPy are numbers, without a string for each."""
    codes = np.frombuffer("".join(chunk).encode("utf-32-le"), np.uint32)
    first = np.full(int(codes.max(initial=0)) + 1, -1, np.int32)
    first[codes[::-1]] = np.arange(len(codes), dtype=np.int32)[::-1]  # of equal places the last one assigned stays
    distinct = np.flatnonzero(first >= 0)
    distinct = distinct[np.argsort(first[distinct])]
    first[distinct] = np.arange(len(distinct))
    types = np.array([chr(code).encode() for code in distinct.tolist()], object)
    return types, first[codes], np.array([len(text) for text in chunk], np.int64)


@functools.lru_cache(maxsize=2)  # a source's and a target's
def _splitter(tokenizer: Tokenizer | Subwords) -> Callable[[tf.Tensor], Sequence[tf.Tensor]]:
    """Texts -> their distinct tokens, the place of each token among these, and tokens a text."""

    def split(chunk: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        rows = tokenizer(chunk)
        types, places = tf.unique(rows.flat_values)
        return types, places, rows.row_lengths()

    traced: Callable[[tf.Tensor], Sequence[tf.Tensor]] = tf.function(
        split, input_signature=[tf.TensorSpec([None], tf.string)], autograph=False
    )
    return traced


def _cache_path(texts: Sequence[str], tokenizer: Tokenizer | Subwords) -> Path:
    digest = hashlib.sha256(repr((tokenizer, tokenizer.steps)).encode())
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
        with replacing(path, shared=True) as part, open(part, "wb") as file:
            np.savez(file, types=types, values=tokens.indices.values, offsets=tokens.indices.offsets)
    except OSError:
        pass
