"""The runs behind a cell: follows the lineage that its column declares, through runs and study.

Knows the vocabulary of `tables.lineage` and no table or column by name.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import pandas as pd

from cnn_study.evidence.schemas import ALL_BUDGETS, BEST_EPOCH, rate_of
from cnn_study.evidence.search import compared, whole
from cnn_study.evidence.selection_bias import comparable
from cnn_study.study.combinations import parts_of
from cnn_study.study.model import Study
from cnn_study.study.settings import value_text
from cnn_study.tables.lineage import (
    Choice,
    CompleteRuns,
    EveryRun,
    FreshRuns,
    NoRun,
    SearchRuns,
    Source,
    Stage,
    ThisRun,
    Trials,
    Whose,
)

Row = Mapping[str, str]
"""One row of a table, as its CSV file has it."""

NOT_YET = "no run that it could be made from is there"


@dataclass
class Behind:
    """What a cell is made from.

    Attributes:
        seeds: of the runs, by experiment.
        searched: places of rows of search-runs.csv.
        chosen_from: what a choice was made among, where a cell tells of what was chosen alone.
        why: what it comes from where it is no run; `reason` says it where there is none yet, too.
        cited: whether somebody else printed it.
    """

    seeds: dict[str, list[int]] = field(default_factory=dict)
    searched: list[int] = field(default_factory=list)
    chosen_from: list[str] = field(default_factory=list)
    why: str = ""
    cited: bool = False

    @property
    def reason(self) -> str:
        """Say what it comes from where no run is behind it; there is nothing without either."""
        some = any(self.seeds.values()) or self.searched
        return self.why or ("" if some else NOT_YET)

    def add(self, experiment: str, seeds: Iterable[int]) -> None:
        """Add runs of an experiment to those that are known."""
        self.seeds[experiment] = sorted({*self.seeds.get(experiment, []), *seeds})


@dataclass(frozen=True)
class Runs:
    """The runs of a study, and which of them a cell is made from.

    Attributes:
        frame: runs.csv.
        searched: search-runs.csv.
        judges: paired or two-sample, by images, as judge.csv has it.
        fresh: confirmation-runs.csv; None where there are no fresh seeds to speak of.
    """

    study: Study
    frame: pd.DataFrame
    searched: pd.DataFrame
    judges: Mapping[str, str]
    fresh: pd.DataFrame | None = None

    def behind(self, sources: Iterable[Source], row: Row) -> Behind:
        """Find what a cell is made from whose column declares these sources."""
        behind = Behind()
        for source in sources:
            match source:
                case NoRun():
                    behind.why, behind.cited = source.why, source.cited
                case SearchRuns():
                    behind.searched += self._of_search(source, row)
                case Choice():
                    self._add_choice(source, row, behind)
                case FreshRuns():
                    self._add_fresh(source, row, behind)
                case _:
                    self._add_runs(source, row, behind)
        return behind

    # ------------------------------------------------------------------------- of experiments

    def _add_runs(
        self, source: ThisRun | EveryRun | CompleteRuns, row: Row, behind: Behind
    ) -> None:
        ids = list(dict.fromkeys(id_ for whose in source.of for id_ in self._whose(whose, row)))
        match source:
            case ThisRun():
                seeds = {id_: {int(row["seed"])} for id_ in ids}
            case EveryRun():
                seeds = {id_: {run["seed"] for run in self._runs_of(id_)} for id_ in ids}
            case CompleteRuns():
                seeds = {id_: self.scored(id_, source.measure) for id_ in ids}
                if self._pairs(source):
                    shared = self.shared(ids, source.measure)
                    seeds = dict.fromkeys(ids, shared)
        for id_ in ids:
            behind.add(id_, seeds[id_])

    def _add_fresh(self, source: FreshRuns, row: Row, behind: Behind) -> None:
        """Add runs with fresh seeds: no cell takes these and others with the same seeds."""
        seeds = {
            id_: {
                run["seed"]
                for run in self._fresh.get(id_, [])
                if (not source.this or str(run["seed"]) == row["seed"])
                and (not source.complete or run["status"] == "complete")
            }
            for whose in source.of
            for id_ in self._whose(whose, row)
        }
        if source.complete and self.judges["test"] == "paired":
            seeds = dict.fromkeys(seeds, set.intersection(*seeds.values()))
        for id_ in seeds:
            behind.add(id_, seeds[id_])

    def _whose(self, whose: Whose, row: Row) -> list[str]:
        """Name the experiments that a row means."""
        match whose:
            case Whose.ROW:
                return [row["experiment"]]
            case Whose.REFERENCE:
                return [row["reference"]]
            case Whose.BASE:
                return ["base"]
            case Whose.ENHANCED:
                return [self.study.file.enhanced or "base"]
            case Whose.BETTER:
                return [row["better_experiment"]]
            case Whose.WORSE:
                return [row["worse_experiment"]]
            case Whose.EVERY:
                return list(self.study.experiments)
            case Whose.RATE:
                return [
                    id_
                    for id_, experiment in self.study.experiments.items()
                    if rate_of(experiment.settings.schedule) == row["learning_rate"]
                    and len(self.scored(id_, "test_accuracy")) > 1
                ]
            case Whose.CONTRAST:
                return self._sides(row)

    def _pairs(self, source: CompleteRuns) -> bool:
        """Tell whether only seeds count that all have."""
        if source.paired is not None:
            return source.paired
        return self.judges[source.measure.partition("_")[0]] == "paired"

    def listed(self, experiment: str) -> list[list[Any]]:
        """List seed, status, test score, record, weights and commit of runs, fresh ones too."""
        score = f"test_{self.study.metric.name}"
        wanted = ["seed", "status", score, "record", "weights_sha256", "commit"]
        return [[run[column] for column in wanted] for run in self._all_of(experiment)]

    def _all_of(self, experiment: str) -> list[dict[str, Any]]:
        return [*self._runs_of(experiment), *self._fresh.get(experiment, [])]

    def _runs_of(self, experiment: str) -> list[dict[str, Any]]:
        return self._by_experiment.get(experiment, [])

    @cached_property
    def _by_experiment(self) -> dict[str, list[dict[str, Any]]]:
        return _by_experiment(self.frame)

    @cached_property
    def _fresh(self) -> dict[str, list[dict[str, Any]]]:
        return {} if self.fresh is None else _by_experiment(self.fresh)

    def scored(self, experiment: str, measure: str = "") -> set[int]:
        """Give the seeds of an experiment's complete runs, of those that have this measure."""
        return {
            run["seed"]
            for run in self._runs_of(experiment)
            if run["status"] == "complete" and (not measure or run[measure] is not None)
        }

    def recorded(self, experiment: str) -> set[int]:
        """Give the seeds of an experiment's runs that ended, however they did."""
        return {run["seed"] for run in self._runs_of(experiment) if run["record"] is not None}

    def shared(self, experiments: Iterable[str], measure: str = "") -> set[int]:
        """Give the seeds of complete runs that all of these experiments have."""
        seeds = [self.scored(id_, measure) for id_ in experiments]
        return set.intersection(*seeds) if seeds else set()

    # --------------------------------------------------------------------------- of contrasts

    def _sides(self, row: Row) -> list[str]:
        """Name what is set against what: cells of a grid, or a combination with its parts."""
        if grid := self._grid(row["question"]):
            sides = re.findall(r"(\w+) (\S+) against ([^\s,]+)", row["contrast"])
            return [
                id_
                for id_, values in grid.items()
                if all(values.get(name, value) in (value, kept) for name, value, kept in sides)
            ]
        joined = row["contrast"].partition(" ")[0]
        named = {joined, *parts_of(self.study, joined)}
        reference = self.study.file.questions[row["question"]].reference
        return [*(id_ for id_ in self.study.experiments if id_ in named), reference]

    def _grid(self, question: str) -> dict[str, dict[str, str]]:
        """Give the levels, as text, of each experiment of a factorial question."""
        design = self.study.file.questions[question].factorial
        cells = design.cells if design else []
        return {
            self.study.cell(question, values): {
                name: value_text(value) for name, value in values.items()
            }
            for values in cells
        }

    # ----------------------------------------------------------------------------- of choices

    def _add_choice(self, source: Choice, row: Row, behind: Behind) -> None:
        """Add the runs of all that a choice was made among, or of what was chosen."""
        among = row["among"]
        if row["habit"] == BEST_EPOCH:
            behind.add(among, self.scored(among))
            behind.chosen_from = [f"the epochs of {among}"] if source.chosen else []
            return
        asked = self.study.file.questions.get(among)
        ids = [asked.reference, *self.study.questions[among]] if asked else self.study.experiments
        metric = self.study.metric.name
        test, validation = f"test_{metric}", f"validation_{metric}"
        both = {id_: self.scored(id_, test) & self.scored(id_, validation) for id_ in ids}
        kept, seeds = comparable(both)
        for id_ in [row["chosen"]] if source.chosen else kept:
            behind.add(id_, seeds)
        if source.chosen:
            behind.chosen_from = kept if asked else [among]

    # ------------------------------------------------------------------------- of the search

    def _of_search(self, source: SearchRuns, row: Row) -> list[int]:
        """Find the places in search-runs.csv of the runs of a source."""
        runs = self.searched[self._of_models(source.of, row)]
        runs = runs[runs["stage"].isin([stage.value for stage in source.stages])]
        return list(runs.index[runs["status"] == "complete"] if source.complete else runs.index)

    def _of_models(self, of: Trials, row: Row) -> pd.Series:
        """Tell which rows of search-runs.csv are of models that a row means."""
        runs, models = self.searched, _models(self.searched)
        match of:
            case Trials.RUN:
                return runs["record"] == row["record"]
            case Trials.ROW:
                return (runs["price"] == row["price"]) & (
                    runs["trial"].astype("string") == row["trial"]
                )
            case Trials.BUDGET:
                return runs["price"] == row["price"]
            case Trials.ROUND | Trials.ROUNDS:
                named = [row["epochs"], *([row["next_epochs"]] if of is Trials.ROUNDS else [])]
                rounds = runs["epochs"].astype("string").isin(named)
                return (runs["price"] == row["price"]) & rounds
            case Trials.FINALISTS:
                again = whole(runs[runs["stage"] == Stage.FINALIST.value])
                here = again[again["price"] == row["price"]]
                return models.isin(_models(again if row["price"] == ALL_BUDGETS else here))
            case Trials.COMPARED:
                first = self.study.searches_in_rounds
                return models.isin(_models(compared(runs, first_round=first)))

    def places(self, records: Iterable[str]) -> list[int]:
        """Find the rows of search-runs.csv that have these records."""
        return list(self.searched.index[self.searched["record"].isin(list(records))])

    def listed_search(self, places: Iterable[int]) -> dict[int, list[Any]]:
        """List budget, stage, trial, seed, status, scores, record and weights of runs."""
        metric = self.study.metric.name
        wanted = [
            *("price", "stage", "trial", "seed", "status", f"validation_{metric}"),
            *(f"test_{metric}", "record", "weights_sha256"),
        ]
        return {place: [self._searched[place][column] for column in wanted] for place in places}

    @cached_property
    def _searched(self) -> list[dict[str, Any]]:
        return _plain(self.searched)


def _by_experiment(runs: pd.DataFrame) -> dict[str, list[dict[str, Any]]]:
    """Give the rows of each experiment's runs; None where a cell is empty."""
    rows: dict[str, list[dict[str, Any]]] = {}
    for row in _plain(runs):
        rows.setdefault(row["experiment"], []).append(row)
    return rows


def _plain(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Turn a table into dictionaries; an empty cell is None."""
    return frame.astype(object).where(frame.notna(), None).to_dict("records")


def _models(runs: pd.DataFrame) -> pd.Series:
    """Name the model of each run of the search by budget and trial."""
    return runs["price"] + " " + runs["trial"].astype("string")
