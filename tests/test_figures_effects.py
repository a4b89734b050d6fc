"""Figures of differences, curves, costs, classes and selection bias: numbers worked out by hand."""

import math
import re
import shutil
from dataclasses import fields, replace
from types import SimpleNamespace

import pytest

from cnn_study.base.inference import Effect
from cnn_study.base.metrics import METRICS
from cnn_study.evidence.judged import Change
from cnn_study.evidence.results import Result, Scores
from cnn_study.figures import classes, cost, epochs, marks, selection_bias
from cnn_study.figures.draw import _pictures
from cnn_study.figures.effects import MOST_LINES, AllEffects, Effects, clip, split
from cnn_study.figures.levels import crowded, logarithmic
from cnn_study.figures.picture import TALLEST, settle
from cnn_study.figures.results import Results
from cnn_study.figures.words import (
    aligned,
    axis_label,
    mean_in_words,
    percent,
    score,
    signed,
    troubles,
)
from figures_by_hand import COMPLETE, DIVERGED, MISSING, Made

pytestmark = pytest.mark.slow

STUDY = """
title: Digits
dataset: digits
judge: paired
seeds: 3
enhanced: single
base: {filters: [2, 4], kernel_size: 5, epochs: 2}
questions:
  epochs:
    title: Epochs
    question: How long?
    hypothesis: Long.
    changes: {epochs-1: {epochs: 1}, epochs-4: {epochs: 4}}
  shapes:
    title: Shapes
    question: Which?
    hypothesis: None.
    reference: epochs-4
    changes:
      kernel-3: {kernel_size: 3}
      tanh: {activation: tanh}
      sigmoid: {activation: sigmoid}
      gelu: {activation: gelu}
      elu: {activation: elu}
  one:
    title: One
    question: Is it?
    hypothesis: It is.
    changes: {single: {dense_units: 8}}
  watching:
    title: Watching
    question: Does it?
    hypothesis: It does.
    changes: {watched: {watch_test: true, validation_fraction: 0}}
"""
SCORES = {
    "base": (0.50, 0.52, 0.54),
    "epochs-1": (0.40, 0.42, 0.44),
    "epochs-4": (0.51, 0.54, 0.57),
    "kernel-3": (0.561, 0.591, 0.622),
    "tanh": (0.5101, 0.54, 0.5699),
    "sigmoid": (0.1, 0.1, 0.1),
    "gelu": (0.5, 0.5, 0.5),
    "elu": (0.53, 0.58, 0.5),
    "single": (0.53, 0.52, 0.50),
    "watched": (0.55, 0.57, 0.59),
}
STATUSES = {
    "sigmoid": (DIVERGED, DIVERGED, DIVERGED),
    "gelu": (MISSING, MISSING, MISSING),
    "elu": (COMPLETE, COMPLETE, DIVERGED),
}
VALIDATION = {"single": (0.3, 0.3, 0.3)}
"""The other validation scores are the test scores."""


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Made:
    return Made(tmp_path_factory.mktemp("made"), STUDY, SCORES, VALIDATION, STATUSES)


@pytest.fixture(scope="module")
def plain(tmp_path_factory) -> Made:
    """A study of one question with one change, whose validation loss is lowest first."""
    text = STUDY[: STUDY.index("  epochs:\n")] + STUDY[STUDY.index("  one:") :]
    text = text[: text.index("  watching:")]
    return Made(tmp_path_factory.mktemp("plain"), text, SCORES, losses=(0.5, 0.9))


# ------------------------------------------------------------------------------- forests


def test_a_forest_says_mean_interval_number_and_verdict(made):
    """Differences 1, 2, 3: mean 2, deviation 1, half width t(0.975, 2) / sqrt(3) = 2.484."""
    alt = made.alt("epochs")
    assert alt.startswith("Epochs: forest plot of 2 differences to base in test accuracy")
    assert "1 epoch −10.00 (95 % interval −10.00 to −10.00, n = 3): hurts" in alt
    assert "4 epochs +2.00 (95 % interval −0.48 to +4.48, n = 3): too close to call." in alt


def test_a_forest_writes_them_at_the_right(made):
    words = made.words("epochs")
    assert {"−10.00  (n = 3)", "hurts", "+2.00  (n = 3)", "too close to call"} <= set(words)
    assert "Difference in test accuracy (percentage points)" in words
    assert {"One run", "Mean", "95 % interval", "Less than 0.5 points"} <= set(words)
    assert {"1 epoch", "4 epochs"} <= set(words)


def test_a_forest_has_a_dot_for_each_pair_and_nothing_else(made):
    changes = {one.experiment: one for one in made.results.changes("shapes")}
    assert changes["kernel-3"].differences == pytest.approx((0.051, 0.051, 0.052))
    assert changes["elu"].differences == pytest.approx((0.02, 0.04))
    assert changes["sigmoid"].differences == ()
    assert [one.verdict for one in changes.values()] == [
        "helps",
        "no meaningful difference",
        "does not train",
        "not run",
        "too few seeds",
    ]


