"""A one-directional model as a function of its inputs and its state: for windows of a long row, and for streams."""

from collections.abc import Iterator, Sequence
from typing import Any

import keras
import tensorflow as tf
from keras import layers

from seqkit.core.errors import InputError
from seqkit.recurrence.acceleration import Change, change_of, check_followed, eligible, run_layer


def streams(model: keras.Model) -> bool:
    """Whether `stateful` takes this model: nothing in it looks at later steps."""
    return not any(isinstance(layer, layers.Bidirectional) for layer in _layers_in_step(model))


def in_step(layer: layers.Layer) -> bool:
    """Whether this is a model within a model that answers at each step, (batch, steps, ...): one of another shape reads
    sequences of its own, such as the characters of a word.
    """
    outputs = getattr(layer, "outputs", None) or []  # of a subclassed model there are none
    return isinstance(layer, keras.Model) and any(len(output.shape) > 2 for output in outputs[:1])


def _layers_in_step(model: keras.Model) -> Iterator[layers.Layer]:
    for layer in model.layers:
        if in_step(layer):
            yield from _layers_in_step(layer)
        else:
            yield layer


def stateful(model: keras.Model, *, steps: int | None = None, change: Change | None = None) -> keras.Model:
    """The model with its recurrent states as further inputs and outputs.

    It shares every variable with `model`, so that training the one trains the other. All layers but the recurrent ones
    must treat each step by itself, as those of a many-to-many model do; models within it that answer at each step are
    gone through too.

    Args:
        model: functional, built; its inputs have the shape (batch, steps, ...).
        steps: None for any number of steps, which run through `seqkit.recurrence.bptt.scan` where it computes what the
            layer does; 1 for the step of a stream, which is plain operations.
        change: what becomes of a recurrent kernel while training, as in `accelerate`; of many steps.
    Returns:
        A model from [*inputs, *states] to [*outputs, *states]. A state is (batch, units), named "<layer>_state_<number>";
        it starts at zeros. A masked step hands it on.
    Raises:
        InputError: a layer runs backwards, or is called more than once; or the model's calls can't be followed; or there is
            a `change`, and the scan doesn't run a layer that is trained.
        ValueError: a layer gives no sequence or has recurrent dropout.
    Example:
        >>> from seqkit.recurrence.stateful import stateful
        >>> model = keras.Sequential([keras.Input((None, 3)), keras.layers.GRU(4, return_sequences=True)])
        >>> [tensor.shape for tensor in stateful(model, steps=1).inputs]  # of a stream: a frame, and the state before it
        [(None, 1, 3), (None, 4)]
    """
    check_followed(model)
    carried: list[Carried] = []
    called: list[str] = []  # with the models that they are in
    within: list[str] = []
    alone: list[layers.Layer] = []

    def replace(layer: layers.Layer) -> layers.Layer:
        if in_step(layer):
            before = len(carried)
            within.append(layer.name)
            inner = keras.models.clone_model(layer, clone_function=replace)
            within.pop()
            return once(inner) if len(carried) > before else inner
        if not isinstance(layer, layers.RNN | layers.Bidirectional):
            return layer
        if isinstance(layer, layers.Bidirectional) or layer.go_backwards:
            raise InputError(
                f"The layer {layer.name} reads later steps, so the model can't run as a stream: train it with "
                "stack.bidirectional off."
            )
        odd = layer.return_state or layer.stateful or getattr(layer.cell, "recurrent_dropout", 0)
        if odd or not layer.return_sequences:
            raise ValueError(f"The layer {layer.name} can't hand its state on: expected a plain one of seqkit's stack.")
        carried.append(Carried(layer, change_of(layer, change), name=layer.name, dtype=layer.dtype_policy))
        called.append("_".join((*within, layer.name)))
        return once(carried[-1])

    def once(layer: layers.Layer) -> layers.Layer:
        alone.append(layer)
        return layer

    copy = keras.models.clone_model(model, clone_function=replace)
    for layer in alone:
        if len(layer._inbound_nodes) > 1:
            raise InputError(
                f"The layer {layer.name} is called {len(layer._inbound_nodes)} times, with a state for each: give each call "
                "a layer of its own."
            )
    inputs = [keras.Input((steps, *tensor.shape[2:]), name=tensor.name, dtype=tensor.dtype) for tensor in model.inputs]
    states = [
        keras.Input((size,), name=f"{name}_state_{number}", dtype=layer.compute_dtype)
        for name, layer in zip(called, carried, strict=True)
        for number, size in enumerate(layer.sizes)
    ]
    name = f"{model.name}_stateful"
    return keras.Model([*inputs, *states], Handing(copy, carried, name=name)([*inputs, *states]), name=name)


class Handing(layers.Layer):
    """A model whose carried layers get their states from the call, and give them to it.

    Args:
        model: whose inputs come first in a call.
        carried: its recurrent layers, whose states come after.
    """

    def __init__(self, model: keras.Model, carried: "list[Carried]", **kwargs: Any):
        super().__init__(autocast=False, **kwargs)
        self.model, self.carried = model, carried
        self.built = True

    def call(self, given: Sequence[tf.Tensor], training: bool = False) -> list[tf.Tensor]:
        count = len(self.model.inputs)
        inputs, states = given[:count], list(given[count:])
        for layer in self.carried:
            layer.states, states = states[: len(layer.sizes)], states[len(layer.sizes) :]
        outputs = self.model(inputs if count > 1 else inputs[0], training=training)
        outputs = list(outputs) if isinstance(outputs, list | tuple) else [outputs]
        for layer in self.carried:
            outputs += layer.states
            layer.states = []  # a tensor of this trace has no meaning in another
        return outputs


class Carried(layers.Layer):
    """A recurrent layer that starts from `states` and leaves them as they are after its last step.

    Args:
        layer: Built, with `return_sequences`.
        change: as in `stateful`.
    Attributes:
        sizes: Units of each state.
        states: A list of (batch, units), set before each call; zeros where it is empty.
    """

    def __init__(self, layer: layers.RNN, change: Change | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        self.change = change
        self.states: list[tf.Tensor] = []
        size = layer.cell.state_size
        self.layer, self.sizes = layer, tuple(size) if isinstance(size, list | tuple) else (size,)
        self.supports_masking = True
        self.built = True

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "states":  # tensors of one call, which Keras is not to track
            object.__setattr__(self, name, value)
        else:
            super().__setattr__(name, value)

    def compute_output_spec(self, sequences: Any, mask: Any = None, training: bool = False) -> keras.KerasTensor:
        return keras.KerasTensor((*sequences.shape[:2], self.sizes[0]), self.compute_dtype)

    def call(self, sequences: tf.Tensor, mask: tf.Tensor | None = None, training: bool = False) -> tf.Tensor:
        before = self.states or [tf.zeros((tf.shape(sequences)[0], size), sequences.dtype) for size in self.sizes]
        if sequences.shape[1] != 1:
            if eligible(self.layer):
                outputs, states = run_layer(self.layer, sequences, before, mask, training, self.change)
            else:
                _, outputs, states = self.layer.inner_loop(sequences, before, mask, training)
            self.states = list(states)
            return outputs
        output, new = self.layer.cell(sequences[:, 0], before, training=training)
        new = list(new) if isinstance(new, list | tuple) else [new]
        if mask is not None:
            real = tf.cast(mask, tf.bool)  # (batch, 1)
            new = [tf.where(real, value, old) for value, old in zip(new, before, strict=True)]
            output = new[0]
        self.states = new
        return output[:, None]
