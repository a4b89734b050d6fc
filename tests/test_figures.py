"""Figures: planned and written files, both looks, what runs that are not complete do to them."""

import re
import struct
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import pytest

from cnn_study.__main__ import main
from cnn_study.base.errors import UserError
from cnn_study.figures.classes import Confusion
from cnn_study.figures.colors import DARK_PAGE
from cnn_study.figures.draw import _pictures, draw, planned_figures
from cnn_study.figures.effects import Effects
from cnn_study.figures.levels import Curve, Grid
from cnn_study.figures.picture import image
from cnn_study.figures.words import operations
from figures_by_hand import (
    COMPLETE,
    DIVERGED,
    MISSING,
    Made,
    index,
    make_study,
    plain,
    written_words,
)

pytestmark = pytest.mark.slow

PROJECT = Path(__file__).resolve().parents[1]
STUDY = """
title: Digits
dataset: digits
judge: paired
seeds: 2
enhanced: filters-4-8-kernel-size-3
published: {file: printed.csv, citation: somebody}
base: {filters: [2, 4], kernel_size: 5, epochs: 2}
questions:
  width-and-kernel-size:
    title: Width and kernel size
    question: Which?
    hypothesis: Both.
    grid: {filters: [[2, 4], [4, 8]], kernel_size: [3, 5]}
  rate:
    title: Learning rate
    question: Which?
    hypothesis: None.
    changes: {learning-rate-1: {learning_rate: 1.0}}
  later:
    title: Later
    question: Which?
    hypothesis: None.
    trained: false
    changes: {epochs-5: {epochs: 5}}
"""
RATES = "changes: {learning-rate-1: {learning_rate: 1.0}}"
SCORES = {
    "base": (0.50, 0.60),
    "kernel-size-3": (0.625, 0.635),
    "filters-4-8-kernel-size-3": (0.80, 0.90),
    "filters-4-8": (0.70, 0.72),
    "learning-rate-1": (0.10, 0.20),
}
"""The deviation of two scores is their distance divided by the square root of two."""

IDS = [
    "overview",
    "receptive-field",
    "descent",
    "architecture",
    "learning-curves-base-and-enhanced",
    "loss-curves-base-and-enhanced",
    "base-and-enhanced",
    "confusion-base-and-enhanced",
    "classes-base-and-enhanced",
    "reliability-base-and-enhanced",
    "accuracy-and-calibration",
    "run-spread",
    "accuracy-and-cost",
    "published-and-ours",
    "group-size",
    "group-training",
    "effects-all",
    "class-effects",
    "test-habits",
    "width-and-kernel-size",
    "width-and-kernel-size-contrasts",
    "width-and-kernel-size-effects",
    "width-and-kernel-size-training",
    "rate-training",
]


def make(folder: Path, statuses: dict[str, tuple[str, str]]) -> Made:
    base, rate = (id_ not in statuses for id_ in ("base", "learning-rate-1"))
    printed = [
        make_printed("width", "base", 0.63, (0.50, 0.60) if base else ()),
        make_printed("rate", "learning-rate-1", 0.95, (0.10, 0.20) if rate else ()),
    ]
    return Made(folder, STUDY, SCORES, statuses=statuses, printed=printed)


def make_printed(comparison: str, id_: str, printed: float, scores: tuple) -> dict:
    """A row whose interval reaches 0.2 to both sides."""
    row = {"comparison": comparison, "model": "1", "filters": "2-4", "experiment": id_}
    row |= {"published_test_accuracy": printed, "complete_runs": len(scores)}
    if not scores:
        return row
    mean, reach = sum(scores) / 2, 0.2
    inside = mean - reach <= printed <= mean + reach
    row |= {"test_accuracy_mean": mean, "inside": inside}
    return row | {"prediction_lower": mean - reach, "prediction_upper": mean + reach}


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Made:
    return make(tmp_path_factory.mktemp("full"), {})


@pytest.fixture(scope="module")
def full(made) -> Path:
    return made.draw()


@pytest.fixture(scope="module")
def partial(tmp_path_factory) -> Made:
    return make(
        tmp_path_factory.mktemp("partial"),
        {
            "base": (COMPLETE, DIVERGED),
            "kernel-size-3": ("failed", MISSING),
            "learning-rate-1": (DIVERGED, DIVERGED),
        },
    )


