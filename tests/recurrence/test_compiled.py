"""Compiled loops: launched from a graph they compute the same, side by side, and leave nothing behind with it."""

import ctypes
import gc

import numpy as np
import pytest
import tensorflow as tf

from seqkit.recurrence.bptt import scan
from seqkit.recurrence.cells import CELLS, Recurrent, weights_of
from seqkit.recurrence.compiled import Compiled, launching

KEPT = 50_000  # bytes a graph; a body of the size below has some 700,000


def gradients(rng, name="lstm"):
    """A function of inputs that gives a layer's outputs and last states, and the gradients of inputs and weights."""
    layer = Recurrent(5, name)
    layer.build((None, None, 3))

    def step(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            cell, weights = weights_of(layer)
            outputs, states = scan(cell, x, **weights, reverse=True)
            loss = tf.reduce_sum(outputs**2) + sum(tf.reduce_sum(state**2) for state in states)
        return outputs, *states, *tape.gradient(loss, [x, *(one.value for one in layer.trainable_variables)])

    return step, [tf.constant(rng.normal(size=(4, 9, 3)), tf.float32)]


@pytest.mark.parametrize("name", ["lstm", *(name for name, recurrence in CELLS.items() if recurrence.cell.linear)])
def test_a_loop_that_is_launched_gives_the_bits_of_one_that_is_called(rng, name):
    step, given = gradients(rng, name)
    called, launched = tf.function(step, autograph=False), tf.function(launching()(step), autograph=False)
    for one, other in zip(called(*given), launched(*given), strict=True):
        np.testing.assert_array_equal(one, other)
    used = {node.op for graph in (called, launched) for node in _nodes(graph.get_concrete_function(*given))}
    assert {"XlaLaunch", "PartitionedCall"} <= used


def test_shards_wait_for_each_other_no_more_than_when_they_are_called(rng):
    step, given = gradients(rng)
    graph = tf.function(launching()(step), autograph=False).get_concrete_function(*given).graph
    launches = [one for one in graph.get_operations() if one.type == "PartitionedCall"]
    assert len(launches) > 1
    assert not any(one.control_inputs for one in launches)


def test_who_compiles_what_is_around_a_loop_compiles_it_too(rng):
    step, given = gradients(rng)
    for one, other in zip(tf.function(step, jit_compile=True)(*given), step(*given), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


def test_a_graph_that_is_gone_leaves_nothing_of_a_loop():
    def body(x):
        for number in range(100):
            x = tf.tanh(x @ x) + number
        return x

    loop, x = Compiled(body), tf.ones((8, 8))

    def grown(graphs):
        """Bytes a graph."""
        gc.collect()
        before = _allocated()
        for _ in range(graphs):
            tf.function(launching()(lambda x: loop(x) + 1.0), autograph=False)(x)
        gc.collect()
        return (_allocated() - before) / graphs

    grown(5)
    assert grown(20) < KEPT


def _nodes(concrete):
    whole = concrete.graph.as_graph_def()
    return [*whole.node, *(node for function in whole.library.function for node in function.node_def)]


def _allocated():
    """What malloc has given out and not got back."""
    names = ("arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks", "fordblks", "keepcost")
    kind = type("Info", (ctypes.Structure,), {"_fields_": [(name, ctypes.c_size_t) for name in names]})
    mallinfo = ctypes.CDLL(None).mallinfo2
    mallinfo.restype = kind
    found = mallinfo()
    return found.uordblks + found.hblkhd
