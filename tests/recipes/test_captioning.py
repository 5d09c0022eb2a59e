"""Captions of files: several for one image, an image at prediction, and what may be wrong with them."""

import csv
import json

import keras
import numpy as np
import pytest
from PIL import Image

import seqkit_runner
from seqkit import load
from seqkit.cli.main import main

COLOURS = {"red": (220, 20, 20), "green": (20, 220, 20), "blue": (20, 20, 220)}
QUICK = {
    "encoder.filters": 4,
    "encoder.units": 16,
    "embedding.units": 8,
    "decoder.units": 16,
    "training.epochs": 12,
    "training.batch-size": 16,
    "training.learning-rate": 0.02,
    "search.longest": 12,
}


def write_table(path, rng, images, extra=()):
    """Images of two halves, each of a colour, with two captions each."""
    (path.parent / "images").mkdir(parents=True, exist_ok=True)
    rows = []
    for number in range(images):
        left, right = rng.choice(list(COLOURS), 2)
        halves = [np.full((8, 4, 3), COLOURS[colour], np.uint8) for colour in (left, right)]
        name = f"{path.stem}_{number}.png"
        Image.fromarray(np.concatenate(halves, axis=1)).save(path.parent / "images" / name)
        rows += [(name, f"{left} beside {right}."), (name, f"A {left} half, a {right} one.")]
    with open(path, "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("image", "caption"), *rows, *extra])
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path, rng = tmp_path_factory.mktemp("halves"), np.random.default_rng(0)
    for name, images in (("train", 60), ("valid", 12), ("test", 20)):
        write_table(path / f"{name}.csv", rng, images)
    return path


def train(folder, out, **flags):
    named = {name.replace("__", ".").replace("_", "-"): value for name, value in flags.items()}
    tables = {
        name: folder / f"{split}.csv" for name, split in (("data", "train"), ("valid", "valid"), ("test", "test"))
    }
    given = tables | {"out": folder / out} | QUICK | named
    return main(["train", "captioning", *(f"--{name}={value}" for name, value in given.items())])


def test_a_image_with_several_captions_is_one_row(folder, capsys):
    assert train(folder, "run") == 0
    run = load(folder / "run")
    assert run.info["data"]["train"]["rows"] == 60
    assert run.report["data"]["captions"] == 40
    assert run.report["metrics"]["exact_match"]["value"] > 0.9  # either caption counts
    assert run.report["metrics"]["exact_match"]["low"] > run.report["baselines"]["most_frequent"]["exact_match"]["high"]
    words = run.report["looks"][0]
    assert len(words["names"]) == len(words["weights"])
    assert np.sum(words["weights"][0]) == pytest.approx(1, abs=0.01)
    capsys.readouterr()
    image = folder / "images" / "test_3.png"
    assert main(["predict", str(run.path), str(image)]) == 0
    (answer,) = map(json.loads, capsys.readouterr().out.splitlines())
    (again,) = run.predict([image])
    assert answer == again | {"score": pytest.approx(again["score"], abs=1e-5)}  # a sum in threads
    table = folder / "some_broken.csv"
    (folder / "cut.png").write_bytes(image.read_bytes()[:60])
    table.write_text("image\ncut.png\ntest_3.png\nnowhere.png\n")
    assert main(["predict", str(run.path), str(table)]) == 2
    assert "some_broken.csv, line 2: " in capsys.readouterr().err.replace("\n", " ")
    assert main(["predict", str(run.path), str(table), "--on-error=skip"]) == 0
    cut, whole, nowhere = map(json.loads, capsys.readouterr().out.splitlines())
    assert whole == answer | {"score": pytest.approx(answer["score"], abs=1e-5)}
    assert "cut.png can't be decoded" in cut["left_out"]
    assert "line 4: there is no image 'nowhere.png'" in nowhere["left_out"]


def test_without_attention_the_report_shows_images_alone(folder):
    assert train(folder, "blind", overwrite=True, training__epochs=1, attention__kind="none") == 0
    assert all(look["weights"] == [] for look in load(folder / "blind").report["looks"])


def trained_backbone(path, rng):
    """Maps of a model that was trained to tell the colours of a half, in a file."""
    image = keras.Input((8, 8, 3))
    maps = keras.layers.Conv2D(6, 4, strides=4, activation="relu")(keras.layers.Rescaling(1 / 255)(image))
    judge = keras.Model(image, keras.layers.Dense(3, activation="softmax")(keras.layers.Flatten()(maps)))
    told = rng.integers(0, 3, 64)
    halves = np.array(list(COLOURS.values()), np.float32)[np.stack([told, rng.integers(0, 3, 64)], axis=1)]
    pixels = np.repeat(np.repeat(halves[:, None], 8, axis=1), 4, axis=2)
    judge.compile("adam", "sparse_categorical_crossentropy", jit_compile=False)
    judge.fit(pixels, told, epochs=2, verbose=0)
    backbone = keras.Model(image, maps)
    backbone.save(path)
    return backbone


def test_a_backbone_of_one_s_own_is_in_the_run(folder, monkeypatch, capsys):
    """With the image beside the words at every step, where nothing is looked at either."""
    path = folder / "own.keras"
    monkeypatch.setenv("SEQKIT_CACHE", str(folder / "cache"))
    monkeypatch.delitem(QUICK, "encoder.filters")
    own = trained_backbone(path, np.random.default_rng(2))
    given = {"encoder__backbone": path, "encoder__frozen": True, "training__epochs": 2}
    given |= {"attention__kind": "none", "every_step": True}
    assert train(folder, "seen", **given) == 0
    assert "backbone's maps of 60 images were computed" in capsys.readouterr().err
    path.unlink()
    run = load(folder / "seen")
    assert all(look["weights"] == [] for look in run.report["looks"])
    (held,) = (layer for layer in run.model._flatten_layers() if layer.name.startswith("backbone_"))
    for ours, theirs in zip(held.get_weights(), own.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    image = folder / "images" / "test_3.png"
    (answer,), pixels = run.predict([image]), np.asarray(Image.open(image))
    (leaving,) = seqkit_runner.load(run.export("onnx")).predict([pixels])
    assert leaving["caption"] == answer["caption"]
    assert train(folder, "blind", overwrite=True, **given) == 2
    assert "own.keras can't be read" in capsys.readouterr().err.replace("\n", " ")


def test_a_missing_image_is_named_with_its_line(folder, capsys):
    table = write_table(folder / "broken.csv", np.random.default_rng(1), 3, [("nowhere.png", "nothing")])
    assert main(["train", "captioning", "--data", str(table), "--out", str(folder / "never")]) == 2
    said = capsys.readouterr().err
    assert all(part in said for part in ("nowhere.png", "broken.csv", "line 8"))


def test_an_empty_caption_is_refused(folder, capsys):
    table = write_table(folder / "empty.csv", np.random.default_rng(1), 3, [("empty_0.png", " ")])
    assert main(["train", "captioning", "--data", str(table), "--out", str(folder / "never")]) == 2
    assert "the caption is empty" in capsys.readouterr().err
