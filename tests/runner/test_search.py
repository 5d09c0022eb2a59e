"""What the runner finds, draws, tags and marks, beside seqkit's own."""

import itertools

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from seqkit.core.settings import Search
from seqkit.decoding import sampling as drawing
from seqkit.decoding import stepwise
from seqkit.decoding.beam_search import beam_search
from seqkit.layers.crf import best_tags as tags_in_tensorflow
from seqkit.text.tag_schemes import SCHEMES, SEPARATORS
from seqkit_runner.chain import Chain, best_tags, chain_of, spans
from seqkit_runner.errors import ArtefactError
from seqkit_runner.sampling import check_sampling, drawn, independent_keys, row_keys
from seqkit_runner.search import Beam

BEGIN, END, UNKNOWN, TOKENS, STEPS, PLACES = 0, 1, 2, 6, 7, 4


def toy_tables(seed, rows):
    """Logits by row, step and the last two symbols, and attention by row and the last one."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(rows, STEPS, TOKENS, TOKENS, TOKENS)).astype(np.float32) * 2
    return logits, rng.dirichlet(np.ones(PLACES), size=(rows, TOKENS)).astype(np.float32)


def toy(seed, rows):
    """(ids, state, memory) -> logits, attention and state after, of a model that looks back two symbols."""
    logits, attention = toy_tables(seed, rows)

    def step(ids, state, memory):
        row, t, before = memory["row"], state["step"], state["before"]
        return logits[row, t, before, ids], attention[row, ids], {"step": t + 1, "before": ids}

    return step


def begun(rows):
    zeros = np.zeros(rows, np.int32)
    return {"step": zeros, "before": zeros + BEGIN}, {"row": np.arange(rows, dtype=np.int32)}


def by_the_runner(step, longest, search, excluded, keys):
    rows = len(longest)
    settings = {name: getattr(search, name) for name in Search.__dataclass_fields__}
    words = np.full(rows, PLACES)
    beam = Beam(step, settings, begin=BEGIN, end=END, longest=longest, words=words, excluded=excluded, keys=keys)
    return beam.find(*begun(rows))


def by_seqkit(step, longest, search, excluded, keys):
    """What `Beam` gives, of seqkit's own search."""

    def in_tensorflow(ids, state, memory):
        arrays = ({name: tensor.numpy() for name, tensor in tree.items()} for tree in (state, memory))
        return tf.nest.map_structure(tf.constant, step(ids.numpy(), *arrays))

    state, memory = (tf.nest.map_structure(tf.constant, tree) for tree in begun(len(longest)))
    find = beam_search
    if search.temperature:
        find = lambda *given, **more: drawing.sample(*given, keys=tf.constant(keys), **more)  # noqa: E731
    found = find(
        in_tensorflow,
        state,
        memory,
        begin=BEGIN,
        end=END,
        longest=tf.constant(longest, tf.int32),
        search=search,
        excluded=excluded,
        places=PLACES,
    )
    ids, lengths, scores, nats, ended, weights = (part.numpy() for part in found)
    return [
        [
            (
                float(scores[row, n]),
                tuple(ids[row, n, : lengths[row, n]].tolist()),
                tuple(weights[row, n, : lengths[row, n]].argmax(axis=-1).tolist()),
                float(nats[row, n]),
                bool(ended[row, n]),
            )
            for n in range(search.n_best)
            if scores[row, n] > -np.inf
        ]
        for row in range(len(longest))
    ]


@st.composite
def searches(draw):
    beam = draw(st.integers(1, 4))
    given = {
        "no_repeat": draw(st.integers(0, 3)),
        "shortest": draw(st.integers(0, 3)),
        "n_best": draw(st.integers(1, beam)),
    }
    if draw(st.booleans()):
        kinds = {"temperature": [0.5, 1.0, 1.7], "top_k": [0, 2], "top_p": [1.0, 0.7]}
    else:
        kinds = {"length_penalty": [0.0, 0.6, 1.0], "coverage_penalty": [0.0, 0.3]}
    return Search(beam=beam, **given, **{name: draw(st.sampled_from(values)) for name, values in kinds.items()})


@settings(max_examples=20)
@given(
    st.integers(0, 10**6),
    st.lists(st.integers(0, STEPS), min_size=1, max_size=8),
    searches(),
    st.sampled_from([(BEGIN,), (BEGIN, UNKNOWN), (BEGIN, UNKNOWN, 3, 4)]),
)
def test_the_search_is_that_of_seqkit(seed, longest, search, excluded):
    longest = np.array(longest)
    keys = np.random.default_rng(seed).integers(2**63, size=len(longest), dtype=np.uint64)
    asked = toy(seed, len(longest)), longest, search, excluded, keys
    for ours, theirs in zip(by_the_runner(*asked), by_seqkit(*asked), strict=True):
        assert [one[1:3] + one[4:] for one in ours] == [one[1:3] + one[4:] for one in theirs]
        np.testing.assert_allclose([(one[0], one[3]) for one in ours], [(one[0], one[3]) for one in theirs], 1e-5, 1e-6)


