"""An artefact answers as it was written to, and one that is damaged is refused by a sentence."""

import contextlib
import copy
import json
import os
import shutil
import stat
import subprocess
import sys
import zipfile
from typing import ClassVar

import numpy as np
import onnxruntime
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seqkit.cli.main import main
from seqkit_runner import load
from seqkit_runner.__main__ import main as alone
from seqkit_runner.artefact import MOST_JSON, opened, verified
from seqkit_runner.batching import BATCH, padded
from seqkit_runner.errors import ArtefactError
from seqkit_runner.prove import _START, Case, proof, prove_apart, read_cases, write_cases
from seqkit_runner.task import SERVED
from seqkit_runner.tasks import task_of
from tests.runner.artefacts import (
    LABELS,
    WORDS,
    bag,
    classifier,
    steps_of,
    streamer,
    tables,
    tokenizer,
    written,
    zipped,
)

TEXTS = ["a good film", "", "bad", "good unknown bad film a", "film " * 40]


@pytest.fixture
def folder(tmp_path):
    return written(tmp_path / "mine", *classifier())


def answer(text):
    """Of the classifier, by NumPy."""
    words, _ = tables()
    ids = [*[WORDS.index(word) if word in WORDS else 1 for word in text.split()][:3], 3]
    return np.exp(words[ids].max(axis=0)) / np.exp(words[ids].max(axis=0)).sum()


@pytest.mark.parametrize("way", ["folder", "zip"])
def test_answers_are_those_of_the_equations(folder, way):
    artefact = load(folder if way == "folder" else zipped(folder))
    for text, got in zip(TEXTS, artefact.predict(TEXTS), strict=True):
        shares = answer(text)
        assert got["label"] == LABELS[int(shares.argmax())]
        np.testing.assert_allclose(list(got["probabilities"].values()), shares, atol=1e-6)
    assert artefact.predict([]) == []
    assert "4 files" in verified(folder)
    assert "3 test vectors" in verified(folder)


def test_both_command_lines_answer(folder, tmp_path, capsys):
    assert main(["verify", str(folder)]) == alone(["verify", str(folder)]) == 0
    said, again = capsys.readouterr().out.splitlines()
    assert said == again
    (tmp_path / "texts").write_text("a good film\n\n")
    assert alone(["predict", str(folder), str(tmp_path / "texts")]) == 0
    assert [json.loads(line)["label"] for line in capsys.readouterr().out.splitlines()] == [
        LABELS[int(answer(text).argmax())] for text in ("a good film", "")
    ]
    files, manifest = classifier()
    written(folder, files, manifest | {"name": "\x1b[2J"})
    assert main(["verify", str(folder)]) == alone(["verify", str(folder)]) == 0
    assert capsys.readouterr().out.count("\\u001b[2J") == 2
    assert main(["verify", str(tmp_path)]) == alone(["verify", str(tmp_path)]) == 2
    assert alone(["generate", str(folder)]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 3


def test_what_has_no_answer_is_tried_by_its_graphs(tmp_path):
    files, manifest = classifier()
    for number, vector in enumerate(files["test_vectors.json"]):
        vector["answer"] = vector["answer"] if number else None
    for task, told in (
        (manifest["task"], "2 test vectors answered as its run does, 1 test vector whose outputs alone"),
        (None, "3 test vectors whose outputs alone"),
    ):
        assert told in verified(written(tmp_path / "mine", files, manifest | {"task": task}))
        wrong = files | {"model.onnx": bag(tables(1)[0])}
        refused(written(tmp_path / "mine", wrong, manifest | {"task": task}), "outputs of test vector 0|answers test")


def test_what_was_not_compared_is_not_said_to_be(tmp_path):
    files, manifest = classifier()
    unanswered = [vector | {"answer": None, "graph_outputs": {}} for vector in files["test_vectors.json"]]
    path = written(tmp_path / "mine", files | {"test_vectors.json": unanswered}, manifest)
    assert verified(path).endswith("3 test vectors without anything that could be compared")
    assert load(path).try_vectors() == 0
    graph = manifest["graphs"]["model"]
    graphs = {"graphs": {"encoder": graph, "decoder": graph}}
    drawn = [case._replace(graph=name, answer=None) for case in cases() for name in graphs["graphs"]]
    for told in (manifest, manifest | {"task": None}):
        report = proof(opened(written(tmp_path / "mine", files, told)), cases())
        assert (report["rows"], report.get("answers")) == (5, 1.0 if told["task"] else None)
    report = proof(opened(written(tmp_path / "mine", files, manifest | {"task": None} | graphs)), drawn)
    assert (report["rows"], report.get("answers")) == (5, None)
    assert proof(opened(written(tmp_path / "mine", files, manifest)), drawn)["rows"] == 0


def test_the_command_needs_no_tensorflow(folder):
    absent = "import sys; sys.modules.update(dict.fromkeys(['tensorflow', 'keras']))"
    program = f"{absent}; from seqkit.cli.main import main; main()"
    command = [sys.executable, "-c", program, "verify", str(folder)]
    assert "3 test vectors" in subprocess.run(command, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize(
    ("asked", "complaint"),
    [("a text", "a list"), ([3], "Input 0 is a int"), (["a", None], "Input 1"), ([b"a"], "bytes")],
)
def test_what_is_no_input_is_said(folder, asked, complaint):
    with pytest.raises(ArtefactError, match=complaint):
        load(folder).predict(asked)
    with pytest.raises(ArtefactError, match="no streaming step"):
        load(folder).stream()


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({}, "The graph wants ids too"),
        ({"ids": [[5, 6], [7]]}, r"ids is no array of int32 .*: give one of shape \(batch, steps\)\.$"),
        ({"ids": None}, "ids is no array of int32"),
        ({"ids": [[2**40]]}, "ids is no array of int32"),
        ({"ids": 5}, r"ids is of shape \(\): give one of shape \(batch, steps\)"),
        ({"ids": [5, 6]}, r"ids is of shape \(2,\): give"),
    ],
)
def test_what_no_graph_can_be_fed_is_said(folder, given, complaint):
    graph = load(folder).graphs["model"]
    with pytest.raises(ArtefactError, match=complaint):
        graph(given)
    with pytest.raises(ArtefactError, match=r"give one of shape \(steps\)"):
        padded(graph, [{"ids": 5}])
    assert graph({"ids": [[5, 6], [7, 7]]})["outputs"].shape == (2, len(LABELS))


