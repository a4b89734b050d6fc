"""The seven invariants of the workflow, against real Snakemake and real (small) training."""

import csv
import json
import logging
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from cnn_study import workflow
from cnn_study.base.errors import UserError
from cnn_study.runs import inspections, look_alikes, records, searches, stages
from cnn_study.study.parts import ID
from cnn_study.study.questions import RESERVED
from cnn_study.tables import answers
from cnn_study.train import machine
from workplace import PROJECT, STUDY, Workplace

pytestmark = pytest.mark.slow

RUNS = ["base", "filters-4", "absurd"]
ONE_JOB = "train_base_seed-1"


ALL = sorted(f"{experiment} {seed}" for experiment in RUNS for seed in (1, 2))


@pytest.fixture
def clone(trained, tmp_path) -> Workplace:
    """What a fresh clone holds: no caches, no data, no network to get it, times at random."""
    place = trained.copy(tmp_path / "clone")
    for folder in (".snakemake", "data", "logs", "results/tests/locks", "results/tests/running"):
        shutil.rmtree(place.path / folder, ignore_errors=True)
    times = random.Random(1)
    for path in place.path.rglob("*"):
        moment = 1.6e9 + times.random() * 1e8
        os.utime(path, (moment, moment))
    return place


def test_everything_is_trained_once_and_reported(trained):
    assert sorted(trained.records()) == ALL
    report = trained.path / "results/tests/report"
    assert (report / "index.pdf").read_bytes().startswith(b"%PDF")
    assert "A study for tests" in (report / "index.html").read_text(encoding="utf-8")
    assert "6 of 6 runs done" in trained.output
    (found,) = (trained.path / "results/tests/search").glob("*.json")
    assert [len(price["trials"]) for price in json.loads(found.read_text())["prices"]] == [2]
    assert "A search for the best small network" in (report / "index.html").read_text("utf-8")


def test_a_diverged_run_is_recorded_and_the_workflow_goes_on(trained):
    records = trained.records()
    assert [records[f"absurd {seed}"]["status"] for seed in (1, 2)] == ["diverged"] * 2
    assert records["absurd 1"]["test"] is None
    assert "loss was not finite" in records["absurd 1"]["reason"]
    table = (trained.path / "results/tests/tables/runs.csv").read_text(encoding="utf-8")
    assert len(re.findall(r"^absurd,\d,[0-9a-f]+,diverged,", table, re.MULTILINE)) == 2


def test_a_run_that_failed_is_done_until_it_is_to_be_tried_again(clone, monkeypatch):
    """Whoever does not know of it is told, even where there is nothing to do."""
    (path,) = (clone.path / "results/tests/runs/base").glob("*/seed-1.json")
    facts = {"status": "failed", "reason": "no memory", "test": None, "weights_sha256": None}
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | facts | {"epochs": []}))
    monkeypatch.chdir(clone.path)
    assert not workflow.plan({"study": "tests", "retry": "failed"}).search_missing
    # So is a trial of the search, which may then go on otherwise.
    (trial,) = (clone.path / "results/tests/runs/search").glob("*/seed-201.json")
    trial.write_text(json.dumps(json.loads(trial.read_text("utf-8")) | facts | {"epochs": []}))
    said = clone.snakemake("--dry-run", "--", "base")
    assert "Nothing to be done" in said
    assert (
        "2 runs are recorded as failed (base seed 1: no memory; search seed 201: no memory). "
        "To try again: snakemake --cores all --config study=tests retry=failed" in said
    )
    again = ("study=tests", "retry=failed")
    said = clone.snakemake("--dry-run", "--", "tables", config=again)
    assert "To train: 1 run (base seed 1), about " in said
    assert "train_filters-4_seed-1" not in said
    assert "To search for models" in said


def test_nothing_to_do_is_nothing_done(trained):
    before = {path: path.stat().st_mtime_ns for path in (trained.path / "results").rglob("*.*")
              if "lock" not in path.name}  # fmt: skip
    assert "Nothing to be done" in trained.snakemake()
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_a_fresh_clone_trains_nothing_and_what_is_lost_comes_out_the_same(clone):
    """Figures are not drawn anew where the tables come out as they were."""
    results = clone.path / "results/tests"
    names = ("tables/runs.csv", "report/index.html")
    lost = [results / name for name in names]
    before = [path.read_bytes() for path in lost]
    for path in lost:
        path.unlink()
    drawn = (results / "figures/group-size.svg").stat().st_ino
    assert "To train" not in clone.snakemake()
    assert not (clone.path / "data").exists()
    assert [path.read_bytes() for path in lost] == before
    assert (results / "figures/group-size.svg").stat().st_ino == drawn


def test_a_value_that_is_not_there_stops_the_build_and_leaves_the_report(clone):
    part = clone.path / "report/sections/limits.qmd.j2"
    part.write_text(part.read_text("utf-8") + "\n<< unheard_of >>\n", "utf-8")
    number = part.read_text("utf-8").count("\n")
    report = [clone.path / f"results/tests/report/index.{kind}" for kind in ("html", "pdf")]
    before = [path.read_bytes() for path in report]
    said = clone.snakemake(status=1)
    assert "unheard_of" in said
    assert f"limits.qmd.j2, line {number}: " in said
    assert "Traceback" not in said
    assert [path.read_bytes() for path in report] == before


