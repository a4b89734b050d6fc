"""The tables that `evidence` works out from those of the runs, column by column."""

from dataclasses import replace

from cnn_study.tables.data_package import DICTIONARY
from cnn_study.tables.lineage import (
    BY_IMAGE,
    CHANCE,
    COLLAPSE,
    IMAGES,
    METRIC,
    PRINTED,
    SCORE,
    SIMULATED,
    SIMULATIONS,
    STUDY_FILE,
    TEST,
    VALIDATION,
    WORKED_OUT,
    Beside,
    Choice,
    CompleteRuns,
    EveryRun,
    FreshRuns,
    SearchRuns,
    Stage,
    ThisRun,
    Trials,
    Whose,
)
from cnn_study.tables.schemas import (
    EXPERIMENT,
    MACS,
    PARAMETERS,
    PRICE,
    RUNS,
    SEED,
    TRIAL,
    Column,
    Table,
    as_in,
    count,
    made_from,
    number,
    share,
    signed,
    string,
    truth,
)

OUTCOMES = {
    "came true": "helps, hurts: that is the verdict, or every run lies on that side of every run "
    "of the reference (test_clearly of ledger.csv). little: no meaningful difference, or the whole "
    "interval lies within twice the smallest effect of interest",
    "did not come true": "another verdict was reached: helps, hurts or no meaningful difference",
    "open": "none was",
}
"""What may become of an expectation, and when; see `expected.outcome_of`."""

VERDICTS = {
    "helps": "the corrected p value is below 0.05 and the mean difference is above zero",
    "hurts": "the corrected p value is below 0.05 and the mean difference is below zero",
    "no meaningful difference": "the whole interval lies within the smallest effect of interest",
    "too close to call": "none of these; more seeds would settle it",
    "unreliable": "some runs of the change or of its reference collapsed, which is to say scored "
    f"below {COLLAPSE}, and others did not: a mean says little",
    "too few seeds": "fewer than three runs of either: no verdict could be relied on",
    "does not train": "no run of the change reached its end: they diverged or failed",
    "not run": "declared, and without complete runs yet",
    "not measured": "run, with no images held out or tested that could tell",
}
"""What may be said of a change, and when; see `inference.verdict`."""

TOGETHER = {"helps": "more than the sum", "hurts": "less than the sum"}
"""The same of interactions and combinations, where the report puts it in other words."""

CONSTANT, DECAYING = "constant learning rate", "decaying learning rate"
RATES = (CONSTANT, DECAYING)
"""What the learning rate does from the first epoch, or the end of warm-up, on; see `rate_of`."""

BEST_EPOCH = "best epoch"
"""The choice in habits.csv that is made among the epochs of one experiment."""

ALL_BUDGETS = "all prices"
"""In search-gaps.csv, what is said of all budgets together."""


def rate_of(schedule: str) -> str:
    """Say of a setting `schedule` whether the learning rate decays to the end of training."""
    return CONSTANT if schedule == "constant" else DECAYING


# ------------------------------------------------------------------------ what they are made from

WITH_REFERENCE = (Whose.ROW, Whose.REFERENCE)
WITH_BASE = (Whose.ROW, Whose.BASE)
RANKED = (Whose.BETTER, Whose.WORSE)

OF_TRIAL = (SearchRuns(Trials.ROW, (Stage.TRIAL,)),)
OF_FINALIST = (SearchRuns(Trials.ROW, (Stage.FINALIST,)),)
OF_BOTH = (SearchRuns(Trials.ROW, (Stage.TRIAL, Stage.FINALIST)),)
OF_WINNER = (SearchRuns(Trials.ROW, (Stage.WINNER,)),)
OF_ENDED_WINNER = (SearchRuns(Trials.ROW, (Stage.WINNER,), complete=True),)
OF_TRIALS = (SearchRuns(Trials.BUDGET, (Stage.TRIAL,)),)
OF_ROUND = (SearchRuns(Trials.ROUND, (Stage.TRIAL,)),)
OF_ROUNDS = (SearchRuns(Trials.ROUNDS, (Stage.TRIAL,)),)
OF_FINALISTS = (SearchRuns(Trials.FINALISTS, (Stage.FINALIST,)),)


def _interval(lower: str, upper: str) -> Beside:
    return Beside("95 % interval", (lower, upper))


def _effect(
    images: str,
    of: tuple[Whose, ...] = WITH_REFERENCE,
    before: tuple[Beside, ...] = (),
    kind: str = "",
) -> tuple[Column, ...]:
    """Make the columns of one difference: estimate, interval, p values, verdict.

    Args:
        of: whose runs are set against each other.
        before: what stands beside these columns, before the effect itself.
        kind: column that says whether it is an interaction or a combination, if there is one.
    """
    what = f"{images}_{METRIC} (runs.csv), change less reference"
    judged = "; ".join(f"{name}: {when}" for name, when in VERDICTS.items())
    judged += "; where two are true, no meaningful difference stands before helps and hurts"
    difference, error, lower, p = (
        f"{images}_{name}" for name in ("difference", "error", "lower", "p")
    )
    return made_from(
        (CompleteRuns(of, f"{images}_{METRIC}", paired=None),),
        count(f"{images}_runs", "Complete runs that it rests on: of the experiment that has "
              "fewest; where judge.csv says paired, seeds that all have.", "runs", required=True),
        signed(difference, f"Mean {what}; where judge.csv says paired, over seeds that both have."),
        number(error, "Standard error of this difference; see judge.csv.", "share",
               after=(difference,)),
        number(f"{images}_freedom", "Degrees of freedom of this standard error.", "",
               after=(difference, error)),
        signed(lower, "Lower end of the 95 % t interval for it, not corrected "
               "for the number of changes. Uncertainty between seeds only.", after=(difference,)),
        signed(f"{images}_upper", "Upper end of that interval.", after=(difference, lower)),
        share(p, "Two-sided p value of the t test.", after=(difference,)),
        share(f"{images}_p_holm", "The same, corrected for all effects that are judged together "
              "(Holm, 1979): the changes of a question, the classes of a change, the contrasts of "
              "one kind in a question, the orders of a comparison.", after=(difference, p)),
        string(f"{images}_verdict", f"{judged}.", required=True, enum=list(VERDICTS)),
        beside=(*before, *_beside_effect(images, kind)),
    )  # fmt: skip


def _beside_effect(images: str, kind: str = "") -> tuple[Beside, ...]:
    """Give a difference with its interval, the runs and what is said of it."""
    words = dict.fromkeys(("interaction", "combination"), TOGETHER) if kind else {}
    return (
        Beside(f"Difference on {images} images", (f"{images}_difference",)),
        _interval(f"{images}_lower", f"{images}_upper"),
        Beside("Runs of each", (f"{images}_runs",)),
        Beside("Verdict", (f"{images}_verdict",), kind, words),
    )


