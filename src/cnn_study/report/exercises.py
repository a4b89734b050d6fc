"""The exercises of the teaching chapters: their numbers, and what the answers work out.

Whatever an answer says of runs comes from tables and evidence; the rest follows from the settings
of the base. The words stand in report/sections/exercises-*.qmd.j2.
"""

import math
import statistics
from dataclasses import dataclass, field
from functools import partial
from itertools import combinations
from typing import Any

from cnn_study.base import examples
from cnn_study.base.inference import quantile
from cnn_study.evidence.cells import Cell, derived
from cnn_study.evidence.findings import Findings
from cnn_study.evidence.judged import Change
from cnn_study.evidence.read import Tables
from cnn_study.report.claims import MARK
from cnn_study.report.data import Data
from cnn_study.report.enhanced import Confusion
from cnn_study.report.filters import is_nothing
from cnn_study.study import architecture
from cnn_study.study.layer import Layer
from cnn_study.study.model import Study
from cnn_study.study.settings import kernel_sizes

LEVELS = 256
"""Values that a number of an image can have."""

STRIDE = 2
"""Of the exercise on the size of a feature map."""

RATE = 0.3
"""Learning rate of the exercise on gradient descent; `examples.DESCENTS` finds it about right."""

NEAR = 0.01
"""A loss this close to that of guessing, as a share of it, is that of guessing."""

ONLY_IN_TRAINING = ("horizontal_flip", "shift", "cutout", "convolution_dropout", "dense_dropout")
"""Settings that make training images, or what comes of them, others than they are in a test."""


@dataclass(frozen=True)
class Exercise:
    """One exercise, in Markdown.

    Attributes:
        solution: the answer without the marks of receipts, for where it stands a second time.
    """

    number: int
    question: str
    answer: str
    solution: str


@dataclass
class Exercises:
    """All exercises of a report, numbered from 1 as the chapters add them, and their answers.

    Attributes:
        facts: what the answers say, by exercise.
        numbers: of one image.
        guess: loss of an answer that gives every class the same probability.
    """

    facts: dict[str, Any]
    numbers: int
    guess: float
    asked: list[Exercise] = field(default_factory=list)

    @staticmethod
    def without_receipts(text: str) -> str:
        """Take the marks of receipts out, for what the page says and paper does not."""
        return MARK.sub(r"\1", text)

    def add(self, question: str, answer: str) -> Exercise:
        """Number an exercise, and keep it for the solutions at the end."""
        solution = self.without_receipts(answer)
        self.asked.append(
            Exercise(len(self.asked) + 1, question.strip(), answer.strip(), solution.strip())
        )
        return self.asked[-1]

    def numbers_of(self, images: int) -> float:
        """Count the numbers that so many images are."""
        return derived(images * self.numbers, "times the numbers of an image:", images)


def exercises_of(study: Study, tables: Tables, findings: Findings, data: Data) -> Exercises:
    """Work out what the answers say; a fact that this study does not give is None."""
    numbers = math.prod(study.dataset.image_shape)
    confusion = Confusion.of(study, tables, "base")
    return Exercises(
        {
            "zeros": possible_images(numbers),
            "regression_parameters": (numbers + 1) * len(study.dataset.class_names),
            "edges": horizontal_edges(),
            "window": _window(study),
            "output": _output(study),
            "second": _second_convolution(study, tables),
            "field": _other_field(study, findings),
            "doubled": doubled_scores(),
            "loss": _first_losses(study, tables),
            "steps": _steps(study, findings, data),
            "bare_training": _trained_bare(study),
            "descent": {"rate": RATE, "path": examples.descent(RATE, steps=2)},
            "interval": _interval(tables),
            "chance": _single_runs(tables),
            "of_class": partial(_of_class, study, confusion),
            "confused": confusion.worst if confusion else None,
        },
        numbers,
        math.log(len(study.dataset.class_names)),
    )


# ------------------------------------------------------------------------- worked from nothing


def possible_images(numbers: int) -> int:
    """Give the power of ten just below the count of images of so many numbers from 0 to 255."""
    return math.floor(numbers * math.log10(LEVELS))


def horizontal_edges() -> dict[str, list[list[int]]]:
    """Lay the kernel of the example, turned by a quarter, on the image of the example."""
    worked = examples.image()
    kernel = [list(column) for column in zip(*worked["kernel"], strict=True)]
    return {"kernel": kernel, "feature_map": examples.convolved(worked["image"], kernel)}


