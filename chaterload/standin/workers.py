"""The capacity model: a number of workers, and a queue in front of them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter

import gevent
from gevent.event import AsyncResult

# Seconds by which timers and other requests may be late without a loss of capacity.
LATENESS = 0.02


@dataclass
class Turn:
    """A request's time at a worker."""

    began: float
    """When its work began, which is when the worker was free."""
    waiting: int
    """How many were still in the queue then."""
    planned: float = 0.0
    """When its work is to end; 0 where it takes no time by plan."""

    def work(self, seconds: float) -> None:
        """Take so long, counted from the beginning."""
        if seconds:
            self.planned = self.began + seconds
            gevent.sleep(max(self.planned - perf_counter(), 0))


class Workers:
    """At most `limit()` requests at once (None: all of them); the others wait, first come, first served.

    A worker that is done hands over to the first in the queue itself, so that nobody can slip in between, as
    a semaphore would allow. The next one's work begins when the last one's was planned to end, not when the
    timer got to it: the capacity is `limit()` / service time, and not one or two milliseconds less.
    """

    def __init__(self, limit: Callable[[], int | None]) -> None:
        self._limit = limit
        self._busy = 0
        self._queue: deque[AsyncResult] = deque()

    @contextmanager
    def one(self) -> Iterator[Turn]:
        """Takes a worker; it is free again at the end of the block."""
        turn = self._take()
        try:
            yield turn
        finally:
            now = perf_counter()
            self._hand_over(max(turn.planned, now - LATENESS) if turn.planned else now)

    def _take(self) -> Turn:
        if not self._queue and self._has_room():
            self._busy += 1
            return Turn(perf_counter(), 0)
        ticket = AsyncResult()
        self._queue.append(ticket)
        began: float = ticket.get()
        return Turn(began, len(self._queue))

    def _hand_over(self, planned: float) -> None:
        self._busy -= 1
        while self._queue and self._has_room():
            self._busy += 1
            self._queue.popleft().set(planned)

    def _has_room(self) -> bool:
        limit = self._limit()
        return limit is None or self._busy < limit