def _second_opinions(images: str) -> tuple[Column, ...]:
    """Make the columns of what other tests say of a change; no verdict goes by them."""
    measure, beside = f"{images}_{METRIC}", _beside_effect(images)

    def columns(name: str, what: str) -> tuple[Column, ...]:
        lower, upper, p = (f"{images}_{name}_{part}" for part in ("lower", "upper", "p"))
        return (
            signed(lower, f"Lower end of the 95 % interval of {what}; no verdict goes by it."),
            signed(upper, f"Upper end of the 95 % interval of {what}; no verdict goes by it."),
            share(p, f"Two-sided p value of {what}; no verdict goes by it."),
        )

    return (
        *made_from(
            (CompleteRuns(WITH_REFERENCE, measure),),
            count(f"{images}_pairs", "Seeds with which both were trained to the end.", "pairs"),
            *columns("paired", "the paired t test (Student, 1908)"),
            share(
                f"{images}_sign_flip_p",
                "Exact two-sided p value under any flip of the signs of the paired differences "
                "(Fisher, 1935); with five pairs it cannot be below 0.0625.",
            ),
            beside=beside,
        ),
        *made_from(
            (CompleteRuns(WITH_REFERENCE, measure, paired=False),),
            *columns("welch", "the two-sample t test with the spreads as they are (Welch, 1947)"),
            beside=beside,
        ),
    )


BESIDE_SECONDS = (
    Beside("Difference in training time (s)", ("seconds_difference",)),
    _interval("seconds_lower", "seconds_upper"),
    Beside("Times the reference's", ("seconds_ratio",)),
)

# ---------------------------------------------------------------------------------- the tables

QUESTION = string("question", "Id of the question.", required=True)
REFERENCE = string("reference", "The experiment that was changed.", required=True)

LEDGER = Table(
    "ledger",
    "Ledger",
    "One row for each change that the study declares, run or not. How a difference is judged says "
    "judge.csv; beside it stands what other tests say of the same runs. Runs with the same seed "
    "share split and image order, and the initial weights only where the shapes agree. Choosing "
    "goes by validation images; test images are for reporting.",
    (
        *made_from(
            (STUDY_FILE,),
            QUESTION,
            string("hypothesis", "What was expected, written before the runs.", required=True),
            EXPERIMENT,
            REFERENCE,
            string("change", "What was changed, as parameter = value.", required=True),
        ),
        *made_from(
            (EveryRun(),),
            count("complete_runs", "Runs of the change trained to the end.", "runs", required=True),
            count("diverged_runs", "Runs whose loss stopped being finite.", "runs", required=True),
            count("failed_runs", "Runs that could not be trained.", "runs", required=True),
            count("missing_runs", "Runs that have no record.", "runs", required=True),
        ),
        *made_from(
            (CompleteRuns(WITH_REFERENCE, TEST, paired=False),),
            as_in(
                "experiments",
                count("collapsed_runs", "As in experiments.csv.", "runs", required=True),
            ),
            count(
                "reference_collapsed_runs",
                "The same, of the reference.",
                "runs",
                after=("collapsed_runs",),
                required=True,
            ),
        ),
        *_effect("validation"),
        *_second_opinions("validation"),
        *_effect("test"),
        *_second_opinions("test"),
        *made_from(
            (CompleteRuns(WITH_REFERENCE, TEST, paired=None),),
            share(
                "test_p_holm_all",
                "test_p corrected for all changes of the study instead (Holm, 1979); no verdict "
                "goes by it.",
                after=("test_difference", "test_p"),
            ),
            beside=_beside_effect("test"),
        ),
        *made_from(
            (CompleteRuns(WITH_REFERENCE, TEST, paired=False),),
            string(
                "test_clearly",
                "Where test_verdict is unreliable or too close to call, and yet every run of the "
                "change scores higher, or lower, than every run of the reference, more often than "
                "chance would do that: 2 / C(n + m, n) for n and m runs, times the changes of the "
                "question, is below 0.05. The direction is known, the size is not.",
                enum=["higher", "lower"],
            ),
            beside=_beside_effect("test"),
        ),
        *made_from(
            (CompleteRuns(WITH_REFERENCE, TEST, paired=False),),
            number(
                "test_spread_ratio",
                "Standard deviation of test_{metric} over the runs of the change, over that of the "
                "reference.",
                "times",
            ),
            share(
                "test_spread_p",
                "Two-sided p value of the F test that both have one variance (Fisher, 1924).",
                after=("test_spread_ratio",),
            ),
            share(
                "test_spread_p_holm",
                "The same, corrected for the changes of the question (Holm, 1979).",
                after=("test_spread_ratio", "test_spread_p"),
            ),
            beside=_beside_effect("test"),
        ),
        *made_from(
            (CompleteRuns(WITH_REFERENCE, TEST, paired=False),),
            number(
                "test_images_margin",
                "Half width of a 95 % interval for the test difference that takes only the choice "
                f"of test images as chance: image by image {BY_IMAGE} "
                "less that of its reference, 1.959964 standard deviations of these over the root "
                "of their number; of 100 images or units, or fewer, so many as Student's t has. "
                "Empty where it is not known which images each run classifies correctly.",
                "share",
            ),
            beside=_beside_effect("test"),
        ),
        *made_from(
            (CompleteRuns(WITH_REFERENCE, TEST, paired=None),),
            signed(
                "test_both_lower",
                "Lower end of a 95 % interval for the test difference that takes seeds and test "
                "images as chance, as crossed random effects (Owen, 2007): how far it may lie with "
                "other seeds on other images. Its variance is that between seeds (test_error "
                "squared) and that of test_images_margin, less what both count, the two-way mean "
                "square left over between seeds and images over their product, and no smaller "
                "than either; freedom by Satterthwaite (1946); never narrower than by the seeds "
                "alone, nor beyond -1 and 1. Empty as test_images_margin, and "
                "for fewer than two seeds.",
                after=("test_difference", "test_images_margin"),
            ),
            signed(
                "test_both_upper",
                "Upper end of that interval.",
                after=("test_difference", "test_both_lower"),
            ),
            beside=(
                *_beside_effect("test"),
                Beside("95 % interval, seeds and images", ("test_both_lower", "test_both_upper")),
            ),
        ),
        *made_from(
            (CompleteRuns(WITH_REFERENCE, TEST, paired=None),),
            count(
                "seeds_to_settle",
                "Where the test verdict is too close to call: about how many seeds would settle it "
                "in four cases of five, if mean and spread stay as they are: by a t test at 0.05 "
                "over the changes of the question, or by an interval within the smallest effect, "
                "freedom growing with n - 1 (`inference.seeds_to_settle`); 1000 means 1000 or "
                "more.",
                "seeds",
            ),
        ),
        *made_from(
            (WORKED_OUT,),
            Column(
                "parameters_difference",
                "integer",
                "Parameters, change less reference.",
                "parameters",
            ),
            Column(
                "macs_difference",
                "integer",
                "MACs for one image, change less reference.",
                "operations",
            ),
            Column(
                "training_macs_difference",
                "integer",
                "MACs of all forward passes of one image in training (MACs times epochs), change "
                "less reference.",
                "operations",
            ),
        ),
        *made_from(
            (CompleteRuns(WITH_REFERENCE),),
            signed(
                "seconds_difference",
                "Mean training time, change less reference: processor time "
                "where every run was made on a CPU, else wall time.",
                "seconds",
            ),
            signed(
                "seconds_lower",
                "Lower end of the 95 % interval for it, of two independent means (Welch, 1947). "
                "It knows nothing of the machine being slower at one hour than at another, where "
                "the runs of an experiment were trained within the hour.",
                "seconds",
                after=("seconds_difference",),
            ),
            signed(
                "seconds_upper",
                "Upper end of that interval.",
                "seconds",
                after=("seconds_difference", "seconds_lower"),
            ),
            number(
                "seconds_ratio",
                "Mean training time of the same runs, change over reference. Where it differs from "
                "1 by less than a tenth, or the interval holds zero and it lies between a half "
                "and two, the report says: about as long.",
                "times",
                after=("seconds_difference",),
            ),
            beside=BESIDE_SECONDS,
        ),
        *made_from(
            (CompleteRuns(), CompleteRuns((Whose.BASE,), VALIDATION)),
            number(
                "seconds_to_base",
                "Mean training time until the validation {score} first "
                "reaches the mean that the base ends with: of each run its whole time, by the "
                "share of its epochs; empty unless every run gets there.",
                "seconds",
            ),
            number("epochs_to_base", "The same in epochs.", "epochs", after=("seconds_to_base",)),
        ),
    ),
    ("experiment", "question"),
)

