"""What an archive says of itself to programs: a Workflow Run RO-Crate, as JSON-LD.

RO-Crate 1.1 (https://w3id.org/ro/crate/1.1) with the profiles of the Workflow Run RO-Crate family
(https://w3id.org/ro/wfrun), version 0.5: the Snakefile is the workflow, and each run is an action
of the tool that trained it, with its settings, its dataset and what it left.

Written by hand: it is a list of dictionaries, and a library for it would bring its own ideas of
dates and previews. Knows nothing of ZIP files.
"""

import datetime
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import quote

from cnn_study.base.citation import Author, Citation
from cnn_study.runs.records import Provenance, Record
from cnn_study.study.model import Study
from cnn_study.study.settings import parameters

METADATA = "ro-crate-metadata.json"
WORKFLOW = "Snakefile"
TRAINING = f"{WORKFLOW}#training"

Entity = dict[str, Any]

SPECIFICATION = "https://w3id.org/ro/crate/1.1"
WORKFLOW_PROFILE = "https://w3id.org/workflowhub/workflow-ro-crate/1.0"
PROFILES = {
    "https://w3id.org/ro/wfrun/process/0.5": "Process Run Crate",
    "https://w3id.org/ro/wfrun/workflow/0.5": "Workflow Run Crate",
    "https://w3id.org/ro/wfrun/provenance/0.5": "Provenance Run Crate",
    WORKFLOW_PROFILE: "Workflow RO-Crate",
}
TERMS = {"sha256": "https://w3id.org/ro/terms/workflow-run#sha256"}
"""Of the context that the profiles bring; written out, so that one context needs to be fetched."""

FORMAL_PARAMETER = "https://bioschemas.org/profiles/FormalParameter/1.0-RELEASE"
COMPUTATIONAL_WORKFLOW = "https://bioschemas.org/profiles/ComputationalWorkflow/1.0-RELEASE"
TABLES = "https://specs.frictionlessdata.io/tabular-data-package/"
SNAKEMAKE = "https://w3id.org/workflowhub/workflow-ro-crate#snakemake"

MEDIA_TYPES = {
    ".json": "application/json",
    ".csv": "text/csv",
    ".html": "text/html",
    ".pdf": "application/pdf",
    ".svg": "image/svg+xml",
    ".npz": "application/zip",
    ".yaml": "application/yaml",
    ".yml": "application/yaml",
    ".md": "text/markdown",
    ".qmd": "text/markdown",
}
ABOUT_IT = ("ARCHIVE.md", "README.md")
"""What people read of the archive as a whole."""

KINDS: dict[type, str] = {bool: "Boolean", int: "Integer", float: "Number"}
"""What schema.org calls the values of a parameter; any others are written as a text."""


@dataclass(frozen=True)
class File:
    """A file of the archive."""

    size: int
    sha256: str


@dataclass(frozen=True)
class Packed:
    """All that a crate tells of.

    Attributes:
        citation: of the study: authors, version, licence.
        commit, day: that it was packed from, and its day.
        study_files: the study file and what it names, by their places.
        runs: each run's record, by its place; the files beside it begin with the same name.
        files: everything that is told of by itself, by its place in the archive.
        folders: everything else, by the folders at the top of the archive.
    """

    study: Study
    citation: Citation
    commit: str
    day: str
    study_files: tuple[str, ...]
    runs: Mapping[str, Record]
    files: Mapping[str, File] = field(default_factory=dict)
    folders: tuple[str, ...] = ()


def describe(packed: Packed) -> dict[str, Any]:
    """Describe an archive as an RO-Crate."""
    runs = [_run(place, record, packed) for place, record in packed.runs.items()]
    whole = _whole(packed)
    return {
        "@context": [f"{SPECIFICATION}/context", TERMS],
        "@graph": [
            _descriptor(),
            _root(packed, [*runs, whole]),
            *_profiles(),
            *_people(packed.citation),
            *_files(packed),
            *_workflow(packed),
            *_tools(packed),
            *_parameters(packed.runs.values()),
            _dataset(packed.study),
            whole,
            *runs,
        ],
    }


def end_of(record: Record) -> datetime.datetime:
    """Tell when a run ended."""
    seconds = round(record.cost.run_seconds)
    return start_of(record) + datetime.timedelta(seconds=seconds)


