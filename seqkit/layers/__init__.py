"""Parts of models: embedding, images, stack, attention, pooling, linear chain."""

__all__ = [
    "attention",
    "characters",
    "contextual",
    "copying",
    "crf",
    "decoder",
    "embedding",
    "frames",
    "images",
    "input_feeding",
    "pooling",
    "row_label",
    "stack",
    "time_distributed",
    "wide",
]
