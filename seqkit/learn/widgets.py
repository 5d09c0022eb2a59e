"""What moves on a page: HTML with JavaScript of its own, shown by a notebook and by the site alike, without a network."""

import importlib.resources


class Widget:
    """A piece of HTML that a notebook shows."""

    def __init__(self, html: str) -> None:
        self._html = html

    def _repr_html_(self) -> str:
        return self._html


def gates() -> Widget:
    """One unit of an LSTM or of a GRU, with a slider for what goes into each gate."""
    return Widget((importlib.resources.files("seqkit.learn") / "gates.html").read_text(encoding="utf-8"))
