"""The run record: one JSON file a run, whole or absent. Everything after training reads these.

Knows nothing of Keras, of studies, or of how a run was made.
"""

import json
import os
import re
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cnn_study.base import readable_json
from cnn_study.base.errors import UserError
from cnn_study.base.files import PART, closed, intact_arrays, read_at_most, write_whole
from cnn_study.base.words import cut, first_lines, first_of
from cnn_study.runs import sense
from cnn_study.runs.sense import Fault
from cnn_study.study.faults import LONGEST_PLACE, NO_KEYS, wording
from cnn_study.study.parts import LARGEST_SEED
from cnn_study.study.settings import TRAINING_VERSION, Settings

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

FORMAT = 1
"""Of the fields below: raised when one goes, is renamed or changes its meaning.

A further field is no new format: it is optional, and its default says that nobody knew it then.
"""

Facts = dict[str, Any]
"""What a record's file holds, read as JSON."""

STEPS: dict[int, Callable[[Facts], Facts]] = {}
"""By its number, for each older format: makes of what a record of it holds one of the next."""

CALIBRATION_BINS = 15

MOST_BYTES = 128 * 2**20
"""Of a record's file: with 1,000 classes and 10,000 epochs, the most that may be asked for, it has
three quarters of that; of ten classes and ten epochs a ten-thousandth."""

GET_IT_BACK = (
    "Get it back as it was, with git for instance, or delete it; the run is then trained again."
)

Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=0, le=2**53)]
"""Of images, weights, operations; exact as a float."""

Amount = Annotated[float, Field(ge=0, le=1e12)]
"""Of seconds or memory; sums of them stay finite."""

Loss = Annotated[float, Field(ge=-1e-6, le=3.5e38)]
"""What single precision can hold; rounding may leave 0 a hair below itself."""

Probability = Annotated[float, Field(ge=0, le=1 + 1e-4)]
"""As softmax gives it in single precision, or in half."""

Digest = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
Seed = Annotated[int, Field(ge=0, le=LARGEST_SEED)]


