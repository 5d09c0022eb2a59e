"""What pages are made of."""

from seqkit.report.pages import axes, legend


def test_a_legend_names_each_label_once_and_is_none_where_nothing_has_a_label():
    _, ax = axes("x", "y")
    ax.plot([0, 1], [0, 1])
    legend(ax)  # without a warning, which would be an error here
    assert ax.get_legend() is None
    for label in ("over rows", "over seeds", "over rows"):
        ax.plot([0, 1], [0, 1], label=label)
    legend(ax)
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["over rows", "over seeds"]
