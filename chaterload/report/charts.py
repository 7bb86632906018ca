"""What the page's charts show, as data. How they look is written in assets/page.js."""

import math
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from chaterload.chater.kinds import FailureKind
from chaterload.judge.curve import Point
from chaterload.judge.measure import ALL, Endpoint, EndpointStats
from chaterload.judge.objectives import Objective
from chaterload.judge.queries import Series
from chaterload.judge.timeline import Interval
from chaterload.report.model import Report, sorted_endpoints

Chart = dict[str, Any]
"""What assets/page.js draws: `x`, `series` of as many values each, limits and marks."""

PERCENTILES = (("p50", 0.5), ("p95", 0.95), ("p99", 0.99))

BUCKETS_PER_DECADE = 12
"""Of a distribution: each is 21 % wider than the one before."""


def overview_charts(report: Report) -> list[Chart]:
    """Those of all requests: what happened over the time of the run, and against its users or its rate."""
    timeline, curve = report.timeline, report.analysis.curve
    points = curve.points if curve else report.search
    charts = [_against_load(report, sorted(points, key=lambda point: point.users))] if points else []
    if not timeline:
        return charts
    over_time = _OverTime(report)
    charts += [
        over_time.response_times(ALL),
        over_time.by_part("Requests per second", "req/s", _requests(timeline), note="One above the other."),
        over_time.by_part("Failures per second", "/s", _failures(report), note="By kind, one above the other."),
        over_time.chart("Requests in flight", "", [_line("in flight", [i.in_flight for i in timeline])]),
    ]
    if report.rate:
        charts.append(over_time.asked_and_reached())
    return charts + [over_time.query(name, series) for name, series in report.platform.items()]


def endpoint_charts(report: Report) -> dict[Endpoint, list[Chart]]:
    """Of each endpoint that was asked: its times over the run, and how they are distributed."""
    over_time = _OverTime(report)
    return {
        endpoint: [
            *([over_time.response_times(endpoint)] if report.timeline else ()),
            distribution(stats, report.baseline.get(endpoint), over_time.limits(endpoint)),
        ]
        for endpoint, stats in sorted_endpoints(report.snapshot)
        if stats.requests
    }


class _OverTime:
    """Makes the charts that share the run's time as their axis."""

    def __init__(self, report: Report) -> None:
        self._timeline = report.timeline
        self._start = report.run.start.timestamp()
        self._objectives: Sequence[Objective] = [result.objective for result in report.verdict.results]
        self._baseline = report.baseline
        self._unanswered = report.unanswered
        self._x = [_place(interval.end) for interval in self._timeline]
        users = _line("users", [interval.users for interval in self._timeline])
        self._load = _line("asked req/s", [i.asked_rps for i in self._timeline]) if report.rate else users
        self._users = users
        self._marks = [{"at": at, "label": label} for at, label in report.stages]
        if report.wind_down and self._timeline:
            self._marks.append({"at": _place(report.run.seconds), "label": "load ends"})

    def chart(self, title: str, unit: str, series: Iterable[Chart], **more: Any) -> Chart:
        return {
            "kind": "time",
            "title": title,
            "unit": unit,
            "start": self._start,
            "x": self._x,
            "end": self._x[-1],
            "series": [{**self._load, "behind": True}, *series],
            "marks": self._marks,
            **more,
        }

    def response_times(self, endpoint: Endpoint) -> Chart:
        """Percentiles of one endpoint, or of all, with its limits and what the baseline's p95 was."""
        windows = [_window(interval, endpoint) for interval in self._timeline]
        lines = [
            _line(name, [window.percentile_ms(share) if window.requests else None for window in windows])
            for name, share in PERCENTILES
        ]
        limits = self.limits(endpoint)
        if before := self._baseline.get(endpoint):
            limits.append({"at": before.percentile_ms(0.95), "label": "baseline p95", "calm": True})
        title = "Response times of all requests" if endpoint == ALL else "Response times"
        open_ones = sum(row.count for row in self._unanswered if endpoint in (ALL, row.endpoint))
        note = {"note": f"Without {open_ones} that were never answered."} if open_ones else {}
        return self.chart(title, "ms", lines, limits=limits, **note)

    def asked_and_reached(self) -> Chart:
        """Of a run by rate: the requests per second that were asked for, and those that were answered."""
        reached = [i.window.total.requests / i.window.seconds if i.window.seconds else None for i in self._timeline]
        shown = self.chart("Asked and reached", "req/s", [{**self._load, "label": "asked"}, _line("reached", reached)])
        shown["series"][0] = {**self._users, "behind": True}
        return shown

    def limits(self, endpoint: Endpoint) -> list[Chart]:
        """The limits on its response times."""
        return [
            {"at": objective.limit, "label": f"limit of {objective.measure}"}
            for objective in self._objectives
            if objective.endpoint == endpoint and objective.is_time
        ]

    def by_part(self, title: str, unit: str, counts: Mapping[str, Sequence[int]], note: str) -> Chart:
        """Counts per second of each part, stacked."""
        seconds = [interval.window.seconds for interval in self._timeline]
        parts = [
            _line(name, [count / s if s else None for count, s in zip(row, seconds, strict=True)])
            for name, row in counts.items()
        ]
        return self.chart(title, unit, parts, stacked=True, note=note if parts else "There was none.")

    def query(self, name: str, series: Series) -> Chart:
        """What Prometheus said; its own times, and the load as it was then."""
        points = [(at - self._start, value) for at, value in series]
        ends = [interval.end for interval in self._timeline]
        load = [*self._load["y"], None]
        limits = [
            {"at": objective.limit, "label": "limit of the average"}
            for objective in self._objectives
            if objective.measure.by_platform and objective.endpoint.path == name and objective.measure.name[0] == "a"
        ]
        shown = self.chart(name, "", [_line(name, [value for _, value in points])], limits=limits)
        shown["x"] = [_place(at) for at, _ in points]
        shown["series"][0]["y"] = [load[bisect_left(ends, at)] for at, _ in points]
        return shown


