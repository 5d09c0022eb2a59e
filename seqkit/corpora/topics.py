"""The running text that every Python brings along."""

from pydoc_data.topics import topics as texts

from seqkit.sources.corpus import as_stretches


def topics() -> dict[str, dict[str, list[str]]]:
    """The reference topics that Python's own help shows, some 465,000 characters of English, in order.

    Returns:
        {"train", "valid", "test"}, each {"text", "stretch"} of one running text: the last tenth is for testing, the tenth
        before it for validation.
    """

    text = "\n".join(texts[name].strip("\n") + "\n" for name in sorted(texts))
    columns = as_stretches([text], "the topics").columns
    rows = len(columns["text"])
    tenth = rows // 10
    parts = {
        "train": slice(rows - 2 * tenth),
        "valid": slice(rows - 2 * tenth, rows - tenth),
        "test": slice(rows - tenth, rows),
    }
    return {part: {field: list(values[where]) for field, values in columns.items()} for part, where in parts.items()}
