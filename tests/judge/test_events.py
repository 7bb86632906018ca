"""Events are what came together: silences with what followed, and failures that chance does not explain."""

from random import Random

from chaterload.judge.events import Event, find_events
from chaterload.judge.history import Sample
from chaterload.judge.measure import Endpoint
from chaterload.judge.silence import Silence

ENDPOINTS = [Endpoint("GET", f"/{number}") for number in range(6)]


def sample(number, requests, *failed):
    """The one that ends 3 s after the one before; each failure is an endpoint's number, a kind and a count."""
    failures = {(ENDPOINTS[endpoint], kind): count for endpoint, kind, count in failed}
    return Sample(3.0 * (number + 1), 3.0, 10, requests, sum(failures.values()), {}, failed=failures)


def samples(count, failed=None, requests=100):
    """So many, with failures in those whose number is a key."""
    return [sample(number, requests, *(failed or {}).get(number, ())) for number in range(count)]


def test_a_silence_and_what_followed():
    """What fails in a silence and soon after its end belongs to it; what failed before does not."""
    silence = Silence(9.5, 40.5, 12, {})
    run = samples(20, {2: [(0, "lost", 1)], 10: [(1, "timed out", 2)], 13: [(1, "server error", 3)], 14: [(2, "x", 1)]})
    (event,) = find_events(run, [silence])
    assert event == Event(9.5, 40.5, 31.0, 12, {"server error": 3, "timed out": 2, "x": 1}, 2)


def test_a_silence_alone():
    """Where nothing failed, nothing did."""
    assert find_events(samples(20), [Silence(9.5, 40.5, 12, {})]) == [Event(9.5, 40.5, 31.0, 12)]


def test_several_endpoints_in_one_interval():
    """Failures of several endpoints at one time are one event; those that follow at once belong to it."""
    burst = {5: [(n, "server error", 4) for n in range(5)], 6: [(0, "server error", 9)], 15: [(0, "server error", 1)]}
    assert find_events(samples(30, burst), []) == [Event(15.0, 21.0, 0.0, 0, {"server error": 29}, 5)]


def test_two_events():
    """They come in the order of their time."""
    run = samples(40, {30: [(0, "server error", 20)]})
    assert [e.start for e in find_events(run, [Silence(31.0, 40.0, 3, {}), Silence(9.0, 20.0, 3, {})])] == [9, 31, 90]


def test_a_run_that_fails_all_the_time():
    """A run of failures has no moment at which they came."""
    assert find_events(samples(30, {n: [(0, "server error", 60)] for n in range(30)}), []) == []
    assert find_events(samples(0), []) == []
    assert find_events(samples(5, requests=0), []) == []


def test_chance_makes_no_event():
    """Of 400 runs whose requests fail by chance alone, at most 1 % have an event."""
    random, alarms, runs = Random(7), 0, 400
    for run in range(runs):
        share, count = (0.0005, 0.005, 0.05, 0.5)[run % 4], (10, 40, 100)[run % 3]
        failures = [sum(random.random() < share for _ in range(60)) for _ in range(count)]
        alarms += bool(find_events([sample(n, 60, (0, "server error", k)) for n, k in enumerate(failures)], []))
    assert alarms <= runs * 0.01


def test_an_outage_is_found():
    """A database that is gone for 4 s, on a server that else fails once in 200 requests, is found every time."""
    random = Random(3)
    for _ in range(50):
        failures = [sum(random.random() < (0.7 if number == 8 else 0.005) for _ in range(40)) for number in range(20)]
        events = find_events([sample(n, 40, (0, "server error", k)) for n, k in enumerate(failures)], [])
        (event,) = events
        assert event.start <= 24.0
        assert event.end >= 27.0
