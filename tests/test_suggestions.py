"""Suggestions: ranked by validation alone, blind to test scores, and no more sure than the runs."""

import copy
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from numpy.random import default_rng
from ruamel.yaml import YAML

from cnn_study.evidence import schemas as evidence_schemas
from cnn_study.evidence.suggestions import (
    NO_ADVICE,
    Candidate,
    Choice,
    _figure,
    choose,
    suggest,
    yaml_text,
)
from cnn_study.figures.draw import planned_figures
from cnn_study.study.merge import load
from cnn_study.study.model import Study

STUDY = """
title: A tiny study
dataset: digits
seeds: 5
smallest_effect: 0.5
base: {filters: [2], kernel_size: 3, dense_units: 0, epochs: 2}
questions:
  width:
    title: Width
    question: More filters?
    hypothesis: Yes.
    changes: {wide: {filters: [4]}, wider: {filters: [8]}}
  smoothing:
    title: Smoothing
    question: Smoother?
    hypothesis: No.
    changes:
      smooth: {label_smoothing: 0.1}
      smoother: {label_smoothing: 0.2, learning_rate: 0.00005}
  smoothing-wide:
    title: Smoothing, wide
    question: Smoother?
    hypothesis: No.
    reference: wide
    changes: {wide-smooth: {label_smoothing: 0.1}}
  smoothing-wider:
    title: Smoothing, wider
    question: Smoother?
    hypothesis: No.
    reference: wider
    changes: {wider-smooth: {label_smoothing: 0.1}}
  recipe:
    title: Recipe
    question: More images?
    hypothesis: Yes.
    changes:
      recipe: {validation_fraction: 0, watch_test: true}
      half: {training_fraction: 0.5}
      split: {validation_fraction: 0.2, epochs: 4}
  later:
    title: Later
    question: Deeper?
    hypothesis: Yes.
    trained: false
    changes: {deep: {filters: [2, 2, 2]}}
"""
UNDECIDED = ("too close to call", "too few seeds", "not run", "not measured")
REFUTED = ("hurts", "no meaningful difference", "unreliable", "does not train")


@pytest.fixture
def study(tmp_path: Path) -> Study:
    path = tmp_path / "tiny.yaml"
    path.write_text(STUDY)
    return load(path)


def candidate(
    experiment: str,
    difference: float | None = 0.02,
    *,
    verdict: str = "helps",
    question: str = "width",
    half: float | None = 0.005,
    macs: int = 0,
    training_macs: int = 0,
    unsteady: int = 0,
    reference: str = "base",
) -> Candidate:
    """Make a candidate whose interval is difference ± half."""
    ends = (None, None) if half is None else (difference - half, difference + half)
    price = (macs, training_macs, unsteady)
    return Candidate(question, experiment, reference, verdict, difference, *ends, *price)


REFERENCES = ("base", "wide")


def chosen(candidates: list[Candidate]) -> Choice:
    return choose(candidates, REFERENCES)


def names(candidates: tuple[Candidate, ...]) -> list[str]:
    return [one.experiment for one in candidates]


def row(experiment: str, question: str, **given: Any) -> dict[str, Any]:
    """Make a row of the ledger of a change that helps by both images: 2 ± 1 points, 5 runs."""
    references = {"smoothing-wide": "wide", "smoothing-wider": "wider"}
    images = {
        f"{images}_{name}": value
        for images in ("validation", "test")
        for name, value in {
            "runs": 5, "difference": 0.02, "lower": 0.01, "upper": 0.03, "verdict": "helps"
        }.items()
    }  # fmt: skip
    prices = {
        "parameters_difference": 10, "macs_difference": 100, "training_macs_difference": 1000,
        "seconds_difference": 1.5,
    }  # fmt: skip
    return {
        "question": question,
        "experiment": experiment,
        "reference": references.get(question, "base"),
        "diverged_runs": 0,
        "failed_runs": 0,
        **images,
        **prices,
        **given,
    }


