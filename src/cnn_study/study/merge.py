"""Study files: read, merge each change into what it changes, and check everything at once.

Knows nothing of runs, of Keras, or of where results go.
"""

import re
from collections.abc import Callable, Iterable
from itertools import product
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from cnn_study.base.errors import UserError
from cnn_study.data.catalog import DATASETS, Dataset
from cnn_study.data.split import split_fault
from cnn_study.study import architecture, settings
from cnn_study.study.faults import (
    did_you_mean,
    explain,
    faults_alone,
    nearest,
    parameter_faults,
    refusal,
    shown,
)
from cnn_study.study.file import Draft, Question, StudyFile
from cnn_study.study.model import Experiment, Study
from cnn_study.study.parts import Id, seeds_of
from cnn_study.study.search_merge import Fault, faults_of, resolve
from cnn_study.study.search_space import Search
from cnn_study.study.settings import Settings
from cnn_study.study.yaml_lines import read_yaml

Check = Callable[[Draft], Iterable[Fault]]
"""Finds what is wrong with a study file for somebody who reads more of it than is merged here."""


def load(path: Path, also: Iterable[Check] = ()) -> Study:
    """Read and check a study file.

    Args:
        also: further checks, whose faults are told with all others.

    Raises:
        UserError: every fault found, each with file, line and key, and what is allowed.
    """
    content, lines = read_yaml(path)
    if not isinstance(content, dict):
        keys = ", ".join(StudyFile.model_fields)
        given = "nothing" if content is None else shown(content)
        raise refusal(path, [f"it holds {given}; a study file is a mapping of {keys}"])
    try:
        file = StudyFile.model_validate(content)
    except ValidationError as error:
        faults = [explain(fault, (), lines) for fault in error.errors()]
        raise refusal(path, faults + parameter_faults(content, lines)) from None
    return _Resolver(path, file, lines).study(also)


