"""Tables: every number by hand, nothing averaged away, and a dictionary that holds."""

import csv
import hashlib
import json
import math
from pathlib import Path

import pandas as pd
import pytest

import records_by_hand
from cnn_study.base import inference
from cnn_study.base.errors import UserError
from cnn_study.runs import records
from cnn_study.study import published_numbers
from cnn_study.study.merge import load
from cnn_study.study.model import Study
from cnn_study.tables import csv_files
from cnn_study.tables.collect import (
    LAYERS,
    RUNS,
    calibration_error,
    collect,
    published_file,
    read_published,
    summarize,
    words_of,
)
from cnn_study.tables.schemas import METRIC

PROJECT = Path(__file__).resolve().parents[1]
SOURCE_NUMBERS = PROJECT.parent / "shared" / "source" / "original_results.csv"
SOURCE_SHA256 = "099ca4d52019faa2ff8cad38752a8f05ff71966f82baa12511b894a9bfad3506"
CSV_FILES = [
    "calibration.csv",
    "class-sizes.csv",
    "classes.csv",
    "confusion.csv",
    "epochs.csv",
    "experiments.csv",
    "layers.csv",
    "look-alike-pairs.csv",
    "misread.csv",
    "runs.csv",
    "search-places.csv",
    "search-runs.csv",
    "search-values.csv",
]

STUDY = """
title: A tiny study
dataset: digits
seeds: [3, 1, 2]
base: {filters: [2], kernel_size: 3, dense_units: 0, epochs: 2}
questions:
  width:
    title: Width
    question: More filters?
    hypothesis: Yes.
    changes:
      wide: {filters: [4, 8], batch_normalization: true, learning_rate: 0.00005}
      wider: {filters: [8, 8]}
  recipe:
    title: Recipe
    question: Without validation?
    hypothesis: No.
    reference: wide
    changes:
      no-validation: {validation_fraction: 0}
"""
PUBLISHED = "published: {file: tiny-published.csv, citation: somebody2020}\n"
HEADER = ",".join(published_numbers.COLUMNS)


@pytest.fixture
def study(tmp_path: Path) -> Study:
    path = tmp_path / "tiny.yaml"
    path.write_text(STUDY)
    return load(path)


@pytest.fixture
def results(study: Study, tmp_path: Path) -> Path:
    """base: two complete, one diverged; wide: one complete, one failed, one missing; wider: all
    missing; no-validation: three complete, no image held out."""
    folder = tmp_path / "results"
    make = records_by_hand.make
    records_by_hand.write(
        study,
        folder,
        make(study, "base", 1, test=0.5, validation=0.4, training_seconds=10.0),
        make(study, "base", 2, test=0.7, validation=0.8, training_seconds=20.0),
        make(study, "base", 3, status="diverged", validation=0.1, epochs=1, training_seconds=999.0),
        make(study, "wide", 1, test=0.25, validation=0.5),
        make(study, "wide", 2, status="failed", validation=None, epochs=0),
        make(study, "no-validation", 1, test=0.5, validation=None, peak_memory_mebibytes=101.5),
        make(study, "no-validation", 2, test=0.6, validation=None, peak_memory_mebibytes=300.25),
        make(study, "no-validation", 3, test=0.8, validation=None, peak_memory_mebibytes=7.0),
    )
    return folder


def collected(study: Study, results: Path, tmp_path: Path) -> dict[str, list[dict[str, str]]]:
    """Collect, and give the rows of every CSV as they stand there, all text."""
    output = tmp_path / "tables"
    collect(study, results, output)
    return {
        path.stem: list(csv.DictReader(path.read_text().splitlines()))
        for path in output.glob("*.csv")
    }


def pick(rows: list[dict[str, str]], *names: str) -> list[tuple[str, ...]]:
    return [tuple(row[name] for name in names) for row in rows]


def with_published(tmp_path: Path, *lines: str, header: str = HEADER) -> Study:
    (tmp_path / "tiny.yaml").write_text(STUDY + PUBLISHED)
    text = "\n".join([header, *lines]) + "\n"
    (tmp_path / "tiny-published.csv").write_text(text, newline="")
    return load(tmp_path / "tiny.yaml")


