"""What images contribute to scores, held against formulas, scikit-learn and simulated test sets."""

import numpy as np
import pytest
from sklearn import metrics as theirs

from cnn_study.base.contributions import of_answers, of_probabilities
from cnn_study.base.image_variance import alone, of_images
from cnn_study.base.metrics import Tally, auc, by_classes

BY_COUNTS = ["accuracy", "balanced_accuracy", "macro_f1"]
SIZES = np.array([120, 40, 20])


def drawn(generator, sizes=SIZES, right=0.7):
    """Draw test images and the answers of two classifiers that often fail on the same ones."""
    labels = generator.choice(len(sizes), sizes.sum(), p=sizes / sizes.sum())
    hard, guesses = generator.random(len(labels)), generator.choice(len(sizes), (2, len(labels)))
    luck = generator.random((2, len(labels)))
    ours = np.where(0.7 * hard + 0.3 * luck[0] < right, labels, guesses[0])
    return labels, ours, np.where(0.7 * hard + 0.3 * luck[1] < right - 0.1, labels, guesses[1])


@pytest.mark.parametrize("metric", BY_COUNTS)
def test_contributions_have_the_score_as_their_mean(metric):
    labels, answers, _ = drawn(np.random.default_rng(1))
    given = of_answers(metric, labels, answers, 4)
    score = by_classes(metric, Tally.of(labels, answers, 4))
    assert given.shape == labels.shape
    assert given.mean() == pytest.approx(score)


def test_contributions_to_accuracy_are_the_right_answers():
    given = of_answers("accuracy", np.array([0, 1, 1]), np.array([0, 0, 1]), 2)
    assert given.tolist() == [1, 0, 1]


@pytest.mark.parametrize("metric", BY_COUNTS[1:])
def test_a_contribution_is_what_one_more_such_image_would_move(metric):
    """By hand: count one image a thousandth more often, and see the score change."""
    labels, answers, _ = drawn(np.random.default_rng(2))
    tally, more = Tally.of(labels, answers, 3), 1e-6
    given, score = of_answers(metric, labels, answers, 3), by_classes(metric, tally)
    for image in range(0, len(labels), 17):
        right, predicted, actual = (list(map(float, part)) for part in vars(tally).values())
        label, answer = labels[image], answers[image]
        actual[label] += more
        predicted[answer] += more
        right[label] += more * (label == answer)
        moved = (by_classes(metric, Tally(right, predicted, actual)) - score) / more
        assert given[image] - score == pytest.approx(len(labels) * moved, abs=2e-3)


def test_variance_of_balanced_accuracy_is_that_of_a_stratified_binomial():
    labels, answers, _ = drawn(np.random.default_rng(3))
    given = alone(of_answers("balanced_accuracy", labels, answers, 3)[None]).value
    known = 0.0
    for label in range(3):
        own = answers[labels == label] == label
        known += own.mean() * (1 - own.mean()) / len(own) / 9
    assert given == pytest.approx(known * len(labels) / (len(labels) - 1))


def test_variance_of_auc_is_that_of_delong():
    generator = np.random.default_rng(4)
    labels = (generator.random(300) < 0.15).astype("uint8")
    claims = np.round(generator.normal(labels * 1.2, 1), 1)
    given = of_probabilities(labels, claims)
    assert given.mean() == pytest.approx(theirs.roc_auc_score(labels, claims))
    assert given.mean() == pytest.approx(auc(labels, claims))
    positive, negative = claims[labels == 1], claims[labels == 0]
    in_order = (positive[:, None] > negative) + 0.5 * (positive[:, None] == negative)
    parts = (in_order.mean(axis=1), in_order.mean(axis=0))
    known = sum(part.var() / len(part) for part in parts)
    assert alone(given[None]).value == pytest.approx(known * 300 / 299)
    assert of_probabilities(np.ones(3, "uint8"), claims[:3]) is None


@pytest.mark.parametrize("metric", BY_COUNTS)
def test_the_variance_over_images_is_that_of_test_sets_drawn_anew(metric):
    """600 test sets: the spread of scores and of differences, and what each set says of it."""
    generator = np.random.default_rng(5)
    scores, differences, single, both = [], [], [], []
    for _ in range(600):
        labels, *answers = drawn(generator)
        ours, his = (of_answers(metric, labels, given, 3)[None] for given in answers)
        scores.append(ours.mean())
        differences.append(ours.mean() - his.mean())
        single.append(alone(ours).value)
        both.append(of_images(ours, his).value)
    # The variance of 600 draws is known to within a tenth (two standard errors are 11 %).
    assert np.mean(single) == pytest.approx(np.var(scores), rel=0.12)
    assert np.mean(both) == pytest.approx(np.var(differences), rel=0.12)


def test_the_variance_of_auc_is_that_of_test_sets_drawn_anew():
    generator = np.random.default_rng(6)
    scores, variances = [], []
    for _ in range(600):
        labels = (np.arange(200) < 20).astype("uint8")
        given = of_probabilities(labels, generator.normal(labels * 1.0, 1))
        scores.append(given.mean())
        variances.append(alone(given[None]).value)
    assert np.mean(variances) == pytest.approx(np.var(scores), rel=0.12)
