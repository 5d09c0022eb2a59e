"""What is inside a run of labels: states by the equations, words by the shorter text, and the page."""

import json
import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from seqkit.cli.lab_commands import _asked
from seqkit.cli.main import main
from seqkit.core.errors import InputError
from seqkit.lab.explaining import explain
from seqkit.lab.inspected_page import _text
from seqkit.lab.nearest import nearest_rows
from seqkit.report.inspection import MOST, ROWS, _short, shown_choices
from seqkit.runs.run import load
from seqkit.sources.recordings import recordings
from seqkit.text.vocabulary import END
from tests import oracle
from tests.conftest import write_small_table

TEXT = "a good film , not a dull one"


@pytest.fixture(scope="module")
def run(small):
    return load(small)


def test_states_and_gates_are_those_of_the_equations(run):
    inside = run.inspect([TEXT, "a dull film"]).of_row(1)
    layer = run.model.get_layer("bidirectional_1").forward_layer
    kernel, recurrent, bias = map(np.asarray, layer.get_weights())
    gates = {gate: slice(4 * n, 4 * n + 4) for n, gate in enumerate("ifzo")}  # of 4 units, in Keras's order
    weights = {"gates": "ifzo"}
    for gate, own in gates.items():
        weights |= {f"W{gate}": kernel[:, own], f"R{gate}": recurrent[:, own], f"b{gate}": bias[own]}
    table = run.model.get_layer("embedding").get_weights()[0]
    ids = [*run.task.vocabulary.ids_of(inside.steps["step"][0][:-1]), END]
    h = c = np.zeros((1, 4))
    for step, one in enumerate(ids):
        h, c = oracle.lstm(table[None, one], h, c, weights)
        for name, expected in (("hidden state", h), ("cell state", c)):
            found = inside.arrays[f"bidirectional_1 forward/{name}"].values[0, step]
            np.testing.assert_allclose(found, expected[0], atol=1e-5)


def test_a_word_that_is_left_out_is_a_shorter_text(run):
    found = explain(run, TEXT, of="bad")
    words = found.words
    shorter = [" ".join(words[:place] + words[place + 1 :]) for place in range(len(words))]
    answers = run.predict(shorter)
    said = [answer["probabilities"]["bad"] for answer in answers]
    np.testing.assert_allclose(found.without_probability, said, atol=1e-5)
    assert found.probability == pytest.approx(run.predict([TEXT])[0]["probabilities"]["bad"], abs=1e-5)


def test_the_wide_path_is_shared_out_exactly(run):
    found = explain(run, TEXT, of="bad")
    place = run.task.classes.index("bad")
    said, nothing = (run.inspect([text]).arrays["wide path"].values[0, place] for text in (TEXT, ""))
    assert np.any(found.wide)
    assert found.wide.sum() == pytest.approx(said - nothing, abs=1e-5)


def test_the_nearest_training_row_of_one_of_them_is_itself(run):
    row = run.task.read(run.info["settings"]["data"], run.columns(), role="train")
    near = nearest_rows(run, row["text"][3], count=3, among=0)
    assert near[0].similarity == pytest.approx(1.0, abs=1e-5)
    assert near[0].columns["text"] == row["text"][3]
    assert [one.similarity for one in near] == sorted((one.similarity for one in near), reverse=True)
    for wrong in ("count", "among"):
        with pytest.raises(InputError, match=f"{wrong} is -1"):
            nearest_rows(run, row["text"][3], **{wrong: -1})


def test_a_page_shows_it_and_prints_its_place(small, tmp_path, capsys):
    page = tmp_path / "page.html"
    assert main(["inspect", str(small), "--text", TEXT, "--of", "bad", "--to", str(page)]) == 0
    assert capsys.readouterr().out.strip() == str(page)
    text = page.read_text(encoding="utf-8")
    for said in (
        "bad has a probability",
        "complete",
        "forget gate",
        "Nearest training rows",
        'title="+',
        "wide path",
    ):
        assert said in text, said
    assert not re.search(r"https?://(?!www\.w3\.org)", text)
    bare = re.sub(r"<svg.*?</svg>", "", text, flags=re.DOTALL)
    assert not re.search(r"\b(nan|inf)\b", bare)


