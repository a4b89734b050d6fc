"""What is current: judged by content, whatever the times, the places and the order of files."""

import ast
import json
import os
import shutil
from pathlib import Path

import pytest

import records_by_hand
from cnn_study.__main__ import main
from cnn_study.base import places, sources
from cnn_study.base.sources import sources_of
from cnn_study.execute import keeping
from cnn_study.runs import searches, stages
from cnn_study.runs.stages import STAGES, Site, stale, stamp
from cnn_study.study.merge import load
from cnn_study.tables import collect

STUDY = """\
title: By hand
dataset: digits
seeds: 2
base: {filters: [2], epochs: 2, validation_fraction: 0.2}
questions:
  width: {title: Width, question: "?", hypothesis: "!", changes: {filters-4: {filters: [4]}}}
"""


TABLES, EVIDENCE = STAGES["tables"], STAGES["evidence"]
COMMANDS = {"tables": "tables", "evidence": "analyse"}


def make(folder: Path, name: str, *words: str) -> None:
    """Make a stage as a rule does."""
    results = ["--results", str(folder / "results")]
    assert main([COMMANDS[name], str(folder / "mine.yaml"), *results, *words]) == 0


def site(folder: Path) -> Site:
    """Look at a study as a process that has just begun does."""
    return Site.now(load(folder / "mine.yaml"), folder / "results")


@pytest.fixture
def folder(tmp_path) -> Path:
    """A study whose runs are all there, with tables and evidence."""
    folder = tmp_path / "here"
    folder.mkdir()
    (folder / "mine.yaml").write_text(STUDY)
    study = load(folder / "mine.yaml")
    scores = {("base", 1): 0.5, ("base", 2): 0.6, ("filters-4", 1): 0.7, ("filters-4", 2): 0.8}
    made = [records_by_hand.make(study, *run, test=test) for run, test in scores.items()]
    records_by_hand.write(study, folder / "results", *made)
    for name in ("tables", "evidence"):
        assert stale(STAGES[name], site(folder)) == ["never made"]
        make(folder, name)
    return folder


def record_of(folder: Path, seed: int = 2) -> Path:
    (path,) = (folder / "results/runs/filters-4").glob(f"*/seed-{seed}.json")
    return path


def both(folder: Path) -> list[list[str]]:
    here = site(folder)
    return [stale(TABLES, here), stale(EVIDENCE, here)]


def test_what_was_made_is_current_and_is_not_made_again(folder):
    assert both(folder) == [[], []]
    before = {path: path.stat().st_mtime_ns for path in (folder / "results").rglob("*")}
    make(folder, "tables", "--unless-current")
    assert {path: path.stat().st_mtime_ns for path in (folder / "results").rglob("*")} == before
    make(folder, "tables")  # by hand it always is
    runs = folder / "results/tables/runs.csv"
    assert runs.stat().st_mtime_ns != before[runs]


def test_neither_times_nor_places_nor_links_make_a_difference(folder, tmp_path):
    for number, path in enumerate(sorted(folder.rglob("*"))):
        os.utime(path, (1e9 + number % 7, 1e9 + number % 5))
    assert both(folder) == [[], []]
    shutil.copytree(folder, tmp_path / "copied")
    assert both(tmp_path / "copied") == [[], []]
    (tmp_path / "linked").symlink_to(folder)
    assert both(tmp_path / "linked") == [[], []]
    folder.rename(tmp_path / "moved")
    assert both(tmp_path / "moved") == [[], []]


def test_a_record_that_is_another_or_lost_or_new_makes_tables_stale(folder):
    path = record_of(folder)
    text = path.read_text()
    path.write_text(text.replace('"training_seconds": 10.0', '"training_seconds": 11.0'))
    assert both(folder) == [["runs"], []]
    path.write_text(text)
    assert both(folder) == [[], []]
    path.unlink()
    assert both(folder) == [["runs"], []]
    path.write_text(text)
    (folder / "mine.yaml").write_text(STUDY.replace("seeds: 2", "seeds: 3"))
    assert both(folder) == [["study", "runs"], ["study"]]


def test_a_record_under_another_id_is_not_the_same_table(folder):
    """The tables name the place of each record."""
    moved = record_of(folder).parent.rename(folder / "results/runs/filters-4/elsewhere")
    assert moved.exists()
    assert both(folder)[0] == ["runs"]


