"""Parts of models: embedding, stack, pooling, linear chain."""

from seqkit.layers.characters import compose_characters
from seqkit.layers.crf import CRF, crf_loss, unpack, viterbi
from seqkit.layers.embedding import embed_tokens
from seqkit.layers.pooling import pool
from seqkit.layers.stack import recurrent_stack

__all__ = ["CRF", "compose_characters", "crf_loss", "embed_tokens", "pool", "recurrent_stack", "unpack", "viterbi"]
