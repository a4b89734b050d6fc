"""Weights that are kept: of which runs, what their file holds, and how those of before are made."""

import json
import shutil

import numpy as np
import pytest

from cnn_study.__main__ import main
from cnn_study.base.errors import UserError
from cnn_study.execute import keeping, local
from cnn_study.runs import kept_weights, records, searches
from cnn_study.runs.wanted import Run
from cnn_study.study.merge import load
from cnn_study.train.provenance import provenance

pytestmark = pytest.mark.slow

STUDY = """
title: Tests
dataset: digits
seeds: 2
enhanced: wide
base: {filters: [2], dense_units: 0, epochs: 1, batch_size: 256, scaling: standardized}
questions:
  width:
    title: Wider
    question: Does it help?
    hypothesis: It helps.
    changes:
      wide: {filters: [3]}
search:
  trials: 2
  epochs: 1
  finalists: 1
  winner_seeds: 2
  prices:
    cheap: {title: Cheap, macs: 100000}
  space:
    filters: [[2], [4]]
"""


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    path = tmp_path_factory.mktemp("study") / "tests.yaml"
    path.write_text(STUDY, encoding="utf-8")
    return load(path)


def model_run(study, seed: int) -> Run:
    model = study.search.model({"filters": [4]}, 1)
    return Run(
        records_experiment(study, model.settings, model.fingerprint, model.parameters, model.macs),
        seed,
    )


def records_experiment(study, settings, fingerprint, parameters, macs):
    from cnn_study.study.model import Experiment

    return Experiment(searches.EXPERIMENT, settings, fingerprint, parameters, macs)


@pytest.fixture(scope="module")
def trained(study, digits_file, tmp_path_factory):
    """Base, enhanced and a winner, trained; and what a search says of the winner."""
    from datetime import UTC, datetime

    results = tmp_path_factory.mktemp("results")
    runs = [Run(study.experiments[name], seed) for name in ("base", "wide") for seed in (1, 2)]
    runs += [model_run(study, seed) for seed in (1, 201, 202)]
    for run in runs:
        local.do(study, run, results, digits_file)
    winner = searches.Trained(
        trial=1, epochs=1, fingerprint=runs[-1].experiment.fingerprint,
        runs=[searches.SearchRun(seed=seed, status="complete", validation_accuracy=0.5)
              for seed in (201, 202)],
    )  # fmt: skip
    budget = searches.AtBudget(
        budget="cheap", title="Cheap", macs=100000, parameters=None, training_seconds=None,
        trials=[], finalists=[], winner=winner,
    )  # fmt: skip
    path = searches.place(study, results)
    records.write(
        path,
        searches.SearchOutcome(
            format=1, fingerprint=path.stem, algorithm="random", budgets=[budget], seconds=1.0,
            workers=1, provenance=provenance(datetime.now(UTC)),
        ),
    )  # fmt: skip
    return results


@pytest.fixture
def results(trained, tmp_path):
    return shutil.copytree(trained, tmp_path / "results")


def lose(results, *names: str) -> None:
    for name in names:
        for path in results.glob(f"runs/{name}.weights.npz"):
            path.unlink()


def kept_names(listed) -> list[str]:
    return [kept.name.replace(kept.run.experiment.fingerprint, "*") for kept in listed]


def test_first_seeds_of_base_enhanced_and_winners_are_kept(study, trained):
    kept = sorted(path.relative_to(trained / "runs") for path in trained.rglob("*.weights.npz"))
    assert [(path.parts[0], path.parts[2]) for path in kept] == [
        ("base", "seed-1.weights.npz"), ("search", "seed-201.weights.npz"),
        ("wide", "seed-1.weights.npz"),
    ]  # fmt: skip
    names = ["base/seed-1", "wide/seed-1", "search/*/seed-201"]
    assert kept_names(kept_weights.wanted(study, trained)) == names
    assert kept_names(kept_weights.here(study, trained)) == names
    assert kept_weights.missing(study, trained) == []


