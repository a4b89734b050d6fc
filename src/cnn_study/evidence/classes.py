"""What each change does to each class."""

from collections.abc import Mapping
from typing import Any

from cnn_study.base.inference import Effect
from cnn_study.base.judge import Judge, Runs
from cnn_study.evidence.families import family, without_runs
from cnn_study.evidence.read import Tables

Shares = Mapping[str, dict[str, Runs]]
"""Share of a class's test images that each run recognizes: by class, experiment and seed."""


def class_rows(tables: Tables) -> list[dict[str, Any]]:
    """Give the effect of every change on every class."""
    shares = _shares(tables)
    judges = _judges(tables, shares)
    empty = set(tables.classes.loc[tables.classes["images"] == 0, "class"])
    rows = []
    for name, ids in tables.study.questions.items():
        reference = tables.study.file.questions[name].reference
        for id_ in ids:
            unrun = without_runs(tables.experiments[id_])
            reasons = ["not measured" if c in empty else unrun for c in shares]
            effects = _effects(judges, shares, id_, reference)
            doubt = any(tables.partly_collapsed(each, "test_score") for each in (id_, reference))
            doubts = [doubt] * len(effects)
            judged = family(effects, "test", tables.study.smallest_effect, reasons, doubts)
            rows += [
                {"question": name, "experiment": id_, "reference": reference, "class": c, **row}
                for c, row in zip(shares, judged, strict=True)
            ]
    return rows


def _shares(tables: Tables) -> Shares:
    """Read the shares; a class without test images has none."""
    counts = tables.classes[tables.classes["images"] > 0]
    of_run = (counts[column].tolist() for column in ("experiment", "class", "seed"))
    shares = (counts["correct"] / counts["images"]).tolist()
    by: dict[str, dict[str, dict[int, float]]]
    by = {name: {} for name in tables.study.dataset.class_names}
    for id_, name, seed, share in zip(*of_run, shares, strict=True):
        by[str(name)].setdefault(str(id_), {})[int(seed)] = share
    return {name: dict(of_class) for name, of_class in by.items()}


def _judges(tables: Tables, shares: Shares) -> dict[str, Judge]:
    """Choose the judge of each class: pairs as that of all test images does."""
    paired = tables.judges["test"].paired
    images = tables.classes.groupby("class")["images"].max()
    return {
        name: tables.judge(of_class, int(images[name]), paired)
        for name, of_class in shares.items()
        if of_class
    }


def _effects(judges: dict[str, Judge], shares: Shares, id_: str, reference: str) -> list[Effect]:
    return [
        judges[name].effect(of_class.get(id_, {}), of_class.get(reference, {}))
        if name in judges
        else Effect(0)
        for name, of_class in shares.items()
    ]
