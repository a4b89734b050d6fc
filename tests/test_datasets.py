"""Datasets: content, every fault a source or a download can have, and the split."""

import errno
import gc
import gzip
import hashlib
import io
import os
import pickle
import socket
import subprocess
import sys
import tarfile
import tempfile
import threading
import tracemalloc
import warnings
import zipfile
from contextlib import suppress
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType

import numpy as np
import pooch
import pytest

from cnn_study.base.errors import UserError
from cnn_study.data import arrays
from cnn_study.data.catalog import DATASETS, Dataset, find_dataset
from cnn_study.data.images import ARRAY_NAMES, Images, content_digest
from cnn_study.data.readers import cifar10
from cnn_study.data.readers.cifar10 import Source
from cnn_study.data.sizes import split_sizes
from cnn_study.data.split import split, stratified_order

PROJECT = Path(__file__).resolve().parents[1]
REAL_ARCHIVE = PROJECT.parent / "shared" / "data" / "cifar-10-python.tar.gz"
BATCH_IMAGES = 3
NAMES = tuple(cifar10.CIFAR10_MD5)
GIVEN_BY = "environment variable CNN_STUDY_DATA"


# ------------------------------------------------------------------------------- fixtures


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch):
    """No proxy and no data source from the tester's own environment."""
    for name in list(os.environ):
        if name.lower().endswith("_proxy") or name == cifar10.SOURCE_VARIABLE:
            monkeypatch.delenv(name)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


def make_batch(number: int, **extra: object) -> bytes:
    """Pickle a tiny batch in CIFAR-10's layout: rows of 1024 red, 1024 green, 1024 blue."""
    generator = np.random.default_rng(number)
    rows = generator.integers(0, 256, (BATCH_IMAGES, 3072)).astype(np.uint8)
    labels = [(number + place) % 10 for place in range(BATCH_IMAGES)]
    return pickle.dumps({b"data": rows, b"labels": labels, **extra}, protocol=4)


@pytest.fixture
def batches():
    return {name: make_batch(number) for number, name in enumerate(NAMES)}


@pytest.fixture
def expected_md5(batches):
    return {name: hashlib.md5(content).hexdigest() for name, content in batches.items()}


