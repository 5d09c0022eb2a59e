"""The report: sane numbers, an honest verdict, and a page that stands alone."""

import base64
import copy
import html.parser
import io
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from rich.console import Console

from seqkit.core.errors import InputError
from seqkit.metrics.confusion import NUMBERED
from seqkit.metrics.metric import metric
from seqkit.report.confusion import FEW
from seqkit.report.document import ScoresTable, against_table, write_html
from seqkit.report.labels import CLASSES
from seqkit.report.pages import Section, _lit, axes, facts, figure, png
from seqkit.report.wording import signed, verdict, written

VOID = {"meta", "br", "link", "img", "hr"}


def score(value, half=0.01):
    return {"value": value, "low": value - half, "high": value + half}


HOSTILE = "<script>alert(1)</script> & a fine film"
DIFFERENCE = {"difference": 0.012, "low": 0.004, "high": 0.02, "p_value": 0.002}
SURE = {"difference": 0.0567, "low": 0.0501, "high": 0.0633, "p_value": 0.002}
REPORT = {
    "recipe": "sentiment",
    "seqkit": "0.1.0",
    "metrics": {
        "accuracy": score(0.9137), "macro_f1": score(0.9128),
        "log_loss": score(0.2314), "calibration_error": score(0.0213),
    },
    "baselines": {
        "majority": {"accuracy": score(0.5012), "log_loss": score(0.693)},
        "linear": {"accuracy": score(0.8571), "macro_f1": score(0.8565), "log_loss": score(0.341)},
    },
    "compared": {
        "majority": {"accuracy": SURE, "log_loss": SURE}, "linear": {"accuracy": SURE, "macro_f1": SURE, "log_loss": SURE},
    },
    "kept": {"epoch": 4, "monitor": "val_accuracy", "value": 0.895},
    "data": {
        "source": "reviews.tsv", "rows": 12345, "digest": "sha256:0123abcd", "empty_texts": 2, "cut_texts": 17,
        "unseen_labels": 1, "unknown_token_share": 0.0312, "padding_share": 0.114,
    },
    "per_class": [
        {"label": "negative", "precision": 0.911, "recall": 0.922, "f1": 0.916, "support": 6100},
        {"label": "positive", "precision": 0.917, "recall": 0.905, "f1": 0.911, "support": 6244},
    ],
    "confusion": {"labels": ["negative", "positive"], "counts": [[5624, 476], [593, 5651]]},
    "calibration": [
        {"low": k / 15, "high": (k + 1) / 15, "rows": 4 * k**3, "confidence": (k + 0.5) / 15, "accuracy": k / 15}
        for k in range(8, 15)
    ],
    "mistakes": [
        {"text": HOSTILE, "label": "positive", "predicted": "negative", "confidence": 0.998},
        {"text": "  ", "label": "negative", "predicted": "positive", "confidence": 0.97},
    ],
    "timings": {"seconds": 61.25},
    "against": {"run": "runs/old", "metrics": {"accuracy": DIFFERENCE}},
    "settings": {"seed": 0, "training": {"global_clipnorm": 1.0, "epochs": 5}},
    "versions": {"tensorflow": "2.21.0"},
    "command": "seqkit train sentiment --data 'a & b.tsv'",
}  # fmt: skip
HISTORY = [
    {"epoch": k, "loss": 0.7 / k, "val_loss": 0.72 / k + 0.02 * k, "accuracy": 1 - 0.4 / k,
     "val_accuracy": 1 - 0.42 / k, "gradient_norm": 1.4 - 0.1 * k,
     "gradient_norm_max": 4.0 - 0.3 * k, "clipped_share": 0.6 / k}
    for k in range(1, 6)
]  # fmt: skip


