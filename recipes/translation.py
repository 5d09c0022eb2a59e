"""Translation: a text in, a text in another language out."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

import seqkit
from seqkit.recipes.common import Rewrites
from seqkit.recipes.flags import Callbacks, Source
from seqkit.settings import Attention, Embedding, Search, Stack, Training

if TYPE_CHECKING:
    from collections.abc import Callable

    import keras
    import numpy as np

    from seqkit.data import Examples, Pipeline, Vocabulary
    from seqkit.data.sources import Role
    from seqkit.running import Forward
    from seqkit.searching import Found

SHOWN = 20  # translations in the report
PICTURES = 3  # of attention


def translation(
    data: Source = None,
    *,
    valid: Source = None,
    test: Source = None,
    out: Path = Path("saved_models/translation"),
    source: str = "source",
    target: str = "target",
    data_dir: str | None = None,
    unit: Literal["subword", "unigram", "marked_word", "symbol"] = "subword",
    lowercase: bool = False,
    vocabulary_size: int = 6000,
    shared_vocabulary: bool = False,
    min_count: int = 1,
    max_length: int = 100,
    batch_tokens: int = 0,
    tied: bool = True,
    shared_embedding: bool = False,
    embedding: Embedding = Embedding(units=256, dropout=0.2),
    encoder: Stack = Stack(cell="gru", units=(256,), bidirectional=True, dropout=0.3),
    decoder: Stack = Stack(cell="gru", units=(256,), dropout=0.3),
    attention: Attention = Attention(),
    search: Search = Search(),
    training: Training = Training(
        epochs=15, batch_size=64, learning_rate=2e-3, schedule="cosine", warmup_steps=200, label_smoothing=0.1
    ),
    seed: int = 0,
    overwrite: bool = False,
    resume: bool = False,
    callbacks: Callbacks = (),
) -> seqkit.run.Run:
    """Learn to translate: an encoder reads the source, a decoder writes the target.

    Args:
        data: Training pairs: the prefix of two files of lines (multi30k/train with source en and target de), a table,
            tfds:NAME, or in Python (sources, targets); nothing for built-in pairs of numbers and dates spelled out in
            English and German.
        valid: Validation pairs of the same kind; nothing for a seeded tenth of the training pairs.
        test: Test pairs of the same kind, for the report; nothing for a report on the validation pairs, which says so.
        out: The run folder.
        source: Suffix of the file, or column, of the texts to translate.
        target: Suffix or column of their translations.
        data_dir: Where TFDS keeps prepared data sets.
        unit: What is read and written: a subword, learned by merging neighbours (BPE) or as the pieces of a unigram model
            (Kudo 2018), a word or a symbol; each gives case and punctuation back.
        lowercase: Whether case is folded, on both sides.
        vocabulary_size: Units to know on each side.
        shared_vocabulary: Learn one vocabulary for both sides.
        min_count: How often a word or symbol must occur in the training texts to be known.
        max_length: Training pairs with more units on a side are left out, which is said.
        batch_tokens: Units a batch at most on each side, padding and all, in place of training.batch_size; 0 for rows.
        tied: Use the decoder's embedding for the output too (Press and Wolf 2017), where it is as wide as the decoder.
        shared_embedding: Use one embedding on both sides, and with `tied` for the output too, where they share a vocabulary.
        embedding: How units become vectors, on both sides.
        encoder: The recurrent layers that read.
        decoder: The recurrent layers that write, in one direction.
        attention: How the decoder looks at what the encoder read.
        search: How a translation is looked for.
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
    job = seqkit.job.Job(locals(), vocabulary_size=5, min_count=1, max_length=1, batch_tokens=0)
    if tied and embedding.units != decoder.units[-1]:
        raise seqkit.InputError(
            f"tied needs an embedding as wide as the decoder: give embedding.units {decoder.units[-1]}, or leave tied off."
        )
    if attention.copying and not shared_vocabulary:
        raise seqkit.InputError(
            "attention.copying is on without shared_vocabulary, but what is copied must mean the same on both sides: turn "
            "both on, or none."
        )
    if search.replace_unknown and (unit != "marked_word" or attention.kind == "none"):
        raise seqkit.InputError(
            f"search.replace_unknown is on with unit {unit} and attention.kind {attention.kind}, but what is replaced are "
            "words, by what was looked at: choose unit marked_word and attention, or leave it off."
        )
    if search.replace_unknown and encoder.pyramidal:
        raise seqkit.InputError(
            "search.replace_unknown is on with encoder.pyramidal, where a place is several words: leave one of them off."
        )
    if shared_embedding and not shared_vocabulary:
        raise seqkit.InputError(
            "shared_embedding needs one vocabulary for both sides: turn shared_vocabulary on, or leave shared_embedding off."
        )
    columns = {"source": source, "target": target}
    with job:
        splits = job.splits(columns, builtin=lambda: seqkit.data.spelled(seed=0), reader=seqkit.data.read_parallel)
        texts = [splits.train[field] for field in ("source", "target")]
        vocabularies = [
            seqkit.data.learn_vocabulary(
                side, unit=unit, lowercase=lowercase, size=vocabulary_size, min_count=min_count
            )
            for side in ([[*texts[0], *texts[1]]] if shared_vocabulary else texts)
        ]
        task = Translation(columns, vocabularies[0], vocabularies[-1], search.of_run(seed), max_length, batch_tokens)
        model = _model(task, embedding, encoder, decoder, attention, tied=tied, shared=shared_embedding)
        return job.done(task, model, splits, seqkit.objectives.classification(training, [1] * len(task.target)))


