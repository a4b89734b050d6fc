"""The report's text: what is printed comes from the tables, what is missing is said in words."""

import ast
import json
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pypandoc
import pytest
import yaml

import records_by_hand
from cnn_study.base.errors import UserError
from cnn_study.base.inference import Effect
from cnn_study.evidence.findings import Findings
from cnn_study.evidence.judged import Change
from cnn_study.report import data, filters, pictures, templates, values
from cnn_study.report.pandoc import run_pandoc
from cnn_study.report.results import Row
from cnn_study.report.write import TEMPLATE
from cnn_study.study import settings
from cnn_study.study.merge import load
from report_by_hand import PLAIN, SCORES, WITH_ALL, Made, unmarked

PROJECT = Path(__file__).resolve().parents[1]
TEMPLATES = sorted((PROJECT / "report").rglob("*.j2"))


def make_plain(folder: Path) -> Made:
    made = Made(folder, PLAIN)
    for experiment, scores in SCORES.items():
        made.runs(experiment, scores)
    return made


def make_whole(folder: Path) -> Made:
    made = Made(folder, WITH_ALL)
    for experiment, scores in SCORES.items():
        made.runs(experiment, (*scores, sum(scores) / 2))
    return made.runs("filters-4-8", (0.70, 0.72, 0.74))


@pytest.fixture
def plain(tmp_path) -> Made:
    return make_plain(tmp_path)


@pytest.fixture
def whole(tmp_path) -> Made:
    return make_whole(tmp_path)


@pytest.fixture(scope="module")
def plain_text(tmp_path_factory) -> str:
    """The text of the plain study as it is, written once."""
    return make_plain(tmp_path_factory.mktemp("plain")).text()


@pytest.fixture(scope="module")
def whole_text(tmp_path_factory) -> str:
    """The text of the study with all as it is, written once."""
    return make_whole(tmp_path_factory.mktemp("whole")).text()


def test_the_abstract_says_what_the_report_is(plain_text):
    """A line of it that was not indented once ended the front matter."""
    _, head, _ = plain_text.split("---\n", 2)
    abstract = yaml.safe_load(head)["abstract"]
    assert "convolutional neural network" in abstract
    assert unmarked(abstract) == abstract


@pytest.fixture(scope="session")
def published_study(tmp_path_factory) -> str:
    """The text of the study that the project publishes, from made-up runs."""
    folder = tmp_path_factory.mktemp("published")
    study = load(PROJECT / "experiments" / "cifar10.yaml")
    made = Made.__new__(Made)
    made.folder, made.study, made.output = folder, study, folder / "report" / "index.qmd"
    for place, id_ in enumerate(study.experiments):
        kept = study.experiments[id_].settings.validation_fraction > 0
        for seed in study.seeds:
            score = 0.3 + 0.6 * place / len(study.experiments) + 0.003 * seed
            made.add(id_, seed, test=score, validation=score if kept else None)
    return made.text()


def words(text: str) -> str:
    """Join lines, so that a sentence can be looked for whatever its line breaks."""
    return re.sub(r"[ \n]+", " ", unmarked(text))


def row(text: str, id_: str, table: str) -> list[str]:
    """Find the cells of an experiment's row in the table with this id."""
    text = unmarked(text)
    before = text[: text.index(f"{{#{table}}}")]
    lines = before[before.rindex("|:--") :].splitlines()
    found = [line for line in lines if line.startswith(f"| {id_} |")]
    return [cell.strip() for cell in found[0].strip("|").split("|")]


# ------------------------------------------------------------------------------- strictness


@pytest.mark.slow
def test_how_to_make_it_again_goes_by_where_the_study_is(tmp_path):
    made = make_plain(tmp_path / "experiments")
    alone = made.text()
    assert "In the study's folder, with cnn-study" in words(alone)
    assert "conda env create" not in alone
    (tmp_path / "src" / "cnn_study").mkdir(parents=True)
    cloned = made.write()
    assert "In a clone of the project, two commands" in words(cloned)
    assert "snakemake --cores all --config study=small" in cloned


def test_unknown_key_stops_with_template_and_line(plain, tmp_path):
    plain.collect()
    template = tmp_path / "report" / "index.qmd.j2"
    (template.parent / "parts").mkdir(parents=True)
    template.write_text('Fine: << base.complete >>\n\n<% include "parts/part.j2" %>\n')
    (template.parent / "parts" / "part.j2").write_text("one\n\n<< base.sharpness >>\n")
    plain.output = tmp_path / "out" / "index.qmd"
    with pytest.raises(UserError, match=r"parts/part\.j2, line 3: .*no attribute 'sharpness'"):
        plain.write(template=template)
    assert not plain.output.exists()


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("one\n<< base.test. >>\n", 2),
        ("<% for x in y %>\n", 1),
        ("\n\n<< unheard_of >>\n", 3),
        ("\n<< base | unheard_of >>\n", 2),
        ('\n<% include "unheard_of.j2" %>', 2),
    ],
)
def test_faulty_template_is_named_with_its_line(tmp_path, text, line):
    template = tmp_path / "a.qmd.j2"
    template.write_text(text)
    with pytest.raises(UserError, match=rf"a\.qmd\.j2, line {line}: "):
        templates.fill(template, {"base": SimpleNamespace(test=1)})


@pytest.mark.parametrize("nothing", [None, float("nan")])
def test_what_is_not_there_is_never_printed(tmp_path, nothing):
    template = tmp_path / "a.qmd.j2"
    template.write_text("one\n<< value >>\n")
    with pytest.raises(UserError, match=r"a\.qmd\.j2, line 2: .* not there"):
        templates.fill(template, {"value": nothing})


@pytest.mark.slow
def test_a_failed_write_leaves_the_earlier_report(plain, tmp_path):
    before = plain.text()
    faulty = tmp_path / "faulty.j2"
    faulty.write_text("<< unheard_of >>")
    with pytest.raises(UserError):
        plain.write(template=faulty)
    assert plain.output.read_text(encoding="utf-8") == before
    there = sorted(path.name for path in plain.output.parent.iterdir())
    assert there == ["claims.csv", "index.qmd", "page.html", "scripts"]


@pytest.mark.slow
def test_same_tables_give_same_bytes(whole):
    assert whole.text() == whole.write()


def test_missing_tables_are_named_with_the_command(plain):
    with pytest.raises(
        UserError, match=r"experiments\.csv\. Make it first: python -m cnn_study tables STUDY"
    ):
        plain.write()


def test_tables_of_another_study_are_refused(plain, tmp_path):
    plain.collect()
    other = tmp_path / "other.yaml"
    other.write_text(PLAIN.replace("filters: [2, 4]", "filters: [2, 5]"))
    plain.study = load(other)
    with pytest.raises(UserError, match=r"are not those of .*other\.yaml"):
        plain.write()


def test_missing_figures_are_named(plain):
    plain.collect()
    index = plain.folder / "figures" / "figures.json"
    there = json.loads(index.read_text())
    index.write_text(json.dumps({key: there[key] for key in there if key != "architecture"}))
    with pytest.raises(UserError, match="architecture"):
        plain.write()
    index.unlink()
    with pytest.raises(UserError, match=r"figures\.json"):
        plain.write()


