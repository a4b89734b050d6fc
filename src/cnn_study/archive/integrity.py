"""Whether what the makers left is whole, in its place, of this study, and agrees with itself.

Records, predictions, kept weights, the search, the inspection: each says digests of others, and
numbers that can be worked out twice. Whether the numbers are true only training again can tell.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from cnn_study.archive.checks import Check, Fault
from cnn_study.base import csv_rows, files
from cnn_study.base.errors import UserError
from cnn_study.runs import (
    confirmations,
    correct_answers,
    inspections,
    kept_weights,
    look_alikes,
    records,
    searches,
    sense,
)
from cnn_study.runs.records import Record
from cnn_study.runs.stages import Site
from cnn_study.runs.wanted import Run, done, wanted
from cnn_study.study import architecture
from cnn_study.study.model import Experiment, Study

LISTS = ("tables/runs.csv", "tables/search-runs.csv", "evidence/confirmation-runs.csv")
"""Tables that say the digest of each record."""


@dataclass(frozen=True)
class Kept:
    """The records of a study: those that it asks for, of its search, and with fresh seeds.

    Attributes:
        runs: name as a person types it, run and record's path.
    """

    site: Site
    runs: dict[str, tuple[Run, Path]]

    @classmethod
    def of(cls, site: Site) -> "Kept":
        """Find them."""
        study, results = site.study, site.results
        paths = done(study, results) | confirmations.done(study, results)
        asked_for = [*wanted(study), *confirmations.wanted(study, results)]
        runs = {run.typed: (run, paths[run.name]) for run in asked_for if run.name in paths}
        return cls(site, runs | _of_search(site, {path for _, path in runs.values()}))

    @cached_property
    def read(self) -> dict[str, Record | UserError]:
        """Read each record; what cannot be read is the reason."""
        outcomes: dict[str, Record | UserError] = {}
        for name, (_, path) in self.runs.items():
            try:
                outcomes[name] = records.read(path)
            except UserError as error:
                outcomes[name] = error
        return outcomes

    @cached_property
    def records(self) -> dict[str, Record]:
        """Those that can be read."""
        return {name: each for name, each in self.read.items() if isinstance(each, Record)}

    def name(self, fingerprint: str, seed: int) -> str:
        """Name the run of these settings and this seed, under whatever experiment its record lies.

        Returns:
            "" where no record of it is here that can be read.
        """
        return self._names.get((fingerprint, seed), "")

    @cached_property
    def _names(self) -> dict[tuple[str, int], str]:
        runs = ((name, self.runs[name][0]) for name in self.records)
        return {(run.experiment.fingerprint, run.seed): name for name, run in runs}

    def file(self, name: str) -> str:
        """Name a record's file from the results folder on."""
        return self.runs[name][1].relative_to(self.site.results).as_posix()


def _of_search(site: Site, others: set[Path]) -> dict[str, tuple[Run, Path]]:
    """Find the records of the search that are not those of experiments, too."""
    runs = {}
    for path in searches.record_files(site.search, site.results):
        if path not in others:
            run = Run(searched(site.study, path), int(path.stem.removeprefix("seed-")))
            runs[f"{searches.EXPERIMENT}/{path.parent.name}/{path.stem}"] = (run, path)
    return runs


def searched(study: Study, path: Path) -> Experiment:
    """Make the experiment of a run of the search, which no study file names, from its record.

    A record that cannot be read, which is told of elsewhere, gives one that costs nothing.
    """
    fingerprint, settings = path.parent.name, study.experiments["base"].settings
    cost = (0, 0)
    with suppress(UserError):
        settings = records.read(path).settings
        shape, classes = study.dataset.image_shape, len(study.dataset.class_names)
        cost = architecture.cost(settings, shape, classes)
    return Experiment(searches.EXPERIMENT, settings, fingerprint, *cost)


# ---------------------------------------------------------------------------------- the records


def check_records(kept: Kept) -> Check:
    """Check that each record is whole, in its place, of this study, and consistent."""
    faults = [
        Fault(kept.file(name), "", str(error))
        for name, error in kept.read.items()
        if isinstance(error, UserError)
    ]
    for name in kept.records:
        faults += _of_record(name, kept)
    faults += [
        Fault(kept.file(name), *sense.UNLIKE_OTHERS) for name in sense.unlike_others(kept.records)
    ]
    faults += [*_doubled(kept), *_unlike_tables(kept)]
    return Check(
        "records", "R1",
        "Each record is whole, lies where its settings say, is of this study's data, agrees with "
        "itself, and is the one that the tables were made from.",
        f"{len(kept.runs):,} records", tuple(faults),
    )  # fmt: skip


