"""What a new run takes over from a language model that has read more text than its task has rows (Dai and Le 2015)."""

import dataclasses
import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import keras

from seqkit.core.errors import InputError, reason_of
from seqkit.core.files import digest_of
from seqkit.core.fine_tuning import FineTuning
from seqkit.core.progress import notify
from seqkit.core.settings import Embedding, Stack
from seqkit.layers.embedding import TABLE
from seqkit.runs.contents import RESTORE, file_of
from seqkit.runs.opening import MODEL, VOCABULARY
from seqkit.runs.run import Run, load
from seqkit.sources.prepared import being_made
from seqkit.sources.splits import Splits
from seqkit.text.tokenizer import WORDS, Unit
from seqkit.text.vocabulary import Vocabulary
from seqkit.training.sampled_softmax import check_drawn
from seqkit.training.started import Started

SHAPE = (
    "cell",
    "units",
    "heads",
    "residual",
    "residual_from",
    "layer_norm",
    "pyramidal",
)  # of a stack: what its weights mean


@dataclasses.dataclass(frozen=True)
class LanguageModelStart:
    """A language model on words or their pieces, of which a new model gets the vocabulary, embedding and recurrent weights.

    Attributes:
        path: The run folder.
        digest: SHA-256 of its model and its vocabulary.
        vocabulary: Its tokens, with the rule that splits texts.
        model: The language model.
        tuning: How the new model goes on from it.
        backward: Whether it reads texts from their end, and so is what the backward direction starts from.
    """

    path: Path
    digest: str
    vocabulary: Vocabulary
    model: keras.Model
    tuning: FineTuning
    backward: bool

    @classmethod
    def open(
        cls, path: Path | str, embedding: Embedding, stack: Stack, tuning: FineTuning, units: Sequence[Unit] = WORDS
    ) -> "LanguageModelStart":
        """Open the run that a model with these layers is to start from.

        Args:
            units: That the new model may read.
        Raises:
            InputError: It is no language model on one of these units, or its layers are others.
        """
        run = load(path)
        if run.info["recipe"] != "language_model":
            raise InputError(f"{path} is a run of {run.info['recipe']}: give start_from a run of language_model.")
        vocabulary: Vocabulary = getattr(run.task, "vocabulary")  # noqa: B009 - tasks are on a floor above
        unit = vocabulary.tokenizer.unit
        if unit not in units:
            raise InputError(
                f"{path} is a language model of {unit}s: give one that was trained with unit {' or '.join(units)}."
            )
        settings = run.info["settings"]
        if settings.get("one_hot"):
            raise InputError(f"{path} has no embedding to start from: give one that was trained without one_hot.")
        if being_made() is None:  # for which no layers are asked
            _check_fits(path, settings, embedding, stack)
            check_drawn("fine_tuning.language_model", tuning.language_model, unit)
            _check_second(path, settings, stack, tuning)
            if settings.get("backward") and not stack.bidirectional:
                raise InputError(
                    f"{path} reads texts from their end: set stack.bidirectional, whose backward direction starts from it."
                )
        return cls(
            run.path,
            digest_of_model(run),
            vocabulary,
            run.model,
            tuning,
            bool(settings.get("backward")),
        )

    def vocabulary_for(self, splits: Splits) -> Vocabulary:
        """Its vocabulary; of prepared data that of the language model with which it was prepared.

        Raises:
            InputError: The data was prepared to start from another one, or from none.
        """
        return splits.learned(
            "start_vocabulary",
            lambda: self.vocabulary,
            written=Vocabulary.to_json,
            read=Vocabulary.from_json,
            settings={"start_from": self.digest},
        )

    def give(self, model: keras.Model, stack: Stack) -> Started:
        """Set the weights of a model that has the language model's embedding and stack, and say what was set.

        Of a bidirectional stack one direction is the language model's. Where a layer reads more than its twin (the other
        direction, or what characters spell), the weights of that stay as they were drawn.

        Returns:
            What the model goes on from.
        """
        if being_made() is not None:
            return Started(self.tuning, (), 0, {})
        taken: list[str] = []
        for depth, name, layer, twin in self._pairs(model, stack):
            weights, values = layer.get_weights(), twin.get_weights()
            shapes, theirs = ([weight.shape for weight in own] for own in (weights, values))
            alike = [one[1:] for one in shapes] == [one[1:] for one in theirs]
            if not alike or any(one[0] < other[0] for one, other in zip(shapes, theirs, strict=True)):
                raise InputError(
                    f"{name} has weights of the shapes {shapes}, where {self.path} has {theirs}: take the cell and the "
                    "units of the language model."
                )
            for fresh, value in zip(weights, values, strict=True):
                first = len(fresh) - len(value) if self.backward and depth > 1 else 0  # what reads forward comes before
                fresh[first : first + len(value)] = value
            layer.set_weights(weights)
            whole = shapes == theirs
            taken.append(name if whole else f"{name} (for what the language model reads)")
        new = self._new(model, stack)
        notify(
            f"Starts from the language model {self.path}: its {len(self.vocabulary):,} tokens, {', '.join(taken)}; new are "
            f"{', '.join(new)}."
        )
        info = {"run": str(self.path), "digest": self.digest, "taken": ["vocabulary", *taken], "new": new}
        layers: dict[int, list[keras.layers.Layer]] = {}
        for depth, _, layer, _ in self._pairs(model, stack):
            layers.setdefault(depth, []).append(layer)
        return Started(self.tuning, list(layers.values()), stack.units[-1], info)

    def _pairs(
        self, model: keras.Model, stack: Stack
    ) -> Iterator[tuple[int, str, keras.layers.Layer, keras.layers.Layer]]:
        """Height, name, layer, and that of the language model."""
        yield 0, TABLE, model.get_layer(TABLE), self._twin(TABLE)
        for number in range(1, len(stack.units) + 1):
            name = stack.layer_name(number)
            if stack.bidirectional:
                both = model.get_layer(f"bidirectional_{number}")
                own = both.backward_layer if self.backward else both.forward_layer
                yield number, f"{name} {'backward' if self.backward else 'forward'}", own, self._twin(name)
            else:
                yield number, name, model.get_layer(name), self._twin(name)
            if stack.layer_norm and not stack.bidirectional and number < len(stack.units):
                norm = f"layer_norm_{number}"
                yield number, norm, model.get_layer(norm), self._twin(norm)

    def _twin(self, name: str) -> keras.layers.Layer:
        for layer in self.model.layers:
            if layer.name == name:
                return layer
        raise InputError(
            f"{self.path} is damaged (its model has no layer {name}, of which its settings tell): {RESTORE}"
        )

    def _new(self, model: keras.Model, stack: Stack) -> list[str]:
        """What has weights of its own."""
        given = {id(layer) for _, _, layer, _ in self._pairs(model, stack)}
        names = []
        for layer in model.layers:
            if (
                isinstance(layer, keras.layers.Bidirectional)
                and {id(layer.forward_layer), id(layer.backward_layer)} & given
            ):
                other = "forward" if self.backward else "backward"
                names.append(f"{stack.layer_name(int(layer.name.rpartition('_')[2]))} {other}")
            elif layer.trainable_variables and id(layer) not in given:
                names.append(layer.name)
        return names


