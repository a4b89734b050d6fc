"""The dataset as the base uses it."""

import math
from dataclasses import dataclass

from cnn_study.evidence.read import Tables
from cnn_study.study.model import Study


@dataclass(frozen=True)
class Data:
    """The dataset as the base uses it."""

    name: str
    title: str
    source: str
    licence: str
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


def data_of(study: Study, tables: Tables) -> Data:
    """Describe the dataset, with what the base trains on and holds out."""
    dataset, settings = study.dataset, study.experiments["base"].settings
    trained_on, held_out = dataset.sizes(settings.validation_fraction, settings.training_fraction)
    groups = tables.confusion.groupby(["experiment", "true_class"])
    class_sizes = groups["images"].sum() // groups["runs"].first()
    return Data(
        dataset.name,
        dataset.title,
        dataset.source,
        dataset.licence,
        dataset.digest,
        dataset.class_names,
        *dataset.image_shape,
        dataset.training_images,
        dataset.test_images,
        held_out,
        trained_on,
        math.ceil(trained_on / settings.batch_size),
        int(class_sizes.iloc[0]) if len(set(class_sizes)) == 1 else None,
    )
