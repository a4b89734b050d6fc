"""How long a search takes on this machine: measured for some seconds, then worked out."""

import logging

import pytest

from cnn_study.__main__ import main
from cnn_study.execute import progress, timing
from cnn_study.runs.estimate import Speed, Step, search_seconds, step_seconds
from test_search_space import loaded

HALVING = {
    **{"algorithm": "halving", "trials": 4, "rounds": 2, "factor": 2, "epochs": 4, "finalists": 1},
    "prices": {"small": {"title": "Small", "parameters": 5000, "winner_epochs": 5}},
}
IMAGES = 1293
"""Of the digits' 1,437 training images without the tenth that is held out."""

SPEEDS = {"small": Speed(2.0, 0.01)}


@pytest.fixture
def study(tmp_path):
    return loaded(tmp_path, **HALVING)


def test_a_step_takes_its_starts_and_its_images(study):
    """Eight runs of three epochs: 8 x 2 s, and 8 x 3 x 1,293 images of 0.01 s."""
    (budget,) = study.search.budgets
    step = Step("trial", 4, 8, 3, 8)
    assert step_seconds(study, budget, step, [], SPEEDS["small"]) == pytest.approx(16 + 310.32)


def test_the_search_is_as_long_as_its_steps_on_so_many_cores(study):
    """Four of 2 epochs, two of 4, two finalists' runs of 4, five winner's of 5; ten to begin."""
    image = 0.01 * IMAGES
    trials = 4 * (2 + 2 * image) + 2 * (2 + 4 * image)
    after = 2 * (2 + 4 * image) + 5 * (2 + 5 * image)
    whole = search_seconds(study, [], 2, speeds=SPEEDS)
    assert whole == pytest.approx(10 + (trials + after) / 2)
    # On three cores 4 take two turns, 2 and 2 one, and of the winner's 5 no core waits for one.
    turns = 2 * (2 + 2 * image) + 2 * (2 + 4 * image) + 5 * (2 + 5 * image) / 3
    assert search_seconds(study, [], 3, speeds=SPEEDS) == pytest.approx(10 + turns)
    # With three trials ended, one of the first round and all that comes after it are left.
    left = search_seconds(study, [], 1, ("small", 3), SPEEDS)
    assert left == pytest.approx(2 + 2 * image + 2 * (2 + 4 * image) + after)
    ended = search_seconds(study, [], 1, ("small", 6), SPEEDS)
    assert ended == pytest.approx(after)


def test_check_says_it_price_by_price_and_round_by_round(study, tmp_path, capsys, monkeypatch):
    """111, 107, 107 and 333 seconds; half of all and ten to begin on two cores: 340."""
    monkeypatch.setattr(progress, "cores", lambda: 2)
    progress.check(study, tmp_path / "results", SPEEDS)
    said = " ".join(capsys.readouterr().out.split())
    assert "6 trials at one price; not done yet, about 6 min in all on every core" in said
    assert (
        "Small: 11 min of one core (4 trials of 2 epochs 2 min, 2 trials of 4 epochs 2 min, "
        "1 finalist (2 runs) of 4 epochs 2 min, 1 winner (5 runs) of 5 epochs 6 min)"
    ) in said


def test_nothing_is_timed_without_a_search(tmp_path, capsys):
    path = tmp_path / "plain.yaml"
    path.write_text("title: Plain\ndataset: digits\nbase: {filters: [2]}\n")
    assert main(["check", str(path), "--timed"]) == 2
    assert "has no search, whose models it times. Leave it out." in capsys.readouterr().err


@pytest.mark.slow
def test_models_are_timed_in_workers(study, monkeypatch, capsys):
    monkeypatch.setattr(timing, "MODELS", 2)
    (speed,) = timing.time_search(study, 1).values()
    assert 0 < speed.image_seconds < 0.01
    assert 0 < speed.start_seconds < 60
    said = capsys.readouterr().err
    assert "timed 2 models of Small: " in said


@pytest.mark.slow
def test_a_graph_for_each_network_is_no_warning(keras, caplog):
    logger = logging.getLogger("tensorflow")
    told = ["5 out of the last 9 calls to f triggered tf.function retracing.", "something else"]
    records = [logging.LogRecord("tensorflow", 30, "f.py", 1, text, (), None) for text in told]
    assert [bool(logger.filter(record)) for record in records] == [False, True]
