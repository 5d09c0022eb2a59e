"""seqkit: recurrent sequence models with Keras."""

__version__ = "0.1.0"
