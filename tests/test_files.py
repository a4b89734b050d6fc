"""Files that are whole or absent, and arrays that are no larger than is expected."""

import errno
import os
import time
from pathlib import Path

import numpy as np
import pytest

from cnn_study.base import csv_rows, files
from cnn_study.base.errors import UserError
from cnn_study.data.arrays import load_prepared
from cnn_study.data.catalog import DATASETS
from cnn_study.runs import records, sealed


def test_arrays_of_a_file_are_mapped(tmp_path):
    """Wherever they lie in it, and whatever their order."""
    arrays = {
        "images": np.arange(24, dtype="uint8").reshape(2, 3, 4),
        "wide": np.asfortranarray(np.arange(6, dtype="int32").reshape(2, 3)),
        "none": np.empty((0, 3)),
    }
    path = tmp_path / "arrays.npz"
    np.savez(path, **arrays)
    mapped = files.map_arrays(path, 1000)
    assert mapped.keys() == arrays.keys()
    for name, array in arrays.items():
        np.testing.assert_array_equal(mapped[name], array)
        assert mapped[name].dtype == array.dtype
        files.let_go(mapped[name])
        np.testing.assert_array_equal(mapped[name], array)
    assert isinstance(mapped["images"], np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        mapped["images"][0] = 1
    path.unlink()  # what is mapped stays
    assert mapped["images"].sum() == 276


def test_arrays_that_do_not_lie_in_their_file_as_they_are_are_refused(tmp_path):
    path = tmp_path / "arrays.npz"
    np.savez_compressed(path, images=np.zeros(500, "uint8"))
    with pytest.raises(ValueError, match=r"images\.npy is compressed"):
        files.map_arrays(path, 1000)
    np.savez(path, images=np.zeros(500, "uint8"))
    with pytest.raises(ValueError, match="holds 628 bytes, and at most 600 are expected"):
        files.map_arrays(path, 600)
    path.write_bytes(path.read_bytes()[:400])
    with pytest.raises(ValueError, match=r"not an \.npz file, or cut off"):
        files.map_arrays(path, 1000)


@pytest.fixture
def umask():
    """Set the umask for a test."""
    before = os.umask(0o022)
    yield os.umask
    os.umask(before)


@pytest.mark.parametrize(("mask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_a_persons_umask_says_who_may_read_a_file(tmp_path, umask, mask, mode):
    path = tmp_path / "folder" / "record.json"
    umask(mask)
    files.write_whole(path, lambda file: file.write(b"{}"))
    assert path.stat().st_mode & 0o777 == mode
    assert os.listdir(path.parent) == ["record.json"]


def test_what_fails_while_it_is_written_leaves_what_was_there(tmp_path):
    path = tmp_path / "record.json"
    path.write_text("before")

    def write(file) -> None:
        file.write(b"half")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        files.write_whole(path, write)
    assert path.read_text() == "before"
    assert os.listdir(tmp_path) == ["record.json"]


def unlooked_at(path):
    """What the system says of a place, but for when somebody looked, as following a link is."""
    facts = path.lstat()
    return facts.st_ino, facts.st_mode, facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns


@pytest.mark.parametrize("name", ["pipe", "folder", "link"])
def test_no_file_takes_the_place_of_a_pipe_a_folder_or_a_device(tmp_path, name):
    """Whoever is root could replace /dev/null for all programs."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to(os.devnull)
    path = tmp_path / name
    before = unlooked_at(path)
    with pytest.raises(UserError, match=f"{name} is a folder, a pipe or a device, and a file"):
        files.write_whole(path, lambda file: file.write(b"new"))
    assert unlooked_at(path) == before
    assert len(list(tmp_path.iterdir())) == 3


def test_arrays_are_read_from_a_file_and_from_its_content(tmp_path):
    path = tmp_path / "arrays.npz"
    files.write_arrays(path, {"a": np.arange(3), "b": np.eye(2, dtype="float32")})
    for source in (path, path.read_bytes()):
        arrays = files.read_arrays(source)
        assert list(arrays) == ["a", "b"]
        assert arrays["a"].tolist() == [0, 1, 2]
        assert arrays["b"].tolist() == [[1.0, 0.0], [0.0, 1.0]]


@pytest.mark.parametrize(
    "read", [files.read_arrays, lambda path: files.intact_arrays(path, UserError)]
)
def test_nobody_waits_for_a_pipe_in_the_place_of_arrays(tmp_path, read):
    os.mkfifo(tmp_path / "arrays.npz")
    with pytest.raises(UserError, match=r"arrays\.npz is a pipe or device, and should be a file"):
        read(tmp_path / "arrays.npz")


def test_arrays_that_take_more_than_is_expected_are_refused(tmp_path):
    """One array of 24 bytes behind a header of 128."""
    path = tmp_path / "arrays.npz"
    files.write_arrays(path, {"a": np.arange(3)})
    assert files.read_arrays(path, 152)["a"].tolist() == [0, 1, 2]
    with pytest.raises(ValueError, match="it holds 152 bytes, and at most 151 are expected"):
        files.read_arrays(path, 151)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"x" * 100])
def test_what_is_no_file_of_arrays_is_refused(content):
    with pytest.raises(ValueError, match=r"not an \.npz file, or cut off"):
        files.read_arrays(content)


def test_any_flipped_bit_gives_the_arrays_or_one_kind_of_error(tmp_path):
    path = Path(tmp_path / "arrays.npz")
    files.write_arrays(path, {"a": np.arange(50), "b": np.ones((3, 4))})
    content, refused = path.read_bytes(), 0
    for place in range(len(content)):
        damaged = bytearray(content)
        damaged[place] ^= 0x10
        try:
            files.read_arrays(bytes(damaged))
        except ValueError:
            refused += 1
    assert refused > len(content) / 3


@pytest.mark.parametrize("content", [b"", b'{"a": [1', b"\xff\xfe", b"[" * 10**5, b"NaN_"])
def test_json_that_is_not_whole_is_one_message(tmp_path, content):
    path = tmp_path / "facts.json"
    with pytest.raises(UserError, match=r"there is no .*facts\.json\. Make it again"):
        files.read_json(path, "Make it again.")
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"facts\.json is damaged: .*\. Make it again"):
        files.read_json(path, "Make it again.")


def refuse(*given, **more):
    raise PermissionError(errno.EACCES, "Permission denied", str(given[0]))


@pytest.mark.parametrize(
    "read",
    [
        lambda path: files.intact_arrays(path, UserError),
        lambda path: files.read_json(path, "Delete it."),
        lambda path: csv_rows.read(path, ["a"], "Delete it."),
        lambda path: sealed.read(path, sealed.Sealed, lambda path, why: UserError("Delete it.")),
        lambda path: load_prepared(DATASETS["digits"], path),
        files.read_text,
        records.read,
    ],
)
def test_a_file_of_another_user_is_not_called_damaged(tmp_path, monkeypatch, read):
    """Even where what cannot be read is made again, nobody knows that it is not whole."""
    path = tmp_path / "seed-1.json"
    path.write_bytes(b"")
    monkeypatch.setattr(files, "opened", refuse)
    with pytest.raises(UserError) as error:
        read(path)
    assert str(error.value) == (
        f"{path} cannot be read: Permission denied. It may well be whole, so delete nothing. Let "
        "its owner give you the right to it, or work in a copy of your own."
    )


def test_what_may_not_be_written_is_not_for_want_of_room(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "_write_whole", refuse)
    with pytest.raises(UserError, match=r"denied\. Let its owner .* of your own, then run again;"):
        files.write_whole(tmp_path / "a", lambda file: None)


def test_files_that_a_clock_set_back_has_left_in_the_future_come_out_of_it(tmp_path):
    later, earlier = tmp_path / "later", tmp_path / "earlier"
    for path, seconds in ((later, 1e7), (earlier, -1e7)):
        path.touch()
        os.utime(path, (time.time() + seconds,) * 2)
    before = earlier.stat().st_mtime_ns
    files.out_of_the_future([later, earlier, tmp_path / "nowhere"])
    assert abs(later.stat().st_mtime - time.time()) < 60
    assert earlier.stat().st_mtime_ns == before
