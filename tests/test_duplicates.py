"""Duplicates: equal pixels and near-duplicates, planted and found; and where none can be told."""

import numpy as np
import pytest

from cnn_study.data import duplicates
from cnn_study.data.duplicates import (
    across,
    correlate,
    equal_sets,
    look_alikes_between,
    near,
    near_sets,
    perceptual_hashes,
    too_small,
)
from pictures_by_hand import encoded_again, scenes


def lists(sets: list[np.ndarray]) -> list[list[int]]:
    return [places.tolist() for places in sets]


def test_equal_pixels_by_hand():
    """0 = 3 = 4, 1 = 5; 2 has the same numbers in another order."""
    rows = [[1, 2], [3, 4], [2, 1], [1, 2], [1, 2], [3, 4]]
    sets = equal_sets(np.array(rows, "uint8").reshape(6, 1, 2, 1))
    assert lists(sets) == [[0, 3, 4], [1, 5]]
    parts = ["training", "training", "training", "training", "test", "training"]
    assert lists(across(sets, parts)) == [[0, 3, 4]]
    assert lists(across(sets, np.array([0, 1, 0, 0, 0, 2]))) == [[1, 5]]


def test_without_images_there_are_no_sets():
    nothing = np.empty((0, 16, 16, 3), "uint8")
    assert (equal_sets(nothing), near_sets(nothing, np.empty(0, int))) == ([], ([], ""))


def brighter(image: np.ndarray) -> np.ndarray:
    return np.clip(image * 1.05, 0, 255).astype("uint8")


def cut(image: np.ndarray) -> np.ndarray:
    """Without the first row and column, brought back to its size."""
    from PIL import Image

    return np.asarray(Image.fromarray(image[1:, 1:]).resize(image.shape[1::-1]))


ALTERED = {"encoded again": encoded_again, "brighter": brighter, "cut": cut}


@pytest.mark.parametrize("share", [0.01, 0.05, 0.20])
def test_planted_leaks_are_found(share):
    """Of 400 test images so many are training images, one quarter each as they are and altered.

    All equal ones are found, all encoded again and all brighter, of those cut by a pixel four of
    five; and nothing that was not planted. (Of 2,000 images of CIFAR-10 the shares are 100, 100,
    100 and 81 %.)
    """
    random = np.random.default_rng(int(100 * share))
    training, test = scenes(random, 600), scenes(random, 400)
    planted = random.choice(400, round(400 * share), replace=False)
    sources = random.choice(600, len(planted), replace=False)
    ways = [("equal", lambda image: image), *ALTERED.items()]
    for rank, (place, source) in enumerate(zip(planted, sources, strict=True)):
        test[place] = ways[rank % 4][1](training[source])
    images, part = np.concatenate([training, test]), np.arange(1000) >= 600
    expected = {place + 600: source for place, source in zip(planted, sources, strict=True)}

    equal = across(equal_sets(images), part)
    assert lists(equal) == sorted([expected[600 + place], 600 + place] for place in planted[::4])

    sets, reason = near_sets(images, np.arange(1000) % 10)
    assert reason == ""
    seen = {int(places[-1]): int(places[0]) for places in across(sets, part)}
    assert seen.items() <= expected.items()
    for rank, (name, _) in enumerate(ways):
        of_way = planted[rank::4] + 600
        least = int(0.8 * len(of_way)) if name == "cut" else len(of_way)
        assert len(seen.keys() & set(of_way)) >= least, name

    pairs = look_alikes_between(test, training)
    assert {pair.ours + 600: pair.theirs for pair in pairs} == seen


def test_near_duplicates_are_united_over_all_images():
    """1 is 0 brighter, 2 is 1 encoded again; 4 is 3 encoded again; 5 stands alone."""
    images = scenes(np.random.default_rng(3), 6)
    images[1] = brighter(images[0])
    images[2] = encoded_again(images[1])
    images[4] = encoded_again(images[3])
    sets, reason = near_sets(images, np.zeros(6, int))
    assert (lists(sets), reason) == ([[0, 1, 2], [3, 4]], "")


def test_blocks_change_nothing(monkeypatch):
    images = scenes(np.random.default_rng(4), 40)
    images[[7, 25, 38]] = [encoded_again(images[place]) for place in (3, 7, 39)]
    whole = near_sets(images, np.zeros(40, int))
    monkeypatch.setattr(duplicates, "BLOCK", 7)
    assert lists(near_sets(images, np.zeros(40, int))[0]) == lists(whole[0])
    monkeypatch.setattr(duplicates, "MOST_VALUES", 9000)  # two images and a little
    assert lists(near_sets(images, np.zeros(40, int))[0]) == lists(whole[0])
    assert lists(whole[0]) == [[3, 7], [38, 39]]