def test_every_wanted_run_has_its_row_also_when_it_is_missing(study, results, tmp_path):
    rows = collected(study, results, tmp_path)["runs"]
    assert pick(rows, "experiment", "seed", "status", "reason", "test_accuracy") == [
        ("base", "1", "complete", "", "0.5"),
        ("base", "2", "complete", "", "0.7"),
        ("base", "3", "diverged", "made diverged by hand", ""),
        ("wide", "1", "complete", "", "0.25"),
        ("wide", "2", "failed", "made failed by hand", ""),
        ("wide", "3", "missing", "", ""),
        ("wider", "1", "missing", "", ""),
        ("wider", "2", "missing", "", ""),
        ("wider", "3", "missing", "", ""),
        ("no-validation", "1", "complete", "", "0.5"),
        ("no-validation", "2", "complete", "", "0.6"),
        ("no-validation", "3", "complete", "", "0.8"),
    ]


def test_a_run_row_says_what_its_record_says(study, results, tmp_path):
    row = collected(study, results, tmp_path)["runs"][0]
    fingerprint = study.experiments["base"].fingerprint
    record = records.read(results / f"runs/base/{fingerprint}/seed-1.json")
    assert row == {
        "experiment": "base",
        "seed": "1",
        "fingerprint": fingerprint,
        "status": "complete",
        "reason": "",
        "training_images": "1293",  # digits: 1437 for training, 144 of them held out
        "validation_images": "144",
        "epochs_trained": "2",
        "training_loss": "0.1",
        "training_accuracy": "0.9",
        "validation_loss": "0.6",
        "validation_accuracy": "0.4",
        "test_loss": "0.5",
        "test_accuracy": "0.5",
        "test_calibration_error": "0",
        "parameters": "1310",  # (3 3 1 + 1) 2 = 20; (8 8 2 + 1) 10 = 1290
        "macs": "2432",  # 8 8 9 2 = 1152; 128 10 = 1280
        "training_seconds": "10",
        "training_cpu_seconds": "8",
        "run_seconds": "12",
        "peak_memory_mebibytes": "100",
        "processor_joules": "",  # not measured, as in all older records
        "gpu_joules": "",
        "weights_sha256": record.weights_sha256,
        "backend": "tensorflow",
        "backend_version": "2.21.0",
        "keras_version": "3.15.1",
        "device": "CPU",
        "engine": "processes",
        "processor": "A processor, with a comma",
        "commit": "0123456789abcdef0123456789abcdef01234567",
        "changed_since_commit": "false",
        "started": "2026-01-02T03:04:05+00:00",
        "record": f"runs/base/{fingerprint}/seed-1.json",
        "record_sha256": hashlib.sha256(
            (results / f"runs/base/{fingerprint}/seed-1.json").read_bytes()
        ).hexdigest(),
    }


def test_energy_is_averaged_where_all_complete_runs_were_measured(study, results, tmp_path):
    """base: 1.5 and 2.5 kJ, and one that diverged; its GPU was measured once only."""
    make = records_by_hand.make
    records_by_hand.write(
        study,
        results,
        make(study, "base", 1, processor_joules=1500.0, gpu_joules=7.25),
        make(study, "base", 2, processor_joules=2500.0),
        make(study, "base", 3, status="diverged", processor_joules=9e9, epochs=1),
    )
    tables = collected(study, results, tmp_path)
    assert pick(tables["runs"][:4], "processor_joules", "gpu_joules") == [
        *(("1500", "7.25"), ("2500", ""), ("9000000000", ""), ("", "")),
    ]
    means = pick(tables["experiments"], "processor_joules_mean", "gpu_joules_mean")
    assert means == [("2000", ""), ("", ""), ("", ""), ("", "")]


def test_the_version_is_that_of_the_backend_that_trained(study, tmp_path):
    record = records_by_hand.make(study, "base", 1)
    versions = record.provenance.versions | {"jax": "0.10.2", "tensorflow": "2.21.0"}
    jax = record.provenance.model_copy(update={"backend": "jax", "versions": versions})
    record = record.model_copy(update={"provenance": jax})
    records_by_hand.write(study, tmp_path / "results", record)
    rows = collected(study, tmp_path / "results", tmp_path)["runs"]
    assert pick(rows[:1], "backend", "backend_version") == [("jax", "0.10.2")]