@pytest.fixture(scope="module")
def empty(tmp_path_factory) -> Path:
    statuses = dict.fromkeys(SCORES, (MISSING, MISSING))
    return make(tmp_path_factory.mktemp("empty"), statuses).draw()


# ------------------------------------------------------------------------------- files


def test_writes_exactly_what_was_planned(made, full):
    planned = planned_figures(made.study, False)
    assert sorted(planned) == sorted(path.name for path in full.iterdir())
    assert planned[:3] == ["overview.svg", "receptive-field.svg", "descent.svg"]
    assert planned[-1] == "figures.json"


def test_index_names_file_and_runs_of_each_figure(full):
    found = index(full)
    assert list(found) == IDS
    assert all(entry["file"] == f"{id_}.svg" for id_, entry in found.items())
    both = [1, 2]
    assert found["group-training"]["runs"] == {"base": both, "learning-rate-1": both}
    assert found["effects-all"]["runs"] == dict.fromkeys(SCORES, both)
    assert found["class-effects"]["runs"] == dict.fromkeys(SCORES, both)
    assert found["published-and-ours"]["runs"] == {"base": both, "learning-rate-1": both}
    assert list(found["width-and-kernel-size"]["runs"]) == [
        "kernel-size-3",
        "base",
        "filters-4-8-kernel-size-3",
        "filters-4-8",
    ]
    assert all(entry["caption"].endswith(plain(entry["count"])) for entry in found.values())


def test_equal_tables_give_equal_bytes_whatever_the_users_style(made, full, tmp_path):
    import matplotlib

    with matplotlib.rc_context({"font.size": 20, "svg.fonttype": "none", "lines.linewidth": 9}):
        made.draw(tmp_path)
        assert matplotlib.rcParams["font.size"] == 20
    for path in full.iterdir():
        assert (tmp_path / path.name).read_bytes() == path.read_bytes(), path.name


def test_drawn_side_by_side_they_are_the_same(made, full, tmp_path):
    draw(made.study, made.tables, made.evidence, tmp_path, processes=2)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        path.name for path in full.iterdir()
    )
    for path in full.iterdir():
        assert (tmp_path / path.name).read_bytes() == path.read_bytes(), path.name


def test_svg_is_small_xml_without_fonts_or_dates(full):
    for path in full.glob("*.svg"):
        content = path.read_text()
        ElementTree.fromstring(content)
        assert len(content) < 150_000, path.name
        assert "<text" not in content
        assert "<dc:date>" not in content


@pytest.mark.parametrize(("id_", "inches"), [("group-size", 350 / 72), ("architecture", 6.3)])
def test_png_is_as_wide_as_its_figure_at_200_dots_an_inch(made, id_, inches):
    width, _ = struct.unpack(">II", image(made.picture(id_), made.results, "png")[16:24])
    assert width == int(inches * 200)


def test_png_files_for_slides_are_written_where_they_are_asked_for(made, full, tmp_path):
    study = str(made.study.path)
    assert main(["figures", study, "--results", str(made.folder), "--png", str(tmp_path)]) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        path.name.replace(".svg", ".png") for path in full.iterdir()
    )
    drawn = image(made.picture("group-training"), made.results, "png")
    assert (tmp_path / "group-training.png").read_bytes() == drawn


def test_every_colour_of_a_figure_has_its_dark_counterpart(full):
    for path in full.glob("*.svg"):
        rules, drawing = path.read_text().split("</style>", 1)
        assert f"@media {DARK_PAGE}" in rules
        for part, color in set(re.findall(r"(fill|stroke): (#[0-9a-f]{6})", drawing)):
            dark = re.search(rf'\[style\*="{part}: {color}"\]{{{part}:(#[0-9a-f]{{6}})', rules)
            assert dark, (path.name, part, color)
            assert dark[1] != color


# ------------------------------------------------------------------------------- numbers


def test_grid_says_every_mean(full):
    entry = index(full)["width-and-kernel-size"]
    assert "filters 2-4, kernel size 3: 63.0 % (n = 2)" in entry["alt"]
    assert "filters 2-4, kernel size 5: 55.0 % (n = 2)" in entry["alt"]
    assert "filters 4-8, kernel size 3: 85.0 % (n = 2)" in entry["alt"]
    assert "filters 4-8, kernel size 5: 71.0 % (n = 2)" in entry["alt"]
    assert entry["caption"].startswith("Width and kernel size: test accuracy by filters")
    assert "n = 2 complete runs" in entry["caption"]


