"""Simulated studies with known effects: whether the judge of a study keeps what it promises.

    python benchmarks/judge.py [--quick] [--output report/simulations.csv]

Each setting is a kind of study: how many experiments and seeds, how the spreads of the experiments
differ, whether scores of the same seed correlate. Many studies of it are made by chance and judged,
by the judge and by three other ways: the paired t, Welch's t, and a moderated t (limma), which also
lowers spreads. The same seeds give the same file.
"""

import argparse
import csv
import sys
import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import ndtri

from cnn_study.evidence.simulated import (
    ERROR,
    Estimates,
    Shape,
    in_pairs,
    judged,
    moderated,
    rejected,
    rejected_by_question,
    spreads,
    two_sample,
)

SHAPES = {
    3: Shape((1, 2), (0, 0), (2,)),
    10: Shape(tuple(range(1, 10)), (0,) * 9, (3, 3, 2, 1)),
    # As the published study: two references, the second of which is a change of the first.
    60: Shape(
        tuple(range(1, 60)),
        (0,) * 15 + (1,) * 44,
        (8, 6, 1, *(4, 4), *(3,) * 6, *(2,) * 5, *(1,) * 8),
    ),
}
"""By the number of experiments; experiment 0 is the base."""

REPLICATES = {3: 40_000, 10: 40_000, 60: 10_000}
QUICK = {3: 1_000, 10: 1_000, 60: 200}
CHUNK = 1_000

VOLATILE, QUIET = 3.0, 1 / 3
"""Times the usual spread."""

COLLAPSES, COLLAPSED_BY = 0.1, 60.0
"""How often a run collapses that may, and by how many points."""

EFFECTS = (1, 2)
"""True effects in percentage points that should be seen; the usual spread of runs is 1 point."""

SKIPPED = {"one experiment": 1}
"""Where one experiment collapses: how many changes, the last ones, are not counted."""


@dataclass(frozen=True)
class Setting:
    """One kind of study.

    Attributes:
        runs: seeds of each experiment; "unequal": 3, 4, 5 in turn, the references 10.
        spread: of runs: equal (1 point); unequal (log-normal, a third of the experiments beyond 0.6
            or 1.6); by question (the same for its changes, 0.4 to 2.5); or equal but for one.
        rho: correlation of the scores of all experiments by seed.
        tails: distribution of the scores of an experiment.
        collapse: whose runs collapse, one in ten.
        images: test images, to whose share scores are rounded where they are few.
    """

    group: str
    experiments: int
    runs: str
    spread: str = "equal"
    rho: float = 0.0
    tails: str = "normal"
    collapse: str = "none"
    images: int = 10_000


def settings() -> list[Setting]:
    """List what is simulated."""
    sizes, seeds = (3, 10, 60), ("3", "5", "10")
    listed = [
        Setting("spreads", size, n, spread)
        for size in sizes
        for n in seeds
        for spread in ("equal", "unequal", "by question")
    ]
    listed += [
        Setting("common seeds", size, "5", "unequal", rho)
        for size in sizes
        for rho in (0.1, 0.3, 0.5, 0.7, 0.9)
    ]
    listed += [
        Setting("common seeds", 10, n, "unequal", rho)
        for n in ("3", "10")
        for rho in (0.1, 0.3, 0.6, 0.9)
    ]
    listed += [
        Setting("one unlike the others", size, "5", f"one {what}")
        for size in sizes
        for what in ("volatile change", "volatile reference", "quiet reference")
    ]
    listed += [
        Setting("tails", size, "5", "unequal", tails=tails)
        for size in sizes
        for tails in ("heavy", "skewed")
    ]
    listed += [Setting("tails", 10, n, "unequal", tails="heavy") for n in ("3", "10")]
    listed += [Setting("unequal runs", size, "unequal", "unequal") for size in sizes]
    listed += [
        Setting("collapse", size, "5", "unequal", collapse=whose)
        for size in sizes
        for whose in ("one experiment", "all experiments")
    ]
    return listed + [Setting("few images", size, "5", "equal", images=360) for size in sizes]


# ------------------------------------------------------------------------------ studies by chance


def runs_of(setting: Setting) -> np.ndarray:
    """Give the number of runs of each experiment."""
    if setting.runs != "unequal":
        return np.full(setting.experiments, int(setting.runs))
    runs = np.resize([3, 4, 5], setting.experiments)
    runs[list({*SHAPES[setting.experiments].theirs})] = 10
    return runs


