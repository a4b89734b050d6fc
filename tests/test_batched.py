"""Groups of runs side by side in one program of JAX, against Keras's `fit` run by run."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from cnn_study.execute import local
from cnn_study.runs.wanted import wanted
from cnn_study.study.merge import load
from cnn_study.study.settings import Settings
from cnn_study.train import engine

JAX_TRAINS = Path(__file__).with_name("batched_in_jax.py")

CLOSE = 2.5e-7
"""Between losses: a rounding of float32 at 2.3, where the loss of ten classes begins."""


# ---------------------------------------------------------------------------------------- groups


def program(**values) -> str:
    return engine.program_of(Settings(**values))


def test_what_only_first_weights_and_variables_hold_is_no_part_of_a_program():
    base = program()
    for values in ({"learning_rate": 0.01}, {"initializer": "he_normal"}, {"watch_test": True}):
        assert program(**values) == base
    assert program(pool_after=[1, 2]) == base  # what every_but_last means for three convolutions
    for values in (
        {"filters": [8]}, {"batch_size": 64}, {"dense_dropout": 0.1}, {"training_fraction": 0.5},
        {"epochs": 20}, {"shift": 1}, {"label_smoothing": 0.1}, {"precision": "mixed_bfloat16"},
    ):  # fmt: skip
        assert program(**values) != base


def test_a_rate_that_changes_is_compiled_in():
    for values in ({"schedule": "cosine"}, {"schedule": "step"}, {"warmup_epochs": 1.0}):
        assert program(**values) != program(**values, learning_rate=0.01)


STUDY = """\
title: A study for tests
dataset: digits
seeds: [1, 2]
base: {filters: [2], dense_units: 8, epochs: 2}
questions:
  several:
    title: Several
    question: Which one?
    hypothesis: None.
    changes:
      wide: {filters: [3]}
      fast: {learning_rate: 0.01}
      drawn: {initializer: he_normal}
"""


@pytest.fixture
def runs(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(STUDY)
    return wanted(load(path))


def typed(groups) -> list[str]:
    return [" ".join(run.typed for run in group) for group in groups]


def test_runs_of_one_program_are_a_group_whatever_their_experiment(runs):
    assert typed(local.groups(runs, "batched")) == [
        "base/seed-1 fast/seed-1 drawn/seed-1 base/seed-2 fast/seed-2 drawn/seed-2",
        "wide/seed-1 wide/seed-2",
    ]
    assert typed(local.groups(runs, "processes")) == [run.typed for run in runs]


def test_a_job_has_whole_groups(runs, monkeypatch):
    assert [len(job) for job in local.jobs_of_groups(runs)] == [8]
    monkeypatch.setattr(local, "MOST_IN_JOB", 7)
    assert [len(job) for job in local.jobs_of_groups(runs)] == [6, 2]
    monkeypatch.setattr(local, "MOST_IN_JOB", 1)
    assert [len(job) for job in local.jobs_of_groups(runs)] == [6, 2]


# ------------------------------------------------------------------------------------- equalities


@pytest.fixture(scope="module")
def trained() -> dict:
    """Some groups, trained by each driver and by `fit`."""
    pytest.importorskip("jax", reason="JAX is not installed")
    ended = subprocess.run(
        [sys.executable, JAX_TRAINS],
        env={**os.environ, "KERAS_BACKEND": "jax", "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr[-3000:]
    return json.loads(ended.stdout.splitlines()[-1])


def farthest(ours: list[dict], theirs: list[dict], name: str) -> float:
    """Find the largest difference of a number of epochs."""
    return max(
        abs(mine[name] - yours[name])
        for one, other in zip(ours, theirs, strict=True)
        for mine, yours in zip(one["epochs"], other["epochs"], strict=True)
    )


def apart(ours: list[dict], theirs: list[dict], name: str) -> float:
    """Find the largest difference of weights or answers."""
    return max(
        np.abs(np.subtract(one[name], other[name])).max()
        for one, other in zip(ours, theirs, strict=True)
    )


@pytest.mark.slow
@pytest.mark.parametrize("case", ["base", "everything"])
def test_a_loop_over_steps_gives_the_bits_of_fit(trained, case):
    ours, theirs = trained["looped"][case], trained["fit"][case]
    assert [one["epochs"] for one in ours] == [one["epochs"] for one in theirs]
    assert apart(ours, theirs, "weights") == 0
    assert apart(ours, theirs, "tested") == 0


@pytest.mark.slow
@pytest.mark.parametrize("case", ["base", "everything", "others"])
def test_a_scan_over_steps_of_all_members_gives_the_losses_of_fit(trained, case):
    """Base: two seeds, and an experiment of the same program that differs in rate and weights.

    So each is trained as if it were alone, which those of `saturated` are.
    """
    group, theirs = trained["scanned"][case], trained["fit"][case]
    assert (len(group), len(theirs)) == ((3, 3) if case == "base" else (2, 1))
    ours = group[: len(theirs)]
    assert farthest(ours, theirs, "training_loss") <= CLOSE
    assert farthest(ours, theirs, "validation_loss") <= CLOSE
    assert apart(ours, theirs, "weights") < 2e-6
    assert apart(ours, theirs, "tested") < 1e-6
    first, second = group[0]["epochs"][-1], group[1]["epochs"][-1]
    assert abs(first["training_loss"] - second["training_loss"]) > 1e-3, "one seed for both"


@pytest.mark.slow
def test_in_16_bits_losses_are_nearly_those_of_float32(trained):
    """By this engine; test_training.py looks at the other. Float16 has its loss scaled."""
    whole, halves = trained["fit"]["base"][2:], trained["precisions"]
    for name in ("mixed_bfloat16", "mixed_float16"):
        for loss in ("training_loss", "validation_loss"):
            assert 1e-6 < farthest(halves[name], whole, loss) < 5e-3, name


@pytest.mark.slow
def test_float32_is_multiplied_as_the_settings_say_whatever_was_begun_since(trained):
    said = trained["multiplied"]
    assert said == {"float32": [["", "HIGHEST"]], "tensorfloat32": [["", "HIGH"]]}


@pytest.mark.slow
def test_what_was_compiled_beforehand_is_made_use_of_once(trained):
    """Nothing is compiled when it is called, and each member's time is its own."""
    loss, compiled_later, compiled, timed, left = trained["prepared"]
    assert loss == trained["scanned"]["base"][0]["epochs"][-1]["training_loss"]
    assert (compiled_later, timed, left) == (0, [True] * 3, 0)
    # An epoch of three members, and answers to 50 held-out images and to 40 of the test.
    assert compiled == [[3], [3, 40, 6, 6, 2], [3, 50, 6, 6, 2]]


