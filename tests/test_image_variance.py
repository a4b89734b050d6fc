"""Variances over images, over seeds and images, and the spread of runs taken apart: by hand."""

import numpy as np
import pytest

from cnn_study.base.image_variance import (
    Variance,
    alone,
    by_unit,
    margin,
    of_both,
    of_images,
    of_part,
    of_rest,
    part_spread,
    reach,
)


def answers(*rows: str) -> np.ndarray:
    """Write a run as its answers, 1 where one is correct."""
    return np.array([[letter == "1" for letter in row] for row in rows])


def test_the_variance_over_images_is_that_of_the_differences_image_by_image():
    """Ours 1, 1/2, 0, 0 less theirs 0, 1, 0, 1: 1, -1/2, 0, -1 with the mean -1/8.

    Squares 81/64 + 9/64 + 1/64 + 49/64 = 140/64; / 3 / 4 = 0.1822917, the root 0.426956.
    """
    variance = of_images(answers("1100", "1000"), answers("0101"))
    assert variance.value == pytest.approx(140 / 64 / 12)
    assert variance.freedom == 3
    assert margin(variance) == pytest.approx(3.182446 * 0.4269563, abs=1e-6)  # t of 3


def test_images_of_one_unit_are_one_witness():
    """Of 6 images 4 are right, beyond the mean 1/3, 1/3, -2/3, -2/3, 1/3, 1/3; in three units.

    Sums 2/3, -4/3, 2/3; their squares 24/9, times 3/2 and over 6² is 1/9: the cluster-robust
    variance of a mean. By images it is 12/9 / 5 / 6 = 2/45.
    """
    one, units = answers("110011"), np.array([0, 0, 1, 1, 2, 2])
    assert alone(one).value == pytest.approx(2 / 45)
    variance = alone(by_unit(one, units))
    assert variance.value == pytest.approx(1 / 9)
    assert variance.freedom == 2


def test_units_of_different_sizes_keep_the_mean_and_say_no_more_than_their_errors():
    """Sizes 3 and 1 do not matter by themselves: where all answers are right, nothing is open."""
    units = np.array([1, 0, 1, 1])
    runs = answers("1111", "1110")
    summed = by_unit(runs, units)
    assert summed.mean(axis=1) == pytest.approx([1, 3 / 4])
    assert summed[0] == pytest.approx([1, 1])
    # Beyond 3/4: 1/4 in unit 0; 1/4 + 1/4 - 3/4 in unit 1; times 2 units / 4 images.
    assert summed[1] == pytest.approx([3 / 4 + 1 / 8, 3 / 4 - 1 / 8])


def test_units_of_one_image_each_are_the_images():
    runs = answers("1101", "0110")
    order = np.array([2, 0, 3, 1])
    assert np.array_equal(by_unit(runs, order)[:, order], runs)


def test_images_that_both_answer_alike_leave_nothing_open():
    same = answers("1100", "1010")
    assert of_images(same, same).value == 0
    assert margin(of_images(same, same)) == 0


def test_few_images_or_units_leave_open_what_students_t_does():
    """Of 20 units t of 19 degrees is 2.093024; of 101 the normal distribution does, by 1 %."""
    assert margin(Variance(0.0001, 19)) == pytest.approx(0.02093024, abs=1e-8)
    assert margin(Variance(0.0001, 100)) == pytest.approx(0.01959964, abs=1e-8)


def test_pairing_by_image_is_narrower_where_the_same_images_are_easy():
    """4 images that only one of them gets right, of 100: 1.98 sqrt(0.0404 - ...) / 10, not 13 %."""
    ours, theirs = answers("1" * 50 + "0" * 50), answers("1" * 48 + "0" * 50 + "11")
    by_image = margin(of_images(ours, theirs))
    assert by_image == pytest.approx(1.984217 * np.sqrt(4 / 99 / 100), abs=1e-6)
    assert by_image < 0.3 * 1.959964 * np.sqrt(2 * 0.25 / 100)


