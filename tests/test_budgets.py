"""What to take: only what is surely better than guessing; else why nothing is, by the runs.

Of the digits' 360 test images the largest class has 37: guessing gets 10.28 %. With z = 1.959964
Wilson's interval for 12 % of 360 begins at 9.04 %, for 14 % at 10.80 %; for 48 right ones at
10.21 %, for 49 (13.61 %) at 10.45 %.
"""

import csv
from dataclasses import replace
from pathlib import Path

import pytest

from cnn_study.data.catalog import DATASETS
from cnn_study.evidence.images import beats_guessing
from cnn_study.report.budgets import _least
from report_by_hand import PLAIN, Made, unmarked

CHANCE = 37 / 360
STUDY = PLAIN.replace("seeds: 2", "seeds: 3\nenhanced: learning-rate-1")
NONE = "**What should you take? None of these models yet.**"
SOME = "What should you take? That depends on what a model may cost in use"


def made_of(folder: Path, test: float, study: str = STUDY, **given: float) -> Made:
    """Let all runs of a study of three experiments score the same."""
    made = Made(folder / "made", study)
    for experiment in made.study.experiments:
        made.runs(experiment, (test,) * len(made.study.seeds), **given)
    return made


def said(made: Made) -> str:
    return " ".join(unmarked(made.text()).replace("\N{NO-BREAK SPACE}", " ").split())


def test_better_than_guessing_is_a_matter_of_the_test_images(tmp_path):
    study = Made(tmp_path / "made", STUDY).study
    assert study.chance == pytest.approx(CHANCE)
    assert [beats_guessing(study, mean, None) for mean in (0.09, 0.12, 0.14)] == [
        False,
        False,
        True,
    ]
    assert not beats_guessing(study, 0.14, 0.04)  # where images of one unit count as one
    assert beats_guessing(study, 0.14, 0.03)


