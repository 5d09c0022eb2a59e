"""Any source of data, read into columns of examples."""

__all__ = [
    "cells",
    "corpus",
    "decoders",
    "examples",
    "frame_labels",
    "images",
    "in_memory",
    "labels",
    "parallel",
    "reading",
    "recordings",
    "splits",
    "streams",
    "tables",
    "text_files",
    "tfds",
    "token_files",
    "units",
    "videos",
    "workbooks",
]
