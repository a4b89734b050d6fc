"""The lines above a document: title, date, what each format wants."""

import datetime
import re
from typing import Any

import yaml

from cnn_study.base.errors import UserError


def refuse(name: str, faults: list[str]) -> None:
    """Raise one error that lists every fault once."""
    if faults:
        lines = "\n".join(f"- {fault.strip()}" for fault in dict.fromkeys(faults))
        raise UserError(f"{name} was not rendered:\n{lines}")


# Settings


def front_matter(name: str, text: str) -> dict[str, Any]:
    """Read what stands between the first lines of a document.

    Raises:
        UserError: there is none, or it is no mapping in YAML.
    """
    block = re.match(r"---\n(.*?)\n---\n", text, re.DOTALL)
    try:
        settings = yaml.safe_load(block[1]) if block else None
    except yaml.YAMLError as error:
        raise UserError(f"{name}: the front matter is not YAML: {error}") from error
    if not isinstance(settings, dict):
        raise UserError(f"{name}: has no front matter; begin it with title and date between ---")
    return settings


def _date(name: str, settings: dict[str, Any]) -> datetime.date:
    given = settings.get("date")
    try:
        return datetime.date.fromisoformat(str(given))
    except ValueError:
        message = f"{name}: date: {given!r}; write a fixed day as YYYY-MM-DD, or two renders differ"
        raise UserError(message) from None
