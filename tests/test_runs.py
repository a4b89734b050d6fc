"""The runs of a study: which are wanted and done, and that each is trained once."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from filelock import FileLock

import records_by_hand
from cnn_study import train
from cnn_study.__main__ import main
from cnn_study.base.errors import UserError
from cnn_study.execute import local, progress, workers
from cnn_study.runs import heartbeat, records
from cnn_study.runs.estimate import training_seconds
from cnn_study.runs.wanted import Run, done, find, results_folder, wanted
from cnn_study.study.merge import load
from cnn_study.study.model import Experiment, Study
from cnn_study.study.settings import Settings
from cnn_study.study.yaml_lines import study_file
from cnn_study.train import engine, keras_one, training

STUDY = """\
title: A study for tests
dataset: digits
seeds: [2, 1]
enhanced: wide
base: {filters: [2], dense_units: 8, training_fraction: 0.2, epochs: 2}
questions:
  width:
    title: Width
    question: Are more filters better?
    hypothesis: They are.
    changes:
      wide: {filters: [3]}
      raw: {scaling: raw}
"""


@pytest.fixture
def chosen(tmp_path) -> Study:
    path = tmp_path / "mine.yaml"
    path.write_text(STUDY)
    return load(path)


def run_of(chosen: Study, experiment: str = "base", seed: int = 1) -> Run:
    return Run(chosen.experiments[experiment], seed)


# ------------------------------------------------------------------------- wanted, done, found


def test_all_first_seeds_come_first(chosen):
    assert [(run.experiment.id, run.seed) for run in wanted(chosen)] == [
        ("base", 2),
        ("wide", 2),
        ("raw", 2),
        ("base", 1),
        ("wide", 1),
        ("raw", 1),
    ]


def test_name_is_the_place_of_the_record(chosen, tmp_path):
    run = run_of(chosen, "wide", 2)
    fingerprint = chosen.experiments["wide"].fingerprint
    assert run.name == f"wide/{fingerprint}/seed-2"
    assert records.place(tmp_path, "wide", fingerprint, 2) == tmp_path / f"{run.name}.json"


def put(results: Path, name: str) -> Path:
    path = results / "runs" / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("{}")
    return path


def test_done_finds_by_fingerprint_also_under_another_id(chosen, tmp_path):
    base, wide = run_of(chosen, "base", 1), run_of(chosen, "wide", 2)
    here = put(tmp_path, base.name)
    renamed = put(tmp_path, wide.name.replace("wide/", "three-filters/"))
    put(tmp_path, wide.name.replace("seed-2", "seed-3"))  # a seed that is not of the study
    put(tmp_path, "raw/0000000000000000/seed-1")  # other settings, long ago
    assert done(chosen, tmp_path) == {base.name: here, wide.name: renamed}


def test_nothing_is_done_where_there_is_nothing(chosen, tmp_path):
    assert done(chosen, tmp_path / "nowhere") == {}


def test_find_by_what_a_person_types(chosen):
    assert find(chosen, "raw/seed-1") == run_of(chosen, "raw", 1)
    with pytest.raises(
        UserError, match=r"mine\.yaml has no experiment row\. It has: base, wide, raw"
    ):
        find(chosen, "row/seed-1")
    with pytest.raises(UserError, match=r"mine\.yaml has no seed 3\. It has: 2, 1"):
        find(chosen, "raw/seed-3")
    for wrong in (
        "raw",
        "raw/1",
        "raw/seed-",
        "raw/seed-one",
        "raw/seed-1/",
        "raw/seed-01",
        "raw/seed-١",
    ):
        with pytest.raises(UserError, match=f"^{wrong} is no name of a run"):
            find(chosen, wrong)


def test_results_are_named_after_the_file(chosen, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert results_folder(chosen) == Path("results/mine")
    (tmp_path / "experiments").mkdir()
    usual = (tmp_path / "experiments/mine.yaml").absolute()
    usual.write_text(STUDY)
    assert results_folder(load(usual)) == Path("results/mine")
    said = r"both would write to results/mine\. Rename one"
    with pytest.raises(UserError, match=said):
        results_folder(chosen)
    for other in ("mine.yml", "experiments/mine.yml"):
        Path(other).write_text(STUDY)
        with pytest.raises(UserError, match=said):
            results_folder(load(study_file(other)))


# ------------------------------------------------------------------------------- go together

SHORT_AND_LONG = """\
title: A study for tests
dataset: digits
seeds: 5
base: {filters: [2], dense_units: 8, epochs: 2}
questions:
  length:
    title: Length
    question: Is longer better?
    hypothesis: It is.
    changes:
      longer: {epochs: 80}
      long: {epochs: 1000}