def test_what_a_part_adds_is_known_as_a_difference_of_two_means_is():
    """Of 6 images 2 are in it, both right; of the others 1 of 4: it adds 1/2 - 1/4.

    Squares off the means 0 + 3/4, over 4 degrees of freedom; times (2/6)² (1/2 + 1/4) = 1/12.
    """
    part = np.array([True, True, False, False, False, False])
    variance = of_part(answers("111000"), part)
    assert variance.value == pytest.approx(3 / 4 / 4 / 12)
    assert variance.freedom == 4
    assert of_part(answers("10"), part[:2]) is None


def test_what_a_part_adds_is_known_less_where_images_come_in_sets():
    """The two of the part are one patient, and so are two of the others, both wrong.

    Off their means: 0, 0, and 3/4, -1/4, -1/4, -1/4, of which the last two go together: (1/2)² in
    place of 2/16, so 9/16 + 1/16 + 4/16 = 14/16 over 12/16 of single images. Four degrees less two.
    """
    part = np.array([True, True, False, False, False, False])
    units = np.array([0, 0, 1, 2, 3, 3])
    variance = of_part(answers("111000"), part, units)
    assert variance.value == pytest.approx(3 / 4 / 4 / 12 * 14 / 12)
    assert variance.freedom == 2
    single = of_part(answers("111000"), part, np.arange(6))
    assert single == of_part(answers("111000"), part)


def test_runs_that_a_part_helps_unlike_leave_it_less_well_known():
    """One run has it all right, the other all wrong: +1/2 and -1/2, a variance of 1/2, / 2."""
    part = np.array([True, True, False, False])
    variance = of_part(answers("1100", "0011"), part)
    assert variance.value == pytest.approx(1 / 4)
    assert variance.freedom == 1


def test_what_planted_leaks_add_lies_within_its_interval():
    """400 times 20 leaks, always right, among 400 images that are right by a chance of each."""
    random, held = np.random.default_rng(3), 0
    part = np.arange(400) < 20
    truth = 0.05 * (1 - 0.6)
    for _ in range(400):
        chances = np.where(part, 1, random.beta(3, 2, 400))
        correct = random.random((3, 400)) < chances
        added = correct.mean() - correct[:, ~part].mean()
        held += abs(added - truth) <= reach(of_part(correct, part))
    assert held / 400 >= 0.94


def test_the_rest_is_what_neither_runs_nor_images_explain():
    """10, 01: all means are 1/2, and each answer is 1/2 off; 4 x 1/4 over one degree, / 4."""
    rest = of_rest(answers("10", "01"))
    assert (rest.value, rest.freedom) == (0.25, 1)
    assert of_rest(answers("110", "110")).value == 0
    assert of_rest(answers("111", "000")).value == 0
    assert of_rest(answers("110")) is None
    assert of_rest(answers("1", "0")) is None


def test_what_seeds_and_images_share_is_taken_off_once():
    """0.04 + 0.09 - 0.01; 0.12² / (0.04² / 4 + 0.09² / 99 + 0.01² / 396)."""
    both = of_both(Variance(0.04, 4), Variance(0.09, 99), [Variance(0.01, 396)])
    assert both.value == pytest.approx(0.12)
    assert both.freedom == pytest.approx(0.0144 / (0.0004 + 0.0081 / 99 + 0.0001 / 396))
    # t(0.975, 29.878) = 2.0426
    assert reach(both) == pytest.approx(2.0426 * np.sqrt(0.12), rel=1e-3)


def test_the_sum_is_never_below_either_of_the_two():
    seeds, images = Variance(0.01, 4), Variance(0.09, 99)
    assert of_both(seeds, images, [Variance(0.05, 396)]).value == 0.09
    assert of_both(images, seeds, [Variance(0.05, 396)]).value == 0.09
    nothing = of_both(Variance(0.0, 4), Variance(0.0, 99), [])
    assert (nothing.value, nothing.freedom) == (0, 4)


def drawn(random: np.random.Generator, runs: int, images: int, networks: float) -> np.ndarray:
    """Runs of equally good networks, or of better and worse ones, on images of their own ease."""
    ease = random.beta(2, 1, images)
    shifts = random.normal(0, networks, runs)
    return random.random((runs, images)) < np.clip(ease + shifts[:, None], 0, 1)


