"""What a run's folder says."""

import pytest

from seqkit.runs.contents import validated


@pytest.mark.parametrize(("more", "value"), [({}, 0.5), ({"weighed": 0.0}, 0.0)])
def test_runs_are_compared_by_the_whole_model_where_paths_were_weighed(more, value):
    assert validated({"kept": {"epoch": 1, "monitor": "val_accuracy", "value": 0.5, **more}}) == ("val_accuracy", value)
