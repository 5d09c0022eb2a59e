"""An image as a grid of vectors, and attention over it, against NumPy from the equations."""

import keras
import numpy as np
import pytest

from seqkit.core.encoder import Encoder
from seqkit.core.errors import InputError
from seqkit.core.settings import Stack
from seqkit.layers.images import embed_images, stacked_attention
from seqkit.topologies.many_to_one import many_to_one

SHAPE = (3, 4, 3)


def weights_of(model):
    return {layer.name: [np.asarray(w) for w in layer.weights] for layer in model.layers}


def dense(weights, x):
    return x @ weights[0] + (weights[1] if len(weights) > 1 else 0.0)


def test_a_place_is_what_the_maps_have_there_beside_where_it_is(rng):
    """Without convolutions the maps are the normalised pixels."""
    mean, variance = np.array([100.0, 50.0, 20.0]), np.array([4.0, 9.0, 16.0])
    model = keras.Model(*embed_images(SHAPE, Encoder(filters=(), units=5), (mean, variance)))
    images = rng.integers(0, 256, (2, *SHAPE)).astype("float32")
    rows, columns = np.meshgrid([-1, 0, 1], [-1, -1 / 3, 1 / 3, 1], indexing="ij")
    places = np.broadcast_to(np.stack([rows, columns], axis=-1), (2, 3, 4, 2))
    maps = np.concatenate([(images - mean) / np.sqrt(variance), places], axis=-1)
    expected = np.tanh(dense(weights_of(model)["grid"], maps.reshape(2, 12, 5)))
    np.testing.assert_allclose(model(images), expected, atol=1e-4)


def test_convolutions_halve_the_maps_and_keep_their_edges():
    model = keras.Model(*embed_images((30, 20, 3), Encoder(filters=(2, 3, 4), units=5)))
    assert model.get_layer("maps").output.shape == (None, 4, 3, 4 + 2)
    assert model.output.shape == (None, 12, 5)


def test_the_last_maps_of_a_backbone_are_a_grid_too(rng):
    model = keras.Model(*embed_images((32, 64, 3), Encoder(backbone="MobileNetV2", units=5, frozen=True)))
    assert model.get_layer("maps").output.shape[1:3] == (1, 2)
    assert len(model.trainable_variables) == 2  # of the places' own layer
    with pytest.raises(InputError, match="can't be made for images of 8 x 8 x 3.*--image-size"):
        embed_images((8, 8, 3), Encoder(backbone="VGG16"))


def own_backbone(path, ends, size=(8, 12), channels=3):
    """A model in a file, as somebody has trained it elsewhere."""
    image = keras.Input((*size, channels))
    maps = keras.layers.Conv2D(4, 3, strides=4, padding="same")(keras.layers.Rescaling(1 / 255)(image))
    model = keras.Model(image, ends(keras.layers.BatchNormalization()(maps)), name="encoder")  # a name that we have too
    model.save(path)
    return model


def test_a_backbone_in_a_file_is_a_grid_with_its_weights(rng, tmp_path):
    image = rng.uniform(0, 255, (2, 8, 12, 1)).astype(np.float32)
    for size in ((8, 12), (None, None)):
        own = own_backbone(tmp_path / "own.keras", keras.layers.ReLU(), size)
        encoder = Encoder(backbone=str(tmp_path / "own.keras"), frozen=True, units=5)
        model = keras.Model(*embed_images((8, 12, 1), encoder, attended=True))
        (tmp_path / "own.keras").unlink()
        seen = keras.Model(model.input, model.get_layer("maps").output)(image)
        np.testing.assert_allclose(seen[..., :-2], own(np.repeat(image, 3, axis=-1), training=False), atol=1e-5)
        assert [weight.path for weight in model.trainable_variables] == ["grid/kernel", "grid/bias"]
    own = own_backbone(tmp_path / "vector.keras", keras.layers.GlobalMaxPooling2D())
    vector = Encoder(backbone=str(tmp_path / "vector.keras"), units=5)
    model = keras.Model(*embed_images((8, 12, 3), vector))
    assert model.output.shape == (None, 1, 5)
    assert len(model.trainable_variables) == len(own.trainable_variables) + 2
    with pytest.raises(InputError, match="makes one vector of an image, but attention looks at places"):
        embed_images((8, 12, 3), vector, attended=True)


