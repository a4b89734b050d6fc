"""What chance alone would do to a study of this shape, and what its seeds can see.

Exact where there is a formula, else simulated by the study's own judge, with a seed: questions,
references and number of seeds are those of the study, the spreads those of its runs.
"""

import statistics
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import fdtrc

from cnn_study.evidence import simulated
from cnn_study.evidence.read import Tables
from cnn_study.evidence.simulated import Estimates, Shape
from cnn_study.study.model import Study

SEED = 19
MOST_STUDIES, LEAST_STUDIES = 8_000, 200
EXPERIMENTS = 480_000
"""Simulated experiments of all studies together, within these numbers of studies: seconds."""

EFFECTS = (1, 2)
"""True effects in percentage points whose chance to be seen is told."""

USUAL = (
    "median standard deviation of test accuracy over the experiments, without those of which "
    "single runs collapse"
)

COLLAPSE = 0.1
"""How often a run collapses, where the chance to miss that is told."""

WIDER = 3
"""Times as wide a spread, whose chance to come about by luck is told."""


def shape_of(study: Study) -> Shape:
    """Say which experiments a study compares, by their places in it."""
    places = {id_: place for place, id_ in enumerate(study.experiments)}
    pairs = [
        (places[id_], places[study.file.questions[name].reference])
        for name, ids in study.questions.items()
        for id_ in ids
    ]
    ours, theirs = zip(*pairs, strict=True) if pairs else ((), ())
    return Shape(ours, theirs, tuple(map(len, study.questions.values())))


def expectation_rows(tables: Tables) -> list[dict[str, Any]]:
    """Give the rows of expectations.csv; those that cannot be said are left out."""
    n = len(tables.study.seeds)
    rows = [
        _row("missed_collapse", (1 - COLLAPSE) ** n, "share", "exact: 0.9 to the power of the "
             "number of seeds"),
    ]  # fmt: skip
    if n > 1:
        by_luck = float(fdtrc(n - 1, n - 1, WIDER**2))
        rows.append(
            _row("three_times_as_wide", by_luck, "share", "exact: the F distribution with n - 1 "
                 "and n - 1 degrees of freedom above 9, one-sided: the first of two is the wider")
        )  # fmt: skip
    noise = Noise.of(tables)
    if n < simulated.LEAST_RUNS or noise is None or not tables.study.questions:
        return rows
    return rows + _simulated(tables, noise)


@dataclass(frozen=True)
class Noise:
    """How far the runs of a study spread, in percentage points.

    Attributes:
        usual: median over the experiments of the standard deviation of test accuracies.
        freedom, variance: of the distribution that the variances of experiments have, what differs
            by chance alone taken off (Smyth, 2004): scaled inverse chi-squared, and the same for
            all where the degrees of freedom are infinite.
        validation: how many times as far validation accuracies spread; None without any.
        correlation: of validation and test accuracies of the same runs, around the means of their
            experiments.
    """

    usual: float
    freedom: float
    variance: float
    validation: float | None
    correlation: float | None

    @classmethod
    def of(cls, tables: Tables) -> "Noise | None":
        """Take it from the complete runs; None where fewer than two experiments have two."""
        known = _deviations(tables, "test_score")
        if len(known) < 2:
            return None
        runs = np.array([[len(tables.scores(id_, "test_score")) for id_ in known]])
        least = simulated.least_variance(tables.test_images)
        variance = np.maximum(np.array([list(known.values())]) ** 2, least)
        (freedom,), (usual,) = simulated.usual(variance, runs - 1)
        held_out = _deviations(tables, "validation_score")
        median = statistics.median(known.values())
        return cls(
            median,
            float(freedom),
            float(usual),
            statistics.median(held_out.values()) / median if held_out and median else None,
            _correlation(tables, known.keys() & held_out.keys()),
        )

    def draw(self, size: tuple[int, int], random: np.random.Generator) -> np.ndarray:
        """Draw standard deviations: (studies, experiments, 1)."""
        if np.isinf(self.freedom):
            return np.full((*size, 1), self.variance**0.5)
        return np.sqrt(self.freedom * self.variance / random.chisquare(self.freedom, (*size, 1)))


def _deviations(tables: Tables, column: str) -> dict[str, float]:
    """Give the standard deviation of each experiment of which no single runs collapse."""
    scores = {id_: list(tables.scores(id_, column).values()) for id_ in tables.study.experiments}
    return {
        id_: 100 * statistics.stdev(runs)
        for id_, runs in scores.items()
        if len(runs) > 1 and not tables.partly_collapsed(id_, column)
    }


