"""Experiments as the text calls them: by label, with the id for whoever points at it."""

from collections.abc import Mapping

from cnn_study.report.filters import escape


def called(labels: Mapping[str, str]) -> dict[str, str]:
    """Give the Markdown that calls each experiment by its label.

    Returns:
        By id: the label, marked so that the page knows the experiment and shows its id.
    """
    return {
        id_: f'[{escape(label)}]{{.experiment data-experiment="{id_}" title="{id_}"}}'
        for id_, label in labels.items()
    }
