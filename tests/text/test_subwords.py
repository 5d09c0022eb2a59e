"""Subwords: the pieces are sentencepiece's, id for id; texts come back; the graph holds core operations alone."""

import functools
import io
import itertools
import json
import unicodedata
from pathlib import Path

import numpy as np
import pytest
import sentencepiece
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from sentencepiece import sentencepiece_model_pb2
from tensorflow.core.protobuf import saved_model_pb2

from seqkit.core.errors import InputError
from seqkit.text.byte_pairs import BytePairs
from seqkit.text.subwords import MARK, learn_pieces
from seqkit.text.tokenizer import Tokenizer, tokenize
from seqkit.text.unigram import Unigram
from seqkit.text.vocabulary import BEGIN, END, PADDING, SPECIAL, UNKNOWN, Vocabulary, learn_vocabulary

ODD = "aab bc'.,<>e\u0301éßİ日本\U0001f469\u200d\U0001f680▁\u00a0\u3000\u2028\t\n\x00\x85\u00ad\ufeff  "
UNSEEN = "☃☂"
LINES = [
    "the cat sat on the mat. The cats sat; that's that!",
    "banana bandana, cabana and ananas été 日本日本語 \U0001f469\u200d\U0001f680",
    "abc abcab cabbc bcbcbc aaaaaa <unk> <padding> a<padding> <padding><padding>",
]
odd_texts = st.lists(st.text(st.sampled_from(ODD + UNSEEN), max_size=30), min_size=1, max_size=6)


def spaced(text):
    """In normal form C; runs of spaces, control characters and marks as one space, none at the ends; in plain Python."""
    text = unicodedata.normalize("NFC", text)
    kinds = [unicodedata.category(letter) for letter in text]
    plain = [" " if kind[0] == "Z" or kind == "Cc" else letter for kind, letter in zip(kinds, text, strict=True)]
    return " ".join(filter(None, "".join(plain).replace(MARK, " ").split(" ")))


def library_of(tokenizer, scores=None):
    """sentencepiece's own model with these pieces."""
    model = sentencepiece_model_pb2.ModelProto()
    model.trainer_spec.model_type = model.trainer_spec.ModelType.Value(tokenizer.algorithm.upper())
    model.trainer_spec.vocab_size = len(tokenizer.pieces) + 1
    model.normalizer_spec.name = "identity"
    model.pieces.add(piece="<unk>", type=2)
    scores = scores or getattr(tokenizer, "scores", range(0, -len(tokenizer.pieces), -1))
    for piece, score in zip(tokenizer.pieces, scores, strict=True):
        model.pieces.add(piece=piece, score=score)
    return sentencepiece.SentencePieceProcessor(model_proto=model.SerializeToString())


def library_ids(library, texts):
    """Its ids as ours: of four fixed ones it has the unknown one, as 0."""
    rows = library.encode([spaced(text) for text in texts])
    return [[UNKNOWN if number == 0 else number + len(SPECIAL) - 1 for number in row] for row in rows]


@functools.cache
def traced(vocabulary):
    """The vocabulary as one graph, for many texts: their ids."""
    table = vocabulary.lookup()
    texts = [tf.TensorSpec([None], tf.string)]
    return tf.function(lambda texts: table.lookup(vocabulary.tokenizer(texts)), texts, autograph=False)


@functools.cache
def there_and_back(vocabulary):
    """As one graph: ids, and the texts again from the tokens and from the ids."""
    table = vocabulary.lookup()

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)], autograph=False)
    def run(texts):
        tokens = vocabulary.tokenizer(texts)
        ids = table.lookup(tokens)
        return ids, vocabulary.tokenizer.join(tokens), vocabulary.texts(ids)

    return run


def our_ids(vocabulary, texts):
    return traced(vocabulary)(tf.constant(texts, tf.string)).to_list()


def ids_at_once(vocabulary, texts):
    """Operation by operation, of a vocabulary that is asked once."""
    return vocabulary.lookup().lookup(vocabulary.tokenizer(tf.constant(texts, tf.string))).to_list()


def check_ids(vocabulary, library, texts, ids_of=our_ids):
    assert ids_of(vocabulary, texts) == library_ids(library, texts)


def in_plain_python(value, text):
    """Ids from vocabulary.json alone, as another language would make them."""
    places = {piece: place for place, piece in enumerate(value["tokens"]) if place >= len(SPECIAL)}
    text = unicodedata.normalize(value["normalise"], text)
    text = spaced(text.lower() if value["lowercase"] else text)
    cut = cheapest if value["unit"] == "unigram" else merged
    symbols = cut(MARK + text.replace(" ", MARK), places, value) if text else []
    ids = [places.get(symbol, UNKNOWN) for symbol in symbols]
    return [number for place, number in enumerate(ids) if number != UNKNOWN or ids[place - 1 : place] != [UNKNOWN]]


