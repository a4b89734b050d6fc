"""The datasets that a study may name, and what is known of each before it is read.

The workflow takes sizes and digests from here to name run records, on machines that have no data
and cannot train. Whoever adds a dataset gives it an entry here and a module in `readers/`; what
the report says of it besides stands in `report/sections/data-NAME.qmd.j2`.
"""

import math
from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass
from itertools import accumulate

from cnn_study.base.errors import UserError
from cnn_study.base.metrics import chance
from cnn_study.base.words import counted
from cnn_study.data.audit import Audit
from cnn_study.data.sizes import Sizes, split_fault, split_sizes

DIGITS_TEST_IMAGES = 360

MOST_CLASSES = 30
"""Classes that report and figures show one by one; of more, the largest, worst or most confused."""


@dataclass(frozen=True)
class Dataset:
    """What is known of a dataset without having its data.

    Attributes:
        digest: the SHA-256 (hex) of training_images, training_labels, test_images and
            test_labels, each as uint8 bytes in C order, one after the other (see content_digest).
        source: who made it and where it is, for citing.
        reader: the module of `readers/` that reads it; "" of a dataset that a study describes.
        takes_source: whether its owner may say where it is.
        licence: the SPDX identifier of the licence that its makers gave it; "" if they name none.
        description: what its owner says of it, Markdown; "" where the report has a text of its own.
        publish_images: whether images, or networks that keep something of them, may be shown.
        training_counts: training images of each class, those held out included.
        test_counts: test images of each class.
        listing: the SHA-256 (hex) of what was there when images of one's own were read, of what is
            in no part, too; "" of a built-in dataset.
        audit: what was met while images of one's own were read; None of a built-in dataset.
        units: how many images each set has that is never divided between training and validation,
            in the order in which they are dealt out; () where each image stands for itself.
        unit_classes: the classes of the training images in that order; () of a built-in dataset.
        test_units: for each test image the number of its unit, from 0: images of one are no
            independent witnesses; () where each stands for itself, or nobody noted it.
        test_classes: of each test image, as the manifest has it; () of a built-in dataset.
        training_keys, test_keys: what each image is known by, as the manifest has it; () of a
            built-in dataset.
    """

    name: str
    title: str
    class_names: tuple[str, ...]
    image_shape: tuple[int, int, int]  # height, width, channels
    training_images: int
    test_images: int
    digest: str
    source: str
    reader: str
    takes_source: bool = False
    licence: str = ""
    description: str = ""
    publish_images: bool = True
    training_counts: tuple[int, ...] = ()
    test_counts: tuple[int, ...] = ()
    listing: str = ""
    audit: Audit | None = None
    units: tuple[int, ...] = ()
    unit_classes: tuple[int, ...] = ()
    test_units: tuple[int, ...] = ()
    test_classes: tuple[int, ...] = ()
    training_keys: tuple[str, ...] = ()
    test_keys: tuple[str, ...] = ()

    @property
    def is_shrunk(self) -> bool:
        """Whether images had more pixels, before they were brought to one size, than they have."""
        height, width, _ = self.image_shape
        if self.audit is None:
            return False
        originals = self.audit.originals
        return originals.heights.largest > height or originals.widths.largest > width

    @property
    def test_witnesses(self) -> int:
        """How many test images are independent witnesses: one of each unit."""
        return self.witnesses_among(self.test_images)

    def test_witnesses_for(self, metric: str) -> list[int]:
        """Count independent witnesses as a metric takes them: of each class; for accuracy in all.

        A unit with images of two classes is a witness of both.
        """
        if metric == "accuracy":
            return [self.test_witnesses]
        if not self.test_units:
            return [*self.test_counts]
        pairs = set(zip(self.test_units, self.test_classes, strict=True))
        counts = Counter(class_ for _, class_ in pairs)
        return [counts[place] for place in range(len(self.class_names))]

    def witnesses_among(self, first: int) -> int:
        """Count the independent witnesses among so many test images, the first ones."""
        return len(set(self.test_units[:first])) or first

    def validation_witnesses(self, validation: int) -> int:
        """Count the independent witnesses among so many images held out: one of each unit."""
        if not self.units or validation == 0:
            return validation
        return 1 + bisect_left(list(accumulate(self.units)), validation)

    def without_validation(self, validation: int) -> list[str]:
        """Name the classes of which no image is among so many held out, as far as is known."""
        missing = set(self.unit_classes) - set(self.unit_classes[:validation])
        return [self.class_names[place] for place in sorted(missing)] if validation else []

    def chance(self, metric: str = "accuracy") -> float:
        """Give what guessing gets of the test images; unless told, classes are taken as alike."""
        return chance(metric, self.test_counts or [1] * len(self.class_names))

    @property
    def label_type(self) -> str:
        """The type of labels and predictions, as NumPy calls it."""
        return "uint8" if len(self.class_names) <= 256 else "uint16"

    def guessing_loss(self, class_weight: str = "none") -> float:
        """Give the loss of answers that know how much each class counts, and nothing else.

        In nats: the entropy of the classes' shares of the training images; ln(classes) if equal.

        Args:
            class_weight: as the setting says it; in the training loss of "balanced" all classes
                count alike, and so have equal shares.
        """
        counts = [count for count in self.training_counts if count] or [1] * len(self.class_names)
        if class_weight == "balanced":
            counts = [1] * len(counts)
        shares = [count / sum(counts) for count in counts]
        return -sum(share * math.log(share) for share in shares)

    def sizes(self, validation_fraction: float, training_fraction: float) -> Sizes:
        """Count the images to train on and those held out, as `split` divides them."""
        fractions = validation_fraction, training_fraction
        return split_sizes(self.training_images, *fractions, self.units)

    def split_fault(
        self, validation_fraction: float, training_fraction: float
    ) -> tuple[str, str] | None:
        """Say which fraction leaves no image where there should be some, as `split_fault` does."""
        fractions = validation_fraction, training_fraction
        if fault := split_fault(self.training_images, *fractions, self.units):
            return fault
        trained_on = self.unit_classes[self.training_images - self.sizes(*fractions).training :]
        if untrained := set(self.unit_classes) - set(trained_on):
            names = ", ".join(self.class_names[place] for place in sorted(untrained)[:10])
            return (
                "training_fraction",
                f"no image of {counted(len(untrained), 'class', 'classes')} is left to train on, "
                f"such as {names}: validation_fraction {validation_fraction:g}, training_fraction "
                f"{training_fraction:g}; raise training_fraction or lower validation_fraction",
            )
        return None


