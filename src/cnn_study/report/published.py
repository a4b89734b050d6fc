"""Published numbers beside ours."""

from dataclasses import dataclass
from typing import Any

from cnn_study.base import inference
from cnn_study.evidence.cells import derived
from cnn_study.evidence.findings import Findings
from cnn_study.evidence.judged import PublishedRanking
from cnn_study.evidence.read import Tables
from cnn_study.evidence.results import Result
from cnn_study.study.model import Study


@dataclass(frozen=True)
class BesideOurs:
    """A published number, and the rows of published.csv that it stands in.

    Attributes:
        kernel_size: None if it was not published; the number then stands beside several of ours.
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
class PublishedComparisons:
    """All published numbers beside ours.

    Attributes:
        rows: of published.csv.
        named: numbers that belong to one experiment of ours.
        unnamed: numbers that belong to several, since not every setting was published.
        base: those whose filters are the base's, smallest accuracy first.
        base_interval: prediction interval of our base; None, None where there is none.
        rankings: pairs of published numbers, one better than the other, checked by our runs.
        trained_on: our experiments by the number of images that they were trained on.
    """

    citation: str
    rows: list[dict[str, Any]]
    named: list[BesideOurs]
    unnamed: list[BesideOurs]
    base: list[BesideOurs]
    base_interval: tuple[float | None, float | None]
    rankings: list[PublishedRanking]
    trained_on: dict[int, list[str]]
    level: float = inference.LEVEL

    @property
    def quantile(self) -> float:
        """The quantile of Student's t distribution that the interval takes."""
        return inference.UPPER_QUANTILE

    @property
    def higher(self) -> list[BesideOurs]:
        """List the named numbers that lie above the mean of ours."""
        return [
            number
            for number in self.named
            if number.decided and number.accuracy > number.rows[0]["test_accuracy_mean"]
        ]

    @property
    def joint_p(self) -> float | None:
        """How often as many further runs would lie as far to one side of ours, all together.

        Each named number stands beside another experiment, so that they are independent; where
        two share one, nothing is said.
        """
        rows = [number.rows[0] for number in self.named]
        chances = [row["higher_by_chance"] for row in rows if row["higher_by_chance"] is not None]
        if len({row["experiment"] for row in rows}) < len(rows):
            return None
        p = inference.together(chances)
        return None if p is None else derived(p, "combined of", *chances)

    def landing(self, side: str) -> list[BesideOurs]:
        """List the named numbers inside, above or below their interval, or without one."""
        return [number for number in self.named if _side(number) == side]


def _side(number: BesideOurs) -> str:
    row = number.rows[0]
    if row["inside"] is None:
        return "undecided"
    if row["inside"]:
        return "inside"
    return "above" if number.accuracy > row["prediction_upper"] else "below"


def published_of(
    study: Study, tables: Tables, findings: Findings, results: dict[str, Result]
) -> PublishedComparisons | None:
    """Set published numbers beside ours; None where the study names none."""
    if study.file.published is None:
        return None
    rows = [row | {"result": results[row["experiment"]]} for row in tables.published]
    numbers = _numbers(rows)
    filters = "-".join(map(str, study.experiments["base"].settings.filters))
    same = sorted(
        (number for number in numbers if number.filters == filters),
        key=lambda number: number.accuracy,
    )
    return PublishedComparisons(
        study.file.published.citation,
        rows,
        [number for number in numbers if len(number.rows) == 1],
        [number for number in numbers if len(number.rows) > 1],
        same,
        _base_interval(rows),
        findings.rankings,
        _by_images(rows),
    )


def _base_interval(rows: list[dict[str, Any]]) -> tuple[float | None, float | None]:
    """Give the prediction interval of the base, where a published number stands beside it."""
    for row in rows:
        if row["experiment"] == "base":
            return row["prediction_lower"], row["prediction_upper"]
    return None, None


def _numbers(rows: list[dict[str, Any]]) -> list[BesideOurs]:
    """Put the rows of each published number together."""
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault((row["comparison"], row["model"]), []).append(row)
    names = ("filters", "kernel_size", "published_test_accuracy")
    return [
        BesideOurs(*key, *(of_one[0][name] for name in names), tuple(of_one))
        for key, of_one in groups.items()
    ]


def _by_images(rows: list[dict[str, Any]]) -> dict[int, list[str]]:
    """Sort our experiments by the images that they were trained on, the usual number first."""
    groups: dict[int, list[str]] = {}
    for result in dict.fromkeys(row["result"] for row in rows):
        if result.training_images is not None:
            groups.setdefault(result.training_images, []).append(result.id)
    return dict(sorted(groups.items(), key=lambda item: -len(item[1])))
