"""A study through a real Slurm; skipped where there is none."""

import importlib.util
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator

import pytest

import own_slurm
from own_slurm import Slurm
from workplace import Workplace

STUDY = """\
title: A study by hand
dataset: digits
seeds: 2
base: {validation_fraction: 0.2, filters: [2], dense_units: 8, epochs: 2}
questions:
  width:
    title: Width
    question: Do more filters help?
    hypothesis: They do.
    changes:
      filters-4: {filters: [4]}
"""
RUNS = ["base 1", "base 2", "filters-4 1", "filters-4 2"]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(own_slurm.missing()), reason=own_slurm.missing()),
    pytest.mark.skipif(
        importlib.util.find_spec("snakemake_executor_plugin_slurm") is None,
        reason="snakemake-executor-plugin-slurm is not installed",
    ),
]


@pytest.fixture(scope="module")
def slurm(tmp_path_factory) -> Iterator[Slurm]:
    started = Slurm(tmp_path_factory.mktemp("slurm") / "daemons")
    yield started
    started.stop()


@pytest.fixture
def place(tmp_path) -> Workplace:
    return Workplace(tmp_path / "project", STUDY)


def command(place: Workplace, slurm: Slurm, *words: str) -> dict:
    """Give how Snakemake is started on a login node; a job trains one run."""
    given = place.command(config=("study=tests", "job_minutes=0"))
    environment = {**given["env"], **slurm.environment, "PYTHONPATH": given["env"]["PYTHONPATH"]}
    return given | {
        "args": [
            place.python, "-m", "snakemake", "--workflow-profile", "profiles/slurm",
            "--slurm-no-account", "--slurm-init-seconds-before-status-checks", "2",
            "--config", "study=tests", "job_minutes=0", *words,
        ],
        "env": environment,
    }  # fmt: skip


def test_a_study_goes_on_after_its_head_was_killed(place, slurm):
    """The jobs of the head that was killed go on; the next head trains nothing twice."""
    with subprocess.Popen(**command(place, slurm, "--", "tables")) as head:
        deadline = time.monotonic() + 200
        while not (before := place.records()):
            assert time.monotonic() < deadline
            assert head.poll() is None, head.stdout.read()
            time.sleep(0.05)
        os.kill(head.pid, signal.SIGKILL)
    submitted = slurm.jobs()
    assert len(submitted) == len(RUNS)
    ended = subprocess.run(**command(place, slurm, "--", "tables"), timeout=400, check=False)
    assert ended.returncode == 0, ended.stdout
    after = place.records()
    assert sorted(after) == RUNS
    assert after | before == after  # as first trained: a record says when and how long
    assert set(slurm.jobs().values()) == {"COMPLETED"}, slurm.jobs()
    table = (place.path / "results/tests/tables/runs.csv").read_text("utf-8")
    assert len(table.splitlines()) == 1 + len(RUNS)
    assert not (place.path / "results/tests/making").exists()
    here = {"collect_tables", "analyse", "judge_confirmation"}
    assert here <= set(re.findall(r"^localrule (\S+):$", ended.stdout, re.M))
    # What is done again, as Slurm does where a machine failed, finds its record and ends.
    script = slurm.said("scontrol", "write", "batch_script", min(submitted, key=int), "-")
    assert "--target-jobs 'train_" in script or "--target-jobs train_" in script, script
    again = subprocess.run(
        ["sbatch", "--wait", "--output=again.log"], input=script, text=True, check=False,
        env=slurm.environment, cwd=place.path, timeout=200,
    )  # fmt: skip
    assert again.returncode == 0, (place.path / "again.log").read_text("utf-8")
    assert place.records() == after


def test_what_slurm_refuses_is_told(place, slurm):
    """Longer than the partition lets a job be; `train` stands for all rules that train."""
    words = ("--set-resources", "train:runtime=100000", "--retries", "0", "--", "base")
    ended = subprocess.run(**command(place, slurm, *words), timeout=200, check=False)
    assert ended.returncode == 1
    assert "runtime=100000" in ended.stdout
    assert "Requested time limit is invalid" in ended.stdout
    assert place.records() == {}