def pack(members: dict[str, bytes], folder: str = "cifar-10-batches-py", mode="w:gz") -> bytes:
    """Pack members into an archive."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as archive:
        for name, content in members.items():
            entry = tarfile.TarInfo(f"{folder}/{name}")
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def unpack(members: dict[str, bytes], folder: Path) -> Path:
    """Write members as files of a folder."""
    folder.mkdir(parents=True)
    for name, content in members.items():
        (folder / name).write_bytes(content)
    return folder


def write(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def read(path: Path, expected_md5: dict[str, str]) -> Images:
    return cifar10.read_cifar10(Source(path, GIVEN_BY), expected_md5)


def read_fault(path: Path, expected_md5: dict[str, str]) -> str:
    """Return the message of the fault, after checking what every such message must say."""
    with pytest.raises(UserError) as caught:
        read(path, expected_md5)
    message = str(caught.value)
    for part in (str(path), GIVEN_BY, "cifar-10-python.tar.gz", "cifar-10-batches-py"):
        assert part in message
    for way_out in ("--config data=PATH", "CNN_STUDY_DATA", cifar10.CIFAR10_URL):
        assert way_out in message
    return message


# ---------------------------------------------------------------------------------- facts


@pytest.mark.parametrize("name", DATASETS)
def test_facts_are_complete(name):
    facts = find_dataset(name)
    assert facts is DATASETS[name]
    assert facts.name == name
    assert len(set(facts.class_names)) == len(facts.class_names) >= 2
    assert len(facts.digest) == 64
    assert facts.source.strip()


def test_classes_are_as_large_as_the_catalog_says(digits_file):
    digits, images = DATASETS["digits"], arrays.load_prepared(DATASETS["digits"], digits_file)
    assert digits.training_counts == tuple(np.bincount(images.training_labels))
    assert digits.test_counts == tuple(np.bincount(images.test_labels))
    for dataset in DATASETS.values():
        assert sum(dataset.training_counts) == dataset.training_images
        assert sum(dataset.test_counts) == dataset.test_images


def test_guessing_costs_the_entropy_of_the_classes():
    even = DATASETS["cifar10"]
    assert even.guessing_loss() == pytest.approx(np.log(10))
    uneven = replace(even, class_names=("a", "b", "c"), training_counts=(90, 10, 0))
    assert uneven.guessing_loss() == pytest.approx(-0.9 * np.log(0.9) - 0.1 * np.log(0.1))
    # Weighed 100 / (2 * 90) and 100 / (2 * 10), the two classes that are there count alike.
    assert uneven.guessing_loss("balanced") == pytest.approx(np.log(2))


@pytest.mark.parametrize("facts", DATASETS.values(), ids=DATASETS)
def test_every_entry_names_a_reader_that_is_there(facts):
    assert callable(arrays.find_reader(facts).read)


def test_the_catalog_needs_neither_arrays_nor_readers():
    """Whoever only names a dataset, as the workflow does, imports nothing that reads one."""
    code = (
        "import sys, cnn_study.data.catalog;"
        "print([m for m in sys.modules if m == 'numpy' or m.startswith('cnn_study.data.')])"
    )
    run = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PYTHONPATH": str(PROJECT / "src")},
    )
    names = ", ".join(f"'cnn_study.data.{name}'" for name in ("audit", "sizes", "catalog"))
    assert run.stdout.strip() == f"[{names}]"


def test_an_entry_and_a_reader_are_all_that_a_dataset_takes(tmp_path, monkeypatch):
    """Three training images and one test image of 2x2 pixels, by a reader of their own."""
    content = Images(
        np.arange(12, dtype=np.uint8).reshape(3, 2, 2, 1),
        np.array([0, 1, 0], dtype=np.uint8),
        np.full((1, 2, 2, 1), 255, dtype=np.uint8),
        np.array([1], dtype=np.uint8),
    )
    asked = []
    reader = ModuleType("cnn_study.data.readers.squares")
    reader.read = lambda source: asked.append(source) or content
    monkeypatch.setitem(sys.modules, reader.__name__, reader)
    facts = Dataset(
        name="own-squares",
        title="Squares",
        class_names=("dark", "light"),
        image_shape=(2, 2, 1),
        training_images=3,
        test_images=1,
        digest=hashlib.sha256(bytes([*range(12), 0, 1, 0, *[255] * 4, 1])).hexdigest(),
        source="Made by hand.",
        reader="squares",
        takes_source=True,
    )
    monkeypatch.setitem(DATASETS, facts.name, facts)
    source = tmp_path / "somewhere"
    source.mkdir()
    arrays.prepare(DATASETS["own-squares"], tmp_path / "squares.npz", source)
    assert asked == [source]
    loaded = arrays.load_prepared(DATASETS["own-squares"], tmp_path / "squares.npz")
    np.testing.assert_array_equal(loaded.training_images, content.training_images)


def test_unknown_dataset_is_refused():
    with pytest.raises(UserError, match=r"'mnist'; known datasets: .*cifar10.*, digits"):
        find_dataset("mnist")


# ------------------------------------------------------------------ CIFAR-10: reading content


def test_archive_and_folder_give_the_same_content(tmp_path, batches, expected_md5):
    shuffled = {"readme.html": b"no batch", **dict(reversed(batches.items()))}
    inside = tmp_path / "holds-archive"
    inside.mkdir()
    places = [
        write(tmp_path / "gz", pack(shuffled)),
        write(tmp_path / "tar", pack(shuffled, mode="w:")),
        write(tmp_path / "repacked", pack(batches, folder="./somewhere/else")),
        unpack(batches, tmp_path / "parent" / "cifar-10-batches-py"),
        tmp_path / "parent",
        unpack(batches, tmp_path / "any-name"),
        write(inside / "cifar-10-python.tar.gz", pack(batches)).parent,
    ]
    digests = {content_digest(read(place, expected_md5)) for place in places}
    assert len(digests) == 1


def test_rows_become_height_width_channel_in_canonical_order(tmp_path, batches, expected_md5):
    images = read(unpack(batches, tmp_path / "batches"), expected_md5)
    assert images.training_images.shape == (5 * BATCH_IMAGES, 32, 32, 3)
    assert images.test_images.shape == (BATCH_IMAGES, 32, 32, 3)
    assert images.training_labels.tolist() == [0, 1, 2, 1, 2, 3, 2, 3, 4, 3, 4, 5, 4, 5, 6]
    assert images.test_labels.tolist() == [5, 6, 7]
    rows = pickle.loads(batches["data_batch_2"])[b"data"]
    for row, column, channel in [(0, 0, 0), (0, 1, 0), (1, 0, 0), (31, 31, 2), (7, 5, 1)]:
        place = channel * 1024 + row * 32 + column
        assert images.training_images[BATCH_IMAGES + 1, row, column, channel] == rows[1, place]
    for name in ARRAY_NAMES:
        assert getattr(images, name).dtype == np.uint8


# ------------------------------------------------------------------ CIFAR-10: faults of a source


def test_absent_path(tmp_path, expected_md5):
    assert "no such file or folder" in read_fault(tmp_path / "nowhere", expected_md5)


def test_folder_without_batches(tmp_path, expected_md5):
    assert "neither the batches nor the archive" in read_fault(tmp_path, expected_md5)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 a zip file", b"x" * 5000])
def test_file_that_is_no_archive(tmp_path, expected_md5, content):
    message = read_fault(write(tmp_path / "file", content), expected_md5)
    assert "neither a .tar.gz nor a .tar" in message


@pytest.mark.parametrize("content", [b"<!DOCTYPE html><p>log in", b"\xef\xbb\xbf \n<HTML>"])
def test_web_page_in_place_of_archive(tmp_path, expected_md5, content):
    message = read_fault(write(tmp_path / "page.tar.gz", content), expected_md5)
    assert "starts like a web page" in message


@pytest.mark.parametrize("mode", ["w:gz", "w:"])
@pytest.mark.parametrize("kept", [0.02, 0.3, 0.7])
def test_truncated_archive(tmp_path, batches, expected_md5, mode, kept):
    # A random payload, so that the gzip stream does not shrink to nothing.
    archive = pack({**batches, "tail": os.urandom(2000)}, mode=mode)
    archive = archive[: int(len(archive) * kept)]
    message = read_fault(write(tmp_path / "short", archive), expected_md5)
    assert "damaged or was cut off" in message or "missing: " in message


def test_damaged_archive_bytes(tmp_path, batches, expected_md5):
    """Flipped bytes anywhere give one clear message or, in unused bytes, the right content."""
    archive = pack(batches)
    whole = content_digest(read(write(tmp_path / "whole", archive), expected_md5))
    path, refused = tmp_path / "damaged", 0
    for place in range(0, len(archive), 997):
        damaged = bytearray(archive)
        damaged[place] ^= 0xFF
        write(path, bytes(damaged))
        with suppress(UserError):
            refused += 1
            assert content_digest(read(path, expected_md5)) == whole
            refused -= 1
    assert refused > 10


def test_gzip_of_something_else(tmp_path, expected_md5):
    message = read_fault(write(tmp_path / "file.gz", gzip.compress(b"a" * 3000)), expected_md5)
    assert "damaged or was cut off" in message


def test_missing_members_are_all_named(tmp_path, batches, expected_md5):
    del batches["data_batch_3"], batches["test_batch"]
    for place in (
        write(tmp_path / "archive", pack(batches)),
        unpack(batches, tmp_path / "folder"),
    ):
        assert "missing: data_batch_3, test_batch\n" in read_fault(place, expected_md5)


def test_altered_and_missing_members_are_all_named(tmp_path, batches, expected_md5):
    batches["data_batch_1"] = batches["data_batch_1"][:-1]
    batches["test_batch"] = make_batch(99)
    del batches["data_batch_5"]
    for place in (
        write(tmp_path / "archive", pack(batches)),
        unpack(batches, tmp_path / "folder"),
    ):
        message = read_fault(place, expected_md5)
        assert "missing: data_batch_5; altered: data_batch_1, test_batch (" in message


def test_link_in_archive_is_not_followed(tmp_path, batches, expected_md5):
    secret = write(tmp_path / "secret", batches.pop("data_batch_1"))
    path = write(tmp_path / "archive.tar", pack(batches, mode="w:"))
    with tarfile.open(path, "a:") as archive:
        link = tarfile.TarInfo("cifar-10-batches-py/data_batch_1")
        link.type, link.linkname = tarfile.SYMTYPE, str(secret)
        archive.addfile(link)
    assert "missing: data_batch_1\n" in read_fault(path, expected_md5)


class RunsCommand:
    """Unpickled by the plain pickle module, this makes a file."""

    def __init__(self, victim: Path):
        self.victim = victim

    def __reduce__(self):
        return os.system, (f"touch {self.victim}",)


def test_malicious_pickle_is_refused_and_does_not_run(tmp_path, batches, expected_md5):
    victim = tmp_path / "victim"
    content = make_batch(1, evil=RunsCommand(victim))
    batches["data_batch_2"] = content
    expected_md5["data_batch_2"] = hashlib.md5(content).hexdigest()
    message = read_fault(unpack(batches, tmp_path / "batches"), expected_md5)
    assert "data_batch_2 was refused: it asks for posix.system" in message
    assert not victim.exists()


MIB, TIB = 2**20, 2**40


def headed(name: str, size: int, content: bytes, **fields: object) -> bytes:
    """Make a member of an archive whose header claims a size of its own."""
    entry = tarfile.TarInfo(f"cifar-10-batches-py/{name}")
    entry.size = size
    for field, value in fields.items():
        setattr(entry, field, value)
    return entry.tobuf(tarfile.GNU_FORMAT) + content + bytes(-len(content) % 512)


def peak_of(act) -> tuple[str, int]:
    """Give what an act returns, and the most bytes that Python holds meanwhile."""
    tracemalloc.start()
    try:
        return act(), tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("packed", [gzip.compress, bytes])
@pytest.mark.parametrize(
    ("member", "fault"),
    [
        (headed("data_batch_1", 6 * 2**30, b""), "data_batch_1 is to take 6,442,450,944 bytes"),
        (headed("data_batch_1", TIB, b""), "data_batch_1 is to take 1,099,511,627,776 bytes"),
        (headed("beside", TIB, b""), "it is to hold 1,099,511,"),
        # What tarfile reads whole by itself: a name, or a header in the format of pax.
        (headed("name", TIB, b"", type=tarfile.GNUTYPE_LONGNAME), "it is to hold 1,099,511,"),
        (headed("pax", TIB, b"", type=tarfile.XHDTYPE), "it is to hold 1,099,511,"),
    ],
)
def test_a_member_that_claims_to_be_huge_is_refused_before_it_is_read(
    tmp_path, expected_md5, packed, member, fault
):
    path = write(tmp_path / "archive", packed(member + bytes(64 * MIB)))
    message, peak = peak_of(lambda: read_fault(path, expected_md5))
    assert fault in message
    assert peak < 8 * MIB


def test_a_huge_file_in_a_folder_is_refused_before_it_is_read(tmp_path, batches, expected_md5):
    folder = unpack(batches, tmp_path / "batches")
    with open(folder / "data_batch_4", "r+b") as file:
        file.truncate(6 * 2**30)  # takes no room on a disk
    message, peak = peak_of(lambda: read_fault(folder, expected_md5))
    assert "data_batch_4 is to take 6,442,450,944 bytes, and no batch takes" in message
    assert peak < 8 * MIB


def test_unreadable_file_says_why(tmp_path, batches, expected_md5, monkeypatch):
    folder = unpack(batches, tmp_path / "batches")

    def refuse(path):
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(Path, "read_bytes", refuse)
    assert "cannot be read: Permission denied" in read_fault(folder, expected_md5)


# ------------------------------------------------------------------ CIFAR-10: where it comes from


def test_argument_goes_before_variable_before_download(monkeypatch, tmp_path):
    monkeypatch.setattr(cifar10, "download_cifar10", lambda: tmp_path / "downloaded")
    variable = {"CNN_STUDY_DATA": str(tmp_path / "variable")}
    given = cifar10.find_cifar10(tmp_path / "given", variable)
    assert given == Source(tmp_path / "given", "--config data=PATH")
    assert cifar10.find_cifar10(None, variable) == Source(tmp_path / "variable", GIVEN_BY)
    assert cifar10.find_cifar10("", variable).path == tmp_path / "variable"
    for nothing in ({}, {"CNN_STUDY_DATA": ""}):
        assert cifar10.find_cifar10(None, nothing).path == tmp_path / "downloaded"


def test_home_folder_is_expanded(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cifar10.find_cifar10("~/data", {}).path == tmp_path / "data"


# ------------------------------------------------------------------------------- download


class Handler(BaseHTTPRequestHandler):
    """Serves the archive well at /good and badly, in the way its name says, elsewhere."""

    def do_GET(self):
        self.server.requests.append(self.path)
        getattr(self, f"get_{self.path.strip('/')}")(self.server.archive)

    def reply(self, content, length=None, status=200, **headers):
        self.send_response(status)
        if length is not None:
            self.send_header("Content-Length", str(length))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def get_good(self, archive):
        self.reply(archive, len(archive))

    def get_together(self, archive):
        self.server.barrier.wait(timeout=15)  # both requests are under way before either ends
        self.reply(archive, len(archive))

    def get_closes_midway(self, archive):
        self.reply(archive[: len(archive) // 2], len(archive))

    def get_truncated(self, archive):
        self.reply(archive[: len(archive) // 2])

    def get_login_page(self, archive):
        self.reply(b"<!doctype html><title>Log in</title>")

    def get_redirects_to_login(self, archive):
        self.reply(b"", 0, status=302, Location="/login_page")

    def get_absent(self, archive):
        self.reply(b"<html>404", 9, status=404)

    def get_endless(self, archive):
        self.send_response(200)
        self.end_headers()
        with suppress(OSError):
            while self.server.sent < 2**30:
                self.server.sent += self.wfile.write(bytes(MIB))

    def get_hangs(self, archive):
        self.server.released.wait(timeout=15)

    def log_message(self, *arguments):
        pass


@pytest.fixture
def server(batches):
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.archive = pack({**batches, "ballast": os.urandom(400_000)})
    server.sha256 = hashlib.sha256(server.archive).hexdigest()
    server.address = f"http://127.0.0.1:{server.server_port}"
    server.requests, server.sent = [], 0
    server.barrier = threading.Barrier(2)
    server.released = threading.Event()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.released.set()
    server.shutdown()
    thread.join()
    server.server_close()


def download_fault(url: str, sha256: str, cache: Path) -> str:
    """Return the message of the fault, after checking what every such message must say."""
    with warnings.catch_warnings():
        # Pooch 1.9.0 leaves the response of a failed download open until it is collected.
        warnings.simplefilter("ignore", ResourceWarning)
        with pytest.raises(UserError) as caught:
            cifar10.download_cifar10(url, sha256, cache)
        message = str(caught.value)
        del caught
        gc.collect()
    for part in (url, str(cache), "--config data=PATH", "CNN_STUDY_DATA", cifar10.CIFAR10_URL):
        assert part in message
    return message


def test_download_is_kept_and_used_again(server, tmp_path, expected_md5):
    for _ in range(2):
        place = cifar10.download_cifar10(f"{server.address}/good", server.sha256, tmp_path)
        assert place == tmp_path / "cifar-10-python.tar.gz"
        assert place.read_bytes() == server.archive
    assert server.requests == ["/good"]
    assert [path.name for path in tmp_path.iterdir()] == ["cifar-10-python.tar.gz"]
    assert read(place, expected_md5).test_labels.tolist() == [5, 6, 7]


def test_a_download_without_a_terminal_says_how_far_it_is(server, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(cifar10, "DOWNLOAD_LINE_SECONDS", 0)
    server.archive = pack({"ballast": os.urandom(3 * 2**20)})
    sha256 = hashlib.sha256(server.archive).hexdigest()
    cifar10.download_cifar10(f"{server.address}/good", sha256, tmp_path / "cache")
    lines = capsys.readouterr().out.splitlines()
    assert lines[3] == "downloading: 1 of 3 MiB"  # Four chunks of a quarter of a MiB.
    assert lines[-1] == "downloading: 3 of 3 MiB"


def test_a_download_says_something_every_few_seconds_only(server, tmp_path, capsys):
    cifar10.download_cifar10(f"{server.address}/good", server.sha256, tmp_path / "cache")
    assert capsys.readouterr().out == ""


def test_bad_file_in_the_cache_is_downloaded_again(server, tmp_path):
    write(tmp_path / "cifar-10-python.tar.gz", server.archive[:1000])
    place = cifar10.download_cifar10(f"{server.address}/good", server.sha256, tmp_path)
    assert place.read_bytes() == server.archive


@pytest.mark.parametrize(
    ("path", "fault"),
    [
        ("closes_midway", "the connection broke off before the end"),
        ("truncated", "what arrived is not the archive"),
        ("login_page", "starts like a web page"),
        ("redirects_to_login", "starts like a web page"),
        ("absent", "the server answered 404 Not Found"),
    ],
)
def test_failed_download_says_why_and_keeps_nothing(server, tmp_path, path, fault):
    assert fault in download_fault(f"{server.address}/{path}", server.sha256, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_download_without_an_end_is_left_where_the_archive_would_end(server, tmp_path):
    url = f"{server.address}/endless"
    with pytest.raises(UserError, match="what arrives is larger than the archive is"):
        cifar10.download_cifar10(url, server.sha256, tmp_path, size=3 * MIB)
    gc.collect()  # pooch leaves the response open until it is collected
    assert server.sent < 64 * MIB  # What the system takes in advance is some of it.
    assert list(tmp_path.iterdir()) == []


def test_good_download_after_a_failed_one(server, tmp_path):
    download_fault(f"{server.address}/truncated", server.sha256, tmp_path)
    place = cifar10.download_cifar10(f"{server.address}/good", server.sha256, tmp_path)
    assert place.read_bytes() == server.archive


def test_silent_server_times_out(server, tmp_path, monkeypatch):
    monkeypatch.setattr(cifar10, "DOWNLOAD_TIMEOUT_SECONDS", 0.2)
    message = download_fault(f"{server.address}/hangs", server.sha256, tmp_path)
    assert "no answer within 0.2 seconds" in message
    assert list(tmp_path.iterdir()) == []


def test_no_network(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]  # nothing listens there once it is closed
    message = download_fault(f"http://127.0.0.1:{port}/good", "0" * 64, tmp_path)
    assert "is there a network?" in message
    assert list(tmp_path.iterdir()) == []


def test_dead_proxy_is_named(tmp_path, server, monkeypatch):
    monkeypatch.delenv("NO_PROXY")
    monkeypatch.setenv("HTTP_PROXY", "http://user:secret@127.0.0.1:9")
    message = download_fault(f"{server.address}/good", server.sha256, tmp_path)
    assert "the proxy set in the environment" in message
    assert "secret" not in message
    assert server.requests == []


def test_full_disk_while_downloading(server, tmp_path, monkeypatch):
    def run_out_of_space(self, url, output_file, pooch_object):
        output_file.write(b"some")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(pooch.HTTPDownloader, "__call__", run_out_of_space)
    message = download_fault(f"{server.address}/good", server.sha256, tmp_path)
    assert "cannot write there: no space left on the disk" in message
    assert list(tmp_path.iterdir()) == []


def test_cache_that_cannot_be_made(server, tmp_path):
    cache = write(tmp_path / "file", b"in the way") / "cnn-study"
    message = download_fault(f"{server.address}/good", server.sha256, cache)
    assert "cannot write there: Not a directory" in message


def test_cache_that_cannot_be_written(server, tmp_path, monkeypatch):
    def refuse(*arguments, **options):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(tempfile, "NamedTemporaryFile", refuse)
    message = download_fault(f"{server.address}/good", server.sha256, tmp_path)
    assert "cannot write there: " in message
    assert "Permission denied" in message


def test_two_processes_download_at_once(server, tmp_path):
    code = (
        "import sys; from cnn_study.data.readers.cifar10 import *; download_cifar10(*sys.argv[1:])"
    )
    command = [sys.executable, "-c", code, f"{server.address}/together", server.sha256, tmp_path]
    processes = [subprocess.Popen(command, stderr=subprocess.PIPE) for _ in range(2)]
    errors = [process.communicate(timeout=30)[1].decode() for process in processes]
    assert [process.returncode for process in processes] == [0, 0], errors
    assert server.requests == ["/together", "/together"]
    assert [path.name for path in tmp_path.iterdir()] == ["cifar-10-python.tar.gz"]
    assert (tmp_path / "cifar-10-python.tar.gz").read_bytes() == server.archive


# --------------------------------------------------------------------------- prepared file


@pytest.fixture
def tiny(monkeypatch, tmp_path, batches, expected_md5):
    """A "cifar10" of 15 + 3 images, its source folder and what is in it."""
    source = unpack(batches, tmp_path / "source")
    images = read(source, expected_md5)
    facts = replace(
        DATASETS["cifar10"],
        training_images=5 * BATCH_IMAGES,
        test_images=BATCH_IMAGES,
        digest=content_digest(images),
    )
    monkeypatch.setitem(DATASETS, "cifar10", facts)
    read_whole = cifar10.read_cifar10
    monkeypatch.setattr(cifar10, "read_cifar10", lambda place: read_whole(place, expected_md5))
    return source, images


def test_prepared_file_gives_the_content_back(tiny, tmp_path):
    source, images = tiny
    place = tmp_path / "new" / "folder" / "cifar10.npz"
    arrays.prepare(DATASETS["cifar10"], place, source)
    loaded = arrays.load_prepared(DATASETS["cifar10"], place)
    for name in ARRAY_NAMES:
        np.testing.assert_array_equal(getattr(loaded, name), getattr(images, name))
        assert getattr(loaded, name).dtype == np.uint8
    assert [path.name for path in place.parent.iterdir()] == ["cifar10.npz"]


def test_prepared_twice_is_the_same_file(tiny, tmp_path):
    for name in ("one.npz", "two.npz"):
        arrays.prepare(DATASETS["cifar10"], tmp_path / name, tiny[0])
    assert (tmp_path / "one.npz").read_bytes() == (tmp_path / "two.npz").read_bytes()


def test_prepare_reads_the_variable(tiny, tmp_path, monkeypatch):
    monkeypatch.setenv("CNN_STUDY_DATA", str(tiny[0]))
    arrays.prepare(DATASETS["cifar10"], tmp_path / "cifar10.npz")
    arrays.load_prepared(DATASETS["cifar10"], tmp_path / "cifar10.npz")


def test_full_disk_while_preparing_keeps_what_was_there(tiny, tmp_path, monkeypatch):
    place = tmp_path / "prepared" / "cifar10.npz"
    arrays.prepare(DATASETS["cifar10"], place, tiny[0])
    before = place.read_bytes()

    def run_out_of_space(file, **arrays):
        file.write(before[:100])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(np, "savez", run_out_of_space)
    with pytest.raises(UserError, match="No space left on device") as caught:
        arrays.prepare(DATASETS["cifar10"], place, tiny[0])
    assert str(place) in str(caught.value)
    assert place.read_bytes() == before
    assert [path.name for path in place.parent.iterdir()] == ["cifar10.npz"]


def test_prepare_where_no_folder_can_be(tiny, tmp_path):
    place = write(tmp_path / "file", b"in the way") / "cifar10.npz"
    with pytest.raises(UserError, match=r"cifar10\.npz cannot be written: "):
        arrays.prepare(DATASETS["cifar10"], place, tiny[0])


def load_fault(path: Path) -> str:
    with pytest.raises(UserError) as caught:
        arrays.load_prepared(DATASETS["cifar10"], path)
    message = str(caught.value)
    assert f"Delete {path} and run again" in message
    return message


def claims(shape: tuple[int, ...]) -> bytes:
    """Make the file of an array whose header claims a shape and which holds nothing."""
    file = io.BytesIO()
    header = {"descr": "|u1", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, header)
    return file.getvalue()


def test_an_array_that_claims_a_huge_shape_is_refused_before_room_is_made(tiny, tmp_path):
    place = tmp_path / "cifar10.npz"
    with zipfile.ZipFile(place, "w") as members:
        for name in ARRAY_NAMES:
            members.writestr(f"{name}.npy", claims((TIB,)))
    message, peak = peak_of(lambda: load_fault(place))
    assert "training_images.npy is to take 1,099,511,627,904 bytes by its header" in message
    assert peak < 8 * MIB


def test_arrays_that_unpack_to_more_than_the_dataset_takes_are_refused(tiny, tmp_path):
    place = tmp_path / "cifar10.npz"
    zeros = dict.fromkeys(ARRAY_NAMES, np.zeros(16 * MIB, dtype=np.uint8))
    np.savez_compressed(place, **zeros)
    assert place.stat().st_size < MIB
    message, peak = peak_of(lambda: load_fault(place))
    assert "it holds 67,109,376 bytes, and at most " in message
    assert peak < 8 * MIB


def test_absent_prepared_file(tmp_path):
    path = tmp_path / "cifar10.npz"
    with pytest.raises(UserError, match=r"not found: ") as caught:
        arrays.load_prepared(DATASETS["cifar10"], path)
    assert f"python -m cnn_study prepare cifar10 --output {path} " in str(caught.value)


def test_digits_refuse_a_source(tmp_path):
    place = tmp_path / "digits.npz"
    with pytest.raises(
        UserError,
        match=r"an archive: a source is given, .* and digits takes none\. It is for cifar10; ",
    ):
        arrays.prepare(DATASETS["digits"], place, tmp_path / "an archive")
    assert not place.exists()
    arrays.prepare(DATASETS["digits"], place, "")
    assert place.exists()


def test_prepared_file_with_other_content(tiny, tmp_path):
    _, images = tiny
    place = tmp_path / "cifar10.npz"
    arrays = {name: getattr(images, name) for name in ARRAY_NAMES}
    np.savez(place, **{**arrays, "test_labels": images.test_labels[::-1]})
    assert "content has the digest" in load_fault(place)
    reshaped = images.training_images.transpose(0, 2, 1, 3)[:, :16]
    np.savez(place, **{**arrays, "training_images": reshaped})
    assert "training_images is uint8(15, 16, 32, 3), expected uint8(15, 32, 32, 3)" in (
        load_fault(place)
    )
    np.savez(place, **{**arrays, "test_labels": images.test_labels.astype(np.int64)})
    assert "test_labels is int64(3,), expected uint8(3,)" in load_fault(place)
    del arrays["training_labels"]
    np.savez(place, **arrays)
    assert "cannot be read" in load_fault(place)


def test_prepared_file_that_is_no_npz(tmp_path):
    place = tmp_path / "cifar10.npz"
    for content in (b"", b"text", b"\x93NUMPY\x01\x00"):
        assert "cannot be read" in load_fault(write(place, content))
    with open(place, "wb") as file:
        np.save(file, np.arange(3))
    assert "cannot be read" in load_fault(place)


def test_prepared_file_holding_a_pickle_does_not_run_it(tiny, tmp_path):
    victim = tmp_path / "victim"
    evil = np.array([RunsCommand(victim)], dtype=object)
    place = tmp_path / "cifar10.npz"
    np.savez(place, **dict.fromkeys(ARRAY_NAMES, evil))
    assert "cannot be read" in load_fault(place)
    assert not victim.exists()


def test_any_damage_to_a_prepared_file_gives_a_clear_message(tiny, tmp_path):
    """Flipped and missing bytes anywhere: a UserError, or (unused bytes) the right content."""
    whole = tmp_path / "whole.npz"
    arrays.prepare(DATASETS["cifar10"], whole, tiny[0])
    content, place = whole.read_bytes(), tmp_path / "damaged.npz"
    end = len(content)
    for position in [*range(0, 400, 2), *range(400, end - 700, 4001), *range(end - 700, end, 3)]:
        flipped = bytearray(content)
        flipped[position] ^= 0xFF
        for damaged in (bytes(flipped), content[:position]):
            write(place, damaged)
            with suppress(UserError):
                loaded = arrays.load_prepared(DATASETS["cifar10"], place)
                assert content_digest(loaded) == content_digest(tiny[1])


# ------------------------------------------------------------------------------- real data


@pytest.fixture(scope="module")
def real_cifar10():
    if not REAL_ARCHIVE.is_file():
        pytest.skip(f"the CIFAR-10 archive is not at {REAL_ARCHIVE}")
    return cifar10.read_cifar10(Source(REAL_ARCHIVE, "test"))


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    place = tmp_path_factory.mktemp("digits") / "digits.npz"
    arrays.prepare(DATASETS["digits"], place)
    return arrays.load_prepared(DATASETS["digits"], place)


@pytest.mark.slow
def test_real_cifar10(real_cifar10):
    facts = DATASETS["cifar10"]
    assert content_digest(real_cifar10) == facts.digest
    assert real_cifar10.training_images.shape == (50_000, 32, 32, 3)
    assert real_cifar10.test_images.shape == (10_000, 32, 32, 3)
    assert np.bincount(real_cifar10.training_labels).tolist() == [5000] * 10
    assert np.bincount(real_cifar10.test_labels).tolist() == [1000] * 10
    assert facts.class_names[real_cifar10.training_labels[0]] == "frog"
    assert facts.class_names[real_cifar10.test_labels[0]] == "cat"
    assert real_cifar10.training_images[0, 0, 0].tolist() == [59, 62, 63]


def test_real_class_names():
    if not REAL_ARCHIVE.is_file():
        pytest.skip(f"the CIFAR-10 archive is not at {REAL_ARCHIVE}")
    with tarfile.open(REAL_ARCHIVE) as archive:
        member = next(entry for entry in archive if entry.name.endswith("/batches.meta"))
        content = archive.extractfile(member).read()
    assert hashlib.md5(content).hexdigest() == "5ff9c542aee3614f3951f8cda6e48888"
    names = pickle.loads(content, encoding="utf-8")["label_names"]
    assert tuple(names) == DATASETS["cifar10"].class_names


def test_digits(digits):
    assert digits.training_images.shape == (1437, 8, 8, 1)
    assert digits.test_images.shape == (360, 8, 8, 1)
    assert np.bincount(digits.test_labels).tolist() == [36, 37, 35, 37, 36, 36, 36, 36, 35, 36]
    values = np.unique(np.concatenate([digits.training_images, digits.test_images]))
    assert values.tolist() == [round(value * 255 / 16) for value in range(17)]


def test_digits_are_scikit_learns(digits):
    from sklearn.datasets import load_digits

    original = load_digits()
    both = np.concatenate([digits.training_images, digits.test_images])[..., 0]
    restored = {image.tobytes() for image in np.rint(both * (16 / 255)).astype(np.uint8)}
    assert restored == {image.tobytes() for image in original.images.astype(np.uint8)}
    total = np.bincount(digits.training_labels) + np.bincount(digits.test_labels)
    assert total.tolist() == np.bincount(original.target).tolist()


# ------------------------------------------------------------------------------- the split


def fingerprint(indices: np.ndarray) -> str:
    return hashlib.sha256(indices.astype("<i8").tobytes()).hexdigest()[:16]


def test_digits_split_is_the_published_one(digits):
    """Published runs depend on it: if this fails, the training version has to rise."""
    training, validation = split(digits.training_labels, 0.1)
    assert (len(training), len(validation)) == (1293, 144)
    assert fingerprint(training) == "fd83cea942b1e9ee"
    assert fingerprint(validation) == "53d6d8b95c4f68df"


@pytest.mark.slow
def test_cifar10_split_is_the_published_one(real_cifar10):
    """Published runs depend on it: if this fails, the training version has to rise."""
    training, validation = split(real_cifar10.training_labels, 0.1, 1.0)
    assert np.bincount(real_cifar10.training_labels[training]).tolist() == [4500] * 10
    assert np.bincount(real_cifar10.training_labels[validation]).tolist() == [500] * 10
    assert fingerprint(training) == "aeb6b8dc505bbb47"
    assert fingerprint(validation) == "7957d060fcc34aef"


def test_order_by_hand():
    """Places (rank + 1/2) / size: 4 zeros at 1/8 3/8 5/8 7/8, 2 ones at 1/4 3/4."""
    labels = np.array([0, 0, 0, 0, 1, 1])
    order = stratified_order(labels)
    assert labels[order].tolist() == [0, 1, 0, 0, 1, 0]
    # 3 zeros at 1/6 1/2 5/6, one 1 at 1/2: the tie goes to the lower class.
    labels = np.array([0, 1, 0, 0])
    assert labels[stratified_order(labels)].tolist() == [0, 0, 1, 0]


def test_order_shuffles_each_class_in_class_order():
    labels = np.array([7, 2, 7, 2, 7, 2, 7])
    generator = np.random.default_rng(0)
    twos = np.array([1, 3, 5])[np.argsort(generator.permutation(np.arange(3)).argsort())]
    sevens = np.array([0, 2, 4, 6])[np.argsort(generator.permutation(np.arange(4)).argsort())]
    order = stratified_order(labels)
    assert order[labels[order] == 2].tolist() == twos.tolist()
    assert order[labels[order] == 7].tolist() == sevens.tolist()


def test_order_depends_on_labels_and_seed_only():
    labels = np.random.default_rng(3).integers(0, 5, 200)
    order = stratified_order(labels)
    np.random.default_rng(9).random(5)
    assert sorted(order.tolist()) == list(range(200))
    np.testing.assert_array_equal(order, stratified_order(labels.astype(np.uint8)))
    np.testing.assert_array_equal(order, stratified_order(labels.tolist(), seed=0))
    assert not np.array_equal(order, stratified_order(labels, seed=1))


def largest_deviation(labels: np.ndarray) -> np.ndarray:
    """Return per class how far any prefix of the order is from the class's share."""
    order = stratified_order(labels)
    counts = np.cumsum(labels[order][:, None] == np.unique(labels), axis=0)
    shares = np.arange(1, len(labels) + 1)[:, None] * (counts[-1] / len(labels))
    return np.abs(counts - shares).max(axis=0)


