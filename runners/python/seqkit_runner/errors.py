"""What is wrong with an artefact, or with what it was asked."""

import re

# Control characters but for tab and line feed, what turns the direction of writing, and halves of a character.
_OBEYED = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


class ArtefactError(Exception):
    """One sentence: what was found, where, and what to do."""


def shown(text: str) -> str:
    r"""The text with each character that a terminal would obey written out, as \u001b."""
    return _OBEYED.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
