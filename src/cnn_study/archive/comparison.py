"""Where two runs part: settings, data, versions, machine, the first epoch, scores, weights."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cnn_study.base import files
from cnn_study.base.fingerprints import hash_meaning
from cnn_study.runs import records
from cnn_study.runs.records import Record
from cnn_study.study.settings import value_text

TIMES = {"training_seconds"}
"""What differs from run to run though nothing else does."""

LATER = {
    "validation_classes", "validation_right", "validation_predicted", "validation_auc",
    "watched_test_right", "watched_test_predicted", "watched_test_auc",
}  # fmt: skip
"""What older records do not tell: nothing there is no difference."""

MACHINE = ("backend", "engine", "device", "processor", "system", "threads")


@dataclass(frozen=True)
class Parting:
    """One thing in which two runs differ.

    Attributes:
        kind: settings, dataset, versions, machine, code, epochs, scores or weights.
    """

    kind: str
    what: str
    ours: str
    theirs: str

    def __str__(self) -> str:
        """Write it on one line."""
        return f"{self.what}: {self.ours} | {self.theirs}"


def same_bits(ours: Record, theirs: Record) -> bool:
    """Tell whether all that two runs computed is the same, to the last bit; times are not asked."""
    return not list(computed(ours, theirs))


def partings(ours: Record, theirs: Record) -> list[Parting]:
    """List in what two runs differ, what they were given before what they computed."""
    return [*given(ours, theirs), *computed(ours, theirs)]


def given(ours: Record, theirs: Record) -> Iterator[Parting]:
    """List in what two runs differ that was decided before they began."""
    yield from _unlike("settings", ours.settings.model_dump(), theirs.settings.model_dump())
    yield from _unlike("settings", {"seed": ours.seed}, {"seed": theirs.seed})
    datasets = (record.dataset.model_dump() for record in (ours, theirs))
    yield from _unlike("dataset", *_in_common(*datasets))
    versions = [
        record.provenance.versions | {"training version": record.training_version}
        for record in (ours, theirs)
    ]
    yield from _unlike("versions", *versions)
    facts = [record.provenance.model_dump() for record in (ours, theirs)]
    yield from _unlike("machine", *({name: each[name] for name in MACHINE} for each in facts))
    code = ("commit", "changed_since_commit")
    yield from _unlike("code", *({name: each[name] for name in code} for each in facts))


def computed(ours: Record, theirs: Record) -> Iterator[Parting]:
    """List in what two runs differ of what they computed."""
    states = [
        {"status": record.status, "epochs trained": len(record.epochs)} for record in (ours, theirs)
    ]
    yield from _unlike("epochs", *states)
    yield from _first_epoch(ours, theirs)
    if ours.test and theirs.test:
        names = ("accuracy", "loss")
        scores = [record.tested.model_dump() for record in (ours, theirs)]
        yield from _unlike(
            "scores", *({f"test {name}": each[name] for name in names} for each in scores)
        )
        counts = [{"confusion and calibration": _digest(each)} for each in scores]
        yield from _unlike("scores", *counts)
        files = [{"predictions": each["predictions_sha256"][:16]} for each in scores]
        yield from _unlike("weights", *files)
    digests = [{"weights": (record.weights_sha256 or "none")[:16]} for record in (ours, theirs)]
    yield from _unlike("weights", *digests)


def _first_epoch(ours: Record, theirs: Record) -> Iterator[Parting]:
    """Say which epoch is the first that differs, in what, and by how much."""
    for pair in zip(ours.epochs, theirs.epochs, strict=False):
        left, right = _in_common(*(epoch.model_dump(exclude=TIMES) for epoch in pair))
        unlike = [name for name in left if left[name] != right[name]]
        for name in unlike:
            what = f"epoch {pair[0].epoch}, the first that differs, {name}"
            by = _by(left[name], right[name])
            yield Parting("epochs", what, _text(left[name]), f"{_text(right[name])}{by}")
        if unlike:
            return


def _in_common(
    ours: dict[str, Any], theirs: dict[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Leave out what only one of two records tells, since the other is older."""
    common = {name for name in ours if ours[name] is not None and theirs[name] is not None}
    kept = [name for name in ours if name in common or name not in LATER]
    return {name: ours[name] for name in kept}, {name: theirs[name] for name in kept}


def as_then(recorded: Record, anew: Record, path: Path) -> Record:
    """Give what was trained again as it would have been recorded then.

    Older records keep of the predictions only the class and its probability. Where these are the
    same, to the bit, so is the file that they make, and its digest.

    Args:
        path: of the record of what was trained again.
    """
    if not (recorded.test and anew.test):
        return anew
    digests = [record.tested.predictions_sha256 for record in (recorded, anew)]
    file = path.parent / anew.tested.predictions_file
    if digests[0] == digests[1] or not file.exists():
        return anew
    arrays = files.read_arrays(file.read_bytes())
    older = {name: array for name, array in arrays.items() if name in records.FIRST_PREDICTIONS}
    if files.digest_of_arrays(older) != digests[0]:
        return anew
    test = anew.tested.model_copy(update={"predictions_sha256": digests[0]})
    return anew.model_copy(update={"test": test})


def _by(left: Any, right: Any) -> str:
    """Say by how much a number differs; of counts of classes both sides are shown, no gap."""
    numbers = isinstance(left, int | float) and isinstance(right, int | float)
    return f" ({right - left:+.2g})" if numbers else ""


def _digest(scores: dict[str, Any]) -> str:
    return hash_meaning({name: scores[name] for name in ("confusion", "calibration")})


def _unlike(kind: str, ours: dict[str, Any], theirs: dict[str, Any]) -> Iterator[Parting]:
    for name in dict.fromkeys([*ours, *theirs]):
        left, right = ours.get(name), theirs.get(name)
        if left != right:
            yield Parting(kind, name, _text(left), _text(right))


def _text(value: Any) -> str:
    return "nothing" if value is None else value_text(value)
