"""The archive: whole, the same bytes, checked elsewhere, told of to programs and repositories."""

import datetime
import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

import records_by_hand
from cnn_study.__main__ import main
from cnn_study.archive import contents, crate, deposit, pack
from cnn_study.base import citation
from cnn_study.base.errors import UserError
from cnn_study.runs import stages
from cnn_study.study.merge import load
from workplace import PROJECT, Workplace

STUDY = """\
title: A study for tests
dataset: digits
seeds: 2
base: {validation_fraction: 0.2, training_fraction: 0.3, filters: [2], dense_units: 8, epochs: 1}
questions:
  rate:
    title: Learning rate
    question: What does an absurd learning rate do?
    hypothesis: The loss stops being a number.
    changes:
      absurd: {learning_rate: 10, optimizer: sgd, scaling: raw, activation: leaky_relu}
      slow: {learning_rate: 0.0001}
search:
  algorithm: random
  trials: 1
  epochs: 1
  finalists: 1
  finalist_seeds: 1
  winner_seeds: 1
  space: {filters: [[3], [4]]}
  prices: {cheap: {title: Cheap, macs: 40000}}
"""

PERSON = citation.Author("Jane van Doe", "van Doe", "Jane", "https://orcid.org/0000-0002-1825-0097")
GROUP = citation.Author("The cnn-study authors")


def git(folder: Path, *command: str) -> str:
    person = ["-c", "user.name=A", "-c", "user.email=a@b.invalid", "-c", "commit.gpgsign=false"]
    ended = subprocess.run(
        ["git", "-C", folder, *person, *command], check=True, capture_output=True, text=True
    )
    return ended.stdout.strip()


# ------------------------------------------------------------------------------- to programs


@pytest.fixture
def packed(tmp_path) -> crate.Packed:
    """Two runs of one experiment, one of another that diverged, as they would be packed."""
    path = tmp_path / "mine.yaml"
    path.write_text(STUDY.partition("search:")[0])
    study = load(path)
    runs = {
        f"results/mine/runs/{id_}/{study.experiments[id_].fingerprint}/seed-{seed}.json":
            records_by_hand.make(study, id_, seed, status=status)
        for id_, seed, status in (
            ("base", 1, "complete"), ("base", 2, "complete"), ("absurd", 1, "diverged"),
        )
    }  # fmt: skip
    beside = [place.replace(".json", ".predictions.npz") for place in list(runs)[:2]]
    names = ["Snakefile", "experiments/mine.yaml", "results/mine/tables/datapackage.json"]
    return crate.Packed(
        study,
        citation.Citation("A work", (PERSON, GROUP), "1.2.0", datetime.date(2026, 1, 31),
                          "CC-BY-4.0", keywords=("seeds",)),
        "0123456789abcdef", "2026-02-03", ("experiments/mine.yaml",), runs,
        {name: crate.File(len(name), hashlib.sha256(name.encode()).hexdigest())
         for name in [*names, *runs, *beside]},
        ("src",),
    )  # fmt: skip


def entities(described: dict) -> dict[str, dict]:
    return {entity["@id"]: entity for entity in described["@graph"]}


def test_each_run_is_an_action_with_settings_software_and_times(packed):
    graph = entities(crate.describe(packed))
    place, record = next(iter(packed.runs.items()))
    action = graph[f"#run/base/{record.fingerprint}/seed-1"]
    assert action["name"] == "Train base, seed 1"
    # Begun at 03:04:05, as all runs by hand, and 12 seconds long.
    assert action["startTime"] == "2026-01-02T03:04:05+00:00"
    assert action["endTime"] == "2026-01-02T03:04:17+00:00"
    assert action["actionStatus"] == "http://schema.org/CompletedActionStatus"
    left = [reference["@id"] for reference in action["result"]]
    assert left == [place, place.replace(".json", ".predictions.npz")]
    given = {graph[reference["@id"]].get("name"): graph[reference["@id"]].get("value")
             for reference in action["object"]}  # fmt: skip
    assert given["seed"] == 1
    assert (given["filters"], given["learning_rate"], given["optimizer"]) == ("[2]", 0.001, "adam")
    assert set(record.settings.model_dump()) < set(given)
    tool = graph[action["instrument"]["@id"]]
    needed = {(graph[each["@id"]]["name"], graph[each["@id"]]["softwareVersion"])
              for each in tool["softwareRequirements"]}  # fmt: skip
    assert needed == {("python", "3.11.7"), ("keras", "3.15.1"), ("tensorflow", "2.21.0")}
    assert "0123456789abcdef0123456789abcdef01234567" in tool["description"]


