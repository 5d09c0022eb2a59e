"""Prepared data: the same rows, ids and batches as from the data itself, however it is cut, and whatever was in between."""

import contextlib
import dataclasses
import itertools
import json
import os
import pickle
import pkgutil
import shutil
import signal
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from seqkit.cli.main import main
from seqkit.core.errors import InputError
from seqkit.core.ragged import Ragged
from seqkit.core.settings import Stack
from seqkit.corpora.moving_digits import moving_digits
from seqkit.corpora.number_words import number_words
from seqkit.corpora.reviews import reviews
from seqkit.corpora.scenes import asked_scenes, described_scenes
from seqkit.corpora.sentences import sentences
from seqkit.corpora.topics import topics
from seqkit.recipes.captioning import captioning
from seqkit.recipes.intents_and_slots import intents_and_slots
from seqkit.recipes.language_model import language_model
from seqkit.recipes.programs import programs
from seqkit.recipes.question_answering import question_answering
from seqkit.recipes.sentiment import sentiment
from seqkit.recipes.tagging import tagging
from seqkit.recipes.translation import translation
from seqkit.recipes.video_frames import video_frames
from seqkit.runs import preparing
from seqkit.runs.checking import checked
from seqkit.runs.run import load
from seqkit.sources.prepared import MANIFEST, digest_of_json, open_prepared
from seqkit.text import tokenizer
from tests.cases import QUICK


def table(path, part, rows):
    lines = zip(*(values[:rows] for values in part.values()), strict=True)
    path.write_text("\t".join(part) + "\n" + "".join("\t".join(cells) + "\n" for cells in lines), encoding="utf-8")
    return str(path)


def conll(path, part, rows):
    pairs = zip(part["tokens"][:rows], part["tags"][:rows], strict=True)
    text = "\n".join("".join(f"{a}\t{b}\n" for a, b in zip(*row, strict=True)) for row in pairs)
    path.write_text(text, encoding="utf-8")
    return str(path)


def running(path, part, rows):
    path.write_text("".join(part["text"][:rows]), encoding="utf-8")
    return str(path)


def one_line(path, part, rows):
    """A text in which stretches end inside of a line, so that what a row counts depends on the one before."""
    path.write_text("".join(part["text"][:rows]).replace("\n", " "), encoding="utf-8")
    return str(path)


def images(path, part, rows):
    """The images of some rows as files, and the table that names them."""
    names = []
    for number, image in enumerate(part["image"][:rows]):
        names.append(f"{image.place}.png")
        Image.fromarray(np.asarray(image)).save(path.parent / names[number])
    texts = {field: [own[0] if field == "caption" else own for own in part[field]] for field in part}
    return table(path, texts | {"image": names}, rows)


def recordings(path, part, rows):
    folder = path.with_suffix("")
    folder.mkdir()
    for number, (frames, labels) in enumerate(zip(part["frames"][:rows], part["labels"][:rows], strict=True)):
        np.savez(folder / f"{number:03d}.npz", frames=frames, labels=np.array(labels))
    return str(folder)


def cells(examples):
    def plain(cell):
        return np.asarray(cell).tolist() if hasattr(cell, "__array__") else cell

    return {field: list(map(plain, values)) for field, values in examples.columns.items()}


PAIRS = {"unit": "marked_word", "vocabulary_size": 120, "shared_vocabulary": True, "max_length": 20}
RECIPES = {
    "sentiment": (sentiment, table, reviews(rows=400), {"max_length": 12}),
    "lines": (language_model, running, topics(), {"contiguous": False}),
    "pieces": (language_model, one_line, topics(), {"unit": "subword", "vocabulary_size": 300}),
    "translation": (translation, table, number_words(seed=0, rows=300), PAIRS),
    "tagging": (tagging, conll, sentences(), {}),
    "captioning": (captioning, images, described_scenes(scenes=160), {}),
    "answers": (question_answering, images, asked_scenes(scenes=40), {"answer_as": "text"}),
    "frames": (video_frames, recordings, moving_digits(clips=80), {"stack": Stack(units=(8,))}),
}
ROWS = {"frames": 12}


@pytest.fixture
def short_shards(monkeypatch):
    """So that a small text has several, none of which ends where anything else does."""
    monkeypatch.setattr(preparing, "SHARD", 23)


def written(name, folder):
    recipe, write, corpus, settings = RECIPES[name]
    end = "tsv" if write in (table, images) else "txt"
    paths = {split: write(folder / f"{split}.{end}", corpus[split], ROWS.get(name, 90)) for split in ("train", "test")}
    return recipe, paths["train"], {"test": paths["test"], **settings}


