"""Study files: merging, ids, and one readable message that lists every fault."""

import json
import os
import random
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from cnn_study.base import citation
from cnn_study.base.errors import UserError
from cnn_study.data.catalog import DATASETS
from cnn_study.report import authored_markdown, formulas, study_checks
from cnn_study.study import published_numbers
from cnn_study.study.file import Draft
from cnn_study.study.merge import load
from cnn_study.study.model import Study
from cnn_study.study.questions import RESERVED
from cnn_study.study.settings import Settings, fingerprint
from parameters_by_hand import PARAMETERS

ROOT = Path(__file__).resolve().parents[1]

# Line numbers in the tests below count on these: the header has 4 lines, QUESTION 5.
HEADER = """\
title: A small study
dataset: digits
seeds: 2
base: {filters: [2, 3], kernel_size: 3}
"""
QUESTION = """\
questions:
  width:
    title: Width
    question: Are more filters better?
    hypothesis: They are.
"""
CHANGES = HEADER + QUESTION + "    changes:\n"  # the first change stands on line 11
GRID = HEADER + QUESTION + "    grid:\n"
WIDE = "      wide: {filters: [4, 6]}\n"


def write(folder: Path, text: str | bytes) -> Path:
    path = folder / "mine.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def loaded(folder: Path, text: str | bytes) -> Study:
    return load(write(folder, text))


def refusal(folder: Path, text: str | bytes) -> str:
    """Load what must be refused and give the message, which names the file."""
    with pytest.raises(UserError) as error:
        loaded(folder, text)
    message = str(error.value)
    assert message.startswith(str(folder / "mine.yaml"))
    return message


def faults(folder: Path, text: str | bytes) -> list[str]:
    """Load what must be refused and give the faults, one a line."""
    first, *rest = refusal(folder, text).splitlines()
    assert first == f"{folder / 'mine.yaml'} cannot be used:"
    assert all(line.startswith("  ") for line in rest)
    assert len(set(rest)) == len(rest), "a fault is told twice"
    return [line.strip() for line in rest]


# ------------------------------------------------------------------------- the published study


@pytest.fixture(scope="module")
def published() -> Study:
    return load(ROOT / "experiments" / "cifar10.yaml")


GRID_IDS = [
    "kernel-size-3",
    "kernel-size-5",
    "filters-8-16-32-kernel-size-3",
    "filters-8-16-32-kernel-size-5",
    "filters-8-16-32",
    "filters-16-32-64-kernel-size-3",
    "filters-16-32-64-kernel-size-5",
    "filters-16-32-64",
]


def test_published_experiments(published):
    first = ["base", *GRID_IDS, "source-base", "source-enhanced"]
    depth = ["depth-2", "depth-4", "depth-5", "depth-6"]
    assert list(published.experiments)[: len(first) + 4] == first + depth
    assert published.questions["width-and-kernel-size"] == tuple(GRID_IDS)
    assert published.questions["depth"] == tuple(depth)
    assert published.seeds == (1, 2, 3, 4, 5)
    assert published.name == "cifar10"
    assert published.dataset is DATASETS["cifar10"]


def test_published_questions_ask_for_every_kind_of_change(published):
    """Trained already or declared for later, each has its number of changes."""
    asked = {name: len(ids) for name, ids in published.questions.items()}
    asked |= {name: len(experiments) for name, experiments in published.declared.items()}
    for name, changes in {
        "learning-rate": 3, "batch-size": 3, "optimizer": 4, "epochs": 2, "schedule": 2,
        "dropout": 2, "batch-normalization": 1, "weight-decay": 1, "label-smoothing": 1,
        "activation": 3, "pooling": 2, "head": 1, "dense-units": 2, "padding": 1, "residual": 1,
        "augmentation": 3, "scaling": 1, "training-images": 3, "carry-over": 6,
    }.items():  # fmt: skip
        assert asked[name] == changes, name
        carried = name == "carry-over"
        reference = "base" if carried else "filters-16-32-64-kernel-size-3"
        assert published.file.questions[name].reference == reference


def test_published_base_is_that_of_the_source(published):
    base = published.experiments["base"]
    assert base.settings == Settings(filters=[4, 8, 16], kernel_size=7)
    assert (base.parameters, base.macs) == (74_706, 1_471_104)
    assert (base.change, base.reference) == ({}, None)


def test_published_base_states_every_parameter(published):
    assert set(published.file.base) == set(PARAMETERS)  # the built-in network's, and the rest


def test_published_grid_is_whole(published):
    cells = {
        (tuple(experiment.settings.filters), experiment.settings.kernel_size)
        for experiment in (published.experiments[id_] for id_ in ["base", *GRID_IDS])
    }
    assert cells == {
        (filters, size) for filters in [(4, 8, 16), (8, 16, 32), (16, 32, 64)] for size in [3, 5, 7]
    }
    both = published.experiments["filters-8-16-32-kernel-size-5"]
    assert both.change == {"filters": [8, 16, 32], "kernel_size": 5}
    one = published.experiments["filters-8-16-32"]
    assert (one.change, one.settings.kernel_size) == ({"filters": [8, 16, 32]}, 7)


@pytest.mark.parametrize("depth", [2, 4, 5, 6])
def test_published_depth_changes_the_enhanced_model_only_in_depth(published, depth):
    experiment = published.experiments[f"depth-{depth}"]
    enhanced = published.experiments["filters-16-32-64-kernel-size-3"]
    assert experiment.reference == enhanced.id == published.file.enhanced
    assert len(experiment.settings.filters) == depth
    assert (
        experiment.settings.model_copy(update={"filters": enhanced.settings.filters})
        == enhanced.settings.model_copy()
    )


def test_published_source_recipe_holds_out_no_image(published):
    for id_, like in [
        ("source-base", "base"),
        ("source-enhanced", "filters-16-32-64-kernel-size-3"),
    ]:
        recipe = published.experiments[id_].settings
        assert (recipe.validation_fraction, recipe.watch_test) == (0, True)
        assert (
            recipe.model_copy(update={"validation_fraction": 0.1, "watch_test": False})
            == published.experiments[like].settings
        )


def test_published_fingerprints(published):
    names = {id_: experiment.fingerprint for id_, experiment in published.experiments.items()}
    assert len(set(names.values())) == len(names)
    # The committed records stand under these names.
    assert names["base"] == "fba667cce6af3b49"
    assert names["depth-6"] == "9df8513f9e962b12"
    for experiment in published.experiments.values():
        expected = fingerprint(experiment.settings, DATASETS["cifar10"].digest)
        assert experiment.fingerprint == expected


def test_published_weights_that_are_kept(published):
    assert published.kept_weights == (("base", 1), ("filters-16-32-64-kernel-size-3", 1))


# ------------------------------------------------------------------------------- what is merged


def test_changes_merge_onto_the_base(tmp_path):
    found = loaded(tmp_path, CHANGES + WIDE + "      long: {epochs: 12, scaling: raw}\n")
    base = Settings(filters=[2, 3], kernel_size=3)
    assert {id_: experiment.settings for id_, experiment in found.experiments.items()} == {
        "base": base,
        "wide": Settings(filters=[4, 6], kernel_size=3),
        "long": Settings(filters=[2, 3], kernel_size=3, epochs=12, scaling="raw"),
    }
    assert found.experiments["long"].change == {"epochs": 12, "scaling": "raw"}
    assert found.experiments["long"].reference == "base"
    assert found.questions == {"width": ("wide", "long")}


CHAIN = """\
  last:
    title: Last
    question: And with dropout?
    hypothesis: Better.
    reference: larger
    changes:
      softer: {dense_dropout: 0.5}
  middle:
    title: Middle
    question: And with larger kernels?
    hypothesis: Better.
    reference: wide
    changes:
      larger: {kernel_size: 5}
"""


def test_background_and_caveat_are_told_and_change_no_run(tmp_path):
    plain = loaded(tmp_path, CHANGES + WIDE)
    assert plain.file.questions["width"].background == ""
    assert plain.file.questions["width"].caveat == ""
    text = QUESTION + "    background: A filter finds *one* pattern [@lecun1998].\n"
    text += "    caveat: >-\n      More filters are also more\n      parameters.\n    changes:\n"
    told = loaded(tmp_path, HEADER + text + WIDE)
    question = told.file.questions["width"]
    assert question.background == "A filter finds *one* pattern [@lecun1998]."
    assert question.caveat == "More filters are also more parameters."
    assert told.experiments == plain.experiments


def test_a_reading_is_told_and_changes_no_run(tmp_path):
    plain = loaded(tmp_path, CHANGES + WIDE)
    told = loaded(tmp_path, CHANGES + WIDE + "    reading: They see *more* [@lecun1998].\n")
    assert (plain.file.questions["width"].reading, told.file.questions["width"].reading) == (
        "",
        "They see *more* [@lecun1998].",
    )
    assert told.experiments == plain.experiments


@pytest.mark.parametrize(
    ("given", "wide", "other"),
    [
        ("helps", "helps", "helps"),
        ("{wide: little}", "little", None),
        ("{wide: hurts, all: helps}", "hurts", "helps"),
    ],
)
def test_what_is_expected_in_a_word_is_known_by_experiment(tmp_path, given, wide, other):
    plain = loaded(tmp_path, CHANGES + WIDE)
    assert plain.file.questions["width"].expected("wide") is None
    told = loaded(tmp_path, CHANGES + WIDE + f"    expects: {given}\n")
    question = told.file.questions["width"]
    assert (question.expected("wide"), question.expected("wider")) == (wide, other)
    assert told.experiments == plain.experiments


