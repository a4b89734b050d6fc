"""What images there are: folders, arrays, tables, Parquet as people keep them, and their faults."""

import hashlib
import json
import os
import socket
import unicodedata
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from cnn_study.data.audit import kinds
from cnn_study.data.listing import (
    VALIDATION_REMEDY,
    Listing,
    is_there,
    list_items,
    shown,
    spelled_alike,
)
from cnn_study.data.pixels import read_all
from pictures_by_hand import block, dirty_garden, encoded, garden, scenes, write

PICTURE = encoded(scenes(np.random.default_rng(1), 1, 16)[0])


def listed(here: Path, /, **keys: object) -> Listing:
    return list_items(block(**keys), here)


def faults_of(here: Path, /, **keys: object) -> list[str]:
    """The faults, with the folder of the test left out."""
    return [fault.replace(str(here), "HERE") for fault in listed(here, **keys).faults]


def of_folder(here: Path, files: dict[str, bytes], **keys: object) -> Listing:
    return listed(write(here, files), folder=".", **keys)


def unique(*names: str) -> dict[str, bytes]:
    """A file of bytes of its own under each name."""
    return {name: name.encode() for name in names}


# ------------------------------------------------------------------------------- folder


def test_parts_and_classes_are_folders(tmp_path):
    garden(tmp_path / "garden", {"train/dog": 2, "train/cat": 3, "test/cat": 1, "test/dog": 1})
    listing = listed(tmp_path, folder="garden")
    assert (listing.faults, listing.unreadable, listing.ignored) == ([], [], {})
    assert listing.labels == listing.class_names == ["cat", "dog"]
    assert [(item.name, item.label, item.part) for item in listing.items] == [
        ("test/cat/000.png", "cat", "test"),
        ("test/dog/000.png", "dog", "test"),
        ("train/cat/000.png", "cat", "training"),
        ("train/cat/001.png", "cat", "training"),
        ("train/cat/002.png", "cat", "training"),
        ("train/dog/000.png", "dog", "training"),
        ("train/dog/001.png", "dog", "training"),
    ]
    content = (tmp_path / "garden/train/dog/001.png").read_bytes()
    assert listing.items[-1].key == hashlib.sha256(content).hexdigest()
    assert listing.items[-1].open() == content


def test_other_words_for_the_parts(tmp_path):
    garden(tmp_path, {"Training/cat": 1, "Training/dog": 1, "TEST/cat": 1, "TEST/dog": 1})
    parts = [item.part for item in listed(tmp_path, folder=".").items]
    assert sorted(parts) == ["test", "test", "training", "training"]


def test_classes_alone_have_no_part_and_go_as_deep_as_they_like(tmp_path):
    names = ["cat/a.png", "cat/2024/may/b.PNG", "dog/c.jpeg"]
    listing = of_folder(tmp_path, unique(*names))
    assert {item.name: item.label for item in listing.items} == {
        "cat/a.png": "cat", "cat/2024/may/b.PNG": "cat", "dog/c.jpeg": "dog",
    }  # fmt: skip
    assert {item.part for item in listing.items} == {None}


def test_a_class_may_be_called_train(tmp_path):
    listing = of_folder(tmp_path, unique("train/a.png", "car/b.png", "bus/c.png"))
    assert (listing.labels, listing.faults) == (["bus", "car", "train"], [])


def test_the_folder_that_an_archive_unpacks_to_is_looked_through(tmp_path):
    files = unique("garden/cat/a.png", "garden/dog/b.png", "__MACOSX/x", "garden/cat/c/d.png")
    listing = of_folder(tmp_path / "a", files)
    assert (listing.labels, listing.faults) == (["cat", "dog"], [])
    assert [(item.name, item.label) for item in listing.items] == [
        ("garden/cat/a.png", "cat"), ("garden/cat/c/d.png", "cat"), ("garden/dog/b.png", "dog"),
    ]  # fmt: skip
    inner = unique("x/y/train/cat/a.png", "x/y/train/dog/b.png", "x/y/test/cat/c.png")
    listing = of_folder(tmp_path / "b", inner)
    assert [(item.label, item.part) for item in listing.items] == [
        ("cat", "test"), ("cat", "training"), ("dog", "training"),
    ]  # fmt: skip


def test_parts_in_the_classes_are_not_mixed(tmp_path):
    write(tmp_path, unique("cat/train/a.png", "cat/test/b.png", "dog/train/c.png", "fox/d.png"))
    assert faults_of(tmp_path, folder=".") == [
        "folders train and test lie in cat. Put the classes into them: train/CLASS and test/CLASS"
    ]


def test_validation_beside_train_is_never_a_class(tmp_path):
    write(tmp_path, unique("train/a/1.png", "valid/a/2.png", "extra/b/3.png"))
    assert [fault[:22] for fault in faults_of(tmp_path, folder=".")] == [
        "valid: merge it into t", "beside train and test ", "there is no folder tes",
        "there is only one clas",
    ]  # fmt: skip


