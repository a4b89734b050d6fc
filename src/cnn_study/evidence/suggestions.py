"""Advice for a better score, from the ledger: what to change, its gain, its price.

Choosing and ranking see a `Candidate`, which holds nothing of the test images. Test scores are
added after that, to tell what the chosen changes are worth on images that nothing was chosen by.
They come from the networks that chose; what fresh ones say, and how strong the evidence then is,
`confirmation` works out from what stands here.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cnn_study.study.model import Study

NO_ADVICE = {"training_fraction", "validation_fraction", "watch_test"}
"""Parameters that say what is measured and by what; changing them advises nobody."""

REFUTED = ("hurts", "no meaningful difference", "unreliable", "does not train")
"""Verdicts with which a change is not advised; the others that are not `helps` are open."""


@dataclass(frozen=True)
class Candidate:
    """One change as choosing sees it: by validation images and by price.

    Attributes:
        lower, upper: 95 % interval for the gain in validation accuracy; None without one.
        verdict: by validation accuracy.
        macs: additional MACs for an image.
        training_macs: additional MACs of an image in all epochs of training.
        unsteady: runs that diverged or failed.
    """

    question: str
    experiment: str
    reference: str
    verdict: str
    difference: float | None
    lower: float | None
    upper: float | None
    macs: int
    training_macs: int
    unsteady: int

    @classmethod
    def of(cls, row: dict[str, Any]) -> "Candidate":
        """Take from a row of the ledger what choosing may see."""
        return cls(
            row["question"],
            row["experiment"],
            row["reference"],
            row["validation_verdict"],
            row["validation_difference"],
            row["validation_lower"],
            row["validation_upper"],
            row["macs_difference"],
            row["training_macs_difference"],
            row["diverged_runs"] + row["failed_runs"],
        )


@dataclass(frozen=True)
class Choice:
    """What the validation images say of all changes; each list best first.

    Attributes:
        advised: they help, and no other change of the same question has the larger sure gain for
            no more arithmetic, in use or in training.
        outdone: they help, and another change of the question does.
        unsupported: they hurt, make no meaningful difference, or do not train in every run.
        undecided: the runs do not tell.
    """

    advised: tuple[Candidate, ...]
    outdone: tuple[Candidate, ...]
    unsupported: tuple[Candidate, ...]
    undecided: tuple[Candidate, ...]


def choose(candidates: list[Candidate], references: Sequence[str]) -> Choice:
    """Sort changes by what the validation images say.

    Gains over one reference are not gains over another: changes to the first reference come first.
    Those to the same one are ranked by the gain that can be counted on, the lower end of the
    interval, so that an uncertain large gain does not outrank a sure one.

    Args:
        candidates: every change that could be advised.
        references: in the order in which advice for them is given.
    """
    helping = [change for change in candidates if change.verdict == "helps" and not change.unsteady]
    rivals: dict[str, list[Candidate]] = {}
    for change in helping:
        rivals.setdefault(change.question, []).append(change)
    outdone = [
        change
        for change in helping
        if any(_outdoes(other, change) for other in rivals[change.question])
    ]
    unsupported = [change for change in candidates if change.verdict in REFUTED or change.unsteady]
    decided = {*helping, *unsupported}
    beaten = set(outdone)
    lists = (
        [change for change in helping if change not in beaten],
        outdone,
        unsupported,
        [change for change in candidates if change not in decided],
    )
    return Choice(*(_ranked(changes, references) for changes in lists))


def _outdoes(other: Candidate, change: Candidate) -> bool:
    """Tell whether another change of one question has the larger sure gain for no more arithmetic.

    The sure gain is the lower end of the interval for the gain in validation accuracy.
    """
    return (
        other.lower is not None
        and change.lower is not None
        and other.lower > change.lower
        and other.macs <= change.macs
        and other.training_macs <= change.training_macs
    )


def _ranked(candidates: list[Candidate], references: Sequence[str]) -> tuple[Candidate, ...]:
    """Put the largest sure gain over each reference first; those without an interval last."""
    order = {reference: place for place, reference in enumerate(references)}

    def place(change: Candidate) -> tuple[int, bool, float, str]:
        lower = change.lower or 0.0
        return (order[change.reference], change.lower is None, -lower, change.experiment)

    return tuple(sorted(candidates, key=place))


def suggest(
    study: Study, ledger: list[dict[str, Any]], over_base: list[dict[str, Any]]
) -> dict[str, Any]:
    """Turn the ledger into advice.

    Args:
        study: knows what each experiment changes.
        ledger: rows of the ledger, None where a cell is empty.
        over_base: rows of what every experiment gains over the base, for the test images.

    Returns:
        What suggestions.json holds: advice (ranked), outdone, unsupported and undecided, each a
        list of entries. Shares are not in percent.
    """
    rows = [row for row in ledger if row["question"] in study.questions]
    rows = [row for row in rows if not _changed(study, row) & NO_ADVICE]
    by = {(row["question"], row["experiment"]): row for row in rows}
    references = list(dict.fromkeys(["base", *(row["reference"] for row in rows)]))
    gains = {
        row["experiment"]: {key: row[key] for key in ("runs", "difference", "lower", "upper")}
        for row in over_base
    }
    choice = choose([Candidate.of(row) for row in rows], references)
    alike: dict[frozenset[tuple[str, Any]], list[dict[str, Any]]] = {}
    for row in rows:
        alike.setdefault(_change(study, row), []).append(row)

    def entries(candidates: tuple[Candidate, ...]) -> list[dict[str, Any]]:
        return [
            _entry(study, row, alike[_change(study, row)], gains)
            for row in (by[change.question, change.experiment] for change in candidates)
        ]

    return {
        "study": study.name,
        "smallest_effect": study.smallest_effect,
        "ranked_by": "reference, then lower end of the 95 % interval for the gain in validation "
        f"{study.metric.label}",
        "gains": "in the runs that chose; confirmation.csv has those with fresh seeds, and how "
        "strong the evidence is",
        "advice": [
            {"rank": rank, **entry} for rank, entry in enumerate(entries(choice.advised), start=1)
        ],
        "outdone": entries(choice.outdone),
        "unsupported": entries(choice.unsupported),
        "undecided": entries(choice.undecided),
    }


def _changed(study: Study, row: dict[str, Any]) -> set[str]:
    return set(study.experiments[row["experiment"]].change)


def _change(study: Study, row: dict[str, Any]) -> frozenset[tuple[str, Any]]:
    """Give what a row's experiment changes, to look up what changes the same: 1 is 1.0 here."""
    change = study.experiments[row["experiment"]].change
    return frozenset((name, _to_look_up(value)) for name, value in change.items())


