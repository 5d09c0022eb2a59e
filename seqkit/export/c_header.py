"""One header of C99 that holds a model: no allocation, no library but libm, the state in a struct of the caller's."""

import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jinja2
import keras
import numpy as np

from seqkit.core.errors import ExportError, InputError
from seqkit.export.c_layers import FRAMES, IDS, value
from seqkit.export.c_program import INSTEAD, Program, Vector
from seqkit.export.graphs import OUTPUTS, Graph, Written, model_graph, step_graph
from seqkit.export.subject import Case, Subject
from seqkit.layers.wide import TABLE as WIDE
from seqkit.recurrence.stateful import streams
from seqkit.text.vocabulary import UNKNOWN

TEMPLATES = jinja2.Environment(
    loader=jinja2.PackageLoader("seqkit.export"),
    autoescape=False,
    undefined=jinja2.StrictUndefined,
    keep_trailing_newline=True,
)
VECTORS, STEPS = 3, 20  # real rows of the self-test, and steps of each
TOLERANCE = {"none": 1e-5, "int8": 0.25}  # of a logit, and as much of its size
STACKED = (
    keras.layers.RNN,
    keras.layers.Add,
    keras.layers.LayerNormalization,
    keras.layers.Dropout,
)  # what a stack ends in
POOLINGS = {"Max": "max", "Cumsum": "last", "Softmax": "attention", "Divide": "mean", "TrueDivide": "mean"}


def export_c(subject: Subject) -> list[Written]:
    """Write the step of a model that streams, or a classifier that is fed step by step.

    With `quantize` "int8" matrices are int8 with a scale for each column; states, sums and all else stay float.

    Raises:
        InputError: The model has a part that C has not.
        ExportError: Compiled here, it answers otherwise than the model.
    """
    if subject.quantize not in TOLERANCE:
        raise InputError(
            f"c holds float or int8 weights, not {subject.quantize}: give --quantize int8, or leave it out."
        )
    name = identifier(subject.title)
    text = header(subject, name)
    graphs = subject.graphs
    graph = graphs["step"] if "step" in graphs else step_graph(subject.model) if subject.in_step else graphs["model"]
    path = subject.folder / f"{name}.h"
    path.write_text(text, encoding="ascii")
    facts = {"weights": "float32" if subject.quantize == "none" else "int8", "self_test": _self_test(path)}
    return [Written(graph.name, path, (), facts, graph.inputs, graph.outputs)]


def _self_test(path: Path) -> str:
    """What came of compiling a header and asking it for its test vectors, where there is a compiler.

    Raises:
        ExportError: It answers one otherwise than the model.
    """
    compiler = shutil.which("cc")
    if compiler is None:
        return "not run: no compiler is there"
    included = f'#define {path.stem.upper()}_IMPLEMENTATION\n#include "{path.name}"\n'
    program = f"{included}int main(void) {{ return {path.stem}_self_test(); }}\n"
    command = [compiler, "-std=c99", "-O1", "-x", "c", "-", "-iquote", str(path.parent.resolve()), "-lm", "-o"]
    with tempfile.TemporaryDirectory() as folder:
        binary = Path(folder) / "test"
        made = subprocess.run([*command, binary], input=program, text=True, capture_output=True, check=False)
        if made.returncode:
            return f"not run: the compiler says {(made.stderr.splitlines() or ['nothing'])[0][:200]}"
        failed = subprocess.run([binary], check=False, timeout=600).returncode
    if failed:
        raise ExportError(
            f"Compiled, {path.name} answers its test vector {failed} otherwise than the run, so it was not kept. Please "
            "report this with the run's run.json."
        )
    return "passed"


def _check_streams(subject: Subject) -> None:
    names = {tensor.name for tensor in subject.model.inputs}
    if any(layer.name == "decoder" for layer in subject.model.layers):
        raise InputError(f"c holds no decoder: {INSTEAD}")
    if any(layer.name == WIDE for layer in subject.model.layers):
        raise InputError(
            f"c holds no weights of runs of words beside the recurrent path: train with wide.ngrams 0, or {INSTEAD}"
        )
    if not streams(subject.model):
        raise InputError(f"c reads forwards only: train with stack.bidirectional off, or {INSTEAD}")
    if others := sorted(names - {IDS, FRAMES, "mask"}):
        raise InputError(f"c reads ids or vectors, and this model reads {', '.join(others)} too: {INSTEAD}")
    frames = [tensor for tensor in subject.model.inputs if tensor.name == FRAMES and len(tensor.shape) != 3]
    if frames:
        raise InputError(f"c reads frames that are vectors, and these are images: {INSTEAD}")


def identifier(name: str) -> str:
    """A name in C, of a run's."""
    plain = re.sub("[^a-z0-9]+", "_", name.lower()).strip("_")
    return plain if plain[:1].isalpha() else f"model_{plain}".rstrip("_")


