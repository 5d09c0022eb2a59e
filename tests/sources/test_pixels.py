"""Pictures as a viewer shows them: the same scene from every way of writing it."""

import io
import struct
import subprocess
import sys
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from seqkit.sources.damage import BROKEN, PIXELS
from seqkit.sources.pixels import FORMATS, decode_image, resized

SIZE = (6, 8)  # height, width
# four flat quarters, no two alike, each of the eight turns of them another picture
SCENE = np.zeros((*SIZE, 3), np.uint8)
SCENE[:3, 4:], SCENE[3:, :4], SCENE[3:, 4:] = (255, 0, 0), (0, 255, 0), (255, 255, 255)
GREY = np.linspace(0, 255, SIZE[0] * SIZE[1]).round().astype(np.uint8).reshape(SIZE)
# what a camera stores where a viewer is to show `up`, by the EXIF standard: where the stored row 0 and column 0 lie
STORED = {
    1: lambda up: up,
    2: lambda up: up[:, ::-1],
    3: lambda up: up[::-1, ::-1],
    4: lambda up: up[::-1],
    5: lambda up: up.transpose(1, 0, 2),
    6: lambda up: up.transpose(1, 0, 2)[::-1],
    7: lambda up: up.transpose(1, 0, 2)[::-1, ::-1],
    8: lambda up: up.transpose(1, 0, 2)[:, ::-1],
}


