"""Keras files: they hold Keras's own layers alone, and compute what the graph does where seqkit isn't."""

import importlib.util
import json
import os
import subprocess
import sys
import zipfile
from typing import get_args

import keras
import numpy as np
import pytest
import tensorflow as tf

from seqkit.core.cell_names import Cell
from seqkit.core.encoder import Encoder
from seqkit.core.errors import ExportError, InputError
from seqkit.core.settings import Attention, Embedding, Stack
from seqkit.export import keras_file
from seqkit.export.graphs import graphs_of, model_graph, step_graph
from seqkit.export.keras_file import write_keras
from seqkit.export.plain_keras import plain_model
from seqkit.layers.crf import CRF
from seqkit.layers.embedding import embed_tokens
from seqkit.layers.frames import embed_frames
from seqkit.recurrence.cells import CELLS
from seqkit.topologies.encoder_decoder import encoder_decoder
from seqkit.topologies.many_to_many import many_to_many
from tests.cases import CASES

ASK = """
import json, pathlib, sys
import keras, numpy
errors = {}
for path in sorted(pathlib.Path(sys.argv[1]).glob("*.keras")):
    tensors = numpy.load(path.with_suffix(".npz"))
    found = keras.saving.load_model(path)({name[3:]: tensors[name] for name in tensors if name.startswith("in_")})
    errors[path.stem] = max(
        float(numpy.abs(keras.ops.convert_to_numpy(found[name[4:]]) * 1.0 - tensors[name] * 1.0).max())
        for name in tensors if name.startswith("out_"))
assert not any(name.startswith("seqkit") for name in sys.modules)
print(json.dumps(errors))
"""
BACKENDS = [
    pytest.param(
        backend,
        marks=pytest.mark.skipif(importlib.util.find_spec(package) is None, reason=f"{package} is not installed"),
    )
    for backend, package in (("tensorflow", "tensorflow"), ("jax", "jax"), ("torch", "torch"))
]

together = pytest.mark.xdist_group("keras files")  # which are written once


def tagger(cell, heads=1):
    layers = 2 if cell == "lstm" else 1  # how they stand on each other is the same for all
    stack = Stack(cell=cell, units=(5,) * layers, heads=heads, layer_norm=True)
    return many_to_many(*embed_tokens(9, Embedding(units=5)), outputs=3, stack=stack)


def writer(attention, cell="gru", heads=1):
    encoder, decoder = Stack(cell="gru", units=(4,), bidirectional=True), Stack(cell=cell, units=(6,), heads=heads)
    before, features, _ = embed_tokens(9, Embedding(units=3), name="before", reversible=False)
    read = embed_tokens(9, Embedding(units=3))
    return encoder_decoder(read, (before, features), outputs=9, encoder=encoder, decoder=decoder, attention=attention)


def frames(rng):
    images = Encoder(filters=(3,), units=4)
    statistics = rng.uniform(50, 90, 3), rng.uniform(500, 900, 3)
    return many_to_many(*embed_frames((6, 6, 3), images, statistics), outputs=3, stack=Stack(units=(4,)))


def timed():
    inputs = embed_frames((3,), Encoder(times=True))
    return many_to_many(*inputs, outputs=3, stack=Stack(cell="cfc", units=(4, 4)), timed=True)


