"""The book: its pages, as texts and as notebooks, and what checks the answers to their exercises, a file for each page."""

__all__ = [
    "backpropagation",
    "book",
    "exercise",
    "gates",
    "gradients",
    "hand_set",
    "hello",
    "memory",
    "recurrence",
    "truncated",
    "widgets",
]
