"""Names looked up once a second and not for every connection: Chater UI closes each after one answer."""

import time
from typing import Any

import gevent
from gevent.resolver.thread import Resolver

TTL_S = 1.0
"""Short enough that a service which moves is followed at once; k6's default is five minutes."""


class CachingResolver(Resolver):  # type: ignore[misc]  # gevent is not typed
    """gevent's own resolver, which asks a thread, with its answers kept for TTL_S."""

    def __init__(self) -> None:
        super().__init__(gevent.get_hub())
        self._answers: dict[tuple[Any, ...], tuple[float, Any]] = {}

    def getaddrinfo(self, *args: Any, **kwargs: Any) -> Any:
        """As socket.getaddrinfo. Failures are not kept."""
        key = (*args, *kwargs.items())
        until, answer = self._answers.get(key, (0.0, None))
        now = time.monotonic()
        if now >= until:
            answer = super().getaddrinfo(*args, **kwargs)
            self._answers[key] = (now + TTL_S, answer)
        return answer


def install() -> None:
    """Make it this process's resolver."""
    gevent.get_hub().resolver = CachingResolver()
