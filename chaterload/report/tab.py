"""The "Objectives" tab of the web UI: its columns, its rows at any moment of a run, and files to download after it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from chaterload.judge import numbers
from chaterload.judge.lateness import RateFigures
from chaterload.judge.verdict import Verdict
from chaterload.report.formats import FORMATS
from chaterload.report.model import Report
from chaterload.report.rows import COLUMNS, Row, to_rows
from chaterload.report.summary import first_reasons, sentence

KEY = "objectives"
SHOWN = ("objective", "state", "measured", "limit", "margin", "requests")
"""The columns in the tab's order: a phone has room for the first."""

TABS = [{"title": "Objectives", "key": KEY}]
TABLES = [{"key": KEY, "structure": [{"key": key, "title": COLUMNS[key]} for key in SHOWN]}]
DOWNLOADS = [{"href": f"./{known.file_name}", "title": f"Download verdict as {known.what}"} for known in FORMATS]
"""What Locust's page adds to its tab "Download Data"."""

MOST_REASONS = 5
"""So many stand between the verdict and the objectives, which tell the others."""


@dataclass(frozen=True)
class Moment:
    """A run as it is now, or as it ended."""

    verdict: Verdict
    report: Report | None = None
    """None while it goes on."""
    in_flight: int = 0
    oldest_s: float = 0.0
    """For how long the oldest request in flight has waited."""
    unanswered: int = 0
    """Requests without an answer for longer than their objective allows."""
    rate: RateFigures | None = None
    """None in a run by users."""


def extended_stats(moment: Moment | None) -> list[dict[str, Any]]:
    """What Locust's page puts into the tab: the verdict, its reasons, objectives and facts; empty before any run."""
    return [{"key": KEY, "data": list(_rows(moment)) if moment else []}]


def _rows(moment: Moment) -> Iterator[dict[str, str]]:
    verdict = moment.verdict
    label = "Verdict" if moment.report else "So far"
    yield from map(_one_cell, [f"{label}: {verdict.outcome.upper()}", *_reasons(moment), *_waiting(moment)])
    yield from map(_cells, to_rows(verdict.results))


def _waiting(moment: Moment) -> Iterator[str]:
    """What of the load has no answer yet, and what came of a rate."""
    if moment.rate:
        yield f"Arrivals: {moment.rate}"
    oldest = f", the oldest for {numbers.milliseconds(moment.oldest_s * 1000)}" if moment.in_flight else ""
    silence = numbers.silence(moment.verdict.evidence.longest_silence_s)
    yield (
        f"In flight: {moment.in_flight} request{'' if moment.in_flight == 1 else 's'}{oldest}. "
        f"Unanswered for longer than allowed: {moment.unanswered}. Longest time without any answer: {silence}."
    )


def _reasons(moment: Moment) -> list[str]:
    """The weightiest; of a run that has passed, what was met."""
    if not moment.verdict.reasons and moment.report:
        return [sentence(moment.report)]
    return first_reasons(moment.verdict.reasons, MOST_REASONS)


def _one_cell(text: str) -> dict[str, str]:
    """A row of one cell, which our script has span the table."""
    return dict.fromkeys(SHOWN, "") | {"objective": text}


def _cells(row: Row) -> dict[str, str]:
    return {key: row.marked if key == "state" else getattr(row, key) for key in SHOWN}