def test_changes_without_pairs_say_why(made):
    words = made.words("shapes")
    assert {"does not train", "3 of 3 diverged", "not run", "1 of 3 diverged"} <= set(words)
    alt = made.alt("shapes")
    assert "sigmoid: does not train; GELU: not run; ELU +3.00" in alt


def test_a_caption_names_the_reference_and_the_runs_behind_it(made):
    """elu has two pairs, which have an interval that may be cut off."""
    caption = made.caption("shapes")
    for content in (
        "difference to base + 4 epochs",
        "n = 2 to 3 pairs",
        "base + 4 epochs + sigmoid: 3 of 3 diverged; base + 4 epochs + GELU: 3 of 3 missing;",
    ):
        assert content in caption
    assert made.values("shapes")["is_cut_off"]
    assert "cut off" in caption
    assert not made.values("epochs")["is_cut_off"]
    assert "cut off" not in made.caption("epochs")


def test_the_band_is_the_smallest_effect_of_the_study(made, tmp_path):
    wide = Made(tmp_path, "smallest_effect: 2.5\n" + STUDY, SCORES, VALIDATION, STATUSES)
    assert "Less than 2.5 points" in wide.words("epochs")


def test_a_single_change_has_no_figure_beside_that_of_its_group(plain):
    assert [id_ for id_ in _pictures(plain.study) if id_ == "one" or "group" in id_] == [
        "group-size"
    ]
    assert {"One", "Difference to the base", "enhanced"} <= set(plain.words("group-size"))


def test_numbers_stay_on_the_line_of_what_they_count(made):
    caption = made.picture("shapes").texts(made.results).caption
    assert "n\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}2 to 3 pairs" in caption


def test_seeds_lie_on_the_bar_of_their_interval_and_cover_nothing_of_it(made):
    axes = made.picture("epochs")._draw(made.results).axes[0]
    bars = [line for line in axes.lines if line.get_alpha() == marks.BAR["alpha"]]
    seeds = [line for line in axes.lines if line.get_marker() == "o"]
    assert [tuple(bar.get_xdata()) for bar in bars] == [
        pytest.approx((-10, -10)),
        pytest.approx((-0.484, 4.484), abs=0.001),
    ]
    assert all(seed.get_zorder() > bars[0].get_zorder() for seed in seeds)
    assert all(2 * seed.get_markersize() < bars[0].get_linewidth() for seed in seeds)


def test_the_forest_of_all_changes_tells_them_by_verdict(made):
    alt = made.alt("effects-all")
    assert alt.startswith("Forest plot of 9 differences in test accuracy, in percentage points.")
    assert "Helps: base + 4 epochs + kernel 3×3 +5.13, base + " in alt
    assert "Hurts: base + 1 epoch −10.00." in alt
    assert "Does not train: base + 4 epochs + sigmoid." in alt


def test_the_forest_of_all_changes_is_grouped_by_question_and_names_references(made):
    words = made.words("effects-all")
    written = ["Epochs", "Shapes", "One", "Watching"]
    places = [words.index(word) for word in written]
    assert places == sorted(places)
    assert words.count("against base") == 3
    assert words.count("against base + 4 epochs") == 1
    assert {"1 epoch", "4 epochs", "kernel 3×3", "enhanced"} <= set(words)
    assert "\N{FIGURE SPACE}+5.13  n = 3  helps" in words
    assert "−10.00  n = 3  hurts" in words
    caption = made.caption("effects-all")
    assert (
        "Without runs to compare: base + 4 epochs + sigmoid: does not train; "
        "base + 4 epochs + GELU: not run."
    ) in caption


class Many:
    """Results of questions with changes that all make one point."""

    paired = False
    study = SimpleNamespace(metric=METRICS["accuracy"])

    def __init__(self, sizes):
        self.sizes = sizes
        self.label = self.called = str

    def changes(self, question):
        effect = Effect(5, 0.01, lower=0.0, upper=0.02, verdict="helps")
        return [
            Change(
                {"question": question, "experiment": f"{question}-{n}", "reference": "base"},
                effect,
                effect,
                (0.01,) * 5,
                (),
            )
            for n in range(self.sizes[int(question)])
        ]


def test_sixty_changes_stand_on_two_pages_each_question_whole():
    sizes = [8, 1, 4, 3, 9, 1, 2, 2, 2, 3, 5, 1, 2, 2, 3, 12]
    pages = split(sizes)
    questions = tuple((str(n), f"Question {n}") for n in range(len(sizes)))
    assert [[question for question, *_ in page] for page in pages] == [
        list(range(8)),
        list(range(8, 16)),
    ]
    drawn = [
        AllEffects(questions, (), 0.5, page, (number, 2))._draw(Many(sizes))
        for number, page in enumerate(pages, start=1)
    ]
    labels = [label for figure in drawn for label in figure.axes[0].get_yticklabels()]
    assert len(labels) == sum(sizes) + len(sizes)
    assert [title for figure in drawn for title in headings(figure)] == [
        title for _, title in questions
    ]
    assert all(figure.get_figheight() <= TALLEST for figure in drawn)
    assert all(label.get_fontsize() == 7.5 for label in labels)


