"""What the tasks of several recipes answer in the same way (see seqkit.task.Task)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import seqkit

if TYPE_CHECKING:
    from collections.abc import Sequence

    import keras
    import tensorflow as tf

    from seqkit.data import Examples, Vocabulary
    from seqkit.searching import Found
    from seqkit.settings import Search


class Classifies:
    """One class an item, from logits; what a module serves are the outputs themselves."""

    def in_keras(self) -> dict[str, Any]:
        import keras

        return {"loss": keras.losses.SparseCategoricalCrossentropy(from_logits=True), "metrics": ["accuracy"]}

    def served(self, outputs: Any) -> Any:
        return outputs


class ReadsText(Classifies):
    """Texts are the first field, and go into the module as they are."""

    columns: dict[str, str]

    def asked(self, examples: Examples) -> tf.Tensor:
        import tensorflow as tf

        return tf.constant(examples[next(iter(self.columns))])


class Writes(Classifies):
    """A text out, of a decoder with a vocabulary."""

    target: Vocabulary
    search: Search
    in_step = False
    classes: tuple[str, ...] = ()

    def texts(self, outputs: Any) -> list[str]:
        """The best answers; those of a baseline are texts already."""
        return outputs if isinstance(outputs, list) else outputs.texts(self.target)[:: self.search.n_best]

    def served(self, outputs: Any) -> list[str]:
        return self.texts(outputs)


class Rewrites(Writes, ReadsText):
    """A text in, a text out: an encoder and a decoder with a vocabulary each."""

    source: Vocabulary

    def baseline_outputs(self, baseline: Any, examples: Examples) -> list[str]:
        return baseline.answer(examples["source"])

    def attention(
        self, model: keras.Model, found: Found, rows: Sequence[tuple[list[str], list[str]]]
    ) -> dict[str, list[dict[str, Any]]]:
        """For the report: where the first rows' symbols looked, if the decoder looks anywhere.

        Args:
            rows: Of each the symbols that were read and those that were written.
        """
        size = seqkit.searching.symbols_a_place(model)
        if not size:
            return {}
        pictures = []
        for (read, wrote), weights in zip(rows, found.weights, strict=False):
            symbols = [*read, "<end>"]
            places = ["".join(symbols[first : first + size]) for first in range(0, len(symbols), size)]
            pictures.append(
                {
                    "places": places,
                    "written": [*wrote, "<end>"][: len(weights)],  # what was cut short has no end
                    "weights": weights[:, : len(places)].round(4).tolist(),
                }
            )
        return {"attention": pictures}

    def serving(self, model: keras.Model) -> tuple[tf.Module, str]:
        return seqkit.serving.Writer(model, self.source, self.target, self.search), "text"
