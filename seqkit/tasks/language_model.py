"""Language model: the next symbol at every step. For generating text, and for ranking it."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

import keras
import numpy as np
import tensorflow as tf

from seqkit.baselines.fixed_window import FixedWindow
from seqkit.baselines.ngrams import KneserNey
from seqkit.batches.derived import Ones, shifted
from seqkit.batches.pipeline import Pipeline, boundaries
from seqkit.batches.rows import Rows
from seqkit.batches.windows import Windows
from seqkit.core.adaptation import Adaptation
from seqkit.core.errors import InputError
from seqkit.core.ragged import Ragged
from seqkit.core.settings import Embedding, Stack, Training
from seqkit.export.description import TOKENIZER, Description
from seqkit.export.serving_text import TextScorer
from seqkit.inference.neural_cache import NeuralCache
from seqkit.layers.embedding import OF_LANGUAGE_MODELS, embed_tokens, tied_head
from seqkit.metrics.likelihood import closed_vocabulary_scorer, likelihood_scorer, wordless
from seqkit.runs.task import Baseline, Facts, Scorer
from seqkit.sources.corpus import read_corpus
from seqkit.sources.examples import Examples, Role
from seqkit.sources.splits import Splits
from seqkit.sources.units import check_unit
from seqkit.tasks.drawn_text import DrawnText
from seqkit.tasks.roles import Baselines, Inputs, Outputs, Scores, small
from seqkit.text.predicted import CHARACTERS, Predicted, by_lines, closed, lines_of, predicted
from seqkit.text.tokenizer import tokens_met
from seqkit.text.vocabulary import BEGIN, END, SPECIAL, UNKNOWN, Vocabulary
from seqkit.topologies.many_to_many import many_to_many
from seqkit.training.dynamic_evaluation import read_on
from seqkit.training.executor import Batch, Forward, step_outputs
from seqkit.training.objectives import Objective, classification

STREAMS = 16  # in which a running text is scored, whatever the batch size: a cold start each, which can only cost
STRETCHES = 5  # the best and the worst predicted ones, for the report
DETERMINED = 0.1  # nats a symbol: with less a text holds nothing to be found out
SAMPLE = 600  # symbols of its own, for the report
ORDERS = {"symbol": 6, "word": 3, "whitespace": 3, "subword": 4, "unigram": 4}  # of the n-grams to compare with


def build_language_model(tokens: int, embedding: Embedding, stack: Stack, *, one_hot: bool, tied: bool) -> keras.Model:
    if one_hot:
        embedding = dataclasses.replace(embedding, trainable=False)
    vectors = np.eye(tokens, dtype="float32") if one_hot else None
    ids, features, mask = embed_tokens(tokens, embedding, vectors, reversible=tied, spread=OF_LANGUAGE_MODELS)
    head = tied_head(ids, features) if tied else None
    return many_to_many(ids, features, mask, outputs=tokens, stack=stack, head=head)


def _log_likelihoods(batch: Batch, logits: tf.Tensor) -> tf.Tensor:
    return -tf.nn.sparse_softmax_cross_entropy_with_logits(batch["targets"], logits)


@dataclasses.dataclass(frozen=True)
class LanguageModel(DrawnText, Inputs, Outputs, Scores, Baselines):
    """What this recipe knows and a run doesn't.

    Outputs are the log-probability of each symbol in nats, ragged by text, or by the streams of a running one.

    Attributes:
        met_unknown: Whether training text held symbols that the vocabulary doesn't, so that the model knows them as unknown.
        backward: Whether texts are read from their end, so that the symbol before is what is predicted.
    """

    columns: dict[str, str]
    vocabulary: Vocabulary
    contiguous: bool
    window: int
    random_windows: bool
    met_unknown: bool
    backward: bool = False
    recipe = "language_model"
    monitor = "val_loss"  # with which they all fall

    @property
    def in_step(self) -> bool:
        """A stream comes from its beginning."""
        return not self.backward

    @property
    def unexported(self) -> str:
        return "it reads texts from their end, as no runner does: train one without backward" if self.backward else ""

    @property
    def metrics(self) -> tuple[str, ...]:
        if closed(self.vocabulary):
            return "closed_vocabulary_perplexity", "nats_per_symbol", "unknown_symbol_share"
        return "nats_per_symbol", "bits_per_character", "perplexity"

    @property
    def classes(self) -> tuple[str, ...]:
        return self.vocabulary.tokens

    @property
    def lines(self) -> bool:
        """Whether a text's lines are split one by one, an end token behind each."""
        return by_lines(self.vocabulary.tokenizer.unit)

    @property
    def ends(self) -> bool:
        """Whether rows end in an end token, which the model predicts too."""
        return not self.contiguous or self.lines

    def ends_rows(self, examples: Examples) -> bool:
        """Whether the end of each row is predicted beside its text; where symbols know no line ends, end tokens of a running
        text stand for those that are in it.
        """
        return self.ends and not (self.lines and "stretch" in examples.columns)

    def to_json(self) -> dict[str, Any]:
        names = ("contiguous", "window", "random_windows", "met_unknown", "backward")
        return self.vocabulary.to_json() | {name: getattr(self, name) for name in names}

    @classmethod
    def from_json(cls, value: dict[str, Any], columns: dict[str, str]) -> Self:
        vocabulary = Vocabulary.from_json(value)
        met_unknown = value.get("met_unknown", True)  # up to version 0.5 nobody said
        backward = value.get("backward", False)  # none was, up to version 0.17
        windows = value["contiguous"], value["window"], value["random_windows"]
        return cls(columns, vocabulary, *windows, met_unknown, backward)

    @classmethod
    def of(
        cls,
        columns: dict[str, str],
        splits: Splits,
        *,
        contiguous: bool,
        window: int,
        random_windows: bool,
        backward: bool,
        **vocabulary: Any,
    ) -> Self:
        """A task with the vocabulary of the training texts; see `seqkit.sources.splits.Splits.vocabulary`."""
        texts = splits.train["text"]
        lines: Any = (line for text in texts for line in lines_of(text, vocabulary["unit"]))
        learned = splits.vocabulary(
            "vocabulary", list(lines) if isinstance(texts, list) else lines, contiguous=contiguous, **vocabulary
        )
        met_unknown = splits.learned(
            "met_unknown", lambda: _meets_unknown(texts, learned, **vocabulary), written=bool, read=bool, settings={}
        )
        return cls(columns, learned, contiguous, window, random_windows, met_unknown, backward)

    def read(
        self, source: Any, columns: dict[str, str], *, role: Role = "train", data_dir: str | None = None
    ) -> Examples:
        asked = role == "asked"
        examples = read_corpus(source, columns, contiguous=self.contiguous and not asked, role=role, data_dir=data_dir)
        if not asked:
            return examples
        found = self.predicted(examples, cache=False)  # what a user asks to predict is not kept, but goes along
        prepared = {name: getattr(found, part) for part, name in self._prepared_as.items()}
        known = {name: values for name, values in prepared.items() if values is not None}
        return dataclasses.replace(examples, prepared={**examples.prepared, **known})

    def examined(self, examples: Examples) -> Examples:
        return check_unit(examples, "text", self.vocabulary.tokenizer.unit)

    def predicted(self, examples: Examples, *, cache: bool = True) -> Predicted:
        """What the model is to predict, by text.

        Args:
            cache: Whether texts that were not split before are kept for the next time.
        """
        known: dict[str, Any] = {part: examples.prepared.get(name) for part, name in self._prepared_as.items()}
        if known["ids"] is not None:
            return Predicted(**known)
        running = "stretch" in examples.columns
        return predicted(examples["text"], self.vocabulary, ends=self.ends, running=running, cache=cache)

    @functools.cached_property
    def _prepared_as(self) -> dict[str, str]:
        """Part of `Predicted` -> what it is called where it was prepared."""
        kind = f"{self.vocabulary.digest[:16]}{'-ends' if self.ends else ''}"
        return {field.name: f"{field.name}-{kind}" for field in dataclasses.fields(Predicted)}

    def prepared(self, examples: Examples, start: int, stop: int) -> dict[str, np.ndarray | Ragged]:
        running = "stretch" in examples.columns
        before = 1 if running and start else 0  # what a word or a line goes on from, or in, is a neighbour's
        texts = examples["text"][start - before : stop + running]
        found = predicted(list(texts), self.vocabulary, ends=self.ends, running=running, cache=False)
        rows = np.arange(before, before + stop - start)
        parts = {part: getattr(found, part) for part in self._prepared_as}
        parts["ids"] = small(found.ids, len(self.vocabulary))
        return {self._prepared_as[part]: values.take(rows) for part, values in parts.items() if values is not None}

    def encode(self, examples: Examples, batch_size: int) -> tuple[Rows, Facts]:
        return self._rows(examples, STREAMS if "stretch" in examples.columns else batch_size)

    def encode_for_training(self, examples: Examples, batch_size: int) -> tuple[Rows, Facts]:
        return self._rows(examples, batch_size)

    def _rows(self, examples: Examples, batch_size: int) -> tuple[Rows, Facts]:
        rows = self._in_streams(examples, batch_size)
        facts = {
            "symbols": len(rows.values),
            "unknown_symbol_share": rows.share(UNKNOWN),
        }
        columns: dict[str, Any] = {"ids": shifted(rows, BEGIN), "targets": rows, "weights": Ones(rows.lengths)}
        if "stretch" in examples.columns:
            return Windows(columns, "targets", batch_size, self.window, self.random_windows), facts
        return Pipeline(columns, {"ids": boundaries(rows.lengths)}, batch_size), facts

    def _in_streams(self, examples: Examples, streams: int) -> Ragged:
        """The rows in which symbols are predicted, each from a cold start: texts, or pieces of a running one."""
        ids = self._turned(self.predicted(examples).ids, examples)
        if "stretch" not in examples.columns:
            return ids
        return Ragged(ids.values, np.linspace(0, len(ids.values), streams + 1).astype(np.int64))

    def _turned(self, of_symbols: Ragged, examples: Examples) -> Ragged:
        """What belongs to symbols, from the order of writing to that of reading, or back; an end token stays last."""
        if not self.backward:
            return of_symbols
        offsets = of_symbols.offsets[[0, -1]] if "stretch" in examples.columns else of_symbols.offsets
        last = np.repeat(offsets[1:], np.diff(offsets)) - self.ends
        places = np.arange(len(of_symbols.values))
        turned = np.repeat(offsets[:-1], np.diff(offsets)) + last - 1 - places
        turned = np.where(places < last, turned, places)
        return Ragged(of_symbols.values[turned], of_symbols.offsets)

    def opened(self, examples: Examples) -> Pipeline:
        """What begins a text and all of it, so that the last answer is the symbol that follows."""
        self.check_forward("look inside")
        rows = [self._begun(self._encoded(text)[1]) for text in examples["text"]]
        lengths = np.array([len(row) for row in rows])
        ids = Ragged.of_lengths(np.concatenate(rows).astype(np.int32), lengths)
        return Pipeline({"ids": ids}, {"ids": (int(lengths.max()),)}, len(rows))

    def words(self, examples: Examples) -> list[list[str]]:
        rows = [self._encoded(text)[0] for text in examples["text"]]
        return [[tokens.types[place] for place in tokens.indices.values] for tokens in rows]

    def asked_step(self, probabilities: np.ndarray, words: np.ndarray) -> int:
        """The last: which symbol follows."""
        return len(probabilities) - 1

    def _by_text(self, outputs: Ragged, examples: Examples) -> Ragged:
        """Outputs of symbols as they are written."""
        return self._turned(Ragged(outputs.values, self.predicted(examples).ids.offsets), examples)

    def outputs(self, forward: Forward, rows: Pipeline | Windows) -> Ragged:
        return step_outputs(forward, rows, _log_likelihoods)

    def adapted(self, model: keras.Model, examples: Examples, adapt: Adaptation) -> dict[str, Ragged]:
        """Outputs of the model as it takes in what it reads, by what it does; and as it stays, in the same one stream.

        Raises:
            InputError: The rows are texts by themselves, which nothing stands before.
        """
        if "stretch" not in examples.columns:
            raise InputError("There is nothing to take in before a text by itself: adapt where contiguous is on.")
        rows = self._in_streams(examples, 1)
        columns: dict[str, Any] = {"ids": shifted(rows, BEGIN), "targets": rows, "weights": Ones(rows.lengths)}
        found: dict[str, np.ndarray] = {}
        passes: list[tuple[str, str, int, dict[str, float]]] = [("one_stream", "neural_cache", self.window, {})]
        if adapt.dynamic_rate:
            moves = {"rate": adapt.dynamic_rate, "decay": adapt.dynamic_decay}
            passes.append(("dynamic_evaluation", "dynamic_evaluation_and_cache", adapt.segment, moves))
        for plain, cached, window, moves in passes:
            cache, start = NeuralCache(adapt.cache, adapt.flatness, adapt.share), 0
            own, mixed = [], []
            for nats, states in read_on(model, Windows(columns, "targets", 1, window), **moves):
                own.append(nats)
                if adapt.cache:
                    mixed.append(cache.read(nats, states, rows.values[start : start + len(nats)]))
                start += len(nats)
            found[plain] = np.concatenate(own)
            if adapt.cache:
                found[cached] = np.concatenate(mixed)
        return {name: Ragged(values, rows.offsets) for name, values in found.items()}

    def answers(self, examples: Examples, outputs: Ragged) -> list[dict[str, Any]]:
        unknown = self.predicted(examples).unknown.tolist()
        return [
            {
                "log_probability": round(float(outputs[row].sum()), 6),
                "symbols": len(outputs[row]),
                "unknown": unknown[row],
            }
            for row in range(len(outputs))
        ]

    def scorer(self, examples: Examples, outputs: Ragged) -> Scorer:
        texts = self.predicted(examples)
        nats = texts.spelling - self._by_text(outputs, examples).sums()
        if texts.characters is None:
            return closed_vocabulary_scorer(nats, texts.words, texts.unknown)
        return likelihood_scorer(nats, texts.ids.lengths, texts.words, texts.characters)

    def paid(self, examples: Examples, outputs: Ragged) -> tuple[np.ndarray, np.ndarray]:
        """What each row costs in nats, to the last character, and its characters: (rows,) each, for any vocabulary.

        Raises:
            InputError: The vocabulary is closed, so that unknown words aren't paid for.
        """
        texts = self.predicted(examples)
        if texts.characters is None:
            raise InputError(
                "A vocabulary of words is closed, and its unknown words cost no spelling: compare it with a run of the same "
                "vocabulary, or train by symbols or subwords."
            )
        return texts.spelling - self._by_text(outputs, examples).sums(), texts.characters

    def sections(self, model: keras.Model, examples: Examples, outputs: Ragged) -> dict[str, Any]:
        texts = self.predicted(examples)
        rows = self._by_text(outputs, examples)
        means = sorted((float(-rows[row].mean()), row) for row in range(len(rows)) if len(rows[row]))

        def shown(chosen: list[tuple[float, int]]) -> list[dict[str, Any]]:
            return [{"text": examples["text"][row][:300], "nats_per_symbol": mean} for mean, row in chosen]

        return {
            "signatures": self._signatures(texts, "stretch" in examples.columns),
            "remarks": self._remarks(texts, rows),
            "best_predicted": shown(means[:STRETCHES]),
            "worst_predicted": shown(means[: -STRETCHES - 1 : -1]),
        } | ({} if self.backward else {"sample": "".join(self.generate(model, "", length=SAMPLE))})

    def _signatures(self, texts: Predicted, running: bool) -> dict[str, str]:
        """How the figures were computed."""
        unit = self.vocabulary.tokenizer.unit
        how = f"one text in {STREAMS} streams" if running else "text by text"
        how += (
            ", each from a cold start; case folded"
            if self.vocabulary.tokenizer.lowercase
            else ", each from a cold start"
        )
        ends = "; line ends count" if self.ends or running else ""
        if closed(self.vocabulary):
            return {
                "closed_vocabulary_perplexity": f"by {unit}s{ends}; an unknown one costs what any unknown one costs; {how}"
            }
        spelled = f"; an unknown character costs {np.log(CHARACTERS):.1f} nats more"
        said = {
            "bits_per_character": f"by {unit}s{ends}{spelled}; {how}",
            "perplexity": f"per word, as blanks part them{ends}{spelled}; {how}",
        }
        return {name: text for name, text in said.items() if name != "perplexity" or not _wordless(texts)}

    def _remarks(self, texts: Predicted, likelihoods: Ragged) -> list[str]:
        """What the verdict has to add."""
        if not closed(self.vocabulary):
            return [*_on_words(texts), *_on_what_is_left(likelihoods.values)]
        unknown = texts.unknown.sum() / max(texts.ids.lengths.sum(), 1)
        return [
            f"Closed vocabulary: {unknown:.1%} of the words are unknown and cost no spelling, so only figures of the same "
            "vocabulary compare."
        ]

    def fit_baselines(self, train: Examples) -> Mapping[str, Callable[[], Baseline]]:
        rows = self._in_streams(train, STREAMS)
        special = [UNKNOWN, END] if self.ends else [UNKNOWN]
        outcomes = np.concatenate([special, np.arange(len(SPECIAL), len(self.vocabulary))])  # which test text may hold
        order = ORDERS.get(self.vocabulary.tokenizer.unit, ORDERS["word"])
        grams = {"kneser_ney": order, "unigram": 1, "uniform": 0}
        fits: dict[str, Callable[[], Baseline]] = {
            name: functools.partial(KneserNey.fit, rows, outcomes, order=size, begin=BEGIN)
            for name, size in grams.items()
        }
        return fits | {"fixed_window": lambda: FixedWindow.fit(rows, outcomes, begin=BEGIN)}

    def objective(self, training: Training, train: Examples) -> Objective:
        """Cross-entropy a symbol."""
        return classification(training)

    def baselines(self) -> Mapping[str, type[Baseline]]:
        return dict.fromkeys(("kneser_ney", "unigram", "uniform"), KneserNey) | {"fixed_window": FixedWindow}

    def baseline_outputs(self, baseline: Any, examples: Examples) -> Ragged:
        rows = self._in_streams(examples, STREAMS)
        return Ragged(baseline.log_probabilities(rows, BEGIN), rows.offsets)

    def description(self, model: keras.Model) -> Description:
        fields = {name: getattr(self, name) for name in ("contiguous", "lines", "ends", "met_unknown")}
        return Description("language_model", fields, {TOKENIZER: self.vocabulary})

    def serving(self, model: keras.Model) -> tf.Module:
        return TextScorer(model, self.vocabulary, ends=self.ends, lines=self.lines, contiguous=self.contiguous)


