"""How long the stand-in works on a request: pure arithmetic and seeded noise, in milliseconds."""

from __future__ import annotations

from collections import deque
from random import Random

from chaterload.chater import routes
from chaterload.standin.options import Options

# Medians of the documentation's sample report; what is not in it takes what it takes on an idle server.
DOCUMENTED_MEDIANS = {
    routes.PHOTO.path: 3100.0,
    routes.MODIFY.path: 420.0,
    routes.WEIGHT.path: 260.0,
    routes.TODAY.path: 800.0,
    routes.DELETE.path: 480.0,
}
POLL = 500.0
"""Whoever waits for the food backend asks Redis every half a second: no such answer comes sooner."""
IDLE = {
    routes.PHOTO.path: 600.0,
    routes.WEIGHT.path: 6.0,
    routes.SIGN_IN.path: 6.0,
    routes.PHOTO_FILE.path: 6.0,
    routes.TOKEN_CHECK.path: 10.0,
}
"""As measured on a running server with one user; the others take one poll."""
IDLE_POLL = 510.0
NOISE = 0.15  # sigma of the lognormal noise: nine of ten answers within about 25 % of the median
MOST_NOISE = 1.5  # no answer takes more than half as long again
KEPT = 200_000


class Delays:
    """Draws each request's delay and remembers it, so that true percentiles can be told."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._random = Random(f"{options.seed} delays")
        self.used: deque[tuple[str, float]] = deque(maxlen=KEPT)

    def next(self, path: str, minutes: float, waiting: int) -> float:
        """The delay of a request to `path`, `minutes` after the first, with `waiting` others in the queue."""
        options = self._options
        delay = self._latency(path) + options.slow.get(path, 0.0) + options.leak * minutes
        delay += options.service_ms * (1 + options.degrade * waiting)
        self.used.append((path, delay))
        return delay

    def _latency(self, path: str) -> float:
        if self._options.latency == "none":
            return self._options.latency_ms
        idle = IDLE.get(path, IDLE_POLL)
        if self._options.latency == "idle":
            return idle
        drawn = DOCUMENTED_MEDIANS.get(path, idle) * min(self._random.lognormvariate(0, NOISE), MOST_NOISE)
        floor = POLL + self._random.uniform(2, 20) if idle > POLL else 0.0
        return max(drawn, floor)
