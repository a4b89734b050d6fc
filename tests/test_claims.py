"""The list of a report's claims: every number with its sentence, its cells, its runs."""

import csv
import io
import re

import pytest

from cnn_study.report import claims
from report_by_hand import SCORES, WITH_ALL, Made

RECEIPTS = {
    "cells": {
        "experiments:0:mean": {
            "value": "0.58", "row": {"experiment": "base"}, "line": 2, "experiments": ["base"],
            "seeds": [1, 2],
        },
        "runs:3:score": {
            "value": "0.61", "row": {}, "line": 5, "experiments": ["wide", "base"],
            "seeds": {"wide": [1], "base": [1, 2]},
        },
        "search-prices:0:score": {
            "value": "0.8", "row": {}, "line": 2, "experiments": [], "seeds": [], "searched": [7],
        },
        "settings:wide:filters": {
            "value": "4-8", "row": {}, "line": 31, "experiments": ["wide"], "seeds": [1, 2],
        },
        "published:0:score": {
            "value": "0.59", "row": {}, "line": 2, "experiments": [], "seeds": [],
            "why": "somebody else printed it", "source": "author2021",
        },
    },
    "tables": {
        "experiments": {"file": "tables/experiments.csv"}, "runs": {"file": "tables/runs.csv"},
        "search-prices": {"file": "evidence/search-prices.csv"},
        "settings": {"path": "experiments/mine.yaml"},
        "published": {"file": "tables/published.csv"},
    },
    "searched": {7: ["cheap", "trial", 1, 1, "complete", 0.8, 0.8, "runs/search/ab/seed-1.json"]},
}  # fmt: skip


def mark(text: str, *cells: str, how: str = "") -> str:
    key = ";".join((how, *cells))
    return f'[{text}]{{.receipt data-key="{key}" data-experiment="base"}}'


def test_each_number_has_its_sentence_its_cells_and_its_runs():
    text = f"""---
title: "A report"
abstract: |
  It classifies {mark("58.00 %", "experiments:0:mean")} of the images. That is that.
---

# Results {{#sec-results}}

Nothing here. The *wide* one, [a link](#there), gains
{mark("3", "runs:3:score", "experiments:0:mean", how="difference of")} points (see @fig-x). More.

::: {{.note}}
- On paper it was {mark("59 %", "published:0:score")}.
- With {mark("4-8", "settings:wide:filters")} filters.
:::
"""
    listed = claims.claims(text, RECEIPTS)
    assert [claim.claim for claim in listed] == [1, 2, 3, 4]
    first, second, third, fourth = listed
    assert (first.section, first.printed, first.values) == ("Abstract", "58.00 %", "0.58")
    assert first.sentence == "It classifies 58.00 % of the images."
    assert (first.cells, first.runs) == ("tables/experiments.csv:2:mean", "base: 1 2")
    assert second.section == "Results"
    assert second.sentence == "The wide one, a link, gains 3 points (see @fig-x)."
    assert second.made == "difference of"
    assert second.cells == "tables/runs.csv:5:score; tables/experiments.csv:2:mean"
    assert second.values == "0.61; 0.58"
    assert second.runs == "wide: 1; base: 1 2"
    assert third.sentence == "On paper it was 59 %."
    assert (third.runs, third.without_runs) == ("", "somebody else printed it (author2021)")
    assert fourth.cells == "experiments/mine.yaml:31:filters"


def test_a_row_of_a_table_stands_with_its_headings():
    text = f"""# Search

| Price | Test (%) |
|:------|-----:|
| cheap \\| good | {mark("80.00", "search-prices:0:score")} |
| `dear` | – |

: A caption. {{#tbl-search}}
"""
    (claim,) = claims.claims(text, RECEIPTS)
    assert claim.sentence == "Price: cheap | good; Test (%): 80.00"
    assert claim.runs == "runs/search/ab/seed-1.json"


def test_the_file_has_every_column_and_one_more_when_it_is_published(tmp_path):
    listed = claims.claims(f"A number, {mark('58', 'experiments:0:mean')}.\n", RECEIPTS)
    path = tmp_path / claims.FILE
    path.write_text(claims.csv_text(listed), encoding="utf-8")
    (row,) = csv.DictReader(io.StringIO(path.read_text("utf-8")))
    assert list(row) == list(claims.COLUMNS)
    (published,) = csv.DictReader(io.StringIO(claims.with_column(path, "commit", "abc")))
    assert published == row | {"commit": "abc"}


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Made:
    made = Made(tmp_path_factory.mktemp("claims") / "study", WITH_ALL)
    for experiment, scores in SCORES.items():
        made.runs(experiment, scores)
    made.runs("filters-4-8", (0.7, 0.8))
    return made


def test_every_receipt_of_a_report_is_a_claim_and_every_claim_holds(made):
    text = made.text()
    with made.output.with_name("claims.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == text.count("{.receipt data-key=") > 100
    for row in rows:
        assert row["printed"] in row["sentence"], row
        assert not re.search(r"\{\.receipt|data-key", row["sentence"]), row
        assert row["runs"] or row["without_runs"], row
        for cell, value in zip(row["cells"].split("; "), row["values"].split("; "), strict=True):
            file, *line, column = cell.split(":")
            if file.endswith(".csv"):
                lines = list(csv.reader(io.StringIO((made.folder / file).read_text("utf-8"))))
                (line,) = line
                assert lines[int(line) - 1][lines[0].index(column)] == value, row
