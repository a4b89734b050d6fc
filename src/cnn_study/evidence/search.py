"""What the tables say about the search: its winners, the winner's curse, what mattered."""

import json
import statistics
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

import pandas as pd

from cnn_study.base.inference import effect, unpaired
from cnn_study.evidence.read import Tables
from cnn_study.evidence.schemas import ALL_BUDGETS
from cnn_study.study.search_space import Budget

FORESTS = 50
TREES = 25
"""In each forest. In the published search 300 move no importance by more than 0.03 points, where
bars are up to 4 points long, and take ten times as long."""

LEAST_RANKED = 3
"""The ranks of two always agree or differ altogether."""

LEAST_TRIALS = 10
"""Fewer trials tell nothing about a parameter: no importance is given."""


def search_rows(tables: Tables) -> dict[str, list[dict[str, Any]]]:
    """Give the rows of every table about the search; none without one."""
    finalists = _finalists(tables)
    return {
        "search-prices": [_budget_row(tables, budget, finalists) for budget in _budgets(tables)],
        "search-finalists": finalists,
        "search-gaps": _optimism(finalists),
        "search-rounds": [row for budget in _budgets(tables) for row in _rounds(tables, budget)],
        "search-importance": importance(tables),
    }


def _budgets(tables: Tables) -> list[Budget]:
    """Give the budgets that the tables know, as the study has them."""
    search, done = tables.study.search, set(tables.search_runs["price"])
    return [budget for budget in search.budgets if budget.id in done] if search else []


def _runs(tables: Tables, budget: str, stage: str) -> pd.DataFrame:
    runs = tables.search_runs
    return runs[(runs["price"] == budget) & (runs["stage"] == stage)]


def whole(runs: pd.DataFrame) -> pd.DataFrame:
    """Keep the runs of models all of whose runs are complete with a validation accuracy."""
    sound = (runs["status"] == "complete") & runs["validation_score"].notna()
    return runs[sound.groupby([runs["price"], runs["trial"]]).transform("all")]


def compared(search_runs: pd.DataFrame, *, first_round: bool) -> pd.DataFrame:
    """Keep the runs of the trials that the forests compare.

    Of hyperband's trials, those with the most epochs compare.

    Args:
        first_round: of successive halving, whose first round has the fewest epochs, and all models.
    """
    runs = search_runs[search_runs["stage"] == "trial"]
    epochs = runs["epochs"].min() if first_round else runs["epochs"].max()
    return whole(runs[runs["epochs"] == epochs])


def _means(runs: pd.DataFrame) -> dict[int, float]:
    """Give the mean validation accuracy over the seeds of each trial of which it is known."""
    means = whole(runs).groupby("trial")["validation_score"].mean()
    return {int(str(trial)): float(mean) for trial, mean in means.items()}


@dataclass(frozen=True)
class _Ended:
    """A round that is over.

    Attributes:
        scores: mean validation score by model, of those that have one.
        chosen_by: what gave each of its models its place.
    """

    epochs: int
    scores: dict[int, float]
    chosen_by: dict[int, str]

    def rank(self, model: int | None) -> int | None:
        """Give a model's place by score; None where it has none."""
        own = self.scores.get(model) if model is not None else None
        return None if own is None else 1 + sum(score > own for score in self.scores.values())


def _rounds(tables: Tables, budget: Budget) -> list[dict[str, Any]]:
    """Say of each round of successive halving what went on, and how it foretold the next one."""
    ended = _ended(tables, budget)
    last = ended[-1].scores if ended else {}
    best = max(last, key=last.__getitem__, default=None)
    return [
        {
            "price": budget.id,
            "round": number,
            "epochs": own.epochs,
            "trials": len(own.chosen_by),
            "broken_trials": len(own.chosen_by) - len(own.scores),
            "best_score": max(own.scores.values(), default=None),
            **(_foretold(own, after) if after else {}),
            "rank_of_last": own.rank(best),
        }
        for number, (own, after) in enumerate(zip_longest(ended, ended[1:]), start=1)
    ]


def _ended(tables: Tables, budget: Budget) -> list[_Ended]:
    places = tables.search_places
    scores = _means(_runs(tables, budget.id, "trial"))
    return [
        _Ended(
            int(rows["epochs"].iloc[0]),
            {model: scores[trial] for model, trial in zip(rows["model"], rows["trial"], strict=True)
             if trial in scores},
            dict(zip(rows["model"], rows["chosen_by"], strict=True)),
        )
        for _, rows in places[places["price"] == budget.id].groupby("round")
    ]  # fmt: skip


