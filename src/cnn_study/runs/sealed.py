"""Files of facts that a search, an inspection or a look at the images left, and arrays beside them.

Facts hold a digest of themselves, for nothing else knows what they were: a number that is changed
afterwards is seen when they are read.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from pydantic import Field, ValidationError

from cnn_study.base import files
from cnn_study.base.errors import UserError, first_line
from cnn_study.base.fingerprints import hash_facts
from cnn_study.runs import records

CHANGED = "it was changed after it was made: its own digest is of other facts"


class Sealed(records.Part):
    """Facts with a digest of themselves."""

    facts_sha256: str | None = Field(
        None,
        description="sha256 of everything else in this file, as JSON with sorted keys and no "
        "spaces; null in files of before it was kept.",
    )


SealedPart = TypeVar("SealedPart", bound=Sealed)


def write(path: Path, facts: Sealed) -> None:
    """Write facts with their digest, whole or not at all."""
    digest = _digest(facts.model_dump(mode="json", by_alias=True))
    records.write(path, facts.model_copy(update={"facts_sha256": digest}))


def read(
    path: Path, kind: type[SealedPart], refuse: Callable[[Path, str], UserError]
) -> SealedPart:
    """Read facts.

    Args:
        refuse: makes of a file and what is wrong with it the message that also says what to do.

    Raises:
        UserError: they are not there, damaged, or others than were written.
    """
    try:
        content = files.read_at_most(path, records.MOST_BYTES)
        facts = kind.model_validate_json(content)
    except PermissionError:
        raise files.closed(path) from None
    except (OSError, ValidationError) as error:
        records.refuse_two_versions(path)
        raise refuse(path, first_line(error)) from None
    if facts.facts_sha256 and _digest(json.loads(content)) != facts.facts_sha256:
        raise refuse(path, CHANGED)
    return facts


def read_arrays(
    path: Path, name: str, sha256: str, refuse: Callable[[Path, str], UserError]
) -> dict[str, np.ndarray]:
    """Read the arrays beside facts.

    Args:
        path: of the facts, which say `name` and `sha256` of the arrays' file.

    Raises:
        UserError: they are not there, or not those that the facts tell of.
    """
    file = path.parent / name
    return files.intact_arrays(file, lambda fault: refuse(file, fault), sha256=sha256)


def _digest(facts: dict[str, Any]) -> str:
    return hash_facts({name: value for name, value in facts.items() if name != "facts_sha256"})
