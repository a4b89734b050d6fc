"""What jobs ask of a cluster, worked out by hand."""

from dataclasses import replace

import pytest

from cnn_study.execute import demands, memory
from cnn_study.execute.demands import Demand
from cnn_study.inspection import baselines
from cnn_study.runs import estimate
from cnn_study.runs.wanted import Run, wanted
from cnn_study.study.merge import load
from workplace import PROJECT

STUDY = """
title: Tiny
dataset: digits
seeds: 3
confirmation: 4
base: {filters: [2], kernel_size: 3, dense_units: 0, epochs: 2}
questions:
  width:
    title: Width
    question: Does it?
    hypothesis: Yes.
    changes: {wide: {filters: [4]}}
"""

GIGABYTE = 10**9


@pytest.fixture
def study(tmp_path, monkeypatch):
    """The base holds 1 GB and takes 60 s a run, the wide experiment 2 GB and 90 s."""
    path = tmp_path / "tiny.yaml"
    path.write_text(STUDY)
    wide = {"base": False, "wide": True}
    monkeypatch.setattr(
        memory, "needed", lambda experiment, dataset: GIGABYTE * (1 + wide[experiment.id])
    )
    monkeypatch.setattr(
        demands, "training_seconds", lambda study, run: 60 + 30 * wide[run.experiment.id]
    )
    return load(path)


def test_a_training_asks_for_the_largest_of_its_runs_and_the_time_of_all(study):
    """1.25 times 1 or 2 GB, and 0.6 GiB for Snakemake; four times as long, and 20 minutes."""
    runs = wanted(study)
    base = [run for run in runs if run.experiment.id == "base"]
    assert demands.of_training(study, base) == Demand(1250 + 629, 20 + 4 * 3)
    assert demands.of_training(study, runs) == Demand(2500 + 629, 20 + 4 * 3 + 18)


def test_workers_side_by_side_ask_for_as_much_memory_each_and_less_time(study, monkeypatch):
    """Two experiments with four fresh seeds: eight runs of 90 s, in four turns or in two."""
    assert demands.of_confirmation(study, 2) == Demand(2 * 2500 + 629, 20 + 4 * 6)
    assert demands.of_confirmation(study, 4) == Demand(4 * 2500 + 629, 20 + 4 * 3)
    assert demands.of_confirmation(study, 100).minutes == 20 + 6
    monkeypatch.setattr(demands, "search_seconds", lambda study, known, cores: 6000 / cores)
    assert demands.of_search(study, 4) == Demand(4 * 2500 + 629, 20 + 100)


def test_an_inspection_asks_for_the_pixels_where_they_are_more_than_a_training(study):
    assert demands.of_inspection(study) == Demand(2500 + 629, 20 + 60)
    large = replace(study.dataset, image_shape=(64, 48, 3), training_images=400_000)
    held = 650 * 2**20 + 10 * 50_000 * 32 * 32 * 3
    expected = round(held * 1.25 / 1e6 + 629.1456)
    assert demands.of_inspection(replace(study, dataset=large)).megabytes == expected
    assert demands.PIXELS == (baselines.MOST_IMAGES, baselines.MOST_SIDE)


def test_the_digits_ask_for_what_is_estimated_of_them():
    study = load(PROJECT / "experiments" / "digits.yaml")
    seconds = estimate.search_seconds(study, [], 2)
    assert seconds > 0
    asked = demands.of_search(study, 2)
    assert asked.minutes == 20 + round(seconds * 4 / 60)
    largest = max(memory.needed(each, study.dataset) for each in study.experiments.values())
    assert asked.megabytes == round((2 * largest * 1.25 + 600 * 2**20) / 1e6)
    longest = max(estimate.training_seconds(study, Run(each, 0))
                  for each in study.experiments.values())  # fmt: skip
    fresh = len(study.experiments) * len(study.fresh_seeds)
    assert demands.of_confirmation(study, 1).minutes == 20 + round(longest * fresh * 4 / 60)