def test_images_of_one_unit_are_one_witness(tmp_path):
    """Of 72 units 14 % are not surely more, though of 360 images they are."""
    study = Made(tmp_path / "made", STUDY).study
    units = tuple(image // 5 for image in range(360))
    grouped = replace(study, dataset=replace(study.dataset, test_units=units))
    assert not beats_guessing(grouped, 0.14, None)
    assert beats_guessing(grouped, 0.3, None)


def test_a_unit_of_two_classes_is_a_witness_of_both():
    """Units 0 and 1 have images of either class, unit 2 of the second alone."""
    grouped = replace(
        DATASETS["digits"], class_names=("well", "ill"),
        test_units=(0, 0, 1, 1, 2, 2), test_classes=(0, 1, 1, 0, 1, 1),
    )  # fmt: skip
    assert grouped.test_witnesses_for("auc") == [2, 3]
    assert grouped.test_witnesses_for("accuracy") == [3]
    assert DATASETS["digits"].test_witnesses_for("macro_f1") == [*DATASETS["digits"].test_counts]


def test_the_evidence_says_it_of_every_experiment_with_a_run(tmp_path):
    made = Made(tmp_path / "made", STUDY)
    made.runs("base", (0.12,) * 3).runs("learning-rate-1", (0.13, 0.14, 0.15)).collect()
    file = made.folder / "evidence" / "score-intervals.csv"
    rows = list(csv.DictReader(file.read_text("utf-8").splitlines()))
    assert [row["better_than_guessing"] for row in rows] == ["false", "true", ""]


def test_the_least_score_that_so_many_images_tell_from_guessing():
    assert _least(CHANCE, 360) == 49 / 360
    assert _least(0.5, 2) is None  # both right begins at 34 %


@pytest.mark.slow
def test_of_no_model_better_than_guessing_none_is_named_to_take(tmp_path):
    text = said(made_of(tmp_path, 0.12, training=0.9, validation=0.11))
    assert NONE in text
    assert SOME not in text
    assert "{#tbl-budgets}" not in text
    assert "has a mean test accuracy of 12.0 %" in text
    assert "guessing gets 10.3 %. On 360 test images only 13.6 % or more is surely better." in text
    assert "**Nothing to take home yet.** No model is surely better than guessing" in text
    assert "None of these networks is surely better than guessing" in text
    assert "**In short.** No model is surely better than guessing yet" in text
    assert "No model is surely better than guessing yet: @sec-suggestions says" in text


@pytest.mark.slow
def test_what_is_learned_by_heart_asks_for_images(tmp_path):
    text = said(made_of(tmp_path, 0.12, training=0.9, validation=0.11))
    assert "it gets 90.0 % right in the last epoch, of those held out 11.0 %." in text
    assert "- Add images, of the smallest class first." in text
    assert "what it has learned holds for the training images only." in text
    assert "it has not learned yet" not in text


@pytest.mark.slow
def test_what_does_not_learn_its_own_images_asks_for_training(tmp_path):
    text = said(made_of(tmp_path, 0.12, training=0.1, validation=0.11))
    assert "no more right than by guessing (10.0 % in the last epoch): it has not learned" in text
    assert "- Train for longer (`epochs`)" in text
    assert "it has hardly learned anything yet, so that nothing can be said of overfitting" in text
    assert "Add images" not in text


@pytest.mark.slow
@pytest.mark.parametrize(
    ("validation", "why"),
    [
        (0.14, "So training works. Whether what is learned holds for other images, the 360 test"),
        (0.18, "and what is learned holds for images held out: the 360 test images are too few"),
    ],
)
def test_what_is_no_worse_on_images_held_out_asks_for_test_images(tmp_path, validation, why):
    """Of 144 held out 14 % (9.3 to 20.6 %) hold 10.28 % and 16 %; 18 % begin at 12.6."""
    text = said(made_of(tmp_path, 0.12, training=0.16, validation=validation))
    assert (
        f"it gets 16.0 % right in the last epoch, of those held out {100 * validation:.1f} %."
        in text
    )
    assert why in text
    assert "- Add images; to the test part above all." in text
    assert "these very images alone" not in text


@pytest.mark.slow
def test_images_that_count_once_a_set_are_asked_of_further_sets(tmp_path, monkeypatch):
    """Wilson's interval for one of five begins at 3.6 %, for two at 11.8 %; guessing: 10.3 %."""
    grouped = replace(DATASETS["digits"], test_units=tuple(image // 72 for image in range(360)))
    monkeypatch.setitem(DATASETS, "digits", grouped)
    text = said(made_of(tmp_path, 0.12, training=0.16, validation=0.14))
    assert (
        "On 360 test images, which are no more than five sets of one or several and count as so "
        "many, only 40.0 % or more is surely better." in text
    )
    assert "- Add images of further groups, since those of one count as one; to the test" in text


@pytest.mark.slow
@pytest.mark.parametrize(("epochs", "short"), [(1, True), (2, False)])
def test_training_is_called_short_where_its_loss_was_lowest_last(tmp_path, epochs, short):
    """All epochs have one loss, so that of two the first is the lowest."""
    study = STUDY.replace("epochs: 2", f"epochs: {epochs}")
    text = said(made_of(tmp_path, 0.12, study, training=0.1, validation=0.11))
    assert ("training was short" in text) is short
    assert ("training for longer would hardly mend it alone" in text) is not short


@pytest.mark.slow
def test_where_some_model_is_better_it_is_offered(tmp_path):
    text = said(made_of(tmp_path, 0.14))
    assert SOME in text
    assert "{#tbl-budgets}" in text
    assert NONE not in text
    assert "surely better than guessing" not in text


DEARER = (
    STUDY.replace("enhanced: learning-rate-1", "enhanced: wide")
    + """
  width:
    title: Width
    question: How wide?
    hypothesis: Wide.
    changes: {wide: {filters: [4, 8]}}
"""
)


@pytest.mark.slow
def test_at_a_price_where_no_model_is_better_none_is_offered(tmp_path):
    made = Made(tmp_path / "made", DEARER)
    for id_ in ("base", "learning-rate-1", "learning-rate-2"):
        made.runs(id_, (0.12,) * 3)
    text = said(made.runs("wide", (0.6,) * 3))
    assert "| As cheap as the enhanced model | enhanced | 60.00 |" in text
    assert "As cheap as the base: none. What the validation images put first there is not" in text
    assert "Nothing to take home yet" not in text
