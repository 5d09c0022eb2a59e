"""Training without the frozen part of a model: the same weights, and nothing kept that doesn't belong to the images."""

import keras
import numpy as np
import pytest

from seqkit.batches.pipeline import Pipeline, Shared, boundaries
from seqkit.batches.teacher_forcing import teacher_forced
from seqkit.core.encoder import Encoder
from seqkit.core.ragged import Ragged
from seqkit.core.settings import Attention, Embedding, Stack, Training
from seqkit.layers.embedding import embed_tokens
from seqkit.layers.images import embed_images
from seqkit.topologies.encoder_decoder import encoder_decoder
from seqkit.topologies.many_to_one import many_to_one
from seqkit.topologies.one_to_many import one_to_many
from seqkit.training.backbone import with_backbone_features
from seqkit.training.objectives import classification
from seqkit.training.trainer import Trainer, reproducible

SHAPE = (8, 12, 3)
TOKENS = 9


def preprocess_input(images):
    return images / 127.5 - 1.0


def tiny(include_top, weights, input_shape, pooling):
    """What keras.applications might have: it knows the batch when it trains, and has weights that aren't trained."""
    image = keras.Input(input_shape)
    maps = keras.layers.Conv2D(6, 3, strides=4, padding="same", name="convolution")(image)
    maps = keras.layers.BatchNormalization(name="norm")(maps)
    return keras.Model(image, keras.layers.ReLU()(maps), name="tiny")


@pytest.fixture(autouse=True)
def _applications(monkeypatch, tmp_path):
    monkeypatch.setattr(keras.applications, "Tiny", tiny, raising=False)
    monkeypatch.setenv("SEQKIT_CACHE", str(tmp_path / "cache"))


def built(kind, frozen=True, precision="float32"):
    with reproducible(0, precision):
        image, grid = embed_images(SHAPE, Encoder(backbone="Tiny", units=5, frozen=frozen))
        ids, features, mask = embed_tokens(TOKENS, Embedding(units=4))
        before, written, _ = embed_tokens(TOKENS, Embedding(units=4), name="before")
        stack = Stack(cell="gru", units=(6,), dropout=0.3)
        asked, writes = {"grid": grid, "hops": 2}, {"decoder": stack, "attention": Attention(kind="additive")}
        if kind == "chosen":
            return many_to_one([ids, image], features, mask, outputs=TOKENS, stack=stack, **asked)
        if kind == "described":
            return one_to_many(image, grid, (before, written), outputs=TOKENS, **writes)
        source = [ids, image], features, mask
        return encoder_decoder(source, (before, written), outputs=TOKENS, encoder=stack, **writes, **asked)


def rows_for(kind, rng, rows=24):
    images = rng.integers(0, 256, (10, *SHAPE)).astype(np.uint8)
    columns = {"image": Shared(images, rng.integers(2, 10, rows))}  # two images have no row
    lengths = rng.integers(1, 5, rows)
    words = Ragged.of_lengths(rng.integers(4, TOKENS, lengths.sum()).astype(np.int32), lengths)
    if kind != "described":
        columns["ids"] = words
    columns |= (
        {"targets": rng.integers(0, TOKENS, rows).astype(np.int32)}
        if kind == "chosen"
        else teacher_forced(words.take(np.arange(rows)[::-1]))
    )
    axes = {name: boundaries(columns[name].lengths) for name in ("ids", "before") if name in columns}
    return Pipeline(columns, axes, 8)


def trained(model, rows):
    training = Training(epochs=2, batch_size=8, learning_rate=0.01)
    history = Trainer(model, classification(training), training).fit(rows, rows)
    return [{name: row[name] for name in ("loss", "val_loss", "gradient_norm")} for row in history]


def answers(model, rows):
    batch = next(iter(rows.batches()))
    return np.asarray(model([batch[tensor.name] for tensor in model.inputs]), np.float32)


@pytest.mark.parametrize("kind", ["chosen", pytest.param("written", marks=pytest.mark.slow)])
def test_a_model_learns_the_same_from_maps_as_from_images(kind, rng, tmp_path):
    rows, whole, other = rows_for(kind, rng), built(kind), built(kind)
    rest, (mapped,) = with_backbone_features(other, rows)
    for one, two in zip(trained(whole, rows), trained(rest, mapped), strict=True):
        assert one == pytest.approx(two, rel=1e-4)
    for left, right in zip(whole.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_allclose(left, right, rtol=1e-4, atol=1e-6)
    other.save(tmp_path / "model.keras")
    saved = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(answers(saved, rows), answers(whole, rows), rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize(
    ("kind", "precision"), [("chosen", "mixed_bfloat16"), ("written", "float32"), ("described", "float32")]
)
def test_maps_stand_for_their_images(kind, precision, rng):
    """In bfloat16 they are kept as float32, which has all its numbers."""
    rows, model = rows_for(kind, rng), built(kind, precision=precision)
    rest, (mapped,) = with_backbone_features(model, rows)
    assert [tensor.name.replace("maps", "image") for tensor in rest.inputs] == [t.name for t in model.inputs]
    maps = mapped.columns["maps"]
    assert isinstance(maps.values, np.memmap)
    assert len(maps.values) <= 8  # those that rows have
    expected, bound = answers(model, rows), 1e-2 if precision == "mixed_bfloat16" else 1e-5
    np.testing.assert_allclose(answers(rest, mapped), expected, rtol=bound, atol=bound)
    others = Pipeline(mapped.columns | {"maps": Shared(maps.values, np.roll(maps.index, 1))}, mapped.axes, 8)
    with pytest.raises(AssertionError):
        np.testing.assert_allclose(answers(rest, others), expected, rtol=bound, atol=bound)


def test_maps_are_kept_for_these_images_and_weights_alone(rng, tmp_path, monkeypatch, capsys):
    def files():
        return {path.name for path in (tmp_path / "cache").iterdir()}

    rows, model = rows_for("chosen", rng), built("chosen")
    with_backbone_features(model, rows)
    first = files()
    assert "maps of " in capsys.readouterr().err
    with monkeypatch.context() as patch:
        patch.setattr("seqkit.training.backbone._write", None)  # not asked again
        with_backbone_features(built("written"), rows)
    assert "since an earlier run" in capsys.readouterr().err
    assert files() == first
    images = rows.columns["image"]
    changed = Shared(images.values ^ np.uint8(1), images.index)
    with_backbone_features(model, Pipeline(rows.columns | {"image": changed}, rows.axes, 8))
    assert len(files()) == 2
    model.get_layer("maps").get_layer("tiny").get_layer("norm").moving_mean.assign(np.ones(6))
    with_backbone_features(model, rows)
    assert len(files()) == 3
    with_backbone_features(built("chosen", precision="mixed_bfloat16"), rows)
    assert len(files()) == 4


def test_what_learns_or_cannot_be_kept_is_trained_as_it_is(rng, tmp_path, monkeypatch, capsys):
    rows = rows_for("chosen", rng)
    learning = built("chosen", frozen=False)
    assert with_backbone_features(learning, rows) == (learning, (rows,))
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("SEQKIT_CACHE", str(tmp_path / "file"))
    frozen = built("chosen")
    assert with_backbone_features(frozen, rows) == (frozen, (rows,))
    assert "can't be kept" in capsys.readouterr().err