def written(image, kind="png", **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def decode(data):
    several = []
    return decode_image(data, "here", several.append), several


def in_rgb(pixels):
    return np.repeat(pixels[..., None], 3, axis=-1)


@pytest.mark.parametrize("turn", STORED)
@pytest.mark.parametrize("kind", ["png", "jpeg", "tiff", "webp"])
def test_a_picture_is_turned_as_it_says(kind, turn):
    exif = Image.Exif()
    exif[0x0112] = turn
    big = np.repeat(np.repeat(SCENE, 16, axis=0), 16, axis=1)  # so that a lossy file keeps it
    options = {"lossless": True} if kind == "webp" else {"quality": 95} if kind == "jpeg" else {}
    data = written(Image.fromarray(np.ascontiguousarray(STORED[turn](big))), kind, exif=exif, **options)
    shown = decode(data)[0]
    assert shown.shape == big.shape
    np.testing.assert_allclose(shown[8::16, 8::16].astype(int), SCENE, atol=3 if kind == "jpeg" else 0)


def see_through():
    alpha = np.full((*SIZE, 1), 255, np.uint8)
    alpha[:2], alpha[2] = 0, 102  # nothing of the first rows is seen, two fifths of the next
    share = alpha / 255.0
    return alpha, np.rint(SCENE * share + 255 * (1 - share)).astype(np.uint8)


def palette(**options):
    return written(Image.fromarray(SCENE).quantize(4, dither=Image.Dither.NONE), **options)


ALPHA, ON_WHITE = see_through()
HALVES = np.zeros((*SIZE, 3), np.uint8)
HALVES[:, 4:] = 255
KINDS = {
    "rgb": (written(Image.fromarray(SCENE)), SCENE),
    "grey": (written(Image.fromarray(GREY)), in_rgb(GREY)),
    "one bit": (written(Image.fromarray(HALVES).convert("1", dither=Image.Dither.NONE)), HALVES),
    "palette": (palette(), SCENE),
    "gif": (palette(kind="gif"), SCENE),
    "16 bits": (written(Image.fromarray(GREY.astype(np.uint16) * 257)), in_rgb(GREY)),
    "16 bits in TIFF": (written(Image.fromarray(GREY.astype(np.uint16) * 257), "tiff"), in_rgb(GREY)),
    "16 bits in PGM": (b"P5 8 6 65535\n" + (GREY.astype(">u2") * 257).tobytes(), in_rgb(GREY)),
    "between two of 16 bits": (written(Image.fromarray(np.full(SIZE, 12_345, np.uint16))), in_rgb(np.full(SIZE, 48))),
    "transparent": (written(Image.fromarray(np.concatenate([SCENE, ALPHA], axis=2))), ON_WHITE),
    "transparent webp": (
        written(Image.fromarray(np.concatenate([SCENE, ALPHA], axis=2)), "webp", lossless=True),
        ON_WHITE,
    ),
    "transparent grey": (
        written(Image.fromarray(np.concatenate([np.zeros_like(ALPHA), ALPHA], axis=2))),
        in_rgb(255 - ALPHA[..., 0]),
    ),
    "one colour is transparent": (
        written(Image.fromarray(SCENE), transparency=(255, 0, 0)),
        np.where((SCENE == (255, 0, 0)).all(axis=2, keepdims=True), 255, SCENE),
    ),
    "one of 16 bits is transparent": (
        written(Image.fromarray(np.where(GREY > 99, GREY, 7).astype(np.uint16) * 257), transparency=7 * 257),
        in_rgb(np.where(GREY > 99, GREY, 255)),
    ),
    "CMYK": (written(Image.fromarray(SCENE).convert("CMYK"), "tiff"), SCENE),
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_picture_is_what_a_viewer_shows(kind):
    data, expected = KINDS[kind]
    pixels, several = decode(data)
    assert pixels.dtype == np.uint8
    assert not several
    np.testing.assert_allclose(pixels.astype(int), expected, atol=1 if "transparent" in kind else 0)


# of ISO 22028 and IEC 61966-2-1: red, green and blue in XYZ under D50
PRIMARIES = ((0.4360747, 0.2225045, 0.0139322), (0.3850649, 0.7168786, 0.0971045), (0.1430804, 0.0606169, 0.7141733))


def profile(space, **tags):
    """An ICC profile of version 2 (ICC.1:2001-04): tags are points in XYZ, or lists of a curve, straight without numbers."""

    def fixed(values):
        return struct.pack(f">{len(values)}i", *(round(value * 65536) for value in values))

    curve = b"curv" + bytes(4)
    parts = [
        curve + struct.pack(f">I{len(value)}H", len(value), *value)
        if isinstance(value, list)
        else b"XYZ " + bytes(4) + fixed(value)
        for value in tags.values()
    ]
    start = 128 + 4 + 12 * len(parts)
    places = [start + sum(map(len, parts[:number])) for number in range(len(parts))]
    table = b"".join(
        struct.pack(">4sII", name.encode(), place, len(part))
        for name, place, part in zip(tags, places, parts, strict=True)
    )
    size = start + sum(map(len, parts))
    head = struct.pack(">I4xI4s4s4s12x4s28x", size, 0x02100000, b"mntr", space, b"XYZ ", b"acsp") + fixed(
        (0.9642, 1, 0.8249)
    )
    return head.ljust(128, b"\0") + struct.pack(">I", len(parts)) + table + b"".join(parts)


def in_srgb(light):
    """Light, 0 to 1, as sRGB writes it, 0 to 255 (IEC 61966-2-1)."""
    return 255 * np.where(light <= 0.0031308, 12.92 * light, 1.055 * np.clip(light, 1e-9, None) ** (1 / 2.4) - 0.055)


WHITE = {"wtpt": (0.9642, 1.0, 0.8249)}
CURVES = ("rTRC", "gTRC", "bTRC")
# of light itself, with what is called red and green exchanged
EXCHANGED = profile(
    b"RGB ", **WHITE, rXYZ=PRIMARIES[1], gXYZ=PRIMARIES[0], bXYZ=PRIMARIES[2], **{name: [] for name in CURVES}
)
GREY_LIGHT = profile(b"GRAY", **WHITE, kTRC=[])
COLOURS = np.random.default_rng(0).integers(0, 256, (*SIZE, 3)).astype(np.uint8)


@pytest.mark.parametrize("kind", ["png", "tiff", "webp", "jpeg"])
def test_colours_are_those_of_the_embedded_profile(kind):
    options = {"webp": {"lossless": True}, "jpeg": {"quality": 100, "subsampling": 0}}.get(kind, {})
    data = written(Image.fromarray(COLOURS), kind, icc_profile=EXCHANGED, **options)
    stored = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))  # what a lossy file has left
    np.testing.assert_allclose(decode(data)[0], in_srgb(stored / 255)[..., [1, 0, 2]], atol=1)