def test_scores_are_those_of_the_last_epoch(study, tmp_path):
    record = records_by_hand.make(study, "base", 1)
    first = record.epochs[0].model_copy(update={"validation_accuracy": 0.99})
    records_by_hand.write(
        study, tmp_path / "results", record.model_copy(update={"epochs": [first, record.epochs[1]]})
    )
    found = collected(study, tmp_path / "results", tmp_path)
    assert found["runs"][0]["validation_accuracy"] == "0.5"
    assert pick(found["epochs"], "seed", "epoch", "validation_accuracy") == [
        ("1", "1", "0.99"),
        ("1", "2", "0.5"),
    ]


def test_epochs_of_diverged_runs_are_there_too(study, results, tmp_path):
    rows = collected(study, results, tmp_path)["epochs"]
    assert pick(rows, "experiment", "seed", "epoch", "training_loss", "validation_accuracy")[
        :6
    ] == [
        ("base", "1", "1", "0.1", "0.4"),
        ("base", "1", "2", "0.1", "0.4"),
        ("base", "2", "1", "0.1", "0.8"),
        ("base", "2", "2", "0.1", "0.8"),
        ("base", "3", "1", "", "0.1"),
        ("wide", "1", "1", "0.1", "0.5"),
    ]
    assert len(rows) == 2 * 2 + 1 + 2 + 0 + 3 * 2


def test_runs_that_are_not_complete_are_counted_and_never_averaged(study, results, tmp_path):
    rows = collected(study, results, tmp_path)["experiments"]
    kinds = ("planned_runs", "complete_runs", "diverged_runs", "failed_runs", "missing_runs")
    assert pick(rows, "experiment", *kinds) == [
        ("base", "3", "2", "1", "0", "0"),
        ("wide", "3", "1", "0", "1", "1"),
        ("wider", "3", "0", "0", "0", "3"),
        ("no-validation", "3", "3", "0", "0", "0"),
    ]
    # 0.5 and 0.7: mean 0.6, s = sqrt((0.01 + 0.01) / 1); 10 s and 20 s, not the 999 s.
    scores = [f"test_accuracy_{x}" for x in ("mean", "standard_deviation", "smallest", "largest")]
    costs = ["training_seconds_mean", "peak_memory_mebibytes_largest"]
    assert pick(rows, *scores, *costs) == [
        ("0.6", "0.141421", "0.5", "0.7", "15", "100"),
        ("0.25", "", "0.25", "0.25", "10", "100"),
        ("", "", "", "", "", ""),
        # 0.5, 0.6, 0.8: mean 1.9/3, s = sqrt((4/225 + 1/900 + 1/36) / 2) = sqrt(0.0233333)
        ("0.633333", "0.152753", "0.5", "0.8", "10", "300.25"),
    ]


def bin_(images: int, claimed: float | None, kept: float | None) -> records.Bin:
    return records.Bin(lower=0, upper=1, images=images, mean_probability=claimed, accuracy=kept)


def test_calibration_error_is_the_gap_weighted_by_images():
    # 30 images 10 points too sure, 10 images 20 points not sure enough: (3 + 2) / 40.
    bins = [bin_(30, 0.9, 0.8), bin_(0, None, None), bin_(10, 0.5, 0.7)]
    assert calibration_error(bins) == pytest.approx(0.125)


