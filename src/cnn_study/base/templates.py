"""Fills templates of sentences; nothing undefined or empty is ever printed.

Knows neither what is written nor how: whoever fills hands over folders and filters.
"""

import math
import re
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, TemplateError, nodes

from cnn_study.base.errors import UserError
from cnn_study.base.files import read_text


class Templates:
    """Templates that lie together, each compiled once.

    Their marks are << >>, <% %> and <# #>: Jinja2's own would clash with those of Quarto.
    """

    def __init__(
        self,
        folders: Sequence[Path],
        filters: Mapping[str, Callable[..., Any]],
        undone: str,
        constants: Mapping[str, Any] | None = None,
    ) -> None:
        """Open them.

        Args:
            folders: where a template is looked for, in this order.
            filters: that write values, by name.
            undone: what did not come about if a template cannot be filled, as a sentence.
            constants: values that every template may name, and every macro.
        """
        self.folders = tuple(map(str, folders))
        self.undone = undone
        self._loader = FileSystemLoader(self.folders)
        self._environment = Environment(
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
            loader=self._loader,
        )
        self._environment.filters.update(filters)
        self._environment.globals.update(constants or {})

    def fill(self, name: str, values: Mapping[str, Any]) -> str:
        """Fill a template; nothing undefined, empty (None) or NaN is ever printed.

        Raises:
            UserError: says what is wrong, in which template, on which line.
        """
        try:
            return _tidy(self._environment.get_template(name).render(values))
        except TemplateError as error:
            where = self._place(error, name)
            raise UserError(f"{where}: {error.message}. {self.undone}") from None
        except UnicodeDecodeError:
            for path in (path for folder in self.folders for path in Path(folder).rglob("*.j2")):
                read_text(path)  # says which it is
            raise

    def parsed(self, name: str) -> nodes.Template:
        """Give a template as Jinja2 has read it, which is not filled.

        Raises:
            UserError: it is not there, or is none; says where.
        """
        try:
            source, _, _ = self._loader.get_source(self._environment, name)
            return self._environment.parse(source, name)
        except TemplateError as error:
            raise UserError(f"{self._place(error, name)}: {error.message}") from None

    def _place(self, error: TemplateError, name: str) -> str:
        """Name the template and the line that an error comes from."""
        line = getattr(error, "lineno", None)
        if line:
            return f"{getattr(error, 'filename', None) or name}, line {line}"
        frames = traceback.extract_tb(error.__traceback__)
        inside = [frame for frame in frames if frame.filename.startswith(self.folders)]
        return f"{inside[-1].filename}, line {inside[-1].lineno}" if inside else name


class _Nothing(TemplateError):
    """A template prints a value that is not there."""


def _refuse_nothing(value: Any) -> Any:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        raise _Nothing("a value is printed that is not there (None or NaN); ask for it first")
    return value


def _tidy(text: str) -> str:
    """Remove what templates leave behind.

    That is spaces at line ends, a second empty line, and the line break before a full stop, comma
    or semicolon that stood on a line of its own.
    """
    text = re.sub(r"[ \t]+$", "", text, flags=re.MULTILINE)
    return re.sub(r"\n{3,}", "\n\n", re.sub(r"\n([.,;])(?=\s)", r"\1", text))
