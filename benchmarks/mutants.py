"""How many small faults the tests see: one change at a time in what figures depend on, and the tests of its room.

    python benchmarks/mutants.py --count 200 --seed 0
    python benchmarks/mutants.py --count 20 --files seqkit/layers/crf.py

A mutant is a file with one change: another comparison or operator, a constant plus one, a condition negated, min for max,
the arms of a `where` swapped, a keyword, a bound of a slice or a statement dropped, None returned. It is caught where a test
fails, or takes five times as long as without it, in time of the processor. What is drawn depends on the seed and the files
alone, evenly over these. Each is tried in a child of one process, which has imported TensorFlow but not begun with it.

mutmut draws no sample, and leaves out constants, properties and whatever else has a decorator.
"""

import argparse
import ast
import copy
import importlib.util
import itertools
import math
import os
import random
import resource
import signal
import sys
import tempfile
import time
import types
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

os.environ |= {"KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3"}

import hypothesis.configuration
import pytest

ROOT = Path(__file__).parents[1]
FILES = (
    *("seqkit/metrics/*.py", "seqkit/batches/*.py", "seqkit/decoding/*.py", "seqkit/training/objectives.py"),
    *("seqkit/layers/crf.py", "seqkit/layers/pooling.py", "seqkit/layers/stack.py"),
)
OPERATORS = {
    **{ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq},
    **{ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.And: ast.Or, ast.Or: ast.And},
    **{ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.FloorDiv: ast.Div},
    **{ast.Mod: ast.Mult, ast.Pow: ast.Mult, ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd},
}
OPPOSITES = (("min", "max"), ("minimum", "maximum"), ("any", "all"), ("logical_and", "logical_or"))
NAMES = {
    prefix + one: prefix + other
    for pair in OPPOSITES
    for one, other in itertools.permutations(pair)
    for prefix in ("", "arg", "reduce_")
}
ASSERTIONS = {"strict"}  # keywords that change nothing where all is well
OPTIONS = (
    "-x -q --tb=no -p no:xdist -p no:cacheprovider --hypothesis-profile=mutants "
    "-W ignore::pytest.PytestAssertRewriteWarning"  # pytest comes in before its plugins
)
EQUIVALENT = Path(__file__).with_suffix(".tsv")  # mutants that no test can catch, and why


