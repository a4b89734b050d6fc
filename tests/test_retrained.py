"""Runs compared with each other: where they part, whose machine, what lies within the spread."""

from collections import Counter
from types import SimpleNamespace

import numpy as np
import pytest

import records_by_hand
from cnn_study.__main__ import main
from cnn_study.archive import comparison, diff, retrain, spread
from cnn_study.archive.processors import relation
from cnn_study.base import files
from cnn_study.base.errors import UserError
from cnn_study.base.judge import Spread, Usual
from cnn_study.runs import records
from cnn_study.runs.wanted import Run
from cnn_study.study.merge import load
from cnn_study.train import engine

STUDY = """\
title: By hand
dataset: digits
seeds: 2
base: {filters: [2], kernel_size: 3, epochs: 2, validation_fraction: 0.2}
questions:
  kernel:
    title: Kernel
    question: Which?
    hypothesis: A larger one.
    changes: {kernel-size-5: {kernel_size: 5}}
"""


@pytest.fixture
def study(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(STUDY, encoding="utf-8")
    return load(path)


def with_epochs(record, *losses):
    epochs = [
        epoch.model_copy(update={"training_loss": loss, "training_seconds": 9.0 * loss})
        for epoch, loss in zip(record.epochs, losses, strict=True)
    ]
    return record.model_copy(update={"epochs": epochs})


# ------------------------------------------------------------------------- where runs part


def test_times_make_no_difference(study):
    one = records_by_hand.make(study, "base", 1)
    two = records_by_hand.make(study, "base", 1, training_seconds=99.0)
    assert comparison.same_bits(one, two)
    assert comparison.partings(one, two) == []


def test_the_first_epoch_that_differs_is_named_with_its_gap(study):
    one = with_epochs(records_by_hand.make(study, "base", 1, epochs=3), 0.5, 0.25, 0.125)
    two = with_epochs(one, 0.5, 0.375, 0.25)
    (part,) = comparison.partings(one, two)
    assert str(part) == "epoch 2, the first that differs, training_loss: 0.25 | 0.375 (+0.12)"
    assert not comparison.same_bits(one, two)


def test_counts_of_classes_that_differ_are_shown_without_a_gap(study):
    one = records_by_hand.make(study, "base", 1, epochs=1)
    one, two = (counted_right(one, right) for right in ([3, 4], [3, 5]))
    (part,) = comparison.partings(one, two)
    assert str(part) == "epoch 1, the first that differs, validation_right: 3-4 | 3-5"


def counted_right(record, right):
    epochs = [epoch.model_copy(update={"validation_right": right}) for epoch in record.epochs]
    return record.model_copy(update={"epochs": epochs})


def test_what_an_older_record_does_not_tell_is_no_difference(study, tmp_path):
    """Counts of classes, and the probability of each class among the predictions."""
    older = records_by_hand.make(study, "base", 1, epochs=1)
    newer = counted_right(older, [3, 4])
    classes = older.dataset.model_copy(update={"validation_classes": [5, 5]})
    newer = newer.model_copy(update={"dataset": classes})
    assert comparison.same_bits(older, newer)
    assert comparison.partings(newer, older) == []

    path = tmp_path / "seed-1.json"
    few = {"classes": np.arange(9, dtype="uint8"), "probabilities": np.full(9, 204, "uint8")}
    more = few | {"class_probabilities": np.zeros((9, 10), "float16")}
    older = keeping(older, files.write_arrays(tmp_path / "older.npz", few))
    newer = keeping(newer, files.write_arrays(records.predictions_file(path), more))
    assert not comparison.same_bits(older, newer)
    assert comparison.same_bits(older, comparison.as_then(older, newer, path))
    assert comparison.as_then(newer, newer, path) == newer
    few["probabilities"][4] -= 1
    other = keeping(older, files.write_arrays(tmp_path / "other.npz", few))
    assert not comparison.same_bits(other, comparison.as_then(other, newer, path))


def keeping(record, digest):
    named = {"predictions_file": "seed-1.predictions.npz", "predictions_sha256": digest}
    return record.model_copy(update={"test": record.tested.model_copy(update=named)})


def test_what_two_runs_were_given_stands_before_what_they_computed(study):
    one = records_by_hand.make(study, "base", 1, test=0.5)
    two = records_by_hand.make(study, "kernel-size-5", 2, test=0.6)
    provenance = two.provenance.model_copy(
        update={"processor": "Another one", "versions": {"python": "3.11.7", "keras": "3.15.1"}}
    )
    two = two.model_copy(update={"provenance": provenance})
    said = [(part.kind, str(part)) for part in comparison.partings(one, two)]
    assert said[:4] == [
        ("settings", "kernel_size: 3 | 5"),
        ("settings", "seed: 1 | 2"),
        ("versions", "tensorflow: 2.21.0 | nothing"),
        ("machine", "processor: A processor, with a comma | Another one"),
    ]
    assert [kind for kind, _ in said[4:]] == ["scores", "scores", "scores", "weights", "weights"]
    assert ("scores", "test accuracy: 0.5 | 0.6") in said
    assert not comparison.same_bits(one, two)


def test_diff_says_it_on_the_screen_and_with_its_exit_status(study, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    one = records_by_hand.make(study, "base", 1)
    for folder in ("ours", "theirs"):
        records_by_hand.write(study, tmp_path / folder, one)
    records_by_hand.write(study, tmp_path / "ours", records_by_hand.make(study, "base", 2))
    assert main(["diff", "base/seed-1", "--results", "ours", "theirs"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == diff.SAME
    assert main(["diff", "base/seed-1", "base/seed-2", "--results", "ours"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].endswith("seed-1.json: base seed 1, complete")
    assert lines[2] == "settings  seed: 1 | 2"
    assert lines[-1] == "other bits"
    assert main(["diff", "base/seed-1", "--results", "ours"]) == 2
    assert capsys.readouterr().err.startswith("diff takes two runs, or one run and two results")


def test_a_run_is_found_by_path_or_name(study, tmp_path):
    records_by_hand.write(study, tmp_path, records_by_hand.make(study, "base", 1))
    (path,) = tmp_path.glob("runs/base/*/seed-1.json")
    assert diff.find(str(path), tmp_path / "elsewhere") == path
    assert diff.find("base/seed-1", tmp_path) == path
    other = tmp_path / "runs/base/0123456789abcdef/seed-1.json"
    other.parent.mkdir()
    other.write_bytes(path.read_bytes())
    assert diff.find("base/0123456789abcdef/seed-1", tmp_path) == other
    with pytest.raises(UserError, match=r"2 records of base/seed-1\. Name one: base/0123456789abc"):
        diff.find("base/seed-1", tmp_path)
    with pytest.raises(UserError, match=r"has no record of base/seed-7"):
        diff.find("base/seed-7", tmp_path)
    with pytest.raises(UserError, match=r"seed-1 is no name of a run"):
        diff.find("seed-1", tmp_path)


# ------------------------------------------------------------------------- whose machine

ROME = "AMD EPYC (family 23, model 49, AVX2)"
MILAN = "AMD EPYC (family 25, model 1, AVX2)"
GENOA = "AMD EPYC (family 25, model 17, AVX-512)"
BERGAMO = "AMD EPYC (family 25, model 160, AVX-512)"
XEON = "Intel(R) Xeon(R) Platinum 8481C CPU @ 2.70GHz (family 6, model 143, AVX-512)"


@pytest.mark.parametrize(
    ("ours", "theirs", "said"),
    [
        ({"processor": GENOA}, {"processor": GENOA}, "the same model"),
        ({"processor": GENOA}, {"processor": BERGAMO}, "the same family"),
        ({"processor": GENOA}, {"processor": MILAN}, "another family"),  # other instructions
        ({"processor": ROME}, {"processor": MILAN}, "another family"),
        ({"processor": GENOA}, {"processor": XEON}, "another family"),
        ({"processor": "AMD EPYC"}, {"processor": GENOA}, "unknown"),
        ({"processor": "AMD EPYC"}, {"processor": "AMD EPYC"}, "unknown"),
        ({"processor": "AMD EPYC"}, {"processor": XEON}, "another family"),
        ({"device": "CPU"}, {"device": "NVIDIA H100"}, "another family"),
        ({"device": "NVIDIA H100"}, {"device": "NVIDIA H100"}, "the same model"),
        ({"device": "NVIDIA A100"}, {"device": "NVIDIA H100"}, "another family"),
        ({"processor": GENOA}, {"processor": GENOA, "engine": "batched"}, "unknown"),
        ({"device": "CPU"}, {"device": "NVIDIA H100", "engine": "batched"}, "another family"),
        ({"system": "Linux x86_64"}, {"system": "Linux aarch64"}, "another family"),
    ],
)
def test_machines_are_related_as_their_records_say(ours, theirs, said):
    known = records_by_hand.PROVENANCE
    one, two = (records.Provenance(**(known | given)) for given in (ours, theirs))
    assert relation(one, two) == relation(two, one) == said


def test_runs_are_trained_again_by_the_engines_of_their_records(study, tmp_path, monkeypatch):
    names = ["base/seed-1", "kernel-size-5/seed-1", "base/seed-2"]
    runs = [Run(study.experiments[name.split("/")[0]], int(name[-1])) for name in names]
    made = [records_by_hand.make(study, run.experiment.id, run.seed) for run in runs]
    by_jax = made[1].provenance.model_copy(update={"engine": "batched"})
    made[1] = made[1].model_copy(update={"provenance": by_jax})
    kept = SimpleNamespace(
        site=SimpleNamespace(study=study),
        records=dict(zip(names, made, strict=True)),
        runs={name: [run] for name, run in zip(names, runs, strict=True)},
    )
    trained = []

    def train_all(study, place, runs, *rest):
        trained.append((engine.choose().engine, [run.typed for run in runs]))

    monkeypatch.setattr(retrain, "train_all", train_all)
    monkeypatch.setattr(retrain, "_failed", lambda *given: [])
    monkeypatch.setenv("KERAS_BACKEND", "")
    monkeypatch.setenv(engine.KNOWN, "processes")
    retrain.train(kept, names, tmp_path, tmp_path / "no.npz", 1, print)
    assert trained == [("processes", [names[0], names[2]]), ("batched", [names[1]])]
    assert engine.choose().engine == "processes"


# ------------------------------------------------------------------------- within the spread


def test_the_interval_for_one_further_run_is_that_of_the_textbook():
    """58, 60, 62: mean 60, s² 4, t(0.975, 2) 4.302653; 4.302653 √(4 (1 + 1/3)) = 9.936551."""
    held = spread.reach([58.0, 60.0, 62.0], Usual(), least=0.0, chance=0.05)
    assert held.center == 60
    assert held.half == pytest.approx(9.936551, abs=1e-5)
    assert held.holds(69.93)
    assert not held.holds(69.94)
    assert held.holds(50.07)


def test_one_other_run_leans_on_what_is_usual_and_without_it_says_nothing():
    """t(0.975, 10) 2.228139; 2.228139 √(0.25 · 2) = 1.575532."""
    usual = Usual(freedom=10, variance=0.25, most=40)
    assert spread.reach([5.0], usual, 0.0, 0.05).half == pytest.approx(1.575532, abs=1e-5)
    assert spread.reach([5.0], Usual(), 0.0, 0.05).half == np.inf


def test_a_draw_finds_what_the_hypergeometric_distribution_says():
    """14 of 361 find a study with 73 wrong runs (one in five) in 95 of 100."""
    assert spread.finds(10, 3, 2) == pytest.approx(1 - (8 * 7 * 6) / (10 * 9 * 8))
    assert spread.finds(361, 14, 73) > 0.95
    assert spread.finds(361, 13, 73) < 0.95
    assert spread.found_share(361, 14) <= 0.2
    assert spread.found_share(361, 13) > 0.2
    assert spread.found_share(20, 1) == pytest.approx(0.95)  # 19 of 20 are wrong


@pytest.mark.slow
@pytest.mark.parametrize("freedom", [1.7, 4.0, np.inf])
def test_a_right_study_fails_at_most_once_in_a_hundred(freedom):
    """No run gives the bits of its record, in 500 studies of 12 experiments with 5 seeds.

    Spreads differ as those of a study do: s0² freedom / chi² (Smyth, 2004).
    """
    random = np.random.default_rng(7)
    studies, experiments, seeds, drawn = 500, 12, 5, 14
    failed = Counter()
    chance = spread.chance_each(drawn)
    for _ in range(studies):
        raised = freedom / random.chisquare(freedom, experiments) if freedom < np.inf else 1
        sigma = np.sqrt(raised) * np.ones(experiments)
        scores = random.normal(0, sigma[:, None], (experiments, seeds + 1))
        spreads = [Spread(float(row[:seeds].var(ddof=1)), seeds - 1) for row in scores]
        picked = random.choice(experiments * seeds, drawn, replace=False)
        failed[any(_outside(scores, spreads, place, seeds, chance) for place in picked)] += 1
    assert failed[True] / studies <= 0.01 + 2 * np.sqrt(0.01 * 0.99 / studies)


def _outside(scores, spreads, place, seeds, chance) -> bool:
    own, seed = divmod(int(place), seeds)
    others = [float(scores[own, other]) for other in range(seeds) if other != seed]
    recorded, again = float(scores[own, seed]), float(scores[own, seeds])
    usual = Usual.of([s for number, s in enumerate(spreads) if number != own])
    pairs = ((recorded, again), (again, recorded))
    return any(
        not spread.reach([*others, other], usual, 1e-9, chance).holds(one) for one, other in pairs
    )
