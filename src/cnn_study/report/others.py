"""Networks of others, each beside the best of ours that costs no more."""

from dataclasses import dataclass
from types import SimpleNamespace

from cnn_study.evidence.read import Tables
from cnn_study.evidence.results import Result
from cnn_study.report.budgets import offer_of
from cnn_study.report.search import Outcome, Searched
from cnn_study.study.model import Study
from cnn_study.study.search_space import Budget


@dataclass(frozen=True)
class BesideAnother:
    """A network of others, and what of ours needs no more of what is printed of its cost.

    Attributes:
        row: of others.csv.
        note: what else is to be known of it.
        trained: the experiment of ours that the validation images put first; None where they put
            a winner of the search before it, or none is so cheap.
        found: that winner, else None.
    """

    row: SimpleNamespace
    note: str
    trained: Result | None
    found: Outcome | None

    @property
    def test(self) -> float | None:
        """Mean test score of ours; None without one."""
        if self.found:
            return self.found.test.mean
        return self.trained.test.mean if self.trained else None


def others_of(
    study: Study, tables: Tables, results: dict[str, Result], searched: Searched | None
) -> list[BesideAnother]:
    """Set ours beside each network of others that the study names."""
    return [
        _beside(SimpleNamespace(**row), study.file.others[row["other"]].note, results, searched)
        for row in tables.others
    ]


def _beside(
    row: SimpleNamespace, note: str, results: dict[str, Result], searched: Searched | None
) -> BesideAnother:
    price = Budget(row.other, row.name, 1, 1, macs=row.macs, parameters=row.parameters)
    offer = offer_of(price, results, searched)
    trained, winner = offer.trained, offer.found
    if trained and winner:
        better = (winner.row.validation_score or 0) > (trained.validation.mean or 0)
        trained, winner = (None, winner) if better else (trained, None)
    return BesideAnother(row, note, trained, winner)
