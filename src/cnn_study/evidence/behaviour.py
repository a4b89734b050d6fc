"""How the runs of each change learn, beside their reference: reasons for what it scores.

Reads the epochs: how well the training images were learned, how far the images held out lie below
them, how unsteady the last epochs are, whether a run learned at all. Differences are judged as all
others are, over the runs; what is said by that is a rule, `behaviours`. It explains verdicts and
changes none.
"""

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from cnn_study.base.inference import Effect, holm, verdict
from cnn_study.base.judge import Judge
from cnn_study.base.power import surely_above
from cnn_study.evidence.contrasts import UnjudgedContrast
from cnn_study.evidence.read import Tables

if TYPE_CHECKING:
    import pandas

FIRST = 3
"""Epochs at the beginning in which accuracy still rises along a curve, so that an epoch lies above
the middle of its neighbours without being unsteady."""

LAST = 7
"""Epochs at the end by which a run is unsteady or not: what FIRST leaves of ten, the default. Runs
of one experiment differ in it about twofold, so with fewer even plain cases stay open."""

NEVER = 0.99
"""Times the loss of guessing, ln(classes) where these have as many images each: a run whose
training loss never falls below it has learned nothing. Of the runs that learn, even the slowest are
far below it after one epoch."""

SMALLEST_RATIO = 2.0
"""Times as unsteady, or half: less is hardly seen in a curve of a few epochs."""

SMALLEST_RISE = 0.05
"""Nats: rises of the validation loss that differ by less are taken as alike. It is what a rise
within the noise of a single epoch comes to."""

HARDER = (
    *("horizontal_flip", "shift", "cutout", "convolution_dropout", "dense_dropout"),
    *("weight_averaging", "test_time_flip"),
)
"""Settings that alter images or take values away in training alone, or help in answering alone.

Training accuracy is measured while training, so with these it is that of a harder task, and
neither its gap to the validation accuracy nor its difference to other settings says how well the
training images are learned. Smoothed labels alter the loss and leave the accuracy what it is.
"""

MEASURES = ("training", "validation", "gap", "loss_rise", "unsteadiness")
"""What is judged; the last as its logarithm, since what matters is how many times."""

SAID = {"helps": "higher", "hurts": "lower", "no meaningful difference": "alike"}
"""What a verdict says of a measure that is neither good nor bad; any other leaves it open."""

Said = Mapping[str, str]
"""By measure: higher, lower, alike, open, or empty where it cannot be compared."""


@dataclass(frozen=True)
class RunBehaviour:
    """How one run learned; None where it cannot be told.

    Attributes:
        training, validation: accuracies in the last epoch, shares.
        gap: the one less the other.
        loss_rise: of the validation loss, from its lowest epoch to the last, in nats.
        unsteadiness: see `unsteadiness_of`.
        learned: whether the training loss ever fell below that of guessing.
    """

    training: float | None
    validation: float | None
    gap: float | None
    loss_rise: float | None
    unsteadiness: float | None
    learned: bool

    @classmethod
    def of(cls, epochs: "pandas.DataFrame", guessing: float) -> "RunBehaviour":
        """Read it from the epochs of a run, the first one first.

        Args:
            guessing: the loss of answers that look at no image.
        """
        training = list(epochs["training_accuracy"].dropna())
        validation = list(epochs["validation_accuracy"].dropna())
        losses = list(epochs["validation_loss"].dropna())
        both = bool(training and validation)
        return cls(
            training[-1] if training else None,
            validation[-1] if validation else None,
            training[-1] - validation[-1] if both else None,
            losses[-1] - min(losses) if losses else None,
            unsteadiness_of(validation),
            learned(list(epochs["training_loss"].dropna()), guessing),
        )


def learned(training_losses: Sequence[float], guessing: float) -> bool:
    """Tell whether a run's training loss ever fell below that of guessing."""
    return not training_losses or min(training_losses) < NEVER * guessing


def unsteadiness_of(accuracies: Sequence[float]) -> float | None:
    """Tell how far an epoch lies off the middle of its two neighbours, a share.

    The mean of |a(t) - (a(t-1) + a(t+1)) / 2| over the last epochs, the first ones of a training
    left out. A steady rise counts for nothing.

    Returns:
        None where fewer than three epochs are left.
    """
    last = accuracies[FIRST:][-LAST:]
    if len(last) < 3:
        return None
    bends = [
        abs(epoch - (before + after) / 2)
        for before, epoch, after in zip(last, last[1:], last[2:], strict=False)
    ]
    return statistics.fmean(bends)


