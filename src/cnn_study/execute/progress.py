"""What a person sees of a study: what is planned, done, running and left, and how good so far.

Only validation scores are shown: nobody should choose by test scores while a study runs.
"""

import os
import time
from collections import Counter, defaultdict
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType

from rich.console import Console, Group
from rich.live import Live
from rich.measure import Measurement
from rich.table import Table

from cnn_study.base.cores import cores
from cnn_study.base.errors import UserError
from cnn_study.base.words import counted, cut, first_of, percent, short_duration
from cnn_study.execute import local
from cnn_study.runs import confirmations, measured, records, searches
from cnn_study.runs.estimate import (
    Speed,
    search_seconds,
    seconds_left,
    step_seconds,
    steps_of,
    telling,
)
from cnn_study.runs.heartbeat import Beat, running
from cnn_study.runs.wanted import Run, done, read_sound, wanted
from cnn_study.study.faults import printable
from cnn_study.study.model import Experiment, Study
from cnn_study.study.search_space import Budget
from cnn_study.study.settings import value_text
from cnn_study.train.engine import choose

Speeds = Mapping[str, Speed]
"""Of the models of a search, by its budgets."""

REFRESH_SECONDS = 2.0
VALIDATION = "validation {}"
COLUMNS = ("experiment", "change", "parameters", "MACs", "done", "missing", VALIDATION)
DROPPED = ("change", "MACs", "parameters", "missing")
"""Columns that a narrow window does without, in this order."""

LONGEST_REASON = 300
"""Characters of why a run failed that are shown."""

LONGEST_NAME = 40
"""Characters of a machine's name that are shown."""

PIPED_WIDTH = 200
"""Characters a line where no window sets a limit."""


def outcome(study: Study, record: records.Record) -> str:
    """Sum up one run in a line, without its test score."""
    what = f"{record.experiment} seed {record.seed}: "
    if record.status != "complete":
        return f"{what}{record.status}, {record.reason}"
    score = measured.of_validation(record, study.metric.name)
    scored = "" if score is None else f"validation {study.metric.label} {percent(score)}, "
    return f"{what}{scored}{short_duration(record.cost.run_seconds)}"


def standing(study: Study, results: Path) -> str:
    """Say, at the end of a run, how many are done and how long the rest will take."""
    paths = done(study, results)
    missing = [run for run in wanted(study) if run.name not in paths]
    # The place of the run that has just ended is free for the next one.
    at_once = len(running(results)) + 1
    return _standing(len(paths), missing, study, telling(paths.values()), at_once)


def expected(study: Study) -> str:
    """Say how many runs a study has of which none is there, and how long they will take."""
    return _standing(0, wanted(study), study, [], cores())


def confirming(study: Study, results: Path, at_once: int) -> str:
    """Say, at the end of a fresh run, how many are done and how long the rest will take."""
    fresh, missing = _read_fresh(study, results)
    so_far = f"{len(fresh)} of {len(fresh) + len(missing)} runs with fresh seeds done"
    if not missing:
        return so_far
    at_once = min(at_once, len(missing))
    known = [*telling(done(study, results).values()), *fresh]
    left = seconds_left(study, missing, known, 0) / at_once
    return f"{so_far}, about {short_duration(left)} left with {at_once} at a time"


def trial(
    study: Study,
    known: list[records.Record],
    budget: Budget,
    scores: dict[int, float | None],
    at_once: int,
) -> str:
    """Say, at the end of a trial of the search, what it gave and how far the search is.

    Args:
        known: records of the study's runs, from which the time left is estimated.
        scores: mean validation score of the trials that have ended within this budget, by
            number, the last one last; None if it has none.
    """
    number, score = list(scores.items())[-1]
    complete = [known for known in scores.values() if known is not None]
    best = f", best so far {percent(max(complete))}" if complete else ""
    scored = "no score" if score is None else f"validation {study.metric.label} {percent(score)}"
    left = search_seconds(study, known, at_once, (budget.id, len(scores)))
    trials = study.search.trials_at(budget) if study.search else budget.trials
    return (
        f"search, {budget.title}: trial {number}, {scored}{best}; {len(scores)} of {trials} "
        f"trials done, about {short_duration(left)} of the search left with {at_once} at a time"
    )


def _standing(
    runs_done: int, missing: list[Run], study: Study, known: list[records.Record], at_once: int
) -> str:
    so_far = f"{runs_done} of {len(wanted(study))} runs done"
    if not missing:
        return so_far
    at_once = min(at_once, len(missing))
    processes = len(local.batches(study, missing))
    left = seconds_left(study, missing, known, processes) / at_once
    return f"{so_far}, about {short_duration(left)} left with {at_once} at a time"


