"""What a reader or a check noticed about somebody's data: what, where, and what to do."""

import dataclasses
from collections.abc import Sequence
from typing import Literal

from seqkit.core.errors import InputError

Harm = Literal["error", "warning", "note"]
HARMS: tuple[Harm, ...] = ("error", "warning", "note")  # in order
SHOWN = 10  # places that are named


@dataclasses.dataclass(frozen=True)
class Finding:
    """One kind of thing that was noticed in one source.

    Attributes:
        kind: Its name, for scripts: header_row, repeated_row.
        harm: "error" where figures would be wrong, "warning" where they may mislead, "note" where a rule was applied that a
            reader should know of.
        what: A sentence, without a full stop.
        places: Where: "reviews.tsv, line 7", the first SHOWN of `count`.
        count: How often.
        advice: What to do; nothing where there is nothing to do.
    Example:
        >>> places = ["rows.tsv, line 7", "rows.tsv, line 9"]
        >>> print(seqkit.Finding.at("repeated_row", "warning", "A row stands there twice", places))
        A row stands there twice (rows.tsv, lines 7, 9).
    """

    kind: str
    harm: Harm
    what: str
    places: tuple[str, ...] = ()
    count: int = 1
    advice: str = ""

    @classmethod
    def at(cls, kind: str, harm: Harm, what: str, places: Sequence[str], advice: str = "") -> "Finding":
        """A finding in all of these places, of which the first are named."""
        return cls(kind, harm, what, tuple(places[:SHOWN]), len(places), advice)

    def listed(self) -> list[str]:
        """The places, those in one file in a line that names it once: "reviews.tsv, lines 7, 9 and 3 more"."""
        more = f" and {self.count - len(self.places):,} more" if 0 < len(self.places) < self.count else ""
        files, numbers = (
            zip(*(place.rpartition(" ")[::2] for place in self.places), strict=True) if self.places else ((), ())
        )
        if len(self.places) > 1 and len(set(files)) == 1 and all(map(str.isdigit, numbers)):
            return [f"{files[0]}s {', '.join(numbers)}{more}"]
        return [*self.places, *([more.strip()] if more else [])]

    @property
    def where(self) -> str:
        """The places in a line."""
        return "; ".join(self.listed())

    def __str__(self) -> str:
        where = f" ({self.where})" if self.places else ""
        return f"{self.what}{where}.{' ' + self.advice if self.advice else ''}"


def in_order(findings: Sequence[Finding]) -> list[Finding]:
    """Each once, the most harmful first."""
    return sorted(dict.fromkeys(findings), key=lambda finding: HARMS.index(finding.harm))


def refuse(findings: Sequence[Finding]) -> None:
    """Raise InputError where something is an error or a warning."""
    harmful = [finding for finding in in_order(findings) if finding.harm != "note"]
    if harmful:
        more = f" And {len(harmful) - 1} more." if len(harmful) > 1 else ""
        raise InputError(f"Refused, as strict asks: {harmful[0]}{more}")
