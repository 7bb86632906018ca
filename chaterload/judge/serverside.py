"""The server's own clock beside ours: is the time spent inside it, or in front of it? Pure."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from chaterload.judge.measure import Endpoint, Snapshot

HISTOGRAM = "http_request_latency_seconds"

SEEN_ALL = (0.95, 1.05)
"""The server's count over ours, within which its figures are those of our requests."""


@dataclass(frozen=True)
class Work:
    """What the server says of one endpoint since it started."""

    requests: float
    seconds: float


@dataclass(frozen=True)
class ServerTime:
    """One endpoint's mean times in ms. `waiting_ms` is what is spent outside the server's own work."""

    endpoint: Endpoint
    ours_ms: float
    server_ms: float

    @property
    def waiting_ms(self) -> float:
        return max(0.0, self.ours_ms - self.server_ms)


@dataclass(frozen=True)
class ServerSide:
    """What the server's figures add; without `times` where they cannot be trusted, and then `note` says why."""

    times: tuple[ServerTime, ...] = ()
    note: str = ""

    def waiting_share(self, requests: Mapping[Endpoint, int]) -> float | None:
        """Which share of these requests' time was spent outside the server's own work; None where nobody knows."""
        known = [(time, requests[time.endpoint]) for time in self.times if time.endpoint in requests]
        total = sum(time.ours_ms * count for time, count in known)
        if not total or len(known) < len(requests):
            return None
        return sum(time.waiting_ms * count for time, count in known) / total


def parse_metrics(text: str) -> dict[Endpoint, Work] | None:
    """Counts and sums of the latency histogram; None when the text is no Prometheus text or has no such histogram."""
    from prometheus_client.parser import text_string_to_metric_families  # only a server with /metrics needs it

    counts: dict[Endpoint, float] = {}
    sums: dict[Endpoint, float] = {}
    try:
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                into = {f"{HISTOGRAM}_count": counts, f"{HISTOGRAM}_sum": sums}.get(sample.name)
                if into is not None and math.isfinite(sample.value):
                    path = "/" + sample.labels.get("endpoint", "").lstrip("/")
                    endpoint = Endpoint(sample.labels.get("method", ""), path)
                    into[endpoint] = into.get(endpoint, 0.0) + sample.value
    except (ValueError, KeyError, IndexError, TypeError, AttributeError):  # all of these leave that parser
        return None
    return {endpoint: Work(counts[endpoint], sums.get(endpoint, 0.0)) for endpoint in counts} or None


def compare_sides(
    before: Mapping[Endpoint, Work] | None,
    after: Mapping[Endpoint, Work] | None,
    snapshot: Snapshot,
    uncounted: int = 0,
) -> ServerSide:
    """The server's times over the run beside ours, unless the counts show that they are not of the same requests.

    `uncounted` requests of ours are not in the snapshot.
    """
    if before is None or after is None:
        return ServerSide()
    ours = {endpoint: m for endpoint, m in snapshot.endpoints.items() if endpoint in after and m.requests}
    work = {endpoint: _difference(before.get(endpoint, Work(0, 0)), after[endpoint]) for endpoint in ours}
    counted, made = sum(w.requests for w in work.values()), sum(m.requests for m in ours.values())
    if not made:
        return ServerSide()
    if any(w.requests < 0 for w in work.values()) or counted < SEEN_ALL[0] * made:
        return ServerSide(
            note=f"/metrics counts {max(0, counted):.0f} of our {made} requests: it shows one of several processes, "
            "or the others did not arrive"
        )
    if SEEN_ALL[1] * made < counted <= SEEN_ALL[1] * (made + uncounted):
        cleaned = f"up to {uncounted} more to clean up after users that had stopped"
        return ServerSide(note=f"/metrics counts {counted:.0f} requests: {made} of the load, and {cleaned}")
    if counted > SEEN_ALL[1] * made:
        return ServerSide(note=f"/metrics counts {counted:.0f} requests and we made {made}: others use the server too")
    times = [
        ServerTime(endpoint, ours[endpoint].average_ms, w.seconds / w.requests * 1000)
        for endpoint, w in work.items()
        if w.requests > 0
    ]
    return ServerSide(tuple(sorted(times, key=lambda time: -time.waiting_ms)))


def _difference(before: Work, after: Work) -> Work:
    return Work(after.requests - before.requests, after.seconds - before.seconds)
