"""Networks of others: what a study file may say of them, and ours beside them."""

from pathlib import Path

import pandas as pd
import pytest

from cnn_study.base.errors import UserError
from cnn_study.figures.draw import _pictures
from cnn_study.figures.results import Results
from cnn_study.report import study_checks
from cnn_study.report.anchors import anchors
from cnn_study.study.merge import load
from cnn_study.tables.data_package import planned_tables
from figures_by_hand import plain
from report_by_hand import PLAIN, SCORES, Made, unmarked
from test_captions import named_in
from test_lineage import look_up

OTHERS = """
others:
  resnet-8: {name: ResNet-8, citation: he2016, macs: 12_500_000, parameters: 78_000,
             test_accuracy: [87, 85.5], note: Figures *differ*.}
  small: {name: A small one, citation: lecun1998, parameters: 5_000, test_accuracy: 62.5,
          runs: 5, standard_deviation: 0.4}
  tiny: {name: Tiny, citation: lecun1998, macs: 100, test_accuracy: 30}
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Made:
    made = Made(tmp_path_factory.mktemp("others"), PLAIN + OTHERS)
    for experiment, scores in SCORES.items():
        made.runs(experiment, scores)
    return made


@pytest.fixture(scope="module")
def text(made) -> str:
    return made.text()


@pytest.fixture(scope="module")
def results(made, text) -> Results:
    return Results(made.study, made.folder / "tables", made.folder / "evidence")


def test_the_table_has_what_was_printed_as_shares(made, text):
    rows = pd.read_csv(made.folder / "tables" / "others.csv").astype(object)
    told = [tuple(row) for row in rows.where(rows.notna(), None).itertuples(index=False)]
    assert told == [
        ("resnet-8", "ResNet-8", "he2016", 12_500_000, 78_000, 0.855, 0.87, 1, None),
        ("small", "A small one", "lecun1998", None, 5_000, 0.625, 0.625, 5, 0.004),
        ("tiny", "Tiny", "lecun1998", 100, None, 0.3, 0.3, 1, None),
    ]


def test_ours_of_no_more_cost_stands_beside_it_by_the_validation_images(text):
    """The base has 4,906 parameters and 7,040 MACs, as all here; a rate of 0.01 scores 60 %."""
    said = " ".join(unmarked(text).split()).replace("\u00a0", " ")
    section = said.partition("## Beside networks of others")[2].partition("**In short.**")[0]
    ours = "base + rate 0.01 | 60.00 |"
    assert f"| ResNet-8 | [@he2016] | 12,500,000 | 78,000 | 85.50–87.00 | 1 | {ours}" in section
    assert f"| A small one | [@lecun1998] | – | 5,000 | 62.50 ± 0.40 | 5 | {ours}" in section
    assert "| Tiny | [@lecun1998] | 100 | – | 30.00 | 1 | – | – |" in section
    assert "ResNet-8: Figures *differ*." in section
    assert "A single figure of others is that of one run" in section


def test_a_printed_number_names_who_printed_it(made, text):
    """And no run; of each row its own work."""
    cells = ["others:0:lowest_test_accuracy", "others:1:standard_deviation"]
    receipts = look_up(made.study, made.folder, cells)["cells"]
    assert [receipts[cell]["source"] for cell in cells] == ["he2016", "lecun1998"]
    assert [receipts[cell]["experiments"] for cell in cells] == [[], []]


def test_the_picture_keeps_theirs_apart_from_ours(results, made):
    """Hollow marks, a bar where several figures or a deviation are printed, by both costs."""
    figure = _pictures(made.study)["others"].draw(results)
    by_macs, by_parameters = figure.axes
    hollow = [
        [(line.get_marker(), *line.get_xdata(), *line.get_ydata()) for line in axes.lines
         if line.get_markerfacecolor() == "#ffffff" and line.get_marker() in ("o", "p")]
        for axes in (by_macs, by_parameters)
    ]  # fmt: skip
    assert hollow == [
        [("o", 12_500_000, 86.25), ("o", 100, 30.0)],
        [("o", 78_000, 86.25), ("p", 5_000, 62.5)],
    ]
    bars = [tuple(line.get_ydata()) for line in by_parameters.lines if len(line.get_ydata()) == 2]
    assert bars == [(85.5, 87.0), pytest.approx((62.1, 62.9))]
    keys = [text.get_text() for text in figure.legends[0].get_texts()]
    assert keys == ["Others, one run", "Others, mean of runs", "Base", "Other experiments"]
    written = {text.get_text() for text in (*by_parameters.texts, *by_macs.texts)}
    assert {"ResNet-8", "A small one", "Tiny"} <= written


def test_the_picture_is_told_in_words(results, made):
    picture = _pictures(made.study)["others"]
    told = picture.texts(results)
    assert "ResNet-8: 85.5 to 87.0 %, 12,500,000 MACs, 78,000 parameters;" in plain(told.alt)
    assert plain(told.caption).endswith("3 networks of others, 3 experiments.")
    assert picture._values(results).keys() <= named_in(picture.template)


def test_a_study_without_them_has_no_such_table_section_or_picture(tmp_path):
    made = Made(tmp_path / "none", PLAIN)
    assert "others.csv" not in planned_tables(made.study)
    assert "others" not in _pictures(made.study)
    assert "sec-others" not in anchors(made.study.file)


def test_the_section_can_be_linked(made):
    assert "sec-others" in anchors(made.study.file)
    assert "others.csv" in planned_tables(made.study)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("{name: N, citation: he2016, test_accuracy: 85}",
         "others.some: give what it costs: macs, parameters or both"),
        ("{name: N, citation: he2016, macs: 9, test_accuracy: 85, standard_deviation: 0.2}",
         "others.some: one run has no standard_deviation; give runs, or leave it out"),
        ("{name: N, citation: he2016, macs: 9, test_accuracy: 850}",
         "others.some.test_accuracy"),
        ("{name: N, citation: nobody1999, macs: 9, test_accuracy: 85}",
         "others.some.citation: report/references.bib has no work nobody1999"),
        ("{name: N, citation: he2016, macs: 9, test_accuracy: 85, params: 8}",
         "others.some.params: unknown key. Did you mean parameters? Allowed: name, citation,"),
        ("{name: '', citation: he2016, macs: 9, test_accuracy: 85}", "others.some.name"),
        ("{name: N, citation: he2016, macs: 0, test_accuracy: 85}", "others.some.macs"),
    ],
)  # fmt: skip
def test_what_nobody_could_use_is_refused(tmp_path, given, said):
    with pytest.raises(UserError) as refused:
        read(tmp_path, f"others:\n  some: {given}\n")
    assert said in str(refused.value)


def test_accuracies_stand_beside_accuracies_only(tmp_path):
    with pytest.raises(
        UserError, match=r"others: these are accuracies, and the study goes by macro_f1"
    ):
        read(tmp_path, OTHERS + "metric: macro_f1\n")


def read(folder: Path, more: str):
    path = folder / "mine.yaml"
    path.write_text(PLAIN + more)
    return load(path, study_checks.CHECKS)
