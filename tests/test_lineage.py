"""Every printed number names its runs, and the right ones; or says why it has none.

What is right is read here from the CSV files, the study file and the inspection once more, by
other code than that of the receipts.
"""

import csv
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import pandas as pd
import pytest
import yaml

from cnn_study.base.metrics import METRICS
from cnn_study.evidence.read import Tables
from cnn_study.evidence.schemas import CONFIRMED, EVIDENCE
from cnn_study.figures.draw import _pictures
from cnn_study.figures.results import Results
from cnn_study.report import receipts
from cnn_study.report.lineage import NOT_YET, Behind, Runs
from cnn_study.runs import inspections, look_alikes
from cnn_study.study.merge import load
from cnn_study.tables import csv_files
from cnn_study.tables.lineage import (
    METRIC,
    SCORE,
    WORKED_OUT,
    Beside,
    CompleteRuns,
    SearchRuns,
    Stage,
    Tally,
    ThisRun,
    Trials,
)
from cnn_study.tables.schemas import RUNS, SEARCH_RUNS, TABLES, Table, number, string
from figures_by_hand import ACCURACY
from report_by_hand import PLAIN, Made

PROJECT = Path(__file__).parents[1]
RESULTS = PROJECT / "results" / "cifar10"
STUDY = PROJECT / "experiments" / "cifar10.yaml"
ENHANCED = "filters-16-32-64-kernel-size-3"


# --------------------------------------------------------------------- the published study, read


@dataclass
class Expected:
    """Seeds by experiment and records of the search; or words of why there are none."""

    seeds: dict[str, set[int]] = field(default_factory=dict)
    searched: set[str] = field(default_factory=set)
    why: str = ""


Row = dict[str, str]


class Reading:
    """The published study's files, as anybody may read them."""

    def __init__(self) -> None:
        self.file = yaml.safe_load(STUDY.read_text("utf-8"))
        self.rows = {
            path.stem: list(csv.DictReader(path.read_text("utf-8").splitlines()))
            for folder in ("tables", "evidence")
            for path in (RESULTS / folder).glob("*.csv")
        }

    def every(self, *ids: str) -> Expected:
        return Expected({id_: {int(row["seed"]) for row in self.runs(id_)} for id_ in ids})

    def runs(self, id_: str) -> list[Row]:
        return self.by_experiment[id_]

    @cached_property
    def by_experiment(self) -> dict[str, list[Row]]:
        return {
            one["experiment"]: [
                r for r in self.rows["runs"] if r["experiment"] == one["experiment"]
            ]
            for one in self.rows["experiments"]
        }

    def complete(self, id_: str, measure: str = "status") -> set[int]:
        """Seeds of the complete runs in whose row this column is not empty."""
        return {int(r["seed"]) for r in self.runs(id_) if r["status"] == "complete" and r[measure]}

    def each(self, measure: str, *ids: str) -> Expected:
        return Expected({id_: self.complete(id_, measure) for id_ in ids})

    def paired(self, measure: str, *ids: str) -> Expected:
        """Only the seeds that all have."""
        shared = set.intersection(*(self.complete(id_, measure) for id_ in ids))
        return Expected(dict.fromkeys(ids, shared))

    def search(self, *stages: str, **wanted: str) -> set[str]:
        return {
            row["record"]
            for row in self.rows["search-runs"]
            if row["stage"] in stages and all(row[name] == value for name, value in wanted.items())
        }

    def finalists(self, *stages: str, price: str = "") -> set[str]:
        models = {(r["price"], r["trial"]) for r in self.rows["search-finalists"] if r["gap"]}
        return {
            row["record"]
            for row in self.rows["search-runs"]
            if (row["price"], row["trial"]) in models
            and row["stage"] in stages
            and price in ("", row["price"])
        }

    def fresh(self, *ids: str, ended: bool = True) -> Expected:
        """Seeds of the runs that confirm suggestions; those alone that ended, or all."""
        runs = self.rows["confirmation-runs"]
        return Expected(
            {
                id_: {
                    int(r["seed"])
                    for r in runs
                    if r["experiment"] == id_ and (not ended or r["status"] == "complete")
                }
                for id_ in ids
            }
        )

    def question(self, name: str) -> list[str]:
        """The reference of a question and its experiments."""
        rows = [row for row in self.rows["ledger"] if row["question"] == name]
        return list(dict.fromkeys(row[key] for key in ("reference", "experiment") for row in rows))


WORKED = Expected(why="worked out from the settings")
SAID = Expected(why="the study file says it")
PRINTED = Expected(why="somebody else printed it")
LOOKED_AT = Expected(why="looking at the images")


def images_of(column: str) -> str:
    return "validation_accuracy" if column.startswith("validation") else "test_accuracy"


def of_experiments(read: Reading, column: str, row: Row) -> Expected:
    id_ = row["experiment"]
    if column in ("parameters", "macs"):
        return WORKED
    if column == "collapsed_runs":
        return read.each("test_accuracy", id_)
    if column.endswith("_runs"):
        return read.every(id_)
    if column == "misread_images":
        return read.each("test_accuracy", id_)
    measure = re.sub("_(n|mean|standard_deviation|smallest|largest)$", "", column)
    return read.each(measure, id_)


def of_one_run(read: Reading, column: str, row: Row) -> Expected:
    return Expected({row["experiment"]: {int(row["seed"])}})


