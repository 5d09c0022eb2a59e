"""A neural model of the next symbol that sees the last few: what a recurrent one has to beat to show that it remembers.

It is trained with TensorFlow and kept and asked as NumPy arrays.
"""

import dataclasses
from pathlib import Path
from typing import Any, Self

import keras
import numpy as np
import tensorflow as tf

from seqkit.baselines.gram_counts import contexts
from seqkit.baselines.samples import told
from seqkit.core.gradients import forgotten_gradients
from seqkit.core.progress import tracked
from seqkit.core.ragged import Ragged

BATCH = 512  # symbols a step; fewer where their scores of all outcomes would be more than CHUNK
STEPS, SCORES = 4000, 8e9  # at most: steps, and scores of outcomes in all steps, so that it takes a minute or two
DRAWN = 4 * STEPS * BATCH  # symbols of a longer text among which a fit looks for the next one
WEIGHTS = 1 << 26  # of the output, at most: a training has as many gradients, and Adam's moments
CHUNK = 1 << 24  # numbers that are made at once, such as scores of outcomes


@dataclasses.dataclass(frozen=True)
class FixedWindow:
    """The neural probabilistic language model of Bengio et al. 2003, without its direct connections.

    y = softmax(U tanh(d + H x) + b), where x is the vectors of the last symbols, one after the other.

    Attributes:
        outcomes: int64, the ids that can come next, ascending.
        vectors: float32, (tokens, width); ids from `tokens` on have the first one's.
        hidden: float32, (window * width, units), H.
        hidden_bias: float32, (units,), d.
        output: float32, (units, outcomes), U.
        output_bias: float32, (outcomes,), b.
        bounds: What a fit left out, where it had to; run.json has it then.
    """

    outcomes: np.ndarray
    vectors: np.ndarray
    hidden: np.ndarray
    hidden_bias: np.ndarray
    output: np.ndarray
    output_bias: np.ndarray
    bounds: str = dataclasses.field(default="", kw_only=True)

    @classmethod
    @forgotten_gradients()
    def fit(
        cls,
        rows: Ragged,
        outcomes: np.ndarray,
        *,
        begin: int,
        window: int = 8,
        width: int = 24,
        units: int = 256,
        epochs: int = 8,
        seed: int = 0,
    ) -> Self:
        """Train: Adam from 0.012 down to nothing on a cosine, for `epochs`, but not longer than a minute or two.

        Width, units and rate were chosen on held-out characters of tinyshakespeare: 1.73 nats, where 6-grams have 1.59.

        Args:
            rows: int ids, ragged.
            outcomes: The ids that can come next.
            begin: The id that stands before each row, as often as the window needs.
            window: How many symbols are seen.
            units: Hidden ones, fewer where the output would have more than `WEIGHTS` weights.
            seed: Of the weights and of the order of the symbols.
        """
        outcomes, rng = np.unique(outcomes).astype(np.int64), np.random.default_rng(seed)
        wished, units = units, max(1, min(units, WEIGHTS // len(outcomes)))
        total = len(rows.values)
        places = np.arange(total) if total <= DRAWN else np.unique(rng.integers(0, total, DRAWN))
        known = places[np.isin(rows.values[places], outcomes)]
        tokens = int(max(outcomes.max(), begin)) + 1
        weights = [
            tf.Variable(values.astype(np.float32))
            for values in (
                rng.normal(size=(tokens, width)) * 0.5,
                rng.normal(size=(window * width, units)) / np.sqrt(window * width),
                np.zeros(units),
                rng.normal(size=(units, len(outcomes))) / np.sqrt(units),
                np.zeros(len(outcomes)),
            )
        ]
        batch = max(1, min(BATCH, CHUNK // len(outcomes)))
        steps = min(STEPS, epochs * -(-len(known) // batch), max(1, int(SCORES / (batch * len(outcomes)))))
        optimizer = keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(0.012, steps))
        optimizer.build(weights)

        @tf.function(
            input_signature=[tf.TensorSpec([None, window], tf.int64), tf.TensorSpec([None], tf.int64)], autograph=False
        )
        def move(history: tf.Tensor, targets: tf.Tensor) -> None:
            with tf.GradientTape() as tape:
                logits = _logits(history, *weights)
                loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(targets, logits))
            optimizer.apply([tf.convert_to_tensor(g) for g in tape.gradient(loss, weights)], weights)

        order = np.empty(0, np.int64)
        for _ in tracked(range(steps), "fitting the baseline fixed_window"):
            if not len(order):
                order = rng.permutation(known)
            chosen, order = order[:batch], order[batch:]
            move(contexts(rows, window, begin, chosen), np.searchsorted(outcomes, rows.values[chosen]))
        seen = min(steps * batch, len(known))
        bounds = [told(seen, total, "symbols")] if seen < total else []
        bounds += [f"with {units} hidden units"] if units < wished else []
        return cls(outcomes, *(weight.numpy() for weight in weights), bounds=", ".join(bounds))

    def log_probabilities(self, rows: Ragged, begin: int) -> np.ndarray:
        """Of each symbol given those before it in its row: float64, (items,), in nats; -inf where it is no outcome."""
        window = len(self.hidden) // self.vectors.shape[1]
        weights = self.vectors, self.hidden, self.hidden_bias, self.output, self.output_bias
        place = np.searchsorted(self.outcomes, rows.values)
        place = np.minimum(place, len(self.outcomes) - 1)
        known = self.outcomes[place] == rows.values

        @tf.function(
            input_signature=[tf.TensorSpec([None, window], tf.int64), tf.TensorSpec([None], tf.int64)], autograph=False
        )
        def nats(history: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
            return tf.nn.sparse_softmax_cross_entropy_with_logits(targets, _logits(history, *weights))

        result = np.empty(len(place))
        size = max(1, CHUNK // (sum(self.hidden.shape) + len(self.outcomes)))  # what is seen, hidden units, scores
        for start in tracked(range(0, len(place), size), "asking the baseline fixed_window"):
            piece = np.arange(start, min(start + size, len(place)))
            history = contexts(rows, window, begin, piece)
            result[piece] = -nats(np.where(history < len(self.vectors), history, 0), place[piece]).numpy()
        return np.where(known, result, -np.inf)

    def save(self, path: Path) -> None:
        """Write an .npz file."""
        np.savez(path, **{name: getattr(self, name) for name in _ARRAYS})

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read it."""
        with np.load(path, allow_pickle=False) as kept:
            return cls(*(kept[name] for name in _ARRAYS))


_ARRAYS = [field.name for field in dataclasses.fields(FixedWindow) if field.name != "bounds"]


def _logits(history: Any, vectors: Any, hidden: Any, hidden_bias: Any, output: Any, output_bias: Any) -> tf.Tensor:
    """int (items, window) -> float32 (items, outcomes)."""
    seen = tf.gather(vectors, history)  # (items, window, width)
    seen = tf.reshape(seen, [-1, seen.shape[1] * seen.shape[2]])
    return tf.tanh(seen @ hidden + hidden_bias) @ output + output_bias