@pytest.mark.slow
def test_sizes_of_each_layer_are_told_as_they_are(tmp_path):
    """8 x 8 pixels less a first kernel of 5 would be 4 x 4; 8 x 8, pooled, times 4 maps are 64."""
    sizes = "kernel_size: [5, 3], dense_units: [6, 5]"
    made = Made(tmp_path, PLAIN.replace("kernel_size: 3", sizes)).runs("base", (0.5, 0.6))
    text = " ".join(unmarked(made.text()).split())
    assert (
        "first kernels of 5\\ ×\\ 5 pixels would take away four rows and as many columns, " in text
    )
    assert "first feature maps would have 4\\ ×\\ 4 numbers" in text
    assert "the hidden dense layers of the base are followed by ReLU" in text
    assert "two hidden layers, one after the other, of 6-5 outputs" in text
    assert "The first hidden dense layer takes 64 features to 6 units" in text
    assert "| `dense_1` | 6 |" in text
    assert "| `dense_2` | 5 |" in text


def test_no_record_at_all_is_no_report(tmp_path):
    made = Made(tmp_path, PLAIN)
    made.collect()
    with pytest.raises(UserError, match="no run of this study has a record"):
        made.write()


# ------------------------------------------------------------------------------- no typed results

ALLOWED_NUMBERS = {
    "0": "what an edge detector answers on an even area, what ReLU makes of negative numbers",
    "1": "what probabilities add up to, upper end of scaled pixels, numbering of a list",
    "−1": "lower end of scaled pixels",
    "2": "side of a pooling window",
    "255": "largest pixel value",
}
SOURCE_NUMBERS = {
    "source-ranthilake2021.qmd.j2": {"3", "4", "7", "8", "16", "32", "64"},  # its settings
}


def prose(template: str) -> str:
    """Strip what is not prose: tags, comments, formulas, code, attributes, ids, citations."""
    for pattern in (
        r"<#.*?#>",
        r"<%.*?%>",
        r"<<.*?>>",
        r"^---$.*?^date",
        r"\$\$.*?\$\$",
        r"\$[^$\n]+\$",
        r"```.*?```",
        r"\{[^{}]*\}",
        r"\]\([^)]*\)",
        r"@[\w-]+(, chap\. \d+)?",
        r"sha256",
    ):
        template = re.sub(pattern, " ", template, flags=re.DOTALL | re.MULTILINE)
    return template


def test_prose_is_found():
    assert prose("a << b.c >> $k=3$ 58.4 % <% if x == 7 %>y {#tbl-1} @fig-2 <# 9 #>").split() == [
        *("a", "58.4", "%", "y")
    ]


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_no_number_is_typed(path):
    typed = set(re.findall(r"[−-]?\d+(?:[.,]\d+)*", prose(path.read_text(encoding="utf-8"))))
    assert typed <= set(ALLOWED_NUMBERS) | SOURCE_NUMBERS.get(path.name, set())


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_templates_do_not_calculate(path):
    """Differences that choose a sentence are allowed; products, quotients and powers are not."""
    tags = re.findall(r"(?:<<|<%)(.*?)(?:>>|%>)", path.read_text(encoding="utf-8"), re.DOTALL)
    without_texts = [re.sub(r'"[^"]*"', "", tag) for tag in tags]
    assert [tag for tag in without_texts if re.search(r"[*/]|\bsum\b|\bround\b", tag)] == []


# ------------------------------------------------------------------------------- contents


def test_numbers_are_those_of_the_runs(plain_text):
    text = plain_text
    # 50 and 60: mean 55, standard deviation 10 / sqrt(2). Each pair differs by the same amount.
    assert row(text, "0.001", "tbl-question-rate")[1:] == [
        "55.00 ± 7.07",
        "reference",
        "–",
        "–",
        "2",
        "90.00",  # training accuracy of every run, 35 above the validation accuracy
        "+35.00",
    ]
    assert row(text, "0.1", "tbl-question-rate")[1:] == [
        *("15.00 ± 7.07", "−40.00", "−40.00 to −40.00", "too few seeds", "2", "90.00", "+75.00")
    ]
    assert row(text, "0.01", "tbl-question-rate")[2] == "+5.00"
    said = words(text)
    assert "rate 0.01 has **too few seeds** for a verdict: +5.00 percentage points" in said
    assert "in two runs; a verdict takes three" in said
    assert "They are 10.00 percentage points apart" in said
    assert "date: 2026-01-02" in text


VERDICTS = {
    # Differences to the base in percentage points, seed by seed, and what is said of them.
    (5.0, 5.5, 6.0): "On the base, rate 0.1 (+5.50) helps; rate 0.01 has not been run.",
    (-5.0, -5.5, -6.0): "On the base, rate 0.1 (−5.50) hurts; rate 0.01 has not been run.",
    (0.0, 0.1, -0.1): "On the base, rate 0.1 (0.00) makes no meaningful difference; rate 0.01",
    (1.0, -1.0, 1.5): "On the base, rate 0.1 (+0.50) is too close to call; rate 0.01",
    (1.0, 2.0): "On the base, rate 0.1 (+1.50) has too few seeds for a verdict; rate 0.01",
    (): "On the base, rate 0.1 and rate 0.01 have not been run.",
}


@pytest.mark.slow
@pytest.mark.parametrize("gains", VERDICTS)
def test_each_verdict_has_its_sentence(tmp_path, gains):
    made = Made(tmp_path, PLAIN.replace("seeds: 2", "seeds: 3")).runs("base", (0.5, 0.5, 0.5))
    made.runs("learning-rate-1", tuple(0.5 + gain / 100 for gain in gains))
    text = made.text()
    assert VERDICTS[gains] in words(text)
    check_clean(text)


@pytest.mark.slow
def test_a_change_that_diverges_in_every_run_does_not_train(tmp_path):
    made = Made(tmp_path, PLAIN).runs("base", (0.5, 0.5))
    made.add("learning-rate-1", 1, status="diverged").add("learning-rate-1", 2, status="diverged")
    assert "On the base, rate 0.1 does not train; rate 0.01 has not" in words(made.text())


@pytest.mark.slow
def test_every_declared_change_stands_in_the_ledger(tmp_path):
    later = """
  later:
    title: Later
    question: And then?
    hypothesis: Who knows.
    trained: false
    changes: {epochs-9: {epochs: 9}}
"""
    made = Made(tmp_path, PLAIN + later).runs("base", (0.5, 0.5)).runs("learning-rate-1", (0.6,))
    text = made.text()
    assert row(text, "rate 0.1", "tbl-ledger")[7] == "too few seeds"
    assert "- *Later*, on base: 9 epochs." in text
    assert r"- *Learning\_rate*, on base: rate 0.01." in text
    assert "The study file declares three changes, each with an expectation." in words(text)