def test_a_run_that_diverged_failed_and_says_why(packed):
    graph = entities(crate.describe(packed))
    (action,) = (each for id_, each in graph.items() if id_.startswith("#run/absurd/"))
    assert action["actionStatus"] == "http://schema.org/FailedActionStatus"
    assert action["error"] == "diverged: made diverged by hand"
    assert action["result"]["@id"] in packed.runs  # its record alone


def test_the_crate_refers_to_nothing_that_it_does_not_describe(packed):
    graph = entities(crate.describe(packed))
    referred = set(re.findall(r'\{"@id": "([^"]*)"\}', json.dumps(list(graph.values()))))
    assert all(id_.startswith("https://") for id_ in referred - set(graph))
    root = graph["./"]
    assert {part["@id"] for part in root["hasPart"]} == {*packed.files, "src/"}
    actions = {id_ for id_, entity in graph.items() if entity["@type"] == "CreateAction"}
    assert {each["@id"] for each in root["mentions"]} == actions
    assert len(actions) == 4  # three runs, and the study


def test_a_value_is_described_once_and_names_its_parameter(packed):
    graph = entities(crate.describe(packed))
    rates = [e for e in graph.values() if e["@type"] == "PropertyValue" and e["name"] == "seed"]
    assert [entity["value"] for entity in rates] == [1, 2]
    assert graph["#parameter-seed"]["additionalType"] == "Integer"
    assert graph["#parameter-watch_test"]["additionalType"] == "Boolean"
    assert graph["#parameter-filters"]["additionalType"] == "Text"
    assert graph["#parameter-learning_rate"]["description"]


def test_a_deposit_names_people_and_groups_as_repositories_want_them(packed):
    zenodo, datacite = deposit.zenodo(packed), deposit.datacite(packed)
    assert zenodo["creators"] == [
        {"name": "van Doe, Jane", "orcid": "0000-0002-1825-0097"},
        {"name": "The cnn-study authors"},
    ]
    assert (zenodo["license"], zenodo["publication_date"]) == ("cc-by-4.0", "2026-02-03")
    assert [creator["nameType"] for creator in datacite["creators"]] == [
        "Personal", "Organizational",
    ]  # fmt: skip
    assert datacite["creators"][0]["familyName"] == "van Doe"
    assert {"date": "2026-01-02/2026-01-02", "dateType": "Collected"} in datacite["dates"]
    assert datacite["publicationYear"] == "2026"
    assert datacite["titles"][0]["title"] == zenodo["title"]
    assert zenodo["title"] == "A study for tests: runs, report and code"
    assert "3 runs in all, 2 of them complete" in zenodo["description"]


ZENODO = {
    "type": "object",
    "additionalProperties": False,
    "required": ["title", "upload_type", "publication_date", "creators", "description",
                 "access_right", "license"],
    "properties": {
        "title": {"type": "string", "minLength": 1},
        "upload_type": {"enum": ["publication", "poster", "presentation", "dataset", "image",
                                 "video", "software", "lesson", "physicalobject", "other"]},
        "publication_date": {"type": "string", "pattern": r"^\d{4}-\d\d-\d\d$"},
        "creators": {"type": "array", "minItems": 1, "items": {
            "type": "object", "additionalProperties": False, "required": ["name"],
            "properties": {"name": {"type": "string"}, "affiliation": {"type": "string"},
                           "orcid": {"type": "string", "pattern": r"^(\d{4}-){3}\d{3}[\dX]$"}}}},
        "description": {"type": "string", "minLength": 1},
        "access_right": {"enum": ["open", "embargoed", "restricted", "closed"]},
        "license": {"type": "string", "pattern": "^[a-z0-9.+-]+$"},
        "version": {"type": "string"},
        "language": {"type": "string", "pattern": "^[a-z]{3}$"},
        "keywords": {"type": "array", "items": {"type": "string"}},
        "references": {"type": "array", "items": {"type": "string"}},
        "notes": {"type": "string"},
    },
}  # fmt: skip
"""What Zenodo says of the fields used here: https://developers.zenodo.org/#representation."""


def test_zenodo_takes_the_deposit(packed):
    jsonschema = pytest.importorskip("jsonschema")
    jsonschema.validate(deposit.zenodo(packed), ZENODO)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(deposit.zenodo(packed) | {"upload_type": "study"}, ZENODO)


