"""Which cell, and when: the recipes' validation figures with one cell after the other, beside what they cost.

    python benchmarks/frontier.py --data tagging=ud_en_ewt/en_ewt-ud characters=tinyshakespeare/input.txt --out frontier

Compared are stacks of equally many weights: those of the recipe's own stack, or --weights. Each cell gets
the units that come nearest; embedding and output stay as they are. They are trained for equally many epochs (--compare
epochs), and for as many as take the time of the LSTM's (--compare time, by the seconds of an epoch in the first
comparison). But for translation's output, which is a layer of its own, all else is the recipe's default, the same for
every cell: nothing was searched for a cell.

--data names the tasks, each with its data: sentiment (a table), tagging (the prefix of -train.conllu and -dev.conllu),
characters (a text, whose last tenth is for validation), translation (a folder of train.en, train.de, val.en, val.de);
without "=DATA" the recipe's built-in corpus. Test data is never read. A training's seconds are those of its epochs,
compiling in the first among them. A stream's step is one row through one direction of the stack, as a LiteRT file: the
median of --calls.

Every figure is appended to OUT/figures.jsonl as soon as it is there, and what is there isn't computed again, so that an
interrupted run goes on. The table is printed, the picture is OUT/frontier.png.
"""

import argparse
import dataclasses
import functools
import inspect
import json
import tempfile
import time
from pathlib import Path

import keras
import numpy as np
from matplotlib.figure import Figure

from seqkit import recipes
from seqkit.export.graphs import step_graph
from seqkit.export.litert import write_graph
from seqkit.layers.stack import recurrent_stack
from seqkit_runner.backends import LiteGraph

CELLS = ["lstm", "gru", "lstm/4", "mingru", "minlstm", "sru", "rg_lru", "qrnn"]


@dataclasses.dataclass(frozen=True)
class Task:
    """Of a recipe: the options that are its recurrent stacks, how wide their inputs are, and its validation figure."""

    recipe: str
    stacks: tuple[str, ...]
    features: int
    figure: str
    unit: str
    higher: bool

    def default(self, option):
        return inspect.signature(getattr(recipes, self.recipe)).parameters[option].default

    def better(self, one, other):
        return one > other if self.higher else one < other

    def options(self, data):
        """Those that name the data, and what lets a decoder be of any width."""
        free = {"tied": False} if self.recipe == "translation" else {}
        if data is None:
            return free
        if self.recipe == "tagging":
            return {"data": Path(f"{data}-train.conllu"), "valid": Path(f"{data}-dev.conllu")}
        if self.recipe == "translation":
            return free | {"data": f"{data}/train", "valid": f"{data}/val", "source": "en", "target": "de"}
        return {"data": data}


TASKS = {
    "sentiment": Task("sentiment", ("stack",), 64, "val_accuracy", "accuracy", higher=True),
    "tagging": Task("tagging", ("stack",), 228, "val_accuracy", "token accuracy", higher=True),
    "characters": Task("language_model", ("stack",), 64, "val_loss", "nats a character", higher=False),
    "translation": Task("translation", ("encoder", "decoder"), 256, "val_loss", "nats a subword", higher=False),
}


def with_cell(stack, cell, units, layers):
    """The stack with another cell, "lstm/4" in heads, and so many layers of so many units."""
    name, _, heads = cell.partition("/")
    return dataclasses.replace(stack, cell=name, heads=int(heads or 1), units=(units,) * layers)


@functools.cache
def weights_of(stack, features):
    inputs, mask = keras.Input((None, features)), keras.Input((None,), dtype="bool")
    return keras.Model([inputs, mask], recurrent_stack(inputs, mask, stack)).count_params()


