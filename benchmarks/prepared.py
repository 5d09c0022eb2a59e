"""Memory and speed of a training from a file of text and from the same text prepared, at several sizes.

    python benchmarks/prepared.py --text reviews.tsv --times 1 4 16
    python benchmarks/prepared.py --text corpus.txt --recipe language_model --times 1 4 16

The file is repeated, with a number before each row, so that no row is there twice. Each figure is of a process of its own:
its highest resident memory, and the highest of what belongs to it alone (RssAnon, looked at every 50 ms), in MB; the seconds
to the first step; and the tokens a second of the steps after it. What comes after a training (baselines, the report) is
measured elsewhere.
"""

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

WAYS = ("file", "prepare", "prepared")


def _status(name):
    return int(re.search(rf"{name}:\s+(\d+)", Path("/proc/self/status").read_text())[1]) / 1024


class Anonymous(threading.Thread):
    """The highest memory of this process that no file stands behind."""

    def __init__(self):
        super().__init__(daemon=True)
        self.most = 0.0

    def run(self):
        while True:
            self.most = max(self.most, _status("RssAnon"))
            time.sleep(0.05)


def measure(recipe, way, data, folder, steps):
    """Figures of one way, in this process."""
    import keras

    import seqkit
    from seqkit.recipes import language_model, sentiment

    function = {"sentiment": sentiment, "language_model": language_model}[recipe]
    sizes = {"stack": seqkit.Stack(units=(16,)), "embedding": seqkit.Embedding(units=8)}

    class Enough(Exception):  # noqa: N818
        """The steps that were wanted are done."""

    class Count(keras.callbacks.Callback):
        def __init__(self):
            super().__init__()
            self.times = []

        def on_train_batch_end(self, batch, logs=None):
            self.times.append(time.perf_counter())
            if len(self.times) > steps + 1:
                raise Enough

    watch, count, started = Anonymous(), Count(), time.perf_counter()
    watch.start()
    figures = {}
    if way == "prepare":
        seqkit.prepare(function, data, out=folder)
        figures["seconds"] = time.perf_counter() - started
    else:
        try:
            source = data if way == "file" else folder
            function(source, out=Path(folder).with_name(f"run-{way}"), overwrite=True, callbacks=[count], **sizes)
        except Enough:
            pass
        figures["seconds_to_first_step"] = count.times[0] - started
        _, *times = count.times  # between the first step and the second the end of the run is tried
        figures["steps_per_second"] = (len(times) - 1) / (times[-1] - times[0])
    return figures | {"peak": _status("VmHWM"), "anonymous": watch.most}


def repeated(text, times, target):
    """The text so many times, each row with a number of its own."""
    with open(text, encoding="utf-8") as file:
        lines = file.readlines()
    head = lines[:1] if text.suffix == ".tsv" else []
    with open(target, "w", encoding="utf-8") as file:
        file.writelines(head)
        for turn in range(times):
            file.writelines(f"{turn} {line}" for line in lines[len(head) :])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--text", type=Path, required=True, help="a .tsv of text and label, text first, or a .txt")
    parser.add_argument("--recipe", default="sentiment", choices=["sentiment", "language_model"])
    parser.add_argument("--times", type=int, nargs="+", default=[1, 4, 16])
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--only", choices=WAYS, help=argparse.SUPPRESS)
    parser.add_argument("--data", help=argparse.SUPPRESS)
    parser.add_argument("--folder", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.only:
        print(json.dumps(measure(options.recipe, options.only, options.data, options.folder, options.steps)))
        return
    with tempfile.TemporaryDirectory() as place:
        for times in options.times:
            data = Path(place) / f"text{options.text.suffix}"
            repeated(options.text, times, data)
            print(f"{times:3} times, {data.stat().st_size / 1e6:,.1f} MB", flush=True)
            for way in WAYS:
                command = [
                    sys.executable,
                    __file__,
                    "--only",
                    way,
                    "--data",
                    str(data),
                    "--folder",
                    f"{place}/prepared",
                ]
                command += ["--text", str(options.text), "--recipe", options.recipe, "--steps", str(options.steps)]
                done = subprocess.run(command, capture_output=True, text=True, check=False)
                if done.returncode:
                    sys.exit(done.stderr[-2000:])
                figures = json.loads(done.stdout.splitlines()[-1])
                print(f"    {way:9}" + "  ".join(f"{name} {value:,.1f}" for name, value in figures.items()), flush=True)
            shutil.rmtree(f"{place}/prepared")


if __name__ == "__main__":
    main()