def merged(text, ranks, value):
    symbols = list(text)
    while True:
        pairs = [(ranks[a + b], place) for place, (a, b) in enumerate(itertools.pairwise(symbols)) if a + b in ranks]
        if not pairs:
            return symbols
        _, place = min(pairs)
        symbols[place : place + 2] = ["".join(symbols[place : place + 2])]


def cheapest(text, places, value):
    """The whole text at once, in double precision."""
    scores = {piece: value["scores"][place - len(SPECIAL)] for piece, place in places.items()}
    unknown = min(scores.values()) - 10
    best = [(0.0, [])]  # of the text up to each character: sum, pieces
    for end in range(1, len(text) + 1):
        ways = [(scores.get(text[start:end]), start) for start in range(end)]
        if ways[-1][0] is None:
            ways[-1] = unknown, end - 1
        found = [(best[start][0] + score, start) for score, start in ways if score is not None]
        total, start = max(found, key=lambda way: (way[0], -way[1]))
        best.append((total, [*best[start][1], text[start:end]]))
    return best[-1][1]


@pytest.fixture
def multi30k():
    folder = Path(__file__).resolve().parents[3] / "shared" / "data" / "multi30k"
    if not folder.exists():
        pytest.skip("multi30k is not beside the project")
    return folder


@pytest.fixture(scope="module", params=["subword", "unigram"])
def vocabulary(request):
    return learn_vocabulary([*LINES, "".join(ODD)] * 2, unit=request.param, size=110)


@settings(max_examples=40)
@given(texts=odd_texts)
def test_ids_are_the_librarys(vocabulary, texts):
    check_ids(vocabulary, library_of(vocabulary.tokenizer), [*texts, *LINES, "☃☂ a☃b☂☃", ""])


@settings(max_examples=5)
@given(texts=odd_texts, probe=odd_texts, merges=st.integers(0, 60))
def test_ids_are_the_librarys_whatever_it_was_trained_on(texts, probe, merges):
    known = {letter for text in texts for letter in spaced(text).replace(" ", MARK)} | {"a", MARK}
    vocabulary = learn_vocabulary([*texts, "a"], unit="subword", size=len(known) + merges + len(SPECIAL))
    check_ids(vocabulary, library_of(vocabulary.tokenizer), [*texts, *probe], ids_at_once)


@settings(max_examples=10)
@given(st.dictionaries(st.text("ab☃", min_size=1, max_size=4), st.integers(-12, -2), min_size=9, max_size=20))
def test_unigram_pieces_are_the_librarys_whatever_the_scores(scores):
    """Of all words of six: most have ties, and some know a character only as a part of pieces."""
    scores |= {MARK: -3, MARK + "a": -5}
    tokenizer = Unigram(tuple(scores), tuple(scores.values()))
    words = ["".join(word) for word in itertools.product("ab☃", repeat=6)]
    expected = library_of(tokenizer).encode(words, out_type=str)
    assert [[piece.decode() for piece in row] for row in tokenizer(tf.constant(words)).to_list()] == expected


def test_the_check_of_ids_catches_another_order_of_merges():
    vocabulary = learn_vocabulary(LINES, unit="subword", size=110)
    pieces = vocabulary.tokenizer.pieces[::-1]
    twin = Vocabulary(SPECIAL + pieces, BytePairs(pieces))
    check_ids(twin, library_of(twin.tokenizer), LINES, ids_at_once)  # any order is one
    ids = {piece: number for number, piece in enumerate(vocabulary.tokens)}
    renamed = [[ids[twin.tokens[number]] for number in row] for row in ids_at_once(twin, LINES)]
    assert renamed != ids_at_once(vocabulary, LINES)


def test_merges_are_those_that_the_library_learns_from_whole_lines():
    texts = [*LINES, "".join(ODD)] * 2
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.Train(
        sentence_iterator=(spaced(text) for text in texts),
        model_writer=model,
        model_type="bpe",
        vocab_size=110 - len(SPECIAL) + 1,
        unk_piece="\t",
        bos_id=-1,
        eos_id=-1,
        character_coverage=1.0,
        normalization_rule_name="identity",
        minloglevel=3,
    )
    library = sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())
    learned = [library.id_to_piece(number) for number in range(1, len(library))]
    expected = learn_vocabulary(texts, unit="subword", size=110).tokenizer.pieces
    assert [piece for piece in learned if piece not in SPECIAL] == list(expected)


def test_unigram_scores_are_the_librarys_rounded():
    counts = {"▁banana": 5, "▁bandana": 3, "▁cabana": 2, "▁ananas": 1}
    learned = learn_pieces(counts, 30, "unigram")
    tokenizer = Unigram.learned(learned, lowercase=False)
    np.testing.assert_allclose(tokenizer.scores, list(learned.values()), atol=0.5 / 1024)
    assert np.all(np.modf(np.array(tokenizer.scores) * 1024)[0] == 0)
    assert sum(np.exp(tokenizer.scores)) == pytest.approx(1, abs=0.1)


