"""The dataset as the base uses it."""

import math
from dataclasses import dataclass

from cnn_study.report.tables import Tables
from cnn_study.study.model import Study


@dataclass(frozen=True)
class Data:
    """The dataset as the base uses it."""

    name: str
    title: str
    source: str
    digest: str
    class_names: tuple[str, ...]
    height: int
    width: int
    channels: int
    training_images: int
    test_images: int
    held_out: int
    trained_on: int
    steps: int
    test_images_per_class: int | None

    @property
    def numbers(self) -> int:
        """How many numbers an image is."""
        return self.height * self.width * self.channels


def data_of(study: Study, found: Tables) -> Data:
    """Describe the dataset, with what the base trains on and holds out."""
    dataset, settings = study.dataset, study.experiments["base"].settings
    held_out = round(dataset.training_images * settings.validation_fraction)
    trained_on = round((dataset.training_images - held_out) * settings.training_fraction)
    confusion = found.confusion
    sizes = (
        confusion.groupby(["experiment", "true_class"])["images"].sum()
        // confusion.groupby(["experiment", "true_class"])["runs"].first()
    )
    return Data(
        dataset.name,
        dataset.title,
        dataset.source,
        dataset.digest,
        dataset.class_names,
        *dataset.image_shape,
        dataset.training_images,
        dataset.test_images,
        held_out,
        trained_on,
        math.ceil(trained_on / settings.batch_size),
        int(sizes.iloc[0]) if len(set(sizes)) == 1 else None,
    )
