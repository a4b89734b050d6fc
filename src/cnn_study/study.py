"""Study files: read, merge each change into what it changes, and check everything at once.

Knows nothing of runs, of Keras, or of where results go.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from difflib import get_close_matches
from itertools import product
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field, TypeAdapter, ValidationError, model_validator
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, SequenceNode

from cnn_study import architecture, printed, prose, settings
from cnn_study.datasets import DATASETS, Dataset, split_fault
from cnn_study.errors import UserError
from cnn_study.schema import BLANK, ID, Id, Part, Seeds, Text, seeds_of
from cnn_study.search.block import Price, SearchBlock, Varied
from cnn_study.search.resolve import faults_of, resolve
from cnn_study.search.space import Search
from cnn_study.settings import Settings

RESERVED = {"all", "analyse", "report", "tables"}
"""Ids that are names of the workflow's rules."""


def _not_reserved(id_: str) -> str:
    if id_ in RESERVED:
        raise ValueError(f"the id {id_} is reserved; choose another")
    return id_


def _known(dataset: str) -> str:
    if dataset not in DATASETS:
        raise ValueError(f"one of {', '.join(DATASETS)}, not {dataset!r}")
    return dataset


REMEDIES = {
    "title": "Give the study a title of a few words",
    "dataset": f"Name one of {', '.join(DATASETS)}",
    "base": "Write the parameters of the base; `base: {}` takes them all at default",
    "question.title": "Give the question a heading of a few words, such as Depth",
    "question.question": "Write in a sentence what you want to know",
    "question.hypothesis": "Write in a sentence what you expect and why, before it runs",
    "question.background": "Write what a reader must know first, or leave the key out",
    "question.caveat": "Write what the answer cannot say, or leave the key out",
    "published.file": "Name the CSV beside the study file",
    "published.citation": "Name the source's key in report/references.bib",
}
"""What to do about a key that is missing or says nothing."""


class Question(Part):
    """One question to the runs: changes to one reference, compared with it."""

    title: Text = Field(description="A heading, such as Depth.")
    question: Text = Field(description="One sentence that ends with a mark.")
    hypothesis: Text = Field(description="What is expected, and why; written before it runs.")
    background: Text = Field(
        "",
        description="What a reader must know before the question: in a few sentences of Markdown, "
        "what the changed setting does. It may cite `[@key]` of report/references.bib; HTML is "
        "refused.",
    )
    caveat: Text = Field(
        "",
        description="What the answer cannot say, in Markdown: for instance that another setting "
        "changes with the one asked about.",
    )
    reference: Id = Field("base", description="The experiment that the changes are made to.")
    changes: dict[Annotated[Id, AfterValidator(_not_reserved)], dict[str, Any]] = Field(
        default_factory=dict, description="Experiment id: the parameters it changes."
    )
    grid: dict[str, list[Any]] = Field(
        default_factory=dict,
        description="Parameter: its values. Every combination is run; the reference stands for "
        "the one that is as it.",
    )
    trained: bool = Field(
        True,
        description="false declares the question before its runs are made: it is checked and "
        "listed in the ledger, and nothing is trained for it.",
    )

    @model_validator(mode="after")
    def _one_kind(self) -> "Question":
        if bool(self.changes) == bool(self.grid):
            raise ValueError("give either changes or grid, and not an empty one")
        return self


class Published(Part):
    """Numbers that somebody else printed, to set beside ours."""

    file: Text = Field(description="CSV beside the study file.")
    citation: Text = Field(description="Key in report/references.bib.")


class StudyFile(Part):
    """What a study file may say."""

    title: Text = Field(description="Title of the report.")
    subtitle: str = Field("", description="Second line of the title.")
    dataset: Annotated[str, AfterValidator(_known)] = Field(
        description=f"One of {', '.join(DATASETS)}."
    )
    seeds: Seeds = Field(5, description="How many (1, 2, …), or a list of the seeds themselves.")
    base: dict[str, Any] = Field(description="Parameters of the base; the rest at default.")
    enhanced: Id | None = Field(
        None, description="The experiment that the report sets against the base at the end."
    )
    questions: dict[Id, Question] = Field(default_factory=dict)
    smallest_effect: float = Field(
        0.5,
        gt=0,
        le=100,
        description="Smallest difference in accuracy that is worth having, in percentage points. "
        "Differences that surely lie below it count as none.",
    )
    published: Published | None = None
    search: SearchBlock | None = Field(
        None, description="A search for the best model within a price."
    )


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
    declared: dict[str, tuple[Experiment, ...]] = field(default_factory=dict)
    """The same for questions that are declared and not trained; in none of the above."""
    search: Search | None = None
    lines: dict[tuple[str, ...], int] = field(default_factory=dict, repr=False)
    """The line of every key of the study file, by its place."""

    @property
    def smallest_effect(self) -> float:
        """The smallest difference in accuracy that is worth having, a share."""
        return self.file.smallest_effect / 100

    def cell(self, question: str, values: dict[str, Any]) -> str:
        """Find the experiment of a question, its reference included, that has these values."""
        for id_ in (self.file.questions[question].reference, *self.questions[question]):
            settings = self.experiments[id_].settings
            if all(getattr(settings, name) == value for name, value in values.items()):
                return id_
        raise LookupError(f"no experiment of {question} has {values}")

    def given(self, experiment: str, setting: str) -> tuple[str, int | None]:
        """Find where the file gives a setting of an experiment.

        Returns:
            The place, such as questions.depth.changes.depth-2, and its line; "" and None where
            the setting is at its default.
        """
        one: Experiment | None = self.experiments[experiment]
        while one.reference is not None and setting not in one.change:
            one = self.experiments[one.reference]
        above = ("base",)
        if one.reference is not None:
            name = next(name for name, ids in self.questions.items() if one.id in ids)
            changes = self.file.questions[name].changes
            above = ("questions", name, *(("changes", one.id) if changes else ("grid",)))
        line = self.lines.get((*above, setting))
        return (".".join(above), line) if line else ("", None)

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


