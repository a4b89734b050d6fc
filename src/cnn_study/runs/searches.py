"""What a search for the best models within budgets left: its trials, finalists and winners.

`study.search_space` says what a search means, and `search` does it. Of the scores this holds those
of validation images only; test scores stand in the run records. A budget is called a price in the
file, as in the study file.
"""

import statistics
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

from pydantic import ConfigDict, Field, SerializerFunctionWrapHandler, model_serializer

from cnn_study.base.errors import UserError
from cnn_study.base.metrics import MetricName
from cnn_study.runs import measured, records, sealed
from cnn_study.runs.records import Part
from cnn_study.runs.sealed import Sealed
from cnn_study.study.model import Study

EXPERIMENT = "search"
"""The experiment's id in the records of all runs of searches."""


def _called(name: str, description: str) -> Any:
    """Declare a field that has another name in the file."""
    return Field(validation_alias=name, serialization_alias=name, description=description)


class SearchRun(Part):
    """One seed of a model that was tried."""

    seed: int = Field(description="Seed of the run.")
    status: Literal["complete", "diverged", "failed"] = Field(description="As in its record.")
    validation_accuracy: float | None = Field(
        description="Share of the validation images correct after the last epoch; null unless "
        "complete, and where its loss is not finite."
    )
    scored_by: MetricName = Field("accuracy", description="The metric by which it was chosen.")
    validation_score: float | None = Field(
        None,
        description="Its score by a metric that is not accuracy; null as validation_accuracy, and "
        "where the record does not tell it.",
    )

    @model_serializer(mode="wrap")
    def _without_what_says_nothing(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out what a search by accuracy has no use for: its files stay as they were."""
        facts = write(self)
        if self.scored_by == "accuracy":
            del facts["scored_by"], facts["validation_score"]
        return facts

    @classmethod
    def of(cls, record: records.Record, metric: MetricName) -> "SearchRun":
        """Take it from its record."""
        complete = record.status == "complete"
        accuracy = record.epochs[-1].validation_accuracy if complete else None
        other = complete and metric != "accuracy"
        return cls(
            seed=record.seed,
            status=record.status,
            validation_accuracy=accuracy,
            scored_by=metric,
            validation_score=measured.of_validation(record, metric) if other else None,
        )

    @property
    def score(self) -> float | None:
        """What it was chosen by."""
        return self.validation_accuracy if self.scored_by == "accuracy" else self.validation_score


class Trained(Part):
    """A model that was trained, and its runs."""

    trial: int = Field(description="Number of the trial; 1 is the first.")
    epochs: int = Field(description="Epochs of these runs.")
    fingerprint: str = Field(description="That of the settings; names the runs' place.")
    runs: list[SearchRun] = Field(description="One a seed.")

    @property
    def scores(self) -> tuple[float, ...]:
        """Validation score of each seed; empty if any run has none."""
        scores = [run.score for run in self.runs]
        known = tuple(score for score in scores if score is not None)
        return known if len(known) == len(scores) else ()


class InRound(Part):
    """Where a trial of successive halving stands, and how it came there."""

    round: int = Field(ge=1, description="1 is the first.")
    continues: int | None = Field(
        description="Number of the trial of the round before that had the same values; null in the "
        "first round."
    )
    chosen_by: Literal["score", "curve"] | None = Field(
        description="What gave it its place: its validation score in the round before, or, if that "
        "alone would not have, what its learning curve promised; null in the first round."
    )
    promise: float | None = Field(
        description="Validation score at the epochs of the last round that its learning curve "
        "promised in the round before; null where there was none."
    )


class Trial(Trained):
    """A model that was proposed."""

    values: dict[str, Any] = Field(description="The parameters that the search varies.")
    parameters: int = Field(description="Weights and biases of the model.")
    macs: int = Field(description="Multiply-accumulate operations for one image.")
    in_round: InRound | None = Field(
        None, description="Of successive halving; the trials of other searches have none."
    )

    @model_serializer(mode="wrap")
    def _without_rounds(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out what searches without rounds have no use for: their files stay as they were."""
        facts = write(self)
        if self.in_round is None:
            del facts["in_round"]
        return facts


class AtBudget(Part):
    """What was found within one budget."""

    model_config = ConfigDict(validate_by_name=True)

    budget: str = _called("price", "Id of the price.")
    title: str = Field(description="Its title.")
    macs: int | None = Field(description="Most MACs; null is no limit.")
    parameters: int | None = Field(description="Most parameters; null is no limit.")
    training_seconds: float | None = Field(
        description="Most seconds of training, estimated; null is no limit."
    )
    trials: list[Trial] = Field(description="In the order they were proposed.")
    finalists: list[Trained] = Field(description="The best, with new seeds, best trial first.")
    winner: Trained | None = Field(
        description="The finalist chosen by its new seeds, with runs of its own that chose "
        "nothing; null if no trial was trained to its end."
    )

    @property
    def models(self) -> list[Trained]:
        """All that was trained: trials, finalists and the winner."""
        return [*self.trials, *self.finalists, *([self.winner] if self.winner else [])]


class SearchOutcome(Sealed):
    """What a search found. Validation scores only."""

    model_config = ConfigDict(validate_by_name=True)

    format: Literal[1] = Field(description="Version of this format.")
    fingerprint: str = Field(description="Hash of what the search means; the file's name.")
    algorithm: str = Field(description="How trials were proposed.")
    budgets: list[AtBudget] = _called("prices", "In the order of the study file.")
    seconds: float = Field(
        description="Wall time of the process that ended the search, seconds; runs that were "
        "there already took none."
    )
    workers: int = Field(description="Processes that trained side by side.")
    provenance: records.Provenance


REMEDY = (
    "Delete the file of the search; it is then gone through again, and trains only what has no "
    "record."
)


def score(runs: Sequence[SearchRun]) -> float | None:
    """Give the mean validation score of a trial's runs; None where any has none."""
    return mean_of_all([run.score for run in runs])


def mean_of_all(scores: Sequence[float | None]) -> float | None:
    """Give the mean of scores; None where any is missing."""
    known = [score for score in scores if score is not None]
    return statistics.fmean(known) if len(known) == len(scores) else None


def place(study: Study, results: Path) -> Path | None:
    """Name the file of what the study's search finds; None if it asks for none."""
    block = study.file.search
    if study.search is None or block is None or not block.trained:
        return None
    return results / "search" / f"{study.search.fingerprint}.json"


def find(study: Study, results: Path) -> Path | None:
    """Give that file if it is there."""
    path = place(study, results)
    return path if path and path.exists() else None


def record_files(path: Path | None, results: Path) -> list[Path]:
    """List the records of a search: those in its folder, and those that it took from elsewhere.

    A model whose settings are those of an experiment is not trained twice: its record may lie
    under that experiment's name. What cannot be read names none.

    Args:
        path: of what the search found; None if it has not come to its end.
    """
    named: set[tuple[str, int]] = set()
    with suppress(UserError):
        budgets = read(path).budgets if path else []
        models = [model for budget in budgets for model in budget.models]
        named = {(model.fingerprint, run.seed) for model in models for run in model.runs}
    return sorted(
        file
        for run, file in records.find(results / "runs").items()
        if file.parent.parent.name == EXPERIMENT or run in named
    )


def failed(study: Study, results: Path) -> list[records.Record]:
    """Read the records of runs that failed and have the seeds of the study's search.

    Not of those that lie under the name of an experiment, which are its runs.
    """
    search = study.search
    if search is None or place(study, results) is None:
        return []
    seeds = {*search.seeds, *search.finalist_seeds, *search.winner_seeds}
    runs = records.find(results / "runs").items()
    own = {
        str(path): path
        for (_, seed), path in runs
        if path.parent.parent.name == EXPERIMENT and seed in seeds
    }
    return list(records.failed(own).values())


def read(path: Path) -> SearchOutcome:
    """Read what a search found.

    Raises:
        UserError: it is damaged; names the file and what to do.
    """
    return sealed.read(path, SearchOutcome, _damaged)


def _damaged(path: Path, fault: str) -> UserError:
    return UserError(f"{path} is not a whole search: {fault}. {REMEDY}")
