"""The processes that train one model together: what each takes of a batch, and how what they found is added up.

Every process has the whole model and the whole plan of an epoch. In a step they exchange one sum, so that all of them see
the gradient of the whole batch and move their weights alike. TensorFlow's strategy is only made to let them meet: variables
are plain ones, and the loop is the same as in one process.
"""

import contextlib
import itertools
import os
import threading
from collections.abc import Iterator, Sequence
from typing import Protocol

import keras
import numpy as np
import tensorflow as tf

from seqkit.batches.rows import WHOLE, Part
from seqkit.core.cluster import READY, Cluster, met
from seqkit.core.errors import TrainingError
from seqkit.core.progress import notify
from seqkit.training.interruption import plain_signals

GROUP = 1  # TensorFlow's number for those who sum
APART = 1_000_003  # by which the seeds of one process and the next differ
SECONDS_TO_MEET = 900.0  # machines of a cluster start minutes apart;
SECONDS_HERE = 120.0  # processes of one launcher don't
SEED = "seed_generator_state"  # as Keras names its variable
LOST = (
    tf.errors.UnavailableError,
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
    tf.errors.FailedPreconditionError,
    tf.errors.InternalError,
)


class WorkerLostError(TrainingError):
    """Another process is gone; what this one has computed until then is whole."""


class Peers(Protocol):
    """Processes that train together.

    Attributes:
        part: What this one takes of each batch.
    """

    @property
    def part(self) -> Part: ...

    @property
    def first(self) -> bool:
        """Whether this is the one that writes."""

    def sum(self, tensors: Sequence[tf.Tensor]) -> list[tf.Tensor]:
        """Over all processes, in one exchange; floats, added in the precision of the first.

        Raises:
            WorkerLostError: Another process is gone; within `watched`.
        """

    def from_first(self, value: bytes) -> bytes:
        """What the first process has."""

    def watched(self) -> contextlib.AbstractContextManager[None]:
        """Within the block the end of another process is a WorkerLostError."""


class _Alone:
    part, first = WHOLE, True

    def sum(self, tensors: Sequence[tf.Tensor]) -> list[tf.Tensor]:
        return list(tensors)

    def from_first(self, value: bytes) -> bytes:
        return value

    def watched(self) -> contextlib.AbstractContextManager[None]:
        return contextlib.nullcontext()


ALONE: Peers = _Alone()


class Workers:
    """Several processes, on one machine or many, that have met (see `meet`)."""

    def __init__(self, part: Part):
        self.part = part
        self._exchanges = itertools.count(
            1
        )  # all processes make theirs in one order, and so know them by their numbers

    @property
    def first(self) -> bool:
        return self.part.index == 0

    def sum(self, tensors: Sequence[tf.Tensor]) -> list[tf.Tensor]:
        flat = [tf.reshape(tf.cast(tensor, tensors[0].dtype), [-1]) for tensor in tensors]
        total = self._reduced(tf.concat(flat, axis=0))
        parts = tf.split(total, [tf.size(one) for one in flat])
        return [
            tf.ensure_shape(tf.reshape(tf.cast(part, tensor.dtype), tf.shape(tensor)), tensor.shape)
            for part, tensor in zip(parts, tensors, strict=True)
        ]

    def from_first(self, value: bytes) -> bytes:
        with self.watched():
            size = int(self._reduced(tf.constant([len(value) if self.first else 0], tf.int64))[0])
            sent = np.zeros(-(-size // 4), np.int32)
            if self.first:
                sent = np.frombuffer(value.ljust(4 * len(sent), b"\0"), np.int32)
            got: bytes = self._reduced(tf.constant(sent)).numpy().tobytes()
            return got[:size]

    @contextlib.contextmanager
    def watched(self) -> Iterator[None]:
        try:
            yield
        except LOST as error:
            raise WorkerLostError(
                f"Another worker is gone, so that worker {self.part.index} of {self.part.size} can't go on. Where the other "
                "one says no reason of its own, send the same command with --resume: it goes on from the last checkpoint, "
                "with as many workers or others."
            ) from error

    def _reduced(self, tensor: tf.Tensor) -> tf.Tensor:
        return tf.raw_ops.CollectiveReduceV2(
            input=tensor,
            group_size=self.part.size,
            group_key=GROUP,
            instance_key=next(self._exchanges),
            ordering_token=[],
            merge_op="Add",
            final_op="Id",
        )


def meet(cluster: Cluster) -> Peers:
    """Wait for the other workers; it has to be called before TensorFlow computes anything.

    TensorFlow waits in its own code for half an hour: a signal ends the process meanwhile, and so does a deadline.

    Args:
        cluster: Of two at least.
    Raises:
        TrainingError: TensorFlow has computed something already, or can't listen there.
    """
    workers, index = cluster.workers, cluster.index
    seconds = SECONDS_HERE if READY in os.environ else SECONDS_TO_MEET
    with (
        plain_signals(),
        _deadline(seconds, f"The {len(workers)} workers have not met within {seconds:.0f} s: {', '.join(workers)}."),
    ):
        os.environ["TF_CONFIG"] = cluster.tf_config()
        try:
            tf.distribute.MultiWorkerMirroredStrategy()
        except (RuntimeError, *LOST, tf.errors.UnknownError) as error:
            raise TrainingError(
                f"Worker {index} of {len(workers)} can't join the others at {workers[index]}: {str(error).splitlines()[0]}"
            ) from error
    met(os.environ)
    return Workers(Part(index, len(workers)))


@contextlib.contextmanager
def _deadline(seconds: float, complaint: str) -> Iterator[None]:
    def end() -> None:
        notify(f"{complaint} Look whether all were started, and reach each other.")
        os._exit(1)

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def seeds_apart(model: keras.Model, part: Part, *, back: bool = False) -> None:
    """Let the layers of this process draw otherwise than those of the others, or, `back`, as the first process's.

    In one process each row has its own draws; with the same seeds rows of different processes would share theirs.
    """
    for variable in model.variables:
        if variable.path.rpartition("/")[2] == SEED and part.index:
            state = variable.numpy()
            step = np.array([APART * part.index * (-1 if back else 1), 0]).astype(state.dtype)
            variable.assign(state + step)
