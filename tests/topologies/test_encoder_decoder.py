"""Attention and the decoder against their equations in NumPy."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from seqkit.core.errors import InputError
from seqkit.core.registry import cells
from seqkit.core.settings import Attention, Embedding, Search, Stack
from seqkit.inference.generation import generation_graph
from seqkit.layers.attention import attend, attention_keys
from seqkit.layers.embedding import SHARED, TABLE, embed_tokens, table_of, tied_head
from seqkit.layers.input_feeding import Attentive
from seqkit.recurrence.acceleration import accelerate
from seqkit.recurrence.cells import CELLS, register
from seqkit.runs.opening import load_model
from seqkit.topologies.encoder_decoder import encoder_decoder
from seqkit.topologies.one_to_many import one_to_many
from seqkit.training.trainer import reproducible

QUICK = {("additive", "gru"), ("multiplicative", "mut1"), ("additive, coverage", "lstm")}


def softmax(scores):
    powers = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def attended(kind, query, memory, real, weights):
    """Luong et al. 2015, (8) general; Bahdanau et al. 2015, appendix A.1.2."""
    context, shares = np.zeros((*query.shape[:2], memory.shape[-1])), np.zeros((*query.shape[:2], memory.shape[1]))
    for row in range(len(query)):
        for step in range(query.shape[1]):
            scores = []
            for place in np.flatnonzero(real[row]):
                key = memory[row, place] @ weights["keys/kernel"]
                if kind == "additive":
                    asked = query[row, step] @ weights["attention_query/kernel"] + weights["attention_query/bias"]
                    scores.append(float(np.tanh(key + asked) @ weights["attention_score/kernel"][:, 0]))
                else:
                    scores.append(float(query[row, step] @ key))
            shares[row, step, real[row]] = softmax(np.array(scores))
            context[row, step] = shares[row, step] @ memory[row]
    return context, shares


@pytest.mark.parametrize("kind", ["additive", "multiplicative"])
def test_attention_follows_its_equations(kind, rng):
    attention = Attention(kind=kind, units=6 if kind == "additive" else 0)
    query, memory = keras.Input((None, 4)), keras.Input((None, 5))
    real = keras.Input((None,), dtype="bool")
    model = keras.Model(
        [query, memory, real], attend(query, memory, attention_keys(memory, attention, 4), real, attention)
    )
    for variable in model.trainable_variables:
        variable.assign(rng.normal(size=variable.shape))
    given = rng.normal(size=(2, 3, 4)), rng.normal(size=(2, 7, 5)), np.arange(7) < np.array([[7], [4]])
    weights = {variable.path: variable.numpy().astype(np.float64) for variable in model.trainable_variables}
    for got, expected in zip(model(list(given)), attended(kind, *given, weights), strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-6)


def whole(attention, stack=None, **options):
    before, features, _ = embed_tokens(9, Embedding(units=4), name="before")
    source = embed_tokens(8, Embedding(units=3))
    return encoder_decoder(
        source, (before, features), outputs=9, encoder=stack or Stack(units=(5,), bidirectional=True),
        decoder=Stack(cell="gru", units=(6,)), attention=attention, **options,
    )  # fmt: skip


@pytest.mark.parametrize("tied", [False, True])
def test_a_shared_embedding_is_one_variable_in_memory_after_a_step_and_back_from_its_file(tied, tmp_path, rng):
    """To plain Keras the two layers of the file have a variable each, which start out alike."""
    ids, read, mask = embed_tokens(9, Embedding(units=6), reversible=tied)
    table = table_of(ids, read)
    before, features, _ = embed_tokens(9, Embedding(units=6), reversible=tied, shared=table, name="before")
    model = encoder_decoder(
        (ids, read, mask), (before, features), outputs=9, encoder=Stack(units=(5,)),
        decoder=Stack(cell="gru", units=(6,)), attention=Attention(), head=tied_head(before, features) if tied else None,
    )  # fmt: skip
    model.save(tmp_path / "model.keras")
    parted, again = keras.saving.load_model(tmp_path / "model.keras"), load_model(tmp_path / "model.keras")
    again.save(tmp_path / "again.keras")
    models = {"shared": model, "accelerated": accelerate(model), "parted": parted, "again": again}
    models["twice"] = load_model(tmp_path / "again.keras")
    given = [rng.integers(1, 9, (3, steps)) for steps in (4, 5)]
    gradients, counts = {}, {name: one.count_params() for name, one in models.items()}
    for name, one in models.items():
        tables = [table for table in one.trainable_variables if table.path.endswith("embedding/embeddings")]
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(one(given)))
        found = tape.gradient(loss, [table.value for table in tables])
        assert len(found) == (2 if name == "parted" else 1)
        gradients[name] = sum(tf.convert_to_tensor(gradient).numpy() for gradient in found)
        np.testing.assert_allclose(one(given), model(given), rtol=1e-5, atol=1e-6)
    for name in ("shared", "accelerated", "again", "twice"):
        np.testing.assert_allclose(gradients[name], gradients["parted"], rtol=1e-4, atol=1e-6)
    assert counts == dict.fromkeys(models, model.count_params()) | {"parted": model.count_params() + 9 * 6}
    again.compile("adam", loss="mse")
    again.train_on_batch(given, np.zeros((3, 5, 9)))
    source, target = (layer for layer in again._flatten_layers() if layer.name in (TABLE, SHARED))
    np.testing.assert_array_equal(source.get_weights()[0], target.get_weights()[0])
    assert not np.allclose(source.get_weights()[0], table.get_weights()[0])


def fed(cell, kind, given, weights):
    """`seqkit.layers.input_feeding.attentive` step by step, of a GRU (reset after the product) or an LSTM."""

    def sigmoid(x):
        return 1 / (1 + np.exp(-x))

    x, keys, values, real, *states = given
    said, looked = [], []
    for step in range(x.shape[1]):
        *inner, before, covered = states if "coverage_kernel" in weights else (*states, None)
        gates = x[:, step] @ weights["kernel"] + weights["bias"] + before @ weights["feed_kernel"]
        own = inner[0] @ weights["recurrent_kernel_0"]
        units = own.shape[-1] // (3 if cell == "gru" else 4)
        g, r = (np.split(part, part.shape[-1] // units, axis=-1) for part in (gates, own))
        if cell == "gru":
            z, reset = sigmoid(g[0] + r[0]), sigmoid(g[1] + r[1])
            inner = [z * inner[0] + (1 - z) * np.tanh(g[2] + reset * r[2])]
        else:
            i, f, c, o = (p + q for p, q in zip(g, r, strict=True))
            memory = sigmoid(f) * inner[1] + sigmoid(i) * np.tanh(c)
            inner = [sigmoid(o) * np.tanh(memory), memory]
        tail = np.split(inner[0] @ weights["attention_kernel"], 2 if kind == "additive" else 1, axis=-1)
        if kind == "additive":
            more = 0 if covered is None else covered[:, :, None] * weights["coverage_kernel"][:, 0]
            scores = np.tanh(keys + tail[0][:, None] + more) @ weights["attention_score"][:, 0]
        else:
            scores = (keys * inner[0][:, None]).sum(-1)
        shares = softmax(np.where(real, scores, -np.inf))
        before = np.tanh(tail[-1] + (shares[:, :, None] * values).sum(1))
        states = [*inner, before] if covered is None else [*inner, before, covered + shares]
        said.append(before)
        looked.append(shares)
    return [np.stack(said, axis=1), np.stack(looked, axis=1), *states]


def attentive_case(cell, kind, rng):
    kind, _, coverage = kind.partition(", ")
    layer, units = Attentive(4, cell, kind, coverage=bool(coverage)), 4
    given = [
        rng.normal(size=(3, 5, 2)), rng.normal(size=(3, 7, units)), rng.normal(size=(3, 7, units)),
        np.arange(7) < np.array([[7], [4], [1]]), *rng.normal(size=(3 if cell == "lstm" else 2, 3, units)),
    ]  # fmt: skip
    if coverage:
        given.append(rng.uniform(size=(3, 7)))
    given = [part if part.dtype == bool else part.astype("float32") for part in given]
    layer([tf.constant(part) for part in given])
    for variable in layer.trainable_variables:
        variable.assign(rng.normal(size=variable.shape))
    return layer, given


@pytest.mark.parametrize("cell", ["gru", "lstm"])
@pytest.mark.parametrize("kind", ["additive", "multiplicative", "additive, coverage"])
def test_feeding_follows_its_equations(cell, kind, rng):
    layer, given = attentive_case(cell, kind, rng)
    weights = {variable.name: variable.numpy().astype(np.float64) for variable in layer.trainable_variables}
    kind = layer.kind
    expected = fed(cell, kind, [part.astype(np.float64) if part.dtype != bool else part for part in given], weights)
    for got, wanted in zip(layer([tf.constant(part) for part in given]), expected, strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-4, atol=1e-5)
    with pytest.raises(AssertionError):  # nothing fed
        np.testing.assert_allclose(
            layer([tf.constant(part) for part in given])[0],
            fed(cell, kind, given, weights | {"feed_kernel": 0 * weights["feed_kernel"]})[0],
            rtol=1e-4, atol=1e-5,
        )  # fmt: skip


def test_a_cell_of_ones_own_is_fed_as_one_of_ours(rng):
    layer, given = attentive_case("gru", "additive", rng)
    register("mine", CELLS["gru"])
    try:
        own = Attentive(layer.units, "mine", layer.kind)
        own(given)
        own.set_weights(layer.get_weights())
        for got, expected in zip(own(given), layer(given), strict=True):
            np.testing.assert_array_equal(got, expected)
    finally:
        cells.discard("mine")


@pytest.mark.parametrize(
    ("kind", "cell"),
    [  # each kind and each cell once, and all of them with -m slow
        pytest.param(kind, cell, marks=() if (kind, cell) in QUICK else pytest.mark.slow)
        for kind in ("additive", "multiplicative", "additive, coverage")
        for cell in ("gru", "lstm", "mut1")
    ],
)
def test_gradients_of_feeding_are_those_of_its_steps(cell, kind, rng):
    """The scan's own gradient against TensorFlow's through one step after the other."""
    layer, given = attentive_case(cell, kind, rng)
    tensors = [tf.constant(part) for part in given]
    draw = tf.constant(rng.normal(size=(3, 5, 4)).astype("float32"))

    def gradients(run):
        with tf.GradientTape() as tape:
            floats = [tensor for tensor in tensors if tensor.dtype != tf.bool]
            tape.watch(floats)
            said, weights, *after = run(tensors)
            loss = tf.reduce_sum(said * draw) + tf.reduce_sum(weights**2) + sum(tf.reduce_sum(s**2) for s in after)
        return tape.gradient(loss, [*floats, *(variable.value for variable in layer.trainable_variables)])

    def step_by_step(tensors):
        x, *memory, states = *tensors[:4], tensors[4:]
        said, looked = [], []
        for step in range(x.shape[1]):
            a, weights, *states = layer([x[:, step : step + 1], *memory, *states])
            said.append(a)
            looked.append(weights)
        return tf.concat(said, 1), tf.concat(looked, 1), *states

    for ours, theirs in zip(gradients(layer), gradients(step_by_step), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("feeding", [False, True])
@pytest.mark.parametrize("steps", [3, 5])
def test_copying_follows_its_equation(feeding, steps, rng):
    """See et al. 2017, (8) and (9), of what the decoder's own layers say; with as many rows as steps, and with fewer."""
    decoder = whole(Attention("additive", feeding=feeding, copying=True)).get_layer("decoder")
    gate = decoder.get_layer("write_or_copy")
    source, real = rng.integers(1, 9, (3, 7)), np.arange(7) < np.array([[7], [4], [1]])
    given = {tensor.name: tensor for tensor in decoder.inputs}
    arrays = {name: rng.normal(size=(3, *(size or 7 for size in tensor.shape[1:]))) for name, tensor in given.items()}
    arrays |= {"before": rng.integers(4, 9, (3, steps)), "source": np.where(real, source, 0), "real": real}
    inner = [gate.input, decoder.get_layer("logits").output]
    found = keras.Model(decoder.inputs, [decoder.outputs[0], *inner, decoder.outputs[1]])
    nats, looked, written, weights = map(np.asarray, found([arrays[name] for name in given]))
    kernel, bias = (part.astype(np.float64) for part in gate.get_weights())
    generate = 1 / (1 + np.exp(-(looked @ kernel + bias)))
    expected = generate * softmax(written)
    for row, step, place in np.ndindex(*weights.shape):
        expected[row, step, arrays["source"][row, place]] += (1 - generate[row, step, 0]) * weights[row, step, place]
    np.testing.assert_allclose(np.exp(nats), expected, rtol=1e-4, atol=1e-7)
    np.testing.assert_allclose(np.exp(nats).sum(axis=-1), 1, rtol=1e-5)