def test_datacite_takes_the_deposit(packed):
    schema = pytest.importorskip("datacite.schema45", reason="datacite is not installed")
    assert schema.validate(deposit.datacite(packed))


# ------------------------------------------------------------------------------- refusals


def test_what_is_not_finished_is_not_packed(tmp_path, monkeypatch, capsys):
    (tmp_path / "experiments").mkdir()
    (tmp_path / "experiments/mine.yaml").write_text(STUDY)
    study = load(tmp_path / "experiments/mine.yaml")
    record = records_by_hand.make(study, "base", 1)
    records_by_hand.write(study, tmp_path / "results/mine", record)
    stale = {"evidence": ["code", "tables"], "pages": ["never made"]}
    monkeypatch.setattr(stages, "stale", lambda stage, site: stale.get(stage.name, []))
    monkeypatch.chdir(tmp_path)
    assert main(["archive", "mine"]) == 2
    assert capsys.readouterr().err.startswith("CITATION.cff is not there: it says who made this")
    shutil.copy(PROJECT / "CITATION.cff", tmp_path)
    assert main(["archive", "mine"]) == 2
    assert capsys.readouterr().err.splitlines() == [
        "the study mine is not ready to be archived:",
        "  not trained: absurd/seed-1, slow/seed-1, base/seed-2, absurd/seed-2, slow/seed-2",
        "  not searched: the block `search` of the study",
        "  not inspected: the networks whose weights are kept",
        "  not current: evidence (code, tables)",
        "  not current: pages (never made)",
        "Make all of it, and commit it: snakemake --cores all --config study=mine",
    ]


def test_predictions_of_another_run_are_not_packed(tmp_path, monkeypatch):
    path = tmp_path / "mine.yaml"
    path.write_text(STUDY.partition("search:")[0])
    study = load(path)
    results = tmp_path / "results"
    runs = [
        records_by_hand.make(study, id_, seed, status=status)
        for id_, status in (("base", "complete"), ("absurd", "diverged"), ("slow", "diverged"))
        for seed in (1, 2)
    ]
    records_by_hand.write(study, results, *runs)
    folder = results / "runs/base" / study.experiments["base"].fingerprint
    monkeypatch.setattr(stages.Site, "products_of", lambda site, stage: [])  # none was made
    site = stages.Site.now(study, results)
    with pytest.raises(UserError) as error:
        contents.runs(site)
    # Records by hand have none beside them.
    assert str(error.value).splitlines()[1:3] == [
        f"  {folder / 'seed-1.predictions.npz'}", f"  {folder / 'seed-2.predictions.npz'}",
    ]  # fmt: skip


# ------------------------------------------------------------------------------- the whole


@pytest.fixture(scope="module")
def place(trained, tmp_path_factory) -> Workplace:
    """A study that was trained, reported and committed; not to be changed by tests."""
    place = trained.copy(tmp_path_factory.mktemp("place") / "a clone")
    names = ("LICENSE", "requirements.lock", "pyproject.toml", "setup.py",
             ".gitignore", ".gitattributes")  # fmt: skip
    for name in names:
        shutil.copy(PROJECT / name, place.path)
    git(place.path, "init", "--quiet")
    git(place.path, "add", ".")
    git(place.path, "commit", "--quiet", "--message", "All of it")
    return place


@pytest.fixture(scope="module")
def file(place) -> Path:
    """Its archive, made by the workflow."""
    assert "1 of 1 steps (100%) done" in place.snakemake("--", "archive_study")
    return place.path / "results/tests/archive/tests.zip"


def unpack(file: Path, folder: Path) -> Path:
    with zipfile.ZipFile(file) as packed:
        packed.extractall(folder)
    return folder