def unrun(experiment: str, question: str) -> dict[str, Any]:
    """Make a row of a change without any run, as the ledger has it."""
    columns_of = ("difference", "lower", "upper")
    empty = {f"{images}_{name}": None for images in ("validation", "test") for name in columns_of}
    zero = {f"{images}_runs": 0 for images in ("validation", "test")}
    said = {f"{images}_verdict": "not run" for images in ("validation", "test")}
    return row(experiment, question, **empty, **zero, **said)


def whole(**changed: dict[str, Any]) -> list[dict[str, Any]]:
    """Make a ledger of the study: wider is best, smoother hurts, half of it is undecided."""
    ledger = {
        "wide": row("wide", "width", macs_difference=200),
        "wider": row(
            "wider",
            "width",
            validation_difference=0.04,
            validation_lower=0.03,
            validation_upper=0.05,
        ),
        "smooth": row("smooth", "smoothing", validation_lower=0.015),
        "smoother": row("smoother", "smoothing", validation_verdict="hurts"),
        "wide-smooth": row("wide-smooth", "smoothing-wide", validation_lower=0.002),
        "wider-smooth": row(
            "wider-smooth", "smoothing-wider", validation_verdict="too close to call"
        ),
        "recipe": unrun("recipe", "recipe"),
        "half": row("half", "recipe", validation_verdict="hurts"),
        "split": row("split", "recipe", validation_lower=0.5),
        "deep": unrun("deep", "later"),
    }
    return [one | changed.get(id_.replace("-", "_"), {}) for id_, one in ledger.items()]


def suggested(study: Study, ledger: list[dict[str, Any]]) -> dict[str, Any]:
    gain = {"runs": 5, "difference": 0.06, "lower": 0.05, "upper": 0.07}
    return suggest(study, ledger, [{"experiment": id_} | gain for id_ in study.experiments])


def lists(found: dict[str, Any]) -> dict[str, list[str]]:
    """Give the experiments of each list, in its order."""
    kinds = ("advice", "outdone", "unsupported", "undecided")
    return {kind: [entry["experiment"] for entry in found[kind]] for kind in kinds}


# ------------------------------------------------------------------------------- choosing


def test_the_gain_that_can_be_counted_on_ranks():
    """Lower ends 9, 3 and 1 points; the means 10, 20 and 2 would rank otherwise."""
    ranked = chosen(
        [
            candidate("uncertain", 0.20, half=0.17, question="a"),
            candidate("small", 0.02, half=0.01, question="b"),
            candidate("sure", 0.10, half=0.01, question="c"),
        ]
    )
    assert names(ranked.advised) == ["sure", "uncertain", "small"]


def test_gains_over_different_references_do_not_compete():
    """Changes to the base come first, however much others gain over a better model."""
    ranked = chosen(
        [
            candidate("further", 0.20, question="a", reference="wide"),
            candidate("first", 0.01, question="b"),
        ]
    )
    assert names(ranked.advised) == ["first", "further"]


def test_equal_gains_are_ranked_by_name_and_those_without_an_interval_last():
    undecided = {"verdict": "too few seeds"}
    found = chosen(
        [
            candidate("none", None, half=None, **undecided),
            candidate("b", -0.5, **undecided),
            candidate("c", 0.1, **undecided),
            candidate("a", -0.5, **undecided),
            candidate("also-none", 0.9, half=None, **undecided),
        ]
    )
    assert names(found.undecided) == ["c", "a", "b", "also-none", "none"]


@pytest.mark.parametrize(
    ("other", "outdone"),
    [
        (candidate("other", 0.03, macs=100), True),  # more, for as much
        (candidate("other", 0.03, macs=-5), True),
        (candidate("other", 0.03, macs=101), False),  # more, at a price
        (candidate("other", 0.03, training_macs=1), False),  # more, trained for longer
        (candidate("other", 0.03, half=0.02), False),  # more in the mean, and less surely
        (candidate("other", 0.02, macs=0), False),  # no more
        (candidate("other", 0.03, question="depth"), False),
        (candidate("other", 0.03, unsteady=1), False),  # does not train every time
        (candidate("other", 0.03, verdict="too close to call"), False),
    ],
)
def test_a_change_is_outdone_by_one_that_gains_more_for_no_more(other, outdone):
    one = candidate("one", 0.02, macs=100)
    found = chosen([one, other])
    assert (one in found.outdone, one in found.advised) == (outdone, not outdone)
    assert other not in found.outdone


