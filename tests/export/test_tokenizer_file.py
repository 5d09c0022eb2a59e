"""tokenizer.json: Python's reader and JavaScript's make the ids of training, and its texts, of whatever characters."""

import copy
import dataclasses
import functools
import json
import os
import re
import shutil
import subprocess
import sys
import unicodedata
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from seqkit.core.ragged import Ragged
from seqkit.export.tokenizer_file import tokenizer_json
from seqkit.text.lexicon import Lexicon, split_tokens
from seqkit.text.predicted import lines_of
from seqkit.text.subwords import fold
from seqkit.text.tokenizer import Tokens, tokenize
from seqkit.text.vocabulary import SPECIAL, Vocabulary, learn_vocabulary
from seqkit_runner.errors import ArtefactError
from seqkit_runner.tokenizer import Tokenizer

ROOT = Path(__file__).parents[2]
UNITS = ("word", "whitespace", "marked_word", "character", "symbol", "subword", "unigram")
LINES = [
    "the cat sat on the mat. The cats sat; that's that! l’été 10.5",
    "banana bandana, cabana and ananas été 日本日本語 \U0001f469\u200d\U0001f680",
    "abc abcab cabbc bcbcbc aaaaaa ΑΣ ΑΣΑ <unk> <padding> a<br />b 각 \uac00\u11a8 ệ İIı Ìì",
]
ODD = (
    "aab bcABC'’.,<>br/e\u0301\u0323\u0302éßİΣσς日本\u1100\u1161\u11a8각\U0001f469\u200d\U0001f680☃"
    "▁\u00a0\u3000\u2028\t\n\x00\x85\u00ad\ufeff  "
)
characters = st.one_of(
    st.sampled_from(ODD),
    st.characters(exclude_categories=["Cs"]),
    st.characters(categories=["Mn", "Mc", "Me", "Lm", "Sk"]),  # what combines, and what is passed over behind a sigma
    st.characters(categories=["Lu", "Lt"]),
    st.characters(min_codepoint=0x590, max_codepoint=0x8FF),  # from right to left
    st.characters(min_codepoint=0xFF00, max_codepoint=0xFFEF),  # full width
    st.characters(min_codepoint=0, max_codepoint=0x1F),
)
texts = st.lists(
    st.one_of(
        st.text(characters, max_size=12),
        st.lists(
            st.sampled_from(["a", "ab", "cab", "<br>", "<BR  />", "'", "ana", " ", "Σ", "the", "\u0301", "▁"]),
            max_size=40,
        ).map("".join),
        st.builds(
            lambda text, times: text * times,
            st.text(st.sampled_from("abcx\u0301"), min_size=1, max_size=4),
            st.integers(1, 50),
        ),
    ),
    min_size=1,
    max_size=12,
)

# Answers line by line: {"value": a tokenizer.json, or null for that of before, "call": method, "rows": arguments a row}
_NODE = """
import readline from "node:readline";
const { Tokenizer } = await import(process.argv[1]);
let tokenizer;
for await (const line of readline.createInterface({ input: process.stdin })) {
  let answer;
  try {
    const { value, call, rows } = JSON.parse(line);
    if (value) tokenizer = Tokenizer.fromJson(value);
    answer = { rows: rows.map((row) => (call === "lines" ? Tokenizer.lines(row) : tokenizer[call](row))) };
  } catch (error) {
    answer = { error: error.name, message: error.message };
  }
  process.stdout.write(JSON.stringify(answer) + "\\n");
}
"""


class Python:
    """seqkit_runner's reader: rows of a tokenizer.json by a method; the file of before isn't read again."""

    value = tokenizer = None

    def __call__(self, value, call, rows):
        if value is not self.value:
            self.value, self.tokenizer = value, Tokenizer.from_json(value)
        return [getattr(self.tokenizer, call)(row) for row in rows]


class JavaScript:
    """tokenizer.js likewise, in a process of its own."""

    value = None

    def __init__(self):
        module = (ROOT / "runners/javascript/tokenizer.js").as_uri()
        command = ["node", "--input-type=module", "--eval", _NODE, module]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __call__(self, value, call, rows):
        request = {"value": None if value is self.value else value, "call": call, "rows": rows}
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        self.value = None if "error" in answer else value
        if "error" in answer:
            assert answer["error"] == "ArtefactError", answer
            raise ArtefactError(answer["message"])
        return answer["rows"]

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait(10)


python = Python()


