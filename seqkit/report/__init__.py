"""The report as a page and as a table: plain values in, pictures out."""

__all__ = [
    "common",
    "comparison",
    "confusion",
    "document",
    "gradients",
    "inspection",
    "labels",
    "pages",
    "showing",
    "texts",
    "wording",
]
