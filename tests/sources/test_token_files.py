"""Token files, tables with lists and TFDS sequences: the same sentences from every kind, one sentence for every mistake."""

import gzip
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqkit.core.errors import InputError
from seqkit.sources.reading import read, read_inputs
from seqkit.sources.storing import stored_in

COLUMNS = {"tokens": "tokens", "tags": "tags"}
TOKENS = [("Don", "'t", "walk", "£5"), ("#", "naïve", "☃")]
TAGS = [("AUX", "PART", "VERB", "NUM"), ("SYM", "ADJ", "NOUN")]

# No blank and no line end, as far as Python or a file format knows any; a line must not look like a comment or a header.
words = st.text(st.characters(exclude_categories=("Cs", "Cc", "Z", "Cf")), min_size=1, max_size=8).filter(
    lambda word: not word.startswith(("#", "-DOCSTART-"))
)
sentences = st.lists(st.lists(st.tuples(words, words), min_size=1, max_size=4), min_size=1, max_size=4)


def conllu(tokens, tags):
    """With a comment, a range and an empty node in every sentence."""
    lines = []
    for words, labels in zip(tokens, tags, strict=True):
        lines += ["# text = whatever\tcomes", "1-2\tboth" + "\t_" * 8]
        for number, (word, label) in enumerate(zip(words, labels, strict=True), start=1):
            lines += [f"{number}\t{word}\t{word}-lemma\t{label}\tx\t_\t0\t_\t_\t_", f"{number}.1\tnone" + "\t_" * 8]
        lines.append("")
    return "\n".join([*lines, ""])


def conll(tokens, tags, separator="\t"):
    pairs = (zip(*sentence, strict=True) for sentence in zip(tokens, tags, strict=True))
    return "\n\n".join("\n".join(separator.join((word, "x", label)) for word, label in pair) for pair in pairs) + "\n"


def jsonl(tokens, tags):
    return "".join(json.dumps({"tags": y, "tokens": x}) + "\n" for x, y in zip(tokens, tags, strict=True))


def tsv(tokens, tags):
    return "tokens\ttags\n" + "".join(f"{' '.join(x)}\t{' '.join(y)}\n" for x, y in zip(tokens, tags, strict=True))


WRITERS = {"a.conllu": conllu, "a.conll": conll, "a.txt": conll, "a.jsonl": jsonl, "a.tsv": tsv}


