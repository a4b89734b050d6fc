"""Tidy tables from the run records of a study: CSV files and their data dictionary.

Knows nothing of Keras, and chooses nothing: scores are copied and summed up, never compared.

Numbers in the CSV files have at most six significant digits (0.06471234 stands as 0.0647123) and
are otherwise as short as they can be (0.61, 45000). Means and the like are computed from the
records before that rounding. An empty cell means: there is no such value.
"""

import json
import statistics
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cnn_study.base import contributions
from cnn_study.base.errors import UserError
from cnn_study.base.files import digest_of_file, write_whole
from cnn_study.base.inference import higher_by_chance, prediction_interval
from cnn_study.base.metrics import METRICS, collapsed
from cnn_study.base.words import first_lines
from cnn_study.data.catalog import MOST_CLASSES
from cnn_study.runs import correct_answers, look_alikes, measured, records, searches
from cnn_study.runs.heartbeat import log
from cnn_study.runs.records import Bin, Record
from cnn_study.runs.wanted import Run, done, read_sound, wanted
from cnn_study.study import architecture, published_numbers
from cnn_study.study.model import Experiment, Study
from cnn_study.study.published_numbers import PublishedNumber
from cnn_study.study.search_space import Search
from cnn_study.study.settings import value_text
from cnn_study.tables import answers
from cnn_study.tables.csv_files import csv_text, frame
from cnn_study.tables.data_package import DICTIONARY, data_package
from cnn_study.tables.lineage import METRIC
from cnn_study.tables.misread import misread_rows
from cnn_study.tables.schemas import (
    CALIBRATION,
    CLASS_SIZES,
    CLASSES,
    CONFUSION,
    ENERGIES,
    EPOCHS,
    EXPERIMENTS,
    LAYERS,
    LOOK_ALIKE_PAIRS,
    MEASURES,
    MISREAD,
    OTHERS,
    PUBLISHED,
    RUNS,
    SEARCH_PLACES,
    SEARCH_RUNS,
    SEARCH_VALUES,
    TABLES,
    tables_of,
    words_of,
)


@dataclass(frozen=True)
class Outcome:
    """One wanted run and its record.

    Attributes:
        record: None if the run is missing.
        path: of the record, relative to the results folder; None if the run is missing.
        sha256: of the record's file; None if the run is missing.
    """

    run: Run
    record: Record | None = None
    path: str | None = None
    sha256: str | None = None

    @property
    def status(self) -> str:
        """One of complete, diverged, failed, missing."""
        return self.record.status if self.record else "missing"


def collect(study: Study, results: Path, output: Path) -> list[Path]:
    """Write the CSV files of a study, the answers of its runs, and their dictionary.

    Each file is written whole or not at all. The same records give the same bytes.

    Args:
        study: what was asked for; records of anything else are ignored.
        results: the study's results folder, which holds `runs/`.
        output: folder of the tables.

    Returns:
        The predictions of complete runs that are not there, though those of others are: the tables
        leave out what only they tell.

    Raises:
        UserError: a record, predictions or correct answers are damaged, or do not belong together;
            records are too old for the study's metric; or the printed numbers cannot be used.
    """
    outcomes = read_outcomes(study, results)
    _say_too_old(study, outcomes)
    labels = correct_answers.read(study, results)
    given = read_answers(results, outcomes, labels)
    classes = {id_: answered.classes for id_, answered in given.items()}
    experiments = experiments_table(study, outcomes, misread_images(classes, labels))
    listed = {"base", study.file.enhanced or "base", *_best(experiments, study.metric.name)}
    frames = {
        RUNS.name: runs_table(study, outcomes),
        EPOCHS.name: epochs_table(study, outcomes),
        EXPERIMENTS.name: experiments,
        LAYERS.name: layers_table(study),
        CONFUSION.name: confusion_table(study, outcomes),
        CLASSES.name: classes_table(study, outcomes),
        CALIBRATION.name: calibration_table(outcomes),
        CLASS_SIZES.name: class_sizes_table(study),
        LOOK_ALIKE_PAIRS.name: look_alikes_table(study, results),
        MISREAD.name: frame(MISREAD, misread_rows(study, given, labels, listed)),
        **search_tables(study, results),
    }
    published = published_file(study)
    if published:
        frames[PUBLISHED.name] = published_table(read_published(published, study), outcomes)
    if study.file.others:
        frames[OTHERS.name] = others_table(study)
    written = [table for table in tables_of(study, TABLES) if table.name in frames]
    for table in written:
        _write(output / table.file, csv_text(frames[table.name]))
    complete = complete_outcomes(outcomes)
    known = {
        id_: answers.Answers(
            tuple(each.run.seed for each in complete[id_]),
            predicted == labels,
            _contributions(study, results, complete[id_], predicted, labels),
        )
        for id_, predicted in classes.items()
    }
    dataset = study.dataset
    answers.write(output / answers.FILE, known, dataset.test_images, dataset.test_units)
    _write(output / DICTIONARY, json.dumps(data_package(study, written), indent=2) + "\n")
    return _lost_predictions(results, complete)


