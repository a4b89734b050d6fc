"""Figures: planned and written files, the numbers in caption and alternative text, both looks."""

import csv
import json
import os
import re
import struct
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from cnn_study import figures
from cnn_study.errors import UserError
from cnn_study.study import load

PROJECT = Path(__file__).resolve().parents[1]
STUDY = """
title: Digits
dataset: digits
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
"""
SCORES = {
    "base": (0.50, 0.60),
    "kernel-size-3": (0.625, 0.635),
    "filters-4-8-kernel-size-3": (0.80, 0.90),
    "filters-4-8": (0.70, 0.72),
    "learning-rate-1": (0.10, 0.20),
}
DEVIATIONS = {
    "base": 0.0707107,
    "kernel-size-3": 0.00707107,
    "filters-4-8-kernel-size-3": 0.0707107,
    "filters-4-8": 0.0141421,
    "learning-rate-1": 0.0707107,
}
"""Of two scores: their distance divided by the square root of two."""
COMPLETE = ("complete", "complete")


# ------------------------------------------------------------------------------- tables


def make_study(folder: Path, text: str = STUDY):
    path = folder / "small.yaml"
    path.write_text(text)
    return load(path)


def write_csv(path: Path, rows: list[dict]) -> None:
    columns = dict.fromkeys(name for row in rows for name in row)
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rows)


def make_tables(folder: Path, study, statuses: dict[str, tuple[str, str]]) -> Path:
    """Tables of two seeds an experiment, complete unless `statuses` says otherwise."""
    folder.mkdir()
    runs, epochs, experiments, confusion = [], [], [], []
    for id_, experiment in study.experiments.items():
        status = statuses.get(id_, COMPLETE)
        done = [
            score for score, word in zip(SCORES[id_], status, strict=True) if word == "complete"
        ]
        for seed, (word, score) in enumerate(zip(status, SCORES[id_], strict=True), start=1):
            run = {"experiment": id_, "seed": seed, "status": word}
            runs.append(run | {"test_accuracy": score if word == "complete" else ""})
            if word != "missing":
                epochs += [make_epoch(id_, seed, epoch) for epoch in (1, 2)]
        counts = {
            f"{word}_runs": status.count(word)
            for word in ("complete", "diverged", "failed", "missing")
        }
        summary = {
            "mean": sum(done) / len(done) if done else "",
            "standard_deviation": DEVIATIONS[id_] if len(done) == 2 else "",
            "smallest": min(done, default=""),
            "largest": max(done, default=""),
        }
        experiments.append(
            {"experiment": id_, "planned_runs": 2, **counts, "macs": experiment.macs}
            | {f"test_accuracy_{name}": value for name, value in summary.items()}
        )
        if done:
            confusion += make_confusion(id_, study.dataset.class_names)
    write_csv(folder / "runs.csv", runs)
    write_csv(folder / "epochs.csv", epochs or [dict.fromkeys(make_epoch("", 1, 1), "")])
    write_csv(folder / "experiments.csv", experiments)
    write_csv(
        folder / "confusion.csv", confusion or [dict.fromkeys(make_confusion("", "0")[0], "")]
    )
    base, rate = (statuses.get(id_, COMPLETE) == COMPLETE for id_ in ("base", "learning-rate-1"))
    write_csv(
        folder / "published.csv",
        [
            make_printed("width", "base", 0.63, (0.50, 0.60) if base else ()),
            make_printed("rate", "learning-rate-1", 0.95, (0.10, 0.20) if rate else ()),
        ],
    )
    return folder


def make_epoch(id_: str, seed: int, epoch: int) -> dict:
    training, validation = 0.1 * epoch + 0.02 * seed, 0.2 * epoch + 0.02 * seed
    row = {"experiment": id_, "seed": seed, "epoch": epoch}
    return row | {"training_accuracy": training, "validation_accuracy": validation}


