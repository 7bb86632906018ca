"""A run by rate: asked, reached and late are in every report, and in none of a run by users."""

from dataclasses import replace

import pytest
from rich.console import Console

from chaterload.judge.capacity import Capacity
from chaterload.judge.drift import Drift
from chaterload.judge.lateness import Arrivals, RateFigures
from chaterload.judge.measure import Snapshot
from chaterload.judge.timeline import Interval
from chaterload.load.strategies import STRATEGIES, Search, SearchLimits
from chaterload.report import tab
from chaterload.report.charts import overview_charts
from chaterload.report.console import to_text
from chaterload.report.html import to_html
from chaterload.report.junit import to_junit
from chaterload.report.live import LiveView, build
from chaterload.report.markdown import to_markdown
from chaterload.report.model import to_json
from chaterload.report.prometheus import Figures
from chaterload.report.prometheus import to_text as to_metrics
from chaterload.report.reading import capacity_line, drift_lines

from .conftest import make_report

RATE = RateFigures(75.0, 74.8, Arrivals(2413, 30, 10, 310.0, 0, 12))
TOLD = "asked 75.0 req/s, reached 74.8 req/s; 2,413 arrivals, 30 late (1.2 %), the latest by 310 ms"
BY_USERS = make_report()
BY_RATE = replace(BY_USERS, rate=RATE)


@pytest.mark.parametrize("make", [to_text, to_html, to_junit, to_markdown])
def test_every_report_tells(make):
    """The same sentence in each of them, and none where users made the load."""

    def told(report):
        return " ".join(make(report).replace("\\", "").split())

    assert TOLD in told(BY_RATE)
    assert "arrivals" not in told(BY_USERS)


def test_the_json():
    """Its fields are numbers; a run by users has null."""
    rate = to_json(BY_RATE)["rate"]
    assert (rate["asked_rps"], rate["reached_rps"], rate["arrivals"]["late"]) == (75.0, 74.8, 30)
    assert rate["arrivals"]["late_by_server"] == 10
    assert rate["late_ratio"] == pytest.approx(30 / 2413)
    assert to_json(BY_USERS)["rate"] is None


def test_the_tab():
    """A row of its own."""
    by_rate, by_users = tab.Moment(BY_RATE.verdict, rate=RATE), tab.Moment(BY_USERS.verdict)
    assert f"Arrivals: {TOLD}" in [row["objective"] for row in tab.extended_stats(by_rate)[0]["data"]]
    assert not any("Arrivals" in row["objective"] for row in tab.extended_stats(by_users)[0]["data"])


def test_the_chart():
    """What was asked is drawn beside what was reached; a run by users has no such chart."""
    timeline = [Interval(3.0 * n, Snapshot({}, 3.0), 9, asked_rps=10.0 * n) for n in range(1, 6)]
    (chart,) = [c for c in overview_charts(replace(BY_RATE, timeline=timeline)) if c["title"] == "Asked and reached"]
    assert [line["label"] for line in chart["series"]][-2:] == ["asked", "reached"]
    assert chart["series"][-2]["y"] == [10.0, 20.0, 30.0, 40.0, 50.0]
    assert all(c["title"] != "Asked and reached" for c in overview_charts(replace(BY_USERS, timeline=timeline)))


def test_the_metrics():
    """Late arrivals have their cause; of a run by users there are none."""
    figures = Figures(Snapshot({}, 0.0), (), (), BY_USERS.writes, 0, 0, 0.0, rate=RATE, asked_rps=80.0)
    text = to_metrics(figures).decode()
    assert "chater_asked_rate 80.0" in text
    assert "chater_reached_rate 74.8" in text
    assert 'chater_late_arrivals_total{cause="server"} 10.0' in text
    assert 'chater_late_arrivals_total{cause="generator"} 20.0' in text
    assert "chater_idle_users 12.0" in text
    assert b"arrivals" not in to_metrics(replace(figures, rate=None))


MOMENT = LiveView(
    "http://127.0.0.1:5000",
    *(100.0, 300.0, 31, 1, 0, 7200, 3, 73.2, 4, 0.1),
    results=(),
    asked_rps=75.0,
    arrivals=RATE.arrivals,
    strategy=STRATEGIES["normal"],
)


def drawn(moment):
    console = Console(width=100, height=30, file=None, record=True, quiet=False)
    with console.capture() as captured:
        console.print(build(moment, 100, 30))
    return captured.get()


def test_the_live_view():
    """It tells the rate where a run by users tells how many of them there are."""
    text = drawn(MOMENT)
    assert "asked 75.0 req/s   reached 73.2 req/s   31 users   in flight 4" in text
    assert "2,413 arrivals   30 late (1.2 %)   0 wait   12 users idle" in text
    assert "normal: stage 1 of 1, 75.0 req/s, 3:20 left" in text
    assert "trying 10 req/s" in drawn(replace(MOMENT, strategy=None, search=Search(SearchLimits())))


def test_a_capacity_by_rate():
    """Its sentence is about requests per second, and so is that on drift."""
    found = Capacity(0, 37.4, (36.0, 38.5), None, ("POST /weight p95",), "the server", (), 38.0, 40.0)
    assert capacity_line(found) == (
        "Capacity: 37.4 req/s, answered of 38.0 req/s that were asked for, meet every objective; "
        "40.0 req/s break POST /weight p95. The limit is the server."
    )
    none = replace(found, asked_rps=0.0, requests_per_second=0.0)
    assert capacity_line(none) == (
        "Capacity: no step met every objective; 40.0 req/s break POST /weight p95. The limit is the server."
    )
    assert drift_lines(Drift(31, 300.0, {}, 75.0)) == ["Drift: none in 5 min at 75.0 req/s"]
