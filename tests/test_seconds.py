"""How long a training takes, worked by hand: 100 images, 3 epochs, 1,000 MACs an image."""

import pytest

from cnn_study.runs.estimate import training_seconds
from cnn_study.runs.wanted import Run
from cnn_study.study import seconds
from cnn_study.study.merge import load


def test_each_image_takes_a_constant_and_an_amount_for_each_mac():
    assert seconds.seconds(100, 3, 1_000, per_image=0.01, per_mac=0.0001) == pytest.approx(33)
    twice = seconds.seconds(100, 6, 1_000, per_image=0.01, per_mac=0.0001)
    assert twice == pytest.approx(66)


def test_until_something_is_timed_it_is_as_measured_on_one_core():
    """150 µs an image and 50 ps a MAC: 300 x (150e-6 + 1e6 x 50e-12) = 300 x 200e-6."""
    assert seconds.seconds(100, 3, 1_000_000) == pytest.approx(0.06)


def test_a_run_is_reckoned_by_the_images_that_it_trains_on(tmp_path):
    """Of the 1,437 digits 144 are held out (143.7) and half of the rest, 646 (646.5), is kept.

    Rounding to even, as `split` does.
    """
    path = tmp_path / "half.yaml"
    path.write_text(
        "title: Half\ndataset: digits\nseeds: 1\n"
        "base: {filters: [2], kernel_size: 3, epochs: 2, validation_fraction: 0.1,"
        " training_fraction: 0.5}\n"
    )
    study = load(path)
    base = study.experiments["base"]
    said = training_seconds(study, Run(base, 1), fitted=(1.0, 0.0))
    assert said == 646 * 2
    said = training_seconds(study, Run(base, 1), fitted=(0.0, 1.0))
    assert said == 646 * 2 * base.macs
