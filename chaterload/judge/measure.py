"""What was measured, as counts that add up: for each endpoint and for all of them. Pure."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

Z_99 = 2.576
"""Standard deviations either side that hold 99 % of a normal distribution."""


Time = TypeVar("Time", bound=float)
Count = TypeVar("Count", bound=float)


@dataclass(frozen=True)
class Endpoint:
    """A row of the statistics. `ALL` stands for all requests together."""

    method: str
    path: str

    def __str__(self) -> str:
        return f"{self.method} {self.path}".strip()


ALL = Endpoint("", "all requests")


@dataclass(frozen=True)
class EndpointStats:
    """The requests to one endpoint.

    `times` maps a response time in ms, rounded to three significant digits, to how many requests took it. Failed
    requests are in it too: they took their time.
    """

    requests: int = 0
    failures: int = 0
    times: Mapping[int, int] = field(default_factory=dict)
    total_ms: float = 0.0
    max_ms: float = 0.0
    unanswered: int = 0
    """How many of the failures are requests that nobody answered; their times are lower bounds."""

    @property
    def answered(self) -> int:
        return self.requests - self.unanswered

    @property
    def failure_ratio(self) -> float:
        return self.failures / self.requests if self.requests else 0.0

    @property
    def average_ms(self) -> float:
        return self.total_ms / self.requests if self.requests else 0.0

    def percentile_ms(self, share: float) -> float:
        """The smallest time that at least `share` (0 to 1) of the requests took at most. 0 without requests."""
        return percentile(self.times, share)

    def percentile_interval_ms(self, share: float) -> tuple[float, float]:
        """Between which times the true percentile lies, at 99 % confidence, if requests were independent.

        The rank of a percentile among n requests is binomial, so the interval runs from the rank n*p - z*s to
        n*p + z*s with s = sqrt(n * p * (1 - p)).
        """
        n = sum(self.times.values())
        if not n:
            return 0.0, 0.0
        spread = Z_99 * math.sqrt(share * (1 - share) / n)
        return percentile(self.times, max(0.0, share - spread)), percentile(self.times, min(1.0, share + spread))

    def since(self, earlier: "EndpointStats") -> "EndpointStats":
        """What came after `earlier`, a measurement of the same endpoint in the same run.

        The maximum is that of the time buckets, because a maximum does not subtract.
        """
        before = earlier.times.get
        times = {time: count - before(time, 0) for time, count in self.times.items() if count > before(time, 0)}
        return EndpointStats(
            max(0, self.requests - earlier.requests),
            max(0, self.failures - earlier.failures),
            times,
            max(0.0, self.total_ms - earlier.total_ms),
            max(times, default=0),
            max(0, self.unanswered - earlier.unanswered),
        )


def percentile(times: Mapping[Time, Count], share: float) -> float:
    """See EndpointStats.percentile_ms. `times` maps ms to counts, or to weights, whose sum is rounded."""
    enough = share * sum(times.values()) * (1 - 1e-12)
    seen = 0.0
    for time in sorted(times):
        seen += times[time]
        if seen >= enough:
            return float(time)
    return 0.0


def add_up(measurements: Iterable[EndpointStats]) -> EndpointStats:
    """All of them as one."""
    times: dict[int, int] = {}
    requests = failures = unanswered = 0
    total = longest = 0.0
    for measurement in measurements:
        requests += measurement.requests
        failures += measurement.failures
        unanswered += measurement.unanswered
        for time, count in measurement.times.items():
            times[time] = times.get(time, 0) + count
        total += measurement.total_ms
        longest = max(longest, measurement.max_ms)
    return EndpointStats(requests, failures, times, total, longest, unanswered)


@dataclass(frozen=True)
class Snapshot:
    """Everything measured from the start of a run until a moment."""

    endpoints: Mapping[Endpoint, EndpointStats]
    seconds: float
    """From the start to the last request."""

    @property
    def total(self) -> EndpointStats:
        return add_up(self.endpoints.values())

    @property
    def requests_per_second(self) -> float:
        return self.total.answered / self.seconds if self.seconds > 0 else 0.0

    def since(self, earlier: "Snapshot") -> "Snapshot":
        """The window from `earlier` to this one, of the same run."""
        nothing = EndpointStats()
        window = {
            endpoint: measurement.since(earlier.endpoints.get(endpoint, nothing))
            for endpoint, measurement in self.endpoints.items()
        }
        return Snapshot(window, max(0.0, self.seconds - earlier.seconds))

    def joined(self, later: "Snapshot") -> "Snapshot":
        """This window and a later one as one, without what lies between them."""
        nothing = EndpointStats()
        endpoints = {
            endpoint: add_up([self.endpoints.get(endpoint, nothing), later.endpoints.get(endpoint, nothing)])
            for endpoint in {**self.endpoints, **later.endpoints}
        }
        return Snapshot(endpoints, self.seconds + later.seconds)


def round_to_3_significant(milliseconds: float) -> int:
    """A response time in ms, rounded to three significant digits and to whole ms: at most 0.5 % off, or 0.5 ms.

    There are at most 900 values a decade. Locust's own rounding to two digits is up to 5 % off, which is more than
    an objective may be missed by.
    """
    if milliseconds < 1_000:
        return round(milliseconds)
    if milliseconds < 10_000:
        return round(milliseconds / 10) * 10
    if milliseconds < 100_000:
        return round(milliseconds / 100) * 100
    return round(milliseconds / 1_000) * 1_000
