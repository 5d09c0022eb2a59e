"""New processes, without the seconds that importing TensorFlow takes: forked by one that has imported nothing of ours."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Self

_PARENT = """
import json, os, signal, sys, traceback
import keras, numpy, tensorflow

for line in sys.stdin:
    program, arguments, folder = json.loads(line)
    child = os.fork()
    if not child:
        code = 1
        try:
            signal.alarm(300)
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
    """An interpreter with Keras, NumPy and TensorFlow imported, from which each program gets a process of its own."""

    def __init__(self) -> None:
        command = [sys.executable, "-c", _PARENT]
        self._parent = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._parent.communicate()

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