@pytest.mark.slow
def test_of_more_changes_than_fit_the_surest_stand_in_the_ledger(tmp_path, monkeypatch):
    """Of +10, +0.5 and -20 points, all with the same spread, the first and the last are surest."""
    more = "      learning-rate-3: {learning_rate: 0.2}\n"
    made = Made(tmp_path, PLAIN.replace("seeds: 2", "seeds: 3") + more)
    made.runs("base", (0.50, 0.50, 0.50)).runs("learning-rate-1", (0.59, 0.60, 0.61))
    made.runs("learning-rate-2", (0.495, 0.505, 0.515)).runs("learning-rate-3", (0.29, 0.30, 0.31))
    whole = made.text().split("# Ledger of all changes")[1]
    assert "intervals lie farthest from zero" not in whole
    assert "`learning-rate-2`" in whole
    monkeypatch.setattr("cnn_study.report.values.MOST_ROWS", 2)
    ledger = made.text().split("# Ledger of all changes")[1].split("\n# ")[0]
    shown = re.findall(r"\| `(learning-rate-\d)` \|", ledger)
    assert shown == ["learning-rate-1", "learning-rate-3"]
    assert "The tables have the 2 of 3 changes that were run" in words(ledger)
    assert "`evidence/ledger.csv`" in ledger


@pytest.mark.slow
def test_of_more_changes_than_fit_paper_has_no_answers_in_full(tmp_path, monkeypatch):
    made = Made(tmp_path, PLAIN).runs("base", (0.5, 0.5)).runs("learning-rate-1", (0.6, 0.6))
    marks = PROJECT / "report" / "filters" / "quarto-marks.lua"

    def in_full(form):
        section = made.text().split("# The questions one by one")[1].split("\n# ")[0]
        return run_pandoc([f"--lua-filter={marks}", f"--to={form}"], 60, f"# Questions{section}")

    for most, on_paper in ((200, True), (1, False)):
        monkeypatch.setattr("cnn_study.report.values.MOST_ROWS", most)
        page, paper = in_full("html").written, in_full("typst").written
        assert "Test accuracy" in page
        assert "index.html" not in page
        assert ("Test accuracy" in paper, "index.html" in paper) == (on_paper, not on_paper)
        assert "Which rate?" in paper


@pytest.mark.slow
def test_the_ledger_shows_every_page_of_all_effects(tmp_path):
    """Twelve questions of ten changes take three pages; ten pages are shown in their order too."""
    asked = "".join(
        f"  q-{n}: {{title: T, question: Q?, hypothesis: H., grid: {{learning_rate: ["
        + ", ".join(f"0.{n:03}{place}" for place in range(11, 21))
        + "]}}\n"
        for n in range(1, 13)
    )
    made = Made(tmp_path, PLAIN[: PLAIN.index("  rate:")] + asked).runs("base", (0.5, 0.5))
    ledger = made.text().split("# Ledger of all changes")[1]
    shown = re.findall(r"\{#fig-(effects-all\S*)", ledger)
    assert shown == ["effects-all", "effects-all-2", "effects-all-3"]
    figures = {id_: id_ for id_ in ["more", *(f"more-{n}" for n in range(11, 1, -1)), "more-all"]}
    assert pictures.pages_of(figures, "more") == ["more", *(f"more-{n}" for n in range(2, 12))]
    assert pictures.pages_of(figures, "other") == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "ledger"),
    [
        (PLAIN[: PLAIN.index("questions:")], False),
        (PLAIN.replace("hypothesis: A", "trained: false\n    hypothesis: A"), True),
    ],
    ids=["no questions", "none trained"],
)
def test_a_study_without_trained_changes_reads_well(tmp_path, text, ledger):
    """Its report refers to no part that only questions have, and to no weights: none are kept."""
    written = Made(tmp_path, text).runs("base", (0.5, 0.6)).text()
    _, documented = answers(written, "tbl-neurips")["Are new assets documented?"]
    assert documented.endswith("of records every field (`docs/record.md`).")
    assert ("# Ledger of all changes" in written) == ledger
    assert "There is nothing to suggest yet" in words(written)
    check_clean(written)


GRID = (
    PLAIN[: PLAIN.index("questions:")].replace("seeds: 2", "seeds: 3")
    + """
questions:
  both:
    title: Both
    question: Together?
    hypothesis: More.
    grid: {filters: [[2, 4], [4, 8]], kernel_size: [3, 5]}
"""
)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("extra", "said"),
    [
        (0.10, "The two do not simply add up"),
        (0.00, "do not show that the one depends on the other"),
    ],
)
def test_interactions_are_told(tmp_path, extra, said):
    """Wider gains 5, larger kernels 2 points; both together 7 and what they gain on top."""
    made = Made(tmp_path, GRID)
    noise = (0.0, 0.001, 0.002)
    made.runs("base", (0.50, 0.50, 0.50))
    made.runs("filters-4-8", tuple(0.55 + one for one in noise))
    made.runs("kernel-size-5", tuple(0.52 + one for one in reversed(noise)))
    made.runs("filters-4-8-kernel-size-5", tuple(0.57 + extra + one for one in noise))
    text = made.text()
    assert said in words(text)
    assert ("| more than the sum |" in text) == (extra > 0)
    check_clean(text)


def test_cost_of_the_first_layer_is_worked_out(plain_text):
    said = words(plain_text)
    # Two kernels of 3 x 3 on one channel and an 8 x 8 image.
    assert r"$3 \cdot 3 \cdot 1 \cdot 2 + 2 = \text{20}$ parameters" in said
    assert r"$8 \cdot 8 \cdot 3 \cdot 3 \cdot 1 \cdot 2 = \text{1,152}$ MACs" in said


@pytest.mark.slow
def test_choices_go_by_validation_images(tmp_path):
    made = Made(tmp_path, PLAIN.replace("seeds: 2", "seeds: 3"))
    made.runs("base", (0.5, 0.5, 0.5), validation=0.5)
    made.runs("learning-rate-1", (0.9, 0.9, 0.9), validation=0.5)
    made.runs("learning-rate-2", (0.6, 0.6, 0.6), validation=0.8)
    said = words(made.text())
    assert "suggestions are chosen, give another verdict for rate 0.1" in said
    advice = said[said.index("# Suggestions") :]
    assert "**Take the base and set `learning_rate` 0.01** (base + rate 0.01): its test" in advice
    assert "accuracy is then, on average, 10.00 percentage points higher; training takes" in advice
    assert "- `learning_rate`: Size of a step" in advice
    assert "1. **base + rate 0.01** ([Learning\\_rate](#sec-question-rate))." in advice
    assert "```yaml learning_rate: 0.01 ```" in advice
    assert "Evidence: moderate, validation and test images agree, but only 3 runs of each" in advice
    assert "| rate 0.1 | the base | no meaningful difference" in advice
    assert "Of all three experiments, the validation images put base + rate 0.01 first" in said


@pytest.mark.slow
def test_a_change_outdone_by_another_is_told(tmp_path):
    made = Made(tmp_path, PLAIN.replace("seeds: 2", "seeds: 3")).runs("base", (0.5, 0.5, 0.5))
    made.runs("learning-rate-1", (0.6, 0.6, 0.6)).runs("learning-rate-2", (0.8, 0.8, 0.8))
    said = words(unmarked(made.text()))
    assert "no more arithmetic: rate 0.1 on the base (+10.00)." in said


