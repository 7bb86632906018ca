"""Counts add up, subtract, and tell percentiles."""

import math
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaterload.judge.measure import ALL, Endpoint, EndpointStats, Snapshot, add_up, percentile, round_to_3_significant

TODAY, WEIGHT = Endpoint("GET", "/eater_get_today"), Endpoint("POST", "/manual_weight")
SHARES = st.floats(0.001, 0.999)


@st.composite
def measurements(draw, least=0):
    """Whole milliseconds, so that sums are exact."""
    times = draw(st.dictionaries(st.integers(0, 100_000), st.integers(1, 1000), min_size=least, max_size=20))
    requests = sum(times.values())
    total = sum(time * count for time, count in times.items())
    return EndpointStats(requests, draw(st.integers(0, requests)), times, float(total), float(max(times, default=0)))


def measured(*times, failures=0):
    return EndpointStats(len(times), failures, Counter(times), float(sum(times)), float(max(times, default=0)))


@given(st.lists(st.integers(0, 5000), min_size=1, max_size=200), SHARES)
def test_a_percentile_is_that_of_the_sorted_times(times, share):
    """A percentile from counts is the one that is read off the sorted list of all times."""
    exact = sorted(times)[math.ceil(share * len(times) - 1e-9) - 1]
    assert percentile(Counter(times), share) == exact


@given(st.lists(st.integers(1, 10_000), min_size=1, max_size=100), st.integers(1, 99), st.integers(1, 100))
def test_a_percentile_of_weights(times, hundredths, now):
    """Counts that are scaled to another number of requests, as against a baseline, have the same percentiles."""
    scaled = {time: count * now / len(times) for time, count in Counter(times).items()}
    assert percentile(scaled, hundredths / 100) == percentile(Counter(times), hundredths / 100)


@pytest.mark.parametrize(
    ("share", "expected"), [(0.5, 50), (0.95, 95), (0.951, 96), (0.99, 99), (0.999, 100), (1.0, 100), (0.0, 1)]
)
def test_percentiles_of_a_hundred(share, expected):
    """Of the times 1 to 100 ms each percentile is its own number, despite the rounding of floats."""
    assert measured(*range(1, 101)).percentile_ms(share) == expected


@pytest.mark.parametrize("hundredths", [5000, 9000, 9500, 9900, 9990])
def test_a_rank_is_exact_where_floats_are_not(hundredths):
    """Where share times n is whole, that rank is taken, and not the one after it."""
    times = dict.fromkeys(range(1, 10_001), 1)
    assert percentile(times, float(str(hundredths / 100)) / 100) == hundredths


def test_nothing_measured():
    """Without requests everything is 0, and nothing divides by it."""
    none = EndpointStats()
    assert (none.failure_ratio, none.average_ms, none.percentile_ms(0.95)) == (0, 0, 0)
    assert none.percentile_interval_ms(0.95) == (0, 0)
    assert Snapshot({}, 0.0).requests_per_second == 0
    assert Snapshot({TODAY: measured(1)}, 0.0).requests_per_second == 0


@given(measurements(least=1), SHARES)
def test_an_interval_holds_its_percentile(m, share):
    """The interval runs from below the percentile to above it, within what was measured."""
    low, high = m.percentile_interval_ms(share)
    assert min(m.times) <= low <= m.percentile_ms(share) <= high <= max(m.times)


def test_an_interval_narrows_with_more_requests():
    """A hundred times the requests make the interval about ten times as narrow."""
    few, many = (dict.fromkeys(range(1, 1001), count) for count in (1, 100))
    widths = [high - low for low, high in (EndpointStats(times=t).percentile_interval_ms(0.95) for t in (few, many))]
    assert widths[0] / widths[1] == pytest.approx(10, rel=0.2)


@given(measurements(), st.floats(0, 1), st.floats(0, 1))
def test_a_higher_percentile_is_no_shorter(m, one, other):
    """Percentiles do not fall as the share grows."""
    assert m.percentile_ms(min(one, other)) <= m.percentile_ms(max(one, other))


@given(measurements(), measurements())
def test_what_came_since_is_what_was_added(before, later):
    """Taking the earlier measurement off the sum leaves the later one."""
    assert add_up([before, later]).since(before) == later


@given(st.lists(measurements(), max_size=5))
def test_measurements_add_up(parts):
    """Workers' counts add up, and the longest time is the longest of all."""
    total = add_up(parts)
    assert total.requests == sum(part.requests for part in parts) == sum(total.times.values())
    assert total.failures == sum(part.failures for part in parts)
    assert total.total_ms == sum(part.total_ms for part in parts)
    assert total.max_ms == max((part.max_ms for part in parts), default=0)
    assert 0 <= total.failure_ratio <= 1
    assert add_up(reversed(parts)) == total


@given(measurements(), measurements())
def test_counts_that_were_reset_do_not_turn_negative(before, after):
    """Where Locust reset its statistics in between, a window has no negative counts."""
    window = after.since(before)
    assert min(window.requests, window.failures, window.total_ms, *window.times.values()) >= 0


def test_a_window_of_a_run():
    """A window has what each endpoint did since, new endpoints included, and its own length."""
    before = Snapshot({TODAY: measured(10, 20)}, 2.0)
    after = Snapshot({TODAY: measured(10, 20, 400, failures=1), WEIGHT: measured(7)}, 6.0)
    window = after.since(before)
    assert window.endpoints == {TODAY: measured(400, failures=1), WEIGHT: measured(7)}
    assert (window.seconds, window.requests_per_second) == (4.0, 0.5)
    assert window.total == measured(400, 7, failures=1)


@given(st.floats(0, 1e7))
def test_three_digits(milliseconds):
    """Rounding is at most 0.5 % off, or half a millisecond, and rounded times stay what they are."""
    rounded = round_to_3_significant(milliseconds)
    assert abs(rounded - milliseconds) <= max(0.5, 0.005 * milliseconds)
    assert round_to_3_significant(rounded) == rounded


@pytest.mark.parametrize("decade", [100, 1_000, 10_000, 100_000])
def test_few_values_a_decade(decade):
    """There are no more than 900 rounded values a decade, so that the counts stay small on the wire."""
    assert len({round_to_3_significant(decade + decade * 9 * i / 50_000) for i in range(50_000)}) <= 901


@given(st.floats(0, 1e6), st.floats(0, 1e6))
def test_rounding_keeps_the_order(one, other):
    """A longer time is never rounded below a shorter one."""
    assert round_to_3_significant(min(one, other)) <= round_to_3_significant(max(one, other))


def test_how_endpoints_are_called():
    """An endpoint is its method and path, and all of them together have a name too."""
    assert str(WEIGHT) == "POST /manual_weight"
    assert str(ALL) == "all requests"
