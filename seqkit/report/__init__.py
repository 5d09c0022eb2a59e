"""The report as a page and as a table: plain values in, pictures out."""

__all__ = [
    "common",
    "comparison",
    "document",
    "labels",
    "pages",
    "texts",
    "wording",
]
