"""A search with real workers: every trial a run record, none trained twice, nothing lost."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
import yaml

from cnn_study.base.errors import UserError
from cnn_study.base.metrics import METRICS
from cnn_study.base.words import percent
from cnn_study.evidence.analyse import analyse
from cnn_study.execute import progress
from cnn_study.runs import records, searches
from cnn_study.study.merge import load
from cnn_study.tables import csv_files
from cnn_study.tables.collect import SEARCH_RUNS, collect
from cnn_study.tables.lineage import METRIC

BLOCK = {
    "algorithm": "random",
    "trials": 3,
    "epochs": 2,
    "finalists": 2,
    "finalist_seeds": [101],
    "winner_seeds": [201, 202],
    "winner_epochs": 3,
    "space": {
        "filters": [[2], [4], [8]],
        "learning_rate": {"low": 0.001, "high": 0.01, "scale": "log"},
    },
    "prices": {"cheap": {"title": "Cheap", "macs": 40_000}},
}
DIVERGES = {"optimizer": "sgd", "scaling": "raw", "activation": "leaky_relu", "dense_units": 64}
TEXT = {
    "title": "A study",
    "dataset": "digits",
    "seeds": 1,
    "base": {"filters": [2], "dense_units": 8, "training_fraction": 0.2, "epochs": 2},
}

pytestmark = pytest.mark.slow


class Place:
    """A study file with its results folder."""

    def __init__(self, folder: Path, data: Path, **changed) -> None:
        self.folder, self.data = folder, data
        self.results = folder / "results"
        self.change(**changed)

    def change(self, **changed) -> None:
        path = self.folder / "mine.yaml"
        path.write_text(yaml.safe_dump({**TEXT, "search": {**BLOCK, **changed}}, sort_keys=False))
        self.study = load(path)

    def start(self, *more: str) -> subprocess.Popen:
        command = [sys.executable, "-m", "cnn_study", "search", str(self.folder / "mine.yaml")]
        places = ["--results", str(self.results), "--data", str(self.data)]
        return subprocess.Popen(
            [*command, *places, *more], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            cwd=self.folder, env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        )  # fmt: skip

    def run(self, *more: str) -> tuple[int, str, str]:
        process = self.start(*more)
        out, err = process.communicate(timeout=300)
        return process.returncode, out, err

    def facts(self) -> searches.SearchOutcome:
        return searches.read(searches.place(self.study, self.results))

    def records(self) -> dict[str, float]:
        """The records of the search, and when each was written."""
        found = sorted(self.results.glob("runs/search/*/seed-*.json"))
        return {str(path.relative_to(self.results)): path.stat().st_mtime_ns for path in found}

    def digests(self) -> dict[str, str]:
        return {name: records.read(self.results / name).weights_sha256 for name in self.records()}


@pytest.fixture(scope="module", autouse=True)
def dead_proxies():
    """Every variable that names a proxy names a port where nobody listens: no search may ask it."""
    names = ["http_proxy", "https_proxy", "all_proxy", "grpc_proxy"]
    with pytest.MonkeyPatch.context() as patch:
        for name in [*names, *map(str.upper, names)]:
            patch.setenv(name, "http://127.0.0.1:9")
        for name in ("no_proxy", "NO_PROXY", "no_grpc_proxy"):
            patch.delenv(name, raising=False)
        yield


@pytest.fixture(scope="module")
def done(tmp_path_factory, digits_file) -> Place:
    """A search that two workers went through."""
    place = Place(tmp_path_factory.mktemp("done"), digits_file)
    code, out, err = place.run("--workers", "2")
    assert code == 0, err
    *told, path = out.splitlines()
    assert path == str(searches.place(place.study, place.results))
    place.told = told
    return place


def test_trials_finalists_and_winner_leave_run_records(done):
    (found,) = done.facts().budgets
    assert [trial.trial for trial in found.trials] == [1, 2, 3]
    assert [[run.seed for run in trial.runs] for trial in found.trials] == [[1]] * 3
    assert [[run.seed for run in final.runs] for final in found.finalists] == [[101]] * 2
    assert [run.seed for run in found.winner.runs] == [201, 202]
    assert found.winner.epochs == 3
    assert len(done.records()) == 3 + 2 + 2
    for trial in [*found.trials, *found.finalists, found.winner]:
        for run in trial.runs:
            path = records.place(done.results / "runs", "search", trial.fingerprint, run.seed)
            record = records.read(path)
            assert record.epochs[-1].validation_accuracy == run.validation_accuracy
            assert (len(record.epochs), record.fingerprint) == (trial.epochs, trial.fingerprint)


def test_every_trial_is_told_of_as_it_ends(done):
    (found,) = done.facts().budgets
    first, *trials, last = done.told
    assert first == "search, Cheap: 3 trials"
    assert [re.search(r"; (\d of 3) trials done, about", line)[1] for line in trials] == [
        "1 of 3", "2 of 3", "3 of 3",
    ]  # fmt: skip
    scores = {trial.trial: percent(trial.scores[0]) for trial in found.trials}
    for line in trials:
        number, score = re.search(r"trial (\d), validation accuracy ([\d.]+ %)", line).groups()
        assert score == scores[int(number)]
    best = percent(max(trial.scores[0] for trial in found.trials))
    assert f"best so far {best};" in trials[-1]
    assert trials[-1].endswith(" of the search left with 2 at a time")
    final = next(one for one in found.finalists if one.trial == found.winner.trial)
    won = percent(final.scores[0])
    assert last == (
        f"search, Cheap: trial {final.trial} wins, validation accuracy {won} with new seeds"
    )


def test_the_best_trials_are_finalists_and_the_price_is_kept(done):
    (found,) = done.facts().budgets
    best = sorted(found.trials, key=lambda trial: -trial.scores[0])[:2]
    assert {final.trial for final in found.finalists} == {trial.trial for trial in best}
    assert found.winner.trial in {final.trial for final in found.finalists}
    assert all(trial.macs <= 40_000 for trial in found.trials)


def test_what_was_found_holds_no_test_score(done):
    text = searches.place(done.study, done.results).read_text()
    assert "test" not in re.sub(r"\"title\".*", "", text)


def test_what_is_done_is_not_done_again(done):
    before = done.records()
    code, out, _ = done.run("--workers", "2")
    assert (code, out.strip()) == (0, str(searches.place(done.study, done.results)))
    assert done.records() == before


def copied(done: Place, folder: Path) -> Place:
    import shutil

    shutil.copytree(done.folder, folder, dirs_exist_ok=True)
    place = Place(folder, done.data)
    assert place.study.search.fingerprint == done.study.search.fingerprint
    return place


def test_a_search_goes_on_from_its_records(done, tmp_path):
    """Without what was found, and without a record, only that is trained again, bit for bit.

    One worker finds the trials that two were given.
    """
    place = copied(done, tmp_path / "again")
    searches.place(place.study, place.results).unlink()
    before = place.records()
    (found,) = done.facts().budgets
    lost = place.results / "runs/search" / found.trials[1].fingerprint / "seed-1.json"
    lost.unlink()
    code, _, err = place.run("--workers", "1")
    assert code == 0, err
    after = place.records()
    changed = {name for name in after if before.get(name) != after[name]}
    assert changed == {str(lost.relative_to(place.results))}
    assert place.facts().budgets == found_within(done)
    assert place.digests() == done.digests()


def found_within(place: Place) -> list[searches.AtBudget]:
    return place.facts().budgets


def test_kill_9_loses_no_record_and_leaves_no_process(done, tmp_path, digits_file):
    place = Place(tmp_path, digits_file)
    process = place.start("--workers", "2")
    deadline = time.monotonic() + 200
    while not place.records() and time.monotonic() < deadline:
        time.sleep(0.05)
    listening = [
        one.laddr.ip.removeprefix("::ffff:")
        for one in psutil.Process(process.pid).net_connections("tcp")
        if one.status == psutil.CONN_LISTEN
    ]
    assert listening == ["127.0.0.1"]  # nobody but this machine can reach it
    process.send_signal(signal.SIGKILL)
    process.communicate()
    there = place.records()
    assert there
    deadline = time.monotonic() + 30
    while _alive(place) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert not _alive(place)
    there = place.records()  # a worker may have ended a run before it saw its parent gone
    code, _, err = place.run("--workers", "2")
    assert code == 0, err
    after = place.records()
    assert {name: after[name] for name in there} == there
    assert place.facts().budgets == done.facts().budgets


def test_a_run_that_is_killed_again_and_again_counts_as_failed(done, tmp_path, digits_file):
    """The system does so where memory is short. The search goes on, and what ran beside is kept."""
    trials = done.facts().budgets[0].trials
    victim = next(trial for trial in trials if trial.values["filters"] == [4])
    place = Place(tmp_path, digits_file)
    process = place.start("--workers", "2")
    mark = place.results / "running" / f"search-{victim.fingerprint}-seed-1.json"
    killed = set()
    while process.poll() is None:
        if mark.exists() and (pid := json.loads(mark.read_text())["process"]) not in killed:
            os.kill(pid, signal.SIGKILL)
            killed.add(pid)
        time.sleep(0.01)
    _, err = process.communicate()
    assert process.returncode == 0, err
    assert len(killed) == 2
    name = f"search/{victim.fingerprint}/seed-1"
    assert f"{name}: its process was ended; it is trained once more, by itself" in err
    assert f"{name} counts as failed: its process was ended twice, at last by SIGKILL" in err
    (found,) = place.facts().budgets
    others = [trial for trial in found.trials if trial.trial != victim.trial]
    assert others == [trial for trial in trials if trial.trial != victim.trial]
    assert found.trials[victim.trial - 1].runs[0].status == "failed"
    record = records.read(records.place(place.results / "runs", "search", victim.fingerprint, 1))
    assert record.reason.startswith("its process was ended twice, at last by SIGKILL, as the sys")
    assert record.epochs == []
    assert record.cost.run_seconds > 0
    assert {final.trial for final in found.finalists} == {trial.trial for trial in others}
    # It is told how to try again; then the search goes as it would have gone.
    (line,) = progress.failures(place.study, place.results)
    assert line.startswith(f"1 run is recorded as failed (search seed 1: {record.reason}")
    code, _, err = place.run("--workers", "2", "--retry", "failed")
    assert code == 0, err
    assert place.facts().budgets == done.facts().budgets
    assert progress.failures(place.study, place.results) == []


@pytest.mark.parametrize(
    ("number", "says"),
    [
        (signal.SIGKILL, "by SIGKILL, as the system does where memory is short"),
        (signal.SIGSEGV, "by SIGSEGV, a segmentation fault, as a backend has where memory is"),
    ],
)
def test_a_worker_that_is_ended_takes_no_other_with_it_and_the_next_job_gets_a_new_one(
    number, says
):
    from cnn_study.execute import workers

    with workers.Workers(2) as pool:
        jobs = [pool.submit(time.sleep, 1), pool.submit(_end_by, number)]
        assert not workers.wait(jobs)
        assert jobs[0].result() is None
        assert str(jobs[1].exception()).startswith(says)
        assert workers.wait([pool.submit(time.sleep, 0) for _ in range(2)])


def test_a_worker_that_somebody_stops_stops_the_command():
    from cnn_study.execute import workers

    with workers.Workers(1) as pool:
        jobs = [pool.submit(_end_by, signal.SIGTERM), pool.submit(time.sleep, 100)]
        with pytest.raises(UserError, match=r"ended by SIGTERM\. Nothing is lost: run again\."):
            workers.wait(jobs)
        assert jobs[1].cancelled() or jobs[1].exception().asked


def test_a_fault_in_a_worker_keeps_its_traceback():
    from cnn_study.execute import workers

    with workers.Workers(1) as pool:
        with pytest.raises(ValueError, match="invalid literal") as caught:
            workers.wait([pool.submit(int, "one")])
        assert "in _outcome" in caught.value.__notes__[0]
        with pytest.raises(UserError, match="no such place") as caught:
            workers.wait([pool.submit(_refuse)])
        assert not hasattr(caught.value, "__notes__")


def test_each_worker_has_a_gpu_of_its_own(monkeypatch):
    from cnn_study.execute import workers
    from cnn_study.train import machine

    monkeypatch.setenv(machine.KNOWN, "")  # so that it is put back to what it was
    machine.hand_on(["7", "8"])
    with workers.Workers(2) as pool:
        jobs = [pool.submit(_gpu_after_a_second) for _ in range(2)]
        assert sorted(job.result() for job in jobs) == ["7", "8"]


def _gpu_after_a_second() -> str:
    time.sleep(1)  # in which the other worker does the other job
    return os.environ["CUDA_VISIBLE_DEVICES"]


def test_workers_that_are_killed_as_they_begin_end_the_search_with_a_message(monkeypatch):
    from cnn_study.execute import workers

    monkeypatch.setattr(workers, "PROGRAM", "import os; os.kill(os.getpid(), 9)")
    with workers.Workers(1) as pool:
        job = pool.submit(time.sleep, 0)
        with pytest.raises(UserError, match=r"ended from outside.*Nothing is lost: run again"):
            workers.wait([job])


def test_a_trial_scores_the_mean_of_its_seeds_rounded_once(keras):
    """The sum of floats is rounded in another way from Python 3.12 on."""
    from cnn_study.search import chief

    model = SimpleNamespace(fingerprint="0" * 16, settings=None, parameters=1, macs=1)
    asked = SimpleNamespace(model=lambda values, epochs: model, seeds=range(10))
    study = SimpleNamespace(search=asked, metric=METRICS["accuracy"])
    assert chief._score(study, lambda run: ended_with(0.1), "Cheap", {}, 1) == 0.1


def ended_with(validation_accuracy: float | None) -> SimpleNamespace:
    """Give what a search reads of the record of a complete run."""
    last = SimpleNamespace(validation_accuracy=validation_accuracy)
    return SimpleNamespace(seed=1, status="complete", epochs=[last])


def _end_by(number: int) -> None:
    """End as a process does that the system or its own fault ends."""
    os.kill(os.getpid(), number)
    time.sleep(10)


def _refuse() -> None:
    raise UserError("no such place")


def _alive(place: Place) -> list[str]:
    """Processes of this machine that work in the place's folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if os.readlink(process / "cwd") == str(place.folder):
                found.append(process.name)
        except OSError:
            continue
    return found


