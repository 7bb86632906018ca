"""Seconds of the day that a worker is handed by the master: the times of its dishes are made from them."""

import logging

import gevent
from gevent.event import AsyncResult

from chaterload.run.protocol import LEASE_TIMEOUT_S, Channel, SecondRequest, SecondTaken

logger = logging.getLogger(__name__)


class RemoteSeconds:
    """Seconds that no other worker of the run has."""

    def __init__(self, channel: Channel, key: str) -> None:
        self.key = key
        self._channel = channel
        self._waiting: dict[int, AsyncResult] = {}
        self._requests = 0

    def take(self, day: int) -> int | None:
        """Ask the master for one, and wait for its answer."""
        self._requests += 1
        request, answer = self._requests, AsyncResult()
        self._waiting[request] = answer
        try:
            self._channel.send(SecondRequest(request, day))
            second: int | None = answer.get(timeout=LEASE_TIMEOUT_S)
        except gevent.Timeout:
            logger.error("The master handed out no times for dishes within %.0f s.", LEASE_TIMEOUT_S)
            return None
        finally:
            del self._waiting[request]
        return second

    def may_be_taken(self, day: int, second: int) -> bool:
        """Only the master knows which the other workers have."""
        return True

    def on_taken(self, taken: SecondTaken) -> None:
        """The master's answer; nobody else gets the second of a user that no longer waits."""
        if taken.request in self._waiting:
            self._waiting[taken.request].set(taken.second)
