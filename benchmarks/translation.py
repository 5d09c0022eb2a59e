"""Target tokens a second in training a translation model, beside the same model in PyTorch, in one run.

    python benchmarks/translation.py [--steps 5] [--repeats 5] [--rows 64] [--source 15] [--target 15]

The model is the one that Joey NMT 2.3 was measured with: a GRU of 256 units both ways, a decoder GRU of 512 units with
additive attention and input feeding, 8,000 subwords on each side. Each turn makes a few steps of every system, and turns are
repeated; the medians count. Needs the extra "benchmarks".
"""

import argparse
import statistics
import time

import keras
import numpy as np
import tensorflow as tf
import torch

from seqkit.batches.pipeline import Pipeline
from seqkit.batches.teacher_forcing import teacher_forced
from seqkit.core.ragged import Ragged
from seqkit.core.settings import Attention, Embedding, Stack, Training
from seqkit.layers.embedding import embed_tokens
from seqkit.topologies.encoder_decoder import encoder_decoder
from seqkit.training.objectives import classification
from seqkit.training.step import make_train_steps
from seqkit.training.trainer import reproducible

TOKENS, EMBEDDING, ENCODER, DECODER = 8000, 256, 256, 512
PAUSE = 0.5  # seconds in which another system's threads go to sleep


def ours(attention: Attention, sources: np.ndarray, targets: np.ndarray, precision: str = "float32"):
    """A function that makes one training step of seqkit."""
    with reproducible(0, precision):
        before, features, _ = embed_tokens(TOKENS, Embedding(units=EMBEDDING), name="before")
        model = encoder_decoder(
            embed_tokens(TOKENS, Embedding(units=EMBEDDING)), (before, features), outputs=TOKENS,
            encoder=Stack(cell="gru", units=(ENCODER,), bidirectional=True),
            decoder=Stack(cell="gru", units=(DECODER,)), attention=attention,
        )  # fmt: skip
    columns = {"ids": ragged(sources)} | teacher_forced(ragged(targets))
    rows = Pipeline(columns, {"ids": (sources.shape[1],), "before": (targets.shape[1] + 1,)}, len(sources))
    training = Training(epochs=10_000)  # enough for compiling to pay
    model.compile(optimizer=keras.optimizers.Adam(1e-3))
    model.optimizer.build(model.trainable_variables)
    objective = classification(training, [1] * TOKENS)
    steps, batches = make_train_steps(model, objective, training, rows), iter(rows.batches().repeat())
    return lambda: steps(batches, 1)[0]["loss"]


def ragged(ids: np.ndarray) -> Ragged:
    return Ragged.of_lengths(ids.reshape(-1), np.full(len(ids), ids.shape[1]))


class Torch(torch.nn.Module):
    """The same model, its decoder one step after the other, as any PyTorch toolkit has to write it."""

    def __init__(self):
        super().__init__()
        nn = torch.nn
        self.read, self.write = nn.Embedding(TOKENS, EMBEDDING), nn.Embedding(TOKENS, EMBEDDING)
        self.encoder = nn.GRU(EMBEDDING, ENCODER, bidirectional=True, batch_first=True)
        self.bridge = nn.Linear(2 * ENCODER, DECODER)
        self.cell = nn.GRUCell(EMBEDDING + DECODER, DECODER)
        self.keys, self.asked = nn.Linear(2 * ENCODER, DECODER, bias=False), nn.Linear(DECODER, DECODER)
        self.score = nn.Linear(DECODER, 1, bias=False)
        self.said = nn.Linear(DECODER + 2 * ENCODER, DECODER)
        self.logits = nn.Linear(DECODER, TOKENS)

    def forward(self, sources, before):
        memory, last = self.encoder(self.read(sources))
        state = torch.tanh(self.bridge(torch.cat([last[0], last[1]], dim=-1)))
        keys, embedded, said, every = self.keys(memory), self.write(before), torch.zeros_like(state), []
        for step in range(before.shape[1]):
            state = self.cell(torch.cat([embedded[:, step], said], dim=-1), state)
            scores = self.score(torch.tanh(keys + self.serving_inputs(state)[:, None]))[..., 0]
            context = (torch.softmax(scores, dim=-1)[..., None] * memory).sum(dim=1)
            said = torch.tanh(self.said(torch.cat([state, context], dim=-1)))
            every.append(said)
        return self.logits(torch.stack(every, dim=1))


def theirs(sources: np.ndarray, targets: np.ndarray):
    """A function that makes one training step of PyTorch."""
    torch.manual_seed(0)
    model = Torch()
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    begun = np.concatenate([np.full((len(targets), 1), 2), targets], axis=1)
    ended = np.concatenate([targets, np.full((len(targets), 1), 3)], axis=1)
    read, before, wanted = (torch.tensor(ids, dtype=torch.long) for ids in (sources, begun, ended))

    def step():
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(model(read, before).reshape(-1, TOKENS), wanted.reshape(-1))
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        return float(loss.detach())

    return step


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name, default in (("steps", 5), ("repeats", 5), ("rows", 64), ("source", 15), ("target", 15)):
        parser.add_argument(f"--{name}", type=int, default=default)
    options = parser.parse_args()
    rng = np.random.default_rng(0)
    sources, targets = (
        rng.integers(4, TOKENS, (options.rows, width)).astype(np.int32) for width in (options.source, options.target)
    )
    systems = {
        "PyTorch, additive, fed": theirs(sources, targets),
        "seqkit, additive, fed": ours(Attention("additive", feeding=True), sources, targets),
        "seqkit, multiplicative": ours(Attention("multiplicative"), sources, targets),
        "seqkit, multiplicative, mixed_bfloat16": ours(
            Attention("multiplicative"), sources, targets, precision="mixed_bfloat16"
        ),
    }
    times: dict[str, list[float]] = {name: [] for name in systems}
    for step in systems.values():
        step()
    for _ in range(options.repeats):
        for name, step in systems.items():
            time.sleep(PAUSE)
            for _ in range(options.steps):
                started = time.perf_counter()
                step()
                times[name].append(time.perf_counter() - started)
    tokens = options.rows * (options.target + 1)
    first = None
    print(f"TensorFlow {tf.__version__}, PyTorch {torch.__version__}; {tokens} target tokens a step, ends included")
    for name, each in times.items():
        rate = tokens / statistics.median(each)
        first = first or rate
        print(f"{name:40} {1e3 * statistics.median(each):8.1f} ms a step {rate:8.0f} tokens/s {rate / first:6.2f}")


if __name__ == "__main__":
    main()
