"""From a study file to a checked study: each change merged into what it changes.

Knows nothing of runs, of Keras, or of where results go; and of no check but its own, though
`load` takes more, so that whoever asks for them is told all faults at once.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from cnn_study.base.errors import UserError
from cnn_study.base.metrics import METRICS
from cnn_study.base.words import first_lines
from cnn_study.data.catalog import Dataset
from cnn_study.study import architecture, own_networks, search_merge
from cnn_study.study.dataset import dataset_of
from cnn_study.study.doubles import check_doubles
from cnn_study.study.faults import Faults, did_you_mean
from cnn_study.study.file import Draft, StudyFile
from cnn_study.study.groups import groups_of
from cnn_study.study.labels import full_labels_of, label_faults, labels_of
from cnn_study.study.model import Experiment, Study
from cnn_study.study.parse import parse
from cnn_study.study.parts import LARGEST_SEED, Fault, Id, Place, seeds_of
from cnn_study.study.questions import EVERY, Declared
from cnn_study.study.references import check_references, references_first
from cnn_study.study.search_block import SearchBlock
from cnn_study.study.search_space import Search
from cnn_study.study.settings import Settings, fingerprint, has, useless
from cnn_study.study.yaml_lines import read_yaml

Check = Callable[[Draft], Iterable[Fault]]
"""Finds what is wrong with a study file for somebody who reads more of it than is merged here."""


@dataclass(frozen=True)
class _Own:
    """How a study's own networks are found: from its folder, and what is said of each."""

    folder: Path
    describe: own_networks.Describe


def load(
    path: Path,
    also: Iterable[Check] = (),
    dataset: Dataset | None = None,
    describe: own_networks.Describe | None = None,
) -> Study:
    """Read and check a study file.

    Args:
        also: further checks, whose faults are told with all others.
        dataset: what is known of images of the study's own; None where the file beside it tells.
        describe: says what is known of networks of its own; None where the file beside it tells.

    Raises:
        UserError: every fault found, each with file, line and key, and what is allowed.
    """
    content, lines = read_yaml(path)
    faults = Faults(path, lines)
    file = parse(content, faults)
    dataset = dataset or dataset_of(file, path, faults)
    own = _Own(path.parent, describe or own_networks.known_of(path))
    members, experiments = _experiments(file, dataset, own, faults)
    trained = [name for name, question in file.questions.items() if question.trained]
    ids = ["base", *(id_ for name in trained for id_ in members[name])]
    _check_metric(file, dataset, faults)
    _check_fresh_seeds(file, faults)
    faults.extend(label_faults(file, experiments, ["base", *chain.from_iterable(members.values())]))
    _check_expected(file, members, faults)
    trained_ones = {id_: experiments[id_] for id_ in ids if id_ in experiments}
    search = _search(file, dataset, own, trained_ones, faults)
    for check in also:
        faults.extend(check(Draft(path, file, dataset, ids)))
    if faults:
        raise faults.refusal()
    labels = labels_of(file, experiments)
    questions = {name: members[name] for name in trained}
    return Study(
        name=path.stem,
        path=path,
        file=file,
        dataset=dataset,
        seeds=seeds_of(file.seeds),
        experiments={id_: experiments[id_] for id_ in ids},
        questions=questions,
        declared={
            name: tuple(experiments[id_] for id_ in members[name])
            for name in file.questions
            if name not in trained
        },
        labels=labels,
        full_labels=full_labels_of(file, labels, experiments),
        groups=groups_of(file, questions, experiments),
        search=search,
        lines=lines,
    )