"""


@pytest.fixture
def short_and_long(tmp_path) -> Study:
    """Five seeds each of runs that take less than a second, 20 s and some minutes."""
    path = tmp_path / "mine.yaml"
    path.write_text(SHORT_AND_LONG)
    chosen = load(path)
    base, longer, long = (
        training_seconds(chosen, Run(experiment, 1)) for experiment in chosen.experiments.values()
    )
    assert base < 1
    assert 2 * longer < local.BATCH_SECONDS < 4 * longer
    assert long > local.BATCH_SECONDS
    return chosen


def together(chosen: Study, runs: list[Run]) -> list[str]:
    """Write batches as experiment and seeds."""
    batches = local.batches(chosen, runs)
    assert sorted(run.name for batch in batches for run in batch) == sorted(
        run.name for run in runs
    )
    return [
        f"{batch[0].experiment.id} {' '.join(str(run.seed) for run in batch)}" for batch in batches
    ]


def test_short_runs_of_an_experiment_go_together_in_the_order_of_their_first(short_and_long):
    chosen = short_and_long
    size = int(local.BATCH_SECONDS / training_seconds(chosen, run_of(chosen, "longer")))
    seeds = [[1, 2, 3, 4, 5][start : start + size] for start in range(0, 5, size)]
    longer = [f"longer {' '.join(map(str, some))}" for some in seeds]
    batches = together(chosen, wanted(chosen))
    assert batches[:3] == ["base 1 2 3 4 5", longer[0], "long 1"]
    assert sorted(batches) == sorted(
        ["base 1 2 3 4 5", *longer, *(f"long {seed}" for seed in (1, 2, 3, 4, 5))]
    )
    assert together(chosen, []) == []


def test_a_job_of_a_cluster_takes_short_runs_of_several_experiments(short_and_long, monkeypatch):
    """Ten minutes by estimate: what fits, in the order of the first runs; a longer run alone."""
    seconds = {"base": 1.0, "longer": 250.0, "long": 900.0}
    monkeypatch.setattr(local, "training_seconds", lambda study, run: seconds[run.experiment.id])
    jobs = local.for_cluster(short_and_long, wanted(short_and_long), 600.0)
    assert [[run.typed for run in job] for job in jobs] == [
        [f"base/seed-{seed}" for seed in (1, 2, 3, 4, 5)] + ["longer/seed-1", "longer/seed-2"],
        ["long/seed-1"],
        ["long/seed-2"],
        ["longer/seed-3", "longer/seed-4"],
        ["long/seed-3"],
        ["long/seed-4"],
        ["longer/seed-5"],
        ["long/seed-5"],
    ]
    alone = local.for_cluster(short_and_long, wanted(short_and_long), 0.0)
    assert [run.typed for (run,) in alone] == [run.typed for run in wanted(short_and_long)]
    assert local.for_cluster(short_and_long, [], 600.0) == []


def test_a_run_whose_process_was_ended_from_outside_comes_last(short_and_long, tmp_path):
    """What ended it, for want of memory perhaps, would end the others too."""
    base = [run for run in wanted(short_and_long) if run.experiment.id == "base"]
    for run in base[:2]:
        with local.alone(run, tmp_path), heartbeat.Running(tmp_path, run.name, 2):
            running = (tmp_path / "running" / f"{run.name.replace('/', '-')}.json").read_text()
    assert local.riskiest_last(base, tmp_path) == base
    (tmp_path / "running" / f"{base[1].name.replace('/', '-')}.json").write_text(running)
    assert [run.seed for run in local.riskiest_last(base, tmp_path)] == [1, 3, 4, 5, 2]


# --------------------------------------------------------------------------------- do, alone


@pytest.fixture
def trained(monkeypatch, tmp_path, digits_file):
    """Stand in for the training, note what it is asked for; cores are claimed apart."""
    asked, imported = [], []

    def train(runs, dataset, images, folder, engine):
        (run,), experiment = runs, runs[0].experiment
        asked.append((experiment.id, run.seed, run.keep_weights))
        assert (dataset.name, len(images.test_labels)) == ("digits", 360)
        assert imported.pop(), "Keras was not imported as a study needs it"
        assert engine == "processes"
        path = records.place(folder, experiment.id, experiment.fingerprint, run.seed)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("{}")
        return ["the record"]

    monkeypatch.setattr(training, "train_together", train)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(local, "import_keras", lambda: imported.append(True))
    return asked


def test_weights_are_kept_for_the_first_seed_of_base_and_enhanced_alone(
    chosen, tmp_path, trained, digits_file
):
    for run in wanted(chosen):
        assert local.do(chosen, run, tmp_path, digits_file) == "the record"
    assert trained == [
        ("base", 2, True),
        ("wide", 2, True),
        ("raw", 2, False),
        ("base", 1, False),
        ("wide", 1, False),
        ("raw", 1, False),
    ]


def test_a_run_that_is_there_is_read_and_not_trained(
    chosen, tmp_path, trained, monkeypatch, capsys
):
    run = run_of(chosen, "wide")
    path = put(tmp_path, run.name.replace("wide/", "another-name/"))
    monkeypatch.setattr(records, "read", lambda where: ("read", where))
    assert local.do(chosen, run, tmp_path, tmp_path / "no data") == ("read", path)
    assert trained == []
    assert "there already" in capsys.readouterr().err


def test_lock_is_free_after_an_error(chosen, tmp_path, trained, digits_file, monkeypatch):
    def fail(*_, **__):
        raise ValueError("a fault of ours")

    monkeypatch.setattr(training, "train_together", fail)
    with pytest.raises(ValueError, match="a fault of ours"):
        local.do(chosen, run_of(chosen), tmp_path, digits_file)
    (lock,) = (tmp_path / "locks").iterdir()
    with FileLock(lock).acquire(timeout=0):
        pass
    assert not list((tmp_path / "running").iterdir())


@pytest.fixture
def in_this_process(monkeypatch):
    """Have no process of their own for trainings that are stood in for."""

    class Workers:
        def __init__(self, count):
            assert count == 1

        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

        def submit(self, job, *arguments):
            future = Future()
            try:
                future.set_result(job(*arguments))
            except Exception as error:
                future.set_exception(error)
            return future

    monkeypatch.setattr(workers, "Workers", Workers)


def test_one_command_trains_runs_one_after_the_other(
    chosen, tmp_path, trained, digits_file, monkeypatch, capsys, in_this_process
):
    """A fault in one, which is none of the user's, does not keep the others from their turn."""
    train = training.train_together

    def fail_once(runs, *others):
        if runs[0].experiment.id == "wide":
            raise ValueError("a fault of ours")
        train(runs, *others)
        return [records_by_hand.make(chosen, runs[0].experiment.id, runs[0].seed, test=0.5)]

    monkeypatch.setattr(training, "train_together", fail_once)
    monkeypatch.setattr(progress, "standing", lambda *_: "standing")
    command = ["train", str(chosen.path), "base/seed-2", "wide/seed-1", "raw/seed-1"]
    places = ["--data", str(digits_file), "--results", str(tmp_path)]
    with pytest.raises(ValueError, match="a fault of ours") as caught:
        main([*command, *places])
    assert caught.value.__notes__ == [f"It came while {run_of(chosen, 'wide').name} was trained."]
    assert trained == [("base", 2, True), ("raw", 1, False)]
    said = capsys.readouterr()
    assert [line.partition(":")[0] for line in said.out.splitlines()] == [
        "base seed 2",
        "raw seed 1",
    ]


