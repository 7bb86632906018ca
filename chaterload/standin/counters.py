"""What the stand-in counts about itself: for its own JSON page, and for Prometheus as Chater UI does."""

from __future__ import annotations

from collections import Counter, defaultdict
from random import Random

import prometheus_client as prometheus

WORKERS = 4


class _Page:
    """Chater UI's metrics as one process has them."""

    def __init__(self) -> None:
        self.registry = prometheus.CollectorRegistry()
        self._seconds = prometheus.Histogram(
            "http_request_latency_seconds",
            "The server's own time for a request, waiting for a worker not included",
            ("method", "endpoint"),
            registry=self.registry,
        )
        self._total = prometheus.Counter(
            "http_requests_total",
            "Requests answered",
            ("method", "endpoint", "status"),
            registry=self.registry,
        )

    def count(self, method: str, path: str, status: int, seconds: float) -> None:
        self._seconds.labels(method, path).observe(seconds)
        self._total.labels(method, path, str(status)).inc()


class Counters:
    """Requests by "METHOD path" and status. A client that left, a hang for one, is status 499."""

    def __init__(self, seed: int = 0) -> None:
        self.in_flight = 0
        self._requests: Counter[str] = Counter()
        self._statuses: dict[str, Counter[int]] = defaultdict(Counter)
        self._page = _Page()
        self._pages = [_Page() for _ in range(WORKERS)]
        self._random = Random(f"{seed} workers")

    def began(self, method: str, path: str) -> None:
        self.in_flight += 1
        self._requests[f"{method} {path}"] += 1

    def ended(self, method: str, path: str, status: int, seconds: float, *, of_one_worker: bool = False) -> None:
        """Counts an answer, and where workers count for themselves, as that of any one of them too."""
        self.in_flight -= 1
        self._statuses[f"{method} {path}"][status] += 1
        self._page.count(method, path, status, seconds)
        if of_one_worker:
            self._random.choice(self._pages).count(method, path, status, seconds)

    def astray(self, method: str, path: str, status: int) -> None:
        """Counts a request that no endpoint takes: not one of Chater UI's, so not in /metrics."""
        self._requests[f"{method} {path}"] += 1
        self._statuses[f"{method} {path}"][status] += 1

    def summary(self) -> dict[str, dict[str, object]]:
        return {
            name: {"requests": count, "by_status": {str(s): n for s, n in self._statuses[name].items()}}
            for name, count in self._requests.items()
        }

    def metrics(self, *, of_one_worker: bool = False) -> bytes:
        """Prometheus text, of all requests or of those of one worker by chance."""
        page = self._random.choice(self._pages) if of_one_worker else self._page
        return prometheus.generate_latest(page.registry)
