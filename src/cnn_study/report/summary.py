"""What a study found, for one page: what pays, what is free, what surprised, how much is luck.

Every choice is made by rules that any study can meet in part: where nothing was measured, there is
nothing to say. As for all advice, validation images choose and test images say what it is worth.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from cnn_study.base.inference import Effect, effect
from cnn_study.evidence.cells import derived, ratio
from cnn_study.evidence.findings import Findings
from cnn_study.evidence.judged import NOTHING, Change, Confirmation, Contrast
from cnn_study.evidence.read import Tables
from cnn_study.evidence.results import Result
from cnn_study.evidence.training_times import ALIKE
from cnn_study.report.provenance import Fresh, behind, fresh_runs
from cnn_study.report.search import Outcome, Searched
from cnn_study.study.model import Study
from cnn_study.study.settings import phrases

ROUGH = 0.02
"""Half width of the interval over test images from which on it is said before all else, a share."""

MOST_NAMED = 3
"""Changes that one sentence names; of more it says how many there are."""


@dataclass(frozen=True)
class Surprises:
    """What is not as one would have thought, each part by a rule of its own.

    Attributes:
        hurt, helped: changes that hurt though they were expected to help, and the other way round.
        together: the combination that gains most beyond the sum of its parts.
        turned: pairs of one change on two references that helps on the one and hurts on the other.
        dearer: changes that take more arithmetic, in use or in training, and hurt; but for those
            that were expected to do otherwise.
    """

    hurt: list[Change]
    helped: list[Change]

    together: Contrast | None
    turned: list[tuple[Change, Change]]
    dearer: list[Change]


@dataclass(frozen=True)
class Luck:
    """How far runs of one experiment lie apart that differ in their seed alone."""

    result: Result
    gap: float


@dataclass(frozen=True)
class Summary:
    """What a study found.

    Attributes:
        measured: changes whose difference on the test images is known.
        tested: those with runs enough for a verdict.
        pays: advised changes that fresh seeds do not speak against, the first over each reference.
        free: such changes with no more parameters, arithmetic or training time.
        found: the winner of the search that is no dearer in use than the base, and surely better;
            found_free: whether it is known to take no more training either.
        finest: the winner that validation images put before every other model; None where that is
            no winner, or `found`.
        finest_macs: times the base's arithmetic that it takes.
        even: changes that make no meaningful difference.
        closest: those too close to call whose intervals leave least room; bound: how much, in full
            tenths of a point.
        surprises: what is not as one would have thought.
        decided, surviving: changes that help or hurt; those that do so if judged among all;
            denied: those of the latter that fresh seeds do not confirm.
        luck: None where no experiment has two runs.
        cited, score: the experiment to cite, and its mean test score with its interval: by its
            runs with fresh seeds, where these are there; fresh: whether they are; open: whether
            that interval holds all scores that there are.
        rough: what is open of the score of that experiment (score-intervals.csv), where the test
            images are so few that it is said before all else.
        untold: whether the choice of any one test image makes nothing of that score, so that they
            are too few to tell what is open.
        commits: those that made the runs behind this number.
        models: how many the picture shows.
        made_of: what was changed, where an experiment's label does not say it, by id.
    """

    measured: list[Change]
    tested: list[Change]
    pays: list[Any]
    free: list[Any]
    found: Outcome | None
    found_free: bool
    finest: Outcome | None
    finest_macs: float | None
    even: list[Change]
    closest: list[Change]
    bound: float | None
    surprises: Surprises
    decided: list[Change]
    surviving: list[Change]
    denied: list[Change]
    luck: Luck | None
    cited: Result | None
    score: Effect | None
    fresh: bool
    open: bool
    rough: dict[str, Any] | None
    untold: bool
    commits: list[str]
    models: int
    made_of: dict[str, list[str]]


def summary_of(
    study: Study,
    tables: Tables,
    findings: Findings,
    results: dict[str, Result],
    best: Result | None,
    searched: Searched | None,
) -> Summary:
    """Choose what the first page says of a study.

    Args:
        best: the experiment with the highest mean validation score.
    """
    changes = list(findings.changes.values())
    tested = [change for change in changes if change.test.p_holm is not None]
    decided = [change for change in tested if change.verdict in ("helps", "hurts")]
    advised = [
        entry
        for entry in findings.advice.advice
        if _holds(findings.confirmations[entry.experiment])
    ]
    found = _as_cheap(results["base"], searched)
    finest = _finest(best, searched, found)
    pays, closest = _firsts(advised), _closest(changes)
    cited = best or (results["base"] if results["base"].complete else None)
    fresh = _fresh(study, findings, cited)
    score = _score(tables, findings, cited, fresh)
    return Summary(
        measured=[change for change in changes if change.test.n],
        tested=tested,
        pays=pays,
        free=[entry for entry in advised if _free(findings.changes[entry.experiment])],
        found=found,
        found_free=bool(found and found.longer is not None and found.longer < 1 + ALIKE),
        finest=finest,
        finest_macs=ratio(finest.row.macs, results["base"].macs) if finest else None,
        even=[change for change in changes if change.verdict == "no meaningful difference"],
        closest=closest,
        bound=_bound(closest),
        surprises=_surprises(study, findings, changes),
        decided=decided,
        surviving=[change for change in decided if change.survives],
        denied=[change for change in decided if change.survives and _denied(findings, change)],
        luck=_luck(results),
        cited=cited,
        score=score,
        fresh=fresh is not None,
        open=score is not None and (score.lower, score.upper) == (0, 1),
        rough=_rough(findings, cited),
        untold=_untold(findings, cited),
        commits=(fresh or behind(study, tables, cited.id)).commits if cited else [],
        models=_models(study, results, best, searched),
        made_of={entry.experiment: _made_of(study, entry.experiment) for entry in pays},
    )


def _rough(findings: Findings, cited: Result | None) -> dict[str, Any] | None:
    """Give what is open of a score where the choice of test images alone leaves much of it open."""
    row = findings.scores[cited.id] if cited else {}
    return row if (row.get("images_margin") or 0) >= ROUGH else None


def _untold(findings: Findings, cited: Result | None) -> bool:
    """Tell whether what is open of a score by the choice of test images is known to be nothing."""
    margin = findings.scores[cited.id].get("images_margin") if cited else None
    return margin is not None and margin < NOTHING


def mean_score(tables: Tables, id_: str) -> Effect:
    """Give the mean test score of an experiment with its interval, from its runs."""
    scores = [row["test_score"] for row in tables.complete_by_experiment.get(id_, [])]
    return _with_interval(tables.experiments[id_]["test_score_mean"], scores)


def _score(
    tables: Tables, findings: Findings, cited: Result | None, fresh: Fresh | None
) -> Effect | None:
    """Give the mean to cite with its interval."""
    if cited is None:
        return None
    if fresh is None:
        return mean_score(tables, cited.id)
    scores = [
        row["test_score"]
        for row in findings.files.rows("confirmation-runs")
        if row["experiment"] == cited.id and row["status"] == "complete"
    ]
    return _with_interval(fresh.test.mean, scores)


def _fresh(study: Study, findings: Findings, cited: Result | None) -> Fresh | None:
    """Find the runs of an experiment with fresh seeds: once none is missing, and with an interval.

    A mean that is looked at while runs are still to come would be cited when it looks good.
    """
    for fresh in fresh_runs(study, findings):
        if cited and fresh.id == cited.id and not fresh.missing and fresh.test.n > 1:
            return fresh
    return None


def _with_interval(mean: float | None, scores: list[float]) -> Effect:
    plain = effect(scores)

    def known(number: float | None, how: str) -> float | None:
        return None if number is None else derived(number, how, *scores)

    # No mean accuracy lies beyond, however far few runs are apart.
    lower, upper = (
        None if end is None else min(max(end, 0.0), 1.0) for end in (plain.lower, plain.upper)
    )
    ends = "end of the 95 % t interval for the mean of"
    return Effect(
        plain.n,
        mean,
        lower=known(lower, f"lower {ends}"),
        upper=known(upper, f"upper {ends}"),
    )


def _models(
    study: Study, results: dict[str, Result], best: Result | None, searched: Searched | None
) -> int:
    """Count the models with a complete run: base, enhanced, best, and the search's winners."""
    ids = {"base", study.file.enhanced or "base", best.id if best else "base"}
    winners = len(searched.winners) if searched else 0
    return sum(results[id_].complete > 0 for id_ in ids) + winners


