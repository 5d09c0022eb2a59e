"""How files write spans as tags: what stands for a span's first token, for its last, for those between, and where.

    scheme  first  inside  last  alone
    bio     B      I       I     B      IOB2
    iob1    I      I       I     I      but B for the first right behind a span of the same type (Ramshaw and Marcus 1995)
    bioes   B      I       E     S      IOBES
    bilou   B      I       L     U      Ratinov and Roth 2009
    bmes    B      M       E     S
    ioe1    I      I       I     I      but E for the last right before a span of the same type (Sang, Veenstra 1999)
    ioe2    I      I       E     E

A prefix stands before the type of the span or after it, with one of SEPARATORS between; or alone, where spans have no
types. Inside, whatever a file writes is `seqkit.text.spans.Span`: schemes read and write those, so that each is converted
into each.
"""

import dataclasses
import functools
import itertools
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from seqkit.core.errors import InputError
from seqkit.text.spans import Span

OUTSIDE = "O"
SEPARATORS = "-_:/|.#+"
UNTYPED = "_"  # the type of spans that are tagged without one, as in seqeval
NEARLY_ALL = 0.8  # of the tokens must have a tag of a scheme, for the rest to be strays of it

Tags = list[tuple[str, ...]]
Adjacent = Mapping[tuple[str | None, str | None], int]  # how often a tag follows a tag; None is the edge of a sequence