def check(study: Study, results: Path, speeds: Speeds | None = None) -> None:
    """Print the experiments of a sound study: parameters, MACs, done and missing runs.

    Args:
        speeds: of the search's models, where they were measured here.
    """
    console = Console(markup=False)  # what stands in a record or a title is text, whatever it holds
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console = Console(width=PIPED_WIDTH, markup=False)
    console.print(_overview(study, results, console, speeds=speeds or {}))


def best(study: Study, results: Path) -> str | None:
    """Find the experiment with the highest mean validation score so far, if there is any."""
    own = _by_fingerprint(_read(study, results)[0])
    means = {
        id_: _mean_score(study, own[each.fingerprint]) for id_, each in study.experiments.items()
    }
    scored = {id_: mean for id_, mean in means.items() if mean is not None}
    return max(scored, key=scored.__getitem__) if scored else None


def watch(study: Study, results: Path) -> None:
    """Show what runs and what is missing until nothing is, or the person stops looking."""
    console = Console(markup=False)
    first = _overview(study, results, console, watched=True)
    with suppress(KeyboardInterrupt), Live(first, console=console, refresh_per_second=1) as live:
        while _unfinished(study, results):
            time.sleep(REFRESH_SECONDS)
            live.update(_overview(study, results, console, watched=True))


def _unfinished(study: Study, results: Path) -> bool:
    """Tell whether a run, the search or the confirmation is still to be done."""
    search = searches.place(study, results)
    missing = len(done(study, results)) < len(wanted(study))
    open_ = bool(study.fresh_seeds) and confirmations.suggested(study, results) is None
    return (
        missing
        or (search is not None and not search.exists())
        or open_
        or bool(confirmations.missing(study, results))
    )


def _read(study: Study, results: Path) -> tuple[dict[str, records.Record], list[Run]]:
    """Read the records that are there, by the names of their runs, and list the runs without.

    A damaged record is neither: it stops nobody who does not need it, and `refused` tells of it.
    """
    paths = done(study, results)
    known, _ = records.read_all(paths)
    return known, [run for run in wanted(study) if run.name not in paths]


def missing(study: Study, results: Path) -> list[Run]:
    """List the runs without a record, those that confirm suggestions too."""
    paths = done(study, results)
    left = [run for run in wanted(study) if run.name not in paths]
    return [*left, *confirmations.missing(study, results)]


def engines(study: Study, results: Path) -> list[str]:
    """Say where runs of both engines meet, or would if what is missing were trained here."""
    known, left = _read(study, results)
    by: defaultdict[str, set[str]] = defaultdict(set)
    for record in known.values():
        if record.status == "complete":
            by[record.fingerprint].add(record.provenance.engine)
    trained = {id_: by[each.fingerprint].copy() for id_, each in study.experiments.items()}
    said, meet = [], _of_both(study, trained)
    if meet:
        said = [
            f"engines: runs of both are in {first_of(meet)}. Of one seed they make other weights; "
            "with training_engine: in the study's file all runs to come are of one"
        ]
    with suppress(UserError):  # where nothing can train, `device` says so
        own = choose(study=study).engine if left else "processes"
        for run in left:
            trained[run.experiment.id].add(own)
        if more := [place for place in _of_both(study, trained) if place not in meet]:
            other = "processes" if own == "batched" else "batched"
            said.append(
                f"engines: what is missing would be trained by {own}, and runs of both be in "
                f"{first_of(more)}. With training_engine: {other} in the study's file they are not"
            )
    return said


def _of_both(study: Study, trained: dict[str, set[str]]) -> list[str]:
    """List the experiments and the comparisons that have runs of both engines.

    Args:
        trained: the engines of each experiment.
    """
    pairs = [
        f"{id_} against {other}"
        for id_, other in study.comparisons
        if trained[id_] and trained[other] and len(trained[id_] | trained[other]) > 1
    ]
    return [*(id_ for id_, engines in trained.items() if len(engines) > 1), *pairs]


def _read_fresh(study: Study, results: Path) -> tuple[list[records.Record], list[Run]]:
    """Read the records of the runs that confirm suggestions, and list those without."""
    known, _ = records.read_all(confirmations.done(study, results))
    return list(known.values()), confirmations.missing(study, results)


def too_old(study: Study, results: Path) -> str:
    """Say which runs are too old to tell their scores by the study's metric; else nothing."""
    return measured.too_old(study.metric.name, _read(study, results)[0].values())[0]


def refused(study: Study, results: Path) -> list[UserError]:
    """Say which records of the study nobody can use, and what to do."""
    paths = done(study, results) | confirmations.done(study, results)
    asked = {run.name: run for run in (*wanted(study), *confirmations.wanted(study, results))}
    runs = {name: asked[name] for name in paths}
    return read_sound(study, runs, paths)[1]


