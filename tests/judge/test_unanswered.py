"""What is unanswered when it is cut off counts as what it proves: no more, and no less."""

from hypothesis import given
from hypothesis import strategies as st

from chaterload.judge.measure import ALL, Endpoint, EndpointStats, Snapshot
from chaterload.judge.objectives import Measure, Objective, State, evaluate
from chaterload.judge.unanswered import Unanswered, count_unanswered

PHOTO, TODAY, LANGUAGE = Endpoint("POST", "/photo"), Endpoint("GET", "/today"), Endpoint("POST", "/language")
P95 = Measure.named("p95")
OBJECTIVES = [
    Objective(PHOTO, P95, 5_000.0),
    Objective(TODAY, P95, 2_000.0),
    Objective(ALL, Measure.named("failure_ratio"), 0.01),
]
GOOD = Snapshot(
    {endpoint: EndpointStats(100, 0, {50: 100}, 5_000.0, 50.0) for endpoint in (PHOTO, TODAY, LANGUAGE)}, 10.0
)


def test_a_silent_server_is_no_fast_one():
    """Twenty requests that hang for longer than their limit are slow answers and failures."""
    counted, rows = count_unanswered(GOOD, {TODAY: [21_000.0] * 20}, OBJECTIVES)
    assert rows == [Unanswered(TODAY, 20, 21_000.0, 20)]
    states = {str(result.objective): result.state for result in evaluate(OBJECTIVES, counted)}
    assert states[str(OBJECTIVES[0])] is State.MET
    assert states[str(OBJECTIVES[1])] is State.MISSED
    assert states[str(OBJECTIVES[2])] is State.MISSED
    assert counted.endpoints[TODAY].failures == 20
    assert counted.requests_per_second == GOOD.requests_per_second


def test_a_young_one_says_nothing():
    """A request that was cut off before its limit is only counted."""
    counted, rows = count_unanswered(GOOD, {TODAY: [1_999.0, 30.0], PHOTO: [4_000.0]}, OBJECTIVES)
    assert counted == GOOD
    assert rows == [Unanswered(TODAY, 2, 1_999.0, 0), Unanswered(PHOTO, 1, 4_000.0, 0)]


def test_an_endpoint_without_a_limit():
    """Where an endpoint has none, the largest limit of the file decides."""
    counted, rows = count_unanswered(GOOD, {LANGUAGE: [4_900.0, 5_100.0]}, OBJECTIVES)
    assert rows == [Unanswered(LANGUAGE, 2, 5_100.0, 1)]
    assert counted.endpoints[LANGUAGE].failures == 1


def test_a_file_without_times():
    """Without any time limit, no age is too much: they are counted and told."""
    counted, rows = count_unanswered(GOOD, {TODAY: [90_000.0]}, OBJECTIVES[2:])
    assert counted == GOOD
    assert [row.failed for row in rows] == [0]


def test_an_endpoint_that_never_answered():
    """An endpoint whose every request hangs has data: it is missed, and not without data."""
    counted, _ = count_unanswered(Snapshot({}, 10.0), {TODAY: [9_000.0] * 3}, OBJECTIVES)
    assert [result.state for result in evaluate(OBJECTIVES[1:2], counted)] == [State.MISSED]


@given(st.dictionaries(st.sampled_from([PHOTO, TODAY, LANGUAGE]), st.lists(st.floats(0, 1e6), max_size=30)))
def test_what_is_added(ages):
    """Each request is in one row; only failures are added, each slower than its limit, and no answer is lost."""
    counted, rows = count_unanswered(GOOD, ages, OBJECTIVES)
    assert sum(row.count for row in rows) == sum(map(len, ages.values()))
    total = counted.total
    assert total.answered == GOOD.total.requests
    assert total.failures == total.unanswered == sum(row.failed for row in rows)
    assert total.requests == sum(total.times.values())
