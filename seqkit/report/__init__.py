"""The report as a page and as a table: plain values in, pictures out."""

__all__ = [
    "common",
    "document",
    "gradients",
    "labels",
    "pages",
    "showing",
    "texts",
    "wording",
]
