"""The images of one epoch: order, flips, shifts and cutouts, by hand and by count."""

import os
from pathlib import Path

import numpy as np
import pytest

from cnn_study.base import files
from cnn_study.study.settings import DataSettings
from cnn_study.train import epoch_images, parts
from cnn_study.train.epoch_images import epoch_order, pixel_statistics

PLAIN = DataSettings()


def numbered(count: int, height: int = 4, width: int = 6, channels: int = 3) -> np.ndarray:
    """Images that all differ from one another, from their mirror image and in each channel."""
    random = np.random.default_rng(42)
    return random.integers(0, 256, (count, height, width, channels)).astype(np.uint8)


def one_epoch(images, seed=1, epoch=1, **settings):
    return whole(images, np.arange(len(images)) % 7, DataSettings(**settings), seed, epoch)


def whole(images, labels, settings, seed, epoch):
    """All images and labels of an epoch together."""
    given = epoch_images.epoch_images(
        images, labels, settings, epoch_images.mean_colour(images), seed, epoch
    )
    return tuple(map(np.concatenate, zip(*given, strict=True)))


# ----------------------------------------------------------------------------- in and out of memory


@pytest.mark.parametrize("settings", [{}, {"horizontal_flip": True, "shift": 2, "cutout": 3}])
def test_a_little_at_a_time_is_the_same_as_all_together(settings, monkeypatch):
    """However few are worked on together: chance is drawn for 4,096, and then for 4 more."""
    images = numbered(4100)
    together = one_epoch(images, seed=3, epoch=2, **settings)
    monkeypatch.setattr(parts, "WORK_BYTES", 1000 * 4 * 6 * 3)
    given = epoch_images.epoch_images(
        images,
        np.arange(4100) % 7,
        DataSettings(**settings),
        epoch_images.mean_colour(images),
        3,
        2,
    )
    sizes, found = [], []
    for chunk in given:
        sizes.append(len(chunk[0]))
        found.append(chunk)
    assert sizes == [1000, 1000, 1000, 1000, 96, 4]
    for ours, theirs in zip(zip(*found, strict=True), together, strict=True):
        np.testing.assert_array_equal(np.concatenate(ours), theirs)


@pytest.mark.parametrize("large", [2**28, 0])
def test_images_of_a_file_are_those_that_were_chosen(tmp_path, monkeypatch, large):
    monkeypatch.setattr(parts, "LARGE", large)
    monkeypatch.setattr(parts, "BLOCK", 3)
    images = numbered(20)
    np.savez(tmp_path / "images.npz", images=images)
    (mapped,) = files.map_arrays(tmp_path / "images.npz", 10_000).values()
    places = np.array([3, 5, 7, 11, 13, 17, 19])
    chosen = parts.Chosen(mapped, places)
    assert (len(chosen), chosen.shape, chosen.dtype) == (7, (7, 4, 6, 3), np.uint8)
    np.testing.assert_array_equal(chosen[1:6], images[[5, 7, 11, 13, 17]])
    np.testing.assert_array_equal(chosen[np.array([6, 0, 6, 2])], images[[19, 3, 19, 7]])
    np.testing.assert_array_equal(np.asarray(chosen), images[places])
    np.testing.assert_array_equal(np.concatenate(list(parts.chunks(chosen))), images[places])


@pytest.mark.slow
def test_of_a_large_file_only_a_part_comes_to_memory(tmp_path):
    """600 MB of zeros, that take no room on the disk, gone through once and in no order."""
    (tmp_path / "zeros").touch()
    os.truncate(tmp_path / "zeros", 200_000 * 3072)
    images = np.memmap(tmp_path / "zeros", np.uint8, "r", shape=(200_000, 32, 32, 3))
    chosen = parts.Chosen(images, np.random.default_rng(1).permutation(200_000))
    before = held()
    sums = [int(chunk.sum()) for chunk in parts.chunks(chosen)]
    assert (sum(sums), len(sums)) == (0, 50)
    assert held() - before < 250 * 2**20