class Mutant(NamedTuple):
    file: str
    line: int
    start: int  # what is replaced, in bytes of the source
    stop: int
    replacement: str

    @property
    def source(self) -> bytes:
        before = Path(self.file).read_bytes()
        return before[: self.start] + self.replacement.encode() + before[self.stop :]

    def lines(self) -> tuple[str, str]:
        """Those that the change touches, as they were and as they are."""
        before, after = Path(self.file).read_bytes(), self.source
        start, stop = before.rfind(b"\n", 0, self.start) + 1, before.find(b"\n", self.stop)
        return tuple(
            " ".join(text.decode().split()) for text in (before[start:stop], after[start : stop - len(before) or None])
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--files", nargs="+", default=FILES, help="patterns, from the folder of the repository")
    options = parser.parse_args()
    os.chdir(ROOT)
    sys.path.insert(0, str(ROOT))
    files = sorted(str(path) for pattern in options.files for path in Path().glob(pattern) if path.stem != "__init__")
    import_what_tests_import()
    start, chosen, plain = time.perf_counter(), sample(files, options.count, options.seed), {}
    _, *table = EQUIVALENT.read_text(encoding="utf-8").splitlines()
    reasons = {(file, line): why for file, line, why in (row.split("\t") for row in table)}
    survivors = []
    for number, mutant in enumerate(chosen, start=1):
        tests = tests_of(mutant.file)
        if mutant.file not in plain:
            plain[mutant.file] = seconds_of(tests, mutant)
        fate, _ = trial(tests, mutant, limit=5 * plain[mutant.file])
        before, after = mutant.lines()
        print(f"{number:4} {fate:9}{mutant.file}:{mutant.line}: {after}", file=sys.stderr, flush=True)
        if fate == "survived":
            reason = reasons.get((mutant.file, after), "unexplained")
            survivors.append(f"{mutant.file}:{mutant.line}: {reason}\n    - {before}\n    + {after}")
    caught, seconds = len(chosen) - len(survivors), time.perf_counter() - start
    print(f"{len(chosen)} mutants, {caught} caught ({caught / len(chosen):.1%}), {seconds:.0f} s", *survivors, sep="\n")


def sample(files: list[str], count: int, seed: int) -> list[Mutant]:
    """So many mutants, as evenly from the files as these have them."""
    drawn = []
    for file in files:
        every = list(mutants(file))
        drawn.append(random.Random(f"{seed} {file}").sample(every, len(every)))
    rounds = itertools.chain.from_iterable(itertools.zip_longest(*drawn))
    return sorted(itertools.islice((mutant for mutant in rounds if mutant), count))


def mutants(file: str) -> Iterator[Mutant]:
    source = Path(file).read_bytes()
    lines = [0, *itertools.accumulate(map(len, source.splitlines(keepends=True)))]
    for node in walk(ast.parse(source)):
        for place, after in changes(node):
            start = lines[place.lineno - 1] + place.col_offset
            stop = lines[place.end_lineno - 1] + place.end_col_offset
            whole = isinstance(place, ast.expr) and not isinstance(place, ast.Slice | ast.Constant | ast.Name)
            yield Mutant(file, place.lineno, start, stop, f"({after})" if whole else after)


def walk(node: ast.AST) -> Iterator[ast.AST]:
    """It and all below it but types, decorators, assertions and parts of messages, which have no places of their own."""
    yield node
    if isinstance(node, ast.JoinedStr) or (isinstance(node, ast.keyword) and node.arg in ASSERTIONS):
        return
    for name, value in ast.iter_fields(node):
        if name not in ("annotation", "returns", "decorator_list"):
            for child in value if isinstance(value, list) else [value]:
                if isinstance(child, ast.AST):
                    yield from walk(child)


def changes(node: ast.AST) -> Iterator[tuple[ast.AST, str]]:
    """What to replace, and by what, for each change of a node that isn't one of its children."""

    def with_(**fields) -> tuple[ast.AST, str]:
        changed = copy.copy(node)
        for name, value in fields.items():
            setattr(changed, name, value)
        return node, ast.unparse(changed)

    match node:
        case ast.Constant(value=bool(value)):
            yield node, str(not value)
        case ast.Constant(value=int(value) | float(value)):
            yield node, str(value + 1)
        case ast.Compare(ops=[operator]):
            yield with_(ops=[OPERATORS[type(operator)]()])
        case ast.BinOp(op=operator) | ast.BoolOp(op=operator) if type(operator) in OPERATORS:
            yield with_(op=OPERATORS[type(operator)]())
        case ast.UnaryOp(op=ast.Not() | ast.USub() | ast.Invert()):
            yield node, ast.unparse(node.operand)
        case ast.Call():
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name in NAMES:
                yield node.func, ast.unparse(node.func).removesuffix(name) + NAMES[name]
            if name == "where" and len(node.args) == 3:
                yield with_(args=[node.args[0], node.args[2], node.args[1]])
            for word in node.keywords:
                if word.arg and word.arg not in ASSERTIONS:
                    yield with_(keywords=[other for other in node.keywords if other is not word])
        case ast.Slice():
            for bound in ("lower", "upper"):
                if getattr(node, bound):
                    yield with_(**{bound: None})
        case ast.Return(value=ast.AST()):
            yield node, "return None"
        case ast.AugAssign():
            yield with_(op=OPERATORS[type(node.op)]())
            yield node, "pass"
        case ast.Expr(value=ast.Call()) | ast.Assign(targets=[ast.Subscript()]) | ast.Continue():
            yield node, "pass"
    for test in [node.test] if isinstance(node, ast.If | ast.IfExp | ast.While) else getattr(node, "ifs", []):
        match test:
            case ast.UnaryOp(op=ast.Not()) | ast.Compare(ops=[ast.Eq() | ast.NotEq() | ast.Is() | ast.IsNot()]):
                pass  # the change of the test itself is the same
            case _:
                yield test, f"not ({ast.unparse(test)})"


def import_what_tests_import() -> None:
    """What isn't ours stays imported; of ours no child needs the recipes, which conftest.py asks for."""
    importlib.import_module("tests.conftest")
    for name in [name for name in sys.modules if name.split(".")[0] in ("seqkit", "tests")]:
        del sys.modules[name]
    sys.modules["tests.cases"] = types.SimpleNamespace(CASES=[], Case=object)
    hypothesis.settings.register_profile("mutants", deadline=None, derandomize=True, phases=[hypothesis.Phase.generate])


def tests_of(file: str) -> tuple[str, ...]:
    """Of its room's tests the file that is named after it, else those that name its module, else all."""
    path = Path(file)
    files = sorted((Path("tests") / path.parent.name).glob("test_*.py"))
    named = [test for test in files if test.stem == f"test_{path.stem}"]
    module = ".".join(path.with_suffix("").parts)
    return tuple(map(str, named or [test for test in files if module in test.read_text(encoding="utf-8")] or files))


def seconds_of(tests: tuple[str, ...], mutant: Mutant) -> float:
    """What its tests take where the same file comes in the same way, unchanged."""
    fate, seconds = trial(tests, mutant._replace(start=0, stop=0, replacement=""))
    return seconds if fate == "survived" else sys.exit(f"{' '.join(tests)}: these fail without any change.")


def trial(tests: tuple[str, ...], mutant: Mutant, limit: float = 3600) -> tuple[str, float]:
    """What became of a mutant, "survived", "caught" or "too slow", and the seconds of a processor that it took."""
    with tempfile.TemporaryDirectory() as folder:
        child = os.fork()
        if not child:
            resource.setrlimit(resource.RLIMIT_CPU, (math.ceil(limit), math.ceil(limit) + 1))
            signal.alarm(3600)  # for what waits in vain
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            os.dup2(1, 2)
            os._exit(run(tests, mutant, Path(folder)))
        _, status, used = os.wait4(child, 0)
    stopped = os.WIFSIGNALED(status) and os.WTERMSIG(status) in (signal.SIGXCPU, signal.SIGKILL, signal.SIGALRM)
    return "too slow" if stopped else "caught" if status else "survived", used.ru_utime + used.ru_stime


def run(tests: tuple[str, ...], mutant: Mutant, folder: Path) -> int:
    hypothesis.configuration.set_hypothesis_home_dir(folder / "hypothesis")
    try:
        put_in_place(mutant, folder)
        return int(pytest.main([*OPTIONS.split(), f"--basetemp={folder / 'tests'}", *tests]))
    except BaseException:
        return 1


def put_in_place(mutant: Mutant, folder: Path) -> None:
    """The module from a changed copy of its file, which AutoGraph too reads."""
    changed = folder / Path(mutant.file).name
    changed.write_bytes(mutant.source)
    parent, _, name = (module := ".".join(Path(mutant.file).with_suffix("").parts)).rpartition(".")
    spec = importlib.util.spec_from_file_location(module, changed)
    sys.modules[module] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(sys.modules[module])
    setattr(importlib.import_module(parent), name, sys.modules[module])


if __name__ == "__main__":
    main()
