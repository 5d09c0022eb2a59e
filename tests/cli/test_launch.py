"""The launcher, with small programs in place of trainings: who gets what, who hears what, and that nothing hangs."""

import contextlib
import json
import os
import re
import signal
import sys
import threading
import time

import pytest

from seqkit.cli.launch import environments, gpus_of, launched, separated
from seqkit.cli.main import main
from seqkit.core.errors import InputError

PROGRAM = """if True:
    import json, os, pathlib, signal, sys, time
    worker = json.loads(os.environ["TF_CONFIG"])["task"]["index"]
    ready = pathlib.Path(os.environ["SEQKIT_LAUNCH_READY"])
    wait = lambda found, seconds=20: all((time.sleep(0.01), not found())[1] for _ in range(int(seconds * 100)))
    here = lambda: [path for path in ready.parent.iterdir() if path.name.isdecimal()]
    meet = lambda: (ready.touch(), wait(lambda: len(here()) > 1))
"""
LEAST = {"meeting": 20, "leaving": 20, "killing": 20}  # seconds that no test should need


def run(program, processes=2, **seconds):
    """Its exit status, and how many seconds it took."""
    bare = {"PATH": os.environ["PATH"]}
    begun = time.monotonic()
    code = PROGRAM + "".join(f"    {line}\n" for line in program.splitlines())
    status = launched([sys.executable, "-I", "-S", "-c", code], environments(processes, bare), **LEAST | seconds)
    return status, time.monotonic() - begun


def test_each_process_has_its_place_its_share_of_the_cores_and_a_gpu(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(8)), raising=False)
    (tmp_path / "nvidia-smi").write_text("#!/bin/sh\nfor i in 0 1 2; do echo GPU $i: some; echo '  MIG: none'; done\n")
    (tmp_path / "nvidia-smi").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    made = environments(3, {"OMP_NUM_THREADS": "5", "KEPT": "yes"})
    configs = [json.loads(one["TF_CONFIG"]) for one in made]
    assert [config["task"] for config in configs] == [{"type": "worker", "index": index} for index in range(3)]
    (workers,) = {tuple(config["cluster"]["worker"]) for config in configs}
    assert len({int(worker.removeprefix("127.0.0.1:")) for worker in workers}) == 3
    assert [one["CUDA_VISIBLE_DEVICES"] for one in made] == ["0", "1", "2"]
    for one in made:
        assert (one["OMP_NUM_THREADS"], one["TF_NUM_INTRAOP_THREADS"], one["KEPT"]) == ("5", "2", "yes")
    assert [one["CUDA_VISIBLE_DEVICES"] for one in environments(2, {"CUDA_VISIBLE_DEVICES": "7,GPU-ab,9"})] == [
        "7",
        "GPU-ab",
    ]
    with pytest.raises(InputError, match=r"processes is 4, but there are 3 GPUs \(0, 1, 2\)"):
        environments(4, {})
    for hidden in ("", "-1"):
        assert environments(4, {"CUDA_VISIBLE_DEVICES": hidden})[3]["CUDA_VISIBLE_DEVICES"] == hidden
    (tmp_path / "nvidia-smi").write_text("#!/bin/sh\necho no driver; exit 9\n")
    assert gpus_of({}) == []


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["-n", "0", "train", "sentiment"], "processes is 0: it should be at least 1"),
        (["-n", "2", "evaluate", "runs/a", "--data", "x"], "launch starts train, and not evaluate"),
        (["-n", "2"], "launch starts train, and not nothing"),
        (["-n", "2", "train", "sentiment", "--workers=a:1"], "leave --workers=a:1 out"),
        (["train", "sentiment"], "--processes requires an argument"),
    ],
)
def test_what_cannot_be_launched_gets_one_sentence(arguments, complaint, capsys):
    assert main(["launch", *arguments]) == 2
    said = capsys.readouterr().err
    assert complaint in said
    assert said.count("\n") == 1


def test_no_cluster_is_made_within_another(monkeypatch, capsys):
    monkeypatch.setenv("TF_CONFIG", "{}")
    assert main(["launch", "-n", "2", "train", "sentiment"]) == 2
    assert "TF_CONFIG names others" in capsys.readouterr().err


def test_flags_of_what_is_launched_are_left_to_it():
    given = ["launch", "-n", "2", "train", "sentiment", "-n", "3", "--help"]
    assert separated(given) == ["launch", "-n", "2", "--", "train", "sentiment", "-n", "3", "--help"]
    assert separated(separated(given)) == separated(given)
    assert separated(given[3:]) == given[3:]