def test_grid_writes_means_and_deviations_in_its_cells(made):
    words = made.words("width-and-kernel-size")
    assert {"55.0", "63.0", "71.0", "85.0", "± 7.1", "± 0.7", "± 1.4"} <= set(words)
    assert {"Kernel size (pixels)", "Filters", "Test accuracy (%)", "2-4", "4-8"} <= set(words)


def test_grid_draws_the_interval_of_each_mean(made):
    """Two runs of 50 and 60 have the interval 55 ± 12.706 · 7.071 / √2."""
    axes = made.picture("width-and-kernel-size")._draw(made.results).axes[1]
    bars = [line.get_ydata() for line in axes.get_lines() + axes.artists]
    assert any(list(bar) == pytest.approx([-8.53, 118.53], abs=0.01) for bar in bars)


def test_learning_curves_say_first_and_last_epoch(full):
    entry = index(full)["learning-curves-base-and-enhanced"]
    expected = (
        "base, epoch 1 to 2: training accuracy goes from 13.0 % to 23.0 %, "
        "validation accuracy goes from 23.0 % to 43.0 %."
    )
    assert expected in entry["alt"]


def test_confusion_says_best_and_worst_class_and_largest_error(made, full):
    expected = "base: correct from 70 % (3) to 100 % (0); largest error: 30 % of 3 taken for 8."
    assert expected in index(full)["confusion-base-and-enhanced"]["alt"]
    words = made.words("confusion-base-and-enhanced")
    assert [words.count(number) for number in ("100", "90", "70", "30")] == [2, 16, 2, 2]


def test_cost_says_operations_and_validation_accuracy_cheapest_first(made, full):
    alt = index(full)["accuracy-and-cost"]["alt"]
    by_cost = sorted(made.study.experiments.values(), key=lambda experiment: experiment.macs)
    names = [made.study.full_label(experiment.id) for experiment in by_cost]
    places = [alt.index(f" {name}: ") for name in names]
    assert places == sorted(places)
    macs = made.study.experiments["base"].macs
    assert f"base: {macs / 1000:.3g} thousand MACs, 55.0 %" in alt
    assert (
        {"base + kernel 3×3", "base + rate 1"} < set(names) <= set(made.words("accuracy-and-cost"))
    )


@pytest.mark.parametrize(
    ("macs", "words"),
    [
        (950, "950 MACs"),
        (12_345, "12.3 thousand MACs"),
        (999_900, "1 million MACs"),
        (1_471_104, "1.47 million MACs"),
    ],
)
def test_operations_have_three_digits(macs, words):
    assert operations(macs) == words


def test_published_says_both_values_and_whether_inside(made, full):
    entry = index(full)["published-and-ours"]
    assert "width, base: published 63.0 %, ours 55.0 % (n = 2), inside" in entry["alt"]
    assert "rate, base + rate 1: published 95.0 %, ours 15.0 % (n = 2), outside" in entry["alt"]
    assert "1 of 2 rows" in entry["caption"]
    words = made.words("published-and-ours")
    assert {"width", "rate", "base", "base + rate 1", "inside", "outside"} <= set(words)


# ------------------------------------------------------------------------------- what is not there


def test_runs_that_are_not_complete_stand_in_picture_and_caption(partial):
    assert "does not train" in partial.words("group-training")
    caption = partial.caption("group-training")
    assert "n =" not in caption
    assert "Without runs to compare: base + rate 1: does not train." in caption
    assert "Does not train: base + rate 1." in partial.alt("group-training")
    of_width = partial.caption("width-and-kernel-size-effects")
    assert "base: 1 of 2 diverged; base + kernel 3×3: 1 of 2 failed, 1 of 2 missing." in of_width


def test_grid_names_cells_without_runs_or_with_one(partial):
    words = partial.words("width-and-kernel-size")
    assert {"one run", "no complete", "run yet", "failed", "missing"} <= set(words)
    alt = partial.alt("width-and-kernel-size")
    assert "filters 2-4, kernel size 3: no complete run yet" in alt
    assert "filters 2-4, kernel size 5: 50.0 % (n = 1)" in alt
    caption = partial.caption("width-and-kernel-size")
    assert "n = 0 to 2 complete runs" in caption
    assert "base + kernel 3×3: 1 of 2 failed, 1 of 2 missing; base: 1 of 2 diverged." in caption


