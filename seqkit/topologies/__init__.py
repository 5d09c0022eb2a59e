"""The pictures of the field as Keras models: they know no text, no files and no training."""

from seqkit.topologies.encoder_decoder import encoder_decoder
from seqkit.topologies.many_to_many import many_to_many
from seqkit.topologies.many_to_one import many_to_one
from seqkit.topologies.one_to_many import one_to_many

__all__ = ["encoder_decoder", "many_to_many", "many_to_one", "one_to_many"]
