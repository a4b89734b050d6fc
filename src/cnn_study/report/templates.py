"""Fills templates; nothing undefined or empty is ever printed."""

import math
import re
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, TemplateError

from cnn_study.base.errors import UserError
from cnn_study.report.filters import FILTERS


def fill(template: Path, context: dict[str, Any], before: Sequence[Path] = ()) -> str:
    """Fill a template; nothing undefined, empty (None) or NaN is ever printed.

    Args:
        before: folders whose templates go before those beside this one.

    Raises:
        UserError: says what is wrong, in which template, on which line.
    """
    folders = [*before, template.parent]
    environment = Environment(
        variable_start_string="<<",
        variable_end_string=">>",
        block_start_string="<%",
        block_end_string="%>",
        comment_start_string="<#",
        comment_end_string="#>",
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=StrictUndefined,
        finalize=_refuse_nothing,
        loader=FileSystemLoader(folders),
    )
    environment.filters |= FILTERS
    try:
        return _tidy(environment.get_template(template.name).render(context))
    except TemplateError as error:
        where = _place(error, folders)
        raise UserError(f"{where}: {error.message}. The report was not written.") from None


class _Nothing(TemplateError):
    """A template prints a value that is not there."""


def _refuse_nothing(value: Any) -> Any:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        raise _Nothing("a value is printed that is not there (None or NaN); ask for it first")
    return value


def _place(error: TemplateError, folders: Sequence[Path]) -> str:
    """Name the template and the line that an error comes from."""
    line = getattr(error, "lineno", None)
    if line:
        return f"{error.filename or folders[-1]}, line {line}"
    places = tuple(map(str, folders))
    frames = traceback.extract_tb(error.__traceback__)
    inside = [frame for frame in frames if frame.filename.startswith(places)]
    return f"{inside[-1].filename}, line {inside[-1].lineno}" if inside else str(folders[-1])


def _tidy(text: str) -> str:
    """Remove what templates leave behind.

    That is spaces at line ends, a second empty line, and the line break before a full stop, comma
    or semicolon that stood on a line of its own.
    """
    text = re.sub(r"[ \t]+$", "", text, flags=re.MULTILINE)
    return re.sub(r"\n{3,}", "\n\n", re.sub(r"\n([.,;])(?=\s)", r"\1", text))
