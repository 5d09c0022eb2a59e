"""What a translator says of its data."""

from types import SimpleNamespace

from seqkit.sources.examples import Examples
from seqkit.tasks.translation import Translation
from seqkit.text.tokenizer import Tokenizer


def test_both_sides_are_looked_at_with_their_own_units():
    examples = Examples({"source": ["it 's <unk> here"], "target": ["这部电影非常好看我很喜欢"]}, "pairs")

    def kinds(source, target):
        sides = {"source": source, "target": target}
        units = {side: SimpleNamespace(tokenizer=Tokenizer(unit)) for side, unit in sides.items()}
        return [finding.kind for finding in Translation.examined(SimpleNamespace(**units), examples).findings]

    assert kinds("marked_word", "marked_word") == ["tokenised", "unspaced"]
    assert kinds("whitespace", "symbol") == []
