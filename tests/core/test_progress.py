"""What a person sees while something long goes on."""

import pytest

from seqkit.core import progress


@pytest.mark.parametrize("seconds", [-1.0, 3600.0])
def test_what_is_tracked_comes_in_order_and_is_told_now_and_then(seconds, monkeypatch, capsys):
    monkeypatch.setattr(progress, "SECONDS_BETWEEN_LINES", seconds)
    assert list(progress.tracked(range(3, 7), "counting")) == [3, 4, 5, 6]
    told = [f"counting: {number} of 4" for number in range(1, 5)] if seconds < 0 else []
    assert capsys.readouterr().err.splitlines() == told
