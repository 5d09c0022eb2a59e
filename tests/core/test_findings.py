from hypothesis import given
from hypothesis import strategies as st

from seqkit.core.findings import HARMS, SHOWN, Finding, in_order

findings = st.builds(
    Finding.at,
    st.sampled_from(["a", "b"]),
    st.sampled_from(HARMS),
    st.just("rows that repeat"),
    st.lists(st.integers(1, 99).map("x.tsv, line {}".format), max_size=2 * SHOWN),
)


@given(st.lists(findings))
def test_the_most_harmful_come_first_each_once_and_none_is_lost(found):
    ordered = in_order(found)
    assert set(ordered) == set(found)
    assert len(ordered) == len(set(found))
    ranks = [HARMS.index(finding.harm) for finding in ordered]
    assert ranks == sorted(ranks)


@given(findings)
def test_a_finding_names_its_first_places_and_counts_the_others(finding):
    said = str(finding)
    assert all(place.rpartition(" ")[2] in said for place in finding.places)
    assert said.count("x.tsv") == bool(finding.places)
    assert (" more)" in said) == (finding.count > SHOWN)
    if finding.count > SHOWN:
        assert f"and {finding.count - SHOWN} more" in said
