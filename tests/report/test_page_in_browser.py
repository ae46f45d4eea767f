"""report.html in a browser: every control by mouse and by keyboard, nothing asked for, nothing complained of."""

import json

import numpy as np
import pytest
from helpers import browser, pages

from looc_tf.report.page import write_page

pytestmark = pytest.mark.skipif(browser.program() is None, reason="needs a Chromium on this machine")
COUNT, STEP = 60, 8
OBJECT = {"trunk": 51.5, "all": 9.25, "rotation": 100.0, "concat": 60.0}


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    place = tmp_path_factory.mktemp("page")
    records = [pages.record("looc", name, "object", value, half=1.5) for name, value in OBJECT.items()]
    records += [pages.record("looc", "all", "few_shot@5", 1234.5), pages.record("looc", "trunk", "few_shot@5", 80.0)]
    records += [pages.record("looc", "all", "few_shot@10", -2.0)]
    records += [pages.record("moco", name, "object", 55.0) for name in ("trunk", "all")]
    records += [pages.record("looc", "trunk", f"draws_on@{pages.HOSTILE} {n}", 5.0) for n in range(17)]
    runs = {"looc": pages.run(place / "looc", "looc"), "moco": pages.run(place / "moco", "moco", ("all",), seed=1)}
    sources = {part: pages.source(COUNT) for part in ("train", "validation", "test")}
    return write_page(
        place / "report.html", runs, records, sources, [f"A note {pages.HOSTILE}."], remarks=["{{ one }}"]
    )


@pytest.fixture(scope="module")
def started(tmp_path_factory):
    chromium = browser.Browser(tmp_path_factory.mktemp("profile"))
    yield chromium
    chromium.close()


@pytest.fixture
def shown(page, started):
    """The page, opened anew; afterwards it has to have asked for nothing and to have complained of nothing."""
    started.requests.clear()
    started.complaints.clear()
    started.open("about:blank")
    started.open(page)
    yield started
    assert set(started.requests) == {page.as_uri()}
    assert not started.complaints


def data(page):
    text = page.read_text().partition('id="neighbors">')[2].partition("</script>")[0]
    return json.loads(text)


def column(chromium, table, number):
    return chromium.each(f"table[aria-label='{table}'] tbody td:nth-child({number})", "each.textContent")


def head(table, number):
    return f"table[aria-label='{table}'] th:nth-child({number})"


def order(chromium, table, number):
    return chromium.each(head(table, number), "each.ariaSort")[0]


def focus(chromium, selector):
    chromium.run(f"document.querySelector({json.dumps(selector)}).focus()")


# The browser goes back when it comes to it: done when the page has heard of it.
GO_BACK = """new Promise(done => {
  addEventListener("hashchange", () => setTimeout(done), {once: true});
  history.back();
})"""


def query(chromium):
    text = chromium.run("document.querySelector('[data-part=query] strong').textContent")
    return int(text.rpartition(" ")[2]) - 1


def panels(chromium):
    return chromium.each(".panel h3", "each.textContent")


PICKED = "document.querySelector('[name=query]:checked').value"
FIRST = "[data-part=panels] .panel:nth-child(1) li:nth-child(2) button"


def pictures_of(chromium):
    return chromium.each("[name=query]", "Number(each.value)")


