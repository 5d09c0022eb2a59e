"""The same model with its recurrent layers run by the scan: `accelerate(model)` shares every variable with `model`."""

import functools
from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf
from keras import layers

from seqkit.core.errors import InputError
from seqkit.recurrence.bptt import scan
from seqkit.recurrence.cells import Recurrent, weights_of
from seqkit.recurrence.step import Blocks

Change = Callable[[tf.Tensor, str], tf.Tensor]


def accelerate(model: keras.Model, *, change: Change | None = None) -> keras.Model:
    """A model with the variables of `model` whose recurrent layers run through `seqkit.recurrence.bptt.scan`.

    Training the one trains the other; the original is the one to save. Taken over are LSTM, GRU (both forms),
    SimpleRNN, `seqkit.recurrence.cells.Recurrent`, and Bidirectional of them, also in nested models. A layer with recurrent
    dropout, `unroll`, `stateful`, an activity regulariser or activations other than the default stays as it is, and so
    does one that cuDNN runs where there is a GPU. The first call for each shape compiles, which takes about half a
    second a layer.

    Args:
        model: functional or sequential, built.
        change: what becomes of a recurrent kernel while training: (kernel; name, one of its own) -> kernel. A layer that
            training leaves alone keeps its own.
    Raises:
        InputError: the model is subclassed, so that its calls can't be followed, or isn't built; or there is a `change`, and
            a recurrent layer that stays as it is, or has no recurrent kernel.
    Example:
        >>> model = keras.Sequential([keras.Input((None, 3)), keras.layers.GRU(4)])
        >>> fast, x = seqkit.accelerate(model), rng.normal(size=(2, 5, 3))
        >>> bool(np.allclose(fast(x), model(x), atol=1e-5))  # the same weights, the same answer
        True
    """
    check_followed(model)
    return keras.models.clone_model(model, clone_function=functools.partial(_replace, change=change), recursive=True)


def check_followed(model: keras.Model) -> None:
    """Raise InputError where a model's calls can't be followed: it is subclassed, or has no inputs yet."""
    if getattr(model, "inputs", None) is None:
        raise InputError(
            f"{model.name} is no functional or sequential model that is built, so that its layers can't be followed: make "
            "it from keras.Input, or call a sequential one once."
        )


def eligible(layer: layers.Layer) -> bool:
    """Whether the scan computes what this recurrent layer does."""
    if type(layer) is layers.Bidirectional:
        forward, backward = layer.forward_layer, layer.backward_layer
        return eligible(forward) and eligible(backward) and not forward.go_backwards and not layer.stateful
    if type(layer) not in (layers.LSTM, layers.GRU, layers.SimpleRNN, Recurrent):
        return False
    if layer.stateful or layer.unroll or layer.activity_regularizer is not None:
        return False
    if layer.zero_output_for_mask and not layer.return_sequences:
        return False
    if type(layer) is Recurrent:
        return True
    if not layer.supports_jit and tf.config.list_physical_devices("GPU"):  # cuDNN's
        return False
    cell = layer.cell
    gated = type(layer) is not layers.SimpleRNN
    return (
        cell.activation is keras.activations.tanh
        and (not gated or cell.recurrent_activation is keras.activations.sigmoid)
        and (not gated or cell.implementation == 2)
        and not cell.recurrent_dropout
    )


def _replace(layer: layers.Layer, change: Change | None) -> layers.Layer:
    change = change_of(layer, change)
    if change is not None and not isinstance(layer, layers.RNN | layers.Bidirectional) and hasattr(layer, "cell"):
        raise InputError(
            f"The layer {layer.name} looks at what was read within its recurrence, whose weights can't be dropped: leave "
            "training.weight_drop at 0, or attention.feeding off."
        )
    return Scanned(layer, change, name=layer.name, dtype=layer.dtype_policy) if eligible(layer) else layer


def change_of(layer: layers.Layer, change: Change | None) -> Change | None:
    """What becomes of a layer's recurrent kernel while training: nothing where training leaves the layer alone.

    Raises:
        InputError: There is a change, and the recurrent layer has no recurrent kernel, or isn't `eligible`.
    """
    if change is None or not getattr(layer, "trainable_variables", ()):  # an operation has none
        return None
    if not isinstance(layer, layers.RNN | layers.Bidirectional):
        return change
    one = layer.forward_layer if isinstance(layer, layers.Bidirectional) else layer
    if type(one) is Recurrent and not one.cell.recurrence.cell.products:
        raise InputError(
            f"The layer {layer.name}, of the cell {one.cell.kind}, has no recurrent weights that could be dropped: leave "
            "training.weight_drop at 0."
        )
    if not eligible(layer):
        raise InputError(
            f"The layer {layer.name} is none that the scan runs, so its recurrent weights can't be dropped: leave "
            "training.weight_drop at 0."
        )
    return change


