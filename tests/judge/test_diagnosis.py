"""Failures are explained: what they usually mean, what the figures show that they mean, and what to do."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaterload.chater.kinds import FailureKind
from chaterload.judge.diagnosis import FailureCount, diagnose
from chaterload.judge.events import Event
from chaterload.judge.measure import ALL, Endpoint, EndpointStats, Snapshot
from chaterload.judge.objectives import Measure, Objective, evaluate
from chaterload.judge.serverside import ServerSide, ServerTime

WEIGHT, TODAY = Endpoint("POST", "/manual_weight"), Endpoint("GET", "/eater_get_today")
TWELVE = [Endpoint("GET", f"/{number}") for number in range(12)]


def failed(kind, count, endpoint=WEIGHT, text="a text"):
    return FailureCount(endpoint, kind, text, count)


def figures(times, failures=0):
    """What was measured, from the times of each endpoint in ms; the failures are the first one's."""
    endpoints = {
        endpoint: EndpointStats(len(ms), 0 if number else failures, Counter(ms), float(sum(ms)), float(max(ms)))
        for number, (endpoint, ms) in enumerate(times.items())
    }
    return Snapshot(endpoints, 10.0)


CALM = figures({WEIGHT: [100] * 900 + [600] * 100, TODAY: [100] * 1000})


def judged(snapshot, *limits):
    """Results of limits, each an endpoint, a measure and its limit."""
    return evaluate([Objective(endpoint, Measure.named(name), limit) for endpoint, name, limit in limits], snapshot)


def test_a_run_without_trouble():
    """Where nothing failed and nothing was slow there is nothing to say."""
    assert diagnose([], judged(CALM, (WEIGHT, "p95", 700.0), (WEIGHT, "failure_ratio", 0.1)), CALM) == []


def test_kinds_are_gathered():
    """Each kind is one finding with all its places, the most frequent first."""
    rows = [
        failed(FailureKind.SERVER_ERROR, 2),
        failed(FailureKind.TIMED_OUT, 4),
        failed(FailureKind.SERVER_ERROR, 3, TODAY),
    ]
    first, second = diagnose(rows, [], CALM)
    assert (first.title, first.count, first.where) == ("server error", 5, (str(WEIGHT), str(TODAY)))
    assert (first.meaning, first.action) == (FailureKind.SERVER_ERROR.meaning, FailureKind.SERVER_ERROR.action)
    assert first.headline == "5 x server error at POST /manual_weight, GET /eater_get_today"
    assert first.advice.startswith("Usually the server failed on a request")
    assert (second.title, second.count) == ("timed out", 4)


def test_a_failure_of_no_kind():
    """A failure that is none of ours is told by its text in the table, and as "other" here."""
    row = failed(None, 1, text="KeyError('x')")
    (finding,) = diagnose([row], [], CALM)
    assert row.title == "KeyError('x')"
    assert finding.title == "other"
    assert finding.meaning == "a failure that a task of your own tells, or one of the load test itself"


@pytest.mark.parametrize(
    ("counts", "place"),
    [
        ([50] * 11, "at 11 of 12 endpoints alike"),
        ([40, 60, 50, 50, 45, 55, 52, 48, 50, 50, 50, 50], "at 12 of 12 endpoints alike"),
        ([300] + [5] * 10, "at 11 of 12 endpoints, most at GET /0"),
        ([50, 50, 50], "at GET /0, GET /1, GET /2"),
    ],
)
def test_many_places(counts, place):
    """Many endpoints are counted, not named, and alike are those whose shares differ by no more than chance."""
    rows = [failed(FailureKind.SERVER_ERROR, n, endpoint) for n, endpoint in zip(counts, TWELVE, strict=False)]
    snapshot = figures({endpoint: [10] * 1000 for endpoint in TWELVE})
    (finding,) = diagnose(rows, [], snapshot)
    assert finding.place == place
    assert len(finding.where) == len(counts)


@pytest.mark.parametrize(("failures", "told"), [(100, False), (101, True)])
def test_many_failures(failures, told):
    """Above 5 % it is said what fails most."""
    snapshot = figures({WEIGHT: [10] * 2000}, failures)
    rows = [failed(FailureKind.TIMED_OUT, failures - 1), failed(FailureKind.SERVER_ERROR, 1)]
    findings = diagnose(rows, [], snapshot)
    assert [f.title for f in findings[2:]] == ["more than 5 % failures"] * told
    assert all("most frequent: timed out" in f.meaning and f.count == failures for f in findings[2:])
    assert all("half the load" in f.action for f in findings[2:])


@pytest.mark.parametrize("kind", [FailureKind.REQUEST_REFUSED, FailureKind.TOKEN_INVALID, FailureKind.LOST_WRITE, None])
def test_no_advice_on_load_where_load_is_not_the_matter(kind):
    """A wrong path, a wrong token or a lost write is not mended by fewer users."""
    findings = diagnose([failed(kind, 100)], [], figures({WEIGHT: [10] * 100}, 100))
    assert len(findings) == 1
    assert "users" not in findings[0].action


def test_everything_failed():
    """Where nothing worked at all, one user is what to try."""
    *_, finding = diagnose([failed(FailureKind.SERVER_ERROR, 100)], [], figures({WEIGHT: [10] * 100}, 100))
    assert finding.advice == (
        "Every request failed, which load alone seldom does; most frequent: server error. "
        "What to do: see first that a single user gets answers."
    )


@pytest.mark.parametrize(("together", "told"), [(28, False), (29, True)])
def test_failures_of_one_event(together, told):
    """Failures that came at one time are no matter of the users' number."""
    snapshot = figures({WEIGHT: [10] * 100, TODAY: [10] * 200}, 36)
    event = Event(5.0, 9.0, failures={"server error": together}, endpoints=1)
    *_, finding = diagnose([failed(FailureKind.SERVER_ERROR, 36)], [], snapshot, events=[event])
    assert (f"{together} of them came in 1 event" in finding.meaning) is told
    assert ("half the load" in finding.action) is not told


