"""Models without a network: neighbours by hand, and that choosing never sees a test label."""

from dataclasses import replace

import numpy as np
import pytest

from cnn_study.inspection import baselines
from cnn_study.runs.inspections import Tried
from cnn_study.study.settings import Settings
from cnn_study.train.parts import Parts

pytestmark = pytest.mark.usefixtures("one_thread_only")


def one_pixel(*pixels: int) -> np.ndarray:
    return np.array(pixels, dtype="uint8").reshape(-1, 1, 1, 1)


def labelled(pixels: list[int], labels: list[int]) -> tuple[np.ndarray, np.ndarray]:
    return one_pixel(*pixels), np.array(labels, dtype="uint8")


@pytest.fixture
def made_up() -> Parts:
    """Dark is class 0, bright is class 1, and one dark training image (21) is labelled 1.

    Held out 22: the nearest is 21, which is wrong, the three nearest (21, 20, 30) are right, and
    so are the five nearest (with 10 and 40).
    """
    return baselines.Small(
        labelled([10, 20, 21, 30, 40, 200, 210, 220], [0, 0, 1, 0, 0, 1, 1, 1]),
        labelled([22, 205], [0, 1]),
        labelled([23, 12, 215, 220], [0, 0, 1, 0]),
    )


def without_validation(parts: Parts) -> Parts:
    return replace(parts, validation=(parts.validation[0][:0], parts.validation[1][:0]))


# -------------------------------------------------------------------------- nearest neighbours


def test_nearest_by_hand():
    """In the plane: (3, 4) is 5 from the origin, (0, 2) is 2 and (6, 8) is 10 from it."""
    training = np.array([[6, 8], [3, 4], [0, 2]], dtype="float32")
    places, distances = baselines.nearest(training, np.zeros((1, 2), dtype="float32"), 3)
    assert places.tolist() == [[2, 1, 0]]
    assert distances.tolist() == [[2, 5, 10]]


def test_nearest_is_what_comparing_all_pairs_gives(monkeypatch):
    monkeypatch.setattr(baselines, "BLOCK", 7)  # several blocks, the last one not full
    random = np.random.default_rng(1)
    training, queries = (random.integers(0, 256, (n, 4, 3, 2), dtype="uint8") for n in (40, 20))
    apart = queries.reshape(20, 1, -1).astype(int) - training.reshape(1, 40, -1).astype(int)
    squares = (apart**2).sum(axis=2)
    expected = np.argsort(squares, axis=1, kind="stable")[:, :5]
    rows = baselines.as_rows(training), baselines.as_rows(queries)
    places, distances = baselines.nearest(*rows, 5)
    assert places.tolist() == expected.tolist()
    assert distances**2 == pytest.approx(np.take_along_axis(squares, expected, axis=1))


@pytest.mark.parametrize("count", [1, 3, 10, 30])
def test_of_equal_distances_the_lower_place_comes_first(count):
    values = np.random.default_rng(2).integers(0, 3, (50, 30)).astype("float32")
    expected = np.argsort(values, axis=1, kind="stable")[:, :count]
    assert baselines._smallest(values, count).tolist() == expected.tolist()


def test_votes_by_hand():
    """Most votes win; of as many votes, the class that comes first does, not the lower one."""
    labels = np.array([[1, 0, 0], [2, 0, 1], [3, 3, 1], [1, 2, 2]])
    assert baselines.vote(labels).tolist() == [0, 2, 3, 2]
    assert baselines.vote(np.array([[2, 1, 1, 2], [0, 1, 1, 0]])).tolist() == [2, 0]


def test_neighbours_are_counted_as_the_validation_images_say(made_up):
    found = baselines.nearest_neighbours(made_up)
    # With 5, two of those of 205 are dark ones (40 and 30); with 7 it is all but 10, of which
    # three are of class 0 and four of class 1. Of 9 and more there are not enough images.
    assert [(one.value, one.validation_accuracy) for one in found.tried] == [
        (1, 0.5), (3, 1), (5, 1), (7, 1)
    ]  # fmt: skip
    assert found.chosen == 3
    assert found.test_accuracy == 0.75  # the last test image is bright and labelled 0
    assert (found.training_images, found.validation_images, found.test_images) == (8, 2, 4)


def test_with_nothing_held_out_nothing_is_chosen(made_up):
    parts = without_validation(made_up)
    neighbours = baselines.nearest_neighbours(parts)
    assert (neighbours.chosen, neighbours.tried) == (1, [])
    assert neighbours.test_accuracy == 0.5  # 23 is nearest to the wrong label
    logistic = baselines.logistic_regression(parts)
    assert (logistic.chosen, logistic.tried) == (baselines.STRENGTH_UNCHOSEN, [])


@pytest.mark.parametrize("fit", [baselines.nearest_neighbours, baselines.logistic_regression])
def test_choosing_never_sees_a_test_image_or_label(made_up, fit):
    other = replace(made_up, test=labelled([20, 20, 20], [1, 1, 0]))
    first, second = fit(made_up), fit(other)
    assert (first.chosen, first.tried) == (second.chosen, second.tried)
    assert first.test_accuracy == 0.75
    assert second.test_accuracy == pytest.approx(1 / 3)


# ------------------------------------------------------------------------ logistic regression


def tried(value: float, accuracy: float, converged: bool = True) -> Tried:
    return Tried(value=value, validation_accuracy=accuracy, converged=converged)


