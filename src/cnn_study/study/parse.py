"""From plain values, as YAML gives them, to a study file of the right form.

Checks what each part says by itself; knows nothing of how changes are merged.
"""

from collections.abc import Iterator
from typing import Any

from pydantic import ValidationError

from cnn_study.data.block import faults_between
from cnn_study.study.faults import Faults, shown
from cnn_study.study.file import StudyFile
from cnn_study.study.parts import Place
from cnn_study.study.questions import KINDS
from cnn_study.study.settings import Settings


def parse(content: Any, faults: Faults) -> StudyFile:
    """Check the form of a study file, and each set of parameters in it by itself.

    Raises:
        UserError: it has not the form of a study file.
    """
    if not isinstance(content, dict):
        keys = ", ".join(StudyFile.model_fields)
        given = "nothing" if content is None else shown(content)
        faults.add((), f"it holds {given}; a study file is a mapping of {keys}")
        raise faults.refusal()
    for place, values in _parameter_sets(content):
        _check_alone(place, values, faults)
    if isinstance(described := content.get("dataset"), dict):
        faults.extend((("dataset",), fault) for fault in faults_between(described))
    try:
        return StudyFile.model_validate(content)
    except ValidationError as error:
        faults.add_invalid(error)
        raise faults.refusal() from None


def _parameter_sets(content: dict[Any, Any]) -> Iterator[tuple[Place, dict[Any, Any]]]:
    """Find every set of parameters in a file, whatever else is wrong with it."""
    if isinstance(content.get("base"), dict):
        yield ("base",), content["base"]
    questions = content.get("questions")
    for name, question in questions.items() if isinstance(questions, dict) else ():
        for key, kind in KINDS.items() if isinstance(question, dict) else ():
            for below, values in kind.parameter_sets(question.get(key)):
                yield ("questions", str(name), key, *below), values


def _check_alone(place: Place, values: dict[Any, Any], faults: Faults) -> None:
    """Check parameters without those they are merged into; rules between them wait for that."""
    named = {name: value for name, value in values.items() if isinstance(name, str)}
    try:
        Settings.model_validate(named)
    except ValidationError as error:
        if all(detail["loc"] for detail in error.errors()):
            faults.add_invalid(error, place)
