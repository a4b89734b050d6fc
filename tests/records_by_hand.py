"""Run records with chosen scores, for tests of what is made from records."""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np

from cnn_study.base import files
from cnn_study.data.sizes import split_sizes
from cnn_study.runs import look_alikes, records, sealed
from cnn_study.runs.wanted import Run
from cnn_study.study.model import Study
from cnn_study.study.settings import TRAINING_VERSION

COST = {
    "training_seconds": 10.0,
    "training_cpu_seconds": 8.0,
    "run_seconds": 12.0,
    "peak_memory_mebibytes": 100.0,
}
PROVENANCE = {
    "versions": {"python": "3.11.7", "keras": "3.15.1", "tensorflow": "2.21.0"},
    "backend": "tensorflow",
    "device": "CPU",
    "processor": "A processor, with a comma",
    "system": "Linux x86_64",
    "threads": 1,
    "commit": "0123456789abcdef0123456789abcdef01234567",
    "changed_since_commit": False,
    "started": "2026-01-02T03:04:05+00:00",
}


def make(
    study: Study,
    experiment: str,
    seed: int,
    *,
    status: str = "complete",
    test: float = 0.5,
    validation: float | None = 0.5,
    training: float = 0.9,
    epochs: int | None = None,
    **cost: float,
) -> records.Record:
    """Make a record. Losses are 1 - accuracy, and the test images of the first class that are
    classified wrongly are taken for the second.

    There are as many epochs as the settings ask for, but two of a run that is not complete."""
    chosen, dataset = study.experiments[experiment], study.dataset
    complete = status == "complete"
    sizes = split_sizes(
        dataset.training_images,
        chosen.settings.validation_fraction,
        chosen.settings.training_fraction,
    )
    if epochs is None:
        epochs = chosen.settings.epochs if complete else min(2, chosen.settings.epochs)
    validation = validation if sizes.validation else None
    cost = {**COST, **cost}
    cost["run_seconds"] = max(cost["run_seconds"], cost["training_seconds"])
    seconds = round(cost["training_seconds"] / max(epochs, 1), 3)
    return records.Record(
        format=records.FORMAT,
        experiment=experiment,
        seed=seed,
        fingerprint=chosen.fingerprint,
        training_version=TRAINING_VERSION,
        status=status,
        reason=None if complete else f"made {status} by hand",
        settings=chosen.settings,
        dataset=records.DatasetUsed(
            name=dataset.name,
            digest=dataset.digest,
            training_images=sizes.training,
            validation_images=sizes.validation,
            test_images=dataset.test_images,
        ),
        epochs=[
            _epoch(number, validation, training, complete, seconds)
            for number in range(1, epochs + 1)
        ],
        test=_test(study, seed, test) if complete else None,
        weights_sha256=_digest(experiment, seed) if complete else None,
        cost=records.Cost(**{"parameters": chosen.parameters, "macs": chosen.macs, **cost}),
        provenance=records.Provenance(**PROVENANCE),
    )


def answering(
    study: Study, results: Path, record: records.Record, classes: np.ndarray, labels: np.ndarray
) -> records.Record:
    """Write a record with predictions beside it; its scores are those that follow from them."""
    path = results / "runs" / f"{Run(study.experiments[record.experiment], record.seed).name}.json"
    probabilities = np.full(len(classes), 204, "uint8")
    digest = files.write_arrays(
        records.predictions_file(path),
        {"classes": classes.astype("uint8"), "probabilities": probabilities},
    )
    confusion = np.zeros((len(study.dataset.class_names),) * 2, int)
    np.add.at(confusion, (labels, classes), 1)
    test = record.tested.model_copy(
        update={
            "accuracy": float((classes == labels).mean()),
            "confusion": confusion.tolist(),
            "predictions_sha256": digest,
        }
    )
    record = record.model_copy(update={"test": test})
    records.write(path, record)
    return record


