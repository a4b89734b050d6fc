"""What to take for a given price in use: the best that was trained, and the best that was found.

Only what is surely better than guessing is offered; where nothing is, what the runs show of why.
"""

from dataclasses import dataclass, replace

from cnn_study.base.power import least_above_chance, surely_above
from cnn_study.evidence.cells import ratio
from cnn_study.evidence.findings import Findings
from cnn_study.evidence.images import beats_guessing
from cnn_study.evidence.read import Tables
from cnn_study.evidence.results import Result, best_of
from cnn_study.report.curves import Curve, curve_of
from cnn_study.report.search import Outcome, Searched
from cnn_study.study.model import Study
from cnn_study.study.search_space import Budget


@dataclass(frozen=True)
class Offer:
    """The best models, by validation images, that need no more arithmetic than a price allows.

    Attributes:
        price: what a model may cost.
        trained: the best experiment; longer: times the base's training time that its takes.
        found: the best winner of the search; None without one.
    """

    price: Budget
    trained: Result | None
    longer: float | None
    found: Outcome | None


@dataclass(frozen=True)
class Untaken:
    """The model to take, were it better than guessing, and how it learned.

    Attributes:
        result: of the experiment that the validation images put first, or the base's.
        curve: its epochs.
        epochs: that it was trained for.
        least: score from which on so many test images, one of each unit, would surely tell it from
            guessing; None where none would.
    """

    result: Result
    curve: Curve
    epochs: int
    least: float | None


@dataclass(frozen=True)
class Budgets:
    """What to take at each price.

    Attributes:
        offers: a price each, the smallest first, those without a limit on MACs last; of models that
            surely do better than guessing.
        refused: titles of the prices at which no model does.
        untaken: where there is no offer, since the model that the validation images put first, or
            the base, is no better than guessing, how that one learned; else None.
    """

    offers: list[Offer]
    refused: list[str]
    untaken: Untaken | None

    @property
    def by_parameters(self) -> bool:
        """Whether any price limits parameters."""
        return any(offer.price.parameters is not None for offer in self.offers)


def budgets_of(
    study: Study,
    tables: Tables,
    findings: Findings,
    results: dict[str, Result],
    searched: Searched | None,
) -> Budgets:
    """Give an offer for each price of the study, the smallest first.

    The prices are what the base and the enhanced model cost, and those of the search.
    """
    offered = [offer_of(price, results, searched) for price in _prices(study, results, searched)]
    known = [offer for offer in offered if offer.trained or offer.found]
    worth = [_worth(study, findings, offer) for offer in known]
    offers = [offer for offer in worth if offer.trained or offer.found]
    return Budgets(
        offers,
        [offer.price.title for offer in worth if offer not in offers],
        None if offers else _untaken(study, tables, findings, results),
    )


def _prices(study: Study, results: dict[str, Result], searched: Searched | None) -> list[Budget]:
    enhanced = study.file.enhanced
    titles = {"base": "As cheap as the base"}
    if enhanced:
        titles.setdefault(enhanced, "As cheap as the enhanced model")
    prices: dict[tuple[int | None, int | None], Budget] = {}
    for id_, title in titles.items():
        price = Budget(id_, title, 1, 1, macs=results[id_].macs)
        prices.setdefault(price.of_use, price)
    for outcome in searched.winners if searched else ():
        if any(limit is not None for limit in outcome.budget.of_use):
            prices[outcome.budget.of_use] = outcome.budget
    smallest_first = sorted(
        prices.values(), key=lambda price: (price.macs or 0, price.parameters or 0)
    )
    return sorted(smallest_first, key=lambda price: price.macs is None)


def offer_of(price: Budget, results: dict[str, Result], searched: Searched | None) -> Offer:
    """Give the best models, by validation images, that cost no more in use than a price."""
    trained = best_of(
        {id_: each for id_, each in results.items() if price.allows(each.macs, each.parameters)}
    )
    winners = [
        each
        for each in (searched.winners if searched else [])
        if price.allows(each.row.macs, each.row.parameters)
    ]
    return Offer(
        price,
        trained,
        _times_as_long(trained, results["base"]),
        max(winners, key=_validation) if winners else None,
    )


def _worth(study: Study, findings: Findings, offer: Offer) -> Offer:
    """Leave of an offer the models that surely do better than guessing."""
    trained, found = offer.trained, offer.found
    if trained and not findings.scores[trained.id]["better_than_guessing"]:
        trained = None
    if found and not (found.test.mean and beats_guessing(study, found.test.mean, None)):
        found = None
    return replace(offer, trained=trained, found=found)


def _untaken(
    study: Study, tables: Tables, findings: Findings, results: dict[str, Result]
) -> Untaken | None:
    result = best_of(results) or results["base"]
    curve = curve_of(tables, result.id)
    if curve is None or findings.scores[result.id]["better_than_guessing"]:
        return None
    epochs = study.experiments[result.id].settings.epochs
    return Untaken(result, curve, epochs, _least_of(study))


def _least_of(study: Study) -> float | None:
    """Find the smallest test score that lies surely above chance; None if none does."""
    metric, witnesses = study.metric.name, study.dataset.test_witnesses_for(study.metric.name)
    if metric == "accuracy":
        return _least(study.chance, sum(witnesses))
    least = least_above_chance(metric, study.chance, witnesses)
    return least if least < 1 else None


def _least(chance: float, images: int) -> float | None:
    """Find the smallest share of so many images that lies surely above chance."""
    shares = (right / images for right in range(images + 1))
    return next((share for share in shares if surely_above(share, chance, images)), None)


def _times_as_long(trained: Result | None, base: Result) -> float | None:
    if not trained or not trained.seconds or not base.seconds:
        return None
    return ratio(trained.seconds, base.seconds)


def _validation(outcome: Outcome) -> float:
    return outcome.row.validation_score
