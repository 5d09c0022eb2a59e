"""The task of `seqkit.recipes.sentiment`."""

from seqkit.tasks.text_classification import TextClassification


class Sentiment(TextClassification):
    """Text classification, under the name of this recipe."""

    recipe = "sentiment"
