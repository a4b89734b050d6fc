"""t-SNE with its edges: few images, one feature, nothing to tell images apart by."""

import numpy as np
import pytest

from cnn_study.inspection import embedding

pytestmark = pytest.mark.usefixtures("one_thread_only")


def two_groups(count: int = 20, width: int = 5) -> np.ndarray:
    """The first half of the images lies far from the second."""
    values = np.random.default_rng(1).normal(size=(count, width))
    values[count // 2 :] += 100
    return values


def test_perplexity_by_hand():
    assert embedding.perplexity(2000) == 30
    assert embedding.perplexity(91) == 30
    assert embedding.perplexity(31) == 10
    assert embedding.perplexity(4) == 1


@pytest.mark.parametrize("width", [2, 5])
def test_groups_that_lie_apart_stay_apart(width):
    placed = embedding.embed(two_groups(width=width))
    assert placed.shape == (20, 2)
    apart = np.linalg.norm(placed[:, None] - placed[None], axis=2)
    np.fill_diagonal(apart, np.inf)
    assert ((apart.argmin(axis=1) < 10) == (np.arange(20) < 10)).all()


def test_one_feature_is_enough():
    placed = embedding.embed(two_groups(width=1))
    assert np.isfinite(placed).all()
    assert len(np.unique(placed, axis=0)) == 20


def test_the_same_twice():
    assert embedding.embed(two_groups()).tolist() == embedding.embed(two_groups()).tolist()


@pytest.mark.parametrize("features", [two_groups(count=3), np.ones((20, 5)), np.zeros((1, 1))])
def test_what_cannot_be_told_apart_lies_at_zero(features):
    assert embedding.embed(features).tolist() == [[0, 0]] * len(features)


def test_the_fewest_images_are_placed():
    assert len(np.unique(embedding.embed(two_groups(count=4)), axis=0)) == 4


@pytest.mark.parametrize("shape", [(20, 3, 4, 2), (60, 8, 8, 1), (5, 1, 1, 1)])
def test_pixels_of_any_shape_are_placed(shape):
    pixels = np.random.default_rng(2).integers(0, 256, shape, dtype="uint8")
    placed = embedding.embed_pixels(pixels)
    assert placed.shape == (shape[0], 2)
    assert np.isfinite(placed).all()
    assert len(np.unique(placed, axis=0)) > 1


def test_one_picture_only_lies_at_zero():
    pixels = np.full((10, 4, 4, 1), 7, dtype="uint8")
    assert embedding.embed_pixels(pixels).tolist() == [[0, 0]] * 10
