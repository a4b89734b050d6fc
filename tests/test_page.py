"""The page in a real browser: quiet, offline, light and dark, on a phone, on paper.

The published text with today's theme and scripts; and the text of a small study made by hand.
"""

import hashlib
import json
import re
from pathlib import Path
from urllib.parse import quote

import pytest
import yaml

from cnn_study.report import live, receipts, render
from cnn_study.report import page as page_parts
from cnn_study.report.front_matter import _date, front_matter
from cnn_study.report.write import PAGE
from cnn_study.runs import inspections
from cnn_study.study.merge import load
from cnn_study.study.model import Study
from report_by_hand import DRAWING, PLAIN, SCORES, Made

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "results" / "cifar10"
MEAN_OF_THE_BASE = '.receipt[data-key=";experiments:0:test_accuracy_mean"]'
SHORT = f"data:image/svg+xml,{quote(DRAWING)}"


def make_page(study: Study, results: Path, output: Path) -> Path:
    """Make the page of a report's text as it stands, with today's theme, scripts and receipts.

    Only the page: Typst would take most of the time.
    """
    source = results / "report" / "index.qmd"
    text = source.read_text(encoding="utf-8")
    render._lay_out(output, source, results, render.REPORT)
    (output / "report").unlink()
    (output / "report").mkdir()
    seen = inspections.find(study, results)
    data = {receipts.ELEMENT: receipts.receipts(text, study, results, seen)}
    beside = (results / "report" / PAGE).read_text(encoding="utf-8")
    mark = f'<script type="application/json" id="{live.ELEMENT}">'
    if found := re.search(f"{mark}(.*?)</script>", beside):
        data[live.ELEMENT] = json.loads(found[1])
    (output / "report" / PAGE).write_text(page_parts.fragment(data), encoding="utf-8")
    project = yaml.safe_load((output / "_quarto.yml").read_text(encoding="utf-8"))
    document = front_matter(source.name, text)
    options = render._options(project, document, "html")
    day = _date(source.name, document)
    defaults = render._defaults(source.name, options, "html", day, None)
    assert render._run_pandoc([render.find_pandoc()], output, "html", defaults) == []
    page = output / "page.html"
    page.write_bytes(render._checked_page(output, source.name, []))
    return page


@pytest.fixture(scope="module")
def published(tmp_path_factory) -> Path:
    """The page of the published study."""
    study = load(ROOT / "experiments" / "cifar10.yaml")
    return make_page(study, RESULTS, tmp_path_factory.mktemp("published"))