def test_a_page_holds_what_fits():
    assert split([43]) == [((0, 0, 43),)]
    assert split([20, 22]) == [((0, 0, 20), (1, 0, 22))]
    assert split([25, 30]) == [((0, 0, 25),), ((1, 0, 30),)]
    assert split([]) == []


def test_a_question_longer_than_a_page_goes_on_on_the_next():
    assert split([60]) == [((0, 0, 30),), ((0, 30, 60),)]
    assert split([1, 103]) == [((0, 0, 1), (1, 0, 34)), ((1, 34, 68),), ((1, 68, 103),)]
    questions = (("0", "First"), ("1", "Second"))
    picture = AllEffects(questions, (), 0.5, ((0, 30, 60), (1, 0, 1)))
    figure = picture._draw(Many([60, 1]))
    labels = figure.axes[0].get_yticklabels()
    assert headings(figure) == ["First, continued", "Second"]
    assert [label.get_text() for label in labels][1:3] == ["0-30", "0-31"]
    assert "Forest plot of 31 differences in" in picture.texts(Many([60, 1])).alt


def headings(figure) -> list[str]:
    """The titles that stand across the rows of a figure."""
    texts = figure.axes[0].texts
    return [text.get_text() for text in texts if text.get_fontweight() == "bold"]


LONG = "a-very-long-name-of-an-experiment-that-goes-on-and-on-and-"


def test_long_ids_take_no_room_since_labels_are_written(tmp_path):
    names = {id_: f"{LONG}{place:02}" for place, id_ in enumerate(SCORES) if id_ != "base"}
    text = re.sub(r"\b(epochs-\d|kernel-3|tanh|sigmoid|gelu|elu|single|watched)(?=: \{|$)",
                  lambda found: names[found[0]], STUDY, flags=re.MULTILINE)  # fmt: skip
    scores = {names.get(id_, id_): found for id_, found in SCORES.items()}
    made = Made(tmp_path, text, scores)
    assert {len(id_) for id_ in made.study.experiments} == {len("base"), 60}
    for id_ in ("effects-all", "shapes", "confusion-base-and-enhanced"):
        assert LONG[:15] not in " ".join(made.words(id_))
    shapes = made.picture("shapes")._draw(made.results)
    assert shapes.get_figheight() == pytest.approx(1.15 + 0.17 * 5 * 2)


def test_a_question_with_many_changes_fits_on_a_page():
    class Crowd(Many):
        def of(self, ids):
            return [replace(result(id_, 1, 0.01), planned=5, diverged=1) for id_ in ids]

    picture = Effects("0", "Many", ("base",), 0.5)
    assert picture._draw(Crowd([20])).get_figheight() > TALLEST - 1.5
    figure = picture._draw(Crowd([60]))
    assert figure.get_figheight() == TALLEST
    assert figure.axes[0].texts[0].get_text() == "+1.00  (n = 5)  helps  1 of 5 diverged"
    row = 72 * (TALLEST - 1.15) / 60
    assert figure.axes[0].texts[0].get_fontsize() < row


@pytest.mark.parametrize("changes", [24, 40])
def test_many_changes_with_long_labels_leave_room_for_what_is_drawn(changes):
    """Labels and notes once took all of the width: Matplotlib gave the layout up and warned."""

    class Wordy(Many):
        def of(self, ids):
            return [replace(result(id_, 1, 0.01), planned=5) for id_ in ids]

    results = Wordy([changes])
    results.label = "learning-rate-0-0003-label-smoothing-{}".format
    figure = Effects("0", "Many", ("base",), 0.5)._draw(results)
    settle(figure)
    axes = figure.axes[0]
    assert axes.get_position().width * figure.get_figwidth() * 72 > 90
    assert {label.get_text()[-2:] for label in axes.get_yticklabels()} >= {"-1", "-2"}


@pytest.mark.parametrize("sizes", [[10] * 25, [25, 43, 25], [1, 120, 1], [43] * 3, [1] * 100])
def test_no_page_is_empty_or_too_long_and_nothing_is_left_out(sizes):
    pages = split(sizes)
    assert all(pages)
    lines = [sum(1 + last - first for _, first, last in page) for page in pages]
    assert max(lines) <= MOST_LINES
    shown = [
        (question, change)
        for page in pages
        for question, first, last in page
        for change in range(first, last)
    ]
    assert shown == [(place, change) for place, size in enumerate(sizes) for change in range(size)]


def test_an_axis_ends_before_a_few_very_large_effects_only():
    def effects(*points):
        means = [mean / 100 for mean in points]
        return [Effect(3, mean, lower=mean - 0.01, upper=mean + 0.01) for mean in means]

    assert clip(effects(1, -2, 3, -4), 0.5) == 0
    assert clip(effects(1, -2, 3, -20), 0.5) == 0
    assert clip(effects(1, -2, 3, -23), 0.5) == 15
    assert clip(effects(10, 20, 30, -100), 0.5) == 45
    assert clip([Effect(0)], 0.5) == 0


