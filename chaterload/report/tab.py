"""The "Objectives" tab of the web UI: its columns, and its rows at any moment of a run."""

from typing import Any

from chaterload.judge import numbers
from chaterload.judge.lateness import RateFigures
from chaterload.judge.verdict import Verdict
from chaterload.report.rows import COLUMNS, Row, to_rows

KEY = "objectives"
TABS = [{"title": "Objectives", "key": KEY}]
TABLES = [
    {
        "key": KEY,
        "structure": [{"key": key, "title": title} for key, title in COLUMNS.items()],
    }
]


def extended_stats(verdict: Verdict | None, running: bool, rate: RateFigures | None = None) -> list[dict[str, Any]]:
    """What Locust's page puts into the tab: a row for each objective, for a run's rate, and for the verdict."""
    rows = [_cells(row) for row in to_rows(verdict.results)] if verdict else []
    if rate:
        rows.append(dict.fromkeys(COLUMNS, "") | {"objective": "Arrivals", "margin": str(rate)})
    if verdict:
        longest = numbers.silence(verdict.evidence.longest_silence_s)
        told = {"objective": "Longest time without any answer", "measured": longest}
        rows.append(dict.fromkeys(COLUMNS, "") | told)
        rows.append(_summary(verdict, running))
    return [{"key": KEY, "data": rows}]


def _cells(row: Row) -> dict[str, str]:
    return {key: row.marked if key == "state" else getattr(row, key) for key in COLUMNS}


def _summary(verdict: Verdict, running: bool) -> dict[str, str]:
    label = "So far" if running else "Verdict"
    told = {"objective": f"{label}: {verdict.outcome.upper()}", "margin": "; ".join(verdict.reasons)}
    return dict.fromkeys(COLUMNS, "") | told
