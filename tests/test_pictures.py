"""Reading images: each kind by hand, what is done to it, and what of damage and malice comes."""

import struct
import threading
import warnings
import zlib
from importlib.util import find_spec

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from cnn_study.data import pictures
from cnn_study.data.pictures import NOTES, Picture, Unreadable, read_picture
from pictures_by_hand import encoded, scenes

RAMP = np.arange(0, 65536, 257, dtype="uint16").reshape(16, 16)
"""All levels of 8 bits, in 16."""

PHOTO = scenes(np.random.default_rng(0), 1)[0]


def reason(content: bytes, name: str, transparency: str = "white") -> str:
    with pytest.raises(Unreadable) as caught:
        read_picture(content, name, transparency)
    return str(caught.value)


def png(width: int, height: int, bits: int = 8, colour: int = 0, rows: bytes = b"") -> bytes:
    """A PNG that says of itself whatever is wanted (its rows begin with a zero)."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        body = kind + content
        return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))

    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*both) for both in chunks)


# ------------------------------------------------------------------------------- levels


@pytest.mark.parametrize("name", ["ramp.png", "ramp.tif", "ramp.pgm"])
def test_grey_of_16_bits_is_divided_by_257(name):
    kind = {"png": "PNG", "tif": "TIFF", "pgm": "PPM"}[name[-3:]]
    picture = read_picture(encoded(RAMP, kind), name)
    assert picture.pixels.shape == (16, 16, 1)
    assert picture.pixels.ravel().tolist() == list(range(256))
    assert picture.notes == {"16 bit"}


def test_levels_between_are_rounded():
    """386 / 257 = 1.502, 385 / 257 = 1.498."""
    grey = np.array([[0, 128, 129, 385, 386, 65535]], "uint16")
    assert read_picture(encoded(grey), "a.png").pixels.ravel().tolist() == [0, 0, 1, 1, 2, 255]


def test_colour_of_16_bits_keeps_its_upper_8():
    rows = b"\0" + struct.pack(">6H", 0, 128 * 257, 65535, 255, 256, 257)
    pixels = read_picture(png(2, 1, bits=16, colour=2, rows=rows), "a.png").pixels
    assert pixels.tolist() == [[[0, 128, 255], [0, 1, 1]]]


def test_what_has_no_black_and_white_is_not_guessed():
    assert "floating-point" in reason(encoded(Image.new("F", (2, 2), 0.5), "TIFF"), "a.tif")
    assert "32-bit" in reason(encoded(Image.new("I", (2, 2), 5), "TIFF"), "a.tif")


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "RGBX", "CMYK", "YCbCr", "P", "PA"])
def test_colour_is_the_same_however_it_is_kept(mode):
    colours = [(255, 0, 0), (0, 0, 255), (255, 255, 255), (0, 0, 0)]
    image = Image.new("RGB", (2, 2))
    image.putdata(colours)
    kept = image.convert("P") if mode == "PA" else image
    picture = read_picture(encoded(kept.convert(mode), "TIFF"), "a.tif")
    wanted = np.array(colours).reshape(2, 2, 3)
    np.testing.assert_allclose(picture.pixels, wanted, atol=1)  # YCbCr is rounded
    assert picture.notes == frozenset()


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA"])
def test_grey_has_one_channel_however_it_is_kept(mode):
    image = Image.new("L", (3, 1))
    image.putdata([0, 255, 255])
    picture = read_picture(encoded(image.convert(mode)), "a.png")
    assert picture.pixels.tolist() == [[[0], [255], [255]]]
    assert picture.notes == frozenset()


# ------------------------------------------------------------------------------- transparency


@pytest.mark.parametrize(
    ("transparency", "second"), [("white", [244, 224, 204]), ("black", [40, 20, 0])]
)
def test_what_is_transparent_is_laid_on_the_background(transparency, second):
    """A fifth of 200, 100, 0 and four fifths of the background."""
    image = Image.new("RGBA", (2, 1), (200, 100, 0, 255))
    image.putpixel((1, 0), (200, 100, 0, 51))
    picture = read_picture(encoded(image), "a.png", transparency)
    assert picture.pixels.tolist() == [[[200, 100, 0], second]]
    assert picture.notes == {"transparent"}
    assert reason(encoded(image), "a.png", "refuse") == (
        "transparent; transparency: white (or black) lays it on that colour"
    )


@pytest.mark.parametrize(
    ("kind", "options"),
    [("PNG", {"transparency": 1}), ("GIF", {"transparency": 1}),
     ("PNG", {"transparency": bytes([255, 0])})],
)  # fmt: skip
def test_palettes_may_be_transparent(kind, options):
    image = Image.new("P", (2, 1))
    image.putpalette([10, 20, 30, 40, 50, 60])
    image.putpixel((1, 0), 1)
    picture = read_picture(encoded(image, kind, **options), f"a.{kind.lower()}")
    assert picture.pixels.tolist() == [[[10, 20, 30], [255, 255, 255]]]
    assert picture.notes == {"transparent"}


def test_an_alpha_channel_that_hides_nothing_is_no_transparency():
    opaque = Image.fromarray(PHOTO).convert("RGBA")
    picture = read_picture(encoded(opaque), "a.png", "refuse")
    assert (picture.pixels == PHOTO).all()
    assert picture.notes == frozenset()


# ------------------------------------------------------------------------------- turned, animated

CORNER = {1: "tl", 2: "tr", 3: "br", 4: "bl", 5: "tl", 6: "tr", 7: "br", 8: "bl"}
"""Where the first corner of what is kept belongs, by EXIF's orientation; from 5 on sides swap."""


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", CORNER)
def test_a_camera_that_was_turned_is_turned_back(kind, orientation):
    kept = np.zeros((16, 32, 3), "uint8")
    kept[:8, :16] = 255
    exif = Image.Exif()
    exif[0x0112] = orientation
    lossless = {"lossless": True} if kind == "WEBP" else {}
    picture = read_picture(encoded(kept, kind, exif=exif, **lossless), f"a.{kind.lower()}")
    assert picture.pixels.shape == ((32, 16, 1) if orientation > 4 else (16, 32, 1))
    corners = {"tl": (2, 2), "tr": (2, -3), "bl": (-3, 2), "br": (-3, -3)}
    light = [name for name, place in corners.items() if picture.pixels[place][0] > 128]
    assert light == [CORNER[orientation]]
    assert picture.notes == (frozenset() if orientation == 1 else {"turned"})


