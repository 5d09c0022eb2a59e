"""TensorFlow's operations as ONNX's: what a traced function becomes.

Cells, Keras's operations and the layers that have no emitter of their own come through here.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from seqkit.core.errors import InputError
from seqkit.export.onnx_graph import Builder, Value

Emitter = Callable[[Builder, Any, list[Value]], Value | list[Value]]
PRIMITIVES: dict[str, Emitter] = {}


def emit_function(
    builder: Builder, function: Callable[..., Any], given: Sequence[tuple[Value, tf.TensorSpec]], what: str
) -> list[Value]:
    """A TensorFlow function as nodes.

    Args:
        function: Takes a tensor each, and returns tensors in any structure. What it reads of variables is constant.
        given: Names of values with what they are; of unknown sizes where these are open.
        what: For complaints: "The cell 'mine'".
    Returns:
        Its results, in order.
    Raises:
        InputError: It does something that has no ONNX form here.
    """
    traced = tf.function(function, autograph=False).get_concrete_function(*(spec for _, spec in given))
    known: dict[str, Value] = {}
    arguments = traced.graph.inputs[: len(given)]
    for tensor, (value, _) in zip(arguments, given, strict=True):
        known[tensor.name] = value
    for outside, inside in traced.graph.captures:
        known[inside.name] = outside if outside.dtype == tf.resource else outside.numpy()
    for op in traced.graph.get_operations():
        if op.outputs and all(tensor.name in known for tensor in op.outputs):
            continue
        results = _emit(builder, op, [known[tensor.name] for tensor in op.inputs], what)
        known |= {tensor.name: result for tensor, result in zip(op.outputs, results, strict=True)}
    return [known[tensor.name] for tensor in traced.graph.outputs]


def _emit(builder: Builder, op: Any, inputs: list[Any], what: str) -> list[Value]:
    if op.type == "Const":
        return [tf.make_ndarray(op.get_attr("value"))]
    if op.type == "ReadVariableOp":
        return [tf.raw_ops.ReadVariableOp(resource=inputs[0], dtype=op.get_attr("dtype")).numpy()]
    if op.type in ("NoOp", "Placeholder"):
        return []
    if all(isinstance(value, np.ndarray) for value in inputs):
        return _computed(op, inputs)
    if op.type == "Shape" and op.inputs[0].shape.is_fully_defined():
        return [np.array(op.inputs[0].shape, np.int32)]
    if op.type not in PRIMITIVES:
        raise InputError(
            f"{what} computes {op.type}, for which onnx has no form here. Export savedmodel, which holds any operation."
        )
    results = PRIMITIVES[op.type](builder, op, inputs)
    return results if isinstance(results, list) else [results]


def _computed(op: Any, inputs: list[np.ndarray]) -> list[Value]:
    """What an operation makes of constants, at once."""
    alone = tf.compat.v1.GraphDef()
    node = alone.node.add()
    node.CopyFrom(op.node_def)
    node.name, names = "computed", [f"given_{k}" for k in range(len(inputs))]
    node.input[:] = names

    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        given = {f"{name}:0": tf.constant(value) for name, value in zip(names, inputs, strict=True)}
        wanted = [f"computed:{k}" for k in range(len(op.outputs))]
        results = session.run(tf.graph_util.import_graph_def(alone, input_map=given, return_elements=wanted))
        return [np.asarray(result) for result in results]  # a scalar comes as a number


def primitive(*names: str) -> Callable[[Emitter], Emitter]:
    """Declare what emits TensorFlow's operations of these names."""

    def declare(emitter: Emitter) -> Emitter:
        PRIMITIVES.update(dict.fromkeys(names, emitter))
        return emitter

    return declare


# one node each, of the same inputs

