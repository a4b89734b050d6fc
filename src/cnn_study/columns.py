"""The tables of a study, column by column: name, type, unit, range, meaning.

The one authority for the CSV files' headers and for their data dictionary. Declares only: knows
neither pandas nor how a table is filled.
"""

import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from cnn_study.study import Study

MEASURES = (
    *("validation_accuracy", "test_accuracy", "validation_loss", "test_loss"),
    "test_calibration_error",
)


@dataclass(frozen=True)
class Column:
    """One column: the CSV header and the data dictionary are both made from it.

    Attributes:
        type: string, integer, number or boolean (Frictionless Table Schema, version 1).
        unit: empty where there is none.
        constraints: of the Table Schema, such as minimum or enum.
    """

    name: str
    type: str
    description: str
    unit: str = ""
    constraints: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Table:
    """One CSV file.

    Attributes:
        key: columns that together name a row.
        links: (columns, table, its columns): values that stand in that table too.
    """

    name: str
    title: str
    description: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    links: tuple[tuple[tuple[str, ...], str, tuple[str, ...]], ...] = ()

    @property
    def file(self) -> str:
        """Name of the CSV file."""
        return f"{self.name}.csv"


def _string(name: str, description: str, **constraints: Any) -> Column:
    return Column(name, "string", description, "", constraints)


def _count(name: str, description: str, unit: str, **constraints: Any) -> Column:
    return Column(name, "integer", description, unit, {"minimum": 0, **constraints})


def _number(name: str, description: str, unit: str) -> Column:
    return Column(name, "number", description, unit, {"minimum": 0})


def _share(name: str, description: str) -> Column:
    return Column(name, "number", description, "share", {"minimum": 0, "maximum": 1})


def _scores(names: Iterable[str], when: str) -> tuple[Column, ...]:
    """Make the columns of losses and accuracies, named alike wherever they stand."""
    whose = {
        "training": "training images, over the epoch, while the weights change",
        "validation": "held-out images; empty if none are held out",
        "watched_test": "test images; only where the source's habit of watching them is repeated",
        "test": "test images; for reporting, never for choosing",
    }
    found = []
    for name in names:
        images, _, kind = name.rpartition("_")
        if kind == "loss":
            text = f"Mean cross-entropy {when}, {whose[images]}. Empty if it is not finite."
            found.append(_number(name, text, "nats"))
        else:
            found.append(_share(name, f"Share classified correctly {when}, {whose[images]}."))
    return tuple(found)


def _summary(measure: str) -> tuple[Column, ...]:
    """Make the columns that sum up one measure over the complete runs of an experiment."""
    make = (lambda *text: _number(*text, "nats")) if measure.endswith("loss") else _share
    what = f"{measure} (runs.csv) over the complete runs"
    spread = f"Standard deviation of {what}, n - 1 in the denominator; empty for fewer than two."
    runs = _count(
        f"{measure}_n",
        f"Complete runs that have a {measure}; fewer than complete_runs where no images are held "
        "out, or where it is not finite.",
        "runs",
        required=True,
    )
    return (
        *((runs,) if measure.startswith("validation") else ()),
        make(f"{measure}_mean", f"Mean of {what}."),
        make(f"{measure}_standard_deviation", spread),
        make(f"{measure}_smallest", f"Smallest {what}."),
        make(f"{measure}_largest", f"Largest {what}."),
    )


EXPERIMENT = _string("experiment", "Id of the experiment.", required=True)
SEED = _count(
    "seed", "Seed of initial weights, image order, augmentation and dropout.", "", required=True
)
PARAMETERS = _count("parameters", "Weights and biases of the model.", "parameters")
MACS = _count("macs", "Multiply-accumulate operations for one image.", "operations")
TO_EXPERIMENTS = (("experiment",), "experiments", ("experiment",))

