"""The training loop and what goes into it."""

__all__ = [
    "averages",
    "backbone",
    "checkpoint",
    "curriculum",
    "dynamic_evaluation",
    "executor",
    "interruption",
    "monitor",
    "objectives",
    "optimizer",
    "passes",
    "peers",
    "randomness",
    "regularisation",
    "sampled_softmax",
    "scheduled_sampling",
    "started",
    "step",
    "sums",
    "trainer",
]