def of_weights(stack, cell, layers, weights, features):
    """The stack of a cell whose number of weights comes nearest, by bisection."""
    multiple = int(cell.partition("/")[2] or 1)
    make = functools.partial(with_cell, stack, cell, layers=layers)
    low, high = 1, 2
    while weights_of(make(high * multiple), features) < weights:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if weights_of(make(middle * multiple), features) < weights else (low, middle)
    near = min((low, high), key=lambda n: abs(weights_of(make(n * multiple), features) - weights))
    return make(near * multiple)


def stream_seconds(stack, features, calls):
    """A step of one row, through one direction."""
    inputs = keras.Input((None, features), name="frames")
    mask = keras.ops.ones_like(inputs[:, :, 0], dtype="bool")
    said = recurrent_stack(
        inputs, mask, dataclasses.replace(stack, bidirectional=False, dropout=0.0, input_dropout=0.0)
    )
    graph = step_graph(keras.Model(inputs, said))
    with tempfile.TemporaryDirectory() as folder:
        ask = LiteGraph(write_graph(graph, Path(folder)).path.read_bytes())
    given = {name: np.zeros((1, *spec.shape[1:]), np.float32) for name, spec in graph.inputs.items()}
    taken = []
    for _ in range(calls):
        start = time.perf_counter()
        answer = ask(given)
        taken.append(time.perf_counter() - start)
        given |= {name: answer[name] for name in given if name in answer}
    return float(np.median(taken))


def trained(task, data, stacks, epochs, seed, folder):
    """The best epoch's validation figure, and seconds of training, of an epoch after the first, by the history."""
    training = dataclasses.replace(task.default("training"), epochs=epochs)
    run = getattr(recipes, task.recipe)(
        **task.options(data), **stacks, training=training, seed=seed, out=Path(folder) / "run"
    )
    figures = [epoch[task.figure] for epoch in run.history]
    seconds = [epoch["seconds"] for epoch in run.history]
    return {
        "value": max(figures) if task.higher else min(figures),
        "seconds": sum(seconds),
        "epoch_seconds": float(np.median(seconds[1:] or seconds)),
        "parameters": run.model.count_params(),
    }


def compare(name, task, data, options, known):
    """Train what isn't known yet; yields each new figure."""
    for kind in options.compare:
        for cell in options.cells:
            for seed in range(options.seeds):
                key = {"task": name, "compared": kind, "cell": cell, "layers": options.layers, "seed": seed}
                key |= {"epochs": options.epochs, "weights": options.weights, "data": data}
                if any(key.items() <= one.items() for one in known):
                    continue
                stacks = {}
                for option in task.stacks:
                    stack = task.default(option)
                    weights = options.weights or weights_of(stack, task.features)
                    stacks[option] = of_weights(stack, cell, options.layers, weights, task.features)
                epochs = options.epochs if kind == "epochs" else epochs_in_time(key, known, options.epochs)
                last = list(stacks.values())[-1]
                with tempfile.TemporaryDirectory() as folder:
                    found = trained(task, data, stacks, epochs, seed, folder)
                found |= {"step_seconds": stream_seconds(last, task.features, options.calls), "trained_epochs": epochs}
                yield key | found | {"units": last.units[0]}


def epochs_in_time(key, known, epochs):
    """How many epochs of this cell take the time of the LSTM's."""
    same = [one for one in known if one["compared"] == "epochs" and all(one[k] == key[k] for k in ("task", "layers"))]
    per_epoch = {one["cell"]: one["epoch_seconds"] for one in same if one["epochs"] == epochs}
    if missing := {key["cell"], "lstm"} - per_epoch.keys():
        raise SystemExit(f"--compare time needs --compare epochs of {', '.join(missing)} before it.")
    return max(1, round(epochs * per_epoch["lstm"] / per_epoch[key["cell"]]))


