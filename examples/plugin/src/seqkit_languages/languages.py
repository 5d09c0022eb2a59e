"""Languages: the characters of a text in, the language it is written in out."""

from typing import Unpack

from seqkit import CLASSES, Embedding, Run, RunBuilder, RunOptions, Source, Stack, Training, recipe
from seqkit.layers.embedding import embed_tokens
from seqkit.tasks.text_classification import TextClassification
from seqkit.topologies.many_to_one import many_to_one


class Languages(TextClassification):
    recipe = "languages"


@recipe(task=Languages, reads=CLASSES)
def languages(
    data: Source = None,
    *,
    embedding: Embedding = Embedding(units=16),
    stack: Stack = Stack(cell="gru", units=(32,), bidirectional=True),
    training: Training = Training(epochs=3, learning_rate=5e-3),
    **run: Unpack[RunOptions],
) -> Run:
    """Name the language of a text by its characters.

    Args:
        data: A table with the columns text and label, or in Python (texts, labels).
        embedding: How characters become vectors.
        stack: The recurrent layers.
        training: How the weights are moved.
    """
    with RunBuilder(languages, locals()) as making:
        splits = making.splits({"text": "text", "label": "label"}, stratify="label")
        task = Languages.learn(splits, unit="character")
        inputs = embed_tokens(len(task.vocabulary), embedding)
        model = many_to_one(*inputs, outputs=len(task.classes), stack=stack, pooling="max")
        return making.done(task, model, splits)
