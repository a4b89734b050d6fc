"""Sentences that hold of some runs and not of others: each stands only where it does.

Of the digits' 1,437 training images 144 are held out; guessing gets 10.28 % of the 360 test
images right.
"""

import math
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

import records_by_hand
from cnn_study.data.catalog import DATASETS
from cnn_study.report import filters
from cnn_study.report.inspected import _apart, _beside_chance
from report_by_hand import PLAIN, Made, unmarked

ENHANCED = PLAIN.replace("seeds: 2", "seeds: 3\nenhanced: learning-rate-2")
ALONE = "title: T\ndataset: digits\nseeds: 1\nbase: {filters: [2, 4], epochs: 1}\n"


def made_of(folder: Path, text: str, **given: float) -> Made:
    """Let all runs of a study score the same; `test` is a half unless it is given."""
    made = Made(folder / "made", text)
    test = given.pop("test", 0.5)
    for experiment in made.study.experiments:
        made.runs(experiment, (test,) * len(made.study.seeds), **given)
    return made


def said(made: Made) -> str:
    return " ".join(unmarked(made.text()).replace("\N{NO-BREAK SPACE}", " ").split())


# ------------------------------------------------------------------------------- learning


@pytest.mark.slow
@pytest.mark.parametrize(
    ("training", "validation", "expected"),
    [
        (0.9, 0.6, "30.00 percentage points more: it overfits"),
        (0.62, 0.6, "2.00 percentage points more, which the choice of 144 validation images may"),
        (1.0, 1.0, "so there is no sign of overfitting. "),
        (0.13, 0.11, "it has learned little yet, too little to say whether it overfits."),
    ],
)
def test_overfitting_is_said_of_what_has_learned_something(
    tmp_path, training, validation, expected
):
    """Wilson's interval for 60 % of 144 ends at 67.7 %."""
    text = said(made_of(tmp_path, PLAIN, test=0.3, training=training, validation=validation))
    assert expected in text
    assert ("it overfits, since" in text) is expected.endswith(": it overfits")


@pytest.mark.parametrize(
    ("validation", "expected"),
    [
        (
            0.6,
            "more, which the choice of 144 validation images, which are twelve sets of one or "
            "several and count as so many, may account for: there is no sure sign of overfitting",
        ),
        (0.5, "30.00 percentage points more: it overfits"),
        (0.2, "That is not surely more than guessing (10.28 %)"),
    ],
)
def test_images_held_out_that_come_in_sets_count_once_a_set(
    tmp_path, monkeypatch, validation, expected
):
    """Wilson's interval for 60 % of 144 ends at 67.6 %, of 12 at 81.8 %; for 50 % of 12 at 74.6 %.

    For 20 % of 144 it begins at 14.3 %, of 12 at 6.3 %.
    """
    units = (12,) * 119 + (9,)
    monkeypatch.setitem(DATASETS, "digits", replace(DATASETS["digits"], units=units))
    text = said(made_of(tmp_path, PLAIN, test=0.5, training=0.8, validation=validation))
    assert expected in text


def test_sets_of_images_held_out_are_counted_as_they_are_dealt():
    """Of 3, 1, 2 and 1 images in a unit, the first two units hold four, the first three six."""
    grouped = replace(DATASETS["digits"], units=(3, 1, 2, 1), test_units=(0, 0, 1, 0, 2))
    assert [grouped.validation_witnesses(count) for count in (0, 3, 4, 6, 7)] == [0, 1, 2, 3, 4]
    assert DATASETS["digits"].validation_witnesses(144) == 144
    assert [grouped.witnesses_among(count) for count in (1, 2, 4, 5)] == [1, 1, 2, 3]
    assert DATASETS["digits"].witnesses_among(88) == 88


def test_a_baseline_is_set_beside_chance_by_independent_images():
    """Wilson's interval for 18 % of 360 begins at 14.4 %, of 20 at 6.9 %; guessing: 10.28 %."""
    baseline = SimpleNamespace(test_accuracy=0.18)
    said = {witnesses: _beside_chance(37 / 360, witnesses, baseline) for witnesses in (360, 20)}
    assert said == {360: "more than guessing", 20: "hardly more than guessing"}


@pytest.mark.slow
def test_the_enhanced_model_overfits_more_where_the_evidence_says_so(tmp_path):
    made = Made(tmp_path / "made", ENHANCED)
    for id_, training in (("base", 0.7), ("learning-rate-1", 0.7), ("learning-rate-2", 0.9)):
        made.runs(id_, (0.6,) * 3, training=training)
    assert "The enhanced model overfits more" in said(made)
    made = Made(tmp_path / "guessing", ENHANCED)
    for id_, training in (("base", 0.7), ("learning-rate-1", 0.7), ("learning-rate-2", 0.9)):
        made.runs(id_, (0.11,) * 3, training=training)
    assert "The enhanced model overfits more" not in said(made)


@pytest.mark.slow
def test_runs_that_never_learned_are_told_in_one_sentence(tmp_path):
    made = Made(tmp_path / "made", PLAIN)
    made.runs("base", (0.5, 0.5))
    for id_ in ("learning-rate-1", "learning-rate-2"):
        for seed in made.study.seeds:
            record = records_by_hand.make(made.study, id_, seed, test=0.1, validation=0.1)
            stuck = {"training_loss": math.log(10), "training_accuracy": 0.1}
            epochs = [epoch.model_copy(update=stuck) for epoch in record.epochs]
            record = record.model_copy(update={"epochs": epochs})
            records_by_hand.write(made.study, made.folder, record)
    text = said(made)
    sentence = (
        "**Never learned:** 2 of 2 runs of rate 0.1 and 2 of 2 runs of rate 0.01; their training "
        "loss stays near 2.30, that of guessing."
    )
    assert text.count(sentence) == text.count("**Never learned:**") == 2  # group and dossier


