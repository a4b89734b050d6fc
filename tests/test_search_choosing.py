"""Choosing finalists and winners: by validation scores, whatever the test scores are."""

from cnn_study.search.choosing import Scored, finalists, winner


def scored(number, *scores, macs=100, epochs=10):
    return Scored(number, epochs, macs, scores)


def numbers(trials):
    return [trial.number for trial in trials]


def test_the_best_means_are_finalists():
    trials = [scored(1, 0.5, 0.7), scored(2, 0.9, 0.1), scored(3, 0.61, 0.61), scored(4, 0.1, 0.2)]
    assert numbers(finalists(trials, 2)) == [3, 1]
    assert numbers(finalists(trials, 9)) == [3, 1, 2, 4]


def test_of_equal_trials_the_cheaper_then_the_earlier_comes_first():
    trials = [scored(1, 0.5), scored(2, 0.5, macs=50), scored(3, 0.5)]
    assert numbers(finalists(trials, 3)) == [2, 1, 3]


def test_a_trial_with_a_broken_run_is_never_chosen():
    assert finalists([scored(1), scored(2, 0.1)], 2) == [scored(2, 0.1)]
    assert finalists([scored(1)], 2) == []
    assert winner([scored(1)], 0.005) is None
    assert winner([], 0.005) is None


def test_only_trials_with_the_most_epochs_compare():
    trials = [scored(1, 0.9, epochs=3), scored(2, 0.6), scored(3, 0.7)]
    assert numbers(finalists(trials, 3)) == [3, 2]


def test_the_cheapest_that_is_as_good_as_any_wins():
    finals = [scored(1, 0.800, macs=300), scored(2, 0.796, macs=200), scored(3, 0.790, macs=100)]
    assert winner(finals, 0.005).number == 2
    assert winner(finals, 0.001).number == 1
    assert winner(finals, 0.02).number == 3


def test_a_dearer_one_wins_where_it_is_worth_it():
    assert winner([scored(1, 0.7, macs=1), scored(2, 0.8, macs=9)], 0.005).number == 2


def test_choosing_cannot_see_a_test_score():
    """What choosing is given has no room for one."""
    assert set(Scored.__dataclass_fields__) == {"number", "epochs", "macs", "scores"}
