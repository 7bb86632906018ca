"""The tab "Objectives", as people see it: in a real browser, while a run goes on and after it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect, sync_playwright

from chaterload.standin.process import StandInProcess

from .conftest import PATIENCE_S, Run, WebUi, credentials, wait_for

CHROMIUM = Path("/usr/bin/chromium")
QUIET = (
    "--no-sandbox",  # tests run as root in a container
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)

pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason=f"there is no {CHROMIUM}: apt-get install chromium")


@pytest.fixture
def tab() -> Iterator[Page]:
    """A page of a headless Chromium that reaches nothing but this machine."""
    with sync_playwright() as playwright, playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET) as browser:
        page = browser.new_page()
        page.set_default_timeout(PATIENCE_S * 1000)
        page.route("**/*", lambda route: route.continue_() if "127.0.0.1" in route.request.url else route.abort())
        yield page


def requests_in(rows: Locator) -> list[int]:
    """The Requests cell of each objective's row; the verdict's is empty."""
    cells = [row.locator("td").all_inner_texts() for row in rows.all()]
    return [int(texts[3]) for texts in cells if len(texts) > 3 and texts[3].isdigit()]


def test_the_tab_lives(locust: Run, server: StandInProcess, tab: Page) -> None:
    """The rows grow while a run goes on, and after Stop the last one is the verdict."""
    web = WebUi()
    locust(*web.options, "--tags", "full_flow", "--host", server.host, env=credentials(server))
    web.wait_until_up()
    assert web.swarm(20, host=server.host)["success"]
    tab.goto(f"http://127.0.0.1:{web.port}/")
    tab.get_by_role("tab", name="Objectives").click()
    rows = tab.get_by_role("table").locator("tbody tr").filter(has_text="p95")
    expect(rows).to_have_count(6, timeout=PATIENCE_S * 1000)
    first = wait_for(lambda: requests_in(rows), "requests")
    later = wait_for(lambda: (now := requests_in(rows)) > first and now, "more requests")
    assert all(after >= before for before, after in zip(first, later, strict=True))
    expect(tab.get_by_text("So far: PASS")).to_be_visible()
    tab.get_by_role("button", name="Stop").click()
    expect(tab.get_by_text("Verdict: PASS")).to_be_visible(timeout=PATIENCE_S * 1000)
