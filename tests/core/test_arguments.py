"""What every recipe's arguments share: said once and seen everywhere; and what would do nothing is refused."""

import inspect
from typing import Any, Unpack

import docstring_parser
import pytest

from seqkit import recipes as ours
from seqkit.core.arguments import RunOptions, Source, recipe
from seqkit.core.encoder import Encoder
from seqkit.core.errors import InputError
from seqkit.core.registry import recipe_of, recipes
from seqkit.core.settings import CLASSES, SPECIAL, Attention, Embedding, Search, Stack, Training


@pytest.fixture
def spam():
    """A recipe that gives its arguments back."""

    @recipe(
        task=object,
        least={"window": 2},
        reads=CLASSES,
        unread=lambda given: {"window": "whole rows"} if given["whole"] else {},
    )
    def spam(
        data: Source = None,
        *,
        window: int = 8,
        whole: bool = False,
        stack: Stack = Stack(units=(7,)),
        training: Training = Training(epochs=2),
        search: Search = Search(beam=1, longest=9),
        **run: Unpack[RunOptions],
    ) -> dict[str, Any]:
        """Give back.

        Args:
            data: Anything.
            window: A number.
            whole: Whether it counts.
            stack: Layers.
            training: How.
            search: How else.
        Returns:
            All.
        """
        return locals()

    yield spam
    recipes.discard("spam")


def test_common_arguments_are_in_signature_help_and_types(spam):
    parameters = inspect.signature(spam).parameters
    assert list(parameters)[:7] == ["data", "window", "whole", "stack", "training", "search", "valid"]
    assert set(RunOptions.__annotations__) <= set(parameters)
    for option in RunOptions.__annotations__:
        assert spam.__doc__.count(f"    {option}: ") == 1
    assert spam.__doc__.index("Args:") < spam.__doc__.index("    callbacks: ") < spam.__doc__.index("Returns:")
    assert str(parameters["out"].default) == "saved_models/spam"
    told = {entry.arg_name: entry.description for entry in docstring_parser.parse(spam.__doc__).params}
    assert set(told) == set(parameters)
    said = [" ".join(text.split()) for text in told.values()]
    assert all(text.endswith(".") and text in " ".join((RunOptions.__doc__ + spam.__doc__).split()) for text in said)


@pytest.mark.parametrize("name", ours.__all__)
def test_every_recipe_documents_every_argument(name):
    function = getattr(ours, name)
    for argument in inspect.signature(function).parameters:
        assert f"    {argument}: " in function.__doc__, argument
    assert recipe_of(function).description == function.__doc__.splitlines()[0]


def test_common_arguments_arrive(spam):
    given = spam("rows.tsv", seed=3, window=4)
    assert (given["data"], given["window"]) == ("rows.tsv", 4)
    assert given["run"]["seed"] == 3
    assert given["run"]["valid"] is None
    with pytest.raises(TypeError, match="sed"):
        spam(sed=3)


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"seed": -1}, "seed is -1"),
        ({"seed": 2**32}, r"seed is 4294967296: give a whole number from 0 up to, but not including, 2\^32"),
        ({"window": 1}, "window is 1"),
        ({"whole": True, "window": 9}, "window is 9, but whole rows"),
        (
            {"training": Training(ar=1.0)},
            r"training\.ar is 1\.0, but the recipe spam doesn't read it: leave it at 0\.0",
        ),
        ({"training": Training(scheduled_sampling=0.1)}, r"training\.scheduled_sampling"),
        ({"search": Search(beam=1, length_penalty=0.5)}, "length_penalty is 0.5, but a greedy search"),
        ({"search": Search(beam=3, temperature=1.0)}, "beam is 3, but a search with temperature"),
        ({"search": Search(beam=2, seed=4)}, "seed is 4, but a search without a temperature"),
        ({"search": Search(beam=1, shortest=10, longest=9)}, "shortest is 10, but a search with longest 9"),
        ({"stack": Stack(residual_from=3)}, "residual_from is 3, but a stack without residual"),
        ({"stack": Stack(locked=True)}, "locked is True, but a stack without dropout"),
    ],
)
def test_what_would_do_nothing_is_refused(spam, given, complaint):
    with pytest.raises(InputError, match=complaint):
        spam(**given)


