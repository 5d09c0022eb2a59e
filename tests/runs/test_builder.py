"""A run in the making: it goes on with what it was started with, or not at all."""

import keras
import pytest

from seqkit.core.errors import InputError
from seqkit.core.settings import Embedding, Stack, Training
from seqkit.metrics.metric import _DECLARED, Metric, declare
from seqkit.recipes.sentiment import sentiment
from seqkit.runs.run import Run
from seqkit.tasks.sentiment import Sentiment

SMALL = {
    "embedding": Embedding(units=2),
    "stack": Stack(cell="gru", units=(2,)),
    "training": Training(epochs=2, batch_size=8),
    "min_count": 1,
}


class StopAfterAnEpoch(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 1:
            raise KeyboardInterrupt


def texts(kind):
    return [f"{word} {kind} film {number}" for number in range(8) for word in ("good", "bad")], ["+", "-"] * 8


def test_an_interrupted_run_goes_on_with_its_own_data_only(tmp_path):
    """Python's data has no name: only what it holds tells whether it is the same."""
    data = {name: texts(name) for name in ("data", "valid", "test")}
    with pytest.raises(KeyboardInterrupt):
        sentiment(**data, out=tmp_path / "run", callbacks=[StopAfterAnEpoch()], **SMALL)
    for name in ("data", "valid"):  # other test rows change nothing that was trained
        rows, labels = data[name]
        others = {
            "a label": (rows, [*labels[:-2], "-", "+"]),
            "a text": ([*rows[:-1], "bad film"], labels),
            "a row less": (rows[:-1], labels[:-1]),
            "another order": (rows[::-1], labels[::-1]),
        }
        for other in others.values():
            with pytest.raises(InputError, match="The data is not what the interrupted run was started with"):
                sentiment(**data | {name: other}, out=tmp_path / "run", resume=True, **SMALL)
    resumed = sentiment(**data, out=tmp_path / "run", resume=True, **SMALL)
    assert [row["epoch"] for row in resumed.history] == [1, 2]


@pytest.mark.parametrize("ema", [0.0, 0.9])
def test_the_kept_epoch_scores_on_the_validation_rows_what_the_history_says(tmp_path, ema, capsys):
    """By the same scorer as the report, so that evaluating these rows gives the figure again."""
    valid = texts("valid")[0], ["+", "-", "-"] * 5 + ["+"]
    training = Training(epochs=4, batch_size=8, learning_rate=0.1, monitor="macro_f1", ema=ema)
    run = sentiment(texts("data"), valid=valid, out=tmp_path / "run", **SMALL | {"training": training})
    kept, told = run.info["kept"], [row["val_macro_f1"] for row in run.history]
    assert kept == {"epoch": kept["epoch"], "monitor": "val_macro_f1", "value": max(told)}
    assert told[kept["epoch"] - 1] == max(told)
    assert run.report["kept"] == kept
    assert f"Kept the weights of epoch {kept['epoch']} of 4" in capsys.readouterr().err
    assert run.evaluate(valid)["metrics"]["macro_f1"]["value"] == pytest.approx(max(told))


def test_a_metric_of_ones_own_is_declared_or_refused(tmp_path, monkeypatch):
    """Before training where the task names it; and a scorer that gives another one is refused as well."""
    scorer = Sentiment.scorer

    def with_hinge(self, examples, outputs):
        score = scorer(self, examples, outputs)
        return lambda rows: {"hinge": 1.0 - score(rows)["accuracy"]} | score(rows)

    monkeypatch.setattr(Sentiment, "scorer", with_hinge)
    data = {name: texts(name) for name in ("data", "valid", "test")}
    with pytest.raises(InputError, match="Nothing is known of the metric 'hinge'"):
        sentiment(**data, out=tmp_path / "refused", **SMALL)
    monkeypatch.setattr(Sentiment, "metrics", ("hinge", *Sentiment.metrics))
    monkeypatch.setattr(Sentiment, "scorer", None)  # which nobody gets to
    monkeypatch.setattr(Run, "scores", None)
    with pytest.raises(InputError, match="Nothing is known of the metric 'hinge'"):
        sentiment(**data, out=tmp_path / "refused_before", **SMALL)
    monkeypatch.undo()
    monkeypatch.setattr(Sentiment, "scorer", with_hinge)
    monkeypatch.setattr(Sentiment, "metrics", ("hinge", *Sentiment.metrics))
    monkeypatch.setattr(Sentiment, "monitor", "hinge")
    monkeypatch.setattr("seqkit.metrics.metric._DECLARED", dict(_DECLARED))
    declare(Metric("hinge", "hinge loss", better="low", headline=True))
    run = sentiment(**data, out=tmp_path / "run", **SMALL)
    told = [row["val_hinge"] for row in run.history]
    assert told[run.info["kept"]["epoch"] - 1] == min(told)
    assert "hinge loss (" in (tmp_path / "run" / "evaluations" / "training" / "report.html").read_text()
