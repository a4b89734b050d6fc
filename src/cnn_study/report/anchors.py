"""To which parts of the report a text of the study file may refer: those that are surely in it.

A part that is there with some results and not with others cannot be promised before anything
trains. What the templates put into every report of a study is read off them.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING

from cnn_study.base.places import TEMPLATE, template_folders

if TYPE_CHECKING:
    from jinja2 import nodes

    from cnn_study.study.file import StudyFile

VALUE = "<<id>>"
"""Stands for what a template fills in; in an id, for that of a question."""

ID = re.compile(rf"\{{#((?:[\w-]|{VALUE})+)")


def anchors(file: "StudyFile") -> list[str]:
    """Name the ids that every report of a study has, whatever its results are."""
    questions = [name for name, question in file.questions.items() if question.trained]
    known = {
        "comparisons": bool(questions),
        "enhanced": file.enhanced not in (None, "base"),
        "published": file.published is not None,
        "others": bool(file.others),
        "searched": file.search is not None,
        "network": not file.base.get("model"),
        "own_network": bool(file.base.get("model")),
    }
    ids = _Walk(known).ids(TEMPLATE.name)
    filled = (
        [id_.replace(VALUE, name) for name in questions] if VALUE in id_ else [id_] for id_ in ids
    )
    return list(dict.fromkeys(chain.from_iterable(filled)))


class _Walk:
    """Goes through templates where they go for sure, and notes the ids on the way."""

    def __init__(self, known: Mapping[str, bool]) -> None:
        """Begin.

        Args:
            known: conditions of the templates that the study file settles.
        """
        from cnn_study.base.templates import Templates

        self._known = known
        self._templates = Templates(template_folders(), {}, "")
        self._figure = ""

    def ids(self, template: str) -> Iterator[str]:
        """Name the ids in a template and in what it includes."""
        yield from self._in(self._templates.parsed(template).body)

    def _in(self, parts: "Sequence[nodes.Node]") -> Iterator[str]:
        from jinja2 import nodes

        for part in parts:
            match part:
                case nodes.Output():
                    yield from self._written(part.nodes)
                case nodes.Assign(target=nodes.Name(name="figure"), node=given):
                    self._figure = _figure(given)
                case nodes.If(test=nodes.Name(name=name)) if name in self._known:
                    yield from self._in(part.body if self._known[name] else part.else_)
                case nodes.For(iter=nodes.Name(name="comparisons")) | nodes.With():
                    yield from self._in(part.body)
                case nodes.Include(template=nodes.Const(value=str(name))):
                    yield from self.ids(name)

    def _written(self, parts: "Sequence[nodes.Node]") -> Iterator[str]:
        """Name the ids in what is written: of headings, tables and formulas, and of figures."""
        from jinja2 import nodes

        texts = (part.data if isinstance(part, nodes.TemplateData) else VALUE for part in parts)
        yield from ID.findall("".join(texts))
        for part in parts:
            match part:
                case nodes.Filter(name="picture", node=nodes.Name(name="figure")) if self._figure:
                    yield f"fig-{self._figure}"


def _figure(given: "nodes.Node") -> str:
    """Name the figure that a template takes up; nothing where its id is a value."""
    from jinja2 import nodes

    match given:
        case nodes.Getitem(node=nodes.Name(name="figures"), arg=nodes.Const(value=str(id_))):
            return id_
    return ""
