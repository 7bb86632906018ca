"""A run is read from its steps and its history: the curve, the knee, what broke, the recovery, the drift."""

import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaterload.judge.analysis import (
    Point,
    broken_in,
    read_curve,
    read_drift,
    read_first_break,
    read_growth,
    read_recovery,
    read_steps,
)
from chaterload.judge.history import Generator, Sample, Step
from chaterload.judge.measure import ALL, Endpoint, Measurement, Snapshot
from chaterload.judge.objectives import Measure, Objective

TODAY, WEIGHT = Endpoint("GET", "/eater_get_today"), Endpoint("POST", "/manual_weight")
SPIKE = (60.0, 120.0)
SEEDS = range(20)


def step(users, *times, start=0.0, seconds=10.0, endpoint=WEIGHT, failures=0):
    m = Measurement(len(times), failures, Counter(times), float(sum(times)), float(max(times, default=0)))
    return Step(users, start, Snapshot({endpoint: m}, seconds))


def closed_queue(users, capacity=100.0, think_s=1.0, service_s=0.05, collapse=0.0):
    """Requests per second of `users` who think and wait; beyond the capacity it falls by `collapse` of it a user."""
    offered = users / (think_s + service_s)
    soft = (offered**-6 + capacity**-6) ** (-1 / 6)  # a knee as round as real ones
    return max(1.0, soft - max(0.0, offered - capacity) * collapse)


def curve_of(seed, users, noise=0.02, **server):
    rng = random.Random(seed)
    curve = read_curve([Point(n, closed_queue(n, **server) * (1 + rng.gauss(0, noise)), 0.0) for n in users])
    assert curve is not None
    return curve


@pytest.mark.parametrize("seed", SEEDS)
def test_throughput_that_follows_the_users(seed):
    """An ample server's throughput is increasing, and there is no knee."""
    curve = curve_of(seed, range(20, 201, 20), capacity=2000)
    assert (curve.trend, curve.knee_users, curve.plateau_rps) == ("increasing", None, None)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("capacity", [45, 60, 100, 140])
def test_throughput_that_stops_following(capacity, seed):
    """A limited server's throughput is plateauing at its capacity, the knee within one step of where it must be."""
    curve = curve_of(seed, range(20, 201, 20), capacity=capacity)
    assert curve.trend == "plateauing"
    assert curve.plateau_rps == pytest.approx(capacity, rel=0.1)
    assert curve.knee_users == pytest.approx(capacity * 1.05, abs=20)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("collapse", [0.35, 0.6, 1.0])
def test_throughput_that_falls(collapse, seed):
    """The throughput of a server that collapses under load is decreasing."""
    curve = curve_of(seed, range(20, 201, 20), capacity=100, collapse=collapse)
    assert curve.trend == "decreasing"
    assert curve.knee_users == pytest.approx(105, abs=30)


@pytest.mark.parametrize("seed", SEEDS)
def test_few_steps_of_a_search(seed):
    """The uneven steps of a capacity search show plateau and knee as well."""
    curve = curve_of(seed, (10, 20, 30, 40, 50, 60, 62, 65, 70), capacity=40, service_s=0.05)
    assert curve.trend == "plateauing"
    assert curve.plateau_rps == pytest.approx(40, rel=0.1)
    assert curve.knee_users == pytest.approx(42, abs=10)


@pytest.mark.parametrize("noise", [0.02, 0.05])
def test_noise_is_not_read_as_a_fall(noise):
    """On a plateau whose steps scatter by 5 %, at least 95 of 100 runs are called plateauing."""
    shapes = Counter(curve_of(seed, range(20, 201, 20), noise, capacity=100).trend for seed in range(200))
    assert shapes["plateauing"] >= 190, shapes


@pytest.mark.parametrize("count", [0, 1, 2])
def test_too_few_steps(count):
    """Two points are no curve."""
    assert read_curve([Point(10 * n, 10.0 * n, 1.0) for n in range(1, count + 1)]) is None


