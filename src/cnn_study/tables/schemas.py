"""The tables of a study, column by column: name, type, unit, range, meaning, lineage.

The one authority for the CSV files' headers, for their data dictionary, and for the runs that a
receipt names. Declares only: knows neither pandas nor how a table is filled.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

from cnn_study.study.model import Study
from cnn_study.tables.lineage import (
    BY_IMAGE,
    CHANCE,
    COLLAPSE,
    IMAGES,
    METRIC,
    PRINTED,
    SCORE,
    STUDY_FILE,
    TEST,
    VALIDATION,
    WORKED_OUT,
    Beside,
    CompleteRuns,
    EveryRun,
    SearchRuns,
    Source,
    Stage,
    Tally,
    ThisRun,
    Trials,
    Whose,
)

MEASURES = (
    *("validation_accuracy", "test_accuracy", "validation_loss", "test_loss"),
    *("test_calibration_error", VALIDATION, TEST),
)
"""Columns of runs.csv that experiments.csv sums up."""

CALLED = "score"
"""What the code calls, in the names of columns, the metric of whatever study."""


def words_of(study: Study) -> dict[str, str]:
    """Give the words of a study for what stands in names and descriptions."""
    dataset, metric = study.dataset, study.metric
    even = metric.name != "accuracy" or study.chance == 1 / len(dataset.class_names)
    chance = "one half" if metric.name == "auc" else "1 / classes"
    way = study.chance > 0.1 + 1e-9
    return {
        METRIC: metric.name,
        SCORE: metric.label,
        CHANCE: chance if even else "the share of the largest class",
        BY_IMAGE: "the mean over the runs of the change"
        if metric.name == "accuracy"
        else "what it contributes to the mean score of the runs of the change (infinitesimal "
        "jackknife: Efron, 1982)",
        COLLAPSE: "chance and an eighteenth of the way from it to 1" if way else "1.5 times chance",
    }


def in_words(text: str, words: Mapping[str, str]) -> str:
    """Put words in their places in a text."""
    for place, word in words.items():
        text = text.replace(place, word)
    return text


@dataclass(frozen=True)
class Column:
    """One column: the CSV header and the data dictionary are both made from it.

    Attributes:
        type: string, integer, number or boolean (Frictionless Table Schema, version 1).
        unit: empty where there is none.
        constraints: of the Table Schema, such as minimum or enum.
        after: columns of the table whose descriptions this one goes on from.
        described_in: table whose column of the same name says in full what this one means.
        sources: what its cells are made from; empty: what the table says of all its columns.
        beside: what a number should not be read without; empty: what the table says.
    """

    name: str
    type: str
    description: str
    unit: str = ""
    constraints: dict[str, Any] = field(default_factory=dict)
    after: tuple[str, ...] = ()
    described_in: str = ""
    sources: tuple[Source, ...] = ()
    beside: tuple[Beside | Tally, ...] = ()

    def put(self, words: Mapping[str, str]) -> "Column":
        """Put words in their places in its name, its description and its lineage."""
        return replace(
            self,
            name=in_words(self.name, words),
            description=in_words(self.description, words),
            after=tuple(in_words(name, words) for name in self.after),
            sources=tuple(
                replace(source, measure=in_words(source.measure, words))
                if isinstance(source, CompleteRuns)
                else source
                for source in self.sources
            ),
            beside=tuple(
                replace(
                    group,
                    label=in_words(group.label, words),
                    columns=tuple(in_words(name, words) for name in group.columns),
                )
                if isinstance(group, Beside)
                else group
                for group in self.beside
            ),
        )


def asked_for(study: Study) -> "tuple[Table, ...]":
    """Give the tables that are collected for a study: some only where it names what they hold."""
    absent = {
        PUBLISHED.name: study.file.published is None,
        OTHERS.name: not study.file.others,
    }
    return tuple(table for table in TABLES if not absent.get(table.name, False))


def tables_of(study: Study, tables: "Iterable[Table]") -> "tuple[Table, ...]":
    """Give tables as a study has them, with its metric in their columns."""
    words = tuple(words_of(study).items())
    return tuple(_put(table, words) for table in tables)


@cache
def _put(table: "Table", words: tuple[tuple[str, str], ...]) -> "Table":
    """Put words in their places once: each reader of a study asks for all of its tables."""
    return table.put(dict(words))


def made_from(
    sources: tuple[Source, ...], *columns: Column, beside: tuple[Beside | Tally, ...] = ()
) -> tuple[Column, ...]:
    """Say what columns are made from that do not say it themselves, and what stands beside them."""
    return tuple(
        replace(column, sources=column.sources or sources, beside=column.beside or beside)
        for column in columns
    )


@dataclass(frozen=True, eq=False)
class Table:
    """One CSV file.

    Attributes:
        key: columns that together name a row.
        links: (columns, table, its columns): values that stand in that table too.
        sources, beside: of columns that do not say what they are made from, or is beside them.

    Raises:
        ValueError: a column has no lineage, or names another that is not there.
    """

    name: str
    title: str
    description: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    links: tuple[tuple[tuple[str, ...], str, tuple[str, ...]], ...] = ()
    sources: tuple[Source, ...] = ()
    beside: tuple[Beside | Tally, ...] = ()
    called: Mapping[str, str] = field(default_factory=dict)
    """Headers, and what the code calls them besides, whatever the study's metric is."""

    def __post_init__(self) -> None:
        """Give every column its lineage."""
        columns = made_from(self.sources, *self.columns, beside=self.beside)
        object.__setattr__(self, "columns", columns)
        names = {column.name for column in columns}
        for column in columns:
            if not column.sources:
                raise ValueError(f"{self.name} does not say what {column.name} is made from")
            cells = (name for group in column.beside for name in group.named)
            if unknown := {*cells, *column.after} - names:
                raise ValueError(
                    f"{column.name} of {self.name} names columns that are not there: "
                    f"{', '.join(sorted(unknown))}"
                )

    def put(self, words: Mapping[str, str]) -> "Table":
        """Put words in their places.

        Of columns that are one then, the first stays: those of the metric are those of accuracy
        where that is the metric.
        """
        columns: dict[str, Column] = {}
        for column in self.columns:
            columns.setdefault(in_words(column.name, words), column.put(words))
        called = {
            in_words(column.name, words): column.name.replace(METRIC, CALLED)
            for column in self.columns
            if METRIC in column.name
        }
        return replace(
            self,
            description=in_words(self.description, words),
            columns=tuple(columns.values()),
            called=called,
        )

    @property
    def file(self) -> str:
        """Name of the CSV file."""
        return f"{self.name}.csv"