def streams(tmp_path, kind):
    files, manifest, words, between = streamer(kind)
    return load(written(tmp_path / kind, files, manifest)), words, between


def softmax(logits):
    shares = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return shares / shares.sum(axis=-1, keepdims=True)


def test_a_session_says_what_the_whole_row_does(tmp_path):
    artefact, words, between = streams(tmp_path, "tag")
    tokens = ["a", "good", "nothing", "film", "bad"]
    shares = softmax(steps_of([WORDS.index(one) if one in WORDS else 1 for one in tokens], words, between))
    whole = artefact.predict([tokens, " ".join(tokens), tokens[:2], []])
    assert [one["tags"] for one in whole[:2]] == [[LABELS[place] for place in shares.argmax(axis=1)]] * 2
    assert [len(one["tags"]) for one in whole] == [5, 5, 2, 0]
    session = artefact.stream()
    first = [session.feed(token) for token in tokens[:2]]
    other = artefact.stream()
    other.state = session.state
    for got in (
        [*first, *map(session.feed, tokens[2:])],
        [*first, *map(other.feed, tokens[2:])],
        [other.feed(token) for token in tokens] if other.reset() is None else [],
    ):
        assert [one["tag"] for one in got] == whole[0]["tags"]
        np.testing.assert_allclose([one["confidence"] for one in got], shares.max(axis=1), atol=1e-4)
    with pytest.raises(ArtefactError, match="The state is"):
        other.state = {"one_state_0": np.zeros((2, 3))}


class Served:
    """A SavedModel's graph for a test: it keeps what it was asked, of which an equation is the answer."""

    outputs: ClassVar = {}

    def __init__(self, equation):
        self.equation, self.asked = equation, []

    def __call__(self, given):
        self.asked.append(given)
        return self.equation(**given)


def test_a_recording_without_frames_is_answered_by_nothing_beside_others():
    def equation(frames):
        assert frames.shape[1:] == (3, len(LABELS)), "it reads no other recording"
        return {"probabilities": softmax(frames)}

    task = task_of("label_frames", {"shape": [3]}, {SERVED: Served(equation)}, {}, {"labels": list(LABELS)})
    frames = (9 * np.eye(3)).tolist()
    alone, nothing, again = task.answers([frames, [], frames])
    assert alone == again
    assert alone["labels"] == list(LABELS)
    assert nothing == {"segments": [], "labels": [], "confidence": []}


