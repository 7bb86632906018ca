"""The page as people use it: in a real browser, with a mouse, without one, on a phone and in the dark."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, Request, expect, sync_playwright

from chaterload.judge.analysis import Analysis
from chaterload.report.history import update_index
from chaterload.report.html import to_html

from .conftest import LOSSES, SAME, WORSE, make_report
from .test_charts import FOUND, KNEE
from .test_history import keep, with_times

CHROMIUM = Path("/usr/bin/chromium")

pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason=f"there is no {CHROMIUM}: apt-get install chromium")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A headless Chromium."""
    options = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
    with sync_playwright() as playwright, playwright.chromium.launch(executable_path=CHROMIUM, args=options) as browser:
        yield browser


class Watched:
    """A page that was opened from a file, and what must not happen in it."""

    def __init__(self, browser: Browser, width: int, dark: bool) -> None:
        self.page: Page = browser.new_page(
            viewport={"width": width, "height": 800}, color_scheme="dark" if dark else "light"
        )
        self.wrong: list[str] = []
        self.page.on("console", lambda message: self.wrong.append(message.text))
        self.page.on("pageerror", lambda error: self.wrong.append(str(error)))
        self.page.on("request", self._see)

    def _see(self, request: Request) -> None:
        if not request.url.startswith("file:"):
            self.wrong.append(request.url)

    def open(self, path: Path) -> Page:
        self.page.goto(path.as_uri())
        return self.page

    def assert_well(self) -> None:
        """As `assert_usable`, and close it."""
        self.assert_usable()
        self.page.close()

    def assert_usable(self) -> None:
        """No error, no request, nothing wider than the window, and everybody can use it."""
        assert self.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        found = Axe().run(self.page)
        assert found.violations_count == 0, found.generate_report()
        assert self.wrong == []


FAILED = make_report(weight_ms=900, failures=20, baseline=[WORSE, SAME], writes=LOSSES)
REPORTS = {
    "fail": replace(FAILED, stages=[(10, "spike: 20 users")], wind_down=FAILED.history[-1]),
    "capacity": replace(make_report(), analysis=Analysis(curve=KNEE, capacity=FOUND)),
    "tags": make_report(excluded_endpoints=["all"]),
}


@pytest.mark.parametrize(
    ("case", "width", "dark"), [("fail", 1280, False), ("capacity", 390, True), ("tags", 390, False)]
)
def test_everybody_can_use_it(browser: Browser, tmp_path: Path, case: str, width: int, dark: bool) -> None:
    """A page has no error, fetches nothing, fits the window and passes an accessibility check."""
    file = tmp_path / "verdict.html"
    file.write_text(to_html(REPORTS[case]), encoding="utf-8")
    watched = Watched(browser, width, dark)
    watched.open(file)
    watched.assert_well()


def test_charts_tell_values(browser: Browser, tmp_path: Path) -> None:
    """Hovering and arrow keys show values, a name hides its line, keys zoom all charts, and tables sort."""
    file = tmp_path / "verdict.html"
    file.write_text(to_html(REPORTS["fail"]), encoding="utf-8")
    watched = Watched(browser, 1280, dark=False)
    page = watched.open(file)
    times, rates = page.locator("figure").nth(0), page.locator("figure").nth(1)
    times.locator(".u-over").hover(position={"x": 300, "y": 50})
    expect(times.get_by_role("button", name="p95")).to_contain_text("900 ms")
    expect(rates.locator(".where")).to_contain_text("UTC")  # all charts follow
    rates.locator(".plot").press("Home")
    expect(rates.locator(".where")).to_contain_text("0:10 (12:00:10 UTC)")
    rates.locator(".plot").press("ArrowRight")
    expect(rates.get_by_role("button", name="POST /manual_weight")).to_contain_text("/manual_weight 4.0")
    key = rates.get_by_role("button", name="POST /manual_weight")
    key.press("Enter")
    assert key.get_attribute("aria-pressed") == "false"
    rates.locator(".plot").press("+")
    whole = page.get_by_role("button", name="Show the whole run")
    whole.click()
    expect(whole).to_be_hidden()
    table = page.get_by_role("region", name="Endpoints")
    table.get_by_role("button", name="p95").click()
    assert table.locator("tbody th").all_inner_texts() == ["GET /eater_get_today", "POST /manual_weight"]
    table.get_by_role("button", name="p95").click()
    assert table.locator("tbody th").all_inner_texts() == ["POST /manual_weight", "GET /eater_get_today"]
    page.locator("summary").first.click()
    expect(page.locator("details pre").first).to_be_visible()
    watched.assert_well()


def test_a_history(browser: Browser, tmp_path: Path) -> None:
    """The page of all runs is as usable as that of one; two that are picked stand side by side, and have a page."""
    for number in range(12):
        keep(tmp_path, number, with_times(100 if number < 6 else 200), build=f"v{number}")
    watched = Watched(browser, 1280, dark=True)
    page = watched.open(update_index(tmp_path))
    page.locator("figure .plot").first.press("End")
    expect(page.locator("figure .where").first).to_have_text("v11")
    boxes = page.get_by_role("checkbox")
    boxes.nth(6).check()
    boxes.nth(0).check()
    row = page.get_by_role("region", name="Two runs side by side").get_by_role("row", name="POST /manual_weight p95")
    expect(row).to_contain_text("+99 %")
    expect(boxes.nth(5)).to_be_disabled()
    watched.assert_usable()
    page.get_by_role("link", name="Compare them in full").click()
    expect(page.get_by_role("heading", name="v11 is worse")).to_be_visible()
    expect(page.get_by_role("row", name="POST /manual_weight")).to_contain_text("+99 %0 %0 %worse")
    watched.assert_well()
