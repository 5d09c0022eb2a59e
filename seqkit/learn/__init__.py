"""The book: its pages, as texts and as notebooks, and what checks the answers to their exercises, a file for each page."""

__all__ = [
    "book",
    "captions",
    "executing",
    "exercise",
    "attention",
    "questions",
    "recurrence",
    "scans",
    "streaming",
    "variants",
]
