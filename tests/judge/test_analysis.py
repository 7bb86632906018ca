"""A run is read from its steps: what broke, what slowed down, what recovered. Nothing is made up."""

from collections import Counter
from typing import Any

import pytest

from chaterload.judge.analysis import Analysis, analyse
from chaterload.judge.capacity import Capacity
from chaterload.judge.curve import Point, Shape
from chaterload.judge.dependence import Dependence, Factors, measure_dependence
from chaterload.judge.history import Step
from chaterload.judge.measure import ALL, Endpoint, EndpointStats, Snapshot
from chaterload.judge.objectives import Measure, Objective
from chaterload.judge.proof import chance_of_miss, requests_needed
from chaterload.judge.serverside import ServerSide
from chaterload.judge.steps import broken_in, read_steps

from .queues import BASE_S, ENDPOINTS, Server, simulate

TODAY, WEIGHT = Endpoint("GET", "/eater_get_today"), Endpoint("POST", "/manual_weight")


def analysed(*args: Any, **kwargs: Any) -> Any:
    """What `analyse` found, which the tests know to be there."""
    return analyse(*args, **kwargs)


@pytest.mark.parametrize(
    ("limit", "broken", "told"),
    [
        ("the server", False, "the server"),
        ("the server", True, "not known, since the load generator was broken"),
        ("the end of the run", True, "the end of the run"),
    ],
)
def test_what_was_the_limit(limit, broken, told):
    """A load generator that was broken cannot know that the server was the limit of a search."""
    found = Analysis(capacity=Capacity(10, 8.0, (7, 9), 20, ("p95",), limit)).beside(
        ServerSide(), generator_broken=broken
    )
    assert found.capacity == Capacity(10, 8.0, (7, 9), 20, ("p95",), told)


def objective(measure, limit, endpoint=WEIGHT):
    return Objective(endpoint, Measure.named(measure), limit)


STEP_S = 30
STAGES, SPIKE = [(5, STEP_S), (10, STEP_S), (20, STEP_S), (5, 2 * STEP_S)], (2.0 * STEP_S, 3.0 * STEP_S)
"""Users rise, which is a spike as well."""

OBJECTIVES = [
    *(objective("p95", 1950 * BASE_S[endpoint], endpoint) for endpoint in ENDPOINTS),
    objective("failure_ratio", 0.005, ALL),
    objective("p95", 800.0, ALL),
    objective("average", 135.0, ALL),
]
"""Their limits are just where a server without a queue is, or a little above: many a step misses one by chance."""


def sentences(server, runs, first=0):
    """How many of the runs said what."""
    said: Counter[str] = Counter()
    for seed in range(first, first + runs):
        steps = simulate(seed, STAGES, server).steps
        found = analysed(steps, OBJECTIVES, spike=SPIKE)
        said["missed by chance"] += any(broken_in(step, OBJECTIVES) for step in steps)
        said["knee"] += found.curve.knee_users is not None
        said["broke first"] += found.load.broke_first is not None
        said["slowed down"] += found.load.slowed_most is not None
        said["needed recovery"] += found.recovery.needed
        said["recovered"] += found.recovery.seconds is not None
        said[found.curve.trend] += 1
    return said


def test_a_server_without_a_queue_has_no_story():
    """Of 100 runs on a server that does not depend on load, with 0.5 % failures, each sentence is said of 1 % at most.

    Nearly all of them have a step that misses some objective by chance.
    """
    said = sentences(Server(), 100)
    assert said["missed by chance"] > 50
    for sentence in ("knee", "broke first", "slowed down", "needed recovery", "recovered"):
        assert said[sentence] <= 1, (sentence, said)


@pytest.mark.parametrize("scatter", [0.4, 0.0], ids=["M/G/1", "M/D/1"])
def test_a_queue_has_its_story(scatter):
    """Of 40 runs on one worker that 9 users saturate, at least 95 % tell all of it."""
    said = sentences(Server(1, scatter=scatter), 40, first=1000)
    for sentence in ("knee", "broke first", "slowed down", "needed recovery", "recovered", Shape.PLATEAUING):
        assert said[sentence] >= 38, (sentence, said)


def step(users, *times, start=0.0, seconds=10.0, endpoint=WEIGHT, failures=0):
    measured = EndpointStats(len(times), failures, Counter(times), float(sum(times)), float(max(times, default=0)))
    return Step(users, start, Snapshot({endpoint: measured}, seconds))


KNOWN = Dependence({ALL: Factors(1.0, 1.0, 1.0)}, 1e9)


def test_steps_become_points():
    """A point has its step's users, throughput, p95 and broken objectives; one without requests is left out."""
    steps = [step(20, *[600] * 40), step(10, *[100] * 20), step(30)]
    first, second = read_steps(steps, [objective("p95", 500.0)], KNOWN)
    assert (first.users, first.requests_per_second, first.p95_ms, first.broken) == (10, 2.0, 100.0, ())
    assert (second.users, second.p95_ms, second.broken) == (20, 600.0, ("POST /manual_weight p95",))
    assert first.error_rps == pytest.approx(20**0.5 / 10)