def check(place: Workplace, folder: Path) -> subprocess.CompletedProcess:
    """Run the one command, in an environment that is there, without a word of where it was made."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    return subprocess.run(
        ["bash", "verify.sh", place.python], cwd=folder, env=environment, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
    )  # fmt: skip


@pytest.mark.slow
def test_unpacked_elsewhere_all_is_current_and_nothing_is_trained(place, file, tmp_path):
    folder = unpack(file, tmp_path / "elsewhere")
    said = check(place, folder)
    assert said.returncode == 0, said.stdout
    assert "Nothing to be done" in said.stdout
    assert (folder / "verified/certificate.md").is_file()
    assert said.stdout.endswith("The archive is as it was packed, and current.\n")
    assert not (folder / "data").exists()


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["runs/base/*/seed-1.json", "tables/runs.csv", "report/index.pdf"])
def test_what_was_tampered_with_is_noticed(place, file, tmp_path, kind):
    folder = unpack(file, tmp_path / "elsewhere")
    (path,) = (folder / "results/tests").glob(kind)
    path.write_bytes(path.read_bytes().replace(b"1", b"2", 1))
    said = check(place, folder)
    assert said.returncode != 0
    assert f"{path.relative_to(folder)}: FAILED" in said.stdout


@pytest.mark.slow
def test_what_was_tampered_with_is_made_again_where_the_manifest_was_too(place, file, tmp_path):
    folder = unpack(file, tmp_path / "elsewhere")
    table, manifest = folder / "results/tests/tables/runs.csv", folder / pack.MANIFEST
    before = hashlib.sha256(table.read_bytes()).hexdigest()
    table.write_bytes(table.read_bytes().replace(b"1", b"2", 1))
    after = hashlib.sha256(table.read_bytes()).hexdigest()
    manifest.write_text(manifest.read_text().replace(before, after))
    said = check(place, folder)
    assert said.returncode != 0  # the table comes out as it was, and not as the manifest says
    assert hashlib.sha256(table.read_bytes()).hexdigest() == before
    assert "results/tests/tables/runs.csv: FAILED" in said.stdout


@pytest.mark.slow
def test_the_same_content_and_commit_give_the_same_bytes(place, file, tmp_path):
    for path in place.path.rglob("*.csv"):
        os.utime(path, (1e9, 1e9))
    again = tmp_path / "again.zip"
    command = [place.python, "-m", "cnn_study", "archive", "tests", "--output", str(again)]
    said = subprocess.run(
        command, cwd=place.path, env=place.command()["env"], capture_output=True, text=True,
        check=True,
    ).stdout  # fmt: skip
    assert again.read_bytes() == file.read_bytes()
    commit = git(place.path, "rev-parse", "HEAD")
    runs = len(list((place.path / "results/tests/runs").glob("*/*/seed-*.json")))
    assert f" files, {runs} runs, " in said
    assert f"of commit {commit[:10]}. In an empty folder: unzip it" in said


@pytest.mark.slow
def test_it_holds_the_study_and_nothing_of_this_machine(trained, place, file):
    with zipfile.ZipFile(file) as packed:
        inside = {name: packed.read(name) for name in packed.namelist()}
    manifest = dict(
        reversed(line.split("  ")) for line in inside.pop(pack.MANIFEST).decode().splitlines()
    )
    assert manifest == {name: hashlib.sha256(inside[name]).hexdigest() for name in inside}
    committed = set(git(place.path, "ls-files").splitlines())
    made = {"report/index.html", "report/index.pdf", "made/pages.json"}
    own = {*pack.OWN} - {pack.MANIFEST}
    assert set(inside) == committed | {f"results/tests/{name}" for name in made} | own
    secrets = [str(place.path), trained.path.name, str(Path.home()), platform.node()]
    assert not [
        (name, secret)
        for name, content in inside.items()
        for secret in secrets
        if len(secret) > 5 and secret.encode() in content
    ]


@pytest.mark.slow
def test_a_difference_from_the_commit_is_refused(place, file, tmp_path):
    other = place.copy(tmp_path / "other")
    with (other.path / "LICENSE").open("a") as license_:
        license_.write("A sentence more.\n")
    said = other.snakemake("--", "archive_study", status=1)
    assert "what is here differs from commit" in said
    assert "  LICENSE" in said


@pytest.mark.slow
def test_a_validator_finds_no_error_in_the_crate(file, tmp_path):
    program = shutil.which("rocrate-validator")
    if not program:
        pytest.skip("rocrate-validator (roc-validator on PyPI) is not installed")
    folder = unpack(file, tmp_path / "crate")
    options = os.environ.get("ROCRATE_VALIDATOR_OPTIONS", "").split()
    report = tmp_path / "report.json"
    said = subprocess.run(
        [program, "--no-interactive", "validate", "--profile-identifier",
         "provenance-run-crate-0.5", "--output-format", "json", "--output-file", report,
         *options, folder],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if not report.exists():
        pytest.skip(f"the validator could not read RO-Crate's context: {said.stdout[-300:]}")
    outcome = json.loads(report.read_text("utf-8"))
    assert [issue["message"] for issue in outcome["issues"]] == []
    assert outcome["passed"]
    assert outcome["statistics"]["total_passed_checks"] > 80
