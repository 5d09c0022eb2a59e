"""The estimator: scikit-learn's own checks that need no tables of numbers, its pipelines and searches, and pickles."""

import dataclasses
import gc
import inspect
import pickle
import shutil

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils import estimator_checks
from sklearn.utils.estimator_checks import check_estimator

from seqkit import Embedding, InputError, Run, Stack, Training, load
from seqkit.recipes import text_classification
from seqkit.sklearn import TextClassifier, text_classifier

TEXTS = ["a good film", "a bad film", "good and fine", "bad and dull"] * 6
STARS = [5, 1, 5, 1] * 6
TINY = {"embedding": Embedding(units=4), "stack": Stack(units=(4,)), "training": Training(epochs=2)}
# Not: check_parameters_default_constructible allows no settings class as a default, and
# check_do_not_raise_errors_in_init_or_set_param no training__epochs that is checked as it is set.
WITHOUT_NUMBERS = [
    "check_estimator_cloneable",
    "check_estimator_repr",
    "check_estimator_tags_renamed",
    "check_get_params_invariance",
    "check_mixin_order",
    "check_no_attributes_set_in_init",
    "check_set_params",
    "check_valid_tag_types",
]


@pytest.fixture(scope="module")
def fitted():
    return TextClassifier(**TINY).fit(TEXTS, STARS)


@pytest.fixture
def called(small, monkeypatch):
    """What the recipe is called with; it trains nothing."""
    calls, known = [], load(small)

    def train(rows, *, out, **settings):
        calls.append((rows, settings))
        task = dataclasses.replace(known.task, classes=tuple(sorted(set(rows[1]))))  # of bad and good
        shutil.copytree(small, out)
        return Run(out, task, known.model, known.info, known.forward)

    monkeypatch.setattr(text_classifier, "text_classification", train)
    return calls


@pytest.mark.parametrize("name", WITHOUT_NUMBERS)
@pytest.mark.filterwarnings("ignore")
def test_it_passes_the_checks_that_need_no_numbers(name):
    getattr(estimator_checks, name)("TextClassifier", TextClassifier(**TINY))


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
def test_it_passes_what_scikit_learn_asks_of_text():
    results = check_estimator(TextClassifier(), on_fail=None, on_skip=None)
    assert {result["status"] for result in results} == {"passed"}


def test_it_answers_as_its_run_does(fitted):
    assert fitted.classes_.tolist() == [1, 5]
    found = fitted.predict_proba(TEXTS[:3])
    assert found.shape == (3, 2)
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-6)
    answers = fitted.run_.predict(TEXTS[:3])
    np.testing.assert_allclose(
        found, [[row["probabilities"][name] for name in ("1", "5")] for row in answers], atol=1e-6
    )
    assert fitted.predict(np.array(TEXTS[:3])).tolist() == fitted.classes_[found.argmax(axis=1)].tolist()
    assert fitted.score(TEXTS, STARS) == np.mean(fitted.predict(TEXTS) == STARS)


@pytest.mark.parametrize(
    ("labels", "names"),
    [
        ([-1, 10], ["-1", "10"]),
        ([False, True], ["False", "True"]),
        (["very bad", "good"], ["good", "very bad"]),
        (["Good", "good"], ["0", "1"]),
        (["a b", "a  b"], ["0", "1"]),
        (["a\n", "b"], ["0", "1"]),
        (["", "b"], ["0", "1"]),
        ([1.0, 2.0], ["1.0", "2.0"]),
    ],
)
def test_labels_keep_their_names_in_the_run_where_they_can(labels, names, called):
    model = TextClassifier().fit(["x", "y"] * 2, labels * 2)
    ((texts, given), _) = called[0]
    assert (texts, set(given)) == (["x", "y"] * 2, set(names))
    assert [names[model.classes_.tolist().index(label)] for label in labels * 2] == given
    answers = [answer["label"] for answer in model.run_.predict(TEXTS)]
    assert [names[model.classes_.tolist().index(one)] for one in model.predict(TEXTS)] == answers