def as_in(table: str, column: Column) -> Column:
    """Say that another table's column of this name tells in full what a column means."""
    return replace(column, described_in=table)


def string(name: str, description: str, **constraints: Any) -> Column:
    """Declare a column of text."""
    return Column(name, "string", description, "", constraints)


def truth(name: str, description: str) -> Column:
    """Declare a column of true and false."""
    return Column(name, "boolean", description)


def count(
    name: str, description: str, unit: str, *, after: tuple[str, ...] = (), **constraints: Any
) -> Column:
    """Declare a column of whole numbers from 0 on."""
    return Column(name, "integer", description, unit, {"minimum": 0, **constraints}, after)


def number(name: str, description: str, unit: str, *, after: tuple[str, ...] = ()) -> Column:
    """Declare a column of numbers from 0 on."""
    return Column(name, "number", description, unit, {"minimum": 0}, after)


def share(name: str, description: str, *, after: tuple[str, ...] = ()) -> Column:
    """Declare a column of numbers from 0 to 1."""
    return Column(name, "number", description, "share", {"minimum": 0, "maximum": 1}, after)


def loss(name: str, description: str) -> Column:
    """Declare a column of cross-entropies."""
    return number(name, description, "nats")


def signed(
    name: str, description: str, unit: str = "share", *, after: tuple[str, ...] = ()
) -> Column:
    """Declare a column of numbers of either sign."""
    return Column(name, "number", description, unit, after=after)


WHOSE = {
    "training": "training images, over the epoch, while the weights change",
    "validation": "held-out images; empty if none are held out",
    "watched_test": "test images; only where the source's habit of watching them is repeated",
    "test": "test images; for reporting, never for choosing",
}


def _metrics(images: Iterable[str], when: str) -> tuple[Column, ...]:
    """Make the columns of the study's metric, beside those of accuracy."""
    old = "Empty where the record is older than what it is worked out from."
    return tuple(
        share(f"{of}_{METRIC}", f"The study's metric, {SCORE}, {when}, {WHOSE[of]}. {old}")
        for of in images
    )


