"""Exports a network whose weights are kept, and measures what the exported files answer.

Every file is read back by the program that it is for, and answers all test images. Of the
training images some are read, by which int8 is fitted; nothing is chosen by test images.
"""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from pydantic import Field

from cnn_study.base import files
from cnn_study.base.errors import UserError
from cnn_study.base.words import megabytes, percent
from cnn_study.data.arrays import load_prepared
from cnn_study.export import formats
from cnn_study.inspection import trained_network
from cnn_study.runs import kept_weights, records
from cnn_study.runs.heartbeat import log
from cnn_study.runs.kept_weights import Kept
from cnn_study.runs.records import Part, Record
from cnn_study.study.model import Study
from cnn_study.train import keras_one
from cnn_study.train.machine import import_keras
from cnn_study.train.parts import Parts, Pixels, chunks, take_parts

if TYPE_CHECKING:
    import keras

AGREEMENT = 0.999
"""Share of the test images that a file in float32 must answer as Keras does."""

REPRESENTATIVE = 500
"""Training images by which int8 is fitted."""

REPORT = "export.json"
PAGE = "README.md"


class File(Part):
    """One file, and what it answers."""

    file: str = Field(description="Its name.")
    format: str = Field(description="What it is.")
    bytes: int = Field(description="Its size.")
    sha256: str = Field(description="Of its content.")
    test_accuracy: float = Field(description="Share of the test images that it gets right.")
    agreement: float = Field(description="Share of the test images that it answers as Keras does.")
    largest_difference: float = Field(description="Of a probability from that of Keras.")


class Export(Part):
    """What was exported, from which run, and how well the files agree with it."""

    format: Literal[1] = Field(description="Version of this format.")
    study: str = Field(description="Name of the study.")
    run: str = Field(description="The run whose weights these are.")
    fingerprint: str = Field(description="Of its settings.")
    weights_sha256: str = Field(description="Of its weights, as in its record.")
    class_names: list[str] = Field(description="In the order of the outputs.")
    image_shape: list[int] = Field(description="Height, width and channels; uint8, 0 to 255.")
    test_images: int = Field(description="Images that every file answered.")
    representative_images: int = Field(description="Training images by which int8 was fitted.")
    keras_test_accuracy: float = Field(description="Share of them that Keras gets right.")
    int8_loss: float = Field(description="That less the accuracy of the int8 file.")
    files: list[File] = Field(description="What was written.")
    versions: dict[str, str] = Field(description="Of the packages that took part.")

    @property
    def agrees(self) -> bool:
        """Tell whether every file in float32 answers as Keras does."""
        return all(file.agreement >= AGREEMENT for file in self.files if "int8" not in file.format)


@dataclass(frozen=True)
class _Target:
    """A kind of file: how it is written, and read back."""

    file: str
    format: str
    write: "Callable[[keras.Model, Path], None]"
    read: Callable[[Path], formats.Answers]


def find(study: Study, results: Path, name: str) -> Kept:
    """Find the run whose weights are exported.

    Args:
        name: an experiment's id, or winner-PRICE.

    Raises:
        UserError: its weights are not kept; says whose are, and how they are made.
    """
    allowed = {f"winner-{kept.budget}" if kept.budget else kept.run.experiment.id: kept
               for kept in kept_weights.wanted(study, results)}  # fmt: skip
    if name not in allowed:
        raise UserError(
            f"{name}: no weights of it are kept. Allowed are: {', '.join(allowed) or 'none yet'}."
        )
    if not allowed[name].weights.exists():
        raise UserError(
            f"{allowed[name].weights} is not there. The run was trained before its weights were "
            f"kept: cnn-study weights {study.name} trains it again."
        )
    return allowed[name]


def export(study: Study, kept: Kept, data: Path, output: Path) -> Export:
    """Write the files of one network into a folder, with a report of what they answer.

    Args:
        data: the dataset's arrays.
        output: the folder; files of the same names are replaced.

    Raises:
        UserError: the extra is not installed, or weights or images are not what they should be.
    """
    formats.check_installed()
    import_keras()
    record = records.read(kept.record)
    parts = take_parts(load_prepared(study.dataset, data), record.settings)
    model = _model(kept, record, parts, len(study.dataset.class_names))
    images, labels = parts.test
    wanted = keras_one.predict(model, images)
    accuracy = _accuracy(wanted, labels)
    if record.settings.precision == "float32":  # else it was scored in 16 bits
        trained_network.check_accuracy(kept.weights, record, accuracy)
    with files.writable(output):
        output.mkdir(parents=True, exist_ok=True)
    written = [
        _measured(target, model, output, images, labels, wanted) for target in _targets(parts)
    ]
    exported = Export(
        format=1,
        study=study.name,
        run=kept.name,
        fingerprint=record.fingerprint,
        weights_sha256=kept_weights.digest(kept.weights),
        class_names=list(study.dataset.class_names),
        image_shape=list(study.dataset.image_shape),
        test_images=len(labels),
        representative_images=len(_representative(parts)),
        keras_test_accuracy=accuracy,
        int8_loss=accuracy - written[-1].test_accuracy,
        files=written,
        versions={name: version(name) for name in ("keras", "tensorflow", *formats.PACKAGES)},
    )
    records.write(output / REPORT, exported)
    page = in_words(exported).encode()
    files.write_whole(output / PAGE, lambda file: file.write(page))
    return exported


