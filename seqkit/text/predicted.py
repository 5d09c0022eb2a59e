"""What a language model has to predict of texts, and what its cost is shared among.

What is paid for is counted, once: where a line's end is predicted, it is a symbol, a word and a character of the text. So it
is done with the Penn Treebank and WikiText, and by KenLM.
"""

import dataclasses
import itertools
from collections.abc import Sequence

import numpy as np

from seqkit.core.ragged import Ragged
from seqkit.text.subwords import Subwords
from seqkit.text.tokenizer import Tokens, tokenize
from seqkit.text.vocabulary import END, SPECIAL, UNKNOWN, Vocabulary

CHARACTERS = 0x110000 - 0x800  # that Unicode has room for


@dataclasses.dataclass(frozen=True)
class Predicted:
    """What there is to predict of texts.

    Attributes:
        ids: int32, ragged by text, with the end tokens.
        words: int64, (texts,): words, and line ends. Words are the symbols where these are words, otherwise what blanks
            part.
        characters: int64, (texts,): characters, and line ends, a run of blanks as the one that the symbols know; nothing
            where symbols are words, which don't say what stands between them.
        spelling: float64, (texts,): what the unknown symbols cost in nats beyond that they are unknown, with any character
            as likely as any other; 0 where symbols are words, for which there is no end of spellings.
    """

    ids: Ragged
    words: np.ndarray
    characters: np.ndarray | None
    spelling: np.ndarray

    @property
    def unknown(self) -> np.ndarray:
        """How many symbols of each text are unknown: int64, (texts,)."""
        return Ragged((self.ids.values == UNKNOWN).astype(np.int64), self.ids.offsets).sums()


def closed(vocabulary: Vocabulary) -> bool:
    """Whether symbols are words, so that what is unknown can't be paid for."""
    return by_lines(vocabulary.tokenizer.unit) and not isinstance(vocabulary.tokenizer, Subwords)


def by_lines(unit: str) -> bool:
    """Whether texts are split line by line, since symbols know no line ends."""
    return unit != "symbol"


def lines_of(text: str, unit: str) -> list[str]:
    """A text's lines, an empty one of an empty text, where symbols know no line ends; otherwise the text as a whole."""
    return (text.splitlines() or [""]) if by_lines(unit) else [text]


def predicted(
    texts: Sequence[str], vocabulary: Vocabulary, *, ends: bool, running: bool, cache: bool = True
) -> Predicted:
    """Split texts.

    Args:
        ends: Whether an end token stands behind each text, or behind each of its lines (see `by_lines`).
        running: Whether they are stretches of one text, of which a line may go on in the next one.
        cache: Whether they are split once, as `tokenize` has it.
    """
    tokenizer = vocabulary.tokenizer
    lines = [lines_of(text, tokenizer.unit) for text in texts]
    counts = np.array([len(own) for own in lines], np.int64)
    flat = [line for own in lines for line in own]
    tokens = tokenize(flat, tokenizer, cache=cache)
    ids = vocabulary.encode(tokens)
    goes_on = np.array([running and text[-1:].splitlines() == [text[-1:]] for text in texts], bool)
    goes_on[-1:] = False
    ended = np.full(len(flat), ends)
    ended[np.cumsum(counts)[goes_on] - 1] = False

    def of_texts(values: np.ndarray) -> np.ndarray:
        return Ragged.of_lengths(values, counts).sums()

    closing = of_texts(ended.astype(np.int64))
    if closed(vocabulary):
        words, characters = of_texts(ids.lengths) + closing, None
    else:
        line_ends = closing if ends else np.array([text.count("\n") for text in texts], np.int64)
        words = _words(texts, running) + line_ends
        sizes = np.array([len(token) for token in tokens.types], np.int64)
        characters = of_texts(Ragged(sizes[tokens.indices.values], ids.offsets).sums()) + closing
        if isinstance(tokenizer, Subwords):  # a line's first mark is a character only where it stands for a blank
            marked = ids.lengths > 0
            after_cut = np.flatnonzero(goes_on) + 1
            blank = after_cut[[texts[row][:1].isspace() for row in after_cut.tolist()]]
            marked[np.cumsum(counts)[blank - 1]] = False
            characters -= of_texts(marked.astype(np.int64))
    ids = ids.append(END, ended)
    by_text = Ragged(ids.values, ids.offsets[np.concatenate([[0], np.cumsum(counts)])])
    return Predicted(by_text, words, characters, of_texts(_spelling(tokens, vocabulary)))


def _words(texts: Sequence[str], running: bool) -> np.ndarray:
    """What blanks part: int64, (texts,). A word that goes on in the next text counts where it begins."""
    words = np.array([len(text.split()) for text in texts], np.int64)
    if running:
        inside = [bool(a and b and not a[-1].isspace() and not b[0].isspace()) for a, b in itertools.pairwise(texts)]
        words[1:] -= np.array(inside, bool)
    return words


def _spelling(tokens: Tokens, vocabulary: Vocabulary) -> np.ndarray:
    """What the unknown symbols of each row cost: float64, (rows,), in nats.

    A symbol is a character; an unknown subword is some, whose end is as likely as any other one.
    """
    costs = np.zeros(len(tokens.types))
    if not closed(vocabulary):
        known = set(vocabulary.tokens[len(SPECIAL) :])
        pieces = isinstance(vocabulary.tokenizer, Subwords)
        for place, token in enumerate(tokens.types):
            if token not in known:
                costs[place] = (len(token) + pieces) * np.log(CHARACTERS + pieces)
    return Ragged(costs[tokens.indices.values], tokens.indices.offsets).sums()
