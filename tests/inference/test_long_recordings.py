"""Whole recordings chunk by chunk: the same answers as at once, with only a chunk of frames in memory."""

import weakref

import numpy as np
import pytest
import tensorflow as tf

from seqkit.core.encoder import Encoder
from seqkit.core.settings import Stack
from seqkit.inference.long_recordings import recording_labeller
from seqkit.layers.frames import embed_frames
from seqkit.sources.decoders import CHUNK
from seqkit.topologies.many_to_many import many_to_many
from seqkit.training.executor import Forward


def model(bidirectional, shape=(4,), changes=True):
    images = {"filters": (3,), "units": 5} if len(shape) == 3 else {}
    inputs, features, mask = embed_frames(shape, Encoder(changes=changes, **images))
    return many_to_many(
        inputs, features, mask, outputs=3, stack=Stack(cell="gru", units=(6,), bidirectional=bidirectional)
    )


def in_chunks(film, size=CHUNK):
    return (film[start : start + size] for start in range(0, len(film), size))


def check_chunks(net, label, rng, shape):
    forward = Forward(net)
    for length in (1, CHUNK, 2 * CHUNK + 7):
        film = rng.normal(size=(length, *shape)).astype("float32")
        whole = forward({"frames": tf.constant(film[None]), "mask": tf.ones((1, length), tf.bool)})[0]
        np.testing.assert_allclose(label(in_chunks(film)), whole, atol=1e-5)


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize(("shape", "changes"), [((4,), True), ((4,), False), ((8, 8, 1), True)])
def test_chunks_equal_the_whole(bidirectional, shape, changes, rng):
    net = model(bidirectional, shape, changes)
    check_chunks(net, recording_labeller(net), rng, shape)


def test_chunk_check_catches_chunks_that_start_anew(rng):
    net = model(bidirectional=True)
    alone = recording_labeller(net)
    with pytest.raises(AssertionError):
        check_chunks(net, lambda chunks: np.concatenate([alone([chunk]) for chunk in chunks]), rng, (4,))


@pytest.mark.parametrize("bidirectional", [False, True])
def test_no_more_than_two_chunks_are_alive(bidirectional):
    alive, most = set(), []

    def chunks():
        for number in range(20):
            chunk = np.zeros((CHUNK, 8, 8, 1), np.float32)
            alive.add(number)
            weakref.finalize(chunk, alive.discard, number)
            most.append(len(alive))
            yield chunk
            del chunk

    assert len(recording_labeller(model(bidirectional, (8, 8, 1)))(chunks())) == 20 * CHUNK
    assert max(most) <= 2


def test_answers_of_another_recording_do_not_linger(rng):
    net = model(bidirectional=False)
    label, film = recording_labeller(net), rng.normal(size=(70, 4)).astype("float32")
    before = label(in_chunks(film))
    label(in_chunks(film[::-1]))
    np.testing.assert_array_equal(label(in_chunks(film)), before)
