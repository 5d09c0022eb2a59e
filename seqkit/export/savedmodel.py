"""Raw inputs in, answers out, and the streaming step, for TensorFlow."""

from pathlib import Path

import tensorflow as tf

from seqkit.core.files import replacing
from seqkit.export.manifest import described, note
from seqkit.export.parity import compare_outputs, compare_steps
from seqkit.export.subject import Subject


def export_savedmodel(subject: Subject) -> Path:
    """Write what serves a run as a SavedModel's default signature, and its streaming step, where there is one, as "step";
    read both back and compare.

    Raises:
        ExportError: It answers otherwise than the run.
    """
    target = subject.folder / "savedmodel"
    module, output, inputs, expected = subject.serve(subject.model)
    signatures = {"serving_default": module.serve.get_concrete_function()}
    step = subject.step
    if step is not None:
        module.step = step
        signatures["step"] = step.concrete()
    with replacing(target) as part:
        try:
            tf.saved_model.save(module, str(part), signatures=signatures)
        except tf.errors.OpError as failure:  # TensorFlow's own word for a full disk, among others
            raise OSError(f"{target} can't be written: {str(failure.message).splitlines()[0]}") from None
        kept = tf.saved_model.load(str(part)).signatures
        serve = kept["serving_default"]
        given = inputs if isinstance(inputs, dict) else {next(iter(serve.structured_input_signature[1])): inputs}
        error = compare_outputs(serve(**given)[output].numpy(), expected, "savedmodel", subject.precision)
        if step is not None:
            steps = compare_steps(
                lambda given: kept["step"](**given), step, subject.stream, "savedmodel", subject.precision
            )
            error = max(error, steps)
    graphs = [signature.graph for signature in signatures.values()]
    ops = {node.type for graph in graphs for node in graph.get_operations()}
    ops |= {
        node.op for graph in graphs for function in graph.as_graph_def().library.function for node in function.node_def
    }
    facts = {name: described(signature) for name, signature in kept.items()}
    note(subject.folder, "savedmodel", target, error, len(expected), {"signatures": facts, "ops": sorted(ops)})
    return target