@pytest.mark.parametrize("seed", range(5))
def test_every_prefix_is_close_to_stratified(seed):
    balanced = np.random.default_rng(seed).permutation(np.repeat(np.arange(10), 30))
    assert largest_deviation(balanced).max() <= 1
    uneven = np.random.default_rng(seed).choice(6, 400, p=[0.5, 0.2, 0.1, 0.1, 0.05, 0.05])
    sizes = np.bincount(uneven)
    assert (largest_deviation(uneven) <= (1 + 6 * sizes / 400) / 2).all()


def test_every_prefix_of_digits_is_close_to_stratified(digits):
    assert largest_deviation(digits.training_labels).max() < 1.05


def test_split_by_hand():
    """8 images of 2 classes: 2 to validate, then half of the other 6."""
    labels = np.array([0, 1, 0, 1, 0, 1, 0, 1])
    order = stratified_order(labels).tolist()
    training, validation = split(labels, 0.25, 0.5)
    assert validation.tolist() == sorted(order[:2])
    assert training.tolist() == sorted(order[5:])
    assert labels[validation].tolist() in ([0, 1], [1, 0])


def test_smaller_training_parts_lie_within_larger_ones():
    labels = np.random.default_rng(0).integers(0, 10, 500)
    larger, first_validation = split(labels, 0.2, 1.0)
    assert sorted([*larger, *first_validation]) == list(range(500))
    for fraction in (0.75, 0.5, 0.1, 0.01):
        smaller, validation = split(labels, 0.2, fraction)
        assert len(smaller) == round(400 * fraction)
        assert set(smaller) < set(larger)
        assert (np.diff(smaller) > 0).all()
        np.testing.assert_array_equal(validation, first_validation)
        larger = smaller