@pytest.mark.slow
def test_background_and_caveat_stand_around_the_answer(tmp_path):
    extra = "background: A *rate* says how far.\n    caveat: Two are not all.\n    changes:"
    made = Made(tmp_path, PLAIN.replace("changes:", extra))
    for experiment, scores in SCORES.items():
        made.runs(experiment, scores)
    said = words(made.text())
    assert said.index("*Which rate?* A *rate* says how far.") < said.index("On the base, rate 0.01")
    assert said.index("On the base, rate 0.01") < said.index("*But:* Two are not all.")


@pytest.mark.slow
def test_a_reading_follows_the_answer_and_says_that_it_is_one(tmp_path):
    extra = "reading: Small steps *settle*.\n    changes:"
    made = Made(tmp_path, PLAIN.replace("changes:", extra))
    for experiment, scores in SCORES.items():
        made.runs(experiment, scores)
    said = words(made.text())
    assert said.index("On the base, rate 0.01") < said.index("*Reading:* Small steps *settle*.")
    assert said.count("Small steps *settle*.") == 1


@pytest.mark.slow
def test_a_plain_direction_is_told_where_its_size_is_not_known(tmp_path):
    """Five runs below five others, in a question of two changes: 2 · 2 / 252 = 0.016."""
    made = Made(tmp_path, PLAIN.replace("seeds: 2", "seeds: 5"))
    made.runs("base", (0.5, 0.51, 0.52, 0.53, 0.54)).runs("learning-rate-2", (0.6,) * 5)
    text = made.runs("learning-rate-1", (0.4, 0.1, 0.41, 0.42, 0.43)).text()
    said = words(text)
    assert row(text, "0.1", "tbl-question-rate")[4] == "clearly lower, size unknown"
    assert "every run of it scores lower than every run of its reference: **clearly lower" in said
    assert "rate 0.1 (−12.80 ± " not in said
    assert re.search(r"rate 0\.1 \(−\d+\.\d+, every run lower\) is unreliable", said)


@pytest.mark.slow
def test_expectations_in_a_word_are_settled_and_counted(tmp_path):
    """Rate 0.1 scores 5.5 points lower, rate 0.01 is not decided."""
    expects = "expects: {learning-rate-1: helps, learning-rate-2: hurts}\n    changes:"
    extra = "about_expectations: Chosen *later*.\nquestions:"
    text = PLAIN.replace("changes:", expects).replace("questions:", extra)
    made = Made(tmp_path, text.replace("seeds: 2", "seeds: 3")).runs("base", (0.5, 0.51, 0.52))
    made.runs("learning-rate-1", (0.45, 0.455, 0.46)).runs("learning-rate-2", (0.5, 0.53, 0.5))
    said = words(made.text())
    assert "In a word: rate 0.1 *helps* (did not come true), rate 0.01 *hurts* (open)." in said
    assert "Beside their hypothesis, two changes of this study have an expectation in a" in said
    assert "lies within ±1.00 percentage points" in said  # twice the half point worth having
    assert "Chosen *later*." in said
    assert "| helps | – | 1 | – | | hurts | – | – | 1 |" in said
    assert "look: base + rate 0.1 (expected: helps; −5.50, hurts)." in said


def test_without_a_word_nothing_is_said_of_expectations(plain_text):
    assert "In a word:" not in plain_text
    assert "sec-expected" not in plain_text


@pytest.mark.slow
def test_what_stands_out_in_how_changes_learn_is_told(tmp_path):
    """All training accuracies are 0.9: validation 5, 5.5 and 6 points lower widen the gap."""
    made = Made(tmp_path, PLAIN.replace("seeds: 2", "seeds: 3")).runs("base", (0.5, 0.51, 0.52))
    made.runs("learning-rate-1", (0.45, 0.455, 0.46)).runs("learning-rate-2", (0.5, 0.51, 0.52))
    said = words(made.text())
    assert (
        "In the last epoch the base gets 90.0 % of the training and 51.0 % of the validation "
        "images right. **Overfits more:** rate 0.1 (90.0 % and 45.5 %)."
    ) in said.replace("\u00a0", " ").replace("\\ ", " ")


@pytest.mark.slow
def test_runs_that_lie_far_apart_are_told_one_by_one(tmp_path):
    """Base 50, 51, 52: s = 1. Rate 2: 60, 68, 64: s = 4. Rate 1: 60, 20, 50: s = 21.

    F = 433 with 2 and 2 degrees of freedom has p = 2 / 434; 16 has p = 2 / 17, which is chance.
    """
    made = Made(tmp_path, PLAIN.replace("seeds: 2", "seeds: 3")).runs("base", (0.5, 0.51, 0.52))
    made.runs("learning-rate-1", (0.6, 0.2, 0.5)).runs("learning-rate-2", (0.6, 0.68, 0.64))
    said = words(unmarked(made.text()))
    assert "The runs of rate 0.1 lie far apart, at 20.00, 50.00 and 60.00\\ %: where some" in said
    assert "rate 0.1 spread" not in said
    assert "rate 0.01 spread" not in said


@pytest.mark.slow
def test_a_wider_spread_is_told_only_where_a_test_says_so(tmp_path):
    """s = 0.1 and 2 points: F = 400 with 2 and 2 degrees of freedom has p = 2 / 401."""
    made = Made(tmp_path, PLAIN.replace("seeds: 2", "seeds: 3"))
    made.runs("base", (0.5, 0.501, 0.499)).runs("learning-rate-2", (0.6, 0.62, 0.64))
    said = words(unmarked(made.text()))
    spread = "rate 0.01 spread 20.0 times as widely as those of the reference (standard"
    assert f"{spread} deviations 2.00 and 0.10 percentage points)" in said


def test_a_change_that_is_only_declared_leads_to_no_runs(tmp_path):
    """Its number has a receipt; on paper a link to runs would lead nowhere."""
    text = PLAIN.replace("hypothesis: A", "trained: false\n    hypothesis: A")
    text = text.replace("      learning-rate-2: {learning_rate: 0.01}\n", "")
    made = Made(tmp_path, text).runs("base", (0.5, 0.6))
    made.collect()
    (change,) = Findings(made.study, made.folder / "evidence").changes.values()
    mark = filters.tally([change], "declared change")
    assert mark.startswith("[one]{.receipt data-key")
    assert "data-experiment" not in mark


@pytest.mark.slow
def test_runs_that_collapse_beside_others_make_a_change_unreliable(tmp_path):
    """Chance is 10 %: below 15 % a run has collapsed. Where all do, the mean is honest."""
    made = Made(tmp_path, PLAIN.replace("seeds: 2", "seeds: 3")).runs("base", (0.5, 0.51, 0.52))
    made.runs("learning-rate-1", (0.4, 0.149, 0.41)).runs("learning-rate-2", (0.1, 0.11, 0.12))
    said = words(unmarked(made.text()))
    assert (
        "rate 0.1 is **unreliable**: one of three runs of rate 0.1 collapses "
        "(14.90, 40.00 and 41.00\\ %)"
    ) in said
    assert "every run of it" not in said  # of three runs each, chance does that too often
    assert "On the base, rate 0.01 (−40.00) hurts; rate 0.1 (−19.03) is unreliable." in said