def test_diverged_runs_are_not_part_of_curves(partial):
    expected = "base, epoch 1 to 2: training accuracy goes from 12.0 % to 22.0 %"
    assert expected in partial.alt("learning-curves-base-and-enhanced")
    assert "1 of 2 diverged" in partial.words("learning-curves-base-and-enhanced")


def test_cost_and_published_name_what_they_cannot_show(partial):
    expected = "no complete run yet: base + kernel 3×3, base + rate 1"
    assert any(expected in words for words in partial.words("accuracy-and-cost"))
    assert "no complete run yet" in partial.words("published-and-ours")
    assert " rows" not in partial.caption("published-and-ours")


def test_one_pair_is_a_difference_without_an_interval(partial):
    """The base has one complete run, 50 %; filters-4-8 has 70 % with that seed."""
    alt = partial.alt("width-and-kernel-size-effects")
    assert "filters 4-8 +20.00 (n = 1): too few seeds" in alt
    assert "kernel 3×3: does not train" in alt
    assert "+20.00  (n = 1)" in partial.words("width-and-kernel-size-effects")
    assert "n = 1 pair of runs" in partial.caption("width-and-kernel-size-effects")


def test_without_any_run_every_figure_says_so(empty):
    names = sorted(planned_figures(make_study(empty.parent / "again", STUDY), False))
    assert names == sorted(path.name for path in empty.iterdir())
    runless = ("receptive-field", "descent", "architecture")
    entries = {id_: entry for id_, entry in index(empty).items() if id_ not in runless}
    for id_, entry in entries.items():
        assert written_words((empty / f"{id_}.svg").read_text()) == ["no complete run yet"]
        said = entry["alt"] + entry["caption"]
        assert "no complete run yet" in said or "not run" in said, id_
        assert "nan" not in said.lower()


def test_captions_and_alternatives_hold_no_gaps(made, partial):
    for one in (made, partial):
        for id_ in IDS:
            for text in (one.caption(id_), one.alt(id_)):
                assert text.endswith(".")
                assert "  " not in text
                assert ".." not in text
                assert "nan" not in text.lower()


# ------------------------------------------------------------------------------- plan


