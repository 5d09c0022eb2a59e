"""Frames to vectors, against NumPy; the same frames whatever window or batch they come in."""

import keras
import numpy as np
import pytest

from seqkit.core.encoder import Encoder
from seqkit.core.errors import InputError
from seqkit.core.settings import Stack
from seqkit.layers.frames import embed_frames, frame_statistics
from seqkit.recurrence.stateful import stateful
from seqkit.topologies.many_to_many import many_to_many


def features_of(shape, encoder, statistics=None):
    inputs, features, _ = embed_frames(shape, encoder, statistics)
    return keras.Model(inputs, features)


def all_real(frames):
    return [frames, np.ones(frames.shape[:2], bool)]


def test_vectors_are_normalised_as_seen_from_their_first_point_with_changes_beside(rng):
    films = [rng.normal(3.0, 2.0, size=(length, 6)).astype("float32") for length in (9, 5)]
    encoder = Encoder(points=3)
    expected = []
    for film in films:
        points = film.reshape(-1, 2, 3)
        seen = (points - points[:, :1]).reshape(-1, 6)
        expected.append(np.concatenate([seen, np.vstack([np.zeros(6), film[1:] - film[:-1]])], axis=1))
    everything = np.concatenate(expected)
    deviation = np.where(everything.std(axis=0) > 0, everything.std(axis=0), 1.0)
    model = features_of((6,), encoder, frame_statistics(films, encoder))
    for film, rows in zip(films, expected, strict=True):
        got = np.asarray(model(all_real(film[None])))[0]
        np.testing.assert_allclose(got, (rows - everything.mean(axis=0)) / deviation, atol=1e-5)


def test_vectors_alone_are_only_normalised(rng):
    film = rng.normal(-5.0, 0.1, size=(20, 3)).astype("float32")
    encoder = Encoder(changes=False)
    got = np.asarray(features_of((3,), encoder, frame_statistics([film], encoder))(all_real(film[None])))[0]
    np.testing.assert_allclose(got, (film - film.mean(axis=0)) / film.std(axis=0), atol=1e-4)


def test_images_are_normalised_by_channel(rng):
    film = rng.integers(0, 256, (5, 8, 8, 2)).astype(np.uint8)
    mean, variance = frame_statistics([film[:2], film[2:]], Encoder())
    np.testing.assert_allclose(mean, film.mean(axis=(0, 1, 2)))
    np.testing.assert_allclose(variance, film.var(axis=(0, 1, 2)))


def test_every_image_is_encoded_by_itself(rng):
    """Folded into the batch and out again, each frame comes back to its row and step."""
    model = features_of((8, 8, 1), Encoder(filters=(4,), units=32, changes=False))
    frames = rng.normal(size=(3, 4, 8, 8, 1)).astype("float32")
    together = np.asarray(model(all_real(frames)))
    for row, step in np.ndindex(3, 4):
        alone = np.asarray(model(all_real(frames[row : row + 1, step : step + 1])))
        np.testing.assert_allclose(together[row, step], alone[0, 0], atol=1e-5)
    assert len({tuple(vector) for vector in together.reshape(12, 32).round(4)}) == 12


@pytest.mark.parametrize("shape", [(6,), (8, 8, 1)])
@pytest.mark.parametrize("size", [1, 3])
def test_changes_go_on_where_the_window_before_ended(shape, size, rng):
    encoder = Encoder(filters=(4,), units=5) if len(shape) == 3 else Encoder()
    inputs, features, mask = embed_frames(shape, encoder)
    model = many_to_many(inputs, features, mask, outputs=2, stack=Stack(cell="gru", units=(4,)))
    copy = stateful(model, steps=1 if size == 1 else None)
    frames = rng.normal(size=(2, 9, *shape)).astype("float32")
    whole = np.asarray(model(all_real(frames)))
    states = [np.zeros((2, state.shape[1]), "float32") for state in copy.inputs[2:]]
    for start in range(0, 9, size):
        answer, *states = map(np.asarray, copy([*all_real(frames[:, start : start + size]), *states]))
        np.testing.assert_allclose(answer, whole[:, start : start + size], atol=1e-5)


def test_a_backbone_of_keras_reads_grey_images_and_is_trained_or_frozen(rng, tmp_path):
    options = {"backbone": "MobileNetV2", "changes": False}
    frames = rng.integers(0, 256, (1, 2, 32, 32, 1)).astype("float32")
    trained, frozen = (features_of((32, 32, 1), Encoder(**options, frozen=frozen)) for frozen in (False, True))
    assert trained.trainable_variables
    assert not frozen.trainable_variables
    # the same as Keras's own call, with its preprocessing
    backbone = next(layer for layer in trained.layers if isinstance(layer, keras.Model))
    rgb = keras.applications.mobilenet_v2.preprocess_input(np.repeat(frames[0], 3, axis=-1))
    np.testing.assert_allclose(np.asarray(trained(all_real(frames)))[0], backbone(rgb), atol=1e-4)
    backbone.save_weights(tmp_path / "b.weights.h5")
    again = features_of((32, 32, 1), Encoder(**options, weights=str(tmp_path / "b.weights.h5")))
    np.testing.assert_allclose(again(all_real(frames)), trained(all_real(frames)), atol=1e-5)


@pytest.mark.parametrize(
    ("shape", "encoder", "complaint"),
    [
        ((6,), {"backbone": "MobileNetV2"}, "the frames are vectors"),
        ((6,), {"units": 32}, "units is 32, but the frames are vectors, which are read as they are: leave it at 64"),
        ((6,), {"filters": (4,)}, "filters is .*, but the frames are vectors"),
        ((7,), {"points": 3}, r"points is 3, but a frame's shape is \(7,\)"),
        ((8, 8, 1), {"points": 3}, "points is 3"),
        ((4, 9, 1), {"filters": (8, 8, 8)}, "each of which halves"),
        ((32, 32, 1), {"backbone": "LeNet"}, "'LeNet': keras.applications has .*VGG16"),
        ((32, 32, 2), {"backbone": "VGG16"}, "2 channels"),
        ((8, 8, 3), {"backbone": "VGG16"}, "can't be made for images of 8 x 8 x 3"),
        ((32, 32, 3), {"backbone": "VGG16", "weights": "nowhere.h5"}, "with weights nowhere.h5 can't be made"),
    ],
)
def test_an_encoder_that_does_not_fit_is_told(shape, encoder, complaint):
    with pytest.raises(InputError, match=complaint):
        embed_frames(shape, Encoder(**encoder))


def test_weights_without_a_backbone_are_told():
    with pytest.raises(InputError, match="there is no encoder.backbone"):
        Encoder(weights="imagenet")
