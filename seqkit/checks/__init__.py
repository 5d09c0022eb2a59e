"""What is wrong with somebody's data before a model is trained on it, or scored."""

__all__ = ["classes", "contents", "leaks", "rows", "splits", "suspects"]
