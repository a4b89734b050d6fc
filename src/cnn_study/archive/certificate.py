"""The certificate of a verification: for programs an in-toto statement, for people a page.

`certificate.json` is an in-toto Statement v1 (https://github.com/in-toto/attestation/blob/main/
spec/v1/statement.md); `certificate.md` says the same to a person; `codecheck.yml` is what a second
person completes (https://codecheck.org.uk/spec/config/1.0/).
"""

import platform
from collections.abc import Iterable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from cnn_study import __version__
from cnn_study.archive.checks import LEVELS, Check, Level, level_of
from cnn_study.archive.retrain import Retrained
from cnn_study.base import files
from cnn_study.base.checkout import git
from cnn_study.base.templates import Templates
from cnn_study.study.model import Study
from cnn_study.train.machine import gpu_names, processor

FOLDER = "certificate"
STATEMENT, PAGE, CODECHECK = "certificate.json", "certificate.md", "codecheck.yml"

STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "tag:cnn-study,2026:verification/v1"
"""What the predicate means: a `Verification`. A tag URI (RFC 4151): it names, and leads nowhere."""

CODECHECK_VERSION = "https://codecheck.org.uk/spec/config/1.0/"

NOT_NAMED = "not named"
"""By whom, where nobody said."""

PACKAGES = ("keras", "tensorflow", "jax", "numpy", "pandas", "matplotlib", "typst")

SUBJECTS = ("published", "report", "tables", "evidence", "figures")
"""Folders of results whose files a certificate is about."""

Sha256 = Annotated[str, StringConstraints(pattern="^[0-9a-f]{64}$")]


class Part(BaseModel):
    """A part of the statement, with no other keys than its fields."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Digest(Part):
    """How the content of a file is named."""

    sha256: Sha256


class Subject(Part):
    """A file that the certificate is about, from the study's results folder on."""

    name: str
    digest: Digest


class Found(Part):
    """A place where something does not hold."""

    file: str
    place: str
    what: str


class Checked(Part):
    """One check, and how it came out."""

    name: str
    level: Level
    promise: str
    outcome: Literal["holds", "does not hold", "not checked"]
    looked_at: str
    left_out: str = Field(description="Why it was not checked; else empty.")
    faults: tuple[Found, ...]


class Again(Part):
    """A run that was trained again."""

    run: str
    outcome: str
    in_words: str
    machines: str = Field(description="How this machine's processor is related to the record's.")
    recorded_processor: str
    recorded_weights_sha256: str | None
    weights_sha256: str | None
    differs: tuple[str, ...] = Field(description="In what it differs from its record, times aside.")


class Machine(Part):
    """What computed, without a name that anybody gave it."""

    processor: str
    system: str
    accelerators: tuple[str, ...]


class Verification(Part):
    """What was verified, how, where, when and by whom."""

    study: str
    title: str
    holds: bool
    level: Level | None = Field(description="The highest that was reached; null for none.")
    checks: tuple[Checked, ...]
    drawn: str = Field(description="Which runs were trained again; empty where none was asked for.")
    retrained: tuple[Again, ...]
    commit: str | None = Field(description="Checked out here; null outside a checkout.")
    changed_since_commit: bool | None = Field(description="Whether files here differ from it.")
    machine: Machine
    versions: dict[str, str]
    by: str
    when: str = Field(description="UTC, ISO 8601.")