def _to_look_up(value: Any) -> Any:
    if isinstance(value, dict):
        return json.dumps(value, sort_keys=True)
    return tuple(value) if isinstance(value, list) else value


def _entry(
    study: Study,
    row: dict[str, Any],
    alike: list[dict[str, Any]],
    gains: dict[str, dict[str, Any]],
) -> dict[str, Any]:
    experiment = study.experiments[row["experiment"]]
    elsewhere = [other for other in alike if other["experiment"] != row["experiment"]]
    same = [
        {
            "reference": other["reference"],
            "experiment": other["experiment"],
            "verdict": other["validation_verdict"],
            "gain": _gain(other),
        }
        for other in elsewhere
    ]
    return {
        "experiment": row["experiment"],
        "question": row["question"],
        "figure": _figure(study, row["question"]),
        "reference": row["reference"],
        "change": experiment.change,
        "yaml": yaml_text(study, experiment.id),
        "verdict": row["validation_verdict"],
        "test_verdict": row["test_verdict"],
        "gain": _gain(row),
        "over_base": gains[row["experiment"]],
        "price": {
            name: row.get(f"{name}_difference") for name in ("parameters", "macs", "seconds")
        },
        "held": [other for other in same if other["verdict"] == "helps"],
        "did_not_hold": [other for other in same if other["verdict"] in REFUTED],
        "not_decided": [other for other in same if other["verdict"] not in ("helps", *REFUTED)],
        "ledger": [
            {"question": line["question"], "experiment": line["experiment"]}
            for line in (row, *elsewhere)
        ],
    }


def _figure(study: Study, question: str) -> str:
    """Name the figure that shows the effects; where there is a heat map it is not the first."""
    heat_map = study.file.questions[question].factorial
    return f"{question}-effects" if heat_map else question


def _gain(row: dict[str, Any]) -> dict[str, Any]:
    """Give the gain in validation and in test accuracy, with runs and interval."""
    names = ("runs", "difference", "lower", "upper")
    return {
        images: {name: row[f"{images}_{name}"] for name in names}
        for images in ("validation", "test")
    }


def yaml_text(study: Study, experiment: str) -> str:
    """Write the settings of an experiment that differ from the base, to paste into a study file.

    JSON's values are values of YAML too.
    """
    base = study.experiments["base"].settings.model_dump()
    ours = study.experiments[experiment].settings.model_dump()
    return "".join(
        f"{name}: {json.dumps(value)}\n" for name, value in ours.items() if value != base[name]
    )
