"""Work grows with a study and no faster, told without a clock: what is looked at is counted."""

import importlib.util
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pandas as pd
import pytest

from cnn_study.evidence.analyse import analyse
from cnn_study.execute import local, progress
from cnn_study.runs import estimate, records
from cnn_study.runs.wanted import Run, done, wanted
from cnn_study.study.merge import load
from cnn_study.study.model import Study
from cnn_study.tables.collect import Outcome, collect
from cnn_study.workflow import Plan

PROJECT = Path(__file__).parents[1]
SEEDS = 3
SIZES = (26, 51, 101)
"""Experiments: the base and one, two or four questions of 24 with what they are asked around."""


@pytest.fixture(scope="module")
def scale() -> Iterator[ModuleType]:
    """The benchmark, which makes studies and their records."""
    spec = importlib.util.spec_from_file_location("scale", PROJECT / "benchmarks" / "scale.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["scale"] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules["scale"]


@pytest.fixture(scope="module")
def studies(scale, tmp_path_factory) -> list[tuple[Study, Path]]:
    """Studies of growing size, each with the folder of its results; all runs are complete."""
    made = []
    for size in SIZES[:2]:
        folder = tmp_path_factory.mktemp("scale") / f"study-{size}"
        study = scale.make(folder, size, SEEDS)
        scale.fill(study, folder / "results")
        made.append((study, folder / "results"))
    return made


def counting(monkeypatch, owner: type, name: str) -> list[int]:
    """Count how often a property is asked for."""
    asked, kept = [0], getattr(owner, name)

    def count(self: object) -> object:
        asked[0] += 1
        return kept.fget(self)

    monkeypatch.setattr(owner, name, property(count))
    return asked


def costs(studies: list, do: Callable[[Study, Path], object], counted: list[int]) -> list[int]:
    """Do something to each study, and give what was counted of each."""
    counts = []
    for study, results in studies:
        counted[0] = 0
        do(study, results)
        counts.append(counted[0])
    return counts


def grows_with(counts: list[int]) -> bool:
    """Whether twice the experiments take at most a tenth more than twice as much."""
    return 0 < counts[-1] <= 2.2 * counts[0]


def test_a_made_up_study_has_the_size_asked_for(scale, tmp_path):
    for size in (2, 30, 1000):
        path = tmp_path / f"study-{size}.yaml"
        path.write_text(scale.study_text(size, 10), encoding="utf-8")
        assert len(load(path).experiments) == size


@pytest.mark.slow
def test_tables_read_each_record_once_and_group_the_runs_once(studies, monkeypatch):
    read, kept = [], records.read
    monkeypatch.setattr(records, "read", lambda path: read.append(path) or kept(path))
    statuses = counting(monkeypatch, Outcome, "status")
    counts = costs(
        studies, lambda study, results: collect(study, results, results / "tables"), statuses
    )
    assert len(read) == len(set(read)) == sum(SIZES[:2]) * SEEDS
    assert grows_with(counts)


@pytest.mark.slow
def test_evidence_compares_no_column_anew_for_each_experiment(studies, monkeypatch):
    """Nor does it look through all memory for garbage, as statsmodels does in each correction."""
    for study, results in studies:
        collect(study, results, results / "tables")
    monkeypatch.setattr("gc.collect", lambda: pytest.fail("garbage is looked for"))
    cells, kept = [0], pd.Series._cmp_method

    def compare(self: pd.Series, other: object, operator: object) -> object:
        cells[0] += len(self)
        return kept(self, other, operator)

    monkeypatch.setattr(pd.Series, "_cmp_method", compare)
    judged = costs(
        studies,
        lambda study, results: analyse(study, results / "tables", results / "evidence"),
        cells,
    )
    assert grows_with(judged)


def test_a_plan_names_each_run_a_fixed_number_of_times(scale, tmp_path, monkeypatch):
    studies = [(scale.make(tmp_path / f"study-{n}", n, SEEDS), tmp_path / "none") for n in SIZES]
    names = counting(monkeypatch, Run, "name")
    typed = counting(monkeypatch, Run, "typed")

    def plan(study: Study, results: Path) -> None:
        planned = Plan(study, results, Path("data.npz"), "", tuple(wanted(study)), {}, train=True)
        for batch in planned.batches:
            assert planned.arrays_for(batch) == ["data.npz"]
        for id_ in study.experiments:
            assert len(planned.records(id_)) == SEEDS
        assert len(planned.records_to_come()) == len(study.experiments) * SEEDS

    counts = costs(studies[:2], plan, names)
    assert grows_with(counts)
    assert grows_with(costs(studies[1:], plan, typed))


def test_only_what_is_to_come_is_asked_of_snakemake(scale, tmp_path):
    study = scale.make(tmp_path / "study-2", 2, SEEDS)
    first, *others = wanted(study)
    plan = Plan(
        study,
        tmp_path,
        tmp_path / "d",
        "",
        tuple(wanted(study)),
        {first.name: tmp_path},
        train=True,
    )
    assert plan.records_to_come() == [str(tmp_path / "runs" / f"{run.name}.json") for run in others]


def test_the_time_left_is_told_from_a_hundred_records(studies, monkeypatch):
    """Fewer where a hundred of them stand for all; a damaged one is nothing to go by."""
    study, results = studies[-1]
    paths = list(done(study, results).values())
    assert len(paths) == 51 * SEEDS
    read, kept = [], records.read
    monkeypatch.setattr(records, "read", lambda path: read.append(path) or kept(path))
    assert progress.standing(study, results) == "153 of 153 runs done"
    assert not read or len(read) <= estimate.ENOUGH
    read.clear()
    assert len(estimate.telling(paths)) == 77  # every second one
    assert read == paths[::2]
    assert len(estimate.telling(paths[:100])) == 100
    damaged = results / "damaged.json"
    damaged.write_text("{", encoding="utf-8")
    assert len(estimate.telling([damaged, *paths[:5]])) == 5
    assert estimate.telling([]) == []


def test_a_large_study_has_no_more_batches_than_can_be_planned(scale, tmp_path, monkeypatch):
    """78 runs in 30 batches at most: three runs in each, all seeds of an experiment."""
    study = scale.make(tmp_path / "study-26", 26, SEEDS)
    runs = wanted(study)
    monkeypatch.setattr(local, "BATCH_SECONDS", 0.0)
    assert [len(batch) for batch in local.batches(study, runs)] == [1] * 78
    monkeypatch.setattr(local, "MOST_BATCHES", 30)
    batches = local.batches(study, runs)
    assert [len(batch) for batch in batches] == [3] * 26
    assert all(len({run.experiment.id for run in batch}) == 1 for batch in batches)
    part = [run for run in runs if run.seed == 1]  # the same whatever is done
    assert [len(batch) for batch in local.batches(study, part)] == [1] * 26
