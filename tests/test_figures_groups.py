"""The figure of a group of questions, and what holds for every figure of the published study."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from cnn_study.base.inference import Effect
from cnn_study.evidence.schemas import VERDICTS
from cnn_study.figures import draw, groups
from cnn_study.figures.colors import LIGHT
from cnn_study.figures.effects import is_beyond, side_of_mean
from cnn_study.figures.picture import LEAST, NARROW, WIDE, settle
from cnn_study.figures.results import Results
from cnn_study.figures.texts import LONGEST_ALT, shortened
from cnn_study.runs import inspections, look_alikes
from cnn_study.study.merge import load
from figures_by_hand import DIVERGED, Made, written_words

pytestmark = pytest.mark.slow

PROJECT = Path(__file__).resolve().parents[1]
STUDY = """
title: Digits
dataset: digits
judge: paired
seeds: 3
enhanced: wide
base: {filters: [2, 4], kernel_size: 5, epochs: 2}
questions:
  width:
    title: Width
    question: How wide?
    hypothesis: Wide.
    changes: {narrow: {filters: [1, 2]}, wide: {filters: [4, 8]}, broad: {filters: [2, 6]}}
  hidden:
    title: Hidden layer
    question: How large?
    hypothesis: Large.
    reference: wide
    changes: {none: {dense_units: 0}, failing: {dense_units: 9}}
  rate:
    title: Learning rate
    question: How fast?
    hypothesis: Slowly.
    changes: {fast: {learning_rate: 1.0}}
