"""The lab: runs compared and studied, what is inside an answer, where gradients go, and what a given time is spent on."""

__all__ = [
    "budget",
    "comparing",
    "explaining",
    "gradients",
    "groups",
    "inspected_page",
    "nearest",
    "rereading",
    "studies",
    "study_search",
    "study_worker",
    "study_workers",
    "tuning",
]