def test_calibration_adds_up_runs_by_images(study, tmp_path):
    made = [records_by_hand.make(study, "base", seed) for seed in (1, 2)]
    empty = bin_(0, None, None)
    bins = [
        [bin_(300, 0.9, 0.8), empty, bin_(60, 0.5, 0.5)],
        [bin_(100, 0.7, 0.4), empty, bin_(260, 0.5, 0.5)],
    ]
    for record, calibration in zip(made, bins, strict=True):
        test = record.test.model_copy(update={"calibration": calibration})
        one = record.model_copy(update={"test": test})
        records_by_hand.write(study, tmp_path / "results", one)
    rows = collected(study, tmp_path / "results", tmp_path)
    # (300 * 0.9 + 100 * 0.7) / 400 and (300 * 0.8 + 100 * 0.4) / 400
    assert pick(rows["calibration"], "bin", "images", "mean_probability", "accuracy", "runs") == [
        ("1", "400", "0.85", "0.7", "2"),
        ("2", "0", "", "", "2"),
        ("3", "320", "0.5", "0.5", "2"),
    ]
    assert pick(rows["runs"], "experiment", "seed", "test_calibration_error")[:2] == [
        ("base", "1", "0.0833333"),  # 0.1 * 300 / 360
        ("base", "2", "0.0833333"),  # 0.3 * 100 / 360
    ]


def test_without_held_out_images_there_are_no_validation_scores(study, results, tmp_path):
    rows = collected(study, results, tmp_path)["experiments"]
    columns = ("complete_runs", "validation_accuracy_n", "validation_accuracy_mean")
    assert pick(rows, "experiment", *columns, "validation_loss_largest") == [
        ("base", "2", "2", "0.6", "0.6"),
        ("wide", "1", "1", "0.5", "0.5"),
        ("wider", "0", "0", "", ""),
        ("no-validation", "3", "0", "", ""),
    ]


def test_a_validation_loss_that_is_not_finite_shows_in_its_n(study, tmp_path):
    good, bad = (records_by_hand.make(study, "base", seed, validation=0.5) for seed in (1, 2))
    nothing = {"validation_loss": None, "validation_accuracy": None}
    last = bad.epochs[1].model_copy(update=nothing)
    bad = bad.model_copy(update={"epochs": [bad.epochs[0], last]})
    records_by_hand.write(study, tmp_path / "results", good, bad)
    row = collected(study, tmp_path / "results", tmp_path)["experiments"][0]
    assert (row["complete_runs"], row["validation_loss_n"], row["validation_accuracy_n"]) == (
        "2",
        "1",
        "1",
    )


def test_changes_are_said_as_the_study_file_gives_them(study, results, tmp_path):
    rows = collected(study, results, tmp_path)["experiments"]
    wide = "filters = 4-8, batch_normalization = true, learning_rate = 5e-05"
    assert pick(rows, "experiment", "reference", "change") == [
        ("base", "", ""),
        ("wide", "base", wide),
        ("wider", "base", "filters = 8-8"),
        ("no-validation", "wide", "validation_fraction = 0"),
    ]


def test_layers_have_shapes_and_costs_worked_out_by_hand(study, results, tmp_path):
    rows = [
        row
        for row in collected(study, results, tmp_path)["layers"]
        if row["experiment"] in ("base", "wider")
    ]
    assert pick(rows, "experiment", "position", "layer", "output_shape", "parameters", "macs") == [
        ("base", "1", "convolution_1", "8x8x2", "20", "1152"),
        ("base", "2", "flatten", "128", "0", "0"),
        ("base", "3", "classes", "10", "1290", "1280"),
        ("wider", "1", "convolution_1", "8x8x8", "80", "4608"),
        ("wider", "2", "max_pooling_1", "4x4x8", "0", "0"),
        ("wider", "3", "convolution_2", "4x4x8", "584", "9216"),
        ("wider", "4", "flatten", "128", "0", "0"),
        ("wider", "5", "classes", "10", "1290", "1280"),
    ]


def test_confusion_adds_up_complete_runs(study, results, tmp_path):
    rows = collected(study, results, tmp_path)["confusion"]
    there = [row for row in rows if row["images"] != "0"]
    assert pick(there, "experiment", "true_class", "predicted_class", "images", "runs") == [
        ("base", "0", "0", "432", "2"),  # of 360 each: 180 + 252 right
        ("base", "0", "1", "288", "2"),
        ("wide", "0", "0", "90", "1"),
        ("wide", "0", "1", "270", "1"),
        ("no-validation", "0", "0", "684", "3"),  # 180 + 216 + 288
        ("no-validation", "0", "1", "396", "3"),
    ]
    assert len(rows) == 3 * 100


