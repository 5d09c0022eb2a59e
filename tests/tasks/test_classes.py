"""What tasks that choose among labels score: as scikit-learn scores the labels' names, known in training or not."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import softmax
from sklearn import metrics as sk

from seqkit.core.ragged import Ragged
from seqkit.sources.examples import Examples
from seqkit.tasks.sentiment import Sentiment
from seqkit.tasks.video_frames import VideoFrames
from seqkit.text.tokenizer import Tokenizer
from seqkit.text.vocabulary import SPECIAL, Vocabulary

KNOWN = ("a", "b", "c")
labels = st.lists(st.sampled_from([*KNOWN, "new", "newer", "newest"]), min_size=1, max_size=25)


@settings(max_examples=30)
@given(labels, st.integers(0, 99))
def test_scores_of_labels_are_those_of_scikit_learn(truth, seed):
    task = Sentiment({"text": "text", "label": "label"}, None, KNOWN, 10)
    outputs = softmax(np.random.default_rng(seed).normal(size=(len(truth), 3)), axis=1)
    examples = Examples({"text": [""] * len(truth), "label": truth}, "drawn")
    check(task, examples, outputs, truth, outputs, "accuracy")


@pytest.mark.parametrize("ragged", [False, True])
def test_an_item_of_a_label_that_is_no_class_weighs_nothing_and_has_a_target_that_is_one(ragged):
    truth = ["b", "new", "c"]
    if ragged:
        task = VideoFrames({}, KNOWN, (2,), None, 0, False, False, None, "stop")
        cells = {"frames": [np.zeros((3, 2), np.float32)], "labels": [truth], "recording": [None]}
    else:
        task = Sentiment({"text": "text", "label": "label"}, Vocabulary(SPECIAL, Tokenizer()), KNOWN, 10)
        cells = {"text": [""] * 3, "label": truth}
    rows, facts = task.encode(Examples(cells, "written"), 3)
    targets, weights = (getattr(rows.columns[name], "values", rows.columns[name]) for name in ("targets", "weights"))
    assert (targets.tolist(), weights.tolist()) == ([1, 0, 2], [1.0, 0.0, 1.0])
    assert facts["unseen_labels"] == 1


@settings(max_examples=30)
@given(labels, st.integers(0, 99))
def test_scores_of_frames_are_those_of_scikit_learn(truth, seed):
    rng = np.random.default_rng(seed)
    task = VideoFrames({}, KNOWN, (2,), None, 0, False, False, None, "stop")
    outputs = softmax(rng.normal(size=(len(truth), 3)), axis=1)
    parts = np.array_split(np.arange(len(truth)), rng.integers(1, len(truth) + 1))
    examples = Examples(
        {
            "frames": [None] * len(parts),
            "labels": [[truth[row] for row in part] for part in parts],
            "recording": [None] * len(parts),
        },
        "drawn",
    )
    ragged = Ragged.of_lengths(outputs, np.array([len(part) for part in parts]))
    check(task, examples, ragged, truth, outputs, "frame_accuracy")


def check(task, examples, outputs, truth, probabilities, accuracy):
    answers = [KNOWN[place] for place in probabilities.argmax(axis=1)]
    scores = task.scorer(examples, outputs)(np.arange(len(examples)))
    assert list(scores) == list(task.metrics)
    assert scores["macro_f1"] == pytest.approx(sk.f1_score(truth, answers, average="macro"))
    assert scores[accuracy] == pytest.approx(sk.accuracy_score(truth, answers))
    sections = task.sections(None, examples, outputs)
    assert sections["macro"]["f1"] == pytest.approx(scores["macro_f1"])
    names = sections["confusion"]["labels"]
    assert names == [*KNOWN, *sorted(set(truth) - set(KNOWN))]
    assert sections["confusion"]["counts"] == sk.confusion_matrix(truth, answers, labels=names).tolist()
    expected = sk.precision_recall_fscore_support(truth, answers, labels=names, zero_division=0.0)
    rows = [[row[key] for row in sections["per_class"]] for key in ("precision", "recall", "f1", "support")]
    np.testing.assert_allclose(rows, expected)
