"""Parts of models: embedding, pictures, stack, pooling, linear chain."""

from seqkit.layers.characters import compose_characters
from seqkit.layers.crf import CRF, best_tags, crf_accuracy, crf_loss, unpack, viterbi
from seqkit.layers.embedding import embed_tokens, table_of, tied_head
from seqkit.layers.feeding import Attentive
from seqkit.layers.frames import embed_frames, frame_statistics
from seqkit.layers.pictures import embed_pictures, stacked_attention
from seqkit.layers.pooling import pool, summarise
from seqkit.layers.stack import recurrent_stack

__all__ = [
    "CRF",
    "Attentive",
    "best_tags",
    "compose_characters",
    "crf_accuracy",
    "crf_loss",
    "embed_frames",
    "embed_pictures",
    "embed_tokens",
    "frame_statistics",
    "pool",
    "recurrent_stack",
    "stacked_attention",
    "summarise",
    "table_of",
    "tied_head",
    "unpack",
    "viterbi",
]