"""
SCORES = {
    "base": (0.50, 0.52, 0.54),
    "narrow": (0.40, 0.42, 0.44),
    "wide": (0.60, 0.62, 0.64),
    "broad": (0.51, 0.54, 0.57),
    "none": (0.6001, 0.62, 0.6399),
    "failing": (0.1, 0.1, 0.1),
    "fast": (0.1, 0.12, 0.14),
}


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Made:
    failed = {"failing": (DIVERGED,) * 3}
    return Made(tmp_path_factory.mktemp("groups"), STUDY, SCORES, statuses=failed)


def keys_of(picture, made: Made) -> list[str]:
    (legend,) = picture._draw(made.results).legends
    return [text.get_text() for text in legend.get_texts()]


# ------------------------------------------------------------------------------- a group


def test_there_is_a_figure_for_each_group_in_their_order(made):
    planned = [id_ for id_ in draw._pictures(made.study) if id_.startswith("group-")]
    assert planned == ["group-size", "group-training"]
    assert made.picture("group-size").questions == (
        ("width", "Width"),
        ("hidden", "Hidden layer"),
    )


def test_each_change_has_a_row_below_its_question_what_gains_most_first(made):
    axes = made.picture("group-size")._draw(made.results).axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == [
        *("", "enhanced", "filters 2-6", "filters 1-2"),
        *("", "no hidden layer", "9 hidden units"),
    ]
    assert [text.get_text() for text in axes.texts] == [
        *("to base", "+10.00", "+2.00", "−10.00", "to enhanced", "0.00", "does not train"),
        *("Width", "Hidden layer"),
    ]


def test_numbers_and_references_end_at_one_line_right_of_the_plot(made):
    figure = made.picture("group-size").draw(made.results)
    settle(figure)
    (axes,) = figure.axes
    boxes = [text.get_window_extent() for text in axes.texts][:7]
    assert min(box.x0 for box in boxes) > axes.bbox.x1
    assert max(box.x1 for box in boxes) <= figure.bbox.x1
    assert max(box.x1 for box in boxes) - min(box.x1 for box in boxes) < 1


def test_a_reference_that_all_have_is_said_once(made):
    axes = made.picture("group-training")._draw(made.results).axes[0]
    assert axes.get_xlabel() == "Difference to the base\nin test accuracy (percentage points)"
    assert [text.get_text() for text in axes.texts] == ["−40.00", "Learning rate"]
    assert "points, against the base. A mark" in made.caption("group-training")
    both = made.picture("group-size")
    enhanced = replace(both, page=((1, 0, 2),))
    assert "Difference to the enhanced model" in enhanced._draw(made.results).axes[0].get_xlabel()
    assert "against the reference beside the question's title" in made.caption("group-size")


def test_colour_and_shape_say_the_verdict(made):
    """Differences of 10 points each; 1, 2, 3; −10 each; 0.01, 0, −0.01."""
    axes = made.picture("group-size")._draw(made.results).axes[0]
    dots = [line for line in axes.lines if line.get_marker() not in ("None", None)]
    assert [(line.get_xdata()[0], line.get_marker(), line.get_color()) for line in dots] == [
        (pytest.approx(10), "^", LIGHT.more),
        (pytest.approx(2), "o", LIGHT.text),
        (pytest.approx(-10), "v", LIGHT.less),
        (pytest.approx(0, abs=1e-9), "s", LIGHT.text),
    ]
    assert dots[1].get_markerfacecolor() == LIGHT.page
    assert keys_of(made.picture("group-size"), made) == [
        *("helps", "hurts", "no meaningful difference", "too close to call"),
        *("95 % interval", "Less than 0.5 points"),
    ]


def test_every_verdict_on_a_mean_has_a_mark_of_its_own(tmp_path):
    assert set(groups.MARKERS) < set(VERDICTS)
    assert len(set(groups.MARKERS.values())) == len(groups.MARKERS)
    few = Made(
        tmp_path, STUDY.replace("seeds: 3", "seeds: 1"), {id_: SCORES[id_][:1] for id_ in SCORES}
    )
    assert keys_of(few.picture("group-training"), few) == ["too few seeds", "Less than 0.5 points"]
    assert "A mark is the mean difference. n" in few.caption("group-training")


def test_what_lies_beyond_the_axis_is_pointed_to_and_written_at_the_right(made):
    """Three quarters of one change stay below 40 points: the axis holds it. Of all, below 10."""
    assert "Arrows" not in made.caption("group-training")
    assert made.results.changes("rate")[0].test.mean == pytest.approx(-0.4)
    far = made.picture("group-size")
    crowded = replace(far, questions=(*far.questions, ("rate", "Learning rate")), page=((2, 0, 1),))
    assert "Arrows: beyond the axis" in crowded.texts(made.results).caption
    figure = crowded.draw(made.results)
    settle(figure)
    (axes,) = figure.axes
    assert [text.get_text() for text in axes.texts][:3] == ["−40.00", "−40.00 to", "−40.00"]
    assert min(text.get_window_extent().x0 for text in axes.texts[:3]) > axes.bbox.x1
    mark, arrow = (
        next(line for line in axes.lines if line.get_marker() == marker) for marker in "v<"
    )
    left = axes.transData.transform((axes.get_xlim()[0], 1))[0]
    at = mark.get_transform().transform(mark.get_xydata())[0][0]
    assert (at - left) * 72 / figure.dpi == pytest.approx(groups.INSIDE)
    assert arrow.get_transform().transform(arrow.get_xydata())[0][0] == pytest.approx(left)
    assert "hurts" in keys_of(crowded, made)


def test_a_mean_without_an_interval_is_pointed_to_beyond_the_axis():
    ends = (-15, 15)
    assert [is_beyond(Effect(1, mean), ends) for mean in (-0.4, -0.1, 0.4, None)] == [
        *(True, False, True, False)
    ]
    assert [side_of_mean(Effect(1, mean), ends) for mean in (-0.4, -0.1, 0.4, None)] == [
        *(-1, 0, 1, 0)
    ]


def test_a_long_reference_goes_on_in_further_lines(tmp_path):
    reference = "reference: narrow\n    changes: {fast"
    changed = STUDY.replace("changes: {fast", reference).replace(
        "filters: [1, 2]", "filters: [1, 2], kernel_size: 3"
    )
    long = Made(tmp_path, changed, SCORES)
    far = replace(
        long.picture("group-size"),
        questions=(("width", "Width"), ("rate", "Learning rate")), page=((0, 0, 3), (1, 0, 1)),
    )  # fmt: skip
    texts = [text.get_text() for text in far._draw(long.results).axes[0].texts]
    assert all(len(text) <= groups.LONGEST_NOTE for text in texts)
    assert " ".join(texts).find("to base + filters 1-2 + kernel 3×3") > 0


def test_a_group_says_what_each_change_does_in_words(made):
    alt = made.alt("group-size")
    assert alt.startswith("Forest plot of 5 differences in test accuracy, in percentage points.")
    assert "Helps: enhanced +10.00. Hurts: base + filters 1-2 −10.00." in alt
    assert "Does not train: enhanced + 9 hidden units." in alt
    caption = made.caption("group-size")
    assert caption.startswith("Size: what each change does to the test accuracy")
    assert "Without runs to compare: enhanced + 9 hidden units: does not train." in caption


def test_a_group_too_long_for_a_page_goes_on_on_the_next(tmp_path):
    changes = ", ".join(f"c{number}: {{dense_units: {number + 1}}}" for number in range(40))
    text = STUDY[: STUDY.index("  width:")] + (
        "  hidden: {title: Hidden layer, question: Q?, hypothesis: H.,\n"
        f"    changes: {{wide: {{filters: [4, 8]}}, {changes}}}}}\n"
    )
    scores = {"base": SCORES["base"], "wide": SCORES["wide"]}
    scores |= {f"c{number}": SCORES["broad"] for number in range(40)}
    many = Made(tmp_path, text, scores)
    first, second = (many.picture(id_) for id_ in ("group-size", "group-size-2"))
    assert (first.page, second.page) == (((0, 0, 20),), ((0, 20, 41),))
    assert "Hidden layer, continued" in many.words("group-size-2")
    assert "Size, part 2 of 2:" in many.caption("group-size-2")
    assert groups.MOST_LINES > 30


def test_a_long_heading_leaves_room_for_its_note():
    from cnn_study.figures.marks import fitting, text_width

    title = "A question whose title is much longer than any figure is wide, by far"
    cut = fitting(title, 200, 9)
    assert cut.endswith("…")
    assert title.startswith(cut.removesuffix("…"))
    assert 180 < text_width(cut, 9, "bold") <= 200
    assert fitting("Depth", 200, 9) == "Depth"


def test_the_gain_of_the_enhanced_model_is_blue(made):
    """Every run gains 10 points: it helps, and orange would say that it hurts."""
    axes = made.picture("base-and-enhanced")._draw(made.results).axes[1]
    colors = {line.get_color() for line in axes.lines}
    assert LIGHT.more in colors
    assert LIGHT.less not in colors
    assert "helps" in made.words("base-and-enhanced")


# ------------------------------------------------------------------------------- every figure


@pytest.fixture(scope="module")
def published() -> tuple[Results, dict]:
    study, folder = load(PROJECT / "experiments" / "cifar10.yaml"), PROJECT / "results" / "cifar10"
    kept = (inspections.find(study, folder), look_alikes.find(study, folder))
    results = Results(study, folder / "tables", folder / "evidence", *kept)
    return results, draw._pictures(study, inspected=True, looked=True)


def test_text_is_large_enough_and_calls_experiments_by_labels(published):
    """On a phone a narrow figure has as many pixels as it has points; a wide one scrolls.

    Those that are committed: test_published holds that the code that draws them is today's.
    """
    results, pictures = published
    ids = [id_ for id_ in results.study.experiments if "-" in id_]  # others may be labels too
    for id_, picture in pictures.items():
        svg = (PROJECT / f"results/cifar10/figures/{id_}.svg").read_text("utf-8")
        sizes = [100 * float(size) for size in re.findall(r" scale\((0\.\d+) -0\.\d+\)", svg)]
        assert min(sizes, default=9) >= LEAST[picture.width] - 0.05, id_
        said = " ".join([*written_words(svg), *picture.texts(results)])
        assert [name for name in ids if re.search(rf"(?<![\w-]){name}(?![\w-])", said)] == [], id_


def test_narrow_figures_are_as_many_points_wide_as_a_phone_has_pixels():
    assert pytest.approx(390 - 2 * 20) == 72 * NARROW
    assert pytest.approx(605, abs=0.5) == 96 * WIDE
    assert LEAST[WIDE] * 96 / 72 == 10


def test_captions_and_alternatives_of_the_published_study_are_short(published):
    results, pictures = published
    told = {id_: picture.texts(results) for id_, picture in pictures.items()}
    words = {id_: len(texts.caption.split()) for id_, texts in told.items()}
    assert max(words.values()) <= 70, max(words, key=lambda id_: words[id_])
    assert sum(words.values()) / len(words) < 42
    assert max(len(texts.alt) for texts in told.values()) <= LONGEST_ALT


def test_a_long_alternative_ends_behind_one_of_its_parts():
    parts = [f"experiment {number} has {number}.5 %" for number in range(60)]
    cut = shortened("Chart: " + "; ".join(parts) + ".")
    assert len(cut) <= LONGEST_ALT
    body = cut.removesuffix(" and so on; the numbers stand in the tables.")
    assert body != cut
    assert body.removeprefix("Chart: ").split("; ")[-1] in parts
    assert shortened("Short.") == "Short."
