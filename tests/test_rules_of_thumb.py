"""Rules of thumb, held against changes by the verdicts on these."""

import pytest

from cnn_study.evidence.findings import Findings
from cnn_study.report.rules_of_thumb import RULES, checked, held
from cnn_study.study.settings import Settings
from report_by_hand import PLAIN, Made

CHANGES = """
  sizes:
    title: Sizes
    question: Which?
    hypothesis: One of them.
    changes:
      small: {kernel_size: 1}
      large: {kernel_size: 5}
      small-and-wide: {kernel_size: 1, filters: [4, 8]}
      without: {padding: valid}
"""


@pytest.mark.parametrize(
    ("promised", "verdicts", "said"),
    [
        ("helps", ["helps", "helps"], "yes"),
        ("helps", ["helps", "too close to call"], "yes, so far"),
        ("helps", ["too close to call", "unreliable", "too few seeds"], "open"),
        ("helps", ["no meaningful difference"], "no"),
        ("helps", ["hurts", "no meaningful difference"], "no"),
        ("hurts", ["hurts", "helps"], "in part"),
        ("hurts", ["hurts"], "yes"),
        ("hurts", ["helps", "unreliable"], "no, so far"),
        ("hurts", [], "open"),
    ],
)
def test_a_rule_holds_by_the_verdicts_that_decide(promised, verdicts, said):
    assert held(promised, verdicts) == said


@pytest.mark.parametrize(
    ("before", "after", "less", "more"),
    [
        (7, 3, True, False),
        (3, 3, False, False),
        (3, [3, 5, 3], False, True),
        ([3, 5, 3], 3, True, False),
        ([3, 5, 3], [5, 3, 3], False, False),  # one is larger, one smaller
        ([3, 5, 5], [3, 3, 5], True, False),
    ],
)
def test_of_several_numbers_none_may_go_the_other_way(before, after, less, more):
    small = next(rule for rule in RULES if rule.setting == "kernel_size")
    large = next(rule for rule in RULES if rule.setting == "epochs")
    assert (small.fits(before, after), large.fits(before, after)) == (less, more)


def test_every_rule_is_about_a_setting_that_there_is():
    assert {rule.setting for rule in RULES} <= set(Settings.model_fields)
    assert {rule.promises for rule in RULES} == {"helps", "hurts"}


def rules(made: Made):
    made.collect()
    checks = checked(made.study, Findings(made.study, made.folder / "evidence"))
    return {
        check.says.removesuffix("."): ([change.experiment for change in check.changes], check.held)
        for check in checks
    }


def test_changes_are_matched_that_set_what_the_rule_speaks_of_and_nothing_else(tmp_path):
    made = Made(tmp_path, (PLAIN + CHANGES).replace("seeds: 2", "seeds: 3"))
    spread = (0.0, 0.002, 0.001)
    means = {"base": 0.5, "small": 0.6, "large": 0.7, "small-and-wide": 0.8, "without": 0.4,
             "learning-rate-1": 0.3, "learning-rate-2": 0.6}  # fmt: skip
    for id_, mean in means.items():
        made.runs(id_, tuple(mean + more for more in spread))
    # "large" is a larger kernel and no smaller one; two settings at once tell of no rule.
    assert rules(made) == {
        "Small kernels rather than large ones": (["small"], "yes"),
        "Pad, so that the border is not lost": (["without"], "yes"),
        "Adam's usual learning rate will do": (["learning-rate-1", "learning-rate-2"], "in part"),
    }


def test_without_runs_no_rule_is_told(tmp_path):
    assert rules(Made(tmp_path, PLAIN).runs("base", (0.5, 0.6))) == {}