def _say_too_old(study: Study, outcomes: list[Outcome]) -> None:
    """Tell of runs that are too old for the study's metric; refuse them without test scores."""
    known = (outcome.record for outcome in outcomes if outcome.record)
    said, untested = measured.too_old(study.metric.name, known)
    if untested:
        raise UserError(f"{study.path}: metric: {study.metric.name}: {said}")
    if said:
        log(said)


def _contributions(
    study: Study,
    results: Path,
    complete: list[Outcome],
    classes: np.ndarray,
    labels: np.ndarray | None,
) -> np.ndarray | None:
    """Give what each test image contributes to the score of each run.

    Args:
        classes: predicted (runs, test images).

    Returns:
        (runs, test images); None of accuracy, to which right answers contribute one each.
    """
    metric = study.metric
    if metric.name == "accuracy" or labels is None:
        return None
    if metric.decided_by_classes:
        number = len(study.dataset.class_names)
        return np.stack(
            [contributions.of_answers(metric.name, labels, given, number) for given in classes]
        )
    runs = [
        contributions.of_probabilities(labels, _odds(results / each.path, each.record))
        for each in complete
        if each.path and each.record
    ]
    known = [run for run in runs if run is not None]
    return np.stack(known) if len(known) == len(complete) else None


def _odds(path: Path, record: Record) -> np.ndarray:
    """Give for each test image how much likelier the second of two classes is than the first."""
    kept = records.predictions(path, record)
    first, second = (kept or {})["class_probabilities"].T
    return second / np.maximum(first, np.finfo("float16").smallest_subnormal)


def _lost_predictions(results: Path, complete: dict[str, list[Outcome]]) -> list[Path]:
    kept = [
        records.predictions_file(results / outcome.path)
        for outcomes in complete.values()
        for outcome in outcomes
        if outcome.path
    ]
    lost = [path for path in kept if not path.exists()]
    return lost if len(lost) < len(kept) else []


def read_outcomes(study: Study, results: Path) -> list[Outcome]:
    """Read the record of every wanted run, by experiment in study order, then by seed.

    Raises:
        UserError: records are damaged or make no sense; names them all.
    """
    return outcomes_of(study, wanted(study), done(study, results), results)


def outcomes_of(
    study: Study, runs: list[Run], paths: dict[str, Path], results: Path
) -> list[Outcome]:
    """Read the records of some runs, by experiment in study order, then by seed.

    Args:
        paths: of the records that are there, by the names of the runs.

    Raises:
        UserError: records are damaged or make no sense; names them all.
    """
    order = {id_: place for place, id_ in enumerate(study.experiments)}
    runs = sorted(runs, key=lambda run: (order[run.experiment.id], run.seed))
    there = {run.name: run for run in runs if run.name in paths}
    known = _sound(study, there, paths)
    return [
        Outcome(run, known[run.name], *_named(paths[run.name], results))
        if run.name in there
        else Outcome(run)
        for run in runs
    ]


def _sound(study: Study, runs: Mapping[str, Run], paths: Mapping[str, Path]) -> dict[str, Record]:
    """Read the records of runs; refuse them all together where any makes no sense."""
    known, refusals = read_sound(study, runs, paths)
    if refusals:
        raise UserError("\n".join(first_lines(refusals)))
    return known