WHICH_IMAGES = string(
    "images", "Images that {score} is measured on.", required=True, enum=["validation", "test"]
)
JUDGES = ["two-sample", "paired"]

JUDGE = Table(
    "judge",
    "Judge",
    "How every difference in {score} is judged: one judge for the whole study, by a rule that "
    "looks at no difference (`base/judge.py`). Scores of a change and of its reference with the "
    "same seed are correlated (Pearson); where the mean correlation is at least what pairing "
    "needs to pay, and surely above zero (z at least 1.645), differences are paired by seed. Else "
    "the two means are compared as independent, each spread raised toward what is usual in the "
    "study (Smyth, 2004) and never lowered.",
    (
        *made_from((STUDY_FILE,), WHICH_IMAGES),
        *made_from(
            (CompleteRuns((Whose.EVERY,), paired=False),),
            string("judge", "The judge that was taken.", required=True, enum=JUDGES),
            truth("pinned", "Whether the study file names it."),
            string("by_rule", "The judge that the rule takes.", required=True, enum=JUDGES),
            count("comparisons", "Changes and references with a correlation.", "", required=True),
            signed("correlation", "Mean of their correlations."),
            share("correlation_needed", "Mean correlation from which pairing gives the narrower "
                  "interval: 1 - (t(0.975, 2n - 2) / t(0.975, n - 1))²."),
            number("correlation_z", "Sum of the correlations over the square root of the sum of "
                   "1 / (n - 1): a standard normal value if nothing is correlated.", "",),
            number("usual_deviation", "Usual standard deviation of an experiment's runs (s0 of "
                   "Smyth, 2004); empty where there are fewer than two experiments.", "share"),
            number("usual_freedom", "Degrees of freedom that it is worth (d0); empty: all spreads "
                   "are alike but for chance, or there are fewer than two experiments.", ""),
            number("most_freedom", "Degrees of freedom of all experiments together.", ""),
            number("half_width_two_sample", "Median half width of the 95 % intervals that the "
                   "two-sample judge gives the study's changes.", "share"),
            number("half_width_paired", "The same of the paired judge.", "share",
                   after=("half_width_two_sample",)),
        ),
    ),
    ("images",),
)  # fmt: skip

JUDGE_SPREADS = Table(
    "judge-spreads",
    "Spreads that the judge goes by",
    "The spread of each experiment's complete runs, and what the two-sample judge takes it for: "
    "raised toward what is usual in the study (judge.csv), never lowered.",
    (
        EXPERIMENT,
        WHICH_IMAGES,
        count("runs", "Complete runs.", "runs", required=True),
        number("deviation", "Standard deviation of their accuracies.", "share"),
        number("deviation_taken", "Standard deviation that the judge takes.", "share"),
        number("freedom", "Degrees of freedom of what it takes.", ""),
        truth("raised", "Whether it was raised."),
    ),
    ("experiment", "images"),
    sources=(CompleteRuns(),),
    beside=(Beside("Runs (n)", ("runs",)),),
)

DIFFERENCES = Table(
    "differences",
    "Differences",
    "The single runs behind the ledger: one row for each change and each seed with which it was "
    "trained to the end, against its reference.",
    (
        QUESTION,
        EXPERIMENT,
        REFERENCE,
        SEED,
        *made_from(
            (ThisRun(WITH_REFERENCE),),
            signed(
                "validation_difference",
                "validation_{metric}, less the reference's with the "
                "same seed; empty where it has none.",
            ),
            signed(
                "test_difference",
                "test_{metric}, less the reference's with the same seed; empty where it has none.",
            ),
        ),
        *made_from(
            (ThisRun(), CompleteRuns((Whose.REFERENCE,), VALIDATION)),
            signed(
                "validation_over_mean",
                "validation_{metric}, less the mean of the reference's complete runs.",
            ),
        ),
        *made_from(
            (ThisRun(), CompleteRuns((Whose.REFERENCE,), TEST)),
            signed(
                "test_over_mean", "test_{metric}, less the mean of the reference's complete runs."
            ),
        ),
    ),
    ("experiment", "question", "seed"),
    sources=(ThisRun(),),
)

BESIDE_CONTRAST = (
    Beside("Kind", ("kind",)),
    Beside("Together", ("together",)),
    Beside("Sum of the parts", ("added",)),
)

CONTRASTS = Table(
    "contrasts",
    "Main effects, interactions and combinations",
    "For each question with a grid of two parameters, and for each experiment that joins changes "
    "which were also run one by one on the same reference. A main effect is the mean difference "
    "between two values of one parameter over all values of the other. An interaction is how much "
    "the difference that one parameter makes changes with the other. A combination is the "
    "difference that changes make together less the sum of what they make one by one. Judged as "
    "judge.csv says.",
    (
        *made_from(
            (STUDY_FILE,),
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
        ),
        *made_from(
            (CompleteRuns((Whose.CONTRAST,), TEST, paired=None),),
            signed(
                "together",
                "Mean difference in test {score} to the reference that the changes make together; "
                "empty for grids.",
            ),
            signed(
                "added",
                "Sum of what they make one by one; empty for grids.",
                after=("together",),
            ),
            beside=(*BESIDE_CONTRAST, *_beside_effect("test", "kind")),
        ),
        *_effect("validation", (Whose.CONTRAST,), BESIDE_CONTRAST, "kind"),
        *_effect("test", (Whose.CONTRAST,), BESIDE_CONTRAST, "kind"),
    ),
    ("question", "contrast"),
)

CONTRAST_DIFFERENCES = Table(
    "contrast-differences",
    "Main effects, interactions and combinations, seed by seed",
    "The contrasts seed by seed: one row for each contrast and each seed that all its experiments "
    "have.",
    (
        QUESTION,
        string("contrast", "What is set against what.", required=True),
        SEED,
        signed("validation_difference", "The contrast in validation_{metric} (runs.csv)."),
        signed("test_difference", "The contrast in test_{metric} (runs.csv)."),
    ),
    ("question", "contrast", "seed"),
    sources=(ThisRun((Whose.CONTRAST,)),),
)

CLASS_EFFECTS = Table(
    "class-effects",
    "Effects on single classes",
    "One row for each class of each change: how the share of its test images that are recognized "
    "changes. Judged as judge.csv says of all test images, what is usual taken class by class. The "
    "p values are corrected for the classes of one change.",
    (
        *made_from(
            (STUDY_FILE,),
            QUESTION,
            EXPERIMENT,
            REFERENCE,
            string("class", "Class that the images have.", required=True),
        ),
        *_effect("test"),
    ),
    ("experiment", "question", "class"),
)

