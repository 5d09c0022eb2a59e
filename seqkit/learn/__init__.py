"""The book: its pages, as texts and as notebooks, and what checks the answers to their exercises, a file for each page."""

__all__ = [
    "attention",
    "backpropagation",
    "book",
    "captions",
    "executing",
    "exercise",
    "gates",
    "gradients",
    "hand_set",
    "hello",
    "memory",
    "questions",
    "recurrence",
    "scans",
    "streaming",
    "truncated",
    "variants",
    "widgets",
]
