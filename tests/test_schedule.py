"""Learning rates, step by step, worked out by hand."""

import pytest

from cnn_study.study.settings import TrainingSettings

# Half a cosine at 0, 1/4, 1/2 and 3/4 of the way: (1 + cos(x)) / 2.
COSINE = [1.0, 0.8535534, 0.5, 0.1464466]

# Settings, steps an epoch, and the rate at each step of the whole training.
BY_HAND = {
    "constant after warm-up": (
        {"learning_rate": 0.8, "warmup_epochs": 2, "epochs": 4},
        2,
        [0.2, 0.4, 0.6, 0.8, 0.8, 0.8, 0.8, 0.8],
    ),
    "cosine": ({"schedule": "cosine", "learning_rate": 1.0, "epochs": 2}, 2, COSINE),
    "cosine, smaller": (
        {"schedule": "cosine", "learning_rate": 0.01, "epochs": 4},
        1,
        [0.01 * rate for rate in COSINE],
    ),
    "cosine after warm-up": (
        {"schedule": "cosine", "learning_rate": 1.0, "warmup_epochs": 1, "epochs": 3},
        2,
        [0.5, 1.0, *COSINE],
    ),
    "step": (
        {"schedule": "step", "learning_rate": 1.0, "epochs": 4},
        2,
        [1, 1, 1, 1, 0.1, 0.1, 0.01, 0.01],
    ),
    "step after warm-up": (
        {"schedule": "step", "learning_rate": 2.0, "warmup_epochs": 2, "epochs": 6},
        2,
        [0.5, 1.0, 1.5, 2.0, 2, 2, 2, 2, 0.2, 0.2, 0.02, 0.02],
    ),
    "step, to a hundredth of the way": (
        {"schedule": "step", "learning_rate": 1.0, "epochs": 20},
        5,
        [1] * 50 + [0.1] * 25 + [0.01] * 25,
    ),
    "part of an epoch of warm-up": (
        {"learning_rate": 1.0, "warmup_epochs": 0.5, "epochs": 1},
        4,
        [0.5, 1.0, 1.0, 1.0],
    ),
    "less than a step of warm-up": (
        {"learning_rate": 1.0, "warmup_epochs": 0.1, "epochs": 1},
        4,
        [1.0, 1.0, 1.0, 1.0],
    ),
}


@pytest.fixture
def make(keras):
    from cnn_study.train.schedule import make

    return make


def test_constant_is_a_number(make):
    assert make(TrainingSettings(learning_rate=0.25), steps_per_epoch=7) == 0.25


@pytest.mark.parametrize("name", BY_HAND)
def test_rates_by_hand(make, name):
    values, steps_per_epoch, expected = BY_HAND[name]
    schedule = make(TrainingSettings(**values), steps_per_epoch)
    assert [float(schedule(step)) for step in range(len(expected))] == pytest.approx(
        expected, rel=1e-5
    )


@pytest.mark.parametrize(("shape", "last"), [("cosine", 0), ("step", 0.01), ("constant", 1)])
def test_rate_after_the_end_stays(make, shape, last):
    values = TrainingSettings(schedule=shape, learning_rate=1.0, warmup_epochs=0.5, epochs=2)
    assert float(make(values, 2)(100)) == pytest.approx(last, abs=1e-7)


@pytest.mark.parametrize("name", BY_HAND)
def test_configuration_round_trip(keras, make, name):
    """Keras saves an optimizer with its schedule and makes an equal one from what it saved."""
    from cnn_study.train.schedule import Schedule

    values, steps_per_epoch, expected = BY_HAND[name]
    optimizer = keras.optimizers.SGD(make(TrainingSettings(**values), steps_per_epoch))
    saved = keras.optimizers.serialize(optimizer)
    again = keras.optimizers.deserialize(saved, custom_objects={"Schedule": Schedule})
    rates = [float(again._learning_rate(step)) for step in range(len(expected))]
    assert rates == pytest.approx(expected, rel=1e-5)


def test_optimizer_takes_the_rate_of_each_step(keras, make):
    """With a gradient of 1, SGD takes the rate itself off the variable: 0.25, 0.5, 0.75, 1."""
    values = TrainingSettings(learning_rate=1.0, warmup_epochs=1, epochs=2)
    optimizer = keras.optimizers.SGD(make(values, 4))
    variable = keras.Variable([0.0])
    seen = []
    for _ in range(4):
        optimizer.apply([keras.ops.ones((1,))], [variable])
        seen.append(float(variable[0]))
    assert seen == pytest.approx([-0.25, -0.75, -1.5, -2.5])
