"""The images of one run: trained on, held out, tested on."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from cnn_study.data.images import Images
from cnn_study.study.settings import Settings


@dataclass(frozen=True)
class Parts:
    """The images of one run: (n, height, width, channels) uint8, with (n,) labels."""

    training: tuple[np.ndarray, np.ndarray]
    validation: tuple[np.ndarray, np.ndarray]
    test: tuple[np.ndarray, np.ndarray]

    @property
    def counts(self) -> dict[str, Any]:
        """Count the images of each part, under the names that records have for it."""
        return {
            "training_images": len(self.training[1]),
            "validation_images": len(self.validation[1]),
            "test_images": len(self.test[1]),
        }


def take_parts(images: Images, settings: Settings) -> Parts:
    """Split the training images as the settings ask; the test set stays apart."""
    chosen, held_out = images.split(settings.validation_fraction, settings.training_fraction)
    pixels, labels = images.training_images, images.training_labels
    return Parts(
        (pixels[chosen], labels[chosen]),
        (pixels[held_out], labels[held_out]),
        (images.test_images, images.test_labels),
    )
