"""Experiments of a study that would train the same, however their settings are written."""

from collections.abc import Mapping

from cnn_study.data.catalog import Dataset
from cnn_study.study import architecture
from cnn_study.study.faults import Faults
from cnn_study.study.model import Experiment
from cnn_study.study.settings import Settings, normalized


def check_doubles(experiments: Mapping[str, Experiment], dataset: Dataset, faults: Faults) -> None:
    """Tell of each experiment that is as one before it.

    Args:
        experiments: by id, each behind its reference.
    """
    first: dict[str, Experiment] = {}
    for id_, experiment in experiments.items():
        other = first.setdefault(_meaning(experiment.settings, dataset), experiment)
        if other is not experiment:
            what = "changes nothing" if other.id == experiment.reference else "is the same"
            faults.add(
                experiment.place,
                f"experiment {id_} {what}: its settings are those of {other.id}"
                f"{_otherwise(experiment.settings, other.settings)}. Change a value or remove it",
            )


def _meaning(given: Settings, dataset: Dataset) -> str:
    """Write settings so that two texts are equal if both build and train the same.

    `watch_test` trains the same and counts all the same: it is about what is recorded.
    """
    plain = normalized(given)
    if architecture.is_one_pixel(given, dataset.image_shape, len(dataset.class_names)):
        plain = plain.model_copy(update={"head": "flatten"})
    return plain.model_dump_json()


def _otherwise(settings: Settings, other: Settings) -> str:
    """Name the settings that differ and train the same: nothing where all are equal."""
    written = [
        f"{name} {value} for {getattr(other, name)}"  # words, numbers and lists
        for name, value in settings
        if value != getattr(other, name)
    ]
    how = f", written otherwise, which makes no difference ({', '.join(written)})"
    return how if written else ""