class Page(html.parser.HTMLParser):
    """Checks that every element is closed in its turn, and keeps tags, attributes and text."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.attributes, self.words = [], [], [], []
        self.feed(text)
        self.close()
        assert not self.open, self.open

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag):
        assert self.open, tag
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


def page(tmp_path, report=REPORT, history=HISTORY, **options):
    path = tmp_path / "report.html"
    write_html(report, history, path, **options)
    return path.read_text(encoding="utf-8")


def test_page_is_well_formed_and_stands_alone(tmp_path):
    text = page(tmp_path)
    parsed = Page(text)
    assert "http" not in text.lower()
    assert not {"script", "link", "img", "iframe", "object"} & set(parsed.tags)
    assert not [value for name, value in parsed.attributes if name == "src"]
    assert all(value.startswith("#") for name, value in parsed.attributes if name == "href")
    ids = [value for name, value in parsed.attributes if name == "id"]
    assert len(ids) == len(set(ids))
    targets = {v[1:] for n, v in parsed.attributes if n == "href"} | set(re.findall(r"url\(#([^)]*)\)", text))
    assert targets <= set(ids)
    assert parsed.tags.count("figure") == parsed.tags.count("figcaption") == 6
    assert parsed.attributes.count(("role", "img")) == 6


def test_numbers_are_those_of_the_report(tmp_path):
    words = " ".join(Page(page(tmp_path)).words)
    for number in ("91.4%", "90.4% to 92.4%", "85.7%", "0.231", "0.221 to 0.241", "2.1%", "12,345", "3.1%", "11.4%",
                   "5,624", "593", "92.2%", "6,244", "99.8%", "61.2 s", "+1.2 points", "0.002", "2.21.0",
                   "0123abcd"):  # fmt: skip
        assert number in words, number
    assert "clipping at 1" in words


def test_texts_are_shown_and_not_run(tmp_path):
    text = page(tmp_path)
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; a fine film" in text
    assert "(empty text)" in text
    long = {**REPORT, "mistakes": [{**REPORT["mistakes"][0], "text": "word " * 100_000}]}
    assert len(page(tmp_path, long)) < len(text) + 2000
    assert REPORT["command"] in " ".join(Page(text).words)
    assert "a &amp; b.tsv" in text


def test_a_language_models_text_is_shown_and_not_run(tmp_path):
    read = {"text": HOSTILE, "nats_per_symbol": 4.3217}
    shown = {
        "worst_predicted": [read],
        "best_predicted": [read | {"nats_per_symbol": 0.8768}],
        "sample": f"Say:\n{HOSTILE}",
    }
    text = page(tmp_path, {**REPORT, **shown})
    assert text.count("&lt;script&gt;alert(1)&lt;/script&gt; &amp; a fine film") == 4  # one is a mistake
    words = " ".join(Page(text).words)
    assert words.index("4.322") < words.index("0.877")
    assert "<pre>Say:\n&lt;script&gt;" in text


def test_missing_parts_are_left_out(tmp_path):
    bare = Page(page(tmp_path, {"metrics": {"accuracy": score(0.9)}}, []))
    assert "figure" not in bare.tags
    assert "there is no baseline" in " ".join(bare.words)
    Page(page(tmp_path, {}, [{"epoch": 1, "loss": float("nan")}]))
    unclipped = copy.deepcopy(REPORT)
    unclipped["settings"]["training"]["global_clipnorm"] = None
    assert "clipping at" not in page(tmp_path, unclipped)


def test_timelines_show_truth_over_prediction_in_one_colour_a_label(tmp_path):
    def runs(*ends, labels):
        starts = (0, *ends)
        return [
            dict(zip(("start", "end", "label"), run, strict=True)) for run in zip(starts, ends, labels, strict=False)
        ]

    films = [
        {"recording": "s<09>", "truth": runs(10, 30, labels="ab"), "prediction": runs(12, 20, 30, labels="aba")},
        {"recording": "$10$", "truth": runs(5, labels=["unseen"]), "prediction": runs(5, labels="c")},
    ]
    report = {
        "items": "frames",
        "background": "d",
        "timelines": films,
        "confusion": {"labels": ["a", "b", "c"], "counts": [[1] * 3] * 3},
    }
    text = page(tmp_path, report, [])
    words = " ".join(Page(text).words)
    for shown in ("s<09>  truth", "$10$  truth", "prediction", "unseen", "frames of the test data"):
        assert shown in words, shown
    picture = text[text.index("Over time") :]
    fills = re.findall(r"fill: (#[0-9a-f]{6})", picture[: picture.index("</svg>")])
    # a b | a b a | unseen | c, and then the legend's four
    assert len(set(fills)) == 4
    order = "abcdefgh"
    names = {}
    assert [names.setdefault(fill, order[len(names)]) for fill in fills][:7] == list("abab") + list("acd")


def test_a_recipe_adds_its_own_section(tmp_path):
    picture, ax = axes("step (of 10)", "frames")
    ax.plot([1, 2], [3, 4])
    blocks = [figure("spans", 'A "quoted" title', picture), facts([("spans", 3)])]
    own = Section("Spans", blocks)
    text = page(tmp_path, sections=[own])
    Page(text)
    assert text.index("Spans") < text.index("How it was made")


def compared(name, ours, rivals, tests):
    """A report of one metric; `tests` has the intervals of its differences."""
    return {
        "metrics": {name: score(ours)},
        "baselines": {rival: {name: score(value)} for rival, value in rivals.items()},
        "compared": {
            rival: {name: {"difference": ours - rivals[rival], "low": ends[0], "high": ends[1], "p_value": 0.5}}
            for rival, ends in tests.items()
        },
    }


@pytest.mark.parametrize(
    ("name", "ends", "words"),
    [
        ("accuracy", (0.001, 0.04), "The model beats the best baseline on accuracy (91.0% against 90.0% for linear;"),
        ("accuracy", (-0.04, -0.001), "The best baseline beats the model on accuracy (91.0% against 90.0% for linear;"),
        (
            "accuracy",
            (-0.001, 0.04),
            "Undecided on accuracy (91.0% against 90.0% for linear; +1.0 points, -0.1 to +4.0 p",
        ),
        ("accuracy", (0.0, 0.04), "Undecided on accuracy"),
        (
            "perplexity",
            (0.001, 0.04),
            "The best baseline beats the model on perplexity (0.910 against 0.500 for majority",
        ),
        ("perplexity", (-0.04, -0.001), "The model beats the best baseline on perplexity"),
        ("perplexity", (-0.04, 0.0), "Undecided on perplexity"),
    ],
)
def test_a_verdict_is_undecided_only_where_the_paired_interval_holds_zero(name, ends, words):
    """Though the two intervals overlap; against the best baseline in the metric's direction, not against the first."""
    rivals = {"majority": 0.5, "linear": 0.9}
    report = compared(name, 0.91, rivals, dict.fromkeys(rivals, ends))
    assert verdict(report).startswith(words)


