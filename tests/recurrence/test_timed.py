"""Steps at irregular times: what reaches a cell as time, and where there is none."""

import keras
import numpy as np
import pytest

from seqkit.core.encoder import Encoder
from seqkit.core.errors import InputError
from seqkit.core.settings import Embedding, Stack
from seqkit.layers.decoder import decoder_model
from seqkit.layers.embedding import embed_tokens
from seqkit.layers.frames import embed_frames, frame_statistics
from seqkit.layers.stack import recurrent_stack
from seqkit.recipes import video_frames
from seqkit.recurrence.cells import Recurrent
from seqkit.recurrence.stateful import stateful
from seqkit.topologies.many_to_many import many_to_many
from seqkit.topologies.many_to_one import many_to_one
from tests import oracle

TIMED = Stack(cell="cfc", units=(4, 3))


@pytest.mark.parametrize(
    "made",
    [
        lambda: Recurrent(4, "cfc", go_backwards=True),
        lambda: keras.layers.Bidirectional(Recurrent(4, "cfc")),
        lambda: Recurrent(4, "cfc")(keras.Input((None, 1))),
    ],
)
def test_a_layer_of_its_own_refuses_to_read_backwards_or_without_times(made):
    with pytest.raises(InputError, match="A cfc reads the time since the step before"):
        made()


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(2)
    rng = np.random.default_rng(0)
    recordings = [np.abs(rng.normal(3.0, 2.0, (9, 3))) for _ in range(2)]
    encoder = Encoder(times=True)
    made = many_to_many(
        *embed_frames((3,), encoder, frame_statistics(recordings, encoder)), outputs=2, stack=TIMED, timed=True
    )
    for weight in made.trainable_weights:
        weight.assign(weight + 0.3 * rng.normal(size=weight.shape))
    return made, recordings


def test_the_times_of_frames_are_in_units_of_their_mean_and_reach_every_layer(model):
    """By NumPy from the frames on: the changes of what isn't time beside it, normalised, through two layers."""
    made, recordings = model
    frames = np.stack(recordings)
    times = frames[..., 2:] / frames[..., 2].mean()
    vectors = frames[..., :2]
    vectors = np.concatenate([vectors, np.diff(vectors, axis=1, prepend=vectors[:, :1])], axis=-1)
    said = (vectors - vectors.mean((0, 1))) / vectors.std((0, 1))
    for number, units in enumerate(TIMED.units, start=1):
        kernel, bias, recurrent = map(np.asarray, made.get_layer(f"cfc_{number}").get_weights())
        w = {f"W{head}": part for head, part in zip("fgab", np.split(kernel, 4, axis=1), strict=True)}
        w |= {f"R{head}": part for head, part in zip("fgab", np.split(recurrent, 4, axis=1), strict=True)}
        w |= {f"b{head}": part for head, part in zip("fgab", np.split(bias, 4), strict=True)}
        state, steps = np.zeros((2, units)), []
        for t in range(9):
            state = oracle.cfc(said[:, t], times[:, t], state, w)
            steps.append(state)
        said = np.stack(steps, axis=1)
    kernel, bias = made.get_layer("logits").get_weights()
    np.testing.assert_allclose(made([frames, np.ones((2, 9), bool)]), said @ kernel + bias, atol=1e-5)


def test_a_stream_of_frames_with_times_says_what_the_whole_says(model):
    made, recordings = model
    frames, mask = np.stack(recordings).astype("float32"), np.ones((2, 9), bool)
    whole, copy = made([frames, mask]), stateful(made, steps=1)
    states = [np.zeros((2, tensor.shape[1]), "float32") for tensor in copy.inputs[2:]]
    for t in range(9):
        said, *states = map(np.asarray, copy([frames[:, t : t + 1], mask[:, t : t + 1], *states]))
        np.testing.assert_allclose(said[:, 0], whole[:, t], atol=1e-5)


def test_dropout_leaves_times_alone():
    features, mask = keras.Input((None, 5)), keras.Input((None,), dtype="bool")
    stack = Stack(cell="cfc", units=(4, 4), input_dropout=0.9, dropout=0.9)
    made = keras.Model([features, mask], recurrent_stack(features, mask, stack, timed=True))
    seen = keras.Model(made.inputs, [layer.input[0] for layer in made.layers if isinstance(layer, Recurrent)])
    x = np.random.default_rng(0).uniform(1, 2, (3, 50, 5)).astype("float32")
    for given in seen([x, np.ones((3, 50), bool)], training=True):
        np.testing.assert_array_equal(given[..., -1], x[..., -1])


def test_a_time_acts_by_the_layer_alone():
    """Of a public layer: the same numbers at other times say something else, and at no time the b of its gate decides."""
    layer = Recurrent(3, "cfc", return_sequences=True)
    x = np.random.default_rng(0).normal(size=(1, 4, 2)).astype("float32")
    said = [layer(np.concatenate([x, np.full((1, 4, 1), d, "float32")], axis=-1)) for d in (0.0, 1.0, 9.0)]
    assert np.abs(said[0] - said[1]).max() > 1e-3 < np.abs(said[1] - said[2]).max()
    assert layer.cell.kernel.shape == (2, 4 * 3)


@pytest.mark.parametrize(
    "make",
    [
        lambda: many_to_many(*embed_frames((3,), Encoder()), outputs=2, stack=TIMED),
        lambda: many_to_one(*embed_tokens(9, Embedding(units=3)), outputs=2, stack=TIMED),
        lambda: decoder_model(
            *embed_tokens(9, Embedding(units=3), name="before")[:2], {}, outputs=9, decoder=TIMED, attention=None
        ),
    ],
)
def test_a_cell_that_asks_for_times_is_refused_where_there_are_none(make):
    with pytest.raises(InputError, match="A cfc reads the time since the step before, which nothing gives here"):
        make()


@pytest.mark.parametrize("setting", ["bidirectional", "pyramidal"])
def test_times_are_not_read_backwards(setting):
    features, mask = keras.Input((None, 5)), keras.Input((None,), dtype="bool")
    with pytest.raises(InputError, match="neither backwards nor in pairs"):
        recurrent_stack(features, mask, Stack(cell="cfc", units=(4, 4), **{setting: True}), timed=True)


def test_what_is_no_time_is_told():
    with pytest.raises(InputError, match=r"time since the frame before, is -1: give what is 0 or more"):
        frame_statistics([np.array([[1.0, -1.0]])], Encoder(times=True))
    with pytest.raises(InputError, match=r"a frame's shape is \(8, 8, 3\): expected vectors whose last number"):
        embed_frames((8, 8, 3), Encoder(times=True))
    with pytest.raises(InputError, match="a time can't be turned"):
        video_frames(turned_copies=1, encoder=Encoder(times=True, points=3))
    assert embed_frames((4,), Encoder(times=True, points=3))[1].shape[-1] == 3 + 3 + 1  # a point, its change and a time
