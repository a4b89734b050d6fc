"""Parts of the report to which a text of a study file may refer: those that are surely there."""

import re
from pathlib import Path

import pytest

from cnn_study.report.anchors import anchors
from report_by_hand import PLAIN, WITH_ALL, Made

SEARCH = """
search:
  trials: 3
  epochs: 2
  space: {kernel_size: [3, 5]}
  prices: {a: {title: A, macs: 10000000}}
"""
RARE = ("sec-conclusion", "sec-answers", "tbl-ledger", "fig-overview", "fig-rate")
"""What the report has with some results only."""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "experiment"),
    [(PLAIN, "base"), (WITH_ALL + SEARCH, "learning-rate-1")],
    ids=["a small study", "one with all"],
)
def test_what_is_promised_is_in_the_report_of_a_single_run(tmp_path: Path, text, experiment):
    made = Made(tmp_path, text).runs(experiment, (0.5,))
    written = re.findall(r"\{#([^ }]+)", made.text())
    promised = anchors(made.study.file)
    assert not set(promised) - set(written)
    assert {"sec-question-rate", "tbl-question-rate", "sec-padding", "fig-architecture"} < set(
        promised
    )
    assert not set(promised) & set(RARE)
    assert ("sec-search" in promised) == (text != PLAIN)
    assert ("sec-enhanced" in promised) == (text != PLAIN)


def test_a_study_without_trained_questions_has_no_part_that_tells_of_them(tmp_path: Path):
    text = PLAIN.replace("    changes:\n", "    trained: false\n    changes:\n")
    promised = anchors(Made(tmp_path, text).study.file)
    assert "sec-padding" in promised
    assert not [id_ for id_ in promised if "question" in id_]


def test_a_section_of_the_study_s_own_has_its_own_parts(tmp_path: Path, monkeypatch):
    own = tmp_path / "report" / "sections"
    own.mkdir(parents=True)
    (own / "network.qmd.j2").write_text(
        "# Mine {#sec-mine}\n<% if x %>\n# B {#sec-b}\n<% endif %>\n"
    )
    study = Made(tmp_path / "made", PLAIN).study
    monkeypatch.chdir(tmp_path)
    promised = anchors(study.file)
    assert "sec-mine" in promised
    assert not {"sec-b", "sec-padding"} & set(promised)
