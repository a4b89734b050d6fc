"""The exercises of the teaching chapters: every answer by hand, each once, folded on the page."""

import re
from pathlib import Path

import pytest

import records_by_hand
from cnn_study.evidence.findings import Findings
from cnn_study.evidence.read import Tables
from cnn_study.report.data import data_of
from cnn_study.report.exercises import (
    Exercises,
    doubled_scores,
    exercises_of,
    horizontal_edges,
    possible_images,
)
from cnn_study.report.filters import signed
from cnn_study.report.receipts import mark
from report_by_hand import PLAIN, SCORES, WITH_ALL, Made, unmarked

SIZES = """
  sizes:
    title: Sizes
    question: Which?
    hypothesis: One of them.
    changes:
      wide-window: {kernel_size: 5}
      batch-64: {batch_size: 64}
      batch-128: {batch_size: 128}
      batch-8: {batch_size: 8}
"""


def facts(made: Made) -> Exercises:
    made.collect()
    tables = Tables(made.study, made.folder / "tables")
    findings = Findings(made.study, made.folder / "evidence")
    return exercises_of(made.study, tables, findings, data_of(made.study, tables))


def plain(folder: Path) -> Made:
    made = Made(folder, PLAIN)
    for experiment, scores in SCORES.items():
        made.runs(experiment, scores)
    return made


@pytest.fixture(scope="module")
def of_digits(tmp_path_factory) -> Exercises:
    """Of a base with 2 and 4 filters of 3 x 3 pixels on images of 8 x 8, that scores 50 and 60."""
    return facts(plain(tmp_path_factory.mktemp("digits")))


def test_images_that_can_be_told_apart():
    # 256^2 = 65,536: four zeros. 256^64 = 2^512 = 1.34e154.
    assert possible_images(2) == 4
    assert possible_images(64) == 154


def test_the_kernel_that_is_turned_finds_where_the_bar_ends():
    edges = horizontal_edges()
    assert edges["kernel"] == [[-1, -1, -1], [0, 0, 0], [1, 1, 1]]
    # Rows 1 to 4 are alike, 1 1 7 7 1 1; rows 5 and 6 are all 1. Windows of columns 1-3, 2-4, 3-5
    # and 4-6 hold one or two columns of the bar, and lose 6 for each below it.
    assert edges["feature_map"] == [[0] * 4, [0] * 4, [-6, -12, -12, -6], [-6, -12, -12, -6]]


def test_doubled_scores():
    doubled = doubled_scores()
    assert doubled["scores"] == [4, 2, -4]
    # e^4, e^2 and e^-4 are 54.598, 7.389 and 0.018; together 62.006.
    assert doubled["probabilities"] == pytest.approx([0.8805, 0.1192, 0.0003], abs=1e-4)


def test_what_follows_from_the_base_alone(of_digits):
    told = of_digits.facts
    assert told["regression_parameters"] == 10 * 64 + 10
    # 3 x 3 weights, one channel; in a corner 2 x 2 of them lie on the image.
    assert told["window"] == {"side": 3, "frame": 1, "inside": 9, "part": 2, "corner": 4}
    # 8 pixels, kernel 5, stride 2: (8 - 5) / 2 = 1.5 and (8 + 4 - 5) / 2 = 3.5, rounded down, + 1.
    assert told["output"] == {
        "side": 8, "kernel": 5, "stride": 2, "valid": 2, "frame": 2, "same": 4
    }  # fmt: skip
    second = told["second"]
    shown = {name: second[name] for name in ("kernel", "channels", "filters", "height", "width")}
    assert shown == {"kernel": 3, "channels": 2, "filters": 4, "height": 4, "width": 4}
    assert second["row"]["parameters"] == 3 * 3 * 2 * 4 + 4
    assert second["row"]["macs"] == 4 * 4 * 3 * 3 * 2 * 4
    # 1 + 2, pooling + 1, then + 2 x 2; with kernels of 5: 1 + 4, + 1, + 4 x 2.
    assert (told["field"]["before"], told["field"]["after"]) == (8, 14)
    assert told["descent"] == {"rate": 0.3, "path": pytest.approx([-0.75, -0.3, -0.12])}
    assert of_digits.numbers_of(1000) == 64_000
    assert of_digits.guess == pytest.approx(2.302585)