SELECTION_BIAS = Table(
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
            enum=[BEST_EPOCH, "best by test", "best by validation"],
        ),
        string(
            "among",
            "What was chosen from: an experiment, a question, or everything.",
            required=True,
        ),
        SEED,
        string("chosen", "Experiment or epoch that was chosen.", required=True),
        share("told", "The test {score} that is told."),
        share("honest", "The test {score} that can be expected."),
        signed("gap", "told less honest: the optimism."),
    ),
    ("habit", "among", "seed"),
    sources=(Choice(chosen=True),),
    beside=(
        Beside("Chosen", ("chosen",)),
        Beside("Told", ("told",)),
        Beside("Honest", ("honest",)),
        Beside("Optimism", ("gap",)),
    ),
)

SELECTION_BIAS_MEANS = Table(
    "habit-means",
    "What choosing by test scores does, over the seeds",
    "The means of habits.csv: one row for each habit and what was chosen from.",
    (
        as_in("habits", string("habit", "As in habits.csv.", required=True)),
        as_in("habits", string("among", "As in habits.csv.", required=True)),
        count("seeds", "Seeds, each of which chose once.", "seeds", required=True),
        share("told", "Mean of the test accuracies that are told."),
        share("honest", "Mean of those that can be expected.", after=("told",)),
        signed("gap", "Mean of told less honest: the optimism."),
        signed("gap_lower", "Lower end of the 95 % t interval for the mean optimism."),
        signed("gap_upper", "Upper end of the 95 % t interval for the mean optimism."),
        truth(
            "always_the_same",
            "Whether every seed chose the same, so that the mean optimism is zero by construction.",
        ),
    ),
    ("habit", "among"),
    sources=(Choice(),),
    beside=(
        Beside("Told", ("told",)),
        Beside("Honest", ("honest",)),
        Beside("Optimism", ("gap",)),
        _interval("gap_lower", "gap_upper"),
        Beside("Seeds", ("seeds",)),
    ),
)

OVER_BASE = Table(
    "over-base",
    "Every experiment against the base",
    "What each experiment scores above the base, whatever it is a change of, judged as judge.csv "
    "says. Test {score}; not corrected for the number of experiments.",
    (
        EXPERIMENT,
        count(
            "runs",
            "Complete runs that it rests on: of that of the two which has fewer.",
            "runs",
            required=True,
        ),
        signed("difference", "Mean difference in test_{metric} (runs.csv), less the base."),
        signed("lower", "Lower end of the 95 % t interval for the mean difference to the base."),
        signed("upper", "Upper end of the 95 % t interval for the mean difference to the base."),
    ),
    ("experiment",),
    sources=(CompleteRuns(WITH_BASE, TEST, paired=None),),
    beside=(
        Beside("Difference on test images", ("difference",)),
        _interval("lower", "upper"),
        Beside("Runs of each", ("runs",)),
    ),
)

BESIDE_SPREAD = (
    Beside("Standard deviation", ("deviation",)),
    Beside("Of it the test images", ("images_deviation",)),
    Beside("Of it the networks", ("networks_deviation",)),
    Beside("Runs (n)", ("runs",)),
)

RATE = string(
    "learning_rate",
    "Whether the learning rate stays as it is to the end of training, or decays by a schedule.",
    required=True,
    enum=list(RATES),
)

SCORES = Table(
    "score-intervals",
    "What is open of each score",
    "The mean test {score} of each experiment, and how far it may lie with other seeds, with other "
    "test images, and with both.",
    (
        EXPERIMENT,
        count("runs", "Complete runs.", "runs", required=True),
        share("mean", "Mean test_{metric} (runs.csv)."),
        signed("lower", "Lower end of the 95 % t interval for this mean, over seeds."),
        signed("upper", "Upper end of that interval.", after=("lower",)),
        number("images_margin", "Half width of a 95 % interval for it that takes only the choice "
               "of test images as chance: 1.959964 standard deviations (of 100 images or units, or "
               "fewer, as many as Student's t has), over the images, of what "
               "they contribute to the mean, over the root of their number. Empty where it is not "
               "known what each run answers.", "share"),
        share("both_lower", "Lower end of a 95 % interval that takes seeds and test images as "
              "chance, as crossed random effects (Owen, 2007); see test_both_lower of ledger.csv.",
              after=("images_margin",)),
        share("both_upper", "Upper end of that interval.", after=("both_lower",)),
        truth("better_than_guessing",
              "Whether the mean is surely more than answers get that look at no image, which is "
              f"{CHANCE}: the lower end of Wilson's 95 % interval for so many test images, one "
              "of each unit, lies above that (AUC: more than 1.959964 deviations of Mann and "
              "Whitney's U without looking), and mean less images_margin too. Empty without a "
              "complete run."),
    ),
    ("experiment",),
    sources=(CompleteRuns(measure=TEST),),
    beside=(
        Beside("Mean", ("mean",)),
        Beside("95 % interval, seeds", ("lower", "upper")),
        Beside("95 % interval, seeds and images", ("both_lower", "both_upper")),
        Beside("Runs (n)", ("runs",)),
    ),
)  # fmt: skip

SPREADS = Table(
    "spreads",
    "The spread between runs, taken apart",
    "How far the test accuracies of an experiment's runs lie apart, and how far those of equally "
    "good networks would on a test set of this size (Jordan, 2024). Variances add up, standard "
    "deviations do not. Experiments with two complete runs or more of which it is known what they "
    "classify correctly.",
    (
        *made_from((STUDY_FILE,), EXPERIMENT, RATE),
        count("runs", "Complete runs.", "runs", required=True),
        number("deviation", "Standard deviation of test_accuracy (runs.csv) over the runs, n - 1 "
               "in the denominator.", "share"),
        number("images_deviation", "Standard deviation that the finite number of test images alone "
               "would make: of S runs k classify an image correctly; the root of the mean of "
               "k (S - k) / (S (S - 1)) over the images, divided by their number.", "share",
               after=("deviation",)),
        number("networks_deviation", "Root of what is left of the variance: how far the networks "
               "would lie apart on images without end. 0 where less than nothing is left, as it "
               "happens by chance.", "share", after=("deviation", "images_deviation")),
        share("networks_p", "How often equally good networks would lie as far apart or further: "
              "chi-squared test of the one variance against the other.",
              after=("deviation", "images_deviation")),
    ),
    ("experiment",),
    sources=(CompleteRuns(measure="test_accuracy"),),
    beside=BESIDE_SPREAD,
)  # fmt: skip

SPREAD_MEDIANS = Table(
    "spread-medians",
    "The spread between runs by learning rate",
    "Medians of spreads.csv over the experiments whose learning rate stays, and over those whose "
    "learning rate decays.",
    (
        *made_from((STUDY_FILE,), RATE),
        count("experiments", "Such experiments in spreads.csv.", "", required=True),
        count("beyond_images", "Of these, with a networks_p below 0.05.", "",
              after=("experiments",), required=True),
        number("deviation_median", "Median standard deviation between runs.", "share"),
        number("images_deviation_median", "Median of what the test images alone would make.",
               "share"),
        number("networks_deviation_median", "Median of what is left for the networks.", "share"),
    ),
    ("learning_rate",),
    sources=(CompleteRuns((Whose.RATE,), "test_accuracy", paired=False),),
    beside=(
        Beside("Experiments", ("experiments",)),
        Beside("Median standard deviation", ("deviation_median",)),
        Beside("Median of the test images' part", ("images_deviation_median",)),
        Beside("Median of the networks' part", ("networks_deviation_median",)),
    ),
)  # fmt: skip

