"""Language models: what is scored, and what is drawn."""

import contextlib
import itertools
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from seqkit.batches.windows import Windows
from seqkit.cli.main import main
from seqkit.core.errors import InputError
from seqkit.core.ragged import Ragged
from seqkit.core.settings import Embedding, Stack, Training
from seqkit.export.portable import portable
from seqkit.export.serving_text import TextScorer, split_lines
from seqkit.lab.comparing import compare
from seqkit.recipes.language_model import language_model
from seqkit.report.document import verdict
from seqkit.runs.comparable import answered, check_row_ends
from seqkit.runs.parts import without_report
from seqkit.sources.corpus import read_corpus
from seqkit.sources.examples import Examples
from seqkit.tasks.drawn_text import _until
from seqkit.tasks.language_model import LanguageModel
from seqkit.text.vocabulary import BEGIN, UNKNOWN, learn_vocabulary

HELLO = "hello" * 400


@pytest.fixture(scope="module")
def hello(tmp_path_factory):
    """The lecture's example: over h, e, l and o the next letter of "hello", which takes a memory of one l."""
    folder = tmp_path_factory.mktemp("hello")
    (folder / "hello.txt").write_text(HELLO * 4)
    return language_model(
        folder / "hello.txt",
        out=folder / "run",
        one_hot=True,
        window=20,
        stack=Stack(cell="simple_rnn", units=(16,)),
        training=Training(epochs=12, batch_size=8, learning_rate=2e-2),
    )


def test_hello_is_learned_and_two_letters_are_not_enough(hello):
    report = hello.report
    assert report["metrics"]["nats_per_symbol"]["value"] < 0.1
    assert report["baselines"]["unigram"]["nats_per_symbol"]["value"] > 1.2
    assert "".join(hello.generate("hel", length=12, temperature=0)) == "lohellohello"


def test_a_text_without_words_or_surprises_is_told_by_what_matters(hello):
    """No perplexity of a word of two thousand letters, and no verdict on a figure's last digit alone."""
    assert set(hello.report["metrics"]) == {"nats_per_symbol", "bits_per_character"}
    assert "perplexity" not in hello.report["signatures"]
    said = verdict(hello.report)
    mean = np.exp(-hello.report["metrics"]["nats_per_symbol"]["value"])
    assert f"on average (the geometric mean) {mean:.1%}" in said
    assert "There is no perplexity" in said


def test_drawing_follows_seed_stop_and_temperature(hello):
    def drawn(**options):
        return "".join(hello.generate("h", length=40, **options))

    assert drawn(seed=1, temperature=3.0) == drawn(seed=1, temperature=3.0) != drawn(seed=2, temperature=3.0)
    assert drawn(temperature=0) == drawn(top_k=1) == drawn(temperature=1e-4)
    assert drawn(temperature=0, stop="oh") == "ell"
    with pytest.raises(InputError, match="'Z', 'z'"):
        hello.generate("hello zZ".replace(" ", ""))
    for draw in (hello.generate, lambda prompt: next(hello.samples(["hell", prompt]))):
        with pytest.raises(InputError, match=r"The prompt 'hell\\udce9': the text holds half a character"):
            draw("hell\udce9")  # a byte of another encoding, as Python has it from a command line


def test_scores_do_not_depend_on_windows_or_company(hello):
    examples = hello.task.read(hello.path.parent / "hello.txt", hello.columns())
    rows, _ = hello.task.encode(examples, 64)
    expected = hello.task.outputs(hello.forward, rows).values
    for window in (7, 1000):
        other = Windows(rows.columns, "targets", rows.batch_size, window)
        np.testing.assert_allclose(hello.task.outputs(hello.forward, other).values, expected, rtol=1e-4, atol=1e-5)


def test_each_symbol_is_scored_once_given_those_before_it(hello):
    """The log-probability of a line is the sum over its symbols of what the model gives to the next one."""
    symbol = {token: number for number, token in enumerate(hello.task.vocabulary.tokens)}
    ids = [symbol[letter] for letter in "hello"]
    logits = np.asarray(hello.model(np.array([[BEGIN, *ids[:-1]]])), np.float64)[0]
    by_hand = sum(row[i] - np.log(np.exp(row).sum()) for row, i in zip(logits, ids, strict=True))
    (answer,) = hello.predict(["hello"])
    assert answer["log_probability"] == pytest.approx(by_hand, abs=1e-3)
    assert answer["symbols"] == 5


