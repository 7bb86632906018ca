"""The run as it went: one sample every few seconds, and the steps in which the users stayed the same. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from chaterload.judge.measure import ALL, Endpoint, Snapshot

INTERVAL_S = 3.0
"""Between two samples: as often as workers report to their master."""


@dataclass(frozen=True)
class Generator:
    """What the load generator itself takes: CPU of its busiest process in percent, memory of all in bytes."""

    cpu_percent: float = 0.0
    memory_bytes: int = 0


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
    generator: Generator = Generator()

    @property
    def requests_per_second(self) -> float:
        return self.requests / self.seconds if self.seconds > 0 else 0.0

    @property
    def failures_per_second(self) -> float:
        return self.failures / self.seconds if self.seconds > 0 else 0.0


@dataclass(frozen=True)
class Step:
    """A stretch of the run with the same number of users, its ramp left out."""

    users: int
    start: float
    """Seconds since the start of the run."""
    window: Snapshot

    @property
    def requests_per_second(self) -> float:
        return self.window.requests_per_second

    @property
    def p95_ms(self) -> float:
        return self.window.total.percentile_ms(0.95)


class History:
    """Turns snapshots, each since the start of the run, into samples and steps."""

    def __init__(self) -> None:
        self.samples: list[Sample] = []
        self.steps: list[Step] = []
        self._last = Snapshot({}, 0.0)
        self._step_base: Snapshot | None = None

    @property
    def peak_users(self) -> int:
        return max((sample.users for sample in self.samples), default=0)

    def add(
        self, at: float, users: int, snapshot: Snapshot, *, target: int, generator: Generator | None = None
    ) -> None:
        """Take the snapshot at `at`, seconds since the start, with `users` running of the `target` to be reached.

        One that is not later than the last is dropped.
        """
        before = self.samples[-1].at if self.samples else 0.0
        if at <= before:
            return
        window = snapshot.since(self._last)
        total = window.total
        asked = {endpoint: m for endpoint, m in window.endpoints.items() if m.requests}
        if total.requests:
            asked[ALL] = total
        percentiles = {endpoint: (m.percentile_ms(0.5), m.percentile_ms(0.95)) for endpoint, m in asked.items()}
        self.samples.append(
            Sample(at, at - before, users, total.requests, total.failures, percentiles, generator or Generator())
        )
        self._last = snapshot
        self._follow_step(at, users, target, replace(snapshot, seconds=at))

    def _follow_step(self, at: float, users: int, target: int, snapshot: Snapshot) -> None:
        """Begin a step once the users have reached their target, and extend it while they stay there."""
        if users != target or not users:
            self._step_base = None
        elif self._step_base is None or self.steps[-1].users != users:
            self._step_base = snapshot
            self.steps.append(Step(users, at, Snapshot({}, 0.0)))
        else:
            self.steps[-1] = replace(self.steps[-1], window=snapshot.since(self._step_base))
