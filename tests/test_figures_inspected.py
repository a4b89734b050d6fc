"""Figures from the inspection of the published study: what they say is what was found."""

import re
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from cnn_study.data.catalog import Dataset
from cnn_study.figures import inspected
from cnn_study.figures.colors import DARK, DARK_PAGE, LIGHT, contrast
from cnn_study.figures.draw import _pictures, planned_figures
from cnn_study.figures.picture import image
from cnn_study.figures.results import Results
from cnn_study.runs import inspections
from cnn_study.study.merge import load
from figures_by_hand import written_words

pytestmark = pytest.mark.slow

PROJECT = Path(__file__).resolve().parents[1]
FOLDER = PROJECT / "results" / "cifar10"
IDS = ["samples", "neighbours", "filters", "feature-maps", "occlusion", "mistakes", "embedding"]


@pytest.fixture(scope="module")
def study():
    return load(PROJECT / "experiments" / "cifar10.yaml")


@pytest.fixture(scope="module")
def results(study) -> Results:
    path = inspections.find(study, FOLDER)
    return Results(study, FOLDER / "tables", FOLDER / "evidence", path)


@pytest.fixture(scope="module")
def pictures(study):
    return _pictures(study, inspected=True)


@pytest.fixture(scope="module")
def drawn(pictures, results) -> dict[str, str]:
    return {id_: image(pictures[id_], results, "svg").decode() for id_ in IDS}


def test_they_are_planned_only_where_there_is_an_inspection(study):
    with_, without = (planned_figures(study, there) for there in (True, False))
    assert {*with_} - {*without} == {f"{id_}.svg" for id_ in IDS}


@pytest.mark.parametrize("id_", IDS)
def test_each_is_drawn_described_and_has_dark_colours(id_, drawn, pictures, results):
    svg = drawn[id_]
    rules, drawing = svg.split("</style>", 1)
    assert f"@media {DARK_PAGE}" in rules
    assert "<image" in drawing
    for part, color in set(re.findall(r"(fill|stroke): (#[0-9a-f]{6})", drawing)):
        assert f'[style*="{part}: {color}"]' in rules, color
    for text in (pictures[id_].texts(results).caption, pictures[id_].texts(results).alt):
        assert len(text) > 60
        assert text.endswith(".")
        assert "nan" not in text.lower()


def test_each_class_has_its_samples(drawn, study):
    said = written_words(drawn["samples"])
    assert [name for name in study.dataset.class_names if name not in said] == []


def test_neighbours_are_told_right_or_wrong(pictures, results, study):
    facts = results.inspection.facts.neighbours
    right = sum(one.test_class == one.training_class for one in facts)
    said = pictures["neighbours"].texts(results).alt
    assert said.endswith(f"{right} of {len(facts)} are of the same class.")
    first = study.dataset.class_names[facts[0].test_class]
    assert said.startswith(f"{first} is nearest to ")


def test_mistakes_name_both_classes_and_the_probability(drawn, results, study):
    said = written_words(drawn["mistakes"])
    for network in results.inspection.facts.networks:
        one = network.mistakes[0]
        assert f"{100 * one.probability:.1f} %" in said
        assert study.dataset.class_names[one.predicted_class] in said
        assert f"no. {one.test_index}" in said


def test_an_image_of_ones_own_is_named_by_the_first_digits_of_its_key(study):
    keys = ("0123456789abcdef", "fedcba9876543210")
    own = replace(study, dataset=replace(study.dataset, test_keys=keys))
    assert [inspected.named(own, place) for place in (0, 1)] == ["01234567", "fedcba98"]
    assert inspected.named(study, 1) == "no. 1"


def test_occlusion_tells_the_largest_loss(pictures, results):
    network = results.inspection.facts.networks[0]
    lost = results.inspection.of(network)["occlusion"].astype(float)
    largest = [100 * lost[place].max() for place in range(0, len(lost), 2)]
    assert f"base: covering the place that matters most takes between {min(largest):.0f} and "
    assert f"{max(largest):.0f} points" in pictures["occlusion"].texts(results).alt


def test_feature_maps_follow_the_layers_of_the_base(drawn):
    said = written_words(drawn["feature-maps"])
    names = [word for word in said if word.startswith(("convolution", "max pooling"))]
    assert names == [
        *("convolution 1", "max pooling 1", "convolution 2", "max pooling 2", "convolution 3")
    ]


@dataclass
class Other:
    """Results whose inspection is another one in a few arrays and facts."""

    results: Results
    arrays: dict
    facts: dict

    @property
    def study(self):
        return self.results.study

    def label(self, id_: str) -> str:
        return self.results.label(id_)

    def called(self, id_: str) -> str:
        return self.results.called(id_)

    @property
    def inspection(self):
        seen = self.results.inspection
        facts = seen.facts.model_copy(update=self.facts)
        return replace(seen, arrays={**seen.arrays, **self.arrays}, facts=facts)


def test_one_legend_names_the_classes_of_all_clouds(drawn, study):
    said = written_words(drawn["embedding"])
    names = [word for word in said if word in study.dataset.class_names]
    assert names == list(study.dataset.class_names)
    # Points are pixels, alike on every page: drawn as shapes, their keys would change colour.
    assert [color for color, _ in inspected.CLASS_MARKS if color in drawn["embedding"]] == []


def test_every_class_has_a_colour_and_a_shape_of_its_own():
    marks = [inspected._class_mark(label) for label in range(20)]
    assert len(set(marks)) == 20
    colors, shapes = zip(*marks[:10], strict=True)
    assert len(set(colors)) == len(set(shapes)) == 10
    for color in colors:
        assert min(contrast(color, look.page) for look in (LIGHT, DARK)) > 2


