"""Hours of training and evaluating in one process, or 100,000 steps of one training: what grows, and what slows down.

    python benchmarks/soak.py --hours 2 --log soak.tsv
    python benchmarks/soak.py --steps 100000 --log steps.tsv

With --hours each round is another recipe's: a small model trained on rows of its own, opened, scored, asked, and
exported in another format each time. With --steps a tiny model trains in very short epochs. Every round, or every so
many steps (--every), a row of the log says what the process holds: resident memory and what malloc has given out (MB),
open file descriptors, threads, graphs, traced functions, models, functions in TensorFlow's context, gradients in its
registry, entries of Keras's global state, objects of Python. The first third is warm-up; of the rest a line through the
means of ten stretches gives the slope, with its interval of 95%: means since rounds beside each other are alike. Of the
kinds of objects those that grew most are named.
"""

import argparse
import collections
import contextlib
import ctypes
import dataclasses
import gc
import io
import itertools
import os
import re
import sys
import tempfile
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from keras.src.backend.common import global_state
from scipy.stats import t as student
from tensorflow.python.eager import context
from tensorflow.python.eager.polymorphic_function.concrete_function import ConcreteFunction
from tensorflow.python.framework import ops

from seqkit import Embedding, Encoder, Run, Search, Stack, Training, load
from seqkit.batches.pipeline import Pipeline
from seqkit.core.ragged import Ragged
from seqkit.corpora.moving_digits import moving_digits
from seqkit.corpora.number_words import number_words
from seqkit.corpora.reviews import reviews
from seqkit.corpora.scenes import asked_scenes
from seqkit.corpora.sentences import sentences
from seqkit.corpora.topics import topics
from seqkit.layers.embedding import embed_tokens
from seqkit.recipes.language_model import language_model
from seqkit.recipes.programs import programs
from seqkit.recipes.question_answering import question_answering
from seqkit.recipes.sentiment import sentiment
from seqkit.recipes.tagging import tagging
from seqkit.recipes.translation import translation
from seqkit.recipes.video_frames import video_frames
from seqkit.topologies.many_to_one import many_to_one
from seqkit.training.objectives import classification
from seqkit.training.trainer import Trainer, reproducible

WARM_UP = 1 / 3
STRETCHES = 10
GROWN = 8  # kinds of objects that are named
FORMATS = ("keras", "savedmodel", "onnx", "litert")
COUNTS = ("descriptors", "threads", "graphs", "traced", "models", "functions", "gradients", "keras_state")
ALLOWED = 20.0  # MB an hour
MALLINFO = ("arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks", "fordblks", "keepcost")
SMALL = Stack(cell="gru", units=(16,))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--hours", type=float, default=2.0)
    parser.add_argument("--steps", type=int, default=None, help="one training of so many steps instead")
    parser.add_argument("--epoch", type=int, default=20, help="steps an epoch of that one")
    parser.add_argument("--every", type=int, default=1000, help="steps a row of the log")
    parser.add_argument("--only", nargs="+", choices=list(RECIPES), default=list(RECIPES), help="with --hours")
    parser.add_argument("--export", action=argparse.BooleanOptionalAction, default=True, help="with --hours")
    parser.add_argument(
        "--trace", type=int, default=0, help="at the end, what so many lines hold that they didn't before"
    )
    parser.add_argument("--log", type=Path, default=None)
    options = parser.parse_args()
    log = Log(options.log)
    if options.steps:
        many_steps(options, log)
        drift(log)
    else:
        with tempfile.TemporaryDirectory() as cache:  # where no soak before has left what would not be computed again
            os.environ["SEQKIT_CACHE"] = cache
            hours(options, log)
    verdict(log, "steps" if options.steps else "rounds")


