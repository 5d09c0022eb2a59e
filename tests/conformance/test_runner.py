"""Runner: an artefact answers as its run does where neither seqkit nor TensorFlow can be imported."""

import json
import subprocess
import sys

import numpy as np
import pytest

from seqkit.core.errors import InputError
from seqkit_runner.artefact import alike

ASK = """
import json, sys
sys.modules.update(dict.fromkeys(["seqkit", "tensorflow", "keras"]))  # None, which no import gets past
sys.path.insert(0, sys.argv[1])
from seqkit_runner import load
artefact, asked = load(sys.argv[1]), json.load(sys.stdin)
answers = artefact.predict(asked["inputs"])
texts = ["".join(artefact.generate(**one)) for one in asked["prompts"]]
print(json.dumps([answers, texts]))
"""
PROMPTS = [
    {"prompt": "", "length": 60, "seed": 3},
    {"prompt": "The ", "length": 40, "temperature": 0},
    {"prompt": "for x", "length": 40, "top_k": 4, "temperature": 1.4},
    {"prompt": "a", "length": 40, "top_p": 0.6, "stop": "e"},
]


def plain(value):
    """An input as JSON."""
    if isinstance(value, tuple | list):
        return [plain(one) for one in value]
    return value if isinstance(value, str | int | float) else np.asarray(value).tolist()


def ask(folder, inputs, prompts):
    given = json.dumps({"inputs": plain(inputs), "prompts": prompts})
    command = [sys.executable, "-I", "-B", "-c", ASK, str(folder)]
    done = subprocess.run(command, input=given, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_onnx_answers_where_there_is_no_tensorflow(run, case, tmp_path):
    writes = hasattr(run.task, "generate")
    prompts = PROMPTS if writes else []
    answers, texts = ask(run.export("onnx", to=tmp_path / "artefact"), case.inputs, prompts)
    for expected, got in zip(run.predict(case.inputs), answers, strict=True):
        assert alike(expected, got, 1e-5), (expected, got)
    assert texts == ["".join(run.generate(**one)) for one in prompts]
    if not writes:
        with pytest.raises(InputError):
            run.generate()
