"""A neural cache: what stood behind like states a while ago is likelier again."""

import numpy as np


class NeuralCache:
    """The cache of one text, read piece by piece (Grave, Joulin and Usunier 2017, equations 2 and 4):

        p(w | h_t) = (1 - share) p_model(w) + share sum_i [x_i = w] exp(flatness h_t . h_i) / sum_i exp(flatness h_t . h_i)

    over the last `size` steps i before t, of which h_i is the state from which x_i was predicted. Before anything is
    remembered the model has it all.
    """

    def __init__(self, size: int, flatness: float, share: float):
        self.size, self.flatness, self.share = size, flatness, share
        self._states: np.ndarray | None = None  # (remembered, units)
        self._symbols = np.empty(0, np.int64)

    def read(self, log_probabilities: np.ndarray, states: np.ndarray, symbols: np.ndarray) -> np.ndarray:
        """Log-probabilities of symbols with the cache, which takes them in.

        Args:
            log_probabilities: float, (steps,), what the model gives to each symbol.
            states: float, (steps, units), from which it was predicted.
            symbols: int, (steps,).
        Returns:
            float64, (steps,).
        """
        states = states.astype(np.float64)
        before = np.empty((0, states.shape[1])) if self._states is None else self._states
        keys = np.concatenate([before, states])  # (remembered + steps, units)
        words = np.concatenate([self._symbols, symbols])
        at = len(before) + np.arange(len(symbols))[:, None]  # (steps, 1), where each stands among the keys
        places = np.arange(len(keys))
        known = (places < at) & (places >= at - self.size)  # (steps, remembered + steps)
        scores = np.where(known, self.flatness * (states @ keys.T), -np.inf)
        most = np.where(known.any(axis=1), scores.max(axis=1, initial=-np.inf), 0.0)[:, None]
        shares = np.exp(scores - most)
        total = shares.sum(axis=1)
        cached = (shares * (words == symbols[:, None])).sum(axis=1) / np.where(total > 0, total, 1.0)
        own = np.exp(log_probabilities.astype(np.float64))
        self._states, self._symbols = keys[-self.size :], words[-self.size :]
        mixed: np.ndarray = np.log(np.where(total > 0, (1 - self.share) * own + self.share * cached, own))
        return mixed
