"""The published study is whole and current: what is committed is what the records say."""

import csv
import hashlib
import json
import re
import runpy
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pypdf
import pytest

from cnn_study.base.checkout import git
from cnn_study.evidence import schemas as evidence_schemas
from cnn_study.evidence.analyse import analyse
from cnn_study.figures.draw import planned_figures
from cnn_study.report.write import PAGE, write
from cnn_study.runs import inspections, kept_weights, look_alikes, records, searches
from cnn_study.runs.stages import STAGES, Site, stale
from cnn_study.runs.wanted import done, wanted
from cnn_study.study.merge import load
from cnn_study.tables.collect import collect
from cnn_study.tables.data_package import planned_tables

PROJECT = Path(__file__).parents[1]
RESULTS = PROJECT / "results" / "cifar10"
PUBLISHED = RESULTS / "published"


@pytest.fixture(scope="module")
def published():
    return load(PROJECT / "experiments" / "cifar10.yaml")


def test_every_run_is_there_so_that_a_fresh_clone_trains_nothing(published):
    there = done(published, RESULTS)
    assert [run.name for run in wanted(published) if run.name not in there] == []


def test_the_search_is_there_so_that_a_fresh_clone_searches_nothing(published):
    assert published.file.search.trained
    assert searches.find(published, RESULTS)


def test_the_benchmark_of_overhead_makes_a_sound_study_of_it(tmp_path, monkeypatch):
    monkeypatch.chdir(PROJECT)
    runpy.run_path("benchmarks/overhead.py")["_workplace"](tmp_path, 2)
    made = load(tmp_path / "experiments" / "overhead.yaml")
    assert list(made.experiments) == ["base", "enhanced"]
    assert made.search is None


def test_weights_of_base_enhanced_and_the_cheapest_winner_are_kept(published):
    """No others, and those that are there are of their records."""
    kept = {each.weights: each for each in kept_weights.here(published, RESULTS)}
    assert set(kept) == set((RESULTS / "runs").glob("*/*/*.weights.npz"))
    names = [each.budget or each.run.experiment.id for each in kept.values()]
    cheapest = min(published.search.budgets, key=lambda budget: budget.macs)
    assert names[:3] == ["base", published.file.enhanced, cheapest.id]
    for each in kept.values():
        kept_weights.checked(each.weights, records.read(each.record))


def test_the_kept_networks_are_inspected(published):
    path = inspections.place(published, RESULTS, inspections.kept(published))
    facts = inspections.read(path).facts
    assert [(network.experiment, network.seed) for network in facts.networks] == list(
        published.kept_weights
    )
    there = done(published, RESULTS)
    for run, network in zip(inspections.kept(published), facts.networks, strict=True):
        record = records.read(there[run.name])
        assert network.weights_sha256 == record.weights_sha256
        assert network.test_accuracy == record.test.accuracy
    assert facts.left_out == {}
    assert [other.name for other in path.parent.glob("*.json")] == [path.name]
    assert path.with_suffix(".npz").stat().st_size < 1.5e6


@pytest.mark.slow
def test_tables_are_current(published, tmp_path):
    collect(published, RESULTS, tmp_path)
    for name in planned_tables(published):
        assert (tmp_path / name).read_bytes() == (RESULTS / "tables" / name).read_bytes(), name


@pytest.mark.slow
def test_evidence_is_current(published, tmp_path):
    analyse(published, RESULTS / "tables", tmp_path)
    for name in evidence_schemas.planned_evidence():
        assert (tmp_path / name).read_bytes() == (RESULTS / "evidence" / name).read_bytes(), name


@pytest.mark.slow
def test_text_is_current(published, tmp_path):
    folders = (RESULTS / name for name in ("tables", "evidence", "figures"))
    inspected = inspections.find(published, RESULTS)
    looked = look_alikes.find(published, RESULTS)
    write(published, *folders, tmp_path / "index.qmd", inspected, looked)
    for name in ("index.qmd", PAGE):
        made, there = (tmp_path / name, RESULTS / "report" / name)
        assert made.read_text("utf-8") == there.read_text("utf-8"), "run: snakemake --cores all"


def test_a_fresh_clone_makes_nothing_but_the_pages(published):
    site = Site.now(published, RESULTS)
    old = {name: changed for name, stage in STAGES.items() if (changed := stale(stage, site))}
    old.pop("pages", None)
    assert old == {}, "run: snakemake --cores all, and commit results/cifar10"


# ------------------------------------------------------------------------- the published pages


@pytest.fixture(scope="module")
def about() -> dict:
    return json.loads((PUBLISHED / "publication.json").read_text("utf-8"))


def test_the_published_pages_are_whole_and_say_which_commit_they_show(about):
    assert sorted(about["sha256"]) == ["claims.csv", "index.html", "index.pdf"]
    for name, digest in about["sha256"].items():
        assert hashlib.sha256((PUBLISHED / name).read_bytes()).hexdigest() == digest, name
    said = f", published from commit {about['commit'][:10]}"
    assert said in (PUBLISHED / "index.html").read_text("utf-8")
    first = pypdf.PdfReader(PUBLISHED / "index.pdf").pages[0].extract_text()
    assert about["commit"][:10] in first


