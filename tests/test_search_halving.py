"""Successive halving: who goes on, by scores made up, and that nothing hangs on who trains it."""

import shutil

import pytest

import records_by_hand
import searched_by_hand
from cnn_study.runs import searches
from cnn_study.runs.estimate import Step, steps_of
from cnn_study.search.halving import Candidate, Halving, kept, promise
from cnn_study.study.search_space import Round, rounds_of
from searched_by_hand import BLOCK, MadeSearch, accuracy
from test_search_space import loaded, refused

HALVING = {"algorithm": "halving", "trials": 9, "epochs": 18, "finalists": 1}


def numbers(chosen):
    return [(each.candidate.number, each.by) for each in chosen]


# ------------------------------------------------------------------------------------------ rules


def test_rounds_have_a_share_of_the_models_and_as_many_times_the_epochs():
    assert rounds_of(27, 45, 3, 3) == (Round(5, 27), Round(15, 9), Round(45, 3))
    assert rounds_of(10, 16, 3, 2) == (Round(4, 10), Round(8, 5), Round(16, 3))
    assert rounds_of(7, 20, 1, 3) == (Round(20, 7),)


def test_lengths_that_do_not_divide_are_rounded_and_rise():
    assert [each.epochs for each in rounds_of(9, 40, 3, 3)] == [4, 13, 40]
    assert [each.epochs for each in rounds_of(9, 9, 3, 3)] == [1, 3, 9]


def test_a_third_of_the_places_goes_to_curves_that_promise_the_most():
    """Six places: four by score; of the rest 5 promises 0.95, 8 promises 0.91."""
    candidates = [
        Candidate(1, 10, 0.80, 0.82), Candidate(2, 10, 0.79, 0.80), Candidate(3, 10, 0.78, 0.99),
        Candidate(4, 10, 0.77, 0.78), Candidate(5, 10, 0.50, 0.95), Candidate(6, 10, 0.76, 0.77),
        Candidate(7, 10, 0.75, 0.90), Candidate(8, 10, 0.60, 0.91), Candidate(9, 10, None, None),
    ]  # fmt: skip
    by_score = [(1, "score"), (2, "score"), (3, "score"), (4, "score")]
    assert numbers(kept(candidates, 6, 1 / 3)) == [*by_score, (5, "curve"), (8, "curve")]
    assert numbers(kept(candidates, 4, 0)) == by_score
    assert numbers(kept(candidates, 1, 1 / 3)) == [(1, "score")]
    assert numbers(kept(candidates, 1, 1)) == [(3, "curve")]


def test_one_that_has_no_score_never_goes_on_though_places_stay_free():
    candidates = [Candidate(1, 10, None), Candidate(2, 10, 0.3, 0.4), Candidate(3, 10, None)]
    assert numbers(kept(candidates, 3, 0.5)) == [(2, "score")]


def test_places_that_no_curve_fills_go_by_score():
    candidates = [Candidate(number, 10, number / 10) for number in (1, 2, 3, 4)]
    assert numbers(kept(candidates, 3, 1 / 3)) == [(4, "score"), (3, "score"), (2, "score")]


def test_of_equal_ones_the_cheaper_then_the_earlier_goes_on():
    candidates = [Candidate(1, 20, 0.5), Candidate(2, 10, 0.5), Candidate(3, 20, 0.5)]
    assert numbers(kept(candidates, 2, 0)) == [(2, "score"), (1, "score")]
    alike = [Candidate(1, 20, 0.5, 0.9), Candidate(2, 10, 0.5, 0.9), Candidate(3, 5, 0.9, 0.9)]
    assert numbers(kept(alike, 2, 0.5)) == [(3, "score"), (2, "score")]


def test_an_error_that_halves_whenever_epochs_double_goes_on_doing_so():
    """0.4 after 2 epochs and 0.2 after 4: 0.1 after 8, 0.05 after 16."""
    assert promise([(2, 0.6), (4, 0.8)], 16) == pytest.approx(0.95)
    assert promise([(1, 0.2), (2, 0.6), (4, 0.8)], 8) == pytest.approx(0.9)


def test_a_curve_that_stays_or_falls_promises_what_it_has():
    assert promise([(2, 0.7), (4, 0.7)], 16) == pytest.approx(0.7)
    assert promise([(2, 0.8), (4, 0.7)], 16) == pytest.approx(0.7)


