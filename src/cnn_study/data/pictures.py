"""From the bytes of one image file to pixels, with Pillow; knows nothing of folders and studies.

Whatever the bytes are, what comes of them is a picture or `Unreadable`: anybody may have made them.
"""

import io
import re
import threading
import warnings
from collections.abc import Generator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from importlib import import_module
from pathlib import PurePosixPath

import numpy as np
from PIL import Image, UnidentifiedImageError

FORMATS = ("JPEG", "PNG", "GIF", "BMP", "DIB", "TIFF", "WEBP", "AVIF", "PPM", "JPEG2000")
"""What Pillow may take a file for. Left out is what starts a program (EPS), and what hardly anybody
keeps photographs in: each format is one more way in."""

ENDINGS = {
    **dict.fromkeys(("jpg", "jpeg", "jpe", "jfif", "mpo"), "JPEG"),
    **dict.fromkeys(("jp2", "j2k", "jpx", "jpc", "jpf"), "JPEG2000"),
    **dict.fromkeys(("tif", "tiff"), "TIFF"),
    **dict.fromkeys(("bmp", "dib"), "BMP"),
    **dict.fromkeys(("ppm", "pgm", "pbm", "pnm"), "PPM"),
    **dict.fromkeys(("avif", "avifs"), "AVIF"),
    **dict.fromkeys(("heic", "heif", "hif"), "HEIF"),
    "png": "PNG",
    "gif": "GIF",
    "webp": "WEBP",
}
"""Endings of the names of image files, in small letters, and what such a file holds."""

SAME = {"MPO": "JPEG", "DIB": "BMP"}
"""Formats under the name that `ENDINGS` has for them."""

MOST_BYTES = 2**28
"""Of one file; one of more is no photograph."""

MOST_PIXELS = 120_000_000
"""Of one image: nearly every camera's has fewer, and these take 360 MB when decoded. A file of few
bytes can say of itself that it is larger than any memory."""

LARGE_PIXELS = 16_000_000
"""Images of more are decoded one at a time, so that threads do not add up to gigabytes."""

_ONE_LARGE = threading.Lock()

ORIENTATION = 0x0112
"""The tag of EXIF that says how a camera was held."""

TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""By orientation: what sets the image upright."""

NOTES = {
    "animation": "the first frame of an animation is taken",
    "pages": "the first of several pages is taken",
    "turned": "set upright, as the camera noted in it",
    "transparent": "transparent pixels are laid on the background",
    "16 bit": "grey of 16 bits, divided by 257",
    "wrong ending": "holds another format than its name says",
}
"""What may have been done to an image, and what the words for it stand for."""


@dataclass(frozen=True)
class Picture:
    """One image as it is, upright and opaque.

    Attributes:
        pixels: (height, width, channels) uint8; one channel where it is grey, however it was kept,
            else red, green and blue.
        notes: keys of `NOTES`.
    """

    pixels: np.ndarray
    notes: frozenset[str] = frozenset()


class Unreadable(Exception):
    """Why a file gives no image, in a few words that fit into parentheses behind its name."""


def read_picture(content: bytes, name: str, transparency: str = "white") -> Picture:
    """Read an image from the bytes of its file.

    Args:
        name: of the file, for its ending.
        transparency: what lies under transparent pixels, white or black; or refuse.

    Raises:
        Unreadable: they are no image, damaged, cut off, too large or of an unknown kind.
    """
    if not content:
        raise Unreadable("empty")
    with _without_warnings():
        try:
            return _read(content, name, transparency)
        except Unreadable:
            raise
        except UnidentifiedImageError:
            raise Unreadable(_no_image(content)) from None
        except Image.DecompressionBombError:
            raise Unreadable(f"has more than {MOST_PIXELS:,} pixels") from None
        except Exception as error:  # damaged bytes raise many kinds in Pillow
            raise Unreadable(_damage(error)) from None


def _read(content: bytes, name: str, transparency: str) -> Picture:
    with Image.open(io.BytesIO(content), formats=_formats(content)) as image:
        width, height = image.size
        if width * height > MOST_PIXELS:
            raise Unreadable(
                f"is {width:,}×{height:,} pixels, and at most {MOST_PIXELS:,} of them are read"
            )
        with _ONE_LARGE if width * height > LARGE_PIXELS else nullcontext():
            return _decode(image, name, transparency)


def _decode(image: Image.Image, name: str, transparency: str) -> Picture:
    kind = SAME.get(image.format or "", image.format)
    notes = {"wrong ending"} if kind != ENDINGS.get(ending(name), kind) else set()
    if kind != "JPEG" and getattr(image, "is_animated", False):  # phones hide images in a JPEG
        notes.add("pages" if kind == "TIFF" else "animation")
    turn = TURNS.get(_orientation(image))
    image.load()
    if turn is not None:
        notes.add("turned")
        if kind != "TIFF":  # Pillow turns those by itself
            image = image.transpose(turn)
    if image.mode == "F" or (image.mode == "I" and kind != "PPM"):
        numbers = "floating-point" if image.mode == "F" else "32-bit"
        raise Unreadable(
            f"has {numbers} numbers, whose white is unknown; save it with 8 or 16 bits"
        )
    if image.mode == "I" or image.mode.startswith("I;16"):
        return Picture(_of_16_bits(image), frozenset(notes | {"16 bit"}))
    if _shows_through(image):
        notes.add("transparent")
        image = _opaque(image, transparency)
    elif image.mode not in ("L", "RGB"):
        image = image.convert("L" if image.mode == "1" else "RGB")
    return Picture(_grey_if_equal(np.asarray(image)), frozenset(notes))


def ending(name: str) -> str:
    """Give what stands behind the last point of a file's name, in small letters."""
    return PurePosixPath(name).suffix.removeprefix(".").lower()


