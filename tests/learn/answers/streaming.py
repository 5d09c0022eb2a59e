"""Answers to the page on streaming; after each a mistake that is often made."""

import numpy as np


def feed(step, state, xs):
    outputs = []
    for x in xs:
        output, state = step(state, x)
        outputs.append(output)
    return np.array(outputs), state


def wrong_feed(step, state, xs):
    return np.array([step(state, x)[0] for x in xs]), state


def running_mean(state, x):
    count, total = (0, 0.0) if state is None else state
    return (total + x) / (count + 1), (count + 1, total + x)


def wrong_running_mean(state, x):
    mean = x if state is None else (state + x) / 2  # the last input weighs half
    return mean, mean


def windows(length, width):
    return [(begin, min(begin + width, length)) for begin in range(0, length, width)]


def wrong_windows(length, width):
    return [(begin, begin + width) for begin in range(0, length - width + 1, width)]
