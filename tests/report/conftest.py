"""A finished run to report on."""

from datetime import UTC, datetime, timedelta

import pytest

from chaterload.chater.dishes import Leftover, Trace
from chaterload.chater.kinds import FailureKind
from chaterload.chater.samples import FailureSample
from chaterload.chater.writes import Tally, Writes
from chaterload.judge.comparison import Comparison
from chaterload.judge.diagnosis import FailureCount, diagnose
from chaterload.judge.history import History
from chaterload.judge.measure import ALL, Endpoint, EndpointStats, Snapshot
from chaterload.judge.objectives import Measure, Objective, evaluate
from chaterload.judge.verdict import Evidence, decide
from chaterload.report.model import Report, Run

WEIGHT, TODAY, SIGN_IN = (
    Endpoint("POST", "/manual_weight"),
    Endpoint("GET", "/eater_get_today"),
    Endpoint("POST", "/eater_auth"),
)
OBJECTIVES = (
    Objective(WEIGHT, Measure.named("p95"), 500.0),
    Objective(TODAY, Measure.named("p95"), 2000.0),
    Objective(ALL, Measure.named("failure_ratio"), 0.01),
    Objective(ALL, Measure.named("requests_per_second"), 5.0),
)
NASTY = "<script>alert(1)</script> & [bold]x[/bold]"
"""Neither HTML, XML nor rich's markup may take this for its own."""


DISHES = Tally(45, 45, 43, 2, lost=2, lost_ms=10_100.0, unseen_ms=2010.0, latest_after_ms=300.0, latest_ms=1234.5)
WRITES = Writes(Tally(45, 45, 45), Tally(40, 40, 40), Tally(40, undecidable=40), Tally(45, 45, 45))
LOSSES = Writes(DISHES, Tally(40, 40, 40), Tally(40, undecidable=40), Tally(45, 45, 44))


def make_report(
    *,
    weight_ms=400,
    failures=0,
    baseline=(),
    invalid=(),
    evidence=None,
    host="http://127.0.0.1:5000",
    excluded_endpoints=(),
    writes=WRITES,
):
    """A run of 30 s and 240 requests; by default everything is met."""
    endpoints = {
        TODAY: EndpointStats(120, failures, {20: 60, 30: 60}, 3000.0, 30.4),
        WEIGHT: EndpointStats(120, 0, {weight_ms: 120}, weight_ms * 120.0, float(weight_ms)),
    }
    start = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
    figures = Snapshot({} if excluded_endpoints else endpoints, 30.0)
    history = History()
    for part in (3, 2, 1):
        times = {
            e: EndpointStats(m.requests // part, 0, {t: n // part for t, n in m.times.items()})
            for e, m in endpoints.items()
        }
        failed = {(TODAY, "server error"): failures // part} if failures else {}
        history.add(30.0 / part, 20, Snapshot(times, 30.0 / part), target=20, failed=failed, in_flight=part)
    sample = FailureSample(
        "GET", TODAY.path, "server error", start.timestamp(), 31.0, "a@b.c", "full_flow, line 9", 500, NASTY
    )
    rows = [FailureCount(TODAY, FailureKind.SERVER_ERROR, "server error", failures)] if failures else []
    results = evaluate(OBJECTIVES, figures, excluded_endpoints)
    regressions = [str(change) for change in baseline if change.worse]
    evidence = evidence or Evidence(writes.missing(), worse=regressions, unproven=invalid)
    return Report(
        run=Run(host, start, start + timedelta(seconds=30), 20, 2, None, ("full_flow",), (), {"locust": "2.47"}, {}),
        verdict=decide(results, evidence),
        snapshot=figures,
        failures=rows,
        findings=diagnose(rows, results, figures, samples=[sample]),
        samples=[sample] if failures else [],
        writes=writes,
        leftovers=[Leftover("a@example.com", 1_700_000_000_000, Trace.UNCLEAR)],
        history=history.samples,
        timeline=history.timeline,
        platform={"CPU": [(start.timestamp() + at, 0.5) for at in range(0, 30, 5)]},
        baseline={WEIGHT: EndpointStats(10, 0, {300: 10})} if baseline else {},
        comparisons=baseline,
    )


WORSE = Comparison(WEIGHT, 120, 120, 80.0, 350.0, 100.0, 400.0, 0.0, 0.0, slower=True)
SAME = Comparison(TODAY, 120, 120, 20.0, 20.0, 30.0, 30.0, 0.0, 0.0)
FEW = Comparison(SIGN_IN, 7, 120, 20.0, 20.0, 30.0, 30.0, 0.0, 0.0, too_few=True)


@pytest.fixture(
    params=["pass", "fail", "invalid", "tags"],
)
def any_report(request):
    """One that passed, one that failed in every way, one that proves nothing, one whose tags left all out."""
    return {
        "pass": make_report,
        "fail": lambda: make_report(weight_ms=900, failures=20, baseline=[WORSE, SAME], writes=LOSSES),
        "invalid": lambda: make_report(invalid=[NASTY], host=NASTY),
        "tags": lambda: make_report(excluded_endpoints=(WEIGHT, TODAY)),
    }[request.param]()