def test_metrics_are_one_figure_in_three_units(hello):
    metrics = {name: figure["value"] for name, figure in hello.report["metrics"].items()}
    assert metrics["bits_per_character"] == pytest.approx(metrics["nats_per_symbol"] / np.log(2))


def test_the_report_reads_and_writes(hello):
    report = hello.report
    means = [row["nats_per_symbol"] for key in ("worst_predicted", "best_predicted") for row in report[key]]
    assert means[0] == max(means)
    assert len(report["sample"]) == 600
    assert report["sample"] in (hello.path / "evaluations" / "training" / "report.html").read_text()


def test_baselines_expect_the_unexpected(hello):
    """A symbol that training never had has some probability; in the uniform model that of all others."""
    examples = hello.task.read((["hel☃"],), hello.columns(), role="asked")
    for path in (hello.path / "baselines").iterdir():
        values = hello.task.baseline_outputs(hello.task.baselines()[path.stem].load(path), examples).values
        assert np.isfinite(values).all()
        if path.stem == "uniform":
            np.testing.assert_allclose(values, -np.log(5))  # h, e, l, o, and what is unknown


def test_generate_and_score_on_the_command_line(hello, tmp_path, capsys):
    assert main(["generate", str(hello.path), "--prompt", "he", "--length", "5", "--temperature", "0"]) == 0
    assert capsys.readouterr().out == "hellohe\n"
    lines = tmp_path / "lines.txt"
    lines.write_text("hello\nohell\nhhhhh\nZhhhZ\n")
    assert main(["score", str(hello.path), str(lines)]) == 0
    scores = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert scores[0]["log_probability"] > scores[2]["log_probability"]
    assert [(score["symbols"], score["unknown"]) for score in scores] == [(5, 0), (5, 0), (5, 0), (5, 2)]
    assert main(["generate", str(hello.path), "--prompt", "x"]) == 2
    assert "'x'" in capsys.readouterr().err
    for flags, said in (
        (["--seed", "-1"], "seed is -1"),
        (["--length", "-5"], "length is -5"),
        (["--length", "0"], "length is 0"),
    ):
        assert main(["generate", str(hello.path), *flags]) == 2
        assert f"{said}: give a number of at least" in capsys.readouterr().err


def test_what_is_taken_in_has_figures_of_its_own(hello, tmp_path, capsys):
    """The model's own are as they are without; the rows are named, with their difference from the model in one stream."""
    shutil.copytree(hello.path, tmp_path / "run")
    text = tmp_path / "other.txt"
    text.write_text("olleh" * 200 + "\n" + "olleh" * 500 + "\n")  # the other way round, again and again
    command = ["evaluate", str(tmp_path / "run"), "--data", str(text)]
    assert main(command) == 0
    plain = json.loads((tmp_path / "run" / "evaluations" / "other" / "report.json").read_text())
    flags = ["--adapt.cache", "50", "--adapt.share", "0.5", "--adapt.dynamic-rate", "0.5"]
    assert main([*command, *flags]) == 0
    assert "neural cache" in capsys.readouterr().out
    report = json.loads((tmp_path / "run" / "evaluations" / "other" / "report.json").read_text())
    assert report["metrics"] == plain["metrics"]
    adapted = report["adapted"]
    values = {how: scores["nats_per_symbol"]["value"] for how, scores in adapted["metrics"].items()}
    (whole,) = hello.predict([text.read_text()])
    assert values["one_stream"] == pytest.approx(
        (whole["unknown"] * np.log(1_112_064) - whole["log_probability"]) / whole["symbols"], rel=1e-4
    )
    assert values["dynamic_evaluation_and_cache"] < values["one_stream"] / 2 > values["dynamic_evaluation"]
    assert values["neural_cache"] < values["one_stream"]
    for how, test in adapted["difference"].items():
        assert test["nats_per_symbol"]["difference"] == pytest.approx(values[how] - values["one_stream"])
    assert (adapted["settings"]["cache"], adapted["settings"]["share"]) == (50, 0.5)
    assert "no figures of the model" in (tmp_path / "run" / "evaluations" / "other" / "report.html").read_text()


