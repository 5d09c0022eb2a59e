"""Answers to the page on networks set by hand; after each a mistake that is often made."""


def alternating():
    return [[-1.0]], [[1.0]], [0.0], [[1.0]], [0.0]


def wrong_alternating():
    return [[1.0]], [[-1.0]], [0.0], [[1.0]], [0.0]


def seen():
    return [[1.0]], [[1.0]], [-0.5], [[1.0]], [-0.5]


def wrong_seen():
    return [[1.0]], [[1.0]], [-1.5], [[1.0]], [-0.5]  # both at once


def two_in_a_row():  # the input now; the input before; either alone is too little
    return [[0.0, 0.0], [1.0, 0.0]], [[1.0], [0.0]], [-0.5, -0.5], [[1.0, 1.0]], [-1.5]


def wrong_two_in_a_row():
    return [[1.0]], [[1.0]], [-1.5], [[1.0]], [-0.5]  # never starts