def test_a_grid_expects_of_its_cells(tmp_path):
    text = QUESTION + "    expects: {filters-4-6: helps}\n    grid: {filters: [[2, 3], [4, 6]]}\n"
    assert loaded(tmp_path, HEADER + text).file.questions["width"].expected("filters-4-6")


def test_a_chain_of_references_adds_up_in_any_order(tmp_path):
    found = loaded(tmp_path, CHANGES + WIDE + CHAIN)
    softer = found.experiments["softer"]
    assert softer.settings == Settings(filters=[4, 6], kernel_size=5, dense_dropout=0.5)
    assert (softer.reference, softer.change) == ("larger", {"dense_dropout": 0.5})
    assert found.experiments["larger"].settings == Settings(filters=[4, 6], kernel_size=5)
    assert list(found.experiments) == ["base", "wide", "softer", "larger"]


def test_what_a_change_leaves_as_it_is_is_no_part_of_it(tmp_path):
    text = CHANGES + WIDE + "      cut: {cutout: 4, shift: 0, learning_rate: 1.0e-3}\n"
    text += CHAIN.replace("{kernel_size: 5}", "{kernel_size: 5, filters: [4, 6]}")
    found = loaded(tmp_path, text)
    assert found.experiments["cut"].change == {"cutout": 4}
    assert found.experiments["larger"].change == {"kernel_size": 5}
    assert found.experiments["larger"].settings == Settings(filters=[4, 6], kernel_size=5)


def test_a_grid_around_another_experiment_keeps_its_ids(tmp_path):
    text = CHANGES + WIDE + "  size:\n    title: S\n    question: S?\n    hypothesis: S.\n"
    text += "    reference: wide\n    grid: {kernel_size: [3, 5], epochs: [12]}\n"
    cells = [loaded(tmp_path, text).experiments[f"kernel-size-{size}-epochs-12"] for size in (3, 5)]
    assert [cell.change for cell in cells] == [{"epochs": 12}, {"kernel_size": 5, "epochs": 12}]


def test_a_change_may_go_back_to_the_default(tmp_path):
    found = loaded(tmp_path, CHANGES + "      standard: {filters: [16, 32, 64]}\n")
    assert found.experiments["standard"].settings == Settings()


def test_a_value_of_the_default_does_not_change_the_fingerprint(tmp_path):
    plain = loaded(tmp_path, HEADER).experiments["base"].fingerprint
    text = HEADER.replace("kernel_size: 3", "kernel_size: 3, epochs: 10, optimizer: adam")
    assert loaded(tmp_path, text).experiments["base"].fingerprint == plain
    other = loaded(tmp_path, HEADER.replace("kernel_size: 3", "kernel_size: 5"))
    assert other.experiments["base"].fingerprint != plain


def test_title_and_dataset_decide_what_they_should(tmp_path):
    plain = loaded(tmp_path, HEADER)
    titled = loaded(tmp_path, HEADER.replace("A small study", "Another title"))
    assert titled.experiments["base"].fingerprint == plain.experiments["base"].fingerprint
    moved = loaded(tmp_path, HEADER.replace("digits", "cifar10"))
    assert moved.experiments["base"].fingerprint != plain.experiments["base"].fingerprint


def test_costs_are_for_the_dataset(tmp_path):
    """By hand for 8x8x1: convolutions (9+1)2 and (18+1)3, 4x4x3 values, 64 units, 10 classes."""
    base = loaded(tmp_path, HEADER).experiments["base"]
    assert base.parameters == 20 + 57 + (48 + 1) * 64 + (64 + 1) * 10
    assert base.macs == 64 * 18 + 16 * 54 + 48 * 64 + 64 * 10


def test_grid_leaves_out_the_base_and_what_is_as_in_it(tmp_path):
    found = loaded(tmp_path, GRID + "      kernel_size: [3, 5]\n      filters: [[2, 3], [4, 6]]\n")
    assert {id_: experiment.change for id_, experiment in found.experiments.items()} == {
        "base": {},
        "filters-4-6": {"filters": [4, 6]},
        "kernel-size-5": {"kernel_size": 5},
        "kernel-size-5-filters-4-6": {"kernel_size": 5, "filters": [4, 6]},
    }


def test_grid_knows_what_the_base_has_by_default(tmp_path):
    found = loaded(tmp_path, GRID + "      epochs: [10, 12]\n")
    assert list(found.experiments) == ["base", "epochs-12"]


@pytest.mark.parametrize(
    ("line", "id_"),
    [
        ("learning_rate: [0.01]", "learning-rate-0-01"),
        ("learning_rate: [1.0e-5]", "learning-rate-1e-05"),
        ("batch_normalization: [true]", "batch-normalization-true"),
        ("head: [global_average_pooling]", "head-global-average-pooling"),
        ("pool_after: [[1, 2]]", "pool-after-1-2"),
    ],
)
def test_grid_ids(tmp_path, line, id_):
    assert list(loaded(tmp_path, GRID + f"      {line}\n").experiments) == ["base", id_]


def test_grid_around_another_experiment(tmp_path):
    text = CHANGES + WIDE + "  size:\n    title: S\n    question: S?\n    hypothesis: S.\n"
    text += "    reference: wide\n    grid: {kernel_size: [5, 7]}\n"
    found = loaded(tmp_path, text)
    assert found.experiments["kernel-size-7"].settings == Settings(filters=[4, 6], kernel_size=7)


AROUND = (
    "  size:\n    title: S\n    question: S?\n    hypothesis: S.\n    reference: wide\n    grid: "
)


def test_a_grid_around_another_experiment_leaves_out_the_cell_that_is_as_it(tmp_path):
    """One cell of a grid cannot be taken out by hand; the reference stands for it."""
    text = CHANGES + WIDE + AROUND + "{kernel_size: [3, 5], dense_units: [32, 64]}\n"
    found = loaded(tmp_path, text)
    assert found.questions["size"] == (
        "kernel-size-3-dense-units-32",
        "kernel-size-5-dense-units-32",
        "kernel-size-5-dense-units-64",
    )
    assert found.cell("size", {"kernel_size": 3, "dense_units": 64}) == "wide"
    assert list(found.experiments) == ["base", "wide", *found.questions["size"]]
    untrained = text.replace("reference: wide", "trained: false\n    reference: wide")
    declared = loaded(tmp_path, untrained)
    assert [one.id for one in declared.declared["size"]] == list(found.questions["size"])


def test_a_cell_that_is_left_out_is_no_reference(tmp_path):
    text = CHANGES + WIDE + AROUND + "{kernel_size: [3, 5]}\n"
    text += "  last:\n    title: L\n    question: L?\n    hypothesis: L.\n"
    text += "    reference: kernel-size-3\n    changes: {long: {epochs: 12}}\n"
    (fault,) = faults(tmp_path, text)
    assert fault.startswith("line 22: questions.last.reference: there is no experiment kernel-size")


def test_a_grid_of_nothing_but_its_reference_is_refused(tmp_path):
    for text, reference, line in [
        (GRID + "      kernel_size: [3]\n", "base", 10),
        (CHANGES + WIDE + AROUND + "{kernel_size: [3], dense_units: [64]}\n", "wide", 17),
    ]:
        (fault,) = faults(tmp_path, text)
        assert fault.startswith(f"line {line}: questions.")
        assert fault.endswith(f".grid: gives no experiment but {reference}; give it other values")


@pytest.mark.parametrize(
    ("line", "seeds"),
    [
        ("seeds: 3", (1, 2, 3)),
        ("seeds: [7, 0, 3]", (7, 0, 3)),
        ("seeds: [2147483647]", (2147483647,)),
        ("", (1, 2, 3, 4, 5)),
    ],
)
def test_seeds(tmp_path, line, seeds):
    assert loaded(tmp_path, HEADER.replace("seeds: 2", line)).seeds == seeds


def test_kept_weights_follow_the_first_seed_and_the_enhanced_model(tmp_path):
    plain = CHANGES.replace("seeds: 2", "seeds: [9, 4]") + WIDE
    assert loaded(tmp_path, plain).kept_weights == (("base", 9),)
    assert loaded(tmp_path, plain + "enhanced: wide\n").kept_weights == (("base", 9), ("wide", 9))


def test_an_anchor_may_be_set_anew(tmp_path):
    """As YAML has it, an alias means the last one before it; nobody is warned."""
    one, two = "      one: &x {filters: [4, 6]}\n", "      two: &x {filters: [6, 8]}\n"
    study = loaded(tmp_path, CHANGES + one + two + "      three: {<<: *x, epochs: 3}\n")
    assert study.experiments["three"].settings.filters == [6, 8]


def test_anchors_aliases_and_merge_keys(tmp_path):
    text = HEADER.replace("base: {", "base: &base {") + QUESTION + "    changes:\n"
    text += "      wide: {<<: *base, filters: [4, 6]}\n"
    assert loaded(tmp_path, text).experiments["wide"].settings == Settings(
        filters=[4, 6], kernel_size=3
    )


def test_dos_line_ends_and_byte_order_mark(tmp_path):
    text = "\ufeff" + (CHANGES + WIDE).replace("\n", "\r\n")
    assert list(loaded(tmp_path, text).experiments) == ["base", "wide"]


# ------------------------------------------------------------------------------ single faults

