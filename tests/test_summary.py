"""What was found, on one page: sentences only where something was measured, numbers by hand."""

import re

import pytest

from cnn_study.evidence.findings import Findings
from cnn_study.evidence.read import Tables
from cnn_study.evidence.results import best_of, read_results
from cnn_study.report.called import called
from cnn_study.report.summary import Summary, mean_score, summary_of
from report_by_hand import Made, unmarked

STUDY = """
title: Digits
dataset: digits
judge: two-sample
seeds: 3
smallest_effect: 0.5
base: {filters: [2, 4], kernel_size: 3, epochs: 2}
questions:
  width:
    title: Width
    question: How wide?
    hypothesis: Wide.
    changes: {wide: {filters: [4, 8]}}
  rate:
    title: Rate
    question: Which rate?
    hypothesis: A smaller one.
    changes: {slow: {learning_rate: 0.0001}}
  longer:
    title: Longer
    question: How long?
    hypothesis: Long.
    changes: {longer: {epochs: 4}}
"""
BASE = (0.50, 0.52, 0.54)


def made_of(folder, text: str = STUDY, **scores: tuple[float, ...]) -> Made:
    made = Made(folder / "made", text)
    for experiment, of_runs in scores.items():
        made.runs(experiment.replace("_", "-"), of_runs)
    return made


def first_page(made: Made) -> str:
    """What stands before the contents, as one line, with labels for experiments."""
    text = made.text().split("# What we found")[1].split("contents(")[0]
    text = re.sub(r"\[([^][]*)\]\{\.experiment [^}]*\}", r"\1", unmarked(text))
    return " ".join(text.replace("\u00a0", " ").split())


def summary(made: Made) -> Summary:
    made.collect()
    tables = Tables(made.study, made.folder / "tables")
    findings, results = Findings(made.study, made.folder / "evidence"), read_results(tables)
    return summary_of(made.study, tables, findings, results, best_of(results), None)


@pytest.mark.slow
def test_what_pays_is_what_validation_images_advise(tmp_path):
    """Twenty points more by every run, with twice as many filters."""
    page = first_page(made_of(tmp_path, base=BASE, wide=(0.70, 0.72, 0.74), slow=(0.3, 0.32, 0.34)))
    assert (
        "**What pays most.** Going from the base to base + filters 4-8 gains 20.0 percentage"
        in page
    )
    assert "This gain is that of the runs that chose, and so too high on average." in page


@pytest.mark.slow
def test_of_one_measured_change_nothing_is_called_most(tmp_path):
    page = first_page(made_of(tmp_path, base=BASE, wide=(0.70, 0.72, 0.74)))
    assert "**What pays.** Going from the base to base + filters 4-8 gains 20.0" in page
    assert "most" not in page


@pytest.mark.slow
def test_where_nothing_pays_the_measured_changes_are_counted(tmp_path):
    page = first_page(made_of(tmp_path, base=BASE, wide=(0.51, 0.52, 0.53)))
    assert "**What pays.** No change surely, so far: of the only one that was measured, the" in page


@pytest.mark.slow
def test_a_gain_that_costs_nothing_is_free(tmp_path):
    """Another rate: the same network, trained as long; twice the filters are not."""
    page = first_page(
        made_of(tmp_path, base=BASE, slow=(0.70, 0.72, 0.74), wide=(0.70, 0.72, 0.74))
    )
    assert "Free in use and in training, on the base, is rate 0.0001 (+20.0)" in page


@pytest.mark.slow
def test_what_takes_more_and_hurts_is_a_surprise(tmp_path):
    page = first_page(made_of(tmp_path, base=BASE, longer=(0.30, 0.32, 0.34)))
    assert "with 4 epochs, the base trains longer and loses 20.0 points" in page


