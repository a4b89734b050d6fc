"""Labels: what experiments are called, which clash, and how questions fall into groups."""

import re
from pathlib import Path

import pytest

from cnn_study.base.errors import UserError
from cnn_study.report.called import called
from cnn_study.study.file import LONGEST_LABEL
from cnn_study.study.groups import PARAMETERS, group_of
from cnn_study.study.labels import shortened
from cnn_study.study.merge import load
from cnn_study.study.settings import Settings

ROOT = Path(__file__).resolve().parents[1]

STUDY = """\
title: A small study
dataset: digits
seeds: 2
base: {{filters: [2, 3], kernel_size: 3}}
{top}
questions:
  width:
    title: Width
    question: Are more filters better?
    hypothesis: They are.
    changes:
      wide: {{filters: [4, 6]}}
      narrow: {{filters: [1, 2]}}
  rate:
    title: Rate
    question: Is a larger rate better?
    hypothesis: It is.
    reference: wide
    changes:
      fast: {{optimizer: sgd, learning_rate: 0.05}}
      much: {{horizontal_flip: true, shift: 1, residual: true, schedule: cosine, epochs: 3}}
{more}
"""


def loaded(folder, top="", more=""):
    path = folder / "mine.yaml"
    path.write_text(STUDY.format(top=top, more=more))
    return load(path)


def refusal(folder, top):
    with pytest.raises(UserError) as error:
        loaded(folder, top)
    return str(error.value)


# -------------------------------------------------------------------------------- labels


def test_experiments_are_called_by_what_they_change(tmp_path):
    study = loaded(tmp_path)
    assert study.labels == {
        "base": "base",
        "wide": "filters 4-6",
        "narrow": "filters 1-2",
        "fast": "SGD, rate 0.05",
        "much": "flip + shift 1 + 3 more",
    }


def test_away_from_its_question_a_label_says_its_reference(tmp_path):
    study = loaded(tmp_path)
    assert study.full_label("wide") == "base + filters 4-6"
    assert study.full_label("fast") == "base + filters 4-6 + SGD, rate 0.05"


def test_a_label_of_the_file_needs_no_reference(tmp_path):
    study = loaded(tmp_path, "label: {wide: the wide one, fast: quick}")
    assert (study.label("wide"), study.full_label("wide")) == ("the wide one", "the wide one")
    assert study.full_label("fast") == "quick"
    assert study.full_label("much") == "the wide one + flip + shift 1 + 3 more"


def test_the_enhanced_model_is_called_so_unless_the_file_says_otherwise(tmp_path):
    assert loaded(tmp_path, "enhanced: wide").full_label("fast") == "enhanced + SGD, rate 0.05"
    study = loaded(tmp_path, "enhanced: wide\nlabel: {wide: broad}")
    assert study.full_label("fast") == "broad + SGD, rate 0.05"


def test_in_a_sentence_the_enhanced_model_is_called_so_and_other_changes_by_their_labels(tmp_path):
    changed = called(loaded(tmp_path, "enhanced: wide"))["changed"]
    assert changed["wide"].startswith("[the enhanced model]{")
    assert changed["fast"].startswith("[SGD, rate 0.05]{")
    changed = called(loaded(tmp_path))["changed"]
    assert changed["wide"].startswith("[filters 4-6]{")


def test_a_declared_experiment_has_a_label_too(tmp_path):
    more = """\
  later:
    title: Later
    question: What then?
    hypothesis: Nothing.
    trained: false
    changes: {longer: {epochs: 9}}
"""
    study = loaded(tmp_path, more=more)
    assert study.full_label("longer") == "base + 9 epochs"
    assert "later" not in sum(study.groups.values(), ())


def test_two_that_would_be_called_alike_keep_their_ids(tmp_path):
    more = """\
      more: {horizontal_flip: true, shift: 1, residual: true, schedule: step, epochs: 4}
"""
    study = loaded(tmp_path, more=more)
    assert (study.label("much"), study.label("more")) == ("much", "more")


def test_a_long_label_says_how_many_phrases_are_left_out():
    assert shortened(["flip", "shift 4"]) == "flip + shift 4"
    assert shortened(["a" * 20, "b" * 20]) == f"{'a' * 20} + 1 more"
    assert shortened(["a" * 40]) == "a" * 31 + "…"
    assert len(shortened(["abcdefg"] * 9)) <= LONGEST_LABEL


@pytest.mark.parametrize(
    ("top", "line", "message"),
    [
        ("label: {wide: narrowest, narrow: narrowest}", 5, "label.narrow: wide is called"),
        ("label: {wide: filters 1-2}", 5, "label.wide: narrow is called 'filters 1-2' already"),
        ("label: {fast: base}", 5, "label.fast: base is called 'base' already"),
        ("label: {wid: broad}", 5, "label.wid: there is no experiment wid. Did you mean wide?"),
        (f"label: {{wide: {'w' * 33}}}", 5, "has 33 characters; at most 32 fit"),
        ("label: {wide: ''}", 5, "label.wide:"),
        ("label: [wide]", 5, "label:"),
    ],
)
def test_labels_that_clash_or_name_nothing_are_refused(tmp_path, top, line, message):
    text = refusal(tmp_path, top)
    assert f"line {line}: " in text
    assert message in text


def test_a_label_may_be_that_of_another_references_change(tmp_path):
    assert loaded(tmp_path, "label: {fast: ' filters  1-2'}").label("fast") == "filters 1-2"


@pytest.mark.parametrize("name", ["cifar10", "digits"])
def test_labels_of_the_studies_are_short_and_told_apart(name):
    study = load(ROOT / "experiments" / f"{name}.yaml")
    assert max(map(len, study.labels.values())) <= LONGEST_LABEL
    assert len(set(study.full_labels.values())) == len(study.experiments)
    assert not [
        label for label in study.labels.values() if re.search(r" more$|^[a-z]+(-[a-z]+)+$", label)
    ]


# -------------------------------------------------------------------------------- groups


def test_every_parameter_belongs_to_one_group():
    names = [name for group in PARAMETERS.values() for name in group]
    assert sorted(names) == sorted(Settings.model_fields)


@pytest.mark.parametrize(
    ("changes", "group"),
    [
        ([{"filters": [1]}, {"kernel_size": 5}], "size"),
        ([{"optimizer": "sgd", "learning_rate": 0.1}, {"optimizer": "adamw"}], "training"),
        ([{"optimizer": "adamw", "weight_decay": 0.1}, {"optimizer": "sgd"}], "training"),
        ([{"horizontal_flip": True}, {"cutout": 8}], "regularization"),
        ([{"horizontal_flip": True}, {"epochs": 20}], "together"),
        ([{"horizontal_flip": True, "epochs": 20}], "together"),
        ([{"training_fraction": 0.5}], "data"),
        ([{"head": "flatten"}], "layers"),
    ],
)
def test_a_group_is_that_of_what_all_changes_share(changes, group):
    assert group_of(changes) == group


def test_a_study_file_may_name_the_group_and_no_other_than_the_six(tmp_path):
    named = "    title: Rate\n"
    path = tmp_path / "mine.yaml"
    text = STUDY.format(top="", more="")
    path.write_text(text.replace(named, named + "    group: data\n"))
    assert load(path).groups == {"size": ("width",), "data": ("rate",)}
    path.write_text(text.replace(named, named + "    group: speed\n"))
    with pytest.raises(UserError, match=r"questions.rate.group: .*'together'.*not 'speed'"):
        load(path)