def header(subject: Subject, name: str) -> str:
    """The text of the header, in whose names of C `name` comes first.

    Raises:
        InputError: As `export_c`.
    """
    _check_streams(subject)
    whole = not subject.in_step
    program, last = Program(name, subject.quantize == "int8"), None
    inputs = {tensor.name: tensor for tensor in subject.model.inputs}
    output = subject.model.outputs[0]
    if whole:
        last = Program(name, program.int8, arrays=program.arrays, states=program.states)
        _pool(program, last, output)
        answer, lines = value(last, output), last.lines
    else:
        answer, lines = value(program, output), program.lines
    lines.append(f"memcpy(outputs, {answer.name}, {answer.size} * sizeof *outputs);")
    reference = model_graph(subject.model)
    return TEMPLATES.get_template("model.h").render(
        title=f"{name}: a model of seqkit's recipe {re.sub('[^a-zA-Z0-9_]', '_', subject.recipe)}",
        file=f"{name}.h",
        name=name,
        NAME=name.upper(),
        whole=whole,
        ids=IDS in inputs,
        outputs=answer.size,
        inputs=1 if IDS in inputs else inputs[FRAMES].shape[-1],
        tokens=program.tokens,
        longest=subject.description.fields.get("max_length") if subject.description is not None else None,
        unknown=UNKNOWN,
        states=[{"name": state, "size": size} for state, size in program.states.items()],
        arrays=[_array(array, values) for array, values in program.arrays.items()],
        weight="signed char" if program.int8 else "float",
        scaled=program.int8,
        scratches=_scratches(program),
        lines=program.lines,
        last_scratches=_scratches(last) if last else [],
        last_lines=last.lines if last else [],
        labels=[quoted(label) for label in _labels(subject)],
        vectors=[_vector(reference, case) for case in subject.cases[:VECTORS]],
        tolerance=f"{TOLERANCE[subject.quantize]:.1e}",
    )


def _pool(program: Program, last: Program, output: Any) -> None:
    """Split a classifier: its steps up to the pooling, which is kept as it goes, and what comes after."""
    pooled = output
    while type(pooled._keras_history.operation).__name__ in ("Dense", "Dropout"):
        pooled = pooled._keras_history.operation.input
    kinds: set[str] = set()
    sequences: dict[int, Any] = {}
    asked = [pooled]
    while asked:
        tensor = asked.pop()
        layer, node, _ = tensor._keras_history
        if isinstance(layer, STACKED):
            sequences[id(tensor)] = tensor
        else:
            kinds.add(type(layer).__name__)
            asked += layer._inbound_nodes[node].input_tensors
    found = {kind for name, kind in POOLINGS.items() if name in kinds}
    pooling = "last" if "last" in found else next(iter(found), "")
    if pooling not in ("last", "max", "mean") or len(sequences) != 1:
        raise InputError(f"c pools by last, max or mean, and this model otherwise: {INSTEAD}")
    said = value(program, next(iter(sequences.values())))
    state = program.state("pooled", said.size)
    first = "state->steps == 0 ||"
    program.each(
        said.size,
        {
            "last": f"{state}[i] = {said.name}[i];",
            "max": f"{state}[i] = {first} {said.name}[i] > {state}[i] ? {said.name}[i] : {state}[i];",
            "mean": f"{state}[i] += {said.name}[i];",
        }[pooling],
    )
    if pooling == "mean":
        mean = last.scratch(said.size)
        last.each(said.size, f"{mean}[i] = {state}[i] / (float)(state->steps ? state->steps : 1);")
        state = mean
    last.known[id(pooled)] = Vector(state, said.size)


def _scratches(program: Program) -> list[dict[str, Any]]:
    return [{"name": name, "size": size} for name, size in program.scratches.items()]


def _array(name: str, values: np.ndarray) -> dict[str, Any]:
    whole = values.dtype == np.int8
    return {
        "name": name,
        "type": "signed char" if whole else "float",
        "size": values.size,
        "text": numbers(values),
    }


def numbers(values: np.ndarray) -> str:
    """An array's numbers in C, some a line; nine digits give a float32 back to the bit."""
    flat = values.ravel()
    whole = flat.dtype.kind in "iu"
    texts = [str(number) if whole else _float(number) for number in flat.tolist()]
    return ",\n".join(", ".join(texts[start : start + 16]) for start in range(0, len(texts), 16))


def _float(number: float) -> str:
    text = f"{number:.9g}"
    return f"{text}f" if "." in text or "e" in text else f"{text}.0f"


def quoted(text: str) -> str:
    """A string of C: every byte but letters, digits and blanks by its octal number, which no trigraph can hide in."""
    plain = "".join(
        chr(byte) if (chr(byte).isalnum() and byte < 128) or byte == 32 else f"\\{byte:03o}" for byte in text.encode()
    )
    return f'"{plain}"'


def _labels(subject: Subject) -> Sequence[str]:
    known = subject.description.labels if subject.description is not None else None
    return known["labels"] if known else []


def _vector(reference: Graph, case: Case) -> dict[str, Any]:
    """The first steps of a real row, and what the model says to them."""
    arrays = {name: values[:STEPS] for name, values in case.arrays.items()}
    given = arrays[IDS if IDS in arrays else FRAMES]
    said = reference(**{name: values[None] for name, values in arrays.items()})[OUTPUTS][0].numpy()
    return {"given": numbers(given), "wanted": numbers(said), "steps": len(given)}
