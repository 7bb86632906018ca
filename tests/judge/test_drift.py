"""Trends are looked for while the users stay the same, and those that are alike are one."""

from typing import Any

import pytest

from chaterload.judge.drift import GENERATOR_CPU, GENERATOR_MEMORY, Drift, group_alike, read_drift
from chaterload.judge.history import Generator, History
from chaterload.judge.measure import ALL, Endpoint, EndpointStats, Snapshot
from chaterload.judge.trend import Trend

from .queues import ENDPOINTS, Server, simulate

TODAY, WEIGHT, PHOTO = (Endpoint("GET", "/today"), Endpoint("POST", "/weight"), Endpoint("POST", "/photo"))


def drift_of(*args: Any, **kwargs: Any) -> Any:
    """What `read_drift` found, which the tests know to be there."""
    return read_drift(*args, **kwargs)


def rising(drift):
    return {name for name, found in drift.trends.items() if found.direction == "rising"}


def test_a_steady_server():
    """Of 40 steady servers at most one drifts at any of its endpoints; half of them are busy queues."""
    drifting = 0
    for seed in range(20):
        for server, users in ((Server(), 6), (Server(1), 7)):
            drifting += bool(rising(drift_of(simulate(seed, [(users, 135)], server).steps)))
    assert drifting <= 1


def test_a_server_that_becomes_slower():
    """One that becomes 60 % slower within three minutes drifts, in at least 95 % of runs."""
    found = [
        drift_of(simulate(seed, [(8, 180)], Server(slower_by=lambda at: 1 + 0.6 * at / 180)).steps)
        for seed in range(20)
    ]
    assert sum(ALL in rising(drift) for drift in found) >= 19
    assert not set().union(*map(rising, found)) & {GENERATOR_CPU, GENERATOR_MEMORY}


def test_only_while_the_users_stay_the_same():
    """A server that is slower the more users there are does not drift, and short steps say nothing."""
    history = simulate(1, [(2, 60), (4, 60), (8, 60), (16, 60)], Server(1))
    assert drift_of(history.steps) is None
    longest = drift_of(simulate(1, [(16, 60), (4, 150)], Server(1)).steps)
    assert longest.users == 4
    assert not rising(longest)
    assert drift_of([]) is None


def made(medians, memory=lambda at: 1e8, share=lambda at: 0.5, minutes=10):
    """A run of 100 requests per sample to TODAY and WEIGHT, by these medians, memory and share of TODAY."""
    history, so_far = History(), {TODAY: EndpointStats(), WEIGHT: EndpointStats()}
    for number in range(1, minutes * 20 + 1):
        at = 3.0 * number
        counts = {TODAY: round(100 * share(at)), WEIGHT: 100 - round(100 * share(at))}
        for endpoint, n in counts.items():
            ms = round(medians(at) * (1 if endpoint == TODAY else 4)) + number % 3
            times = {**so_far[endpoint].times}
            times[ms] = times.get(ms, 0) + n
            so_far[endpoint] = EndpointStats(so_far[endpoint].requests + n, 0, times)
        history.add(at, 30, Snapshot(dict(so_far), at), target=30, generator=Generator(20.0, memory(at)))
    return history


def test_what_a_trend_says():
    """The slope is per second, and the line's ends are those of the batches behind the first tenth."""
    found = drift_of(made(lambda at: 100 + at).steps)
    assert found.trends[TODAY].slope == pytest.approx(1.0, rel=0.02)
    assert found.trends[TODAY].first == pytest.approx(100 + 87, abs=5)
    assert found.trends[TODAY].last == pytest.approx(100 + 588, abs=5)
    assert rising(found) == {TODAY, WEIGHT, ALL}
    assert found.seconds == pytest.approx(597)


def test_a_changed_mix_is_no_trend():
    """A slow endpoint that is asked more and more often does not make all requests slower."""
    found = drift_of(made(lambda at: 100, share=lambda at: 0.9 - at / 800).steps)
    assert not rising(found)


def test_memory():
    """The generator's memory is in MB."""
    found = drift_of(made(lambda at: 100, memory=lambda at: 1e8 + 1e5 * at).steps)
    assert rising(found) == {GENERATOR_MEMORY}
    assert found.trends[GENERATOR_MEMORY].slope == pytest.approx(0.1, rel=0.01)


def test_the_first_tenth_is_left_out():
    """A slow start is no drift."""
    assert not rising(drift_of(made(lambda at: 2000 if at < 50 else 100).steps))


def test_a_long_run_costs_no_more():
    """However long a run is, there are at most 40 batches to read, and all of its requests are in them."""
    for minutes in (3, 30):
        step = made(lambda at: 100, minutes=minutes).steps[-1]
        assert 20 <= len(step.batches) <= 40
        assert sum(batch.window.total.requests for batch in step.batches) == step.window.total.requests


def drift(**slopes):
    names = {"all": ALL, "today": TODAY, "weight": WEIGHT, "photo": PHOTO, "memory": GENERATOR_MEMORY}
    return Drift(10, 600.0, {names[name]: Trend(s, 1e-9, 300.0, 100.0, 100.0 + 600 * s) for name, s in slopes.items()})


@pytest.mark.parametrize(
    ("slopes", "groups"),
    [
        ({"all": 1.0, "today": 1.0, "weight": 1.2, "photo": 0.9}, [[PHOTO, TODAY, WEIGHT]]),
        ({"all": 1.0, "today": 1.0, "weight": 3.0}, [[ALL], [WEIGHT], [TODAY]]),
        ({"all": 0.0, "today": 1.0, "weight": -1.0}, [[TODAY], [WEIGHT]]),
        ({"all": 0.0, "today": 0.0, "memory": 1.0}, [[GENERATOR_MEMORY]]),
        ({"all": 1.0}, [[ALL]]),
        ({"all": 0.0, "today": 0.001}, []),
    ],
)
def test_what_is_alike(slopes, groups):
    """Endpoints with slopes within a factor of 1.5 are one group, for which all requests need no line of their own."""
    assert group_alike(drift(**slopes)) == groups


def test_every_endpoint_has_a_trend():
    """All endpoints that were asked have one, and all together, and what the generator takes."""
    found = drift_of(simulate(1, [(10, 150)], Server()).steps)
    assert found.trends.keys() == {*ENDPOINTS, ALL, GENERATOR_CPU, GENERATOR_MEMORY}