def test_what_takes_nothing_in_is_told(hello, small, tmp_path, capsys):
    (tmp_path / "films.tsv").write_text("label\ttext\ngood\ta film\nbad\ta bad film\n")
    assert main(["evaluate", str(small), "--data", str(tmp_path / "films.tsv"), "--adapt.cache", "5"]) == 2
    assert "sentiment takes nothing in while it is scored" in capsys.readouterr().err
    assert main(["evaluate", str(hello.path), "--data", "x.txt", "--adapt.share", "0.5"]) == 2
    assert "adapt.cache and adapt.dynamic_rate are both 0" in capsys.readouterr().err


def test_samples_are_those_of_their_seeds_and_prompts_come_from_a_file(hello, tmp_path, capsys):
    how = {"length": 15, "temperature": 2.0, "stop": "lo", "repetition_penalty": 1.2}
    prompts = tmp_path / "prompts.txt"
    prompts.write_text("hel\no\n")
    flags = [f"--{name.replace('_', '-')}={value}" for name, value in how.items()]
    assert main(["generate", str(hello.path), "--prompts", str(prompts), "--samples", "3", "--seed", "4", *flags]) == 0
    said = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(one["prompt"], one["sample"]) for one in said] == [(p, k) for p in ("hel", "o") for k in range(3)]
    assert [one["text"] for one in said] == [
        "".join(hello.generate(one["prompt"], seed=4 + one["sample"], **how)) for one in said
    ]
    assert len({one["text"] for one in said}) > 2
    assert main(["generate", str(hello.path), "--prompts", str(prompts), "--prompt", "h"]) == 2
    assert "give one of them" in capsys.readouterr().err


def test_a_text_of_one_line_is_scored_in_cold_streams_by_the_model_and_the_baselines(hello):
    """From the begin token all; and of two stretches nobody says how sure that is."""
    text = HELLO + "h☃" + HELLO
    examples = read_corpus((["".join(text)],), hello.columns(), contiguous=True)
    assert len(examples) == 2
    ids = hello.task.predicted(examples).ids.values
    pieces = np.split(ids, np.linspace(0, len(ids), 17).astype(int)[1:-1])
    assert {len(piece) for piece in pieces} <= {250, 251}
    rows = Ragged.of_lengths(ids, np.array(list(map(len, pieces))))
    for path in (hello.path / "baselines").iterdir():
        baseline = hello.task.baselines()[path.stem].load(path)
        np.testing.assert_array_equal(
            hello.task.baseline_outputs(baseline, examples).values, baseline.log_probabilities(rows, BEGIN)
        )
    got = hello.task.outputs(hello.forward, hello.task.encode(examples, 64)[0])
    for number in (0, 7, 15):
        logits = np.asarray(hello.model(np.array([[BEGIN, *pieces[number][:-1]]])), np.float64)[0]
        nats = np.log(np.exp(logits).sum(axis=-1)) - logits[np.arange(len(logits)), pieces[number]]
        np.testing.assert_allclose(-got[number], nats, rtol=1e-3, atol=1e-4)
    report = hello.evaluate(examples)
    assert all(
        "low" not in score for system in (report["metrics"], *report["baselines"].values()) for score in system.values()
    )
    assert "Too few rows to decide on" in verdict(report)
    total = -got.values.sum(dtype=np.float64) + np.log(0x110000 - 0x800)  # the snowman, as one of all characters
    assert report["metrics"]["bits_per_character"]["value"] == pytest.approx(total / np.log(2) / len(text), rel=1e-5)
    assert "perplexity" not in report["metrics"]  # it is one word


def check_closed_vocabulary(run):
    """The perplexity by hand, with the end of each line as a word."""
    lines = ["the cat ran", "the bird", "zebra the"] * 4
    report = run.evaluate((lines,))
    index = {token: number for number, token in enumerate(run.task.vocabulary.tokens)}
    assert set(index) == {"<padding>", "<unknown>", "<begin>", "<end>", "the", "cat", "sat", "dog", "ran"}
    total = 0.0
    for line in lines:
        ids = [index.get(word, UNKNOWN) for word in (*line.split(), "<end>")]
        logits = np.asarray(run.model(np.array([[BEGIN, *ids[:-1]]])), np.float64)[0]
        total += sum(np.log(np.exp(row).sum()) - row[i] for row, i in zip(logits, ids, strict=True))
    words = sum(len(line.split()) + 1 for line in lines)
    metrics = {name: score["value"] for name, score in report["metrics"].items()}
    assert metrics["closed_vocabulary_perplexity"] == pytest.approx(np.exp(total / words), rel=1e-4)
    assert metrics["nats_per_symbol"] == pytest.approx(total / words, rel=1e-4)
    assert metrics["unknown_symbol_share"] == pytest.approx(8 / words)
    assert set(metrics) == {"closed_vocabulary_perplexity", "nats_per_symbol", "unknown_symbol_share"}
    assert f"{8 / words:.1%} of the words are unknown" in verdict(report)