def start_of(record: Record) -> datetime.datetime:
    """Tell when a run began."""
    return datetime.datetime.fromisoformat(record.provenance.started)


# ------------------------------------------------------------------------------- the crate


def _refer(*ids: str) -> Any:
    """Refer to entities; to a single one without a list, as RO-Crate recommends."""
    references = [{"@id": id_} for id_ in ids]
    return references[0] if len(references) == 1 else references


def _descriptor() -> Entity:
    return {
        "@id": METADATA,
        "@type": "CreativeWork",
        "about": {"@id": "./"},
        "conformsTo": _refer(SPECIFICATION, WORKFLOW_PROFILE),
    }


def _root(packed: Packed, actions: list[Entity]) -> Entity:
    return {
        "@id": "./",
        "@type": "Dataset",
        "name": title(packed.study),
        "description": summary(packed),
        "datePublished": packed.day,
        "version": packed.citation.version,
        "identifier": f"commit {packed.commit}",
        "license": {"@id": _licence(packed.citation)},
        "author": _authors(packed.citation),
        "publisher": _authors(packed.citation),
        "keywords": list(packed.citation.keywords),
        "conformsTo": _refer(*PROFILES),
        "mainEntity": {"@id": WORKFLOW},
        "hasPart": _refer(*map(_path, packed.files), *(f"{name}/" for name in packed.folders)),
        "mentions": [{"@id": action["@id"]} for action in actions],
    }


def title(study: Study) -> str:
    """Name the archive of a study."""
    return f"{study.file.title}: runs, report and code"


def summary(packed: Packed) -> str:
    """Say in a few sentences what an archive holds."""
    study = packed.study
    complete = sum(record.status == "complete" for record in packed.runs.values())
    public = study.dataset.publish_images
    left = "the predictions and the kept weights" if public else "and the predictions"
    images = "the few images that the report shows, no more" if public else "no image"
    return (
        f"The study {study.name} of image classification on {study.dataset.title}: "
        f"{len(study.experiments)} experiments with {len(study.seeds)} seeds each, "
        f"{len(packed.runs)} runs in all, {complete} of them complete. It holds the record"
        f"{',' if public else ''} {left} of every run, the tables and the evidence made from "
        "them with descriptions of every column, the figures, the report, the code, and the "
        f"environment. Of the dataset it holds {images}."
    )


def _profiles() -> list[Entity]:
    return [
        {"@id": id_, "@type": "CreativeWork", "name": name, "version": id_.rpartition("/")[2]}
        for id_, name in PROFILES.items()
    ] + [
        {"@id": FORMAL_PARAMETER, "@type": "CreativeWork", "name": "FormalParameter 1.0"},
        {
            "@id": COMPUTATIONAL_WORKFLOW,
            "@type": "CreativeWork",
            "name": "ComputationalWorkflow 1.0",
        },
        {"@id": TABLES, "@type": "CreativeWork", "name": "Tabular Data Package"},
    ]


def _licence(citation: Citation) -> str:
    return f"https://spdx.org/licenses/{citation.licence}"


def _people(citation: Citation) -> list[Entity]:
    licence = {
        "@id": _licence(citation),
        "@type": "CreativeWork",
        "name": citation.licence,
        "description": f"The licence with the SPDX identifier {citation.licence}.",
    }
    return [licence, *map(_author, citation.authors)]


def _authors(citation: Citation) -> Any:
    return _refer(*map(_author_id, citation.authors))


def _author_id(author: Author) -> str:
    return author.orcid or f"#{quote(author.name)}"


def _author(author: Author) -> Entity:
    entity = {
        "@id": _author_id(author),
        "@type": "Person" if author.is_person else "Organization",
        "name": author.name,
    }
    return entity | ({"affiliation": author.affiliation} if author.affiliation else {})


# ------------------------------------------------------------------------------- its files


def _path(name: str) -> str:
    """Write a file's place as a relative address."""
    return quote(name)


def _files(packed: Packed) -> list[Entity]:
    folders = [
        {"@id": f"{name}/", "@type": "Dataset", "name": f"{name}: part of the code"}
        for name in packed.folders
    ]
    named = (_file(name, file) for name, file in packed.files.items() if name != WORKFLOW)
    return [*named, *folders]


