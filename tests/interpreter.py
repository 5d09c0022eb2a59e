"""New processes, without the seconds that importing TensorFlow takes: forked by one that has imported nothing of ours."""

import functools
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Self

from seqkit_runner import prove

PROVE_APART = prove._apart  # in a process that is started anew
_PARENT = """
import gc, json, os, signal, sys, traceback
gc.set_threshold(20_000, 20, 10)
sys.dont_write_bytecode = True
import keras, numpy, tensorflow
import cyclopts, filelock, jinja2, rich, sacrebleu, sentencepiece, sklearn, tensorflow_datasets, typeguard
tensorflow.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})  # as in tests/conftest.py
gc.freeze()

for line in sys.stdin:
    program, arguments, folder = json.loads(line)
    child = os.fork()
    if not child:
        code = 1
        try:
            signal.alarm(1000)
            os.chdir(folder)
            sys.stdin = open(os.devnull)
            for name, number in (("stdout", 1), ("stderr", 2)):
                os.dup2(os.open(name, os.O_WRONLY | os.O_CREAT), number)
            sys.argv = ["-c", *arguments]
            exec(program, {"__name__": "__main__"})
            code = 0
        except SystemExit as done:
            code = done.code or 0
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


class Interpreter:
    """An interpreter with all imported that isn't ours, from which each program gets a process of its own; started when it
    is first asked.
    """

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if "_parent" in vars(self):
            self._parent.communicate()

    @functools.cached_property
    def _parent(self) -> "subprocess.Popen[str]":
        command = [sys.executable, "-c", _PARENT]
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def run(self, program: str, *arguments: object) -> subprocess.CompletedProcess[str]:
        """As `subprocess.run` of `python -c PROGRAM ARGUMENTS` does."""
        given = list(map(str, arguments))
        with tempfile.TemporaryDirectory() as folder:
            print(json.dumps([program, given, folder]), file=self._parent.stdin, flush=True)
            code = int(self._parent.stdout.readline())
            said = [(Path(folder) / name).read_text(encoding="utf-8") for name in ("stdout", "stderr")]
        return subprocess.CompletedProcess([program, *given], code, *said)

    def ask(self, program: str, *arguments: object) -> object:
        """What the program prints last, from JSON."""
        done = self.run(program, *arguments)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])
