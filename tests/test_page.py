"""The page in a real browser: quiet, offline, light and dark, on a phone, on paper.

The published text with today's theme and scripts; and the text of a small study made by hand.
"""

import hashlib
import json
import re
import shutil
from pathlib import Path
from urllib.parse import quote

import pytest

from cnn_study.evidence.findings import Findings
from cnn_study.evidence.read import Tables
from cnn_study.report import explorer, live, receipts, render
from cnn_study.report import page as page_parts
from cnn_study.report.write import PAGE
from cnn_study.runs import inspections
from cnn_study.study.merge import load
from cnn_study.study.model import Study
from report_by_hand import DRAWING, PLAIN, SCORES, Made

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "results" / "cifar10"
MEAN_OF_THE_BASE = '.receipt[data-key=";experiments:0:test_accuracy_mean"]'
SHORT = f"data:image/svg+xml,{quote(DRAWING)}"


QUARTO = pytest.mark.skipif(shutil.which("quarto") is None, reason="Quarto is not installed")
ENGINES = ["pandoc", pytest.param("quarto", marks=QUARTO)]


def make_page(study: Study, results: Path, output: Path, engine: str = "pandoc") -> Path:
    """Make the page of a report's text as it stands, with today's theme, scripts and receipts.

    Only the page: Typst would take most of the time.
    """
    source = results / "report" / "index.qmd"
    text = source.read_text(encoding="utf-8")
    render._lay_out(output, source, results, render.REPORT)
    (output / "report").unlink()
    (output / "report").mkdir()
    seen = inspections.find(study, results)
    evidence = Findings(study, results / "evidence")
    data = {
        receipts.ELEMENT: receipts.receipts(text, study, results, seen),
        explorer.ELEMENT: explorer.explored(study, Tables(study, results / "tables"), evidence),
    }
    beside = (results / "report" / PAGE).read_text(encoding="utf-8")
    mark = f'<script type="application/json" id="{live.ELEMENT}">'
    if found := re.search(f"{mark}(.*?)</script>", beside):
        data[live.ELEMENT] = json.loads(found[1])
    (output / "report" / PAGE).write_text(page_parts.fragment(data), encoding="utf-8")
    page = output / "page.html"
    page.write_bytes(render._page(output, source.name, engine))
    return page


@pytest.fixture(scope="module", params=ENGINES)
def published(request, tmp_path_factory) -> Path:
    """The page of the published study."""
    study = load(ROOT / "experiments" / "cifar10.yaml")
    return make_page(study, RESULTS, tmp_path_factory.mktemp("published"), request.param)


@pytest.fixture(scope="module")
def light(published) -> Path:
    """The same with few drawings, which take half the time that the page takes to open."""
    kept = iter(("first", "second"))

    def thinned(figure: re.Match[str]) -> str:
        if re.search(r'id="fig-(accuracy-and-cost|confusion)', figure[0]) or next(kept, None):
            return figure[0]
        return re.sub(r'src="data:image/svg[^"]*"', f'src="{SHORT}"', figure[0])

    text = published.read_text(encoding="utf-8")
    thin = re.sub(r"<figure.*?</figure>", thinned, text, flags=re.DOTALL)
    assert len(thin) < 0.6 * len(text)
    path = published.with_name("light.html")
    path.write_text(thin, encoding="utf-8")
    return path


@pytest.fixture(scope="module", params=ENGINES)
def small(request, tmp_path_factory) -> Path:
    """The page of a small study of the digits."""
    made = Made(tmp_path_factory.mktemp("small"), PLAIN)
    joules = {"base": 900.0, "learning-rate-1": 12_400.0}
    for experiment, scores in SCORES.items():
        made.runs(experiment, scores, processor_joules=joules.get(experiment))
    made.text()
    folder = tmp_path_factory.mktemp("small-page")
    return make_page(made.study, made.folder, folder, request.param)


def open_page(browser, path: Path, **context):
    """Open a page from disk, as nobody has before, and note what it says and asks for."""
    opened = browser.new_page(viewport={"width": 1280, "height": 900}, **context)
    opened.said, opened.asked = [], []
    opened.on("console", lambda message: opened.said.append(message.text))
    opened.on("pageerror", lambda error: opened.said.append(str(error)))
    opened.on("request", lambda request: opened.asked.append(request.url))
    opened.goto(path.as_uri())
    return opened


def unfold(page) -> None:
    """Open what is folded, as a reader does who wants to see it."""
    page.evaluate(
        "() => document.querySelectorAll('main details').forEach(one => { one.open = true; })"
    )


def draw_all(page) -> None:
    """Lay out every part, as if a reader had been there."""
    unfold(page)
    page.add_style_tag(content="main section { content-visibility: visible !important; }")
    page.wait_for_timeout(500)