def test_what_outdoes_all_is_advised():
    chain = [candidate(f"step-{n}", n / 100, macs=-n) for n in range(1, 6)]
    found = chosen(chain)
    assert names(found.advised) == ["step-5"]
    assert names(found.outdone) == ["step-4", "step-3", "step-2", "step-1"]


def test_every_verdict_has_its_list():
    assert {*evidence_schemas.VERDICTS} == {"helps", *REFUTED, *UNDECIDED}
    all_of_them = [
        candidate(word.replace(" ", "-"), verdict=word) for word in evidence_schemas.VERDICTS
    ]
    found = chosen(all_of_them)
    assert names(found.advised) == ["helps"]
    assert found.outdone == ()
    assert {one.verdict for one in found.unsupported} == {*REFUTED}
    assert {one.verdict for one in found.undecided} == {*UNDECIDED}


def test_a_change_that_diverged_once_is_not_advised():
    found = chosen([candidate("shaky", 0.5, unsteady=1), candidate("steady", 0.01)])
    assert (names(found.advised), names(found.unsupported)) == (["steady"], ["shaky"])
    undecided = candidate("lost", verdict="too few seeds", unsteady=2)
    assert names(chosen([undecided]).unsupported) == ["lost"]


def test_each_change_stands_in_one_list_whatever_the_order_it_comes_in():
    rng = default_rng(2)
    words = list(evidence_schemas.VERDICTS)
    given = [
        candidate(
            f"c{n}",
            float(rng.normal(0, 0.03)),
            verdict=words[rng.integers(len(words))] if n % 2 else "helps",
            question=f"q{rng.integers(3)}",
            half=float(rng.uniform(0, 0.03)),
            macs=int(rng.integers(-3, 4)),
            unsteady=int(rng.integers(5) == 0),
        )
        for n in range(60)
    ]
    found = chosen(given)
    together = [one for field in fields(Choice) for one in getattr(found, field.name)]
    assert len(together) == 60
    assert set(together) == set(given)
    assert all(vars(found).values())
    assert chosen(given[::-1]) == found


def test_nothing_to_choose_from():
    assert chosen([]) == Choice((), (), (), ())


# ------------------------------------------------------------------------------- blind


class Blind(dict):
    """A row of the ledger that lets nobody look at the test images."""

    def __getitem__(self, name: str) -> Any:
        assert "test" not in name, f"choosing looks at {name}"
        return super().__getitem__(name)

    def get(self, name: str, default: Any = None) -> Any:
        assert "test" not in name, f"choosing looks at {name}"
        return super().get(name, default)

    def items(self):
        raise AssertionError("choosing looks at everything")

    values = items


def test_choosing_has_no_place_for_test_scores():
    assert [field.name for field in fields(Candidate)] == [
        "question", "experiment", "reference", "verdict", "difference", "lower", "upper",
        "macs", "training_macs", "unsteady",
    ]  # fmt: skip
    assert [field.type for field in fields(Choice)] == [tuple[Candidate, ...]] * 4


def test_a_candidate_takes_nothing_of_the_test_images():
    seen = Blind(
        row("wide", "width", validation_verdict="hurts", diverged_runs=1, failed_runs=2)
        | {"test_difference": 0.9, "test_lower": 0.8, "test_upper": 1.0}
    )
    assert Candidate.of(seen) == Candidate(
        "width", "wide", "base", "hurts", 0.02, 0.01, 0.03, 100, 1000, 3
    )


def scrambled(ledger: list[dict[str, Any]], how: str) -> list[dict[str, Any]]:
    """Give the ledger other test scores, from first to last column."""
    rng = default_rng(4)
    changed = copy.deepcopy(ledger)
    for one in changed:
        if how == "unrun":
            one |= {name: None for name in one if name.startswith("test_")}
            one |= {"test_runs": 0, "test_verdict": "not run"}
            continue
        low, mean, high = sorted(rng.normal(0, 0.1, 3).tolist())
        one |= {"test_difference": mean, "test_lower": low, "test_upper": high}
        words = list(evidence_schemas.VERDICTS)
        one |= {
            "test_runs": int(rng.integers(9)),
            "test_verdict": how if how in words else words[rng.integers(len(words))],
        }
    return changed


