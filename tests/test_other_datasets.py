"""Reports of datasets that are unlike CIFAR-10: uneven, many or tiny classes; what is not said."""

import base64
import html
import io
import json
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pypdfium2
import pytest
from PIL import Image

import datasets_by_hand
import records_by_hand
from cnn_study.__main__ import main
from cnn_study.archive import contents
from cnn_study.base.errors import UserError
from cnn_study.data.audit import Audit, Groups, Originals, SameImages, Spread
from cnn_study.evidence.findings import Findings
from cnn_study.evidence.results import Scores
from cnn_study.execute import local
from cnn_study.figures import draw
from cnn_study.figures.results import Results
from cnn_study.figures.words import brief, wrap_name
from cnn_study.report import study_checks, values
from cnn_study.report.render import render
from cnn_study.runs import correct_answers, look_alikes, stages
from cnn_study.runs.wanted import wanted
from cnn_study.study.merge import load
from datasets_by_hand import make_images, register
from report_by_hand import Made, unmarked

STUDY = """
title: Own images
dataset: own
judge: paired
seeds: 3
enhanced: wide
base: {filters: [2], kernel_size: 3, epochs: 2, dense_units: 0, validation_fraction: 0.2}
questions:
  width:
    title: Width
    question: How wide?
    hypothesis: Wide.
    changes: {wide: {filters: [4]}}
"""
OTHERS = ("CIFAR", "digit", "ship", "photograph", "centred", "stroke", "archive's", "so small")
"""Words that belong to datasets that come with the project."""


def said(text: str) -> str:
    """Join lines, so that a sentence can be looked for whatever its line breaks."""
    return re.sub(r"\s+", " ", unmarked(text))


def made_of(
    folder: Path, images: datasets_by_hand.MadeUp, text: str = STUDY, right: float = 0.5
) -> Made:
    """Make a study whose runs answer by chance: so many images right, the others one class on."""
    made, labels = Made(folder, text), images.images.test_labels
    classes = len(images.dataset.class_names)
    for id_ in made.study.experiments:
        for seed in made.study.seeds:
            random = np.random.default_rng(seed)
            wrong = random.random(len(labels)) >= right
            record = records_by_hand.make(made.study, id_, seed)
            answers = (labels + wrong) % classes
            records_by_hand.answering(made.study, folder, record, answers, labels)
    return made


def pages(made: Made) -> tuple[str, str]:
    """Render a report; give the page, and the text of the PDF."""
    made.text()
    html_file, pdf_file = made.folder / "index.html", made.folder / "index.pdf"
    render(made.output, html_file, pdf_file, resources=made.folder, engine="pandoc")
    with pypdfium2.PdfDocument(pdf_file) as document:
        paper = "".join(page.get_textpage().get_text_bounded() for page in document)
    return html_file.read_text(encoding="utf-8"), paper


@pytest.fixture
def text_of(tmp_path, monkeypatch) -> Callable[..., str]:
    """Write the report of a study of images with so many of each class, and join its lines."""

    def write(training, test, shape=(16, 16, 3), study=STUDY, right=0.5, **facts) -> str:
        own = register(monkeypatch, make_images(training, test, shape), **facts)
        return said(made_of(tmp_path / "own", own, study, right).text())

    return write


# ------------------------------------------------------------------------------- classes


@pytest.mark.slow
def test_of_uneven_classes_guessing_is_the_largest(text_of):
    """180 of 200 test images are healthy; the entropy of 0.9 and 0.1 is 0.3251 nats."""
    text = text_of((90, 10), (180, 20), class_names=("healthy leaf", "rust"))
    assert "always answers *healthy leaf* gets 90.0 % of the test images right" in text
    assert "comes down to 0.33 and stays there has learned how common each is" in text
    assert "one in two right" not in text
    assert "| healthy leaf | 90 | 90.0 | 180 | 90.0 |" in text
    assert "Fewer than 30 test images are there of rust: one image" in text
    assert not [word for word in OTHERS if word in text]


@pytest.mark.slow
def test_of_even_classes_guessing_gets_one_in_so_many(text_of):
    text = text_of((20,) * 4, (30,) * 4)
    assert "Guessing gets about one in four right." in text
    assert "majority baseline" not in text
    assert "answers that look at no image get at most 25.0 % of the test images right" in text