@pytest.fixture(scope="module")
def light(published) -> Path:
    """The same with few drawings, which take half the time that the page takes to open."""
    kept = iter(("first", "second"))

    def thinned(figure: re.Match[str]) -> str:
        if 'id="fig-accuracy-and-cost"' in figure[0] or next(kept, None):
            return figure[0]
        return re.sub(r'src="data:image/svg[^"]*"', f'src="{SHORT}"', figure[0])

    text = published.read_text(encoding="utf-8")
    thin = re.sub(r"<figure.*?</figure>", thinned, text, flags=re.DOTALL)
    assert len(thin) < 0.6 * len(text)
    path = published.with_name("light.html")
    path.write_text(thin, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def small(tmp_path_factory) -> Path:
    """The page of a small study of the digits."""
    made = Made(tmp_path_factory.mktemp("small"), PLAIN)
    for experiment, scores in SCORES.items():
        made.runs(experiment, scores)
    made.text()
    return make_page(made.study, made.folder, tmp_path_factory.mktemp("small-page"))


def open_page(browser, path: Path, **context):
    """Open a page from disk, as nobody has before, and note what it says and asks for."""
    opened = browser.new_page(viewport={"width": 1280, "height": 900}, **context)
    opened.said, opened.asked = [], []
    opened.on("console", lambda message: opened.said.append(message.text))
    opened.on("pageerror", lambda error: opened.said.append(str(error)))
    opened.on("request", lambda request: opened.asked.append(request.url))
    opened.goto(path.as_uri())
    return opened


@pytest.fixture
def page(browser, light):
    """The page as a reader finds it, but for most of the drawings."""
    opened = open_page(browser, light)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def opened_once(browser, published):
    opened = open_page(browser, published)
    yield opened
    opened.close()


@pytest.fixture
def still(opened_once):
    """The page, opened once for all tests that leave it as it was: opening takes seconds."""
    opened_once.set_viewport_size({"width": 1280, "height": 900})
    yield opened_once
    opened_once.evaluate("() => document.querySelectorAll('dialog').forEach(one => one.close())")
    assert opened_once.said == []


def test_it_says_nothing_and_asks_for_nothing(browser, published):
    page = open_page(browser, published)
    page.mouse.wheel(0, 100_000)
    page.wait_for_timeout(300)
    assert page.said == []
    outside = [url for url in page.asked if not url.startswith(("file:", "data:"))]
    assert outside == []
    page.close()


def test_every_figure_is_drawn_and_described(still):
    pictures = still.locator("figure img")
    assert pictures.count() >= 5
    for number in range(pictures.count()):
        picture = pictures.nth(number)
        assert picture.evaluate("image => image.complete && image.naturalWidth > 0")
        assert len(picture.get_attribute("alt")) > 40


def test_every_link_inside_the_page_leads_somewhere(still):
    broken = still.evaluate(
        "() => [...document.querySelectorAll('a[href^=\"#\"]')]"
        ".map(link => link.getAttribute('href').slice(1))"
        ".filter(id => id && !document.getElementById(id))"
    )
    assert broken == []


def shades(page, locator) -> set[int]:
    """The brightness of every pixel of an element, 0 to 255."""
    from io import BytesIO

    from PIL import Image

    shot = Image.open(BytesIO(locator.screenshot())).convert("L")
    return set(shot.get_flattened_data())


def brightness(page, locator) -> float:
    """The mean brightness of an element, 0 to 255."""
    from io import BytesIO

    from PIL import Image, ImageStat

    return ImageStat.Stat(Image.open(BytesIO(locator.screenshot())).convert("L")).mean[0]


@pytest.mark.parametrize("system", ["light", "dark"])
@pytest.mark.parametrize("chosen", [False, True], ids=["as the system", "the other, by button"])
def test_page_and_figures_are_light_or_dark_together(browser, light, system, chosen):
    page = open_page(browser, light, color_scheme=system)
    if chosen:
        page.locator(".theme-toggle").click()
    figure = page.locator("#fig-accuracy-and-cost img")
    figure.scroll_into_view_if_needed()
    found = shades(page, figure)
    if (system == "dark") != chosen:
        assert min(found) < 40  # the page
        assert 200 < max(found) < 250  # words; white would be a light figure's
    else:
        assert max(found) == 255
        assert min(found) < 60
    page.close()


@pytest.mark.parametrize("system", ["light", "dark"])
def test_paper_is_light(browser, small, system):
    """Whatever the screen is: page, figures and the network at work."""
    page = open_page(browser, small, color_scheme=system)
    if system == "light":
        page.locator(".theme-toggle").click()
    figure = page.locator("figure img").first
    figure.scroll_into_view_if_needed()
    assert min(shades(page, figure)) < 40
    page.wait_for_timeout(300)
    ready = page.evaluate(
        "() => { dispatchEvent(new Event('beforeprint'));"
        " return [...document.querySelectorAll('figure img')].every("
        "image => image.complete && image.naturalWidth > 0); }"
    )
    assert ready  # a printer does not wait
    page.emulate_media(media="print", color_scheme=system)
    assert brightness(page, figure) > 230
    assert page.evaluate("() => getComputedStyle(document.body).backgroundColor").startswith(
        "rgb(255"
    )
    page.emulate_media(media="screen", color_scheme=system)
    page.evaluate("() => dispatchEvent(new Event('afterprint'))")
    page.wait_for_timeout(100)
    assert brightness(page, figure) < 60
    page.close()


def test_the_network_at_work_is_light_on_paper(page):
    page.emulate_media(color_scheme="dark")
    page.locator(".live").scroll_into_view_if_needed()
    brightest = (
        "() => { const canvas = document.querySelector('.live-maps canvas');"
        " const data = canvas.getContext('2d').getImageData("
        "0, 0, canvas.width, canvas.height).data;"
        " return Math.max(...data.filter((_, n) => n % 4 === 0)); }"
    )
    dark = page.evaluate(brightest)
    page.evaluate("() => dispatchEvent(new Event('beforeprint'))")
    light = page.evaluate(brightest)
    page.evaluate("() => dispatchEvent(new Event('afterprint'))")
    assert dark < 200 < light
    assert page.evaluate(brightest) == dark


def test_sentences_in_tables_have_room_on_a_phone(still):
    still.set_viewport_size({"width": 390, "height": 844})
    cell = still.locator("#tbl-settings tbody tr").first.locator("td").last
    assert cell.bounding_box()["width"] > 200


def test_figures_on_a_phone_stay_large_enough_to_be_read(still):
    still.set_viewport_size({"width": 390, "height": 844})
    widths = still.locator(".figure-box img").evaluate_all("all => all.map(i => i.clientWidth)")
    assert len(widths) > 20
    assert min(widths) >= 34 * 16
    assert still.evaluate("() => document.documentElement.scrollWidth") <= 390


def test_on_a_phone_nothing_hangs_over_the_side(still):
    still.set_viewport_size({"width": 390, "height": 844})
    wide = still.evaluate("() => document.documentElement.scrollWidth")
    assert wide <= 390


def test_the_keyboard_reaches_the_text_first(page):
    page.keyboard.press("Tab")
    assert page.evaluate("() => document.activeElement.getAttribute('href')").startswith("#")


def serious_faults(page) -> list[tuple]:
    """What axe finds that keeps somebody from reading: its rule and the first places.

    Of each table it sees the first rows and the last: the others are like them, and it takes long.
    """
    page.evaluate(
        "() => document.querySelectorAll('tbody tr:nth-child(n+6):not(:last-child)')"
        ".forEach(row => row.remove())"
    )
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    found = axe.run(page).response["violations"]
    serious = [one for one in found if one["impact"] in ("serious", "critical")]
    return [(one["id"], [node["target"] for node in one["nodes"][:3]]) for one in serious]


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 390)])
def test_axe_finds_nothing_serious(page, scheme, width):
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme)
    assert serious_faults(page) == []


