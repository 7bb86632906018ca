"""All that is known of a run when it has ended, and its JSON form."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from chaterload.chater.dishes import Leftover
from chaterload.chater.samples import FailureSample
from chaterload.chater.writes import Writes
from chaterload.exits import Exit
from chaterload.judge.analysis import Analysis
from chaterload.judge.baseline import FORMAT, write_times
from chaterload.judge.comparison import Comparison
from chaterload.judge.curve import Point
from chaterload.judge.dependence import Dependence
from chaterload.judge.diagnosis import FailureCount, Finding
from chaterload.judge.drift import Drift
from chaterload.judge.events import Event
from chaterload.judge.history import Sample
from chaterload.judge.lateness import RateFigures
from chaterload.judge.measure import ALL, Endpoint, EndpointStats, Snapshot
from chaterload.judge.objectives import Result
from chaterload.judge.queries import Series
from chaterload.judge.timeline import Interval
from chaterload.judge.trend import Trend
from chaterload.judge.unanswered import Unanswered
from chaterload.judge.verdict import Grade, Verdict, grade, tier


@dataclass(frozen=True)
class Run:
    """What was run, where, when and with what."""

    host: str
    start: datetime
    end: datetime
    users: int
    """At the peak."""
    workers: int
    """0 when one process did it all."""
    strategy: str | None
    tags: Sequence[str]
    exclude_tags: Sequence[str]
    versions: Mapping[str, str]
    settings: Mapping[str, str] = field(default_factory=dict)
    """The TEST_* settings that differ from their defaults, without secrets."""
    accounts: int = 0
    """How many the users signed in with; 0 when none was needed."""
    stand_in: bool = False
    """Against a stand-in of the run's own, whose port is another one each time."""
    build: str | None = None
    """What was tested, as --build calls it."""

    @property
    def seconds(self) -> float:
        return (self.end - self.start).total_seconds()


@dataclass(frozen=True)
class Report:
    """A finished run."""

    run: Run
    verdict: Verdict
    snapshot: Snapshot
    failures: Sequence[FailureCount]
    findings: Sequence[Finding]
    writes: Writes
    leftovers: Sequence[Leftover]
    history: Sequence[Sample]
    comparisons: Sequence[Comparison] = ()
    """With the baseline, of all requests and of each endpoint."""
    analysis: Analysis = field(default_factory=Analysis)
    dependence: Dependence = field(default_factory=Dependence)
    """How much the requests depended on each other, which a later run needs that compares itself with this one."""
    wind_down: Sample | None = None
    """What was answered after the load had ended."""
    events: Sequence[Event] = ()
    """What went wrong at one time, in the order of its start."""
    unanswered: Sequence[Unanswered] = ()
    """Requests that were cut off without an answer, by endpoint; the failed ones are in the snapshot."""
    samples: Sequence[FailureSample] = ()
    """The first failures of each kind and endpoint, to be looked at."""
    cleanup_requests: Mapping[str, int] = field(default_factory=dict)
    """What was asked after the load, or behind users that had stopped, by "METHOD /path"; counted nowhere else."""
    timeline: Sequence[Interval] = ()
    """The run in intervals, for charts; the last one is its wind-down where there is one."""
    stages: Sequence[tuple[float, str]] = ()
    """When a stage of the strategy began, in seconds since the start, and what it is."""
    platform: Mapping[str, Series] = field(default_factory=dict)
    """What Prometheus answered to each query, by its name: (epoch seconds, value)."""
    baseline: Mapping[Endpoint, EndpointStats] = field(default_factory=dict)
    """The earlier run's requests."""
    rate: RateFigures | None = None
    """Asked and reached, in a run by rate; None in one by users."""
    search: Sequence[Point] = ()
    """The steps of a capacity search, for a chart; by rate, the users of a point are requests per second."""
    unwritten: tuple[str, ...] = ()
    """Files that were asked for and could not be written."""

    @property
    def exit_code(self) -> Exit:
        """The verdict's, unless a run that would pass did not leave what was asked for."""
        code = self.verdict.exit_code
        return Exit.ERROR if code is Exit.MET and self.unwritten else code

    @property
    def grade(self) -> Grade:
        return grade(self.snapshot.total.failure_ratio)

    @property
    def tier(self) -> str:
        return tier(self.snapshot.requests_per_second)


