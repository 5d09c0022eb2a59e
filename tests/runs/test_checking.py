"""What a recipe would find, without a training."""

import pytest

from seqkit.core.errors import InputError
from seqkit.core.settings import Stack
from seqkit.recipes import sentiment
from seqkit.runs.checking import check, rows_of


def test_a_recipe_that_checks_nothing_is_not_said_to_be_clean():
    def spam(data, *, out):
        """A recipe that makes its run by itself."""

    with pytest.raises(InputError, match="spam checks nothing: a recipe makes its run by seqkit.RunBuilder"):
        check(spam, "mail.tsv")


def test_the_rows_of_a_run_are_read_again_though_its_settings_are_refused_since():
    given = {"data": (["a good film", "a bad film"] * 20, ["good", "bad"] * 20), "stack": Stack(locked=True)}
    with pytest.raises(InputError, match="stack.locked is True"):
        check(sentiment, **given)
    assert len(rows_of(sentiment, given).train) == 36
    with pytest.raises(InputError, match="stack.locked is True"):
        check(sentiment, **given)
