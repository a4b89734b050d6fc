"""The scores that a study may go by, held against hand-computed ones and scikit-learn's."""

import numpy as np
import pytest
from scipy.stats import rankdata
from sklearn import metrics as theirs

from cnn_study.base.metrics import (
    METRICS,
    Tally,
    auc,
    by_classes,
    chance,
    collapse_below,
    collapsed,
    images_like,
    ranks,
)
from cnn_study.data.catalog import DATASETS

NINE_TO_ONE = [90, 10]


def test_metrics_of_a_confusion_worked_out_by_hand():
    tally = Tally.of_confusion([[80, 10], [4, 6]])
    assert (tally.right, tally.predicted, tally.actual) == ([80, 6], [84, 16], [90, 10])
    assert by_classes("accuracy", tally) == pytest.approx(0.86)
    assert by_classes("balanced_accuracy", tally) == pytest.approx((80 / 90 + 6 / 10) / 2)
    assert by_classes("macro_f1", tally) == pytest.approx((160 / 174 + 12 / 26) / 2)
    with pytest.raises(ValueError, match="auc does not follow"):
        by_classes("auc", tally)


def test_metrics_agree_with_scikit_learn_on_three_hundred_classes():
    generator = np.random.default_rng(4)
    labels = np.concatenate([np.arange(300), generator.integers(0, 300, 2000)]).astype("uint16")
    answers = np.where(
        generator.random(len(labels)) < 0.6, labels, generator.integers(0, 300, len(labels))
    ).astype("uint16")
    tally = Tally.of(labels, answers, 300)
    assert by_classes("accuracy", tally) == pytest.approx(theirs.accuracy_score(labels, answers))
    balanced = theirs.balanced_accuracy_score(labels, answers)
    assert by_classes("balanced_accuracy", tally) == pytest.approx(balanced)
    f1 = theirs.f1_score(labels, answers, average="macro", zero_division=0)
    assert by_classes("macro_f1", tally) == pytest.approx(f1)


def test_classes_without_images_are_left_out_of_means():
    tally = Tally.of(np.array([0, 0, 2]), np.array([0, 1, 2]), 4)
    assert by_classes("balanced_accuracy", tally) == pytest.approx(0.75)
    assert by_classes("macro_f1", tally) == pytest.approx((2 / 3 + 1) / 2)


def test_auc_agrees_with_scikit_learn_and_counts_ties_by_half():
    assert auc(np.array([0, 0, 1, 1]), np.array([0.1, 0.4, 0.4, 0.8])) == pytest.approx(3.5 / 4)
    generator = np.random.default_rng(5)
    labels = (generator.random(500) < 0.1).astype("uint8")
    probabilities = np.round(generator.random(500) * 0.7 + 0.3 * labels, 2)
    known = theirs.roc_auc_score(labels, probabilities)
    assert auc(labels, probabilities) == pytest.approx(known)
    assert auc(np.zeros(3, dtype="uint8"), np.array([0.1, 0.2, 0.3])) is None


def test_ranks_are_those_of_scipy():
    values = np.random.default_rng(7).integers(0, 40, 300) / 40
    assert ranks(values).tolist() == rankdata(values).tolist()


def test_chance_is_the_best_answer_without_a_look_at_the_image():
    assert chance("accuracy", NINE_TO_ONE) == 0.9
    assert chance("balanced_accuracy", NINE_TO_ONE) == chance("auc", NINE_TO_ONE) == 0.5
    assert chance("accuracy", [5, 5, 0]) == chance("macro_f1", [5, 5, 0]) == 0.5


@pytest.mark.parametrize("metric", ["balanced_accuracy", "macro_f1"])
def test_no_way_of_guessing_beats_chance(metric):
    sizes = np.array([70_000, 20_000, 10_000])
    labels = np.repeat(np.arange(3), sizes)
    generator = np.random.default_rng(6)
    guesses = [sizes / sizes.sum(), [1 / 3] * 3, [1, 0, 0], [0.5, 0.3, 0.2], [0, 0, 1]]
    scores = [
        by_classes(metric, Tally.of(labels, generator.choice(3, len(labels), p=shares), 3))
        for shares in guesses
    ]
    known = chance(metric, sizes.tolist())
    assert max(scores) == pytest.approx(known, abs=0.005)
    assert scores[0] == pytest.approx(known, abs=0.005)


def test_images_of_uneven_classes_tell_less_of_scores_that_count_classes_alike():
    """225 and 25 images: variances of 1/4 (p(1-p)/225 + p(1-p)/25) are those of 90 images."""
    assert images_like("balanced_accuracy", [225, 25]) == 90
    assert images_like("auc", [50, 50, 0]) == 100
    assert images_like("accuracy", [225, 25]) == 250
    generator = np.random.default_rng(8)
    recalls = generator.binomial([225, 25], 0.7, (4000, 2)) / [225, 25]
    assert recalls.mean(axis=1).var() == pytest.approx(0.7 * 0.3 / 90, rel=0.06)


def test_a_run_has_collapsed_below_a_score_that_hangs_on_chance():
    assert collapsed([0.10, 0.149, 0.15, 0.5], 0.1) == 2
    assert collapse_below(0.01) == pytest.approx(0.015)
    assert collapse_below(0.5) == pytest.approx(0.5 + 0.5 / 18)
    assert collapsed([0.9, 0.905, 0.906, 0.95], 0.9) == 2


def test_datasets_know_what_guessing_gets():
    assert DATASETS["digits"].chance() == 37 / 360
    assert DATASETS["digits"].chance("macro_f1") == DATASETS["cifar10"].chance() == 0.1


def test_every_metric_has_words():
    assert list(METRICS) == ["accuracy", "balanced_accuracy", "macro_f1", "auc"]
    assert [metric.title for metric in METRICS.values()] == [
        "Accuracy", "Balanced accuracy", "Macro F1", "AUC"
    ]  # fmt: skip
    assert [metric.with_article for metric in METRICS.values()] == [
        "an accuracy", "a balanced accuracy", "a macro F1", "an AUC"
    ]  # fmt: skip