# What stands in the file, and what each fault's line must say. A pattern is a list of words that
# stand in this order.
FAULTS = {
    "unknown key in base": (
        HEADER.replace("kernel_size", "kernal_size"),
        ["line 4: base.kernal_size: unknown key. Did you mean kernel_size? Allowed: … residual"],
    ),
    "unknown key in a change": (
        CHANGES + "      wide: {filter: [4, 6]}\n",
        ["line 11: questions.width.changes.wide.filter: unknown key. Did you mean filters? … "],
    ),
    "unknown key in a grid": (
        GRID + "      filter: [[4, 6]]\n",
        ["line 11: questions.width.grid.filter: unknown key. Did you mean filters? … Allowed"],
    ),
    "unknown key at the top": (
        HEADER + "sedes: 5\n",
        ["line 5: sedes: unknown key. Did you mean seeds? Allowed: title, … seeds, base"],
    ),
    "unknown key in a question": (
        CHANGES + WIDE + "    references: base\n",
        ["line 12: questions.width.references: unknown key. Did you mean reference? … "],
    ),
    "unknown key in published": (
        HEADER + "published: {file: a.csv, citation: b, page: 3}\n",
        ["line 5: published.page: unknown key. Allowed: file, citation"],
    ),
    "wrong type in base": (
        HEADER.replace("kernel_size: 3", "kernel_size: three"),
        ["line 4: base.kernel_size: … integer … not 'three'"],
    ),
    "a word for a number in a change": (
        CHANGES + "      wide: {kernel_size: '5'}\n",
        ["line 11: questions.width.changes.wide.kernel_size: … integer … '5'"],
    ),
    "a number for true": (
        CHANGES + "      wide: {residual: 1}\n",
        ["line 11: questions.width.changes.wide.residual: … boolean … 1"],
    ),
    "a number for true in a grid": (
        GRID + "      horizontal_flip: [0, true]\n",
        ["line 11: questions.width.grid.horizontal_flip: … boolean … 0"],
    ),
    "a fraction for a whole number in a grid": (
        GRID + "      epochs: [10.0, 12]\n",
        ["line 11: questions.width.grid.epochs: … integer … 10.0"],
    ),
    "out of range in base": (
        HEADER.replace("kernel_size: 3", "kernel_size: 16"),
        ["line 4: base.kernel_size: … less than or equal to 15, not 16"],
    ),
    "out of range in a change": (
        CHANGES + "      wide: {learning_rate: -1}\n",
        ["line 11: questions.width.changes.wide.learning_rate: … greater than 0, not -1"],
    ),
    "out of range in a grid": (
        GRID + "      kernel_size: [5, 99]\n",
        ["line 11: questions.width.grid.kernel_size: … equal to 15, not 99"],
    ),
    "not one of the words": (
        CHANGES + "      wide: {activation: ReLU}\n",
        ["line 11: questions.width.changes.wide.activation: … 'relu', 'leaky_relu' … not 'ReLU'"],
    ),
    "rule between parameters": (
        CHANGES + "      wide: {warmup_epochs: 10}\n",
        ["line 11: … warmup_epochs 10 must be less than epochs 10"],
    ),
    "unknown dataset": (
        HEADER.replace("digits", "mnist"),
        ["line 2: dataset: one of … digits … not 'mnist'"],
    ),
    "missing title of the study": (
        HEADER.replace("title: A small study\n", ""),
        ["title: missing. Give the study a title of a few words"],
    ),
    "missing base": (
        HEADER.replace("base: {filters", "# base: {filters"),
        ["base: missing. Write the parameters of the base; `base: {}` takes them all at default"],
    ),
    "missing dataset": (
        HEADER.replace("dataset: digits\n", ""),
        ["dataset: missing. Name one of … digits"],
    ),
    "missing citation": (
        HEADER + "published: {file: a.csv}\n",
        ["line 5: published.citation: missing. Name the source's key in report/references.bib"],
    ),
    "missing title and hypothesis of a question": (
        (CHANGES + WIDE)
        .replace("    title: Width\n", "")
        .replace("    hypothesis: They are.\n", ""),
        [
            "line 6: questions.width.title: missing. Give the question a heading of a few words",
            "line 6: questions.width.hypothesis: missing. Write in a sentence what you expect and "
            "why, before it runs",
        ],
    ),
    "empty title": (
        HEADER.replace("A small study", "''"),
        ["line 1: title: says nothing. Give the study a title of a few words"],
    ),
    "blank question": (
        (CHANGES + WIDE).replace("Are more filters better?", "'   '"),
        ["line 8: questions.width.question: says nothing. Write in a sentence what you want to"],
    ),
    "hypothesis of line ends": (
        (CHANGES + WIDE).replace("They are.", "' \\n \t'").replace("' \\n \t'", '" \\n \\t"'),
        ["line 9: questions.width.hypothesis: says nothing. Write in a sentence what you expect"],
    ),
    "blank background": (
        CHANGES + WIDE + "    background: ''\n",
        ["line 12: questions.width.background: says nothing. Write what a reader must know first"],
    ),
    "blank reading": (
        CHANGES + WIDE + "    reading: ''\n",
        ["line 12: questions.width.reading: says nothing. Write what you make of the answer"],
    ),
    "expectations left out behind their key": (
        CHANGES + WIDE + "    expects:\n",
        ["line 12: questions.width.expects: says nothing. Write helps, hurts or little, for all"],
    ),
    "a word that nothing is expected by": (
        CHANGES + WIDE + "    expects: better\n",
        ["line 12: questions.width.expects: input should be 'helps', 'hurts' or 'little', not 'b"],
    ),
    "a word of a change that nothing is expected by": (
        CHANGES + WIDE + "    expects: {wide: more}\n",
        ["line 12: questions.width.expects.wide: input should be 'helps', 'hurts' or 'little'"],
    ),
    "an expectation of nothing": (
        CHANGES + WIDE + "    expects: {wid: helps}\n",
        [
            "line 12: questions.width.expects.wid: the question tries no wid. Did you mean wide? "
            "Allowed: wide, all"
        ],
    ),
    "blank caveat": (
        CHANGES + WIDE + "    caveat: |\n      \n",
        ["line 12: questions.width.caveat: says nothing. … cannot say, or leave the key out"],
    ),
    "hypothesis left out behind its key": (
        (CHANGES + WIDE).replace("They are.", ""),
        ["line 9: questions.width.hypothesis: says nothing. Write in a sentence what you expect"],
    ),
    "reference that is not there": (
        CHANGES + WIDE + "    reference: best\n",
        ["line 12: questions.width.reference: there is no experiment best. There are: base, wide"],
    ),
    "reference that is misspelled": (
        CHANGES + WIDE + "    reference: bsae\n",
        [
            "line 12: questions.width.reference: there is no experiment bsae. Did you mean base? "
            "There are: base, wide"
        ],
    ),
    "enhanced that is not there": (
        CHANGES + WIDE + "enhanced: best\n",
        ["line 12: enhanced: there is no experiment best. There are: base, wide"],
    ),
    "reference to itself": (
        CHANGES + WIDE + "    reference: wide\n",
        [
            "line 12: questions.width.reference: the references go in a circle: wide -> wide. … "
            "Name another reference, such as base"
        ],
    ),
    "change that changes nothing": (
        CHANGES + "      same: {kernel_size: 3}\n",
        ["line 11: questions.width.changes.same: … changes nothing … base"],
    ),
    "empty change": (
        CHANGES + "      same: {}\n",
        ["line 11: questions.width.changes.same: … changes nothing … base"],
    ),
    "change that is a note": (
        CHANGES + "      same:\n",
        ["line 11: questions.width.changes.same: … not None"],
    ),
    "two ids for the same settings": (
        CHANGES + WIDE + "      broad: {filters: [4, 6]}\n",
        ["line 12: questions.width.changes.broad: … the same … wide"],
    ),
    "grid and changes together": (
        CHANGES + WIDE + "    grid: {kernel_size: [5]}\n",
        ["line 6: questions.width: give either changes or grid"],
    ),
    "neither grid nor changes": (
        HEADER + QUESTION,
        ["line 6: questions.width: give either changes or grid"],
    ),
    "question that is no mapping": (
        HEADER + "questions:\n  width: wider\n",
        ["line 6: questions.width: input should be a mapping, not 'wider'"],
    ),
    "empty grid": (GRID[:-1] + " {}\n", ["line 6: questions.width: give either changes or grid"]),
    "grid with no value": (GRID + "      kernel_size: []\n", ["line 1… questions.width.grid"]),
    "grid of the base alone": (GRID + "      kernel_size: [3]\n", ["line 1… questions.width.grid"]),
    "grid with a value twice": (
        GRID + "      kernel_size: [5, 5]\n",
        ["line 1… questions.width.grid … kernel-size-5"],
    ),
    "base as an id": (
        CHANGES + "      base: {kernel_size: 5}\n",
        ["line 11: … the id base is taken"],
    ),
    "id with capitals": (
        CHANGES + "      Wide: {kernel_size: 5}\n",
        ["line 11: … pattern … 'Wide'"],
    ),
    "id with an underscore": (CHANGES + "      a_b: {kernel_size: 5}\n", ["line 11: … 'a_b'"]),
    "id with a slash": (CHANGES + "      ../a: {kernel_size: 5}\n", ["line 11: … '../a'"]),
    "id with a leading digit": (CHANGES + "      5x5: {kernel_size: 5}\n", ["line 11: … '5x5'"]),
    "id that is a number": (CHANGES + "      5: {kernel_size: 5}\n", ["line 11: … string, not 5"]),
    "id that ends with a dash": (CHANGES + "      a-: {kernel_size: 5}\n", ["line 11: … 'a-'"]),
    "id that is too long": (
        CHANGES + f"      {'a' * 61}: {{kernel_size: 5}}\n",
        ["line 11: … at most 60"],
    ),
    "grid whose id is too long": (
        GRID + f"      filters: [{[100] * 15}]\n      pool_after: [none]\n",
        ["line 1… questions.width.grid … 60"],
    ),
    "id of a question": (
        (CHANGES + WIDE).replace("  width:", "  Width and more:"),
        ["line 6: questions.Width and more: … pattern"],
    ),
    "no seed": (HEADER.replace("seeds: 2", "seeds: 0"), ["line 3: seeds: … 0"]),
    "too many seeds": (HEADER.replace("seeds: 2", "seeds: 1001"), ["line 3: seeds: … 1001"]),
    "negative seed": (
        HEADER.replace("seeds: 2", "seeds: [1, -4]"),
        ["line 3: seeds: … greater than or equal to 0, not -4"],
    ),
    "seed twice": (
        HEADER.replace("seeds: 2", "seeds: [1, 4, 1]"),
        ["line 3: seeds: [1, 4, 1] has a seed twice"],
    ),
    "empty list of seeds": (HEADER.replace("seeds: 2", "seeds: []"), ["line 3: seeds: … []"]),
    "seeds true": (HEADER.replace("seeds: 2", "seeds: true"), ["line 3: seeds: … True"]),
    "base that is a list": (
        HEADER.replace("base: {filters: [2, 3], kernel_size: 3}", "base: [filters]"),
        ["line 4: base: … not ['filters']"],
    ),
    "parameter that is a number": (
        HEADER.replace("kernel_size", "3"),
        ["line 4: base.3: … string"],
    ),
    "valid padding that leaves nothing": (
        CHANGES + "      wide: {padding: valid, kernel_size: 9}\n",
        ["line 11: … experiment wide: convolution_1 cannot be built … 9x9 kernel … 8x8"],
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_fault(tmp_path, name):
    """Every fault is told once, with line, key and what is allowed, and nothing else is told.

    Two lines about one place are let pass: a number of seeds or a list, each has its own reason.
    """
    text, patterns = FAULTS[name]
    found = faults(tmp_path, text)
    compiled = [re.compile(".*".join(map(re.escape, re.split(" ?… ?", one)))) for one in patterns]
    for pattern in compiled:
        assert any(pattern.match(line) for line in found), (pattern.pattern, found)
    if not text.count("seeds: 2"):  # about the seeds themselves
        assert {line.split(":")[0] for line in found} == {"line 3"}
    else:
        assert len(found) == len(patterns), found


# The base on line 4, a change, and what the two come to alike.
ALIKE = {
    "filters: [2, 3, 4]": ("pool_after: [1, 2]", "pool_after [1, 2] for every_but_last"),
    "pool_after: [2, 1]": ("pool_after: every_but_last", "pool_after every_but_last for [2, 1]"),
    "pool_after: none": ("pooling: average", "pooling average for max"),
    "pool_after: []": ("pool_size: 3", "pool_size 3 for 2"),
    "filters: [2]": ("pooling: strided_convolution", "pooling strided_convolution for max"),
    "kernel_size: 1": ("padding: valid", "padding valid for same"),
    "optimizer: adam": ("optimizer: adamw", "optimizer adamw for adam"),
    "filters: [2, 2, 2, 2]": (
        "head: global_average_pooling",
        "head global_average_pooling for flatten",
    ),
}


@pytest.mark.parametrize("base", ALIKE)
def test_a_change_to_what_has_no_meaning_is_refused(tmp_path, base):
    change, told = ALIKE[base]
    text = CHANGES.replace("{filters: [2, 3], kernel_size: 3}", f"{{{base}}}")
    (fault,) = faults(tmp_path, text + f"      same: {{{change}}}\n")
    assert fault.startswith("line 11: questions.width.changes.same: experiment same changes noth")
    assert f"of base, written otherwise, which makes no difference ({told}). Change a" in fault


def test_a_momentum_that_no_optimizer_takes_is_refused_where_it_stands(tmp_path):
    base = CHANGES.replace("{filters: [2, 3], kernel_size: 3}", "{optimizer: sgd, momentum: 0.8}")
    (fault,) = faults(tmp_path, base + WIDE)
    assert fault == (
        "line 4: base.momentum: of no effect beside optimizer sgd. Leave it out, or give "
        "optimizer: momentum (experiment base)"
    )
    text = CHANGES + "      new: {momentum: 0.8}\n"
    (fault,) = faults(tmp_path, text)
    assert fault.startswith(
        "line 11: questions.width.changes.new.momentum: of no effect beside opt"
    )


def test_all_that_means_nothing_beside_the_others_is_refused_at_once(tmp_path):
    text = CHANGES + (
        "      new: {flip_order: alternating, nesterov: true, expansion: 2, "
        "squeeze_excitation: 4}\n"
    )
    told = faults(tmp_path, text)
    assert [fault.split(": ")[1].rpartition(".")[2] for fault in told] == [
        "flip_order", "expansion", "squeeze_excitation", "nesterov",
    ]  # fmt: skip
    assert "beside horizontal_flip false. Leave it out, or give horizontal_flip: true" in told[0]
    assert "give block: residual_pair or depthwise_separable or inverted_residual" in told[2]


def test_a_change_of_optimizer_need_not_take_the_momentum_back(tmp_path):
    base = CHANGES.replace(
        "{filters: [2, 3], kernel_size: 3}", "{optimizer: momentum, momentum: 0.8}"
    )
    study = loaded(tmp_path, base + "      new: {optimizer: adam}\n")
    assert study.experiments["new"].change == {"optimizer": "adam"}


def test_a_list_of_numbers_is_told_of_as_a_list(tmp_path):
    text = CHANGES.replace("kernel_size: 3", "kernel_size: [3, 16], dense_units: [5]") + WIDE
    assert faults(tmp_path, text) == [
        "line 4: base.kernel_size: input should be less than or equal to 15, not 16",
        "line 4: base.dense_units: [5] is a list of one number: write 5",
    ]


def test_two_ids_for_one_network_are_refused_however_written(tmp_path):
    text = CHANGES + "      one: {pool_after: none, epochs: 12}\n"
    text += "      other: {pool_after: [], pool_size: 4, optimizer: adamw, epochs: 12}\n"
    (fault,) = faults(tmp_path, text)
    assert fault.startswith("line 12: questions.width.changes.other: experiment other is the same")
    assert "(optimizer adamw for adam, pool_size 4 for 2, pool_after [] for none)" in fault


@pytest.mark.parametrize(
    ("base", "change"),
    [
        ("filters: [2, 3]", "pool_size: 3"),
        ("filters: [2, 3]", "pool_after: []"),
        ("kernel_size: 2, filters: [2]", "padding: valid"),
        ("filters: [2, 2, 2]", "head: global_average_pooling"),  # 2 x 2 pixels are left
        ("optimizer: momentum", "optimizer: sgd"),
        ("dense_units: 0", "dense_dropout: 0.5"),  # stands before the last layer then
        ("epochs: 1", "schedule: step"),  # falls within the epoch
        ("watch_test: false", "watch_test: true"),  # trains the same and records more
    ],
)
def test_a_change_to_what_has_a_meaning_is_let_through(tmp_path, base, change):
    text = CHANGES.replace("{filters: [2, 3], kernel_size: 3}", f"{{{base}}}")
    assert "new" in loaded(tmp_path, text + f"      new: {{{change}}}\n").experiments


@pytest.mark.parametrize("id_", sorted(RESERVED))
def test_reserved_id(tmp_path, id_):
    (fault,) = faults(tmp_path, CHANGES + f"      {id_}: {{kernel_size: 5}}\n")
    assert fault.startswith(f"line 11: questions.width.changes.{id_}: the id {id_} is reserved")


def test_id_taken_by_another_question(tmp_path):
    second = QUESTION.replace("questions:\n", "").replace("width:", "again:")
    text = CHANGES + WIDE + second + "    changes:\n      wide: {kernel_size: 5}\n"
    (fault,) = faults(tmp_path, text)
    assert fault.startswith("line 17: questions.again.changes.wide: the id wide is taken by")
    assert "questions.width.changes.wide" in fault


def test_a_circle_of_references_is_told_once(tmp_path):
    """Of a circle of two with a second change each, and of one that another question hangs on."""
    second = QUESTION.replace("questions:\n", "").replace("width:", "again:")
    text = CHANGES + WIDE + "      wider: {filters: [8, 12]}\n    reference: larger\n"
    text += second + "    reference: wide\n    changes:\n      larger: {kernel_size: 5}\n"
    text += "      large: {kernel_size: 7}\n"
    (fault,) = faults(tmp_path, text)
    assert fault.startswith("line 13: questions.width.reference: the references go in a circle: ")
    assert "circle: wide -> larger -> wide. Each is made by changing the next" in fault
    assert fault.endswith("Name another reference, such as base")
    hanging = QUESTION.replace("questions:\n", "").replace("width:", "third:")
    text += hanging + "    reference: large\n    changes:\n      longer: {epochs: 12}\n"
    assert faults(tmp_path, text) == [fault]


def test_two_circles_are_told_apart(tmp_path):
    second = QUESTION.replace("questions:\n", "").replace("width:", "again:")
    text = CHANGES + WIDE + "    reference: wide\n"
    text += second + "    reference: larger\n    changes:\n      larger: {kernel_size: 5}\n"
    assert [fault.split(" the ")[0] for fault in faults(tmp_path, text)] == [
        "line 12: questions.width.reference:",
        "line 17: questions.again.reference:",
    ]


def test_six_poolings_on_8x8_images_are_refused(tmp_path):
    """8, 4, 2, 1 pixels: the fourth pooling has nothing left to halve."""
    text = CHANGES + "      deep: {filters: [2, 2, 2, 2, 2, 2], pool_after: every}\n"
    (fault,) = faults(tmp_path, text)
    assert fault.startswith("line 11: questions.width.changes.deep: experiment deep: ")
    assert "max_pooling_4 cannot be built: the image has come down to 1x1 pixels" in fault
    assert "2x2 window" in fault
    assert "pool_after" in fault


def test_fractions_that_leave_no_image_are_refused(tmp_path):
    """The digits have 1,437 training images: 0.0003 of them is 0.43 of an image."""
    text = CHANGES + "      few: {training_fraction: 0.0001}\n"
    text += "      unseen:\n        epochs: 3\n        validation_fraction: 0.0003\n"
    few, unseen = faults(tmp_path, text)
    assert few.startswith(
        "line 11: questions.width.changes.few.training_fraction: no image is left to train on: "
        "1,437 images, validation_fraction 0.1, training_fraction 0.0001; raise"
    )
    assert few.endswith("(experiment few)")
    assert unseen.startswith(
        "line 14: questions.width.changes.unseen.validation_fraction: no image is held out: "
        "0.0003 of 1,437 images rounds to none; raise it, or give 0"
    )
    few = "training_fraction: 0.0008, validation_fraction: 0.0004"  # one image each
    assert loaded(tmp_path, CHANGES + f"      few: {{{few}}}\n")


# -------------------------------------------------------------------------- all faults at once


def test_faults_of_base_and_changes_come_together(tmp_path):
    """A change is checked although its base is at fault, and a chain although its start is."""
    text = HEADER.replace("kernel_size: 3", "kernel_size: 99, colour: red") + QUESTION
    text += (
        "    changes:\n      wide: {filters: [4, '6']}\n      long: {epochs: 0, epoch: 3}\n" + CHAIN
    )
    text = text.replace("dense_dropout: 0.5", "dense_dropout: 5")
    found = faults(tmp_path, text)
    for start in [
        "line 4: base.kernel_size: ",
        "line 4: base.colour: ",
        "line 11: questions.width.changes.wide.filters: ",
        "line 12: questions.width.changes.long.epochs: ",
        "line 12: questions.width.changes.long.epoch: ",
        "line 19: questions.last.changes.softer.dense_dropout: ",
    ]:
        assert [line for line in found if line.startswith(start)], start
    assert len(found) == 6, found


def test_faults_of_the_file_and_of_parameters_come_together(tmp_path):
    text = HEADER.replace("title", "titel").replace("seeds: 2", "seeds: [1, 1]")
    text = text.replace("digits", "mnist").replace("kernel_size: 3", "kernel_size: 99")
    text += QUESTION.replace("hypothesis", "hypotheses")
    text += "    changes:\n      All: {epochs: 0}\n      report: {shift: 99}\n"
    found = faults(tmp_path, text)
    for start in [
        "line 1: titel: ",
        "title: missing",
        "line 2: dataset: ",
        "line 3: seeds: ",
        "line 4: base.kernel_size: ",
        "line 6: questions.width.hypothesis: missing",
        "line 9: questions.width.hypotheses: ",
        "line 11: questions.width.changes.All: ",
        "line 11: questions.width.changes.All.epochs: ",
        "line 12: questions.width.changes.report: the id report is reserved",
        "line 12: questions.width.changes.report.shift: ",
    ]:
        assert [line for line in found if line.startswith(start)], start


def test_a_grid_is_checked_in_a_file_that_has_not_its_form(tmp_path):
    text = (GRID + "      kernel_size: [3, 99]\n      shifts: [1]\n").replace(
        "title: A", "titel: A"
    )
    assert [fault.split(": ")[:2] for fault in faults(tmp_path, text)] == [
        ["title", "missing. Give the study a title of a few words"],
        ["line 1", "titel"],
        ["line 11", "questions.width.grid.kernel_size"],
        ["line 12", "questions.width.grid.shifts"],
    ]


def test_faults_come_in_the_order_of_their_lines(tmp_path):
    text = CHANGES + "      wide: {kernel_size: 3}\n      larger: {kernel_size: 99}\n" + CHAIN
    text = text.replace("reference: wide", "reference: wid").replace("base: {", "base: {epoch: 3, ")
    lines = [int(fault.split(":")[0].removeprefix("line ")) for fault in faults(tmp_path, text)]
    assert lines == [4, 12, 24, 26]


def test_a_grid_whose_cells_other_questions_have_is_not_called_empty(tmp_path):
    text = CHANGES + "      kernel-size-5: {kernel_size: 5}\n" + AROUND.replace("wide", "base")
    (fault,) = faults(tmp_path, text + "{kernel_size: [3, 5]}\n")
    assert fault.startswith("line 17: questions.size.grid: the id kernel-size-5 is taken by")


def test_two_experiments_at_fault_are_both_told(tmp_path):
    found = faults(tmp_path, CHANGES + "      a: {epochs: 0}\n      b: {shift: 99}\n")
    assert [line.split(" ")[1] for line in found] == ["11:", "12:"]


def test_a_long_value_is_not_told_in_full(tmp_path):
    (fault,) = faults(tmp_path, CHANGES + f"      a: {{activation: {'x' * 5000}}}\n")
    assert len(fault) < 500


# ------------------------------------------------------------------------------ further checks


def test_further_checks_see_what_is_trained_and_are_told_with_all_other_faults(tmp_path):
    """One change cannot be merged, one question is not trained, and a check finds two faults."""
    drafts = []

    def check(draft: Draft):
        drafts.append(draft)
        yield ("questions", "width", "title"), "no pun, please"
        yield ("published", "file"), "is not there"  # as nothing of that is in the file

    text = CHANGES + WIDE + "      large: {kernel_size: 99}\n" + AROUND.replace("S?", "S!")
    text += "{kernel_size: [5]}\n    trained: false\n"
    with pytest.raises(UserError) as error:
        load(write(tmp_path, text), also=(check,))
    assert sorted(str(error.value).splitlines()[1:]) == [
        "  line 12: questions.width.changes.large.kernel_size: input should be less than or equal "
        "to 15, not 99",
        "  line 7: questions.width.title: no pun, please",
        "  published.file: is not there",
    ]
    (draft,) = drafts
    assert draft.path == tmp_path / "mine.yaml"
    assert draft.file.questions["size"].question == "S!"
    assert list(draft.experiments) == ["base", "wide", "large"]


def test_who_reads_a_study_knows_no_report():
    code = "import sys, cnn_study.study.merge; print([m for m in sys.modules if 'report' in m])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == "[]\n"


# --------------------------------------------------------------- what only the report needs


def report_faults(folder: Path, text: str) -> list[str]:
    """Load as `check` and the workflow do; a training, which needs no report, takes the file."""
    assert loaded(folder, text)
    with pytest.raises(UserError) as error:
        load(folder / "mine.yaml", also=study_checks.CHECKS)
    first, *rest = str(error.value).splitlines()
    assert first == f"{folder / 'mine.yaml'} cannot be used:"
    return [line.strip() for line in rest]


def test_printed_numbers_that_are_not_there_are_told_before_training(tmp_path):
    text = HEADER + "published: {file: nothere.csv, citation: nokey}\n"
    citation, file = report_faults(tmp_path, text)
    assert citation == (
        "line 5: published.citation: report/references.bib has no work nokey. Add it there, or "
        "cite one that is there"
    )
    assert file.startswith(
        "line 5: published.file: nothere.csv: cannot be read as CSV in UTF-8: No such file"
    )
    assert f"Put the file of the printed numbers at {tmp_path / 'nothere.csv'}, or take" in file


def test_printed_numbers_are_checked_before_training(tmp_path):
    lines = [
        ",".join(published_numbers.COLUMNS),
        "w,1,2,3,61.5,,,base wide",
        "w,2,2,3,sixty,,,large",
    ]
    (tmp_path / "a.csv").write_text("\n".join(lines))
    text = CHANGES + WIDE + "published:\n  citation: lecun1998\n  file: a.csv\n"
    assert report_faults(tmp_path, text) == [
        "line 14: published.file: a.csv: line 3, column test_accuracy_percent: 'sixty' is not a "
        "number from 0 to 100. Correct it",
        "line 14: published.file: a.csv: line 3, column experiment: the study has no experiment "
        "large. Use one of: base, wide",
    ]
    (tmp_path / "a.csv").write_text("\n".join(lines[:2]))
    assert load(tmp_path / "mine.yaml", also=study_checks.CHECKS)


def test_signs_in_printed_numbers_are_looked_at(tmp_path):
    columns = ",".join(published_numbers.COLUMNS)
    (tmp_path / "a.csv").write_text(f"{columns}\n学\u202e,1,2,3,61.5,,,base\n", encoding="utf-8")
    text = HEADER + "published:\n  citation: lecun1998\n  file: a.csv\n"
    for fault, said in zip(
        report_faults(tmp_path, text),
        ("show nothing are not allowed: U+202E", "figures' font nor the PDF's fonts have 学"),
        strict=True,
    ):
        assert fault.startswith("line 7: published.file: ")
        assert said in fault


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("pipe", "is a pipe or device, and should be a file"),
        ("folder", "is a folder, and should be a file"),
        ("/dev/zero", "/dev/zero is a pipe or device, and should be a file"),
        ("large", "has 10,000,000,000 bytes, and such a file at most 1,048,576"),
    ],
)
def test_printed_numbers_are_read_from_a_file_of_a_sensible_size(tmp_path, name, said):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    with open(tmp_path / "large", "wb") as file:
        file.truncate(10**10)
    text = CHANGES + WIDE + f"published:\n  citation: lecun1998\n  file: {name}\n"
    (fault,) = report_faults(tmp_path, text)
    assert fault.startswith(f"line 14: published.file: {name}: ")
    assert said in fault