def make_confusion(id_: str, names) -> list[dict]:
    """Nine of ten images right, but 3 of 10 threes are taken for eights, all zeros right."""
    rows = []
    for true in names:
        right, other = {"0": (10, "1"), "3": (7, "8")}.get(true, (9, "0"))
        for predicted in names:
            images = right if predicted == true else 10 - right if predicted == other else 0
            rows.append(
                {"experiment": id_, "true_class": true, "predicted_class": predicted}
                | {"images": images, "runs": 2}
            )
    return rows


def make_printed(comparison: str, id_: str, printed: float, scores: tuple) -> dict:
    """A row whose interval reaches 0.2 to both sides."""
    row = {"comparison": comparison, "model": 1, "filters": "2-4", "experiment": id_}
    row |= {"published_test_accuracy": printed, "complete_runs": len(scores)}
    names = ("test_accuracy_mean", "prediction_lower", "prediction_upper", "inside")
    if not scores:
        return row | dict.fromkeys(names, "")
    mean, reach = sum(scores) / 2, 0.2
    inside = str(mean - reach <= printed <= mean + reach).lower()
    return row | dict(zip(names, (mean, mean - reach, mean + reach, inside), strict=True))


def draw(folder: Path, statuses: dict[str, tuple[str, str]]):
    study = make_study(folder)
    figures.draw(study, make_tables(folder / "tables", study, statuses), folder / "figures")
    return folder / "figures"


@pytest.fixture(scope="module")
def full(tmp_path_factory):
    return draw(tmp_path_factory.mktemp("full"), {})


@pytest.fixture(scope="module")
def partial(tmp_path_factory):
    return draw(
        tmp_path_factory.mktemp("partial"),
        {
            "base": ("complete", "diverged"),
            "kernel-size-3": ("failed", "missing"),
            "learning-rate-1": ("diverged", "diverged"),
        },
    )


@pytest.fixture(scope="module")
def empty(tmp_path_factory):
    return draw(tmp_path_factory.mktemp("empty"), dict.fromkeys(SCORES, ("missing", "missing")))


def index(folder: Path) -> dict[str, dict]:
    return json.loads((folder / "figures.json").read_text())


def written_words(svg: Path) -> list[str]:
    """What Matplotlib notes beside the outlines of each line of text."""
    return re.findall(r"<!-- (.*?) -->", svg.read_text())


# ------------------------------------------------------------------------------- files


def test_writes_exactly_what_was_planned(full):
    planned = figures.planned(make_study(full.parent))
    assert sorted(planned) == sorted(path.name for path in full.iterdir())
    assert planned[:3] == [
        "learning-curves-base-and-enhanced.svg",
        "learning-curves-base-and-enhanced-dark.svg",
        "learning-curves-base-and-enhanced.png",
    ]
    assert planned[-1] == "figures.json"


def test_index_names_file_and_experiments_of_each_figure(full):
    found = index(full)
    assert list(found) == [
        "learning-curves-base-and-enhanced",
        "base-and-enhanced",
        "confusion-base-and-enhanced",
        "accuracy-and-cost",
        "published-and-ours",
        "width-and-kernel-size",
        "rate",
    ]
    assert all(entry["file"] == f"{id_}.svg" for id_, entry in found.items())
    assert found["rate"]["experiments"] == ["base", "learning-rate-1"]
    assert found["published-and-ours"]["experiments"] == ["base", "learning-rate-1"]
    assert found["width-and-kernel-size"]["experiments"] == [
        "kernel-size-3",
        "base",
        "filters-4-8-kernel-size-3",
        "filters-4-8",
    ]


def test_equal_tables_give_equal_bytes_whatever_the_users_style(full, tmp_path):
    import matplotlib

    study = make_study(full.parent)
    with matplotlib.rc_context({"font.size": 20, "svg.fonttype": "none", "lines.linewidth": 9}):
        figures.draw(study, full.parent / "tables", tmp_path)
        assert matplotlib.rcParams["font.size"] == 20
    for path in full.iterdir():
        assert (tmp_path / path.name).read_bytes() == path.read_bytes(), path.name