def test_classes_that_are_numbers_are_sorted_as_such(tmp_path):
    listing = of_folder(tmp_path, unique("10/a.png", "9/a.png", "0/a.png"))
    assert listing.labels == ["0", "9", "10"]


def test_everything_wrong_with_the_folders_is_said_at_once(tmp_path):
    write(tmp_path, unique("train/cat/a.png", "val/cat/b.png", "train/c.png", "d.png"))
    (tmp_path / "train/empty").mkdir()
    assert faults_of(tmp_path, folder=".") == [
        "val: merge it into the training images; validation_fraction holds images out",
        "there is no folder test. Add it, or move the class folders one level up, where "
        "test_fraction divides them",
        "2 images lie in no class folder: d.png, train/c.png. Move each into the folder of its "
        "class, or name files and classes in a table",
        'class "empty" has no image: remove it, or leave it out of classes',
    ]


def test_folders_beside_the_parts_are_named(tmp_path):
    write(tmp_path, unique("train/a/1.png", "test/a/2.png", "train/b/1.png", "extra/3.png"))
    (fault,) = faults_of(tmp_path, folder=".")
    assert fault.startswith("beside train and test there are extra.")


def test_only_test_is_too_little(tmp_path):
    garden(tmp_path, {"test/a": 1, "test/b": 1})
    (fault,) = faults_of(tmp_path, folder=".")
    assert fault.startswith("there is no folder train. Add it")


@pytest.mark.parametrize(
    ("files", "fault"),
    [
        ([], "there are no images"),
        (["a.txt", "b.txt", "c"], "there are no images, but 2 files ending in .txt, 1 other file"),
        (["cat/a.png", "cat/2024/a.png"], 'there is only one class, "cat", and two are the least'),
        (["cat/a.png", ".x/b.png"], 'there is only one class, "cat", and two are the least'),
    ],
)
def test_too_little_says_what_there_is(tmp_path, files, fault):
    write(tmp_path, unique(*files))
    (only,) = faults_of(tmp_path, folder=".")
    assert only.startswith(fault)


def test_a_folder_that_is_none(tmp_path):
    write(tmp_path, {"a.zip": b"x"})
    assert faults_of(tmp_path, folder="nowhere") == ["folder: HERE/nowhere is not there"]
    assert faults_of(tmp_path, folder="a.zip") == ["folder: HERE/a.zip is no folder"]


