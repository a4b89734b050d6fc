"""What lies in a study's results, or beside them, and is not what was made.

Products of the stages are as their stamps say, what the makers left is as records and its own
digests say. Each file that is not is named, with what to do. Nothing is made anew for that.
"""

import json
from collections.abc import Iterator
from pathlib import Path

from cnn_study.archive import integrity, rederive
from cnn_study.archive.checks import Fault
from cnn_study.base.errors import UserError
from cnn_study.base.files import digest_of_file
from cnn_study.base.words import first_lines
from cnn_study.data.arrays import load_prepared
from cnn_study.runs.stages import STAGES, Site, altered

MADE_AGAIN = "it is not as it was made. The workflow makes it again"
BACK = "Get it back from git, or publish anew: cnn-study publish STUDY"


def faults_of(site: Site, data: Path) -> Iterator[Fault]:
    """Name what is not what was made.

    Args:
        data: the prepared arrays, which are looked at where they are there.
    """
    for stage in STAGES:
        for file in altered(site, stage):
            yield Fault(file, "", MADE_AGAIN)
    yield from _of_published(site.results / rederive.PUBLISHED)
    yield from integrity.unlike_records(integrity.Kept.of(site))
    if data.exists():
        try:
            load_prepared(site.study.dataset, data)
        except UserError as error:
            yield Fault(str(data), "", str(error))


def _of_published(folder: Path) -> Iterator[Fault]:
    """Name the published pages that are not those that the publication tells of."""
    about = folder / rederive.PUBLICATION
    if not about.exists():
        return
    try:
        digests = dict(json.loads(about.read_text(encoding="utf-8"))["sha256"])
    except (OSError, ValueError, LookupError, TypeError) as error:
        yield Fault(f"{folder.name}/{about.name}", "", f"it cannot be read: {error}. {BACK}")
        return
    for file, digest in digests.items():
        path = folder / file
        if not path.is_file() or digest_of_file(path) != digest:
            yield Fault(f"{folder.name}/{file}", "", f"it is not as it was published. {BACK}")


def in_words(faults: list[Fault]) -> list[str]:
    """Say what was found, a line a file; nothing where nothing was."""
    lines = [fault.what if fault.file in fault.what else str(fault) for fault in faults]
    return ["Not what was made:", *(f"  {line}" for line in first_lines(lines))] if lines else []