def _model(
    task: Translation,
    embedding: Embedding,
    encoder: Stack,
    decoder: Stack,
    attention: Attention,
    *,
    tied: bool,
    shared: bool,
) -> keras.Model:
    ids, read, mask = seqkit.layers.embed_tokens(len(task.source), embedding, reversible=tied and shared)
    table = seqkit.layers.table_of(ids, read) if shared else None
    before, features, _ = seqkit.layers.embed_tokens(
        len(task.target), embedding, reversible=tied, shared=table, name="before"
    )
    return seqkit.topologies.encoder_decoder(
        (ids, read, mask),
        (before, features),
        outputs=len(task.target),
        encoder=encoder,
        decoder=decoder,
        attention=attention,
        head=seqkit.layers.tied_head(before, features) if tied else None,
    )


@dataclasses.dataclass(frozen=True)
class Translation(Rewrites):
    """What this recipe knows and a run doesn't (see seqkit.task.Task). Outputs are what a search found, or texts."""

    columns: dict[str, str]
    source: Vocabulary
    target: Vocabulary
    search: Search
    max_length: int
    batch_tokens: int
    recipe = "translation"

    def to_json(self) -> dict[str, Any]:
        return {
            "source": self.source.to_json(),
            "target": self.target.to_json(),
            "search": dataclasses.asdict(self.search),
            "max_length": self.max_length,
            "batch_tokens": self.batch_tokens,
        }

    @classmethod
    def from_json(cls, value: dict[str, Any], columns: dict[str, str]) -> Self:
        read = seqkit.data.Vocabulary.from_json
        search = Search(**value["search"])
        return cls(
            columns, read(value["source"]), read(value["target"]), search, value["max_length"], value["batch_tokens"]
        )

    def read(
        self, source: Any, columns: dict[str, str], *, role: Role = "train", data_dir: str | None = None
    ) -> Examples:
        return seqkit.data.read_parallel(source, columns, role=role, data_dir=data_dir)

    def encode(self, examples: Examples, batch_size: int) -> tuple[Pipeline, dict[str, Any]]:
        import numpy as np

        rows, facts = self._rows(examples, batch_size, 0)
        if self.search.replace_unknown:
            texts = np.array([text.encode() for text in examples["source"]], object)
            rows = dataclasses.replace(rows, columns=rows.columns | {"text": texts})
        return rows, facts

    def encode_for_training(self, examples: Examples, batch_size: int) -> tuple[Pipeline, dict[str, Any]]:
        import numpy as np

        sides = [self._ids(examples, field) for field in ("source", "target")]
        fits = np.flatnonzero(np.maximum(*(ids.lengths for ids in sides)) <= self.max_length)
        if not len(fits):
            raise seqkit.InputError(
                f"{examples.origin}: every pair has more than max_length {self.max_length} units on a side: raise it."
            )
        kept = examples.take(fits.tolist(), examples.origin)
        rows, facts = self._rows(kept, batch_size, self.batch_tokens)
        return rows, facts | {"pairs_left_out_as_too_long": len(examples) - len(fits)}

    def _ids(self, examples: Examples, field: str) -> seqkit.data.Ragged:
        vocabulary = self.source if field == "source" else self.target
        texts = examples[field]
        return vocabulary.encode(seqkit.data.tokenise(texts, vocabulary.splitter, cache="target" in examples.columns))

    def _rows(self, examples: Examples, batch_size: int, batch_tokens: int) -> tuple[Pipeline, dict[str, Any]]:
        targets = self._ids(examples, "target") if "target" in examples.columns else None
        return seqkit.data.paired(self._ids(examples, "source"), targets, batch_size, batch_steps=batch_tokens)

    def outputs(self, forward: Forward, rows: Pipeline) -> Found:
        words = self.source.splitter if self.search.replace_unknown else None
        return seqkit.searching.find(forward.model, rows, self.search, words)

    def answers(self, examples: Examples, outputs: Found) -> list[dict[str, Any]]:
        texts, best = outputs.texts(self.target), self.search.n_best
        answers = []
        for row, scores in enumerate(outputs.scores.tolist()):
            found = [
                {"translation": text, "score": round(score, 6)}
                for text, score in zip(texts[row * best :], scores, strict=False)
                if score > -float("inf")
            ]
            answers.append(found[0] | ({"others": found[1:]} if best > 1 else {}))
        return answers

    def scorer(self, examples: Examples, outputs: Found | list[str]) -> Callable[[np.ndarray], dict[str, float]]:
        return seqkit.text_metrics.text_scorer(self.texts(outputs), examples["target"])

    def sections(self, model: keras.Model, examples: Examples, outputs: Found) -> dict[str, Any]:
        texts, best = self.texts(outputs), outputs.best()
        shown = [
            {
                "source": source,
                "reference": reference,
                "written": text,
                "chrf": seqkit.text_metrics.sentence_chrf(text, reference),
            }
            for source, reference, text in list(zip(examples["source"], examples["target"], texts, strict=True))[:SHOWN]
        ]
        signatures = seqkit.text_metrics.signature()
        sections: dict[str, Any] = {"items": "units", "written": shown, "signatures": signatures}
        sources = self._ids(examples, "source")
        looks = [
            (
                [self.source.tokens[number] for number in sources[row]],
                [self.target.tokens[number] for number in best[row]],
            )
            for row in range(min(PICTURES, len(examples)))
        ]
        return sections | self.attention(model, outputs, looks)

    def fit_baselines(self, train: Examples) -> dict[str, Any]:
        return {
            "copy": seqkit.text_baselines.CopySource(),
            "nearest": seqkit.text_baselines.Nearest(train["source"], train["target"]),
        }

    def load_baseline(self, path: Path) -> Any:
        return {"copy": seqkit.text_baselines.CopySource, "nearest": seqkit.text_baselines.Nearest}[path.stem].load(
            path
        )