def test_classes_are_counted_run_by_run(study, results, tmp_path):
    rows = collected(study, results, tmp_path)["classes"]
    first = [row for row in rows if row["class"] == "0"]
    assert pick(first, "experiment", "seed", "images", "correct") == [
        ("base", "1", "360", "180"),
        ("base", "2", "360", "252"),
        ("wide", "1", "360", "90"),
        ("no-validation", "1", "360", "180"),
        ("no-validation", "2", "360", "216"),
        ("no-validation", "3", "360", "288"),
    ]
    assert {row["correct"] for row in rows if row["class"] != "0"} == {"0"}


def test_summaries_by_hand():
    assert summarize([2.0, 4.0, 9.0]) == {
        "mean": 5.0,
        "standard_deviation": pytest.approx(math.sqrt(13)),  # (9 + 1 + 16) / 2
        "smallest": 2.0,
        "largest": 9.0,
    }
    assert summarize([0.1] * 3)["standard_deviation"] == 0
    assert set(summarize([]).values()) == {None}


def test_prediction_interval_by_hand():
    # t(0.975, 2) = 4.302653 and t(0.975, 1) = 12.706205, from any table of Student's t.
    reach = 4.302653 * math.sqrt(0.07 / 3) * math.sqrt(4 / 3)
    assert inference.prediction_interval([0.5, 0.6, 0.8]) == pytest.approx(
        (1.9 / 3 - reach, 1.9 / 3 + reach), rel=1e-6
    )
    reach = 12.706205 * math.sqrt(0.02) * math.sqrt(1.5)
    assert inference.prediction_interval([0.5, 0.7]) == pytest.approx(
        (0.6 - reach, 0.6 + reach), rel=1e-6
    )
    assert inference.prediction_interval([0.5]) is None
    assert inference.prediction_interval([]) is None


def test_printed_numbers_stand_beside_ours(results, tmp_path):
    study = with_published(
        tmp_path,
        "width,1,2,3,61.5,12.5,0.5 0.6,base wide",
        "recipe,A,4-8,,99.99,,,wider no-validation",
    )
    records_by_hand.write(
        study,
        results,
        *(records_by_hand.make(study, "no-validation", seed, test=0.6 + seed / 100)
          for seed in (1, 2, 3)),
    )  # fmt: skip
    # 0.61, 0.62, 0.63: s = 0.01; 4.302653 x 0.01 x sqrt(4/3) = 0.0496827
    assert [list(row.values()) for row in collected(study, results, tmp_path)["published"]] == [
        ["width", "1", "2", "3", "0.615", "12.5", "base", "2", "0.6", "0.141421",
         "-1.60078", "2.80078", "true", "0.472502"],
        ["width", "1", "2", "3", "0.615", "12.5", "wide", "1", "0.25", "", "", "", "", ""],
        ["recipe", "A", "4-8", "", "0.9999", "", "wider", "0", "", "", "", "", "", ""],
        ["recipe", "A", "4-8", "", "0.9999", "", "no-validation", "3", "0.62", "0.01",
         "0.570317", "0.669683", "false", "0.000461284"],
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("w,1,2,3,sixty,,,base", ["line 2, column test_accuracy_percent: 'sixty'", "0 to 100"]),
        ("w,1,2,3,0x1,,,base", ["line 2, column test_accuracy_percent: '0x1'"]),
        ("w,1,2,3,nan,,,base", ["line 2, column test_accuracy_percent: 'nan'"]),
        ("w,1,2,3,120,,,base", ["line 2, column test_accuracy_percent: '120'"]),
        ("w,1,2,3,,,,base", ["line 2, column test_accuracy_percent: is empty"]),
        ("w,1,2,3.5,60,,,base", ["line 2, column kernel_size: 3.5 is not a whole number"]),
        ("w,1,2,3,60,-1,,base", ["line 2, column seconds_per_epoch: '-1'", "at least 0"]),
        ("w,1,2,3,60,,0.5 60,base", ["column validation_accuracy_by_epoch: '60'", "0 to 1"]),
        ("w,1,2,3,60,,,base bse", ["column experiment: ", "no experiment bse", "base, wide"]),
        ("w,1,2,3,60,,,", ["line 2, column experiment: is empty"]),
        (",1,2,3,60,,,base", ["line 2, column comparison: is empty"]),
        ("w,1,2,3,60,,,base,more", ["line 2, column experiment: 9 cells", "8. Check the commas"]),
        ("w,1,2", ["line 2, column kernel_size: 3 cells, but the header has 8"]),
        ("w,1,2,3,60,,,base\nw,1,2,3,61,,,base", ["line 3, column model: line 2 has this"]),
        ("w,1,2,3,sixty,,,bse", ["column test_accuracy_percent", "column experiment"]),
    ],
)
def test_faulty_printed_numbers_are_refused(results, tmp_path, line, expected):
    study = with_published(tmp_path, line)
    with pytest.raises(UserError) as refused:
        collected(study, results, tmp_path)
    for part in ["tiny-published.csv", *expected]:
        assert part in str(refused.value)
    assert not (tmp_path / "tables").exists()


