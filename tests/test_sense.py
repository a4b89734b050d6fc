"""A record is judged by its sense, not only by its shape: by itself, and against its study."""

import json
import os
from pathlib import Path

import pytest

import records_by_hand
from cnn_study import workflow
from cnn_study.__main__ import main
from cnn_study.base.errors import UserError
from cnn_study.runs import measured, records, sense
from cnn_study.study.merge import load
from cnn_study.study.settings import TRAINING_VERSION
from cnn_study.tables.collect import collect

EXACT_SCORES = True
"""See `scores_by_hand`."""

STUDY = """
title: Tiny
dataset: digits
seeds: 2
base: {filters: [2], kernel_size: 3, dense_units: 0, epochs: 2}
questions:
  width:
    title: Width
    question: Does it?
    hypothesis: Yes.
    changes: {wide: {filters: [4]}}
"""
RUNS = [("base", 1), ("base", 2), ("wide", 1), ("wide", 2)]


@pytest.fixture
def study(tmp_path):
    path = tmp_path / "tiny.yaml"
    path.write_text(STUDY)
    return load(path)


@pytest.fixture
def results(study, tmp_path) -> Path:
    made = [records_by_hand.make(study, *run, test=0.5) for run in RUNS]
    records_by_hand.write(study, tmp_path / "results", *made)
    return tmp_path / "results"


def place(results: Path, experiment: str = "base", seed: int = 1) -> Path:
    (path,) = (results / "runs" / experiment).glob(f"*/seed-{seed}.json")
    return path


@pytest.fixture
def wide_window(monkeypatch):
    """Room for the longest path on one line."""
    monkeypatch.setenv("COLUMNS", "1000")


def tamper(path: Path, changes: dict[str, object]) -> None:
    """Change values of a record, each named as messages name it."""
    facts = json.loads(path.read_text())
    for name, value in changes.items():
        part = facts
        *outer, last = [int(key) if key.isdecimal() else key for key in name.split(".")]
        for key in outer:
            part = part[key]
        part[last] = value
    path.write_text(json.dumps(facts))


def refusal(path: Path) -> str:
    with pytest.raises(UserError) as error:
        records.read(path)
    return str(error.value)


# ------------------------------------------------------------------------------- by itself


def test_records_that_were_made_are_accepted(study, results, tmp_path):
    """Hand-made ones; and every one that is published, each by itself."""
    collect(study, results, tmp_path / "tables")
    published = Path(__file__).parents[1] / "results"
    paths = sorted(published.glob("*/runs/*/*/seed-*.json"))
    assert len(paths) >= 400
    for path in paths:
        assert list(sense.contradictions(records.read(path))) == []


EMPTY = {"images": 0, "mean_probability": None, "accuracy": None}
HALF = {"lower": 0, "upper": 0.6, "images": 360, "mean_probability": 0.5, "accuracy": 0.5}
DIVERGED = {"status": "diverged", "reason": "the loss was not finite in epoch 2"}


