import base64
import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import pypandoc
import pytest
import yaml
from pypdf import PdfReader

from cnn_study.base.errors import UserError
from cnn_study.base.places import REPORT, looks
from cnn_study.report.filters import escape
from cnn_study.report.page_check import check_page
from cnn_study.report.quarto import quarto_faults
from cnn_study.report.render import embed_pictures, embed_scripts, render

FRONT_MATTER = """\
---
title: A small *sample*
subtitle: Of every mark
author:
  - name: Ada Author
    affiliation: Somewhere
date: 2026-03-09
abstract: What @fig-curve and $x^2$ show.
keywords: [networks, tests]
bibliography: sample.bib
format:
  html:
    include-after-body: receipts.html
    include-in-header: citation.html
---

"""

SHORT_FRONT_MATTER = "---\ntitle: Short\ndate: 2026-03-09\nbibliography: sample.bib\n---\n\n"

BODY = """\
# First {#sec-first}

Text with [58.4 %]{.receipt data-key="base.test"}, @fig-curve, @tbl-scores, @eq-loss and @sec-inner.
Also [@fig-curve; @fig-photo], [-@tbl-scores], [Tab. @tbl-scores] and a source [@lecun1998].[^note]

[^note]: A footnote that names @tbl-scores.

$$
L = -\\log p_c
$$ {#eq-loss}

## Inner {#sec-inner}

![The curve of *one* seed.](figures/curve.svg){#fig-curve fig-alt="A line that rises." width=80%}

![No dark colours.](figures/photo.svg){#fig-photo fig-alt="A grey square."}

| Change | Score |
|:-------|------:|
| [base]{#row-base} | 58.4 |
| `kernel-size-3` | 60.8 |

: Scores, as @eq-loss has it. {#tbl-scores}

::: {.callout-tip}
## Look at [the base](#row-base)
Small kernels see $k^2$ pixels.
:::

::: {.callout-note collapse="true"}
## More
Hidden at first.
:::

::: {.panel-tabset}
## NumPy
```python
total = 1  # the sum
```

## Keras
Second tab.
:::

::: {.content-visible when-format="html"}
Only on the page.
:::

::: {.content-hidden when-format="html"}
Only on paper.
:::

```{.yaml filename="study.yaml"}
epochs: 10
```

```{=html}
<p>Raw page.</p>
```

```{=typst}
Raw paper.
```

# Appendix {.unnumbered}

# Second

# References {.unnumbered}

::: {#refs}
:::
"""

BIBLIOGRAPHY = """\
@article{lecun1998, author = {LeCun, Yann}, year = {1998}, journal = {Proceedings of the IEEE},
  title = {Gradient-based learning applied to document recognition}}
"""

PICTURE = """\
<svg xmlns="http://www.w3.org/2000/svg" width="200pt" height="100pt" viewBox="0 0 200 100">
<path d="M0 100 L200 0" stroke="{colour}"/></svg>
"""


def make_document(folder: Path, body: str = "", front_matter: str = SHORT_FRONT_MATTER) -> Path:
    """Write the sample of every mark, or a short document with the body given."""
    if not body:
        body, front_matter = BODY, FRONT_MATTER
    figures = folder / "figures"
    figures.mkdir(parents=True, exist_ok=True)
    dark = "<style>@media (prefers-color-scheme: dark){rect{fill:#eeeeee}}</style>"
    for name, colour, style in (("curve", "#111111", dark), ("photo", "#888888", "")):
        picture = PICTURE.format(colour=colour).replace("</svg>", f"{style}</svg>")
        (figures / f"{name}.svg").write_text(picture)
    (folder / "sample.bib").write_text(BIBLIOGRAPHY)
    (folder / "receipts.html").write_text(
        '<script type="application/json" id="receipts">{"a": "1 < 2 & 3"}</script>\n'
    )
    (folder / "citation.html").write_text('<meta name="citation_title" content="A small sample">\n')
    source = folder / "index.qmd"
    source.write_text(front_matter + body)
    return source


QUARTO = pytest.mark.skipif(shutil.which("quarto") is None, reason="Quarto is not installed")
ENGINES = ["pandoc", pytest.param("quarto", marks=QUARTO)]


def overlaps(pdf: Path) -> list[tuple[int, str, str]]:
    """Pairs of words on a page that cover each other by more than a hair, in any direction.

    Signs of mathematics do so by design, and Typst's glyphs of them have boxes of their own.
    """
    told = subprocess.run(
        ["pdftotext", "-bbox", str(pdf), "-"], capture_output=True, text=True, check=True
    ).stdout
    pattern = r'<word xMin="(.*?)" yMin="(.*?)" xMax="(.*?)" yMax="(.*?)">(.*?)</word>'
    seen = []
    for number, page in enumerate(told.split("<page ")[1:], 1):
        boxes = [
            (*map(float, box), word)
            for *box, word in re.findall(pattern, page)
            if len(re.findall(r"[\w.,%-]", word, re.ASCII)) > 2
        ]
        boxes.sort(key=lambda box: box[1])
        for place, (left, top, right, bottom, word) in enumerate(boxes):
            for x, y, x_end, y_end, other in boxes[place + 1 :]:
                if y > bottom:
                    break
                across = min(right, x_end) - max(left, x)
                down = min(bottom, y_end) - max(top, y)
                if across > 1 and down > 0.35 * min(bottom - top, y_end - y):
                    seen.append((number, word, other))
    return seen


def render_to_bytes(folder: Path, source: Path, **options: object) -> tuple[bytes, bytes]:
    html, pdf = folder / "out" / "report.html", folder / "out" / "report.pdf"
    render(source, html, pdf, **{"engine": "pandoc", **options})
    return html.read_bytes(), pdf.read_bytes()


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, bytes]:
    folder = tmp_path_factory.mktemp("render")
    return render_to_bytes(folder, make_document(folder / "source"))


@pytest.mark.slow
def test_it_renders_from_within_the_folder_of_the_text(tmp_path, monkeypatch):
    report = tmp_path / "results" / "report"
    report.mkdir(parents=True)
    (report / "page.html").write_text("<p>beside</p>\n", "utf-8")
    front = "---\ntitle: T\ndate: 2026-01-31\nformat:\n  html:\n"
    front += "    include-after-body: report/page.html\n---\n\n"
    (report / "index.qmd").write_text(front + "# One {#sec-one}\n\nText.\n", "utf-8")
    monkeypatch.chdir(report)
    places = Path("index.qmd"), Path("a.html"), Path("a.pdf")
    render(*places, resources=Path(".."), engine="pandoc")
    assert "<p>beside</p>" in (report / "a.html").read_text("utf-8")