@pytest.fixture(scope="module")
def javascript():
    if shutil.which("node") is None and os.environ.get("CI") != "true":
        pytest.skip("node is not installed, so that tokenizer.js is not compared")
    reader = JavaScript()
    yield reader
    reader.close()


@functools.cache
def vocabulary_of(unit, lowercase, normalise):
    learned = learn_vocabulary(LINES, unit=unit, lowercase=lowercase, size=150)
    rule = dataclasses.replace(learned.tokenizer, normalise=normalise)
    return Vocabulary(learned.tokens, rule)


@functools.cache
def lexicon_of(lowercase):
    return Lexicon.build(split_tokens(LINES), lowercase=lowercase, size=40, min_count=1, longest=5)


@functools.cache
def file_of(words, *arguments):
    return json.loads(json.dumps(tokenizer_json(words(*arguments))))


@functools.cache
def split_by(rule):
    """As `tokenize` splits with a rule, by one graph for all calls."""
    graph = tf.function(dataclasses.replace(rule, normalise=False), autograph=False)
    graph = graph.get_concrete_function(tf.TensorSpec([None], tf.string))

    def split(texts):
        composed = [unicodedata.normalize(rule.normal_form, text) for text in texts] if rule.normal_form else texts
        rows = graph(tf.constant(composed, tf.string))
        types, places = np.unique(rows.flat_values.numpy(), return_inverse=True)
        return Tokens([token.decode() for token in types], Ragged(places, rows.row_splits.numpy()))

    return split


def check_ids(vocabulary, value, readers, texts, *, split=None):
    """All readers make training's ids of texts, and its texts of these."""
    encoded = vocabulary.encode((split or split_by(vocabulary.tokenizer))(texts))
    ids = [encoded[row].tolist() for row in range(len(texts))]
    written = vocabulary.written(encoded)
    for reader in readers:
        assert reader(value, "ids", texts) == ids
        assert reader(value, "text", ids) == written


def check_sentences(lexicon, value, readers, sentences):
    tokens = split_tokens(sentences)
    columns, _ = lexicon.encode(tokens)
    expected = [
        [
            [tokens.types[place] for place in tokens.indices[row]],
            columns["ids"][row].tolist()[:-1],
            columns["characters"][row].tolist()[:-1],
        ]
        for row in range(len(sentences))
    ]
    for reader in readers:
        assert [list(sentence) for sentence in reader(value, "sentence", sentences)] == expected


@given(st.data())
@settings(max_examples=50, deadline=None)
def test_readers_make_the_ids_and_the_texts_of_training(javascript, data):
    rule = data.draw(st.tuples(st.sampled_from(UNITS), st.booleans(), st.booleans()))
    check_ids(vocabulary_of(*rule), file_of(vocabulary_of, *rule), [python, javascript], data.draw(texts))


@given(st.data())
@settings(max_examples=40, deadline=None)
def test_readers_read_sentences_as_training_does(javascript, data):
    lowercase = data.draw(st.booleans())
    tabbed = st.lists(st.text(characters, max_size=8), max_size=5).map("\t".join)
    sentence = st.one_of(
        st.text(characters, max_size=20), tabbed, st.lists(st.text(characters, max_size=9), max_size=5)
    )
    sentences = data.draw(st.lists(sentence, min_size=1, max_size=8))
    check_sentences(lexicon_of(lowercase), file_of(lexicon_of, lowercase), [python, javascript], sentences)


@given(st.lists(st.text(st.sampled_from("a \n\r\v\f\x1b\x1c\x1d\x1e\x1f\x85\u2028\u2029▁"), max_size=8), min_size=20))
@settings(max_examples=20, deadline=None)
def test_readers_part_lines_as_language_models_do(javascript, texts):
    lines = [lines_of(text, "word") for text in texts]
    assert (
        [Tokenizer.lines(text) for text in texts]
        == javascript(file_of(vocabulary_of, "word", False, True), "lines", texts)
        == lines
    )


def test_long_words_and_unlikely_ones_are_cut_as_in_training(javascript):
    """Their sums are not exact in single precision: 1,500 unknown characters score below -16,384."""
    words = ["☃a" * 1500, "ab" * 900 + "x" * 1200 + "cab" * 300, "\u0301\u0323" * 500]
    for unit in ("subword", "unigram"):
        vocabulary, value = vocabulary_of(unit, False, True), file_of(vocabulary_of, unit, False, True)
        split = functools.partial(tokenize, tokenizer=vocabulary.tokenizer, cache=False)
        check_ids(vocabulary, value, [python, javascript], words, split=split)


