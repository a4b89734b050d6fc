"""keras-tuner's proposals: the same whoever trains them, new each time, within the price."""

import random
import statistics
import warnings

import pytest
import yaml

from cnn_study.base.errors import UserError
from cnn_study.study.merge import load

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


def go_through(tuner, search, workers=1, seed=0, fails=lambda number: False):
    """Play chief and workers, who end in an order drawn at random; give the trials in order."""
    generator = random.Random(seed)
    asked = tuner.oracle(search, search.budgets[0])
    asked._set_project_dir(search.folder, "cache")
    at_work, idle = {}, set(range(workers))
    for _ in range(10_000):
        worker = generator.randrange(workers)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            if worker in at_work:
                _end(tuner, search, asked, at_work.pop(worker), fails)
                continue
            if worker not in idle:
                continue
            trial = asked.create_trial(f"worker-{worker}")
        if trial.status == "STOPPED":
            idle.remove(worker)
        elif trial.status == "RUNNING":
            at_work[worker] = trial
        if not idle and not at_work:
            break
    else:
        raise AssertionError("the search does not end")
    return [
        (tuner.decoded(search, one.hyperparameters.values),
         tuner.epochs_of(search, one.hyperparameters.values), one.status)
        for one in asked.trials.values()
    ]  # fmt: skip


def _end(tuner, search, asked, trial, fails):
    values = tuner.decoded(search, trial.hyperparameters.values)
    if fails(int(trial.trial_id)):
        trial.status = "FAILED"
    else:
        asked.update_trial(trial.trial_id, {tuner.OBJECTIVE: score(values)})
        trial.status = "COMPLETED"
    asked.end_trial(trial)


@pytest.fixture
def play(tuner, tmp_path, one_thread_only):
    def play(search, **how):
        object.__setattr__(search, "folder", str(tmp_path))
        return go_through(tuner, search, **how)

    return play


@pytest.mark.parametrize("algorithm", ["random", "bayesian", "hyperband"])
def test_trials_are_the_same_however_many_workers_there_are(make, play, algorithm):
    search = make(algorithm=algorithm, trials=6)
    alone = play(search)
    assert len(alone) == 6
    for workers, seed in ((2, 1), (3, 2)):
        assert play(search, workers=workers, seed=seed) == alone


@pytest.mark.parametrize("algorithm", ["random", "bayesian", "hyperband"])
def test_each_trial_fits_and_is_new(make, play, algorithm):
    search = make(algorithm=algorithm, trials=8, seed=4)
    budget = search.budgets[0]
    trials = play(search, workers=2)
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
    assert [status for *_, status in alone].count("FAILED") == 4
    again = play(search, workers=2, seed=7, fails=lambda number: number in (1, 2, 3, 4))
    assert again == alone
    assert len(play(search, fails=lambda number: True)) == 10


def test_a_claim_that_is_refused_is_not_used_and_ends_the_search(make, tuner, tmp_path):
    search = make()
    asked = tuner.oracle(search, search.budgets[0])
    asked._set_project_dir(str(tmp_path), "cache")
    claims, told = [], []

    def check(*claim) -> None:
        claims.append(claim)
        if claim[-1] and claim[-1] > 1:
            raise UserError("no such score")

    asked.check, asked.ended = check, lambda *ended: told.append(ended)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        true, lie = (asked.create_trial(f"worker-{number}") for number in (1, 2))
        own = [trial.hyperparameters for trial in (true, lie)]
        for trial, accuracy in ((true, 0.5), (lie, 9.99)):
            asked.update_trial(trial.trial_id, {tuner.OBJECTIVE: accuracy})
            trial = tuner.Trial.from_proto(trial.to_proto())
            trial.hyperparameters.values["kernel_size"] = 99
            trial.status = "COMPLETED"
            asked.end_trial(trial)
        assert asked.create_trial("worker-1").status == "STOPPED"
    assert [(claim[0], claim[2:]) for claim in claims] == [(1, (9, 0.5)), (2, (9, 9.99))]
    assert [claim[1] for claim in claims] == [
        tuner.decoded(search, hyperparameters.values) for hyperparameters in own
    ]
    assert told == [(1, 0.5)]
    assert str(asked.refusal) == "no such score"
    assert [(trial.status, trial.score) for trial in asked.trials.values()] == [
        ("COMPLETED", 0.5), ("FAILED", None)
    ]  # fmt: skip


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
    assert [values for values, *_ in play(few, workers=2)] in (
        [{"kernel_size": 1}, {"kernel_size": 3}],
        [{"kernel_size": 3}, {"kernel_size": 1}],
    )


def test_values_pass_through_gprc_unchanged(make, tuner):
    """A trial is sent with floats of 32 bits; written tidily they are what was proposed."""
    from keras_tuner.engine.hyperparameters import HyperParameters

    search = make()
    values = {
        "filters": "[8, 16]",
        "kernel_size": "3",
        "learning_rate": 0.0012345678,
        "shift": 2,
        "dense_units": "0",
    }
    sent = tuner.hyperparameters(search)
    sent.values = values
    received = HyperParameters.from_proto(sent.to_proto())
    assert tuner.decoded(search, received.values) == tuner.decoded(search, values)
    assert tuner.decoded(search, values) == {
        "filters": [8, 16], "kernel_size": 3, "learning_rate": 0.001235, "shift": 2,
        "dense_units": 0,
    }  # fmt: skip


def test_a_fault_that_is_no_outcome_of_a_training_ends_the_search(make, tuner, tmp_path):
    def full_disk(values, epochs):
        raise OSError("no space left")

    search = make()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        worker = tuner.Tuner(search, str(tmp_path), full_disk)
        with pytest.raises(tuner.Fatal, match="no space left"):
            worker.search()


def test_a_price_has_trials_of_its_own(make, play):
    prices = {"few": {"title": "Few", "macs": "base", "trials": 3}, **BLOCK["prices"]}
    search = make(prices=prices)
    assert [budget.trials for budget in search.budgets] == [3, 8]
    assert len(play(search)) == 3