@pytest.mark.slow
def test_choices_that_every_seed_makes_alike_are_left_out(tmp_path):
    """The first rate is worst with each seed; base and the other change places."""
    made = Made(tmp_path, PLAIN)
    made.runs("base", (0.5, 0.7)).runs("learning-rate-1", (0.1, 0.1))
    made.runs("learning-rate-2", (0.6, 0.6))
    said = words(unmarked(made.text()))
    # Seed 1 keeps rate 2 (0.6, and 0.6 with the other seed), seed 2 the base (0.7 and 0.5).
    assert "| best by test | Learning\\_rate | 65.00 | 55.00 | +10.00 |" in said
    # Two pairs: the interval of their mean holds zero, for either kind of choice.
    assert "Of the two choices by test scores in @tbl-habits, none has an interval" in said
    assert "; of the two by validation scores, none does (not corrected" in said
    made = Made(tmp_path / "b", PLAIN)
    made.runs("base", (0.5, 0.5)).runs("learning-rate-1", (0.1, 0.1))
    made.runs("learning-rate-2", (0.6, 0.6))
    said = words(unmarked(made.text()))
    assert "the same one wins by the test scores of every seed" in said
    assert "{#tbl-habits}" not in said


@pytest.mark.slow
def test_no_change_that_helps_is_said(tmp_path):
    made = Made(tmp_path, PLAIN.replace("seeds: 2", "seeds: 3")).runs("base", (0.8, 0.8, 0.8))
    made.runs("learning-rate-1", (0.1, 0.1, 0.1)).runs("learning-rate-2", (0.2, 0.2, 0.2))
    text = made.text()
    assert "of no change do the validation images say that it helps" in words(text)
    assert (
        "Of two changes that were run with seeds enough for a verdict, none helps and two hurt."
        in (words(unmarked(text)))
    )
    assert [line for line in unmarked(text).splitlines() if "| hurts | −70.00 | −70.00 |" in line]
    assert "{#tbl-suggestions}" not in text


def test_enhanced_and_published_numbers(whole_text):
    text = unmarked(whole_text)
    said = words(text)
    assert "It has `filters` 4-8, where the base has `filters` 2-4." in said
    assert "the enhanced model scores 17.00 percentage points more than the base" in said
    assert "interval from +6.17 to +27.83 (three pairs of runs)" in said
    # 50, 60, 55: mean 55, s 5; t(0.975, 2) = 4.3027; 4.3027 x 5 x sqrt(4/3) = 24.84.
    assert "56.00 | base | 55.00 ± 5.00 | 30.16–79.84 | yes |" in text
    assert "90.00 | enhanced | 72.00 ± 2.00 | 62.06–81.94 | no |" in text
    assert "Of the four printed numbers, three can be compared" in said
    assert "two lie inside, one above. That is a weak test" in said
    assert "56.00\u00a0% (width) and 70.00\u00a0% (again), 14.00 percentage points apart" in said
    assert "Both lie in the interval of the base, so our runs do not rule out" in said
    assert "70.00\u00a0% (2-4) lies inside the interval of base" in said
    assert "@ranthilake2021" in text
    # The gaps of 20, 12 and 19 points: mean 17, s 4.36. Two single runs differ by up to
    # t sqrt(25 + 4) sqrt(4/3) with t(0.975, 2.62) = 3.456, so that they could not have told.
    orders = said[said.index("{#sec-orders}") : said.index("## What choosing by test scores")]
    effect = "+17.00 | +6.17 to +27.83 | stands | 21.49 | no |"
    assert f"2 over 1 | 34.00 | enhanced over base | {effect}" in said
    assert (
        "Two of them are too close for single runs to show, by at least one of our pairs" in orders
    )


def references(text: str) -> tuple[Counter[str], set[str]]:
    """Give how often each id is defined, and the ids that are referred to."""
    defined = Counter(re.findall(r"\{#((?:sec|tbl|fig|eq)-[\w-]+)", text))
    used = set(re.findall(r"@((?:sec|tbl|fig|eq)-[\w-]+)", text))
    return defined, used | set(re.findall(r"\]\(#([\w-]+)\)", text))


def test_every_reference_has_one_target(whole_text, published_study):
    for text in (whole_text, published_study):
        defined, used = references(text)
        assert max(defined.values()) == 1
        floats = {id_ for id_ in defined if id_.startswith(("tbl-", "fig-"))}
        assert floats <= used, "each table and figure is referred to"


@pytest.mark.slow
def test_tables_of_one_question_are_never_those_of_another(tmp_path):
    """A question may be called like another with a word more, such as that of a table."""
    asked = PLAIN
    for number, more in enumerate(("cost", "elsewhere", "contrasts", "caption"), start=2):
        asked += f"""
  rate-{more}:
    title: Rate, {more}
    question: Which one?
    hypothesis: None.
    changes: {{filters-{number}-8: {{filters: [{number}, 8]}}}}
"""
    made = Made(tmp_path, asked)
    for id_ in made.study.experiments:
        made.runs(id_, (0.5, 0.6))
    text = made.text()
    ids = Counter(re.findall(r"\{#(tbl-[\w-]+)", text))
    assert {"tbl-question-rate-cost", "tbl-cost-rate-cost", "tbl-cost-rate-caption"} <= set(ids)
    assert max(ids.values()) == 1
    used = set(re.findall(r"@(tbl-[\w-]+)", text))
    assert used <= set(ids)


@pytest.mark.slow
def test_a_grid_around_another_experiment_is_written_of(tmp_path):
    """Its reference stands for the cell that is as it: 56 and 65 less 55 and 65, half a point."""
    made = Made(
        tmp_path,
        PLAIN
        + """
  grid:
    title: Grid
    question: Which?
    hypothesis: The small one.
    reference: learning-rate-2
    grid: {kernel_size: [3, 5], dense_units: [32, 64]}
""",
    )
    assert len(made.study.questions["grid"]) == 3
    for experiment, scores in SCORES.items():
        made.runs(experiment, scores)
    for place, id_ in enumerate(made.study.questions["grid"]):
        made.runs(id_, (0.56 + place / 100, 0.65 + place / 50))
    text = made.text()
    check_clean(text)
    assert row(text, "3 | 64", "tbl-question-grid")[-6:-2] == ["reference", "–", "–", "2"]
    assert row(text, "3 | 32", "tbl-question-grid")[-6] == "+0.50"
    assert r"Main effect: kernel\_size 5 against 3" in words(text)
    assert set(re.findall(r"@((?:tbl|fig)-[\w-]+)", text)) <= set(
        re.findall(r"\{#((?:tbl|fig)-[\w-]+)", text)
    )


