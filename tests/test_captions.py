"""Templates of captions: each figure has one, no result is typed, nothing undefined is printed."""

import re
from pathlib import Path

import pytest
from jinja2 import meta

from cnn_study.base.errors import UserError
from cnn_study.base.metrics import METRICS
from cnn_study.base.sources import sources_of
from cnn_study.base.templates import Templates
from cnn_study.figures import draw, texts
from cnn_study.figures.levels import Curve
from cnn_study.figures.picture import Picture
from cnn_study.runs import stages
from cnn_study.study.merge import load

PROJECT = Path(__file__).resolve().parents[1]
TEMPLATES = sorted(texts.FOLDER.iterdir())
SHARED = {"figure", "parts", "inspected", "search"}
"""Templates that those of figures take up."""

OF_TRIALS = {"search-trials", "search-rounds"}
"""Of which a study has one: its search has rounds, or it has none."""

ALLOWED_NUMBERS = {
    "95": "percent: the level of every interval; how often a prediction interval holds",
    "100": "what a row of percentages adds up to",
    "15": "bins of the calibration error",
    "0.5": "percent: shares below it are written as blank",
    "0.05": "p: the error of a family of tests",
    "50": "points at which the colour of an occlusion map is fullest",
    "0": "where counting of test images starts",
    "1": "the first epoch",
    "2.5": "percentile",
    "97.5": "percentile",
}


def classes(kind: type = Picture) -> list[type[Picture]]:
    """The figures that are drawn: whatever has no further kinds."""
    further = [each for each in kind.__subclasses__() if each.__module__.startswith("cnn_study")]
    return [leaf for each in further for leaf in classes(each)] or [kind]


def named_in(template: str) -> set[str]:
    """The values that a template names, and those it takes up."""
    environment = texts._templates()._environment
    tree = environment.parse((texts.FOLDER / f"{template}.txt.j2").read_text())
    names = meta.find_undeclared_variables(tree)
    for file in meta.find_referenced_templates(tree):
        names |= named_in(file.removesuffix(".txt.j2"))
    return names


def test_each_figure_has_a_template_of_its_own_and_none_is_left_over():
    used = [kind.template for kind in classes()]
    assert len(set(used)) == len(used) > 20
    assert {f"{name}.txt.j2" for name in {*used, *SHARED}} == {path.name for path in TEMPLATES}


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_no_result_is_typed(path):
    prose = re.sub(r"<#.*?#>|<%.*?%>|<<.*?>>|t-SNE", " ", path.read_text(), flags=re.DOTALL)
    assert set(re.findall(r"\d+(?:[.,]\d+)*", prose)) <= set(ALLOWED_NUMBERS)


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_templates_do_not_calculate(path):
    tags = re.findall(r"(?:<<|<%)(.*?)(?:>>|%>)", path.read_text(), re.DOTALL)
    without_texts = [re.sub(r'"[^"]*"', "", tag) for tag in tags]
    assert [tag for tag in without_texts if re.search(r"[*/]|\bsum\b|\bround\b", tag)] == []


@pytest.mark.slow
def test_every_value_that_a_figure_of_the_published_study_hands_over_is_used():
    from cnn_study.figures.look_alikes import WithinParts
    from cnn_study.figures.results import Results
    from cnn_study.runs import inspections, look_alikes

    study, folder = load(PROJECT / "experiments" / "cifar10.yaml"), PROJECT / "results" / "cifar10"
    inspected = inspections.find(study, folder)
    looked = look_alikes.find(study, folder)
    results = Results(study, folder / "tables", folder / "evidence", inspected, looked)
    pictures = draw._pictures(study, inspected=True, looked=True)
    pictures |= {"near-duplicates": WithinParts(tuple(study.dataset.class_names))}  # of own images
    unused = {
        id_: sorted(handed_over - named_in(picture.template))
        for id_, picture in pictures.items()
        if (handed_over := set(picture._values(results) | picture._behind(results)))
        - named_in(picture.template)
    }
    assert unused == {}
    drawn, known = {each.template for each in pictures.values()}, {k.template for k in classes()}
    assert len(drawn & OF_TRIALS) == 1
    assert drawn | OF_TRIALS | {"others"} == known


@pytest.mark.parametrize("is_beyond", [None, False, True])
def test_a_value_that_is_not_there_stops_the_figure_with_template_and_line(is_beyond):
    """Named on line 7, in a condition; the height, which is None, is printed on line 17."""
    values = {"height": None, "width": 8, "networks": [], "called": str}
    values |= {} if is_beyond is None else {"is_beyond": is_beyond}
    expected = "line 7: 'is_beyond' is undefined" if is_beyond is None else "line 17: a value"
    with pytest.raises(UserError, match=rf"receptive-field\.txt\.j2, {expected}") as refusal:
        texts.write("receptive-field", values)
    assert str(refusal.value).endswith("The figure was not drawn.")


def test_a_template_that_is_missing_is_named():
    with pytest.raises(UserError, match=r"unheard-of\.txt\.j2"):
        texts.write("unheard-of", {})


def test_the_caption_ends_with_its_count_and_numbers_keep_their_units():
    said = texts.write("search-importance", {"trials": 8, "importances": [("kernel_size", -0.005)]})
    assert said.count == "n\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}8 trials."
    assert said.caption.endswith(f" {said.count}")
    assert said.alt.endswith(": kernel size −0.50.")


@pytest.mark.parametrize("is_logarithmic", [False, True])
def test_a_curve_says_where_its_axis_is_logarithmic(is_logarithmic):
    curve = Curve("the rate", "Rate", ((0.1, "a"),), "base", "Rates")
    values = {"figure": curve, "is_logarithmic": is_logarithmic, "is_cut_off": False, "means": []}
    values |= {"complete": (3, 3), "summaries": [], "called": str, "metric": METRICS["auc"]}
    said = texts.write("curve", values)
    assert "Rates: test AUC over the rate" in said.caption
    assert ("over the rate (logarithmic);" in said.caption) == is_logarithmic
    assert said.count == "n\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}3 complete runs of each experiment."


def test_folders_are_searched_in_their_order(tmp_path):
    for name in ("own", "given"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.j2").write_text(f"{name} << number | twice >>\n;\nend << last >>")
    (tmp_path / "given" / "b.j2").write_text("b")
    folders = [tmp_path / "own", tmp_path / "given"]
    templates = Templates(folders, {"twice": lambda number: 2 * number}, "No.", {"last": "it"})
    assert templates.fill("a.j2", {"number": 3}) == "own 6;\nend it"
    assert templates.fill("b.j2", {}) == "b"


def test_a_changed_template_makes_the_figures_stale():
    site = stages.Site(load(PROJECT / "experiments" / "digits.yaml"), PROJECT / "results")
    figures = stages.STAGES["figures"]
    assert figures.reads(site)["captions"] == TEMPLATES
    assert Path(texts.__file__) in sources_of(figures.module)
