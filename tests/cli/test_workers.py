"""Trainings by several real processes over loopback: what one process would have made, and no end that hangs or loses."""

import csv
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from seqkit.cli.main import main
from seqkit.corpora.topics import topics
from tests.cases import ROWS

SGD = [
    "--training.optimizer",
    "sgd",
    "--training.learning-rate",
    "0.1",
    "--training.epochs",
    "2",
    "--training.epoch-steps",
    "0",
    "--training.batch-size",
    "5",
]
SMALL = ["--embedding.units", "4", "--stack.units", "4", "--stack.dropout", "0"]
RECIPES = {
    "language_model": ["language_model", *SGD, *SMALL, "--window", "10"],  # its state is carried on
    "sentiment": ["sentiment", *SGD, *SMALL, "--embedding.dropout", "0"],
}
CLOCK = ("seconds", "tokens_per_second")


@pytest.fixture(scope="module", params=["language_model", pytest.param("sentiment", marks=pytest.mark.slow)])
def recipe(request, tmp_path_factory):
    """The arguments of a small training."""
    folder = tmp_path_factory.mktemp(request.param)
    if request.param == "sentiment":
        data = folder / "rows.tsv"
        data.write_text("label\ttext\n" + "".join(f"{label}\t{text}\n" for label, text in ROWS * 10))
    else:
        data = folder / "text.txt"
        data.write_text("\n".join(topics()["train"]["text"])[:5000])
    return [*RECIPES[request.param], "--data", str(data)]


@pytest.fixture(scope="module")
def alone(recipe, tmp_path_factory):
    """What one process makes of it."""
    out = tmp_path_factory.mktemp("alone") / "run"
    assert main(["train", *recipe, "--out", str(out)]) == 0
    return out


def started(*arguments, **environment):
    """A command in the background, in an environment with more in it."""
    command = [sys.executable, "-m", "seqkit.cli", *map(str, arguments)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    return subprocess.Popen(command, env=os.environ | environment, **pipes)


def ended(process):
    """Its status, and what it said."""
    said, _ = process.communicate(timeout=200)
    return process.returncode, said


def slurm_task(index, tasks):
    """The environment of a task of a SLURM step on this machine."""
    return {
        "SLURM_JOB_ID": str(os.getpid()),
        "SLURM_STEP_NUM_TASKS": str(tasks),
        "SLURM_STEP_NODELIST": "localhost",
        "SLURM_STEP_TASKS_PER_NODE": str(tasks),
        "SLURM_PROCID": str(index),
    }


def figures(out):
    """The history, epoch by epoch, and the scores of the report."""
    with open(out / "history.csv", newline="") as file:
        found = {f"{name}, {row['epoch']}": float(row[name]) for row in csv.DictReader(file) for name in row}
    report = json.loads((out / "evaluations/training/report.json").read_text())
    return found | {name: score["value"] for name, score in report["metrics"].items()}


def check_same(out, other):
    """But for the order in which floats are added; of two classes as likely it may tell which is the greater."""
    mine, theirs = figures(out), figures(other)
    assert mine.keys() == theirs.keys()
    for name, value in mine.items():
        tolerance = {"abs": 2e-3} if re.search("accuracy|f1", name) else {"rel": 1e-5, "abs": 1e-6}
        assert name.startswith(CLOCK) or value == pytest.approx(theirs[name], **tolerance), name


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


TASKS = """
import json, os, sys
environments, command = json.loads(sys.argv[1]), sys.argv[2:]
others = {}
for environment in environments[1:]:
    child = os.fork()
    if not child:
        os.environ.update(environment)
        others.clear()
        break
    others[child] = environment
else:
    os.environ.update(environments[0])
from seqkit.cli.main import main
status = main(command)
for child in others:
    status = status or os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
sys.exit(status)
"""


def train_as_tasks(interpreter, tasks, *arguments):
    """A training by so many tasks of a SLURM step, or by one process."""
    environments = [slurm_task(index, tasks) if tasks > 1 else {} for index in range(tasks)]
    done = interpreter.run(TASKS, json.dumps(environments), "train", *arguments)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("tasks", [2, 3])
def test_several_tasks_train_as_one_process(recipe, alone, tasks, interpreter, tmp_path):
    train_as_tasks(interpreter, tasks, *recipe, "--out", tmp_path / "run")
    check_same(tmp_path / "run", alone)


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="finds the worker in /proc")
@pytest.mark.parametrize(
    ("victim", "then"), [(1, 2), *(pytest.param(*ways, marks=pytest.mark.slow) for ways in ((0, 2), (1, 1), (1, 3)))]
)
def test_a_worker_that_dies_ends_the_others_and_as_many_or_others_go_on(
    recipe, alone, victim, then, interpreter, tmp_path
):
    """What comes of it is what one process would have made without a stop."""
    command = [*recipe, "--training.checkpoint-steps", "7", "--out", tmp_path / "run"]
    launcher = started("launch", "-n", 2, "train", *command)
    while not list(tmp_path.glob("*/checkpoint/step-*.npz")):
        assert launcher.poll() is None, launcher.communicate()[0]
        time.sleep(0.02)
    os.kill(worker(launcher, victim), signal.SIGKILL)
    killed = time.monotonic()
    status, said = ended(launcher)
    assert time.monotonic() - killed < 60
    assert status == 128 + signal.SIGKILL
    assert f"worker {victim} was ended by SIGKILL" in said
    assert "seqkit: Another worker is gone" in said
    assert not re.search(r"^(worker \d: )?(/job:|Additional |:UNKNOWN|The |\s+\[|[IWEF]\d{4} )", said, re.MULTILINE)
    train_as_tasks(interpreter, then, *command, "--resume", "auto")
    check_same(tmp_path / "run", alone)
