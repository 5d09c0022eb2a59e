"""Intents and slots: what a sentence asks for, and the words that say of what."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Unpack

from seqkit.core.arguments import Arguments, RunOptions, Source, recipe
from seqkit.core.settings import IN_STEP, Embedding, Pooling, Scheme, Stack, Training

if TYPE_CHECKING:
    from seqkit.runs.run import Run


def _unread(given: Arguments) -> dict[str, str]:
    """Settings of characters that are not read."""
    if given["characters"] != "none":
        return {}
    return dict.fromkeys(("character_units", "max_word_length"), "a model without characters")


@recipe(
    task="seqkit.tasks.intents_and_slots:IntentsAndSlots",
    least={"vocabulary_size": 5, "min_count": 1, "character_units": 2, "max_word_length": 2, "label_weight": 0},
    reads=lambda given: (
        IN_STEP | {"embedding.vectors"} | ({"training.class_weights"} if given["output"] != "crf" else set())
    ),
    unread=_unread,
)
def intents_and_slots(
    data: Source = None,
    *,
    tokens: str = "tokens",
    tags: str = "tags",
    label: str = "label",
    lowercase: bool = True,
    vocabulary_size: int = 50_000,
    min_count: int = 1,
    characters: Literal["none", "cnn", "rnn"] = "cnn",
    character_units: int = 128,
    max_word_length: int = 20,
    scheme: Scheme = "data",
    output: Literal["softmax", "crf"] = "softmax",
    pooling: Pooling = "max",
    label_weight: float = 3.0,
    embedding: Embedding = Embedding(units=100, word_dropout=0.1),
    stack: Stack = Stack(cell="lstm", units=(160,), bidirectional=True, input_dropout=0.3, dropout=0.4),
    training: Training = Training(epochs=20, learning_rate=4e-3, schedule="cosine", global_clipnorm=5.0),
    **run: Unpack[RunOptions],
) -> Run:
    """Label whole sentences and each of their words: what is asked for, and which words say of what.

    One model does both: embedding and recurrent layers are shared, and what scores the row's label sees which tags its words
    have. The run answers what a tagger answers, with the row's label and the probabilities of all labels.

    Args:
        data: Training tokens, their tags and the rows' labels: CoNLL columns or CoNLL-U with the label in a comment line
            before each sentence (# intent = flight) or in a column, a table with lists, tfds:NAME, or in Python also
            (tokens, tags, labels); nothing for the built-in requests.
        tokens: Column of the tokens: a name, or a number from 0; "tokens" is CoNLL-U's form and CoNLL's first column.
        tags: Column of the tags, likewise; "tags" is CoNLL-U's upos and CoNLL's last column.
        label: Column of the row's label, likewise; of a token file without such a column the name in its comments, where
            "label" stands for "intent" too.
        lowercase: Whether words are looked up in lower case; characters keep theirs.
        vocabulary_size: Words to know, the most frequent first.
        min_count: How often a word must occur in the training data to be known.
        characters: What composes a word of its characters: nothing, filters or an LSTM.
        character_units: Width of that.
        max_word_length: Characters of a word that are read; of longer words the middle is left out, and they are counted.
        scheme: How tags mark spans, as in tagging: as the data has it, or a scheme into which all tags are converted.
        output: Each tag on its own (softmax), or all of a sentence as a linear chain (crf). Either way spans are legal.
        pooling: How the steps become one vector, from which the row's label is scored.
        label_weight: Words for which a row's label counts in the loss.
        embedding: How words become vectors; dropped words become <unknown>, which is so trained.
        stack: The recurrent layers.
        training: How the weights are moved.
    Returns:
        The run.
    Raises:
        InputError: The data or the settings are not as expected.
    Example:
        >>> from seqkit.recipes import intents_and_slots
        >>> run = intents_and_slots("tokens.conll", label="intent", stack=one_layer, out="requests", **small)
        >>> answer = run.predict(["to Boston"])[0]
        >>> answer["tokens"], sorted(answer["probabilities"])
        (['to', 'Boston'], ['fare', 'flight'])
    """
    arguments = locals()
    from seqkit.corpora.travel import travel_requests
    from seqkit.runs.builder import RunBuilder
    from seqkit.tasks.intents_and_slots import IntentsAndSlots
    from seqkit.tasks.tagging import build_tagger, learn_scheme, learn_tags
    from seqkit.text.labels import learn_classes
    from seqkit.text.lexicon import Lexicon, split_tokens
    from seqkit.text.vectors import read_vectors

    columns = {"tokens": tokens, "tags": tags, "label": label}
    with RunBuilder(intents_and_slots, arguments) as making:
        splits = making.splits(columns, builtin=travel_requests, stratify="label")
        lexicon = Lexicon.build(
            split_tokens(splits.train["tokens"]),
            lowercase=lowercase,
            size=vocabulary_size,
            min_count=min_count,
            longest=None if characters == "none" else max_word_length,
        )
        written = learn_scheme(splits.train, scheme)
        labels = learn_classes(splits.train["label"], splits.valid["label"], splits.train.origin)
        classes = (*learn_tags(splits, written), *labels)
        task = IntentsAndSlots(columns, lexicon, classes, written, output, labels, label_weight)
        vectors = None
        if embedding.vectors:
            vectors = read_vectors(embedding.vectors, lexicon.words, seed=run["seed"])
        model = build_tagger(task, characters, character_units, embedding, stack, vectors, task.scores(stack, pooling))
        return making.done(task, model, splits)