def test_grey_of_16_bits_is_turned_too():
    exif = Image.Exif()
    exif[0x0112] = 3
    picture = read_picture(encoded(RAMP, exif=exif), "a.png")
    assert picture.pixels.ravel().tolist() == list(range(255, -1, -1))
    assert picture.notes == {"16 bit", "turned"}


def test_nonsense_about_the_camera_is_no_reason_to_refuse_an_image():
    content = encoded(PHOTO, "JPEG", exif=b"Exif\0\0MM\0*\xff\xff\xff\xffnonsense")
    assert read_picture(content, "a.jpg").pixels.shape == (32, 32, 3)


@pytest.mark.parametrize(
    ("kind", "note"),
    [("GIF", "animation"), ("WEBP", "animation"), ("PNG", "animation"), ("TIFF", "pages"),
     ("MPO", None)],
)  # fmt: skip
def test_the_first_frame_is_taken(kind, note):
    """Of an MPO the others are no frames: phones hide maps of depth there."""
    first, second = Image.new("RGB", (8, 8), (255, 0, 0)), Image.new("RGB", (8, 8), (0, 0, 255))
    lossless = {"lossless": True} if kind == "WEBP" else {}
    content = encoded(first, kind, save_all=True, append_images=[second], **lossless)
    picture = read_picture(content, f"a.{'jpg' if kind == 'MPO' else kind.lower()}")
    assert picture.pixels.reshape(-1, 3).mean(axis=0) == pytest.approx([255, 0, 0], abs=2)
    assert picture.notes == ({note} if note else frozenset())


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP", "AVIF", "JPEG2000"])
def test_every_kind_is_read(kind):
    picture = read_picture(encoded(PHOTO, kind), "a")
    assert np.abs(picture.pixels.astype(int) - PHOTO).mean() < 12
    assert picture.notes <= NOTES.keys()


