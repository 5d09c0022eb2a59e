"""The page on gradients through time: of fresh cells, and of a trained model's layers."""

from collections.abc import Mapping, Sequence
from os import PathLike
from typing import Any

import numpy as np
from markupsafe import Markup

from seqkit.report.pages import GREY, Section, axes, facts, figure, legend, paragraph, table, write

DISTANCES = (10, 25, 50, 100, 200, 400, 800)  # at which shares are given
LEAST = 1e-12  # that is drawn
LINEAR = "closed form"


def write_gradients(path: str | PathLike[str], found: Mapping[str, Any], *, version: str) -> None:
    """Write the page.

    Args:
        found: "lead"; "fresh", of untrained cells, and "trained", of a run, where there are: as
            `seqkit.lab.gradients` gives them.
    """
    sections = [*_fresh(found["fresh"]), *(_trained(found["trained"]) if "trained" in found else ())]
    write(path, title="Gradients through time", lead=found["lead"], sections=sections, version=version)


def _fresh(found: Sequence[Mapping[str, Any]]) -> list[Section]:
    if not found:
        return []
    curves = {_called(one): one["norms"] for one in found}
    length = max(len(norms) for norms in curves.values())
    distances = [distance for distance in DISTANCES if distance < length]
    closed = [one for one in found if "linear" in one]
    for one in closed:
        curves[f"{LINEAR}, scale {one['scale']:g}"] = one["linear"]
    rows = [
        [
            one["cell"],
            f"{one['scale']:g}",
            _radii(one["radii"]),
            *(_share(one["norms"], distance) for distance in distances),
            one["fate"],
            f"{one['weights']:.3g}",
            f"{one['clipped']:.3g}",
        ]
        for one in found
    ]
    heads = [
        "cell",
        "scale",
        "radius",
        *(f"{distance} steps" for distance in distances),
        "first step",
        "weights",
        "clipped",
    ]
    caption = (
        "Share of the last step's gradient that is left so many steps before; what becomes of it on its way to the first "
        "step; and the norm of the gradient of all weights, before and after clipping"
    )
    return [
        Section(
            "Before training",
            [
                _curves("fresh", "Norm of the gradient in the state, as a share of the last step's", curves),
                table(heads, rows, caption, words=3),
                paragraph(
                    "Clipping bounds what a step of training does where a gradient explodes: its direction is kept, "
                    "its length is not. It can't bring back what has died: where next to nothing arrives at the first "
                    "steps, the weights' gradient is that of the last ones, clipped or not, and what lies further back "
                    "is not learned."
                ),
                paragraph(
                    "Without its tanh a simple recurrence multiplies the gradient by its matrix at every step, so that "
                    "the norm follows the powers of the eigenvalues: that is the closed form. A tanh only takes from it."
                )
                if closed
                else Markup(""),
            ],
        )
    ]


def _trained(found: Mapping[str, Any]) -> list[Section]:
    layers = found["layers"]
    curves = {layer["name"]: layer["norms"] for layer in layers}
    jacobians = {layer["name"]: layer["jacobians"] for layer in layers}
    radii = [
        [layer["name"], layer["cell"], name, f"{value:.3f}"]
        for layer in layers
        for name, value in layer["radii"].items()
    ]
    gates = [
        [layer["name"], gate, f"{low:.1%}", f"{high:.1%}"]
        for layer in layers
        for gate, (low, high) in layer["saturation"].items()
    ]
    blocks = [
        facts(
            [
                ("run", found["run"]),
                ("rows", f"{found['rows']:,} of {found['source']}"),
                ("loss", f"{found['loss']:.4g}"),
                ("norm of the weights' gradient", f"{found['weights']:.4g}"),
                ("after clipping", f"{found['clipped']:.4g}"),
            ]
        ),
        _curves("trained", "Norm of dL/ds, over the steps of the longest row", curves, x="step"),
        _curves(
            "jacobians",
            "Spectral norm of the product of the Jacobians, from each step to the layer's last",
            jacobians,
            x="step",
        ),
    ]
    if radii:
        blocks.append(
            table(["layer", "cell", "matrix", "spectral radius"], radii, "Recurrent matrices, gate by gate", words=3)
        )
    if gates:
        blocks.append(
            table(
                ["layer", "gate", "near its lower end", "near its upper end"],
                gates,
                "How far gates are saturated",
                words=2,
            )
        )
    return [Section("After training", blocks)]


def _called(one: Mapping[str, Any]) -> str:
    return f"{one['cell']}, scale {one['scale']:g}" if one["radii"] else one["cell"]


def _radii(radii: Mapping[str, float]) -> str:
    return f"{max(radii.values()):.2f}" if radii else "–"


def _share(norms: Sequence[float], distance: int) -> str:
    place = len(norms) - 1 - distance
    return f"{norms[place]:.1e}" if place >= 0 else "–"


def _curves(
    name: str, title: str, curves: Mapping[str, Sequence[float]], *, x: str = "steps before the last one"
) -> Markup:
    picture, ax = axes(x, "", width=7.6, height=4.2)
    kinds = list(dict.fromkeys(curve.partition(",")[0] for curve in curves))
    drawn: dict[str, int] = {}
    for curve, norms in curves.items():
        values = np.asarray(norms, np.float64)
        values = values if x == "step" else values[::-1]
        kind = curve.partition(",")[0]
        drawn[kind] = drawn.get(kind, -1) + 1
        style = {"color": GREY, "linestyle": ":"} if kind == LINEAR else {"color": f"C{kinds.index(kind) % 10}"}
        style = {"linestyle": ("-", "--", "-.")[drawn[kind] % 3]} | style
        ax.plot(np.where(values > LEAST, values, np.nan), label=curve, linewidth=1.4, **style)
    ax.set_yscale("log")
    legend(ax)
    return figure(name, title, picture, large=True)
