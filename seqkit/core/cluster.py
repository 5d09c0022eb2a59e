"""Which processes train together, and which of them this one is: said by hand, by TF_CONFIG, or by SLURM.

The first that says anything counts. TF_CONFIG is TensorFlow's, which cluster software sets:
`{"cluster": {"worker": ["a:2222", "b:2222"]}, "task": {"type": "worker", "index": 0}}`. SLURM's variables count in a step of
several tasks (`srun -n 4`) alone: in the script around it there is one process, which would wait for the others forever.
"""

import dataclasses
import itertools
import json
import re
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from seqkit.core.errors import InputError

READY = "SEQKIT_LAUNCH_READY"  # names the file that tells the launcher of a process that it has met the others
COMPLETION_INDEX = "JOB_COMPLETION_INDEX"  # of a pod in an Indexed Job of Kubernetes
SLURM_PORTS = range(10_000, 30_000)  # below those that Linux gives to connections
MOST_NODES = 65_536  # as SLURM

Environment = Mapping[str, str]


@dataclasses.dataclass(frozen=True)
class Cluster:
    """Processes that train together.

    Attributes:
        workers: Their addresses, host:port, of which the first is the one that writes.
        index: Which of them this process is.
    Raises:
        InputError: An address is none, or there twice; or there is no worker of that index.
    """

    workers: tuple[str, ...]
    index: int

    def __post_init__(self) -> None:
        for worker in self.workers:
            host, _, port = worker.rpartition(":")
            if (
                not host
                or re.search(r"[\s,]", host)
                or not re.fullmatch(r"\d{1,5}", port)
                or not 0 < int(port) < 65_536
            ):
                raise InputError(f"The worker {worker!r} has no address: give host:port, such as localhost:2222.")
        twice = sorted({worker for worker in self.workers if self.workers.count(worker) > 1})
        if twice:
            raise InputError(f"The worker {twice[0]} is there twice: give each process an address of its own.")
        if not 0 <= self.index < len(self.workers):
            raise InputError(
                f"There is no worker {self.index} among {len(self.workers)} ({', '.join(self.workers)}): they count from 0."
            )

    def tf_config(self) -> str:
        """The cluster as TensorFlow's TF_CONFIG."""
        task = {"type": "worker", "index": self.index}
        return json.dumps({"cluster": {"worker": self.workers}, "task": task})


def cluster_of(environment: Environment, workers: str | None = None, index: int | None = None) -> Cluster | None:
    """The processes that this one trains with.

    Args:
        environment: As `os.environ`.
        workers: Their addresses, "host:port,host:port"; nothing for what TF_CONFIG says, or else SLURM's step.
        index: Which of these this process is; nothing for what an Indexed Job of Kubernetes or SLURM's step says.
    Returns:
        Nothing where it trains alone.
    Raises:
        InputError: What is said can't be.
    """
    found: Cluster | None = None
    if workers is not None:
        found = Cluster(tuple(worker.strip() for worker in workers.split(",")), _index_of(environment, index))
    elif index is not None:
        raise InputError(f"worker is {index}, but workers doesn't say of which: give both, or none.")
    elif environment.get("TF_CONFIG", "").strip():
        found = _of_tf_config(environment["TF_CONFIG"])
    elif _is_step(environment):
        found = _of_slurm(environment)
    return found if found and len(found.workers) > 1 else None


def met(environment: Environment) -> None:
    """Tell the launcher of this process, where it has one, that it has met the others: see `seqkit.cli.launch`."""
    if environment.get(READY):
        Path(environment[READY]).touch()


def _index_of(environment: Environment, index: int | None) -> int:
    if index is not None:
        return index
    if COMPLETION_INDEX in environment:
        return _number(environment, COMPLETION_INDEX)
    if _is_step(environment):
        return _number(environment, "SLURM_PROCID")
    raise InputError("workers says which there are, but not which of them this process is: give worker, from 0 on.")


def _of_tf_config(text: str) -> Cluster | None:
    """The chief, where there is one, is worker 0, and the others follow."""

    def wrong(what: str) -> InputError:
        form = '{"cluster": {"worker": ["a:2222", "b:2222"]}, "task": {"type": "worker", "index": 0}}'
        return InputError(f"TF_CONFIG {what}: it should be like {form}, or not there at all.")

    try:
        config = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise wrong(f"is no JSON ({error})") from None
    if not isinstance(config, dict):
        raise wrong(f"is {text}")
    kinds, task = config.get("cluster", {}), config.get("task", {})
    if not kinds:
        return None  # as TensorFlow takes it
    if not isinstance(kinds, dict) or not isinstance(task, dict):
        raise wrong(f"has the cluster {kinds!r} and the task {task!r}")
    others = sorted(kinds.keys() - {"chief", "worker"})
    if others or task.get("type") not in kinds:
        what = f"has processes called {others[0]}" if others else f"has the task type {task.get('type')!r}"
        raise wrong(f"{what}, but there is room for a chief and workers alone")
    if not all(isinstance(those, list) and all(isinstance(one, str) for one in those) for those in kinds.values()):
        raise wrong(f"has the cluster {kinds!r}")
    index = task.get("index")
    if isinstance(index, bool) or not re.fullmatch(r"\d{1,9}", str(index)):
        raise wrong(f"has the task index {index!r}")
    if int(str(index)) >= len(kinds[task["type"]]):
        raise wrong(f"has the task {task['type']} {index}, but {len(kinds[task['type']])} of them")
    chiefs, workers = kinds.get("chief", []), kinds.get("worker", [])
    return Cluster((*chiefs, *workers), int(str(index)) + (len(chiefs) if task["type"] == "worker" else 0))