@pytest.mark.parametrize(
    ("ends", "complaint"),
    [
        (None, r"nowhere.keras can't be read \(.*File not found"),
        (lambda maps: keras.ops.sum(maps), "give a model from an image"),
        (lambda maps: maps, r"reads 16 x 12 pixels, but the images have 8 x 12: .* --image-size 16 12"),
    ],
)
def test_a_file_that_is_no_backbone_of_these_images_is_told(ends, complaint, tmp_path):
    path = tmp_path / ("nowhere.keras" if ends is None else "own.keras")
    if ends is not None:
        own_backbone(path, ends, (16, 12))
    with pytest.raises(InputError, match=complaint):
        embed_images((8, 12, 3), Encoder(backbone=str(path)))


def test_weights_for_a_file_that_has_its_own_are_refused():
    with pytest.raises(InputError, match=r"own.keras has weights of its own: leave encoder.weights out"):
        Encoder(backbone="own.keras", weights="imagenet")


def looked(weights, question, grid, hops, hands_on=True):
    """Yang et al. 2016, eq. 15 to 21, the mean of the last hidden vectors, the products; and the weights of every look."""
    first = seen = np.tanh(dense(weights["question"], question))
    all_weights = []
    for k in range(1, hops + 1):
        asked = dense(weights[f"attention_question_{k}"], seen if hands_on else first)
        hidden = np.tanh(dense(weights[f"attention_grid_{k}"], grid) + asked[:, None])
        scores = dense(weights[f"attention_score_{k}"], hidden)[..., 0]
        share = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
        all_weights.append(share)
        seen = (share[..., None] * grid).sum(axis=1) + seen
    both = np.concatenate([seen, hidden.mean(axis=1), first * (seen - first)], axis=1)
    return np.maximum(dense(weights["judged"], both), 0), all_weights


def attention(hops, rng):
    question, grid = keras.Input((4,)), keras.Input((6, 5))
    model = keras.Model([question, grid], stacked_attention(question, grid, hops=hops))
    given = [rng.normal(0, 2, size=(3, 4)).astype("float32"), rng.normal(0, 2, size=(3, 6, 5)).astype("float32")]
    return model, given


@pytest.mark.parametrize("hops", [1, 3])
def test_attention_follows_its_equations(hops, rng):
    model, given = attention(hops, rng)
    expected, shares = looked(weights_of(model), *given, hops)
    np.testing.assert_allclose(model(given), expected, rtol=1e-5, atol=1e-5)
    layers = [model.get_layer(f"attention_hop_{k}").output for k in range(1, hops + 1)]
    got = keras.Model(model.input, keras.ops.stack(layers))(given)
    np.testing.assert_allclose(got, shares, rtol=1e-5, atol=1e-6)


def test_the_equations_catch_looks_that_do_not_know_of_each_other(rng):
    model, given = attention(2, rng)
    other, _ = looked(weights_of(model), *given, 2, hands_on=False)
    assert np.abs(np.asarray(model(given)) - other).max() > 1e-2


def test_where_places_are_does_not_matter_to_attention_but_to_the_grid(rng):
    """Attention is blind to order: only the rows and columns in the grid tell left from right."""
    model, (question, grid) = attention(2, rng)
    turned = grid[:, ::-1]
    np.testing.assert_allclose(model([question, grid]), model([question, turned]), rtol=1e-4, atol=1e-5)
    image, places = embed_images(SHAPE, Encoder(filters=(), units=5))
    words = keras.Input((None, 4))
    mask = keras.ops.any(keras.ops.not_equal(words, 0.0), axis=-1)
    whole = many_to_one([words, image], words, mask, outputs=2, stack=Stack(units=(3,)), grid=places, hops=2)
    asked, pixels = rng.normal(size=(2, 5, 4)), rng.normal(size=(2, *SHAPE))
    assert np.abs(np.asarray(whole([asked, pixels])) - np.asarray(whole([asked, pixels[:, :, ::-1]]))).max() > 1e-4