def _scores(names: Iterable[str], when: str) -> tuple[Column, ...]:
    """Make the columns of losses and accuracies, named alike wherever they stand."""
    columns = []
    for name in names:
        images, _, kind = name.rpartition("_")
        if kind == "loss":
            text = f"Mean cross-entropy {when}, {WHOSE[images]}. Empty if it is not finite."
            columns.append(loss(name, text))
        else:
            columns.append(share(name, f"Share classified correctly {when}, {WHOSE[images]}."))
    return tuple(columns)


LEFT_OUT = Tally(
    "Left out",
    {"diverged_runs": "diverged", "failed_runs": "failed", "missing_runs": "missing"},
)


def _summary(measure: str) -> tuple[Column, ...]:
    """Make the columns that sum up one measure over the complete runs of an experiment."""
    make = loss if measure.endswith("loss") else share
    what = f"{measure} (runs.csv) over the complete runs"
    spread = f"Standard deviation of {what}, n - 1 in the denominator; empty for fewer than two."
    runs = count(
        f"{measure}_n",
        f"Complete runs that have a {measure}; fewer than complete_runs where no images are held "
        "out, or where it is not finite.",
        "runs",
        required=True,
    )
    counted = (runs,) if measure.startswith("validation") else ()
    return made_from(
        (CompleteRuns(measure=measure),),
        *counted,
        make(f"{measure}_mean", f"Mean of {what}."),
        make(f"{measure}_standard_deviation", spread),
        make(f"{measure}_smallest", f"Smallest {what}."),
        make(f"{measure}_largest", f"Largest {what}."),
        beside=(
            Beside("Mean", (f"{measure}_mean",)),
            Beside("Standard deviation", (f"{measure}_standard_deviation",)),
            Beside("Smallest to largest", (f"{measure}_smallest", f"{measure}_largest")),
            Beside("Runs (n)", (f"{measure}_n" if counted else "complete_runs",)),
            LEFT_OUT,
        ),
    )


EXPERIMENT = string("experiment", "Id of the experiment.", required=True)
SEED = count(
    "seed", "Seed of initial weights, image order, augmentation and dropout.", "", required=True
)
PARAMETERS = count("parameters", "Weights and biases of the model.", "parameters")
MACS = count("macs", "Multiply-accumulate operations for one image.", "operations")
TRAINING_TIMES = (
    number("training_seconds", "Wall time of all epochs' training.", "seconds"),
    number(
        "training_cpu_seconds", "Processor time of the same.", "seconds",
        after=("training_seconds",),
    ),
)  # fmt: skip
ENERGIES = ("processor_joules", "gpu_joules")
"""Columns of runs.csv that tell electric energy."""

RECORD = (
    string("record", "Path of the run's record, relative to the study's results folder."),
    string("record_sha256", "sha256 of the record's file.", pattern="[0-9a-f]{64}"),
)
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
        *_metrics(("validation",), "in the last epoch"),
        *_metrics(("test",), "after the last epoch"),
        share(
            "test_calibration_error",
            "Expected calibration error of the test images (Guo et al., 2017): gap between mean "
            "highest probability and share correct in each bin of calibration.csv, weighted by "
            "its images.",
        ),
        PARAMETERS,
        MACS,
        *TRAINING_TIMES,
        number("run_seconds", "Wall time of the run with its scoring.", "seconds"),
        number(
            "peak_memory_mebibytes",
            "Most memory that the process held while it trained the run; where that cannot be "
            "told, as on macOS, since it began.",
            "MiB",
        ),
        number(
            "processor_joules",
            "Electric energy of the run: what the counters of all processors (RAPL), memory with "
            "them where it has its own, rose by, times the run's part of the processor time of "
            "all processes meanwhile. Empty where it was not measured.",
            "joules",
        ),
        number(
            "gpu_joules",
            "Electric energy of the run's GPU (NVML) meanwhile; of runs that one program trained "
            "side by side the part that is theirs of the time. Empty where it was not measured.",
            "joules",
        ),
        string("weights_sha256", "sha256 of the last weights' bytes.", pattern="[0-9a-f]{64}"),
        string("backend", "Backend of Keras."),
        string("backend_version", "Version of the backend's package."),
        string("keras_version", "Version of Keras."),
        string("device", "CPU, or the model of the GPU."),
        string(
            "engine",
            "What trained it: processes, Keras's fit; batched, one program for several runs.",
        ),
        string("processor", "Model of the CPU."),
        string("commit", "Commit of this project; empty outside a checkout."),
        truth("changed_since_commit", "Whether files of the package differed from that commit."),
        string("started", "Start of the run, UTC, ISO 8601."),
        *RECORD,
    ),
    ("experiment", "seed"),
    (TO_EXPERIMENTS,),
    sources=(ThisRun(),),
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
        *_metrics(("validation", "watched_test"), "in this epoch"),
        number("training_seconds", "Wall time of the training alone.", "seconds"),
    ),
    ("experiment", "seed", "epoch"),
    (TO_EXPERIMENTS, (("experiment", "seed"), "runs", ("experiment", "seed"))),
    sources=(ThisRun(),),
)

