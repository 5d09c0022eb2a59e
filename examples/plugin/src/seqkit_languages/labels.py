"""An exporter: what a run answers to the rows that its folder keeps, as a table for whoever has to compare with it."""

import numpy as np

from seqkit.core.files import replacing
from seqkit.export.manifest import note
from seqkit.export.parity import compare_outputs


def export_labels(subject):
    """Write outputs.tsv, row by row; its numbers are read back and compared."""
    target = subject.folder / "outputs.tsv"
    with replacing(target) as part:
        np.savetxt(part, subject.outputs.reshape(len(subject.outputs), -1), delimiter="\t")
        served = np.asarray(subject.model(list(subject.inputs.values())))
        error = compare_outputs(served, subject.outputs, "labels", subject.precision)
    note(subject.folder, "labels", target, error, len(subject.outputs), {})
    return target