def test_columns_of_printed_numbers_are_checked(results, tmp_path):
    header = HEADER.replace("model", "modell").replace("filters", "kernel_size")
    with pytest.raises(UserError) as refused:
        collected(with_published(tmp_path, header=header), results, tmp_path)
    for part in [
        "line 1, column model: missing. The columns are: comparison, model, filters,",
        "line 1, column filters: missing",
        "line 1, column modell: unknown; remove it",
        "line 1, column kernel_size: stands twice",
    ]:
        assert part in str(refused.value)


def test_a_missing_file_of_printed_numbers_is_one_message(results, tmp_path):
    study = with_published(tmp_path)
    (tmp_path / "tiny-published.csv").unlink()
    with pytest.raises(UserError, match=r"tiny-published\.csv(?s:.*)take `published` out"):
        collected(study, results, tmp_path)


def test_a_spreadsheet_may_have_written_the_printed_numbers(tmp_path):
    study = with_published(tmp_path)
    text = f"\ufeff{HEADER}\r\n\r\nwidth, 1 ,2,3,61.5,,,base\r\n,,,,,,,\r\n"
    (tmp_path / "tiny-published.csv").write_bytes(text.encode())
    numbers = read_published(published_file(study), study)
    assert numbers == [
        published_numbers.PublishedNumber("width", "1", "2", 3, 0.615, None, ("base",))
    ]


def digest_of(numbers: pd.DataFrame) -> str:
    text = numbers.to_csv(index=False, lineterminator="\n")
    return hashlib.sha256(text.encode()).hexdigest()


def test_the_published_study_prints_the_numbers_of_its_source():
    """Character by character: all but the column that says which experiments are theirs."""
    ours = pd.read_csv(PROJECT / "experiments" / "cifar10-published.csv", dtype=str)
    assert digest_of(ours.drop(columns="experiment")) == SOURCE_SHA256
    accuracies = ours.groupby("comparison", sort=False)["test_accuracy_percent"].agg(list)
    assert accuracies.to_dict() == {
        "filter-size": ["64.69", "69.8", "71.72"],
        "layers": ["65.71", "69.63", "68.73"],
        "final": ["59.32", "71.6"],
        "neuron-count": ["63.39", "67.72", "70.42"],
    }


def test_the_source_is_the_one_whose_digest_stands_above():
    if not SOURCE_NUMBERS.is_file():
        pytest.skip(f"{SOURCE_NUMBERS} is not here: it lies beside the repository, not in it")
    assert digest_of(pd.read_csv(SOURCE_NUMBERS, dtype=str)) == SOURCE_SHA256


def test_printed_numbers_of_the_published_study_belong_to_matching_experiments():
    study = load(PROJECT / "experiments" / "cifar10.yaml")
    numbers = read_published(published_file(study), study)
    assert len(numbers) == 11
    for number in numbers:
        for id_ in number.experiments:
            settings = study.experiments[id_].settings
            assert "-".join(map(str, settings.filters)) == number.filters
            assert number.kernel_size in (None, settings.kernel_size)
            assert (settings.validation_fraction == 0) == (number.comparison == "final")
    without_size = [number for number in numbers if number.kernel_size is None]
    assert {
        tuple(sorted(study.experiments[id_].settings.kernel_size for id_ in number.experiments))
        for number in without_size
    } == {(3, 5, 7)}


