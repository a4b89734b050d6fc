"""Everything that the report may say of a study, from its tables: sorted, compared, counted.

Knows nothing of Keras or of run records, and nothing of how the report puts it. Choices are made
by validation scores; test scores are told and set against one another.
"""

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cnn_study import (
    __version__,
    architecture,
    columns,
    inference,
    inspection,
    listing,
    receipts,
    tables,
    worked,
)
from cnn_study.errors import UserError
from cnn_study.findings import Change, Contrast, Effect, Findings
from cnn_study.receipts import Cell, derived
from cnn_study.settings import Settings, parameters
from cnn_study.study import Study


@dataclass(frozen=True)
class Tables:
    """The tables of one study; an empty cell is None."""

    runs: list[dict[str, Any]]
    epochs: pd.DataFrame
    experiments: dict[str, dict[str, Any]]
    layers: list[dict[str, Any]]
    confusion: pd.DataFrame
    published: list[dict[str, Any]]

    @classmethod
    def read(cls, study: Study, folder: Path) -> "Tables":
        """Read them, and check that they are this study's.

        Raises:
            UserError: a table is missing, or is not this study's.
        """
        wanted = [
            table
            for table in columns.TABLES
            if table is not columns.PUBLISHED or study.file.published
        ]
        remedy = f"Make the tables first: python -m cnn_study tables {study.name}"
        frames = {table.name: tables.read(folder, table) for table in wanted}
        rows = {
            name: receipts.rows_of(frames[name], name)
            for name in ("experiments", "runs", "layers", "published")
            if name in frames
        }
        experiments = {row["experiment"]: row for row in rows["experiments"]}
        found = cls(
            rows["runs"],
            frames["epochs"],
            experiments,
            rows["layers"],
            frames["confusion"],
            rows.get("published", []),
        )
        if list(experiments) != list(study.experiments) or any(
            (experiment.parameters, experiment.macs)
            != (experiments[id_]["parameters"], experiments[id_]["macs"])
            for id_, experiment in study.experiments.items()
        ):
            raise UserError(f"the tables in {folder} are not those of {study.path}. {remedy}")
        return found

    @property
    def complete(self) -> list[dict[str, Any]]:
        """The rows of runs.csv that are complete."""
        return [row for row in self.runs if row["status"] == "complete"]


