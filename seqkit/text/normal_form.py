"""Unicode's normal form C (Unicode Standard Annex 15) by TensorFlow's core operations, so that exported graphs have it too.

A text is decomposed fully, its marks are ordered by their combining class, and what composes is composed. The tables are
those of the Python that makes the graph (`unicodedata.unidata_version`).
"""

import functools
import unicodedata

import numpy as np
import tensorflow as tf

Tensors = tuple[tf.Tensor, ...]
SHIFT = 2**21  # above every character: two in one number
_LAST = 0x30000  # behind all characters that decompose or combine


def nfc(texts: tf.Tensor) -> tf.Tensor:
    """Texts in normal form C: string, (rows,), UTF-8. Texts without a character that could change are not touched."""
    other = tf.strings.regex_full_match(texts, tables().changing)
    rows = tf.squeeze(tf.where(other), axis=1)
    return tf.cond(
        tf.size(rows) > 0,
        lambda: tf.tensor_scatter_nd_update(texts, rows[:, None], _normalised(tf.gather(texts, rows))),
        lambda: texts,
    )


class Tables:
    """What characters decompose into and compose to.

    Attributes:
        changing: RE2 of a text with a character that isn't in every text of normal form C.
        decomposed: Characters, ascending, that decompose; where each one's decomposition begins in `parts`, and its length.
        classes: Characters, ascending, with a combining class, and that class.
        composed: Pairs, ascending, as one number each, and what they compose to.
    """

    def __init__(self) -> None:
        decompositions, classes, pairs, changing = {}, {}, {}, set()
        for code in range(_LAST):
            character = chr(code)
            if 0xD800 <= code < 0xE000:
                continue
            whole = unicodedata.normalize("NFD", character)
            if whole != character:
                decompositions[code] = [*map(ord, whole)]
                parts = unicodedata.decomposition(character).split()
                if (
                    0xAC00 <= code < 0xD7A4
                ):  # a syllable of Hangul: of a shorter one and a last letter, or of two letters
                    parts = [f"{ord(part):x}" for part in (unicodedata.normalize("NFC", whole[:2]), whole[2:]) if part]
                    parts = parts if len(parts) == 2 else [f"{ord(part):x}" for part in whole]
                if unicodedata.normalize("NFC", character) == character:
                    pairs[int(parts[0], 16) * SHIFT + int(parts[1], 16)] = code
                else:
                    changing.add(code)
            if combining := unicodedata.combining(character):
                classes[code] = combining
        changing |= classes.keys() | {pair % SHIFT for pair in pairs}
        self.changing = f"(?s).*[{_ranges(changing)}].*"
        keys = sorted(decompositions)
        sizes = [len(decompositions[key]) for key in keys]
        starts = np.cumsum([0, *sizes[:-1]])
        self.parts = np.array([part for key in keys for part in decompositions[key]], np.int64)
        self.decomposed = np.array(keys, np.int64), np.array(starts, np.int64), np.array(sizes, np.int64)
        self.classes = _sorted(classes)
        self.composed = _sorted(pairs)


@functools.cache
def tables() -> Tables:
    return Tables()


def _sorted(values: dict[int, int]) -> tuple[np.ndarray, np.ndarray]:
    keys = sorted(values)
    return np.array(keys, np.int64), np.array([values[key] for key in keys], np.int64)


def _ranges(codes: set[int]) -> str:
    """A class of RE2."""
    found: list[list[int]] = []
    for code in sorted(codes):
        if found and found[-1][1] == code - 1:
            found[-1][1] = code
        else:
            found.append([code, code])
    return "".join(rf"\x{{{first:x}}}-\x{{{last:x}}}" for first, last in found)


def _normalised(texts: tf.Tensor) -> tf.Tensor:
    codes = tf.strings.unicode_decode(texts, "UTF-8")  # (rows, None)
    rows, codes = codes.value_rowids(), tf.cast(codes.flat_values, tf.int64)
    codes, rows = _ordered(*_decompose(codes, rows))
    codes, rows = _composed(codes, rows)
    ragged = tf.RaggedTensor.from_value_rowids(tf.cast(codes, tf.int32), rows, nrows=tf.size(texts, tf.int64))
    return tf.strings.unicode_encode(ragged, "UTF-8")


