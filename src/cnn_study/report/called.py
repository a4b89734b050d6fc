"""Experiments as the text calls them: by label, with the id for whoever points at it."""

from cnn_study.report.filters import escape
from cnn_study.study.model import Study


def called(study: Study) -> dict[str, dict[str, str]]:
    """Give the Markdown that calls each experiment by its label, marked so that the page knows it.

    Returns:
        By use and id: `labels`, where the reference is known; `called`, anywhere; `the`, in the
        middle of a sentence, such as the enhanced model, or the full recipe.
    """
    uses = {"labels": study.labels, "called": study.full_labels, "the": study.spoken_labels}
    return {
        use: {id_: _marked(id_, label) for id_, label in labels.items()}
        for use, labels in uses.items()
    }


def _marked(id_: str, label: str) -> str:
    return f'[{escape(label)}]{{.experiment data-experiment="{id_}" title="{id_}"}}'
