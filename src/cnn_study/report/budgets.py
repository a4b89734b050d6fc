"""What to take for a given price in use: the best that was trained, and the best that was found."""

from dataclasses import dataclass

from cnn_study.evidence.cells import ratio
from cnn_study.evidence.results import Result, best_of
from cnn_study.report.search import Outcome, Searched
from cnn_study.study.model import Study


@dataclass(frozen=True)
class Offer:
    """The best models, by validation images, that need no more arithmetic than a price allows.

    Attributes:
        macs: the price, for one image.
        title: of the price.
        trained: the best experiment; longer: times the base's training time that its takes.
        found: the best winner of the search; None without one.
    """

    macs: int
    title: str
    trained: Result | None
    longer: float | None
    found: Outcome | None


def offers(
    study: Study, results: dict[str, Result], searched: Searched | None, enhanced: str | None
) -> list[Offer]:
    """Give an offer for each price of the study, the smallest first.

    The prices are what the base and the enhanced model cost, and those of the search.
    """
    titles = {results["base"].macs: "As cheap as the base"}
    if enhanced:
        titles.setdefault(results[enhanced].macs, "As cheap as the enhanced model")
    for outcome in searched.winners if searched else ():
        if outcome.budget.macs is not None:
            titles[outcome.budget.macs] = outcome.budget.title
    offered = [_offer(macs, titles[macs], results, searched) for macs in sorted(titles)]
    return [offer for offer in offered if offer.trained or offer.found]


def _offer(macs: int, title: str, results: dict[str, Result], searched: Searched | None) -> Offer:
    trained = best_of({id_: each for id_, each in results.items() if each.macs <= macs})
    winners = [each for each in (searched.winners if searched else []) if each.row.macs <= macs]
    return Offer(
        macs,
        title,
        trained,
        _times_as_long(trained, results["base"]),
        max(winners, key=_validation) if winners else None,
    )


def _times_as_long(trained: Result | None, base: Result) -> float | None:
    if not trained or not trained.seconds or not base.seconds:
        return None
    return ratio(trained.seconds, base.seconds)


def _validation(outcome: Outcome) -> float:
    return outcome.row.validation_score