def of_all_complete(read: Reading, column: str, row: Row) -> Expected:
    return read.each("test_accuracy", row["experiment"])


def of_published(read: Reading, column: str, row: Row) -> Expected:
    if column in ("kernel_size", "published_test_accuracy", "published_seconds_per_epoch"):
        return PRINTED
    if column == "complete_runs":
        return read.every(row["experiment"])
    return read.each("test_accuracy", row["experiment"])


def of_ledger(read: Reading, column: str, row: Row) -> Expected:
    id_, reference = row["experiment"], row["reference"]
    if column in ("parameters_difference", "macs_difference", "training_macs_difference"):
        return WORKED
    if column in ("complete_runs", "diverged_runs", "failed_runs", "missing_runs"):
        return read.every(id_)
    if column.endswith("_to_base"):
        seeds = {id_: read.complete(id_), "base": read.complete("base", "validation_accuracy")}
        return Expected(seeds)
    if column.startswith("seconds_"):
        return read.paired("training_cpu_seconds", id_, reference)
    if re.search("_(pairs|paired_.*|sign_flip_p)$", column):
        return read.paired(images_of(column), id_, reference)
    return read.each(images_of(column), id_, reference)  # the judge of this study does not pair


def of_judge(read: Reading, column: str, row: Row) -> Expected:
    """All complete runs of the study: what is usual is usual among all."""
    return read.each("status", *read.by_experiment)


def of_spread_medians(read: Reading, column: str, row: Row) -> Expected:
    """The experiments whose schedule is, or is not, constant, as their records say."""
    decays = row["learning_rate"].startswith("decaying")
    ids = [
        id_
        for id_ in read.by_experiment
        for record in [json.loads((RESULTS / read.runs(id_)[0]["record"]).read_text("utf-8"))]
        if (record["settings"]["schedule"] != "constant") == decays
    ]
    return read.each("test_accuracy", *ids)


def of_look_alikes(read: Reading, column: str, row: Row) -> Expected:
    if column == "images":
        return LOOKED_AT
    pair = [row["experiment"], row["reference"]]
    alone = column == "runs" or "accuracy" in column or column.startswith("gain")
    return read.each("test_accuracy", *(pair[:1] if alone else pair))


def of_class_effects(read: Reading, column: str, row: Row) -> Expected:
    return read.each("test_accuracy", row["experiment"], row["reference"])


def of_one_pair(read: Reading, column: str, row: Row) -> Expected:
    if column.endswith("_over_mean"):
        seeds = {row["experiment"]: {int(row["seed"])}}
        return Expected(seeds | read.each(images_of(column), row["reference"]).seeds)
    return Expected({row[key]: {int(row["seed"])} for key in ("experiment", "reference")})


def sides_of(read: Reading, row: Row) -> list[str]:
    """What a contrast sets against each other."""
    ids = read.question(row["question"])
    if row["kind"] == "combination":
        return [row["experiment"], *row["parts"].split(), ids[0]]
    # Each experiment of the grid by what the ledger says it changes, from 7 x 7 and 4-8-16.
    changes = {r["experiment"]: r["change"] for r in read.rows["ledger"] if r["experiment"] in ids}
    start = {"kernel_size": "7", "filters": "4-8-16"}
    places = {
        id_: start | dict(part.split(" = ") for part in changes.get(id_, "").split(", ") if part)
        for id_ in ids
    }
    wanted = [part.replace(" against ", " ").split() for part in row["contrast"].split(", at ")]
    return [id_ for id_ in ids if all(places[id_][name] in values for name, *values in wanted)]


def of_contrasts(read: Reading, column: str, row: Row) -> Expected:
    return read.each(images_of(column), *sides_of(read, row))


def of_one_contrast(read: Reading, column: str, row: Row) -> Expected:
    (whole,) = (
        other
        for other in read.rows["contrasts"]
        if (other["question"], other["contrast"]) == (row["question"], row["contrast"])
    )
    return Expected({id_: {int(row["seed"])} for id_ in sides_of(read, whole)})


def of_habits(read: Reading, column: str, row: Row) -> Expected:
    """All that a choice was made among; where a row tells of one choice, what was chosen."""
    if row["habit"] == "best epoch":
        return read.each("status", row["among"])
    everything = list(read.by_experiment)
    among = everything if row["among"] == "all experiments" else read.question(row["among"])
    among = [id_ for id_ in among if read.complete(id_, "validation_accuracy")]
    expected = read.paired("test_accuracy", *among)
    if "chosen" in row:
        return Expected({row["chosen"]: expected.seeds[row["chosen"]]})
    return expected


def of_over_base(read: Reading, column: str, row: Row) -> Expected:
    return read.each("test_accuracy", row["experiment"], "base")


def of_orders(read: Reading, column: str, row: Row) -> Expected:
    if column == "printed_difference":
        return PRINTED
    return read.each("test_accuracy", row["better_experiment"], row["worse_experiment"])


