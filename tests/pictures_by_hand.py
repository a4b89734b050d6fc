"""Images and folders of images, made by hand, with the dirt that folders of people have."""

import os
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

from cnn_study.data.block import DatasetBlock

DESCRIBED = {"name": "garden", "title": "T", "source": "S", "description": "D"}


def block(**keys: object) -> DatasetBlock:
    """A dataset's block with whatever keys beside those that say nothing of the images."""
    return DatasetBlock.model_validate({**DESCRIBED, **keys})


def scenes(random: np.random.Generator, count: int, side: int = 32) -> np.ndarray:
    """Coloured images, each another: waves, the weaker the finer, as in photographs."""
    grid = np.linspace(0, np.pi, side)
    waves = np.stack([np.cos(number * grid) for number in range(12)])
    frequency = np.hypot(*np.meshgrid(range(12), range(12)))
    strength = random.normal(0, 1, (count, 12, 12, 3)) / (1 + frequency[..., None])
    images = np.einsum("nabc,ay,bx->nyxc", strength, waves, waves)
    images -= images.min(axis=(1, 2, 3), keepdims=True)
    return (255 * images / images.max(axis=(1, 2, 3), keepdims=True)).astype("uint8")


def encoded(pixels: np.ndarray | Image.Image, kind: str = "PNG", **options: object) -> bytes:
    """The bytes of an image's file."""
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    buffer = BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def encoded_again(pixels: np.ndarray, quality: int = 75) -> np.ndarray:
    """Save an image as JPEG and read it."""
    return np.asarray(Image.open(BytesIO(encoded(pixels, "JPEG", quality=quality))).convert("RGB"))


def write(folder: Path, files: Mapping[str, bytes]) -> Path:
    """Write files below a folder, and give it."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


def garden(
    folder: Path, counts: Mapping[str, int], seed: int = 0, side: int = 24, kind: str = "PNG"
) -> Path:
    """Write images, no two alike: so many into each folder, such as train/cat."""
    random = np.random.default_rng(seed)
    for place, count in counts.items():
        for number, pixels in enumerate(scenes(random, count, side)):
            write(folder, {f"{place}/{number:03}.{kind.lower()}": encoded(pixels, kind)})
    return folder


def dirty_garden(folder: Path) -> Path:
    """Write a folder in which nearly everything goes wrong that can and is yet to be used.

    Of train/cat, train/dog, test/cat, test/dog each holds three good images, and
    - what systems leave: two hidden files, a hidden folder, Thumbs.db, desktop.ini, __MACOSX;
    - files that are no images by their names: two .txt, one without an ending;
    - six that cannot be read: empty.png, cut.jpg, text.png, page.jpg, pipe.png, out.png.
    """
    garden(folder, {f"{part}/{name}": 3 for part in ("train", "test") for name in ("cat", "dog")})
    picture = encoded(scenes(np.random.default_rng(9), 1)[0], "JPEG")
    write(
        folder,
        {
            ".DS_Store": b"x",
            "__MACOSX/train/cat/._000.png": b"x",
            "train/.git/config.png": b"x",
            "train/cat/._000.png": b"x",
            "train/cat/Thumbs.db": b"x",
            "test/dog/Desktop.ini": b"x",
            "train/labels.txt": b"x",
            "train/cat/notes.TXT": b"x",
            "train/cat/README": b"x",
            "train/cat/empty.png": b"",
            "train/cat/cut.jpg": picture[: len(picture) // 2],
            "train/dog/text.png": b"no image at all",
            "train/dog/page.jpg": b"<!DOCTYPE html><p>404",
        },
    )
    os.mkfifo(folder / "test/cat/pipe.png")
    (folder / "test/cat/out.png").symlink_to("/etc/passwd")
    return folder
