"""What commands say alike: findings, and at their end what to do next."""

import difflib
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from cyclopts import UnknownOptionError, UnusedCliTokensError

from seqkit.core.findings import Finding
from seqkit.core.progress import notify
from seqkit.core.terminal import Terminal


def print_findings(findings: Sequence[Finding]) -> None:
    """Print what a check has found, each finding with its places."""
    for finding in findings:
        Terminal().print(f"{finding.harm} ({finding.kind}): {finding.what}. {finding.advice}")
        Terminal(soft_wrap=True).print(*(f"    {line}" for line in finding.listed()), sep="\n")


def next_steps(*commands: str) -> None:
    """Say what to do next, where a person reads what was printed."""
    if sys.stdout.isatty():
        notify(f"Next: {', or '.join(commands)}")


def steps_with_a_run(path: Path, *, generates: bool, report: bool) -> None:
    """Say what can be done with a run."""
    place = shlex.quote(str(path))
    if report and sys.stdout.isatty():
        notify(f"Report: {path / 'evaluations' / 'training' / 'report.html'}")
    use = f"seqkit generate {place} --prompt TEXT" if generates else f"seqkit predict {place} FILE"
    next_steps(use, f"seqkit evaluate {place} --data FILE", f"seqkit export {place} --format onnx")


def unknown_flag(error: UnknownOptionError) -> str:
    """What is said of a flag that isn't there, with the nearest that is: --epochs is meant for --training.epochs."""
    given = (error.token.keyword or error.token.value).partition("=")[0]
    flags = [name for one in error.argument_collection for name in one.names if name.startswith("--")]
    asked = given.lstrip("-").replace("_", "-")
    parts: dict[str, list[str]] = {}  # the last part of a flag's name -> the flags, shortest first
    for flag in sorted(flags, key=len):
        parts.setdefault(flag.lstrip("-").rpartition(".")[2], []).append(flag)
    whole = difflib.get_close_matches(asked, [flag.lstrip("-") for flag in flags], n=1)
    last = difflib.get_close_matches(asked.rpartition(".")[2], parts, n=1)
    if asked in parts or (last and not whole):
        near = parts[asked if asked in parts else last[0]][:3]
    else:
        near = [f"--{name}" for name in whole]
    return f"There is no flag {given}" + (f": did you mean {' or '.join(near)}?" if near else ": --help lists them.")


def unused_words(error: UnusedCliTokensError) -> str:
    """What is said of words that belong to no flag."""
    words = error.unused_tokens or []
    belong = "belongs" if len(words) == 1 else "belong"
    return (
        f"{', '.join(map(repr, words))} {belong} to no flag: repeat a flag for each of its values (--grid A --grid B), put "
        "what has blanks into quotes, or see --help."
    )
