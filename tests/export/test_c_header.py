"""The header of C, compiled by the system's compiler under sanitizers: every model's answers are Keras's.

All headers go into one program, which also shows that they don't disturb each other. It reads commands and prints numbers.
"""

import dataclasses
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import keras
import numpy as np
import pytest

from seqkit.core.encoder import Encoder
from seqkit.core.errors import ExportError, InputError
from seqkit.core.settings import Embedding, Stack
from seqkit.export import c_header
from seqkit.export.c_header import export_c, header, identifier, quoted
from seqkit.export.description import Description
from seqkit.export.subject import Case, Subject
from seqkit.layers.crf import CRF
from seqkit.layers.embedding import embed_tokens
from seqkit.layers.frames import embed_frames
from seqkit.layers.wide import Runs, wide_logits
from seqkit.recurrence.cells import CELLS, Recurrence, make_layer, register
from seqkit.recurrence.step import Cell
from seqkit.topologies.many_to_many import many_to_many
from tests import cases

pytestmark = [pytest.mark.skipif(shutil.which("cc") is None, reason="no compiler"), pytest.mark.xdist_group("c")]
STRICT = ["-std=c99", "-pedantic", "-Wall", "-Wextra", "-Werror", "-Wno-overlength-strings"]
SANITIZED = ["-O0", "-g0", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
ROWS, STEPS = 2, 7
LABELS = ['say "no"', "back\\slash", "what??/ ??=", "two\nlines\t\x1b[2J", "n\0l1", "naïve ☃", "*/ 100%", ""]
BUILD = {case.name: case.build for case in cases.CASES}
FRAME = 6


def frames(stack, **settings):
    encoder = Encoder(**{"changes": False} | settings)
    sizes = np.arange(1, FRAME * (2 if encoder.changes else 1) + 1)
    return many_to_many(*embed_frames((FRAME,), encoder, (sizes / 4, sizes / 2)), outputs=3, stack=stack)


def oddly_named():
    """Layers that are called as functions of the header are, or alike but for a sign that C has not."""
    ids = keras.Input((None,), dtype="int32", name="ids")
    vectors = keras.layers.Embedding(cases.TOKENS, 3, name="step")(ids)
    vectors = keras.layers.Dense(4, "tanh", name="a-b")(vectors)
    vectors = keras.layers.GRU(4, return_sequences=True, name="soft.max")(vectors)
    vectors = keras.layers.Dense(4, "relu", name="a_b")(vectors)
    vectors = keras.layers.LSTM(4, return_sequences=True, use_bias=False, name="labels")(vectors)
    return keras.Model(ids, keras.layers.Dense(len(LABELS), "sigmoid", use_bias=False, name="softmax")(vectors))


LIGHT = ("mingru", "minlstm", "sru", "qrnn", "rg_lru", "indrnn", "lru")


def light_cells():
    """Beside each other: nothing bounds what they say, and a sum of it has fewer places left."""
    frames = keras.Input((None, FRAME), name="frames")
    said = [make_layer(cell, FRAME, return_sequences=True, name=cell)(frames) for cell in LIGHT]
    return keras.Model(frames, keras.layers.Concatenate()(said))


def reopened(model):
    with tempfile.TemporaryDirectory() as folder:
        model.save(f"{folder}/model.keras")
        return keras.models.load_model(f"{folder}/model.keras")


def remembering():
    """A cell whose second state is the first one as it was before the step, and whose third is the second so."""

    def two_back(op, x, state, vectors):
        h, one, two = state
        return op.tanh(x[0] + op.product(h)[0] + 0.5 * one + 0.5 * two), h, one

    register("two_back", Recurrence(Cell(two_back, gates=1, products=(1,), states=3)))
    frames = keras.Input((None, FRAME), name="frames")
    return keras.Model(frames, make_layer("two_back", 5, return_sequences=True)(frames))


def every_cell():
    features = inputs = keras.Input((None, FRAME), name="frames")
    for cell in sorted(CELLS.keys() - {"lstm_full_gate", *LIGHT}):
        for heads in (1, 3) if cell in ("lstm", "gru_reset_before") else (1,):
            layer = make_layer(cell, FRAME, heads, return_sequences=True, name=f"{cell}_{heads}")
            features = keras.layers.Add()([features, layer(features)])
    return keras.Model(inputs, features)


MODELS = {
    "language_model_lstm": lambda: BUILD["language_model"](Stack(cell="lstm", units=(65,)), "embedded"),
    "language_model_tied": lambda: BUILD["language_model"](
        Stack(cell="gru", units=(9, 9), residual=True, layer_norm=True), "tied"
    ),
    "language_model_one_hot": lambda: BUILD["language_model"](Stack(cell="simple_rnn", units=(6, 4)), "one_hot"),
    "tagging_deep": lambda: BUILD["tagging"](
        Stack(cell="lstm", units=(5, 6, 6, 6), residual=True, residual_from=3), "none"
    ),
    "frames_gru": lambda: frames(Stack(cell="gru", units=(70, 3))),
    "frames_changes": lambda: reopened(frames(Stack(cell="lstm", units=(4,)), changes=True, points=3)),
    "sentiment_last": lambda: BUILD["sentiment"](Stack(cell="gru", units=(7,)), "last"),
    "sentiment_mean": lambda: BUILD["sentiment"](Stack(cell="lstm", units=(8, 3)), "mean"),
    "sentiment_max": lambda: BUILD["sentiment"](Stack(cell="simple_rnn", units=(3,)), "max"),
    "3 mödels-of.*": oddly_named,
    "every_cell": every_cell,
    "light_cells": light_cells,
    "remembering": remembering,
}
BROKEN = {
    "answer": lambda text: re.sub(r"(_wanted_2\[\] = \{ )", r"\g<1>9.0f, ", text),
    "bias": lambda text: re.sub(r"(w_gru_2_bias\[\d+\] \w+ = \{)[^}]*", r"\1 0", text),
    "gates": lambda text: re.sub("(70|140) [+] i", lambda found: f"{210 - int(found[1])} + i", text),
    "reset": lambda text: text.replace("memset(state, 0, sizeof *state)", "memset(state, 63, sizeof *state)"),
}
MAIN = """
#include <stdio.h>
#include <string.h>
%s
int main(void)
{
    char name[64], command[16];
    int stream, i;
    while (scanf("%%63s %%15s %%d", name, command, &stream) == 3) {
%s
        printf("\\n");
    }
    return 0;
}
"""
ANSWERS = """
        if (!strcmp(name, "NAME")) {
            static NAME_state streams[2];
            float outputs[UPPER_OUTPUTS];
            int answered = 0;
            if (!strcmp(command, "test"))
                printf("%d", NAME_self_test());
            if (!strcmp(command, "label"))
                for (i = 0; i < 100 && NAME_label(stream)[i]; ++i)
                    printf("%d ", (unsigned char)NAME_label(stream)[i]);
            if (!strcmp(command, "reset"))
                NAME_reset(&streams[stream]);
            if (!strcmp(command, "feed")) {
                FEED
            }
            if (!strcmp(command, "finish")) {
                FINISH
            }
            for (i = 0; answered && i < UPPER_OUTPUTS; ++i)
                printf("%.9g ", outputs[i]);
        }
"""


def feeding(name, text):
    """The part of the program that answers for one header."""
    whole = f"{name}_finish" in text
    step = (
        f"{name}_feed(&streams[stream], X);" if whole else f"answered = 1; {name}_step(&streams[stream], X, outputs);"
    )
    if f"{name.upper()}_TOKENS" in text:
        feed = 'int id; if (scanf("%d", &id) == 1) { ' + step.replace("X", "id") + " }"
    else:
        feed = (
            f'float x[{FRAME}]; for (i = 0; i < {FRAME}; ++i) if (scanf("%f", &x[i]) != 1) return 1; '
            + step.replace("X", "x")
        )
    finish = f"answered = 1; {name}_finish(&streams[stream], outputs);" if whole else ""
    parts = {"UPPER": name.upper(), "NAME": name, "FEED": feed, "FINISH": finish}
    return re.sub("|".join(parts), lambda found: parts[found[0]], ANSWERS)


class Compiled:
    """Headers in one program, and what they were made of."""

    def __init__(self, folder):
        self.folder, self.texts, self.subjects = folder, {}, {}

    def add(self, subject):
        name = identifier(subject.title)
        self.texts[name], self.subjects[name] = header(subject, name), subject

    def compile(self):
        for name, text in self.texts.items():
            (self.folder / f"{name}.h").write_text(text, encoding="ascii")
        includes = [f'#define {name.upper()}_IMPLEMENTATION\n#include "{name}.h"' for name in self.texts]
        (self.folder / "plain.c").write_text("\n".join(includes))
        answers = "".join(feeding(name, text) for name, text in self.texts.items())
        (self.folder / "main.c").write_text(MAIN % ("\n".join(includes), answers))
        cc(self.folder, *SANITIZED, "main.c", "-lm", "-o", "main")

    def ask(self, name, *commands):
        """The numbers that each command prints."""
        given = "\n".join(f"{name} {command}" for command in commands)
        done = subprocess.run(
            [self.folder / "main"], input=given, capture_output=True, text=True, check=True, timeout=60, cwd=self.folder
        )
        assert not done.stderr
        return [np.array(line.split(), float) for line in done.stdout.splitlines()]


def cc(folder, *arguments):
    done = subprocess.run(["cc", *STRICT, *arguments], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def compiled(tmp_path_factory):
    program = Compiled(tmp_path_factory.mktemp("c"))
    for name, build in MODELS.items():
        program.add(subject_of(name, build(), program.folder, labels=LABELS if build is oddly_named else None))
    program.add(subject_of("quantised", frames(Stack(cell="gru", units=(48, 48))), program.folder, quantize="int8"))
    program.add(subject_of("not_quantised", frames(Stack(cell="gru", units=(48, 48))), program.folder))
    for name in INT8:
        program.add(subject_of(f"{name}_int8", MODELS[name](), program.folder, quantize="int8"))
    for name, change in BROKEN.items():
        whole = program.texts["frames_gru"]
        text = change(whole)
        assert text != whole
        for old, new in (("frames_gru", f"broken_{name}"), ("FRAMES_GRU", f"BROKEN_{name.upper()}")):
            text = text.replace(old, new)
        program.texts[f"broken_{name}"] = text
    program.compile()
    return program


INT8 = ("language_model_lstm", "language_model_tied", "language_model_one_hot", "sentiment_mean")


def subject_of(name, model, folder, *, quantize="none", labels=None, in_step=None):
    rng = np.random.default_rng(len(name))
    for variable in model.trainable_variables:  # biases and peepholes that start at zero would hide their absence
        variable.assign(rng.normal(0, 0.4, variable.shape))
    whole = name.startswith("sentiment") if in_step is None else not in_step
    made = []
    for row in range(ROWS):
        arrays = {}
        for tensor in model.inputs:
            shape = (STEPS - row, *tensor.shape[2:])
            arrays[tensor.name] = {
                "int32": lambda shape=shape: rng.integers(1, cases.TOKENS, shape).astype(np.int32),
                "bool": lambda shape=shape: np.ones(shape, bool),
                "float32": lambda shape=shape: rng.normal(size=shape).astype(np.float32),
            }[tensor.dtype]()
        made.append(Case("", arrays, None))
    description = Description("tag", labels={"labels": labels}) if labels else None
    if name.startswith("sentiment"):
        description = Description("classify_text", {"max_length": 99})
    return Subject(
        name=f"runs/{name}",
        recipe="mine */",
        folder=folder,
        step=False,
        quantize=quantize,
        in_step=not whole,
        description=description,
        cases=made,
        load=lambda: model,
        serve=lambda model: pytest.fail("nobody asked"),
    )


def answers_of(model, arrays):
    given = [arrays[tensor.name][None] for tensor in model.inputs]
    return np.asarray(model(given if len(given) > 1 else given[0]))[0]


def numbers(values):
    return " ".join(f"{number:.9g}" for number in np.atleast_1d(values).tolist())


def streamed(program, name):
    """Both rows, in turns, in streams that have been used and reset: the outputs of each."""
    rows = [case.arrays.get("ids", case.arrays.get("frames")) for case in program.subjects[name].cases]
    commands, kept = [], []
    for stream, row in enumerate(rows):
        commands += [f"feed {stream} {numbers(row[-1])}", f"reset {stream}"]
    for t in range(STEPS):
        for stream, row in enumerate(rows):
            if t < len(row):
                kept.append((len(commands), stream))
                commands.append(f"feed {stream} {numbers(row[t])}")
    if f"{name}_finish" in program.texts[name]:
        kept = [(len(commands) + stream, stream) for stream in range(ROWS)]
        commands += [f"finish {stream}" for stream in range(ROWS)]
    answers = program.ask(name, *commands)
    return [np.array([answers[place] for place, stream in kept if stream == row]) for row in range(ROWS)]


@pytest.mark.parametrize("name", MODELS)
def test_two_streams_in_turns_answer_as_keras_does(compiled, name):
    known = identifier(Path(f"runs/{name}").name)
    subject = compiled.subjects[known]
    for got, case in zip(streamed(compiled, known), subject.cases, strict=True):
        expected = answers_of(subject.model, case.arrays)
        np.testing.assert_allclose(got, expected.reshape(got.shape), atol=1e-5, rtol=0)
        assert np.ptp(expected) > 0.05  # there is something to answer
    assert compiled.ask(known, "test 0") == [0]


@pytest.mark.parametrize("name", BROKEN)
def test_the_self_test_finds_what_is_broken(compiled, name):
    assert compiled.ask(f"broken_{name}", "test 0") == [2 if name == "answer" else 1]


def test_an_id_outside_of_the_vocabulary_is_the_unknown_one(compiled):
    for strange in (-1, cases.TOKENS, 2**31 - 1):
        known, got = compiled.ask("language_model_lstm", "feed 0 1", "reset 0", f"feed 0 {strange}")[::2]
        np.testing.assert_array_equal(got, known)
        compiled.ask("language_model_lstm", "reset 0")


def test_what_is_no_number_stays_so(compiled):
    [got] = compiled.ask("frames_gru", f"feed 0 nan {numbers(np.ones(FRAME - 1))}")
    assert np.isnan(got).all()


def test_int8_answers_as_a_model_of_the_rounded_weights(compiled):
    subject = compiled.subjects["quantised"]
    rounded = keras.models.clone_model(subject.model)
    rounded.set_weights(subject.model.get_weights())
    size = 0
    for variable in rounded.trainable_variables:
        values = np.asarray(variable)
        if values.ndim == 2 and "bias" not in variable.path:
            scales = np.abs(values).max(axis=0) / 127
            variable.assign(np.rint(values / scales) * scales)
            size += values.size
    for got, case in zip(streamed(compiled, "quantised"), subject.cases, strict=True):
        plain, expected = answers_of(subject.model, case.arrays), answers_of(rounded, case.arrays)
        np.testing.assert_allclose(got, expected, atol=1e-5, rtol=0)
        assert 1e-5 < np.max(np.abs(got - plain)) < 0.2
    assert compiled.ask("quantised", "test 0") == [0]
    sizes = [
        sum(int(number) * {"float": 4, "signed char": 1}[kind] for kind, number in arrays)
        for arrays in (
            re.findall(rf"static const ([a-z ]+) {name}_w_\w+\[(\d+)\]", compiled.texts[name])
            for name in ("quantised", "not_quantised")
        )
    ]
    assert size < sizes[0] <= 0.3 * sizes[1]


@pytest.mark.parametrize("name", INT8)
def test_int8_tables_answer_nearly_as_keras_does(compiled, name):
    """Of embeddings, of those that are the head too, and of those that went into the first product."""
    subject = compiled.subjects[f"{name}_int8"]
    for got, case in zip(streamed(compiled, f"{name}_int8"), subject.cases, strict=True):
        expected = answers_of(subject.model, case.arrays).reshape(got.shape)
        assert 1e-5 < np.max(np.abs(got - expected)) < 0.03 * np.ptp(expected)


def test_nothing_is_allocated_and_nothing_is_global(compiled):
    cc(compiled.folder, "-O2", "-fno-pie", "-c", "plain.c", "-o", "plain.o")
    listed = subprocess.run(["nm", "plain.o"], cwd=compiled.folder, capture_output=True, text=True, check=True).stdout
    kinds = {}
    for line in listed.splitlines():
        *_, kind, symbol = line.split()
        kinds.setdefault(kind, set()).add(symbol)
    assert kinds.keys() == {"T", "t", "r", "U"}  # code, constants, and what others have
    assert kinds["U"] <= {"expf", "sqrtf", "logf", "sinf", "cosf", "sincosf", "memcpy", "memset"}


def test_where_texts_are_cut_is_a_constant_of_what_cuts_them(compiled):
    cut = {name for name, text in compiled.texts.items() if f" {name.upper()}_LONGEST = 99," in text}
    assert cut == {name for name, text in compiled.texts.items() if "LONGEST" in text}
    assert cut == {name for name in compiled.texts if name.startswith("sentiment")}


def test_labels_are_bytes_as_they_are(compiled):
    got = compiled.ask("model_3_m_dels_of", *[f"label {number}" for number in (*range(len(LABELS)), -1, len(LABELS))])
    assert [bytes(line.astype(int).tolist()).decode() for line in got] == [
        label.split("\0")[0] for label in (*LABELS, "", "")
    ]
    text = "".join(map(chr, [*range(256), 0x2603, 0x1F600])) + "??/??=0"
    (compiled.folder / "text.c").write_text(
        f"#include <stdio.h>\nstatic const char text[] = {quoted(text)};\n"
        "int main(void) { return fwrite(text, 1, sizeof text - 1, stdout) != sizeof text - 1; }\n"
    )
    cc(compiled.folder, "text.c", "-o", "text")
    assert subprocess.run([compiled.folder / "text"], capture_output=True, check=True).stdout == text.encode()


class Odd(keras.layers.Layer):
    def call(self, x):
        return x


def refused():
    stack = Stack(cell="gru", units=(4,))
    both = dataclasses.replace(stack, bidirectional=True)
    ids, features, mask = embed_tokens(cases.TOKENS, Embedding(units=4))
    model = many_to_many(ids, features, mask, outputs=3, stack=stack)
    recurrent = keras.layers.GRU(4, activation="relu", return_sequences=True, name="mine")(features, mask=mask)
    return {
        "forwards only: train with stack.bidirectional off": BUILD["sentiment"](both, "last"),
        "pools by last, max or mean": BUILD["sentiment"](stack, "attention"),
        "runs of words beside the recurrent path: train with wide.ngrams 0": keras.Model(
            ids, wide_logits(ids, Runs(cases.TOKENS, 2, 16), outputs=3)
        ),
        "reads characters too": BUILD["tagging"](stack, "cnn"),
        "vectors, and these are images": BUILD["video_frames"](stack, "changes"),
        "no decoder": BUILD["translation"](stack, "none"),
        "no CRF": keras.Model(ids, CRF(name="chain")(model.output, mask=mask)),
        "no cell lstm_full_gate, which the model's lstm_full_gate_1 has": frames(
            Stack(cell="lstm_full_gate", units=(4,))
        ),
        "mine has relu": keras.Model(ids, recurrent),
        "no Odd, which the model's strange is": keras.Model(ids, Odd(name="strange")(features)),
    }


def test_what_c_cannot_hold_is_named_before_anything_is_written(tmp_path):
    for said, model in refused().items():
        whole = model.name == "many_to_one" or "decoder" in said
        with pytest.raises(InputError, match=said) as caught:
            export_c(subject_of("refused", model, tmp_path, in_step=not whole))
        assert str(caught.value).count(". ") <= 1
    with pytest.raises(InputError, match="float or int8 weights, not float16"):
        export_c(subject_of("refused", frames(Stack(units=(4,))), tmp_path, quantize="float16"))
    assert not list(tmp_path.iterdir())


def test_a_header_that_answers_otherwise_is_not_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(c_header, "header", lambda *given: BROKEN["answer"](header(*given)))
    with pytest.raises(ExportError, match="answers its test vector 2 otherwise"):
        export_c(subject_of("broken", MODELS["frames_gru"](), tmp_path))


def test_names_are_names_of_c():
    for name in ("", "_", "9", "int", "ünï", "a b/c", "☃", "x" * 300, "-a--b-"):
        assert re.fullmatch(r"[a-z][a-z0-9_]*", identifier(name)), name


def test_the_page_of_the_documentation_compiles_and_answers(tmp_path):
    page = (Path(__file__).parents[2] / "docs" / "c.md").read_text(encoding="utf-8")
    [code] = re.findall(r"```c\n(.*?)```", page, re.DOTALL)
    subject = subject_of("characters", MODELS["language_model_lstm"](), tmp_path)
    [written] = export_c(subject)
    assert written.graph == "step"
    assert written.facts == {"weights": "float32", "self_test": "passed"}
    assert written.inputs.keys() == {"ids", "lstm_1_state_0", "lstm_1_state_1"}
    (tmp_path / "main.c").write_text(code)
    cc(tmp_path, *SANITIZED, "main.c", "-lm", "-o", "main")
    ids = subject.cases[0].arrays["ids"]
    done = subprocess.run([tmp_path / "main"], input=numbers(ids), capture_output=True, text=True, check=True)
    expected = keras.ops.softmax(answers_of(subject.model, subject.cases[0].arrays))
    got = np.array([line.split() for line in done.stdout.splitlines()], float)
    np.testing.assert_array_equal(got[:, 0], np.argmax(expected, -1))
    np.testing.assert_allclose(got[:, 1], np.max(expected, -1), atol=1e-5)