def test_svg_is_small_xml_without_fonts_or_dates(full):
    for path in full.glob("*.svg"):
        content = path.read_text()
        ElementTree.fromstring(content)
        assert len(content) < 150_000, path.name
        assert "<text" not in content
        assert "<dc:date>" not in content


def test_png_is_as_wide_as_the_text_at_200_dots_an_inch(full):
    for path in full.glob("*.png"):
        width, _ = struct.unpack(">II", path.read_bytes()[16:24])
        assert width == 6.3 * 200


def test_light_and_dark_say_the_same_in_their_own_colours(full):
    for id_ in index(full):
        light, dark = (full / f"{id_}.svg"), (full / f"{id_}-dark.svg")
        assert written_words(light) == written_words(dark)
        assert figures.LIGHT.text in light.read_text()
        assert figures.DARK.text in dark.read_text()
        assert figures.DARK.text not in light.read_text()
        assert not re.search(f"fill: {figures.LIGHT.page}[^>]*id=.patch_1", dark.read_text())


# ------------------------------------------------------------------------------- numbers


def test_grid_says_every_mean(full):
    entry = index(full)["width-and-kernel-size"]
    assert "filters 2-4, kernel size 3: 63.0 % (n = 2)" in entry["alt"]
    assert "filters 2-4, kernel size 5: 55.0 % (n = 2)" in entry["alt"]
    assert "filters 4-8, kernel size 3: 85.0 % (n = 2)" in entry["alt"]
    assert "filters 4-8, kernel size 5: 71.0 % (n = 2)" in entry["alt"]
    assert entry["caption"].startswith("Width and kernel size: test accuracy by filters")
    assert "between 55.0 % (base) and 85.0 % (filters-4-8-kernel-size-3)" in entry["caption"]
    assert "standard deviation" in entry["caption"]
    assert "n = 2 complete runs of each experiment." in entry["caption"]


def test_grid_writes_means_and_deviations_in_its_cells(full):
    words = written_words(full / "width-and-kernel-size.svg")
    assert {"55.0", "63.0", "71.0", "85.0", "± 7.1", "± 0.7", "± 1.4"} <= set(words)
    assert {"Kernel size (pixels)", "Filters", "Test accuracy (%)", "2-4", "4-8"} <= set(words)


def test_strip_says_mean_and_number_of_runs(full):
    entry = index(full)["rate"]
    assert "base 55.0 % (n = 2); learning-rate-1 15.0 % (n = 2)" in entry["alt"]
    assert "between 15.0 % (learning-rate-1) and 55.0 % (base)" in entry["caption"]
    words = written_words(full / "rate.svg")
    assert {"base", "learning-rate-1", "55.0 %  (n = 2)", "15.0 %  (n = 2)"} <= set(words)


def test_learning_curves_say_first_and_last_epoch(full):
    entry = index(full)["learning-curves-base-and-enhanced"]
    expected = (
        "base, epoch 1 to 2: training accuracy goes from 13.0 % to 23.0 %, "
        "validation accuracy goes from 23.0 % to 43.0 %."
    )
    assert expected in entry["alt"]
    assert "bands: from the smallest to the largest seed" in entry["caption"]


def test_confusion_says_best_and_worst_class_and_largest_error(full):
    expected = "base: correct from 70 % (3) to 100 % (0); largest error: 30 % of 3 taken for 8."
    assert expected in index(full)["confusion-base-and-enhanced"]["alt"]
    words = written_words(full / "confusion-base-and-enhanced.svg")
    assert [words.count(number) for number in ("100", "90", "70", "30")] == [2, 16, 2, 2]