def _correlation(tables: Tables, experiments: Any) -> float | None:
    """Correlate validation and test accuracies within experiments, all of these together."""
    parts: list[np.ndarray] = []
    for id_ in sorted(experiments):
        ours, theirs = (tables.scores(id_, f"{images}_score") for images in ("validation", "test"))
        both = np.array([(ours[seed], theirs[seed]) for seed in ours.keys() & theirs.keys()])
        if len(both) > 1:
            parts.append(both - both.mean(axis=0))
    if not parts:
        return None
    validation, test = np.concatenate(parts).T
    size = np.sqrt((validation**2).sum() * (test**2).sum())
    return min(float((validation * test).sum() / size), 1.0) if size else None


def _simulated(tables: Tables, noise: Noise) -> list[dict[str, Any]]:
    study, judge = tables.study, tables.judges["test"]
    shape, n = shape_of(study), len(study.seeds)
    studies = min(MOST_STUDIES, max(LEAST_STUDIES, EXPERIMENTS // len(study.experiments)))
    random = np.random.default_rng(SEED)
    # Scores that go together entirely have a correlation that is 1 but for rounding.
    common = min(max(judge.correlation.mean or 0.0, 0.0), 1.0) if judge.paired else 0.0
    size = (studies, len(study.experiments), n)
    test = _alike(random.standard_normal(size), common, random)

    def judged(scores: np.ndarray, images: int) -> Estimates:
        if judge.paired:
            return simulated.in_pairs(scores, shape, images)
        spreads = simulated.raised(*simulated.spreads(scores, images))
        return simulated.two_sample(scores, shape, *spreads)

    spread = noise.draw(size[:2], random)
    estimates = judged(test * spread, tables.test_images)
    how = (
        f"simulated, {studies:,} studies; variances drawn from the scaled inverse chi-squared "
        "distribution that fits those of its experiments without single collapsed runs (Smyth, "
        "2004)"
    )
    rows = [
        *_false_verdicts(estimates, shape, how),
        *_power(estimates, shape, how),
        _row("usual_deviation", noise.usual / 100, "share", USUAL),
    ]
    if noise.correlation is not None and noise.validation is not None:
        own, r = _alike(random.standard_normal(size), common, random), noise.correlation
        validation = (r * test + (1 - r**2) ** 0.5 * own) * spread * noise.validation
        chosen = judged(validation, tables.validation_images)
        rows += _top(chosen, estimates, r, how)
    return rows


def _alike(own: np.ndarray, common: float, random: np.random.Generator) -> np.ndarray:
    """Let the scores of one seed go up and down together, (studies, experiments, seeds)."""
    shared = random.standard_normal((len(own), 1, own.shape[2]))
    return common**0.5 * shared + (1 - common) ** 0.5 * own


def _false_verdicts(estimates: Estimates, shape: Shape, how: str) -> list[dict[str, Any]]:
    false = simulated.rejected_by_question(estimates.p(), shape.slices)
    how += "; no change does anything, p corrected within each question, as for verdicts"
    return [
        _row("false_verdict_somewhere", false.any(axis=1).mean(), "share", how),
        _row("false_verdicts", false.sum(axis=1).mean(), "verdicts", how),
    ]


def _power(estimates: Estimates, shape: Shape, how: str) -> list[dict[str, Any]]:
    """Tell how often a verdict sees the one true effect in each question, whichever it is."""
    p = estimates.p()
    studies = np.arange(len(p))[:, None]
    places = np.stack(
        [part.start + studies[:, 0] % (part.stop - part.start) for part in shape.slices], axis=1
    )
    rows = []
    for effect in EFFECTS:
        shift = np.zeros(p.shape)
        shift[studies, places] = effect
        seen = simulated.rejected_by_question(estimates.p(shift), shape.slices)[studies, places]
        text = f"{how}; one change in each question has this effect"
        rows.append(_row(f"power_at_{effect}", seen.mean(), "share", text))
    return rows


def _top(chosen: Estimates, test: Estimates, r: float, how: str) -> list[dict[str, Any]]:
    """Tell what the first change by validation images gains in test accuracy, all by luck."""
    first = (chosen.difference - chosen.half_width).argmax(axis=1)
    gain = test.difference[np.arange(len(first)), first].mean() / 100
    text = "correlation of validation and test accuracy of runs around the means of experiments"
    ranked = f"{how}; no change does anything; of that with the highest lower validation end"
    return [
        _row("validation_test_correlation", r, "", text),
        _row("top_gain_by_luck", gain, "share", f"{ranked}, the gain in test accuracy"),
    ]


def _row(name: str, value: float, unit: str, how: str) -> dict[str, Any]:
    return {"name": name, "value": float(value), "unit": unit, "how": how}
