"""Worse than an earlier run means: beyond the tolerance and beyond noise."""

import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaterload.exits import Refused
from chaterload.judge.baseline import FORMAT, Earlier, compare, load_baseline, parse_baseline, wilson
from chaterload.judge.measure import Endpoint, Measurement, Snapshot, three_digits

TODAY, WEIGHT = Endpoint("GET", "/eater_get_today"), Endpoint("POST", "/manual_weight")
ROW = {
    "method": "POST",
    "path": "/manual_weight",
    "requests": 500,
    "failures": 5,
    "p95_ms": 120.0,
    "p95_interval_ms": [110.0, 131.0],
}


def drawn(seed, n=1000, scale=1.0, fails=0.0):
    """`n` response times from a distribution with a long tail, as those of servers have."""
    generator = random.Random(seed)
    times = [three_digits(scale * 1000 * generator.lognormvariate(-2, 0.6)) for _ in range(n)]
    counts = {time: times.count(time) for time in set(times)}
    failures = sum(generator.random() < fails for _ in range(n))
    return Measurement(n, failures, counts, float(sum(times)), float(max(times)))


def earlier(m):
    return Earlier(m.requests, m.failures, m.percentile_ms(0.95), m.percentile_interval_ms(0.95))


def change(before, now, tolerance=0.1):
    (found,) = compare({WEIGHT: earlier(before)}, Snapshot({WEIGHT: now}, 10.0), tolerance)
    return found


def test_the_same_system_twice_is_no_regression():
    """Of 300 pairs of runs of one system at most one is called worse, although p95 wobbles by more than 10 %."""
    changes = [change(drawn(2 * seed, 200, fails=0.02), drawn(2 * seed + 1, 200, fails=0.02)) for seed in range(300)]
    assert max(found.growth for found in changes) > 0.1
    assert sum(found.worse for found in changes) <= 1


@pytest.mark.parametrize(("requests", "most"), [(5, 0), (20, 0), (49, 0), (50, 6)])
def test_few_requests_are_no_regression(requests, most):
    """Of 300 pairs of short runs of one system next to none is called slower; below 50 requests none ever is."""
    changes = [change(drawn(2 * seed, requests), drawn(2 * seed + 1, requests)) for seed in range(300)]
    assert sum(found.slower for found in changes) <= most


@pytest.mark.parametrize("seed", range(20))
def test_a_real_shift_is_found(seed):
    """A system that became 40 % slower is found with a thousand requests, whatever the noise."""
    found = change(drawn(seed), drawn(1000 + seed, scale=1.4))
    assert found.slower
    assert not found.fails_more
    assert found.growth == pytest.approx(0.4, abs=0.25)


@pytest.mark.parametrize("seed", range(20))
def test_more_failures_are_found(seed):
    """A system that fails eight times as often is found with a thousand requests."""
    found = change(drawn(seed, fails=0.01), drawn(1000 + seed, fails=0.08))
    assert found.fails_more
    assert found.worse


@pytest.mark.parametrize("seed", range(5))
def test_a_shift_within_the_tolerance(seed):
    """With a wide tolerance the same shift is fine, and faster is never worse."""
    slow, fast = drawn(seed, scale=1.4), drawn(1000 + seed)
    assert not change(fast, slow, tolerance=1.0).worse
    assert not change(slow, fast, tolerance=0.0).worse


def test_only_what_both_runs_asked():
    """Endpoints that one of the runs did not ask are not compared."""
    m = drawn(1)
    assert not compare({TODAY: earlier(m)}, Snapshot({WEIGHT: m}, 1.0), 0.1)
    assert not compare({WEIGHT: earlier(Measurement())}, Snapshot({WEIGHT: m}, 1.0), 0.1)
    assert not compare({WEIGHT: earlier(m)}, Snapshot({WEIGHT: Measurement()}, 1.0), 0.1)


def test_a_regression_in_words():
    """A regression names the endpoint, and what was before and is now."""
    before = Measurement(1000, 1, {100: 1000})
    text = str(change(before, Measurement(1000, 100, {150: 1000})))
    assert text == (
        "POST /manual_weight is worse than the baseline: p95 100 ms -> 150 ms (+50 %), failures 0.1 % -> 10 %"
    )
    assert str(change(before, Measurement(1000, 1, {150: 1000}))).endswith("baseline: p95 100 ms -> 150 ms (+50 %)")