def _of_record(name: str, kept: Kept) -> Iterator[Fault]:
    """Say what in a record contradicts its place and the study; `read` has told of the rest."""
    record, run, dataset = kept.records[name], kept.runs[name][0], kept.site.study.dataset
    for place, what in sense.contradictions_with(run.experiment, run.seed, dataset, record):
        yield Fault(kept.file(name), place, what)


def _doubled(kept: Kept) -> Iterator[Fault]:
    """Name records whose weights a run with another seed has too: chance never makes that.

    With the same seed settings that change no training, such as `watch_test`, rightly do.
    """
    first: dict[str, str] = {}
    for name, record in kept.records.items():
        if record.weights_sha256:
            other = first.setdefault(record.weights_sha256, name)
            if kept.records[other].seed != record.seed:
                yield Fault(kept.file(name), "weights_sha256", f"the weights are those of {other}")


def _unlike_tables(kept: Kept) -> Iterator[Fault]:
    """Name records that are not those, or not all, that the tables were made from."""
    named = {kept.file(name): path for name, (_, path) in kept.runs.items()}
    for table in LISTS:
        for row in _rows(kept.site.results / table):
            file, digest = row.get("record"), row.get("record_sha256")
            if not file:
                continue
            if file not in named:
                yield Fault(file, "", f"it is left out; {table} was made with it")
            elif digest != files.digest_of_file(named[file]):
                what = f"its content is not the one that {table} was made from"
                yield Fault(file, "", what)


def _rows(path: Path) -> list[dict[str, str]]:
    """Read a table, so far as it can be; that it is not the one that was made is told elsewhere."""
    try:
        lines = csv_rows.parse(path.read_bytes())
    except (OSError, ValueError):
        return []
    return [dict(zip(lines[0][1], cells, strict=False)) for _, cells in lines[1:]]


# --------------------------------------------------------------------------- predictions, weights


def check_predictions(kept: Kept) -> Check:
    """Check that each run's predictions are those that its record was made with."""
    faults, answers = _answers(kept)
    tested = {name: record for name, record in kept.records.items() if record.test}
    unlike = []
    for name, record in tested.items():
        file = _predictions(name, kept).relative_to(kept.site.results).as_posix()
        try:
            classes = _classes(name, kept)
        except UserError as error:
            faults.append(Fault(file, "", str(error)))
            continue
        if what := _unlike_counts(classes, record):
            faults.append(Fault(file, "classes", what))
        elif answers is not None and _confused(classes, answers, record) != record.tested.confusion:
            what = "with the correct answers it gives another confusion matrix"
            unlike.append(Fault(file, "classes", what))
    if answers is not None and 2 * len(unlike) > len(tested):
        what = f"with them {len(unlike)} of {len(tested)} runs give another confusion matrix"
        place = correct_answers.place(kept.site.study, kept.site.results)
        faults.append(Fault(place.relative_to(kept.site.results).as_posix(), "labels", what))
    faults += unlike
    return Check(
        "predictions", "R1",
        "The predictions beside each record are those that it says, and give its confusion matrix.",
        f"{len(tested):,} files of predictions"
        + ("" if answers is None else ", image by image with the correct answers"),
        tuple(faults),
    )  # fmt: skip


def _answers(kept: Kept) -> tuple[list[Fault], np.ndarray | None]:
    """Read the correct answers of the test images, where they are kept."""
    study, results = kept.site.study, kept.site.results
    try:
        return [], correct_answers.read(study, results)
    except UserError as error:
        path = correct_answers.place(study, results)
        return [Fault(path.relative_to(results).as_posix(), "", str(error))], None


def _unlike_counts(classes: np.ndarray, record: Record) -> str:
    """Say whether predictions have other numbers of images a class than their record."""
    columns = np.asarray(record.tested.confusion).sum(axis=0)
    if np.bincount(classes, minlength=len(columns)).tolist() == columns.tolist():
        return ""
    return "it has other numbers of images a class than the confusion matrix"


def _predictions(name: str, kept: Kept) -> Path:
    return kept.runs[name][1].parent / kept.records[name].tested.predictions_file


def _classes(name: str, kept: Kept) -> np.ndarray:
    """Read what a run answered.

    Raises:
        UserError: its predictions are not there, or not those of its record.
    """
    predictions = records.predictions(kept.runs[name][1], kept.records[name])
    if predictions is None:
        raise UserError(
            "it is not there. Get it back; or delete its record too, and the run is trained again"
        )
    return predictions["classes"]


