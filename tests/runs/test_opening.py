"""A damaged or a stranger's run folder gets a sentence, never a traceback; nothing in it is run, and no link followed."""

import io
import json
import os
import shutil
import zipfile

import h5py
import keras
import numpy as np
import pytest

from seqkit.cli.main import main
from seqkit.runs.contents import FIELDS, RUN, TRAINED, add_files, write_info

RUN_FIELDS = {**FIELDS, **TRAINED}
MODEL, VOCABULARY, SAMPLES, HISTORY = "model.keras", "vocabulary.json", "samples.jsonl", "history.csv"
LINEAR = "baselines/linear.npz"


class Evil:
    """What a pickle would run."""

    def __init__(self, trace):
        self.trace = trace

    def __reduce__(self):
        return os.mkdir, (str(self.trace),)


def edited(name, change):
    """The JSON file changed by a function, in place or by what it returns."""

    def fault(folder):
        value = json.loads((folder / name).read_text())
        changed = change(value)
        (folder / name).write_text(json.dumps(value if changed is None else changed))

    return fault


def dropped(value, name):
    """In place."""
    del value[name]


def bytes_of(name, change):
    def fault(folder):
        content = (folder / name).read_bytes()
        (folder / name).write_bytes(change(content))

    return fault


def flipped(content):
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


def gone(name):
    return lambda folder: (folder / name).unlink()


def a_folder(name):
    def fault(folder):
        (folder / name).unlink()
        (folder / name).mkdir()

    return fault


def a_link(name, to=None):
    """The file moved out of the folder, and linked."""

    def fault(folder):
        path = folder / name
        outside = folder.parent / "outside" / path.name
        outside.parent.mkdir(exist_ok=True)
        path.rename(outside)
        path.symlink_to(to or outside)

    return fault


def a_model(change=lambda config: None, **parts):
    """model.keras with another configuration, or other parts."""

    def fault(folder):
        with zipfile.ZipFile(folder / MODEL) as archive:
            held = {name: archive.read(name) for name in archive.namelist()}
        config = json.loads(held["config.json"])
        changed = change(config)
        held["config.json"] = json.dumps(config if changed is None else changed).encode()
        held |= {name.replace("_", "."): content for name, content in parts.items()}
        with zipfile.ZipFile(folder / MODEL, "w") as archive:
            for name, content in held.items():
                if content is not None:
                    archive.writestr(name, content)

    return fault


def a_layer(kind, change):
    def of(config):
        for layer in config["config"]["layers"]:
            if layer["class_name"] == kind:
                change(layer)
                return
        raise AssertionError(f"the model has no {kind}")

    return a_model(of)


def another_model(name="ids", tokens=1000, classes=2):
    """A model of some other run."""

    def fault(folder):
        ids = keras.Input((None,), dtype="int32", name=name)
        steps = keras.layers.Embedding(tokens, 2)(ids)
        logits = keras.layers.Dense(classes)(keras.layers.GlobalAveragePooling1D()(steps))
        keras.Model(ids, logits).save(folder / MODEL)

    return fault


def a_linked_weight(folder):
    """Weights that lie in another file."""
    outside = folder.parent / "weights.h5"
    with h5py.File(outside, "w") as file:
        file["0"] = np.zeros(3)
    held = io.BytesIO()
    with h5py.File(held, "w") as file:
        file["layers"] = h5py.ExternalLink(str(outside), "/")
    a_model(**{"model.weights_h5": held.getvalue()})(folder)


def a_pickle(folder):
    array = np.empty(1, object)
    array[0] = Evil(folder.parent / "trace")
    np.savez(folder / LINEAR, terms=array)


def a_huge_array(folder):
    head = io.BytesIO()
    np.lib.format.write_array_header_1_0(head, {"descr": "<f8", "fortran_order": False, "shape": (10**15,)})
    with zipfile.ZipFile(folder / LINEAR, "w") as archive:
        archive.writestr("terms.npy", head.getvalue())


def of(kind):
    """A value of another type."""
    return [1] if kind is not list else {"a": 1}


