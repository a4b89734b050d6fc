"""Making what is not current, and nothing else, with real Snakemake and records by hand."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

import records_by_hand
from cnn_study.study.merge import load
from workplace import PROJECT, Workplace

STUDY = """\
title: A study by hand
dataset: digits
seeds: 2
base: {validation_fraction: 0.2, filters: [2], dense_units: 8, epochs: 2}
questions:
  width:
    title: Width
    question: Do more filters help?
    hypothesis: They do.
    changes:
      filters-4: {filters: [4]}
"""
CONFIG = ("study=tests", "train=false")

pytestmark = pytest.mark.slow


def write_records(place: Workplace, *seeds: int, **more: float) -> None:
    study = load(place.path / "experiments/tests.yaml")
    more = {"validation": 144 / 287, **more}  # of so many images
    made = [
        records_by_hand.make(study, id_, seed, test=0.5 + seed / 36 + (id_ != "base") / 10, **more)
        for id_ in study.experiments
        for seed in seeds
    ]
    records_by_hand.write(study, place.path / "results/tests", *made)


def run(place: Workplace, *words: str, status: int = 0) -> str:
    return place.snakemake(*words, config=CONFIG, status=status)


def to_make(place: Workplace, *words: str) -> str:
    """Give what a dry run says in words that it would do; empty if nothing."""
    return made_in(run(place, "--dry-run", "--quiet", "rules", "progress", "host", "--", *words))


def made_in(said: str) -> str:
    """Give what Snakemake says in words that it does; empty if nothing."""
    lines = re.findall(r"^To .*$", said, re.MULTILINE)
    assert bool(lines) != ("Nothing to be done" in said), said
    return "\n".join(lines)


def products(place: Workplace) -> dict[str, int]:
    results = place.path / "results/tests"
    kept = ("tables", "evidence", "figures", "report")
    return {
        str(path.relative_to(results)): path.stat().st_mtime_ns
        for folder in kept
        for path in (results / folder).rglob("*")
        if path.is_file()
    }


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Workplace:
    """The study with everything made of it; not to be changed by tests."""
    place = Workplace(tmp_path_factory.mktemp("made") / "project", STUDY)
    write_records(place, 1, 2)
    run(place)
    return place


@pytest.fixture
def copy(made, tmp_path) -> Workplace:
    """All of it somewhere else, without what Snakemake remembers."""
    place = made.copy(tmp_path / "copy")
    shutil.rmtree(place.path / ".snakemake")
    return place


def test_a_copy_elsewhere_makes_nothing(copy, tmp_path):
    for number, path in enumerate(sorted(copy.path.rglob("*"))):
        os.utime(path, (1.6e9 + number % 11, 1.6e9 + number % 7))
    assert to_make(copy) == ""
    link = tmp_path / "link"
    link.symlink_to(copy.path)
    copy.path = link
    assert to_make(copy) == ""


def test_what_was_edited_by_hand_is_named_and_comes_out_as_it_was(copy):
    """Nothing false goes on from one product into the next."""
    results = copy.path / "results/tests"
    figure = min((results / "figures").glob("*.svg")).name
    names = ("tables/runs.csv", "evidence/ledger.csv", f"figures/{figure}", "report/index.qmd",
             "report/index.html", "report/index.pdf")  # fmt: skip
    before = {name: (results / name).read_bytes() for name in names}
    for name in names[:-1]:
        (results / name).write_bytes(before[name].replace(b"0.5", b"0.9") + b"\n")
    (results / names[-1]).write_bytes(before[names[-1]][:9_000])
    said = made_in(run(copy))
    for name in names:
        assert f"{name} is not as it was made" in said
    assert {name: (results / name).read_bytes() for name in names} == before


def test_a_changed_template_writes_the_text_and_draws_nothing(copy):
    """Nor is what a killed workflow left taken for made."""
    making = copy.path / "results/tests/making"
    making.mkdir()
    (making / "text").touch()
    part = copy.path / "report/sections/limits.qmd.j2"
    part.write_text(part.read_text("utf-8") + "\n\nOne sentence more.\n\n", "utf-8")
    before = products(copy)
    assert made_in(run(copy)) == "To make: text (templates), pages."
    assert not making.exists()
    after = products(copy)
    changed = {name for name in after if after[name] != before.get(name)}
    files = {"index.qmd", "page.html", "claims.csv", "index.html", "index.pdf"}
    scripts = {name for name in after if name.startswith("report/scripts/")}
    assert changed == {f"report/{name}" for name in files} | scripts
    assert "One sentence more." in (copy.path / "results/tests/report/index.html").read_text(
        "utf-8"
    )
    assert to_make(copy) == ""


def test_a_comment_in_the_code_makes_its_stage_and_nothing_behind_it(copy):
    module = copy.path / "src/cnn_study/tables/collect.py"
    module.write_text(module.read_text("utf-8") + "\n# A comment.\n", "utf-8")
    before = products(copy)
    said = made_in(run(copy))
    # Whatever imports the module too is made of it.
    assert said.replace(" (code)", "") == (
        "To make: tables, evidence, confirmed, figures, text, pages."
    )
    assert said.startswith("To make: tables (code), evidence")
    assert "figures, text, pages." in said
    after = products(copy)
    changed = {name.split("/")[0] for name in after if after[name] != before[name]}
    assert changed <= {"tables", "evidence"}
    assert "tables" in changed


def test_another_record_of_the_same_run_is_told_of_everywhere(copy):
    """As after a merge that took the other side of a conflict."""
    write_records(copy, 2, training_cpu_seconds=99.0)
    assert made_in(run(copy, "--", "tables")).startswith("To make: tables (runs), ")
    assert ",99," in (copy.path / "results/tests/tables/runs.csv").read_text("utf-8")
    assert to_make(copy, "tables") == ""


def test_what_two_people_trained_merges_by_git(copy, made, tmp_path):
    """Seeds 1 and 2 on one side, 3 on the other; git keeps one side of what is made."""
    shutil.copy(PROJECT / ".gitattributes", copy.path)
    shutil.copy(PROJECT / ".gitignore", copy.path)
    (copy.path / "experiments/tests.yaml").write_text(STUDY.replace("seeds: 2", "seeds: 4"))
    git = _repository(copy.path)
    for branch, seed in (("ours", 3), ("theirs", 4)):
        git("checkout", "-q", "-b", branch, "main")
        write_records(copy, seed)
        run(copy, "--", "tables")
        git("add", "results")
        git("commit", "-qm", branch)
    merged = git("merge", "ours", check=False)
    assert "runs/" not in merged  # no record is in conflict
    rows = (copy.path / "results/tests/tables/runs.csv").read_text("utf-8")
    assert "<<<<<<<" not in rows
    assert rows.count(",complete,") == 6
    assert made_in(run(copy, "--", "tables")).startswith("To make: tables (runs), ")
    assert (copy.path / "results/tests/tables/runs.csv").read_text("utf-8").count(",complete,") == 8
    git("add", "results")
    git("commit", "-qm", "merged")
    assert git("status", "--porcelain") == ""


def test_a_run_that_both_people_trained_stays_whole(copy):
    """Git mixes no lines of two records, not even where it could without a conflict."""
    shutil.copy(PROJECT / ".gitattributes", copy.path)
    shutil.copy(PROJECT / ".gitignore", copy.path)
    git = _repository(copy.path)
    (record,) = (copy.path / "results/tests/runs/base").glob("*/seed-1.json")
    text = record.read_text("utf-8")
    ours = text.replace('"training_seconds": 10.0', '"training_seconds": 11.0')
    theirs = text.replace('"started": "2026-01-02', '"started": "2026-01-03')
    assert len({text, ours, theirs}) == 3
    for branch, side in (("theirs", theirs), ("ours", ours)):
        git("checkout", "-q", "-b", branch, "main")
        record.write_text(side, "utf-8")
        git("commit", "-qam", branch)
    assert "CONFLICT" in git("merge", "theirs", check=False)
    assert record.read_text("utf-8") == ours
    git("checkout", "--theirs", "--", str(record.parent))
    assert record.read_text("utf-8") == theirs
    assert to_make(copy).startswith("To make: tables (runs), ")


def test_two_versions_of_one_record_are_taken_for_what_they_are(copy):
    """Git leaves both sides in a record that both people trained."""
    (record,) = (copy.path / "results/tests/runs/base").glob("*/seed-1.json")
    text = record.read_text("utf-8")
    record.write_text(f"{text[:99]}\n<<<<<<< HEAD\n{text}=======\n{text}>>>>>>> x\n", "utf-8")
    said = run(copy, status=1)
    assert f"{record.relative_to(copy.path)} holds two versions, as a merge by git" in said
    assert "git checkout --ours" in said
    assert "Delete" not in said


def _repository(folder: Path):
    def git(*command: str, check: bool = True) -> str:
        person = ["-c", "user.name=A", "-c", "user.email=a@b.invalid", "-c", "commit.gpgsign=false"]
        ended = subprocess.run(
            ["git", "-C", folder, *person, *command], capture_output=True, text=True, check=False
        )
        assert not check or ended.returncode == 0, ended.stderr
        return ended.stdout.strip()

    git("init", "-q", "-b", "main")
    git("add", ".")
    git("commit", "-qm", "All of it")
    return git


def test_the_snakefile_of_another_checkout_uses_that_checkout(copy, made, tmp_path):
    """From a folder with a study and results, and nothing of the project."""
    folder = tmp_path / "elsewhere"
    for name in ("experiments", "results"):
        shutil.copytree(copy.path / name, folder / name)
    part = copy.path / "report/sections/limits.qmd.j2"
    part.write_text(part.read_text("utf-8") + "\n\nOne sentence more.\n\n", "utf-8")
    command = copy.command("--snakefile", str(copy.path / "Snakefile"), "--dry-run", config=CONFIG)
    command["cwd"] = folder
    command["env"] = {**command["env"], "PYTHONPATH": str(PROJECT / "src")}
    said = subprocess.run(**command, check=False).stdout
    assert "To make: text (templates), pages." in said


def test_looking_changes_nothing(copy):
    part = copy.path / "report/sections/limits.qmd.j2"
    part.write_text(part.read_text("utf-8") + "\n\nOne sentence more.\n\n", "utf-8")
    before = {path for path in copy.path.rglob("*") if "__pycache__" not in path.parts}
    for looks in ("--dry-run", "--summary", "--dag"):
        run(copy, looks)
    after = {path for path in copy.path.rglob("*") if "__pycache__" not in path.parts}
    assert {path for path in after - before if ".snakemake" not in path.parts} == set()


def test_the_rules_are_the_same_whatever_is_done(copy):
    config = ("study=tests",)
    done = copy.snakemake("--list-rules", config=config)
    shutil.rmtree(copy.path / "results")
    assert copy.snakemake("--list-rules", config=config) == done
    assert {"train_base_seed-1", "inspect_models", "collect_tables"} <= set(done.split())


def test_an_environment_for_each_rule_is_refused(copy):
    method = "apptainer"
    said = run(copy, "--dry-run", "--software-deployment-method", method, status=1)
    assert f"--software-deployment-method {method}: every step runs in the environment" in said
    assert "Traceback" not in said


def test_every_job_of_a_cluster_asks_for_memory_and_time(tmp_path):
    digits = (PROJECT / "experiments/digits.yaml").read_text("utf-8")
    place = Workplace(tmp_path / "project", digits)
    words = ("--executor", "cluster-generic", "--cluster-generic-submit-cmd", "sh", "--jobs", "2")
    more = ("--set-resources", "train:gpu=1", "train:slurm_partition=long")
    said = place.snakemake("--dry-run", *words, *more, config=("study=tests", "job_minutes=0"))
    jobs = dict(re.findall(r"^rule (\S+):$.*?^    resources: (.*?)$", said, re.M | re.S))
    trains = {name for name in jobs if name.startswith("train_")}
    others = {"search_models", "confirm_suggestions", "inspect_models", "find_look_alikes"}
    asks = {name: asked for name, asked in jobs.items() if "runtime=" in asked}
    assert (len(trains), asks.keys() - trains) == (15, others)
    for name, asked in asks.items():
        assert re.search(r"\bruntime=[2-9]\d\b", asked), (name, asked)
        assert re.search(r"\bmem_mb=[1-9]\d{3}\b", asked), (name, asked)
        is_train = name in trains
        assert ("gpu=1" in asked, "slurm_partition=long" in asked) == (is_train, is_train)


def test_a_submitted_job_is_no_second_workflow(copy, tmp_path):
    """Each job of an executor reads the Snakefile anew, while the workflow holds its lock."""
    shutil.rmtree(copy.path / "results")
    (copy.path / "experiments/tests.yaml").write_text(STUDY.replace("epochs: 2", "epochs: 1"))
    said = copy.snakemake(
        "--executor", "cluster-generic", "--cluster-generic-submit-cmd", "sh", "--jobs", "2",
        "--", "base", config=("study=tests",),
    )  # fmt: skip
    assert "Another workflow" not in said
    runs = sorted(path.name for path in copy.path.glob("results/tests/runs/base/*/seed-*.json"))
    assert runs == ["seed-1.json", "seed-2.json"]
