"""Suggestions trained again by real Snakemake and real (small) training."""

import json
import os
import re
import shutil
import signal
import subprocess
import time

import pytest

from cnn_study.base.errors import UserError
from cnn_study.data.catalog import DATASETS
from cnn_study.runs import confirmations, records
from cnn_study.study.merge import load
from workplace import Workplace

pytestmark = pytest.mark.slow

STUDY = """\
title: A study that is confirmed
dataset: digits
seeds: 3
confirmation: 3
judge: two-sample
base: {validation_fraction: 0.2, filters: [4], dense_units: 16, epochs: 4}
questions:
  rate:
    title: Learning rate
    question: Is a larger one better where epochs are few?
    hypothesis: It does.
    changes:
      faster: {learning_rate: 0.01}
"""
CHOSE = sorted(f"{id_} {seed}" for id_ in ("base", "faster") for seed in (1, 2, 3))
STAGES = ("--", "tables")
"""Up to what fresh seeds say: figures, text and pages are made of that as of anything.

test_verify makes them of runs that were confirmed, test_confirmation tells of their words.
"""

FRESH = sorted(f"{id_} {seed}" for id_ in ("base", "faster") for seed in (4, 5, 6))


@pytest.fixture(scope="module")
def confirmed(tmp_path_factory) -> Workplace:
    """The study, made from nothing; not to be changed by tests."""
    place = Workplace(tmp_path_factory.mktemp("confirmed") / "project", STUDY)
    place.output = place.snakemake(*STAGES)
    return place


@pytest.fixture
def copy(confirmed, tmp_path) -> Workplace:
    """What a fresh clone holds: no caches and no data."""
    place = confirmed.copy(tmp_path / "copy")
    for folder in (".snakemake", "data", "logs", "results/tests/locks", "results/tests/running"):
        shutil.rmtree(place.path / folder, ignore_errors=True)
    return place


def outcomes(place: Workplace) -> dict[str, str]:
    """What is said of each suggestion."""
    head, *rows = (place.path / "results/tests/evidence/confirmation.csv").read_text().splitlines()
    places = [head.split(",").index(name) for name in ("experiment", "outcome")]
    return dict([row.split(",")[at] for at in places] for row in rows)


def identities(place: Workplace) -> dict[str, tuple[int, bytes]]:
    """Tell files from others in their place; Snakemake sets the times of outputs."""
    runs = place.path / "results/tests/runs"
    return {str(path.relative_to(runs)): (path.stat().st_ino, path.read_bytes())
            for path in runs.rglob("*.*")}  # fmt: skip


def study_of(place: Workplace):
    return load(place.path / "experiments/tests.yaml")


def test_what_is_suggested_is_trained_again_and_judged(confirmed):
    assert sorted(confirmed.records()) == sorted(CHOSE + FRESH)
    assert outcomes(confirmed) == {"faster": "confirmed"}
    assert "6 of 6 runs with fresh seeds done" in confirmed.output
    assert not (confirmed.path / "results/tests/making").exists()


def test_each_run_is_as_one_that_is_trained_alone(confirmed, copy):
    (path,) = (copy.path / "results/tests/runs/faster").glob("*/seed-5.json")
    before = records.read(path).weights_sha256
    path.unlink()
    shutil.copytree(confirmed.path / "data", copy.path / "data")
    command = [copy.python, "-m", "cnn_study", "train", "tests", "faster/seed-5"]
    subprocess.run(command, **surroundings(copy), check=True)
    assert records.read(path).weights_sha256 == before


def test_a_fresh_clone_confirms_nothing_again(copy):
    assert "Nothing to be done" in copy.snakemake(*STAGES)
    assert not (copy.path / "data").exists()


def test_a_clone_whose_code_differs_makes_evidence_and_trains_nothing(copy):
    """The evidence is to be made, so nobody knows yet what it will suggest."""
    module = copy.path / "src/cnn_study/evidence/suggestions.py"
    module.write_text(module.read_text() + "# A comment.\n")
    before = identities(copy)
    said = copy.snakemake(*STAGES)
    assert "To confirm, too: what the evidence then suggests and was not before." in said
    assert "To confirm: " not in said
    assert identities(copy) == before
    assert not (copy.path / "data").exists()


