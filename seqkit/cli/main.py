"""The command line: which commands there are, and what becomes of what goes wrong."""

import os
import sys
from collections.abc import Sequence

from cyclopts import App, CycloptsError, UnknownOptionError, UnusedCliTokensError

from seqkit.cli import artefacts, commands, comparisons, lab_commands
from seqkit.cli.asked import Asked, asked
from seqkit.cli.book_commands import learn
from seqkit.cli.launch import launch, separated
from seqkit.cli.new import new
from seqkit.cli.recipe_commands import check_app, prepare_app, study_app, train_app
from seqkit.cli.telling import next_steps, unknown_flag, unused_words
from seqkit.core.errors import ExportError, InputError, Terminated, TrainingError, UnfinishedError
from seqkit.core.registry import recipes
from seqkit.core.terminal import shown
from seqkit.core.version import __version__
from seqkit.training.interruption import terminable
from seqkit_runner.errors import ArtefactError

DONE, FAILED, WRONG_INPUT, INTERRUPTED, TERMINATED = 0, 1, 2, 130, 143


COMPLETION = "--install-completion"
RECIPES = {
    "train": (train_app, "Train a recipe"),
    "check": (check_app, "Check a recipe's data"),
    "prepare": (prepare_app, "Prepare a recipe's data"),
    "study": (study_app, "Train a recipe with several settings and seeds"),
}


def command_line(about: Asked) -> App:
    """The app; of the recipes it imports those alone that the arguments are about."""
    app = App(
        name="seqkit",
        help="Train, evaluate and export recurrent sequence models.",
        version=__version__,
        help_format="plaintext",  # of this page: a reader of Markdown takes a third of its time
        result_action="return_value",
        suppress_keyboard_interrupt=False,  # the exit status and the sentence are ours
    )
    whole = about.arguments[:1] == [COMPLETION]  # the script that completes has all flags
    for name, (make, does) in RECIPES.items():
        if whole or about.arguments[:1] == [name]:
            app.command(make(about))
        else:
            app.command(App(name=name, help=f"{does}: seqkit {name} sentiment --help lists its settings."))
    app.command(list_recipes, name="recipes")
    for command in (
        new,
        launch,
        commands.evaluate,
        commands.predict,
        commands.generate,
        commands.score,
        commands.export,
        commands.ensemble,
        comparisons.compare,
        artefacts.verify,
        artefacts.serve,
        lab_commands.gradients,
        lab_commands.inspect,
        lab_commands.demo,
    ):
        app.command(command, help_format="markdown")
    app.command(commands.tune_search, name="tune-search", help_format="markdown")
    app.command(learn)
    app.register_install_completion_command(name=COMPLETION, help="Let the shell complete commands, recipes and flags.")
    return app


def list_recipes() -> None:
    """List the recipes, and where they come from."""
    for name, home in recipes.names().items():
        print(shown(f"{name}: {recipes.find(name).description} ({home})"))
    next_steps("seqkit new DIR --data FILE", "seqkit train RECIPE --help")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    os.environ["KERAS_BACKEND"] = "tensorflow"
    given = sys.argv[1:] if arguments is None else list(arguments)
    try:
        with terminable():
            about = asked(given) if given[:1] and given[0] in RECIPES else Asked(given)
            words = separated(about.arguments)
            status: int | None = command_line(about)(words, exit_on_error=False, print_error=False)
        return status or DONE
    except UnknownOptionError as error:
        return _complain(unknown_flag(error), WRONG_INPUT)
    except UnusedCliTokensError as error:
        return _complain(unused_words(error), WRONG_INPUT)
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
