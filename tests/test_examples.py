"""Worked examples: every number by hand."""

import math

import pytest

from cnn_study.base import examples


def test_an_image_and_an_answer_worked_by_hand():
    made = examples.image() | examples.answer()
    assert made["feature_map"] == [[18, 18, -18, -18]] * 2 + [[12, 12, -12, -12], [6, 6, -6, -6]]
    assert made["terms"] == [(-1, 1), (0, 1), (1, 7)]
    assert made["row_sum"] == 6
    assert made["rectified"][2] == [12, 12, 0, 0]
    assert made["pooled"] == [[18, 0], [12, 0]]
    # e^2, e and e^-2 are 7.389, 2.718 and 0.135; their sum is 10.243.
    assert made["probabilities"] == pytest.approx([0.7214, 0.2654, 0.0132], abs=1e-4)
    assert made["losses"] == pytest.approx([0.3266, 1.3266, 4.3266], abs=1e-4)
    assert made["strided"] == [[18, -18], [12, -12]]
    # Probabilities less 1 for the second class; one step of size 1 against them.
    assert made["slopes"] == pytest.approx([0.7214, -0.7346, 0.0132], abs=1e-4)
    assert made["moved"] == pytest.approx([1.2786, 1.7346, -2.0132], abs=1e-4)
    # e^1.2786 + e^1.7346 + e^-2.0132 = 3.592 + 5.667 + 0.134 = 9.393; 5.667 / 9.393 = 0.603.
    assert made["probability_after"] == pytest.approx(0.6034, abs=1e-3)
    assert made["loss_after"] == pytest.approx(0.505, abs=1e-3)


def test_the_slopes_of_the_example_are_those_of_its_loss():
    """By small differences: the loss moves as the slopes say."""
    made, small = examples.answer(), 1e-6

    def loss(scores: list[float]) -> float:
        total = sum(math.exp(score) for score in scores)
        return -math.log(math.exp(scores[made["true_class"]]) / total)

    for place, slope in enumerate(made["slopes"]):
        moved = list(made["scores"])
        moved[place] += small
        assert (loss(moved) - loss(made["scores"])) / small == pytest.approx(slope, abs=1e-5)


def test_steps_of_gradient_descent_by_hand():
    """On w² the slope is 2 w: with rate 0.3 each step leaves 0.4 of the parameter."""
    assert examples.descent(0.3, steps=2, start=-1) == pytest.approx([-1, -0.4, -0.16])
    assert examples.descent(1, steps=3, start=2) == pytest.approx([2, -2, 2, -2])


def test_the_rates_that_are_shown_are_what_they_are_called():
    ends = {words: abs(examples.descent(rate)[-1]) for rate, words in examples.DESCENTS.items()}
    start = abs(examples.descent(1)[0])
    assert ends["about right"] < 0.01 * start
    assert 0.25 * start < ends["too small"] < start
    assert start < ends["too large"] < 2 * start