@pytest.mark.parametrize("name", [*WRITERS, "a.conllu.gz"])
def test_every_file_gives_the_same_sentences(tmp_path, name):
    content = WRITERS[name.removesuffix(".gz")](TOKENS, TAGS).encode()
    (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    assert read(tmp_path / name, COLUMNS).columns == {"tokens": TOKENS, "tags": TAGS}
    assert read(tmp_path / name, {"tokens": "tokens"}).columns == {"tokens": TOKENS}


@pytest.mark.parametrize("name", ["a.conllu", "a.conll", "a.jsonl"])
@given(rows=sentences)
def test_a_file_gives_back_what_was_written(tmp_path_factory, name, rows):
    tokens = [tuple(word for word, _ in row) for row in rows]
    tags = [tuple(tag for _, tag in row) for row in rows]
    path = tmp_path_factory.mktemp("tokens") / name
    path.write_text(WRITERS[name](tokens, tags), encoding="utf-8")
    assert read(path, COLUMNS).columns == {"tokens": tokens, "tags": tags}


def test_columns_go_by_name_or_number(tmp_path):
    (tmp_path / "a.conllu").write_text(conllu(TOKENS, TAGS))
    lemmas = [tuple(f"{word}-lemma" for word in words) for words in TOKENS]
    for columns in ({"tokens": "lemma", "tags": "upos"}, {"tokens": "2", "tags": "3"}):
        assert read(tmp_path / "a.conllu", columns).columns == {"tokens": lemmas, "tags": TAGS}
    (tmp_path / "a.conll").write_text(conll(TOKENS, TAGS))
    assert read(tmp_path / "a.conll", {"tokens": "1", "tags": "0"})["tags"] == TOKENS
    assert read(tmp_path / "a.conll", {"tokens": "0", "tags": "2"})["tags"] == TAGS


ODD = ["#", "#tag", "walk", "£5", "8.1", "3-4", "1", "[x]", "a\xa0b"]
odd_sentences = st.lists(
    st.lists(st.tuples(st.sampled_from(ODD), st.sampled_from(["O", "B-x", "I-x"])), min_size=1, max_size=4),
    min_size=2,
    max_size=5,
).filter(lambda rows: max(map(len, rows)) > 1)


def strange_conll(rows, separator, line_end, blanks, ids, comments, last):
    """A token file as tools write them, and the line of each token."""
    lines, places = [], []
    for number, row in enumerate(rows):
        lines += [f"# sent_id = {number}", "# text = what it says"] if comments else []
        places.append([])
        for place, pair in enumerate(row, start=1):
            if ids and place % 2:
                lines.append(separator.join((f"{place}-{place + 1}", "both", "_")))
            places[-1].append(len(lines) + 1)
            cells = (str(place), *pair) if ids else pair
            lines.append(separator.join(cells) + blanks)
            if ids:
                lines.append(separator.join((f"{place}.1", "none", "_")))
            if comments and place == 1:
                lines.append("# a comment inside")
        lines.append("")
    return line_end.join(lines if last else lines[:-1]), places


@pytest.mark.parametrize("name", ["a.conll", "a.tsv", "a.data", "a.txt", "a"])
@settings(max_examples=40)
@given(
    rows=odd_sentences,
    separator=st.sampled_from(["\t", " "]),
    line_end=st.sampled_from(["\n", "\r\n"]),
    blanks=st.sampled_from(["", " ", "  "]),
    ids=st.booleans(),
    comments=st.booleans(),
    last=st.booleans(),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)
def test_strange_token_files_under_any_name(tmp_path_factory, name, rows, encoding, **style):
    rows = [[("w", "O"), *row] for row in rows]  # nothing but # in all lines would say nothing of what # is
    content, places = strange_conll(rows, **style)
    path = tmp_path_factory.mktemp("tokens") / name
    path.write_bytes(content.encode(encoding))
    tokens, tags = ([tuple(pair[place] for pair in row) for row in rows] for place in (0, 1))
    examples = read(path, COLUMNS)
    assert examples.columns == {"tokens": tokens, "tags": tags}
    assert [[*steps] for steps in examples.step_lines] == places
    assert [examples.place(row) for row in range(len(rows))] == [f"{path}, line {lines[0]}" for lines in places]
    assert list(read_inputs(path, "tokens", "tokens")) == tokens  # as predict reads it
    with stored_in(path.with_name("stored")):
        stored = read(path, COLUMNS)
    assert (stored.columns, stored.findings) == (examples.columns, examples.findings)
    assert [stored.place(len(rows) - 1, step) for step in range(len(rows[-1]))] == [
        f"{path}, line {line}" for line in places[-1]
    ]


def test_a_label_by_number_stands_beside_columns_by_name(tmp_path):
    (tmp_path / "a.conll").write_text("tokens tags kind\na O x\nb O x\n\nc O y\n")
    found = read(tmp_path / "a.conll", COLUMNS | {"label": "2"})
    assert (found["tokens"], found["label"]) == ([("a", "b"), ("c",)], ["x", "y"])


def test_a_token_file_may_name_its_columns_and_be_put_together(tmp_path):
    part = "word\tpos\tner\nAda\tPROPN\tB-PER\nsat\tVERB\tO\n\nHere\tADV\tO\n\n"
    (tmp_path / "a.tsv").write_text(part + part)
    examples = read(tmp_path / "a.tsv", {"tokens": "word", "tags": "ner"})
    assert examples["tokens"] == [("Ada", "sat"), ("Here",)] * 2
    assert examples["tags"] == [("B-PER", "O"), ("O",)] * 2
    assert [finding.places for finding in examples.findings if finding.kind == "header_row"] == [
        (f"{tmp_path / 'a.tsv'}, line 7",)
    ]


def test_a_table_of_sentences_is_no_token_file(tmp_path):
    (tmp_path / "a.tsv").write_text("tokens\ttags\na b\tO O\n\nc\tB-x\nd\tO\n")
    assert read(tmp_path / "a.tsv", COLUMNS)["tokens"] == [("a", "b"), ("c",), ("d",)]


def test_conllu_is_known_by_its_content(tmp_path):
    (tmp_path / "a.txt").write_text(conllu(TOKENS, TAGS))
    assert read(tmp_path / "a.txt", COLUMNS).columns == {"tokens": TOKENS, "tags": TAGS}
    assert list(read_inputs(tmp_path / "a.txt", "tokens", "tokens")) == TOKENS


def test_conll_columns_come_with_spaces_headers_of_documents_and_several_blank_lines(tmp_path):
    (tmp_path / "a.conll").write_bytes(
        b"-DOCSTART- -X- O\r\n\r\n\r\nEU NNP B-ORG\r\nrejects   VBZ O\r\n \r\n-DOCSTART- -X- O\r\n\r\nPeter NNP B-PER"
    )
    examples = read(tmp_path / "a.conll", COLUMNS)
    assert examples.columns == {"tokens": [("EU", "rejects"), ("Peter",)], "tags": [("B-ORG", "O"), ("B-PER",)]}


def test_sentences_without_a_token_are_left_out_and_noted(tmp_path):
    (tmp_path / "a.jsonl").write_text(jsonl([(), TOKENS[0], ()], [(), TAGS[0], ()]))
    examples = read(tmp_path / "a.jsonl", COLUMNS)
    assert examples.columns == {"tokens": TOKENS[:1], "tags": TAGS[:1]}
    (noted,) = (finding for finding in examples.findings if finding.kind == "no_token")
    assert noted.what == "2 sentences without a token are left out"
    assert noted.listed() == [f"{tmp_path / 'a.jsonl'}, lines 1, 3"]
    assert read(tmp_path / "a.jsonl", {"tokens": "tokens"})["tokens"] == [(), TOKENS[0], ()]


def test_python_sources_give_the_same_sentences():
    import tensorflow as tf

    ragged = tf.data.Dataset.from_tensor_slices((tf.ragged.constant(TOKENS), tf.ragged.constant(TAGS)))
    one_by_one = tf.data.Dataset.from_generator(
        lambda: zip(TOKENS, TAGS, strict=True),
        output_signature=(tf.TensorSpec([None], tf.string), tf.TensorSpec([None], tf.string)),
    )
    lists = ([list(words) for words in TOKENS], [" ".join(labels) for labels in TAGS])
    for source in (lists, dict(zip(COLUMNS, lists, strict=True)), ragged, ragged.batch(2), one_by_one):
        assert read(source, COLUMNS).columns == {"tokens": TOKENS, "tags": TAGS}
    asked = read((["Don't walk!", ["Don", "'t"], []],), {"tokens": "tokens"})
    assert asked["tokens"] == ["Don't walk!", ("Don", "'t"), ()]


LINE = "1\ta\ta\tX\t_\t_\t0\t_\t_\t_\n"


@pytest.mark.parametrize(
    ("name", "content", "columns", "complaint"),
    [
        ("a.conllu", LINE + "2\tb\tX\n", COLUMNS, "line 2: found 3 columns where CoNLL-U has 10"),
        ("a.conllu", LINE + LINE.replace("1", "one"), COLUMNS, "line 2: the first column is 'one'"),
        ("a.conllu", LINE.replace("X", ""), COLUMNS, "line 1: the tag is empty"),
        ("a.conllu", LINE, {"tokens": "form", "tags": "pos"}, "no column 'pos' for the tags: choose one of id, form"),
        ("a.conllu", "# only a comment\n", COLUMNS, "has no rows"),
        ("a.conll", "a\tX\nb\n", COLUMNS, "line 2: found 1 columns where line 1 has 2"),
        ("a.conll", "\na X\nb c X\n", COLUMNS, "line 3: found 3 columns where line 2 has 2"),
        ("a.conll", "a\tX\nb\t\n", COLUMNS, "line 2: the tag is empty"),
        ("a.conll", "a\n", COLUMNS, "line 1: tokens and tags are both looked for in column 0 of 1"),
        ("a.conll", "a X\n", {"tokens": "0", "tags": "3"}, "line 1: no column number 3 for the tags; .* 0 to 1"),
        ("a.conll", "a X\n", {"tokens": "0", "tags": "ner"}, "no column 'ner' for the tags: give its number"),
        ("a.conll", "", COLUMNS, "has no rows"),
        ("a.jsonl", jsonl([("a", "b")], [("X",)]), COLUMNS, "line 1: found 2 tokens and 1 tags"),
        ("a.jsonl", jsonl(["a b"], [7]), COLUMNS, "line 1: the tags are a int"),
        ("a.jsonl", jsonl([("a", "b")], [("X", None)]), COLUMNS, "line 1: the tag is a NoneType"),
        ("a.jsonl", jsonl([("a", "b")], [("X", " ")]), COLUMNS, "line 1: the list of tags holds an empty string"),
        ("a.tsv", tsv([("a",), ("b", "c")], [("X",), ("Y",)]), COLUMNS, "line 3: found 2 tokens and 1 tags"),
        ("a.conll", None, COLUMNS, "a.conll does not exist"),
    ],
)
def test_a_wrong_file_gets_one_sentence(tmp_path, name, content, columns, complaint):
    if content is not None:
        (tmp_path / name).write_text(content)
    with pytest.raises(InputError, match=complaint) as raised:
        read(tmp_path / name, columns)
    assert name in str(raised.value)
    assert "\n" not in str(raised.value)


def test_wrong_lists_from_python_get_one_sentence():
    with pytest.raises(InputError, match="row 1: found 1 tokens and 2 tags"):
        read(([["a"], ["b"]], [["X"], ["Y", "Z"]]), COLUMNS)


def test_tfds_sequences_become_names_and_the_empty_last_sentence_goes(tmp_path):
    """TFDS's own CoNLL builder, whose file ends in a blank line."""
    import tensorflow_datasets as tfds

    (tmp_path / "train.txt").write_text(conll(TOKENS, [("B-A", "I-A", "O", "O"), ("O", "O", "B-A")], " ") + "\n\n")

    class TinyConll(tfds.dataset_builders.ConllDatasetBuilder):
        VERSION = tfds.core.Version("1.0.0")
        BUILDER_CONFIGS = (
            tfds.dataset_builders.ConllBuilderConfig(
                name="tiny",
                separator=" ",
                ordered_features={
                    "tokens": tfds.features.Sequence(tfds.features.Text()),
                    "pos": tfds.features.Sequence(tfds.features.Text()),
                    "ner": tfds.features.Sequence(tfds.features.ClassLabel(names=["O", "B-A", "I-A"])),
                },
            ),
        )

        def _info(self):
            return self.create_dataset_info()

        def _split_generators(self, manager):
            return {"train": self._generate_examples(tmp_path / "train.txt")}

    TinyConll(data_dir=str(tmp_path / "tfds")).download_and_prepare()
    columns = {"tokens": "tokens", "tags": "ner"}
    examples = read("tfds:tiny_conll", columns, data_dir=str(tmp_path / "tfds"))
    assert dict(zip(examples["tokens"], examples["tags"], strict=True)) == {
        TOKENS[0]: ("B-A", "I-A", "O", "O"),
        TOKENS[1]: ("O", "O", "B-A"),
    }
    assert "a sentence without a token is left out" in [finding.what for finding in examples.findings]
