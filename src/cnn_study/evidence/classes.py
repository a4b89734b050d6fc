"""What each change does to each class."""

from typing import Any

from cnn_study.base.inference import effect, paired
from cnn_study.evidence.families import family, without_pairs
from cnn_study.evidence.read import Tables


def class_rows(tables: Tables) -> list[dict[str, Any]]:
    """Give the effect of every change on every class."""
    shares = tables.classes.assign(share=tables.classes["correct"] / tables.classes["images"])
    by = {
        key: dict(zip(group["seed"].astype(int), group["share"].astype(float), strict=True))
        for key, group in shares.groupby(["experiment", "class"], sort=False)
    }
    empty = set(shares.loc[shares["images"] == 0, "class"])
    rows = []
    for name, ids in tables.study.questions.items():
        reference = tables.study.file.questions[name].reference
        for id_ in ids:
            classes = tables.study.dataset.class_names
            effects = [
                effect(list(paired(by.get((id_, c), {}), by.get((reference, c), {})).values()))
                for c in classes
            ]
            unrun = [
                "not measured" if c in empty else without_pairs(tables.experiments[id_])
                for c in classes
            ]
            judged = family(effects, "test", tables.study.smallest_effect, unrun)
            rows += [
                {"question": name, "experiment": id_, "reference": reference, "class": c, **row}
                for c, row in zip(classes, judged, strict=True)
            ]
    return rows