@pytest.mark.parametrize("name", RECIPES)
def test_what_is_prepared_is_what_is_read(name, tmp_path, short_shards):
    recipe, data, arguments = written(name, tmp_path)
    folder = preparing.prepare(recipe, data, out=tmp_path / "prepared", **arguments)
    read = checked(recipe, [data], arguments)
    del arguments["test"]
    opened = checked(recipe, [folder], arguments)
    assert opened.task.to_json() == read.task.to_json()
    assert opened.findings == read.findings
    for (split, one), (_, other) in zip(read.splits.named(), opened.splits.named(), strict=True):
        assert (cells(one), one.origin, one.digest()) == (cells(other), other.origin, other.digest()), split
        for step in (None, 0):
            places, others = ([part.place(row, step) for row in range(len(part))] for part in (one, other))
            assert places == others
        asked, again = read.prints[split], opened.prints[split]  # the latter as the folder has them
        prints = dict([asked.prepared(read.task.fields, len(one))])
        same_columns(read.task.prepared(one, 0, len(one)) | prints, other.prepared)
        for part in dataclasses.fields(asked):
            np.testing.assert_array_equal(getattr(asked, part.name), getattr(again, part.name), err_msg=part.name)
        for encode in ("encode", "encode_for_training"):
            rows, facts = getattr(read.task, encode)(one, 8)
            again, others = getattr(opened.task, encode)(other, 8)
            assert facts == others
            same_batches(rows, again)


def same_columns(made, prepared):
    """What a task makes of all rows at once is what was made of them shard by shard."""
    assert made.keys() == prepared.keys()
    for name, column in made.items():
        parts = ("values", "offsets") if isinstance(column, Ragged) else ("data",)
        for part in parts:
            one, other = (np.asarray(getattr(each, part)) for each in (column, prepared[name]))
            assert one.dtype == other.dtype
            np.testing.assert_array_equal(one, other, err_msg=name)


def same_batches(rows, again):
    for one, other in itertools.zip_longest(*(each.batches((0, 1)).as_numpy_iterator() for each in (rows, again))):
        assert one.keys() == other.keys()
        for column in one:
            assert one[column].dtype == other[column].dtype
            np.testing.assert_array_equal(one[column], other[column], err_msg=column)


def manifest(folder):
    return json.loads((folder / MANIFEST).read_text())


def digests(folder):
    return {name: known["digest"] for name, known in manifest(folder)["files"].items()}


KILLED = """
import os, signal, sys
from seqkit.recipes.question_answering import question_answering
from seqkit.recipes.sentiment import sentiment
from seqkit.runs import preparing
preparing.SHARD = 23
write, count = preparing._write_shard, iter(range(100))
def killed(shard, columns):
    if next(count) == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    write(shard, columns)
preparing._write_shard = killed
preparing.prepare(sentiment, sys.argv[1], out=sys.argv[2])
"""


def test_a_preparation_that_was_killed_goes_on_after_its_last_whole_shard(
    tmp_path, short_shards, monkeypatch, interpreter
):
    recipe, data, _ = written("sentiment", tmp_path)
    whole = preparing.prepare(recipe, data, out=tmp_path / "whole")
    assert interpreter.run(KILLED, data, tmp_path / "killed").returncode == -signal.SIGKILL
    with pytest.raises(InputError, match="An interrupted preparation of .* pass --resume"):
        preparing.prepare(recipe, data, out=tmp_path / "killed")
    with pytest.raises(InputError, match="started with min_count None, now it is 3"):
        preparing.prepare(recipe, data, out=tmp_path / "killed", resume=True, min_count=3)
    shards, write = [], preparing._write_shard
    monkeypatch.setattr(preparing, "_write_shard", lambda shard, columns: (shards.append(shard), write(shard, columns)))
    shard = tmp_path / ".killed.partial" / "shards" / "train" / "000001"
    (shard / next(name for name in os.listdir(shard) if name.endswith("values"))).write_bytes(b"cut short")
    resumed = preparing.prepare(recipe, data, out=tmp_path / "killed", resume=True)
    assert [shard.name for shard in shards] == ["000001", "000002", "000003", "000000"], "the first one was there"
    assert digests(resumed) == digests(whole)


LAST = {  # the moment -> a function, the name of a path that it gets then, and whether it has done its work
    "before the manifest": ("seqkit.runs.preparing:write_json", MANIFEST, False),
    "behind the manifest": ("seqkit.runs.preparing:write_json", MANIFEST, True),
    "before the shards": ("shutil:rmtree", "shards", False),
    "before the places": ("os:replace", ".prepared.old", False),
    "between the places": ("os:replace", ".prepared.old", True),
    "behind the places": ("os:replace", ".prepared.partial", True),
}


