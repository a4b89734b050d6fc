"""Run records: whole or absent, the same when read back, and refused when damaged."""

import errno
import hashlib
import json
import os
import random
import resource
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from pydantic import ValidationError

from cnn_study.base import files, readable_json
from cnn_study.base.errors import UserError
from cnn_study.runs import records
from cnn_study.study.settings import Settings, fingerprint

CONFUSION = [[3, 1], [0, 4]]
SETTINGS = Settings(filters=[4, 8], pool_after=[2, 1], epochs=2)
NAME = fingerprint(SETTINGS, "ab" * 32)


def made(**changes) -> records.Record:
    """Make a record of two epochs by hand."""
    epochs = [
        records.Epoch(
            epoch=number,
            training_loss=2.5 / number,
            training_accuracy=0.25 * number,
            validation_loss=2.0,
            validation_accuracy=0.5,
            training_seconds=1.25,
        )
        for number in (1, 2)
    ]
    bins = [
        records.Bin(lower=0, upper=0.5, images=0, mean_probability=None, accuracy=None),
        records.Bin(lower=0.5, upper=1, images=8, mean_probability=0.75, accuracy=0.875),
    ]
    fields = {
        "format": 1,
        "experiment": "kernel-size-5",
        "seed": 3,
        "fingerprint": NAME,
        "training_version": 1,
        "status": "complete",
        "reason": None,
        "settings": SETTINGS,
        "dataset": records.DatasetUsed(
            name="digits",
            digest="ab" * 32,
            training_images=90,
            validation_images=10,
            test_images=8,
        ),
        "epochs": epochs,
        "test": records.Test(
            loss=0.5,
            accuracy=0.875,
            confusion=CONFUSION,
            calibration=bins,
            predictions_file="seed-3.predictions.npz",
            predictions_sha256="cd" * 32,
        ),
        "weights_sha256": "ef" * 32,
        "cost": records.Cost(
            parameters=10,
            macs=20,
            training_seconds=2.5,
            training_cpu_seconds=2.0,
            run_seconds=3.0,
            peak_memory_mebibytes=100.0,
        ),
        "provenance": records.Provenance(
            versions={"python": "3.11.7"},
            backend="tensorflow",
            device="CPU",
            processor='A "processor" [with, marks] {and} é',
            system="Linux x86_64",
            threads=1,
            commit=None,
            changed_since_commit=None,
            started="2026-01-02T03:04:05+00:00",
        ),
    }
    return records.Record(**{**fields, **changes})


@pytest.fixture
def written(tmp_path) -> Path:
    path = records.place(tmp_path, "kernel-size-5", NAME, 3)
    records.write(path, made())
    return path


# ------------------------------------------------------------------------------ write and read


def test_a_record_is_read_once_unless_it_changes(tmp_path, monkeypatch):
    path, record = tmp_path / "seed-1.json", made()
    records.write(path, record)
    judged = []
    parsed = records._parsed
    monkeypatch.setattr(records, "_parsed", lambda content: judged.append(1) or parsed(content))
    with records.reading_once():
        assert records.read(path) is records.read(path)
        assert records.read(path) == record
        assert len(judged) == 1
        path.write_text("{}")
        for _ in range(2):
            with pytest.raises(UserError, match="is not a whole run record"):
                records.read(path)
        records.write(path, record.model_copy(update={"experiment": "other"}))
        assert records.read(path).experiment == "other"
    before = len(judged)
    assert records.read(path) is not records.read(path)
    assert len(judged) == before + 2


def test_place_and_content(written, tmp_path):
    assert written == tmp_path / "kernel-size-5" / NAME / "seed-3.json"
    assert records.read(written) == made()
    assert json.loads(written.read_text()) == made().model_dump()
    assert list(written.parent.iterdir()) == [written]
    assert written.stat().st_mode & 0o777 == 0o644


def test_records_of_runs_that_went_wrong(tmp_path):
    last = made().epochs[0].model_copy(update={"training_loss": None})
    for status, reason, epochs in (
        ("diverged", "the loss was not finite in epoch 1", [last]),
        ("failed", "memory", []),
    ):
        record = made(status=status, reason=reason, test=None, weights_sha256=None, epochs=epochs)
        records.write(tmp_path / "seed-1.json", record)
        assert records.read(tmp_path / "seed-1.json") == record


