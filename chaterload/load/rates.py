"""A rate of requests: how it is written, how processes share it, and how many users it takes. Pure."""

import math
import re
from collections.abc import Collection
from dataclasses import dataclass

from chaterload.load.arrivals import Kind

HIGHEST = 100_000.0
"""Requests per second. Forty cores make so many, and a slip of the hand must end before the machine does."""

LOWEST = 1 / 3600
RATE_SHAPE = (
    f"requests per second, such as 75, or per minute or hour, such as 4500/m; above 0, at most {HIGHEST:,.0f}/s"
)

_WRITTEN = re.compile(r"(\d{1,12}(?:\.\d{1,12})?|\.\d{1,12})\s*(?:/\s*(s|m|min|h))?", re.ASCII)
_SECONDS = {None: 1, "s": 1, "m": 60, "min": 60, "h": 3600}

REACTION_S = 0.1
"""In so long a time, a user that is missing is started and has its account, also on a worker that asks its master."""


@dataclass(frozen=True)
class ArrivalPlan:
    """What a run by rate is told besides the rate."""

    kind: Kind
    seed: int | None
    """None for other arrivals in each run."""
    most_users: int
    """Of each process."""
    process: int = 0
    """A number that no other process of the run has."""

    @property
    def own_seed(self) -> int | None:
        """Each process has its own: the same one twice would make arrivals in pairs."""
        return None if self.seed is None else self.seed * 1_000_003 + self.process


class AskedRate:
    """What is asked for over a run: the rate of now, and how many requests in all."""

    def __init__(self) -> None:
        self.now = 0.0
        """Requests per second."""
        self._requests = 0.0
        self._since = 0.0

    def ask(self, at: float, rate: float) -> None:
        """From `at`, seconds since the start, it is `rate`."""
        self._requests = self.requests(at)
        self._since, self.now = at, rate

    def requests(self, at: float) -> float:
        """How many were asked for until `at`."""
        return self._requests + self.now * max(0.0, at - self._since)


def parse_rate(text: str) -> float:
    """Requests per second of a text such as `75` or `4500/m`. ValueError, as the end of a sentence, when it is none."""
    found = _WRITTEN.fullmatch(text.strip())
    rate = float(found[1]) / _SECONDS[found[2]] if found else math.nan
    if not LOWEST <= rate <= HIGHEST:
        raise ValueError(f"is {text[:40]!r}. Expected {RATE_SHAPE}.")
    return rate


def shares(rate: float, workers: Collection[str]) -> dict[str, float]:
    """An equal part of the rate for each: the sum of independent Poisson processes is one of the summed rates."""
    return {worker: rate / len(workers) for worker in workers}


def reserve(tasks_per_second: float) -> int:
    """How many users have to be idle, so that an arrival finds one while others are being started.

    So many arrive in REACTION_S, and three standard deviations of a Poisson count more.
    """
    expected = tasks_per_second * REACTION_S
    return math.ceil(expected + 3 * math.sqrt(expected)) + 2


def users_to_start(users: int, *, busy: int, idle: int, waiting: int, tasks_per_second: float, most_users: int) -> int:
    """How many more users it takes now.

    By Little's law as many are busy as arrive in the time that a task takes: that is seen, and needs no forecast. Those
    that arrivals are `waiting` for, and the reserve, come on top; `users` who are neither busy nor idle will be soon.
    """
    coming = max(0, users - busy - idle)
    return max(0, min(reserve(tasks_per_second) + waiting - idle - coming, most_users - users))
