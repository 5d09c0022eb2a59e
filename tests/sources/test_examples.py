from seqkit.sources.examples import Examples


def test_a_row_that_was_taken_still_knows_its_line():
    rows = Examples({"text": ["a", "b", "c"]}, "x.tsv", lines=[2, 3, 7])
    taken = rows.take([2, 0], "a part of x.tsv")
    assert [taken.place(0), taken.place(1)] == ["x.tsv, line 7", "x.tsv, line 2"]
    assert Examples({"text": ["a"]}, "the arrays").take([0], "a part").place(0) == "the arrays, row 0"
