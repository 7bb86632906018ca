"""The run as it went: one sample every few seconds, and the steps in which the users stayed the same. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from chaterload.judge.measure import ALL, Endpoint, Snapshot
from chaterload.judge.timeline import MOST_INTERVALS, Interval, Thinned

INTERVAL_S = 3.0
"""Between two samples: as often as workers report to their master."""

SHORTEST = 0.5
"""Of an interval. What is shorter belongs to the sample before: a single answer in it would be a thousand a second."""

MOST_BATCHES = 40
"""In a step. When there are so many, neighbours are joined: what a step costs does not grow with its length."""


Failed = Mapping[tuple[Endpoint, str], int]
"""Failures by endpoint and the title of their kind."""


@dataclass(frozen=True)
class Generator:
    """What the load generator itself takes: CPU of its busiest process in percent, memory of all in bytes."""

    cpu_percent: float = 0.0
    memory_bytes: float = 0


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
    failed: Failed = field(default_factory=dict)
    asked_rps: float | None = None
    """Requests per second that were asked for, at its end; None in a run by users."""

    @property
    def requests_per_second(self) -> float:
        return self.requests / self.seconds if self.seconds > 0 else 0.0

    @property
    def failures_per_second(self) -> float:
        return self.failures / self.seconds if self.seconds > 0 else 0.0


@dataclass(frozen=True)
class Batch:
    """A part of a step: one sample, or some neighbours together."""

    end: float
    """Seconds since the start of the run."""
    window: Snapshot
    generator: Generator = Generator()

    @property
    def start(self) -> float:
        return self.end - self.window.seconds

    @property
    def middle(self) -> float:
        return self.end - self.window.seconds / 2

    def joined(self, later: "Batch") -> "Batch":
        """Both as one; of the generator, the mean over the time."""
        window = self.window.joined(later.window)
        share = later.window.seconds / window.seconds if window.seconds else 0.0
        generator = Generator(
            self.generator.cpu_percent * (1 - share) + later.generator.cpu_percent * share,
            self.generator.memory_bytes * (1 - share) + later.generator.memory_bytes * share,
        )
        return Batch(later.end, window, generator)


@dataclass(frozen=True)
class Step:
    """A stretch of the run with the same number of users, its ramp left out; in one by rate, with the same rate."""

    users: int
    start: float
    """Seconds since the start of the run."""
    window: Snapshot
    batches: Sequence[Batch] = field(default=(), repr=False)
    """Its parts one after the other, of about the same length."""
    asked_rps: float | None = None
    """The requests per second that were asked for; None in a run by users."""

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
        self.wind_down: Sample | None = None
        """What was answered after the load had ended, while users finished and removed what they made."""
        self._begin = self._last = Snapshot({}, 0.0)
        """What was there when the last sample began, and when it ended."""
        self._failed_at_begin: Failed = {}
        self._failed: Failed = {}
        self._step_base: Snapshot | None = None
        self._asked_rps: float | None = None
        self._intervals = Thinned[Interval](MOST_INTERVALS)
        self._ending: list[Interval] = []
        self._batches = Thinned[Batch](MOST_BATCHES)

    @property
    def timeline(self) -> list[Interval]:
        """All of the run in at most MOST_INTERVALS parts, and its wind-down, if any, as the last one."""
        return [*self._intervals.all, *self._ending]

    @property
    def peak_users(self) -> int:
        return max((sample.users for sample in self.samples), default=0)

    def add(
        self,
        at: float,
        users: int,
        snapshot: Snapshot,
        *,
        target: int,
        generator: Generator | None = None,
        failed: Failed | None = None,
        in_flight: int = 0,
        asked_rps: float | None = None,
    ) -> None:
        """Take the snapshot at `at`, seconds since the start, with `users` running of the `target` to be reached.

        One that is not later than the last is dropped. `failed` are all failures since the start, `in_flight` is how
        many requests wait for an answer, `asked_rps` the rate that is asked for, in a run by rate.
        """
        if at <= self._last.seconds:
            return
        snapshot = replace(snapshot, seconds=at)
        window = snapshot.since(self._last)
        generator = generator or Generator()
        interval = Interval(at, window, users, in_flight, _new(self._failed, failed or {}), asked_rps)
        if self.samples and window.seconds < SHORTEST * INTERVAL_S:
            self.samples.pop()
            self._intervals.extend_last(interval)
        else:
            self._begin, self._failed_at_begin = self._last, self._failed
            self._intervals.add(interval)
        self._failed = failed or {}
        new = _new(self._failed_at_begin, self._failed)
        self.samples.append(_sample(at, users, snapshot.since(self._begin), generator, new, asked_rps))
        self._last = snapshot
        batch = Batch(at, window, generator)
        is_steady = users == target if asked_rps is None else asked_rps == self._asked_rps
        self._asked_rps = asked_rps
        self._follow_step(users, is_steady, snapshot, batch)

    def end(self, at: float, snapshot: Snapshot, failed: Failed | None = None) -> None:
        """Take the last snapshot, at `at`: what it holds beyond the last sample is no load, but how that ended."""
        window = replace(snapshot, seconds=at).since(self._last)
        self.wind_down = _sample(at, 0, window, Generator())
        ending = Interval(at, window, 0, 0, _new(self._failed, failed or {}))
        if window.seconds < SHORTEST * INTERVAL_S and (before := self._intervals.all):
            self._intervals.extend_last(replace(ending, users=before[-1].users, asked_rps=before[-1].asked_rps))
        else:
            self._ending = [ending]

    def _follow_step(self, users: int, is_steady: bool, snapshot: Snapshot, batch: Batch) -> None:
        """Begin a step once users or rate have reached their target, and extend it while they stay there."""
        rate = self._asked_rps
        if not is_steady or not users:
            self._step_base = None
        elif self._step_base is None or (rate is None and self.steps[-1].users != users):
            self._step_base, self._batches = snapshot, Thinned[Batch](MOST_BATCHES)
            self.steps.append(Step(users, snapshot.seconds, Snapshot({}, 0.0), asked_rps=rate))
        else:
            self._batches.add(batch)
            window = snapshot.since(self._step_base)
            self.steps[-1] = replace(self.steps[-1], window=window, batches=tuple(self._batches.all))


def _new(before: Failed, now: Failed) -> Failed:
    return {key: count - before.get(key, 0) for key, count in now.items() if count > before.get(key, 0)}


def _sample(
    at: float,
    users: int,
    window: Snapshot,
    generator: Generator,
    failed: Failed | None = None,
    asked_rps: float | None = None,
) -> Sample:
    total = window.total
    asked = {endpoint: m for endpoint, m in window.endpoints.items() if m.requests}
    if total.requests:
        asked[ALL] = total
    percentiles = {endpoint: (m.percentile_ms(0.5), m.percentile_ms(0.95)) for endpoint, m in asked.items()}
    return Sample(
        at, window.seconds, users, total.requests, total.failures, percentiles, generator, failed or {}, asked_rps
    )
