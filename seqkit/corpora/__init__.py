"""The built-in corpora: small, made on the spot, not trivial."""

__all__ = [
    "grammar",
    "moving_digits",
    "number_words",
    "programs",
    "reviews",
    "scenes",
    "sentence_grammar",
    "sentences",
    "topics",
    "travel",
    "travel_grammar",
]
