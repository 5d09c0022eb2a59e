"""The pixels of a picture, as a viewer shows it: one decoder for everything that is read from picture files."""

import dataclasses
import functools
import hashlib
import io
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageCms, ImageOps

from seqkit.core.errors import InputError
from seqkit.sources.damage import PIXELS

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".jfif", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".pgm")
FORMATS = ("PNG", "JPEG", "BMP", "WEBP", "TIFF", "GIF", "PPM")  # by content, whatever the suffix; none runs a program
GROUND = (255, 255, 255, 255)  # on which what is transparent lies


@dataclasses.dataclass(frozen=True, eq=False)
class ImageRef:
    """An image, one of several in an array.

    Attributes:
        values: uint8, (images, height, width, 3), all of them.
        place: Its own.
        left_out: Why it can't be read, of one that only keeps its place in a row of answers.
    """

    values: np.ndarray
    place: int
    left_out: str = ""

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.asarray(self.values[self.place], dtype)

    def digest(self) -> bytes:
        """SHA-256 of the pixels."""
        image = self.values[self.place]
        return hashlib.sha256(repr(image.shape).encode() + image.tobytes()).digest()


def decode_image(file: Path | bytes, place: str, several: Callable[[str], None]) -> np.ndarray:
    """The picture that a file shows, of an animation the first one.

    It is turned as its EXIF orientation says, laid on white where it is transparent, brought from 16 bits to 8 by scaling,
    and to sRGB from palettes, grey, CMYK and YCbCr, and from the colour space of an embedded profile.

    Args:
        file: A path, or an encoded file.
        place: For complaints.
        several: Told the place where there is more than one picture.
    Returns:
        uint8, (height, width, 3).
    Raises:
        InputError: The file declares more than `PIXELS` pixels; no memory is taken for them.
        Exception: One of `seqkit.sources.damage.BROKEN`: it is damaged or no picture.
    """
    with opened(io.BytesIO(file) if isinstance(file, bytes) else file, place) as image:
        with _quiet():
            if image.format != "MPO" and getattr(image, "is_animated", False):  # the second one of a phone is a preview
                several(place)
                image.seek(0)
        return shown(image)


@contextmanager
def opened(file: Any, place: str) -> Iterator[Image.Image]:
    """A picture file of which only the head was read.

    Raises:
        InputError: It declares more than `PIXELS` pixels.
    """
    with _quiet():
        try:
            image = Image.open(file, formats=FORMATS)
        except Image.DecompressionBombError:
            raise too_large(place) from None
    with image:
        must_be_small(image.size, place)
        yield image


def shown(image: Image.Image) -> np.ndarray:
    """uint8, (height, width, 3): what a viewer shows of an open image.

    Raises:
        ValueError: Its values have no white that is agreed on.
    """
    of_16_bits = image.mode.startswith("I;16") or (image.mode == "I" and image.format == "PPM")
    with _quiet():
        image.load()
        image = ImageOps.exif_transpose(image)
    if of_16_bits:
        image = _in_8_bits(image)
    if image.mode in ("I", "F"):
        raise ValueError("its values have 32 bits, of which none is agreed to be white: save it with 8 or 16")
    colours = _in_srgb(image)
    if not image.has_transparency_data:
        return np.asarray(colours)
    colours.putalpha(image.convert("RGBA").getchannel("A"))
    ground = Image.new("RGBA", image.size, GROUND)
    return np.asarray(Image.alpha_composite(ground, colours).convert("RGB"))


def _in_srgb(image: Image.Image) -> Image.Image:
    """Mode RGB, without transparency; colours of an embedded profile as its default intent shows them."""
    profile = image.info.get("icc_profile")
    mode = {"1": "L", "L": "L", "LA": "L", "La": "L", "CMYK": "CMYK"}.get(image.mode, "RGB")
    transform = _to_srgb(profile, mode) if profile else None
    if transform is None:
        return image.convert("RGB")
    return _applied(image.convert(mode), transform)


def _applied(image: Image.Image, transform: ImageCms.ImageCmsTransform) -> Image.Image:
    found = ImageCms.applyTransform(image, transform)
    if found is None:  # which only a transform in place has for an answer
        raise ValueError("its colour profile can't be applied")
    return found


@functools.lru_cache(maxsize=8)
def _to_srgb(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """What brings colours of a profile to sRGB; None of one that is broken or of other colours, as viewers have it, and of
    sRGB itself, from which a rounding would bring some colours off.
    """
    try:
        given = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        intent = ImageCms.Intent(ImageCms.getDefaultIntent(given))
        transform = ImageCms.buildTransform(
            given, ImageCms.createProfile("sRGB"), mode, "RGB", intent, ImageCms.Flags.HIGHRESPRECALC
        )
    except (OSError, ValueError, ImageCms.PyCMSError):
        return None
    if mode == "RGB":
        steps = np.linspace(0, 255, 16).round().astype(np.uint8)
        colours = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(64, 64, 3)
        moved = np.asarray(_applied(Image.fromarray(colours), transform))
        if np.abs(moved.astype(int) - colours).max() <= 2:
            return None
    return transform


@contextmanager
def _quiet() -> Iterator[None]:
    """Without what Pillow warns of: a size for which there is a limit here, or damage beside the pixels."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def must_be_small(size: tuple[int, int], place: str) -> None:
    """Raise InputError where a width and a height are more than `PIXELS` together."""
    if size[0] * size[1] > PIXELS:
        raise too_large(place, f"{size[0]:,} x {size[1]:,} = {size[0] * size[1]:,} ")


def too_large(place: str, pixels: str = "too many ") -> InputError:
    return InputError(f"{place} declares {pixels}pixels: at most {PIXELS:,} are read. Make it smaller.")


def _in_8_bits(image: Image.Image) -> Image.Image:
    """Mode L, or LA where one grey of 16 bits is transparent."""
    values = np.asarray(image).astype(np.float64)
    grey = Image.fromarray(np.rint(values / 257.0).clip(0, 255).astype(np.uint8))  # 65535 = 255 * 257
    if isinstance(image.info.get("transparency"), int):
        grey.putalpha(Image.fromarray(np.where(values == image.info["transparency"], 0, 255).astype(np.uint8)))
    if "icc_profile" in image.info:
        grey.info["icc_profile"] = image.info["icc_profile"]
    return grey


def resized(pixels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """An image, uint8 or float32 (height, width, channels), brought to another height and width."""
    height, width = size
    channels = [
        np.asarray(Image.fromarray(channel).resize((width, height), Image.Resampling.BILINEAR))
        for channel in np.moveaxis(pixels, -1, 0)
    ]
    return np.stack(channels, axis=-1)