def _named(path: Path, results: Path) -> tuple[str, str]:
    """Name a record from the results folder on, and hash its file."""
    return path.relative_to(results).as_posix(), digest_of_file(path)


def runs_table(study: Study, outcomes: list[Outcome]) -> pd.DataFrame:
    """Give one row for each wanted run."""
    rows = [_run_row(outcome, study.metric.name) for outcome in outcomes]
    return frame(RUNS.put(words_of(study)), rows)


def _run_row(outcome: Outcome, metric: str) -> dict[str, Any]:
    run, record = outcome.run, outcome.record
    row = {
        "experiment": run.experiment.id,
        "seed": run.seed,
        "fingerprint": run.experiment.fingerprint,
        "status": outcome.status,
    }
    if record is None:
        return row
    provenance = record.provenance
    return row | {
        "reason": record.reason,
        "training_images": record.dataset.training_images,
        "validation_images": record.dataset.validation_images,
        "epochs_trained": len(record.epochs),
        **last_scores(record, metric),
        **record.cost.model_dump(),
        "weights_sha256": record.weights_sha256,
        "backend_version": provenance.versions.get(provenance.backend),
        "keras_version": provenance.versions.get("keras"),
        **provenance.model_dump(include={"backend", "device", "engine"}),
        **provenance.model_dump(include={"processor", "started", "commit", "changed_since_commit"}),
        "record": outcome.path,
        "record_sha256": outcome.sha256,
    }


def last_scores(record: Record, metric: str) -> dict[str, float | None]:
    """Give the scores of a run's last epoch and, if it is complete, those of its test.

    Args:
        metric: the study's, beside loss and accuracy.
    """
    names = ("training_loss", "training_accuracy", "validation_loss", "validation_accuracy")
    last = record.epochs[-1] if record.epochs else None
    scores = {name: getattr(last, name, None) for name in names}
    scores[f"validation_{metric}"] = measured.of_validation(record, metric)
    if record.test:
        scores[f"test_{metric}"] = measured.of_test(record, metric)
        scores |= {"test_loss": record.test.loss, "test_accuracy": record.test.accuracy}
        scores |= {"test_calibration_error": calibration_error(record.test.calibration)}
    return scores


def calibration_error(bins: list[Bin]) -> float:
    """Give the expected calibration error: mean gap of probability and accuracy, by images.

    Guo, Pleiss, Sun, Weinberger 2017, equation 3, https://arxiv.org/abs/1706.04599.
    """
    gaps = (
        bin_.images * abs(bin_.mean_probability - bin_.accuracy)
        for bin_ in bins
        if bin_.mean_probability is not None and bin_.accuracy is not None  # None: it is empty
    )
    return sum(gaps) / sum(bin_.images for bin_ in bins)


BY_CLASS = {
    f"{images}_{what}" for images in ("validation", "watched_test")
    for what in ("right", "predicted", "auc")
}  # fmt: skip
"""Fields of an epoch from which its metric is worked out."""


def epochs_table(study: Study, outcomes: list[Outcome]) -> pd.DataFrame:
    """Give one row for each epoch of each run that has a record."""
    metric = study.metric.name
    rows = [
        {
            "experiment": outcome.run.experiment.id,
            "seed": outcome.run.seed,
            **epoch.model_dump(exclude=BY_CLASS),
            **{
                f"{images}_{metric}": measured.of_epoch(outcome.record, epoch, metric, images)
                for images in ("validation", "watched_test")
            },
        }
        for outcome in outcomes
        if outcome.record
        for epoch in outcome.record.epochs
    ]
    return frame(EPOCHS.put(words_of(study)), rows)


def read_answers(
    results: Path, outcomes: list[Outcome], labels: np.ndarray | None
) -> dict[str, answers.Given]:
    """Read what the complete runs of each experiment answered to the test images.

    Returns:
        By experiment; without those of which it is not known of every complete run.

    Raises:
        UserError: predictions or correct answers are not those of a record.
    """
    known = {}
    for id_, complete in complete_outcomes(outcomes).items():
        runs = [
            (results / outcome.path, outcome.record)
            for outcome in complete
            if outcome.path and outcome.record
        ]
        if (given := answers.answers_of(runs, labels)) is not None:
            known[id_] = given
    return known