def test_a_pickle_answers_alike_is_scored_alike_and_writes_artefacts(fitted, tmp_path):
    copy = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(copy.predict_proba(TEXTS), fitted.predict_proba(TEXTS))
    assert copy.get_params(deep=False) == fitted.get_params(deep=False)
    assert not hasattr(clone(fitted), "classes_")
    folder = copy.run_.path
    assert copy.run_.export("keras", to=tmp_path / "artefact").exists()
    assert copy.run_.history == fitted.run_.history
    mine, theirs = (model.run_.evaluate((TEXTS, list(map(str, STARS))), name="again") for model in (copy, fitted))
    assert (mine["metrics"], mine["findings"]) == (theirs["metrics"], theirs["findings"])
    del copy
    gc.collect()
    assert not folder.exists(), "it goes with the run"
    assert fitted.run_.path.exists()


def test_a_fit_that_fails_leaves_the_model_as_it_was(called, monkeypatch):
    model = TextClassifier().fit(["x", "y"] * 2, ["good", "bad"] * 2)
    before = model.predict_proba(TEXTS)

    def stop(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(text_classifier, "text_classification", stop)
    with pytest.raises(KeyboardInterrupt):
        model.fit(["x", "y"] * 2, ["Good", "good"] * 2)
    assert model.classes_.tolist() == ["bad", "good"]
    np.testing.assert_array_equal(model.predict_proba(TEXTS), before)


def test_its_defaults_are_those_of_the_recipe():
    recipe = inspect.signature(text_classification).parameters
    for name, value in TextClassifier().get_params(deep=False).items():
        if name not in ("random_state", "verbose"):
            assert value == recipe[name].default, name


def test_settings_of_a_class_are_parameters_too():
    one = TextClassifier(**TINY)
    other = clone(one).set_params(training__epochs=7, stack__units=(3, 3), max_length=9)
    assert (other.training, other.stack) == (Training(epochs=7), Stack(units=(3, 3)))
    assert (other.max_length, other.get_params()["training__epochs"]) == (9, 7)
    assert one.training == Training(epochs=2)
    for wrong in ({"training__epoch": 3}, {"depth": 2}):
        with pytest.raises(ValueError, match="Invalid parameter"):
            one.set_params(**wrong)
    with pytest.raises(InputError, match=r"training.epochs is 0"):
        one.set_params(training__epochs=0)


def test_a_grid_search_over_a_pipeline_reaches_the_recipe(called):
    texts, labels = ["a good film", "a bad film"] * 12, ["yes", "no"] * 12
    lower = FunctionTransformer(lambda rows: [text.upper() for text in rows])
    steps = Pipeline([("upper", lower), ("classify", TextClassifier(random_state=3, **TINY))])
    grid = {"classify__training__epochs": [1, 4], "classify__pooling": ["mean"]}
    search = GridSearchCV(steps, grid, cv=2, error_score="raise").fit(texts, labels)
    assert [settings["training"].epochs for _, settings in called[:4]] == [1, 1, 4, 4]
    for (rows, told), settings in called:
        assert rows[0].isupper()
        assert set(told) == {"no", "yes"}
        assert (settings["pooling"], settings["seed"]) == ("mean", 3)
    assert [settings["valid"] is None for _, settings in called] == [False] * 4 + [True]  # 12 rows, and all 24
    assert search.best_estimator_.predict(texts).tolist() == [
        ["no", "yes"][word == "good"] for _, word, _ in map(str.split, texts)
    ]
    assert search.best_score_ == 1


@pytest.mark.parametrize(
    ("texts", "labels", "sentence"),
    [
        ("a text", ["a"], "X is a str: give a sequence of texts"),
        (["a", None], [1, 2], "X, row 1: a NoneType"),
        (["a", 3.5], [1, 2], "X, row 1: a float"),
        (np.array([["a"], ["b"]]), [1, 2], r"X has the shape \(2, 1\)"),
        ([], [], "X has no texts"),
        (["a", "b"], [1], "There are 2 texts and 1 labels"),
        (["a", "b"], [1, 1], "y has the one class"),
        (["a", "b"], [[1, 0], [0, 1]], "y should be a 1d array"),
        (["a", "b"], None, "requires y"),
        (["a", "b"], [0.5, 1.5], "continuous"),
    ],
)
def test_what_is_wrong_gets_a_sentence(texts, labels, sentence):
    with pytest.raises(ValueError, match=sentence):
        TextClassifier(**TINY).fit(texts, labels)


def test_what_is_not_fitted_says_so():
    with pytest.raises(NotFittedError):
        TextClassifier().predict(["a"])