def to_json(report: Report) -> dict[str, Any]:
    """The verdict JSON, version FORMAT; docs/reports.md documents its fields."""
    total, verdict = report.snapshot.total, report.verdict
    return {
        "format": FORMAT,
        "verdict": verdict.outcome,
        "exit_code": int(report.exit_code),
        "reasons": list(verdict.reasons),
        "requests": total.requests,
        "failures": total.failures,
        "failure_ratio": total.failure_ratio,
        "grade": report.grade,
        "throughput_rps": report.snapshot.requests_per_second,
        "tier": report.tier,
        "rate": report.rate and _rate(report.rate),
        "objectives": [_objective(result) for result in verdict.results],
        "endpoints": [
            _endpoint(endpoint, m) | {"dependence": asdict(report.dependence.of(endpoint))}
            for endpoint, m in sorted_endpoints(report.snapshot)
        ],
        "failure_kinds": [_failures(row) for row in report.failures],
        "failure_samples": [asdict(sample) for sample in report.samples],
        "diagnosis": [asdict(finding) for finding in report.findings],
        "writes": report.writes.to_dict(),
        "leftovers": [{**asdict(leftover), "certain": leftover.certain} for leftover in report.leftovers],
        "cleanup_requests": dict(report.cleanup_requests),
        "longest_silence_s": verdict.evidence.longest_silence_s,
        "events": [_event(event, report.run.start) for event in report.events],
        "unanswered": [_unanswered(row) for row in report.unanswered],
        "dependence": asdict(report.dependence.of(ALL)) | {"freedom": report.dependence.freedom},
        "wind_down": _wind_down(report.wind_down),
        "baseline": [_comparison(comparison) for comparison in report.comparisons],
        "analysis": _analysis(report.analysis),
        "run": _run(report.run),
    }


def to_json_text(report: Report) -> str:
    """The verdict JSON as a file holds it."""
    return json.dumps(to_json(report), indent=2) + "\n"


def sorted_endpoints(snapshot: Snapshot) -> list[tuple[Endpoint, EndpointStats]]:
    """By path, as Locust's tables have them."""
    return sorted(snapshot.endpoints.items(), key=lambda item: (item[0].path, item[0].method))


def _objective(result: Result) -> dict[str, Any]:
    objective = result.objective
    return {
        "method": objective.endpoint.method,
        "path": objective.endpoint.path,
        "measure": str(objective.measure),
        "unit": objective.measure.unit.name,
        "limit": objective.limit,
        "value": result.value,
        "requests": result.requests,
        "failures": result.failures,
        "state": result.state,
    }


def _endpoint(endpoint: Endpoint, measurement: EndpointStats) -> dict[str, Any]:
    return {
        **asdict(endpoint),
        "requests": measurement.requests,
        "failures": measurement.failures,
        "median_ms": measurement.percentile_ms(0.5),
        "p95_ms": measurement.percentile_ms(0.95),
        "p95_interval_ms": list(measurement.percentile_interval_ms(0.95)),
        "p99_ms": measurement.percentile_ms(0.99),
        "average_ms": measurement.average_ms,
        "maximum_ms": measurement.max_ms,
        "times": write_times(measurement.times),
    }


def _rate(figures: RateFigures) -> dict[str, Any]:
    """The arrivals among the other figures; those that still wait for a user were counted when the load ended."""
    return {**asdict(figures), "late_ratio": figures.arrivals.late_ratio}


def _failures(row: FailureCount) -> dict[str, Any]:
    return {**asdict(row.endpoint), "kind": row.title, "count": row.count}


def _comparison(comparison: Comparison) -> dict[str, Any]:
    endpoint, growth, worse = str(comparison.endpoint), comparison.growth, comparison.worse
    return {**asdict(comparison), "endpoint": endpoint, "growth": growth, "worse": worse}


def _unanswered(row: Unanswered) -> dict[str, Any]:
    return {**asdict(row.endpoint), "count": row.count, "oldest_ms": row.oldest_ms, "failed": row.failed}


def _event(event: Event, start: datetime) -> dict[str, Any]:
    began = (start + timedelta(seconds=event.start)).isoformat()
    told = event.sentence(start.timestamp())
    return {**asdict(event), "start": began, "seconds": event.seconds, "sentence": told}


def _wind_down(sample: Sample | None) -> dict[str, Any] | None:
    if sample is None:
        return None
    return {"seconds": sample.seconds, "requests": sample.requests, "failures": sample.failures}


def _analysis(analysis: Analysis) -> dict[str, Any]:
    load = analysis.load
    return {
        **asdict(replace(analysis, drift=None)),
        "load": load and {**asdict(load), "slowed_most": load.slowed_most and _comparison(load.slowed_most)},
        "drift": analysis.drift and _drift(analysis.drift),
    }


def _drift(drift: Drift) -> dict[str, Any]:
    """Field by field: asdict would make dicts of the endpoints, which cannot be keys."""
    trends = {str(name): _trend(trend) for name, trend in drift.trends.items()}
    return {"users": drift.users, "seconds": drift.seconds, "trends": trends}


def _trend(trend: Trend) -> dict[str, Any]:
    return {**asdict(trend), "change": trend.change, "direction": trend.direction}


def _run(run: Run) -> dict[str, Any]:
    return {**asdict(run), "start": run.start.isoformat(), "end": run.end.isoformat(), "seconds": run.seconds}
