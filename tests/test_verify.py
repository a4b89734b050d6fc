"""Verification: a right study holds, and every planted fault is caught and named."""

import csv
import errno
import hashlib
import json
import os
import re
import shutil
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import jsonschema
import numpy as np
import pytest
import yaml

import records_by_hand
from cnn_study.__main__ import main
from cnn_study.archive import certificate, integrity, retrain, verify
from cnn_study.archive.checks import Check, Fault, level_of
from cnn_study.archive.integrity import Kept, check_inspection, check_records, check_search
from cnn_study.archive.tracing import check_claims
from cnn_study.base.errors import UserError
from cnn_study.base.files import write_arrays
from cnn_study.execute import local, workers
from cnn_study.report import publication
from cnn_study.runs import records, sense, stages
from cnn_study.study.merge import load

EXACT_SCORES = True
pytestmark = pytest.mark.slow

STUDY = """\
title: By hand
dataset: digits
seeds: 3
judge: two-sample
confirmation: 2
enhanced: kernel-size-5
base: {filters: [4], dense_units: 16, epochs: 4, validation_fraction: 0.2}
questions:
  kernel:
    title: Kernel
    question: Which kernel?
    hypothesis: A larger one.
    changes: {kernel-size-5: {kernel_size: 5}}
  rate:
    title: Learning rate
    question: Is a larger one better where epochs are few?
    hypothesis: It surely is.
    changes: {faster: {learning_rate: 0.01, epochs: 8}}
search:
  algorithm: random
  trials: 2
  epochs: 1
  finalists: 1
  finalist_seeds: 1
  winner_seeds: 2
  space: {filters: [[2], [4]], learning_rate: {low: 0.001, high: 0.01}}
  prices: {cheap: {title: Cheap, macs: 400000}}
"""
RUNS = [
    f"{experiment}/seed-{seed}"
    for experiment in ("base", "kernel-size-5", "faster")
    for seed in (1, 2, 3)
]
RECORDS = 9 + 2 + 1 + 2 + 4
"""Those above, of 2 trials, of a finalist, of a winner twice, and with fresh seeds."""

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@dataclass(frozen=True)
class Place:
    """A study with all that it leaves, published."""

    folder: Path
    data: Path

    @property
    def results(self) -> Path:
        return self.folder / "results" / "mine"

    def site(self, results: Path | None = None) -> stages.Site:
        return stages.Site.now(load(self.folder / "mine.yaml"), results or self.results)

    def command(self, *words: str) -> int:
        return main([*words[:1], str(self.folder / "mine.yaml"), *words[1:], *self.options])

    @property
    def options(self) -> list[str]:
        return ["--results", str(self.results)]


@pytest.fixture(scope="module")
def place(tmp_path_factory, digits_file) -> Place:
    """Trained, searched, inspected, written, rendered and published for real."""
    folder = tmp_path_factory.mktemp("verify")
    (folder / "mine.yaml").write_text(STUDY, encoding="utf-8")
    place = Place(folder, digits_file)
    data = ("--data", str(digits_file))
    before = Path.cwd()
    os.chdir(folder)  # where no templates of a study's own lie
    try:
        assert place.command("train", *RUNS, *data) == 0
        assert place.command("search", *data) == 0
        assert place.command("inspect", *data) == 0
        assert place.command("look-alikes", *data) == 0
        for stage in ("tables", "analyse"):
            assert place.command(stage) == 0
        assert place.command("confirm", *data) == 0
        for stage in ("confirmed", "figures", "write", "render"):
            assert place.command(stage) == 0
        publication.make(place.site().study, place.results, COMMIT)
        yield place
    finally:
        os.chdir(before)


def test_a_right_study_holds_from_its_records_to_its_pages(place, tmp_path, capsys):
    assert place.command("verify", "--output", str(tmp_path), "--by", "A. Person") == 0
    said = capsys.readouterr().out
    assert "Everything that was checked holds: level R1, re-derived" in said
    statement = json.loads((tmp_path / "certificate.json").read_text("utf-8"))
    checks = {check["name"]: check for check in statement["predicate"]["checks"]}
    assert {check["outcome"] for check in checks.values()} == {"holds"}
    assert set(checks) == {
        *("records", "predictions", "weights", "search", "inspection", "look-alikes"),
        *("tables", "evidence", "confirmed", "figures", "text", "nothing else", "stamps"),
        *("published pages", "rendered pages", "claims"),
    }
    assert checks["records"]["looked_at"] == f"{RECORDS} records"
    assert checks["predictions"]["looked_at"].startswith(f"{RECORDS} files of predictions, image ")
    with (place.results / "report/claims.csv").open(encoding="utf-8", newline="") as file:
        claims = list(csv.DictReader(file))
    assert checks["claims"]["looked_at"].startswith(f"{len(claims)} numbers with ")
    assert [claim for claim in claims if claim["runs"] == "faster, base: 4 5"]
    assert statement["predicate"]["by"] == "A. Person"
    assert not (place.results / "certificate").exists()


