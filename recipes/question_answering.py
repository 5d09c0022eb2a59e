"""Questions about pictures: a picture and a question in, an answer out: one of the known ones, or one that is written."""

from __future__ import annotations

import dataclasses
import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

import seqkit
from seqkit.recipes.common import AsksOfPictures
from seqkit.recipes.flags import Callbacks, Source
from seqkit.recipes.written_answers import WrittenAnswers
from seqkit.settings import Attention, Embedding, Encoder, Pooling, Search, Stack, Training, one_of

if TYPE_CHECKING:
    from collections.abc import Callable

    import keras
    import numpy as np
    import tensorflow as tf

    from seqkit.data import Examples, Pipeline, Vocabulary
    from seqkit.running import Forward

AnswerAs = Literal["class", "text"]

MISTAKES = 20  # the most confident ones, for the report
LOOKS = 6  # rows of which it shows where the model looks: so many, and half as many mistakes


def question_answering(
    data: Source = None,
    *,
    valid: Source = None,
    test: Source = None,
    out: Path = Path("saved_models/question_answering"),
    image: str = "image",
    question: str = "question",
    answer: str = "answer",
    kind: str | None = None,
    data_dir: str | None = None,
    picture_size: tuple[int, int] | None = None,
    answer_as: AnswerAs = "class",
    lowercase: bool = True,
    vocabulary_size: int = 10_000,
    min_count: int = 1,
    encoder: Encoder = Encoder(filters=(8, 16, 32), units=64),
    embedding: Embedding = Embedding(units=64),
    stack: Stack = Stack(cell="gru", units=(64,)),
    pooling: Pooling = "last",
    looks: int = 2,
    decoder: Stack = Stack(cell="gru", units=(64,)),
    attention: Attention = Attention(kind="none"),
    search: Search = Search(beam=3, longest=30, ratio=0.0),
    training: Training = Training(epochs=10, batch_size=64, learning_rate=3e-3, schedule="cosine"),
    seed: int = 0,
    overwrite: bool = False,
    resume: bool = False,
    callbacks: Callbacks = (),
) -> seqkit.run.Run:
    """Answer questions about pictures: a picture and a question in, an answer out.

    Args:
        data: Training pictures, questions and answers: a table whose pictures are paths relative to its own folder or to a
            folder "images" in it; tfds:NAME, such as tfds:clevr; in Python also (pictures, questions, answers); nothing for
            the built-in scenes of digits.
        valid: Validation data of the same kind; nothing for a seeded tenth of the training pictures with their questions.
        test: Test data of the same kind, for the report; nothing for a report on the validation data, which says so.
        out: The run folder.
        image: Column of the pictures: a name, or a number from 0 for a file without a header.
        question: Column of the questions, likewise; question_answer/question for tfds:clevr.
        answer: Column of the answers, likewise; question_answer/answer for tfds:clevr.
        kind: Column of the kind of question, by which accuracy is told; nothing for the question's first two words.
        data_dir: Where TFDS keeps prepared data sets.
        picture_size: Height and width to which pictures are brought as they are read.
        answer_as: "class" chooses one of the training answers; "text" writes the answer word by word, also one that is none
            of them. A decoder learns with a smaller learning rate than the default: 1e-3, after 200 steps of warm-up.
        lowercase: Whether case is folded: of the questions, and of answers that are written.
        vocabulary_size: Words to know, the most frequent first.
        min_count: How often a word must occur in the training questions, or answers, to be known.
        encoder: How the picture becomes a grid of vectors.
        embedding: How words become vectors.
        stack: The recurrent layers, over the question.
        pooling: How their steps become one vector.
        looks: How often the question looks at the picture, each time with what was seen before.
        decoder: The recurrent layers that write an answer, from what these looks made of the picture; in one direction.
        attention: How they look at the picture themselves, as they write.
        search: How a written answer is looked for.
        training: How the weights are moved.
        seed: Seed of everything random.
        overwrite: Replace `out` if it exists.
        resume: Go on with the interrupted run of `out`.
        callbacks: Keras callbacks.
    Returns:
        The run.
    Raises:
        InputError: The data or the settings are not as expected.
    """
    job = seqkit.job.Job(locals(), vocabulary_size=5, min_count=1, looks=1)
    one_of("answer_as", answer_as, AnswerAs)
    if search.replace_unknown:
        raise seqkit.InputError("search.replace_unknown is on, but what is looked at is a picture: leave it off.")
    columns = {"image": image, "question": question, "answer": answer} | ({"kind": kind} if kind else {})
    with job:
        splits = job.splits(
            columns,
            builtin=seqkit.data.asked_scenes,
            reader=functools.partial(seqkit.data.read_pictured, picture_size=picture_size),
            holder=seqkit.data.hold_out_pictures,
        )
        splitter = seqkit.data.Splitter("word", lowercase)
        tokens = seqkit.data.tokenise(splits.train["question"], splitter)
        vocabulary = seqkit.data.Vocabulary.build(tokens, splitter, size=vocabulary_size, min_count=min_count)
        answers = splits.train["answer"]
        classes = seqkit.data.learn_classes(answers, splits.valid["answer"], splits.train.origin)
        pictures = seqkit.data.shared(splits.train["image"])
        shape = pictures.values.shape[1:]
        ids, features, mask = seqkit.layers.embed_tokens(len(vocabulary), embedding)
        statistics = seqkit.layers.frame_statistics(pictures.chunks(), encoder)
        picture, grid = seqkit.layers.embed_pictures(shape, encoder, statistics)
        source, seen = ([ids, picture], features, mask), {"pooling": pooling, "grid": grid, "looks": looks}
        task: QuestionAnswering | WrittenAnswers
        if answer_as == "class":
            task, counts = QuestionAnswering(columns, vocabulary, classes, shape), list(map(answers.count, classes))
            model = seqkit.topologies.many_to_one(*source, outputs=len(classes), stack=stack, **seen)
        else:
            target = seqkit.data.learn_vocabulary(
                answers, unit="marked_word", lowercase=lowercase, size=vocabulary_size, min_count=min_count
            )
            task, counts = (
                WrittenAnswers.of(columns, vocabulary, target, search.of_run(seed), shape, answers),
                [1] * len(target),
            )
            before, written, _ = seqkit.layers.embed_tokens(len(target), embedding, name="before")
            model = seqkit.topologies.encoder_decoder(
                source,
                (before, written),
                outputs=len(target),
                encoder=stack,
                decoder=decoder,
                attention=attention,
                **seen,
            )
        return job.done(task, model, splits, seqkit.objectives.classification(training, counts))


