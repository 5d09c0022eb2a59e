"""A recurrent path and a wide one of a text classifier, and the weights of each in their sum."""

import dataclasses

import keras
import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.feature_extraction.text import CountVectorizer

from seqkit.baselines.classifiers import NaiveBayesLinear, naive_bayes_weights
from seqkit.core.errors import InputError
from seqkit.core.settings import Embedding, Stack
from seqkit.core.wide import Wide
from seqkit.layers.embedding import embed_tokens
from seqkit.layers.wide import TABLE, paths_of
from seqkit.sources.examples import Examples
from seqkit.tasks.text_classification import WIDE_CLASSES, TextClassification
from seqkit.tasks.two_paths import both_paths, recurrent_path
from seqkit.text.tokenizer import Tokenizer
from seqkit.text.vocabulary import END, SPECIAL, Vocabulary, learn_vocabulary
from seqkit.topologies.many_to_one import many_to_one
from seqkit.training.executor import Forward, row_outputs

WORDS = ("good", "bad", "film", "so", "not")


def text_task(classes):
    return TextClassification({}, Vocabulary(SPECIAL + WORDS, Tokenizer()), classes, 20)


def examples(rng, count=60, classes=("a", "b")):
    """Rows of which the word "good" decides, mostly, and of three classes whether they begin with "so"."""
    texts = [" ".join(rng.choice(WORDS, rng.integers(1, 8))) for _ in range(count)]
    labels = ["b" if ("good" in text) != (rng.random() < 0.2) else "a" for text in texts]
    if len(classes) > 2:
        labels = ["c" if text.startswith("so") else label for text, label in zip(texts, labels, strict=True)]
    return Examples({"text": texts, "label": labels}, "here")


def two_paths(task, train, wide):
    ids, features, mask = embed_tokens(len(task.vocabulary), Embedding(units=4))
    model = many_to_one(
        ids, features, mask, outputs=len(task.classes), stack=Stack(units=(4,)), wide=task.wide_path(ids, wide)
    )
    task.fit_wide(model, train, wide)
    return model


def test_a_sum_of_paths_has_the_weights_of_least_loss_on_the_validation_rows(rng):
    task = text_task(("a", "b"))
    train, valid = examples(rng), examples(rng)
    model = two_paths(task, train, Wide(ngrams=2))
    head = model.get_layer("logits")
    head.set_weights([3.0 * weights for weights in head.get_weights()])  # untrained, and sure of itself
    batch = np.array(task.encode(valid, len(valid))[0].columns["ids"].lengths)
    ids = np.zeros((len(valid), batch.max()), np.int32)
    for row, own in enumerate(task.encode(valid, 8)[0].columns["ids"][row] for row in range(len(valid))):
        ids[row, : len(own)] = own
    paths = keras.Model(model.input, paths_of(model))
    before = [np.asarray(path, np.float64) for path in paths(ids)]
    labels = task.labels(valid)

    def loss(weights):
        logits = sum(weight * path for weight, path in zip(weights, before, strict=True))
        nats = np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(len(labels)), labels]
        return nats.sum() + sum((weight - 1) ** 2 for weight in weights) / 2

    said = task.weigh_paths(model, valid)["paths"]
    weights = [
        float(np.sum(np.asarray(after) * own) / np.sum(own * own))
        for after, own in zip(paths(ids), before, strict=True)
    ]
    np.testing.assert_allclose([said["recurrent"], said["wide"]], weights, atol=1e-4)
    np.testing.assert_allclose(model(ids), sum(w * own for w, own in zip(weights, before, strict=True)), atol=1e-4)
    assert loss(weights) < loss([1, 1]) - 1
    for place, weight in enumerate(weights):
        for change in (-0.05, 0.05):
            moved = [*weights]
            moved[place] = weight + change
            assert min(moved) < 0 or loss(moved) > loss(weights) - 1e-6


@pytest.mark.parametrize("classes", [("a", "b"), ("a", "b", "c")])
def test_the_wide_path_says_what_the_naive_bayes_weighted_linear_model_does(classes, rng):
    """That of the reports, which counts words of strings and knows nothing of ids."""
    train, asked = examples(rng, 200, classes), examples(rng, 30, classes)
    task = text_task(classes)
    model = two_paths(task, train, Wide(ngrams=2, buckets=1 << 16, characters=0))
    baseline = NaiveBayesLinear.fit(train["text"], train["label"], classes)
    rows, _ = task.encode(asked, 8)
    said = row_outputs(Forward(both_paths(model)), rows)[:, 1]
    expected = baseline.vectorizer.transform(asked["text"]) @ baseline.weights + baseline.intercepts
    found = said[:, 1:] - said[:, :1] if len(classes) == 2 else said
    assert expected.std() > 0.5
    np.testing.assert_allclose(found, expected, atol=1e-3)