@pytest.mark.slow
def test_a_change_that_turns_on_another_reference_is_a_surprise(tmp_path):
    text = (
        STUDY
        + """
  rate-of-wide:
    title: Rate again
    question: Which rate?
    hypothesis: The same.
    reference: wide
    changes: {wide-slow: {learning_rate: 0.0001}}
"""
    )
    made = made_of(
        tmp_path, text, base=BASE, wide=(0.5, 0.51, 0.53), slow=(0.7, 0.72, 0.74),
        wide_slow=(0.2, 0.22, 0.24),
    )  # fmt: skip
    (turned,) = summary(made).surprises.turned
    assert [change.experiment for change in turned] == ["slow", "wide-slow"]
    assert "the base gains (+20.0) and base + filters 4-8 loses (−29.3)" in first_page(made)


@pytest.mark.slow
def test_what_does_not_matter_has_its_interval_within_the_smallest_effect(tmp_path):
    """Scores that hardly differ, and twenty points as the smallest effect."""
    text = STUDY.replace("smallest_effect: 0.5", "smallest_effect: 20")
    page = first_page(made_of(tmp_path, text, base=BASE, slow=(0.501, 0.521, 0.54)))
    assert "**What did not matter.** base + rate 0.0001 (+0.1) makes no difference" in page


@pytest.mark.slow
def test_what_is_open_is_told_with_what_it_may_still_be_worth(tmp_path):
    made = made_of(tmp_path, base=BASE, slow=(0.50, 0.53, 0.54))
    found = summary(made)
    (change,) = found.closest
    assert (change.test.lower, change.test.upper) == (-0.0434012, 0.0500679)
    assert found.bound == 0.051
    assert (
        "Nearest to that comes base + rate 0.0001, but the interval reaches as far as ±5.1 points"
        in first_page(made)
    )


OPEN = """
title: Digits
dataset: digits
judge: two-sample
seeds: 3
label: {third: recipe of three}
base: {filters: [2, 4], kernel_size: 3, epochs: 2, validation_fraction: 0.2}
questions:
  rate:
    title: Rate
    question: Which rate?
    hypothesis: A smaller one.
    changes:
      last: {learning_rate: 0.0001}
      third: {learning_rate: 0.0002}
      second: {learning_rate: 0.0003}
      first: {learning_rate: 0.0004}
      decided: {learning_rate: 0.0005}
      unseen: {validation_fraction: 0}
"""
MOVED = {  # by how much test and validation scores lie over the base's
    "last": (-0.020, 0.0),
    "third": (-0.015, 0.020),
    "second": (0.010, 0.025),
    "first": (0.005, 0.030),
    "decided": (0.0, 0.2),
    "unseen": (-0.022, None),
}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("unseen", "nearest", "bound"),
    [
        (-0.022, ["first", "second", "third"], 0.061),
        (-0.012, ["first", "second", "unseen"], 0.058),
    ],
)
def test_nearest_is_what_test_images_leave_least_room(tmp_path, unseen, nearest, bound):
    """By validation images it would be the contrary order, and by these one is decided.

    All spread alike, by two points: every interval reaches 2.776445 √(4/3 + 4/3) = 4.5339 points
    to each side, so that 5.03, 5.53 and 6.03 (5.73) are left at most, the last rounded up.
    """
    made = made_of(tmp_path, OPEN, base=BASE)
    for id_, (test, validation) in (MOVED | {"unseen": (unseen, None)}).items():
        for seed, score in zip(made.study.seeds, BASE, strict=True):
            chose = None if validation is None else score + validation
            made.add(id_, seed, test=score + test, validation=chose)
    found = summary(made)
    assert [change.experiment for change in found.closest] == nearest
    assert found.bound == pytest.approx(bound, abs=1e-9)
    if "third" in nearest:
        assert (
            "Nearest to that come base + rate 0.0004, base + rate 0.0003 and the recipe of three, "
            "but the interval of each reaches as far as ±6.1 points"
        ) in first_page(made)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("base", "said"),
    [
        (BASE, "Three runs of the base, which differ in their random seed alone, lie up to 4.0 p"),
        (BASE[:2], "Two runs of the base, which differ in their random seed alone, lie 2.0 points"),
    ],
)
def test_luck_is_how_far_runs_of_the_base_lie_apart(tmp_path, base, said):
    assert said in first_page(made_of(tmp_path, base=base))