def test_even_forced_no_fresh_run_is_trained_again(copy):
    before = identities(copy)
    copy.snakemake("--forceall", *STAGES)
    assert identities(copy) == before
    assert outcomes(copy) == {"faster": "confirmed"}


def test_other_advice_is_confirmed_by_the_next_run_and_what_is_there_stays(confirmed, copy):
    """A question of its own, judged by itself, leaves the first suggestion what it is."""
    shutil.copytree(confirmed.path / "data", copy.path / "data")
    copy.write_study(
        STUDY
        + """\
  further:
    title: Larger still
    question: And twice that?
    hypothesis: As well.
    changes:
      fast: {learning_rate: 0.02}
"""
    )
    before = identities(copy)
    said = copy.snakemake(*STAGES)
    assert "To train: 3 runs (fast seeds 1, 2, 3), about " in said
    assert "To confirm, too: what the evidence then suggests and was not before." in said
    after = identities(copy)
    assert {name: after[name] for name in before} == before
    new = sorted(f"fast {seed}" for seed in (1, 2, 3, 4, 5, 6))
    assert sorted(copy.records()) == sorted([*CHOSE, *FRESH, *new])
    assert outcomes(copy).keys() == {"faster", "fast"}
    assert "not confirmed yet" not in outcomes(copy).values()


def test_a_lost_run_is_told_of_and_made_again(copy):
    (path,) = (copy.path / "results/tests/runs/faster").glob("*/seed-5.json")
    before = records.read(path).weights_sha256
    path.unlink()
    said = copy.snakemake(*STAGES)
    assert "To confirm: 1 run (faster seed 5), about " in said
    assert "To make: confirmed (fresh runs)." in said
    assert "To train" not in said
    assert records.read(path).weights_sha256 == before
    assert outcomes(copy) == {"faster": "confirmed"}


def test_without_training_it_is_open(copy):
    for path in (copy.path / "results/tests/runs").glob("*/*/seed-[456].*"):
        path.unlink()
    config = ("study=tests", "train=false")
    copy.snakemake(*STAGES, config=config)
    assert outcomes(copy) == {"faster": "not confirmed yet"}
    assert sorted(copy.records()) == CHOSE
    assert copy.rules(*STAGES, config=config) == set()


def test_no_confirmation_has_no_rule_and_says_that_gains_are_too_high(copy):
    copy.write_study(STUDY.replace("confirmation: 3", "confirmation: 0"))
    before = identities(copy)
    copy.snakemake(*STAGES)
    assert identities(copy) == before
    assert outcomes(copy) == {"faster": "not asked for"}
    assert "confirm_suggestions" not in copy.snakemake("--list-rules")


# ------------------------------------------------------------------------------- the command


def surroundings(place: Workplace) -> dict:
    return {"cwd": place.path, "text": True, "env": {
        **os.environ, "PYTHONPATH": str(place.path / "src"), "TF_CPP_MIN_LOG_LEVEL": "3",
    }}  # fmt: skip


def command(place: Workplace, *words: str) -> list[str]:
    return [place.python, "-m", "cnn_study", "confirm", "tests", "--workers", "2", *words]


def lose_fresh_runs(place: Workplace, source: Workplace) -> None:
    shutil.copytree(source.path / "data", place.path / "data")
    for path in (place.path / "results/tests/runs").glob("*/*/seed-[456].*"):
        path.unlink()