def test_the_home_folder_is_understood(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    garden(tmp_path / "g", {"a": 1, "b": 1})
    assert len(listed(Path("/"), folder="~/g").items) == 2


def test_dirt_is_counted_and_what_is_no_file_is_never_opened(tmp_path):
    listing = listed(dirty_garden(tmp_path), folder=".")
    assert listing.faults == []
    assert listing.ignored == {
        "hidden files and folders": 3,
        "__MACOSX": 1,
        "Thumbs.db": 1,
        "Desktop.ini": 1,
        "files ending in .txt": 2,
        "other files": 1,
    }
    assert listing.unreadable == [
        ("test/cat/out.png", "a link that leads out of the folder"),
        ("test/cat/pipe.png", "a pipe, a socket or a device"),
    ]
    assert len(listing.items) == 12 + 4


def test_one_of_a_kind_is_told_as_one():
    several = {
        "other files": 1,
        "links to folders that are read already": 1,
        "images of classes that are not chosen": 1,
        "hidden files and folders": 1,
        "files ending in .md": 1200,
        "cut off or damaged": 1,
    }
    assert kinds(several) == [
        "1 other file",
        "1 link to folders that are read already",
        "1 image of classes that are not chosen",
        "1 hidden file or folder",
        "1,200 files ending in .md",
        "1 cut off or damaged",
    ]


def test_endings_that_may_tell_of_people_are_not_kept(tmp_path):
    names = ["cat/a.Dr. Anna Maier", "cat/b.überweisung", "cat/c.md", "cat/d.0123456789"]
    listing = of_folder(tmp_path, unique(*names, "cat/a.png", "dog/a.png"))
    assert listing.ignored == {"other files": 3, "files ending in .md": 1}


def test_links_within_are_followed_and_circles_end(tmp_path):
    write(tmp_path, unique("cat/a.png", "dog/b.png", "dog/more/c.png"))
    (tmp_path / "cat/again").symlink_to(tmp_path / "cat")
    (tmp_path / "cat/of-dogs").symlink_to(tmp_path / "dog/more")
    (tmp_path / "cat/b.png").symlink_to(tmp_path / "dog/b.png")
    (tmp_path / "dog/gone.png").symlink_to(tmp_path / "nowhere.png")
    (tmp_path / "dog/out").symlink_to(Path("/etc"))
    listing = listed(tmp_path, folder=".")
    assert [item.name for item in listing.items] == [
        "cat/a.png", "cat/b.png", "cat/of-dogs/c.png", "dog/b.png", "dog/more/c.png",
    ]  # fmt: skip
    assert not listing.ignored
    assert listing.unreadable == [
        ("cat/again", "a link to a folder that it lies in itself"),
        ("dog/gone.png", "a link that leads nowhere"),
        ("dog/out", "a link that leads out of the folder"),
    ]


def test_a_folder_may_be_a_link_itself(tmp_path):
    garden(tmp_path / "real", {"a": 1, "b": 1})
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert len(listed(tmp_path, folder="link").items) == 2


def test_sockets_are_not_opened(tmp_path, monkeypatch):
    garden(tmp_path, {"a": 1, "b": 1})
    monkeypatch.chdir(tmp_path)  # a socket's whole path is short
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("a/s.png")
        assert listed(tmp_path, folder=".").unreadable == [
            ("a/s.png", "a pipe, a socket or a device")
        ]


def test_a_file_that_is_exchanged_after_it_was_listed_is_not_waited_for(tmp_path):
    garden(tmp_path, {"a": 1, "b": 1})
    listing = listed(tmp_path, folder=".")
    (tmp_path / "a/000.png").unlink()
    os.mkfifo(tmp_path / "a/000.png")
    (tmp_path / "b/000.png").unlink()
    assert read_all(listing.items, None).unreadable == [
        ("a/000.png", "a pipe, a socket or a device"),
        ("b/000.png", "is not there"),
    ]


def test_names_are_in_nfc_whatever_they_were_written_in(tmp_path):
    composed = "Frösche"
    apart = unicodedata.normalize("NFD", composed)
    assert composed != apart
    listing = of_folder(tmp_path, unique(f"{apart}/é.png", "cat/a.png"), classes=[composed, "cat"])
    assert listing.labels == [composed, "cat"]
    assert {item.name for item in listing.items} == {"Frösche/é.png", "cat/a.png"}
    write(tmp_path, unique(f"{composed}/b.png", "cat/e\u0301.png", "cat/é.png"))
    assert faults_of(tmp_path, folder=".") == [
        "1 name stands for several files, which differ in how Unicode is written: Frösche. Rename "
        "them",
        "1 name stands for several files, which differ in how Unicode is written: cat/é.png. "
        "Rename them",
    ]


def test_names_of_other_encodings_and_control_signs_are_shown_and_read(tmp_path):
    names = [b"cat/\xff\xfe.png", "cat/a\nb\u202e.png".encode(), b"dog/a.png"]
    for name in names:
        path = os.path.join(os.fsencode(tmp_path), name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(PICTURE)
    listing = listed(tmp_path, folder=".")
    assert [item.name for item in listing.items] == [
        "cat/a\\nb\\u202e.png", "cat/\\xff\\xfe.png", "dog/a.png",
    ]  # fmt: skip
    assert len(read_all(listing.items, None).places) == 3
    assert shown("می\u200cخواهم 日本 🙂") == "می\u200cخواهم 日本 🙂"


# ------------------------------------------------------------------------------- classes, groups


def test_classes_choose_and_order(tmp_path):
    files = unique("a/1.png", "b/1.png", "b/2.png", "c/1.png")
    listing = of_folder(tmp_path, files, classes=["c", "a"])
    assert (listing.labels, listing.class_names) == (["c", "a"], ["c", "a"])
    assert {item.label for item in listing.items} == {"a", "c"}
    assert listing.ignored == {"images of classes that are not chosen": 2}
    assert listing.faults == []


def test_classes_rename(tmp_path):
    listing = of_folder(tmp_path, unique("a/1.png", "b/1.png"), classes={"b": "Bee", "a": "Ant"})
    assert (listing.labels, listing.class_names) == (["b", "a"], ["Bee", "Ant"])
    assert {item.label for item in listing.items} == {"a", "b"}


def test_classes_without_images(tmp_path):
    write(tmp_path, unique("a/1.png", "b/1.png"))
    (tmp_path / "void").mkdir()
    assert faults_of(tmp_path, folder=".") == [
        'class "void" has no image: remove it, or leave it out of classes'
    ]
    assert faults_of(tmp_path, folder=".", classes=["a", "b"]) == []
    (fault,) = faults_of(tmp_path, folder=".", classes=["a", "b", "Ant"])
    assert fault.startswith("classes: no images are of Ant; there are a, b, void.")
    for few in (["a", "Ant"], ["Ant", "Bee"], {"Ant": "a", "Bee": "b"}):
        (fault,) = faults_of(tmp_path, folder=".", classes=few)  # not that one class is left
        assert fault.startswith("classes: no images are of Ant")


def test_of_many_classes_without_images_the_first_are_named(tmp_path):
    write(tmp_path, unique("a/1.png", "b/1.png"))
    for number in range(12):
        (tmp_path / f"void {number:02}").mkdir()
    (fault,) = faults_of(tmp_path, folder=".")
    assert fault.startswith('classes "void 00", "void 01", ')
    assert fault.endswith(
        '"void 09" and 2 more have no image: remove them, or leave them out of classes'
    )


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        (["Cat", "dog", "cat"], "Cat and cat"),
        (["hot dog", "hot_dog", "hotdog", "cat"], "hot dog and hot_dog and hotdog"),
        (["class-1", "class 1", "A", "a "], "class-1 and class 1, A and a "),
        (["stra\u00dfe", "STRASSE"], "stra\u00dfe and STRASSE"),
        (["\ufb01sh", "fish"], "\ufb01sh and fish"),  # a ligature
        (["1-2", "12", "-1", "1", "1.2", "cat", "cats"], ""),
    ],
)
def test_names_of_classes_that_are_spelled_alike(labels, said):
    told = spelled_alike(labels)
    assert (f" spelled: {said}. If these" in told) if said else told == ""


