"""What a run must know of its recipe: roles, and the tasks made of them."""

__all__ = [
    "captioning",
    "classes",
    "classifying",
    "drawn_text",
    "image_questions",
    "intents_and_slots",
    "language_model",
    "programs",
    "question_answering",
    "roles",
    "sentiment",
    "tagging",
    "taught",
    "text_classification",
    "translation",
    "two_paths",
    "video_frames",
    "written",
    "written_answers",
]