class Behaviours:
    """How all complete runs of a study learned, and what is judged of it."""

    def __init__(self, tables: Tables) -> None:
        """Name the tables; the epochs are read when they are first asked for."""
        self.tables = tables

    @cached_property
    def runs(self) -> dict[str, dict[int, RunBehaviour]]:
        """By experiment and seed."""
        study = self.tables.study
        runs: dict[str, dict[int, RunBehaviour]] = {id_: {} for id_ in study.experiments}
        for id_, own in self.tables.epochs.sort_values("epoch").groupby("experiment", sort=False):
            weighed = study.experiments[str(id_)].settings.class_weight
            guessing = study.dataset.guessing_loss(weighed)
            for seed, epochs in own.groupby("seed"):
                runs[str(id_)][int(str(seed))] = RunBehaviour.of(epochs, guessing)
        return runs

    def values(self, id_: str, measure: str) -> dict[int, float]:
        """Give a measure of the runs that learned something and held images out, by seed."""
        known = {
            seed: getattr(run, measure)
            for seed, run in self.runs[id_].items()
            if run.learned and run.validation is not None
        }
        return {seed: value for seed, value in known.items() if value is not None}

    def judged_values(self, id_: str, measure: str) -> dict[int, float]:
        """Give what is judged: a measure, or the logarithm of it."""
        values = self.values(id_, measure)
        if measure != "unsteadiness":
            return values
        least = 1 / self.tables.validation_images  # what one image makes
        return {seed: math.log(max(value, least)) for seed, value in values.items()}

    @cached_property
    def judges(self) -> dict[str, Judge]:
        """The judge of each measure: pairs as that of the validation images does."""
        paired = self.tables.judges["validation"].paired
        return {
            measure: self.tables.judge(
                {id_: self.judged_values(id_, measure) for id_ in self.runs},
                self.tables.validation_images,
                paired,
            )
            for measure in MEASURES
        }

    def effect(self, weights: Mapping[str, float], measure: str) -> Effect:
        """Estimate a weighted sum of a measure's means; the weights add up to 0."""
        values = {id_: self.judged_values(id_, measure) for id_ in weights}
        return self.judges[measure].contrast(weights, values)

    def harder(self, id_: str) -> tuple[Any, ...]:
        """Give the settings that make training harder than answering."""
        settings = self.tables.study.experiments[id_].settings
        return tuple(getattr(settings, name) for name in HARDER)

    def is_harder(self, id_: str) -> bool:
        """Whether the training accuracy is that of a harder task."""
        return any(self.harder(id_))

    def never_learned(self, id_: str) -> int:
        """Count the complete runs that learned nothing."""
        return sum(not run.learned for run in self.runs[id_].values())

    def generalizes(self, id_: str) -> bool:
        """Whether its runs surely get more images held out right, on average, than by guessing."""
        mean = _mean(run.validation for run in self.runs[id_].values())
        dataset = self.tables.study.dataset
        witnesses = dataset.validation_witnesses(self.tables.validation_images)
        return mean is not None and surely_above(mean, dataset.chance(), witnesses)


# ------------------------------------------------------------------------------ experiments


def behaviour_rows(behaviours: Behaviours) -> list[dict[str, Any]]:
    """Give one row for each experiment: means over its complete runs."""
    return [_experiment_row(behaviours, id_) for id_ in behaviours.runs]


def _experiment_row(behaviours: Behaviours, id_: str) -> dict[str, Any]:
    runs, harder = list(behaviours.runs[id_].values()), behaviours.is_harder(id_)
    return {
        "experiment": id_,
        "runs": len(runs),
        "harder": harder,
        "training_accuracy": _mean(run.training for run in runs),
        "validation_accuracy": _mean(run.validation for run in runs),
        "gap": None if harder else _mean(run.gap for run in runs),
        "loss_rise": _mean(run.loss_rise for run in runs),
        "unsteadiness": _mean(run.unsteadiness for run in runs),
        "never_learned_runs": behaviours.never_learned(id_),
    }


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.fmean(known) if known else None


# ---------------------------------------------------------------------- changes and contrasts


def behaviour_change_rows(behaviours: Behaviours) -> list[dict[str, Any]]:
    """Give one row for each change: how its runs learn beside those of its reference."""
    study, rows = behaviours.tables.study, []
    for name, ids in study.questions.items():
        reference = study.file.questions[name].reference
        judged = _judged(behaviours, [{id_: 1.0, reference: -1.0} for id_ in ids])
        for id_, row in zip(ids, judged, strict=True):
            never = behaviours.never_learned(id_)
            rows.append(
                {
                    "question": name,
                    "experiment": id_,
                    "reference": reference,
                    "never_learned_runs": never,
                    **row,
                    "behaviour": _words(behaviours, (id_, reference), row, never),
                }
            )
    return rows