def test_a_pattern_on_file_names_tells_the_groups(tmp_path):
    files = unique("a/p1_x.png", "a/p1_y.png", "b/p1_z.png", "b/p22_x.png", "b/other.png")
    listing = of_folder(tmp_path, files, groups=r"^(p\d+)_")
    assert [item.group for item in listing.items] == ["p1", "p1", None, "p1", "p22"]
    assert faults_of(tmp_path, folder=".", groups=r"^(patient\d+)_") == [
        r"groups: '^(patient\\d+)_' finds no group in any of the images"
    ]


def test_a_group_in_both_parts_is_named(tmp_path):
    write(tmp_path, unique("train/a/p1_x.png", "train/b/p2_x.png"))
    write(tmp_path, unique("test/a/p3_x.png", "test/b/p1_y.png"))
    assert faults_of(tmp_path, folder=".", groups=r"^(p\d+)_") == [
        "1 group stands in training and test: p1. Move its images to one of them"
    ]


# ------------------------------------------------------------------------------- arrays

RANDOM = np.random.default_rng(2)
IMAGES = RANDOM.integers(0, 255, (6, 9, 8), "uint8")
SIX = np.array([0, 1, 2, 0, 1, 10])


def arrays(tmp_path: Path, **given: np.ndarray) -> dict[str, str]:
    np.savez(tmp_path / "a.npz", **given)
    return {"arrays": "a.npz"}


@pytest.mark.parametrize("behind", [(), (1,), (3,)])
def test_arrays_are_listed_row_by_row(tmp_path, behind):
    images = RANDOM.integers(0, 255, (6, 9, 8, *behind), "uint8")
    keys = arrays(tmp_path, x_train=images, y_train=SIX, x_test=images[:2], y_test=SIX[:2])
    listing = listed(tmp_path, **keys)
    assert (listing.faults, listing.ignored) == ([], {})
    assert listing.labels == ["0", "1", "2", "10"]
    names = [item.name for item in listing.items]
    assert (names[0], names[5], names[6]) == ("x_train[0]", "x_train[5]", "x_test[0]")
    assert [item.part for item in listing.items] == ["training"] * 6 + ["test"] * 2
    assert listing.items[0].key == listing.items[6].key != listing.items[1].key
    read = read_all(listing.items, None)
    assert (read.images[:6] == images.reshape(read.images[:6].shape)).all()


def test_keys_of_arrays_are_of_shape_and_bytes(tmp_path):
    arrays(tmp_path, x_train=IMAGES, y_train=SIX)
    first = listed(tmp_path, arrays="a.npz").items[0]
    assert first.key == hashlib.sha256(b"(9, 8, 1)" + IMAGES[0].tobytes()).hexdigest()
    arrays(tmp_path, x_train=IMAGES.reshape(6, 8, 9), y_train=SIX)
    assert listed(tmp_path, arrays="a.npz").items[0].key != first.key


@pytest.mark.parametrize(
    "labels",
    [SIX[:, None], SIX.astype("uint8"), np.array(["0", "1", "2", "0", "1", "10"]),
     np.array([b"0", b"1", b"2", b"0", b"1", b"10"])],
)  # fmt: skip
def test_labels_may_be_numbers_or_text(tmp_path, labels):
    listing = listed(tmp_path, **arrays(tmp_path, x_train=IMAGES, y_train=labels))
    assert [item.label for item in listing.items] == ["0", "1", "2", "0", "1", "10"]
    assert {item.part for item in listing.items} == {None}
    named = listed(tmp_path, arrays="a.npz", classes={"1": "one", "0": "zero"})
    assert (named.labels, named.class_names) == (["1", "0"], ["one", "zero"])


def test_arrays_may_tell_groups(tmp_path):
    given = arrays(tmp_path, x_train=IMAGES, y_train=SIX, who_train=np.array([7, 7, 8, 9, 9, 9]))
    listing = listed(tmp_path, groups="who", **given)
    assert [item.group for item in listing.items] == ["7", "7", "8", "9", "9", "9"]
    assert faults_of(tmp_path, groups="patient", **given) == [
        "arrays: there is no patient_train, but x_train, y_train, who_train. Save what is meant "
        "under that name"
    ]