def _file(name: str, file: File) -> Entity:
    path = PurePosixPath(name)
    entity = {
        "@id": _path(name),
        "@type": "File",
        "name": path.name,
        "encodingFormat": MEDIA_TYPES.get(path.suffix, "text/plain"),
        "contentSize": str(file.size),
        "sha256": file.sha256,
    }
    if path.name == "datapackage.json":
        entity["conformsTo"] = {"@id": TABLES}
    if name in ABOUT_IT:
        entity["about"] = {"@id": "./"}
    return entity


def _workflow(packed: Packed) -> list[Entity]:
    """Describe the Snakefile, its step that trains, and the language it is written in."""
    tools = _refer(*sorted({_tool_id(made.provenance) for made in packed.runs.values()}))
    workflow = _file(WORKFLOW, packed.files[WORKFLOW]) | {
        "@type": ["File", "SoftwareSourceCode", "ComputationalWorkflow", "HowTo"],
        "name": f"The workflow of the study {packed.study.name}",
        "description": "From a study file to runs, tables, evidence, figures and the report.",
        "version": packed.commit,
        "conformsTo": {"@id": COMPUTATIONAL_WORKFLOW},
        "programmingLanguage": {"@id": SNAKEMAKE},
        "license": {"@id": _licence(packed.citation)},
        "creator": _authors(packed.citation),
        "hasPart": tools,
        "step": {"@id": TRAINING},
    }
    training = {
        "@id": TRAINING,
        "@type": "HowToStep",
        "name": "Training",
        "description": "Trains every run that has no record; all else is made from the records.",
        "workExample": tools,
    }
    return [workflow, training, _language()]


def _language() -> Entity:
    return {
        "@id": SNAKEMAKE,
        "@type": "ComputerLanguage",
        "name": "Snakemake",
        "url": {"@id": "https://snakemake.readthedocs.io"},
        "identifier": {"@id": "https://snakemake.readthedocs.io"},
    }


def _dataset(study: Study) -> Entity:
    dataset = study.dataset
    entity = {
        "@id": f"#dataset-{dataset.name}",
        "@type": "CreativeWork",
        "name": dataset.title,
        "description": dataset.source,
        "identifier": f"sha256 of the images and labels: {dataset.digest}",
    }
    return entity | ({"license": dataset.licence} if dataset.licence else {})


# ------------------------------------------------------------------------------- its software


def _tool_id(provenance: Provenance) -> str:
    """Name the trainer that these versions of the code and of the packages make."""
    facts = [provenance.versions, provenance.commit, provenance.changed_since_commit]
    written = json.dumps([*facts, provenance.backend], sort_keys=True)
    return f"#trainer-{hashlib.sha256(written.encode()).hexdigest()[:16]}"


def _tools(packed: Packed) -> list[Entity]:
    """Describe every trainer behind the runs, and each version of a package that it needs."""
    trainers = {_tool_id(made.provenance): made.provenance for made in packed.runs.values()}
    tools = [_tool(id_, trainers[id_], packed.runs.values()) for id_ in sorted(trainers)]
    packages = {
        _package_id(*package): package
        for provenance in trainers.values()
        for package in _packages(provenance)
    }
    return tools + [
        {"@id": id_, "@type": "SoftwareApplication", "name": name, "softwareVersion": version,
         "url": {"@id": id_}}
        for id_, (name, version) in sorted(packages.items())
    ]  # fmt: skip


def _tool(id_: str, provenance: Provenance, runs: Iterable[Record]) -> Entity:
    names = next(list(run.settings.model_dump()) for run in runs)
    commit = provenance.commit or "unknown"
    changed = ", with changes that are in no commit" if provenance.changed_since_commit else ""
    return {
        "@id": id_,
        "@type": "SoftwareApplication",
        "name": "cnn-study train",
        "description": "Trains one network with one seed, scores it, and leaves its record. "
        f"Commit of its code: {commit}{changed}. Keras computes with {provenance.backend}.",
        "softwareVersion": provenance.versions.get("cnn-study", "unknown"),
        "softwareRequirements": _refer(*(_package_id(*each) for each in _packages(provenance))),
        "input": _refer(*map(_parameter_id, ["seed", *names])),
    }


def _packages(provenance: Provenance) -> list[tuple[str, str]]:
    return [each for each in sorted(provenance.versions.items()) if each[0] != "cnn-study"]


def _package_id(name: str, version: str) -> str:
    if name == "python":
        return f"https://docs.python.org/release/{version}/"
    return f"https://pypi.org/project/{name}/{version}/"


