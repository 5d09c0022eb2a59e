"""python -m seqkit_runner verify|predict|generate|serve PATH: answers of an artefact from the command line."""

import argparse
import json
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np

import seqkit_runner
from seqkit_runner.artefact import load, verified
from seqkit_runner.errors import ArtefactError, shown

CHUNK = 256  # inputs answered at once


def inputs_of(file: str, kind: str) -> Iterator[list[Any]]:
    """Chunks of inputs: of texts one a line, of others a JSON value a line; an array of a file .npy is one input."""
    if file.endswith(".npy"):
        try:
            yield [np.load(file, allow_pickle=False)]
        except (OSError, ValueError, EOFError) as error:
            raise ArtefactError(f"{file} can't be read as an array ({error}).") from None
        return
    texts = kind in ("classify_text", "tag", "tag_and_label", "language_model", "write")
    try:
        with sys.stdin.buffer if file == "-" else open(file, "rb") as lines:
            chunk: list[Any] = []
            for number, line in enumerate(lines, start=1):
                where = f"{'standard input' if file == '-' else file}, line {number}"
                text = _text(line, where)
                chunk.append(text if texts else _value(text, where))
                if len(chunk) == CHUNK or file == "-":
                    yield chunk
                    chunk = []
            yield chunk
    except OSError as error:
        raise ArtefactError(f"{file} can't be read ({error}).") from None


def _text(line: bytes, where: str) -> str:
    """A line as `seqkit predict` reads it: without its end, and without marks of byte order before it."""
    try:
        return line.removesuffix(b"\n").removesuffix(b"\r").decode().lstrip("\ufeff")
    except UnicodeDecodeError as error:
        byte = line[error.start]
        raise ArtefactError(f"{where}: byte 0x{byte:02x} is not UTF-8. Convert the text first.") from None


def _value(line: str, where: str) -> Any:
    try:
        return json.loads(line)
    except ValueError as error:
        raise ArtefactError(f"{where} is no JSON ({error}).") from None


def _answer(path: str, file: str) -> None:
    artefact = load(path)
    for chunk in inputs_of(file, artefact.task.kind):
        for answer in artefact.predict(chunk):
            print(shown(json.dumps(answer, ensure_ascii=False)), flush=True)


def _write(path: str, prompt: str, settings: dict[str, Any]) -> None:
    print(end=prompt)
    for piece in load(path).generate(prompt, **settings):
        print(end=shown(piece) if sys.stdout.isatty() else piece, flush=True)
    print()


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    parser = argparse.ArgumentParser("seqkit_runner", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    of = {name: commands.add_parser(name) for name in ("verify", "predict", "generate", "serve")}
    for one in of.values():
        one.add_argument("path", help="the artefact: a folder, or the zip of it")
    of["predict"].add_argument(
        "file", nargs="?", default="-", help="a text or a JSON value a line, or .npy; - for standard input"
    )
    of["generate"].add_argument("--prompt", default="", help="what the text goes on from")
    for name, default in (("length", 200), ("temperature", 0.8), ("top-k", 0), ("top-p", 1.0), ("seed", 0)):
        of["generate"].add_argument(f"--{name}", type=type(default), default=default)
    of["generate"].add_argument("--stop", help="text before which to stop")
    of["serve"].add_argument(
        "--host",
        default="127.0.0.1",
        help="the address that is listened on: this machine alone, unless others are to ask",
    )
    of["serve"].add_argument("--port", type=int, default=8000)
    given = vars(parser.parse_args(arguments))
    command, path = given.pop("command"), given.pop("path")
    try:
        if command == "verify":
            print(shown(verified(path)))
        elif command == "predict":
            _answer(path, given["file"])
        elif command == "serve":
            seqkit_runner.serve(path, **given)
        else:
            _write(path, given.pop("prompt"), given)
    except ArtefactError as error:
        print(f"seqkit_runner: {shown(' '.join(str(error).split()))}", file=sys.stderr)
        return 2
    except BrokenPipeError:  # the reader of our output has gone
        sys.stdout = None
    return 0


if __name__ == "__main__":
    sys.exit(main())
