"""Models that write, with all that stands before and behind them, as graphs to export: `serve` answers as the run does, and
`generate` as it is asked, with a beam, a temperature, a length and a seed.
"""

import keras
import tensorflow as tf

from seqkit.core.settings import Search
from seqkit.decoding.beam_search import Hypotheses
from seqkit.decoding.sampling import row_keys, search_or_sample
from seqkit.export.graphs import step_graph
from seqkit.export.serving import ended
from seqkit.inference.generation import ASKED, asked_generation_graph, generation_graph, most_attended_words
from seqkit.text.subwords import MARK, Subwords
from seqkit.text.tokenizer import WORDS
from seqkit.text.vocabulary import BEGIN, END, PADDING, UNKNOWN, Vocabulary

Tensors = dict[str, tf.Tensor]
TEXT = tf.TensorSpec([None], tf.string, "text")


def split_lines(texts: tf.Tensor) -> tf.RaggedTensor:
    """Lines as Python's `splitlines` has them, an empty one of an empty text: string, (rows,) -> (rows, None)."""
    texts = tf.strings.regex_replace(texts, r"\r\n|[\n\r\x0b\x0c\x1c-\x1e\x{85}\x{2028}\x{2029}]", "\n")
    return tf.strings.split(tf.strings.regex_replace(texts, r"\n$", ""), "\n")


class TextScorer(tf.Module):
    """Text in, its log-probability out, or what follows it, with the vocabulary of a language model inside.

    Args:
        ends: Whether an end token stands behind a text.
        lines: Whether one stands behind each of its lines.
        contiguous: Whether a text goes on after an end token, with the next line.
    """

    def __init__(self, model: keras.Model, vocabulary: Vocabulary, *, ends: bool, lines: bool, contiguous: bool):
        super().__init__()
        self.model, self.table, self.tokenizer = model, vocabulary.lookup(), vocabulary.tokenizer
        self.vocabulary, self.ends, self.lines, self.contiguous = vocabulary, ends, lines, contiguous
        self.step = step_graph(model)
        self.generate = tf.function(
            self._generate, input_signature=[tf.TensorSpec([None], tf.string, "prompt"), *ASKED], autograph=False
        )

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

    def _generate(
        self, prompt: tf.Tensor, beam: tf.Tensor, temperature: tf.Tensor, length: tf.Tensor, seed: tf.Tensor
    ) -> Tensors:
        """What follows prompts, string (batch,): "text", string (batch,); "score", float32 (batch,)."""
        ids = self._prompted(prompt)  # what was never met is read as unknown
        rows = ids.nrows()
        last = ids[:, -1:].flat_values

        def step(symbols: tf.Tensor, states: Tensors, memory: Tensors) -> tuple[tf.Tensor, tf.Tensor, Tensors]:
            answer = self.step.call(ids=symbols, **states)
            return answer["outputs"], tf.ones_like(answer["outputs"][:, :1]), {name: answer[name] for name in states}

        states = {name: tf.zeros([rows, spec.shape[1]], spec.dtype) for name, spec in self.step.states.items()}
        read = ids[:, :-1].to_tensor(PADDING)  # a masked step hands its states on
        _, states = tf.while_loop(
            lambda t, _: t < tf.shape(read)[1],
            lambda t, before: (t + 1, step(read[:, t], before, {})[2]),
            (tf.constant(0), states),
            shape_invariants=(tf.TensorShape([]), {name: spec.shape for name, spec in self.step.states.items()}),
        )
        found = search_or_sample(
            step,
            states,
            {},
            keys=row_keys([ids.to_tensor()], seed),
            beam=beam,
            temperature=temperature,
            begin=last,
            end=-1 if self.contiguous else END,
            longest=tf.fill([rows], length),
            search=Search(),
            excluded=(PADDING, UNKNOWN, BEGIN) if self.ends else (PADDING, UNKNOWN, BEGIN, END),
        )
        written = tf.RaggedTensor.from_tensor(found.ids[:, 0], lengths=found.lengths[:, 0])
        fresh = tf.strings.regex_full_match(prompt, r"(?s)|(?s).*[\s\x0b\x1c-\x1f\x{85}\p{Z}]")
        return {"text": self._text(written, fresh), "score": found.scores[:, 0]}

    def _prompted(self, prompt: tf.Tensor) -> tf.RaggedTensor:
        """What a model has read behind prompts: int32, (batch, None)."""
        split = self.lines and self.contiguous
        lines = tf.strings.split(prompt, "\n") if split else tf.RaggedTensor.from_tensor(prompt[:, None])
        ids = self.table.lookup(self.tokenizer(lines.flat_values))
        ids = tf.concat([ids, tf.fill([ids.nrows(), 1], END)], axis=1)
        ids = lines.with_flat_values(ids).merge_dims(1, 2)[:, :-1]  # the last line goes on
        return tf.concat([tf.fill([ids.nrows(), 1], BEGIN), ids], axis=1)

    def _text(self, ids: tf.RaggedTensor, fresh: tf.Tensor) -> tf.Tensor:
        """Ids as text behind prompts, of which bool (batch,) says whether no space is needed: string, (batch,)."""
        pieces = tf.gather(tf.constant(self.vocabulary.tokens), ids.flat_values)
        if self.tokenizer.unit in WORDS:
            pieces = tf.strings.join([" ", pieces])
        elif isinstance(self.tokenizer, Subwords):
            pieces = tf.strings.regex_replace(pieces, MARK, " ")
        pieces = tf.where(ids.flat_values == END, "\n", pieces)
        texts = tf.strings.reduce_join(ids.with_flat_values(pieces), axis=-1)
        if not self.lines:
            return texts
        texts = tf.strings.regex_replace(texts, "\n ", "\n")  # a line begins without a space
        return tf.where(fresh, tf.strings.regex_replace(texts, "^ ", ""), texts)


