"""The installed command. It keeps TensorFlow's C++ chatter off a person's terminal.

TensorFlow logs about drivers and instruction sets before any setting of its own is heard. Its lines start with a severity
and a date, as Google's logging library writes them; with several workers some go on in lines without. All others pass, and
so do fatal errors: the filter is a process of its own, so that it outlives an abort.
"""

import gc
import os
import subprocess
import sys

from seqkit.cli.main import main as run
from seqkit.cli.programs import keep_programs

FILTER = r"""
import re, sys
starts = rb"[IWE]\d{4} \d\d:\d\d:|WARNING: All log messages before absl|To enable the following instructions"
goes_on = rb"Additional GRPC|:UNKNOWN:Error rec|The error could be from a prev|The tasks have crash|\s+\[\[[\w{]|/job:"
chatter = re.compile(starts + b"|" + goes_on)
for line in sys.stdin.buffer:
    if not chatter.match(line):
        sys.stdout.buffer.write(line)
        sys.stdout.buffer.flush()
"""
# New objects between two looks for garbage. A graph is made of a hundred thousand, hardly any of which is: at Python's own
# 700 the looks take a twentieth of a short command.
COLLECTED = (20_000, 20, 10)


def quieten() -> None:
    """Filter what is written to file descriptor 2 by anything but Python, which keeps the real one."""
    sys.stderr.flush()
    real = os.dup(2)
    command = [sys.executable, "-I", "-S", "-c", FILTER]
    # in a session of its own, where Ctrl-C doesn't reach it
    chatter = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=real, start_new_session=True)
    assert chatter.stdin is not None
    os.dup2(chatter.stdin.fileno(), 2)
    chatter.stdin.close()
    chatter.returncode = 0  # it ends by itself when this process does; nobody waits for it
    sys.stderr = open(real, "w", buffering=1, encoding="utf-8", errors="backslashreplace", closefd=False)  # noqa: SIM115


def main() -> int:
    """The installed command."""
    quieten()
    keep_programs()
    gc.set_threshold(*COLLECTED)
    return run()
