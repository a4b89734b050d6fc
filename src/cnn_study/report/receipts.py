"""The receipts of a report's numbers, for the page: table, row, runs, hashes, command."""

import hashlib
import json
import re
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any

import pandas as pd

from cnn_study.evidence import schemas as evidence_schemas
from cnn_study.evidence.cells import FIGURE, INSPECTION, PUBLISHED, SETTINGS
from cnn_study.runs import inspections
from cnn_study.study.model import Study
from cnn_study.study.settings import parameters, value_text
from cnn_study.tables import csv_files
from cnn_study.tables import schemas as table_schemas

TOGETHER = {"helps": "more than the sum", "hurts": "less than the sum"}
"""Verdicts on interactions and combinations."""

ELEMENT = "receipts"
"""Id of the page's element that holds the receipts."""

LEANS_ON = {
    "deviation": ("difference",),
    "lower": ("difference",),
    "upper": ("difference", "lower"),
    "p": ("difference",),
    "p_holm": ("difference", "p"),
    "p_holm_all": ("difference", "p"),
}
"""Columns of an effect whose description goes on from those of others."""


# ------------------------------------------------------------------------------- in the text


def mark(text: str, number: Any) -> str:
    """Wrap the text of a number that has a receipt in a mark that names its cells."""
    cells = getattr(number, "cells", ())
    if not cells:
        return text
    key = ";".join([getattr(number, "how", ""), *map(str, cells)])
    experiments = {cell.experiment for cell in cells}
    one = experiments.pop() if len(experiments) == 1 else None
    whose = f' data-experiment="{one}"' if one else ""
    return f'[{text}]{{.receipt data-key="{key}"{whose}}}'


def lead_once_a_row(text: str) -> str:
    """Let only the first number of each experiment in a row of a table lead to its runs on paper.

    Links to the same place beside each other help nobody, least of all those to whom the PDF is
    read aloud; a link at every number takes a third of the time that setting the PDF takes.
    """

    def thinned(row: re.Match[str]) -> str:
        seen = set()

        def kept(found: re.Match[str]) -> str:
            first = found[0] not in seen
            seen.add(found[0])
            return found[0] if first else ""

        return re.sub(r' data-experiment="[^"]*"', kept, row[0])

    return re.sub(r"^\|.*", thinned, text, flags=re.MULTILINE)


# ------------------------------------------------------------------------------- for the page


def receipts(
    text: str, study: Study, results: Path, inspected: Path | None = None
) -> dict[str, Any]:
    """Look up what every mark in a text names.

    Returns:
        study, results (the folder as a newcomer sees it), tables (file, sha256, what they are,
        the columns named; figures and the inspection stand among them), cells (see `_cell`),
        experiments (their runs).
    """
    keys = set(re.findall(r'data-key="[^";]*;([^"]+)"', text))
    known = {
        table.name: (folder, table)
        for folder, several in (
            ("tables", table_schemas.TABLES),
            ("evidence", evidence_schemas.EVIDENCE),
        )
        for table in several
    }
    runs = Runs(
        study,
        *(
            csv_files.read(results / "tables", table)
            for table in (table_schemas.RUNS, table_schemas.SEARCH_RUNS)
        ),
    )
    found: dict[str, Any] = {"tables": {}, "cells": {}}
    rows: dict[str, list[dict[str, str]]] = {}
    drawn: dict[str, Any] = {}
    for cell in sorted({cell for key in keys for cell in key.split(";")}):
        name, row, column = cell.split(":")
        if name.startswith(FIGURE):
            drawn = drawn or _index(results)
            id_ = name.removeprefix(FIGURE)
            found["tables"][name] = _drawn(results, drawn[id_])
            found["cells"][cell] = _shown(id_, drawn[id_]["runs"])
            continue
        if name == INSPECTION:
            about = found["tables"].setdefault(name, _inspected(inspected))
            about["columns"][column] = _field(column)
            found["cells"][cell] = _fact(inspected, column)
            continue
        if name == SETTINGS:
            about = found["tables"].setdefault(name, _study_file(study))
            about["columns"][column] = _parameter(column)
            found["cells"][cell] = _given(runs, row, column)
            continue
        folder, table = known[name]
        if name not in rows:
            path = results / folder / table.file
            frame = pd.read_csv(path, dtype=str, keep_default_na=False)
            rows[name] = frame.to_dict("records")
            found["tables"][name] = _about(folder, table, path)
        found["tables"][name]["columns"][column] = _column(table, column)
        found["cells"][cell] = _cell(runs, table, int(row), column, rows[name][int(row)])
    involved = {id_ for cell in found["cells"].values() for id_ in cell["experiments"]}
    return found | {
        "study": study.name,
        "results": f"results/{study.name}",
        "experiments": {id_: runs.listed(id_) for id_ in study.experiments if id_ in involved},
    }


