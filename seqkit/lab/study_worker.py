"""A training of a study, in a process of its own: what it is told comes from standard input, what it tells goes to standard
output, a JSON object a line.

`python -m seqkit.lab.study_worker` reads an `Order`, and ends itself, its state saved, once whoever gave it is gone.
"""

import dataclasses
import json
import os
import pickle
import queue
import signal
import sys
import threading
from pathlib import Path
from typing import IO, Any

import keras

from seqkit.core.errors import InputError, TrainingError, reason_of
from seqkit.core.registry import import_path, recipes
from seqkit.core.variations import load_cells
from seqkit.runs.parts import without_report
from seqkit.runs.run import Run
from seqkit.training.interruption import terminable

GO_ON, STOP = "go on", "stop"


@dataclasses.dataclass(frozen=True)
class Order:
    """What is to be trained.

    Attributes:
        recipe: A name, or the path of one.
        arguments: Of its function.
        modules: To import first.
        bare: Whether the run gets no report: of a trial.
        asked: Whether each epoch is told and an answer awaited, which may end the training.
    """

    recipe: str
    arguments: dict[str, Any]
    modules: tuple[str, ...] = ()
    bare: bool = False
    asked: bool = False


class Pruned(Exception):  # noqa: N818
    """The end of a training that promises too little."""


class Teller(keras.callbacks.Callback):
    """Tells how a training goes, after each epoch; where it is asked, an answer says whether it goes on."""

    def __init__(self, out: IO[str], answers: "queue.SimpleQueue[str] | None"):
        super().__init__()
        self._out, self._answers = out, answers

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        figures = {name: float(value) for name, value in (logs or {}).items() if isinstance(value, int | float)}
        tell(self._out, {"epoch": epoch + 1, "monitor": self.params["monitor"], "figures": figures})
        if self._answers is not None and self._answers.get() == STOP:
            raise Pruned


def tell(out: IO[str], what: dict[str, Any]) -> None:
    """Write a line."""
    print(json.dumps(what), file=out, flush=True)


def trained(order: Order, out: IO[str], answers: "queue.SimpleQueue[str]") -> dict[str, Any]:
    """Train what an order says; returns what came of it."""
    for module in order.modules:
        import_path(module)
    callbacks = (*order.arguments.get("callbacks", ()), Teller(out, answers if order.asked else None))
    arguments = {**order.arguments, "callbacks": callbacks, "resume": "auto"}
    function = recipes.load(order.recipe).function
    try:
        load_cells(arguments)
        if order.bare:
            with without_report():
                run: Run = function(**arguments)
        else:
            run = function(**arguments)
    except Pruned:
        return {"done": "pruned"}
    except (InputError, TrainingError) as error:
        return {"failed": str(error)}
    except Exception as error:
        return {"failed": reason_of(error)}
    return {"done": "trained", "lacking": run.failed}


def main() -> None:
    """Read an order, and do it."""
    given, out = sys.stdin.buffer, os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever else is printed goes with the log
    order: Order = pickle.load(given)
    answers: queue.SimpleQueue[str] = queue.SimpleQueue()

    def listen() -> None:
        for line in given:
            answers.put(line.decode().strip())
        answers.put(STOP)
        os.kill(os.getpid(), signal.SIGTERM)  # whoever gave the order is gone

    threading.Thread(target=listen, daemon=True).start()
    status = 0
    try:
        with terminable():
            told = trained(order, out, answers)
    except KeyboardInterrupt as stop:
        told, status = {"stopped": str(stop)}, 143
    tell(out, told)
    out.flush()
    os._exit(status)


if __name__ == "__main__":
    sys.path.insert(0, str(Path.cwd()))
    main()
