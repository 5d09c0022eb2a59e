"""The tasks, by the names that a manifest has for them."""

from collections.abc import Callable, Mapping
from typing import Any

from seqkit_runner.backends import Graph
from seqkit_runner.classifying import ClassifyImage, ClassifyText, LabelFrames, Tag, TagAndLabel
from seqkit_runner.language_model import LanguageModel
from seqkit_runner.task import Task
from seqkit_runner.tokenizer import Tokenizer
from seqkit_runner.writing import Caption, Write, WriteAnswer

_TASKS: dict[str, Callable[..., Task]] = {
    "classify_text": ClassifyText,
    "tag": Tag,
    "tag_and_label": TagAndLabel,
    "language_model": LanguageModel,
    "label_frames": LabelFrames,
    "classify_image": ClassifyImage,
    "write": Write,
    "caption": Caption,
    "write_answer": WriteAnswer,
}


def task_of(
    kind: str,
    fields: Mapping[str, Any],
    graphs: Mapping[str, Graph],
    tokenizers: Mapping[str, Tokenizer],
    labels: Mapping[str, Any],
) -> Task:
    """The task of a manifest, whose fields have been checked.

    Raises:
        ArtefactError: Its parts don't go together.
    """
    return _TASKS[kind](kind, fields, graphs, tokenizers, labels)
