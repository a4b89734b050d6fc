"""The first page's picture: the models worth a name, each name at its point."""

import re

import pytest

from cnn_study.base.inference import Effect
from cnn_study.figures import overview
from cnn_study.figures.draw import _pictures
from cnn_study.figures.labels import hits
from cnn_study.figures.marks import is_hidden
from cnn_study.figures.picture import settle
from figures_by_hand import MISSING, Made, make_study, plain

STUDY = """
title: Digits
dataset: digits
seeds: 3
enhanced: wide
label: {wide-slow: best recipe}
base: {filters: [2, 4], kernel_size: 3, epochs: 2}
questions:
  width:
    title: Width
    question: How wide?
    hypothesis: Wide.
    changes: {wide: {filters: [4, 8]}, wider: {filters: [8, 16]}}
  rate:
    title: Rate
    question: Which rate?
    hypothesis: A smaller one.
    reference: wide
    changes: {wide-slow: {learning_rate: 0.0001}}
"""
SCORES = {
    "base": (0.50, 0.52, 0.54),
    "wide": (0.60, 0.62, 0.64),
    "wider": (0.61, 0.62, 0.63),
    "wide-slow": (0.70, 0.72, 0.74),
}


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Made:
    return Made(tmp_path_factory.mktemp("overview") / "made", STUDY, SCORES)


@pytest.mark.slow
def test_base_enhanced_and_the_best_by_validation_have_names(made):
    assert {"base 52.0 %", "enhanced 62.0 %", "best recipe 72.0 %"} <= {
        plain(line) for line in made.words("overview")
    }
    assert not any("61" in line or "8-16" in line for line in made.words("overview"))
    assert list(made.picture("overview").runs(made.results)) == ["base", "wide", "wide-slow"]


def test_the_best_is_chosen_by_validation_images(tmp_path):
    """Another one than by test images, which would choose the last."""
    validation = {"wider": (0.9, 0.91, 0.92)}
    made = Made(tmp_path / "made", STUDY, SCORES, validation=validation)
    assert made.picture("overview").shown(made.results) == ("base", "wide", "wider")


def test_the_alternative_text_says_accuracy_and_arithmetic(made):
    macs = {id_: one.macs for id_, one in made.study.experiments.items()}
    assert macs["wide"] == macs["wide-slow"]
    alt = made.alt("overview")
    assert re.findall(r"(\w[\w ]*): (\d\d\.\d) % with", alt) == [
        ("base", "52.0"), ("enhanced", "62.0"), ("best recipe", "72.0"),
    ]  # fmt: skip
    assert made.caption("overview").endswith("n = 3 runs each.")


def test_bars_are_the_interval_of_the_mean(made):
    """Three runs, two points apart: 4.3027 times 2 / √3 about 52."""
    (axes,) = made.picture("overview")._draw(made.results).axes
    reach = 4.302653 * 2 / 3**0.5
    bars = [line.get_ydata() for line in axes.get_lines()]
    assert any(list(bar) == pytest.approx([52 - reach, 52 + reach], abs=1e-3) for bar in bars)


@pytest.mark.slow
def test_the_caption_says_where_an_interval_is_smaller_than_its_mark(made, tmp_path):
    """Of three means 10 points apart, runs 2 apart reach 5 about each, runs 0.02 apart 0.05."""
    assert "smaller" not in made.caption("overview")
    close = {id_: (each[1] - 0.0002, each[1], each[1] + 0.0002) for id_, each in SCORES.items()}
    all_close = Made(tmp_path / "all", STUDY, close)
    assert "Each interval is smaller than its mark." in all_close.caption("overview")
    one = Made(tmp_path / "one", STUDY, SCORES | {"wide": close["wide"]})
    assert "Where no bar shows, the interval is smaller" in one.caption("overview")


def test_an_interval_is_smaller_than_its_mark_by_points_on_paper(made):
    """2 of 40 percent on an axis of 100 points are 5 points."""
    test = Effect(3, 0.5, lower=0.49, upper=0.51)
    marks = [("o", 5.1), ("o", 4.9), ("D", 4.9), ("*", 5.1)]
    assert [is_hidden(test, mark, 40, 100) for mark in marks] == [True, False, True, False]
    assert not is_hidden(Effect(1, 0.5), ("o", 9), 40, 100)
    figure = made.picture("overview").draw(made.results)
    settle(figure)
    points = figure.axes[0].bbox.height * 72 / figure.dpi
    assert points == pytest.approx(overview.HEIGHT, rel=0.05)


def test_no_name_covers_another_or_a_point(made):
    figure = made.picture("overview").draw(made.results)
    (axes,) = figure.axes
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    renderer = FigureCanvasAgg(figure).get_renderer()
    boxes = [text.get_window_extent(renderer).extents for text in axes.texts]
    points = [
        (x - 4, y - 4, x + 4, y + 4)
        for line in axes.get_lines()
        if line.get_marker() != "None"
        for x, y in axes.transData.transform(line.get_xydata())
    ]
    assert len(boxes) == len(points) == 3
    frame = figure.bbox.extents
    for place, box in enumerate(boxes):
        assert hits([box], [*boxes[:place], *boxes[place + 1 :], *points]) == 0
        assert frame[0] <= box[0] < box[2] <= frame[2]
        assert frame[1] <= box[1] < box[3] <= frame[3]


def test_text_can_be_read_on_a_phone(made):
    """A phone gives a picture about 350 pixels: no letter may then be below ten."""
    figure = made.picture("overview").draw(made.results)
    (axes,) = figure.axes
    texts = [*axes.texts, *axes.get_xticklabels(), *axes.get_yticklabels()]
    texts += [axes.xaxis.label, axes.yaxis.label]
    pixels = 350 / (72 * figure.get_size_inches()[0])
    assert min(text.get_fontsize() for text in texts) * pixels >= 10


def test_what_has_no_run_is_not_in_the_picture(tmp_path):
    missing = dict.fromkeys(["wide", "wider", "wide-slow"], (MISSING,) * 3)
    made = Made(tmp_path / "made", STUDY, SCORES, statuses=missing)
    assert [point.name for point in made.values("overview")["points"]] == ["base"]


def test_without_any_run_it_says_so(tmp_path):
    made = Made(tmp_path / "made", STUDY, SCORES, statuses=dict.fromkeys(SCORES, (MISSING,) * 3))
    assert made.words("overview") == ["no complete run yet"]
    assert made.alt("overview").endswith("no complete run yet.")


def test_the_base_alone_needs_no_picture(tmp_path):
    alone = make_study(tmp_path, "title: T\ndataset: digits\nbase: {epochs: 2}\n")
    assert "overview" not in _pictures(alone)


def test_a_winner_is_called_by_its_price_where_there_is_room_for_it():
    row = {"price": "cheap", "test_lower": float("nan"), "test_upper": float("nan")}
    row |= {"runs": 1, "test_score": 0.84, "macs": 1000}
    winner = overview._of_winner(row, {"cheap": "As cheap as the base"})
    assert winner.name == "found by search, as cheap as the base"
    assert plain(overview.label(winner)) == "search 84.0 %"
    assert winner.ends == (84, 84, 84)
