"""The linear chain against enumeration of all paths."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from seqkit.layers.crf import CRF, best_tags, crf_loss, tag_probabilities, unpack, viterbi
from seqkit.text.tag_schemes import SCHEMES

TAGS = 3


def enumerated(emissions, transitions):
    """Every path of one row with its score, by the definition."""
    paths = list(itertools.product(range(emissions.shape[1]), repeat=len(emissions)))
    scores = [
        transitions[-1, path[0]]
        + sum(emissions[t, tag] for t, tag in enumerate(path))
        + sum(transitions[a, b] for a, b in itertools.pairwise(path))
        for path in paths
    ]
    return paths, np.array(scores)


def pack(emissions, transitions):
    return np.concatenate([np.tile(transitions, (len(emissions), 1, 1)), emissions], axis=1)


def drawn(seed, spread=1.0, steps=4, rows=2):
    rng = np.random.default_rng(seed)
    emissions = rng.normal(size=(rows, steps, TAGS)) * spread
    transitions = rng.normal(size=(TAGS + 1, TAGS)) * spread
    return emissions, transitions, rng.integers(0, TAGS, (rows, steps))


@given(seed=st.integers(0, 1000), spread=st.sampled_from([0.1, 1.0, 20.0]), length=st.integers(1, 4))
def test_steps_of_the_loss_add_up_to_the_likelihood(seed, spread, length):
    emissions, transitions, targets = drawn(seed, spread)
    shares = crf_loss(tf.constant(targets), tf.constant(pack(emissions, transitions))).numpy()
    for row in range(len(targets)):
        paths, scores = enumerated(emissions[row, :length], transitions)
        probability = scores[paths.index(tuple(targets[row, :length]))] - np.logaddexp.reduce(scores)
        assert shares[row, :length].sum() == pytest.approx(-probability, abs=1e-6 * spread)


@settings(max_examples=15)
@given(seed=st.integers(0, 1000), spread=st.sampled_from([0.1, 1.0, 5.0]), lengths=st.tuples(*[st.integers(0, 4)] * 2))
def test_a_tags_probability_is_that_of_all_paths_through_it(seed, spread, lengths):
    emissions, transitions, _ = drawn(seed, spread)
    mask = np.arange(4) < np.array(lengths)[:, None]
    found = tag_probabilities(tf.constant(pack(emissions, transitions)), tf.constant(mask), chain=True).numpy()
    alone = tag_probabilities(tf.constant(emissions), tf.constant(mask), chain=False).numpy()
    np.testing.assert_allclose(alone, np.exp(emissions) / np.exp(emissions).sum(-1, keepdims=True), atol=1e-9)
    for row, length in enumerate(lengths):
        assert not found[row, length:].any()
        if not length:
            continue
        paths, scores = enumerated(emissions[row, :length], transitions)
        shares = np.exp(scores - np.logaddexp.reduce(scores))
        for step, tag in itertools.product(range(length), range(TAGS)):
            through = sum(share for path, share in zip(paths, shares, strict=True) if path[step] == tag)
            assert found[row, step, tag] == pytest.approx(through, abs=1e-7)


@given(seed=st.integers(0, 1000), spread=st.sampled_from([0.1, 1.0, 20.0]), lengths=st.tuples(*[st.integers(0, 4)] * 2))
def test_viterbi_finds_the_best_path(seed, spread, lengths):
    emissions, transitions, _ = drawn(seed, spread)
    mask = np.arange(4) < np.array(lengths)[:, None]
    found = viterbi(tf.constant(emissions), tf.constant(transitions), tf.constant(mask)).numpy()
    for row, length in enumerate(lengths):
        assert not found[row, length:].any()
        if length:
            paths, scores = enumerated(emissions[row, :length], transitions)
            assert tuple(found[row, :length]) == paths[scores.argmax()]


def test_gradient_is_that_of_finite_differences():
    emissions, transitions, targets = drawn(1)
    weights = np.array([[1.0, 1.0, 1.0, 1.0], [1.0, 1.0, 0.0, 0.0]])  # the second row is padded
    outputs = pack(emissions, transitions)

    def loss(outputs):
        return tf.reduce_sum(crf_loss(tf.constant(targets), outputs) * weights)

    with tf.GradientTape() as tape:
        variable = tf.Variable(outputs)
        value = loss(variable)
    gradient = tape.gradient(value, variable).numpy()
    for place in np.ndindex(outputs.shape):
        step = np.zeros_like(outputs)
        step[place] = 1e-5
        difference = (loss(tf.constant(outputs + step)) - loss(tf.constant(outputs - step))) / 2e-5
        assert gradient[place] == pytest.approx(float(difference), abs=1e-6), place
    assert not gradient[1, TAGS + 1 + 2 :].any(), "padding has a gradient"


def test_a_chain_that_forbids_a_path_is_exact_and_finite():
    """In float32, with emissions that insist on what is forbidden: 1 after nothing but 1, 0 at the beginning."""
    layer = CRF(np.array([[1, 0, 1, 1], [1, 1, 1, 1], [1, 0, 1, 1], [0, 0, 1, 1]], bool))
    emissions = tf.Variable([[[60.0, 60.0, 0.0], [0.0, 60.0, 0.0], [0.0, 60.0, 1.0]]])
    mask = tf.constant([[True] * 3])
    with tf.GradientTape() as tape:
        outputs = layer(emissions, mask=mask)
        loss = tf.reduce_sum(crf_loss(tf.constant([[2, 0, 2]]), outputs))
    legal = [0.0, 1.0, 0.0, 1.0]  # 2 0 0, 2 0 2, 2 2 0, 2 2 2
    assert float(loss) == pytest.approx(np.logaddexp.reduce(legal) - 1.0, rel=1e-4)
    assert np.isfinite(tape.gradient(loss, emissions)).all()
    assert viterbi(*unpack(outputs), mask).numpy()[0, [0, 2]].tolist() == [2, 2]


@pytest.mark.parametrize("scheme", SCHEMES, ids=str)
def test_a_constrained_chain_answers_with_legal_sequences_only(scheme, rng):
    tags = ["O", *(scheme.tag(prefix, kind) for prefix in sorted(scheme._prefixes) for kind in "XY")]
    emissions = tf.constant(rng.normal(size=(40, 9, len(tags))) * 5, tf.float32)
    mask = tf.sequence_mask(rng.integers(1, 10, 40), 9)

    def count_illegal(paths):
        rows = ([tags[tag] for tag in path[real]] for path, real in zip(paths.numpy(), mask.numpy(), strict=True))
        return scheme.illegal(list(rows))

    rules = scheme.legal(tags)
    assert count_illegal(best_tags(CRF(rules)(emissions, mask=mask), mask, chain=True)) == 0
    assert count_illegal(best_tags(CRF()(emissions, mask=mask), mask, chain=True)) > 0
    # logits alone, under the same constraints: what a chain gives that has learnt nothing
    decoded = best_tags(emissions, mask, chain=False, constraints=rules)
    np.testing.assert_array_equal(decoded, best_tags(CRF(rules)(emissions, mask=mask), mask, chain=True))
    assert count_illegal(best_tags(emissions, mask, chain=False)) > 0


def test_the_layer_adds_its_scores_and_is_read_back(tmp_path, rng):
    emissions, mask = keras.Input((None, TAGS)), keras.Input((None,), dtype="bool")
    constraints = rng.random((TAGS + 1, TAGS + 1)) < 0.7
    model = keras.Model([emissions, mask], CRF(constraints, name="crf")(emissions, mask=mask))
    values = [rng.normal(size=weight.shape) for weight in model.weights]
    model.set_weights(values)
    x = rng.normal(size=(2, 5, TAGS)).astype("float32")
    real = np.array([[True] * 5, [True] * 2 + [False] * 3])
    outputs = model([x, real]).numpy()
    transitions, end = values
    forbidden = np.where(constraints, 0.0, -1e4)
    expected = x.copy()
    expected[0, 4] += end + forbidden[:TAGS, TAGS]
    expected[1, 1] += end + forbidden[:TAGS, TAGS]
    np.testing.assert_allclose(outputs[:, TAGS + 1 :], expected, rtol=1e-5)
    np.testing.assert_allclose(outputs[1, : TAGS + 1], transitions + forbidden[:, :TAGS], rtol=1e-5)
    model.save(tmp_path / "crf.keras")
    np.testing.assert_array_equal(keras.saving.load_model(tmp_path / "crf.keras")([x, real]), outputs)


def test_constraints_of_another_size_are_refused():
    with pytest.raises(ValueError, match="give \\(4, 4\\)"):
        CRF([[True]])(tf.zeros([1, 2, 3]), mask=tf.ones([1, 2], tf.bool))


def test_it_runs_in_a_graph_of_any_shape():
    @tf.function(input_signature=[tf.TensorSpec([None, None, TAGS])], autograph=False)
    def run(emissions):
        mask = tf.ones(tf.shape(emissions)[:2], tf.bool)
        transitions = tf.zeros([TAGS + 1, TAGS])
        outputs = tf.concat([tf.tile(transitions[None], [tf.shape(emissions)[0], 1, 1]), emissions], axis=1)
        with tf.GradientTape() as tape:
            tape.watch(outputs)
            loss = crf_loss(viterbi(emissions, transitions, mask), outputs)
        return loss, tape.gradient(loss, outputs)

    for steps in (1, 5):
        emissions = np.random.default_rng(0).normal(size=(2, steps, TAGS)).astype("float32")
        loss, gradient = run(emissions)
        independent = tf.nn.sparse_softmax_cross_entropy_with_logits(emissions.argmax(axis=-1), emissions)
        np.testing.assert_allclose(loss, independent, rtol=1e-4)  # without transitions steps don't know each other
        assert np.isfinite(gradient).all()
