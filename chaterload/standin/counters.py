"""What the stand-in counts about itself: for its own JSON page, and for Prometheus as Chater UI does."""

from __future__ import annotations

from collections import Counter, defaultdict

import prometheus_client as prometheus


class Counters:
    """Requests by "METHOD path" and status. A client that left, a hang for one, is status 499."""

    def __init__(self) -> None:
        self.in_flight = 0
        self._requests: Counter[str] = Counter()
        self._statuses: dict[str, Counter[int]] = defaultdict(Counter)
        self._registry = prometheus.CollectorRegistry()
        self._seconds = prometheus.Histogram(
            "http_request_latency_seconds",
            "The server's own time for a request, waiting for a worker not included",
            ("method", "endpoint"),
            registry=self._registry,
        )
        self._total = prometheus.Counter(
            "http_requests_total",
            "Requests answered",
            ("method", "endpoint", "status"),
            registry=self._registry,
        )

    def began(self, method: str, path: str) -> None:
        self.in_flight += 1
        self._requests[f"{method} {path}"] += 1

    def ended(self, method: str, path: str, status: int, seconds: float) -> None:
        self.in_flight -= 1
        self._statuses[f"{method} {path}"][status] += 1
        self._seconds.labels(method, path).observe(seconds)
        self._total.labels(method, path, str(status)).inc()

    def astray(self, method: str, path: str, status: int) -> None:
        """Counts a request that no endpoint takes: not one of Chater UI's, so not in /metrics."""
        self._requests[f"{method} {path}"] += 1
        self._statuses[f"{method} {path}"][status] += 1

    def summary(self) -> dict[str, dict[str, object]]:
        return {
            name: {"requests": count, "by_status": {str(s): n for s, n in self._statuses[name].items()}}
            for name, count in self._requests.items()
        }

    def metrics(self) -> bytes:
        """Prometheus text."""
        return prometheus.generate_latest(self._registry)