@dataclasses.dataclass(frozen=True)
class QuestionAnswering(AsksOfPictures):
    """What this recipe knows of chosen answers and a run doesn't (see seqkit.task.Task).

    Outputs are probabilities, (rows, classes).
    """

    columns: dict[str, str]
    vocabulary: Vocabulary
    classes: tuple[str, ...]
    shape: tuple[int, int, int]
    recipe = "question_answering"

    @property
    def known(self) -> tuple[str, ...]:
        return self.classes

    def to_json(self) -> dict[str, Any]:
        return self.vocabulary.to_json() | {"labels": list(self.classes), "picture": list(self.shape)}

    @classmethod
    def from_json(cls, value: dict[str, Any], columns: dict[str, str]) -> Self:
        vocabulary = seqkit.data.Vocabulary.from_json(value)
        height, width, channels = value["picture"]
        return cls(columns, vocabulary, tuple(value["labels"]), (height, width, channels))

    def encode(self, examples: Examples, batch_size: int) -> tuple[Pipeline, dict[str, Any]]:
        ids, pictures = self.asked_ids(examples)
        facts = {
            "pictures": len(set(pictures.index.tolist())),
            "unknown_token_share": float((ids.values == seqkit.data.UNKNOWN).mean()) if len(ids.values) else 0.0,
        }
        columns: dict[str, Any] = {"ids": ids.append(seqkit.data.END), "picture": pictures}
        if "answer" in examples.columns:
            columns["targets"] = self._targets(examples)
            facts["unseen_answers"] = int((columns["targets"] == seqkit.data.UNSEEN).sum())
        widths = seqkit.data.boundaries(columns["ids"].lengths)
        return seqkit.data.Pipeline(columns, {"ids": widths}, batch_size), facts

    encode_for_training = encode

    def _targets(self, examples: Examples) -> np.ndarray:
        """int32, (rows,), UNSEEN for an answer that is none of the classes."""
        return seqkit.data.encode_labels(examples["answer"], self.classes)

    def outputs(self, forward: Forward, pipeline: Pipeline) -> np.ndarray:
        from scipy.special import softmax

        return softmax(seqkit.running.row_outputs(forward, pipeline), axis=-1)

    def answers(self, examples: Examples, outputs: np.ndarray) -> list[dict[str, Any]]:
        return [
            {
                "question": question,
                "answer": self.classes[int(row.argmax())],
                "confidence": round(float(row.max()), 4),
            }
            for question, row in zip(examples["question"], outputs, strict=True)
        ]

    def scorer(self, examples: Examples, outputs: np.ndarray) -> Callable[[np.ndarray], dict[str, float]]:
        targets = self._targets(examples)
        return lambda rows: seqkit.metrics.classification_scores(targets[rows], outputs[rows])

    def sections(self, model: keras.Model, examples: Examples, outputs: np.ndarray) -> dict[str, Any]:
        targets = self._targets(examples)
        predicted, confidence = outputs.argmax(axis=1), outputs.max(axis=1)
        kinds, answers = self.kinds(examples), [self.classes[place] for place in predicted]
        wrong = [int(row) for row in (-confidence).argsort(kind="stable") if predicted[row] != targets[row]][:MISTAKES]
        firsts = [row for row in map(kinds.index, dict.fromkeys(kinds)) if row not in wrong][:LOOKS]
        return {
            "macro": seqkit.metrics.macro(targets, outputs),
            "per_kind": seqkit.metrics.accuracy_by_kind(predicted == targets, kinds),
            "per_class": seqkit.metrics.per_class(targets, outputs, self.classes),
            "confusion": {
                "labels": list(self.classes),
                "counts": seqkit.metrics.confusion(targets, predicted, len(self.classes)),
            },
            "calibration": seqkit.metrics.calibration_bins(targets, outputs),
            "looks": self.looks(model, examples, answers, [*firsts, *wrong[: LOOKS // 2]]),
            "mistakes": [
                {
                    "text": examples["question"][row],
                    "label": examples["answer"][row],
                    "predicted": answers[row],
                    "confidence": float(confidence[row]),
                }
                for row in wrong
            ],
        }

    def baseline_outputs(self, baseline: Any, examples: Examples) -> np.ndarray:
        return self.probabilities(baseline, examples)

    def serving(self, model: keras.Model) -> tuple[tf.Module, str]:
        return seqkit.serving.PictureAnswerer(model, self.vocabulary, self.classes), "probabilities"
