"""What `check` says of a study that is sound and still small: images, seeds, shared references."""

import itertools
from dataclasses import replace

import pytest
from scipy import stats

from cnn_study.__main__ import main
from cnn_study.base import power
from cnn_study.data.audit import Audit, Groups, Originals, Spread
from cnn_study.data.catalog import DATASETS
from cnn_study.study.cautions import cautions
from cnn_study.study.merge import load

STUDY = """\
title: By hand
dataset: {dataset}
seeds: {seeds}
smallest_effect: {smallest}
base: {{filters: [2], dense_units: 0, epochs: 2, validation_fraction: 0.2}}
questions:
  size:
    {{title: Size, question: "?", hypothesis: "!", changes: {{{changes}}}}}
"""


def _study(tmp_path, dataset="cifar10", seeds=5, smallest=0.5, changes=1):
    made = ", ".join(f"epochs-{n}: {{epochs: {n}}}" for n in range(3, 3 + changes))
    path = tmp_path / "by-hand.yaml"
    text = STUDY.format(dataset=dataset, seeds=seeds, smallest=smallest, changes=made)
    path.write_text(text, encoding="utf-8")
    return load(path)


def test_a_study_that_is_large_enough_is_warned_of_nothing(tmp_path):
    assert cautions(_study(tmp_path)) == []


def test_too_few_images_are_told_with_the_number_that_would_do(tmp_path):
    (said,) = cautions(_study(tmp_path, "digits"))
    # 360 images: 1.96 √(0.05 / 360) = 2.31 points; 1.96 √(0.5 / 360) = 7.30 points;
    # 0.05 (1.96 / 0.005)² = 7,683 images, of which two digits are known.
    for part in (
        "360 test images",
        "of 0.5 points",
        "±2.3 points",
        "±7.3 points",
        "7,700 images",
        "of 2.4.",
    ):
        assert part in said


def test_fewer_images_to_choose_by_are_told_beside_those_to_test_by(tmp_path):
    """Of the digits' 1,437 training images 287 are held out: 1.96 √(0.05 / 287) = 2.59 points."""
    (said,) = cautions(_study(tmp_path, "digits"))
    assert "chosen by the 287 images held out for validation (validation_fraction)" in said
    assert "about ±2.6 points open." in said
    path = tmp_path / "by-hand.yaml"
    path.write_text(
        path.read_text().replace("validation_fraction: 0.2", "validation_fraction: 0.3")
    )
    (said,) = cautions(load(path))
    assert "held out" not in said


@pytest.fixture
def uneven(monkeypatch):
    """The digits as if one class had a tenth of the images of each other."""
    sizes = {"training_counts": (150,) * 9 + (15,), "test_counts": (40,) * 8 + (36, 4)}
    monkeypatch.setitem(DATASETS, "digits", replace(DATASETS["digits"], **sizes))


def test_small_and_uneven_classes_are_told(tmp_path, uneven):
    few, large, *_ = cautions(_study(tmp_path, "digits", smallest=2.4))
    assert few.startswith("fewer than 30 test images of 1 class (9 4): what is said of it hangs")
    assert "±17.9 points" in few  # 1.96 √(0.25 / 30)
    assert large.startswith("the largest class has 150 training images, the smallest 15: accuracy")
    assert "gets 11 %. Better say metric: balanced_accuracy" in large


def test_a_class_without_test_images_is_told_apart_from_small_ones(tmp_path, monkeypatch):
    counts = {"test_counts": (0, 40, 40, 40, 40, 40, 40, 40, 80, 0)}
    monkeypatch.setitem(DATASETS, "digits", replace(DATASETS["digits"], **counts))
    path = _study(tmp_path, "digits", smallest=3).path
    path.write_text(path.read_text() + "metric: macro_f1\n")
    (untested,) = [said for said in cautions(load(path)) if "class" in said.split(":")[0]]
    assert untested.startswith(
        'classes "0", "9" have no test image: nothing tells how often these are recognized, and '
        "test macro F1 is that of the other classes."
    )


