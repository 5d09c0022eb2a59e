"""Programs: the text of a program in, what it prints out, character by character."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import seqkit
from seqkit.recipes.common import Rewrites
from seqkit.recipes.flags import Callbacks, Source
from seqkit.settings import Attention, Embedding, Exercise, Lessons, Search, Stack, Training

if TYPE_CHECKING:
    from collections.abc import Callable

    import keras
    import numpy as np
    import tensorflow as tf

    from seqkit.data import Examples, Pipeline, Ragged, Vocabulary
    from seqkit.data.sources import Role
    from seqkit.running import Forward
    from seqkit.searching import Found

SHOWN = 20  # programs in the report
PICTURES = 3  # of attention
NEIGHBOURS = 5000  # training programs that a baseline looks among
TRIED = 500  # programs by which a curriculum moves up
ROWS_A_SIZE = 200  # of the report's table


def programs(
    data: Source = None,
    *,
    valid: Source = None,
    test: Source = None,
    out: Path = Path("saved_models/programs"),
    source: str = "source",
    target: str = "target",
    data_dir: str | None = None,
    task: Exercise = "programs",
    length: int = 4,
    nesting: int = 2,
    curriculum: Lessons = "combined",
    rows: int = 80_000,
    embedding: Embedding = Embedding(units=64),
    encoder: Stack = Stack(cell="lstm", units=(128,), bidirectional=True),
    decoder: Stack = Stack(cell="lstm", units=(256,)),
    attention: Attention = Attention(),
    search: Search = Search(beam=1, longest=100, ratio=0.0),
    training: Training = Training(
        epochs=20, batch_size=128, learning_rate=2e-3, schedule="cosine", monitor="val_accuracy"
    ),
    seed: int = 0,
    overwrite: bool = False,
    resume: bool = False,
    callbacks: Callbacks = (),
) -> seqkit.run.Run:
    """Learn to execute: read a program, write what it prints (Zaremba and Sutskever 2014).

    Without data of your own every epoch trains on fresh programs, of the sizes that the curriculum gives; none of those
    that validation and test have is ever among them.

    Args:
        data: Training pairs: a table, the prefix of two files of lines, or in Python (sources, targets); nothing for
            programs drawn on the spot.
        valid: Validation pairs of the same kind; nothing for a seeded tenth of the training pairs.
        test: Test pairs of the same kind, for the report; nothing for a report on the validation pairs, which says so.
        out: The run folder.
        source: Column, or suffix of the file, of the programs.
        target: Column or suffix of what they print.
        data_dir: Where TFDS keeps prepared data sets.
        task: What is drawn: programs of the paper's grammar, sums of two numbers, or digits to copy.
        length: Digits of the numbers that are drawn.
        nesting: Operations of a program that is drawn; sums and copies have none.
        curriculum: Sizes to train on: the final one throughout (baseline), from small to large (naive), all at once (mix),
            or naive four times in five and else mix (combined).
        rows: Programs to draw: three quarters an epoch, an eighth each for validation and test.
        embedding: How characters become vectors, on both sides.
        encoder: The recurrent layers that read.
        decoder: The recurrent layers that write, in one direction.
        attention: How the decoder looks at what the encoder read; with attention.copying one vocabulary is for both sides.
        search: How an answer is looked for.
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
    job = seqkit.job.Job(locals(), rows=16)
    if search.replace_unknown:
        raise seqkit.InputError(
            "search.replace_unknown is on, but programs are read and written symbol by symbol: leave it off."
        )
    columns = {"source": source, "target": target}
    with job:
        exercises = _Drawn(task, length, nesting if task == "programs" else 1, curriculum)
        splits = job.splits(columns, builtin=lambda: exercises.splits(rows), reader=seqkit.data.read_parallel)
        texts = [splits.train[field] for field in ("source", "target")]
        vocabularies = [
            seqkit.data.learn_vocabulary(side, unit="symbol")
            for side in ([[*texts[0], *texts[1]]] if attention.copying else texts)
        ]
        executor = Programs(
            columns, vocabularies[0], vocabularies[-1], search.of_run(seed), exercises if data is None else None
        )
        return job.done(
            executor,
            model := _model(executor, embedding, encoder, decoder, attention),
            splits,
            seqkit.objectives.classification(training, [1] * len(executor.target)),
            course=(lambda rows: executor.course(rows, seed)) if data is None else None,
        )