@pytest.mark.parametrize("width", [1280, 390])
def test_axe_finds_nothing_serious_in_a_small_study(browser, small, width):
    page = open_page(browser, small)
    page.set_viewport_size({"width": width, "height": 900})
    assert page.said == []
    assert serious_faults(page) == []
    page.close()


@pytest.mark.parametrize("width", [1280, 1366, 1440, 1920])
def test_no_table_hides_columns_on_a_laptop(still, width):
    still.set_viewport_size({"width": width, "height": 900})
    hidden = still.evaluate(
        "() => [...document.querySelectorAll('.table-box')]"
        ".filter(box => box.scrollWidth > box.clientWidth)"
        ".map(box => box.closest('figure').id)"
    )
    assert still.locator(".evidence .table-box").count() > 10
    assert hidden == []
    assert still.evaluate("() => document.documentElement.scrollWidth") <= width


def test_what_scrolls_on_a_phone_can_be_reached_by_keyboard(still):
    """Also what a script has moved since the page came, as the evidence of a question."""
    still.set_viewport_size({"width": 390, "height": 844})
    still.wait_for_timeout(200)
    wrong = still.evaluate(
        "() => [...document.querySelectorAll('.table-box, .figure-box, .equation-body')]"
        ".filter(box => (box.scrollWidth > box.clientWidth) !== (box.tabIndex === 0))"
        ".map(box => box.closest('[id]').id)"
    )
    assert wrong == []


def test_names_break_between_their_words_only(still):
    name = still.locator("#tbl-ledger td code", has_text="flip-shift-normalization").first
    parts = name.evaluate(
        "code => [...code.childNodes].filter(node => node.nodeType === Node.TEXT_NODE)"
        ".map(node => node.data)"
    )
    assert parts == ["flip-", "shift-", "normalization-", "cosine-", "epochs-20"]
    still.set_viewport_size({"width": 390, "height": 844})
    lines = name.evaluate(
        "code => [...code.childNodes].filter(node => node.nodeType === Node.TEXT_NODE)"
        ".map(node => { const range = document.createRange(); range.selectNode(node);"
        " return range.getClientRects().length; })"
    )
    assert max(lines[:-1]) == 1  # the browser itself may break before a number
    assert name.inner_text() == "".join(parts)