@pytest.mark.parametrize("number", [10**400, -(10**400)])
def test_a_number_that_no_float_holds_is_said(number):
    """JSON has whole numbers of any length."""
    task = task_of("label_frames", {"shape": [3]}, {SERVED: Served(None)}, {}, {"labels": list(LABELS)})
    with pytest.raises(ArtefactError, match="Input 1 has a number that is too large"):
        task.answers([[[0, 0, 0]], [[0, 1, number]]])


def test_what_is_answered_by_no_number_is_refused():
    served = Served(lambda frames: {"probabilities": softmax(frames) + np.where(frames > 1, np.nan, 0)})
    task = task_of("label_frames", {"shape": [3]}, {SERVED: served}, {}, {"labels": list(LABELS)})
    assert task.answers([[[0, 0, 1]]])[0]["labels"] == [LABELS[2]]
    with pytest.raises(ArtefactError, match="Input 1 is answered by what is no number"):
        task.answers([[[0, 0, 1]], [[0, 0, 1], [0, 0, 3e38]]])


def test_a_savedmodel_is_asked_for_so_many_inputs_at_once_as_there_is_room_for(monkeypatch):
    monkeypatch.setattr("seqkit_runner.batching.ROOM", 3000 * len(LABELS))
    lengths = [*np.random.default_rng(0).integers(0, 60, 100).tolist(), *[1000] * 5, 5000, 7]
    served = Served(lambda text: {"probabilities": np.eye(len(LABELS))[[len(one) % len(LABELS) for one in text]]})
    task = task_of("classify_text", {"max_length": 4}, {SERVED: served}, {}, {"labels": list(LABELS)})
    answers = task.answers(["a" * length for length in lengths])
    assert [answer["label"] for answer in answers] == [LABELS[length % len(LABELS)] for length in lengths]
    asked = [sorted(map(len, given["text"])) for given in served.asked]
    assert sorted(length for batch in asked for length in batch) == sorted(lengths)
    assert all(len(batch) == 1 or (len(batch) <= BATCH and len(batch) * batch[-1] <= 3000) for batch in asked)
    assert len(asked) < 10
    assert task.answers([]) == []


def test_a_language_model_scores_streams_and_writes(tmp_path):
    artefact, words, between = streams(tmp_path, "language_model")
    ids = [4, 6, 3, 5, 3]  # two lines, an end behind each
    nats = np.log(softmax(steps_of([2, *ids], words, between)))
    total = sum(nats[t, number] for t, number in enumerate(ids))
    (got,) = artefact.predict(["good film\nbad"])
    assert (got["symbols"], got["unknown"]) == (5, 0)
    np.testing.assert_allclose(got["log_probability"], total, atol=1e-5)
    session = artefact.stream()
    fed = [session.feed(text) for text in ("good", "film\nbad", "\n")]
    np.testing.assert_allclose(sum(one["log_probability"] for one in fed), total, atol=1e-5)
    assert fed[-1]["next"][0]["symbol"] == WORDS[int(nats[5].argmax())]
    text = "".join(artefact.generate("good\nfilm", temperature=0, length=3))
    state = [2, 4, 3, 6]
    for _ in range(3):
        scores = steps_of(state, words, between)[-1]
        scores[:3] = -np.inf
        state.append(int(scores.argmax()))
    spelt = "".join("\n" if number == 3 else f" {WORDS[number]}" for number in state[4:])
    assert text == spelt.replace("\n ", "\n")
    for prompt, complaint in (("good evil", "'evil'"), (3, "a text is expected")):
        with pytest.raises(ArtefactError, match=complaint):
            artefact.generate(prompt)


def test_cases_are_read_as_they_were_written(tmp_path):
    image = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
    cases = [
        Case("model", {"ids": np.array([1, 2], np.int32)}, {}, {"image": image, "question": "é?"}, {"answer": "x"}),
        Case(
            "encoder",
            {},
            {"memory": np.ones((2, 3), np.float32)},
            "x",
            {"probabilities": {"array": 0.5, "fields": 0.5}},
        ),
    ]
    write_cases(tmp_path / "cases.npz", cases)
    np.testing.assert_equal(
        [one._asdict() for one in read_cases(tmp_path / "cases.npz")], [one._asdict() for one in cases]
    )