def test_a_copying_model_writes_symbols_that_it_never_wrote_in_training(rng):
    """The same rows back: half of the symbols are only read in training, and without copying never written."""
    tokens, right = 24, {}
    for copying in (True, False):
        keras.utils.set_random_seed(0)
        before, features, _ = embed_tokens(tokens, Embedding(units=16), name="before")
        model = encoder_decoder(
            embed_tokens(tokens, Embedding(units=16)), (before, features), outputs=tokens,
            encoder=Stack(cell="gru", units=(16,), bidirectional=True), decoder=Stack(cell="gru", units=(32,)),
            attention=Attention(copying=copying),
        )  # fmt: skip
        model.compile(keras.optimizers.Adam(1e-2), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
        known = rng.integers(4, 14, (512, 5))
        model.fit(
            [known, np.pad(known, ((0, 0), (1, 0)))[:, :-1]],
            known,
            batch_size=32,
            epochs=6 if copying else 2,
            verbose=0,
        )
        fresh = rng.integers(14, tokens, (100, 5))
        logits = np.asarray(model([fresh, np.pad(fresh, ((0, 0), (1, 0)))[:, :-1]]))
        right[copying] = (logits.argmax(axis=-1) == fresh).mean()
    assert right[True] > 0.3
    assert right[False] < 0.05


@pytest.mark.parametrize("kind", ["none", "additive", "multiplicative"])
def test_what_is_written_depends_on_all_that_was_read_and_not_on_what_comes_later(kind, rng):
    model = whole(Attention(kind=kind))
    ids, before = rng.integers(4, 8, (1, 6)), rng.integers(4, 9, (1, 5))
    first = np.asarray(model([ids, before]))
    for place in range(6):
        other = ids.copy()
        other[0, place] = 4 + (ids[0, place] - 3) % 4
        assert np.abs(np.asarray(model([other, before])) - first).max() > 1e-6
    later = before.copy()
    later[0, 3:] = 4 + (before[0, 3:] - 3) % 5
    changed = np.abs(np.asarray(model([ids, later])) - first).max(axis=(0, 2))
    assert changed[:3].max() == 0
    assert changed[3:].min() > 1e-7


@pytest.mark.parametrize("feeding", [False, True])
def test_a_search_in_bfloat16_adds_up_float32_weights(feeding, rng):
    with reproducible(0, "mixed_bfloat16"):
        model = whole(Attention("additive", feeding=feeding, coverage=feeding, copying=True))
    found = generation_graph(model, Search(beam=2, longest=3))(tf.constant(rng.integers(4, 8, (2, 6)), tf.int32))
    np.testing.assert_allclose(found.weights[:, :, 0].numpy().sum(axis=-1), 1, atol=0.02)


def test_without_attention_one_vector_holds_the_source():
    assert [tensor.name for tensor in whole(Attention(kind="none")).get_layer("decoder").inputs] == [
        "before",
        "state_0",
    ]


@pytest.mark.parametrize(("kind", "every_step", "inputs"), [
    ("none", False, ["state_0", "state_1"]),
    ("none", True, ["vector", "state_0", "state_1"]),
    ("multiplicative", False, ["memory", "keys", "real", "state_0", "state_1"]),
])  # fmt: skip
def test_a_image_comes_in_by_its_state_at_every_step_or_by_attention(kind, every_step, inputs, rng):
    image = keras.Input((4, 3), name="image")
    before, features, _ = embed_tokens(9, Embedding(units=4), name="before")
    model = one_to_many(
        image, image * 1.0, (before, features), outputs=9, decoder=Stack(cell="lstm", units=(6,)),
        attention=Attention(kind=kind), every_step=every_step,
    )  # fmt: skip
    assert [tensor.name for tensor in model.get_layer("decoder").inputs] == ["before", *inputs]
    images, written = rng.normal(size=(2, 4, 3)), rng.integers(4, 9, (2, 5))
    shuffled = images[:, [2, 0, 1, 3]]
    same, other = (np.asarray(model([which, written])) for which in (shuffled, images[::-1]))
    first = np.asarray(model([images, written]))
    np.testing.assert_allclose(same, first, rtol=1e-4, atol=1e-6)  # places have no order
    assert np.abs(other - first).max() > 1e-4


def test_settings_that_contradict_each_other_are_named():
    with pytest.raises(InputError, match=r"attention\.feeding is on"):
        Attention(kind="none", feeding=True)
    for wrong in ({"kind": "additive"}, {"kind": "multiplicative", "feeding": True}):
        with pytest.raises(InputError, match="choose attention.kind additive with attention.feeding"):
            Attention(**wrong, coverage=True)
    with pytest.raises(InputError, match=r"attention\.copying is on with attention\.kind none"):
        Attention(kind="none", copying=True)
    with pytest.raises(InputError, match=r"attention\.copying and encoder\.pyramidal are both on"):
        whole(Attention(copying=True), Stack(units=(5, 5), pyramidal=True))
    with pytest.raises(InputError, match=r"search\.n_best is 3"):
        Search(beam=2, n_best=3)
