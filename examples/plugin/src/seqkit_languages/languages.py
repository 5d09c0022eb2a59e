"""Languages: the characters of a text in, the language it is written in out."""

from typing import Any, Unpack

from seqkit import CLASSES, Embedding, Run, RunBuilder, RunOptions, Source, Stack, Training, recipe
from seqkit.corpora.number_words import number_words
from seqkit.layers.embedding import embed_tokens
from seqkit.tasks.text_classification import TextClassification
from seqkit.text.tokenizer import Tokenizer
from seqkit.topologies.many_to_one import many_to_one


class Languages(TextClassification):
    recipe = "languages"


def numbers() -> dict[str, dict[str, list[Any]]]:
    """Both sides of seqkit's built-in pairs of numbers spelled out."""
    pairs = number_words(rows=4000)
    sides = {part: (("en", columns["source"]), ("de", columns["target"])) for part, columns in pairs.items()}
    rows = {part: [(text, label) for label, texts in both for text in texts] for part, both in sides.items()}
    return {part: dict(zip(("text", "label"), map(list, zip(*both)))) for part, both in rows.items()}


@recipe(task=Languages, reads=CLASSES)
def languages(
    data: Source = None,
    *,
    embedding: Embedding = Embedding(units=16),
    stack: Stack = Stack(cell="gru", units=(32,), bidirectional=True),
    training: Training = Training(epochs=3, learning_rate=5e-3),
    **run: Unpack[RunOptions],
) -> Run:
    """Name the language of a text by its characters: of numbers in English and German, or of a table (text, label)."""
    with RunBuilder(languages, locals()) as making:
        splits = making.splits({"text": "text", "label": "label"}, builtin=numbers, stratify="label")
        task = Languages.learn(splits, tokenizer=Tokenizer("character"))
        inputs = embed_tokens(len(task.vocabulary), embedding)
        model = many_to_one(*inputs, outputs=len(task.classes), stack=stack, pooling="max")
        return making.done(task, model, splits)