def _confused(classes: np.ndarray, answers: np.ndarray, record: Record) -> list[list[int]]:
    """Count predictions by what is correct and what was said."""
    counted = np.zeros_like(np.asarray(record.tested.confusion))
    np.add.at(counted, (answers, classes), 1)
    return counted.tolist()


def check_weights(kept: Kept) -> Check:
    """Check that kept weights are there and are those of their records."""
    study, results = kept.site.study, kept.site.results
    kept_ones = study.kept_weights if study.dataset.publish_images else []  # no archive has others
    wanted_ones = [f"{experiment}/seed-{seed}" for experiment, seed in kept_ones]
    faults, counted = [], 0
    for name, record in kept.records.items():
        path = records.weights_file(kept.runs[name][1])
        asked = name in wanted_ones and record.status == "complete"
        if not (asked or path.exists()):
            continue
        counted += 1
        try:
            kept_weights.checked(path, record)
        except UserError as error:
            faults.append(Fault(path.relative_to(results).as_posix(), "", str(error)))
    return Check(
        "weights", "R1", "The weights that are kept are those of their records.",
        f"{counted} files of weights", tuple(faults),
    )  # fmt: skip


# --------------------------------------------------------------------------- search, inspection


def check_search(kept: Kept) -> Check:
    """Check that what the search says of its runs stands in their records."""
    site = kept.site
    promise = "What the search says of its trials, finalists and winners stands in their records."
    if site.search is None:
        return Check("search", "R1", promise, left_out="there is no search")
    name = site.search.relative_to(site.results).as_posix()
    try:
        outcome = searches.read(site.search)
    except UserError as error:
        return Check("search", "R1", promise, "", (Fault(name, "", str(error)),))
    faults = [Fault(name, place, what) for place, what in _of_outcome(outcome, kept)]
    if outcome.fingerprint != site.search.stem:
        faults.append(Fault(name, "fingerprint", "it is not the one in the file's name"))
    trained = sum(len(budget.trials) for budget in outcome.budgets)
    return Check("search", "R1", promise, f"{trained} trials", tuple(faults))


def _of_outcome(outcome: searches.SearchOutcome, kept: Kept) -> Iterator[tuple[str, str]]:
    for budget in outcome.budgets:
        trials = {trial.trial: trial for trial in budget.trials}
        winner = [budget.winner] if budget.winner else []
        stages = {"trials": budget.trials, "finalists": budget.finalists, "winner": winner}
        for stage, models in stages.items():
            for model in models:
                where = f"{budget.budget}, {stage}, trial {model.trial}"
                yield from _of_model(model, trials.get(model.trial), where, kept)


def _of_model(
    model: searches.Trained, trial: searches.Trial | None, where: str, kept: Kept
) -> Iterator[tuple[str, str]]:
    if trial is None:
        yield where, "no trial has this number"
        return
    for run in model.runs:
        record = kept.records.get(kept.name(model.fingerprint, run.seed))
        place = f"{where}, seed {run.seed}"
        if record is None:
            yield place, "it has no record"
            continue
        gave = searches.SearchRun.of(record, run.scored_by)
        says = (run.status, run.validation_accuracy, run.validation_score, model.epochs)
        known = (
            gave.status,
            gave.validation_accuracy,
            gave.validation_score,
            record.settings.epochs,
        )
        if says != known:
            yield place, f"it says {_listed(says)}; its record {_listed(known)}"
        says, known = (trial.parameters, trial.macs), (record.cost.parameters, record.cost.macs)
        if says != known:
            yield place, f"it says {_listed(says)} parameters and MACs; its record {_listed(known)}"
        for name, value in trial.values.items():
            has = getattr(record.settings, name, value)
            if name != "epochs" and has != value:
                yield f"{place}, {name}", f"it says {value}; its record {has}"


def _listed(values: tuple[object, ...]) -> str:
    return ", ".join(map(str, values))


