"""Search the dataset for test images that stand, hardly altered, among the training images.

A perceptual hash finds the candidates, the correlation of the pixels decides. Beside them a few of
the test images are kept that every run of the best experiment misreads. What is written here is
read by `runs.look_alikes`, and the dataset is not needed again.
"""

import statistics
from pathlib import Path

import numpy as np
from scipy.fft import dctn

from cnn_study.base import files
from cnn_study.data.arrays import load_prepared
from cnn_study.data.images import Images
from cnn_study.runs import correct_answers, look_alikes, records, sealed
from cnn_study.runs.heartbeat import log
from cnn_study.runs.look_alikes import LookAlikeFacts, Misread, MisreadBy, Pair
from cnn_study.runs.wanted import done, wanted
from cnn_study.study.model import Study

FREQUENCIES = 8
"""Of the cosine transform, to either side: 64 of them make the bits of a hash."""

LEAST_SIDE = 2 * FREQUENCIES
"""Pixels: of smaller images a hash would take in all detail, and not the rough shape alone."""

MOST_DIFFERENT_BITS = 10
"""Of 64: the hashes of unrelated images differ in 32, those of re-encoded ones in very few."""

LEAST_CORRELATION = 0.90

SHOWN_PAIRS = 8
SHOWN_MISREAD = 16
LEAST_RUNS = 2
"""One run agrees with itself in all."""

LUMA = {1: (1.0,), 3: (0.299, 0.587, 0.114)}
"""Weights of the channels in grey, as in ITU-R BT.601."""

BLOCK = 500
"""Images whose distances to all others are worked out at once: 25 million bytes for CIFAR-10."""


def look(study: Study, results: Path, data: Path) -> Path:
    """Search the dataset, unless it is done, keep its answers, and give the place of the facts.

    Raises:
        UserError: the dataset is not there, or what was kept is damaged.
    """
    path = look_alikes.place(study, results)
    if path.exists() and correct_answers.read(study, results) is not None:
        look_alikes.read(path)
        log(f"the look-alikes are there already: {path}")
        return path
    images = load_prepared(study.dataset, data)
    correct_answers.keep(study, results, images)
    if not path.exists():
        _write(path, study, results, images)
    return path


def _write(path: Path, study: Study, results: Path, images: Images) -> None:
    """Search, and write facts and images."""
    reason = too_small(images.test_images.shape[1:3])
    log(reason or f"compare {len(images.test_labels)} test images with the training images")
    pairs = [] if reason else find_pairs(images)
    if not reason:
        log(f"{len(pairs)} of them resemble a training image")
    shown = spread_evenly(len(pairs), SHOWN_PAIRS)
    misread = misread_by_best(study, results, images.test_labels)
    kept = [mistake.test_index for mistake in misread.shown] if misread else []
    tests, trained = (
        [getattr(pairs[place], f"{part}_index") for place in shown] for part in ("test", "training")
    )
    arrays = {
        "pairs_images": np.stack(
            [images.test_images[tests], images.training_images[trained]], axis=1
        ),
        "misread_images": images.test_images[kept],
    }
    file = path.with_suffix(".npz")
    facts = LookAlikeFacts(
        format=1,
        look_alikes_version=look_alikes.LOOK_ALIKES_VERSION,
        fingerprint=path.stem,
        dataset=study.dataset.digest,
        test_images=len(images.test_labels),
        training_images=len(images.training_labels),
        hash_bits=FREQUENCIES**2,
        most_different_bits=MOST_DIFFERENT_BITS,
        least_correlation=LEAST_CORRELATION,
        reason=reason,
        pairs=pairs,
        shown_pairs=shown,
        misread=misread,
        arrays_file=file.name,
        arrays_sha256=files.write_arrays(file, arrays),
    )
    sealed.write(path, facts)


# ------------------------------------------------------------------------------- look-alikes


def too_small(sides: tuple[int, ...]) -> str:
    """Say why images of this height and width are not searched; nothing if they are."""
    if min(sides) >= LEAST_SIDE:
        return ""
    size = "×".join(map(str, sides))
    return (
        f"images of {size} pixels are too small: a hash of {FREQUENCIES**2} bits would hold nearly "
        "all of them, and different images of a class correlate as look-alikes do"
    )


def find_pairs(images: Images) -> list[Pair]:
    """Find for each look-alike among the test images its training image, the most alike first.

    A pair differs in at most `MOST_DIFFERENT_BITS` bits of its hashes, and its pixels correlate to
    `LEAST_CORRELATION` or more; of several training images the one that correlates most is taken.
    """
    tests, trained, bits = near(
        perceptual_hashes(images.test_images), perceptual_hashes(images.training_images)
    )
    correlations = correlate(images.test_images[tests], images.training_images[trained])
    best: dict[int, int] = {}
    for place in np.argsort(-correlations, kind="stable"):
        if correlations[place] >= LEAST_CORRELATION:
            best.setdefault(int(tests[place]), int(place))
    return [
        Pair(
            test_index=test,
            test_class=int(images.test_labels[test]),
            training_index=int(trained[place]),
            training_class=int(images.training_labels[trained[place]]),
            different_bits=int(bits[place]),
            correlation=round(float(correlations[place]), 6),
        )
        for test, place in best.items()
    ]


