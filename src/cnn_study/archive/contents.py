"""What goes into a study's archive, and whether the study is fit to be packed.

A list of what is wanted, never a folder as it lies there: no log, no lock, no mark of a running
training, nothing of another study, nothing of the dataset.
"""

import hashlib
from collections.abc import Iterator
from pathlib import Path

from cnn_study.base import checkout
from cnn_study.base.errors import UserError
from cnn_study.base.files import LARGEST_ARRAYS, read_at_most
from cnn_study.base.places import CARRIED, PACKAGE, PROJECT
from cnn_study.base.words import first_lines, first_of
from cnn_study.runs import confirmations, inspections, records, searches, stages
from cnn_study.runs.wanted import done, wanted

KEPT = ("published", "certificate")
"""Folders of a study's results that somebody made on purpose: packed whole, where there are any."""

Files = dict[str, Path | bytes]
"""Content, or the file that has it, by its place in the archive."""


def check(site: stages.Site) -> None:
    """Refuse a study that whoever unpacks it would have to finish.

    Raises:
        UserError: runs are missing, or something is not current; says all of it, and what to do.
    """
    study, results = site.study, site.results
    faults = []
    recorded = done(study, results)
    missing = [run.typed for run in wanted(study) if run.name not in recorded]
    missing += [run.typed for run in confirmations.missing(study, results)]
    if missing:
        faults.append(f"not trained: {first_of(missing)}")
    search = searches.place(study, results)
    if search and not search.exists():
        faults.append("not searched: the block `search` of the study")
    if inspections.kept(study) and not site.inspection:
        faults.append("not inspected: the networks whose weights are kept")
    for name, stage in stages.STAGES.items():
        if changed := stages.stale(stage, site):
            faults.append(f"not current: {name} ({', '.join(changed)})")
    if faults:
        lines = "\n".join(f"  {fault}" for fault in faults)
        raise UserError(
            f"the study {study.name} is not ready to be archived:\n{lines}\nMake all of it, and "
            f"commit it: snakemake --cores all --config study={study.name}"
        )


def products(site: stages.Site) -> dict[str, Path]:
    """List what the study left, by its place in the archive: whatever a stage reads or made."""
    paths: set[Path] = set()
    for name, stage in stages.STAGES.items():
        for group in stage.reads(site).values():
            paths.update(path for path in group if path.is_relative_to(site.results))
        paths.update([stages.stamp(site.results, name), *site.products_of(name)])
    for record in list(paths):
        if record.is_relative_to(site.results / "runs"):
            paths.update(_beside(record, weights=site.study.dataset.publish_images))
    for name in KEPT:
        paths.update(path for path in (site.results / name).rglob("*") if path.is_file())
    root = Path("results") / site.study.name
    places = ((root / path.relative_to(site.results), path) for path in paths)
    return {place.as_posix(): path for place, path in places}


def _beside(record: Path, *, weights: bool) -> Iterator[Path]:
    """List the files of a run beside its record: predictions and, if they may be had, weights."""
    kept = records.weights_file(record)
    return (path for path in record.parent.glob(f"{record.stem}.*") if weights or path != kept)


def runs(site: stages.Site) -> dict[str, records.Record]:
    """Read the record of each run, those of the search too, by its place in the archive.

    Raises:
        UserError: a record is damaged, or its predictions are not those that it was written with.
    """
    paths = {
        place: path
        for place, path in sorted(products(site).items())
        if path.is_relative_to(site.results / "runs") and path.suffix == ".json"
    }
    read, refusals = records.read_all(paths)
    if refusals:
        raise UserError("\n".join(first_lines(refusals)))
    faults = [
        f"  {paths[place].parent / record.test.predictions_file}"
        for place, record in read.items()
        if record.test and not _has_its_predictions(paths[place], record.test)
    ]
    if faults:
        lines = "\n".join(first_lines(faults, "  … and {} more"))
        raise UserError(
            f"not the predictions that the records beside them were written with:\n{lines}\n"
            "Take both from where they are whole, or delete both; the run is then trained again."
        )
    return read


def _has_its_predictions(record: Path, test: records.Test) -> bool:
    try:
        content = read_at_most(record.parent / test.predictions_file, LARGEST_ARRAYS)
    except (OSError, UserError):
        return False
    return hashlib.sha256(content).hexdigest() == test.predictions_sha256


def code(here: Path) -> tuple[dict[str, bytes], str]:
    """Read the code that the study was made with, as far as a checkout or the package has it.

    Args:
        here: the folder that the study is worked on in, in a checkout; its files come as they are.

    Returns:
        The files by their places, and the folder of cnn-study's own among them: "" where it is
        the whole.
    """
    files = checkout.committed_files(here, but="results")
    if PROJECT.resolve() == here.resolve():
        return files, ""
    own = _of_checkout() if checkout.git(PACKAGE, "ls-files", __file__) else _of_package()
    return files | {f"cnn-study/{name}": content for name, content in own.items()}, "cnn-study/"


def _of_checkout() -> dict[str, bytes]:
    checkout.whole_commit(PROJECT, "an archive")
    return checkout.committed_files(PROJECT, but="results")


def _of_package() -> dict[str, bytes]:
    """Read the sources as they are installed; what a wheel carries stands around them."""
    paths = [path for path in PACKAGE.rglob("*") if path.is_file() and path.suffix != ".pyc"]
    return {
        (
            path.relative_to(CARRIED).as_posix()
            if path.is_relative_to(CARRIED)
            else f"src/cnn_study/{path.relative_to(PACKAGE).as_posix()}"
        ): path.read_bytes()
        for path in paths
    }
