"""What a person sees: the check, the standing, the time left."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import records_by_hand
from cnn_study import estimate, heartbeat, progress
from cnn_study.__main__ import main
from cnn_study.study import load

STUDY = """\
title: By hand
dataset: digits
seeds: 2
base: {filters: [2], dense_units: 0, epochs: 2, validation_fraction: 0.2}
questions:
  width: {title: Width, question: "?", hypothesis: "!", changes: {filters-4: {filters: [4]}}}
"""


@pytest.fixture
def study(tmp_path):
    path = tmp_path / "by-hand.yaml"
    path.write_text(STUDY, encoding="utf-8")
    return load(path)


def _write(study, results: Path, experiment: str, seed: int, seconds: float = 10.0, **facts):
    record = records_by_hand.make(
        study, experiment, seed, test=0.61, validation=0.59, run_seconds=seconds, **facts
    )
    records_by_hand.write(study, results, record)


def test_check_lists_experiments_costs_and_runs(study, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "160")
    _write(study, tmp_path, "base", 1)
    assert main(["check", str(study.path), "--results", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    base = next(line for line in said.splitlines() if " base " in line)
    # One 3x3 convolution of 1 channel to 2 on 8x8 pixels: 18 weights, 2 biases, 1,152 MACs;
    # then 128 values to 10 classes: 1,290 parameters, 1,280 MACs.
    assert [cell.strip() for cell in base.split("│")[1:8]] == [
        "base", "–", "1,310", "2,432", "1, 2", "1", "1",
    ]  # fmt: skip
    assert "1 of 4 runs done; the rest takes about" in said


def test_check_lists_what_is_declared_and_not_trained(tmp_path, capsys):
    path = tmp_path / "by-hand.yaml"
    path.write_text(STUDY.replace("title: Width,", "title: Width, trained: false,"))
    assert main(["check", str(path), "--results", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert "declared, not trained: width (filters-4)" in said
    assert "0 of 2 runs done" in said


def test_diverged_runs_are_told(study, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "160")
    _write(study, tmp_path, "base", 1, status="diverged")
    main(["check", str(study.path), "--results", str(tmp_path)])
    assert "1 (1 diverged)" in capsys.readouterr().out


def test_no_test_score_is_shown_while_a_study_runs(study, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "160")
    _write(study, tmp_path, "base", 1)
    record = next(iter(progress._read(study, tmp_path)[0].values()))
    main(["check", str(study.path), "--results", str(tmp_path)])
    said = capsys.readouterr().out + progress.outcome(record)
    assert heartbeat.percent(record.test.accuracy) not in said
    assert heartbeat.percent(record.epochs[-1].validation_accuracy) in said


def test_time_left_is_that_of_the_same_experiment_where_it_is_known(study, tmp_path):
    _write(study, tmp_path, "base", 1, seconds=100)
    there, missing = progress._read(study, tmp_path)
    base = [run for run in missing if run.experiment.id == "base"]
    left = estimate.seconds_left(study, base, list(there.values()))
    assert left == estimate.STARTING_SECONDS + 100


def test_time_left_grows_with_macs_as_in_the_runs_that_are_there(study, tmp_path):
    _write(study, tmp_path, "base", 1, seconds=100)
    _write(study, tmp_path, "filters-4", 1, seconds=180)
    there, _ = progress._read(study, tmp_path)
    assert len(there) == 2
    constant, per_mac = estimate._fit(list(there.values()))
    for record in there.values():
        images = record.dataset.training_images * len(record.epochs)
        assert images * (constant + per_mac * record.cost.macs) == pytest.approx(
            record.cost.run_seconds
        )


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "0 s"), (89, "89 s"), (90, "2 min"), (3540, "59 min"), (3900, "1 h 05 min")],
)
def test_times_are_written_as_a_person_would(seconds, said):
    assert estimate.duration(seconds) == said


def test_a_training_that_was_killed_is_not_running(tmp_path):
    with heartbeat.Running(tmp_path, "base", 1, 10):
        facts = json.loads((tmp_path / "running/base-seed-1.json").read_text())
        assert facts["process"] == os.getpid()
        assert [each["experiment"] for each in heartbeat.running(tmp_path)] == ["base"]
        gone = facts | {"process": 2**22 + 1, "experiment": "killed"}
        (tmp_path / "running/killed-seed-1.json").write_text(json.dumps(gone))
        assert [each["experiment"] for each in heartbeat.running(tmp_path)] == ["base"]
    assert not (tmp_path / "running/base-seed-1.json").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["check", "nowhere"], "There is no study file experiments/nowhere.yaml"),
        (["train", "digits", "no-such", "--seed", "1"], "has no experiment no-such. It has: base"),
        (["train", "digits", "base", "--seed", "99"], "has no seed 99. It has: 1, 2, 3."),
        (["prepare", "no-such"], "no-such"),
    ],
)
def test_a_mistake_is_one_message_and_status_2(words, said, capsys, monkeypatch):
    monkeypatch.chdir(Path(__file__).parents[1])
    assert main(words) == 2
    error = capsys.readouterr().err
    assert said in error
    assert "Traceback" not in error


def _python(code: str, folder: Path) -> subprocess.CompletedProcess:
    """Run code that has `command`, the one way in, in a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", f"import sys, os, cnn_study.__main__ as command; {code}"],
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip


CHECK_TO_LOG = "sys.exit(command.main(['check', 'nowhere', '--log', 'logs/a.log']))"


def test_what_made_a_command_fail_is_on_the_screen_and_in_the_log(tmp_path):
    ended = _python(CHECK_TO_LOG, tmp_path)
    why = "There is no study file experiments/nowhere.yaml."
    assert ended.returncode == 2
    assert ended.stderr == f"{why}\nThe log: logs/a.log\n"
    assert (tmp_path / "logs/a.log").read_text() == f"{why}\n"


def test_what_libraries_say_is_in_the_log_alone(tmp_path):
    chatter = "command._check = lambda options: os.write(2, b'chatter from C++')"
    ended = _python(f"{chatter}; {CHECK_TO_LOG}", tmp_path)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert (tmp_path / "logs/a.log").read_text() == "chatter from C++"


def test_a_fault_of_ours_is_a_traceback_on_the_screen_and_in_the_log(tmp_path):
    ended = _python(f"command._check = lambda options: 1 / 0; {CHECK_TO_LOG}", tmp_path)
    assert ended.returncode == 1
    for said in (ended.stderr, (tmp_path / "logs/a.log").read_text()):
        assert said.startswith("Traceback")
        assert "ZeroDivisionError: division by zero" in said


def test_a_log_that_cannot_be_written_is_one_message(tmp_path):
    (tmp_path / "logs").write_text("a file")
    ended = _python(CHECK_TO_LOG, tmp_path)
    assert (ended.returncode, ended.stderr) == (
        2,
        "--log logs/a.log: cannot be written: File exists\n",
    )
