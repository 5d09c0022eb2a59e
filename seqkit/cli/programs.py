"""XLA's programs, kept on the disk for later commands: what they save at the start, `benchmarks/start.py` says."""

import hashlib
import os
import platform
import shutil
import time
from importlib.metadata import version
from pathlib import Path

from seqkit.core.files import cache_folder

FLAG = "--tf_xla_persistent_cache_directory"
MOST = 256  # of 100 to 400 KB each
READ = ("XLA_FLAGS", "TF_NUM_INTRAOP_THREADS", "OMP_NUM_THREADS")  # variables by which programs come out otherwise
ROOM = 2**30  # bytes that have to be free: TensorFlow ends a training whose program it can't write


def keep_programs() -> None:
    """Have XLA write its programs into the cache folder, and read those that lie there. It is to be said before TensorFlow's
    first operation; where there is no place for them nothing changes.

    TensorFlow writes a program beside its place and renames it. What was written before this machine was started isn't read,
    since a power cut may have shortened it.
    """
    folder, flags = cache_folder() / "programs" / _machine(), os.environ.get("TF_XLA_FLAGS", "")
    if FLAG in flags or any(letter.isspace() for letter in str(folder)):  # at which TensorFlow parts its flags
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if shutil.disk_usage(folder).free < ROOM:
            return
        _drop(folder)
    except OSError:
        return
    os.environ["TF_XLA_FLAGS"] = f"{flags} {FLAG}={folder}".strip()


def _drop(folder: Path) -> None:
    """All but the newest programs since this machine was started."""
    started, written = time.time() - time.monotonic(), {}
    for path in folder.iterdir():
        try:
            written[path] = path.stat().st_mtime
        except FileNotFoundError:  # dropped, or renamed, by another process
            continue
    newest = sorted(written, key=lambda path: written[path], reverse=True)
    for place, path in enumerate(newest):
        if place >= MOST or written[path] < started:
            path.unlink(missing_ok=True)


def _machine() -> str:
    """What a program depends on beside its loop: the processor, how many threads there are, TensorFlow, and XLA's flags."""
    try:
        lines = Path("/proc/cpuinfo").read_text().partition("\n\n")[0].splitlines()
    except OSError:
        lines = [platform.processor()]
    kind = sorted(line for line in lines if line.startswith(("model", "flags", "Features", "CPU", "cpu family")))
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    parts = [platform.machine(), *kind, str(cores), version("tensorflow"), *(os.environ.get(name, "") for name in READ)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]