def of_prices(read: Reading, column: str, row: Row) -> Expected:
    price, mine = {"price": row["price"]}, {"price": row["price"], "trial": row["trial"]}
    if column in ("most_macs", "most_parameters", "most_training_seconds", "goal"):
        return SAID
    if column in ("trials", "broken_trials"):
        return Expected(searched=read.search("trial", **price))
    if column == "trial":
        return Expected(searched=read.search("finalist", **price))
    if column in ("epochs", "search_accuracy"):
        return Expected(searched=read.search("trial", **mine))
    if column == "finalist_accuracy":
        return Expected(searched=read.search("finalist", **mine))
    other = {"over_base": ["base"], "over_enhanced": [ENHANCED]}
    ids = other.get(re.sub("_(lower|upper)$", "", column), [])
    return replace(
        read.each("test_accuracy", *ids), searched=read.search("winner", **mine)
    )  # fmt: skip


def of_finalists(read: Reading, column: str, row: Row) -> Expected:
    mine = {"price": row["price"], "trial": row["trial"]}
    searched = {
        "trial": lambda: read.search("trial", price=row["price"]),
        "rank": lambda: read.search("trial", price=row["price"]),
        "macs": lambda: read.search("trial", **mine),
        "search_accuracy": lambda: read.search("trial", **mine),
        "fresh_accuracy": lambda: read.search("finalist", **mine),
        "seeds": lambda: read.search("finalist", **mine),
        "gap": lambda: read.search("trial", "finalist", **mine),
    }
    return Expected(searched=searched[column]())


def of_gaps(read: Reading, column: str, row: Row) -> Expected:
    price = "" if row["price"] == "all prices" else row["price"]
    stages = {"search_accuracy": ["trial"], "fresh_accuracy": ["finalist"]}
    both = ["trial", "finalist"]
    return Expected(searched=read.finalists(*stages.get(column, both), price=price))


def of_rounds(read: Reading, column: str, row: Row) -> Expected:
    """A round's own trials, for some columns those of the next too; the best at all is of all."""
    if column == "rank_of_last":
        return Expected(searched=read.search("trial", price=row["price"]))
    lengths = {row["epochs"]}
    if column in ("next_epochs", "by_score", "by_curve", "ahead", "compared", "order"):
        lengths.add(row["next_epochs"])
    trials = (read.search("trial", price=row["price"], epochs=length) for length in lengths)
    return Expected(searched=set().union(*trials))


def of_importance(read: Reading, column: str, row: Row) -> Expected:
    """All trials: none of them is broken, and all have as many epochs."""
    trials = [r for r in read.rows["search-runs"] if r["stage"] == "trial"]
    assert {r["epochs"] for r in trials} == {"8"}
    assert {r["status"] for r in trials} == {"complete"}
    return Expected(searched={r["record"] for r in trials})


def of_confirmation(read: Reading, column: str, row: Row) -> Expected:
    """From the runs that chose, from fresh ones, or, shrinkage, from both."""
    pair = row["experiment"], row["reference"]
    if column == "fresh_seeds":
        return SAID
    if column == "rank":
        return read.each("validation_accuracy", *pair)
    if column.startswith("first_"):
        return read.each("test_accuracy", *pair)
    fresh = read.fresh(*pair, ended=not column.endswith("_runs"))
    if column == "shrinkage":
        first = read.each("test_accuracy", *pair)
        return Expected({id_: first.seeds[id_] | fresh.seeds[id_] for id_ in pair})
    return fresh


def of_behaviour(read: Reading, column: str, row: Row) -> Expected:
    if column == "training_accuracy":
        return read.each("training_accuracy", row["experiment"])
    if column in ("runs", "never_learned_runs"):
        return read.each("status", row["experiment"])
    return read.each("validation_accuracy", row["experiment"])


def of_behaviour_changes(read: Reading, column: str, row: Row) -> Expected:
    if column == "never_learned_runs":
        return read.each("status", row["experiment"])
    return read.each("validation_accuracy", row["experiment"], row["reference"])


def of_behaviour_contrasts(read: Reading, column: str, row: Row) -> Expected:
    return read.each("validation_accuracy", *sides_of(read, row | {"kind": "main effect"}))


def of_misread(read: Reading, column: str, row: Row) -> Expected:
    if column in ("image_key", "true_class"):
        return LOOKED_AT
    if column == "experiments":
        return read.each("test_accuracy", *read.by_experiment)
    return of_all_complete(read, column, row)


EXPECTED: dict[str, Callable[[Reading, str, Row], Expected]] = {
    "runs": of_one_run,
    "epochs": of_one_run,
    "classes": of_one_run,
    "experiments": of_experiments,
    "layers": lambda read, column, row: WORKED,
    "confusion": of_all_complete,
    "calibration": of_all_complete,
    "published": of_published,
    "others": lambda read, column, row: PRINTED,
    "search-runs": lambda read, column, row: Expected(searched={row["record"]}),
    "search-places": lambda read, column, row: Expected(
        searched=read.search("trial", price=row["price"], trial=row["trial"])
    ),
    "search-values": lambda read, column, row: Expected(
        searched=read.search("trial", price=row["price"], trial=row["trial"])
    ),
    "ledger": of_ledger,
    "expected": lambda read, column, row: read.each(
        "test_accuracy", row["experiment"], row["reference"]
    ),
    "behaviour": of_behaviour,
    "behaviour-changes": of_behaviour_changes,
    "behaviour-contrasts": of_behaviour_contrasts,
    "judge": of_judge,
    "judge-spreads": of_all_complete,
    "differences": of_one_pair,
    "contrasts": of_contrasts,
    "contrast-differences": of_one_contrast,
    "class-effects": of_class_effects,
    "class-sizes": lambda read, column, row: LOOKED_AT,
    "look-alike-pairs": lambda read, column, row: LOOKED_AT,
    "misread": of_misread,
    "look-alikes": of_look_alikes,
    "spreads": of_all_complete,
    "spread-medians": of_spread_medians,
    "habits": of_habits,
    "habit-means": of_habits,
    "over-base": of_over_base,
    "score-intervals": of_all_complete,
    "orders": of_orders,
    "expectations": lambda read, column, row: Expected(why="simulated, from the shape"),
    "simulations": lambda read, column, row: Expected(why="simulated: studies made by chance"),
    "search-prices": of_prices,
    "search-finalists": of_finalists,
    "search-gaps": of_gaps,
    "search-rounds": of_rounds,
    "search-importance": of_importance,
    "confirmation": of_confirmation,
    "confirmation-runs": of_one_run,
}