def _experiments(
    file: StudyFile, dataset: Dataset, own: _Own, faults: Faults
) -> tuple[dict[str, tuple[str, ...]], dict[str, Experiment]]:
    """Make every experiment of a study.

    Returns:
        The ids of each question's experiments, in the order of the file; and by id, the base
        first, those that can be made.
    """
    base = {**Settings().model_dump(), **file.base}
    asked = {name: question.declared(name, base) for name, question in file.questions.items()}
    declared = _by_id(asked, faults)
    experiments = _merge(file, dataset, own, declared, faults)
    left_out = _reference_cells(file, declared, experiments)
    for id_ in left_out:
        del declared[id_], experiments[id_]
    members = {
        name: tuple(each.id for each in declarations if each.id not in left_out)
        for name, declarations in asked.items()
    }
    for name, question in file.questions.items():
        if not members[name]:
            message = f"gives no experiment but {question.reference}; give it other values"
            faults.add(("questions", name, question.key), message)
    check_references(file, declared, faults)
    check_doubles(experiments, dataset, faults)
    return members, experiments


def _by_id(asked: dict[str, list[Declared]], faults: Faults) -> dict[str, Declared]:
    """Put all that is declared under its id; of several with one id, the first."""
    declared: dict[str, Declared] = {}
    for declaration in chain.from_iterable(asked.values()):
        _check_id(declaration, declared, faults)
        declared.setdefault(declaration.id, declaration)
    declared.pop("base", None)
    return declared


def _check_id(declaration: Declared, before: dict[str, Declared], faults: Faults) -> None:
    """Tell of an id that is none, or that something before it has."""
    id_, place = declaration.id, declaration.place
    try:
        TypeAdapter(Id).validate_python(id_)
    except ValidationError as error:  # made of values: ids that the file gives are checked
        reason = error.errors()[0]["msg"]
        faults.add(place, f"the id {id_}: {reason}. Use changes, with ids of your own")
    if id_ == "base" or id_ in before:
        first = before[id_].place if id_ in before else ("base",)
        what = "is there twice" if first == place else f"is taken by {'.'.join(first)}"
        faults.add(place, f"the id {id_} {what}; choose another")


def _merge(
    file: StudyFile, dataset: Dataset, own: _Own, declared: dict[str, Declared], faults: Faults
) -> dict[str, Experiment]:
    """Merge each change into its reference, the references first.

    What is in a circle, or changes what cannot be made, is left out.
    """
    experiments = {}
    if base := _experiment("base", ("base",), {}, file.base, dataset, own, faults):
        experiments["base"] = base
    for declaration in references_first(declared):
        id_, reference, change = declaration.id, declaration.reference, declaration.change
        if reference not in experiments:
            continue
        kept = experiments[reference].settings.model_dump()
        place, settings = declaration.place, experiments[reference].settings
        if experiment := _experiment(id_, place, kept, change, dataset, own, faults):
            differs = {
                name: value for name, value in change.items() if not has(settings, name, value)
            }
            experiments[id_] = replace(experiment, change=differs, reference=reference)
    return experiments


def _experiment(
    id_: str,
    place: Place,
    kept: dict[str, Any],
    given: dict[str, Any],
    dataset: Dataset,
    own: _Own,
    faults: Faults,
) -> Experiment | None:
    """Check all settings of one experiment together, and count what its network costs.

    Args:
        kept: of its reference; given: what the file says of it, at the place.
    """
    shape, classes = dataset.image_shape, len(dataset.class_names)
    try:
        settings = Settings.model_validate(own_networks.merged(kept, given, own.folder))
        if settings.model:
            network = own_networks.OwnNetwork(own.folder, settings, shape, classes)
            own_networks.register(network, own.describe)
        parameters, macs = architecture.cost(settings, shape, classes)
    except ValidationError as error:
        faults.add_invalid(error, place, f" (experiment {id_})")
        return None
    except UserError as error:
        faults.add(place, f"experiment {id_}: {error}")
        return None
    if ineffective := useless(settings, given):
        for parameter, fault in ineffective.items():
            faults.add((*place, parameter), f"{fault} (experiment {id_})")
        return None
    fractions = settings.validation_fraction, settings.training_fraction
    if fault := dataset.split_fault(*fractions):
        faults.add((*place, fault[0]), f"{fault[1]} (experiment {id_})")
        return None
    name = fingerprint(settings, dataset.digest)
    return Experiment(id_, settings, name, parameters, macs, place=place)


