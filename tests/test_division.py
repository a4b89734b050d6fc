"""How images are put into units, and units into parts."""

import hashlib

import numpy as np
import pytest

from cnn_study.data.catalog import Dataset
from cnn_study.data.division import choose_test, deal, join_units
from cnn_study.data.sizes import Sizes, split_sizes
from cnn_study.data.split import split


def keys_of(count: int, start: int = 0) -> list[str]:
    return [hashlib.sha256(str(n).encode()).hexdigest() for n in range(start, start + count)]


def alone(count: int) -> np.ndarray:
    return np.arange(count)


def test_groups_and_alike_images_are_joined_also_by_way_of_others():
    # a: 0, 3; b: 1, 4; 3 and 1 are alike, so a and b are one; 5 is like 2.
    units = join_units(["a", "b", None, "a", "b", None, None], [[3, 1], [2, 5]])
    assert len(set(units)) == 3
    assert len(set(units[[0, 1, 3, 4]])) == len(set(units[[2, 5]])) == 1
    assert units[6] not in units[:6]


def test_images_without_groups_stand_alone():
    assert len(set(join_units([None] * 4, []))) == 4
    assert len(join_units([], [])) == 0


def test_the_order_is_that_of_hashes_of_seed_and_key():
    keys = ["0a", "0b", "0c", "0d"]
    expected = sorted(keys, key=lambda key: hashlib.sha256(f"7 {key}".encode()).hexdigest())
    dealt = deal(np.zeros(4, int), keys, alone(4), seed=7)
    assert [keys[place] for place in np.argsort(dealt)] == expected


def test_every_prefix_holds_the_classes_close_to_their_shares():
    labels = np.repeat([0, 1, 2], [600, 300, 100])
    order = np.argsort(deal(labels, keys_of(1000), alone(1000), seed=0))
    for prefix in (10, 37, 100, 333, 900):
        counts = np.bincount(labels[order[:prefix]], minlength=3)
        assert np.all(np.abs(counts - prefix * np.array([0.6, 0.3, 0.1])) <= 2)


def test_neither_order_nor_places_of_images_matter():
    labels = np.repeat([0, 1], 50)
    keys = keys_of(100)
    shuffled = np.random.default_rng(0).permutation(100)
    straight = deal(labels, keys, alone(100), seed=3)
    moved = deal(labels[shuffled], [keys[n] for n in shuffled], alone(100), seed=3)
    assert np.array_equal(straight[shuffled], moved)
    assert not np.array_equal(straight, deal(labels, keys, alone(100), seed=4))


@pytest.mark.parametrize("change", ["one image removed", "one image added"])
def test_one_image_more_or_less_moves_hardly_another(change):
    labels, keys = np.arange(2000) % 10, keys_of(2000)
    before = dict(
        zip(keys, choose_test(labels, deal(labels, keys, alone(2000), 0), 0.2), strict=True)
    )
    for place in range(0, 2000, 199):
        if change == "one image removed":
            kept, new_labels = keys[:place] + keys[place + 1 :], np.delete(labels, place)
        else:
            kept, new_labels = keys + keys_of(1, 5000 + place), np.append(labels, place % 10)
        dealt = deal(new_labels, kept, alone(len(kept)), 0)
        after = dict(zip(kept, choose_test(new_labels, dealt, 0.2), strict=True))
        assert sum(after[key] != before[key] for key in kept if key in before) <= 1


def test_no_unit_is_divided():
    generator = np.random.default_rng(1)
    labels = generator.integers(0, 4, 400)
    units = join_units([f"patient {n}" for n in generator.integers(0, 60, 400)], [])
    dealt = deal(labels, keys_of(400), units, seed=0)
    test = choose_test(labels, dealt, 0.25)
    assert 100 <= test.sum() <= 100 + np.bincount(units).max()
    assert not set(units[test]) & set(units[~test])
    left = np.flatnonzero(~test)
    again = deal(labels[left], [keys_of(400)[n] for n in left], units[left], seed=0)
    trained_on, held_out = split(labels[left], 0.3, 0.5, again)
    assert not set(units[left][trained_on]) & set(units[left][held_out])
    sizes = split_sizes(len(left), 0.3, 0.5, np.bincount(again).tolist())
    assert (len(trained_on), len(held_out)) == sizes


def test_every_class_has_a_test_image():
    labels = np.array([0] * 96 + [1] * 2 + [2] * 2)
    test = choose_test(labels, deal(labels, keys_of(100), alone(100), seed=0), 0.05)
    assert np.bincount(labels[test]).tolist()[1:] == [1, 1]
    assert 3 <= np.bincount(labels[test])[0] <= 5


def test_sizes_of_parts_that_hold_whole_units():
    # 10 % of 20 is 2: the first unit has 3. Of 17 left, half is 9 (rounded to even: 8): 5 and 4.
    assert split_sizes(20, 0.1, 0.5, [3, 8, 4, 5]) == Sizes(9, 3)
    assert split_sizes(20, 0.0, 1.0, [3, 8, 4, 5]) == Sizes(20, 0)
    assert split_sizes(20, 0.1, 1.0, [3, 8, 4, 5]) == Sizes(17, 3)
    assert split_sizes(20, 0.1, 0.5) == Sizes(9, 2)


def dataset(unit_classes: tuple[int, ...]) -> Dataset:
    return Dataset(
        "mine", "Mine", ("cat", "dog", "frog"), (8, 8, 1), len(unit_classes), 5, "0" * 64, "me", "",
        units=(1,) * len(unit_classes), unit_classes=unit_classes,
    )  # fmt: skip


def test_a_class_of_which_nothing_is_left_to_train_on_is_a_fault():
    facts = dataset((2, 0, 1, 0, 1, 0, 1, 0, 1, 0))
    assert facts.split_fault(0.0, 1.0) is None
    setting, fault = facts.split_fault(0.1, 1.0)
    assert setting == "training_fraction"
    assert fault.startswith("no image of 1 class is left to train on, such as frog")
