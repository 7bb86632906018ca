"""A run is remembered as samples that add up to it."""

from collections import Counter
from dataclasses import replace
from unittest.mock import ANY

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaterload.judge.history import MOST_BATCHES, Generator, History
from chaterload.judge.measure import ALL, Endpoint, EndpointStats, Snapshot, add_up

TODAY, WEIGHT = Endpoint("GET", "/eater_get_today"), Endpoint("POST", "/manual_weight")


def measured(*times, failures=0):
    return EndpointStats(len(times), failures, Counter(times), float(sum(times)), float(max(times, default=0)))


def test_samples_of_a_run():
    """Each sample holds what happened since the one before: rates, users, and percentiles of what was asked."""
    history = History()
    history.add(3.0, 5, Snapshot({TODAY: measured(10, 20, 30)}, 2.9), target=5)
    history.add(5.0, 8, Snapshot({TODAY: measured(10, 20, 30), WEIGHT: measured(400, 500, failures=1)}, 4.9), target=8)
    first, second = history.samples
    assert (first.at, first.seconds, first.users, first.requests_per_second) == (3.0, 3.0, 5, 1.0)
    assert first.percentiles == {TODAY: (20.0, 30.0), ALL: (20.0, 30.0)}
    assert (second.at, second.seconds, second.users) == (5.0, 2.0, 8)
    assert (second.requests_per_second, second.failures_per_second) == (1.0, 0.5)
    assert second.percentiles == {WEIGHT: (400.0, 500.0), ALL: (400.0, 500.0)}
    assert history.peak_users == 8


def test_a_sample_without_requests():
    """A stretch in which nothing was answered is a sample without percentiles."""
    history = History()
    history.add(3.0, 5, Snapshot({}, 0.0), target=5)
    (sample,) = history.samples
    assert (sample.requests, sample.requests_per_second, sample.percentiles) == (0, 0.0, {})


def test_nothing_remembered():
    """Before the first sample there is no peak."""
    assert History().peak_users == 0


@given(st.lists(st.tuples(st.floats(0, 100), st.integers(0, 50), st.lists(st.integers(0, 5000), max_size=10))))
def test_samples_add_up(steps):
    """Samples follow each other in time without gaps, and hold every request up to the last of them."""
    history, so_far, kept, latest = History(), EndpointStats(), 0, 0.0
    for at, users, times in steps:
        so_far = add_up([so_far, measured(*times)])
        history.add(at, users, Snapshot({TODAY: so_far}, at), target=users)
        if at > latest:
            kept, latest = so_far.requests, at
    assert sum(sample.requests for sample in history.samples) == kept
    ends = [sample.at for sample in history.samples]
    assert ends == sorted(set(ends))
    begins = [0.0, *ends][: len(ends)]
    assert [sample.seconds for sample in history.samples] == pytest.approx(
        [sample.at - begin for sample, begin in zip(history.samples, begins, strict=True)]
    )


def test_the_last_moment_belongs_to_the_sample_before():
    """A sample of a fraction of a second would make one answer hundreds a second: it is part of the one before."""
    history = History()
    history.add(3.0, 5, Snapshot({TODAY: measured(*[10] * 30)}, 3.0), target=5)
    history.add(3.02, 5, Snapshot({TODAY: measured(*[10] * 35)}, 3.02), target=5)
    (sample,) = history.samples
    assert (sample.at, sample.requests) == (3.02, 35)
    assert sample.requests_per_second == pytest.approx(35 / 3.02)


def test_the_wind_down_is_no_load():
    """What is answered after the load has ended is counted by itself, over its own time."""
    history = History()
    history.add(3.0, 5, Snapshot({TODAY: measured(*[10] * 30)}, 3.0), target=5)
    history.end(7.0, Snapshot({TODAY: measured(*[10] * 30, *[900] * 4, failures=2)}, 6.0))
    assert [sample.requests for sample in history.samples] == [30]
    assert history.wind_down is not None
    assert (history.wind_down.requests, history.wind_down.failures, history.wind_down.seconds) == (4, 2, 4.0)


def test_a_run_that_ends_before_it_began():
    """Without a sample all of it is wind-down, and without time nothing is divided by it."""
    history = History()
    history.end(0.0, Snapshot({}, 0.0))
    assert history.wind_down is not None
    assert history.wind_down is not None
    assert (history.wind_down.requests_per_second, history.samples) == (0.0, [])


def test_batches_join():
    """However many samples a step has, its batches are between 20 and 40, of one length, and add up to it."""
    history = History()
    for number in range(1, 500):
        at = 3.0 * number
        figures = Snapshot({TODAY: measured(*[10] * number, failures=number // 7)}, at)
        history.add(at, 5, figures, target=5, generator=Generator(10.0, 1000 * number))
        batches = history.steps[-1].batches
        assert len(batches) == number - 1 if number <= MOST_BATCHES + 1 else 20 <= len(batches) <= 40
        assert len({batch.window.seconds for batch in batches[:-1]}) <= 1
    step = history.steps[-1]
    assert add_up(batch.window.total for batch in batches) == replace(step.window.total, total_ms=ANY, max_ms=ANY)
    assert [batch.start for batch in batches[1:]] == [batch.end for batch in batches[:-1]]
    assert batches[0].start == step.start
    middle = batches[3].middle / 3.0
    assert batches[3].generator.memory_bytes == pytest.approx(1000 * middle, rel=0.02)


def test_users_that_change_begin_a_step():
    """A step has its own batches, and a ramp is in none."""
    history = History()
    for number in range(1, 11):
        users = 5 if number <= 4 else 7 if number <= 6 else 10
        figures = Snapshot({TODAY: measured(*[10] * number)}, 3.0 * number)
        history.add(3.0 * number, users, figures, target=5 if number <= 4 else 10)
    assert [(step.users, step.start, len(step.batches)) for step in history.steps] == [(5, 3.0, 3), (10, 21.0, 3)]


def test_steps_of_a_run_by_rate():
    """A step is a stretch with the same rate, however many users it takes; a ramp is none."""
    history = History()
    rates, users = [10.0, 20.0, 30.0, 30.0, 30.0, 30.0, 0.0], [3, 5, 8, 9, 7, 9, 2]
    for number, (rate, count) in enumerate(zip(rates, users, strict=True), 1):
        figures = Snapshot({TODAY: measured(*[10] * 30 * number)}, 3.0 * number)
        history.add(3.0 * number, count, figures, target=1, asked_rps=rate)
    (step,) = history.steps
    assert (step.asked_rps, step.start, step.window.seconds) == (30.0, 12.0, 6.0)
    assert step.window.total.requests == 60
    assert [sample.asked_rps for sample in history.samples] == rates
