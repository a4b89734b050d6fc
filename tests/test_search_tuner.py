"""keras-tuner's proposals: the same whoever trains them, new each time, within the price."""

import statistics
from pathlib import Path

import pytest
import yaml

from cnn_study.runs import searches
from cnn_study.study.merge import load

PROJECT = Path(__file__).resolve().parents[1]

BLOCK = {
    "trials": 8,
    "epochs": 9,
    "finalists": 2,
    "space": {
        "filters": [[4, 8], [8, 16], [16, 32]],
        "kernel_size": [1, 3, 5],
        "learning_rate": {"low": 0.0005, "high": 0.01, "scale": "log"},
        "shift": {"low": 0, "high": 2},
        "dense_units": [0, 32],
        "dense_dropout": {"low": 0.0, "high": 0.5, "step": 0.25, "when": {"dense_units": [32]}},
    },
    "prices": {"base": {"title": "As cheap as the base", "macs": "base", "times": 1.5}},
}


@pytest.fixture(scope="module")
def tuner(keras):
    from cnn_study.search import tuner

    return tuner


@pytest.fixture
def make(tmp_path):
    def search(**changed):
        path = tmp_path / "mine.yaml"
        text = {
            "title": "A study",
            "dataset": "digits",
            "base": {"filters": [4, 8]},
            "search": {**BLOCK, **changed},
        }
        path.write_text(yaml.safe_dump(text, sort_keys=False))
        return load(path).search

    return search


def score(values):
    """A score with a clear best: small kernels and a learning rate near 0.003."""
    rate = abs(values.get("learning_rate", 0.003) - 0.003)
    return (
        0.9 - 0.05 * values.get("kernel_size", 3) - 20 * rate - 0.1 * values.get("dense_dropout", 0)
    )


@pytest.fixture
def play(tuner, one_thread_only):
    """Play chief: give values, epochs and scores of all trials, in order."""

    def play(search, fails=lambda number: False):
        asked, trials = tuner.oracle(search, search.budgets[0]), []
        while proposed := asked.propose():
            scores = [
                None if fails(number) else score(values)
                for number, (values, _) in enumerate(proposed, start=len(trials))
            ]
            asked.tell(scores)
            trials += [(*each, told) for each, told in zip(proposed, scores, strict=True)]
        return trials

    return play


def test_the_published_search_is_proposed_again_from_its_scores(tuner, one_thread_only):
    """At the price with the fewest trials, of which two hang on the scores of four."""
    study = load(PROJECT / "experiments" / "cifar10.yaml")
    known = searches.read(searches.find(study, PROJECT / "results" / "cifar10")).budgets[2].trials
    asked, number = tuner.oracle(study.search, study.search.budgets[2]), 0
    assert len(known) == 6
    while proposed := asked.propose():
        trials = known[number : number + len(proposed)]
        assert proposed == [(trial.values, trial.epochs) for trial in trials]
        asked.tell([searches.score(trial.runs) for trial in trials])
        number += len(proposed)
    assert number == 6


def test_what_hangs_on_no_score_is_proposed_together(make, tuner):
    def first(**changed):
        search = make(**changed)
        return tuner.oracle(search, search.budgets[0]).propose()

    assert len(first(algorithm="random", trials=25)) == 25
    assert len(first(algorithm="bayesian", together=3)) == 3
    assert len(first(algorithm="hyperband", trials=100)) == 9  # of which three go on


@pytest.mark.parametrize("algorithm", ["random", "bayesian", "hyperband"])
def test_each_trial_fits_and_is_new(make, play, algorithm):
    search = make(algorithm=algorithm, trials=8, seed=4)
    budget = search.budgets[0]
    trials = play(search)
    for values, _, _ in trials:
        model = search.fits(values, budget)
        assert model.macs <= budget.macs
        assert ("dense_dropout" in values) == (values["dense_units"] == 32)
    whole = [(str(values), epochs) for values, epochs, _ in trials]
    assert len(set(whole)) == len(whole)