def test_cost_says_operations_and_accuracy_cheapest_first(full):
    study = make_study(full.parent)
    alt = index(full)["accuracy-and-cost"]["alt"]
    by_cost = sorted(study.experiments.values(), key=lambda experiment: experiment.macs)
    places = [alt.index(f" {experiment.id}: ") for experiment in by_cost]
    assert places == sorted(places)
    assert f"base: {study.experiments['base'].macs / 1000:.3g} thousand MACs, 55.0 %" in alt
    assert set(study.experiments) <= set(written_words(full / "accuracy-and-cost.svg"))


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
    assert figures._operations(macs) == words


def test_published_says_both_values_and_whether_inside(full):
    entry = index(full)["published-and-ours"]
    assert "width, base: published 63.0 %, ours 55.0 % (n = 2), inside" in entry["alt"]
    assert "rate, learning-rate-1: published 95.0 %, ours 15.0 % (n = 2), outside" in entry["alt"]
    assert "The published value lies inside in 1 of 2 rows." in entry["caption"]
    assert "95 % prediction interval" in entry["caption"]
    words = written_words(full / "published-and-ours.svg")
    assert {"width", "rate", "n = 2, inside", "n = 2, outside"} <= set(words)


# ------------------------------------------------------------------------------- what is not there


def test_runs_that_are_not_complete_stand_in_picture_and_caption(partial):
    words = written_words(partial / "rate.svg")
    assert {"50.0 %  (n = 1)", "1 of 2 diverged"} <= set(words)
    assert {"no complete run yet", "2 of 2 diverged"} <= set(words)
    caption = index(partial)["rate"]["caption"]
    assert "n = 0 to 1 complete runs" in caption
    assert "base: 1 of 2 diverged; learning-rate-1: 2 of 2 diverged." in caption
    assert "learning-rate-1 no complete run yet" in index(partial)["rate"]["alt"]


def test_grid_names_cells_without_runs_or_with_one(partial):
    words = written_words(partial / "width-and-kernel-size.svg")
    assert {"one run", "no complete", "run yet", "failed", "missing"} <= set(words)
    alt = index(partial)["width-and-kernel-size"]["alt"]
    assert "filters 2-4, kernel size 3: no complete run yet" in alt
    assert "filters 2-4, kernel size 5: 50.0 % (n = 1)" in alt


def test_diverged_runs_are_not_part_of_curves(partial):
    entry = index(partial)["learning-curves-base-and-enhanced"]
    assert "base, epoch 1 to 2: training accuracy goes from 12.0 % to 22.0 %" in entry["alt"]
    words = written_words(partial / "learning-curves-base-and-enhanced.svg")
    assert "1 of 2 diverged" in words


def test_cost_and_published_name_what_they_cannot_show(partial):
    assert any(
        "no complete run yet: kernel-size-3, learning-rate-1" in words
        for words in written_words(partial / "accuracy-and-cost.svg")
    )
    assert "no complete run yet" in written_words(partial / "published-and-ours.svg")
    assert "inside in" not in index(partial)["published-and-ours"]["caption"]


def test_without_any_run_every_figure_says_so(empty):
    assert sorted(figures.planned(make_study(empty.parent))) == sorted(
        path.name for path in empty.iterdir()
    )
    for id_, entry in index(empty).items():
        assert written_words(empty / f"{id_}.svg") == ["no complete run yet"]
        assert "no complete run yet" in entry["alt"]
        assert "2 of 2 missing" in entry["caption"]
        assert "nan" not in (entry["alt"] + entry["caption"]).lower()


def test_captions_and_alternatives_hold_no_gaps(full, partial):
    for folder in (full, partial):
        for entry in index(folder).values():
            for text in (entry["caption"], entry["alt"]):
                assert text.endswith(".")
                assert "  " not in text
                assert "nan" not in text.lower()


# ------------------------------------------------------------------------------- plan