def test_what_an_image_is_does_not_hang_on_its_name():
    content = encoded(PHOTO, "PNG")
    picture = read_picture(content, "cat/A.JPG")
    assert (picture.pixels == PHOTO).all()
    assert picture.notes == {"wrong ending"}
    assert read_picture(content, "cat/A.PNG").notes == frozenset()
    assert read_picture(encoded(PHOTO, "JPEG"), "a.jfif").notes == frozenset()


@pytest.mark.skipif(find_spec("pillow_heif") is None, reason="needs the extra heic")
def test_heic_is_read():
    heif = pytest.importorskip("pillow_heif")
    from io import BytesIO

    buffer = BytesIO()
    heif.from_pillow(Image.fromarray(PHOTO).resize((64, 64))).save(buffer, format="HEIF")
    picture = read_picture(buffer.getvalue(), "a.HEIC")
    assert picture.pixels.shape == (64, 64, 3)
    assert picture.notes == frozenset()


def test_heic_without_its_extra_says_what_to_do(monkeypatch):
    def refuse(name):
        raise ImportError(name)

    monkeypatch.setattr(pictures, "import_module", refuse)
    assert reason(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "a.heic") == (
        'is HEIC, which needs the extra `heic`: pip install -e ".[heic]"'
    )


# ------------------------------------------------------------------------------- damage


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "empty"),
        (b"no image", "no image"),
        (b"<!DOCTYPE html><p>404", "a web page"),
        (b"<?xml version='1.0'?><svg xmlns='http://www.w3.org/2000/svg'/>", "a drawing of lines"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "no image"),
        (png(40_000, 40_000), "has more than 120,000,000 pixels"),
        (png(12_000, 11_000), "is 12,000×11,000 pixels, and at most 120,000,000 of them are read"),
        (png(8, 8), "cut off or damaged"),
        (png(0, 8), "cut off or damaged"),
    ],
)
def test_what_is_no_image_says_why(content, said):
    assert reason(content, "a.png").startswith(said)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP", "AVIF", "JPEG2000"])
def test_half_of_a_file_is_not_half_of_an_image(kind):
    content = encoded(PHOTO, kind)
    assert reason(content[: len(content) // 2], "a") in (
        "cut off or damaged",
        "damaged",
        "no image",
    )


def test_texts_that_unfold_in_an_image_do_not_fill_the_memory():
    notes = PngImagePlugin.PngInfo()
    notes.add_text("a", "x" * 70_000_000, zip=True)
    assert reason(encoded(PHOTO, pnginfo=notes), "a.png") == "damaged"


FILES = [encoded(PHOTO[:12, :10], kind) for kind in ("JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP")]


@given(
    st.sampled_from(FILES), st.lists(st.tuples(st.integers(0), st.binary(max_size=4))), st.data()
)
@settings(max_examples=200, deadline=None)
def test_damaged_files_give_a_picture_or_a_reason(content, changes, data):
    damaged = bytearray(content[: data.draw(st.integers(1, len(content)))])
    for place, new in changes:
        start = place % len(damaged)
        damaged[start : start + len(new)] = new
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        outcome = read_or_reason(bytes(damaged))
    assert heard == []
    if isinstance(outcome, Picture):
        assert outcome.pixels.dtype == np.uint8
        assert outcome.pixels.shape[2] in (1, 3)
    else:
        assert 0 < len(outcome) < 100
        assert "\n" not in outcome


@given(st.binary(max_size=200))
@settings(max_examples=50, deadline=None)
def test_any_bytes_give_a_picture_or_a_reason(content):
    assert isinstance(read_or_reason(content), Picture | str)


def read_or_reason(content: bytes) -> Picture | str:
    try:
        return read_picture(content, "a.png")
    except Unreadable as fault:
        return str(fault)


def test_warnings_of_others_are_heard_again_after_reading(recwarn):
    """Several threads read, and what silences them is set back when the last is done."""
    content = encoded(PHOTO, "JPEG", exif=b"Exif\0\0MM\0*\0\0\0\x08\0\x05")
    before = warnings.filters[:]
    threads = [threading.Thread(target=read_picture, args=(content, "a.jpg")) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert warnings.filters == before
    assert len(recwarn) == 0
