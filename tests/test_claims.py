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


WHERE_NUMBERS_STAND = [
    ("# Of {} runs {{#sec-a}}", "Of 58 runs"),
    ('![A curve, of {}.](curve.svg){{#fig-a fig-alt="A curve."}}', "!A curve, of 58."),
    ("- One, {}\n- two", "One, 58"),
    ("12. Twelve, {}", "Twelve, 58"),
    ("A word.[^1]\n\n[^1]: A note of {}. More.", "^1: A note of 58."),
    ("A word\n: What it means: {}.", "What it means: 58."),
    (": A caption. Of {}. More. {{#tbl-a}}", "Of 58."),
    ("It is so. {} of them, or `a.b`.", "58 of them, or a.b."),
    ("::: {{.note}}\n> Said of {}.\n:::", "> Said of 58."),
    ("| a | b |\n|---|---|\n| {} | c |", "a: 58; b: c"),
    ('---\ntitle: "Of {}"\n---\n\n# A', 'title: "Of 58"'),
    ("---\nabstract: >-\n  Of {}. More.\n---", "Of 58."),
]
"""Every place of a text that a template may put a number in, and what is claimed there."""


@pytest.mark.parametrize(("text", "sentence"), WHERE_NUMBERS_STAND)
def test_a_number_is_listed_wherever_it_stands(text, sentence):
    (claim,) = claims.claims(text.format(mark("58", "experiments:0:mean")), RECEIPTS)
    assert (claim.sentence, claim.printed) == (sentence, "58")


@pytest.mark.parametrize(
    "words",
    [
        "n = 2 runs. Not in the picture: *absurd*. All of it",
        "n = 0 to 2 runs of each: absurd: 2 of 2 diverged! `It` does. - No",
        "n = 2\nruns of\n- base\n12. wide",
        "from [2, 4] on",
        "from \\[2, 4\\] on",
        "what is said | of it",
        "",
    ],
)
def test_a_number_is_listed_whatever_its_words_are(words):
    """These once fell apart where sentences end, and were lost."""
    text = f"Before. {mark(words, 'runs:3:score')} is so. After {mark('58', 'experiments:0:mean')}."
    one, two = claims.claims(text, RECEIPTS)
    assert one.printed == claims._plain(words)
    assert one.cells == "tables/runs.csv:5:score"
    assert (two.printed, two.sentence) == ("58", "After 58.")


def test_many_numbers_keep_their_order_and_their_sections():
    numbers = [mark(str(number), "experiments:0:mean") for number in range(30)]
    lines = [f"## Part {n}, of {number}\n\nIt is {number}." for n, number in enumerate(numbers)]
    listed = claims.claims("\n\n".join(lines), RECEIPTS)
    assert [claim.printed for claim in listed] == [str(n) for n in range(30) for _ in range(2)]
    assert {claim.section for claim in listed[-2:]} == {"Part 29, of 29"}
    assert listed[-1].sentence == "It is 29."


@pytest.mark.parametrize(
    "text",
    [
        f"It is so.\n\n::: {{title='{mark('58', 'experiments:0:mean')}'}}\nA note.\n:::\n",
        "It is [58]{.receipt data-key='no semicolon'}.",
        f"It is {mark(mark('58', 'experiments:0:mean') + ' x', 'runs:3:score')}.",
    ],
)
def test_a_text_is_not_written_if_a_number_would_be_lost(text):
    with pytest.raises(RuntimeError, match="58"):
        claims.claims(text, RECEIPTS)


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


@pytest.mark.slow
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


@pytest.mark.slow
def test_a_report_of_runs_that_diverged_says_what_each_number_comes_from(tmp_path):
    """A setting comes from the runs that were trained with it, even if none reached its end."""
    made = Made(tmp_path / "study", WITH_ALL)
    made.runs("base", (0.5, 0.6)).runs("learning-rate-1", (0.7, 0.8))
    for seed in made.study.seeds:
        made.add("learning-rate-2", seed, status="diverged")
    text = made.text()
    with made.output.with_name("claims.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == text.count("{.receipt ") > 100
    assert [row for row in rows if not (row["runs"] or row["without_runs"])] == []
    runs = {row["runs"] for row in rows if row["cells"].endswith("learning_rate")}
    assert "learning-rate-2: 1 2 3" in runs