class Part(BaseModel):
    """A part of a file of facts, with no other keys than its fields."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class DatasetUsed(Part):
    """The data that the run used."""

    name: str = Field(description="Name of the dataset.")
    digest: Digest = Field(description="sha256 of its content.")
    training_images: Count = Field(description="Images trained on.")
    validation_images: Count = Field(description="Images held out.")
    test_images: Count = Field(description="Images that the run was tested on.")
    validation_classes: list[Count] | None = Field(
        None, description="Images held out of each class; null in older records."
    )


class Epoch(Part):
    """One pass over the training images. A loss that is not finite is null."""

    epoch: Count = Field(description="1 is the first.")
    training_loss: Loss | None = Field(
        description="Mean loss over the epoch, while the weights change; with label smoothing, "
        "if there is any."
    )
    training_accuracy: Share | None = Field(description="Share correct over the same images.")
    validation_loss: Loss | None = Field(
        description="Mean cross-entropy in nats of the held-out images after the epoch; null if "
        "none are held out."
    )
    validation_accuracy: Share | None = Field(
        description="Share of them correct; null where the loss is null."
    )
    validation_right: list[Count] | None = Field(
        None,
        description="Of each class, held-out images classified correctly; null where the loss is "
        "null, and in older records.",
    )
    validation_predicted: list[Count] | None = Field(
        None, description="Held-out images taken for each class; null as validation_right."
    )
    validation_auc: Share | None = Field(
        None,
        description="Of two classes, the area under the receiver operating characteristic of the "
        "held-out images; else, and where one has no image, null.",
    )
    watched_test_loss: Loss | None = Field(
        None, description="As validation_loss, for the test images; only with watch_test."
    )
    watched_test_accuracy: Share | None = Field(None, description="Share of them correct.")
    watched_test_right: list[Count] | None = Field(
        None, description="As validation_right, for the test images."
    )
    watched_test_predicted: list[Count] | None = Field(
        None, description="As validation_predicted, for the test images."
    )
    watched_test_auc: Share | None = Field(
        None, description="As validation_auc, for the test images."
    )
    training_seconds: Amount = Field(
        description="Wall time of the training alone, seconds; of the engine processes in the "
        "first epoch with what tracing or compiling takes, of batched without it."
    )


class Bin(Part):
    """Test images whose highest probability lies in (lower, upper]."""

    lower: Share = Field(description="Lower edge, not in the bin (but 0 is in the first).")
    upper: Share = Field(description="Upper edge, in the bin.")
    images: Count = Field(description="How many images.")
    mean_probability: Probability | None = Field(
        description="Mean highest probability; null if empty."
    )
    accuracy: Share | None = Field(description="Share correct; null if empty.")


class Test(Part):
    """What the test images say, after the last epoch. For reporting, never for choosing."""

    loss: Loss = Field(description="Mean cross-entropy in nats.")
    accuracy: Share = Field(description="Share correct.")
    confusion: list[list[Count]] = Field(description="Images by [true class][predicted class].")
    auc: Share | None = Field(
        None,
        description="Of two classes, the area under the receiver operating characteristic; null "
        "of more, where one has no image, and in older records.",
    )
    calibration: list[Bin] = Field(
        description="Equal-width bins of the highest probability (Guo et al., 2017)."
    )
    predictions_file: str = Field(
        description="File beside the record: arrays `classes` (predicted class of each test image "
        "in canonical order; uint8, from 257 classes on uint16) and `probabilities` (uint8, its "
        "probability x 255); of at most 20 classes, in newer records, also `class_probabilities` "
        "(test images, classes), of two classes float16, of more uint8, x 255."
    )
    predictions_sha256: Digest = Field(description="sha256 of that file.")


class Cost(Part):
    """What the run cost."""

    parameters: Count = Field(description="Weights and biases of the model.")
    macs: Count = Field(description="Multiply-accumulate operations for one image.")
    training_seconds: Amount = Field(
        description="Wall time of all epochs' training, seconds: of the engine processes with what "
        "tracing or compiling takes, of batched without it."
    )
    training_cpu_seconds: Amount = Field(
        description="Processor time of the same, seconds; steadier on a shared machine."
    )
    run_seconds: Amount = Field(description="Wall time of the run with its scoring, seconds.")
    peak_memory_mebibytes: Amount = Field(
        description="Most memory that the process held while it trained the run, MiB; where that "
        "cannot be told, as on macOS, since it began."
    )
    processor_joules: Amount | None = Field(
        None,
        description="Electric energy, J: what the counters of all processors (RAPL), memory with "
        "them where it has its own, rose by during the run with its scoring, times the run's part "
        "of the processor time of all processes meanwhile; null where they cannot be read, and in "
        "older records.",
    )
    gpu_joules: Amount | None = Field(
        None,
        description="Electric energy of its GPU (NVML), J, meanwhile; of runs that one program "
        "trained side by side the part that is theirs of the time. Null without a GPU that counts, "
        "and in older records.",
    )


class Provenance(Part):
    """Where the run came from."""

    versions: dict[str, str] = Field(description="Python and package versions.")
    backend: str = Field(description="Backend of Keras: tensorflow or jax.")
    device: str = Field(description="CPU, or the GPU's model.")
    engine: Literal["processes", "batched"] = Field(
        "processes",
        description="What trained the run: processes, Keras's fit, as in all older records; "
        "batched, one program of JAX for a group of runs.",
    )
    trained_together: Annotated[int, Field(ge=1, le=2**53)] = Field(
        1,
        description="Runs of that group, this one among them, which were trained side by side: "
        "seconds are its share.",
    )
    processor: str = Field(
        description="Model of the CPU; on x86 under Linux, in newer records, also its family, "
        "model number and widest vector instructions."
    )
    system: str = Field(description="Operating system and machine architecture.")
    threads: Count = Field(description="Threads that the backend may compute with.")
    commit: str | None = Field(description="Commit of this project; null outside a checkout.")
    changed_since_commit: bool | None = Field(
        description="Whether files of the package differed from that commit."
    )
    started: str = Field(description="Start, UTC, ISO 8601.")


class Record(Part):
    """One run: one seed of one experiment."""

    format: Literal[1] = Field(description="Version of this format.")
    experiment: str = Field(description="Id that the experiment had when it was trained.")
    seed: Seed = Field(
        description="Seed of the initial weights, image order, augmentation and dropout."
    )
    fingerprint: Annotated[str, Field(pattern="^[0-9a-f]{16}$")] = Field(
        description="Hash of settings, dataset digest and training version; names the run's place."
    )
    training_version: Count = Field(description="Version of what training means.")
    status: Literal["complete", "diverged", "failed"] = Field(
        description="diverged: the loss stopped being a finite number; failed: it could not be "
        "trained, see reason."
    )
    reason: str | None = Field(description="Why it is not complete; else null.")
    settings: Settings = Field(description="Every parameter (docs/parameters.md).")
    dataset: DatasetUsed
    epochs: list[Epoch] = Field(description="Those that were trained, in order.")
    test: Test | None = Field(description="null unless complete.")
    weights_sha256: Digest | None = Field(
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


KEPT = (".predictions.npz", ".weights.npz")
"""How the names of files end that are kept beside a record."""


def place(runs: Path, experiment: str, fingerprint: str, seed: int) -> Path:
    """Name the file of a run's record."""
    return runs / experiment / fingerprint / f"seed-{seed}.json"


