"""What a sound study may still be too small for: seeds, test images, shared references.

Nothing here is a fault, and nothing is refused over it. Knows the study alone.
"""

import math
from collections import Counter
from collections.abc import Iterator

from cnn_study.base import power
from cnn_study.base.inference import POWER
from cnn_study.base.metrics import images_like
from cnn_study.base.words import counted, exact, first_of, fixed, listing, percent
from cnn_study.data.block import UNSAID, DatasetBlock
from cnn_study.data.listing import of_classes, spelled_alike
from cnn_study.study.model import Study

LEAST_SEEDS, FEW_SEEDS = 3, 5
"""Fewer than the first give no verdict; fewer than the second see large effects only."""

NO_WITNESSES = "those of one are no independent witnesses, so that more is open than this"

FEW_IMAGES = 30
"""Test images of a class, below which a word is due."""

UNEVEN = 2
"""Times as many images in the largest class as in the smallest: more is worth a word."""

MANY_CHANGES = 10
"""From so many changes on, the luck of their one reference is worth a word."""

OTHERS = 3
"""References of many changes that are named beside the one of most."""


def cautions(study: Study) -> list[str]:
    """Say of a study what it will hardly be able to tell."""
    checks = (
        _unsaid,
        _alike,
        _untested_classes,
        _small_classes,
        _uneven_classes,
        _images,
        _classes,
        _seeds,
        _references,
    )
    return [text for check in checks for text in check(study)]


def _unsaid(study: Study) -> Iterator[str]:
    """Say what the report would print of images of which nothing is said yet."""
    block = study.file.dataset
    if isinstance(block, DatasetBlock):
        unsaid = [key for key in ("source", "description") if getattr(block, key) == UNSAID]
        if unsaid:
            yield (
                f"dataset.{' and dataset.'.join(unsaid)}: {UNSAID} The report prints that; say who "
                "made the images, under which licence, and what they show."
            )


def _alike(study: Study) -> Iterator[str]:
    if alike := spelled_alike(study.dataset.class_names):
        yield f"{alike}: until then they are told apart."


def _untested_classes(study: Study) -> Iterator[str]:
    dataset = study.dataset
    untested = [
        name
        for name, count in zip(dataset.class_names, dataset.test_counts, strict=False)
        if not count
    ]
    if untested:
        yield (
            f"{of_classes(untested, 'has', 'have')} no test image: nothing tells how often "
            f"{'it is' if len(untested) == 1 else 'these are'} recognized, and test "
            f"{study.metric.label} is that of the other classes. Give the test part some, taken "
            "from the training images if there are no others."
        )


def _small_classes(study: Study) -> Iterator[str]:
    dataset = study.dataset
    small = {
        name: count
        for name, count in zip(dataset.class_names, dataset.test_counts, strict=False)
        if 0 < count < FEW_IMAGES
    }
    if small:
        named = [f"{name} {count}" for name, count in sorted(small.items(), key=lambda one: one[1])]
        yield (
            f"fewer than {FEW_IMAGES} test images of {counted(len(small), 'class', 'classes')} "
            f"({first_of(named)}): what is said of "
            f"{'it' if len(small) == 1 else 'each'} hangs on a few images, of {FEW_IMAGES} about "
            f"±{_points(class_margin())} (binomial, 95 %)."
        )


def _uneven_classes(study: Study) -> Iterator[str]:
    dataset = study.dataset
    sizes = [count for count in dataset.training_counts if count]
    if sizes and max(sizes) > UNEVEN * min(sizes) and study.metric.name == "accuracy":
        yield (
            f"the largest class has {max(sizes):,} training images, the smallest {min(sizes):,}: "
            "accuracy is then mostly that of the large ones, and always naming the largest gets "
            f"{percent(dataset.chance(), 0)}. Better say metric: balanced_accuracy (or macro_f1), "
            "by which all classes count alike; class_weight: balanced lets them count alike in "
            "training."
        )


def class_margin() -> float:
    """Give the half width of a 95 % interval for a share of so few images, at one half."""
    return power.independent_margin(2 * FEW_IMAGES)