def test_the_same_records_give_the_same_bytes(results, tmp_path):
    study = with_published(tmp_path, "width,1,2,3,61.5,12.5,0.5 0.6,base wide")
    for folder in ("first", "second"):
        collect(study, results, tmp_path / folder)
    first, second = (
        {path.name: path.read_bytes() for path in (tmp_path / folder).iterdir()}
        for folder in ("first", "second")
    )
    assert sorted(first) == sorted([*CSV_FILES, "answers.npz", "published.csv", "datapackage.json"])
    assert first == second
    assert not any(b"\r" in content for content in first.values())


def test_numbers_have_six_significant_digits():
    values = [0.06471234, 1 / 3, 45000.0, 12345.678, 1.5e-7, 0.0, math.nan]
    rows = [{"test_loss": value, "changed_since_commit": value > 1} for value in values]
    rows[0] |= {"epochs_trained": 3}
    declared = RUNS.put({METRIC: "accuracy"})
    assert csv_files.text_of(declared, rows) == csv_files.csv_text(csv_files.frame(declared, rows))
    frame = pd.DataFrame({"x": values})
    assert csv_files.csv_text(frame).split("\n") == [
        "x", "0.0647123", "0.333333", "45000", "12345.7", "1.5e-07", "0", '""', "",
    ]  # fmt: skip


def test_tables_are_read_back_with_their_types(study, results, tmp_path):
    collected(study, results, tmp_path)
    runs = csv_files.read(tmp_path / "tables", RUNS.put(words_of(study)))
    assert runs["seed"].tolist() == [1, 2, 3] * 4
    assert runs["fingerprint"].map(type).eq(str).all()
    assert runs["epochs_trained"].dtype == "Int64"
    assert runs["changed_since_commit"].dtype == "boolean"
    assert runs["test_accuracy"].isna().sum() == 6


def test_records_that_are_not_wanted_are_ignored(study, results, tmp_path):
    before = collected(study, results, tmp_path)
    for name in ("base/0123456789abcdef/seed-1.json", "gone/0123456789abcdef/seed-1.json"):
        path = results / "runs" / name
        path.parent.mkdir(parents=True)
        path.write_text("damaged, but nobody asks for it")
    fingerprint = study.experiments["base"].fingerprint
    extra = results / f"runs/base/{fingerprint}"
    (extra / "seed-9.json").write_bytes((extra / "seed-1.json").read_bytes())
    assert collected(study, results, tmp_path) == before


def test_a_record_is_found_after_its_experiment_was_renamed(study, results, tmp_path):
    (results / "runs" / "wide").rename(results / "runs" / "older-name")
    row = collected(study, results, tmp_path)["runs"][3]
    assert (row["experiment"], row["status"]) == ("wide", "complete")
    assert row["record"] == f"runs/older-name/{row['fingerprint']}/seed-1.json"


def test_a_damaged_record_is_one_clear_message(study, results, tmp_path):
    path = next((results / "runs" / "wide").glob("*/seed-1.json"))
    path.write_text(path.read_text()[:200])
    with pytest.raises(UserError, match=r"wide.*seed-1\.json is not a whole run record.*delete it"):
        collected(study, results, tmp_path)
    assert not (tmp_path / "tables").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"seed": 2}, "8fc5ec0fdd3ae5b8, 2; it lies in the place of 8fc5ec0fdd3ae5b8, seed 1"),
        ({"fingerprint": "0123456789abcdef"}, "0123456789abcdef, 1; it lies in the place of"),
        ({"test": None}, "test: missing, though the run is complete"),
        ({"epochs": []}, "epochs: 0, though the run is complete; settings.epochs asks for 2"),
    ],
)
def test_a_record_that_contradicts_itself_is_refused(study, results, tmp_path, change, message):
    path = next((results / "runs" / "base").glob("*/seed-1.json"))
    records.write(path, records.read(path).model_copy(update=change))
    with pytest.raises(UserError, match=rf"(?s)seed-1\.json.*{message}.*delete it"):
        collected(study, results, tmp_path)


