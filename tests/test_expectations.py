"""What chance does to a study of this shape, and what simulated studies say: by rule, and the same.

The numbers are checked where they are known otherwise: independent questions, exact powers.
"""

import csv
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

import records_by_hand
from cnn_study.base.places import SIMULATIONS
from cnn_study.base.power import power
from cnn_study.evidence.expectations import Noise, expectation_rows, shape_of
from cnn_study.evidence.read import Tables
from cnn_study.evidence.simulations import simulation_rows
from cnn_study.study.merge import load
from cnn_study.tables.collect import collect

ALL_STUDIES = True
HEAD = """\
title: By hand
dataset: digits
seeds: {seeds}
judge: {judge}
base: {{filters: [2], dense_units: 0, epochs: 2, validation_fraction: 0.2}}
questions:
"""
QUESTION = '  {name}: {{title: T, question: "?", hypothesis: "!", {more}changes: {{{changes}}}}}\n'


def _tables(folder: Path, spread: float, changes: int = 1, seeds: int = 5, judge="two-sample"):
    """Make a study of this many changes, in questions of one; runs spread alike, in points."""
    text = HEAD.format(seeds=seeds, judge=judge)
    for n in range(changes):
        change = f"epochs-{n}: {{epochs: {n + 3}}}"
        text += QUESTION.format(name=f"question-{n}", more="", changes=change)
    path = folder / "by-hand.yaml"
    path.write_text(text, encoding="utf-8")
    study, noise = load(path), np.linspace(-1, 1, seeds)
    noise *= spread / 100 / noise.std(ddof=1)
    for place, id_ in enumerate(study.experiments):
        for seed, own in enumerate(np.roll(noise, 2 * place), start=1):
            record = records_by_hand.make(
                study, id_, seed, test=0.7 + own, validation=0.7 + 2 * own
            )
            records_by_hand.write(study, folder / "results", record)
    collect(study, folder / "results", folder / "tables")
    return Tables(study, folder / "tables")


def _values(tables: Tables) -> dict[str, float]:
    return {row["name"]: row["value"] for row in expectation_rows(tables)}


def test_the_shape_is_that_of_the_study(tmp_path):
    first = QUESTION.format(name="a", more="", changes="x: {epochs: 3}, y: {epochs: 4}")
    second = QUESTION.format(name="b", more="reference: y, ", changes="z: {filters: [4]}")
    path = tmp_path / "by-hand.yaml"
    path.write_text(HEAD.format(seeds=5, judge="paired") + first + second, encoding="utf-8")
    shape = shape_of(load(path))
    assert (shape.ours, shape.theirs, shape.questions) == ((1, 2, 3), (0, 0, 2), (2, 1))


def test_noise_is_read_from_the_runs(tmp_path):
    noise = Noise.of(_tables(tmp_path, 1.5, changes=2))
    assert noise.usual == pytest.approx(1.5, rel=1e-4)
    # All spreads are alike, so that nothing but chance tells them apart.
    assert (noise.freedom, noise.variance) == (np.inf, pytest.approx(2.25, rel=1e-4))
    assert noise.validation == pytest.approx(2, rel=1e-4)
    assert noise.correlation == pytest.approx(1, abs=1e-6)


def test_exact_numbers(tmp_path):
    values = _values(_tables(tmp_path, 1.0))
    assert values["missed_collapse"] == pytest.approx(0.59049)
    assert values["three_times_as_wide"] == pytest.approx(stats.f.sf(9, 4, 4))
    assert values["three_times_as_wide"] == pytest.approx(0.028, abs=1e-6)


def test_one_change_is_called_false_as_often_as_its_interval_is_wrong(tmp_path):
    """Two spreads known to be alike: the pooled t, so 5 %, and the power of the noncentral t."""
    values = _values(_tables(tmp_path, 1.0))
    # Two experiments, whose spreads differ by chance alone in nearly every simulated study, are
    # raised toward one another where they do not: rather less than 5 %.
    assert 0.03 < values["false_verdict_somewhere"] < 0.055
    assert values["false_verdicts"] == values["false_verdict_somewhere"]
    assert 0 < power(1, 5, 1) - values["power_at_1"] < 0.08  # and rather less power
    assert 0 < power(2, 5, 1) - values["power_at_2"] < 0.08
    # A single change is always the first one, and gains nothing on average.
    assert values["top_gain_by_luck"] == pytest.approx(0, abs=4 * 0.01 * (2 / 5 / 8000) ** 0.5)


