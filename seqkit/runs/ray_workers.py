"""Work done by the workers of Ray, on one machine or many: what a worker left undone as it ended is done again."""

import collections
import contextlib
import functools
import logging
import os
import socket
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, Protocol

from seqkit.core.bounds import one_of
from seqkit.core.errors import InputError, reason_of
from seqkit.core.spreading import Spread

ENVIRONMENT = {"KERAS_BACKEND": "tensorflow"}
SECONDS = 10.0  # in which a cluster has to take a connection
TRIES = 3  # more, of what a worker was at as it ended
Engine = Literal["local", "ray"]


def check_engine(engine: str, address: str | None) -> None:
    """Raise InputError where there is no such engine, or the address would do nothing."""
    one_of("engine", engine, Engine)
    if address is not None and engine != "ray":
        raise InputError(f"address is {address!r} with engine {engine!r}: choose engine ray, or leave it out.")


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
    ray = _imported()
    if files:
        with _cluster(ray, address):
            kind = ray.remote(num_cpus=1, max_restarts=-1, max_task_retries=TRIES)(Worker)
            count = min(len(files), _cores(ray))
            yield from _answered(ray, [kind.remote(answers) for _ in range(count)], files)


@contextlib.contextmanager
def spread_by_ray(address: str | None) -> Iterator[Spread]:
    """A spread over the workers of Ray, which live as long as the block.

    Args:
        address: Of a cluster; nothing for one that is started here, and ended.
    Raises:
        InputError: Ray isn't installed, there is no cluster, or a worker can't do what it is to do.
    """
    ray = _imported()
    with _cluster(ray, address):
        yield functools.partial(_spread, ray)


def _spread(ray: Any, function: Callable[..., Any], shared: tuple[Any, ...], items: Iterable[Any]) -> Iterator[Any]:
    call, ahead = ray.remote(num_cpus=1, max_retries=TRIES)(function), 2 * _cores(ray)
    known, under_way = [ray.put(one) for one in shared], collections.deque[Any]()
    try:
        for item in items:
            under_way.append(call.remote(*known, item))
            if len(under_way) > ahead:
                yield ray.get(under_way.popleft())
        while under_way:
            yield ray.get(under_way.popleft())
    except ray.exceptions.RayTaskError as error:
        raise InputError(f"A worker of Ray could not go on: {reason_of(error.cause)}") from None
    except ray.exceptions.RayError as error:
        raise InputError(f"A worker of Ray ended, {1 + TRIES} times: {str(error).splitlines()[0]}") from None


def _imported() -> Any:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nobody is told
    try:
        import ray
    except ImportError:
        raise InputError("engine ray needs Ray, which isn't installed: pip install 'seqkit[ray]'.") from None
    return ray


@contextlib.contextmanager
def _cluster(ray: Any, address: str | None) -> Iterator[None]:
    """A cluster that Ray is connected with for the block."""
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
        yield
    finally:
        ray.shutdown()


def _cores(ray: Any) -> int:
    """Of all machines."""
    resources: dict[str, float] = ray.cluster_resources()
    return max(1, int(resources.get("CPU", 1)))


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
