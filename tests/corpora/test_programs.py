"""Learning to execute: a small interpreter of the tests' own runs each program and prints what the row says."""

import ast
import collections
import operator
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqkit.corpora.grammar import draws
from seqkit.corpora.programs import Stage, addition, copying, draw_programs, drawn_programs, part_of, program

BINARY = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul}
COMPARE = {ast.Gt: operator.gt, ast.Lt: operator.lt}

sizes = st.tuples(st.integers(1, 8), st.integers(1, 10))
seeds = st.integers(0, 2**32)


def interpret(text):
    """What a program prints. It knows the paper's grammar and no more."""
    values, printed = {}, []

    def value(node):
        match node:
            case ast.Constant(value=int(number)):
                return number
            case ast.Name(id=name):
                return values[name]
            case ast.BinOp(left=left, op=op, right=right):
                return BINARY[type(op)](value(left), value(right))
            case ast.IfExp(test=ast.Compare(left=left, ops=[op], comparators=[right]), body=yes, orelse=no):
                return value(yes) if COMPARE[type(op)](value(left), value(right)) else value(no)
        raise SyntaxError(ast.dump(node))

    def run(statement):
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)], value=node):
                assert name not in values
                assert name in "abcdefghij"
                values[name] = value(node)
            case ast.AugAssign(target=ast.Name(id=name), op=op, value=node):
                values[name] = BINARY[type(op)](values[name], value(node))
            case ast.For(
                target=ast.Name(id="x"), iter=ast.Call(func=ast.Name(id="range"), args=[times]), body=body, orelse=[]
            ):
                for _ in range(value(times)):
                    for inner in body:
                        run(inner)
            case ast.Expr(value=ast.Call(func=ast.Name(id="print"), args=[node])):
                printed.append(f"{value(node)}.")
            case _:
                raise SyntaxError(ast.dump(statement))

    for statement in ast.parse(text).body:
        run(statement)
    return "".join(printed)


def one(write, size, seed):
    return write(*size, draws(np.random.default_rng(seed)))


def agrees(rows):
    for text, answer in rows:
        assert interpret(text) == answer, text


@given(sizes, seeds)
def test_a_program_prints_its_answer(size, seed):
    agrees([one(program, size, seed), one(addition, size, seed)])


def test_it_catches_a_difference_with_its_operands_turned():
    rows = [one(program, (3, 2), seed) for seed in range(40)]
    turned = [(re.sub(r"\((\d+)-(\d+)\)", r"(\2-\1)", text), answer) for text, answer in rows]
    assert turned != rows
    with pytest.raises(AssertionError):
        agrees(turned)


@given(sizes, seeds)
def test_a_program_has_the_size_it_was_asked_for(size, seed):
    """But for identities, which leave no trace."""
    length, nesting = size
    tree = ast.parse(one(program, size, seed)[0])
    kinds = collections.Counter(type(node) for node in ast.walk(tree))
    assert kinds[ast.BinOp] + kinds[ast.IfExp] + kinds[ast.For] <= nesting
    assert all(1 <= node.value <= 10**length for node in ast.walk(tree) if isinstance(node, ast.Constant))
    for node in ast.walk(tree):
        if isinstance(node, ast.For):
            assert node.iter.args[0].value <= 4 * length


def test_operations_are_drawn_evenly():
    shapes = {
        r"print\(\(\d+[+-]\d+\)\)": "sum",
        r"print\(\(\d+\*\d+\)\)": "product",
        r"print\(\d+\)": "identity",
        r"([a-j])=\d+;\nprint\(\(\1[+-]\d+\)\)": "assignment",
        r"([a-j])=\d+\nfor x in range\(\d+\):\1[+-]=\d+\nprint\(\1\)": "loop",
        r"print\(\(\d+ if \d+[<>]\d+ else \d+\)\)": "conditional",
    }
    draw = draws(np.random.default_rng(0))
    texts = [program(2, 1, draw)[0] for _ in range(6000)]
    found = collections.Counter(name for text in texts for shape, name in shapes.items() if re.fullmatch(shape, text))
    assert found.total() == 6000
    assert all(abs(count - 1000) < 5 * np.sqrt(6000 * 1 / 6 * 5 / 6) for count in found.values())
    signs = collections.Counter(re.findall(r"[+<>-]|(?<=\d)\*", "".join(texts)))
    assert min(signs.values()) > 400


def test_each_operation_uses_what_the_one_before_has_made():
    for seed in range(200):
        text, _ = one(program, (2, 6), seed)
        assigned = re.findall(r"^([a-j])=", text, flags=re.M)
        for name in assigned:
            uses = re.findall(rf"(?<![a-z]){name}(?![a-z])", text)
            assert len(uses) >= 2, text