def test_one_command_trains_the_runs_of_a_program_together(
    chosen, tmp_path, trained, digits_file, monkeypatch, capsys, in_this_process
):
    """One of them is there already: the others are trained, and all are told of."""
    for name in (engine.KNOWN, "KERAS_BACKEND"):
        monkeypatch.setenv(name, "")
    compiled, together = [], []
    batched = SimpleNamespace(
        keep_programs=lambda folder: None,
        prepare=lambda groups: compiled.extend(
            [(member.settings.filters, member.seed) for member in group.members] for group in groups
        ),
    )
    monkeypatch.setitem(sys.modules, "cnn_study.train.batched", batched)
    monkeypatch.setattr(train, "batched", batched, raising=False)

    def train_together(runs, dataset, images, folder, by):
        together.append([by, *((run.experiment.id, run.seed) for run in runs)])
        return [records_by_hand.make(chosen, run.experiment.id, run.seed) for run in runs]

    monkeypatch.setattr(training, "train_together", train_together)
    records_by_hand.write(chosen, tmp_path, records_by_hand.make(chosen, "wide", 2))
    command = ["train", str(chosen.path), "--engine", "batched", "--data", str(digits_file)]
    runs = ["base/seed-2", "wide/seed-2", "wide/seed-1", "base/seed-1"]
    assert main([*command, "--results", str(tmp_path), *runs]) == 0
    assert compiled == [[([2], 2), ([2], 1)], [([3], 1)]]
    assert together == [["batched", ("base", 2), ("base", 1)], ["batched", ("wide", 1)]]
    said = capsys.readouterr()
    assert [line.partition(":")[0] for line in said.out.splitlines()] == [
        *("base seed 2", "base seed 1", "wide seed 2", "wide seed 1")
    ]
    assert said.err.count("the record is there already") == 1
    assert not list((tmp_path / "running").iterdir())


