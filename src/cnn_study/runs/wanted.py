"""The runs of a study: which are wanted, which are there."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cnn_study.base.errors import UserError
from cnn_study.base.words import first_of
from cnn_study.runs import records, sense
from cnn_study.study.model import Experiment, Study


@dataclass(frozen=True)
class Run:
    """One seed of one experiment; `name` is its place under the folder of records."""

    experiment: Experiment
    seed: int

    @property
    def typed(self) -> str:
        """The run as a person types it, such as `depth-2/seed-1`: see `find`."""
        return f"{self.experiment.id}/seed-{self.seed}"

    @property
    def name(self) -> str:
        """Experiment id, fingerprint and seed, such as `depth-2/1b4ecbf3632fc354/seed-1`."""
        return f"{self.experiment.id}/{self.experiment.fingerprint}/seed-{self.seed}"


def wanted(study: Study) -> list[Run]:
    """List every run of the study in the order that they are wanted: all first seeds come first."""
    return [
        Run(experiment, seed) for seed in study.seeds for experiment in study.experiments.values()
    ]


def done(study: Study, results: Path) -> dict[str, Path]:
    """Map the name of each run that is there to its record, found by its fingerprint."""
    paths = records.find(results / "runs")
    places = {run.name: paths.get((run.experiment.fingerprint, run.seed)) for run in wanted(study)}
    return {name: path for name, path in places.items() if path}


def find(study: Study, name: str) -> Run:
    """Find one run by what a person types, such as `depth-2/seed-1`.

    Raises:
        UserError: it is no name of a run, or the study has no such experiment or seed.
    """
    named = re.fullmatch(r"(.+)/seed-(0|[1-9][0-9]{0,18})", name)
    if not named:
        raise UserError(
            f"{name} is no name of a run. Write EXPERIMENT/seed-N, such as base/seed-1."
        )
    experiment, seed = named[1], int(named[2])
    if experiment not in study.experiments:
        has = first_of(study.experiments)
        raise UserError(f"{study.path} has no experiment {experiment}. It has: {has}.")
    if seed not in (*study.seeds, *study.fresh_seeds):
        seeds = first_of((*study.seeds, *study.fresh_seeds))
        raise UserError(f"{study.path} has no seed {seed}. It has: {seeds}.")
    return Run(study.experiments[experiment], seed)


def record_of(run: Run, results: Path) -> records.Record | None:
    """Read the record of a run, under whatever id it was trained; None if there is none."""
    path = records.find(results / "runs").get((run.experiment.fingerprint, run.seed))
    return records.read(path) if path else None


def read_sound(
    study: Study, runs: Mapping[str, Run], paths: Mapping[str, Path]
) -> tuple[dict[str, records.Record], list[UserError]]:
    """Read the records of runs, and hold them against the study and each other.

    Args:
        runs, paths: by the same names.

    Returns:
        The records that can be read, and why the others are refused.
    """
    known, refusals = records.read_all({name: paths[name] for name in runs})
    unlike = set(sense.unlike_others(known))
    for name, record in known.items():
        run = runs[name]
        faults = [*sense.contradictions_with(run.experiment, run.seed, study.dataset, record)]
        if name in unlike:
            faults.append(sense.UNLIKE_OTHERS)
        if faults:
            refusals.append(records.refusal(paths[name], faults))
    return known, refusals


def results_folder(study: Study) -> Path:
    """Name the folder of a study's results, after its file.

    Raises:
        UserError: another study file has the same name, and so the same results.
    """
    usual = Path("experiments") / f"{study.name}.yaml"
    if usual.exists() and not usual.samefile(study.path):
        raise UserError(
            f"{study.path} has the name of {usual}: both would write to results/{study.name}. "
            "Rename one of them."
        )
    return Path("results") / study.name
