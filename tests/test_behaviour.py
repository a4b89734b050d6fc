"""How changes learn, and what became of expectations: rules case by case, rows by hand.

Differences of 10, 11 and 12 points over three seeds have t² = 363 with 2 degrees of freedom: p =
1 - sqrt(363 / 365) = 0.00274349: alone in its question that is sure.
"""

import csv
import math
import re
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

import records_by_hand
from cnn_study.base.inference import Effect
from cnn_study.data.catalog import DATASETS
from cnn_study.evidence.analyse import analyse
from cnn_study.evidence.behaviour import MEASURES, behaviours_of, learned, unsteadiness_of
from cnn_study.evidence.expected import outcome_of
from cnn_study.figures.picture import Picture, image
from cnn_study.figures.results import Results
from cnn_study.figures.training import Training
from cnn_study.runs.records import Record
from cnn_study.study.merge import load
from cnn_study.study.model import Study
from cnn_study.tables.collect import collect
from figures_by_hand import written_words

PROJECT = Path(__file__).resolve().parents[1]
STUDY = """
title: A tiny study
dataset: digits
seeds: 3
judge: paired
base: {{filters: [2], kernel_size: 3, dense_units: 0, epochs: 3}}
questions:
  change:
    title: Change
    question: Does it?
    hypothesis: Yes.
    {more}
"""
CHANGE = "changes: {wide: {filters: [4]}}"

# ------------------------------------------------------------------------------- one run


def test_a_zigzag_is_unsteady_and_a_straight_line_is_not():
    """Each epoch lies 0.1 off the middle of its neighbours: |0.6 - (0.5 + 0.5) / 2|."""
    start = [0.1, 0.3, 0.4]
    assert unsteadiness_of([*start, 0.5, 0.6, 0.5, 0.6, 0.5]) == pytest.approx(0.1)
    assert unsteadiness_of([*start, 0.5, 0.52, 0.54, 0.56]) == pytest.approx(0)


def test_only_the_last_seven_epochs_tell_and_the_first_three_never():
    calm = [0.5] * 7
    assert unsteadiness_of([0.1, 0.2, 0.3, 0.9, 0.1, 0.9, *calm]) == 0
    assert unsteadiness_of([0.1, 0.9, 0.1, 0.5, 0.5]) is None
    assert unsteadiness_of([0.1, 0.9, 0.1, 0.5, 0.8, 0.5]) == pytest.approx(0.3)
    assert unsteadiness_of([]) is None


def test_a_run_learned_if_its_loss_ever_fell_below_that_of_guessing():
    """ln 10 = 2.302585; 0.99 of it is 2.279559."""
    guessing = math.log(10)
    assert not learned([2.31, 2.306, 2.2796], guessing)
    assert learned([2.31, 2.2795, 2.4], guessing)
    assert learned([0.7], math.log(2)) is False  # 0.693
    assert learned([], guessing)


# ------------------------------------------------------------------------------- the rule


@pytest.mark.parametrize(
    ("said", "never", "words"),
    [
        ({}, 0, []),
        ({"gap": "higher"}, 0, ["overfits more"]),
        ({"gap": "higher", "training": "lower", "validation": "lower"}, 0, ["overfits more"]),
        ({"gap": "lower"}, 0, ["overfits less"]),
        ({"gap": "lower", "validation": "lower"}, 0, []),
        ({"gap": "lower", "training": "lower", "validation": "lower"}, 0, ["underfits"]),
        ({"training": "lower", "validation": "lower"}, 0, ["underfits"]),
        ({"training": "lower"}, 0, []),
        ({"gap": "alike", "loss_rise": "higher"}, 0, []),
        ({"gap": "", "loss_rise": "higher"}, 0, ["overfits more"]),
        ({"gap": "", "loss_rise": "lower"}, 0, ["overfits less"]),
        ({"gap": "", "loss_rise": "lower", "validation": "lower"}, 0, []),
        ({"unsteadiness": "higher"}, 0, ["unsteady"]),
        ({"gap": "lower", "unsteadiness": "lower"}, 0, ["overfits less", "steadier"]),
        ({"training": "lower", "validation": "lower"}, 2, ["never learned", "underfits"]),
    ],
)
def test_what_stands_out(said, never, words):
    assert behaviours_of(dict.fromkeys(MEASURES, "open") | said, never) == words
    assert behaviours_of(dict.fromkeys(MEASURES, "open") | said, never, generalizes=False) == [
        word for word in words if word == "never learned"
    ]