def test_a_profile_holds_for_greys_palettes_and_what_is_transparent():
    shown = in_rgb(in_srgb(GREY / 255))
    np.testing.assert_allclose(decode(written(Image.fromarray(GREY), icc_profile=GREY_LIGHT))[0], shown, atol=1.5)
    deep = Image.fromarray(GREY.astype(np.uint16) * 257)
    np.testing.assert_allclose(decode(written(deep, icc_profile=GREY_LIGHT))[0], shown, atol=1.5)
    np.testing.assert_array_equal(decode(palette(icc_profile=EXCHANGED))[0], SCENE[..., [1, 0, 2]])
    data = written(Image.fromarray(np.concatenate([SCENE, ALPHA], axis=2)), icc_profile=EXCHANGED)
    np.testing.assert_allclose(decode(data)[0], ON_WHITE[..., [1, 0, 2]], atol=1)


def test_a_profile_of_srgb_changes_nothing_and_one_that_is_none_is_left():
    inverse = np.interp(np.linspace(0, 1, 16), in_srgb(np.linspace(0, 1, 4096)) / 255, np.linspace(0, 1, 4096))
    coarse = dict.fromkeys(CURVES, (65535 * inverse).round().astype(int).tolist())
    srgb = profile(b"RGB ", **WHITE, **dict(zip(("rXYZ", "gXYZ", "bXYZ"), PRIMARIES, strict=True)), **coarse)
    for other in (srgb, b"no profile", EXCHANGED[:200], GREY_LIGHT):
        np.testing.assert_array_equal(decode(written(Image.fromarray(COLOURS), icc_profile=other))[0], COLOURS)


@pytest.mark.parametrize("kind", ["gif", "webp", "png", "tiff"])
def test_of_several_pictures_the_first_is_shown_and_told(kind):
    frames = [Image.fromarray(frame) for frame in (SCENE, SCENE[::-1].copy(), SCENE[:, ::-1].copy())]
    options = {"lossless": True} if kind == "webp" else {}
    pixels, several = decode(written(frames[0], kind, save_all=True, append_images=frames[1:], **options))
    np.testing.assert_array_equal(pixels, SCENE)
    assert several == ["here"]


def png_of(width, height):
    """A grey PNG of zeros, packed a thousandfold."""

    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    packer = zlib.compressobj(9)
    row = bytes(width + 1)
    rows = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("width", "height", "complaint"),
    [(10_000, 5_001, "10,000 x 5,001 = 50,010,000 pixels"), (20_000, 20_000, "too many pixels")],
)
def test_what_declares_too_many_pixels_takes_no_memory(tmp_path, width, height, complaint):
    assert width * height > PIXELS
    (tmp_path / "bomb.png").write_bytes(png_of(width, height))
    code = f"""
import pathlib, resource
from seqkit.sources.pixels import decode_image
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    decode_image(pathlib.Path({str(tmp_path / "bomb.png")!r}), "bomb.png", print)
except ValueError as error:
    print(error)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""
    said, grown = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    assert said == f"bomb.png declares {complaint}: at most 50,000,000 are read. Make it smaller."
    assert int(grown) < 20  # MiB


@pytest.mark.parametrize("values", [np.arange(48.0, dtype=np.float32), np.arange(48, dtype=np.int32)])
def test_values_of_which_none_is_white_are_refused(values):
    with pytest.raises(ValueError, match="none is agreed to be white"):
        decode(written(Image.fromarray(values.reshape(SIZE)), "tiff"))


WHOLE = [
    written(Image.fromarray(SCENE), kind, **options)
    for kind, options in [(k, {}) for k in ("png", "jpeg", "bmp", "webp", "gif")]
    + [("tiff", {"compression": "tiff_lzw"})]
]


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(WHOLE), st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), max_size=4), st.floats(0, 1))
def test_a_damaged_file_gives_pixels_or_one_of_the_known_exceptions(whole, changes, kept):
    data = bytearray(whole)
    for place, value in changes:
        data[int(place * (len(data) - 1))] = value
    try:
        pixels, _ = decode(bytes(data[: len(data) - int(kept * 8)]))
    except BROKEN:  # also an InputError: too many pixels
        pass
    else:
        assert (pixels.dtype, pixels.ndim, pixels.shape[2]) == (np.uint8, 3, 3)


def test_no_format_runs_a_program():
    assert not {"EPS", "WMF", "FITS"} & set(FORMATS)
    with pytest.raises(OSError, match="cannot identify"):
        decode(written(Image.fromarray(SCENE), "eps"))


def test_flat_halves_stay_flat_whatever_the_size():
    shown = resized(HALVES, (3, 16))
    assert shown.shape == (3, 16, 3)
    assert (shown[:, :7] == 0).all()
    assert (shown[:, 9:] == 255).all()