def test_learning_is_the_same_in_any_order_and_process(interpreter):
    texts, units = [*LINES, "".join(ODD)] * 2, ["subword", "unigram"]
    vocabularies = [learn_vocabulary(texts, unit=unit, size=110) for unit in units]
    assert [learn_vocabulary(texts[::-1], unit=unit, size=110) for unit in units] == vocabularies
    code = (
        "import json, sys; from seqkit.text.vocabulary import learn_vocabulary; texts, units = json.loads(sys.argv[1]);"
        "print(json.dumps([learn_vocabulary(texts, unit=unit, size=110).to_json() for unit in units]))"
    )
    done = interpreter.run(code, json.dumps([texts, units]))
    assert not done.returncode
    assert [Vocabulary.from_json(value) for value in json.loads(done.stdout)] == vocabularies
    assert "trainer" not in done.stderr  # the library's log


@pytest.mark.parametrize("lowercase", [True, False])
@settings(max_examples=40)
@given(texts=odd_texts)
def test_vocabulary_json_is_enough_for_another_language(vocabulary, texts, lowercase):
    value = json.loads(json.dumps(vocabulary.to_json())) | {"lowercase": lowercase}
    texts = [text.replace("İ", "") for text in [*texts, *LINES, "THE Cat"]]  # whose lower case is a matter of taste
    assert our_ids(Vocabulary.from_json(value), texts) == [in_plain_python(value, text) for text in texts]


@pytest.fixture(scope="module", params=["subword", "unigram", "marked_word", "symbol"])
def reversible(request):
    return learn_vocabulary([*LINES, "".join(ODD)], unit=request.param, size=150)


@settings(max_examples=40)
@given(texts=odd_texts)
def test_texts_come_back(reversible, texts):
    texts = [*texts, *LINES, "", "  ", ".", " (a) – “b”, c’d. "]
    expected = texts if reversible.tokenizer.unit == "symbol" else [spaced(text) for text in texts]
    ids, joined, written = there_and_back(reversible)(tf.constant(texts))
    assert [text.decode() for text in joined.numpy()] == expected  # what is unknown too
    known = [UNKNOWN not in row for row in ids.to_list()]
    assert sum(known) >= len(LINES)
    pairs = zip(written.numpy(), expected, known, strict=True)
    assert all(text.decode() == wanted for text, wanted, all_known in pairs if all_known)


def test_the_graph_gives_the_ids_of_the_pipeline(reversible):
    texts = ["never seen ☃☂☃, ", *LINES, ""]
    ids = reversible.encode(tokenize(texts, reversible.tokenizer, cache=False))
    assert [ids[row].tolist() for row in range(len(texts))] == there_and_back(reversible)(tf.constant(texts))[
        0
    ].to_list()


@pytest.mark.parametrize(
    ("unit", "tokens"),
    [
        ("marked_word", ["▁don't", "▁go", ",", "▁(", "she", ")", "▁said", "…"]),
        ("word", ["don't", "go", ",", "(", "she", ")", "said", "…"]),
    ],
)
def test_marked_words_are_words_with_marks(unit, tokens):
    text = tf.constant([" don't  go, (she) said…"])
    assert [token.decode() for token in Tokenizer(unit)(text)[0].numpy()] == tokens


@pytest.mark.parametrize("tokenizer", [Tokenizer("word"), BytePairs((), lowercase=True)])
def test_folding_reads_on_behind_a_nul(tokenizer):
    folded = [token.decode() for token in tokenizer(tf.constant(["A\x00Bé\x00"]))[0].numpy()]
    assert [token.removeprefix(MARK) for token in folded] == ["a", "bé"]


def test_fixed_tokens_are_left_out_and_unknown_ones_written():
    words = learn_vocabulary(["It is, well, odd."], unit="marked_word")
    number = {token: place for place, token in enumerate(words.tokens)}
    row = [BEGIN, number["▁It"], UNKNOWN, number[","], END, PADDING, PADDING]
    assert words.texts(tf.constant([row, [PADDING] * 7])).numpy().tolist() == [b"It <unknown>,", b""]
    assert words.texts(tf.ragged.constant([row[:3], []], dtype=tf.int32), unknown="?").numpy().tolist() == [
        b"It ?",
        b"",
    ]
    letters = learn_vocabulary(["ab"], unit="subword", size=7)
    assert letters.texts(tf.constant([ids_at_once(letters, ["aab ☃☂b"])[0]])).numpy().tolist() == [b"aab <unknown>b"]