def behaviour_contrast_rows(
    behaviours: Behaviours, unjudged: list[UnjudgedContrast]
) -> list[dict[str, Any]]:
    """Give one row for each main effect of a grid."""
    rows = []
    main: dict[str, list[UnjudgedContrast]] = {}
    for contrast in unjudged:
        if contrast.kind == "main effect":
            main.setdefault(contrast.question, []).append(contrast)
    for name, ours in main.items():
        judged = _judged(behaviours, [contrast.weights for contrast in ours])
        for contrast, row in zip(ours, judged, strict=True):
            heading = {"question": name, "contrast": contrast.words}
            words = _words(behaviours, contrast.weights, row)
            rows.append(heading | row | {"behaviour": words})
    return rows


def _words(
    behaviours: Behaviours, ids: Iterable[str], row: dict[str, Any], never_learned: int = 0
) -> str:
    """Name what stands out of a row about some experiments."""
    told = any(map(behaviours.generalizes, ids))
    return ", ".join(behaviours_of(_said(row), never_learned, generalizes=told))


def _judged(behaviours: Behaviours, family: list[Mapping[str, float]]) -> list[dict[str, Any]]:
    """Judge each measure of what belongs together: p values are corrected for one another."""
    rows: list[dict[str, Any]] = [
        {"comparable": len({behaviours.harder(id_) for id_ in weights}) == 1} for weights in family
    ]
    for measure in MEASURES:
        effects = [
            behaviours.effect(weights, measure) if _is_told(measure, row) else Effect(0)
            for weights, row in zip(family, rows, strict=True)
        ]
        corrected = holm([effect.p for effect in effects])
        for row, effect, p_holm in zip(rows, effects, corrected, strict=True):
            row |= _columns(measure, effect, p_holm, _smallest(behaviours, measure))
    return rows


def _is_told(measure: str, row: dict[str, Any]) -> bool:
    """Whether a measure says the same of both sides."""
    return bool(row["comparable"]) or measure not in ("training", "gap")


def _smallest(behaviours: Behaviours, measure: str) -> float:
    """Give the smallest difference of a measure that is worth a word."""
    special = {"loss_rise": SMALLEST_RISE, "unsteadiness": math.log(SMALLEST_RATIO)}
    return special.get(measure, behaviours.tables.study.smallest_effect)


def _columns(measure: str, effect: Effect, p_holm: float | None, smallest: float) -> dict[str, Any]:
    """Give the columns of one measure; differences of logarithms as ratios."""
    ends: list[float | None] = [effect.mean, effect.lower, effect.upper]
    said = SAID.get(verdict(effect, p_holm, smallest), "open") if effect.n else None
    name = "difference"
    if measure == "unsteadiness":
        name, ends = "ratio", [None if end is None else math.exp(end) for end in ends]
        if effect.mean is None or abs(effect.mean) < smallest:
            said = "alike" if said == "alike" else said and "open"
    values: dict[str, Any] = dict(zip((name, "lower", "upper"), ends, strict=True))
    values |= {"p_holm": p_holm, "said": said}
    return {f"{measure}_{column}": value for column, value in values.items()}


def _said(row: dict[str, Any]) -> Said:
    return {measure: row[f"{measure}_said"] or "" for measure in MEASURES}


def behaviours_of(said: Said, never_learned: int = 0, *, generalizes: bool = True) -> list[str]:
    """Name what stands out in how something learns; the rule, in one place.

    A change *overfits more* if the gap is surely larger, *overfits less* if it is surely smaller
    and validation accuracy is not surely lower, and *underfits* if both accuracies are surely lower
    and the gap is not larger. Where training accuracies cannot be compared, the rise of the
    validation loss after its lowest epoch stands for the gap. *Unsteady* and *steadier* take at
    least twice or half the unsteadiness, surely. Nothing of this is said where neither side does
    better than guessing on images held out.

    Args:
        said: of each measure.
        never_learned: runs that learned nothing.
        generalizes: whether either side does surely better than guessing on images held out.
    """
    words = ["never learned"] if never_learned else []
    if not generalizes:
        return words
    gap = said["gap"] or said["loss_rise"]
    worse = said["validation"] == "lower"
    if gap == "higher":
        words.append("overfits more")
    elif gap == "lower" and not worse:
        words.append("overfits less")
    elif worse and said["training"] == "lower":
        words.append("underfits")
    return words + {"higher": ["unsteady"], "lower": ["steadier"]}.get(said["unsteadiness"], [])
