"""What each run answered, from predictions and correct answers: by hand, lost, tampered with."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

import records_by_hand
from cnn_study.__main__ import main
from cnn_study.base import files
from cnn_study.base.errors import UserError
from cnn_study.data.images import Images
from cnn_study.evidence import images
from cnn_study.evidence.analyse import analyse
from cnn_study.report.test_images import few_images_of
from cnn_study.runs import correct_answers, look_alikes
from cnn_study.study.merge import load
from cnn_study.study.model import Study
from cnn_study.tables import answers
from cnn_study.tables.collect import collect
from cnn_study.tables.misread import misread_rows

STUDY = """
title: A tiny study
dataset: digits
seeds: 2
smallest_effect: 0.5
base: {filters: [2], kernel_size: 3, dense_units: 0, epochs: 2}
questions:
  rate:
    title: Rate
    question: Does a schedule help?
    hypothesis: It does.
    changes: {falling: {schedule: cosine}, wide: {filters: [4]}}
"""
N = 360
LABELS = (np.arange(N) % 10).astype("uint8")
"""Of the digits' 360 test images, as if each class came in turn."""


@pytest.fixture
def study(tmp_path) -> Study:
    (tmp_path / "tiny.yaml").write_text(STUDY)
    return load(tmp_path / "tiny.yaml")


@pytest.fixture
def results(tmp_path) -> Path:
    return tmp_path / "results"


def answer(study: Study, results: Path, id_: str, *wrong: range) -> None:
    """Let one run after the other call the images of a range the next class, and the rest right."""
    for seed, places in enumerate(wrong, start=1):
        classes = LABELS.copy()
        classes[list(places)] = (classes[list(places)] + 1) % 10
        record = records_by_hand.make(study, id_, seed)
        records_by_hand.answering(study, results, record, classes, LABELS)


def keep(study: Study, results: Path, labels: np.ndarray = LABELS) -> Path:
    pixels = np.zeros((N, 8, 8, 1), "uint8")
    correct_answers.keep(study, results, Images(pixels, labels, pixels, labels))
    return correct_answers.place(study, results)


@pytest.fixture
def answered(study, results) -> Study:
    """Wrong: base 0 to 35 and 18 to 53; falling 0 to 17, twice."""
    answer(study, results, "base", range(36), range(18, 54))
    answer(study, results, "falling", range(18), range(18))
    keep(study, results)
    return study


def collected(study: Study, results: Path) -> dict[str, list[dict[str, str]]]:
    collect(study, results, results / "tables")
    analyse(study, results / "tables", results / "evidence")
    paths = [*(results / "tables").glob("*.csv"), *(results / "evidence").glob("*.csv")]
    return {path.stem: list(csv.DictReader(path.read_text().splitlines())) for path in paths}


# ------------------------------------------------------------------------------- correct answers


def test_answers_are_named_by_the_dataset_and_kept_once(study, results):
    path = keep(study, results)
    assert path == results / "answers" / f"{study.dataset.digest}.npz"
    before = path.stat().st_mtime_ns
    assert keep(study, results).stat().st_mtime_ns == before
    assert correct_answers.read(study, results).tolist() == LABELS.tolist()


def test_answers_that_nobody_kept_are_none(study, results):
    assert correct_answers.read(study, results) is None


@pytest.mark.parametrize(
    ("labels", "fault"),
    [
        (LABELS[:-1], r"labels is uint8\(359,\), expected uint8\(360,\)"),
        (LABELS.astype("int64"), r"labels is int64\(360,\)"),
        (LABELS + np.uint8(1), "it names class 10, and the last one is 9"),
    ],
)
def test_answers_of_something_else_are_refused(study, results, labels, fault):
    files.write_arrays(correct_answers.place(study, results), {"labels": labels})
    with pytest.raises(UserError, match=f"does not hold this dataset's answers: {fault}"):
        correct_answers.read(study, results)


def test_damaged_answers_are_one_message(study, results, capsys):
    path = keep(study, results)
    for content in (b"no archive", path.read_bytes()[:40], b""):
        path.write_bytes(content)
        with pytest.raises(UserError, match=r"answers: it is damaged .* look-alikes STUDY"):
            correct_answers.read(study, results)
    assert main(["tables", str(study.path), "--results", str(results)]) == 2
    assert str(path) in capsys.readouterr().err


# ------------------------------------------------------------------------------- what runs answered