RUNS = Table(
    "runs",
    "Runs",
    "One row for each wanted run (one seed of one experiment), those that are missing included. "
    "Scores are those after the last epoch.",
    (
        EXPERIMENT,
        SEED,
        _string(
            "fingerprint",
            "Hash of settings, dataset and training version.",
            required=True,
            pattern="[0-9a-f]{16}",
        ),
        _string(
            "status",
            "complete; diverged: the loss stopped being finite; failed: it could not be trained; "
            "missing: there is no record.",
            required=True,
            enum=["complete", "diverged", "failed", "missing"],
        ),
        _string("reason", "Why the run is not complete."),
        _count("training_images", "Images trained on.", "images"),
        _count("validation_images", "Images held out.", "images"),
        _count("epochs_trained", "Epochs that were trained.", "epochs"),
        *_scores(
            ("training_loss", "training_accuracy", "validation_loss", "validation_accuracy"),
            "in the last epoch",
        ),
        *_scores(("test_loss", "test_accuracy"), "after the last epoch"),
        _share(
            "test_calibration_error",
            "Expected calibration error of the test images (Guo et al., 2017): gap between mean "
            "highest probability and share correct in each bin of calibration.csv, weighted by "
            "its images.",
        ),
        PARAMETERS,
        MACS,
        _number("training_seconds", "Wall time of all epochs' training.", "seconds"),
        _number("training_cpu_seconds", "Processor time of the same.", "seconds"),
        _number("run_seconds", "Wall time of the run with its scoring.", "seconds"),
        _number(
            "peak_memory_mebibytes",
            "Most memory that the process held while it trained the run; where that cannot be "
            "told, as on macOS, since it began.",
            "MiB",
        ),
        _string("weights_sha256", "sha256 of the last weights' bytes.", pattern="[0-9a-f]{64}"),
        _string("backend", "Backend of Keras."),
        _string("backend_version", "Version of the backend's package."),
        _string("keras_version", "Version of Keras."),
        _string("device", "CPU, or the model of the GPU."),
        _string("processor", "Model of the CPU."),
        _string("commit", "Commit of this project; empty outside a checkout."),
        Column(
            "changed_since_commit",
            "boolean",
            "Whether files of the package differed from that commit.",
        ),
        _string("started", "Start of the run, UTC, ISO 8601."),
        _string("record", "Path of the run's record, relative to the study's results folder."),
    ),
    ("experiment", "seed"),
    (TO_EXPERIMENTS,),
)

EPOCHS = Table(
    "epochs",
    "Epochs",
    "One row for each epoch of each run that has a record, those of diverged and failed runs "
    "included: take the status from runs.csv.",
    (
        EXPERIMENT,
        SEED,
        _count("epoch", "Number of the epoch; 1 is the first.", "", required=True),
        *_scores(
            (
                "training_loss",
                "training_accuracy",
                "validation_loss",
                "validation_accuracy",
                "watched_test_loss",
                "watched_test_accuracy",
            ),
            "in this epoch",
        ),
        _number("training_seconds", "Wall time of the training alone.", "seconds"),
    ),
    ("experiment", "seed", "epoch"),
    (TO_EXPERIMENTS, (("experiment", "seed"), "runs", ("experiment", "seed"))),
)

EXPERIMENTS = Table(
    "experiments",
    "Experiments",
    "One row for each experiment, in the order of the study file. Only complete runs are summed "
    "up; the others are counted.",
    (
        _string("experiment", "Id of the experiment.", required=True, unique=True),
        _string("reference", "The experiment that was changed; empty for the base."),
        _string("change", "What was changed, as parameter = value; empty for the base."),
        _count("planned_runs", "Seeds of the study.", "runs", required=True),
        _count("complete_runs", "Runs trained to the end.", "runs", required=True),
        _count("diverged_runs", "Runs whose loss stopped being finite.", "runs", required=True),
        _count("failed_runs", "Runs that could not be trained.", "runs", required=True),
        _count("missing_runs", "Runs that have no record.", "runs", required=True),
        *(column for measure in MEASURES for column in _summary(measure)),
        PARAMETERS,
        MACS,
        _number(
            "training_seconds_mean", "Mean training_seconds (runs.csv), complete runs.", "seconds"
        ),
        _number(
            "training_cpu_seconds_mean",
            "Mean training_cpu_seconds (runs.csv), complete runs.",
            "seconds",
        ),
        _number("run_seconds_mean", "Mean run_seconds (runs.csv), complete runs.", "seconds"),
        _number(
            "peak_memory_mebibytes_largest",
            "Largest peak_memory_mebibytes (runs.csv), complete runs.",
            "MiB",
        ),
    ),
    ("experiment",),
    ((("reference",), "", ("experiment",)),),
)

