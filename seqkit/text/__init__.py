"""Text to tokens to ids, and labels, tags and spans."""

__all__ = [
    "byte_pairs",
    "labels",
    "lexicon",
    "predicted",
    "spans",
    "subwords",
    "tokenizer",
    "unigram",
    "vectors",
    "vocabulary",
]