def test_trials_that_diverge_are_recorded_and_leave_no_winner(tmp_path, digits_file):
    place = Place(
        tmp_path, digits_file, settings=DIVERGES, trials=2, finalists=1,
        space={"learning_rate": [10.0, 9.0]}, epochs=3,
        prices={"any": {"title": "Any", "macs": 10_000_000}},
    )  # fmt: skip
    code, _, err = place.run()
    assert code == 0, err
    (found,) = place.facts().budgets
    assert [trial.runs[0].status for trial in found.trials] == ["diverged"] * 2
    assert (found.finalists, found.winner) == ([], None)
    collect(place.study, place.results, place.results / "tables")
    analyse(place.study, place.results / "tables", place.results / "evidence")
    rows = csv_files.read(place.results / "evidence", tables_of("search-prices")).to_dict("records")
    assert (rows[0]["trials"], rows[0]["broken_trials"]) == (2, 2)


def tables_of(name: str):
    from cnn_study.evidence import schemas as evidence_schemas

    table = next(table for table in evidence_schemas.EVIDENCE if table.name == name)
    return table.put({METRIC: "accuracy"})


def test_a_complete_run_without_a_validation_score_is_a_trial_that_failed(tmp_path, digits_file):
    """Its last validation loss is not finite, though that of the test images is."""
    from cnn_study.search import chief, tuner

    place = Place(tmp_path, digits_file, seeds=2)
    ended = iter([ended_with(0.5), ended_with(None)])
    values = {"filters": [2], "learning_rate": 0.001}
    with pytest.raises(tuner.Failed, match="no validation score"):
        chief._score(place.study, lambda run: next(ended), "Cheap", values, 2)


