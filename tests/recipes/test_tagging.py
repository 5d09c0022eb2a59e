"""Tagging from the command line: spans, their schemes, and what can be wrong with tagged data."""

import json

import pytest
import tensorflow as tf

from seqkit import load
from seqkit.cli.main import main
from seqkit.core.settings import Embedding, Stack, Training
from seqkit.corpora.sentences import sentences
from seqkit.export.portable import portable
from seqkit.recipes.tagging import tagging
from seqkit.runs.migration import migrated
from seqkit.sources.reading import read
from seqkit.text.tag_schemes import SCHEMES, TagScheme
from tests.cases import answers_alone

CITIES = ("new york", "boston", "san jose", "denver")
QUICK = [
    "--training.epochs",
    "8",
    "--training.epoch-steps",
    "0",
    "--training.batch-size",
    "4",
    "--training.learning-rate",
    "0.02",
    "--embedding.units",
    "8",
    "--stack.units",
    "8",
]
SMALL = ["--character-units", "4", "--max-word-length", "5"]


def in_bio(word, parts):
    return [f"{'I' if n else 'B'}-{word}" for n in range(len(parts))]


def in_bilou_behind_the_type(word, parts):
    return [f"{word}-U"] if len(parts) == 1 else [f"{word}-B", f"{word}-L"]


def flights(separator="\t", written=in_bio):
    """From one city to another."""
    lines = []
    for start in CITIES:
        for goal in CITIES:
            for opening in ("fly", "i want to go", "flights", "please book"):
                lines += [f"{word}{separator}O" for word in opening.split()]
                for word, city in (("from", start), ("to", goal)):
                    lines.append(f"{word}{separator}O")
                    parts = city.split()
                    pairs = zip(parts, written(word, parts), strict=True)
                    lines += [f"{part}{separator}{tag}" for part, tag in pairs]
                lines.append("")
    return "\n".join(lines)


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    path = tmp_path_factory.mktemp("flights") / "flights.conll"
    path.write_text(flights())
    return path


@pytest.fixture(scope="module", params=[pytest.param("softmax", marks=pytest.mark.slow), "crf"])
def run(request, table):
    """Taggers of spans: one writes them as BIOES, whatever the data has; one as its data does, BILOU behind the type."""
    out = table.parent / request.param
    flags = ["--output", request.param, *QUICK, *SMALL]
    if request.param == "softmax":
        flags += ["--scheme", "bioes"]
    else:
        table = table.with_name("flights.data")
        table.write_text(flights(" ", in_bilou_behind_the_type))
    assert main(["train", "tagging", "--data", str(table), "--test", str(table), "--out", str(out), *flags]) == 0
    return load(out)


@pytest.fixture(scope="module")
def served(run):
    """What is exported of the run, text in and tokens and tags out, as arrays."""
    module = run.task.serving(portable(run.model))
    return lambda texts: {name: value.numpy() for name, value in module.serve(tf.constant(texts)).items()}


def complaint(capsys, arguments):
    """The one sentence on standard error for arguments that are wrong."""
    assert main([str(argument) for argument in arguments]) == 2
    last = capsys.readouterr().err.rstrip("\n").split("\n")[-1]
    assert last.startswith("seqkit: ")
    return last


def test_spans_are_found_scored_and_reported(run):
    report = run.report
    assert list(report["metrics"]) == ["span_f1", "span_precision", "span_recall", "token_accuracy"]
    assert report["kept"]["monitor"] == "val_span_f1"
    assert report["kept"]["value"] == max(row["val_span_f1"] for row in run.history)
    assert ("accuracy" in run.history[0]) == (run.task.output == "softmax"), "a chain's needs a search"
    assert report["metrics"]["span_f1"]["value"] > 0.95
    assert report["baselines"].keys() == {"most_frequent", "linear"}
    assert report["data"]["illegal_tags"] == report["data"]["unseen_tags"] == 0
    assert {row["label"]: row["support"] for row in report["per_span"]} == {"from": 64, "to": 64}
    assert sum(map(sum, report["confusion"]["counts"])) == report["data"]["tokens"]
    (answer,) = run.predict(["please book from San Jose to boston"])
    assert answer == {
        "tokens": ["please", "book", "from", "San", "Jose", "to", "boston"],
        "tags": ["O", "O", "O", "B-from", "E-from", "O", "S-to"]
        if run.task.output == "softmax"
        else ["O", "O", "O", "from-B", "from-L", "O", "to-U"],
        "spans": [
            {"label": "from", "begin": 3, "end": 5, "text": "San Jose"},
            {"label": "to", "begin": 6, "end": 7, "text": "boston"},
        ],
    }