class Log:
    """Rows of figures, written as they come.

    Attributes:
        rows: A dict of figures each.
        names: Types of Python -> places.
        kinds: Of each row, int32, how many objects there are of each type, by place; as little as can be, since the log
            grows with the rows.
        started: When, of time.perf_counter.
    """

    def __init__(self, path: Path | None):
        self.rows: list[dict[str, float]] = []
        self.names: dict[str, int] = {}
        self.kinds: list[np.ndarray] = []
        self.started = time.perf_counter()
        self._file = open(path, "w") if path else io.StringIO()  # noqa: SIM115 as long as this lives

    def add(self, **figures: float) -> None:
        gc.collect()
        kinds = collections.Counter(map(type, gc.get_objects()))
        row = {"hours": (time.perf_counter() - self.started) / 3600} | figures | held(kinds)
        if not self.rows:
            print("\t".join(row), file=self._file)
        print(
            "\t".join(f"{value:.4f}" if isinstance(value, float) else str(value) for value in row.values()),
            file=self._file,
        )
        self._file.flush()
        self.rows.append(row)
        counts: collections.Counter[int] = collections.Counter()
        for kind, count in kinds.items():  # by name, since a type that is kept would be one that is not gone
            name = f"{kind.__module__}.{kind.__qualname__}"
            counts[self.names.setdefault(name, len(self.names))] += count
        self.kinds.append(np.array([counts[place] for place in range(len(self.names))], np.int32))

    def column(self, name: str) -> np.ndarray:
        return np.array([row[name] for row in self.rows], float)


def held(kinds: collections.Counter[type]) -> dict[str, float]:
    """What this process holds, with so many objects of each type."""
    status = Path("/proc/self/status").read_text()
    state = vars(global_state.GLOBAL_STATE_TRACKER)
    return {
        "resident": int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1024,
        "allocated": allocated(),
        "descriptors": len(os.listdir("/proc/self/fd")),
        "threads": int(re.search(r"Threads:\s+(\d+)", status)[1]),
        "python_threads": threading.active_count(),
        "graphs": _of(kinds, tf.Graph),
        "traced": _of(kinds, ConcreteFunction),
        "models": _of(kinds, keras.Model),
        "functions": len(context.context().list_function_names()),
        "gradients": len(ops.gradient_registry._registry),
        "keras_state": sum(len(value) if hasattr(value, "__len__") else 1 for value in state.values()),
        "objects": kinds.total(),
    }


def _of(kinds: collections.Counter[type], base: type) -> int:
    return sum(count for kind, count in kinds.items() if issubclass(kind, base))


def allocated() -> float:
    """What malloc has given out and not got back, in MB: resident memory is that, and what it keeps for later."""

    class Info(ctypes.Structure):
        _fields_ = [(name, ctypes.c_size_t) for name in MALLINFO]

    mallinfo = ctypes.CDLL(None).mallinfo2
    mallinfo.restype = Info
    info = mallinfo()
    return (info.uordblks + info.hblkhd) / 2**20


def hours(options: argparse.Namespace, log: Log) -> None:
    """Rounds until the time is over."""
    formats = itertools.cycle(FORMATS)
    if options.trace:
        tracemalloc.start(12)
    before = None
    for number in itertools.count():
        name = options.only[number % len(options.only)]
        started = time.perf_counter()
        with tempfile.TemporaryDirectory() as folder, hushed():
            round_of(RECIPES[name], number, Path(folder) / "run", next(formats) if options.export else None)
        log.add(round=number, recipe=name, seconds=time.perf_counter() - started)
        if time.perf_counter() - log.started >= options.hours * 3600:
            break
        if options.trace and before is None and number >= 2 * len(options.only):
            before = tracemalloc.take_snapshot()
    if before:
        for line in tracemalloc.take_snapshot().compare_to(before, "traceback")[: options.trace]:
            print(line, *line.traceback.format(), sep="\n")


def round_of(recipe: Callable[[int, Path], tuple[Run, tuple]], seed: int, out: Path, form: str | None) -> None:
    """Train, open, score, ask, export."""
    _, test = recipe(seed, out)
    run = load(out)
    run.evaluate(test, name="again")
    columns = test[: len(run.task.fields)]
    run.predict(list(columns[0]) if len(columns) == 1 else list(zip(*columns, strict=True)))
    if form:
        run.export(form)


@contextlib.contextmanager
def hushed() -> Iterator[None]:
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere), contextlib.redirect_stderr(nowhere):
        yield


def _parts(corpus: dict[str, dict[str, list]], rows: int = 100) -> list[tuple]:
    """(training, validation and test rows), of the last two no more than `rows`."""
    return [
        tuple(column[: None if name == "train" else rows] for column in part.values()) for name, part in corpus.items()
    ]