@pytest.mark.parametrize("moment", LAST)
def test_whenever_the_end_is_interrupted_old_or_new_data_stand_and_no_work_is_lost(moment, tmp_path, monkeypatch):
    recipe, data, _ = written("sentiment", tmp_path)
    whole = preparing.prepare(recipe, data, out=tmp_path / "whole")
    place = preparing.prepare(recipe, data, out=tmp_path / "prepared", min_count=3)
    old, (name, argument, behind) = digests(place), LAST[moment]
    function, stops = pkgutil.resolve_name(name), [KeyboardInterrupt]

    def interrupted(*given, **more):
        now = stops and argument in [one.name for one in given if isinstance(one, Path)]
        if now and not behind:
            raise stops.pop()
        result = function(*given, **more)
        if now:
            raise stops.pop()
        return result

    with monkeypatch.context() as patch:
        patch.setattr(name.replace(":", "."), interrupted)
        with pytest.raises(KeyboardInterrupt):
            preparing.prepare(recipe, data, out=place, overwrite=True)
    stands = moment == "behind the places"
    assert digests(place) == (digests(whole) if stands else old)
    if not stands:
        monkeypatch.setattr(preparing, "_write_shard", pytest.fail)
        preparing.prepare(recipe, data, out=place, overwrite=True, resume=True)
        assert digests(place) == digests(whole)
        assert sorted(os.listdir(place)) == sorted(os.listdir(whole))
        assert not [name for name in os.listdir(tmp_path) if name.startswith(".")]


def elsewhere(function, shared, items):
    """A spread over others, who get what is pickled, work in another folder, and are done in any order."""
    sent, given, done = pickle.dumps((function, shared)), list(map(pickle.dumps, items)), {}
    with contextlib.chdir(os.sep):
        for place in reversed(range(len(given))):
            call, known = pickle.loads(sent)
            done[place] = pickle.dumps(call(*known, pickle.loads(given[place])))
            elsewhere.count += 1
    return (pickle.loads(done[place]) for place in range(len(given)))


@pytest.mark.parametrize("name", ["sentiment", "pieces"])
def test_what_others_prepare_is_the_same(name, tmp_path, short_shards, monkeypatch):
    monkeypatch.setattr(tokenizer, "_CHUNK", 7)
    recipe, data, arguments = written(name, tmp_path)
    monkeypatch.chdir(tmp_path)
    here = preparing.prepare(recipe, data, out="here", **arguments)
    monkeypatch.setattr(preparing, "spread_by_ray", lambda address: contextlib.nullcontext(elsewhere))
    elsewhere.count = 0
    there = preparing.prepare(recipe, data, out="there", engine="ray", **arguments)
    assert digests(there) == digests(here)
    encoded = [next(iter(part["prepared"].values())) for part in manifest(here)["splits"].values()]
    assert elsewhere.count > sum(len(column["shards"]) for column in encoded)  # the texts were split there, too


