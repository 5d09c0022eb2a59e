"""Translation in plain PyTorch: a GRU both ways, a GRU decoder, attention by products (Luong 2015).

Of `time_to_quality.py`.
"""

import json
import sys
import time
from pathlib import Path

import torch
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence

EPOCHS, BATCH, UNITS = 20, 64, 256
PADDING, BEGIN, END, SPECIAL = 0, 1, 2, 3


def read(prefix: str) -> list[tuple[list[str], list[str]]]:
    """Pairs of lines, whose tokens stand between blanks."""
    sides = [Path(f"{prefix}.{side}").read_text(encoding="utf-8").split("\n")[:-1] for side in ("en", "de")]
    return [(one.split(), other.split()) for one, other in zip(*sides, strict=True)]


class Translator(torch.nn.Module):
    def __init__(self, source: int, target: int):
        super().__init__()
        self.read = torch.nn.Embedding(source, UNITS, padding_idx=PADDING)
        self.write = torch.nn.Embedding(target, UNITS, padding_idx=PADDING)
        self.encoder = torch.nn.GRU(UNITS, UNITS, bidirectional=True, batch_first=True)
        self.bridge = torch.nn.Linear(2 * UNITS, UNITS)
        self.decoder = torch.nn.GRU(UNITS, UNITS, batch_first=True)
        self.keys = torch.nn.Linear(2 * UNITS, UNITS, bias=False)
        self.said = torch.nn.Linear(3 * UNITS, UNITS)

    def forward(self, ids: torch.Tensor, lengths: torch.Tensor, before: torch.Tensor) -> torch.Tensor:
        packed = pack_padded_sequence(self.read(ids), lengths, batch_first=True, enforce_sorted=False)
        memory, last = self.encoder(packed)
        memory, _ = pad_packed_sequence(memory, batch_first=True)  # (batch, source, 2 units)
        first = torch.tanh(self.bridge(torch.cat([last[0], last[1]], dim=-1)))
        states, _ = self.decoder(self.write(before), first[None].contiguous())  # (batch, target, units)
        scores = states @ self.keys(memory).transpose(1, 2)
        scores = scores.masked_fill((ids == PADDING)[:, None], float("-inf"))
        context = torch.softmax(scores, dim=-1) @ memory
        return torch.tanh(self.said(torch.cat([states, context], dim=-1))) @ self.write.weight.T


def main(train: str, valid: str) -> None:
    torch.manual_seed(0)
    rows, others = read(train), read(valid)
    known = [
        {token: SPECIAL + place for place, token in enumerate(sorted({t for row in rows for t in row[side]}))}
        for side in (0, 1)
    ]

    def batches(pairs, order):
        for start in range(0, len(order), BATCH):
            some = [pairs[place] for place in order[start : start + BATCH]]
            sources = [torch.tensor([*(known[0][token] for token in one), END]) for one, _ in some]
            targets = [torch.tensor([BEGIN, *(known[1][token] for token in other), END]) for _, other in some]
            lengths, written = torch.tensor([len(one) for one in sources]), pad_sequence(targets, True)
            yield pad_sequence(sources, True), lengths, written[:, :-1], written[:, 1:]

    def loss(sources, lengths, before, wanted, reduction):
        logits = model(sources, lengths, before)
        return torch.nn.functional.cross_entropy(
            logits.flatten(0, 1), wanted.flatten(), ignore_index=PADDING, reduction=reduction
        )

    model = Translator(len(known[0]) + SPECIAL, len(known[1]) + SPECIAL)
    torch.nn.init.normal_(model.write.weight, std=UNITS**-0.5)  # it is the output too
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    for _ in range(EPOCHS):
        for batch in batches(rows, torch.randperm(len(rows)).tolist()):
            optimizer.zero_grad()
            loss(*batch, "mean").backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
        paid = tokens = 0.0
        with torch.no_grad():
            for batch in batches(others, range(len(others))):
                paid, tokens = paid + float(loss(*batch, "sum")), tokens + int((batch[-1] != PADDING).sum())
        print(json.dumps({"figure": paid / tokens, "processor": time.process_time()}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
