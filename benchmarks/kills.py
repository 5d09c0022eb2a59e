"""Trainings that are killed and sent again: what comes out, beside what comes out of one that was left alone.

    python -m benchmarks.kills --kills 50 --seed 0

Every recipe is trained, small, on what is built in, with a checkpoint every five steps: once alone, then with some kills in
a row, each at a moment drawn evenly over the time that it took alone: SIGKILL (half of them), SIGTERM or Ctrl-C, three in
ten while a checkpoint is being written, and after a third the newest checkpoint is cut somewhere, as a power cut leaves it.
The same command with `--resume auto` goes on each time. Compared bit for bit: the weights and the last state of the
training (optimizer and all), the history, and what the reports say.
"""

import argparse
import os
import random
import shutil
import signal
import tempfile
import time
from pathlib import Path

from tests.kills import COMMANDS, SMALL, TO_SAVE, differences, draw_kills, outcome, train_alone, train_and_kill

IN_A_ROW = 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--recipes", nargs="+", choices=list(COMMANDS), default=list(COMMANDS))
    options = parser.parse_args()
    rng, left, lost, late, slow = random.Random(options.seed), options.kills, 0, 0, 0
    print(f"{'recipe':20}{'signal':>9}{'at':>8}{'writing':>9}{'cut':>6}{'status':>8}{'step':>6}{'ended in':>10}  run")
    with tempfile.TemporaryDirectory() as folder:
        os.environ["SEQKIT_CACHE"] = f"{folder}/cache"
        alone = {}
        for number in range(len(options.recipes) * -(-options.kills // IN_A_ROW)):
            name = options.recipes[number % len(options.recipes)]
            arguments, whole, out = [name, *COMMANDS[name], *SMALL], Path(folder) / f"{name}-alone", Path(folder) / name
            if name not in alone:
                alone[name] = train_alone(arguments, whole)
                print(f"{name:20}{'none':>9}{alone[name]:7.1f}s", flush=True)
            for kill in draw_kills(rng, min(IN_A_ROW, left), alone[name]):
                end = train_and_kill(arguments, out, kill)
                left, late = left - 1, late + (end.status == 0)
                slow += kill.by != signal.SIGKILL and end.seconds > TO_SAVE
                print(
                    f"{name:20}{kill.by.name[3:]:>9}{kill.after:7.1f}s{kill.writing * 'yes':>9}{end.cut * 'yes':>6}"
                    f"{end.status:8}{end.step:6}{end.seconds:9.1f}s",
                    flush=True,
                )
            started = time.monotonic()
            train_alone(arguments, out)
            others = differences(outcome(out), outcome(whole))
            lost += bool(others)
            said = f"OTHERWISE: {', '.join(others)[:300]}" if others else "the same, bit for bit"
            print(f"{name:20}{'none':>9}{time.monotonic() - started:7.1f}s{'':39}  {said}", flush=True)
            shutil.rmtree(out)
            if not left:
                break
    print(
        f"{options.kills} kills, {late} of them after the end; {lost} runs came out otherwise; {slow} times more than "
        f"{TO_SAVE} s went by from SIGTERM or Ctrl-C to the end"
    )


if __name__ == "__main__":
    main()