LAYERS = Table(
    "layers",
    "Layers",
    "One row for each layer of each experiment's network, input excluded.",
    (
        EXPERIMENT,
        _count("position", "Place in the network; 1 is the first.", "", required=True),
        _string("layer", "Name of the layer, unique in the network.", required=True),
        _string("kind", "What the layer does, such as convolution.", required=True),
        _string(
            "output_shape",
            "Height x width x channels (pixels, pixels, feature maps), or units.",
            required=True,
            pattern="[0-9]+(x[0-9]+x[0-9]+)?",
        ),
        PARAMETERS,
        MACS,
    ),
    ("experiment", "position"),
    (TO_EXPERIMENTS,),
)

CONFUSION = Table(
    "confusion",
    "Confusion",
    "Test images by true and predicted class, added up over the complete runs of an experiment. "
    "An experiment without complete runs has no rows.",
    (
        EXPERIMENT,
        _string("true_class", "Class that the image has.", required=True),
        _string("predicted_class", "Class that the network gave it.", required=True),
        _count("images", "Such images, all runs together.", "images", required=True),
        _count("runs", "Complete runs that were added up.", "runs", required=True),
    ),
    ("experiment", "true_class", "predicted_class"),
    (TO_EXPERIMENTS,),
)

CLASSES = Table(
    "classes",
    "Classes",
    "One row for each class of each complete run: how many of its test images were recognized.",
    (
        EXPERIMENT,
        SEED,
        _string("class", "Class that the images have.", required=True),
        _count("images", "Test images of the class.", "images", required=True),
        _count("correct", "Of these, classified correctly.", "images", required=True),
    ),
    ("experiment", "seed", "class"),
    (TO_EXPERIMENTS, (("experiment", "seed"), "runs", ("experiment", "seed"))),
)

CALIBRATION = Table(
    "calibration",
    "Calibration",
    "Test images by the probability that the network gives its answer, in 15 bins of equal width, "
    "the complete runs of an experiment together (Guo et al., 2017).",
    (
        EXPERIMENT,
        _count("bin", "Number of the bin; 1 is the first.", "", required=True),
        _share("lower", "Lower edge, not in the bin (but 0 is in the first)."),
        _share("upper", "Upper edge, in the bin."),
        _count("images", "Test images whose answer has such a probability.", "images"),
        _share("mean_probability", "Their mean probability; empty without images."),
        _share("accuracy", "Share of them classified correctly; empty without images."),
        _count("runs", "Complete runs that were added up.", "runs", required=True),
    ),
    ("experiment", "bin"),
    (TO_EXPERIMENTS,),
)

PUBLISHED = Table(
    "published",
    "Published numbers",
    "Numbers that somebody else printed, beside ours: one row for each of our experiments that a "
    "printed number belongs to.",
    (
        _string("comparison", "Comparison that the number was printed in.", required=True),
        _string("model", "What the comparison calls the model.", required=True),
        _string("filters", "Filters as printed, first to last convolution.", required=True),
        _count("kernel_size", "Kernel size as printed; empty if none was.", "pixels"),
        _share("published_test_accuracy", "Share of test images classified correctly, as printed."),
        _number("published_seconds_per_epoch", "Training time as printed.", "seconds"),
        EXPERIMENT,
        _count("complete_runs", "Complete runs of our experiment.", "runs", required=True),
        _share("test_accuracy_mean", "Mean test_accuracy (runs.csv) over the complete runs."),
        _share("test_accuracy_standard_deviation", "As in experiments.csv."),
        Column(
            "prediction_lower",
            "number",
            "Lower end of the 95 % prediction interval for the test_accuracy of one further run: "
            "mean - t(0.975, n - 1) s sqrt(1 + 1/n); empty for fewer than two complete runs.",
            "share",
        ),
        Column("prediction_upper", "number", "Upper end of that interval.", "share"),
        Column(
            "inside",
            "boolean",
            "Whether the printed number lies in that interval; empty without one.",
        ),
    ),
    ("comparison", "model", "experiment"),
    (TO_EXPERIMENTS,),
)

