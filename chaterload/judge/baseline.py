"""Better or worse than an earlier run: per endpoint, beyond a tolerance and beyond noise. Pure but for reading.

A 95th percentile got worse when it grew by more than the tolerance, the 99 % confidence intervals of the two do not
overlap, and both runs have ENOUGH requests. A failure ratio got worse when it grew by more than the tolerance and the
Wilson intervals do not overlap. Intervals take requests as independent; queues make them dependent, so a change close
to the limit deserves a second run.
"""

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chaterload.chater.textfiles import is_folder, read_text
from chaterload.exits import Refused
from chaterload.judge.measure import Z_99, Endpoint, Measurement, Snapshot
from chaterload.judge.numbers import change, milliseconds, percent

FORMAT = 1
"""The version of the verdict JSON; raised when a reader of the old one would misread the new."""

ENOUGH = 50
"""Requests for a 95th percentile to be compared. The interval of fewer would end beyond the slowest request: of 2,000
pairs of runs without any change, 5.5 % seemed slower at 20 requests, 0.6 % at 50, none at 100."""

MOST_REQUESTS = 2**53
"""Up to here floats count."""


@dataclass(frozen=True)
class Earlier:
    """An endpoint in the earlier run."""

    requests: int
    failures: int
    p95_ms: float
    p95_interval_ms: tuple[float, float]


@dataclass(frozen=True)
class Change:
    """An endpoint then and now."""

    endpoint: Endpoint
    p95_before_ms: float
    p95_now_ms: float
    failure_ratio_before: float
    failure_ratio_now: float
    slower: bool
    fails_more: bool

    @property
    def worse(self) -> bool:
        return self.slower or self.fails_more

    @property
    def growth(self) -> float:
        """Of the 95th percentile: 0.1 is 10 % slower."""
        return self.p95_now_ms / self.p95_before_ms - 1 if self.p95_before_ms else 0.0

    def __str__(self) -> str:
        parts = []
        if self.slower:
            before, now = milliseconds(self.p95_before_ms), milliseconds(self.p95_now_ms)
            parts.append(f"p95 {before} -> {now} ({change(self.growth)})")
        if self.fails_more:
            parts.append(f"failures {percent(self.failure_ratio_before)} -> {percent(self.failure_ratio_now)}")
        return f"{self.endpoint} is worse than the baseline: {', '.join(parts)}"


def compare(baseline: Mapping[Endpoint, Earlier], snapshot: Snapshot, tolerance: float) -> list[Change]:
    """The endpoints that both runs asked. `tolerance` is a share: 0.1 allows 10 %."""
    both = ((endpoint, baseline[endpoint], m) for endpoint, m in snapshot.endpoints.items() if endpoint in baseline)
    return [
        _change(endpoint, earlier, m, tolerance) for endpoint, earlier, m in both if m.requests and earlier.requests
    ]


def _change(endpoint: Endpoint, earlier: Earlier, now: Measurement, tolerance: float) -> Change:
    p95 = now.percentile_ms(0.95)
    slower = (
        min(now.requests, earlier.requests) >= ENOUGH
        and p95 > earlier.p95_ms * (1 + tolerance)
        and now.percentile_interval_ms(0.95)[0] > earlier.p95_interval_ms[1]
    )
    before = earlier.failures / earlier.requests
    fails_more = (
        now.failure_ratio > before * (1 + tolerance)
        and wilson(now.failures, now.requests)[0] > wilson(earlier.failures, earlier.requests)[1]
    )
    return Change(endpoint, earlier.p95_ms, p95, before, now.failure_ratio, slower, fails_more)


def wilson(hits: int, trials: int) -> tuple[float, float]:
    """The 99 % Wilson score interval of a share."""
    share, z2 = hits / trials, Z_99**2
    middle = (share + z2 / (2 * trials)) / (1 + z2 / trials)
    half = Z_99 / (1 + z2 / trials) * math.sqrt(share * (1 - share) / trials + z2 / (4 * trials**2))
    return max(0.0, middle - half), min(1.0, middle + half)


def load_baseline(path: Path) -> dict[Endpoint, Earlier]:
    """The endpoints of an earlier verdict JSON, or of the one in a folder. Refused when it is none."""
    if is_folder(path):
        path = path / "verdict.json"
    try:
        text = read_text(path)
    except ValueError as error:
        raise Refused(
            f"--baseline {str(path)!r} {error}. Expected an earlier --verdict-json file, or a folder of --results."
        ) from None
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        raise Refused(f"--baseline {str(path)!r} is not JSON. Expected an earlier --verdict-json file.") from None
    return parse_baseline(document, str(path))


def parse_baseline(document: Any, source: str) -> dict[Endpoint, Earlier]:
    """The endpoints of a parsed verdict JSON. Refused when it is none, or of another format."""
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise Refused(f'--baseline {source!r} is no verdict of this format. Expected JSON with "format": {FORMAT}.')
    try:
        return dict(_earlier(row) for row in _rows(document["endpoints"]))
    except (KeyError, TypeError, ValueError, OverflowError):
        raise Refused(
            f"--baseline {source!r} has no endpoints that can be read. Expected a --verdict-json file."
        ) from None


def _rows(rows: Any) -> Iterable[Mapping[str, Any]]:
    if not isinstance(rows, list):
        raise TypeError("endpoints")
    return rows


def _earlier(row: Mapping[str, Any]) -> tuple[Endpoint, Earlier]:
    low, high = row["p95_interval_ms"]
    earlier = Earlier(int(row["requests"]), int(row["failures"]), float(row["p95_ms"]), (float(low), float(high)))
    if not 0 <= earlier.failures <= earlier.requests <= MOST_REQUESTS:
        raise ValueError("counts")
    if not all(0 <= ms < math.inf for ms in (earlier.p95_ms, *earlier.p95_interval_ms)):
        raise ValueError("times")
    return Endpoint(str(row["method"]), str(row["path"])), earlier
