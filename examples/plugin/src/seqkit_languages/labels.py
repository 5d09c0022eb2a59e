"""An exporter: what a run answers to the rows that its folder keeps, as a table for whoever has to compare with it."""

from seqkit.export.graphs import Written


def export_labels(subject):
    """Write answers.tsv: each row, and its label."""
    target = subject.folder / "answers.tsv"
    rows = [f"{case.answer['label']}\t{case.inputs}\n" for case in subject.cases]
    target.write_text("".join(rows), encoding="utf-8")
    return [Written("model", target)]