@pytest.mark.parametrize("told", [9.99, "of another folder"])
def test_a_worker_that_tells_another_score_than_its_record_is_refused(
    done, tmp_path, keras, monkeypatch, told
):
    """At once, before the next trial: of whichever worker, however its word came."""
    from concurrent.futures import Future

    from cnn_study.execute import workers
    from cnn_study.search import chief, tuner

    place = copied(done, tmp_path / "told")
    if told == "of another folder":
        for record in place.results.glob("runs/search/*/seed-1.json"):
            record.unlink()
    monkeypatch.setattr(chief, "LATE_SECONDS", 0)
    oracle = tuner.oracle(place.study.search, place.study.search.budgets[0])
    oracle._set_project_dir(str(tmp_path), "cheap")

    def work(*given: object) -> Future:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            while (trial := oracle.create_trial("worker-1")).status == "RUNNING":
                oracle.update_trial(trial.trial_id, {tuner.OBJECTIVE: 9.99})
                trial.status = "COMPLETED"
                oracle.end_trial(trial)
        job = Future()
        job.set_result(None)
        return job

    within = chief._WithinBudget(
        place.study, place.study.search, workers.Place(Path(), place.results, place.data),
        SimpleNamespace(serve=lambda served: None, address="here:1"),
        SimpleNamespace(submit=work, count=1), place.study.search.budgets[0], [],
    )  # fmt: skip
    with pytest.raises(UserError) as error:
        within._serve(oracle)
    assert len(oracle.trials) == 1
    assert within.scores == {}
    said = str(error.value)
    if told == 9.99:
        (first, *_) = place.facts().budgets[0].trials
        accuracy = percent(first.runs[0].validation_accuracy)
        assert said.startswith("search, Cheap, trial 1: a worker claims 999.00 % of validation")
        assert f"the records of its runs give {accuracy}." in said
    else:
        assert "which a worker said it had trained. Workers must share the results folder" in said