GIVE_SHAPE = "give images × height × width, with or without 1 or 3 channels behind"
GIVE_LEVELS = "give uint8, 0 to 255"
GIVE_LABELS = "give a whole number or a text for each image"


@pytest.mark.parametrize(
    ("given", "faults"),
    [
        (
            {"x_train": IMAGES / IMAGES.max()},
            [f"x_train is float64 from 0 to 1: {GIVE_LEVELS}"],
        ),
        (
            {"x_train": IMAGES.astype("int64") - 5},
            [f"x_train is int64 from -5 to {IMAGES.max() - 5}: {GIVE_LEVELS}"],
        ),
        ({"x_train": IMAGES > 9}, [f"x_train is bool: {GIVE_LEVELS}"]),
        (
            {"x_train": IMAGES[:, None]},
            ["x_train is 6×1×9×8: the channels come last; give np.moveaxis(x, 1, 3)"],
        ),
        ({"x_train": IMAGES.reshape(6, 72)}, [f"x_train is 6×72: {GIVE_SHAPE}"]),
        (
            {"x_train": np.uint8(3), "y_train": np.uint8(1)},
            [f"x_train is one value: {GIVE_SHAPE}", f"y_train is uint8, one value: {GIVE_LABELS}"],
        ),
        ({"x_train": IMAGES[:0], "y_train": SIX[:0]}, ["x_train is 0×9×8: it holds no pixel"]),
        ({"y_train": SIX[:5]}, ["y_train has 5 rows, and there are 6 images"]),
        (
            {"y_train": np.eye(6)},
            ["y_train is 6×6: give one label an image; of one-hot rows np.argmax(y, axis=1)"],
        ),
        ({"y_train": SIX / 2}, [f"y_train is float64, 6: {GIVE_LABELS}"]),
        (
            {"x_test": IMAGES},
            [
                "arrays: there is no y_test, but x_train, y_train, x_test. Save what is meant "
                "under that name"
            ],
        ),
        ({"x_val": IMAGES}, [f"arrays: x_val: {VALIDATION_REMEDY}"]),
    ],
)
def test_what_is_wrong_with_arrays(tmp_path, given, faults):
    keys = arrays(tmp_path, **{"x_train": IMAGES, "y_train": SIX, **given})
    assert faults_of(tmp_path, **keys) == faults


def test_arrays_of_other_names_are_told_of(tmp_path):
    np.savez(tmp_path / "a.npz", train_images=IMAGES, train_labels=SIX[:, None])
    assert faults_of(tmp_path, arrays="a.npz")[0] == (
        "arrays: there is no x_train and no y_train, but train_images, train_labels. Save what is "
        "meant under that name"
    )


def test_a_folder_of_files_that_hold_images_is_told_of(tmp_path):
    (tmp_path / "hub/data").mkdir(parents=True)
    (tmp_path / "hub/data/train-00000-of-00001.parquet").write_bytes(b"PAR1")
    faults = faults_of(tmp_path, folder="hub")
    assert faults[0].endswith(": name it under parquet, and not under folder")


def test_one_class_is_too_few(tmp_path):
    (fault,) = faults_of(tmp_path, **arrays(tmp_path, x_train=IMAGES, y_train=SIX * 0))
    assert fault.startswith('there is only one class, "0", and two are the least.')


def test_faults_of_both_parts_are_said_at_once(tmp_path):
    keys = arrays(tmp_path, x_train=IMAGES / 2, y_train=SIX[:2], x_test=IMAGES > 3, y_test=SIX)
    assert [fault.split(" ")[0] for fault in faults_of(tmp_path, **keys)] == [
        "x_train", "y_train", "x_test",
    ]  # fmt: skip


def test_no_pickle_is_loaded(tmp_path):
    keys = arrays(tmp_path, x_train=IMAGES, y_train=np.array(["a", None, 1, 2, 3, 4], object))
    (fault,) = faults_of(tmp_path, **keys)
    assert fault == (
        "arrays: HERE/a.npz cannot be read: it holds Python objects (a pickle), which are never "
        "loaded"
    )


def test_files_that_are_no_arrays(tmp_path):
    write(tmp_path, {"a.npz": b"PK\x03\x04 cut off", "b.npz": b""})
    (fault,) = faults_of(tmp_path, arrays="a.npz")
    assert fault == "arrays: HERE/a.npz cannot be read: not an .npz file, or cut off"
    assert faults_of(tmp_path, arrays="c.npz") == ["arrays: HERE/c.npz is not there"]
    (fault,) = faults_of(tmp_path, arrays=".")
    assert fault == "arrays: HERE is a folder, and should be a file: name the .npz"


# ------------------------------------------------------------------------------- table


def table(tmp_path: Path, text: str, encoding: str = "utf-8") -> dict[str, str]:
    write(tmp_path, {f"i/{number}.png": str(number).encode() for number in range(4)})
    (tmp_path / "t.csv").write_bytes(text.encode(encoding))
    return {"table": "t.csv"}


