"""The tables of a study, column by column: name, type, unit, range, meaning.

The one authority for the CSV files' headers and for their data dictionary. Declares only: knows
neither pandas nor how a table is filled.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

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


def string(name: str, description: str, **constraints: Any) -> Column:
    """Declare a column of text."""
    return Column(name, "string", description, "", constraints)


def count(name: str, description: str, unit: str, **constraints: Any) -> Column:
    """Declare a column of whole numbers from 0 on."""
    return Column(name, "integer", description, unit, {"minimum": 0, **constraints})


def number(name: str, description: str, unit: str) -> Column:
    """Declare a column of numbers from 0 on."""
    return Column(name, "number", description, unit, {"minimum": 0})


def share(name: str, description: str) -> Column:
    """Declare a column of numbers from 0 to 1."""
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
            found.append(number(name, text, "nats"))
        else:
            found.append(share(name, f"Share classified correctly {when}, {whose[images]}."))
    return tuple(found)


def _summary(measure: str) -> tuple[Column, ...]:
    """Make the columns that sum up one measure over the complete runs of an experiment."""
    make = (lambda *text: number(*text, "nats")) if measure.endswith("loss") else share
    what = f"{measure} (runs.csv) over the complete runs"
    spread = f"Standard deviation of {what}, n - 1 in the denominator; empty for fewer than two."
    runs = count(
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


EXPERIMENT = string("experiment", "Id of the experiment.", required=True)
SEED = count(
    "seed", "Seed of initial weights, image order, augmentation and dropout.", "", required=True
)
PARAMETERS = count("parameters", "Weights and biases of the model.", "parameters")
MACS = count("macs", "Multiply-accumulate operations for one image.", "operations")
TO_EXPERIMENTS = (("experiment",), "experiments", ("experiment",))

RUNS = Table(
    "runs",
    "Runs",
    "One row for each wanted run (one seed of one experiment), those that are missing included. "
    "Scores are those after the last epoch.",
    (
        EXPERIMENT,
        SEED,
        string(
            "fingerprint",
            "Hash of settings, dataset and training version.",
            required=True,
            pattern="[0-9a-f]{16}",
        ),
        string(
            "status",
            "complete; diverged: the loss stopped being finite; failed: it could not be trained; "
            "missing: there is no record.",
            required=True,
            enum=["complete", "diverged", "failed", "missing"],
        ),
        string("reason", "Why the run is not complete."),
        count("training_images", "Images trained on.", "images"),
        count("validation_images", "Images held out.", "images"),
        count("epochs_trained", "Epochs that were trained.", "epochs"),
        *_scores(
            ("training_loss", "training_accuracy", "validation_loss", "validation_accuracy"),
            "in the last epoch",
        ),
        *_scores(("test_loss", "test_accuracy"), "after the last epoch"),
        share(
            "test_calibration_error",
            "Expected calibration error of the test images (Guo et al., 2017): gap between mean "
            "highest probability and share correct in each bin of calibration.csv, weighted by "
            "its images.",
        ),
        PARAMETERS,
        MACS,
        number("training_seconds", "Wall time of all epochs' training.", "seconds"),
        number("training_cpu_seconds", "Processor time of the same.", "seconds"),
        number("run_seconds", "Wall time of the run with its scoring.", "seconds"),
        number(
            "peak_memory_mebibytes",
            "Most memory that the process held while it trained the run; where that cannot be "
            "told, as on macOS, since it began.",
            "MiB",
        ),
        string("weights_sha256", "sha256 of the last weights' bytes.", pattern="[0-9a-f]{64}"),
        string("backend", "Backend of Keras."),
        string("backend_version", "Version of the backend's package."),
        string("keras_version", "Version of Keras."),
        string("device", "CPU, or the model of the GPU."),
        string("processor", "Model of the CPU."),
        string("commit", "Commit of this project; empty outside a checkout."),
        Column(
            "changed_since_commit",
            "boolean",
            "Whether files of the package differed from that commit.",
        ),
        string("started", "Start of the run, UTC, ISO 8601."),
        string("record", "Path of the run's record, relative to the study's results folder."),
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
        count("epoch", "Number of the epoch; 1 is the first.", "", required=True),
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
        number("training_seconds", "Wall time of the training alone.", "seconds"),
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
        string("experiment", "Id of the experiment.", required=True, unique=True),
        string("reference", "The experiment that was changed; empty for the base."),
        string("change", "What was changed, as parameter = value; empty for the base."),
        count("planned_runs", "Seeds of the study.", "runs", required=True),
        count("complete_runs", "Runs trained to the end.", "runs", required=True),
        count("diverged_runs", "Runs whose loss stopped being finite.", "runs", required=True),
        count("failed_runs", "Runs that could not be trained.", "runs", required=True),
        count("missing_runs", "Runs that have no record.", "runs", required=True),
        *(column for measure in MEASURES for column in _summary(measure)),
        PARAMETERS,
        MACS,
        number(
            "training_seconds_mean", "Mean training_seconds (runs.csv), complete runs.", "seconds"
        ),
        number(
            "training_cpu_seconds_mean",
            "Mean training_cpu_seconds (runs.csv), complete runs.",
            "seconds",
        ),
        number("run_seconds_mean", "Mean run_seconds (runs.csv), complete runs.", "seconds"),
        number(
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
        count("position", "Place in the network; 1 is the first.", "", required=True),
        string("layer", "Name of the layer, unique in the network.", required=True),
        string("kind", "What the layer does, such as convolution.", required=True),
        string(
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
        string("true_class", "Class that the image has.", required=True),
        string("predicted_class", "Class that the network gave it.", required=True),
        count("images", "Such images, all runs together.", "images", required=True),
        count("runs", "Complete runs that were added up.", "runs", required=True),
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
        string("class", "Class that the images have.", required=True),
        count("images", "Test images of the class.", "images", required=True),
        count("correct", "Of these, classified correctly.", "images", required=True),
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
        count("bin", "Number of the bin; 1 is the first.", "", required=True),
        share("lower", "Lower edge, not in the bin (but 0 is in the first)."),
        share("upper", "Upper edge, in the bin."),
        count("images", "Test images whose answer has such a probability.", "images"),
        share("mean_probability", "Their mean probability; empty without images."),
        share("accuracy", "Share of them classified correctly; empty without images."),
        count("runs", "Complete runs that were added up.", "runs", required=True),
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
        string("comparison", "Comparison that the number was printed in.", required=True),
        string("model", "What the comparison calls the model.", required=True),
        string("filters", "Filters as printed, first to last convolution.", required=True),
        count("kernel_size", "Kernel size as printed; empty if none was.", "pixels"),
        share("published_test_accuracy", "Share of test images classified correctly, as printed."),
        number("published_seconds_per_epoch", "Training time as printed.", "seconds"),
        EXPERIMENT,
        count("complete_runs", "Complete runs of our experiment.", "runs", required=True),
        share("test_accuracy_mean", "Mean test_accuracy (runs.csv) over the complete runs."),
        share("test_accuracy_standard_deviation", "As in experiments.csv."),
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

PRICE = string("price", "Id of the price at which the search looked for a model.", required=True)
TRIAL = count("trial", "Number of the trial at this price; 1 is the first.", "", required=True)

SEARCH_RUNS = Table(
    "search-runs",
    "Runs of the search",
    "One row for each run of a model that the search tried; no rows without a search.",
    (
        PRICE,
        TRIAL,
        string(
            "stage",
            "trial: with the seeds by which finalists were chosen; finalist: trained again with "
            "new seeds, by which the winner was chosen; winner: with seeds that chose nothing.",
            required=True,
            enum=["trial", "finalist", "winner"],
        ),
        SEED,
        string("fingerprint", "As in runs.csv.", required=True, pattern="[0-9a-f]{16}"),
        string(
            "status",
            "complete, diverged or failed.",
            required=True,
            enum=["complete", "diverged", "failed"],
        ),
        count("epochs", "Epochs that the run was to have.", "epochs"),
        PARAMETERS,
        MACS,
        *_scores(("training_accuracy", "validation_accuracy"), "in the last epoch"),
        *_scores(("test_accuracy",), "after the last epoch"),
        number("training_seconds", "Wall time of all epochs' training.", "seconds"),
        number("training_cpu_seconds", "Processor time of the same.", "seconds"),
        string("weights_sha256", "sha256 of the last weights' bytes.", pattern="[0-9a-f]{64}"),
        string("record", "Path of the run's record, relative to the study's results folder."),
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
        string("parameter", "Name of the parameter.", required=True),
        string("value", "Its value, as JSON.", required=True),
        share(
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
