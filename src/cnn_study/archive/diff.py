"""Two runs set side by side, for a person: what each was given, and from where on they part."""

from pathlib import Path

from cnn_study.archive.comparison import as_then, partings, same_bits
from cnn_study.base.errors import UserError
from cnn_study.runs import records
from cnn_study.runs.records import Record

SAME = "the same bits: every epoch, all scores, the predictions and the weights"


def find(name: str, results: Path) -> Path:
    """Find a run's record by its path or, in a study's results, as EXPERIMENT/seed-N.

    Raises:
        UserError: there is none, or several have this name; says what to write.
    """
    if name.endswith(".json"):
        if Path(name).exists():
            return Path(name)
        raise UserError(f"{name}: there is no such record.")
    experiment, _, rest = name.partition("/")
    fingerprint, _, seed = rest.rpartition("/")
    if not (experiment and seed.startswith("seed-")):
        raise UserError(
            f"{name} is no name of a run. Write the path of its record, or EXPERIMENT/seed-N, such "
            "as base/seed-1."
        )
    paths = sorted((results / "runs").glob(f"{experiment}/{fingerprint or '*'}/{seed}.json"))
    if len(paths) == 1:
        return paths[0]
    if not paths:
        raise UserError(f"{results}/runs has no record of {name}.")
    names = ", ".join(f"{experiment}/{path.parent.name}/{seed}" for path in paths[:10])
    raise UserError(f"{results}/runs has {len(paths)} records of {name}. Name one: {names}.")


def compare(ours: Path, theirs: Path) -> tuple[bool, list[str]]:
    """Compare two records.

    Returns:
        Whether they computed the same bits, and lines that say where they part.
    """
    one, other = (records.read(path) for path in (ours, theirs))
    other = as_then(one, other, theirs)
    records_ = [as_then(other, one, ours), other]
    same = same_bits(*records_)
    lines = [
        f"{path}: {_said(record)}" for path, record in zip((ours, theirs), records_, strict=True)
    ]
    lines += [f"{part.kind:<9} {part}" for part in partings(*records_)]
    return same, [*lines, SAME if same else "other bits"]


def _said(record: Record) -> str:
    return f"{record.experiment} seed {record.seed}, {record.status}"