def _index(results: Path) -> dict[str, Any]:
    return json.loads((results / "figures" / "figures.json").read_text(encoding="utf-8"))


def _drawn(results: Path, entry: dict[str, Any]) -> dict[str, Any]:
    """Describe a figure as `_about` does a table."""
    path = results / "figures" / entry["file"]
    meaning = "How many runs the figure is drawn from."
    return {
        "kind": "Figure",
        "file": f"figures/{path.name}",
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "title": "Drawn from the tables and the evidence",
        "description": "Its main numbers stand in words in its alternative text.",
        "made": "figures",
        "columns": {"runs": {"meaning": [["runs", meaning]], "unit": ""}},
    }


def _shown(id_: str, runs: dict[str, list[int]]) -> dict[str, Any]:
    """Make the receipt of a figure as `_cell` does that of a cell; seeds are by experiment."""
    count = str(sum(map(len, runs.values())))
    found = {"value": count, "row": {"figure": id_}, "line": None, "beside": []}
    return found | {"experiments": list(runs), "seeds": runs}


def _inspected(path: Path) -> dict[str, Any]:
    """Describe the facts of an inspection as `_about` does a table."""
    return {
        "kind": "Facts",
        "file": f"inspection/{path.name}",
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "title": "Inspection",
        "description": "What was measured with the images at hand, without a network.",
        "made": "inspect",
        "columns": {},
    }


def _field(place: str) -> dict[str, Any]:
    """Say what a number of a baseline means; its place is baselines, name, field."""
    field = inspections.Baseline.model_fields[place.split(".")[-1]]
    return {"meaning": [[place, field.description]], "unit": ""}


def _fact(path: Path, place: str) -> dict[str, Any]:
    *folders, last = place.split(".")
    value = json.loads(path.read_text(encoding="utf-8"))
    for name in (*folders, last):
        value = value[name]
    row = dict(zip(("of", "method"), folders, strict=True))
    none: dict[str, Any] = {"beside": [], "experiments": [], "seeds": []}
    return {"value": str(value), "row": row, "line": None} | none


def _study_file(study: Study) -> dict[str, Any]:
    """Describe the study file as `_about` does a table."""
    return {
        "kind": "Study file",
        "path": f"experiments/{study.path.name}",
        "sha256": hashlib.sha256(study.path.read_bytes()).hexdigest(),
        "title": "Settings",
        "description": "The study file gives them; the rest is at default. Each run's record has "
        "all of them.",
        "made": "check",
        "columns": {},
    }


def _parameter(name: str) -> dict[str, Any]:
    (found,) = (one for one in parameters() if one["name"] == name)
    return {"meaning": [[name, found["description"]]], "unit": found["unit"]}


def _given(runs: "Runs", experiment: str, setting: str) -> dict[str, Any]:
    """Make the receipt of a setting as `_cell` does that of a cell."""
    place, line = runs.study.given(experiment, setting)
    value = value_text(getattr(runs.study.experiments[experiment].settings, setting))
    return {
        "value": value,
        "row": {"experiment": experiment, "setting": setting},
        "line": line,
        "beside": [["Given in", place or "nothing: the default"]],
        "experiments": [experiment],
        "seeds": runs.complete([experiment]),
    }


