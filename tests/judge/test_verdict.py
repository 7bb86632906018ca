"""One word for a run, and why."""

from dataclasses import fields
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaterload.exits import Exit
from chaterload.judge.measure import ALL, Endpoint, EndpointStats, Snapshot
from chaterload.judge.objectives import FAILURE_RATIO, Measure, Objective, Result, State
from chaterload.judge.queries import Query, judge_query
from chaterload.judge.verdict import Evidence, Grade, Outcome, critical_failures, decide, grade, tier

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


CPU = judge_query(Query("CPU", "cpu", 0.8), [(0.0, 0.9)])
NO_CPU = judge_query(Query("CPU", "cpu", 0.8), None)
LOST = Evidence(lost_writes=["2 of the acknowledged dishes never showed"])
STOPPED = Evidence(stopped_early=["stopped early"])
SILENT = Evidence(silences=["from 16:52:43 UTC for 31 s nothing was answered (12 requests open)"])
WORSE = Evidence(worse=["GET /b is worse"])
BROKEN = Evidence(generator_broken=["a worker was lost"])
UNPROVEN = Evidence(unproven=["cut short"])


SENTENCES_OF = [field.name for field in fields(Evidence) if field.name != "longest_silence_s"]


def both(*evidence):
    """All of it at once."""
    together: Any = {name: [reason for e in evidence for reason in getattr(e, name)] for name in SENTENCES_OF}
    return Evidence(**together)


@pytest.mark.parametrize(
    ("states", "evidence", "outcome", "code"),
    [
        ([State.MET, State.NOT_APPLICABLE], Evidence(), Outcome.PASS, 0),
        ([State.MET, State.MISSED], Evidence(), Outcome.FAIL, 3),
        ([State.MET], LOST, Outcome.FAIL, 3),
        ([State.MET], STOPPED, Outcome.FAIL, 3),
        ([State.MET], SILENT, Outcome.FAIL, 3),
        ([State.MET], both(SILENT, BROKEN), Outcome.INVALID, 4),
        ([State.MET], WORSE, Outcome.FAIL, 3),
        # proof outranks doubt
        ([State.MISSED, State.NO_DATA], Evidence(), Outcome.FAIL, 3),
        ([State.NO_DATA], LOST, Outcome.FAIL, 3),
        ([State.NO_DATA], STOPPED, Outcome.FAIL, 3),
        ([State.MISSED], UNPROVEN, Outcome.FAIL, 3),
        ([], both(WORSE, UNPROVEN), Outcome.FAIL, 3),
        # nothing proven, something unproven
        ([State.NO_DATA], Evidence(), Outcome.INVALID, 4),
        ([State.MET, State.NO_DATA], Evidence(), Outcome.INVALID, 4),
        ([State.MET], UNPROVEN, Outcome.INVALID, 4),
        # nothing judged
        ([], Evidence(), Outcome.INVALID, 4),
        ([State.NOT_APPLICABLE], Evidence(), Outcome.INVALID, 4),
        # a broken generator's figures prove nothing, and a lost write is a fact
        ([State.MET], BROKEN, Outcome.INVALID, 4),
        ([State.MISSED], BROKEN, Outcome.INVALID, 4),
        ([State.MISSED], both(BROKEN, STOPPED, WORSE), Outcome.INVALID, 4),
        ([State.MET], both(BROKEN, LOST), Outcome.FAIL, 3),
    ],
)
def test_proof_outranks_doubt(states, evidence, outcome, code):
    """What is proven decides, then what is in doubt, and what the tags left out weighs nothing."""
    verdict = decide([result(state) for state in states], evidence)
    assert (verdict.outcome, verdict.exit_code) == (outcome, code)
    assert len(verdict.results) == len(states)


def test_the_platforms_own_figures():
    """A limit of the platform's that it says itself to have missed is a fact too, whatever the generator did."""
    assert decide([CPU], BROKEN).outcome is Outcome.FAIL
    assert decide([CPU, NO_CPU]).outcome is Outcome.FAIL
    assert decide([NO_CPU]).reasons == ("CPU cannot be judged: it has no values from Prometheus",)


