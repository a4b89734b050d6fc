"""Numbers that somebody else printed, beside ours."""

from dataclasses import dataclass
from typing import Any

from cnn_study.base import inference
from cnn_study.report.findings import Effect, Findings
from cnn_study.report.results import Result
from cnn_study.report.tables import Tables
from cnn_study.study.model import Study


@dataclass(frozen=True)
class Printed:
    """A number that somebody else printed, and the rows of published.csv that it stands in.

    Attributes:
        kernel_size: None if it was not printed; the number then stands beside several of ours.
    """

    comparison: str
    model: str
    filters: str
    kernel_size: int | None
    accuracy: float
    rows: tuple[dict[str, Any], ...]

    @property
    def inside(self) -> list[str]:
        """Our experiments in whose prediction interval it lies."""
        return [row["experiment"] for row in self.rows if row["inside"] is True]

    @property
    def decided(self) -> bool:
        """Whether each of our experiments has an interval."""
        return all(row["inside"] is not None for row in self.rows)


@dataclass(frozen=True)
class Ours:
    """Two experiments of ours that a printed order can be checked with; see `columns.ORDERS`."""

    better: str
    worse: str
    effect: Effect
    margin: float | None
    outcome: str
    single_runs_could_tell: bool | None

    @classmethod
    def of(cls, row: dict[str, Any]) -> "Ours":
        """Take it from a row of orders.csv."""
        return cls(
            row["better_experiment"],
            row["worse_experiment"],
            Effect.of(row),
            row["single_run_margin"],
            row["outcome"],
            row["single_runs_could_tell"],
        )


@dataclass(frozen=True)
class Order:
    """Two printed numbers, the one better than the other, and what our runs say to that."""

    comparison: str
    better: str
    worse: str
    printed: float
    ours: tuple[Ours, ...]

    @property
    def outcome(self) -> str:
        """What all our pairs say alike, or open."""
        outcomes = {one.outcome for one in self.ours}
        return outcomes.pop() if len(outcomes) == 1 else "open"

    @property
    def single_runs_could_tell(self) -> bool:
        """Whether a single run of each would have been enough, by every pair of ours."""
        return all(one.single_runs_could_tell for one in self.ours)


@dataclass(frozen=True)
class Published:
    """Somebody else's numbers beside ours.

    Attributes:
        rows: of published.csv.
        named: numbers that belong to one experiment of ours.
        unnamed: numbers that belong to several, since not every setting was printed.
        base: those whose filters are the base's, smallest accuracy first.
        base_interval: prediction interval of our base; None, None where there is none.
        orders: pairs of printed numbers, one better than the other, checked by our runs.
        trained_on: our experiments by the number of images that they were trained on.
    """

    citation: str
    rows: list[dict[str, Any]]
    named: list[Printed]
    unnamed: list[Printed]
    base: list[Printed]
    base_interval: tuple[float | None, float | None]
    orders: list[Order]
    trained_on: dict[int, list[str]]
    level: float = inference.LEVEL

    @property
    def quantile(self) -> float:
        """The quantile of Student's t distribution that the interval takes."""
        return (1 + self.level) / 2

    def landing(self, side: str) -> list[Printed]:
        """List the named numbers inside, above or below their interval, or without one."""
        return [number for number in self.named if _side(number) == side]


def _side(number: Printed) -> str:
    row = number.rows[0]
    if row["inside"] is None:
        return "undecided"
    if row["inside"]:
        return "inside"
    return "above" if number.accuracy > row["prediction_upper"] else "below"


def published_of(
    study: Study, found: Tables, findings: Findings, results: dict[str, Result]
) -> Published:
    """Set printed numbers beside ours, and check their orders."""
    together: dict[tuple[str, str], list[dict[str, Any]]] = {}
    rows = [row | {"result": results[row["experiment"]]} for row in found.published]
    for row in rows:
        together.setdefault((row["comparison"], row["model"]), []).append(row)
    numbers = [
        Printed(
            *key,
            mine[0]["filters"],
            mine[0]["kernel_size"],
            mine[0]["published_test_accuracy"],
            tuple(mine),
        )
        for key, mine in together.items()
    ]
    filters = "-".join(map(str, study.experiments["base"].settings.filters))
    same = sorted(
        (number for number in numbers if number.filters == filters),
        key=lambda number: number.accuracy,
    )
    return Published(
        study.file.published.citation,
        rows,
        [number for number in numbers if len(number.rows) == 1],
        [number for number in numbers if len(number.rows) > 1],
        same,
        next(
            (
                (row["prediction_lower"], row["prediction_upper"])
                for row in rows
                if row["experiment"] == "base"
            ),
            (None, None),
        ),
        _orders(findings),
        _by_images(rows),
    )


def _by_images(rows: list[dict[str, Any]]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for result in dict.fromkeys(row["result"] for row in rows):
        if result.training_images is not None:
            found.setdefault(result.training_images, []).append(result.id)
    return dict(sorted(found.items(), key=lambda item: -len(item[1])))


def _orders(findings: Findings) -> list[Order]:
    found: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    for row in findings.orders:
        found.setdefault((row["comparison"], row["better"], row["worse"]), []).append(row)
    return [
        Order(*names, rows[0]["printed_difference"], tuple(Ours.of(row) for row in rows))
        for names, rows in found.items()
    ]