def _is_step(environment: Environment) -> bool:
    return "SLURM_STEP_NUM_TASKS" in environment and _number(environment, "SLURM_STEP_NUM_TASKS") > 1


def _of_slurm(environment: Environment) -> Cluster:
    """A step's tasks in blocks, node by node, each at a port of its own, which follows from the job and the step."""
    index, tasks = _number(environment, "SLURM_PROCID"), _number(environment, "SLURM_STEP_NUM_TASKS")
    nodes = nodes_of(_said(environment, "SLURM_STEP_NODELIST"))
    counts = tasks_of(_said(environment, "SLURM_STEP_TASKS_PER_NODE"))
    if len(nodes) != len(counts) or sum(counts) != tasks:
        raise InputError(
            f"SLURM says that {tasks} tasks run on {environment['SLURM_STEP_NODELIST']}, "
            f"{environment['SLURM_STEP_TASKS_PER_NODE']} a node, which is not as many: say who trains by workers instead."
        )
    step = f"{_said(environment, 'SLURM_JOB_ID')}.{environment.get('SLURM_STEP_ID', '')}"
    first = SLURM_PORTS[zlib.crc32(step.encode()) % (len(SLURM_PORTS) - max(counts))]
    places = [(node, local) for node, count in enumerate(counts) for local in range(count)]
    cluster = Cluster(tuple(f"{nodes[node]}:{first + local}" for node, local in places), index)
    node = int(environment["SLURM_NODEID"]) if environment.get("SLURM_NODEID", "").isdecimal() else places[index][0]
    if node != places[index][0]:
        raise InputError(
            f"SLURM runs task {index} on node {node} of {environment['SLURM_STEP_NODELIST']}, not with its neighbours: "
            "use srun --distribution=block."
        )
    return cluster


def nodes_of(text: str) -> tuple[str, ...]:
    """The nodes of a list as SLURM writes it, in its order.

    Args:
        text: Such as "node[01-03,07],gpu1", or with several brackets "rack[1-2]node[1-4]".
    Raises:
        InputError: It is no such list.
    """
    if not re.fullmatch(rf"{_NODE}(?:,{_NODE})*", text):
        raise InputError(f"The list of nodes {text!r} can't be read: SLURM writes node[01-03,07],gpu1.")
    nodes: list[str] = []
    for node in re.findall(_NODE, text):
        parts = [list(_ranges(part, text)) for part in re.findall(r"\[[^]]*\]|[^][]+", node)]
        nodes += itertools.islice(map("".join, itertools.product(*parts)), MOST_NODES + 1)
        if len(nodes) > MOST_NODES:
            raise InputError(f"The list of nodes {text!r} has more than {MOST_NODES:,}: that can't be meant.")
    return tuple(nodes)


_RANGE = r"\d{1,9}(?:-\d{1,9})?"
_NODE = rf"(?:[^][,\s]|\[{_RANGE}(?:,{_RANGE})*\])+"


def _ranges(part: str, text: str) -> Iterator[str]:
    """The numbers of "[01-03,07]", as wide as the first of their range; of anything else that itself."""
    if not part.startswith("["):
        yield part
        return
    for run in part[1:-1].split(","):
        first, _, last = run.partition("-")
        if int(last or first) < int(first):
            raise InputError(f"The list of nodes {text!r} can't be read: {run} goes downwards.")
        for number in range(int(first), min(int(last or first), int(first) + MOST_NODES) + 1):
            yield f"{number:0{len(first)}}"


def tasks_of(text: str) -> tuple[int, ...]:
    """Tasks a node, from what SLURM writes: "2(x3),1" are 2, 2, 2 and 1.

    Raises:
        InputError: It is no such list.
    """
    counts: list[int] = []
    for part in text.split(","):
        found = re.fullmatch(r"(\d{1,9})(?:\(x(\d{1,9})\))?", part)
        if not found or int(found[2] or 1) > MOST_NODES:
            raise InputError(f"The tasks a node {text!r} can't be read: SLURM writes 2(x3),1.")
        counts += [int(found[1])] * int(found[2] or 1)
    return tuple(counts)


def _said(environment: Environment, name: str) -> str:
    if not environment.get(name):
        raise InputError(f"This is a step of several tasks, but SLURM's {name} is missing: start it by srun.")
    return environment[name]


def _number(environment: Environment, name: str) -> int:
    said = environment.get(name, "")
    if not re.fullmatch(r"\d{1,9}", said):
        raise InputError(f"{name} is {said!r}: it should be a number from 0 on.")
    return int(said)