# ------------------------------------------------------------------------------- rows


def made(study: Study, experiment: str, seed: int, **scores: list[float]) -> Record:
    """Make a record with these scores epoch by epoch."""
    record = records_by_hand.make(study, experiment, seed)
    first = record.epochs[0]
    rows = [dict(zip(scores, values, strict=True)) for values in zip(*scores.values(), strict=True)]
    epochs = [
        first.model_copy(update={"epoch": number, **row})
        for number, row in enumerate(rows, start=1)
    ]
    return record.model_copy(update={"epochs": epochs})


def analysed(folder: Path, records: dict[str, list[dict]], more: str = CHANGE) -> dict[str, list]:
    """Analyse runs of base and change, one for each seed; give the rows of every CSV."""
    epochs = max(len(scores["training_loss"]) for runs in records.values() for scores in runs)
    text = STUDY.format(more=more).replace("epochs: 3", f"epochs: {epochs}")
    (folder / "tiny.yaml").write_text(text)
    study = load(folder / "tiny.yaml")
    for id_, runs in records.items():
        for seed, scores in enumerate(runs, start=1):
            records_by_hand.write(study, folder, made(study, id_, seed, **scores))
    collect(study, folder, folder / "tables")
    analyse(study, folder / "tables", folder / "evidence")
    return {
        path.stem: list(csv.DictReader(path.read_text().splitlines()))
        for path in (folder / "evidence").glob("*.csv")
    }


def ending(training: float, validation: float, losses: tuple = (0.5, 0.4, 0.4)) -> dict:
    """Give the scores of a run of three epochs, by how it ends."""
    return {
        "training_accuracy": [0.2, 0.3, training],
        "training_loss": [1.0, 0.9, 0.8],
        "validation_accuracy": [0.2, 0.3, validation],
        "validation_loss": list(losses),
    }


BASE = [ending(0.8, 0.7)] * 3


def test_a_wider_gap_overfits_more(tmp_path):
    """Training 10, 11 and 12 points higher with one validation accuracy."""
    rows = analysed(tmp_path, {"base": BASE, "wide": [ending(t, 0.7) for t in (0.9, 0.91, 0.92)]})
    base, wide = rows["behaviour"]
    assert (base["training_accuracy"], base["validation_accuracy"], base["gap"]) == (
        *("0.8", "0.7", "0.1"),
    )
    assert (wide["training_accuracy"], wide["gap"], wide["harder"]) == ("0.91", "0.21", "false")
    assert (base["unsteadiness"], base["never_learned_runs"], base["runs"]) == ("", "0", "3")
    (change,) = rows["behaviour-changes"]
    assert float(change["gap_difference"]) == pytest.approx(0.11)
    assert float(change["gap_p_holm"]) == pytest.approx(0.00274349, rel=1e-4)
    assert float(change["gap_lower"]) == pytest.approx(0.11 - 0.0248414, rel=1e-4)
    assert [change[f"{measure}_said"] for measure in MEASURES] == [
        *("higher", "alike", "higher", "alike", ""),
    ]
    assert change["behaviour"] == "overfits more"


@pytest.mark.parametrize(("validation", "said"), [(0.13, ""), (0.2, "overfits more")])
def test_nothing_overfits_that_only_guesses(tmp_path, validation, said):
    """Of 144 images held out 13 % are not surely more than 10.28 %, 20 % are."""
    runs = {
        "base": [ending(0.8, validation)] * 3,
        "wide": [ending(training, validation) for training in (0.9, 0.91, 0.92)],
    }
    (change,) = analysed(tmp_path, runs)["behaviour-changes"]
    assert change["gap_said"] == "higher"
    assert change["behaviour"] == said


