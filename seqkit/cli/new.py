"""`seqkit new`: from a file of data to a project that trains on it."""

import shlex
from pathlib import Path

import seqkit
from seqkit.cli.telling import next_steps, print_findings
from seqkit.core.registry import recipes
from seqkit.core.terminal import Terminal, shown


def new(recipe_or_dir: str, dir: Path | None = None, /, *, data: str) -> None:
    """Look at a file of data, say what is in it, and write DIR/seqkit.toml and DIR/train.py, which train on it.

    `seqkit new DIR --data FILE`, or `seqkit new RECIPE DIR --data FILE` where the file doesn't tell what it is for.

    Parameters
    ----------
    recipe_or_dir
        The recipe, such as tagging; it may be left out.
    dir
        The folder of the project. What lies there is not overwritten.
    data
        A table, a file of tokens or of text, or whatever the recipe reads.
    """
    recipe, folder = (None, Path(recipe_or_dir)) if dir is None else (recipe_or_dir, dir)
    made = seqkit.new_project(folder, data, recipe=recipe)
    Terminal(soft_wrap=True).print(*made.seen, sep="\n")
    print_findings(made.findings)
    print(*(shown(str(file)) for file in made.files), sep="\n")
    place = f"./{folder}" if str(folder) in recipes.names() else str(folder)  # a recipe's name is the recipe
    next_steps(f"look into {made.files[0]}, then seqkit train {shlex.quote(place)}")