def test_by_balanced_accuracy_fewer_images_tell_as_much(tmp_path, uneven):
    path = _study(tmp_path, "digits", smallest=2.4).path
    path.write_text(path.read_text() + "metric: balanced_accuracy\n")
    _few, images = cautions(load(path))
    # 100 / (8/40 + 1/36 + 1/4) = 209; 1.96 √(0.05 / 209) = 3.03 points.
    assert "which for balanced accuracy tell as much as 209 of classes equally large" in images
    assert "±3.0 points" in images


def test_sets_of_images_and_classes_without_validation_images_are_told(tmp_path, monkeypatch):
    """A group of 300 ones and twos is dealt out first: none that is held out is a three."""
    side = Spread(smallest=8, median=8, largest=8)
    audit = Audit(
        files=1797,
        originals=Originals(sizes=1, heights=side, widths=side, enlarged=0),
        groups=Groups(groups=2, images=600, largest=300),
    )
    grouped = replace(
        DATASETS["digits"],
        audit=audit,
        units=(300,) + (1,) * 1137,
        unit_classes=(0,) * 150 + (1,) * 150 + (0,) * 400 + (1,) * 400 + (2,) * 337,
        class_names=tuple("123"),
    )
    monkeypatch.setitem(DATASETS, "digits", grouped)
    few_images, classes = cautions(_study(tmp_path, "digits"))
    assert few_images.endswith(
        "Images come in 2 groups: those of one are no independent witnesses, so that more is open "
        "than this."
    )
    assert classes.startswith("1 of 3 classes has no image among the")
    assert "groups of images are not divided, and may be too large for it" in classes


def test_a_larger_smallest_effect_needs_fewer_images(tmp_path):
    assert cautions(_study(tmp_path, "digits", smallest=2.4)) == []
    assert len(cautions(_study(tmp_path, "digits", smallest=2.3))) == 1


def test_two_seeds_give_no_verdict(tmp_path):
    (said,) = cautions(_study(tmp_path, seeds=2))
    assert said.startswith("2 seeds: too few for any verdict, which takes 3;")


def test_three_seeds_are_told_with_their_power(tmp_path):
    (said,) = cautions(_study(tmp_path, seeds=3, changes=2))
    # Of the noncentral t distribution with 4 degrees of freedom, tested at 0.05 / 2.
    least = stats.t.ppf(1 - 0.025 / 2, 4)
    seen = stats.nct.sf(least, 4, 1.5**0.5) + stats.nct.cdf(-least, 4, 1.5**0.5)
    assert f"seen in {100 * seen:.0f} % of cases, with 5 seeds in 18 %" in said
    assert "3.7 times the standard deviation" in said


def test_a_reference_of_many_changes_is_told_with_the_remedy(tmp_path):
    assert cautions(_study(tmp_path, changes=9)) == []
    (said,) = cautions(_study(tmp_path, changes=16))
    assert said.startswith("base is the reference of 16 changes")
    assert "4.0 times" in said
    assert "raise `seeds`" in said


def test_many_references_of_many_changes_are_one_caution(tmp_path):
    """Else a study of a thousand experiments had forty that say the same."""
    study = _study(tmp_path, changes=16)
    ids = next(iter(study.questions.values()))
    asked = next(iter(study.file.questions.values()))
    names = [f"r{number}" for number in range(6)]
    others = {name: asked.model_copy(update={"reference": name}) for name in names}
    file = study.file.model_copy(update={"questions": study.file.questions | others})
    questions = study.questions | dict.fromkeys(names, ids[:10])
    (said,) = cautions(replace(study, file=file, questions=questions))
    assert said.startswith(
        "base is the reference of 16 changes (and r0 of 10, r1 of 10, r2 of 10 and 3 more): where "
    )


def test_check_prints_cautions_and_refuses_nothing(tmp_path, capsys):
    study = _study(tmp_path, "digits", seeds=2)
    assert main(["check", str(study.path), "--results", str(tmp_path)]) == 0
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("caution: ")]
    assert [line.split()[1] for line in lines] == ["360", "2"]


