"""The training loop and what goes into it."""

__all__ = [
    "backbone",
    "checkpoint",
    "curriculum",
    "executor",
    "loop",
    "objectives",
    "optimizer",
    "regularisation",
    "scheduled_sampling",
    "step",
]
