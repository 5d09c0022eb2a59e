"""How files write tags of spans: with which letters, before or after the type.

    scheme  begins  goes on  ends  alone
    iob1    I, and B behind a span of its own type (Ramshaw and Marcus 1995)
    bio     B       I        I     B      (IOB2)
    bioes   B       I        E     S      (IOBES)
    bilou   B       I        L     U
    bmes    B       M        E     S

Inside, all are as `seqkit.text.spans` has them: B, I, E or S, a dash and the type.
"""

import dataclasses
import re
from collections.abc import Iterable, Sequence
from typing import Any, Literal, Self, get_args

from seqkit.core.errors import InputError
from seqkit.text.spans import OUTSIDE, TAG, Scheme, convert, illegal

Name = Literal["bio", "iob1", "bioes", "bilou", "bmes"]
_RULES: dict[Name, Scheme] = {"bio": "bio", "iob1": "iob1", "bioes": "bioes", "bilou": "bioes", "bmes": "bioes"}
_PLAIN = "BIES"
_LETTERS: dict[Name, str] = {"bio": _PLAIN, "iob1": _PLAIN, "bioes": _PLAIN, "bilou": "BILU", "bmes": "BMES"}
_TAG = {
    after: re.compile(form) for after, form in ((False, r"([BILUMES])([-_])(.+)"), (True, r"(.+)([-_])([BILUMES])"))
}
_FORM = re.compile("B([-_])PER|PER([-_])B")
_STRAY = "?"  # stands before a tag of no scheme, so that it can't be taken for one of a span
_COMMON = 2  # tags of spans for each that is of none, from which a file is one of spans

Tags = list[tuple[str, ...]]


@dataclasses.dataclass(frozen=True)
class TagScheme:
    """How tags of spans are written.

    Attributes:
        name: Of the scheme.
        after: Whether the letter stands after the type: PER-B.
        dash: What stands between them.
    """

    name: Name
    after: bool = False
    dash: str = "-"

    @property
    def rules(self) -> Scheme:
        """Which tag may follow which, for tags as `seqkit.text.spans` has them."""
        return _RULES[self.name]

    @property
    def form(self) -> str:
        """How the tag is written that begins a PER."""
        return f"PER{self.dash}B" if self.after else f"B{self.dash}PER"

    def __str__(self) -> str:
        return self.name.upper() + (f", written as {self.form}" if self.form != "B-PER" else "")

    def parses(self, tag: str) -> bool:
        """Whether a tag is of this scheme."""
        return tag == OUTSIDE or self._parts(tag) is not None

    def plain(self, tags: Iterable[str]) -> tuple[str, ...]:
        """Tags as `seqkit.text.spans` has them; those of no span, and of no scheme, stay apart from each other."""
        return tuple(map(self._plain, tags))

    def own(self, plain: Iterable[str]) -> tuple[str, ...]:
        """The inverse of `plain`."""
        return tuple(map(self._own, plain))

    def convert(self, rows: Sequence[Sequence[str]]) -> Tags:
        """Tags of any scheme in this one; illegal sequences as conlleval reads them, a tag of no scheme as it is."""
        kinds = {tag for row in rows for tag in row}
        theirs = self if all(map(self.parses, kinds)) else detect(rows) or self
        return [self.own(_converted(theirs.plain(row), self.rules)) for row in rows]

    def to_json(self) -> dict[str, Any]:
        """As JSON."""
        return {"scheme": self.name, "tag_form": self.form}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Self | None:
        """The inverse of `to_json`; None where there is no scheme.

        Raises:
            InputError: There is no such scheme, or form.
        """
        name, form = value["scheme"], _FORM.fullmatch(value.get("tag_form", "B-PER"))
        if name is None:
            return None
        if name not in get_args(Name) or form is None:
            raise InputError(f"There is no tag scheme {name!r} with the form {value.get('tag_form')!r}.")
        return cls(name, form[2] is not None, form[1] or form[2])

    def _parts(self, tag: str) -> tuple[str, str] | None:
        """Letter and type of a span's tag."""
        match = _TAG[self.after].fullmatch(tag)
        letter, dash, kind = (match.groups()[::-1] if self.after else match.groups()) if match else ("", "", "")
        return (letter, kind) if letter and letter in _LETTERS[self.name] and dash == self.dash else None

    def _plain(self, tag: str) -> str:
        if tag == OUTSIDE:
            return tag
        parts = self._parts(tag)
        return _STRAY + tag if parts is None else f"{_PLAIN[_LETTERS[self.name].index(parts[0])]}-{parts[1]}"

    def _own(self, plain: str) -> str:
        match = TAG.fullmatch(plain)
        if match is None:
            return plain.removeprefix(_STRAY)
        letter = _LETTERS[self.name][_PLAIN.index(match[1])]
        return f"{match[2]}{self.dash}{letter}" if self.after else f"{letter}{self.dash}{match[2]}"


def detect(rows: Sequence[Sequence[str]]) -> TagScheme | None:
    """The scheme that tags are written in, None where they don't mark spans.

    A few tags may be of no scheme. Where BIO and IOB1 are both possible it is the one with fewer illegal tags.
    """
    kinds = {tag for row in rows for tag in row}
    forms = [TagScheme("bio", after, dash) for dash in "-_" for after in (False, True)]
    letters = {form: _letters(form, kinds) for form in forms}
    best = max(forms, key=lambda form: len(letters[form]))  # the first of equal ones
    found = "".join(letters[best].values())
    strays = len(kinds - {OUTSIDE}) - len(found)
    if not found or strays * _COMMON > len(found) or (OUTSIDE not in kinds and (strays or best.dash != "-")):
        return None
    if set(found) <= set("BI"):
        rows = [best.plain(row) for row in rows]
        counts: dict[Name, int] = {name: sum(illegal(row, _RULES[name]) for row in rows) for name in ("bio", "iob1")}
        return dataclasses.replace(best, name=min(counts, key=lambda name: counts[name]))
    names: tuple[Name, ...] = ("bioes", "bilou", "bmes")
    fitting = {name: sum(letter in _LETTERS[name] for letter in found) for name in names}
    return dataclasses.replace(best, name=max(fitting, key=lambda name: fitting[name]))


def is_span_tag(tag: str) -> bool:
    """Whether a tag marks a span in some scheme."""
    return any(form.fullmatch(tag) for form in _TAG.values())


def _letters(form: TagScheme, kinds: Iterable[str]) -> dict[str, str]:
    """Tag -> its letter, of the tags that are written so."""
    found = {kind: _TAG[form.after].fullmatch(kind) for kind in kinds}
    letter = 3 if form.after else 1
    return {kind: match[letter] for kind, match in found.items() if match and match[2] == form.dash}


def _converted(plain: Sequence[str], rules: Scheme) -> list[str]:
    """The same spans by other rules; tags of no scheme stay."""
    new = convert(plain, rules)
    return [old if old.startswith(_STRAY) else tag for old, tag in zip(plain, new, strict=True)]
