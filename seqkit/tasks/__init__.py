"""What a run must know of its recipe: roles, and the tasks made of them."""

__all__ = [
    "captioning",
    "language_model",
    "programs",
    "question_answering",
    "roles",
    "sentiment",
    "tagging",
    "translation",
    "video_frames",
    "written_answers",
]
