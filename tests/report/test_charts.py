"""Charts are data that a page can draw, whatever the run was like."""

import json
from dataclasses import replace

import pytest

from chaterload.judge.analysis import Analysis
from chaterload.judge.capacity import Capacity
from chaterload.judge.curve import Curve, Point, Shape
from chaterload.judge.lateness import Arrivals, RateFigures
from chaterload.judge.measure import Endpoint, EndpointStats, Snapshot
from chaterload.judge.timeline import Interval
from chaterload.report.charts import MOST_PARTS, endpoint_charts, overview_charts

from .conftest import TODAY, WEIGHT, make_report

POINTS = tuple(Point(users, min(users, 60.0), 10.0 * users) for users in (40, 20, 60, 80))
KNEE = Curve(Shape.PLATEAUING, POINTS, 60.0, 58.0)
FOUND = Capacity(50, 49.0, (48.0, 50.0), 60, ("POST /manual_weight p95",), "the server")


def interval(end, seconds=3.0, endpoints=(WEIGHT,), failed=None):
    stats = {endpoint: EndpointStats(6, 1, {100: 5, 900: 1}) for endpoint in endpoints}
    return Interval(end, Snapshot(stats, seconds), 10, 2, failed or {})


RUN = [interval(3.0 * number) for number in range(1, 11)]
RUNS = {
    "nothing": [],
    "one": RUN[:1],
    "a run": RUN,
    "no request": [interval(3.0, endpoints=()), interval(6.0, endpoints=())],
    "no time": [interval(3.0, seconds=0.0)],
}


@pytest.mark.parametrize("case", RUNS)
@pytest.mark.parametrize("curve", [None, Curve(Shape.INCREASING, POINTS), KNEE])
def test_every_run_has_its_charts(case, curve):
    """Each series has a value for each place on the axis, and all of it is JSON."""
    report = replace(make_report(), timeline=RUNS[case], analysis=Analysis(curve=curve))
    charts = [*overview_charts(report), *(chart for pair in endpoint_charts(report).values() for chart in pair)]
    for chart in charts:
        assert {len(series["y"]) for series in chart["series"]} == {len(chart["x"])}
        assert chart["x"] == sorted(set(chart["x"]))
    json.dumps(charts, allow_nan=False)
    assert len(charts) == bool(curve) + (5 if RUNS[case] else 0) + 2 * (2 if RUNS[case] else 1)


def test_percentiles_of_each_interval():
    """The lines are percentiles of the requests of each interval; where none were answered, there is a gap."""
    report = replace(make_report(), timeline=[*RUN[:1], interval(6.0, endpoints=(TODAY,))])
    users, *lines = endpoint_charts(report)[WEIGHT][0]["series"]
    assert users["y"] == [10, 10]
    assert {line["label"]: line["y"] for line in lines} == {"p50": [100, None], "p95": [900, None], "p99": [900, None]}


def test_failures_by_kind():
    """Failures are counted by kind over all endpoints, per second."""
    failed = {(WEIGHT, "timed out"): 3, (TODAY, "timed out"): 3, (TODAY, "server error"): 9}
    report = replace(make_report(), timeline=[interval(3.0, failed=failed), interval(6.0)])
    chart = next(chart for chart in overview_charts(report) if chart["title"] == "Failures per second")
    assert [(s["label"], s["y"]) for s in chart["series"][1:]] == [("server error", [3, 0]), ("timed out", [2, 0])]


def test_many_endpoints():
    """What is asked least is told as one, and nothing is left out."""
    many = [Endpoint("GET", f"/{number}") for number in range(MOST_PARTS + 5)]
    report = replace(make_report(), timeline=[interval(3.0, endpoints=many)])
    chart = next(chart for chart in overview_charts(report) if chart["title"] == "Requests per second")
    assert len(chart["series"]) == 1 + MOST_PARTS + 1
    assert sum(series["y"][0] for series in chart["series"][1:]) == 2 * len(many)


def test_capacity_is_marked():
    """Against users: in their order, with the knee, the capacity and the first that break marked."""
    report = replace(make_report(), analysis=Analysis(curve=KNEE, capacity=FOUND))
    chart = overview_charts(report)[0]
    assert chart["x"] == [20, 40, 60, 80]
    assert [(mark["label"], mark["at"]) for mark in chart["marks"]] == [("knee", 60), ("capacity", 50), ("breaks", 60)]
    assert [limit["at"] for limit in chart["limits"]] == [58.0]


def test_a_search_by_rate():
    """Its steps are drawn against the rate; behind the charts over time is what was asked for."""
    found = replace(FOUND, users=0, first_broken_users=None, asked_rps=50.0, first_broken_rps=60.0)
    rate = RateFigures(50.0, 49.0, Arrivals(1500))
    timeline = [replace(part, asked_rps=10.0 * number) for number, part in enumerate(RUN)]
    report = replace(make_report(), timeline=timeline, analysis=Analysis(capacity=found), rate=rate, search=POINTS)
    against, times, *_, asked, query = overview_charts(report)
    assert (against["title"], against["load"]) == ("Throughput and p95 against the rate", "req/s asked")
    assert [(mark["label"], mark["at"]) for mark in against["marks"]] == [("capacity", 50), ("breaks", 60)]
    assert [(chart["series"][0]["label"], chart["series"][0]["y"][1]) for chart in (times, asked, query)] == [
        ("asked req/s", 10),
        ("users", 10),
        ("asked req/s", 10),
    ]
    assert [series["label"] for series in asked["series"][1:]] == ["asked", "reached"]


def test_a_long_run_has_all_its_places():
    """After a day, values five seconds apart still have places of their own on the axis."""
    start = make_report().run.start.timestamp()
    series = [(start + 86_000 + 5 * n, 1.0) for n in range(80)]
    report = replace(make_report(), timeline=[interval(86_400.0)], platform={"CPU": series})
    chart = overview_charts(report)[-1]
    assert chart["x"] == sorted(set(chart["x"]))
    assert chart["end"] == 86_400


def test_stages_are_marked():
    """Each chart over time has the stages and the end of the load; a run that just ended has none."""
    report = replace(make_report(), stages=[(0, "10 users"), (12, "spike: 100 users")])
    report = replace(report, wind_down=report.history[-1])
    marks = [mark["label"] for mark in overview_charts(report)[0]["marks"]]
    assert marks == ["10 users", "spike: 100 users", "load ends"]
    assert overview_charts(make_report())[0]["marks"] == []


def test_the_distribution_holds_all():
    """The shares of the buckets are 100 %, of this run and of the baseline; a time of 0 ms has its bucket too."""
    stats = EndpointStats(4, 0, {0: 1, 1: 1, 99: 1, 60_000: 1})
    report = replace(make_report(), snapshot=Snapshot({TODAY: stats}, 30.0), baseline={TODAY: stats}, timeline=[])
    (chart,) = endpoint_charts(report)[TODAY]
    assert [series["label"] for series in chart["series"]] == ["now", "baseline"]
    assert [sum(series["y"]) for series in chart["series"]] == [100.0, 100.0]


def test_a_query_has_its_own_times():
    """A series of Prometheus is drawn at its own times since the start, the users of that time behind it."""
    chart = overview_charts(make_report())[-1]
    assert (chart["title"], chart["x"]) == ("CPU", [0, 5, 10, 15, 20, 25])
    assert [series["label"] for series in chart["series"]] == ["users", "CPU"]
    assert chart["series"][0]["y"] == [20] * 6