PRICE = _string("price", "Id of the price at which the search looked for a model.", required=True)
TRIAL = _count("trial", "Number of the trial at this price; 1 is the first.", "", required=True)

SEARCH_RUNS = Table(
    "search-runs",
    "Runs of the search",
    "One row for each run of a model that the search tried; no rows without a search.",
    (
        PRICE,
        TRIAL,
        _string(
            "stage",
            "trial: with the seeds by which finalists were chosen; finalist: trained again with "
            "new seeds, by which the winner was chosen; winner: with seeds that chose nothing.",
            required=True,
            enum=["trial", "finalist", "winner"],
        ),
        SEED,
        _string("fingerprint", "As in runs.csv.", required=True, pattern="[0-9a-f]{16}"),
        _string(
            "status",
            "complete, diverged or failed.",
            required=True,
            enum=["complete", "diverged", "failed"],
        ),
        _count("epochs", "Epochs that the run was to have.", "epochs"),
        PARAMETERS,
        MACS,
        *_scores(("training_accuracy", "validation_accuracy"), "in the last epoch"),
        *_scores(("test_accuracy",), "after the last epoch"),
        _number("training_seconds", "Wall time of all epochs' training.", "seconds"),
        _number("training_cpu_seconds", "Processor time of the same.", "seconds"),
        _string("weights_sha256", "sha256 of the last weights' bytes.", pattern="[0-9a-f]{64}"),
        _string("record", "Path of the run's record, relative to the study's results folder."),
    ),
    ("price", "trial", "stage", "seed"),
)

SEARCH_VALUES = Table(
    "search-values",
    "Values of the search",
    "What the search gave each trial: one row for each parameter that it varied there.",
    (
        PRICE,
        TRIAL,
        _string("parameter", "Name of the parameter.", required=True),
        _string("value", "Its value, as JSON.", required=True),
        _share(
            "place",
            "Where the value stands between the smallest, 0, and the largest, 1, on the scale of "
            "its range; of what is no number, in the list of the study file.",
        ),
        Column(
            "edge",
            "boolean",
            "Whether it is a number at an end of the space that a study could move.",
        ),
    ),
    ("price", "trial", "parameter"),
)

TABLES = (
    *(RUNS, EPOCHS, EXPERIMENTS, LAYERS, CONFUSION, CLASSES, CALIBRATION, PUBLISHED),
    *(SEARCH_RUNS, SEARCH_VALUES),
)

DICTIONARY = "datapackage.json"


# ---- evidence: what `evidence.analyse` works out from the tables

VERDICTS = {
    "helps": "the corrected p value is below 0.05 and the mean difference is above zero",
    "hurts": "the corrected p value is below 0.05 and the mean difference is below zero",
    "no meaningful difference": "the whole interval lies within the smallest effect of interest",
    "too close to call": "none of these; more seeds would settle it",
    "too few seeds": "fewer than three pairs: no verdict could be relied on",
    "does not train": "no run of the change reached its end: they diverged or failed",
    "not run": "declared, and without a pair of complete runs yet",
    "not measured": "run, with no images held out or tested that could tell",
}
"""What may be said of a change, and when; see `inference.verdict`."""


def _signed(name: str, description: str, unit: str = "share") -> Column:
    return Column(name, "number", description, unit)


def _effect(images: str) -> tuple[Column, ...]:
    """Make the columns of one paired difference: estimate, interval, p values, verdict."""
    what = f"{images}_accuracy (runs.csv), change less reference with the same seed"
    judged = "; ".join(f"{name}: {when}" for name, when in VERDICTS.items())
    return (
        _count(f"{images}_pairs", "Seeds with which both were trained to the end.", "pairs",
               required=True),
        _signed(f"{images}_difference", f"Mean of {what}."),
        _number(f"{images}_deviation", "Standard deviation of these differences.", "share"),
        _signed(f"{images}_lower", "Lower end of the 95 % t interval for the mean, not corrected "
                "for the number of changes. Uncertainty between seeds only."),
        _signed(f"{images}_upper", "Upper end of that interval."),
        _share(f"{images}_p", "Two-sided p value of the paired t test."),
        _share(f"{images}_p_holm", "The same, corrected for all effects that are judged together "
               "(Holm, 1979): in the ledger, the changes of a question."),
        _string(f"{images}_verdict", f"{judged}.", required=True, enum=list(VERDICTS)),
    )  # fmt: skip


