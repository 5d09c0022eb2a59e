"""Keeps TensorFlow's C++ chatter off a person's terminal.

TensorFlow logs about drivers and instruction sets before any setting of its own is heard. Its lines start with a severity
and a date, as Google's logging library writes them; all others, and those of fatal errors, pass.
"""

import os
import re
import sys
import threading

CHATTER = re.compile(
    rb"[IWE]\d{4} \d\d:\d\d:|WARNING: All log messages before absl|To enable the following instructions"
)


def quieten() -> None:
    """Filter what is written to file descriptor 2 by anything but Python, which keeps the real one."""
    sys.stderr.flush()
    real = os.dup(2)
    reader, writer = os.pipe()
    os.dup2(writer, 2)
    os.close(writer)
    sys.stderr = open(real, "w", buffering=1, encoding="utf-8", errors="backslashreplace", closefd=False)  # noqa: SIM115

    def forward() -> None:
        with open(reader, "rb") as lines:
            for line in lines:
                if not CHATTER.match(line):
                    os.write(real, line)

    threading.Thread(target=forward, daemon=True).start()