DATASETS: dict[str, Dataset] = {
    "cifar10": Dataset(
        name="cifar10",
        title="CIFAR-10",
        class_names=(
            "airplane",
            "automobile",
            "bird",
            "cat",
            "deer",
            "dog",
            "frog",
            "horse",
            "ship",
            "truck",
        ),
        image_shape=(32, 32, 3),
        training_images=50_000,
        test_images=10_000,
        training_counts=(5000,) * 10,
        test_counts=(1000,) * 10,
        digest="80387ddb9a0edf3fc4a964ee3770296169bb26a651050df20035579673099660",
        source=(
            "Alex Krizhevsky: Learning Multiple Layers of Features from Tiny Images, 2009. "
            "https://www.cs.toronto.edu/~kriz/cifar.html"
        ),
        reader="cifar10",
        takes_source=True,
    ),
    "digits": Dataset(
        name="digits",
        title="Optical recognition of handwritten digits",
        class_names=tuple("0123456789"),
        image_shape=(8, 8, 1),
        training_images=1797 - DIGITS_TEST_IMAGES,
        test_images=DIGITS_TEST_IMAGES,
        training_counts=(142, 145, 142, 146, 145, 146, 145, 143, 139, 144),
        test_counts=(36, 37, 35, 37, 36, 36, 36, 36, 35, 36),
        digest="7e26237e0a5e1c6097cdf9c12dfc590437a34ea52253928a4e793eb4a2753507",
        source=(
            "E. Alpaydin and C. Kaynak: Optical Recognition of Handwritten Digits, UCI Machine "
            "Learning Repository, 1998, https://doi.org/10.24432/C50P49; as shipped with "
            "scikit-learn (load_digits), which holds the 1,797 images of UCI's test part only. "
            "They are divided anew here, so scores compare with no published UCI score, and the "
            "same 13 writers stand in the training and in the test part."
        ),
        reader="digits",
        licence="CC-BY-4.0",
    ),
}


def find_dataset(name: str) -> Dataset:
    """Return the facts of a dataset by name.

    Raises:
        UserError: no such dataset.
    """
    if name not in DATASETS:
        raise UserError(f"unknown dataset {name!r}; known datasets: {', '.join(sorted(DATASETS))}")
    return DATASETS[name]