def without_test(entry: dict[str, Any]) -> dict[str, Any]:
    """Take out of an entry what may tell of the test images."""
    kept = {k: v for k, v in entry.items() if k != "test_verdict"}
    kept["gain"] = entry["gain"]["validation"]
    for name in ("held", "did_not_hold", "not_decided"):
        kept[name] = [one | {"gain": one["gain"]["validation"]} for one in entry[name]]
    return kept


@pytest.mark.parametrize("how", ["unrun", "hurts", "helps", "any"])
def test_other_test_scores_leave_every_choice_as_it_is(study, how):
    """Only what is told of the chosen may change: test verdict and test gain."""
    before, after = suggested(study, whole()), suggested(study, scrambled(whole(), how))
    assert before != after
    for kind in ("advice", "outdone", "unsupported", "undecided"):
        assert before[kind], kind
        assert [without_test(one) for one in before[kind]] == [
            without_test(one) for one in after[kind]
        ]


def test_other_validation_scores_do_change_the_choice(study):
    """The test above would also pass if nothing were looked at."""
    before = lists(suggested(study, whole()))
    after = lists(suggested(study, whole(wider={"validation_verdict": "hurts"})))
    assert before["advice"] == ["wider", "smooth", "wide-smooth"]
    assert after["advice"] == ["smooth", "wide", "wide-smooth"]


# ------------------------------------------------------------------------------- advice


def test_the_advice_of_a_whole_ledger(study):
    """wider has a lower end of 3 points, smooth of 1.5, wide-smooth of 0.2; wide gains less than
    wider and costs 200 more MACs, not 100. half, recipe and split change what is measured, deep is
    only declared."""
    found = suggested(study, whole())
    assert lists(found) == {
        "advice": ["wider", "smooth", "wide-smooth"],
        "outdone": ["wide"],
        "unsupported": ["smoother"],
        "undecided": ["wider-smooth"],
    }
    assert [entry["rank"] for entry in found["advice"]] == [1, 2, 3]
    assert (found["study"], found["smallest_effect"]) == ("tiny", 0.005)
    assert found["ranked_by"].startswith("reference, then lower end")


def test_what_an_entry_says(study):
    entry = suggested(study, whole(wider={"test_difference": 0.035}))["advice"][0]
    test = {"runs": 5, "difference": 0.035, "lower": 0.01, "upper": 0.03}
    assert entry == {
        "rank": 1,
        "experiment": "wider",
        "question": "width",
        "figure": "width",
        "reference": "base",
        "change": {"filters": [8]},
        "yaml": "filters: [8]\n",
        "verdict": "helps",
        "test_verdict": "helps",
        "gain": {
            "validation": {"runs": 5, "difference": 0.04, "lower": 0.03, "upper": 0.05},
            "test": test,
        },
        "over_base": {"runs": 5, "difference": 0.06, "lower": 0.05, "upper": 0.07},
        "price": {"parameters": 10, "macs": 100, "seconds": 1.5},
        "held": [],
        "did_not_hold": [],
        "not_decided": [],
        "ledger": [{"question": "width", "experiment": "wider"}],
    }


def test_an_entry_names_a_figure_that_is_drawn(tmp_path):
    """A grid of two parameters has a heat map before the effects; another grid has none."""
    grids = {
        "one": "{learning_rate: [0.1, 0.01]}",
        "two": "{filters: [[2], [4]], kernel_size: [3, 5]}",
        "three": "{filters: [[2], [8]], kernel_size: [3, 7], epochs: [2, 3]}",
    }
    asked = "".join(
        f"  {name}: {{title: Grid, question: Which?, hypothesis: None., grid: {grid}}}\n"
        for name, grid in grids.items()
    )
    path = tmp_path / "grids.yaml"
    path.write_text(STUDY[: STUDY.index("  width:\n")] + asked)
    study = load(path)
    named = [_figure(study, name) for name in grids]
    assert named == ["one", "two-effects", "three"]
    assert {f"{id_}.svg" for id_ in named} <= set(planned_figures(study, False))


