"""The book: its pages, as texts and as notebooks, and what checks the answers to their exercises, a file for each page."""

__all__ = [
    "attention",
    "book",
    "captions",
    "executing",
    "exercise",
    "questions",
    "recurrence",
    "scans",
    "streaming",
    "variants",
]