def _foretold(own: _Ended, after: _Ended) -> dict[str, Any]:
    """Set a round beside the next one."""
    both = [model for model in own.scores if model in after.scores]
    by = {
        reason: [model for model, why in after.chosen_by.items() if why == reason]
        for reason in ("score", "curve")
    }
    lowest = min((after.scores[model] for model in by["score"] if model in both), default=1.0)
    return {
        "next_epochs": after.epochs,
        "by_score": len(by["score"]),
        "by_curve": len(by["curve"]),
        "ahead": sum(after.scores.get(model, 0.0) > lowest for model in by["curve"]),
        "compared": len(both),
        "order": _rank_correlation(
            [own.scores[model] for model in both], [after.scores[model] for model in both]
        ),
    }


def _rank_correlation(ours: list[float], theirs: list[float]) -> float | None:
    """Correlate ranks (Spearman); None of fewer than three, and where all are equal."""
    if len(ours) < LEAST_RANKED or len(set(ours)) == 1 or len(set(theirs)) == 1:
        return None
    return float(pd.Series(ours).rank().corr(pd.Series(theirs).rank()))


def _finalists(tables: Tables) -> list[dict[str, Any]]:
    rows = []
    for budget in _budgets(tables):
        tried, again = (_runs(tables, budget.id, stage) for stage in ("trial", "finalist"))
        searched, fresh = (_means(runs) for runs in (tried, again))
        won = set(_runs(tables, budget.id, "winner")["trial"])
        macs = tried.drop_duplicates("trial").set_index("trial")["macs"]
        for rank, trial in enumerate(again["trial"].unique(), start=1):
            score = fresh.get(trial)
            complete = again[(again["trial"] == trial) & (again["status"] == "complete")]
            rows.append(
                {
                    "price": budget.id,
                    "trial": int(trial),
                    "rank": rank,
                    "macs": int(macs[trial]),
                    "search_score": searched[trial],
                    "fresh_score": score,
                    "optimism": None if score is None else searched[trial] - score,
                    "seeds": len(complete),
                    "won": trial in won,
                }
            )
    return rows