_ALIKE = {
    "AddV2": "Add", "Add": "Add", "BiasAdd": "Add", "Sub": "Sub", "Mul": "Mul", "RealDiv": "Div", "Maximum": "Max",
    "Minimum": "Min", "Pow": "Pow", "Neg": "Neg", "Abs": "Abs", "Tanh": "Tanh", "Sigmoid": "Sigmoid", "Relu": "Relu",
    "Exp": "Exp", "Log": "Log", "Sqrt": "Sqrt", "Softplus": "Softplus", "Softsign": "Softsign", "Elu": "Elu",
    "Selu": "Selu", "Erf": "Erf", "Equal": "Equal", "Less": "Less", "LessEqual": "LessOrEqual", "Greater": "Greater",
    "GreaterEqual": "GreaterOrEqual", "LogicalAnd": "And", "LogicalOr": "Or", "LogicalNot": "Not", "SelectV2": "Where",
    "Cos": "Cos", "Sin": "Sin",
}  # fmt: skip


def _alike(operator: str) -> Emitter:
    return lambda builder, op, inputs: builder.add(operator, *inputs)


PRIMITIVES |= {name: _alike(operator) for name, operator in _ALIKE.items()}


@primitive("Identity", "StopGradient", "PreventGradient", "Snapshot")
def _same(builder: Builder, op: Any, inputs: list[Value]) -> Value:
    return inputs[0]


@primitive("IdentityN")
def _all_same(builder: Builder, op: Any, inputs: list[Value]) -> list[Value]:
    return inputs


@primitive("NotEqual")
def _not_equal(builder: Builder, op: Any, inputs: list[Value]) -> Value:
    return builder.add("Not", builder.add("Equal", *inputs))


@primitive("Rsqrt")
def _rsqrt(builder: Builder, op: Any, inputs: list[Value]) -> Value:
    return builder.add("Reciprocal", builder.add("Sqrt", inputs[0]))


@primitive("Square")
def _square(builder: Builder, op: Any, inputs: list[Value]) -> Value:
    return builder.add("Mul", inputs[0], inputs[0])


@primitive("SquaredDifference")
def _squared_difference(builder: Builder, op: Any, inputs: list[Value]) -> Value:
    difference = builder.add("Sub", *inputs)
    return builder.add("Mul", difference, difference)


@primitive("Relu6")
def _relu6(builder: Builder, op: Any, inputs: list[Value]) -> Value:
    return builder.add("Clip", inputs[0], np.float32(0), np.float32(6))


@primitive("LeakyRelu")
def _leaky_relu(builder: Builder, op: Any, inputs: list[Value]) -> Value:
    return builder.add("LeakyRelu", inputs[0], alpha=op.get_attr("alpha"))


@primitive("Softmax", "LogSoftmax")
def _softmax(builder: Builder, op: Any, inputs: list[Value]) -> Value:
    return builder.add(op.type, inputs[0], axis=-1)


@primitive("Cast")
def _cast(builder: Builder, op: Any, inputs: list[Value]) -> Value:
    wanted = op.get_attr("DstT")
    return inputs[0] if wanted == op.get_attr("SrcT") else builder.cast(inputs[0], wanted.as_numpy_dtype)


# products


@primitive("MatMul", "BatchMatMulV2", "BatchMatMulV3")
def _matmul(builder: Builder, op: Any, inputs: list[Value]) -> Value:
    left, right = inputs
    names = ("transpose_a", "transpose_b") if op.type == "MatMul" else ("adj_x", "adj_y")
    turned_left, turned_right = map(op.get_attr, names)
    if turned_left:
        left = _turned(builder, left, len(op.inputs[0].shape))
    if turned_right:
        right = _turned(builder, right, len(op.inputs[1].shape))
    if isinstance(right, np.ndarray) and right.ndim == 2:
        return builder.product(left, right)
    return builder.add("MatMul", left, right)


def _turned(builder: Builder, value: Value, rank: int) -> Value:
    """With the last two axes exchanged."""
    order = [*range(rank - 2), rank - 1, rank - 2]
    return value.transpose(order) if isinstance(value, np.ndarray) else builder.add("Transpose", value, perm=order)


# axes


def _fixed(value: Value, op: Any) -> np.ndarray:
    """What has to be a constant."""
    if not isinstance(value, np.ndarray):
        raise InputError(
            f"{op.type} with sizes that depend on the input has no onnx form here. Export savedmodel, which holds it."
        )
    return value