def test_a_verdict_decides_each_headline_metric():
    """A run that is behind in accuracy, though no test shows it, and far ahead in macro F1."""
    accuracy = compared("accuracy", 0.941, {"linear": 0.954}, {"linear": (-0.031, 0.004)})
    macro = compared("macro_f1", 0.915, {"linear": 0.742}, {"linear": (0.121, 0.22)})
    report = {
        "metrics": accuracy["metrics"] | macro["metrics"] | {"log_loss": score(0.2)},
        "baselines": {
            "linear": accuracy["baselines"]["linear"] | macro["baselines"]["linear"] | {"log_loss": score(0.1)}
        },
        "compared": {"linear": accuracy["compared"]["linear"] | macro["compared"]["linear"]},
    }
    assert verdict(report) == (
        "The model beats the best baseline on macro F1 (91.5% against 74.2% for linear; +17.3 points, +12.1 to +22.0 "
        "points). Undecided on accuracy (94.1% against 95.4% for linear; -1.3 points, -3.1 to +0.4 points)."
    )


def test_a_verdict_needs_rows_and_a_test():
    few = compared("accuracy", 0.9, {"linear": 0.5}, {"linear": (0.1, 0.3)})
    del few["compared"]["linear"]["accuracy"]["low"]
    assert verdict(few) == "Too few rows to decide on accuracy (90.0% against 50.0% for linear)."
    old = {**few, "compared": None}
    assert "holds no paired test" in verdict(old)
    assert "there is no baseline" in verdict({"metrics": few["metrics"]})
    assert verdict({}) == "This run has not been scored yet."
    with pytest.raises(InputError, match="Nothing is known of the metric 'hinge'"):
        verdict({"metrics": {"hinge": score(0.1)}})


