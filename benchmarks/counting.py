"""Memory that counting very many distinct words takes: all of them held, and as `seqkit prepare` does it.

    python benchmarks/counting.py --words 1000000 8000000

Each line is a process of its own: words of ten characters or so, each there once, of which the 20,000 most frequent are
kept; what its memory grew by at most, in MB and in bytes a word, and the seconds of the processor.
"""

import argparse
import resource
import subprocess
import sys
import time

from seqkit.text import counting


def measure(words: int, held: int) -> str:
    """In this process."""
    counting.HELD, before, started = held, _peak(), time.process_time()
    counting.most_counted(((f"word{7919 * n % words}x".encode(), 1) for n in range(words)), most=20_000)
    grown = _peak() - before
    return f"{grown:8,.0f} MB{grown * 2**20 / words:6.0f} bytes a word{time.process_time() - started:8.1f} s"


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--words", type=int, nargs="+", default=[1_000_000, 8_000_000])
    parser.add_argument("--held", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.held:
        print(measure(options.words[0], options.held))
        return
    for words in options.words:
        for name, held in (("all held", words + 1), (f"{counting.HELD:,} held", counting.HELD)):
            command = [sys.executable, __file__, "--words", str(words), "--held", str(held)]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            print(f"{words:12,} words, {name:15}{done.stdout.rstrip()}", flush=True)


if __name__ == "__main__":
    main()