def doubled_scores() -> dict[str, list[float]]:
    """Give the scores of the example doubled, and their probabilities."""
    scores = [2 * score for score in examples.answer()["scores"]]
    powers = [math.exp(score) for score in scores]
    return {"scores": scores, "probabilities": [power / sum(powers) for power in powers]}


# ------------------------------------------------------------------------- of the base's layers


def _layers(study: Study, **changed: Any) -> list[Layer]:
    settings = study.experiments["base"].settings.model_copy(update=changed)
    return architecture.layers(settings, study.dataset.image_shape, len(study.dataset.class_names))


def _other_kernel(study: Study) -> int:
    """Give a usual side of a kernel that is not the base's."""
    return 5 if kernel_sizes(study.experiments["base"].settings)[0] == 3 else 3


def _output(study: Study) -> dict[str, int]:
    """Work out a side of the first feature map with another kernel, stride and padding."""
    side, kernel = study.dataset.image_shape[0], _other_kernel(study)
    padded = side + 2 * ((kernel - 1) // 2)
    return {
        "side": side,
        "kernel": kernel,
        "stride": STRIDE,
        "valid": (side - kernel) // STRIDE + 1,
        "frame": (kernel - 1) // 2,
        "same": (padded - kernel) // STRIDE + 1,
    }


def _window(study: Study) -> dict[str, int] | None:
    """Count the products of one number of the first feature map, inside and in a corner.

    Returns:
        None where the kernel has no middle or nothing is padded, so that no corner is another.
    """
    settings, channels = study.experiments["base"].settings, study.dataset.image_shape[2]
    side = kernel_sizes(settings)[0]
    if settings.model or settings.padding != "same" or side % 2 == 0 or side == 1:
        return None
    part = (side + 1) // 2
    return {
        "side": side,
        "frame": side // 2,
        "inside": side * side * channels,
        "part": part,
        "corner": part * part * channels,
    }


def _second_convolution(study: Study, tables: Tables) -> dict[str, Any] | None:
    """Give what the cost of the second convolution is worked out from; None without one."""
    if study.experiments["base"].settings.model:
        return None
    rows = {row["layer"]: row for row in tables.layers if row["experiment"] == "base"}
    chain = [layer for layer in _layers(study) if len(layer.shape) == 3]
    places = [place for place, layer in enumerate(chain) if layer.kind == "convolution"]
    if len(places) < 2:
        return None
    layer, before = chain[places[1]], chain[places[1] - 1]
    return {
        "name": layer.name,
        "kernel": layer.window,
        "channels": before.shape[-1],
        "filters": layer.shape[-1],
        "height": layer.shape[0],
        "width": layer.shape[1],
        "bias": layer.options["use_bias"],
        "row": rows[layer.name],
    }


def _other_field(study: Study, findings: Findings) -> dict[str, Any] | None:
    """Give the base's receptive field with another kernel, and what the runs say of that one.

    Returns:
        change: the change of the base that has this kernel and nothing else; None without runs.
        None of a network of the study's own.
    """
    if study.experiments["base"].settings.model:
        return None
    kernel = _other_kernel(study)
    before = architecture.receptive_fields(_layers(study))
    after = architecture.receptive_fields(_layers(study, kernel_size=kernel))
    change = _alone(study, findings, "kernel_size", lambda value: value == kernel)
    return {"kernel": kernel, "before": before[-1][1], "after": after[-1][1], "change": change}


# ------------------------------------------------------------------------- of runs


def _alone(study: Study, findings: Findings, name: str, fits: Any) -> Change | None:
    """Find a measured change of one setting and nothing else, to the base before others."""
    measured = [
        change
        for change in findings.changes.values()
        if change.test.mean is not None
        and set(study.experiments[change.experiment].change) == {name}
        and fits(study.experiments[change.experiment].change[name])
    ]
    return min(
        measured,
        key=lambda change: (
            change.reference != "base",
            _far(study.experiments[change.experiment].change[name]),
        ),
        default=None,
    )


def _far(value: Any) -> float:
    return -value if isinstance(value, int | float) else 0


def _first_losses(study: Study, tables: Tables) -> dict[str, Any] | None:
    """Give the loss of guessing, the base's in its first epoch, and a run that never left it.

    Returns:
        first; learns (whether that is surely less than knowing nothing costs); guessing (row of the
        complete run without label smoothing whose training loss in the last epoch is the highest of
        those near their guess's; None without one), with guess and whether its classes count alike.
        None without a run of the base.
    """
    experiments = {id_: one.settings for id_, one in study.experiments.items()}
    guesses = {
        id_: study.dataset.guessing_loss(settings.class_weight)
        for id_, settings in experiments.items()
    }
    epochs = tables.epochs
    first = epochs[(epochs["experiment"] == "base") & (epochs["epoch"] == 1)]
    if first.empty:
        return None
    cells = [Cell("epochs", row, "training_loss", "base") for row in first.index]
    mean = derived(float(first["training_loss"].mean()), "mean of", cells=cells)
    ends = [row for row in tables.complete if math.isfinite(row["training_loss"])]
    ends = [row for row in ends if not experiments[row["experiment"]].label_smoothing]
    near = [
        row for row in ends if abs(row["training_loss"] / guesses[row["experiment"]] - 1) < NEAR
    ]
    guessing = max(near, key=lambda row: row["training_loss"], default=None)
    stuck = guessing["experiment"] if guessing else "base"
    return {
        "first": mean,
        "learns": mean < (1 - NEAR) * math.log(len(study.dataset.class_names)),
        "guessing": guessing,
        "guess": guesses[stuck],
        "alike": experiments[stuck].class_weight == "balanced",
    }


def _steps(study: Study, findings: Findings, data: Data) -> dict[str, Any]:
    """Count the steps of the base, and with the largest batch that was tried alone.

    Returns:
        steps; larger, larger_steps and change, all None where no larger batch was tried alone.
    """
    settings = study.experiments["base"].settings
    change = _alone(study, findings, "batch_size", lambda size: size > settings.batch_size)
    if change is None:
        return {"steps": data.steps * settings.epochs, "larger": None, "change": None}
    larger = study.experiments[change.experiment].settings
    return {
        "steps": data.steps * settings.epochs,
        "larger": larger.batch_size,
        "larger_steps": math.ceil(data.trained_on / larger.batch_size) * larger.epochs,
        "change": change,
    }


def _of_class(study: Study, confusion: Confusion | None, name: str) -> dict[str, Any] | None:
    """Tell of a class how many of its test images the base gets right, and what it says else.

    Returns:
        right, taken_for (the wrong answer given most often) and share; all are mean shares over the
        complete runs. None without any, and of what is no class.
    """
    names = study.dataset.class_names
    if confusion is None or name not in names:
        return None
    true = names.index(name)
    shares = confusion.shares[true].copy()
    shares[true] = -1
    wrong = int(shares.argmax())
    return {
        "right": confusion.share(true, true),
        "taken_for": names[wrong],
        "share": confusion.share(true, wrong),
    }


def _trained_bare(study: Study) -> bool:
    """Whether base and enhanced are scored in training as in tests: nothing altered or dropped."""
    ids = ("base", study.file.enhanced or "base")
    settings = (study.experiments[id_].settings for id_ in ids)
    return not any(getattr(each, name) for each in settings for name in ONLY_IN_TRAINING)


def _base_scores(tables: Tables) -> list[float]:
    return [row["test_score"] for row in tables.complete if row["experiment"] == "base"]


def _interval(tables: Tables) -> dict[str, Any] | None:
    """Work the t interval of the base's mean test score (Student, 1908), and one of 4 n runs.

    Returns:
        n, mean, deviation, quantile, half, lower, upper; more, more_quantile, more_half: of four
        times as many runs with the same spread. None with fewer than two runs, and where all
        score the same.
    """
    scores = _base_scores(tables)
    if len(scores) < 2 or is_nothing(max(scores) - min(scores)):
        return None
    row, n = tables.experiments["base"], len(scores)
    mean, deviation = row["test_score_mean"], row["test_score_standard_deviation"]

    def half(runs: int) -> float:
        return derived(quantile(runs - 1) * deviation / math.sqrt(runs), "from", deviation)

    return {
        "n": n, "mean": mean, "deviation": deviation, "quantile": quantile(n - 1), "half": half(n),
        "lower": derived(mean - half(n), "from", mean, deviation),
        "upper": derived(mean + half(n), "from", mean, deviation),
        "more": 4 * n, "more_quantile": quantile(4 * n - 1), "more_half": half(4 * n),
    }  # fmt: skip


def _single_runs(tables: Tables) -> dict[str, Any] | None:
    """Tell how far apart two single runs of the base are: on average over all pairs, at most."""
    scores = _base_scores(tables)
    if len(scores) < 2:
        return None
    gaps = [abs(one - other) for one, other in combinations(scores, 2)]
    return {
        "pairs": len(gaps),
        "mean": derived(statistics.fmean(gaps), "mean distance of", *scores),
        "most": derived(max(gaps), "largest distance of", *scores),
    }