@pytest.mark.slow
def test_test_images_are_watched_for_those_members_that_ask(trained):
    watched, other = trained["scanned"]["others"]
    assert [epoch["watched_test_loss"] for epoch in other["epochs"]] == [None, None]
    theirs = trained["fit"]["others"][0]["epochs"]
    for ours, by_fit in zip(watched["epochs"], theirs, strict=True):
        assert ours["watched_test_loss"] == pytest.approx(by_fit["watched_test_loss"], abs=1e-6)
        assert ours["watched_test_right"] == by_fit["watched_test_right"]


@pytest.mark.slow
def test_a_loss_has_no_ceiling(trained):
    """Probabilities that are cut off at 1e-7 would give 16.1 at most, and TensorFlow gives more."""
    for by_fit, scanned, by_hand in trained["saturated"]:
        assert by_hand > 50
        assert by_fit == pytest.approx(by_hand, rel=1e-5)
        assert scanned == pytest.approx(by_hand, rel=1e-5)


@pytest.mark.slow
def test_a_loss_that_is_no_number_ends_its_member_and_no_other(trained):
    """As `fit` ends it: with the epoch in which it came."""
    whole, broken = trained["diverging"]
    assert len(whole["epochs"]) == 6
    assert broken["epochs"][-1]["training_loss"] is None
    assert len(broken["epochs"]) < 6
    assert all(epoch["training_loss"] is not None for epoch in broken["epochs"][:-1])
    by_fit = trained["diverging by fit"]["epochs"]
    assert len(broken["epochs"]) == len(by_fit)
    assert broken["epochs"][0]["training_loss"] == pytest.approx(
        by_fit[0]["training_loss"], rel=1e-4
    )


@pytest.mark.slow
def test_a_group_that_does_not_fit_the_memory_is_halved_where_it_stands(trained):
    """Three members, two epochs; in the second there is room for one at a time."""
    assert trained["tried"] == [3, 3, 1, 2, 1, 1]
    whole = trained["fit"]["base"]
    assert [one["epochs"] for one in trained["halved"]] == [one["epochs"] for one in whole]
    assert apart(trained["halved"], whole, "weights") == 0
    assert [one["epochs"] for one in trained["cramped"]] == [one["epochs"] for one in whole]
    assert trained["full"].startswith("RESOURCE_EXHAUSTED"), "one that has no room for itself"