def _about(folder: str, table: table_schemas.Table, path: Path) -> dict[str, Any]:
    return {
        "kind": "Table",
        "file": f"{folder}/{table.file}",
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "title": table.title,
        "description": table.description,
        "made": "analyse" if folder == "evidence" else "tables",
        "columns": {},
    }


def _column(table: table_schemas.Table, name: str) -> dict[str, Any]:
    """Say what a column means: those that its description goes on from, then itself."""
    described = {column.name: column for column in table.columns}
    images, _, part = name.partition("_")
    before = [f"{images}_{one}" for one in LEANS_ON.get(part, ())]
    if name == "epochs_to_base":
        before = ["seconds_to_base"]
    meaning = [[one, described[one].description] for one in (*before, name) if one in described]
    if meaning[-1][1].startswith("As in experiments.csv"):
        same = next(column for column in table_schemas.EXPERIMENTS.columns if column.name == name)
        meaning[-1][1] = same.description
    return {"meaning": meaning, "unit": described[name].unit}


def _cell(
    runs: "Runs", table: table_schemas.Table, place: int, column: str, row: dict[str, str]
) -> dict[str, Any]:
    """Make the receipt of one cell.

    Returns:
        value (as it stands in the file), row (its key), line (of the file), beside (labels and
        what stands in the row's other cells), experiments and seeds (of the runs that it comes
        from), source (citation, for what somebody else printed).
    """
    found = {
        "value": row[column],
        "row": {key: row[key] for key in table.key},
        "line": place + 2,
        "beside": _beside(table.name, column, row),
    }
    if column in PUBLISHED.get(table.name, ()):
        given = runs.study.file.published
        return found | {"experiments": [], "seeds": [], "source": given.citation}
    if table.name.startswith("search-") and (used := runs.of_search(column, row)):
        found["beside"].append(["Records", ", ".join(used)])
    if table.name == "habits":
        found["beside"].append(["Chosen from", ", ".join(runs.candidates(row["among"]))])
    experiments = runs.behind(table.name, column, row)
    return found | {
        "experiments": experiments,
        "seeds": runs.seeds(table.name, column, row, experiments),
    }


# ---------------------------------------------------------------------- what stands beside it


def _beside(table: str, column: str, row: dict[str, str]) -> list[list[str]]:
    """List what a number should not be read without: interval, deviation, how many runs."""
    images = column.partition("_")[0]
    if table == "habits":
        told = [["Chosen", row["chosen"]], ["Told", row["told"]], ["Honest", row["honest"]]]
        return [*told, ["Optimism", row["gap"]]]
    if table == "habit-means":
        told = [["Told", row["told"]], ["Honest", row["honest"]], ["Optimism", row["gap"]]]
        interval = _between(row["gap_lower"], row["gap_upper"])
        return _filled([*told, ["95 % interval", interval], ["Seeds", row["seeds"]]])
    if table == "search-prices":
        whose = column.removesuffix("_accuracy") if column == "test_accuracy" else column
        interval = _between(row.get(f"{whose}_lower", ""), row.get(f"{whose}_upper", ""))
        return _filled([["95 % interval", interval], ["Winner's runs", row["runs"]]])
    if table == "search-gaps":
        interval = _between(row["gap_lower"], row["gap_upper"])
        return _filled([["95 % interval", interval], ["Finalists", row["finalists"]]])
    if table == "over-base":
        interval = _between(row["lower"], row["upper"])
        gain = [["Difference on test images", row["difference"]], ["95 % interval", interval]]
        return _filled([*gain, ["Pairs of runs", row["pairs"]]])
    if table == "contrasts":
        both = [["Together", row["together"]], ["Sum of the parts", row["added"]]]
        images = "validation" if images == "validation" else "test"
        told = [["Kind", row["kind"]], *both, *_effect(row, images)]
        return _filled([[label, _of_contrast(row["kind"], text)] for label, text in told])
    if images in ("validation", "test") and f"{images}_lower" in row:
        return _effect(row, images)
    if column.startswith(("prediction_", "test_accuracy_")) and "prediction_lower" in row:
        interval = _between(row["prediction_lower"], row["prediction_upper"])
        return _filled([*_summary(row, "test_accuracy"), ["95 % prediction interval", interval]])
    measure = re.sub("_(mean|standard_deviation|smallest|largest|n)$", "", column)
    return _summary(row, measure) if f"{measure}_standard_deviation" in row else []