class _Resolver:
    """Merges changes into their references, collecting every fault on the way."""

    def __init__(self, path: Path, file: StudyFile, lines: dict[tuple[str, ...], int]) -> None:
        self.path, self.file, self.lines = path, file, lines
        self.faults: list[str] = []
        self.experiments: dict[str, Experiment] = {}
        self.origin: dict[str, tuple] = {"base": ("base",)}
        self.circles: list[set[str]] = []
        self.changes = self._collect_changes()

    def study(self, also: Iterable[Check]) -> Study:
        file = self.file
        self._add("base", file.base, None)
        for id_ in self.changes:
            self._resolve(id_, ())
        self._leave_out_reference_cells()
        self._check_references()
        self._check_doubles()
        trained = [name for name, question in file.questions.items() if question.trained]
        ids = ["base", *(id_ for name in trained for id_ in self.members[name])]
        search = self._search(ids)
        draft = Draft(self.path, file, ids)
        for place, message in (fault for check in also for fault in check(draft)):
            self._fault(place, message)
        if self.faults:
            raise refusal(self.path, self.faults)
        return Study(
            self.path.stem,
            self.path,
            file,
            DATASETS[file.dataset],
            seeds_of(file.seeds),
            {id_: self.experiments[id_] for id_ in ids},
            {name: tuple(self.members[name]) for name in trained},
            {
                name: tuple(self.experiments[id_] for id_ in self.members[name])
                for name in file.questions
                if name not in trained
            },
            search,
            self.lines,
        )

    def _search(self, trained: list[str]) -> Search | None:
        if self.file.search is None:
            return None
        if self.faults:  # what it refers to is not known; say what is wrong in any case
            for place, message in faults_of(self.file.search):
                self._fault(place, message)
            return None
        base = self.experiments["base"].settings.model_dump()
        experiments = {id_: self.experiments[id_] for id_ in trained}
        found, faults = resolve(self.file.search, base, DATASETS[self.file.dataset], experiments)
        for place, message in faults:
            self._fault(place, message)
        return found

    def _collect_changes(self) -> dict[str, tuple[str, dict[str, Any]]]:
        """Map experiment id to (reference, change) over all questions."""
        changes: dict[str, tuple[str, dict[str, Any]]] = {}
        self.members: dict[str, list[str]] = {}
        for name, question in self.file.questions.items():
            self.members[name] = []
            for id_, change, place in self._declared(name, question):
                self.members[name].append(id_)
                if id_ in self.origin:
                    first = ".".join(map(str, self.origin[id_]))
                    what = "is there twice" if first == ".".join(place) else f"is taken by {first}"
                    self._fault(place, f"the id {id_} {what}; choose another")
                self.origin.setdefault(id_, place)
                changes.setdefault(id_, (question.reference, change))
        return changes

    def _declared(self, name: str, question: Question) -> list[tuple[str, dict[str, Any], tuple]]:
        place = ("questions", name)
        if question.changes:
            return [
                (id_, change, (*place, "changes", id_)) for id_, change in question.changes.items()
            ]
        place = (*place, "grid")
        for key, values in question.grid.items():
            for value in values:
                self.faults += faults_alone({key: value}, place, self.lines)
        cells = []
        for values in product(*question.grid.values()):
            change = dict(zip(question.grid, values, strict=True))
            change = self._unlike_the_base(question.reference, change)
            if change:
                cells.append((self._cell_id(change, place), change, place))
        return cells

    def _cell_id(self, change: dict[str, Any], place: tuple) -> str:
        id_ = _grid_id(change)
        try:
            TypeAdapter(Id).validate_python(id_)
        except ValidationError as error:
            reason = error.errors()[0]["msg"]
            self._fault(place, f"the id {id_}: {reason}. Use changes, with ids of your own")
        return id_

    def _unlike_the_base(self, reference: str, change: dict[str, Any]) -> dict[str, Any]:
        """Leave out of a grid cell what is as in the base, when the grid is around the base."""
        if reference != "base":
            return change
        base = {**Settings().model_dump(), **self.file.base}
        return {key: value for key, value in change.items() if base.get(key) != value}

    def _leave_out_reference_cells(self) -> None:
        """Leave out of each grid the cell that is as its reference, which stands for it."""
        for name, question in self.file.questions.items():
            if not question.grid:
                continue
            for id_ in list(self.members[name]):
                found = self.experiments.get(id_)
                if found and not found.change and self.origin[id_][:2] == ("questions", name):
                    self.members[name].remove(id_)
                    del self.experiments[id_], self.changes[id_]
            if not self.members[name]:
                place = ("questions", name, "grid")
                message = f"gives no experiment but {question.reference}; give it other values"
                self._fault(place, message)

    def _resolve(self, id_: str, above: tuple[str, ...]) -> Experiment | None:
        if id_ in self.experiments:
            return self.experiments[id_]
        place = self.origin.get(id_)
        if id_ in above:
            self._refuse_circle(above[above.index(id_) :])
            return None
        if id_ not in self.changes:
            return None
        reference, change = self.changes[id_]
        changed = self._resolve(reference, (*above, id_))
        if changed is None:
            self.faults += faults_alone(change, place, self.lines)
            return None
        kept = changed.settings.model_dump()
        differs = {key: value for key, value in change.items() if kept.get(key) != value}
        return self._add(id_, {**kept, **change}, reference, differs)

    def _refuse_circle(self, ids: tuple[str, ...]) -> None:
        """Tell of a circle once, at the reference of the question that was come upon first."""
        if set(ids) in self.circles:
            return
        self.circles.append(set(ids))
        self._fault(
            (*self.origin[ids[0]][:2], "reference"),
            f"the references go in a circle: {' -> '.join([*ids, ids[0]])}. Each is made by "
            "changing the next, so none can be made. Name another reference, such as base",
        )

    def _add(
        self,
        id_: str,
        values: dict[str, Any],
        reference: str | None,
        change: dict[str, Any] | None = None,
    ) -> Experiment | None:
        place = self.origin[id_]
        dataset = DATASETS[self.file.dataset]
        try:
            merged = Settings.model_validate(values)
            parameters, macs = architecture.cost(
                merged, dataset.image_shape, len(dataset.class_names)
            )
        except ValidationError as error:
            for fault in error.errors():
                which = "" if fault["loc"] else f" (experiment {id_})"
                self.faults.append(f"{explain(fault, place, self.lines)}{which}")
            return None
        except UserError as error:
            self._fault(place, f"experiment {id_}: {error}")
            return None
        fault = split_fault(
            dataset.training_images, merged.validation_fraction, merged.training_fraction
        )
        if fault:
            self._fault((*place, fault[0]), f"{fault[1]} (experiment {id_})")
            return None
        self.experiments[id_] = Experiment(
            id_,
            merged,
            settings.fingerprint(merged, dataset.digest),
            parameters,
            macs,
            change or {},
            reference,
        )
        return self.experiments[id_]

    def _check_references(self) -> None:
        known = ["base", *self.changes]
        untrained = self._untrained()
        named = [
            (("questions", name, "reference"), question.reference, question.trained)
            for name, question in self.file.questions.items()
        ]
        if self.file.enhanced:
            named.append((("enhanced",), self.file.enhanced, True))
        for place, id_, needed in named:
            if id_ not in known:
                self._fault(
                    place,
                    f"there is no experiment {id_}. {did_you_mean(id_, known)}"
                    f"There are: {', '.join(known)}",
                )
            elif needed and id_ in untrained:
                self._fault(
                    place,
                    f"the experiment {id_} is not trained. Take `trained: false` out of "
                    f"questions.{untrained[id_]}, or name another",
                )

    def _untrained(self) -> dict[str, str]:
        """Map the experiments that are declared and not trained to their questions."""
        return {
            id_: name
            for name, question in self.file.questions.items()
            if not question.trained
            for id_ in self.members[name]
        }

    def _check_doubles(self) -> None:
        first: dict[str, str] = {}
        dataset = DATASETS[self.file.dataset]
        for id_, experiment in self.experiments.items():
            other = first.setdefault(_meaning(experiment.settings, dataset), id_)
            if other != id_:
                what = "changes nothing" if other == experiment.reference else "is the same"
                self._fault(
                    self.origin[id_],
                    f"experiment {id_} {what}: its settings are those of {other}"
                    f"{_otherwise(experiment.settings, self.experiments[other].settings)}. "
                    "Change a value or remove it",
                )

    def _fault(self, place: tuple | None, message: str) -> None:
        known, where = nearest(place or (), self.lines)
        self.faults.append(f"{where}{'.'.join(known or place or ())}: {message}")


def _meaning(given: Settings, dataset: Dataset) -> str:
    """Write settings so that two texts are equal if both build and train the same.

    `watch_test` trains the same and counts all the same: it is about what is recorded.
    """
    plain = settings.normalized(given)
    if architecture.is_one_pixel(given, dataset.image_shape, len(dataset.class_names)):
        plain = plain.model_copy(update={"head": "flatten"})
    return plain.model_dump_json()


def _otherwise(one: Settings, other: Settings) -> str:
    """Name the settings that differ and train the same: nothing where all are equal."""
    written = [
        f"{name} {value} for {getattr(other, name)}"  # all that can be are words and lists
        for name, value in one
        if value != getattr(other, name)
    ]
    how = f", written otherwise, which makes no difference ({', '.join(written)})"
    return how if written else ""


def _grid_id(change: dict[str, Any]) -> str:
    """Name a grid cell after what it changes: filters-8-16-32-kernel-size-5."""
    words = []
    for key, value in change.items():
        values = value if isinstance(value, list) else [value]
        words += [key.replace("_", "-"), *(str(part) for part in values)]
    return re.sub(r"[^a-z0-9]+", "-", "-".join(words).lower()).strip("-")
