"""One word for a run, and why."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaterload.exits import Exit
from chaterload.judge.measure import ALL, Endpoint
from chaterload.judge.objectives import Measure, Objective, Result, State
from chaterload.judge.verdict import Grade, Outcome, decide, grade, tier

WEIGHT = Endpoint("POST", "/manual_weight")


def result(state, value=400.0, requests=100, measure="p95", limit=500.0, endpoint=WEIGHT):
    known = state in (State.MET, State.MISSED)
    return Result(Objective(endpoint, Measure.named(measure), limit), state, value if known else None, requests, 0)


@pytest.mark.parametrize(
    ("ratio", "expected"),
    [
        (0.0, "acceptable"),
        (0.0099, "acceptable"),
        (0.01, "investigate"),
        (0.03, "investigate"),
        (0.05, "investigate"),
        (0.0500001, "critical"),
        (1.0, "critical"),
    ],
)
def test_grades(ratio, expected):
    """Below 1 % is acceptable, 1 to 5 % wants a look, above 5 % is critical."""
    assert grade(ratio) == expected


@given(st.floats(0, 1), st.floats(0, 1))
def test_more_failures_are_no_better(one, other):
    """A higher share of failures never gets a better grade."""
    order = list(Grade)
    assert order.index(grade(min(one, other))) <= order.index(grade(max(one, other)))


@pytest.mark.parametrize(
    ("rate", "expected"),
    [
        (0, "below low"),
        (9.99, "below low"),
        (10, "low"),
        (20, "low"),
        (20.01, "between low and normal"),
        (49.9, "between low and normal"),
        (50, "normal"),
        (100, "normal"),
        (100.1, "between normal and high"),
        (199.9, "between normal and high"),
        (200, "high"),
        (1e6, "high"),
    ],
)
def test_tiers(rate, expected):
    """Throughput is placed among low (10-20), normal (50-100) and high (200 and more), bounds included."""
    assert tier(rate) == expected


@pytest.mark.parametrize(
    ("states", "invalid", "missed", "outcome", "code"),
    [
        ([State.MET, State.NOT_APPLICABLE], [], [], Outcome.PASS, 0),
        ([], [], [], Outcome.PASS, 0),
        ([State.MET, State.MISSED], [], [], Outcome.FAIL, 3),
        ([State.MET], [], ["worse"], Outcome.FAIL, 3),
        ([State.NO_DATA], [], [], Outcome.INVALID, 4),
        ([State.MISSED, State.NO_DATA], [], [], Outcome.INVALID, 4),
        ([State.MISSED], ["a worker was lost"], ["worse"], Outcome.INVALID, 4),
    ],
)
def test_the_worst_decides(states, invalid, missed, outcome, code):
    """Invalid outweighs missed, missed outweighs met, and what the tags left out weighs nothing."""
    verdict = decide([result(state) for state in states], invalid, missed)
    assert (verdict.outcome, verdict.exit_code) == (outcome, code)
    assert len(verdict.results) == len(states)


@given(
    st.lists(st.sampled_from(State).map(result)),
    st.lists(st.text(min_size=1), max_size=3),
    st.lists(st.text(min_size=1), max_size=3),
)
def test_a_verdict_has_reasons(results, invalid, missed):
    """A pass has no reasons, anything else has some, each once, and none of those given is left out."""
    verdict = decide(results, invalid, missed)
    assert bool(verdict.reasons) is (verdict.outcome is not Outcome.PASS)
    assert len(set(verdict.reasons)) == len(verdict.reasons)
    assert set(verdict.reasons) >= {*invalid, *missed}
    assert (verdict.exit_code is Exit.MET) is (verdict.outcome is Outcome.PASS)


def test_a_run_that_was_stopped_early():
    """A run stopped for its failures is a failure, also where it had no time for data; lost workers spoil it still."""
    results = [result(State.MISSED), result(State.NO_DATA, requests=1)]
    assert decide(results, missed=["stopped early"]).outcome is Outcome.INVALID
    verdict = decide(results, missed=["stopped early"], stopped_early=True)
    assert verdict.outcome is Outcome.FAIL
    assert not any("too few to judge" in reason for reason in verdict.reasons)
    assert decide(results, ["a worker was lost"], ["stopped early"], stopped_early=True).outcome is Outcome.INVALID


def test_reasons_in_words():
    """What proves nothing comes first, then what was missed, in words that name path, value and limit."""
    results = [result(State.MISSED, 1234.0), result(State.NO_DATA, requests=0), result(State.NO_DATA, requests=3)]
    assert decide(results, ["worker a was lost"], ["GET /b is worse"]).reasons == (
        "worker a was lost",
        "POST /manual_weight has no requests, too few to judge",
        "POST /manual_weight has 3 requests, too few to judge",
        "POST /manual_weight: p95 is 1.23 s, expected below 500 ms",
        "GET /b is worse",
    )


def test_a_lower_bound_in_words():
    """A throughput is expected to be at least something."""
    missed = result(State.MISSED, 12.34, measure="requests_per_second", limit=50.0, endpoint=ALL)
    assert str(missed) == "all requests: requests_per_second is 12.3 req/s, expected at least 50.0 req/s"


@pytest.mark.parametrize(
    ("measure", "value", "limit", "text"),
    [
        ("p95", 900.0, 500.0, "900 ms"),
        ("failure_ratio", 0.01004, 0.01, "just over 1 %"),
        ("failure_ratio", 0.00996, 0.01, "just under 1 %"),
        ("failure_ratio", 0.01, 0.01, "1 %"),
        ("requests_per_second", 49.96, 50.0, "just under 50.0 req/s"),
        ("p95", 5001.0, 5000.0, "just over 5 s"),
    ],
)
def test_a_value_beside_its_limit(measure, value, limit, text):
    """A value that would read as its limit does is told apart from it, so that no sentence contradicts itself."""
    assert result(State.MISSED, value, measure=measure, limit=limit).value_text == text