def _reference_cells(
    file: StudyFile, declared: dict[str, Declared], experiments: dict[str, Experiment]
) -> list[str]:
    """Find the experiments that are as their reference where that is no fault."""
    return [
        id_
        for id_, declaration in declared.items()
        if id_ in experiments
        and not experiments[id_].change
        and file.questions[declaration.question].reference_is_a_cell
    ]


def _check_metric(file: StudyFile, dataset: Dataset, faults: Faults) -> None:
    """Tell of a metric that does not go with the classes, or with what others printed."""
    classes = len(dataset.class_names)
    if file.metric == "auc" and classes != 2:
        message = f"auc is for two classes, and {dataset.title} has {classes}. Choose "
        others = [name for name in METRICS if name != "auc"]
        faults.add(("metric",), message + ", ".join(others[:-1]) + f" or {others[-1]}")
    if file.metric == "auc" and 0 in dataset.test_counts:
        name = dataset.class_names[dataset.test_counts.index(0)]
        faults.add(("metric",), f"auc needs test images of both classes; there are none of {name}")
    if file.metric != "accuracy" and file.published:
        faults.add(
            ("metric",),
            f"{file.metric}, and the numbers of {file.published.file} are accuracies: they can be "
            "set beside ours only with metric: accuracy. Leave out one of the two",
        )
    if file.metric != "accuracy" and file.others:
        faults.add(
            ("others",),
            f"these are accuracies, and the study goes by {file.metric}: they can be set beside "
            "ours only with metric: accuracy. Leave out one of the two",
        )


def _check_fresh_seeds(file: StudyFile, faults: Faults) -> None:
    """Tell of fresh seeds for which there is no number left behind those of the study."""
    left = LARGEST_SEED - max(seeds_of(file.seeds))
    if file.confirmation > left:
        faults.add(
            ("confirmation",),
            f"{file.confirmation} seeds that follow {max(seeds_of(file.seeds))}: the largest seed "
            f"is {LARGEST_SEED}. Ask for {left} or fewer, or give seeds that are smaller",
        )


def _check_expected(
    file: StudyFile, members: Mapping[str, Collection[str]], faults: Faults
) -> None:
    """Tell of expectations of what a question does not try."""
    for name, question in file.questions.items():
        for id_ in question.expects:
            if id_ != EVERY and id_ not in members[name]:
                hint = did_you_mean(id_, members[name])
                allowed = ", ".join([*first_lines(members[name]), EVERY])
                message = f"the question tries no {id_}. {hint}Allowed: {allowed}"
                faults.add(("questions", name, "expects", id_), message)


def _search(
    file: StudyFile,
    dataset: Dataset,
    own: _Own,
    experiments: dict[str, Experiment],
    faults: Faults,
) -> Search | None:
    """Make the search that the file asks for, if it does and all that it may name is known."""
    if file.search is None:
        return None
    if faults:
        faults.extend(search_merge.faults_of(file.search))
        return None
    settings = experiments["base"].settings
    base = settings.model_dump()
    if settings.model:
        faults.extend(_networks_of_search(file.search, settings, dataset, own))
    if faults:
        return None
    search, search_faults = search_merge.resolve(file.search, base, dataset, experiments)
    faults.extend(search_faults)
    return replace(search, metric=file.metric) if search else None


def _networks_of_search(
    block: SearchBlock, base: Settings, dataset: Dataset, own: _Own
) -> Iterator[Fault]:
    """Let the settings of every trial lead to its network; tell of those that cannot be built."""
    shape, classes = dataset.image_shape, len(dataset.class_names)
    varied = block.space.get("model_arguments")
    for value in varied.values if varied else ():
        arguments = base.model_arguments | value
        settings = base.model_copy(update={"model_arguments": arguments})
        network = own_networks.OwnNetwork(own.folder, settings, shape, classes)
        try:
            own_networks.register(network, own.describe)
        except UserError as error:
            yield ("search", "space", "model_arguments"), f"{value}: {error}"