def test_the_first_prints_as_it_would_alone_and_the_others_with_their_number(capfd):
    status, seconds = run("meet(); print(worker, flush=True); print('\\033[1mnoted\\nthere', file=sys.stderr)", 3)
    assert status == 0
    assert seconds < 10
    out, err = capfd.readouterr()
    assert out == "0\n"
    assert err.count("\033[1mnoted\nthere\n") == 1
    for number in (1, 2):
        lines = [line for line in err.splitlines() if line.startswith(f"worker {number}: ")]
        assert lines == [f"worker {number}: {said}" for said in (number, "\\u001b[1mnoted", "there")]


def test_the_first_failure_is_the_status_and_the_others_end_by_themselves(capfd):
    status, seconds = run("meet()\nif worker: sys.exit(7)\nwait(lambda: False, 1)\nsys.exit(1)")
    assert status == 7
    assert 1 < seconds < 10
    assert "worker 1 ended with status 7" in capfd.readouterr().err


def test_one_that_ends_well_ends_no_other():
    status, seconds = run("meet()\nif not worker: wait(lambda: False, 1)", leaving=0.1, killing=0.1)
    assert status == 0
    assert seconds > 1


def test_what_is_left_after_a_kill_and_deaf_to_sigterm_is_killed(capfd):
    deaf = "signal.signal(signal.SIGTERM, lambda *_: print('heard', flush=True))\nmeet()\n"
    status, seconds = run(deaf + "if worker: os.kill(os.getpid(), 9)\nwait(lambda: False)", leaving=0.3, killing=1)
    assert status == 128 + signal.SIGKILL
    assert 1 < seconds < 10
    out, err = capfd.readouterr()
    assert out == "heard\n"
    assert "worker 1 was ended by SIGKILL" in err


def test_workers_that_never_meet_are_ended_with_a_sentence(capfd):
    deaf = "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    status, seconds = run(deaf + "if not worker: meet()\nwait(lambda: False)", meeting=0.5, killing=0.2)
    assert status == 1
    assert 0.5 < seconds < 10
    assert re.search("Worker (0, )?1 did not meet the others in time", capfd.readouterr().err)


def test_one_process_meets_nobody():
    assert run("wait(lambda: False, 0.5)", 1, meeting=0.1, killing=0.1)[0] == 0


@contextlib.contextmanager
def signalled(number, folder, listeners):
    """This process gets a signal once so many files are in the folder."""

    def send():
        while len(list(folder.iterdir())) < listeners:
            time.sleep(0.01)
        os.kill(os.getpid(), number)

    thread = threading.Thread(target=send, daemon=True)
    thread.start()
    yield
    thread.join()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_reaches_each_once_and_what_they_make_of_it_is_the_status(number, tmp_path, capfd):
    """In a session of their own, so that Ctrl-C in a terminal doesn't reach them twice."""
    given = signal.signal(number, signal.default_int_handler)  # whoever runs the tests in the background ignores Ctrl-C
    before = signal.getsignal(number)
    with signalled(number, tmp_path, 2):
        status, seconds = run(
            "heard = []\n"
            f"signal.signal({int(number)}, lambda *_: heard.append(1))\n"
            f"meet(); pathlib.Path({str(tmp_path)!r}, str(worker)).touch()\n"
            "wait(lambda: heard); wait(lambda: False, 0.5)\n"
            "print(len(heard), os.getsid(0) == os.getpid(), flush=True)\n"
            f"sys.exit(128 + {int(number)})"
        )
    assert status == 128 + number
    assert seconds < 10
    out, err = capfd.readouterr()
    assert out == "1 True\n"
    assert re.search(r"^worker 1: 1 True$", err, re.MULTILINE)
    assert signal.getsignal(number) is before
    signal.signal(number, given)


def test_a_signal_ends_those_that_wait_for_others(tmp_path):
    """They can't end by themselves: their time is short."""
    deaf = f"signal.signal(15, signal.SIG_IGN); pathlib.Path({str(tmp_path)!r}, str(worker)).touch()\n"
    with signalled(signal.SIGTERM, tmp_path, 2):
        status, seconds = run(deaf + "wait(lambda: False)", killing=0.3)
    assert status == 128 + signal.SIGKILL
    assert seconds < 10
