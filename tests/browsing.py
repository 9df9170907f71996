"""A real browser, as patient as a test may be, and what tests ask of a page in it."""

import contextlib
import tarfile
from pathlib import Path

import pytest
from playwright.sync_api import expect, sync_playwright
from tests.page_server import PATIENCE_S

BROWSER = Path("/usr/bin/chromium")
PATIENCE_MS = PATIENCE_S * 1000
expect.set_options(timeout=PATIENCE_MS)
needs_browser = pytest.mark.skipif(
    not BROWSER.exists(), reason=f"no browser at {BROWSER}: apt-get install chromium"
)


@contextlib.contextmanager
def browsing():
    """Open a browser.

    One per module at most: while it is open, nothing else in this thread may start a loop of
    asyncio.
    """
    with sync_playwright() as driver:
        words = ["--no-sandbox"]
        opened = driver.chromium.launch(
            executable_path=str(BROWSER), args=words, timeout=PATIENCE_MS
        )
        yield opened
        opened.close()


def new_page(browser, **how):
    """Open a page of a context of its own; close ``page.context`` to be rid of both."""
    page = browser.new_context(**how).new_page()
    page.set_default_timeout(PATIENCE_MS)
    return page


def resize(page, width, height):
    """Give a page another size, and wait until it has it."""
    page.set_viewport_size({"width": width, "height": height})
    page.wait_for_function(f"innerWidth === {width} && innerHeight === {height}")


def require_that_it_fits(page):
    """Wait until the page is no wider than the screen."""
    page.wait_for_function("document.documentElement.scrollWidth <= innerWidth")


def require_that_all_can_read_it(page, what):
    """Let axe find nothing wrong with a page: labels, roles, contrast, heads of tables."""
    packed = sorted((Path(__file__).parents[1] / ".venv" / "axe").glob("axe-core-*.tgz"))
    if not packed:
        pytest.skip("axe-core is not here: make browser")
    with tarfile.open(packed[-1]) as archive:
        page.evaluate(archive.extractfile("package/axe.min.js").read().decode())
    found = page.evaluate("axe.run()")
    wrong = [f"{v['id']}: {v['nodes'][0]['html'][:200]}" for v in found["violations"]]
    assert wrong == [], what
    assert len(found["passes"]) > 20