def _find(wanted: tf.Tensor, keys: np.ndarray, values: np.ndarray, otherwise: int) -> tf.Tensor:
    place = tf.minimum(tf.searchsorted(keys, wanted), len(keys) - 1)
    return tf.where(tf.equal(tf.gather(keys, place), wanted), tf.gather(values, place), otherwise)


def _decompose(codes: tf.Tensor, rows: tf.Tensor) -> Tensors:
    """Each character as all of its parts."""
    known = tables()
    keys, starts, sizes = known.decomposed
    size = _find(codes, keys, sizes, 0)
    parts = tf.concat([codes, known.parts], axis=0)  # one that doesn't decompose is its own part
    start = tf.where(
        size > 0, _find(codes, keys, starts, 0) + tf.size(codes, tf.int64), tf.range(tf.size(codes, tf.int64))
    )
    ranges = tf.ragged.range(start, start + tf.maximum(size, 1))
    return tf.gather(parts, ranges.flat_values), tf.gather(rows, ranges.value_rowids())


def _ordered(codes: tf.Tensor, rows: tf.Tensor) -> Tensors:
    """Marks behind a character by their class, those of one class as they stand."""
    classes = _find(codes, *tables().classes, 0)
    run = tf.cumsum(tf.cast(tf.equal(classes, 0) | _first(rows), tf.int64))
    order = tf.argsort(run * 256 + classes, stable=True)
    return tf.gather(codes, order), rows


def _first(rows: tf.Tensor) -> tf.Tensor:
    """Whether a character is the first of its row."""
    return tf.concat([tf.ones_like(rows[:1], tf.bool), tf.not_equal(rows[1:], rows[:-1])], axis=0)


def _composed(codes: tf.Tensor, rows: tf.Tensor) -> Tensors:
    """Compose a character with the first mark, or character, that it composes with and that nothing blocks, until none is.

    Blocked is what stands behind another of its class, or of class 0, between it and the character.
    """
    known = tables()

    def step(codes: tf.Tensor, rows: tf.Tensor, more: tf.Tensor) -> Tensors:
        count = tf.size(codes, tf.int64)
        slots = tf.range(count)
        classes = _find(codes, *known.classes, 0)
        first = _first(rows)
        begins = tf.equal(classes, 0) | first
        run = tf.cumsum(tf.cast(begins, tf.int64)) - 1
        heads = tf.boolean_mask(slots, begins)  # (runs,)
        before = tf.concat([classes[:1] * 0, classes[:-1]], axis=0)
        # a mark looks back to the head of its run; a head to that of the run before, if it stands right behind it
        own = tf.gather(heads, run)
        head = tf.where(begins, tf.maximum(slots - 1, 0), own)
        starter = tf.equal(tf.gather(classes, head), 0)
        near = tf.equal(head, slots - 1)
        free = tf.where(begins, ~first, near | (before < classes))
        pairs = tf.gather(codes, head) * SHIFT + codes
        whole = tf.where(free & starter, _find(pairs, *known.composed, -1), -1)
        # of several for one head the first; a head that is taken itself takes nothing
        place = tf.where(whole >= 0, slots, count)
        chosen = tf.math.unsorted_segment_min(place, head, count)  # (count,): by head
        taken = tf.equal(tf.gather(chosen, head), slots) & (whole >= 0)
        taken &= ~tf.gather(taken, head)
        gone = tf.boolean_mask(slots, taken)
        codes = tf.tensor_scatter_nd_update(codes, tf.gather(head, gone)[:, None], tf.gather(whole, gone))
        return tf.boolean_mask(codes, ~taken), tf.boolean_mask(rows, ~taken), tf.size(gone) > 0

    def goes_on(codes: tf.Tensor, rows: tf.Tensor, more: tf.Tensor) -> tf.Tensor:
        return more

    shapes = tf.TensorShape([None]), tf.TensorShape([None]), tf.TensorShape([])
    state = codes, rows, tf.constant(True)
    codes, rows, _ = tf.while_loop(goes_on, step, state, shape_invariants=shapes)
    return codes, rows
