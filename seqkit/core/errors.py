"""What goes wrong for a user."""

from collections.abc import Mapping
from pathlib import Path

LONGEST = 300  # characters of a reason


class InputError(ValueError):
    """A user's data or arguments are wrong: one sentence with what was read, where, what was expected, what to do.

    Example:
        >>> try:
        ...     seqkit.load("rows.tsv")
        ... except seqkit.InputError as error:
        ...     print(error)
        rows.tsv is no run folder...
    """


class TrainingError(RuntimeError):
    """The training can't go on: one sentence with the step, what is kept and what to try.

    Example:
        >>> from seqkit.recipes import sentiment
        >>> try:
        ...     sentiment("rows.tsv", stack=one_layer, training=Training(epochs=1, learning_rate=1e38), out="lost")
        ... except seqkit.TrainingError as error:
        ...     print(error)
        Epoch 1, step 2: the loss is ... Try a training.learning_rate below 1e+38, ...
    """


class ExportError(RuntimeError):
    """An artefact doesn't answer as the run does: one sentence with the difference; the artefact is not kept.

    Example:
        >>> try:  # doctest: +SKIP
        ...     run.export("onnx", quantize="dynamic")
        ... except seqkit.ExportError as error:
        ...     print(error)
    """


class UnfinishedError(RuntimeError):
    """A run or an evaluation stands and can be used, but a part of it failed: one sentence with what, and why."""


class Terminated(KeyboardInterrupt):
    """Another process asked this one to end (SIGTERM): as Ctrl-C, with an exit status of its own."""


def reason_of(error: BaseException) -> str:
    """Why something failed, for people: a complaint of ours as it is; of anything else also its kind and where it rose."""
    lines = str(error).strip().splitlines() or [""]
    text = lines[0] if len(lines[0]) <= LONGEST else lines[0][:LONGEST] + " …"
    if isinstance(error, InputError | TrainingError | ExportError):
        return text
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror}: {error.filename}" if error.filename else error.strerror
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    where = f", {Path(trace.tb_frame.f_code.co_filename).name} line {trace.tb_lineno}" if trace is not None else ""
    return f"{type(error).__name__}{where}{': ' + text if text else ''}"


def check_finished(name: str, failed: Mapping[str, str]) -> None:
    """Raise UnfinishedError where anything failed of what belongs to `name`."""
    if failed:
        what = "; ".join(f"{part} ({reason})" for part, reason in failed.items())
        raise UnfinishedError(f"{name} stands and can be used, but this failed: {what}.")
