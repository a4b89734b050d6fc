"""What suggestions gain with seeds that chose nothing, and how strong the evidence is then.

Reads what the evidence suggests, and the records of the runs with fresh seeds; chooses nothing. A
gain is judged only when all of its runs are there: looked at again and again meanwhile, it would
be found sure too often.
"""

import json
from pathlib import Path
from typing import Any

from cnn_study.base import inference
from cnn_study.base.errors import UserError
from cnn_study.base.files import write_whole
from cnn_study.base.inference import Effect, holm, verdict
from cnn_study.base.metrics import collapsed
from cnn_study.base.words import plural
from cnn_study.evidence.read import Files, Tables, evidence_files
from cnn_study.evidence.schemas import (
    CONFIRMATION,
    CONFIRMATION_RUNS,
    CONFIRMED,
    CONFIRMED_DICTIONARY,
)
from cnn_study.runs import confirmations, measured
from cnn_study.study.model import Study
from cnn_study.tables import csv_files
from cnn_study.tables.collect import Outcome, outcomes_of, runs_table
from cnn_study.tables.data_package import data_package
from cnn_study.tables.schemas import words_of

AGAINST = ("hurts", "no meaningful difference", "unreliable")
"""Verdicts on a fresh gain that speak against a suggestion, rather than leave it open."""


def assess(study: Study, results: Path, output: Path) -> None:
    """Write what fresh seeds say of each suggestion, their runs, and a dictionary of both.

    Args:
        results: the study's results, with tables, evidence and records.
        output: folder of these files.

    Raises:
        UserError: the suggestions or a table are missing, or a record is damaged.
    """
    pairs = confirmations.suggested(study, results)
    if pairs is None:
        raise UserError(
            f"there is no {results / confirmations.SUGGESTIONS}. Make it first: "
            f"cnn-study analyse {study.name}"
        )
    wanted, done = confirmations.wanted(study, results), confirmations.done(study, results)
    outcomes = outcomes_of(study, wanted, done, results)
    tables = Tables(study, results / "tables")
    evidence = evidence_files(study, results / "evidence")
    rows = confirmation_rows(tables, pairs, outcomes, evidence)
    frames = {
        CONFIRMATION.name: csv_files.frame(CONFIRMATION.put(words_of(study)), rows),
        CONFIRMATION_RUNS.name: runs_table(study, outcomes),
    }
    texts = {table.file: csv_files.csv_text(frames[table.name]) for table in CONFIRMED}
    package = data_package(study, CONFIRMED, "confirmation")
    texts[CONFIRMED_DICTIONARY] = json.dumps(package, indent=2) + "\n"
    for name, text in texts.items():
        write_whole(output / name, lambda file, text=text: file.write(text.encode()))


def confirmation_rows(
    tables: Tables, pairs: list[confirmations.Pair], outcomes: list[Outcome], evidence: Files
) -> list[dict[str, Any]]:
    """Give one row for each suggestion, in their order.

    A gain is judged as every difference of the study is. What spread is usual in it, its judge
    knows from the runs that chose; of the gains themselves that tells nothing.
    """
    ledger = {row["experiment"]: row for row in evidence.rows("ledger")}
    fresh = [_Fresh(tables, pair, outcomes) for pair in pairs]
    corrected = _corrected([gain.effect.p for gain in fresh])
    return [
        _row(tables.study, rank, ledger[gain.change], gain, p_holm)
        for rank, (gain, p_holm) in enumerate(zip(fresh, corrected, strict=True), start=1)
    ]


def _corrected(p_values: list[float | None]) -> list[float | None]:
    """Correct for all suggestions, those too that are not judged yet: they may still say anything.

    So a verdict does not hang on how many runs were there when it was first asked for.
    """
    corrected = holm([1.0 if p is None else p for p in p_values])
    return [None if p is None else p_holm for p, p_holm in zip(p_values, corrected, strict=True)]


class _Fresh:
    """The runs of one suggestion with fresh seeds, and what they gain."""

    def __init__(self, tables: Tables, pair: confirmations.Pair, outcomes: list[Outcome]) -> None:
        self.change, self.reference = pair
        own = [outcome for outcome in outcomes if outcome.run.experiment.id in pair]
        self.broken = sum(outcome.status in ("diverged", "failed") for outcome in own)
        self.missing = sum(outcome.status == "missing" for outcome in own)
        ours, theirs = (_scores(id_, own, tables.study.metric.name) for id_ in pair)
        self.runs = min(len(ours), len(theirs))
        whole = self.runs and not self.missing
        self.effect = tables.judges["test"].effect(ours, theirs) if whole else Effect(0)
        self.smallest = tables.study.smallest_effect
        self.unreliable = any(_partly_collapsed(tables, runs) for runs in (ours, theirs))

    def verdict(self, p_holm: float | None) -> str | None:
        """Say what the gain is; nothing while runs are missing."""
        if not self.effect.n:
            return None
        return verdict(self.effect, p_holm, self.smallest, unreliable=self.unreliable)