@pytest.mark.slow
def test_classes_without_images_of_a_kind_are_named(text_of):
    text = text_of((20, 20, 0), (30, 0, 30), class_names=("cat", "dog", "owl"))
    assert "There is no training image of owl, so no network can learn what that is." in text
    assert "There is no test image of dog: how often" in text
    assert "nothing here can tell, and test accuracy is that of the other classes" in text
    assert "**Classes without test images.** Of dog there is none" in text


@pytest.mark.slow
def test_many_classes_are_named_in_part_and_stand_in_a_file(text_of):
    text = text_of((3,) * 40, (2,) * 39 + (9,))
    assert "here 40: class 0, class 1," in text
    assert "class 9 and 30 more" in text
    assert "Every class has fewer than 30 test images" in text
    rows = re.findall(r"\| (class \d+) \| 3 \| ", text)
    assert len(rows) == 20
    assert rows[0] == "class 39"
    assert "of 40 classes those with the most and with the fewest images, all of them in" in text


# ------------------------------------------------------------------------------- amounts


@pytest.mark.slow
def test_few_test_images_are_said_first_with_what_they_leave_open(text_of):
    """Of 4 images all right: Wilson's interval is from 4 / (4 + 1.96²) = 51 % to 100 %."""
    text = text_of((8, 8), (2, 2), right=1)
    first = text[text.index("# What we found") :]
    assert first.startswith(
        "# What we found {#what-we-found .unnumbered} **Few test images.** Four"
    )
    assert "gets 100.0 % of them right, and would get between 51 % and 100 % of all" in first
    assert "scores 100.00 % (of all images of their kind 51 % to 100 %): the mean" in text


BALANCED = STUDY + "metric: balanced_accuracy\n"


@pytest.mark.slow
@pytest.mark.parametrize(("study", "three"), [(STUDY, True), (BALANCED, False)])
def test_what_few_images_cannot_tell_is_not_called_nothing(tmp_path, monkeypatch, study, three):
    """All of 5 images are right in all runs: up to 3 / 5 of all of their kind may tell more."""
    own = register(monkeypatch, make_images((8, 8), (3, 2), (16, 16, 3)))
    made = made_of(tmp_path / "own", own, study, right=1)
    correct_answers.keep(made.study, made.folder, own.images)
    text = said(made.text())
    assert "±0.00 points or better" not in text
    assert "to within ±0.00" not in text
    assert "| too few |" in text
    assert "these 5, 2 of the smallest class, are too few to tell: no difference changes" in text
    assert ("may still befall up to 60.0 % of all images of their kind" in text) == three
    how = (
        "**How exact this can be.** Five test images, 2 of the smallest class, tell a balanced "
        "accuracy only roughly: that of the base is the same whichever of them is left out, so "
        "they are too few to tell how much is open."
    )
    assert (how in text) != three


@pytest.mark.slow
def test_equal_scores_are_called_equal(text_of):
    text = text_of((8, 8), (3, 2), right=1)
    for sentence in (
        "the enhanced model scores the same as the base",
        "The test accuracy of the enhanced model is that of the base.",
        "All score the same, though their seeds differ.",
        "which differ in their random seed alone, score the same.",
    ):
        assert sentence in text
    for sentence in ("0.00 percentage points less", "0.0 points apart", "lie closer together"):
        assert sentence not in text


@pytest.mark.slow
def test_images_of_one_set_are_no_independent_witnesses(text_of, tmp_path, monkeypatch):
    side = Spread(smallest=16, median=16, largest=16)
    audit = Audit(
        files=20,
        originals=Originals(sizes=1, heights=side, widths=side, enlarged=0),
        near_duplicates=Groups(groups=1, images=2, largest=2),
        groups=Groups(groups=4, images=12, largest=3),
    )
    text = text_of((8, 8), (4, 4), audit=audit)
    sets = "4 groups and 1 set of near-duplicates"
    assert f"Some images come in {sets} (@sec-audit), and those of one are no independent" in text
    assert f"Images that come in sets ({sets}) tell less than as many single ones." in text
    assert "counts single images" in text
    assert "independent witnesses" not in text_of((8, 8), (4, 4))
    facts = {"audit": audit, "test_units": (0, 0, 1, 2, 2, 2, 1, 3)}
    own = register(monkeypatch, make_images((8, 8), (4, 4), (16, 16, 3)), **facts)
    made = made_of(tmp_path / "sets", own)
    correct_answers.keep(made.study, made.folder, own.images)
    text = said(made.text())
    assert "counted by sets, not by images: the 8 are four sets of one or several." in text
    assert "other images [@owen2007]. What images contribute is summed by the sets" in text
    assert "counts single images" not in text