@dataclasses.dataclass(frozen=True)
class TagScheme:
    """A way of writing spans as tags, one a token.

    Attributes:
        name: For people and settings.
        begin: Prefix of the first of several tokens.
        inside: Of those between the first and the last.
        end: Of the last.
        single: Of a span's only token.
        touching: In place of `begin` and `single` right behind a span of the same type, where that makes a difference.
        touched: In place of `end` and `single` right before such a span.
        outside: The tag of a token in no span.
        after: Whether prefixes stand after the type: PER-B.
        separator: What stands between; nothing, where tags are prefixes alone.
    """

    name: str
    begin: str
    inside: str
    end: str
    single: str
    touching: str = ""
    touched: str = ""
    outside: str = OUTSIDE
    after: bool = False
    separator: str = "-"

    def __str__(self) -> str:
        prefix = min(self._prefixes)
        form = self.tag(prefix, "PER")
        written = f", written as {form}" if form != f"{prefix}-PER" else ""
        return self.name.upper() + written + (f", with {self.outside} outside" if self.outside != OUTSIDE else "")

    def prefix(self, *, first: bool, last: bool, touches: bool, touched: bool) -> str:
        """What marks a token of a span.

        Args:
            first: Whether it is the span's first token.
            last: Whether it is the last.
            touches: Whether the span stands right behind another of its type.
            touched: Whether one of its type stands right behind it.
        """
        if first and touches and self.touching:
            return self.touching
        if last and touched and self.touched:
            return self.touched
        if first:
            return self.single if last else self.begin
        return self.end if last else self.inside

    def tag(self, prefix: str, kind: str) -> str:
        """Prefix and type as one."""
        if self.bare:
            return prefix
        return f"{kind}{self.separator}{prefix}" if self.after else f"{prefix}{self.separator}{kind}"

    def parts(self, tag: str | None) -> tuple[str, str]:
        """Prefix and type; two empty strings of `outside`, of None, and of a tag that is none of this scheme."""
        match = self._form.fullmatch(tag) if tag and tag != self.outside else None
        if match is None:
            return "", ""
        return match["prefix"], UNTYPED if self.bare else match["kind"]

    def has(self, tag: str) -> bool:
        """Whether a tag is of this scheme; otherwise it is a stray, which counts as `outside`."""
        return tag == self.outside or self.parts(tag) != ("", "")

    def spans(self, tags: Sequence[str]) -> list[Span]:
        """The spans of a sequence, in order, as the conlleval script of CoNLL-2000 reads them, of illegal sequences too.

        A span begins at a prefix that can't go on or end another, and at any other where none of that type is open. It ends
        with a prefix that can't begin one or go on, else before the next span, before `outside` and before a stray.
        """
        found: list[Span] = []
        begin, open_ = 0, ""  # the type of the open span
        for place, tag in enumerate([*tags, self.outside]):
            prefix, kind = self.parts(tag)
            if open_ and (kind != open_ or prefix in self._opening):
                found.append((open_, begin, place))
                open_ = ""
            if prefix and not open_:
                begin, open_ = place, kind
            if prefix in self._closing:
                found.append((open_, begin, place + 1))
                open_ = ""
        return found

    def write(self, found: Iterable[Span], length: int) -> tuple[str, ...]:
        """The tags of a sequence of `length` tokens with these spans, which are in order and don't overlap."""
        tags = [self.outside] * length
        found = list(found)
        begins, ends = {(kind, begin) for kind, begin, _ in found}, {(kind, end) for kind, _, end in found}
        for kind, begin, end in found:
            touches, touched = (kind, begin) in ends, (kind, end) in begins
            for place in range(begin, end):
                prefix = self.prefix(first=place == begin, last=place == end - 1, touches=touches, touched=touched)
                tags[place] = self.tag(prefix, kind)
        return tuple(tags)

    def of(self, rows: Sequence[Sequence[str]]) -> "TagScheme":
        """The scheme of other data: this one where none fits better, or none is told."""
        adjacent = _adjacent(rows)
        if not self.strays(rows) and not self._illegal(adjacent):
            return self
        fit = _best_fit(adjacent, self)
        return fit.scheme if fit is not None and fit.told else self

    def convert(self, rows: Sequence[Sequence[str]]) -> Tags:
        """Rows of tags of any scheme in this one; illegal sequences are repaired as `spans` reads them.

        A stray stays what it is, unless that is a tag of this scheme.
        """
        theirs = self.of(rows)
        strays = {tag for row in rows for tag in row if not theirs.has(tag) and not self.has(tag)}
        return [
            tuple(
                old if old in strays else new
                for old, new in zip(row, self.write(theirs.spans(row), len(row)), strict=True)
            )
            for row in rows
        ]

    def allows(self, before: str | None, tag: str | None) -> bool:
        """Whether `tag` may follow `before`; None stands for the beginning and the end of a sequence."""
        return self._follows(self.parts(before), self.parts(tag))

    def legal(self, tags: Sequence[str]) -> np.ndarray:
        """Whether tag (column) may follow tag (row): bool, (tags + 1, tags + 1); last row the beginning, last column the
        end.
        """
        prefixes, kinds = map(np.array, zip(*(self.parts(tag) for tag in (*tags, None)), strict=True))
        names, prefix = np.unique(prefixes, return_inverse=True)
        kind = np.unique(kinds, return_inverse=True)[1]
        follows = np.array([[[(a, b, same) in self._legal for b in names] for a in names] for same in (False, True)])
        legal: np.ndarray = follows[(kind[:, None] == kind).astype(np.int8), prefix[:, None], prefix]
        return legal

    def illegal(self, rows: Sequence[Sequence[str]]) -> int:
        """How often a tag, or the end, stands where the scheme allows none such."""
        return self._illegal(_adjacent(rows))

    def strays(self, rows: Iterable[Iterable[str]]) -> set[str]:
        """The tags that are none of this scheme."""
        return {tag for tag in set(itertools.chain.from_iterable(rows)) if not self.has(tag)}

    def named(self, name: str) -> "TagScheme":
        """Another scheme in the same writing."""
        (other,) = (scheme for scheme in SCHEMES if scheme.name == name)
        return dataclasses.replace(other, outside=self.outside, after=self.after, separator=self.separator)

    def to_json(self) -> dict[str, Any]:
        """As JSON: the name and the writing."""
        return {"name": self.name, "after": self.after, "separator": self.separator, "outside": self.outside}

    @classmethod
    def from_json(cls, value: Any) -> "TagScheme":
        """The inverse of `to_json`.

        Raises:
            InputError: There is no such scheme.
        """
        names = {scheme.name: scheme for scheme in SCHEMES}
        match value:
            case {"name": str(name), "after": bool(after), "separator": str(separator)} if name in names:
                outside = value.get("outside", OUTSIDE)  # up to version 0.9 nobody said
                scheme = dataclasses.replace(names[name], outside=outside, after=after, separator=separator)
                if (scheme.bare or separator in set(SEPARATORS)) and outside and isinstance(outside, str):
                    return scheme
        raise InputError(
            f"There is no tag scheme {value!r}: expected a name ({', '.join(names)}), whether prefixes stand after the "
            "type, the separator, and the tag outside of spans."
        )

    @property
    def bare(self) -> bool:
        """Whether tags are prefixes alone, and spans have no types."""
        return not self.separator and not self.after

    @functools.cached_property
    def _prefixes(self) -> set[str]:
        return {self.begin, self.inside, self.end, self.single, self.touching, self.touched} - {""}

    @functools.cached_property
    def _form(self) -> re.Pattern[str]:
        prefix, kind = f"(?P<prefix>{'|'.join(map(re.escape, self._prefixes))})", "(?P<kind>.+)"
        if self.bare:
            return re.compile(prefix)
        separator = re.escape(self.separator)
        return re.compile(f"{kind}{separator}{prefix}" if self.after else f"{prefix}{separator}{kind}", re.DOTALL)

    @functools.cached_property
    def _opening(self) -> set[str]:
        return {self.begin, self.single, self.touching} - {self.inside, self.end, self.touched, ""}

    @functools.cached_property
    def _closing(self) -> set[str]:
        return {self.end, self.single, self.touched} - {self.begin, self.inside, self.touching, ""}

    @functools.cached_property
    def _legal(self) -> set[tuple[str, str, bool]]:
        """Which prefix may follow which, and whether their types are the same; prefix and type are empty outside."""
        roles = [
            (first, last, touches, touched, self.prefix(first=first, last=last, touches=touches, touched=touched))
            for first, last, touches, touched in itertools.product((True, False), repeat=4)
            if (first or not touches) and (last or not touched)
        ]
        found = {("", "", True)}
        for first, last, touches, touched, prefix in roles:
            if last and not touched:
                found.add((prefix, "", False))
            if first and not touches:
                found.add(("", prefix, False))
            for next_first, _, next_touches, _, next_prefix in roles:
                if next_first and last and touched == next_touches:
                    found.add((prefix, next_prefix, next_touches))
                elif not next_first and not last:
                    found.add((prefix, next_prefix, True))
        return found

    def _illegal(self, adjacent: Adjacent) -> int:
        parts = {tag: self.parts(tag) for tag in set(itertools.chain.from_iterable(adjacent))}
        return sum(count for (before, tag), count in adjacent.items() if not self._follows(parts[before], parts[tag]))

    def _follows(self, before: tuple[str, str], after: tuple[str, str]) -> bool:
        return (before[0], after[0], before[1] == after[1]) in self._legal