def test_works_that_are_cited_must_be_in_the_bibliography(tmp_path):
    """A mail address, code and a reference to a table are no citations."""
    text = CHANGES + WIDE + '    background: "As [see @lecun1998; @lecun1989, p. 2] and a@b.org"\n'
    text += "    caveat: |\n      Not `@code`, see @tbl-base.^[As @nobody2020 has.]\n"
    search = "search:\n  caveat: '[-@lecun]'\n  trials: 3\n  epochs: 2\n"
    search += "  space: {kernel_size: [3, 5]}\n  prices: {a: {title: A, macs: 10000000}}\n"
    background, caveat, searched = report_faults(tmp_path, text + search)
    assert background == (
        "line 12: questions.width.background: report/references.bib has no work lecun1989. Did "
        "you mean lecun1998? Add it there, or cite one that is there"
    )
    assert caveat.startswith(
        "line 13: questions.width.caveat: report/references.bib has no work nobody2020."
    )
    assert searched.startswith("line 16: search.caveat: report/references.bib has no work lecun.")


UNSAFE = {
    "HTML": (
        "A <script>alert(1)</script> and <b>bold</b>",
        "HTML and other raw marks are not allowed: <script>alert(1)</script>, <b>, </b>. Write",
    ),
    "a block of HTML": ("<div>\n\ntext\n\n</div>", "not allowed: <div>, </div>. Write Markdown"),
    "an attribute of HTML": ("<span onclick='x'>a</span>", "not allowed: <span onclick='x'>, <"),
    "a comment": ("a <!-- b --> c", "not allowed: <!-- b -->. Write"),
    "HTML by its name": ("`<script>`{=html}", "not allowed: <script>. Write Markdown"),
    "a letter as a tag": ("where a<b and c>d", r"not allowed: <b and c>. Write Markdown; a mark"),
    "TeX out of a formula": (r"as \textbf{x}", r"not allowed: \textbf{x}. Write"),
    "a begin that another text ends": ("see \\begin{x}", "TeX is for formulas: \\begin{x}. Put it"),
    "a shortcode": ("{{< include /etc/passwd >}}", "shortcodes {{< … >}} are not allowed"),
    "a script": ("[x](javascript:alert(1))", "not as javascript:alert(1). Give a whole address"),
    "a hidden script": ("[x](java&#115;cript:a)", "links may begin with https://, http://, mailto"),
    "a script between brackets": ("<JavaScript:a>", "not as JavaScript:a. Give"),
    "a file": ("[x](other.html)", "not as other.html. Give a whole address"),
    "an event": ('[x]{onclick="a()"}', "attributes may be lang, not onclick. Take them out"),
    "a picture elsewhere": ("![x](https://a.org/x.png)", "report's own, not https://a.org/x.png."),
    "a picture that is not there": ("![x](nothing.png)", "the report's own, not nothing.png. Re"),
    "a figure that is not there": (
        "See @fig-x.",
        "not every report of this study has a part @fig-x. There are: @fig-architecture, ",
    ),
    "a table that is not there": (
        "See @tbl-settingss.",
        "has a part @tbl-settingss. Did you mean @tbl-settings? There are: @tbl-base, ",
    ),
    "a part that only some results have": ("As @sec-conclusion has it", "a part @sec-conclusion. "),
    "a search that is not declared": ("See @sec-search", "has a part @sec-search. "),
    "a link to nowhere": ("[x](#nowhere)", "has a part #nowhere. There are: #"),
    "a work and a part": ("[@lecun1998; @sec-base]", "works or parts of the report, not both"),
    "an id": ("[x]{#sec-mine}", "ids are the report's own, not #sec-mine. Take them out"),
    "the id of the references": ("[x]{#refs}", "ids are the report's own, not #refs. Take"),
    "a block with an id": ("a\n\n::: {#refs}\n:::", "ids are the report's own, not #refs. Take"),
    "an id of nothing": ("text {#fig-x}", "no mark where it stands: {#fig-x}. Put it between"),
    "a class of the report's": ("[5]{.receipt}", "such as .callout-note, not .receipt"),
    "a heading": ("a\n\n# H {#sec-mine}", "headings are the report's own. Write a line in **bo"),
    "a list that goes on elsewhere": ("a\n\n(@) b", "lists that begin with (@) go on in other"),
    "an address for all texts": (
        "a\n\n[figures]: javascript:alert(1)",
        "what brackets mean cannot be given apart from them: [figures]. Write [words](https://…)",
    ),
    "an address in a list": ("a\n\n- [x]: data:text/html,x", "apart from them: [x]. Write"),
    "a note for all texts": ("a[^1]\n\n[^1]: b", "apart from them: [^1]. Write [words](https://…)"),
    "settings of the document": (
        'a\n\n---\nheader-includes: "<script>alert(1)</script>"\n---\n\nb',
        "or sets --- against the report's own head. Close every mark; a line is ***",
    ),
    "code without an end": ("a\n\n```\ncode", "it leaves a mark open that goes on behind it, or"),
    "other code without an end": ("a\n\n~~~\ncode", "it leaves a mark open that goes on behind it"),
    "a comment without an end": ("a <!-- b", "it leaves a mark open that goes on behind it, or s"),
    "a callout without an end": ("a\n\n::: {.callout-note}\nx", "it leaves a mark open that goes"),
    "a formula of nothing": (r"$\foo{$", r"formula $\foo{$ cannot be set: no such command as \foo"),
    "a formula with a script": (
        r"$\href{javascript:a}{x}$",
        r"cannot be set: no such command as \h",
    ),
    "a formula with an address": (r"$\url{a}$", r"cannot be set: no such command as \url"),
    "a formula with a class": (r"$\class{a}{x}$", r"cannot be set: no such command as \class"),
    "a formula with a style": (r"$\style{a}{x}$", r"cannot be set: no such command as \style"),
    "a formula with a file": (r"$\includegraphics{x}$", "no such command as \\includegraphics"),
    "a formula cut off": (
        r"$\frac{a}{b$",
        r"the formula $\frac{a}{b$ cannot be set: unexpected eof",
    ),
    "brackets within brackets": ("[" * 300 + "a", "within brackets, more than 4 deep. Write it"),
    "links within links": ("[" * 30 + "a" + "](https://a)" * 30, "within brackets, more than 4 d"),
    "a formula within formulas": (
        "$" + r"\frac{" * 60 + "a" + "}{b}" * 60 + "$",
        "braces stand 60 deep within braces; at most 20 are allowed",
    ),
    "a formula without an end": (f"${'a+' * 600}$", "it has 1,200 characters; at most 1,000 are"),
    "powers of powers": (
        "$" + "a^{" * 20 + "b" + "}" * 20 + "$",
        "set: it is not read in 2 seconds",
    ),
    "quotations within quotations": ("a\n\n" + ">" * 40 + "b", "stand too deep within each other"),
    "quotations without an end": ("a\n\n" + ">" * 900 + "b", "stand too deep within each other"),
    "a book": ("a " * 20_000, "it has 40,000 characters; at most 20,000 are allowed"),
    "a bell": ("a \a b", "signs that show nothing are not allowed: U+0007. Take them out"),
    "the end of a line without one": ("a\u2028b", "are not allowed: U+2028. Take them out"),
    "words backwards": ("a \u202eb", "signs that show nothing are not allowed: U+202E. Take"),
    "a picture by its number": ("a &#x1F600;", "the PDF's fonts do not have 😀"),
    "words backwards, by number": ("a &#x202e;b", "nothing are not allowed: U+202E. Take"),
    "nothing at all": ("a\u200bb\u2060c\ufeff", "not allowed: U+200B, U+2060, U+FEFF. Take"),
}


