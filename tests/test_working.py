"""`cnn-study work`: beside others, on any machine, each run once, and no waiting."""

import json
import os
import subprocess
import time
from pathlib import Path

import pytest

import records_by_hand
from cnn_study.__main__ import main
from cnn_study.base.errors import UserError
from cnn_study.data.arrays import load_prepared
from cnn_study.data.catalog import Dataset
from cnn_study.execute import local, queue, workers, working
from cnn_study.runs import records
from cnn_study.runs.wanted import Run, record_of, wanted
from cnn_study.study.merge import load
from searched_by_hand import Pool
from workplace import Workplace

STUDY = """\
title: A study
dataset: digits
seeds: 3
confirmation: 3
judge: two-sample
base: {validation_fraction: 0.2, filters: [2], dense_units: 8, training_fraction: 0.2, epochs: 2}
questions:
  rate:
    title: Learning rate
    question: Is a larger one better?
    hypothesis: It is.
    changes:
      faster: {learning_rate: 0.01}
"""


class Made:
    """A study whose trainings are made up, and what was trained, in that order."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        file = folder / "mine.yaml"
        file.write_text(STUDY)
        self.study, self.results = load(file), folder / "results"
        self.place = workers.Place(file, self.results, folder / "no data")
        self.trained: list[str] = []
        self.instead: dict[str, str | Exception] = {}
        patch.setattr(working, "Workers", Pool)
        patch.setattr(working, "load_prepared", self.load)
        patch.setattr(queue, "train_free", self.train)
        patch.setattr(queue, "PAUSE_SECONDS", 0)

    def load(self, dataset: Dataset, path: Path) -> None:
        if path.name == "no-such.npz":
            load_prepared(dataset, path)

    def train(self, place: workers.Place, runs: list[Run]) -> list[records.Record]:
        (run,) = runs
        with local.held_if_free(local._lock_of(run, self.results)) as free:
            record = record_of(run, self.results)
            again = place.retry and record and record.status == "failed"
            if not free or (record and not again):
                return []
            self.trained.append(run.typed)
            outcome = self.instead.get(run.typed, "complete")
            if isinstance(outcome, Exception):
                raise outcome
            score = {"base": 0.5, "faster": 0.7}[run.experiment.id] + run.seed / 1000
            how = {"status": outcome, "validation": score, "test": score}
            made = records_by_hand.make(self.study, run.experiment.id, run.seed, **how)
            records_by_hand.write(self.study, self.results, made)
            return [made]

    def work(self, count: int = 1) -> list[Exception]:
        return working.work(self.study, self.place, count)


@pytest.fixture
def made(tmp_path, monkeypatch) -> Made:
    return Made(tmp_path, monkeypatch)


ALL = [f"{id_}/seed-{seed}" for seed in (1, 2, 3) for id_ in ("base", "faster")]


def test_what_is_missing_is_trained_in_the_order_of_the_study(made, capsys):
    records_by_hand.write(made.study, made.results, records_by_hand.make(made.study, "base", 2))
    assert made.work() == []
    assert sorted(made.trained) == sorted(set(ALL) - {"base/seed-2"})
    *told, last = capsys.readouterr().out.splitlines()
    assert len(told) == 5
    assert told[-1].endswith("6 of 6 runs done")
    assert last.startswith("5 runs trained here; nothing is left to train")


def test_what_another_process_holds_is_passed_over_and_named(made, capsys):
    """Also where that ends meanwhile: what it let go of is taken before the end."""
    first, second = wanted(made.study)[:2]
    with local.alone(first, made.results), local.alone(second, made.results):
        assert made.work(2) == []
    assert sorted(made.trained) == sorted(ALL[2:])
    said = capsys.readouterr().out.splitlines()[-1]
    assert said == (
        "4 runs trained here; 2 runs in the hands of other processes: base/seed-1, faster/seed-1"
    )
    assert made.work() == []
    assert len(made.trained) == len(set(made.trained)) == 6


def test_a_fault_of_one_run_stops_no_other_and_comes_once(made, capsys):
    made.instead["faster/seed-1"] = UserError("no such file")
    made.instead["base/seed-3"] = ValueError("ours")
    faults = made.work()
    assert sorted(map(str, faults)) == ["no such file", "ours"]
    assert sorted(made.trained) == sorted(ALL)
    assert (
        "It came while base/" in next(each for each in faults if str(each) == "ours").__notes__[0]
    )
    assert "4 runs trained here" in capsys.readouterr().out
    assert "nothing is left" not in capsys.readouterr().out


def test_a_record_that_cannot_be_used_is_named_and_nothing_is_called_done(made, capsys):
    made.work()
    damaged = next((made.results / "runs").glob("faster/*/seed-2.json"))
    damaged.write_text("{", "utf-8")
    (fault,) = made.work()
    assert damaged.name in str(fault)
    assert "nothing is left" not in capsys.readouterr().out.splitlines()[-1]


def test_a_folder_that_cannot_be_written_is_one_message(made):
    made.results.write_text("a file")
    with pytest.raises(UserError, match=r"^[^\n]*results/locks cannot be written: [^\n]*$"):
        made.work()
    assert made.trained == []


def test_what_failed_is_tried_again_once_and_only_when_asked(made, tmp_path):
    made.instead["base/seed-1"] = "failed"
    made.work()
    made.trained.clear()
    made.work()
    assert made.trained == []
    made.place = workers.Place(made.study.path, made.results, tmp_path, retry=True)
    made.work()
    assert made.trained == ["base/seed-1"]


@pytest.mark.slow
def test_what_confirms_suggestions_is_trained_when_they_follow_from_all_runs(made, capsys):
    made.work()
    assert len(made.trained) == 6
    said = capsys.readouterr().out
    assert said.endswith(
        "what confirms suggestions is known once the evidence is made of all runs\n"
    )
    for stage in ("tables", "analyse"):
        assert main([stage, str(made.study.path), "--results", str(made.results)]) == 0
    made.work()
    fresh = [f"{id_}/seed-{seed}" for id_ in ("base", "faster") for seed in (4, 5, 6)]
    assert sorted(made.trained[6:]) == fresh


def test_trials_of_a_search_are_taken_first(made, monkeypatch):
    base = made.study.experiments["base"]
    offered = queue.search_run(made.study, base.settings.model_copy(update={"filters": [4]}), 7)
    queue.offer(made.results, 1, offered)
    seen = []

    def train(place: workers.Place, runs: list[Run]) -> list[records.Record]:
        seen.append(runs[0].typed)
        queue.clear(made.results)
        return made.train(place, runs) if runs[0].experiment.id != "search" else []

    monkeypatch.setattr(queue, "train_free", train)
    monkeypatch.setattr(working, "Workers", lambda count: InOrder(count))
    with local.held(local.search_lock(made.results), "nobody else has it"):
        made.work()
    assert seen == ["search/seed-7", *ALL]


def test_trials_of_a_search_that_has_ended_are_left_alone(made):
    base = made.study.experiments["base"]
    path = queue.offer(made.results, 1, queue.search_run(made.study, base.settings, 7))
    path.with_name("000002-of-another-version.json").write_text("{")
    made.work()
    assert sorted(made.trained) == sorted(ALL)


class InOrder(Pool):
    """Does each job when it is given."""

    def submit(self, job, *arguments):
        future = super().submit(job, *arguments)
        while not future.done():
            pass
        return future


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--workers", "0"], "--workers 0: allowed is 1 or more."),
        (["--data", "no-such.npz"], "handwritten digits not found: no-such.npz. Make it with"),
    ],
)
def test_bad_input_gets_one_message_before_anything_is_trained(made, capsys, words, said):
    place = ["--results", str(made.results), *words]
    assert main(["work", str(made.study.path), *place]) == 2
    out, err = capsys.readouterr()
    assert said in err
    assert made.trained == []
    assert out == ""


# ---------------------------------------------------------------------------- with real processes


HOST = """
import os, platform, socket
platform.node = socket.gethostname = lambda: os.environ["HOST_OF_TEST"]
"""


@pytest.mark.slow
def test_two_machines_train_each_run_once_and_the_workflow_finds_all(tmp_path):
    place = Workplace(tmp_path / "project", STUDY.replace("confirmation: 3\n", ""))
    hosts = tmp_path / "hosts"
    hosts.mkdir()
    (hosts / "sitecustomize.py").write_text(HOST)
    command = [place.python, "-m", "cnn_study"]
    settings = {"cwd": place.path, "text": True, "env": os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"}}
    settings["env"]["PYTHONPATH"] = os.pathsep.join([str(hosts), str(place.path / "src")])
    settings["env"]["HOST_OF_TEST"] = "here"
    subprocess.run([*command, "prepare", "digits"], check=True, **settings)
    at_work, words = [], ("work", "tests", "--workers", "1")
    for host in ("first", "second"):
        settings["env"] = settings["env"] | {"HOST_OF_TEST": host}
        at_work.append(subprocess.Popen([*command, *words], stdout=subprocess.PIPE, **settings))
    seen = set()
    while any(process.poll() is None for process in at_work):
        for mark in (place.path / "results/tests/running").glob("*.json"):
            try:
                seen.add(json.loads(mark.read_text())["machine"])
            except FileNotFoundError:
                continue
        time.sleep(0.1)
    assert seen == {"first", "second"}
    told = [process.communicate()[0].splitlines() for process in at_work]
    assert [process.returncode for process in at_work] == [0, 0]
    trained = [[line.partition(":")[0] for line in lines[:-1]] for lines in told]
    assert all(trained)
    assert sorted([*trained[0], *trained[1]]) == sorted(
        name.replace("/seed-", " seed ") for name in ALL
    )
    assert [lines[-1].partition(";")[0] for lines in told] == [
        f"{len(runs)} run{'s' * (len(runs) != 1)} trained here" for runs in trained
    ]
    assert place.planned() == []