def test_a_changed_value_retrains_that_experiment_only(clone):
    clone.write_study(STUDY.replace("{filters: [4]}", "{filters: [3]}"))
    assert clone.planned() == ["filters-4 1", "filters-4 2"]


def test_one_more_seed_trains_that_seed_only_and_leaves_the_inspection(clone):
    clone.write_study(STUDY.replace("seeds: 2", "seeds: 3"))
    runs, rules = clone.plan()
    assert runs == sorted(f"{experiment} 3" for experiment in RUNS)
    assert "inspect_models" not in rules  # its weights are not kept


def test_prose_comments_and_code_without_another_meaning_train_and_inspect_nothing(clone):
    text = STUDY.replace("They do.", "Perhaps.").replace("title: Width", "title: How wide?")
    clone.write_study("# A comment.\n" + text)
    reports = ("tables/collect", "figures/draw", "report/write", "study/settings", "train/training")
    looks = ("__init__", "inspector", "baselines", "trained_network", "embedding")
    for module in (*reports, *(f"inspection/{name}" for name in looks)):
        path = clone.path / f"src/cnn_study/{module}.py"
        path.write_text(path.read_text() + "# Another comment.\n")
    runs, rules = clone.plan()
    assert runs == []
    assert not {"search_models", "inspect_models", "prepare_data"} & rules


def test_another_space_is_searched_and_nothing_else_is_trained(clone):
    clone.write_study(STUDY.replace("trials: 2", "trials: 3"))
    runs, rules = clone.plan()
    assert runs == []
    assert "search_models" in rules


def test_a_new_id_retrains_nothing(clone, monkeypatch):
    clone.write_study(STUDY.replace("filters-4", "four-filters"))
    monkeypatch.chdir(clone.path)
    assert workflow.plan({"study": "tests"}).missing == []


def test_another_meaning_of_training_retrains_everything(clone):
    settings = clone.path / "src/cnn_study/study/settings.py"
    text = settings.read_text()
    changed = re.sub(r"^TRAINING_VERSION = (\d+)", "TRAINING_VERSION = 99", text, flags=re.M)
    assert changed != text
    settings.write_text(changed)
    assert clone.planned() == ALL


def test_even_forced_no_record_is_trained_again(trained, tmp_path):
    place = trained.copy(tmp_path / "forced")
    runs = place.path / "results/tests/runs"
    before = {path: _identity(path) for path in runs.rglob("*.*")}
    said = place.snakemake("--forceall", "--", *RUNS, "tables")
    assert "To make: tables, evidence, confirmed." in said
    assert "To train" not in said
    after = {path: _identity(path) for path in runs.rglob("*.*")}
    assert after == before


def test_a_lost_record_is_trained_again_and_comes_out_the_same(trained, tmp_path):
    """And the arrays that it takes are made again where they are damaged."""
    place = trained.copy(tmp_path / "lost")
    (lost,) = (place.path / "results/tests/runs/base").glob("*/seed-2.json")
    before = place.records()["base 2"]
    lost.unlink()
    half = [lost.with_name(".seed-2.json.0a1b2c3d.part"), lost.with_name("seed-2.weights.npz")]
    for path in half:
        path.write_bytes(b"of a process that was killed")
    data = place.path / "data/digits.npz"
    arrays = data.read_bytes()
    data.write_bytes(arrays[:5000] + b"\x7f" + arrays[5001:])
    environment = {"OMP_NUM_THREADS": "2", "TF_NUM_INTRAOP_THREADS": "2"}
    place.command = lambda *words, **more: {
        **(wanted := Workplace.command(place, *words, **more)),
        "env": wanted["env"] | environment,
    }
    said = place.snakemake("--cores", "1", "--", "base")
    assert "(data/digits.npz is not as it was made).\nTo train: 1 run (base seed 2)" in said
    assert data.read_bytes() == arrays
    after = place.records()["base 2"]
    assert after["weights_sha256"] == before["weights_sha256"]
    assert not [path for path in half if path.exists()]
    assert after["epochs"] != []
    assert [{**epoch, "training_seconds": 0} for epoch in after["epochs"]] == [
        {**epoch, "training_seconds": 0} for epoch in before["epochs"]
    ]
    assert after["test"] == before["test"]
    assert before["weights_sha256"] != place.records()["base 1"]["weights_sha256"]


def test_damaged_arrays_are_seen_though_nothing_needs_them(trained, tmp_path):
    """By the plain command; where nothing is to be trained, they are left alone."""
    place = trained.copy(tmp_path / "damaged")
    data = place.path / "data/digits.npz"
    data.write_bytes(data.read_bytes()[:5000])
    assert "(data/digits.npz is not as it was made)" in place.snakemake("--dry-run")
    without = ("study=tests", "train=false")
    assert "Nothing to be done" in place.snakemake("--dry-run", config=without)


