"""Text in, tags out: a tagging model with its lexicon and its decoding, as one graph."""

from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf

from seqkit.data.lexicon import Lexicon, split_tensor
from seqkit.layers.crf import best_tags

NO_TAG = -1


class Tagger(tf.Module):
    """A model that reads sentences.

    Args:
        model: From the lexicon's inputs to logits, or to what a `CRF` gives.
        chain: Whether it ends in a `CRF`.
        constraints: Which tag may follow which, where logits are decoded under constraints.
    """

    def __init__(
        self,
        model: keras.Model,
        lexicon: Lexicon,
        classes: Sequence[str],
        *,
        chain: bool,
        constraints: np.ndarray | None,
    ):
        super().__init__()
        self.model, self.lexicon, self.tables = model, lexicon, lexicon.lookup()
        self.classes, self.chain, self.constraints = tf.constant(list(classes)), chain, constraints

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="text")], autograph=False)
    def serve(self, text: tf.Tensor) -> dict[str, tf.Tensor]:
        """Tag texts, or tokens with a tab between each two and one behind the last.

        Returns:
            "tokens" and "tags", string (batch, steps), padded with empty strings; "tag_ids", int32 (batch, steps), padded
            with -1.
        """
        tokens = split_tensor(text)
        inputs = self.lexicon.tensors(tokens, self.tables)
        outputs = self.model([inputs[tensor.name] for tensor in self.model.inputs], training=False)
        real = tf.sequence_mask(tokens.row_lengths(), tf.shape(inputs["ids"])[1])  # the last step ends the longest
        ids = best_tags(outputs, real, chain=self.chain, constraints=self.constraints)
        ids, real = ids[:, :-1], real[:, :-1]
        return {
            "tokens": tokens.to_tensor(""),
            "tags": tf.where(real, tf.gather(self.classes, ids), ""),
            "tag_ids": tf.where(real, ids, NO_TAG),
        }
