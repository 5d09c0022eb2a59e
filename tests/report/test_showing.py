"""A run in a terminal and in a notebook: its figures as the report has them, and pictures that stand by themselves."""

import re
from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st

from seqkit import Run, load
from seqkit.report.showing import in_text


def test_a_run_shows_its_scores_and_its_place(small):
    run = load(small)
    text = repr(run)
    accuracy = run.report["metrics"]["accuracy"]["value"]
    assert text.splitlines()[0].startswith("sentiment, 1 epoch on 36 rows of ")
    assert f"accuracy {accuracy:.1%}" in text
    assert f"by epoch 1: {run.history[0]['val_accuracy']:.4g} (kept)" in text
    assert text.endswith(f"in {run.path}")


@given(count=st.integers(1, 60), data=st.data())
def test_a_line_shows_how_the_epoch_was_chosen(count, data):
    kept = data.draw(st.integers(1, count))
    history = [{"epoch": float(epoch), "val_accuracy": epoch / 100} for epoch in range(1, count + 1)]
    report = {"kept": {"epoch": kept, "monitor": "val_accuracy", "value": kept / 100}}
    (line,) = [line for line in in_text("run", {}, report, history).splitlines() if "val_accuracy" in line]
    shown = dict(re.findall(r"(\d+): ([^,]+)", line))
    assert {"1", str(kept), str(count)} <= shown.keys()
    assert len(shown) <= 11
    assert shown.pop(str(kept)) == f"{kept / 100:.4g} (kept)"
    assert all(value == f"{int(epoch) / 100:.4g}" for epoch, value in shown.items())


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