def check_inspection(kept: Kept) -> Check:
    """Check that an inspection is whole, and of the networks that the records are of."""
    site = kept.site
    promise = "The inspection is whole, and looked into the networks whose records are here."
    if site.inspection is None:
        return Check("inspection", "R1", promise, left_out="there is no inspection")
    name = site.inspection.relative_to(site.results).as_posix()
    try:
        inspection = inspections.read(site.inspection)
    except UserError as error:
        return Check("inspection", "R1", promise, "", (Fault(name, "", str(error)),))
    faults = []
    if inspection.facts.fingerprint != site.inspection.stem:
        faults.append(Fault(name, "fingerprint", "it is not the one in the file's name"))
    for network in inspection.facts.networks:
        record = kept.records.get(kept.name(network.fingerprint, network.seed))
        if record is None or record.weights_sha256 != network.weights_sha256:
            faults.append(
                Fault(name, f"networks, {network.experiment}", "no record has its weights")
            )
        elif abs(record.tested.accuracy - network.test_accuracy) > sense.CLOSE:
            what = f"test accuracy {network.test_accuracy}; its record {record.tested.accuracy}"
            faults.append(Fault(name, f"networks, {network.experiment}", what))
    looked_at = f"{len(inspection.facts.networks)} networks"
    return Check("inspection", "R1", promise, looked_at, tuple(faults))


def check_look_alikes(kept: Kept) -> Check:
    """Check that what was seen of the test images among the training images is whole."""
    site = kept.site
    promise = (
        "The look-alikes are whole, and of this study's images; what is said to be misread is what "
        "the predictions misread."
    )
    if site.look_alikes is None:
        return Check("look-alikes", "R1", promise, left_out="nobody has searched for any")
    name = site.look_alikes.relative_to(site.results).as_posix()
    try:
        facts = look_alikes.read(site.look_alikes).facts
    except UserError as error:
        return Check("look-alikes", "R1", promise, "", (Fault(name, "", str(error)),))
    says = {"fingerprint": facts.fingerprint, "dataset": facts.dataset}
    known = {"fingerprint": site.look_alikes.stem, "dataset": site.study.dataset.digest}
    faults = [
        Fault(name, key, f"it says {says[key]}; expected {known[key]}")
        for key in says
        if says[key] != known[key]
    ]
    faults += [Fault(name, place, what) for place, what in _of_look_alikes(facts, kept)]
    return Check("look-alikes", "R1", promise, f"{len(facts.pairs)} pairs", tuple(faults))


def _of_look_alikes(facts: look_alikes.LookAlikeFacts, kept: Kept) -> Iterator[tuple[str, str]]:
    """Say what in the facts contradicts them, the correct answers, or the predictions."""
    _, answers = _answers(kept)
    for number, pair in enumerate(facts.pairs):
        far = pair.different_bits > facts.most_different_bits
        if far or pair.correlation < facts.least_correlation:
            yield f"pairs[{number}]", "they differ by more than look-alikes do"
        if not 0 <= pair.test_index < facts.test_images:
            yield f"pairs[{number}].test_index", f"{pair.test_index}; there is no such image"
        elif answers is not None and answers[pair.test_index] != pair.test_class:
            what = f"{pair.test_class}; the correct answer is {answers[pair.test_index]}"
            yield f"pairs[{number}].test_class", what
    if facts.misread and answers is not None:
        yield from _of_misread(facts.misread, answers, kept)


def _of_misread(
    misread: look_alikes.MisreadBy, answers: np.ndarray, kept: Kept
) -> Iterator[tuple[str, str]]:
    """Say where the runs that are said to misread images do not."""
    names = [kept.name(misread.fingerprint, seed) for seed in misread.seeds]
    if not all(names):
        return  # the study has other experiments now
    try:
        classes = np.stack([_classes(name, kept) for name in names])
    except UserError:
        return  # which is told of with records and predictions
    alike = (classes == classes[0]).all(axis=0) & (classes[0] != answers)
    if misread.images != alike.sum():
        yield "misread.images", f"{misread.images}; by the predictions it is {alike.sum()}"
    for number, image in enumerate(misread.shown):
        place = image.test_index
        if not (0 <= place < len(alike) and alike[place]):
            yield f"misread.shown[{number}]", "not all of the runs misread this image alike"
            continue
        says, known = (image.true_class, image.predicted_class), (answers[place], classes[0, place])
        if says != known:
            what = f"classes {_listed(says)}; by the predictions {_listed(known)}"
            yield f"misread.shown[{number}]", what


CHECKS = (
    *(check_records, check_predictions, check_weights, check_search, check_inspection),
    check_look_alikes,
)


def unlike_records(kept: Kept) -> Iterator[Fault]:
    """Name what is beside the records, or was made of them, and is not what they tell of.

    Weights that should be kept and are not are none of it: runs of before have none.
    """
    for check in CHECKS[1:]:
        for fault in check(kept).faults:
            lost = check is check_weights and not (kept.site.results / fault.file).exists()
            if not lost:
                yield fault


def check_kept(kept: Kept) -> Iterator[Check]:
    """Check all that the makers left."""
    for check in CHECKS:
        yield check(kept)