def _optimism(finalists: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Average the optimism about each budget's finalists, and about all."""
    rows = []
    known = [row for row in finalists if row["optimism"] is not None]
    for budget in [*dict.fromkeys(row["price"] for row in known), ALL_BUDGETS] if known else []:
        of_budget = [row for row in known if budget in (ALL_BUDGETS, row["price"])]
        optimism = effect([row["optimism"] for row in of_budget])
        rows.append(
            {
                "price": budget,
                "finalists": optimism.n,
                **{
                    name: statistics.fmean(row[name] for row in of_budget)
                    for name in ("search_score", "fresh_score")
                },
                "optimism": optimism.mean,
                "optimism_lower": optimism.lower,
                "optimism_upper": optimism.upper,
            }
        )
    return rows


def _budget_row(tables: Tables, budget: Budget, finalists: list[dict[str, Any]]) -> dict[str, Any]:
    tried, own = (_runs(tables, budget.id, stage) for stage in ("trial", "winner"))
    trials = tried["trial"].nunique()
    row = {
        "price": budget.id,
        "title": budget.title,
        "most_macs": budget.macs,
        "most_parameters": budget.parameters,
        "most_training_seconds": budget.training_seconds,
        "goal": budget.goal,
        "trials": trials,
        "broken_trials": trials - len(_means(tried)),
    }
    if own.empty:
        return row
    trial = int(own["trial"].iloc[0])
    final = next(f for f in finalists if f["price"] == budget.id and f["trial"] == trial)
    values = tables.search_values
    settings = values[(values["price"] == budget.id) & (values["trial"] == trial)]
    given = {
        name: json.loads(value)
        for name, value in zip(settings["parameter"], settings["value"], strict=True)
    }
    complete = own[own["status"] == "complete"]
    tests = [float(score) for score in complete["test_score"]]
    about = effect(tests)
    enhanced = tables.study.file.enhanced or "base"
    return row | {
        "trial": trial,
        "change": json.dumps(_change(tables, budget, given)),
        "edges": " ".join(settings.loc[settings["edge"], "parameter"]) or None,
        "parameters": int(own["parameters"].iloc[0]),
        "macs": int(own["macs"].iloc[0]),
        "epochs": int(tried.loc[tried["trial"] == trial, "epochs"].iloc[0]),
        "winner_epochs": int(own["epochs"].iloc[0]),
        "search_score": final["search_score"],
        "finalist_score": final["fresh_score"],
        "runs": len(complete),
        **{
            name: complete[name].mean() if tests else None
            for name in (
                "training_seconds",
                "training_cpu_seconds",
                *("training_accuracy", "validation_accuracy", "test_accuracy"),
                "validation_score",
            )
        },
        "test_score": about.mean,
        "test_deviation": statistics.stdev(tests) if len(tests) > 1 else None,
        "test_lower": about.lower,
        "test_upper": about.upper,
        **_over("base", tests, tables, "base"),
        **_over("enhanced", tests, tables, enhanced),
    }


def _change(tables: Tables, budget: Budget, values: dict[str, Any]) -> dict[str, Any]:
    """Give every setting in which a winner's own runs differ from the base."""
    search, base = tables.study.search, tables.study.experiments["base"].settings
    if search is None:
        return {}
    settings = search.model(values, budget.winner_epochs).settings
    return {name: value for name, value in settings if value != getattr(base, name)}


def _over(name: str, ours: list[float], tables: Tables, experiment: str) -> dict[str, Any]:
    difference = unpaired(ours, list(tables.scores(experiment, "test_score").values()))
    return {
        f"over_{name}": difference.mean,
        f"over_{name}_lower": difference.lower,
        f"over_{name}_upper": difference.upper,
    }


def importance(tables: Tables) -> list[dict[str, Any]]:
    """Measure what mattered by permutation in random forests (Breiman, 2001).

    Trials are drawn anew with replacement for each forest; what was not drawn is what it has not
    seen.
    """
    table, scores = _features(tables)
    if len(scores) < LEAST_TRIALS:
        return []
    import numpy as np
    from sklearn.ensemble import RandomForestRegressor

    x, y = table.to_numpy(dtype=float), np.array(scores)
    generator = np.random.default_rng(0)
    rises: list[list[float]] = []
    errors = []
    while len(errors) < FORESTS:
        drawn = generator.integers(0, len(y), len(y))
        unseen = np.setdiff1d(np.arange(len(y)), drawn)
        if len(unseen) < 2:
            continue
        state = int(generator.integers(2**31))
        forest = RandomForestRegressor(TREES, random_state=state).fit(x[drawn], y[drawn])
        plain, *shuffled = _errors(forest, x[unseen], y[unseen], generator)
        errors.append(plain)
        rises.append([error - plain for error in shuffled])
    lower, upper = np.percentile(rises, [2.5, 97.5], axis=0)
    rows = [
        {
            "parameter": name,
            "importance": float(np.mean([rise[column] for rise in rises])),
            "lower": float(lower[column]),
            "upper": float(upper[column]),
            "trials": len(y),
            "error": float(np.mean(errors)),
            "spread": float(np.std(y, ddof=1)),
        }
        for column, name in enumerate(table.columns)
    ]
    return sorted(rows, key=lambda row: -row["importance"])


def _features(tables: Tables) -> tuple[pd.DataFrame, list[float]]:
    """Give the places of the values of each trial (trials, parameters), and its accuracy.

    A parameter that was not varied in a trial stands at -1, apart from all values.
    """
    runs = compared(tables.search_runs, first_round=tables.study.searches_in_rounds)
    wide = tables.search_values.pivot(index=["price", "trial"], columns="parameter", values="place")
    order = [budget.id for budget in _budgets(tables)]
    rows, scores = [], []
    for budget in order:
        for trial, score in _means(runs[runs["price"] == budget]).items():
            places = wide.loc[(budget, trial)]
            rows.append({"price": order.index(budget), **places.to_dict()})
            scores.append(score)
    table = pd.DataFrame(rows).fillna(-1.0)
    varied = [name for name in table.columns if table[name].nunique() > 1]
    return table[varied], scores


def _errors(forest: Any, x: Any, y: Any, generator: Any) -> list[float]:
    """Give the error of a forest as it is, then with each column shuffled.

    All are predicted at once: asking a forest takes longer than what it does for a few rows.
    """
    import numpy as np

    inputs = [x]
    for column in range(x.shape[1]):
        mixed = x.copy()
        mixed[:, column] = generator.permutation(mixed[:, column])
        inputs.append(mixed)
    predicted = forest.predict(np.concatenate(inputs)).reshape(len(inputs), len(y))
    return [float(((row - y) ** 2).mean() ** 0.5) for row in predicted]
