"""The run record: one JSON file a run, whole or absent. Everything after training reads these.

Knows nothing of Keras, of studies, or of how a run was made.
"""

import hashlib
import io
import json
import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cnn_study.base.errors import UserError
from cnn_study.base.files import write_whole
from cnn_study.study.settings import Settings

FORMAT = 1
"""Of the fields below: raised when one goes, is renamed or changes its meaning.

A further field is no new format: it is optional, and its default says that nobody knew it then.
"""

Facts = dict[str, Any]
"""What a record's file holds, read as JSON."""

STEPS: dict[int, Callable[[Facts], Facts]] = {}
"""By its number, for each older format: makes of what a record of it holds one of the next."""

CALIBRATION_BINS = 15


class Part(BaseModel):
    """A part of a file of facts, with no other keys than its fields."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class DatasetUsed(Part):
    """The data that the run used."""

    name: str = Field(description="Name of the dataset.")
    digest: str = Field(description="sha256 of its content.")
    training_images: int = Field(description="Images trained on.")
    validation_images: int = Field(description="Images held out.")
    test_images: int = Field(description="Images that the run was tested on.")


class Epoch(Part):
    """One pass over the training images. A loss that is not finite is null."""

    epoch: int = Field(description="1 is the first.")
    training_loss: float | None = Field(
        description="Mean loss over the epoch, while the weights change; with label smoothing, "
        "if there is any."
    )
    training_accuracy: float | None = Field(description="Share correct over the same images.")
    validation_loss: float | None = Field(
        description="Mean cross-entropy in nats of the held-out images after the epoch; null if "
        "none are held out."
    )
    validation_accuracy: float | None = Field(
        description="Share of them correct; null where the loss is null."
    )
    watched_test_loss: float | None = Field(
        None, description="As validation_loss, for the test images; only with watch_test."
    )
    watched_test_accuracy: float | None = Field(None, description="Share of them correct.")
    training_seconds: float = Field(description="Wall time of the training alone, seconds.")


class Bin(Part):
    """Test images whose highest probability lies in (lower, upper]."""

    lower: float = Field(description="Lower edge, not in the bin (but 0 is in the first).")
    upper: float = Field(description="Upper edge, in the bin.")
    images: int = Field(description="How many images.")
    mean_probability: float | None = Field(description="Mean highest probability; null if empty.")
    accuracy: float | None = Field(description="Share correct; null if empty.")


class Test(Part):
    """What the test images say, after the last epoch. For reporting, never for choosing."""

    loss: float = Field(description="Mean cross-entropy in nats.")
    accuracy: float = Field(description="Share correct.")
    confusion: list[list[int]] = Field(description="Images by [true class][predicted class].")
    calibration: list[Bin] = Field(
        description="Equal-width bins of the highest probability (Guo et al., 2017)."
    )
    predictions_file: str = Field(
        description="File beside the record: arrays `classes` (uint8, predicted class of each "
        "test image in canonical order) and `probabilities` (uint8, its probability x 255)."
    )
    predictions_sha256: str = Field(description="sha256 of that file.")


class Cost(Part):
    """What the run cost."""

    parameters: int = Field(description="Weights and biases of the model.")
    macs: int = Field(description="Multiply-accumulate operations for one image.")
    training_seconds: float = Field(description="Wall time of all epochs' training, seconds.")
    training_cpu_seconds: float = Field(
        description="Processor time of the same, seconds; steadier on a shared machine."
    )
    run_seconds: float = Field(description="Wall time of the run with its scoring, seconds.")
    peak_memory_mebibytes: float = Field(
        description="Most memory that the process held while it trained the run, MiB; where that "
        "cannot be told, as on macOS, since it began."
    )


class Provenance(Part):
    """Where the run came from."""

    versions: dict[str, str] = Field(description="Python and package versions.")
    backend: str = Field(description="Backend of Keras: tensorflow or jax.")
    device: str = Field(description="CPU, or the GPU's model.")
    processor: str = Field(
        description="Model of the CPU; on x86 under Linux, in newer records, also its family, "
        "model number and widest vector instructions."
    )
    system: str = Field(description="Operating system and machine architecture.")
    threads: int = Field(description="Threads that the backend may compute with.")
    commit: str | None = Field(description="Commit of this project; null outside a checkout.")
    changed_since_commit: bool | None = Field(
        description="Whether files of the package differed from that commit."
    )
    started: str = Field(description="Start, UTC, ISO 8601.")


class Record(Part):
    """One run: one seed of one experiment."""

    format: Literal[1] = Field(description="Version of this format.")
    experiment: str = Field(description="Id that the experiment had when it was trained.")
    seed: int = Field(
        description="Seed of the initial weights, image order, augmentation and dropout."
    )
    fingerprint: str = Field(
        description="Hash of settings, dataset digest and training version; names the run's place."
    )
    training_version: int = Field(description="Version of what training means.")
    status: Literal["complete", "diverged", "failed"] = Field(
        description="diverged: the loss stopped being a finite number; failed: it could not be "
        "trained, see reason."
    )
    reason: str | None = Field(description="Why it is not complete; else null.")
    settings: Settings = Field(description="Every parameter (docs/parameters.md).")
    dataset: DatasetUsed
    epochs: list[Epoch] = Field(description="Those that were trained, in order.")
    test: Test | None = Field(description="null unless complete.")
    weights_sha256: str | None = Field(
        description="sha256 of the last weights' bytes; null unless complete."
    )
    cost: Cost
    provenance: Provenance

    @property
    def tested(self) -> Test:
        """What the test images say; only a complete run has it."""
        if self.test is None:
            raise ValueError(f"{self.experiment}, seed {self.seed}, is {self.status}: no test")
        return self.test


def place(runs: Path, experiment: str, fingerprint: str, seed: int) -> Path:
    """Name the file of a run's record."""
    return runs / experiment / fingerprint / f"seed-{seed}.json"


