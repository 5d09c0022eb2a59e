"""Programs: the text of a program in, what it prints out, character by character."""

from __future__ import annotations

from typing import TYPE_CHECKING, Unpack

from seqkit.core.arguments import Arguments, RunOptions, Source, recipe, without_attention
from seqkit.core.errors import InputError
from seqkit.core.settings import DECODER, Attention, CurriculumKind, Embedding, Exercise, Search, Stack, Training

if TYPE_CHECKING:
    from seqkit.runs.run import Run


def _unread(given: Arguments) -> dict[str, str]:
    """What is drawn, where there is data, or else bounds of rows that stay; and what is for attention, if there is none."""
    drawn, unattended = ("task", "length", "nesting", "curriculum", "rows"), without_attention(given)
    if given["data"] is None:
        bounds = ("training.max_epoch_steps", "training.batch_tokens")
        return unattended | dict.fromkeys(bounds, "training on rows that are drawn for each epoch")
    return unattended | dict.fromkeys(drawn, "training on data of one's own")


@recipe(
    task="seqkit.tasks.programs:Programs",
    least={"rows": 16},
    reads=DECODER,
    unread=_unread,
    first=(
        "data",
        "task",
        "length",
        "nesting",
        "curriculum",
        "rows",
        "out",
        "decoder.units",
        "training.epochs",
        "training.learning_rate",
    ),
)
def programs(
    data: Source = None,
    *,
    source: str = "source",
    target: str = "target",
    task: Exercise = "programs",
    length: int = 4,
    nesting: int = 2,
    curriculum: CurriculumKind = "combined",
    rows: int = 80_000,
    embedding: Embedding = Embedding(units=64),
    encoder: Stack = Stack(cell="lstm", units=(128,), bidirectional=True),
    decoder: Stack = Stack(cell="lstm", units=(256,)),
    attention: Attention = Attention(),
    search: Search = Search(beam=1, longest=100, ratio=0.0),
    training: Training = Training(epochs=20, batch_size=128, learning_rate=2e-3, schedule="cosine"),
    **run: Unpack[RunOptions],
) -> Run:
    """Learn to execute: read a program, write what it prints (Zaremba and Sutskever 2014).

    Without data of your own every epoch trains on fresh programs, of the sizes that the curriculum gives; none of those
    that validation and test have is ever among them.

    Args:
        data: Training pairs: a table, the prefix of two files of lines, or in Python (sources, targets); nothing for
            programs drawn on the spot.
        source: Column, or suffix of the file, of the programs.
        target: Column or suffix of what they print.
        task: What is drawn: programs of the paper's grammar, sums of two numbers, or digits to copy.
        length: Digits of the numbers that are drawn.
        nesting: Operations of a program that is drawn; sums and copies have none.
        curriculum: Sizes to train on: the final one throughout (baseline), from small to large (naive), all at once (mix),
            or naive four times in five and else mix (combined).
        rows: Programs to draw: three quarters an epoch, an eighth each for validation and test.
        embedding: How characters become vectors, on both sides.
        encoder: The recurrent layers that read.
        decoder: The recurrent layers that write, in one direction.
        attention: How the decoder looks at what the encoder read; with attention.copying one vocabulary is for both sides.
        search: How an answer is looked for.
        training: How the weights are moved.
    Returns:
        The run.
    Raises:
        InputError: The data or the settings are not as expected.
    Example:
        >>> from seqkit.recipes import programs
        >>> tiny = {"encoder": one_layer, "decoder": one_layer, "search": Search(beam=1, longest=5)}
        >>> run = programs(task="copying", length=3, rows=64, curriculum="baseline", out="copies", **tiny, **small)
        >>> sorted(run.predict(["123"])[0])
        ['answer', 'score']
    """
    arguments = locals()
    from seqkit.runs.builder import RunBuilder
    from seqkit.sources.parallel import read_parallel
    from seqkit.sources.stored import chained
    from seqkit.tasks.programs import DrawnPrograms, Programs, build_executor

    if search.replace_unknown:
        raise InputError(
            "search.replace_unknown is on, but programs are read and written symbol by symbol: leave it off."
        )
    columns = {"source": source, "target": target}
    with RunBuilder(programs, arguments) as making:
        exercises = DrawnPrograms(task, length, nesting if task == "programs" else 1, curriculum)
        splits = making.splits(columns, builtin=lambda: exercises.splits(rows), reader=read_parallel)
        texts = {field: splits.train[field] for field in ("source", "target")}
        vocabularies = [
            splits.vocabulary(side, own, unit="symbol")
            for side, own in ({"both": chained(list(texts.values()))} if attention.copying else texts).items()
        ]
        executor = Programs(
            columns, vocabularies[0], vocabularies[-1], search.of_run(run["seed"]), exercises if data is None else None
        )
        model = build_executor(executor, embedding, encoder, decoder, attention)
        return making.done(
            executor,
            model,
            splits,
            curriculum=(lambda rows: executor.curriculum(rows, run["seed"])) if data is None else None,
        )
