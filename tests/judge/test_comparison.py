"""Worse means: beyond the tolerance and beyond noise, at any number of requests, in queues as well."""

import itertools
import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaterload.judge.comparison import MIN_REQUESTS, Comparison, Tolerance, Window, compare_windows
from chaterload.judge.dependence import Dependence, Factors, measure_dependence
from chaterload.judge.measure import ALL, Endpoint, EndpointStats, round_to_3_significant

from .queues import ENDPOINTS, Server, simulate

TODAY, WEIGHT = Endpoint("GET", "/eater_get_today"), Endpoint("POST", "/manual_weight")
INDEPENDENT = Dependence({ALL: Factors(1.0, 1.0, 1.0)}, 1e9)
NONE = Tolerance(0.0)


def measured(*times, failures=0):
    return EndpointStats(len(times), failures, Counter(times), float(sum(times)))


def drawn(rng, n, scale=1.0, fails=0.0):
    """`n` response times from a distribution with a long tail, as those of servers have."""
    times = [round_to_3_significant(scale * 1000 * rng.lognormvariate(-2, 0.6)) for _ in range(n)]
    return measured(*times, failures=sum(rng.random() < fails for _ in range(n)))


def window(*measurements):
    return Window(dict(zip(ENDPOINTS, measurements, strict=False)), INDEPENDENT)


def drawn_windows(seed, n, scale=1.0, fails=0.01):
    """Two runs of six endpoints, each with `n` requests; the second on a server that is `scale` times as slow."""
    rng = random.Random(seed)
    return (
        window(*(drawn(rng, n, fails=fails) for _ in ENDPOINTS)),
        window(*(drawn(rng, n, scale, fails) for _ in ENDPOINTS)),
    )


def compare(pair, tolerance):
    before, now = pair
    return compare_windows(before, now, Tolerance(tolerance))


@pytest.mark.parametrize(("requests", "pairs"), [(10, 300), (20, 200), (50, 200), (200, 100)])
def test_the_same_server_twice_is_no_regression(requests, pairs):
    """At any number of requests, and without a tolerance, at most 1 % of unchanged servers is worse at any endpoint."""
    worse = [
        any(comparison.worse for comparison in compare(drawn_windows(seed, requests), 0.0)) for seed in range(pairs)
    ]
    assert sum(worse) <= 0.01 * pairs


@pytest.mark.parametrize(("requests", "scale"), [(10, 2.5), (20, 2.0), (50, 1.5), (200, 1.25)])
def test_a_slower_server_is_found(requests, scale):
    """At any number of requests at least 95 % of servers that are slow enough for it are found, by all together."""
    found = [compare(drawn_windows(seed, requests, scale), 0.1)[0] for seed in range(40)]
    assert all(comparison.endpoint == ALL for comparison in found)
    assert sum(comparison.slower for comparison in found) >= 38


def simulated(seed, users, seconds, server):
    history = simulate(seed, [(users, seconds)], server)
    return Window(history.steps[-1].window.endpoints, measure_dependence(history.steps))


@pytest.mark.parametrize(
    ("users", "seconds", "server"),
    [(20, 24, Server(4)), (30, 24, Server(4)), (7, 45, Server(1)), (5, 15, Server())],
    ids=["half", "busy", "one worker", "short"],
)
def test_a_queue_is_no_regression(users, seconds, server):
    """Of 100 pairs of runs on one server, whose requests wait for each other, at most one is worse."""
    runs = [simulated(seed, users, seconds, server) for seed in range(25)]
    pairs = [(runs[i], runs[(i + shift) % 25]) for i in range(25) for shift in (1, 2, 3, 4)]
    worse = [any(c.worse for c in compare(pair, 0.1)) for pair in pairs]
    assert sum(worse) <= 1


def test_without_regard_to_the_queue_it_would_be_one():
    """The same queue's requests taken as independent make regressions of nothing, which is what the factors are for."""
    runs = [simulated(seed, 30, 24, Server(4)) for seed in range(20)]
    naive = [Window(run.endpoints, INDEPENDENT) for run in runs]
    pairs = list(itertools.pairwise(naive))
    assert sum(any(c.worse for c in compare(pair, 0.0)) for pair in pairs) > 2


def test_five_users_for_fifteen_seconds():
    """Endpoints that became four times as slow are found with about nine requests each, in at least 95 % of runs."""
    fast, slow = (dict.fromkeys(ENDPOINTS, ms) for ms in (0.05, 0.2))
    found = 0
    for seed in range(40):
        before = simulated(seed, 5, 15, Server(mean_s=fast))
        found += compare_windows(before, simulated(1000 + seed, 5, 15, Server(mean_s=slow)), Tolerance(0.1))[0].slower
    assert found >= 38


