"""What the evidence says of one change, contrast, way of choosing or published ranking.

Each is read from rows of its tables, and nothing is worked out anew. Differences are shares.
"""

from dataclasses import dataclass
from typing import Any

from cnn_study.base import inference
from cnn_study.base.inference import Effect
from cnn_study.evidence.cells import Cell
from cnn_study.evidence.training_times import about_as_long

NOTHING = 1e-9
"""A margin below it says that no choice of test images makes a difference: rounding at most."""


def effect_of(row: dict[str, Any], images: str = "test") -> Effect:
    """Take an effect from a row that has the columns of one."""
    names = ("difference", "error", "freedom", "lower", "upper", "p", "p_holm", "verdict")
    return Effect(row[f"{images}_runs"], *(row[f"{images}_{name}"] for name in names))


@dataclass(frozen=True)
class JudgeTaken:
    """How every difference by one kind of images is judged.

    Attributes:
        row: of judge.csv.
        spreads: rows of judge-spreads.csv, by experiment.
    """

    row: dict[str, Any]
    spreads: dict[str, dict[str, Any]]

    @property
    def paired(self) -> bool:
        """Whether by seed, or as two independent means."""
        return self.row["judge"] == "paired"

    @property
    def raised(self) -> list[dict[str, Any]]:
        """List the spreads that were raised toward what is usual."""
        return [row for row in self.spreads.values() if row["raised"]]


@dataclass(frozen=True)
class Change:
    """One row of the ledger.

    Attributes:
        row: all its columns, None where a cell is empty.
        validation, test: the effect by these images.
        differences: in test accuracy, one a run, in the order of the seeds: from the run with the
            same seed where the judge pairs, else from the mean of the reference.
        cells: that of the verdict.
    """

    row: dict[str, Any]
    validation: Effect
    test: Effect
    differences: tuple[float, ...]
    cells: tuple[Cell, ...]

    @classmethod
    def of(cls, place: int, row: dict[str, Any], differences: tuple[float, ...]) -> "Change":
        """Take it from a row of ledger.csv; row 0 is the first."""
        runs = sum(row[f"{kind}_runs"] for kind in ("complete", "diverged", "failed", "missing"))
        # One that is only declared has no runs that its number could lead to.
        cell = Cell("ledger", place, "test_verdict", row["experiment"] if runs else None)
        return cls(row, effect_of(row, "validation"), effect_of(row), differences, (cell,))

    @property
    def experiment(self) -> str:
        """Id of the changed experiment."""
        return self.row["experiment"]

    @property
    def reference(self) -> str:
        """Id of the experiment that was changed."""
        return self.row["reference"]

    @property
    def question(self) -> str:
        """Id of the question."""
        return self.row["question"]

    @property
    def verdict(self) -> str:
        """One of `VERDICTS`, by the test images."""
        return self.test.verdict

    @property
    def clearly(self) -> str | None:
        """Where every run lies beside every run of the reference: higher or lower.

        None where a verdict says so better, or where it is not so, or may be chance.
        """
        return self.row["test_clearly"]

    @property
    def words(self) -> str:
        """The verdict, or that the direction is plain while the size is not known."""
        return f"clearly {self.clearly}, size unknown" if self.clearly else self.verdict

    @property
    def about_as_long(self) -> bool:
        """Whether it trains about as long as its reference, as far as is known."""
        return about_as_long(self.row)

    @property
    def over_both(self) -> Effect:
        """The difference with its interval over seeds and test images together."""
        lower, upper = self.row["test_both_lower"], self.row["test_both_upper"]
        return Effect(self.test.n, self.test.mean, lower=lower, upper=upper)

    @property
    def images_tell(self) -> bool:
        """Whether the test images are enough to say what their choice leaves open of it."""
        return (self.row["test_images_margin"] or 0) > NOTHING

    @property
    def survives(self) -> bool:
        """Whether it helps or hurts even if p is corrected over all changes of the study."""
        return self.verdict in ("helps", "hurts") and (
            self.row["test_p_holm_all"] < 1 - inference.LEVEL
        )


@dataclass(frozen=True)
class Expectation:
    """What was expected of a change in a word, and what became of it.

    Attributes:
        expects: helps, hurts or little.
        outcome: one of `OUTCOMES`.
        cells: that of the outcome.
    """

    experiment: str
    expects: str
    outcome: str
    cells: tuple[Cell, ...]

    @classmethod
    def of(cls, place: int, row: dict[str, Any]) -> "Expectation":
        """Take it from a row of expected.csv; row 0 is the first."""
        id_ = row["experiment"]
        return cls(id_, row["expects"], row["outcome"], (Cell("expected", place, "outcome", id_),))