def misread_images(
    classes: dict[str, np.ndarray], labels: np.ndarray | None
) -> dict[str, int | None]:
    """Count the test images that all runs of an experiment misread alike, where it is known."""
    return {id_: answers.misread_images(given, labels) for id_, given in classes.items()}


def experiments_table(
    study: Study, outcomes: list[Outcome], misread: dict[str, int | None]
) -> pd.DataFrame:
    """Give one row for each experiment: its runs counted, its complete runs summed up.

    Args:
        misread: see `misread_images`.
    """
    rows, words, metric = [], words_of(study), study.metric.name
    records_of, outcomes_of_each = complete_records(outcomes), by_experiment(outcomes)
    for experiment in study.experiments.values():
        complete = records_of.get(experiment.id, [])
        statuses = [outcome.status for outcome in outcomes_of_each[experiment.id]]
        kinds = ("complete", "diverged", "failed", "missing")
        rows.append(
            {
                "experiment": experiment.id,
                "reference": experiment.reference,
                "change": change_text(experiment),
                "planned_runs": len(statuses),
                **{f"{kind}_runs": statuses.count(kind) for kind in kinds},
                "collapsed_runs": collapsed(_known(complete, metric), study.chance),
                **_score_summaries(complete, metric),
                "misread_images": misread.get(experiment.id),
                "parameters": experiment.parameters,
                "macs": experiment.macs,
                **_cost_summaries(complete),
            }
        )
    return frame(EXPERIMENTS.put(words), rows)


def _best(experiments: pd.DataFrame, metric: str) -> list[str]:
    """Name the experiment with the highest mean validation score; none where none has one."""
    scores = experiments[f"validation_{metric}_mean"].dropna()
    return [experiments["experiment"][scores.idxmax()]] if len(scores) else []


def _known(complete: Iterable[Record], metric: str) -> list[float]:
    """Give the test scores of those records that are not too old to tell them."""
    scores = (measured.of_test(record, metric) for record in complete)
    return [score for score in scores if score is not None]


def by_experiment(outcomes: Iterable[Outcome]) -> dict[str, list[Outcome]]:
    """Give the outcomes of each experiment that has any, in their order."""
    groups: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        groups.setdefault(outcome.run.experiment.id, []).append(outcome)
    return groups


def complete_outcomes(outcomes: Iterable[Outcome]) -> dict[str, list[Outcome]]:
    """Give the complete runs of each experiment that has any."""
    return by_experiment(outcome for outcome in outcomes if outcome.status == "complete")


def complete_records(outcomes: Iterable[Outcome]) -> dict[str, list[Record]]:
    """Give the records of complete runs, the only ones that are averaged, by experiment."""
    return {
        id_: [outcome.record for outcome in complete if outcome.record]
        for id_, complete in complete_outcomes(outcomes).items()
    }


def change_text(experiment: Experiment) -> str | None:
    """Say what an experiment changes, such as `filters = 8-16-32, kernel_size = 3`."""
    parts = [f"{name} = {value_text(value)}" for name, value in experiment.change.items()]
    return ", ".join(parts) or None


def _score_summaries(complete: list[Record], metric: str) -> dict[str, float | None]:
    row = {}
    for measure in dict.fromkeys(name.replace(METRIC, metric) for name in MEASURES):
        given = [last_scores(record, metric)[measure] for record in complete]
        values = [value for value in given if value is not None]
        if measure.startswith("validation"):
            row[f"{measure}_n"] = len(values)
        row |= {f"{measure}_{name}": value for name, value in summarize(values).items()}
    return row


def summarize(values: list[float]) -> dict[str, float | None]:
    """Sum up the values of some runs.

    Returns:
        mean, standard_deviation (n - 1 in the denominator), smallest, largest; None where there
        are too few values: none at all, or one for the standard deviation.
    """
    return {
        "mean": statistics.fmean(values) if values else None,
        "standard_deviation": statistics.stdev(values) if len(values) > 1 else None,
        "smallest": min(values, default=None),
        "largest": max(values, default=None),
    }