@pytest.mark.parametrize("asked", [["--row", "1"], ["--id", "b7", "--id-column", "name"]])
def test_a_row_of_a_file_gives_its_arrays_as_json(asked, small, tmp_path, capsys):
    table, page = tmp_path / "rows.csv", tmp_path / "page.html"
    table.write_text("name,text\na1,a dull film\nb7,a good one\nc3,dull\n")
    given = ["--data", str(table), *asked, "--nearest", "0", "--to", str(page), "--json"]
    assert main(["inspect", str(small), *given]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["inspection"]["steps"]["step"] == [["a", "good", "one", "<end>"]]
    state = found["inspection"]["arrays"]["bidirectional_1 forward/cell state"]
    assert state["axes"] == ["row", "step", "unit"]
    assert np.shape(state["values"]) == (1, 4, 4)
    assert found["explanation"]["completeness"]["complete"]
    assert found["nearest"] == "None were asked for."


def test_an_answer_on_a_page_is_words(tmp_path):
    frames = tmp_path / "clip.npz"
    np.savez(frames, frames=np.zeros((3, 2)))
    (recording,) = recordings(str(frames), {"frames": "frames"})
    assert _text(recording) == str(frames)
    segments = [{"label": "up", "start": 0, "end": 2}, {"label": "down", "start": 2, "end": 3}]
    assert ">up: 0 to 1; down: 2 to 2<" in _short(segments)
    assert ">city: New York<" in _short([{"label": "city", "begin": 0, "end": 2, "text": "New York"}])
    others = [{"translation": "am Montag", "score": -1.25}, {"translation": "", "score": -3.5}]
    assert ">am Montag (-1.25);  (-3.5)<" in _short(others)


@pytest.mark.parametrize(("steps", "shown"), [(3, MOST), (MOST + 8, MOST + 8), (40, ROWS)])
def test_a_map_shows_what_is_first_at_a_step_and_then_what_is_likely_somewhere(steps, shown, rng):
    values = rng.uniform(0, 0.2, (steps, 80))
    values[1:, 60:] = 0.45  # second but for one step, whose first is less likely than they are
    values[np.arange(steps), np.arange(steps)] = [0.3, *np.linspace(0.9, 0.5, steps - 1)]
    found = shown_choices(values).tolist()
    assert len(found) == shown
    assert set(range(steps) if steps <= shown else range(1, ROWS + 1)) <= set(found)


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ([], "is asked by its text: give --text"),
        (["--text", "a film", "--of", "nagative"], "There is no choice 'nagative': there are"),
        (["--text", "a film", "--at", "1"], "one choice a row"),
        (["--text", "a film", "--answer", "ein Film"], "writes none: leave them out"),
        (["--text", "a film", "--image", "film.png"], "leave --image out"),
        (["--data", "TABLE", "--row", "1000"], "has no row 1000"),
        (["--data", "TABLE", "--id", "b7", "--id-column", "label"], "has no row whose label is b7"),
        (["--data", "TABLE", "--text", "a film"], "give the one or the others"),
        (["--text", "a film", "--row", "3"], "Without a file row would count for nothing: give --data"),
        (["--text", "a film", "--id", "b7", "--column.text", "body"], "Without a file id and columns would count"),
        (["--data", "TABLE", "--row", "3", "--id", "b7"], "row is 3 and id is b7, which both say which row"),
        (["--data", "TABLE", "--row", "3", "--id-column", "label"], "id_column is label, but no id is asked for"),
        (["--text", "a film", "--nearest", "-1"], "nearest is -1: give a number of at least 0"),
        (["--text", "a film", "--among", "-1"], "among is -1: give a number of at least 0"),
    ],
)
def test_wrong_wishes_get_one_sentence(given, complaint, small, tmp_path, capsys):
    given = [str(write_small_table(tmp_path)) if one == "TABLE" else one for one in given]
    assert main(["inspect", str(small), *given, "--to", str(tmp_path / "page.html")]) == 2
    assert complaint in capsys.readouterr().err
    assert not (tmp_path / "page.html").exists()


def test_a_text_that_no_field_takes_is_refused():
    captioner = SimpleNamespace(path="captioner", task=SimpleNamespace(fields=("image",)))
    assert _asked(captioner, None, Path("a.png")) == "a.png"
    with pytest.raises(InputError, match="captioner is asked by its image: leave --text out"):
        _asked(captioner, "a film", Path("a.png"))