@pytest.mark.slow
def test_groups_of_one_image_each_are_told_in_a_sentence(text_of):
    side = Spread(smallest=16, median=16, largest=16)
    originals = Originals(sizes=1, heights=side, widths=side, enlarged=0)
    audit = Audit(files=20, originals=originals, groups=Groups(groups=0, images=0, largest=0))
    text = text_of((8, 8), (4, 4), audit=audit)
    assert "By what the study says, no two images belong to one group." in text
    assert "belong to no groups" not in text


def test_what_images_leave_open_is_told_where_they_tell_it_of_every_change():
    def changes(*margins):
        told = lambda margin: SimpleNamespace(  # noqa: E731
            row={"test_images_margin": margin}, images_tell=(margin or 0) > 0
        )
        return SimpleNamespace(changes={str(i): told(m) for i, m in enumerate(margins)})

    tell = Findings.images_tell.fget
    assert tell(changes(0.03, None))
    assert not tell(changes(0.03, 0.0))
    assert not tell(changes(None))


@pytest.mark.slow
def test_classes_without_validation_images_are_named(text_of):
    """Of 22 images a fifth is held out, four, and dealt out first are those of the cat."""
    text = text_of(
        (20, 2),
        (4, 4),
        study=BALANCED,
        class_names=("cat", "dog"),
        unit_classes=(0,) * 20 + (1,) * 2,
    )
    assert (
        "Of dog none is among them: no choice goes by how well this class is recognized, and the "
        "validation balanced accuracy is a mean over the other classes." in text
    )


def compare(monkeypatch, *shares: float, telling: tuple[str, ...] = ("neighbours",)) -> None:
    """Let the nearest neighbours and logistic regression get these shares right."""
    models = (SimpleNamespace(test_accuracy=share, chosen=3.0) for share in shares)
    numbers = {"first": [1], "second": [2], "differences": [-1], "total": 1, "distance": 1.0}
    baselines = SimpleNamespace(
        **dict(zip(("neighbours", "regression"), models, strict=True)),
        telling=list(telling),
        images=8,
        reduced="",
        example=SimpleNamespace(**numbers),
        beside_chance=lambda model: "more than guessing",
        gain=lambda accuracy: 0.4,
    )
    monkeypatch.setattr(values, "baselines_of", lambda study, inspection: baselines)


@pytest.mark.slow
def test_of_baselines_that_only_guess_nothing_is_called_hard_to_beat(text_of, monkeypatch):
    compare(monkeypatch, 0.6, 0.5, telling=())
    text = text_of((8, 8), (3, 2), study=STUDY, right=0.5)
    assert "So what is near in pixels tells next to nothing of the class here." in text
    assert "Neither comparing pixels nor weighing each pixel by itself is surely better" in text
    assert "hard to beat" not in text
    assert "The network that this report begins with gets no further" not in text


@pytest.mark.slow
def test_baselines_that_the_base_does_not_pass_are_said_to_be_so(text_of, monkeypatch):
    compare(monkeypatch, 0.6, 0.5)
    text = text_of((8, 8), (3, 2), study=STUDY, right=0.5)
    assert "The network that this report begins with gets no further (@sec-base)." in text
    assert "tells next to nothing of the class here" not in text


@pytest.mark.slow
@pytest.mark.parametrize(("study", "told"), [(STUDY, False), (BALANCED, True)])
def test_baselines_are_compared_by_accuracy_and_that_is_said(text_of, monkeypatch, study, told):
    """The base gets all right, the better of the two 60 %."""
    compare(monkeypatch, 0.6, 0.5)
    text = text_of((8, 8), (3, 2), study=study, right=1)
    assert "40.00 percentage points more than the better of the two" in text
    sentence = (
        "This comparison is one of accuracy: the balanced accuracy that this study goes by has not "
        "been worked out for the two."
    )
    assert (sentence in text) == told