@pytest.fixture(scope="module")
def read() -> Reading:
    return Reading()


@pytest.fixture(scope="module")
def study():
    return load(STUDY)


@pytest.fixture(scope="module")
def printed() -> list[str]:
    """Every cell that a mark of the published text names."""
    text = (RESULTS / "report" / "index.qmd").read_text("utf-8")
    keys = re.findall(r'data-key="[^";]*;([^"]+)"', text)
    return sorted({cell for key in keys for cell in key.split(";")})


@pytest.fixture(scope="module")
def shown(study, printed) -> dict:
    return look_up(study, RESULTS, printed)


def look_up(study, results: Path, cells: list[str]) -> dict:
    text = "".join(f'[1]{{.receipt data-key=";{cell}"}}' for cell in cells)
    inspected = inspections.find(study, results)
    return receipts.receipts(text, study, results, inspected)


def told(content: dict, cell: str) -> Expected:
    """What a receipt says: the records of all runs that it names are looked up."""
    receipt = content["cells"][cell]
    by_experiment = isinstance(receipt["seeds"], dict)
    seeds = {
        id_: set(receipt["seeds"][id_] if by_experiment else receipt["seeds"])
        for id_ in receipt["experiments"]
    }
    searched = {content["searched"][place][7] for place in receipt.get("searched", ())}
    return Expected(seeds, searched, receipt.get("why", ""))


def wrong(content: dict, read: Reading, cells: list[str]) -> dict[str, tuple]:
    """The cells whose receipts name other runs than they should, or give another reason."""
    faults = {}
    for cell in cells:
        table, place, column = cell.split(":")
        expected = EXPECTED[table](read, column, read.rows[table][int(place)])
        receipt = told(content, cell)
        same = (receipt.seeds, receipt.searched) == (expected.seeds, expected.searched)
        some = any(expected.seeds.values()) or expected.searched
        why = expected.why or ("" if some else NOT_YET)
        if not (same and why in receipt.why and bool(why) == bool(receipt.why)):
            faults[cell] = (receipt, expected)
    return faults


def of_a_table(cell: str) -> bool:
    return not cell.startswith(("figure-", "settings:", "inspection:"))


def test_every_printed_cell_names_the_right_runs(printed, shown, read):
    cells = [cell for cell in printed if of_a_table(cell)]
    assert len(cells) > 1500
    assert wrong(shown, read, cells) == {}


def test_no_printed_cell_is_without_runs_and_without_a_reason(printed, shown):
    silent = [
        cell
        for cell in printed
        for receipt in [told(shown, cell)]
        if not (any(receipt.seeds.values()) or receipt.searched or receipt.why)
    ]
    assert silent == []


OF_ROUNDS = ("search-places", "search-rounds")
"""Tables that have rows only of a search in rounds, which the published one need not be."""

TABLES_OF_ACCURACY = [table.put(ACCURACY) for table in (*TABLES, *EVIDENCE, *CONFIRMED)]


def numbers_of(table: Table) -> list[str]:
    """Name the columns of numbers that are no key."""
    return [one.name for one in table.columns
            if one.type in ("integer", "number") and one.name not in table.key]  # fmt: skip


