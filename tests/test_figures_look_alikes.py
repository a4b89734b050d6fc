"""Figures of look-alikes, of misread images and of the spread between runs: what they say is so."""

import base64
import csv
import io
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cnn_study.data.audit import Audit, Groups, Originals, Spread
from cnn_study.figures.colors import DARK_PAGE
from cnn_study.figures.draw import _pictures, planned_figures
from cnn_study.figures.look_alikes import WithinParts
from cnn_study.figures.picture import image
from cnn_study.figures.results import Results
from cnn_study.runs import look_alikes
from cnn_study.study.merge import load
from figures_by_hand import Made, written_words

pytestmark = pytest.mark.slow

PROJECT = Path(__file__).resolve().parents[1]
FOLDER = PROJECT / "results" / "cifar10"
IDS = ["look-alikes", "misread"]


@pytest.fixture(scope="module")
def study():
    return load(PROJECT / "experiments" / "cifar10.yaml")


@pytest.fixture(scope="module")
def results(study) -> Results:
    looked = look_alikes.find(study, FOLDER)
    return Results(study, FOLDER / "tables", FOLDER / "evidence", None, looked)


@pytest.fixture(scope="module")
def pictures(study):
    return _pictures(study, looked=True)


@pytest.fixture(scope="module")
def drawn(pictures, results) -> dict[str, str]:
    return {id_: image(pictures[id_], results, "svg").decode() for id_ in IDS}


def test_they_are_planned_only_where_somebody_has_looked(study):
    with_, without = (planned_figures(study, looked=there) for there in (True, False))
    assert {*with_} - {*without} == {f"{id_}.svg" for id_ in IDS}


@pytest.mark.parametrize("id_", IDS)
def test_each_is_drawn_described_and_has_dark_colours(id_, drawn, pictures, results):
    rules, drawing = drawn[id_].split("</style>", 1)
    assert f"@media {DARK_PAGE}" in rules
    assert drawing.count("<image") == 16
    for part, color in set(re.findall(r"(fill|stroke): (#[0-9a-f]{6})", drawing)):
        assert f'[style*="{part}: {color}"]' in rules, color
    texts = pictures[id_].texts(results)
    assert min(len(texts.caption), len(texts.alt)) > 60


def test_pairs_are_named_by_both_classes_and_their_correlation(drawn, study, results):
    facts = results.look_alikes.facts
    shown = [facts.pairs[place] for place in facts.shown_pairs]
    names = study.dataset.class_names
    expected = [names[n] for pair in shown for n in (pair.test_class, pair.training_class)]
    words = written_words(drawn["look-alikes"])
    assert sorted(word for word in words if not word[0].isdigit()) == sorted(expected)
    assert [word for word in words if word[0].isdigit()] == [f"{p.correlation:.2f}" for p in shown]


def test_the_pairs_that_are_kept_do_resemble_each_other(results):
    """By NumPy's own correlation of the kept images, and by the facts."""
    facts, images = results.look_alikes.facts, results.look_alikes.arrays["pairs_images"]
    for place, (test, training) in zip(facts.shown_pairs, images, strict=True):
        correlation = np.corrcoef(test.ravel(), training.ravel())[0, 1]
        assert correlation == pytest.approx(facts.pairs[place].correlation, abs=1e-5)
        assert correlation >= facts.least_correlation
    assert len({pair.test_index for pair in facts.pairs}) == len(facts.pairs)


def with_near_duplicates(study, groups: int, divided: int):
    """The study as if so many sets of its images were nearly alike."""
    side = Spread(smallest=32, median=32, largest=32)
    originals = Originals(sizes=1, heights=side, widths=side, enlarged=0)
    sets = Groups(groups=groups, images=2 * groups, largest=2, divided=divided)
    audit = Audit(files=60_000, originals=originals, near_duplicates=sets)
    return replace(study, dataset=replace(study.dataset, audit=audit))


@pytest.mark.parametrize(("groups", "divided"), [(0, 0), (2, 2), (3, 2)])
def test_near_duplicates_are_shown_where_a_part_has_some(study, groups, divided):
    own = with_near_duplicates(study, groups, divided)
    shown = {*planned_figures(own, looked=True)} - {*planned_figures(study, looked=True)}
    assert shown == ({"near-duplicates.svg"} if groups > divided else set())
    assert "near-duplicates.svg" not in planned_figures(own, looked=False)


@pytest.fixture
def within(study, results) -> Results:
    """A cat kept as a dog, grey 10 and 20, and two ships, grey 30 and 40."""
    cat, dog, ship = map(study.dataset.class_names.index, ("cat", "dog", "ship"))
    pairs = [
        look_alikes.Within(part="training", indices=(4, 9), classes=(cat, dog), correlation=0.951),
        look_alikes.Within(part="test", indices=(1, 7), classes=(ship, ship), correlation=0.996),
    ]
    images = np.full((2, 2, 32, 32, 3), np.arange(10, 50, 10).reshape(2, 2, 1, 1, 1), "uint8")
    own = Results(study, FOLDER / "tables", FOLDER / "evidence")
    own.look_alikes = replace(
        results.look_alikes,
        facts=results.look_alikes.facts.model_copy(update={"within": pairs}),
        arrays={"within_images": images},
    )
    return own


