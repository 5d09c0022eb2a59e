"""The JavaScript runner beside seqkit's own search, draws, tags and spans, and beside the Python runner; by node alone."""

import dataclasses
import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from seqkit.core.settings import Search
from seqkit.decoding import sampling as drawing
from seqkit.decoding import stepwise
from seqkit.layers.crf import best_tags
from seqkit.text.tag_schemes import SCHEMES
from seqkit_runner import load
from seqkit_runner.errors import ArtefactError
from tests.runner.artefacts import LABELS, classifier, encoded, streamer, tables, written
from tests.runner.test_search import BEGIN, PLACES, STEPS, TOKENS, UNKNOWN, by_seqkit, by_the_runner, toy, toy_tables

DRIVER = Path(__file__).with_name("javascript.mjs")
pytestmark = pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")


def asked(questions):
    """What the runner answers."""
    done = subprocess.run(
        ["node", DRIVER], input=json.dumps(questions), capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def settings_of(rng):
    """A search with rules and, drawn or not, with what goes with that."""
    beam = int(rng.integers(1, 5))
    rules = {"no_repeat": rng.integers(4), "shortest": rng.integers(4), "n_best": rng.integers(1, beam + 1)}
    kinds = {"length_penalty": [0.0, 0.6, 1.0], "coverage_penalty": [0.0, 0.3]}
    if rng.random() < 0.4:
        kinds = {"temperature": [0.5, 1.0, 1.7], "top_k": [0, 2], "top_p": [1.0, 0.7]}
    chosen = {name: values[rng.integers(len(values))] for name, values in kinds.items()}
    return Search(beam=beam, **{name: int(value) for name, value in rules.items()}, **chosen)


def test_the_search_is_that_of_seqkit(rng):
    questions, expected = [], []
    for seed in range(150):
        search, rows = settings_of(rng), int(rng.integers(1, 6))
        longest = rng.integers(0, STEPS + 1, rows)
        keys = rng.integers(2**63, size=rows, dtype=np.uint64) * np.uint64(2)
        excluded = [(BEGIN,), (BEGIN, UNKNOWN), (BEGIN, UNKNOWN, 3, 4)][seed % 3]
        find = by_seqkit if seed < 10 else by_the_runner  # whose searches `test_search` compares, and which is faster
        expected.append(find(toy(seed, rows), longest, search, excluded, keys))
        logits, attention = toy_tables(seed, rows)
        settings = {name: getattr(search, name) for name in Search.__dataclass_fields__}
        question = {"logits": logits.tolist(), "attention": attention.tolist(), "settings": settings}
        question |= {"longest": longest.tolist(), "words": [PLACES] * rows, "excluded": excluded}
        questions.append(question | {"what": "search", "keys": list(map(str, keys.tolist()))})
    for ours, theirs in zip(asked(questions), expected, strict=True):
        for own, other in zip(ours, theirs, strict=True):
            assert [one[1:3] + one[4:] for one in own] == [
                [list(ids), list(seen), end] for _, ids, seen, _, end in other
            ]
            numbers = [(one[0], one[3]) for one in own]
            np.testing.assert_allclose(numbers, [(one[0], one[3]) for one in other], rtol=1e-5, atol=1e-6)


def test_what_is_drawn_is_what_seqkit_draws(rng):
    questions, expected = [], []
    for seed in [0, 1, 2**32 - 1, 2**32, 2**130 + 12345]:
        questions.append({"what": "numbers", "seed": str(seed), "count": 5})
        expected.append(np.random.default_rng(seed).random(5).tolist())
    for seed in range(40):
        table = rng.normal(size=(TOKENS, TOKENS)).round(1)  # some are equal
        how = {"temperature": [0, 0.3, 1.0, 2.5][seed % 4], "top_k": seed % 3, "top_p": [0.2, 0.7, 1.0][seed % 5 % 3]}
        how |= {"length": 20, "seed": seed, "excluded": rng.integers(TOKENS - 1, size=seed % 3).tolist()}
        questions.append({"what": "drawn", "table": table.tolist(), "last": 3, "settings": how})
        steps = stepwise.generate(lambda ids, state, table=table: (table[ids], state), None, np.array([3]), **how)
        expected.append([int(ids[0]) for ids in steps])
    ids = rng.integers(-5, 9, (4, 6)).astype(np.int32)
    image = rng.normal(size=(4, 2, 3, 3)).astype(np.float32)
    image[0, 0] = 0
    keys = drawing.row_keys([tf.constant(ids), tf.constant(image)], 7)
    questions.append({"what": "keys", "ids": ids.tolist(), "image": image.tolist(), "seed": 7})
    expected.append(list(map(str, keys.numpy().tolist())))
    questions.append({"what": "uniform", "key": expected[-1][0], "count": 5})
    expected.append([float(drawing.uniform(keys[:1], tf.constant(t))[0]) for t in range(5)])
    assert asked(questions) == expected


def test_tags_and_spans_are_those_of_seqkit(rng):
    questions, expected = [], []
    for number in range(60):
        scheme, words = SCHEMES[number % len(SCHEMES)], int(rng.integers(1, 7))
        labels = ["O", *(f"{prefix}-{kind}" for kind in "XY" for prefix in sorted(scheme._prefixes))]
        scores = (
            rng.normal(size=(words, len(labels))).round(1 if number % 2 else 9).astype(np.float32)
        )  # some are equal
        legal = [scheme.legal(labels), None][number % 4 == 3]
        found = best_tags(tf.constant(scores[None]), tf.ones((1, words), bool), chain=False, constraints=legal)
        constraints = None if legal is None else legal.tolist()
        questions.append({"what": "tags", "scores": scores.tolist(), "labels": {"constraints": constraints}})
        expected.append(found.numpy()[0].tolist())
        tags = rng.choice([*labels, "", "-", "B-", "stray", "B-X-Y", "B", "I", "E"], size=8).tolist()
        for form in (scheme, dataclasses.replace(scheme, separator="", outside=["O", "B"][number % 2])):
            questions.append({"what": "spans", "tags": tags, "scheme": form.to_json()})
            expected.append([list(span) for span in form.spans(tags)])
    tags, words = 4, 6
    for _ in range(20):  # a CRF's chain: the best of all paths
        scores, between = (rng.normal(size=size).astype(np.float32) for size in ((words, tags), (tags + 1, tags)))
        end = rng.normal(size=tags).astype(np.float32)
        labels = {"constraints": None, "transitions": between.tolist(), "end": end.tolist()}
        questions.append({"what": "tags", "scores": scores.tolist(), "labels": labels})
        paths = np.indices([tags] * words).reshape(words, -1)  # (words, paths)
        total = between[-1][paths[0]] + scores[np.arange(words)[:, None], paths].sum(axis=0) + end[paths[-1]]
        total += between[paths[:-1], paths[1:]].sum(axis=0)
        expected.append(paths[:, total.argmax()].tolist())
    assert asked(questions) == expected


def test_what_has_no_steps_is_not_padded():
    rows = [{"ids": [4, 3], "image": [[1, 2], [3, 4]]}, {"ids": [5, 6, 7, 3], "image": [[5, 6], [7, 8]]}]
    assert asked([{"what": "batched", "rows": rows}]) == [
        {
            "ids": {"shape": [2, 4], "data": [4, 3, 0, 0, 5, 6, 7, 3]},
            "image": {"shape": [2, 2, 2], "data": [1, 2, 3, 4, 5, 6, 7, 8]},
        }
    ]


@pytest.mark.parametrize("what", ["array", "image", "state"])
def test_a_shape_and_numbers_that_are_not_of_one_array_are_refused(what):
    shape, right = {"array": ([2, 3], 6), "image": ([1, 2, 3], 6), "state": ([1, 2], 2)}[what]
    sizes = [right, 0, 1, right - 1, right + 1, 2 * right]
    values = [{"shape": shape, "data": list(range(size))} for size in sizes]
    values += [{"shape": [-size for size in shape], "data": list(range(right))}] if what == "array" else []
    answers = asked([{"what": what, "value": value} for value in values])
    assert answers[0] == list(range(right))
    assert all("numbers, where its shape" in said and said.endswith("of one array.") for said in answers[1:])


def test_pixels_of_a_canvas_are_read_without_their_alpha_and_no_others_are():
    sizes = [8, 6, 9]
    values = [{"width": 2, "height": 1, "data": list(range(size))} for size in sizes]
    answers = asked([{"what": "image", "value": value} for value in values])
    assert answers[0] == [0, 1, 2, 4, 5, 6]
    assert all("where its shape [1,2,4] has 8" in said for said in answers[1:])


def question(folder, words, between=(), **more):
    model = {"words": np.asarray(words).tolist(), "between": np.asarray(between).tolist()}
    return {"what": "artefact", "path": str(folder), "model": model} | more


def test_an_artefact_answers_as_by_the_python_runner(tmp_path):
    texts = ["a good film", "", "bad", "good unknown bad film a", "film " * 40]
    folder = written(tmp_path / "mine", *classifier())
    by_fetch, by_folder = asked([question(folder, tables()[0], predict=texts, by=by) for by in ("fetch", "folder")])
    assert by_fetch == by_folder
    assert by_folder["verified"] == {"files": 4, "answers": 3, "outputs": 0, "uncompared": 0}
    for ours, theirs in zip(by_folder["answers"], load(folder).predict(texts), strict=True):
        assert ours["label"] == theirs["label"]
        assert ours["probabilities"] == pytest.approx(theirs["probabilities"], abs=2e-6)


def test_what_has_no_answer_is_tried_by_its_graphs_and_what_was_not_compared_is_counted(tmp_path):
    files, manifest = classifier()
    drawn, unknown, _ = files["test_vectors.json"]
    drawn["answer"], unknown["answer"], unknown["graph_outputs"] = None, None, {}
    paths = [written(tmp_path / str(task), files, manifest | {"task": task}) for task in (manifest["task"], None)]
    right, bare = asked([question(path, tables()[0], by="folder") for path in paths])
    assert right["verified"] == {"files": 4, "answers": 1, "outputs": 1, "uncompared": 1}
    assert bare["verified"] == {"files": 4, "answers": 0, "outputs": 2, "uncompared": 1}
    for path, told in zip(paths, ("answers test vector 2 by", "in outputs of test vector 0"), strict=True):
        assert told in asked([question(path, tables(1)[0], by="folder")])[0]


@pytest.mark.parametrize(
    "token", ["\ufeff", "\x1c", "\x1f", "\x85", "\u180e", "\u200b", "\xa0", " \t", "\u3000", "a\x85"]
)
def test_what_is_a_blank_to_python_is_no_token(tmp_path, token):
    files, manifest, words, between = streamer("tag")
    folder = written(tmp_path / "streams", files, manifest)
    (said,) = asked([question(folder, words, between, by="folder", predict=[["a", token]])])
    if not token.strip():
        assert "a list of tokens is expected" in said
        with pytest.raises(ArtefactError, match="a list of tokens is expected"):
            load(folder).predict([["a", token]])
    else:
        assert said["answers"] == load(folder).predict([["a", token]])


@pytest.mark.parametrize("kind", ["tag", "language_model"])
def test_a_session_goes_on_as_in_the_python_runner(tmp_path, kind):
    files, manifest, words, between = streamer(kind)
    folder = written(tmp_path / "streams", files, manifest)
    artefact = load(folder)
    fed = ["good", "film", "a", "unknown", "bad"] if kind == "tag" else ["good film", "", "a\tbad film"]
    fed += [] if kind == "tag" else ["bad\na good\n\n", "\n"]  # the end of a line is a symbol
    texts = [["good", "film"], ["a"]] if kind == "tag" else ["good film\na", "", "bad"]
    prompts = [] if kind == "tag" else [("good ", {"length": 30, "seed": seed, "top_k": seed}) for seed in range(4)]
    prompts += [] if kind == "tag" else [("", {"length": 40, "stop": "film a", "temperature": 1.5})]
    (ours,) = asked([question(folder, words, between, by="folder", predict=texts, feed=fed, prompts=prompts)])
    session = artefact.stream()
    assert ours["fed"] == [close(session.feed(one)) for one in fed]
    np.testing.assert_allclose(ours["state"], session.state["one_state_0"][0], atol=1e-5)
    assert ours["on"] == close(session.feed(fed[0]))
    assert ours["again"] == ours["fed"][0]
    assert ours["answers"] == [close(one) for one in artefact.predict(texts)]
    assert ours["written"] == ["".join(artefact.generate(prompt, **settings)) for prompt, settings in prompts]


def close(value):
    """The same, but for the rounding of its numbers."""
    if isinstance(value, dict):
        return {name: close(one) for name, one in value.items()}
    if isinstance(value, list):
        return [close(one) for one in value]
    return pytest.approx(value, abs=1e-5) if isinstance(value, float) else value


def test_what_is_damaged_is_refused_by_a_sentence(tmp_path):
    def damaged(name, *, files=None, files_named=None, after=lambda folder: None, **fields):
        given, manifest = classifier()
        named = {"files": files_named} if files_named else {}
        folder = written(tmp_path / name, given | (files or {}), manifest | fields | named)
        after(folder)
        return question(folder, tables()[0], by="folder")

    def link(folder):
        (folder / "real").write_bytes((folder / "labels.json").read_bytes())
        (folder / "labels.json").unlink()
        (folder / "labels.json").symlink_to("real")

    graph = classifier()[1]["graphs"]["model"]
    task = classifier()[1]["task"]
    vectors = classifier()[0]["test_vectors.json"]
    axes = encoded(np.array(4, np.int32))

    def unanswered(inputs):
        return {"test_vectors.json": [vectors[0] | {"answer": None, "graph_inputs": inputs}]}

    cases = {
        "answers test vector 0": damaged("permuted", files={"labels.json": {"labels": list(LABELS[::-1])}}),
        "is of layout 2, this runner reads 1": damaged("layout", artefact=2),
        "its format is 'litert'": damaged("format", format="litert"),
        "has another digest": damaged("flipped", after=lambda folder: flip(folder / "model.onnx")),
        "has 37 bytes or more": damaged("grown", after=lambda folder: grow(folder / "labels.json")),
        "is a link, and none is followed": damaged("link", after=link),
        "model.onnx can't be read": damaged("missing", after=lambda folder: (folder / "model.onnx").unlink()),
        "'../out' is no path inside": damaged("outside", files_named={"../out": {"bytes": 0, "sha256": ""}}),
        "../up is no path inside": damaged("up", graphs={"model": graph | {"path": "../up"}}),
        "is not among the files": damaged("unnamed", graphs={"model": graph | {"path": "manifest.json"}}),
        "has no field 'task'": damaged("field", after=lambda folder: cut(folder, "task")),
        "'max_length' is \"4\", where a whole number": damaged("type", task=task | {"max_length": "4"}),
        "has a task of the kind 'other'": damaged("kind", task=task | {"kind": "other"}),
        "is no JSON": damaged("json", files={"labels.json": b'{"labels": [NaN'}),
        "3 outputs, where 2 are named": damaged("labels", files={"labels.json": {"labels": ["a", "b"]}}),
        "has the inputs ids, manifest.json says words": damaged(
            "names", graphs={"model": graph | {"inputs": [graph["inputs"][0] | {"name": "words"}]}}
        ),
        "has the outputs outputs [batch,3], manifest.json says outputs [batch,7]": damaged(
            "sizes", graphs={"model": graph | {"outputs": [graph["outputs"][0] | {"shape": ["batch", 7]}]}}
        ),
        "The graph wants ids too": damaged("inputs", files=unanswered({})),
        "ids is of shape []: give one of shape [steps]": damaged("axes", files=unanswered({"ids": axes})),
        "which no model has": damaged(
            "huge", graphs={"model": graph | {"inputs": [graph["inputs"][0] | {"shape": ["batch", 2**40]}]}}
        ),
        "bytes are not those of its type": damaged(
            "vectors",
            files={
                "test_vectors.json": [
                    vectors[0] | {"graph_inputs": {"ids": {"dtype": "int32", "shape": [9], "data": ""}}}
                ]
            },
        ),
        "are none that a runner can ask": damaged("graphs", graphs={"other": graph}),
        "tokenizer.json: unit is missing": damaged("tokenizer", files={"tokenizer.json": {"version": 1}}),
    }
    for expected, said in zip(cases, asked(list(cases.values())), strict=True):
        assert isinstance(said, str), expected
        assert expected in said
        assert said.endswith(".")


def flip(path):
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(bytes(content))


def grow(path):
    path.write_bytes(path.read_bytes() + b" " * 100)


def cut(folder, field):
    manifest = json.loads((folder / "manifest.json").read_text())
    del manifest[field]
    (folder / "manifest.json").write_text(json.dumps(manifest))


def test_a_setting_out_of_its_range_is_named():
    settings = {"length": 1, "temperature": 1.0, "top_k": 0, "top_p": 1.0, "seed": 0}
    wrong = {"length": 0, "temperature": -1, "top_k": -1, "top_p": 0, "seed": -1}
    answers = asked([{"what": "range", "settings": settings | {name: value}} for name, value in wrong.items()])
    assert [said.split(":")[0] for said in answers] == [f"{name} is {value}" for name, value in wrong.items()]
    assert asked([{"what": "range", "settings": settings}]) == [None]