@pytest.mark.parametrize("width", [1280, 1024, 390])
def test_no_button_stands_in_front_of_the_text(still, width):
    still.set_viewport_size({"width": width, "height": 900})
    still.locator("#tbl-question-combination").scroll_into_view_if_needed()
    main = still.locator("main").bounding_box()
    bar = still.locator(".sidebar").bounding_box()
    for button in (".receipt-toggle", ".theme-toggle"):
        box = still.locator(button).bounding_box()
        assert box["x"] + box["width"] <= main["x"] or box["y"] + box["height"] <= bar["height"]


def test_without_scripts_the_contents_leave_the_text_free(browser, published):
    context = browser.new_context(java_script_enabled=False)
    plain = context.new_page()
    plain.emulate_media(reduced_motion="reduce")
    plain.set_viewport_size({"width": 390, "height": 844})
    plain.goto(published.as_uri())
    assert plain.locator(".sidebar").bounding_box()["height"] < 80
    assert plain.locator("h1").is_visible()
    plain.locator(".contents > summary").click()
    plain.locator(".contents a").nth(5).click()
    assert plain.locator(".sidebar").bounding_box()["y"] < -200
    plain.set_viewport_size({"width": 1280, "height": 900})
    assert plain.locator(".contents a").first.is_visible()
    context.close()


def test_the_network_runs_in_the_page(page):
    live = page.locator(".live")
    live.scroll_into_view_if_needed()
    said = live.inner_text()
    assert "airplane" in said
    before = page.locator(".live").inner_text()
    live.locator("button").nth(5).click()
    assert live.inner_text() != before
    assert live.locator("canvas").count() > 20


def test_without_scripts_figures_stand_in_and_nothing_is_missing(browser, published):
    context = browser.new_context(java_script_enabled=False)
    plain = context.new_page()
    plain.goto(published.as_uri())
    assert plain.locator(".live figure img").is_visible()
    guess = plain.locator(".predict").first
    assert guess.is_visible()
    assert "The answers stand in" in guess.inner_text()
    assert plain.locator("#tbl-question-depth table").is_visible()
    assert plain.locator(".theme-toggle").is_hidden()
    context.close()


def test_a_guess_is_set_beside_the_interval(page):
    box = page.locator(".predict[data-change='depth-2']")
    lower, upper = (100 * float(box.get_attribute(f"data-{end}")) for end in ("lower", "upper"))
    box.locator("input").fill(str(round(upper) + 3))
    box.get_by_role("button").click()
    said = box.locator(".predict-result").inner_text()
    assert "Your guess lies outside." in said
    assert f"{abs(lower):.2f}" in said
    box.locator("input").fill(str(round(lower + upper) / 2))
    box.get_by_role("button").click()
    assert "Your guess lies inside it." in box.locator(".predict-result").inner_text()
    assert "1 of" in page.locator(".predict-tally").inner_text()


def test_every_answer_can_be_guessed_on_one_scale(still):
    """A scale for each would give its answer away, and one that ends before, forbid it."""
    boxes = still.locator(".predict[data-change]")
    answers = [
        100 * float(boxes.nth(n).get_attribute(f"data-{end}"))
        for n in range(boxes.count())
        for end in ("difference", "lower", "upper")
        if boxes.nth(n).get_attribute(f"data-{end}")
    ]
    scales = {
        (float(box.get_attribute("min")), float(box.get_attribute("max")))
        for box in still.locator(".predict input").all()
    }
    ((lowest, highest),) = scales
    assert lowest == -highest
    assert highest % 5 == 0
    assert max(map(abs, answers)) <= highest
    assert min(answers) < -15  # or this shows nothing


def test_answers_can_be_hidden_until_guessed(page):
    evidence = page.locator("#tbl-question-depth")
    page.get_by_label("Hide each answer until I have guessed").check()
    assert not evidence.is_visible()
    page.locator(".predict[data-change='depth-2']").get_by_role("button").click()
    assert evidence.is_visible()
    assert not page.locator("#tbl-question-dropout").is_visible()
    page.get_by_label("Hide each answer until I have guessed").uncheck()
    assert page.locator("#tbl-question-dropout").is_visible()