@pytest.fixture
def page(browser, light):
    """The page as a reader finds it, but for most of the drawings."""
    opened = open_page(browser, light)
    unfold(opened)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def opened_once(browser, published):
    opened = open_page(browser, published)
    unfold(opened)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def drawn_once(browser, published):
    opened = open_page(browser, published)
    draw_all(opened)
    yield opened
    opened.close()


@pytest.fixture
def drawn(drawn_once):
    """The page with every part laid out, for what is said of all of them."""
    drawn_once.set_viewport_size({"width": 1280, "height": 900})
    yield drawn_once
    assert drawn_once.said == []


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
        picture.evaluate("image => { image.loading = 'eager'; return image.decode(); }")
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


def test_answers_unfold_with_the_keyboard_and_on_paper(browser, small):
    page = open_page(browser, small)
    answers, open_ = page.locator("details.answer"), page.locator("details.answer[open]")
    assert answers.count() >= 10
    assert open_.count() == 0
    answers.first.locator("summary").focus()
    page.keyboard.press("Enter")
    assert open_.count() == 1
    # 64 numbers with 256 values each make 1.3e154 images.
    assert "154" in open_.inner_text()
    page.keyboard.press("Space")
    assert open_.count() == 0
    page.evaluate("() => dispatchEvent(new Event('beforeprint'))")
    assert open_.count() == answers.count()
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


def test_sentences_in_tables_have_room_on_a_phone(drawn):
    drawn.set_viewport_size({"width": 390, "height": 844})
    cell = drawn.locator("#tbl-settings tbody tr").first.locator("td").last
    assert cell.bounding_box()["width"] > 200


def test_figures_on_a_phone_stay_large_enough_to_be_read(drawn):
    """Those drawn for a phone fit it, with text of 9 px; the others have 9 px too, and scroll."""
    drawn.set_viewport_size({"width": 390, "height": 844})
    sizes = drawn.locator(".figure-box img[width]").evaluate_all(
        "all => all.map(image => [image.clientWidth, Number(image.getAttribute('width'))])"
    )
    narrow = [(shown, drawn) for shown, drawn in sizes if drawn < 500]
    assert len(narrow) > 20
    assert min(9 * 4 / 3 * shown / drawn for shown, drawn in narrow) > 8.9
    assert max(shown for shown, _ in narrow) <= 350
    assert min(7.5 * 4 / 3 * shown / drawn for shown, drawn in sizes if drawn > 500) > 8.9
    assert drawn.evaluate("() => document.documentElement.scrollWidth") <= 390


def test_formulas_fit_a_phone_with_their_numbers_below(drawn):
    drawn.set_viewport_size({"width": 390, "height": 844})
    drawn.wait_for_timeout(300)
    bodies = drawn.locator(".equation-body").evaluate_all(
        "all => all.map(body => [body.parentElement.id, body.scrollWidth - body.clientWidth,"
        " Math.max(...[...body.querySelectorAll('math')]"
        ".map(math => math.getBoundingClientRect().right)),"
        " parseFloat(getComputedStyle(body.querySelector('math')).fontSize)])"
    )
    assert len(bodies) > 5
    assert [body for body in bodies if body[1] > 0 or body[2] > 371 or body[3] < 9.5] == []
    body = drawn.locator("#eq-example .equation-body").bounding_box()
    number = drawn.locator("#eq-example .equation-number").bounding_box()
    assert number["y"] >= body["y"] + body["height"]
    drawn.set_viewport_size({"width": 1280, "height": 900})
    drawn.wait_for_timeout(300)
    assert drawn.locator(".equation.below").count() == 0


def test_drawings_for_a_phone_fit_it_and_the_rest_says_that_it_scrolls(drawn):
    drawn.set_viewport_size({"width": 390, "height": 844})
    drawn.wait_for_timeout(300)
    boxes = drawn.locator(".figure-box, .table-box, .explorer-table").evaluate_all(
        "all => all.map(box => ({ drawing: box.matches('.figure-box:not(.wide)'),"
        " over: box.scrollWidth - box.clientWidth, right: box.getBoundingClientRect().right,"
        " faded: getComputedStyle(box).maskImage !== 'none',"
        " hint: box.nextElementSibling?.matches('.scroll-hint:not([hidden])')"
        " ? box.nextElementSibling.textContent : '' }))"
    )
    assert sum(box["drawing"] for box in boxes) > 20
    assert max(box["over"] for box in boxes if box["drawing"]) == 0
    assert max(box["right"] for box in boxes) <= 371
    scrolling = [box for box in boxes if box["over"] > 1]
    assert len(scrolling) > 10
    assert {(box["faded"], box["hint"]) for box in scrolling} == {(True, "more →")}
    assert {box["hint"] for box in boxes if box["over"] <= 0} == {""}