def load(path: Path, *, with_report: bool = False) -> Study:
    """Read and check a study file.

    Args:
        with_report: check too what only the report needs: texts, citations, printed numbers. It
            is asked for before anything trains; a training that has begun does not end over it.

    Raises:
        UserError: every fault found, each with file, line and key, and what is allowed.
    """
    content, lines = _read_yaml(path)
    if not isinstance(content, dict):
        keys = ", ".join(StudyFile.model_fields)
        given = "nothing" if content is None else _shown(content)
        raise _refusal(path, [f"it holds {given}; a study file is a mapping of {keys}"])
    try:
        file = StudyFile.model_validate(content)
    except ValidationError as error:
        faults = [_explain(fault, (), lines) for fault in error.errors()]
        raise _refusal(path, faults + _parameter_faults(content, lines)) from None
    return _Resolver(path, file, lines).study(with_report)


def _read_yaml(path: Path) -> tuple[Any, dict[tuple[str, ...], int]]:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise UserError(_no_such_study(path)) from None
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path} cannot be read as UTF-8 text: {error}") from None
    try:
        yaml = YAML(typ="safe", pure=True)
        root = yaml.compose(text)
        content = None if root is None else yaml.constructor.construct_document(root)
        lines = _lines(root)
    except MarkedYAMLError as error:
        mark = error.problem_mark
        where = f", line {mark.line + 1}" if mark else ""
        raise UserError(f"{path}{where}: not valid YAML: {error.problem}") from None
    except RecursionError:
        raise UserError(f"{path}: not valid YAML: nested too deeply") from None
    except (YAMLError, ValueError, LookupError, TypeError) as error:
        # What ruamel.yaml lets through of characters, numbers and dates that are none.
        raise UserError(f"{path}: not valid YAML: {error}") from None
    return content, lines


def _no_such_study(path: Path) -> str:
    there = sorted(other.stem for other in path.parent.glob("*.yaml"))
    choice = f" Studies there: {', '.join(there)}." if there else ""
    return f"There is no study file {path}.{choice}"


def _lines(root: Node | None) -> dict[tuple[str, ...], int]:
    """Map the place of every key, as words, to its line. An alias has the lines of its anchor."""
    lines: dict[tuple[str, ...], int] = {}

    def note(node: Node | None, place: tuple[str, ...], above: tuple[int, ...]) -> None:
        if id(node) in above:  # a node that holds itself
            return
        above = (*above, id(node))
        if isinstance(node, MappingNode):
            for key, value in node.value:
                inside = (*place, str(key.value))
                lines[inside] = key.start_mark.line + 1
                note(value, inside, above)
        elif isinstance(node, SequenceNode):
            for index, value in enumerate(node.value):
                note(value, (*place, str(index)), above)

    note(root, (), ())
    return lines


def _nearest(place: tuple, lines: dict[tuple[str, ...], int]) -> tuple[tuple[str, ...], str]:
    """Find the innermost key of a place that stands in the file, and say its line."""
    known = tuple(map(str, place))
    while known and known not in lines:
        known = known[:-1]
    return known, f"line {lines[known]}: " if known else ""


def _shown(value: Any) -> str:
    try:
        text = repr(value)
    except ValueError:  # Python writes no whole number of thousands of digits
        return "a number too long to be written"
    return text if len(text) <= 100 else f"{text[:97]}..."