@dataclass(frozen=True)
class Contrast:
    """One main effect or interaction of a grid, or one combination.

    Attributes:
        kind: main effect, interaction or combination.
        name: what is set against what.
        differences: in test accuracy, one a seed, in the order of the seeds.
        experiment, parts: of a combination, and those that it joins.
        together, added: what its changes make together, and one by one.
    """

    question: str
    kind: str
    name: str
    validation: Effect
    test: Effect
    differences: tuple[float, ...] = ()
    experiment: str | None = None
    parts: tuple[str, ...] = ()
    together: float | None = None
    added: float | None = None

    @classmethod
    def of(cls, row: dict[str, Any], differences: tuple[float, ...]) -> "Contrast":
        """Take it from a row of contrasts.csv."""
        return cls(
            row["question"],
            row["kind"],
            row["contrast"],
            effect_of(row, "validation"),
            effect_of(row),
            differences,
            row["experiment"],
            tuple((row["parts"] or "").split()),
            row["together"],
            row["added"],
        )

    @property
    def verdict(self) -> str:
        """One of `VERDICTS`, by the test images."""
        return self.test.verdict


@dataclass(frozen=True)
class Confirmation:
    """What fresh seeds say of one suggestion.

    Attributes:
        row: all columns of confirmation.csv, None where a cell is empty.
        first: its gain in the runs by which it was chosen.
        fresh: its gain with fresh seeds; no mean while runs are missing.
        outcome: one of `CONFIRMATIONS`.
        strength, why: of the evidence, and why it is no stronger.
    """

    row: dict[str, Any]
    first: Effect
    fresh: Effect
    outcome: str
    strength: str
    why: str

    @classmethod
    def of(cls, row: dict[str, Any], first: Effect) -> "Confirmation":
        """Take it from a row of confirmation.csv."""
        names = ("error", "freedom", "lower", "upper", "p", "p_holm", "verdict")
        fresh = Effect(0)
        if row["fresh_difference"] is not None:
            rest = (row[f"fresh_{name}"] for name in names)
            fresh = Effect(row["fresh_runs"], row["fresh_difference"], *rest)
        return cls(row, first, fresh, row["outcome"], row["strength"], row["why"])

    @property
    def promised(self) -> Effect:
        """The gain to count on: with fresh seeds, where these have said anything."""
        return self.fresh if self.fresh.n else self.first


@dataclass(frozen=True)
class SelectionBias:
    """How much a choice by one seed's scores promises beyond what can be expected.

    Attributes:
        rule: how it is chosen, such as best by test.
        among: what is chosen from.
        optimism: mean over the seeds of reported less expected, with its interval.
        optimisms: the same of each seed.
        reported, expected: mean test accuracies.
        always_the_same: whether every seed chose the same.
    """

    rule: str
    among: str
    optimism: Effect
    optimisms: tuple[float, ...]
    reported: float
    expected: float
    always_the_same: bool

    @classmethod
    def of(cls, row: dict[str, Any], optimisms: tuple[float, ...]) -> "SelectionBias":
        """Take it from a row of habit-means.csv."""
        ends = {end: row[f"optimism_{end}"] for end in ("lower", "upper")}
        return cls(
            row["rule"],
            row["among"],
            Effect(row["seeds"], row["optimism"], **ends),
            optimisms,
            row["reported"],
            row["expected"],
            row["always_the_same"],
        )


@dataclass(frozen=True)
class RankedPair:
    """Two experiments of ours that a published ranking is checked with."""

    better: str
    worse: str
    effect: Effect
    margin: float | None
    outcome: str
    single_runs_could_tell: bool | None

    @classmethod
    def of(cls, row: dict[str, Any]) -> "RankedPair":
        """Take it from a row of orders.csv."""
        return cls(
            row["better_experiment"],
            row["worse_experiment"],
            effect_of(row),
            row["single_run_margin"],
            row["outcome"],
            row["single_runs_could_tell"],
        )


@dataclass(frozen=True)
class PublishedRanking:
    """Two published numbers, the one better than the other, and what our runs say to that."""

    comparison: str
    better: str
    worse: str
    published_difference: float
    ours: tuple[RankedPair, ...]

    @property
    def outcome(self) -> str:
        """What all our pairs say alike, or open."""
        outcomes = {pair.outcome for pair in self.ours}
        return outcomes.pop() if len(outcomes) == 1 else "open"

    @property
    def single_runs_could_tell(self) -> bool | None:
        """Whether a single run of each would have been enough, by every pair of ours.

        None where no pair says that it would not, and one cannot say.
        """
        told = {pair.single_runs_could_tell for pair in self.ours}
        return False if False in told else None if None in told else True
