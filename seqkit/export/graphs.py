"""Graphs: the plain functions of named tensors that an artefact is made of.

A run's model is one graph, from padded rows to outputs; a model that streams has one for a step; one that writes has two, of
its encoder and of a step of its decoder, and whoever asks them searches.
"""

import dataclasses
import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from seqkit.layers.crf import CRF
from seqkit.layers.decoder import STATE
from seqkit.recurrence.stateful import stateful, streams

Tensors = dict[str, tf.Tensor]
Specs = dict[str, tf.TensorSpec]
BEFORE, OUTPUTS, LOGITS, WEIGHTS = "before", "outputs", "logits", "weights"


@dataclasses.dataclass(frozen=True)
class Written:
    """A file that holds a graph.

    Attributes:
        graph: The graph's name.
        path: The file, or a folder.
        operations: Of the format, that it uses.
        facts: What whoever runs it has to know: {"opset": 18}, {"batch": 1}.
        inputs, outputs: Where they are others than the graph's.
    Example:
        >>> from seqkit.export.graphs import Written
        >>> Written("model", Path("model.onnx"), operations=("LSTM", "Gather"), facts={"opset": 18}).facts
        {'opset': 18}
    """

    graph: str
    path: Path
    operations: tuple[str, ...] = ()
    facts: dict[str, Any] = dataclasses.field(default_factory=dict)
    inputs: Specs = dataclasses.field(default_factory=dict)
    outputs: Specs = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, eq=False)
class Graph:
    """A function of named tensors.

    Attributes:
        name: "model", "step", "encoder" or "decoder".
        model: The functional model that it computes; of "step" the one that reads whole rows.
        stepwise: Whether inputs and outputs are of one step: they have no axis of steps, and recurrent layers take and give
            their states under the same names.
        inputs: By name, with an unknown batch.
        call: From tensors by name to tensors by name, in TensorFlow.
    Example:
        >>> from seqkit.export.graphs import graphs_of
        >>> graph = graphs_of(run.model, in_step=False, step=False)["model"]
        >>> graph(ids=np.array([[5, 6, 3]]))["outputs"].shape
        TensorShape([1, 2])
    """

    name: str
    model: keras.Model
    stepwise: bool
    inputs: Specs
    call: Callable[..., Tensors]

    def __call__(self, **tensors: tf.Tensor) -> Tensors:
        outputs: Tensors = self.concrete()(
            **{name: tf.cast(tensors[name], spec.dtype) for name, spec in self.inputs.items()}
        )
        return outputs

    @property
    def states(self) -> Specs:
        """Those inputs of "step" that the model hasn't: what a stream carries, which starts at zeros."""
        own = [tensor.name for tensor in self.model.inputs]
        return {name: spec for name, spec in self.inputs.items() if name not in own}

    @functools.cached_property
    def outputs(self) -> Specs:
        """By name, with an unknown batch."""
        specs: Specs = self.concrete().structured_outputs
        return specs

    @functools.cached_property
    def _traced(self) -> dict[tuple[int | None, int | None], Any]:
        """What `concrete` has made, which ends with the graph."""
        return {}

    def concrete(self, batch: int | None = None, steps: int | None = None) -> Any:
        """The graph with a keyword argument an input, for a batch and a number of steps, or for any."""
        if (batch, steps) not in self._traced:
            specs = {name: _fixed(spec, name, batch, steps) for name, spec in self.inputs.items()}
            graph = tf.function(self.call, autograph=False).get_concrete_function(**specs)
            self._traced[batch, steps] = graph
        return self._traced[batch, steps]


def _fixed(spec: tf.TensorSpec, name: str, batch: int | None, steps: int | None) -> tf.TensorSpec:
    """With sizes for the axes that are open: the first is the batch's, others are steps."""
    return tf.TensorSpec([batch, *(steps if size is None else size for size in spec.shape[1:])], spec.dtype, name)


def graphs_of(model: keras.Model, *, in_step: bool, step: bool) -> dict[str, Graph]:
    """The graphs of a run's model.

    Args:
        in_step: Whether there is an answer at every step.
        step: Whether the streaming step is wanted, and nothing else.
    Returns:
        "encoder" and "decoder" of a model that writes; else "model", or "step". Nothing where there is no step.
    """
    if step:
        return {"step": step_graph(model)} if in_step and streams(model) else {}
    if any(layer.name == "decoder" for layer in model.layers):
        return {"encoder": encoder_graph(model), "decoder": decoder_graph(model)}
    return {"model": model_graph(model)}


def model_graph(model: keras.Model) -> Graph:
    """Whole rows to logits; of a `CRF` to its emissions, without the scores of the end."""
    chains = [layer for layer in model.layers if isinstance(layer, CRF)]
    if chains:
        model = keras.Model(model.inputs, chains[0]._inbound_nodes[0].arguments.args[0], name=model.name)

    def call(**given: tf.Tensor) -> Tensors:
        return {OUTPUTS: tf.cast(_ask(model, given), tf.float32)}

    return Graph("model", model, False, _specs(model), call)


def step_graph(model: keras.Model) -> Graph:
    """One step of a model that streams: its inputs without the axis of steps, and a state of each recurrent layer, (batch,
    units), zeros at first, to "outputs", (batch, ...), and the states after it.
    """
    step, count = stateful(model, steps=1), len(model.inputs)
    own = {tensor.name: tf.TensorSpec((None, *tensor.shape[2:]), tensor.dtype) for tensor in step.inputs[:count]}
    states = {tensor.name: tf.TensorSpec(tensor.shape, tensor.dtype) for tensor in step.inputs[count:]}

    def call(**given: tf.Tensor) -> Tensors:
        asked = [given[name][:, None] for name in own] + [given[name] for name in states]
        answer, *after = step(asked, training=False)
        return {OUTPUTS: answer[:, 0]} | dict(zip(states, after, strict=True))

    return Graph("step", model, True, own | states, call)


def encoder_graph(model: keras.Model) -> Graph:
    """What is read to what the decoder gets of it, by the names of the decoder's inputs."""
    encoder, decoder = model.get_layer("encoder"), model.get_layer("decoder")
    handed = [tensor.name for tensor in decoder.inputs[1:]]

    def call(**given: tf.Tensor) -> Tensors:
        return dict(zip(handed, tf.nest.flatten(_ask(encoder, given)), strict=True))

    return Graph("encoder", encoder, False, _specs(encoder), call)


def decoder_graph(model: keras.Model) -> Graph:
    """A step of the decoder: "before", int32 (batch,), and what it was handed, to "logits", (batch, tokens), "weights",
    (batch, places), and the states after.
    """
    decoder = model.get_layer("decoder")
    states = [tensor.name for tensor in decoder.inputs if tensor.name.startswith(STATE)]

    def call(**given: tf.Tensor) -> Tensors:
        logits, weights, *after = _ask(decoder, given | {BEFORE: given[BEFORE][:, None]})
        return {LOGITS: logits[:, 0], WEIGHTS: weights[:, 0]} | dict(zip(states, after, strict=True))

    inputs = _specs(decoder) | {BEFORE: tf.TensorSpec([None], tf.int32, BEFORE)}
    return Graph("decoder", decoder, True, inputs, call)


def _specs(model: keras.Model) -> Specs:
    return {tensor.name: tf.TensorSpec(tensor.shape, tensor.dtype, tensor.name) for tensor in model.inputs}


def _ask(model: keras.Model, given: Tensors) -> Any:
    inputs = [given[tensor.name] for tensor in model.inputs]
    return model(inputs if len(inputs) > 1 else inputs[0], training=False)
