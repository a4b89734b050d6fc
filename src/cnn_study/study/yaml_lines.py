"""From a study file's text to its content, and the line that every key stands on."""

import re
import warnings
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, ReusedAnchorWarning, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, SequenceNode

from cnn_study.base.errors import UserError
from cnn_study.base.files import read_text
from cnn_study.study.parts import ID, Place

Lines = dict[Place, int]
"""The line of every key, by its place."""

LARGEST = 2**18
"""Bytes of a study file, read within five seconds; one of a thousand experiments has a quarter."""

MOST_VALUES = 200_000
"""Values in it, each counted as often as it is referred to by an alias."""


def study_file(name: str) -> Path:
    """Turn what a person types, a name or a path, into the path of a study file."""
    path = Path(name) if name.endswith((".yaml", ".yml")) else Path("experiments") / f"{name}.yaml"
    if not re.fullmatch(ID, path.stem):
        raise UserError(
            f"study {name}: a study file's name is the name of its results folder. Allowed are "
            "small letters, digits and single hyphens, as in my-study.yaml."
        )
    return path


def read_yaml(path: Path) -> tuple[Any, Lines]:
    """Read a study file as plain values, with the line of every key.

    Raises:
        UserError: it is not there, or not valid YAML; names the line.
    """
    if not path.exists():
        raise UserError(_no_such_study(path))
    text = read_text(path, LARGEST)
    try:
        yaml = YAML(typ="safe", pure=True)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ReusedAnchorWarning)  # YAML lets an anchor be set anew
            root = yaml.compose(text)
        lines = _lines(root)
        content = None if root is None else yaml.constructor.construct_document(root)
    except MarkedYAMLError as error:
        mark = error.problem_mark
        where = f", line {mark.line + 1}" if mark else ""
        raise UserError(f"{path}{where}: not valid YAML: {error.problem}") from None
    except RecursionError:
        raise UserError(f"{path}: not valid YAML: nested too deeply") from None
    except (YAMLError, ValueError, LookupError, TypeError) as error:
        # What ruamel.yaml lets through of characters, numbers and dates that are none.
        raise UserError(f"{path}: not valid YAML: {error}") from None
    return content, lines


def _no_such_study(path: Path) -> str:
    studies = sorted(other.stem for other in path.parent.glob("*.yaml"))
    choice = f" Studies there: {', '.join(studies)}." if studies else ""
    return f"There is no study file {path}.{choice}"


def _lines(root: Node | None) -> Lines:
    """Map the place of every key, as words, to its line. An alias has the lines of its anchor."""
    lines: Lines = {}
    left = iter(range(MOST_VALUES))

    def note(node: Node | None, place: Place, above: tuple[int, ...]) -> None:
        if next(left, None) is None:
            raise ValueError(f"more than {MOST_VALUES:,} values, aliases written out")
        if id(node) in above:  # a node that holds itself
            return
        above = (*above, id(node))
        if isinstance(node, MappingNode):
            for key, value in node.value:
                inside = (*place, str(key.value))
                lines[inside] = key.start_mark.line + 1
                note(value, inside, above)
        elif isinstance(node, SequenceNode):
            for index, value in enumerate(node.value):
                note(value, (*place, str(index)), above)

    note(root, (), ())
    return lines