@pytest.mark.parametrize("name", UNSAFE)
def test_what_the_report_cannot_take_is_refused(tmp_path, name, monkeypatch):
    monkeypatch.setattr(formulas, "SECONDS", 2)
    text, said = UNSAFE[name]
    (fault,) = report_faults(tmp_path, CHANGES + WIDE + f"    caveat: {json.dumps(text)}\n")
    assert fault.startswith("line 12: questions.width.caveat: ")
    assert said in fault


def test_faults_of_all_texts_are_told_at_once(tmp_path):
    """One that cannot be read beside others does not hide what is wrong with these."""
    text = CHANGES.replace("title: A small study", 'title: "A \\u200B study"') + WIDE
    text += '    background: "```\\nopen"\n    reading: See @fig-x.\n    caveat: "[x]{#a}"\n'
    text = text.replace('"```', '"a\\n\\n```')
    found = report_faults(tmp_path, text + "about_expectations: $\\foo$ and @nobody2020\n")
    assert [fault.split(": ")[1] for fault in found] == [
        "title",
        "questions.width.background",
        "questions.width.reading",
        "questions.width.caveat",
        "about_expectations",
        "about_expectations",
    ]


def test_a_text_that_pandoc_does_not_finish_is_named(tmp_path, monkeypatch):
    """Alone it gets longer than beside others: here no two texts are ready in time."""
    monkeypatch.setattr(authored_markdown, "SECONDS", 20)
    monkeypatch.setattr(authored_markdown, "SECONDS_A_TEXT", -9.999)
    path = write(tmp_path, CHANGES + WIDE + "    caveat: Short.\n    reading: '[@lecun1998]'\n")
    assert load(path, also=study_checks.CHECKS)
    monkeypatch.setattr(authored_markdown, "SECONDS", 9.999)
    caveat, reading = report_faults(tmp_path, path.read_text())
    said = "Pandoc did not finish in "
    assert caveat.startswith(f"line 12: questions.width.caveat: {said}")
    assert reading.startswith(f"line 13: questions.width.reading: {said}")
    assert reading.endswith(" seconds. Write it with fewer marks within marks")