def test_rows_of_numbers_stand_on_one_line(written):
    lines = [line.strip() for line in written.read_text().splitlines()]
    assert "[3, 1]," in lines
    assert '"filters": [4, 8],' in lines
    assert max(map(len, lines)) < 200
    assert len(lines) < 160


def random_json(choose: random.Random, depth: int = 0) -> object:
    """Make nested lists and dictionaries, with words that look like JSON."""
    kind = choose.randrange(7 if depth < 4 else 5)
    if kind < 5:
        odd = ["[", "],", "{", "a [", ']"', "\n[\n", " 1, ", "", "\u2028", "\x85", "é"]
        return choose.choice([None, True, -1, 0.5, 1e-7, choose.choice(odd)])
    parts = [random_json(choose, depth + 1) for _ in range(choose.randrange(4))]
    if kind == 5:
        return parts
    return {choose.choice("abc[]{}") + str(number): part for number, part in enumerate(parts)}


def test_folding_leaves_the_content_as_it_is():
    choose = random.Random(1)
    folded = 0
    for _ in range(500):
        content = [random_json(choose), {"row": [1, 2.5, None]}]
        text = readable_json.text(content)
        assert json.loads(text) == content
        folded += len(text.splitlines()) < len(json.dumps(content, indent=1).splitlines())
    assert folded == 500


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf")])
def test_a_number_that_is_none_is_refused(number, tmp_path):
    fields = made().epochs[0].model_dump()
    with pytest.raises(ValidationError, match="finite number"):
        records.Epoch(**{**fields, "training_loss": number})
    # Past the schema, the writer refuses as well, and leaves nothing.
    broken = made(cost=made().cost.model_copy(update={"run_seconds": number}))
    with pytest.raises(ValueError, match="JSON compliant"):
        records.write(tmp_path / "runs" / "seed-1.json", broken)
    assert not list(tmp_path.rglob("*"))


def test_unknown_field_is_refused():
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        made(mood="good")


# -------------------------------------------------------------------------------- damaged


def damaged(path: Path, content: bytes) -> str:
    path.write_bytes(content)
    with pytest.raises(UserError) as error:
        records.read(path)
    message = str(error.value)
    assert str(path) in message
    assert "delete it" in message
    assert ": :" not in message
    return message


def test_a_record_cut_off_anywhere_is_refused(written):
    whole = written.read_bytes().rstrip()
    for length in range(0, len(whole), 7):
        damaged(written, whole[:length])


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('"seed": 3', '"seed": "three"', "seed"),
        ('"status": "complete"', '"status": "done"', "status"),
        ('"kernel_size": 3', '"kernel_size": 99', "settings.kernel_size"),
        ('"training_loss": 2.5', '"training_loss": NaN', "epochs.0.training_loss"),
        ('"format": 1', '"format": 0', "format"),
        ('"experiment": "kernel-size-5",', "", "experiment"),
        ('"training_images": 90', '"training_images": [90]', "dataset.training_images"),
    ],
)
def test_a_wrong_field_is_refused_by_name(written, old, new, says):
    text = written.read_text()
    assert old in text
    assert f"{says}: " in damaged(written, text.replace(old, new).encode())


@pytest.mark.parametrize(
    "content", [b"", b"\0" * 100, b"\xff\xfe", b"[]", b"null", b"{}", b"<html>"]
)
def test_what_is_no_record_is_refused(written, content):
    damaged(written, content)


def test_what_is_no_json_is_said_to_be_none(written):
    assert "is not a whole run record: invalid JSON: " in damaged(written, b"<html>")


def test_a_record_that_is_not_there(tmp_path):
    with pytest.raises(UserError, match=r"seed-1\.json"):
        records.read(tmp_path / "seed-1.json")


# ------------------------------------------------------------------------- other formats


def test_every_older_format_has_one_step_to_the_next():
    assert sorted(records.STEPS) == list(range(1, records.FORMAT))
    fields = records.Record.model_fields["format"].annotation
    assert get_args(fields) == (records.FORMAT,)


