"""Rows of drawn tasks, cell by cell."""

import dataclasses
import functools

from rows import Given, Measured, Published, Row

from seqkit.metrics.metric import Metric, declare

declare(Metric("squared_error", "mean squared error", "number", "low"))


def measured(name: str, cell: str, given: Given) -> Measured:
    """Train the cell on the task with each seed; with another rate, which is tried, the figures are of validation data."""
    from drawn import task_of, train  # TensorFlow, which the table doesn't need

    task, part = task_of(name, cell), "test"
    match given.flags:
        case ["--rate", rate]:
            task, part = dataclasses.replace(task, rate=float(rate)), "valid"
        case [_, *_]:
            raise SystemExit(f"{name} is a drawn task: of flags it knows --rate, not {' '.join(given.flags)}.")
    found = [train(task, cell, seed, part) for seed in range(given.seeds)]
    return Measured([figure for _, figure in found], [seconds for seconds, _ in found])


TRIED = ("simple_rnn", "irnn", "lstm", "gru")
LE = "Le, Jaitly and Hinton 2015, at 200 steps"
FENG = "Feng et al. 2024"
JOZEFOWICZ = {  # cell -> share of the answers' characters, after a search of settings for each
    "simple_rnn": 0.29493,
    "lstm_bias_0": 0.89228,
    "lstm": 0.90163,
    "gru": 0.89565,
    "mut1": 0.92135,
    "mut2": 0.89735,
    "mut3": 0.90728,
}
SOURCE = "Jozefowicz, Zaremba and Sutskever 2015, table 1"
TABLE = {  # task -> what is learned, its metric, cell -> what is published of it
    "adding": (
        "the sum of two marked numbers among 200, squared error; who always says 1 has 0.167",
        "squared_error",
        dict.fromkeys(TRIED) | {cell: Published("learned", LE) for cell in ("irnn", "lstm")},
    ),
    "copy": (
        "ten symbols after a hundred steps, nats a step; no memory has 0.173",
        "loss",
        dict.fromkeys(TRIED),
    ),
    "selective_copy": (
        "sixteen symbols among noise, 256 steps; guessing has 7.1%",
        "character_accuracy",
        dict.fromkeys(("lstm", "gru"))
        | {
            "3xmingru": Published("99.5, of 4,096 steps", FENG),
            "3xminlstm": Published("96.0, of 4,096 steps", FENG),
        },
    ),
    "parity": (
        "parity of 256 bits, learned on 32; guessing has 50%",
        "accuracy",
        dict.fromkeys(("simple_rnn", "lstm", "gru")),
    ),
    "permuted_digits": (
        "scikit-learn's digits, their 64 pixels one by one in a fixed order; guessing has 10%",
        "accuracy",
        dict.fromkeys(("lstm", "gru", "lru"))
        | {
            "irnn": Published("82, of MNIST's 784 pixels", "Le, Jaitly and Hinton 2015"),
            "3xindrnn": Published("96.0, of MNIST's 784 pixels, 6 layers", "Li et al. 2018"),
        },
    ),
    "sums": ("two numbers below 1,000, whole sums", "exact_match", dict.fromkeys(("simple_rnn", "lstm", "gru"))),
    "arithmetic_2": (
        "sums and differences among letters, up to 2 digits, 64 units, 3,000 steps",
        "character_accuracy",
        {cell: Published(f"{100 * share:.1f}, of 8 digits", SOURCE) for cell, share in JOZEFOWICZ.items()},
    ),
    "arithmetic_8": (
        "the same of up to 8 digits, 512 units",
        "character_accuracy",
        {cell: Published(f"{100 * share:.1f}", SOURCE, share) for cell, share in JOZEFOWICZ.items()},
    ),
}
ROWS = {
    f"{name}/{cell}": Row(f"{of}: {cell}", metric, functools.partial(measured, name, cell), published)
    for name, (of, metric, cells) in TABLE.items()
    for cell, published in cells.items()
}