def test_a_changed_space_is_a_new_search_that_workers_elsewhere_can_join(done, tmp_path):
    """At each of two prices; one worker waits for the chief, another comes after the first price.

    Each trial has two seeds.
    """
    place = copied(done, tmp_path / "changed")
    before, first = place.records(), searches.place(place.study, place.results)
    dear = {"title": "Dear", "macs": 50_000}
    place.change(trials=4, seeds=2, prices={**BLOCK["prices"], "dear": dear})
    assert searches.place(place.study, place.results) != first
    port = _free_port()
    early = place.start("--join", f"127.0.0.1:{port}")
    chief = place.start("--workers", "1", "--listen", f"127.0.0.1:{port}")
    assert any(re.search("Cheap: trial . wins", line) for line in chief.stdout)
    late = place.start("--join", f"127.0.0.1:{port}")
    for process in (chief, early, late):
        process.communicate(timeout=300)
        assert process.returncode == 0
    assert first.exists()
    after = place.records()
    assert {name: after[name] for name in before} == before  # old records are kept, and used
    budgets = place.facts().budgets
    assert [run.seed for budget in budgets for trial in budget.trials for run in trial.runs] == (
        [1, 2] * 8
    )
    values = [trial.values for trial in budgets[0].trials]
    assert values[:3] == [trial.values for trial in done.facts().budgets[0].trials]
    assert len(values) == 4


