"""Encoder: what a user may set of how pictures and frames are read, checked as it is made."""

import dataclasses
from typing import ClassVar

from seqkit.core.bounds import at_least
from seqkit.core.errors import InputError
from seqkit.core.typed import check_fields

KERAS_FILE = ".keras"  # ends the name of a backbone that is a file


@dataclasses.dataclass(frozen=True)
class Encoder:
    """How images, or the frames of a recording, become vectors.

    Attributes:
        files: Fields that may name files.
        changes: For frames, put each vector's change since the frame before beside it.
        points: For vectors of points, the coordinates of one (3 for a skeleton in space): all points are then seen from the
            first of their frame, wherever that is; 0 for other vectors.
        times: For vectors, whether the last number of each is the time since the frame before, which the cell cfc reads; it
            is given in units of its mean.
        filters: For images, the channels of the 3x3 convolutions, each with 2x2 max pooling behind it.
        units: For images, the width of a frame's vector, or of the vector of each place in a single image.
        backbone: A model of keras.applications by name, such as MobileNetV2, instead of these convolutions; or a .keras file
            of any model that reads pixels from 0 to 255, with its weights, which the run holds then.
        weights: Of a backbone by name: imagenet, or a file; nothing to start from scratch.
        frozen: Whether training leaves the backbone as it is.
    Example:
        >>> seqkit.Encoder(filters=(16, 32, 64), units=128).filters  # three convolutions, each halves height and width
        (16, 32, 64)
    """

    files: ClassVar[frozenset[str]] = frozenset({"weights", "backbone"})

    changes: bool = True
    points: int = 0
    times: bool = False
    filters: tuple[int, ...] = (16, 32)
    units: int = 64
    backbone: str | None = None
    weights: str | None = None
    frozen: bool = False

    def __post_init__(self) -> None:
        check_fields(self, "encoder")
        at_least("encoder.points", self.points, 0)
        at_least("encoder.units", self.units, 1)
        for channels in self.filters:
            at_least("encoder.filters", channels, 1)
        if self.backbone is None and (self.weights is not None or self.frozen):
            raise InputError(
                f"encoder.weights is {self.weights} and encoder.frozen {self.frozen}, but there is no encoder.backbone: "
                "name one, such as MobileNetV2."
            )
        if self.backbone is not None and self.backbone.endswith(KERAS_FILE) and self.weights is not None:
            raise InputError(
                f"encoder.weights is {self.weights}, but {self.backbone} has weights of its own: leave encoder.weights out."
            )

    def unread(self) -> dict[str, str]:
        """Field -> what makes it count for nothing."""
        return {} if self.backbone is None else {"filters": f"the backbone {self.backbone}"}