def _wordless(texts: Predicted) -> bool:
    return texts.characters is not None and wordless(texts.words, texts.characters)


def _on_words(texts: Predicted) -> list[str]:
    if not _wordless(texts):
        return []
    return ["There is no perplexity: it is a word's, and in this text blanks part no words."]


def _on_what_is_left(likelihoods: np.ndarray) -> list[str]:
    """What says more than a small figure's last digit, of a text in which nearly every symbol follows from those before."""
    nats = -float(likelihoods.mean()) if len(likelihoods) else math.inf
    if nats >= DETERMINED:
        return []
    right = float((likelihoods > np.log(0.5)).mean())
    return [
        f"Nearly every symbol follows from those before it: to {right:.1%} of them the model gives more than half, and on "
        f"average (the geometric mean) {np.exp(-nats):.1%}. Where so little is left to learn, differences of "
        "thousandths of a nat mean little."
    ]


def _meets_unknown(
    texts: Sequence[str], vocabulary: Vocabulary, *, unit: str, vocabulary_size: int, min_count: int, **_: Any
) -> bool:
    """Whether texts, which a vocabulary was learned from, hold symbols that it doesn't: they are read until there is one."""
    if unit == "symbol" and min_count == 1 and len(vocabulary) < vocabulary_size:
        return False  # none was left out, and none spells "<unknown>"
    lines: Any = (line for text in texts for line in lines_of(text, unit))
    met = tokens_met(list(lines) if isinstance(texts, list) else lines, vocabulary.tokenizer)
    return any((vocabulary.ids_of(types) == UNKNOWN).any() for types in met)