@pytest.mark.parametrize(
    ("changes", "faults"),
    [
        # Numbers that none of their kind can be.
        ({"test.accuracy": -1}, ["test.accuracy: input should be greater than or equal to 0"]),
        ({"test.accuracy": 7.5}, ["test.accuracy: input should be less than or equal to 1, not 7"]),
        ({"test.accuracy": 1e308}, ["test.accuracy: input should be less than or equal to 1"]),
        ({"test.accuracy": "0.9"}, ["test.accuracy: input should be a valid number, not '0.9'"]),
        ({"test.accuracy": True}, ["test.accuracy: input should be a valid number, not True"]),
        ({"test.loss": -0.5}, ["test.loss: input should be greater than or equal to -0"]),
        ({"test.loss": 1e300}, ["test.loss: input should be less than or equal to"]),
        ({"epochs.0.validation_accuracy": 42}, ["epochs.0.validation_accuracy: input should be"]),
        ({"epochs.1.training_seconds": -3.0}, ["epochs.1.training_seconds: input should be great"]),
        ({"cost.run_seconds": -1.0}, ["cost.run_seconds: input should be greater than"]),
        ({"cost.run_seconds": 1e308}, ["cost.run_seconds: input should be less than"]),
        ({"cost.peak_memory_mebibytes": -1}, ["cost.peak_memory_mebibytes: input should be"]),
        ({"cost.parameters": 10**30}, ["cost.parameters: input should be less than"]),
        ({"test.confusion.0.0": -180}, ["test.confusion.0.0: input should be greater than"]),
        ({"test.confusion.0.0": 10**30}, ["test.confusion.0.0: input should be less than"]),
        ({"seed": -1}, ["seed: input should be greater than or equal to 0, not -1"]),
        ({"weights_sha256": "ab"}, ["weights_sha256: string should match pattern"]),
        # Seconds of a part beyond those of the whole; made: 2 epochs of 5, of 10, of 12.
        ({"epochs.0.training_seconds": 5.002}, []),
        (
            {"epochs.0.training_seconds": 5.1},
            ["cost.training_seconds: 10; the epochs took 10.1"],
        ),
        ({"epochs.0.training_seconds": 0.0}, []),
        ({"cost.run_seconds": 9.5}, ["cost.run_seconds: 9.5; its training took 10"]),
        # Numbers that others contradict.
        ({"test.accuracy": 0.4}, ["test.accuracy: 0.4; test.confusion has 180 of 360, 0.5"]),
        ({"test.accuracy": 0.499999}, []),
        ({"test.accuracy": 0.499998}, ["test.accuracy: 0.499998; test.confusion has 180 of 360"]),
        ({"test.confusion.0.0": 179}, ["test.confusion: it counts 359 images; dataset"]),
        (
            {"test.confusion.0": [0] * 10},
            ["test.confusion: it counts 0 images; dataset.test_images is 360"],
        ),
        ({"test.confusion.1": [0] * 9}, ["test.confusion: it has not as many columns as rows"]),
        ({"test.confusion": []}, ["test.confusion: it counts 0 images"]),
        (
            {"test.confusion.0.0": 181, "test.confusion.0.1": 179},
            [
                "test.accuracy: 0.5; test.confusion has 181 of 360, 0.502778",
                "test.calibration: 180 are correct; in test.confusion 181",
            ],
        ),
        ({"test.calibration": []}, ["test.calibration: its bins count 0 images"]),
        ({"test.calibration.0.images": 359}, ["test.calibration: its bins count 359 images"]),
        ({"test.calibration.0.mean_probability": None}, ["test.calibration.0: its means are null"]),
        ({"test.calibration.0.accuracy": None}, ["test.calibration.0: its means are null"]),
        ({"test.calibration.0.upper": 0.4}, ["test.calibration.0: its means are null"]),
        ({"test.calibration.0.accuracy": 0.6}, ["test.calibration: 216 are correct; in test"]),
        ({"test.predictions_file": "../seed-1.predictions.npz"}, ["test.predictions_file: '../"]),
        ({"settings.epochs": 3}, ["fingerprint: ", "epochs: 2, though the run is complete"]),
        ({"settings.dense_units": 4}, ["fingerprint: "]),
        ({"dataset.digest": "ab" * 32}, ["fingerprint: "]),
        ({"epochs": []}, ["epochs: 0, though the run is complete; settings.epochs asks for 2"]),
        ({"epochs.0.epoch": 2}, ["epochs: they are not numbered 1, 2, 3"]),
        ({"epochs.0.training_loss": None}, ["epochs.0.training_loss: null, though the run is"]),
        ({"epochs.0.validation_accuracy": 0.51}, ["epochs.0.validation_accuracy: 0.51; no share"]),
        ({"epochs.0.validation_loss": None}, ["epochs.0.validation_accuracy: null, and the loss"]),
        (
            {"epochs.1.watched_test_loss": 1.0, "epochs.1.watched_test_accuracy": 0.5},
            ["epochs.1.watched_test_accuracy: 0.5; no image was to be scored"],
        ),
        ({"reason": "?"}, ["reason: '?', though the run is complete"]),
        ({"test": None}, ["test: missing, though the run is complete"]),
        ({"weights_sha256": None}, ["weights_sha256: missing, though the run is complete"]),
        (
            {**DIVERGED, "epochs.1.training_loss": None},
            ["test: not null, though the run is div", "weights_sha256: not null, though the run"],
        ),
        ({**DIVERGED, "test": None, "weights_sha256": None}, []),
        (
            {"status": "failed", "test": None, "weights_sha256": None},
            ["reason: missing, though the run is failed"],
        ),
        ({"seed": 2}, ["fingerprint, seed: ", "test.predictions_file: 'seed-1.predictions.npz'"]),
    ],
)  # fmt: skip
def test_what_contradicts_itself_is_refused_with_all_faults(results, changes, faults):
    path = place(results)
    tamper(path, changes)
    if not faults:
        records.read(path)
        return
    message = refusal(path)
    assert message.startswith(f"{path} is not a whole run record:")
    assert message.endswith(records.GET_IT_BACK)
    told = message.removeprefix(f"{path} is not a whole run record:").replace("\n  ", "\n").strip()
    lines = told.splitlines()[: len(faults)]
    assert len(lines) == len(faults)
    for line, fault in zip(lines, faults, strict=True):
        assert line.startswith(fault)
    assert len(faults) == 1 or told.splitlines()[len(faults)] == records.GET_IT_BACK


