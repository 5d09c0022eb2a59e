"""Raw inputs in, answers out: each recipe's model with all that stands before and behind it, as one graph to export."""

from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf

from seqkit.core.settings import Search
from seqkit.inference.generation import generation_graph, most_attended_words
from seqkit.layers.crf import best_tags
from seqkit.text.lexicon import Lexicon, split_tensor
from seqkit.text.vocabulary import BEGIN, END, Vocabulary

Tensors = dict[str, tf.Tensor]
NO_TAG = -1


def _ended(ids: tf.RaggedTensor) -> tf.Tensor:
    """int32, (batch, None) -> (batch, steps): with the end token, padded."""
    return tf.concat([ids, tf.fill([ids.nrows(), 1], END)], axis=1).to_tensor()


def split_lines(texts: tf.Tensor) -> tf.RaggedTensor:
    """Lines as Python's `splitlines` has them, an empty one of an empty text: string, (rows,) -> (rows, None)."""
    texts = tf.strings.regex_replace(texts, r"\r\n|[\n\r\x0b\x0c\x1c-\x1e\x{85}\x{2028}\x{2029}]", "\n")
    return tf.strings.split(tf.strings.regex_replace(texts, r"\n$", ""), "\n")


class TextClassifier(tf.Module):
    """Text in, label and probabilities out, with the vocabulary inside."""

    def __init__(self, model: keras.Model, vocabulary: Vocabulary, classes: Sequence[str], max_length: int):
        super().__init__()
        self.model, self.table, self.tokenizer = model, vocabulary.lookup(), vocabulary.tokenizer
        self.classes, self.max_length = tf.constant(list(classes)), max_length

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="text")], autograph=False)
    def serve(self, text: tf.Tensor) -> dict[str, tf.Tensor]:
        """string (batch,) -> "label", string (batch,); "probabilities", float32 (batch, classes)."""
        padded = _ended(self.table.lookup(self.tokenizer(text))[:, : self.max_length - 1])
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
        given = {"image": image, "ids": _ended(self.table.lookup(self.tokenizer(question)))}
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


class TextScorer(tf.Module):
    """Text in, its log-probability out, with the vocabulary of a language model inside.

    Args:
        ends: Whether an end token stands behind a text.
        lines: Whether one stands behind each of its lines.
    """

    def __init__(self, model: keras.Model, vocabulary: Vocabulary, *, ends: bool, lines: bool):
        super().__init__()
        self.model, self.table, self.tokenizer = model, vocabulary.lookup(), vocabulary.tokenizer
        self.ends, self.lines = ends, lines

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="text")], autograph=False)
    def serve(self, text: tf.Tensor) -> dict[str, tf.Tensor]:
        """string (batch,) -> "log_probabilities", float32 (batch, symbols), in nats; "log_probability", (batch,), their sum.

        Of words and subwords the end of each line counts as a symbol.
        """
        lines = split_lines(text) if self.lines else tf.RaggedTensor.from_tensor(text[:, None])
        ids = self.table.lookup(self.tokenizer(lines.flat_values))
        if self.ends:
            ids = tf.concat([ids, tf.fill([ids.nrows(), 1], END)], axis=1)
        ids = lines.with_flat_values(ids).merge_dims(1, 2)
        real = tf.sequence_mask(ids.row_lengths())  # (batch, symbols)
        targets = ids.to_tensor()
        begun = tf.concat([tf.fill([tf.shape(text)[0], 1], BEGIN), targets], axis=1)
        logits = self.model(begun, training=False)[:, :-1]
        nats = tf.nn.sparse_softmax_cross_entropy_with_logits(targets, logits)
        scores = tf.where(real, -nats, 0.0)
        return {"log_probabilities": scores, "log_probability": tf.reduce_sum(scores, axis=1)}


class Writer(tf.Module):
    """Text in, text out: a model that encodes and decodes, with both vocabularies and the whole search inside."""

    def __init__(self, model: keras.Model, source: Vocabulary, target: Vocabulary, search: Search):
        super().__init__()
        self.model, self.table, self.tokenizer, self.target = model, source.lookup(), source.tokenizer, target
        self.find, self.replaces = generation_graph(model, search), search.replace_unknown

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="text")], autograph=False)
    def serve(self, text: tf.Tensor) -> Tensors:
        """string (batch,) -> "text", string (batch,); "score", float32 (batch,)."""
        words = self.tokenizer(text)
        found = self.find(_ended(self.table.lookup(words)))
        instead = {"unknown": most_attended_words(found, words)[:, 0]} if self.replaces else {}
        return {"text": self.target.texts(found.ids[:, 0], **instead), "score": found.scores[:, 0]}


class ImageCaptioner(tf.Module):
    """An image in, a text out, with the whole search inside."""

    def __init__(self, model: keras.Model, vocabulary: Vocabulary, search: Search):
        super().__init__()
        self.model, self.vocabulary, self.find = model, vocabulary, generation_graph(model, search)
        image = tf.TensorSpec(model.get_layer("encoder").inputs[0].shape, tf.float32, "image")
        self.serve = tf.function(self._serve, input_signature=[image], autograph=False)

    def _serve(self, image: tf.Tensor) -> Tensors:
        """float32 (batch, height, width, 3), 0 to 255 -> "text", string (batch,); "score", float32 (batch,)."""
        found = self.find(image)
        return {"text": self.vocabulary.texts(found.ids[:, 0]), "score": found.scores[:, 0]}


class AnswerWriter(tf.Module):
    """An image and a question in, the answer as text out, with both vocabularies and the whole search inside."""

    def __init__(self, model: keras.Model, source: Vocabulary, target: Vocabulary, search: Search):
        super().__init__()
        self.model, self.table, self.tokenizer, self.target = model, source.lookup(), source.tokenizer, target
        self.find, self.names = (
            generation_graph(model, search),
            [tensor.name for tensor in model.get_layer("encoder").inputs],
        )
        shape = next(tensor.shape for tensor in model.inputs if tensor.name == "image")
        image, question = tf.TensorSpec(shape, tf.float32, "image"), tf.TensorSpec([None], tf.string, "question")
        self.serve = tf.function(self._serve, input_signature=[image, question], autograph=False)

    def _serve(self, image: tf.Tensor, question: tf.Tensor) -> Tensors:
        """float32 (batch, height, width, 3), 0 to 255, and string (batch,) -> "answer", string (batch,); "score", float32
        (batch,).
        """
        given = {"image": image, "ids": _ended(self.table.lookup(self.tokenizer(question)))}
        found = self.find(*(given[name] for name in self.names))
        return {"answer": self.target.texts(found.ids[:, 0]), "score": found.scores[:, 0]}


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
