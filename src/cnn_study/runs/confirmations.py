"""The runs that confirm suggestions: what was suggested, and what it changes, with fresh seeds.

The suggestions are those that the evidence left in its file; nothing is chosen here. A fresh run
is a run like any other, and its record lies where those of all runs do.
"""

from pathlib import Path

from cnn_study.base.errors import UserError
from cnn_study.base.files import read_json
from cnn_study.runs import records
from cnn_study.runs.wanted import Run
from cnn_study.study.model import Study

SUGGESTIONS = Path("evidence") / "suggestions.json"
"""Where the suggestions stand, in the results of a study."""

Pair = tuple[str, str]
"""Ids of a change and of what it changes."""


def suggested(study: Study, results: Path) -> list[Pair] | None:
    """Read which changes are suggested, best first; None where nobody has said yet.

    What the study does not have (any more) is left out, and so is a file that cannot be read: the
    stage that makes it is not current then.
    """
    try:
        advice = read_json(results / SUGGESTIONS, "Make it again.")["advice"]
        pairs = [(entry["experiment"], entry["reference"]) for entry in advice]
        return [pair for pair in pairs if set(pair) <= study.experiments.keys()]
    except (UserError, TypeError, KeyError):
        return None


def wanted(study: Study, results: Path) -> list[Run]:
    """List the runs that confirm what is suggested: all first seeds come first."""
    pairs = suggested(study, results) or []
    ids = dict.fromkeys(id_ for change, reference in pairs for id_ in (reference, change))
    return [Run(study.experiments[id_], seed) for seed in study.fresh_seeds for id_ in ids]


def done(study: Study, results: Path) -> dict[str, Path]:
    """Map the name of each of these runs that is there to its record."""
    runs = wanted(study, results)
    paths = records.find(results / "runs") if runs else {}
    places = {run.name: paths.get((run.experiment.fingerprint, run.seed)) for run in runs}
    return {name: path for name, path in places.items() if path}


def missing(study: Study, results: Path, *, retry: bool = False) -> list[Run]:
    """List those of these runs that are still to be done.

    Args:
        retry: also those that are recorded as failed.
    """
    there = done(study, results)
    again = records.failed(there) if retry else {}
    return [run for run in wanted(study, results) if run.name not in there or run.name in again]
