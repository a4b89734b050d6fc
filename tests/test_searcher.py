"""A search: every trial a run record, none trained twice, the same whoever trains, nothing lost."""

import errno
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from cnn_study.__main__ import main
from cnn_study.base.errors import UserError
from cnn_study.base.words import percent
from cnn_study.evidence.analyse import analyse
from cnn_study.execute import local, progress, queue
from cnn_study.runs import records, searches
from cnn_study.runs.wanted import Run
from cnn_study.search import chief
from cnn_study.study.merge import load
from cnn_study.tables import csv_files
from cnn_study.tables.collect import SEARCH_RUNS, collect
from cnn_study.tables.lineage import METRIC
from searched_by_hand import BLOCK, TEXT, MadeSearch, accuracy

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

    @property
    def command(self) -> list[str]:
        places = ["--results", str(self.results), "--data", str(self.data)]
        return ["search", str(self.folder / "mine.yaml"), *places]

    def start(self, *more: str) -> subprocess.Popen:
        return subprocess.Popen(
            [sys.executable, "-m", "cnn_study", *self.command, *more], cwd=self.folder, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        )  # fmt: skip

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
    process = place.start("--workers", "2")
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
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


def test_what_is_done_is_not_done_again(done, capsys):
    before = done.records()
    for more in ([], ["--join"], ["--retry", "failed"]):
        assert main([*done.command, *more]) == 0
        out, err = capsys.readouterr()
        assert out.strip() == str(searches.place(done.study, done.results))
        assert "the search is done" in err
    assert done.records() == before


def copied(done: Place, folder: Path) -> Place:
    shutil.copytree(done.folder, folder, dirs_exist_ok=True)
    place = Place(folder, done.data)
    assert place.study.search.fingerprint == done.study.search.fingerprint
    return place


def test_another_process_takes_trials_and_then_the_place_of_one_that_is_killed(
    done, tmp_path, digits_file
):
    """By kill -9, after the first records: nothing is trained twice, and no process stays."""
    place = Place(tmp_path, digits_file)
    killed, other = place.start("--workers", "1"), place.start("--workers", "1")
    deadline = time.monotonic() + 200
    while len(place.records()) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    at_it = [process for process in (killed, other) if _is_chief(process)]
    (first,) = at_it
    second = other if first is killed else killed
    first.send_signal(signal.SIGKILL)
    first.communicate()
    there = place.records()
    _, err = second.communicate(timeout=300)
    assert second.returncode == 0, err
    assert "another process is at this search; training what it offers" in err
    after = place.records()
    assert {name: after[name] for name in there} == there
    assert place.facts().budgets == done.facts().budgets
    assert place.digests() == done.digests()
    assert not _alive(place)
    assert not queue.folder(place.results).exists()


def _is_chief(process: subprocess.Popen) -> bool:
    """Tell whether a process holds the search's lock: it has its file open."""
    files = Path(f"/proc/{process.pid}/fd").iterdir()
    return any(os.readlink(file).endswith("search.lock") for file in files)


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


# ------------------------------------------------------------------ with trainings that are made up


@pytest.fixture
def made(tmp_path, monkeypatch, keras) -> MadeSearch:
    return MadeSearch(tmp_path, monkeypatch)


def runs_of(budgets: list[searches.AtBudget]) -> list[str]:
    return sorted(
        f"search/{model.fingerprint}/seed-{run.seed}"
        for budget in budgets
        for model in budget.models
        for run in model.runs
    )


@pytest.mark.parametrize("algorithm", ["random", "bayesian", "hyperband"])
def test_the_same_is_found_by_any_number_of_workers_whichever_ends_first(made, algorithm):
    """At two prices, with two seeds a trial; each run is trained once."""
    dear = {"title": "Dear", "macs": 50_000}
    prices = {**BLOCK["prices"], "dear": dear}
    more = {"epochs": 9, "trials": 16} if algorithm == "hyperband" else {"trials": 5}
    made.change(algorithm=algorithm, seeds=2, together=2, prices=prices, **more)
    alone = made.search(1)
    assert [len(budget.trials) for budget in alone] == [more["trials"]] * 2
    assert [run.seed for budget in alone for trial in budget.trials for run in trial.runs] == (
        [1, 2] * 2 * more["trials"]
    )
    assert sorted(set(made.trained)) == sorted(made.trained) == sorted(set(runs_of(alone)))
    for workers in (2, 3):
        made.results = made.folder / f"results-{workers}"
        assert made.search(workers) == alone