def deviations(setting: Setting) -> np.ndarray:
    """Give the standard deviation of each experiment's runs, in points; the usual one is 1."""
    shape, size = SHAPES[setting.experiments], setting.experiments
    spread = np.ones(size)
    if setting.spread == "unequal":
        # Quantiles of a log-normal distribution, scattered over the experiments.
        ranks = (np.arange(size) * 37 + size // 2) % size if size > 3 else np.array([1, 0, 2])
        spread = np.exp(0.5 * ndtri((ranks + 0.5) / size))
    if setting.spread == "by question":
        levels = np.resize([1.0, 0.4, 2.5, 0.6, 1.6], len(shape.questions))
        if len(shape.questions) == 1:
            levels = np.array([0.4])
        for question, level in zip(shape.slices, levels, strict=True):
            spread[list(shape.ours[question])] = level
    if setting.spread.startswith("one "):
        place = size - 1 if setting.spread.endswith("change") else shape.theirs[-1]
        spread[place] = VOLATILE if "volatile" in setting.spread else QUIET
    return spread


def draw(setting: Setting, studies: int, random: np.random.Generator) -> np.ndarray:
    """Make the scores of many studies in which no change does anything.

    Returns:
        Percent, (studies, experiments, seeds); NaN where there is no run.
    """
    runs = runs_of(setting)
    size = (studies, setting.experiments, int(runs.max()))
    own = _noise(setting.tails, size, random)
    common = random.standard_normal((studies, 1, size[2]))
    noise = np.sqrt(setting.rho) * common + np.sqrt(1 - setting.rho) * own
    scores = 70 + deviations(setting)[:, None] * noise
    if setting.collapse != "none":
        lost = random.random(size) < COLLAPSES
        if setting.collapse == "one experiment":
            lost[:, :-1] = False
        scores = scores - COLLAPSED_BY * lost
    if setting.images < 10_000:
        scores = np.round(scores * setting.images / 100) * 100 / setting.images
    return np.where(np.arange(size[2]) < runs[:, None], scores, np.nan)


def _noise(tails: str, size: tuple[int, ...], random: np.random.Generator) -> np.ndarray:
    """Draw numbers with mean 0 and standard deviation 1."""
    if tails == "heavy":
        return random.standard_t(3, size) / np.sqrt(3)
    if tails == "skewed":  # a long tail to low scores
        return 1 - random.exponential(1, size)
    return random.standard_normal(size)


# ------------------------------------------------------------------------------- what comes of it


def ways(scores: np.ndarray, shape: Shape, images: int) -> Iterator[tuple[str, Estimates, float]]:
    """Give each way to judge with its estimates, and the share of studies judged in pairs."""
    estimates, chosen = judged(scores, shape, images)
    yield "judge", estimates, chosen.mean()
    yield "paired", in_pairs(scores, shape, images), 1.0
    variance = spreads(scores, images)
    yield "Welch", two_sample(scores, shape, *variance), 0.0
    yield "limma", two_sample(scores, shape, *moderated(*variance)), 0.0


@dataclass
class Tally:
    """What one way to judge said of many studies, a row for each study.

    Attributes:
        covered: (studies, changes) whether an interval holds the truth, which is 0.
        false: (studies, changes) whether a verdict is false, corrected within each question.
        false_in_study: whether any is false, corrected over the whole study.
        seen, wrong, times: by true effect: of one change a question, whether it is seen, whether
            it is seen with the wrong sign, and how many times too large.
    """

    covered: np.ndarray
    false: np.ndarray
    false_in_study: np.ndarray
    half_width: np.ndarray
    seen: dict[int, np.ndarray]
    estimates: dict[int, np.ndarray]

    @classmethod
    def of(cls, estimates: Estimates, shape: Shape, counted: slice) -> "Tally":
        """Judge many studies."""
        p, questions = estimates.p(), shape.slices
        seen, sizes = {}, {}
        studies = np.arange(len(p))[:, None]
        # One true effect in each question: of its first change in the first study, and so on.
        places = np.stack(
            [part.start + studies[:, 0] % (part.stop - part.start) for part in questions], axis=1
        )
        for effect in EFFECTS:
            shift = np.zeros(p.shape)
            shift[studies, places] = effect
            refused = rejected_by_question(estimates.p(shift), questions)
            seen[effect] = refused[studies, places]
            sizes[effect] = (estimates.difference + shift)[studies, places]
        false = rejected_by_question(p, questions)
        return cls(
            (p > ERROR)[:, counted],
            false[:, counted],
            rejected(p)[:, counted].any(axis=1),
            estimates.half_width[:, counted],
            seen,
            sizes,
        )

    @classmethod
    def together(cls, tallies: list["Tally"]) -> "Tally":
        """Join what was judged in parts."""
        arrays = ("covered", "false", "false_in_study", "half_width")
        joined = [np.concatenate([getattr(tally, name) for tally in tallies]) for name in arrays]
        of_effects = [
            {effect: np.concatenate([getattr(tally, name)[effect] for tally in tallies])
             for effect in EFFECTS}
            for name in ("seen", "estimates")
        ]  # fmt: skip
        return cls(*joined, *of_effects)

    def row(self, questions: list[slice]) -> dict[str, float]:
        """Sum it up: shares, but for widths, which are in points."""
        of_questions = np.stack(
            [self.false[:, part].any(axis=1) for part in questions if self.false[:, part].size],
            axis=1,
        )
        row = {
            "coverage": self.covered.mean(),
            "coverage_error": _error(self.covered.mean(axis=1)),
            "coverage_worst": 1 - _highest(~self.covered),
            "false_in_question": of_questions.mean(),
            "false_in_question_error": _error(of_questions.mean(axis=1)),
            "false_in_question_worst": _highest(of_questions),
            "false_in_study": self.false_in_study.mean(),
            "false_in_study_error": _error(self.false_in_study),
            "half_width": float(np.median(self.half_width)),
        }
        for effect in EFFECTS:
            seen, estimates = self.seen[effect], self.estimates[effect][self.seen[effect]]
            row[f"power_{effect}"] = seen.mean()
            row[f"wrong_sign_{effect}"] = _mean(estimates < 0)
            row[f"exaggeration_{effect}"] = _mean(np.abs(estimates) / effect)
        return row


def _error(values: np.ndarray) -> float:
    """Give the standard error of a mean over studies."""
    return float(values.std(ddof=1) / np.sqrt(len(values)))


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if values.size else float("nan")


def _highest(happens: np.ndarray) -> float:
    """Give the rate of the column in which something happens most often.

    Which column that is one half of the studies says, and its rate the other half: the highest of
    many rates, taken from the same studies, would be the luckiest.
    """
    halves = happens[::2], happens[1::2]
    rates = [told[:, asked.mean(axis=0).argmax()].mean() for asked, told in (halves, halves[::-1])]
    return float(np.mean(rates))


def simulate(setting: Setting, studies: int) -> list[dict[str, Any]]:
    """Simulate one kind of study, by a seed of its own; a row for each way to judge."""
    shape = SHAPES[setting.experiments]
    random = np.random.default_rng(zlib.crc32(describe(setting).encode()))
    counted = slice(0, len(shape.ours) - SKIPPED.get(setting.collapse, 0))
    tallies: dict[str, list[Tally]] = {}
    pairs: dict[str, list[float]] = {}
    for start in range(0, studies, CHUNK):
        scores = draw(setting, min(CHUNK, studies - start), random)
        for name, estimates, share in ways(scores, shape, setting.images):
            tallies.setdefault(name, []).append(Tally.of(estimates, shape, counted))
            pairs.setdefault(name, []).append(share)
    return [
        vars(setting)
        | {"judged_by": name, "studies": studies, "in_pairs": float(np.mean(pairs[name]))}
        | Tally.together(parts).row(shape.slices)
        for name, parts in tallies.items()
    ]


# ------------------------------------------------------------------------------------- the command


def main() -> None:
    """Simulate every setting and write one CSV file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the studies or fewer")
    parser.add_argument("--output", type=Path, default=Path("report/simulations.csv"))
    options = parser.parse_args()
    listed, start = settings(), time.perf_counter()
    rows = []
    for place, setting in enumerate(listed, start=1):
        studies = (QUICK if options.quick else REPLICATES)[setting.experiments]
        rows += simulate(setting, studies)
        passed = time.perf_counter() - start
        said = f"{place} of {len(listed)}: {describe(setting)}; {passed:.0f} s"
        print(said, file=sys.stderr, flush=True)
    write(rows, options.output)
    print(promises(rows))


def describe(setting: Setting) -> str:
    """Put a setting into words."""
    default = Setting("", 0, "")
    parts = [f"{setting.experiments} experiments", f"{setting.runs} runs", setting.spread]
    for name in ("rho", "tails", "collapse", "images"):
        if getattr(setting, name) != getattr(default, name):
            parts.append(f"{name} {getattr(setting, name)}")
    return ", ".join(parts)


def write(rows: list[dict[str, Any]], path: Path) -> None:
    """Write the rows: four digits, the same bytes each time."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        for row in rows:
            writer.writerow(
                {
                    name: ""
                    if value != value
                    else f"{value:.4g}"
                    if isinstance(value, float)
                    else value
                    for name, value in row.items()
                }
            )


def promises(rows: list[dict[str, Any]]) -> str:
    """Say for each way to judge what its worst settings are."""
    lines = ["| judged by | least coverage | most false in a question | most false in a study |"]
    lines.append("| --- | --- | --- | --- |")
    extremes = (("coverage", min), ("false_in_question", max), ("false_in_study", max))
    for name in dict.fromkeys(row["judged_by"] for row in rows):
        own = [row for row in rows if row["judged_by"] == name]
        cells = []
        for column, extreme in extremes:
            row = extreme(own, key=lambda row: row[column])
            setting = replace(
                Setting("", 0, ""), **{key: row[key] for key in Setting("", 0, "").__dict__}
            )
            cells.append(f"{row[column]:.2%} ± {row[f'{column}_error']:.2%} ({describe(setting)})")
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
