"""Captioning: a picture in, a text about it out."""

from __future__ import annotations

import dataclasses
import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

import seqkit
from seqkit.recipes.common import Writes
from seqkit.recipes.flags import Callbacks, Source
from seqkit.settings import Attention, Embedding, Encoder, Search, Stack, Training

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import keras
    import numpy as np
    import tensorflow as tf

    from seqkit.data import Examples, Pipeline, Vocabulary
    from seqkit.data.sources import Role
    from seqkit.running import Forward
    from seqkit.searching import Found

SHOWN = 6  # pictures of which the report shows where each word looks


def captioning(
    data: Source = None,
    *,
    valid: Source = None,
    test: Source = None,
    out: Path = Path("saved_models/captioning"),
    image: str = "image",
    caption: str = "caption",
    data_dir: str | None = None,
    picture_size: tuple[int, int] | None = None,
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
    seed: int = 0,
    overwrite: bool = False,
    resume: bool = False,
    callbacks: Callbacks = (),
) -> seqkit.run.Run:
    """Describe pictures: a picture in, a text about it out.

    Args:
        data: Training pictures and captions: a table whose pictures are paths relative to its own folder or to a folder
            "images" in it, with a row for each caption of a picture; tfds:NAME, such as tfds:coco_captions; in Python also
            (pictures, captions); nothing for the built-in scenes of digits.
        valid: Validation data of the same kind; nothing for a seeded tenth of the training pictures with their captions.
        test: Test data of the same kind, for the report; nothing for a report on the validation data, which says so.
        out: The run folder.
        image: Column of the pictures: a name, or a number from 0 for a file without a header.
        caption: Column of the captions, likewise; captions/text for tfds:coco_captions.
        data_dir: Where TFDS keeps prepared data sets.
        picture_size: Height and width to which pictures are brought as they are read.
        unit: What is written: a word, a subword, learned by merging neighbours (BPE) or as the pieces of a unigram model
            (Kudo 2018), or a symbol; each gives punctuation back.
        lowercase: Whether case is folded.
        vocabulary_size: Units to know.
        min_count: How often a word or symbol must occur in the training captions to be known.
        max_length: Training captions with more units are cut there, which is said.
        every_step: Whether the picture's mean vector is an input of every step of the decoder.
        encoder: How the picture becomes a grid of vectors.
        embedding: How units become vectors.
        decoder: The recurrent layers that write, in one direction.
        attention: How the decoder looks at the grid; with attention.kind none it knows the mean vector alone.
        search: How a caption is looked for.
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
    job = seqkit.job.Job(locals(), vocabulary_size=5, min_count=1, max_length=1)
    if search.replace_unknown:
        raise seqkit.InputError("search.replace_unknown is on, but a picture has no words to copy: leave it off.")
    columns = {"image": image, "caption": caption}
    with job:
        splits = job.splits(
            columns,
            builtin=seqkit.data.described_scenes,
            reader=functools.partial(seqkit.data.read_captioned, picture_size=picture_size),
        )
        captions = [one for own in splits.train["caption"] for one in own]
        vocabulary = seqkit.data.learn_vocabulary(
            captions, unit=unit, lowercase=lowercase, size=vocabulary_size, min_count=min_count
        )
        pictures = seqkit.data.shared(splits.train["image"])
        task = Captioning(columns, vocabulary, search.of_run(seed), max_length, pictures.values.shape[1:])
        statistics = seqkit.layers.frame_statistics(pictures.chunks(), encoder)
        picture, grid = seqkit.layers.embed_pictures(task.shape, encoder, statistics)
        before, features, _ = seqkit.layers.embed_tokens(len(vocabulary), embedding, name="before")
        model = seqkit.topologies.one_to_many(
            picture,
            grid,
            (before, features),
            outputs=len(vocabulary),
            decoder=decoder,
            attention=attention,
            every_step=every_step,
        )
        return job.done(task, model, splits, seqkit.objectives.classification(training, [1] * len(vocabulary)))


@dataclasses.dataclass(frozen=True)
class Captioning(Writes):
    """What this recipe knows and a run doesn't (see seqkit.task.Task).

    A row is a picture with all its captions. Outputs are what a search found, or texts.
    """

    columns: dict[str, str]
    target: Vocabulary
    search: Search
    max_length: int
    shape: tuple[int, int, int]
    recipe = "captioning"

    def to_json(self) -> dict[str, Any]:
        return self.target.to_json() | {
            "search": dataclasses.asdict(self.search),
            "max_length": self.max_length,
            "picture": list(self.shape),
        }

    @classmethod
    def from_json(cls, value: dict[str, Any], columns: dict[str, str]) -> Self:
        vocabulary, search = seqkit.data.Vocabulary.from_json(value), Search(**value["search"])
        height, width, channels = value["picture"]
        return cls(columns, vocabulary, search, value["max_length"], (height, width, channels))

    def read(
        self, source: Any, columns: dict[str, str], *, role: Role = "train", data_dir: str | None = None
    ) -> Examples:
        read = seqkit.data.read_captioned if "caption" in columns else seqkit.data.read_pictured
        return read(source, columns, role=role, data_dir=data_dir, picture_size=self.shape[:2])

    def opened(self, file: str, columns: dict[str, str]) -> Iterator[list[Any]]:
        if Path(file).suffix.lower() in seqkit.data.decoders.PICTURES:
            yield [file]
        else:
            yield self.read(file, {"image": columns["image"]})["image"]

    def encode(self, examples: Examples, batch_size: int) -> tuple[Pipeline, dict[str, Any]]:
        """A row a picture, where there are captions with its first one."""
        if "caption" not in examples.columns:
            columns = {"picture": seqkit.data.shared(examples["image"])} | seqkit.data.unforced(len(examples))
            return seqkit.data.Pipeline(columns, {"before": (1,)}, batch_size), {}
        captions = sum(map(len, examples["caption"]))
        firsts = dataclasses.replace(
            examples, columns=examples.columns | {"caption": [c[:1] for c in examples["caption"]]}
        )
        rows, facts = self.encode_for_training(firsts, batch_size)
        return rows, facts | {"captions": captions}

    def encode_for_training(self, examples: Examples, batch_size: int) -> tuple[Pipeline, dict[str, Any]]:
        import numpy as np

        counts = [len(own) for own in examples["caption"]]
        captions = [one for own in examples["caption"] for one in own]
        ids = self.target.encode(seqkit.data.tokenise(captions, self.target.splitter))
        pictures = seqkit.data.shared(examples["image"]).take(np.repeat(np.arange(len(counts)), counts))
        facts = {
            "captions": len(captions),
            "cut_texts": int((ids.lengths > self.max_length).sum()),
            "unknown_token_share": float((ids.values == seqkit.data.UNKNOWN).mean()),
        }
        ids = ids.cut(self.max_length)
        columns = {"picture": pictures} | seqkit.data.forced(ids)
        widths = seqkit.data.boundaries(ids.lengths + 1)
        return seqkit.data.Pipeline(columns, {"before": widths}, batch_size), facts

    def outputs(self, forward: Forward, rows: Pipeline) -> Found:
        return seqkit.searching.find(forward.model, rows, self.search)

    def answers(self, examples: Examples, outputs: Found) -> list[dict[str, Any]]:
        return [
            {"caption": text, "score": round(float(scores[0]), 6)}
            for text, scores in zip(self.texts(outputs), outputs.scores, strict=True)
        ]

    def scorer(self, examples: Examples, outputs: Found | list[str]) -> Callable[[np.ndarray], dict[str, float]]:
        fold = str.lower if self.target.splitter.lowercase else str
        references = [[fold(one) for one in own] for own in examples["caption"]]
        return seqkit.caption_metrics.caption_scorer([fold(text) for text in self.texts(outputs)], references)

    def sections(self, model: keras.Model, examples: Examples, outputs: Found) -> dict[str, Any]:
        texts, best = self.texts(outputs), outputs.best()
        height, width = model.get_layer("encoder").get_layer("maps").output.shape[1:3]
        looks = []
        for row in range(min(SHOWN, len(examples))):
            weights, words = outputs.weights[row], [self.target.tokens[number].lstrip("▁") for number in best[row]]
            seen = weights.shape[-1] == height * width  # otherwise there is no attention
            looks.append(
                {
                    "picture": seqkit.pages.png(examples["image"][row]),
                    "title": f"{texts[row]} (reference: {examples['caption'][row][0]})",
                    "names": words if seen else [],
                    "weights": weights[: len(words)].reshape(-1, height, width).round(4).tolist() if seen else [],
                }
            )
        return {"looks": looks}

    def fit_baselines(self, train: Examples) -> dict[str, Any]:
        return {
            "most_frequent": seqkit.text_baselines.MostFrequentAnswer.fit(
                [one for own in train["caption"] for one in own]
            ),
            "nearest": seqkit.text_baselines.NearestPicture.fit(
                seqkit.data.shared(train["image"]), [own[0] for own in train["caption"]]
            ),
        }

    def load_baseline(self, path: Path) -> Any:
        kinds = {
            "most_frequent": seqkit.text_baselines.MostFrequentAnswer,
            "nearest": seqkit.text_baselines.NearestPicture,
        }
        return kinds[path.stem].load(path)

    def baseline_outputs(self, baseline: Any, examples: Examples) -> list[str]:
        return baseline.answer(seqkit.data.shared(examples["image"]))

    def asked(self, examples: Examples) -> tf.Tensor:
        import numpy as np
        import tensorflow as tf

        return tf.constant(np.stack([np.asarray(cell, np.float32) for cell in examples["image"]]))

    def serving(self, model: keras.Model) -> tuple[tf.Module, str]:
        return seqkit.serving.PictureWriter(model, self.target, self.search), "text"
