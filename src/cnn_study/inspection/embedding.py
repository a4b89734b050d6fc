"""Many numbers an image drawn as two: t-SNE, with what it needs settled. Arrays in, arrays out."""

import numpy as np
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE

MOST_IMAGES = 2000
PIXEL_COMPONENTS = 50
SEED = 0
FEWEST_IMAGES = 4  # Perplexity 1.


def perplexity(images: int) -> float:
    """Choose how many neighbours, roughly, an image is kept near to."""
    return min(30.0, (images - 1) / 3)


def embed(features: np.ndarray) -> np.ndarray:
    """Place images on a plane so that those with similar features lie close (t-SNE).

    Args:
        features: (n, features), finite.

    Returns:
        (n, 2) float32; zeros where there is nothing to tell images apart by.
    """
    images, width = features.shape
    values = features.astype("float64")
    if images < FEWEST_IMAGES or not np.ptp(values, axis=0).any():
        return np.zeros((images, 2), dtype="float32")
    if width == 1:  # Where it starts are two principal components.
        values = np.hstack([values, np.zeros_like(values)])
    return TSNE(init="pca", perplexity=perplexity(images), random_state=SEED).fit_transform(values)


def embed_pixels(images: np.ndarray) -> np.ndarray:
    """Do the same with pixels (n, height, width, channels), by way of 50 principal components."""
    pixels = images.reshape(len(images), -1) / 255
    count = min(PIXEL_COMPONENTS, *pixels.shape)
    if len(pixels) < FEWEST_IMAGES or not np.ptp(pixels, axis=0).any():
        return np.zeros((len(pixels), 2), dtype="float32")
    return embed(PCA(count, svd_solver="full", random_state=SEED).fit_transform(pixels))
