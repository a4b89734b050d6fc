"""Inspect the trained networks and the images once, and keep what figures and text need of it.

Afterwards neither dataset nor Keras is needed: `runs.inspections` reads what is written here.
"""

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from threadpoolctl import threadpool_limits

from cnn_study.base import files
from cnn_study.base.words import percent
from cnn_study.data.arrays import load_prepared
from cnn_study.data.catalog import MOST_CLASSES
from cnn_study.data.images import Images
from cnn_study.inspection import baselines, embedding, trained_network
from cnn_study.runs import correct_answers, inspections, records, sealed
from cnn_study.runs.heartbeat import log
from cnn_study.runs.wanted import Run
from cnn_study.study import architecture
from cnn_study.study.model import Study
from cnn_study.train import keras_one, scores
from cnn_study.train.epoch_images import pixel_statistics
from cnn_study.train.machine import import_keras, own_core
from cnn_study.train.meter import peak_memory
from cnn_study.train.parts import all_of, take_parts
from cnn_study.train.provenance import provenance

if TYPE_CHECKING:
    import keras

SAMPLES = 6
SHOWN = 2
PAIRS = 8
MISTAKES = 12
SAMPLE_RULE = "the first training images of each class, in the order of the dataset"
SHOWN_RULE = "the first test images of each class, in the order of the dataset, by class"
LARGEST_ONLY = "; of many classes, those with the most test images"
LARGEST = 20
"""Of more than `MOST_CLASSES`, those of which images are kept and looked into."""

FOLLOWED_RULE = (
    "the first of shown_images that every inspected network classifies correctly, or the first "
    "of all if there is none"
)


@dataclass
class Draft:
    """What has been made so far: arrays by name, and facts by field of `inspections.Facts`."""

    arrays: dict[str, np.ndarray] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Trained:
    """A network to inspect, and its probabilities (test images, classes)."""

    run: Run
    record: records.Record
    model: "keras.Model"
    probabilities: np.ndarray


def inspect(study: Study, results: Path, data: Path) -> Path:
    """Inspect the study's kept networks, unless it is done, and give the place of the facts.

    Raises:
        UserError: the dataset is not there, or an inspection or weights are damaged.
    """
    path = inspections.place_now(study, results)
    if path.exists():
        inspections.read(path)
        log(f"the inspection is there already: {path}")
        return path
    images = load_prepared(study.dataset, data)
    correct_answers.keep(study, results, images)
    # NumPy's threads were settled when it was imported, before those of Keras.
    with own_core(), threadpool_limits(limits=1):
        import_keras()
        draft = make(study, results, images)
    file = path.with_suffix(".npz")
    facts = inspections.Facts(
        format=1,
        inspection_version=inspections.INSPECTION_VERSION,
        fingerprint=path.stem,
        arrays_file=file.name,
        arrays_sha256=files.write_arrays(file, draft.arrays),
        **draft.facts,
    )
    sealed.write(path, facts)
    return path


def make(study: Study, results: Path, images: Images) -> Draft:
    """Inspect and give everything that is to be written, but the names of the files."""
    started, wall, processor = datetime.now(UTC), time.perf_counter(), time.process_time()
    draft = Draft()
    take_samples(images, len(study.dataset.class_names), draft)
    networks, draft.facts["left_out"] = load_networks(study, results, images)
    _follow(networks, images, draft)
    _embed(networks, images, draft)
    draft.facts["networks"] = [_inspect_network(network, images, draft) for network in networks]
    _fit_baselines(study, images, draft)
    if not study.dataset.publish_images:
        hide_images(draft)
    draft.facts |= {
        "seconds": round(time.perf_counter() - wall, 3),
        "cpu_seconds": round(time.process_time() - processor, 3),
        "peak_memory_mebibytes": round(peak_memory(), 1),
        "provenance": provenance(started, "scikit-learn"),
    }
    return draft


# ----------------------------------------------------------------------------------- the images


def take_samples(images: Images, classes: int, draft: Draft) -> None:
    """Take training images to show what the classes are, and test images to follow."""
    chosen = largest_classes(images.test_labels, classes)
    samples = [
        places if number in chosen else places[:0]
        for number, places in enumerate(first_of_each(images.training_labels, classes, SAMPLES))
    ]
    fewest = min(len(places) for places in samples if len(places))
    indices = [places[:fewest] for places in samples]
    tests = first_of_each(images.test_labels, classes, SHOWN)
    shown = np.concatenate([places for number, places in enumerate(tests) if number in chosen])
    draft.arrays |= {
        "sample_images": images.training_images[[own for own in indices if len(own)]],
        "shown_images": images.test_images[shown],
        "shown_indices": shown.astype("int32"),
        "shown_labels": images.test_labels[shown],
    }
    draft.facts |= {
        "sample_rule": SAMPLE_RULE + LARGEST_ONLY * (len(chosen) < classes),
        "sample_indices": [own.tolist() for own in indices],
        "shown_rule": SHOWN_RULE + LARGEST_ONLY * (len(chosen) < classes),
    }


