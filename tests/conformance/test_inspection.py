"""Any recipe's run can be looked into: what is shown is what the model says, and nothing stands behind a row's end."""

import numpy as np
import pytest

from seqkit.core.errors import InputError
from seqkit.lab.explaining import explain
from seqkit.runs.inspecting import open_rows


@pytest.fixture(scope="module")
def inside(run, case):
    return run.inspect(case.inputs)


def test_what_is_shown_is_what_the_model_says(run, case, inside):
    assert inside.answers == run.predict(case.inputs)
    rows, _ = open_rows(run.task, run.forward, run.asked(case.inputs))
    given = [rows.batch[tensor.name] for tensor in run.model.inputs]
    plain = run.model(given if len(given) > 1 else given[0], training=False)
    logits, _ = run.task.shares(plain, rows.batch)
    real = ~np.isnan(inside.arrays["logits"].values)
    assert inside.arrays["logits"].axes[-1] == "class"
    assert len(inside.choices) == logits.shape[-1]
    np.testing.assert_allclose(inside.arrays["logits"].values[real], np.asarray(logits)[real], atol=2e-4)
    shares = inside.arrays["probabilities"].values
    sums = shares.sum(axis=-1)
    np.testing.assert_allclose(sums[~np.isnan(sums)], 1.0, atol=1e-4)


def test_steps_are_named_and_what_lies_behind_a_rows_end_is_no_number(case, inside):
    states = [name for name, array in inside.arrays.items() if array.axes[-1] == "unit"]
    assert any(name.endswith("hidden state") for name in states)
    assert any("gate" in name for name in states)
    for name, array in inside.arrays.items():
        assert len(array.axes) == array.values.ndim, name
        assert len(array.values) == len(case.inputs), name
        for place, axis in enumerate(array.axes):
            for row, words in enumerate(inside.steps.get(axis, ())):
                along = np.moveaxis(array.values, place, 1)[row]
                assert np.isnan(along[len(words) :]).all(), (name, axis)
                assert not np.isnan(along[: len(words)]).all(), (name, axis)
    own = inside.of_row(1)
    assert not any(np.isnan(array.values).any() for array in own.arrays.values())
    assert own.answers == inside.answers[1:2]
    assert own.to_json()["arrays"].keys() == inside.arrays.keys()


def test_the_words_that_moved_an_answer_add_up(run, case, inside):
    if not inside.reads_words:
        with pytest.raises(InputError, match="reads no words"):
            explain(run, case.inputs[0])
        return
    found = explain(run, case.inputs[0])
    assert found.integrated.complete
    assert found.added.sum() == pytest.approx(found.logit - found.baseline, abs=2 * found.integrated.tolerance)
    assert len(found.words) == len(found.added) == len(found.without) > 0
    assert found.of in inside.choices
    assert 0 < found.probability <= 1
