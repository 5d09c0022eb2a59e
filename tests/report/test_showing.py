"""A run in a terminal and in a notebook: its figures as the report has them, and pictures that stand by themselves."""

import re
from xml.etree import ElementTree

from seqkit import Run, load


def test_a_run_shows_its_scores_and_its_place(small):
    run = load(small)
    text = repr(run)
    accuracy = run.report["metrics"]["accuracy"]["value"]
    assert text.splitlines()[0].startswith("sentiment, 1 epoch on 36 rows of ")
    assert f"accuracy {accuracy:.1%}" in text
    assert text.endswith(f"in {run.path}")


def test_a_notebook_gets_one_whole_element(small):
    page = load(small)._repr_html_()
    root = ElementTree.fromstring(page.replace("<br>", "<br/>"))
    assert root.tag == "div"
    assert len(root.findall(".//svg")) >= 2  # loss and accuracy
    assert root.findall(".//table")
    assert str(small) in page
    assert not re.search(r"<script|https?://(?!www.w3.org)", page)


def test_a_run_without_a_report_shows_that(small, tmp_path):
    run = load(small)
    bare = Run(tmp_path, run.task, run.model, run.info)
    assert "no report yet" in repr(bare)
    assert "<svg" not in bare._repr_html_()
