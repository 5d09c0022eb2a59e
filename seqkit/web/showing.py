"""What of an answer is shown on a page, and how: plain values, whatever draws them."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

Kind = Literal["shares", "tagged", "text", "table"]
SEGMENTS = ("label", "start", "end")  # columns of a table of frames


class Part(NamedTuple):
    """A piece of an answer.

    Attributes:
        kind: "shares", name -> probability; "tagged", (text, tag or None) pieces; "text", a string; "table", rows of
            `SEGMENTS`.
        label: What stands above it.
        value: Of that kind.
    """

    kind: Kind
    label: str
    value: Any


def parts_of(answer: Mapping[str, Any]) -> list[Part]:
    """The pieces of one of `Run.predict`'s answers, in the order in which a reader wants them.

    What no piece is made of (scores, others of a beam, whatever a recipe of one's own adds) is left to the whole answer,
    which a page shows too.

    Raises:
        ValueError: The answer is of an input that was left out.
    """
    if "left_out" in answer:
        raise ValueError(str(answer["left_out"]))
    parts = []
    if "probabilities" in answer:
        parts.append(Part("shares", "label", dict(answer["probabilities"])))
    if "tags" in answer:
        parts.append(Part("tagged", "tags", tagged(answer["tokens"], answer["tags"], answer.get("spans"))))
    if "confidence" in answer and "answer" in answer:
        parts.append(Part("shares", "answer", {str(answer["answer"]): answer["confidence"]}))
    if "segments" in answer:
        parts.append(Part("table", "segments", [[one[name] for name in SEGMENTS] for one in answer["segments"]]))
    written = [name for name, value in answer.items() if isinstance(value, str) and name not in ("label", "question")]
    if not parts:
        parts += [Part("text", name, answer[name]) for name in written]
    return parts


def tagged(
    tokens: Sequence[str], tags: Sequence[str], spans: Sequence[Mapping[str, Any]] | None
) -> list[tuple[str, str | None]]:
    """Tokens with their tags; where tags mark spans, each span as one piece and what is in none without a tag.

    Args:
        spans: "label", "begin" and "end" (not included), in their order; nothing for tags that each say something.
    """
    if spans is None:
        return list(zip(tokens, tags, strict=True))
    pieces: list[tuple[str, str | None]] = []
    at = 0
    for span in spans:
        if span["begin"] > at:
            pieces.append((" ".join(tokens[at : span["begin"]]), None))
        pieces.append((" ".join(tokens[span["begin"] : span["end"]]), span["label"]))
        at = span["end"]
    if at < len(tokens):
        pieces.append((" ".join(tokens[at:]), None))
    return pieces
