"""What a run's analysis says is told in plain sentences, and where there is nothing to tell, that is said."""

import pytest

from chaterload.judge.analysis import Analysis, Load
from chaterload.judge.capacity import Capacity
from chaterload.judge.comparison import Comparison
from chaterload.judge.curve import Curve, Point, Shape
from chaterload.judge.drift import GENERATOR_CPU, GENERATOR_MEMORY, Drift
from chaterload.judge.measure import ALL, Endpoint
from chaterload.judge.recovery import Recovery
from chaterload.judge.trend import Trend
from chaterload.report.reading import analysis_lines

NAMES = [Endpoint("POST", f"/{name}") for name in ("photo", "weight", "delete", "feedback", "today")]
POINTS = tuple(Point(users, 10.0, 100.0) for users in (10, 20, 30))


def lines(**found):
    return analysis_lines(Analysis(**found))[1:]


@pytest.mark.parametrize(
    ("curve", "text"),
    [
        (Curve(Shape.INCREASING, POINTS), "Throughput against users: increasing"),
        (
            Curve(Shape.PLATEAUING, POINTS, 42.3, 80.04),
            "Throughput against users: plateauing; the knee is at 42 users and 80.0 req/s",
        ),
        (Curve(Shape.UNCLEAR, POINTS), "Throughput against users: unclear, the steps have too few requests to tell"),
    ],
)
def test_the_curve(curve, text):
    """The shape is named, and its knee where it has one."""
    assert lines(curve=curve) == [text]


SLOW = Comparison(NAMES[0], 100, 100, 80, 300, 100, 410, 0, 0, slower=True)


def test_what_load_did():
    """What broke first and what slowed down most have their users; where nothing did, that is said."""
    assert lines(load=Load((20, 200), SLOW, ("POST /weight p95", 80))) == [
        "First to break: POST /weight p95, at 80 users",
        "Slowed down most: POST /photo, its p95 grew 4.1-fold from 20 to 200 users (100 ms -> 410 ms)",
    ]
    assert lines(load=Load((20, 200))) == [
        "First to break: nothing broke",
        "Slowed down most: nothing slowed down from 20 to 200 users",
    ]


def test_the_capacity():
    """A capacity has its interval, what breaks it, and what was judged on too little; what broke is said once."""
    found = Capacity(62, 80.96, (75.1, 86.8), 63, ("POST /weight p95",), "the server", ("POST /modify p95 (12 of 40)",))
    assert lines(capacity=found, load=Load((20, 63), None, ("POST /weight p95", 63))) == [
        "Capacity: 62 users and 81.0 req/s (between 75.1 and 86.8) meet every objective; "
        "63 users break POST /weight p95. The limit is the server.",
        "    judged on too few requests: POST /modify p95 (12 of 40)",
        "Slowed down most: nothing slowed down from 20 to 63 users",
    ]


@pytest.mark.parametrize(
    ("recovery", "text"),
    [
        (Recovery(False), "there was no slow-down to recover from"),
        (Recovery(True, 12.4), "within 12 s after its end"),
        (Recovery(True), "not within the run"),
        (Recovery(None), "not known, too little was measured before it or in it"),
    ],
)
def test_the_recovery(recovery, text):
    """A recovery has its time, an endless one says so, and so does one that was not needed."""
    assert lines(recovery=recovery) == [f"Recovery from the spike: {text}"]


def drift(**slopes):
    """Trends that rise (or fall) over ten minutes from 100, by so much a second; the endpoints' names are short."""
    names = {name.path[1:]: name for name in NAMES} | {"all": ALL, "cpu": GENERATOR_CPU, "memory": GENERATOR_MEMORY}
    return Drift(30, 600.0, {names[n]: Trend(s, 1e-9, 250.0, 100.0, 100.0 + 600 * s) for n, s in slopes.items()})


@pytest.mark.parametrize(
    ("found", "texts"),
    [
        (
            drift(all=0.35, photo=0.35, weight=0.35, delete=0.36, feedback=0.34, today=0.33),
            ["Drift: all 5 endpoints: +21 ms per minute, 100 ms -> 310 ms"],
        ),
        (
            drift(all=0.3, photo=0.35, weight=0.35, delete=0.36, feedback=0.34, today=0.0),
            ["Drift: 4 of 5 endpoints: +21 ms per minute, 100 ms -> 310 ms"],
        ),
        (
            drift(all=1.0, photo=3.0, weight=0.5),
            [
                "Drift: all requests: +60 ms per minute, 100 ms -> 700 ms",
                "Drift: POST /photo: +180 ms per minute, 100 ms -> 1.9 s",
                "Drift: POST /weight: +30 ms per minute, 100 ms -> 400 ms",
            ],
        ),
        (drift(all=0.0, photo=-0.05), ["Drift: POST /photo: -3 ms per minute, 100 ms -> 70 ms"]),
        (drift(memory=0.03), ["Drift: load generator memory: +1.8 MB per minute, 100 -> 118 MB"]),
        (drift(cpu=0.1), ["Drift: load generator CPU: +6 points per minute, 100 -> 160 %"]),
        (drift(all=0.0), ["Drift: none in 10 min with 30 users"]),
    ],
)
def test_the_drift(found, texts):
    """Trends that are alike are one line, in units that people use."""
    assert lines(drift=found) == texts


def test_slow_trends_and_long_runs():
    """What grows by less than 1 a minute is told by the hour, by less than 1 an hour by the day."""
    slow = Drift(30, 7200.0, {GENERATOR_MEMORY: Trend(0.005, 1e-9, 100.0, 100.0, 136.0)})
    slower = Drift(30, 72000.0, {NAMES[0]: Trend(0.0002, 1e-9, 10.0, 4.0, 18.4)})
    steady = Drift(30, 7200.0, {ALL: Trend(0.0, 0.5, 10.0, 10.0, 10.0)})
    assert lines(drift=slow) == ["Drift: load generator memory: +18 MB per hour, 100 -> 136 MB"]
    assert lines(drift=slower) == ["Drift: POST /photo: +17.3 ms per day, 4 ms -> 18 ms"]
    assert lines(drift=steady) == ["Drift: none in 2 h with 30 users"]


def test_nothing_to_say():
    """A run too simple to say anything says nothing."""
    assert analysis_lines(Analysis()) == []