def _overview(
    study: Study,
    results: Path,
    console: Console,
    watched: bool = False,
    speeds: Speeds = MappingProxyType({}),
) -> Group:
    """Put together what a person sees.

    Args:
        watched: what a small window has no room for is cut off at the bottom, so what runs stands
            at the top, and of the experiments only those that miss a run.
    """
    known, missing = _read(study, results)
    trainings = running(results)
    at_once = len(trainings) or cores()
    how_far = _standing(len(known), missing, study, list(known.values()), at_once)
    left = {run.experiment.id for run in missing}
    own = _by_fingerprint(known)
    rows = {
        id_: _row(study, experiment, own[experiment.fingerprint])
        for id_, experiment in study.experiments.items()
    }
    if watched and missing:
        rows = {id_: row for id_, row in rows.items() if id_ in left}
        return Group(how_far, *_trainings(trainings), *_table(study, rows, console))
    declared = (
        f"declared, not trained: {name} ({first_of(each.id for each in experiments)})"
        for name, experiments in study.declared.items()
    )
    table = _table(study, rows, console)
    searched = _searched(study, results, list(known.values()), speeds)
    confirmed = _confirmed(study, results, list(known.values()))
    trained = _trainings(trainings)
    aside = records.aside_in_words(results / "runs")
    again = failures(study, results)
    return Group(*table, *declared, *searched, *confirmed, *aside, *again, *trained, how_far)


def _searched(
    study: Study, results: Path, known: list[records.Record], speeds: Speeds
) -> list[str]:
    """Say how large the study's search is, and whether it is done."""
    if study.search is None:
        return []
    budgets = study.search.budgets
    trials = sum(map(study.search.trials_at, budgets))
    prices = "one price" if len(budgets) == 1 else f"{len(budgets)} prices"
    size = f"search: {study.search.algorithm}, {trials} trials at {prices}"
    path = searches.place(study, results)
    steps = [_steps(study, budget, known, speeds.get(budget.id)) for budget in budgets]
    if path is None:
        return [f"{size}; declared, not trained", *steps]
    if path.exists():
        return [f"{size}; done"]
    left = short_duration(search_seconds(study, known, cores(), speeds=speeds))
    return [f"{size}; not done yet, about {left} in all on every core", *steps]


def _steps(study: Study, budget: Budget, known: list[records.Record], speed: Speed | None) -> str:
    """Say what is trained at a price, one step after the other, and how long one core takes."""
    said, total = [], 0.0
    for step in steps_of(study.search, budget) if study.search else []:
        seconds = step_seconds(study, budget, step, known, speed)
        total += seconds
        kind = step.kind if step.models == 1 else f"{step.kind}s"
        runs = f" ({step.runs} runs)" * (step.runs > step.models)
        said.append(
            f"{step.models} {kind}{runs} of {counted(step.epochs, 'epoch')} "
            f"{short_duration(seconds)}"
        )
    return f"  {budget.title}: {short_duration(total)} of one core ({', '.join(said)})"


def _confirmed(study: Study, results: Path, known: list[records.Record]) -> list[str]:
    """Say with which seeds suggestions are confirmed, how many runs that takes, and the time."""
    if not study.fresh_seeds:
        return []
    first, last = study.fresh_seeds[0], study.fresh_seeds[-1]
    seeds = f"seed {first}" if first == last else f"seeds {first} to {last}"
    begun = f"confirmation: suggestions and what they change, with {seeds}"
    if confirmations.suggested(study, results) is None:
        return [f"{begun}; nothing is suggested yet"]
    fresh, missing = _read_fresh(study, results)
    said = f"{begun}: {len(fresh)} of {len(fresh) + len(missing)} runs done"
    if not missing:
        return [said]
    at_once = min(cores(), len(missing))
    left = short_duration(seconds_left(study, missing, [*known, *fresh], at_once) / at_once)
    return [f"{said}, about {left} left with {at_once} at a time"]


def _trainings(trainings: list[Beat]) -> list[str]:
    """Say of each training how far it is; before that, of several, where and how fast they are."""
    lines = [_training(facts) for facts in sorted(trainings, key=lambda each: each.machine or "")]
    if len(trainings) > 1:
        lines.insert(0, f"running: {_places(trainings)}{_fast(trainings)}")
    return lines


def _fast(trainings: list[Beat]) -> str:
    """Say how fast epochs end, of all trainings together, where any has had one."""
    rate = sum(1 / each.epoch_seconds for each in trainings if each.epoch_seconds)
    if not rate:
        return ""
    return f", {rate:.1f} epochs a second" if rate >= 1 else f", an epoch every {1 / rate:.1f} s"


def _places(trainings: list[Beat]) -> str:
    """Count trainings, and say on which machines they are if any is elsewhere."""
    counts = Counter(each.elsewhere for each in trainings)
    said = f"{len(trainings)} at a time"
    if not any(counts):
        return said
    named = (
        f"{number} on {_named(machine) if machine else 'this one'}"
        for machine, number in sorted(counts.items(), key=lambda each: each[0] or "")
    )
    return f"{said} on {len(counts)} machine{'s' * (len(counts) > 1)} ({first_of(named)})"