def test_a_click_on_a_number_opens_its_receipt(still):
    number = still.locator(MEAN_OF_THE_BASE).first
    shown = number.inner_text()
    number.click()
    receipt = still.get_by_role("dialog")
    assert receipt.get_by_role("heading", level=2).inner_text() == shown
    said = receipt.inner_text()
    stored = receipt.locator("dd strong").inner_text()
    assert f"{100 * float(stored):.1f}" in shown
    assert "Standard deviation" in said
    assert "results/cifar10/tables/experiments.csv" in said
    assert "snakemake --cores all base --config study=cifar10" in said
    assert said.count("seed-") == 5
    still.keyboard.press("Escape")
    assert not receipt.is_visible()


def test_every_kind_of_receipt_opens(page):
    """One of each column of each table, each figure and each joining of cells."""
    page.add_style_tag(content="main { display: none; }")  # or each would lay it out again
    faults = page.evaluate(
        """() => {
          const dialog = document.querySelector('.receipt-dialog');
          const numbers = [...document.querySelectorAll('.receipt[data-key]')];
          const kinds = new Map(numbers.map(
            number => [number.dataset.key.replace(/:[^:;]*:/g, '::'), number]));
          if (kinds.size < 100) return ['too few kinds'];
          return [...kinds.values()].filter(number => {
            number.click();
            const shown = dialog.open && dialog.querySelectorAll('dd, td').length > 3;
            dialog.close();
            return !shown && !number.closest('a');
          }).map(number => number.dataset.key);
        }"""
    )
    assert page.locator(".receipt[data-key]").count() > 500
    assert faults == []


def test_a_receipt_leaves_out_none_of_many_experiments(still):
    key = still.evaluate(
        "() => [...document.querySelectorAll('.receipt[data-key]')].map(e => e.dataset.key)"
        ".find(key => key.startsWith(';contrasts:0:'))"
    )
    still.locator(f'[data-key="{key}"]').first.click()
    receipt = still.get_by_role("dialog")
    assert receipt.locator("summary").count() == 6  # three kernel sizes at each of two widths
    assert "95 % interval" in receipt.inner_text()
    command = receipt.locator("pre").inner_text()
    assert all(name in command for name in receipt.locator("summary code").all_inner_texts())


def test_the_count_below_a_figure_opens_what_it_is_drawn_from(still):
    still.locator('[data-key=";figure-depth-curve:0:runs"]').click()
    receipt = still.get_by_role("dialog")
    title = receipt.get_by_role("heading", level=2).inner_text()
    assert title.startswith("n\u00a0=\u00a05 complete runs")
    assert receipt.locator("dd strong").inner_text() == "25"
    assert receipt.locator("summary").count() == 5  # depths 2 to 6
    said = receipt.inner_text()
    drawing = (RESULTS / "figures" / "depth-curve.svg").read_bytes()
    assert hashlib.sha256(drawing).hexdigest() in said
    assert "python -m cnn_study figures cifar10" in said


def test_a_figure_of_one_network_names_its_seed_alone(still):
    # The network that runs in the page has taken the place of the figure, not of its receipt.
    receipts = json.loads(still.locator("#receipts").text_content())
    assert receipts["cells"]["figure-feature-maps:0:runs"]["seeds"] == {"base": [1]}


def test_a_number_of_the_search_shows_its_runs_by_price_and_stage(still):
    still.locator('[data-key=";search-finalists:1:gap"]').first.click()
    receipt = still.get_by_role("dialog")
    assert receipt.locator("summary").all_inner_texts() == [
        "As cheap as the base: 1 trial, 1 run",
        "As cheap as the base: 1 finalist, 2 runs, with new seeds",
    ]
    runs = receipt.locator("details").nth(1).locator("tbody tr").all_inner_texts()
    assert [line.split("\t")[:3] for line in runs] == [
        ["10", "101", "76.44 %"],
        ["10", "102", "76.08 %"],
    ]
    assert "Test accuracy" not in receipt.inner_text()
    assert "python -m cnn_study search cifar10" in receipt.locator("pre").inner_text()


