"""The weights that are kept of trained networks: of which runs, and how their files are read.

A file holds one array a variable, named by the variable's path, in Keras's order; behind them, in
files of today, what the network does with a pixel first.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from cnn_study.base import files
from cnn_study.base.errors import UserError
from cnn_study.runs import records, searches
from cnn_study.runs.wanted import Run
from cnn_study.study import architecture
from cnn_study.study.model import Experiment, Study

SCALING = ("pixels/scale", "pixels/offset")
"""Names of the arrays (channels,) that a pixel, 0 to 255, is multiplied by, and that is added."""


@dataclass(frozen=True)
class Kept:
    """A run whose weights are kept, or should be.

    Attributes:
        budget: id of that within which the search chose it; "" where an experiment is it.
        record: its path; of a run that is complete.
        weights: where they are, or would be.
    """

    run: Run
    budget: str
    record: Path

    @property
    def name(self) -> str:
        """Name the run: base/seed-1, search/FINGERPRINT/seed-201."""
        return self.run.name if self.budget else self.run.typed

    @property
    def weights(self) -> Path:
        """Name the file of the weights."""
        return records.weights_file(self.record)


def wanted(study: Study, results: Path) -> list[Kept]:
    """List the complete runs whose weights are kept or should be: base, enhanced, winners.

    Raises:
        UserError: what the search found, or a record, is damaged.
    """
    paths = records.find(results / "runs")
    runs = [(Run(study.experiments[id_], seed), "") for id_, seed in study.kept_weights]
    if path := searches.find(study, results):
        runs += list(_winners(study, searches.read(path), paths))
    known = ((run, budget, paths.get((run.experiment.fingerprint, run.seed)))
             for run, budget in runs)  # fmt: skip
    listed = [Kept(run, budget, record) for run, budget, record in known if record]
    return [kept for kept in listed if records.read(kept.record).status == "complete"]


def here(study: Study, results: Path) -> list[Kept]:
    """List those whose weights are there."""
    return [kept for kept in wanted(study, results) if kept.weights.exists()]


def shown(study: Study, results: Path) -> list[Kept]:
    """List those that the report may show and an archive may hold: none, if images are not public.

    Weights can give images back that they were trained on.
    """
    return here(study, results) if study.dataset.publish_images else []


def missing(study: Study, results: Path) -> list[Kept]:
    """List those whose weights are not there: runs of before their weights were kept."""
    return [kept for kept in wanted(study, results) if not kept.weights.exists()]


def _winners(
    study: Study, outcome: searches.SearchOutcome, paths: Mapping[tuple[str, int], Path]
) -> Iterator[tuple[Run, str]]:
    """Give the first run of each budget's winner, its settings as the record tells them."""
    shape, classes = study.dataset.image_shape, len(study.dataset.class_names)
    for budget in outcome.budgets:
        if budget.winner is None:
            continue
        name, seed = budget.winner.fingerprint, budget.winner.runs[0].seed
        if path := paths.get((name, seed)):
            settings = records.read(path).settings
            cost = architecture.cost(settings, shape, classes)
            yield Run(Experiment(searches.EXPERIMENT, settings, name, *cost), seed), budget.budget


def is_kept(study: Study, run: Run) -> bool:
    """Tell whether the run's weights are kept when it is trained.

    Those of the first seed of the base, of the enhanced model and of each winner of the search,
    whose seeds nothing else of the search has.
    """
    if run.experiment.id == searches.EXPERIMENT and study.search is not None:
        return run.seed == study.search.winner_seeds[0]
    return (run.experiment.id, run.seed) in study.kept_weights


def write(
    path: Path,
    weights: Mapping[str, np.ndarray],
    scaling: tuple[Sequence[float], Sequence[float]],
) -> None:
    """Write the weights of a network, by variable, and its scaling, whole or not at all."""
    last = {name: np.asarray(values) for name, values in zip(SCALING, scaling, strict=True)}
    files.write_arrays(path, {**weights, **last})


def read(path: Path) -> dict[str, np.ndarray]:
    """Read weights by variable, in Keras's order.

    Raises:
        UserError: the file is not there, or damaged.
    """
    return {name: array for name, array in _arrays(path).items() if name not in SCALING}


def digest(path: Path) -> str:
    """Hash weights as their record does."""
    return files.digest(read(path).values())


def checked(path: Path, record: records.Record) -> dict[str, np.ndarray]:
    """Read the weights of a run, as `read` does.

    Raises:
        UserError: they are not those that the record tells of, or it tells of none.
    """
    if record.weights_sha256 is None:
        raise UserError(
            f"{path} lies beside the record of a run that is {record.status}, of which no weights "
            "are kept: they are of another run. Move the file away."
        )
    weights = read(path)
    if (given := files.digest(weights.values())) != record.weights_sha256:
        raise _wrong(path, f"their digest is {given}, and should be {record.weights_sha256}")
    return weights


def read_scaling(path: Path) -> tuple[list[float], list[float]] | None:
    """Read scale and offset of the pixels, by channel; None in a file of before they were kept."""
    arrays = _arrays(path)
    if SCALING[0] not in arrays:
        return None
    scale, offset = (arrays[name].tolist() for name in SCALING)
    return scale, offset


def _arrays(path: Path) -> dict[str, np.ndarray]:
    return files.intact_arrays(path, partial(_wrong, path))


def _wrong(path: Path, fault: str) -> UserError:
    """Say what is wrong with weights that are kept, and what to do."""
    return UserError(
        f"{path} does not hold the weights that its record tells of: {fault}. Get the file back, "
        "or delete it: `cnn-study weights STUDY` trains its run again and keeps them."
    )
