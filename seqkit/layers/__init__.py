"""Parts of models: embedding, stack, pooling."""

from seqkit.layers.embedding import embed_tokens, tied_head
from seqkit.layers.pooling import pool
from seqkit.layers.stack import recurrent_stack

__all__ = ["embed_tokens", "pool", "recurrent_stack", "tied_head"]
