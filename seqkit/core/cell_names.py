"""The names of the cells that seqkit brings along; `seqkit.recurrence.cells` has their equations."""

from typing import Literal

Cell = Literal[
    "simple_rnn",
    "lstm",
    "gru",
    "gru_reset_before",
    "mut1",
    "mut2",
    "mut3",
    "lstm_peephole",
    "lstm_no_input_gate",
    "lstm_no_forget_gate",
    "lstm_no_output_gate",
    "lstm_no_input_activation",
    "lstm_no_output_activation",
    "lstm_coupled",
    "lstm_full_gate",
    "mingru",
    "minlstm",
    "sru",
    "qrnn",
    "rg_lru",
    "indrnn",
    "lru",
    "cfc",
]