# --------------------------------------------------------------------------- planted faults


def text_of(path: Path, old: str, new: str, count: int = 1) -> None:
    """Put other words into a file; they must have been there."""
    text = path.read_text(encoding="utf-8")
    assert old in text, path
    path.write_text(text.replace(old, new, count), encoding="utf-8")


def record_of(results: Path, run: str) -> Path:
    experiment, seed = run.split("/")
    (path,) = (results / "runs" / experiment).glob(f"*/{seed}.json")
    return path


def change(path: Path, *place: str | int, to: object) -> object:
    """Put another value into a JSON file, take its digest of itself away, and give the one before.

    So whoever means it does, too: files of before had no such digest.
    """
    facts = json.loads(path.read_text("utf-8"))
    facts.pop("facts_sha256", None)
    inner = facts
    for step in place[:-1]:
        inner = inner[step]
    before = inner[place[-1]]
    inner[place[-1]] = to(before) if callable(to) else to
    path.write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
    return before


def a_number_in_html(results: Path) -> str:
    page = results / "published/index.html"
    mark = re.search(
        r'data-key=";experiments:0:test_accuracy_mean"[^>]*>([\d.]+)', page.read_text()
    )
    start, shown = mark.start(1), mark[1]
    text = page.read_text()
    other = f"{float(shown) + 1:.2f}"
    page.write_text(text[:start] + other + text[start + len(shown) :])
    return "published/index.html"


def a_number_in_rendered_html(results: Path) -> str:
    page = results / "report/index.html"
    text_of(page, "digits", "digitz")
    return "report/index.html"


def a_number_in_pdf(results: Path) -> str:
    """A PDF of the same text, but for one number, as whoever forges one would set it anew."""
    source = results / "report/index.qmd"
    text = source.read_text("utf-8")
    mark = re.search(
        r'\[([\d.]+)[^]]*\]\{\.receipt data-key=";experiments:0:test_accuracy_mean"', text
    )
    forged = text[: mark.start(1)] + f"{float(mark[1]) + 1:.2f}" + text[mark.end(1) :]
    other = results / "report/other.qmd"
    other.write_text(forged, encoding="utf-8")
    from cnn_study.report.render import render

    render(other, results / "other.html", results / "published/index.pdf", resources=results,
           engine="pandoc", commit=COMMIT)  # fmt: skip
    other.unlink()
    (results / "other.html").unlink()
    return "published/index.pdf"


def a_bit_in_pdf(results: Path) -> str:
    path = results / "published/index.pdf"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    return "published/index.pdf"


def a_flipped_bit_in_html(results: Path) -> str:
    """Of a letter, which then is none."""
    path = results / "published/index.html"
    content = bytearray(path.read_bytes())
    content[content.index(b"<p>") + 4] ^= 0x80
    path.write_bytes(content)
    return "published/index.html, "


def a_lost_column_of_claims(results: Path) -> str:
    text_of(results / "report/claims.csv", "without_runs", "nothing")
    return "report/claims.csv, line 1"


def a_file_too_many(results: Path) -> str:
    shutil.copy(results / "tables/runs.csv", results / "tables/runs-2.csv")
    return "tables/runs-2.csv: nothing makes it"


def a_cell_of_a_table(results: Path) -> str:
    path = results / "tables/experiments.csv"
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    rows[2][rows[0].index("test_accuracy_mean")] = "0.987654"
    path.write_text("\n".join(",".join(row) for row in rows) + "\n", encoding="utf-8")
    return "tables/experiments.csv, line 3 (kernel-size-5 base), column test_accuracy_mean"


def a_swapped_verdict(results: Path) -> str:
    path = results / "evidence/ledger.csv"
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    place = rows[0].index("test_verdict")
    rows[1][place] = "hurts" if rows[1][place] == "helps" else "helps"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)
    return "evidence/ledger.csv, line 2 ", f"column test_verdict: {rows[1][place]} stands here"