def _of_contrast(kind: str, text: str) -> str:
    """Put the verdict of an interaction or a combination as the report does."""
    return text if kind == "main effect" else TOGETHER.get(text, text)


def _effect(row: dict[str, str], images: str) -> list[list[str]]:
    """Give a paired difference with its interval, the pairs and what is said of it."""
    interval = _between(row[f"{images}_lower"], row[f"{images}_upper"])
    return _filled(
        [
            [f"Difference on {images} images", row[f"{images}_difference"]],
            ["95 % interval", interval],
            ["Pairs of runs", row[f"{images}_pairs"]],
            ["Verdict", row[f"{images}_verdict"]],
        ]
    )


def _summary(row: dict[str, str], measure: str) -> list[list[str]]:
    """Give mean, standard deviation and range of one measure, and how many runs."""
    ends = [row.get(f"{measure}_{end}", "") for end in ("smallest", "largest")]
    counts = [f"{row.get(f'{status}_runs') or 0} {status}"
              for status in ("diverged", "failed", "missing")
              if (row.get(f"{status}_runs") or "0") != "0"]  # fmt: skip
    return _filled(
        [
            ["Mean", row[f"{measure}_mean"]],
            ["Standard deviation", row[f"{measure}_standard_deviation"]],
            ["Smallest to largest", _between(*ends)],
            ["Runs (n)", row.get(f"{measure}_n") or row["complete_runs"]],
            ["Left out", ", ".join(counts)],
        ]
    )


def _between(lower: str, upper: str) -> str:
    return f"{lower} to {upper}" if lower and upper else ""


def _filled(pairs: list[list[str]]) -> list[list[str]]:
    return [pair for pair in pairs if pair[1]]


# ------------------------------------------------------------------------ the runs behind it


