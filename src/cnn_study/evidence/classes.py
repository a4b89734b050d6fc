"""What each change does to each class."""

from typing import Any

from cnn_study.base.inference import effect, paired
from cnn_study.evidence.facts import Facts, family, without_pairs


def class_rows(facts: Facts) -> list[dict[str, Any]]:
    """Give the effect of every change on every class."""
    shares = facts.classes.assign(share=facts.classes["correct"] / facts.classes["images"])
    by = {
        key: dict(zip(group["seed"].astype(int), group["share"].astype(float), strict=True))
        for key, group in shares.groupby(["experiment", "class"], sort=False)
    }
    empty = set(shares.loc[shares["images"] == 0, "class"])
    rows = []
    for name, ids in facts.study.questions.items():
        reference = facts.study.file.questions[name].reference
        for id_ in ids:
            classes = facts.study.dataset.class_names
            effects = [
                effect(list(paired(by.get((id_, c), {}), by.get((reference, c), {})).values()))
                for c in classes
            ]
            unrun = [
                "not measured" if c in empty else without_pairs(facts.experiments[id_])
                for c in classes
            ]
            judged = family(effects, "test", facts.study.smallest_effect, unrun)
            rows += [
                {"question": name, "experiment": id_, "reference": reference, "class": c, **row}
                for c, row in zip(classes, judged, strict=True)
            ]
    return rows