SAFE = """\
With a < b, p<0.05, 3 > 2, $x<y$, $$a<b>c$$, `<script>`, \\<b\\>, &lt;b&gt; and **bold**, H~2~O.
See [here](https://a.org/@b?c=d&e), <http://a.org>, <a@b.org>, [above](#sec-base), @sec-padding,
@Sec-question-width, @tbl-question-width, @eq-softmax, [top](#), and [@lecun1998, p. 2]. `{#fig-x}`,
`{{< x >}}`, [small]{.smallcaps}, [[[[deep]]]], words[^a] and a note^[As *here*.].

[@lecun1998]: a line may begin so.

::: {.callout-note}
## Look
Here.
:::

| a | b |
|:--|--:|
| 1 | 2 |

***

```html
<b onclick="x">
[x]: y
```
"""
SAFE = SAFE.replace("## Look\n", "").replace("words[^a]", "words")


@pytest.mark.parametrize("text", [SAFE, "- x: y\n- #z", "'\"\\", "a\u00adb", "--- a", "* * *"])
def test_markdown_is_let_through(tmp_path, text):
    path = write(tmp_path, CHANGES + WIDE + f"    background: {json.dumps(text)}\n")
    assert load(path, also=study_checks.CHECKS)


@pytest.mark.parametrize("key", ["title", "question", "hypothesis"])
def test_other_texts_may_look_like_marks(tmp_path, key):
    text = json.dumps("{{< a >}} {#fig-x} @fig-x [x](#y) $$x^2$$ costs $5 and $6 <b> [x]: y")
    path = write(tmp_path, re.sub(f"    {key}: .*", lambda _: f"    {key}: {text}", CHANGES) + WIDE)
    assert load(path, also=study_checks.CHECKS)