def test_a_table_names_files_and_labels(tmp_path):
    keys = table(tmp_path, "label,file,note\ncat,i/0.png,x\n\ndog, i/1.png ,\ncat,i\\2.png,\n")
    listing = listed(tmp_path, **keys)
    assert (listing.faults, listing.unreadable) == ([], [])
    assert [(item.name, item.label, item.part, item.group) for item in listing.items] == [
        ("i/0.png", "cat", None, None),
        ("i/1.png", "dog", None, None),
        ("i\\2.png", "cat", None, None),
    ]
    assert listing.items[2].open() == b"2"


def test_a_table_may_tell_parts_and_groups(tmp_path):
    rows = ["0.png,a,train,g,1", "1.png,b,Train,g,1", "2.png,a,test,h,2", "3.png,b,TEST,,2"]
    text = "file,label,part,group,who\n" + "".join(f"i/{row}\n" for row in rows)
    keys = table(tmp_path, text, "utf-8-sig")
    listing = listed(tmp_path, **keys)
    assert [item.part for item in listing.items] == ["training", "training", "test", "test"]
    assert [item.group for item in listing.items] == ["g", "g", "h", None]
    by_column = listed(tmp_path, groups="who", **keys)
    assert [item.group for item in by_column.items] == ["1", "1", "2", "2"]
    by_pattern = listed(tmp_path, groups=r"^(\d)", **keys)
    assert [item.group for item in by_pattern.items] == ["0", "1", "2", "3"]
    assert faults_of(tmp_path, groups="nobody", **keys) == [
        "groups: 'nobody' is no column, and no pattern with parentheses around the group; the "
        "columns are file, label, part, group, who"
    ]


def test_files_of_a_table_that_are_not_there_are_unreadable(tmp_path):
    keys = table(tmp_path, "file,label\ni/0.png,a\ni/1.png,b\ni/9.png,b\ni,a\n")
    listing = listed(tmp_path, **keys)
    assert listing.faults == []
    assert listing.unreadable == [("i/9.png", "is not there"), ("i", "a folder")]


ROW = "i/0.png,a"


@pytest.mark.parametrize(
    ("lines", "faults"),
    [
        (["name,label", ROW], ["line 1, column file: missing"]),
        (["name;label", "i/0.png;a"], ["line 1, column file: missing"]),
        (["file,label", "i/0.png,a,b"], ["line 2, column label: 3 cells, but the header has 2"]),
        (
            ["file,label", "i/0.png,", ",b", ",c", "i/7.png,b"],
            [
                "lines 3, 4, column file: empty. Fill it",
                "line 2, column label: empty. Fill it",
                "table: 1 of 4 files is not there: i/7.png.",
            ],
        ),
        (["file,label", ROW, "i/./0.png,b"], ["in several rows stands i/0.png: give each file"]),
        (
            ["file,label", "/etc/passwd,a", "i/../../x.png,b"],
            [
                "table: 2 files lie outside of its folder: /etc/passwd, i/../../x.png. Put",
                "table: 1 of 2 files is not there: i/../../x.png.",
            ],
        ),
        (
            ["file,label,part", f"{ROW},Valid", "i/1.png,b,", "i/2.png,b,dev", "i/3.png,a,Valid"],
            [
                "table: column part says Valid, dev. Write train there: validation_fraction",
                "table: column part says nothing (1 of 4). Write train or test",
            ],
        ),
        (["file,label,part", f"{ROW},test", "i/1.png,b,test"], ["table: all rows are of the test"]),
        (["file,label"], ["there are no images"]),
        ([], ["line 1: there is no header"]),
        (["file,label", '"i/0.png,a'], ["it cannot be read as CSV"]),
    ],
)
def test_what_is_wrong_with_a_table(tmp_path, lines, faults):
    said = faults_of(tmp_path, **table(tmp_path, "".join(f"{line}\n" for line in lines)))
    assert len(said) == len(faults)
    for fault, begins in zip(said, faults, strict=True):
        assert fault.removeprefix("table: HERE/t.csv: ").startswith(begins)


def test_of_many_faults_of_a_table_the_first_are_said(tmp_path):
    said = faults_of(tmp_path, **table(tmp_path, "file,label\n" + "a,b,c\n" * 30))
    assert said[9:] == [
        "table: HERE/t.csv: line 11, column label: 3 cells, but the header has 2. Check the commas",
        "table: HERE/t.csv: … and 20 more",
    ]
    (said,) = faults_of(tmp_path, **table(tmp_path, "file,label\n" + ",b\n" * 30))
    assert ": lines 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 and 20 more, column file: empty." in said


