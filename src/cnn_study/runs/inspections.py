"""What was seen in the trained networks and in the images: facts and small arrays, kept.

Figures and text read it, so this knows neither Keras nor scikit-learn nor the dataset. The package
`inspection` makes what is read here.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import Field

from cnn_study.base import files
from cnn_study.base.errors import UserError
from cnn_study.base.fingerprints import hash_meaning
from cnn_study.runs import kept_weights, records, sealed
from cnn_study.runs.records import Part
from cnn_study.runs.sealed import Sealed
from cnn_study.runs.wanted import Run
from cnn_study.study.model import Study

INSPECTION_VERSION = 1
"""Raised by one when the same networks and images would be inspected in another way."""


class Mistake(Part):
    """A test image that a network gets wrong."""

    test_index: int = Field(description="Its place in the test set, from 0.")
    true_class: int = Field(description="What it shows.")
    predicted_class: int = Field(description="What the network says.")
    probability: float = Field(description="How sure the network is of that, 0 to 1.")


class Network(Part):
    """One trained network. Its arrays have names that start with `experiment` and a slash."""

    experiment: str = Field(description="Id that the experiment had when it was inspected.")
    fingerprint: str = Field(description="That of its settings; finds it under a new id.")
    seed: int = Field(description="Seed of the run.")
    weights_sha256: str = Field(description="sha256 of the weights' bytes, as in the record.")
    test_accuracy: float = Field(description="Share of the test images correct, from the weights.")
    scale: list[float] = Field(description="A pixel value times this, by channel,")
    offset: list[float] = Field(description="plus this, is what the first layer is given.")
    feature_maps: list[str] = Field(description="Layers whose outputs are kept, in order.")
    mistakes: list[Mistake] = Field(
        description="The wrong answers with the highest probability, highest first; of equal "
        "ones, the lower test_index first. Their images: array mistakes_images."
    )


class Tried(Part):
    """One value that was tried on the validation images."""

    value: float = Field(description="The value.")
    validation_accuracy: float = Field(description="Share of the validation images correct.")
    converged: bool = Field(description="Whether fitting came to its end.")


class Baseline(Part):
    """A model without a network, fitted to the same images as the base."""

    title: str = Field(description="Name of the method.")
    settings: dict[str, str | int | float] = Field(description="What it was given.")
    parameter: str = Field(description="The setting that was chosen on the validation images.")
    chosen: float = Field(description="Its value.")
    tried: list[Tried] = Field(description="In order; empty if no images are held out.")
    converged: bool = Field(description="Whether fitting with the chosen value came to its end.")
    training_images: int = Field(description="Images fitted to.")
    validation_images: int = Field(description="Images held out, for choosing.")
    test_images: int = Field(description="Images tested on.")
    test_accuracy: float = Field(description="Share of them correct.")
    fit_seconds: float = Field(description="Processor time of fitting and choosing, seconds.")
    predict_seconds: float = Field(description="Processor time for the test images, seconds.")


class Neighbour(Part):
    """A test image and the training image nearest to it in pixel distance."""

    test_index: int = Field(description="Place in the test set, from 0.")
    test_class: int = Field(description="What the test image shows.")
    training_index: int = Field(description="Place in the whole training set, from 0.")
    training_class: int = Field(description="What the training image shows.")
    distance: float = Field(description="Euclidean, of pixel values 0 to 255.")


class Facts(Sealed):
    """What the arrays are, and every number that is no array."""

    format: Literal[1] = Field(description="Version of this format.")
    inspection_version: int = Field(description="Version of what inspecting means.")
    fingerprint: str = Field(description="Hash of that, the dataset and the runs; the file's name.")
    dataset: records.DatasetUsed = Field(description="Split as for the base.")
    arrays_file: str = Field(description="File beside this one, with the arrays.")
    arrays_sha256: str = Field(description="sha256 of that file.")
    sample_rule: str = Field(description="Which training images sample_images holds.")
    sample_indices: list[list[int]] = Field(
        description="By class: places in the whole training set, from 0; none of classes that are "
        "not among sample_images."
    )
    shown_rule: str = Field(description="Which test images shown_images holds.")
    followed_rule: str = Field(description="Which of them is followed through the layers.")
    followed_image: int = Field(description="Its place in shown_images, from 0.")
    followed_test_index: int = Field(description="Its place in the test set, from 0.")
    followed_is_right: bool = Field(
        description="Whether there is a network and every one classifies it correctly."
    )
    grey: list[int] = Field(
        description="Mean pixel of all training images, by channel: the square's colour."
    )
    occlusion_side: int = Field(description="Side of the square, pixels.")
    occlusion_stride: int = Field(description="Pixels from one place of it to the next.")
    embedding_images: int = Field(description="Test images that are embedded: the first so many.")
    embedding_perplexity: float = Field(description="Perplexity of t-SNE.")
    embedding_seed: int = Field(description="Its random state.")
    networks: list[Network] = Field(description="Those whose weights are kept, base first.")
    baselines: dict[str, Baseline] = Field(
        description="nearest_neighbours and logistic_regression."
    )
    neighbours: list[Neighbour] = Field(description="The pairs of neighbours_images, in order.")
    left_out: dict[str, str] = Field(
        description="Experiment or baseline that could not be inspected: the reason."
    )
    seconds: float = Field(description="Wall time of the inspection, seconds.")
    cpu_seconds: float = Field(description="Processor time of it, seconds.")
    peak_memory_mebibytes: float = Field(description="Most memory that the process held, MiB.")
    provenance: records.Provenance


@dataclass(frozen=True)
class Inspection:
    """An inspection as it was read.

    Where the dataset's images are not to be published, arrays of images are empty, and feature
    maps and occlusion are not there.

    Attributes:
        path: of the facts.
        facts: every number that is no array.
        arrays: by name; with h, w and c for an image's height, width and channels:
            sample_images (classes, samples, h, w, c) uint8, training images of each class of which
            facts.sample_indices names some;
            shown_images (n, h, w, c) uint8, test images in order of class, with shown_indices
            (n,) in the test set and shown_labels (n,);
            neighbours_images (pairs, 2, h, w, c) uint8, test image and nearest training image;
            pixels_embedding (m, 2) float16, t-SNE of the pixels of the first m test images, with
            embedding_labels (m,), as Dataset.label_type;
            for each network, after its id and a slash:
            feature_maps/LAYER (rows, columns, channels) or (units,) float16;
            occlusion (n, rows, columns) float16, the probability of the true class that is lost
            where a grey square covers the shown image;
            probabilities (n, classes) float32, of the shown images;
            embedding (m, 2) float16, t-SNE of what the last layer is given, and
            embedding_predictions (m,), likewise;
            mistakes_images (mistakes, h, w, c) uint8.
    """

    path: Path
    facts: Facts
    arrays: Mapping[str, np.ndarray]

    def network(self, fingerprint: str) -> Network | None:
        """Find a network by its settings' fingerprint; None if it was left out."""
        same = (network for network in self.facts.networks if network.fingerprint == fingerprint)
        return next(same, None)

    def alike(self, name: str) -> float:
        """Give the share of embedded images whose nearest other one is of the same class.

        Args:
            name: of the points, such as pixels_embedding.
        """
        return _alike(self.arrays[name], self.arrays["embedding_labels"])

    def of(self, network: Network) -> dict[str, np.ndarray]:
        """Give the arrays of one network, their names without its id."""
        prefix = f"{network.experiment}/"
        return {
            name.removeprefix(prefix): array
            for name, array in self.arrays.items()
            if name.startswith(prefix)
        }


