"""What is asked of a recipe of each kind by default, and of all with `-m slow`: what may depend on how a model is put
together, but not on the recipe.
"""

from collections.abc import Sequence
from typing import Any

import pytest

from tests.cases import CASES, Case

OF_EACH_KIND = ("sentiment", "video_frames", "translation")  # one graph that reads texts, one of frames, and an encoder
# Whose run is trained, exported and inspected by default: with tags, with states that are carried, and with an image and a
# text that are read and a text that is written. The others put the same parts together, and their own files train them.
TRAINED = (*OF_EACH_KIND, "tagging", "language_model", "written_answers")


def of_each_kind(cases: Sequence[Case] = CASES, names: Sequence[str] = OF_EACH_KIND) -> list[Any]:
    """Parameters for `case`."""
    return [pytest.param(case, marks=() if case.name in names else pytest.mark.slow, id=case.name) for case in cases]
