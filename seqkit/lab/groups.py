"""Groups of runs: those that differ in the seed alone are one, told from run.json."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from seqkit.core.errors import InputError
from seqkit.core.settings import Training
from seqkit.runs.searching import CHOSEN

BESIDE = ("seed", "data_dir", "strict", "test", *(f"training.{name}" for name in Training.elsewhere))
SOURCES = ("data", "valid")
ROWS = {"data": ("train", "training_rows"), "valid": ("valid", "validation_rows")}  # of each source
DIGITS = 8  # of a digest
LONGEST = 60  # characters of a value


@dataclasses.dataclass(frozen=True)
class Group:
    """Runs with the same settings.

    Attributes:
        name: The settings by which the groups differ.
        paths: Of the runs.
        seeds: Of each.
        settings: Those by which the groups differ.
    """

    name: str
    paths: tuple[Path, ...]
    seeds: tuple[int, ...]
    settings: Mapping[str, str]


def settings_of(info: Mapping[str, Any]) -> dict[str, str]:
    """The settings by which a run differs from one with another seed, flat: "stack.cell" -> "lstm"."""
    settings = dict(info["settings"]) | ({"search": info[CHOSEN]["settings"]} if CHOSEN in info else {})
    flat = {name: value for name, value in _flat(settings).items() if name not in BESIDE}
    for source in SOURCES:
        if str(flat.get(source, "")).startswith("<"):  # data in memory, of which what is held out differs with the seed
            flat[source] = f"{sum(info['data'][split]['rows'] for split in ('train', 'valid'))} rows in memory"
    return {"recipe": str(info["recipe"]), **flat, **_together(info)}


def _together(info: Mapping[str, Any]) -> dict[str, str]:
    """Of an ensemble how many members it has, and where their settings are not all the same, which."""
    if "members" not in info:
        return {}
    flat = [_flat(member.get("settings", {})) for member in info["members"]]
    names = sorted(set().union(*flat) - {*BESIDE})
    differing = [name for name in names if len({one.get(name) for one in flat}) > 1]
    kinds = sorted(" ".join(f"{name}={one.get(name, 'none')}" for name in differing) for one in flat)
    return {"members": " + ".join([str(len(flat)), *(kinds if differing else [])])}


def grouped(paths: Sequence[Path], infos: Sequence[Mapping[str, Any]]) -> tuple[list[Group], str]:
    """The groups in the order of their first runs, and a sentence on how they were made.

    Raises:
        InputError: A run is given twice.
    """
    places = [path.resolve() for path in paths]
    for number, place in enumerate(places):
        if place in places[:number]:
            raise InputError(f"{paths[number]} is given twice: give each run once.")
    known = [settings_of(info) for info in infos]
    for source in SOURCES:
        _tell_rows(source, known, infos)
    names = list(dict.fromkeys(name for one in known for name in one))
    differing = [name for name in names if len({one.get(name) for one in known}) > 1]
    members: dict[tuple[str, ...], list[int]] = {}
    for number, one in enumerate(known):
        members.setdefault(tuple(one.get(name, "none") for name in differing), []).append(number)
    if len(members) == 1:
        groups = [Group(str(path), (path,), (info["seed"],), {}) for path, info in zip(paths, infos, strict=True)]
        return (
            groups,
            "All runs have the same settings but for the seed: what differs between them is the seed's doing.",
        )
    short = [name.rpartition(".")[2] for name in differing]
    told = short if len({*short}) == len(short) else differing
    titles = [_title(told, [_cut(value) for value in values]) for values in members]
    if len({*titles}) < len(titles):
        titles = [_title(told, values) for values in members]
    groups = [
        Group(
            title,
            tuple(paths[number] for number in own),
            tuple(infos[number]["seed"] for number in own),
            dict(zip(differing, values, strict=True)),
        )
        for title, (values, own) in zip(titles, members.items(), strict=True)
    ]
    counts = ", ".join(str(len(group.paths)) for group in groups)
    return groups, (
        f"Runs that differ in the seed alone are one group: {len(groups)} groups, of {counts} "
        f"runs, which differ in {', '.join(differing)}."
    )


def _title(names: Sequence[str], values: Sequence[str]) -> str:
    return " ".join(f"{name}={value}" for name, value in zip(names, values, strict=True))


def _cut(value: str) -> str:
    """A value that is too long without its middle: paths differ at their ends."""
    begins = LONGEST // 3
    return value if len(value) <= LONGEST else f"{value[:begins]}...{value[begins + 3 - LONGEST :]}"


def _tell_rows(source: str, known: Sequence[dict[str, str]], infos: Sequence[Mapping[str, Any]]) -> None:
    """Add to runs' settings which rows a source held, where it didn't hold the same ones for all: a file was changed.

    What a run holds out itself differs with the seed, so that its rows say nothing.
    """
    split, name = ROWS[source]
    held: dict[str, dict[int, str]] = {}
    for number, info in enumerate(infos):
        rows = info["data"].get(split, {})
        if info["settings"].get("valid") is not None and "digest" in rows:
            held.setdefault(known[number].get(source, ""), {})[number] = f"{rows['rows']:,} ({rows['digest'][:DIGITS]})"
    for of_source in held.values():
        if len({*of_source.values()}) > 1:
            for number, rows_told in of_source.items():
                known[number][name] = rows_told


def _flat(settings: Mapping[str, Any], before: str = "") -> dict[str, str]:
    flat: dict[str, str] = {}
    for name, value in settings.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{before}{name}.")
        else:
            shown = ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
            flat[f"{before}{name}"] = shown
    return flat
