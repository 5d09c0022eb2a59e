"""The training loop and what goes into it."""

__all__ = [
    "averages",
    "backbone",
    "checkpoint",
    "curriculum",
    "executor",
    "gradients",
    "interruption",
    "monitor",
    "objectives",
    "optimizer",
    "peers",
    "randomness",
    "regularisation",
    "scheduled_sampling",
    "step",
    "sums",
    "trainer",
]
