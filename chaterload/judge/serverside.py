"""The server's own clock beside ours: is the time spent inside it, or in front of it? Pure."""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from chaterload.judge.measure import Endpoint, Snapshot

HISTOGRAM = "http_request_latency_seconds"

_OF_REQUESTS = re.compile(f"{HISTOGRAM}_(count|sum)\\b")
_OF_LOOKS = re.compile(r'endpoint="/?metrics"')

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

    @property
    def whole_ms(self) -> tuple[int, int, int]:
        """Ours, the server's and the time outside of that, as every report tells them: the first is the others' sum."""
        ours, own = round(self.ours_ms), round(self.server_ms)
        return ours, own, max(0, ours - own)


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


MAYBE_OURS = "the load generator's own delays may be in what was measured"
"""Why they are not used where the generator was broken."""


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


def histogram_lines(text: str) -> str:
    """What of a page tells its process: all else, and the looks themselves, change from one look to the next."""
    return "\n".join(line for line in text.splitlines() if _OF_REQUESTS.match(line) and not _OF_LOOKS.search(line))


def read_pages(texts: Iterable[str]) -> list[dict[Endpoint, Work]] | None:
    """What each look of one moment showed, in order; None where none of them has the histogram.

    A worker that has done nothing yet has a page without it.
    """
    pages = [parse_metrics(text) for text in texts]
    return [page or {} for page in pages] if any(pages) else None


def compare_sides(
    before: Sequence[Mapping[Endpoint, Work]] | None,
    after: Sequence[Mapping[Endpoint, Work]] | None,
    snapshot: Snapshot,
    uncounted: int = 0,
    *,
    generator_broken: bool = False,
) -> ServerSide:
    """The server's times over the run beside ours, unless the counts show that they are not of the same requests.

    Each side is what several looks at its page showed, in order. Counts of one process only grow: a look that shows
    less than the one before it is at another process, and then all that were seen are added up. Where they grow, others
    may have asked meanwhile, and the look nearest to the run is taken.
    `uncounted` requests of ours are not in the snapshot: those without an answer, and some that removed dishes.
    """
    if not before or not after:
        return ServerSide()
    if generator_broken:
        return ServerSide(note=MAYBE_OURS)
    several = _falls(before) or _falls(after)
    at_first, at_last = (_add_up(before), _add_up(after)) if several else (before[-1], after[0])
    ours = {endpoint: m for endpoint, m in snapshot.endpoints.items() if endpoint in at_last and m.requests}
    work = {endpoint: _difference(at_first.get(endpoint, Work(0, 0)), at_last[endpoint]) for endpoint in ours}
    counted, made = sum(w.requests for w in work.values()), sum(m.requests for m in ours.values())
    if not made:
        return ServerSide()
    is_whole = SEEN_ALL[0] * made <= counted <= SEEN_ALL[1] * made and all(w.requests >= 0 for w in work.values())
    if not is_whole:
        if several:
            return ServerSide(note=_SEVERAL.format(made))
        grew = len(before) > 1 or len(after) > 1
        return ServerSide(note=_why_not(max(0, round(counted)), made, uncounted, grew, work))
    times = [
        ServerTime(endpoint, ours[endpoint].average_ms, w.seconds / w.requests * 1000)
        for endpoint, w in work.items()
        if w.requests > 0
    ]
    return ServerSide(tuple(sorted(times, key=lambda time: -time.waiting_ms)))


_SEVERAL = (
    "/metrics shows one of several worker processes at a time, "
    "and the counts of those that were seen are not those of our {} requests"
)


def _why_not(counted: int, made: int, uncounted: int, grew: bool, work: Mapping[Endpoint, Work]) -> str:
    """Why the counts are not those of our requests; of others it speaks only where nothing else explains them."""
    if counted < made or any(w.requests < 0 for w in work.values()):
        return (
            f"/metrics counts {counted} of our {made} requests: it shows one of several processes, "
            "or the others did not arrive"
        )
    if counted <= SEEN_ALL[1] * (made + uncounted):
        more = f"up to {uncounted} more that were cut off without an answer, or removed dishes"
        return f"/metrics counts {counted} requests: {made} of the load, and {more}"
    others = "others use the server too" + (", or it shows one of several processes" if grew else "")
    return f"/metrics counts {counted} requests and we made {made + uncounted}: {others}"


def _falls(pages: Sequence[Mapping[Endpoint, Work]]) -> bool:
    """Whether any count is smaller at one look than at the look before it."""
    return any(
        page.get(endpoint, Work(0, 0)).requests < work.requests
        for earlier, page in pairwise(pages)
        for endpoint, work in earlier.items()
    )


def _add_up(pages: Iterable[Mapping[Endpoint, Work]]) -> dict[Endpoint, Work]:
    """The sum of the pages, those that were seen again once."""
    total: dict[Endpoint, Work] = {}
    distinct: list[Mapping[Endpoint, Work]] = []
    for page in pages:
        if page not in distinct:
            distinct.append(page)
    for page in distinct:
        for endpoint, work in page.items():
            known = total.get(endpoint, Work(0, 0))
            total[endpoint] = Work(known.requests + work.requests, known.seconds + work.seconds)
    return total


def _difference(before: Work, after: Work) -> Work:
    return Work(after.requests - before.requests, after.seconds - before.seconds)