@dataclass(frozen=True)
class Runs:
    """The runs of a study, and which of them a cell of a table comes from."""

    study: Study
    frame: pd.DataFrame
    searched: pd.DataFrame

    def of_search(self, column: str, row: dict[str, str]) -> list[str]:
        """Name the records of the search that a cell is made from."""
        stage = {"search": "trial", "fresh": "finalist", "finalist": "finalist"}
        if column in ("trials", "broken_trials") or not row.get("trial"):
            return []
        runs = self.searched[self.searched["price"] == row["price"]]
        runs = runs[runs["trial"] == int(row["trial"])]
        kind = stage.get(column.partition("_")[0], "winner")
        return list(runs.loc[runs["stage"] == kind, "record"])

    def listed(self, experiment: str) -> list[list[Any]]:
        """List seed, status, test accuracy, record, weights and commit of each run."""
        wanted = ["seed", "status", "test_accuracy", "record", "weights_sha256", "commit"]
        return [[row[column] for column in wanted] for row in self._by_experiment[experiment]]

    @cached_property
    def _by_experiment(self) -> dict[str, list[dict[str, Any]]]:
        """Give the rows of each experiment's runs; None where a cell is empty."""
        found: dict[str, list[dict[str, Any]]] = {}
        plain = self.frame.astype(object).where(self.frame.notna(), None)
        for row in plain.to_dict("records"):
            found.setdefault(row["experiment"], []).append(row)
        return found

    def behind(self, table: str, column: str, row: dict[str, str]) -> list[str]:
        """Name the experiments whose runs a cell is made from."""
        if table == "layers":
            return []  # worked out from the settings
        if table.startswith("search-"):
            enhanced = self.study.file.enhanced or "base"
            return {"over_base": ["base"], "over_enhanced": [enhanced]}.get(column, [])
        if table in ("contrasts", "contrast-differences"):
            return self._of_contrast(row)
        if table == "habits":
            return [row["chosen"] if row["chosen"] in self.study.experiments else row["among"]]
        if table == "habit-means":
            return self._chosen_from(row["among"])
        if table == "over-base":
            return [row["experiment"], "base"]
        if table == "orders":
            return [row["better_experiment"], row["worse_experiment"]]
        if column in ("seconds_to_base", "epochs_to_base"):
            return list(dict.fromkeys([row["experiment"], "base"]))
        if table in ("ledger", "differences", "class-effects") and not column.endswith("_runs"):
            return [row["experiment"], row["reference"]]
        return [row["experiment"]]

    def _chosen_from(self, among: str) -> list[str]:
        if among in self.study.experiments:
            return [among]
        if among in self.study.questions:
            reference = self.study.file.questions[among].reference
            return list(dict.fromkeys([reference, *self.study.questions[among]]))
        return list(self.study.experiments)

    def candidates(self, among: str) -> list[str]:
        """Name what a habit chose from: the epochs of an experiment, or experiments."""
        if among in self.study.experiments:
            return [f"the epochs of {among}"]
        if among in self.study.questions:
            reference = self.study.file.questions[among].reference
            return [reference, *self.study.questions[among]]
        return [among]

    def seeds(
        self, table: str, column: str, row: dict[str, str], experiments: list[str]
    ) -> list[int]:
        """List the seeds of these runs; of several experiments, those that all of them have."""
        if "seed" in row and table != "habits":
            return [int(row["seed"])]
        if column.endswith("_runs"):
            of_all = (self._by_experiment.get(id_, []) for id_ in experiments)
            return sorted({int(row["seed"]) for row in chain.from_iterable(of_all)})
        needed = experiments
        if table in ("contrasts", "contrast-differences") and len(self._grid(row["question"])):
            needed = list(self._grid(row["question"]))
        images = "validation" if column.startswith("validation") else "test"
        return self.complete(needed, images)

    def complete(self, experiments: list[str], images: str = "test") -> list[int]:
        """List the seeds of complete runs, scored on these images, that all experiments have."""
        found = [self._scored[images].get(id_, set()) for id_ in experiments]
        return sorted(set.intersection(*found)) if found else []

    @cached_property
    def _scored(self) -> dict[str, dict[str, set[int]]]:
        complete = self.frame[self.frame["status"] == "complete"]
        return {
            images: {
                id_: {int(seed) for seed in runs["seed"]}
                for id_, runs in complete.dropna(subset=f"{images}_accuracy").groupby("experiment")
            }
            for images in ("validation", "test")
        }

    def _grid(self, question: str) -> dict[str, dict[str, str]]:
        """Give the levels, as text, of each experiment of a factorial question."""
        design = self.study.file.questions[question].factorial
        cells = design.cells if design else []
        return {
            self.study.cell(question, values): {
                name: value_text(value) for name, value in values.items()
            }
            for values in cells
        }

    def _of_contrast(self, row: dict[str, str]) -> list[str]:
        """Name what is set against what: cells of a grid, or a combination with its parts."""
        if grid := self._grid(row["question"]):
            sides = re.findall(r"(\w+) (\S+) against ([^\s,]+)", row["contrast"])
            return [
                id_
                for id_, values in grid.items()
                if all(values.get(name, one) in (one, other) for name, one, other in sides)
            ]
        named = re.findall(r"[\w-]+", row["contrast"])
        reference = self.study.file.questions[row["question"]].reference
        mine = [id_ for id_ in self.study.experiments if id_ in named and id_ != reference]
        return [*mine, reference]
