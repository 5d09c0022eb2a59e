"""The command line: which commands there are, and what becomes of what goes wrong."""

import os
import sys
from collections.abc import Sequence

from cyclopts import App, CycloptsError

from seqkit.cli import commands, comparisons
from seqkit.cli.launch import launch, separated
from seqkit.cli.recipe_commands import asked_preset, check_app, prepare_app, study_app, train_app
from seqkit.core.errors import ExportError, InputError, Terminated, TrainingError, UnfinishedError
from seqkit.core.registry import recipes
from seqkit.core.terminal import shown
from seqkit.core.version import __version__
from seqkit.training.interruption import terminable
from seqkit_runner.errors import ArtefactError

DONE, FAILED, WRONG_INPUT, INTERRUPTED, TERMINATED = 0, 1, 2, 130, 143


def command_line(arguments: Sequence[str]) -> App:
    """The app; of the recipes it imports those alone that the arguments are about."""
    app = App(
        name="seqkit",
        help="Train, evaluate and export recurrent sequence models.",
        version=__version__,
        help_format="plaintext",  # of this page: a reader of Markdown takes a third of its time
        result_action="return_value",
        suppress_keyboard_interrupt=False,  # the exit status and the sentence are ours
    )
    wanted = arguments[1] if len(arguments) > 1 else None
    for name, make, does in (
        ("train", train_app, "Train a recipe"),
        ("check", check_app, "Check a recipe's data"),
        ("prepare", prepare_app, "Prepare a recipe's data"),
        ("study", study_app, "Train a recipe with several settings and seeds"),
    ):
        if arguments[:1] == [name]:
            app.command(make(wanted, asked_preset(arguments)))
        else:
            app.command(App(name=name, help=f"{does}: seqkit {name} sentiment --help lists its settings."))
    app.command(list_recipes, name="recipes")
    for command in (
        launch,
        commands.evaluate,
        commands.predict,
        commands.generate,
        commands.score,
        commands.export,
        commands.ensemble,
        comparisons.compare,
        commands.verify,
        commands.serve,
    ):
        app.command(command, help_format="markdown")
    app.command(commands.tune_search, name="tune-search", help_format="markdown")
    return app


def list_recipes() -> None:
    """List the recipes, and where they come from."""
    for name, home in recipes.names().items():
        print(shown(f"{name}: {recipes.find(name).description} ({home})"))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    os.environ["KERAS_BACKEND"] = "tensorflow"
    given = sys.argv[1:] if arguments is None else list(arguments)
    try:
        with terminable():
            status: int | None = command_line(given)(separated(given), exit_on_error=False, print_error=False)
        return status or DONE
    except (InputError, ArtefactError, CycloptsError) as error:
        return _complain(error, WRONG_INPUT)
    except (TrainingError, ExportError, UnfinishedError) as error:
        return _complain(error, FAILED)
    except BrokenPipeError:  # the reader of our output has gone
        sys.stdout = None
        return DONE
    except OSError as error:
        what = f"{error.filename}: {error.strerror}" if error.filename else str(error)
        return _complain(f"{what}. What was saved before is as it was.", FAILED)
    except Terminated as error:
        return _complain(str(error) or "terminated.", TERMINATED)
    except KeyboardInterrupt as error:
        return _complain(str(error) or "interrupted.", INTERRUPTED)


def _complain(error: object, status: int) -> int:
    print(f"seqkit: {shown(' '.join(str(error).split()))}", file=sys.stderr)
    return status