def _cost_summaries(complete: list[Record]) -> dict[str, float | None]:
    costs = [record.cost for record in complete]
    means = ("training_seconds", "training_cpu_seconds", "run_seconds")
    row = {f"{name}_mean": summarize([getattr(c, name) for c in costs])["mean"] for name in means}
    memory = [cost.peak_memory_mebibytes for cost in costs]
    row["peak_memory_mebibytes_largest"] = max(memory, default=None)
    for name in ENERGIES:
        known = [joules for cost in costs if (joules := getattr(cost, name)) is not None]
        row[f"{name}_mean"] = summarize(known)["mean"] if len(known) == len(costs) else None
    return row


def layers_table(study: Study) -> pd.DataFrame:
    """Give one row for each layer of each experiment's network."""
    shape, classes = study.dataset.image_shape, len(study.dataset.class_names)
    rows = [
        {
            "experiment": experiment.id,
            "position": position,
            "layer": layer.name,
            "kind": layer.kind,
            "output_shape": "x".join(map(str, layer.shape)),
            "parameters": layer.parameters,
            "macs": layer.macs,
        }
        for experiment in study.experiments.values()
        for position, layer in enumerate(
            architecture.layers(experiment.settings, shape, classes), start=1
        )
    ]
    return frame(LAYERS, rows)


def confusion_table(study: Study, outcomes: list[Outcome]) -> pd.DataFrame:
    """Give one row for each pair of classes of each experiment that has complete runs.

    Of many classes, pairs that are never confused have none: of a thousand there are a million.
    """
    names, rows = study.dataset.class_names, []
    for id_, complete in complete_records(outcomes).items():
        counts = np.sum([record.tested.confusion for record in complete], axis=0)
        kept = (counts > 0) | np.eye(len(names), dtype=bool) | (len(names) <= MOST_CLASSES)
        rows += [
            {
                "experiment": id_,
                "true_class": names[true],
                "predicted_class": names[predicted],
                "images": int(counts[true, predicted]),
                "runs": len(complete),
            }
            for true, predicted in np.argwhere(kept)
        ]
    return frame(CONFUSION, rows)


def class_sizes_table(study: Study) -> pd.DataFrame:
    """Count the images of each class."""
    dataset = study.dataset
    sizes = zip(dataset.class_names, dataset.training_counts, dataset.test_counts, strict=True)
    names = [column.name for column in CLASS_SIZES.columns]
    return frame(CLASS_SIZES, [dict(zip(names, row, strict=True)) for row in sizes])


def classes_table(study: Study, outcomes: list[Outcome]) -> pd.DataFrame:
    """Count, for each class of each complete run, its test images and those recognized."""
    rows = [
        {
            "experiment": outcome.run.experiment.id,
            "seed": outcome.run.seed,
            "class": name,
            "images": sum(images),
            "correct": images[number],
        }
        for outcome in outcomes
        if outcome.record and outcome.record.status == "complete"
        for number, (name, images) in enumerate(
            zip(study.dataset.class_names, outcome.record.tested.confusion, strict=True)
        )
    ]
    return frame(CLASSES, rows)


def look_alikes_table(study: Study, results: Path) -> pd.DataFrame:
    """Give one row for each test image that resembles a training image; none if nobody looked."""
    path = look_alikes.find(study, results)
    names = study.dataset.class_names
    rows = [
        pair.model_dump()
        | {
            "test_class": names[pair.test_class],
            "training_class": names[pair.training_class],
            "same_class": pair.test_class == pair.training_class,
        }
        for pair in (look_alikes.read_facts(path).pairs if path else [])
    ]
    return frame(LOOK_ALIKE_PAIRS, rows)


def calibration_table(outcomes: list[Outcome]) -> pd.DataFrame:
    """Give one row for each bin of each experiment that has complete runs."""
    rows = []
    for id_, complete in complete_records(outcomes).items():
        runs = [record.tested.calibration for record in complete]
        for number, bins in enumerate(zip(*runs, strict=True), start=1):
            filled = [bin_ for bin_ in bins if bin_.images]
            images = sum(bin_.images for bin_ in filled)
            means = {
                name: sum(bin_.images * getattr(bin_, name) for bin_ in filled) / images
                for name in ("mean_probability", "accuracy")
                if images
            }
            edges = {"lower": bins[0].lower, "upper": bins[0].upper}
            row = {"experiment": id_, "bin": number, **edges, "images": images, **means}
            rows.append(row | {"runs": len(bins)})
    return frame(CALIBRATION, rows)