def _images(study: Study) -> Iterator[str]:
    dataset, smallest = study.dataset, study.smallest_effect
    images = images_like(study.metric.name, dataset.test_counts or [dataset.test_images])
    needed = power.images_needed(smallest)
    if images >= needed:
        return
    belonging = dataset.audit.belonging if dataset.audit else []
    alike = f", which for {study.metric.label} tell as much as {images:,} of classes equally large,"
    yield (
        f"{dataset.test_images:,} test images{alike if images < dataset.test_images else ''} are "
        f"few for differences of {_smallest(smallest)} (smallest_effect): "
        f"which images they are leaves about ±{_points(power.images_margin(images))} open between "
        f"two models that mostly fail on the same ones, and up to "
        f"±{_points(power.independent_margin(images))} if they fail on others (binomial, 95 %). "
        f"About {_rounded(needed):,} images would do, or a smallest_effect of "
        f"{math.ceil(1000 * power.images_margin(images)) / 10:g}."
        + _held_out(study)
        + (f" Images come in {listing(belonging)}: {NO_WITNESSES}." if belonging else "")
    )


def _held_out(study: Study) -> str:
    """Say what is open of choices where validation images are fewer still; a sentence, or none."""
    settings = study.experiments["base"].settings
    held_out = study.dataset.sizes(
        settings.validation_fraction, settings.training_fraction
    ).validation
    if not 0 < held_out < study.dataset.test_images:
        return ""
    return (
        f" Suggestions are chosen by the {counted(held_out, 'image')} held out for validation "
        f"(validation_fraction), which leave about ±{_points(power.images_margin(held_out))} open."
    )


def _classes(study: Study) -> Iterator[str]:
    """Say which classes have no image among those held out, so far as that is known."""
    dataset, settings = study.dataset, study.experiments["base"].settings
    sizes = dataset.sizes(settings.validation_fraction, settings.training_fraction)
    missing = dataset.without_validation(sizes.validation)
    if missing:
        grouped = max(dataset.units, default=1) > 1
        one = len(missing) == 1
        yield (
            f"{len(missing)} of {len(dataset.class_names)} classes {'has' if one else 'have'} no "
            f"image among the {sizes.validation:,} held out for validation: {first_of(missing)}. "
            f"Nothing is chosen by how well {'it is' if one else 'these are'} told apart"
            + ("; groups of images are not divided, and may be too large for it" if grouped else "")
            + "; give more images, or a larger validation_fraction."
        )


def _seeds(study: Study) -> Iterator[str]:
    n = len(study.seeds)
    if n >= FEW_SEEDS or not study.questions:
        return
    if n < LEAST_SEEDS:
        yield (
            f"{counted(n, 'seed')}: too few for any verdict, which takes {LEAST_SEEDS}; with fewer "
            f"than {FEW_SEEDS} only large effects are seen."
        )
        return
    family = max(map(len, study.questions.values()))
    ours, more = (power.detectable(seeds, family) for seeds in (n, FEW_SEEDS))
    seen, seen_by_more = (percent(power.power(1, seeds, family), 0) for seeds in (n, FEW_SEEDS))
    yield (
        f"{n} seeds see few effects: in {percent(POWER, 0)} of cases only one that is "
        f"{fixed(ours, 1)} times the standard deviation between runs (in the largest question, "
        f"with {counted(family, 'change')}); {FEW_SEEDS} seeds see one of {fixed(more, 1)} times. "
        f"One as large as that deviation is seen in {seen} of cases, with {FEW_SEEDS} seeds in "
        f"{seen_by_more}."
    )


def _references(study: Study) -> Iterator[str]:
    changes = Counter(
        study.file.questions[name].reference for name, ids in study.questions.items() for _ in ids
    )
    many = [one for one in changes.most_common() if one[1] >= MANY_CHANGES]
    if not many:
        return
    (reference, number), *others = many
    shown = first_of((f"{name} of {of}" for name, of in others), OTHERS)
    also = f" (and {shown})" if others else ""
    yield (
        f"{reference} is the reference of {number} changes{also}: where its "
        f"{counted(len(study.seeds), 'run')} happen to be lucky, all {number} look worse "
        "together, and half of what chance does to each difference comes from it. More "
        "runs of it would help all at once (best are about "
        f"{fixed(math.sqrt(number), 1)} times as many as a change has: Dunnett, 1955): "
        "raise `seeds`."
    )


def _points(share: float) -> str:
    """Write what so few images leave open: no closer than the report does."""
    return f"{fixed(100 * share, 1)} points"


def _smallest(effect: float) -> str:
    return f"{exact(100 * effect)} point{'' if effect == 0.01 else 's'}"


def _rounded(number: int) -> int:
    """Round up to two digits, which is all that is known of it."""
    size = 10 ** max(len(str(number)) - 2, 0)
    return math.ceil(number / size) * size