WITH_AND_WITHOUT = (
    Beside("All test images", ("test_accuracy",)),
    Beside("Without look-alikes", ("test_accuracy_without",)),
    Beside("Look-alikes alone", ("look_alikes_accuracy",)),
    Beside("What they add", ("gain",)),
    Beside("95 % interval of that", ("gain_lower", "gain_upper")),
    Beside("Look-alikes", ("images",)),
)

LOOK_ALIKES = Table(
    "look-alikes",
    "Accuracy without look-alikes",
    "What each experiment scores with and without the test images that resemble a training image "
    "(look-alike-pairs.csv). Means over the complete runs. No rows where there are no look-alikes, "
    "or where it is not known what the runs classify correctly.",
    (
        *made_from(
            (STUDY_FILE,),
            EXPERIMENT,
            string("reference", "The experiment that was changed; empty for the base."),
        ),
        count("runs", "Complete runs.", "runs", required=True),
        *made_from((IMAGES,), count("images", "Look-alikes among the test images.", "images")),
        share("test_accuracy", "Mean share of all test images classified correctly."),
        share("test_accuracy_without", "The same without the look-alikes.",
              after=("test_accuracy",)),
        share("look_alikes_accuracy", "The same of the look-alikes alone.",
              after=("test_accuracy",)),
        *made_from(
            (CompleteRuns(WITH_REFERENCE, "test_accuracy", paired=False),),
            signed("difference", "Mean test accuracy less that of the reference.",
                   after=("test_accuracy",)),
            signed("difference_without", "The same without the look-alikes.",
                   after=("difference",)),
            signed("shift", "difference_without less difference: what leaving out the look-alikes "
                   "changes.", after=("difference", "difference_without")),
            beside=(
                Beside("All test images", ("difference",)),
                Beside("Without look-alikes", ("difference_without",)),
                Beside("Look-alikes", ("images",)),
            ),
        ),
        signed("gain", "What look-alikes add to the accuracy: test_accuracy less "
               "test_accuracy_without.", after=("test_accuracy", "test_accuracy_without")),
        signed("gain_lower", "Lower end of its 95 % interval, for other seeds on other images of "
               "either kind: seeds and test images as crossed random effects (Owen, 2007).",
               after=("gain",)),
        signed("gain_upper", "Upper end of it.", after=("gain_lower",)),
    ),
    ("experiment",),
    sources=(CompleteRuns(measure="test_accuracy"),),
    beside=WITH_AND_WITHOUT,
)  # fmt: skip

PUBLISHED_RANKINGS = Table(
    "orders",
    "Published orders",
    "Each pair of printed numbers says that one model is better than another. One row for each "
    "such pair and each pair of our experiments that it can be checked with.",
    (
        *made_from(
            (PRINTED,),
            string("comparison", "Comparison that both were printed in.", required=True),
            string("better", "Model with the higher printed number.", required=True),
            string("worse", "Model with the lower one.", required=True),
            number("printed_difference", "Difference of the printed test accuracies.", "share"),
        ),
        *made_from(
            (STUDY_FILE,),
            string("better_experiment", "Our experiment for the one.", required=True),
            string("worse_experiment", "Our experiment for the other.", required=True),
        ),
        *_effect("test", RANKED),
        *made_from(
            (CompleteRuns(RANKED, TEST, paired=False),),
            number(
                "single_run_margin",
                "Half width of the 95 % prediction interval for the difference of two single runs: "
                "t(0.975, nu) sqrt(s1² (1 + 1 / n1) + s2² (1 + 1 / n2)), standard deviations as "
                "they are, nu by Welch (1947).",
                "share",
            ),
            string(
                "outcome",
                "stands: better by our runs too; reversed: worse; no meaningful difference; open: "
                "our runs do not tell.",
                required=True,
                enum=["stands", "reversed", "no meaningful difference", "open"],
            ),
            truth(
                "single_runs_could_tell",
                "Whether our mean difference is larger than the margin for two single runs.",
            ),
        ),
    ),
    ("comparison", "better", "worse", "better_experiment"),
)


def _against(what: str, whose: str, experiment: Whose) -> tuple[Column, ...]:
    """Make the columns of a difference between means of other seeds."""
    over = f"over_{what}"
    between = f"mean test accuracies of the winner's runs and of {whose}"
    return made_from(
        (*OF_ENDED_WINNER, CompleteRuns((experiment,), TEST)),
        signed(over, f"Difference of the {between}; the seeds are not the same."),
        signed(
            f"{over}_lower",
            f"Lower end of its 95 % interval (Welch, 1947), {whose}.",
            after=(over,),
        ),
        signed(
            f"{over}_upper",
            f"Upper end of its 95 % interval (Welch, 1947), {whose}.",
            after=(over,),
        ),
        beside=(_interval(f"{over}_lower", f"{over}_upper"), WINNER_RUNS),
    )


WINNER_RUNS = Beside("Winner's runs", ("runs",))

SEARCH_PRICES = Table(
    "search-prices",
    "The search, price by price",
    "One row for each price: what was tried, which model won, and what it scores with seeds that "
    "chose nothing.",
    (
        *made_from(
            (STUDY_FILE,),
            PRICE,
            string("title", "Title of the price.", required=True),
            count("most_macs", "Most MACs that a model may have; empty: no limit.", "operations"),
            count("most_parameters", "Most parameters; empty: no limit.", "parameters"),
            number("most_training_seconds", "Most estimated seconds; empty: no limit.", "seconds"),
            share("goal", "Mean test {score} that was hoped for; empty: none was told."),
        ),
        *made_from(
            OF_TRIALS,
            count("trials", "Models tried.", "", required=True),
            count(
                "broken_trials",
                "Of these, with a run that diverged or failed.",
                "",
                after=("trials",),
                required=True,
            ),
        ),
        *made_from(
            OF_FINALISTS,
            count("trial", "Number of the trial that won; empty if none was trained.", ""),
        ),
        *made_from(
            OF_WINNER,
            string("change", "Every setting in which the winner differs from the base, as JSON."),
            string("edges", "Parameters that stand at an end of the space, with spaces between."),
            PARAMETERS,
            MACS,
            beside=(WINNER_RUNS,),
        ),
        *made_from(OF_TRIAL, count("epochs", "Epochs of a trial.", "epochs")),
        *made_from(OF_WINNER, count("winner_epochs", "Epochs of the winner's own runs.", "epochs")),
        *made_from(
            OF_TRIAL,
            share("search_{metric}", "Validation {score} by which it became a finalist: mean."),
        ),
        *made_from(
            OF_FINALIST,
            share("finalist_{metric}", "Validation {score} with new seeds, by which it won: mean."),
        ),
        *made_from(
            OF_ENDED_WINNER,
            count("runs", "The winner's own runs trained to the end.", "runs"),
            number(
                "training_seconds", "Mean wall time of their training.", "seconds", after=("runs",)
            ),
            number(
                "training_cpu_seconds",
                "Mean processor time of the same.",
                "seconds",
                after=("runs", "training_seconds"),
            ),
            share(
                "training_accuracy",
                "Mean training accuracy in their last epoch.",
                after=("runs",),
            ),
            share("validation_accuracy", "Mean validation accuracy of the winner's own runs."),
            share("validation_{metric}", "Mean validation {score} of the winner's own runs."),
            beside=(WINNER_RUNS,),
        ),
        *made_from(
            OF_ENDED_WINNER,
            share("test_accuracy", "Mean test accuracy of the winner's own runs."),
            share("test_{metric}", "Mean test {score} of the winner's own runs."),
            number(
                "test_deviation",
                "Standard deviation of these test accuracies.",
                "share",
                after=("test_{metric}",),
            ),
            signed("test_lower", "Lower end of the 95 % t interval for the mean test {score}."),
            signed("test_upper", "Upper end of the 95 % t interval for the mean test {score}."),
            beside=(_interval("test_lower", "test_upper"), WINNER_RUNS),
        ),
        *_against("base", "the base", Whose.BASE),
        *_against("enhanced", "the enhanced model", Whose.ENHANCED),
    ),
    ("price",),
)

