"""Captioning: an image in, a text about it out."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Annotated, Literal, Unpack

from seqkit.core.arguments import Plays, RunOptions, Source, recipe, without_attention
from seqkit.core.encoder import Encoder
from seqkit.core.errors import InputError
from seqkit.core.settings import DECODER, Attention, Embedding, Search, Stack, Training

if TYPE_CHECKING:
    from seqkit.runs.run import Run


@recipe(
    task="seqkit.tasks.captioning:Captioning",
    least={"vocabulary_size": 5, "min_count": 1, "max_length": 1},
    reads=DECODER,
    unread=lambda given: (
        without_attention(given) | dict.fromkeys(("encoder.changes", "encoder.points"), "a single image")
    ),
    first=(
        "data",
        "image",
        "caption",
        "test",
        "out",
        "image_size",
        "encoder.backbone",
        "decoder.units",
        "training.epochs",
        "training.learning_rate",
    ),
)
def captioning(
    data: Source = None,
    *,
    image: str = "image",
    caption: str = "caption",
    image_size: tuple[int, int] | None = None,
    on_error: Annotated[Literal["stop", "skip"], Plays("source")] = "stop",
    unit: Literal["subword", "unigram", "marked_word", "symbol"] = "marked_word",
    lowercase: bool = True,
    vocabulary_size: int = 6000,
    min_count: int = 1,
    max_length: int = 60,
    every_step: bool = False,
    encoder: Encoder = Encoder(filters=(32, 64, 128), units=128),
    embedding: Embedding = Embedding(units=64),
    decoder: Stack = Stack(cell="gru", units=(128,), dropout=0.3),
    attention: Attention = Attention(kind="additive"),
    search: Search = Search(beam=3, longest=60),
    training: Training = Training(
        epochs=20, batch_size=64, learning_rate=3e-3, schedule="cosine", warmup_steps=50, ema=0.998
    ),
    **run: Unpack[RunOptions],
) -> Run:
    """Describe images: an image in, a text about it out.

    Args:
        data: Training images and captions: a table whose images are paths relative to its own folder or to a folder
            "images" in it, with a row for each caption of an image; tfds:NAME, such as tfds:coco_captions; in Python also
            (images, captions); nothing for the built-in scenes of digits.
        image: Column of the images: a name, or a number from 0 for a file without a header.
        caption: Column of the captions, likewise; captions/text for tfds:coco_captions.
        image_size: Height and width to which images are brought as they are read.
        on_error: What to do about an image that is missing or broken: stop, or skip its rows, name it and go on; in training
            as in evaluate and predict.
        unit: What is written: a word, a subword, learned by merging neighbours (BPE) or as the pieces of a unigram model
            (Kudo 2018), or a symbol; each gives punctuation back.
        lowercase: Whether case is folded.
        vocabulary_size: Units to know.
        min_count: How often a word or symbol must occur in the training captions to be known.
        max_length: Training captions with more units are cut there, which is said.
        every_step: Whether the image's mean vector is an input of every step of the decoder.
        encoder: How the image becomes a grid of vectors.
        embedding: How units become vectors.
        decoder: The recurrent layers that write, in one direction.
        attention: How the decoder looks at the grid; with attention.kind none it knows the mean vector alone.
        search: How a caption is looked for.
        training: How the weights are moved.
    Returns:
        The run.
    Raises:
        InputError: The data or the settings are not as expected.
    Example:
        >>> from seqkit.recipes import captioning
        >>> images = np.repeat(np.array([30, 200], "uint8"), 12 * 192).reshape(24, 8, 8, 3)  # dark ones, then light ones
        >>> captions = ["a dark picture"] * 12 + ["a light picture"] * 12
        >>> tiny = {"encoder": seqkit.Encoder(filters=(4,), units=4), "decoder": one_layer, "search": Search(beam=1)}
        >>> run = captioning((images, captions), unit="marked_word", out="captions", **tiny, **small)
        >>> sorted(run.predict([images[0]])[0])
        ['caption', 'score']
    """
    arguments = locals()
    from seqkit.corpora.scenes import described_scenes
    from seqkit.layers.embedding import embed_tokens
    from seqkit.layers.frames import frame_statistics
    from seqkit.layers.images import embed_images
    from seqkit.runs.builder import RunBuilder
    from seqkit.sources.images import read_captioned_images, shared_images
    from seqkit.sources.stored import chained
    from seqkit.tasks.captioning import Captioning
    from seqkit.topologies.one_to_many import one_to_many

    if search.replace_unknown:
        raise InputError("search.replace_unknown is on, but an image has no words to copy: leave it off.")
    columns = {"image": image, "caption": caption}
    with RunBuilder(captioning, arguments) as making:
        splits = making.splits(
            columns,
            builtin=described_scenes,
            reader=functools.partial(read_captioned_images, image_size=image_size, on_error=on_error),
            settings={"image_size": image_size},
        )
        vocabulary = splits.vocabulary(
            "vocabulary",
            chained(splits.train["caption"]),
            unit=unit,
            lowercase=lowercase,
            vocabulary_size=vocabulary_size,
            min_count=min_count,
        )
        images = shared_images(splits.train["image"])
        shape = images.values.shape[1:]
        task = Captioning(columns, vocabulary, search.of_run(run["seed"]), max_length, shape, on_error)
        statistics = frame_statistics(images.chunks(), encoder)
        pixels, grid = embed_images(task.shape, encoder, statistics, attended=attention.kind != "none")
        before, features, _ = embed_tokens(len(vocabulary), embedding, name="before")
        model = one_to_many(
            pixels,
            grid,
            (before, features),
            outputs=len(vocabulary),
            decoder=decoder,
            attention=attention,
            every_step=every_step,
        )
        return making.done(task, model, splits)