def test_a_mark_that_quarto_would_read_in_the_title_is_refused(tmp_path):
    text = HEADER.replace("A small study", "'Of {{< a >}}'")
    (fault,) = report_faults(tmp_path, text)
    assert fault.startswith("line 1: title: {{ in a title is a mark to Quarto, however it is")


WORK = "@misc{a, author = {Doe, Jane}, title = {A work}, year = {2020}}\n"


@pytest.mark.parametrize(
    ("work", "said"),
    [
        (WORK.replace("A work", "学"), "the PDF's fonts do not have 学"),
        (WORK.replace("A work", "A\u202ework"), "signs that show nothing are not allowed: U+202E"),
        (WORK.replace("year", "url = {javascript:alert(1)}, year"), "not as javascript:alert(1)"),
        (WORK.replace("}}", "}").replace("2020}", "2020"), "it cannot be read as BibTeX: "),
    ],
    ids=["font", "unseen", "address", "cut off"],
)
def test_works_of_a_study_s_own_are_read_beforehand(tmp_path, monkeypatch, work, said):
    (tmp_path / "report").mkdir()
    file = tmp_path / "report" / "references.bib"
    file.write_text(WORK, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert load(write(tmp_path, HEADER), also=study_checks.CHECKS)
    file.write_text(work, encoding="utf-8")
    (fault,) = report_faults(tmp_path, HEADER)
    assert fault.startswith("report/references.bib: ")
    assert said in fault


def test_authors_of_a_study_s_own_are_looked_at(tmp_path, monkeypatch):
    (tmp_path / "CITATION.cff").write_text(
        citation.EXAMPLE.replace("\n  ", "\n").strip().replace("Doe", "学"), encoding="utf-8"
    )
    monkeypatch.chdir(tmp_path)
    (fault,) = report_faults(tmp_path, HEADER)
    assert fault.startswith("CITATION.cff: the PDF's fonts do not have 学. Write Latin")


def test_labels_are_looked_at_too(tmp_path):
    text = CHANGES + WIDE + 'label: {wide: "学 \\u202E"}\n'
    unseen, fontless = report_faults(tmp_path, text)
    assert unseen == (
        "line 12: label.wide: signs that show nothing are not allowed: U+202E. Take them out"
    )
    assert fontless.startswith(
        "line 12: label.wide: neither the figures' font nor the PDF's fonts have 学. Write Latin"
    )


def test_signs_that_no_font_of_the_pdf_has_are_refused(tmp_path):
    text = CHANGES + WIDE + "    caveat: Only for 学生, and 🙂\n"
    text = text.replace("title: A small study", "title: Größe 学").replace("?", "? 🙂", 1)
    text += "search:\n  trials: 3\n  epochs: 2\n  space: {kernel_size: [3, 5]}\n"
    text += "  prices: {a: {title: Дёшево 学, macs: 10000000}}\n"
    paper, both = "the PDF's fonts do not", "neither the figures' font nor the PDF's fonts"
    assert report_faults(tmp_path, text) == [
        f"line {line}: {key}: {fonts} have {signs}. Write Latin, Greek or Cyrillic letters and the "
        f"usual signs ({given})"
        for line, key, fonts, signs, given in [
            (1, "title", both, "学", "Größe 学"),
            (8, "questions.width.question", paper, "🙂", "Are more filters better? 🙂"),
            (12, "questions.width.caveat", paper, "学, 生, 🙂", "Only for 学生, and 🙂"),
            (17, "search.prices.a.title", both, "学", "Дёшево 学"),
        ]
    ]


def test_letters_and_signs_of_europe_and_of_mathematics_are_let_through(tmp_path):
    signs = "Größe – “naïve” … Łódź, Ωμέγα, Ёлка, ±½ × ≤ ∞ ∑ ∂ → ⇒ √ ∈ ℝ € § µm 3² H₂O ✓"
    path = write(tmp_path, HEADER.replace("A small study", json.dumps(signs)))
    assert load(path, also=study_checks.CHECKS)


# ------------------------------------------------------------------------ no such, not readable


def test_file_that_is_not_there_names_those_that_are(tmp_path):
    for name in ("second", "first"):
        (tmp_path / f"{name}.yaml").write_text(HEADER)
    with pytest.raises(UserError) as error:
        load(tmp_path / "third.yaml")
    assert str(error.value).startswith(f"There is no study file {tmp_path / 'third.yaml'}")
    assert "Studies there: first, second" in str(error.value)


def test_folder_that_is_not_there(tmp_path):
    with pytest.raises(UserError, match=r"There is no study file .*nowhere.*\.yaml"):
        load(tmp_path / "nowhere" / "mine.yaml")


def test_folder_instead_of_a_file(tmp_path):
    (tmp_path / "mine.yaml").mkdir()
    with pytest.raises(UserError, match=r"mine\.yaml is a folder, and should be a file"):
        load(tmp_path / "mine.yaml")


def test_what_is_no_file_or_too_large_is_not_read(tmp_path):
    """Whoever opened the pipe would wait for ever."""
    os.mkfifo(tmp_path / "mine.yaml")
    with pytest.raises(UserError, match=r"mine\.yaml is a pipe or device, and should be a file"):
        load(tmp_path / "mine.yaml")
    with open(tmp_path / "large.yaml", "wb") as file:
        file.truncate(10**8)
    with pytest.raises(UserError, match="has 100,000,000 bytes, and such a file at most 262,144"):
        load(tmp_path / "large.yaml")


def test_aliases_of_aliases_are_not_written_out(tmp_path):
    """Ten lists of ten of the list before: 10**9 values in nine lines."""
    text = HEADER + "a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n"
    text += "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 9))
    assert "more than 200,000 values, aliases written out" in refusal(tmp_path, text)


def test_signs_that_a_terminal_would_obey_are_written_by_their_numbers(tmp_path):
    fault, *_ = faults(tmp_path, HEADER + '"\\e[31m": 1\n')
    assert fault.startswith("line 5: \\x1b[31m: unknown key")


@pytest.mark.parametrize("text", [HEADER.encode("utf-16"), b"title: \xff\xfe\n", b"\x80"])
def test_not_utf_8(tmp_path, text):
    assert "UTF-8" in refusal(tmp_path, text)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (HEADER + "questions: [a\n", 6),
        (HEADER + "a: b: c\n", 5),
        (HEADER + "  indented: 3\n", 5),
        (HEADER + "\tseeds: 3\n", 5),
        (HEADER + "seeds: 3\n", 5),  # a key that stands twice
        (HEADER.replace("kernel_size", "filters"), 4),
        (CHANGES + WIDE + WIDE, 12),
        (HEADER + "---\n" + HEADER, 5),
        (HEADER + "x: *nothing\n", 5),
        (HEADER + "x: !!python/object/apply:os.system [ls]\n", 5),
    ],
)
def test_not_yaml_names_the_line(tmp_path, text, line):
    assert f"line {line}:" in refusal(tmp_path, text)