SEARCH_FINALISTS = Table(
    "search-finalists",
    "Finalists of the search",
    "The best trials at each price, trained again with new seeds: one row for each.",
    (
        *made_from(
            OF_TRIALS,
            PRICE,
            TRIAL,
            count("rank", "Its place among the trials; 1 is the best.", "", required=True),
        ),
        *made_from(
            OF_TRIAL,
            MACS,
            share("search_{metric}", "Mean validation {score} with the seeds of the search."),
        ),
        *made_from(OF_FINALIST, share("fresh_{metric}", "Mean validation {score} with new seeds.")),
        *made_from(OF_BOTH, signed("gap", "search_{metric} less fresh_{metric}.")),
        *made_from(OF_FINALIST, count("seeds", "New seeds trained to the end.", "", required=True)),
        *made_from(OF_FINALISTS, truth("won", "Whether it was chosen by the new seeds.")),
    ),
    ("price", "trial"),
)

SEARCH_GAPS = Table(
    "search-gaps",
    "The winner's curse",
    "By how much the search's scores of the finalists promise too much: their validation {score} "
    "with the seeds that chose them less that with new seeds.",
    (
        string("price", "Id of the price, or all prices.", required=True),
        count("finalists", "Finalists with both scores.", "", required=True),
        *made_from(
            (SearchRuns(Trials.FINALISTS, (Stage.TRIAL,)),),
            share("search_{metric}", "Mean of search-finalists.csv."),
        ),
        *made_from(OF_FINALISTS, share("fresh_{metric}", "Mean of search-finalists.csv.")),
        signed("gap", "Mean difference.", after=("search_{metric}", "fresh_{metric}")),
        signed(
            "gap_lower",
            "Lower end of the 95 % t interval for the mean difference.",
            after=("search_{metric}", "fresh_{metric}"),
        ),
        signed(
            "gap_upper",
            "Upper end of the 95 % t interval for the mean difference.",
            after=("search_{metric}", "fresh_{metric}"),
        ),
    ),
    ("price",),
    sources=(SearchRuns(Trials.FINALISTS, (Stage.TRIAL, Stage.FINALIST)),),
    beside=(_interval("gap_lower", "gap_upper"), Beside("Finalists", ("finalists",))),
)

SEARCH_ROUNDS = Table(
    "search-rounds",
    "Rounds of the search",
    "One row for each round of successive halving at each price: what was trained, what went on "
    "and why, and whether the round foretold the next one. No rows of other searches.",
    (
        *made_from(
            OF_ROUND,
            PRICE,
            count("round", "Number of the round; 1 is the first.", "", required=True),
            count("epochs", "Epochs of its trials.", "epochs", required=True),
            count("trials", "Models trained.", "", required=True),
            count(
                "broken_trials",
                "Of these, with a run that diverged or failed.",
                "",
                after=("trials",),
                required=True,
            ),
            share("best_{metric}", "Mean validation {score} of the best model."),
        ),
        *made_from(
            OF_ROUNDS,
            count("next_epochs", "Epochs of the next round; empty after the last.", "epochs"),
            count("by_score", "Models in the next round by their score.", ""),
            count("by_curve", "Models in the next round by their learning curve.", ""),
            count(
                "ahead",
                "Of those by their curve, how many score higher in the next round than one by its "
                "score.",
                "",
                after=("by_curve",),
            ),
            count("compared", "Models scored in both rounds.", ""),
            signed(
                "order",
                "Rank correlation (Spearman) of the scores in both rounds, of these models; empty "
                "of fewer than three. Only what went on is in it, which makes it smaller.",
                "",
                after=("compared",),
            ),
        ),
        *made_from(
            OF_TRIALS,
            count(
                "rank_of_last",
                "Place in this round of what is the best of the last one; 1 is the best.",
                "",
            ),
        ),
    ),
    ("price", "round"),
)

SEARCH_IMPORTANCE = Table(
    "search-importance",
    "What mattered in the search",
    "One row for each parameter that was varied: by how much a random forest (Breiman, 2001), "
    "fitted to all prices' trials, errs more about trials that it has not seen when their values "
    "of the parameter are shuffled.",
    (
        string("parameter", "Name of the parameter; price stands for the limit.", required=True),
        signed("importance", "Mean rise of the root mean square error over resampled forests."),
        signed("lower", "2.5th percentile of the rise over the forests."),
        signed("upper", "97.5th percentile of the rise over the forests."),
        count("trials", "Trials that the forests are fitted to.", "", required=True),
        number("error", "Mean root mean square error about trials not seen.", "share"),
        number("spread", "Standard deviation of all trials' accuracies.", "share"),
    ),
    ("parameter",),
    sources=(SearchRuns(Trials.COMPARED, (Stage.TRIAL,)),),
)

EXPECTATIONS = Table(
    "expectations",
    "What chance does",
    "What is to be expected of a study with these questions, references, seeds and spreads, before "
    "anything is known of its effects.",
    (
        string("name", "What is expected.", required=True),
        signed("value", "How much, in its unit.", ""),
        string("unit", "Unit of the value; share: 0 to 1, or of a percentage point 0.01."),
        string("how", "How it was found.", required=True),
    ),
    ("name",),
    sources=(SIMULATED,),
    beside=(Beside("Expected", ("name",)), Beside("How", ("how",))),
)

OF_THE_HIGHEST = "in the setting of the group where it is highest."

SIMULATIONS_TABLE = Table(
    "simulations",
    "Simulations of the judge",
    "Studies made by chance with the usual spread of runs 1 percentage point, judged in four ways: "
    "the judge of this report; the paired t; Welch's t; limma, a moderated t that also lowers "
    "spreads. One row for each group of settings and way to judge. Made by benchmarks/judge.py; "
    "every setting stands in report/simulations.csv of the project.",
    (
        string("group", "Group of settings, or all.", required=True),
        string("judged_by", "Way to judge.", required=True),
        count("settings", "Settings in the group.", "", required=True),
        count("studies", "Simulated studies of all its settings.", "", required=True),
        share("coverage", "Share of 95 % intervals that hold the truth: mean over settings."),
        share("coverage_least", "The same in the setting where it is lowest."),
        share(
            "false_in_question",
            "Share of questions in which a change that does nothing gets a verdict (Holm within "
            "the question): mean over settings.",
        ),
        share("false_in_question_most", f"The same {OF_THE_HIGHEST}", after=("false_in_question",)),
        share(
            "false_in_study",
            "Share of studies in which one does, corrected over all changes (Holm): mean over "
            "settings.",
        ),
        share("false_in_study_most", f"The same {OF_THE_HIGHEST}", after=("false_in_study",)),
        number("half_width", "Median half width of an interval: mean over settings.", "points"),
        share("power_1", "Share of true effects of 1 point that get a verdict: mean."),
        share("power_2", "Share of true effects of 2 points that get a verdict: mean."),
        share("wrong_sign_1", "Of these with 1 point, how many with the wrong sign (type S): mean.",
              after=("power_1",)),
        number("exaggeration_1", "How many times too large the estimates of these are (type M): "
               "mean.", "times", after=("power_1",)),
        share("coverage_error", "Standard error of coverage by the number of studies, at most."),
        share("false_in_study_error", "The same of false_in_study.", after=("false_in_study",)),
    ),
    ("group", "judged_by"),
    sources=(SIMULATIONS,),
    beside=(Beside("Settings", ("settings",)), Beside("Simulated studies", ("studies",))),
)  # fmt: skip