class Scanned(layers.Layer):
    """Calls like the recurrent layer that it holds, computed by the scan.

    Args:
        layer: LSTM, GRU, SimpleRNN, Recurrent or Bidirectional, built and `eligible`.
        change: as in `accelerate`.
    """

    def __init__(self, layer: layers.Layer, change: Change | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        self.layer, self.change = layer, change
        self.supports_masking = True
        self.built = True

    def compute_output_shape(self, sequences_shape: Any, initial_state_shape: Any = None) -> Any:
        return self.layer.compute_output_shape(sequences_shape)

    def compute_mask(self, inputs: Any, previous_mask: tf.Tensor | None) -> Any:
        return self.layer.compute_mask(inputs, previous_mask)

    def call(
        self, sequences: tf.Tensor, initial_state: Any = None, mask: tf.Tensor | None = None, training: bool = False
    ) -> Any:
        if isinstance(self.layer, layers.Bidirectional):
            return self._both(sequences, initial_state, mask, training)
        output, states = self.run(self.layer, sequences, initial_state, mask, training)
        if self.layer.go_backwards and self.layer.return_sequences:
            output = tf.reverse(output, [1])  # Keras returns what it ran through
        return (output, *states) if self.layer.return_state else output

    def run(
        self, layer: layers.RNN, sequences: tf.Tensor, initial_state: Any, mask: tf.Tensor | None, training: bool
    ) -> tuple[tf.Tensor, Blocks]:
        """One direction, as `run_layer` has it."""
        return run_layer(layer, sequences, initial_state, mask, training, self.change)

    def _both(self, sequences: tf.Tensor, initial_state: Any, mask: tf.Tensor | None, training: bool) -> Any:
        half = None if initial_state is None else len(initial_state) // 2
        first, second = (None, None) if half is None else (initial_state[:half], initial_state[half:])
        there, states = self.run(self.layer.forward_layer, sequences, first, mask, training)
        back, more = self.run(self.layer.backward_layer, sequences, second, mask, training)
        merge: dict[str | None, Callable[[], Blocks]] = {
            "concat": lambda: (tf.concat([there, back], axis=-1),),
            "sum": lambda: (there + back,),
            "ave": lambda: ((there + back) / 2,),
            "mul": lambda: (there * back,),
            None: lambda: (there, back),
        }
        outputs = merge[self.layer.merge_mode]()
        if self.layer.return_state:
            outputs = (*outputs, *states, *more)
        return outputs[0] if len(outputs) == 1 else outputs


def run_layer(
    layer: layers.RNN,
    sequences: tf.Tensor,
    initial_state: Any,
    mask: tf.Tensor | None,
    training: bool,
    change: Change | None = None,
) -> tuple[tf.Tensor, Blocks]:
    """One direction: outputs in the order of the steps (or the last one), and the states."""
    if training and getattr(layer.cell, "dropout", None):
        sequences = sequences * tf.expand_dims(layer.cell.get_dropout_mask(sequences[:, 0]), 1)  # one for all steps
        layer.cell.reset_dropout_mask()
    if initial_state is not None and not isinstance(initial_state, (list, tuple)):
        initial_state = [initial_state]
    mask = None if mask is None else tf.cast(mask, tf.bool)
    cell, weights = weights_of(layer)
    if training and change is not None:
        kernels = enumerate(weights["recurrent"])
        weights["recurrent"] = [change(kernel, f"{layer.name}_{number}") for number, kernel in kernels]
    outputs, states = scan(
        cell,
        tf.cast(sequences, layer.compute_dtype),
        initial_state=initial_state,
        mask=mask,
        reverse=layer.go_backwards,
        zero_output_for_mask=layer.zero_output_for_mask,
        return_sequences=layer.return_sequences,
        keep=training,
        **weights,
    )
    if layer.return_sequences:
        return outputs, states
    if mask is None:
        return states[0], states
    return tf.where(tf.reduce_any(mask, axis=1, keepdims=True), states[0], 0), states  # an empty row has no output