@pytest.mark.parametrize(("largest", "shrunk"), [(16, False), (17, True)])
def test_images_with_more_pixels_were_shrunk(monkeypatch, largest, shrunk):
    side = Spread(smallest=8, median=9, largest=largest)
    same = Spread(smallest=16, median=16, largest=16)
    audit = Audit(
        files=20, originals=Originals(sizes=2, heights=same, widths=side, enlarged=0, resize="pad")
    )
    own = register(monkeypatch, make_images((4, 4), (2, 2), (16, 16, 1)), audit=audit)
    assert own.dataset.is_shrunk == shrunk
    assert not replace(own.dataset, audit=None).is_shrunk


@pytest.mark.slow
def test_images_that_the_base_leaves_out_are_counted(text_of):
    """Of 100 training images 20 are held out, and a tenth of the other 80 is trained on."""
    text = text_of(
        (50, 50),
        (40, 40),
        study=STUDY.replace("{filters: [2],", "{training_fraction: 0.1, filters: [2],"),
    )
    assert (
        "Of the 80 that remain, the base is trained on 8, as its `training_fraction` says; 72 are "
        "left out." in text
    )
    assert "The base leaves 72 training images out" in text
    assert "No images were left out" not in text


# ------------------------------------------------------------------------------- what is known


@pytest.mark.slow
def test_what_their_owner_says_stands_where_the_images_are_told_of(text_of):
    text = text_of((20, 20), (30, 30), source="My photos_1, 2026, CC BY 4.0")
    assert "Patterns made by *chance*, a wave for each class [@lecun1998]." in text
    assert r"Source: My photos\_1, 2026, CC BY 4.0" in text
    answers = dict(re.findall(r"\| ([^|]+) \| (yes|no|not applicable) \|", text))
    assert answers["Approval by a review board?"] == "no"
    assert answers["Safeguards for what could be misused?"] == "no"
    assert answers["**Data quality.** Sources, time, labelling"] == "yes"


@pytest.mark.slow
def test_pictures_of_near_duplicates_stand_where_these_are_counted(tmp_path, monkeypatch):
    side = Spread(smallest=16, median=16, largest=16)
    originals = Originals(sizes=1, heights=side, widths=side, enlarged=0)
    sets = Groups(groups=3, images=6, largest=2, divided=1)
    audit = Audit(files=100, originals=originals, near_duplicates=sets)
    own = register(monkeypatch, make_images((40, 40), (10, 10), (16, 16, 3)), audit=audit)
    made = made_of(tmp_path / "own", own)
    assert "fig-near-duplicates" not in made.text()  # nobody has looked
    records_by_hand.look_alike(made.study, made.folder)
    made.collect()
    text = said(made.write(look_alikes=look_alikes.find(made.study, made.folder)))
    told, picture = text.index("make three sets"), text.index("{#fig-near-duplicates")
    assert "of these stands in training and test" in text[told:picture]
    assert "@fig-near-duplicates" in text[told:picture]
    assert text[picture:].index("Look-alikes {#sec-look-alikes}") < 300


@pytest.mark.slow
def test_what_was_met_in_reading_is_told(text_of):
    side = Spread(smallest=12, median=40.5, largest=900)
    audit = Audit(
        files=100,
        skipped={"cut off": 2, "empty": 1},
        ignored={"hidden files": 4},
        animations=1,
        originals=Originals(
            sizes=7, heights=side, widths=side, enlarged=5, resize="crop", kinds={"JPEG": 97}
        ),
        same_images=SameImages(sets=3, images=6, across_parts=2, across_classes=1, dropped=2),
        sixteen_bit=100,
        near_duplicates=Groups(groups=2, images=5, largest=3, across_classes=1),
        groups=Groups(groups=10, images=60, largest=9),
    )
    text = text_of((40, 40), (10, 10), audit=audit)
    for sentence in (
        "100 images were found. Three of them could not be read and were left out: "
        "2 cut off and 1 empty.",
        "Files that are no images were passed over: 4 hidden files.",
        "They are stored as 97 JPEG.",
        r"They had seven sizes, and now 16\ ×\ 16 pixels: what hung over on two sides was cut off.",
        "5 were enlarged for that; an enlarged image shows no more than it did before.",
        "Of one animation the first frame was taken.",
        "six images make three sets, of which two stood in training and test and one in two "
        "classes, where one label must be wrong. Two images were taken from the training images",
        "Five images are nearly alike and make two sets, the largest of 3; each set stands in one "
        "part. One set has images of more than one class: where they show the same, one label must "
        "be wrong.",
        "100 images were grey of sixteen bits, and brought to eight",
        "60 images belong to ten groups of two or more, the largest of 9; none of these is divided",
        "| Height | 12 | 40.50 | 900 |",
        "| Impossible or corrupt samples | yes |",
        "Three files could not be read",
    ):
        assert sentence in text


