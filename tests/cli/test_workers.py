"""Trainings by several real processes over loopback: what one process would have made, and no end that hangs or loses."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from seqkit.cli.main import main
from seqkit.corpora.topics import topics
from tests.cases import write_small_table

SGD = ["--training.optimizer", "sgd", "--training.learning-rate", "0.5", "--embedding.units", "4", "--stack.units", "4"]
SENTIMENT = ["sentiment", *SGD, "--embedding.dropout", "0", "--stack.dropout", "0", "--training.batch-size", "5"]
LANGUAGE_MODEL = ["language_model", *SGD, "--stack.dropout", "0", "--training.batch-size", "5", "--window", "20"]
CLOCK = ("seconds", "tokens_per_second")


def recipe_of(name, folder):
    """The arguments of a small training of that recipe."""
    if name == "sentiment":
        return [*SENTIMENT, "--data", str(write_small_table(folder))]
    (folder / "text.txt").write_text("\n".join(topics()["train"]["text"])[:6000])
    return [*LANGUAGE_MODEL, "--data", str(folder / "text.txt")]


def launch(processes, *arguments):
    command = [sys.executable, "-m", "seqkit.cli", "launch", "-n", str(processes), "train", *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def figures(out):
    """The history, and the scores of the report."""
    with open(out / "history.csv", newline="") as file:
        history = [[float(value) for name, value in row.items() if name not in CLOCK] for row in csv.DictReader(file)]
    report = json.loads((out / "evaluations/training/report.json").read_text())
    return np.array(history), np.array([score["value"] for score in report["metrics"].values()])


def check_same(out, other):
    for mine, theirs in zip(figures(out), figures(other), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-5, atol=1e-6)


def index_of(process):
    """Which worker a process is, by its environment; nothing for another one."""
    try:
        variables = Path(f"/proc/{process}/environ").read_bytes().split(b"\0")
    except OSError:
        return None
    (config,) = [one for one in variables if one.startswith(b"TF_CONFIG=")] or [b"="]
    return json.loads(config.partition(b"=")[2] or "{}").get("task", {}).get("index")


def worker(launcher, index):
    """The process of a worker."""
    children = Path(f"/proc/{launcher.pid}/task/{launcher.pid}/children").read_text().split()
    (found,) = [int(child) for child in children if index_of(child) == index]
    return found


@pytest.mark.parametrize(
    ("name", "processes"),
    [
        ("language_model", 2),
        pytest.param("language_model", 3, marks=pytest.mark.slow),
        pytest.param("sentiment", 2, marks=pytest.mark.slow),
        pytest.param("sentiment", 3, marks=pytest.mark.slow),
    ],
)
def test_several_processes_train_as_one(name, processes, tmp_path):
    recipe = recipe_of(name, tmp_path)
    launcher = launch(processes, *recipe, "--training.epochs", "2", "--out", str(tmp_path / "several"))
    assert main(["train", *recipe, "--training.epochs", "2", "--out", str(tmp_path / "one")]) == 0
    out, _ = launcher.communicate(timeout=120)
    assert launcher.returncode == 0, out
    check_same(tmp_path / "several", tmp_path / "one")


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="finds the worker in /proc")
def test_a_worker_that_dies_ends_the_others_and_the_training_goes_on_with_fewer(tmp_path):
    out = tmp_path / "killed"
    recipe = [*recipe_of("sentiment", tmp_path), "--training.epochs", "200", "--training.checkpoint-steps", "7"]
    launcher = launch(2, *recipe, "--out", str(out))
    begun = time.monotonic()
    while not (found := list(tmp_path.glob("**/step-*.npz"))):
        assert time.monotonic() < begun + 100
        assert launcher.poll() is None, launcher.communicate()[0]
        time.sleep(0.05)
    os.kill(worker(launcher, 1), signal.SIGKILL)
    killed = time.monotonic()
    said, _ = launcher.communicate(timeout=90)
    assert time.monotonic() - killed < 60
    assert launcher.returncode == 128 + signal.SIGKILL
    assert "worker 1 was ended by SIGKILL" in said
    assert "seqkit: Another worker is gone" in said
    assert found
    assert main(["train", *recipe, "--out", str(out), "--resume"]) == 0
    assert main(["train", *recipe, "--out", str(tmp_path / "straight")]) == 0
    check_same(out, tmp_path / "straight")
