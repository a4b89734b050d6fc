"""What a study may ask a search for, and what is refused before anything trains."""

import random
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from cnn_study.base.errors import UserError
from cnn_study.study.merge import load
from cnn_study.study.model import Study
from cnn_study.study.search_space import Parameter

SEARCH = {
    "trials": 6,
    "epochs": 4,
    "finalists": 2,
    "space": {
        "filters": [[4, 8], [8, 16], [16, 32]],
        "kernel_size": [1, 3, 5],
        "learning_rate": {"low": 0.0005, "high": 0.01, "scale": "log"},
        "dense_units": [0, 32],
        "dense_dropout": {
            "low": 0.0, "high": 0.5, "step": 0.25, "when": {"dense_units": [32]}
        },
    },
    "prices": {
        "base": {"title": "As cheap as the base", "macs": "base"},
        "twice": {"title": "Twice the base", "macs": "base", "times": 2},
    },
}  # fmt: skip
STUDY = {
    "title": "A study",
    "dataset": "digits",
    "seeds": 2,
    "base": {"filters": [4, 8], "epochs": 2, "warmup_epochs": 1.0, "padding": "same"},
    "search": SEARCH,
}


def loaded(folder: Path, **changed) -> Study:
    """Load a study whose search is changed in some keys; None takes one out."""
    block = {key: value for key, value in {**SEARCH, **changed}.items() if value is not None}
    path = folder / "mine.yaml"
    path.write_text(yaml.safe_dump({**STUDY, "search": block}, sort_keys=False))
    return load(path)


def refused(folder: Path, **changed) -> str:
    with pytest.raises(UserError) as error:
        loaded(folder, **changed)
    return str(error.value)


@pytest.fixture
def search(tmp_path):
    return loaded(tmp_path).search


def test_limits_are_costs_of_experiments(tmp_path):
    chosen = loaded(tmp_path)
    base = chosen.experiments["base"]
    assert [budget.macs for budget in chosen.search.budgets] == [base.macs, 2 * base.macs]
    assert [budget.trials for budget in chosen.search.budgets] == [6, 6]
    numbers = {
        "own": {"title": "Own", "macs": 99_999, "parameters": "base", "times": 3, "trials": 2}
    }
    (budget,) = loaded(tmp_path, prices=numbers).search.budgets
    assert (budget.macs, budget.parameters, budget.trials) == (99_999, 3 * base.parameters, 2)


def test_a_model_has_base_values_and_epochs(search):
    model = search.model({"filters": [8, 16], "kernel_size": 3, "learning_rate": 0.0012345})
    assert model.settings.filters == [8, 16]
    assert model.settings.learning_rate == 0.001234  # four digits, as a person would write it
    assert model.settings.dense_units == 64  # not varied here, so as in the base
    assert (model.settings.epochs, model.settings.warmup_epochs) == (4, 1.0)
    # By hand: 8x8x1x9x8 = 4,608; 4x4 x 8x9x16 = 18,432; 4x4x16 x 64 = 16,384; 64 x 10 = 640.
    assert model.macs == 4_608 + 18_432 + 16_384 + 640


def test_a_warm_up_keeps_its_share_of_the_epochs(search):
    values = {"filters": [4, 8], "kernel_size": 3, "learning_rate": 0.001}
    assert search.model(values, 8).settings.warmup_epochs == 2.0
    assert search.model(values, 2).settings.warmup_epochs == 0.5


def test_what_is_not_active_is_left_out(search):
    values = {"dense_units": 0, "dense_dropout": 0.25}
    assert search.active(values) == {"dense_units": 0}
    assert search.active({**values, "dense_units": 32}) == {
        "dense_units": 32,
        "dense_dropout": 0.25,
    }
    assert search.active({"dense_dropout": 0.25}) == {}


def test_only_models_that_fit_are_given(search):
    cheap, dear = search.budgets[0], replace(search.budgets[0], macs=10**9)
    wide = {"filters": [16, 32], "kernel_size": 5, "learning_rate": 0.001}
    assert search.fits(wide, cheap) is None
    assert search.fits(wide, dear).settings.filters == [16, 32]
    assert search.fits({**wide, "filters": [16, -1]}, dear) is None  # no such model