# What is done to a folder, whose digests are then put right: a stranger may have.
OPENED = {
    "run.json is gone": gone(RUN),
    "run.json is empty": bytes_of(RUN, lambda content: b""),
    "run.json is cut": bytes_of(RUN, lambda content: content[: len(content) // 2]),
    "run.json is no UTF-8": bytes_of(RUN, lambda content: b"\xff" + content),
    "run.json is a list": edited(RUN, lambda info: [info]),
    "run.json is deep": bytes_of(RUN, lambda content: b"[" * 100_000),
    "run.json is a folder": a_folder(RUN),
    "run.json is a link out": a_link(RUN),
    "run.json is a link to itself": a_link(RUN, RUN),
    "run.json is a link to a device": a_link(RUN, "/dev/null"),
    **{f"run.json has no {name}": edited(RUN, lambda info, name=name: dropped(info, name)) for name in RUN_FIELDS},
    **{
        f"run.json has another kind of {name}": edited(RUN, lambda info, name=name, kind=kind: info.update({name: of(kind)}))
        for name, kind in RUN_FIELDS.items()
    },
    "files is a list": edited(RUN, lambda info: info.update(files=list(info["files"]))),
    "an unknown recipe": edited(RUN, lambda info: info.update(recipe="nonsense")),
    "a recipe that is a path": edited(RUN, lambda info: info.update(recipe="os:system")),
    "another recipe": edited(RUN, lambda info: info.update(recipe="tagging")),
    "data of no rows": edited(RUN, lambda info: info.update(data={})),
    "rows that are a number": edited(RUN, lambda info: info["data"].update(valid=1)),
    "rows of no digest": edited(RUN, lambda info: dropped(info["data"]["train"], "digest")),
    "no settings of training": edited(RUN, lambda info: dropped(info["settings"], "training")),
    "an unknown setting": edited(RUN, lambda info: info["settings"]["training"].update(nonsense=1)),
    "an unknown optimizer": edited(RUN, lambda info: info["settings"]["training"].update(optimizer="nonsense")),
    "epochs that are a text": edited(RUN, lambda info: info["settings"]["training"].update(epochs="many")),
    "columns of numbers": edited(RUN, lambda info: info.update(columns={"text": 1, "label": None})),
    "vocabulary.json is gone": gone(VOCABULARY),
    "vocabulary.json is empty": bytes_of(VOCABULARY, lambda content: b""),
    "vocabulary.json is cut": bytes_of(VOCABULARY, lambda content: content[:-20]),
    "vocabulary.json is a list": edited(VOCABULARY, lambda value: [value]),
    "vocabulary.json is a link out": a_link(VOCABULARY),
    "vocabulary.json has no tokens": edited(VOCABULARY, lambda value: dropped(value, "tokens")),
    "vocabulary.json has no labels": edited(VOCABULARY, lambda value: dropped(value, "labels")),
    "tokens are a text": edited(VOCABULARY, lambda value: value.update(tokens="abcdef")),
    "tokens are numbers": edited(VOCABULARY, lambda value: value.update(tokens=[*value["tokens"][:4], 1, 2])),
    "labels are a text": edited(VOCABULARY, lambda value: value.update(labels="ab")),
    "labels are nothing": edited(VOCABULARY, lambda value: value.update(labels=None)),
    "a length that is a text": edited(VOCABULARY, lambda value: value.update(max_length="1000")),
    "another recipe's vocabulary": edited(VOCABULARY, lambda value: {"source": value, "target": value, "search": {}}),
    "more than a vocabulary": edited(VOCABULARY, lambda value: value.update(merges=[["a", "b"]])),
    "the model is gone": gone(MODEL),
    "the model is empty": bytes_of(MODEL, lambda content: b""),
    "the model is cut": bytes_of(MODEL, lambda content: content[: len(content) // 2]),
    "the model is no archive": bytes_of(MODEL, lambda content: b"nonsense" * 100),
    "the model is a folder": a_folder(MODEL),
    "the model is a link out": a_link(MODEL),
    "the model has no configuration": a_model(config_json=None),
    "the model has no weights": a_model(**{"model.weights_h5": None}),
    "the model's configuration is a list": a_model(lambda config: [config]),
    "the model's configuration is nothing": a_model(lambda config: {}),
    "the model has no layers": a_model(lambda config: dropped(config["config"], "layers")),
    "a layer of other software": a_layer("Dense", lambda layer: layer.update(
        module="subprocess", class_name="Popen", registered_name="Popen", config={"args": ["touch", "trace"]})),
    "a layer that is code": a_layer("Dense", lambda layer: layer.update(class_name="Lambda", config={
        "name": "dense", "function": {"class_name": "__lambda__", "config": {"value": "4wEA"}}})),
    "a layer that reads a model elsewhere": a_layer("Dense", lambda layer: layer.update(class_name="TFSMLayer", config={
        "name": "dense", "filepath": "/tmp", "call_endpoint": "serve"})),
    "weights that lie elsewhere": a_linked_weight,
    "a model of other inputs": another_model(name="characters"),
    "a model of fewer tokens": another_model(tokens=2),
    "a model of more classes": another_model(classes=9),
}  # fmt: skip
WIDE = {
    "a layer as wide as memory": a_layer("Dense", lambda layer: layer["config"].update(units=10**10)),
    "an embedding as long as memory": a_layer("Embedding", lambda layer: layer["config"].update(input_dim=10**10)),
    "an input as wide as memory": a_layer("Dense", lambda layer: layer.update(
        build_config={"input_shape": [None, 10**10]})),
}  # fmt: skip
EVALUATED = {
    "a model of other inputs is scored": another_model(name="characters"),
    "a model of more classes is scored": another_model(classes=9),
    "a model of fewer classes is scored": another_model(classes=1),
    "what was seen is cut": bytes_of("seen.npz", lambda content: content[: len(content) // 2]),
    "what was seen is gone": gone("seen.npz"),
    "a history of words": bytes_of(HISTORY, lambda content: content.replace(b"1", b"one")),
    "the history is gone": gone(HISTORY),
    "the history is a link out": a_link(HISTORY),
    "a baseline is gone": gone(LINEAR),
    "a baseline is cut": bytes_of(LINEAR, lambda content: content[: len(content) // 2]),
    "a baseline is another's": lambda folder: shutil.copy(folder / "baselines" / "majority.npz", folder / LINEAR),
    "a baseline is a link out": a_link(LINEAR),
    "a baseline of an unknown kind": lambda folder: shutil.copy(folder / LINEAR, folder / "baselines" / "nonsense.npz"),
    "a baseline that is code": a_pickle,
    "a baseline as large as memory": a_huge_array,
    "evaluations lie elsewhere": lambda folder: a_link("evaluations")(folder),
}
EXPORTED = {
    "a model of other inputs is exported": another_model(name="characters"),
    "samples are gone": gone(SAMPLES),
    "samples are cut": bytes_of(SAMPLES, lambda content: content[:-3]),
    "samples are numbers": bytes_of(SAMPLES, lambda content: b"1\n2\n"),
    "samples are a link out": a_link(SAMPLES),
}
DAMAGED = {  # what only a digest can tell
    "run.json is flipped": ("opened", bytes_of(RUN, lambda content: content.replace(b'"seed": 0', b'"seed": 1'))),
    "run.json has no digest": ("opened", edited(RUN, lambda info: dropped(info, "digest"))),
    "run.json has no files": ("opened", edited(RUN, lambda info: dropped(info, "files"))),
    "vocabulary.json is flipped": ("opened", bytes_of(VOCABULARY, lambda content: content.replace(b"good", b"gooe"))),
    "the model is flipped": ("opened", bytes_of(MODEL, flipped)),
    "the history is flipped": ("evaluated", bytes_of(HISTORY, lambda content: content.replace(b"0.", b"1."))),
    "samples are flipped": ("exported", bytes_of(SAMPLES, lambda content: content.replace(b"film", b"fiim"))),
    "a baseline is flipped": ("evaluated", bytes_of(LINEAR, flipped)),
}


def forge(folder):
    """Make the digests those of what lies there."""
    if (folder / RUN).is_symlink():
        return
    try:
        info = json.loads((folder / RUN).read_text())
        named = list(info["files"])
        held = [path for path in folder.rglob("*") if path.is_file() and path.name != RUN]
        add_files(folder, info, held)
        info["files"] |= {name: "" for name in named if not (folder / name).exists()}
        write_info(folder, info)
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        pass  # it holds none


@pytest.fixture
def folder(small, tmp_path, monkeypatch):
    """A copy of a run."""
    monkeypatch.chdir(tmp_path)  # where what is run by mistake leaves its trace
    shutil.copytree(small, tmp_path / "run")
    return tmp_path / "run"


def commands(folder, small):
    return {
        "opened": ["predict", folder, small.parent / "rows.tsv"],
        "evaluated": ["evaluate", folder, "--data", small.parent / "rows.tsv", "--name", "again", "--json"],
        "exported": ["export", folder, "--format", "keras"],
    }


def complaint(command, capsys):
    """The one sentence of a command that does not end well, or nothing."""
    capsys.readouterr()
    status = main([str(part) for part in command])
    error = capsys.readouterr().err
    assert "Traceback" not in error
    if not status:
        return ""
    assert status in (1, 2)
    said = error.splitlines()[-1]
    assert said.startswith("seqkit: ")
    assert len(said) < 1000
    return said


FAULTS = [
    pytest.param(use, fault, id=name)
    for use, faults in {"opened": OPENED, "evaluated": EVALUATED, "exported": EXPORTED}.items()
    for name, fault in faults.items()
]


@pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnraisableExceptionWarning"
)  # NumPy leaves an archive open that is cut
@pytest.mark.parametrize(("use", "fault"), FAULTS)
def test_a_folder_that_no_run_wrote_gets_a_sentence(small, folder, capsys, use, fault):
    fault(folder)
    forge(folder)
    assert complaint(commands(folder, small)[use], capsys)
    assert not (folder.parent / "trace").exists()


@pytest.mark.parametrize("fault", WIDE.values(), ids=WIDE.keys())
def test_no_memory_is_taken_for_more_than_the_weights_that_are_there(small, folder, capsys, fault):
    fault(folder)
    forge(folder)
    assert "no weight is wider than" in complaint(commands(folder, small)["opened"], capsys)


@pytest.mark.parametrize(("use", "fault"), DAMAGED.values(), ids=DAMAGED.keys())
def test_a_digest_tells_what_nothing_else_can(small, folder, capsys, use, fault):
    fault(folder)
    assert "is damaged" in complaint(commands(folder, small)[use], capsys)


def test_a_whole_folder_gets_none(small, folder, capsys):
    """Wherever it lies, and under whatever name."""
    link = folder.parent / "link"
    link.symlink_to(folder)
    assert [complaint(command, capsys) for command in commands(link, small).values()] == ["", "", ""]