class Statement(Part):
    """An in-toto Statement v1."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_by_name=True)

    type: Literal["https://in-toto.io/Statement/v1"] = Field(
        STATEMENT_TYPE, validation_alias="_type", serialization_alias="_type"
    )
    subject: tuple[Subject, ...]
    predicate_type: str = Field(
        PREDICATE_TYPE, validation_alias="predicateType", serialization_alias="predicateType"
    )
    predicate: Verification


def state(
    study: Study,
    results: Path,
    checks: Iterable[Check],
    retrained: Iterable[Retrained] = (),
    drawn: str = "",
    by: str = "",
) -> Statement:
    """Put a certificate together."""
    listed = tuple(checks)
    folder = study.path.resolve().parent
    commit = git(folder, "rev-parse", "HEAD")
    verification = Verification(
        study=study.name,
        title=study.file.title,
        holds=not any(check.faults for check in listed),
        level=level_of(listed),
        checks=tuple(map(_checked, listed)),
        drawn=drawn,
        retrained=tuple(map(_again, retrained)),
        commit=commit or None,
        changed_since_commit=bool(git(folder, "status", "--porcelain")) if commit else None,
        machine=_machine(),
        versions=_versions(),
        by=by or NOT_NAMED,
        when=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    return Statement(subject=tuple(_subjects(results)), predicate=verification)


def _subjects(results: Path) -> Iterable[Subject]:
    for folder in SUBJECTS:
        for path in sorted((results / folder).rglob("*")):
            if path.is_file() and path.name[0] != ".":
                name = path.relative_to(results).as_posix()
                yield Subject(name=name, digest=Digest(sha256=files.digest_of_file(path)))


def _checked(check: Check) -> Checked:
    return Checked(
        name=check.name,
        level=check.level,
        promise=check.promise,
        outcome=check.outcome,
        looked_at=check.looked_at,
        left_out=check.left_out,
        faults=tuple(Found(file=f.file, place=f.place, what=f.what) for f in check.faults),
    )


def _again(run: Retrained) -> Again:
    return Again(
        run=run.name,
        outcome=run.outcome,
        in_words=run.words,
        machines=run.machines,
        recorded_processor=run.recorded.provenance.processor,
        recorded_weights_sha256=run.recorded.weights_sha256,
        weights_sha256=run.anew.weights_sha256,
        differs=run.differs,
    )


def _machine() -> Machine:
    return Machine(
        processor=processor(),
        system=f"{platform.system()} {platform.machine()}",
        accelerators=gpu_names(),
    )


def _versions() -> dict[str, str]:
    from importlib.metadata import PackageNotFoundError

    versions = {"python": platform.python_version(), "cnn-study": __version__}
    for package in PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    return versions


# ------------------------------------------------------------------------------ written


def write(statement: Statement, study: Study, folder: Path) -> list[Path]:
    """Write the statement, the page and the form for a second person.

    Returns:
        The three files.
    """
    contents = {
        STATEMENT: statement.model_dump_json(by_alias=True, indent=1) + "\n",
        PAGE: page(statement, folder),
        CODECHECK: codecheck(statement, study),
    }
    for name, text in contents.items():
        _write(folder / name, text)
    return [folder / name for name in contents]


def _write(path: Path, text: str) -> None:
    files.write_whole(path, lambda file: file.write(text.encode()))


def page(statement: Statement, folder: Path) -> str:
    """Say what was verified to a person."""
    templates = Templates(
        [Path(__file__).parent], {"or_none": lambda text: text or "–"},
        f"No certificate was written to {folder}.",
    )  # fmt: skip
    values = {"v": statement.predicate, "subjects": statement.subject, "levels": LEVELS}
    return templates.fill("certificate.md.j2", values)


def codecheck(statement: Statement, study: Study) -> str:
    """Fill in what this project knows of a CODECHECK; a second person completes the rest."""
    verification = statement.predicate
    outcomes = "; ".join(f"{check.name}: {check.outcome}" for check in verification.checks)
    form = {
        "version": CODECHECK_VERSION,
        "manifest": [
            {"file": f"../{subject.name}", "comment": f"sha256 {subject.digest.sha256}"}
            for subject in statement.subject
        ],
        "codechecker": [{"name": "TO COMPLETE", "ORCID": "TO COMPLETE"}],
        "summary": f"cnn-study verify {study.name} says: {outcomes}. TO COMPLETE",
        "paper": {
            "title": study.file.title,
            "authors": [{"name": "The cnn-study authors"}],
            "reference": "TO COMPLETE",
        },
        "repository": "TO COMPLETE",
        "check_time": verification.when,
        "certificate": "TO COMPLETE",
        "report": "TO COMPLETE",
    }
    text = yaml.safe_dump(form, sort_keys=False, allow_unicode=True, width=100)
    return (
        f"# https://codecheck.org.uk: whoever repeats this as a second person completes it.\n---\n"
        f"{text}"
    )