# ------------------------------------------------------------------------------- its settings


def _parameter_id(name: str) -> str:
    return f"#parameter-{name}"


def _value_id(name: str, value: Any) -> str:
    return f"#{name}={quote(json.dumps(value), safe='')}"


def _parameters(runs: Iterable[Record]) -> list[Entity]:
    """Describe each parameter, and each value that any run gave it, once."""
    values: dict[str, dict[str, Any]] = {}
    for run in runs:
        for name, value in _settings(run).items():
            values.setdefault(name, {})[_value_id(name, value)] = value
    told = {entry["name"]: entry for entry in parameters()}
    entities = []
    for name, given in values.items():
        entities.append(_parameter(name, list(given.values()), told.get(name, {})))
        entities += [
            {
                "@id": id_,
                "@type": "PropertyValue",
                "name": name,
                "value": value if type(value) in KINDS else _as_text(value),
                "exampleOfWork": {"@id": _parameter_id(name)},
            }
            for id_, value in sorted(given.items())
        ]
    return entities


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _parameter(name: str, values: list[Any], told: Mapping[str, Any]) -> Entity:
    kinds = {KINDS.get(type(value), "Text") for value in values}
    entity = {
        "@id": _parameter_id(name),
        "@type": "FormalParameter",
        "name": name,
        "additionalType": kinds.pop() if len(kinds) == 1 else "Text",
        "description": told.get("description") or Record.model_fields["seed"].description,
        "conformsTo": {"@id": FORMAL_PARAMETER},
    }
    return entity | ({"unitText": told["unit"]} if told.get("unit") else {})


def _settings(record: Record) -> dict[str, Any]:
    return {"seed": record.seed, **record.settings.model_dump(mode="json")}


# ------------------------------------------------------------------------------- its actions


def _whole(packed: Packed) -> Entity:
    """Describe the workflow's work as one action: from the first run's start to the last one's end.

    Whether one command or many did it is not recorded, and makes no difference to the runs.
    """
    runs = packed.runs.values()
    made = [
        name
        for name in packed.files
        if name.endswith(("datapackage.json", "index.html", "index.pdf"))
    ]
    return {
        "@id": "#study",
        "@type": "CreateAction",
        "name": f"The study {packed.study.name}",
        "description": f"All {len(packed.runs)} runs; each has an action of its own. Begin and "
        "end are those of the first and of the last run.",
        "instrument": {"@id": WORKFLOW},
        "agent": {"@id": _author_id(packed.citation.authors[0])},
        "object": _refer(*map(_path, packed.study_files), f"#dataset-{packed.study.dataset.name}"),
        "result": _refer(*map(_path, [*made, *packed.runs])),
        "startTime": min(map(start_of, runs)).isoformat(),
        "endTime": max(map(end_of, runs)).isoformat(),
        "actionStatus": "http://schema.org/CompletedActionStatus",
    }


def _run(place: str, record: Record, packed: Packed) -> Entity:
    """Describe one run: what trained it, with which settings, when, and what it left."""
    path, where = PurePosixPath(place), record.provenance
    beside = f"{path.parent}/{path.stem}."
    settings = (_value_id(*setting) for setting in _settings(record).items())
    given = [*map(_path, packed.study_files[:1]), f"#dataset-{record.dataset.name}", *settings]
    action = {
        "@id": f"#run/{quote(record.experiment)}/{record.fingerprint}/seed-{record.seed}",
        "@type": "CreateAction",
        "name": f"Train {record.experiment}, seed {record.seed}",
        "description": f"On {where.processor} ({where.device}, {where.system}), "
        f"threads: {where.threads}. Fingerprint of settings and data: {record.fingerprint}.",
        "instrument": {"@id": _tool_id(where)},
        "agent": {"@id": _author_id(packed.citation.authors[0])},
        "object": _refer(*given),
        "result": _refer(*(_path(name) for name in packed.files if name.startswith(beside))),
        "startTime": start_of(record).isoformat(),
        "endTime": end_of(record).isoformat(),
    }
    return action | _status(record)


def _status(record: Record) -> Entity:
    if record.status == "complete":
        return {"actionStatus": "http://schema.org/CompletedActionStatus"}
    return {
        "actionStatus": "http://schema.org/FailedActionStatus",
        "error": f"{record.status}: {record.reason or 'no reason recorded'}",
    }