def test_the_arrows_follow_what_scrolls(page):
    page.set_viewport_size({"width": 390, "height": 844})
    box = page.locator("#tbl-ledger .table-box")
    hint = page.locator("#tbl-ledger .scroll-hint")
    box.scroll_into_view_if_needed()
    page.wait_for_timeout(300)
    assert hint.text_content() == "more →"
    box.evaluate("box => { box.scrollLeft = 10_000; }")
    page.wait_for_timeout(200)
    assert hint.text_content() == "← more"
    assert box.evaluate("box => getComputedStyle(box).maskImage") == "none"


def test_a_figure_on_a_phone_is_seen_as_a_whole_when_asked(page):
    page.set_viewport_size({"width": 390, "height": 844})
    figure = page.locator("#fig-confusion-base-and-enhanced")
    assert figure.locator("img").evaluate("image => image.clientWidth") > 390
    figure.get_by_role("button", name="Fit fig-confusion-base-and-enhanced to the screen").click()
    assert figure.locator("img").evaluate("image => image.clientWidth") <= 350


def test_on_a_phone_nothing_hangs_over_the_side(drawn):
    drawn.set_viewport_size({"width": 390, "height": 844})
    wide = drawn.evaluate("() => document.documentElement.scrollWidth")
    assert wide <= 390


def test_the_keyboard_reaches_the_text_first(page):
    page.keyboard.press("Tab")
    assert page.evaluate("() => document.activeElement.getAttribute('href')").startswith("#")


def serious_faults(page) -> list[tuple]:
    """What axe finds that keeps somebody from reading: its rule and the first places.

    Of each table it sees the first rows and the last: the others are like them, and it takes long.
    """
    draw_all(page)
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
def test_no_table_hides_columns_on_a_laptop(drawn, width):
    drawn.set_viewport_size({"width": width, "height": 900})
    drawn.wait_for_timeout(300)
    hidden = drawn.evaluate(
        "() => [...document.querySelectorAll('.table-box')]"
        ".filter(box => box.scrollWidth > box.clientWidth)"
        ".map(box => box.closest('figure').id)"
    )
    assert drawn.locator("main .table-box").count() > 10
    assert hidden == []
    assert drawn.evaluate("() => document.documentElement.scrollWidth") <= width


def test_what_scrolls_on_a_phone_can_be_reached_by_keyboard(drawn):
    """Also what a script has moved since the page came, as the evidence of a question."""
    drawn.set_viewport_size({"width": 390, "height": 844})
    drawn.wait_for_timeout(300)
    wrong = drawn.evaluate(
        "() => [...document.querySelectorAll('.table-box, .figure-box, .equation-body')]"
        ".filter(box => (box.scrollWidth > box.clientWidth) !== (box.tabIndex === 0))"
        ".map(box => box.closest('[id]').id)"
    )
    assert wrong == []


def test_names_break_between_their_words_only(drawn):
    name = drawn.locator("#tbl-ledger tbody code", has_text="flip-shift-normalization").first
    parts = name.evaluate(
        "code => [...code.childNodes].filter(node => node.nodeType === Node.TEXT_NODE)"
        ".map(node => node.data)"
    )
    assert parts == ["flip-", "shift-", "normalization-", "cosine-", "epochs-20"]
    drawn.set_viewport_size({"width": 390, "height": 844})
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


@pytest.fixture(params=["switched off", "forbidden by a policy"])
def unscripted(request, browser, published):
    """A new page in which no script runs, and the address of the published one for it.

    Where a policy forbids them, a browser still takes them to be there: no <noscript> is shown.
    """
    page = published
    if request.param != "switched off":
        text = published.read_text(encoding="utf-8")
        policy = '<meta http-equiv="Content-Security-Policy" content="script-src \'none\'">'
        page = published.with_name("forbidden.html")
        page.write_text(text.replace("<head>", f"<head>\n{policy}", 1), encoding="utf-8")
    context = browser.new_context(java_script_enabled=request.param != "switched off")
    yield context.new_page(), page.as_uri()
    context.close()


def test_without_scripts_the_contents_leave_the_text_free(unscripted):
    plain, address = unscripted
    plain.emulate_media(reduced_motion="reduce")
    plain.set_viewport_size({"width": 390, "height": 844})
    plain.goto(address)
    assert plain.locator(".sidebar").bounding_box()["height"] < 80
    assert plain.locator("h1").is_visible()
    plain.locator(".contents > summary").click()
    plain.locator(".contents a").nth(5).click()
    assert plain.locator(".sidebar").bounding_box()["y"] < -200
    plain.set_viewport_size({"width": 1280, "height": 900})
    assert plain.locator(".contents a").first.is_visible()


