"""The search as the report tells it: what might be tried, what was, and what won."""

import json
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from cnn_study.base.inference import Effect
from cnn_study.evidence.cells import Cell, Setting, derived, ratio
from cnn_study.evidence.findings import Findings
from cnn_study.evidence.read import Tables
from cnn_study.evidence.results import Result, best_of
from cnn_study.report.results import chosen_settings
from cnn_study.study.model import Study
from cnn_study.study.search_space import Budget, Parameter, Search
from cnn_study.study.settings import Settings, value_text


@dataclass(frozen=True)
class Varied:
    """One parameter of the space, in words."""

    name: str
    values: str
    when: str


@dataclass(frozen=True)
class Outcome:
    """What the search came to within one budget.

    Attributes:
        row: of search-prices.csv, its columns as attributes; None where a cell is empty.
        test, over_base, over_enhanced: of the winner, with intervals.
        change: settings in which the winner differs from the base.
        edges: parameters that stand at an end of the space.
        finalists: rows of search-finalists.csv, best trial first.
        longer: times the base's mean training time that the winner's is; None without a winner.
        rival: of the experiments that cost no more in use than a model may, the best by validation.
        longer_than_rival: the same beside the rival's; None without one.
    """

    budget: Budget
    row: SimpleNamespace
    test: Effect
    over_base: Effect
    over_enhanced: Effect
    change: dict[str, Setting]
    edges: tuple[str, ...]
    finalists: list[SimpleNamespace]
    longer: float | None
    rival: Result | None
    longer_than_rival: float | None

    @property
    def beyond(self) -> float:
        """Mean training accuracy less mean validation accuracy of the winner's own runs."""
        training, validation = self.row.training_accuracy, self.row.validation_accuracy
        return derived(training - validation, "difference of", training, validation)

    @property
    def unlearned(self) -> float:
        """Mean share of the training images that the winner's own runs get wrong."""
        training = self.row.training_accuracy
        return derived(1 - training, "difference of 1 and", training)

    @property
    def missing(self) -> float | None:
        """The goal less what the winner scores, None without a goal."""
        goal, score = self.row.goal, self.test.mean
        if goal is None or score is None:
            return None
        return derived(goal - score, "difference of", goal, score)


@dataclass(frozen=True)
class Searched:
    """The study's search.

    Attributes:
        caveat: what it cannot say.
        outcomes: one a budget; empty where it is not done yet.
        base: every setting of the study's base.
        optimism: rows of search-gaps.csv by budget.
        importance: rows of search-importance.csv, the most important first.
        rounds: rows of search-rounds.csv; none but of successive halving.
        curves: how many models curves gave a place, how many of these then scored higher than one
            with its place by score, and how many winners were among them in some round.
        runs: of trials, finalists and winners.
        seconds: processor time of their training.
    """

    search: Search
    caveat: str
    space: list[Varied]
    settings: dict[str, str]
    outcomes: list[Outcome]
    base: dict[str, Setting]
    optimism: dict[str, SimpleNamespace]
    importance: list[SimpleNamespace]
    rounds: list[SimpleNamespace]
    curves: SimpleNamespace
    runs: int
    seconds: float

    @property
    def titles(self) -> dict[str, str]:
        """Give the title of each price."""
        return {budget.id: budget.title for budget in self.search.budgets}

    @property
    def first_orders(self) -> list[float]:
        """Rank correlations of the first round with the second, of the prices that have one."""
        return [row.order for row in self.rounds if row.round == 1 and row.order is not None]

    @property
    def trials(self) -> int:
        """Trials within all budgets."""
        return sum(outcome.row.trials for outcome in self.outcomes)

    @property
    def winners(self) -> list[Outcome]:
        """Outcomes with a winner: some trial was trained to the end."""
        return [outcome for outcome in self.outcomes if outcome.test.mean is not None]

    @property
    def chosen(self) -> dict[str, list[Setting]]:
        """Settings in which a winner differs from the base: the base's value and the winners'."""
        changes = [{}, *(outcome.change for outcome in self.winners)]
        names = [name for name in self.base if any(name in change for change in changes)]
        return {name: [change.get(name, self.base[name]) for change in changes] for name in names}

    @property
    def short(self) -> bool:
        """Whether trials are trained for fewer epochs than winners."""
        return any(budget.winner_epochs > self.search.epochs for budget in self.search.budgets)

    @property
    def missed(self) -> list[Outcome]:
        """Outcomes whose winner misses the goal."""
        return [outcome for outcome in self.winners if (outcome.missing or 0) > 0]

    @property
    def broken(self) -> int:
        """Trials with a run that diverged or failed."""
        return sum(outcome.row.broken_trials for outcome in self.outcomes)

    @property
    def mattering(self) -> list[SimpleNamespace]:
        """The parameters whose importance is above zero with its whole interval."""
        return [row for row in self.importance if row.lower > 0]