def _window(interval: Interval, endpoint: Endpoint) -> EndpointStats:
    return interval.window.total if endpoint == ALL else interval.window.endpoints.get(endpoint, EndpointStats())


def _requests(timeline: Sequence[Interval]) -> dict[str, list[int]]:
    """How many requests of each endpoint each interval has; the most asked first."""
    return _table(timeline, lambda i: {str(e): m.requests for e, m in i.window.endpoints.items() if m.requests})


def _failures(report: Report) -> dict[str, list[int]]:
    """By kind; requests that nobody answered failed when the load ended and cut them off."""
    cut_off = sum(row.failed for row in report.unanswered)
    at_the_end = next((i for i in reversed(report.timeline) if i.users), report.timeline[-1])

    def by_kind(interval: Interval) -> dict[str, int]:
        kinds: Counter[str] = Counter()
        for (_, kind), count in interval.failed.items():
            kinds[kind] += count
        if interval is at_the_end and cut_off:
            kinds[FailureKind.UNANSWERED.title] += cut_off
        return kinds

    return _table(report.timeline, by_kind)


MOST_PARTS = 14
"""Of a stacked chart; what is less frequent is told as one part."""


def _table(timeline: Sequence[Interval], read: Callable[[Interval], Mapping[str, int]]) -> dict[str, list[int]]:
    rows = [read(interval) for interval in timeline]
    totals: dict[str, int] = {}
    for row in rows:
        for name, count in row.items():
            totals[name] = totals.get(name, 0) + count
    names = sorted(totals, key=lambda name: -totals[name])
    table = {name: [row.get(name, 0) for row in rows] for name in names[:MOST_PARTS]}
    if len(names) > MOST_PARTS:
        table["others"] = [sum(row.get(name, 0) for name in names[MOST_PARTS:]) for row in rows]
    return table


def distribution(
    stats: EndpointStats,
    before: EndpointStats | None,
    limits: Sequence[Chart],
    names: tuple[str, str] = ("now", "baseline"),
) -> Chart:
    """Which share of the requests took how long, in buckets that grow with the time."""
    shares = [_shares(stats), *([_shares(before)] if before and before.requests else [])]
    first, last = min(min(each) for each in shares), max(max(each) for each in shares)
    buckets = range(first - 1, last + 2)
    return {
        "kind": "distribution",
        "title": "Distribution",
        "unit": "%",
        "x": [_short(10 ** (bucket / BUCKETS_PER_DECADE)) for bucket in buckets],
        "series": [
            _line(name, [each.get(bucket, 0.0) for bucket in buckets])
            for name, each in zip(names, shares, strict=False)
        ],
        "marks": [
            *({"at": stats.percentile_ms(share), "label": name} for name, share in PERCENTILES),
            *({**limit, "limit": True} for limit in limits),
        ],
    }


def _shares(stats: EndpointStats) -> dict[int, float]:
    """Percent of the requests by bucket; bucket n begins at 10 ** (n / BUCKETS_PER_DECADE) ms."""
    shares: dict[int, float] = {}
    total = sum(stats.times.values())
    for ms, count in stats.times.items():
        bucket = math.floor(math.log10(max(ms, 1)) * BUCKETS_PER_DECADE + 1e-9)
        shares[bucket] = shares.get(bucket, 0.0) + 100 * count / total
    return shares or {0: 0.0}


def _against_load(report: Report, points: Sequence[Point]) -> Chart:
    """Throughput and 95th percentile against users, or rate; where it stops following them, and the capacity."""
    curve, capacity = report.analysis.curve, report.analysis.capacity
    marks: list[Chart] = []
    if curve and curve.knee_users is not None:
        marks.append({"at": curve.knee_users, "label": "knee"})
    most = capacity and (capacity.users or capacity.asked_rps)
    broken = capacity and (capacity.first_broken_users or capacity.first_broken_rps)
    if most:
        marks.append({"at": most, "label": "capacity"})
    if broken:
        marks.append({"at": broken, "label": "breaks", "limit": True})
    plateau = curve and curve.plateau_rps
    return {
        "kind": "load",
        "title": f"Throughput and p95 against {'the rate' if report.rate else 'users'}",
        "unit": "req/s",
        "load": "req/s asked" if report.rate else "users",
        "x": [point.users for point in points],
        "series": [
            _line("throughput", [point.requests_per_second for point in points]),
            {**_line("p95", [point.p95_ms for point in points]), "unit": "ms", "right": True},
        ],
        "marks": marks,
        "limits": [{"at": plateau, "label": "plateau", "calm": True}] if plateau else [],
    }


def _line(label: str, values: Sequence[float | None]) -> Chart:
    return {"label": label, "y": [None if value is None else _short(value) for value in values]}


def _place(seconds: float) -> float:
    """On the axis of time; a day has more tenths of a second than `_short` would keep."""
    return round(seconds, 1)


def _short(value: float) -> float:
    """As many digits as a chart can show."""
    return float(f"{value:.5g}") if math.isfinite(value) else 0.0