@pytest.mark.slow
def test_without_a_second_run_nothing_is_said_of_luck(tmp_path):
    page = first_page(made_of(tmp_path, base=BASE[:1]))
    assert "luck" not in page
    assert (
        "A mean of several runs with its interval, which a single run cannot give; so far the base "
        "classifies 50.0 % of the test images correctly, with one seed"
    ) in page


@pytest.mark.slow
def test_verdicts_are_counted_among_those_that_were_measured(tmp_path):
    """Of three changes two were run; one of these helps, and would among both."""
    page = first_page(
        made_of(tmp_path, base=BASE, wide=(0.70, 0.72, 0.74), slow=(0.51, 0.52, 0.54))
    )
    assert "The one verdict that a change helps stands if both changes are judged together" in page


@pytest.mark.slow
def test_the_number_to_cite_is_the_mean_of_the_best_with_its_interval(tmp_path):
    """72 % by three runs, two points apart: 4.3027 times 2 / √3 about it."""
    made = made_of(tmp_path, base=BASE, wide=(0.70, 0.72, 0.74))
    page = first_page(made)
    assert "base + filters 4-8 classifies 72.0 % (67.0–77.0) of the test images" in page
    score = mean_score(Tables(made.study, made.folder / "tables"), "wide")
    reach = 4.302653 * 0.02 / 3**0.5
    assert (score.lower, score.upper) == pytest.approx((0.72 - reach, 0.72 + reach))
    assert [str(cell) for cell in score.lower.cells] == [
        f"runs:{place}:test_accuracy" for place in (3, 4, 5)
    ]


@pytest.mark.slow
def test_of_a_base_without_a_run_nothing_is_said(tmp_path):
    made = Made(tmp_path / "made", STUDY).add("base", 1, status="diverged")
    page = first_page(made)
    assert "Nothing yet: the base has no complete run." in page
    assert "**" not in page
    assert "fig-overview" not in page


@pytest.mark.slow
def test_the_base_alone_has_a_page_without_a_picture(tmp_path):
    alone = "title: T\ndataset: digits\nseeds: 3\nbase: {epochs: 2}\n"
    page = first_page(made_of(tmp_path, alone, base=BASE))
    assert "**How much is luck.**" in page
    assert "**Which number to cite.**" in page
    assert "fig-overview" not in page
    assert "What pays" not in page


@pytest.mark.slow
def test_the_page_stands_before_the_first_chapter_and_leads_to_the_contents(tmp_path):
    text = made_of(tmp_path, base=BASE, wide=(0.70, 0.72, 0.74)).text()
    head, found, rest = re.split(r"# What we found.*|contents\(.*", text)
    assert not re.search("^# ", head.split("---\n", 2)[2], re.MULTILINE)
    assert "![" in found
    assert rest.index("# Image classification") < rest.index("# Suggestions")


def test_labels_of_the_study_file_have_an_article_within_a_sentence(tmp_path):
    labels = {"wide": "2 times", "slow": "the slow one", "longer": "theory"}
    given = "".join(f"\n  {id_}: {label}" for id_, label in labels.items())
    text = STUDY.replace("judge:", f"enhanced: longer\nlabel:{given}\njudge:")
    said = {
        id_: re.sub(r"\[(.*)\]\{.*", r"\1", text)
        for id_, text in called(made_of(tmp_path, text).study)["the"].items()
    }
    assert said == {
        "base": "the base", "wide": "2 times", "slow": "the slow one", "longer": "the theory",
    }  # fmt: skip
