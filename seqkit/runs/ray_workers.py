"""Files answered by the workers of Ray, on one machine or many: what a worker left undone as it ended is done again."""

import logging
import os
import socket
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

from seqkit.core.errors import InputError

ENVIRONMENT = {"KERAS_BACKEND": "tensorflow"}
SECONDS = 10.0  # in which a cluster has to take a connection
TRIES = 3  # more, of a file whose worker has ended


class Answers(Protocol):
    """What has to be done with a file (`seqkit.runs.many_files.FileAnswers`)."""

    def opened(self) -> Any: ...

    def write(self, run: Any, file: Path) -> str: ...


class Worker:
    """A process that opens the run once."""

    def __init__(self, answers: Answers):
        self._answers, self._run = answers, answers.opened()

    def write(self, file: Path) -> str:
        """Answer a file; says why that failed, or nothing."""
        return self._answers.write(self._run, file)


def answered_by_ray(answers: Answers, files: Sequence[Path], address: str | None) -> Iterator[tuple[Path, str]]:
    """Each file as it is answered, and why it could not be, or nothing.

    Args:
        address: Of a cluster; nothing for one that is started here, and ended.
    Raises:
        InputError: Ray isn't installed, or there is no cluster.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nobody is told
    try:
        import ray
    except ImportError:
        raise InputError("engine ray needs Ray, which isn't installed: pip install 'seqkit[ray]'.") from None
    if not files:
        return
    try:
        _check_there(address)
        ray.init(
            address or "local",
            runtime_env={"env_vars": ENVIRONMENT},
            log_to_driver=False,
            logging_level=logging.ERROR,
        )
    except (OSError, ValueError, RuntimeError) as error:
        raise InputError(f"No cluster of Ray answers at {address} ({error}): check the address.") from None
    try:
        kind = ray.remote(num_cpus=1, max_restarts=-1, max_task_retries=TRIES)(Worker)
        resources: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call, unused-ignore]
        count = max(1, min(len(files), int(resources.get("CPU", 1))))
        yield from _answered(ray, [kind.remote(answers) for _ in range(count)], files)
    finally:
        ray.shutdown()


def _check_there(address: str | None) -> None:
    """Raise OSError where nobody listens: Ray itself would go on asking."""
    host, _, port = (address or "").removeprefix("ray://").rpartition(":")
    if port.isdecimal():
        socket.create_connection((host, int(port)), SECONDS).close()


def _answered(ray: Any, workers: list[Any], files: Sequence[Path]) -> Iterator[tuple[Path, str]]:
    """A file for each worker at a time."""
    left, under_way = list(files)[::-1], dict[Any, tuple[Any, Path]]()
    while left or under_way:
        while left and workers:
            worker, file = workers.pop(), left.pop()
            under_way[worker.write.remote(file)] = worker, file
        (done,), _ = ray.wait(list(under_way))
        worker, file = under_way.pop(done)
        workers.append(worker)
        try:
            yield file, ray.get(done)
        except ray.exceptions.RayError as error:
            yield file, f"its worker ended: {str(error).splitlines()[0]}"
