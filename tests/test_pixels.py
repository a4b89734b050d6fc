"""All images in one array: sizes, channels, unreadable ones, and how little memory it takes."""

import hashlib
import tracemalloc
from functools import partial

import numpy as np
import pytest

from cnn_study.data import threads
from cnn_study.data.listing import Item, list_items
from cnn_study.data.pictures import Unreadable
from cnn_study.data.pixels import read_all
from cnn_study.data.threads import in_threads
from pictures_by_hand import block, dirty_garden, encoded, scenes

RANDOM = np.random.default_rng(0)


def item(content: bytes | np.ndarray, name: str = "a.png") -> Item:
    return Item(name, hashlib.sha256(content).hexdigest(), "cat", None, None, lambda: content)


def colour(height: int = 10, width: int = 12) -> bytes:
    return encoded(RANDOM.integers(0, 255, (height, width, 3), "uint8"))


def grey(height: int = 10, width: int = 12) -> bytes:
    return encoded(RANDOM.integers(0, 255, (height, width), "uint8"))


def test_images_stand_in_the_order_of_their_items():
    images = scenes(RANDOM, 100, side=16)
    items = [item(encoded(image)) for image in images]
    result = read_all(items, None)
    assert (result.images == images).all()
    assert result.places.tolist() == list(range(100))
    assert (result.sizes == 16).all()


def test_channels_are_one_where_all_are_grey_and_three_otherwise():
    assert read_all([item(grey()), item(grey())], None).images.shape == (2, 10, 12, 1)
    first, second = grey(), colour()
    mixed = read_all([item(first), item(second), item(grey())], None).images
    assert mixed.shape == (3, 10, 12, 3)
    assert (mixed[0] == read_all([item(first)], None).images[0]).all()
    assert (mixed[1] == read_all([item(second)], None).images[0]).all()
    assert read_all([item(first), item(second)], None, channels=1).images.shape[3] == 1
    assert read_all([item(first)], None, channels=3).images.shape[3] == 3


def test_unreadable_ones_are_left_out_and_named():
    def refuse():
        raise Unreadable("is not there")

    gone = Item("b/gone.png", "0", "cat", None, None, refuse)
    result = read_all([item(b"x", "b/text.png"), item(colour()), gone, item(colour())], None)
    assert result.unreadable == [("b/text.png", "no image"), ("b/gone.png", "is not there")]
    assert result.places.tolist() == [1, 3]
    assert result.images.shape == (2, 10, 12, 3)
    assert result.sizes.tolist() == [[10, 12], [10, 12]]


def test_several_sizes_make_no_array_unless_one_is_given():
    items = [item(colour(10, 12)), item(colour(10, 13)), item(colour(10, 12))]
    result = read_all(items, None)
    assert result.images is None
    assert result.sizes.tolist() == [[10, 12], [10, 13], [10, 12]]
    assert read_all(items, (8, 9)).images.shape == (3, 8, 9, 3)


def test_enlarged_ones_and_what_was_done_are_counted():
    items = [item(colour(8, 30), "a.jpg"), item(colour(16, 16)), item(colour(40, 40))]
    result = read_all(items, (16, 16))
    assert result.enlarged == 1
    assert result.notes == {"wrong ending": 1}
    assert read_all(items, (16, 16), "pad").enlarged == 0


def test_no_images_are_no_array():
    assert read_all([], (8, 8)).images is None
    nothing = read_all([item(b"")], (8, 8))
    assert (nothing.images, nothing.places.shape, nothing.sizes.shape) == (None, (0,), (0, 2))


def test_rows_of_arrays_are_read_as_they_are():
    rows = RANDOM.integers(0, 255, (5, 9, 8, 1), "uint8")
    result = read_all([item(row) for row in rows], None)
    assert (result.images == rows).all()


def test_a_dirty_folder_is_read_but_for_what_cannot_be(tmp_path):
    listing = list_items(block(folder=str(dirty_garden(tmp_path))), tmp_path)
    assert listing.faults == []
    result = read_all(listing.items, (16, 16))
    assert result.images.shape == (12, 16, 16, 3)
    assert dict(listing.unreadable + result.unreadable) == {
        "test/cat/out.png": "a link that leads out of the folder",
        "test/cat/pipe.png": "a pipe, a socket or a device",
        "train/cat/cut.jpg": "cut off or damaged",
        "train/cat/empty.png": "empty",
        "train/dog/page.jpg": "a web page",
        "train/dog/text.png": "no image",
    }


@pytest.mark.slow
def test_many_images_take_little_more_than_their_array():
    """400 of 32 x 32 x 3 are 1.2 MB; decoded they are 300 kB each."""
    content = encoded(np.zeros((320, 320, 3), "uint8") + np.array([0, 1, 2], "uint8"))
    items = [item(content)] * 400
    tracemalloc.start()
    images = read_all(items, (32, 32)).images
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert images.nbytes == 400 * 32 * 32 * 3
    assert peak < images.nbytes + 12e6


# ------------------------------------------------------------------------------- threads


def test_threads_keep_the_order_and_say_how_far_they_are(monkeypatch, capsys):
    monkeypatch.setattr(threads, "LINE_SECONDS", 0)
    assert list(in_threads(partial(pow, 2), range(50), "powers are made")) == [
        2**number for number in range(50)
    ]
    lines = capsys.readouterr().err.splitlines()
    assert (lines[0], lines[-1]) == ("1 of 50 powers are made", "50 of 50 powers are made")


def test_what_goes_wrong_in_a_thread_is_heard():
    with pytest.raises(ZeroDivisionError):
        list(in_threads(lambda number: 1 // number, [1, 0, 1], "numbers"))
    assert list(in_threads(pow, [], "nothing")) == []