EXPERIMENTS = Table(
    "experiments",
    "Experiments",
    "One row for each experiment, in the order of the study file. Only complete runs are summed "
    "up; the others are counted.",
    (
        *made_from(
            (STUDY_FILE,),
            string("experiment", "Id of the experiment.", required=True, unique=True),
            string("reference", "The experiment that was changed; empty for the base."),
            string("change", "What was changed, as parameter = value; empty for the base."),
        ),
        *made_from(
            (EveryRun(),),
            count("planned_runs", "Seeds of the study.", "runs", required=True),
            count("complete_runs", "Runs trained to the end.", "runs", required=True),
            count("diverged_runs", "Runs whose loss stopped being finite.", "runs", required=True),
            count("failed_runs", "Runs that could not be trained.", "runs", required=True),
            count("missing_runs", "Runs that have no record.", "runs", required=True),
        ),
        *made_from(
            (CompleteRuns(measure=TEST),),
            count(
                "collapsed_runs",
                f"Complete runs whose {TEST} (runs.csv) is below {COLLAPSE}, which is {CHANCE}.",
                "runs",
                required=True,
            ),
            beside=(Beside("Runs (n)", ("complete_runs",)),),
        ),
        *(column for measure in MEASURES for column in _summary(measure)),
        *made_from(
            (CompleteRuns(measure="test_accuracy"),),
            count(
                "misread_images",
                "Test images that every complete run takes for the same class, which is not their "
                "own; empty for fewer than two runs, and where the answers of a run are not kept.",
                "images",
            ),
            beside=(Beside("Runs (n)", ("complete_runs",)), LEFT_OUT),
        ),
        *made_from((WORKED_OUT,), PARAMETERS, MACS),
        *made_from(
            (CompleteRuns(),),
            number(
                "training_seconds_mean",
                "Mean training_seconds (runs.csv), complete runs.",
                "seconds",
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
            *(
                number(
                    f"{name}_mean",
                    f"Mean {name} (runs.csv), complete runs; empty unless all were measured.",
                    "joules",
                )
                for name in ENERGIES
            ),
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
        string(
            "kind",
            "What the layer does, such as convolution; of a network of the study's own "
            "its class, such as Conv2D.",
            required=True,
        ),
        string(
            "output_shape",
            "Height x width x channels (pixels, pixels, feature maps), or units.",
            required=True,
            pattern="[0-9]+(x[0-9]+)*",
        ),
        PARAMETERS,
        MACS,
    ),
    ("experiment", "position"),
    (TO_EXPERIMENTS,),
    sources=(WORKED_OUT,),
)

CONFUSION = Table(
    "confusion",
    "Confusion",
    "Test images by true and predicted class, added up over the complete runs of an experiment. "
    "An experiment without complete runs has no rows. Of more than 30 classes, two that are never "
    "confused have none.",
    (
        EXPERIMENT,
        string("true_class", "Class that the image has.", required=True),
        string("predicted_class", "Class that the network gave it.", required=True),
        count("images", "Such images, all runs together.", "images", required=True),
        count("runs", "Complete runs that were added up.", "runs", required=True),
    ),
    ("experiment", "true_class", "predicted_class"),
    (TO_EXPERIMENTS,),
    sources=(CompleteRuns(measure="test_accuracy"),),
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
        count(
            "correct", "Of these, classified correctly.", "images", after=("images",), required=True
        ),
    ),
    ("experiment", "seed", "class"),
    (TO_EXPERIMENTS, (("experiment", "seed"), "runs", ("experiment", "seed"))),
    sources=(ThisRun(),),
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
        share(
            "mean_probability", "Their mean probability; empty without images.", after=("images",)
        ),
        share(
            "accuracy",
            "Share of them classified correctly; empty without images.",
            after=("images",),
        ),
        count("runs", "Complete runs that were added up.", "runs", required=True),
    ),
    ("experiment", "bin"),
    (TO_EXPERIMENTS,),
    sources=(CompleteRuns(measure="test_accuracy"),),
)