class _Searching(tf.Module):
    """An encoder and a decoder with the whole search inside.

    Args:
        signature: What is read.
        written: The output that holds the text.
    """

    def __init__(
        self, model: keras.Model, target: Vocabulary, search: Search, signature: list[tf.TensorSpec], written: str
    ):
        super().__init__()
        self.model, self.target, self.written, self.replaces = model, target, written, search.replace_unknown
        self.find, self.find_asked = generation_graph(model, search), asked_generation_graph(model, search)
        self.serve = tf.function(self._serve, input_signature=signature, autograph=False)
        self.generate = tf.function(self._generate, input_signature=[*signature, *ASKED], autograph=False)

    def inputs(self, *given: tf.Tensor) -> tuple[list[tf.Tensor], tf.RaggedTensor | None]:
        """The inputs of the encoder, and the words that may take the place of unknown ones."""
        raise NotImplementedError

    def _serve(self, *given: tf.Tensor) -> Tensors:
        """The text, string (batch,), and "score", float32 (batch,)."""
        inputs, words = self.inputs(*given)
        return self._said(self.find(*inputs), words)

    def _generate(self, *given: tf.Tensor) -> Tensors:
        """The same, of a search or a draw as it is asked for."""
        inputs, words = self.inputs(*given[: -len(ASKED)])
        return self._said(self.find_asked(*inputs, *given[-len(ASKED) :]), words)

    def _said(self, found: Hypotheses, words: tf.RaggedTensor | None) -> Tensors:
        instead = {} if words is None else {"unknown": most_attended_words(found, words)[:, 0]}
        return {self.written: self.target.texts(found.ids[:, 0], **instead), "score": found.scores[:, 0]}


class Writer(_Searching):
    """Text in, text out: a model that encodes and decodes, with both vocabularies and the whole search inside."""

    def __init__(self, model: keras.Model, source: Vocabulary, target: Vocabulary, search: Search):
        super().__init__(model, target, search, [TEXT], "text")
        self.table, self.tokenizer = source.lookup(), source.tokenizer

    def inputs(self, *given: tf.Tensor) -> tuple[list[tf.Tensor], tf.RaggedTensor | None]:
        words = self.tokenizer(given[0])
        return [ended(self.table.lookup(words))], words if self.replaces else None


class ImageCaptioner(_Searching):
    """An image in, float32 (batch, height, width, 3), 0 to 255, a text out, with the whole search inside."""

    def __init__(self, model: keras.Model, vocabulary: Vocabulary, search: Search):
        image = tf.TensorSpec(model.get_layer("encoder").inputs[0].shape, tf.float32, "image")
        super().__init__(model, vocabulary, search, [image], "text")

    def inputs(self, *given: tf.Tensor) -> tuple[list[tf.Tensor], None]:
        return list(given), None


class AnswerWriter(_Searching):
    """An image and a question in, float32 (batch, height, width, 3), 0 to 255, and string (batch,); the answer as text out,
    with both vocabularies and the whole search inside.
    """

    def __init__(self, model: keras.Model, source: Vocabulary, target: Vocabulary, search: Search):
        shape = next(tensor.shape for tensor in model.inputs if tensor.name == "image")
        image, question = tf.TensorSpec(shape, tf.float32, "image"), tf.TensorSpec([None], tf.string, "question")
        super().__init__(model, target, search, [image, question], "answer")
        self.table, self.tokenizer = source.lookup(), source.tokenizer
        self.names = [tensor.name for tensor in model.get_layer("encoder").inputs]

    def inputs(self, *given: tf.Tensor) -> tuple[list[tf.Tensor], None]:
        image, question = given
        named = {"image": image, "ids": ended(self.table.lookup(self.tokenizer(question)))}
        return [named[name] for name in self.names], None