QUESTION = _string("question", "Id of the question.", required=True)

LEDGER = Table(
    "ledger",
    "Ledger",
    "One row for each change that the study declares, run or not. Differences are between runs "
    "with the same seed: they share split and image order, and the initial weights only where the "
    "shapes agree. Choosing goes by validation images; test images are for reporting.",
    (
        QUESTION,
        _string("hypothesis", "What was expected, written before the runs.", required=True),
        EXPERIMENT,
        _string("reference", "The experiment that was changed.", required=True),
        _string("change", "What was changed, as parameter = value.", required=True),
        _count("complete_runs", "Runs of the change trained to the end.", "runs", required=True),
        _count("diverged_runs", "Runs whose loss stopped being finite.", "runs", required=True),
        _count("failed_runs", "Runs that could not be trained.", "runs", required=True),
        _count("missing_runs", "Runs that have no record.", "runs", required=True),
        *_effect("validation"),
        *_effect("test"),
        _share(
            "test_p_holm_all",
            "test_p corrected for all changes of the study instead (Holm, 1979); no verdict goes "
            "by it.",
        ),
        _number(
            "test_images_margin",
            "Half width of a 95 % interval for the test difference that takes only the choice of "
            "test images as chance (binomial, as if each had its own test images; with the same "
            "ones, as here, it is narrower).",
            "share",
        ),
        _count(
            "seeds_to_settle",
            "Where the test verdict is too close to call: about how many seeds would settle it in "
            "four cases of five, if mean and deviation stay as they are; 1000 means 1000 or more.",
            "seeds",
        ),
        Column(
            "parameters_difference", "integer", "Parameters, change less reference.", "parameters"
        ),
        Column(
            "macs_difference", "integer", "MACs for one image, change less reference.", "operations"
        ),
        Column(
            "training_macs_difference",
            "integer",
            "MACs of all forward passes of one image in training (MACs times epochs), change less "
            "reference.",
            "operations",
        ),
        _signed(
            "seconds_difference",
            "Mean training time, change less reference: processor time "
            "where every run was made on a CPU, else wall time.",
            "seconds",
        ),
        _number(
            "seconds_to_base",
            "Mean training time until the validation accuracy first "
            "reaches the mean that the base ends with; empty unless every run gets there.",
            "seconds",
        ),
        _number("epochs_to_base", "The same in epochs.", "epochs"),
    ),
    ("experiment", "question"),
)

DIFFERENCES = Table(
    "differences",
    "Differences",
    "The single differences behind the ledger: one row for each change and each seed with which "
    "both it and its reference were trained to the end.",
    (
        QUESTION,
        EXPERIMENT,
        _string("reference", "The experiment that was changed.", required=True),
        SEED,
        _signed("validation_difference", "validation_accuracy, change less reference."),
        _signed("test_difference", "test_accuracy, change less reference."),
    ),
    ("experiment", "question", "seed"),
)

CONTRASTS = Table(
    "contrasts",
    "Main effects, interactions and combinations",
    "For each question with a grid of two parameters, and for each experiment that joins changes "
    "which were also run one by one on the same reference. A main effect is the mean difference "
    "between two values of one parameter over all values of the other. An interaction is how much "
    "the difference that one parameter makes changes with the other. A combination is the "
    "difference that changes make together less the sum of what they make one by one. Seeds with "
    "which every experiment involved was trained to the end.",
    (
        QUESTION,
        _string(
            "kind",
            "Main effect, interaction or combination.",
            required=True,
            enum=["main effect", "interaction", "combination"],
        ),
        _string("contrast", "What is set against what.", required=True),
        _string("experiment", "The experiment that joins changes; empty for grids."),
        _string("parts", "The experiments that it joins, with spaces between; empty for grids."),
        Column(
            "together",
            "number",
            "Mean difference in test accuracy to the reference that the changes make together; "
            "empty for grids.",
            "share",
        ),
        Column("added", "number", "Sum of what they make one by one; empty for grids.", "share"),
        *_effect("validation"),
        *_effect("test"),
    ),
    ("question", "contrast"),
)

