"""BLEU against sacreBLEU, CIDEr-D against the paper's matrices, over random captions with several references."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sacrebleu.metrics import BLEU

from seqkit.metrics.captions import caption_scorer, cider_d, words_of

WORDS = ("a", "dog", "runs", "on", "the", "green", "grass", "with", "red", "ball")
captions = st.lists(st.sampled_from(WORDS), min_size=1, max_size=9).map(" ".join)
images = st.lists(st.tuples(captions, st.lists(captions, min_size=3, max_size=3)), min_size=1, max_size=6)


@given(images, st.integers(0, 5))
def test_bleu_of_any_rows_is_that_of_sacrebleu(rows, kept):
    texts, references = zip(*((text, own[: 1 + place % 3]) for place, (text, own) in enumerate(rows)), strict=True)
    chosen = np.arange(len(rows))[: 1 + kept]
    got = caption_scorer(texts, references)(chosen)
    streams = [list(column) for column in itertools.zip_longest(*(references[row] for row in chosen))]
    for order in range(1, 5):
        theirs = BLEU(max_ngram_order=order, tokenize="none", smooth_method="none", force=True)
        assert got[f"bleu_{order}"] == pytest.approx(
            theirs.corpus_score([texts[row] for row in chosen], streams).score, abs=1e-9
        )


def matrices(texts, references, sigma=6.0, clipped=True):
    """The equations of Vedantam et al. 2015 with an explicit vector space of all grams."""
    total = np.zeros(len(texts))
    for n in range(1, 5):
        cut = lambda text: [tuple(text.split()[i : i + n]) for i in range(len(text.split()) - n + 1)]  # noqa: B023, E731
        space = sorted({gram for text in itertools.chain(texts, *references) for gram in cut(text)})
        if not space:
            continue
        vector = lambda text: np.array([cut(text).count(gram) for gram in space], float)  # noqa: B023, E731
        occurs = sum(np.any([vector(one) > 0 for one in own], axis=0).astype(float) for own in references)
        idf = np.log(len(texts) / np.maximum(occurs, 1.0))
        for row, (text, own) in enumerate(zip(texts, references, strict=True)):
            for one in own:
                ours, theirs = vector(text) * idf, vector(one) * idf
                norm = np.linalg.norm(ours) * np.linalg.norm(theirs)
                product = (np.minimum(ours, theirs) if clipped else ours) @ theirs
                distance = len(text.split()) - len(one.split())
                if norm > 0:
                    total[row] += 10 * np.exp(-(distance**2) / (2 * sigma**2)) * product / norm / len(own) / 4
    return total


@given(images)
def test_cider_is_that_of_the_equations(rows):
    texts, references = zip(*rows, strict=True)
    np.testing.assert_allclose(cider_d(texts, references), matrices(texts, references), atol=1e-9)


def test_the_equations_catch_a_cider_that_does_not_clip_or_forgive():
    texts = ["red red red ball", "a dog"]
    references = [["red ball", "a red ball on grass"], ["the dog runs", "a dog"]]
    for other in ({"clipped": False}, {"sigma": 1.0}):
        assert np.abs(cider_d(texts, references) - matrices(texts, references, **other)).max() > 0.1


def test_known_values():
    # each image's only reference, whose grams no other image has: every order counts fully
    texts = ["a b c d e", "f g h i"]
    np.testing.assert_allclose(cider_d(texts, [[text] for text in texts]), [10.0, 10.0])
    # of two words one is right: half of one order's cosine
    one = cider_d(["a x", "q r"], [["a b"], ["q r"]])[0]
    assert one == pytest.approx(10 * 0.5 / 4)
    scores = caption_scorer(["A dog, running!", "it is"], [["a dog running"], ["It is"]])
    assert scores(np.array([0]))["bleu_3"] == pytest.approx(100.0)
    assert scores(np.array([0, 1]))["exact_match"] == 0.0
    assert scores(np.array([1]))["bleu_4"] == 0.0
    assert words_of("A dog's ball — red.") == ["a", "dog's", "ball", "red"]