def test_a_verdict_says_that_nothing_more_was_learned_than_frequencies():
    rivals = {"unigram": 5.0, "kneser_ney": 4.0}
    ends = {"unigram": (-0.01, 0.02), "kneser_ney": (0.9, 1.1)}
    found = verdict(compared("nats_per_symbol", 5.005, rivals, ends))
    assert "beats the model on nats per symbol (5.005 against 4.000 for kneser ney" in found
    assert "not shown to have learned more than the unigram baseline, by nats per symbol." in found
    ends["unigram"] = (-0.02, -0.01)
    assert "learned more" not in verdict(compared("nats_per_symbol", 4.985, rivals, ends))


def shown(report, width=80):
    console = Console(width=width)
    with console.capture() as capture:
        console.print(ScoresTable(report))
    return capture.get()


@pytest.mark.parametrize(
    ("value", "said"), [(0.0044, "0.0044"), (0.0037, "0.0037"), (0.0449, "0.045"), (3.2, "3.200"), (0.0, "0.000")]
)
def test_what_is_next_to_nothing_keeps_two_figures(value, said):
    assert written("nats_per_symbol", value) == said
    assert signed("nats_per_symbol", -value) in (f"-{said}", "-0.000")


def test_terminal_table_has_a_column_a_baseline():
    for words in ("model", "majority", "linear", "macro F1", "91.4%", "90.4% to 92.4%", "85.7%", "–"):
        assert words in shown(REPORT)


NAMES = [
    "closed_vocabulary_perplexity",
    "accuracy",
    "unknown_token_accuracy",
    "length_ratio",
    "perplexity",
    "calibration_error",
]
BASELINES = ["most_frequent", "kneser_ney", "fixed_window", "question_alone", "image_alone", "unigram", "nearest"]


@settings(max_examples=25)
@given(
    st.lists(st.sampled_from(NAMES), min_size=1, unique=True),
    st.lists(st.sampled_from(BASELINES), unique=True),
    st.floats(1e-3, 1e9),
    st.sampled_from([72, 80, 100, 200]),
)
def test_terminal_tables_are_whole(names, baselines, value, width):
    """Every header and every value at any width, whichever the metrics and however many the baselines."""
    values = {name: min(value, 1.0) if metric(name).kind == "share" else value for name in names}
    scores = {name: score(one, one / 7) for name, one in values.items()}
    text = shown({"metrics": scores, "baselines": dict.fromkeys(baselines, scores)}, width)
    lines = text.splitlines()
    assert max(map(len, lines)) <= width
    assert "…" not in text
    table = "\n".join(line for line in lines if line[:1] in "╭│├╰")
    words = {word for cell in re.split(r"[│\n]", table) for word in cell.split()}
    for name in (*baselines, *(metric(name).words for name in names), "95%_interval"):
        assert set(name.replace("_", " ").split()) <= words, name


@settings(max_examples=10)
@given(st.lists(st.sampled_from(NAMES), min_size=1, unique=True), st.floats(1e-3, 1.0), st.booleans())
def test_the_table_against_another_run_is_whole(names, value, few):
    test = {"difference": value, "low": -value, "high": value, "p_value": 0.5}
    tests = dict.fromkeys(names, {"difference": value} if few else test)
    report = {"metrics": {name: score(value) for name in names}, "against": {"run": "runs/other", "metrics": tests}}
    console = Console(width=80)
    with console.capture() as capture:
        console.print(against_table(report))
    text = capture.get()
    assert max(map(len, text.splitlines())) <= 80
    words = {word for cell in re.split(r"[│\n]", text) for word in cell.split()}
    for name in ("difference", "95%_interval", *(metric(name).words for name in names)):
        assert set(name.replace("_", " ").split()) <= words, name
    assert ("0.500" in text) == (not few)