CONTRAST_DIFFERENCES = Table(
    "contrast-differences",
    "Main effects, interactions and combinations, seed by seed",
    "The single differences behind the contrasts: one row for each contrast and each seed.",
    (
        QUESTION,
        _string("contrast", "What is set against what.", required=True),
        SEED,
        _signed("validation_difference", "The contrast in validation_accuracy (runs.csv)."),
        _signed("test_difference", "The contrast in test_accuracy (runs.csv)."),
    ),
    ("question", "contrast", "seed"),
)

CLASS_EFFECTS = Table(
    "class-effects",
    "Effects on single classes",
    "One row for each class of each change: how the share of its test images that are recognized "
    "changes. The p values are corrected for the classes of one change.",
    (
        QUESTION,
        EXPERIMENT,
        _string("reference", "The experiment that was changed.", required=True),
        _string("class", "Class that the images have.", required=True),
        *_effect("test"),
    ),
    ("experiment", "question", "class"),
)

HABITS = Table(
    "habits",
    "What choosing by test scores does",
    "One row for each choice that a person could have made with one seed: the score that is then "
    "told, and what the chosen experiment scores honestly.",
    (
        _string(
            "habit",
            "best epoch: the epoch with the best test score of this seed, against the mean of the "
            "other seeds after that epoch; best by test: the experiment with the best test score "
            "of this seed, against the mean of its other seeds; best by validation: the same, "
            "chosen by validation scores.",
            required=True,
            enum=["best epoch", "best by test", "best by validation"],
        ),
        _string(
            "among",
            "What was chosen from: an experiment, a question, or everything.",
            required=True,
        ),
        SEED,
        _string("chosen", "Experiment or epoch that was chosen.", required=True),
        _share("told", "The test accuracy that is told."),
        _share("honest", "The test accuracy that can be expected."),
        _signed("gap", "told less honest: the optimism."),
    ),
    ("habit", "among", "seed"),
)

HABIT_MEANS = Table(
    "habit-means",
    "What choosing by test scores does, over the seeds",
    "The means of habits.csv: one row for each habit and what was chosen from.",
    (
        _string("habit", "As in habits.csv.", required=True),
        _string("among", "As in habits.csv.", required=True),
        _count("seeds", "Seeds, each of which chose once.", "seeds", required=True),
        _share("told", "Mean of the test accuracies that are told."),
        _share("honest", "Mean of those that can be expected."),
        _signed("gap", "Mean of told less honest: the optimism."),
        _signed("gap_lower", "Lower end of the 95 % t interval for the mean optimism."),
        _signed("gap_upper", "Upper end of the 95 % t interval for the mean optimism."),
        Column(
            "always_the_same",
            "boolean",
            "Whether every seed chose the same, so that the mean optimism is zero by construction.",
        ),
    ),
    ("habit", "among"),
)

OVER_BASE = Table(
    "over-base",
    "Every experiment against the base",
    "What each experiment scores above the base with the same seed, whatever it is a change of. "
    "Test accuracy; not corrected for the number of experiments.",
    (
        EXPERIMENT,
        _count("pairs", "Seeds with which both were trained to the end.", "pairs", required=True),
        _signed("difference", "Mean difference in test_accuracy (runs.csv), less the base."),
        _signed("lower", "Lower end of the 95 % t interval for the mean difference to the base."),
        _signed("upper", "Upper end of the 95 % t interval for the mean difference to the base."),
    ),
    ("experiment",),
)

