"""Look-alikes: planted ones are found, others not; images that every run misreads; kept once."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import records_by_hand
from cnn_study.__main__ import main
from cnn_study.base.errors import UserError
from cnn_study.base.fingerprints import hash_meaning
from cnn_study.data.arrays import load_prepared
from cnn_study.data.audit import Audit, Groups, Originals, Spread
from cnn_study.data.catalog import DATASETS
from cnn_study.data.images import Images
from cnn_study.inspection import look_alikes as inspection_look_alikes
from cnn_study.inspection.look_alikes import find_pairs, look, misread_by_best, spread_evenly
from cnn_study.runs import correct_answers, look_alikes
from cnn_study.study.merge import load
from pictures_by_hand import encoded_again, scenes

STUDY = """
title: A tiny study
dataset: digits
seeds: 2
base: {filters: [2], kernel_size: 3, dense_units: 0, epochs: 2}
questions:
  rate: {title: R, question: "?", hypothesis: "!", changes: {falling: {schedule: cosine}}}
"""


@pytest.fixture
def planted() -> Images:
    """Test image 3 is training image 20, brighter; 7 is 33, encoded again; 9 is 41 with noise."""
    random = np.random.default_rng(5)
    training, test = scenes(random, 60), scenes(random, 12)
    test[3] = np.clip(training[20].astype(int) + 25, 0, 255)
    test[7] = encoded_again(training[33], quality=60)
    test[9] = np.clip(training[41] + random.normal(0, 6, training[41].shape), 0, 255)
    labels = np.arange(60, dtype="uint8") % 10
    return Images(training, labels, test, labels[:12])


def test_planted_look_alikes_are_found_and_nothing_else(planted):
    pairs = find_pairs(planted)
    assert {pair.test_index: pair.training_index for pair in pairs} == {3: 20, 7: 33, 9: 41}
    correlations = [pair.correlation for pair in pairs]
    assert correlations == sorted(correlations, reverse=True)
    (brighter,) = (pair for pair in pairs if pair.test_index == 3)
    assert (brighter.test_class, brighter.training_class) == (3, 0)
    assert brighter.different_bits <= 4


def test_of_several_training_images_the_most_alike_is_taken(planted):
    planted.training_images[50] = planted.test_images[9]
    assert {pair.test_index: pair.training_index for pair in find_pairs(planted)}[9] == 50


def test_images_in_grey_are_searched_alike(planted):
    training, test = (
        images.mean(axis=-1, keepdims=True).astype("uint8")
        for images in (planted.training_images, planted.test_images)
    )
    grey = Images(training, planted.training_labels, test, planted.test_labels)
    assert {pair.test_index for pair in find_pairs(grey)} == {3, 7, 9}


def test_pairs_to_show_are_spread_evenly():
    assert spread_evenly(0, 8) == []
    assert spread_evenly(3, 8) == [0, 1, 2]
    assert spread_evenly(15, 8) == [0, 2, 4, 6, 8, 10, 12, 14]


# ------------------------------------------------------------------------------- what is kept


@pytest.fixture
def study(tmp_path):
    (tmp_path / "tiny.yaml").write_text(STUDY)
    return load(tmp_path / "tiny.yaml")


def test_digits_are_not_searched_and_say_why(study, tmp_path, digits_file):
    path = look(study, tmp_path / "results", digits_file)
    kept = look_alikes.read(path)
    assert kept.facts.reason.startswith("images of 8×8 pixels are too small")
    assert (kept.facts.pairs, kept.facts.misread) == ([], None)
    assert kept.arrays["pairs_images"].shape == (0, 2, 8, 8, 1)
    labels = load_prepared(DATASETS["digits"], digits_file).test_labels
    assert correct_answers.read(study, tmp_path / "results").tolist() == labels.tolist()


def test_images_that_pass_for_one_another_are_not_searched(study, tmp_path, planted, monkeypatch):
    """As when their list was made: what is found would be any other scan of the same kind."""
    monkeypatch.setattr(inspection_look_alikes, "load_prepared", lambda dataset, data: planted)
    side = Spread(smallest=32, median=32, largest=32)
    originals = Originals(sizes=1, heights=side, widths=side, enlarged=0)
    audit = Audit(files=72, originals=originals, not_compared="all look alike")
    own = replace(study, dataset=replace(study.dataset, audit=audit))
    kept = look_alikes.read(look(own, tmp_path / "own", Path("any.npz")))
    assert (kept.facts.reason, kept.facts.pairs) == ("all look alike", [])
    kept = look_alikes.read(look(study, tmp_path / "known", Path("any.npz")))
    assert (kept.facts.reason, len(kept.facts.pairs)) == ("", 3)


def test_near_duplicates_within_a_part_are_kept_to_be_shown(study, tmp_path, planted, monkeypatch):
    """Training images 15 and 22 are 5, brighter, 22 of another class, 11 is 1; test image 2 is 1.

    Of two classes are the sets of 5 and of test image 1: these come first.
    """
    training, test = planted.training_images, planted.test_images
    training[15] = training[22] = np.clip(training[5].astype(int) + 25, 0, 255)
    training[11] = np.clip(training[1].astype(int) + 25, 0, 255)
    test[2] = np.clip(test[1].astype(int) + 25, 0, 255)
    monkeypatch.setattr(inspection_look_alikes, "load_prepared", lambda dataset, data: planted)
    kept = look_alikes.read(look(with_sets(study, divided=0), tmp_path / "own", Path("any.npz")))
    within = [(pair.part, pair.indices, pair.classes) for pair in kept.facts.within]
    assert within == [
        ("training", (5, 22), (5, 2)),
        ("test", (1, 2), (1, 2)),
        ("training", (1, 11), (1, 1)),
    ]
    expected = [[training[5], training[22]], [test[1], test[2]], [training[1], training[11]]]
    assert np.array_equal(kept.arrays["within_images"], expected)
    assert all(pair.correlation > 0.98 for pair in kept.facts.within)
    private = with_sets(study, divided=0, publish_images=False)
    kept = look_alikes.read(look(private, tmp_path / "private", Path("any.npz")))
    assert (kept.facts.within, len(kept.arrays["within_images"])) == ([], 0)
    divided = with_sets(study, divided=2)
    kept = look_alikes.read(look(divided, tmp_path / "divided", Path("any.npz")))
    assert kept.facts.within == []


def test_facts_of_before_near_duplicates_were_kept_are_not_taken_for_others(study, tmp_path):
    """Their names follow from the dataset's digest; those of images that show none stay."""
    meaning = {"look_alikes_version": 1, "dataset": study.dataset.digest}
    before = tmp_path / "look-alikes" / f"{hash_meaning(meaning)}.json"
    assert look_alikes.place(study, tmp_path) == before
    assert look_alikes.place(with_sets(study, divided=2), tmp_path) == before
    before.parent.mkdir()
    before.write_text("{}")
    assert look_alikes.find(study, tmp_path) == before
    assert look_alikes.find(with_sets(study, divided=0), tmp_path) is None
    private = with_sets(study, divided=0, publish_images=False)
    private_before = hash_meaning(meaning | {"images": False})
    assert look_alikes.place(private, tmp_path).stem == private_before