LOOK_ALIKE_PAIRS = Table(
    "look-alike-pairs",
    "Look-alikes",
    "One row for each test image that resembles a training image so closely that it is hardly new: "
    "their perceptual hashes and their pixels nearly agree. The training image that resembles it "
    "most, the closest pair first. No rows where nobody has looked, or where there are none.",
    (
        count("test_index", "Place of the image in the test set, from 0.", "", required=True),
        string("test_class", "Class of the test image.", required=True),
        count("training_index", "Place in the whole training set, from 0.", "", required=True),
        string("training_class", "Class of the training image.", required=True),
        truth("same_class", "Whether both have the same class."),
        count("different_bits", "Bits in which their perceptual hashes differ, of 64.", "bits"),
        signed("correlation", "Pearson's correlation of their pixels.", ""),
    ),
    ("test_index",),
    sources=(IMAGES,),
)

MISREAD = Table(
    "misread",
    "Misread images",
    "One row for each test image that every complete run of an experiment takes for the same "
    "class, which is not that of its label; those first that the runs are surest of. Experiments "
    "are the base, the enhanced and the one with the best validation score; no rows of one with "
    "fewer than two runs, or of which the answers of a run are not kept.",
    (
        EXPERIMENT,
        count("test_index", "Place of the image in the test set, from 0.", "", required=True),
        *made_from(
            (IMAGES,),
            string(
                "image_key",
                "Of images of the study's own: the first 16 digits of the sha256 of the file's "
                "bytes (of a row of an array, of its shape and bytes), by which `cnn-study which "
                "STUDY KEY` finds the file. Empty for a dataset that comes with this project.",
                pattern="[0-9a-f]{16}",
            ),
            string("true_class", "Class of its label.", required=True),
        ),
        string("predicted_class", "Class that every run gives it.", required=True),
        share("mean_probability", "Mean of what the runs give that answer."),
        count("runs", "Complete runs, all of which say so.", "runs", required=True),
        *made_from(
            (CompleteRuns((Whose.EVERY,), "test_accuracy", paired=False),),
            count(
                "experiments",
                "Experiments of which every complete run says so, this one included.",
                "experiments",
                required=True,
            ),
        ),
    ),
    ("experiment", "test_index"),
    (TO_EXPERIMENTS,),
    sources=(CompleteRuns(measure="test_accuracy"),),
    beside=(Beside("Runs (n)", ("runs",)), Beside("Experiments", ("experiments",))),
)

CLASS_SIZES = Table(
    "class-sizes",
    "Images of each class",
    "How many images each class of the dataset has.",
    (
        string("class", "Name of the class.", required=True),
        count("training_images", "Training images, those held out included.", "images"),
        count("test_images", "Test images.", "images"),
    ),
    ("class",),
    sources=(IMAGES,),
)