def test_near_duplicates_stand_one_above_the_other_with_their_classes(study, within):
    picture = WithinParts(tuple(study.dataset.class_names))
    drawing = image(picture, within, "svg").decode()
    assert written_words(drawing) == [
        *("cat", "no. 4", "ship", "no. 1"),
        *("dog", "no. 9", "0.95", "ship", "no. 7", "1.00"),
    ]
    levels = [
        np.unique(np.asarray(Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB")))
        for data in re.findall(r'"data:image/png;base64,([^"]+)"', drawing)
    ]
    assert sorted(level.tolist() for level in levels) == [[10], [20], [30], [40]]
    assert picture.runs(within) == {}
    texts = picture.texts(within)
    assert texts.caption.startswith("Images that are nearly alike and stand in one part, two of a")
    assert (
        "cat above dog, training images, correlation 0.95; ship above ship, test images, "
        "correlation 1.00." in " ".join(texts.alt.split())
    )


def test_near_duplicates_of_one_s_own_are_named_by_their_keys(study, within):
    keys = {part: tuple(f"{n:x}{part}{n:x}" * 4 for n in range(12)) for part in ("aaa", "bbb")}
    own = replace(study.dataset, training_keys=keys["aaa"], test_keys=keys["bbb"])
    within.study = replace(study, dataset=own)
    picture = WithinParts(tuple(study.dataset.class_names))
    words = written_words(image(picture, within, "svg").decode())
    assert {"4aaa44aa", "9aaa99aa", "1bbb11bb", "7bbb77bb"} <= set(words)
    assert "the first digits of its key" in picture.texts(within).caption


def test_where_no_near_duplicate_was_kept_the_figure_says_so(study, results):
    picture = WithinParts(tuple(study.dataset.class_names))
    assert written_words(image(picture, results, "svg").decode()) == ["none was kept"]
    assert picture.texts(results).caption.endswith("stand in one part: none was kept.")


def test_misread_images_name_the_model_whose_runs_agree(pictures, results):
    with (FOLDER / "tables" / "experiments.csv").open() as file:
        rows = {row["experiment"]: row for row in csv.DictReader(file)}
    by = results.look_alikes.facts.misread
    texts = pictures["misread"].texts(results)
    assert texts.caption.startswith(f"16 of {by.images} test images that every run")
    assert rows[by.experiment]["misread_images"] == str(by.images)
    assert pictures["misread"].runs(results) == {by.experiment: by.seeds}
    assert "error" not in texts.caption + texts.alt
    said = written_words(image(pictures["misread"], results, "svg").decode())
    assert {f"no. {mistake.test_index}" for mistake in by.shown} <= set(said)
    assert "place in the test set, from 0" in texts.caption


def test_a_model_that_is_no_longer_there_leaves_nothing_to_show(pictures, results):
    picture = replace(pictures["misread"], networks=(("base", "0" * 16),))
    assert picture.runs(results) == {}
    assert written_words(image(picture, results, "svg").decode()) == ["no such image"]
    assert "none is kept" in picture.texts(results).caption


SPREAD = """
title: T
dataset: digits
seeds: 3
enhanced: wide
base: {epochs: 2}
questions:
  one:
    title: T
    question: Q?
    hypothesis: H.
    changes: {wide: {filters: [4]}, falling: {schedule: cosine}}
"""


def test_the_spread_names_base_enhanced_and_those_that_decay(tmp_path):
    scores = {"base": (0.5, 0.6, 0.7), "wide": (0.6, 0.62, 0.61), "falling": (0.7, 0.71, 0.72)}
    made = Made(tmp_path, SPREAD, scores)
    assert {"base", "enhanced", "base + cosine", "Decaying"} <= set(made.words("run-spread"))
    assert "2 with a constant learning rate: median" in made.alt("run-spread")
    assert "n = 3 complete runs of each experiment." in made.caption("run-spread")


def test_what_has_no_spread_is_not_drawn(tmp_path):
    """A logarithm has no zero, and a legend does not name what is not there."""
    scores = {"base": (0.5, 0.6, 0.7), "wide": (0.6, 0.62, 0.61), "falling": (0.7, 0.7, 0.7)}
    words = Made(tmp_path, SPREAD, scores).words("run-spread")
    assert {"base", "enhanced"} <= set(words)
    assert not {"base + cosine", "Decaying"} & set(words)


def test_the_spread_names_no_kind_of_learning_rate_that_is_not_there(tmp_path):
    text = SPREAD.replace(", falling: {schedule: cosine}", "")
    made = Made(tmp_path, text, dict.fromkeys(("base", "wide"), (0.5, 0.6, 0.7)))
    assert {"Constant learning rate"} <= set(made.words("run-spread"))
    assert "Decaying" not in " ".join(made.words("run-spread"))


def test_runs_that_all_score_the_same_have_no_spread_to_draw(tmp_path):
    made = Made(tmp_path, SPREAD, dict.fromkeys(("base", "wide", "falling"), (1.0, 1.0, 1.0)))
    assert made.words("run-spread") == ["all runs of an experiment score the same"]
    assert "Nothing is drawn: all runs of an experiment" in made.caption("run-spread")


def test_a_spread_of_which_nothing_is_known_says_so(tmp_path):
    made = Made(tmp_path, SPREAD, dict.fromkeys(("base", "wide", "falling"), (0.5, 0.6, 0.7)))
    for name in ("spreads", "spread-medians"):
        path = made.evidence / f"{name}.csv"
        path.write_text(path.read_text().splitlines()[0] + "\n")
    said = "not known which images each run classifies correctly"
    assert made.words("run-spread") == [said]
    assert f"Nothing is drawn: {said}." in made.alt("run-spread")