def test_words_are_fitted_by_their_spelling_and_keep_what_its_runs_weigh(rng):
    """The scores of a linear model that has scikit-learn's runs of characters beside words, of strings."""
    train, asked = examples(rng, 200), examples(rng, 30)
    task = text_task(("a", "b"))
    model = two_paths(task, train, Wide(ngrams=2, buckets=1 << 16, characters=3))
    words = CountVectorizer(ngram_range=(1, 2), binary=True, dtype=np.float32).fit(train["text"])
    runs = CountVectorizer(analyzer="char_wb", ngram_range=(1, 3), binary=True, dtype=np.float32).fit(WORDS)

    def terms(texts):
        spelt = [sp.csr_matrix(runs.transform(sorted(set(text.split()))).sum(axis=0)) for text in texts]
        return sp.hstack([words.transform(texts), sp.vstack(spelt)]).tocsr()

    weights, intercept = naive_bayes_weights(terms(train["text"]), np.array(train["label"]) == "b")
    expected = terms(asked["text"]) @ weights + intercept
    said = row_outputs(Forward(both_paths(model)), task.encode(asked, 8)[0])[:, 1]
    np.testing.assert_allclose(said[:, 1] - said[:, 0], expected, atol=1e-3)
    bare = two_paths(task, train, Wide(ngrams=2, buckets=1 << 16, characters=0))
    assert np.abs(row_outputs(Forward(both_paths(bare)), task.encode(asked, 8)[0])[:, 1] - said).max() > 0.1


def test_few_texts_are_fitted_by_spelling_unless_asked_otherwise(rng, monkeypatch):
    task, train = text_task(("a", "b")), examples(rng)
    monkeypatch.setattr("seqkit.tasks.text_classification.FEW", len(train))

    def table(rows, **wide):
        return two_paths(task, rows, Wide(**wide)).get_layer(TABLE).get_weights()[0]

    more = Examples({field: [*train[field], train[field][0]] for field in ("text", "label")}, "here")
    np.testing.assert_array_equal(table(train), table(train, characters=5))
    np.testing.assert_array_equal(table(more), table(more, characters=0))
    assert np.abs(table(train) - table(train, characters=0)).max() > 0.1


def test_a_class_without_training_rows_has_its_share_and_one_class_alone_no_weights(rng):
    task = text_task(("a", "b", "c"))
    train = examples(rng, 50)
    weights = two_paths(task, train, Wide(ngrams=1)).get_layer(TABLE).get_weights()[0]
    np.testing.assert_allclose(weights[:, 2], np.log(1 / 53) * (np.arange(len(weights)) == END), rtol=1e-6)
    assert np.abs(weights[len(SPECIAL) :, :2]).min() > 0
    alone = Examples({"text": train["text"], "label": ["a"] * 50}, "here")
    weights = two_paths(task, alone, Wide(ngrams=1)).get_layer(TABLE).get_weights()[0]
    assert set(np.flatnonzero(weights.any(axis=1))) == {END}


def test_of_very_many_tokens_a_part_of_each_class_is_fitted_on(rng, monkeypatch):
    task, train = text_task(("a", "b")), examples(rng, 200)
    seen = []
    monkeypatch.setattr("seqkit.tasks.two_paths.TOKENS", 300)
    monkeypatch.setattr(
        "seqkit.tasks.two_paths.naive_bayes_weights",
        lambda held, ours, rows: seen.append((held, ours)) or (np.zeros(held.shape[1]), 0.0),
    )
    two_paths(task, train, Wide())
    ((held, ours),) = seen
    share = 300 / sum(len(text.split()) for text in train["text"])
    assert held.shape[0] == len(ours) == pytest.approx(200 * share, abs=2)
    assert ours.sum() == pytest.approx(share * list(train["label"]).count("b"), abs=1)


def test_the_path_that_learns_shares_its_weights_and_leaves_the_other_out(rng):
    model = two_paths(text_task(("a", "b")), examples(rng), Wide())
    learner = recurrent_path(model)
    assert [weight.path for weight in learner.trainable_variables] == [w.path for w in model.trainable_variables]
    assert all(one is other for one, other in zip(learner.trainable_variables, model.trainable_variables, strict=True))
    ids = np.array([[5, 6, 3]], np.int32)
    np.testing.assert_allclose(learner(ids), both_paths(model)(ids)[:, 0], rtol=1e-6)
    plain = two_paths(text_task(("a", "b")), examples(rng), Wide(ngrams=0))
    assert recurrent_path(plain) is plain
    assert both_paths(plain) is None