SCHEMES = (
    TagScheme("bio", begin="B", inside="I", end="I", single="B"),
    TagScheme("iob1", begin="I", inside="I", end="I", single="I", touching="B"),
    TagScheme("bioes", begin="B", inside="I", end="E", single="S"),
    TagScheme("bilou", begin="B", inside="I", end="L", single="U"),
    TagScheme("bmes", begin="B", inside="M", end="E", single="S"),
    TagScheme("ioe1", begin="I", inside="I", end="I", single="I", touched="E"),
    TagScheme("ioe2", begin="I", inside="I", end="E", single="E"),
)
_PREFIX = f"[{''.join(sorted(set.union(*(scheme._prefixes for scheme in SCHEMES))))}]"
_SEPARATOR = f"([{re.escape(SEPARATORS)}])"
_WRITINGS = {  # whether prefixes stand after the type
    False: re.compile(f"{_PREFIX}{_SEPARATOR}.+", re.DOTALL),
    True: re.compile(f".+{_SEPARATOR}{_PREFIX}", re.DOTALL),
}
_BARE = re.compile(f"{_PREFIX}()")


@dataclasses.dataclass(frozen=True)
class Fit:
    """How a scheme fits rows of tags.

    Attributes:
        tokens: How many there are.
        outside: How many are in no span.
        strays: How many have a tag that is none of the scheme.
        illegal: How often a tag, or the end, stands where the scheme allows none such.
        marks: The distinct tags of spans.
        strange: How many distinct strays there are.
        like: Names of schemes that fit as well and come later.
    """

    scheme: TagScheme
    tokens: int
    outside: int
    strays: int
    illegal: int
    marks: frozenset[str]
    strange: int
    like: tuple[str, ...] = ()

    @property
    def paired(self) -> bool:
        """Whether some type has two prefixes, which is hardly chance."""
        return len(self.marks) > len({self.scheme.parts(tag)[1] for tag in self.marks})

    @property
    def told(self) -> bool:
        """Whether it is the scheme that the tags are written in; see `detect`."""
        known = self.tokens - self.strays
        rare = self.strange < len(self.marks)
        if known < NEARLY_ALL * self.tokens or not (rare or self.strays < known - self.outside):
            return False
        usual = (self.scheme.after, self.scheme.separator, self.scheme.outside) == (False, "-", OUTSIDE)
        return usual or (self.paired and known - self.illegal >= NEARLY_ALL * self.tokens)