@pytest.mark.slow
def test_what_is_behind_a_change_is_stale_only_if_its_own_input_differs(folder):
    """A comment changes the study file, and with it the line that a receipt names."""
    (folder / "mine.yaml").write_text("# A comment.\n" + STUDY)
    assert both(folder) == [["study"], ["study"]]
    path = record_of(folder)
    path.write_text(path.read_text().replace('"threads": 1', '"threads": 2'))
    make(folder, "tables")
    make(folder, "evidence")
    path.write_text(path.read_text().replace('"threads": 2', '"threads": 1'))
    assert both(folder) == [["runs"], []]
    make(folder, "tables")  # which name the digest of every record
    assert both(folder) == [[], ["tables"]]


@pytest.mark.parametrize("name", ["tables/runs.csv", "tables/datapackage.json"])
def test_a_product_that_is_lost_or_another_is_made_again(folder, name):
    path = folder / "results" / name
    before = path.read_bytes()
    path.write_bytes(before + b"\n")
    assert both(folder)[0] == [f"{name} is not as it was made"]
    path.unlink()
    assert both(folder) == [[f"{name} is not as it was made"], ["tables"]]
    make(folder, "tables", "--unless-current")
    assert path.read_bytes() == before
    assert both(folder) == [[], []]


def test_of_many_products_the_first_is_named(folder):
    for name in ("runs", "epochs", "experiments"):
        (folder / f"results/tables/{name}.csv").write_text("other")
    assert both(folder)[0] == ["3 files are not as they were made, such as tables/runs.csv"]


def test_nothing_is_made_from_what_is_not_as_it_was_made(folder, capsys):
    """A false number in a table goes into no evidence, and the table is made again."""
    path, ledger = folder / "results/tables/runs.csv", folder / "results/evidence/ledger.csv"
    before = path.read_bytes(), ledger.read_bytes()
    path.write_bytes(before[0].replace(b",0.5,", b",0.9,"))
    results = ["--results", str(folder / "results")]
    assert main(["analyse", str(folder / "mine.yaml"), *results]) == 2
    said = capsys.readouterr().err
    assert said.startswith("evidence of mine: not made, for what it reads is not as it was made:\n")
    assert "\n  tables/runs.csv\n" in said
    assert "snakemake --cores all --config study=mine" in said
    assert ledger.read_bytes() == before[1]
    assert stamp(folder / "results", "evidence").exists()
    make(folder, "tables", "--unless-current")
    make(folder, "evidence", "--unless-current")
    assert (path.read_bytes(), ledger.read_bytes()) == before


def products(folder: Path) -> dict[str, bytes]:
    """Give every file of the results but records, by its name."""
    results = folder / "results"
    return {
        path.relative_to(results).as_posix(): path.read_bytes()
        for path in results.rglob("*")
        if path.is_file() and "runs" not in path.relative_to(results).parts
    }


@pytest.mark.parametrize("moment", ["collect", "write", "stamp"])
def test_a_stage_that_fails_leaves_all_products_of_before(folder, monkeypatch, moment):
    """In its work, when half of it is written, or when all is and nothing says so yet."""
    path = record_of(folder)
    path.write_text(path.read_text().replace('"threads": 1', '"threads": 2'))
    before = products(folder)

    def fail(*given: object) -> None:
        raise KeyboardInterrupt

    if moment == "collect":
        monkeypatch.setattr(collect, "epochs_table", fail)
    elif moment == "write":
        monkeypatch.setattr(collect.answers, "write", fail)
    else:
        monkeypatch.setattr(stages, "_put_in_place", fail)
    results = ["--results", str(folder / "results")]
    assert main(["tables", str(folder / "mine.yaml"), *results]) == 130
    assert products(folder) == before
    assert not (folder / "results/making").exists()
    monkeypatch.undo()
    make(folder, "tables", "--unless-current")
    changed = {name for name, content in products(folder).items() if content != before[name]}
    assert changed == {"tables/runs.csv", "made/tables.json"}


SEARCH = """\
search:
  trials: 2
  epochs: 1
  finalists: 1
  space: {filters: [[2], [4]]}
  prices: {cheap: {title: Cheap, macs: 40000}}
"""