def test_train_false_reports_what_is_there_and_needs_no_data(clone):
    """It neither trains nor inspects, and without answers tells less; else all of it is asked for.

    The answers alone are lost, not the look-alikes beside them.
    """
    (lost,) = (clone.path / "results/tests/runs/base").glob("*/seed-2.json")
    (inspection,) = clone.inspections()
    for path in (lost, inspection, answers_of(clone)):
        path.unlink()
    runs, rules = clone.plan()
    assert runs == ["base 2"]
    assert {"inspect_models", "prepare_data", "find_look_alikes"} < rules
    said = clone.snakemake("--", "tables", config=("study=tests", "train=false"))
    done = set(re.findall(r"rule (\w+):", said))
    assert done == {"collect_tables", "analyse", "judge_confirmation", "tables"}
    results = clone.path / "results/tests"
    table = (results / "tables/runs.csv").read_text(encoding="utf-8")
    assert re.search(r"^base,2,[0-9a-f]+,missing,", table, re.MULTILINE)
    assert len((results / "evidence/spreads.csv").read_text("utf-8").splitlines()) == 1


def test_the_kept_networks_are_inspected_once(trained):
    (path,) = trained.inspections()
    facts = inspections.read(path).facts
    assert [(network.experiment, network.seed) for network in facts.networks] == [
        ("base", 1), ("filters-4", 1)
    ]  # fmt: skip
    assert facts.left_out == {}
    digests = [trained.records()[f"{id_} 1"]["weights_sha256"] for id_ in ("base", "filters-4")]
    assert [network.weights_sha256 for network in facts.networks] == digests


def test_another_enhanced_model_is_inspected_and_nothing_is_trained(clone):
    clone.write_study(STUDY.replace("enhanced: filters-4", "enhanced: absurd"))
    runs, rules = clone.plan()
    assert {"inspect_models", "prepare_data"} < rules
    assert runs == []


def look_alikes_of(place: Workplace) -> Path:
    (path,) = (place.path / "results/tests/look-alikes").glob("*.json")
    return path


def answers_of(place: Workplace) -> Path:
    (path,) = (place.path / "results/tests/answers").glob("*.npz")
    return path


def test_what_the_test_images_show_is_kept_and_marks_the_runs(trained):
    assert look_alikes.read_facts(look_alikes_of(trained)).reason.startswith("images of 8×8")
    tables = trained.path / "results/tests/tables"
    rows = list(csv.DictReader((tables / "runs.csv").read_text("utf-8").splitlines()))
    known = answers.read(tables)
    assert known
    for id_, given in known.items():
        scores = [row["test_accuracy"] for row in rows if row["experiment"] == id_]
        shares = given.correct.mean(axis=1)
        assert [float(score) for score in scores if score] == pytest.approx(shares, abs=1e-6)


def test_a_lost_inspection_look_alikes_and_answers_come_out_the_same(trained, tmp_path):
    place = trained.copy(tmp_path / "not looked")
    (inspection,) = place.inspections()
    facts = [inspection, look_alikes_of(place)]
    kept = [*(path.with_suffix(".npz") for path in facts), facts[1], answers_of(place)]
    before = [path.read_bytes() for path in kept]
    for path in {*facts, *kept}:
        path.unlink()
    said = place.snakemake("--", *(str(path.relative_to(place.path)) for path in facts))
    assert "To train" not in said
    assert inspections.read(inspection).facts.left_out == {}
    assert [path.read_bytes() for path in kept] == before
    assert (place.path / "logs/tests/inspect.log").read_text("utf-8").count("t-SNE") == 3
    assert not {"inspect_models", "find_look_alikes"} & place.rules()


def test_the_plan_names_the_inspection_that_is_there_or_to_come(clone, monkeypatch):
    monkeypatch.chdir(clone.path)
    (path,) = clone.inspections()
    name = str(path.relative_to(clone.path))
    for train in (True, False):
        plan = workflow.plan({"study": "tests", "train": train})
        assert (plan.inspection, plan.inspection_missing) == (name, False)
    path.unlink()
    plan = workflow.plan({"study": "tests"})
    assert (plan.inspection, plan.inspection_missing) == (name, True)
    plan = workflow.plan({"study": "tests", "train": False})
    assert (plan.inspection, plan.inspection_missing) == (None, False)


def test_the_plan_refuses_what_the_report_could_not_be_made_of(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.yaml").write_text(
        "title: T\ndataset: digits\nbase: {}\npublished: {file: no.csv, citation: lecun1998}\n"
    )
    with pytest.raises(UserError, match=r"line 4: published\.file: no\.csv: cannot be read"):
        workflow.plan({"study": "mine.yaml"})


def test_the_plan_before_and_after_training_names_the_same_inspection(clone, monkeypatch):
    monkeypatch.chdir(clone.path)
    (path,) = clone.inspections()
    shutil.rmtree(clone.path / "results/tests/runs")
    plan = workflow.plan({"study": "tests"})
    assert plan.inspection == str(path.relative_to(clone.path))
    assert [Path(record).name for record in plan.inspected_records()] == ["seed-1.json"] * 2
    # What is not trained, and will not be, is not part of what the name stands for.
    assert workflow.plan({"study": "tests", "train": False}).inspection is None


