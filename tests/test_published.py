"""The published study is whole and current: what is committed is what the records say."""

import hashlib
import json
import re
import runpy
from pathlib import Path

import pytest

from cnn_study.evidence import schemas as evidence_schemas
from cnn_study.evidence.analyse import analyse
from cnn_study.figures.draw import planned_figures
from cnn_study.report import render
from cnn_study.report.write import PAGE, write
from cnn_study.runs import inspections, records, searches
from cnn_study.runs.wanted import done, wanted
from cnn_study.study.merge import load
from cnn_study.tables.collect import collect
from cnn_study.tables.data_package import planned_tables

PROJECT = Path(__file__).parents[1]
RESULTS = PROJECT / "results" / "cifar10"


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


def test_weights_of_base_and_enhanced_are_kept(published):
    kept = sorted((RESULTS / "runs").glob("*/*/*.weights.npz"))
    assert [(path.parts[-3], path.name) for path in kept] == sorted(
        (experiment, f"seed-{seed}.weights.npz") for experiment, seed in published.kept_weights
    )


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


def test_tables_are_current(published, tmp_path):
    collect(published, RESULTS, tmp_path)
    for name in planned_tables(published):
        assert (tmp_path / name).read_bytes() == (RESULTS / "tables" / name).read_bytes(), name


def test_evidence_is_current(published, tmp_path):
    analyse(published, RESULTS / "tables", tmp_path)
    for name in evidence_schemas.planned_evidence():
        assert (tmp_path / name).read_bytes() == (RESULTS / "evidence" / name).read_bytes(), name


def test_text_is_current(published, tmp_path):
    folders = (RESULTS / name for name in ("tables", "evidence", "figures"))
    inspected = inspections.find(published, RESULTS)
    write(published, *folders, tmp_path / "index.qmd", inspected)
    for name in ("index.qmd", PAGE):
        made, there = (tmp_path / name, RESULTS / "report" / name)
        assert made.read_text("utf-8") == there.read_text("utf-8"), "run: snakemake --cores all"


def test_page_and_pdf_are_those_of_the_text():
    folder = RESULTS / "report"
    told = json.loads((folder / render.RENDERED).read_text("utf-8"))
    assert told["inputs_sha256"] == render.inputs_sha256(folder / "index.qmd", RESULTS), (
        "text, figures or theme changed; run: snakemake --cores all"
    )
    for name, digest in told["sha256"].items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest, name
    assert sorted(told["sha256"]) == ["index.html", "index.pdf"]


def test_no_figure_is_left_of_an_earlier_study(published):
    there = {path.name for path in (RESULTS / "figures").iterdir()}
    assert there == set(planned_figures(published, True))


def test_every_experiment_is_mentioned(published):
    text = (RESULTS / "report" / "index.qmd").read_text("utf-8")
    declared = [one.id for ones in published.declared.values() for one in ones]
    ids = [*published.experiments, *declared]
    assert [id_ for id_ in ids if f"`{id_}`" not in text] == []


def test_the_page_is_small_enough_to_send():
    assert (RESULTS / "report" / "index.html").stat().st_size < 6e6


def test_figures_and_report_are_there(published):
    for name in planned_figures(published, inspected=True):
        assert (RESULTS / "figures" / name).stat().st_size > 100
    assert (RESULTS / "report" / "index.pdf").read_bytes().startswith(b"%PDF")
    assert "<title>" in (RESULTS / "report" / "index.html").read_text("utf-8")


def test_figures_leave_room_for_their_captions_on_a_page():
    """A page of the PDF holds 9.6 inches of text, a long caption takes one."""
    heights = {
        path.name: float(re.search(r'height="([\d.]+)pt"', path.read_text("utf-8")[:2000])[1]) / 72
        for path in (RESULTS / "figures").glob("*.svg")
    }
    assert len(heights) > 40
    assert {name: height for name, height in heights.items() if height > 8.6} == {}