def test_a_search_that_is_cut_off_leaves_all_tables_and_is_named(folder, capsys):
    """Before anything is made, too: whoever plans does not need it."""
    study_file, results = folder / "mine.yaml", folder / "results"
    study_file.write_text(STUDY + SEARCH)
    study = load(study_file)
    make(folder, "tables")
    tables = [name for name in products(folder) if name.startswith("tables/")]
    assert len([name for name in tables if name.endswith(".csv")]) == 13
    cut_off = searches.place(study, results)
    cut_off.parent.mkdir()
    cut_off.write_text('{"format": 1, "fingerprint": ')
    before = products(folder)
    assert stale(TABLES, site(folder)) == ["search"]
    assert stale(STAGES["text"], site(folder)) == ["never made"]
    assert STAGES["text"].inputs(site(folder))
    assert keeping.advice(study, results) == ""
    assert main(["tables", str(study_file), "--results", str(results)]) == 2
    assert f"{cut_off} is not a whole search: Invalid JSON" in capsys.readouterr().err
    assert products(folder) == before


def test_what_a_stage_no_longer_makes_goes_and_nothing_else_does(folder, tmp_path):
    tables, text = folder / "results/tables", stamp(folder / "results", "tables").read_text()
    for name in ("published.csv", "mine.csv"):
        (tables / name).write_text("x")
    (tmp_path / "mine.txt").write_text("x")
    more = '"outputs": {\n  "tables/published.csv": "0", "../../mine.txt": "0", "mine.yaml": "0",'
    stamp(folder / "results", "tables").write_text(text.replace('"outputs": {', more))
    make(folder, "tables")
    assert not (tables / "published.csv").exists()
    assert (tables / "mine.csv").exists()
    assert (tmp_path / "mine.txt").exists()
    assert stamp(folder / "results", "tables").read_text() == text


def test_a_workflow_s_marks_stay_where_they_are(folder):
    making = folder / "results/making"
    making.mkdir()
    (making / "tables").touch()
    make(folder, "tables")
    assert [path.name for path in making.iterdir()] == ["tables"]


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"inputs": 1, "outputs": {}}', "<<<<<<< HEAD"])
def test_a_stamp_that_says_nothing_is_no_stamp(folder, text):
    stamp(folder / "results", "tables").write_text(text)
    assert both(folder) == [["its stamp cannot be read"], ["tables"]]


def test_a_stage_that_fails_is_not_stamped(folder, capsys):
    record_of(folder).write_text("{")
    before = stamp(folder / "results", "tables").read_text()
    results = ["--results", str(folder / "results")]
    assert main(["tables", str(folder / "mine.yaml"), *results]) == 2
    assert "is not a whole run record" in capsys.readouterr().err
    assert stamp(folder / "results", "tables").read_text() == before
    assert both(folder)[0] == ["runs"]


def test_the_stamp_names_no_place_of_this_machine(folder):
    text = stamp(folder / "results", "tables").read_text()
    assert str(folder.parent) not in text
    assert sorted(json.loads(text)["inputs"]) == [
        "answers",
        "code",
        "look-alikes",
        "runs",
        "search",
        "study",
    ]


# ------------------------------------------------------------------------------------------ code


def imported_by(path: Path) -> set[str]:
    """Read a module's imports as Python does, to hold the quick reading to."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("cnn_study"):
            names |= {node.module, *(f"{node.module}.{name.name}" for name in node.names)}
        elif isinstance(node, ast.Import):
            names |= {name.name for name in node.names if name.name.startswith("cnn_study")}
    return names


@pytest.mark.slow
@pytest.mark.parametrize("stage", STAGES.values(), ids=STAGES)
def test_the_code_of_a_stage_is_all_that_it_imports_and_no_maker(stage):
    listed = sources_of(stage.module)
    for path in listed:
        for name in imported_by(path):
            place = places.PACKAGE.joinpath(*name.split(".")[1:])
            files = [place.with_suffix(".py"), place / "__init__.py"]
            assert [file for file in files if file.is_file() and file not in listed] == []
    folders = {path.relative_to(places.PACKAGE).parts[0] for path in listed}
    assert "runs" in folders or stage.name == "pages"
    assert not folders & {"train", "execute", "inspection", "search"}


def test_a_changed_source_file_makes_stale_what_needs_it(folder, monkeypatch):
    plain = sources_of(EVIDENCE.module)
    needed = next(path for path in plain if path.name == "inference.py")
    changed = folder / "inference.py"
    changed.write_text(needed.read_text() + "\n# A comment.\n")
    swapped = [changed if path == needed else path for path in plain]
    monkeypatch.setattr(stages, "sources_of", lambda module: swapped)
    assert stale(EVIDENCE, site(folder)) == ["code"]


INSIDE = """
def f():
    from cnn_study.deep.three import (
        a,
        b as c,
    )