def test_users_that_come_back_after_a_spike():
    """Of two steps with the same users the earlier counts: the later one may still suffer from what lay between."""
    steps = [step(10, *[100] * 50), step(100, *[900] * 50), step(10, *[800] * 50)]
    points = read_steps(steps, [objective("p95", 500.0)], KNOWN)
    assert [(point.users, point.p95_ms) for point in points] == [(10, 100.0), (100, 900.0)]
    assert analysed(steps, [objective("p95", 500.0)]).load.broke_first == ("POST /manual_weight p95", 100)


def test_what_a_step_breaks():
    """Missed objectives are named, met ones and those without data are not, and no answer at all is a name too."""
    objectives = [objective("p95", 50.0), objective("maximum", 200.0), objective("p95", 1.0, TODAY)]
    assert broken_in(step(10, 100), objectives) == ("POST /manual_weight p95",)
    assert broken_in(step(10), objectives) == ("all requests: none was answered",)


@pytest.mark.parametrize(
    ("measure", "limit", "hits", "expected"),
    [
        ("p95", 500, 2, 1.0),  # of 40, as expected
        ("p95", 500, 3, 0.323),
        ("p95", 500, 10, 2.07e-5),
        ("median", 500, 30, 0.0011),
        ("failure_ratio", 0.05, 10, 2.07e-5),
        ("maximum", 500, 1, 0.0),  # a fact
        ("requests_per_second", 40.0, 0, 0.5),
        ("requests_per_second", 80.0, 0, 3.87e-6),
        ("average", 90, 0, 0.0),
    ],
)
def test_the_chance_of_a_miss(measure, limit, hits, expected):
    """It is what one works out by hand, for a true value at the limit; 40 requests in a second, of 100 or 600 ms."""
    times = {100: 40 - hits, 600: hits}
    measured = EndpointStats(40, hits, times, float(sum(ms * n for ms, n in times.items())), 600.0)
    found = chance_of_miss(objective(measure, limit), measured, 1.0, Factors(1.0, 1.0, 1.0), 1e9)
    assert found == pytest.approx(expected, rel=0.05, abs=1e-9)


def test_an_average_near_its_limit():
    """The more its requests scatter, the less an average above its limit says; one request says nothing."""
    even, wild = {99: 20, 103: 20}, {1: 20, 201: 20}
    chances = [
        chance_of_miss(objective("average", 100.0), EndpointStats(40, 0, times, 4040.0), 1.0, Factors(), 8)
        for times in (even, wild, {101: 1})
    ]
    assert chances[0] < 0.05 < 0.4 < chances[1] < chances[2]


@pytest.mark.parametrize(
    ("measure", "limit", "needed"),
    [
        *(("p95", 1, 20), ("p99", 1, 100), ("p99.9", 1, 1000), ("median", 1, 2)),
        *(("failure_ratio", 0.01, 101), ("failure_ratio", 0.5, 3), ("maximum", 1, 1), ("average", 1, 1)),
    ],
)
def test_how_many_requests_it_takes(measure, limit, needed):
    """So many that a single one beyond the limit is no miss; with one fewer, it would be."""
    chosen = objective(measure, limit)
    assert requests_needed(chosen) == needed
    assert requests_needed(Objective(WEIGHT, chosen.measure, limit, 5000)) == 5000
    for requests, met in ((needed, True), (needed - 1, False)) if needed > 2 else ():
        one_bad = EndpointStats(requests, 1, {0: requests - 1, 2: 1})
        assert chosen.measure.bound.holds(chosen.measure.read(one_bad, 1.0), limit) is met


def test_what_slowed_down_most():
    """Of the endpoints that slowed down beyond chance it is that with the largest growth of its p95."""

    def both(users, today_ms, weight_ms, requests=100):
        endpoints = {
            TODAY: EndpointStats(requests, 0, {today_ms: requests}),
            WEIGHT: EndpointStats(requests, 0, {weight_ms: requests}),
        }
        return Step(users, 0.0, Snapshot(endpoints, 10.0))

    found = analysed([both(10, 100, 50), both(50, 900, 100), both(20, 100, 5000)], []).load
    assert (found.users, found.slowed_most.endpoint, found.slowed_most.growth) == ((10, 50), TODAY, 8.0)
    assert analysed([both(10, 100, 50), both(50, 105, 51)], []).load.slowed_most is None
    assert analysed([both(10, 100, 50), both(50, 900, 100, requests=3)], []).load.slowed_most is None
    assert analysed([both(10, 100, 50)], []).load is None


def test_a_run_with_nothing_to_read():
    """A run without steps says nothing."""
    found = analysed([], OBJECTIVES)
    assert (found.curve, found.load, found.recovery, found.drift, found.capacity) == (None,) * 5
    assert measure_dependence([]) == Dependence()
    assert Point(1, 1.0, 1.0).broken == ()
