"""Requests that wait for each other are told from those that do not."""

import random
from statistics import fmean

import pytest

from chaterload.judge.dependence import Dependence, Factors, measure_dependence
from chaterload.judge.history import Batch, Step
from chaterload.judge.measure import ALL, Endpoint, EndpointStats, Snapshot

from .queues import ENDPOINTS, Server, simulate

WEIGHT = Endpoint("POST", "/manual_weight")


def factors(users, server, seconds=60, endpoint=ALL):
    return [measure_dependence(simulate(seed, [(users, seconds)], server).steps).of(endpoint) for seed in range(8)]


@pytest.mark.parametrize(("users", "server", "low", "high"), [(10, Server(), 1, 1.5), (30, Server(4), 4, 20)])
def test_the_factor_of_ranks(users, server, low, high):
    """Where each request has a worker of its own the factor is about 1; in a busy queue it is several times that."""
    assert low <= fmean(found.ranks for found in factors(users, server)) <= high


def test_failures_that_come_at_random():
    """Failures in a busy queue that do not come from it are as independent as dice."""
    assert fmean(found.failures for found in factors(30, Server(4, failures=0.05))) < 1.6


def test_an_endpoint_has_its_share():
    """One of six endpoints depends on itself less than all requests on each other."""
    together, alone = (fmean(f.ranks for f in factors(30, Server(4), endpoint=e)) for e in (ALL, ENDPOINTS[0]))
    assert 1 <= alone < together / 2


def step(*batches):
    """A step of batches, each of (requests, ms, failures)."""
    windows = [Snapshot({WEIGHT: EndpointStats(n, failed, {ms: n})}, 3.0) for n, ms, failed in batches]
    whole = windows[0]
    for window in windows[1:]:
        whole = whole.joined(window)
    return Step(5, 0.0, whole, [Batch(3.0 * number, window) for number, window in enumerate(windows, 1)])


def test_an_outage_is_one_event():
    """Failures that all fall into one batch of twenty count little more than one."""
    outage = measure_dependence([step(*[(30, 100, 0)] * 19, (30, 100, 30))]).of(ALL)
    spread = measure_dependence([step(*[(30, 100, random.Random(n).randint(0, 3)) for n in range(20)])]).of(ALL)
    assert outage.failures > 15
    assert spread.failures < 2.5


def test_little_is_known_of_a_short_run():
    """Without batches the factors are what is usual, with a weight of eight degrees of freedom; then it grows."""
    assert measure_dependence([]) == measure_dependence([step((30, 100, 0))]) == Dependence()
    assert Dependence().of(WEIGHT) == Factors(2.0, 2.0, 2.0)
    found = measure_dependence([step((30, 100, 0), (30, 110, 0)), step((30, 100, 0), (30, 110, 0), (3, 90, 1))])
    assert found.freedom == 8 + 1 + 2


def test_what_does_not_vary():
    """Times that are all the same, and no failures, are no reason for doubt beyond the usual."""
    found = measure_dependence([step(*[(30, 100, 0)] * 10)]).of(ALL)
    assert found == Factors(1.6, 1.6, 1.6)
