"""The dataset as the base uses it."""

import math
from dataclasses import dataclass

from cnn_study.data.catalog import MOST_CLASSES, Dataset
from cnn_study.evidence.read import Tables
from cnn_study.study.model import Study

EVEN = 1.1
"""Times the images of the smallest class: with no more in the largest, classes are called alike."""

FIRST_NAMES = 10
"""Of more classes than `MOST_CLASSES`, those that a sentence names."""


@dataclass(frozen=True)
class Data:
    """The dataset as the base uses it.

    Attributes:
        own: whether its images are the study's own, and described by it.
        shown: whether images may be shown, or networks that keep something of them.
        description: what their owner says of them, Markdown; "" of a dataset that comes with this
            project.
        some_names: the classes, or the first of them where they are many.
        held_out, trained_on: images for validation, and those that are left to train on.
        left_out: training images that are neither, since the base asks for a part alone.
        steps: of an epoch.
        test_images_per_class: None where classes differ in it.
        is_even: whether the classes have about as many images each, in both parts.
        largest: name of the class with the most test images; chance: its share, which is what
            answers get that look at no image.
        guessing_loss: what such answers cost in the base's training, in nats; where `balanced`
            lets all classes count alike there, those that know of no class more than of another.
        smallest_test: test images of the class with the fewest, of those that have any.
        belonging: in how many sets images come that are no independent witnesses, such as
            2 groups; [] where this is not known, or none do.
        test_units: how many sets, of one image or several, the test images are, which are witnesses
            independent of one another; 0 where each image is one, or nobody noted it.
        unvalidated: classes of which no image is held out.
        grouped: whether images stand in groups that are never divided.
    """

    name: str
    title: str
    source: str
    licence: str
    digest: str
    own: bool
    shown: bool
    description: str
    class_names: tuple[str, ...]
    some_names: tuple[str, ...]
    height: int
    width: int
    channels: int
    training_images: int
    test_images: int
    held_out: int
    trained_on: int
    left_out: int
    steps: int
    test_images_per_class: int | None
    is_even: bool
    largest: str
    chance: float
    guessing_loss: float
    balanced: bool
    grouped: bool
    smallest_test: int
    belonging: list[str]
    test_units: int
    unvalidated: list[str]

    @property
    def pixels(self) -> int:
        """How many pixels an image has."""
        return self.height * self.width

    @property
    def numbers(self) -> int:
        """How many numbers an image is."""
        return self.pixels * self.channels

    @property
    def remaining(self) -> int:
        """How many training images there are besides those held out."""
        return self.trained_on + self.left_out

    @property
    def unnamed(self) -> int:
        """How many classes are not among those that a sentence names."""
        return len(self.class_names) - len(self.some_names)


def data_of(study: Study, tables: Tables) -> Data:
    """Describe the dataset, with what the base trains on and holds out."""
    dataset, settings = study.dataset, study.experiments["base"].settings
    trained_on, held_out = dataset.sizes(settings.validation_fraction, settings.training_fraction)
    names, tests = dataset.class_names, dataset.test_counts
    height, width, channels = dataset.image_shape
    return Data(
        name=dataset.name,
        title=dataset.title,
        source=dataset.source,
        licence=dataset.licence,
        digest=dataset.digest,
        own=not dataset.reader,
        shown=dataset.publish_images,
        description=dataset.description,
        class_names=names,
        some_names=names if len(names) <= MOST_CLASSES else names[:FIRST_NAMES],
        height=height,
        width=width,
        channels=channels,
        training_images=dataset.training_images,
        test_images=dataset.test_images,
        held_out=held_out,
        trained_on=trained_on,
        left_out=dataset.training_images - held_out - trained_on,
        steps=math.ceil(trained_on / settings.batch_size),
        test_images_per_class=tests[0] if len(set(tests)) == 1 else None,
        is_even=is_even(dataset),
        largest=names[tests.index(max(tests))],
        chance=dataset.chance(),
        guessing_loss=dataset.guessing_loss(settings.class_weight),
        balanced=settings.class_weight == "balanced",
        grouped=max(dataset.units, default=1) > 1,
        smallest_test=min(filter(None, tests)),
        belonging=dataset.audit.belonging if dataset.audit else [],
        test_units=len(set(dataset.test_units)),
        unvalidated=dataset.without_validation(held_out),
    )


def is_even(dataset: Dataset) -> bool:
    """Tell whether the classes have about as many images each, in both parts."""
    parts = (dataset.training_counts, dataset.test_counts)
    return all(max(counts) <= EVEN * min(counts) for counts in parts)