@given(sizes, seeds)
def test_plain_tasks_are_of_the_length_asked(size, seed):
    first, second = re.fullmatch(r"print\((\d+)\+(\d+)\)", one(addition, size, seed)[0]).groups()
    assert len(first) == len(second) == size[0]
    text, answer = one(copying, size, seed)
    assert answer == f"{text}."
    assert re.fullmatch(rf"\d{{{size[0]}}}", text)


@settings(max_examples=20)
@given(st.sampled_from(["programs", "addition", "copying"]), seeds, st.integers(2, 5))
def test_parts_share_no_program_whoever_draws_them(exercise, seed, length):
    parts = drawn_programs(seed, 320, exercise=exercise, length=length, nesting=1)
    assert len(parts["train"]["source"]) == 240
    for name in ("valid", "test"):
        sources = parts[name]["source"]
        assert len(set(sources)) == len(sources) <= 40
        if exercise == "copying" and length == 2:  # all that there are
            assert set(sources) == {text for text in map("{:02}".format, range(100)) if part_of(text) == name}
        else:
            assert len(sources) == 40
    curriculum = draw_programs(exercise, Stage("mix", length, 2), 100, part="train", seed=seed + 1)
    trained = {*parts["train"]["source"], *curriculum["source"]}
    assert not trained & {*parts["valid"]["source"], *parts["test"]["source"]}
    assert not set(parts["valid"]["source"]) & set(parts["test"]["source"])
    assert drawn_programs(seed, 320, exercise=exercise, length=length, nesting=1) == parts


def test_another_seed_gives_other_programs():
    assert drawn_programs(0, 64) != drawn_programs(1, 64)


def test_three_parts_of_four_are_for_training():
    draw = draws(np.random.default_rng(0))
    shares = collections.Counter(part_of(program(4, 2, draw)[0]) for _ in range(8000))
    assert shares["train"] == pytest.approx(6000, abs=200)
    assert shares["test"] == pytest.approx(1000, abs=150)


# Curricula ----------------------------------------------------------------------------------------------------------


def walked(kind, accuracies):
    curriculum, stages = Stage(kind, 3, 2), []
    for accuracy in accuracies:
        stages.append(curriculum.stage)
        curriculum = curriculum.after(accuracy)
    return stages


def test_naive_raises_length_then_nesting():
    stages = walked("naive", [0.96, 0.95, 0.97, 0.99, 0.5, 0.96, 1.0, 1.0, 1.0])
    assert stages == [(1, 1), (2, 1), (2, 1), (3, 1), (1, 2), (1, 2), (2, 2), (3, 2), (3, 2)]


@pytest.mark.parametrize(
    ("kind", "shares"),
    [
        ("baseline", {(3, 2): 1.0}),
        ("naive", {(2, 1): 1.0}),
        ("mix", dict.fromkeys([(length, nesting) for length in (1, 2, 3) for nesting in (1, 2)], 1 / 6)),
        ("combined", {(2, 1): 0.8 + 0.2 / 6, (3, 2): 0.2 / 6, (1, 1): 0.2 / 6}),
    ],
)
def test_sizes_are_drawn_as_the_paper_says(kind, shares):
    draw = draws(np.random.default_rng(0))
    curriculum = Stage(kind, 3, 2, stage=(2, 1))
    found = collections.Counter(curriculum.draw(draw) for _ in range(6000))
    for size, share in shares.items():
        assert found[size] / 6000 == pytest.approx(share, abs=0.03)


def test_rows_say_their_size():
    rows = draw_programs("programs", Stage("mix", 3, 2), 300, part="train", seed=0)
    agrees(zip(rows["source"], rows["target"], strict=True))
    for text, length in zip(rows["source"], rows["length"], strict=True):
        numbers = [int(number) for number in re.findall(r"\d+", re.sub(r"range\(\d+\)|\d+\*|\*\d+", "", text))]
        assert all(number <= 10 ** int(length) for number in numbers)
    assert set(zip(rows["length"], rows["nesting"], strict=True)) == {(a, b) for a in "123" for b in "12"}


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        ({"rows": 3}, "rows=3"),
        ({"length": 0}, "length=0"),
        ({"nesting": 11}, "nesting=11: give a number from 1 to 10"),
        ({"exercise": "sorting"}, "exercise='sorting': give one of programs, addition, copying"),
    ],
)
def test_a_wrong_argument_is_named(wrong, complaint):
    with pytest.raises(ValueError, match=complaint):
        drawn_programs(**{"rows": 16} | wrong)


def test_too_few_programs_for_a_part_are_refused():
    with pytest.raises(ValueError, match="No copying of length 1 and nesting 1 in the fourth part: give more length"):
        draw_programs("copying", (1, 1), 1, part="fourth", seed=0)