@pytest.mark.parametrize("means", ["mouse", "Enter", " "])
def test_a_table_sorts_by_numbers_their_means_and_words(shown, means):
    def press(table, number):
        if means == "mouse":
            return shown.click(f"{head(table, number)} button")
        focus(shown, f"{head(table, number)} button")
        return shown.press(means)

    as_written = column(shown, "Probes", 3)
    assert as_written == ["51.5 ± 1.5", "9.2 ± 1.5", "100.0 ± 1.5", "60.0 ± 1.5", "55.0", "55.0"]
    assert order(shown, "Probes", 3) == "none"
    press("Probes", 3)
    down = ["100.0 ± 1.5", "60.0 ± 1.5", "55.0", "55.0", "51.5 ± 1.5", "9.2 ± 1.5"]
    assert column(shown, "Probes", 3) == down and order(shown, "Probes", 3) == "descending"
    press("Probes", 3)
    assert column(shown, "Probes", 3) == down[::-1] and order(shown, "Probes", 3) == "ascending"
    press("Probes", 2)
    assert order(shown, "Probes", 3) == "none" and order(shown, "Probes", 2) == "ascending"
    assert column(shown, "Probes", 2) == ["all", "all", "concat", "rotation", "trunk", "trunk"]
    press("Probes", 2)
    press("Probes", 2)
    assert column(shown, "Probes", 3) == as_written and order(shown, "Probes", 2) == "none"
    foot = "document.querySelector(\"table[aria-label='Probes'] tfoot\").textContent"
    assert "chance" in shown.run(foot)
    assert column(shown, "few_shot", 3) == ["–", "-2.0"]
    press("few_shot", 3)  # a dash goes last, in either direction
    assert column(shown, "few_shot", 3)[-1] == "–"
    press("few_shot", 3)
    assert column(shown, "few_shot", 3)[-1] == "–"


def test_a_query_by_mouse_and_its_neighbors(shown, page):
    found = data(page)
    names = ["looc: trunk", "looc: all", "looc: rotation", "moco: trunk"]
    assert query(shown) == 0 and panels(shown) == names
    shown.click("[data-part=pictures] label:nth-child(7) .tile")
    assert query(shown) == 6 == int(shown.run(PICKED))
    labels = shown.each(
        ".panel:nth-child(1) .neighbor", "[...each.querySelectorAll('.of')].map(one => one.textContent)"
    )
    nearest = found["representations"][0]["nearest"][0][6 * STEP : 7 * STEP]
    fields = found["fields"][:2]
    expected = [
        [
            ("✓ " if field["of"][picture] == field["of"][6] else "") + field["classes"][field["of"][picture]]
            for field in fields
            if field["of"][picture] >= 0
        ]
        for picture in nearest
    ]
    assert labels == expected
    same = [
        sum(field["of"][6] == field["of"][picture] for picture in nearest) for field in fields if field["of"][6] >= 0
    ]
    told = shown.run("document.querySelector('.panel:nth-child(1) p').textContent")
    assert [int(part.split()[2]) for part in told.split(" · ")] == same
    shown.click(FIRST)
    assert query(shown) == nearest[1] and shown.run("location.hash") == f"#picture-{nearest[1] + 1}"
    assert int(shown.run(PICKED)) == nearest[1]
    shown.run(GO_BACK)
    assert query(shown) == 6 == int(shown.run(PICKED))


def test_a_query_by_keyboard(shown, page):
    focus(shown, "[name=query]:checked")
    shown.press("ArrowRight", "ArrowRight", "ArrowLeft")
    assert query(shown) == 1 == int(shown.run(PICKED))
    assert shown.run("document.activeElement.value") == "1"
    for key in ("Enter", " "):
        focus(shown, FIRST)
        before = query(shown)
        expected = data(page)["representations"][0]["nearest"][0][before * STEP + 1]
        shown.press(key)
        assert query(shown) == expected
        assert shown.run("document.activeElement.dataset.part") == "query"  # and Tab goes on to its neighbors
        shown.press("Tab")
        assert shown.run("document.activeElement.className").split()[0] == "neighbor"


@pytest.mark.parametrize("means", ["mouse", "Enter", " "])
def test_other_queries(shown, means):
    def press(name):
        selector = f"[data-part={name}]"
        if means == "mouse":
            return shown.click(selector)
        focus(shown, selector)
        return shown.press(means)

    assert pictures_of(shown) == [*range(20)]
    press("later")
    assert pictures_of(shown) == [*range(20, 40)] and query(shown) == 0
    press("later")
    assert pictures_of(shown) == [*range(40, 60)]
    assert shown.run("document.querySelector('[data-part=page]').textContent") == "41–60 of 60"
    assert shown.run("document.querySelector('[data-part=later]').disabled")
    if means != "mouse":  # the button cannot be pressed any more: the keyboard's place is its neighbor
        assert shown.run("document.activeElement.dataset.part") == "earlier"
    press("earlier")
    press("earlier")
    assert pictures_of(shown) == [*range(20)]


