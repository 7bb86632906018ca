"""A run at one moment, for Prometheus: its families in base units. Pure."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import TypeVar

from prometheus_client import CONTENT_TYPE_LATEST, Metric, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector

from chaterload.chater.kinds import FailureKind
from chaterload.chater.writes import Writes
from chaterload.judge.diagnosis import FailureCount
from chaterload.judge.lateness import RateFigures
from chaterload.judge.measure import Endpoint, Snapshot
from chaterload.judge.objectives import Objective, Result, State
from chaterload.judge.verdict import Outcome

CONTENT_TYPE = CONTENT_TYPE_LATEST

BOUNDS_MS = (5, 10, 25, 50, 100, 200, 300, 500, 750, 1000, 1500, 2000, 3000, 4000, 5000, 7500, 10_000, 20_000, 60_000)
"""Of the histogram's buckets: the objectives' own limits are among them, and Chater UI gives a photo 60 s."""

_LE = (*(str(bound / 1000) for bound in BOUNDS_MS), "+Inf")

OTHER = "other"
"""A failure of the load test itself, whose text may be anything."""

KINDS = (*(kind.name.lower() for kind in FailureKind), OTHER)

Labels = TypeVar("Labels", bound=tuple[str, ...])

_ENDPOINT = ("method", "path")
_OBJECTIVE = (*_ENDPOINT, "measure")


@dataclass(frozen=True)
class Figures(Collector):
    """What a scrape finds."""

    snapshot: Snapshot
    failures: Sequence[FailureCount]
    results: Sequence[Result]
    writes: Writes
    users: int
    workers: int
    """0 in a run of one process."""
    cpu_percent: float
    """Of the load generator's busiest process."""
    outcome: Outcome | None = None
    """The verdict, once there is one."""
    in_flight: int = 0
    oldest_s: float = 0.0
    """For how long the oldest request in flight has waited."""
    unanswered: int = 0
    """Requests without an answer for longer than their objective allows."""
    longest_silence_s: float = 0.0
    """Without any answer while requests were open."""
    rate: RateFigures | None = None
    """None in a run by users."""
    asked_rps: float = 0.0
    """Requests per second that are asked for now, in a run by rate."""

    def collect(self) -> Iterator[Metric]:
        yield from self._requests()
        yield from self._writes()
        yield from self._objectives()
        if self.outcome:
            told = {(outcome.value,): float(outcome is self.outcome) for outcome in Outcome}
            yield _family(GaugeMetricFamily, "chater_verdict", "1 for what came of the run", ("outcome",), told)
        gauges = (
            ("chater_users", "Simulated users that run", self.users),
            ("chater_workers", "Workers that are connected; 0 in a run of one process", self.workers),
            ("chater_in_flight", "Requests that wait for an answer", self.in_flight),
            ("chater_in_flight_oldest_seconds", "How long the oldest of them has waited", self.oldest_s),
            ("chater_unanswered", "Requests without an answer for longer than they may", self.unanswered),
            ("chater_longest_silence_seconds", "The longest time without any answer so far", self.longest_silence_s),
            ("chater_generator_cpu_ratio", "CPU of the load generator's busiest process", self.cpu_percent / 100),
        )
        for name, text, value in gauges:
            yield GaugeMetricFamily(name, text, value)
        if self.rate:
            yield from self._rate(self.rate)

    def _rate(self, rate: RateFigures) -> Iterator[Metric]:
        of = rate.arrivals
        yield GaugeMetricFamily("chater_asked_rate", "Requests per second that are asked for", self.asked_rps)
        yield GaugeMetricFamily("chater_reached_rate", "Answered requests per second, over the run", rate.reached_rps)
        yield CounterMetricFamily("chater_arrivals", "Tasks that were due", of.arrivals)
        causes = {
            ("server",): of.late_by_server,
            ("pool",): of.late_by_pool,
            ("generator",): of.late_by_generator,
        }
        yield _family(CounterMetricFamily, "chater_late_arrivals", "Tasks that began too late", ("cause",), causes)
        yield GaugeMetricFamily("chater_waiting_arrivals", "Tasks that are due and have no user yet", of.waiting)
        yield GaugeMetricFamily("chater_idle_users", "Users that wait for an arrival", of.idle)

    def _requests(self) -> Iterator[Metric]:
        endpoints = {_labels(endpoint): m for endpoint, m in self.snapshot.endpoints.items()}
        requests = {labels: m.requests for labels, m in endpoints.items()}
        yield _family(CounterMetricFamily, "chater_requests", "Requests, failed ones included", _ENDPOINT, requests)
        # each kind from the start, so that a rate sees its first failure
        failed = Counter({(*labels, kind): 0 for labels in endpoints for kind in KINDS})
        for row in self.failures:
            failed[(*_labels(row.endpoint), row.kind.name.lower() if row.kind else OTHER)] += row.count
        yield _family(CounterMetricFamily, "chater_failures", "Failed requests", (*_ENDPOINT, "kind"), failed)
        times = HistogramMetricFamily(
            "chater_response_time_seconds", "Response times, those of failed requests included", labels=_ENDPOINT
        )
        for labels, m in endpoints.items():
            times.add_metric(labels, buckets(m.times), m.total_ms / 1000)
        yield times

    def _writes(self) -> Iterator[Metric]:
        tallies = {(kind,): tally for kind, tally in self.writes.items()}
        for name, text, counts in (
            ("acknowledged", "Acknowledged writes", {kind: t.acknowledged for kind, t in tallies.items()}),
            ("checked", "Those that a list could tell of in time", {kind: t.checked for kind, t in tallies.items()}),
            ("confirmed", "Those that showed in time", {kind: t.confirmed for kind, t in tallies.items()}),
        ):
            yield _family(CounterMetricFamily, f"chater_writes_{name}", text, ("kind",), counts)

    def _objectives(self) -> Iterator[Metric]:
        if not self.results:
            return
        every = {
            (*_labels(result.objective.endpoint), str(result.objective.measure)): result for result in self.results
        }
        limits = {labels: _base(result.objective, result.objective.limit) for labels, result in every.items()}
        values = {labels: _base(r.objective, r.value) for labels, r in every.items() if r.value is not None}
        met = {labels: float(every[labels].state is State.MET) for labels in values}
        unit = "in seconds, requests per second or as a ratio"
        for name, text, rows in (
            ("limit", f"What an objective expects, {unit}", limits),
            ("value", f"What was measured, {unit}; absent without data", values),
            ("met", "1 where an objective is met, 0 where it is missed; absent without data", met),
        ):
            yield _family(GaugeMetricFamily, f"chater_objective_{name}", text, _OBJECTIVE, rows)


def to_text(figures: Figures) -> bytes:
    """The page."""
    return generate_latest(figures)


def buckets(times: Mapping[int, int]) -> list[tuple[str, float]]:
    """How many of `times`, ms to counts, are at most each bound; cumulative, in seconds, as a histogram has them."""
    counts = [0] * len(_LE)
    for time, count in times.items():
        counts[bisect_left(BOUNDS_MS, time)] += count
    return list(zip(_LE, accumulate(counts), strict=True))


def _family(
    make: type[CounterMetricFamily] | type[GaugeMetricFamily],
    name: str,
    text: str,
    labels: Sequence[str],
    rows: Mapping[Labels, float],
) -> Metric:
    family = make(name, text, labels=labels)
    for values, value in rows.items():
        family.add_metric(values, value)
    return family


def _labels(endpoint: Endpoint) -> tuple[str, str]:
    return endpoint.method, endpoint.path


def _base(objective: Objective, value: float) -> float:
    return value / objective.measure.unit.per_base_unit
