"""The capacity model: a fixed number of workers, and a queue in front of them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import perf_counter

import gevent
from gevent.event import AsyncResult

# Seconds by which timers and other requests may be late without a loss of capacity.
LATENESS = 0.02


class Workers:
    """At most `count` requests at once (None: no limit); the others wait, strictly first come, first served.

    A worker that is done hands over to the first in the queue itself, so that nobody can slip in between, as
    a semaphore would allow. The next one's work begins when the last one's was planned to end, not when the
    timer got to it: the capacity is `count` / service time, and not one or two milliseconds less.
    """

    def __init__(self, count: int | None) -> None:
        self._unlimited = count is None
        self._free = count or 0
        self._queue: deque[AsyncResult] = deque()

    @contextmanager
    def one(self, seconds: Callable[[int], float]) -> Iterator[float]:
        """Takes a worker and waits for `seconds(requests still waiting)`; gives when its work began."""
        began = self._take()
        delay = seconds(len(self._queue))
        try:
            if delay:
                gevent.sleep(max(began + delay - perf_counter(), 0))
            yield began
        finally:
            self._hand_over(max(began + delay, perf_counter() - LATENESS) if delay else perf_counter())

    def _take(self) -> float:
        if self._unlimited:
            return perf_counter()
        if self._free:
            self._free -= 1
            return perf_counter()
        turn = AsyncResult()
        self._queue.append(turn)
        began: float = turn.get()
        return began

    def _hand_over(self, planned: float) -> None:
        if self._queue:
            self._queue.popleft().set(planned)
        elif not self._unlimited:
            self._free += 1