def a_record_score(results: Path) -> str:
    change(record_of(results, "base/seed-2"), "test", "accuracy", to=lambda share: share + 0.05)
    return "runs/base/", "seed-2.json", "test.accuracy"


def a_record_confusion(results: Path) -> str:
    """Two images move from right to wrong within the row, and the accuracy with them."""
    path = record_of(results, "kernel-size-5/seed-1")
    facts = json.loads(path.read_text("utf-8"))
    matrix = facts["test"]["confusion"]
    matrix[0][0], matrix[0][1] = matrix[0][0] - 2, matrix[0][1] + 2
    images = sum(map(sum, matrix))
    facts["test"]["accuracy"] = sum(matrix[n][n] for n in range(10)) / images
    path.write_text(json.dumps(facts), encoding="utf-8")
    return "runs/kernel-size-5/", "seed-1.json", "test.calibration"


def a_record_epoch(results: Path) -> str:
    change(record_of(results, "base/seed-1"), "epochs", 0, "training_loss", to=0.5)
    return "runs/base/", "seed-1.json: its content is not the one that tables/runs.csv was made"


def a_setting_of_a_record(results: Path) -> str:
    change(record_of(results, "base/seed-3"), "settings", "kernel_size", to=5)
    return "runs/base/", "seed-3.json", "settings"


def a_run_left_out(results: Path) -> str:
    record_of(results, "faster/seed-2").unlink()
    return "runs/faster/", "seed-2.json: it is left out"


def a_run_doubled(results: Path) -> str:
    """The best seed stands in for another one."""
    one, two = (record_of(results, f"kernel-size-5/seed-{seed}") for seed in (1, 2))
    for path in (one, one.with_suffix(".predictions.npz")):
        shutil.copy(path, path.with_name(path.name.replace("seed-1", "seed-2")))
    change(two, "seed", to=2)
    change(two, "test", "predictions_file", to="seed-2.predictions.npz")
    return "runs/kernel-size-5/", "seed-2.json", "weights_sha256: the weights are those of"


def a_run_of_another_study(results: Path) -> str:
    path = record_of(results, "faster/seed-1")
    change(path, "dataset", "digest", to="0" * 64)
    change(path, "dataset", "name", to="cifar10")
    return "runs/faster/", "seed-1.json", "dataset"


def exchanged_predictions(results: Path) -> str:
    one, two = (
        record_of(results, f"base/seed-{seed}").with_suffix(".predictions.npz") for seed in (1, 2)
    )
    shutil.copy(one, two)
    return "runs/base/", "does not hold the predictions of base, seed 2: its sha256"


def two_images_exchanged(results: Path) -> str:
    """As many of each class are predicted, but not for the same images; the digest is forged."""
    record = record_of(results, "base/seed-3")
    path = record.with_suffix(".predictions.npz")
    with np.load(path) as arrays:
        changed = dict(arrays)
    with np.load(next((results / "answers").glob("*.npz"))) as arrays:
        labels, classes = arrays["labels"], changed["classes"]
    right = np.flatnonzero(labels == classes)[0]
    others = (classes != classes[right]) & (labels != labels[right])
    wrong = np.flatnonzero((labels != classes) & others)[0]
    classes[[right, wrong]] = classes[[wrong, right]]
    digest = write_arrays(path, changed)
    change(record, "test", "predictions_sha256", to=digest)
    return "runs/base/", "seed-3.predictions.npz, classes: with the correct answers"


def exchanged_weights(results: Path) -> str:
    path = record_of(results, "base/seed-1").with_suffix(".weights.npz")
    with np.load(path) as arrays:
        changed = {name: array + 1 for name, array in arrays.items()}
    np.savez_compressed(path, **changed)
    return "runs/base/", "does not hold the weights that its record tells of: their"