def _free_port() -> int:
    import socket

    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


@pytest.fixture
def chief(done):
    """A chief that proposes nothing, and the address of it."""
    from cnn_study.search import chief

    with chief._chief(done.study.search, chief.LOOPBACK) as chief:
        chief.server.start()
        yield chief.address


def test_no_two_chiefs_listen_at_one_address(done, chief):
    from cnn_study.search.chief import _chief

    with pytest.raises(UserError, match=f"nothing can listen at {chief}"):
        _chief(done.study.search, chief).__enter__()


def test_a_worker_of_another_search_is_refused_with_one_message(done, chief, tmp_path):
    place = copied(done, tmp_path / "other")
    place.change(trials=4)
    code, _, err = place.run("--join", chief)
    assert code == 2
    assert err.splitlines()[-1] == (
        f"the chief at {chief} goes through another search than that of "
        f"{place.folder / 'mine.yaml'}. Join the chief of this one, or give the study file as it "
        "is there."
    )
    assert "Traceback" not in err


def test_every_call_for_another_search_is_refused(keras, done, chief):
    """Also of a worker whose own chief is gone, and who has a score to tell."""
    import grpc

    from cnn_study.search import calls
    from cnn_study.search.tuner import protos

    direct = [("grpc.enable_http_proxy", 0)]  # the tests' own proxies lead nowhere
    with grpc.insecure_channel(chief, direct) as channel:
        stub = protos.get_service_grpc().OracleStub(channel)
        for fingerprint, status in [
            ("0" * 16, calls.REFUSED),
            (done.study.search.fingerprint, grpc.StatusCode.UNIMPLEMENTED),  # it has no oracle yet
        ]:
            calls.mark(stub, fingerprint)
            with pytest.raises(grpc.RpcError) as error:
                stub.EndTrial(protos.get_service().EndTrialRequest(), timeout=60)
            assert error.value.code() == status


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--workers", "0"], "--workers 0: allowed is 1 or more."),
        (["--listen", "9000"], "--listen 9000: allowed is HOST:PORT"),
        (["--listen", "127.0.0.1:70000"], "with a port up to 65535."),
        (["--join", "here:"], "--join here:: allowed is HOST:PORT"),
        (["--listen", "192.0.2.1:9000"], "nothing can listen at 192.0.2.1:9000"),
    ],
)
def test_bad_input_gets_one_message(tmp_path, digits_file, more, said):
    code, _, err = Place(tmp_path, digits_file).run(*more)
    assert code == 2
    assert said in err
    assert "Traceback" not in err