def test_sentences_end_and_words_keep_their_lines(hello, rhyme, tmp_path, capsys):
    path = tmp_path / "lines.txt"
    path.write_text("the cat sat\nthe dog ran\n" * 60 + "the bird sang\n")
    settings = {
        "min_count": 2,
        "unit": "word",
        "embedding": Embedding(units=8),
        "stack": Stack(cell="gru", units=(16,)),
        "training": Training(epochs=8, batch_size=8, learning_rate=3e-2),
    }
    run = language_model(path, out=tmp_path / "sentences", contiguous=False, **settings)
    written = "".join(run.generate("the cat", length=20, temperature=0))
    assert written == " sat"
    assert "".join(run.generate("the bird", length=20, temperature=0)) in (" sat", " ran")
    assert "'bird', which the vocabulary does not: read as unknown" in capsys.readouterr().err
    check_closed_vocabulary(run)
    with pytest.raises(InputError, match="A vocabulary of words is closed"):
        run.evaluate(path, name="beside", against=rhyme)
    for compared in (lambda: run.evaluate(path, against=hello), lambda: compare([run.path, hello.path], data=path)):
        with pytest.raises(InputError, match=r"sentences predicts where each row of .*lines\.txt ends, and .*hello"):
            compared()
    running = language_model(path, out=tmp_path / "running", contiguous=True, window=8, **settings)
    assert "".join(running.generate("the cat", length=2, temperature=0)) == " sat\n"
    assert running.report["metrics"]["closed_vocabulary_perplexity"]["value"] < 3


@pytest.fixture(scope="module")
def rhyme(tmp_path_factory):
    """Sung line by line, in pieces of words: what comes next is certain, and some words fall into pieces."""
    folder = tmp_path_factory.mktemp("rhyme")
    (folder / "rhyme.txt").write_text("The cat sat, catlike.\nA bat spat: “batlike”!\n\n" * 120)
    return language_model(
        folder / "rhyme.txt",
        out=folder / "run",
        unit="subword",
        vocabulary_size=40,
        window=20,
        embedding=Embedding(units=16),
        stack=Stack(cell="gru", units=(48,)),
        training=Training(epochs=6, batch_size=8, learning_rate=2e-2),
    )


def test_subwords_are_written_as_text(rhyme):
    assert any(len(token) > 2 and token[0] == "▁" for token in rhyme.task.vocabulary.tokenizer.pieces)

    def after(prompt):
        return "".join(rhyme.generate(prompt, length=30, temperature=0))

    assert after("The cat").startswith(" sat, catlike.\nA bat spat: “batlike”!\n\nThe")
    assert after("The ").startswith("cat sat, catlike.\n")
    assert after("The cat sat, catlike.\n").startswith("A bat spat")
    assert after("")[0] != " "
    with pytest.raises(InputError, match="'☃☃'"):
        rhyme.generate("The cat☃☃", length=3)


@pytest.mark.parametrize("unit", ["symbol", "subword", "unigram"])
def test_lines_come_back_piece_by_piece(unit):
    text = "The cat sat, catlike.\n\nA bat spat: “batlike”!\n"
    task = LanguageModel({"text": "text"}, learn_vocabulary(text.splitlines(True), unit=unit), True, 20, False, False)
    ids = task.predicted(Examples({"text": [text]}, "here")).ids[0]
    assert "".join(task._written(iter(ids.tolist()), fresh=True)) == text


def test_metrics_of_subwords_are_the_texts_own(rhyme):
    """Bits per character and perplexity per word are of the text, whatever it is cut into."""
    texts = rhyme.task.read(rhyme.path.parent / "rhyme.txt", rhyme.columns())
    report = rhyme.evaluate(texts)
    rows, _ = rhyme.task.encode(texts, 64)
    nats = -float(np.sum(rhyme.task.outputs(rhyme.forward, rows).values, dtype=np.float64))
    text = (rhyme.path.parent / "rhyme.txt").read_text()
    values = {name: figure["value"] for name, figure in report["metrics"].items()}
    assert values["bits_per_character"] == pytest.approx(nats / np.log(2) / len(text), rel=1e-4)
    assert values["perplexity"] == pytest.approx(np.exp(nats / (len(text.split()) + text.count("\n"))), rel=1e-4)
    assert values["nats_per_symbol"] < 0.5 * report["baselines"]["unigram"]["nats_per_symbol"]["value"]


