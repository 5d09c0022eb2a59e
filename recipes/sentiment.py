"""Sentiment: what text_classification does, with built-in reviews."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from seqkit.core.arguments import as_in
from seqkit.recipes.text_classification import text_classification, text_classifier

if TYPE_CHECKING:
    from seqkit.runs.run import Run


@text_classifier(task="seqkit.tasks.sentiment:Sentiment")
@as_in(text_classification)
def sentiment(**arguments: Any) -> Run:
    """Label whole texts as text_classification does, and without data the built-in reviews.

    Example:
        >>> from seqkit.recipes import sentiment
        >>> run = sentiment("rows.tsv", valid="others.tsv", stack=one_layer, out="reviews", **small)
        >>> run.predict(["a good film, number 99"])[0]["label"]
        'good'
    """
    from seqkit.corpora.reviews import reviews
    from seqkit.recipes.language_model import language_model
    from seqkit.tasks.classifying import classify_texts
    from seqkit.tasks.sentiment import Sentiment
    from seqkit.tasks.taught import TaughtSentiment

    return classify_texts(sentiment, arguments, (Sentiment, TaughtSentiment), language_model, builtin=reviews)