def test_means_beyond_the_axis_are_said(made, tmp_path):
    scores = SCORES | {"epochs-1": (0.1, 0.12, 0.14)}
    far = Made(tmp_path, STUDY, scores, VALIDATION, STATUSES)
    assert far.values("effects-all")["beyond"]
    assert "Arrows" in far.caption("effects-all")
    assert not made.values("effects-all")["beyond"]
    assert "Arrows" not in made.caption("effects-all")
    assert "−40.00 to −40.00" in far.words("effects-all")


def test_base_and_enhanced_are_joined_by_seed(made):
    """Differences 3, 0, −4: mean −1/3, deviation 3.512, half width 8.724."""
    alt = made.alt("base-and-enhanced")
    assert "base 52.0 % (n = 3); enhanced 51.7 % (n = 3)." in alt
    assert "Difference in percentage points: −0.33 (95 % interval −9.06 to +8.39, n = 3)." in alt
    assert "−0.33  (n = 3)" in made.words("base-and-enhanced")


def test_base_and_enhanced_take_their_difference_from_the_evidence(made, tmp_path):
    """The evidence may know other runs than the tables: half of what they say here."""
    import pandas

    results = Results(made.study, made.tables, tmp_path)
    for name in ("judge", "judge-spreads"):
        shutil.copy(made.evidence / f"{name}.csv", tmp_path)
    table = pandas.read_csv(made.evidence / "over-base.csv")
    table["difference"] = table["difference"] / 2
    table.to_csv(tmp_path / "over-base.csv", index=False)
    difference, single = made.picture("base-and-enhanced")._difference(results)
    assert difference.mean == pytest.approx(-0.01 / 6, abs=1e-6)
    assert single == pytest.approx((0.03, 0, -0.04))


def test_of_independent_samples_each_run_is_set_against_the_mean_of_the_others(tmp_path):
    """single scores 3, 0 and −4 points more than base with the same seed; base's mean is 52."""
    text = STUDY.replace("judge: paired", "judge: two-sample")
    made = Made(tmp_path, text, SCORES, VALIDATION, STATUSES)
    _, single = made.picture("base-and-enhanced")._difference(made.results)
    assert single == pytest.approx([score - 0.52 for score in SCORES["single"]])
    change = made.results.findings.changes["single"]
    assert change.differences == pytest.approx(single)
    assert "thin lines" not in made.caption("base-and-enhanced")
    assert "less the mean of the reference's runs" in made.caption("epochs")
    assert "n = 3 runs of each experiment." in made.caption("epochs")


def test_base_and_enhanced_without_a_row_in_the_ledger_are_worked_out(tmp_path):
    """kernel-3 changes epochs-4; to the base it makes 6.1, 7.1 and 8.2 points."""
    text = STUDY.replace("enhanced: single", "enhanced: kernel-3")
    other = Made(tmp_path, text, SCORES, VALIDATION, STATUSES)
    assert "+7.13 (95 % interval" in other.alt("base-and-enhanced")


# ------------------------------------------------------------------------------- curves


def test_a_curve_says_mean_and_interval_at_each_value(made):
    """Scores 50, 52, 54: deviation 2, half width 2 t(0.975, 2) / sqrt(3) = 4.97."""
    alt = made.alt("epochs-curve")
    assert "1: 42.0 % (n = 3, 95 % interval 37.0 to 47.0)" in alt
    assert "2: 52.0 % (n = 3, 95 % interval 47.0 to 57.0)" in alt
    assert "4: 54.0 % (n = 3, 95 % interval 46.5 to 61.5)" in alt
    caption = made.caption("epochs-curve")
    assert "n = 3 complete runs" in caption
    assert {"Epochs", "Reference: base", "1", "2", "4"} <= set(made.words("epochs-curve"))


def test_a_curve_with_few_runs_has_gaps(tmp_path):
    statuses = {"epochs-1": (COMPLETE, MISSING, MISSING), "epochs-4": (DIVERGED,) * 3}
    gappy = Made(tmp_path, STUDY, SCORES, VALIDATION, STATUSES | statuses)
    assert "1: 40.0 % (n = 1)" in gappy.alt("epochs-curve")
    assert "4: no complete run yet" in gappy.alt("epochs-curve")
    assert "no complete run yet: 4 epochs (3 of 3 diverged)" in gappy.words("epochs-curve")


@pytest.mark.parametrize(
    "values", [[0.0003, 0.001, 0.01], [16, 32, 64, 256], [5, 10, 20], [0.1, 0.25, 0.5, 1]]
)
def test_values_whose_steps_are_more_alike_as_ratios_are_logarithmic(values):
    assert logarithmic(values)


@pytest.mark.parametrize("values", [[3, 5, 7], [2, 3, 4, 5, 6], [0, 64, 128], [0.1, 0.2, 0.3]])
def test_values_whose_steps_are_alike_as_differences_are_not(values):
    assert not logarithmic(values)


def test_values_too_near_to_each_other_are_crowded():
    assert crowded([1, 2, 100])
    assert not crowded([16, 32, 64, 256])