def _model(task: Programs, embedding: Embedding, encoder: Stack, decoder: Stack, attention: Attention) -> keras.Model:
    before, features, _ = seqkit.layers.embed_tokens(len(task.target), embedding, name="before")
    return seqkit.topologies.encoder_decoder(
        seqkit.layers.embed_tokens(len(task.source), embedding),
        (before, features),
        outputs=len(task.target),
        encoder=encoder,
        decoder=decoder,
        attention=attention,
    )


@dataclasses.dataclass(frozen=True)
class _Drawn:
    """What is drawn where there is no data."""

    exercise: Exercise
    length: int
    nesting: int
    curriculum: Lessons

    def __post_init__(self):
        try:
            seqkit.data.Curriculum(self.curriculum, self.length, self.nesting)
        except ValueError as error:
            raise seqkit.InputError(str(error)) from None

    def splits(self, rows: int) -> dict[str, dict[str, list[str]]]:
        return seqkit.data.programs(0, rows, exercise=self.exercise, length=self.length, nesting=self.nesting)

    def sizes(self) -> list[tuple[int, int]]:
        """All sizes up to the final one."""
        return [(length, nesting) for nesting in range(1, self.nesting + 1) for length in range(1, self.length + 1)]


@dataclasses.dataclass(frozen=True)
class Executed:
    """What was found, and, where the answers are known, which of their characters were chosen after the true ones."""

    found: Found
    right: Ragged | None