def _alike(points: np.ndarray, labels: np.ndarray) -> float:
    from scipy.spatial import KDTree

    _, nearest = KDTree(points.astype(float)).query(points.astype(float), k=2)
    own = np.arange(len(points))
    others = np.where(nearest[:, 0] == own, nearest[:, 1], nearest[:, 0])
    return float((labels == labels[others]).mean())


def weights(network: Network, results: Path) -> dict[str, np.ndarray]:
    """Read the kept weights of an inspected network, by variable.

    Args:
        results: the study's results folder.

    Raises:
        UserError: they are not there, or not those that were inspected: a run that was lost and
            trained again on another kind of processor has other ones.
    """
    record = records.find(results / "runs").get((network.fingerprint, network.seed))
    path = records.weights_file(record) if record else None
    if path is None or not path.exists():
        raise UserError(
            f"the weights of {network.experiment}, seed {network.seed}, are not in {results}/runs, "
            "though the inspection was made from them. Get them back, or delete the inspection."
        )
    by_variable = kept_weights.read(path)
    if files.digest(by_variable.values()) != network.weights_sha256:
        raise UserError(
            f"{path} holds other weights of {network.experiment}, seed {network.seed}, than those "
            f"that were inspected. Get those back, or delete the inspection in "
            f"{results}/inspection; the workflow then makes it again."
        )
    return by_variable


def kept(study: Study) -> list[Run]:
    """List the runs whose weights are kept, which are those to inspect."""
    return [Run(study.experiments[experiment], seed) for experiment, seed in study.kept_weights]


def place(study: Study, results: Path, runs: Iterable[Run]) -> Path:
    """Name the facts of an inspection after all that decides what is in it.

    Args:
        study: its dataset is read.
        results: the study's results folder.
        runs: those to inspect that have a record, or will have one.
    """
    meaning: dict[str, object] = {
        "inspection_version": INSPECTION_VERSION,
        "dataset": study.dataset.digest,
        "runs": [[run.experiment.fingerprint, run.seed] for run in runs],
    }
    if not study.dataset.publish_images:
        meaning["images"] = False
    return results / "inspection" / f"{hash_meaning(meaning)}.json"


def place_now(study: Study, results: Path) -> Path:
    """Name the facts of an inspection of the runs that have a record now."""
    paths = records.find(results / "runs")
    recorded = [run for run in kept(study) if (run.experiment.fingerprint, run.seed) in paths]
    return place(study, results, recorded)


def find(study: Study, results: Path) -> Path | None:
    """Find the inspection of the runs that have a record now; None if there is none."""
    path = place_now(study, results)
    return path if path.exists() else None


def read(path: Path) -> Inspection:
    """Read an inspection, its arrays checked.

    Raises:
        UserError: it is damaged; names the file and what to do.
    """
    facts = sealed.read(path, Facts, _damaged)
    arrays = sealed.read_arrays(path, facts.arrays_file, facts.arrays_sha256, _damaged)
    return Inspection(path, facts, arrays)


def _damaged(file: Path, fault: str) -> UserError:
    facts = file.with_suffix(".json")
    return UserError(
        f"{file} is not a whole part of an inspection: {fault}. Delete {facts}; the workflow, or "
        "`python -m cnn_study inspect STUDY`, then makes it again from the kept weights."
    )
