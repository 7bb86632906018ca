"""The page stands alone, and says all."""

import json
import re
from dataclasses import replace
from hashlib import sha256
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from chaterload.judge.history import History
from chaterload.judge.measure import Endpoint, EndpointStats, Snapshot
from chaterload.judge.timeline import MOST_INTERVALS, Interval
from chaterload.report import html
from chaterload.report.html import SCRIPT, policy, to_html

from .conftest import NASTY, SAME, WORSE, make_report


class Page(HTMLParser):
    """What a browser would make of a page: its text, its tags, whatever it would fetch."""

    VOID = ("meta", "br", "img", "input", "link", "hr")

    def __init__(self, html: str) -> None:
        super().__init__()
        self.text = ""
        self.tags: list[str] = []
        self.references: list[str] = []
        self._open: list[str] = []
        self.scripts: list[str] = []
        self.charts: list[dict[str, Any]] = []
        self.feed(html)
        self.close()
        assert not self._open, f"not closed: {self._open}"

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.references += [value for name, value in attrs if name in ("src", "href", "xlink:href", "action")]
        if tag not in self.VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        if self._open[-1:] == ["script"]:
            self.scripts.append(data)
            if data.startswith("{"):
                self.charts.append(json.loads(data))
        elif self._open[-1:] != ["style"]:
            self.text += data


def test_it_stands_alone(any_report):
    """The page is well-formed, runs the one script that its policy names, and fetches nothing."""
    html = to_html(any_report)
    page = Page(html)
    assert [script for script in page.scripts if script == SCRIPT] == [SCRIPT]
    assert policy(SCRIPT) in unescape(html)
    assert html.count("<script>") == 1
    assert html.count("<script ") == html.count('<script type="application/json" ')
    assert not [reference for reference in page.references if not reference.startswith("#")]
    assert "@import" not in html
    assert "url(" not in html
    assert html.rstrip().endswith("</html>")


def test_links_lead_somewhere(any_report):
    """Each link of the page goes to a section that is there, and no name is given twice."""
    html = to_html(any_report)
    names = re.findall(r' id="([^"]+)"', html)
    assert len(names) == len(set(names))
    assert {reference.removeprefix("#") for reference in Page(html).references} <= set(names)


def test_all_is_there(any_report):
    """Verdict, each reason, each objective, each endpoint and the host are on the page."""
    text = " ".join(Page(to_html(any_report)).text.split())
    assert any_report.verdict.outcome.upper() in text
    for told in (*any_report.verdict.reasons, any_report.run.host):
        assert told in text
    for result in any_report.verdict.results:
        assert f"{result.objective.endpoint} {result.objective.measure}" in text
    for endpoint in any_report.snapshot.endpoints:
        assert str(endpoint) in text


def test_charts():
    """There are charts of all requests, and two for each endpoint that was asked, its limit and baseline in them."""
    page = Page(to_html(make_report(baseline=[WORSE, SAME])))
    assert [chart["title"] for chart in page.charts] == [
        *("Response times of all requests", "Requests per second", "Failures per second", "Requests in flight", "CPU"),
        *("Response times", "Distribution") * 2,
    ]
    today, weight = (page.charts[number]["limits"] for number in (5, 7))
    assert [limit["label"] for limit in today] == ["limit of p95"]
    assert [(limit["label"], limit["at"]) for limit in weight] == [("limit of p95", 500.0), ("baseline p95", 300.0)]


def test_two_hours_make_a_small_page_soon():
    """Two hours of 14 endpoints are a page of less than 2 MB: their charts have as many points as they can."""
    history, endpoints = History(), [Endpoint("GET", f"/{number}") for number in range(14)]
    for number in range(1, MOST_INTERVALS + 1):
        times = {30 + n: number for n in range(30)}
        window = {e: EndpointStats(30 * number, 0, times, 100.0) for e in endpoints}
        history.add(30.0 * number, 50, Snapshot(window, 30.0 * number), target=50)
    assert len(history.timeline) == MOST_INTERVALS
    report = replace(make_report(), timeline=history.timeline, snapshot=Snapshot(window, 7200.0))
    assert len(to_html(report)) < 2_000_000


def test_nothing_is_taken_for_markup():
    """What comes from outside is text on the page, wherever it stands."""
    html = to_html(make_report(failures=20, invalid=[NASTY], host=NASTY))
    assert NASTY in Page(html).text
    assert NASTY not in html


def test_data_cannot_end_their_element():
    """What charts show comes from outside too: it is data for the script, and nothing in it is markup."""
    nasty = Endpoint("GET", "/</script><script>alert(1)</script><!--")
    shown = Snapshot({nasty: EndpointStats(1, 0, {5: 1}, 5.0, 5.0)}, 3.0)
    report = replace(make_report(), snapshot=shown, timeline=[Interval(3.0, shown, 1)], platform={NASTY: [(1.0, 1.0)]})
    html = to_html(report)
    assert "alert(1)</script>" not in html
    page = Page(html)
    assert str(nasty) in [series["label"] for chart in page.charts for series in chart["series"]]
    assert NASTY in [chart["title"] for chart in page.charts]


def test_samples():
    """What failed first is on the page: which request it was, its status and what came; a passing run has none."""
    text = " ".join(Page(to_html(make_report(failures=20))).text.split())
    assert "GET /eater_get_today: server error, status 500, 12:00:00 UTC, after 31 ms" in text
    assert "full_flow, line 9, account a@b.c<script>alert(1)" in text
    assert "Status 500 came first. Usually the server failed" in text
    assert "What failed first" not in to_html(make_report())


def test_comparison():
    """What became worse is marked, what stayed is not."""
    html = to_html(make_report(baseline=[WORSE, SAME]))
    assert len(re.findall(r'<td class="worse">worse</td>', html)) == 1
    assert "+300 %" in html


PUBLISHED = {
    "uPlot.iife.min.js": "19c8d4c6ad88929a79f4ae49d6f7161566dfd0ba3d15cc495e974f787eb78f1f",
    "uPlot.min.css": "df630c6a8d6f8eeaff264b50f73ce5b114f646ffd9a0bb74f049b0a00135fa04",
}
"""SHA-256 of the files of uPlot 1.6.32, as its package on npm has them under dist/."""


def test_the_charting_library_is_as_published():
    """Nobody has changed what we did not write, and its licence goes with it."""
    assets = Path(html.__file__).parent / "assets"
    assert {name: sha256((assets / name).read_bytes()).hexdigest() for name in PUBLISHED} == PUBLISHED
    assert "MIT" in (assets / "uPlot.LICENSE").read_text(encoding="utf-8")