# ------------------------------------------------------------------------------- names


def load_faults(folder: Path, own: datasets_by_hand.MadeUp) -> list[str]:
    """Check a study of these images as `check` does; give what is said of classes."""
    path = folder / "own.yaml"
    path.write_text(STUDY, encoding="utf-8")
    try:
        load(path, also=study_checks.CHECKS)
    except UserError as error:
        return [line.strip() for line in str(error).splitlines() if "classes" in line]
    return []


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (
            ("蛙", "क", "cat"),
            "the font of the figures does not have: क (क). Show them under",
        ),
        (
            ("蛙", "cat"),
            "neither the figures' font nor the PDF's fonts have: 蛙 (蛙). Show them under other "
            "names: `classes",
        ),
        (("שלום", "cat"), "read from right to left, and figures set from left to right: ש, ל"),
        (("a\u200bb", "cat"), "hold signs that show nothing: U+200B (a"),
        (("x" * 61, "cat"), "names of classes have 60 characters at most, not xxx"),
    ],
)
def test_names_that_the_report_cannot_show_are_found_by_check(tmp_path, monkeypatch, names, said):
    images = make_images((4,) * len(names), (2,) * len(names), (16, 16, 1))
    faults = load_faults(tmp_path, register(monkeypatch, images, class_names=names))
    assert any(said in fault for fault in faults), faults


def test_a_sign_that_no_font_has_is_told_once(tmp_path, monkeypatch):
    """The figures' font lacks two, the PDF's one; what nobody sees is no matter of fonts."""
    names = ("蛙", "क", "a\ue000b", "cat")
    own = register(monkeypatch, make_images((4,) * 4, (2,) * 4, (16, 16, 1)), class_names=names)
    holding = "line 3: dataset: names of classes hold signs that "
    assert [fault.split(". Show")[0] for fault in load_faults(tmp_path, own)] == [
        f"{holding}show nothing: U+E000 (a\\ue000b)",
        f"{holding}neither the figures' font nor the PDF's fonts have: 蛙 (蛙)",
        f"{holding}the font of the figures does not have: क (क)",
    ]


STRANGE = (
    *("$x$", "*b*", "_u_", "[l](x)", "<b>t</b>", "a|b", "@lecun1998", "back\\slash", "NA", "null"),
    *("1e5", "007", "=1+1", "it's", '"q"', "{{< x >}}", "<< base >>", "{.class}", "#h", "`c`"),
    *("~s~", "^s^", "a--b", "a...b", "</script>", "Straße", "&amp;", "-1", "y" * 60),
)


@pytest.mark.slow
def test_names_that_look_like_marks_stay_as_they_are(tmp_path, monkeypatch):
    """In the tables, the page, its data, and in alternative texts."""
    own = register(
        monkeypatch,
        make_images((3,) * len(STRANGE), (2,) * len(STRANGE), (16, 16, 1)),
        class_names=STRANGE,
    )
    assert load_faults(tmp_path, own) == []
    page, paper = pages(made_of(tmp_path / "own", own))
    table = page[page.index('id="tbl-class-sizes"') :]
    cells = re.findall(r"<tr>\s*<t[hd][^>]*>(.*?)</t[hd]>", table[: table.index("</table>")], re.S)
    shown = [html.unescape(re.sub(r"<[^>]*>", "", cell)) for cell in cells]
    assert sorted(name for name in shown if name != "Class") == sorted(STRANGE)
    data = re.search(r'id="explorer-data"[^>]*>(.*?)</script>', page, re.S)
    assert json.loads(data[1])["classes"] == list(STRANGE)
    without_spaces = re.sub(r"\s", "", paper.replace("…", "..."))
    assert [name for name in STRANGE if re.sub(r"\s", "", name) not in without_spaces] == []


@pytest.mark.parametrize("name", STRANGE)
def test_names_are_drawn_in_full_or_told_apart(name):
    assert brief([name], 60) == [name]
    assert wrap_name(name, 10).replace("\n", "")[:30].rstrip("…") in name