def detect(rows: Sequence[Sequence[str]]) -> TagScheme | None:
    """The scheme that tags are written in, None where they don't mark spans.

    It is the one with the fewest strays and illegal tags; of equal ones the first of SCHEMES, with prefixes before the type.
    Where no tag is O, that of NEARLY_ALL tokens in no span stands for it.
    NEARLY_ALL tokens must have a tag of it, and strays be fewer than what is in spans, by tokens or by names: else they are
    labels of their own, all rare beside O. In another writing than B-PER and O some type must also have two prefixes, and
    nearly all tags be legal, since other labels look alike: N_S, a noun in the singular.
    """
    fit = fit_of(rows)
    return fit.scheme if fit is not None and fit.told else None


def fit_of(rows: Sequence[Sequence[str]]) -> Fit | None:
    """How the scheme fits that fits best, told or not; None where no tag looks like a span's."""
    return _best_fit(_adjacent(rows))


def is_span_tag(tag: str) -> bool:
    """Whether a tag looks like a typed span's in some scheme."""
    return any(form.fullmatch(tag) for form in _WRITINGS.values())


def _adjacent(rows: Iterable[Sequence[str]]) -> Adjacent:
    found: Counter[tuple[str | None, str | None]] = Counter()
    for row in rows:
        found.update(zip((None, *row), (*row, None), strict=True))
    return found


def _best_fit(adjacent: Adjacent, *preferred: TagScheme) -> Fit | None:
    counts: Counter[str] = Counter()
    for (_, tag), count in adjacent.items():
        if tag is not None:
            counts[tag] += count
    schemes = dict.fromkeys([*preferred, *(_with_outside(scheme, counts) for scheme in _candidates(counts))])
    fits = [fit for scheme in schemes if (fit := _fit(scheme, counts, adjacent)).marks]
    if not fits:
        return None
    best = min(fits, key=lambda fit: fit.strays + fit.illegal)  # the first of equal ones
    writing = [fit for fit in fits if fit.scheme == best.scheme.named(fit.scheme.name)]
    like = [fit.scheme.name for fit in writing if (fit.strays, fit.illegal) == (best.strays, best.illegal)]
    return dataclasses.replace(best, like=tuple(name for name in like if name != best.scheme.name))


def _fit(scheme: TagScheme, counts: Counter[str], adjacent: Adjacent) -> Fit:
    marks = frozenset(tag for tag in counts if any(scheme.parts(tag)))
    strays = {tag: count for tag, count in counts.items() if tag not in marks and tag != scheme.outside}
    return Fit(
        scheme,
        tokens=counts.total(),
        outside=counts[scheme.outside],
        strays=sum(strays.values()),
        illegal=scheme._illegal(adjacent),
        marks=marks,
        strange=len(strays),
    )


def _with_outside(scheme: TagScheme, counts: Counter[str]) -> TagScheme:
    """With the tag of NEARLY_ALL tokens in no span, where there is no O."""
    others = Counter({tag: count for tag, count in counts.items() if not any(scheme.parts(tag))})
    (tag, count), *_ = others.most_common(1) or [(OUTSIDE, 0)]
    if OUTSIDE in counts or count < NEARLY_ALL * others.total():
        return scheme
    return dataclasses.replace(scheme, outside=tag)


def _candidates(tags: Iterable[str]) -> list[TagScheme]:
    """Every scheme, in every writing that some tag has."""
    forms = [*_WRITINGS.items(), (False, _BARE)]
    found = {(after, match[1]) for tag in tags for after, form in forms if (match := form.fullmatch(tag)) is not None}
    return [
        dataclasses.replace(scheme, after=after, separator=separator)
        for after, separator in sorted(found, key=lambda one: (one[0], (SEPARATORS + " ").find(one[1] or " ")))
        for scheme in SCHEMES
    ]