def squared(rows: list[list[int]], classes: int) -> list[list[int]]:
    """Put a small confusion matrix into the corner of a large one."""
    wide = [row + [0] * (classes - len(row)) for row in rows]
    return wide + [[0] * classes] * (classes - len(rows))


@pytest.mark.parametrize(
    ("changes", "faults"),
    [
        ({}, []),
        ({"dataset.validation_classes.0": 99}, ["dataset.validation_classes: they add up to 143"]),
        (
            {"dataset.validation_classes": [100, 44]},
            ["dataset.validation_classes: 2 classes; test.confusion has 10"],
        ),
        ({"dataset.validation_classes": None}, ["dataset.validation_classes: null, though epochs"]),
        ({"epochs.0.validation_right.0": 101}, ["epochs.0.validation_right: more than there are"]),
        ({"epochs.0.validation_right.0": 89}, ["epochs.0.validation_right: 123 of 144; valid"]),
        ({"epochs.1.validation_right": None}, ["epochs.1.validation_right: it is counted with"]),
        ({"epochs.1.validation_predicted.9": 1}, ["epochs.1.validation_predicted: they add up to"]),
        ({"epochs.1.validation_right": [90]}, ["epochs.1.validation_right: 1 classes; others"]),
        ({"epochs.0.validation_auc": 0.5}, ["epochs.0.validation_auc: 0.5; it is of two classes"]),
        ({"test.auc": 0.5}, ["test.auc: 0.5; it is of two classes, and there are 10"]),
    ],
)
def test_counts_by_class_agree_with_the_rest(study, results, changes, faults):
    made = records_by_hand.make(study, "base", 1)
    held_out, tested = ([[90, 10], [10, 34]], [[180, 20], [60, 100]])
    record = records_by_hand.scored_by_class(
        study, made, squared(held_out, 10), squared(tested, 10)
    )
    records_by_hand.write(study, results, record)
    path = place(results)
    assert records.read(path) == record
    tamper(path, changes)
    if faults:
        assert all(fault in refusal(path) for fault in faults)


def test_scores_by_other_metrics_follow_from_a_record_or_are_said_to_be_lacking(study):
    old = records_by_hand.make(study, "base", 1, test=0.5, validation=0.5)
    assert measured.of_test(old, "balanced_accuracy") == pytest.approx(0.5)  # one class has images
    assert measured.of_test(old, "macro_f1") == pytest.approx(2 * 180 / (180 + 360))
    assert measured.of_validation(old, "macro_f1") is None
    assert measured.lacks(old, "accuracy") == []
    assert measured.lacks(old, "macro_f1") == ["validation"]
    assert measured.lacks(old, "auc") == ["validation", "test"]
    held_out, tested = squared([[90, 10], [10, 34]], 10), squared([[180, 20], [60, 100]], 10)
    new = records_by_hand.scored_by_class(study, old, held_out, tested, (0.75, 0.8))
    recalls = (90 / 100 + 34 / 44) / 2
    assert measured.of_validation(new, "balanced_accuracy") == pytest.approx(recalls)
    assert measured.of_validation(new, "accuracy") == pytest.approx(124 / 144)
    assert measured.of_test(new, "macro_f1") == pytest.approx((360 / 440 + 200 / 280) / 2)
    assert (measured.of_validation(new, "auc"), measured.of_test(new, "auc")) == (0.75, 0.8)
    assert measured.lacks(new, "macro_f1") == []