@pytest.mark.parametrize(
    ("parameter", "label"),
    [
        ("kernel_size", "Kernel size (pixels)"),
        ("dense_units", "Dense units"),
        ("warmup_epochs", "Warmup epochs"),
        ("learning_rate", "Learning rate"),
        ("training_fraction", "Training fraction (share)"),
    ],
)
def test_an_axis_names_a_unit_once(parameter, label):
    assert axis_label(parameter) == label


def test_loss_curves_mark_the_lowest_validation_loss(plain):
    """Each of three seeds rises by 0.4."""
    id_ = "loss-curves-base-and-enhanced"
    assert {"lowest:", "epoch 1,", "then up"} <= set(plain.words(id_))
    said = "of base in epoch 1, after which it rises again; of enhanced in"
    assert said in plain.caption(id_)
    assert "validation loss is lowest in epoch 1, after which it rises again" in plain.alt(id_)


def test_loss_curves_say_where_a_rise_may_be_chance(plain, tmp_path):
    """Losses 0.5, 0.52, 0.5 and then 0.51, 0.5, 0.57."""
    import pandas

    same = Made(tmp_path, plain.text, SCORES, losses=(0.5, 0.9))
    table = pandas.read_csv(same.tables / "epochs.csv")
    pairs = {(1, 1): 0.5, (2, 1): 0.52, (3, 1): 0.5, (1, 2): 0.51, (2, 2): 0.5, (3, 2): 0.57}
    keys = zip(table["seed"], table["epoch"], strict=True)
    table["validation_loss"] = [pairs.get(key) for key in keys]
    table.to_csv(same.tables / "epochs.csv", index=False)
    expected = "of base in epoch 1, after which nothing goes beyond the spread of the seeds"
    assert expected in same.caption("loss-curves-base-and-enhanced")
    assert "then up" not in same.words("loss-curves-base-and-enhanced")


def test_a_run_with_a_loss_missing_in_one_epoch_turns_nothing(plain, tmp_path):
    """Losses 0.51, 0.52, 0.53 and then 0.91, none, 0.93: seeds 1 and 3 are left."""
    import pandas

    lacking = Made(tmp_path, plain.text, SCORES, losses=(0.5, 0.9))
    table = pandas.read_csv(lacking.tables / "epochs.csv")
    table.loc[(table["seed"] == 2) & (table["epoch"] == 2), "validation_loss"] = None
    table.to_csv(lacking.tables / "epochs.csv", index=False)
    losses = epochs._validation_losses(lacking.results, "base")
    assert losses == [pytest.approx([0.51, 0.91]), pytest.approx([0.53, 0.93])]
    assert "validation loss goes from 0.52 to 0.92" in lacking.alt("loss-curves-base-and-enhanced")
    assert "epoch 1" in lacking.words("loss-curves-base-and-enhanced")


def test_curves_of_accuracy_mark_no_loss(plain):
    id_ = "learning-curves-base-and-enhanced"
    assert "loss" not in " ".join([*plain.words(id_), plain.caption(id_), plain.alt(id_)])


def test_loss_curves_say_where_the_last_epoch_is_the_lowest(made):
    assert "epoch 2" in made.words("loss-curves-base-and-enhanced")
    caption = made.caption("loss-curves-base-and-enhanced")
    assert "of base in the last epoch, 2;" in caption


def test_without_held_out_images_nothing_is_marked(tmp_path):
    text = STUDY.replace("epochs: 2}", "epochs: 2, validation_fraction: 0}").replace(
        "watch_test: true, validation_fraction: 0", "watch_test: true"
    )
    bare = Made(tmp_path, text, SCORES, VALIDATION, STATUSES)
    path = bare.tables / "epochs.csv"
    import pandas

    table = pandas.read_csv(path).assign(validation_loss=math.nan, validation_accuracy=math.nan)
    table.to_csv(path, index=False)
    assert "lowest" not in bare.caption("loss-curves-base-and-enhanced")
    assert "Training" in bare.words("loss-curves-base-and-enhanced")
    assert "Validation" not in bare.words("loss-curves-base-and-enhanced")


def test_loss_curves_say_losses(plain):
    """Training loss is 1 / epoch; validation loss 0.5, then 0.9, and 0.02 more on average."""
    alt = plain.alt("loss-curves-base-and-enhanced")
    assert "base, epoch 1 to 2: training loss goes from 1.00 to 0.50" in alt
    assert "validation loss goes from 0.52 to 0.92" in alt
    assert "Loss (nats)" in plain.words("loss-curves-base-and-enhanced")


# ------------------------------------------------------------------------------- cost


def result(
    id_: str, macs: int, validation: float | None, complete: int = 3, seconds: float | None = 10.0
) -> Result:
    """Sum up runs with this validation accuracy, a test accuracy of 50 % and an error of 5."""
    scores = Scores(complete, validation, 0.0, validation, validation)
    tests, errors = Scores(complete, 0.5, 0.01, 0.49, 0.51), Scores(complete, 0.05, 0.0, 0.04, 0.06)
    known = {"id": id_, "planned": 3, "complete": complete, "missing": 3 - complete, "macs": macs}
    known |= {"test": tests, "validation": scores, "calibration": errors, "seconds": seconds}
    known |= {"parameters": 1000 - macs, "diverged": 0, "failed": 0}
    return Result(**dict.fromkeys(field.name for field in fields(Result)) | known)