def held() -> int:
    """Bytes of memory that this process holds."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.parametrize(
    ("shape", "answered", "worked"),
    [
        ((8, 8, 1), 500, 4096),
        ((64, 64, 3), 500, 1365),
        ((224, 224, 3), 40, 111),
        ((2048, 2048, 3), 1, 1),
    ],
)
def test_of_larger_images_fewer_are_worked_on_together(shape, answered, worked):
    """500 of 64 x 64 have 2,048,000 pixels, as 40.8 of 224 x 224; 16 MiB hold 111.5 of these."""
    assert parts.scoring_batch(shape) == answered
    assert parts.worked_together(shape, 4096) == worked


# ------------------------------------------------------------------------------------------ order


def test_order_is_a_permutation():
    assert sorted(epoch_order(1000, seed=3, epoch=2)) == list(range(1000))


def test_order_is_pinned():
    """Another order trains other weights: raise TRAINING_VERSION."""
    assert epoch_order(10, seed=1, epoch=1).tolist() == [7, 2, 4, 6, 1, 0, 3, 5, 9, 8]
    assert epoch_order(10, seed=1, epoch=2).tolist() == [8, 5, 6, 0, 9, 1, 4, 3, 7, 2]
    assert epoch_order(10, seed=2, epoch=1).tolist() == [0, 8, 9, 2, 3, 6, 4, 1, 5, 7]
    assert epoch_order(45_000, seed=1, epoch=1)[:8].tolist() == [
        1475,
        11884,
        25408,
        35860,
        21446,
        29599,
        17053,
        22909,
    ]


def test_order_depends_on_seed_and_epoch_alone():
    np.random.default_rng(0).random(3)
    first = epoch_order(100, seed=1, epoch=1)
    np.testing.assert_array_equal(first, epoch_order(100, seed=1, epoch=1))
    orders = {tuple(epoch_order(100, seed, epoch)) for seed in range(5) for epoch in range(1, 6)}
    assert len(orders) == 25


@pytest.mark.parametrize(
    "settings", [{}, {"horizontal_flip": True}, {"shift": 1}, {"cutout": 2}], ids=str
)
def test_labels_are_in_the_order_whatever_is_done_to_the_images(settings):
    images = numbered(50)
    _, labels = one_epoch(images, seed=5, epoch=3, **settings)
    np.testing.assert_array_equal(labels, (np.arange(50) % 7)[epoch_order(50, 5, 3)])


def test_without_augmentation_the_images_are_shuffled_and_nothing_else():
    images = numbered(50)
    before = images.copy()
    found, _ = one_epoch(images, seed=5, epoch=3)
    np.testing.assert_array_equal(found, images[epoch_order(50, 5, 3)])
    np.testing.assert_array_equal(images, before)


def test_labels_follow_their_images():
    """Each image is all of one value, and its label says which."""
    labels = np.arange(200).astype(np.uint8)
    images = np.broadcast_to(labels[:, None, None, None], (200, 4, 4, 1))
    settings = DataSettings(horizontal_flip=True, shift=2)
    found, found_labels = whole(images, labels, settings, 1, 1)
    np.testing.assert_array_equal(
        found, np.broadcast_to(found_labels[:, None, None, None], found.shape)
    )


ALL = {"horizontal_flip": True, "shift": 1, "cutout": 2}


@pytest.mark.parametrize(
    "settings", [{}, {"horizontal_flip": True}, {"shift": 1}, {"cutout": 2}, ALL]
)
def test_shape_and_type_are_kept_and_the_given_images_too(settings):
    images = numbered(40)
    images.setflags(write=False)
    found, labels = one_epoch(images, **settings)
    assert (found.shape, found.dtype) == (images.shape, np.uint8)
    assert labels.dtype == np.arange(1).dtype
    assert len(labels) == 40


@pytest.mark.parametrize("settings", [{"horizontal_flip": True}, {"shift": 1}, {"cutout": 2}])
def test_augmentation_is_new_each_epoch_and_seed_and_the_same_for_both_again(settings):
    """The order is undone, so that only the augmentation is compared."""
    images = numbered(64)

    def in_place(seed, epoch):
        found, _ = one_epoch(images, seed, epoch, **settings)
        unshuffled = np.empty_like(found)
        unshuffled[epoch_order(64, seed, epoch)] = found
        return unshuffled

    first = in_place(1, 1)
    np.testing.assert_array_equal(first, in_place(1, 1))
    assert (first != in_place(1, 2)).any()
    assert (first != in_place(2, 1)).any()
    assert (in_place(1, 2) != in_place(2, 1)).any()


def test_augmented_pixels_are_pinned():
    """Other pixels train other weights: raise TRAINING_VERSION."""
    images = np.arange(3 * 4 * 4).reshape(3, 4, 4, 1).astype(np.uint8)
    found, _ = one_epoch(images, **ALL)
    assert found[..., 0].tolist() == [
        [[24, 33, 34, 35], [36, 37, 38, 39], [40, 41, 42, 43], [44, 45, 46, 47]],
        [[5, 24, 24, 6], [9, 24, 24, 10], [13, 12, 13, 14], [9, 8, 9, 10]],
        [[24, 24, 23, 22], [17, 18, 19, 18], [21, 22, 23, 22], [25, 26, 27, 26]],
    ]


# ------------------------------------------------------------------------------------------- flip


def test_alternating_flips_show_each_image_both_ways_in_two_epochs():
    images = np.random.default_rng(1).integers(0, 256, (5000, 2, 3, 1), dtype=np.uint8)
    settings = DataSettings(horizontal_flip=True, flip_order="alternating")
    shown = []
    for epoch in (1, 2, 3):
        drawn = epoch_images.draw(5000, (2, 3), settings, 7, epoch)
        altered = epoch_images.apply(images[drawn.order], drawn, settings, np.zeros(1, "uint8"))
        mirrored = np.empty(5000, bool)
        mirrored[drawn.order] = (altered == images[drawn.order, :, ::-1]).all(axis=(1, 2, 3))
        shown.append(mirrored)
    assert 2400 < shown[0].sum() < 2600
    assert (shown[1] == ~shown[0]).all()
    assert (shown[2] == shown[0]).all()
    other = epoch_images.draw(5000, (2, 3), settings, 8, 1)
    assert (other.mirrored != shown[0][other.order]).any()


def test_flip_mirrors_half_of_the_images_exactly():
    images = numbered(2000)
    found, _ = one_epoch(images, horizontal_flip=True)
    shuffled = images[epoch_order(2000, 1, 1)]
    plain = (found == shuffled).all(axis=(1, 2, 3))
    mirrored = (found == shuffled[:, :, ::-1]).all(axis=(1, 2, 3))
    np.testing.assert_array_equal(plain, ~mirrored)
    # 1000 +- 4.5 standard deviations of sqrt(2000 / 4)
    assert 900 < mirrored.sum() < 1100


# ------------------------------------------------------------------------------------------ shift


def test_shift_by_hand():
    """A 3x3 image; the border is reflected without being repeated."""
    image = np.array([[1, 2, 3], [4, 5, 6], [7, 8, 9]], dtype=np.uint8)[None, :, :, None]
    expected = {  # rows moved down, columns moved right by -1, 0 or 1
        (-1, -1): [[5, 6, 5], [8, 9, 8], [5, 6, 5]],
        (-1, 0): [[4, 5, 6], [7, 8, 9], [4, 5, 6]],
        (-1, 1): [[5, 4, 5], [8, 7, 8], [5, 4, 5]],
        (0, -1): [[2, 3, 2], [5, 6, 5], [8, 9, 8]],
        (0, 0): [[1, 2, 3], [4, 5, 6], [7, 8, 9]],
        (0, 1): [[2, 1, 2], [5, 4, 5], [8, 7, 8]],
        (1, -1): [[5, 6, 5], [2, 3, 2], [5, 6, 5]],
        (1, 0): [[4, 5, 6], [1, 2, 3], [4, 5, 6]],
        (1, 1): [[5, 4, 5], [2, 1, 2], [5, 4, 5]],
    }
    found, _ = one_epoch(np.repeat(image, 900, axis=0), shift=1)
    names = {str(rows): place for place, rows in expected.items()}
    counted = dict.fromkeys(expected, 0)
    for shifted in found[..., 0].tolist():
        counted[names[str(shifted)]] += 1
    # 100 each, standard deviation 9.4
    assert all(55 < count < 145 for count in counted.values()), counted


def test_every_shift_of_the_range_occurs_and_none_beyond():
    """One white pixel in the middle of 9x9 says where it was moved."""
    image = np.zeros((1, 9, 9, 1), dtype=np.uint8)
    image[0, 4, 4] = 255
    found, _ = one_epoch(np.repeat(image, 2000, axis=0), shift=3)
    assert (found.sum(axis=(1, 2, 3)) == 255).all()
    _, rows, columns, _ = np.nonzero(found)
    assert set(zip(rows.tolist(), columns.tolist(), strict=True)) == {
        (row, column) for row in range(1, 8) for column in range(1, 8)
    }


def test_shift_moves_all_channels_together():
    images = numbered(1)
    images[..., 1], images[..., 2] = images[..., 0], 255 - images[..., 0]
    found, _ = one_epoch(np.repeat(images, 50, axis=0), shift=2)
    np.testing.assert_array_equal(found[..., 0], found[..., 1])
    np.testing.assert_array_equal(found[..., 0], 255 - found[..., 2])


def test_shift_may_be_larger_than_the_image():
    images = numbered(20, 8, 8, 1)
    found, _ = one_epoch(images, shift=16)
    assert found.shape == images.shape
    assert set(found.ravel()) <= set(images.ravel())


# ----------------------------------------------------------------------------------------- cutout


def cut(count: int, side: int, size: int = 12, **settings):
    """Cut squares of the mean colour, 20, out of images that are all 10; give rows and columns."""
    images = np.full((2 * count, size, size, 1), 10, dtype=np.uint8)
    images[count:] = 30
    found, _ = one_epoch(images, cutout=side, **settings)
    found = found[epoch_order(2 * count, 1, 1) < count, ..., 0]
    assert set(np.unique(found)) <= {10, 20}
    return found == 20


def test_cutout_paints_one_square_in_the_mean_colour():
    for image in cut(400, side=4):
        rows, columns = np.nonzero(image)
        height, width = np.ptp(rows) + 1, np.ptp(columns) + 1
        assert len(rows) == height * width, "not a rectangle"
        assert height == 4 or rows.min() == 0 or rows.max() == 11
        assert width == 4 or columns.min() == 0 or columns.max() == 11
        assert 2 <= height <= 4
        assert 2 <= width <= 4


@pytest.mark.parametrize("side", [1, 3, 4])
def test_cutout_has_its_centre_on_any_pixel(side):
    """Every pixel is covered about as often; at the border less, since the square hangs over."""
    covered = cut(4000, side=side)
    whole = side**2 / 12**2
    assert covered[:, 4:8, 4:8].mean() == pytest.approx(whole, rel=0.15)
    sizes = covered.sum(axis=(1, 2))
    assert sizes.max() == side**2
    # What is left of the square's side for each of the twelve centres.
    lengths = [
        min(centre - side // 2 + side, 12) - max(centre - side // 2, 0) for centre in range(12)
    ]
    assert sizes.mean() == pytest.approx(np.mean(lengths) ** 2, rel=0.03)
    assert sizes.min() == min(lengths) ** 2


def test_cutout_paints_each_channel_in_its_own_mean():
    images = numbered(100, 6, 6, 3)
    images[..., 0] //= 4
    found, _ = one_epoch(images, cutout=20)  # covers the whole image, wherever its centre is
    mean = np.rint(images.mean(axis=(0, 1, 2))).astype(int)
    assert mean[0] < 40 < mean[1]
    assert np.unique(found.reshape(-1, 3), axis=0).tolist() == [mean.tolist()]


def test_cutout_comes_after_flip_and_shift():
    """A square of one pixel stays one pixel: it is not reflected at the border."""
    covered = cut(500, side=1, size=6, shift=3, horizontal_flip=True)
    assert (covered.sum(axis=(1, 2)) == 1).all()


# ------------------------------------------------------------------------------------- statistics


def test_pixel_statistics_by_hand():
    """Channel 1 is 0, 2, 4, 6: mean 3, deviations 9, 1, 1, 9, variance 5. Channel 2 is 7."""
    images = np.array([[[[0, 7], [2, 7]], [[4, 7], [6, 7]]]], dtype=np.uint8)
    mean, deviation = pixel_statistics(images)
    assert mean.tolist() == [3.0, 7.0]
    assert deviation[0] == pytest.approx(5**0.5, abs=1e-15)
    # No spread: not 0, which would be divided by.
    assert deviation[1] == pytest.approx(1e-6)


def test_pixel_statistics_are_those_of_numpy():
    images = numbered(300, 8, 8, 3)
    images[..., 2] //= 5
    mean, deviation = pixel_statistics(images)
    values = images.astype(np.float64).reshape(-1, 3)
    np.testing.assert_allclose(mean, values.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(deviation, values.std(axis=0), rtol=1e-9)


@pytest.mark.parametrize("chunk", [1, 7, 100, 300, 5000])
def test_pixel_statistics_do_not_depend_on_the_chunk(monkeypatch, chunk):
    images = numbered(300)
    expected = pixel_statistics(images)
    monkeypatch.setattr(epoch_images, "CHUNK", chunk)
    np.testing.assert_array_equal(pixel_statistics(images), expected)


def test_all_chunks_are_augmented(monkeypatch):
    """Each of three chunks has its own random numbers."""
    monkeypatch.setattr(epoch_images, "CHUNK", 40)
    image = np.zeros((1, 9, 9, 1), dtype=np.uint8)
    image[0, 4, 4] = 255
    found, _ = one_epoch(np.repeat(image, 100, axis=0), shift=4)
    places = found.reshape(100, -1).argmax(axis=1)
    assert places[:40].tolist() != places[40:80].tolist()
    for part in (places[:40], places[40:80], places[80:]):
        assert len(set(part)) > 10


# ------------------------------------------------------------------------------------------- draws


EVERY_WAY = [
    {},
    {"horizontal_flip": True},
    {"shift": 2},
    {"shift": 9},
    {"cutout": 3},
    {"horizontal_flip": True, "shift": 2, "cutout": 3},
]


def test_draws_are_kilobytes_and_say_nothing_of_what_is_not_done():
    drawn = epoch_images.draw(50, (4, 6), DataSettings(shift=2), 5, 3)
    np.testing.assert_array_equal(drawn.order, epoch_order(50, 5, 3))
    assert (drawn.mirrored, drawn.corner) == (None, None)
    assert drawn.moved.shape == (50, 2)
    assert set(drawn.moved.ravel().tolist()) == {0, 1, 2, 3, 4}
    some = drawn.of(slice(10, 14))
    np.testing.assert_array_equal(some.moved, drawn.moved[10:14])
    assert (len(some.order), some.corner) == (4, None)


@pytest.mark.slow
@pytest.mark.parametrize("settings", EVERY_WAY, ids=str)
def test_jax_does_to_pixels_what_numpy_does(settings, monkeypatch):
    jnp = pytest.importorskip("jax.numpy", reason="JAX is not installed")
    monkeypatch.setattr(epoch_images, "CHUNK", 40)
    images, given = numbered(100), DataSettings(**settings)
    mean = epoch_images.mean_colour(images)
    expected, _ = one_epoch(images, seed=3, epoch=2, **settings)
    drawn = epoch_images.draw(100, (4, 6), given, 3, 2)
    there = epoch_images.Draws(*(None if each is None else jnp.asarray(each) for each in drawn))
    found = epoch_images.apply(jnp.asarray(images)[there.order], there, given, mean, jnp)
    assert found.dtype == jnp.uint8
    np.testing.assert_array_equal(found, expected)
