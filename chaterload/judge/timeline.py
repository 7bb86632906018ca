"""The run in a few hundred intervals, each with all that was measured in it: what charts are drawn from. Pure."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

from chaterload.judge.measure import Endpoint, Snapshot

MOST_INTERVALS = 240
"""When there are so many, neighbours are joined: memory and page do not grow with the run."""


class _Joinable(Protocol):
    def joined(self, later: Any) -> Any: ...


T = TypeVar("T", bound=_Joinable)


class Thinned(Generic[T]):
    """Parts one after the other. When there are `most`, neighbours are joined, and from then on as many to a part."""

    def __init__(self, most: int) -> None:
        """`most` is even."""
        self.all: list[T] = []
        self._most = most
        self._size = 1
        self._in_last = 0

    def add(self, part: T) -> None:
        if self.all and self._in_last < self._size:
            self.extend_last(part)
            self._in_last += 1
            return
        if len(self.all) == self._most:
            self.all = [one.joined(other) for one, other in zip(self.all[::2], self.all[1::2], strict=True)]
            self._size *= 2
        self.all.append(part)
        self._in_last = 1

    def extend_last(self, part: T) -> None:
        """Join it to the last part, whatever that holds already."""
        self.all[-1] = self.all[-1].joined(part)


@dataclass(frozen=True)
class Interval:
    """What was answered between two moments of a run."""

    end: float
    """Seconds since the start of the run."""
    window: Snapshot
    users: int
    """At its end."""
    in_flight: int = 0
    """The most requests that waited for an answer whenever that was looked at."""
    failed: Mapping[tuple[Endpoint, str], int] = field(default_factory=dict)
    """By endpoint and the title of their kind."""
    asked_rps: float | None = None
    """Requests per second that were asked for, at its end; None in a run by users."""

    def joined(self, later: "Interval") -> "Interval":
        failed = dict(Counter(self.failed) + Counter(later.failed))
        waiting = max(self.in_flight, later.in_flight)
        return Interval(later.end, self.window.joined(later.window), later.users, waiting, failed, later.asked_rps)