PUBLISHED = Table(
    "published",
    "Published numbers",
    "Numbers that somebody else printed, beside ours: one row for each of our experiments that a "
    "printed number belongs to.",
    (
        *made_from(
            (PRINTED,),
            string("comparison", "Comparison that the number was printed in.", required=True),
            string("model", "What the comparison calls the model.", required=True),
            string("filters", "Filters as printed, first to last convolution.", required=True),
            count("kernel_size", "Kernel size as printed; empty if none was.", "pixels"),
            share(
                "published_test_accuracy", "Share of test images classified correctly, as printed."
            ),
            number("published_seconds_per_epoch", "Training time as printed.", "seconds"),
        ),
        *made_from((STUDY_FILE,), EXPERIMENT),
        *made_from(
            (EveryRun(),),
            count("complete_runs", "Complete runs of our experiment.", "runs", required=True),
        ),
        *made_from(
            (CompleteRuns(measure="test_accuracy"),),
            share("test_accuracy_mean", "Mean test_accuracy (runs.csv) over the complete runs."),
            as_in(
                "experiments", share("test_accuracy_standard_deviation", "As in experiments.csv.")
            ),
            signed(
                "prediction_lower",
                "Lower end of the 95 % prediction interval for the test_accuracy of one further "
                "run: mean - t(0.975, n - 1) s sqrt(1 + 1/n); empty for fewer than two complete "
                "runs.",
            ),
            signed("prediction_upper", "Upper end of that interval.", after=("prediction_lower",)),
            truth("inside", "Whether the printed number lies in that interval; empty without one."),
            share(
                "higher_by_chance",
                "Chance that one further run of ours scores at least the printed number, by the "
                "same t distribution; empty without spread.",
            ),
            beside=(
                Beside("Mean", ("test_accuracy_mean",)),
                Beside("Standard deviation", ("test_accuracy_standard_deviation",)),
                Beside("Runs (n)", ("complete_runs",)),
                Beside("95 % prediction interval", ("prediction_lower", "prediction_upper")),
            ),
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
        as_in(
            "runs", string("fingerprint", "As in runs.csv.", required=True, pattern="[0-9a-f]{16}")
        ),
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
        *_metrics(("validation",), "in the last epoch"),
        *_metrics(("test",), "after the last epoch"),
        *TRAINING_TIMES,
        string("weights_sha256", "sha256 of the last weights' bytes.", pattern="[0-9a-f]{64}"),
        *RECORD,
    ),
    ("price", "trial", "stage", "seed"),
    sources=(SearchRuns(Trials.RUN, (Stage.TRIAL, Stage.FINALIST, Stage.WINNER)),),
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
        truth(
            "edge",
            "Whether it is a number within 5 % of an end of the space, by place, that a study "
            "could move.",
        ),
    ),
    ("price", "trial", "parameter"),
    sources=(SearchRuns(Trials.ROW, (Stage.TRIAL,)),),
)

SEARCH_PLACES = Table(
    "search-places",
    "Places in the rounds of the search",
    "One row for each trial of successive halving, and how it came to its place; no rows of other "
    "searches.",
    (
        PRICE,
        TRIAL,
        count("round", "Number of its round; 1 is the first.", "", required=True),
        count("epochs", "Epochs of the round's trials.", "epochs", required=True),
        count(
            "model",
            "Number of the trial that has the same values in the first round.",
            "",
            required=True,
        ),
        string(
            "chosen_by",
            "score: its validation score in the round before gave it its place; curve: that alone "
            "would not have, but what its learning curve promised; empty in the first round.",
            enum=["score", "curve"],
        ),
        share(
            "promise",
            "Validation score at the epochs of the last round that its learning curve promised "
            "after the round before; empty where there was none.",
        ),
    ),
    ("price", "trial"),
    sources=(SearchRuns(Trials.ROW, (Stage.TRIAL,)),),
)

OTHERS = Table(
    "others",
    "Networks of others",
    "Networks that somebody else trained, with what they cost and what was printed of them: one "
    "row each.",
    (
        string("other", "Id of the network in the study file.", required=True),
        string("name", "What the report calls it.", required=True),
        string("citation", "Key of who printed it in report/references.bib.", required=True),
        count("macs", "Multiply-accumulate operations for one image, as printed.", "operations"),
        count("parameters", "Parameters, as printed.", "parameters"),
        share("lowest_test_accuracy", "Smallest share of test images correct that is printed."),
        share("highest_test_accuracy", "Largest one."),
        count("runs", "Runs that the accuracy is the mean of.", "runs", required=True),
        share("standard_deviation", "Between these runs, as printed; empty if it was not."),
    ),
    ("other",),
    sources=(PRINTED,),
)

TABLES = (
    *(RUNS, EPOCHS, EXPERIMENTS, LAYERS, CONFUSION, CLASSES, CALIBRATION, PUBLISHED, OTHERS),
    *(CLASS_SIZES, LOOK_ALIKE_PAIRS, MISREAD, SEARCH_RUNS, SEARCH_VALUES, SEARCH_PLACES),
)
