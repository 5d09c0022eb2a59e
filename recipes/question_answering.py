"""Questions about images: an image and a question in, an answer out: one of the known ones, or one that is written."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Annotated, Any, Literal, Unpack

from seqkit.core.arguments import Arguments, Plays, RunOptions, Source, recipe, without_attention
from seqkit.core.bounds import one_of
from seqkit.core.encoder import Encoder
from seqkit.core.errors import InputError
from seqkit.core.settings import CLASSES, DECODER, AnswerAs, Attention, Embedding, Pooling, Search, Stack, Training

if TYPE_CHECKING:
    from seqkit.runs.run import Run


def _unread(given: Arguments) -> dict[str, str]:
    """What only a written answer is made by, and what frames of a recording have."""
    frames = dict.fromkeys(("encoder.changes", "encoder.points"), "a single image")
    locked = {"stack.locked": "max pooling, which always locks,"} if given["pooling"] == "max" else {}
    written = ("decoder", "attention", "search") if given["answer_as"] == "class" else ()
    unattended = without_attention(given) if given["answer_as"] == "text" else {}
    return frames | locked | unattended | dict.fromkeys(written, "answer_as class")


@recipe(
    task="seqkit.tasks.question_answering:QuestionAnswering",
    tasks={"written_answers": "seqkit.tasks.written_answers:WrittenAnswers"},
    least={"vocabulary_size": 5, "min_count": 1, "hops": 1},
    reads=lambda given: CLASSES if given["answer_as"] == "class" else DECODER,
    unread=_unread,
    first=(
        "data",
        "image",
        "question",
        "answer",
        "test",
        "out",
        "image_size",
        "answer_as",
        "training.epochs",
        "training.learning_rate",
    ),
)
def question_answering(
    data: Source = None,
    *,
    image: str = "image",
    question: str = "question",
    answer: str = "answer",
    kind: str | None = None,
    image_size: tuple[int, int] | None = None,
    on_error: Annotated[Literal["stop", "skip"], Plays("source")] = "stop",
    answer_as: AnswerAs = "class",
    lowercase: bool = True,
    vocabulary_size: int = 10_000,
    min_count: int = 1,
    encoder: Encoder = Encoder(filters=(8, 16, 32), units=64),
    embedding: Embedding = Embedding(units=64),
    stack: Stack = Stack(cell="gru", units=(64,)),
    pooling: Pooling = "last",
    hops: int = 2,
    decoder: Stack = Stack(cell="gru", units=(64,)),
    attention: Attention = Attention(kind="none"),
    search: Search = Search(beam=3, longest=30, ratio=0.0),
    training: Training = Training(epochs=10, batch_size=64, learning_rate=3e-3, schedule="cosine"),
    **run: Unpack[RunOptions],
) -> Run:
    """Answer questions about images: an image and a question in, an answer out.

    Args:
        data: Training images, questions and answers: a table whose images are paths relative to its own folder or to a
            folder "images" in it; tfds:NAME, such as tfds:clevr; in Python also (images, questions, answers); nothing for
            the built-in scenes of digits.
        image: Column of the images: a name, or a number from 0 for a file without a header.
        question: Column of the questions, likewise; question_answer/question for tfds:clevr.
        answer: Column of the answers, likewise; question_answer/answer for tfds:clevr.
        kind: Column of the kind of question, by which accuracy is told; nothing for the question's first two words.
        image_size: Height and width to which images are brought as they are read.
        on_error: What to do about an image that is missing or broken: stop, or skip its rows, name it and go on; in training
            as in evaluate and predict.
        answer_as: "class" chooses one of the training answers; "text" writes the answer word by word, also one that is none
            of them. A decoder learns with a smaller learning rate than the default: 1e-3, after 200 steps of warm-up.
        lowercase: Whether case is folded: of the questions, and of answers that are written.
        vocabulary_size: Words to know, the most frequent first.
        min_count: How often a word must occur in the training questions, or answers, to be known.
        encoder: How the image becomes a grid of vectors.
        embedding: How words become vectors.
        stack: The recurrent layers, over the question.
        pooling: How their steps become one vector.
        hops: How often the question looks at the image, each time with what was seen before.
        decoder: The recurrent layers that write an answer, from what these hops made of the image; in one direction.
        attention: How they look at the image themselves, as they write.
        search: How a written answer is looked for.
        training: How the weights are moved.
    Returns:
        The run.
    Raises:
        InputError: The data or the settings are not as expected.
    Example:
        >>> from seqkit.recipes import question_answering
        >>> images = np.repeat(np.array([30, 200], "uint8"), 12 * 192).reshape(24, 8, 8, 3)  # dark ones, then light ones
        >>> rows = (images, ["is it light?"] * 24, ["no"] * 12 + ["yes"] * 12)
        >>> encoder = seqkit.Encoder(filters=(4,), units=4)
        >>> run = question_answering(rows, encoder=encoder, stack=one_layer, out="answers", **small)
        >>> sorted(run.predict([(images[0], "is it light?")])[0])
        ['answer', 'confidence', 'question']
    """
    arguments = locals()
    from seqkit.corpora.scenes import asked_scenes
    from seqkit.layers.embedding import embed_tokens
    from seqkit.layers.frames import frame_statistics
    from seqkit.layers.images import embed_images
    from seqkit.runs.builder import RunBuilder
    from seqkit.sources.images import hold_out_images, read_images, shared_images
    from seqkit.tasks.question_answering import QuestionAnswering
    from seqkit.tasks.written_answers import WrittenAnswers
    from seqkit.text.labels import learn_classes
    from seqkit.topologies.encoder_decoder import encoder_decoder
    from seqkit.topologies.many_to_one import many_to_one

    one_of("answer_as", answer_as, AnswerAs)
    if search.replace_unknown:
        raise InputError("search.replace_unknown is on, but what is looked at is an image: leave it off.")
    columns = {"image": image, "question": question, "answer": answer} | ({"kind": kind} if kind else {})
    with RunBuilder(question_answering, arguments) as making:
        splits = making.splits(
            columns,
            builtin=asked_scenes,
            reader=functools.partial(read_images, image_size=image_size, on_error=on_error),
            holder=hold_out_images,
            settings={"image_size": image_size},
        )
        sizes: dict[str, Any] = {"lowercase": lowercase, "vocabulary_size": vocabulary_size, "min_count": min_count}
        vocabulary = splits.vocabulary("question", splits.train["question"], unit="word", **sizes)
        answers = splits.train["answer"]
        classes = learn_classes(answers, splits.valid["answer"], splits.train.origin)
        images = shared_images(splits.train["image"])
        shape = images.values.shape[1:]
        ids, features, mask = embed_tokens(len(vocabulary), embedding)
        statistics = frame_statistics(images.chunks(), encoder)
        pixels, grid = embed_images(shape, encoder, statistics, attended=True)
        source, seen = ([ids, pixels], features, mask), {"pooling": pooling, "grid": grid, "hops": hops}
        task: QuestionAnswering | WrittenAnswers
        if answer_as == "class":
            task = QuestionAnswering(columns, vocabulary, classes, shape, on_error)
            model = many_to_one(*source, outputs=len(classes), stack=stack, **seen)
        else:
            target = splits.vocabulary("answer", answers, unit="marked_word", **sizes)
            task = WrittenAnswers.of(columns, vocabulary, target, search.of_run(run["seed"]), shape, answers, on_error)
            before, written, _ = embed_tokens(len(target), embedding, name="before")
            model = encoder_decoder(
                source,
                (before, written),
                outputs=len(target),
                encoder=stack,
                decoder=decoder,
                attention=attention,
                **seen,
            )
        return making.done(task, model, splits)