def test_the_words_that_were_looked_at_are_those_that_count():
    search = Search(beam=2)
    settings = {name: getattr(search, name) for name in Search.__dataclass_fields__}
    words = np.array([0, 1, PLACES])
    beam = Beam(
        toy(3, 3),
        settings,
        begin=BEGIN,
        end=END,
        longest=np.full(3, STEPS),
        words=words,
        excluded=[BEGIN],
        keys=np.zeros(3, np.uint64),
    )
    for count, (best,) in zip(words, beam.find(*begun(3)), strict=True):
        assert len(best.looked) == len(best.ids)
        assert all(-1 <= place < count if count else place == -1 for place in best.looked)


@pytest.mark.parametrize("seed", [0, 7])
def test_keys_of_rows_are_those_of_seqkit(seed, rng):
    ids = rng.integers(-5, 9, (4, 6)).astype(np.int32)
    ids[:, 4:] = 0  # padding
    image = rng.normal(size=(4, 2, 3, 3)).astype(np.float32)
    ours = row_keys([ids, image], seed)
    assert ours.tolist() == drawing.row_keys([tf.constant(ids), tf.constant(image)], seed).numpy().tolist()
    assert len(set(ours.tolist())) == 4
    assert ours.tolist() == row_keys([ids[:, :4], image], seed).tolist()
    assert independent_keys(ours, 3).tolist() == drawing.independent_keys(tf.constant(ours), 3).numpy().tolist()


@settings(max_examples=40)
@given(
    st.integers(0, 1000),
    st.sampled_from([0, 0.3, 1.0, 2.5]),
    st.integers(0, 4),
    st.sampled_from([0.2, 0.7, 1.0]),
    st.lists(st.integers(0, TOKENS - 2), max_size=3),
)
def test_what_is_drawn_is_what_seqkit_draws(seed, temperature, top_k, top_p, excluded):
    table = np.random.default_rng(seed).normal(size=(TOKENS, TOKENS)).round(1)  # some are equal

    def step(ids, state):
        return table[ids], state

    how = {"temperature": temperature, "top_k": top_k, "top_p": top_p, "length": 20, "seed": seed}
    ours = drawn(step, None, np.array([0, 3]), excluded=excluded, **how)
    theirs = stepwise.generate(step, None, np.array([0, 3]), excluded=excluded, **how)
    assert [ids.tolist() for ids in ours] == [ids.tolist() for ids in theirs]


@pytest.mark.parametrize(
    ("name", "value"),
    [("length", 0), ("temperature", -1), ("temperature", np.nan), ("top_k", -1), ("top_p", 0), ("seed", -1)],
)
def test_a_setting_out_of_its_range_is_named(name, value):
    settings = {"length": 1, "temperature": 1.0, "top_k": 0, "top_p": 1.0, "seed": 0}
    check_sampling(**settings)
    with pytest.raises(ArtefactError, match=f"{name} is {value}"):
        check_sampling(**settings | {name: value})


@given(st.integers(0, 10**6), st.integers(0, 5), st.integers(1, 4))
def test_the_best_tags_are_the_best_of_all(seed, words, tags):
    rng = np.random.default_rng(seed)
    scores = rng.normal(size=(words, tags)).astype(np.float32)
    chain = Chain(rng.normal(size=(tags + 1, tags)).astype(np.float32), rng.normal(size=tags).astype(np.float32))

    def total(path):
        steps = sum(scores[t, tag] for t, tag in enumerate(path))
        between = sum(chain.transitions[one, other] for one, other in zip((-1, *path), path, strict=False))
        return steps + between + chain.end[path[-1]]

    found = tuple(best_tags(scores, chain).tolist())
    assert len(found) == words
    if words:
        best = max(map(total, itertools.product(range(tags), repeat=words)))
        np.testing.assert_allclose(total(found), best, rtol=1e-5, atol=1e-5)
    assert best_tags(scores, None).tolist() == scores.argmax(axis=1).tolist()


@settings(max_examples=30)
@given(st.integers(0, 10**6), st.sampled_from(SCHEMES), st.integers(1, 6))
def test_constraints_count_as_in_seqkit(seed, scheme, words):
    labels = ["O", *(f"{prefix}-{kind}" for kind in "XY" for prefix in sorted(scheme._prefixes))]
    legal = scheme.legal(labels)
    scores = np.random.default_rng(seed).normal(size=(words, len(labels))).astype(np.float32)
    ours = best_tags(scores, chain_of({"labels": labels, "constraints": legal.tolist()}))
    theirs = tags_in_tensorflow(tf.constant(scores[None]), tf.ones((1, words), bool), chain=False, constraints=legal)
    assert ours.tolist() == theirs.numpy()[0].tolist()
    path = [None, *(labels[place] for place in ours), None]
    assert all(scheme.allows(*pair) for pair in itertools.pairwise(path))


PARTS = st.tuples(st.sampled_from("BIESULM"), st.sampled_from(["A", "A-B"])) | st.sampled_from(
    ["O", "", "B", "-", "B-"]
)


WRITINGS = st.tuples(st.booleans(), st.sampled_from(SEPARATORS)) | st.just((False, ""))


@settings(max_examples=500)
@given(st.lists(PARTS, max_size=8), st.sampled_from(SCHEMES), WRITINGS, st.sampled_from("OB"))
def test_spans_are_those_that_the_scheme_reads(parts, scheme, writing, outside):
    form = dict(zip(("after", "separator"), writing, strict=True))
    written = type(scheme).from_json({"name": scheme.name, "outside": outside} | form)
    tags = [one if isinstance(one, str) else written.tag(*one) for one in parts]
    assert spans(tags, written.to_json()) == written.spans(tags)