def test_a_file_holds_weights_and_then_the_scaling(study, trained, keras, digits_file):
    kept = kept_weights.here(study, trained)[0]
    weights = kept_weights.read(kept.weights)
    assert list(weights) == [
        "convolution_1/kernel", "convolution_1/bias", "classes/kernel", "classes/bias"
    ]  # fmt: skip
    assert kept_weights.digest(kept.weights) == records.read(kept.record).weights_sha256
    scale, offset = kept_weights.read_scaling(kept.weights)
    # Pixels that are standardized have deviation 1 / scale and mean -offset / scale.
    with np.load(digits_file) as arrays:
        pixels = arrays["training_images"]
    assert 1 / scale[0] == pytest.approx(pixels.std(), rel=0.01)
    assert -offset[0] / scale[0] == pytest.approx(pixels.mean(), rel=0.01)


def test_a_file_of_before_has_no_scaling(tmp_path):
    np.savez(tmp_path / "old.npz", kernel=np.ones(2))
    assert kept_weights.read_scaling(tmp_path / "old.npz") is None
    assert kept_weights.read(tmp_path / "old.npz")["kernel"].tolist() == [1, 1]


def test_other_weights_are_refused(study, results):
    kept = kept_weights.here(study, results)[2]
    weights = kept_weights.read(kept.weights)
    kept_weights.checked(kept.weights, records.read(kept.record))
    weights["classes/bias"] += 1
    kept_weights.write(kept.weights, weights, ([1.0], [0.0]))
    with pytest.raises(UserError, match=r"does not hold the weights .* digest is \w{64}, and"):
        kept_weights.checked(kept.weights, records.read(kept.record))


def test_weights_beside_a_run_that_failed_are_of_another_one(study, results):
    """Nothing is said of digests: a failed run has none."""
    kept = kept_weights.here(study, results)[0]
    facts = {"status": "failed", "reason": "by hand", "test": None, "weights_sha256": None}
    failed = records.read(kept.record).model_copy(update=facts)
    with pytest.raises(UserError, match=r"of a run that is failed, of which no weights are kept"):
        kept_weights.checked(kept.weights, failed)


def test_lost_weights_are_made_again_with_the_same_bits(study, results, digits_file, capsys):
    lose(results, "wide/*/seed-1", "search/*/seed-201")
    before = {path: path.read_bytes() for path in results.rglob("*") if path.is_file()}
    advice = keeping.advice(study, results)
    assert "not kept: wide/seed-1; winner, Cheap, seed 201. `cnn-study weights tests`" in advice
    keeping.keep(study, results, digits_file, None, ["cheap"])
    assert kept_names(kept_weights.missing(study, results)) == ["wide/seed-1"]
    keeping.keep(study, results, digits_file, None, [])
    assert "seed-201.weights.npz: kept" in capsys.readouterr().out
    assert keeping.advice(study, results) == ""
    for kept in kept_weights.here(study, results):
        kept_weights.checked(kept.weights, records.read(kept.record))
    after = {path: path.read_bytes() for path in results.rglob("*") if path.is_file()}
    made = {path.name for path in after.keys() - before.keys()}
    assert made - {"seed-1.weights.npz", "seed-201.weights.npz"} == set()
    assert {path: after[path] for path in before} == before


REFUSED = r"base/seed-1: recorded on .* by processes with .*, trained again on .* by processes with"


def test_weights_that_come_out_otherwise_are_not_kept(study, results, digits_file):
    lose(results, "base/*/seed-1")
    (record,) = results.glob("runs/base/*/seed-1.json")
    facts = json.loads(record.read_text())
    record.write_text(json.dumps(facts | {"weights_sha256": "0" * 64}))
    with pytest.raises(UserError, match=REFUSED):
        keeping.keep(study, results, digits_file, None, [])
    assert kept_names(kept_weights.missing(study, results)) == ["base/seed-1"]


def test_an_unknown_winner_is_refused(study, results, digits_file, capsys):
    command = ["weights", str(study.path), "--results", str(results), "--data", str(digits_file)]
    assert main([*command, "--winners", "dear"]) == 2
    said = capsys.readouterr().err
    assert "--winners dear: the search has no complete winner within it." in said
    assert "Allowed are: cheap." in said
