"""Text classification: many words in, one label out. Sentiment, topics, intents, spam."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Literal, Unpack

from seqkit.core.arguments import Arguments, RunFolder, RunOptions, Source, beside_start, recipe
from seqkit.core.fine_tuning import FineTuning
from seqkit.core.settings import CLASSES, Embedding, Pooling, Stack, Training
from seqkit.core.wide import Wide

if TYPE_CHECKING:
    from seqkit.runs.run import Run


def _unread(given: Arguments) -> dict[str, str]:
    """What max pooling does anyway, what only a teacher makes count, and what a language model to start from brings."""
    locked = {"stack.locked": "max pooling, which always locks,"} if given["pooling"] == "max" else {}
    alone = {} if given["teacher"] else dict.fromkeys(("teacher_weight", "temperature"), "a training without a teacher")
    spelt = {"wide.characters": "a text of single characters"} if given["unit"] == "character" else {}
    return locked | alone | spelt | beside_start(given)


FIRST = (
    "data",
    "text",
    "label",
    "test",
    "out",
    "unit",
    "max_length",
    "stack.units",
    "training.epochs",
    "training.learning_rate",
)
text_classifier = functools.partial(
    recipe,
    least={"vocabulary_size": 5, "min_count": 1, "max_length": 2, "teacher_weight": 1e-6, "temperature": 0.01},
    reads=lambda given: {"embedding.vectors"} | (CLASSES if not given["teacher"] else set()),
    unread=_unread,
    first=FIRST,
)


@text_classifier(task="seqkit.tasks.text_classification:TextClassification")
def text_classification(
    data: Source = None,
    *,
    text: str = "text",
    label: str = "label",
    unit: Literal["word", "whitespace", "character", "subword", "unigram"] = "word",
    lowercase: bool = True,
    vocabulary_size: int = 20_000,
    min_count: int = 2,
    max_length: int = 1_000,
    embedding: Embedding = Embedding(units=64, dropout=0.2),
    stack: Stack = Stack(cell="lstm", units=(64,), bidirectional=True, dropout=0.1),
    pooling: Pooling = "max",
    wide: Wide = Wide(),
    start_from: RunFolder = None,
    unlabelled: Source = None,
    pretraining: Training = Training(epochs=3, batch_size=64, learning_rate=5e-3, schedule="cosine", sampled=1_000),
    fine_tuning: FineTuning = FineTuning(),
    teacher: RunFolder = None,
    teacher_weight: float = 1.0,
    temperature: float = 1.0,
    training: Training = Training(epochs=6, epoch_steps=100, batch_size=16, learning_rate=2e-3, schedule="cosine"),
    **run: Unpack[RunOptions],
) -> Run:
    """Label whole texts: many words in, one label out.

    Args:
        data: Training texts and labels: a table, tfds:NAME, or in Python also (texts, labels).
        text: Column of the texts: a name, or a number from 0 for a file without a header.
        label: Column of the labels, likewise.
        unit: What a token is: a word; what stands between blanks (whitespace), for text that is tokenised already; a
            character, for scripts without blanks; or a piece of a word, learned by merging neighbours (subword) or as those
            of a unigram model, so that words that the training texts lack are read by their pieces.
        lowercase: Whether case is folded.
        vocabulary_size: Tokens to know, the most frequent first.
        min_count: How often a token must occur in the training data to be known; of pieces each of their characters.
        max_length: Tokens of a text that are read; longer texts are cut there, and counted.
        embedding: How tokens become vectors.
        stack: The recurrent layers.
        pooling: How the steps become one vector.
        wide: What of the text goes straight into the scores.
        start_from: A finished run of language_model on words or their pieces, whose vocabulary, embedding and recurrent
            weights the model starts from; embedding.units and the stack's cell and units must be those of that run.
        unlabelled: Texts without labels, a .txt file with one a line or a table, to train such a language model on first,
            with those of the training rows; its run lies beside the new one's.
        pretraining: How the weights of that language model are moved.
        fine_tuning: How the model goes on from the language model.
        teacher: A file of another model's answers to texts, labelled or not, to learn from too: a JSON object a line with
            "text" and "probabilities", label -> probability. Without data they are all that is learned from.
        teacher_weight: Labelled rows for which a row of the teacher's counts in the loss.
        temperature: At which the student's probabilities meet the teacher's (Hinton et al. 2015); above 1 also what the
            teacher finds unlikely is learned.
        training: How the weights are moved; in batches of 16, at least 100 an epoch, by which validation rows gain
            (`benchmarks/defaults.py DATA --systems default "batches of 32"`).
    Returns:
        The run.
    Raises:
        InputError: The data or the settings are not as expected.
    Example:
        >>> from seqkit.recipes import text_classification
        >>> run = text_classification("rows.tsv", valid="others.tsv", stack=one_layer, out="topics", **small)
        >>> [answer["label"] for answer in run.predict(["a bad film, number 99", "so good"])]
        ['bad', 'good']
    """
    arguments = locals()
    from seqkit.recipes.language_model import language_model
    from seqkit.tasks.classifying import classify_texts
    from seqkit.tasks.taught import TaughtTexts
    from seqkit.tasks.text_classification import TextClassification

    return classify_texts(text_classification, arguments, (TextClassification, TaughtTexts), language_model)