def test_the_network_runs_in_the_page(page):
    live = page.locator(".live")
    live.scroll_into_view_if_needed()
    live.get_by_text("airplane").first.wait_for()
    before = page.locator(".live").inner_text()
    live.locator("button").nth(5).click()
    assert live.inner_text() != before
    assert live.locator("canvas").count() > 20


def test_without_scripts_figures_stand_in_and_nothing_is_missing(unscripted):
    plain, address = unscripted
    plain.goto(address)
    plain.locator(".live figure img").scroll_into_view_if_needed()
    assert plain.locator(".live figure img").is_visible()
    plain.locator(".guesses summary").first.click()
    guess = plain.locator(".predict").first
    guess.scroll_into_view_if_needed()
    assert guess.is_visible()
    assert "The answers stand in" in guess.inner_text()
    plain.locator("#sec-question-depth summary").first.click()
    plain.locator("#tbl-question-depth table").scroll_into_view_if_needed()
    assert plain.locator("#tbl-question-depth table").is_visible()
    assert "@" not in plain.locator(".explorer").text_content()
    assert "every experiment" in plain.locator(".explorer").text_content()
    assert plain.locator(".theme-toggle").is_hidden()


PLANTED = """\
<p>planted</p>
<script>document.documentElement.dataset.ran = 'script';</script>
<img src="data:image/png;base64,x" onerror="document.documentElement.dataset.ran = 'handler'">
<svg onload="document.documentElement.dataset.ran = 'drawing'"></svg>
<a id="link" href="javascript:void(document.documentElement.dataset.ran = 'link')">link</a>
<iframe srcdoc="<script>parent.document.documentElement.dataset.ran = 'frame'</script>"></iframe>
<img src="https://example.org/picture.png">
<link rel="stylesheet" href="https://example.org/style.css">
"""


def test_what_slips_into_the_page_does_not_run_and_fetches_nothing(browser, small):
    """As if escaping had failed; that the same runs without the policy shows what it is for."""
    text = small.read_text(encoding="utf-8")
    (policy,) = re.findall("<meta http-equiv=.Content-Security-Policy.*\n", text)
    planted = small.with_name("planted.html")
    for kept, ran in ((policy, None), ("", "link")):
        page_text = text.replace(policy, kept).replace("</main>", f"{PLANTED}</main>")
        planted.write_text(page_text, encoding="utf-8")
        page, failed = browser.new_page(), []
        page.on("requestfailed", lambda request, failed=failed: failed.append(request.failure))
        page.route("https://example.org/*", lambda route: route.abort("connectionfailed"))
        page.goto(planted.as_uri())
        page.get_by_text("planted").scroll_into_view_if_needed()
        page.locator("#link").click()
        page.wait_for_timeout(200)
        assert page.evaluate("document.documentElement.dataset.ran ?? null") == ran
        assert set(failed) == ({"csp"} if kept else {"net::ERR_CONNECTION_FAILED"})
        page.close()


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


def test_all_answers_are_guessed_on_one_scale(still):
    """A scale for each would give its answer away; the ends stand for whatever lies beyond."""
    scales = {
        (float(box.get_attribute("min")), float(box.get_attribute("max")))
        for box in still.locator(".predict input").all()
    }
    assert scales == {(-15.0, 15.0)}


def test_a_guess_at_an_end_of_the_scale_means_that_or_more(page):
    answers = page.locator(".predict[data-change]").evaluate_all(
        "all => all.map(box => [box.dataset.change, 100 * box.dataset.difference])"
    )
    farthest, mean = max(answers, key=lambda pair: abs(pair[1]))
    assert mean < -15  # or this shows nothing
    box = page.locator(f".predict[data-change='{farthest}']")
    box.locator("input").fill("-15")
    assert box.locator("output").inner_text() == "−15.00 or lower"
    box.get_by_role("button").click()
    said = box.locator(".predict-result").inner_text()
    assert "You guessed −15.00 or lower; the runs give −" in said
    assert "Your guess lies inside it." in said


def test_answers_of_a_group_are_hidden_until_all_its_guesses_are_made(page):
    evidence, others = page.locator("#fig-group-size"), page.locator("#fig-group-layers")
    hide = page.get_by_label("Hide the answers of a group until I have guessed")
    hide.check()
    assert not evidence.is_visible()
    boxes = page.locator("#sec-group-size .predict[data-change]").all()
    boxes = boxes or page.locator("#sec-group-size ~ .guesses").first.locator(".predict").all()
    assert len(boxes) == 3
    for box in boxes:
        assert not evidence.is_visible()
        box.get_by_role("button").click()
    evidence.scroll_into_view_if_needed()
    assert evidence.is_visible()
    assert not others.is_visible()
    hide.uncheck()
    others.scroll_into_view_if_needed()
    assert others.is_visible()


