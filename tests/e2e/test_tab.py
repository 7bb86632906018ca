"""The tab "Objectives", as people see it: in a real browser, while a run goes on and after it."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect, sync_playwright

from chaterload.standin.process import StandInProcess

from .conftest import PATIENCE_S, Run, WebUi, credentials, requests_seen, wait_for

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
    """The Requests cell of each objective's row."""
    cells = [row.locator("td").all_inner_texts() for row in rows.all()]
    return [int(texts[5].split()[0]) for texts in cells if len(texts) > 5]  # "0 of 1" where too few


def test_the_tab_lives(locust: Run, server: StandInProcess, tab: Page) -> None:
    """The rows grow while a run goes on; the first one is the verdict, in colour, and after Stop a file has it too.

    On a phone the state stands beside the objective.
    """
    web = WebUi()
    locust(*web.options, "--tags", "full_flow", "--host", server.host, env=credentials(server))
    web.wait_until_up()
    assert web.swarm(20, host=server.host)["success"]
    tab.goto(f"http://127.0.0.1:{web.port}/")
    tab.get_by_role("tab", name="Objectives").click()
    rows = tab.locator("tbody tr:not([data-wide])").filter(has_text="p95")
    expect(rows).to_have_count(7, timeout=PATIENCE_S * 1000)
    first = wait_for(lambda: any(now := requests_in(rows)) and now, "requests")
    later = wait_for(lambda: (now := requests_in(rows)) > first and now, "more requests")
    assert all(after >= before for before, after in zip(first, later, strict=True))
    expect(tab.get_by_text("So far: PASS")).to_be_visible()
    expect(tab.get_by_role("row", name="In flight: ")).to_be_visible()
    tab.set_viewport_size({"width": 390, "height": 800})
    state = tab.locator("td[data-mark=met]").first.bounding_box()
    assert state
    assert state["x"] + state["width"] < 390
    tab.set_viewport_size({"width": 1280, "height": 800})
    tab.get_by_role("button", name="Stop").click()
    expect(tab.locator("tbody tr").first).to_have_text("Verdict: PASS", timeout=PATIENCE_S * 1000)
    expect(tab.locator("tbody tr[data-mark=pass] td").first).to_have_css("background-color", "rgb(26, 127, 55)")
    tab.get_by_role("tab", name="Download Data").click()
    with tab.expect_download() as download:
        tab.get_by_role("link", name="Download verdict as JSON").click()
    assert json.loads(download.value.path().read_text())["verdict"] == "pass"


class ForeignSite:
    """A page of another site: it makes the browser send what a visitor never asked for, and reads what it can."""

    _PAGE = b"<!doctype html><title>Foreign</title><iframe name=sink></iframe>"

    def __enter__(self) -> str:
        page = self._PAGE

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "text/html")
                self.end_headers()
                self.wfile.write(page)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()
        return f"http://127.0.0.1:{self._server.server_port}/"

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


FETCH = """async ([url, body]) => {
    const form = new URLSearchParams(body);
    const told = [];
    for (const mode of ["cors", "no-cors"])
        for (const credentials of ["include", "omit"])
            try { const answer = await fetch(url, {method: "POST", mode, credentials, body: form});
                  told.push(answer.type + (await answer.text())); }
            catch (error) { told.push("blocked"); }
    return told;
}"""
SUBMIT = """([url, body]) => {
    const form = Object.assign(document.createElement("form"), {method: "post", action: url, target: "sink"});
    for (const [name, value] of Object.entries(body))
        form.append(Object.assign(document.createElement("input"), {name, value}));
    document.body.append(form);
    form.submit();
}"""


def test_a_foreign_page(locust: Run, server: StandInProcess, tab: Page) -> None:
    """In a real browser a page of another site starts nothing, by fetch or by form, and neither reads nor frames."""
    web = WebUi()
    run = locust(*web.options, "--host", server.host, env=credentials(server))
    web.wait_until_up()
    ours = f"http://127.0.0.1:{web.port}"
    form = {"user_count": "1", "spawn_rate": "1", "host": server.host}
    with ForeignSite() as foreign:
        tab.goto(foreign)
        assert set(tab.evaluate(FETCH, [f"{ours}/swarm", form])) == {"blocked"}
        tab.evaluate(SUBMIT, [f"{ours}/swarm", form])
        run.says("turned a request away (origin 'http://127.0.0.1:")
        reading = "url => fetch(url).then(() => 'read', () => 'blocked')"
        assert tab.evaluate(reading, f"{ours}/stats/requests") == "blocked"
        tab.evaluate("url => document.querySelector('iframe').src = url", f"{ours}/")
        wait_for(lambda: "chrome-error" in tab.frames[-1].url, "the frame to stay empty")
    assert requests_seen(server) == 0
    assert web.stats()["state"] == "ready"


def test_locusts_page_under_our_policy(locust: Run, server: StandInProcess, tab: Page) -> None:
    """Locust's page works as ever behind the login: it starts a run, draws its charts, makes its report, logs out."""
    web, complaints = WebUi(), []
    tab.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    tab.on("pageerror", lambda error: complaints.append(str(error)))
    env = credentials(server) | {"LOCUST_WEB_USERNAME": "ops", "LOCUST_WEB_PASSWORD": "secret"}
    locust(*web.options, "--tags", "full_flow", env=env)
    web.wait_until_up()
    tab.goto(f"http://127.0.0.1:{web.port}/")
    tab.get_by_label("Username").fill("ops")
    tab.get_by_label("Password").fill("secret")
    tab.get_by_role("button", name="Login").click()
    tab.get_by_role("button", name="Start").click()
    tab.get_by_role("tab", name="Charts").click()
    expect(tab.locator("canvas").first).to_be_visible()
    tab.get_by_role("button", name="Stop").click()
    tab.get_by_role("tab", name="Objectives").click()
    expect(tab.get_by_text("Verdict: ")).to_be_visible(timeout=PATIENCE_S * 1000)
    tab.goto(f"http://127.0.0.1:{web.port}/stats/report")
    expect(tab.get_by_text("Request Statistics")).to_be_visible()
    tab.goto(f"http://127.0.0.1:{web.port}/")
    tab.get_by_role("button", name="Log out").click()
    expect(tab.get_by_label("Password")).to_be_visible()
    assert complaints == []