def _training(rows: int) -> Training:
    return Training(epochs=2, batch_size=rows, learning_rate=5e-3)


def _classes(seed: int, out: Path) -> tuple[Run, tuple]:
    train, valid, test = _parts(reviews(seed=seed, rows=800))
    embedding = Embedding(units=16)
    run = sentiment(
        train, valid=valid, test=test, out=out, embedding=embedding, stack=SMALL, training=_training(32), seed=seed
    )
    return run, test


def _tags(seed: int, out: Path) -> tuple[Run, tuple]:
    train, valid, test = _parts(sentences(seed=seed, rows=800))
    output = ("softmax", "crf")[seed // len(RECIPES) % 2]
    embedding = Embedding(units=16)
    run = tagging(
        train,
        valid=valid,
        test=test,
        out=out,
        embedding=embedding,
        stack=SMALL,
        training=_training(32),
        output=output,
        seed=seed,
    )
    return run, test


def _symbols(seed: int, out: Path) -> tuple[Run, tuple]:
    texts = topics()["train"]["text"]
    train, valid, test = ((texts[start : start + rows],) for start, rows in ((seed * 7 % 300, 60), (0, 20), (20, 20)))
    run = language_model(
        train,
        valid=valid,
        test=test,
        out=out,
        embedding=Embedding(units=16),
        stack=SMALL,
        training=_training(16),
        window=50,
        seed=seed,
    )
    "".join(run.generate("The ", length=40))
    return run, test


def _pairs(seed: int, out: Path) -> tuple[Run, tuple]:
    train, valid, test = _parts(number_words(seed=seed, rows=800), 50)
    run = translation(
        train,
        valid=valid,
        test=test,
        out=out,
        vocabulary_size=100,
        embedding=Embedding(units=16),
        encoder=SMALL,
        decoder=SMALL,
        search=Search(beam=2),
        training=_training(32),
        seed=seed,
    )
    return run, test


def _clips(seed: int, out: Path) -> tuple[Run, tuple]:
    train, valid, test = (part[1:] for part in _parts(moving_digits(seed=seed, clips=64), 8))  # without the names
    run = video_frames(train, valid=valid, test=test, out=out, training=_training(8), seed=seed)
    return run, test


def _executed(seed: int, out: Path) -> tuple[Run, tuple]:
    run = programs(
        task="copying",
        length=4,
        rows=800,
        out=out,
        embedding=Embedding(units=16),
        encoder=SMALL,
        decoder=SMALL,
        training=_training(32),
        seed=seed,
    )
    return run, (["123", "9", "4321"], ["123", "9", "4321"])


def _answers(seed: int, out: Path) -> tuple[Run, tuple]:
    train, valid, test = _parts(asked_scenes(seed=seed, scenes=64), 40)
    encoder = Encoder(filters=(8, 8), units=16)
    run = question_answering(
        train,
        valid=valid,
        test=test,
        out=out,
        encoder=encoder,
        embedding=Embedding(units=16),
        stack=SMALL,
        training=_training(32),
        seed=seed,
    )
    return run, test


RECIPES = {
    "sentiment": _classes,
    "tagging": _tags,
    "language_model": _symbols,
    "translation": _pairs,
    "video_frames": _clips,
    "programs": _executed,
    "question_answering": _answers,
}


class Every(keras.callbacks.Callback):
    """A row of the log every so many steps."""

    def __init__(self, log: Log, every: int):
        super().__init__()
        self.log, self.every, self.steps, self.last = log, every, 0, (time.perf_counter(), time.process_time())

    def on_train_batch_end(self, batch: int, logs: object = None) -> None:
        self.steps += 1
        if self.steps % self.every == 0:
            now = time.perf_counter(), time.process_time()
            seconds, busy = (after - before for before, after in zip(self.last, now, strict=True))
            self.log.add(
                steps=self.steps,
                steps_per_second=self.every / seconds,
                milliseconds_of_processor=1000 * busy / self.every,
            )
            self.last = time.perf_counter(), time.process_time()


def many_steps(options: argparse.Namespace, log: Log) -> None:
    """One training of a tiny model in epochs of so many steps, checkpoints included."""
    steps, epoch = options.steps, options.epoch
    rng = np.random.default_rng(0)
    lengths = rng.integers(1, 9, 4 * epoch)
    ids = Ragged.of_lengths(rng.integers(4, 30, int(lengths.sum())).astype(np.int32), lengths)
    rows = Pipeline(
        {"ids": ids, "targets": rng.integers(0, 2, len(lengths)).astype(np.int32)}, {"ids": np.array([8])}, 4
    )
    training = Training(epochs=-(-steps // epoch), batch_size=4)
    with reproducible(0, training.precision):
        inputs = embed_tokens(30, Embedding(units=8))
        model = many_to_one(*inputs, outputs=2, stack=Stack(cell="gru", units=(8,)), pooling="last")
    with tempfile.TemporaryDirectory() as folder, hushed():
        trainer = Trainer(model, classification(training, [1, 1]), training, checkpoint=Path(folder) / "checkpoint")
        trainer.fit(rows, rows, callbacks=[Every(log, options.every)])


def drift(log: Log) -> None:
    """How fast the last tenth of the steps was, beside the first (after a twentieth, of warm-up)."""
    for name in (
        "steps_per_second",
        "milliseconds_of_processor",
    ):  # a step; the latter says what other processes don't touch
        figures = log.column(name)[len(log.rows) // 20 :]
        tenth = max(1, len(figures) // 10)
        first, last = np.median(figures[:tenth]), np.median(figures[-tenth:])
        print(f"{name}: {first:.2f} in the first tenth, {last:.2f} in the last: {last / first:.3f} of it")


@dataclasses.dataclass
class Slope:
    """A line's rise an hour, and half of its interval of 95%."""

    value: float
    half: float


def slope_of(hours: np.ndarray, values: np.ndarray) -> Slope:
    """Of the line through the means of ten stretches."""
    x, y = (np.array([part.mean() for part in np.array_split(column, STRETCHES)]) for column in (hours, values))
    (slope, _), [residual, *_], *_ = np.polyfit(x, y, 1, full=True)
    error = np.sqrt(residual / (STRETCHES - 2) / ((x - x.mean()) ** 2).sum())
    return Slope(slope, student.ppf(0.975, STRETCHES - 2) * error)


def verdict(log: Log, unit: str) -> None:
    """Of each figure what it was after the warm-up, what it is at the end, and its slope."""
    warm = int(len(log.rows) * WARM_UP)
    if len(log.rows) - warm < 2 * STRETCHES:
        sys.exit(f"{len(log.rows)} {unit} are too few for a verdict.")
    hours = log.column("hours")[warm:]
    print(f"{'':16}{'after warm-up':>14}{'at the end':>12}{'highest':>10}{'an hour':>12}{'+-':>10}")
    grows = []
    for name in ("resident", "allocated", *COUNTS, "objects"):
        values = log.column(name)[warm:]
        slope, tenth = slope_of(hours, values), len(values) // STRETCHES
        first, last = values[:tenth].mean(), values[-tenth:].mean()
        print(f"{name:16}{first:14,.1f}{last:12,.1f}{values.max():10,.0f}{slope.value:12,.2f}{slope.half:10,.2f}")
        if name in ("resident", "allocated"):
            grew = slope.value - slope.half > 0 and slope.value > ALLOWED
        else:
            grew = slope.value - slope.half > 0 and last > 1.01 * first
        grows += [name] if grew else []
    print(
        "kinds that grew most:", ", ".join(f"{name} {more:+.0f}" for name, more in grown(log, slice(warm, None), GROWN))
    )
    print(
        f"{log.rows[-1]['hours']:.2f} hours, {len(log.rows)} rows: "
        + (f"grows: {', '.join(grows)}" if grows else "flat")
    )


def grown(log: Log, rows: slice, most: int) -> list[tuple[str, float]]:
    """The types of which the last tenth of some rows has most more than the first, and how many more a row."""
    names = list(log.names)
    held = np.array([np.pad(row, (0, len(names) - len(row))) for row in log.kinds[rows]])
    tenth = len(held) // STRETCHES
    more = held[-tenth:].mean(axis=0) - held[:tenth].mean(axis=0)
    return [(names[place], float(more[place])) for place in np.argsort(-more, kind="stable")[:most]]


if __name__ == "__main__":
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    main()
