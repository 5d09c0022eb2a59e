"""What a metric is is said once, and what nobody said is not guessed."""

import inspect
import math
from types import SimpleNamespace

import numpy as np
import pytest
from sklearn import metrics as sk

from seqkit.core.errors import InputError
from seqkit.metrics.metric import Metric, declare, headlines, metric
from seqkit.tasks import (
    captioning,
    language_model,
    programs,
    question_answering,
    sentiment,
    tagging,
    translation,
    video_frames,
    written_answers,
)
from seqkit.text.tokenizer import Tokenizer

TASKS = [
    captioning.Captioning, language_model.LanguageModel, programs.Programs, question_answering.QuestionAnswering,
    sentiment.Sentiment, tagging.Tagging, translation.Translation, video_frames.VideoFrames,
    written_answers.WrittenAnswers,
]  # fmt: skip
BY_KIND = {  # those whose metrics depend on what they are about: tags mark spans or don't, symbols are words or spell them
    tagging.Tagging: [SimpleNamespace(scheme=scheme) for scheme in (object(), None)],
    language_model.LanguageModel: [
        SimpleNamespace(vocabulary=SimpleNamespace(tokenizer=Tokenizer(unit))) for unit in ("word", "symbol")
    ],
}


def test_an_undeclared_metric_is_refused_and_a_name_is_given_once():
    with pytest.raises(
        InputError, match=r"Nothing is known of the metric 'hinge'.*declare it by seqkit.metrics.metric"
    ):
        metric("hinge")
    with pytest.raises(InputError, match="'hinge'"):
        headlines(["accuracy", "hinge"])
    assert declare(metric("accuracy")) is metric("accuracy")
    with pytest.raises(ValueError, match="'accuracy' is there already"):
        declare(Metric("accuracy", "accuracy", better="low"))
    with pytest.raises(ValueError, match="best near one"):
        Metric("ratio", "ratio", better="one", headline=True)


@pytest.mark.parametrize("name", ["log_loss", "calibration_error", "accuracy", "macro_f1"])
def test_a_metric_is_better_for_a_better_classifier(name):
    """Of scikit-learn's values for a classifier and one that is worse in all."""
    labels = np.array([0, 1] * 50)
    confidence = np.where(np.arange(100) < 90, 0.9, 0.1)  # right in 90 of 100, as it says
    better = np.stack(
        [np.where(labels == 0, confidence, 1 - confidence), np.where(labels == 1, confidence, 1 - confidence)], 1
    )
    worse = better[:, ::-1]
    values = [
        {
            "log_loss": sk.log_loss(labels, one),
            "calibration_error": abs((one.argmax(1) == labels).mean() - one.max(1).mean()),
            "accuracy": sk.accuracy_score(labels, one.argmax(1)),
            "macro_f1": sk.f1_score(labels, one.argmax(1), average="macro"),
        }[name]
        for one in (better, worse)
    ]
    assert metric(name).gain(values[0]) > metric(name).gain(values[1])
    assert metric(name).gain(math.nan) == metric(name).gain(math.inf) == -math.inf


def test_a_length_is_best_near_that_of_the_reference():
    gains = [metric("length_ratio").gain(value) for value in (1.0, 0.9, 1.2, 0.0)]
    assert gains == sorted(gains, reverse=True)


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.recipe)
def test_every_recipe_scores_by_declared_metrics_of_which_one_is_a_headline(task):
    names = inspect.getattr_static(task, "metrics")
    for given in map(names.fget, BY_KIND[task]) if isinstance(names, property) else [names]:
        assert any(metric(name).headline for name in given)