def weights_file(record: Path) -> Path:
    """Name the file beside a record that keeps the run's weights, where they are kept."""
    return record.with_suffix(KEPT[1])


def find(runs: Path) -> dict[tuple[str, int], Path]:
    """Find every record by (fingerprint, seed), whatever its experiment is called now.

    Of several files for one run the best is taken: a whole one before one that is not.

    Raises:
        UserError: a folder keeps from this user what is in it.
    """
    _refuse_closed(runs)
    copies: dict[tuple[str, int], list[Path]] = {}
    for path in sorted(runs.glob("*/*/seed-*.json"), reverse=True):
        if (seed := _seed(path)) is not None:
            copies.setdefault((path.parent.name, seed), []).append(path)
    return {
        run: paths[0] if len(paths) == 1 else max(paths, key=_worth)
        for run, paths in sorted(copies.items())
    }


def _refuse_closed(runs: Path) -> None:
    """Refuse a folder that cannot be looked into: what is in it would count as not there."""
    folders = (runs, *runs.glob("*"), *runs.glob("*/*"))
    for folder in folders:
        if not os.access(folder, os.R_OK | os.X_OK) and folder.is_dir():
            raise closed(folder)


def left_aside(runs: Path) -> list[Path]:
    """List what lies among the records and is not read: other names, and further copies."""
    taken = set(find(runs).values())
    return sorted(path for path in runs.glob("*/*/*.json") if path not in taken)


def leftovers(runs: Path, seed: str = "*") -> list[Path]:
    """List what is kept of runs that have no record, as a process leaves it that is killed.

    Args:
        runs: the folder of the records, or of those of an experiment alone.
        seed: of these runs alone.
    """
    kept = (path for what in KEPT for path in runs.rglob(f"seed-{seed}{what}"))
    alone = [
        path for path in kept if not path.with_name(f"{path.name.split('.')[0]}.json").exists()
    ]
    return sorted([*alone, *runs.rglob(f".seed-{seed}.*{PART}")])


def aside_in_words(runs: Path) -> list[str]:
    """Say in lines what lies among the records and is not read; nothing where all is read."""
    why = {
        "as no record's name or a further copy": left_aside(runs),
        "kept of runs without a record, which are to be trained or deleted": leftovers(runs),
    }
    lines = []
    for reason, paths in why.items():
        names = [path.relative_to(runs).as_posix() for path in paths]
        more = f" and {len(names) - 3} more" * (len(names) > 3)
        if names:
            lines.append(f"left aside in {runs}, {reason}: {', '.join(names[:3])}{more}")
    return lines