@given(st.lists(st.text(st.one_of(characters, st.characters(categories=["Cs"])), max_size=9), min_size=1))
@settings(max_examples=20, deadline=None)
def test_lone_surrogates_are_the_replacement_character(javascript, texts):
    value = file_of(vocabulary_of, "symbol", False, True)
    mended = [text.encode("utf-16", "surrogatepass").decode("utf-16", "replace") for text in texts]
    assert python(value, "tokens", texts) == javascript(value, "tokens", texts) == [list(text) for text in mended]


def test_unknown_tokens_are_written_as_one_likes():
    marked = Tokenizer.from_json(file_of(vocabulary_of, "marked_word", False, True))
    assert marked.text([1, 1, 3], "?") == "? ?"
    assert marked.text([1, 0, 1], ["▁so", "", ","]) == "so,"
    with pytest.raises(ArtefactError, match="none of the vocabulary's"):
        marked.text([10_000])


# What somebody might get wrong, and a text that shows it
def _change(*path, to):
    def change(value):
        for name in path[:-1]:
            value = value[name]
        value[path[-1]] = to(value[path[-1]]) if callable(to) else to

    return change


def _swap(value):
    value["tokens"][4], value["tokens"][5] = value["tokens"][5], value["tokens"][4]


BREAKS = {
    "one merge in another's place": ("subword", _swap),
    "one score too high": ("unigram", lambda value: value["scores"].__setitem__(value["tokens"].index("a") - 4, -0.5)),
    "a range of letters that begins one later": ("word", _change("tables", "letter", 0, to=lambda first: first + 1)),
    "a range of blanks that ends one earlier": ("whitespace", _change("tables", "blank", 1, to=lambda last: last - 1)),
    "no normal form": ("word", _change("normal_form", to=None)),
    "no order of marks": (
        "character",
        _change("tables", "nfc", "classes", to=lambda rows: [n if i % 3 < 2 else 230 for i, n in enumerate(rows)]),
    ),
    "no folding": ("symbol", _change("lowercase", to=False)),
    "a capital that becomes another": ("symbol", _change("tables", "lower", "ranges", 3, to=33)),
    "no final sigma": ("symbol", _change("tables", "lower", "cased", to=[0x41, 0x5A])),
    "nothing passed over behind a sigma": ("symbol", _change("tables", "lower", "ignorable", to=[0, 0])),
    "a lost dot": ("symbol", _change("tables", "lower", "sequences", to=[])),
    "other blanks": ("character", _change("tables", "blank", to=[32, 32])),
    "another unit": ("word", _change("unit", to="marked_word")),
}
SHOWN = [
    *LINES,
    "bananas abcab xanx xatx",
    "ABZ ΑΣ Σ ΑΣ'Α İ",
    "e\u0323\u0302 e\u0302\u0323",
    "a\x00b\x1fc a\u00adb",
    "Yes",
]


@pytest.mark.parametrize("name", BREAKS)
def test_the_comparison_sees_what_is_broken(javascript, name):
    unit, change = BREAKS[name]
    rule = unit, unit in ("word", "symbol"), True
    broken = copy.deepcopy(file_of(vocabulary_of, *rule))
    check_ids(vocabulary_of(*rule), broken, [python, javascript], SHOWN)
    change(broken)
    for reader in (python, javascript):
        with pytest.raises(AssertionError):
            check_ids(vocabulary_of(*rule), copy.deepcopy(broken), [reader], SHOWN)


def test_a_file_holds_only_the_tables_that_it_needs():
    held = {unit: set(file_of(vocabulary_of, unit, True, True)["tables"]) for unit in UNITS}
    assert held["word"] == held["marked_word"] == {"blank", "letter", "lower", "nfc", "unicode"}
    assert held["subword"] == held["character"] == {"blank", "lower", "nfc", "unicode"}
    assert held["symbol"] == {"lower", "unicode"}
    assert set(file_of(vocabulary_of, "word", False, False)["tables"]) == {"blank", "letter", "unicode"}
    assert len(json.dumps(file_of(vocabulary_of, "word", True, True)["tables"], separators=(",", ":"))) < 50_000