def test_a_changed_mix_is_no_change():
    """A slow and failing endpoint that is asked ten times as often makes nothing worse."""
    before = window(measured(*[20, 30] * 200), measured(*[900, 990] * 20, failures=20))
    now = window(measured(*[20, 30] * 40), measured(*[900, 990] * 200, failures=200))
    together = compare_windows(before, now, NONE)[0]
    assert not together.worse
    assert (together.median_before_ms, together.median_now_ms) == (900, 900)  # as if asked as often before
    assert together.failure_ratio_before == together.failure_ratio_now


@pytest.mark.parametrize(("scale", "tolerance", "slower"), [(1.4, 0.1, True), (1.4, 1.0, False), (0.7, 0.0, False)])
def test_the_tolerance(scale, tolerance, slower):
    """What grew by more than the tolerance is slower; less is not, and faster never is."""
    for seed in range(10):
        together = compare(drawn_windows(seed, 200, scale), tolerance)[0]
        assert together.slower is slower


def test_a_slower_tail():
    """One request in ten that became a hundred times as slow is found by the slowest, the typical one being as ever."""
    before, now = measured(*[20, 21, 22, 23] * 100), measured(*[20, 21, 22, 23] * 90, *[2000] * 40)
    together, endpoint = compare_windows(window(before), window(now), Tolerance(0.1))
    assert (endpoint.slower, endpoint.slower_tail, endpoint.worse) == (False, True, True)
    assert "p95 23 ms -> 2 s" in str(endpoint)
    assert together.slower_tail


def test_more_failures():
    """Failures that became eight times as frequent are found, and three more of a thousand are not."""
    before, worse, same = (measured(*[20] * 1000, failures=count) for count in (10, 80, 13))
    assert compare_windows(window(before), window(worse), NONE)[1].fails_more
    assert not compare_windows(window(before), window(same), NONE)[1].worse


def test_too_few():
    """An endpoint with fewer requests than it takes says how many there are, and still counts among all together."""
    before, now = window(measured(*[20] * 7), measured(*[20] * 100)), window(*[measured(*[90] * 100)] * 2)
    together, few, enough = compare_windows(before, now, NONE)
    assert few.word == f"too few (7 of {MIN_REQUESTS})"
    assert (few.too_few, few.worse) == (True, False)
    assert (enough.word, together.requests_before) == ("worse", 107)


def test_only_what_both_asked():
    """Endpoints that one of the two did not ask are not compared, and where there is none, nothing is."""
    one, other = Window({TODAY: measured(5), WEIGHT: EndpointStats()}), Window({WEIGHT: measured(5)})
    assert compare_windows(one, other, NONE) == []
    assert compare_windows(other, one, NONE) == []


def test_a_comparison_in_words():
    """The sentence names the endpoint and each figure that got worse, before and now."""
    worse = Comparison(WEIGHT, 100, 100, 80, 120, 100, 1500, 0.001, 0.1, slower=True, slower_tail=True, fails_more=True)
    assert str(worse) == (
        "POST /manual_weight is worse than the baseline: median 80 ms -> 120 ms (+50 %), "
        "p95 100 ms -> 1.5 s (+1,400 %), failures 0.1 % -> 10 %"
    )
    nothing = Comparison(WEIGHT, 100, 100, 0, 3, 0, 3, 0, 0, slower=True)
    assert str(nothing).endswith("baseline: median 0 ms -> 3 ms")
    assert (nothing.growth, nothing.word) == (0.0, "worse")


COUNTS = st.dictionaries(st.integers(0, 2**40), st.integers(1, 2**48), max_size=4)
WINDOWS = st.builds(
    lambda times, share: Window(
        {WEIGHT: EndpointStats(sum(times.values()), int(sum(times.values()) * share), times)}, INDEPENDENT
    ),
    COUNTS,
    st.floats(0, 1),
)


@given(WINDOWS, WINDOWS, st.floats(0, 10))
def test_anything_can_be_compared(before, now, tolerance):
    """Whatever two runs measured, it is compared or it is not, quickly, and what is the same is never worse."""
    for comparison in compare_windows(before, now, Tolerance(tolerance)):
        assert str(comparison)
    assert not any(comparison.worse for comparison in compare_windows(now, now, Tolerance(tolerance)))


@pytest.mark.parametrize("strange", [EndpointStats(10, 0, {}), EndpointStats(0, 0, {5: 10})])
def test_what_has_no_times_is_left_out(strange):
    """An endpoint that an earlier file counts without times, or times without counting, is not compared."""
    before, now = window(strange, measured(*[5] * 20)), window(measured(*[5] * 20), measured(*[5] * 20))
    assert [c.endpoint for c in compare_windows(before, now, NONE)] == [ALL, ENDPOINTS[1]]
    assert compare_windows(window(strange), window(strange), NONE) == []