def _made_of(study: Study, id_: str) -> list[str]:
    """Say what an experiment changes, unless its label is made of that."""
    parts = phrases(study.experiments[id_].change)
    return [] if study.label(id_) == " + ".join(parts) else parts


# ------------------------------------------------------------------------------- what pays


def _holds(told: Confirmation) -> bool:
    """Whether a suggestion gains, and fresh seeds, where they have spoken, confirm it."""
    return told.outcome != "not confirmed" and (told.promised.mean or 0) > 0


def _denied(findings: Findings, change: Change) -> bool:
    told = findings.confirmations.get(change.experiment)
    return told is not None and told.outcome == "not confirmed"


def _firsts(advised: Iterable[Any]) -> list[Any]:
    """Take the first suggestion over each reference: that over the base, then what builds on it."""
    first: dict[str, Any] = {}
    for entry in advised:
        first.setdefault(entry.reference, entry)
    return list(first.values())


def _free(change: Change) -> bool:
    """Whether a change takes no more parameters, arithmetic or training time."""
    row = change.row
    no_longer = row["seconds_ratio"] is not None and row["seconds_ratio"] <= 1
    return (
        row["parameters_difference"] <= 0
        and row["macs_difference"] <= 0
        and (change.about_as_long or no_longer)
    )


def _as_cheap(base: Result, searched: Searched | None) -> Outcome | None:
    """Find the best winner, by validation images, that costs no more in use than the base."""
    cheap = [
        outcome
        for outcome in (searched.winners if searched else [])
        if outcome.row.macs <= base.macs
        and outcome.row.parameters <= base.parameters
        and (outcome.over_base.lower or 0) > 0
    ]
    return max(cheap, key=_validation, default=None)


