"""The page stands alone, and says all."""

import re
from html.parser import HTMLParser

from chaterload.report.html import to_html

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
        self.charts = re.findall(r"<svg.*?</svg>", html, re.DOTALL)
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
        self.text += data


def test_it_stands_alone(any_report):
    """The page is well-formed, has no script and fetches nothing."""
    html = to_html(any_report)
    page = Page(html)
    assert "script" not in page.tags
    assert not [reference for reference in page.references if not reference.startswith("#")]
    assert "@import" not in html
    assert "url(" not in html.replace("url(#", "")
    assert html.rstrip().endswith("</html>")


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
    """There is a chart for throughput, failures, users and each path with a time limit, with that limit in it."""
    page = Page(to_html(make_report(baseline=[WORSE, SAME])))
    assert page.tags.count("svg") >= 6
    for title in ("Throughput", "Failures", "Users", "POST /manual_weight", "GET /eater_get_today", "all requests"):
        assert title in page.text
    limited = [chart for chart in page.charts if "limit of p95" in chart]
    assert [
        title for title in ("Users", "POST /manual_weight", "GET /eater_get_today") for c in limited if title in c
    ] == [
        "POST /manual_weight",
        "GET /eater_get_today",
    ]


def test_nothing_is_taken_for_markup():
    """What comes from outside is text on the page, wherever it stands."""
    html = to_html(make_report(failures=20, invalid=[NASTY], host=NASTY))
    assert NASTY in Page(html).text
    assert "<script" not in html


def test_samples():
    """What failed first is on the page: which request it was, its status and what came; a passing run has none."""
    text = " ".join(Page(to_html(make_report(failures=20))).text.split())
    assert "server error50012:00:0031 ms a@b.cfull_flow, line 9<script>alert(1)" in text
    assert "Status 500 came first. Usually the server failed" in text
    assert "What failed first" not in to_html(make_report())


def test_comparison():
    """What became worse is marked, what stayed is not."""
    html = to_html(make_report(baseline=[WORSE, SAME]))
    assert len(re.findall(r'<td class="worse">worse</td>', html)) == 1
    assert "+300 %" in html