def test_without_an_error_or_a_second_point_nothing_is_extrapolated():
    assert promise([(4, 0.9)], 16) is None
    assert promise([], 16) is None
    assert promise([(2, 0.9), (4, 1.0)], 16) == 1.0
    assert promise([(2, 1.0), (4, 0.9)], 16) == 0.9


def test_a_line_through_three_points_has_the_least_squares():
    """Errors 1/2, 1/2, 1/8 after 1, 2, 4 epochs: in powers of two -1, -1, -3, slope -1."""
    assert promise([(1, 0.5), (2, 0.5), (4, 0.875)], 8) == pytest.approx(1 - 1 / 16)


# -------------------------------------------------------------------------------------- by hand


@pytest.fixture
def search(tmp_path):
    return loaded(tmp_path, **HALVING).search


def told(oracle, scores, curves=None):
    """Tell scores by trial; curves are flat where none are given."""
    oracle.tell(scores, curves or [[score] * 2 if score else [] for score in scores])


def test_a_halving_by_hand(search):
    """Nine of 2 epochs; 3 places, one by curve; then 1 place by score."""
    oracle = Halving(search, search.budgets[0])
    first = oracle.propose()
    assert [(each.epochs, each.in_round.round) for each in first] == [(2, 1)] * 9
    assert {each.in_round.chosen_by for each in first} == {None}
    scores = [0.1, 0.9, 0.3, 0.8, 0.2, None, 0.7, 0.6, 0.5]
    curves = [[score, score] if score else [] for score in scores]
    curves[0] = [0.0, 0.1]
    curves[2] = [0.0, 0.3]  # after 18 epochs, 1 - 0.7 * 9 ** log2(0.7): 0.77, and the seventh 0.7
    told(oracle, scores, curves)
    second = oracle.propose()
    assert [each.values for each in second] == [first[place].values for place in (1, 3, 2)]
    assert [each.epochs for each in second] == [6] * 3
    assert [each.in_round.continues for each in second] == [2, 4, 3]
    assert [each.in_round.chosen_by for each in second] == ["score", "score", "curve"]
    told(oracle, [0.91, 0.92, 0.90])
    (last,) = oracle.propose()
    assert (last.epochs, last.values) == (18, first[3].values)
    assert (last.in_round.round, last.in_round.continues) == (3, 11)
    # From 0.2 wrong to 0.08 in three times the epochs, and so to 0.032 in nine times.
    assert last.in_round.promise == pytest.approx(1 - 0.08 * 0.4)
    told(oracle, [0.95])
    assert oracle.propose() == []


def test_a_later_round_goes_by_what_whole_schedules_reach(search):
    """The curve within a run is of one schedule; between rounds, each score ends its own."""
    oracle = Halving(search, search.budgets[0])
    oracle.propose()
    told(oracle, [0.5] * 9)
    oracle.propose()
    told(oracle, [0.6, 0.7, 0.8], [[0.1, 0.9]] * 3)
    (last,) = oracle.propose()
    assert last.in_round.promise == pytest.approx(1 - 0.2 * (0.2 / 0.5))


def test_where_all_have_failed_nothing_more_is_proposed(search):
    oracle = Halving(search, search.budgets[0])
    oracle.propose()
    told(oracle, [None] * 9)
    assert oracle.propose() == []


def test_models_are_drawn_by_seed_and_price_and_are_new_and_within_it(search, tmp_path):
    for budget in search.budgets:
        models = search.drawn_at(budget)
        assert len(models) == len({model.fingerprint for model in models}) == 9
        assert all(model.macs <= budget.macs for model in models)
        assert search.drawn_at(budget) == models
    first, second = map(search.drawn_at, search.budgets)
    assert [model.values for model in first] != [model.values for model in second]
    other = loaded(tmp_path, **HALVING, seed=2).search
    assert other.drawn_at(other.budgets[0]) != first


def test_a_space_with_fewer_models_than_trials_has_smaller_rounds(tmp_path):
    few = loaded(tmp_path, **HALVING, space={"kernel_size": [1, 3]}).search
    oracle = Halving(few, few.budgets[0])
    assert len(oracle.propose()) == 2
    told(oracle, [0.5, 0.6])
    assert len(oracle.propose()) == 1