def test_a_paired_judge_is_simulated_in_pairs(tmp_path):
    values = _values(_tables(tmp_path, 1.0, judge="paired"))
    # The paired t of five normal differences is exact: 5 % of 2,000 studies, ± 4 standard errors.
    assert values["false_verdict_somewhere"] == pytest.approx(0.05, abs=4 * 0.0049)


def test_more_questions_are_wrong_more_often_and_their_first_is_luckier(tmp_path):
    few, many = (_values(_tables(tmp_path / str(n), 1.0, changes=n)) for n in _folders(tmp_path))
    assert many["false_verdict_somewhere"] > 2 * few["false_verdict_somewhere"]
    assert many["false_verdicts"] > 3 * few["false_verdicts"]
    assert many["top_gain_by_luck"] > few["top_gain_by_luck"] + 0.003


def _folders(tmp_path):
    for n in (1, 12):
        (tmp_path / str(n)).mkdir()
        yield n


def test_wider_runs_hide_more(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    narrow, wide = _tables(tmp_path / "a", 0.8, 3), _tables(tmp_path / "b", 3.0, 3)
    assert _values(narrow)["power_at_2"] > 0.7 > 0.3 > _values(wide)["power_at_2"]


def test_the_same_tables_give_the_same_numbers(tmp_path):
    tables = _tables(tmp_path, 1.0, changes=3)
    assert expectation_rows(tables) == expectation_rows(tables)


def test_two_seeds_give_what_is_exact_and_nothing_else(tmp_path):
    values = _values(_tables(tmp_path, 1.0, seeds=2))
    assert list(values) == ["missed_collapse", "three_times_as_wide"]
    assert values["missed_collapse"] == pytest.approx(0.81)


def test_a_study_without_runs_gives_what_is_exact(tmp_path):
    tables = _tables(tmp_path, 1.0)
    collect(tables.study, tmp_path / "nothing", tmp_path / "empty")
    assert list(_values(Tables(tables.study, tmp_path / "empty"))) == [
        "missed_collapse",
        "three_times_as_wide",
    ]


# ------------------------------------------------------------------------------- the simulations


def test_simulations_are_summed_up_by_group_and_way():
    with SIMULATIONS.open(encoding="utf-8", newline="") as file:
        settings = list(csv.DictReader(file))
    rows = {(row["group"], row["judged_by"]): row for row in simulation_rows()}
    assert len(rows) == 4 * (1 + len({row["group"] for row in settings}))
    own = [row for row in settings if (row["group"], row["judged_by"]) == ("tails", "Welch")]
    tails = rows["tails", "Welch"]
    assert (tails["settings"], tails["studies"]) == (8, sum(int(row["studies"]) for row in own))
    assert tails["coverage_least"] == min(float(row["coverage"]) for row in own)
    assert tails["false_in_study_most"] == max(float(row["false_in_study"]) for row in own)
    assert tails["coverage"] == pytest.approx(np.mean([float(row["coverage"]) for row in own]))
    assert rows["all", "judge"]["settings"] == len(settings) / 4


def test_what_the_appendix_says_of_the_simulations_is_so():
    rows = {(row["group"], row["judged_by"]): row for row in simulation_rows()}
    judge = {group: row for (group, way), row in rows.items() if way == "judge" and group != "all"}
    # More false verdicts with lopsided tails and unequal numbers of runs than anywhere else.
    wrong = sorted(judge, key=lambda group: -judge[group]["false_in_study_most"])
    assert set(wrong[:2]) == {"tails", "unequal runs"}
    assert all(judge[group]["false_in_study_most"] < 0.055 for group in wrong[2:])
    assert rows["all", "judge"]["false_in_study_most"] < rows["all", "Welch"]["false_in_study_most"]
    # The moderated t sees most, and breaks down where one experiment is unlike the others.
    assert rows["all", "limma"]["power_2"] > max(
        rows["all", way]["power_2"] for way in ("judge", "paired", "Welch")
    )
    worst = min(judge, key=lambda group: rows[group, "limma"]["coverage_least"])
    assert worst == "one unlike the others"
    assert rows["all", "paired"]["power_2"] < rows["all", "judge"]["power_2"]
    assert rows["all", "judge"]["exaggeration_1"] > 1