@primitive("ExpandDims")
def _expand_dims(builder: Builder, op: Any, inputs: list[Value]) -> Value:
    return builder.add("Unsqueeze", inputs[0], _fixed(inputs[1], op).astype(np.int64).reshape(-1))


@primitive("Squeeze")
def _squeeze(builder: Builder, op: Any, inputs: list[Value]) -> Value:
    axes = list(op.get_attr("squeeze_dims"))
    return builder.add("Squeeze", inputs[0], np.array(axes, np.int64) if axes else None)


@primitive("Transpose")
def _transpose(builder: Builder, op: Any, inputs: list[Value]) -> Value:
    return builder.add("Transpose", inputs[0], perm=_fixed(inputs[1], op).tolist())


@primitive("ReverseV2")
def _reverse(builder: Builder, op: Any, inputs: list[Value]) -> Value:
    axes = _fixed(inputs[1], op).astype(np.int64).reshape(-1)
    ones = np.ones_like(axes)
    return builder.add("Slice", inputs[0], -ones, ones * np.iinfo(np.int64).min, axes, -ones)


@primitive("ConcatV2")
def _concat(builder: Builder, op: Any, inputs: list[Value]) -> Value:
    return builder.add("Concat", *inputs[:-1], axis=int(_fixed(inputs[-1], op)))


@primitive("Pack")
def _stack(builder: Builder, op: Any, inputs: list[Value]) -> Value:
    axis = op.get_attr("axis")
    return builder.add("Concat", *(builder.add("Unsqueeze", value, np.array([axis])) for value in inputs), axis=axis)


@primitive("Unpack")
def _unstack(builder: Builder, op: Any, inputs: list[Value]) -> list[Value]:
    axis = op.get_attr("axis")
    return [builder.add("Gather", inputs[0], np.int64(k), axis=axis) for k in range(op.get_attr("num"))]


@primitive("Split")
def _split(builder: Builder, op: Any, inputs: list[Value]) -> list[Value]:
    count, axis = op.get_attr("num_split"), int(_fixed(inputs[0], op))
    if count == 1:
        return [inputs[1]]
    return [*builder.add_many("Split", count, inputs[1], axis=axis, num_outputs=count)]


@primitive("SplitV")
def _split_sizes(builder: Builder, op: Any, inputs: list[Value]) -> list[Value]:
    sizes, axis = _fixed(inputs[1], op).astype(np.int64), int(_fixed(inputs[2], op))
    return [*builder.add_many("Split", len(sizes), inputs[0], sizes, axis=axis)]


@primitive("Reshape")
def _reshape(builder: Builder, op: Any, inputs: list[Value]) -> Value:
    shape = inputs[1]
    return builder.add("Reshape", inputs[0], _whole(builder, shape))


def _whole(builder: Builder, value: Value) -> Value:
    return value.astype(np.int64) if isinstance(value, np.ndarray) else builder.cast(value, np.int64)


@primitive("BroadcastTo")
def _broadcast(builder: Builder, op: Any, inputs: list[Value]) -> Value:
    return builder.add("Expand", inputs[0], _whole(builder, inputs[1]))


@primitive("Tile")
def _tile(builder: Builder, op: Any, inputs: list[Value]) -> Value:
    return builder.add("Tile", inputs[0], _whole(builder, inputs[1]))


@primitive("Pad", "PadV2")
def _pad(builder: Builder, op: Any, inputs: list[Value]) -> Value:
    widths = _fixed(inputs[1], op).astype(np.int64)
    return builder.add("Pad", inputs[0], widths.T.reshape(-1), inputs[2] if len(inputs) > 2 else None)


@primitive("Shape")
def _shape(builder: Builder, op: Any, inputs: list[Value]) -> Value:
    return builder.cast(builder.add("Shape", inputs[0]), np.int32)


@primitive("ZerosLike", "OnesLike")
def _like(builder: Builder, op: Any, inputs: list[Value]) -> Value:
    return _filled(builder, builder.add("Shape", inputs[0]), op.type == "OnesLike", op.outputs[0].dtype)