SENTENCES = st.lists(st.text(min_size=1), max_size=3)
EVIDENCE = st.builds(Evidence, SENTENCES, SENTENCES, SENTENCES, SENTENCES, SENTENCES, SENTENCES)
RESULTS = st.lists(st.sampled_from(State).map(result) | st.sampled_from([CPU, NO_CPU]))


@given(RESULTS, EVIDENCE)
def test_a_verdict_has_reasons(results, evidence):
    """A pass has no reasons, anything else has some, each once, and none of those given is left out."""
    verdict = decide(results, evidence)
    assert bool(verdict.reasons) is (verdict.outcome is not Outcome.PASS)
    assert len(set(verdict.reasons)) == len(verdict.reasons)
    assert set(verdict.reasons) >= {reason for name in SENTENCES_OF for reason in getattr(evidence, name)}
    assert (verdict.exit_code is Exit.MET) is (verdict.outcome is Outcome.PASS)


@given(RESULTS, EVIDENCE, EVIDENCE)
def test_more_evidence_makes_no_verdict_milder(results, evidence, more):
    """What else is found against a run never turns it into a pass, nor a lost write into a doubt."""
    before, after = decide(results, evidence), decide(results, both(evidence, more))
    assert after.outcome is not Outcome.PASS or before.outcome is Outcome.PASS
    if evidence.lost_writes:
        assert before.outcome is after.outcome is Outcome.FAIL


def test_reasons_are_in_the_order_of_their_weight():
    """Lost data first, then what else is proven, then why less is proven than was to be."""
    results = [
        result(State.NO_DATA, requests=0),
        result(State.NO_DATA, requests=3),
        result(State.MISSED, 1234.0),
        CPU,
    ]
    assert decide(results, both(UNPROVEN, WORSE, STOPPED, LOST)).reasons == (
        "2 of the acknowledged dishes never showed",
        "CPU: average over the run is 0.9, expected below 0.8",
        "stopped early",
        "POST /manual_weight: p95 is 1.23 s, expected below 500 ms",
        "GET /b is worse",
        "cut short",
        "POST /manual_weight cannot be judged: it has no requests",
        "POST /manual_weight cannot be judged: it has only 3 requests",
    )
    assert decide([result(State.MISSED, 1234.0)], both(UNPROVEN, WORSE, BROKEN)).reasons == (
        "a worker was lost",
        "cut short",
        "POST /manual_weight: p95 is 1.23 s, expected below 500 ms",
        "GET /b is worse",
    )
    assert decide([], Evidence()).reasons == ("nothing was judged: no objective applies to this run",)


def failing(**ratios):
    """100 requests to each endpoint, of which so many failed."""
    return Snapshot({Endpoint("GET", f"/{path}"): EndpointStats(100, n, {10: 100}) for path, n in ratios.items()}, 1.0)


def limit_on(*endpoints):
    return [Objective(endpoint, FAILURE_RATIO, 0.5) for endpoint in endpoints]


@pytest.mark.parametrize(
    ("objectives", "figures", "sentences"),
    [
        ([], failing(a=5, b=5), []),
        ([], failing(), []),
        ([], failing(a=0, b=12), ["failures are critical: 6 % of all requests failed, and no objective allows that"]),
        ([result(State.MET).objective], failing(a=100), ["failures are critical: 100 % of all requests failed"]),
        (limit_on(ALL), failing(a=100), []),
        (limit_on(Endpoint("GET", "/a")), failing(a=40, b=0), []),
        (
            limit_on(Endpoint("GET", "/a")),
            failing(a=0, b=6),
            ["failures are critical: 6 % of requests without a failure_ratio of their own failed"],
        ),
    ],
)
def test_critical_failures(objectives, figures, sentences):
    """More than 5 % of failures are a miss, but for those of which the file itself says how many may be."""
    found = critical_failures(objectives, figures)
    assert len(found) == len(sentences)
    assert all(sentence.startswith(start) for sentence, start in zip(found, sentences, strict=True))


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