def test_every_citation_is_in_the_bibliography(published_study):
    bibliography = (PROJECT / "report" / "references.bib").read_text(encoding="utf-8")
    known = set(re.findall(r"^@\w+\{(\w+),", bibliography, re.MULTILINE))
    everything = "".join(path.read_text(encoding="utf-8") for path in TEMPLATES)
    cited = set(re.findall(r"@([a-z]+\d{4}|[a-z]+)\b(?!-)", prose_with_citations(everything)))
    assert {"lecun1998", "goodfellow2016", "keras", "snakemake"} <= cited
    assert cited <= known
    assert set(re.findall(r"@([a-z]+\d{4})", published_study)) <= known


def prose_with_citations(text: str) -> str:
    return " ".join(re.findall(r"\[[^\[\]]*@[^\[\]]*\]", re.sub(r"<<.*?>>", "", text)))


@pytest.mark.slow
@pytest.mark.parametrize("which", ["plain", "whole"])
def test_nothing_is_left_over(which, request):
    text = request.getfixturevalue(which).text()
    check_clean(text)


def test_published_study_is_clean(published_study):
    check_clean(published_study)


def check_clean(text: str) -> None:
    for mark in ("<<", ">>", "<%", "%>", "<#", "#>"):
        assert mark not in text.replace("<<<", "")
    assert not re.search(r"\b(None|nan|NaN|Undefined|True|False)\b", without_code(text))
    assert not re.search(r"\|[ \t]*\|", text), "an empty cell"
    assert not re.search(r"\s[.,;](\s|$)", without_code(text)), "a space before a full stop"
    assert not re.search(r"(?<!\w)- *%|\( *\)|\.\.", without_code(text))
    assert "\n\n\n" not in text
    assert text.endswith("\n")
    paragraph_before = r"^(?!:::)[^\n]+\n#+ "
    assert not re.search(paragraph_before, without_code(text), re.MULTILINE), "no heading"
    defined, used = references(text)
    assert used <= set(defined)


def without_code(text: str) -> str:
    return re.sub(r"```.*?```", "", text, flags=re.DOTALL)


def test_another_dataset_reads_well(plain_text):
    text = plain_text
    for word in ("CIFAR", "the source", "enhanced", "colour", "airplane"):
        assert word not in re.sub(r"learning-curves-base-and-enhanced|confusion-base-and-\w+", "",
                                  text[: text.index("# All settings of the base")])  # fmt: skip
    said = words(text)
    assert "*Optical recognition of handwritten digits*" in said
    assert (
        "8\\ ×\\ 8 *pixels* (picture elements), each described by one number, its brightness"
        in said
    )
    assert "0, 1, 2, 3, 4, 5, 6, 7, 8 and 9" in said
    assert "keras.Input(shape=(8, 8, 1))" in text
    assert "[@alpaydin1998]" in text


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_what_one_dataset_alone_is_told_of_stands_in_its_own_template(path):
    assert "data.name ==" not in path.read_text(encoding="utf-8")


@pytest.mark.slow
def test_a_dataset_without_a_part_of_its_own_is_described_by_its_facts(plain, tmp_path):
    plain.collect()
    folders = (tmp_path / name for name in ("tables", "evidence", "figures"))
    context = values.gather(plain.study, *folders)
    changed = {**vars(context["data"]), "name": "own", "title": "My_images", "source": "Me, 2026."}
    text = templates.fill(TEMPLATE, context | {"data": data.Data(**changed)})
    assert "The images are those of *My\\_images*" in text
    assert "Source: Me, 2026." in text
    (answer,) = (
        line for line in text.splitlines() if line.startswith("| **Preprocessing.** Samples")
    )
    assert "told nothing" in answer  # of images that nobody described, nothing is promised
    check_clean(text)


# ------------------------------------------------------------------------------- what is missing


@pytest.mark.slow
def test_a_comparison_of_runs_of_two_engines_is_told(tmp_path):
    """A rate that JAX trained in a group, against a base and another rate that Keras's fit did."""
    made = Made(tmp_path, PLAIN)
    made.runs("base", (0.5, 0.6)).runs("learning-rate-1", (0.1, 0.2))
    assert "engine" not in words(made.text())
    for seed, score in zip(made.study.seeds, (0.55, 0.65), strict=True):
        record = records_by_hand.make(made.study, "learning-rate-2", seed, test=score)
        by = {"engine": "batched", "trained_together": 2}
        record = record.model_copy(update={"provenance": record.provenance.model_copy(update=by)})
        records_by_hand.write(made.study, tmp_path, record)
    text = words(made.text())
    assert "Not all runs were trained in the same way." in text
    assert "In one comparison of 2 the two sides were not trained by one engine" in text
    assert "alone: `learning-rate-2`." in text
    (told,) = re.findall(r"- ([^-]*) were not trained by one engine alone \(@sec-seeds\)", text)
    assert told == "rate 0.01 and the base"  # where its numbers stand, and not of the other
    assert "| Engine | batched, two runs; processes, four runs |" in text


@pytest.mark.slow
def test_missing_and_diverged_runs_are_told(tmp_path):
    made = Made(tmp_path, PLAIN).runs("base", (0.5, 0.6)).runs("learning-rate-2", (0.7,))
    made.add("learning-rate-1", 1, status="diverged")
    made.add("learning-rate-1", 2, status="failed")
    text = made.text()
    said = words(text)
    assert "plans six runs; three are complete. One run is still to be made." in said
    assert "Two runs did not reach the end" in said
    assert "A run that failed is trained again when its record is deleted; @sec-receipts" in said
    assert "base + rate 0.1 with seed 1 diverged (made diverged by hand);" in unmarked(said)
    assert row(text, "0.1", "tbl-question-rate")[1:] == [
        *("no complete run", "–", "–", "does not train", "0", "–", "–")
    ]
    # Its one run shares its seed with the base's 50, not with the mean of the base, 55.
    assert row(text, "0.01", "tbl-question-rate")[1:] == [
        *("70.00 (one run)", "+20.00", "–", "too few seeds", "1", "90.00", "+20.00")
    ]
    assert "rate 0.1: one run diverged, one run failed; rate 0.01: one" in said
    check_clean(text)


@pytest.mark.slow
def test_a_base_without_runs_is_told(tmp_path):
    text = Made(tmp_path, PLAIN).runs("learning-rate-1", (0.5, 0.6)).text()
    said = words(text)
    assert "The base has no complete run, so it has no score" in said
    assert "There is nothing to compare with yet: the base has no complete run." in said
    assert "There is nothing to suggest yet" in said
    assert "A small CNN, the *base*, classifies" not in said
    check_clean(text)


@pytest.mark.slow
def test_only_diverged_runs_still_make_a_report(tmp_path):
    text = Made(tmp_path, WITH_ALL).add("base", 1, status="diverged").text()
    assert "none is complete yet" in words(text)
    check_clean(text)


@pytest.mark.slow
def test_single_runs_are_not_taken_for_more(tmp_path):
    made = Made(tmp_path, PLAIN)
    for experiment, scores in SCORES.items():
        made.runs(experiment, scores[:1])
    said = words(made.text())
    assert "rate 0.01 has **too few seeds** for a verdict: +5.00 percentage points" in said
    assert "in one run; a verdict takes" in said
    assert " helps**" not in said
    assert "How much another seed would change this cannot be said yet." in said


