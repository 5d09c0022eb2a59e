"""Tasks that are drawn, whose floors are known: what a recurrence has to remember, and what guessing scores.

One recurrent layer or several, accelerated by `seqkit.accelerate`, read the task's steps, and a linear layer on their state
answers in step. Data is drawn as it is needed, from the seed. Training stops where fresh validation data shows the goal well
reached, or at the task's last step; the figure is on test data of its own.

adding (Hochreiter and Schmidhuber 1997, as in Le, Jaitly and Hinton 2015): 200 steps of a uniform number and a marker;
    the answer at the end is the sum of the two marked numbers. Who always says 1 has a mean squared error of 1/6.
copy (Arjovsky, Shah and Bengio 2016): ten symbols of eight, and a hundred steps later the same ten. Who remembers
    nothing pays 10 ln 8 / 120 = 0.173 nats a step; a tenth less shows memory.
selective_copy (Gu and Dao 2023, at 256 steps in place of 4,096; Feng et al. 2024 for minGRU and minLSTM, which need layers
    above the first): sixteen symbols of fourteen, at random places among noise, come back in order at the end. Scored by
    symbols; guessing is right one time in fourteen.
parity: whether the ones so far are odd, at every step; learnt on 32 bits, tested on 256. Guessing is right half of the
    time.
sums (Zaremba and Sutskever 2014): "535+ 61=" as characters, then the sum's digits while blanks are read. Scored by whole
    answers, on pairs of numbers that training sees in neither order.
permuted_digits (as permuted MNIST in Le, Jaitly and Hinton 2015, of scikit-learn's 1,797 digits of 8 x 8): one pixel a
    step, in an order drawn once for all; the answer at the end is the digit. Three fifths of the digits are trained on,
    a fifth chooses, a fifth tests. Guessing is right one time in ten.
arithmetic (Jozefowicz, Zaremba and Sutskever 2015): "3e36d9-h1h39f94eeh43keg3c=", two numbers among letters that mean
    nothing, then their sum or difference, each digit read as it was written. Scored by the characters of the answers, its
    end among them, on numbers that training doesn't see. With eight digits it is the paper's; two are for a small machine.
"""

import dataclasses
import functools
import time
from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf
from sklearn.datasets import load_digits

from seqkit.recurrence.acceleration import accelerate
from seqkit.recurrence.cells import Recurrence, make_layer, register
from seqkit.recurrence.step import Cell

BATCH = 100
TEST_BATCHES = 20
CHARACTERS = b"0123456789+= "
LETTERS = "abcdefghijklmnopqrstuvwxyz"
SYMBOLS = f"{LETTERS}0123456789+-=."


def irnn(op, x, state, vectors):
    """Le, Jaitly and Hinton 2015: h_t = max(0, W x_t + V h_{t-1} + b), where V is the identity at first."""
    (h,) = state
    return (tf.nn.relu(x[0] + op.product(h)[0]),)


register("irnn", Recurrence(Cell(irnn, gates=1, products=(1,))))
OPTIONS = {  # name -> of `make_layer`, where a name isn't a cell's
    "irnn": {
        "recurrent_initializer": "identity",
        "kernel_initializer": {"class_name": "RandomNormal", "config": {"stddev": 0.001}},
    },
    "lstm_bias_0": {"cell": "lstm", "unit_forget_bias": False},
}
RATES = {"irnn": 0.1}  # of the task's, where a cell's output has no bound