def test_what_follows_from_the_runs_of_the_base(of_digits):
    told = of_digits.facts
    # 50 and 60: mean 55, standard deviation 7.07; t(0.975, 1) = 12.706, t(0.975, 7) = 2.3646.
    interval = told["interval"]
    assert (interval["n"], interval["more"]) == (2, 8)
    assert interval["half"] == pytest.approx(12.706 * 0.0707107 / 2**0.5, rel=1e-4)
    assert interval["lower"] == pytest.approx(0.55 - 0.63531, abs=1e-4)
    assert interval["upper"] == pytest.approx(0.55 + 0.63531, abs=1e-4)
    assert interval["more_half"] == pytest.approx(2.3646 * 0.0707107 / 8**0.5, rel=1e-4)
    assert told["chance"] == {"pairs": 1, "mean": pytest.approx(0.1), "most": pytest.approx(0.1)}
    assert [str(cell) for cell in told["chance"]["most"].cells] == [
        "runs:0:test_accuracy", "runs:1:test_accuracy"
    ]  # fmt: skip
    # Of the first class all wrong images are taken for the second: see records_by_hand.
    assert told["of_class"]("0")["taken_for"] == "1"
    assert told["of_class"]("ship") is None
    assert told["confused"].true == "0"


@pytest.mark.slow
def test_losses_begin_near_that_of_guessing(tmp_path):
    """A run of the base in its first epoch, and the run that still guesses in its last."""
    made = plain(tmp_path)
    loss = facts(made).facts["loss"]
    first = Tables(made.study, made.folder / "tables").epochs
    first = first[(first["experiment"] == "base") & (first["epoch"] == 1)]["training_loss"]
    assert loss["first"] == pytest.approx(first.mean())
    assert [cell.column for cell in loss["first"].cells] == ["training_loss"] * 2
    assert loss["guessing"] is None
    assert loss["learns"]
    stuck = records_by_hand.make(made.study, "learning-rate-1", 2, test=0.1)
    # ln 10 is 2.3026; 2.31 is less than a hundredth more.
    stuck.epochs[-1] = stuck.epochs[-1].model_copy(update={"training_loss": 2.31})
    records_by_hand.write(made.study, made.folder, stuck)
    guessing = facts(made).facts["loss"]["guessing"]
    assert (guessing["experiment"], guessing["seed"]) == ("learning-rate-1", 2)


@pytest.mark.slow
def test_a_first_epoch_near_that_of_guessing_is_no_learning(tmp_path):
    """0.99 ln 10 is 2.2796: of 2.29 nobody says that the base already learns."""
    made = plain(tmp_path)
    for seed in made.study.seeds:
        slow = records_by_hand.make(made.study, "base", seed)
        slow.epochs[0] = slow.epochs[0].model_copy(update={"training_loss": 2.29})
        records_by_hand.write(made.study, made.folder, slow)
    said = " ".join(made.text().split())
    assert "on average: it has hardly learned anything yet." in said
    assert "already learns" not in said


