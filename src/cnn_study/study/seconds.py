"""How long a training takes on one core, by its arithmetic alone: a leaf, timed once for all."""

SECONDS_PER_IMAGE = 150e-6
SECONDS_PER_MAC = 50e-12
"""Forward and backward pass of one training image; measured on one core of a server CPU of 2026
with batch 32. Only used until two experiments of the study have been timed on this machine."""


def seconds(
    images: int,
    epochs: float,
    macs: int,
    per_image: float = SECONDS_PER_IMAGE,
    per_mac: float = SECONDS_PER_MAC,
) -> float:
    """Estimate how long a training takes, in seconds.

    Args:
        images: trained on in an epoch.
        epochs: of one run, or of several together.
        macs: multiply-accumulate operations for one image.
        per_image: seconds for each image, whatever the network.
        per_mac: seconds for each MAC of an image.
    """
    return images * epochs * (per_image + per_mac * macs)