def test_worse_on_both_underfits(tmp_path):
    worse = [ending(0.8 - d, 0.7 - d) for d in (0.1, 0.11, 0.12)]
    (change,) = analysed(tmp_path, {"base": BASE, "wide": worse})["behaviour-changes"]
    assert [change[f"{measure}_said"] for measure in MEASURES[:3]] == ["lower", "lower", "alike"]
    assert change["behaviour"] == "underfits"


def test_what_differs_by_chance_says_nothing(tmp_path):
    """Differences of 1, 2 and 3 points: p = 0.074."""
    runs = [ending(0.8 + d, 0.7) for d in (0.01, 0.02, 0.03)]
    (change,) = analysed(tmp_path, {"base": BASE, "wide": runs})["behaviour-changes"]
    assert (change["training_said"], change["behaviour"]) == ("open", "")


def test_with_altered_images_the_validation_loss_tells_instead_of_the_gap(tmp_path):
    """The reference's loss rises by 0.10, 0.11 and 0.12 nats after its lowest epoch."""
    base = [ending(0.8, 0.7, (0.5, 0.4, 0.4 + rise)) for rise in (0.1, 0.11, 0.12)]
    flip = [ending(0.6, 0.7, (0.5, 0.45, 0.4))] * 3
    more = "changes: {flip: {horizontal_flip: true}}"
    rows = analysed(tmp_path, {"base": base, "flip": flip}, more)
    assert [(row["harder"], row["gap"]) for row in rows["behaviour"]] == [
        ("false", "0.1"),
        ("true", ""),
    ]
    (change,) = rows["behaviour-changes"]
    assert (change["comparable"], change["training_difference"], change["gap_said"]) == (
        *("false", "", ""),
    )
    assert float(change["loss_rise_difference"]) == pytest.approx(-0.11)
    assert change["behaviour"] == "overfits less"


@pytest.mark.parametrize("change", ["weight_averaging: 0.5", "test_time_flip: true"])
def test_better_answers_alone_close_no_gap(tmp_path, change):
    """Training accuracy is that of single weights and views, validation accuracy is not."""
    runs = {"base": BASE, "helped": [ending(0.8, v) for v in (0.75, 0.76, 0.77)]}
    rows = analysed(tmp_path, runs, f"changes: {{helped: {{{change}}}}}")
    assert [row["harder"] for row in rows["behaviour"]] == ["false", "true"]
    (compared,) = rows["behaviour-changes"]
    assert (compared["comparable"], compared["gap_said"]) == ("false", "")
    assert (compared["validation_said"], compared["behaviour"]) == ("higher", "")


def test_a_jump_from_epoch_to_epoch_is_unsteady(tmp_path):
    """0.01 off the middle without the change, 0.04, 0.05 and 0.06 with it: 5 times as far."""

    def jumping(size: float) -> dict:
        accuracies = [0.3, 0.4, 0.5, 0.6, 0.6 + size, 0.6, 0.6 + size, 0.6]
        return {
            "training_accuracy": [0.8] * 8,
            "training_loss": [0.5] * 8,
            "validation_accuracy": accuracies,
            "validation_loss": [0.5] * 8,
        }

    runs = {"base": [jumping(0.01)] * 3, "wide": [jumping(s) for s in (0.04, 0.05, 0.06)]}
    rows = analysed(tmp_path, runs)
    assert [float(row["unsteadiness"]) for row in rows["behaviour"]] == pytest.approx([0.01, 0.05])
    (change,) = rows["behaviour-changes"]
    assert float(change["unsteadiness_ratio"]) == pytest.approx((4 * 5 * 6) ** (1 / 3), rel=1e-5)
    assert change["behaviour"] == "unsteady"


def test_a_run_that_only_guesses_is_counted_and_kept_out_of_what_is_judged(tmp_path):
    stuck = ending(0.1, 0.1) | {"training_loss": [2.31, 2.305, 2.303]}
    rows = analysed(tmp_path, {"base": BASE, "wide": [ending(0.8, 0.7), ending(0.8, 0.7), stuck]})
    assert [row["never_learned_runs"] for row in rows["behaviour"]] == ["0", "1"]
    assert float(rows["behaviour"][1]["training_accuracy"]) == pytest.approx(1.7 / 3, rel=1e-5)
    (change,) = rows["behaviour-changes"]
    assert change["behaviour"] == "never learned"
    assert float(change["training_difference"]) == 0


