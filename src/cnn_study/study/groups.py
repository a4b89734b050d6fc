"""Questions in groups, by what they change: size, layers, training, regularization, data, together.

A question's group is what the study file says, or what the parameters say that it changes.
"""

from collections.abc import Iterable, Mapping

from cnn_study.study.file import StudyFile
from cnn_study.study.model import Experiment

PARAMETERS = {
    "size": ("filters", "kernel_size", "dense_units"),
    "layers": (
        "model",
        "model_arguments",
        "model_files",
        "model_digests",
        "block",
        "expansion",
        "squeeze_excitation",
        "padding",
        "activation",
        "batch_normalization",
        "residual",
        "pooling",
        "pool_size",
        "pool_after",
        "head",
        "initializer",
    ),
    "training": (
        "optimizer",
        "learning_rate",
        "momentum",
        "nesterov",
        "schedule",
        "warmup_epochs",
        "gradient_clipping",
        "weight_averaging",
        "batch_size",
        "epochs",
        "precision",
    ),
    "regularization": (
        "horizontal_flip",
        "flip_order",
        "shift",
        "cutout",
        "convolution_dropout",
        "dense_dropout",
        "weight_decay",
        "label_smoothing",
    ),
    "data": (
        "validation_fraction",
        "training_fraction",
        "scaling",
        "class_weight",
        "test_time_flip",
        "watch_test",
    ),
}
"""The parameters of each group but *together*, in the order in which groups are told."""

GROUP_OF = {name: group for group, names in PARAMETERS.items() for name in names}

TOGETHER = "together"
"""The group of questions that change what belongs to several groups."""

ORDER = (*PARAMETERS, TOGETHER)


def groups_of(
    file: StudyFile, questions: Mapping[str, Iterable[str]], experiments: Mapping[str, Experiment]
) -> dict[str, tuple[str, ...]]:
    """Put questions into their groups, both in order; a group without questions is left out.

    Args:
        questions: the experiments that each question compares.
    """
    group = {
        name: file.questions[name].group or group_of([experiments[id_].change for id_ in ids])
        for name, ids in questions.items()
    }
    grouped = {each: tuple(name for name, its in group.items() if its == each) for each in ORDER}
    return {each: names for each, names in grouped.items() if names}


def group_of(changes: list[Mapping[str, object]]) -> str:
    """Find the group of what all changes have in common, or else of all that they change."""
    names = [set(change) for change in changes]
    told = set.intersection(*names) or set.union(*names)
    groups = {GROUP_OF[name] for name in told}
    return groups.pop() if len(groups) == 1 else TOGETHER