def test_many_labels_make_a_short_page_that_begins_with_the_largest_errors(tmp_path):
    """A matrix of a hundred labels; of more the largest confusions, and the classes that are missed most."""
    labels = [f"label <{number}>" for number in range(150)]
    rows = [
        {"label": label, "precision": 0.5, "recall": 1 - number / 1000, "f1": 0.5, "support": 10 + number}
        for number, label in enumerate(labels)
    ]
    largest = [{"label": labels[k], "predicted": labels[k + 1], "count": 90 - k, "share": 0.25} for k in range(50)]
    text = page(tmp_path, {"per_class": rows, "confusion": {"largest": largest, "pairs": 1234}}, [])
    words = " ".join(Page(text).words)
    assert "The largest confusions, 50 of 1,234 pairs" in words
    assert words.index("label <149>") < words.index("label <148>")
    assert f"{150 - CLASSES} more are in report.json" in words
    assert words.count("label <") == 2 * 50 + CLASSES
    assert "figure" not in Page(text).tags
    hundred = {"labels": labels[:100], "counts": np.eye(100, dtype=int).tolist()}
    text = page(tmp_path, {"confusion": hundred}, [])
    assert "figure" in Page(text).tags
    assert all(label in " ".join(Page(text).words) for label in labels[:100])
    assert len(text) < 300_000


@pytest.mark.parametrize("labels", [3, 20, 100])
def test_cells_of_a_matrix_and_lines_of_the_list_lead_to_rows_that_are_folded_up(labels, tmp_path):
    names = [f"label <{number}>" for number in range(labels)]
    counts = 5 * np.eye(labels, dtype=int)
    counts[0, 2], counts[1, 0] = 2, 1
    rows = [
        {
            "label": names[y],
            "predicted": names[p],
            "count": int(counts[y, p]),
            "examples": [{"text": HOSTILE, "confidence": 0.75}],
        }
        for y, p in ((0, 2), (1, 0))
    ]
    found = {"labels": names, "counts": counts.tolist()}
    if labels > NUMBERED:
        found |= {"pairs": 2, "largest": [row | {"share": 0.25} for row in rows[:1]]}
    text = page(tmp_path, {"confusion": found, "confused_rows": rows}, [])
    leading = re.findall(r'<a href="#(confusion-pair-\d)">', text)
    assert sorted(set(leading)) == ["confusion-pair-0", "confusion-pair-1"]
    assert len(leading) == 2 + (labels > NUMBERED)
    assert all(text.count(f'id="{name}"') == 1 for name in leading)
    assert len(re.findall(r"<details><summary>[^<]*</summary><div id=", text)) == 2
    assert "label &lt;0&gt; taken for label &lt;2&gt;: 2 rows" in text
    assert "label &lt;1&gt; taken for label &lt;0&gt;: 1 row<" in text
    assert "<script>" not in text
    kind = "whole" if labels > NUMBERED else "large" if labels > FEW else None
    assert re.findall(r"<figure( class=\S+)?>", text) == ["" if kind is None else f' class="{kind}"']


def test_scores_by_length_stand_in_a_table(tmp_path):
    groups = [{"length": "1 to 9", "items": 1200, "value": 0.875}, {"length": "10 to 40", "items": 34, "value": 0.5}]
    words = " ".join(Page(page(tmp_path, {"per_length": {"metric": "accuracy", "groups": groups}}, [])).words)
    assert "length rows accuracy 1 to 9 1,200 87.5% 10 to 40 34 50.0%" in words


def test_the_kept_epoch_is_said(tmp_path):
    words = " ".join(Page(page(tmp_path)).words)
    assert "The weights are those of epoch 4 of 5, the best by accuracy of the validation data, 89.5%." in words
    kept = {"epoch": 2, "monitor": "val_span_f1", "value": 0.5}
    history = [{"epoch": k, "loss": 0.5, "val_loss": 0.5, "val_span_f1": 0.5} for k in (1, 2)]
    text = page(tmp_path, {**REPORT, "kept": kept}, history)
    assert "span F1 after each epoch" in text
    assert "best by span F1" in text