def drawn(graph, rng):
    """Two rows of inputs, of the same sizes."""
    given = {}
    for name, spec in graph.inputs.items():
        shape = [2, *(4 if size is None else size for size in spec.shape[1:])]
        numbers = rng.integers(1, 9, shape) if spec.dtype == tf.int32 else rng.normal(size=shape)
        given[name] = np.asarray(numbers if spec.dtype != tf.bool else np.ones(shape), spec.dtype.as_numpy_dtype)
        if spec.dtype in (tf.int32, tf.bool) and len(shape) == 2:
            given[name][0, 2:] = 0  # padding
    return given


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Files of all that is written otherwise than the run has it, with what the graphs compute."""
    rng, folder = np.random.default_rng(1), tmp_path_factory.mktemp("files")
    keras.utils.set_random_seed(1)
    fed = [
        Attention("additive", feeding=True, coverage=True),
        Attention("multiplicative", feeding=True),
        Attention("additive", copying=True),
    ]
    graphs = {f"step {cell}": step_graph(tagger(cell)) for cell in get_args(Cell) if CELLS[cell].timed is None}
    graphs["step cfc"] = step_graph(timed())
    graphs |= {"frames": model_graph(frames(rng)), "frames step": step_graph(frames(rng))}
    for attention in fed:
        graphs |= {f"{attention} {name}": graph for name, graph in both(writer(attention)).items()}
    graphs["mut1 decoder"] = both(writer(Attention("none"), "mut1"))["decoder"]
    graphs["step in heads"] = step_graph(tagger("lstm", heads=5))
    graphs["decoder in heads"] = both(writer(fed[0], heads=2))["decoder"]
    for number, graph in enumerate(graphs.values()):
        for layer in graph.model.layers:
            if layer.name != "before":  # which remembers the frame before
                layer.set_weights([rng.normal(0, 0.5, values.shape) for values in layer.get_weights()])
        given = drawn(graph, rng)
        expected = graph(**given)
        write_keras(plain_model(graph), folder / f"{number}.keras")
        tensors = {f"in_{name}": values for name, values in given.items()}
        np.savez(folder / f"{number}.npz", **tensors, **{f"out_{name}": v.numpy() for name, v in expected.items()})
    return folder, list(graphs)


def both(model):
    return graphs_of(model, in_step=False, step=False)


def ask(backend, folder, interpreter):
    if backend == "tensorflow":
        return interpreter.ask(ASK, folder)
    done = subprocess.run(
        [sys.executable, "-c", ASK, str(folder)],
        env=os.environ | {"KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
        cwd=folder,
        check=False,
    )
    assert not done.returncode, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@together
@pytest.mark.parametrize("backend", BACKENDS)
def test_a_file_computes_what_the_graph_does_where_seqkit_is_not(files, backend, interpreter):
    folder, names = files
    errors = {names[int(number)]: error for number, error in ask(backend, folder, interpreter).items()}
    assert len(errors) == len(names)
    assert max(errors.values()) < 1e-5, errors


@together
def test_a_file_has_nothing_but_keras(files):
    folder, names = files
    for number in range(len(names)):
        config = zipfile.ZipFile(folder / f"{number}.keras").read("config.json").decode()
        assert "seqkit" not in config
        assert '"Normalization"' not in config


@pytest.mark.parametrize("cell", ["mut1", "lstm_peephole"])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_a_cell_that_keras_has_not_is_refused_by_name(cell, bidirectional):
    stack = Stack(cell=cell, units=(4,), bidirectional=bidirectional)
    model = many_to_many(*embed_tokens(9, Embedding(units=3)), outputs=3, stack=stack)
    with pytest.raises(InputError, match=f"no cell {cell}"):
        plain_model(model_graph(model))


def test_a_layer_that_is_left_in_is_refused(tmp_path):
    ids, features, mask = embed_tokens(9, Embedding(units=3))
    model = keras.Model(ids, CRF(name="crf")(features, mask=mask))
    with pytest.raises(InputError, match="crf"):
        write_keras(model, tmp_path / "model.keras")
    assert not list(tmp_path.iterdir())


def test_what_answers_otherwise_is_not_kept(run, case, tmp_path, monkeypatch):
    if case is not CASES[0]:
        return
    folder = tmp_path / "artefact"
    write, export = keras_file.write_keras, keras_file.export_keras

    def heavier(model, path):
        layer = model.get_layer("logits")
        kernel, *rest = layer.get_weights()
        layer.set_weights([kernel + np.eye(*kernel.shape, dtype="float32"), *rest])
        return write(model, path)

    def permuted(subject):
        labels = {"labels": subject.description.labels["labels"][::-1]}
        object.__setattr__(subject.description, "labels", labels)
        return export(subject)

    with monkeypatch.context() as patch:
        patch.setattr(keras_file, "write_keras", heavier)
        with pytest.raises(ExportError, match="differs from the run"):
            run.export("keras", to=folder)
    with monkeypatch.context() as patch:
        patch.setattr(keras_file, "export_keras", permuted)
        with pytest.raises(ExportError, match="otherwise than the run"):
            run.export("keras", to=folder)
    assert not folder.exists()