@given(st.lists(st.tuples(st.integers(1, 1000), st.floats(0, 1e4)), min_size=3, max_size=30, unique_by=lambda p: p[0]))
def test_any_curve(pairs):
    """Whatever was measured, the curve is one of three, and a knee lies above 0 users."""
    curve = read_curve([Point(users, rate, 0.0) for users, rate in sorted(pairs)])
    assert curve is not None
    assert curve.trend in ("increasing", "plateauing", "decreasing")
    assert curve.knee_users is None or curve.knee_users >= 0


def test_steps_become_points():
    """A point has its step's users, throughput, p95 and broken objectives; one without requests is left out."""
    steps = [step(20, *[600] * 40), step(10, *[100] * 20), step(30)]
    assert read_steps(steps, [Objective(WEIGHT, Measure.named("p95"), 500.0)]) == (
        Point(10, 2.0, 100.0),
        Point(20, 4.0, 600.0, ("POST /manual_weight p95",)),
    )


def test_users_that_come_back_after_a_spike():
    """Of two steps with the same users the earlier counts: the later one may still suffer from what lay between."""
    steps = [step(10, 100), step(100, 900), step(10, 800)]
    points = read_steps(steps, [Objective(WEIGHT, Measure.named("p95"), 500.0)])
    assert [(point.users, point.p95_ms) for point in points] == [(10, 100.0), (100, 900.0)]
    assert read_first_break(points) == ("POST /manual_weight p95", 100)


def test_what_a_step_breaks():
    """Missed objectives are named, met ones and those without data are not, and no answer at all is a name too."""
    objectives = [
        Objective(WEIGHT, Measure.named("p95"), 50.0),
        Objective(WEIGHT, Measure.named("maximum"), 200.0),
        Objective(TODAY, Measure.named("p95"), 1.0),
    ]
    assert broken_in(step(10, 100), objectives) == ("POST /manual_weight p95",)
    assert broken_in(step(10), objectives) == ("all requests: none was answered",)


def test_the_first_break():
    """The objective that broke with the fewest users is the first, and where none broke there is none."""
    points = [Point(10, 1, 1), Point(20, 1, 1, ("A p95", "B p95")), Point(30, 1, 1, ("C p95",))]
    assert read_first_break(points) == ("A p95", 20)
    assert read_first_break(points[:1]) is None


def test_what_slowed_down_most():
    """The endpoint whose p95 grew by the largest factor from the first step to the one with most users."""

    def both(users, today_ms, weight_ms, requests=30):
        endpoints = {
            TODAY: Measurement(requests, 0, {today_ms: requests}),
            WEIGHT: Measurement(requests, 0, {weight_ms: requests}),
        }
        return Step(users, 0.0, Snapshot(endpoints, 10.0))

    assert read_growth([both(10, 100, 50), both(50, 900, 100), both(20, 100, 5000)]) == ("GET /eater_get_today", 9.0)
    assert read_growth([both(10, 100, 50)]) is None
    assert read_growth([both(10, 100, 50), both(50, 900, 100, requests=19)]) is None
    assert read_growth([both(10, 0, 50), both(50, 900, 100)]) == ("POST /manual_weight", 2.0)
    assert read_growth([step(10, *[100] * 30), step(20, *[100] * 30, endpoint=TODAY)]) is None


def sample(at, p95, requests=100, failures=0, median=None, endpoint=ALL, generator=None):
    times = {ALL: (median or p95 / 2, p95), endpoint: (median or p95 / 2, p95)} if requests else {}
    return Sample(at, 3.0, 10, requests, failures, times, generator or Generator())


def spike_run(after, during=2000.0, before=100.0):
    """A run of one sample every 3 s with these 95th percentiles, the last from a function of the time after it."""
    return [
        sample(at, before if at <= SPIKE[0] else during if at <= SPIKE[1] else after(at - SPIKE[1]))
        for at in range(3, 241, 3)
    ]