def test_an_empty_bin_and_full_epochs_of_a_run_that_diverged_at_its_end_are_sound(results):
    path = place(results)
    facts = json.loads(path.read_text())
    tamper(path, {"test.calibration": [{**facts["test"]["calibration"][0], **EMPTY},
                                       *facts["test"]["calibration"]]})  # fmt: skip
    records.read(path)
    tamper(path, {"test.calibration.0.accuracy": 0.5})
    assert "test.calibration.0: its means are null without images alone" in refusal(path)


def test_fewer_epochs_are_right_where_the_last_loss_was_not_finite_and_nowhere_else(results):
    path = place(results)
    nothing = {"test": None, "weights_sha256": None}
    tamper(path, {**DIVERGED, **nothing})
    tamper(path, {"epochs": json.loads(path.read_text())["epochs"][:1]})
    assert "epochs: 1, though the run is diverged; settings.epochs asks for 2" in refusal(path)
    tamper(path, {"epochs.0.training_loss": None})
    records.read(path)
    tamper(path, {"status": "failed", "epochs": []})
    records.read(path)


@pytest.mark.parametrize(
    ("changes", "unknown"),
    [
        ({"format": 2}, "format"),
        ({"format": 2, "test": {"score": 1}}, "format"),
        ({"training_version": TRAINING_VERSION + 1}, "training_version"),
        ({"training_version": 99, "cost": {"watts": 1}}, "training_version"),
        ({"settings.optimizer": "lion"}, "settings.optimizer"),
        ({"settings.depth": 3}, "settings.depth"),
        ({"test.recall": 0.5, "settings.depth": 3}, "settings.depth, test.recall"),
    ],
)
def test_what_a_newer_version_made_asks_for_an_update_and_is_not_to_be_deleted(
    results, changes, unknown
):
    path = place(results)
    tamper(path, changes)
    message = refusal(path)
    assert message.startswith(f"{path} was made by a newer version of cnn-study")
    assert message.endswith(f"know its {unknown}. The record is whole; update cnn-study.")
    assert "delete" not in message.lower()


def test_a_record_of_an_older_training_version_is_read_without_its_fingerprint(results):
    """Defaults were others then, so nobody can work it out any more."""
    path = place(results)
    tamper(path, {"training_version": TRAINING_VERSION - 1, "settings.dense_units": 4})
    assert records.read(path).training_version == TRAINING_VERSION - 1


# ------------------------------------------------------------------------------- odd files


def test_what_is_too_large_is_refused_before_it_is_read(results):
    path = place(results)
    with path.open("r+b") as file:
        file.truncate(10 * 2**30)  # a hole, which takes no room
    assert "has 10,737,418,240 bytes, and such a file at most 134,217,728" in refusal(path)


@pytest.mark.parametrize("kind", ["folder", "pipe or device"])
def test_what_is_no_file_is_refused_and_not_waited_for(results, kind):
    path = place(results)
    path.unlink()
    path.mkdir() if kind == "folder" else os.mkfifo(path)
    assert refusal(path) == f"{path} is a {kind}, and should be a file. Move it away."


@pytest.mark.parametrize("content", [b"[" * 100_000, b'{"seed":' * 50_000, b"1" * 10_000])
def test_deep_and_long_json_is_refused(results, content):
    path = place(results)
    path.write_bytes(content)
    assert "is not a whole run record" in refusal(path)


# ------------------------------------------------------------------------- against the study


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"dataset.name": "cifar10"}, "dataset.name: cifar10; the study's dataset has digits"),
        ({"dataset.training_images": 9}, "dataset.training_images: 9; the study's dataset has 1"),
        ({"cost.parameters": 7}, "cost.parameters: 7; the settings make 1,310"),
        ({"cost.macs": 7}, "cost.macs: 7; the settings make 2,432"),
        ({"training_version": TRAINING_VERSION - 1}, f"; this version is {TRAINING_VERSION}"),
    ],
)
def test_what_contradicts_the_study_is_refused_for_its_tables(
    study, results, tmp_path, changes, fault
):
    tamper(place(results), changes)
    records.read(place(results))  # by itself it is sound
    with pytest.raises(UserError) as error:
        collect(study, results, tmp_path / "tables")
    assert fault in str(error.value)
    assert not (tmp_path / "tables").exists()


