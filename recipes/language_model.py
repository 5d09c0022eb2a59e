"""Language model: the next symbol at every step. For generating text, and for ranking it."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, Literal, Unpack

from seqkit.core.arguments import Arguments, RunOptions, Source, recipe
from seqkit.core.errors import InputError
from seqkit.core.settings import IN_STEP, Embedding, Stack, Training

if TYPE_CHECKING:
    from seqkit.runs.run import Run


WORDS_OF_BLANKS: dict[str, Any] = {
    "unit": "whitespace",
    "vocabulary_size": 10_004,
}  # the Penn Treebank's, and four of ours


def _zaremba(units: int, dropout: float, epochs: int, window: int, clip: float) -> dict[str, Any]:
    """Zaremba, Sutskever and Vinyals 2014, section 4.1. Their loss is a sum over the window's steps: for the mean that is
    minimised here their step size of 1 is `window`, and their norm so many times smaller. The step size is halved where the
    validation loss doesn't fall, instead of by a plan.
    """
    return WORDS_OF_BLANKS | {
        "window": window,
        "embedding": Embedding(units=units, dropout=0.0),
        "stack": Stack(cell="lstm", units=(units, units), input_dropout=dropout, dropout=dropout),
        "training": Training(
            epochs=epochs,
            batch_size=20,
            optimizer="sgd",
            learning_rate=float(window),
            plateau_patience=1,
            global_clipnorm=clip / window,
        ),
    }


PRESETS = {
    "zaremba-small": _zaremba(200, 0.0, 13, 20, 5.0),
    "zaremba-medium": _zaremba(650, 0.5, 39, 35, 5.0),
    "zaremba-large": _zaremba(1500, 0.65, 55, 35, 10.0),
    # Merity, Keskar and Socher 2018, sections 2 to 5, for the Penn Treebank; an average of the weights of about the last
    # epoch (`ema`) stands for their trigger of averaged SGD, and one dropout for the two between and behind the layers
    "awd-lstm": WORDS_OF_BLANKS
    | {
        "window": 70,
        "random_windows": True,
        "tied": True,
        "embedding": Embedding(units=400, word_dropout=0.1),
        "stack": Stack(cell="lstm", units=(1150, 1150, 400), input_dropout=0.4, dropout=0.3, locked=True),
        "training": Training(
            epochs=500,
            batch_size=20,
            optimizer="sgd",
            learning_rate=30.0,
            global_clipnorm=0.25,
            weight_drop=0.5,
            ar=2.0,
            tar=1.0,
            ema=0.999,
        ),
    },
}


def _unread(given: Arguments) -> dict[str, str]:
    """Windows of texts that are not contiguous, and what one-hot vectors do without."""
    if given["contiguous"]:
        windows = {"training.batch_tokens": "training on windows (window times training.batch_size steps a batch)"}
    else:
        windows = dict.fromkeys(("window", "random_windows"), "text that isn't contiguous")
    return windows | (dict.fromkeys(("embedding.units", "embedding.trainable"), "one_hot") if given["one_hot"] else {})


@recipe(
    task="seqkit.tasks.language_model:LanguageModel",
    least={"vocabulary_size": 5, "min_count": 1, "window": 2},
    reads=IN_STEP | {"training.label_smoothing", "training.sampled"},
    unread=_unread,
    presets=PRESETS,
    first=(
        "data",
        "test",
        "out",
        "unit",
        "vocabulary_size",
        "window",
        "stack.cell",
        "stack.units",
        "training.epochs",
        "training.learning_rate",
    ),
)
def language_model(
    data: Source = None,
    *,
    text: str = "text",
    contiguous: bool = True,
    backward: bool = False,
    unit: Literal["symbol", "word", "whitespace", "subword", "unigram"] = "symbol",
    lowercase: bool = False,
    vocabulary_size: int = 10_000,
    min_count: int = 1,
    window: int = 100,
    random_windows: bool = False,
    one_hot: bool = False,
    tied: bool = False,
    embedding: Embedding = Embedding(units=64),
    stack: Stack = Stack(cell="gru", units=(300,), dropout=0.2, locked=True),
    training: Training = Training(epochs=8, batch_size=32, learning_rate=3e-3, schedule="cosine"),
    **run: Unpack[RunOptions],
) -> Run:
    """Learn what comes next: symbols in, the next one out at every step.

    Args:
        data: Training text: a .txt file (also .gz), a table, tfds:NAME, or in Python also a list of texts in a tuple;
            nothing for the reference topics that Python brings along.
        text: Column of the texts in a table: a name, or a number from 0 for a file without a header.
        contiguous: Whether the data is one running text, through which the state is carried window by window (truncated
            backpropagation through time); if not, each line or row is a text by itself, learned as a whole.
        backward: Whether texts are read from their end: what comes before is then predicted. Such a model scores texts,
            reads them for a tagger (`contextual`) and starts a backward direction (`start_from`); it writes none.
        unit: What comes next: a symbol (any character, spaces and line ends too), a word, what stands
            between blanks (whitespace, for text that is tokenised already), or a subword (a frequent piece of
            a word), learned by merging neighbours (BPE) or, with unigram, as the pieces of a unigram model (Kudo 2018). To
            words and subwords a run of blanks is one space.
        lowercase: Whether case is folded.
        vocabulary_size: Symbols to know, the most frequent first; subwords to learn.
        min_count: How often one must occur in the training text to be known; of subwords, a character.
        window: Steps through which gradients flow, where the text is contiguous.
        random_windows: Draw the length of each window from a half, three quarters and the whole of it.
        one_hot: Give symbols to the stack as one-hot vectors, without an embedding.
        tied: Use the embedding for the output too (Press and Wolf 2017); its width is then the stack's.
        embedding: How symbols become vectors.
        stack: The recurrent layers, in one direction; GRUs, since they had fewer nats than LSTMs of as many weights
            (docs/frontier.md).
        training: How the weights are moved; a batch is so many streams.
    Returns:
        The run.
    Raises:
        InputError: The data or the settings are not as expected.
    Example:
        >>> from seqkit.recipes import language_model
        >>> run = language_model("book.txt", window=20, stack=one_layer, out="writer", **small)
        >>> text = "".join(run.generate("the cat", length=10))
        >>> len(text)  # symbols
        10
    """
    arguments = locals()
    from seqkit.corpora.topics import topics
    from seqkit.runs.builder import RunBuilder
    from seqkit.sources.corpus import hold_out_end, read_corpus
    from seqkit.tasks.language_model import LanguageModel, build_language_model
    from seqkit.training.sampled_softmax import check_drawn

    if data is None and not contiguous:
        raise InputError("The built-in topics are one running text: leave contiguous on, or give --data.")
    if stack.bidirectional:
        raise InputError("A language model reads what came before: leave stack.bidirectional off.")
    if tied and (one_hot or embedding.units != stack.units[-1]):
        raise InputError(
            f"tied needs an embedding as wide as the stack: give embedding.units {stack.units[-1]} and leave one_hot off."
        )
    check_drawn("training.sampled", training.sampled, unit)
    columns = {"text": text}
    with RunBuilder(language_model, arguments) as making:
        splits = making.splits(
            columns,
            builtin=topics,
            reader=functools.partial(read_corpus, contiguous=contiguous),
            holder=hold_out_end,
        )
        task = LanguageModel.of(
            columns,
            splits,
            contiguous=contiguous,
            window=window,
            random_windows=random_windows,
            backward=backward,
            unit=unit,
            lowercase=lowercase,
            vocabulary_size=vocabulary_size,
            min_count=min_count,
        )
        tokens = len(task.vocabulary)
        model = build_language_model(tokens, embedding, stack, one_hot=one_hot, tied=tied)
        return making.done(task, model, splits)
