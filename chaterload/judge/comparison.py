"""Two windows of requests compared: is the later one slower, or does it fail more, than chance explains? Pure.

Three questions of each endpoint, and of all together with endpoints as strata, so that a changed mix is no change:
do the response times rank higher (a typical answer is slower), are more of them among the slowest (a percentile is
higher), and do more requests fail? The times before are first raised by a tolerance, so that only more than it counts.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from chaterload.judge.dependence import SLOW_SHARE, Dependence
from chaterload.judge.measure import ALL, Endpoint, EndpointStats, percentile
from chaterload.judge.numbers import change, milliseconds, percent
from chaterload.judge.significance import (
    FALSE_ALARM,
    Table,
    allow_for_dependence,
    stratified_excess,
    stratified_ranks,
)

MIN_REQUESTS = 10
"""For an endpoint to be compared by itself. Of fewer against as few, not even a rank test without any overlap would be
significant among the dozens of questions that are asked; with all requests together they still count."""

ROUNDING_MS = 1.0
"""Times are rounded to whole milliseconds, on both sides."""


@dataclass(frozen=True)
class Window:
    """What was measured in some time, and how much requests depended on each other in it."""

    endpoints: Mapping[Endpoint, EndpointStats]
    dependence: Dependence = field(default_factory=Dependence)


@dataclass(frozen=True)
class Tolerance:
    """How much slower is still the same: by a share, and by so many milliseconds."""

    share: float = 0.0
    ms: float = ROUNDING_MS

    def raised(self, times: Mapping[int, int]) -> dict[float, int]:
        """The times, so much slower."""
        return {time * (1 + self.share) + self.ms: count for time, count in times.items()}


@dataclass(frozen=True)
class Comparison:
    """One endpoint, or all of them, before and now. Of all, the figures before are those of the mix of now."""

    endpoint: Endpoint
    requests_before: int
    requests_now: int
    median_before_ms: float
    median_now_ms: float
    p95_before_ms: float
    p95_now_ms: float
    failure_ratio_before: float
    failure_ratio_now: float
    slower: bool = False
    """A typical answer is."""
    slower_tail: bool = False
    """The slowest answers are."""
    fails_more: bool = False
    too_few: bool = False
    """There were fewer than MIN_REQUESTS in one of the two, so that the three above could not be asked."""

    @property
    def worse(self) -> bool:
        return self.slower or self.slower_tail or self.fails_more

    @property
    def growth(self) -> float:
        """Of the 95th percentile: 0.1 is 10 % slower."""
        return self.p95_now_ms / self.p95_before_ms - 1 if self.p95_before_ms else 0.0

    @property
    def word(self) -> str:
        """What came of it, as a table has it; nothing where nothing got worse."""
        if self.too_few:
            return f"too few ({min(self.requests_before, self.requests_now)} of {MIN_REQUESTS})"
        return "worse" if self.worse else ""

    @property
    def evidence(self) -> str:
        """What got worse: `median 80 ms -> 120 ms (+50 %), failures 0.1 % -> 2 %`."""
        parts = []
        if self.slower:
            parts.append(_grown("median", self.median_before_ms, self.median_now_ms))
        if self.slower_tail:
            parts.append(_grown("p95", self.p95_before_ms, self.p95_now_ms))
        if self.fails_more:
            parts.append(f"failures {percent(self.failure_ratio_before)} -> {percent(self.failure_ratio_now)}")
        return ", ".join(parts)

    def __str__(self) -> str:
        return f"{self.endpoint} {'are' if self.endpoint == ALL else 'is'} worse than the baseline: {self.evidence}"


def _grown(name: str, before: float, now: float) -> str:
    text = f"{name} {milliseconds(before)} -> {milliseconds(now)}"
    return f"{text} ({change(now / before - 1)})" if before else text


def compare_windows(before: Window, now: Window, tolerance: Tolerance) -> list[Comparison]:
    """All requests together, then each endpoint that both asked; nothing where there is none.

    The probability that any of them is called worse when nothing changed is at most FALSE_ALARM: each question gets
    its share of that.
    """
    common = [e for e, m in now.endpoints.items() if _was_timed(m) and _was_timed(before.endpoints.get(e))]
    if not common:
        return []
    groups = {ALL: common} | {endpoint: [endpoint] for endpoint in common}
    enough = [group for group, endpoints in groups.items() if _is_enough(before, now, endpoints)]
    limit = FALSE_ALARM / (3 * len(enough)) if enough else 0.0
    return [
        _Pair(group, endpoints, before, now).compare(tolerance, limit if group in enough else 0.0)
        for group, endpoints in groups.items()
    ]


def _was_timed(measurement: EndpointStats | None) -> bool:
    """Whether there is anything to compare: an earlier file may count requests and have no times, or the reverse."""
    return bool(measurement and measurement.requests and measurement.times)


def _is_enough(before: Window, now: Window, endpoints: Iterable[Endpoint]) -> bool:
    return all(sum(w.endpoints[e].requests for e in endpoints) >= MIN_REQUESTS for w in (before, now))


class _Pair:
    """Some endpoints in both windows."""

    def __init__(self, group: Endpoint, endpoints: Sequence[Endpoint], before: Window, now: Window) -> None:
        self._group = group
        self._windows = before, now
        self._pairs = [(before.endpoints[endpoint], now.endpoints[endpoint]) for endpoint in endpoints]
        self._before = sum(m.requests for m, _ in self._pairs)
        self._now = sum(m.requests for _, m in self._pairs)

    def compare(self, tolerance: Tolerance, limit: float) -> Comparison:
        """Worse is what has a p value below `limit`; with 0 there is too little to compare."""
        before, now = self._same_mix()
        ratio_before = sum(b.failure_ratio * n.requests for b, n in self._pairs) / self._now
        ratio_now = sum(n.failures for _, n in self._pairs) / self._now
        raised = (
            [
                (tolerance.raised(b.times), {float(time): count for time, count in n.times.items()})
                for b, n in self._pairs
            ]
            if limit
            else []
        )
        return Comparison(
            self._group,
            self._before,
            self._now,
            percentile(before, 0.5),
            percentile(now, 0.5),
            percentile(before, 0.95),
            percentile(now, 0.95),
            ratio_before,
            ratio_now,
            slower=self._p(stratified_ranks(raised), "ranks") < limit,
            slower_tail=self._p(stratified_excess(_slow_table(*pair) for pair in raised), "slowest") < limit,
            fails_more=ratio_now > ratio_before * (1 + tolerance.share)
            and self._p(stratified_excess(_failure_table(*pair) for pair in self._pairs), "failures") < limit,
            too_few=not limit,
        )

    def _same_mix(self) -> tuple[dict[int, float], dict[int, float]]:
        """The times before, as if each endpoint had been asked as often as now, and the times now."""
        before: dict[int, float] = {}
        now: dict[int, float] = {}
        for b, n in self._pairs:
            for time, count in b.times.items():
                before[time] = before.get(time, 0.0) + count * n.requests / b.requests
            for time, count in n.times.items():
                now[time] = now.get(time, 0.0) + count
        return before, now

    def _p(self, independent: float, kind: str) -> float:
        """With the factors of both windows, each weighted by its share of the variance of their difference."""
        before, now = (getattr(window.dependence.of(self._group), kind) for window in self._windows)
        factor = (before * self._now + now * self._before) / (self._before + self._now)
        return allow_for_dependence(independent, factor, min(w.dependence.freedom for w in self._windows))


def as_floats(times: Mapping[int, int]) -> dict[float, int]:
    """The same times, beside those that were raised."""
    return {float(time): count for time, count in times.items()}


def _slow_table(before: Mapping[float, int], now: Mapping[float, int]) -> Table:
    """How many are among the slowest of both."""
    both: dict[float, int] = dict(before)
    for time, count in now.items():
        both[time] = both.get(time, 0) + count
    limit = percentile(both, 1 - SLOW_SHARE)
    return Table(_above(before, limit), sum(before.values()), _above(now, limit), sum(now.values()))


def _above(times: Mapping[float, int], limit: float) -> int:
    return sum(count for time, count in times.items() if time > limit)


def _failure_table(before: EndpointStats, now: EndpointStats) -> Table:
    return Table(before.failures, before.requests, now.failures, now.requests)
