"""Models of one's own: parts that the loss doesn't reach, and a head that computes in half precision."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from seqkit.core.errors import InputError
from seqkit.core.settings import Training
from seqkit.training.objectives import Objective, classification
from seqkit.training.step import evaluate
from seqkit.training.trainer import Trainer, reproducible
from tests.training.test_trainer import rows, table_model


def test_what_the_loss_does_not_reach_is_named_and_stays(rng, capsys):
    """As with Keras, also where the optimizer would let weights decay."""
    plain = table_model(rng.normal(size=(2, 2)))
    apart = keras.layers.Dense(3, name="apart")
    model = keras.Model(plain.input, [plain.output, apart(plain.output)])
    before = model.get_weights()
    training = Training(epochs=2, optimizer="adamw")
    own = classification(training)
    objective = Objective(lambda targets, outputs: own.loss(targets, outputs[0]), {})
    Trainer(model, objective, training).fit(rows([0, 1]), rows([0, 1]))
    told = "The loss doesn't reach apart/kernel, apart/bias: what is not reached stays as it is."
    assert capsys.readouterr().err.replace("\n", " ").count(told) == 1
    kept = [bool((after == first).all()) for after, first in zip(model.get_weights(), before, strict=True)]
    assert kept == [False, True, True]
    adrift = Objective(lambda targets, outputs: tf.cast(targets, tf.float32), {})
    with pytest.raises(InputError, match="reaches none of the model's 3 trainable variables"):
        Trainer(model, adrift, training).fit(rows([0, 1]), rows([0, 1]))


def test_a_head_in_half_precision_is_trained_by_losses_in_float32(rng):
    """Each figure is made of the outputs as they are, in float32: of two rows of loss 0.4741 and 0.3133 by hand."""
    with reproducible(0, "mixed_bfloat16"):
        model = table_model([[0.5, 1.0], [1.0, 0.0]])
        assert model.output.dtype == "bfloat16"
        training = Training(epochs=1, label_smoothing=0.1)
        objective, data = classification(training), rows([1, 0])
        losses = [np.log1p(np.exp(-0.5)), np.log1p(np.exp(-1.0))]
        assert evaluate(model, data, objective)["loss"] == pytest.approx(np.mean(losses), rel=1e-6)
        assert np.isfinite(Trainer(model, objective, training).fit(data, data)[0]["loss"])