def test_where_else_the_same_change_held(study):
    """Smoothing by 0.1 helps the base and wide, and is too close to call on wider; smoothing by
    0.2 is another change."""
    found = suggested(study, whole())
    entry = found["advice"][1]
    assert entry["experiment"] == "smooth"
    gain = {"runs": 5, "difference": 0.02, "lower": 0.002, "upper": 0.03}
    assert entry["held"] == [
        {
            "reference": "wide",
            "experiment": "wide-smooth",
            "verdict": "helps",
            "gain": {"validation": gain, "test": gain | {"lower": 0.01}},
        }
    ]
    others = [(one["experiment"], one["verdict"]) for one in entry["not_decided"]]
    assert others == [("wider-smooth", "too close to call")]
    assert entry["did_not_hold"] == []
    assert [one["experiment"] for one in entry["ledger"]] == [
        "smooth", "wide-smooth", "wider-smooth",
    ]  # fmt: skip
    undecided = found["undecided"][0]
    assert [one["experiment"] for one in undecided["held"]] == ["smooth", "wide-smooth"]
    assert undecided["did_not_hold"] == []


def test_what_changes_the_measuring_is_no_advice(study):
    assert {"training_fraction", "validation_fraction", "watch_test"} == NO_ADVICE
    mentioned = [id_ for ids in lists(suggested(study, whole())).values() for id_ in ids]
    assert not {"recipe", "half", "split", "deep"} & set(mentioned)


def test_a_change_without_any_number(study):
    ledger = [unrun("wide", "width"), unrun("wider", "width")]
    ledger[1] |= {"validation_verdict": "does not train", "diverged_runs": 5}
    del ledger[1]["seconds_difference"]
    found = suggested(study, ledger)
    assert lists(found) == {
        "advice": [], "outdone": [], "unsupported": ["wider"], "undecided": ["wide"],
    }  # fmt: skip
    empty = {"runs": 0, "difference": None, "lower": None, "upper": None}
    assert found["undecided"][0]["gain"] == {"validation": empty, "test": empty}
    assert found["unsupported"][0]["price"]["seconds"] is None


# ------------------------------------------------------------------------------- settings to paste


def test_settings_to_paste_are_all_that_differs_from_the_base(tmp_path):
    """wide-also changes wide, and its text has what both changed."""
    path = tmp_path / "tiny.yaml"
    also = "{batch_normalization: true, learning_rate: 0.00005, scaling: raw, shift: 2}"
    path.write_text(
        STUDY.replace("{wide-smooth: {label_smoothing: 0.1}}", f"{{wide-also: {also}}}")
    )
    study = load(path)
    text = yaml_text(study, "wide-also")
    assert YAML(typ="safe", pure=True).load(text) == {
        "filters": [4],
        "batch_normalization": True,
        "learning_rate": 0.00005,
        "scaling": "raw",
        "shift": 2,
    }


def test_settings_to_paste_make_the_same_experiment(study, tmp_path):
    """Pasted into a study file as a change of the base, each trains the same network, also with
    a learning rate of 5e-05, which YAML 1.1 would take for a word."""
    pasted = []
    for id_ in study.experiments:
        if id_ != "base":
            lines = "".join(f"        {line}\n" for line in yaml_text(study, id_).splitlines())
            pasted.append(f"      {id_}:\n{lines}")
    head = STUDY[: STUDY.index("questions:")]
    asked = "  all-again:\n    title: T\n    question: Q?\n    hypothesis: H.\n    changes:\n"
    (tmp_path / "again.yaml").write_text(f"{head}questions:\n{asked}{''.join(pasted)}")
    again = load(tmp_path / "again.yaml")
    assert {id_: one.fingerprint for id_, one in again.experiments.items()} == {
        id_: one.fingerprint for id_, one in study.experiments.items()
    }