def largest_classes(labels: np.ndarray, classes: int) -> set[int]:
    """Choose the classes to look into: all, or of many those with the most images, the first first.

    Args:
        labels: (n,) class indices.
    """
    if classes <= MOST_CLASSES:
        return set(range(classes))
    counts = np.bincount(labels, minlength=classes)
    return set(np.argsort(-counts, kind="stable")[:LARGEST].tolist())


def first_of_each(labels: np.ndarray, classes: int, count: int) -> list[np.ndarray]:
    """Find for each class the places of its first images, at most `count`."""
    return [np.flatnonzero(labels == number)[:count] for number in range(classes)]


def hide_images(draft: Draft) -> None:
    """Take out what shows images, or what layers make of them; where points lie shows none."""
    of_layers = [name for name in draft.arrays if "/feature_maps/" in name or "/occlusion" in name]
    for name in of_layers:
        del draft.arrays[name]
    for name in draft.arrays:
        if name.endswith("_images"):
            draft.arrays[name] = draft.arrays[name][:0]
    none = {"feature_maps": [], "mistakes": []}
    draft.facts["networks"] = [each.model_copy(update=none) for each in draft.facts["networks"]]
    draft.facts["sample_indices"] = [[] for _ in draft.facts["sample_indices"]]
    draft.facts["neighbours"] = []


# --------------------------------------------------------------------------------- the networks


def load_networks(
    study: Study, results: Path, images: Images
) -> tuple[list[Trained], dict[str, str]]:
    """Load the networks whose weights are kept.

    Returns:
        The networks, and for each one that cannot be had the reason, by experiment.
    """
    paths = records.find(results / "runs")
    networks, left_out = [], {}
    for run in inspections.kept(study):
        path = paths.get((run.experiment.fingerprint, run.seed))
        reason = _why_not(path)
        if path is None or reason:
            left_out[run.experiment.id] = reason
            log(f"{run.experiment.id} is left out: {reason}{_remedy(path) if path else ''}")
        else:
            networks.append(_load(run, path, images, len(study.dataset.class_names)))
    return networks, left_out


def _why_not(path: Path | None) -> str:
    """Say why a run cannot be inspected; nothing if it can."""
    if path is None:
        return "it is not trained"
    record = records.read(path)
    if record.status != "complete":
        return f"its run {record.status}: {record.reason}"
    if not records.weights_file(path).exists():
        return "the weights of its run were not kept"
    return ""


def _remedy(record: Path) -> str:
    """Say how to have a run inspected that was trained before its weights were wanted."""
    if records.read(record).status != "complete":
        return ""
    return "; `cnn-study weights STUDY` trains it again and keeps them"


def _load(run: Run, path: Path, images: Images, classes: int) -> Trained:
    log(f"{run.experiment.id}: load seed {run.seed}, classify the test images")
    record, weights = records.read(path), records.weights_file(path)
    pixels, _ = take_parts(images, record.settings).training
    model = trained_network.load(record, weights, pixels, classes)
    probabilities = keras_one.answer(model, record.settings, all_of(images.test_images))
    _, accuracy = scores.score(probabilities, images.test_labels)
    trained_network.check_accuracy(weights, record, accuracy)
    return Trained(run, record, model, probabilities)


def _follow(networks: list[Trained], images: Images, draft: Draft) -> None:
    """Choose the image that is followed through the layers, and the square that hides parts."""
    shown, labels = draft.arrays["shown_indices"], draft.arrays["shown_labels"]
    answers = [network.probabilities[shown].argmax(axis=1) for network in networks]
    place, is_right = followed(answers, labels)
    side, stride = trained_network.occlusion_size(images.test_images.shape[1:])
    draft.facts |= {
        "followed_rule": FOLLOWED_RULE,
        "followed_image": place,
        "followed_test_index": int(shown[place]),
        "followed_is_right": is_right,
        "grey": np.rint(pixel_statistics(images.training_images)[0]).astype(int).tolist(),
        "occlusion_side": side,
        "occlusion_stride": stride,
    }


def followed(answers: list[np.ndarray], labels: np.ndarray) -> tuple[int, bool]:
    """Find the first image that all get right, else image 0, and say whether it is right.

    Args:
        answers: for each network the predicted classes (n,).
        labels: (n,) true classes.
    """
    right = np.all([answer == labels for answer in answers], axis=0)
    is_right = bool(answers) and bool(right.any())
    return (int(right.argmax()) if is_right else 0), is_right


def _embed(networks: list[Trained], images: Images, draft: Draft) -> None:
    count = min(embedding.MOST_IMAGES, len(images.test_labels))
    pixels = images.test_images[:count]
    log(f"t-SNE of {count} test images, from their pixels")
    draft.arrays["pixels_embedding"] = trained_network.half(embedding.embed_pixels(pixels))
    draft.arrays["embedding_labels"] = images.test_labels[:count]
    for network in networks:
        log(f"{network.run.experiment.id}: t-SNE of what its last layer is given")
        features = trained_network.features(network.model, pixels)
        draft.arrays |= {
            f"{network.run.experiment.id}/embedding": trained_network.half(
                embedding.embed(features)
            ),
            f"{network.run.experiment.id}/embedding_predictions": network.probabilities[:count]
            .argmax(axis=1)
            .astype(images.test_labels.dtype),
        }
    draft.facts |= {
        "embedding_images": count,
        "embedding_perplexity": embedding.perplexity(count),
        "embedding_seed": embedding.SEED,
    }