def table(figures):
    """Lines of Markdown, the mean over seeds."""
    yield "| task | compared at equal | cell | layers x units | all weights | epochs | validation | training s | stream us |"
    yield "|---|---|---|---|---|---|---|---|---|"
    for (name, kind, cell, _), rows in grouped(figures).items():
        value, seconds, step = (np.mean([row[part] for row in rows]) for part in ("value", "seconds", "step_seconds"))
        one = rows[0]
        size = f"{one['layers']} x {one['units']}"
        said = f"{value:.2%}" if TASKS[name].higher else f"{value:.4f}"
        cells = [
            name,
            kind,
            cell,
            size,
            f"{one['parameters']:,}",
            str(one["trained_epochs"]),
            f"{said} ({TASKS[name].unit})",
        ]
        yield f"| {' | '.join(cells)} | {seconds:.0f} | {1e6 * step:.1f} |"


def grouped(figures):
    groups = {}
    for one in figures:
        groups.setdefault((one["task"], one["compared"], one["cell"], one["layers"]), []).append(one)
    return groups


def picture(figures):
    """A row a task: quality over seconds of training and over a stream's step. The line joins what nothing beats in both."""
    names = list(dict.fromkeys(one["task"] for one in figures))
    stacked = len({one["layers"] for one in figures}) > 1
    drawn = Figure(figsize=(10, 3.6 * len(names)), layout="constrained")
    axes = drawn.subplots(len(names), 2, squeeze=False)
    for row, name in zip(axes, names, strict=True):
        costs = ("seconds", 1, "training, s"), ("step_seconds", 1e6, "a stream's step, us")
        for ax, (cost, scale, title) in zip(row, costs, strict=True):
            points = [
                (
                    scale * np.mean([one[cost] for one in rows]),
                    np.mean([one["value"] for one in rows]),
                    f"{layers} {cell}" if stacked else cell,
                    compared,
                )
                for (task, compared, cell, layers), rows in grouped(figures).items()
                if task == name
            ]
            draw_points(ax, points, TASKS[name])
            ax.set_xlabel(title)
            ax.set_ylabel(f"{name}: {TASKS[name].unit}")
            ax.legend(frameon=False, fontsize=8)
            if not TASKS[name].higher:
                ax.invert_yaxis()  # the better the higher
    return drawn


def draw_points(ax, points, task):
    for compared, marker, colour in (("epochs", "o", "tab:blue"), ("time", "s", "tab:orange")):
        own = [(x, y) for x, y, _, kind in points if kind == compared]
        if own:
            ax.plot(*zip(*own, strict=True), marker, color=colour, label=f"equal {compared}")
    best, front, told = None, [], set()
    for x, y, cell, _ in sorted(points):
        if (cell, y) not in told:  # of as many epochs in both comparisons once
            ax.annotate(cell, (x, y), textcoords="offset points", xytext=(4, 3), fontsize=8)
            told.add((cell, y))
        if best is None or task.better(y, best):
            best, front = y, [*front, (x, y)]
    ax.plot(*zip(*front, strict=True), color="grey", linewidth=0.8, zorder=0)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", nargs="+", default=list(TASKS), help="TASK or TASK=DATA")
    parser.add_argument("--cells", nargs="+", default=CELLS, help="lstm/4 is an LSTM in four heads")
    parser.add_argument("--compare", nargs="+", choices=["epochs", "time"], default=["epochs", "time"])
    parser.add_argument("--epochs", type=int, default=5, help="of the first comparison, and of the LSTM in both")
    parser.add_argument("--layers", type=int, default=1, help="of every stack")
    parser.add_argument("--weights", type=int, help="of every stack; those of the recipe's own by default")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--calls", type=int, default=500)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    path = options.out / "figures.jsonl"
    figures = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    for text in options.data:
        name, _, data = text.partition("=")
        for found in compare(name, TASKS[name], data or None, options, figures):
            figures.append(found)
            with open(path, "a") as file:
                print(json.dumps(found), file=file)
    print("\n".join(table(figures)))
    picture(figures).savefig(options.out / "frontier.png", dpi=100)


if __name__ == "__main__":
    main()