@dataclasses.dataclass(frozen=True)
class Programs(Rewrites):
    """What this recipe knows and a run doesn't (see seqkit.task.Task). Outputs are `Executed`, or texts."""

    columns: dict[str, str]
    source: Vocabulary
    target: Vocabulary
    search: Search
    drawn: _Drawn | None
    recipe = "programs"

    def to_json(self) -> dict[str, Any]:
        return {
            "source": self.source.to_json(),
            "target": self.target.to_json(),
            "search": dataclasses.asdict(self.search),
            "drawn": None if self.drawn is None else dataclasses.asdict(self.drawn),
        }

    @classmethod
    def from_json(cls, value: dict[str, Any], columns: dict[str, str]) -> Self:
        read = seqkit.data.Vocabulary.from_json
        drawn = None if value["drawn"] is None else _Drawn(**value["drawn"])
        return cls(columns, read(value["source"]), read(value["target"]), Search(**value["search"]), drawn)

    def course(self, rows: Pipeline, seed: int) -> seqkit.data.Course:
        """What each epoch trains on: as many rows as these, in batches of the same widths as far as they fit."""
        drawn = self.drawn
        assert drawn is not None, "there is a course only where programs are drawn"

        def encode(columns: dict[str, list[str]]) -> Pipeline:
            examples = seqkit.data.Examples(columns, "drawn for an epoch")
            return self._rows(examples, rows.batch_size, cache=False, axes=rows.axes)[0]

        start = seqkit.data.Curriculum(drawn.curriculum, drawn.length, drawn.nesting)
        return seqkit.data.Course(drawn.exercise, start, rows.rows, TRIED, seed, encode)

    def read(
        self, source: Any, columns: dict[str, str], *, role: Role = "train", data_dir: str | None = None
    ) -> Examples:
        return seqkit.data.read_parallel(source, columns, role=role, data_dir=data_dir)

    def encode(self, examples: Examples, batch_size: int) -> tuple[Pipeline, dict[str, Any]]:
        return self._rows(examples, batch_size, cache="target" in examples.columns)

    encode_for_training = encode

    def _rows(
        self, examples: Examples, batch_size: int, *, cache: bool, axes: dict[str, tuple[int, ...]] | None = None
    ) -> tuple[Pipeline, dict[str, Any]]:
        ids = {
            field: vocabulary.encode(seqkit.data.tokenise(examples[field], vocabulary.splitter, cache=cache))
            for field, vocabulary in (("source", self.source), ("target", self.target))
            if field in examples.columns
        }
        return seqkit.data.paired(ids["source"], ids.get("target"), batch_size, axes=axes)

    def outputs(self, forward: Forward, rows: Pipeline) -> Executed:
        import tensorflow as tf

        def right(batch: dict[str, tf.Tensor], logits: tf.Tensor) -> tf.Tensor:
            return tf.equal(tf.argmax(logits, axis=-1, output_type=tf.int32), batch["targets"])

        known = seqkit.running.step_outputs(forward, rows, right) if "targets" in rows.columns else None
        return Executed(seqkit.searching.find(forward.model, rows, self.search), known)

    def texts(self, outputs: Executed | list[str]) -> list[str]:
        """The best answers; those of a baseline are texts already."""
        return outputs if isinstance(outputs, list) else self.target.written(outputs.found.best())

    def answers(self, examples: Examples, outputs: Executed) -> list[dict[str, Any]]:
        scores = outputs.found.scores[:, 0].tolist()
        return [
            {"answer": text, "score": round(score, 6)} for text, score in zip(self.texts(outputs), scores, strict=True)
        ]

    def scorer(self, examples: Examples, outputs: Executed | list[str]) -> Callable[[np.ndarray], dict[str, float]]:
        import numpy as np

        right = None
        if not isinstance(outputs, list) and outputs.right is not None:
            right = np.array([row[:-1].sum() for row in map(outputs.right.__getitem__, range(len(examples)))])
        return seqkit.text_metrics.character_scorer(self.texts(outputs), examples["target"], right)

    def sections(self, model: keras.Model, examples: Examples, outputs: Executed) -> dict[str, Any]:
        texts, found = self.texts(outputs), outputs.found
        triples = list(zip(examples["source"], examples["target"], texts, strict=True))[:SHOWN]
        sections: dict[str, Any] = {
            "written": [dict(zip(("source", "reference", "written"), triple, strict=True)) for triple in triples],
            "sizes": [] if self.drawn is None else self._by_size(model),
        }
        looks = [(list(read.replace("\n", "↵")), list(wrote)) for read, _, wrote in triples[:PICTURES]]
        return sections | self.attention(model, found, looks)

    def _by_size(self, model: keras.Model) -> list[dict[str, Any]]:
        """The scores on fresh rows of the test part, size by size."""
        import numpy as np

        assert self.drawn is not None
        sizes = self.drawn.sizes()
        parts = [seqkit.data.drawn(self.drawn.exercise, size, ROWS_A_SIZE, part="test", seed=1) for size in sizes]
        columns = {field: [value for part in parts for value in part[field]] for field in ("source", "target")}
        examples = seqkit.data.Examples(columns, "drawn for the table")
        outputs = self.outputs(seqkit.running.Forward(model), self._rows(examples, ROWS_A_SIZE, cache=False)[0])
        score = self.scorer(examples, outputs)
        return [
            {"length": length, "nesting": nesting, "rows": ROWS_A_SIZE}
            | score(np.arange(place * ROWS_A_SIZE, (place + 1) * ROWS_A_SIZE))
            for place, (length, nesting) in enumerate(sizes)
        ]

    def fit_baselines(self, train: Examples) -> dict[str, Any]:
        baselines = seqkit.text_baselines
        return {
            "most_frequent": baselines.MostFrequentAnswer.fit(train["target"]),
            "nearest": baselines.Nearest(train["source"][:NEIGHBOURS], train["target"][:NEIGHBOURS], characters=True),
        }

    def load_baseline(self, path: Path) -> Any:
        baselines = seqkit.text_baselines
        return {"most_frequent": baselines.MostFrequentAnswer, "nearest": baselines.Nearest}[path.stem].load(path)
