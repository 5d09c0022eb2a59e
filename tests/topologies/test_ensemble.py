"""Ensembles: models in which sums and products stand without a layer, three of them as one."""

import keras
import numpy as np
from scipy.special import softmax

from seqkit.core.settings import Stack
from seqkit.testing.models import as_batch, inputs_of
from seqkit.topologies.ensemble import averaged
from tests.cases import CASES


def test_an_ensemble_says_the_mean_of_what_its_members_say(rng):
    (case,) = (case for case in CASES if case.name == "sentiment")
    members = []
    for _ in range(3):
        keras.utils.clear_session(
            free_memory=False
        )  # so that all have operations of the same names, as models from files do
        members.append(case.build(Stack(units=(3,)), "wide"))
    given = inputs_of(members[0], as_batch(case.rows(rng, (4, 7))))
    keras.utils.clear_session(free_memory=False)
    expected = np.mean([softmax(np.asarray(member(given)), axis=-1) for member in members], axis=0)
    np.testing.assert_allclose(softmax(np.asarray(averaged(members)(given)), axis=-1), expected, rtol=1e-5)
