"""An artefact's answers beside the run's, found out in a process that has no seqkit."""

from collections.abc import Iterator, Set
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from seqkit.core.errors import ExportError
from seqkit.export.graphs import BEFORE, model_graph
from seqkit.export.subject import Case, Subject
from seqkit.export.vectors import Outputs
from seqkit.text.vocabulary import BEGIN
from seqkit_runner import prove
from seqkit_runner.artefact import opened
from seqkit_runner.batching import padded
from seqkit_runner.errors import ArtefactError

TOLERANCE = {"none": 1e-5, "float16": 1e-2}  # of a number; where that of a tensor is greater than 1, of its greatest
COARSE = (
    0.25  # of a probability, with int8 weights: a graph that is wrong is further off, one that is rounded a tenth of it
)


def reference(subject: Subject, case: Case) -> Outputs:
    """What the graph that reads answers to a case; where there is the step alone, the whole model."""
    graph = subject.graphs.get("model") or subject.graphs.get("encoder") or model_graph(subject.model)
    outputs = graph(**{name: tf.constant(values[None]) for name, values in case.arrays.items()})
    return {graph.name: {name: values[0].numpy() for name, values in outputs.items()}}


def proven(subject: Subject, folder: Path, graphs: Set[str], references: list[Outputs]) -> dict[str, Any]:
    """What a manifest says of an artefact's proof: "parity", nothing where nothing could be compared, and "latency".

    Args:
        graphs: The names of those that were written.
        references: Of each case.
    Raises:
        ExportError: It answers otherwise than the run, or not at all.
    """
    cases = [
        one for case, outputs in zip(subject.cases, references, strict=True) for one in _cases(subject, case, outputs)
    ]
    try:
        report = prove.prove_apart(folder, cases)
    except ArtefactError as error:
        raise ExportError(f"The artefact can't be asked, so it was not kept: {error}") from None
    latency, differences = report.pop("latency"), report.pop("differences")
    if not {"step", *(case.graph for case in cases)} & graphs:  # of a SavedModel answers alone are compared
        del report["outputs"], report["probabilities"]
    if not report["rows"]:  # of a SavedModel whose answers are drawn
        return {"parity": None, "latency": latency}
    tolerance = TOLERANCE.get(subject.quantize)
    far, most = report.get("outputs" if subject.quantize == "none" else "probabilities", 0.0), tolerance or COARSE
    if not far <= most:
        raise ExportError(
            f"The artefact differs from the run by {far:.2g} on {report['rows']} real rows (at most {most:.1g} is "
            "allowed), so it was not kept. Please report this with the run's run.json."
        )
    if subject.quantize == "none" and differences:
        first = differences[0]
        raise ExportError(
            f"The artefact answers {len(differences)} of {report['rows']} real rows otherwise than the run, the first by "
            f"{str(first['got'])[:200]} instead of {str(first['expected'])[:200]}, so it was not kept. Please report this "
            "with the run's run.json."
        )
    return {"parity": report | ({} if tolerance is None else {"tolerance": tolerance}), "latency": latency}


def _cases(subject: Subject, case: Case, outputs: Outputs) -> Iterator[prove.Case]:
    """A row as it is, and, of a model that writes, the first step of its decoder."""
    ((graph, named),) = outputs.items()
    yield prove.Case(graph, case.arrays, named, case.inputs, case.answer)
    if "decoder" in subject.graphs:
        given = {BEFORE: np.array(BEGIN, np.int32)} | named
        after = subject.graphs["decoder"](**{name: tf.constant(values[None]) for name, values in given.items()})
        yield prove.Case("decoder", given, {name: values[0].numpy() for name, values in after.items()})


def own_answers(subject: Subject, folder: Path) -> tuple[list[Case], list[Outputs]]:
    """The cases with what the artefact itself answers: with coarser weights it may be another label than the run's, and
    whoever loads it compares it with itself.
    """
    artefact = opened(folder)
    name = next(name for name in ("model", "encoder", "step") if name in artefact.graphs)
    graph, cases = artefact.graphs[name], []
    outputs: list[Outputs] = []
    for case in subject.cases:
        answer = None if case.answer is None else artefact.predict([case.inputs])[0]
        cases.append(case._replace(answer=answer))
        found = {} if name == "step" else graph(padded(graph, [case.arrays]))
        outputs.append({name: {key: values[0] for key, values in found.items()}} if found else {})
    return cases, outputs
