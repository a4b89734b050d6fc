"""What an experiment is called where people read of it, such as kernel 3×3; its id stays its name.

Knows how values read (`settings`), and which experiment is a change of which.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping

from cnn_study.base.words import first_of
from cnn_study.study.faults import did_you_mean
from cnn_study.study.file import LONGEST_LABEL, StudyFile
from cnn_study.study.model import Experiment
from cnn_study.study.parts import Fault
from cnn_study.study.settings import phrases


def labels_of(file: StudyFile, experiments: Mapping[str, Experiment]) -> dict[str, str]:
    """Give every experiment its label, unique among the changes of one reference.

    A label that the study file gives comes first, then *base* and *enhanced*, then the phrases of
    what is changed: of a long change as many as fit, and the id where two would be called alike.

    Args:
        experiments: by id, the base first.
    """
    named, labels = _named(file), _as_read(file, experiments)
    times = Counter((experiments[id_].reference, label) for id_, label in labels.items())
    return {
        id_: label if id_ in named or times[experiments[id_].reference, label] == 1 else id_
        for id_, label in labels.items()
    }


def full_labels_of(
    file: StudyFile, labels: Mapping[str, str], experiments: Mapping[str, Experiment]
) -> dict[str, str]:
    """Call every experiment so that it is known anywhere: derived labels behind their reference's.

    Args:
        experiments: by id, in any order.
    """
    named = _named(file)

    def full(id_: str) -> str:
        reference = experiments[id_].reference
        alone = id_ in named or reference is None
        return labels[id_] if alone else f"{full(reference)} + {labels[id_]}"

    return {id_: full(id_) for id_ in experiments}


def label_faults(
    file: StudyFile, experiments: Mapping[str, Experiment], declared: Collection[str]
) -> Iterator[Fault]:
    """Find labels of nothing, and labels that something else is called by.

    Args:
        experiments: those that can be made, trained or not.
        declared: ids of all that the file declares.
    """
    labels = _as_read(file, experiments)
    given: dict[str, str] = {}
    for id_, label in file.label.items():
        place = ("label", id_)
        if id_ not in declared:
            hint = did_you_mean(id_, declared)
            yield (
                place,
                f"there is no experiment {id_}. {hint}There are: {first_of(declared)}",
            )
            continue
        others = [given.setdefault(label, id_), *_called(label, id_, labels, experiments)]
        if others := [other for other in others if other != id_]:
            yield place, f"{others[0]} is called {label!r} already; choose another label"


def _as_read(file: StudyFile, experiments: Mapping[str, Experiment]) -> dict[str, str]:
    """Give the label of each experiment as if it were alone; the id where nothing is changed."""
    named = _named(file)
    return {
        id_: named.get(id_) or shortened(phrases(experiment.change) or [id_])
        for id_, experiment in experiments.items()
    }


def _called(
    label: str, id_: str, labels: Mapping[str, str], experiments: Mapping[str, Experiment]
) -> list[str]:
    """List the experiments beside one, and those known without a reference, with its label."""
    if id_ not in experiments:
        return []
    known = (experiments[id_].reference, None)
    return [
        other
        for other, words in labels.items()
        if words == label and experiments[other].reference in known
    ]


def shortened(parts: list[str]) -> str:
    """Join phrases by a plus, as many as a label has room for, and count the rest."""
    for kept in range(len(parts), 0, -1):
        left = len(parts) - kept
        label = " + ".join([*parts[:kept], *([f"{left} more"] if left else [])])
        if len(label) <= LONGEST_LABEL:
            return label
    return f"{parts[0][: LONGEST_LABEL - 1]}…"


def _named(file: StudyFile) -> dict[str, str]:
    """Give the labels that are known without a reference: base, enhanced, those of the file."""
    named = {file.enhanced: "enhanced"} if file.enhanced else {}
    return named | {"base": "base"} | file.label