def test_the_answers_of_each_run_stand_beside_the_tables(answered, results):
    collected(answered, results)
    known = answers.read(results / "tables")
    assert list(known) == ["base", "falling"]  # wide has no run
    assert known["base"].seeds == (1, 2)
    assert np.flatnonzero(~known["base"].correct[1]).tolist() == list(range(18, 54))
    assert known["falling"].correct.shape == (2, N)
    first = (results / "tables" / answers.FILE).read_bytes()
    collect(answered, results, results / "tables")
    assert (results / "tables" / answers.FILE).read_bytes() == first
    package = json.loads((results / "tables" / "datapackage.json").read_text())
    assert [one["path"] for one in package["resources"]].count("answers.npz") == 1


def test_images_that_every_run_misreads_alike_are_counted(answered, results):
    """base: 18 to 35 are called the next class by both; falling: 0 to 17."""
    rows = collected(answered, results)["experiments"]
    assert [row["misread_images"] for row in rows] == ["18", "18", ""]


def test_images_that_every_run_misreads_alike_are_listed_one_by_one(study, results):
    """base: 18 to 35; falling: 30 to 47, so that they agree on 30 to 35; wide has one run.

    Every answer is given 204 of 255, which are 0.8.
    """
    answer(study, results, "base", range(36), range(18, 54))
    answer(study, results, "falling", range(30, 48), range(30, 48))
    answer(study, results, "wide", range(360))
    keep(study, results)
    best = collected(study, results)["misread"]
    assert {row["experiment"] for row in best} == {"base"}
    with_falling = study.file.model_copy(update={"enhanced": "falling"})
    rows = collected(replace(study, file=with_falling), results)["misread"]
    assert [(row["experiment"], int(row["test_index"])) for row in rows] == [
        *(("base", image) for image in range(18, 36)),
        *(("falling", image) for image in range(30, 48)),
    ]
    assert best == rows[:18]
    assert rows[0] == {
        "experiment": "base", "test_index": "18", "image_key": "", "true_class": "8",
        "predicted_class": "9", "mean_probability": "0.8", "runs": "2", "experiments": "1",
    }  # fmt: skip
    assert {int(row["test_index"]) for row in rows if row["experiments"] == "2"} == {*range(30, 36)}


def test_the_images_that_runs_are_surest_of_stand_first_and_have_their_keys(study):
    """Of three images two are misread, the later one more surely."""
    own = replace(study, dataset=replace(study.dataset, test_keys=("a" * 16, "b" * 16, "c" * 16)))
    classes, labels = np.array([[1, 2, 2], [1, 2, 2]]), np.array([0, 2, 1])
    given = {"base": answers.Given(classes, np.array([0.5, 1.0, 0.75]))}
    rows = misread_rows(own, given, labels, {"base"})
    assert [(row["image_key"][0], row["mean_probability"]) for row in rows] == [
        *(("c", 0.75), ("a", 0.5)),
    ]
    assert misread_rows(own, given, None, {"base"}) == []


def test_other_answers_to_one_image_do_not_agree(study):
    classes = {"base": [[1], [1]], "falling": [[2], [2]]}
    given = {id_: answers.Given(np.array(own), np.array([0.5])) for id_, own in classes.items()}
    rows = misread_rows(study, given, np.array([0]), classes)
    assert [row["experiments"] for row in rows] == [1, 1]


def test_runs_that_misread_an_image_in_two_ways_do_not_agree():
    labels = np.array([0, 0, 0])
    classes = np.array([[1, 1, 0], [1, 2, 0]])
    assert answers.misread_images(classes, labels) == 1
    assert answers.misread_images(classes[:1], labels) is None
    assert answers.misread_images(None, labels) is None


def test_no_interval_of_a_difference_reaches_beyond_all_images(answered, results, monkeypatch):
    monkeypatch.setattr(images, "reach", lambda variance: 1e19)
    row = collected(answered, results)["ledger"][0]
    assert (float(row["test_both_lower"]), float(row["test_both_upper"])) == (-1, 1)


def test_a_change_has_what_images_and_both_leave_open(answered, results):
    """falling less base, image by image: 0 to 17: 0 - 1/2; 18 to 35: 1 - 0; 36 to 53: 1 - 1/2.

    Of 360: mean (-9 + 18 + 9) / 360 = 0.05; squares 4.5 + 18 + 4.5 = 27, less 360 x 0.0025 = 0.9;
    26.1 / 359 / 360 = 2.01950e-4, the root 0.0142109, x 1.959964 = 0.0278528.
    Seeds: both score 0.9 and 0.9 against 0.95 and 0.95: no spread, so seeds add nothing.
    """
    row = collected(answered, results)["ledger"][0]
    assert float(row["test_difference"]) == pytest.approx(0.05)
    assert float(row["test_images_margin"]) == pytest.approx(0.0278528, abs=1e-6)
    lower, upper = float(row["test_both_lower"]), float(row["test_both_upper"])
    assert (lower + upper) / 2 == pytest.approx(0.05)
    # The sum would be images less the rest: it is not taken below the images alone.
    assert upper - 0.05 == pytest.approx(0.0278528, rel=0.02)


