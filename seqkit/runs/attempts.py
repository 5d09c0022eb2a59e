"""Things that are done each by itself: one that fails stops no other, and is named with its reason."""

import contextlib
from collections.abc import Iterator

from seqkit.core.errors import reason_of
from seqkit.core.progress import notify


class Attempts:
    """What was tried.

    Attributes:
        failed: What failed -> why.
    """

    def __init__(self) -> None:
        self.failed: dict[str, str] = {}

    @contextlib.contextmanager
    def __call__(self, what: str) -> Iterator[None]:
        """Try the block; an interruption goes through."""
        try:
            yield
        except Exception as error:
            self.failed[what] = reason_of(error)
            notify(f"Failed: {what} ({self.failed[what]}).")
