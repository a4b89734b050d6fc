"""Bringing images to a size: what is cut, bordered or bent, and that nothing else changes."""

import numpy as np
import pytest

from cnn_study.data.resizing import enlargement, fit


def stripes(height: int, width: int, *levels: int) -> np.ndarray:
    """Grey columns of equal width, from left to right."""
    row = np.repeat(np.array(levels, "uint8"), width // len(levels))
    return np.broadcast_to(row[None, :, None], (height, width, 1)).copy()


@pytest.mark.parametrize("resize", ["crop", "pad", "stretch"])
def test_an_image_of_the_right_size_is_not_touched(resize):
    image = np.random.default_rng(0).integers(0, 255, (16, 24, 3), "uint8")
    assert (fit(image, (16, 24), resize, 3) == image).all()


@pytest.mark.parametrize("resize", ["crop", "pad", "stretch"])
@pytest.mark.parametrize("channels", [1, 3])
def test_plain_images_stay_plain(resize, channels):
    image = np.full((40, 20, channels), 90, "uint8")
    resized = fit(image, (8, 8), resize, channels)
    inner = resized[:, 2:6] if resize == "pad" else resized
    assert (inner == 90).all()
    assert resized.shape == (8, 8, channels)


def test_crop_takes_the_middle():
    """Of 48 x 16 the middle third is left."""
    assert (fit(stripes(16, 48, 10, 200, 90), (16, 16), "crop", 1) == 200).all()
    turned = stripes(16, 48, 10, 200, 90).transpose(1, 0, 2)
    assert (fit(turned, (16, 16), "crop", 1) == 200).all()


def test_crop_may_cut_half_a_pixel():
    """Of five columns the middle 2.5 make two: 0.5 · 40 + 0.75 · 80 of 1.25, and its mirror."""
    cut = fit(stripes(5, 5, 0, 40, 80, 40, 0), (16, 8), "crop", 1)
    assert cut.shape == (16, 8, 1)
    np.testing.assert_array_equal(cut, cut[:, ::-1])


def test_pad_adds_black_on_both_sides_alike():
    padded = fit(stripes(16, 48, 100, 100, 100), (48, 48), "pad", 1)[..., 0]
    assert padded[16:32].min() == padded[16:32].max() == 100
    assert padded[:16].max() == padded[32:].max() == 0


def test_pad_leaves_at_least_a_pixel():
    padded = fit(np.full((1, 500, 1), 70, "uint8"), (9, 9), "pad", 1)[..., 0]
    assert padded[4].tolist() == [70] * 9
    assert padded.sum() == 9 * 70


def test_stretch_keeps_all_of_it():
    stretched = fit(stripes(16, 48, 10, 200, 90), (16, 12), "stretch", 1)[8, :, 0]
    assert stretched[[1, 6, 10]].tolist() == pytest.approx([10, 200, 90], abs=12)


def test_fine_patterns_become_grey_and_no_false_coarse_ones():
    """Columns 0, 255, 0, … reduced threefold; every third of them would be 0, 255, 0, … again."""
    reduced = fit(stripes(48, 48, *[0, 255] * 24), (16, 16), "stretch", 1)[:, 2:-2]
    assert reduced.std() < 26
    assert reduced.mean() == pytest.approx(127.5, abs=2)


def test_channels_by_hand():
    """0.299 · 100 + 0.587 · 200 + 0.114 · 50 = 153."""
    colour = np.full((8, 8, 3), (100, 200, 50), "uint8")
    assert (fit(colour, (8, 8), "crop", 1) == 153).all()
    grey = np.arange(64, dtype="uint8").reshape(8, 8, 1)
    assert (fit(grey, (8, 8), "crop", 3) == grey).all()


@pytest.mark.parametrize(("resize", "factor"), [("crop", 2.0), ("pad", 0.5), ("stretch", 2.0)])
def test_enlargement_by_hand(resize, factor):
    """8 x 32 to 16 x 16: the height is doubled, the width halved."""
    assert enlargement((8, 32), (16, 16), resize) == factor