@primitive("Fill")
def _fill(builder: Builder, op: Any, inputs: list[Value]) -> Value:
    return _filled(builder, _whole(builder, inputs[0]), _fixed(inputs[1], op), op.outputs[0].dtype)


def _filled(builder: Builder, shape: Value, value: Any, dtype: tf.DType) -> str:
    number = builder.onnx.numpy_helper.from_array(np.full([1], value, dtype.as_numpy_dtype))
    return builder.add("ConstantOfShape", shape, value=number)


@primitive("StridedSlice")
def _strided_slice(builder: Builder, op: Any, inputs: list[Value]) -> Value:
    value, begin, end, strides = inputs[0], *(_fixed(part, op).astype(np.int64) for part in inputs[1:])
    mask = {name: op.get_attr(f"{name}_mask") for name in ("begin", "end", "ellipsis", "new_axis", "shrink_axis")}
    rank, axis = len(op.inputs[0].shape), 0
    real = sum(not (mask["new_axis"] | mask["ellipsis"]) >> k & 1 for k in range(len(begin)))
    starts, stops, axes, steps, chosen, new = [], [], [], [], [], []
    place = 0  # in the result
    for k, (first, last, step) in enumerate(zip(begin.tolist(), end.tolist(), strides.tolist(), strict=True)):
        has = {name: bits >> k & 1 for name, bits in mask.items()}
        if has["ellipsis"]:
            axis, place = axis + rank - real, place + rank - real
        elif has["new_axis"]:
            new.append(place)
            place += 1
        elif has["shrink_axis"]:
            chosen.append((axis, first))
            axis += 1
        else:
            if not (has["begin"] and has["end"] and step == 1):
                far = np.iinfo(np.int64).max if step > 0 else np.iinfo(np.int64).min
                starts.append((0 if step > 0 else -1) if has["begin"] else first)
                stops.append(far if has["end"] else last)
                axes.append(axis)
                steps.append(step)
            axis, place = axis + 1, place + 1
    if axes:
        value = builder.add("Slice", value, *(np.array(part, np.int64) for part in (starts, stops, axes, steps)))
    for at, index in reversed(chosen):
        value = builder.add("Gather", value, np.int64(index), axis=at)
    return builder.add("Unsqueeze", value, np.array(new, np.int64)) if new else value


@primitive("GatherV2")
def _gather(builder: Builder, op: Any, inputs: list[Value]) -> Value:
    table, ids, axis = inputs[0], inputs[1], int(_fixed(inputs[2], op))
    if op.get_attr("batch_dims"):
        raise InputError("Gathering row by row has no onnx form here. Export savedmodel, which holds it.")
    return builder.add("Gather", table, ids, axis=axis)


# over axes


@primitive("Sum", "Mean", "Max", "Min", "Prod")
def _reduce(builder: Builder, op: Any, inputs: list[Value]) -> Value:
    axes = _fixed(inputs[1], op).astype(np.int64).reshape(-1)
    if not len(axes):
        return inputs[0]
    return builder.add(f"Reduce{op.type}", inputs[0], axes, keepdims=int(op.get_attr("keep_dims")))


@primitive("Any", "All")
def _reduce_truth(builder: Builder, op: Any, inputs: list[Value]) -> Value:
    reduce = "ReduceMax" if op.type == "Any" else "ReduceMin"
    axes = _fixed(inputs[1], op).astype(np.int64).reshape(-1)
    numbers = builder.cast(inputs[0], np.int32)
    return builder.cast(builder.add(reduce, numbers, axes, keepdims=int(op.get_attr("keep_dims"))), np.bool_)


@primitive("Cumsum")
def _cumsum(builder: Builder, op: Any, inputs: list[Value]) -> Value:
    options = {name: int(op.get_attr(name)) for name in ("exclusive", "reverse")}
    return builder.add("CumSum", inputs[0], _fixed(inputs[1], op).astype(np.int64), **options)