def _inspect_network(network: Trained, images: Images, draft: Draft) -> inspections.Network:
    id_, record, model = network.run.experiment.id, network.record, network.model
    log(f"{id_}: feature maps, occlusion, mistakes")
    shown, labels = draft.arrays["shown_images"], draft.arrays["shown_labels"]
    classes = network.probabilities.shape[1]
    layers = architecture.layers(record.settings, shown.shape[1:], classes)
    # Of a network of the study's own nobody says which layers follow one another.
    names = [] if architecture.is_own(record.settings) else trained_network.shown_layers(layers)
    followed_image = shown[draft.facts["followed_image"]]
    maps = trained_network.feature_maps(model, names, followed_image) if names else []
    draft.arrays |= {
        f"{id_}/feature_maps/{name}": values for name, values in zip(names, maps, strict=True)
    }
    grey = np.array(draft.facts["grey"], dtype="uint8")
    answering = keras_one.answering_of(model, record.settings)
    lost = trained_network.occlusion(
        # Not `predict`: for each call of it the backend starts, and waits for, threads.
        lambda pixels: np.asarray(answering.predict_on_batch(pixels)),
        shown,
        labels,
        grey,
        draft.facts["occlusion_side"],
        draft.facts["occlusion_stride"],
    )
    worst = trained_network.worst_mistakes(network.probabilities, images.test_labels, MISTAKES)
    draft.arrays |= {
        f"{id_}/occlusion": trained_network.half(lost),
        f"{id_}/probabilities": network.probabilities[draft.arrays["shown_indices"]],
        f"{id_}/mistakes_images": images.test_images[worst],
    }
    scale, offset = keras_one.pixel_scaling(model, shown.shape[-1])
    _, accuracy = scores.score(network.probabilities, images.test_labels)
    return inspections.Network(
        experiment=id_,
        fingerprint=record.fingerprint,
        seed=record.seed,
        weights_sha256=keras_one.weights_digest(model),
        test_accuracy=accuracy,
        scale=scale,
        offset=offset,
        feature_maps=names,
        mistakes=[_mistake(int(index), network.probabilities, images) for index in worst],
    )


def _mistake(index: int, probabilities: np.ndarray, images: Images) -> inspections.Mistake:
    return inspections.Mistake(
        test_index=index,
        true_class=int(images.test_labels[index]),
        predicted_class=int(probabilities[index].argmax()),
        probability=float(probabilities[index].max()),
    )


# -------------------------------------------------------------------------------- the baselines


def _fit_baselines(study: Study, images: Images, draft: Draft) -> None:
    """Fit the models without a network to the images that the base is trained on."""
    settings = study.experiments["base"].settings
    draft.facts["dataset"] = records.DatasetUsed(
        name=study.dataset.name,
        digest=study.dataset.digest,
        **take_parts(images, settings).counts,
    )
    log("k nearest neighbours on the pixels")
    parts, chosen = baselines.take_small(images, settings)
    fitted = {"nearest_neighbours": baselines.nearest_neighbours(parts)}
    pair_neighbours(images, parts.training[0], chosen, draft)
    if len(np.unique(parts.training[1])) > 1:
        log("multinomial logistic regression on the pixels")
        fitted["logistic_regression"] = baselines.logistic_regression(parts)
    else:
        draft.facts["left_out"]["logistic_regression"] = "all training images have one class"
    for baseline in fitted.values():
        log(
            f"{baseline.title}, {baseline.parameter} {baseline.chosen:g}: "
            f"test {percent(baseline.test_accuracy)}"
        )
    draft.facts["baselines"] = fitted


def pair_neighbours(images: Images, small: np.ndarray, chosen: np.ndarray, draft: Draft) -> None:
    """Pair the first shown image of each of the first classes with its nearest training image.

    Args:
        images: the whole dataset.
        small: (n, height, width, channels) the images to look among, as they are compared.
        chosen: (n,) their places in the training set.
        draft: `shown_indices` and `shown_labels` are read, what is found is added.
    """
    labels, shown = draft.arrays["shown_labels"], draft.arrays["shown_indices"]
    _, first = np.unique(labels, return_index=True)
    tests = shown[first[:PAIRS]]
    places, distances = baselines.nearest(
        baselines.as_rows(small),
        baselines.as_rows(baselines.reduced(images.test_images[tests])),
        1,
    )
    neighbours = chosen[places[:, 0]]
    pairs = [images.test_images[tests], images.training_images[neighbours]]
    draft.arrays["neighbours_images"] = np.stack(pairs, axis=1)
    draft.facts["neighbours"] = [
        inspections.Neighbour(
            test_index=int(test),
            test_class=int(images.test_labels[test]),
            training_index=int(place),
            training_class=int(images.training_labels[place]),
            distance=float(distance),
        )
        for test, place, distance in zip(tests, neighbours, distances[:, 0], strict=True)
    ]