def perceptual_hashes(images: np.ndarray) -> np.ndarray:
    """Hash the rough shape of images: 64 bits that hardly change with brightness or encoding.

    Each bit says whether one of the 8 x 8 lowest frequencies of the cosine transform of the grey
    image is above their median (Zauner, 2010, section 3.2; the usual "pHash", without resizing,
    which leaves low frequencies as they are).

    Args:
        images: (n, height, width, channels) uint8, each side at least `LEAST_SIDE`.

    Returns:
        (n,) uint64.
    """
    weights = np.array(LUMA.get(images.shape[-1], np.full(images.shape[-1], 1 / images.shape[-1])))
    hashes = [np.empty(0, "uint64")]
    for start in range(0, len(images), BLOCK):
        grey = images[start : start + BLOCK] @ weights.astype("float32")
        low = dctn(grey, axes=(1, 2))[:, :FREQUENCIES, :FREQUENCIES].reshape(len(grey), -1)
        bits = low > np.median(low, axis=1, keepdims=True)
        hashes.append(np.packbits(bits, axis=1).view("uint64")[:, 0])
    return np.concatenate(hashes)


def near(ours: np.ndarray, theirs: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Find the pairs of hashes that differ in few bits.

    Args:
        ours, theirs: (n,) and (m,) uint64.

    Returns:
        Places in ours and in theirs, and the number of bits, in order of ours, then of theirs.
    """
    pairs = [np.empty((3, 0), int)]
    for start in range(0, len(ours), BLOCK):
        bits = np.bitwise_count(ours[start : start + BLOCK, None] ^ theirs)
        first, second = np.nonzero(bits <= MOST_DIFFERENT_BITS)
        pairs.append(np.stack([first + start, second, bits[first, second]]))
    first, second, bits = np.concatenate(pairs, axis=1)
    return first, second, bits


def correlate(ours: np.ndarray, theirs: np.ndarray) -> np.ndarray:
    """Give Pearson's correlation of the pixels of each pair of images; 0 where one is plain.

    Args:
        ours, theirs: (n, height, width, channels), image by image.

    Returns:
        (n,) float64.
    """
    correlations = [np.empty(0)]
    for start in range(0, len(ours), BLOCK):
        first, second = (_centred(part[start : start + BLOCK]) for part in (ours, theirs))
        scale = np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1)
        product = (first * second).sum(axis=1)
        correlations.append(np.divide(product, scale, out=np.zeros(len(scale)), where=scale > 0))
    return np.concatenate(correlations)


def _centred(images: np.ndarray) -> np.ndarray:
    rows = images.reshape(len(images), -1).astype(float)
    return rows - rows.mean(axis=1, keepdims=True)


def spread_evenly(count: int, most: int) -> list[int]:
    """Take at most so many places of 0 to count - 1, evenly spread, the first and the last too."""
    return sorted({round(place) for place in np.linspace(0, count - 1, min(count, most))})


# ------------------------------------------------------------------------------- misread images


def misread_by_best(study: Study, results: Path, labels: np.ndarray) -> MisreadBy | None:
    """Find the test images that all runs of the best experiment misread alike.

    The best is that with the highest mean validation accuracy after the last epoch.

    Returns:
        None where no experiment has validation scores, or where the best has fewer than
        `LEAST_RUNS` complete runs or not all of their predictions.

    Raises:
        UserError: a record or its predictions are damaged.
    """
    runs = _runs_of_best(study, results)
    kept = [records.predictions(path, record) for path, record in runs]
    predictions = [arrays for arrays in kept if arrays is not None]
    if len(predictions) < max(len(runs), LEAST_RUNS):
        return None
    record = runs[0][1]
    classes = np.stack([arrays["classes"] for arrays in predictions])
    sure = np.mean([arrays["probabilities"] for arrays in predictions], axis=0)
    misread = np.flatnonzero((classes == classes[0]).all(axis=0) & (classes[0] != labels))
    surest = misread[np.argsort(-sure[misread], kind="stable")][:SHOWN_MISREAD]
    return MisreadBy(
        experiment=record.experiment,
        fingerprint=record.fingerprint,
        seeds=[record.seed for _, record in runs],
        images=len(misread),
        shown=[
            Misread(
                test_index=int(place),
                true_class=int(labels[place]),
                predicted_class=int(classes[0, place]),
                probability=round(float(sure[place]), 6),
            )
            for place in surest
        ],
    )


Recorded = tuple[Path, records.Record]
"""A record, and where it lies."""


def _runs_of_best(study: Study, results: Path) -> list[Recorded]:
    """Give the complete runs of the experiment that is best on the validation images, by seed."""
    paths = done(study, results)
    runs: dict[str, list[Recorded]] = {}
    for run in wanted(study):
        path = paths.get(run.name)
        if path and (record := records.read(path)).status == "complete":
            runs.setdefault(run.experiment.id, []).append((path, record))
    means = {id_: _mean(complete) for id_, complete in runs.items()}
    # Of equal ones the first in the study file, as `evidence.results.best_of` has it.
    scored = [id_ for id_ in study.experiments if means.get(id_) is not None]
    return runs[max(scored, key=lambda id_: means[id_] or 0)] if scored else []


def _mean(runs: list[Recorded]) -> float | None:
    """Average the validation accuracies of those runs that have one; None without any."""
    scores = [record.epochs[-1].validation_accuracy for _, record in runs]
    known = [score for score in scores if score is not None]
    return statistics.fmean(known) if known else None