@pytest.mark.parametrize("algorithm", ["random", "bayesian", "hyperband"])
def test_failing_trials_do_not_stop_the_search(make, play, algorithm):
    search = make(algorithm=algorithm, trials=10)
    alone = play(search, fails=lambda number: number in (1, 2, 3, 4))
    assert len(alone) == 10
    assert [told for *_, told in alone].count(None) == 4
    assert len(play(search, fails=lambda number: True)) == 10


def test_another_seed_proposes_other_trials(make, play):
    first = play(make(algorithm="random", seed=1))
    assert play(make(algorithm="random", seed=2)) != first


def test_there_are_as_many_trials_as_asked_for(make, play):
    """keras-tuner's own random search would end after ten."""
    assert len(play(make(algorithm="random", trials=25))) == 25


def test_a_parameter_may_hang_on_several_and_on_one_that_hangs_itself(make, play):
    """Both conditions hold in one of four cases: 3 values there, 2 of them with 2 below; 3 + 5."""
    space = {
        "optimizer": ["sgd", "adam"],
        "dense_units": [0, 32],
        "dense_dropout": {
            "values": [0.0, 0.25, 0.5], "when": {"dense_units": [32], "optimizer": ["sgd"]}
        },
        "label_smoothing": {"values": [0.0, 0.1], "when": {"dense_dropout": [0.25, 0.5]}},
    }  # fmt: skip
    found = [values for values, *_ in play(make(algorithm="random", trials=20, space=space))]
    assert len(found) == len({str(values) for values in found}) == 8
    for values in found:
        both = values["dense_units"] == 32 and values["optimizer"] == "sgd"
        assert ("dense_dropout" in values) == both
        assert ("label_smoothing" in values) == (values.get("dense_dropout", 0) > 0)


def test_bayesian_goes_where_scores_are_high(make, play):
    """After what is drawn, trials score better than drawn ones do."""
    trials = play(make(algorithm="bayesian", trials=11))
    drawn = play(make(algorithm="random", trials=40))
    later = [score(values) for values, *_ in trials[6:]]
    random_ = [score(values) for values, *_ in drawn]
    assert statistics.median(later) > statistics.median(random_) + 0.02


def test_hyperband_trains_fewer_for_longer(make, play):
    trials = play(make(algorithm="hyperband", trials=100))
    epochs = [epochs for _, epochs, _ in trials]
    assert set(epochs) == {1, 3, 9}
    assert epochs.count(9) < epochs.count(3) < epochs.count(1)
    # Those that go on are the best of those that were trained for less.
    first = [(score(values), str(values)) for values, e, _ in trials[: epochs.index(3)]]
    second = [str(values) for values, e, _ in trials if e == 3]
    assert second[0] == max(first)[1]


def test_a_space_with_fewer_models_than_trials_ends(make, play):
    few = make(algorithm="random", space={"kernel_size": [1, 3]}, trials=5)
    assert [values for values, *_ in play(few)] in (
        [{"kernel_size": 1}, {"kernel_size": 3}],
        [{"kernel_size": 3}, {"kernel_size": 1}],
    )


def test_numbers_are_written_tidily(make, tuner):
    """What keras-tuner chose with all its digits."""
    values = {
        "filters": "[8, 16]",
        "kernel_size": "3",
        "learning_rate": 0.0012345678,
        "shift": 2,
        "dense_units": "0",
    }
    assert tuner.decoded(make(), values) == {
        "filters": [8, 16], "kernel_size": 3, "learning_rate": 0.001235, "shift": 2,
        "dense_units": 0,
    }  # fmt: skip


def test_a_price_has_trials_of_its_own(make, play):
    prices = {"few": {"title": "Few", "macs": "base", "trials": 3}, **BLOCK["prices"]}
    search = make(prices=prices)
    assert [budget.trials for budget in search.budgets] == [3, 8]
    assert len(play(search)) == 3
