"""What is printed for people: text as it is, with what a terminal would obey shown instead."""

import re
from typing import Any

from rich.console import Console
from rich.text import Text

# Control characters but for tab and line feed, what turns the direction of writing, and halves of a character (of a file
# name that is no UTF-8), which can't be printed at all.
OBEYED = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def shown(text: str) -> str:
    r"""The text with each character that a terminal would obey written out, as \u001b."""
    return OBEYED.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


class Terminal(Console):
    """A console that shows every string as it is: no markup, no emoji codes, no escapes."""

    def __init__(self, **options: Any):
        super().__init__(markup=False, emoji=False, highlight=False, **options)

    def render_str(self, text: str, **options: Any) -> Text:
        """The text as rich prints it, in a line and in a table's cell alike."""
        return super().render_str(shown(text), **options)
