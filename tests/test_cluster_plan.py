"""What is planned where other machines do the jobs: the same by whoever reads it, whenever."""

from pathlib import Path

import pytest

import records_by_hand
from cnn_study import workflow
from cnn_study.base.errors import UserError
from cnn_study.study.merge import load
from cnn_study.train import machine
from cnn_study.workflow import Jobs, Plan

STUDY = """\
title: A study by hand
dataset: digits
seeds: 2
confirmation: 2
base: {validation_fraction: 0.2, filters: [2], dense_units: 8, epochs: 2}
questions:
  width:
    title: Width
    question: Do more filters help?
    hypothesis: They do.
    changes:
      filters-4: {filters: [4]}
"""
HEAD, NODE = Jobs(submitted=True), Jobs(submitted=True, within=True)


@pytest.fixture(autouse=True)
def study(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("experiments").mkdir()
    Path("experiments/tests.yaml").write_text(STUDY, encoding="utf-8")
    return load(Path("experiments/tests.yaml"))


def plan(jobs: Jobs, **config: object) -> Plan:
    return workflow.plan({"study": "tests", **config}, jobs)


def rules(planned: Plan) -> dict[str, tuple[list[str], list[str]]]:
    """Map each rule that trains to what it trains and what it leaves."""
    return {
        batch.rule: (list(batch.runs), [*batch.records, *planned.tries(batch)])
        for batch in planned.batches
    }


@pytest.mark.parametrize(
    ("words", "within", "submitted"),
    [
        (["--cores", "2"], False, False),
        (["-n", "-j", "4"], False, False),
        (["--executor", "local", "--cores", "2"], False, False),
        (["--executor", "cluster-generic", "--jobs", "2"], False, True),
        (["-n", "--executor", "cluster-generic", "--jobs", "2"], False, True),
        (["--mode", "remote", "--cores", "all"], True, True),
    ],
)
def test_the_command_line_says_whether_other_machines_do_the_jobs(words, within, submitted):
    assert Jobs.asked(words, within=within) == Jobs(submitted=submitted, within=within)


def test_short_runs_go_in_one_job_and_each_alone_if_that_is_asked():
    both = ["base/seed-1", "base/seed-2", "filters-4/seed-1", "filters-4/seed-2"]
    assert [list(batch.runs) for batch in plan(HEAD).batches] == [both]
    alone = plan(HEAD, job_minutes=0).batches
    assert [list(batch.runs) for batch in alone] == [
        ["base/seed-1"], ["filters-4/seed-1"], ["base/seed-2"], ["filters-4/seed-2"],
    ]  # fmt: skip
    assert len(plan(Jobs(), job_minutes=0).batches) == 2  # here it says nothing
    for wrong in ("soon", -1, None, True):
        with pytest.raises(UserError, match=f"^--config job_minutes={wrong}: allowed is a number"):
            plan(HEAD, job_minutes=wrong)


@pytest.mark.parametrize("config", [{}, {"job_minutes": 0}, {"retry": "failed"}])
def test_a_job_is_given_the_rules_of_its_head_whatever_is_done_meanwhile(study, config):
    """Marks too: of those that a workflow left that was killed it sees nothing."""
    for name in ("3", "tables.x1"):
        Path("results/tests/making", name).mkdir(parents=True)
    Path("results/tests/making/3/train_base_seed-1").touch()
    head = plan(HEAD, **config)
    asked = rules(head)
    assert head.mark("fresh-runs") == "results/tests/making/4/fresh-runs"
    workflow.begin(head)
    try:
        assert [path.name for path in Path("results/tests/making").iterdir()] == ["4"]
        assert rules(plan(NODE, **config)) == asked
        runs = [records_by_hand.make(study, "base", 1), records_by_hand.make(study, "filters-4", 2)]
        records_by_hand.write(study, Path("results/tests"), *runs)
        Path(head.mark("train_base_seed-1")).touch()
        node = plan(NODE, **config)
        assert len(node.missing) == 2
        assert rules(node) == asked
        assert node.mark("fresh-runs") == head.mark("fresh-runs")
    finally:
        workflow.end(head)
        workflow._HELD.pop().release()
    assert not Path("results/tests/making").exists()
    assert rules(plan(NODE, **config)) == {
        rule: (trained, [left.replace("making/4/", "making/0/") for left in leaves])
        for rule, (trained, leaves) in asked.items()
    }


def test_gpus_of_the_machine_that_submits_are_not_looked_for(monkeypatch):
    monkeypatch.setattr(machine, "gpus", lambda: ("0", "1"))
    assert [plan(jobs).gpus for jobs in (Jobs(), HEAD, NODE)] == [2, 0, 0]