def test_a_price_may_be_a_number_of_parameters_alone(tmp_path):
    prices = {"small": {"title": "Small", "parameters": 5_000, "least": 0.5}}
    search = loaded(tmp_path, **HALVING, prices=prices).search
    models = search.drawn_at(search.budgets[0])
    assert len(models) == 9
    assert all(2_500 <= model.parameters <= 5_000 for model in models)
    macs = [model.macs for model in models]
    assert search.typical_training_macs(search.budgets[0]) == round(sum(macs) / 9)


def test_steps_are_counted_round_by_round(tmp_path):
    more = {"seeds": 2, "finalists": 2, "finalist_seeds": 3, "winner_seeds": 4}
    search = loaded(tmp_path, **{**HALVING, "trials": 18, **more, "winner_epochs": 20}).search
    assert steps_of(search, search.budgets[0]) == [
        Step("trial", 18, 36, 2, 36),
        Step("trial", 6, 12, 6, 12),
        Step("trial", 2, 4, 18, 4),
        Step("finalist", 2, 6, 18, 6),
        Step("winner", 1, 4, 20, 4),
    ]
    assert search.trials_at(search.budgets[0]) == 26


# ------------------------------------------------------------------------------------ study file


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (
            {**HALVING, "epochs": 8},
            "search.epochs: 8 in the last of 3 rounds, each 3 times as long as the one before it: "
            "the first would not last one. Give 9 or more, or fewer rounds",
        ),
        (
            {**HALVING, "trials": 18, "finalists": 3},
            "search.finalists: 3 of 2 trials at the price base in the last round; give fewer, or "
            "more trials",
        ),
        (
            {"algorithm": "random", "rounds": 2, "rising": 0.5},
            "search.rounds: of algorithm halving, and this is random; leave it out",
        ),
        ({**HALVING, "rising": 1.5}, "search.rising: input should be less than or equal to 1"),
        ({**HALVING, "rounds": 1}, "search.rounds: input should be greater than or equal to 2"),
        ({**HALVING, "factor": 1}, "search.factor: input should be greater than or equal to 2"),
    ],
)
def test_what_halving_cannot_do_is_refused(tmp_path, changed, said):
    assert said in refused(tmp_path, **changed)


def test_other_searches_are_named_as_before_there_were_rounds(tmp_path, search):
    """The name that this block had then."""
    assert loaded(tmp_path, algorithm="random").search.fingerprint == "1582b90e676e89cd"
    changes = ({"rising": 0.5}, {"rounds": 2}, {"factor": 2}, {"factor": 3})
    others = [loaded(tmp_path, **HALVING, **more).search.fingerprint for more in changes]
    assert others[-1] == search.fingerprint
    assert len(set(others)) == 4


# -------------------------------------------------------------------------------------- searching


MADE = {
    **{"algorithm": "halving", "trials": 9, "epochs": 9, "finalists": 1, "winner_epochs": None},
    "space": {**BLOCK["space"], "batch_size": [8, 16, 32]},
}


@pytest.fixture
def made(tmp_path, monkeypatch, keras):
    made = MadeSearch(tmp_path, monkeypatch, **MADE)
    made.results.mkdir()
    return made


def rounds(found: searches.AtBudget) -> list[list[searches.Trial]]:
    return [[trial for trial in found.trials if trial.in_round.round == number]
            for number in (1, 2, 3)]  # fmt: skip


@pytest.mark.slow
def test_each_round_is_made_of_records_of_its_own_length(made, capsys):
    (found,) = made.search()
    first, second, last = rounds(found)
    assert [[trial.epochs for trial in each] for each in (first, second, last)] == [
        [1] * 9, [3] * 3, [9],
    ]  # fmt: skip
    assert [trial.trial for trial in found.trials] == list(range(1, 14))
    by_number = {trial.trial: trial for trial in found.trials}
    for trial in (*second, *last):
        assert trial.values == by_number[trial.in_round.continues].values
    best = sorted(first, key=lambda trial: (-trial.scores[0], trial.macs))[:3]
    # Curves of one epoch promise nothing, so that all places go by score.
    assert [trial.in_round.continues for trial in second] == [trial.trial for trial in best]
    assert [trial.in_round.chosen_by for trial in second] == ["score"] * 3
    assert max(second, key=lambda trial: trial.scores).trial == last[0].in_round.continues
    assert [final.trial for final in found.finalists] == [13]
    assert found.winner.epochs == 9
    assert len(made.trained) == len(set(made.trained)) == 13 + 1 + 2
    said = capsys.readouterr().out
    assert "search, Cheap: 13 trials\n" in said
    assert "search, Cheap: round 2 of 3, 3 trials of 3 epochs\n" in said
    assert "search, Cheap: round 3 of 3, 1 trial of 9 epochs\n" in said
    assert "; 13 of 13 trials done, about " in said