def test_where_classes_are_weighed_alike_guessing_costs_as_if_they_were_equal(
    tmp_path, monkeypatch
):
    """The entropy of 9 classes of 48 of 450 images and one of 18 is 2.277, ln 10 is 2.303.

    0.99 times that is 2.254 and 2.280: 2.27 lies above the one and below the other.
    """
    counts = (48,) * 9 + (18,)
    monkeypatch.setitem(DATASETS, "digits", replace(DATASETS["digits"], training_counts=counts))
    stuck = ending(0.1, 0.1) | {"training_loss": [2.31, 2.28, 2.27]}
    balanced = "changes: {wide: {filters: [4]}, balanced: {class_weight: balanced}}"
    rows = analysed(
        tmp_path, {"base": BASE, "wide": [stuck] * 3, "balanced": [stuck] * 3}, balanced
    )
    assert [row["never_learned_runs"] for row in rows["behaviour"]] == ["0", "3", "0"]


def test_without_validation_images_or_runs_nothing_is_said(tmp_path):
    bare = "changes: {bare: {validation_fraction: 0}, later: {filters: [4]}}"
    blind = ending(0.8, 0.7) | {"validation_accuracy": [None] * 3, "validation_loss": [None] * 3}
    rows = analysed(tmp_path, {"base": BASE, "bare": [blind] * 3}, bare)
    assert [(row["training_accuracy"], row["gap"], row["runs"]) for row in rows["behaviour"]] == [
        ("0.8", "0.1", "3"),
        ("0.8", "", "3"),
        ("", "", "0"),
    ]
    assert [row["behaviour"] for row in rows["behaviour-changes"]] == ["", ""]


def test_levels_of_a_grid_are_set_against_the_reference_s_over_the_other_s(tmp_path):
    """Kernel 5 has gaps 10, 11 and 12 points wider at either width."""
    more = "grid: {filters: [[2], [4]], kernel_size: [3, 5]}"
    wider = [ending(t, 0.7) for t in (0.9, 0.91, 0.92)]
    runs = {
        "base": BASE, "filters-4": BASE, "kernel-size-5": wider, "filters-4-kernel-size-5": wider,
    }  # fmt: skip
    rows = analysed(tmp_path, runs, more)["behaviour-contrasts"]
    assert [(row["contrast"], row["behaviour"]) for row in rows] == [
        ("filters 4 against 2", ""),
        ("kernel_size 5 against 3", "overfits more"),
    ]
    assert [float(row["gap_difference"]) for row in rows] == pytest.approx([0, 0.11])


# ------------------------------------------------------------------------------- the figure


def drawn(folder: Path, ids: tuple[str, ...]) -> tuple[Picture, Results]:
    results = Results(load(folder / "tiny.yaml"), folder / "tables", folder / "evidence")
    return Training("change", "Change", ids), results


@pytest.mark.slow
def test_the_figure_shows_what_stands_out_beside_the_reference(tmp_path):
    """Training 90, 91 and 92 % beside 80, validation 70 % in both; the third does nothing."""
    more = "changes: {wide: {filters: [4]}, wider: {filters: [8]}}"
    wide = [ending(t, 0.7) for t in (0.9, 0.91, 0.92)]
    analysed(tmp_path, {"base": BASE, "wide": wide, "wider": BASE}, more)
    picture, results = drawn(tmp_path, ("base", "wide", "wider"))
    assert picture.runs(results) == {"base": [1, 2, 3], "wide": [1, 2, 3]}
    texts = picture.texts(results)
    assert "grey behind them: base. filters 4: overfits more." in texts.caption
    assert "base has 80.0 % of the training and 70.0 % of the validation images" in texts.alt
    assert texts.alt.endswith("filters 4 91.0 % and 70.0 %.")
    words = written_words(image(picture, results, "svg").decode())
    assert {"filters 4", "Training", "Validation", "base (reference)"} <= set(words)
    assert "filters 8" not in words


