"""Tagging: a label for every word. Parts of speech, named entities, slots."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Unpack

from seqkit.core.arguments import Arguments, RunFolder, RunFolders, RunOptions, Source, beside_start, recipe
from seqkit.core.fine_tuning import FineTuning
from seqkit.core.settings import CLASSES, IN_STEP, Embedding, Scheme, Stack, Training

if TYPE_CHECKING:
    from seqkit.runs.run import Run


def _unread(given: Arguments) -> dict[str, str]:
    """Settings of characters that are not read, and what a language model to start from brings along."""
    brought = beside_start(given)
    if given["characters"] != "none":
        return brought
    without = ("character_units",) if given["contextual"] else ("character_units", "max_word_length")
    return brought | dict.fromkeys(without, "a tagger without characters")


@recipe(
    task="seqkit.tasks.tagging:Tagging",
    least={"vocabulary_size": 5, "min_count": 1, "character_units": 2, "max_word_length": 2},
    reads=lambda given: IN_STEP | {"embedding.vectors"} | (CLASSES if given["output"] != "crf" else set()),
    unread=_unread,
    first=(
        "data",
        "tokens",
        "tags",
        "test",
        "out",
        "scheme",
        "output",
        "stack.units",
        "training.epochs",
        "training.learning_rate",
    ),
)
def tagging(
    data: Source = None,
    *,
    tokens: str = "tokens",
    tags: str = "tags",
    lowercase: bool = True,
    vocabulary_size: int = 50_000,
    min_count: int = 1,
    characters: Literal["none", "cnn", "rnn"] = "cnn",
    character_units: int = 128,
    max_word_length: int = 20,
    contextual: RunFolders = (),
    scheme: Scheme = "data",
    output: Literal["softmax", "crf"] = "softmax",
    start_from: RunFolder = None,
    fine_tuning: FineTuning = FineTuning(),
    embedding: Embedding = Embedding(units=100, word_dropout=0.4),
    stack: Stack = Stack(cell="lstm", units=(160,), bidirectional=True, input_dropout=0.3, dropout=0.4),
    training: Training = Training(
        epochs=10, epoch_steps=125, learning_rate=4e-3, schedule="cosine", global_clipnorm=5.0
    ),
    **run: Unpack[RunOptions],
) -> Run:
    """Label every word of a sentence: many in, as many out.

    The run answers texts, which it splits, and lists of tokens or texts with tabs between their tokens, which it takes as
    they are.

    Args:
        data: Training tokens and tags: CoNLL-U, CoNLL columns, a table with lists, tfds:NAME, or in Python also (tokens,
            tags); nothing for the built-in sentences.
        tokens: Column of the tokens: a name, or a number from 0; "tokens" is CoNLL-U's form and CoNLL's first column.
        tags: Column of the tags, likewise; "tags" is CoNLL-U's upos and CoNLL's last column.
        lowercase: Whether words are looked up in lower case; characters keep theirs.
        vocabulary_size: Words to know, the most frequent first.
        min_count: How often a word must occur in the training data to be known.
        characters: What composes a word of its characters: nothing, filters or an LSTM.
        character_units: Width of that.
        max_word_length: Characters of a word that are read; of longer words the middle is left out, and they are counted.
        contextual: Finished runs of language_model by symbols, one or one of each direction (`backward`), whose states as
            they read the sentence are further vectors of its words (Akbik, Blythe and Vollgraf 2018). They stay as
            they are, and the characters known are theirs.
        scheme: How tags mark spans: as the data has it, which is told from the tags, or BIO (IOB2), IOB1, BIOES (IOBES),
            BILOU, BMES, IOE1 or IOE2, into which all tags are converted; prefixes stay where the data has them.
        output: Each tag on its own (softmax), or all of a sentence as a linear chain (crf). Either way spans are legal.
        start_from: A finished run of language_model on words, whose vocabulary, embedding and recurrent weights the model
            starts from; embedding.units and the stack's cell and units must be those of that run.
        fine_tuning: How the model goes on from the language model.
        embedding: How words become vectors; dropped words become <unknown>, which is so trained.
        stack: The recurrent layers.
        training: How the weights are moved; ten epochs, by the validation rows of ud_en_ewt, and of few rows 125 steps in
            each, by those of ATIS (`benchmarks/defaults.py DATA --sets ud_en_ewt --systems default "half the epochs"`).
    Returns:
        The run.
    Raises:
        InputError: The data or the settings are not as expected.
    Example:
        >>> from seqkit.recipes import tagging
        >>> run = tagging("tokens.conll", stack=one_layer, out="tagger", **small)
        >>> run.predict(["from Boston"])[0]["tokens"]
        ['from', 'Boston']
    """
    arguments = locals()
    from seqkit.corpora.sentences import sentences
    from seqkit.runs.builder import RunBuilder
    from seqkit.runs.contextual import CharacterReaders
    from seqkit.runs.pretrained import LanguageModelStart
    from seqkit.tasks.tagging import Tagging, build_tagger, learn_scheme, learn_tags
    from seqkit.text.lexicon import Lexicon, split_tokens
    from seqkit.text.vectors import read_vectors

    columns = {"tokens": tokens, "tags": tags}
    with RunBuilder(tagging, arguments) as making:
        splits = making.splits(columns, builtin=sentences)
        start = LanguageModelStart.open(start_from, embedding, stack, fine_tuning) if start_from else None
        readers = CharacterReaders.open(contextual) if contextual else None
        lexicon = Lexicon.build(
            split_tokens(splits.train["tokens"]),
            lowercase=lowercase,
            size=vocabulary_size,
            min_count=min_count,
            longest=None if characters == "none" and readers is None else max_word_length,
            known=start.vocabulary_for(splits) if start else None,
            alphabet=readers.symbols if readers else (),
        )
        written = learn_scheme(splits.train, scheme)
        task = Tagging(columns, lexicon, learn_tags(splits, written), written, output, contextual=readers is not None)
        vectors = None
        if embedding.vectors:
            vectors = read_vectors(embedding.vectors, lexicon.words, seed=run["seed"])
        read = readers.read if readers else None
        model = build_tagger(task, characters, character_units, embedding, stack, vectors, read=read)
        started = start.give(model, stack) if start else None
        return making.done(task, model, splits, started=started, read_by=readers.info if readers else None)
