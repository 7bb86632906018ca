"""The history of runs as a page: all runs of a folder, and their trends."""

import fcntl
import os
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from chaterload.judge import changepoints
from chaterload.judge.changepoints import find_changes
from chaterload.report.archive import PastRun, read_runs
from chaterload.report.charts import Chart
from chaterload.report.files import write_whole
from chaterload.report.html import SCRIPT, policy, templates
from chaterload.report.sidebyside import Pair, update_pages

INDEX = "index.html"
MOST_ROWS = 100
"""Of the table at first: a browser takes seconds for 1,000."""

MOST_ENDPOINTS = 30
"""That have a column and a line, those of the most runs: what others wrote may have thousands."""

LOCK = ".index.lock"
LONGEST_WAIT_S = 30.0
"""For other processes that write the page; each takes about a second for 1,000 runs."""

_INDEX = templates.get_template("index.html")


@dataclass(frozen=True)
class Trend:
    """One figure over runs that are alike, and where it changed."""

    name: str
    unit: str
    values: Sequence[float | None]

    def changes(self, runs: Sequence[PastRun]) -> list[tuple[PastRun, changepoints.Change]]:
        """Each with the first run after it."""
        known = [(run, value) for run, value in zip(runs, self.values, strict=True) if value is not None]
        return [(known[change.at][0], change) for change in find_changes([value for _, value in known])]


def update_index(parent: Path, anew: bool = False) -> Path:
    """Write the page of all runs in `parent`, and the pages of two that are missing, or all of these `anew`.

    OSError when one cannot be written. Of several processes that do so at once, the last one has seen the runs of all.
    """
    with _locked(parent / LOCK):
        page = parent / INDEX
        runs, unreadable = read_runs(parent)
        write_whole(page, to_index(runs, unreadable, update_pages(parent, runs, anew)))
        return page


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """One process at a time. The file stays: who waits for it has it open."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    deadline = time.monotonic() + LONGEST_WAIT_S
    try:
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)  # waiting in there would stop gevent
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)
        yield
    finally:
        os.close(handle)


def to_index(
    runs: Sequence[PastRun], unreadable: Sequence[str] = (), comparisons: Mapping[str, Pair] | None = None
) -> str:
    """The page of these runs, which are given with the oldest first, and the pages of two of them that there are."""
    numbers = {run.name: number for number, run in enumerate(runs)}
    groups: dict[str, list[PastRun]] = {}
    for run in runs:
        groups.setdefault(run.group, []).append(run)
    return _INDEX.render(
        runs=[(number, runs[number]) for number in reversed(range(len(runs)))],
        endpoints=_endpoints(runs),
        comparisons={
            " ".join(map(str, sorted(numbers[run.name] for run in pair))): quote(os.fsencode(page))
            for page, pair in (comparisons or {}).items()
        },
        groups=[_group(name, alike) for name, alike in groups.items() if len(alike) > 1],
        unreadable=unreadable,
        false_alarm=changepoints.FALSE_ALARM,
        most=changepoints.MOST,
        most_rows=MOST_ROWS,
        script=SCRIPT,
        policy=policy(SCRIPT),
    )


def _endpoints(runs: Sequence[PastRun]) -> list[str]:
    counts = Counter(endpoint for run in runs for endpoint in run.p95_ms)
    return sorted(endpoint for endpoint, _ in counts.most_common(MOST_ENDPOINTS))


def _group(name: str, runs: Sequence[PastRun]) -> dict[str, Any]:
    endpoints = _endpoints(runs)
    times = [Trend(f"{endpoint} p95", "ms", [run.p95_ms.get(endpoint) for run in runs]) for endpoint in endpoints]
    rates = [Trend("throughput", "req/s", [run.requests_per_second for run in runs])]
    failures = [Trend("failed", "%", [100 * run.failure_ratio for run in runs])]
    charts = [("Throughput", rates), ("Failed requests", failures)]
    if times:
        charts.insert(0, ("p95 by endpoint", times))
    if any(run.capacity for run in runs):
        unit = next(run.capacity[1] for run in runs if run.capacity)
        found = Trend("capacity", unit, [run.capacity[0] if run.capacity else None for run in runs])
        charts.insert(0, ("Capacity", [found]))
    changes = [(trend, *change) for _, trends in charts for trend in trends for change in trend.changes(runs)]
    return {
        "name": name,
        "changes": sorted(changes, key=lambda change: change[1].start, reverse=True),
        "charts": [_chart(title, trends, runs, changes) for title, trends in charts],
    }


def _chart(
    title: str,
    trends: Sequence[Trend],
    runs: Sequence[PastRun],
    changes: Sequence[tuple[Trend, PastRun, changepoints.Change]],
) -> Chart:
    marked: dict[int, list[str]] = {}
    for trend, first, _ in changes:
        if trend in trends:
            marked.setdefault(runs.index(first), []).append(trend.name.removesuffix(" p95"))
    return {
        "kind": "runs",
        "title": title,
        "unit": trends[0].unit,
        "x": list(range(len(runs))),
        "names": [run.label for run in runs],
        "series": [{"label": trend.name.removesuffix(" p95"), "y": trend.values} for trend in trends],
        "marks": [
            {"at": at, "label": names[0] if len(names) == 1 else f"{len(names)} changes"}
            for at, names in sorted(marked.items())
        ],
    }
