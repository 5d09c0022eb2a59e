"""Keras's own callbacks see what history.csv holds, in a training of ours, without a network."""

import importlib.util
from pathlib import Path

import keras
import numpy as np
import pytest

from seqkit import Embedding, Stack, Training
from seqkit.recipes.sentiment import sentiment
from seqkit.runs.run import load
from tests.cases import write_small_table

# TensorBoard has been told of NumPy 2's copy by nobody
pytestmark = pytest.mark.filterwarnings("ignore:.*:DeprecationWarning")

EXAMPLE = Path(__file__).parents[2] / "examples" / "logging" / "train.py"


def test_tensorboard_shows_the_curves_of_the_history(tmp_path):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.util.tensor_util import make_ndarray

    table = str(write_small_table(tmp_path))
    run = sentiment(
        table,
        valid=table,
        out=tmp_path / "run",
        embedding=Embedding(units=4),
        stack=Stack(units=(4,)),
        training=Training(epochs=2),
        callbacks=[keras.callbacks.TensorBoard(tmp_path / "logs")],
    )
    for part, columns in {"train": {"epoch_loss": "loss"}, "validation": {"epoch_loss": "val_loss"}}.items():
        events = EventAccumulator(str(tmp_path / "logs" / part), size_guidance={"tensors": 0}).Reload()
        for tag, column in columns.items():
            shown = [float(make_ndarray(event.tensor_proto)) for event in events.Tensors(tag)]
            np.testing.assert_allclose(shown, [row[column] for row in run.history], rtol=1e-6)


@pytest.fixture
def example(tmp_path, monkeypatch):
    """examples/logging/train.py as a module, which writes below a folder of the test's own."""
    monkeypatch.chdir(tmp_path)
    spec = importlib.util.spec_from_file_location("logging_example", EXAMPLE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # the loggers' own
def test_the_example_of_mlflow_keeps_the_history(example):
    tracking = pytest.importorskip("mlflow", reason="pip install 'seqkit[logs]'")
    pytest.importorskip("sqlalchemy", reason="pip install 'seqkit[logs]'")
    example.main("mlflow")
    (found,) = tracking.search_runs(output_format="list")
    for name in ("loss", "val_loss", "val_accuracy"):
        kept = tracking.MlflowClient().get_metric_history(found.info.run_id, name)
        values = [one.value for one in sorted(kept, key=lambda one: one.step)]
        np.testing.assert_allclose(values, [row[name] for row in load("saved_models/mlflow").history], rtol=1e-6)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_the_example_of_wandb_keeps_the_history_on_disk(example, monkeypatch):
    library = pytest.importorskip("wandb", reason="pip install 'seqkit[logs]'")
    told, tell = [], library.Run.log
    monkeypatch.setattr(library.Run, "log", lambda run, data, *more: told.append(dict(data)) or tell(run, data, *more))
    example.main("wandb")
    for name in ("loss", "val_loss", "val_accuracy"):
        values = [row[f"epoch/{name}"] for row in told]
        np.testing.assert_allclose(values, [row[name] for row in load("saved_models/wandb").history], rtol=1e-6)
    assert list(Path("logs/wandb").glob("offline-run-*/*.wandb")), "which `wandb sync` would send"