@pytest.mark.slow
def test_without_validation_images_nothing_is_chosen(tmp_path):
    made = Made(tmp_path, PLAIN.replace("base: {", "base: {validation_fraction: 0, "))
    for experiment, scores in SCORES.items():
        for seed, score in enumerate(scores, start=1):
            made.add(experiment, seed, test=score, validation=None)
    text = made.text()
    said = words(text)
    assert "they have no validation score and are never suggested" in said
    assert "There is nothing to suggest yet" in said
    assert "validation_data" not in text
    check_clean(text)


# ------------------------------------------------------------------------------- words


@pytest.mark.parametrize(
    ("parameters", "macs", "said"),
    [
        (1.0, 1.0, "as many parameters and as much arithmetic for an image"),
        (1.001, 1.0, "about as many parameters and as much arithmetic for an image"),
        (2.0, 0.5, "2.0 times the parameters and 0.50 times the arithmetic for an image"),
    ],
)
def test_price(parameters, macs, said):
    row = SimpleNamespace(parameters_ratio=parameters, macs_ratio=macs)
    assert filters.price(row) == said


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (filters.percent(0.58458), "58.46\u00a0%"),
        (filters.percent(-0.1651), "−16.51\u00a0%"),
        (filters.percent(None), "no complete run"),
        (filters.probability(0.0060), "0.0060"),
        (filters.probability(0.00001), r"\< 0.0001"),  # a bare < might begin HTML
        (filters.as_long(0.92), "about as long"),
        (filters.as_long(2.87), "2.9 times as long"),
        (filters.as_long(1.11), "1.1 times as long"),
        (filters.as_long(1.09), "about as long"),
        (filters.as_long(0.89), "0.89 times as long"),
        (filters.as_long(2.87, alike=True), "about as long"),
        (filters.escape_around_citations("a_b [@x_y]: *c*"), r"a\_b [@x_y]: \*c\*"),
        (filters.percent(0.95, 0), "95\u00a0%"),
        (filters.signed(0.0123), "+1.23"),
        (filters.signed(-0.0123), "−1.23"),
        (filters.signed(0.00001), "0.00"),
        (filters.signed(None), "–"),
        (filters.points(-0.0123), "1.23"),
        (filters.interval(0.5, 0.6), "50.00–60.00"),
        (filters.interval(0.5, 0.5), "50.00"),
        (filters.millions(1471104), "1.47\u00a0million"),
        (filters.millions(74706), "74,706"),
        (filters.seconds(9.96), "10.0"),
        (filters.seconds(139.4), "139"),
        (filters.seconds(None), "–"),
        (filters.duration(None), "no complete run"),
        (filters.times(0.349), "0.35"),
        (filters.memory(12.3), "12.30 megabytes"),
        (filters.memory(98 * 4 / 1e6), "0.39 kilobytes"),
        (filters.times(3.84), "3.8"),
        (filters.matrix([[1, -1], [0, 2]]), r"\begin{bmatrix} 1 & -1 \\ 0 & 2 \end{bmatrix}"),
        (settings.value_text([4, 8, 16]), "4-8-16"),
        (settings.value_text(True), "true"),
        (settings.value_text({"weights": None, "depth": 3}), "weights null, depth 3"),
    ],
)
def test_formats(given, expected):
    assert given == expected


@pytest.mark.parametrize(
    ("difference", "lower", "upper", "ratio", "said"),
    [
        (122.7, 110.4, 135.2, 1.89, "+123 (+110 to +135)"),
        (-57.9, -67.0, -48.6, 0.56, "−58 (−67 to −49)"),
        (-13.7, -21.0, -6.4, 0.901, "about as long"),  # surely less, by less than a tenth
        (18.0, -80.0, 116.0, 1.18, "about as long"),
        (0.42, 0.31, 0.53, 1.3, "+0.4 (+0.3 to +0.5)"),
        (2.0, None, None, 1.25, "+2.0"),
        (None, None, None, None, "–"),
    ],
)
def test_additional_training_time(difference, lower, upper, ratio, said):
    names = ("difference", "lower", "upper", "ratio")
    cells = (difference, lower, upper, ratio)
    row = dict(zip([f"seconds_{name}" for name in names], cells, strict=True))
    change = Change(row, Effect(0), Effect(0), (), ())
    assert filters.training_time(change) == said


def test_a_row_trains_about_as_long_as_its_change_says_or_its_ratio():
    result = SimpleNamespace(id="wide")

    def row(ratio: float, **seconds: float | None) -> Row:
        given = {"seconds_ratio": None, "seconds_lower": None, "seconds_upper": None} | seconds
        change = Change(given, Effect(0), Effect(0), (), ())
        return Row(result, {}, change=change, seconds_ratio=ratio)

    assert Row(result, {}, seconds_ratio=1.09).about_as_long
    assert not Row(result, {}, seconds_ratio=1.11).about_as_long
    assert not Row(result, {}).about_as_long
    assert row(1.5, seconds_ratio=1.5, seconds_lower=-1.0, seconds_upper=9.0).about_as_long
    assert not row(1.5, seconds_ratio=1.5, seconds_lower=1.0, seconds_upper=9.0).about_as_long
    assert row(1.05).about_as_long  # no pair of runs to go by