@pytest.mark.parametrize("means", ["mouse", "keyboard"])
def test_representations(shown, means):
    def toggle(number):
        selector = f"[data-part=choices] label:nth-child({number}) input"
        if means == "mouse":
            return shown.click(selector)
        focus(shown, selector)
        return shown.press(" ")

    toggle(4)
    assert panels(shown) == ["looc: trunk", "looc: all", "looc: rotation", "looc: concat", "moco: trunk"]
    for number in (1, 2, 3, 4, 5):
        toggle(number)
    assert panels(shown) == []
    assert shown.run("document.querySelector('[data-part=panels]').textContent") == "Choose a representation."
    toggle(6)
    assert panels(shown) == ["moco: all"]


def test_turned_pictures(shown, page):
    focus(shown, "[data-part=turned]")
    shown.press("ArrowDown")
    found = data(page)
    turns = found["fields"][2]["of"]
    nearest = found["representations"][0]["nearest"][1][:STEP]
    drawn = shown.each(".panel:nth-child(1) .tile", "getComputedStyle(each).transform")
    for picture, matrix in zip(nearest, drawn):
        right, down = (float(number) for number in matrix.removeprefix("matrix(").split(",")[:2])
        # the vector to the right, turned against the clock; on a screen y grows downwards
        assert np.allclose(
            [right, -down], [np.cos(np.pi / 2 * turns[picture]), np.sin(np.pi / 2 * turns[picture])], atol=1e-3
        )
    assert "same rotation" in shown.run("document.querySelector('.panel p').textContent")
    focus(shown, "[data-part=frame]")
    shown.press("ArrowDown", "ArrowDown")
    framed = shown.each(".panel:nth-child(1) .neighbor", "each.classList.contains('same')")
    assert framed == [turns[picture] == turns[0] for picture in nearest]
    focus(shown, "[data-part=turned]")
    shown.press("ArrowUp")
    assert "same rotation" not in shown.run("document.querySelector('.panel p').textContent")
    assert shown.run("document.querySelector('[data-part=frame]').selectedOptions[0].text") == "object"


def test_queries_of_one_class(shown, page):
    of = data(page)["fields"][0]["of"]
    options = shown.run("[...document.querySelector('[data-part=among]').options].map(each => each.text)")
    assert options == ["all", "cat", pages.HOSTILE, "{{ dog }}"]
    focus(shown, "[data-part=among]")
    shown.press("ArrowDown", "ArrowDown")
    assert {of[picture] for picture in pictures_of(shown)} == {1} and of[query(shown)] == 1
    shown.run("[...document.querySelectorAll('.neighbor')].find(each => !each.textContent.includes('✓ </')).click()")
    assert of[query(shown)] != 1  # of another class: the queries are all again
    assert shown.run("document.querySelector('[data-part=among]').value") == "-1" and len(pictures_of(shown)) > 10


def test_a_select_opens_by_mouse(shown):
    shown.click("[data-part=turned]")
    shown.press("ArrowDown", "Enter")
    assert shown.run("document.querySelector('[data-part=turned]').value") == "1"


def test_an_address_leads_to_its_picture(shown, page):
    for address, picture in {"#picture-42": 41, "#picture-999": 0, "#picture-0": 0, "#elsewhere": 0}.items():
        shown.open("about:blank")
        shown.open(page.as_uri() + address)
        assert query(shown) == picture == int(shown.run(PICKED))
        assert picture in pictures_of(shown)


CONTROLS = "button, select, summary, a[href], input"
WHERE = """(() => {
  const it = document.activeElement;
  if (it === document.body || window.seen.has(it)) return null;
  window.seen.add(it);
  const style = getComputedStyle(it.type === "radio" ? it.nextSibling : it);
  return [it.outerHTML.slice(0, 90), style.outlineStyle, parseFloat(style.outlineWidth)];
})()"""