OUTCOME = string(
    "outcome",
    "; ".join(f"{name}: {when}" for name, when in OUTCOMES.items()) + ".",
    required=True,
    enum=list(OUTCOMES),
)

EXPECTED = Table(
    "expected",
    "What was expected",
    "One row for each change of which the study file expects something in a word, and what became "
    "of it by the test images.",
    (
        *made_from(
            (STUDY_FILE,),
            QUESTION,
            EXPERIMENT,
            REFERENCE,
            string("expects", "What is expected: helps, hurts or little.", required=True,
                   enum=["helps", "hurts", "little"]),
        ),
        *made_from((CompleteRuns(WITH_REFERENCE, TEST, paired=None),), OUTCOME),
    ),
    ("question", "experiment"),
)  # fmt: skip

SAID = ["higher", "lower", "alike", "open"]
NOT_COMPARED = "empty where training is harder on one side than on the other (behaviour.csv)"

HARDER = truth(
    "harder",
    "Whether training alters images (flip, shift, cutout) or takes values away (dropout), or its "
    "answers are those of averaged weights or of an image and its mirror image: training accuracy, "
    "which is measured while training, is then that of a harder task than validation.",
)
NEVER_LEARNED = count(
    "never_learned_runs",
    "Complete runs whose training loss never falls below 0.99 times that of guessing: the entropy "
    "of the classes' shares of the training images, ln(classes) where these are equal or weighed "
    "so that they count alike (class_weight: balanced).",
    "runs",
    required=True,
)
BESIDE_BEHAVIOUR = (
    Beside("Training accuracy", ("training_accuracy",)),
    Beside("Validation accuracy", ("validation_accuracy",)),
    Beside("Runs (n)", ("runs",)),
)

BEHAVIOUR = Table(
    "behaviour",
    "How experiments learn",
    "One row for each experiment: means over its complete runs.",
    (
        EXPERIMENT,
        count("runs", "Complete runs.", "runs", required=True),
        *made_from((STUDY_FILE,), HARDER),
        *made_from(
            (CompleteRuns(measure="training_accuracy"),),
            share("training_accuracy", "Mean training accuracy in the last epoch, measured in the "
                  "course of it, while the weights change."),
        ),
        *made_from(
            (CompleteRuns(measure="validation_accuracy"),),
            share("validation_accuracy", "Mean validation accuracy after the last epoch."),
            signed("gap", "Mean of training less validation accuracy; empty where training is "
                   "harder.", after=("training_accuracy", "validation_accuracy")),
            number("loss_rise", "Mean rise of the validation loss from a run's lowest epoch to its "
                   "last.", "nats"),
            number("unsteadiness", "How far an epoch's validation accuracy lies off the middle of "
                   "its two neighbours: mean size over the inner ones of the last seven epochs, "
                   "without the first three of the training; then over the runs. Empty for fewer "
                   "than six epochs.", "share"),
        ),
        NEVER_LEARNED,
    ),
    ("experiment",),
    sources=(CompleteRuns(),),
    beside=BESIDE_BEHAVIOUR,
)  # fmt: skip


def _learning(of: tuple[Whose, ...]) -> tuple[Column, ...]:
    """Make the columns of how two sides learn beside each other."""
    columns: list[Column] = []
    for measure, what in (
        ("training", f"training accuracy, change less reference; {NOT_COMPARED}"),
        ("validation", "validation accuracy, change less reference"),
        ("gap", f"gap (behaviour.csv), change less reference; {NOT_COMPARED}"),
        ("loss_rise", "loss_rise (behaviour.csv), change less reference"),
        ("unsteadiness", "unsteadiness (behaviour.csv), change over reference, by logarithms; one "
         "below that of a single image counts as that"),
    ):  # fmt: skip
        columns += _of_measure(measure, what)
    columns.append(
        string(
            "behaviour",
            "What stands out, by rule. never learned: some run. overfits more: gap higher; "
            "overfits less: gap lower and validation accuracy not lower; underfits: else, if "
            "training and validation accuracy are lower. Where the gap is not compared, loss_rise "
            "stands for it. unsteady, steadier: unsteadiness higher, lower. None but the first "
            "where neither side is surely better than guessing on images held out.",
        )
    )
    return (
        *made_from((STUDY_FILE,), truth("comparable", "Whether training is as hard on both "
                                        "sides: the same flip, shift, cutout, dropout, averaging "
                                        "of weights and flip at test time.")),
        *made_from((CompleteRuns(of, "validation_accuracy", paired=None),), *columns),
    )  # fmt: skip


def _of_measure(measure: str, what: str) -> list[Column]:
    """Make the columns of one of the measures."""
    ratio = measure == "unsteadiness"
    name = f"{measure}_{'ratio' if ratio else 'difference'}"
    unit = {"loss_rise": "nats", "unsteadiness": "times"}.get(measure, "share")
    least = {
        "loss_rise": "0.05 nats",
        "unsteadiness": "twofold, which the ratio itself must reach too",
    }.get(measure, "the smallest effect of interest")
    make = number if ratio else signed
    return [
        make(name, f"Mean {what}. Of runs that learned something and held images out.", unit),
        make(f"{measure}_lower", "Lower end of its 95 % interval.", unit, after=(name,)),
        make(f"{measure}_upper", "Upper end of that interval.", unit,
             after=(name, f"{measure}_lower")),
        share(f"{measure}_p_holm", "Two-sided p value of the t test of judge.csv, corrected for "
              "what is judged together (Holm, 1979).", after=(name,)),
        string(f"{measure}_said", "higher or lower: the corrected p value is below 0.05. alike: "
               f"the whole interval lies within {least}, which comes first. open: neither.",
               enum=SAID),
    ]  # fmt: skip


BESIDE_CHANGE = (
    Beside("Training accuracy", ("training_difference",)),
    Beside("Validation accuracy", ("validation_difference",)),
    Beside("Gap", ("gap_difference",)),
    Beside("Behaviour", ("behaviour",)),
)

BEHAVIOUR_CHANGES = Table(
    "behaviour-changes",
    "How changes learn",
    "One row for each change that is trained: how its runs learn beside those of its reference. "
    "Judged as judge.csv says of validation images, each measure with its own usual spread; the "
    "changes of a question are corrected together.",
    (
        *made_from((STUDY_FILE,), QUESTION, EXPERIMENT, REFERENCE),
        *made_from((CompleteRuns(),), NEVER_LEARNED),
        *_learning(WITH_REFERENCE),
    ),
    ("question", "experiment"),
    beside=BESIDE_CHANGE,
)