def look_alike(study: Study, results: Path, *test_indices: int) -> Path:
    """Say that these test images resemble a training image; show none of them."""
    path, images = look_alikes.place(study, results), study.dataset
    file = path.with_suffix(".npz")
    pairs = [
        look_alikes.Pair(
            test_index=place, test_class=1, training_index=7, training_class=1 + place % 2,
            different_bits=2, correlation=0.95,
        )
        for place in test_indices
    ]  # fmt: skip
    empty = np.zeros((0, 2, *images.image_shape), "uint8")
    facts = look_alikes.LookAlikeFacts(
        format=1,
        look_alikes_version=look_alikes.LOOK_ALIKES_VERSION,
        fingerprint=path.stem,
        dataset=images.digest,
        test_images=images.test_images,
        training_images=images.training_images,
        hash_bits=64,
        most_different_bits=10,
        least_correlation=0.9,
        reason="",
        pairs=pairs,
        shown_pairs=[],
        misread=None,
        arrays_file=file.name,
        arrays_sha256=files.write_arrays(
            file, {"pairs_images": empty, "misread_images": empty[:, 0]}
        ),
    )
    sealed.write(path, facts)
    return path


def write(study: Study, results: Path, *made: records.Record) -> None:
    """Put records where the workflow would."""
    for record in made:
        run = Run(study.experiments[record.experiment], record.seed)
        records.write(results / "runs" / f"{run.name}.json", record)


def _digest(*parts: object) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def scored_by_class(
    study: Study,
    record: records.Record,
    validation: list[list[int]],
    test: list[list[int]],
    auc: tuple[float | None, float | None] = (None, None),
) -> records.Record:
    """Give a complete record other confusion matrices, as newer records tell of them.

    Args:
        validation, test: confusion matrices [true class][predicted class].
        auc: of validation and test images.
    """
    held_out, tested = np.array(validation), np.array(test)
    accuracy = float(np.trace(tested) / tested.sum())
    counts = {
        "validation_accuracy": float(np.trace(held_out) / held_out.sum()),
        "validation_right": np.diag(held_out).tolist(),
        "validation_predicted": held_out.sum(axis=0).tolist(),
        "validation_auc": auc[0],
    }
    bin_ = record.tested.calibration[0].model_copy(
        update={"images": int(tested.sum()), "mean_probability": 0.5, "accuracy": accuracy,
                "lower": 0.0, "upper": 1.0}
    )  # fmt: skip
    return record.model_copy(
        update={
            "dataset": record.dataset.model_copy(
                update={"validation_classes": held_out.sum(axis=1).tolist()}
            ),
            "epochs": [epoch.model_copy(update=counts) for epoch in record.epochs],
            "test": record.tested.model_copy(
                update={"confusion": test, "accuracy": accuracy, "auc": auc[1],
                        "calibration": [bin_]}
            ),
        }
    )  # fmt: skip


def _epoch(
    number: int, validation: float | None, training: float, complete: bool, seconds: float
) -> records.Epoch:
    return records.Epoch(
        epoch=number,
        training_loss=round(1 - training, 6) if complete else None,
        training_accuracy=training,
        validation_loss=None if validation is None else 1 - validation,
        validation_accuracy=validation,
        training_seconds=seconds,
    )


def _test(study: Study, seed: int, accuracy: float) -> records.Test:
    classes, images = len(study.dataset.class_names), study.dataset.test_images
    confusion = [[0] * classes for _ in range(classes)]
    confusion[0][0] = round(accuracy * images)
    confusion[0][1] = images - confusion[0][0]
    return records.Test(
        loss=1 - accuracy,
        accuracy=accuracy,
        confusion=confusion,
        calibration=[
            records.Bin(
                lower=0, upper=1, images=images, mean_probability=accuracy, accuracy=accuracy
            )
        ],
        predictions_file=f"seed-{seed}.predictions.npz",
        predictions_sha256=_digest("predictions", seed),
    )


def worsen(test: dict[str, Any], images: int) -> None:
    """Let so many images of one class, and of one bin, be misread in a record's scores.

    They still agree with each other; only the network that they are of would give others.
    """
    rows = test["confusion"]
    place = max(range(len(rows)), key=lambda number: rows[number][number])
    rows[place][place] -= images
    rows[place][place - 1] += images
    test["accuracy"] -= images / sum(map(sum, rows))
    fullest = max(test["calibration"], key=lambda bin_: bin_["images"] * (bin_["accuracy"] or 0))
    fullest["accuracy"] -= images / fullest["images"]