def test_a_record_of_an_older_format_is_read_step_by_step_and_left_as_it_is(written, monkeypatch):
    """Two formats ago accuracy was in percent; then it had another name."""
    expected, facts = records.read(written), json.loads(written.read_text())
    facts["test"]["percent_right"] = 100 * facts["test"].pop("accuracy")
    content = json.dumps(facts | {"format": -1}).encode()
    written.write_bytes(content)

    def to_shares(facts):
        right = facts["test"].pop("percent_right") / 100
        return {**facts, "test": {**facts["test"], "right": right}}

    def by_its_name(facts):
        accuracy = facts["test"].pop("right")
        return {**facts, "test": {**facts["test"], "accuracy": accuracy}}

    monkeypatch.setattr(records, "STEPS", {-1: to_shares, 0: by_its_name})
    assert records.read(written) == expected
    assert written.read_bytes() == content


def test_a_damaged_record_of_an_older_format_is_refused_as_today(written, monkeypatch):
    monkeypatch.setattr(records, "STEPS", {0: lambda facts: facts})
    old = written.read_text().replace('"format": 1', '"format": 0')
    written.write_text(old)
    assert records.read(written).format == 1
    assert "seed: " in damaged(written, old.replace('"seed": 3', '"seed": "three"').encode())


@pytest.mark.parametrize(
    ("old", "new", "unknown"),
    [
        ('"format": 1', '"format": 2', "format"),
        ('"format": 1, "status": "complete"', '"format": 2, "state": "complete"', "format"),
        ('"seed": 3', '"seed": 3, "mood": "good"', "mood"),
        ('"kernel_size": 3', '"kernel_size": 3, "colour": 1', "settings.colour"),
    ],
)
def test_a_record_of_a_newer_version_is_refused_and_not_to_be_deleted(written, old, new, unknown):
    facts = json.loads(written.read_text())
    order = {"format": facts.pop("format"), "status": facts.pop("status"), **facts}
    text = json.dumps(order)
    assert old in text
    written.write_text(text.replace(old, new))
    with pytest.raises(UserError) as error:
        records.read(written)
    message = str(error.value)
    assert message.endswith(f"know its {unknown}. The record is whole; update cnn-study.")
    assert str(written) in message
    assert "elete" not in message


def test_a_record_of_each_format_is_kept_and_read():
    """Whoever raises the format keeps a real record of it here; older ones are read for ever."""
    kept = Path(__file__).with_name("kept_records")
    names = {f"format-{number}.json" for number in range(1, records.FORMAT + 1)}
    assert {path.name for path in kept.iterdir()} == names
    for path in kept.iterdir():
        record = records.read(path)
        assert record.format == records.FORMAT
        assert (record.experiment, record.seed, record.fingerprint) == (
            *("base", 1), "fba667cce6af3b49",
        )  # fmt: skip
        assert (record.tested.accuracy, len(record.epochs)) == (0.5946, 10)
        assert record.settings.kernel_size == 7
        assert record.provenance.processor == "AMD EPYC"
        assert fingerprint(record.settings, record.dataset.digest) == record.fingerprint


def test_a_field_that_came_later_may_be_absent(written):
    """So did those of watched test images: a further field is no new format."""
    facts = json.loads(written.read_text())
    for epoch in facts["epochs"]:
        del epoch["watched_test_loss"], epoch["watched_test_accuracy"]
    written.write_text(json.dumps(facts))
    assert {epoch.watched_test_loss for epoch in records.read(written).epochs} == {None}


# ------------------------------------------------------------------------- whole or absent

HALF = """
import sys, time
from pathlib import Path
from typing import get_args
from cnn_study.base.files import write_whole

def half(file):
    file.write(b"half of it" * 100_000)
    file.flush()
    print("half", flush=True)
    time.sleep(600)

write_whole(Path(sys.argv[1]), half)
"""