def _parameter_faults(content: dict, lines: dict[tuple[str, ...], int]) -> list[str]:
    """Check the parameters of a file that cannot be used as a whole, so far as they are there."""
    sets = [(("base",), content.get("base"))]
    questions = content.get("questions")
    for name, question in questions.items() if isinstance(questions, dict) else ():
        changes = question.get("changes") if isinstance(question, dict) else None
        for id_, change in changes.items() if isinstance(changes, dict) else ():
            sets.append((("questions", name, "changes", id_), change))
    return [
        fault
        for place, values in sets
        if isinstance(values, dict)
        for fault in _faults_alone(values, place, lines)
    ]


def _faults_alone(values: dict, place: tuple, lines: dict[tuple[str, ...], int]) -> list[str]:
    """Check parameters without those they are merged into; rules between them wait for that."""
    try:
        Settings.model_validate(
            {key: value for key, value in values.items() if isinstance(key, str)}
        )
    except ValidationError as error:
        return [_explain(fault, place, lines) for fault in error.errors() if fault["loc"]]
    return []


def _explain(fault: Any, prefix: tuple, lines: dict[tuple[str, ...], int]) -> str:
    """One line for one fault that Pydantic found."""
    place = tuple(part for part in (*prefix, *fault["loc"]) if part != "[key]")
    known, where = _nearest(place, lines)
    key = ".".join(known or map(str, place))
    if fault["type"] == "extra_forbidden":
        return f"{where}{key}: unknown key. {_allowed_keys(place)}"
    remedy = _remedy(place)
    blank = fault["msg"].endswith(BLANK) or fault["input"] is None
    if remedy and (fault["type"] == "missing" or blank):
        what = "missing" if fault["type"] == "missing" else BLANK
        return f"{where}{'.'.join(map(str, place))}: {what}. {remedy}"
    if fault["type"] == "missing":
        return f"{where}{'.'.join(map(str, place))}: missing"
    given = "" if fault["type"] == "value_error" else f", not {_shown(fault['input'])}"
    message = fault["msg"].removeprefix("Value error, ")
    message = re.sub(r"a valid dictionary( or instance of \w+)?", "a mapping", message)
    return f"{where}{key + ': ' if key else ''}{message[0].lower() + message[1:]}{given}"


def _remedy(place: tuple) -> str | None:
    """Look up what to do about a key that must be there."""
    if len(place) == 3 and place[0] == "questions":
        return REMEDIES.get(f"question.{place[2]}")
    return REMEDIES.get(".".join(map(str, place)))


def _allowed_keys(place: tuple) -> str:
    if len(place) == 1:
        names = StudyFile.model_fields
    elif place[0] == "questions" and len(place) == 3:
        names = Question.model_fields
    elif place[0] == "published":
        names = Published.model_fields
    elif place[0] == "search" and len(place) == 2:
        names = SearchBlock.model_fields
    elif place[0] == "search":
        names = (Price if place[1] == "prices" else Varied).model_fields
    else:
        names = [name for group in settings.GROUPS.values() for name in group.model_fields]
    return f"{_did_you_mean(place[-1], names)}Allowed: {', '.join(names)}."


def _did_you_mean(given: Any, known: Iterable[str]) -> str:
    """Ask for the name that is spelled most alike, if one is much alike."""
    nearest = get_close_matches(str(given), list(known), n=1)
    return f"Did you mean {nearest[0]}? " if nearest else ""


def _refusal(path: Path, faults: list[str]) -> UserError:
    unique = list(dict.fromkeys(faults))
    return UserError("\n".join([f"{path} cannot be used:", *(f"  {fault}" for fault in unique)]))


class _Resolver:
    """Merges changes into their references, collecting every fault on the way."""

    def __init__(self, path: Path, file: StudyFile, lines: dict[tuple[str, ...], int]) -> None:
        self.path, self.file, self.lines = path, file, lines
        self.faults: list[str] = []
        self.experiments: dict[str, Experiment] = {}
        self.origin: dict[str, tuple] = {"base": ("base",)}
        self.circles: list[set[str]] = []
        self.changes = self._collect_changes()

    def study(self, with_report: bool) -> Study:
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
        if with_report:
            self._check_report(ids)
        if self.faults:
            raise _refusal(self.path, self.faults)
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

    def _check_report(self, trained: list[str]) -> None:
        """Check what nothing but the report needs."""
        for place, message in prose.faults_of(self.file):
            self._fault(place, message)
        if self.file.published:
            name = self.file.published.file
            _, faults = printed.read(self.path.parent / name, trained)
            for fault in faults:
                self._fault(("published", "file"), f"{name}: {fault}")

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
                self.faults += _faults_alone({key: value}, place, self.lines)
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
            self.faults += _faults_alone(change, place, self.lines)
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
                self.faults.append(f"{_explain(fault, place, self.lines)}{which}")
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
                    f"there is no experiment {id_}. {_did_you_mean(id_, known)}"
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
        known, where = _nearest(place or (), self.lines)
        self.faults.append(f"{where}{'.'.join(known)}: {message}")


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