def test_a_saved_model_holds_core_operations_alone(vocabulary, tmp_path):
    class Model(tf.Module):
        def __init__(self):
            super().__init__()
            self.table = vocabulary.lookup()

        @tf.function(input_signature=[tf.TensorSpec([None], tf.string)], autograph=False)
        def serve(self, text):
            ids = self.table.lookup(vocabulary.tokenizer(text))
            return {"ids": ids.to_tensor(), "text": vocabulary.texts(ids)}

    tf.saved_model.save(Model(), tmp_path)
    texts = [*LINES, "", "a\u00a0☃b"]
    served = tf.saved_model.load(tmp_path).serve
    for batch in (texts, [""], []):
        answer, expected = served(tf.constant(batch, tf.string)), our_ids(vocabulary, batch)
        assert answer["ids"].shape[0] == len(batch)
        assert [row[: len(ids)].tolist() for row, ids in zip(answer["ids"].numpy(), expected, strict=True)] == expected
    saved = saved_model_pb2.SavedModel.FromString((tmp_path / "saved_model.pb").read_bytes())
    graph = saved.meta_graphs[0].graph_def
    functions = {function.signature.name for function in graph.library.function}
    used = {node.op for nodes in (graph.node, *(f.node_def for f in graph.library.function)) for node in nodes}
    assert {"StatelessWhile", "SegmentMin" if vocabulary.tokenizer.unit == "subword" else "ArgMax"} <= used
    assert all(hasattr(tf.raw_ops, name) for name in used - functions)


def test_the_cache_knows_the_pieces(tmp_path, monkeypatch):
    monkeypatch.setenv("SEQKIT_CACHE", str(tmp_path))
    for pieces in (("ab", "a", "b", MARK), ("a", "b", MARK)):
        vocabulary = Vocabulary(SPECIAL + pieces, BytePairs(pieces))
        split = tokenize(["ab"], vocabulary.tokenizer)
        assert split.types[1:] == (["ab"] if "ab" in pieces else ["a", "b"])
    assert len(list(tmp_path.glob("*.npz"))) == 2


def test_rare_characters_are_unknown_and_part_what_is_merged():
    vocabulary = learn_vocabulary(["abxab abxab", "abyab"], unit="subword", size=50, min_count=2)
    assert "y" not in "".join(vocabulary.tokenizer.pieces)
    assert "abxab" in "".join(vocabulary.tokenizer.pieces)
    assert ids_at_once(vocabulary, ["aby"])[0][-1] == UNKNOWN


def test_a_size_that_is_not_to_be_had(capsys):
    with pytest.raises(InputError, match="hold 4 characters, and there is room for 3 pieces: raise .* by 1 or more"):
        learn_vocabulary(["abc"], unit="subword", size=7)
    assert len(learn_vocabulary(["abc"], unit="subword", size=8)) == 8
    capsys.readouterr()
    assert len(learn_vocabulary(["ab"] * 9, unit="subword", size=1000)) < 20
    assert "fewer than the 996" in capsys.readouterr().err
    for texts in (["", " "], ["ab"]):
        with pytest.raises(InputError, match="no character that occurs 2 times: check the text column"):
            learn_vocabulary(texts, unit="subword", min_count=2)
    with pytest.raises(InputError, match="holds the pieces that its rule cuts"):
        Vocabulary((*SPECIAL, "a"), BytePairs(("a", MARK)))
    with pytest.raises(InputError, match="a score each: there are 2 and 1"):
        Unigram(("a", MARK), (-1.0,))


@pytest.mark.slow
@pytest.mark.parametrize("unit", ["subword", "unigram"])
@pytest.mark.parametrize("language", ["en", "de"])
def test_ids_are_the_librarys_on_all_of_multi30k(language, unit, multi30k):
    texts = (multi30k / f"train.{language}").read_text(encoding="utf-8").split("\n")[:-1]
    vocabulary = learn_vocabulary(texts, unit=unit, size=8000)
    assert 7500 < len(vocabulary) <= 8000
    ids = vocabulary.encode(tokenize(texts, vocabulary.tokenizer, cache=False))
    ours = [ids[row].tolist() for row in range(len(texts))]
    assert ours == library_ids(library_of(vocabulary.tokenizer), texts)
    if unit == "unigram":
        words = tokenize(texts, BytePairs(()))
        learned = learn_pieces(dict(zip(words.types, words.counts().tolist(), strict=True)), 8000 - len(SPECIAL), unit)
        assert ours == library_ids(library_of(vocabulary.tokenizer, learned.values()), texts)  # as they were learned
    assert np.all(ids.values != UNKNOWN)
    back = vocabulary.texts(tf.RaggedTensor.from_row_lengths(ids.values, ids.lengths)).numpy()
    assert [text.decode() for text in back] == [spaced(text) for text in texts]
