"""Whether two runs were computed by processors or accelerators of one family."""

import re
from typing import Literal

from cnn_study.runs.records import Provenance

KIND = re.compile(r" \(family (\w+), model (\w+)(?:, (.+))?\)$")
"""What `train.machine.processor` adds to a name on x86 under Linux; older records lack it."""

Relation = Literal["the same model", "the same family", "another family", "unknown"]


def relation(ours: Provenance, theirs: Provenance) -> Relation:
    """Say how the machines of two runs are related, from what their records say alone.

    Another device (a GPU against the CPU, or another GPU), another architecture, another maker,
    another family or other vector instructions are another family. Between two engines of one kind
    of device nothing tells what is due to which, nor does a record that names its processor by its
    brand alone.
    """
    if ours.device != theirs.device:
        return "another family"
    if ours.system.split()[-1:] != theirs.system.split()[-1:]:
        return "another family"
    if ours.engine != theirs.engine:
        return "unknown"
    if ours.device != "CPU":
        return "the same model"
    names = [KIND.sub("", each.processor) for each in (ours, theirs)]
    if names[0].split()[:1] != names[1].split()[:1]:
        return "another family"
    kinds = [KIND.search(each.processor) for each in (ours, theirs)]
    first, second = kinds
    if first is None or second is None:
        return "unknown"
    if (first[1], first[3]) != (second[1], second[3]):
        return "another family"
    return "the same model" if first[2] == second[2] else "the same family"
