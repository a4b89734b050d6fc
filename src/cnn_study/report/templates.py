"""Fills the report's templates, with the filters that write its values."""

from collections.abc import Sequence
from functools import lru_cache
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
    templates = _opened((*before, template.parent), Path.cwd())
    return templates.fill(template.name, context)


@lru_cache(maxsize=4)
def _opened(folders: tuple[Path, ...], _start: Path) -> Templates:
    """Open templates once: to compile them takes as long as all else that a text takes.

    Args:
        _start: where relative folders start from.
    """
    return Templates(folders, FILTERS, "The report was not written.")