@pytest.mark.parametrize(
    ("hits", "trials", "low", "high"), [(0, 100, 0.0, 0.0622), (50, 100, 0.3754, 0.6246), (100, 100, 0.9378, 1.0)]
)
def test_wilson(hits, trials, low, high):
    """The 99 % Wilson intervals are those that one works out by hand."""
    assert wilson(hits, trials) == pytest.approx((low, high), abs=0.0005)


@given(st.integers(1, 10**6).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_holds_the_share(case):
    """An interval holds the share that it is of, and stays between 0 and 1."""
    hits, trials = case
    low, high = wilson(hits, trials)
    assert 0 <= low <= hits / trials + 1e-12
    assert hits / trials - 1e-12 <= high <= 1


def test_an_earlier_verdict_is_read(tmp_path):
    """The endpoints of a verdict JSON are read, and whatever else is in it is left alone."""
    path = tmp_path / "earlier.json"
    path.write_text(json.dumps({"format": FORMAT, "endpoints": [ROW], "more": None}))
    assert load_baseline(path) == {WEIGHT: Earlier(500, 5, 120.0, (110.0, 131.0))}


WRONG = {
    "another format": {"format": FORMAT + 1, "endpoints": [ROW]},
    "no format": {"endpoints": [ROW]},
    "a list": [ROW],
    "nothing": None,
    "no endpoints": {"format": FORMAT},
    "endpoints by name": {"format": FORMAT, "endpoints": {"a": ROW}},
    "no rows": {"format": FORMAT, "endpoints": [3]},
    "a row without counts": {"format": FORMAT, "endpoints": [{"method": "GET", "path": "/a"}]},
    "more failures than requests": {"format": FORMAT, "endpoints": [ROW | {"failures": 501}]},
    "a negative count": {"format": FORMAT, "endpoints": [ROW | {"failures": -1}]},
    "no number": {"format": FORMAT, "endpoints": [ROW | {"p95_ms": float("nan")}]},
    "a negative time": {"format": FORMAT, "endpoints": [ROW | {"p95_ms": -1}]},
    "endless requests": {"format": FORMAT, "endpoints": [ROW | {"requests": float("inf")}]},
    "more requests than anybody makes": {"format": FORMAT, "endpoints": [ROW | {"requests": 10**400}]},
    "half an interval": {"format": FORMAT, "endpoints": [ROW | {"p95_interval_ms": [1]}]},
    "an interval of nothing": {"format": FORMAT, "endpoints": [ROW | {"p95_interval_ms": [float("nan"), 1]}]},
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_no_verdict(case):
    """Anything that is no verdict of this format is refused, by the file's name and with what is expected."""
    with pytest.raises(Refused, match=r"^--baseline 'earlier.json' .* Expected .*\.$"):
        parse_baseline(WRONG[case], "earlier.json")


FILES = {"no JSON": b"{", "too deep": b"[" * 100_000, "a long number": b"1" * 5000}


@pytest.mark.parametrize("case", FILES)
def test_a_file_that_is_no_json(tmp_path, case):
    """Whatever the bytes of a file are, it is refused by its name."""
    path = tmp_path / "earlier.json"
    path.write_bytes(FILES[case])
    with pytest.raises(Refused, match="is not JSON"):
        load_baseline(path)
    with pytest.raises(Refused, match="does not exist"):
        load_baseline(tmp_path / "none.json")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.integers(10**300, 10**320) | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
ROWS = st.fixed_dictionaries({key: st.just(value) | JSON for key, value in ROW.items()})


@given(JSON | st.fixed_dictionaries({"format": st.just(FORMAT) | JSON, "endpoints": st.lists(ROWS | JSON, max_size=2)}))
def test_any_json_is_read_or_refused(document):
    """Whatever a JSON file holds, it can be compared with and told, or it is refused; never anything else."""
    try:
        found = parse_baseline(document, "earlier.json")
    except Refused:
        return
    now = Snapshot(dict.fromkeys(found, Measurement(10, 1, {100: 10}, 1000.0, 100.0)), 1.0)
    for each in compare(found, now, 0.1):
        assert str(each)
        json.dumps([each.growth, each.p95_before_ms, each.failure_ratio_before], allow_nan=False)