def test_where_nothing_stands_out_the_figure_says_so(tmp_path):
    analysed(tmp_path, {"base": BASE, "wide": BASE})
    picture, results = drawn(tmp_path, ("base", "wide"))
    assert picture.runs(results) == {}
    said = "nothing stands out in how these changes learn"
    assert written_words(image(picture, results, "svg").decode()) == [said]
    assert said in picture.texts(results).alt


# ------------------------------------------------------------------------------- expectations


def judged(verdict: str, lower: float | None = None, upper: float | None = None) -> Effect:
    return Effect(5, 0.0, lower=lower, upper=upper, verdict=verdict)


@pytest.mark.parametrize(
    ("expects", "effect", "clearly", "outcome"),
    [
        ("helps", judged("helps"), None, "came true"),
        ("helps", judged("hurts"), None, "did not come true"),
        ("helps", judged("no meaningful difference"), None, "did not come true"),
        ("helps", judged("too close to call"), None, "open"),
        ("helps", judged("too close to call"), "higher", "came true"),
        ("hurts", judged("unreliable"), "lower", "came true"),
        ("hurts", judged("unreliable"), "higher", "did not come true"),
        ("hurts", judged("unreliable"), None, "open"),
        ("hurts", judged("not run"), None, "open"),
        ("little", judged("no meaningful difference", -0.004, 0.004), None, "came true"),
        ("little", judged("too close to call", -0.009, 0.009), None, "came true"),
        ("little", judged("too close to call", -0.009, 0.011), None, "open"),
        ("little", judged("helps", 0.001, 0.009), None, "came true"),
        ("little", judged("helps", 0.001, 0.011), None, "did not come true"),
        ("little", judged("unreliable", -0.009, 0.009), None, "open"),
        ("little", judged("unreliable", -0.5, -0.1), "lower", "did not come true"),
        ("little", judged("too few seeds"), None, "open"),
    ],
)
def test_what_became_of_an_expectation(expects, effect, clearly, outcome):
    """With a smallest effect of half a point, little is within one point to either side."""
    assert outcome_of(expects, effect, clearly, 0.005) == outcome


def test_only_changes_with_a_word_are_settled(tmp_path):
    more = "changes: {wide: {filters: [4]}, wider: {filters: [8]}}\n    expects: {wider: hurts}"
    rows = analysed(tmp_path, {"base": BASE, "wide": BASE}, more)["expected"]
    assert [tuple(row.values()) for row in rows] == [("change", "wider", "base", "hurts", "open")]


# ------------------------------------------------------------------------ the published study


@pytest.mark.parametrize("name", ["cifar10", "digits"])
def test_every_question_has_a_reading_that_types_no_result(name):
    """Settings and numbers of layers may stand there; decimals, percentages and points may not."""
    questions = yaml.safe_load((PROJECT / "experiments" / f"{name}.yaml").read_text())["questions"]
    assert all(question.get("reading") for question in questions.values())
    typed = [
        found
        for question in questions.values()
        for found in re.findall(
            r"\d+[.,]\d+|\d+\s*%|\d+ (?:percentage )?points", question["reading"]
        )
    ]
    assert typed == []


def test_the_published_study_says_what_its_curves_show():
    """Set beside what was read off the epochs by eye, before there was a rule."""
    with (PROJECT / "results/cifar10/evidence/behaviour-changes.csv").open() as file:
        said = {row["experiment"]: row["behaviour"].split(", ") for row in csv.DictReader(file)}
    assert "unsteady" in said["batch-normalization"]
    assert said["global-average-pooling"] == ["underfits"]
    assert "never learned" in said["activation-sigmoid"]
    assert said["epochs-20"] == ["overfits more"]
    with (PROJECT / "results/cifar10/evidence/behaviour-contrasts.csv").open() as file:
        levels = {row["contrast"]: row["behaviour"] for row in csv.DictReader(file)}
    assert levels["kernel_size 3 against 7"] == "overfits less"