def test_the_front_holds_what_no_other_makes_needless():
    results = [
        result("dear", 400, 0.7),
        result("good", 200, 0.7),
        result("cheap", 100, 0.6),
        result("as cheap and worse", 100, 0.59),
        result("dearer and worse", 300, 0.65),
        result("best", 500, 0.71),
        result("without validation", 50, None),
        result("without runs", 10, 0.99, complete=0),
    ]
    assert cost.front(results) == ["cheap", "good", "best"]
    assert cost.front(reversed(results)) == ["cheap", "good", "best"]
    assert cost.front(results, "parameters") == ["best"]


def test_what_has_no_cost_is_on_no_front():
    timed = [result("timed", 100, 0.6), result("not", 100, 0.61, seconds=None)]
    assert cost.front(timed, "seconds") == ["timed"]
    assert cost.front(timed) == ["not"]


def test_equals_are_both_on_the_front():
    assert cost.front([result("a", 100, 0.6), result("b", 100, 0.6)]) == ["a", "b"]
    assert cost.front([]) == []


def test_the_front_is_drawn_where_it_was_chosen_and_never_falls(made):
    """Test accuracy of single is 51.7, validation accuracy 30.0, and it costs least."""
    points = made.picture("accuracy-and-cost")._front_points(made.results, "macs")
    assert [score for _, score in points] == pytest.approx([30.0, 59.1333])
    corners = cost._steps([(1, 30.0), (2, 59.0), (4, 60.0)])
    assert corners == [(1, 30.0), (2, 30.0), (2, 59.0), (4, 59.0), (4, 60.0)]
    assert "Validation accuracy (%)" in made.words("accuracy-and-cost")


def test_each_cost_has_its_own_front(tmp_path):
    """tanh is quickest; kernel-3 is best, and takes longest."""
    seconds = {"tanh": 5.0, "elu": 20.0, "kernel-3": 15.0}
    timed = Made(tmp_path, STUDY, SCORES, VALIDATION, STATUSES, seconds=seconds)
    alt = timed.alt("accuracy-and-cost")
    assert "by MACs enhanced and base + 4 epochs + kernel 3×3;" in alt
    assert "by training time base + 4 epochs + tanh and base + 4 epochs + kernel 3×3." in alt
    words = timed.words("accuracy-and-cost")
    assert {*cost.COSTS.values(), "Pareto front"} <= set(words)
    assert words.count("base + 4 epochs + kernel 3×3") == 3
    assert "is processor time." in timed.caption("accuracy-and-cost")


def test_cost_leaves_out_what_learns_from_other_images(made):
    """watched holds no images out."""
    assert "watched" not in made.picture("accuracy-and-cost").experiments
    assert "watched" not in " ".join(made.words("accuracy-and-cost"))
    assert "Left out: 1 experiment trained on another number of images." in made.caption(
        "accuracy-and-cost"
    )


def test_cost_without_validation_images_says_so(tmp_path):
    text = STUDY.replace("epochs: 2}", "epochs: 2, validation_fraction: 0}")
    bare = Made(tmp_path, text, SCORES, statuses=STATUSES)
    assert bare.words("accuracy-and-cost") == ["no validation accuracy"]
    assert "Left out: 8 experiments without validation accuracy." in bare.caption(
        "accuracy-and-cost"
    )


def test_of_many_experiments_only_the_marked_ones_are_named(made, monkeypatch):
    monkeypatch.setattr(cost, "MOST_LABELS", 3)
    words = made.words("accuracy-and-cost")
    named = [id_ for id_ in made.study.experiments if made.study.full_label(id_) in words]
    assert {"base", "kernel-3", "single"} <= set(named)
    assert "tanh" not in named
    assert "tanh" not in made.alt("accuracy-and-cost")


def test_what_lies_far_below_the_named_ones_is_said(tmp_path, monkeypatch):
    """Named means are 52.0, 54.0 and 59.1: the axes end at 52 − 7.1 / 2 = 48.4."""
    monkeypatch.setattr(cost, "MOST_LABELS", 3)
    equal = {"single": (0.54, 0.54, 0.54)}
    far = Made(tmp_path, STUDY, SCORES, equal, STATUSES)
    assert "Arrows: below the axis (base + 1 epoch 42.0 %)." in far.caption("accuracy-and-cost")
    assert far.words("accuracy-and-cost")


# ------------------------------------------------------------------------------- classes


def test_class_effects_say_worst_best_and_what_is_sure(made):
    """All runs but the base's recognize 4 points more of class 0 than their score says."""
    alt = made.alt("class-effects")
    assert "base + 1 epoch from −10.0 (1) to −6.0 (0), decided for 0, 1" in alt
    assert "base + 4 epochs from +2.0 (1) to +6.0 (0);" in alt