BEHAVIOUR_CONTRASTS = Table(
    "behaviour-contrasts",
    "How the levels of a grid learn",
    "One row for each main effect of contrasts.csv: how the runs of one level learn beside those "
    "of the reference's, over all levels of the other parameter. Judged as behaviour-changes.csv; "
    "the main effects of a question are corrected together.",
    (
        *made_from(
            (STUDY_FILE,),
            QUESTION,
            string("contrast", "What is set against what.", required=True),
        ),
        *_learning((Whose.CONTRAST,)),
    ),
    ("question", "contrast"),
    beside=BESIDE_CHANGE,
)

EVIDENCE = (
    LEDGER,
    EXPECTED,
    BEHAVIOUR,
    BEHAVIOUR_CHANGES,
    BEHAVIOUR_CONTRASTS,
    JUDGE,
    JUDGE_SPREADS,
    DIFFERENCES,
    CONTRASTS,
    CONTRAST_DIFFERENCES,
    CLASS_EFFECTS,
    SELECTION_BIAS,
    SELECTION_BIAS_MEANS,
    OVER_BASE,
    SCORES,
    SPREADS,
    SPREAD_MEDIANS,
    LOOK_ALIKES,
    PUBLISHED_RANKINGS,
    EXPECTATIONS,
    SIMULATIONS_TABLE,
    SEARCH_PRICES,
    SEARCH_FINALISTS,
    SEARCH_GAPS,
    SEARCH_ROUNDS,
    SEARCH_IMPORTANCE,
)

# ------------------------------------------------------------------- what fresh seeds say of advice

CONFIRMATIONS = {
    "confirmed": "with fresh seeds it helps",
    "not confirmed": "with fresh seeds it does not surely help, or a run did not reach its end",
    "not confirmed yet": "runs with fresh seeds are still to be made",
    "not asked for": "the study asks for no fresh seeds",
}
"""What may be said of a suggestion, and when."""

STRENGTHS = ("strong", "moderate", "weak")

OF_FRESH = (FreshRuns(WITH_REFERENCE, complete=True),)
OF_FIRST = (CompleteRuns(WITH_REFERENCE, TEST, paired=None),)
BESIDE_FRESH = (
    Beside("Gain with fresh seeds", ("fresh_difference",)),
    _interval("fresh_lower", "fresh_upper"),
    Beside("Fresh runs", ("fresh_runs",)),
    Beside("Outcome", ("outcome",)),
    Beside("Gain in the runs that chose it", ("first_difference",)),
)
FRESH_SEEDS = "with fresh seeds, which chose nothing"

CONFIRMATION = Table(
    "confirmation",
    "Confirmation",
    "One row for each suggestion: its gain in test {score} in the runs by which it was chosen, "
    f"and {FRESH_SEEDS}. Of the first gains those are chosen that came out large, so that they are "
    "too high on average.",
    (
        *made_from(
            (CompleteRuns(WITH_REFERENCE, VALIDATION, paired=None),),
            count("rank", "Its place among the suggestions; 1 is the first.", "", required=True),
        ),
        *made_from((STUDY_FILE,), QUESTION, EXPERIMENT, REFERENCE),
        *made_from(
            OF_FIRST,
            signed("first_difference", "Gain in the runs by which it was chosen, as "
                   "test_difference in ledger.csv."),
            signed("first_lower", "Lower end of its 95 % interval, as test_lower in ledger.csv."),
            signed("first_upper", "Upper end of it, as test_upper in ledger.csv."),
            beside=(
                Beside("Gain in the runs that chose it", ("first_difference",)),
                _interval("first_lower", "first_upper"),
                *(BESIDE_FRESH[place] for place in (0, 3)),
            ),
        ),
        *made_from(
            (STUDY_FILE,),
            count("fresh_seeds", "Fresh seeds that the study asks for.", "seeds", required=True),
        ),
        *made_from(
            (FreshRuns(WITH_REFERENCE),),
            count("fresh_runs", f"Runs {FRESH_SEEDS}, that were trained to the end: the smaller "
                  "number of the change and of what it changes.", "runs", required=True),
            count("fresh_broken_runs", "Runs of either that diverged or failed.", "runs",
                  required=True),
            count("fresh_missing_runs", "Runs of either that have no record.", "runs",
                  required=True),
            beside=BESIDE_FRESH,
        ),
        *made_from(
            OF_FRESH,
            signed("fresh_difference", f"Gain in mean test {SCORE} {FRESH_SEEDS}, change less "
                   "reference."),
            number(
                "fresh_error",
                "Standard error of this gain, by judge.csv: what is usual is so among the runs "
                "that chose.",
                "share",
                after=("fresh_difference",),
            ),
            number(
                "fresh_freedom",
                "Degrees of freedom of this standard error.",
                "",
                after=("fresh_difference", "fresh_error"),
            ),
            signed("fresh_lower", "Lower end of its 95 % interval, not corrected for the number of "
                   "suggestions.", after=("fresh_difference",)),
            signed("fresh_upper", "Upper end of it.", after=("fresh_difference", "fresh_lower")),
            share("fresh_p", "Two-sided p value of this gain.", after=("fresh_difference",)),
            share("fresh_p_holm", "The same, corrected for all suggestions (Holm, 1979); those "
                  "that are not judged yet count as 1.",
                  after=("fresh_difference", "fresh_p")),
            string("fresh_verdict", "What is said of this gain, as a verdict of ledger.csv; empty "
                   "while runs are missing.", enum=list(VERDICTS)),
            beside=BESIDE_FRESH,
        ),
        *made_from(
            (*OF_FIRST, *OF_FRESH),
            signed("shrinkage", "first_difference less fresh_difference: what the first gain "
                   "promised too much.", after=("first_difference", "fresh_difference")),
            string("outcome", "; ".join(f"{name}: {when}" for name, when in CONFIRMATIONS.items())
                   + ".", required=True, enum=list(CONFIRMATIONS)),
            string("strength", "Strength of the evidence. strong: validation and test images say "
                   "that it helps, in enough runs, the test images also corrected for "
                   "all changes of the study, and fresh seeds confirm it, if the study asks for "
                   "any. weak: the test images, or fresh seeds, speak against it. moderate: "
                   "neither.", required=True, enum=list(STRENGTHS)),
            string("why", "Why it is not stronger.", required=True),
            beside=BESIDE_FRESH,
        ),
    ),
    ("question", "experiment"),
)  # fmt: skip

CONFIRMATION_RUNS = Table(
    "confirmation-runs",
    "Runs with fresh seeds",
    "One row for each run that confirms a suggestion: what is suggested and what it changes, each "
    f"{FRESH_SEEDS}. Those that are missing are included. Columns as in runs.csv.",
    tuple(replace(as_in("runs", column), sources=()) for column in RUNS.columns),
    ("experiment", "seed"),
    sources=(FreshRuns(this=True),),
)

CONFIRMED = (CONFIRMATION, CONFIRMATION_RUNS)
"""What `confirmation.assess` writes, beside the evidence that the suggestions come from."""

CONFIRMED_DICTIONARY = "confirmation.datapackage.json"

EVIDENCE_TEXTS = ("ledger.md", "ledger.tex", "suggestions.json")


def planned_confirmed() -> list[str]:
    """Name every file that `confirmation.assess` writes."""
    return [*(table.file for table in CONFIRMED), CONFIRMED_DICTIONARY]


def planned_evidence() -> list[str]:
    """Name every file that `evidence.analyse` writes."""
    return [*(table.file for table in EVIDENCE), *EVIDENCE_TEXTS, DICTIONARY]