ORDERS = Table(
    "orders",
    "Published orders",
    "Each pair of printed numbers says that one model is better than another. One row for each "
    "such pair and each pair of our experiments that it can be checked with.",
    (
        _string("comparison", "Comparison that both were printed in.", required=True),
        _string("better", "Model with the higher printed number.", required=True),
        _string("worse", "Model with the lower one.", required=True),
        _number("printed_difference", "Difference of the printed test accuracies.", "share"),
        _string("better_experiment", "Our experiment for the one.", required=True),
        _string("worse_experiment", "Our experiment for the other.", required=True),
        *_effect("test"),
        _number(
            "single_run_margin",
            "Half width of the 95 % prediction interval for the difference of two single runs: "
            "see `inference.single_run_margin`.",
            "share",
        ),
        _string(
            "outcome",
            "stands: better by our runs too; reversed: worse; no meaningful difference; open: "
            "our runs do not tell.",
            required=True,
            enum=["stands", "reversed", "no meaningful difference", "open"],
        ),
        Column(
            "single_runs_could_tell",
            "boolean",
            "Whether our mean difference is larger than the margin for two single runs.",
        ),
    ),
    ("comparison", "better", "worse", "better_experiment"),
)


def _against(what: str, whose: str) -> tuple[Column, ...]:
    """Make the columns of a difference between means of other seeds."""
    between = f"mean test accuracies of the winner's runs and of {whose}"
    return (
        _signed(f"over_{what}", f"Difference of the {between}; the seeds are not the same."),
        _signed(f"over_{what}_lower", f"Lower end of its 95 % interval (Welch, 1947), {whose}."),
        _signed(f"over_{what}_upper", f"Upper end of its 95 % interval (Welch, 1947), {whose}."),
    )


SEARCH_PRICES = Table(
    "search-prices",
    "The search, price by price",
    "One row for each price: what was tried, which model won, and what it scores with seeds that "
    "chose nothing.",
    (
        PRICE,
        _string("title", "Title of the price.", required=True),
        _count("most_macs", "Most MACs that a model may have; empty: no limit.", "operations"),
        _count("most_parameters", "Most parameters; empty: no limit.", "parameters"),
        _number("most_training_seconds", "Most estimated seconds; empty: no limit.", "seconds"),
        _share("goal", "Mean test accuracy that was hoped for; empty: none was told."),
        _count("trials", "Models tried.", "", required=True),
        _count("broken_trials", "Of these, with a run that diverged or failed.", "", required=True),
        _count("trial", "Number of the trial that won; empty if none was trained.", ""),
        _string("change", "Every setting in which the winner differs from the base, as JSON."),
        _string("edges", "Parameters that stand at an end of the space, with spaces between."),
        PARAMETERS,
        MACS,
        _count("epochs", "Epochs of a trial.", "epochs"),
        _count("winner_epochs", "Epochs of the winner's own runs.", "epochs"),
        _share("search_accuracy", "Validation accuracy by which it became a finalist: mean."),
        _share("finalist_accuracy", "Validation accuracy with new seeds, by which it won: mean."),
        _count("runs", "The winner's own runs trained to the end.", "runs"),
        _number("training_seconds", "Mean wall time of their training.", "seconds"),
        _number("training_cpu_seconds", "Mean processor time of the same.", "seconds"),
        _share("training_accuracy", "Mean training accuracy in their last epoch."),
        _share("validation_accuracy", "Mean validation accuracy of the winner's own runs."),
        _share("test_accuracy", "Mean test accuracy of the winner's own runs."),
        _number("test_deviation", "Standard deviation of these test accuracies.", "share"),
        _signed("test_lower", "Lower end of the 95 % t interval for the mean test accuracy."),
        _signed("test_upper", "Upper end of the 95 % t interval for the mean test accuracy."),
        *_against("base", "the base"),
        *_against("enhanced", "the enhanced model"),
    ),
    ("price",),
)

SEARCH_FINALISTS = Table(
    "search-finalists",
    "Finalists of the search",
    "The best trials at each price, trained again with new seeds: one row for each.",
    (
        PRICE,
        TRIAL,
        _count("rank", "Its place among the trials; 1 is the best.", "", required=True),
        MACS,
        _share("search_accuracy", "Mean validation accuracy with the seeds of the search."),
        _share("fresh_accuracy", "Mean validation accuracy with new seeds."),
        _signed("gap", "search_accuracy less fresh_accuracy."),
        _count("seeds", "New seeds trained to the end.", "", required=True),
        Column("won", "boolean", "Whether it was chosen by the new seeds."),
    ),
    ("price", "trial"),
)

