"""One time limit for the whole of each request, one timer for all requests of a process, and which of them are open.

A socket's own limits begin anew with every byte, so that an answer which trickles would never end; and a timer for each
wait costs 4 % of a request.
"""

import time
from collections.abc import Callable
from typing import Any, NamedTuple, Self

import gevent

CHECK_EVERY_S = 1.0


class OpenRequest(NamedTuple):
    """A request that was begun and is not answered."""

    method: str
    path: str
    began: float
    """As time.monotonic tells it."""


class DeadlineExceeded(gevent.Timeout):  # type: ignore[misc]  # gevent is not typed
    """A request took longer than it may."""


class RequestDeadline:
    """Total time per request, connecting and transfer included. `with deadline.of(method, path):` ends what takes
    longer than `seconds`, within CHECK_EVERY_S, by DeadlineExceeded."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._open: dict[Any, OpenRequest] = {}
        """By the greenlet that waits; the longest wait comes first."""
        self._timer: Any = None
        self.on_check: Callable[[], object] = lambda: None
        """Called every CHECK_EVERY_S, from the first request on."""

    def open_requests(self) -> list[OpenRequest]:
        """What this process waits for, the longest wait first."""
        return list(self._open.values())

    def open_count(self) -> int:
        """How many these are."""
        return len(self._open)

    def of(self, method: str, path: str) -> Self:
        """The running greenlet begins a request."""
        if self._timer is None:  # not earlier: workers are forked
            self._timer = gevent.get_hub().loop.timer(CHECK_EVERY_S, CHECK_EVERY_S, ref=False)
            self._timer.start(self._check)
        self._open[gevent.getcurrent()] = OpenRequest(method, path, time.monotonic())
        return self

    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None:
        del self._open[gevent.getcurrent()]

    def _check(self) -> None:
        """Runs in the hub, where no greenlet can go on in between."""
        self.on_check()
        latest = time.monotonic() - self.seconds
        for greenlet, request in list(self._open.items()):
            if request.began > latest:
                return
            greenlet.throw(DeadlineExceeded(self.seconds))
