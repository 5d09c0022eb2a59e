"""Any source of data, read into columns of examples."""

__all__ = [
    "cells",
    "corpus",
    "decoders",
    "examples",
    "frame_labels",
    "images",
    "in_memory",
    "parallel",
    "reading",
    "recordings",
    "splits",
    "streams",
    "tables",
    "tfds",
    "token_files",
    "videos",
]
