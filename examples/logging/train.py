"""A training whose curves go where people look: `python train.py tensorboard`, `mlflow` or `wandb`. None needs a network.

pip install 'seqkit[logs]'
"""

import contextlib
import os
import sys
from pathlib import Path

import keras

from seqkit import Stack, Training
from seqkit.recipes.sentiment import sentiment


@contextlib.contextmanager
def tensorboard(folder: Path):
    """Then `tensorboard --logdir logs/tensorboard`."""
    yield keras.callbacks.TensorBoard(folder / "tensorboard")


@contextlib.contextmanager
def mlflow(folder: Path):
    """Then, where the whole of mlflow is installed, `mlflow ui --backend-store-uri sqlite:///logs/mlflow.db`."""
    import mlflow

    mlflow.set_tracking_uri(f"sqlite:///{folder / 'mlflow.db'}")
    with mlflow.start_run():
        yield mlflow.keras.MlflowCallback()


@contextlib.contextmanager
def wandb(folder: Path):
    """Kept on disk; `wandb sync` sends it, where that is wanted."""
    os.environ.setdefault("WANDB_MODE", "offline")
    import wandb
    from wandb.integration.keras import WandbMetricsLogger

    with wandb.init(project="seqkit", dir=folder):
        yield WandbMetricsLogger()


def main(kind: str, folder: Path = Path("logs")) -> None:
    folder.mkdir(exist_ok=True)
    training = Training(epochs=3, batch_size=256)
    with {"tensorboard": tensorboard, "mlflow": mlflow, "wandb": wandb}[kind](folder.resolve()) as callback:
        run = sentiment(out=f"saved_models/{kind}", stack=Stack(units=(8,)), training=training, callbacks=[callback])
    print(run.path)


if __name__ == "__main__":
    main(*sys.argv[1:])