@primitive("FloorMod")
def _remainder(builder: Builder, op: Any, inputs: list[Value]) -> Value:
    if not op.outputs[0].dtype.is_integer:
        raise InputError("Remainders of fractions have no onnx form here. Export savedmodel, which holds them.")
    return builder.add("Mod", *inputs)


@primitive("TopKV2")
def _top(builder: Builder, op: Any, inputs: list[Value]) -> list[Value]:
    count = builder.add("Reshape", _whole(builder, inputs[1]), np.array([1]))
    values, places = builder.add_many("TopK", 2, inputs[0], count)
    return [values, builder.cast(places, np.int32)]


@primitive("TensorScatterAdd")
def _scatter_add(builder: Builder, op: Any, inputs: list[Value]) -> Value:
    """Through one long row: ONNX Runtime adds what falls on one place in a row's order, but of several axes at random."""
    values, at, more = inputs
    shape = builder.add("Shape", values)
    rank = len(op.inputs[0].shape)
    place: Value | None = None
    for axis in range(rank):
        index = builder.add("Gather", _whole(builder, at), np.int64(axis), axis=-1)
        if place is None:
            place = index
        else:
            size = builder.add("Gather", shape, np.int64(axis))
            place = builder.add("Add", builder.add("Mul", place, size), index)
    flat = builder.add("Reshape", values, np.array([-1]))
    added = builder.add("ScatterElements", flat, place, more, axis=0, reduction="add")
    return builder.add("Reshape", added, shape)


# images: TensorFlow's channels are last, ONNX's come after the batch


def _channels_first(builder: Builder, value: Value) -> str:
    return builder.add("Transpose", value, perm=[0, 3, 1, 2])


def _channels_last(builder: Builder, value: Value) -> str:
    return builder.add("Transpose", value, perm=[0, 2, 3, 1])


def _window(op: Any, *, strides: str = "strides") -> dict[str, Any]:
    if op.get_attr("data_format") != b"NHWC":
        raise InputError(
            "Images with their channels first have no onnx form here. Export savedmodel, which holds them."
        )
    padding = {b"SAME": "SAME_UPPER", b"VALID": "VALID"}.get(op.get_attr("padding"))
    if padding is None:
        raise InputError(f"{op.type} with padding of its own has no onnx form here. Export savedmodel, which holds it.")
    return {"auto_pad": padding, "strides": list(op.get_attr(strides))[1:3]}


@primitive("Conv2D")
def _convolution(builder: Builder, op: Any, inputs: list[Value]) -> Value:
    kernel = _fixed(inputs[1], op).transpose(3, 2, 0, 1)  # (out, in, rows, columns)
    options = _window(op) | {"dilations": list(op.get_attr("dilations"))[1:3]}
    depth = op.inputs[0].shape[-1]
    groups = depth // kernel.shape[1]
    image = _channels_first(builder, inputs[0])
    return _channels_last(builder, builder.add("Conv", image, builder.weight(kernel, 0), group=groups, **options))


@primitive("DepthwiseConv2dNative")
def _depthwise(builder: Builder, op: Any, inputs: list[Value]) -> Value:
    kernel = _fixed(inputs[1], op)  # (rows, columns, in, multiplier)
    rows, columns, depth, multiplier = kernel.shape
    kernel = kernel.reshape(rows, columns, depth * multiplier, 1).transpose(2, 3, 0, 1)
    options = _window(op) | {"dilations": list(op.get_attr("dilations"))[1:3]}
    image = _channels_first(builder, inputs[0])
    return _channels_last(builder, builder.add("Conv", image, builder.weight(kernel, 0), group=depth, **options))


@primitive("MaxPool", "AvgPool")
def _pooling(builder: Builder, op: Any, inputs: list[Value]) -> Value:
    size = list(op.get_attr("ksize"))[1:3]
    operator = "MaxPool" if op.type == "MaxPool" else "AveragePool"
    image = _channels_first(builder, inputs[0])
    return _channels_last(builder, builder.add(operator, image, kernel_shape=size, **_window(op)))
