"""The built site in Chromium: links lead somewhere, pictures are there, a phone shows it, nothing is fetched."""

import functools
import http.server
import threading
from pathlib import Path
from urllib.parse import unquote, urldefrag

import pytest
from helpers.browser import Browser, program

SITE = Path(__file__).parents[1] / "runs" / "site"
PAGES = sorted(path.relative_to(SITE).as_posix() for path in SITE.rglob("*.html"))

pytestmark = [
    pytest.mark.slow,  # `make docs-check` runs it, behind `make docs`
    pytest.mark.skipif(program() is None, reason="needs a Chromium"),
    pytest.mark.skipif(not PAGES, reason="needs the site: make docs"),
]


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        """Says nothing."""


@pytest.fixture(scope="module")
def address():
    """The site as a server of files has it; its search is a worker, which no file may start."""
    handler = functools.partial(Quiet, directory=str(SITE))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    opened = Browser(tmp_path_factory.mktemp("browser"))
    yield opened
    opened.close()


def test_pages_are_whole_on_a_desk_and_on_a_phone(browser, address):
    broken = []
    for page in PAGES:
        for width in (1300, 400):
            browser.open(f"{address}/{page}", width, 900, mobile=width == 400)
            wide = browser.run("document.documentElement.scrollWidth")
            missing = browser.each("main img", "[each.getAttribute('src'), each.complete && each.naturalWidth > 0]")
            broken += [f"{page}: {wide} px at {width}"] if wide > width else []
            broken += [f"{page}: no picture {source}" for source, there in missing if not there]
    assert not broken
    assert not browser.complaints
    assert {each for each in browser.requests if not each.startswith(address)} == set()


def test_every_link_leads_to_a_place_that_is_there(browser, address):
    places, links = {}, []
    for page in PAGES:
        browser.open(f"{address}/{page}")
        places[f"{address}/{page}"] = set(browser.each("[id]", "each.id"))
        links += [(page, link) for link in browser.each("a[href]", "each.href") if link.startswith(address)]
    broken = []
    for page, link in links:
        target, place = urldefrag(link)
        target += "index.html" if target.endswith("/") else ""
        if target not in places or (place and unquote(place) not in places[target]):
            broken.append((page, link))
    assert links and not broken


def test_the_search_finds_a_public_name(browser, address):
    browser.open(f"{address}/index.html?q=leave_one_out")
    links = "[...document.querySelectorAll('.md-search-result__link')].map(each => each.href)"
    look = f"const look = () => {{ const all = {links}; all.length ? done(all) : setTimeout(look, 100) }}; look()"
    found = browser.run(f"new Promise(done => {{ {look} }})")
    assert any("api/views.html" in link for link in found)