@pytest.mark.parametrize("mark", [";", "\t", "|"])
def test_other_marks_between_cells_are_read(tmp_path, mark):
    """A comma in a cell does no harm; one in the header says that commas are meant."""
    text = "File,LABEL,Part\ni/0.png,a cat,train\ni/1.png,a dog,Test\n".replace(",", mark)
    listing = listed(tmp_path, **table(tmp_path, text.replace("a cat", "a,cat"), "utf-8-sig"))
    assert [(item.name, item.label, item.part) for item in listing.items] == [
        ("i/0.png", "a,cat", "training"),
        ("i/1.png", "a dog", "test"),
    ]
    (fault,) = faults_of(tmp_path, **table(tmp_path, f"file{mark}label,x\n"))
    assert "column file: missing" in fault or "stand between the cells" in fault


def test_a_column_of_groups_is_known_as_its_header_has_it(tmp_path):
    keys = table(tmp_path, "File,Label,Group\ni/0.png,a,1\ni/1.png,b,2\n")
    for groups in (None, "Group", "group"):
        assert [item.group for item in listed(tmp_path, groups=groups, **keys).items] == ["1", "2"]


def test_columns_that_tell_nothing_are_known(tmp_path):
    keys = table(tmp_path, "file,label,split,who\ni/0.png,a,x,1\ni/1.png,b,y,2\n")
    assert listed(tmp_path, **keys).unread == ["split", "who"]
    assert listed(tmp_path, groups="who", **keys).unread == ["split"]


def test_a_name_with_a_zero_in_it_is_no_file(tmp_path):
    listing = listed(tmp_path, **table(tmp_path, "file,label\ni/\0.png,a\ni/0.png,b\ni/1.png,a\n"))
    assert listing.faults == []
    assert listing.unreadable == [("i/␀.png", "is not there")]


def test_a_table_of_another_encoding_or_nowhere(tmp_path):
    keys = table(tmp_path, "file,label\ni/0.png,Frösche\n", "latin-1")
    assert faults_of(tmp_path, **keys) == [
        "table: HERE/t.csv: it is not UTF-8. Save it as CSV in UTF-8"
    ]
    assert faults_of(tmp_path, table=".") == [
        "table: HERE is a folder, and should be a file: name the CSV"
    ]
    assert faults_of(tmp_path, table="no.csv") == ["table: HERE/no.csv: it is not there"]


def test_links_in_a_table_do_not_lead_out(tmp_path):
    keys = table(tmp_path, "file,label\ni/0.png,a\ni/link.png,b\n")
    (tmp_path / "i/link.png").symlink_to("/etc/passwd")
    (fault,) = faults_of(tmp_path, **keys)
    assert fault.startswith("table: 1 file lies outside of its folder: i/link.png.")


def test_a_table_finds_names_that_another_system_wrote(tmp_path):
    apart = unicodedata.normalize("NFD", "é.png")
    write(tmp_path, unique(apart, "b.png"))
    (tmp_path / "t.csv").write_text("file,label\né.png,a\nb.png,b\n")
    listing = listed(tmp_path, table="t.csv")
    assert [item.name for item in listing.items] == ["é.png", "b.png"]
    assert listing.unreadable == []


# ------------------------------------------------------------------------------- parquet

needs_parquet = pytest.mark.skipif(not find_spec("pyarrow"), reason="needs the extra parquet")


def parquet(
    path: Path, images: list[object], labels: list[object], names: list[str] | None = None,
    columns: tuple[str, str] = ("image", "label"), **others: list[object],
) -> None:  # fmt: skip
    """Write a file as the library datasets does."""
    arrow, writer = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    given = arrow.table({columns[0]: images, columns[1]: labels, **others})
    if names:
        features = {
            columns[0]: {"_type": "Image"},
            columns[1]: {"_type": "ClassLabel", "names": names},
        }
        given = given.replace_schema_metadata(
            {"huggingface": json.dumps({"info": {"features": features}})}
        )
    path.parent.mkdir(exist_ok=True, parents=True)
    writer.write_table(given, path, row_group_size=2)


def pictures(count: int, seed: int = 0) -> list[dict[str, object]]:
    return [
        {"bytes": encoded(image), "path": f"p{number // 2}_{number}.png"}
        for number, image in enumerate(scenes(np.random.default_rng(seed), count, 16))
    ]


@needs_parquet
def test_parquet_as_the_hub_keeps_it(tmp_path):
    images, tests = pictures(5), pictures(2, seed=1)
    names = ["zebra", "ant"]
    parquet(
        tmp_path / "data/train-0-of-1.parquet",
        images,
        [0, 1, 0, 1, 0],
        names,
        ("img", "kind"),
    )
    parquet(tmp_path / "data/test-0-of-1.parquet", tests, [1, 0], names, ("img", "kind"))
    listing = listed(tmp_path, parquet="data/*.parquet")
    assert (listing.faults, listing.labels) == ([], names)
    assert [(item.name, item.label, item.part) for item in listing.items[:3]] == [
        ("test-0-of-1.parquet[0]", "ant", "test"),
        ("test-0-of-1.parquet[1]", "zebra", "test"),
        ("train-0-of-1.parquet[0]", "zebra", "training"),
    ]
    assert listing.items[2].key == hashlib.sha256(images[0]["bytes"]).hexdigest()
    read = read_all(listing.items, None)
    expected = [*scenes(np.random.default_rng(1), 2, 16), *scenes(np.random.default_rng(0), 5, 16)]
    assert (read.images == np.array(expected)).all()


