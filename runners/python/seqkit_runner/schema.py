"""What the JSON files of an artefact may hold: checked before anything is made of it.

A schema is a type, with `object` for anything; a dict of fields, of which those that end in "?" may be left out, or
{str: schema} for any fields; a list [schema] of any length; or a tuple of which one has to fit, a schema or a value.
"""

import json
import math
from typing import Any

from seqkit_runner.chain import SCHEMES
from seqkit_runner.errors import ArtefactError

_KINDS = {
    str: "a text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    dict: "an object",
    list: "a list",
}

_TENSOR = {"name": str, "dtype": ("float32", "float16", "int32", "int64", "bool", "string"), "shape": [(str, int)]}
_GRAPH = {"path": str, "inputs": [_TENSOR], "outputs": [_TENSOR], "batch?": (1,), "signature?": str}
MANIFEST = {
    "artefact": int,
    "name": str,
    "format": str,
    "quantize": str,
    "task": ({"kind": str}, None),
    "graphs": {str: _GRAPH},
    "files": {str: {"bytes": int, "sha256": str}},
    "parity?": ({"tolerance?": float}, None),
}
ARRAY = {"dtype": str, "shape": [int], "data": str}
VECTORS = [
    {
        "inputs": object,
        "graph_inputs": {str: ARRAY},
        "graph_outputs": {str: {str: ARRAY}},
        "answer": ({str: object}, None),
    }
]
LABELS = {"labels": [str]}
TAGS = LABELS | {
    "scheme": ({"name": tuple(SCHEMES), "after": bool, "separator": str, "outside?": str}, None),
    "constraints": ([[bool]], None),
    "transitions?": [[float]],
    "end?": [float],
}
_SEARCH = {
    "beam": int,
    "length_penalty": float,
    "coverage_penalty": float,
    "no_repeat": int,
    "shortest": int,
    "longest": int,
    "ratio": float,
    "n_best": int,
    "temperature": float,
    "top_k": int,
    "top_p": float,
    "replace_unknown": bool,
    "seed": (int, None),
}
_IMAGE = {"size": [int], "channels": int}
_READS, _WRITES = {"tokenizer": str}, {"target_tokenizer": str, "search": _SEARCH, "answer": str}
TASKS: dict[str, dict[str, Any]] = {
    "classify_text": _READS | {"labels": str, "max_length": int},
    "tag": _READS | {"labels": str, "decoding": ("softmax", "crf")},
    "tag_and_label": _READS | {"labels": str, "decoding": ("softmax", "crf"), "tags": int},
    "language_model": _READS | {"contiguous": bool, "lines": bool, "ends": bool, "met_unknown": bool},
    "label_frames": {"labels": str, "shape": [int]},
    "classify_image": _READS | {"labels": str, "image": _IMAGE},
    "write": _READS | _WRITES,
    "caption": _WRITES | {"image": _IMAGE},
    "write_answer": _READS | _WRITES | {"image": _IMAGE},
}


def check(value: Any, schema: Any, where: str) -> Any:
    """What was read of a JSON file, if it is as the schema says.

    Args:
        where: Of the file and of the field in it, for complaints.
    Raises:
        ArtefactError: It isn't.
    """
    if isinstance(schema, tuple):
        _check_choice(value, schema, where)
    elif isinstance(schema, list):
        for place, item in enumerate(_of(list, value, where)):
            check(item, schema[0], f"{where}, item {place}")
    elif isinstance(schema, dict):
        fields = _of(dict, value, where)
        if str in schema:
            for field, item in fields.items():
                check(item, schema[str], f"{where}, {field!r}")
            return value
        for field, wanted in schema.items():
            name = field.removesuffix("?")
            if name in fields:
                check(fields[name], wanted, f"{where}, {name!r}")
            elif name == field:
                raise ArtefactError(f"{where} has no field {name!r}: export it again.")
    else:
        _of(schema, value, where)
    return value


def _check_choice(value: Any, choices: tuple[Any, ...], where: str) -> None:
    for one in choices:
        if not isinstance(one, type | dict | list):
            if value == one and isinstance(value, type(one)):
                return
        elif _is(value, _outer(one)):
            check(value, one, where)
            return
    expected = [_KINDS[_outer(one)] if isinstance(one, type | dict | list) else json.dumps(one) for one in choices]
    raise ArtefactError(f"{where} is {_told(value)}, where {' or '.join(expected)} is expected: export it again.")


def _outer(schema: Any) -> type:
    return schema if isinstance(schema, type) else type(schema)


def _is(value: Any, kind: type) -> bool:
    if kind is float:
        return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return isinstance(value, kind) and (kind in (object, bool) or not isinstance(value, bool))


def _of(kind: type, value: Any, where: str) -> Any:
    if not _is(value, kind):
        raise ArtefactError(f"{where} is {_told(value)}, where {_KINDS[kind]} is expected: export it again.")
    return value


def _told(value: Any) -> str:
    """A value as a complaint quotes it."""
    if isinstance(value, dict | list):
        return _KINDS[type(value)]
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:60]}..."


def parsed(content: bytes, where: str) -> Any:
    """What a JSON file holds.

    Raises:
        ArtefactError: It is no JSON.
    """
    try:
        return json.loads(content.decode(), parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        reason = "too many brackets" if isinstance(error, RecursionError) else str(error)
        raise ArtefactError(f"{where} is no JSON ({reason}): take the artefact from its source again.") from None


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is no number of JSON")
