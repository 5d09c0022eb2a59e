"""Baselines: what they learn, and that saving changes nothing."""

import itertools

import numpy as np
import pytest
from scipy.optimize import minimize

from seqkit.baselines.classifiers import LinearTfidf, Majority, NaiveBayesLinear, SingleFrame

TEXTS = ["good film", "very good", "a good one !", "bad film", "so bad", "awful ?"]
LABELS = ["pos", "pos", "pos", "neg", "neg", "neg"]


def test_majority_answers_with_the_shares_of_training(tmp_path):
    baseline = Majority.fit(["b", "a", "b", "b"], ("a", "b", "unseen"))
    baseline.save(tmp_path / "majority.npz")
    np.testing.assert_allclose(
        Majority.load(tmp_path / "majority.npz").probabilities(["x", "y"]), [[0.25, 0.75, 0]] * 2
    )


@pytest.mark.parametrize("kind", [LinearTfidf, NaiveBayesLinear])
@pytest.mark.parametrize("labels", [LABELS, ["x", "y", "z", "x", "y", "z"]], ids=["two classes", "three classes"])
def test_linear_models_answer_the_same_when_read_back(tmp_path, labels, kind):
    classes = (*sorted(set(labels)), "zz never trained on")
    baseline = kind.fit(TEXTS, labels, classes)
    baseline.save(tmp_path / "linear.npz")
    probe = [*TEXTS, "good bad", "", "unheard of", "! ?"]
    expected = baseline.probabilities(probe)
    np.testing.assert_allclose(expected.sum(axis=1), 1.0)
    assert not expected[:, -1].any()
    assert [classes[place] for place in expected[: len(TEXTS)].argmax(axis=1)] == labels
    np.testing.assert_allclose(kind.load(tmp_path / "linear.npz").probabilities(probe), expected, atol=1e-5)


@pytest.mark.parametrize("kind", [LinearTfidf, NaiveBayesLinear])
def test_linear_models_read_pairs_of_words_and_single_characters(kind):
    baseline = kind.fit(["a b", "b a", "a b", "b a"], ["x", "y", "x", "y"], ("x", "y"))
    assert baseline.probabilities(["a b", "b a"]).argmax(axis=1).tolist() == [0, 1]


def test_naive_bayes_weighted_model_follows_its_equations():
    """Wang and Manning 2012, sections 2.1 to 2.3, with logistic losses; of three classes each against the others."""
    labels = ["x", "y", "z", "x", "y", "y"]
    terms = [{*text.split(), *map(" ".join, itertools.pairwise(text.split()))} for text in TEXTS]
    known = sorted(set().union(*terms))
    held = np.array([[term in own for term in known] for own in terms], float)
    scores = []
    for name in "xyz":
        ours = np.array(labels) == name
        p, q = 1 + held[ours].sum(axis=0), 1 + held[~ours].sum(axis=0)
        r = np.log((p / p.sum()) / (q / q.sum()))
        sign = np.where(ours, 1, -1)

        def loss(w, x=held * r, sign=sign):
            return w @ w / 2 + np.logaddexp(0, -sign * (x @ w[:-1] + w[-1])).sum()

        *w, b = minimize(loss, np.zeros(len(known) + 1), tol=1e-9).x
        scores.append(held @ (r * (0.5 * np.abs(w).mean() + 0.5 * np.array(w))) + b)
    expected = 1 / (1 + np.exp(-np.stack(scores, axis=1)))
    expected /= expected.sum(axis=1, keepdims=True)
    found = NaiveBayesLinear.fit(TEXTS, labels, ("z", "y", "x")).probabilities(TEXTS)[:, ::-1]
    np.testing.assert_allclose(found, expected, atol=2e-3)


@pytest.mark.parametrize("kind", [LinearTfidf, NaiveBayesLinear])
def test_one_class_is_refused(kind):
    with pytest.raises(ValueError, match="2 classes"):
        kind.fit(["a", "b"], ["x", "x"], ("x",))


@pytest.mark.parametrize("names", ["ab", "abc"])
@pytest.mark.parametrize("shape", [(5,), (33, 20, 3), (1, 40, 3), (70, 3, 1)])
def test_single_frame_model_answers_the_same_when_read_back(tmp_path, rng, names, shape):
    labels = [rng.choice(list(names), length).tolist() for length in (30, 20, 50)]
    films = [np.array([names.index(name) for name in own]).reshape(-1, *[1] * len(shape)) for own in labels]
    films = [40 * film + rng.normal(size=(len(film), *shape)) for film in films]
    baseline = SingleFrame.fit(films, labels, (*names, "never trained on"))
    baseline.save(tmp_path / "single_frame.npz")
    expected = baseline.probabilities(films[0])
    np.testing.assert_allclose(expected.sum(axis=1), 1.0)
    assert not expected[:, -1].any()
    assert [names[place] for place in expected.argmax(axis=1)] == labels[0]
    again = SingleFrame.load(tmp_path / "single_frame.npz")
    np.testing.assert_allclose(again.probabilities(films[0]), expected, atol=1e-9)


def test_single_frame_model_does_not_see_the_frame_before(rng):
    film = rng.normal(size=(40, 3))
    baseline = SingleFrame.fit([film], [["a", "b"] * 20], ("a", "b"))
    np.testing.assert_allclose(baseline.probabilities(film)[7], baseline.probabilities(film[7:8])[0])
