"""A server of an artefact under load: many clients at once, none may be lost, and each must get the run's own answer.

    python benchmarks/serving.py ARTEFACT --requests 1000 --clients 32

Inputs are those of the artefact's test vectors, in turn, one a request. Printed are how many requests were lost or answered
otherwise than the vector says, requests a second, and the times to an answer in milliseconds, as clients see them.
"""

import argparse
import http.client
import json
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

HOST = "127.0.0.1"
STARTS = 60  # seconds


def asked(port, body):
    connection = http.client.HTTPConnection(HOST, port, timeout=60)
    started = time.perf_counter()
    connection.request("POST", "/predict", body, {"Content-Type": "application/json"})
    response = connection.getresponse()
    said = json.loads(response.read())
    seconds = time.perf_counter() - started
    connection.close()
    return response.status, said, seconds


def started_server(artefact):
    """A server's process, once it answers, and its port."""
    with socket.socket() as free:
        free.bind((HOST, 0))
        port = free.getsockname()[1]
    process = subprocess.Popen([sys.executable, "-m", "seqkit_runner", "serve", str(artefact), "--port", str(port)])
    deadline = time.monotonic() + STARTS
    while time.monotonic() < deadline:
        try:
            connection = http.client.HTTPConnection(HOST, port, timeout=1)
            connection.request("GET", "/healthz")
            if connection.getresponse().status == 200:
                return process, port
        except OSError:
            time.sleep(0.05)
    process.kill()
    raise SystemExit(f"The server did not answer within {STARTS} s.")


def same(answer, wanted):
    """Words alike, numbers nearly."""
    if isinstance(wanted, dict):
        return answer.keys() == wanted.keys() and all(same(answer[name], wanted[name]) for name in wanted)
    if isinstance(wanted, list):
        return len(answer) == len(wanted) and all(map(same, answer, wanted))
    return abs(answer - wanted) < 1e-5 if isinstance(wanted, float) else answer == wanted


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("artefact", type=Path)
    parser.add_argument("--requests", type=int, default=1000)
    parser.add_argument("--clients", type=int, default=32)
    given = parser.parse_args()
    vectors = json.loads((given.artefact / "test_vectors.json").read_text(encoding="utf-8"))
    rows = [vectors[number % len(vectors)] for number in range(given.requests)]
    process, port = started_server(given.artefact)
    try:
        with ThreadPoolExecutor(given.clients) as clients:
            begun = time.perf_counter()
            bodies = [json.dumps({"inputs": [row["inputs"]]}) for row in rows]
            answers = list(clients.map(lambda body: asked(port, body), bodies))
            took = time.perf_counter() - begun
    finally:
        process.terminate()
        process.wait()
    lost = sum(status != 200 for status, _, _ in answers)
    other = sum(
        status == 200 and not same(said["answers"], [row["answer"]])
        for (status, said, _), row in zip(answers, rows, strict=True)
    )
    p50, p99 = np.percentile([seconds * 1e3 for _, _, seconds in answers], [50, 99])
    print(f"{given.requests} requests, {given.clients} clients: {lost} lost, {other} answered otherwise")
    print(f"{given.requests / took:,.0f} requests a second; p50 {p50:.1f} ms, p99 {p99:.1f} ms")
    raise SystemExit(bool(lost or other))


if __name__ == "__main__":
    main()