def test_limits_hold_for_parameters_and_seconds(search):
    values = {"filters": [4, 8], "kernel_size": 3, "learning_rate": 0.001}
    model = search.model(values)
    free = replace(search.budgets[0], macs=None)
    assert search.fits(values, replace(free, parameters=model.parameters))
    assert not search.fits(values, replace(free, parameters=model.parameters - 1))
    # 1437 images less 144 that are held out, 4 epochs, 150 µs and 50 ps a MAC each
    seconds = 1293 * 4 * (150e-6 + 50e-12 * model.macs)
    assert search.fits(values, replace(free, training_seconds=seconds * 1.00001))
    assert not search.fits(values, replace(free, training_seconds=seconds * 0.99999))


@pytest.mark.parametrize(("trials", "drawn"), [(2, 2), (3, 2), (6, 3), (9, 4), (10, 5), (99, 5)])
def test_as_many_trials_are_drawn_as_there_are_parameters_at_most_half(search, trials, drawn):
    """Five parameters; a regression needs two trials to begin with."""
    assert search.drawn(replace(search.budgets[0], trials=trials)) == drawn


def test_draws_stay_in_the_space(search):
    generator = random.Random(1)
    for _ in range(300):
        values = search.draw(generator)
        assert 0.0005 <= values["learning_rate"] <= 0.01
        assert ("dense_dropout" in values) == (values["dense_units"] == 32)
        assert values.get("dense_dropout", 0.0) in (0.0, 0.25, 0.5)


def test_a_log_range_draws_every_order_of_magnitude_equally():
    parameter = Parameter("weight_decay", low=1e-4, high=1.0, scale="log")
    generator = random.Random(1)
    drawn = [parameter.draw(generator) for _ in range(2000)]
    small = sum(value < 1e-3 for value in drawn) / len(drawn)
    assert 0.22 < small < 0.28  # one of four orders


@pytest.mark.parametrize(
    ("parameter", "value", "place"),
    [
        (Parameter("kernel_size", values=(3, 5, 7)), 5, 0.5),
        (Parameter("learning_rate", low=0.001, high=0.1, scale="log"), 0.01, 0.5),
        (Parameter("shift", low=0, high=4), 1, 0.25),
        (Parameter("pooling", values=("max", "average", "strided_convolution")), "average", 0.5),
        (Parameter("residual", values=(False, True)), True, 1.0),
    ],
)
def test_places_lie_between_smallest_and_largest(parameter, value, place):
    assert parameter.place_in_space(value) == pytest.approx(place)


def test_edges_are_ends_that_could_be_moved(search):
    inside = {"filters": [8, 16], "kernel_size": 3, "learning_rate": 0.002}
    assert search.edges(inside) == []
    assert search.edges({**inside, "learning_rate": 0.0099}) == ["learning_rate"]
    assert search.edges({**inside, "learning_rate": 0.0087}) == ["learning_rate"]  # of 0.01, by 5 %
    assert search.edges({**inside, "learning_rate": 0.0085}) == []
    assert search.edges({**inside, "kernel_size": 5}) == ["kernel_size"]
    assert search.edges({**inside, "kernel_size": 1}) == []  # there is no smaller kernel
    full = {**inside, "dense_units": 32}
    assert search.edges({**full, "dense_dropout": 0.5}) == ["dense_dropout"]
    assert search.edges({**full, "dense_dropout": 0.0}) == []  # nor less than no dropout


def test_another_meaning_is_another_search(tmp_path):
    plain = loaded(tmp_path).search.fingerprint
    assert len(plain) == 16
    assert loaded(tmp_path).search.fingerprint == plain
    titled = {
        id_: {**price, "title": "Else", "goal": 99.5} for id_, price in SEARCH["prices"].items()
    }
    assert loaded(tmp_path, prices=titled).search.fingerprint == plain
    for changed in (
        {"trials": 7},
        {"seed": 2},
        {"seeds": 2},
        {"winner_epochs": 9},
        {"settings": {"padding": "valid"}},
        {"space": {**SEARCH["space"], "kernel_size": [3, 5]}},
    ):
        assert loaded(tmp_path, **changed).search.fingerprint != plain