@pytest.fixture(scope="module")
def killed(trained, tmp_path_factory):
    """A workflow that was joined by a second one and killed with -9, its training too.

    One process trains the two seeds of a further experiment: it was at the second, and stood still
    until it was killed, so that it could not end before.
    """
    place = trained.copy(tmp_path_factory.mktemp("killed") / "project")
    further = "filters-4: {filters: [4]}\n      long: {epochs: 60}"
    place.write_study(STUDY.replace("filters-4: {filters: [4]}", further))
    first = subprocess.Popen(**place.command("--cores", "1"), start_new_session=True)
    _wait_for(lambda: list((place.path / "results/tests/running").glob("long-*-2.json")))
    os.killpg(first.pid, signal.SIGSTOP)
    place.before = _files(place)
    place.second = subprocess.run(**place.command(), timeout=300, check=False)
    place.after_second = _files(place)
    os.killpg(first.pid, signal.SIGKILL)
    first.communicate()
    return place


def _wait_for(condition, seconds: float = 300) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.1)


def _files(place: Workplace) -> dict[str, int]:
    runs = place.path / "results/tests"
    return {str(path.relative_to(runs)): path.stat().st_mtime_ns for path in runs.rglob("*.*")
            if path.is_file() and path.parent.name not in ("running", "locks")}  # fmt: skip


def _identity(path: Path) -> tuple[int, bytes]:
    """Tell a file from one that was written in its place; Snakemake sets the times of outputs."""
    return path.stat().st_ino, path.read_bytes()


def test_a_second_workflow_says_so_in_one_line_and_changes_nothing(killed):
    assert killed.second.returncode != 0
    said = [line for line in killed.second.stdout.splitlines() if "nother workflow" in line]
    assert len(said) == 1
    assert "nothing was changed" in said[0]
    assert "Traceback" not in killed.second.stdout
    assert killed.after_second == killed.before


def test_after_kill_9_the_next_command_goes_on(killed):
    """Up to the tables: of what is made behind them test_currency tells."""
    results = killed.path / "results/tests"
    finished = {name: _identity(results / name) for name in _files(killed) if name[:5] == "runs/"}
    records = [name for name in finished if re.search(r"/seed-\d\.json$", name)]
    assert [Path(name).name for name in records if "/long/" in name] == ["seed-1.json"]
    assert sorted(killed.records()) == sorted([*ALL, "long 1"])
    said = killed.snakemake("--", "tables")
    now = _files(killed)
    assert {name: _identity(results / name) for name in finished} == finished
    assert sorted(killed.records()) == sorted([*ALL, "long 1", "long 2"])
    trained = [killed.records()[f"long {seed}"] for seed in (1, 2)]
    assert [(one["status"], len(one["epochs"])) for one in trained] == [("complete", 60)] * 2
    assert not [name for name in now if name.endswith(".part")], said
    assert not (results / "making").exists()


HALVING = """\
title: A study whose search halves
dataset: digits
seeds: 1
base: {validation_fraction: 0.2, training_fraction: 0.3, filters: [2], dense_units: 8, epochs: 2}
search:
  algorithm: halving
  rounds: 2
  factor: 2
  trials: 4
  epochs: 2
  finalists: 1
  finalist_seeds: 1
  winner_seeds: 1
  space: {filters: [[2], [4]], learning_rate: {low: 0.001, high: 0.01}}
  prices: {small: {title: Small, parameters: 3000, least: 0.1}}
"""


def test_a_search_in_rounds_that_was_killed_goes_on_and_trains_nothing_twice(tmp_path):
    """With kill -9, when the first round has ended and not all of the second has."""
    place = Workplace(tmp_path / "halving", HALVING)
    runs = place.path / "results/tests/runs/search"
    first = subprocess.Popen(**place.command("--", "tables"), start_new_session=True)
    _wait_for(lambda: len(list(runs.glob("*/seed-*.json"))) >= 4)
    os.killpg(first.pid, signal.SIGKILL)
    first.communicate()
    searched = place.path / "results/tests/search"
    assert not list(searched.glob("*.json"))
    there = {path: _identity(path) for path in runs.glob("*/seed-*.json")}
    place.snakemake("--", "tables")
    assert {path: _identity(path) for path in there} == there
    (path,) = searched.glob("*.json")
    (price,) = searches.read(path).budgets
    assert [(trial.in_round.round, trial.epochs) for trial in price.trials] == [
        *[(1, 1)] * 4, *[(2, 2)] * 2,
    ]  # fmt: skip
    named = {(model.fingerprint, run.seed) for model in price.models for run in model.runs}
    files = {(path.parent.name, int(path.stem[5:])) for path in runs.glob("*/seed-*.json")}
    assert files <= named
    assert len(named) == 4 + 2 + 1 + 1
    with (place.path / "results/tests/tables/search-places.csv").open() as table:
        assert [row["round"] for row in csv.DictReader(table)] == ["1"] * 4 + ["2"] * 2


