"""Requests in flight that keep growing are told from those that come and go."""

from hypothesis import given
from hypothesis import strategies as st

from chaterload.load.backlog import SHORTEST, keeps_growing

from .queue import in_flight


def alarm(load, workers, service_s, seed):
    """After how many seconds the growth is seen; None when it never is."""
    samples, rate = in_flight(load, workers, service_s, seed)
    return next((n for n in range(SHORTEST, len(samples)) if keeps_growing(samples[3:n], rate)), None)


def test_few_false_alarms():
    """Of servers loaded to nine tenths, hardly one in ten is said to be overrun within a minute."""
    found = [alarm(0.9, *server, seed) for server in ((1, 0.05), (2, 0.1)) for seed in range(20)]
    assert sum(seconds is not None for seconds in found) <= 6


def test_an_overrun_server_is_found_soon():
    """A quarter too much is seen within 40 s, at least nine times of ten."""
    found = [alarm(1.25, *server, seed) for server in ((1, 0.05), (2, 0.1)) for seed in range(10)]
    assert sum(seconds is not None and seconds <= 40 for seconds in found) >= 18


@given(st.lists(st.integers(0, 10_000), max_size=200), st.floats(0.1, 1000.0))
def test_what_did_not_grow_is_not_growing(samples, rate):
    """Turned round, what grows falls: never both."""
    assert not (keeps_growing(samples, rate) and keeps_growing(samples[::-1], rate))


def test_too_little_is_no_growth():
    """A few samples say nothing, and neither do a few requests."""
    assert not keeps_growing([0, 100, 200, 300], 10.0)
    assert not keeps_growing(list(range(11)), 10.0)
    assert keeps_growing([3 * n for n in range(15)], 10.0)
