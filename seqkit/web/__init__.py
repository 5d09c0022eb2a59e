"""A model's own page, in a browser: `page` puts it together, `showing` says what an answer looks like there."""

__all__ = [
    "page",
    "showing",
]