def test_no_validation_part():
    training, validation = split(np.zeros(7, dtype=np.uint8), 0)
    assert training.tolist() == list(range(7))
    assert validation.shape == (0,)
    assert validation.dtype == training.dtype


def test_sizes_are_those_of_the_split():
    assert split_sizes(1437, 0.1, 0.001) == (1, 144)  # 1437 - 144 = 1293 are left
    for fractions in [(0.1, 0.5), (0.25, 1.0), (0.0, 0.3)]:
        training, validation = split(np.arange(50) % 3, *fractions)
        assert (len(training), len(validation)) == split_sizes(50, *fractions)


@pytest.mark.parametrize(
    ("count", "validation_fraction", "training_fraction", "fault"),
    [
        (10, 0.1, 0.01, "no image is left to train on: 10 images"),
        (10, 0.05, 1.0, "validation_fraction: no image is held out: 0.05 of 10 images"),
        (1, 0.9, 1.0, "no image is left to train on: 1 images"),
        (0, 0.1, 1.0, "no image is left to train on: 0 images"),
        (10, 1.0, 1.0, "validation_fraction is 1.0; allowed: 0 <= value < 1"),
        (10, -0.1, 1.0, "validation_fraction is -0.1"),
        (10, float("nan"), 1.0, "validation_fraction is nan"),
        (10, 0.1, 0.0, "training_fraction is 0.0; allowed: 0 < value <= 1"),
        (10, 0.1, 1.5, "training_fraction is 1.5"),
    ],
)
def test_split_refuses(count, validation_fraction, training_fraction, fault):
    labels = np.arange(count) % 2
    with pytest.raises(UserError, match=fault):
        split(labels, validation_fraction, training_fraction)