@needs_parquet
def test_parquet_of_plain_bytes_and_text(tmp_path):
    images = [image["bytes"] for image in pictures(4)]
    parquet(tmp_path / "a.parquet", images, ["b", "a", "b", "a"], patient=["x", "x", None, "y"])
    listing = listed(tmp_path, parquet="a.parquet", groups="patient")
    assert listing.labels == ["a", "b"]
    assert [(item.part, item.group) for item in listing.items] == [
        (None, "x"), (None, "x"), (None, None), (None, "y"),
    ]  # fmt: skip
    assert len(read_all(listing.items, None).places) == 4


@needs_parquet
def test_groups_in_parquet_by_the_names_of_the_files(tmp_path):
    parquet(tmp_path / "train.parquet", pictures(4), [0, 1, 2, 0])
    listing = listed(tmp_path, parquet="*.parquet", groups=r"^(p\d)_")
    assert [item.group for item in listing.items] == ["p0", "p0", "p1", "p1"]
    assert (listing.labels, {item.part for item in listing.items}) == (["0", "1", "2"], {None})


@needs_parquet
def test_a_folder_of_parquet_is_all_the_files_in_it(tmp_path):
    for part, labels in (("train", [0, 1]), ("test", [1, 0])):
        parquet(tmp_path / f"a [b]/data/{part}-0.parquet", pictures(2), labels, ["x", "y"])
    assert is_there(block(parquet="a [b]"), tmp_path)
    assert not is_there(block(parquet="b"), tmp_path)
    listing = listed(tmp_path, parquet="a [b]")
    assert [(item.label, item.part) for item in listing.items] == [
        ("y", "test"), ("x", "test"), ("x", "training"), ("y", "training"),
    ]  # fmt: skip


@needs_parquet
def test_what_is_wrong_with_parquet(tmp_path):
    images = pictures(4)
    images[1] = {"bytes": None, "path": "elsewhere.png"}
    parquet(tmp_path / "a/train-0.parquet", images, [0, 1, -1, 2], ["x", "y"])
    listing = listed(tmp_path, parquet="a/*.parquet")
    assert listing.unreadable == [("train-0.parquet[1]", "holds no bytes of an image")]
    assert listing.faults == [
        "parquet: train-0.parquet: 2 images have no label",
        'class "y" has no image: remove it, or leave it out of classes',
    ]
    parquet(tmp_path / "b/train-0.parquet", images, [0, 1, 0, 1], None, ("picture", "coarse"))
    assert faults_of(tmp_path, parquet="b/*") == [
        "parquet: train-0.parquet: there is no column image and no label, but picture, coarse. "
        "Rename what is meant"
    ]
    write(tmp_path, {"c/train.parquet": b"PAR1 cut off"})
    (fault,) = faults_of(tmp_path, parquet="c/*")
    assert fault.startswith("parquet: train.parquet cannot be read: ")
    assert faults_of(tmp_path, parquet="d/*") == ["parquet: no file is named d/*"]
    (tmp_path / "f").mkdir()
    assert faults_of(tmp_path, parquet="f") == ["parquet: no file is named f/**/*.parquet"]
    write(tmp_path, unique("e/train-0.parquet", "e/validation-0.parquet", "e/more.parquet"))
    assert [fault[:30] for fault in faults_of(tmp_path, parquet="e/*")] == [
        "parquet: validation-0.parquet:", "parquet: more.parquet: train o",
    ]  # fmt: skip


def test_parquet_without_its_extra_says_what_to_do(tmp_path, monkeypatch):
    from cnn_study.data.sources import parquet as source

    def refuse(name):
        raise ImportError(name)

    monkeypatch.setattr(source, "import_module", refuse)
    assert faults_of(tmp_path, parquet="*.parquet") == [
        'parquet: this needs the extra `parquet`. In a clone: pip install -e ".[parquet]"'
    ]


def test_a_blank_before_the_name_of_a_column_is_no_part_of_it(tmp_path):
    write(tmp_path, unique("a.png", "b.png"))
    (tmp_path / "t.csv").write_text("file, label\na.png, cat\nb.png, dog\n")
    listing = listed(tmp_path, table="t.csv")
    assert [(item.name, item.label) for item in listing.items] == [
        ("a.png", "cat"), ("b.png", "dog"),
    ]  # fmt: skip


def test_a_column_that_is_missing_is_told_with_those_that_are_there(tmp_path):
    (tmp_path / "t.csv").write_text("picture,kind\na.png,cat\n")
    (fault, *_) = listed(tmp_path, table="t.csv").faults
    assert "column file: missing. The columns are: file, label; there are picture, kind" in fault