def _seed(path: Path) -> int | None:
    """Read the seed from a record's name; None of a name that no record has, as `seed-01.json`."""
    named = re.fullmatch(r"seed-(0|[1-9][0-9]{0,9})\.json", path.name)
    return int(named[1]) if named else None


def _worth(path: Path) -> int:
    """Compare files for one run: 0 is not whole, and complete is better than diverged or failed."""
    try:
        return 1 + ("failed", "diverged", "complete").index(read(path).status)
    except UserError:
        return 0


def read_all(paths: Mapping[str, Path]) -> tuple[dict[str, Record], list[UserError]]:
    """Read records; of those that cannot be read, say why."""
    known, refusals = dict[str, Record](), list[UserError]()
    for key, path in paths.items():
        try:
            known[key] = read(path)
        except UserError as error:
            refusals.append(error)
    return known, refusals


def failed(paths: Mapping[str, Path]) -> dict[str, Record]:
    """Read the records of runs that failed; others are looked at and no more.

    Args:
        paths: by any name.
    """
    suspects = {}
    for name, path in paths.items():
        with suppress(OSError, UserError):  # whoever needs it tells of it
            if b'"failed"' in read_at_most(path, MOST_BYTES):
                suspects[name] = path
    known, _ = read_all(suspects)
    return {name: record for name, record in known.items() if record.status == "failed"}


_REMEMBERED: list[dict[Path, tuple[object, Record]]] = []
"""Within `reading_once`: records by their files, each with what tells whether the file changed."""


@contextmanager
def reading_once() -> Generator[None]:
    """Let each record be read and judged once, however often it is asked for, unless it changes."""
    _REMEMBERED.append({})
    try:
        yield
    finally:
        _REMEMBERED.pop()


def read(path: Path) -> Record:
    """Read one record; what is of an older format is read as if it were of today's.

    Raises:
        UserError: it is damaged, contradicts itself or its place, or is of a newer version; names
            the file, all faults and what to do.
    """
    if not _REMEMBERED:
        return _read(path)
    remembered, state = _REMEMBERED[-1], None
    with suppress(OSError):
        facts = path.stat()
        state = (facts.st_ino, facts.st_size, facts.st_mtime_ns)
    if path not in remembered or remembered[path][0] != state:
        remembered[path] = state, _read(path)
    return remembered[path][1]


def _read(path: Path) -> Record:
    try:
        content = read_at_most(path, MOST_BYTES)
    except PermissionError:
        raise closed(path) from None
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror or error}.") from None
    try:
        record = _parsed(content)
    except ValidationError as error:
        refuse_two_versions(path)
        _refuse_newer(path, content, error)
        raise refusal(path, _faults(error)) from None
    if record.training_version > TRAINING_VERSION:
        raise _newer(path, ["training_version"])
    if faults := [*_misplaced(path, record), *sense.contradictions(record)]:
        raise refusal(path, faults)
    return record


def refusal(path: Path, faults: Iterable[Fault]) -> UserError:
    """Put all that is wrong with a record into one message."""
    lines = [": ".join(filter(None, fault)) for fault in faults]
    listed = "\n".join(f"  {line}" for line in first_lines(lines))
    said = f" {lines[0]}. " if len(lines) == 1 else f"\n{listed}\n"
    return UserError(f"{path} is not a whole run record:{said}{GET_IT_BACK}")


def _parsed(content: bytes) -> Record:
    """Check a record; only of one that is not of today's format is it asked of which it is."""
    try:
        return Record.model_validate_json(content, strict=True)
    except ValidationError:
        if (migrated := _migrated(content)) is None:
            raise
    return Record.model_validate_json(migrated, strict=True)


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
    except (ValueError, RecursionError):
        return {}
    return facts if isinstance(facts, dict) and type(facts.get("format")) is int else {}


def _faults(error: ValidationError) -> list[Fault]:
    """Say what is wrong with a record's fields, and what was given."""
    return [
        (cut(".".join(_keys(fault["loc"])), LONGEST_PLACE), wording(fault))
        for fault in error.errors(include_url=False)
    ]