def test_predict_reads_lines_tabs_and_token_files(run, tmp_path, capsys):
    if run.task.output == "softmax":
        return  # what is read doesn't depend on how tags are found
    words = ["fly", "from", "denver", "to", "new", "york"]
    expected = run.predict([words])
    (tmp_path / "a.txt").write_text(" ".join(words) + "\n" + "\t".join(words) + "\n\n")
    (tmp_path / "a.conll").write_text("\n".join(words) + "\n\n")
    (tmp_path / "a.conllu").write_text("".join(f"{n}\t{word}" + "\t_" * 8 + "\n" for n, word in enumerate(words, 1)))
    (tmp_path / "a.jsonl").write_text(json.dumps({"tokens": words}) + "\n")
    for name, times in (("a.txt", 2), ("a.conll", 1), ("a.conllu", 1), ("a.jsonl", 1)):
        assert main(["predict", str(run.path), str(tmp_path / name)]) == 0
        answers = answers_alone(capsys.readouterr().out)
        assert answers == expected * times + ([run.predict([""])[0]] if name == "a.txt" else [])
    assert run.predict([[]]) == run.predict(["  "]) == [{"tokens": [], "tags": [], "spans": []}]


def test_answers_are_legal_whatever_they_are_asked(run, rng):
    nonsense = [rng.choice(["from", "to", "york", "new", "jose", "x"], 12).tolist() for _ in range(30)]
    for answer in run.predict(nonsense):
        assert run.task.scheme.strays([answer["tags"]]) == set()
        assert run.task.scheme.illegal([answer["tags"]]) == 0


def test_schemes_of_runs_made_by_0_5_had_names_alone():
    for scheme in SCHEMES[:3]:
        assert TagScheme.from_json(migrated({"scheme": scheme.name})["scheme"]) == scheme
    assert migrated({"scheme": None}) == {"scheme": None}


def test_data_in_another_scheme_is_said_to_be_converted(run, table):
    (said,) = (found for found in run.evaluate(table)["findings"] if found["kind"] == "converted_tags")
    assert f"marks spans by BIO, the model by {run.task.scheme}: the tags are converted" in said["what"]


def test_any_scheme_of_the_same_spans_scores_the_same(run, table):
    other = table.with_name("other.tsv")
    other.write_text(flights("\t", in_bilou_behind_the_type))
    reports = [run.evaluate(path) for path in (table, other)]
    assert reports[0]["metrics"] == reports[1]["metrics"]
    assert reports[0]["confusion"] == reports[1]["confusion"]


def test_a_token_with_a_tab_or_a_line_end_stays_one(run, served):
    odd = [["fly", "from", "new\tyork", "to", "san\njose", "x"], ["denver"]]
    report = run.evaluate((odd, [["O", "O", "B-from", "O", "B-to", "O"], ["O"]]))
    assert report["data"]["tokens"] == 7
    answers = run.predict(odd)
    assert [answer["tokens"] for answer in answers] == odd
    asked = ["".join(token.replace("\t", " ") + "\t" for token in row) for row in odd]
    tags = [[tag.decode() for tag in row if tag] for row in served(asked)["tags"]]
    assert tags == [answer["tags"] for answer in answers]


