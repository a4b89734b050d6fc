"""Which settings no change of a study takes by itself, and what would. Knows the study alone.

Two models that differ in several settings say what these do together. What one of them does, only
a change of that setting alone can say.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from cnn_study.base.errors import UserError
from cnn_study.study import architecture
from cnn_study.study.model import Study
from cnn_study.study.questions import cell_id
from cnn_study.study.settings import Settings, normalized, value_text


@dataclass(frozen=True)
class Missing:
    """A setting that no change isolates.

    Attributes:
        kept, value: what the base has, and what the model has that differs from it.
        reference, change: a change that would isolate it; None where there can be none.
    """

    setting: str
    kept: Any
    value: Any
    reference: str | None
    change: Mapping[str, Any]


def missing(study: Study, model: str) -> list[Missing]:
    """List the settings in which a model differs from the base that no change isolates."""
    base, ours = (study.experiments[id_].settings for id_ in ("base", model))
    differs = [
        (name, getattr(base, name), value)
        for name, value in ours
        if name != "model_digests"  # which follow from the others and from the files
        and value != getattr(base, name)
        and not _isolated(study, name, getattr(base, name), value)
    ]
    return [
        Missing(name, kept, value, *_change(study, model, name, kept, value))
        for name, kept, value in differs
    ]


def _isolated(study: Study, name: str, kept: Any, value: Any) -> bool:
    """Tell whether an experiment differs from its reference in this setting alone, by both values.

    The two levels may stand in a grid as well, where a main effect tells them apart.
    """
    for experiment in study.experiments.values():
        if experiment.reference and set(experiment.change) == {name}:
            before = getattr(study.experiments[experiment.reference].settings, name)
            if {_text(before), _text(getattr(experiment.settings, name))} == {
                _text(kept),
                _text(value),
            }:
                return True
    designs = [study.file.questions[question].factorial for question in study.questions]
    levels = [dict(zip(design.factors, design.levels, strict=True)) for design in designs if design]
    return any(kept in level[name] and value in level[name] for level in levels if name in level)


def _text(value: Any) -> str:
    return json.dumps(value)


def _change(
    study: Study, model: str, name: str, kept: Any, value: Any
) -> tuple[str | None, Mapping[str, Any]]:
    """Find the change that isolates a setting: made to the base, or undone in the model."""
    for reference, given in (("base", value), (model, kept)):
        if _says_something(study, reference, name, given):
            return reference, {name: given}
    return None, {}


def _says_something(study: Study, reference: str, name: str, given: Any) -> bool:
    """Tell whether settings with one value changed are allowed, and train otherwise."""
    before = study.experiments[reference].settings
    shape, classes = study.dataset.image_shape, len(study.dataset.class_names)
    try:
        changed = Settings.model_validate({**before.model_dump(), name: given})
        architecture.cost(changed, shape, classes)
    except (ValidationError, UserError):
        return False
    return normalized(changed) != normalized(before)


def in_words(gaps: list[Missing]) -> str:
    """List them in a line, with both values; none if there are none."""
    texts = []
    for gap in gaps:
        text = f"{gap.setting} ({value_text(gap.kept)} to {value_text(gap.value)})"
        text += "" if gap.reference else ", which cannot be changed by itself"
        texts.append(text)
    return f"no change isolates {', '.join(texts)}" if texts else "none"


def yaml_lines(study: Study, gaps: list[Missing]) -> str:
    """Write the questions that would add the changes, to paste below `questions:`."""
    return "".join(_question(study, gap) for gap in gaps if gap.reference)


def _question(study: Study, gap: Missing) -> str:
    name, id_ = _free(study, gap)
    words = gap.setting.replace("_", " ")
    (given,) = gap.change.values()
    return (
        f"  {name}:\n"
        f"    title: {words[:1].upper() + words[1:]} alone\n"
        f"    question: What does {words} do by itself?\n"
        "    hypothesis: write here what you expect, and why, before it runs\n"
        f"    reference: {gap.reference}\n"
        "    changes:\n"
        f"      {id_}: {{{gap.setting}: {json.dumps(given)}}}\n"
    )


def _free(study: Study, gap: Missing) -> tuple[str, str]:
    """Give ids for a question and its experiment that nothing in the study has."""
    question = f"{gap.setting.replace('_', '-')}-alone"
    experiment = cell_id(dict(gap.change))
    if gap.reference != "base":
        experiment = f"{gap.reference}-{experiment}"[:60].rstrip("-")
    while question in study.file.questions:
        question += "-2"
    while experiment in study.experiments:
        experiment += "-2"
    return question, experiment
