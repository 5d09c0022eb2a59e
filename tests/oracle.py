"""Recurrences in NumPy, from their equations; and LSTM's backpropagation through time in vectorised form.

Nothing here imports seqkit. Steps are (batch, features); weights are one matrix a gate, by the names of the papers.
"""

import numpy as np


def sigm(x):
    return 1 / (1 + np.exp(-x))


def simple_rnn(x, h, w):
    return np.tanh(x @ w["W"] + h @ w["R"] + w["b"])


def echo_state(x, h, w):
    return (1 - w["a"]) * h + w["a"] * np.tanh(x @ w["W"] + h @ w["R"] + w["b"])


def lstm(x, h, c, w, peephole=False, **without):
    """Greff et al. 2015; `i=1` and the like replace a gate, `coupled` makes f = 1 - i, `g`/`h_act` the activations."""
    p = (lambda gate: w["p" + gate]) if peephole else (lambda gate: 0)
    pre = {gate: x @ w["W" + gate] + h @ w["R" + gate] + w["b" + gate] for gate in w["gates"]}
    z = without.get("g", np.tanh)(pre["z"])
    i = without["i"] if "i" in without else sigm(pre["i"] + p("i") * c)
    f = 1 - i if without.get("coupled") else without["f"] if "f" in without else sigm(pre["f"] + p("f") * c)
    c = z * i + c * f
    o = without["o"] if "o" in without else sigm(pre["o"] + p("o") * c)
    return without.get("h_act", np.tanh)(c) * o, c


def lstm_full_gate(x, h, c, i, f, o, w):
    before = np.concatenate([i, f, o], axis=1)
    pre = {g: x @ w["W" + g] + h @ w["R" + g] + w["b" + g] for g in "zifo"}
    pre |= {g: pre[g] + before @ w["G" + g] for g in "ifo"}
    i, f = sigm(pre["i"] + w["pi"] * c), sigm(pre["f"] + w["pf"] * c)
    c = np.tanh(pre["z"]) * i + c * f
    o = sigm(pre["o"] + w["po"] * c)
    return np.tanh(c) * o, c, i, f, o


def gru(x, h, w, reset_after):
    z = sigm(x @ w["Wz"] + h @ w["Rz"] + w["bz"])
    r = sigm(x @ w["Wr"] + h @ w["Rr"] + w["br"])
    inner = r * (h @ w["Rh"] + w["rb"]) if reset_after else (r * h) @ w["Rh"]
    return z * h + (1 - z) * np.tanh(x @ w["Wh"] + w["bh"] + inner)


def mut1(x, h, w):
    z = sigm(x @ w["Wz"] + w["bz"])
    r = sigm(x @ w["Wr"] + h @ w["Rr"] + w["br"])
    return np.tanh((r * h) @ w["Rh"] + np.tanh(x @ w["Wx"]) + w["bh"]) * z + h * (1 - z)


def mut2(x, h, w):
    z = sigm(x @ w["Wz"] + h @ w["Rz"] + w["bz"])
    r = sigm(x @ w["Wx"] + h @ w["Rr"] + w["br"])
    return np.tanh((r * h) @ w["Rh"] + x @ w["Wh"] + w["bh"]) * z + h * (1 - z)


def mut3(x, h, w):
    z = sigm(x @ w["Wz"] + np.tanh(h) @ w["Rz"] + w["bz"])
    r = sigm(x @ w["Wr"] + h @ w["Rr"] + w["br"])
    return np.tanh((r * h) @ w["Rh"] + x @ w["Wh"] + w["bh"]) * z + h * (1 - z)


def _g(v):
    return np.where(v >= 0, v + 0.5, sigm(v))


def mingru(x, h, w):
    z = sigm(x @ w["Wz"] + w["bz"])
    return (1 - z) * h + z * _g(x @ w["Wh"] + w["bh"])


def minlstm(x, h, w):
    f, i = (sigm(x @ w["W" + gate] + w["b" + gate]) for gate in "fi")
    return (f * h + i * _g(x @ w["Wh"] + w["bh"])) / (f + i)


def sru(x, c, w):
    f = sigm(x @ w["Wf"] + w["vf"] * c + w["bf"])
    r = sigm(x @ w["Wr"] + w["vr"] * c + w["br"])
    c = f * c + (1 - f) * (x @ w["Wc"])
    return r * c + (1 - r) * np.sqrt(3) * (x @ w["Wx"]), c


def qrnn(x, c, before, w):
    """`before` is what the convolution's other half makes of the step before, gate by gate; it returns that of this step."""
    z, f, o = (x @ w["W" + gate] + b + w["b" + gate] for gate, b in zip("zfo", before, strict=True))
    c = sigm(f) * c + (1 - sigm(f)) * np.tanh(z)
    return sigm(o) * c, c, *(x @ w["V" + gate] for gate in "zfo")


def rg_lru(x, h, w):
    r, i = (sigm(x @ w["W" + gate] + w["b" + gate]) for gate in "ri")
    a = sigm(-w["l"]) ** (8 * r)
    return a * h + np.sqrt(1 - a**2) * i * (x @ w["Wx"])


def indrnn(x, h, w):
    return np.maximum(x @ w["Wh"] + w["bh"] + w["u"] * h, 0)


def lru(x, s, w):
    """`s` is complex."""
    s = np.exp(-np.exp(w["nu"]) + 1j * np.exp(w["th"])) * s + np.exp(w["gam"]) * (x @ (w["Wr"] + 1j * w["Wi"]))
    return (s @ w["C"]).real + x @ w["Wd"], s


def cfc(x, d, h, w):
    f, g, a, b = (x @ w["W" + head] + h @ w["R" + head] + w["b" + head] for head in "fgab")
    s = sigm(a * d + b)
    return np.tanh(f) * (1 - s) + np.tanh(g) * s


def run(step, x, states):
    """All outputs (batch, steps, units) and the last states, of `step(x_t, *states) -> states`."""
    outputs = []
    for t in range(x.shape[1]):
        states = step(x[:, t], *states)
        states = states if isinstance(states, tuple) else (states,)
        outputs.append(states[0])
    return np.stack(outputs, axis=1), states


def simple_rnn_bptt(x, h0, kernel, recurrent, bias, d_outputs):
    """Vectorised BPTT of h_t = tanh(a_t): with Z the gradients of all a_t, dU = Z^T X, dW = Z^T H, each one product.

    Returns:
        gradients of x, kernel, recurrent, bias, h0.
    """
    h, states = h0, [h0]
    for t in range(x.shape[1]):
        h = np.tanh(x[:, t] @ kernel + h @ recurrent + bias)
        states.append(h)
    z, d = np.zeros(d_outputs.shape), np.zeros_like(h0)
    for t in reversed(range(x.shape[1])):
        z[:, t] = (d + d_outputs[:, t]) * (1 - states[t + 1] ** 2)
        d = z[:, t] @ recurrent.T
    before = np.stack(states[:-1], axis=1)
    return (
        z @ kernel.T,
        np.einsum("btd,btu->du", x, z),
        np.einsum("btu,btv->uv", before, z),
        z.sum((0, 1)),
        d,
    )