def test_unknown_and_illegal_tags_are_counted_and_wrong(run, tmp_path, capsys):
    path = tmp_path / "odd.conll"
    path.write_text("fly\tVERB\nfrom\tO\nnew\tB-from\nyork\tI-from\nto\tB-airline\nboston\tB-to\n")
    assert main(["evaluate", str(run.path), "--data", str(path), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["data"]["unseen_tags"] == 2
    assert report["metrics"]["token_accuracy"]["value"] == pytest.approx(4 / 6)
    assert report["metrics"]["span_f1"]["value"] == pytest.approx(2 * 2 / (3 + 2))
    path.write_text("fly\tO\nfrom\tO\nnew\tI-from\nyork\tI-from\nto\tO\nboston\tB-to\n")
    assert main(["evaluate", str(run.path), "--data", str(path), "--overwrite", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["data"]["illegal_tags"] == 1
    assert report["metrics"]["span_f1"]["value"] == 1.0  # I without B is read as conlleval reads it
    html = (run.path / "evaluations" / "odd" / "report.html").read_text()
    assert "illegal tags, read as conlleval reads them" in html
    assert "Each type of span" in html


def test_what_is_served_answers_as_the_run(run, served):
    """The artefacts of each recipe are proven in tests/conformance, one with a chain in test_intents_and_slots.py."""
    text = ["fly from denver to new york", "", "book\tfrom\tSan Jose\t"]
    found = served(text)
    for row, answer in enumerate(run.predict(text)):
        for name in ("tokens", "tags"):
            values = [value.decode() for value in found[name][row]]
            assert values == answer[name] + [""] * (len(values) - len(answer[name]))


def test_the_model_is_an_ordinary_keras_model(run, table):
    examples = read(table, run.columns()).take([0], "one sentence")
    batch = next(iter(run.task.encode(examples, 1)[0].batches()))
    inputs, model = [batch[tensor.name] for tensor in run.model.inputs], load(run.path).model
    loss = model.evaluate(inputs, batch["targets"], return_dict=True, verbose=0)["loss"]
    shares = run.task.objective(Training(), examples).loss(batch["targets"], model(inputs))
    assert loss == pytest.approx(shares.numpy().mean(), rel=1e-4)
    before = model.get_weights()
    model.fit(inputs, batch["targets"], verbose=0)
    assert all((old != new).any() for old, new in zip(before, model.get_weights(), strict=True))


@pytest.mark.parametrize(
    ("content", "flags", "expected"),
    [
        ("fly\tO\nhome\n", [], "rows.conll, line 2: found 1 columns where line 1 has 2"),
        ("fly\tX\n\nhome\tX\n\n" * 10, [], "has the one label 'X' in all its rows"),
        ("fly\tX\nhome\tY\n\n" * 10, ["--scheme", "bio"], "has tags that mark no spans: leave scheme bio out"),
        ("fly\tX\nhome\tY\n", [], "too few rows"),
        ("fly\tX\nhome\tY\n\n" * 20, ["--tags", "7"], "no column number 7 for the tags"),
        ("fly\tX\nhome\tY\n\n" * 20, ["--max-word-length", "1"], "max_word_length is 1"),
        ("fly\tX\nhome\tY\n\n" * 20, ["--characters", "gru"], "gru"),
    ],
)
def test_train_refuses_wrong_input(tmp_path, capsys, content, flags, expected):
    (tmp_path / "rows.conll").write_text(content)
    arguments = ["train", "tagging", "--data", tmp_path / "rows.conll", "--out", tmp_path / "run", *flags]
    assert expected in complaint(capsys, arguments)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["rows.conll"]


def test_words_alone_and_pretrained_vectors(tmp_path):
    (tmp_path / "vectors.txt").write_text("they 1 0\nthe 0 1\nwatch 1 1\n")
    drawn = sentences(rows=800)
    data, valid = ([drawn[part][name][:100] for name in ("tokens", "tags")] for part in ("train", "valid"))
    out = tagging(
        data,
        valid=valid,
        out=tmp_path / "run",
        characters="none",
        embedding=Embedding(vectors=str(tmp_path / "vectors.txt"), trainable=False, word_dropout=0.1),
        stack=Stack(units=(4,)),
        training=Training(epochs=1, batch_size=256),
    )
    assert [tensor.name for tensor in out.model.inputs] == ["ids"]
    table = out.model.get_layer("embedding").get_weights()[0]
    assert table[out.task.lexicon.words.tokens.index("watch")].tolist() == [1.0, 1.0]
    assert set(out.report["metrics"]) == {"token_accuracy", "known_token_accuracy", "unknown_token_accuracy"}
    assert "cut_words" not in out.report["data"]
