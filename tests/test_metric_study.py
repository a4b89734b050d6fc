"""A study of uneven classes, from images to the report: judged by balanced accuracy."""

import csv
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits

from cnn_study.__main__ import main
from cnn_study.data import arrays
from cnn_study.runs import records
from cnn_study.study.merge import load

STUDY = """\
title: Eights
dataset:
  name: rare
  title: Eights among other digits
  source: E. Alpaydin and C. Kaynak, 1998, CC BY 4.0
  description: One image in ten shows an eight, the others any other digit.
  arrays: ../rare.npz
  classes: {"0": other, "1": eight}
metric: balanced_accuracy
seeds: 3
smallest_effect: 2
base:
  {filters: [4], kernel_size: 5, dense_units: 0, epochs: 3, validation_fraction: 0.2,
   batch_size: 100, learning_rate: 0.01}
questions:
  weights:
    title: Class weights
    question: Do class weights help where one class is rare?
    hypothesis: Yes, for they let it count as much as the other.
    changes: {weighted: {class_weight: balanced}}
"""


def uneven_digits() -> dict[str, np.ndarray]:
    """Give 900 other digits and 100 eights, three in four of either to train on."""
    pixels, labels = load_digits(return_X_y=True)
    pixels = np.rint(pixels * 255 / 16).astype("uint8").reshape(-1, 8, 8, 1)
    generator = np.random.default_rng(0)
    eights = generator.permutation(np.flatnonzero(labels == 8))[:100]
    others = generator.permutation(np.flatnonzero(labels != 8))[:900]
    training = np.concatenate([eights[:75], others[:675]])
    test = np.concatenate([eights[75:], others[675:]])
    kinds = (labels == 8).astype("uint8")
    return {
        "x_train": pixels[training], "y_train": kinds[training],
        "x_test": pixels[test], "y_test": kinds[test],
    }  # fmt: skip


def rows(path: Path) -> dict[str, dict[str, str]]:
    with path.open() as file:
        return {row["experiment"]: row for row in csv.DictReader(file)}


@pytest.mark.slow
def test_always_naming_the_large_class_is_no_better_than_guessing(keras, tmp_path, monkeypatch):
    from cnn_study.train import training

    monkeypatch.chdir(tmp_path)
    Path("experiments").mkdir()
    file = Path("experiments/rare.yaml")
    file.write_text(STUDY)
    np.savez("rare.npz", **uneven_digits())
    assert main(["prepare", "rare"]) == 0
    study = load(file)
    assert (study.dataset.test_counts, study.chance) == ((225, 25), 0.5)
    assert study.dataset.chance() == 0.9
    images, results = arrays.load_prepared(study.dataset, arrays.place(study.dataset)), Path("made")
    for id_, experiment in study.experiments.items():
        for seed in study.seeds:
            run = training.train(experiment, seed, study.dataset, images, results / "runs")
            assert records.read(records.place(results / "runs", id_, run.fingerprint, seed)) == run
    for command in ("tables", "analyse", "confirmed", "figures", "write"):
        assert main([command, "rare", "--results", str(results)]) in (0, None)

    summed = rows(results / "tables/experiments.csv")
    assert float(summed["base"]["test_accuracy_mean"]) == pytest.approx(0.9)
    assert float(summed["base"]["test_balanced_accuracy_mean"]) == 0.5
    assert summed["base"]["collapsed_runs"] == "3"
    # Weighted, the network finds eights.
    better = float(summed["weighted"]["test_balanced_accuracy_mean"])
    assert better > 0.7
    assert summed["weighted"]["collapsed_runs"] == "0"
    change = rows(results / "evidence/ledger.csv")["weighted"]
    assert float(change["test_difference"]) == pytest.approx(better - 0.5, abs=1e-5)
    assert float(change["validation_difference"]) > 0.2
    assert change["test_verdict"] == "helps"

    text = (results / "report/index.qmd").read_text()
    said = " ".join(text.split())
    assert "Its score is no better than guessing, which gets" in said
    assert "though always naming the largest class gives an accuracy of" in said
    assert "Test balanced accuracy (%) | Accuracy (%) | Difference" in said
    assert "mean difference in test balanced accuracy" in said
    captions = (results / "figures/figures.json").read_text()
    assert "test balanced accuracy" in captions
    assert "test accuracy of each" not in captions
