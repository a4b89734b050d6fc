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
    another family or other vector instructions are another family. A record that names its
    processor by its brand alone says too little to tell.
    """
    if ours.device != theirs.device or ours.system.split()[-1:] != theirs.system.split()[-1:]:
        return "another family"
    if ours.device != "CPU":
        return "the same model"
    names = [KIND.sub("", each.processor) for each in (ours, theirs)]
    if names[0].split()[:1] != names[1].split()[:1]:
        return "another family"
    kinds = [KIND.search(each.processor) for each in (ours, theirs)]
    here, there = kinds
    if here is None or there is None:
        return "unknown"
    if (here[1], here[3]) != (there[1], there[3]):
        return "another family"
    return "the same model" if here[2] == there[2] else "the same family"
