"""The training loop and what goes into it."""

__all__ = [
    "averages",
    "backbone",
    "checkpoint",
    "curriculum",
    "executor",
    "gradients",
    "interruption",
    "loop",
    "monitor",
    "objectives",
    "optimizer",
    "randomness",
    "regularisation",
    "scheduled_sampling",
    "step",
    "sums",
]