def test_scores_are_those_of_the_records_and_the_mean_chooses(made):
    made.change(seeds=2)
    (found,) = made.search()
    for trial in found.trials:
        assert trial.scores == tuple(
            accuracy(run_of(made, trial.fingerprint, seed)) for seed in (1, 2)
        )
    means = {trial.trial: sum(trial.scores) / 2 for trial in found.trials}
    best = sorted(means, key=means.__getitem__, reverse=True)[:2]
    assert [final.trial for final in found.finalists] == best


def run_of(made: MadeSearch, fingerprint: str, seed: int) -> Run:
    path = records.find(made.results / "runs")[fingerprint, seed]
    return queue.search_run(made.study, records.read(path).settings, seed)


@pytest.mark.parametrize("kept", [0, 2, 4, 6])
def test_a_search_that_is_stopped_goes_on_and_trains_nothing_twice(made, kept):
    whole = made.search()
    order, names = list(made.trained), len(made.trained)
    for number, name in enumerate(order):
        if number >= kept:
            (made.results / "runs" / f"{name}.json").unlink()
    made.forget()
    made.trained = []
    made.instead[order[-1]] = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        made.search()
    stopped = made.trained.copy()
    del made.instead[order[-1]]
    made.trained = []
    assert made.search() == whole
    assert len(stopped) - 1 + len(made.trained) + kept == names
    assert not queue.folder(made.results).exists()


def test_what_is_left_of_a_chief_that_was_killed_is_not_offered(made):
    left = queue.offer(made.results, 7, made_run(made, filters=[16]))
    made.search()
    assert not left.exists()
    assert not [name for name in made.trained if left.name[7:23] in name]


def made_run(made: MadeSearch, seed: int = 1, **values: object) -> Run:
    settings = made.study.search.model({"learning_rate": 0.002, **values}, 2).settings
    return queue.search_run(made.study, settings, seed)


def test_a_run_that_another_process_holds_is_waited_for_and_taken_if_that_ends(made, monkeypatch):
    """Others are trained meanwhile; the one whose holder was killed is trained at last."""
    (whole,) = made.search()
    held = run_of(made, whole.trials[0].fingerprint, 1)
    shutil.rmtree(made.results)
    made.trained, looks = [], []

    def pause(seconds: float) -> None:
        looks.append(len(made.trained))
        if len(looks) == 40:
            lock.release()

    monkeypatch.setattr(chief.time, "sleep", pause)
    lock = local.lock_at(local._lock_of(held, made.results))
    assert local.claim(lock)
    assert made.search() == [whole]
    assert looks[38] == 2  # the other trials of the price, and not yet a finalist
    assert made.trained[2] == held.name


def test_a_record_of_another_run_is_refused_before_the_next_trial(made):
    """Whoever wrote it: nothing else is believed, and this as soon as it is there."""
    made.change(trials=4, algorithm="bayesian", together=2)
    first = made.search()[0].trials[0]
    wrong = run_of(made, first.fingerprint, 1)
    path = made.results / "runs" / f"{wrong.name}.json"
    record = records.read(path)
    shutil.rmtree(made.results)
    cost = record.cost.model_copy(update={"macs": record.cost.macs + 1})
    records.write(path, record.model_copy(update={"cost": cost}))
    made.trained = []
    with pytest.raises(UserError, match=r"seed-1\.json .*cost\.macs.*the settings make") as error:
        made.search()
    assert "Get it back as it was" in str(error.value)
    assert made.trained == []
    assert not searches.place(made.study, made.results).exists()


