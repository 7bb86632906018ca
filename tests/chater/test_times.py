"""The times of dishes are each used once, belong to their day, and tell whose they can be."""

from collections import Counter
from collections.abc import Container

import pytest
from hypothesis import given
from hypothesis import strategies as st

import chaterload.chater.times as times_module
from chaterload.chater.times import CLOCK_SKEW_MS, SHARE, DishTimes, SecondsOfDay, day_of, told_today
from chaterload.chater.wire import DAY_MS

MIDNIGHT = 20_000 * DAY_MS
NOON = MIDNIGHT + DAY_MS // 2


def new(times: DishTimes, now_ms: int = NOON, used: Container[int] = ()) -> int:
    """The next time of a day that has some left."""
    time = times.next(now_ms, used)
    assert time is not None
    return time


CLOCKS = st.lists(st.one_of(st.just(0), st.integers(-100, 100), st.integers(-2 * DAY_MS, 2 * DAY_MS)), max_size=30)


@given(st.integers(1, 5), st.lists(st.tuples(st.integers(0, 4), st.integers(-DAY_MS, DAY_MS)), max_size=30))
def test_no_time_is_used_twice(number, steps):
    """Whether clocks stand still, step back or jump over days: of several processes, each time is new."""
    seconds, now, given_out = SecondsOfDay(), NOON, []
    processes = [DishTimes(seconds) for _ in range(number)]
    for process, step in steps:
        now += step
        given_out.append(processes[process % number].next(now, ()))
    assert len(set(given_out)) == len(given_out)


@given(st.integers(MIDNIGHT, MIDNIGHT + 3 * DAY_MS), CLOCKS)
def test_times_stay_on_their_day(now, steps):
    """A dish is of the day it is made on, and never so far ahead that a server whose clock is behind refuses it."""
    times = DishTimes(SecondsOfDay())
    for step in [0, *steps]:
        now += step
        time = new(times, now)
        assert day_of(time) == day_of(now)
        assert time < now - CLOCK_SKEW_MS + DAY_MS


def test_times_are_spread_over_the_day():
    """Each hour of the day gets its share of the seconds."""
    seconds = SecondsOfDay()
    taken = [second for _ in range(4800) if (second := seconds.take(20_000)) is not None]
    hours = Counter(second // 3600 for second in taken)
    assert set(hours) == set(range(24))
    assert max(hours.values()) < 2 * 200


def test_two_runs_hardly_ever_meet():
    """Of 20 pairs of runs with 500 flows each, hardly any has a time in common."""
    meetings = 0
    for _ in range(20):
        one, two = (DishTimes(SecondsOfDay()) for _ in range(2))
        meetings += not {new(one) for _ in range(500)}.isdisjoint({new(two) for _ in range(500)})
    assert meetings <= 1


def test_a_time_that_is_listed_is_not_chosen():
    """Whatever a list showed is passed over."""
    times = DishTimes(SecondsOfDay())

    class Odd:
        def __contains__(self, time):
            return time % 2

    assert all(new(times, NOON, Odd()) % 2 == 0 for _ in range(100))


def test_a_day_that_is_used_up(monkeypatch):
    """When every second of the day was handed out there is none, and nothing begins anew; the next day has its own."""
    monkeypatch.setattr(times_module, "SECONDS", 50)
    seconds = SecondsOfDay()
    assert {seconds.take(1) for _ in range(50)} == set(range(50))
    assert seconds.take(1) is None
    times = DishTimes(seconds)
    assert times.next(DAY_MS, ()) is None
    assert times.next(2 * DAY_MS, ()) is not None


def test_what_can_be_the_runs_own():
    """Times of any process of the run can be its own, and of others none, whose seconds nobody took."""
    seconds = SecondsOfDay()
    one, two = DishTimes(seconds), DishTimes(seconds)
    assert all(one.may_be_ours(new(two)) for _ in range(100))
    stranger = DishTimes(SecondsOfDay())
    assert sum(one.may_be_ours(new(stranger)) for _ in range(100)) == 0


@given(st.integers(-(2**63), 2**63 - 1))
def test_any_time_can_be_asked_about(time):
    """A list may show any number."""
    assert DishTimes(SecondsOfDay()).may_be_ours(time) is False


def test_the_mark_is_on_one_in_so_many():
    """A worker, which does not know its colleagues' seconds, takes one foreign dish in SHARE for the run's."""

    class Remote(SecondsOfDay):
        def may_be_taken(self, day, second):
            return True

    times = DishTimes(Remote())
    share = sum(times.may_be_ours(time) for time in range(NOON, NOON + 16_000)) / 16_000
    assert 0.8 / SHARE < share < 1.2 / SHARE


@pytest.mark.parametrize(
    ("now", "day"),
    [
        (NOON, 20_000),
        (MIDNIGHT + CLOCK_SKEW_MS, 20_000),
        (MIDNIGHT + CLOCK_SKEW_MS - 1, None),
        (MIDNIGHT, None),
        (MIDNIGHT - 1, None),
        (MIDNIGHT - CLOCK_SKEW_MS, None),
        (MIDNIGHT - CLOCK_SKEW_MS - 1, 19_999),
    ],
)
def test_which_day_the_server_calls_today(now, day):
    """Within a minute of midnight UTC nobody can tell."""
    assert told_today(now) == day