def test_a_click_on_a_number_opens_its_receipt(still):
    number = still.locator(MEAN_OF_THE_BASE).first
    shown = number.text_content()
    number.click()
    receipt = still.get_by_role("dialog")
    assert receipt.get_by_role("heading", level=2).inner_text() == shown
    said = receipt.inner_text()
    value = receipt.locator("dd", has_text="in the file").inner_text()
    exact, stored = re.fullmatch(r"([\d.]+) %, in the file ([\d.]+)", value).groups()
    assert float(exact) == pytest.approx(100 * float(stored))
    assert f"{float(exact):.1f}" in shown
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
          const numbers = [...document.querySelectorAll('.receipt[data-key]')];
          const kinds = new Map(numbers.map(
            number => [number.dataset.key.replace(/:[^:;]*:/g, '::'), number]));
          if (kinds.size < 100) return ['too few kinds'];
          return [...kinds.values()].filter(number => {
            number.click();
            const dialog = document.querySelector('.receipt-dialog');
            if (!dialog) return !number.closest('a');
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
    # The figure stands in a part that is folded until a reader opens it.
    still.locator('[data-key=";figure-depth-curve:0:runs"]').dispatch_event("click")
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
        "base base: seeds 1, 2, 3, 4, 5",
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
        cells = table.locator("tbody tr > :nth-child(2)").all_text_contents()
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
        *("filters", "Test accuracy (%)", "Test accuracy (%) ±"),
        *("Difference", "Interval, from", "Interval, to", "Verdict", "n", "Training (%)", "Gap"),
    ]
    cells = shown.nth(2).locator("th, td").all_inner_texts()
    mean, deviation = cells[1].split(" ± ")
    assert rows[2][:3] == [cells[0], mean, deviation]
    assert rows[2][3:6] == [
        number.replace("−", "-").removeprefix("+") for number in [cells[2], *cells[3].split(" to ")]
    ]
    assert rows[1][3:7] == ["reference", "", "", ""]


def test_saved_numbers_are_numbers(still):
    """Programs read no thousands separators, no plus and no typographic minus."""
    rows = saved(still, "tbl-ledger")
    assert all(re.fullmatch(r"-?[\d.]*", cell) for row in rows[1:] for cell in row[-2:])
    assert any(cell.startswith("-") and len(cell) > 4 for row in rows for cell in row[-2:])
    assert not re.search(r"−\d", str(rows))


def test_saved_texts_run_in_no_spreadsheet(page):
    cell = page.locator("#tbl-question-depth tbody tr").nth(1).locator(":nth-child(1)").first
    cell.evaluate("cell => { cell.textContent = '=1+1'; }")
    assert saved(page, "tbl-question-depth")[2][0] == "'=1+1"


# ------------------------------------------------------------------------------- experiments


def labels(page) -> list[str]:
    """What the table of all experiments shows, from above."""
    page.wait_for_selector(".explorer-table", state="attached")
    return page.locator(".explorer-table tbody tr:not([hidden]) .experiment-button").evaluate_all(
        "all => all.map(button => button.title)"
    )


def test_all_experiments_stand_in_one_table_and_sort(page):
    page.locator("#explore").scroll_into_view_if_needed()
    everything = labels(page)
    assert len(everything) == 69
    assert everything[:2] == ["base", "kernel-size-3"]
    assert everything[-1] == "search-four-times"
    row = page.locator(".explorer-table tr[data-experiment='kernel-size-3']")
    assert row.locator("th, td").all_text_contents() == [
        *("base + kernel 3×3", "59.94 ± 1.38", "+1.90", "+0.10 to +3.71", "helps"),
        *("0.32", "67,826", "56", "base"),
    ]
    page.locator(".explorer-table").get_by_role("button", name="Test accuracy (%)").click()
    assert labels(page)[:2] == ["search-four-times", "search-enhanced"]
    page.locator(".explorer-table").get_by_role("button", name="MACs").click()
    assert labels(page)[0] == "filters-16-32-64"
    page.locator(".explorer-table").get_by_role("button", name="Difference").click()
    assert labels(page)[-1] == "base"  # it has none


@pytest.mark.parametrize("width", [1280, 1366, 1440, 1920])
def test_the_table_of_experiments_fits_a_laptop(still, width):
    still.set_viewport_size({"width": width, "height": 900})
    labels(still)
    table = still.locator(".explorer-table")
    table.scroll_into_view_if_needed()
    still.wait_for_timeout(300)
    assert table.evaluate("box => box.scrollWidth - box.clientWidth") == 0
    place = table.bounding_box()
    assert place["width"] <= 1120
    assert place["x"] + place["width"] <= width
    assert table.get_by_role("button", name="Compared with").is_visible()
    seconds = table.get_by_role("button", name="Seconds")
    assert not seconds.is_visible()
    still.get_by_label("More columns").check()
    assert seconds.is_visible()
    still.get_by_label("More columns").uncheck()


def test_the_table_of_experiments_is_filtered(page):
    page.locator("#explore").scroll_into_view_if_needed()
    labels(page)
    filters = page.locator(".explorer-filters")
    filters.get_by_label("Question").select_option("depth")
    assert labels(page) == ["depth-2", "depth-4", "depth-5", "depth-6"]
    filters.get_by_label("Verdict").select_option("hurts")
    assert labels(page) == ["depth-2", "depth-5", "depth-6"]
    assert page.locator(".explorer-tally").text_content().startswith("3 of 69 shown.")
    filters.get_by_role("searchbox").fill("depth-2 filters")
    assert labels(page) == ["depth-2"]
    page.locator(".explorer-actions").get_by_role("button", name="Show all").click()
    filters.get_by_label("MACs").select_option("1")
    cheap = labels(page)
    assert "kernel-size-3" in cheap
    assert "search-base" in cheap
    assert "filters-16-32-64-kernel-size-3" not in cheap
    filters.get_by_label("Group").select_option("search")
    assert labels(page) == ["search-base"]


def test_two_experiments_stand_side_by_side(page):
    page.locator("#explore").scroll_into_view_if_needed()
    labels(page)
    compare = page.get_by_role("button", name="Compare the two chosen")
    assert compare.is_disabled()
    for label in ("base + kernel 5×5", "base + kernel 3×3", "base"):
        page.get_by_label(f"Compare {label}", exact=True).check()
    assert not page.get_by_label("Compare base + kernel 5×5", exact=True).is_checked()
    compare.click()
    shown = page.get_by_role("dialog")
    assert shown.get_by_role("heading", level=2).inner_text() == "base + kernel 3×3 and base"
    said = shown.inner_text()
    assert "base + kernel 3×3 against base: +1.90 points (+0.10 to +3.71), helps." in said
    tables = shown.locator("table")
    setting = tables.nth(1).locator("tbody tr").all_inner_texts()
    assert setting == ["kernel_size\t3\t7"]
    # From runs.csv: 0.6102 and 0.5946, and so on.
    assert tables.nth(2).locator("tbody tr").first.inner_text() == "1\t61.02\t59.46\t+1.56"
    airplane = tables.nth(3).locator("tbody tr").first.inner_text()
    assert airplane.endswith("+4.18\ttoo close to call")
    assert "324,224\t1,471,104\t0.22 ×" in said
    assert shown.locator("svg polyline[points]").count() >= 4


def test_a_pair_of_a_published_ranking_has_its_verdict(page):
    page.goto(page.url + "#compare=filters-16-32-64,filters-16-32-64-kernel-size-3")
    said = page.get_by_role("dialog").inner_text()
    assert (
        "enhanced against base + filters 16-32-64: +6.39 points (+4.96 to +7.83), helps, "
        "judged for a ranking that somebody published."
    ) in said


def test_where_the_evidence_judges_no_pair_nothing_is_concluded(page):
    page.goto(page.url + "#compare=depth-2,activation-tanh")
    said = page.get_by_role("dialog").inner_text()
    assert "the plain difference of the means" in said
    assert "does not judge these two against each other" in said
    for verdict in ("helps", "hurts", "too close to call"):
        assert verdict not in said


def test_a_card_opens_by_its_link_and_back_closes_it(page):
    page.locator("#explore").scroll_into_view_if_needed()
    labels(page)
    page.locator(".experiment-button[title='depth-2']").click()
    card = page.get_by_role("dialog")
    assert page.url.endswith("#experiment-depth-2")
    said = card.inner_text()
    assert "2 convolutions" in card.get_by_role("heading", level=2).inner_text()
    assert "65.85 ± 0.78 %" in said
    assert "Against enhanced\n−4.68 points (−5.69 to −3.68): hurts, in Depth" in said
    assert "snakemake --cores all depth-2 --config study=cifar10" in said
    page.go_back()
    assert not card.is_visible()
    assert "#experiment" not in page.url
    page.goto(page.url.split("#")[0] + "#experiment-search-base")
    assert "80.03 ± 0.14 %" in card.inner_text()
    page.keyboard.press("Escape")
    assert not card.is_visible()
    assert "#" not in page.url


def test_a_card_tells_energy_where_it_was_measured(browser, small, page):
    opened = open_page(browser, small)
    said = {"learning-rate-1": ["12", "0.90", "13.78 ×"], "learning-rate-2": ["–", "0.90", "–"]}
    for id_, cells in said.items():
        opened.goto(f"{small.as_uri()}#compare={id_},base")
        (row,) = opened.get_by_role("row").filter(has_text="Energy of a training, kJ").all()
        assert row.inner_text().split("\t")[1:] == cells
    assert opened.said == []
    opened.close()
    page.goto(f"{page.url.partition('#')[0]}#experiment-base")
    card = page.get_by_role("dialog").inner_text()
    assert "MACs for an image" in card
    assert "Energy" not in card


def test_a_card_leads_on_and_closing_leads_to_the_text(page):
    before = page.url
    labels(page)
    page.evaluate("() => pageParts.go('experiment-depth-2')")
    card = page.get_by_role("dialog")
    card.get_by_label("Compare with").select_option("base")
    card.get_by_role("button", name="Compare", exact=True).click()
    assert page.url.endswith("#compare=depth-2,base")
    card.get_by_role("button", name="base", exact=True).click()
    assert page.url.endswith("#experiment-base")
    card.get_by_role("button", name="Close").click()
    page.wait_for_url(before)
    assert not card.is_visible()


def test_an_address_of_no_experiment_opens_nothing(page):
    page.goto(page.url + "#experiment-nonsense")
    assert page.get_by_role("dialog").count() == 0
    assert page.said == []


def copied(page, button) -> str:
    """What a button copies, taken where the page gives it to the browser."""
    page.evaluate(
        "() => { window.taken = ''; Object.defineProperty(navigator, 'clipboard', {"
        " configurable: true, value: { writeText: text => {"
        " window.taken = text; return Promise.resolve(); } } }); }"
    )
    button.click()
    return page.evaluate("() => window.taken")


def test_a_card_is_cited_with_label_id_and_score(page):
    page.evaluate("() => pageParts.go('experiment-kernel-size-3')")
    card = page.get_by_role("dialog")
    text = copied(page, card.get_by_role("button", name="Copy citation"))
    assert text.startswith(
        "base + kernel 3×3 (kernel-size-3 of the study cifar10): test accuracy 59.94 ± 1.38 %, "
        "5 runs. The cnn-study authors. Image classification"
    )
    assert "file:" not in text
    link = copied(page, card.get_by_role("button", name="Copied"))
    assert link == text  # the same button, which says so for a moment
    assert copied(page, card.get_by_role("button", name="Copy link")).endswith(
        "light.html#experiment-kernel-size-3"
    )


def test_a_receipt_is_linked_and_cited(page):
    number = page.locator("#tbl-ledger [data-key=';ledger:5:test_difference']")
    shown = number.text_content()
    number.click()
    receipt = page.get_by_role("dialog")
    assert "12.494 points, in the file 0.12494" in receipt.inner_text()
    assert "enhanced filters-16-32-64-kernel-size-3" in receipt.inner_text()
    text = copied(page, receipt.get_by_role("button", name="Copy citation"))
    assert text.startswith(f"{shown}: 0.12494 (enhanced, results/cifar10/evidence/ledger.csv, ")
    assert "column test_difference, sha256 " in text
    link = copied(page, receipt.get_by_role("button", name="Copy link"))
    page.keyboard.press("Escape")
    assert not receipt.is_visible()
    page.goto("about:blank")
    page.goto(link)
    assert page.get_by_role("dialog").get_by_role("heading", level=2).inner_text() == shown


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 390)])
def test_axe_finds_nothing_serious_in_dialogs_and_the_table(browser, small, scheme, width):
    page = open_page(browser, small, color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 900})
    labels(page)
    for address in ("", "experiment-learning-rate-1", "compare=learning-rate-1,base"):
        page.evaluate("address => { location.hash = address; }", address)
        page.wait_for_timeout(100)
        assert serious_faults(page) == []
        assert page.evaluate("() => document.documentElement.scrollWidth") <= width
    assert page.said == []
    page.close()


