"""What several tests share. No test needs a network, or anything outside the repository."""

import atexit
import contextlib
import gc
import os
import shutil
import tempfile

os.environ["KERAS_BACKEND"] = "tensorflow"
if (
    "PYTEST_XDIST_WORKER" in os.environ
):  # processes side by side have a core each: threads of one would wait for the others'
    for pool in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
        os.environ[pool] = "1"
# Most of what compiled loops cost here would be their optimisation, and they run for milliseconds; those that are optimised
# have a process of their own (tests/recurrence/test_cells.py).
os.environ["XLA_FLAGS"] = " ".join(
    (
        "--xla_backend_optimization_level=0",
        "--xla_cpu_use_fusion_emitters=false",
        "--xla_cpu_parallel_codegen_split_count=1",
        os.environ.get("XLA_FLAGS", ""),
    )
)

# One cache for all processes, compiled loops in it; no test reads or writes that of the person who runs it.
if "PYTEST_XDIST_WORKER" not in os.environ:
    os.environ["SEQKIT_CACHE"] = tempfile.mkdtemp(prefix="seqkit")
    atexit.register(shutil.rmtree, os.environ["SEQKIT_CACHE"], ignore_errors=True)

import hypothesis
import keras
import numpy as np
import pytest
import tensorflow as tf

from seqkit.cli.console import COLLECTED
from seqkit.cli.main import main
from seqkit.cli.programs import keep_programs
from seqkit.runs.rehearsal import rehearse
from seqkit_runner import prove
from tests.cases import CASES, QUICK, Case, write_small_table
from tests.interpreter import PROVE_APART, Interpreter
from tests.kinds import TRAINED
from tests.op_by_op import as_graphs, few_steps_op_by_op

# Most graphs run a few times here, and to optimise them would cost more: a sixth of a short training. Commands that
# tests start as processes of their own optimise theirs.
tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
gc.set_threshold(*COLLECTED)
keep_programs()
# Graphs are traced inside examples, so that a first example is slow and says nothing about the code.
hypothesis.settings.register_profile("seqkit", deadline=None, derandomize=True, print_blob=False)
hypothesis.settings.load_profile("seqkit")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Tests of one recipe's run go to one process, which trains it once; so do those of a file about a recipe. Runs that are
    made of parts that others are made of too are trained for `-m slow` (tests/kinds.py).

    First, since xdist reads the groups in a hook of the same name, and what it doesn't find then is no group.
    """
    for item in items:
        params = getattr(item, "callspec", None)
        cases = [value for value in params.params.values() if isinstance(value, Case)] if params else []
        if "run" in item.fixturenames and cases:
            item.add_marker(pytest.mark.xdist_group(cases[0].name))
            if cases[0].name not in TRAINED:
                item.add_marker(pytest.mark.slow)
        elif (
            item.path.stem == "test_resume" and params
        ):  # a training that was not stopped is shared by its recipe's tests
            item.add_marker(pytest.mark.xdist_group(f"resume {item.name.partition('[')[2]}"))
        elif item.path.parent.name in ("recipes", "cli") or item.path.stem in ("test_resume", "test_document"):
            item.add_marker(pytest.mark.xdist_group(item.path.stem))


def pytest_collection_finish():
    """What is imported stays: half a million objects that the collector needn't look through again and again."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def interpreter():
    """New processes for programs."""
    with Interpreter() as one:
        yield one


QUICK_PROOF = prove._START.replace(  # fewer batches of few rows, each of all rows, and no figure to be trusted
    "main(*given)", "from seqkit_runner import prove\nprove.ASKED, prove.TIMED = 4, 3\nmain(*given)"
)


@pytest.fixture(scope="session", autouse=True)
def _forked_proofs(interpreter):
    """Proofs with TensorFlow are made in forks (but for the first recipe's, tests/conformance/test_reload.py)."""

    def apart(home, absent, *given):
        if "tensorflow" in absent:
            return PROVE_APART(home, absent, *given)
        return interpreter.run(QUICK_PROOF, home, absent, *given).stderr

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(prove, "_apart", apart)
        yield


@contextlib.contextmanager
def rehearsing():
    """Within it a training tries, after its first steps, all that comes later, as it does outside of tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("seqkit.runs.builder.rehearse", rehearse)
        yield


@pytest.fixture
def rehearsed():
    with rehearsing():
        yield


@pytest.fixture(scope="session", autouse=True)
def _unrehearsed():
    """Trainings here are over before a rehearsal would have paid: each recipe's run has one, and what asks for it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("seqkit.runs.builder.rehearse", lambda *arguments: None)
        yield


@pytest.fixture(scope="session", autouse=True)
def _few_steps_op_by_op():
    with few_steps_op_by_op():
        yield


GRAPHS = ("conformance", "training")  # rooms of tests in which a training is what it is outside of tests


@pytest.fixture(scope="module", autouse=True)
def _graphs(request):
    with as_graphs() if request.path.parent.name in GRAPHS else contextlib.nullcontext():
        yield


@pytest.fixture(autouse=True)
def _seeded():
    """Weights that a test draws are the same in every run: a few filters drawn at random are now and then all dead."""
    keras.utils.set_random_seed(0)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture(scope="session", params=CASES, ids=lambda case: case.name)
def case(request):
    """Each recipe in turn."""
    return request.param


@pytest.fixture(scope="session")
def run(case, tmp_path_factory):
    """The recipe's run on its built-in data, trained once for all tests."""
    with rehearsing(), as_graphs():
        return case.train(tmp_path_factory.mktemp(case.name) / "run")


@pytest.fixture(scope="session")
def small(tmp_path_factory):
    """The folder of a run that learned next to nothing, quickly; a test that changes it copies it."""
    folder = tmp_path_factory.mktemp("small")
    table = write_small_table(folder)
    assert main(["train", "sentiment", "--data", str(table), "--out", str(folder / "run"), *QUICK]) == 0
    return folder / "run"
