"""Text to tokens to ids, and labels, tags and spans."""

__all__ = [
    "byte_pairs",
    "counting",
    "labels",
    "lexicon",
    "normal_form",
    "predicted",
    "spans",
    "subwords",
    "tag_schemes",
    "tokenizer",
    "unigram",
    "vectors",
    "vocabulary",
]
