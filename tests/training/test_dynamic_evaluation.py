"""Dynamic evaluation beside plain gradient descent in NumPy, with gradients by finite differences."""

import keras
import numpy as np

from seqkit.batches.derived import Ones, shifted
from seqkit.batches.windows import Windows
from seqkit.core.ragged import Ragged
from seqkit.core.settings import Embedding, Stack
from seqkit.layers.embedding import embed_tokens
from seqkit.topologies.many_to_many import many_to_many
from seqkit.training.dynamic_evaluation import read_on

TOKENS, BEGIN, SEGMENT, RATE, DECAY = 5, 2, 3, 0.5, 0.2
SYMBOLS = np.array([1, 3, 4, 1, 1, 3, 2, 4, 3, 1], np.int32)  # the last segment is a short one


def rows():
    ids = Ragged.of_lengths(SYMBOLS, np.array([len(SYMBOLS)]))
    columns = {"ids": shifted(ids, BEGIN), "targets": ids, "weights": Ones(ids.lengths)}
    return Windows(columns, "targets", 1, SEGMENT)


def model_of(dropout):
    ids, features, mask = embed_tokens(TOKENS, Embedding(units=2), spread=1.0)
    return many_to_many(ids, features, mask, outputs=TOKENS, stack=Stack("simple_rnn", (3,), dropout=dropout))


def forward(weights, before, targets, state):
    """Log-probabilities and the states of a simple recurrence: tanh(x K + h R + b)."""
    table, kernel, recurrent, bias, head, shift = weights
    nats, states = [], []
    for symbol, target in zip(before, targets, strict=True):
        state = np.tanh(table[symbol] @ kernel + state @ recurrent + bias)
        logits = state @ head + shift
        nats.append(logits[target] - np.log(np.exp(logits).sum()))
        states.append(state)
    return np.array(nats), np.array(states)


def by_hand(trained):
    weights, state, found = [part.copy() for part in trained], np.zeros(3), []
    before = np.concatenate([[BEGIN], SYMBOLS[:-1]])
    for start in range(0, len(SYMBOLS), SEGMENT):
        piece = before[start : start + SEGMENT], SYMBOLS[start : start + SEGMENT], state
        nats, states = forward(weights, *piece)
        found.append((nats, states))
        gradients = []
        for part in weights:
            gradient = np.zeros_like(part)
            for place in np.ndindex(part.shape):
                kept = part[place]
                sides = []
                for step in (1e-6, -1e-6):
                    part[place] = kept + step
                    sides.append(-forward(weights, *piece)[0].mean())
                part[place] = kept
                gradient[place] = (sides[0] - sides[1]) / 2e-6
            gradients.append(gradient)
        for part, gradient, start_ in zip(weights, gradients, trained, strict=True):
            moved = part - RATE * gradient
            part[...] = moved + DECAY * (start_ - part)
        state = states[-1]
    return found


def test_weights_move_by_the_gradient_of_each_segment_and_come_back():
    model = model_of(dropout=0.5)  # which plays no part
    for variable in model.trainable_variables:
        variable.assign(keras.random.normal(variable.shape, seed=len(variable.shape)))
    trained = model.get_weights()
    expected = by_hand([part.astype(np.float64) for part in trained])
    found = list(read_on(model, rows(), rate=RATE, decay=DECAY))
    for (nats, states), (wanted, stood) in zip(found, expected, strict=True):
        np.testing.assert_allclose(nats, wanted, rtol=1e-4)
        np.testing.assert_allclose(states, stood, rtol=1e-4, atol=1e-5)
    for before, after in zip(trained, model.get_weights(), strict=True):
        np.testing.assert_array_equal(before, after)
    still = np.concatenate([nats for nats, _ in read_on(model, rows())])
    one = forward([part.astype(np.float64) for part in trained], [BEGIN, *SYMBOLS[:-1]], SYMBOLS, np.zeros(3))[0]
    np.testing.assert_allclose(still, one, rtol=1e-4)
