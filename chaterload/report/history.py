"""The history of runs as pages: all runs of a folder with their trends, and two of them side by side."""

import fcntl
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from chaterload.judge import changepoints
from chaterload.judge.baseline import parse_baseline
from chaterload.judge.changepoints import find_changes
from chaterload.judge.comparison import Tolerance, compare_windows
from chaterload.report.archive import Kind, PastRun, read_document, read_runs
from chaterload.report.charts import Chart, distribution
from chaterload.report.files import write_whole
from chaterload.report.html import SCRIPT, policy, templates

INDEX = "index.html"
MOST_ROWS = 100
"""Of the table at first: a browser takes seconds for 1,000."""

LOCK = ".index.lock"
LONGEST_WAIT_S = 30.0
"""For other processes that write the page; each takes about a second for 1,000 runs."""

_INDEX = templates.get_template("index.html")
_COMPARISON = templates.get_template("comparison.html")


@dataclass(frozen=True)
class Trend:
    """One figure over the runs of one kind, and where it changed."""

    name: str
    unit: str
    values: Sequence[float | None]

    def changes(self, runs: Sequence[PastRun]) -> list[tuple[PastRun, changepoints.Change]]:
        """Each with the first run after it."""
        known = [(run, value) for run, value in zip(runs, self.values, strict=True) if value is not None]
        return [(known[change.at][0], change) for change in find_changes([value for _, value in known])]


def update_index(parent: Path) -> Path:
    """Write the page of all runs in `parent` anew. OSError when it cannot be written.

    Of several processes that do so at once, the last one has seen the runs of all.
    """
    with _locked(parent / LOCK):
        page = parent / INDEX
        write_whole(page, to_index(*read_runs(parent)))
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


def to_index(runs: Sequence[PastRun], unreadable: Sequence[str] = ()) -> str:
    """The page of these runs, the oldest first."""
    kinds: dict[Kind, list[PastRun]] = {}
    for run in runs:
        kinds.setdefault(run.kind, []).append(run)
    return _INDEX.render(
        runs=[(run, quote(run.file.parent.name)) for run in reversed(runs)],
        endpoints=sorted({endpoint for run in runs for endpoint in run.p95_ms}),
        groups=[_group(kind, of_kind) for kind, of_kind in kinds.items() if len(of_kind) > 1],
        unreadable=unreadable,
        false_alarm=changepoints.FALSE_ALARM,
        most=changepoints.MOST,
        most_rows=MOST_ROWS,
        script=SCRIPT,
        policy=policy(SCRIPT),
    )


def _group(kind: Kind, runs: Sequence[PastRun]) -> dict[str, Any]:
    endpoints = sorted({endpoint for run in runs for endpoint in run.p95_ms})
    times = [Trend(f"{endpoint} p95", "ms", [run.p95_ms.get(endpoint) for run in runs]) for endpoint in endpoints]
    rates = [Trend("throughput", "req/s", [run.requests_per_second for run in runs])]
    failures = [Trend("failed", "%", [100 * run.failure_ratio for run in runs])]
    charts = [("p95 by endpoint", times), ("Throughput", rates), ("Failed requests", failures)]
    if any(run.capacity for run in runs):
        unit = next(run.capacity[1] for run in runs if run.capacity)
        found = Trend("capacity", unit, [run.capacity[0] if run.capacity else None for run in runs])
        charts.insert(0, ("Capacity", [found]))
    changes = [(trend, *change) for _, trends in charts for trend in trends for change in trend.changes(runs)]
    return {
        "kind": kind,
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


def to_comparison(before: PastRun, now: PastRun, share: float = 0.1) -> str:
    """Two runs side by side, by the tests of --baseline. Refused when one of them keeps too little for that."""
    earlier, later = (parse_baseline(read_document(run.file), str(run.file)) for run in (before, now))
    old, new = earlier.endpoints, later.endpoints
    return _COMPARISON.render(
        before=before,
        now=now,
        comparisons=compare_windows(earlier, later, Tolerance(share)),
        charts=[
            {**distribution(new[endpoint], old[endpoint], []), "title": str(endpoint)}
            for endpoint in sorted(new, key=str)
            if endpoint in old and new[endpoint].requests and old[endpoint].requests
        ],
        script=SCRIPT,
        policy=policy(SCRIPT),
    )