def test_a_parameter_that_comes_later_leaves_a_search_what_it_is(search):
    """What is as in the schema does not count, nor what only a Bayesian search asks for."""
    less = {name: value for name, value in search.base.items() if name != "cutout"}
    assert replace(search, base=less).fingerprint == search.fingerprint
    assert replace(search, base={**search.base, "cutout": 4}).fingerprint != search.fingerprint
    assert replace(search, together=3).fingerprint != search.fingerprint
    drawn = replace(search, algorithm="random")
    assert replace(drawn, together=3).fingerprint == drawn.fingerprint


def test_a_condition_may_write_a_number_in_another_way(tmp_path):
    space = {
        "convolution_dropout": [0, 0.25],
        "dense_dropout": {"values": [0.0, 0.5], "when": {"convolution_dropout": [0.0]}},
    }
    found = loaded(tmp_path, space=space).search
    ((_, values),) = found.space[1].when
    assert [type(value) for value in values] == [int]  # as it stands in the list


def test_faults_of_a_search_are_told_beside_others(tmp_path):
    path = tmp_path / "two.yaml"
    base = {**STUDY["base"], "pool_size": 9}
    block = {**SEARCH, "space": {"filterz": [1, 2]}}
    path.write_text(yaml.safe_dump({**STUDY, "base": base, "search": block}, sort_keys=False))
    with pytest.raises(UserError) as error:
        load(path)
    assert "pool_size" in str(error.value)
    assert "filterz" in str(error.value)


def test_seeds_of_finalists_and_winners_are_new(tmp_path):
    chosen = loaded(tmp_path, seeds=2, finalist_seeds=3, winner_seeds=[7, 8]).search
    assert (chosen.seeds, chosen.finalist_seeds) == ((1, 2), (101, 102, 103))
    assert chosen.winner_seeds == (7, 8)
    message = refused(tmp_path, seeds=[7], finalist_seeds=[8, 7], winner_seeds=[8])
    assert "finalist_seeds: has [7] in common with seeds; take new ones" in message
    assert "winner_seeds: has [8] in common with finalist_seeds" in message


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"trials": None}, "search.trials: missing"),
        ({"trails": 3}, "search.trails: unknown key"),
        (
            {"space": {"filter": [[1], [2]]}},
            "search.space.filter: unknown parameter. Did you mean filters?",
        ),
        (
            {"settings": {"epochs": 3}},
            "search.settings.epochs: give the epochs of a trial as search.epochs",
        ),
        ({"settings": {"watch_test": True}}, "a search looks at validation scores only"),
        (
            {"settings": {"validation_fraction": 0.0003}},
            "a search needs validation images, and 0.0003 of 1,437 images is none; give it a",
        ),
        ({"settings": {"validation_fraction": 0.0}}, "a search needs validation images"),
        ({"settings": {"training_fraction": 0.0001}}, "no image is left to train on: 1,437 images"),
        ({"settings": {"kernel_size": 3}}, "is varied under search.space too"),
        (
            {"space": {"kernel_size": [3, 99]}},
            "search.space.kernel_size: input should be less than or equal to 15, not 99",
        ),
        (
            {"settings": {"momentum": 0.8}},
            "search.settings.momentum: of no effect beside optimizer adam",
        ),
        (
            {"space": {**SEARCH["space"], "momentum": [0.8, 0.9], "optimizer": ["sgd", "adam"]}},
            "search.space.momentum: of no effect beside optimizer sgd",
        ),
        ({"space": {"kernel_size": [3, 3]}}, "a value stands there twice"),
        ({"space": {"kernel_size": [3]}}, "one value is no choice; put it under search.settings"),
        ({"space": {"kernel_size": {"low": 5, "high": 3}}}, "low 5 must be less than high 3"),
        ({"space": {"kernel_size": {"low": 3}}}, "give either a list of values, or low and high"),
        (
            {"space": {"shift": {"low": 0, "high": 4, "scale": "log"}}},
            "scale log needs low above 0",
        ),
        (
            {"space": {"shift": {"low": 0, "high": 4, "step": 9}}},
            "step 9 must be above 0 and at most high - low",
        ),
        ({"space": {"shift": {"low": 0, "high": 4, "by": 2}}}, "unknown key"),
        (
            {"space": {"head": {"low": 0, "high": 4}}},
            "search.space.head: input should be 'flatten'",
        ),
        (
            {"space": {"dense_dropout": {"values": [0.1, 0.2], "when": {"dense_units": [3]}}}},
            "dense_units is no list of values further up in the space",
        ),
        (
            {
                "space": {
                    "dense_units": [0, 32],
                    "dense_dropout": {"values": [0.1, 0.2], "when": {"dense_units": [3]}},
                }
            },
            "[3] is no value of dense_units: [0, 32]",
        ),
        ({"prices": {"p": {"title": "P"}}}, "give a limit: macs, parameters or training_seconds"),
        (
            {"prices": {"p": {"title": "P", "macs": "bsae"}}},
            "there is no trained experiment bsae. There are: base",
        ),
        (
            {"prices": {"p": {"title": "P", "macs": 9, "times": 2}}},
            "no limit here names an experiment",
        ),
        (
            {"prices": {"p": {"title": "P", "macs": 10}}},
            "no model of the space fits 10 MACs. The one with the fewest MACs found has",
        ),
        ({"finalists": 7}, "search.finalists: 7 of 6 trials at the price base; give fewer"),
        (
            {"space": {**SEARCH["space"], "validation_fraction": [0.1, 0.2]}},
            "trials are compared by the same images; give it under search.settings",
        ),
        (
            {
                "space": {
                    "residual": [False, True],
                    "shift": {"values": [0, 2], "when": {"residual": [1]}},
                }
            },
            "[1] is no value of residual: [False, True]",
        ),
        ({"prices": {"p": {"title": "P", "macs": "base", "times": float("inf")}}}, "p.times"),
        ({"prices": {"p": {"title": "P", "macs": "base", "times": 10**400}}}, "p.times"),
        ({"space": {"learning_rate": {"low": 0.001, "high": 0.1, "step": 5e-324}}}, "step 5e-324"),
        ({"space": {"learning_rate": {"low": 0.001, "high": float("inf")}}}, "high"),
        (
            {"prices": {"p": {"title": "P", "macs": "base", "trials": 1}}},
            "search.finalists: 2 of 1 trials at the price p; give fewer, or more trials",
        ),
        (
            {"settings": {"padding": "valid", "residual": True}},
            "the settings never go together. For instance: residual needs padding same",
        ),
        (
            {"settings": {"pool_size": 8, "pool_after": "every"}},
            "no model of the space can be built",
        ),
    ],
)
def test_what_cannot_be_searched_is_refused(tmp_path, changed, said):
    message = refused(tmp_path, **changed)
    assert said in message
    assert "line " in message