def test_embedding_says_whether_it_shows_all_test_images(pictures, results):
    shown = results.inspection.facts.embedding_images
    caption = pictures["embedding"].texts(results).caption
    assert caption.startswith(f"The first {shown:,} test images")
    dataset = results.inspection.facts.dataset.model_copy(update={"test_images": shown})
    whole = Other(results, {}, {"dataset": dataset})
    assert pictures["embedding"].texts(whole).caption.startswith(f"All {shown:,} test images")


def test_occlusion_stands_in_two_rows_of_five(pictures, results, study):
    figure = pictures["occlusion"]._draw(results)
    titled = [axes.get_title() for axes in figure.axes if axes.get_title()]
    assert titled == list(study.dataset.class_names)
    networks = len(results.inspection.facts.networks)
    assert [len(part.axes) for part in figure.subfigs] == [5 * (1 + networks)] * 2
    side = results.inspection.facts.occlusion_side
    assert f" {side}×{side} pixels" in pictures["occlusion"].texts(results).caption


def test_occlusion_says_which_answers_are_right(pictures, results, study):
    arrays, names = results.inspection.arrays, study.dataset.class_names
    figure = pictures["occlusion"]._draw(results)
    written = [text.get_text() for axes in figure.axes for text in axes.texts]
    for network in results.inspection.facts.networks:
        answers = results.inspection.of(network)["probabilities"].argmax(axis=1)
        places = [list(arrays["shown_labels"]).index(label) for label in range(len(names))]
        right = sum(answers[place] == arrays["shown_labels"][place] for place in places)
        assert f"{study.full_label(network.experiment)}: {right} of {len(names)} right" in (
            pictures["occlusion"].texts(results).alt
        )
        for place in places:
            assert names[answers[place]] in written


def test_samples_that_were_shrunk_are_not_called_whole(pictures, results, monkeypatch):
    assert "not selected, at their full resolution." in pictures["samples"].texts(results).caption
    monkeypatch.setattr(Dataset, "is_shrunk", True)
    assert "not selected, brought to 32 × 32 pixels." in pictures["samples"].texts(results).caption


def test_classes_without_samples_are_not_named_among_them(pictures, results):
    """Of ten classes the third and the last have none."""
    indices = [[number] * 6 if number not in (2, 9) else [] for number in range(10)]
    arrays = {"sample_images": np.zeros((8, 6, 8, 8, 1), np.uint8)}
    texts = pictures["samples"].texts(Other(results, arrays, {"sample_indices": indices}))
    assert texts.alt == (
        "6 training images of each class: airplane, automobile, cat, deer, dog, frog, horse, ship."
    )
    assert texts.caption.endswith("Of 10 classes 8 are shown.")
    assert "are shown" not in pictures["samples"].texts(results).caption


def test_kernels_of_one_channel_have_no_colours(pictures, results, monkeypatch):
    assert "colour" in pictures["filters"].texts(results).caption
    monkeypatch.setattr(Results, "first_kernels", lambda *_: np.zeros((4, 3, 3, 1)))
    assert "colour" not in pictures["filters"].texts(results).caption


def test_one_run_is_not_one_each(pictures, results):
    assert "One run: base with seed" in pictures["feature-maps"].texts(results).caption
    assert "One run each: base with seed" in pictures["filters"].texts(results).caption


def test_images_stand_side_by_side_with_see_through_gaps():
    one, other = (np.full((24, 24, 3), level, float) for level in (10, 20))
    row = inspected._side_by_side([one, None, other])
    assert row.shape == (24, 3 * 24 + 2 * 2, 4)  # a gap is a twelfth of an image
    assert (row[:, :24] == [10, 10, 10, 255]).all()
    assert (row[:, 24:52, 3] == 0).all()
    assert (row[:, 52:, 0] == 20).all()


def test_a_kernel_as_image_has_zero_in_the_middle():
    kernel = np.array([[[-2.0, 0.0, 1.0]]])
    assert inspected._as_image(kernel).tolist() == [[[0.0, 127.5, 191.25]]]
    assert inspected._as_image(np.ones((3, 3, 8))).shape == (3, 3, 1)
    assert (inspected._as_image(np.zeros((3, 3, 1))) == 127.5).all()


def test_what_is_lost_is_laid_over_the_place_where_it_is_lost():
    image = np.full((4, 4, 3), 100, np.uint8)
    lost = np.array([[0.5, 0.0], [0.0, -0.5]])
    found = inspected._overlay(image, lost, side=2, stride=2)
    plain = 100 * 0.6 + 80
    assert found[0, 3].tolist() == [plain] * 3
    assert found[0, 0, 0] > plain > found[0, 0, 2]  # orange above left
    assert found[3, 3, 2] > plain > found[3, 3, 0]  # blue below right


def test_a_pixel_takes_the_mean_of_the_squares_that_cover_it():
    """Squares of 2 at 0, 1 and 2 of four columns: the middle ones are covered by two each."""
    image, lost = np.zeros((2, 4, 1), np.uint8), np.array([[0.4, 0.0, 0.0]])
    found = inspected._overlay(image, lost, side=2, stride=1)
    orange = found[0, :, 0] - 80  # more red than the grey, in proportion to what is lost
    assert orange[1] == pytest.approx(orange[0] / 2)
    assert orange[2:].tolist() == [0, 0]


def test_images_beside_one_of_their_class_are_counted():
    points = np.array([[0, 0], [0, 1], [9, 9], [9, 8]], np.float16)
    assert inspections._alike(points, np.array([3, 3, 1, 2], np.uint8)) == 0.5