# ----------------------------------------------------------------------------------- the numbers


@pytest.mark.parametrize(("effect", "n", "family"), [(1, 5, 1), (2, 5, 3), (0.5, 20, 8), (3, 3, 2)])
def test_power_is_that_of_the_noncentral_t(effect, n, family):
    freedom, center = 2 * n - 2, effect * (n / 2) ** 0.5
    least = stats.t.ppf(1 - 0.025 / family, freedom)
    exact = stats.nct.sf(least, freedom, center) + stats.nct.cdf(-least, freedom, center)
    assert power.power(effect, n, family) == pytest.approx(exact, abs=2e-4)


def test_without_an_effect_power_is_the_error_rate():
    assert power.power(0, 5, 2) == pytest.approx(0.025, abs=2e-4)


def test_five_runs_see_an_effect_of_two_deviations():
    # Cohen's d that 5 against 5 detect with power 0.8, two-sided 0.05: 2.024 (G*Power).
    assert power.detectable(5, 1) == pytest.approx(2.024, abs=0.002)
    assert power.detectable(2, 3) > power.detectable(2, 1) > power.detectable(3, 1)


def test_images_needed_are_those_whose_margin_is_the_effect():
    needed = power.images_needed(0.005)
    assert needed == 7683
    assert power.images_margin(needed) <= 0.005 < power.images_margin(needed - 1)
    assert power.independent_margin(10_000) == pytest.approx(0.01386, abs=1e-5)


@pytest.mark.parametrize(("right", "images"), [(4, 4), (2, 4), (0, 10), (181, 200), (5804, 10_000)])
def test_a_share_of_few_images_is_known_as_scipy_has_it(right, images):
    theirs = stats.binomtest(right, images).proportion_ci(method="wilson")
    assert power.share_interval(right / images, images) == pytest.approx(tuple(theirs), abs=1e-7)


# ------------------------------------------------------------------- surely more than guessing


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_share_is_above_chance_where_scipys_interval_begins_above_it(share):
    """Of 20 images: of those right, the least whose interval by Wilson begins above chance."""
    right = [
        count
        for count in range(21)
        if stats.binomtest(count, 20).proportion_ci(method="wilson").low > share
    ]
    least = power.least_above_chance("accuracy", share, [20])
    assert right == [count for count in range(21) if count / 20 > least]


def test_a_mean_over_classes_is_held_against_what_its_classes_tell():
    """Of 90 and 10 images the mean recall is known as of 4 / (1/90 + 1/10) = 36: 1/2 + 0.98 / 6."""
    least = power.least_above_chance("balanced_accuracy", 0.5, [90, 10])
    assert least == pytest.approx(0.5 + 0.979982 / 6, abs=1e-6)


def test_auc_is_held_against_the_pairs_that_chance_puts_in_order():
    """Of 4 and 4: √(9 / 192) = 0.216506, x 1.959964 = 0.424345, and half of 16 pairs 0.03125.

    All in order comes by chance in one of 70 cases; of 3 and 3 in one of 20, which is too often,
    though Wilson's interval for six right of six begins at 61 %.
    """
    assert power.least_above_chance("auc", 0.5, [4, 4]) == pytest.approx(0.955595, abs=1e-5)
    assert power.least_above_chance("auc", 0.5, [3, 3]) > 1
    assert power.share_interval(1.0, 6)[0] > 0.6
    assert power.least_above_chance("auc", 0.5, [5, 0]) > 1


@pytest.mark.parametrize(("n", "m"), [(3, 5), (4, 4), (5, 5), (2, 12), (6, 3)])
def test_no_auc_is_surely_above_chance_that_chance_gives_often(n, m):
    """Every order of n and m images is as likely: at most one in forty lies above, and not few."""
    orders = [
        sum(place - rank for rank, place in enumerate(places)) / (n * m)
        for places in itertools.combinations(range(n + m), n)
    ]
    least = power.least_above_chance("auc", 0.5, [n, m])
    share = sum(auc > least for auc in orders) / len(orders)
    assert 0.005 < share <= 0.025