def cases():
    words, _ = tables()
    rows = [np.array([*row, 3], np.int32) for row in ([7, 4, 6], [], [5], [4], [6, 6])]
    texts = [" ".join(WORDS[number] for number in row[:-1]) for row in rows]
    artefact_answers = [
        {
            "label": LABELS[int(answer(text).argmax())],
            "probabilities": {name: float(share) for name, share in zip(LABELS, answer(text), strict=True)},
        }
        for text in texts
    ]
    return [
        Case("model", {"ids": row}, {"outputs": words[row].max(axis=0)}, text, said)
        for row, text, said in zip(rows, texts, artefact_answers, strict=True)
    ]


def test_an_artefact_is_proven_where_seqkit_is_not(folder, tmp_path, monkeypatch):
    report = prove_apart(folder, cases())
    assert (report["rows"], report["lengths"], report["answers"], report["differences"]) == (5, [1, 4], 1.0, [])
    assert report["outputs"] < 1e-6
    assert report["probabilities"] < 1e-6
    assert 0 < report["latency"]["median_ms"] < report["latency"]["answer_ms"]
    runner = tmp_path / "mine" / "seqkit_runner"
    shutil.copytree(os.path.dirname(opened.__code__.co_filename), runner)
    for absent in ("seqkit", "tensorflow", "keras"):
        (runner / "chain.py").write_text(f"import {absent}\n")
        with pytest.raises(ArtefactError, match=f"import of {absent} halted"):
            prove_apart(folder, cases())
    monkeypatch.syspath_prepend(tmp_path)  # as PYTHONPATH has packages, or the user's own folder
    (tmp_path / "a_package.py").write_text("import sys\nsys.exit('It is found.')\n")
    (runner / "chain.py").write_text("import a_package\n")
    with pytest.raises(ArtefactError, match="It is found"):
        prove_apart(folder, cases())


def test_a_fork_that_proves_has_nothing_of_ours_either(interpreter, tmp_path):
    """What stands for such a process in most tests (tests/conftest.py) reads the artefact's own runner, and no seqkit."""
    runner = tmp_path / "seqkit_runner"
    runner.mkdir()
    (runner / "__init__.py").touch()
    (runner / "prove.py").write_text("def main():\n    print(__file__)\n    import seqkit\n")
    done = interpreter.run(_START, tmp_path, "seqkit", "[]")
    assert done.stdout == f"{runner / 'prove.py'}\n"
    assert "import of seqkit halted" in done.stderr
    assert not (runner / "__pycache__").exists(), "an artefact's files are those that were written"


def test_a_proof_sees_what_is_wrong(tmp_path):
    words, _ = tables()
    files, manifest = classifier()
    unmasked = words.copy()
    unmasked[0] = 100  # padding is read
    corrupt = words.copy()
    corrupt[5] += 0.01
    for number, other in enumerate((unmasked, corrupt)):
        artefact = opened(written(tmp_path / str(number), files | {"model.onnx": bag(other)}, manifest))
        report = proof(artefact, cases())
        assert report["outputs"] > 1e-3
        assert report["probabilities"] > 1e-4
        assert report["answers"] < 1
        assert {one["inputs"] for one in report["differences"]} <= set(range(5))
    artefact, words, between = streams(tmp_path, "tag")
    ids = np.array([7, 4, 3], np.int32)
    for wrong in (0, 0.5):
        expected = steps_of(ids, words, between) + np.float32(wrong)
        assert (proof(artefact, [Case("model", {"ids": ids}, {"outputs": expected})])["streamed"] > 1e-3) == bool(wrong)


# What follows takes an artefact apart. Each damage gets the files and the manifest, and says what the complaint has to tell.


def permuted(files, manifest):
    files["labels.json"]["labels"].reverse()
    return "test vector 0"


def corrupt(files, manifest):
    files["model.onnx"] = bag(tables(1)[0])
    return "test vector 0"


def merged_otherwise(files, manifest):
    files["tokenizer.json"] = tokenizer((*WORDS[:4], *WORDS[:3:-1]))
    return "test vector 0"


def setting(*path, to, complaint):
    def damage(files, manifest):
        place = files if len(path) == 1 else {"manifest": manifest, **files}
        for name in path[:-1]:
            place = place[name]
        if to is KeyError:
            del place[path[-1]]
        else:
            place[path[-1]] = to
        return complaint

    damage.__name__ = f"{path[-1]} {str(to)[:20]}"
    return damage


