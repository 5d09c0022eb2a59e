"""What is noticed while pictures and frames are read, gathered by kind."""

from collections.abc import Mapping

from seqkit.core.findings import Finding, Harm

KINDS: dict[str, tuple[Harm, str, str]] = {  # kind -> harm, what, advice
    "left_out": ("warning", "What can't be read was left out", "Restore it, or take it out of the data"),
    "skipped_file": (
        "warning",
        "Files that are neither recordings, nor labels of one, nor images that are read were left out",
        "Convert what belongs to the data, and take the rest out of the folder",
    ),
    "no_frames": ("warning", "Recordings without a frame were left out", "Record them again, or take them out"),
    "uneven_frames": (
        "warning",
        "Films whose frames don't follow each other in even time are read frame by frame all the same",
        "Where time matters convert them to a constant rate",
    ),
    "first_frame": ("note", "Of an animation, or a file of several pages, the first picture is read", ""),
}


Places = dict[str, dict[str, None]]  # by kind, each once


class Notices:
    """Places of what was noticed in one source."""

    def __init__(self) -> None:
        self._places: Places = {}
        self._new: Places = {}

    def add(self, kind: str, place: str) -> None:
        """Note one of KINDS at a place."""
        if place not in (known := self._places.setdefault(kind, {})):
            known[place] = None
            self._new.setdefault(kind, {})[place] = None

    def findings(self) -> tuple[Finding, ...]:
        """A finding a kind that there was, in the order of KINDS."""
        return _findings(self._places)

    def news(self) -> tuple[Finding, ...]:
        """The same of what was added since this was asked before: for what is told as it is decoded."""
        new, self._new = self._new, {}
        return _findings(new)


def _findings(places: Mapping[str, Mapping[str, None]]) -> tuple[Finding, ...]:
    return tuple(
        Finding.at(kind, harm, what, list(places[kind]), advice and f"{advice}.")
        for kind, (harm, what, advice) in KINDS.items()
        if kind in places
    )
