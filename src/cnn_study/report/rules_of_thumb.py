"""Rules of thumb that textbooks give for CNNs, and whether they held in a study's own runs."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cnn_study.evidence.findings import Findings
from cnn_study.evidence.judged import Change
from cnn_study.study.model import Study

ADAM_RATE = 0.001
"""That Adam's authors name as a good default."""

DECIDED = ("helps", "hurts", "no meaningful difference")
"""Verdicts that say whether a rule held; the others leave it open."""

Fits = Callable[[Any, Any], bool]
"""Of a value before and after a change: whether the change is what the rule speaks of."""


@dataclass(frozen=True)
class Rule:
    """One rule of thumb.

    Attributes:
        says: in words; the report names the works that say so.
        setting: which the rule is about.
        fits: picks the changes of that setting, and of nothing else, that tell.
        promises: what the rule has of such a change: helps or hurts.
        optimizers: with which it is a rule at all.
    """

    says: str
    setting: str
    fits: Fits
    promises: str
    optimizers: tuple[str, ...] = ("sgd", "momentum", "rmsprop", "adam", "adamw")


def _set_to(value: Any) -> Fits:
    return lambda _, after: after == value


def _less(before: Any, after: Any) -> bool:
    """Tell whether a number, or of a list some and none the other way, has become less."""
    pairs = _pairs(before, after)
    return after != before and all(new <= old for old, new in pairs)


def _more(before: Any, after: Any) -> bool:
    return _less(after, before)


def _pairs(before: Any, after: Any) -> list[tuple[Any, Any]]:
    """Set the numbers of two values side by side; one number stands for all of a list."""
    length = max([len(value) for value in (before, after) if isinstance(value, list)], default=1)
    both = (value if isinstance(value, list) else [value] * length for value in (before, after))
    return list(zip(*both, strict=True))


RULES = (
    Rule("Small kernels rather than large ones.", "kernel_size", _less, "helps"),
    Rule("Pad, so that the border is not lost.", "padding", _set_to("valid"),
         "hurts"),
    Rule("ReLU rather than the sigmoid.", "activation", _set_to("sigmoid"),
         "hurts"),
    Rule("ReLU rather than tanh.", "activation", _set_to("tanh"), "hurts"),
    Rule("Max pooling rather than average pooling.", "pooling",
         _set_to("average"), "hurts"),
    Rule("Normalize between layers.", "batch_normalization", _set_to(True), "helps"),
    Rule("Dropout before the last layer.", "dense_dropout", _more, "helps"),
    Rule("Show images mirrored too.", "horizontal_flip", _set_to(True), "helps"),
    Rule("Centre and scale the pixels.", "scaling",
         _set_to("standardized"), "helps"),
    Rule("Lower the learning rate towards the end.", "schedule",
         lambda before, _: before == "constant", "helps"),
    Rule("Adam's usual learning rate will do.", "learning_rate",
         lambda before, _: before == ADAM_RATE, "hurts", ("adam", "adamw")),
    Rule("Train for longer than seems needed.", "epochs", _more, "helps"),
    Rule("More images are the best cure for overfitting.", "training_fraction",
         _less, "hurts"),
)  # fmt: skip
"""In the order in which the report tells of settings: the network, then its training, then data."""


@dataclass(frozen=True)
class Checked:
    """One rule, beside the changes of the study that tell of it.

    Attributes:
        held: yes, no (of the changes that are decided), in part, or open where none is.
    """

    says: str
    changes: tuple[Change, ...]
    held: str


def checked(study: Study, findings: Findings) -> list[Checked]:
    """Hold each rule against the study's changes; leave out those that none tells of."""
    matched = ((rule, _telling(rule, study, findings)) for rule in RULES)
    return [
        Checked(rule.says, changes, held(rule.promises, [change.verdict for change in changes]))
        for rule, changes in matched
        if changes
    ]


def _telling(rule: Rule, study: Study, findings: Findings) -> tuple[Change, ...]:
    """List the measured changes that set what a rule speaks of, and nothing else."""
    telling = []
    for change in findings.changes.values():
        experiment = study.experiments.get(change.experiment)
        if experiment is None or change.test.mean is None:
            continue
        before = study.experiments[change.reference].settings
        if _differing(before, experiment.settings) != {rule.setting}:
            continue
        pair = (getattr(settings, rule.setting) for settings in (before, experiment.settings))
        if before.optimizer in rule.optimizers and rule.fits(*pair):
            telling.append(change)
    return tuple(telling)


def _differing(before: Any, after: Any) -> set[str]:
    return {name for name, value in after if value != getattr(before, name)}


def held(promised: str, verdicts: list[str]) -> str:
    """Say whether a rule held, from the verdicts on its changes.

    Args:
        promised: what each change does if the rule holds.
    """
    decided = [verdict for verdict in verdicts if verdict in DECIDED]
    if not decided:
        return "open"
    kept = [verdict == promised for verdict in decided]
    if any(kept) and not all(kept):
        return "in part"
    return f"{'yes' if all(kept) else 'no'}{', so far' * (len(decided) < len(verdicts))}"