@pytest.mark.parametrize("busy", [False, True])
def test_a_run_that_failed_is_no_finalist_and_is_tried_again_when_asked(made, monkeypatch, busy):
    """Also where another process has the place at first, or asks for a moment who has it."""
    (whole,) = made.search()
    best = whole.finalists[0]
    victim = run_of(made, best.fingerprint, 1)
    shutil.rmtree(made.results)
    made.instead[victim.name] = {"status": "failed"}
    (found,) = made.search()
    assert found.trials[best.trial - 1].runs[0].status == "failed"
    assert best.trial not in {final.trial for final in found.finalists}
    (line,) = progress.failures(made.study, made.results, by_hand=True)
    assert line.startswith("1 run is recorded as failed (search seed 1: made failed by hand)")
    assert line.endswith(f"To try again: cnn-study search {made.study.path} --retry failed")
    made.instead.clear()

    def again(study, place, runs, count):
        assert place.retry
        assert [run.name for run in runs] == [victim.name]
        made.write(victim)

    monkeypatch.setattr(chief, "train_all", again)
    if busy:
        lock = local.lock_at(local.search_lock(made.results))
        assert local.claim(lock)
        monkeypatch.setattr(chief.time, "sleep", lambda seconds: lock.release())
    assert made.search(retry=True) == [whole]
    assert progress.failures(made.study, made.results) == []


def test_trials_that_diverge_are_recorded_and_leave_no_winner(made):
    made.change(trials=2, finalists=1)
    for trial in made.search()[0].trials:
        made.instead[f"search/{trial.fingerprint}/seed-1"] = {"status": "diverged"}
    shutil.rmtree(made.results)
    (found,) = made.search()
    assert [trial.runs[0].status for trial in found.trials] == ["diverged"] * 2
    assert (found.finalists, found.winner) == ([], None)
    collect(made.study, made.results, made.results / "tables")
    analyse(made.study, made.results / "tables", made.results / "evidence")
    rows = csv_files.read(made.results / "evidence", tables_of("search-prices")).to_dict("records")
    assert (rows[0]["trials"], rows[0]["broken_trials"]) == (2, 2)


def test_a_complete_run_without_a_validation_score_is_a_trial_without_one(made, capsys):
    """Its last validation loss is not finite, though that of the test images is."""
    first = made.search()[0].trials[0]
    shutil.rmtree(made.results)
    capsys.readouterr()
    made.instead[f"search/{first.fingerprint}/seed-1"] = {"validation": None}
    (found,) = made.search()
    assert (found.trials[0].runs[0].status, found.trials[0].scores) == ("complete", ())
    assert "trial 1, no score" in capsys.readouterr().out


def test_a_fault_of_a_training_ends_the_search(made):
    first = made.search()[0].trials[0]
    shutil.rmtree(made.results)
    made.instead[f"search/{first.fingerprint}/seed-1"] = OSError("no space left")
    with pytest.raises(OSError, match="no space left"):
        made.search()
    assert not queue.folder(made.results).exists()


def test_who_joins_trains_what_is_offered_until_the_search_is_done(made, monkeypatch):
    """And never goes through it, though nobody holds the lock."""
    whole = made.search()
    offered = [run_of(made, trial.fingerprint, 1) for trial in whole[0].trials]
    found = searches.place(made.study, made.results)
    content = found.read_bytes()
    shutil.rmtree(made.results)
    made.trained, looks = [], []

    def pause(seconds: float) -> None:
        looks.append(made.trained.copy())
        if len(looks) == 2:
            for number, run in enumerate(offered[:2]):
                queue.offer(made.results, number, run)
        if len(looks) == 40:
            found.parent.mkdir()
            found.write_bytes(content)

    monkeypatch.setattr(chief.time, "sleep", pause)
    assert made.search(join=True) == whole
    assert looks[1] == []
    assert sorted(made.trained) == sorted(run.name for run in offered[:2])


def test_who_comes_second_takes_the_place_of_the_first_if_that_ends(made, monkeypatch):
    whole = made.search()
    shutil.rmtree(made.results)
    made.trained = []
    lock = local.lock_at(made.results / "locks" / "search.lock")
    assert local.claim(lock)
    monkeypatch.setattr(chief.time, "sleep", lambda seconds: lock.release())
    assert made.search() == whole
    assert len(made.trained) == 7


