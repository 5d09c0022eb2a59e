"""Any source of data, read into columns of examples."""

__all__ = [
    "cells",
    "corpus",
    "damage",
    "decoders",
    "examples",
    "frame_labels",
    "images",
    "in_memory",
    "nameless_files",
    "notices",
    "parallel",
    "pixels",
    "reading",
    "recordings",
    "splits",
    "streams",
    "tables",
    "tfds",
    "token_files",
    "videos",
]
