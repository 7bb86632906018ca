"""Throughput against users is read from its steps, and nothing is read from noise."""

import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaterload.judge.curve import Point, Shape, read_curve, throughput_error
from chaterload.judge.history import Batch, Step
from chaterload.judge.measure import Endpoint, EndpointStats, Snapshot

SEEDS = range(20)


def closed_queue(users, capacity=100.0, think_s=1.0, service_s=0.05, collapse=0.0):
    """Requests per second of `users` who think and wait; beyond the capacity it falls by `collapse` of it a user."""
    offered = users / (think_s + service_s)
    soft = (offered**-6 + capacity**-6) ** (-1 / 6)  # a knee as round as real ones
    return max(1.0, soft - max(0.0, offered - capacity) * collapse)


def curve_of(seed, users, noise=0.02, **server):
    rng = random.Random(seed)
    rates = {n: closed_queue(n, **server) for n in users}
    curve = read_curve([Point(n, r * (1 + rng.gauss(0, noise)), 0.0, error_rps=noise * r) for n, r in rates.items()])
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
    """Whatever was measured, the curve has one of four shapes, and a knee lies above 0 users."""
    curve = read_curve([Point(users, rate, 0.0) for users, rate in sorted(pairs)])
    assert curve is not None
    assert curve.trend in Shape
    assert curve.knee_users is None or curve.knee_users >= 0


@pytest.mark.parametrize("noise", [0.02, 0.05, 0.1, 0.3])
def test_noise_is_no_knee(noise):
    """Of 500 servers that follow their users at most 1 % have a knee or a fall, however noisy the steps are."""
    found = Counter(curve_of(seed, range(20, 201, 20), noise, capacity=1e9).trend for seed in range(500))
    assert found[Shape.PLATEAUING] + found[Shape.DECREASING] <= 5, found


def test_too_noisy_to_tell():
    """Where the steps scatter by a third, most runs are unclear, and some show that they follow."""
    found = Counter(curve_of(seed, range(20, 201, 20), 0.3, capacity=1e9).trend for seed in range(200))
    assert found[Shape.UNCLEAR] > 100, found


def test_the_scatter_of_throughput():
    """Counts that scatter as chance has it have a factor of 1, even ones less, and uneven ones more."""

    def step(counts):
        windows = [Snapshot({Endpoint("GET", "/"): EndpointStats(n)}, 3.0) for n in counts]
        whole = Snapshot({Endpoint("GET", "/"): EndpointStats(sum(counts))}, 3.0 * len(counts))
        return Step(10, 0.0, whole, [Batch(3.0, window) for window in windows])

    assert throughput_error([]) == 1.0
    assert throughput_error([step([100] * 40)]) < 0.5
    assert throughput_error([step([90, 110] * 20)]) == pytest.approx(1.0, abs=0.05)
    assert throughput_error([step([50, 150] * 20)]) > 4
    assert throughput_error([step([0, 0])]) == 1.0
