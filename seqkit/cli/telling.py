"""What commands say alike: findings, and at their end what to do next."""

import sys
from collections.abc import Sequence

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