def search_tables(study: Study, results: Path) -> dict[str, pd.DataFrame]:
    """Give the runs of the search that is done, and its trials' values and places in rounds.

    Without one there are no rows.

    Raises:
        UserError: what it found is damaged, or records of it are missing, damaged or make no sense.
    """
    runs, values, places = [], [], []
    file, search = searches.find(study, results), study.search
    if file and search:
        budgets = searches.read(file).budgets
        outcomes = _search_outcomes(study, budgets, results)
        _check_scores(study, file, budgets, outcomes)
        for budget in budgets:
            runs += _search_rows(study, budget, outcomes)
            values += _value_rows(search, budget)
            places += _place_rows(budget)
    return {
        SEARCH_RUNS.name: frame(SEARCH_RUNS.put(words_of(study)), runs),
        SEARCH_VALUES.name: frame(SEARCH_VALUES, values),
        SEARCH_PLACES.name: frame(SEARCH_PLACES, places),
    }


def _search_outcomes(
    study: Study, budgets: list[searches.AtBudget], results: Path
) -> dict[str, Outcome]:
    """Read the record of every run of a search, by the run's name."""
    found, paths, runs = records.find(results / "runs"), {}, {}
    for budget in budgets:
        trials = {trial.trial: trial for trial in budget.trials}
        for model in budget.models:
            for run in _search_runs(study, trials[model.trial], model):
                runs[run.name] = run
                paths[run.name] = found.get((model.fingerprint, run.seed))
                if paths[run.name] is None:
                    raise UserError(
                        f"{results} has no record of trial {model.trial} of {budget.budget}, seed "
                        f"{run.seed}, which its search has trained. Delete {results}/search; "
                        "the search is then gone through again, and trains what has no record."
                    )
    known = _sound(study, runs, paths)
    return {
        name: Outcome(run, known[name], *_named(paths[name], results)) for name, run in runs.items()
    }


def _search_runs(study: Study, trial: searches.Trial, model: searches.Trained) -> list[Run]:
    """Give the runs of a model of the search, whose cost its trial tells."""
    settings = study.experiments["base"].settings  # the record alone has its own
    experiment = Experiment(
        searches.EXPERIMENT, settings, model.fingerprint, trial.parameters, trial.macs
    )
    return [Run(experiment, run.seed) for run in model.runs]


def _value_rows(search: Search, budget: searches.AtBudget) -> list[dict[str, Any]]:
    return [
        {
            "price": budget.budget,
            "trial": trial.trial,
            "parameter": parameter.name,
            "value": json.dumps(trial.values[parameter.name]),
            "place": parameter.place_in_space(trial.values[parameter.name]),
            "edge": parameter.name in search.edges(trial.values),
        }
        for trial in budget.trials
        for parameter in search.space
        if parameter.name in trial.values
    ]


def _place_rows(budget: searches.AtBudget) -> list[dict[str, Any]]:
    """Give the place of each trial of successive halving in its rounds."""
    models: dict[int, int] = {}
    rows = []
    for trial in budget.trials:
        if (place := trial.in_round) is None:
            continue
        models[trial.trial] = models.get(place.continues or 0, trial.trial)
        rows.append(
            {
                "price": budget.budget,
                "trial": trial.trial,
                "round": place.round,
                "epochs": trial.epochs,
                "model": models[trial.trial],
                "chosen_by": place.chosen_by,
                "promise": place.promise,
            }
        )
    return rows


def _check_scores(
    study: Study, file: Path, budgets: list[searches.AtBudget], outcomes: dict[str, Outcome]
) -> None:
    """Refuse a search by whose file a run has another score than by its record."""
    for budget in budgets:
        trials = {trial.trial: trial for trial in budget.trials}
        for model in budget.models:
            runs = _search_runs(study, trials[model.trial], model)
            for run, said in zip(runs, model.runs, strict=True):
                record = outcomes[run.name].record
                known = measured.of_validation(record, said.scored_by) if record else None
                if known is None or said.score in (None, known):
                    continue
                raise UserError(
                    f"{file} says that trial {model.trial} of {budget.budget}, seed {run.seed}, "
                    f"has the validation {METRICS[said.scored_by].label} {said.score}, and its "
                    f"record {known}. One of them was changed. {searches.REMEDY}"
                )