SEARCH_GAPS = Table(
    "search-gaps",
    "The winner's curse",
    "By how much the search's scores of the finalists promise too much: their validation accuracy "
    "with the seeds that chose them less that with new seeds.",
    (
        _string("price", "Id of the price, or all prices.", required=True),
        _count("finalists", "Finalists with both scores.", "", required=True),
        _share("search_accuracy", "Mean of search-finalists.csv."),
        _share("fresh_accuracy", "Mean of search-finalists.csv."),
        _signed("gap", "Mean difference."),
        _signed("gap_lower", "Lower end of the 95 % t interval for the mean difference."),
        _signed("gap_upper", "Upper end of the 95 % t interval for the mean difference."),
    ),
    ("price",),
)

SEARCH_IMPORTANCE = Table(
    "search-importance",
    "What mattered in the search",
    "One row for each parameter that was varied: by how much a random forest (Breiman, 2001), "
    "fitted to all prices' trials, errs more about trials that it has not seen when their values "
    "of the parameter are shuffled.",
    (
        _string("parameter", "Name of the parameter; price stands for the limit.", required=True),
        _signed("importance", "Mean rise of the root mean square error over resampled forests."),
        _signed("lower", "2.5th percentile of the rise over the forests."),
        _signed("upper", "97.5th percentile of the rise over the forests."),
        _count("trials", "Trials that the forests are fitted to.", "", required=True),
        _number("error", "Mean root mean square error about trials not seen.", "share"),
        _number("spread", "Standard deviation of all trials' accuracies.", "share"),
    ),
    ("parameter",),
)

EVIDENCE = (
    LEDGER,
    DIFFERENCES,
    CONTRASTS,
    CONTRAST_DIFFERENCES,
    CLASS_EFFECTS,
    HABITS,
    HABIT_MEANS,
    OVER_BASE,
    ORDERS,
    SEARCH_PRICES,
    SEARCH_FINALISTS,
    SEARCH_GAPS,
    SEARCH_IMPORTANCE,
)
EVIDENCE_TEXTS = ("ledger.md", "ledger.tex", "suggestions.json")


def planned(study: Study) -> list[str]:
    """Name every file that `tables.collect` writes for a study."""
    tables = [table for table in TABLES if table is not PUBLISHED or study.file.published]
    return [*(table.file for table in tables), DICTIONARY]


def planned_evidence() -> list[str]:
    """Name every file that `evidence.analyse` writes."""
    return [*(table.file for table in EVIDENCE), *EVIDENCE_TEXTS, DICTIONARY]


def data_package(study: Study, tables: Iterable[Table], of: str = "tables") -> dict[str, Any]:
    """Describe the CSV files as a Frictionless Data Package (specification version 1)."""
    name = re.sub(r"[^a-z0-9._-]+", "-", study.name.lower())
    made = {
        "tables": "Tables collected from the run records of a study.",
        "evidence": "What the tables of a study say about its changes.",
    }
    return {
        "profile": "tabular-data-package",
        "name": f"{name}-{of}",
        "title": study.file.title,
        "description": f"{made[of]} Numbers have at most "
        "six significant digits; an empty cell means that there is no such value.",
        "resources": [_resource(table) for table in tables],
    }


def _resource(table: Table) -> dict[str, Any]:
    return {
        "profile": "tabular-data-resource",
        "name": table.name,
        "path": table.file,
        "title": table.title,
        "description": table.description,
        "format": "csv",
        "mediatype": "text/csv",
        "encoding": "utf-8",
        "dialect": {"delimiter": ",", "lineTerminator": "\n", "quoteChar": '"', "header": True},
        "schema": {
            "fields": [_field(column) for column in table.columns],
            "missingValues": [""],
            "primaryKey": list(table.key),
            "foreignKeys": [
                {"fields": list(own), "reference": {"resource": other, "fields": list(theirs)}}
                for own, other, theirs in table.links
            ],
        },
    }


def _field(column: Column) -> dict[str, Any]:
    described = asdict(column)
    return {key.name: described[key.name] for key in fields(Column) if described[key.name]}