class _Marks(HTMLParser):
    """The receipts of a page, and what is printed where one can be opened."""

    def __init__(self) -> None:
        super().__init__()
        self.printed: list[tuple[str, str]] = []
        self.receipts, self._key, self._inside = "", "", False

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self._inside = given.get("id") == "receipts"
        if "receipt" in (given.get("class") or "").split():
            self._key = given["data-key"]

    def handle_data(self, data):
        if self._inside:
            self.receipts += data
        elif self._key:
            self.printed.append((self._key, data))
            self._key = ""

    def handle_endtag(self, tag):
        self._inside = False


@pytest.fixture(scope="module")
def marks() -> _Marks:
    parser = _Marks()
    parser.feed((PUBLISHED / "index.html").read_text("utf-8"))
    return parser


def test_every_published_number_is_that_of_its_receipt(marks):
    """A number of one cell is the cell's value, rounded, in its own unit, percent or millions."""
    cells = json.loads(marks.receipts)["cells"]
    compared = 0
    for key, text in marks.printed:
        how, *names = key.split(";")
        number = re.fullmatch(r"[<+−]?\s?(\d[\d,]*(?:\.(\d+))?)(\s?\S+)?", text)
        if how or len(names) != 1 or not number or text.startswith("<"):
            continue
        try:
            value = abs(float(cells[names[0]]["value"]))
        except ValueError:
            continue
        shown, places = float(number[1].replace(",", "")), len(number[2] or "")
        half = 0.5 * 10**-places + 1e-5
        scales = (1, 100, 1e-6, 1 / 60, 1 / 3600)
        assert any(abs(value * scale - shown) <= half for scale in scales), (key, text, value)
        compared += 1
    assert compared > 1000


def test_every_published_receipt_is_true_at_its_commit(about, marks):
    """Looked up in the tables of the commit that the pages show, not in today's."""
    if not git(PROJECT, "cat-file", "-t", about["commit"]):
        pytest.skip("the commit that the pages show is not in this checkout's history")
    receipts = json.loads(marks.receipts)
    tables = {
        name: _at(about["commit"], f"results/cifar10/{table['file']}")
        for name, table in receipts["tables"].items()
        if table["kind"] == "Table"
    }
    for name, content in tables.items():
        digest = receipts["tables"][name]["sha256"]
        assert hashlib.sha256(content).hexdigest() == digest, name
    rows = {name: list(csv.DictReader(content.decode().splitlines()))
            for name, content in tables.items()}  # fmt: skip
    looked_up = 0
    for cell, told in receipts["cells"].items():
        name, row, column = cell.split(":")
        if name in rows:
            assert rows[name][int(row)][column] == told["value"], cell
            looked_up += 1
    assert looked_up > 1000


def _at(commit: str, path: str) -> bytes:
    return subprocess.run(
        ["git", "-C", PROJECT, "show", f"{commit}:{path}"], check=True, capture_output=True
    ).stdout


# ------------------------------------------------------------------------------- what stands there


def test_no_figure_is_left_of_an_earlier_study(published):
    there = {path.name for path in (RESULTS / "figures").iterdir()}
    assert there == set(planned_figures(published, inspected=True, looked=True))


def test_every_experiment_is_mentioned(published):
    text = (RESULTS / "report" / "index.qmd").read_text("utf-8")
    declared = [one.id for ones in published.declared.values() for one in ones]
    ids = [*published.experiments, *declared]
    assert [id_ for id_ in ids if f"`{id_}`" not in text] == []


def test_the_page_is_small_enough_to_send():
    """With 90 figures, 3,200 receipts, three networks at work; mail takes 10 MB and more of it."""
    assert (PUBLISHED / "index.html").stat().st_size < 8.2e6


def test_figures_are_there(published):
    for name in planned_figures(published, inspected=True, looked=True):
        assert (RESULTS / "figures" / name).stat().st_size > 100


def test_figures_leave_room_for_their_captions_on_a_page():
    """A page of the PDF holds 9.6 inches of text, a long caption takes one."""
    heights = {
        path.name: float(re.search(r'height="([\d.]+)pt"', path.read_text("utf-8")[:2000])[1]) / 72
        for path in (RESULTS / "figures").glob("*.svg")
    }
    assert len(heights) > 40
    assert {name: height for name, height in heights.items() if height > 8.6} == {}


def test_no_interval_over_seeds_and_images_is_narrower_than_that_over_seeds():
    rows = csv.DictReader((RESULTS / "evidence" / "ledger.csv").read_text("utf-8").splitlines())
    for row in rows:
        for end, way in (("lower", 1), ("upper", -1)):
            alone, both = float(row[f"test_{end}"]), float(row[f"test_both_{end}"])
            assert way * (alone - both) >= -1e-6, (row["experiment"], end)
