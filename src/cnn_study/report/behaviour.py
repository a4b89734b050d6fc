"""How experiments learn, as the report tells it: how well, with which gap, what stands out.

All of it is read from the evidence; what stands out is decided there.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from cnn_study.evidence.cells import Number
from cnn_study.evidence.findings import Findings
from cnn_study.report.results import Row

TOLD = ("never learned", "underfits", "overfits more", "overfits less", "unsteady", "steadier")
"""What may stand out, in the order of telling."""


@dataclass(frozen=True)
class Behaviour:
    """How one experiment learns, and what of it stands out beside its reference.

    Attributes:
        harder: whether training is harder than answering, so that there is no gap to tell.
        training, validation, gap: mean accuracies of the last epoch, and the one less the other.
        loss_rise: of the validation loss after its lowest epoch, in nats; unsteadiness: a share.
        runs, never_learned: complete runs, and those of them that learned nothing.
        words: what stands out; none of the reference itself.
        by_gap: whether that was seen by the gap, or by the validation loss.
        fits_better_and_does_worse: on training and on validation images, surely.
        unsteadiness_ratio: to the reference.
    """

    harder: bool
    training: Number | None
    validation: Number | None
    gap: Number | None
    loss_rise: Number | None
    unsteadiness: Number | None
    runs: int
    never_learned: int
    words: tuple[str, ...] = ()
    by_gap: bool = True
    fits_better_and_does_worse: bool = False
    unsteadiness_ratio: Number | None = None

    @classmethod
    def of(cls, row: dict[str, Any], change: dict[str, Any] | None = None) -> "Behaviour":
        """Take it from a row of behaviour.csv and, of a change, one of behaviour-changes.csv."""
        alone = cls(
            row["harder"],
            row["training_accuracy"],
            row["validation_accuracy"],
            *(row[name] for name in ("gap", "loss_rise", "unsteadiness")),
            row["runs"],
            row["never_learned_runs"],
        )
        if change is None:
            return alone
        said = change["training_said"], change["validation_said"]
        return replace(
            alone,
            words=words_of(change),
            by_gap=change["comparable"],
            fits_better_and_does_worse=said == ("higher", "lower"),
            unsteadiness_ratio=change["unsteadiness_ratio"],
        )


def words_of(row: dict[str, Any]) -> tuple[str, ...]:
    """Give what stands out of a row of the evidence."""
    return tuple(row["behaviour"].split(", ")) if row["behaviour"] else ()


@dataclass(frozen=True)
class Telling:
    """Changes of one question of which the same stands out, told in the same way.

    Attributes:
        kind: what it is seen by: guessing, accuracies, loss or epochs.
    """

    word: str
    kind: str
    rows: tuple[Row, ...]


SEEN_BY = {"never learned": "guessing", "unsteady": "epochs", "steadier": "epochs"}
"""What else than accuracies and losses something is seen by."""


def tellings(rows: Iterable[Row]) -> tuple[Telling, ...]:
    """Put changes together of which the same stands out."""
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        for word in row.behaviour.words if row.behaviour else ():
            by_gap = row.behaviour is not None and row.behaviour.by_gap
            kind = SEEN_BY.get(word, "accuracies" if by_gap else "loss")
            groups.setdefault((word, kind), []).append(row)
    keys = sorted(groups, key=lambda key: (TOLD.index(key[0]), key[1]))
    return tuple(Telling(word, kind, tuple(groups[word, kind])) for word, kind in keys)


@dataclass(frozen=True)
class LevelTelling:
    """A level of a grid of which something stands out, over all levels of the other parameter.

    Attributes:
        parameter, level, kept: such as kernel_size, 3 and 7; other: the other parameter.
        row: of behaviour-contrasts.csv.
    """

    parameter: str
    level: str
    kept: str
    other: str
    words: tuple[str, ...]
    row: dict[str, Any]


def level_tellings(findings: Findings, name: str) -> tuple[LevelTelling, ...]:
    """List the levels of a question's grid of which something stands out."""
    design = findings.study.file.questions[name].factorial
    if design is None:
        return ()
    told = []
    for row in findings.behaviour_contrasts.get(name, []):
        parameter, level, _, kept = row["contrast"].split(" ")
        (other,) = (factor for factor in design.factors if factor != parameter)
        if words := words_of(row):
            told.append(LevelTelling(parameter, level, kept, other, words, row))
    return tuple(told)
