"""The judge written a second time, for many studies at once, says what the judge says.

And the simulations that hold it to its promises: they are made the same again, and a small one
comes out as it must.
"""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

from cnn_study.base.inference import holm
from cnn_study.base.judge import Correlation, Judge
from cnn_study.evidence import simulated
from cnn_study.evidence.simulated import Shape

PROJECT = Path(__file__).parents[1]


def _scores(*rows: list[float]) -> np.ndarray:
    longest = max(map(len, rows))
    return np.array([[row + [np.nan] * (longest - len(row)) for row in rows]], float)


A = [60.0, 61, 62, 63, 64]
# The hand-worked cases of the judge: runs in percent, images; for pairs of experiments the
# difference, standard error, degrees of freedom, lower and upper end, p.
CASES = {
    "raised": (
        [A, [58.0, 60, 62, 64, 66], [61.5, 62, 62.5, 63, 63.5], [64.0, 65, 66, 67, 68]],
        10_000,
        {
            (3, 0): (4, 1.000783, 16, 1.878435, 6.121565, 0.001039),
            (2, 0): (0.5, 0.902817, 15.286631, -1.421171, 2.421171, 0.587711),
            (1, 0): (0, 1.581386, 6.064823, -3.85951, 3.85951, 1),
        },
    ),
    "spreads alike": (
        [A, [61.0, 62, 63, 64, 65], [62.0, 63, 64, 65, 66.5]],
        10_000,
        {
            (1, 0): (1, 1.036018, 12, -1.257289, 3.257289, 0.353478),
            (2, 0): (2.1, 1.070825, 11.235497, -0.250857, 4.450857, 0.075123),
        },
    ),
    "equal runs": (
        [[70.0, 71, 72], [75.0, 75, 75], [70.0, 72, 74]],
        360,
        {(1, 0): (4, 0.583907, 2.091602, 1.590199, 6.409801, 0.018348)},
    ),
    "unequal runs": (
        [A + A, [65.0, 67], [62, 62.5, 63, 63.5, 64], [55.0, 60, 65, 58, 61]],
        10_000,
        {
            (1, 0): (4, 1.456003, 18, 0.941050, 7.058950, 0.013250),
            (3, 0): (-2.2, 1.747373, 4.952691, -6.704701, 2.304701, 0.264098),
        },
    ),
    "collapse": (
        [[70, 70.5, 71, 71.5, 72], [72, 72.4, 72.8, 73.2, 73.6], [10.0, 70, 71, 72, 73],
         [69.0, 70, 71, 72, 73]],
        10_000,
        {
            (1, 0): (1.8, 0.462198, 8.945496, 0.753464, 2.846536, 0.003693),
            (2, 0): (-11.8, 12.315287, 4.006667, -45.97029, 22.37029, 0.392158),
        },
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_the_hand_worked_cases(name):
    rows, images, expected = CASES[name]
    shape = Shape(tuple(a for a, _ in expected), tuple(b for _, b in expected), (len(expected),))
    scores = _scores(*rows)
    spreads = simulated.raised(*simulated.spreads(scores, images))
    estimates = simulated.two_sample(scores, shape, *spreads)
    reach, p = estimates.half_width, estimates.p()
    for place, numbers in enumerate(expected.values()):
        mean = estimates.difference[0, place]
        ours = (
            *(mean, estimates.error[0, place], estimates.freedom[0, place]),
            *(mean - reach[0, place], mean + reach[0, place], p[0, place]),
        )
        assert ours == pytest.approx(numbers, abs=2e-5, rel=1e-6)


def _random_studies(kind: str, random: np.random.Generator) -> tuple[np.ndarray, Shape, int]:
    """Make 40 studies of 7 experiments, with effects, as accuracies in percent."""
    shape = Shape((1, 2, 3, 4, 5, 6), (0, 0, 0, 1, 1, 1), (3, 2, 1))
    common = {"in pairs": 0.95, "half": 0.5}.get(kind, 0.0)
    size = (40, 7, 6)
    noise = common**0.5 * random.standard_normal((40, 1, 6))
    noise = noise + (1 - common) ** 0.5 * random.standard_normal(size)
    scores = 70 + np.arange(7)[:, None] * 0.4 + noise * random.uniform(0.2, 3, (40, 7, 1))
    images = 10_000
    if kind == "unequal runs":
        scores = np.where(np.arange(6) < np.array([6, 3, 4, 3, 2, 5, 6])[:, None], scores, np.nan)
    if kind == "equal runs":
        images, scores[:, 2] = 360, 71.0
        scores = np.round(scores * 3.6) / 3.6
    if kind == "collapse":
        scores = np.where(random.random(size) < 0.1, 10.0, scores)
    if kind == "all alike":
        scores = 70 + np.arange(7)[:, None] + np.arange(6) * np.ones(size)
        scores[:, :, 0] += 0.01 * np.arange(7)
    return scores, shape, images


KINDS = ("plain", "in pairs", "half", "unequal runs", "equal runs", "collapse", "all alike")


@pytest.mark.parametrize("kind", KINDS)
def test_it_says_of_random_studies_what_the_judge_says(kind):
    scores, shape, images = _random_studies(kind, np.random.default_rng(19))
    estimates, chosen = simulated.judged(scores, shape, images)
    reach, p = estimates.half_width, estimates.p()
    comparisons = [(str(a), str(b)) for a, b in zip(shape.ours, shape.theirs, strict=True)]
    for place, study in enumerate(scores):
        runs = {
            str(id_): {seed: score / 100 for seed, score in enumerate(row) if score == score}
            for id_, row in enumerate(study)
        }
        judge = Judge.of(runs, comparisons, images)
        assert judge.paired == chosen[place]
        for change, (ours, theirs) in enumerate(comparisons):
            effect = judge.effect(runs[ours], runs[theirs])
            again = (
                estimates.difference[place, change] / 100,
                estimates.error[place, change] / 100,
                estimates.freedom[place, change],
                (estimates.difference - reach)[place, change] / 100,
                p[place, change],
            )
            mean = effect.mean, effect.error, effect.freedom, effect.lower, effect.p
            assert again == pytest.approx(mean, rel=1e-6, abs=1e-8)


def test_the_random_studies_are_judged_both_ways():
    shares = {
        kind: simulated.judged(*_random_studies(kind, np.random.default_rng(19)))[1].mean()
        for kind in KINDS
    }
    assert shares["plain"] < 0.2
    assert 0.2 < shares["half"] < 1
    assert shares["in pairs"] == 1


@pytest.mark.parametrize("n", [3, 4, 5, 10])
def test_pairing_breaks_even_where_it_does(n):
    expected = {3: 0.584, 4: 0.409, 5: 0.310, 10: 0.137}[n]
    assert simulated.break_even(np.array([n]))[0] == pytest.approx(expected, abs=5e-4)


def test_three_correlations_of_five_runs_by_hand():
    # Mean 0.6 of r 0.9, 0.8, 0.1 over √(3 / 4): z 2.08, so pair; of 0.9, -0.1, 0.1 not.
    theirs = np.array([-2.0, -1, 0, 1, 2])
    across = np.array([2.0, -1, -2, -1, 2])

    def study(*correlations: float) -> np.ndarray:
        rows = [r * theirs / 10**0.5 + (1 - r**2) ** 0.5 * across / 14**0.5 for r in correlations]
        return 70 + np.array([[theirs, *rows]])

    shape = Shape((1, 2, 3), (0, 0, 0), (3,))
    assert simulated.pairs_pay(study(0.9, 0.8, 0.1), shape).tolist() == [True]
    assert simulated.pairs_pay(study(0.9, -0.1, 0.1), shape).tolist() == [False]
    assert Correlation(3, 0.6, 0.310, 1.8 * 4**0.5 / 3**0.5).pays


def test_holm_is_that_of_the_judge():
    p = np.random.default_rng(19).uniform(0, 0.06, (12, 5)) ** 1.5
    expected = [[corrected < 0.05 for corrected in holm(row.tolist())] for row in p]
    assert simulated.rejected(p).tolist() == expected
    split = simulated.rejected_by_question(p, [slice(0, 2), slice(2, 5)])
    assert split[:, :2].tolist() == simulated.rejected(p[:, :2]).tolist()
    assert split[:, 2:].tolist() == simulated.rejected(p[:, 2:]).tolist()


# ------------------------------------------------------------------------------- the simulations


@pytest.fixture(scope="module")
def simulations():
    spec = importlib.util.spec_from_file_location("judge", PROJECT / "benchmarks" / "judge.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["judge"] = module  # which a data class asks for
    spec.loader.exec_module(module)
    yield module
    del sys.modules["judge"]


def test_every_kind_of_study_is_there(simulations):
    settings = simulations.settings()
    assert len(settings) == len(set(settings)) >= 45
    assert {setting.experiments for setting in settings} == {3, 10, 60}
    assert {setting.runs for setting in settings} == {"3", "5", "10", "unequal"}
    assert {0.0, 0.1, 0.3, 0.5, 0.7, 0.9} <= {setting.rho for setting in settings}
    assert {setting.collapse for setting in settings} == {
        "none",
        "one experiment",
        "all experiments",
    }
    for size, shape in simulations.SHAPES.items():
        assert shape.experiments == size == len(shape.ours) + 1 == sum(shape.questions) + 1


def test_the_same_seed_gives_the_same_rows(simulations):
    setting = simulations.Setting("spreads", 10, "5", "unequal")
    first, again = simulations.simulate(setting, 50), simulations.simulate(setting, 50)
    assert first == again
    assert [row["judged_by"] for row in first] == ["judge", "paired", "Welch", "limma"]


def test_the_published_rows_are_those_that_the_script_makes(simulations, tmp_path):
    published = (PROJECT / "report" / "simulations.csv").read_text("utf-8").splitlines()
    assert len(published) == 1 + 4 * len(simulations.settings())
    setting = simulations.Setting("spreads", 3, "5")
    rows = simulations.simulate(setting, simulations.REPLICATES[3])
    simulations.write(rows, tmp_path / "some.csv")
    made = (tmp_path / "some.csv").read_text("utf-8").splitlines()
    assert made[0] == published[0]
    assert set(made) <= set(published)


def test_paired_t_of_equal_normal_runs_keeps_its_promise(simulations):
    rows = simulations.simulate(simulations.Setting("spreads", 3, "5"), 4_000)
    (paired,) = (row for row in rows if row["judged_by"] == "paired")
    assert paired["coverage"] == pytest.approx(0.95, abs=4 * paired["coverage_error"])
    # √2 t(0.975, 4) / √5, times c4(5) or so: the median of s is 0.92 σ.
    assert paired["half_width"] == pytest.approx(2**0.5 * 2.776 / 5**0.5 * 0.916, rel=0.02)


def test_the_highest_rate_is_told_by_other_studies_than_those_that_chose_it(simulations):
    happens = np.zeros((4, 2), bool)
    happens[0, 0] = True  # the first half chooses column 0, where the second half has none
    assert simulations._highest(happens) == 0.25  # and the second half the first, which has 1 of 2