@pytest.mark.slow
def test_a_change_is_looked_up_for_an_answer(tmp_path):
    """The kernel that the exercise asks about, and the largest batch, each changed alone."""
    made = Made(tmp_path, PLAIN + SIZES)
    for place, id_ in enumerate(made.study.experiments):
        made.runs(id_, (0.5 + 0.01 * place, 0.52 + 0.01 * place))
    told = facts(made).facts
    assert told["field"]["change"].experiment == "wide-window"
    steps = told["steps"]
    assert steps["change"].experiment == "batch-128"
    assert steps["larger"] == 128
    # 2 epochs; of 1,797 images 1,437 train, of which a tenth is held out.
    data = data_of(made.study, Tables(made.study, made.folder / "tables"))
    assert steps["steps"] == 2 * -(-data.trained_on // 32)
    assert steps["larger_steps"] == 2 * -(-data.trained_on // 128)


ENHANCED = """
title: Two networks
dataset: digits
seeds: 3
enhanced: batch-64
base: {filters: [2], kernel_size: 5, epochs: 2, dense_units: 0, validation_fraction: 0.2}
questions:
  sizes:
    title: Sizes
    question: Which?
    hypothesis: One of them.
    changes: {batch-64: {batch_size: 64}, window-3: {kernel_size: 3}}
"""


@pytest.mark.slow
def test_networks_that_do_better_on_held_out_images_do_not_overfit(tmp_path):
    """Training accuracy is 90 %: the gaps are -9 and -3 points, so the larger is no overfitting."""
    made = Made(tmp_path, ENHANCED).runs("base", (0.5, 0.6, 0.7), validation=0.99)
    text = " ".join(
        unmarked(made.runs("batch-64", (0.6, 0.7, 0.8), validation=0.93).text()).split()
    )
    assert "a gap of −3.00 percentage points; for the base it is −9.00. The validation" in text
    assert "in the enhanced model. So neither overfits, as far as it was trained." in text
    assert "overfits more:" not in text


@pytest.mark.slow
def test_equal_scores_make_no_difference(tmp_path):
    made = Made(tmp_path, ENHANCED)
    for id_ in ("base", "batch-64", "window-3"):
        made.runs(id_, (0.5, 0.5, 0.5))
    text = " ".join(unmarked(made.text()).split())
    assert "at the same learning rate: no difference (" in text
    assert "The runs say what comes of it: no difference for" in text
    assert "The probabilities of both can be believed alike." in text
    assert "To see more is not to do better" not in text
    assert "standard deviation 0.00 points" not in text
    assert "call the better one an improvement" not in text


@pytest.mark.slow
def test_a_study_without_runs_asks_nothing_of_them(tmp_path):
    made = Made(tmp_path, PLAIN).runs("learning-rate-1", (0.3, 0.4))
    told = facts(made).facts
    assert [told[name] for name in ("interval", "chance", "loss", "confused")] == [None] * 4
    assert told["of_class"]("0") is None


def test_exercises_are_numbered_and_solutions_have_no_receipts(of_digits):
    sheet = Exercises({}, 64, 2.3)
    score = of_digits.facts["chance"]["mean"]
    sheet.add(" First? ", f"It is {mark(signed(score), score)}.\n")
    second = sheet.add("Second?", "No.")
    assert (second.number, second.question) == (2, "Second?")
    assert ".receipt" in sheet.asked[0].answer
    assert sheet.asked[0].solution == "It is +10.00."


# ------------------------------------------------------------------------------- in the text


@pytest.fixture(scope="module")
def text(tmp_path_factory) -> str:
    made = Made(tmp_path_factory.mktemp("whole"), WITH_ALL)
    for experiment, scores in SCORES.items():
        made.runs(experiment, (*scores, sum(scores) / 2))
    return made.runs("filters-4-8", (0.70, 0.72, 0.74)).text()


def test_each_exercise_has_its_answer_once_on_the_page_and_once_on_paper(text):
    asked = re.findall(r"^\*\*(\d+)\.\*\* ", text, re.MULTILINE)
    count = max(map(int, asked))
    assert count >= 10
    numbers = [str(number) for number in range(1, count + 1)]
    assert asked == numbers * 2  # as questions, and as solutions
    folded = re.findall(r"<summary>Answer to exercise (\d+)</summary>", text)
    assert folded == numbers
    assert text.count('<details class="answer">') == count
    assert text.count("<details") == text.count("</details>")


def test_solutions_say_what_the_folded_answers_say(text):
    answers = re.findall(
        r"exercise \d+</summary>\n```\n\n(.*?)\n\n```\{=html\}\n</details>", text, re.DOTALL
    )
    start = text.index("# Solutions to the exercises")
    paper = text[start : text.index("# References", start)]
    solutions = re.split(r"^\*\*\d+\.\*\* ", paper, flags=re.MULTILINE)[1:]
    solutions[-1] = solutions[-1].split("\n```{=typst}")[0]
    assert [unmarked(answer).strip() for answer in answers] == [
        unmarked(solution).strip() for solution in solutions
    ]
    assert ".receipt" not in paper


def test_without_a_network_in_the_page_nothing_is_asked_of_it(text):
    assert "**Live.**" not in text
    assert "**Try it first:**" not in text