@pytest.mark.parametrize(
    "changes",
    [
        {"test.confusion": [[90, 90, *[0] * 8], [90, 90, *[0] * 8], *[[0] * 10] * 8]},
        {"test.calibration": [HALF, {**EMPTY, "images": 0, "lower": 0.6, "upper": 1}]},
    ],
    ids=["classes", "bins"],
)
def test_records_that_count_images_otherwise_than_the_rest_are_refused(
    study, results, tmp_path, changes
):
    path = place(results, "wide", 2)
    tamper(path, changes)
    with pytest.raises(UserError) as error:
        collect(study, results, tmp_path / "tables")
    assert str(error.value) == (
        f"{path} is not a whole run record: test: it counts other images of some classes, or has "
        f"other bins, than most records do. {records.GET_IT_BACK}"
    )


def test_all_damaged_records_are_named_at_once(study, results, tmp_path):
    tamper(place(results, "base", 1), {"test.accuracy": 0.4, "test.calibration": []})
    place(results, "base", 2).write_bytes(b"")
    tamper(place(results, "wide", 1), {"cost.macs": 7})
    with pytest.raises(UserError) as error:
        collect(study, results, tmp_path / "tables")
    assert [str(place(results, *run)) in str(error.value) for run in RUNS] == [
        True, True, True, False,
    ]  # fmt: skip


# ------------------------------------------------------------------------- among the records


def test_copies_and_foreign_files_hide_no_record_and_are_told(study, results, tmp_path):
    collect(study, results, tmp_path / "before")
    path = place(results)
    later = results / "runs" / "zzz" / path.parent.name / path.name
    later.parent.mkdir(parents=True)
    later.touch()
    others = ["seed-١.json", "seed-01.json", "seed-1 (1).json", "seed-99999999999.json", "x.json"]
    for name in others:
        (path.parent / name).write_bytes(path.read_bytes())
    (path.parent / "seed-7.json").mkdir()
    os.mkfifo(path.parent / "seed-8.json")  # of no run that is wanted: nobody reads it
    assert records.find(results / "runs")[path.parent.name, 1] == path
    collect(study, results, tmp_path / "after")
    assert (tmp_path / "after/runs.csv").read_bytes() == (tmp_path / "before/runs.csv").read_bytes()
    aside = {path.parent / name for name in others} | {later}
    assert set(records.left_aside(results / "runs")) == aside


def test_what_is_kept_of_runs_without_a_record_is_told(study, results):
    """What processes leave that were killed between the first file of a run and its record."""
    folder = place(results).parent
    assert records.leftovers(results / "runs") == []
    names = ["seed-10.weights.npz", "seed-7.predictions.npz", ".seed-1.json.0f1e2d3c.part"]
    for name in names:
        (folder / name).touch()
    assert records.leftovers(results / "runs") == sorted(folder / name for name in names)
    assert records.leftovers(folder, "1") == [folder / names[2]]
    assert records.leftovers(folder, "10") == [folder / names[0]]
    (told,) = records.aside_in_words(results / "runs")
    assert "kept of runs without a record, which are to be trained or deleted: base/" in told


@pytest.mark.usefixtures("wide_window")
def test_check_shows_what_is_sound_then_names_what_is_damaged_and_left_aside(
    study, results, capsys
):
    """One damaged record stops nobody who does not need it."""
    tamper(place(results, "wide", 2), {"test.accuracy": 0.4})
    tamper(place(results, "wide", 1), {"cost.macs": 7})
    (place(results).parent / "seed-1 (1).json").touch()
    assert main(["check", str(study.path), "--results", str(results)]) == 2
    said = capsys.readouterr()
    name = place(results).parent.relative_to(results / "runs")
    assert f"no record's name or a further copy: {name}/seed-1 (1).json" in said.out
    assert [line.split()[-3] for line in said.out.splitlines() if "│ base" in line] == ["50.00"]
    assert "3 of 4 runs done" in said.out
    assert said.err.splitlines() == [
        f"{place(results, 'wide', 2)} is not a whole run record: test.accuracy: 0.4; "
        f"test.confusion has 180 of 360, 0.5. {records.GET_IT_BACK}",
        f"{place(results, 'wide', 1)} is not a whole run record: cost.macs: 7; the settings make "
        f"4,864. {records.GET_IT_BACK}",
    ]