def test_a_fault_of_ours_keeps_its_traceback_beside_a_users_mistake(
    chosen, tmp_path, monkeypatch, capsys, in_this_process
):
    def fail(_, run, *others, retry):
        if run.experiment.id == "base":
            raise UserError("no space left")
        raise ValueError("a fault of ours")

    monkeypatch.setattr(local, "do", fail)
    command = ["train", str(chosen.path), "base/seed-2", "wide/seed-1", "base/seed-1"]
    with pytest.raises(ValueError, match="a fault of ours"):
        main([*command, "--results", str(tmp_path)])
    assert capsys.readouterr().err == "no space left\n"


def test_what_holds_for_all_runs_of_a_command_is_said_once(
    chosen, tmp_path, trained, capsys, in_this_process
):
    command = ["train", str(chosen.path), "base/seed-2", "wide/seed-1", "raw/seed-1"]
    assert main([*command, "--data", str(tmp_path / "no.npz"), "--results", str(tmp_path)]) == 2
    assert trained == []
    said = capsys.readouterr().err
    assert said.count("Make it with: ") == 1
    assert "Traceback" not in said


def test_two_runs_have_two_locks(chosen, tmp_path):
    with (
        local.alone(run_of(chosen, "base", 1), tmp_path),
        local.alone(run_of(chosen, "base", 2), tmp_path),
        local.alone(run_of(chosen, "wide", 1), tmp_path),
    ):
        assert len(list((tmp_path / "locks").iterdir())) == 3


# ------------------------------------------------------------------- test data is touched once


def trained_with(small, folder: Path, monkeypatch, test_images: np.ndarray, **more) -> tuple:
    """Train two epochs, and note when test images are fed to the network.

    Returns:
        The record, and how many epochs had been told of at each feeding of test images.
    """
    settings = Settings(
        **{"filters": [2], "dense_units": 8, "epochs": 2, "validation_fraction": 0.2} | more
    )
    experiment = Experiment("base", settings, "0" * 16, 0, 0)
    images = replace(small.images, test_images=test_images)
    told, seen = [], []
    feed = keras_one._fed

    def noting(pixels, targets, batch_size):
        if np.array_equal(pixels, test_images):
            assert targets is None, "trained on test images"
            seen.append(len(told))
        return feed(pixels, targets, batch_size)

    monkeypatch.setattr(keras_one, "_fed", noting)
    record = training.train(experiment, 1, small.dataset, images, folder, told.append)
    monkeypatch.undo()
    return record, seen


@pytest.mark.parametrize(("watched", "expected"), [(False, [2]), (True, [0, 1, 2])])
def test_test_images_are_scored_at_the_end_of_a_run_unless_watched(
    keras, small, tmp_path, monkeypatch, watched, expected
):
    images = small.images.test_images.copy()
    record, seen = trained_with(small, tmp_path, monkeypatch, images, watch_test=watched)
    assert record.status == "complete"
    assert seen == expected
    assert [epoch.watched_test_accuracy is None for epoch in record.epochs] == [not watched] * 2


def test_other_test_images_give_the_same_network_and_validation_scores(
    keras, small, tmp_path, monkeypatch
):
    true = small.images.test_images.copy()
    noise = np.random.default_rng(1).integers(0, 256, true.shape, dtype=np.uint8)
    one, two = (
        trained_with(small, tmp_path / name, monkeypatch, images)[0]
        for name, images in (("true", true), ("noise", noise))
    )
    assert one.weights_sha256 == two.weights_sha256
    assert [epoch.model_dump(exclude={"training_seconds"}) for epoch in one.epochs] == [
        epoch.model_dump(exclude={"training_seconds"}) for epoch in two.epochs
    ]
    assert one.test != two.test


# ------------------------------------------------------------------------ in real processes


