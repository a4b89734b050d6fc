"""The tables that `evidence.analyse` works out from those of the runs, column by column."""

from cnn_study.tables.data_package import DICTIONARY
from cnn_study.tables.schemas import (
    EXPERIMENT,
    MACS,
    PARAMETERS,
    PRICE,
    SEED,
    TRIAL,
    Column,
    Table,
    count,
    number,
    share,
    string,
)

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
        count(f"{images}_pairs", "Seeds with which both were trained to the end.", "pairs",
               required=True),
        _signed(f"{images}_difference", f"Mean of {what}."),
        number(f"{images}_deviation", "Standard deviation of these differences.", "share"),
        _signed(f"{images}_lower", "Lower end of the 95 % t interval for the mean, not corrected "
                "for the number of changes. Uncertainty between seeds only."),
        _signed(f"{images}_upper", "Upper end of that interval."),
        share(f"{images}_p", "Two-sided p value of the paired t test."),
        share(f"{images}_p_holm", "The same, corrected for all effects that are judged together "
               "(Holm, 1979): in the ledger, the changes of a question."),
        string(f"{images}_verdict", f"{judged}.", required=True, enum=list(VERDICTS)),
    )  # fmt: skip


QUESTION = string("question", "Id of the question.", required=True)

LEDGER = Table(
    "ledger",
    "Ledger",
    "One row for each change that the study declares, run or not. Differences are between runs "
    "with the same seed: they share split and image order, and the initial weights only where the "
    "shapes agree. Choosing goes by validation images; test images are for reporting.",
    (
        QUESTION,
        string("hypothesis", "What was expected, written before the runs.", required=True),
        EXPERIMENT,
        string("reference", "The experiment that was changed.", required=True),
        string("change", "What was changed, as parameter = value.", required=True),
        count("complete_runs", "Runs of the change trained to the end.", "runs", required=True),
        count("diverged_runs", "Runs whose loss stopped being finite.", "runs", required=True),
        count("failed_runs", "Runs that could not be trained.", "runs", required=True),
        count("missing_runs", "Runs that have no record.", "runs", required=True),
        *_effect("validation"),
        *_effect("test"),
        share(
            "test_p_holm_all",
            "test_p corrected for all changes of the study instead (Holm, 1979); no verdict goes "
            "by it.",
        ),
        number(
            "test_images_margin",
            "Half width of a 95 % interval for the test difference that takes only the choice of "
            "test images as chance (binomial, as if each had its own test images; with the same "
            "ones, as here, it is narrower).",
            "share",
        ),
        count(
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
        number(
            "seconds_to_base",
            "Mean training time until the validation accuracy first "
            "reaches the mean that the base ends with; empty unless every run gets there.",
            "seconds",
        ),
        number("epochs_to_base", "The same in epochs.", "epochs"),
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
        string("reference", "The experiment that was changed.", required=True),
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
        string(
            "kind",
            "Main effect, interaction or combination.",
            required=True,
            enum=["main effect", "interaction", "combination"],
        ),
        string("contrast", "What is set against what.", required=True),
        string("experiment", "The experiment that joins changes; empty for grids."),
        string("parts", "The experiments that it joins, with spaces between; empty for grids."),
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
        string("contrast", "What is set against what.", required=True),
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
        string("reference", "The experiment that was changed.", required=True),
        string("class", "Class that the images have.", required=True),
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
        string(
            "habit",
            "best epoch: the epoch with the best test score of this seed, against the mean of the "
            "other seeds after that epoch; best by test: the experiment with the best test score "
            "of this seed, against the mean of its other seeds; best by validation: the same, "
            "chosen by validation scores.",
            required=True,
            enum=["best epoch", "best by test", "best by validation"],
        ),
        string(
            "among",
            "What was chosen from: an experiment, a question, or everything.",
            required=True,
        ),
        SEED,
        string("chosen", "Experiment or epoch that was chosen.", required=True),
        share("told", "The test accuracy that is told."),
        share("honest", "The test accuracy that can be expected."),
        _signed("gap", "told less honest: the optimism."),
    ),
    ("habit", "among", "seed"),
)

HABIT_MEANS = Table(
    "habit-means",
    "What choosing by test scores does, over the seeds",
    "The means of habits.csv: one row for each habit and what was chosen from.",
    (
        string("habit", "As in habits.csv.", required=True),
        string("among", "As in habits.csv.", required=True),
        count("seeds", "Seeds, each of which chose once.", "seeds", required=True),
        share("told", "Mean of the test accuracies that are told."),
        share("honest", "Mean of those that can be expected."),
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
        count("pairs", "Seeds with which both were trained to the end.", "pairs", required=True),
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
        string("comparison", "Comparison that both were printed in.", required=True),
        string("better", "Model with the higher printed number.", required=True),
        string("worse", "Model with the lower one.", required=True),
        number("printed_difference", "Difference of the printed test accuracies.", "share"),
        string("better_experiment", "Our experiment for the one.", required=True),
        string("worse_experiment", "Our experiment for the other.", required=True),
        *_effect("test"),
        number(
            "single_run_margin",
            "Half width of the 95 % prediction interval for the difference of two single runs: "
            "see `inference.single_run_margin`.",
            "share",
        ),
        string(
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
        string("title", "Title of the price.", required=True),
        count("most_macs", "Most MACs that a model may have; empty: no limit.", "operations"),
        count("most_parameters", "Most parameters; empty: no limit.", "parameters"),
        number("most_training_seconds", "Most estimated seconds; empty: no limit.", "seconds"),
        share("goal", "Mean test accuracy that was hoped for; empty: none was told."),
        count("trials", "Models tried.", "", required=True),
        count("broken_trials", "Of these, with a run that diverged or failed.", "", required=True),
        count("trial", "Number of the trial that won; empty if none was trained.", ""),
        string("change", "Every setting in which the winner differs from the base, as JSON."),
        string("edges", "Parameters that stand at an end of the space, with spaces between."),
        PARAMETERS,
        MACS,
        count("epochs", "Epochs of a trial.", "epochs"),
        count("winner_epochs", "Epochs of the winner's own runs.", "epochs"),
        share("search_accuracy", "Validation accuracy by which it became a finalist: mean."),
        share("finalist_accuracy", "Validation accuracy with new seeds, by which it won: mean."),
        count("runs", "The winner's own runs trained to the end.", "runs"),
        number("training_seconds", "Mean wall time of their training.", "seconds"),
        number("training_cpu_seconds", "Mean processor time of the same.", "seconds"),
        share("training_accuracy", "Mean training accuracy in their last epoch."),
        share("validation_accuracy", "Mean validation accuracy of the winner's own runs."),
        share("test_accuracy", "Mean test accuracy of the winner's own runs."),
        number("test_deviation", "Standard deviation of these test accuracies.", "share"),
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
        count("rank", "Its place among the trials; 1 is the best.", "", required=True),
        MACS,
        share("search_accuracy", "Mean validation accuracy with the seeds of the search."),
        share("fresh_accuracy", "Mean validation accuracy with new seeds."),
        _signed("gap", "search_accuracy less fresh_accuracy."),
        count("seeds", "New seeds trained to the end.", "", required=True),
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
        string("price", "Id of the price, or all prices.", required=True),
        count("finalists", "Finalists with both scores.", "", required=True),
        share("search_accuracy", "Mean of search-finalists.csv."),
        share("fresh_accuracy", "Mean of search-finalists.csv."),
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
        string("parameter", "Name of the parameter; price stands for the limit.", required=True),
        _signed("importance", "Mean rise of the root mean square error over resampled forests."),
        _signed("lower", "2.5th percentile of the rise over the forests."),
        _signed("upper", "97.5th percentile of the rise over the forests."),
        count("trials", "Trials that the forests are fitted to.", "", required=True),
        number("error", "Mean root mean square error about trials not seen.", "share"),
        number("spread", "Standard deviation of all trials' accuracies.", "share"),
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


def planned_evidence() -> list[str]:
    """Name every file that `evidence.analyse` writes."""
    return [*(table.file for table in EVIDENCE), *EVIDENCE_TEXTS, DICTIONARY]
