"""Which of the project's own source files a module needs: itself, and all that it imports.

What a product depends on is read off the imports, so that no list has to be kept by hand.
"""

import re
from functools import cache
from pathlib import Path

from cnn_study.base.places import PACKAGE

IMPORT = re.compile(
    r"^[ \t]*from[ \t]+(cnn_study[\w.]*)[ \t]+import[ \t]+(?:\(([^)]*)\)|([^\n#]+))", re.MULTILINE
)
"""An import as this project writes it, at the top of a module or inside a function."""


def sources_of(module: str) -> list[Path]:
    """List the source files that a module of this package needs, its own first.

    Args:
        module: its full name, such as cnn_study.tables.collect.
    """
    needed: dict[str, None] = {}
    waiting = [module]
    while waiting:
        name = waiting.pop()
        if name not in needed and _file(name):
            needed[name] = None
            parent = name.rpartition(".")[0]
            waiting += [*_imported(name), *([parent] if parent else [])]
    return [path for name in needed if (path := _file(name))]


@cache
def _imported(module: str) -> tuple[str, ...]:
    """Name what a module imports of this package; of a name that is no module, its module."""
    path = _file(module)
    text = path.read_text(encoding="utf-8") if path else ""
    names = []
    for origin, bracketed, plain in IMPORT.findall(text):
        words = re.findall(r"(\w+)(?:[ \t]+as[ \t]+\w+)?", bracketed or plain)
        names += [origin, *(f"{origin}.{word}" for word in words)]
    return tuple(names)


@cache
def _file(module: str) -> Path | None:
    place = PACKAGE.joinpath(*module.split(".")[1:])
    files = (place / "__init__.py", place.with_suffix(".py"))
    return next((path for path in files if path.is_file()), None)