def test_kills_at_random_moments_lose_nothing_and_come_to_the_same(trained, tmp_path):
    """A few of what benchmarks/faults.py does many times: head and children, with kill -9."""
    place = trained.copy(tmp_path / "killed")
    before = place.records()
    for path in (place.path / "results/tests/runs/base").glob("*/*"):
        path.unlink()
    kept = {name: _identity(place.path / "results/tests" / name) for name in _files(place)}
    draw = random.Random(21)
    for _ in range(2):
        running = psutil.Popen(**place.command("--", "base"), start_new_session=True)
        with suppress(psutil.TimeoutExpired):
            running.wait(draw.uniform(1, 9))
        for process in [running, *(running.children(True) if running.is_running() else [])]:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        running.communicate()
        there = place.records()
        assert {name: _identity(place.path / "results/tests" / name) for name in kept} == kept
        assert all(
            there[name]["weights_sha256"] == before[name]["weights_sha256"] for name in there
        )
    place.snakemake("--", "base")
    assert not records.leftovers(place.path / "results/tests/runs")
    for name, record in place.records().items():
        assert record["weights_sha256"] == before[name]["weights_sha256"]
        assert record["test"] == before[name]["test"]
    assert sorted(place.records()) == ALL


@pytest.mark.parametrize(
    ("number", "tell"),
    [
        pytest.param(signal.SIGINT, os.killpg, id="ctrl-c"),  # as a terminal does
        pytest.param(signal.SIGTERM, os.kill, id="docker-stop"),  # the workflow alone hears of it
    ],
)
def test_a_signal_ends_everything_in_time_and_loses_no_finished_run(
    trained, tmp_path, number, tell
):
    place = trained.copy(tmp_path / "stopped")
    place.write_study(STUDY.replace("{filters: [4]}", "{filters: [4], epochs: 4000}"))
    before = _files(place)
    running = subprocess.Popen(
        **place.command("--cores", "1"),
        start_new_session=True,
        # What runs in the background of a script has Ctrl-C turned off, and hands that on.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    _wait_for(lambda: list((place.path / "results/tests/running").glob("filters-4-*.json")))
    below = psutil.Process(running.pid).children(recursive=True)
    clock = time.monotonic()
    try:
        tell(running.pid, number)
        said = running.communicate(timeout=60)[0]
    except subprocess.TimeoutExpired:
        os.killpg(running.pid, signal.SIGKILL)
        raise
    assert time.monotonic() - clock < 10
    assert running.returncode != 0
    assert "Terminating" in said
    assert "Traceback" not in said
    assert "CalledProcessError" not in said
    assert below
    left = psutil.wait_procs(below, timeout=1)[1]
    assert [process for process in left if process.status() != psutil.STATUS_ZOMBIE] == []
    assert _files(place) == before


def _jobs(place: Workplace, monkeypatch: pytest.MonkeyPatch) -> dict[str, tuple[str, ...]]:
    """Name the runs of each job."""
    monkeypatch.chdir(place.path)
    return {batch.rule: batch.runs for batch in workflow.plan({"study": "tests"}).batches}


def test_a_record_that_comes_after_planning_is_kept(trained, tmp_path, monkeypatch):
    """As from a training that outlived its workflow: it ends after the next one has planned."""
    place = trained.copy(tmp_path / "late")
    runs = place.path / "results/tests/runs"
    first, late = sorted((runs / "base").glob("*/seed-*.json"))
    first.unlink()
    kept = late.rename(tmp_path / "late.json")
    before = kept.stat().st_ino, kept.read_bytes()
    assert _jobs(place, monkeypatch)[ONE_JOB] == ("base/seed-1", "base/seed-2")
    running = subprocess.Popen(**place.command("--cores", "1", "--", "base"))
    _wait_for(lambda: list((place.path / "results/tests/running").glob("base-*-seed-1.json")))
    kept.rename(late)
    said = running.communicate(timeout=300)[0]
    assert running.returncode == 0, said
    assert first.exists()
    assert (late.stat().st_ino, late.read_bytes()) == before


def test_what_fails_takes_no_finished_run_with_it(trained, tmp_path, monkeypatch):
    """One process trains two seeds; what belongs to the second cannot be written."""
    place = trained.copy(tmp_path / "failing")
    first, second = sorted((place.path / "results/tests/runs/base").glob("*/seed-*.json"))
    for record in (first, second):
        record.unlink()
    blocked = second.with_suffix(".predictions.npz")
    blocked.unlink()
    blocked.mkdir()
    assert _jobs(place, monkeypatch)[ONE_JOB] == ("base/seed-1", "base/seed-2")
    said = _say(place, "--cores", "1", "--", "base")
    assert [line for line in said if blocked.name in line]
    assert not [line for line in said if "backup" in line]
    assert list(place.records()) == ["absurd 1", "absurd 2", "base 1", "filters-4 1", "filters-4 2"]
    blocked.rmdir()
    assert [run.typed for run in workflow.plan({"study": "tests"}).missing] == ["base/seed-2"]


def test_arrays_that_another_study_reads_are_not_deleted_before_they_are_made_again(
    trained, tmp_path
):
    place = trained.copy(tmp_path / "data")
    module = place.path / "src/cnn_study/data/arrays.py"
    broken = "def prepare(*_):\n    raise UserError('The archive is gone.')\n"
    module.write_text(module.read_text("utf-8") + "\n\n" + broken, "utf-8")
    words = ("--forcerun", "prepare_data", "--", "data/digits.npz")
    assert "The archive is gone." in place.snakemake(*words, status=1)
    assert (place.path / "data/digits.npz").exists()


def test_without_the_profile_nothing_is_trained(clone):
    words = ("--workflow-profile", "none")
    assert "Nothing to be done" in clone.snakemake(*words, "--dry-run")
    clone.write_study(STUDY.replace("seeds: 2", "seeds: 3"))
    said = clone.snakemake(*words, status=1).strip()
    assert said.endswith("Leave --workflow-profile out, or add --keep-incomplete.")
    assert "Traceback" not in said


@pytest.mark.parametrize("looks", ["--summary", "--rulegraph"])
def test_whoever_only_looks_need_not_say_with_how_many_cores(clone, looks):
    clone.write_study(STUDY.replace("seeds: 2", "seeds: 3"))
    command = [sys.executable, "-m", "snakemake", looks, "--config", "study=tests"]
    given = {**clone.command(), "args": command, "stderr": subprocess.PIPE}
    ended = subprocess.run(**given, timeout=300, check=False)
    assert ended.returncode == 0, ended.stderr
    assert "train_base_seed-1" in ended.stdout or looks == "--rulegraph"


def test_a_wrong_study_is_one_message(trained):
    output = trained.snakemake("--dry-run", status=1, config=("study=x; touch hacked",))
    assert "small letters, digits and single hyphens" in output
    assert "Traceback" not in output
    assert not (trained.path / "hacked").exists()


@pytest.mark.parametrize("name", ["nowhere", "../tests"])
def test_a_study_that_is_not_there_is_one_message(name, monkeypatch):
    monkeypatch.chdir(PROJECT)
    with pytest.raises(UserError, match=f"There is no study file experiments/{name}.yaml"):
        workflow.plan({"study": name})


@pytest.mark.parametrize("key", ["study", "train", "engine", "training_engine"])
def test_an_empty_configuration_value_is_one_message(key, monkeypatch):
    monkeypatch.chdir(PROJECT)
    for empty in (None, ""):
        with pytest.raises(UserError, match=f"^--config {key}=: empty. Allowed: "):
            workflow.plan({key: empty})


def test_the_engine_that_is_asked_for_renders(tmp_path, monkeypatch):
    monkeypatch.chdir(PROJECT)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert workflow.plan({"study": "digits"}).engine == "pandoc"
    with pytest.raises(
        UserError, match=r"^--config engine=latex: allowed are auto, quarto, pandoc"
    ):
        workflow.plan({"study": "digits", "engine": "latex"})
    with pytest.raises(
        UserError, match=r"^--config engine=quarto: no program `quarto` is on the PA"
    ):
        workflow.plan({"study": "digits", "engine": "quarto"})
    (tmp_path / "quarto").write_text("#!/bin/sh\n")
    (tmp_path / "quarto").chmod(0o755)
    engines = {asked: workflow.plan({"study": "digits", "engine": asked}).engine
               for asked in ("auto", "quarto", "pandoc")}  # fmt: skip
    assert engines == {"auto": "quarto", "quarto": "quarto", "pandoc": "pandoc"}


def test_the_engine_that_is_asked_for_trains(monkeypatch):
    """In groups a job trains all runs of the digits; one by one, those of an experiment."""
    monkeypatch.chdir(PROJECT)
    for name in ("CNN_STUDY_ENGINE", "KERAS_BACKEND"):
        monkeypatch.setenv(name, "")
    with pytest.raises(
        UserError, match=r"^--config training_engine=gpu: allowed are auto, processes, batched"
    ):
        workflow.plan({"study": "digits", "training_engine": "gpu"})
    planned = workflow.plan({"study": "digits", "training_engine": "processes"})
    assert {len(batch.runs) for batch in planned.batches} == {3}
    (batch,) = workflow.plan({"study": "digits", "training_engine": "batched"}).batches
    assert len(batch.runs) == len(batch.records) == 15
    assert batch.runs[:2] == ("base/seed-1", "learning-rate-0-01/seed-1")
    assert os.environ["CNN_STUDY_ENGINE"] == "batched"  # which its commands hear of


def test_the_engine_that_the_study_asks_for_trains_and_need_not_be_here_for_a_report(
    tmp_path, monkeypatch
):
    monkeypatch.chdir(PROJECT)
    for name in ("CNN_STUDY_ENGINE", "KERAS_BACKEND"):
        monkeypatch.setenv(name, "")
    file = tmp_path / "mine.yaml"
    text = Path("experiments/digits.yaml").read_text("utf-8")
    file.write_text(f"training_engine: batched\n{text}", "utf-8")
    given = {"study": str(file)}
    (batch,) = workflow.plan(given).batches
    assert len(batch.runs) == 15
    for jobs in (workflow.Jobs(), workflow.Jobs(submitted=True)):
        planned = workflow.plan(given | {"training_engine": "processes"}, jobs)
        assert planned.training_engine == "processes"
    monkeypatch.setenv("CNN_STUDY_ENGINE", "")
    monkeypatch.setattr(workflow.engines, "find_spec", lambda name: None)
    assert len(workflow.plan(given, workflow.Jobs(submitted=True)).batches) == 1
    assert len(workflow.plan(given | {"train": False}).batches) == 1
    with pytest.raises(UserError, match=r"mine\.yaml: training_engine: batched: .* not installed"):
        workflow.plan(given)


def test_engines_of_other_machines_are_found_out_there(monkeypatch):
    monkeypatch.chdir(PROJECT)
    for name in ("CNN_STUDY_ENGINE", "KERAS_BACKEND"):
        monkeypatch.setenv(name, "")
    workflow.plan({"study": "digits"}, workflow.Jobs(submitted=True))
    assert os.environ["CNN_STUDY_ENGINE"] == ""
    asked = {"study": "digits", "training_engine": "batched"}
    (batch,) = workflow.plan(asked, workflow.Jobs(submitted=True)).batches
    assert len(batch.runs) == 15


def test_a_second_study_file_of_one_name_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(PROJECT)
    shutil.copy("experiments/digits.yaml", tmp_path)
    with pytest.raises(UserError, match=r"has the name of experiments/digits\.yaml"):
        workflow.plan({"study": str(tmp_path / "digits.yaml")})


def test_a_workflow_without_a_place_to_write_is_one_message(clone):
    (clone.path / "report/sections/limits.qmd.j2").write_text("Nothing.")
    shutil.rmtree(clone.path / "results/tests/locks", ignore_errors=True)
    (clone.path / "results/tests/locks").write_text("a file")
    said = clone.snakemake(status=1)
    assert said.count("workflow.lock cannot be written: ") == 1
    assert "Traceback" not in said


def test_a_backend_is_asked_for_only_where_something_is_trained(tmp_path, monkeypatch):
    monkeypatch.chdir(PROJECT)
    monkeypatch.setenv("KERAS_BACKEND", "theano")
    assert workflow.plan({"study": "cifar10"}).missing == []
    monkeypatch.chdir(tmp_path)
    shutil.copytree(PROJECT / "experiments", tmp_path / "experiments")
    assert workflow.plan({"study": "digits", "train": False}).missing == []
    with pytest.raises(UserError, match=r"^KERAS_BACKEND is theano\. Allowed are tensorflow and"):
        workflow.plan({"study": "digits"})


def test_gpus_are_looked_for_only_where_something_is_to_be_done(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(machine, "gpus", lambda: asked.append(1) or ("0", "1"))
    monkeypatch.chdir(PROJECT)
    # The published study is trained; its results may be behind the code.
    monkeypatch.setattr(stages, "stale", lambda stage, site: [])
    assert (workflow.plan({"study": "cifar10"}).gpus, asked) == (0, [])
    # Of evidence that is made anew nobody knows what it will suggest to train.
    new = stages.STAGES["evidence"]
    monkeypatch.setattr(stages, "stale", lambda stage, site: ["code"] * (stage is new))
    assert workflow.plan({"study": "cifar10"}).gpus == 2
    monkeypatch.chdir(tmp_path)
    shutil.copytree(PROJECT / "experiments", tmp_path / "experiments")
    assert workflow.plan({"study": "digits", "train": False}).gpus == 0
    assert workflow.plan({"study": "digits"}).gpus == 2


@pytest.mark.parametrize(
    ("usable", "more", "provided"),
    [
        ("0,1,2", (), ["3"]),
        ("0,1,2", ("--resources", "gpu=1"), ["1"]),
        (None, (), []),  # the driver shows two, which TensorFlow cannot use
    ],
)
def test_as_many_trainings_at_a_time_use_gpus_as_there_are(
    clone, tmp_path, monkeypatch, usable, more, provided
):
    place = clone
    module = place.path / "src/cnn_study/data/arrays.py"
    broken = "def prepare(*_):\n    raise UserError('No images.')\n"  # it takes seconds
    module.write_text(module.read_text("utf-8") + "\n\n" + broken, "utf-8")
    driver = tmp_path / "nvidia-smi"
    driver.write_text('#!/bin/sh\necho "GPU 0: A"\necho "GPU 1: B"\n')
    driver.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "GPU-none,GPU-nowhere")
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")
    if usable:
        monkeypatch.setenv(machine.KNOWN, "")  # so that it is put back to what it was
        machine.hand_on(usable.split(","))
    for record in (place.path / "results/tests/runs/base").glob("*/seed-1.json"):
        record.unlink()  # for GPUs are looked for only where something is to be trained
    said = place.snakemake(*more, "--", "data/digits.npz", status=1)
    assert re.findall(r'^Provided resources: gpu=Resource\("gpu", (\d)\)$', said, re.M) == provided
    refused = "GPUs that the driver shows: 2; that tensorflow can use: 0."
    assert said.count(refused) == (usable is None)


def test_a_search_is_planned_until_it_is_done(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(PROJECT / "experiments", tmp_path / "experiments")
    plan = workflow.plan({"study": "digits"})
    assert plan.search_missing
    assert plan.search == f"results/digits/search/{plan.study.search.fingerprint}.json"
    looking = workflow.plan({"study": "digits", "train": "false"})
    assert (looking.search, looking.search_missing) == (None, False)
    Path(plan.search).parent.mkdir(parents=True)
    Path(plan.search).touch()
    for config in ({"study": "digits"}, {"study": "digits", "train": "false"}):
        done = workflow.plan(config)
        assert (done.search, done.search_missing) == (plan.search, False)
    file = tmp_path / "experiments/digits.yaml"
    file.write_text(file.read_text().replace("search:\n", "search:\n  trained: false\n"))
    declared = workflow.plan({"study": "digits"})
    assert declared.study.search
    assert (declared.search, declared.search_missing) == (None, False)


def _say(place: Workplace, *words: str) -> list[str]:
    """Give the lines that a user sees of a workflow that fails, with the project's own profile."""
    command = place.command()
    command["args"] = [word for word in command["args"] if word not in ("--quiet", "host")]
    ended = subprocess.run(**{**command, "args": [*command["args"], *words]}, timeout=300)
    assert ended.returncode == 1, ended.stdout
    assert "CalledProcessError" not in ended.stdout
    assert "Traceback" not in ended.stdout
    return ended.stdout.splitlines()


def test_a_command_that_fails_says_why_on_the_screen_and_in_the_log(clone):
    (record,) = (clone.path / "results/tests/runs/base").glob("*/seed-2.json")
    text = record.read_text()
    record.write_text(text[:99])
    said = _say(clone)
    name = str(record.relative_to(clone.path))
    (why,) = [line for line in said if name in line]
    assert f"{name} is not a whole run record" in why
    assert "Get it back" in why
    assert "The log: logs/tests/tables.log" in said
    assert (clone.path / "logs/tests/tables.log").read_text().strip() == why


def test_a_damaged_record_does_not_keep_a_dry_run_from_speaking(clone):
    first, second = sorted((clone.path / "results/tests/runs/base").glob("*/seed-*.json"))
    first.unlink()
    second.write_text("{")
    said = clone.snakemake("--dry-run")
    assert "To prepare: the images of " in said
    assert "To train: 1 run (base seed 1), about " in said
    assert "Traceback" not in said


def test_a_training_that_fails_says_why_and_keeps_what_libraries_say_in_the_log(clone):
    (record,) = (clone.path / "results/tests/runs/base").glob("*/seed-2.json")
    record.unlink()
    module = clone.path / "src/cnn_study/data/arrays.py"
    broken = "def load_prepared(name, path):\n    raise UserError(f'{path}: no such pixels')\n"
    module.write_text(module.read_text("utf-8") + "\n\n" + broken, "utf-8")
    said = _say(clone, "--", "base")
    (why,) = [line for line in said if "data/digits.npz" in line]
    assert "data/digits.npz: no such pixels" in why
    assert "The log: logs/tests/base/seed-1.log" in said
    assert why in (clone.path / "logs/tests/base/seed-1.log").read_text()
    assert not [line for line in said if "tensorflow" in line.lower()]


@pytest.mark.parametrize(
    ("said", "news"),
    [
        ("RuleException:\nCalledProcessError in file x, line 9:\nCommand 'x' returned non-zero "
         "exit status 2.", False),
        ("CalledProcessError in file x: Command 'x' returned non-zero exit status 1.\n", False),
        ("CalledProcessError in file x: Command 'x' returned non-zero exit status 137.", True),
        ("CalledProcessError in file x: Command 'x' died with <Signals.SIGKILL: 9>.", True),
        ("CalledProcessError in file x: Command 'x' returned non-zero exit status 143.", False),
        ("CalledProcessError in file x: Command 'x' died with <Signals.SIGTERM: 15>.", False),
        ("Conda environments: ignored", False),
        ("Cannot restore results/x/runs/base/0/seed-1.json: no backup found.", False),
        ("Nothing to be done", True),
    ],
)  # fmt: skip
def test_what_a_command_has_said_itself_is_no_news(said, news):
    record = logging.LogRecord("snakemake", logging.ERROR, "", 0, said, None, None)
    assert workflow.is_news(record) is news


def test_an_unknown_configuration_key_is_one_message(trained):
    output = trained.snakemake("--dry-run", status=1, config=("sudy=x",))
    assert "sudy: unknown" in output
    assert "study=" in output
    assert "Traceback" not in output


def test_a_target_that_is_not_planned_is_refused(trained):
    target = "results/tests/runs/x;touch y/1.json"
    assert "touch y" not in trained.snakemake("--dry-run", "--", target, status=1).split(target)[-1]


def test_targets_have_names(trained):
    targets = ("all", "tables", "report", "filters-4")
    assert "Nothing to be done" in trained.snakemake("--", *targets)


def test_no_experiment_can_have_the_name_of_a_rule(trained):
    said = trained.snakemake("--list-rules")
    rules = set(re.findall(r"^([\w-]+)(?: \(|$)", said, re.MULTILINE)) - set(RUNS)
    assert {"all", "prepare_data", "render_report"} < rules
    # No id has an underscore.
    assert {name for name in rules if re.fullmatch(ID, name)} == RESERVED


def test_snakemake_finds_nothing_to_lint(trained):
    said = trained.snakemake("--lint")
    assert "Congratulations, your workflow is in a good condition!" in said


def test_snakefiles_are_formatted():
    rules = sorted(str(path) for path in Path("src/cnn_study/rules").glob("*.smk"))
    files = ["Snakefile", "src/cnn_study/starter/Snakefile", *rules]
    ended = subprocess.run(
        [sys.executable, "-m", "snakefmt", "--check", *files],
        cwd=PROJECT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
