"""What the command line does with an artefact."""

import shlex
from pathlib import Path

import seqkit_runner
from seqkit.cli.telling import next_steps
from seqkit.core.terminal import shown


def verify(path: Path, /) -> None:
    """Compare an artefact's files with their digests, and answer its test vectors with the runtime of its format.

    Parameters
    ----------
    path
        A folder that seqkit export wrote, or the zip of it.
    """
    print(shown(seqkit_runner.verified(path)))
    next_steps(f"seqkit serve {shlex.quote(str(path))}", "see its model_card.md")


def serve(path: Path, /, *, port: int = 8000, host: str = "127.0.0.1") -> None:
    """Serve an artefact over HTTP, requests that come together in one batch; /docs says how to ask.

    Parameters
    ----------
    path
        A folder that seqkit export wrote, or the zip of it.
    port
        On which it listens.
    host
        The address that is listened on: this machine's own, unless others are to ask.
    """
    seqkit_runner.serve(path, host=host, port=port)
