"""Runs that start from a language model: what they take over from it, and what is refused."""

import json
import re
import shutil

import keras
import numpy as np
import pytest

from seqkit import load, prepare
from seqkit.core.errors import InputError
from seqkit.core.fine_tuning import FineTuning
from seqkit.core.settings import Embedding, Stack, Training
from seqkit.layers.characters import character_input, compose_characters
from seqkit.layers.embedding import embed_tokens
from seqkit.recipes.language_model import language_model
from seqkit.recipes.sentiment import sentiment
from seqkit.recipes.tagging import tagging
from seqkit.runs.checking import checked
from seqkit.runs.contents import add_files, read_info, write_info
from seqkit.runs.parts import without_report
from seqkit.runs.pretrained import LanguageModelStart
from seqkit.text.byte_pairs import BytePairs
from seqkit.topologies.many_to_many import many_to_many
from seqkit.topologies.many_to_one import many_to_one

pytestmark = pytest.mark.xdist_group("pretrained")  # one process trains what all of them read
TEXTS = [f"{opening} {word} {end}" for opening in ("A", "The") for word in "bcdefg" for end in ("is.", "was!", "h i")]
ROWS = (TEXTS, ["long" if text.endswith("i") else "short" for text in TEXTS])
WORDS = {"embedding": Embedding(units=4), "stack": Stack(cell="gru", units=(3, 3))}
BOTH_WAYS = Stack(cell="gru", units=(3, 3), bidirectional=True)
STEP = Training(epochs=1, learning_rate=1e-12)


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Language models: on words; the same, as if on lower-cased words, on symbols, and on pieces that were merged."""
    folder = tmp_path_factory.mktemp("pretrained")
    options = {"contiguous": False, "unit": "word", "training": Training(epochs=1), **WORDS}
    with without_report():
        language_model((TEXTS,), out=folder / "words", **options)
        language_model((TEXTS,), out=folder / "backward", backward=True, **options)
    for name, rule in {
        "folded": {"lowercase": True},
        "symbols": {"unit": "symbol", "replace": [], "normalise": None},
        "pieces": {"unit": "subword", "replace": [list(step) for step in BytePairs(()).steps]},
    }.items():
        shutil.copytree(folder / "words", folder / name)
        path = folder / name / "vocabulary.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | rule))
        add_files(folder / name, read_info(folder / name), [path])
    return folder


@pytest.fixture(scope="module")
def started(runs):
    """A run of sentiment that started from the first, and was hardly trained."""
    settings = {"embedding": Embedding(units=4), "stack": BOTH_WAYS, "training": STEP}
    return sentiment(ROWS, start_from=runs / "words", out=runs / "sentiment", **settings)


def said_by(model, layer, ids, part=slice(None)):
    return keras.Model(model.inputs, model.get_layer(layer).output).predict(ids, verbose=0)[..., part]


def test_the_forward_direction_says_what_the_language_model_says(runs, started):
    before = load(runs / "words")
    ids = np.array([[4, 5, 6, 7, 3], [8, 4, 4, 2, 3]], "int32")
    heard = said_by(before.model, "gru_1", ids)
    np.testing.assert_allclose(said_by(started.model, "bidirectional_1", ids, slice(3)), heard, atol=1e-6)
    # the second layer reads the other direction too: what of its weights reads the forward one is the language model's
    kernel = started.model.get_layer("bidirectional_2").forward_layer.get_weights()[0]
    np.testing.assert_allclose(kernel[:3], before.model.get_layer("gru_2").get_weights()[0], atol=1e-6)
    assert np.abs(kernel[3:]).min() > 0
    assert started.task.vocabulary == before.task.vocabulary
    assert started.info["started_from"]["taken"] == [
        "vocabulary",
        "embedding",
        "gru_1 forward",
        "gru_2 forward (for what the language model reads)",
    ]
    assert started.info["started_from"]["new"] == ["gru_1 backward", "gru_2 backward", "logits"]


def test_the_backward_direction_says_what_a_language_model_of_the_turned_text_says(runs):
    before = load(runs / "backward")
    start = LanguageModelStart.open(runs / "backward", Embedding(units=4), BOTH_WAYS, FineTuning())
    model = many_to_one(*embed_tokens(len(start.vocabulary), Embedding(units=4)), outputs=2, stack=BOTH_WAYS)
    given = start.give(model, BOTH_WAYS)
    ids = np.array([[4, 5, 6, 7, 3], [8, 4, 4, 2, 3]], "int32")
    heard = said_by(before.model, "gru_1", ids[:, ::-1])[:, ::-1]
    np.testing.assert_allclose(said_by(model, "bidirectional_1", ids, slice(3, None)), heard, atol=1e-6)
    kernel = model.get_layer("bidirectional_2").backward_layer.get_weights()[0]
    np.testing.assert_array_equal(kernel[3:], before.model.get_layer("gru_2").get_weights()[0])
    assert np.abs(kernel[:3]).min() > 0
    assert given.info["new"] == ["gru_1 forward", "gru_2 forward", "logits"]


def test_one_way_the_whole_stack_is_taken_over(runs):
    start = LanguageModelStart.open(runs / "folded", *WORDS.values(), FineTuning())
    ids, features, mask = embed_tokens(len(start.vocabulary), WORDS["embedding"])
    model = many_to_one(ids, features, mask, outputs=2, stack=WORDS["stack"])
    given = start.give(model, WORDS["stack"])
    assert given.info["new"] == ["logits"]
    assert [[layer.name for layer in layers] for layers in given.layers] == [["embedding"], ["gru_1"], ["gru_2"]]
    ids = np.array([[4, 5, 6, 3]], "int32")
    np.testing.assert_allclose(said_by(model, "gru_2", ids), said_by(start.model, "gru_2", ids), atol=1e-6)


def test_a_tagger_looks_words_up_as_the_language_model_does(runs):
    tags = (
        [text.split() for text in TEXTS],
        [["O" if word.islower() else "B" for word in text.split()] for text in TEXTS],
    )
    settings = {"embedding": Embedding(units=4), "stack": BOTH_WAYS, "training": STEP, "character_units": 4}
    task = checked(tagging, [tags], {"start_from": runs / "words", **settings}).task
    vocabulary = load(runs / "words").task.vocabulary
    assert task.lexicon.words == vocabulary
    assert "A" in vocabulary.tokens  # whose language model folds no case, though a tagger's default does


def test_prepared_data_knows_its_language_model(runs):
    where = prepare(sentiment, ROWS, start_from=runs / "words", out=runs / "prepared")
    settings = {"embedding": Embedding(units=4), "stack": BOTH_WAYS, "training": STEP}
    task = checked(sentiment, [where], {"start_from": runs / "words", **settings}).task
    assert task.vocabulary == load(runs / "words").task.vocabulary
    for other, why in ({"start_from": runs / "folded"}, "prepared with start_from"), ({}, "without the vocabulary"):
        with pytest.raises(InputError, match=why):
            checked(sentiment, [where], settings | other)


def test_a_run_goes_on_from_the_language_model_that_it_started_from(runs, started):
    settings = {"embedding": Embedding(units=4), "stack": BOTH_WAYS, "training": STEP}
    with pytest.raises(InputError, match="another language model to start from"):
        sentiment(ROWS, start_from=runs / "folded", out=runs / "sentiment", resume="auto", **settings)
    shutil.copytree(runs / "words", runs / "moved")
    again = sentiment(ROWS, start_from=runs / "moved", out=runs / "sentiment", resume="auto", **settings)
    assert again.info["started_from"] == started.info["started_from"]


@pytest.mark.parametrize(
    ("name", "other", "sentence"),
    [
        ("words", {"stack": Stack(units=(3, 3))}, "stack.cell lstm: .* set stack.cell gru"),
        ("words", {"stack": Stack(cell="gru", units=(3,))}, "set stack.units 3 3"),
        ("words", {"embedding": Embedding(units=5)}, "embedding.units 5: .* set embedding.units 4"),
        ("backward", {}, "reads texts from their end: set stack.bidirectional"),
        (
            "backward",
            {"stack": BOTH_WAYS, "fine_tuning": FineTuning(language_model=0.5)},
            "reads texts from their end, where the new model reads on: leave it at 0",
        ),
        ("symbols", {}, "language model of symbols: give one that was trained with unit word"),
        ("sentiment", {}, "a run of sentiment: give start_from a run of language_model"),
        (
            "words",
            {"fine_tuning": FineTuning(language_model=0.5)},
            "weights of its own: leave it at 0, or train .* tied",
        ),
        (
            "pieces",
            {"fine_tuning": FineTuning(language_model=0.5)},
            "language_model is 0.5 with unit subword, but .* unigram, or fine_tuning.language_model 0",
        ),
        ("words", {"lowercase": False}, "lowercase is False, but start_from"),
        ("words", {"embedding": Embedding(units=4, vectors="v.txt")}, "embedding.vectors is 'v.txt', but start_from"),
    ],
)
def test_what_does_not_fit_is_one_sentence(runs, started, name, other, sentence):
    with pytest.raises(InputError, match=sentence) as error:
        sentiment(ROWS, start_from=runs / name, out=runs / "never", **{**WORDS, **other})
    assert len(re.findall(r"[.!?](?: |$)", str(error.value))) == 1
    assert not (runs / "never").exists()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda settings: settings.pop("stack"), "settings tell of no layers"),
        (lambda settings: settings.update(embedding="x"), "settings tell of no layers"),
        (lambda settings: settings["stack"].update(units=3), "settings tell of no layers"),
        (lambda settings: settings["stack"].update(units=[3, 3, 3]), "no layer gru_3, of which its settings tell"),
        (lambda settings: settings["stack"].update(units=[3, 4]), "take the cell and the units"),
        (lambda settings: settings["stack"].update(cell="sru"), "no layer sru_1, of which"),
    ],
)
def test_a_language_model_that_no_run_wrote_gets_a_sentence(runs, tmp_path, change, sentence):
    shutil.copytree(runs / "words", tmp_path / "words")
    info = read_info(tmp_path / "words")
    change(info["settings"])
    write_info(tmp_path / "words", info)
    said = info["settings"].get("stack", {})
    units = said.get("units") if isinstance(said.get("units"), list) else [3, 3]
    stack = Stack(cell=said.get("cell", "gru"), units=tuple(units))
    with pytest.raises(InputError, match=sentence):
        sentiment(
            ROWS,
            start_from=tmp_path / "words",
            out=tmp_path / "run",
            stack=stack,
            embedding=Embedding(units=4),
            training=STEP,
        )


def test_characters_that_a_tagger_spells_come_behind_what_is_taken_over(runs):
    start = LanguageModelStart.open(runs / "words", *WORDS.values(), FineTuning())
    ids, features, mask = embed_tokens(len(start.vocabulary), WORDS["embedding"])
    letters = character_input(5)
    spelt = compose_characters(letters, 9, "cnn", 2)
    both = keras.layers.Concatenate()([features, spelt])
    model = many_to_many([ids, letters], both, mask, outputs=2, stack=WORDS["stack"])
    fresh = model.get_layer("gru_1").get_weights()[0]
    start.give(model, WORDS["stack"])
    kernel = model.get_layer("gru_1").get_weights()[0]
    np.testing.assert_array_equal(kernel[4:], fresh[4:])
    np.testing.assert_array_equal(kernel[:4], start.model.get_layer("gru_1").get_weights()[0])