class Process:
    """One `python -m cnn_study train`, with what it says in a file."""

    def __init__(self, name: str, folder: Path, data: Path, *words: str, imports: str = "") -> None:
        self.log = folder / f"{name}.log"
        command = ["-m", "cnn_study", "train", "mine.yaml", "base/seed-1", *words]
        command += ["--data", str(data), "--results", "results"]
        plain = {key: value for key, value in os.environ.items() if "NUM_THREADS" not in key}
        if imports:  # by each process, as it begins
            (folder / "sitecustomize.py").write_text(f"import {imports}")
            plain["PYTHONPATH"] = f"{folder}:{plain['PYTHONPATH']}"
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, *command],
                cwd=folder,
                env={**plain, "TMPDIR": str(folder)},
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    @property
    def said(self) -> str:
        return self.log.read_text()

    def wait_until(self, true) -> None:
        end = time.monotonic() + 300
        while not true():
            assert self.process.poll() is None, self.said
            assert time.monotonic() < end, self.said
            time.sleep(0.05)


def test_one_process_trains_and_the_others_wait_even_when_the_first_is_killed(
    keras, chosen, tmp_path, digits_file
):
    """The first is killed in its training; of two that wait one trains, one finds the record."""
    results = tmp_path / "results"
    first = Process("first", tmp_path, digits_file)
    first.wait_until(lambda: list(results.glob("running/*.json")))
    first.process.send_signal(signal.SIGSTOP)  # or it might be done before the others have begun
    others = [Process(name, tmp_path, digits_file) for name in ("second", "third")]
    for other in others:
        other.wait_until(lambda other=other: "waiting for its record" in other.said)
    assert not list(results.glob("runs/*/*/*.json"))
    first.process.kill()
    assert first.process.wait() == -9
    assert [other.process.wait(timeout=300) for other in others] == [0, 0], others[0].said

    trained = ["epoch 2 of 2" in other.said for other in others]
    found = ["the record is there already" in other.said for other in others]
    assert sorted(trained) == [False, True]
    assert found == [not each for each in trained]
    run = run_of(chosen)
    (path,) = results.glob("runs/*/*/*.json")
    assert path == results / "runs" / f"{run.name}.json"
    record = records.read(path)
    assert (record.status, record.seed, len(record.epochs)) == ("complete", 1, 2)
    assert (path.parent / record.test.predictions_file).is_file()
    assert not list(results.glob("running/*.json"))
    (lock,) = (results / "locks").iterdir()
    with FileLock(lock).acquire(timeout=0):
        pass

    # A process that imports Keras with all that belongs to it gets the same bits.
    again = tmp_path / "again"
    again.mkdir()
    shutil.copy(tmp_path / "mine.yaml", again)
    whole = Process("whole", again, digits_file, imports="pandas, sklearn.utils, matplotlib")
    assert whole.process.wait(timeout=300) == 0, whole.said
    (path,) = again.glob("results/runs/*/*/*.json")
    assert records.read(path).weights_sha256 == record.weights_sha256
    assert records.read(path).test == record.test


@pytest.mark.slow
def test_a_training_that_is_killed_twice_is_recorded_as_failed_and_tried_again_when_asked(
    chosen, tmp_path, digits_file
):
    """As the system kills it for want of memory: its parent lives, and says what happened."""
    results = tmp_path / "results"
    mark = heartbeat.mark(results, run_of(chosen).name)
    command = Process("killed", tmp_path, digits_file)
    killed: set[int] = set()

    def kill_what_trains() -> bool:
        if mark.exists():
            process = json.loads(mark.read_text())["process"]
            if process not in killed:
                os.kill(process, signal.SIGKILL)
                killed.add(process)
        return len(killed) == 2

    command.wait_until(kill_what_trains)
    assert command.process.pid not in killed
    assert command.process.wait(timeout=100) == 0, command.said
    why = "by SIGKILL, as the system does where memory is short"
    assert f"its process was ended {why}; it is trained once more" in command.said
    (path,) = results.glob("runs/*/*/*.json")
    record = records.read(path)
    assert (record.status, record.epochs) == ("failed", [])
    assert record.reason == f"its process was ended twice, at last {why}"
    assert not mark.exists()

    said = Process("plain", tmp_path, digits_file)
    assert said.process.wait(timeout=100) == 0
    assert "the record is there already" in said.said
    again = Process("again", tmp_path, digits_file, "--retry", "failed")
    assert again.process.wait(timeout=300) == 0, again.said
    assert records.read(path).status == "complete"
