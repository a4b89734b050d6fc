"""Runs that workers share: whose process is ended, who else has one, and what has no locks."""

import errno
import os
import signal
import time
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from filelock import _unix as unix_locks

import records_by_hand
from cnn_study.base.errors import UserError
from cnn_study.execute import local, queue, workers
from cnn_study.runs import records
from cnn_study.runs import wanted as wanted_runs
from cnn_study.runs.wanted import Run, record_of, wanted
from cnn_study.study.merge import load
from cnn_study.study.settings import Settings
from searched_by_hand import Pool

TEXT = {"title": "A study", "dataset": "digits", "seeds": 3, "base": {"filters": [2], "epochs": 2}}


@pytest.fixture
def study(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(TEXT))
    return load(path)


def train(place: workers.Place, run: Run) -> records.Record:
    """Train by hand, in a worker; the second seed ends its process, as the system does."""
    if run.seed == 2:
        with open(place.results / "tries", "a") as tries:
            tries.write(f"{len(list(place.results.glob('runs/*/*/*.json')))}\n")
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(0.5)
    made = load(place.study)
    record = records_by_hand.make(made, "base", run.seed)
    records_by_hand.write(made, place.results, record)
    return record


def train_all(place: workers.Place, runs: list[Run]) -> list[records.Record]:
    return [train(place, run) for run in runs]


@pytest.mark.slow
def test_what_ends_its_process_twice_counts_as_failed_and_takes_no_other_with_it(
    study, tmp_path, monkeypatch
):
    """The second try comes when nothing else is in hand: with all the memory."""
    monkeypatch.setattr(queue, "train_free", train_all)
    monkeypatch.setattr(workers, "train", train)
    monkeypatch.setattr(queue, "PAUSE_SECONDS", 0.05)
    results = tmp_path / "results"
    results.mkdir()
    with workers.Workers(2) as pool:
        dispatcher = queue.Dispatcher(study, workers.Place(study.path, results, tmp_path), pool)
        dispatcher.take([*wanted(study), *wanted(study)])  # what is in hand is not taken again
        outcomes = {run.seed: outcome for run, outcome in dispatcher.finish()}
    assert list(outcomes) == [1, 3, 2] or list(outcomes) == [3, 1, 2]
    assert [outcomes[seed].status for seed in (1, 2, 3)] == ["complete", "failed", "complete"]
    failed = record_of(wanted(study)[1], results)
    assert failed.reason.startswith("its process was ended twice, at last by SIGKILL, as the sys")
    assert (failed.epochs, failed.cost.run_seconds > 0) == ([], True)
    assert (results / "tries").read_text().split()[1:] == ["2"]


def stop(place: workers.Place, runs: list[Run]) -> None:
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(10)


@pytest.mark.slow
def test_a_worker_that_somebody_stops_stops_those_who_take_runs(study, tmp_path, monkeypatch):
    monkeypatch.setattr(queue, "train_free", stop)
    with workers.Workers(1) as pool:
        dispatcher = queue.Dispatcher(study, workers.Place(study.path, tmp_path, tmp_path), pool)
        dispatcher.take(wanted(study))
        with pytest.raises(UserError, match=r"ended by SIGTERM\. Nothing is lost: run again\."):
            list(dispatcher.finish())


def test_what_an_engine_trains_together_is_given_out_together(study, tmp_path, monkeypatch):
    """Of a group that others have a part of, the rest is trained."""
    monkeypatch.setenv("CNN_STUDY_ENGINE", "batched")
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    runs = wanted(study)
    other = replace(runs[0].experiment, settings=Settings(filters=[4], epochs=2), fingerprint="4")
    given = []

    def train(place: workers.Place, group: list[Run]) -> list[records.Record]:
        given.append([(run.experiment.fingerprint, run.seed) for run in group])
        return [records_by_hand.make(study, "base", run.seed) for run in group if run.seed == 2]

    monkeypatch.setattr(queue, "train_free", train)
    monkeypatch.setattr(queue, "PAUSE_SECONDS", 0)
    pool = Pool(1)
    dispatcher = queue.Dispatcher(study, workers.Place(study.path, tmp_path, tmp_path), pool)
    dispatcher.take([runs[0], Run(other, 1), *runs[1:]])
    outcomes = {(run.experiment.fingerprint, run.seed): got for run, got in dispatcher.finish()}
    base = runs[0].experiment.fingerprint
    assert pool.asked == [queue.prepare, train, train]  # programs are compiled side by side, first
    assert sorted(given) == [[("4", 1)], [(base, 1), (base, 2), (base, 3)]]
    assert outcomes.pop((base, 2)).seed == 2
    assert outcomes == {("4", 1): None, (base, 1): None, (base, 3): None}


# ----------------------------------------------------------------------------------- local.do


@pytest.fixture
def trainings(monkeypatch) -> list[str]:
    """Stand in for the training."""
    trained = []

    def train(study, runs, results, data):
        trained.extend(run.typed for run in runs)
        return ["trained"] * len(runs)

    monkeypatch.setattr(local, "_train", train)
    return trained


def test_a_run_is_done_if_it_is_free_and_not_there(study, tmp_path, trainings):
    first, second, third = wanted(study)
    records_by_hand.write(study, tmp_path, records_by_hand.make(study, "base", 1))
    assert local.do_free(study, [first], tmp_path, tmp_path) == []
    with local.alone(second, tmp_path):
        assert local.do_free(study, [second], tmp_path, tmp_path) == []
        assert trainings == []
        assert local.do_free(study, [first, second, third], tmp_path, tmp_path) == ["trained"]
    assert trainings == ["base/seed-3"]
    assert local.do_free(study, [second], tmp_path, tmp_path) == ["trained"]


def test_what_another_machine_has_just_done_is_not_done_again(
    study, tmp_path, trainings, monkeypatch
):
    """Its record is there, and the folders as they are listed here do not have it yet."""
    run = wanted(study)[0]
    records_by_hand.write(study, tmp_path, records_by_hand.make(study, "base", 1))
    monkeypatch.setattr(wanted_runs.records, "find", lambda runs: {})
    looked = []
    monkeypatch.setattr(local.files, "look_anew", looked.append)
    assert local.do_free(study, [run], tmp_path, tmp_path) == []
    assert local.do(study, run, tmp_path, tmp_path).seed == 1
    assert looked == [tmp_path / "runs" / f"{run.name}.json"] * 2
    assert trainings == []


@pytest.mark.parametrize("depth", [0, 1, 2])
def test_a_folder_is_looked_at_anew_and_left_as_it_was(tmp_path, depth):
    """The one that is nearest to the file and there."""
    folder = tmp_path.joinpath(*"ab"[:depth])
    folder.mkdir(parents=True, exist_ok=True)
    before = folder.stat().st_mtime_ns
    time.sleep(0.02)
    local.files.look_anew(tmp_path / "a" / "b" / "record.json")
    assert folder.stat().st_mtime_ns > before
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("number", [errno.ENOSYS, errno.ENOLCK])
def test_a_file_system_without_locks_is_named_and_nothing_is_trained(
    study, tmp_path, trainings, monkeypatch, number
):
    """As Lustre without `-o flock`, or NFS whose server keeps no locks."""

    def flock(*given: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(unix_locks.fcntl, "flock", flock)
    with pytest.raises(UserError, match=r"-seed-1\.lock: its file system has no locks \(flock\)"):
        local.do_free(study, wanted(study)[:1], tmp_path, tmp_path)
    assert trainings == []
    assert list(Path(tmp_path / "locks").glob("*.json")) == []
