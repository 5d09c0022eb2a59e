"""Whether the unit that a model reads fits a text: tokenised already, or of a script that has no blanks between words."""

import re

from seqkit.core.findings import Finding
from seqkit.sources.examples import Examples

SAMPLE = 1_000  # texts that are looked at, spread over all
TOKENISED_SHARE = 0.05  # of the texts, from which a source is taken for tokenised
UNSPACED_SHARE = 0.3  # of the letters that are of such scripts, from which a source is of one
LONGEST = 6  # characters between two blanks on average, up to which they may part words of such a script

# Cut off by a tokeniser (Penn Treebank's and those after it), or put in place of what was there.
_TOKEN = re.compile(
    r"(?:^|\s)(?:'(?:s|re|ve|ll|d|m)|n't|``|''|-[LR][RSC]B-|@-@|<unk>|<num>|<eos>)(?=\s|$)", re.IGNORECASE
)
_UNSPACED = re.compile(  # CJK ideographs, Hiragana, Katakana, Thai, Lao, Myanmar, Khmer
    "[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff]"
)
_LETTER = re.compile(r"[^\W\d_]")


def check_unit(examples: Examples, field: str, unit: str) -> Examples:
    """Note where another unit would read the texts of a field better.

    Args:
        unit: As `seqkit.text.tokenizer.Tokenizer` has it.
    """
    if unit not in ("word", "marked_word", "whitespace"):
        return examples
    rows = range(0, len(examples), max(1, len(examples) // SAMPLE))
    texts = [examples[field][row] for row in rows]
    whole = "\n".join(texts)
    unspaced, letters = len(_UNSPACED.findall(whole)), len(_LETTER.findall(whole))
    pieces = [piece for piece in whole.split() if _UNSPACED.search(piece)]
    if unspaced > UNSPACED_SHARE * letters and sum(map(len, pieces)) > LONGEST * len(pieces):
        what = (
            f"the {field}s of {examples.origin} are in a script without blanks between words, and unit {unit} takes a whole "
            "clause for one"
        )
        places = examples.places([row for row, text in zip(rows, texts, strict=True) if _UNSPACED.search(text)])
        return examples.noting(Finding.at("unspaced", "warning", what, places, "Choose unit character, or subwords."))
    tokenised = [row for row, text in zip(rows, texts, strict=True) if _TOKEN.search(text)]
    if unit != "whitespace" and len(tokenised) > TOKENISED_SHARE * len(texts):
        found = sorted({match.group().strip() for text in texts for match in _TOKEN.finditer(text)})
        what = (
            f"the {field}s of {examples.origin} look tokenised already, and unit {unit} cuts {', '.join(found[:4])} and the "
            "like again"
        )
        places = examples.places(tokenised)
        return examples.noting(Finding.at("tokenised", "note", what, places, "Unit whitespace keeps tokens whole."))
    return examples