@pytest.mark.parametrize(
    ("how", "sentence"),
    [
        ({"engine": "spark"}, "engine is 'spark': choose one of local, ray"),
        ({"address": "here:1"}, "address is 'here:1' with engine 'local': choose engine ray, or leave it out"),
        ({"engine": "ray"}, r"engine ray needs Ray, which isn't installed: pip install 'seqkit\[ray\]'"),
    ],
)
def test_who_is_not_there_prepares_nothing(how, sentence, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(InputError, match=sentence):
        preparing.prepare(sentiment, out=tmp_path / "prepared", **how)
    assert not os.listdir(tmp_path)


@pytest.mark.parametrize("recipe", [tagging, intents_and_slots, video_frames])
def test_an_engine_that_would_do_nothing_is_refused(recipe, tmp_path):
    with pytest.raises(InputError, match=f"engine is 'ray', but a preparation of {recipe.__name__} splits no texts"):
        preparing.prepare(recipe, out=tmp_path / "prepared", engine="ray")
    assert not os.listdir(tmp_path)


@pytest.mark.slow
def test_rays_workers_prepare_the_same_though_one_is_killed(tmp_path, short_shards, monkeypatch):
    pytest.importorskip("ray")
    monkeypatch.setattr(tokenizer, "_CHUNK", 7)
    recipe, data, arguments = written("sentiment", tmp_path)
    here = preparing.prepare(recipe, data, out=tmp_path / "here", **arguments)
    split, columns, ended = tokenizer._split_chunk, preparing._columns, [tmp_path / "splitting", tmp_path / "encoding"]

    def dying(function, note):
        def once(*arguments):
            if not note.exists():
                note.touch()
                os.kill(os.getpid(), signal.SIGKILL)
            return function(*arguments)

        return once

    monkeypatch.setattr(tokenizer, "_split_chunk", dying(split, ended[0]))
    monkeypatch.setattr(preparing, "_columns", dying(columns, ended[1]))
    there = preparing.prepare(recipe, data, out=tmp_path / "there", engine="ray", **arguments)
    assert all(note.exists() for note in ended)
    assert digests(there) == digests(here)


def test_other_settings_are_refused_by_name(tmp_path):
    recipe, data, _ = written("sentiment", tmp_path)
    folder = preparing.prepare(recipe, data, out=tmp_path / "prepared")
    for settings, sentence in (
        ({"unit": "character"}, "prepared with unit 'word', now it is 'character'"),
        ({"min_count": 7}, "prepared with min_count 2, now it is 7"),
        ({"text": "review"}, "prepared with text 'text', now it is 'review'"),
        ({"valid": data}, "has its own validation rows"),
    ):
        with pytest.raises(InputError, match=sentence):
            checked(recipe, [folder], settings)
    with pytest.raises(
        InputError, match="for the recipe sentiment, with 'text', 'label', where 'source', 'target' are wanted"
    ):
        checked(programs, [folder], {"source": "text", "target": "label"})


@pytest.mark.parametrize(
    ("name", "setting"), [("frames", "frame_size"), ("captioning", "image_size"), ("answers", "image_size")]
)
def test_the_size_of_pictures_is_a_setting_of_the_folder(name, setting, tmp_path):
    """So that what is answered later is brought to the size that was trained on."""
    recipe, data, arguments = written(name, tmp_path)
    del arguments["test"]
    folder = preparing.prepare(recipe, data, out=tmp_path / "prepared", **arguments, **{setting: (20, 24)})
    done = checked(recipe, [folder], arguments | {setting: (20, 24)})
    assert done.task.shape[:2] == (20, 24)
    for other, shown in ((None, "None"), ((24, 20), r"\[24, 20\]")):
        with pytest.raises(InputError, match=rf"with {setting} \[20, 24\], now it is {shown}: use the same"):
            checked(recipe, [folder], arguments | {setting: other})
    told = manifest(folder)
    del told["settings"], told["digest"]  # as an earlier version wrote it
    (folder / MANIFEST).write_text(json.dumps(told | {"digest": digest_of_json(told)}))
    assert checked(recipe, [folder], arguments).task.shape == done.task.shape


@pytest.mark.parametrize("harm", ["byte", "cut", "gone", "manifest"])
def test_damage_gets_a_sentence(harm, tmp_path):
    recipe, data, _ = written("sentiment", tmp_path)
    folder = preparing.prepare(recipe, data, out=tmp_path / "prepared")
    file = next((folder / "splits" / "train").glob("*.values"))
    if harm == "byte":
        file.write_bytes(bytes([file.read_bytes()[0] ^ 1]) + file.read_bytes()[1:])
    elif harm == "cut":
        os.truncate(file, 10)
    elif harm == "gone":
        file.unlink()
    else:
        (folder / MANIFEST).write_text((folder / MANIFEST).read_text().replace('"min_count": 2', '"min_count": 3'))
    with pytest.raises(InputError, match="damaged|not there any more") as caught:
        checked(recipe, [folder], {})
    assert "prepare the data again" in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_a_run_from_prepared_data_has_the_weights_of_one_from_the_data(small, tmp_path, capfd):
    table, folder = str(next(small.parent.glob("*.tsv"))), str(tmp_path / "prepared")
    assert main(["prepare", "sentiment", "--data", table, "--out", folder]) == 0
    assert main(["train", "sentiment", "--data", folder, "--out", str(tmp_path / "run"), *QUICK]) == 0
    one, other = load(small), load(tmp_path / "run")
    for weights, others in zip(one.model.get_weights(), other.model.get_weights(), strict=True):
        np.testing.assert_array_equal(weights, others)
    assert other.report["metrics"] == one.report["metrics"]
    capfd.readouterr()
    assert main(["predict", str(tmp_path / "run"), folder]) == 0
    assert len(capfd.readouterr().out.splitlines()) == len(open_prepared(tmp_path / "prepared").rows_for("asked"))


def test_a_run_is_scored_on_the_test_part_of_prepared_data(small, tmp_path):
    """Its vocabulary is another, and the ids that are kept are none of its own."""
    recipe, data, arguments = written("sentiment", tmp_path)
    folder = preparing.prepare(recipe, data, out=tmp_path / "prepared", **arguments)
    run = load(shutil.copytree(small, tmp_path / "run"))
    one, other = (run.task.read(source, run.columns(), role="test") for source in (arguments["test"], folder))
    assert (cells(one), other.origin) == (cells(other), arguments["test"])
    same_batches(run.task.encode(one, 8)[0], run.task.encode(other, 8)[0])
    assert open_prepared(folder).rows_for("asked").digest() == one.digest()
