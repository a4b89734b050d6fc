"""`check --missing`: settings in which models differ from the base that no change isolates."""

import pytest

import records_by_hand
from cnn_study.__main__ import main
from cnn_study.study.isolation import missing
from cnn_study.study.merge import load

HEAD = """\
title: By hand
dataset: digits
seeds: 2
enhanced: better
base: {filters: [2], dense_units: 4, epochs: 2, kernel_size: 3, validation_fraction: 0.2}
questions:
"""


def _question(name: str, changes: str, reference: str = "base") -> str:
    return (
        f'  {name}: {{title: T, question: "?", hypothesis: "!", reference: {reference}, '
        f"changes: {{{changes}}}}}\n"
    )


def _study(tmp_path, *questions: str):
    path = tmp_path / "by-hand.yaml"
    path.write_text(HEAD + "".join(questions), encoding="utf-8")
    return load(path)


BETTER = _question("joined", "better: {filters: [4], epochs: 3, shift: 1}")


def _settings(study, model="better"):
    return [gap.setting for gap in missing(study, model)]


def test_what_no_change_isolates_is_listed(tmp_path):
    assert _settings(_study(tmp_path, BETTER)) == ["epochs", "filters", "shift"]


def test_a_change_of_one_setting_isolates_it_on_any_reference(tmp_path):
    more = _question("width", "wide: {filters: [4]}")
    back = _question("shorter", "short: {epochs: 2}", "better")
    assert _settings(_study(tmp_path, BETTER, more, back)) == ["shift"]


def test_another_value_or_company_isolates_nothing(tmp_path):
    more = _question("width", "wider: {filters: [8]}, both: {shift: 1, cutout: 2}")
    assert _settings(_study(tmp_path, BETTER, more)) == ["epochs", "filters", "shift"]


def test_a_grid_isolates_its_levels(tmp_path):
    grid = (
        '  grid: {title: T, question: "?", hypothesis: "!", '
        "grid: {filters: [[2], [4]], kernel_size: [3, 1]}}\n"
    )
    # Not by its cell filters-4 alone: the main effect does it where a cell changes both.
    assert _settings(_study(tmp_path, BETTER, grid)) == ["epochs", "shift"]


def test_what_means_nothing_alone_is_undone_in_the_model(tmp_path):
    # Without pooling the size of the pool means nothing to the base.
    changes = "better: {pool_after: every, pool_size: 4}"
    study = _study(tmp_path, _question("joined", changes))
    by_name = {gap.setting: gap for gap in missing(study, "better")}
    assert (by_name["pool_after"].reference, by_name["pool_after"].change) == (
        "base",
        {"pool_after": "every"},
    )
    assert (by_name["pool_size"].reference, by_name["pool_size"].change) == (
        "better",
        {"pool_size": 2},
    )


def test_the_lines_that_are_printed_make_a_study_that_misses_nothing(tmp_path, capsys):
    study = _study(tmp_path, BETTER)
    assert main(["check", str(study.path), "--results", str(tmp_path), "--missing"]) == 0
    said = capsys.readouterr().out
    assert said.startswith(
        "better against base: no change isolates epochs (2 to 3), filters (2 to 4), "
        "shift (0 to 1)\n"
    )
    lines = said.split("by-hand.yaml:\n")[1]
    study.path.write_text(study.path.read_text("utf-8") + lines, encoding="utf-8")
    again = load(study.path)
    assert missing(again, "better") == []
    assert again.experiments["filters-4"].change == {"filters": [4]}
    assert main(["check", str(study.path), "--results", str(tmp_path), "--missing"]) == 0
    assert capsys.readouterr().out == "better against base: none\n"


def test_new_ids_are_none_of_the_study(tmp_path, capsys):
    taken = _question("shift-alone", "shift-1: {shift: 2}")
    study = _study(tmp_path, BETTER, taken)
    main(["check", str(study.path), "--results", str(tmp_path), "--missing"])
    said = capsys.readouterr().out
    assert "  shift-alone-2:\n" in said
    assert "      shift-1-2: {shift: 1}\n" in said


def test_the_best_so_far_is_asked_about_too(tmp_path, capsys):
    best = _question("best", "best: {batch_size: 16, cutout: 2}")
    study = _study(tmp_path, BETTER, best)
    for id_, validation in (("base", 0.5), ("better", 0.6), ("best", 0.7)):
        record = records_by_hand.make(study, id_, 1, test=0.1, validation=validation)
        records_by_hand.write(study, tmp_path, record)
    main(["check", str(study.path), "--results", str(tmp_path), "--missing"])
    said = capsys.readouterr().out
    assert "best against base: no change isolates batch_size (32 to 16), cutout (0 to 2)" in said
    assert said.count("reference: base") == 5


@pytest.mark.parametrize("enhanced", ["enhanced: base\n", ""])
def test_a_study_without_another_model_says_none(tmp_path, capsys, enhanced):
    path = tmp_path / "by-hand.yaml"
    path.write_text(HEAD.replace("enhanced: better\n", enhanced) + BETTER, encoding="utf-8")
    assert main(["check", str(path), "--results", str(tmp_path), "--missing"]) == 0
    assert capsys.readouterr().out.endswith(": none\n")