def an_altered_figure(results: Path) -> str:
    """A number in a picture, as text or as the place of a mark."""
    path = sorted((results / "figures").glob("*.svg"))[0]
    text = path.read_text("utf-8")
    number = re.search(r"\d+\.\d+", text[len(text) // 2 :])[0]
    path.write_text(text[: len(text) // 2] + text[len(text) // 2 :].replace(number, "9.9", 1),
                    encoding="utf-8")  # fmt: skip
    return f"figures/{path.name}, line "


def a_swapped_figure(results: Path) -> str:
    one, two = sorted((results / "figures").glob("*.svg"))[:2]
    shutil.copy(one, two)
    return f"figures/{two.name}, line "


def a_swapped_citation(results: Path) -> str:
    path = results / "report/index.qmd"
    text = path.read_text("utf-8")
    cited = re.search(r"\[@(\w+)\]", text)[1]
    number = text[: text.index(f"[@{cited}]")].count("\n") + 1
    text_of(path, f"[@{cited}]", "[@another2020]")
    return f"report/index.qmd, line {number}: "


def edited_text(results: Path) -> str:
    path = results / "report/index.qmd"
    lines = path.read_text("utf-8").splitlines()
    number = next(n for n, line in enumerate(lines) if n > 40 and line.endswith("."))
    lines[number] += " It is certain."
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return f"report/index.qmd, line {number + 1}: "


def an_edited_claim(results: Path) -> str:
    text_of(results / "report/claims.csv", "base: 1 2 3", "base: 1 2")
    return "report/claims.csv, line ", "column runs"


def an_edited_stamp(results: Path) -> str:
    change(results / "made/evidence.json", "inputs", "code", to="0" * 64)
    return "made/evidence.json, inputs.code"


def a_search_score(results: Path) -> str:
    (path,) = (results / "search").glob("*.json")
    change(path, "prices", 0, "winner", "runs", 0, "validation_accuracy", to=0.99)
    return "search/", "cheap, winner, trial ", "seed 201: it says complete, 0.99"


def an_inspected_number(results: Path) -> str:
    (path,) = (results / "inspection").glob("*.json")
    change(path, "networks", 0, "test_accuracy", to=0.99)
    return "inspection/", "networks, base: test accuracy 0.99"


def an_inspected_number_in_an_editor(results: Path) -> str:
    (path,) = (results / "inspection").glob("*.json")
    text_of(path, '"embedding_seed": 0', '"embedding_seed": 9')
    return "inspection/", "it was changed after it was made"


def another_commit(results: Path) -> str:
    change(results / "published/publication.json", "commit", to="f" * 40)
    return "published/index.html, "


def a_number_that_is_confirmed(results: Path) -> str:
    path = results / "evidence/confirmation.csv"
    with path.open(encoding="utf-8", newline="") as file:
        (row,) = csv.DictReader(file)
    text_of(path, row["fresh_difference"], "0.5")
    return "evidence/confirmation.csv, line 2 ", "column fresh_difference: 0.5 stands here"


def exchanged_fresh_records(results: Path) -> str:
    """Each with its predictions, and as if it were of the other seed."""
    one, two = (record_of(results, f"faster/seed-{seed}") for seed in (4, 5))
    contents = [path.read_bytes() for path in (one, two)]
    two.write_bytes(contents[0])
    one.write_bytes(contents[1])
    for path, seed in ((one, 4), (two, 5)):
        change(path, "seed", to=seed)
    return "runs/faster/", "seed-5.json: its content is not the one that evidence/confirmation-runs"


def a_lost_fresh_record(results: Path) -> str:
    record_of(results, "base/seed-4").unlink()
    return "runs/base/", "seed-4.json: it is left out; evidence/confirmation-runs.csv"


def altered_answers(results: Path) -> str:
    """As many of each class are correct, but not the same images."""
    (path,) = (results / "answers").glob("*.npz")
    with np.load(path) as arrays:
        labels = arrays["labels"]
    write_arrays(path, {"labels": np.roll(labels, 1)})
    return f"answers/{path.name}, labels: with them {RECORDS} of {RECORDS} runs give another"


def altered_answers_in_a_table(results: Path) -> str:
    path = results / "tables/answers.npz"
    with np.load(path) as arrays:
        changed = dict(arrays)
    name = next(name for name, array in changed.items() if array.dtype.kind in "bu")
    changed[name].flat[3] ^= 1
    write_arrays(path, changed)
    return f"tables/answers.npz, {name}[", f"1 of {changed[name].size:,} numbers differ"


def a_count_of_misread_images(results: Path) -> str:
    (path,) = (results / "look-alikes").glob("*.json")
    before = change(path, "misread", "images", to=lambda images: images + 1)
    return f"look-alikes/{path.name}, misread.images: {before + 1}; by the predictions it is "


def a_misread_image(results: Path) -> str:
    (path,) = (results / "look-alikes").glob("*.json")
    change(path, "misread", "shown", 0, "true_class", to=lambda class_: (class_ + 1) % 10)
    return f"look-alikes/{path.name}, misread.shown[0]: classes "


def a_pair_that_is_none(results: Path) -> str:
    """What is said to look alike differs by more than what looks alike."""
    (path,) = (results / "look-alikes").glob("*.json")
    pair = {"test_index": 0, "test_class": 0, "training_index": 0, "training_class": 0}
    change(path, "pairs", to=[pair | {"different_bits": 2, "correlation": 0.5}])
    return f"look-alikes/{path.name}, pairs[0]: they differ"


def look_alikes_of_other_data(results: Path) -> str:
    (path,) = (results / "look-alikes").glob("*.json")
    change(path, "dataset", to="0" * 64)
    return f"look-alikes/{path.name}, dataset: it says 000"


FAULTS: list[Callable[[Path], str | tuple[str, ...]]] = [
    *(a_number_in_html, a_number_in_rendered_html, a_number_in_pdf, a_bit_in_pdf),
    *(a_flipped_bit_in_html, a_lost_column_of_claims, a_file_too_many),
    *(a_cell_of_a_table, a_swapped_verdict, a_record_score, a_record_confusion, a_record_epoch),
    *(a_setting_of_a_record, a_run_left_out, a_run_doubled, a_run_of_another_study),
    *(
        exchanged_predictions,
        two_images_exchanged,
        exchanged_weights,
        an_altered_figure,
        a_swapped_figure,
    ),
    *(a_swapped_citation, edited_text, an_edited_claim, an_edited_stamp, a_search_score),
    *(
        an_inspected_number,
        an_inspected_number_in_an_editor,
        another_commit,
        a_number_that_is_confirmed,
        exchanged_fresh_records,
    ),
    *(a_lost_fresh_record, altered_answers, altered_answers_in_a_table),
    *(a_count_of_misread_images, a_misread_image, a_pair_that_is_none, look_alikes_of_other_data),
]


@pytest.mark.parametrize("plant", FAULTS, ids=lambda plant: plant.__name__)
def test_a_planted_fault_is_caught_and_named(plant, place, tmp_path):
    """What the stages make of the records stands ready: it is the same for each of these."""
    results = tmp_path / "mine"
    shutil.copytree(place.results, results)
    expected = plant(results)

    def make(stage: str, folder: Path) -> None:
        names = json.loads(stages.stamp(place.results, stage).read_text("utf-8"))["outputs"]
        for name in [*names, f"made/{stage}.json"]:
            (folder / name).parent.mkdir(exist_ok=True)
            shutil.copy(place.results / name, folder / name)

    def publish(folder: Path, commit: str) -> None:
        shutil.copytree(place.results / "published", folder / "published")
        if commit != COMMIT:
            text_of(folder / "published/index.html", COMMIT[:10], commit[:10])

    checks = verify.rederive(place.site(results), make, publish, lambda line: None)
    faults = [str(fault) for check in checks for fault in check.faults]
    parts = (expected,) if isinstance(expected, str) else expected
    assert any(all(part in fault for part in parts) for fault in faults), faults


def test_equal_weights_are_a_fault_only_of_another_seed():
    """Settings that change no training, such as watch_test, give the same bits, and rightly."""

    def doubled(*seeds: int) -> list[str]:
        kept = SimpleNamespace(
            records={
                f"r{n}": SimpleNamespace(weights_sha256="w", seed=seed)
                for n, seed in enumerate(seeds)
            },
            file=str,
        )
        return [fault.file for fault in integrity._doubled(kept)]

    assert doubled(1, 1) == []
    assert doubled(1, 2) == ["r1"]


def test_results_that_are_not_there_are_one_message(tmp_path, capsys):
    (tmp_path / "mine.yaml").write_text("title: M\ndataset: digits\nbase: {epochs: 2}\n")
    words = ["verify", str(tmp_path / "mine.yaml"), "--results", str(tmp_path / "nowhere")]
    assert main(words) == 2
    assert "nowhere: no results to verify. Make them first" in capsys.readouterr().err


def test_twenty_faults_are_planted_at_least():
    assert len(FAULTS) >= 20


def test_a_record_and_its_digest_changed_together_do_not_give_the_tables(place, tmp_path, capsys):
    """Here only making everything anew tells; and `verify` says so with its exit status."""
    results = tmp_path / "mine"
    shutil.copytree(place.results, results)
    shutil.rmtree(results / "published")
    path = record_of(results, "base/seed-1")
    before = change(path, "epochs", 0, "training_loss", to=0.5)
    table = results / "tables/runs.csv"
    digest = hashlib.sha256(record_of(place.results, "base/seed-1").read_bytes()).hexdigest()
    text_of(table, digest, hashlib.sha256(path.read_bytes()).hexdigest())
    words = ["verify", str(place.folder / "mine.yaml"), "--results", str(results)]
    assert main(words) == 1
    said = capsys.readouterr().out
    assert "Something does not hold. The first place: tables/epochs.csv, line 2 (base 1)" in said
    assert f"column training_loss: {before:.6g}"[:32] in said
    assert (results / "certificate/certificate.md").read_text("utf-8").count("tables/epochs.csv")


def test_a_trial_whose_record_lies_under_an_experiment_has_one(place, tmp_path):
    """Its settings are those of one that the study has, or once had: it is not trained twice."""
    results = tmp_path / "mine"
    shutil.copytree(place.results, results)
    (trial,) = {path.parent for path in (results / "runs/search").glob("*/seed-201.json")}
    (results / "runs/once").mkdir()
    trial.rename(results / "runs/once" / trial.name)
    words = ["tables", str(place.folder / "mine.yaml"), "--results", str(results)]
    assert main(words) == 0
    site = place.site(results)
    kept = Kept.of(site)
    assert len(kept.records) == RECORDS
    for check in (check_records(kept), check_search(kept), check_inspection(kept)):
        assert check.faults == ()
    named = [path.relative_to(results).as_posix() for path in site.search_files]
    assert f"runs/once/{trial.name}/seed-201.json" in named
    # Under the name of an experiment that the study has.
    runs = {name.replace("search/", "twin/"): run for name, run in kept.runs.items()}
    assert check_search(Kept(site, runs)).faults == ()
    del runs[f"twin/{trial.name}/seed-201"]
    assert [fault.what for fault in check_search(Kept(site, runs)).faults] == ["it has no record"]


def test_a_record_that_is_of_two_is_looked_at_once(place, tmp_path):
    """A run of an experiment whose record the search has left is not told to be a copy."""
    results = tmp_path / "mine"
    shutil.copytree(place.results, results)
    path = record_of(results, "base/seed-1").parent
    path.rename(results / "runs/search" / path.name)
    kept = Kept.of(place.site(results))
    assert len(kept.records) == RECORDS
    assert "base/seed-1" in kept.records
    assert [str(fault) for fault in check_records(kept).faults if "weights" in str(fault)] == []


def test_a_study_with_runs_that_diverged_or_are_missing_holds(tmp_path, monkeypatch):
    """Nothing is claimed without what it comes from, and the page claims what the list does."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sense, "CLOSE", 1.0)  # the scores are chosen by hand
    path, results = tmp_path / "mine.yaml", tmp_path / "results/mine"
    path.write_text(STUDY.partition("search:")[0], encoding="utf-8")
    study = load(path)
    ends = {"kernel-size-5": "diverged", "faster": "failed"}
    for place, id_ in enumerate(("base", *ends)):
        for seed in study.seeds[: 3 - place]:
            shown = 0.5 + 0.01 * seed
            status = ends.get(id_, "complete")
            record = records_by_hand.make(study, id_, seed, status=status, test=shown)
            records_by_hand.write(study, results, record)
    for stage in ("tables", "analyse", "confirmed", "figures", "write", "render"):
        assert main([stage, str(path), "--results", str(results)]) == 0
    check = check_claims(results)
    assert [str(fault) for fault in check.faults] == []
    number = len((results / "report/claims.csv").read_text("utf-8").splitlines()) - 1
    page = (results / "report/index.html").read_text("utf-8")
    assert page.count('class="receipt"') == number > 100
    # What the list does not say is noticed.
    claims = results / "report/claims.csv"
    claims.write_text("".join(claims.read_text("utf-8").splitlines(keepends=True)[:-1]))
    faults = [str(fault) for fault in check_claims(results).faults]
    said = f"it has {number} numbers with a receipt; the list of claims {number - 1}"
    assert f"report/index.html: {said}" in faults


# --------------------------------------------------------------------------- trained again


def test_runs_trained_again_give_the_same_bits_and_a_certificate(place, tmp_path, monkeypatch):
    """One of an experiment and one of the search, in processes of their own."""
    monkeypatch.setattr(verify, "rederive", lambda *arguments: iter(()))
    (trial,) = (place.results / "runs/search").glob("*/seed-201.json")
    names = ("base/seed-2", f"search/{trial.parent.name}/seed-201")
    site = place.site()
    asked = verify.Asked(runs=names, data=place.data, work=tmp_path / "work")
    before = sorted(path.name for path in place.results.rglob("*"))
    lines: list[str] = []
    verified = verify.verify(site, None, None, asked, lines.append)
    assert [run.outcome for run in verified.retrained] == ["same bits", "same bits"]
    assert [run.machines for run in verified.retrained] == ["the same model"] * 2
    assert {c.name: c.outcome for c in verified.checks} == {
        "re-trained runs": "holds",
        "another machine": "not checked",
    }
    assert lines[0].startswith("R2: 2 runs named; about ")
    assert lines[2].startswith(f"{names[1]} trained again; ") or lines[1].startswith(names[1])
    assert sorted(path.name for path in place.results.rglob("*")) == before
    # What is there is not trained again, and a record that was made up is found.
    record = record_of(tmp_path / "work", "base/seed-2")
    kept = record.read_bytes()
    facts = json.loads(kept)
    records_by_hand.worsen(facts["test"], 20)  # of weights that give other scores
    record.write_text(json.dumps(facts))
    again = verify.verify(site, None, None, asked, lines.append)
    assert [run.outcome for run in again.retrained] == ["outside", "same bits"]
    (fault,) = again.checks[0].faults
    assert fault.file == record_of(place.results, names[0]).relative_to(place.results).as_posix()
    assert "outside (" in fault.what


def _end_once(place, run):
    """Train, in a worker; before the first run of a seed 2 its process is ended."""
    ended = place.results / "ended"
    if run.seed == 2 and not ended.exists():
        ended.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return local.do(load(place.study), run, place.results, place.data, retry=place.retry)


def _end_always(place, run):
    if run.seed == 2:
        os.kill(os.getpid(), signal.SIGSEGV)
    return _end_once(place, run)


def test_a_process_that_is_ended_takes_no_other_run_with_it(place, tmp_path, monkeypatch):
    """It is tried once more by itself; what ends again is told of, and the others are there."""
    names, lines = ["base/seed-1", "base/seed-2"], []
    kept, work = integrity.Kept.of(place.site()), tmp_path / "work"
    monkeypatch.setattr(workers, "train", _end_always)
    with pytest.raises(UserError, match=r"not trained again, of 2 runs:") as error:
        retrain.train(kept, names, work, place.data, 2, lines.append)
    assert "\n  base/seed-2: its process was ended twice, at last by SIGSEGV" in str(error.value)
    assert f"Run it again with --work {work}" in str(error.value)
    assert [line.partition(";")[0] for line in lines] == ["base/seed-1 trained again"]
    monkeypatch.setattr(workers, "train", _end_once)
    retrain.train(kept, names, work, place.data, 2, lines.append)
    assert [run.outcome for run in retrain.compare(kept, names, work)] == ["same bits"] * 2
    assert (work / "ended").exists()
    assert "the record is there already" in (work / "training.log").read_text()


def test_the_draw_follows_from_the_report_and_a_larger_one_begins_with_the_smaller():
    names = [f"base/seed-{seed}" for seed in range(50)]
    one, two = (retrain.draw(names, "ab" * 32, number) for number in (5, 9))
    assert two[:5] == one
    assert len(set(two)) == 9
    assert retrain.draw(reversed(names), "ab" * 32, 5) == one
    assert retrain.draw(names, "cd" * 32, 5) != one
    order = sorted(names, key=lambda n: hashlib.sha256(f"{'ab' * 32} {n}".encode()).hexdigest())
    assert one == order[:5]
    with pytest.raises(UserError, match=r"--retrain 51: allowed is 1 to 50"):
        retrain.draw(names, "ab" * 32, 51)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--runs", "base/seed-9"], "--runs base/seed-9: no record that can be read has this name"),
        (["--retrain", "99"], f"--retrain 99: allowed is 1 to {RECORDS}"),
        (["--retrain", "-1"], "--retrain -1: allowed is 1 or more"),
        (["--retrain", "1", "--data", "nowhere.npz"], "nowhere.npz: there are no arrays"),
        (["--processes", "0"], "--processes 0: allowed is 1 or more"),
    ],
)
def test_what_cannot_be_done_is_said_before_anything_is(place, capsys, words, said):
    data = [] if "--data" in words else ["--data", str(place.data)]
    assert place.command("verify", *words, *data) == 2
    assert capsys.readouterr().err.startswith(said)


def test_that_no_certificate_can_be_written_is_said_before_anything_takes_time(
    place, capsys, monkeypatch
):
    monkeypatch.setattr(verify, "verify", None)
    monkeypatch.setattr("cnn_study.base.files.NamedTemporaryFile", refused)
    assert place.command("verify", "--data", str(place.data)) == 2
    said = capsys.readouterr().err
    assert "Permission denied. Let its owner" in said
    assert said.endswith("For the certificate: --output FOLDER.\n")


def refused(**where):
    raise PermissionError(errno.EACCES, "Permission denied", str(where["dir"]))


# --------------------------------------------------------------------------- the certificate

IN_TOTO = {
    "type": "object",
    "required": ["_type", "subject", "predicateType"],
    "properties": {
        "_type": {"const": "https://in-toto.io/Statement/v1"},
        "subject": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "required": ["digest"],
                "properties": {
                    "name": {"type": "string"},
                    "digest": {
                        "type": "object",
                        "minProperties": 1,
                        "additionalProperties": {"type": "string", "pattern": "^[0-9a-f]+$"},
                    },
                },
            },
        },
        "predicateType": {"type": "string", "pattern": "^[a-z][a-z0-9+.-]*:"},
        "predicate": {"type": "object"},
    },
}
"""What the specification of the in-toto Statement v1 asks for."""

CODECHECK = {
    "type": "object",
    "required": [
        *("version", "manifest", "codechecker", "summary", "repository", "check_time"),
        *("certificate", "report"),
    ],
    "properties": {
        "version": {"const": "https://codecheck.org.uk/spec/config/1.0/"},
        "manifest": {
            "type": "array",
            "minItems": 1,
            "items": {"type": "object", "required": ["file"]},
        },
        "codechecker": {"type": "array", "items": {"type": "object", "required": ["name"]}},
        "paper": {"type": "object", "required": ["title", "authors", "reference"]},
    },
}
"""What CODECHECK's specification of its configuration asks for."""


def test_the_certificate_is_what_its_specifications_ask_for(place, tmp_path):
    fault = Fault("tables/runs.csv", "line 2", "0.5 stands here; made anew it is 0.6")
    checks = [
        Check("records", "R1", "They are whole.", "14 records"),
        Check("tables", "R1", "They come out of the records.", "11 files", (fault,)),
        Check("another machine", "R3", "So do they.", left_out="none was there"),
    ]
    site = place.site()
    statement = certificate.state(site.study, site.results, checks)
    certificate.write(statement, site.study, tmp_path)
    facts = json.loads((tmp_path / "certificate.json").read_text("utf-8"))
    jsonschema.validate(facts, IN_TOTO)
    jsonschema.validate(facts, certificate.Statement.model_json_schema(by_alias=True))
    digests = {subject["name"]: subject["digest"]["sha256"] for subject in facts["subject"]}
    for name in ("published/index.html", "published/index.pdf", "tables/runs.csv"):
        assert digests[name] == hashlib.sha256((place.results / name).read_bytes()).hexdigest()
    predicate = facts["predicate"]
    assert (predicate["holds"], predicate["level"], predicate["by"]) == (False, None, "not named")
    assert os.uname().nodename not in json.dumps(facts)
    page = (tmp_path / "certificate.md").read_text("utf-8")
    assert "`tables/runs.csv`, line 2: 0.5 stands here; made anew it is 0.6" in page
    jsonschema.validate(yaml.safe_load((tmp_path / "codecheck.yml").read_text("utf-8")), CODECHECK)


def test_a_level_is_reached_only_with_those_below_it():
    def check(level, *faults, left_out=""):
        return Check("a check", level, "It holds.", "1", faults, left_out)

    bad = Fault("a file", "", "broken")
    assert level_of([]) is None
    assert level_of([check("R1"), check("R1", left_out="no search")]) == "R1"
    assert level_of([check("R1"), check("R1", bad)]) is None
    assert level_of([check("R1"), check("R2"), check("R3", left_out="none")]) == "R2"
    assert level_of([check("R1"), check("R2", bad), check("R3")]) == "R1"
    assert level_of([check("R1"), check("R2"), check("R3")]) == "R3"
    assert level_of([check("R1", bad), check("R2")]) is None


def test_a_record_that_cannot_be_read_is_named(place, tmp_path):
    results = tmp_path / "mine"
    shutil.copytree(place.results, results)
    path = record_of(results, "base/seed-1")
    path.write_text("{")
    kept = Kept.of(place.site(results))
    assert len(kept.records) == RECORDS - 1
    with pytest.raises(UserError):
        records.read(path)
