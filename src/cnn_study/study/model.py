"""A checked study, as everything behind it sees it: experiments, questions, seeds."""

import re
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from cnn_study.base.metrics import METRICS, Metric
from cnn_study.data.catalog import Dataset
from cnn_study.study.file import StudyFile
from cnn_study.study.own_networks import OwnNetwork, network_of
from cnn_study.study.parts import Place
from cnn_study.study.search_space import Search
from cnn_study.study.settings import Settings, has, passes, value_text
from cnn_study.study.yaml_lines import Lines

Changed = frozenset[tuple[str, str]]
"""Names and values, as text, of what a change sets."""


def _with_article(label: str) -> str:
    """Put *the* before a label that a person gave, unless it has one or begins with a number."""
    return label if re.match(r"\d|the\b", label, re.IGNORECASE) else f"the {label}"


@dataclass(frozen=True)
class Experiment:
    """One set of settings with an id.

    Attributes:
        macs: multiply-accumulate operations of the answer to one image.
        change: the parameters that differ from `reference`, as the study file gives them.
        reference: id of the experiment that was changed; None for the base.
        place: where the study file gives the parameters.
    """

    id: str
    settings: Settings
    fingerprint: str
    parameters: int
    macs: int
    change: dict[str, Any] = field(default_factory=dict)
    reference: str | None = None
    place: Place = ("base",)

    @property
    def training_macs(self) -> int:
        """Count those of one image on its way forward through the network, in training."""
        return self.macs // passes(self.settings)


@dataclass(frozen=True)
class Study:
    """A checked study: its experiments in training order, base first."""

    name: str
    path: Path
    file: StudyFile
    dataset: Dataset
    seeds: tuple[int, ...]
    experiments: dict[str, Experiment]
    questions: dict[str, tuple[str, ...]]
    """Question id: ids of the experiments compared, the reference left out."""
    declared: dict[str, tuple[Experiment, ...]] = field(default_factory=dict)
    """The same for questions that are declared and not trained; in none of the above."""
    labels: dict[str, str] = field(default_factory=dict)
    """What each experiment is called beside its question's others: see `labels`."""
    full_labels: dict[str, str] = field(default_factory=dict)
    """What each is called anywhere, such as enhanced + flip."""
    groups: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Group: ids of its questions, both in the order in which the report tells of them."""
    search: Search | None = None
    lines: Lines = field(default_factory=dict, repr=False)
    """The line of every key of the study file, by its place."""

    @property
    def searches_in_rounds(self) -> bool:
        """Whether it has a search whose trials are trained in rounds."""
        return self.search is not None and self.search.has_rounds

    @property
    def own_networks(self) -> dict[str, OwnNetwork]:
        """The networks that files of the study build, by their names."""
        shape, classes = self.dataset.image_shape, len(self.dataset.class_names)
        settings = [each.settings for each in self.experiments.values()]
        if self.search:
            settings += self.search.own_networks()
        every = [network_of(each, shape, classes) for each in settings if each.model]
        return {network.name: network for network in every}

    @property
    def metric(self) -> Metric:
        """The score that it goes by."""
        return METRICS[self.file.metric]

    @property
    def chance(self) -> float:
        """What guessing gets of the test images by that score."""
        return self.dataset.chance(self.file.metric)

    @property
    def smallest_effect(self) -> float:
        """The smallest difference by that score that is worth having, a share."""
        return self.file.smallest_effect / 100

    @property
    def paired(self) -> bool | None:
        """Whether the study file has runs compared in pairs; None where it leaves that to them."""
        return None if self.file.judge is None else self.file.judge == "paired"

    @property
    def comparisons(self) -> list[tuple[str, str]]:
        """Every change with its reference, once, in the order of the study file."""
        pairs = [
            (id_, self.file.questions[name].reference)
            for name, ids in self.questions.items()
            for id_ in ids
        ]
        return list(dict.fromkeys(pairs))

    @cached_property
    def changed(self) -> dict[str | None, dict[str, Changed]]:
        """What each experiment sets, by its reference and its id."""
        changed: dict[str | None, dict[str, Changed]] = {}
        for id_, experiment in self.experiments.items():
            change = experiment.change.items()
            settings = frozenset(
                (f"{name} {key}".strip(), value_text(part))
                for name, value in change
                for key, part in (value.items() if isinstance(value, dict) else [("", value)])
            )
            changed.setdefault(experiment.reference, {})[id_] = settings
        return changed

    @property
    def fresh_seeds(self) -> tuple[int, ...]:
        """The seeds with which suggestions are confirmed: none of them chose any.

        The seeds of a search may be the same numbers: its runs choose among its own trials, and
        no suggestion.
        """
        first = max(self.seeds) + 1
        return tuple(range(first, first + self.file.confirmation))

    def label(self, id_: str) -> str:
        """Call an experiment by its label, where its reference is known."""
        return self.labels[id_]

    def full_label(self, id_: str) -> str:
        """Call an experiment so that it is known without its reference."""
        return self.full_labels[id_]

    @property
    def spoken_labels(self) -> dict[str, str]:
        """What each is called in the middle of a sentence, such as the enhanced model."""
        given, enhanced = self.file.label, self.file.enhanced
        spoken = self.full_labels | {"base": "the base"}
        if enhanced and enhanced != "base":
            spoken[enhanced] = "the enhanced model"
        return spoken | {id_: _with_article(label) for id_, label in given.items()}

    def cell(self, question: str, values: dict[str, Any]) -> str:
        """Find the experiment of a question, its reference included, that has these values."""
        for id_ in (self.file.questions[question].reference, *self.questions[question]):
            settings = self.experiments[id_].settings
            if all(has(settings, name, value) for name, value in values.items()):
                return id_
        raise LookupError(f"no experiment of {question} has {values}")

    def given(self, experiment: str, setting: str) -> tuple[str, int | None]:
        """Find where the file gives a setting of an experiment.

        Returns:
            The place, such as questions.depth.changes.depth-2, and its line; "" and None where
            the setting is at its default.
        """
        giver = self.experiments[experiment]
        while giver.reference is not None and setting not in giver.change:
            giver = self.experiments[giver.reference]
        line = self.lines.get((*giver.place, setting))
        return (".".join(giver.place), line) if line else ("", None)

    @property
    def kept_weights(self) -> tuple[tuple[str, int], ...]:
        """The runs whose weights are kept: first seed of the base and of the enhanced model."""
        ids = dict.fromkeys(["base", self.file.enhanced or "base"])
        return tuple((experiment, self.seeds[0]) for experiment in ids)