def test_a_worker_that_is_killed_is_not_the_end(confirmed, copy, tmp_path):
    """What was in hand is trained again, and the rest too; every run comes out the same."""
    lose_fresh_runs(copy, confirmed)
    process = subprocess.Popen(
        command(copy), stdout=subprocess.PIPE, stderr=subprocess.PIPE, **surroundings(copy)
    )
    running = copy.path / "results/tests/running"
    deadline = time.monotonic() + 200
    while not (marks := list(running.glob("*.json"))):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    os.kill(json.loads(marks[0].read_text())["process"], signal.SIGKILL)
    out, err = process.communicate(timeout=400)
    assert process.returncode == 0, err
    assert "its process was ended; it is trained once more, by itself" in err
    assert sorted(copy.records()) == sorted(CHOSE + FRESH)
    digests = [
        {name: record["weights_sha256"] for name, record in place.records().items()}
        for place in (confirmed, copy)
    ]
    assert digests[0] == digests[1]
    assert "runs with fresh seeds done" in out


def test_a_stopped_confirmation_goes_on_where_it_was(confirmed, copy):
    lose_fresh_runs(copy, confirmed)
    process = subprocess.Popen(
        command(copy), stdout=subprocess.PIPE, stderr=subprocess.PIPE, **surroundings(copy)
    )
    first = process.stdout.readline()
    os.kill(process.pid, signal.SIGKILL)
    process.communicate(timeout=100)
    assert re.search("[12] of 6 runs with fresh seeds done, about", first)  # two may end at once
    kept = {name: told for name, told in identities(copy).items() if name in
            {str(path.relative_to(copy.path / "results/tests/runs")) for path in
             confirmations.done(study_of(copy), copy.path / "results/tests").values()}}  # fmt: skip
    assert len(kept) >= 1
    ended = subprocess.run(
        command(copy), capture_output=True, timeout=400, check=False, **surroundings(copy)
    )
    assert ended.returncode == 0, ended.stderr
    after = identities(copy)
    assert {name: after[name] for name in kept} == kept
    assert sorted(copy.records()) == sorted(CHOSE + FRESH)


def test_what_cannot_be_confirmed_is_one_message(tmp_path):
    from cnn_study.execute import confirming

    path = tmp_path / "mine.yaml"
    path.write_text(STUDY.replace("confirmation: 3", "confirmation: 0"))
    with pytest.raises(UserError, match=r"asks for no confirmation: that takes a line such as"):
        confirming.confirm(load(path), tmp_path, tmp_path / "digits.npz", 1)
    path.write_text(STUDY)
    with pytest.raises(UserError, match=r"there is no .*suggestions\.json, which says what is"):
        confirming.confirm(load(path), tmp_path, tmp_path / "digits.npz", 1)


def test_the_command_refuses_no_workers(tmp_path, capsys):
    from cnn_study.__main__ import main

    (tmp_path / "mine.yaml").write_text(STUDY)
    assert main(["confirm", str(tmp_path / "mine.yaml"), "--workers", "0"]) == 2
    assert "--workers 0: allowed is 1 or more." in capsys.readouterr().err


def test_the_arrays_are_made_where_a_run_needs_them(tmp_path, monkeypatch):
    """By the command itself: when the rules were read, nobody knew what would be suggested."""
    from cnn_study.execute import confirming

    path, suggestions = tmp_path / "mine.yaml", tmp_path / confirmations.SUGGESTIONS
    path.write_text(STUDY)
    suggestions.parent.mkdir()
    advice = [{"experiment": "faster", "reference": "base"}]
    suggestions.write_text(json.dumps({"advice": advice}))
    asked: list[tuple] = []
    whole = tmp_path / "whole.npz"
    confirming.arrays.prepare(DATASETS["digits"], whole)
    monkeypatch.setattr(confirming.arrays, "prepare", lambda *given: asked.append(given))
    monkeypatch.setattr(confirming, "_train_all", lambda *given: asked.append(given[2:]))
    data = tmp_path / "digits.npz"
    confirming.confirm(load(path), tmp_path, data, 4, "there")
    assert asked == [(DATASETS["digits"], data, "there"), (4,)]
    data.touch()  # damaged
    confirming.confirm(load(path), tmp_path, data, 4)
    assert asked[2:] == [(DATASETS["digits"], data, ""), (4,)]
    confirming.confirm(load(path), tmp_path, whole, 4)
    assert asked[4:] == [(4,)]
