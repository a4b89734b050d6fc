"""Fills the report's templates, with the filters that write its values."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cnn_study.base.templates import Templates
from cnn_study.report.filters import FILTERS


def fill(template: Path, context: dict[str, Any], before: Sequence[Path] = ()) -> str:
    """Fill a template; nothing undefined, empty (None) or NaN is ever printed.

    Args:
        before: folders whose templates go before those beside this one.

    Raises:
        UserError: says what is wrong, in which template, on which line.
    """
    templates = Templates([*before, template.parent], FILTERS, "The report was not written.")
    return templates.fill(template.name, context)
