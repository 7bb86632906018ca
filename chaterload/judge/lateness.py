"""Arrivals of a run by rate: how many there were, how many began too late, and why. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from chaterload.judge.numbers import milliseconds, percent, plain, rate

LATE_MS = 100.0
"""From here on an arrival is late. Less is in its response time too, and no more than a busy machine's pauses."""

INVALID_FROM = 0.01
"""Share of late arrivals from which a run was not the one that was asked for."""


@dataclass(frozen=True)
class Arrivals:
    """Of all processes, or of one."""

    arrivals: int = 0
    """Tasks that were due."""
    late: int = 0
    late_by_server: int = 0
    """Those of them that had to wait since all users that may be there were in a task, most waiting for an answer."""
    latest_ms: float = 0.0
    waiting: int = 0
    """Arrivals that are due and have no user yet."""
    idle: int = 0
    """Users that wait for an arrival."""
    late_by_pool: int = 0
    """Those that had to wait since all users that may be there were in a task, most waiting for no answer."""

    @property
    def late_ratio(self) -> float:
        return self.late / self.arrivals if self.arrivals else 0.0

    @property
    def late_by_generator(self) -> int:
        return self.late - self.late_by_server - self.late_by_pool

    def joined(self, other: "Arrivals") -> "Arrivals":
        """Both as one."""
        return Arrivals(
            self.arrivals + other.arrivals,
            self.late + other.late,
            self.late_by_server + other.late_by_server,
            max(self.latest_ms, other.latest_ms),
            self.waiting + other.waiting,
            self.idle + other.idle,
            self.late_by_pool + other.late_by_pool,
        )


def add_up_arrivals(reports: Iterable[Mapping[str, Any]]) -> Arrivals | None:
    """Those of all processes; None in a run that is not by rate."""
    total: Arrivals | None = None
    for report in reports:
        if told := report.get("arrivals"):
            one = Arrivals(**told)
            total = one if total is None else total.joined(one)
    return total


_GENERATOR = "the load generator was the cause, it was too busy or stood still; spread the rate over workers"
_CAUSES = (
    _GENERATOR,
    "the server was the cause, all users that may be there (--rate-users) waited for its answers",
    "the bound on users (--rate-users) was the cause, all of them were in tasks and most waited for no answer",
)
"""In the order of `counts` below; of equal ones the first is told."""


def late_because(arrivals: Arrivals | None) -> tuple[list[str], list[str]]:
    """Sentences, none or one, on why so many were late: the generator's doing, and what is not."""
    if arrivals is None or arrivals.late_ratio < INVALID_FROM:
        return [], []
    told = f"{plain(arrivals.late)} of {plain(arrivals.arrivals)} arrivals ({percent(arrivals.late_ratio)}) were late, "
    told += f"the latest by {milliseconds(arrivals.latest_ms)}: "
    counts = arrivals.late_by_generator, arrivals.late_by_server, arrivals.late_by_pool
    cause = _CAUSES[counts.index(max(counts))]
    return ([f"{told}{cause}"], []) if cause == _GENERATOR else ([], [f"{told}{cause}"])


@dataclass(frozen=True)
class RateFigures:
    """What a run by rate was asked for, and what came of it."""

    asked_rps: float
    """The mean over the load."""
    reached_rps: float
    """What the objective requests_per_second judges: answered requests over the time until the last answer."""
    arrivals: Arrivals

    def __str__(self) -> str:
        """`asked 75.0 req/s, reached 74.8 req/s; 2,413 arrivals, 3 late (0.12 %), the latest by 120 ms`."""
        of = self.arrivals
        text = f"asked {rate(self.asked_rps)}, reached {rate(self.reached_rps)}; "
        text += f"{plain(of.arrivals)} arrivals, {plain(of.late)} late ({percent(of.late_ratio)})"
        return f"{text}, the latest by {milliseconds(of.latest_ms)}"
