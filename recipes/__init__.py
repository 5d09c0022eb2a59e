"""Recipes: one function a task, from data to a trained, measured and saved run."""

from seqkit.recipes.captioning import captioning
from seqkit.recipes.intents_and_slots import intents_and_slots
from seqkit.recipes.language_model import language_model
from seqkit.recipes.programs import programs
from seqkit.recipes.question_answering import question_answering
from seqkit.recipes.sentiment import sentiment
from seqkit.recipes.tagging import tagging
from seqkit.recipes.text_classification import text_classification
from seqkit.recipes.translation import translation
from seqkit.recipes.video_frames import video_frames

__all__ = [
    "captioning",
    "intents_and_slots",
    "language_model",
    "programs",
    "question_answering",
    "sentiment",
    "tagging",
    "text_classification",
    "translation",
    "video_frames",
]