HOSTILE = [
    "Plain words",
    "*a* _b_ `c` [d](e) <f> | g # h ~i~ ^j^ k@l $m$ {n} \\ & &amp; o",
    "1 -- 2 --- 3",
    "[^1] {{< include x >}} <!-- y --> @tbl-z a{#fig-x} {#sec-y}",
    "ends with backslash \\",
    "two\nlines   and spaces",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_escaped_text_means_itself(text):
    plain = " ".join(text.split())
    written = f"x {filters.escape(text)} y | {filters.attribute(text)}"
    parsed = pypandoc.convert_text(
        f'x {filters.escape(text)} y\n\n![c](p.svg){{fig-alt="{filters.attribute(text)}"}}\n',
        "json",
        format="markdown-smart",
    )
    assert "\n" not in written
    paragraph, picture = json.loads(parsed)["blocks"]
    assert stringify(paragraph) == f"x {plain} y"
    attributes = picture["c"][2][0]["c"][0]["c"][0][2]
    assert attributes == [["fig-alt", plain]]


@pytest.mark.parametrize(
    "text", [*HOSTILE, "a...b", "'so\"", 'it\'s -- "so"', "1. a", "=", "{{< x >}}"]
)
def test_a_name_stays_as_it_is(text):
    """Pandoc makes quotation marks round and dots an ellipsis, where nobody forbids it."""
    blocks = json.loads(pypandoc.convert_text(f"x {filters.verbatim(text)} y", "json", "markdown"))
    assert stringify(blocks["blocks"][0]) == f"x {' '.join(text.split())} y"


def test_signs_that_show_nothing_are_left_out():
    """Of what a record of somebody else says, for instance of its processor."""
    assert filters.escape("An\x00 Intel\u202e CPU\u200b\x1b[31m") == r"An Intel CPU\[31m"


def stringify(block: dict) -> str:
    kinds = {"Space": " ", "SoftBreak": " "}
    parts = [part["c"][1] if part["t"] == "Span" else [part] for part in block["c"]]
    return "".join(kinds.get(part["t"]) or part["c"] for words in parts for part in words)


def test_names_of_a_study_are_escaped(plain_text):
    text = plain_text
    assert r'title: "Digits \\& \\*stars\\* \\| \\<b\\>"' in text
    assert r"## Learning\_rate {#sec-question-rate}" in text


def test_links_in_a_source_are_links():
    assert filters.link("See a_b: https://x.org/y_z. End") == r"See a\_b: <https://x.org/y_z>. End"


def test_one_comparison_is_worked_by_hand(whole_text):
    said = words(whole_text)
    # learning-rate-1 against base: 10, 20, 15 against 50, 60, 55: three times -40.
    assert "| 1 | 10.00 | 50.00 | −40.00 |" in said
    assert (
        "The three differences of @tbl-by-hand have the mean −40.00 and the standard deviation 0.00"
        in said
    )
    # t(0.975, 2) = 4.3027
    assert "$t_{n-1} = 4.30$" in said


def test_guess_and_answer_stand_apart(whole_text):
    text = whole_text
    said = words(text)
    # learning-rate-1 is worked by hand before, so that its answer is known.
    worked = text[: text.index("{#tbl-by-hand}")].rsplit("| Seed |")[-1]
    assert 'data-experiment="learning-rate-1"' in worked
    assert "does the test accuracy of the base change with rate 0.01" in said
    before = text[: text.index("# Answers to the guesses")]
    assert text.count("::: {.predict data-change=") == 2
    assert "# Answers to the guesses" not in before
    assert "| rate 0.01 | the base | +5.00 |" in said


def imported(module: str) -> set[str]:
    """Find what a module of the project imports when it is imported, through all of its own."""
    found, known, left = set(), set(), {module}
    while left:
        known.add(one := left.pop())
        for node in ast.parse(source(one).read_text(encoding="utf-8")).body:
            if isinstance(node, ast.Import):
                found |= {name.name.split(".")[0] for name in node.names}
            elif isinstance(node, ast.ImportFrom):
                names = (f"{node.module}.{name.name}" for name in node.names)
                own = {name for name in (node.module, *names) if source(name)}
                found |= set() if own else {node.module.split(".")[0]}
                left |= {name.removeprefix("cnn_study.") for name in own} - known
    return found


def source(module: str) -> Path | None:
    """Find a module's file: its own, or its folder's."""
    place = PROJECT.joinpath("src", "cnn_study", *module.removeprefix("cnn_study.").split("."))
    files = (place.with_suffix(".py"), place / "__init__.py")
    return next((path for path in files if path.is_file()), None)


@pytest.mark.slow
def test_report_needs_no_keras():
    assert "keras" in imported("train.network")
    assert "pandas" in imported("report.write")
    assert not imported("report.write") & {"keras", "tensorflow", "jax", "matplotlib", "seaborn"}


# ------------------------------------------------------------------------------- checklists


def answers(text: str, table: str) -> dict[str, tuple[str, str]]:
    """Read a checklist: each question with its answer and what is said of it."""
    text = unmarked(text)
    before = text[: text.index(f"{{#{table}}}")]
    lines = before[before.rindex("|:--") :].splitlines()[1:]
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in lines if line[:1] == "|"
    ]
    return {question: (answer, said) for question, answer, said in rows}


def test_the_checklists_are_whole_and_each_answer_says_where_or_why_not(whole_text):
    neurips, reforms = (answers(whole_text, table) for table in ("tbl-neurips", "tbl-reforms"))
    sections: list[int] = []
    for question in reforms:
        if question.startswith("**"):
            sections.append(0)
        sections[-1] += 1
    # Both as printed: the conference's sixteen questions, and the eight sections of REFORMS.
    assert len(neurips) == 16
    assert sections == [3, 5, 7, 3, 6, 3, 3, 2]
    for answer, said in (*neurips.values(), *reforms.values()):
        assert answer in ("yes", "no", "not applicable")
        assert said.endswith(".")
    ids = set(re.findall(r"\{#((?:sec|tbl|fig)-[\w-]+)", whole_text))
    referred = set(re.findall(r"@((?:sec|tbl|fig)-[\w-]+)", str((neurips, reforms))))
    assert referred <= ids


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "table", "question", "answer"),
    [
        ("seeds: 3", "tbl-neurips", "Statistical significance?", "yes"),
        ("seeds: 2", "tbl-neurips", "Statistical significance?", "no"),
        ("seeds: 2", "tbl-reforms", "Uncertainty", "no"),
        ("epochs: 2}", "tbl-reforms", "How models are selected", "yes"),
        ("epochs: 2, validation_fraction: 0}", "tbl-reforms", "How models are selected", "no"),
    ],
)
def test_an_answer_follows_the_study(tmp_path, change, table, question, answer):
    key = "seeds: 2" if change.startswith("seeds") else "epochs: 2}"
    made = Made(tmp_path / "small", PLAIN.replace(key, change)).runs("base", (0.5, 0.6, 0.7))
    assert answers(made.text(), table)[question][0] == answer


@pytest.mark.slow
def test_code_that_is_in_no_commit_makes_no_result_reproducible(plain):
    record = next((plain.folder / "runs").glob("*/*/seed-*.json"))
    question = "Can the main results be reproduced?"
    assert answers(plain.text(), "tbl-neurips")[question][0] == "yes"
    text = record.read_text("utf-8")
    record.write_text(text.replace('"changed_since_commit": false', '"changed_since_commit": true'))
    answer, said = answers(plain.text(), "tbl-neurips")[question]
    assert answer == "no"
    assert said.startswith("The code of some runs is in no commit")


@pytest.mark.slow
def test_of_a_dataset_that_nobody_described_the_checklists_say_no(plain):
    plain.collect()
    folders = [plain.folder / name for name in ("tables", "evidence", "figures")]
    told = values.gather(plain.study, *folders)
    told["data"] = replace(told["data"], licence="", test_images_per_class=None)
    told["of_the_dataset"] = "sections/data.qmd.j2"
    template = TEMPLATE.parent / "sections" / "checklist.qmd.j2"
    text = templates.fill(template, told, [TEMPLATE.parent])
    reforms, neurips = answers(text, "tbl-reforms"), answers(text, "tbl-neurips")
    for question in ("**Data quality.** Sources, time, labelling", "Sampling frame"):
        assert reforms[question] == ("no", "This report was told nothing about that.")
    left_out = reforms["**Preprocessing.** Samples left out, and why"]
    assert left_out == ("no", "This report was told nothing about that.")
    assert reforms["Outcome, with its distribution"][0] == "yes"
    assert reforms["Dependences between the parts"] == ("no", "Not looked for.")
    assert neurips["Licences of what was used?"][0] == "no"
    assert neurips["In line with the code of ethics?"] == ("no", "Nobody examined it.")
