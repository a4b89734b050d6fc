"""What the report says of the test images: how runs spread over them, look-alikes, misread ones."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import records_by_hand
from cnn_study.base import files
from cnn_study.runs import correct_answers, look_alikes, sealed
from report_by_hand import PLAIN, Made, unmarked

STUDY = PLAIN.replace(
    "learning-rate-1: {learning_rate: 0.1}", "falling: {schedule: cosine}"
).replace("learning-rate-2: {learning_rate: 0.01}", "wide: {filters: [4]}")
N = 360
LABELS = np.arange(N) % 10


def answer(made: Made, id_: str, *wrong: range) -> None:
    """Let run after run call the images of a range the next class, and the rest right."""
    for seed, places in enumerate(wrong, start=1):
        classes = np.where(np.isin(np.arange(N), places), (LABELS + 1) % 10, LABELS)
        record = records_by_hand.make(made.study, id_, seed)
        records_by_hand.answering(made.study, made.folder, record, classes, LABELS)


@pytest.fixture
def made(tmp_path: Path) -> Made:
    """base: 90 % and 80 %, many images flip; falling: 90 % twice, the same images."""
    made = Made(tmp_path / "small", STUDY)
    answer(made, "base", range(36), range(72))
    answer(made, "falling", range(36), range(36))
    answer(made, "wide", range(72), range(10, 82))
    place = correct_answers.place(made.study, made.folder)
    files.write_arrays(place, {"labels": LABELS.astype("uint8")})
    return made


def said(made: Made) -> str:
    """The text in one line, without the marks of receipts and with plain spaces."""
    made.collect()
    text = made.write(look_alikes=look_alikes.find(made.study, made.folder))
    return " ".join(unmarked(text).replace("\N{NO-BREAK SPACE}", " ").split())


@pytest.mark.slow
def test_the_spread_is_told_with_the_schedule_that_changes_it(made):
    """base: 36 of 360 images flip in one run of two: 0.05 / 360, the root 1.18 points; the runs
    differ by 7.07, so sqrt(0.005 - 0.000139) = 6.97 are the networks'."""
    text = said(made)
    assert "| constant | 2 |" in text
    assert "| decaying | 1 | 0.00 | 0.00 | 0.00 | 0 |" in text
    expected = (
        "Where the schedule alone is changed, and nothing else: the runs of base differ by 7.07 "
        "points, 6.97 from the networks alone, those of base + cosine by 0.00 and 0.00."
    )
    assert expected in text
    assert "Each time the networks end closer to one another" in text
    assert "look-alikes small` does, with the dataset at hand" in text


@pytest.mark.slow
def test_without_answers_the_report_says_how_to_get_them(made):
    correct_answers.place(made.study, made.folder).unlink()
    text = said(made)
    assert "Which images each run classifies correctly is not known here" in text
    assert "`cnn-study look-alikes small` keeps the answers, from the dataset." in text
    assert "it is not known which images its runs misread" in text
    assert "#tbl-spread" not in text


@pytest.mark.slow
def test_look_alikes_are_told_with_what_they_are_worth(made):
    """Images 0 and 100 to 109: base is wrong in the first with both seeds, falling as well."""
    records_by_hand.look_alike(made.study, made.folder, 0, *range(100, 110))
    text = said(made)
    assert "Of the 360 test images 11 (3.1 %) are (@fig-look-alikes);" in text
    # Five of the eleven have an odd place: their training image is of another class, by hand.
    assert "five of them have another class than the training image" in text
    base = (1 - (35 + 71) / 2 / 349, 1 - 1 / 11)
    assert f"| base | 85.00 | {100 * base[0]:.2f} | {100 * base[1]:.2f} |" in text
    assert "These models do better on look-alikes than on the rest" in text


@pytest.mark.slow
def test_look_alikes_that_are_no_easier_are_not_said_to_be(made):
    records_by_hand.look_alike(made.study, made.folder, *range(10, 60))
    assert "do better on look-alikes" not in said(made)


@pytest.mark.slow
def test_none_are_told_as_none_and_small_images_with_the_reason(made):
    path = records_by_hand.look_alike(made.study, made.folder)
    assert "None of the 360 test images is one." in said(made)
    facts = look_alikes.read_facts(path).model_copy(update={"reason": "images are too small"})
    sealed.write(path, facts)
    assert "They were not searched for in this dataset: images are too small." in said(made)


@pytest.mark.slow
def test_misread_images_are_counted_for_the_best_model_and_called_no_errors(made):
    """All score 0.5 on validation images, so the base is best: 36 images, 10 %."""
    text = said(made)
    expected = (
        "There are 36 test images (10.0 %) that both runs of the base, the best model by "
        "validation images, take for the same class, which is not the one of the label "
        "(@tbl-misread)."
    )
    assert expected in text
    assert "Look at these before anything is made of them." in text
    assert "@fig-misread" not in text
    assert "| 0 | 0 | 1 | 80.0 | 2 |" in text  # by place: base and falling take it for a 1
    assert "The first of these test images, that every run of the base takes for the" in text
    assert "`tables/misread.csv` lists them all" in text
    assert "cnn-study which" not in text


@pytest.mark.slow
def test_networks_that_only_guess_say_nothing_of_labels(made):
    """All models get 8 % of ten classes: what they agree on shows no wrong label."""
    for id_ in ("base", "falling", "wide"):
        answer(made, id_, range(330), range(330))
    text = said(made)
    assert "There are 330 test images" in text
    assert "No model is surely better than guessing yet, so that this says more of the" in text
    assert "Look at these before anything is made of them." not in text


@pytest.mark.slow
def test_images_of_ones_own_are_listed_by_key_and_never_by_name(made, monkeypatch):
    keys = tuple(f"{place:016x}" for place in range(N))
    own = replace(made.study.dataset, test_keys=keys)
    made.study = replace(made.study, dataset=own)
    text = said(made)
    assert "| `0000000000000000` | 0 | 1 | 80.0 | 2 |" in text
    assert "`cnn-study which small` followed by keys" in text