def test_long_names_are_shortened_in_the_middle_unless_two_would_be_one():
    names = ["a leaf of an oak, north", "a leaf of an oak, south", "short"]
    assert brief(names, 12) == ["a leaf…orth", "a leaf…outh", "short"]
    assert brief(["a leaf of an oak", "a leaf on no oak"], 9) == [
        "a leaf of an oak",
        "a leaf on no oak",
    ]


# ------------------------------------------------------------------------------- whole reports


LEAF = {"class_names": ("healthy leaf", "leaf with rust")}
KINDS = {
    "nine to one, grey": ((90, 10), (45, 5), (28, 28, 1), LEAF),
    "a hundred classes": ((4,) * 100, (2,) * 100, (16, 16, 3), {}),
    "one test image of a class, large": ((20, 10, 10), (10, 5, 1), (72, 96, 3), {}),
    "16 training images": ((8, 8), (2, 2), (32, 32, 3), {}),
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_a_report_renders_and_says_nothing_of_other_images(tmp_path, monkeypatch, kind):
    training, test, shape, facts = KINDS[kind]
    own = register(monkeypatch, make_images(training, test, shape), **facts)
    made = made_of(tmp_path / "own", own, right=0.7)
    page, paper = pages(made)
    flat = re.sub(r"\s+", " ", paper)
    assert own.dataset.title in flat
    assert "a wave for each class" in flat
    for word in OTHERS:
        assert word not in said(made.output.read_text(encoding="utf-8"))
    assert ("The classes are not equally large" in flat) == (len(set(test)) > 1)
    assert ("Few test images." in flat) is True
    assert f"{shape[0]} × {shape[1]} pixels" in flat.replace("\xa0", " ")
    assert page.count("tbl-class-sizes") >= 2


@pytest.mark.slow
def test_figures_of_a_hundred_classes_show_those_that_tell_most(tmp_path, monkeypatch):
    """Class 7 is taken for 8 more often than any other for any; class 3 alone is never right."""
    own = register(monkeypatch, make_images((2,) * 100, (4,) * 100, (8, 8, 1)))
    made, labels = Made(tmp_path / "own", STUDY), own.images.test_labels
    for id_ in made.study.experiments:
        for seed in made.study.seeds:
            answers = labels.copy()
            answers[labels == 7] = 8
            answers[labels == 3] = 50 + seed
            record = records_by_hand.make(made.study, id_, seed)
            records_by_hand.answering(made.study, made.folder, record, answers, labels)
    made.collect()
    results = Results(made.study, made.folder / "tables", made.folder / "evidence")
    pictures = draw._pictures(made.study)
    confusion = pictures["confusion-base-and-enhanced"]
    assert confusion._shown(results) == [f"class {number}" for number in (3, 7, 8, 51, 52, 53)]
    part = confusion._part(results, "base")
    assert list(part.columns) == [*confusion._shown(results), "others"]
    assert (part.sum(axis=1) == 100).all()
    assert "Of 100 classes the 6 that are confused most often" in confusion.texts(results).caption
    bars = pictures["classes-base-and-enhanced"]._shown(results)
    assert bars[10] == "…"
    assert bars[-2:] == ["class 3", "class 7"]
    assert len(bars) == 31
    effects = pictures["class-effects"]._cells(results)
    assert {len(row) for row in effects.values()} == {30}


# ------------------------------------------------------------------------------- not public


def colours(content: bytes) -> set[bytes]:
    """Collect the colours of all rasters in a text: an SVG, or a page."""
    found: set[bytes] = set()
    for data in re.findall(rb"data:image/png;base64,([A-Za-z0-9+/=\s]+)", content):
        with Image.open(io.BytesIO(base64.b64decode(data))) as image:
            found |= {
                bytes(row)
                for row in np.unique(np.asarray(image.convert("RGB")).reshape(-1, 3), axis=0)
            }
    return found


def printed_colours(path: Path) -> set[bytes]:
    """Collect the colours of the images in a PDF."""
    found: set[bytes] = set()
    with pypdfium2.PdfDocument(path) as document:
        for page in document:
            for thing in page.get_objects(filter=[pypdfium2.raw.FPDF_PAGEOBJ_IMAGE], max_depth=9):
                pixels = thing.get_bitmap().to_numpy()[..., :3].reshape(-1, 3)
                found |= {bytes(row[::-1]) for row in np.unique(pixels, axis=0)}
    return found


@pytest.fixture(scope="module")
def noise(keras, tmp_path_factory):
    """Images of noise, whose colours are their own, and runs of a study of them."""
    random, folder = np.random.default_rng(4), tmp_path_factory.mktemp("noise")
    images = make_images((12, 12), (6, 6), (16, 16, 3))
    for part in (images.training_images, images.test_images):
        part[...] = random.integers(0, 256, part.shape)
    images.test_images[0] = images.training_images[0]  # a look-alike
    with pytest.MonkeyPatch.context() as patch:
        own = register(patch, images)
        study = load(
            _write(folder, STUDY.replace("epochs: 2", "epochs: 1").replace("seeds: 3", "seeds: 2"))
        )
        data = own.write(folder / "own.npz")
        for run in wanted(study):
            local.do(study, run, folder / "results", data)
    return folder, images


def _write(folder: Path, text: str) -> Path:
    path = folder / "own.yaml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.slow
@pytest.mark.parametrize("public", [True, False])
def test_images_that_are_not_public_are_in_nothing_that_is_made(
    noise, tmp_path, monkeypatch, one_thread_only, public
):
    """Every colour of an image is its own; where they are public, this test would see them."""
    folder, images = noise
    register(monkeypatch, images, publish_images=public)
    shutil.copytree(folder / "results", results := tmp_path / "own")
    study = str(folder / "own.yaml")
    for command in ("inspect", "look-alikes"):
        assert (
            main([command, study, "--results", str(results), "--data", str(folder / "own.npz")])
            == 0
        )
    for command in ("tables", "analyse", "confirmed", "figures", "write", "render"):
        assert main([command, study, "--results", str(results)]) == 0
    theirs = {bytes(row) for part in (images.training_images, images.test_images)
              for row in part.reshape(-1, 3)}  # fmt: skip
    page = (results / "report" / "index.html").read_bytes()
    drawn = {
        path.name: colours(path.read_bytes()) & theirs for path in results.glob("figures/*.svg")
    }
    held = {
        "page": colours(page) & theirs,
        "paper": printed_colours(results / "report" / "index.pdf") & theirs,
        **drawn,
    }
    kept = [path for path in results.rglob("*.npz") if "weights" not in path.name]
    arrays = {(path.name, name): array for path in kept for name, array in np.load(path).items()}
    shown = {key: array for key, array in arrays.items() if array.ndim > 2 and array.size}
    site = stages.Site.now(load(Path(study)), results)
    packed = [name for name in contents.products(site) if name.endswith("weights.npz")]
    live = b'id="live-network"' in page
    if public:
        assert min(len(held["page"]), len(held["paper"])) > 200
        assert all((shown, packed, live))
    else:
        assert {name: len(found) for name, found in held.items() if len(found) > 9} == {}
        assert (shown, packed, live) == ({}, [], False)
        assert "Their owner does not publish them" in said(
            (results / "report/index.qmd").read_text()
        )


# ------------------------------------------------------------------------------- probabilities


class Bins:
    """Tables of which only the bins of calibration.csv are read."""

    def __init__(self, *bins):
        self._bins = bins

    def rows(self, name):
        assert name == "calibration"
        names = ("experiment", "images", "mean_probability", "accuracy")
        return [dict(zip(names, bin_, strict=True)) for bin_ in self._bins]


def test_claiming_too_little_is_not_overstating():
    bins = Bins(
        ("timid", 0, None, None), ("timid", 30, 0.5, 0.6), ("timid", 10, 0.7, 0.8),
        ("sure", 30, 0.9, 0.6), ("sure", 10, 0.5, 0.6),
    )  # fmt: skip
    assert values._overstated(bins, "timid") == pytest.approx(-0.1)
    assert values._overstated(bins, "sure") == pytest.approx((30 * 0.3 - 10 * 0.1) / 40)
    assert values._overstated(bins, "not run") == 0


def test_errors_that_runs_of_one_experiment_differ_by_are_not_set_against_each_other():
    wide, narrow = Scores(3, 0.28, 0.09, 0.2, 0.4), Scores(3, 0.21, 0.01, 0.2, 0.22)
    assert not values._lie_apart(wide, narrow)
    assert values._lie_apart(narrow, Scores(3, 0.28, 0.02, 0.26, 0.3))
    assert not values._lie_apart(narrow, Scores(0, None, None, None, None))
