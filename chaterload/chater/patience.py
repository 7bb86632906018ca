"""One time limit for the whole of each answer, and one timer for all requests of a process.

Locust's own limits begin anew with every byte, so that an answer which trickles would never end; and a timer for each
wait costs 4 % of a request.
"""

import time
from typing import Any

import gevent

CHECK_EVERY_S = 1.0


class Patience:
    """Ends, as `with` statements, what takes longer than `seconds`, within CHECK_EVERY_S, by a gevent.Timeout."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._began: dict[Any, float] = {}
        """When each greenlet began to wait; the longest wait comes first."""
        self._timer: Any = None

    def __enter__(self) -> None:
        if self._timer is None:  # not earlier: workers are forked
            self._timer = gevent.get_hub().loop.timer(CHECK_EVERY_S, CHECK_EVERY_S, ref=False)
            self._timer.start(self._check)
        self._began[gevent.getcurrent()] = time.monotonic()

    def __exit__(self, *_: object) -> None:
        del self._began[gevent.getcurrent()]

    def _check(self) -> None:
        """Runs in the hub, where no greenlet can go on in between."""
        latest = time.monotonic() - self.seconds
        for greenlet, began in list(self._began.items()):
            if began > latest:
                return
            greenlet.throw(gevent.Timeout(self.seconds))