@pytest.mark.parametrize("saved", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_lines_are_scored_alike_by_the_run_and_by_what_is_served(rhyme, saved):
    """Where it is saved, the rows that the export is compared on are stretches of several lines."""
    if saved:
        served = tf.saved_model.load(str(rhyme.export("savedmodel") / "savedmodel")).signatures["serving_default"]
    else:
        module = rhyme.task.serving(portable(rhyme.model))
        served = module.serve
    texts = ["The cat", "The cat\n", "The cat\nA bat\r\n\n", "", "\n"]
    answers = served(text=tf.constant(texts))["log_probability"].numpy()
    expected = [answer["log_probability"] for answer in rhyme.predict(texts)]
    np.testing.assert_allclose(answers, expected, rtol=1e-4, atol=1e-4)
    twin = TextScorer(
        rhyme.model, rhyme.task.vocabulary, ends=True, lines=False, contiguous=False
    )  # takes a text for one line
    assert abs(twin.serve(tf.constant(texts))["log_probability"][2] - expected[2]) > 0.1


@given(
    texts=st.lists(st.text(st.sampled_from("ab \n\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029\t"), max_size=12), min_size=1)
)
def test_the_graph_splits_lines_as_python_does(texts):
    lines = split_lines(tf.constant(texts)).to_list()
    assert [[line.decode() for line in row] for row in lines] == [text.splitlines() or [""] for text in texts]


def test_what_cannot_be_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"bidirectional off"):
        language_model(out=tmp_path / "run", stack=Stack(bidirectional=True))
    with pytest.raises(InputError, match="as wide as the stack"):
        language_model(out=tmp_path / "run", tied=True)
    with pytest.raises(InputError, match="merged pieces don't begin with the frequent ones: choose unit unigram"):
        language_model(out=tmp_path / "run", unit="subword", training=Training(sampled=10))


@pytest.mark.parametrize(
    ("pieces", "stop", "expected"),
    [
        (["a", "b", "c", "d"], "bc", "a"),
        (["ab", "ab", "c"], "abc", "ab"),
        (["a", "b"], "bx", "ab"),
        (["a"], None, "a"),
    ],
)
def test_text_ends_before_the_stop(pieces, stop, expected):
    assert "".join(_until(iter(pieces), stop)) == expected


def test_other_vocabularies_are_compared_by_bits_of_the_same_text(hello, rhyme, tmp_path):
    text = tmp_path / "both.txt"
    text.write_text("The cat sat, catlike. hello\nA bat spat!\n" * 300)
    ours, theirs = (run.evaluate(text, name="both", against=other) for run, other in ((rhyme, hello), (hello, rhyme)))
    values = [report["metrics"]["bits_per_character"]["value"] for report in (ours, theirs)]
    (test,) = ours["against"]["metrics"].values()
    assert test["difference"] == pytest.approx(
        values[0] - values[1], rel=1e-6
    )  # no run of blanks, so as many characters
    assert test["low"] <= test["difference"] <= test["high"] < 0
    assert test["p_value"] < 0.01
    assert theirs["against"]["metrics"]["bits_per_character"]["difference"] == pytest.approx(-test["difference"])
    assert [*ours["against"]["metrics"]] == ["bits_per_character"]
    examples = rhyme.task.read(text, rhyme.task.columns, role="test")
    paid = [run.task.paid(*answered(run, examples)[:2]) for run in (rhyme, hello)]
    compared = compare([rhyme.path, hello.path], data=text).rows
    gains = [[row[name] for row in compared] for name in ("one_gains", "other_gains")]
    rows = [row["row"] for row in compared]
    np.testing.assert_allclose(gains, [-nats[rows] / np.log(2) / paid[0][1][rows] for nats, _ in paid], rtol=1e-5)