@pytest.mark.slow
def test_the_same_is_found_by_any_number_of_workers_whichever_ends_first(made):
    made.change(**{**MADE, "epochs": 18, "seeds": 2})
    alone = made.search(1)
    for workers in (2, 3):
        made.results = made.folder / f"results-{workers}"
        assert made.search(workers) == alone


@pytest.mark.slow
@pytest.mark.parametrize("after", [4, 10, 12])
def test_a_search_that_was_stopped_in_any_round_goes_on_and_trains_nothing_twice(made, after):
    (whole,) = made.search()
    stops = made.trained[after]
    shutil.rmtree(made.results)
    made.trained.clear()
    made.instead[stops] = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        made.search()
    made.instead.clear()
    before = set(made.trained) - {stops}
    made.trained.clear()
    assert made.search() == [whole]
    assert not set(made.trained) & before
    assert stops in made.trained


@pytest.mark.slow
def test_a_model_that_fails_in_one_round_is_not_in_the_next(made):
    (whole,) = made.search()
    best = max(rounds(whole)[0], key=lambda trial: trial.scores)
    shutil.rmtree(made.results)
    made.instead[f"search/{best.fingerprint}/seed-1"] = {"status": "diverged"}
    (found,) = made.search()
    assert len(found.trials) == 13
    assert best.trial not in [trial.in_round.continues for trial in rounds(found)[1]]


@pytest.mark.slow
def test_a_place_goes_to_the_curve_that_rises_most(made, monkeypatch):
    """Of six epochs; one model has 0.2, 0.3, … and, of all, the worst end."""
    made.change(**{**MADE, "epochs": 54})
    rising = made.study.search.drawn_at(made.study.search.budgets[0])[4]
    short = made.study.search.model(rising.values, 6).fingerprint
    make = records_by_hand.make

    def rise(study, experiment, seed, **outcome):
        record = make(study, experiment, seed, **outcome)
        if record.fingerprint != short:
            return record
        scores = [0.0, 0.0, 0.0, 0.0, 0.3, 0.5]
        epochs = [
            epoch.model_copy(update={"validation_accuracy": score})
            for epoch, score in zip(record.epochs, scores, strict=True)
        ]
        return record.model_copy(update={"epochs": epochs})

    monkeypatch.setattr(records_by_hand, "make", rise)
    monkeypatch.setattr(searched_by_hand, "accuracy", lambda run: 0.6 + accuracy(run) / 10)
    (found,) = made.search()
    first, second, _ = rounds(found)
    assert min(first, key=lambda trial: trial.scores).trial == 5
    assert [trial.in_round.chosen_by for trial in second] == ["score", "score", "curve"]
    assert second[2].in_round.continues == 5
    expected = promise(list(enumerate([0.0, 0.0, 0.0, 0.0, 0.3, 0.5], start=1)), 54)
    assert second[2].in_round.promise == pytest.approx(expected)
    assert second[0].in_round.promise == pytest.approx(max(first, key=lambda t: t.scores).scores[0])


def test_what_a_search_without_rounds_writes_says_nothing_of_them():
    trial = searches.Trial(trial=1, epochs=2, fingerprint="0f", runs=[], values={}, parameters=1,
                           macs=1)  # fmt: skip
    assert "in_round" not in trial.model_dump()
    place = searches.InRound(round=2, continues=1, chosen_by="curve", promise=0.5)
    told = trial.model_copy(update={"in_round": place}).model_dump_json()
    assert searches.Trial.model_validate_json(told).in_round == place
