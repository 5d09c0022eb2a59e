"""The model file, for plain Keras."""

from seqkit.core.errors import InputError
from seqkit.export.graphs import Written
from seqkit.export.subject import Subject, unquantised


def export_keras(subject: Subject) -> list[Written]:
    """Write each graph's functional model as a .keras file.

    Raises:
        InputError: The streaming step is wanted, or other weights.
    """
    unquantised(subject, "keras", "export litert or onnx.")
    if subject.step:
        raise InputError("keras holds whole models, not their streaming step: export savedmodel, litert or onnx.")
    written = []
    for name, graph in subject.graphs.items():
        if graph.name != "step":
            path = subject.folder / f"{name}.keras"
            graph.model.save(path)
            written.append(Written(name, path))
    return written