def test_the_keyboard_reaches_every_control_and_is_seen_where_it_is(shown):
    """One goes through the whole page by Tab; of a group of radios it stops at one."""
    usable = "!each.disabled && each.checkVisibility() && (each.type !== 'radio' || each.checked)"
    total = sum(shown.each(CONTROLS, usable))
    shown.run("window.seen = new Set(); 0")
    bare = []
    for _ in range(4 * total):
        shown.press("Tab")
        there = shown.run(WHERE)
        if there is None:
            break
        bare += [there[0]] if there[1] == "none" or there[2] < 2 else []
    reached = shown.run(f"[...window.seen].filter(each => each.matches('{CONTROLS}')).length")
    assert reached == total > 40 and not bare


@pytest.mark.parametrize(("width", "mobile"), [(1300, False), (400, True), (320, True)])
def test_it_is_never_wider_than_the_window(shown, page, width, mobile):
    shown.open(page, width, 800, mobile=mobile)
    shown.run("document.querySelectorAll('details').forEach(each => each.open = true)")
    focus(shown, "[data-part=turned]")
    shown.press("ArrowDown")
    assert shown.run("[innerWidth, document.documentElement.scrollWidth]") == [width, width]
    assert min(shown.each("p, td, .of, label", "parseFloat(getComputedStyle(each).fontSize)")) >= 12


# The contrast ratio of WCAG 2.1 between a node's words and what is painted behind them.
CONTRAST = """(() => {
  const light = color => {
    const parts = color.match(/[\\d.]+/g).slice(0, 3).map(part => part / 255);
    const [r, g, b] = parts.map(part => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = node => {
    const color = getComputedStyle(node).backgroundColor;
    return /, 0\\)$/.test(color) ? ground(node.parentElement) : light(color);
  };
  const words = light(getComputedStyle(each).color);
  return [ground(each), (Math.max(words, ground(each)) + 0.05) / (Math.min(words, ground(each)) + 0.05)];
})()"""


@pytest.mark.parametrize("dark", [False, True])
def test_words_stand_out_from_their_ground(shown, page, dark):
    shown.open(page, dark=dark)
    kinds = "h1, h2, h3, p, td, th button, .card div, label, select:enabled, .of, summary, pre, legend, .query span"
    grounds, ratios = zip(*shown.each(kinds, CONTRAST))
    assert len(ratios) > 100 and min(ratios) >= 4.5
    assert max(grounds) < 0.1 if dark else min(grounds) > 0.8


def test_without_a_script_everything_but_the_interaction_is_there(shown, page):
    shown.open(page, script=False)
    visible = "document.querySelector({!r}).checkVisibility()"
    assert not shown.run(visible.format("#explorer")) and shown.run(visible.format("noscript .fallback"))
    tiles = shown.each("noscript .panel .tile", "each.ariaLabel")
    assert len(shown.each("noscript .query", "0")) == 6 and len(tiles) == 6 * 4 * 5
    assert all(tile.startswith("picture ") and tile.endswith(pages.HUES) for tile in tiles)
    assert len(column(shown, "Probes", 3)) == 6
    assert not shown.each("th button", "0")
    shown.open(page)


def test_names_stay_names_and_no_script_but_our_own_runs(shown, page, started):
    assert shown.run("document.title") == "LooC: what each space keeps"
    assert len(shown.each("script", "0")) == 2
    assert all(shown.each("img", "each.src.startsWith('data:image/') && each.alt.length > 20"))
    assert pages.HOSTILE in shown.run("document.querySelector('.note').textContent")
    shown.run("document.body.insertAdjacentHTML('beforeend', '<p onclick=\"window.broken = 1\" id=smuggled>x</p>')")
    shown.run(
        "document.body.append(Object.assign(document.createElement('script'), {textContent: 'window.broken = 1'}))"
    )
    shown.run("document.getElementById('smuggled').click()")
    assert shown.run("window.broken === undefined")
    refused = [each for each in started.complaints if "Content Security Policy" in each]
    assert len(refused) == len(started.complaints) == 2
    started.complaints.clear()
