"""The report: sane numbers, an honest verdict, and a page that stands alone."""

import base64
import copy
import html.parser
import io
import re

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from seqkit.report.document import scores_table, write_html
from seqkit.report.pages import Section, _lit, axes, facts, figure, png
from seqkit.report.wording import verdict

VOID = {"meta", "br", "link", "img", "hr"}


def score(value, half=0.01):
    return {"value": value, "low": value - half, "high": value + half}


HOSTILE = "<script>alert(1)</script> & a fine film"
DIFFERENCE = {"difference": 0.012, "low": 0.004, "high": 0.02, "p_value": 0.002}
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


@pytest.mark.parametrize(
    ("ours", "theirs", "words"),
    [
        (score(0.91), score(0.86), "The model beats the best baseline: 91.0% accuracy (90.0% to 92.0%) against 86.0"),
        (score(0.86), score(0.91), "The linear baseline beats the model: 91.0% (90.0% to 92.0%) against the model's"),
        (score(0.91), score(0.90), "Undecided: the model scores 91.0%"),
        (score(0.90), score(0.91), "Undecided: the model scores 90.0%"),
    ],
)
def test_verdict_is_honest(ours, theirs, words):
    baselines = {"majority": {"accuracy": score(0.5)}, "linear": {"accuracy": theirs}}
    report = {"metrics": {"accuracy": ours}, "baselines": baselines}
    assert verdict(report).startswith(words)
    assert "linear" in verdict(report)


def test_verdict_of_a_loss_prefers_the_lower():
    baselines = {"linear": {"log_loss": score(0.3)}, "majority": {"log_loss": score(0.6)}}
    report = {"metrics": {"log_loss": score(0.2)}, "baselines": baselines}
    assert verdict(report).startswith("The model beats the best baseline: 0.200")
    assert "linear" in verdict(report)
    report["metrics"]["log_loss"] = score(0.5)
    assert verdict(report).startswith("The linear baseline beats the model")


def test_terminal_table_has_a_column_a_baseline():
    console = Console(width=80)
    with console.capture() as capture:
        console.print(scores_table(REPORT))
    shown = capture.get()
    for words in ("model", "majority", "linear", "macro F1", "91.4%", "90.4% to 92.4%", "85.7%", "–"):
        assert words in shown


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
    assert picture.size == (48, 96)


def test_a_model_that_knows_no_more_than_the_unigram_is_told():
    def said(ours, unigram):
        scores = {"metrics": {"nats_per_symbol": ours}, "baselines": {"unigram": {"nats_per_symbol": unigram}}}
        return "no more than how often" in verdict(scores)

    unigram = {"value": 6.0, "low": 5.9, "high": 6.1}
    assert said({"value": 5.95, "low": 5.8, "high": 6.1}, unigram)
    assert not said({"value": 5.85, "low": 5.7, "high": 6.0}, unigram)
    assert said({"value": 6.0}, {"value": 6.0})
    assert not said({"value": 5.9}, {"value": 6.0})