def _model(kept: Kept, record: Record, parts: Parts, classes: int) -> "keras.Model":
    """Build the network as it answers, in float32: ONNX's writer takes no other."""
    exact = record.settings.model_copy(update={"precision": "float32"})
    record = record.model_copy(update={"settings": exact})
    model = trained_network.load(record, kept.weights, parts.training[0], classes)
    return keras_one.answering_of(model, exact)


def _representative(parts: Parts) -> np.ndarray:
    """Take training images at even distances."""
    images = parts.training[0]
    places = np.linspace(0, len(images) - 1, min(REPRESENTATIVE, len(images))).astype(int)
    return images[places]


def _targets(parts: Parts) -> list[_Target]:
    """List the kinds of files, that in int8 last."""
    return [
        _Target("model.onnx", "ONNX", formats.write_onnx, formats.read_onnx),
        _Target(
            "model.tflite",
            "LiteRT",
            lambda model, path: formats.write_litert(model, path, None),
            formats.read_litert,
        ),
        _Target(
            "model-int8.tflite",
            "LiteRT, int8",
            lambda model, path: formats.write_litert(model, path, _representative(parts)),
            formats.read_litert,
        ),
    ]


def _measured(
    target: _Target,
    model: "keras.Model",
    output: Path,
    images: Pixels,
    labels: np.ndarray,
    wanted: np.ndarray,
) -> File:
    """Write one file, whole or not at all, and let it answer the test images."""
    path = output / target.file
    unfinished = path.with_name(f".part-{target.file}")
    try:
        target.write(model, unfinished)
        answer = target.read(unfinished)
        answers = np.concatenate([answer(chunk) for chunk in chunks(images)])
        shutil.move(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)
    file = File(
        file=target.file,
        format=target.format,
        bytes=path.stat().st_size,
        sha256=files.digest_of_file(path),
        test_accuracy=_accuracy(answers, labels),
        agreement=float((answers.argmax(axis=1) == wanted.argmax(axis=1)).mean()),
        largest_difference=float(np.abs(answers - wanted).max()),
    )
    log(f"{path}: {megabytes(file.bytes)}, answers {percent(file.agreement)} as Keras does")
    return file


def _accuracy(probabilities: np.ndarray, labels: np.ndarray) -> float:
    return float((probabilities.argmax(axis=1) == labels).mean())


def in_words(exported: Export) -> str:
    """Say in Markdown what was exported."""
    rows = [
        f"| `{file.file}` | {file.format} | {file.bytes:,} | {percent(file.test_accuracy)} | "
        f"{100 * file.agreement:.2f} % | {file.largest_difference:.1e} |"
        for file in exported.files
    ]
    height, width, channels = exported.image_shape
    loses = "loses" if exported.int8_loss >= 0 else "gains"
    versions = ", ".join(f"{name} {number}" for name, number in exported.versions.items())
    lines = [
        f"# The network of {exported.run} of the study {exported.study}",
        "",
        f"Each file takes images of {height} × {width} pixels with {channels} channel"
        f"{'s' * (channels > 1)} (uint8, 0 to 255, any number of images at a time) and gives a "
        f"probability for each class: {', '.join(exported.class_names)}.",
        "",
        "| File | Format | Bytes | Test accuracy | Answers as Keras does | Largest difference |",
        "|:--|:--|--:|--:|--:|--:|",
        *rows,
        "",
        f"Measured with all {exported.test_images:,} test images, of which Keras gets "
        f"{percent(exported.keras_test_accuracy)} right. int8, fitted by "
        f"{exported.representative_images:,} training images, {loses} "
        f"{abs(100 * exported.int8_loss):.2f} percentage points.",
        "",
        f"Weights: sha256 {exported.weights_sha256}. Written with {versions}.",
        "",
    ]
    return "\n".join(lines)