def with_sets(study, divided: int, **changed):
    """The study as if its images had two sets of near-duplicates."""
    side = Spread(smallest=32, median=32, largest=32)
    originals = Originals(sizes=1, heights=side, widths=side, enlarged=0)
    sets = Groups(groups=2, images=4, largest=2, divided=divided)
    audit = Audit(files=72, originals=originals, near_duplicates=sets)
    return replace(study, dataset=replace(study.dataset, audit=audit, **changed))


def test_what_is_there_is_left_and_needs_no_dataset(study, tmp_path, digits_file, capsys):
    results = tmp_path / "results"
    path = look(study, results, digits_file)
    before = {file: file.stat().st_mtime_ns for file in results.rglob("*")}
    command = ["look-alikes", str(study.path), "--results", str(results), "--data", "nowhere.npz"]
    assert main(command) == 0
    assert capsys.readouterr().out.strip() == str(path)
    assert {file: file.stat().st_mtime_ns for file in results.rglob("*")} == before
    correct_answers.place(study, results).unlink()
    assert main(command) == 2  # the answers are made of the dataset alone
    assert "prepared data" in capsys.readouterr().err
    assert look(study, results, digits_file) == path
    assert correct_answers.place(study, results).exists()
    assert path.stat().st_mtime_ns == before[path]


def test_the_same_dataset_gives_the_same_bytes(study, tmp_path, digits_file):
    first, second = (look(study, tmp_path / name, digits_file) for name in ("a", "b"))
    assert first.name == second.name
    assert first.read_bytes() == second.read_bytes()
    npz = (path.with_suffix(".npz").read_bytes() for path in (first, second))
    assert next(npz) == next(npz)
    assert json.loads(first.read_text())["fingerprint"] == first.stem


LABELS = np.array([0, 1, 2, 3] * 90)


def answer(study, results, id_: str, validation: float, *changes: dict[int, int]) -> None:
    """Let runs, one after the other, give these images other classes."""
    for seed, given in enumerate(changes, start=1):
        classes = LABELS.copy()
        classes[list(given)] = list(given.values())
        record = records_by_hand.make(study, id_, seed, validation=validation)
        records_by_hand.answering(study, results, record, classes, LABELS)


def test_images_that_every_run_of_the_best_misreads_alike(study, tmp_path):
    """Image 5 is called 7 by both, 6 is called 1 and 3, 8 is misread by one run alone."""
    answer(study, tmp_path, "base", 0.4, {1: 9}, {1: 9})
    answer(study, tmp_path, "falling", 0.5, {5: 7, 6: 1, 8: 3}, {5: 7, 6: 3})
    by = misread_by_best(study, tmp_path, LABELS)
    assert (by.experiment, by.seeds, by.images) == ("falling", [1, 2], 1)
    (shown,) = by.shown
    assert (shown.test_index, shown.true_class, shown.predicted_class) == (5, 1, 7)
    assert shown.probability == 0.8


def test_one_run_or_lost_predictions_say_nothing(study, tmp_path):
    assert misread_by_best(study, tmp_path, LABELS) is None
    answer(study, tmp_path, "base", 0.4, {1: 9}, {1: 9})
    answer(study, tmp_path, "falling", 0.5, {5: 7})
    assert misread_by_best(study, tmp_path, LABELS) is None  # the best has a single run
    answer(study, tmp_path, "falling", 0.3, {5: 7}, {5: 7})
    assert misread_by_best(study, tmp_path, LABELS).experiment == "base"
    (lost,) = (tmp_path / "runs/base").glob("*/seed-2.predictions.npz")
    lost.write_bytes(b"other")
    with pytest.raises(UserError, match="does not hold the predictions of base, seed 2"):
        misread_by_best(study, tmp_path, LABELS)
    lost.unlink()
    assert misread_by_best(study, tmp_path, LABELS) is None
