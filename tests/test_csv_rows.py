"""CSV files that were damaged, or saved by something else, are refused in one message."""

from pathlib import Path

import pytest

from cnn_study.base import csv_rows
from cnn_study.base.errors import UserError
from cnn_study.evidence import simulations
from cnn_study.report import claims
from cnn_study.tables import csv_files
from cnn_study.tables.schemas import LOOK_ALIKE_PAIRS

TABLE = LOOK_ALIKE_PAIRS
HEADER = "test_index,test_class,training_index,training_class,same_class,different_bits,correlation"
GOOD = f'{HEADER}\n3,"a, b",7,c,true,2,0.95\n4,ä,8,d,false,0,1\n'


@pytest.fixture
def folder(tmp_path) -> Path:
    (tmp_path / TABLE.file).write_text(GOOD, "utf-8")
    return tmp_path


def faults_of(folder: Path, content: bytes | str) -> list[str]:
    """Give what the message lists, which also names the file first and a remedy last."""
    content = content.encode() if isinstance(content, str) else content
    (folder / TABLE.file).write_bytes(content)
    with pytest.raises(UserError) as error:
        csv_files.read(folder, TABLE)
    with pytest.raises(UserError) as without_frame:
        csv_files.values(folder, TABLE)
    assert str(without_frame.value) == str(error.value)
    first, *faults, remedy = str(error.value).splitlines()
    assert first == f"{folder / TABLE.file} cannot be used:"
    assert remedy == csv_files.REMEDY
    assert error.value.__cause__ is None
    return [fault.removeprefix("  ") for fault in faults]


def test_a_table_is_read_with_its_types(folder):
    rows = csv_files.read(folder, TABLE).to_dict("records")
    assert csv_files.values(folder, TABLE) == rows
    assert rows[0] == {
        "test_index": 3, "test_class": "a, b", "training_index": 7, "training_class": "c",
        "same_class": True, "different_bits": 2, "correlation": 0.95,
    }  # fmt: skip
    assert rows[1]["test_class"] == "ä"
    assert csv_files.rows(folder, TABLE)[1] == (2, ["3", "a, b", "7", "c", "true", "2", "0.95"])


def test_a_mark_at_the_start_or_another_order_of_columns_does_no_harm(folder):
    backwards = "\n".join(",".join(reversed(line.split(","))) for line in
                          GOOD.replace('"a, b"', "a").splitlines())  # fmt: skip
    (folder / TABLE.file).write_text(f"\ufeff{backwards}\n", "utf-8")
    read = csv_files.read(folder, TABLE)
    assert read["test_index"].tolist() == [3, 4]
    assert read["correlation"].tolist() == [0.95, 1]
    assert csv_files.values(folder, TABLE) == read[list(HEADER.split(","))].to_dict("records")


def test_an_empty_cell_is_none(folder):
    (folder / TABLE.file).write_text(GOOD.replace("0.95", "").replace("ä", ""), "utf-8")
    first, second = csv_files.values(folder, TABLE)
    assert (first["correlation"], second["correlation"], second["test_class"]) == (None, 1.0, None)


BETWEEN = (
    "stand between the cells, as some spreadsheets write them. Save it as CSV with commas, and "
    "with points in numbers"
)
COLUMNS = f"The columns are: {HEADER.replace(',', ', ')}"


@pytest.mark.parametrize(
    ("content", "faults"),
    [
        ("", [f"line 1: there is no header. {COLUMNS}"]),
        ("\n\n", [f"line 1: there is no header. {COLUMNS}"]),
        (GOOD[:-1], ["line 3: the file ends in the middle of it"]),
        (
            GOOD[:-3],
            ["line 3, column correlation: 6 cells, but the header has 7. Check the commas"],
        ),
        (
            GOOD[:82],
            [
                f"line 1, column correlation: missing. {COLUMNS}",
                f"line 1, column corr: unknown; remove it. {COLUMNS}",
            ],
        ),
        (GOOD[:95], ["line 2: unexpected end of data"]),
        (
            GOOD.replace("same_class,", "").replace("true,", "").replace("false,", ""),
            [f"line 1, column same_class: missing. {COLUMNS}"],
        ),
        (
            GOOD.replace("same_class", "alike"),
            [
                f"line 1, column same_class: missing. {COLUMNS}",
                f"line 1, column alike: unknown; remove it. {COLUMNS}",
            ],
        ),
        (
            GOOD.replace("\n", ",1\n").replace("tion,1", "tion,more"),
            [f"line 1, column more: unknown; remove it. {COLUMNS}"],
        ),
        (
            GOOD.replace("test_class", "same_class"),
            [
                f"line 1, column test_class: missing. {COLUMNS}",
                "line 1, column same_class: stands twice; remove one",
            ],
        ),
        (
            GOOD.replace(",", ";"),
            [f"line 1: semicolons {BETWEEN}"],
        ),
        (
            GOOD.replace(",", "\t"),
            [f"line 1: tabs {BETWEEN}"],
        ),
        (
            GOOD.replace("0.95", "high").replace("3,", "three,").replace("false", "no"),
            [
                "line 2, column test_index: 'three' is no integer",
                "line 2, column correlation: 'high' is no number",
                "line 3, column same_class: 'no' is no boolean",
            ],
        ),
        (GOOD.replace("7,c", "7.5,c"), ["line 2, column training_index: '7.5' is no integer"]),
        (
            GOOD + "5,e\n",
            ["line 4, column training_index: 2 cells, but the header has 7. Check the commas"],
        ),
    ],
)
def test_every_fault_is_named_with_line_and_column(folder, content, faults):
    said = faults_of(folder, content)
    assert [fault.replace("it cannot be read as CSV in UTF-8: ", "") for fault in said] == faults


def test_another_encoding_is_named(folder):
    for encoding in ("latin-1", "utf-16"):
        (fault,) = faults_of(folder, GOOD.encode(encoding))
        assert fault.startswith("it cannot be read as CSV in UTF-8: 'utf-8' codec can't decode")


def test_of_many_faults_the_first_ones_are_shown(folder):
    said = faults_of(folder, f"{HEADER}\n" + "x,a,1,b,true,1,1\n" * 12)
    assert said[0] == "line 2, column test_index: 'x' is no integer"
    assert (len(said), said[-1]) == (11, "… and 2 more")


def test_of_a_table_that_is_not_there_the_message_says_how_it_is_made(tmp_path):
    with pytest.raises(UserError, match=r"there is no .*pairs\.csv\. Make it first: python -m"):
        csv_files.read(tmp_path, TABLE)


def test_the_list_of_claims_and_the_simulations_are_read_alike(tmp_path, monkeypatch):
    path = tmp_path / claims.FILE
    path.write_text("claim;section\n1;2\n")
    with pytest.raises(UserError, match=r"semicolons(?s:.*)cnn-study write STUDY"):
        claims.with_column(path, "commit", "f00")
    path.write_text(f"{','.join(claims.COLUMNS)}\n1,2,3,4,5,6,7,8,9\n")
    assert claims.with_column(path, "commit", "f00").splitlines()[1] == "1,2,3,4,5,6,7,8,9,f00"
    path.write_text("group,judged_by\nall,t\n")
    monkeypatch.setattr(simulations, "SIMULATIONS", path)
    with pytest.raises(UserError, match=r"column studies: missing(?s:.*)get it back"):
        simulations.simulation_rows()


def test_lines_have_the_numbers_that_an_editor_shows():
    assert csv_rows.parse(b'a,b\r\n\r\n"x\ny",2\n') == [
        (1, ["a", "b"]), (2, []), (4, ["x\ny", "2"])
    ]  # fmt: skip
