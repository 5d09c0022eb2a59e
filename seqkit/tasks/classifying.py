"""The making of a text classifier: what `seqkit.recipes.text_classification` and `sentiment` do alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from seqkit.layers.embedding import embed_tokens
from seqkit.runs.builder import RunBuilder
from seqkit.runs.pretrained import LanguageModelStart
from seqkit.runs.pretraining import pretrained
from seqkit.runs.run import Run
from seqkit.runs.teaching import taught_splits
from seqkit.tasks.taught import TaughtTexts
from seqkit.tasks.text_classification import TextClassification
from seqkit.tasks.two_paths import recurrent_path
from seqkit.text.tokenizer import WORDS_OR_PIECES
from seqkit.text.vectors import read_vectors
from seqkit.topologies.many_to_one import many_to_one


def classify_texts(
    recipe: Callable[..., Run],
    arguments: Mapping[str, Any],
    kinds: tuple[type[TextClassification], type[TaughtTexts]],
    language_model: Callable[..., Any],
    *,
    builtin: Callable[[], Mapping[str, Mapping[str, list[Any]]]] | None = None,
) -> Run:
    """Make a run of a recipe with the arguments of `seqkit.recipes.text_classification`.

    Args:
        recipe: By whose name it is a run.
        arguments: That it was called with.
        kinds: Its task, and the one of a training with a teacher.
        language_model: The recipe that reads unlabelled texts.
        builtin: Makes its built-in data, where it has any.
    """
    with RunBuilder(recipe, arguments) as making:
        given = making.arguments
        columns = {"text": given["text"], "label": given["label"]}
        embedding, stack, wide = given["embedding"], given["stack"], given["wide"]
        kind, taught = kinds
        if given["teacher"] is None:
            splits, answers = making.splits(columns, builtin=builtin, stratify="label"), None
        else:
            splits, answers = taught_splits(making, columns)
        begun = given["start_from"] if given["unlabelled"] is None else pretrained(language_model, splits, given)
        start = None
        if begun:
            start = LanguageModelStart.open(begun, embedding, stack, given["fine_tuning"], units=WORDS_OR_PIECES)
        task = kind.learn(
            splits,
            unit=given["unit"],
            lowercase=given["lowercase"],
            columns=columns,
            vocabulary_size=given["vocabulary_size"],
            min_count=given["min_count"],
            max_length=given["max_length"],
            known=start.vocabulary_for(splits) if start else None,
        )
        if answers is not None:
            task = taught.of(task, answers.labels, weight=given["teacher_weight"], temperature=given["temperature"])
        vectors = read_vectors(embedding.vectors, task.vocabulary, seed=given["seed"]) if embedding.vectors else None
        ids, features, mask = embed_tokens(len(task.vocabulary), embedding, vectors)
        model = many_to_one(
            ids,
            features,
            mask,
            wide=task.wide_path(ids, wide),
            outputs=len(task.classes),
            stack=stack,
            pooling=given["pooling"],
        )
        weights = task.class_weights(splits.train) if given["training"].class_weights == "balanced" else None
        return making.done(
            task,
            model,
            splits,
            started=start.give(model, stack) if start else None,
            learner=recurrent_path(model),
            begin=lambda: task.fit_wide(model, splits.train, wide, weights),
            finish=lambda: task.weigh_paths(model, splits.valid, weights),
        )
