"""Locust's statistics, and what the processes report, as our own figures."""

import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from locust.env import Environment
from locust.stats import RequestStats, StatsEntry, StatsError

from chaterload import internals
from chaterload.chater.kinds import FailureKind
from chaterload.chater.samples import FailureSample, first_of_each
from chaterload.chater.user import EXCEPTION_OF
from chaterload.chater.writes import Writes
from chaterload.judge.diagnosis import FailureCount, RecentFailure
from chaterload.judge.lateness import add_up_arrivals
from chaterload.judge.measure import Endpoint, EndpointStats, Snapshot
from chaterload.judge.objectives import Objective
from chaterload.judge.silence import Silence, find_silences
from chaterload.judge.unanswered import count_unanswered

_KIND_OF_TEXT = {internals.text_of(error): kind for kind, error in EXCEPTION_OF.items()}


def measurement(entry: StatsEntry) -> EndpointStats:
    """A row of Locust's statistics, as it is now."""
    times = dict(entry.response_times)
    return EndpointStats(
        entry.num_requests, entry.num_failures, times, float(entry.total_response_time), float(entry.max_response_time)
    )


def snapshot(stats: RequestStats, clock_set_by: float = 0.0) -> Snapshot:
    """All of Locust's statistics, as they are now."""
    endpoints = {Endpoint(entry.method, entry.name): measurement(entry) for entry in internals.entries(stats)}
    return Snapshot(endpoints, max(0.0, internals.measured_s(stats) - clock_set_by))


_WRITES = (FailureKind.LOST_WRITE, FailureKind.GHOST_WRITE)


def without_lost_writes(stats: RequestStats) -> Snapshot:
    """The same, but a write that was lost is no failure: it says nothing of how much load the server takes."""
    now = snapshot(stats)
    lost: Counter[Endpoint] = Counter()
    for error in internals.errors(stats):
        if (row := _failure(error)).kind in _WRITES:
            lost[row.endpoint] += row.count
    endpoints = {
        endpoint: replace(m, failures=max(0, m.failures - lost[endpoint])) for endpoint, m in now.endpoints.items()
    }
    return Snapshot(endpoints, now.seconds)


def silences(reports: Iterable[Mapping[str, Any]], span: tuple[float, float]) -> list[Silence]:
    """When none of the processes got an answer between two moments, in monotonic seconds."""
    return find_silences([report["watched"] for report in reports if "watched" in report], *span)


def failed(stats: RequestStats) -> dict[tuple[Endpoint, str], int]:
    """How many failures there are of each endpoint and kind."""
    counts = Counter[tuple[Endpoint, str]]()
    for row in failures(stats):
        counts[row.endpoint, row.title] += row.count
    return counts


def failures(stats: RequestStats) -> list[FailureCount]:
    """Locust's failures table, with the kind of each row; the most frequent first."""
    rows = [_failure(error) for error in internals.errors(stats)]
    return sorted(rows, key=lambda row: -row.count)


def last_failures(stats: RequestStats) -> list[RecentFailure]:
    """The same rows with their age, the latest first."""
    now = time.time()
    rows = [
        RecentFailure(_failure(error), max(0.0, now - (error.last_seen or now))) for error in internals.errors(stats)
    ]
    return sorted(rows, key=lambda row: row.age_s)


def _failure(error: StatsError) -> FailureCount:
    text = internals.text_of(error.error)
    kind: FailureKind | None = _KIND_OF_TEXT.get(text)
    return FailureCount(Endpoint(error.method, error.name), kind, text[:200], error.occurrences)


def crashes(environment: Environment) -> list[tuple[str, int]]:
    """Unexpected exceptions of users, on all processes: their text and how often; the most frequent first."""
    rows = internals.crashes(environment.runner) if environment.runner else ()
    return sorted(((text[:200], count) for text, count in rows), key=lambda row: -row[1])


def add_up_writes(reports: Iterable[Mapping[str, Any]]) -> Writes:
    """Those of all processes."""
    writes = Writes()
    for report in reports:
        if "writes" in report:
            writes.add(Writes.from_dict(report["writes"]))
    return writes


def in_flight(reports: Iterable[Mapping[str, Any]]) -> tuple[int, float]:
    """How many requests wait for an answer in all processes, and for how many seconds the oldest has waited."""
    waiting = [report["in_flight"] for report in reports if "in_flight" in report]
    return sum(int(count) for count, _ in waiting), max((float(oldest) for _, oldest in waiting), default=0.0)


def add_up_unanswered(reports: Iterable[Mapping[str, Any]]) -> dict[Endpoint, list[float]]:
    """How old the requests were, in ms, that were cut off without an answer; those of all processes."""
    return _add_up_ages(entry for report in reports for entry in report.get("unanswered", ()))


def past_limit(reports: Iterable[Mapping[str, Any]], objectives: Sequence[Objective]) -> int:
    """How many requests wait for an answer longer than they may, or did until they were cut off; of all processes."""
    entries = (entry for report in reports for key in ("open", "unanswered") for entry in report.get(key, ()))
    return sum(row.failed for row in count_unanswered(Snapshot({}, 0.0), _add_up_ages(entries), objectives)[1])


def _add_up_ages(entries: Iterable[tuple[str, str, Sequence[float]]]) -> dict[Endpoint, list[float]]:
    ages: dict[Endpoint, list[float]] = {}
    for method, path, of_endpoint in entries:
        ages.setdefault(Endpoint(method, path), []).extend(of_endpoint)
    return ages


def first_samples(reports: Iterable[Mapping[str, Any]]) -> list[FailureSample]:
    """The first failures of each kind and endpoint; those of all processes."""
    return first_of_each([FailureSample(**sample) for report in reports for sample in report.get("samples", ())])


def with_open(snapshot: Snapshot, reports: Iterable[Mapping[str, Any]], objectives: Sequence[Objective]) -> Snapshot:
    """The same with the requests that wait for an answer longer than they may: whatever it is, it comes too late."""
    return count_unanswered(
        snapshot, _add_up_ages(e for report in reports for e in report.get("open", ())), objectives
    )[0]


def waiting(reports: Sequence[Mapping[str, Any]]) -> int:
    """How many requests wait for an answer, and arrivals for a user, in all processes."""
    arrivals = add_up_arrivals(reports)
    return in_flight(reports)[0] + (arrivals.waiting if arrivals else 0)