INPUT = ("manifest", "graphs", "model", "inputs", 0)
VECTOR = ("test_vectors.json", 0)
HUGE = {"dtype": "float32", "shape": [2**40, 2**40], "data": ""}
INSIDE = [
    permuted,
    corrupt,
    merged_otherwise,
    setting("manifest", "artefact", to=2, complaint="layout 2"),
    setting("manifest", "artefact", to="\x1b[2J", complaint=r"x1b\[2J"),
    setting("manifest", "graphs", to=KeyError, complaint="no field 'graphs'"),
    setting("manifest", "graphs", to=[], complaint="a list, where an object"),
    setting("manifest", "graphs", to={}, complaint="the graphs"),
    setting("manifest", "format", to="pickle", complaint="'pickle'"),
    setting("manifest", "format", to=3, complaint="'format' is 3"),
    setting("manifest", "task", to="sentiment", complaint="'task'"),
    setting("manifest", "task", "kind", to="eval", complaint="'eval'"),
    setting("manifest", "task", "kind", to="tag", complaint="'decoding'"),
    setting("manifest", "task", "kind", to="write", complaint="'target_tokenizer'"),
    setting("manifest", "task", "max_length", to=KeyError, complaint="'max_length'"),
    setting("manifest", "task", "max_length", to=True, complaint="True, where a whole number"),
    setting("manifest", "task", "labels", to="/etc/passwd", complaint="no path inside"),
    setting("manifest", "task", "tokenizer", to="../tokenizer.json", complaint="no path inside"),
    setting("manifest", "task", "tokenizer", to="other.json", complaint="not among the files"),
    setting("manifest", "graphs", "model", "path", to="..\\model.onnx", complaint="no path inside"),
    setting("manifest", "graphs", "model", "path", to="labels.json", complaint="can't be opened"),
    setting(*INPUT, "name", to="words", complaint="has the inputs ids"),
    setting(*INPUT, "shape", to=["batch", 2**60], complaint="of shape"),
    setting(*INPUT, "shape", to=["batch", -1], complaint="of shape"),
    setting(*INPUT, "shape", to="batch", complaint="a list is expected"),
    setting(*INPUT, "dtype", to="object", complaint="'dtype'"),
    setting("manifest", "graphs", "model", "outputs", 0, "shape", 1, to=7, complaint="has the outputs"),
    setting("manifest", "parity", to={"tolerance": "1"}, complaint="'tolerance'"),
    setting("labels.json", "labels", to=["no", "yes"], complaint="3 outputs, where 2"),
    setting("labels.json", "labels", to=["no", "yes", 3], complaint="item 2 is 3"),
    setting("labels.json", "labels", to=KeyError, complaint="no field 'labels'"),
    setting("labels.json", to=b"\xff\xfe", complaint="no JSON"),
    setting("labels.json", to=b"[" * 10**5, complaint="no JSON"),
    setting("labels.json", to=b'{"labels": [NaN]}', complaint="NaN"),
    setting("tokenizer.json", "tokens", to=[], complaint="tokens"),
    setting("tokenizer.json", "version", to=9, complaint="version"),
    setting(*VECTOR, "answer", to={"label": "maybe"}, complaint="answers test vector 0"),
    setting(*VECTOR, "inputs", to=7, complaint="Input 0"),
    setting(*VECTOR, "graph_inputs", "ids", to=HUGE, complaint="type and shape"),
    setting(*VECTOR, "graph_inputs", "ids", "dtype", to="object", complaint="type and shape"),
    setting(*VECTOR, "graph_inputs", "ids", "data", to="*", complaint="type and shape"),
    setting("test_vectors.json", to={}, complaint="a list is expected"),
    setting("model.onnx", to=b"", complaint="can't be opened"),
    setting("model.onnx", to=bag(tables()[0])[:-40], complaint="can't be opened"),
]


def refused(path, complaint):
    with pytest.raises(ArtefactError, match=complaint) as raised:
        load(path)
    assert "\n" not in str(raised.value)
    assert len(str(raised.value)) < 1000


@pytest.mark.parametrize("damage", INSIDE, ids=lambda damage: damage.__name__)
def test_damage_inside_is_refused_though_the_digests_fit(tmp_path, damage):
    files, manifest = copy.deepcopy(classifier())
    complaint = damage(files, manifest)
    refused(written(tmp_path / "mine", files, manifest), complaint)