def test_images_of_one_unit_are_one_witness_of_a_change(answered, results):
    """Units of 18 images: sums of what is beyond the mean of 0.05 are -9.9, 17.1, 8.1, then -0.9.

    20 units: 98.01 + 292.41 + 65.61 + 17 x 0.81 = 469.8; x 20 / 19 / 360² = 0.003815789, the root
    0.0617721, x 2.093024 (t of 19) = 0.1292905.
    """
    of_patients = replace(answered.dataset, test_units=tuple(np.arange(N) // 18))
    row = collected(replace(answered, dataset=of_patients), results)["ledger"][0]
    assert float(row["test_difference"]) == pytest.approx(0.05)
    assert float(row["test_images_margin"]) == pytest.approx(0.1292905, abs=1e-6)
    assert answers.read(results / "tables")["base"].scored.shape == (2, 20)
    package = json.loads((results / "tables" / "datapackage.json").read_text())
    told = [each["description"] for each in package["resources"] if each["path"] == "answers.npz"]
    assert "units, for each image the number of the unit" in told[0]


def test_images_of_a_single_unit_tell_nothing_of_others(answered, results):
    of_one = replace(answered.dataset, test_units=(0,) * N)
    row = collected(replace(answered, dataset=of_one), results)["ledger"][0]
    assert (row["test_images_margin"], row["test_both_lower"]) == ("", "")


def test_a_score_of_few_images_in_sets_is_known_as_one_of_so_many_sets_is(answered):
    """2 of 4 patients: SciPy's Wilson interval for 2 of 4; and of 360 images each for itself."""
    of_patients = replace(answered.dataset, test_units=tuple(np.arange(N) // 90))
    for study, count in ((replace(answered, dataset=of_patients), 4), (answered, N)):
        ends = [float(end) for end in few_images_of(study).ends(0.5)]
        theirs = stats.binomtest(count // 2, count).proportion_ci(method="wilson")
        assert ends == pytest.approx(tuple(theirs), abs=1e-7)


def test_the_spread_between_runs_is_counted_by_the_sets_of_images(answered, results):
    """base gets the first 18 wrong in one run alone, and the third in the other: two sets flip.

    2 x 18² / 2 / 360² = 0.0025, where 36 single images give 1.38889e-4.
    """
    of_patients = replace(answered.dataset, test_units=tuple(np.arange(N) // 18))
    base = collected(replace(answered, dataset=of_patients), results)["spreads"][0]
    assert float(base["images_deviation"]) == pytest.approx(0.0025**0.5)


def test_the_spread_between_runs_is_taken_apart(study, results):
    """base: 36 images flip of 360: k (S - k) / (S (S - 1)) = 1/2, mean 0.05, / 360 = 1.38889e-4.

    Scores of 0.95 and 0.85 have the variance 0.005: 0.005 - 0.000138889 is left. With falling both
    runs are alike: nothing flips, and nothing is left.
    """
    answer(study, results, "base", range(18), range(54))
    answer(study, results, "falling", range(18), range(18))
    keep(study, results)
    rows = collected(study, results)
    base, falling = rows["spreads"]
    assert (base["learning_rate"], falling["learning_rate"]) == (
        "constant learning rate",
        "decaying learning rate",
    )
    names = ("deviation", "images_deviation", "networks_deviation")
    assert [float(base[name]) for name in names] == pytest.approx(
        [0.005**0.5, 1.38889e-4**0.5, (0.005 - 1.38889e-4) ** 0.5], rel=1e-4
    )
    assert [float(falling[name]) for name in names] == [0, 0, 0]
    assert float(base["networks_p"]) < 1e-6
    assert [row["beyond_images"] for row in rows["spread-medians"]] == ["1", "0"]


def test_without_answers_or_predictions_the_cells_are_empty(answered, results):
    (lost,) = (results / "runs" / "falling").glob("*/seed-2.predictions.npz")
    lost.unlink()
    rows = collected(answered, results)
    assert [row["misread_images"] for row in rows["experiments"]] == ["18", "", ""]
    assert rows["ledger"][0]["test_images_margin"] == rows["ledger"][0]["test_both_upper"] == ""
    assert rows["ledger"][0]["test_difference"] == "0.05"
    assert [row["experiment"] for row in rows["spreads"]] == ["base"]
    correct_answers.place(answered, results).unlink()
    rows = collected(answered, results)
    assert {row["misread_images"] for row in rows["experiments"]} == {""}
    assert rows["spreads"] == rows["spread-medians"] == rows["look-alikes"] == []
    assert answers.read(results / "tables") == {}


def test_predictions_that_are_lost_are_named_where_others_are_kept(answered, results, capsys):
    command = ["tables", str(answered.path), "--results", str(results)]
    assert main(command) == 0
    assert "it is not there" not in capsys.readouterr().out
    (lost,) = (results / "runs" / "falling").glob("*/seed-2.predictions.npz")
    lost.unlink()
    assert main(command) == 0
    (said,) = [line for line in capsys.readouterr().out.splitlines() if "is not there" in line]
    assert said.startswith(f"{lost}: it is not there, and what only it tells is left out. Get it")
    for path in results.glob("runs/*/*/*.predictions.npz"):
        path.unlink()
    assert main(command) == 0
    assert "it is not there" not in capsys.readouterr().out  # they were left out on purpose


def test_tampered_predictions_are_refused(answered, results, capsys):
    (file,) = (results / "runs" / "falling").glob("*/seed-2.predictions.npz")
    with np.load(file) as arrays:
        kept = dict(arrays)
    kept["classes"][0] = 5
    files.write_arrays(file, kept)
    assert main(["tables", str(answered.path), "--results", str(results)]) == 2
    said = capsys.readouterr().err
    assert f"{file} does not hold the predictions of falling, seed 2" in said
    assert "Traceback" not in said


def test_tampered_answers_are_refused(answered, results):
    """The answers of two images exchanged: as many of each class as before."""
    labels = LABELS.copy()
    labels[[0, 45]] = labels[[45, 0]]
    path = correct_answers.place(answered, results)
    files.write_arrays(path, {"labels": labels})
    with pytest.raises(UserError, match=r"do not give what it says: \d+ cells of its confusion"):
        collect(answered, results, results / "tables")


def test_an_accuracy_that_does_not_follow_from_the_answers_is_refused(answered, results):
    (path,) = (results / "runs" / "base").glob("*/seed-1.json")
    path.write_text(
        path.read_text().replace(
            '"accuracy": 0.9,\n  "confusion"', '"accuracy": 0.91,\n  "confusion"'
        )
    )
    with pytest.raises(UserError, match=r"0\.900000 of them are correct, and it says 0\.910000"):
        collect(answered, results, results / "tables")


# ------------------------------------------------------------------------------- look-alikes


def test_every_accuracy_stands_with_and_without_look_alikes(answered, results):
    """Left out: 0, 20 and 100 to 159. base is wrong in 35 and 35 of the other 298, falling in 17.

    Of the look-alikes base is wrong in image 0 and 20 with seed 1, in 20 with seed 2: 3 of 124.
    """
    records_by_hand.look_alike(answered, results, 0, 20, *range(100, 160))
    rows = collected(answered, results)
    assert len(rows["look-alike-pairs"]) == 62
    assert rows["look-alike-pairs"][0] | {"row": ""} == {
        "test_index": "0", "test_class": "1", "training_index": "7", "training_class": "1",
        "same_class": "true", "different_bits": "2", "correlation": "0.95", "row": "",
    }  # fmt: skip
    base, falling = rows["look-alikes"]
    wrong = (34 + 35) / 2 / 298, 17 / 298
    assert float(base["test_accuracy_without"]) == pytest.approx(1 - wrong[0], abs=1e-6)
    assert float(base["look_alikes_accuracy"]) == pytest.approx(1 - 3 / 124, abs=1e-6)
    assert (base["images"], base["reference"], base["shift"]) == ("62", "", "")
    assert float(falling["difference"]) == pytest.approx(0.05)
    assert float(falling["difference_without"]) == pytest.approx(wrong[0] - wrong[1], abs=1e-6)
    assert float(falling["shift"]) == pytest.approx(wrong[0] - wrong[1] - 0.05, abs=1e-6)


def test_damaged_facts_and_images_are_refused(answered, results):
    records_by_hand.look_alike(answered, results, 3)
    path = look_alikes.find(answered, results)
    assert look_alikes.read(path).facts.pairs[0].test_index == 3
    path.with_suffix(".npz").write_bytes(b"other")
    with pytest.raises(UserError, match=r"its sha256 is \w{64}, and should be \w+\. Delete .*json"):
        look_alikes.read(path)
    path.write_text(path.read_text().replace('"pairs"', '"pears"'))
    with pytest.raises(UserError, match="is not whole: pairs: Field required"):
        look_alikes.read_facts(path)
    assert main(["tables", str(answered.path), "--results", str(results)]) == 2