def _finest(
    best: Result | None, searched: Searched | None, found: Outcome | None
) -> Outcome | None:
    """Find the winner that the validation images put before all experiments and other winners."""
    finest = max(searched.winners if searched else [], key=_validation, default=None)
    if finest is None or finest is found or best is None:
        return None
    return finest if _validation(finest) > (best.validation.mean or 0) else None


def _validation(outcome: Outcome) -> float:
    return outcome.row.validation_score or 0.0


# ------------------------------------------------------------------------------- what does not


def _closest(changes: list[Change]) -> list[Change]:
    """List the changes that no images decide and whose intervals on test images leave least room.

    Nothing is chosen here, so that the images that tell what is left rank as well: by others, one
    might be named that may be worth more than one that is not. Nor are those named of which
    anything may be true, by intervals wider than all differences that there can be.
    """
    open_ = [
        change
        for change in changes
        if change.verdict == "too close to call"
        and change.validation.verdict not in ("helps", "hurts")
        and _room(change.test) < 1
    ]
    return sorted(open_, key=lambda change: _room(change.test))[:MOST_NAMED]


def _room(difference: Effect) -> float:
    """Give how large a difference may still be, by its interval."""
    if difference.lower is None or difference.upper is None:
        return math.inf
    return max(abs(difference.lower), abs(difference.upper))


def _bound(changes: list[Change]) -> float | None:
    """Give how much each may still do on the test images, rounded up to tenths of a point."""
    if not changes:
        return None
    widest = max((change.test for change in changes), key=_room)
    up = math.ceil(round(1000 * _room(widest), 6)) / 1000
    ends = widest.lower, widest.upper
    return derived(up, "size, rounded up, of the farther from zero of", *ends)


def _surprises(study: Study, findings: Findings, changes: list[Change]) -> Surprises:
    helped, hurt = ([one for one in changes if one.verdict == word] for word in ("helps", "hurts"))
    turned = [
        (one, other)
        for one in helped
        for other in hurt
        if one.reference != other.reference
        and study.experiments[one.experiment].change == study.experiments[other.experiment].change
    ]
    otherwise = [_against(findings, *pair) for pair in ((hurt, "helps"), (helped, "hurts"))]
    dearer = [
        change
        for change in hurt
        if change.validation.verdict == "hurts"
        and change.row["macs_difference"] >= 0
        and change.row["training_macs_difference"] > 0
        and change not in otherwise[0]
    ]
    together = [contrast for contrast in findings.company if contrast.verdict == "helps"]
    return Surprises(*otherwise, together[0] if together else None, turned, _surest(dearer))


def _against(findings: Findings, changes: list[Change], expects: str) -> list[Change]:
    """Take the changes of which just the contrary was expected, the surest first."""
    expected = findings.expected
    return _surest(
        change
        for change in changes
        if change.experiment in expected and expected[change.experiment].expects == expects
    )


def _surest(changes: Iterable[Change]) -> list[Change]:
    """Put first what by validation images is surely farthest from zero."""

    def sure(change: Change) -> float:
        lower, upper = change.validation.lower, change.validation.upper
        return max(lower or 0.0, -(upper or 0.0))

    return sorted(changes, key=sure, reverse=True)


# ------------------------------------------------------------------------------- luck


def _luck(results: dict[str, Result]) -> Luck | None:
    """Take the base, or else the experiment with the most runs; None where none has two."""
    several = [result for result in results.values() if result.complete > 1]
    if not several:
        return None
    base = results["base"]
    result = base if base in several else max(several, key=lambda one: one.complete)
    low, high = result.test.smallest, result.test.largest
    return Luck(result, derived((high or 0) - (low or 0), "difference of", high, low))
