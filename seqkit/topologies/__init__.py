"""The pictures of the field as Keras models: they know no text, no files and no training."""