def _keys(loc: tuple[int | str, ...]) -> list[str]:
    """Give the keys of a place, without what Pydantic puts between them."""
    return [str(key) for key in loc if key not in NO_KEYS]


def _misplaced(path: Path, record: Record) -> list[Fault]:
    """Say that a file lies in another run's place; one that lies in no run's place may."""
    place, given = (path.parent.name, _seed(path)), (record.fingerprint, record.seed)
    if place == given or not re.fullmatch("[0-9a-f]{16}", place[0]):
        return []
    what = f"{given[0]}, {given[1]}; it lies in the place of {place[0]}, seed {place[1]}"
    return [("fingerprint, seed", what)]


def _refuse_newer(path: Path, content: bytes, error: ValidationError) -> None:
    """Say what to do with a record that is whole and was written by a newer version."""
    faults, facts = error.errors(), _facts(content)
    version = facts.get("training_version")
    if facts.get("format", 0) > FORMAT:
        raise _newer(path, ["format"])
    if type(version) is int and version > TRAINING_VERSION:
        raise _newer(path, ["training_version"])
    if all(_is_unknown(fault) for fault in faults):
        raise _newer(path, [place for place, _ in _faults(error)])


def _is_unknown(fault: "ErrorDetails") -> bool:
    """Tell whether a fault is a field, or a choice of a setting, that came later."""
    chosen = fault["type"] == "literal_error" and fault["loc"][0] == "settings"
    return chosen or fault["type"] == "extra_forbidden"


def _newer(path: Path, unknown: list[str]) -> UserError:
    return UserError(
        f"{path} was made by a newer version of cnn-study, or by one with changes of its own: "
        f"this one does not know its {first_of(unknown)}. The record is whole; update "
        "cnn-study."
    )


def refuse_two_versions(path: Path) -> None:
    """Say what to do with a file in which git has left both sides of a conflict.

    Raises:
        UserError: it has.
    """
    content = b""
    with suppress(OSError, UserError):
        content = read_at_most(path, MOST_BYTES)
    if re.search(rb"^<{7} ", content, re.MULTILINE):
        raise UserError(
            f"{path} holds two versions, as a merge by git leaves them where both sides made it. "
            "Both are whole: take either side, with what lies beside it, for instance\n"
            f"  git checkout --ours -- {path.parent}"
        )


def write(path: Path, facts: BaseModel) -> None:
    """Write one record, or other facts, whole or not at all."""
    text = readable_json.text(facts.model_dump(by_alias=True))
    write_whole(path, lambda file: file.write(text.encode()))


FIRST_PREDICTIONS = ("classes", "probabilities")
"""The arrays of predictions that every run keeps; older ones keep no more."""


def predictions_file(record: Path) -> Path:
    """Name the file beside a record that keeps the predictions of a complete run."""
    return record.with_suffix(KEPT[0])


def predictions(path: Path, record: Record) -> dict[str, np.ndarray] | None:
    """Read the predictions kept beside a complete record.

    Returns:
        classes (test_images,) and probabilities (test_images,) float, 0 to 1 in steps of 1/255;
        where they are kept, class_probabilities (test_images, classes) float. None where the file
        is not there.

    Raises:
        UserError: it is not the file that the run left.
    """
    file = path.parent / record.tested.predictions_file
    if not file.exists():
        return None

    def refuse(fault: str) -> UserError:
        return UserError(
            f"{file} does not hold the predictions of {record.experiment}, seed {record.seed}: "
            f"{fault}. Get the file back; or delete it and the record, and the run is trained "
            "again."
        )

    arrays = intact_arrays(file, refuse, FIRST_PREDICTIONS, record.tested.predictions_sha256)
    read = {"classes": arrays["classes"], "probabilities": arrays["probabilities"] / 255}
    if (each := arrays.get("class_probabilities")) is not None:
        whole = each.dtype == np.uint8
        read["class_probabilities"] = each / 255 if whole else each.astype(float)
    return read