def adding(rng, rows, part):
    steps = 200
    numbers, marks = rng.random((rows, steps)), np.zeros((rows, steps))
    marks[np.arange(rows), rng.integers(0, steps // 2, rows)] = 1  # one in each half
    marks[np.arange(rows), rng.integers(steps // 2, steps, rows)] = 1
    targets = np.sum(numbers * marks, axis=1, keepdims=True)
    return np.stack([numbers, marks], axis=-1), np.repeat(targets, steps, axis=1), np.arange(steps) == steps - 1


def copy(rng, rows, part):
    symbols, gap, blank, now = 10, 100, 8, 9
    targets = np.full((rows, gap + 2 * symbols), blank)
    read = targets.copy()
    read[:, :symbols] = targets[:, -symbols:] = rng.integers(0, 8, (rows, symbols))
    read[:, -symbols - 1] = now
    return np.eye(10)[read], targets, np.ones(gap + 2 * symbols)


def selective_copy(rng, rows, part):
    symbols, steps, noise, now = 16, 256, 14, 15
    places = np.sort(rng.random((rows, steps)).argsort(axis=1)[:, :symbols], axis=1)
    wanted = rng.integers(0, 14, (rows, symbols))
    read = np.full((rows, steps + symbols), noise)
    read[:, steps:] = now
    np.put_along_axis(read, places, wanted, axis=1)
    targets = np.concatenate([np.zeros((rows, steps), int), wanted], axis=1)
    return np.eye(16)[read], targets, np.arange(steps + symbols) >= steps


def parity(rng, rows, part):
    bits = rng.integers(0, 2, (rows, 32 if part == "train" else 256))
    return bits[..., None], np.cumsum(bits, axis=1) % 2, np.ones(bits.shape[1])


def sums(rng, rows, part):
    pairs = _pairs(rng, rows, part)
    read = _one_of([f"{a:>3}+{b:>3}=    " for a, b in pairs])
    targets = _one_of([f"        {a + b:>4}" for a, b in pairs])
    return np.eye(len(CHARACTERS))[read], targets, np.arange(12) >= 8


def _pairs(rng, rows, part):
    """Pairs of numbers below 1000. Two tenths, by a hash that doesn't know their order, are for testing and choosing."""
    pairs = rng.integers(0, 1000, (40 * rows, 2))
    low, high = np.sort(pairs, axis=1).T
    bucket = (low * 1000 + high) * 2654435761 % 2**32 * 10 // 2**32  # Knuth's multiplicative hash
    mine = {"train": bucket > 1, "valid": bucket == 1, "test": bucket == 0}[part]
    return pairs[mine][:rows].tolist()


def _one_of(texts):
    codes = np.frombuffer("".join(texts).encode(), np.uint8).reshape(len(texts), -1)
    return np.array([CHARACTERS.find(c) for c in range(128)])[codes]


def arithmetic(digits, rng, rows, part):
    widest = 3 * (2 * digits + 3)  # a sign, two numbers, what is done, "=", and two letters after each
    read = np.full((rows, widest + digits + 2), -1)
    targets, weights = np.zeros(read.shape, int), np.zeros(read.shape)
    for row, (one, other) in enumerate(_operands(rng, digits, rows, part)):
        asked = f"{one}{'+' if rng.random() < 0.5 else '-'}{other}="
        answer = f"{one + other if '+' in asked else one - other}."
        letters = rng.integers(0, 26, (len(asked), 2))
        noise = [LETTERS[one] + LETTERS[other] for one, other in letters]
        shown = "".join(c + some[: rng.integers(3)] for c, some in zip(asked[:-1], noise, strict=False)) + "="
        shown = [SYMBOLS.index(c) for c in shown + answer[:-1]]
        end = widest + len(answer) - 1
        read[row, end - len(shown) : end] = shown
        targets[row, widest - 1 : end] = [SYMBOLS.index(c) for c in answer]
        weights[row, widest - 1 : end] = 1
    return np.eye(len(SYMBOLS) + 1)[read][..., :-1], targets, weights  # what is before a text is zero


def _operands(rng, digits, rows, part):
    """Numbers of up to so many digits, each length as often, half of the first ones negative. Parts as for `_pairs`."""
    ends = 10 ** rng.integers(1, digits + 1, (40 * rows, 2))
    numbers = rng.integers(0, ends) * np.stack([rng.choice([1, -1], 40 * rows), np.ones(40 * rows, int)], axis=1)
    bucket = (numbers[:, 0] * 1_000_003 + numbers[:, 1]) * 2654435761 % 2**32 * 10 // 2**32
    mine = {"train": bucket > 1, "valid": bucket == 1, "test": bucket == 0}[part]
    return numbers[mine][:rows].tolist()


@functools.cache
def _digits():
    """Pixels from 0 to 1 in one order for all, (digits, 64), and labels, (digits,)."""
    pixels, labels = load_digits(return_X_y=True)
    return pixels[:, np.random.default_rng(0).permutation(64)] / 16, labels


def permuted_digits(rng, rows, part):
    pixels, labels = _digits()
    part_of = np.arange(len(labels)) % 5
    mine = np.flatnonzero({"train": part_of > 1, "valid": part_of == 1, "test": part_of == 0}[part])
    drawn = rng.choice(mine, rows)
    return pixels[drawn][..., None], np.repeat(labels[drawn][:, None], 64, axis=1), np.arange(64) == 63


def squared_error(targets, outputs):
    return (targets - outputs[..., 0]) ** 2


def cross_entropy(targets, outputs):
    return tf.nn.sparse_softmax_cross_entropy_with_logits(tf.cast(targets, tf.int32), outputs)


def right(targets, outputs):
    return tf.cast(tf.argmax(outputs, axis=-1) == tf.cast(targets, tf.int64), tf.float32)


def all_right(targets, outputs):
    """Whether the last four steps are: the answer of `sums`."""
    return tf.reduce_min(right(targets, outputs)[:, -4:], axis=1, keepdims=True) * tf.ones_like(targets)


@dataclasses.dataclass(frozen=True)
class Task:
    """What is drawn, how it is scored and what is worth trying.

    Args:
        draw: (rng, rows, part) -> inputs (rows, steps, features), targets (rows, steps), weights (steps,) or (rows, steps).
        outputs: numbers a step, logits but for `adding`.
        loss: (targets, outputs) -> (rows, steps), descended.
        figure: as `loss`, reported.
        floor: the figure of guessing.
        goal: the figure to reach, on the better side of the floor.
        enough: validation figure at which training stops.
        units: width of the recurrent layer.
        rate: Adam's learning rate at first; it falls to a tenth along a cosine.
        steps: updates at most.
    """

    draw: Callable
    outputs: int
    loss: Callable
    figure: Callable
    floor: float
    goal: float
    enough: float
    units: int
    rate: float
    steps: int

    def as_good_as(self, goal: float, figure: float) -> bool:
        """Whether a figure is at least as far from the floor as the goal is."""
        return figure <= goal if goal < self.floor else figure >= goal


ARITHMETIC = (len(SYMBOLS), cross_entropy, right, 0.1, 0.9, 0.995)
TASKS = {
    "adding": Task(adding, 1, squared_error, squared_error, 1 / 6, 0.01, 0.005, 64, 5e-3, 4_000),
    "copy": Task(copy, 10, cross_entropy, cross_entropy, 10 * np.log(8) / 120, 0.156, 0.05, 128, 5e-3, 4_000),
    "selective_copy": Task(selective_copy, 14, cross_entropy, right, 1 / 14, 0.95, 0.99, 64, 3e-3, 8_000),
    "parity": Task(parity, 2, cross_entropy, right, 0.5, 0.99, 0.999, 64, 5e-3, 4_000),
    "permuted_digits": Task(permuted_digits, 10, cross_entropy, right, 0.1, 0.9, 0.99, 128, 3e-3, 1_500),
    "sums": Task(sums, len(CHARACTERS), cross_entropy, all_right, 0.001, 0.99, 0.995, 128, 5e-3, 20_000),
    "arithmetic_2": Task(functools.partial(arithmetic, 2), *ARITHMETIC, 64, 5e-3, 3_000),
    "arithmetic_8": Task(functools.partial(arithmetic, 8), *ARITHMETIC, 512, 1e-3, 100_000),
}


def task_of(name: str, cell: str) -> Task:
    """The task, with the rate at which this cell learns it."""
    task = TASKS[name]
    return dataclasses.replace(task, rate=RATES.get(cell, 1.0) * task.rate)


def train(task: Task, cell: str, seed: int, part: str = "test") -> tuple[float, float]:
    """Seconds of training, and the figure on test data, or on validation data.

    Args:
        cell: A key of `OPTIONS`, or a cell's name; "3xmingru" has three layers.
    """
    started = time.perf_counter()
    keras.backend.clear_session()
    keras.utils.set_random_seed(seed)
    rngs = {part: np.random.default_rng([seed, number]) for number, part in enumerate(["train", "valid", "test"])}
    inputs = keras.Input((None, task.draw(np.random.default_rng(), 1, "train")[0].shape[-1]))
    layers, _, one = cell.rpartition("x")
    named = {"cell": one} | OPTIONS.get(one, {})
    said = inputs
    for _ in range(int(layers or 1)):
        said = make_layer(units=task.units, return_sequences=True, **named)(said)
    model = accelerate(keras.Model(inputs, keras.layers.Dense(task.outputs)(said)))
    rate = keras.optimizers.schedules.CosineDecay(task.rate, task.steps, alpha=0.1)
    optimizer = keras.optimizers.Adam(rate, global_clipnorm=1.0)
    optimizer.build(model.trainable_variables)

    def mean(figure, batch, training):
        inputs, targets, weights = batch
        figures = figure(targets, model(inputs, training=training))
        return tf.reduce_sum(figures * weights) / tf.reduce_sum(tf.ones_like(figures) * weights)

    @tf.function
    def step(*batch):
        with tf.GradientTape() as tape:
            loss = mean(task.loss, batch, True)
        optimizer.apply(tape.gradient(loss, [v.value for v in model.trainable_variables]))
        return loss

    @tf.function
    def score(*batch):
        return mean(task.figure, batch, False)

    def batch(part):
        return [tf.constant(array, tf.float32) for array in task.draw(rngs[part], BATCH, part)]

    def scored(part, batches):
        return float(np.mean([score(*batch(part)) for _ in range(batches)]))

    for done in range(task.steps):
        if done % 500 == 0 and done and task.as_good_as(task.enough, scored("valid", 10)):
            break
        step(*batch("train"))
    return time.perf_counter() - started, scored(part, TEST_BATCHES)
