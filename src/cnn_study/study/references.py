"""Which experiment of a study is made by changing which: their order, and references that fail.

Knows what is declared, and no settings.
"""

from collections.abc import Container, Iterable, Mapping

from cnn_study.base.words import first_of
from cnn_study.study.faults import Faults, did_you_mean
from cnn_study.study.file import StudyFile
from cnn_study.study.parts import Place
from cnn_study.study.questions import DEEPEST, Declared


def references_first(declared: Mapping[str, Declared]) -> list[Declared]:
    """Put each experiment behind the one that it changes; those of a circle come in any order."""
    ordered: dict[str, Declared] = {}
    for id_ in declared:
        ids = _way_down(id_, declared, until=ordered)
        ordered |= {below: declared[below] for below in reversed(ids)}
    return list(ordered.values())


def check_references(file: StudyFile, declared: Mapping[str, Declared], faults: Faults) -> None:
    """Tell of references in a circle, to what is not there, and to what is not trained."""
    for circle in _circles(declared):
        question = declared[circle[0]].question
        faults.add(
            ("questions", question, "reference"),
            f"the references go in a circle: {' -> '.join([*circle, circle[0]])}. Each is made by "
            "changing the next, so none can be made. Name another reference, such as base",
        )
    for question in _too_deep(declared):
        faults.add(
            ("questions", question, "reference"),
            f"the reference is a change of a change, and so on, more than {DEEPEST} deep. Change "
            "one that is nearer to the base",
        )
    known = ["base", *declared]
    untrained = {
        id_: experiment.question
        for id_, experiment in declared.items()
        if not file.questions[experiment.question].trained
    }
    for place, id_, is_trained in _named(file):
        if id_ not in known:
            faults.add(
                place,
                f"there is no experiment {id_}. {did_you_mean(id_, known)}"
                f"There are: {first_of(known)}",
            )
        elif is_trained and id_ in untrained:
            faults.add(
                place,
                f"the experiment {id_} is not trained. Take `trained: false` out of "
                f"questions.{untrained[id_]}, or name another",
            )


def _named(file: StudyFile) -> Iterable[tuple[Place, str, bool]]:
    """Find every id that the file names, and whether what names it is trained."""
    for name, question in file.questions.items():
        yield ("questions", name, "reference"), question.reference, question.trained
    if file.enhanced:
        yield ("enhanced",), file.enhanced, True


def _too_deep(declared: Mapping[str, Declared]) -> Iterable[str]:
    """Name the questions at which changes of changes become too many; those behind are not told."""
    depth = {"base": 0}
    for experiment in references_first(declared):
        depth[experiment.id] = depth.get(experiment.reference, 0) + 1
    deep = (experiment for experiment in declared.values() if depth[experiment.id] == DEEPEST + 1)
    return dict.fromkeys(experiment.question for experiment in deep)


def _circles(declared: Mapping[str, Declared]) -> list[list[str]]:
    """Find each circle once, from where it is come upon first."""
    circles: list[list[str]] = []
    passed: set[str] = set()
    for id_ in declared:
        ids = _way_down(id_, declared, until=passed)
        passed.update(ids)
        if ids and (end := declared[ids[-1]].reference) in ids:
            circles.append(ids[ids.index(end) :])
    return circles


def _way_down(id_: str, declared: Mapping[str, Declared], until: Container[str]) -> list[str]:
    """Go from an experiment to what it changes, and on, until one came before or is not declared.

    Args:
        until: ids not to go to.
    """
    ids: dict[str, None] = {}
    while id_ in declared and id_ not in ids and id_ not in until:
        ids[id_] = None
        id_ = declared[id_].reference
    return list(ids)