def test_a_difference_to_the_base_shows_the_winner_s_runs_and_the_base_s(still):
    still.locator('[data-key=";search-prices:0:over_base_lower"]').first.click()
    receipt = still.get_by_role("dialog")
    headings = receipt.get_by_role("heading", level=3).all_inner_texts()
    assert headings == ["Runs behind it", "Runs of the search behind it", "Make it again"]
    assert receipt.locator("summary").all_inner_texts() == [
        "base: seeds 1, 2, 3, 4, 5",
        "As cheap as the base: 1 winner, 5 runs, with seeds that chose nothing",
    ]
    assert receipt.get_by_role("columnheader", name="Test accuracy").count() == 2


def test_a_number_without_runs_says_why_and_trains_nothing(still):
    still.locator('[data-key=";ledger:0:macs_difference"]').first.click()
    receipt = still.get_by_role("dialog")
    said = receipt.inner_text()
    assert "none: it is worked out from the settings" in said
    assert "Runs behind it" not in said
    assert "snakemake" not in said


def test_a_printed_number_shows_who_printed_it(still):
    still.locator('[data-key*="published_test_accuracy"]').first.click()
    said = still.get_by_role("dialog").inner_text()
    assert "Ranthilake" in said
    assert "Runs behind it" not in said


def test_the_keyboard_reaches_receipts_when_asked_to(page):
    number = page.locator(MEAN_OF_THE_BASE).first
    assert number.get_attribute("tabindex") is None
    page.get_by_role("button", name="Receipts", exact=True).click()
    number.focus()
    page.keyboard.press("Enter")
    assert page.get_by_role("dialog").is_visible()


def test_tables_sort_by_number_and_back(page):
    table = page.locator("#tbl-question-depth table")
    heading = table.get_by_role("button", name="Test accuracy (%)")

    def scores() -> list[float]:
        cells = table.locator("tbody tr td:nth-child(3)").all_inner_texts()
        return [float(cell.split("±")[0]) for cell in cells]

    before = scores()
    heading.click()
    assert scores() == sorted(before)
    heading.click()
    assert scores() == sorted(before, reverse=True)
    assert before != scores()


def test_a_total_stays_below_whatever_it_is_sorted_by(page):
    rows = page.locator("#tbl-base tbody tr")
    total = rows.last.inner_text()
    assert total.startswith("Whole network")
    for name in ("Layer", "Parameters"):
        heading = page.locator("#tbl-base").get_by_role("button", name=name)
        for _ in range(2):
            before = rows.all_inner_texts()
            heading.click()
            assert rows.last.inner_text() == total
            assert rows.all_inner_texts() != before


def saved(page, table: str) -> list[list[str]]:
    import csv

    with page.expect_download() as started:
        page.get_by_role("button", name=f"Save {table} as CSV").click()
    assert started.value.suggested_filename == f"{table}.csv"
    lines = Path(started.value.path()).read_text(encoding="utf-8-sig")
    return list(csv.reader(lines.splitlines()))


def test_a_table_is_saved_as_csv(still):
    rows = saved(still, "tbl-question-depth")
    shown = still.locator("#tbl-question-depth tr")
    assert len(rows) == shown.count()
    assert rows[0] == [
        *("Experiment", "filters", "Test accuracy (%)", "Test accuracy (%) ±"),
        *("Difference", "Interval, from", "Interval, to", "Verdict", "n"),
    ]
    cells = shown.nth(2).locator("td").all_inner_texts()
    mean, deviation = cells[2].split(" ± ")
    assert rows[2][:4] == [cells[0], cells[1], mean, deviation]
    assert rows[2][4:7] == [
        number.replace("−", "-").removeprefix("+") for number in [cells[3], *cells[4].split(" to ")]
    ]
    assert rows[1][4:8] == ["reference", "", "", ""]


def test_saved_numbers_are_numbers(still):
    """Programs read no thousands separators, no plus and no typographic minus."""
    rows = saved(still, "tbl-ledger")
    assert all(re.fullmatch(r"-?[\d.]*", cell) for row in rows[1:] for cell in row[-2:])
    assert any(cell.startswith("-") and len(cell) > 4 for row in rows for cell in row[-2:])
    assert not re.search(r"−\d", str(rows))
