"""Graphs of a model: traced once a shape, and gone with whoever asked for them."""

import gc
import weakref

import keras
import numpy as np
import tensorflow as tf

from seqkit.export.graphs import model_graph


def test_a_graph_is_traced_once_a_shape_and_keeps_nothing_after_it():
    inputs = keras.Input((None, 3), name="x")
    model = keras.Model(inputs, keras.layers.GRU(2)(inputs))
    graph = model_graph(model)
    assert graph.concrete() is graph.concrete()
    assert graph.concrete(1, 4) is not graph.concrete()
    x = np.ones((1, 4, 3), np.float32)
    np.testing.assert_array_equal(graph(x=tf.constant(x))["outputs"], model(x))
    held = [weakref.ref(thing) for thing in (graph, model, graph.concrete().graph)]
    del inputs, model, graph
    gc.collect()
    assert [thing() for thing in held] == [None, None, None]