def flipped(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def linked(path):
    path.rename(path.with_name("elsewhere"))
    path.symlink_to("elsewhere")


OUTSIDE = [
    ("model.onnx", flipped, "another digest"),
    ("labels.json", lambda path: path.write_bytes(path.read_bytes()[:-1]), "bytes, manifest.json says"),
    ("tokenizer.json", lambda path: path.unlink(), "no file tokenizer.json"),
    ("model.onnx", linked, "is a link"),
    ("manifest.json", linked, "is a link"),
    ("manifest.json", lambda path: path.unlink(), "no file manifest.json"),
    ("manifest.json", lambda path: path.write_bytes(path.read_bytes()[:99]), "no JSON"),
    ("manifest.json", lambda path: path.write_text("[]"), "manifest.json"),
    ("manifest.json", lambda path: os.truncate(path, MOST_JSON + 1), "declares"),
    ("test_vectors.json", lambda path: os.mkfifo(path) if path.unlink() is None else None, "no file"),
]


@pytest.mark.parametrize(("name", "damage", "complaint"), OUTSIDE)
def test_other_files_than_those_that_were_sealed_are_refused(folder, name, damage, complaint):
    damage(folder / name)
    refused(folder, complaint)


def test_a_file_that_no_answer_takes_is_compared_too(tmp_path):
    files, manifest = classifier()
    folder = written(tmp_path / "mine", files | {"model_card.md": b"# mine"}, manifest)
    load(folder)
    flipped(folder / "model_card.md")
    refused(folder, "model_card.md has another digest")


def test_what_is_no_artefact_is_refused(folder, tmp_path):
    refused(tmp_path / "nothing", "There is no artefact")
    (tmp_path / "text.zip").write_text("no zip")
    refused(tmp_path / "text.zip", "no zip")


@pytest.mark.parametrize("kind", ["cut", "twice", "link", "bomb", "lies"])
def test_a_damaged_zip_is_refused(folder, tmp_path, kind):
    path = zipped(folder)
    if kind == "cut":
        os.truncate(path, path.stat().st_size // 2)
        return refused(path, "no zip")
    names = [one.name for one in folder.iterdir()]
    info = zipfile.ZipInfo("mine/labels.json")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name in names:
            if name != "labels.json" or kind == "twice":
                file.write(folder / name, f"mine/{name}")
        if kind == "link":
            info.external_attr = (stat.S_IFLNK | 0o777) << 16
            file.writestr(info, "/etc/passwd")
        elif kind == "twice":
            with pytest.warns(UserWarning, match="Duplicate"):
                file.writestr(info, "{}")
        else:
            file.writestr(info, b"\0" * 10**7 if kind == "bomb" else b"{}")
    return refused(path, {"link": "is a link", "twice": "2 files", "bomb": "bytes", "lies": "bytes"}[kind])


def places(value, path=()):
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, one in items:
        yield from places(one, (*path, name))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=4,
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_whatever_stands_in_a_file_there_is_an_artefact_or_a_sentence(tmp_path, data):
    files, manifest = copy.deepcopy(classifier())
    whole = {name: value for name, value in (files | {"manifest": manifest}).items() if isinstance(value, dict | list)}
    name, *path = data.draw(st.sampled_from([path for path in places(whole) if len(path) > 1]))
    place = whole[name]
    for one in path[:-1]:
        place = place[one]
    if data.draw(st.booleans()):
        place[path[-1]] = data.draw(JSON)
    else:
        del place[path[-1]]
    with contextlib.suppress(ArtefactError):
        load(written(tmp_path / "mine", files, manifest))


def test_weights_outside_of_the_file_are_not_read(tmp_path):
    import onnx

    files, manifest = classifier()
    model = onnx.load_from_string(files["model.onnx"])
    words = next(one for one in model.graph.initializer if one.name == "words")
    (tmp_path / "secret").write_bytes(words.raw_data)
    for key, value in {"location": str(tmp_path / "secret"), "offset": "0", "length": str(len(words.raw_data))}.items():
        words.external_data.add(key=key, value=value)
    words.ClearField("raw_data")
    words.data_location = onnx.TensorProto.EXTERNAL
    refused(written(tmp_path / "mine", files | {"model.onnx": model.SerializeToString()}, manifest), "can't be opened")


def test_a_runtime_that_is_not_there_is_named(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    refused(folder, "pip install onnxruntime")
    assert onnxruntime
