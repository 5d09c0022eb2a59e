"""Raw inputs in, answers out: each recipe's model with all that stands before and behind it, as one graph to export."""

from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf

from seqkit.layers.crf import best_tags, unpack
from seqkit.text.lexicon import TAB, Lexicon, split_tensor
from seqkit.text.normal_form import nfc
from seqkit.text.vocabulary import END, Vocabulary

Tensors = dict[str, tf.Tensor]
NO_TAG = -1


def ended(ids: tf.RaggedTensor) -> tf.Tensor:
    """int32, (batch, None) -> (batch, steps): with the end token, padded."""
    return tf.concat([ids, tf.fill([ids.nrows(), 1], END)], axis=1).to_tensor()


class TextClassifier(tf.Module):
    """Text in, label and probabilities out, with the vocabulary inside."""

    def __init__(self, model: keras.Model, vocabulary: Vocabulary, classes: Sequence[str], max_length: int):
        super().__init__()
        self.model, self.table, self.tokenizer = model, vocabulary.lookup(), vocabulary.tokenizer
        self.classes, self.max_length = tf.constant(list(classes)), max_length

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="text")], autograph=False)
    def serve(self, text: tf.Tensor) -> dict[str, tf.Tensor]:
        """string (batch,) -> "label", string (batch,); "probabilities", float32 (batch, classes)."""
        padded = ended(self.table.lookup(self.tokenizer(text))[:, : self.max_length - 1])
        probabilities = tf.nn.softmax(self.model(padded, training=False))
        return {"label": tf.gather(self.classes, tf.argmax(probabilities, axis=-1)), "probabilities": probabilities}


class ImageAnswerer(tf.Module):
    """An image and a question in, answer and probabilities out."""

    def __init__(self, model: keras.Model, vocabulary: Vocabulary, classes: Sequence[str]):
        super().__init__()
        self.model, self.table, self.tokenizer = model, vocabulary.lookup(), vocabulary.tokenizer
        self.classes = tf.constant(list(classes))
        shape = next(tensor.shape for tensor in model.inputs if tensor.name == "image")
        image, question = tf.TensorSpec(shape, tf.float32, "image"), tf.TensorSpec([None], tf.string, "question")
        self.serve = tf.function(self._serve, input_signature=[image, question], autograph=False)

    def _serve(self, image: tf.Tensor, question: tf.Tensor) -> Tensors:
        """float32 (batch, height, width, 3), 0 to 255, and string (batch,) -> "answer", string (batch,); "probabilities",
        float32 (batch, classes).
        """
        given = {"image": image, "ids": ended(self.table.lookup(self.tokenizer(question)))}
        logits = self.model([given[tensor.name] for tensor in self.model.inputs], training=False)
        return {"answer": tf.gather(self.classes, tf.argmax(logits, axis=-1)), "probabilities": tf.nn.softmax(logits)}


class FrameLabeller(tf.Module):
    """Frames in, a label and probabilities for each out."""

    def __init__(self, model: keras.Model, classes: Sequence[str]):
        super().__init__()
        self.model, self.classes = model, tf.constant(list(classes))
        frames = tf.TensorSpec(model.inputs[0].shape, tf.float32, name="frames")
        self.serve = tf.function(self._serve, input_signature=[frames], autograph=False)

    def _serve(self, frames: tf.Tensor) -> Tensors:
        """float32 (batch, steps, ...), where a frame of NaN is padding -> "label", string (batch, steps), "" on padding;
        "probabilities", float32 (batch, steps, classes).
        """
        real = ~tf.reduce_any(tf.math.is_nan(frames), axis=list(range(2, len(frames.shape))))  # (batch, steps)
        shaped = tf.reshape(real, tf.concat([tf.shape(real), tf.ones_like(tf.shape(frames)[2:])], axis=0))
        logits = self.model([tf.where(shaped, frames, 0.0), real], training=False)
        label = tf.where(real, tf.gather(self.classes, tf.argmax(logits, axis=-1)), "")
        return {"label": label, "probabilities": tf.nn.softmax(logits)}


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
        return self._tags(split_tensor(text))

    @tf.function(input_signature=[tf.TensorSpec([None, None], tf.string, name="tokens")], autograph=False)
    def serve_tokens(self, tokens: tf.Tensor) -> dict[str, tf.Tensor]:
        """Tag tokens, string (batch, steps), which may hold anything, padded with empty strings; the same outputs."""
        steps = tf.range(1, tf.shape(tokens)[1] + 1)
        lengths = tf.reduce_max(tf.where(tokens != "", steps, 0), axis=1)
        given = tf.RaggedTensor.from_tensor(tokens, lengths=lengths)
        return self._tags(given.with_flat_values(nfc(tf.strings.regex_replace(given.flat_values, TAB, " "))))

    def _tags(self, tokens: tf.RaggedTensor) -> dict[str, tf.Tensor]:
        inputs = self.lexicon.tensors(tokens, self.tables)
        given = [inputs[tensor.name] for tensor in self.model.inputs]
        return self._answered(tokens, inputs, self.model(given if len(given) > 1 else given[0], training=False))

    def _answered(self, tokens: tf.RaggedTensor, inputs: Tensors, outputs: tf.Tensor) -> Tensors:
        real = tf.sequence_mask(tokens.row_lengths(), tf.shape(inputs["ids"])[1])  # the last step ends the longest
        ids = best_tags(outputs, real, chain=self.chain, constraints=self.constraints)
        ids, real = ids[:, :-1], real[:, :-1]
        return {
            "tokens": tokens.to_tensor(""),
            "tags": tf.where(real, tf.gather(self.classes, ids), ""),
            "tag_ids": tf.where(real, ids, NO_TAG),
        }


class TaggerAndClassifier(Tagger):
    """A model that reads sentences and labels each as a whole too.

    Args:
        model: From the lexicon's inputs to what `seqkit.layers.row_label.tags_and_label` gives, or a `CRF` over that.
        tags, labels: That are chosen among.
        chain, constraints: As a `Tagger` has them, of tags and labels.
    """

    def __init__(
        self,
        model: keras.Model,
        lexicon: Lexicon,
        tags: Sequence[str],
        labels: Sequence[str],
        *,
        chain: bool,
        constraints: np.ndarray | None,
    ):
        super().__init__(model, lexicon, (*tags, *labels), chain=chain, constraints=constraints)
        self.labels = tf.constant(list(labels))

    def _answered(self, tokens: tf.RaggedTensor, inputs: Tensors, outputs: tf.Tensor) -> Tensors:
        """Beside the tagger's outputs "label", string (batch,), and "probabilities", float32 (batch, labels)."""
        scores = unpack(outputs)[0] if self.chain else outputs
        logits = tf.boolean_mask(scores[..., -len(self.labels) :], tf.equal(inputs["ids"], END))
        own = {"label": tf.gather(self.labels, tf.argmax(logits, axis=-1)), "probabilities": tf.nn.softmax(logits)}
        return super()._answered(tokens, inputs, outputs) | own