def test_a_named_experiment_opens_its_card(browser, small):
    page = open_page(browser, small)
    page.evaluate(
        "() => document.querySelector('main p').insertAdjacentHTML('beforeend',"
        ' \'<span class="experiment" data-experiment="learning-rate-2">small rate</span>\')'
    )
    page.locator(".experiment", has_text="small rate").click()
    card = page.get_by_role("dialog")
    assert card.get_by_role("heading", level=2).inner_text() == "base + rate 0.01"
    page.close()


# ------------------------------------------------------------------------------- figures, headings


@pytest.mark.parametrize("way", ["SVG", "PNG"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_figure_is_saved_in_light_colours(browser, light, way, scheme):
    from PIL import Image

    page = open_page(browser, light, color_scheme=scheme)
    if scheme == "dark":
        page.locator(".theme-toggle").click()  # the other way round and back
        page.locator(".theme-toggle").click()
    page.locator("#fig-accuracy-and-cost").scroll_into_view_if_needed()
    with page.expect_download() as started:
        page.get_by_role("button", name=f"Save fig-accuracy-and-cost as {way}").click()
    assert started.value.suggested_filename == f"accuracy-and-cost.{way.lower()}"
    path = Path(started.value.path())
    if way == "PNG":
        image = Image.open(path).convert("L")
        assert image.width > 1300
        assert image.histogram()[255] > 0.5 * image.width * image.height
    else:
        text = path.read_text(encoding="utf-8")
        assert text.startswith("<svg")
        assert "@media not all" in text
        assert "prefers-color-scheme" not in text
    page.close()


def test_headings_have_their_address_beside_them(still):
    links = still.locator("main :is(h2, h3) > .permalink")
    assert links.count() > 40
    assert set(links.all_text_contents()) == {"#"}
    wrong = links.evaluate_all(
        "all => all.filter(link => !link.closest('section').matches(link.getAttribute('href')))"
    )
    assert wrong == []


def test_the_contents_keep_few_stops_before_the_text(still):
    still.set_viewport_size({"width": 1440, "height": 900})
    still.evaluate("() => scrollTo(0, 0)")
    still.wait_for_timeout(100)
    stops = still.locator(".sidebar :is(a, button, summary)").evaluate_all(
        "all => all.filter(one => one.checkVisibility()).length"
    )
    assert stops < 40
    still.evaluate("() => document.getElementById('sec-question-depth').scrollIntoView()")
    still.wait_for_timeout(200)
    assert still.locator(".contents a[href='#sec-question-depth']").is_visible()


def test_the_contents_scroll_by_themselves_and_show_where_one_reads(still):
    still.set_viewport_size({"width": 1440, "height": 900})
    still.evaluate("() => scrollTo(0, 0)")
    still.wait_for_timeout(200)
    list_ = still.locator(".contents > ul")
    assert list_.evaluate("list => list.scrollHeight > list.clientHeight")
    assert list_.evaluate("list => getComputedStyle(list).overflowY") == "auto"
    assert list_.evaluate("list => list.getBoundingClientRect().bottom") <= 900
    assert "more-below" in list_.get_attribute("class")
    still.evaluate("() => document.getElementById('sec-receipts').scrollIntoView()")
    still.wait_for_timeout(300)
    now = still.locator(".contents [aria-current]").bounding_box()
    place = list_.bounding_box()
    assert place["y"] <= now["y"]
    assert now["y"] + now["height"] <= place["y"] + place["height"]
    assert "more-above" in list_.get_attribute("class")


@pytest.mark.parametrize("width", [1440, 390])
def test_a_jump_lands_at_its_heading_and_shows_it(still, width):
    """Parts that are far away are not laid out yet: their places are guessed."""
    still.set_viewport_size({"width": width, "height": 900})
    for id_ in ("sec-checklist", "sec-network", "sec-receipts", "sec-question-depth"):
        still.evaluate("id => { location.hash = id; }", id_)
        still.wait_for_timeout(300)
        top = still.evaluate(
            "id => document.getElementById(id).querySelector('h2, h3').getBoundingClientRect().top",
            id_,
        )
        assert 0 <= top < 200, id_
        assert len(shades(still, still.locator(f"#{id_} :is(h2, h3)").first)) > 5


def test_every_table_says_what_heads_its_rows_and_columns(still):
    wrong = still.evaluate(
        "() => [...document.querySelectorAll('main figure.table table')].filter(table =>"
        " [...table.tHead.rows[0].cells].some(cell => cell.scope !== 'col')"
        " || [...table.tBodies[0].rows].some(row => row.cells[0].scope !== 'row')).length"
    )
    assert wrong == 0


def test_on_a_phone_the_name_of_a_row_stays_in_sight(still):
    still.set_viewport_size({"width": 390, "height": 844})
    table = still.locator("#tbl-ledger .table-box")
    table.scroll_into_view_if_needed()
    still.wait_for_timeout(200)
    table.evaluate("box => { box.scrollLeft = 400; }")
    assert table.evaluate("box => box.scrollLeft") > 100
    left = table.locator("tbody th").first.bounding_box()["x"]
    assert 0 <= left < 40