def _read_figures(folder: Path) -> dict[str, "Figure"]:
    try:
        index = json.loads((folder / "figures.json").read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise UserError(f"there is no {error.filename}. Draw the figures first.") from None
    return {
        id_: Figure(id_, f"{folder.name}/{entry['file']}", entry["caption"], entry["alt"])
        for id_, entry in index.items()
    }


# ------------------------------------------------------------------------------- values


@dataclass(frozen=True)
class Figure:
    """A picture: its path from the study's results folder, and what is said of it."""

    id: str
    path: str
    caption: str
    alt: str


@dataclass(frozen=True)
class Scores:
    """Accuracies of the complete runs of an experiment, shares; None where there are too few."""

    n: int
    mean: float | None
    deviation: float | None
    smallest: float | None
    largest: float | None

    @classmethod
    def of(cls, row: dict[str, Any], measure: str, n: int) -> "Scores":
        """Take them from a row of experiments.csv."""
        names = ("mean", "standard_deviation", "smallest", "largest")
        return cls(n, *(row[f"{measure}_{name}"] for name in names))


@dataclass(frozen=True)
class Result:
    """What the runs of one experiment gave.

    Attributes:
        seconds: mean training time of a run; of the processor or on the clock, see `Provenance`.
        training_images: images trained on; None without a complete run.
    """

    id: str
    planned: int
    complete: int
    diverged: int
    failed: int
    missing: int
    test: Scores
    validation: Scores
    parameters: int
    macs: int
    seconds: float | None
    training_images: int | None


@dataclass(frozen=True)
class Row:
    """One experiment in a comparison with a reference.

    Attributes:
        settings: those that the comparison varies, by name, such as 8-16-32 for filters.
        change: what the evidence says of it; None for the reference itself.
        parameters_ratio, macs_ratio, seconds_ratio: to the reference.
    """

    result: Result
    settings: dict[str, str]
    is_reference: bool = False
    change: Change | None = None
    parameters_ratio: float = 1.0
    macs_ratio: float = 1.0
    seconds_ratio: float | None = None

    @property
    def id(self) -> str:
        """Id of the experiment."""
        return self.result.id


def compare(
    result: Result, reference: Result, settings: dict[str, str], change: Change | None = None
) -> Row:
    """Set one experiment against its reference."""
    return Row(
        result,
        settings,
        change=change,
        parameters_ratio=_ratio(result.parameters, reference.parameters),
        macs_ratio=_ratio(result.macs, reference.macs),
        seconds_ratio=_ratio(result.seconds, reference.seconds)
        if result.seconds and reference.seconds
        else None,
    )


def _ratio(one: float, other: float) -> float:
    return derived(one / other, "ratio of", one, other)


@dataclass(frozen=True)
class Comparison:
    """One question of the study and what the runs say to it.

    Attributes:
        rows: the reference first, then the changes in the order of the study file.
        figure: the accuracies or effects; further: other figures of the question.
        contrasts: main effects and interactions, where the question is a grid.
        classes: by experiment and verdict, the classes of which this is said.
    """

    id: str
    title: str
    question: str
    hypothesis: str
    rows: tuple[Row, ...]
    figure: Figure
    further: tuple[Figure, ...]
    contrasts: tuple[Contrast, ...]
    classes: dict[str, dict[str, list[str]]]

    @property
    def reference(self) -> Row:
        """The experiment that the changes are made to."""
        return self.rows[0]

    @property
    def changes(self) -> tuple[Row, ...]:
        """The changed experiments."""
        return self.rows[1:]

    @property
    def scored(self) -> list[Row]:
        """Experiments with a complete run, highest mean test accuracy first."""
        there = [row for row in self.rows if row.result.complete]
        return sorted(there, key=lambda row: -row.result.test.mean)

    @property
    def troubles(self) -> list[Result]:
        """Experiments that lack runs."""
        return [row.result for row in self.rows if row.result.complete < row.result.planned]

    @property
    def same_cost(self) -> bool:
        """Whether all models have as many parameters and need as many MACs."""
        return len({(row.result.parameters, row.result.macs) for row in self.rows}) == 1

    @property
    def seconds(self) -> list[float]:
        """Shortest and longest mean training time; none without a complete run."""
        there = [row.result.seconds for row in self.rows if row.result.seconds is not None]
        return [min(there), max(there)] if there else []

    def said(self, *verdicts: str) -> list[Row]:
        """List the changes of which one of these verdicts is said, largest difference first."""
        rows = [row for row in self.changes if row.change.verdict in verdicts]
        return sorted(rows, key=lambda row: -(row.change.test.difference or 0))

    def kind(self, name: str) -> list[Contrast]:
        """List the contrasts of one kind."""
        return [contrast for contrast in self.contrasts if contrast.kind == name]

    @property
    def guess(self) -> Row | None:
        """The first change whose effect has an interval: the one that the reader guesses at."""
        return next((row for row in self.changes if row.change.test.lower is not None), None)

    @property
    def otherwise(self) -> list[Row]:
        """List the changes of which the validation images say otherwise than the test images."""
        return [
            row
            for row in self.changes
            if row.change.validation.pairs
            and row.change.validation.verdict != row.change.test.verdict
        ]

    @property
    def chosen(self) -> Row | None:
        """The change with the highest mean validation accuracy; choices see no test score."""
        there = [row for row in self.changes if row.result.validation.mean is not None]
        return max(there, key=lambda row: row.result.validation.mean, default=None)


def gather(
    study: Study, tables: Path, evidence: Path, figures: Path, inspected: Path | None = None
) -> dict[str, Any]:
    """Gather everything that the templates may name.

    Args:
        tables: folder of the CSV tables.
        evidence: folder of what `evidence.analyse` wrote.
        figures: folder of the pictures and of figures.json.
        inspected: facts of the inspection, if there is one.

    Raises:
        UserError: tables, evidence or figures are missing or not this study's, or no run has a
            record.
    """
    found = Tables.read(study, tables)
    context = _values(study, found, Findings.read(study, evidence), _read_figures(figures))
    seen = inspection.read(inspected) if inspected else None
    return context | {
        "baselines": _baselines(study, seen),
        "live": live_network(study, seen),
        "alike": _alike(study, seen),
    }


# ---- what was inspected


def _baselines(study: Study, seen: inspection.Inspection | None) -> dict[str, Any] | None:
    """Give what was measured without a network; None where it was not, or not all of it."""
    names = {"neighbours": "nearest_neighbours", "regression": "logistic_regression"}
    if seen is None or not all(name in seen.facts.baselines for name in names.values()):
        return None
    made = {short: seen.facts.baselines[name] for short, name in names.items()}
    return made | {
        "images": made["neighbours"].training_images,
        "chance": 1 / len(study.dataset.class_names),
        "example": worked.distance(),
    }


def _alike(study: Study, seen: inspection.Inspection | None) -> dict[str, Any] | None:
    """Give the share of images nearest to one of their class: by pixels, by each network."""
    if seen is None:
        return None
    found = {
        id_: seen.network(study.experiments[id_].fingerprint)
        for id_ in dict.fromkeys(id_ for id_, _ in study.kept_weights)
    }
    return {
        "pixels": seen.alike("pixels_embedding"),
        "networks": {
            id_: seen.alike(f"{network.experiment}/embedding")
            for id_, network in found.items()
            if network
        },
    }


def live_network(study: Study, seen: inspection.Inspection | None) -> inspection.Network | None:
    """Find the base's trained network, which runs in the page; None if it is not kept."""
    return seen.network(study.experiments["base"].fingerprint) if seen else None


def _values(
    study: Study, found: Tables, findings: Findings, figures: dict[str, Figure]
) -> dict[str, Any]:
    provenance = Provenance.of(found)
    results = {id_: _result(row, found, provenance) for id_, row in found.experiments.items()}
    base, enhanced = results["base"], study.file.enhanced
    if enhanced == "base":
        enhanced = None
    comparisons = [_comparison(study, name, results, findings, figures) for name in study.questions]
    context = {
        "study": study,
        "title": study.file.title,
        "subtitle": study.file.subtitle,
        "data": _data(study, found),
        "settings": study.experiments["base"].settings,
        "parameters": parameters(),
        "results": results,
        "base": base,
        "watched": [id_ for id_, one in study.experiments.items() if one.settings.watch_test],
        "base_curve": _curve(found, "base"),
        "network": _network(study, found),
        "example": worked.image() | worked.answer(),
        "receptive_fields": _receptive_fields(study, enhanced or "base"),
        "comparison_example": worked.comparison(list(findings.changes.values()), found.complete),
        "comparisons": comparisons,
        "findings": findings,
        "titles": {name: question.title for name, question in study.file.questions.items()},
        "statistics": {
            "level": inference.LEVEL,
            "error": 1 - inference.LEVEL,
            "power": inference.POWER,
            "least_pairs": inference.LEAST_PAIRS,
            "most_seeds": inference.MOST_SEEDS,
            "smallest": study.smallest_effect,
        },
        "best": _best(results),
        "kept": list(dict.fromkeys(id_ for id_, _ in study.kept_weights)),
        "calibration": {
            name: found.experiments[id_]["test_calibration_error_mean"]
            for name, id_ in (("base", "base"), ("enhanced", enhanced or "base"))
        },
        "figures": figures,
        "provenance": provenance,
        "version": __version__,
        "cited": _behind(study, found, best.id if (best := _best(results)) else "base"),
        "receipts": [_behind(study, found, id_) for id_ in study.experiments],
        "enhanced": None,
        "published": None,
    }
    if enhanced:
        context["enhanced"] = _against_base(study, found, results, enhanced)
    if study.file.published:
        context["published"] = _published(study, found, findings, results)
    return context


def _result(row: dict[str, Any], found: Tables, provenance: "Provenance") -> Result:
    id_ = row["experiment"]
    images = {run["training_images"] for run in found.complete if run["experiment"] == id_}
    return Result(
        id_,
        *(row[f"{kind}_runs"] for kind in ("planned", "complete", "diverged", "failed", "missing")),
        Scores.of(row, "test_accuracy", row["complete_runs"]),
        Scores.of(row, "validation_accuracy", row["validation_accuracy_n"]),
        row["parameters"],
        row["macs"],
        row[f"{provenance.clock}_mean"],
        max(images, default=None),
    )


def _comparison(
    study: Study,
    name: str,
    results: dict[str, Result],
    findings: Findings,
    figures: dict[str, Figure],
) -> Comparison:
    question = study.file.questions[name]
    reference, members = question.reference, study.questions[name]
    changed = {key for id_ in members for key in study.experiments[id_].change}
    kept = study.experiments[reference].settings
    rows = [Row(results[reference], _chosen(kept, changed), is_reference=True)]
    rows += [
        compare(
            results[id_],
            results[reference],
            _chosen(study.experiments[id_].settings, changed),
            findings.changes[id_],
        )
        for id_ in members
    ]
    return Comparison(
        name,
        question.title,
        question.question,
        question.hypothesis,
        tuple(rows),
        _figure(figures, name),
        tuple(figures[id_] for id_ in (f"{name}-effects", f"{name}-curve") if id_ in figures),
        tuple(findings.contrasts.get(name, ())),
        {id_: findings.classes[id_] for id_ in members},
    )


def _chosen(settings: Settings, names: Iterable[str]) -> dict[str, str]:
    """Give the named settings as text, in the order of the schema."""
    return {name: value_text(value) for name, value in settings if name in names}


def value_text(value: Any) -> str:
    """Write a setting's value as ids and figures do: 16-32-64, true, adam."""
    if isinstance(value, bool):
        return str(value).lower()
    return "-".join(map(str, value)) if isinstance(value, list) else str(value)


def _figure(figures: dict[str, Figure], id_: str) -> Figure:
    if id_ not in figures:
        raise UserError(f"figures.json has no figure {id_}. Draw the figures of this study first.")
    return figures[id_]


def _best(results: dict[str, Result]) -> Result | None:
    """Find the experiment with the highest mean validation accuracy."""
    there = [result for result in results.values() if result.validation.mean is not None]
    return max(there, key=lambda result: result.validation.mean, default=None)


# ---- data


@dataclass(frozen=True)
class Data:
    """The dataset as the base uses it."""

    name: str
    title: str
    source: str
    digest: str
    class_names: tuple[str, ...]
    height: int
    width: int
    channels: int
    training_images: int
    test_images: int
    held_out: int
    trained_on: int
    steps: int
    test_images_per_class: int | None

    @property
    def numbers(self) -> int:
        """How many numbers an image is."""
        return self.height * self.width * self.channels


def _data(study: Study, found: Tables) -> Data:
    dataset, settings = study.dataset, study.experiments["base"].settings
    held_out = round(dataset.training_images * settings.validation_fraction)
    trained_on = round((dataset.training_images - held_out) * settings.training_fraction)
    confusion = found.confusion
    sizes = (
        confusion.groupby(["experiment", "true_class"])["images"].sum()
        // confusion.groupby(["experiment", "true_class"])["runs"].first()
    )
    return Data(
        dataset.name,
        dataset.title,
        dataset.source,
        dataset.digest,
        dataset.class_names,
        *dataset.image_shape,
        dataset.training_images,
        dataset.test_images,
        held_out,
        trained_on,
        math.ceil(trained_on / settings.batch_size),
        int(sizes.iloc[0]) if len(set(sizes)) == 1 else None,
    )


# ---- curves


@dataclass(frozen=True)
class Curve:
    """Mean scores over the complete runs of an experiment, epoch by epoch.

    Attributes:
        training, validation: accuracies, shares.
        validation_loss: cross-entropy in nats. Both are empty where no images are held out.
    """

    training: tuple[float, ...]
    validation: tuple[float, ...]
    validation_loss: tuple[float, ...]

    @property
    def gap(self) -> float:
        """Training less validation accuracy in the last epoch."""
        ends = self.training[-1], self.validation[-1]
        return derived(ends[0] - ends[1], "difference of the means of", *ends)

    @property
    def best_epoch(self) -> int:
        """The epoch with the highest mean validation accuracy; 1 is the first."""
        return 1 + max(range(len(self.validation)), key=self.validation.__getitem__)

    @property
    def turn(self) -> int | None:
        """The epoch with the lowest mean validation loss, if it rises after that."""
        if not self.validation_loss:
            return None
        lowest = 1 + min(range(len(self.validation_loss)), key=self.validation_loss.__getitem__)
        return lowest if lowest < len(self.validation_loss) else None


def _curve(found: Tables, id_: str) -> Curve | None:
    """Average the epochs; None without a complete run."""
    seeds = [row["seed"] for row in found.complete if row["experiment"] == id_]
    epochs = found.epochs
    mine = epochs[(epochs["experiment"] == id_) & epochs["seed"].isin(seeds)]
    if mine.empty:
        return None
    names = ["training_accuracy", "validation_accuracy", "validation_loss"]
    means = mine.groupby("epoch")[names].mean()
    rows = mine.groupby("epoch").groups

    def curve(name: str) -> tuple[float, ...]:
        return tuple(
            derived(value, "mean of", cells=[Cell("epochs", row, name, id_) for row in rows[epoch]])
            for epoch, value in means[name].items()
        )

    return Curve(*(() if means[name].isna().any() else curve(name) for name in names))


# ---- the base's network


@dataclass(frozen=True)
class Part:
    """Convolutions or dense layers: their share of the network's parameters and MACs."""

    parameters: int
    macs: int
    parameters_share: float
    macs_share: float


@dataclass(frozen=True)
class Network:
    """The base, layer by layer, and its first convolution's arithmetic.

    Attributes:
        first: row of layers.csv of the first convolution.
        positions: rows and columns of its feature maps.
        lost: rows, and columns, that a feature map has less than its input without padding.
        unpadded: rows and columns of its feature maps if it were not padded.
    """

    code: str
    training_code: str | None
    rows: list[dict[str, Any]]
    first: dict[str, Any]
    first_filters: int
    bias: bool
    positions: tuple[int, int]
    lost: int
    unpadded: tuple[int, int]
    convolutions: Part
    dense: Part


def _shape_text(shape: str) -> str:
    return "\u00a0×\u00a0".join(f"{int(side):,}" for side in shape.split("x"))


def _network(study: Study, found: Tables) -> Network:
    settings, dataset = study.experiments["base"].settings, study.dataset
    layers = architecture.layers(settings, dataset.image_shape, len(dataset.class_names))
    rows = [row for row in found.layers if row["experiment"] == "base"]
    first = next(row for row in rows if row["kind"] == "convolution")
    total = found.experiments["base"]

    def part(*kinds: str) -> Part:
        mine = [row for row in rows if row["kind"] in kinds]
        weights, macs = (sum(row[name] for row in mine) for name in ("parameters", "macs"))
        shares = (
            derived(mine_all / total[name], "share of", total[name], *(row[name] for row in mine))
            for name, mine_all in (("parameters", weights), ("macs", macs))
        )
        return Part(weights, macs, *shares)

    return Network(
        listing.keras_code(layers, settings, dataset.image_shape),
        listing.training_code(settings),
        [row | {"output_shape": _shape_text(row["output_shape"])} for row in rows],
        first,
        settings.filters[0],
        layers[0].options["use_bias"],
        tuple(map(int, first["output_shape"].split("x")[:2])),
        settings.kernel_size - 1,
        tuple(side - settings.kernel_size + 1 for side in dataset.image_shape[:2]),
        part("convolution", "projection"),
        part("dense"),
    )


def _receptive_fields(study: Study, enhanced: str) -> dict[str, list[tuple[str, int]]]:
    """Give, for base and enhanced, the layers that look at a window, and how far each sees."""
    dataset = study.dataset
    return {
        id_: [
            (layer.name, side)
            for layer, side in architecture.receptive_fields(
                architecture.layers(
                    study.experiments[id_].settings, dataset.image_shape, len(dataset.class_names)
                )
            )
        ]
        for id_ in dict.fromkeys(["base", enhanced])
    }


# ---- base against enhanced


@dataclass(frozen=True)
class ClassGain:
    """How often the images of one class are recognized, as mean shares over the runs."""

    name: str
    base: float
    enhanced: float

    @property
    def gain(self) -> float:
        """Enhanced less base."""
        return derived(self.enhanced - self.base, "difference from", self.enhanced, self.base)


@dataclass(frozen=True)
class Mistake:
    """The pair of classes that a model confuses most; share of the true class's images."""

    true: str
    predicted: str
    share: float


@dataclass(frozen=True)
class AgainstBase:
    """The enhanced model beside the base.

    Attributes:
        gain: its test accuracy less the base's, paired by seed.
    """

    row: Row
    gain: inference.Effect
    base_settings: dict[str, str]
    curve: Curve | None
    classes: list[ClassGain]
    base_mistake: Mistake | None
    mistake: Mistake | None

    @property
    def result(self) -> Result:
        """What its runs gave."""
        return self.row.result


def _against_base(study: Study, found: Tables, results: dict[str, Result], id_: str) -> AgainstBase:
    ours, base = study.experiments[id_].settings, study.experiments["base"].settings
    changed = [name for name, value in ours if value != getattr(base, name)]
    shares = {name: _confusion(study, found, name) for name in ("base", id_)}
    gains = [
        ClassGain(
            name, *(_share(found, study, shares, model, place, place) for model in ("base", id_))
        )
        for place, name in enumerate(study.dataset.class_names)
        if all(share is not None for share in shares.values())
    ]
    return AgainstBase(
        compare(results[id_], results["base"], _chosen(ours, changed)),
        _gain(found, id_),
        _chosen(base, changed),
        _curve(found, id_),
        sorted(gains, key=lambda entry: -entry.gain),
        *(_mistake(found, study, shares, model) for model in ("base", id_)),
    )


def _gain(found: Tables, id_: str) -> inference.Effect:
    ours, base = (
        {row["seed"]: row["test_accuracy"] for row in found.complete if row["experiment"] == one}
        for one in (id_, "base")
    )
    gain = inference.effect(list(inference.paired(ours, base).values()))
    scores = (*ours.values(), *base.values())
    ends = {
        name: derived(value, f"{words} the differences by seed of", *scores)
        for name, value, words in (
            ("mean", gain.mean, "mean of"),
            ("lower", gain.lower, "lower end of the 95 % interval from"),
            ("upper", gain.upper, "upper end of the 95 % interval from"),
        )
        if value is not None
    }
    return replace(gain, **ends)


def _confusion(study: Study, found: Tables, id_: str) -> np.ndarray | None:
    """Give the shares (true class, predicted class) of an experiment; each row sums to 1."""
    mine = found.confusion[found.confusion["experiment"] == id_]
    if mine.empty:
        return None
    names = list(study.dataset.class_names)
    counts = mine.pivot(index="true_class", columns="predicted_class", values="images")
    counts = counts.loc[names, names].to_numpy(dtype=float)
    return counts / counts.sum(axis=1, keepdims=True).clip(min=1)


def _share(
    found: Tables,
    study: Study,
    shares: dict[str, np.ndarray | None],
    id_: str,
    true: int,
    predicted: int,
) -> float:
    """Give one share of a confusion matrix, with the cells that it is made of."""
    names, confusion = study.dataset.class_names, found.confusion
    mine = confusion[(confusion["experiment"] == id_) & (confusion["true_class"] == names[true])]
    rows = mine.index[mine["predicted_class"] == names[predicted]]
    cells = [Cell("confusion", row, "images", id_) for row in [*rows, *mine.index.difference(rows)]]
    return derived(shares[id_][true, predicted], "share of the first in the sum of", cells=cells)


def _mistake(
    found: Tables, study: Study, shares: dict[str, np.ndarray | None], id_: str
) -> Mistake | None:
    if shares[id_] is None:
        return None
    wrong = shares[id_] - np.diag(np.diag(shares[id_]))
    true, predicted = np.unravel_index(wrong.argmax(), wrong.shape)
    names = study.dataset.class_names
    share = _share(found, study, shares, id_, int(true), int(predicted))
    return Mistake(names[true], names[predicted], share)


# ---- published numbers


@dataclass(frozen=True)
class Printed:
    """A number that somebody else printed, and the rows of published.csv that it stands in.

    Attributes:
        kernel_size: None if it was not printed; the number then stands beside several of ours.
    """

    comparison: str
    model: str
    filters: str
    kernel_size: int | None
    accuracy: float
    rows: tuple[dict[str, Any], ...]

    @property
    def inside(self) -> list[str]:
        """Our experiments in whose prediction interval it lies."""
        return [row["experiment"] for row in self.rows if row["inside"] is True]

    @property
    def decided(self) -> bool:
        """Whether each of our experiments has an interval."""
        return all(row["inside"] is not None for row in self.rows)


@dataclass(frozen=True)
class Ours:
    """Two experiments of ours that a printed order can be checked with; see `columns.ORDERS`."""

    better: str
    worse: str
    effect: Effect
    margin: float | None
    outcome: str
    single_runs_could_tell: bool | None

    @classmethod
    def of(cls, row: dict[str, Any]) -> "Ours":
        """Take it from a row of orders.csv."""
        return cls(
            row["better_experiment"],
            row["worse_experiment"],
            Effect.of(row),
            row["single_run_margin"],
            row["outcome"],
            row["single_runs_could_tell"],
        )


@dataclass(frozen=True)
class Order:
    """Two printed numbers, the one better than the other, and what our runs say to that."""

    comparison: str
    better: str
    worse: str
    printed: float
    ours: tuple[Ours, ...]

    @property
    def outcome(self) -> str:
        """What all our pairs say alike, or open."""
        outcomes = {one.outcome for one in self.ours}
        return outcomes.pop() if len(outcomes) == 1 else "open"

    @property
    def single_runs_could_tell(self) -> bool:
        """Whether a single run of each would have been enough, by every pair of ours."""
        return all(one.single_runs_could_tell for one in self.ours)


@dataclass(frozen=True)
class Published:
    """Somebody else's numbers beside ours.

    Attributes:
        rows: of published.csv.
        named: numbers that belong to one experiment of ours.
        unnamed: numbers that belong to several, since not every setting was printed.
        base: those whose filters are the base's, smallest accuracy first.
        base_interval: prediction interval of our base; None, None where there is none.
        orders: pairs of printed numbers, one better than the other, checked by our runs.
        trained_on: our experiments by the number of images that they were trained on.
    """

    citation: str
    rows: list[dict[str, Any]]
    named: list[Printed]
    unnamed: list[Printed]
    base: list[Printed]
    base_interval: tuple[float | None, float | None]
    orders: list[Order]
    trained_on: dict[int, list[str]]
    level: float = tables.PREDICTION_LEVEL

    @property
    def quantile(self) -> float:
        """The quantile of Student's t distribution that the interval takes."""
        return (1 + self.level) / 2

    def landing(self, side: str) -> list[Printed]:
        """List the named numbers inside, above or below their interval, or without one."""
        return [number for number in self.named if _side(number) == side]


def _side(number: Printed) -> str:
    row = number.rows[0]
    if row["inside"] is None:
        return "undecided"
    if row["inside"]:
        return "inside"
    return "above" if number.accuracy > row["prediction_upper"] else "below"


def _published(
    study: Study, found: Tables, findings: Findings, results: dict[str, Result]
) -> Published:
    together: dict[tuple[str, str], list[dict[str, Any]]] = {}
    rows = [row | {"result": results[row["experiment"]]} for row in found.published]
    for row in rows:
        together.setdefault((row["comparison"], row["model"]), []).append(row)
    numbers = [
        Printed(
            *key,
            mine[0]["filters"],
            mine[0]["kernel_size"],
            mine[0]["published_test_accuracy"],
            tuple(mine),
        )
        for key, mine in together.items()
    ]
    filters = "-".join(map(str, study.experiments["base"].settings.filters))
    same = sorted(
        (number for number in numbers if number.filters == filters),
        key=lambda number: number.accuracy,
    )
    return Published(
        study.file.published.citation,
        rows,
        [number for number in numbers if len(number.rows) == 1],
        [number for number in numbers if len(number.rows) > 1],
        same,
        next(
            (
                (row["prediction_lower"], row["prediction_upper"])
                for row in rows
                if row["experiment"] == "base"
            ),
            (None, None),
        ),
        _orders(findings),
        _by_images(rows),
    )


def _by_images(rows: list[dict[str, Any]]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for result in dict.fromkeys(row["result"] for row in rows):
        if result.training_images is not None:
            found.setdefault(result.training_images, []).append(result.id)
    return dict(sorted(found.items(), key=lambda item: -len(item[1])))


def _orders(findings: Findings) -> list[Order]:
    found: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    for row in findings.orders:
        found.setdefault((row["comparison"], row["better"], row["worse"]), []).append(row)
    return [
        Order(*names, rows[0]["printed_difference"], tuple(Ours.of(row) for row in rows))
        for names, rows in found.items()
    ]


# ---- provenance


@dataclass(frozen=True)
class Behind:
    """The runs behind an experiment's numbers."""

    id: str
    fingerprint: str
    seeds: list[int]
    commits: list[str]


def _behind(study: Study, found: Tables, id_: str) -> Behind:
    mine = [row for row in found.complete if row["experiment"] == id_]
    return Behind(
        id_,
        study.experiments[id_].fingerprint,
        [int(row["seed"]) for row in mine],
        _distinct(row["commit"] for row in mine),
    )


@dataclass(frozen=True)
class Provenance:
    """Where the numbers come from.

    Attributes:
        clock: training_cpu_seconds where every run was made on a CPU (steadier on a shared
            machine), else training_seconds.
        training_seconds: of all runs that have a record, on the clock, added up.
        troubles: runs that are not complete and not missing.
    """

    planned: int
    complete: int
    diverged: int
    failed: int
    missing: int
    clock: str
    training_seconds: float
    run_seconds: float
    first_day: str
    last_day: str
    backends: list[str]
    keras_versions: list[str]
    devices: list[str]
    processors: list[str]
    commits: list[str]
    changed_since_commit: bool
    troubles: list[dict[str, Any]]

    def uses(self, package: str) -> bool:
        """Tell whether a backend is this package."""
        return any(backend.startswith(package) for backend in self.backends)

    @classmethod
    def of(cls, found: Tables) -> "Provenance":
        """Take it from runs.csv.

        Raises:
            UserError: no run has a record.
        """
        made = [row for row in found.runs if row["status"] != "missing"]
        if not made:
            raise UserError("no run of this study has a record yet: train at least one run first.")
        statuses = [row["status"] for row in found.runs]
        days = sorted(row["started"][:10] for row in made)
        devices = _distinct(row["device"] for row in made)

        return cls(
            len(found.runs),
            *(statuses.count(kind) for kind in ("complete", "diverged", "failed", "missing")),
            "training_cpu_seconds" if devices == ["CPU"] else "training_seconds",
            sum(row["training_seconds"] for row in made),
            sum(row["run_seconds"] for row in made),
            days[0],
            days[-1],
            _distinct(f"{row['backend']} {row['backend_version'] or ''}".strip() for row in made),
            _distinct(row["keras_version"] for row in made),
            devices,
            _distinct(row["processor"] for row in made),
            _distinct(row["commit"] for row in made),
            any(row["changed_since_commit"] for row in made),
            [row for row in made if row["status"] != "complete"],
        )


def _distinct(texts: Iterable[str | None]) -> list[str]:
    return sorted({text for text in texts if text})