def test_slow_answers_of_a_broken_generator():
    """Where the load generator's own delays may be in the times, nothing is said of the server's workers."""
    snapshot = figures({WEIGHT: [900] * 20})
    (finding,) = diagnose([], judged(snapshot, (WEIGHT, "p95", 500.0)), snapshot, generator_broken=True)
    assert finding.headline == "20 x slow answers at POST /manual_weight"
    assert finding.advice.startswith("The load generator's own delays may be in these times")


def test_what_nobody_answered_is_no_slow_answer():
    """Requests without an answer miss a limit, and say nothing of where answers spend their time."""
    hung = EndpointStats(20, 2, {10: 18, 13_900: 2}, 27_980.0, 13_900.0, unanswered=2)
    snapshot = Snapshot({WEIGHT: hung}, 10.0)
    assert diagnose([], judged(snapshot, (WEIGHT, "p95", 500.0)), snapshot) == []
    slow = Snapshot({WEIGHT: EndpointStats(20, 2, {10: 15, 700: 3, 13_900: 2}, 30_050.0, 13_900.0, unanswered=2)}, 10.0)
    assert [f.count for f in diagnose([], judged(slow, (WEIGHT, "p95", 500.0)), slow)] == [3]


def test_one_endpoint_that_never_works():
    """Where one endpoint always failed and the others never did, half the users are no advice."""
    snapshot = figures({WEIGHT: [10] * 100, TODAY: [10] * 900}, 100)
    *_, finding = diagnose([failed(FailureKind.SERVER_ERROR, 100)], [], snapshot)
    assert finding.meaning.startswith("every request at POST /manual_weight, and no other, failed")
    assert "half the users" not in finding.action


@pytest.mark.parametrize(
    ("limits", "count", "where"),
    [
        ([(WEIGHT, "p95", 500.0)], 100, (WEIGHT,)),
        ([(WEIGHT, "p95", 600.0)], 100, (WEIGHT,)),  # below is below
        ([(WEIGHT, "p95", 500.0), (WEIGHT, "median", 100.0)], 1000, (WEIGHT,)),
        ([(ALL, "p99", 500.0)], 100, (WEIGHT,)),
        ([(ALL, "maximum", 500.0), (TODAY, "p95", 50.0)], 1100, (WEIGHT, TODAY)),
        ([(WEIGHT, "failure_ratio", 1e-9), (ALL, "requests_per_second", 1e9)], 0, ()),
    ],
)
def test_slow_answers(limits, count, where):
    """Only answers that were not below the limit that was missed are slow, and each is counted once."""
    findings = diagnose([], judged(CALM, *limits), CALM)
    assert [(f.title, f.count, f.where) for f in findings] == [
        ("slow answers", count, tuple(map(str, where))) for _ in findings
    ]
    assert bool(findings) is bool(count)


@pytest.mark.parametrize(
    ("own_ms", "told"),
    [
        (52.0, "95 % of the time is spent waiting for a free server worker"),
        (900.0, "89 % of the time is the server's own work"),
        (None, "Usually requests wait"),
    ],
)
def test_what_the_server_tells_is_used(own_ms, told):
    """Where the server tells its own times, the diagnosis says where the time is spent, and does not guess."""
    snapshot = figures({WEIGHT: [1008] * 100})
    server = ServerSide(() if own_ms is None else (ServerTime(WEIGHT, 1008.0, own_ms),))
    (finding,) = diagnose([], judged(snapshot, (WEIGHT, "p95", 500.0)), snapshot, server)
    assert finding.advice.startswith(told)


@pytest.mark.parametrize(("open_then", "silent_s", "told"), [(20, 6.0, True), (3, 6.0, False), (20, 2.0, False)])
def test_slow_answers_of_a_silence(open_then, silent_s, told):
    """What waited while nothing was answered needs no more workers; a short silence, or of few, explains nothing."""
    snapshot = figures({WEIGHT: [100] * 80 + [6000] * 20})
    server = ServerSide((ServerTime(WEIGHT, 1280.0, 50.0),))
    limits = judged(snapshot, (WEIGHT, "p95", 500.0))
    (finding,) = diagnose([], limits, snapshot, server, events=[Event(3.0, 3.0 + silent_s, silent_s, open_then)])
    assert finding.certain
    assert ("20 requests were open while nothing was answered" in finding.advice) is told
    assert ("more workers" in finding.advice) is not told


COUNTED = st.sampled_from([WEIGHT, TODAY])
LIMITS = st.tuples(COUNTED | st.just(ALL), st.sampled_from(["p95", "median", "failure_ratio"]), st.floats(1.0, 700.0))


@given(
    st.lists(st.builds(failed, st.none() | st.sampled_from(FailureKind), st.integers(1, 1000), COUNTED)),
    st.lists(LIMITS),
    st.integers(0, 1000),
)
def test_no_failure_is_left_out(rows, limits, failures):
    """Whatever failed, the findings of kinds count every failure once, and each says what to do."""
    snapshot = figures({WEIGHT: [100] * 900 + [600] * 100, TODAY: [100] * 1000}, failures)
    findings = diagnose(rows, judged(snapshot, *limits), snapshot)
    kinds = {row.kind for row in rows}
    assert sum(finding.count for finding in findings[: len(kinds)]) == sum(row.count for row in rows)
    assert all(finding.title and finding.meaning and finding.action for finding in findings)
    assert all(finding.advice[0].isupper() for finding in findings)
