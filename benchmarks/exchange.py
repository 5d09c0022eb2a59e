"""What the exchange of a train step costs: measured between processes of this machine, and on paper for a cluster.

    python benchmarks/exchange.py

Each process hands in buffers of several sizes, in eight pieces as gradients come, and gets their sum, as in a step; the
median is printed. Fitted to all sizes and numbers of processes (least squares of the relative error, no term below 0):

    seconds = once + 2 (n - 1) latency + 2 (n - 1) / n bytes / bandwidth

which is how long a ring takes: n - 1 rounds to add up and n - 1 to hand round, each of an n-th of the buffer (Patarasuk
and Yuan 2009). The last table is that formula with other n, on paper, not measured: with the bandwidth that was found here,
of TensorFlow's gRPC among processes that share their cores, and with those of two networks, which are what the wire allows.
A network adds its own latency to each round, some 10 to 50 microseconds in a data centre.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import scipy.optimize
import tensorflow as tf

from seqkit.cli.launch import environments, launched
from seqkit.core.cluster import cluster_of
from seqkit.training.peers import Peers, meet

SIZES = (4, 40_000, 400_000, 4_000_000, 40_000_000)  # bytes
PIECES = 8
GIGABIT = 1e9 / 8  # bytes a second


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--processes", type=int, nargs="+", default=[2, 3])
    parser.add_argument("--repeats", type=int, default=50)
    parser.add_argument("--workers", type=int, nargs="+", default=[8, 64, 512], help="of the table on paper")
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)  # in a process that was launched
    given = parser.parse_args()
    if given.measure:
        measure(given.measure, given.repeats)
        return
    rows = [(n, size, seconds) for n in given.processes for size, seconds in measured(n, given.repeats).items()]
    once, latency, pace = fitted(rows)
    print("| bytes | processes | ms | fitted, ms |\n|---|---|---|---|")
    for n, size, seconds in rows:
        print(f"| {size:,} | {n} | {seconds * 1e3:.2f} | {cost(n, size, once, latency, pace) * 1e3:.2f} |")
    print(f"\nonce {once * 1e3:.2f} ms, latency {latency * 1e3:.2f} ms, bandwidth {1 / pace / 1e9:.2f} GB/s\n")
    print("On paper, ms a step:\n")
    print("| bytes | workers | bandwidth as here | 10 Gbit/s | 100 Gbit/s |\n|---|---|---|---|---|")
    for size in SIZES:
        for n in given.workers:
            seconds = [cost(n, size, once, latency, each) for each in (pace, 0.1 / GIGABIT, 0.01 / GIGABIT)]
            print(f"| {size:,} | {n} |", " | ".join(f"{one * 1e3:,.1f}" for one in seconds), "|")


def cost(n: int, size: int, once: float, latency: float, pace: float) -> float:
    """Seconds of an exchange among n; `pace` is seconds a byte."""
    return once + 2 * (n - 1) * latency + 2 * (n - 1) / n * size * pace


def fitted(rows: list[tuple[int, int, float]]) -> tuple[float, float, float]:
    """The three constants of `cost`."""
    terms = [[1.0, 2 * (n - 1), 2 * (n - 1) / n * size] for n, size, _ in rows]
    seconds = np.array([row[2] for row in rows])
    (once, latency, pace), _ = scipy.optimize.nnls(np.array(terms) / seconds[:, None], np.ones(len(rows)))
    return once, latency, pace


def measured(processes: int, repeats: int) -> dict[int, float]:
    """Size -> seconds an exchange, among so many processes of this machine."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder, "seconds.json")
        command = [sys.executable, __file__, "--measure", str(place), "--repeats", str(repeats)]
        if status := launched(command, environments(processes, os.environ)):
            raise SystemExit(status)
        return {int(size): seconds for size, seconds in json.loads(place.read_text()).items()}


def measure(place: Path, repeats: int) -> None:
    """One of the processes; the first writes what it took."""
    cluster = cluster_of(os.environ)
    assert cluster
    peers = meet(cluster)
    seconds = {size: exchange_seconds(peers, size, repeats) for size in SIZES}
    if peers.first:
        place.write_text(json.dumps(seconds))


def exchange_seconds(peers: Peers, size: int, repeats: int) -> float:
    count = max(1, size // 4 // PIECES)
    tensors = [tf.random.normal([count]) for _ in range(PIECES if size > 4 * PIECES else 1)]

    @tf.function
    def exchanged(*tensors: tf.Tensor) -> list[tf.Tensor]:
        return peers.sum(tensors)

    took = []
    for _ in range(repeats + 3):
        begun = time.perf_counter()
        exchanged(*tensors)[0].numpy()
        took.append(time.perf_counter() - begun)
    return statistics.median(took[3:])


if __name__ == "__main__":
    main()