def test_a_study_without_a_search_says_so(tmp_path, digits_file):
    place = Place(tmp_path, digits_file, trained=False)
    code, _, err = place.run()
    assert code == 2
    assert "asks for no search: that takes a block `search:`, without `trained: false`" in err


def test_a_damaged_file_of_what_was_found_is_refused(done, tmp_path):
    place = copied(done, tmp_path / "damaged")
    searches.place(place.study, place.results).write_text('{"format": 1}')
    code, _, err = place.run()
    assert code == 2
    assert "is not a whole search" in err
    with pytest.raises(
        UserError, match="Delete the file of the search; it is then gone through again"
    ):
        place.facts()


def test_a_lost_record_is_told_of_by_the_tables(done, tmp_path):
    place = copied(done, tmp_path / "lost")
    (found,) = place.facts().budgets
    (place.results / "runs/search" / found.winner.fingerprint / "seed-202.json").unlink()
    with pytest.raises(UserError, match="has no record of trial"):
        collect(place.study, place.results, place.results / "tables")


def test_a_score_that_is_not_its_record_s_is_told_of_by_the_tables(done, tmp_path):
    """In a file without a digest of itself, as those of before are."""
    place = copied(done, tmp_path / "other")
    path = searches.place(place.study, place.results)
    facts = json.loads(path.read_text())
    del facts["facts_sha256"]
    facts["prices"][0]["finalists"][0]["runs"][0]["validation_accuracy"] = 0.99
    path.write_text(json.dumps(facts))
    with pytest.raises(UserError, match=r"seed 101, has the validation accuracy 0\.99, and its"):
        collect(place.study, place.results, place.results / "tables")


def test_tables_and_evidence_say_what_was_found(done, tmp_path):
    frictionless = pytest.importorskip("frictionless")
    place = copied(done, tmp_path / "told")
    collect(place.study, place.results, place.results / "tables")
    analyse(place.study, place.results / "tables", place.results / "evidence")
    (found,) = place.facts().budgets
    runs = csv_files.read(place.results / "tables", SEARCH_RUNS.put({METRIC: "accuracy"}))
    assert list(runs["stage"]) == ["trial"] * 3 + ["finalist"] * 2 + ["winner"] * 2
    assert list(runs["validation_accuracy"][:3]) == pytest.approx(
        [trial.scores[0] for trial in found.trials], abs=1e-6
    )
    (row,) = csv_files.read(place.results / "evidence", tables_of("search-prices")).to_dict(
        "records"
    )
    own = runs[runs["stage"] == "winner"]["test_accuracy"]
    assert row["test_accuracy"] == pytest.approx(own.mean(), abs=1e-6)
    assert row["finalist_accuracy"] == pytest.approx(
        next(f.scores[0] for f in found.finalists if f.trial == found.winner.trial), abs=1e-6
    )
    finals = csv_files.read(place.results / "evidence", tables_of("search-finalists"))
    assert list(finals["gap"]) == pytest.approx(
        list(finals["search_accuracy"] - finals["fresh_accuracy"]), abs=2e-6
    )
    for folder in ("tables", "evidence"):
        report = frictionless.validate(str(place.results / folder / "datapackage.json"))
        assert report.valid, report.flatten(["type", "message"])
    assert list(finals["won"]) == [f.trial == found.winner.trial for f in found.finalists]
