"""The page a run is asked on: what it shows is what the run answers."""

import gc
import re
import socket

import numpy as np
import pytest

from seqkit import demo_page, load, serve_demo
from seqkit.cli.main import main
from seqkit.runs.samples import read_samples

gradio = pytest.importorskip("gradio")
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture(scope="module", autouse=True)
def _collected():
    """What Gradio leaves open is closed here, where it may be."""
    yield
    gc.collect()


def answering(page):
    """What the page calls to answer, and the components that it fills."""
    (first, *_) = page.fns.values()
    return first.fn, first.outputs


@pytest.fixture(scope="module")
def page(run):
    return demo_page(run)


def test_each_recipe_is_asked_by_its_fields_and_shows_what_it_answers(run, page):
    ask, shown = answering(page)
    if hasattr(run.task, "generate"):
        assert [*ask("", 5, 0.8, 1)][-1] == "".join(run.generate("", length=5, temperature=0.8, seed=1))
        return
    given = tuple(values[0] for values in read_samples(run.path, run.info, run.task.fields).values())
    (answer,) = run.predict([given if len(given) > 1 else given[0]])
    *pieces, whole = ask(*given)
    assert whole == answer
    assert len(pieces) == len(shown) - 1
    if run.task.fields != ("frames",):
        attends = "attention" in run.inspect([given if len(given) > 1 else given[0]]).arrays
        assert ("<figure" in str(pieces[-1])) == attends
    assert pieces[0]
    if "probabilities" in answer:
        assert pieces[0] == answer["probabilities"]
    if "tags" in answer and "spans" not in answer:
        assert pieces[-1] == [*zip(answer["tokens"], answer["tags"], strict=True)]


def test_a_wrong_input_is_one_sentence_on_the_page(run, page):
    ask, _ = answering(page)
    if hasattr(run.task, "generate"):
        with pytest.raises(gradio.Error, match="\u2603"):
            list(ask("\u2603", 5, 0.8, 1))
        return
    with pytest.raises(gradio.Error, match=re.escape(f"There is no {run.task.fields[0]} to answer")):
        ask(*[None] * len(run.task.fields))


def test_the_page_is_served_and_asks_for_nothing_from_elsewhere(small, monkeypatch):
    import gradio_client
    import httpx

    run = load(small)
    monkeypatch.setattr(gradio.Blocks, "block_thread", lambda self: None)
    served = []
    launch = gradio.Blocks.launch
    monkeypatch.setattr(gradio.Blocks, "launch", lambda self, **how: served.append(launch(self, **how)))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    serve_demo(run, port=port)
    try:
        html = httpx.get(f"http://127.0.0.1:{port}/").text
        client = gradio_client.Client(f"http://127.0.0.1:{port}/", verbose=False, analytics_enabled=False)
        label, whole = client.predict("a good film", api_name="/answer")
    finally:
        gradio.close_all()
    (answer,) = run.predict(["a good film"])
    assert whole == answer
    np.testing.assert_allclose(
        [one["confidence"] for one in label["confidences"]], sorted(answer["probabilities"].values(), reverse=True)
    )
    links = re.findall(r"""(?:src|href)=["'](https?://[^"']+)""", html)
    assert not [link for link in links if "127.0.0.1" not in link]


def test_a_port_that_is_taken_or_none_is_one_sentence(small, capsys):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        for port in (taken.getsockname()[1], 65_536):
            assert main(["demo", str(small), "--port", str(port)]) == 2
            assert "give another --port" in capsys.readouterr().err
