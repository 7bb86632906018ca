"""Failures are explained: what they usually mean, and what to do."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaterload.chater.answers import Kind
from chaterload.judge.diagnosis import Failures, diagnose
from chaterload.judge.measure import ALL, Endpoint
from chaterload.judge.objectives import Measure, Objective, Result, State

WEIGHT, TODAY = Endpoint("POST", "/manual_weight"), Endpoint("GET", "/eater_get_today")


def failed(kind, count, endpoint=WEIGHT, text="a text"):
    return Failures(endpoint, kind, text, count)


def judged(state, measure="p95", endpoint=WEIGHT):
    return Result(Objective(endpoint, Measure.named(measure), 500.0), state, 900.0, 40, 0)


def test_a_run_without_trouble():
    """Where nothing failed and nothing was slow there is nothing to say."""
    assert diagnose([], [judged(State.MET), judged(State.NO_DATA)], 0.0) == []


def test_kinds_are_gathered():
    """Each kind is one finding with all its places, the most frequent first."""
    rows = [failed(Kind.SERVER_ERROR, 2), failed(Kind.TIMED_OUT, 4), failed(Kind.SERVER_ERROR, 3, TODAY)]
    first, second = diagnose(rows, [], 0.01)
    assert (first.title, first.count, first.where) == ("server error", 5, (str(WEIGHT), str(TODAY)))
    assert (first.meaning, first.action) == (Kind.SERVER_ERROR.meaning, Kind.SERVER_ERROR.action)
    assert (second.title, second.count) == ("timed out", 4)


def test_a_failure_of_the_test_itself():
    """A failure that is none of ours is told by its text in the table, and as "other" here."""
    row = failed(None, 1, text="KeyError('x')")
    (finding,) = diagnose([row], [], 0.001)
    assert row.title == "KeyError('x')"
    assert (finding.title, finding.meaning) == ("other", "a failure of the load test itself")


@pytest.mark.parametrize(("ratio", "told"), [(0.05, False), (0.0501, True)])
def test_many_failures(ratio, told):
    """Above 5 % it is said what fails most."""
    findings = diagnose([failed(Kind.TIMED_OUT, 9), failed(Kind.SERVER_ERROR, 1)], [], ratio)
    assert [f.title for f in findings[2:]] == ["more than 5 % failures"] * told
    assert all("most frequent: timed out" in f.meaning and f.count == 10 for f in findings[2:])


def test_slow_answers():
    """Missed response times are one finding, each place once; a missed failure ratio is none."""
    results = [
        judged(State.MISSED),
        judged(State.MISSED, "median"),
        judged(State.MISSED, "p95", ALL),
        judged(State.MISSED, "failure_ratio"),
        judged(State.MISSED, "requests_per_second"),
    ]
    (finding,) = diagnose([], results, 0.0)
    assert (finding.title, finding.where) == ("slow answers", ("POST /manual_weight", "all requests"))


@given(
    st.lists(
        st.builds(failed, st.none() | st.sampled_from(Kind), st.integers(1, 1000), st.sampled_from([WEIGHT, TODAY]))
    ),
    st.lists(st.sampled_from(State).map(judged)),
    st.floats(0, 1),
)
def test_no_failure_is_left_out(rows, results, ratio):
    """Whatever failed, the findings of kinds count every failure once, and each says what to do."""
    findings = diagnose(rows, results, ratio)
    kinds = {row.kind for row in rows}
    assert sum(finding.count for finding in findings[: len(kinds)]) == sum(row.count for row in rows)
    assert all(finding.title and finding.meaning and finding.action for finding in findings)