def test_class_effects_write_every_number_and_mark_the_sure_ones(made):
    words = made.words("class-effects")
    assert words.count("−10.0•") == 9
    assert words.count("−6.0•") == 1
    assert words.count("+2.0") == 9
    assert words.count("+6.0") == 1
    assert {"base + 1 epoch", "enhanced", "Class", "0", "9"} <= set(words)
    assert "sigmoid" not in " ".join(words)


def test_of_many_changes_the_largest_have_a_row(made, monkeypatch):
    monkeypatch.setattr(classes, "MOST_CHANGES", 2)
    words = made.words("class-effects")
    shown = [id_ for id_ in made.study.experiments if made.study.full_label(id_) in words]
    assert shown == ["epochs-1", "kernel-3"]
    assert "Of 7 changes, the 2 " in made.caption("class-effects")
    assert made.picture("class-effects").shown(made.results) == (
        "base",
        "epochs-1",
        "epochs-4",
        "kernel-3",
    )


def test_class_effects_say_how_many_seeds(made):
    caption = made.caption("class-effects")
    assert "n = 2 to 3 pairs" in caption


def test_forty_changes_fit_on_a_page(made):
    picture = made.picture("class-effects")
    cells = {
        f"change-{n}": dict.fromkeys("0123456789", Effect(3, 0.01, verdict="helps"))
        for n in range(40)
    }

    class Forty(type(picture)):
        def _cells(self, results):
            return cells

    figure = Forty(*(getattr(picture, name) for name in picture.__dataclass_fields__))._draw(
        SimpleNamespace(called=str)
    )
    assert figure.get_figheight() == TALLEST - 1  # the caption is long
    assert len(figure.axes[0].get_yticklabels()) == 40


def without_class(tmp_path) -> Made:
    """A study whose test images hold none of class 3."""
    import pandas

    from cnn_study.evidence.analyse import analyse

    lacking = Made(tmp_path, STUDY, SCORES, VALIDATION, STATUSES)
    for name, column, counts in (
        ("classes", "class", ["images", "correct"]),
        ("confusion", "true_class", ["images"]),
    ):
        path = lacking.tables / f"{name}.csv"
        table = pandas.read_csv(path, dtype={column: str})
        table.loc[table[column] == "3", counts] = 0
        table.to_csv(path, index=False)
    analyse(lacking.study, lacking.tables, lacking.evidence)
    return lacking


def test_a_class_without_test_images_leaves_a_gap(tmp_path):
    lacking = without_class(tmp_path)
    assert "3" not in lacking.results.recalls("base")
    axes = lacking.picture("classes-base-and-enhanced")._draw(lacking.results).axes[0]
    assert len(axes.patches) == 2 * 9
    assert lacking.values("classes-base-and-enhanced")["lacking"] == ["3"]
    assert "without bars" in lacking.caption("classes-base-and-enhanced")
    shares = lacking.picture("confusion-base-and-enhanced")._shares(lacking.results, "base")
    assert shares.loc["3"].isna().all()
    assert shares.loc["0", "0"] == 100
    assert "No test images: 3." in lacking.caption("confusion-base-and-enhanced")
    assert "correct from 90 % (1) to 100 % (0)" in lacking.alt("confusion-base-and-enhanced")
    assert "nan" not in " ".join(lacking.words("class-effects")).lower()
    for id_ in ("class-effects", "classes-base-and-enhanced", "confusion-base-and-enhanced"):
        assert "nan" not in lacking.alt(id_)


def test_dots_at_the_end_of_the_axis_are_whole(made):
    axes = made.picture("classes-base-and-enhanced")._draw(made.results).axes[0]
    assert axes.get_xlim() == (0, 101.5)


def test_many_classes_leave_only_the_marks(made, monkeypatch):
    monkeypatch.setattr(classes, "MOST_CLASSES_WITH_NUMBERS", 9)
    words = made.words("class-effects")
    assert "•" in words
    assert "+2.0" not in words


# ------------------------------------------------------------------------------- selection bias


LUCKY = STUDY.replace("changes: {watched", "changes: {again: {watch_test: true}, watched")


@pytest.fixture(scope="module")
def lucky(tmp_path_factory) -> Made:
    """The same with an experiment whose best epoch is another one for each seed."""
    import pandas

    from cnn_study.evidence.analyse import analyse

    made = Made(
        tmp_path_factory.mktemp("lucky"), LUCKY, SCORES | {"again": (0.5, 0.5, 0.5)},
        VALIDATION, STATUSES,
    )  # fmt: skip
    path = made.tables / "epochs.csv"
    table = pandas.read_csv(path)
    watched = {(1, 1): 0.6, (2, 1): 0.5, (3, 1): 0.5, (1, 2): 0.5, (2, 2): 0.7, (3, 2): 0.6}
    for (seed, epoch), accuracy in watched.items():
        own = (table["experiment"] == "again") & (table["seed"] == seed)
        table.loc[own & (table["epoch"] == epoch), "watched_test_accuracy"] = accuracy
    table.to_csv(path, index=False)
    analyse(made.study, made.tables, made.evidence)
    return made