def test_what_is_offered_is_the_same_run_for_whoever_takes_it(made):
    run = made_run(made, filters=[4])
    queue.offer(made.results, 2, run)
    queue.offer(made.results, 1, made_run(made, 5, filters=[8]))
    first, second = queue.offered(made.study, made.results)
    assert (second, first.seed) == (run, 5)


@pytest.mark.parametrize("text", ['{"settings": {"no_such": 1}, "seed": 1}', "{}", "other"])
def test_what_this_machine_does_not_know_is_refused_before_it_is_trained(made, text):
    path = queue.offer(made.results, 1, made_run(made, filters=[4]))
    if text == "other":  # as where data or training differ
        path.rename(path.with_name(f"000001-{'0' * 16}-seed-1.json"))
    else:
        path.write_text(text)
    with pytest.raises(UserError, match=r"does not know as the same.*delete the folder"):
        queue.offered(made.study, made.results)


def test_every_file_that_is_no_offer_is_named_with_what_is_wrong_with_it(made):
    cut, folder, strange = (
        queue.offer(made.results, number, made_run(made, filters=[4])) for number in (1, 2, 3)
    )
    queue.offer(made.results, 4, made_run(made, filters=[8]))
    cut.write_bytes(cut.read_bytes()[:50])
    folder.unlink()
    folder.mkdir()
    strange.rename(strange.with_name(f"000003-{'0' * 16}-seed-1.json"))
    with pytest.raises(UserError) as refused:
        queue.offered(made.study, made.results)
    first, second, third = str(refused.value).splitlines()
    assert first.startswith(f"{cut}: ")
    assert "no whole JSON. Delete it" in first
    assert f"{folder} is a folder, and should be a file" in second
    assert "does not know as the same" in third


def test_an_offer_that_cannot_be_read_is_named_with_the_reason(made, monkeypatch):
    path = queue.offer(made.results, 1, made_run(made, filters=[4]))

    def refuse(path: Path, most: int) -> bytes:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(queue, "read_at_most", refuse)
    with pytest.raises(UserError, match=rf"^{path}: .* cannot be read: Permission denied\. Let"):
        queue.offered(made.study, made.results)


@pytest.mark.parametrize("join", [False, True])
def test_a_folder_that_cannot_be_written_is_refused_before_anything_is_waited_for(made, join):
    made.results.write_text("a file")
    with pytest.raises(UserError, match=r"results/locks cannot be written: "):
        made.search(join=join)


def test_a_changed_space_is_a_new_search_that_takes_what_is_there(made):
    whole = made.search()
    first = searches.place(made.study, made.results)
    made.change(trials=4)
    made.trained = []
    (found,) = made.search()
    assert searches.place(made.study, made.results) != first
    assert first.exists()
    assert found.trials[:3] == whole[0].trials
    assert len(found.trials) == 4
    assert not set(made.trained) & set(runs_of(whole))


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({}, "asks for no search: that takes a block `search:`, without `trained: false`"),
        ({"--workers": "0"}, "--workers 0: allowed is 1 or more."),
    ],
)
def test_bad_input_gets_one_message(made, monkeypatch, capsys, more, said):
    made.change(trained=False)
    words = [word for pair in more.items() for word in pair]
    assert main(["search", str(made.folder / "mine.yaml"), *words]) == 2
    assert said in capsys.readouterr().err


def tables_of(name: str):
    from cnn_study.evidence import schemas as evidence_schemas

    table = next(table for table in evidence_schemas.EVIDENCE if table.name == name)
    return table.put({METRIC: "accuracy"})


def test_a_damaged_file_of_what_was_found_is_refused(done, tmp_path, capsys):
    place = copied(done, tmp_path / "damaged")
    searches.place(place.study, place.results).write_text('{"format": 1}')
    assert main(place.command) == 2
    assert "is not a whole search" in capsys.readouterr().err
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