@pytest.mark.parametrize("contiguous", [True, False])
def test_models_that_pay_for_other_characters_of_the_same_rows_are_not_compared(contiguous, tmp_path):
    """Such as one that knows where each line ends, and one of books."""
    path, lines = tmp_path / "lines.txt", "The cat sat.\nA bat spat!\n" * 100
    path.write_text(lines)
    examples = read_corpus(path, {"text": "text"}, contiguous=contiguous)
    tasks = [
        LanguageModel({}, learn_vocabulary([lines], unit=unit, size=30), running, 20, False, False)
        for unit, running in itertools.product(("symbol", "subword"), (True, False))
    ]
    for one, other in itertools.combinations(tasks, 2):
        alike = len({task.predicted(examples).characters.sum() for task in (one, other)}) == 1
        with contextlib.nullcontext() if alike else pytest.raises(InputError, match="trained with the same contiguous"):
            check_row_ends([Path("a"), Path("b")], [one, other], examples)
    assert len({task.predicted(examples).characters.sum() for task in tasks}) == 2


@pytest.mark.parametrize(
    ("contiguous", "unit"), [(True, "symbol"), pytest.param(False, "word", marks=pytest.mark.slow)]
)
def test_reading_from_the_end_is_reading_what_is_turned_around(contiguous, unit, tmp_path, rng):
    """Weights, scores and those of the n-grams are those of the turned texts, read from their beginning."""
    texts = [" ".join(rng.choice(list("abc"), rng.integers(1, 6))) for _ in range(24)]
    turned = [text[::-1] for text in texts]
    if contiguous:  # all of one text
        turned = turned[::-1]
        texts, turned = (["\n".join(rows)] for rows in (texts, turned))
    settings = {
        "stack": Stack(units=(4,)),
        "training": Training(epochs=1, batch_size=4),
        "embedding": Embedding(units=3),
    }
    runs = [
        language_model(
            (rows,),
            valid=(rows,),
            unit=unit,
            contiguous=contiguous,
            backward=name == "back",
            out=tmp_path / name,
            **settings,
        )
        for name, rows in {"back": texts, "forth": turned}.items()
    ]
    back, forth = (
        {"model": run.report["metrics"]}
        | {name: run.report["baselines"][name] for name in ("kneser_ney", "fixed_window")}
        for run in runs
    )
    for name, metrics in forth.items():
        for metric, value in metrics.items():
            assert back[name][metric]["value"] == pytest.approx(value["value"], rel=1e-5), (name, metric)
    by_text = [
        [answer["log_probability"] for answer in run.predict(rows)]
        for run, rows in zip(runs, (texts, turned), strict=True)
    ]
    np.testing.assert_allclose(*by_text, rtol=1e-4)


@given(
    st.lists(st.integers(0, 5), min_size=1, max_size=6),
    st.sampled_from([{}, {"stretch": True}]),
    st.booleans(),
)
def test_symbols_are_turned_where_they_belong_and_back(lengths, running, contiguous):
    """Those of a running text as a whole, others text by text, an end token last as before."""
    rows = [[10 * number + place for place in range(length)] for number, length in enumerate(lengths)]
    vocabulary = learn_vocabulary(["a b"], unit="symbol")
    task = LanguageModel({"text": "text"}, vocabulary, contiguous, 20, False, False, backward=True)
    end = [-1] if task.ends else []
    if running:
        whole = [one for row in rows for one in row]
        expected = whole[::-1] + end
        given_rows = [*rows[:-1], rows[-1] + end]
    else:
        expected = [one for row in rows for one in (*row[::-1], *end)]
        given_rows = [row + end for row in rows]
    ids = Ragged.of_lengths(
        np.array([one for row in given_rows for one in row], int), np.array([len(row) for row in given_rows])
    )
    examples = Examples({"text": ("",) * len(rows)} | ({"stretch": ("",) * len(rows)} if running else {}), "here")
    turned = task._turned(ids, examples)
    assert turned.values.tolist() == expected
    assert task._turned(turned, examples).values.tolist() == ids.values.tolist()


def test_what_reads_from_the_end_writes_nothing_and_is_not_exported(tmp_path):
    with without_report():
        run = language_model(
            ([HELLO] * 9,), backward=True, stack=Stack(units=(2,)), training=Training(epochs=1), out=tmp_path / "run"
        )
    for ask in (lambda: list(run.generate("h", length=3)), lambda: run.inspect(["hello"])):
        with pytest.raises(InputError, match="trained without backward"):
            ask()
    with pytest.raises(InputError, match="can't be exported: it reads texts from their end"):
        run.export("savedmodel", to=tmp_path / "artefact")
