"""The contract: what recipes, cells and exporters have to pass, ours and others', as functions for anybody's tests."""

__all__ = [
    "cells",
    "exporters",
    "models",
    "runs",
]
