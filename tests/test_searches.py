"""What a search left: read and written with the words that its file has had from the beginning."""

import json
import re
from pathlib import Path

import pytest

from cnn_study.base.errors import UserError
from cnn_study.runs import sealed, searches
from cnn_study.study.merge import load

PROJECT = Path(__file__).resolve().parents[1]
PUBLISHED = PROJECT / "results" / "cifar10" / "search"


def run(score: float | None) -> searches.SearchRun:
    return searches.SearchRun(
        seed=1, status="failed" if score is None else "complete", validation_accuracy=score
    )


def trained(*scores: float | None) -> searches.Trained:
    return searches.Trained(trial=1, epochs=2, fingerprint="0f", runs=list(map(run, scores)))


def test_the_published_search_is_the_study_s():
    study = load(PROJECT / "experiments" / "cifar10.yaml")
    path = searches.find(study, PROJECT / "results" / "cifar10")
    assert path == PUBLISHED / "5de2cd9e36a91be8.json"
    assert [found.budget for found in searches.read(path).budgets] == [
        budget.id for budget in study.search.budgets
    ]


@pytest.mark.parametrize("path", sorted(PUBLISHED.glob("*.json")), ids=lambda path: path.stem)
def test_a_file_that_is_read_and_written_again_says_the_same(path, tmp_path):
    sealed.write(tmp_path / path.name, searches.read(path))
    digest, *others = (tmp_path / path.name).read_text().splitlines()[1:]
    assert re.match(r' "facts_sha256": "\w{64}",$', digest)
    before = path.read_text().splitlines()[1:]
    after = iter(line.rstrip(",") for line in others)  # with fields that nobody knew then
    before = before[before[0].startswith(' "facts_sha256"') :]
    assert [line for line in before if line.rstrip(",") not in after] == []
    assert searches.read(tmp_path / path.name).budgets == searches.read(path).budgets


def test_a_budget_is_called_a_price_in_the_file():
    found = searches.AtBudget(
        budget="cheap", title="Cheap", macs=9, parameters=None, training_seconds=None,
        trials=[], finalists=[], winner=None,
    )  # fmt: skip
    written = found.model_dump(by_alias=True)
    assert list(written) == [
        *("price", "title", "macs", "parameters", "training_seconds"),
        *("trials", "finalists", "winner"),
    ]
    assert searches.AtBudget.model_validate_json(json.dumps(written)) == found


def test_a_model_has_scores_only_where_every_seed_has_one():
    assert trained(0.5, 0.75).scores == (0.5, 0.75)
    assert trained(0.5, None).scores == ()


def test_a_trial_scores_the_mean_of_its_runs_rounded_once():
    """The sum of floats is rounded in another way from Python 3.12 on."""
    assert searches.score([run(0.5), run(0.75)]) == 0.625
    assert searches.score([run(0.1)] * 10) == 0.1
    assert searches.score([run(0.5), run(None)]) is None


def test_a_file_with_an_unknown_key_is_refused(tmp_path):
    (path,) = PUBLISHED.glob("*.json")
    content = json.loads(path.read_text(encoding="utf-8"))
    content["prices"][0]["budgets"] = []
    (tmp_path / "search.json").write_text(json.dumps(content))
    with pytest.raises(UserError, match=r"search\.json is not a whole search: prices\.0\.budgets"):
        searches.read(tmp_path / "search.json")


def test_a_search_that_is_only_declared_has_no_place(tmp_path):
    text = (PROJECT / "experiments" / "digits.yaml").read_text(encoding="utf-8")
    path = tmp_path / "digits.yaml"
    path.write_text(text.replace("search:\n", "search:\n  trained: false\n"))
    assert searches.place(load(path), tmp_path) is None
    path.write_text(text[: text.index("search:\n")])
    assert searches.place(load(path), tmp_path) is None
