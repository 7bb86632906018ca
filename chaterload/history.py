"""The run as it went: one sample every few seconds. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from chaterload.measure import ALL, Endpoint, Snapshot

INTERVAL_S = 3.0
"""Between two samples: as often as workers report to their master."""


@dataclass(frozen=True)
class Sample:
    """What happened between the sample before and this one."""

    at: float
    """Seconds since the start of the run, at the end of the sample."""
    seconds: float
    """How long it is."""
    users: int
    requests: int
    failures: int
    percentiles: Mapping[Endpoint, tuple[float, float]]
    """Median and 95th percentile in ms, of the endpoints that were asked and of ALL."""

    @property
    def requests_per_second(self) -> float:
        return self.requests / self.seconds if self.seconds > 0 else 0.0

    @property
    def failures_per_second(self) -> float:
        return self.failures / self.seconds if self.seconds > 0 else 0.0


class History:
    """Turns snapshots, each since the start of the run, into samples."""

    def __init__(self) -> None:
        self.samples: list[Sample] = []
        self._last = Snapshot({}, 0.0)

    @property
    def peak_users(self) -> int:
        return max((sample.users for sample in self.samples), default=0)

    def add(self, at: float, users: int, snapshot: Snapshot) -> None:
        """Take the snapshot at `at`, seconds since the start. One that is not later than the last is dropped."""
        before = self.samples[-1].at if self.samples else 0.0
        if at <= before:
            return
        window = snapshot.since(self._last)
        total = window.total
        asked = {endpoint: m for endpoint, m in window.endpoints.items() if m.requests}
        if total.requests:
            asked[ALL] = total
        percentiles = {endpoint: (m.percentile_ms(0.5), m.percentile_ms(0.95)) for endpoint, m in asked.items()}
        self.samples.append(Sample(at, at - before, users, total.requests, total.failures, percentiles))
        self._last = snapshot
