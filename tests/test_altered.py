"""`check` names whatever lies in a study's results and is not what was made."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

import records_by_hand
from cnn_study.__main__ import main
from cnn_study.archive import altered
from cnn_study.base import files
from cnn_study.data.arrays import load_prepared
from cnn_study.data.catalog import DATASETS
from cnn_study.runs import correct_answers, stages
from cnn_study.study.merge import load

STUDY = """\
title: By hand
dataset: digits
seeds: 2
base: {filters: [2], epochs: 2, validation_fraction: 0.2}
questions:
  width: {title: Width, question: "?", hypothesis: "!", changes: {filters-4: {filters: [4]}}}
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory, digits_file) -> Path:
    """A study with predictions, answers, look-alikes, tables, evidence and published pages."""
    folder = tmp_path_factory.mktemp("made")
    results = folder / "results"
    (folder / "mine.yaml").write_text(STUDY)
    study, images = load(folder / "mine.yaml"), load_prepared(DATASETS["digits"], digits_file)
    labels, generator = images.test_labels, np.random.default_rng(1)
    for id_ in study.experiments:
        for seed in (1, 2):
            classes = np.where(generator.random(len(labels)) < 0.6, labels, (labels + 1) % 10)
            record = records_by_hand.make(study, id_, seed)
            records_by_hand.answering(study, results, record, classes, labels)
    correct_answers.keep(study, results, images)
    records_by_hand.look_alike(study, results)
    for command in ("tables", "analyse"):
        assert main([command, str(study.path), "--results", str(results)]) == 0
    (results / "published").mkdir()
    for name in ("index.html", "index.pdf"):
        (results / "published" / name).write_text(name)
    digests = {name: files.digest_of_file(results / "published" / name)
               for name in ("index.html", "index.pdf")}  # fmt: skip
    (results / "published/publication.json").write_text(json.dumps({"sha256": digests}))
    (folder / "data").mkdir()
    shutil.copy(digits_file, folder / "data")
    return folder


@pytest.fixture
def folder(made, tmp_path, monkeypatch) -> Path:
    """A copy of it, to be spoilt, from which commands are run."""
    shutil.copytree(made, tmp_path / "here")
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "here"


def check(capsys, *, status: int = 1) -> list[str]:
    """Give what `check` says is not what was made."""
    capsys.readouterr()
    assert main(["check", "mine.yaml", "--results", "results"]) == status
    _, found, listed = capsys.readouterr().out.partition("Not what was made:\n")
    assert bool(found) == bool(status)
    return [line.removeprefix("  ") for line in listed.splitlines()]


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def test_of_what_is_as_it_was_made_nothing_is_said(folder, capsys):
    assert check(capsys, status=0) == []


@pytest.mark.parametrize(
    ("file", "said"),
    [
        ("tables/runs.csv", r"^tables/runs\.csv: it is not as it was made. The workflow makes it"),
        ("tables/answers.npz", r"^tables/answers\.npz: it is not as it was made. The workflow"),
        ("evidence/ledger.csv", r"^evidence/ledger\.csv: it is not as it was made. The workflow"),
        ("published/index.pdf", r"^published/index\.pdf: it is not as it was published. Get it"),
        ("answers/*.npz", r"^results/answers/\w+\.npz does not hold .*: it is damaged .* Delete"),
        ("look-alikes/*.npz", r"^results/look-alikes/\w+\.npz is not whole: its sha256 .* Delete"),
        ("runs/base/*/seed-2.predictions.npz",
         r"^results/runs/base/\w+/seed-2\.predictions\.npz does not hold the predictions of base"),
        ("data/digits.npz",
         r"^prepared data of .* is damaged: data/digits\.npz: content .* Delete data/digits\.npz"),
    ],
)  # fmt: skip
def test_each_file_that_is_altered_is_named_with_what_to_do(folder, capsys, file, said):
    (path,) = (folder if file.startswith("data/") else folder / "results").glob(file)
    flip(path)
    (line,) = check(capsys)
    assert re.search(said, line)
    if file.startswith(("tables/", "evidence/", "published/index", "runs/")):
        path.unlink()
        (lost,) = check(capsys)
        assert lost.split(":")[0].endswith(path.name)


def test_a_number_that_is_changed_in_facts_is_named(folder, capsys):
    (path,) = (folder / "results/look-alikes").glob("*.json")
    path.write_text(path.read_text().replace('"test_images": 360', '"test_images": 361'))
    (line,) = check(capsys)
    assert line.startswith(f"results/look-alikes/{path.name} is not whole: it was changed after")


@pytest.mark.parametrize("content", ["", "[]", '{"sha256": 1}'])
def test_a_publication_that_says_nothing_is_named(folder, capsys, content):
    (folder / "results/published/publication.json").write_text(content)
    (line,) = check(capsys)
    assert line.startswith("published/publication.json: it cannot be read: ")
    assert line.endswith("or publish anew: cnn-study publish STUDY")


def test_exchanged_predictions_are_both_named(folder, capsys):
    one, two = (next((folder / "results/runs/base").glob(f"*/seed-{n}.pred*")) for n in (1, 2))
    (content, other) = one.read_bytes(), two.read_bytes()
    one.write_bytes(other)
    two.write_bytes(content)
    assert ["seed-1" in line for line in check(capsys)] == [True, False]


def test_weights_that_were_never_kept_are_no_fault(folder):
    site = stages.Site.now(load(folder / "mine.yaml"), folder / "results")
    assert list(altered.faults_of(site, Path("no.npz"))) == []
