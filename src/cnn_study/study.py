"""Study files: read, merge each change into what it changes, and check everything at once.

Knows nothing of runs, of Keras, or of where results go.
"""

import re
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError

from cnn_study import architecture, settings
from cnn_study.datasets import DATASETS, Dataset
from cnn_study.errors import UserError
from cnn_study.settings import Settings

ID = r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$"
RESERVED = {"all", "tables", "figures", "report", "train", "data", "source"}
"""Ids that the workflow has other uses for."""

Id = Annotated[str, Field(pattern=ID, max_length=60)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Question(_Part):
    """One question to the runs: changes to one reference, compared with it."""

    title: str = Field(min_length=1, description="A heading, such as Depth.")
    question: str = Field(min_length=1, description="One sentence that ends with a mark.")
    hypothesis: str = Field(min_length=1, description="What is expected, and why.")
    reference: Id = Field("base", description="The experiment that the changes are made to.")
    changes: dict[Id, dict[str, Any]] = Field(
        default_factory=dict, description="Experiment id: the parameters it changes."
    )
    grid: dict[str, list[Any]] = Field(
        default_factory=dict, description="Parameter: its values. Every combination is run."
    )

    @model_validator(mode="after")
    def _one_kind(self) -> "Question":
        if bool(self.changes) == bool(self.grid):
            raise ValueError("give either changes or grid, and not an empty one")
        return self


class Published(_Part):
    """Numbers that somebody else printed, to set beside ours."""

    file: str = Field(description="CSV beside the study file.")
    citation: str = Field(description="Key in report/references.bib.")


class StudyFile(_Part):
    """What a study file may say."""

    title: str = Field(min_length=1, description="Title of the report.")
    subtitle: str = Field("", description="Second line of the title.")
    dataset: str = Field(description=f"One of {', '.join(DATASETS)}.")
    seeds: (
        Annotated[int, Field(ge=1, le=1000)]
        | Annotated[list[Annotated[int, Field(ge=0, le=2**31 - 1)]], Field(min_length=1)]
    ) = Field(5, description="How many (1, 2, …), or a list of the seeds themselves.")
    base: dict[str, Any] = Field(description="Parameters of the base; the rest at default.")
    enhanced: Id | None = Field(
        None, description="The experiment that the report sets against the base at the end."
    )
    questions: dict[Id, Question] = Field(default_factory=dict)
    published: Published | None = None


@dataclass(frozen=True)
class Experiment:
    """One set of settings with an id.

    Attributes:
        change: the parameters that differ from `reference`, as the study file gives them.
        reference: id of the experiment that was changed; None for the base.
    """

    id: str
    settings: Settings
    fingerprint: str
    parameters: int
    macs: int
    change: dict[str, Any] = field(default_factory=dict)
    reference: str | None = None


@dataclass(frozen=True)
class Study:
    """A checked study: its experiments in training order, base first."""

    name: str
    path: Path
    file: StudyFile
    dataset: Dataset
    seeds: tuple[int, ...]
    experiments: dict[str, Experiment]
    questions: dict[str, tuple[str, ...]]
    """Question id: ids of the experiments compared, the reference left out."""

    @property
    def kept_weights(self) -> tuple[tuple[str, int], ...]:
        """The runs whose weights are kept: first seed of the base and of the enhanced model."""
        ids = dict.fromkeys(["base", self.file.enhanced or "base"])
        return tuple((experiment, self.seeds[0]) for experiment in ids)


def study_file(name: str) -> Path:
    """Turn what a person types, a name or a path, into the path of a study file."""
    path = Path(name) if name.endswith((".yaml", ".yml")) else Path("experiments") / f"{name}.yaml"
    if not re.fullmatch(ID, path.stem):
        raise UserError(
            f"study {name}: a study file's name is the name of its results folder. Allowed are "
            "small letters, digits and single hyphens, as in my-study.yaml."
        )
    return path


def load(path: Path) -> Study:
    """Read and check a study file.

    Raises:
        UserError: every fault found, each with file, line and key, and what is allowed.
    """
    content, lines = _read_yaml(path)
    try:
        file = StudyFile.model_validate(content)
    except ValidationError as error:
        raise _refusal(path, [_explain(fault, (), lines) for fault in error.errors()]) from None
    return _Resolver(path, file, lines).study()


def _read_yaml(path: Path) -> tuple[Any, dict[tuple, int]]:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise UserError(_no_such_study(path)) from None
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path} cannot be read as UTF-8 text: {error}") from None
    try:
        content = YAML(typ="rt", pure=True).load(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark
        where = f", line {mark.line + 1}" if mark else ""
        raise UserError(f"{path}{where}: not valid YAML: {error.problem}") from None
    lines: dict[tuple, int] = {}
    return _plain(content, (), lines), lines


def _no_such_study(path: Path) -> str:
    there = sorted(other.stem for other in path.parent.glob("*.yaml"))
    choice = f" Studies there: {', '.join(there)}." if there else ""
    return f"There is no study file {path}.{choice}"


def _plain(node: Any, place: tuple, lines: dict[tuple, int]) -> Any:
    """Turn ruamel.yaml's containers and scalars into plain ones, noting lines of keys."""
    if isinstance(node, dict):
        for key in node:
            lines[(*place, key)] = node.lc.key(key)[0] + 1
        return {key: _plain(value, (*place, key), lines) for key, value in node.items()}
    if isinstance(node, list):
        return [_plain(value, (*place, index), lines) for index, value in enumerate(node)]
    for kind in (bool, int, float, str):
        if isinstance(node, kind):
            return kind(node)
    return node


def _explain(fault: Any, prefix: tuple, lines: dict[tuple, int]) -> str:
    """One line for one fault that Pydantic found."""
    place = tuple(part for part in (*prefix, *fault["loc"]) if part != "[key]")
    known = place
    while known and known not in lines:
        known = known[:-1]
    where = f"line {lines[known]}: " if known else ""
    key = ".".join(str(part) for part in known or place)
    if fault["type"] == "extra_forbidden":
        return f"{where}{key}: unknown key. {_allowed_keys(place)}"
    if fault["type"] == "missing":
        return f"{where}{'.'.join(map(str, place))}: missing"
    given = "" if fault["type"] == "value_error" else f", not {fault['input']!r}"
    message = fault["msg"].removeprefix("Value error, ")
    return f"{where}{key + ': ' if key else ''}{message[0].lower() + message[1:]}{given}"


def _allowed_keys(place: tuple) -> str:
    if len(place) == 1:
        names = StudyFile.model_fields
    elif place[0] == "questions" and len(place) == 3:
        names = Question.model_fields
    elif place[0] == "published":
        names = Published.model_fields
    else:
        names = Settings.model_fields
    return f"Allowed: {', '.join(names)}."


def _refusal(path: Path, faults: list[str]) -> UserError:
    unique = list(dict.fromkeys(faults))
    return UserError("\n".join([f"{path} cannot be used:", *(f"  {fault}" for fault in unique)]))


class _Resolver:
    """Merges changes into their references, collecting every fault on the way."""

    def __init__(self, path: Path, file: StudyFile, lines: dict[tuple, int]) -> None:
        self.path, self.file, self.lines = path, file, lines
        self.faults: list[str] = []
        self.experiments: dict[str, Experiment] = {}
        self.origin: dict[str, tuple] = {"base": ("base",)}
        self.changes = self._collect_changes()

    def study(self) -> Study:
        file = self.file
        if file.dataset not in DATASETS:
            self._fault(("dataset",), f"one of {', '.join(DATASETS)}, not {file.dataset!r}")
            raise _refusal(self.path, self.faults)
        self._add("base", file.base, None)
        for id_ in self.changes:
            self._resolve(id_, ())
        self._check_references()
        self._check_doubles()
        if self.faults:
            raise _refusal(self.path, self.faults)
        ordered = {id_: self.experiments[id_] for id_ in ["base", *self.changes]}
        return Study(
            self.path.stem,
            self.path,
            file,
            DATASETS[file.dataset],
            self._seeds(),
            ordered,
            {name: tuple(self.members[name]) for name in file.questions},
        )

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
                    self._fault(place, f"the id {id_} is taken by {first}; choose another")
                elif id_ in RESERVED:
                    self._fault(place, f"the id {id_} is reserved; choose another")
                self.origin.setdefault(id_, place)
                changes.setdefault(id_, (question.reference, change))
        return changes

    def _declared(self, name: str, question: Question) -> list[tuple[str, dict[str, Any], tuple]]:
        place = ("questions", name)
        if question.changes:
            return [
                (id_, change, (*place, "changes", id_)) for id_, change in question.changes.items()
            ]
        cells = []
        for values in product(*question.grid.values()):
            change = dict(zip(question.grid, values, strict=True))
            change = self._without_reference(question.reference, change)
            if change:
                cells.append((_grid_id(change), change, (*place, "grid")))
        return cells

    def _without_reference(self, reference: str, change: dict[str, Any]) -> dict[str, Any]:
        """Leave out of a grid cell what is as in the base, when the grid is around the base."""
        if reference != "base":
            return change
        base = {**Settings().model_dump(), **self.file.base}
        return {key: value for key, value in change.items() if base.get(key) != value}

    def _resolve(self, id_: str, above: tuple[str, ...]) -> Experiment | None:
        if id_ in self.experiments:
            return self.experiments[id_]
        place = self.origin.get(id_)
        if id_ in above:
            circle = " -> ".join([*above[above.index(id_) :], id_])
            self._fault(place, f"references go in a circle: {circle}")
            return None
        if id_ not in self.changes:
            return None
        reference, change = self.changes[id_]
        changed = self._resolve(reference, (*above, id_))
        if changed is None:
            return None
        return self._add(id_, {**changed.settings.model_dump(), **change}, reference, change)

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
            self.faults += [
                f"{_explain(fault, place, self.lines)} (experiment {id_})"
                for fault in error.errors()
            ]
            return None
        except UserError as error:
            self._fault(place, f"experiment {id_}: {error}")
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
        for name, question in self.file.questions.items():
            if question.reference not in known:
                self._fault(
                    ("questions", name, "reference"),
                    f"there is no experiment {question.reference}. There are: {', '.join(known)}",
                )
        if self.file.enhanced and self.file.enhanced not in known:
            self._fault(
                ("enhanced",),
                f"there is no experiment {self.file.enhanced}. There are: {', '.join(known)}",
            )

    def _check_doubles(self) -> None:
        first: dict[str, str] = {}
        for id_, experiment in self.experiments.items():
            other = first.setdefault(experiment.fingerprint, id_)
            if other != id_:
                what = "changes nothing" if other == experiment.reference else "is the same"
                self._fault(
                    self.origin[id_],
                    f"experiment {id_} {what}: its settings are those of {other}. "
                    "Change a value or remove it",
                )

    def _seeds(self) -> tuple[int, ...]:
        seeds = self.file.seeds
        if isinstance(seeds, int):
            return tuple(range(1, seeds + 1))
        if len(set(seeds)) < len(seeds):
            self._fault(("seeds",), f"{seeds} has a seed twice")
            raise _refusal(self.path, self.faults)
        return tuple(seeds)

    def _fault(self, place: tuple | None, message: str) -> None:
        known = place or ()
        while known and known not in self.lines:
            known = known[:-1]
        where = f"line {self.lines[known]}: " if known else ""
        self.faults.append(f"{where}{'.'.join(map(str, known))}: {message}")


def _grid_id(change: dict[str, Any]) -> str:
    """Name a grid cell after what it changes: filters-8-16-32-kernel-size-5."""
    words = []
    for key, value in change.items():
        values = value if isinstance(value, list) else [value]
        words += [key.replace("_", "-"), *(str(part) for part in values)]
    return re.sub(r"[^a-z0-9]+", "-", "-".join(words).lower()).strip("-")
