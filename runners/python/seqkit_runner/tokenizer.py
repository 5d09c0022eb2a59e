"""Texts to ids and back, by tokenizer.json alone: pure Python, with the file's own tables of characters.

docs/tokenizer.md of seqkit is the specification.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Self

from seqkit_runner.characters import Fold, NormalForm, character_class, well_formed
from seqkit_runner.errors import ArtefactError
from seqkit_runner.pieces import Pieces, byte_pairs, most_probable
from seqkit_runner.tokenizer_file import SPECIAL, checked

PADDING, UNKNOWN, BEGIN, END = range(len(SPECIAL))
WORDS = ("word", "whitespace")  # between which, written out, there is a space
MARKED = ("marked_word", "subword", "unigram")
MARK = "▁"  # where a word begins, in the units of `MARKED`
TAB = "\t"
_LINE_END = re.compile("\r\n|[\n\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
_BREAK = re.compile("<[bB][rR] */?>")


class Tokenizer:
    """What a tokenizer.json says.

    Attributes:
        unit: What a token is.
        lowercase: Whether case is folded; of a tagger, for looking words up.
        vocabulary: The token of each id.
        characters: Single characters of words, for a tagger that reads them; their ids start at 4.
        width: Character ids a word.
    """

    def __init__(self, value: Mapping[str, Any]) -> None:
        self.unit: str = value["unit"]
        self.lowercase: bool = value["lowercase"]
        self.vocabulary: list[str] = value["tokens"]
        self.characters: list[str] = value.get("characters", [])
        self.width: int = value.get("characters_a_word", 0)
        first = len(SPECIAL)
        self._places = {token: number for number, token in enumerate(self.vocabulary[first:], start=first)}
        self._letters = {letter: number for number, letter in enumerate(self.characters, start=first)}
        tables = value["tables"]
        self._folded = Fold(tables["lower"]) if self.lowercase else _unchanged
        self._composed = NormalForm(tables["nfc"]) if value["normal_form"] else _unchanged
        blank = character_class(tables["blank"]) if "blank" in tables else None
        self._blanks = re.compile(f"[{blank}]+") if blank else None
        if "letter" in tables:
            letter = character_class(tables["letter"])
            mark = f"{MARK}?" if self.unit in MARKED else ""
            self._words = re.compile(f"{mark}(?:[{letter}]+(?:['’][{letter}]+)*|[^{blank}{letter}])")
        if self.unit == "subword":
            self._pieces = Pieces(byte_pairs(self._places))
        elif self.unit == "unigram":
            self._pieces = Pieces(most_probable(self.vocabulary[first:], value["scores"]))

    @classmethod
    def from_json(cls, value: Any) -> Self:
        """Read what tokenizer.json holds.

        Raises:
            ArtefactError: It is of another version, or something in it is missing or of another kind.
        """
        return cls(checked(value))

    @staticmethod
    def lines(text: str) -> list[str]:
        """A text's lines, an empty one of an empty text: what a language model splits one by one, unless by symbols."""
        lines = _LINE_END.split(text)
        return lines[:-1] if len(lines) > 1 and not lines[-1] else lines

    def tokens(self, text: str) -> list[str]:
        """The tokens of a text."""
        return self._split(self._folded(self._composed(well_formed(text))))

    def ids(self, text: str) -> list[int]:
        """The ids of a text's tokens, without an end token."""
        return [self._places.get(token, UNKNOWN) for token in self.tokens(text)]

    def text(self, ids: Iterable[int], unknown: str | Sequence[str] = SPECIAL[UNKNOWN]) -> str:
        """The text of ids; padding, begin and end are left out wherever they stand.

        Args:
            unknown: What an unknown token is written as; among marked words as one by itself. Or the token to write for it
                at each place of `ids`.
        Raises:
            ArtefactError: An id is none of the vocabulary's.
        """
        instead = (MARK if self.unit == "marked_word" else "") + unknown if isinstance(unknown, str) else None
        written = []
        for place, number in enumerate(ids):
            if not 0 <= number < len(self.vocabulary):
                raise ArtefactError(f"Id {number} is none of the vocabulary's {len(self.vocabulary)}.")
            if number == UNKNOWN:
                written.append(unknown[place] if instead is None else instead)
            elif number >= len(SPECIAL):
                written.append(self.vocabulary[number])
        if self.unit not in MARKED:
            return (" " if self.unit in WORDS else "").join(written)
        return "".join(written).removeprefix(MARK).replace(MARK, " ")

    def split(self, text: str | Sequence[str]) -> list[str]:
        """The tokens of a tagger's sentence, with their case.

        Args:
            text: Tokens, in which a tab counts as a space; a text with tabs, between which its tokens stand; or any other
                text.
        """
        if not isinstance(text, str):
            return [self._composed(well_formed(token)).replace(TAB, " ") for token in text]
        text = self._composed(well_formed(text))
        return [token for token in text.split(TAB) if token] if TAB in text else self._split(text)

    def sentence(self, text: str | Sequence[str]) -> tuple[list[str], list[int], list[list[int]] | None]:
        """A tagger's sentence.

        Returns:
            Its tokens, with their case; their ids, without an end token; the ids of each one's characters, `width` of them,
            or None where the tagger doesn't read them. (An end token has no characters, but padding.)
        """
        tokens = self.split(text)
        ids = [self._places.get(self._folded(token), UNKNOWN) for token in tokens]
        return tokens, ids, [self._spelt(token) for token in tokens] if self.characters else None

    def _spelt(self, word: str) -> list[int]:
        """Of a long word the beginning and the end."""
        room = self.width - 2
        tail = room // 2
        letters = word if len(word) <= room else word[: room - tail] + word[-tail:]
        row = [BEGIN, *(self._letters.get(letter, UNKNOWN) for letter in letters), END]
        return row + [PADDING] * (self.width - len(row))

    def _split(self, text: str) -> list[str]:
        """The tokens of a text that is composed and folded."""
        if self._blanks is None:
            return list(text)
        if self.unit in ("word", "character"):
            text = _BREAK.sub(" ", text)
        if self.unit == "word":
            return self._words.findall(text)
        if self.unit == "character":
            return list(self._blanks.sub(" ", text).strip(" "))
        words = [word for word in self._blanks.split(text) if word]
        if self.unit == "whitespace":
            return words
        cut = self._words.findall if self.unit == "marked_word" else self._pieces.of
        return [token for word in words for token in cut(MARK + word)]


def _unchanged(text: str) -> str:
    return text
