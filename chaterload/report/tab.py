"""The "Objectives" tab of the web UI: its columns, and its rows at any moment of a run."""

from typing import Any

from chaterload.judge.objectives import Result
from chaterload.judge.verdict import Verdict, format_value

KEY = "objectives"
TABS = [{"title": "Objectives", "key": KEY}]
TABLES = [
    {
        "key": KEY,
        "structure": [
            {"key": key, "title": title}
            for key, title in (
                ("objective", "Objective"),
                ("limit", "Limit"),
                ("measured", "Measured"),
                ("requests", "Requests"),
                ("state", "State"),
                ("margin", "Margin"),
            )
        ],
    }
]
MARKS = {"met": "✓ met", "missed": "✗ missed", "no_data": "… no data", "not_applicable": "- not applicable"}


def extended_stats(verdict: Verdict | None, running: bool) -> list[dict[str, Any]]:
    """What Locust's page puts into the tab: a row for each objective, and the verdict."""
    rows = [_row(result) for result in verdict.results] if verdict else []
    if verdict:
        rows.append(_summary(verdict, running))
    return [{"key": KEY, "data": rows}]


def _row(result: Result) -> dict[str, str]:
    objective = result.objective
    sign = "at least" if objective.is_lower_bound else "below"
    return {
        "objective": f"{objective.endpoint} {objective.measure}",
        "limit": f"{sign} {format_value(objective.measure, objective.limit)}",
        "measured": "-" if result.value is None else format_value(objective.measure, result.value),
        "requests": str(result.requests),
        "state": MARKS[result.state],
        "margin": "" if result.margin is None else f"{result.margin:+.0%}",
    }


def _summary(verdict: Verdict, running: bool) -> dict[str, str]:
    label = "So far" if running else "Verdict"
    return {
        "objective": f"{label}: {verdict.outcome.upper()}",
        "limit": "",
        "measured": "",
        "requests": "",
        "state": "",
        "margin": "; ".join(verdict.reasons),
    }