def some_cells(table: Table, read: Reading) -> list[str]:
    """Name the numbers of up to sixty rows of a table, from first to last."""
    rows = read.rows.get(table.name, [])
    places = range(0, len(rows), max(1, len(rows) // 60))
    return [
        f"{table.name}:{place}:{name}"
        for place in places
        for name in numbers_of(table)
        if rows[place][name]
    ]


@pytest.fixture(scope="module")
def receipts_of_all(study, read) -> dict:
    """Receipts of all of them at once: each look reads all tables."""
    cells = [cell for table in TABLES_OF_ACCURACY for cell in some_cells(table, read)]
    return look_up(study, RESULTS, cells)


@pytest.mark.parametrize("table", TABLES_OF_ACCURACY, ids=lambda table: table.name)
def test_numbers_that_are_not_printed_name_the_right_runs_too(table, receipts_of_all, read):
    cells = some_cells(table, read)
    assert cells or not numbers_of(table) or table.name in (*OF_ROUNDS, "others")
    assert wrong(receipts_of_all, read, cells) == {}


def test_a_setting_names_the_runs_that_were_trained_with_it(printed, shown, read):
    cells = [cell for cell in printed if cell.startswith("settings:")]
    assert len(cells) > 100
    for cell in cells:
        experiment = cell.split(":")[1]
        assert told(shown, cell) == read.each("status", experiment), cell


def test_what_is_measured_without_a_network_says_so(printed, shown):
    cells = [cell for cell in printed if cell.startswith("inspection:")]
    assert len(cells) >= 3
    for cell in cells:
        receipt = told(shown, cell)
        assert not receipt.seeds
        assert "without a network" in receipt.why


def test_settings_and_printed_numbers_train_nothing(shown):
    """The command of their receipts must not tell a reader to train what they do not need."""
    assert shown["cells"]["experiments:0:macs"]["experiments"] == []
    assert shown["cells"]["search-prices:0:goal"]["experiments"] == []
    assert shown["cells"]["published:0:published_test_accuracy"]["source"] == "ranthilake2021"


def test_the_gap_of_a_finalist_is_made_of_its_trial_and_its_new_seeds(shown, read):
    """Trial 10 won at the price of the base; its own seeds 201 to 205 are not in the gap."""
    assert (read.rows["search-finalists"][1]["trial"], read.rows["search-finalists"][1]["won"]) == (
        "10",
        "true",
    )
    listed = [shown["searched"][place] for place in
              shown["cells"]["search-finalists:1:gap"]["searched"]]  # fmt: skip
    assert [(row[0], row[1], row[2], row[3]) for row in listed] == [
        ("base", "trial", 10, 1),
        ("base", "finalist", 10, 101),
        ("base", "finalist", 10, 102),
    ]


# ------------------------------------------------------------------------------------- figures


@pytest.fixture(scope="module")
def figures() -> dict[str, dict]:
    return json.loads((RESULTS / "figures" / "figures.json").read_text("utf-8"))


def test_the_list_of_figures_names_the_runs_that_its_pictures_name(study, figures):
    kept = (inspections.find(study, RESULTS), look_alikes.find(study, RESULTS))
    results = Results(study, RESULTS / "tables", RESULTS / "evidence", *kept)
    pictures = _pictures(study, inspected=True, looked=True)
    assert list(pictures) == list(figures)
    for id_, picture in pictures.items():
        assert picture.runs(results) == figures[id_]["runs"], id_
        assert picture.searched(results) == figures[id_]["searched"], id_


def expected_of_figure(read: Reading, id_: str) -> Expected:
    """What a figure is drawn from, by its id and what its alternative text names."""
    everything = list(read.by_experiment)
    ids: list[str] = []
    if id_ in (
        "samples",
        "neighbours",
        "receptive-field",
        "descent",
        "architecture",
        "look-alikes",
    ):
        return Expected()
    if id_ == "misread":
        best = max(
            read.rows["experiments"], key=lambda row: float(row["validation_accuracy_mean"] or 0)
        )
        ids = [best["experiment"]]
        return read.each("status", *ids)
    if id_ in ("filters", "feature-maps", "occlusion", "mistakes", "embedding"):
        (path,) = (RESULTS / "inspection").glob("*.json")
        networks = json.loads(path.read_text("utf-8"))["networks"]
        kept = networks[:1] if id_ == "feature-maps" else networks
        return Expected({one["experiment"]: {one["seed"]} for one in kept})
    if id_ == "overview":
        best = max(
            read.rows["experiments"], key=lambda row: float(row["validation_accuracy_mean"] or 0)
        )
        named = read.each("status", "base", ENHANCED, best["experiment"])
        return replace(named, searched=read.search("winner"))
    if id_.startswith("search-"):
        trials = read.search("trial")
        searched = {
            "search-trials": trials | read.search("finalist"),
            "search-winners": read.search("winner"),
        }.get(id_, trials)
        ids = everything if id_ == "search-winners" else []
        return replace(read.each("status", *ids), searched=searched)
    if id_ == "confirmation":
        pairs = [(r["reference"], r["experiment"]) for r in read.rows["confirmation"]]
        told = {
            r[key]
            for r in read.rows["confirmation"]
            for key in ("reference", "experiment")
            if r["fresh_difference"]
        }
        first = read.each("status", *(id_ for pair in pairs for id_ in pair)).seeds
        fresh = read.fresh(*told).seeds
        return Expected({id_: first[id_] | fresh.get(id_, set()) for id_ in first})
    if id_.endswith("base-and-enhanced"):
        ids = ["base", ENHANCED]
    elif id_ == "others":
        return replace(read.each("status", *everything), searched=read.search("winner"))
    elif id_ in ("accuracy-and-calibration", "test-habits", "run-spread"):
        ids = everything
    elif id_ == "accuracy-and-cost":
        images = {name: read.runs(name)[0]["training_images"] for name in everything}
        ids = [name for name in everything if images[name] == images["base"]]
    elif id_ == "published-and-ours":
        ids = [row["experiment"] for row in read.rows["published"]]
    elif id_ == "class-effects":
        judged = [row for row in read.rows["ledger"] if row["test_difference"]]
        rows = sorted(judged, key=lambda row: -abs(float(row["test_difference"])))[:40]
        ids = [row[key] for row in rows for key in ("reference", "experiment")]
    elif id_.startswith("group-"):
        questions = GROUPS[id_.removeprefix("group-")]
        ids = [one for question in questions for one in read.question(question)]
    else:
        question = re.sub("-(curve|effects|contrasts|training)$", "", id_)
        ids = read.question(question)
        if id_.endswith("-training"):
            told = [r for r in read.rows["behaviour-changes"] if r["question"] == question]
            telling = [r["experiment"] for r in told if r["behaviour"]]
            ids = [ids[0], *telling] if telling else []
        if id_.endswith("-contrasts"):
            ids += [part for row in read.rows["contrasts"] if row["question"] == question
                    for part in row["parts"].split()]  # fmt: skip
    return read.each("status", *ids)


GROUPS = {
    "size": ("width-and-kernel-size", "depth", "dense-units"),
    "layers": ("batch-normalization", "head", "activation", "pooling", "padding", "residual"),
    "training": (
        *("epochs", "schedule", "learning-rate", "batch-size", "optimizer", "weight-averaging"),
        *("weight-averaging-with-cosine", "gradient-clipping", "nesterov"),
    ),
    "regularization": (
        *("augmentation", "dropout", "weight-decay", "label-smoothing", "flip-order"),
    ),
    "data": (
        *("source-recipe", "source-recipe-enhanced", "training-images", "scaling"),
        "test-time-flip",
    ),
    "together": ("carry-over", "combination"),
}
"""The questions of each group, as the parameters say that they change."""


def test_every_figure_names_the_right_runs(figures, read):
    assert len(figures) > 50
    for id_, entry in figures.items():
        if not id_.startswith("effects-all"):
            expected = expected_of_figure(read, id_)
            runs = {name: set(seeds) for name, seeds in entry["runs"].items()}
            assert runs == expected.seeds, id_
            assert set(entry["searched"]) == expected.searched, id_
            assert len(entry["searched"]) == len(expected.searched), id_


def test_the_pages_of_all_effects_name_the_changes_that_they_show(figures, read):
    pages = {id_: entry for id_, entry in figures.items() if id_.startswith("effects-all")}
    assert len(pages) == 3
    rows = read.rows["ledger"]
    named = {id_ for entry in pages.values() for id_ in entry["runs"]}
    assert named == {row[key] for row in rows for key in ("experiment", "reference")}
    for entry in pages.values():
        count = int(re.search(r"Forest plot of (\d+) differences", entry["alt"])[1])
        changes = [row for row in rows if row["experiment"] in entry["runs"]]
        assert count <= len(changes) <= count + 2  # a reference may be a change on another page
        for id_, seeds in entry["runs"].items():
            assert set(seeds) == read.complete(id_)


def test_the_receipt_of_a_figure_counts_its_runs(printed, shown, figures):
    cells = [cell for cell in printed if cell.startswith("figure-")]
    assert len(cells) > 50
    for cell in cells:
        entry = figures[cell.split(":")[0].removeprefix("figure-")]
        receipt = told(shown, cell)
        assert receipt.seeds == {id_: set(seeds) for id_, seeds in entry["runs"].items()}, cell
        assert receipt.searched == set(entry["searched"]), cell
        runs = sum(map(len, receipt.seeds.values())) + len(receipt.searched)
        assert shown["cells"][cell]["value"] == str(runs), cell
        assert runs > 0


# --------------------------------------------------------------- what the published study has not


@pytest.fixture(scope="module")
def uneven(tmp_path_factory) -> Made:
    """A study some of whose runs lack a score, or an end."""
    made = Made(tmp_path_factory.mktemp("uneven"), PLAIN.replace("seeds: 2", "seeds: 4"))
    made.runs("base", (0.50, 0.60, 0.55))
    made.add("base", 4, test=0.5, validation=None)
    made.add("learning-rate-1", 1, test=0.2, validation=None)
    made.runs("learning-rate-2", (0.55, 0.65, 0.6, 0.6))
    for seed in (2, 4):
        made.add("learning-rate-1", seed, test=0.2, validation=0.2)
    made.add("learning-rate-1", 3, status="diverged")
    made.collect()
    return made


@pytest.mark.parametrize(
    ("cell", "seeds"),
    [
        ("experiments:0:validation_accuracy_mean", {"base": {1, 2, 3}}),
        ("experiments:0:test_accuracy_mean", {"base": {1, 2, 3, 4}}),
        ("experiments:0:validation_loss_mean", {"base": {1, 2, 3}}),
        ("experiments:1:planned_runs", {"learning-rate-1": {1, 2, 3, 4}}),
        ("experiments:1:diverged_runs", {"learning-rate-1": {1, 2, 3, 4}}),
        ("experiments:1:training_seconds_mean", {"learning-rate-1": {1, 2, 4}}),
        ("ledger:0:validation_difference", {"learning-rate-1": {2}, "base": {2}}),
        ("ledger:0:validation_p", {"learning-rate-1": {2}, "base": {2}}),
        ("ledger:0:test_difference", {"learning-rate-1": {1, 2, 4}, "base": {1, 2, 4}}),
        ("ledger:0:test_images_margin", {"learning-rate-1": {1, 2, 4}, "base": {1, 2, 3, 4}}),
        ("ledger:1:seconds_to_base", {"learning-rate-2": {1, 2, 3, 4}, "base": {1, 2, 3}}),
        ("over-base:0:difference", {"learning-rate-1": {1, 2, 4}, "base": {1, 2, 4}}),
    ],
)
def test_only_runs_that_have_the_score_count(uneven, cell, seeds):
    assert told(look_up(uneven.study, uneven.folder, [cell]), cell) == Expected(seeds)


def test_a_choice_leaves_out_experiments_with_fewer_runs(uneven):
    """learning-rate-1 has one run with both scores, base three: only learning-rate-2 has four."""
    tables = Tables(uneven.study, uneven.folder / "tables")
    frames = (tables.frame("runs"), tables.search_runs)
    (source,) = next(table for table in EVIDENCE if table.name == "habit-means").sources
    row = {"habit": "best by test", "among": "rate"}
    behind = Runs(uneven.study, *frames, {}).behind([source], row)
    assert behind.seeds == {"learning-rate-2": [1, 2, 3, 4]}


NAMESAKE = PLAIN.replace("  rate:\n", "  learning-rate-1:\n")


def test_a_question_that_has_the_name_of_an_experiment_is_none(tmp_path):
    """What was chosen among is the question, unless it is an epoch that was chosen."""
    made = Made(tmp_path, NAMESAKE)
    for id_ in made.study.experiments:
        made.runs(id_, (0.5, 0.6))
    made.collect()
    tables = Tables(made.study, made.folder / "tables")
    frames = (tables.frame("runs"), tables.search_runs)
    (source,) = next(table for table in EVIDENCE if table.name == "habit-means").sources
    row = {"habit": "best by test", "among": "learning-rate-1"}
    behind = Runs(made.study, *frames, {}).behind([source], row)
    assert list(behind.seeds) == ["base", "learning-rate-1", "learning-rate-2"]
    of_epoch = Runs(made.study, *frames, {}).behind([source], row | {"habit": "best epoch"})
    assert of_epoch.seeds == {"learning-rate-1": [1, 2]}


WIDE_GRID = """
title: Grid
dataset: digits
judge: paired
seeds: 2
base: {filters: [2, 4], kernel_size: 3, epochs: 2}
questions:
  shape:
    title: Shape
    question: Which?
    hypothesis: Larger.
    grid: {kernel_size: [1, 2, 3], epochs: [2, 3]}
"""


def test_a_seed_that_a_contrast_lacks_anywhere_counts_in_none_of_its_experiments(tmp_path):
    """A cell that is no side of the main effect may lack it."""
    made = Made(tmp_path, WIDE_GRID)
    for id_ in made.study.experiments:
        made.runs(id_, (0.5,) if id_ == "kernel-size-1" else (0.5, 0.6))
    made.collect()
    for size, seeds in ((2, {1, 2}), (1, {1})):
        sides = ("base", "epochs-3", f"kernel-size-{size}", f"kernel-size-{size}-epochs-3")
        expected = dict.fromkeys(sides, seeds)
        assert of_contrast(made, f"kernel_size {size} against 3") == expected


def test_independent_samples_are_made_of_all_runs_of_each(tmp_path):
    made = Made(tmp_path, WIDE_GRID.replace("paired", "two-sample"))
    for id_ in made.study.experiments:
        made.runs(id_, (0.5,) if id_ == "kernel-size-1" else (0.5, 0.6))
    made.collect()
    assert of_contrast(made, "kernel_size 1 against 3") == {
        "base": {1, 2},
        "epochs-3": {1, 2},
        "kernel-size-1": {1},
        "kernel-size-1-epochs-3": {1, 2},
    }


def of_contrast(made: Made, contrast: str) -> dict[str, set[int]]:
    """Give the seeds, by experiment, that the receipt of a contrast names."""
    rows = csv.DictReader((made.folder / "evidence" / "contrasts.csv").read_text().splitlines())
    (place,) = (n for n, row in enumerate(rows) if row["contrast"] == contrast)
    cell = f"contrasts:{place}:test_difference"
    return told(look_up(made.study, made.folder, [cell]), cell).seeds


def searched(*rows: tuple) -> pd.DataFrame:
    """Runs of a search: price, trial, stage, seed, epochs, status."""
    names = ("price", "trial", "stage", "seed", "epochs", "status")
    frame = csv_files.frame(
        SEARCH_RUNS.put(ACCURACY),
        [
            dict(zip(names, row, strict=True))
            | {"record": f"{place}", "validation_accuracy": 0.5 if row[5] == "complete" else None}
            for place, row in enumerate(rows)
        ],
    )
    return frame.assign(validation_score=frame["validation_accuracy"])


@pytest.fixture(scope="module")
def halving(uneven) -> Runs:
    """A search some of whose trials have fewer epochs, and whose second finalist broke."""
    runs = searched(
        ("a", 1, "trial", 1, 2, "complete"),
        ("a", 2, "trial", 1, 6, "complete"),
        ("a", 3, "trial", 1, 6, "diverged"),
        ("a", 4, "trial", 1, 6, "complete"),
        ("a", 2, "finalist", 101, 6, "complete"),
        ("a", 2, "finalist", 102, 6, "complete"),
        ("a", 4, "finalist", 101, 6, "complete"),
        ("a", 4, "finalist", 102, 6, "diverged"),
        ("a", 2, "winner", 201, 9, "complete"),
        ("b", 2, "trial", 1, 6, "complete"),
        ("b", 2, "finalist", 101, 6, "complete"),
        ("a", 2, "winner", 202, 9, "failed"),
    )
    frame = Tables(uneven.study, uneven.folder / "tables").frame("runs")
    return Runs(uneven.study, frame, runs, {})


@pytest.mark.parametrize(
    ("of", "stages", "row", "places"),
    [
        (Trials.COMPARED, (Stage.TRIAL,), {}, [1, 3, 9]),
        (Trials.BUDGET, (Stage.TRIAL,), {"price": "a"}, [0, 1, 2, 3]),
        (Trials.ROW, (Stage.TRIAL,), {"price": "a", "trial": "4"}, [3]),
        (Trials.ROW, (Stage.TRIAL, Stage.FINALIST), {"price": "a", "trial": "2"}, [1, 4, 5]),
        (Trials.ROW, (Stage.WINNER,), {"price": "a", "trial": "2"}, [8, 11]),
        (Trials.FINALISTS, (Stage.TRIAL, Stage.FINALIST), {"price": "a"}, [1, 4, 5]),
        (Trials.FINALISTS, (Stage.TRIAL,), {"price": "all prices"}, [1, 9]),
        (Trials.ROUND, (Stage.TRIAL,), {"price": "a", "epochs": "2"}, [0]),
        (Trials.ROUND, (Stage.TRIAL,), {"price": "b", "epochs": "6"}, [9]),
        (
            *(Trials.ROUNDS, (Stage.TRIAL,)),
            {"price": "a", "epochs": "2", "next_epochs": "6"},
            [0, 1, 2, 3],
        ),
        (
            *(Trials.ROUNDS, (Stage.TRIAL,)),
            {"price": "a", "epochs": "6", "next_epochs": ""},
            [1, 2, 3],
        ),
        (Trials.RUN, tuple(Stage), {"record": "8"}, [8]),
    ],
)  # fmt: skip
def test_runs_of_the_search_are_those_of_price_trial_and_stage(halving, of, stages, row, places):
    assert halving.behind([SearchRuns(of, stages)], row).searched == places


def test_what_a_winner_scores_is_made_of_its_runs_that_ended(halving):
    row = {"price": "a", "trial": "2"}
    source = SearchRuns(Trials.ROW, (Stage.WINNER,), complete=True)
    assert halving.behind([source], row).searched == [8]
    of_prices = next(table for table in EVIDENCE if table.name == "search-prices")
    (test,) = (column for column in of_prices.columns if column.name == "test_{metric}")
    assert test.sources == (source,)


def test_a_price_without_a_winner_says_that_there_is_no_run_yet(halving):
    source = SearchRuns(Trials.ROW, (Stage.WINNER,))
    behind = halving.behind([source], {"price": "b", "trial": ""})
    assert (behind, behind.reason) == (Behind(), NOT_YET)


# ---------------------------------------------------------------------------------- declarations


def test_a_column_without_lineage_is_refused():
    with pytest.raises(ValueError, match="scores does not say what price is made from"):
        Table("scores", "", "", (number("price", "What it costs.", "euro"),), ())
    known = Table("scores", "", "", (string("id", "Its id."),), (), sources=(WORKED_OUT,))
    assert known.columns[0].sources == (WORKED_OUT,)


@pytest.mark.parametrize(
    "column",
    [
        number("p", "The same.", "", after=("difference",)),
        replace(number("p", "Chance.", ""), beside=(Beside("Interval", ("lower", "upper")),)),
        replace(number("p", "Chance.", ""), beside=(Tally("Left out", {"failed": "failed"}),)),
    ],
)
def test_a_lineage_that_names_an_unknown_column_is_refused(column):
    with pytest.raises(ValueError, match="p of scores names columns that are not there"):
        Table("scores", "", "", (column,), (), sources=(ThisRun(),))


def columns() -> list[tuple[Table, object]]:
    return [(table, column) for table in TABLES_OF_ACCURACY for column in table.columns]


@pytest.mark.parametrize("metric", METRICS)
def test_what_runs_are_counted_by_is_a_column_of_runs(metric):
    words = {METRIC: metric, SCORE: METRICS[metric].label}
    names = {column.name for column in RUNS.put(words).columns}
    measures = {
        source.measure
        for table in (*TABLES, *EVIDENCE, *CONFIRMED)
        for column in table.put(words).columns
        for source in column.sources
        if isinstance(source, CompleteRuns) and source.measure
    }
    assert {f"test_{metric}", f"validation_{metric}"} < measures <= names


def test_a_description_by_another_table_names_it():
    """A reader of one receipt does not see the other table."""
    described = {(table.name, column.name): column.description for table, column in columns()}
    borrowed = {
        (table.name, column.name): column.described_in
        for table, column in columns()
        if column.description.startswith("As in")
    }
    assert len(borrowed) > 3
    for (table, name), other in borrowed.items():
        assert described[table, name] == f"As in {other}.csv.", name
        assert not described[other, name].startswith("As in")


def test_what_stands_beside_a_number_is_empty_where_a_cell_is():
    beside = Beside("Interval", ("lower", "upper"))
    assert beside.text({"lower": "0.1", "upper": "0.2"}) == "0.1 to 0.2"
    assert beside.text({"lower": "0.1", "upper": ""}) == ""
    said = Beside("Verdict", ("verdict",), "kind", {"combination": {"helps": "more"}})
    assert said.text({"kind": "combination", "verdict": "helps"}) == "more"
    assert said.text({"kind": "combination", "verdict": "hurts"}) == "hurts"
    assert said.text({"kind": "main effect", "verdict": "helps"}) == "helps"
    tally = Tally("Left out", {"failed_runs": "failed", "missing_runs": "missing"})
    assert tally.text({"failed_runs": "0", "missing_runs": "2"}) == "2 missing"
    assert tally.text({"failed_runs": "", "missing_runs": "0"}) == ""
