"""A run is remembered as samples that add up to it."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from chaterload.judge.history import History
from chaterload.judge.measure import ALL, Endpoint, Measurement, Snapshot, add_up

TODAY, WEIGHT = Endpoint("GET", "/eater_get_today"), Endpoint("POST", "/manual_weight")


def measured(*times, failures=0):
    return Measurement(len(times), failures, Counter(times), float(sum(times)), float(max(times, default=0)))


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
    history, so_far, kept, latest = History(), Measurement(), 0, 0.0
    for at, users, times in steps:
        so_far = add_up([so_far, measured(*times)])
        history.add(at, users, Snapshot({TODAY: so_far}, at), target=users)
        if at > latest:
            kept, latest = so_far.requests, at
    assert sum(sample.requests for sample in history.samples) == kept
    ends = [sample.at for sample in history.samples]
    assert ends == sorted(set(ends))
    begins = [0.0, *ends][: len(ends)]
    assert [sample.at - sample.seconds for sample in history.samples] == [
        sample.at - (sample.at - begin) for sample, begin in zip(history.samples, begins, strict=True)
    ]