@pytest.mark.parametrize("before", [None, b"the old one"])
def test_a_writer_that_is_killed_leaves_no_half_file(tmp_path, before):
    path = tmp_path / "runs" / "base" / NAME / "seed-1.json"
    if before:
        path.parent.mkdir(parents=True)
        path.write_bytes(before)
    command = [sys.executable, "-c", HALF, str(path)]
    writer = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    with writer:
        assert writer.stdout.readline() == "half\n"
        writer.send_signal(signal.SIGKILL)
    assert writer.returncode == -signal.SIGKILL
    assert (path.read_bytes() if path.exists() else None) == before
    (rest,) = [other for other in path.parent.iterdir() if other != path]
    assert rest.stat().st_size == 1_000_000, "the writer was not at work"
    assert records.find(tmp_path / "runs") == ({(NAME, 1): path} if before else {})


def full(*_):
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("step", ["write", "fsync", "replace"])
@pytest.mark.parametrize("before", [None, b"the old one"])
def test_a_full_disk_leaves_nothing(tmp_path, monkeypatch, step, before):
    path = tmp_path / "seed-1.json"
    if before:
        path.write_bytes(before)
    if step != "write":
        monkeypatch.setattr(os, step, full)
    write = full if step == "write" else (lambda file: file.write(b"new"))
    with pytest.raises(UserError, match=r"seed-1\.json cannot be written: No space left on device"):
        files.write_whole(path, write)
    assert {other.name: other.read_bytes() for other in tmp_path.iterdir()} == (
        {"seed-1.json": before} if before else {}
    )


