"""Files of arrays are read whole, or refused in one message, whatever has befallen them."""

import zipfile
from pathlib import Path

import numpy as np
import pytest

from cnn_study.base import files
from cnn_study.base.errors import UserError

ARRAYS = {"a": np.arange(40, dtype="float32").reshape(5, 8), "b/c": np.array([7], "uint8")}


@pytest.fixture(params=[np.savez, np.savez_compressed], ids=["stored", "compressed"])
def path(request, tmp_path) -> Path:
    request.param(tmp_path / "kept.npz", **ARRAYS)
    return tmp_path / "kept.npz"


def read(path: Path, sha256: str = "") -> dict[str, np.ndarray]:
    def refuse(fault: str) -> UserError:
        return UserError(f"{path.name}: {fault}. Do so.")

    return files.intact_arrays(path, refuse, ARRAYS, sha256)


def fault_of(path: Path, sha256: str = "") -> str:
    with pytest.raises(UserError) as error:
        read(path, sha256)
    assert error.value.__cause__ is None
    return str(error.value)


def same(read: dict[str, np.ndarray]) -> bool:
    return list(read) == list(ARRAYS) and all(
        (read[name] == array).all() and read[name].dtype == array.dtype
        for name, array in ARRAYS.items()
    )


def test_what_was_written_is_read(path):
    assert same(read(path))
    assert same(read(path, files.digest_of_file(path)))


def test_whichever_bit_is_flipped_no_other_array_is_read(path):
    """Some bits are of times and mean nothing, some of how many arrays there are."""
    content = path.read_bytes()
    messages = []
    for place in range(0, len(content), 5):
        spoilt = bytearray(content)
        spoilt[place] ^= 1 << place % 8
        path.write_bytes(spoilt)
        try:
            arrays = read(path)
        except UserError as error:
            messages.append(str(error))
            continue
        assert same(arrays), place
    assert len(messages) > len(content) / 5 / 2
    for message in messages:
        assert message.startswith(("kept.npz: it is damaged (", "kept.npz: it has no array "))
        assert "\n" not in message


def test_another_file_than_the_one_that_is_told_of_is_refused_before_it_is_opened(path):
    digest = files.digest_of_file(path)
    path.write_bytes(b"no archive")
    given = "7275b9d1e6c0314c52bfca6c77534b8eaa3a8454a5c74b20e3e5f983e32c6877"
    assert fault_of(path, digest) == (
        f"kept.npz: its sha256 is {given}, and should be {digest}. Do so."
    )


@pytest.mark.parametrize("share", [0, 0.3, 0.9, 0.99])
def test_a_file_that_is_cut_off_is_one_message(path, share):
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    assert fault_of(path).startswith("kept.npz: it is damaged (")


def test_what_is_no_archive_of_arrays_is_one_message(tmp_path):
    path = tmp_path / "kept.npz"
    assert fault_of(path) == "kept.npz: it is not there. Do so."
    with open(path, "wb") as file:
        np.save(file, np.arange(3))
    assert fault_of(path).startswith("kept.npz: it is damaged (")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.npy", b"text")
    assert "kept.npz: it is damaged (" in fault_of(path)
    path.unlink()
    path.mkdir()
    assert fault_of(path).endswith("kept.npz is a folder, and should be a file. Move it away.")


def test_an_array_that_is_missing_is_named(tmp_path):
    np.savez(tmp_path / "kept.npz", a=ARRAYS["a"])
    assert fault_of(tmp_path / "kept.npz") == "kept.npz: it has no array b/c. Do so."