def test_runs_are_taken_apart_by_hand():
    """110 and 100: k = 2, 1, 0; only the second image flips: 1 x 1 / 2, mean 1/6, / 3 = 1/18.

    The accuracies 2/3 and 1/3 have the variance 1/18 too; chi² = 1 with one degree: p 0.3173.
    """
    parts = part_spread(answers("110", "100"))
    assert (parts.freedom, parts.total, parts.images) == pytest.approx((1, 1 / 18, 1 / 18))
    assert parts.networks == pytest.approx(0)
    assert parts.p == pytest.approx(0.317311, abs=1e-6)


def test_images_of_one_set_flip_together():
    """1100 and 0011 in two sets of two: each set gives 2 or 0, a variance of 2; 4/16 in all.

    As single images four flip, 4 x 1/2 / 16. Set by set the accuracies are equal: chi² is 0.
    """
    runs, pairs = answers("1100", "0011"), np.array([0, 0, 1, 1])
    assert part_spread(runs, pairs).images == pytest.approx(4 / 16)
    assert part_spread(runs).images == pytest.approx(2 / 16)
    assert part_spread(runs, pairs).total == part_spread(runs).total == 0
    assert part_spread(runs, np.array([3, 1, 0, 2])) == part_spread(runs)


def test_runs_of_which_nothing_can_be_said():
    assert part_spread(answers("110")) is None
    alike = part_spread(answers("110", "110"))
    assert (alike.total, alike.images, alike.networks, alike.p) == (0, 0, 0, 1)
    # Shares of 0.7 are no binary fractions; their spread is none all the same.
    assert part_spread(answers(*["1111111000"] * 3)).total == 0


@pytest.mark.parametrize("networks", [0.0, 0.03])
def test_the_parts_are_right_on_average(networks):
    """Without a difference between networks nothing is left; with one, its variance is.

    2,000 studies of 4 runs on 200 images. A shift that is clipped at 0 and 1 moves the mean of all
    images by less; by how much says a run on images without end.
    """
    random = np.random.default_rng(20)
    parted = [part_spread(drawn(random, 4, 200, networks)) for _ in range(2000)]
    total, images, left = (
        np.array([getattr(parts, name) for parts in parted])
        for name in ("total", "images", "networks")
    )
    many = np.clip(random.beta(2, 1, 4000) + random.normal(0, networks, 1000)[:, None], 0, 1).mean(
        axis=1
    )
    error = left.std(ddof=1) / np.sqrt(len(left))
    assert abs(left.mean() - many.var()) < 3.5 * error + 2e-5
    if not networks:
        assert total.mean() == pytest.approx(images.mean(), rel=0.05)
        assert np.mean([parts.p < 0.05 for parts in parted]) == pytest.approx(0.05, abs=0.02)
    else:
        assert np.mean([parts.p < 0.05 for parts in parted]) > 0.2


def test_intervals_over_seeds_and_images_hold_what_they_promise():
    """2,000 studies of two experiments on new images: the true difference is 0.05."""
    random, held = np.random.default_rng(21), 0
    for _ in range(2000):
        ease = random.beta(2, 1, 150)
        lift = random.normal(0, 0.2, 150)
        groups = []
        for gain in (0.05, 0.0):
            shifts = random.normal(0, 0.02, 5)[:, None]
            chance = 0.25 + ease / 2 + (gain + lift * (gain > 0) / 4) + shifts
            groups.append(random.random((5, 150)) < chance)
        ours, theirs = groups
        mean = ours.mean() - theirs.mean()
        scores = [group.mean(axis=1) for group in groups]
        seeds = Variance(sum(score.var(ddof=1) for score in scores) / 5, 8)
        both = of_both(seeds, of_images(ours, theirs), [of_rest(ours), of_rest(theirs)])
        held += abs(mean - 0.05) <= reach(both)
    assert 0.935 <= held / 2000 <= 0.985