def test_what_is_read_is_taken(spam):
    spam(training=Training(class_weights="balanced", label_smoothing=0.1))
    spam(search=Search(beam=2, length_penalty=0.5))
    spam(search=Search(beam=1, shortest=9, longest=9))
    spam(stack=Stack(units=(4, 4, 4), residual=True, residual_from=3))
    spam(stack=Stack(input_dropout=0.1, locked=True))
    spam(whole=True)  # a default is nobody's wish


@pytest.mark.parametrize(
    ("name", "given", "complaint"),
    [
        ("tagging", {"output": "crf", "training": Training(class_weights="balanced")}, "class_weights"),
        ("tagging", {"output": "crf", "training": Training(label_smoothing=0.1)}, "label_smoothing"),
        (
            "tagging",
            {"characters": "none", "character_units": 9},
            "character_units is 9, but a tagger without characters",
        ),
        ("intents_and_slots", {"training": Training(label_smoothing=0.1)}, "label_smoothing"),
        ("intents_and_slots", {"output": "crf", "training": Training(class_weights="balanced")}, "class_weights"),
        ("sentiment", {"pooling": "max", "stack": Stack(dropout=0.1, locked=True)}, r"stack\.locked is True, but max"),
        ("sentiment", {"teacher": "answers.jsonl", "teacher_weight": 0}, "teacher_weight is 0.0: give a number of at"),
        *(
            (
                name,
                {"attention": Attention(kind="none"), **given},
                rf"{setting} is 1\.0, but a model without attention",
            )
            for name in ("translation", "captioning", "programs")
            for setting, given in (
                (r"training\.attention_penalty", {"training": Training(attention_penalty=1.0)}),
                (r"search\.coverage_penalty", {"search": Search(coverage_penalty=1.0)}),
            )
        ),
        *(
            ("programs", {"training": Training(**{bound: 99})}, f"{bound} is 99, but training on rows that are drawn")
            for bound in ("max_epoch_steps", "batch_tokens")
        ),
        ("language_model", {"training": Training(class_weights="balanced")}, "class_weights"),
        (
            "question_answering",
            {"decoder": Stack(units=(9,))},
            r"decoder\.cell is 'lstm'|decoder\.units is \(9,\), but answer_as class",
        ),
        ("question_answering", {"encoder": Encoder(points=3)}, r"encoder\.(points|filters)"),
        (
            "video_frames",
            {"encoder": Encoder(backbone="MobileNetV2", units=32)},
            "units is 32, but the backbone MobileNetV2 doesn't read it: leave it at 64",
        ),
        ("captioning", {"attention": Attention(kind="multiplicative", units=8)}, r"attention\.units is 8"),
        ("programs", {"data": ([], []), "rows": 99}, "rows is 99, but training on data of one's own"),
        ("video_frames", {"window": 0, "random_windows": True}, "random_windows is True"),
        ("translation", {"training": Training(tar=1.0)}, r"training\.tar"),
        *(
            (name, {"embedding": Embedding(vectors="vectors.txt")}, f"vectors is 'vectors.txt', but the recipe {name}")
            for name in ("translation", "programs", "language_model", "captioning", "question_answering")
        ),
        *(
            (
                name,
                {"search": Search(n_best=2), **given},
                rf"search\.n_best is 2, but the recipe {name} doesn't read it",
            )
            for name, given in {"captioning": {}, "programs": {}, "question_answering": {"answer_as": "text"}}.items()
        ),
    ],
)
def test_recipes_refuse_what_they_do_not_read(name, given, complaint, tmp_path):
    with pytest.raises(InputError, match=complaint):
        getattr(ours, name)(out=tmp_path / "run", **given)
    assert not list(tmp_path.iterdir())


def test_special_settings_exist():
    settings = {"embedding": Embedding(), "training": Training(), "search": Search()}
    for setting in SPECIAL:
        argument, _, field = setting.partition(".")
        assert hasattr(settings[argument], field)


def test_a_recipe_that_does_not_say_what_matters_shows_its_own_settings():
    @recipe(task="nothing:Nothing")
    def unsaid(data=None, *, width: int = 3, stack: Stack = Stack(), training: Training = Training(), **run):
        """A recipe."""

    try:
        assert unsaid.recipe.first == (
            "data", "width", "test", "out", "training.epochs", "training.batch_size", "training.learning_rate",
        )  # fmt: skip
    finally:
        recipes.discard("unsaid")
