"""How long the stand-in works on a request: pure arithmetic and seeded noise, in milliseconds."""

from __future__ import annotations

from collections import deque
from itertools import accumulate
from random import Random

from chaterload.chater import routes
from chaterload.standin.options import Options

# Medians of the sample report of a real run; the rest waits for one 0.5 s poll of Redis.
DOCUMENTED_MEDIANS = {
    routes.PHOTO.path: 3100.0,
    routes.MODIFY.path: 420.0,
    routes.WEIGHT.path: 260.0,
    routes.TODAY.path: 800.0,
    routes.DELETE.path: 480.0,
}
POLL = 510.0
NOISE = 0.15  # sigma of the lognormal noise: nine of ten answers within about 25 % of the median
KEPT = 200_000


class Delays:
    """Draws each request's delay and remembers it, so that true percentiles can be told."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._random = Random(f"{options.seed} delays")
        self._mix = [ms for ms, _ in options.latency_mix]
        self._mix_shares = list(accumulate(share for _, share in options.latency_mix))
        self.used: deque[tuple[str, float]] = deque(maxlen=KEPT)

    def next(self, path: str, minutes: float, waiting: int) -> float:
        """The delay of a request to `path`, `minutes` after the start, with `waiting` others in the queue."""
        options = self._options
        delay = self._latency(path) + options.slow.get(path, 0.0) + options.leak * minutes
        delay += options.service_ms * (1 + options.degrade * waiting)
        self.used.append((path, delay))
        return delay

    def _latency(self, path: str) -> float:
        if self._mix:
            return self._random.choices(self._mix, cum_weights=self._mix_shares)[0]
        if self._options.latency == "documented":
            return DOCUMENTED_MEDIANS.get(path, POLL) * self._random.lognormvariate(0, NOISE)
        return self._options.latency_ms