def test_the_best_is_the_first_of_equals_and_converged():
    assert baselines.best([tried(1, 0.5), tried(2, 0.7), tried(3, 0.7)]) == 2
    assert baselines.best([tried(1, 0.5), tried(2, 0.9, converged=False)]) == 1
    assert baselines.best([tried(2, 0.9, converged=False)]) == 2


def test_regularization_is_weakened_until_the_score_falls(monkeypatch):
    scores = dict(zip(baselines.STRENGTHS, [0.2, 0.6, 0.5, 0.9, 0.9, 0.9, 0.9], strict=True))
    fitted = []

    class Model:
        def __init__(self, strength):
            self.C, self.n_iter_, self.max_iter = strength, np.array([1]), 10

        def predict(self, rows):
            return (np.arange(len(rows)) >= round(scores[self.C] * len(rows))).astype(int)

    def fit(strength, rows, labels, start):
        fitted.append((strength, start.C if start else None))
        return Model(strength)

    monkeypatch.setattr(baselines, "_fit", fit)
    images = np.zeros((10, 1, 1, 1), dtype="uint8"), np.zeros(10, dtype="uint8")
    model, found = baselines._choose_strength(
        baselines.Small(images, images, images), lambda pixels: pixels.reshape(len(pixels), -1)
    )
    assert model.C == 1e-3
    assert [one.validation_accuracy for one in found] == [0.2, 0.6, 0.5]
    assert fitted == [(1e-4, None), (1e-3, 1e-4), (1e-2, 1e-3)]


def test_logistic_regression_scores_by_hand(made_up):
    """Dark or bright is all there is to tell, so the last test image is the only one wrong."""
    found = baselines.logistic_regression(made_up)
    assert found.test_accuracy == 0.75
    assert found.converged
    assert found.settings["C"] == found.chosen
    assert found.chosen in baselines.STRENGTHS


def test_logistic_regression_from_another_start_comes_to_the_same_end():
    random = np.random.default_rng(3)
    rows = random.normal(size=(200, 5))
    labels = (rows @ random.normal(size=(5, 3)) + random.normal(size=(200, 3))).argmax(axis=1)
    cold = baselines._fit(1.0, rows, labels, None)
    warm = baselines._fit(1.0, rows, labels, baselines._fit(0.01, rows, labels, None))
    assert warm.coef_ == pytest.approx(cold.coef_, abs=2e-3)
    assert np.abs(cold.coef_).max() > 0.5
    assert warm.predict(rows).tolist() == cold.predict(rows).tolist()


def test_fitting_that_does_not_end_is_told_and_not_warned_of(monkeypatch, small, capsys):
    monkeypatch.setattr(baselines, "MOST_ITERATIONS", 2)
    pixels, labels = small.images.training_images, small.images.training_labels
    parts = baselines.Small((pixels[:200], labels[:200]), (pixels[200:], labels[200:]),
                  (small.images.test_images, small.images.test_labels))  # fmt: skip
    found = baselines.logistic_regression(parts)
    assert not found.converged
    assert [one.converged for one in found.tried] == [False]
    assert "not converged" in capsys.readouterr().err


def test_on_real_digits_both_are_far_better_than_chance(small):
    pixels, labels = small.images.training_images, small.images.training_labels
    parts = baselines.Small((pixels[:250], labels[:250]), (pixels[250:], labels[250:]),
                  (small.images.test_images, small.images.test_labels))  # fmt: skip
    for fit in (baselines.nearest_neighbours, baselines.logistic_regression):
        found = fit(parts)
        assert 0.8 < found.test_accuracy < 1
        assert found.test_images == 100


# ----------------------------------------------------------------------------- what they are given


def test_large_images_are_reduced_to_means():
    """Of 64 x 48 pixels each of 32 x 32 stands for 2 x 1 or 2 x 2: here, columns are alike."""
    images = np.zeros((2, 64, 48, 1), "uint8")
    images[1, 0::2], images[1, 1::2] = 10, 21
    small = baselines.reduced(images)
    assert small.shape == (2, 32, 32, 1)
    assert small.dtype == np.uint8
    assert not small[0].any()
    assert np.array_equal(np.unique(small[1]), [16])  # 15.5, and the half goes to the even number
    assert np.array_equal(baselines.reduced(images[:, :32, :32]), images[:, :32, :32])


def test_columns_that_are_reduced_keep_their_order():
    images = np.arange(40, dtype="uint8").reshape(1, 1, 40, 1).repeat(40, axis=1)
    small = baselines.reduced(images)
    # The edges are 0, 1, 2, 3, 5, …: each 1.25 columns further, rounded down.
    assert small[0, 0, :5, 0].tolist() == [0, 1, 2, 4, 5]


def test_of_many_images_some_are_taken_and_it_is_said(small, monkeypatch):
    settings = Settings(validation_fraction=0.2)
    given, chosen = baselines.take_small(small.images, settings)
    assert (len(chosen), given.note) == (256, {})
    monkeypatch.setattr(baselines, "MOST_IMAGES", 100)
    monkeypatch.setattr(baselines, "MOST_SIDE", 4)
    some, fewer = baselines.take_small(small.images, settings)
    assert set(fewer) < set(chosen)
    assert [len(labels) for _, labels in (some.training, some.validation, some.test)] == [
        100,
        64,
        100,
    ]
    assert some.training[0].shape == (100, 4, 4, 1)
    assert some.note == {"images": "reduced to 4 × 4 pixels"}
    assert baselines.nearest_neighbours(some).settings["images"] == "reduced to 4 × 4 pixels"
    assert baselines.nearest_neighbours(some).training_images == 100
