"""What a recipe would find, without a training."""

import pytest

from seqkit.core.errors import InputError
from seqkit.runs.checking import check


def test_a_recipe_that_checks_nothing_is_not_said_to_be_clean():
    def spam(data, *, out):
        """A recipe that makes its run by itself."""

    with pytest.raises(InputError, match="spam checks nothing: a recipe makes its run by seqkit.RunBuilder"):
        check(spam, "mail.tsv")