def _search_rows(
    study: Study, budget: searches.AtBudget, outcomes: dict[str, Outcome]
) -> list[dict[str, Any]]:
    trials = {trial.trial: trial for trial in budget.trials}
    winners = [budget.winner] if budget.winner else []
    stages = {"trial": budget.trials, "finalist": budget.finalists, "winner": winners}
    return [
        {
            "price": budget.budget,
            "trial": model.trial,
            "stage": stage,
            "epochs": model.epochs,
            "parameters": run.experiment.parameters,
            "macs": run.experiment.macs,
            **_of_search_run(outcomes[run.name], study.metric.name),
        }
        for stage, models in stages.items()
        for model in models
        for run in _search_runs(study, trials[model.trial], model)
    ]


def _of_search_run(outcome: Outcome, metric: str) -> dict[str, Any]:
    """Give what the record of a run of the search says."""
    run, record = outcome.run, outcome.record
    if record is None:
        return {}
    scores = last_scores(record, metric)
    return {
        "seed": run.seed,
        "fingerprint": run.experiment.fingerprint,
        "status": record.status,
        **{
            name: scores.get(name)
            for name in (
                *("training_accuracy", "validation_accuracy", "test_accuracy"),
                *(f"validation_{metric}", f"test_{metric}"),
            )
        },
        **record.cost.model_dump(include={"training_seconds", "training_cpu_seconds"}),
        "weights_sha256": record.weights_sha256,
        "record": outcome.path,
        "record_sha256": outcome.sha256,
    }


def published_table(numbers: list[PublishedNumber], outcomes: list[Outcome]) -> pd.DataFrame:
    """Give one row for each printed number and each experiment of ours that it belongs to."""
    rows, records_of = [], complete_records(outcomes)
    for number in numbers:
        facts = asdict(number)
        for id_ in facts.pop("experiments"):
            ours = [record.tested.accuracy for record in records_of.get(id_, [])]
            rows.append({**facts, "experiment": id_, **_compare(number, ours)})
    return frame(PUBLISHED, rows)


def _compare(number: PublishedNumber, ours: list[float]) -> dict[str, Any]:
    summary, interval = summarize(ours), prediction_interval(ours)
    lower, upper = interval or (None, None)
    printed = number.published_test_accuracy
    return {
        "complete_runs": len(ours),
        "test_accuracy_mean": summary["mean"],
        "test_accuracy_standard_deviation": summary["standard_deviation"],
        "prediction_lower": lower,
        "prediction_upper": upper,
        "inside": interval[0] <= printed <= interval[1] if interval else None,
        "higher_by_chance": higher_by_chance(ours, printed),
    }


def others_table(study: Study) -> pd.DataFrame:
    """Give the networks of others that the study file names."""
    rows = [
        {
            "other": id_,
            "name": other.name,
            "citation": other.citation,
            "macs": other.macs,
            "parameters": other.parameters,
            "lowest_test_accuracy": other.accuracies[0],
            "highest_test_accuracy": other.accuracies[1],
            "runs": other.runs,
            "standard_deviation": None
            if other.standard_deviation is None
            else other.standard_deviation / 100,
        }
        for id_, other in study.file.others.items()
    ]
    return frame(OTHERS, rows)


def published_file(study: Study) -> Path | None:
    """Name the CSV of printed numbers that the study file asks for, if it does."""
    if study.file.published is None:
        return None
    return study.path.parent / study.file.published.file


def read_published(path: Path, study: Study) -> list[PublishedNumber]:
    """Read the printed numbers; `study.load` can check them before anything trains.

    Raises:
        UserError: every fault found, each with line and column, and what is allowed.
    """
    numbers, faults = published_numbers.read(path, study.experiments)
    if faults:
        raise UserError(
            "\n".join([f"{path} cannot be used:", *(f"  {text}" for text in first_lines(faults))])
        )
    return numbers


def _write(path: Path, text: str) -> None:
    write_whole(path, lambda file: file.write(text.encode()))