def _paths(value, path=()):
    """The fields of a file, and the first and last items of its lists."""
    yield path
    if isinstance(value, dict):
        for name, held in value.items():
            yield from _paths(held, (*path, name))
    elif isinstance(value, list):
        for place in sorted({0, 1, len(value) - 1} & set(range(len(value)))):
            yield from _paths(value[place], (*path, place))


JUNK = st.sampled_from(
    [
        None,
        True,
        -1,
        0,
        3,
        0xD800,
        0x110000,
        2**70,
        1e300,
        "",
        "word",
        "\ud800",
        [],
        [[]],
        [1],
        [5, 4],
        [0, 0x10FFFF],
        [66, 65, 66],
        {},
        [[65, [[65]]]],
    ]
)


@given(st.data())
@settings(max_examples=40, deadline=None)
def test_a_damaged_file_is_refused_in_a_sentence_or_read(javascript, data):
    words, rule = data.draw(
        st.sampled_from(
            [
                (vocabulary_of, ("unigram", True, True)),
                (vocabulary_of, ("marked_word", False, True)),
                (lexicon_of, (True,)),
            ]
        )
    )
    value = copy.deepcopy(file_of(words, *rule))
    path = data.draw(st.sampled_from([path for path in _paths(value) if path]))
    _change(*path, to=data.draw(JUNK))(value)
    answers = []
    for reader in (python, javascript):
        try:
            answers.append(reader(json.loads(json.dumps(value)), "ids", SHOWN))
        except ArtefactError as refusal:
            answers.append(str(refusal))
    assert answers[0] == answers[1]
    assert not isinstance(answers[0], str) or re.fullmatch(
        r"tokenizer\.json: \S+ (is missing|decomposes) .*\.", answers[0]
    )


def _documented():
    page = (ROOT / "docs/tokenizer.md").read_text(encoding="utf-8")
    return [json.loads(block) for block in re.findall(r"```json\n(.*?)```", page, re.DOTALL)]


@pytest.mark.parametrize("shown", _documented(), ids=lambda shown: shown["unit"])
def test_the_specification_tells_the_truth(javascript, shown):
    tokens, lowercase = (*SPECIAL, *shown["tokens"]), shown["lowercase"]
    learned = vocabulary_of(shown["unit"], lowercase, True)
    held = {"tokens": list(tokens)} | ({"scores": shown["scores"]} if "scores" in shown else {})
    vocabulary = Vocabulary.from_json(learned.to_json() | held)
    readers = [python, javascript]
    if "sentences" in shown:
        lexicon = Lexicon(vocabulary, tuple(shown["characters"]), shown["characters_a_word"])
        rows = [row["text"] for row in shown["sentences"]]
        check_sentences(lexicon, tokenizer_json(lexicon), readers, rows)
        found = [[row["tokens"], row["ids"], row["characters"]] for row in shown["sentences"]]
        assert javascript(tokenizer_json(lexicon), "sentence", rows) == found
        return
    value = tokenizer_json(vocabulary)
    column = {name: [row[name] for row in shown["examples"]] for name in ("text", "tokens", "ids", "written")}
    check_ids(vocabulary, value, readers, column["text"])
    for reader in readers:
        assert reader(value, "tokens", column["text"]) == column["tokens"]
        assert reader(value, "ids", column["text"]) == column["ids"]
        assert reader(value, "text", column["ids"]) == column["written"]


_FOLD = """
import sys, tensorflow as tf
from seqkit.text.subwords import fold
texts = sys.stdin.buffer.read().split(b"\\t")
sys.stdout.buffer.write(b"\\t".join(fold(tf.constant(texts)).numpy().tolist()))
"""


@pytest.mark.parametrize("place", ["tr_TR.UTF-8", pytest.param("lt_LT.UTF-8", marks=pytest.mark.slow)])
def test_case_is_folded_alike_in_every_locale(place):
    """TensorFlow's own operation makes ı of I in a Turkish locale, and three characters of Ì in a Lithuanian one."""
    texts = [chr(code) for code in range(10, 0x20000) if not 0xD800 <= code < 0xE000]  # behind which nothing has a case
    texts += ["IJĮÌÍĨİ", "I\u0307J\u0300Į\u0301I\u0328\u0300", "ΑΣI"]
    given = "\t".join(texts).encode()
    command, environment = [sys.executable, "-c", _FOLD], os.environ | {"LC_ALL": place}
    folded = subprocess.run(command, input=given, capture_output=True, env=environment, check=True).stdout
    assert folded.split(b"\t") == fold(tf.constant(given.split(b"\t"))).numpy().tolist()