def test_planning_imports_nothing_to_draw_with(tmp_path):
    make_study(tmp_path, STUDY)
    code = (
        "import sys; from pathlib import Path; from cnn_study.figures.draw import planned_figures;"
        "from cnn_study.study.merge import load;"
        "print(len(planned_figures(load(Path('small.yaml')), False)));"
        "heavy = {'matplotlib', 'seaborn', 'pandas', 'scipy', 'keras', 'tensorflow', 'jinja2'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split("\n")[:2] == [str(len(IDS) + 1), "[]"]


def test_study_without_enhanced_or_published_has_fewer_figures(tmp_path):
    lines = [line for line in STUDY.splitlines() if not line.startswith(("enhanced", "published"))]
    planned = planned_figures(make_study(tmp_path, "\n".join(lines)), False)
    assert "base-and-enhanced.svg" not in planned
    assert "published-and-ours.svg" not in planned
    assert "learning-curves-base-and-enhanced.svg" in planned


def test_study_of_the_base_alone_compares_nothing(tmp_path):
    text = "title: T\ndataset: digits\nbase: {epochs: 2}\n"
    assert list(_pictures(make_study(tmp_path, text))) == [
        "receptive-field",
        "descent",
        "architecture",
        "learning-curves-base-and-enhanced",
        "loss-curves-base-and-enhanced",
        "confusion-base-and-enhanced",
        "classes-base-and-enhanced",
        "reliability-base-and-enhanced",
        "accuracy-and-calibration",
        "run-spread",
        "accuracy-and-cost",
    ]


@pytest.mark.parametrize(
    ("seeds", "change", "there"),
    [
        (1, "{learning_rate: 1.0}", False),
        (1, "{watch_test: true}", False),
        (2, "{watch_test: true, validation_fraction: 0}", True),
        (2, "{learning_rate: 1.0}", True),
        (2, "{validation_fraction: 0}", False),
    ],
)
def test_selection_bias_is_there_where_a_choice_can_be_made(tmp_path, seeds, change, there):
    text = f"""
title: T
dataset: digits
judge: paired
seeds: {seeds}
base: {{epochs: 2}}
questions:
  one: {{title: T, question: Q?, hypothesis: H., changes: {{changed: {change}}}}}
"""
    assert ("test-habits" in _pictures(make_study(tmp_path, text))) == there


def test_all_effects_are_not_drawn_again_on_more_pages_than_anybody_leafs_through(tmp_path):
    """Thirty questions of nine changes: the figures of their groups show them all the same."""

    def names(questions: int) -> list[str]:
        asked = "".join(
            f"  q-{n}: {{title: T, question: Q?, hypothesis: H., changes: {{"
            + ", ".join(f"c-{n}-{m}: {{learning_rate: 0.{n:02}{m}}}" for m in range(1, 10))
            + "}}\n"
            for n in range(1, questions + 1)
        )
        text = STUDY[: STUDY.index("questions:")] + "questions:\n" + asked
        lines = [line for line in text.splitlines(True) if not line.startswith("enhanced")]
        return planned_figures(make_study(tmp_path, "".join(lines)), False)

    assert len([name for name in names(15) if name.startswith("effects-all")]) > 1
    many = names(30)
    assert not [name for name in many if name.startswith("effects-all")]
    assert len([name for name in many if name.startswith("group-training")]) > 4


@pytest.mark.parametrize(
    "name",
    [
        "run-spread",
        "accuracy-and-cost",
        "loss-curves-base-and-enhanced",
        "effects-all",
        "class-effects",
        "test-habits",
        "width-and-kernel-size-contrasts",
        "width-and-kernel-size-effects",
    ],
)
def test_question_that_would_overwrite_a_figure_is_refused(tmp_path, name):
    study = make_study(tmp_path, STUDY.replace("  rate:", f"  {name}:"))
    with pytest.raises(UserError, match=rf"questions\.{name}: .* choose another id") as refusal:
        planned_figures(study, False)
    assert str(refusal.value).count("questions.") == 1


def test_question_with_the_id_of_another_ones_curve_is_refused(tmp_path):
    rates = "changes: {rate-1: {learning_rate: 1.0}, rate-2: {learning_rate: 2.0}}"
    text = STUDY.replace(RATES, rates).replace("  width-and-kernel-size:", "  rate-curve:")
    with pytest.raises(UserError, match=r"questions\.rate-curve: .* has this name already"):
        planned_figures(make_study(tmp_path / "taken", text), False)
    planned_figures(make_study(tmp_path / "free", text.replace(rates, RATES)), False)


def test_grid_whose_forest_would_overwrite_a_figure_is_refused(tmp_path):
    text = STUDY.replace("  width-and-kernel-size:", "  class:")
    with pytest.raises(UserError, match=r"questions\.class: its figure class-effects is"):
        planned_figures(make_study(tmp_path, text), False)


def test_questions_that_are_only_declared_have_no_figures(made):
    assert "later" in made.study.declared
    assert not [name for name in planned_figures(made.study, False) if "later" in name]


@pytest.mark.parametrize(
    "grid",
    ["{learning_rate: [0.1, 0.01]}", "{learning_rate: [0.1], epochs: [2], dense_units: [8, 9]}"],
)
def test_grid_of_one_or_three_parameters_has_no_heat_map(tmp_path, grid):
    pictures = _pictures(make_study(tmp_path, STUDY.replace(RATES, f"grid: {grid}")))
    assert isinstance(pictures["rate"], Effects)
    assert pictures["rate"].experiments[0] == "base"
    assert len(pictures["rate"].experiments) == 3
    assert "rate-effects" not in pictures


def test_grid_of_two_parameters_has_a_heat_map_and_a_forest(made):
    pictures = _pictures(made.study)
    assert isinstance(pictures["width-and-kernel-size"], Grid)
    forest = pictures["width-and-kernel-size-effects"]
    assert isinstance(forest, Effects)
    assert forest.reference == "base"


def test_grid_finds_cells_by_value_not_by_how_it_is_written(tmp_path):
    grid = "grid: {learning_rate: [1, 0.001], residual: [false, true]}"
    picture = _pictures(make_study(tmp_path, STUDY.replace(RATES, grid)))["rate"]
    assert picture.levels == (("1", "0.001"), ("no", "yes"))
    assert picture.cells[1] == ("base", "residual-true")


@pytest.mark.parametrize(
    ("changes", "label", "points"),
    [
        (
            "{b: {learning_rate: 0.01}, a: {learning_rate: 0.0001}}",
            "Learning rate",
            ((0.0001, "a"), (0.001, "base"), (0.01, "b")),
        ),
        (
            "{a: {batch_size: 64}, b: {batch_size: 16}}",
            "Batch size (images)",
            ((16, "b"), (32, "base"), (64, "a")),
        ),
        (
            "{a: {filters: [2]}, b: {filters: [2, 4, 4]}}",
            "Convolutions",
            ((1, "a"), (2, "base"), (3, "b")),
        ),
        (
            "{a: {dense_units: 0}, b: {dense_units: 8, epochs: 2}}",
            "Dense units",
            ((0, "a"), (8, "b"), (64, "base")),
        ),
    ],
)
def test_one_number_with_three_values_has_a_curve(tmp_path, changes, label, points):
    text = STUDY.replace(RATES, f"changes: {changes}")
    curve = _pictures(make_study(tmp_path, text))["rate-curve"]
    assert isinstance(curve, Curve)
    assert (curve.label, curve.points, curve.reference) == (label, points, "base")


@pytest.mark.parametrize(
    "changes",
    [
        "{a: {learning_rate: 0.01}}",
        "{a: {learning_rate: 0.01}, b: {epochs: 3}}",
        "{a: {learning_rate: 0.01, epochs: 3}, b: {learning_rate: 0.02}}",
        "{a: {activation: tanh}, b: {activation: gelu}}",
        "{a: {filters: [3, 6]}, b: {filters: [8, 16]}}",
        "{a: {filters: [4, 8, 8]}, b: {filters: [3, 6]}}",
        "{a: {pool_after: [2]}, b: {pool_after: [1, 2]}}",
        "{a: {residual: true}}",
    ],
)
def test_anything_else_has_none(tmp_path, changes):
    text = STUDY.replace(RATES, f"changes: {changes}")
    assert "rate-curve" not in _pictures(make_study(tmp_path, text))


def test_figures_of_the_published_study_are_planned():
    from cnn_study.study.merge import load

    pictures = _pictures(load(PROJECT / "experiments" / "cifar10.yaml"))
    assert isinstance(pictures["depth-curve"], Curve)
    assert isinstance(pictures["width-and-kernel-size-effects"], Effects)
    assert isinstance(pictures["confusion-base-and-enhanced"], Confusion)


# ------------------------------------------------------------------------------- networks, trust


def test_networks_are_drawn_from_their_layers_without_any_run(empty):
    entries = index(empty)
    said = entries["architecture"]["alt"]
    assert "image 8×8×1; convolution 5×5 8×8×2; max pooling 2×2 4×4×2" in said
    assert said.count("classes 10") == 2
    # A kernel of 3 sees 3; pooling by 2 adds 1; the next kernel adds 2 steps of 2.
    assert (
        "3 after convolution 1, 4 after max pooling 1, 8 after" in entries["receptive-field"]["alt"]
    )
    assert "n =" not in entries["architecture"]["caption"]


BLOCKS = """\
title: T
dataset: digits
enhanced: filters-4-8
base: {filters: [8, 64, 16], epochs: 2, head: global_average_pooling, dense_units: 0}
questions:
  block:
    title: Block
    question: Do blocks help?
    hypothesis: They do.
    changes:
      filters-4-8: {filters: [8, 16, 16, 16, 16, 16, 16, 16, 32, 32], block: inverted_residual,
                    pool_after: [1, 3], pooling: strided_convolution, squeeze_excitation: 4}
"""


def test_a_block_is_drawn_as_one(made, tmp_path):
    """Kernels of 3: 3, then 2 steps of 2 pixels more for the next, 4 for those after a stride."""
    pictures = _pictures(make_study(tmp_path, BLOCKS))
    first, second = pictures["architecture"]._values(made.results)["networks"].values()
    assert first[1:4] == [
        "convolution 3×3 8×8×8",
        "max pooling 2×2 4×4×8",
        "convolution 3×3 4×4×64",
    ]
    assert second[:4] == [
        "image 8×8×1",
        "convolution 3×3, stride 2 4×4×8",
        "inverted residual 3×3 4×4×16",
        "inverted residual 3×3, stride 2 2×2×16",
    ]
    networks = pictures["receptive-field"]._values(made.results)["networks"]
    assert networks[1][1][:4] == [
        ("convolution 1", 3),
        ("inverted residual 2", 7),
        ("inverted residual 3", 11),
        ("inverted residual 4", 19),
    ]


def test_words_below_blocks_do_not_touch(made, tmp_path):
    figure = _pictures(make_study(tmp_path, BLOCKS))["architecture"]._draw(made.results)
    figure.draw_without_rendering()
    for axes in figure.axes:
        boxes = [text.get_window_extent() for text in axes.texts]
        assert len(boxes) > 5
        assert all(left.x1 < right.x0 for left, right in pairwise(boxes))
        assert boxes[-1].x1 < figure.bbox.x1


def test_squares_of_what_is_seen_lie_on_whole_pixels(made):
    """On images of 8×8, a side of 3 starts at 2 and one of 4 at 2: (8 − 3) // 2."""
    axes = made.picture("receptive-field")._draw(made.results).axes[1]
    corners = [patch.get_xy() for patch in axes.patches]
    assert corners[:4] == [(2, 2), (2, 2), (2, 2), (2, 2)]
    assert all(float(number).is_integer() for corner in corners for number in corner)


def test_networks_that_see_equally_far_share_a_panel(made, tmp_path):
    text = STUDY.replace("enhanced: filters-4-8-kernel-size-3", "enhanced: filters-4-8")
    same = Made(tmp_path, text, SCORES)
    assert "base and enhanced" in same.words("receptive-field")
    assert len(same.picture("receptive-field")._draw(same.results).axes) == 1
    assert same.alt("receptive-field").count("after convolution 1") == 1
    assert len(made.picture("receptive-field")._draw(made.results).axes) == 2


def test_larger_squares_are_spoken_of_where_there_are_some(made, tmp_path):
    """Kernels of 5 see 5, 6 and 14 pixels of 8; kernels of 3 see 8 at most."""
    assert made.values("receptive-field")["is_beyond"]
    assert "larger than the image" in made.caption("receptive-field")
    text = "title: T\ndataset: digits\nbase: {filters: [2, 4], kernel_size: 3, epochs: 2}\n"
    small = _pictures(make_study(tmp_path, text))["receptive-field"]
    assert not small._values(made.results)["is_beyond"]
    assert "larger than the image" not in small.texts(made.results).caption


def test_calibration_names_base_enhanced_and_extremes(made):
    """Every experiment has runs with errors of 4 and 6 points."""
    alt = made.alt("accuracy-and-calibration")
    assert "base (base): 55.0 %, error 5.0 points" in alt
    assert "enhanced (best by validation images): 85.0 %, error 5.0" in alt
    assert "base + rate 1 (lowest accuracy): 15.0 %" in alt
    assert "kernel 3×3" not in alt
    words = made.words("accuracy-and-calibration")
    assert {"base", "base + rate 1", "Expected calibration error (points)"} <= set(words)


def test_classes_stand_in_the_order_of_their_recall(made):
    # The enhanced model's runs have 4 points more of class 0 than of the others.
    said = made.alt("classes-base-and-enhanced")
    enhanced = said[said.index("enhanced:") :]
    assert enhanced.index(" 0 ") < enhanced.index(" 1 ")
    assert "base: 0 55 %, 1 55 %" in made.alt("classes-base-and-enhanced")


def test_reliability_says_error_and_what_the_surest_answers_are_worth(made):
    said = made.alt("reliability-base-and-enhanced")
    # Two runs with errors of 4 and 6 points.
    assert "base: expected calibration error 5.0 points" in said
    assert "30 images" in made.caption("reliability-base-and-enhanced")


def test_a_drawing_written_shortly_keeps_its_places():
    from cnn_study.figures.picture import slim

    long = (
        b'<g transform="translate(10.123456 20.5)">\n   <use xlink:href="#DejaVuSans-4c" '
        b'transform="translate(61.28125 0)"/>\n <path d="M 1.23456 2 \nL -0.004 3.5 \nz" '
        b'transform="scale(0.015625)" style="fill: #0072b2"/></g>'
    )
    assert slim(long) == (
        b'<g transform="translate(10.12 20.5)">\n<use xlink:href="#s4c" x="61.28"/>\n'
        b'<path d="M1.23 2L-0 3.5z" transform="scale(0.015625)" style="fill: #0072b2"/></g>'
    )


def test_dollar_signs_are_no_mathematics(tmp_path):
    """In a question's title and a label, one of which could not be set at all."""
    text = STUDY.replace("title: Learning rate", "title: What costs $5 and $6")
    text = text.replace("title: Digits", "title: Digits\nlabel: {learning-rate-1: 'a $$x^2$ {{'}")
    words = Made(tmp_path, text, SCORES).words("effects-all")
    assert "What costs $5 and $6" in words
    assert "a $$x^2$ {{" in words


ONCE = """
title: T
dataset: digits
enhanced: wide
seeds: 2
base: {epochs: 1}
questions:
  one:
    title: T
    question: Q?
    hypothesis: H.
    changes: {wide: {filters: [4]}}
"""


def test_the_only_epoch_is_drawn_as_points(tmp_path):
    """A line of one point shows nothing: each mean and each run has a mark."""
    made = Made(tmp_path, ONCE, {"base": (0.5, 0.6), "wide": (0.6, 0.7)}, losses=(0.5,))
    for id_ in ("learning-curves-base-and-enhanced", "loss-curves-base-and-enhanced"):
        axes = made.picture(id_).draw(made.results).axes[0]
        assert [line.get_marker() for line in axes.lines] == ["s"] * 3 + ["o"] * 3
        assert "one epoch: training" in made.alt(id_)
        assert "of the only epoch: mean (large)" in made.caption(id_)
        assert "lowest" not in made.caption(id_) + " ".join(made.words(id_))


def test_several_epochs_are_drawn_as_lines(tmp_path):
    text = ONCE.replace("epochs: 1", "epochs: 2")
    made = Made(tmp_path, text, {"base": (0.5, 0.6), "wide": (0.6, 0.7)}, losses=(0.5, 0.4))
    axes = made.picture("learning-curves-base-and-enhanced").draw(made.results).axes[0]
    assert {line.get_marker() for line in axes.lines} == {"None"}


def test_the_base_alone_needs_no_names_of_other_marks(tmp_path):
    alone = "title: T\ndataset: digits\nseeds: 1\nbase: {epochs: 1}\n"
    made = Made(tmp_path, alone, {"base": (0.5,)}, losses=(0.5,))
    assert not {"Other experiments", "Pareto front"} & set(made.words("accuracy-and-cost"))
    assert "Steps" not in made.caption("accuracy-and-cost")


def test_models_in_one_place_can_all_be_seen(tmp_path):
    """Equal scores for equal arithmetic: the mark below is the larger."""
    text = ONCE.replace("wide: {filters: [4]}", "wide: {learning_rate: 0.1}")
    made = Made(tmp_path, text, dict.fromkeys(("base", "wide"), (0.5, 0.5)), losses=(0.5,))
    marks = [
        line
        for line in made.picture("overview").draw(made.results).axes[0].lines
        if line.get_marker() != "None"
    ]
    assert [mark.get_markersize() for mark in marks] == [12, 7.5]
    assert not {"Pareto front"} & set(made.words("accuracy-and-cost"))


def test_where_every_seed_chooses_the_same_the_caption_expects_nothing(tmp_path):
    made = Made(tmp_path, ONCE, dict.fromkeys(("base", "wide"), (0.5, 0.5)), losses=(0.5,))
    assert "Expected is" not in made.caption("test-habits")
    assert "Every seed chooses the same." in made.caption("test-habits")


def test_where_all_is_right_no_error_is_the_largest(made, monkeypatch):
    picture = made.picture("confusion-base-and-enhanced")
    nothing = {"share": 0.0, "true": "0", "predicted": "1"}
    best = {"share": 100.0, "name": "0"}
    extremes = {"best": best, "worst": best, "error": nothing}
    monkeypatch.setattr(type(picture), "_extremes", lambda self, shares: extremes)
    assert "base: all correct." in picture.texts(made.results).alt