@pytest.mark.slow
def test_of_one_epoch_nothing_is_said_to_rise_or_fall(tmp_path):
    text = said(made_of(tmp_path, ENHANCED.replace("epochs: 2", "epochs: 1"), validation=0.6))
    assert "After its only epoch it classifies 60.00 % of the validation images correctly." in text
    assert "Whether training for longer would raise this has to be tried." in text
    assert "The validation loss of the" not in text
    assert " % after the last" not in text


@pytest.mark.slow
def test_of_usual_runs_the_usual_is_said(tmp_path):
    """Ten seconds on the clock, eight of a processor; all runs get half of the images right."""
    text = said(made_of(tmp_path, ENHANCED))
    assert "The verdict of @sec-question-rate, corrected for the two changes that it asks" in text
    assert "- **Few runs.** The spread between three seeds" in text
    assert "- **Shared references.**" in text
    assert "Many questions" not in text  # there is one
    assert "That is processor time, as everywhere" in text
    for absent in ("By the reckoning", "On the clock trainings took", "It confuses no classes",
                   "Nothing can, as far as these images tell"):  # fmt: skip
        assert absent not in text


# ------------------------------------------------------------------------------- all right


@pytest.mark.slow
def test_where_the_base_gets_all_right_no_change_is_said_to_fail(tmp_path):
    text = said(made_of(tmp_path, PLAIN, test=1.0, validation=1.0, training=1.0))
    assert "**What pays.** Nothing can, as far as these images tell: the base gets all of" in text
    assert "The base gets all validation images right, so that no change can be seen to" in text
    assert "It confuses no classes" in text
    assert "@fig-confusion-base-and-enhanced shows which classes the base confuses" not in text
    assert "the base gets every test image right, so that none can show a gain" in text


# ------------------------------------------------------------------------------- one of something


@pytest.mark.slow
def test_the_base_alone_with_one_seed_reads_true(tmp_path):
    text = said(made_of(tmp_path, ALONE))
    assert "trained with one seed alone, and one experiment makes one run." in text
    assert "- **One run.** With a single seed nothing is known of how far runs lie apart" in text
    for absent in ("Few runs", "Many questions", "Shared references", "Asked in turn",
                   "One change at a time", "Choosing favours luck", "price of an"):  # fmt: skip
        assert absent not in text


@pytest.mark.slow
def test_two_seeds_that_leave_all_open_have_no_interval_to_cite(tmp_path):
    """12.7 times 20 / √2 points, half of their distance: all that there can be."""
    made = Made(tmp_path / "made", PLAIN).runs("base", (0.3, 0.7))
    text = said(made)
    assert "over two seeds, which so few leave wholly open" in text
    assert "(0.0–100.0)" not in text


@pytest.mark.slow
def test_unreliable_changes_did_reach_their_end(tmp_path):
    made = Made(tmp_path / "made", ENHANCED)
    made.runs("base", (0.5, 0.52, 0.51)).runs("learning-rate-1", (0.1, 0.5, 0.52))
    text = said(made.runs("learning-rate-2", (0.5, 0.52, 0.51)))
    assert "unreliable, since some runs do hardly better than guessing" in text
    assert "did not reach the end" not in text


# ------------------------------------------------------------------------------- time


@pytest.mark.parametrize(
    ("ends", "text"), [((1.71, 1.74), "1.7"), ((1.7, 2.4), "1.7 to 2.4"), ((12.2, 12.4), "12")]
)
def test_seconds_that_are_written_alike_are_written_once(ends, text):
    assert filters.seconds_between(ends) == text


@pytest.mark.slow
def test_trainings_that_take_as_long_are_not_set_apart(tmp_path):
    made = Made(tmp_path / "made", PLAIN)
    for id_, seconds in (("base", 8.01), ("learning-rate-1", 8.02), ("learning-rate-2", 8.03)):
        made.runs(id_, (0.5, 0.6), training_cpu_seconds=seconds)
    text = said(made)
    assert "A training takes 8.0 seconds on average, whichever the experiment." in text
    assert "8.0 seconds (" not in text


@pytest.mark.slow
@pytest.mark.parametrize(("seconds", "told"), [(12.0, "1.5"), (115.0, "14.4")])
def test_waits_are_told_beside_processor_time_where_they_are_long(tmp_path, seconds, told):
    """Eight seconds of processor time each."""
    text = said(made_of(tmp_path, PLAIN, training_seconds=seconds))
    assert f"**On the clock trainings took {told} times as long here**" in text


# ------------------------------------------------------------------------------- features


@pytest.mark.parametrize(
    ("pixels", "networks", "said"),
    [
        (0.28, [0.47, 0.56], "networks"),
        (0.55, [0.64], "both"),  # of 88, 64 % may be 54 %
        (0.44, [0.36, 0.22], "nothing"),  # of 36, where a third is chance
        (0.9, [0.5], "pixels"),
        (1.0, [1.0, 1.0], "both"),
    ],
)
def test_what_lays_classes_apart_is_held_against_chance(pixels, networks, said):
    images = {0.28: 2000, 0.55: 88}.get(pixels, 36)
    assert _apart(pixels, networks, 1 / 3 if images == 36 else 0.1, images) == said
