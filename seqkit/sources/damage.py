"""What damaged files of pictures and frames raise, and how large what they declare may be."""

import struct
import zipfile
import zlib

from PIL import Image

PIXELS = 50_000_000  # of a picture or a frame: what declares more is refused before memory is taken for it
BYTES = 3 * PIXELS  # of a frame or of a recording's labels in an .npz file, likewise
BROKEN = (
    OSError,
    EOFError,
    ValueError,
    SyntaxError,
    LookupError,
    TypeError,
    ArithmeticError,
    MemoryError,
    RuntimeError,
    struct.error,
    zipfile.BadZipFile,
    zlib.error,
    Image.DecompressionBombError,
)


def reason(error: BaseException) -> str:
    """The first line of what an exception says."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]