def test_tags_are_shown_with_their_mistakes(tmp_path):
    row = {"label": "B-<x>", "precision": 0.5, "recall": 0.25, "f1": 1 / 3, "support": 4}
    mistake = {"before": "to", "token": "<b>New</b>", "after": "York"}
    report = {
        **{"recipe": "tagging", "items": "tokens", "metrics": {"span_f1": {"value": 0.5, "low": 0.4, "high": 0.6}}},
        **{"per_span": [{**row, "label": "<x>"}], "per_class": [row]},
        "confusion": {"labels": ["B-<x>", "O"], "counts": [[3, 1], [0, 7]]},
        "tag_mistakes": [{"label": "B-<x>", "predicted": "O", "count": 1, "examples": [mistake]}],
        "data": {"illegal_tags": 3, "unseen_tags": 2, "cut_words": 1},
    }
    write_html(report, [], tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "to <strong>&lt;b&gt;New&lt;/b&gt;</strong> York" in page
    assert "tokens of the test data by truth and prediction" in page
    for words in (
        "Each type of span",
        "&lt;x&gt;",
        "33.3%",
        "illegal tags, read as conlleval reads them",
        "50.0% span F1",
    ):
        assert words in page
    assert "<x>" not in page


def test_images_are_shown_and_counted_with_where_the_model_looks(tmp_path):
    pixels = np.zeros((40, 20, 3), np.uint8)
    pixels[:20] = 200
    names = ["look 1", "<b>look</b> 2", *map(str, range(5))]
    weights = np.zeros((7, 2, 1))
    weights[0, 0], weights[1:, 1] = 1.0, 1.0
    looks = {"image": png(pixels), "title": HOSTILE, "names": names, "weights": weights.tolist()}
    report = {
        "metrics": {"accuracy": score(0.5)},
        "per_kind": [{"kind": "is <it>", "accuracy": 0.25, "support": 1200}],
        "looks": [looks, looks | {"names": [], "weights": []}],
        "data": {"images": 1234},
    }
    write_html(report, [], tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    for words in ("is &lt;it&gt;", "25.0%", "1,200", "look 1", "&lt;b&gt;look&lt;/b&gt; 2", "Where it looks"):
        assert words in page
    assert "<script>" not in page
    assert "<dt>images</dt><dd>1,234</dd>" in page
    assert page.count("<image") == 1 + len(names) + 1


def test_a_place_that_weighs_nothing_is_dark():
    pixels = np.full((8, 8, 3), 200, np.uint8)
    lit = _lit(pixels, [[1.0, 0.0], [0.0, 0.0]])
    assert lit[0, 0].min() > 200
    assert lit[-1, -1].max() < 40
    picture = Image.open(io.BytesIO(base64.b64decode(png(np.full((200, 100, 3), 7, np.uint8)))))
    assert picture.size == (80, 160)


def test_validation_figures_are_called_so_everywhere(tmp_path):
    confusion = {"labels": ["a", "b"], "counts": [[3, 1], [0, 2]]}
    written = [{"source": "a", "reference": "b", "written": "c", "chrf": 12.3}]
    attention = [{"weights": [[0.5, 0.5]], "places": ["a", "b"], "written": ["c"]}]
    report = {"metrics": {"accuracy": score(0.5)}, "confusion": confusion, "written": written, "attention": attention}
    for split, other in (("validation", "test"), ("test", "validation")):
        write_html(report | {"data": {"rows": 6, "split": split}}, [], tmp_path / "report.html")
        page = (tmp_path / "report.html").read_text().lower()
        assert page.count(f"{split} data") >= 5  # scores, confusion, what is written, attention, the data itself
        assert f"{other} data" not in page
        said = verdict(report | {"data": {"split": split}})
        assert said.startswith("On the validation rows, which also chose the epoch: ") == (split == "validation")