"""


def test_imports_are_found_however_they_are_written(tmp_path, monkeypatch):
    package = tmp_path / "cnn_study"
    texts = {
        "__init__": "",
        "one": "from cnn_study import two\n",
        "two": INSIDE,
        "deep/__init__": "",
        "deep/three": "from cnn_study.deep import four as five, six\n",
        "deep/four": "from cnn_study.one import x  # round\n",
        "deep/six": "",
        "deep/seven": "",
    }
    for name, text in texts.items():
        path = package / f"{name}.py"
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_text(text)
    monkeypatch.setattr(sources, "PACKAGE", package)
    for cached in (sources._imported, sources._file):
        cached.cache_clear()
    found = [str(path.relative_to(package)) for path in sources_of("cnn_study.one")]
    for cached in (sources._imported, sources._file):
        cached.cache_clear()
    assert found[0] == "one.py"
    assert sorted(found) == sorted(
        ["__init__.py", "one.py", "two.py", "deep/__init__.py", "deep/three.py", "deep/four.py",
         "deep/six.py"]
    )  # fmt: skip


def test_a_product_that_was_not_made_is_not_stamped(folder):
    before = stamp(folder / "results", "tables").read_text()
    with pytest.raises(FileNotFoundError, match=r"tables: not made, though it said so: tables/x"):
        stages.make("tables", site(folder), lambda output: ["tables/x.csv"])
    assert stamp(folder / "results", "tables").read_text() == before


def test_a_name_that_no_file_can_have_is_the_name_of_none(folder):
    path = stamp(folder / "results", "tables")
    path.write_text(path.read_text().replace("tables/runs.csv", "tables/\\u0000"))
    assert len(both(folder)[0]) == 1
    make(folder, "tables")
    assert both(folder)[0] == []


@pytest.mark.parametrize("installed", [False, True])
def test_names_are_the_same_in_a_clone_and_installed_from_a_wheel(folder, monkeypatch, installed):
    """A wheel carries templates and citation inside the package; a clone has them around it."""
    package = folder / "clone/src/cnn_study"
    project = package / "project" if installed else folder / "clone"
    for name, path in (
        ("PACKAGE", package),
        ("CARRIED", package / "project"),
        ("REPORT", project / "report"),
    ):
        monkeypatch.setattr(stages, name, path)
    files = {
        package / "base/files.py": "base/files.py",
        project / "report/sections/base.qmd.j2": "sections/base.qmd.j2",
        project / "report/theme/report.css": "theme/report.css",
        project / "CITATION.cff": "CITATION.cff",
        folder / "results/tables/runs.csv": "tables/runs.csv",
    }
    assert {path: site(folder)._name(path) for path in files} == files


def test_pages_of_another_engine_are_not_what_is_asked_for(folder):
    """Who asks for no engine takes the pages of either."""
    study, results = load(folder / "mine.yaml"), folder / "results"

    def render(output: Path) -> list[str]:
        (output / "report").mkdir()
        (output / "report/index.html").write_text("a page")
        return ["report/index.html"]

    def seen(engine: str | None) -> list[str]:
        return stale(STAGES["pages"], Site.now(study, results, engine))

    stages.make("pages", Site.now(study, results, "quarto"), render)
    assert [seen(None), seen("quarto"), seen("pandoc")] == [[], [], ["engine"]]
    assert stages.engine(results) == "quarto"
    path = stamp(results, "pages")
    path.write_text(path.read_text().replace('"engine": "quarto"', '"earlier": "pandoc"'))
    assert "engine" in seen("pandoc")
    assert stages.engine(results) is None