def _named(machine: str) -> str:
    return printable(cut(machine, LONGEST_NAME))


def _training(facts: Beat) -> str:
    said = f"running: {facts.experiment} seed {facts.seed}"
    if facts.elsewhere:
        said += f" on {_named(facts.elsewhere)}"
    said += f", epoch {facts.epoch} of {facts.epochs}"
    if seconds := facts.epoch_seconds:
        left = short_duration(seconds * (facts.epochs - facts.epoch))
        said += f", {seconds:.1f} s an epoch, about {left} left"
    if (accuracy := facts.validation_accuracy) is not None:
        said += f", validation accuracy {percent(accuracy)}"
    return said


def _table(study: Study, rows: dict[str, dict[str, str]], console: Console) -> list[Table | str]:
    """Lay out experiments with as many columns as there is room for; say which are left out."""
    seeds = f"seeds: {', '.join(map(str, study.seeds))}"
    title = f"{study.path}: {study.file.title}"
    for dropped in range(len(DROPPED) + 1):
        kept = (name for name in COLUMNS if name not in DROPPED[:dropped])
        columns = [name.format(study.metric.label) for name in kept]
        table = _of_columns(title, columns, list(rows.values()))
        if _width(table) <= console.width:
            break
    more = f"A wider window, a pipe or a file has more: {', '.join(DROPPED[:dropped])}."
    return [table, *([more] if dropped else []), seeds]


def _width(table: Table) -> int:
    """Find how many characters a table needs to break no word."""
    endless = Console(width=10_000, markup=False)
    return Measurement.get(endless, endless.options, table).minimum


def _of_columns(title: str, columns: list[str], rows: list[dict[str, str]]) -> Table:
    table = Table(title=title, title_justify="left")
    for name in columns:
        words = name in ("experiment", "change")
        # Broken in the middle, an id cannot be found or copied.
        table.add_column(name, justify="left" if words else "right", no_wrap=name == "experiment")
    for row in rows:
        table.add_row(*(row[name] for name in columns))
    return table


def _row(study: Study, experiment: Experiment, own: list[records.Record]) -> dict[str, str]:
    states = Counter(record.status for record in own)
    broken = ", ".join(f"{states[state]} {state}" for state in ("diverged", "failed")
                       if states[state])  # fmt: skip
    change = ", ".join(f"{key} {value_text(value)}" for key, value in experiment.change.items())
    return {
        "experiment": experiment.id,
        "change": change or "–",
        "parameters": f"{experiment.parameters:,}",
        "MACs": f"{experiment.macs:,}",
        "done": f"{len(own)}{f' ({broken})' if broken else ''}",
        "missing": str(len(study.seeds) - len(own)),
        VALIDATION.format(study.metric.label): percent(_mean_score(study, own)),
    }


def _by_fingerprint(known: dict[str, records.Record]) -> defaultdict[str, list[records.Record]]:
    """Give the records of each experiment; none where there are none."""
    own: defaultdict[str, list[records.Record]] = defaultdict(list)
    for record in known.values():
        own[record.fingerprint].append(record)
    return own


def failures(study: Study, results: Path, *, by_hand: bool = False) -> list[str]:
    """Say which runs are recorded as failed, why, and how to try again; nothing if none is.

    Args:
        by_hand: whether the command `work` tells of them, and no workflow.
    """
    paths = done(study, results) | confirmations.done(study, results)
    own, searched = records.failed(paths).values(), searches.failed(study, results)
    failed = [*own, *searched]
    if not failed:
        return []
    named = "; ".join(
        printable(cut(f"{run.experiment} seed {run.seed}: {run.reason}", LONGEST_REASON))
        for run in failed[:3]
    )
    more = f"; and {len(failed) - 3} more" * (len(failed) > 3)
    runs = "1 run is" if len(failed) == 1 else f"{len(failed)} runs are"
    name = study.name if study.path.parent == Path("experiments") else study.path
    again = f"snakemake --cores all --config study={name} retry=failed"
    if by_hand:
        commands = ["work"] * bool(own) + ["search"] * bool(searched)
        again = "; ".join(f"cnn-study {command} {name} --retry failed" for command in commands)
    return [f"{runs} recorded as failed ({named}{more}). To try again: {again}"]


def _mean_score(study: Study, own: list[records.Record]) -> float | None:
    """Average the last validation score of complete runs; None where none has one."""
    scores = [measured.of_validation(record, study.metric.name) for record in own
              if record.status == "complete"]  # fmt: skip
    complete = [score for score in scores if score is not None]
    return sum(complete) / len(complete) if complete else None