def test_planning_imports_nothing_to_draw_with(tmp_path):
    make_study(tmp_path)
    code = (
        "import sys; from pathlib import Path; from cnn_study import figures, study;"
        "print(len(figures.planned(study.load(Path('small.yaml')))));"
        "heavy = {'matplotlib', 'seaborn', 'pandas', 'scipy', 'keras', 'tensorflow'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(PROJECT / "src")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split("\n")[:2] == ["22", "[]"]


def test_study_without_enhanced_or_published_has_fewer_figures(tmp_path):
    lines = [line for line in STUDY.splitlines() if not line.startswith(("enhanced", "published"))]
    planned = figures.planned(make_study(tmp_path, "\n".join(lines)))
    assert "base-and-enhanced.svg" not in planned
    assert "published-and-ours.svg" not in planned
    assert "learning-curves-base-and-enhanced.svg" in planned


@pytest.mark.parametrize("name", ["accuracy-and-cost", "width-and-kernel-size-dark"])
def test_question_that_would_overwrite_a_figure_is_refused(tmp_path, name):
    study = make_study(tmp_path, STUDY.replace("  rate:", f"  {name}:"))
    with pytest.raises(UserError, match=rf"questions\.{name}: .* choose another id"):
        figures.planned(study)


@pytest.mark.parametrize(
    "grid",
    ["{learning_rate: [0.1, 0.01]}", "{learning_rate: [0.1], epochs: [2], dense_units: [8, 9]}"],
)
def test_grid_of_one_or_three_parameters_is_a_strip(tmp_path, grid):
    text = STUDY.replace("changes: {learning-rate-1: {learning_rate: 1.0}}", f"grid: {grid}")
    picture = figures._pictures(make_study(tmp_path, text))["rate"]
    assert isinstance(picture, figures.Strip)
    assert picture.experiments[0] == "base"
    assert len(picture.experiments) == 3


def test_grid_finds_cells_by_value_not_by_how_it_is_written(tmp_path):
    grid = "grid: {learning_rate: [1, 0.001], residual: [false, true]}"
    text = STUDY.replace("changes: {learning-rate-1: {learning_rate: 1.0}}", grid)
    picture = figures._pictures(make_study(tmp_path, text))["rate"]
    assert picture.levels == (("1", "0.001"), ("no", "yes"))
    assert picture.cells[1] == ("base", "residual-true")


# ------------------------------------------------------------------------------- labels and colours


@pytest.mark.parametrize(
    "points",
    [
        [(100.0, 50.0), (103.0, 52.0), (104.0, 48.0), (290.0, 50.0)],
        [(200.0, 100.0 + place) for place in range(12)],
    ],
    ids=["apart", "many at one cost"],
)
def test_labels_cover_neither_points_nor_each_other(points):
    taken = [(x - 5, y - 5, x + 5, y + 5) for x, y in points]
    labels = []
    for point in points:
        box = figures._best_box(point, (90, 9), [*taken, *labels], (0, 0, 400, 200))
        assert figures._outside(box, (0, 0, 400, 200)) == 0
        assert figures._hits([box], [*taken, *labels]) == 0
        labels.append(box)


def test_overlap_is_symmetric_and_touching_is_none():
    one = (0, 0, 2, 2)
    assert figures._overlap(one, (1, 1, 3, 3))
    assert figures._overlap((1, 1, 3, 3), one)
    assert not figures._overlap(one, (2, 0, 4, 2))


@pytest.mark.parametrize("look", [figures.LIGHT, figures.DARK], ids=["light", "dark"])
def test_colours_stand_out_from_the_page(look):
    """WCAG 2.2: 4.5 for text, 3 for graphics."""
    assert figures._contrast(look.text, look.page) > 7
    assert figures._contrast(look.muted, look.page) > 4.5
    assert all(figures._contrast(color, look.page) > 3 for color in look.series)


def test_contrast_of_black_and_white_is_21():
    assert figures._contrast("#000000", "#ffffff") == pytest.approx(21)
    assert figures._contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)
