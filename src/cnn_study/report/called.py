"""Experiments as the text calls them: by label, with the id for whoever points at it."""

import re

from cnn_study.report.filters import escape
from cnn_study.study.model import Study


def called(study: Study) -> dict[str, dict[str, str]]:
    """Give the Markdown that calls each experiment by its label, marked so that the page knows it.

    Returns:
        By use and id: `labels`, where the reference is known; `called`, anywhere; `the`, in the
        middle of a sentence, such as the enhanced model, or the full recipe.
    """
    given, enhanced = study.file.label, study.file.enhanced
    spoken = study.full_labels | {"base": "the base"}
    if enhanced and enhanced != "base":
        spoken[enhanced] = "the enhanced model"
    spoken |= {id_: _with_article(given[id_]) for id_ in study.full_labels if id_ in given}
    uses = {"labels": study.labels, "called": study.full_labels, "the": spoken}
    return {
        use: {id_: _marked(id_, label) for id_, label in labels.items()}
        for use, labels in uses.items()
    }


def _with_article(label: str) -> str:
    """Put *the* before a label that a person gave, unless it has one or begins with a number."""
    return label if re.match(r"\d|the\b", label, re.IGNORECASE) else f"the {label}"


def _marked(id_: str, label: str) -> str:
    return f'[{escape(label)}]{{.experiment data-experiment="{id_}" title="{id_}"}}'
