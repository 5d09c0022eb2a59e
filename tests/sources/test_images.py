"""Images with texts: the same rows from every source, each image decoded once, and one sentence for what is wrong."""

import csv
import io

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from seqkit.batches.pipeline import Pipeline
from seqkit.core.errors import InputError
from seqkit.core.ragged import Ragged
from seqkit.sources.examples import Examples
from seqkit.sources.images import ImageRef, hold_out_images, read_captioned_images, read_images, shared_images

COLUMNS = {"image": "image", "question": "question", "answer": "answer"}
ROWS = [("a.png", "what?", "red"), ("b.png", "is it?", "no"), ("a.png", "where, then?", "left")]


def pixels(rng, size=(6, 4)):
    return rng.integers(0, 256, (*size, 3)).astype(np.uint8)


def encoded(image):
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "png")
    return buffer.getvalue()


def write_table(path, rows=ROWS):
    with open(path, "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([tuple(COLUMNS), *rows])
    return path


@pytest.fixture
def images(tmp_path, rng):
    """Two files, one beside the table and one in its folder "images"."""
    found = {"a.png": pixels(rng), "b.png": pixels(rng)}
    (tmp_path / "images").mkdir()
    Image.fromarray(found["a.png"]).save(tmp_path / "a.png")
    Image.fromarray(found["b.png"]).save(tmp_path / "images" / "b.png")
    return found


def check_rows(examples, images, rows=ROWS):
    assert [(q, a) for q, a in zip(examples["question"], examples["answer"], strict=True)] == [r[1:] for r in rows]
    for cell, (name, *_) in zip(examples["image"], rows, strict=True):
        np.testing.assert_array_equal(cell, images[name])


def test_every_source_gives_the_same_rows_and_decodes_a_image_once(tmp_path, images):
    import tensorflow as tf

    names, questions, answers = (list(column) for column in zip(*ROWS, strict=True))
    arrays = [images[name] for name in names]
    files = [tmp_path / "a.png", tmp_path / "images" / "b.png", tmp_path / "a.png"]
    table = read_images(write_table(tmp_path / "rows.csv"), COLUMNS)
    frame = pd.DataFrame(ROWS, columns=[*COLUMNS])
    frame.to_excel(tmp_path / "rows.xlsx", index=False)
    frame.to_parquet(tmp_path / "rows.parquet")
    sources = {
        "arrays": (arrays, questions, answers),
        "lists": ([array.tolist() for array in arrays], questions, answers),
        "files": (files, questions, answers),
        "encoded": ([encoded(array) for array in arrays], questions, answers),
        "sheet": tmp_path / "rows.xlsx",
        "Parquet": tmp_path / "rows.parquet",
        "read before": (table["image"], questions, answers),
        "mapping": {"answer": answers, "image": arrays, "question": questions},
        "elements": tf.data.Dataset.from_tensor_slices((np.stack(arrays), questions, answers)),
    }
    check_rows(table, images)
    for name, source in sources.items():
        examples = read_images(source, COLUMNS)
        check_rows(examples, images)
        assert examples.digest() == table.digest(), name
        assert len(examples["image"][0].values) == (3 if name in ("lists", "elements") else 2), name
    with pytest.raises(AssertionError):
        check_rows(table.take([1, 0, 2], "turned"), images)


def test_what_is_found_in_answers_is_told_with_its_place(tmp_path, images):
    rows = [
        ("b.png", "is it?", "no"),
        ("absent.png", "is it?", "no"),
        *[("a.png", f"is {n}?", "yes") for n in range(2)],
    ]
    path = write_table(tmp_path / "rows.csv", [*rows, ("a.png", "so?", "Yes")])
    table = read_images(path, COLUMNS, on_error="skip")
    (found,) = (finding for finding in table.findings if finding.kind == "near_labels")
    assert (found.what, found.places) == (
        "the answers 'Yes', 'yes' are one but for their writing, and count as 2 classes",
        (f"{path}, line 6",),
    )
    mapping = {"image": [images["a.png"]] * 3, "question": ["q"] * 3, "answer": ["yes", "Yes ", "Yes"]}
    assert {finding.kind: finding.places for finding in read_images(mapping, COLUMNS).findings} == {
        "blanks": ("the mapping (train), row 1",),
        "near_labels": ("the mapping (train), row 0",),
    }
    with pytest.raises(
        InputError, match="The train data: the column of the answer is a str, whose characters would be"
    ):
        read_images(mapping | {"answer": "yes"}, COLUMNS)


def test_grey_and_other_sizes_become_colour_and_one_size(rng):
    grey = rng.integers(0, 256, (5, 7)).astype(np.uint8)
    for array in (grey, grey[..., None]):
        (cell,) = read_images(([array],), {"image": "image"})["image"]
        np.testing.assert_array_equal(cell, np.repeat(grey[..., None], 3, axis=-1))
    halves = np.zeros((20, 40, 3), np.uint8)
    halves[:, 20:] = 200
    one, other = read_images(([halves, halves[:10]],), {"image": "image"}, image_size=(10, 8))["image"]
    assert np.asarray(one).shape == np.asarray(other).shape == (10, 8, 3)
    assert (np.asarray(one)[:, :3] == 0).all()
    assert (np.asarray(one)[:, 5:] == 200).all()


def test_what_cannot_be_read_stops_or_is_left_out_with_its_rows(tmp_path, images, rng):
    """The rows that are left are those of a table without the others, and each knows its line."""
    (tmp_path / "broken.png").write_text("no image")
    rows = [("broken.png", "q", "1"), *ROWS[:2], ("nowhere.png", "q", "2"), ("broken.png", "q", "3"), ROWS[2]]
    table = write_table(tmp_path / "rows.csv", rows)
    with pytest.raises(InputError, match=r"line 2: .*broken\.png can't be decoded .*--on-error skip"):
        read_images(table, COLUMNS)
    examples = read_images(table, COLUMNS, on_error="skip")
    check_rows(examples, images)
    assert [examples.place(row) for row in range(3)] == [f"{table}, line {line}" for line in (3, 4, 7)]
    (finding,) = examples.findings
    assert (finding.kind, finding.count) == ("left_out", 2)  # files, not rows
    assert "broken.png" in finding.places[0]
    assert "line 5" in finding.places[1]
    with pytest.raises(InputError, match="has no rows whose image can be read"):
        read_images(write_table(tmp_path / "rows.csv", rows[:1]), COLUMNS, on_error="skip")
    captions = {"image": "image", "caption": "answer"}
    read = read_captioned_images(write_table(tmp_path / "rows.csv", rows), captions, on_error="skip")
    assert read["caption"] == [("red", "left"), ("no",)]
    assert (read.lines, read.findings[0].count) == ([3, 4], 2)


def test_of_an_animation_in_a_table_the_first_frame_is_read_and_told(tmp_path, monkeypatch):
    red, blue = (Image.new("RGB", (4, 6), colour) for colour in ("red", "blue"))
    red.save(tmp_path / "moves.gif", save_all=True, append_images=[blue])
    examples = read_images(write_table(tmp_path / "rows.csv", [("moves.gif", "q", "a")] * 2), COLUMNS)
    assert (np.asarray(examples["image"][0]) == (255, 0, 0)).all()
    (finding,) = examples.findings
    assert (finding.kind, finding.count) == ("first_frame", 1)
    assert "moves.gif" in finding.places[0]
    heard = []
    monkeypatch.setattr("seqkit.sources.images.notify", heard.append)
    read_images(tmp_path / "rows.csv", COLUMNS, role="asked")
    assert heard == [str(finding)]


def test_rows_share_what_is_in_memory_once(tmp_path, images):
    examples = read_images(write_table(tmp_path / "rows.csv"), COLUMNS)
    column = shared_images(examples["image"])
    assert column.values is examples["image"][0].values
    rows = Pipeline(
        {"ids": Ragged.of_lengths(np.arange(6), np.array([1, 2, 3])), "image": column}, {"ids": (4,)}, batch_size=3
    )
    batch = next(iter(rows.batches().as_numpy_iterator()))
    for row, image in zip(batch["rows"], batch["image"], strict=True):
        assert image.dtype == np.float32
        np.testing.assert_array_equal(image, images[ROWS[row][0]])
    # of an array of which little is used only that is kept; two arrays become one
    many = np.arange(10 * 12, dtype=np.uint8).reshape(10, 2, 2, 3)
    few = shared_images([ImageRef(many, 7), ImageRef(many, 3), ImageRef(many, 7)])
    assert len(few.values) == 2
    both = shared_images([ImageRef(many, 7), ImageRef(many[::-1], 0)])
    for got, cells in ((few, (7, 3, 7)), (both, (7, 9))):
        np.testing.assert_array_equal(got.values[got.index], many[list(cells)])


def test_a_tenth_of_the_images_is_held_out_with_all_their_rows(rng):
    values = rng.integers(0, 256, (40, 2, 2, 3)).astype(np.uint8)
    places = rng.permutation(np.repeat(np.arange(40), 3)).tolist()
    examples = Examples({"image": [ImageRef(values, place) for place in places], "n": list(map(str, places))}, "made")
    train, valid = hold_out_images(examples, by=None, seed=1)
    assert len(valid) == 12
    assert len(train) == 108
    assert not set(train["n"]) & set(valid["n"])
    assert hold_out_images(examples, by=None, seed=1)[1].columns["n"] == valid["n"]
    assert hold_out_images(examples, by=None, seed=2)[1].columns["n"] != valid["n"]
    with pytest.raises(InputError, match="has one image"):
        hold_out_images(examples.take([0], "one"), by=None, seed=0)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """A data set like clevr and coco_captions, made here: several questions an image."""
    import tensorflow_datasets as tfds

    class TinyScenes(tfds.core.GeneratorBasedBuilder):
        VERSION = tfds.core.Version("1.0.0")

        def _info(self):
            asked = {"question": tfds.features.Text(), "answer": tfds.features.Text()}
            features = {
                "image": tfds.features.Image(shape=(None, None, 3)),
                "question_answer": tfds.features.Sequence(asked),
                "kind": tfds.features.ClassLabel(names=["indoors", "outdoors"]),
            }
            return self.dataset_info_from_configs(features=tfds.features.FeaturesDict(features))

        def _split_generators(self, manager):
            return {"train": ((n, self._scene(n)) for n in range(3))}

        def _scene(self, n):
            asked = [{"question": f"what is {q}?", "answer": f"{n} {q}"} for q in range(n + 1)]
            return {"image": np.full((4, 6, 3), n, np.uint8), "question_answer": asked, "kind": n % 2}

        def _generate_examples(self):
            raise NotImplementedError

    folder = tmp_path_factory.mktemp("tfds")
    TinyScenes(data_dir=str(folder)).download_and_prepare()
    return str(folder)


def test_tfds_gives_a_row_for_every_question_of_a_image(prepared):
    columns = {"image": "image", "question": "question_answer/question", "answer": "question_answer/answer"}
    examples = read_images("tfds:tiny_scenes", columns, data_dir=prepared, image_size=(2, 3))
    assert len(examples) == 6
    assert len(examples["image"][0].values) == 3
    for cell, question, answer in zip(*examples.columns.values(), strict=True):
        assert (np.asarray(cell) == int(answer[0])).all()
        assert question == f"what is {answer[2]}?"
    kinds = read_images("tfds:tiny_scenes", {"image": "image", "answer": "kind"}, data_dir=prepared)
    assert sorted(kinds["answer"]) == ["indoors", "indoors", "outdoors"]
    with pytest.raises(InputError, match="no feature 'question_answer/reply'"):
        read_images("tfds:tiny_scenes", columns | {"answer": "question_answer/reply"}, data_dir=prepared)


@pytest.mark.parametrize(
    ("rows", "complaint"),
    [
        ([*ROWS, ("c.png", "q", "a")], r"rows\.csv, line 5: there is no image 'c\.png' in .* its folder images"),
        ([("", "q", "a")], r"rows\.csv, line 2: there is no image ''"),
        ([ROWS[0], ("broken.png", "q\nr", "a")], r"rows\.csv, line 3: .*broken\.png can't be decoded as an image \("),
        ([ROWS[0], ("cut.png", "q", "a")], r"rows\.csv, line 3: .*cut\.png can't be decoded"),
        (
            [ROWS[0], ("wide.png", "q", "a")],
            r"line 3: .*wide\.png has 6 x 9 pixels, the ones before 6 x 4.*--image-size",
        ),
        ([("a.png", "q", " ")], r"rows\.csv, line 2: the answer is empty"),
        ([], "has no rows"),
    ],
)
def test_a_wrong_row_of_a_table_is_named(tmp_path, images, rng, rows, complaint):
    (tmp_path / "broken.png").write_text("no image")
    (tmp_path / "cut.png").write_bytes(encoded(pixels(rng, (60, 40)))[:2000])
    (tmp_path / "wide.png").write_bytes(encoded(pixels(rng, (6, 9))))
    with pytest.raises(InputError, match=complaint):
        read_images(write_table(tmp_path / "rows.csv", rows), COLUMNS)


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        (([np.zeros((2, 2, 4), np.uint8)], ["q"], ["a"]), r"row 0 can't be decoded .*uint8 of shape \(2, 2, 4\)"),
        (([np.full((2, 2), 256)], ["q"], ["a"]), "values from 256 to 256, where 0 to 255"),
        (([np.zeros((2, 2))], ["q"], ["a"]), "float64"),
        (([[[1, 2], [3]]], ["q"], ["a"]), "row 0 can't be decoded"),
        ((["nowhere.png"], ["q"], ["a"]), "There is no image nowhere.png"),
        ((["a", "b"], ["q"], ["a"]), "columns of different lengths"),
        (([np.zeros((2, 2), int)], [1.5], ["a"]), "row 0: the question is a float"),
        ({"image": [], "question": []}, "has no 'answer'"),
        (7, "is a int: give a path"),
    ],
)
def test_a_wrong_value_from_python_is_told(source, complaint):
    with pytest.raises(InputError, match=complaint):
        read_images(source, COLUMNS)