def test_classes_that_weigh_more_are_fitted_and_weighed_as_if_their_rows_were_there_so_often(rng):
    task, train, valid = text_task(("a", "b", "c")), *(examples(rng, classes=("a", "b", "c")) for _ in range(2))
    weights = np.array([1.0, 3.0, 2.0])
    found = []
    for weighed in (True, False):
        keras.utils.set_random_seed(0)
        rows = [train, valid]
        if not weighed:
            often = [weights[task.labels(one)].astype(int) for one in rows]
            rows = [
                one.take(np.repeat(np.arange(len(one)), many), "often") for one, many in zip(rows, often, strict=True)
            ]
        model = two_paths(task, train, Wide())
        task.fit_wide(model, rows[0], Wide(), weights if weighed else None)
        paths = task.weigh_paths(model, rows[1], weights if weighed else None)
        found.append([*paths["paths"].values(), *model.get_layer(TABLE).get_weights()])
    for one, other in zip(*found, strict=True):
        np.testing.assert_allclose(one, other, rtol=0.02, atol=0.02)  # a solver's two ways to one minimum


def test_of_a_text_the_wide_path_is_fitted_to_what_is_read(rng):
    task = dataclasses.replace(text_task(("a", "b")), max_length=4)  # three words, and the end
    whole = examples(rng)
    cut = Examples({"text": [" ".join(text.split()[:3]) for text in whole["text"]], "label": whole["label"]}, "cut")
    tables = [two_paths(task, rows, Wide()).get_layer(TABLE).get_weights()[0] for rows in (whole, cut)]
    np.testing.assert_array_equal(*tables)


@pytest.mark.parametrize("characters", [0, 3])
def test_texts_without_a_word_in_common_are_fitted_by_what_each_has(characters):
    words = tuple(f"{'good' if number % 2 else 'bad'}{number}" for number in range(1000))
    task = dataclasses.replace(text_task(("a", "b")), vocabulary=Vocabulary(SPECIAL + words, Tokenizer()))
    rows = Examples({"text": list(words), "label": ["a", "b"] * 500}, "here")
    (table,) = two_paths(task, rows, Wide(characters=characters)).get_layer(TABLE).get_weights()
    assert (table[len(SPECIAL) : len(SPECIAL) + 1000].argmax(axis=1) == np.arange(1000) % 2).all()


@pytest.mark.parametrize("unit", ["word", "symbol", "subword", "unigram"])
def test_rows_have_a_rarest_word_where_ids_are_ranks(unit):
    texts = ["a good film", "a bad film", "so bad a film"]
    task = dataclasses.replace(text_task(("a", "b")), vocabulary=learn_vocabulary(texts, unit=unit, size=30))
    items = task.items(Examples({"text": texts, "label": ["a", "b", "b"]}, "here"))
    assert {*items.traits} == {"label", "length"} | ({"rarest word"} if unit != "subword" else set())


def test_of_very_many_validation_rows_some_are_asked(rng, monkeypatch):
    task, train, valid = text_task(("a", "b")), examples(rng), examples(rng)
    model = two_paths(task, train, Wide())
    start = model.get_weights()
    monkeypatch.setattr("seqkit.tasks.text_classification.WEIGHED", 20)
    found = []
    for rows in (valid, valid.take(range(0, 60, 3), "a third")):
        model.set_weights(start)
        task.weigh_paths(model, rows)
        found.append(model.get_layer("logits").get_weights()[0])
    np.testing.assert_array_equal(*found)


def test_a_model_of_one_path_is_left_as_it_is(rng):
    task, rows = text_task(("a", "b")), examples(rng)
    model = two_paths(task, rows, Wide(ngrams=0))
    before = model.get_weights()
    task.fit_wide(model, rows, Wide(ngrams=0))
    assert not task.weigh_paths(model, rows)
    np.testing.assert_equal(model.get_weights(), before)


def test_very_many_classes_have_no_wide_path_and_asking_for_one_is_refused(monkeypatch):
    task = text_task(tuple(f"{number:04}" for number in range(WIDE_CLASSES + 1)))
    ids = keras.Input((None,), dtype="int32")
    assert task.wide_path(ids, Wide()) is None
    with pytest.raises(InputError, match=r"wide.ngrams is 2, but .* 257 classes, and 256 are the most"):
        task.wide_path(ids, Wide(ngrams=2))
    monkeypatch.setattr("seqkit.tasks.text_classification.WEIGHTS", 1 << 10)
    some = text_task(tuple(f"{number:04}" for number in range(100)))
    assert keras.Model(ids, some.wide_path(ids, Wide())).get_layer(TABLE).input_dim - len(some.vocabulary) == 8
    few = text_task(("a", "b"))
    table = keras.Model(ids, few.wide_path(ids, Wide(buckets=100))).get_layer(TABLE)
    assert (table.input_dim - len(few.vocabulary)) == 64  # a power of two, and no more than asked for