def weights_file(record: Path) -> Path:
    """Name the file beside a record that keeps the run's weights, where they are kept."""
    return record.with_suffix(".weights.npz")


def find(runs: Path) -> dict[tuple[str, int], Path]:
    """Find every record by (fingerprint, seed), whatever its experiment is called now."""
    paths = {}
    for path in sorted(runs.glob("*/*/seed-*.json")):
        seed = path.stem.removeprefix("seed-")
        if seed.isdecimal():
            paths[path.parent.name, int(seed)] = path
    return paths


def read(path: Path) -> Record:
    """Read one record; what is of an older format is read as if it were of today's.

    Raises:
        UserError: it is damaged, or of a newer format; names the file and what to do.
    """
    try:
        return _parsed(path.read_bytes())
    except (OSError, ValidationError) as error:
        refuse_two_versions(path)
        _refuse_newer(path, error)
        raise UserError(
            f"{path} is not a whole run record: {first_line(error)}. "
            "Delete it; the run is then trained again."
        ) from None


def _parsed(content: bytes) -> Record:
    """Check a record; only of one that is not of today's format is it asked of which it is."""
    try:
        return Record.model_validate_json(content)
    except ValidationError:
        if (migrated := _migrated(content)) is None:
            raise
    return Record.model_validate_json(migrated)


def _migrated(content: bytes) -> bytes | None:
    """Take a record of an older format step by step to today's; None of whatever else it is."""
    facts = _facts(content)
    if facts.get("format") not in STEPS:
        return None
    while (format_ := facts["format"]) in STEPS:
        facts = {**STEPS[format_](facts), "format": format_ + 1}
    return json.dumps(facts).encode()


def _facts(content: bytes) -> Facts:
    """Read what a record's file holds, so far as its format can be told; else nothing."""
    try:
        facts = json.loads(content)
    except ValueError:
        return {}
    return facts if isinstance(facts, dict) and type(facts.get("format")) is int else {}


def _refuse_newer(path: Path, error: OSError | ValidationError) -> None:
    """Say what to do with a record that is whole and was written by a newer version."""
    if not isinstance(error, ValidationError):
        return
    faults = error.errors()
    unknown = [".".join(map(str, fault["loc"])) for fault in faults]
    if _facts(path.read_bytes()).get("format", 0) > FORMAT:
        unknown = ["format"]
    elif any(fault["type"] != "extra_forbidden" for fault in faults):
        return
    raise UserError(
        f"{path} was written by a newer version of cnn-study, or by one with changes of its own: "
        f"this one does not know its {', '.join(unknown)}. The record is whole; update cnn-study."
    )


def refuse_two_versions(path: Path) -> None:
    """Say what to do with a file in which git has left both sides of a conflict.

    Raises:
        UserError: it has.
    """
    with suppress(OSError):
        if re.search(rb"^<{7} ", path.read_bytes(), re.MULTILINE):
            raise UserError(
                f"{path} holds two versions, as a merge by git leaves them where both sides made "
                "it. Both are whole: take either side, with what lies beside it, for instance\n"
                f"  git checkout --ours -- {path.parent}"
            )


def first_line(error: Exception) -> str:
    """Say what is wrong with a file; of many faults that Pydantic found, the first."""
    if isinstance(error, ValidationError):
        fault = error.errors()[0]
        return ": ".join(filter(None, (".".join(map(str, fault["loc"])), fault["msg"])))
    return str(error)


def write(path: Path, facts: BaseModel) -> None:
    """Write one record, or other facts, whole or not at all."""
    text = json.dumps(facts.model_dump(by_alias=True), indent=1, allow_nan=False) + "\n"
    write_whole(path, lambda file: file.write(_fold_rows(text).encode()))


def _fold_rows(text: str) -> str:
    """Put lists of plain numbers on one line each, so that a record can be read by eye."""
    lines: list[str] = []
    row: list[str] | None = None
    for line in text.splitlines():
        if row is None:
            if line.endswith("["):
                row = [line]
            else:
                lines.append(line)
        elif line.strip().rstrip(",") == "]":
            lines.append(row[0] + " ".join(part.strip() for part in row[1:]) + line.strip())
            row = None
        elif line.endswith(("[", "{")):
            lines += row
            row = [line] if line.endswith("[") else None
            if row is None:
                lines.append(line)
        else:
            row.append(line)
    return "\n".join(lines) + "\n"


def predictions_file(record: Path) -> Path:
    """Name the file beside a record that keeps the predictions of a complete run."""
    return record.with_suffix(".predictions.npz")


def predictions(path: Path, record: Record) -> dict[str, np.ndarray] | None:
    """Read the predictions kept beside a complete record.

    Returns:
        classes (test_images,) uint8 and probabilities (test_images,) float, 0 to 1 in steps of
        1/255; None where the file is not there.

    Raises:
        UserError: it is not the file that the run left.
    """
    file = path.parent / record.tested.predictions_file
    if not file.exists():
        return None
    content = file.read_bytes()
    if (digest := hashlib.sha256(content).hexdigest()) != record.tested.predictions_sha256:
        raise UserError(
            f"{file} does not hold the predictions of {record.experiment}, seed {record.seed}: its "
            f"sha256 is {digest}, and the record says {record.tested.predictions_sha256}. Get the "
            "file back; or delete it and the record, and the run is trained again."
        )
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        return {"classes": arrays["classes"], "probabilities": arrays["probabilities"] / 255}
