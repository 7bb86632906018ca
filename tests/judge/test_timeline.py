"""What charts are drawn from holds every request, and is bounded."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from chaterload.judge.history import History
from chaterload.judge.measure import Endpoint, EndpointStats, Snapshot
from chaterload.judge.timeline import MOST_INTERVALS

TODAY = Endpoint("GET", "/eater_get_today")


def snapshot(times, seconds):
    return Snapshot({TODAY: EndpointStats(len(times), 0, Counter(times), float(sum(times)))}, seconds)


@given(st.lists(st.tuples(st.floats(0.1, 5), st.lists(st.integers(0, 500), max_size=4)), max_size=20))
def test_nothing_is_lost(parts):
    """The intervals follow each other without gaps and hold each request and each failure once, the last ones too."""
    history, at, times, failures = History(), 0.0, list[int](), 0
    for seconds, more in parts:
        at, times, failures = at + seconds, times + more, failures + len(more)
        history.add(at, 5, snapshot(times, at), target=5, failed={(TODAY, "timed out"): failures}, in_flight=len(more))
    history.end(at + 1, snapshot([*times, 7], at + 1), {(TODAY, "timed out"): failures + 1})
    timeline = history.timeline
    assert sum(interval.window.total.requests for interval in timeline) == len(times) + 1
    assert sum(interval.failed.get((TODAY, "timed out"), 0) for interval in timeline) == failures + 1
    begins = [interval.end - interval.window.seconds for interval in timeline]
    ends = [0.0, *(interval.end for interval in timeline)]
    assert all(abs(begin - end) < 1e-6 for begin, end in zip(begins, ends, strict=False))
    assert max((len(more) for _, more in parts), default=0) == max(interval.in_flight for interval in timeline)


def test_it_does_not_grow_with_the_run():
    """A day has no more intervals than an hour; its wind-down stands apart, without users."""
    history = History()
    for number in range(1, 5000):
        history.add(3.0 * number, 5, snapshot([10], 3.0 * number), target=5)
        assert len(history.timeline) <= MOST_INTERVALS
    history.end(15000.0, snapshot([10, 20], 15000.0))
    assert len(history.timeline) <= MOST_INTERVALS + 1
    assert (history.timeline[-1].users, history.timeline[-1].window.total.requests) == (0, 1)


def test_a_short_wind_down_keeps_the_load():
    """A wind-down too short to stand apart belongs to the last interval, whose users and rate stay."""
    history = History()
    for at in (3.0, 6.0):
        history.add(at, 5, snapshot([10], at), target=5, asked_rps=30.0)
    history.end(6.5, snapshot([10, 20], 6.5))
    assert [(interval.end, interval.users, interval.asked_rps) for interval in history.timeline] == [
        (3.0, 5, 30.0),
        (6.5, 5, 30.0),
    ]