@pytest.mark.parametrize("drained_s", [0, 12, 60])
def test_recovery(drained_s):
    """Recovery lasts until the answers are as quick as before, within one sample."""
    recovers, seconds = read_recovery(spike_run(lambda t: 1500.0 if t <= drained_s else 110.0), SPIKE)
    assert recovers
    assert seconds == pytest.approx(drained_s, abs=3)


def test_no_recovery():
    """Answers that stay slower by more than a quarter never were as before."""
    assert read_recovery(spike_run(lambda t: 130.0), SPIKE) == (False, None)
    assert read_recovery(spike_run(lambda t: 120.0), SPIKE)[0]


def test_one_quick_sample_is_no_recovery():
    """It takes two samples in a row."""
    assert read_recovery(spike_run(lambda t: 100.0 if t == 30 else 900.0), SPIKE) == (False, None)


def test_milliseconds_are_no_slowness():
    """A server that took 4 ms before and 9 ms after the spike has recovered."""
    assert read_recovery(spike_run(lambda t: 9.0, before=4.0), SPIKE) == (True, 0.0)


def test_a_server_that_refuses_everything_has_not_recovered():
    """Quick failures are no recovery, until they are as rare as before."""
    run = [*spike_run(lambda t: 50.0)]
    refused = [s if s.at <= SPIKE[1] else sample(s.at, 50.0, failures=100 if s.at < 180 else 1) for s in run]
    recovers, seconds = read_recovery(refused, SPIKE)
    assert recovers
    assert seconds == pytest.approx(60, abs=3)


def test_a_server_that_answers_nobody_has_not_recovered():
    """Samples without an answer are no recovery."""
    run = [s if s.at <= SPIKE[1] else sample(s.at, 0.0, requests=0) for s in spike_run(lambda t: 1.0)]
    assert read_recovery(run, SPIKE) == (False, None)


def test_a_spike_without_a_before():
    """Where nothing was measured before the spike, nothing can be said to be as before."""
    assert read_recovery([sample(130, 10.0), sample(133, 10.0)], SPIKE) == (False, None)
    assert read_recovery([], SPIKE) == (False, None)


def long_run(seed, leak=0.0, count=240):
    """A run whose medians scatter by 15 % and grow by `leak` of them from start to end, its memory as well."""
    rng = random.Random(seed)
    grow = [1 + leak * number / count for number in range(count)]
    return [
        sample(
            3.0 * (number + 1),
            p95=900.0,
            median=200 * growth * rng.lognormvariate(0, 0.15),
            endpoint=WEIGHT,
            generator=Generator(rng.uniform(20, 30), int(2e8 * growth + rng.gauss(0, 1e6))),
        )
        for number, growth in enumerate(grow)
    ]


@pytest.mark.parametrize("seed", SEEDS)
def test_a_leak_drifts_and_noise_does_not(seed):
    """For 20 of 20 seeds a run that slows down by half drifts, and a steady one does not."""
    directions = {name: t.direction for name, t in read_drift(long_run(seed), 72).items()}
    assert directions == dict.fromkeys(
        ("all requests median ms", "POST /manual_weight median ms", "generator CPU %", "generator memory MB"), "steady"
    )
    leaking = read_drift(long_run(seed, leak=0.5), 72)
    assert [name for name, t in leaking.items() if t.direction == "rising"] == [
        *("POST /manual_weight median ms", "all requests median ms", "generator memory MB")
    ]
    assert leaking["generator memory MB"].slope == pytest.approx(100 / 0.2, rel=0.1)  # 100 MB in 12 minutes


def test_the_warm_up_is_left_out():
    """A slow start is no drift."""
    run = long_run(1)
    slow = [sample(s.at, 900.0, median=5000.0, endpoint=WEIGHT) if s.at <= 72 else s for s in run]
    assert read_drift(slow, 72)["POST /manual_weight median ms"].direction == "steady"


def test_too_short_for_drift():
    """A handful of samples say nothing of drift."""
    assert read_drift(long_run(1)[:9], 0) == {}