def test_a_pipe_in_the_place_of_a_record_makes_nobody_wait(study, results, capsys):
    path = place(results, "wide", 1)
    path.unlink()
    os.mkfifo(path)
    for command in ("check", "tables"):
        assert main([command, str(study.path), "--results", str(results)]) == 2
        assert f"{path} is a pipe or device" in capsys.readouterr().err


@pytest.mark.usefixtures("wide_window")
def test_what_failed_is_named_with_its_reason_and_the_command_that_tries_it_again(
    study, results, capsys, monkeypatch
):
    """Where nothing is retried, a run that failed is done; where it is, it is to be trained."""
    nothing = {"test": None, "weights_sha256": None, "epochs": []}
    tamper(
        place(results, "wide", 2), {"status": "failed", "reason": "not enough memory", **nothing}
    )
    expected = (
        f"1 run is recorded as failed (wide seed 2: not enough memory). To try again: snakemake "
        f"--cores all --config study={study.path} retry=failed"
    )
    main(["check", str(study.path), "--results", str(results)])
    assert expected in capsys.readouterr().out.splitlines()

    monkeypatch.chdir(results.parent)
    Path("results/tiny").mkdir()
    (results / "runs").rename("results/tiny/runs")
    plan = workflow.plan({"study": str(study.path)})
    assert workflow.failures(plan) == [expected]
    assert plan.missing == plan.records_to_come() == []
    assert not any(map(plan.tries, plan.batches))
    plan = workflow.plan({"study": str(study.path), "retry": "failed"})
    assert [run.typed for run in plan.missing] == ["wide/seed-2"]
    (batch,) = [batch for batch in plan.batches if "wide/seed-2" in batch.runs]
    record = f"results/tiny/runs/{plan.missing[0].name}.json"
    assert plan.records_to_come() == [record, f"results/tiny/making/0/{batch.rule}"]
    assert plan.records("base") == [
        f"results/tiny/runs/base/{study.experiments['base'].fingerprint}/seed-{seed}.json"
        for seed in (1, 2)
    ]
    # A job of its own sees the same rules, though the run may be done by then.
    assert all(map(plan.tries, plan.batches))
    with pytest.raises(UserError, match=r"^--config retry=: allowed is failed\.$"):
        workflow.plan({"study": str(study.path), "retry": None})  # as Snakemake reads retry=
    with pytest.raises(UserError, match=r"^--config retry=all: allowed is failed\.$"):
        workflow.plan({"study": str(study.path), "retry": "all"})


def test_only_a_whole_record_that_says_so_counts_as_failed(study, results):
    paths = records.find(results / "runs")
    named = {f"{fingerprint} {seed}": path for (fingerprint, seed), path in paths.items()}
    assert records.failed(named) == {}
    nothing = {"test": None, "weights_sha256": None, "epochs": []}
    tamper(place(results), {"status": "failed", "reason": "no memory", **nothing})
    place(results, "wide", 1).write_bytes(b'"failed"')  # damaged: told of elsewhere
    fingerprint = study.experiments["base"].fingerprint
    assert [*records.failed(named)] == [f"{fingerprint} 1"]


def test_of_two_whole_copies_the_complete_one_is_taken(study, results):
    path = place(results)
    later = results / "runs" / "zzz" / path.parent.name / path.name
    later.parent.mkdir(parents=True)
    nothing = {"test": None, "weights_sha256": None}
    for reason, taken in ((None, later), ("no memory", path)):
        later.write_bytes(path.read_bytes())
        if reason:
            tamper(later, {"status": "failed", "reason": reason, **nothing})
        assert records.find(results / "runs")[path.parent.name, 1] == taken