@pytest.fixture(scope="module")
def page(rendered: tuple[bytes, bytes]) -> str:
    return rendered[0].decode()


@pytest.fixture(scope="module")
def paper(rendered: tuple[bytes, bytes]) -> PdfReader:
    return PdfReader(io.BytesIO(rendered[1]))


@pytest.fixture(scope="module")
def paper_text(paper: PdfReader) -> str:
    text = " ".join(sheet.extract_text() for sheet in paper.pages)
    return re.sub(r"\s+", " ", text)


class Elements(HTMLParser):
    """Every element of a page as (tag, attributes)."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.found if name == tag]


def words(fragment: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", fragment)).replace("\xa0", " ").strip()


def section(page: str, start: str, end: str) -> str:
    return page.split(start, 1)[1].split(end, 1)[0]


class TestPage:
    def test_cross_references_are_numbered_and_linked(self, page: str) -> None:
        plain = page.replace("\xa0", " ").replace("&nbsp;", " ")
        links = re.findall(r'<a href="#([^"]+)"\s+class="cross-reference">([^<]+)</a>', plain)
        assert set(links) == {
            ("fig-curve", "Figure 1"),
            ("fig-photo", "Figure 2"),
            ("tbl-scores", "Table 1"),
            ("tbl-scores", "1"),
            ("tbl-scores", "Tab. 1"),
            ("eq-loss", "Equation 1"),
            ("sec-inner", "Section 1.1"),
        }

    def test_captions_begin_with_their_numbers(self, page: str) -> None:
        captions = re.findall(r"<figcaption.*?</figcaption>", page, re.DOTALL)
        assert [words(caption) for caption in captions] == [
            "Figure 1: The curve of one seed.",
            "Figure 2: No dark colours.",
            "Table 1: Scores, as Equation 1 has it.",
        ]

    def test_sections_are_numbered_as_references_say(self, page: str) -> None:
        headings = re.findall(r"<h([1-6])[^>]*>(.*?)</h\1>", page, re.DOTALL)
        assert [(level, words(text)) for level, text in headings] == [
            ("1", "A small sample"),
            ("2", "1 First"),
            ("3", "1.1 Inner"),
            ("2", "Appendix"),
            ("2", "2 Second"),
            ("2", "References"),
        ]

    def test_contents_list_sections_and_nothing_else(self, page: str) -> None:
        contents = section(page, '<details class="contents"', "</details>")
        entries = [words(entry) for entry in re.findall(r"<a .*?</a>", contents, re.DOTALL)]
        assert entries == ["1 First", "1.1 Inner", "Appendix", "2 Second", "References"]

    def test_equation_is_mathml_with_a_number(self, page: str) -> None:
        equation = section(page, 'id="eq-loss"', "(1)")
        assert '<math display="block"' in equation
        assert "equation-number" in equation

    def test_picture_has_its_text_once_and_stands_on_white_without_dark_colours(self, page):
        (image,) = Elements(section(page, '<figure id="fig-curve">', "</figure>")).named("img")
        assert image["alt"] == "A line that rises."
        assert image["style"] == "width: 80%"
        assert "class" not in image
        (photo,) = Elements(section(page, 'id="fig-photo"', "</figure>")).named("img")
        assert photo["class"] == "light-only"

    def test_nothing_is_fetched(self, page: str) -> None:
        elements = Elements(page)
        fetched = [image["src"] for image in elements.named("img")]
        fetched += [script["src"] for script in elements.named("script") if "src" in script]
        assert len(fetched) == 2
        assert all(address.startswith("data:image/svg+xml") for address in fetched)
        assert elements.named("link") == []
        assert "@import" not in page
        assert "url(http" not in page

    def test_what_heads_rows_and_columns_of_a_table_is_said(self, page: str) -> None:
        table = section(page, 'id="tbl-scores"', "</table>")
        scopes = [cell.get("scope") for cell in Elements(table).named("th")]
        rows = table.count("<tr") - 1
        assert scopes == ["col"] * (len(scopes) - rows) + ["row"] * rows
        assert rows == len(re.findall(r"<tr[^>]*>\s*<th[^>]*scope=\"row\"", table)) > 0

    def test_a_part_is_an_element_with_the_id_of_its_heading(self, page: str) -> None:
        parts = [part for part in Elements(page).named("section") if "id" in part]
        assert any(part["class"].startswith("level2") for part in parts)
        assert not [each for each in Elements(page).named("h2") if "id" in each]

    def test_table_scrolls_in_a_named_box(self, page: str) -> None:
        (box,) = [each for each in Elements(page).named("div") if each.get("class") == "table-box"]
        assert box["tabindex"] == "0"
        assert box["aria-labelledby"] == "caption-tbl-scores"
        # Not tbl-scores-caption, which a table may have as its id.
        assert '<figcaption id="caption-tbl-scores">' in page

    def test_callouts_are_blocks_with_kind_and_title(self, page: str) -> None:
        tip = section(page, '<div class="callout callout-tip" role="note">', "Small kernels")
        assert words(tip) == "Tip Look at the base"
        note = section(page, '<details class="callout callout-note">', "</details>")
        assert words(note) == "Note More Hidden at first."

    def test_tabs_and_code_have_their_names(self, page: str) -> None:
        tabs = section(page, '<div class="panel-tabset">', "study.yaml")
        titles = re.findall(r'<div class="tab-title">(.*?)</div>', tabs, re.DOTALL)
        assert [words(title) for title in titles] == ["NumPy", "Keras"]
        assert '<div class="code-name">\nstudy.yaml' in page
        assert '<span class="co"># the sum</span>' in page

    def test_only_what_is_for_the_page_is_on_it(self, page: str) -> None:
        assert "Only on the page." in page
        assert "<p>Raw page.</p>" in page
        assert "on paper" not in page
        assert "Raw paper" not in page

    def test_head_and_end_of_the_document(self, page: str) -> None:
        assert '<html lang="en">' in page
        assert '<meta name="citation_title" content="A small sample">' in page
        assert '<time datetime="2026-03-09">9 March 2026</time>' in page
        assert '<script type="application/json" id="receipts">{"a": "1 < 2 & 3"}</script>' in page
        assert '<span class="receipt" data-key="base.test">58.4 %</span>' in page
        assert 'href="#ref-lecun1998"' in page
        assert 'id="ref-lecun1998"' in page

    def test_same_page_passes_its_own_check(self, page: str) -> None:
        assert check_page(page) == []


class TestPaper:
    def test_numbers_agree_with_the_page(self, paper_text: str) -> None:
        for text in (
            "Figure 1: The curve of one seed.",
            "Table 1: Scores, as Equation 1 has it.",
            "Figure 1, Table 1, Equation 1 and Section 1.1",
            "Figure 1, Figure 2, 1, Tab. 1 and a source (LeCun 1998)",
            "1.1 Inner",
            "Tip Look at the base",
            "study.yaml",
            "9 March 2026",
        ):
            assert text in paper_text.replace("\xa0", " ")

    def test_only_what_is_for_paper_is_on_it(self, paper_text: str) -> None:
        assert "Only on paper." in paper_text
        assert "Raw paper." in paper_text
        assert "on the page" not in paper_text
        assert "Raw page" not in paper_text

    def test_is_tagged_and_declares_pdf_ua(self, paper: PdfReader) -> None:
        root = paper.trailer["/Root"]
        assert root["/MarkInfo"]["/Marked"]
        assert root["/Lang"] == "en"
        assert b"<pdfuaid:part>1</pdfuaid:part>" in root["/Metadata"].get_data()
        assert paper.metadata.title == "A small sample"
        assert paper.metadata.author == "Ada Author"

    def test_structure_names_headers_pictures_and_formulas(self, paper: PdfReader) -> None:
        found = list(structure(paper.trailer["/Root"]["/StructTreeRoot"]))
        kinds = [kind for kind, _ in found]
        assert kinds.count("/TH") == 2
        assert kinds.count("/TD") == 4
        assert ("/Figure", "A line that rises.") in found
        assert ("/Formula", "L = -\\log p_c") in found

    def test_links_lead_somewhere(self, paper: PdfReader) -> None:
        links = [
            annotation.get_object()
            for sheet in paper.pages
            for annotation in sheet.get("/Annots", [])
        ]
        assert len(links) >= 12
        assert all("/Dest" in link or "/A" in link for link in links)

    def test_outline_holds_the_sections(self, paper: PdfReader) -> None:
        assert [entry.title for entry in paper.outline if not isinstance(entry, list)] == [
            "1 First",
            "Appendix",
            "2 Second",
            "References",
        ]


def structure(node: object):
    node = node.get_object()
    if isinstance(node, list):
        for child in node:
            yield from structure(child)
    elif hasattr(node, "get"):
        if "/S" in node:
            yield node["/S"], str(node.get("/Alt", ""))
        if "/K" in node:
            yield from structure(node["/K"])


@pytest.mark.slow
def test_same_input_gives_same_bytes(rendered: tuple[bytes, bytes], tmp_path: Path) -> None:
    again = render_to_bytes(tmp_path, make_document(tmp_path / "elsewhere"))
    assert again == rendered


FAULTS = {
    "See @fig-missing.": "@fig-missing: nothing with this id has a number",
    "See @tbl-missing.": "@tbl-missing: nothing with this id has a number",
    "See @sec-missing.": "@sec-missing: nothing with this id has a number",
    "See @eq-missing.": "@eq-missing: nothing with this id has a number",
    "See [@nobody2000].": "citation nobody2000 not found",
    "[a](#nowhere)": "[…](#nowhere): nothing has this id",
    "[a]{#twice} [b]{#twice}": "the id twice is given 2 times",
    "# A {#sec-a}\n\n# B {#sec-a}": "Duplicate identifier 'sec-a'",
    "$$a$$ {#eq-a}\n\n$$b$$ {#eq-a}": "the id eq-a is given 2 times",
    '![C.](figures/no.svg){#fig-a fig-alt="x"}': "fig-a (figures/no.svg): there is no such file",
    "![C.](figures/curve.svg){#fig-b}": "fig-b (figures/curve.svg): has no alternative text",
    "Text ![](figures/photo.svg) text.": "figures/photo.svg: has no alternative text",
    '![C.](https://example.org/a.svg){fig-alt="x"}': "a.svg): a picture must be",
    '```{=html}\n<img src="a.png" alt="x">\n```': "<img src='a.png'> is fetched when the page",
    '```{=html}\n<img src="data:," alt="">\n```': "the picture data:, has no alternative text",
    "{{< pagebreak >}}": "this mark is not understood: {{<",
    "A paragraph {#par-a}": "this mark is not understood: {#par-a}",
    "::: {.callout-danger}\nx\n:::": ".callout-danger: there is no such callout",
    "::: {#fig-panel}\nx\n:::": "fig-panel: ids that begin with fig-",
    "$\\undefinedcommand{x}$": "Could not convert TeX math",
    "# An appendix {.appendix}\n\n# Late": "Late: a numbered section cannot follow the appendices",
    "[@fig-c; @lecun1998]": "cross-references and citations cannot share brackets",
}
"""What a document may get wrong, and what is said about it."""


@pytest.fixture(scope="module")
def refusal(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("faults")
    source = make_document(folder / "source", "\n\n".join(FAULTS) + "\n")
    with pytest.raises(UserError) as raised:
        render_to_bytes(folder, source)
    assert not (folder / "out").exists()
    return str(raised.value)


@pytest.mark.parametrize("message", FAULTS.values())
def test_refuses(refusal: str, message: str) -> None:
    assert message in refusal


def test_names_every_fault_once(refusal: str) -> None:
    lines = refusal.splitlines()
    assert lines[0] == "index.qmd was not rendered:"
    assert sum("@fig-missing" in line for line in lines) == 1
    assert len(set(lines)) == len(lines)


@pytest.mark.slow
def test_a_fault_in_the_pdf_alone_is_refused(tmp_path: Path) -> None:
    source = make_document(tmp_path / "source", '```{=typst}\n#panic("stop")\n```\n')
    with pytest.raises(UserError, match=r"index.qmd: Typst made no PDF: .*stop"):
        render_to_bytes(tmp_path, source)


@pytest.mark.slow
def test_signs_without_a_font_are_named(tmp_path: Path) -> None:
    source = make_document(tmp_path / "source", "For 学生 🙂 and *学*.\n")
    said = r"^index.qmd: the PDF's fonts do not have 学, 生, 🙂. Write it otherwise where it comes"
    with pytest.raises(UserError, match=said):
        render_to_bytes(tmp_path, source)


@pytest.mark.slow
def test_a_mark_that_only_the_pdf_shows_is_refused(tmp_path: Path) -> None:
    text = '::: {.content-visible when-format="typst"}\nOn paper {#par-a}\n:::\n'
    with pytest.raises(UserError, match=r"this mark is not understood: \{#par-a\}"):
        render_to_bytes(tmp_path, make_document(tmp_path / "source", text))


@pytest.mark.slow
def test_marks_in_code_and_formulas_are_left_alone(tmp_path: Path) -> None:
    text = "`{{< a >}}` and `{#b}` and $x {\\#y}$\n\n```\n{{< a >}} {#b}\n```\n"
    page, _ = render_to_bytes(tmp_path, make_document(tmp_path / "source", text))
    assert b"{{&lt; a" in page


@pytest.mark.slow
@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("<script>alert(1)</script>", r"this script is not the report's own: alert\(1\)"),
        (
            '<SCRIPT\ntype="module">alert(1)</SCRIPT >',
            r"script is not the report's own: alert\(1\)",
        ),
        ('<p onclick="alert(1)">a</p>', r"<p onclick=…> is no address of a page, and might run"),
        ("[a](javascript:alert)", r"<a href='javascript:alert'> is no address of a page"),
        ('<a href=" java\nscript:alert">a</a>', r"is no address of a page, and might run"),
        ("[a](data:text/html,b)", r"<a href='data:text/html,b'> is no address of a page"),
    ],
)
def test_what_might_run_in_the_page_is_refused(tmp_path: Path, body: str, message: str) -> None:
    text = f"```{{=html}}\n{body}\n```\n" if body[0] == "<" else body
    with pytest.raises(UserError, match=message):
        render_to_bytes(tmp_path, make_document(tmp_path / "source", f"a\n\n{text}\n"))


@pytest.mark.slow
def test_the_policy_names_the_hashes_of_the_report_s_own_scripts(tmp_path: Path) -> None:
    source = make_document(tmp_path / "source", "text\n", FRONT_MATTER.replace("@fig-curve", "it"))
    (source.parent / "receipts.html").write_text("<script>\nlet a = 1;\n</script>\n")
    page, _ = render_to_bytes(tmp_path, source)
    text = page.decode()
    (policy,) = re.findall('<meta http-equiv="Content-Security-Policy" content="(.*?)">', text)
    own = hashlib.sha256(b"\nlet a = 1;\n").digest()
    assert f"'sha256-{base64.b64encode(own).decode()}'" in policy
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy.replace("style-src 'unsafe-inline'", "")
    assert policy.count("sha256-") == text.count("<script>") == 3
    assert text.index("Content-Security-Policy") < text.index("<style>") < text.index("<script>")


LIKE_MARKS = "{{< a >}} {#fig-x}; a{#tbl-y} costs $5 and $6"


@pytest.mark.slow
@pytest.mark.parametrize("engine", ENGINES)
def test_signs_of_a_person_that_look_like_marks_stand_as_they_are(tmp_path: Path, engine) -> None:
    """In a heading and so the contents, a label within a mark, a table; but {{ in the title."""
    said, title = escape(LIKE_MARKS), LIKE_MARKS.replace("{{< a >}}", "{")
    body = f"# {said}\n\nOf [{said}]{{.experiment}}.\n\n| a |\n|:--|\n| {said} |\n"
    front_matter = f"---\ntitle: {json.dumps(escape(title))}\ndate: 2026-03-09\n---\n\n"
    source = make_document(tmp_path / "source", body, front_matter)
    page, pdf = render_to_bytes(tmp_path, source, engine=engine)
    plain = unescape(re.sub(r"<[^>]*>", "", page.decode()))
    assert (plain.count(title), plain.count(LIKE_MARKS)) == (2, 4)
    paper = " ".join(" ".join(texts(pdf)).split())
    assert title in paper
    assert paper.count(LIKE_MARKS) >= 3


def test_pandoc_is_ended_that_takes_too_long(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("cnn_study.report.render.RENDERING_SECONDS", 0.001)
    with pytest.raises(UserError, match=r"Pandoc did not finish in 0.001 seconds. `cnn-study che"):
        render_to_bytes(tmp_path, make_document(tmp_path / "source", "text"))


@pytest.mark.parametrize(
    ("front_matter", "message"),
    [
        ("", "has no front matter"),
        ("---\ntitle: [a\n---\n\n", "the front matter is not YAML"),
        ("---\ntitle: a\n---\n\n", "date: None; write a fixed day as YYYY-MM-DD"),
        ("---\ntitle: a\ndate: today\n---\n\n", "date: 'today'; write a fixed day"),
    ],
)
def test_refuses_front_matter(tmp_path: Path, front_matter: str, message: str) -> None:
    source = make_document(tmp_path / "source", "Text.\n", front_matter)
    with pytest.raises(UserError, match=message):
        render_to_bytes(tmp_path, source)


def test_names_the_folder_or_document_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no.qmd: there is no such document"):
        render_to_bytes(tmp_path, tmp_path / "no.qmd")
    with pytest.raises(UserError, match=r"has no _quarto.yml"):
        render_to_bytes(tmp_path, make_document(tmp_path / "source"), report=tmp_path)


@pytest.mark.slow
def test_a_failed_render_leaves_the_last_output(tmp_path: Path) -> None:
    source = make_document(tmp_path / "source", "Text.\n")
    made = render_to_bytes(tmp_path, source)
    before = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    assert (before["report.html"], before["report.pdf"]) == made
    assert sorted(before) == ["report.html", "report.pdf"]
    make_document(tmp_path / "source", "See @fig-missing.\n")
    with pytest.raises(UserError):
        render_to_bytes(tmp_path, source)
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == before


@pytest.mark.slow
def test_resources_may_stand_in_another_folder(tmp_path: Path) -> None:
    resources = tmp_path / "study"
    source = make_document(resources)
    moved = tmp_path / "report" / "index.qmd"
    moved.parent.mkdir()
    source.rename(moved)
    html, _ = render_to_bytes(tmp_path, moved, resources=resources)
    assert b'alt="A line that rises."' in html


APPENDICES = """\
# First {#sec-first}

See @sec-extra, @sec-inner, @sec-more, [-@sec-more] and @sec-first.

# Extra {#sec-extra .appendix}

## Inner {#sec-inner}

# More {#sec-more .appendix}

# References {.unnumbered}
"""


@pytest.mark.slow
def test_appendices_have_letters_on_the_page_and_on_paper(tmp_path: Path) -> None:
    front_matter = SHORT_FRONT_MATTER.replace("---\n\n", "toc: true\n---\n\n")
    html, pdf = render_to_bytes(
        tmp_path, make_document(tmp_path / "source", APPENDICES, front_matter)
    )
    page = html.decode()
    headings = re.findall(r"<h([2-6])[^>]*>(.*?)</h\1>", page, re.DOTALL)
    expected = ["1 First", "A Extra", "A.1 Inner", "B More", "References"]
    assert [words(text) for _, text in headings] == expected
    contents = section(page, '<details class="contents"', "</details>")
    entries = re.findall(r"<a .*?</a>", contents, re.DOTALL)
    assert [words(entry) for entry in entries] == expected
    paper = PdfReader(io.BytesIO(pdf))
    assert titles(paper.outline) == expected
    printed = re.sub(r"\s+", " ", " ".join(sheet.extract_text() for sheet in paper.pages))
    for text in (words(page), printed.replace("\xa0", " ")):
        assert "See Appendix A, Appendix A.1, Appendix B, B and Section 1." in text


def titles(outline: list) -> list[str]:
    return [
        title
        for entry in outline
        for title in (titles(entry) if isinstance(entry, list) else [entry.title])
    ]


@pytest.mark.slow
def test_what_lives_on_the_page_leaves_no_trace_on_paper(tmp_path: Path) -> None:
    picture = '![C.](figures/curve.svg){#fig-a fig-alt="x"}'
    text = "Before.\n\n{}\n\nAfter.\n"
    plain = make_document(tmp_path / "plain", text.format(picture))
    live = make_document(tmp_path / "live", text.format(f"::: {{.live}}\n{picture}\n:::"))
    pages = [render_to_bytes(tmp_path / name, source) for name, source in
             (("one", plain), ("two", live))]  # fmt: skip
    assert b'class="live"' in pages[1][0]
    assert pages[0][1] == pages[1][1]


def texts(pdf: bytes) -> list[str]:
    return [sheet.extract_text() for sheet in PdfReader(io.BytesIO(pdf)).pages]


@pytest.mark.slow
def test_a_picture_stands_above_what_follows_it(tmp_path: Path) -> None:
    """Never under the heading of another section, as one that floats to the foot of a page."""
    (tmp_path / "source" / "figures").mkdir(parents=True)
    picture = PICTURE.replace("200pt", "400pt").replace('height="100pt"', 'height="400pt"')
    (tmp_path / "source" / "figures" / "tall.svg").write_text(picture.format(colour="#111111"))
    line = "A sentence of the text that stands before the picture. " * 4
    for lines in (1, 8):
        body = (
            f"{line}\n\n" * lines + '![C.](figures/tall.svg){#fig-a fig-alt="x"}\n\n'
            "## Another question\n\nIts text.\n"
        )
        source = make_document(tmp_path / "source", body)
        text = "".join(texts(render_to_bytes(tmp_path, source)[1])).replace("\xa0", " ")
        assert text.index("Figure 1") < text.rindex("Another question")


@pytest.mark.slow
@pytest.mark.parametrize("lines", range(23, 28))
@pytest.mark.parametrize("level", [1, 2])
def test_no_heading_stands_at_the_foot_of_a_page(tmp_path: Path, lines: int, level: int) -> None:
    """Below it is room for more than one line of what it announces."""
    section = f"{'#' * level} Its heading\n\nOne line.\n\nAnother line.\n\nA third line.\n"
    body = "Line.\n\n" * lines + section
    sheets = texts(render_to_bytes(tmp_path, make_document(tmp_path / "source", body))[1])
    (sheet,) = (sheet for sheet in sheets if re.search(r"Its heading\s*One line", sheet))
    assert "Another line." in sheet


@pytest.mark.slow
@pytest.mark.parametrize(("sections", "depth"), [(4, 2), (30, 2), (60, 1)])
def test_the_contents_stand_on_one_page(tmp_path: Path, sections: int, depth: int) -> None:
    """In two columns; what still is too long names the sections of level 1 alone."""
    body = "".join(
        f"# Part {number}\n\n## Piece {number}\n\nText.\n\n" for number in range(sections)
    )
    source = make_document(tmp_path / "source", body)
    sheets = texts(render_to_bytes(tmp_path, source)[1])
    page, *rest = (sheet.replace("\u2060", "") for sheet in sheets)
    if "Part 1" not in page:
        page = rest[0]
    for number in range(sections):
        assert re.search(rf"Part {number}\b", page)
        listed = re.search(rf"^[\d.]+\s+Piece {number}\b.*\d$", page, re.MULTILINE)
        assert bool(listed) == (depth == 2)


@pytest.mark.slow
@pytest.mark.parametrize("before", range(20, 40, 3))
def test_a_broken_table_leaves_three_rows_on_each_page(tmp_path: Path, before: int) -> None:
    rows = "".join(f"| row {number} | {number} |\n" for number in range(40))
    body = "Line.\n\n" * before + f"| Name | Value |\n|:--|--:|\n{rows}\n: Long. {{#tbl-a}}\n"
    sheets = texts(render_to_bytes(tmp_path, make_document(tmp_path / "source", body))[1])
    shares = [len(re.findall(r"row \d+", sheet)) for sheet in sheets]
    assert sum(shares) == 40
    assert all(share == 0 or share >= 3 for share in shares)


HEADS = "Experiment | `convolution_dropout` | `dense_dropout` | Test accuracy (%) | Difference"
NARROW = (
    f"| {HEADS} | Interval | Verdict | n |\n|{'--|' * 8}\n"
    "| `filters-16-32-64-kernel-size-3` | 0.0 | 0.0 | 70.53 ± 0.58 | reference | − | − | 5 |\n"
    "| `filters-16-32-64-dropout-0-5` | 0.0 | 0.5 | 70.05 ± 0.84 | −0.48"
    " | −2.02 to +1.06 | too close to call | 5 |\n\n"
    ": Narrow. {#tbl-a}\n"
)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("pdftotext") is None, reason="pdftotext is not installed")
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("body", ["", NARROW], ids=["marks", "narrow"])
def test_no_two_words_of_the_pdf_overlap(tmp_path: Path, engine: str, body: str) -> None:
    source = make_document(tmp_path / "source", body.replace(": Narrow. {#tbl-a}\n", ""))
    render_to_bytes(tmp_path, source, engine=engine)
    assert overlaps(tmp_path / "out" / "report.pdf") == []


def test_words_that_overlap_are_seen(monkeypatch) -> None:
    """By hand: the second word begins within the first; the third stands on another line."""
    said = (
        '<page width="595.0" height="842.0">\n'
        '<word xMin="10.0" yMin="10.0" xMax="50.0" yMax="20.0">long</word>\n'
        '<word xMin="45.0" yMin="10.0" xMax="60.0" yMax="20.0">word</word>\n'
        '<word xMin="45.0" yMin="22.0" xMax="60.0" yMax="32.0">below</word>\n</page>\n'
    )
    done = subprocess.CompletedProcess([], 0, stdout=said)
    monkeypatch.setattr(subprocess, "run", lambda *arguments, **options: done)
    assert overlaps(Path("any.pdf")) == [(1, "long", "word")]


@pytest.mark.slow
def test_long_names_in_narrow_columns_break_after_hyphens(tmp_path: Path) -> None:
    _, pdf = render_to_bytes(tmp_path, make_document(tmp_path / "source", NARROW))
    spans = []

    def note(text, user, matrix, font, size) -> None:
        if text.strip():
            start = matrix[4] * user[0] + user[4]
            spans.append((text.strip(), start, abs(size * matrix[0] * user[0])))

    PdfReader(io.BytesIO(pdf)).pages[0].extract_text(visitor_text=note)
    second_column = min(x for text, x, _ in spans if text.startswith("0.0"))
    ends = [x + 0.602 * size * len(text.strip("\u200b"))  # a letter of DejaVu Sans Mono
            for text, x, size in spans if text.startswith("filters-")]  # fmt: skip
    assert ends
    assert max(ends) < second_column


@pytest.mark.slow
def test_a_formula_stays_with_the_sentence_before_it(tmp_path: Path) -> None:
    for before in range(27, 33):
        body = "Line.\n\n" * before + "Now it is said that\n\n$$\nabc = 1\n$$\n\nEnd.\n"
        source = make_document(tmp_path / f"source{before}", body)
        sheets = texts(render_to_bytes(tmp_path, source)[1])
        (sheet,) = [sheet for sheet in sheets if "Now it is said" in sheet]
        assert "𝑎𝑏𝑐" in sheet or "abc" in sheet


@pytest.mark.slow
def test_a_definition_stands_beside_its_term(tmp_path: Path) -> None:
    body = "kernel\n:   The weights of a layer.\n\nloss\n:   What is made small.\n"
    (sheet,) = texts(render_to_bytes(tmp_path, make_document(tmp_path / "source", body))[1])
    assert "kernel. The weights of a layer.\nloss. What is made small." in sheet


@pytest.mark.slow
def test_a_wide_table_stays_within_the_text(tmp_path: Path) -> None:
    header = " | ".join(f"Measured quantity {letter}" for letter in "ABCDEFGHI")
    row = " | ".join(f"{value * 1.375:.3f}" for value in range(9))
    rule = " | ".join("---:" for _ in range(9))
    rows = "\n".join(f"| {line} |" for line in (header, rule, *[row] * 70))
    source = make_document(tmp_path / "source", f"{rows}\n\n: Wide and long. {{#tbl-wide}}\n")
    sheets = PdfReader(io.BytesIO(render_to_bytes(tmp_path, source)[1])).pages
    starts = []

    def note_start(text, user, matrix, font, size) -> None:
        if text.strip():
            starts.append(matrix[4] * user[0] + user[4])

    sheets[0].extract_text(visitor_text=note_start)
    right_edge = (210 - 27) * 72 / 25.4  # A4 less the margin, in points
    assert 0.8 * right_edge < max(starts) < right_edge
    assert len(sheets) == 2
    assert all("quantity" in sheet.extract_text() for sheet in sheets)


# Quarto


FAKE_QUARTO = """\
#!{python}
# Stands for Quarto: `render` writes a file and may warn.
import sys
from pathlib import Path
name, target = Path(sys.argv[2]), sys.argv[4]
suffix = {{"html": ".html", "typst": ".pdf"}}[target]
options = " ".join(sys.argv[7:])
name.with_suffix(suffix).write_text("made by quarto: " + target + " " + options + {more!r})
print({said!r}, file=sys.stderr)
"""


@pytest.fixture
def fake_quarto(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def install(said: str, more: str = "") -> None:
        program = tmp_path / "bin" / "quarto"
        program.parent.mkdir()
        program.write_text(FAKE_QUARTO.format(python=sys.executable, said=said, more=more))
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")

    return install


def test_quarto_renders_where_it_is_installed(tmp_path: Path, fake_quarto) -> None:
    fake_quarto("Output created: index.html", '\n<meta charset="utf-8">\n')
    source = make_document(tmp_path / "source")
    html, pdf = tmp_path / "report.html", tmp_path / "report.pdf"
    assert render(source, html, pdf, commit="0123456789abcdef") == "quarto"
    told = "-M commit:0123456789"
    assert html.read_text().startswith(f"made by quarto: html -M embed-resources:false {told}")
    assert '<meta charset="utf-8">\n<meta http-equiv="Content-Security-Policy"' in html.read_text()
    assert pdf.read_text().startswith(f"made by quarto: typst {told}")
    assert not (source.parent / "index.html").exists()


def test_quarto_warnings_are_errors(tmp_path: Path, fake_quarto) -> None:
    fake_quarto("WARNING (refs.lua:128) Unable to resolve crossref @fig-x")
    source = make_document(tmp_path / "source")
    with pytest.raises(UserError, match="Unable to resolve crossref @fig-x"):
        render(source, tmp_path / "report.html", tmp_path / "report.pdf")


def test_quarto_documents_are_checked_as_others_are(tmp_path: Path, fake_quarto) -> None:
    fake_quarto("", '<img src="figures/curve.svg"> <a href="#fig-b">')
    source = make_document(tmp_path / "source")
    with pytest.raises(UserError, match=r"#fig-b.*nothing has this id[\s\S]*no alternative text"):
        render(source, tmp_path / "report.html", tmp_path / "report.pdf")


def test_quarto_log_is_read_line_by_line() -> None:
    log = "\x1b[33mWARN: one\x1b[39m\n[WARNING] Citeproc: two\nwarning: three\nno warning\npandoc\n"
    assert quarto_faults(log, 0) == ["WARN: one", "[WARNING] Citeproc: two", "warning: three"]
    assert quarto_faults("ERROR: broken", 1) == ["ERROR: broken"]
    own = "[WARNING] Scripting warning at filters/quarto-marks.lua line 395 column 1: @fig-x: none"
    assert quarto_faults(f"{own}\n{own}", 0) == ["@fig-x: none"]
    beside = "WARN: PDF standard validation requested but verapdf is not installed."
    assert quarto_faults(beside, 0) == []


def test_a_failing_quarto_is_told_from_its_first_error(capfd) -> None:
    """It prints the settings, abstract and all, and then pages of the document."""
    page = "<script>" + "x" * 10_000
    said = "\n".join(["pandoc", "  abstract: long", "error: unclosed label", page, *["more"] * 90])
    (told,) = quarto_faults(said, 1)
    assert told.startswith("error: unclosed label\n<script>xxx")
    assert len(told) < 1_000
    assert page in capfd.readouterr().err
    assert quarto_faults("only\nthis", 1) == ["only\nthis"]
    assert quarto_faults("", 4) == ["Quarto ended with status 4 and said nothing"]


def lay_out(project: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run what Quarto runs before it renders, as it does: in the project, by itself."""
    before = yaml.safe_load((REPORT / "_quarto.yml").read_text())["project"]["pre-render"]
    shutil.copyfile(REPORT / before, project / before)
    return subprocess.run(
        [sys.executable, before], cwd=project, env=os.environ | environment,
        capture_output=True, text=True, encoding="utf-8",
    )  # fmt: skip


def test_quarto_finds_the_document_in_the_reports_folder(tmp_path: Path) -> None:
    project, results = tmp_path / "report", tmp_path / "results" / "small"
    project.mkdir()
    refused = lay_out(project, CNN_STUDY="small")
    assert refused.returncode == 1
    assert refused.stderr.startswith("CNN_STUDY=small: results/small/report/index.qmd is not there")
    assert "snakemake --cores all --config study=small" in refused.stderr
    (results / "figures").mkdir(parents=True)
    (results / "report").mkdir()
    wanted = {"index.qmd": "text", "report/page.html": "page", "figures/a.svg": "new"}
    for name, text in wanted.items():
        place = (
            results / "report" / name.split("/")[-1] if "figures" not in name else results / name
        )
        place.write_text(text)
    (project / "figures").mkdir()
    (project / "figures" / "old.svg").write_text("of an earlier study")
    assert lay_out(project, CNN_STUDY="small").returncode == 0
    found = {path.relative_to(project).as_posix(): path.read_text()
             for path in project.rglob("*") if path.is_file() and path.suffix != ".py"}  # fmt: skip
    assert found == wanted


def test_what_quarto_lays_out_there_makes_no_page_old(tmp_path: Path) -> None:
    copy = tmp_path / "report"
    shutil.copytree(REPORT, copy, ignore=shutil.ignore_patterns(".quarto"))
    before = looks(copy)
    assert {path.name for path in before} >= {"_quarto.yml", "references.bib", "report.css"}
    (copy / "figures").mkdir(exist_ok=True)
    (copy / "figures" / "more.svg").write_text("")
    (copy / "index.qmd").write_text("")
    assert looks(copy) == before


def test_asking_for_a_missing_engine_is_refused(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserError, match="no program `quarto` is on the PATH"):
        render(tmp_path / "a.qmd", tmp_path / "a.html", tmp_path / "a.pdf", engine="quarto")
    with pytest.raises(UserError, match="--engine latex: allowed are auto, quarto, pandoc"):
        render(tmp_path / "a.qmd", tmp_path / "a.html", tmp_path / "a.pdf", engine="latex")


@QUARTO
def test_quarto_renders_the_reports_folder(tmp_path: Path) -> None:
    project, results = tmp_path / "report", tmp_path / "results" / "cifar10"
    shutil.copytree(REPORT, project)
    source = make_document(results)
    (results / "report").mkdir()
    text = source.read_text().replace("format:\n", "format:\n  typst: default\n")
    (results / "report" / "index.qmd").write_text(text)
    (results / "report" / "page.html").write_text("<script>'the page'</script>")
    shutil.copyfile(results / "sample.bib", project / "sample.bib")
    for name in ("receipts.html", "citation.html"):
        shutil.copyfile(results / name, project / name)
    done = subprocess.run(["quarto", "render", project], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    made = project / "rendered"
    assert "A line that rises." in (made / "index.html").read_text()
    assert (made / "index.pdf").read_bytes().startswith(b"%PDF")
    assert not (made / "index.docx").exists()


TYPST = """\
#!{python}
# Stands for Typst as Quarto brings it.
import sys
import typst
typst_, compile_, root, _, ppi, scale, program, target = sys.argv[1:]
assert (typst_, compile_, root, ppi) == ("typst", "compile", "--root", "--ppi")
pages = typst.compile(program, root=".", format="png", ppi=float(scale))
for number, page in enumerate(pages if isinstance(pages, list) else [pages], 1):
    open(target.replace("{{p}}", str(number)), "wb").write(page)
"""


@pytest.mark.parametrize("whole", [True, False], ids=["drawn", "failed"])
def test_word_gets_its_figures_as_png(tmp_path: Path, monkeypatch, whole: bool) -> None:
    source = make_document(tmp_path)
    text = "![One.](figures/curve.svg)\n\n![Two.](figures/photo.svg)\n\n![](figures/curve.svg)\n"
    source.write_text(text)
    program = tmp_path / "bin" / "quarto"
    program.parent.mkdir()
    program.write_text(TYPST.format(python=sys.executable) if whole else "#!/bin/sh\nexit 3\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    settings = yaml.safe_load((REPORT / "_quarto.yml").read_text())["format"]["docx"]
    filters = [f"--lua-filter={REPORT / name}" for name in settings["filters"]]
    command = [pypandoc.get_pandoc_path(), source.name, "--to=native", *filters]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    names = re.findall(r'"(figures/[^"]*)"', done.stdout)
    assert names == (["figures/1.png", "figures/2.png", "figures/1.png"] if whole else
                     ["figures/curve.svg", "figures/photo.svg", "figures/curve.svg"])  # fmt: skip
    assert ("figures stay SVG" in done.stderr) != whole
    heads = [(tmp_path / name).read_bytes()[:100] for name in names]
    assert all((b"PNG" in head) == whole and (b"<svg" in head) != whole for head in heads)


class Said(HTMLParser):
    """What a page says and where it leads: words, ids, links, pictures, numbers of sections."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.marks: list[tuple[str, str, str | None]] = []
        self.feed(page.split('<main id="content"')[1])

    def handle_data(self, data: str) -> None:
        self.words += data.split()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        kept = ("id", "href", "alt", "src", "data-number", "data-key")
        self.marks += [(tag, name, value) for name, value in attrs if name in kept]


def links(pdf: bytes) -> int:
    return sum(
        annotation.get_object()["/Subtype"] == "/Link"
        for sheet in PdfReader(io.BytesIO(pdf)).pages
        for annotation in sheet.get("/Annots", [])
    )


@pytest.mark.slow
@QUARTO
@pytest.mark.parametrize("body", ["", APPENDICES, NARROW], ids=["marks", "appendices", "narrow"])
def test_quarto_makes_the_same_document(tmp_path: Path, body: str) -> None:
    """Word for word, link for link, page for page."""
    source = make_document(tmp_path / "source", body)
    by_quarto, by_pandoc = (
        render_to_bytes(tmp_path / engine, source, engine=engine) for engine in ("quarto", "pandoc")
    )
    pages = Said(by_quarto[0].decode()), Said(by_pandoc[0].decode())
    assert pages[0].words == pages[1].words
    assert sorted(pages[0].marks) == sorted(pages[1].marks)
    assert texts(by_quarto[1]) == texts(by_pandoc[1])
    assert links(by_quarto[1]) == links(by_pandoc[1])
    assert (links(by_pandoc[1]) > 0) == (body != NARROW)
    assert len(by_quarto[0]) < 1.05 * len(by_pandoc[0])


# Theme


def luminance(colour: str) -> float:
    """Relative luminance after WCAG 2.2."""
    channels = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def theme_colours() -> dict[str, tuple[str, str]]:
    style = (REPORT / "theme" / "report.css").read_text()
    pairs = re.findall(r"--([a-z-]+): light-dark\((#\w{6}), (#\w{6})\);", style)
    return {name: (light, dark) for name, light, dark in pairs}


def test_contrast_of_black_and_white() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("mode", [0, 1], ids=["light", "dark"])
def test_text_has_contrast_aa(mode: int) -> None:
    colours = theme_colours()
    grounds = ("page", "panel")
    lines = ("rule", "strong-rule", "accent-soft")
    names = [name for name in colours if name not in grounds + lines]
    weak = {
        (name, ground): contrast(colours[name][mode], colours[ground][mode])
        for name in names
        for ground in grounds
        if contrast(colours[name][mode], colours[ground][mode]) < 4.5
    }
    assert len(names) == 15
    assert weak == {}


@pytest.mark.parametrize(
    ("name", "mode"),
    [("code.tmTheme", 0), ("report.typ", 0)],
)
def test_themes_share_their_colours(name: str, mode: int) -> None:
    known = {pair[mode] for pair in theme_colours().values()} | {"#14181d"}
    used = set(re.findall(r"#[0-9a-f]{6}\b", (REPORT / "theme" / name).read_text()))
    assert used
    assert used <= known


# ------------------------------------------------------------------------------- pictures


@pytest.mark.parametrize(
    ("name", "contents", "written"),
    [
        # By hand: line breaks go, and what ends an attribute or an address is written otherwise.
        (
            "a.svg",
            b'<svg fill="#fff">\n  <g>a &amp; 5 %</g>\n</svg>',
            'class="light-only" src="data:image/svg+xml,'
            "<svg fill='%23fff'> <g>a &amp;amp; 5 %25</g> </svg>\"",
        ),
        (
            "b.svg",
            b"<svg><style>@media (prefers-color-scheme: dark) {}</style></svg>",
            'src="data:image/svg+xml,<svg><style>@media (prefers-color-scheme: dark) {}'
            '</style></svg>"',
        ),
        (  # 72 points are 96 pixels; what is not drawn is left out
            "sized.svg",
            b'<?xml version="1.0"?>\n<!DOCTYPE svg>\n<svg x="1" width="72pt" height="36.4pt">'
            b"<metadata>made\nby</metadata><!-- 7 -->"
            b'<g id="axes"/><g id="dot"/><use href="#dot"/></svg>',
            'class="light-only" width="96" height="49" loading="lazy" src="data:image/svg+xml,'
            "<svg x='1' width='72pt' height='36.4pt'><g/><g id='dot'/><use href='%23dot'/></svg>\"",
        ),
        (
            "it's.svg",
            b"<svg id='x'/>",
            'class="light-only" src="data:image/svg+xml;base64,PHN2ZyBpZD0neCcvPg=="',
        ),
        (
            "c & d.png",
            b"\x89PNG",
            'class="light-only" src="data:image/png;base64,iVBORw=="',
        ),
    ],
)
def test_a_picture_stands_in_the_page_itself(tmp_path, name, contents, written):
    (tmp_path / name).write_bytes(contents)
    page = f'<p><img src="{name.replace("&", "&amp;")}" alt="x"></p>'
    assert embed_pictures(page, tmp_path) == f'<p><img {written} alt="x"></p>'


@pytest.mark.parametrize("name", ["nowhere.svg", "text.txt", "data:,"])
def test_what_is_no_picture_here_stays_and_is_told_of(tmp_path, name):
    (tmp_path / "text.txt").write_text("no picture")
    page = f'<img src="{name}" alt="x">'
    assert embed_pictures(page, tmp_path) == page
    assert bool(check_page(page)) == (name != "data:,")


def test_scripts_are_brought_along(tmp_path):
    (tmp_path / "report" / "scripts").mkdir(parents=True)
    (tmp_path / "report" / "scripts" / "base.py").write_text("print(1)\n")
    page = '<a href="report/scripts/{}.py" class="download" download="base.py">base.py</a>'
    # cHJpbnQoMSkK is print(1) and the end of the line.
    address = '<a href="data:text/x-python;base64,cHJpbnQoMSkK" class="download"'
    assert embed_scripts(page.format("base"), tmp_path).startswith(address)
    assert embed_scripts(page.format("other"), tmp_path) == page.format("other")