def digest_of_model(run: Run) -> str:
    """SHA-256 of a run's model and its vocabulary."""
    files = "".join(digest_of(file_of(run.path, run.info, name)) for name in (MODEL, VOCABULARY))
    return hashlib.sha256(files.encode()).hexdigest()


def _check_fits(path: Path | str, settings: dict[str, Any], embedding: Embedding, stack: Stack) -> None:
    """Raise InputError where a language model's layers are others than those that are asked for."""
    try:
        wanted = {"embedding.units": settings["embedding"]["units"]} | {
            f"stack.{name}": settings["stack"].get(name, getattr(Stack(), name)) for name in SHAPE
        }
        wanted["stack.units"] = tuple(wanted["stack.units"])
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path} is damaged (its settings tell of no layers: {reason_of(error)}): {RESTORE}") from None
    given = {"embedding.units": embedding.units} | {f"stack.{name}": getattr(stack, name) for name in SHAPE}
    if not stack.residual and not wanted["stack.residual"]:
        del wanted["stack.residual_from"]
    other = [name for name, value in wanted.items() if given[name] != value]
    if other:
        found = ", ".join(f"{name} {_said(given[name])}" for name in other)
        to_set = ", ".join(f"{name} {_said(wanted[name])}" for name in other)
        raise InputError(
            f"{path} can't be started from with {found}: its language model has other layers; set {to_set}."
        )


def _check_second(path: Path | str, settings: dict[str, Any], stack: Stack, tuning: FineTuning) -> None:
    """Raise InputError where the language model's loss can't go on beside the new one."""
    if not tuning.language_model:
        return
    given = f"fine_tuning.language_model is {tuning.language_model}, but"
    if settings.get("backward"):
        raise InputError(f"{given} {path} reads texts from their end, where the new model reads on: leave it at 0.")
    if not settings.get("tied"):
        raise InputError(
            f"{given} {path} scores words by weights of its own: leave it at 0, or train that run with tied."
        )
    if stack.bidirectional and len(stack.units) > 1:
        raise InputError(
            f"{given} in {len(stack.units)} bidirectional layers the upper ones have read what comes next: leave it at "
            "0, or stack.bidirectional off."
        )


def _said(value: Any) -> str:
    return " ".join(map(str, value)) if isinstance(value, tuple) else str(value)