def searched_of(
    study: Study, tables: Tables, findings: Findings, results: dict[str, Result]
) -> Searched | None:
    """Put together what the evidence says of the study's search; None without one."""
    search, block = study.search, study.file.search
    if search is None or block is None:
        return None
    given = study.experiments["base"].settings
    fixed = {name: value for name, value in block.settings.items()
             if value != getattr(given, name)}  # fmt: skip
    finalists = [SimpleNamespace(**row) for row in findings.search("finalists")]
    budgets = {budget.id: budget for budget in search.budgets}
    runs = tables.search_runs.drop_duplicates("record")
    rounds = [SimpleNamespace(**row) for row in findings.search("rounds")]
    return Searched(
        search,
        block.caveat,
        [_varied(parameter) for parameter in search.space],
        {name: value_text(value) for name, value in fixed.items()},
        [
            _outcome(budgets[row["price"]], place, row, finalists, results, tables.clock)
            for place, row in enumerate(findings.search("prices"))
        ],
        chosen_settings(study.experiments["base"], Settings.model_fields),
        {row["price"]: SimpleNamespace(**row) for row in findings.search("gaps")},
        [SimpleNamespace(**row) for row in findings.search("importance")],
        rounds,
        _curves(tables, findings, rounds),
        len(runs),
        float(runs["training_cpu_seconds"].sum()),
    )


def _curves(tables: Tables, findings: Findings, rounds: list[SimpleNamespace]) -> SimpleNamespace:
    """Sum up what became of the models that went on by their learning curves."""
    places = tables.search_places
    won = {(row["price"], row["trial"]) for row in findings.search("prices")}
    models = {
        (price, model)
        for price, trial, model in zip(
            places["price"], places["trial"], places["model"], strict=True
        )
        if (price, trial) in won
    }
    by_curve = places[places["chosen_by"] == "curve"]
    helped = set(zip(by_curve["price"], by_curve["model"], strict=True))
    return SimpleNamespace(
        given=sum(row.by_curve or 0 for row in rounds),
        ahead=sum(row.ahead or 0 for row in rounds),
        won=len(models & helped),
    )


def _times_as_long(seconds: float | None, other: Result | None) -> float | None:
    """Set the winner's training time against that of an experiment."""
    if not seconds or other is None or not other.seconds:
        return None
    return ratio(seconds, other.seconds)


def _varied(parameter: Parameter) -> Varied:
    if parameter.values:
        values = ", ".join(map(value_text, parameter.values))
    else:
        values = f"{parameter.low:g} to {parameter.high:g}"
        if parameter.scale == "log":
            values += ", logarithmic"
        elif parameter.step:
            values += f" in steps of {parameter.step:g}"
    when = "; ".join(
        f"{name} {' or '.join(map(value_text, allowed))}" for name, allowed in parameter.when
    )
    return Varied(parameter.name, values, when)


def _outcome(
    budget: Budget,
    place: int,
    row: dict[str, Any],
    finalists: list[SimpleNamespace],
    results: dict[str, Result],
    clock: str,
) -> Outcome:
    def effect(name: str, lower: str, upper: str) -> Effect:
        return Effect(row["runs"] or 0, row[name], lower=row[lower], upper=row[upper])

    cell = Cell("search-prices", place, "change")
    rival = best_of(
        {
            id_: result
            for id_, result in results.items()
            if budget.allows(result.macs, result.parameters)
        }
    )
    seconds = row[clock]
    return Outcome(
        budget,
        SimpleNamespace(**row),
        effect("test_score", "test_lower", "test_upper"),
        effect("over_base", "over_base_lower", "over_base_upper"),
        effect("over_enhanced", "over_enhanced_lower", "over_enhanced_upper"),
        {name: Setting(value, cell) for name, value in json.loads(row["change"] or "{}").items()},
        tuple((row["edges"] or "").split()),
        [finalist for finalist in finalists if finalist.price == budget.id],
        _times_as_long(seconds, results["base"]),
        rival,
        _times_as_long(seconds, rival),
    )
