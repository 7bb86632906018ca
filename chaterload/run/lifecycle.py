"""One run from its start to its verdict: its phase, its clock, and what was noted on the way."""

import time
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from chaterload.chater.load_context import LoadContext
from chaterload.judge.history import History
from chaterload.load.rates import ArrivalPlan, AskedRate
from chaterload.load.shapes import NamedShape

EARLY_S = 0.5
"""A run that ends this much before its time is complete: timers are not exact."""


class Phase(StrEnum):
    """Where a process stands between two verdicts."""

    IDLE = "idle"
    CHECKING = "checking"
    RUNNING = "running"
    STOPPING = "stopping"
    JUDGED = "judged"

    @property
    def allows_a_start(self) -> bool:
        return self in (Phase.IDLE, Phase.JUDGED)


@dataclass(frozen=True)
class Prepared:
    """What a check found, so that a run can start. Whatever takes time has been done."""

    run_id: str
    host: str
    shared: LoadContext | None
    """What the users of this process share; None on a master, which has no users."""
    server_before: list[str]
    """The server's /metrics, a page for each of its processes; empty where it has none."""
    plan: ArrivalPlan | None = None
    """How tasks arrive; None in a run by users."""


def new_run_id() -> str:
    """Tells a run from the one before, on all processes."""
    return uuid.uuid4().hex


@dataclass
class Run:
    """A run that has begun. Its length is that of a clock which nobody can set."""

    prepared: Prepared
    workers: int = 0
    """0 in a run of one process."""
    shape: NamedShape | None = None
    history: History = field(default_factory=History)
    generator_broken: list[str] = field(default_factory=list)
    """Why its figures prove nothing, as far as it was seen on the way."""
    unproven: list[str] = field(default_factory=list)
    """What it should have shown and did not, as far as it was seen on the way."""
    missed: list[str] = field(default_factory=list)
    """Why it was stopped early, as the failure that it is."""
    server_after: list[str] = field(default_factory=list)
    """The same when the load had ended."""
    is_cleaned: bool = False
    """What the users left was removed, as far as it could be."""
    is_concluding: bool = False
    """Its users have stopped, and it is being judged."""
    interrupted: bool = False
    """A signal ended it."""
    shown: bool = False
    """Its verdict was printed."""
    asked: AskedRate = field(default_factory=AskedRate)
    """The requests per second that were asked for; none in a run by users."""
    start: datetime = field(default_factory=lambda: datetime.now(UTC))

    _began: float = field(default_factory=lambda: time.monotonic(), init=False)
    _ended: float | None = field(default=None, init=False)
    _offset: float = field(default_factory=lambda: time.time() - time.monotonic(), init=False)

    def finish(self) -> None:
        """The users are about to be stopped. Only the first call counts."""
        if self._ended is None:
            self._ended = time.monotonic()

    def note_early_end(self, run_time: float | None) -> None:
        """Say when the run ended before its strategy's end, or before `run_time`, in s, was over."""
        if self.shape and not self.shape.finished and not self.missed:
            self.unproven.append(f"{self.shape.name} was ended after {self.seconds:.0f} s, before its own end")
        elif not self.shape and not self.missed and run_time and self.seconds < run_time - EARLY_S:
            how = "cut short by a signal" if self.interrupted else "ended before its time was over,"
            self.unproven.append(f"{how} after {self.seconds:.0f} s of {run_time:.0f} s")

    @property
    def by_rate(self) -> bool:
        """Whether tasks begin by arrivals, and not when users have thought."""
        return self.prepared.plan is not None

    @property
    def finished(self) -> bool:
        return self._ended is not None

    @property
    def span(self) -> tuple[float, float]:
        """From when until when there was load, in monotonic seconds."""
        return self._began, self._began + self.seconds

    @property
    def seconds(self) -> float:
        """How long the load has lasted so far, or lasted in all."""
        return (time.monotonic() if self._ended is None else self._ended) - self._began

    @property
    def elapsed(self) -> float:
        """Seconds since the start, those in which it winds down included."""
        return time.monotonic() - self._began

    @property
    def end(self) -> datetime:
        """Now, while it goes on."""
        return self.start + timedelta(seconds=self.seconds)

    @property
    def clock_set_by(self) -> float:
        """By how many seconds somebody set the clock since the start; Locust's own times follow it."""
        return time.time() - time.monotonic() - self._offset