def test_a_base_without_validation_images_cannot_be_searched(tmp_path, monkeypatch):
    monkeypatch.setitem(STUDY, "base", {**STUDY["base"], "validation_fraction": 0.0})
    assert "a search needs validation images" in refused(tmp_path)
    assert loaded(tmp_path, settings={"validation_fraction": 0.1}).search


def test_a_number_of_thousands_of_digits_is_refused(tmp_path):
    path = tmp_path / "long.yaml"
    path.write_text(yaml.safe_dump({**STUDY, "search": SEARCH}) + f"\nseeds: [0x{'F' * 5000}]\n")
    text = path.read_text().replace("seeds: 2\n", "", 1)
    path.write_text(text)
    with pytest.raises(UserError, match="a number too long to be written"):
        load(path)


@pytest.mark.slow
@pytest.mark.parametrize("units", [16, 64])
def test_a_model_that_is_seldom_drawn_is_found_all_the_same(tmp_path, units):
    """One of 4,096 models fits: drawing may miss it, going through all does not. Of 16,384, which
    are too many, some are cheaper than others, and that way leads to it."""
    rare = {"kernel_size": [1, 3, 5, 7], "dense_units": [8 * n for n in range(1, units + 1)],
            "filters": [[4 * n, 4 * m] for n in range(1, 9) for m in range(1, 9)]}  # fmt: skip
    cheapest = load(_study(tmp_path, {"filters": [4, 4], "kernel_size": 1, "dense_units": 8}))
    macs = cheapest.experiments["base"].macs
    prices = {"least": {"title": "Least", "macs": macs}}
    assert loaded(tmp_path, space=rare, prices=prices).search
    prices = {"less": {"title": "Less", "macs": macs - 1}}
    assert f"has {macs:,} MACs" in refused(tmp_path, space=rare, prices=prices)


def _study(folder: Path, base: dict) -> Path:
    path = folder / "alone.yaml"
    path.write_text(yaml.safe_dump({**STUDY, "base": base, "search": None}))
    return path