# ------------------------------------------------------------------------------- pixels


def _orientation(image: Image.Image) -> int:
    """Read how the camera was held: 1, upright, where nothing or nonsense is said of it."""
    try:
        return image.getexif().get(ORIENTATION, 1)
    except Exception:  # a damaged note in an image that is whole
        return 1


def _of_16_bits(image: Image.Image) -> np.ndarray:
    """Bring grey of 16 bits to 8, rounded: 65,535 becomes 255. Pillow would cut off at 255.

    (Of colour of 16 bits Pillow reads the upper 8, which is at most 1 less.)
    """
    return ((np.asarray(image).astype(np.uint32) + 128) // 257).astype(np.uint8)[..., None]


def _shows_through(image: Image.Image) -> bool:
    """Tell whether any pixel is transparent, and not only might be."""
    if not image.has_transparency_data:
        return False
    return image.convert("RGBA").getchannel("A").getextrema() != (255, 255)


def _opaque(image: Image.Image, transparency: str) -> Image.Image:
    """Lay an image on a plain background.

    Raises:
        Unreadable: transparency is refused.
    """
    if transparency == "refuse":
        raise Unreadable("transparent; transparency: white (or black) lays it on that colour")
    colour = image.convert("RGBA")
    background = Image.new("RGB", image.size, transparency)
    background.paste(colour, mask=colour)
    return background


def _grey_if_equal(pixels: np.ndarray) -> np.ndarray:
    """Keep one channel of an image without colour."""
    if pixels.ndim == 2:
        return pixels[..., None]
    is_grey = (pixels[..., :1] == pixels[..., 1:]).all()
    return np.ascontiguousarray(pixels[..., :1]) if is_grey else pixels


# ------------------------------------------------------------------------------- what is wrong

HEIF_BRANDS = (b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1")


def _formats(content: bytes) -> tuple[str, ...]:
    """Say what Pillow may take a file for; for HEIC it learns that first, if it can.

    Raises:
        Unreadable: it cannot.
    """
    if content[4:8] != b"ftyp" or content[8:12] not in HEIF_BRANDS or b"avif" in content[12:64]:
        return FORMATS
    try:
        pillow_heif = import_module("pillow_heif")
    except ImportError:
        raise Unreadable(
            'is HEIC, which needs the extra `heic`: pip install -e ".[heic]"'
        ) from None
    pillow_heif.register_heif_opener()
    return ("HEIF",)


def _no_image(content: bytes) -> str:
    """Say what a file is that Pillow does not know."""
    text = content[:512].removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if text.startswith((b"<svg", b"<?xml")):
        return (
            "a drawing of lines (SVG), no pixels" if b"<svg" in content[:4096].lower() else "text"
        )
    if text.startswith((b"<!doctype", b"<html")):
        return "a web page"
    return CUT_OFF if BEGINNINGS.match(content) else "no image"


BEGINNINGS = re.compile(
    rb"\xff\xd8\xff|\x89PNG|GIF8|BM|II\*\0|MM\0\*|RIFF....WEBP|....ftyp|P[1-6]\s|\0\0\0\x0cjP  ",
    re.DOTALL,
)
"""With which files of images begin; if Pillow does not know such a one, it ends too soon."""

CUT_OFF = "cut off or damaged"

ENDS_TOO_SOON = re.compile("truncated|broken data stream|not enough|decoder object", re.IGNORECASE)


def _damage(error: Exception) -> str:
    """Say what Pillow's error means."""
    is_cut_off = isinstance(error, EOFError) or ENDS_TOO_SOON.search(str(error))
    return CUT_OFF if is_cut_off else "damaged"


_QUIET = threading.Lock()
_quiet: list[warnings.catch_warnings] = []
_quiet_threads = 0


@contextmanager
def _without_warnings() -> Generator[None]:
    """Silence Pillow, which warns of damage in what it reads nevertheless.

    What Python offers for that sets the filters of the whole process; so the first thread sets
    them, and the last sets them back.
    """
    global _quiet_threads
    with _QUIET:
        if _quiet_threads == 0:
            _quiet.append(warnings.catch_warnings())
            _quiet[0].__enter__()
            warnings.simplefilter("ignore")
        _quiet_threads += 1
    try:
        yield
    finally:
        with _QUIET:
            _quiet_threads -= 1
            if _quiet_threads == 0:
                _quiet.pop().__exit__(None, None, None)