def _scores(experiment: str, outcomes: list[Outcome], metric: str) -> dict[int, float]:
    """Give the test score of each complete run by seed, as it stands in the table."""
    scores = {
        outcome.run.seed: measured.of_test(outcome.record, metric)
        for outcome in outcomes
        if outcome.run.experiment.id == experiment
        and outcome.record
        and outcome.record.status == "complete"
    }
    return {seed: csv_files.rounded(score) for seed, score in scores.items() if score is not None}


def _partly_collapsed(tables: Tables, runs: dict[int, float]) -> bool:
    """Whether some runs do hardly better than guessing, and others do."""
    count = collapsed(list(runs.values()), tables.study.chance)
    return 0 < count < len(runs)


def _row(
    study: Study, rank: int, ledger: dict[str, Any], fresh: _Fresh, p_holm: float | None
) -> dict[str, Any]:
    gain, first, said = fresh.effect, ledger["test_difference"], fresh.verdict(p_holm)
    outcome = _outcome(study, fresh, said)
    strength, why = strength_of(ledger, outcome, said, fresh.broken)
    return {
        "rank": rank,
        **{name: ledger[name] for name in ("question", "experiment", "reference")},
        **{f"first_{name}": ledger[f"test_{name}"] for name in ("difference", "lower", "upper")},
        "fresh_seeds": len(study.fresh_seeds),
        "fresh_runs": fresh.runs,
        "fresh_broken_runs": fresh.broken,
        "fresh_missing_runs": fresh.missing,
        "fresh_difference": gain.mean,
        "fresh_error": gain.error,
        "fresh_freedom": gain.freedom,
        "fresh_lower": gain.lower,
        "fresh_upper": gain.upper,
        "fresh_p": gain.p,
        "fresh_p_holm": p_holm,
        "fresh_verdict": said,
        "shrinkage": None if gain.mean is None or first is None else first - gain.mean,
        "outcome": outcome,
        "strength": strength,
        "why": why,
    }


def _outcome(study: Study, fresh: _Fresh, said: str | None) -> str:
    """Say what became of a suggestion, in a word of `CONFIRMATIONS`."""
    if not study.fresh_seeds:
        return "not asked for"
    if fresh.missing:
        return "not confirmed yet"
    return "confirmed" if said == "helps" and not fresh.broken else "not confirmed"


def strength_of(
    ledger: dict[str, Any], outcome: str, fresh_verdict: str | None, broken: int
) -> tuple[str, str]:
    """Say how strong the evidence for a suggestion is, and why it is no stronger.

    Args:
        ledger: the row of the change; by the validation images it helps, or it were none.
        outcome: what fresh seeds say, a word of `CONFIRMATIONS`.
        fresh_verdict: on the gain with fresh seeds; None where there is none.
        broken: runs with fresh seeds that did not reach their end.
    """
    count = ledger["validation_runs"]
    runs = f"{count} runs of each" if count != 1 else "one run of each"
    against = []
    if ledger["test_verdict"] != "helps":
        against.append(f"the test images say {ledger['test_verdict']} ({runs})")
    if outcome == "not confirmed" and fresh_verdict in AGAINST:
        against.append(f"fresh seeds say {fresh_verdict}")
    if against:
        return "weak", f"the validation images say that it helps; {'; '.join(against)}"
    lacking = [
        *([f"only {runs}"] if count < inference.STRONG_RUNS else []),
        *_not_in_company(ledger),
        *_not_confirmed(outcome, fresh_verdict, broken),
    ]
    agreed = "validation and test images agree"
    if lacking:
        return "moderate", f"{agreed}, but {'; '.join(lacking)}"
    asked = "" if outcome == "not asked for" else ", and fresh seeds confirm it"
    return "strong", f"{agreed}, in {runs}, also if corrected for all changes of the study{asked}"


def _not_in_company(ledger: dict[str, Any]) -> list[str]:
    corrected = ledger["test_p_holm_all"]
    if corrected is not None and corrected < 1 - inference.LEVEL:
        return []
    return ["corrected for all changes of the study, the test images leave it open"]


def _not_confirmed(outcome: str, fresh_verdict: str | None, broken: int) -> list[str]:
    if outcome == "not confirmed yet":
        return ["fresh seeds are still to confirm it"]
    if outcome != "not confirmed":
        return []
    if broken:
        return [f"{plural(broken, 'run')} with fresh seeds did not reach the end"]
    return [f"fresh seeds leave it open ({fresh_verdict})"]
