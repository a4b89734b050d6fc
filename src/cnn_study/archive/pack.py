"""One file of a finished study: to be kept, cited, unpacked elsewhere and checked there.

The same content and commit give the same bytes: names are sorted, and every file has one date.
"""

import hashlib
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from cnn_study.archive import contents, crate, deposit
from cnn_study.archive.contents import Files
from cnn_study.base import checkout, citation, files
from cnn_study.base.errors import UserError
from cnn_study.base.templates import Templates
from cnn_study.runs import stages
from cnn_study.runs.heartbeat import log

MANIFEST = "manifest-sha256.txt"
"""A line a file, as `sha256sum --check` reads them."""

TEXTS = ("ARCHIVE.md", "verify.sh")
"""For people: what it is, and the one command that checks it."""

OWN = (*TEXTS, MANIFEST, crate.METADATA, deposit.ZENODO, deposit.DATACITE)
"""Written for each archive anew; an archive that was unpacked and committed holds older ones."""

DATE = (1980, 1, 1, 0, 0, 0)
"""Of every file in the archive; the first that a ZIP file can tell."""


@dataclass(frozen=True)
class Archive:
    """What was packed."""

    path: Path
    commit: str
    files: int
    runs: int
    size: int


def place(results: Path, study: str) -> Path:
    """Name the file of a study's archive."""
    return results / "archive" / f"{study}.zip"


def archive(site: stages.Site, output: Path) -> Archive:
    """Pack a study that is whole, current and committed.

    Raises:
        UserError: it is not, or does not say who is to be cited; says what to do.
    """
    here, study = Path.cwd(), site.study
    cited = citation.read(Path(citation.FILE))
    contents.check(site)
    commit = checkout.whole_commit(here, "an archive")
    study_files = tuple(_inside(path, here) for path in site.study_files)
    log(f"reading what is committed in {commit[:10]}, and the records")
    code, folder = contents.code(here)
    runs = contents.runs(site)
    packed = crate.Packed(study, cited, commit, checkout.day_of(here), study_files, runs)
    packing: Files = {name: content for name, content in code.items() if name not in OWN}
    packing |= contents.products(site) | _texts(packed, folder) | _deposits(packed)
    packing[crate.METADATA] = _json(crate.describe(_with_files(packed, packing)))
    packing[MANIFEST] = _manifest(packing)
    log(f"packing {len(packing)} files, {len(runs)} runs")
    files.write_whole(output, partial(_zip, packing=packing))
    return Archive(output, commit, len(packing), len(runs), output.stat().st_size)


def _inside(path: Path, here: Path) -> str:
    """Name a file from here on.

    Raises:
        UserError: it lies elsewhere.
    """
    if not path.resolve().is_relative_to(here):
        raise UserError(
            f"{path} lies outside {here}: an archive is packed in the folder that the study "
            "stands in, as `snakemake` is run there."
        )
    return path.resolve().relative_to(here).as_posix()


def _texts(packed: crate.Packed, folder: str) -> dict[str, bytes]:
    texts = Templates([Path(__file__).parent / "texts"], {}, "Nothing was packed.")
    values = {
        "packed": packed,
        "study": packed.study,
        "title": crate.title(packed.study),
        "study_file": packed.study_files[0],
        "folder": folder,
        "manifest": MANIFEST,
        "summary": crate.summary(packed),
    }
    return {name: texts.fill(f"{name}.j2", values).encode() for name in TEXTS}


def _with_files(packed: crate.Packed, packing: Files) -> crate.Packed:
    """Add the files: those of the study and of the top each by itself, the rest by folders."""
    told = {
        name: _measured(content)
        for name, content in sorted(packing.items())
        if "/" not in name or name.startswith("results/") or name in packed.study_files
    }
    folders = {name.partition("/")[0] for name in packing if "/" in name} - {"results"}
    return replace(packed, files=told, folders=tuple(sorted(folders)))


def _measured(content: Path | bytes) -> crate.File:
    whole = _read(content)
    return crate.File(len(whole), hashlib.sha256(whole).hexdigest())


def _deposits(packed: crate.Packed) -> dict[str, bytes]:
    return {
        deposit.ZENODO: _json(deposit.zenodo(packed)),
        deposit.DATACITE: _json(deposit.datacite(packed)),
    }


def _json(facts: Mapping[str, Any]) -> bytes:
    return (json.dumps(facts, indent=1, ensure_ascii=False) + "\n").encode()


def _manifest(packing: Files) -> bytes:
    lines = (f"{_measured(content).sha256}  {name}\n" for name, content in sorted(packing.items()))
    return "".join(lines).encode()


def _read(content: Path | bytes) -> bytes:
    return content if isinstance(content, bytes) else content.read_bytes()


def _zip(file: Any, packing: Files) -> None:
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as packed:
        for name, content in sorted(packing.items()):
            entry = zipfile.ZipInfo(name, DATE)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system, entry.external_attr = 3, 0o644 << 16  # Unix, readable by all
            packed.writestr(entry, _read(content))