def test_a_file_that_the_system_cuts_off_leaves_nothing(tmp_path):
    """A real refusal of the system to write more, by a limit on the size of files."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2_000, limits[1]))
    try:
        with pytest.raises(UserError, match=r"seed-3\.json cannot be written: File too large"):
            records.write(tmp_path / "seed-3.json", made())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert list(tmp_path.iterdir()) == []


def test_where_no_folder_can_be_is_one_message(tmp_path):
    (tmp_path / "runs").write_text("a file")
    with pytest.raises(UserError, match=r"seed-3\.json cannot be written: File exists"):
        records.write(tmp_path / "runs" / "seed-3.json", made())


def test_an_interrupt_leaves_nothing(tmp_path):
    def interrupt(file):
        file.write(b"half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        files.write_whole(tmp_path / "seed-1.json", interrupt)
    assert list(tmp_path.iterdir()) == []


def test_content_is_on_the_disk_before_it_has_its_name(tmp_path, monkeypatch):
    """Renamed first, a power cut could leave an empty file under the final name."""
    path, seen = tmp_path / "seed-1.json", []
    fsync, replace = os.fsync, os.replace

    def noted_fsync(handle):
        seen.append(("fsync", os.fstat(handle).st_size, path.exists()))
        fsync(handle)

    def noted_replace(old, new):
        seen.append(("replace", Path(old).parent, Path(new)))
        replace(old, new)

    monkeypatch.setattr(os, "fsync", noted_fsync)
    monkeypatch.setattr(os, "replace", noted_replace)
    files.write_whole(path, lambda file: file.write(b"12345"))
    assert seen == [("fsync", 5, False), ("replace", tmp_path, path)]


def test_two_writers_at_once_leave_one_whole_file(tmp_path):
    path, stop, seen = tmp_path / "seed-1.json", threading.Event(), set()

    def write(letter: bytes):
        while not stop.is_set():
            files.write_whole(path, lambda file: file.write(letter * 100_000))

    writers = [threading.Thread(target=write, args=(letter,)) for letter in (b"a", b"b")]
    for writer in writers:
        writer.start()
    end = time.monotonic() + 10
    while len(seen) < 2 and time.monotonic() < end:
        if path.exists():
            content = path.read_bytes()
            assert content in (b"a" * 100_000, b"b" * 100_000)
            seen.add(content[:1])
    stop.set()
    for writer in writers:
        writer.join()
    assert seen == {b"a", b"b"}
    assert list(tmp_path.iterdir()) == [path]


# ------------------------------------------------------------------------------------- find


def test_find_gives_records_and_nothing_else(tmp_path):
    """Whatever else may lie there: parts of killed writers, arrays, notes."""
    names = [
        "base/aaaa/seed-1.json",
        "base/aaaa/seed-12.json",
        "base/bbbb/seed-1.json",
        "old-name/cccc/seed-0.json",
    ]
    others = [
        "base/aaaa/.seed-2.json.x1y2z3.part",
        "base/aaaa/seed-1.predictions.npz",
        "base/aaaa/seed-1.weights.npz",
        "base/aaaa/seed-x.json",
        "base/aaaa/seed-.json",
        "base/aaaa/seed--1.json",
        "base/aaaa/seed-².json",
        "base/aaaa/seed-1.json.bak",
        "base/aaaa/notes.json",
        "base/seed-1.json",
        "seed-1.json",
        "base/aaaa/deeper/seed-1.json",
    ]
    for name in names + others:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("{}")
    assert records.find(tmp_path) == {
        ("aaaa", 1): tmp_path / names[0],
        ("aaaa", 12): tmp_path / names[1],
        ("bbbb", 1): tmp_path / names[2],
        ("cccc", 0): tmp_path / names[3],
    }


def test_find_where_there_is_nothing(tmp_path):
    assert records.find(tmp_path / "nowhere") == {}


# ------------------------------------------------------------------------------------ arrays


def test_arrays_round_trip_and_their_hash(tmp_path, monkeypatch):
    arrays = {
        "first": np.arange(6, dtype=np.uint8).reshape(2, 3),
        "model/layer/kernel": np.linspace(0, 1, 5, dtype=np.float32),
    }
    digest = files.write_arrays(tmp_path / "a.npz", arrays)
    assert digest == hashlib.sha256((tmp_path / "a.npz").read_bytes()).hexdigest()
    with np.load(tmp_path / "a.npz", allow_pickle=False) as read:
        assert list(read) == list(arrays)
        for name, array in arrays.items():
            assert read[name].dtype == array.dtype
            np.testing.assert_array_equal(read[name], array)
    # Another day, the same bytes.
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 86_400)
    assert files.write_arrays(tmp_path / "b.npz", arrays) == digest
    arrays["first"][0, 0] = 9
    assert files.write_arrays(tmp_path / "c.npz", arrays) != digest


def test_only_a_complete_run_has_a_test():
    record = made()
    assert record.tested is record.test
    failed = record.model_copy(update={"status": "failed", "test": None})
    with pytest.raises(ValueError, match="seed 3, is failed: no test"):
        _ = failed.tested


def keep_predictions(written: Path) -> Path:
    """Write predictions beside a record, and their digest into it."""
    file = written.parent / "seed-3.predictions.npz"
    digest = files.write_arrays(
        file,
        {
            "classes": np.array([1, 0, 7], dtype=np.uint8),
            "probabilities": np.array([0, 51, 255], dtype=np.uint8),
        },
    )
    written.write_text(written.read_text("utf-8").replace("cd" * 32, digest), "utf-8")
    return file


def test_predictions_are_read_from_beside_the_record(written):
    keep_predictions(written)
    found = records.predictions(written, records.read(written))
    assert found["classes"].tolist() == [1, 0, 7]
    assert found["probabilities"].tolist() == [0, 0.2, 1]


def test_predictions_that_are_lost_are_none_and_other_ones_are_refused(written):
    file = keep_predictions(written)
    record = records.read(written)
    files.write_arrays(file, {"classes": np.array([1, 0, 8], dtype=np.uint8)})
    with pytest.raises(UserError, match=rf"{file} does not hold the predictions of .*, seed 3: "):
        records.predictions(written, record)
    file.unlink()
    assert records.predictions(written, record) is None


@pytest.mark.parametrize("closed", [".", "base", "base/0123456789abcdef"])
def test_a_folder_that_cannot_be_looked_into_does_not_count_as_empty(tmp_path, monkeypatch, closed):
    """Its runs would be trained again, or be missing from the tables."""
    (tmp_path / "base/0123456789abcdef").mkdir(parents=True)
    (tmp_path / "width").mkdir()
    (tmp_path / "a note").touch()
    assert records.find(tmp_path) == {}
    access = os.access
    monkeypatch.setattr(
        os, "access", lambda path, mode: path != tmp_path / closed and access(path, mode)
    )
    with pytest.raises(UserError, match=rf"^{tmp_path / closed} cannot be read: Permission denied"):
        records.find(tmp_path)
