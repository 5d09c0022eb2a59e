"""The pictures of the field as Keras models: they know no text, no files and no training."""

__all__ = [
    "encoder_decoder",
    "ensemble",
    "many_to_many",
    "many_to_one",
    "one_to_many",
]