def test_selection_bias_says_the_optimism_of_the_best_epoch(lucky):
    """60 for 50, 70 for (50 + 60) / 2 and 60 for (50 + 70) / 2: 10, 15 and 0, mean 8.33."""
    assert "base + test images watched: best epoch +8.33 (95 % interval" in lucky.alt("test-habits")
    assert {"Epoch chosen by test scores", "+8.33"} <= set(lucky.words("test-habits"))


def test_of_more_choices_than_a_page_holds_the_largest_are_drawn_in_their_order(lucky, monkeypatch):
    rows = [
        selection_bias.Row(str(mean), {"best by test": SimpleNamespace(optimism=Effect(3, mean))})
        for mean in (0.01, -0.03, 0.02)
    ]
    assert selection_bias._largest(rows) == rows
    assert "largest mean difference" not in lucky.caption("test-habits")
    monkeypatch.setattr(selection_bias, "MOST_ROWS", 2)
    assert [row.label for row in selection_bias._largest(rows)] == ["-0.03", "0.02"]
    monkeypatch.setattr(selection_bias, "MOST_ROWS", 0)
    assert "Of the others, those with the largest" in lucky.caption("test-habits")


def test_choices_that_are_the_same_for_every_seed_are_left_out(made):
    """All choose epoch 1 of watched; of base and single the validation scores choose the base."""
    always = {(bias.rule, bias.among) for bias in made.results.findings.selection_bias
              if bias.always_the_same}  # fmt: skip
    assert {("best epoch", "watched"), ("best by validation", "one")} <= always
    assert "0.00" not in made.words("test-habits")
    assert "Epoch chosen by test scores" not in made.words("test-habits")
    assert "One: best by test +1.67." in made.alt("test-habits")
    assert "Choices that are the same for every seed are left out." in made.caption("test-habits")


def test_where_every_seed_chooses_the_same_it_says_so(tmp_path):
    text = STUDY[: STUDY.index("  epochs:\n")] + STUDY[STUDY.index("  one:") :]
    scores = SCORES | {"single": (0.70, 0.71, 0.73), "watched": (0.55, 0.57, 0.59)}
    sure = Made(tmp_path, text, scores)
    assert sure.words("test-habits") == ["every seed chooses the same"]
    assert "Every seed chooses the same." in sure.caption("test-habits")
    assert "Every seed chooses the same." in sure.alt("test-habits")


def test_selection_bias_sets_choosing_by_test_beside_choosing_by_validation(lucky):
    """One of base 50, 52, 54 and single 53, 52, 50. By test: 53 − 51, 52 − 52, 54 − 51."""
    assert "One: best by test +1.67" in lucky.alt("test-habits")
    words = lucky.words("test-habits")
    assert {"+1.67", "Experiment chosen among", "One"} <= set(words)
    assert "Chosen by test scores" in words
    assert "Chosen by validation scores" not in words  # of none the seeds choose differently


def test_selection_bias_explain_both_choices_and_count_the_seeds(lucky):
    caption = lucky.caption("test-habits")
    assert "after the chosen epoch, and what the other seeds of the chosen experiment" in caption
    assert "n = 3 seeds" in caption


def test_selection_bias_explains_only_what_is_there(plain):
    assert "of the chosen experiment" in plain.caption("test-habits")
    assert "epoch" not in plain.caption("test-habits")


# ------------------------------------------------------------------------------- words


def test_aligned_numbers_are_equally_long():
    assert aligned(["+1.0", "−10.0"]) == ["\N{FIGURE SPACE}+1.0", "−10.0"]
    assert aligned([]) == []


def test_one_seed_gives_no_interval_anywhere(tmp_path):
    text = STUDY.replace("seeds: 3", "seeds: 1")
    one = Made(tmp_path, text, {id_: scores[:1] for id_, scores in SCORES.items()})
    assert "1 epoch −10.00 (n = 1): too few seeds" in one.alt("epochs")
    assert "1: 40.0 % (n = 1);" in one.alt("epochs-curve")
    assert "single −" not in one.alt("base-and-enhanced")
    assert "+3.00 (n = 1)." in one.alt("base-and-enhanced")
    for id_ in ("epochs", "epochs-curve", "effects-all", "class-effects"):
        assert one.words(id_)
        assert "nan" not in (one.caption(id_) + one.alt(id_)).lower()


def test_the_mean_of_no_run_says_so():
    assert mean_in_words(result("a", 1, 0.01)) == "50.0 % (n = 3)"
    assert mean_in_words(result("a", 1, 0.01, complete=0)) == "no complete run yet"


def test_shares_are_written_in_percent_and_in_points():
    assert [signed(share) for share in (0.015, -0.0051, 0.00004)] == ["+1.50", "−0.51", "0.00"]
    assert signed(-0.1234, 1) == "−12.3"
    assert [score(0.5842), score(0.5842, 0)] == ["58.4", "58"]
    assert math.isnan(percent(None))


def test_runs_that_are_not_complete_are_counted_by_what_became_of_them():
    three = replace(result("a", 1, 0.01, complete=2), planned=5, diverged=1, failed=1, missing=1)
    assert troubles(three) == ["1 of 5 diverged", "1 of 5 failed", "1 of 5 missing"]
    assert troubles(result("a", 1, 0.01)) == []
