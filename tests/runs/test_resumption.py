"""A run that goes on, beside the settings that it was started with."""

import copy

import pytest

from seqkit.core.errors import InputError
from seqkit.runs.resumption import check_same

NOW = {"unit": "word", "backward": False, "image_size": [8, 8], "training": {"epochs": 2, "sampled": 0}}
USUAL = NOW | {"image_size": None, "training": {"epochs": 8, "sampled": 0}}
OF_BEFORE = {"unit": "word", "image_size": "<tuple>", "training": {"epochs": 2}}  # by a version without some of them
PARTS = dict.fromkeys(NOW, "training")


def go_on(settings):
    before = {"settings": copy.deepcopy(OF_BEFORE), "data": {}, "command": "first"}
    info = {"settings": settings, "data": {}, "command": "again"}
    check_same(before, info, PARTS, USUAL, {"training"})
    return info


def test_what_an_older_version_did_not_have_counts_as_its_default():
    assert go_on(NOW)["resumed_with"] == "again"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"backward": True}, "backward False, now it is True"),
        ({"training": {"epochs": 2, "sampled": 9}}, "training.sampled 0, now it is 9"),
        ({"training": {"epochs": 8, "sampled": 0}}, "training.epochs 2, now it is 8"),
        ({"unit": "symbol"}, "unit word, now it is symbol"),
    ],
)
def test_what_is_changed_is_told(change, said):
    with pytest.raises(InputError, match=said):
        go_on(NOW | change)
