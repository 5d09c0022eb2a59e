"""Units that don't fit a text are noted: what is tokenised already, and what has no blanks between words."""

import pytest
import tensorflow as tf

from seqkit.sources.examples import Examples
from seqkit.sources.units import check_unit
from seqkit.text.tokenizer import Tokenizer

TREEBANK = ["it 's said company <unk> it company N N it the", "the mr. N it the mr. said company", "we do n't know"] * 9
PROSE = ["It's said that the company, which nobody knew, doesn't exist.", "A rock 'n' roll night.", "He said so."] * 9
CHINESE = ["我昨天在北京看了一场非常好看的电影。", "这家餐厅的菜又贵又难吃，再也不去了！"] * 9
SEGMENTED = ["我 昨天 在 北京 看 了 一 场 电影 。"] * 9
JAPANESE = ["この映画はとても面白かったです。", "料理が冷たくて残念でした。"] * 9
THAI = ["ภาพยนตร์เรื่องนี้สนุกมาก", "อาหารไม่อร่อยเลย"] * 9


@pytest.mark.parametrize(
    ("texts", "unit", "kind"),
    [
        (TREEBANK, "word", "tokenised"),
        (TREEBANK, "marked_word", "tokenised"),
        (TREEBANK, "whitespace", None),
        (TREEBANK, "symbol", None),
        (PROSE, "word", None),
        (CHINESE, "word", "unspaced"),
        (JAPANESE, "word", "unspaced"),
        (THAI, "whitespace", "unspaced"),
        (CHINESE, "character", None),
        (SEGMENTED, "whitespace", None),
        (["", " "], "word", None),
        (PROSE + CHINESE[:1], "word", None),  # a quotation
    ],
)
def test_a_unit_that_does_not_fit_is_noted_with_its_places(texts, unit, kind):
    examples = Examples({"text": texts}, "x.tsv", lines=[*range(2, len(texts) + 2)])
    found = check_unit(examples, "text", unit).findings
    assert [finding.kind for finding in found] == ([kind] if kind else [])
    for finding in found:
        assert finding.places[0] == "x.tsv, line 2"
        assert ("whitespace" if kind == "tokenised" else "character") in finding.advice


def test_blanks_alone_part_what_is_tokenised_already():
    text = " it 's\u00a0<unk>  mr.\tN/A\r\n"
    tokens = Tokenizer("whitespace", lowercase=False)(tf.constant([text]))
    assert [token.decode() for token in tokens[0].numpy()] == text.split()
    assert Tokenizer("whitespace").join(tokens).numpy()[0].decode() == " ".join(text.split())
