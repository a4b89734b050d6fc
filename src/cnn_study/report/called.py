"""Experiments as the text calls them: by label, with the id for whoever points at it."""

from cnn_study.report.filters import escape
from cnn_study.study.model import Study


def called(study: Study) -> dict[str, dict[str, str]]:
    """Give the Markdown that calls each experiment by its label, marked so that the page knows it.

    Returns:
        By use and id: `labels`, where the reference is known; `called`, anywhere; `the`, in the
        middle of a sentence, such as the enhanced model, or the full recipe; `changed`, as the
        change of a sentence that names the reference: its label, or the enhanced model.
    """
    labels, spoken, enhanced = study.labels, study.spoken_labels, study.file.enhanced
    changed = labels | ({enhanced: spoken[enhanced]} if enhanced in labels else {})
    uses = {"labels": labels, "called": study.full_labels, "the": spoken, "changed": changed}
    return {
        use: {id_: _marked(id_, label) for id_, label in labels.items()}
        for use, labels in uses.items()
    }


def _marked(id_: str, label: str) -> str:
    return f'[{escape(label)}]{{.experiment data-experiment="{id_}" title="{id_}"}}'
