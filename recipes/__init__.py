"""Recipes: one function a task, from data to a trained, measured and saved run."""

from pathlib import Path
from typing import TYPE_CHECKING

from seqkit.recipes.captioning import Captioning, captioning
from seqkit.recipes.language_model import LanguageModel, language_model
from seqkit.recipes.programs import Programs, programs
from seqkit.recipes.question_answering import QuestionAnswering, question_answering
from seqkit.recipes.sentiment import Sentiment, sentiment
from seqkit.recipes.tagging import Tagging, tagging
from seqkit.recipes.translation import Translation, translation
from seqkit.recipes.video_frames import VideoFrames, video_frames
from seqkit.recipes.written_answers import WrittenAnswers

if TYPE_CHECKING:
    from seqkit.run import Run

RECIPES = {
    "sentiment": sentiment,
    "tagging": tagging,
    "language_model": language_model,
    "video_frames": video_frames,
    "translation": translation,
    "programs": programs,
    "captioning": captioning,
    "question_answering": question_answering,
}

_TASKS = {
    "sentiment": Sentiment,
    "tagging": Tagging,
    "language_model": LanguageModel,
    "video_frames": VideoFrames,
    "translation": Translation,
    "programs": Programs,
    "captioning": Captioning,
    "question_answering": QuestionAnswering,
    "written_answers": WrittenAnswers,  # question_answering's, with answer_as text
}

__all__ = [
    "RECIPES",
    "captioning",
    "language_model",
    "load",
    "programs",
    "question_answering",
    "sentiment",
    "tagging",
    "translation",
    "video_frames",
]


def load(path: str | Path) -> "Run":
    """Open a run folder of any recipe.

    Raises:
        InputError: No run folder, or a damaged one.
    """
    from seqkit.run import Run  # here, since it brings TensorFlow

    return Run.load(path, _TASKS)