def test_a_key_that_stands_twice_is_named(tmp_path):
    message = refusal(tmp_path, HEADER.replace("kernel_size", "filters"))
    assert "duplicate key" in message
    assert "filters" in message


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "null\n", "- a\n", "words\n", "5\n"])
def test_top_level_that_is_no_mapping(tmp_path, text):
    (fault,) = faults(tmp_path, text)
    assert "StudyFile" not in fault, "a name of ours, not of the user's"
    assert "title" in fault, "says what a study file holds"


# ---------------------------------------------------------------- nothing but UserError, ever

STRANGE = {
    "control character": HEADER + "x: \x07\n",
    "null byte": HEADER + "x: \x00\n",
    "delete character": HEADER + "x: \x7f\n",
    "merge key": "shared: &s {kernel_size: 5}\n" + HEADER.replace("kernel_size: 3", "<<: *s"),
    "merge of a number": HEADER.replace("kernel_size: 3", "<<: 3"),
    "ordered map": HEADER.replace("{filters: [2, 3], kernel_size: 3}", "!!omap [filters: [2]]"),
    "pairs": HEADER.replace("{filters: [2, 3], kernel_size: 3}", "!!pairs [filters: [2]]"),
    "set": HEADER.replace("[2, 3]", "!!set {2, 3}"),
    "tagged number": HEADER.replace("kernel_size: 3", "kernel_size: !!int three"),
    "tagged float": HEADER.replace("kernel_size: 3", "learning_rate: !!float much"),
    "tagged truth": HEADER.replace("kernel_size: 3", "residual: !!bool maybe"),
    "tagged binary": HEADER.replace("kernel_size: 3", "activation: !!binary '###'"),
    "own tag": HEADER.replace("[2, 3]", "!mine [2, 3]"),
    "date": HEADER.replace("[2, 3]", "2020-01-01"),
    "date that is none": HEADER.replace("[2, 3]", "2020-13-45"),
    "time that is none": HEADER.replace("[2, 3]", "2020-01-01T99:00:00Z"),
    "number of 5000 digits": HEADER.replace("kernel_size: 3", f"kernel_size: {'9' * 5000}"),
    "number of 400 digits": HEADER.replace("kernel_size: 3", f"learning_rate: {'9' * 400}"),
    "hexadecimal of nothing": HEADER.replace("kernel_size: 3", "kernel_size: 0x"),
    "deep list": HEADER + "x: " + "[" * 400 + "]" * 400 + "\n",
    "deep mapping": HEADER + "x: " + "{a: " * 400 + "}" * 400 + "\n",
    "list in itself": HEADER.replace("[2, 3]", "&f [*f]"),
    "base in itself": HEADER.replace("base: {", "base: &b {").replace("[2, 3]", "*b"),
    "list as key": HEADER.replace("kernel_size", "[1, 2]"),
    "list as key at the top": HEADER + "? [a, b]\n: 4\n",
    "mapping as key": HEADER.replace("kernel_size", "{a: b}"),
    "null as key": HEADER.replace("kernel_size", "null"),
    "true as key": HEADER + "true: 4\n",
    "not a number as key": HEADER.replace("kernel_size", ".nan"),
    "half a character": HEADER.replace("A small study", '"\\ud800"'),
    "mapping in a grid": GRID + "      kernel_size: [{a: b}]\n",
    "null in a grid": GRID + "      kernel_size: [null]\n",
    "list in a list in a grid": GRID + "      filters: [[[1]]]\n",
    "parameter of no letters in a grid": GRID + "      '?': [1]\n",
    "date in a grid": GRID + "      kernel_size: [2020-01-01]\n",
    "old YAML": "%YAML 1.1\n---\n" + HEADER.replace("kernel_size: 3", "residual: yes"),
    "other YAML": "%YAML 3.0\n---\n" + HEADER,
}


def survives(folder: Path, text: str | bytes) -> None:
    """Load; nothing but a UserError may be raised, and it has a message that can be printed."""
    try:
        loaded(folder, text)
    except UserError as error:
        str(error).encode("utf-8")


@pytest.mark.parametrize("name", STRANGE)
def test_strange_yaml_raises_no_traceback(tmp_path, name):
    survives(tmp_path, STRANGE[name].encode("utf-8", "surrogatepass"))


def places(node: object, above: tuple = ()) -> list[tuple]:
    """List the places of all values in nested dictionaries and lists."""
    below = (
        node.items()
        if isinstance(node, dict)
        else enumerate(node)
        if isinstance(node, list)
        else []
    )
    return [above, *(place for key, value in below for place in places(value, (*above, key)))]


def replaced(node: object, place: tuple, value: object) -> object:
    """Copy nested containers with another value at one place."""
    if not place:
        return value
    key, *rest = place
    if isinstance(node, dict):
        return {**node, key: replaced(node[key], tuple(rest), value)}
    return [
        replaced(part, tuple(rest), value) if number == key else part
        for number, part in enumerate(node)
    ]


WHOLE = yaml.safe_load(
    CHANGES + WIDE + CHAIN + "  size:\n    title: S\n    question: S?\n    hypothesis: S.\n"
    "    grid: {kernel_size: [3, 5], pool_after: [none, [1]]}\n"
    "enhanced: wide\npublished: {file: a.csv, citation: b}\n"
)
ODD_VALUES = [None, True, -1, 2.5, "", "base", [], {"a": {}}, [None], 10**30]


@pytest.mark.parametrize(
    "place", places(WHOLE), ids=lambda place: ".".join(map(str, place)) or "top"
)
def test_any_value_anywhere_raises_no_traceback(tmp_path, place):
    """Every value of a whole study file is exchanged for odd ones (JSON is YAML)."""
    for value in ODD_VALUES:
        survives(tmp_path, json.dumps(replaced(WHOLE, place, value)))


def test_a_file_cut_off_anywhere_raises_no_traceback(tmp_path):
    text = CHANGES + WIDE + CHAIN
    for length in range(0, len(text), 5):
        survives(tmp_path, text[:length])


def test_a_character_anywhere_raises_no_traceback(tmp_path):
    text, choose = CHANGES + WIDE + CHAIN, random.Random(1)
    for _ in range(150):
        place = choose.randrange(len(text))
        odd = choose.choice("{}[]:,&*!|>'\"%@`#?-~\t\n\0é☃")
        survives(tmp_path, text[:place] + odd + text[place + choose.randrange(2) :])


# ------------------------------------------------------------------------ declared, not trained

DECLARED = """\
title: T
dataset: digits
base: {}
questions:
  width:
    title: Width
    question: Is wider better?
    hypothesis: Yes.
    changes: {wide: {filters: [32, 32]}}
  depth:
    title: Depth
    question: Is deeper better?
    hypothesis: Yes.
    trained: false
    reference: wide
    changes: {deep: {filters: [32, 32, 32], pool_after: [1, 2]}}
"""


def test_a_declared_question_is_checked_and_wants_no_runs(tmp_path):
    study = loaded(tmp_path, DECLARED)
    assert list(study.experiments) == ["base", "wide"]
    assert study.questions == {"width": ("wide",)}
    (deep,) = study.declared["depth"]
    assert (deep.id, deep.reference, deep.settings.filters) == ("deep", "wide", [32, 32, 32])


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ("title: T\n", "title: T\nenhanced: deep\n", "line 2: enhanced"),
        (
            "    hypothesis: Yes.\n    changes",
            "    hypothesis: Yes.\n    reference: deep\n    changes",
            "line 9: questions.width.reference",
        ),
    ],
)
def test_what_is_trained_cannot_rest_on_what_is_not(tmp_path, old, new, key):
    text = DECLARED.replace("reference: wide", "reference: base").replace(old, new, 1)
    (found,) = faults(tmp_path, text)
    assert key in found
    assert "the experiment deep is not trained" in found
    assert "trained: false" in found


def test_smallest_effect_is_half_a_point_unless_the_study_says_otherwise(tmp_path):
    assert loaded(tmp_path, DECLARED).smallest_effect == 0.005
    other = DECLARED.replace("title: T\n", "title: T\nsmallest_effect: 2\n", 1)
    assert loaded(tmp_path, other).smallest_effect == 0.02
    for wrong in ("0", "1e-300"):  # by the second, 10**600 test images are too few
        text = DECLARED.replace("title: T\n", f"title: T\nsmallest_effect: {wrong}\n", 1)
        said = faults(tmp_path, text)
        assert [fault.split(":")[0:2] for fault in said] == [["line 2", " smallest_effect"]]


def test_where_a_setting_is_given(tmp_path):
    """By a change, by what was changed, by the base, by a grid, or by nothing."""
    further = """\
  again:
    title: Again
    question: And slower?
    hypothesis: No.
    reference: wide
    changes:
      slow: {learning_rate: 0.0001}
  size:
    title: Size
    question: Larger kernels?
    hypothesis: No.
    grid:
      kernel_size: [3, 5]
"""
    found = loaded(tmp_path, CHANGES + WIDE + further)
    assert found.given("wide", "filters") == ("questions.width.changes.wide", 11)
    assert found.given("slow", "learning_rate") == ("questions.again.changes.slow", 18)
    assert found.given("slow", "filters") == ("questions.width.changes.wide", 11)
    assert found.given("slow", "kernel_size") == ("base", 4)
    assert found.given("kernel-size-5", "kernel_size") == ("questions.size.grid", 24)
    assert found.given("kernel-size-5", "filters") == ("base", 4)
    assert found.given("slow", "optimizer") == ("", None)