@pytest.mark.parametrize(
    ("confusion", "message"),
    [
        ([[180, 180], [0, 0]], "2 rows; the study's dataset has 10 classes"),
        ([[36] * 9] * 10, "it has not as many columns as rows"),
    ],
)
def test_a_confusion_matrix_of_other_classes_is_refused(
    study, results, tmp_path, confusion, message
):
    path = next((results / "runs" / "base").glob("*/seed-1.json"))
    content = json.loads(path.read_text())
    content["test"]["confusion"] = confusion
    path.write_text(json.dumps(content))
    with pytest.raises(UserError, match=f"test.confusion: {message}"):
        collected(study, results, tmp_path)


def test_a_row_with_an_undeclared_column_is_our_mistake():
    with pytest.raises(ValueError, match="layers declares no column colour"):
        csv_files.frame(LAYERS, [{"experiment": "base", "colour": "red"}])


def test_a_study_without_any_run_has_tables_too(tmp_path):
    study = load(PROJECT / "experiments" / "cifar10.yaml")
    found = collected(study, tmp_path / "nothing", tmp_path)
    assert {row["status"] for row in found["runs"]} == {"missing"}
    assert len(found["runs"]) == len(study.experiments) * len(study.seeds)
    assert [row["experiment"] for row in found["experiments"]] == list(study.experiments)
    assert found["epochs"] == found["confusion"] == []
    assert len(found["published"]) == 8 + 3 * 3


def test_every_column_is_described(results, tmp_path):
    study = with_published(tmp_path, "width,1,2,3,61.5,,,base")
    found = collected(study, results, tmp_path)
    package = json.loads((tmp_path / "tables" / "datapackage.json").read_text())
    fields = {
        resource["name"]: resource["schema"]["fields"]
        for resource in package["resources"]
        if "schema" in resource
    }
    (other,) = (one["path"] for one in package["resources"] if "schema" not in one)
    assert other == "answers.npz"
    assert {name: [field["name"] for field in its] for name, its in fields.items()} == {
        name: list(rows[0]) if rows else [field["name"] for field in fields[name]]
        for name, rows in found.items()
    }
    for described in [*package["resources"], *(f for its in fields.values() for f in its)]:
        assert len(described["description"]) > 10
    units = {field["name"]: field.get("unit") for field in fields["runs"]}
    assert (units["test_accuracy"], units["training_seconds"]) == ("share", "seconds")
    assert (units["peak_memory_mebibytes"], units["device"]) == ("MiB", None)


@pytest.fixture
def validate(results, tmp_path):
    """Collect the tiny study and give a function that validates its package as it then is."""
    reason = "frictionless is not installed: pip install -e '.[test]'"
    frictionless = pytest.importorskip("frictionless", reason=reason)
    study = with_published(tmp_path, "width,1,2,3,61.5,,,base", "width,2,4-8,,70,,,wide wider")
    collected(study, results, tmp_path)
    return lambda: frictionless.validate(str(tmp_path / "tables" / "datapackage.json"))


def test_the_package_is_valid(validate):
    report = validate()
    assert report.valid, report.flatten(["type", "message"])
    assert report.stats["tasks"] == 15  # fourteen tables, and the answers


def test_the_dictionary_catches_what_breaks_it(validate, tmp_path):
    for name, old, new in [
        ("runs", ",0.25,", ",25,"),
        ("layers", "\nbase,2,", "\nbase,1,"),
        ("epochs", "\nwide,1,2,", "\nwide,4,2,"),
        ("confusion", ",432,", ",many,"),
        ("experiments", "\nbase,,,3,", "\nbase,,,,"),
    ]:
        path = tmp_path / "tables" / f"{name}.csv"
        assert old in path.read_text()
        path.write_text(path.read_text().replace(old, new, 1))
    faults = {(task.name, error.type) for task in validate().tasks for error in task.errors}
    assert faults == {
        ("runs", "constraint-error"),  # a share of 25
        ("layers", "primary-key"),
        ("epochs", "foreign-key"),  # no such run
        ("confusion", "type-error"),
        ("experiments", "constraint-error"),  # planned_runs is required
    }