def test_plain_images_are_near_to_none_but_their_equals():
    """Their hashes are of rounding alone."""
    images = np.empty((30, 16, 16, 3), "uint8")
    images[:] = np.arange(30, dtype="uint8")[:, None, None, None]
    images[29] = images[4]
    sets, reason = near_sets(images, np.arange(30))
    assert (lists(sets), reason) == ([[4, 29]], "")


def test_images_too_small_have_equal_ones_all_the_same():
    images = np.random.default_rng(0).integers(0, 255, (5, 8, 8, 1), "uint8")
    images[3] = images[1]
    sets, reason = near_sets(images, np.zeros(5, int))
    assert lists(sets) == [[1, 3]]
    assert reason.startswith("images of 8×8 pixels are too small")


def of_one_kind(count: int, noise: float) -> np.ndarray:
    """Images that differ in details alone, as scans of one kind do."""
    random = np.random.default_rng(1)
    scan = scenes(random, 1)[0].astype(float)
    return np.clip(scan + random.normal(0, noise, (count, 32, 32, 3)), 0, 255).astype("uint8")


def test_images_all_of_one_kind_are_not_called_duplicates(monkeypatch):
    """20 of 60 are scans, and all of their class: one set of them would divide nothing."""
    images = np.concatenate([of_one_kind(20, 5), scenes(np.random.default_rng(2), 40)])
    images[50] = images[45]
    labels = np.array([0] * 20 + [1] * 40)
    sets, reason = near_sets(images, labels)
    assert lists(sets) == [[45, 50]]
    assert reason.startswith(
        "20 images, most of a class among them, would be joined as near-duplicates"
    )
    # Of a class of 60 they are a third: a burst, say, that is to stay together.
    sets, reason = near_sets(images, np.zeros(60, int))
    assert (lists(sets), reason) == ([list(range(20)), [45, 50]], "")
    monkeypatch.setattr(duplicates, "MOST_CANDIDATES", 3)  # of 60 images, and 190 pairs are alike
    assert near_sets(images, np.zeros(60, int))[1].startswith("nearly all images have the same")


def test_what_all_scans_of_a_kind_show_makes_no_two_of_them_alike():
    """80 scenes, each laid thinly on one and the same: pixels correlate by what they share.

    Of two there is a brighter copy, which alone are found; and between test and training, too.
    """
    random = np.random.default_rng(4)
    shared, own = scenes(random, 1)[0].astype(float), scenes(random, 80).astype(float)
    images = np.clip(shared + 0.4 * (own - own.mean()), 0, 255).astype("uint8")
    images[70], images[75] = brighter(images[3]), brighter(images[9])
    first, second = np.triu_indices(80, 1)
    assert (correlate(images[first], images[second]) >= 0.9).mean() > 0.3
    sets, reason = near_sets(images, np.zeros(80, int))
    assert (lists(sets), reason) == ([[3, 70], [9, 75]], "")
    pairs = look_alikes_between(images[70:], images[:70])
    assert sorted((pair.ours, pair.theirs) for pair in pairs) == [(0, 3), (5, 9)]


# ------------------------------------------------------------------------------- hashes


def test_half_of_the_bits_are_set_whatever_the_brightness():
    images = scenes(np.random.default_rng(5), 60)
    hashes = perceptual_hashes(images)
    assert hashes.dtype == np.uint64
    assert np.bitwise_count(hashes).tolist() == [32] * 60
    darker = (images // 2).astype("uint8")
    assert np.bitwise_count(hashes ^ perceptual_hashes(darker)).max() <= 8


def test_near_hashes_by_hand(monkeypatch):
    """7 is 3 bits from 0 and 1 from 3; all bits are 64 from none."""
    ours, theirs = np.array([7, 2**64 - 1], "uint64"), np.array([0, 3, 2**64 - 1], "uint64")
    monkeypatch.setattr(duplicates, "BLOCK", 1)
    assert [part.tolist() for part in near(ours, theirs)] == [[0, 0, 1], [0, 1, 2], [3, 1, 0]]


def test_correlation_by_hand():
    """1 2 3 against 2 4 6: 1; against 3 2 1: -1; against 1 3 2: 1/2; a plain image has none."""
    first = np.array([1, 2, 3] * 4, "uint8").reshape(4, 1, 3, 1)
    second = np.array([2, 4, 6, 3, 2, 1, 1, 3, 2, 5, 5, 5], "uint8").reshape(4, 1, 3, 1)
    assert correlate(first, second) == pytest.approx([1, -1, 0.5, 0])


def test_images_too_small_for_a_hash_are_not_searched():
    assert too_small((8, 8)).startswith("images of 8×8 pixels are too small: ")
    assert too_small((32, 15)) != ""
    assert too_small((16, 16)) == too_small((32, 32)) == ""
